//! The memory over time of one history, or of several below each other, as a picture.

mod curves;
mod legend;
mod panel;
mod scale;

use jiff::tz::TimeZone;

use self::{
    panel::{Frame, Heights},
    scale::{Clock, MemoryScale},
};
use super::{
    canvas::{Canvas, Letters},
    ink::{Ink, Theme},
    pixels::Pixels,
    svg::Svg,
};
use crate::{
    error::{Error, Result},
    memory::{
        history::History,
        limit_steps::{HeapLimit, LimitSpan},
        marker::{Band, Marker},
        quantity::Quantity,
        series::Point,
        summary::partly_known,
    },
    units::Bytes,
};

/// What is drawn, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct ChartSpec {
    /// Above everything.
    pub title: String,
    /// The curves.
    pub quantities: Vec<Quantity>,
    /// From when to when, in seconds on the axis. `None`: everything.
    pub range: Option<(f64, f64)>,
    /// In pixels. The height follows from the contents if there is none.
    pub size: (u32, Option<u32>),
    /// The page that it is for.
    pub theme: Theme,
    /// Each connection's page cache, on top of each other, instead of all together.
    pub show_caches_per_connection: bool,
    /// The same axes in several pictures. `None`: what one picture shows.
    pub axes: Option<Axes>,
    /// The axis shows the time of day. Only for one panel, and if its start is known.
    pub by_clock: bool,
}

/// What the axes have room for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axes {
    /// From when to when, in seconds on the axis.
    pub range: (f64, f64),
    /// The largest amount of memory.
    pub largest: Bytes,
}

impl Default for ChartSpec {
    fn default() -> Self {
        Self {
            title: "Memory over time".to_owned(),
            quantities: Self::USUAL.to_vec(),
            range: None,
            size: (1200, None),
            theme: Theme::Light,
            show_caches_per_connection: true,
            axes: None,
            by_clock: false,
        }
    }
}

impl ChartSpec {
    /// What most questions need. Those that a history does not know are left out of its picture.
    pub const USUAL: [Quantity; 6] = [
        Quantity::Rss,
        Quantity::SqliteHeap,
        Quantity::PageCaches,
        Quantity::RowsHeld,
        Quantity::Kept,
        Quantity::OtherRss,
    ];
}

/// One history in a picture.
#[derive(Clone, Copy, Debug)]
pub struct Panel<'a> {
    /// What tells it from the others. Empty: there is only one.
    pub name: &'a str,
    /// What was measured and what happened.
    pub history: &'a History,
    /// The Unix time of the history's second 0, by the clock as it was at its start.
    pub zero_unix_secs: Option<f64>,
}

/// The smallest and the largest picture, in pixels.
const SIZES: std::ops::RangeInclusive<u32> = 240..=8192;

/// Draws as SVG, with everything that it says in words for those who cannot see it.
///
/// # Errors
/// If nothing was sampled in the range, or the picture is too small for it.
pub fn svg(spec: &ChartSpec, panels: &[Panel<'_>]) -> Result<String> {
    let chart = Chart::new(spec, panels)?;
    let title = if spec.title.is_empty() {
        "Memory over time"
    } else {
        &spec.title
    };
    let mut svg = Svg::new(spec.theme, chart.size, title, &chart.summary());
    chart.draw(&mut svg);
    Ok(svg.finish())
}

/// Draws as PNG.
///
/// # Errors
/// If nothing was sampled in the range, or the picture is too small for it.
pub fn png(spec: &ChartSpec, panels: &[Panel<'_>]) -> Result<Vec<u8>> {
    let chart = Chart::new(spec, panels)?;
    let mut pixels = Pixels::new(spec.theme, chart.size);
    chart.draw(&mut pixels);
    pixels.finish()
}

/// The seconds on the axis that a history is drawn at: its own, or since its first task if there
/// are several, so that the same story stands below itself.
pub fn shift_secs(history: &History, is_alone: bool) -> f64 {
    if is_alone {
        return 0.0;
    }
    let first_sample = history.span().map_or(0.0, |(first, _)| first);
    history.first_task_secs().unwrap_or(first_sample)
}

/// One panel with what is visible of it, on the seconds of the axis.
struct Visible<'a> {
    panel: Panel<'a>,
    /// What is second 0 of the axis, in the history's seconds.
    shift: f64,
    points: Vec<Point>,
    bands: Vec<&'a Band>,
    markers: Vec<&'a Marker>,
    /// Everything visible as one point.
    sum: Point,
}

impl Visible<'_> {
    /// When this limit was in force in a range of the axis, in the history's seconds.
    fn limits(&self, which: HeapLimit, (from, to): (f64, f64)) -> Vec<LimitSpan> {
        let limits = &self.panel.history.timeline.limits;
        limits.between(which, from + self.shift, to + self.shift)
    }
}

struct Chart<'a> {
    spec: &'a ChartSpec,
    size: (u32, u32),
    heights: Heights,
    panels: Vec<Visible<'a>>,
    /// A sentence for each history of which the range shows nothing.
    absent: Vec<String>,
    quantities: Vec<Quantity>,
    range: (f64, f64),
    clock: Clock,
    scale: MemoryScale,
}

/// Room for the numbers and for the curves' names.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 132.0;

impl<'a> Chart<'a> {
    fn new(spec: &'a ChartSpec, panels: &[Panel<'a>]) -> Result<Self> {
        let is_alone = panels.len() == 1;
        let shifted: Vec<_> = panels
            .iter()
            .map(|panel| (*panel, shift_secs(panel.history, is_alone)))
            .collect();
        let whole = whole_range(&shifted)?;
        let range = match spec.axes {
            Some(axes) => axes.range,
            None => visible_range(spec, whole)?,
        };
        let width = f64::from(spec.size.0) - LEFT - RIGHT;
        let mut visible = Vec::new();
        let mut absent = Vec::new();
        for (panel, shift) in shifted {
            match look(panel, shift, range, width) {
                Some(found) => visible.push(found),
                None => absent.push(format!(
                    "{}: {}",
                    panel.name,
                    nothing_there(panel.history, shift)
                )),
            }
        }
        if visible.is_empty() {
            return Err(no_sample(whole.0, whole.1));
        }
        let is_known = |quantity: &Quantity| {
            let max = |panel: &Visible<'_>| panel.sum.max(*quantity);
            visible.iter().filter_map(max).any(|bytes| bytes.0 > 0)
        };
        let known: Vec<_> = spec.quantities.iter().copied().filter(is_known).collect();
        let largest = visible
            .iter()
            .flat_map(|panel| known.iter().filter_map(|quantity| panel.sum.max(*quantity)))
            .max()
            .unwrap_or_default();
        let largest = spec.axes.map_or(largest, |axes| axes.largest);
        // A limit far above the curves would press them flat.
        let limits = visible
            .iter()
            .flat_map(|panel| {
                let limits = move |which| panel.limits(which, range);
                HeapLimit::ALL.into_iter().flat_map(limits)
            })
            .map(|span| span.limit)
            .filter(|limit| limit.0 <= largest.0.saturating_mul(8) / 5);
        let largest = match spec.axes {
            Some(axes) => axes.largest,
            None => limits.fold(largest, Bytes::max),
        };
        let first = panels.first();
        let by_clock = first.and_then(|panel| Some((panel, panel.zero_unix_secs?)));
        let clock = match by_clock {
            Some((panel, zero_unix_secs)) if is_alone && spec.by_clock => Clock::TimeOfDay {
                zero_unix_secs,
                changes: panel.history.timeline.clock.clone(),
                zone: TimeZone::system(),
            },
            _ => Clock::Seconds {
                name: if is_alone {
                    "since the program started".to_owned()
                } else {
                    "since the first task started".to_owned()
                },
            },
        };
        let mut chart = Self {
            spec,
            size: (spec.size.0, 0),
            heights: Heights::default(),
            panels: visible,
            absent,
            quantities: known,
            range,
            clock,
            scale: MemoryScale::new(largest, 5.0),
        };
        chart.measure()?;
        let num_labels = (chart.heights.plot / 44.0).clamp(2.0, 8.0);
        chart.scale = MemoryScale::new(largest, num_labels);
        Ok(chart)
    }

    /// How high everything is.
    fn measure(&mut self) -> Result<()> {
        let (width, height) = self.spec.size;
        let is_possible = |size: u32| SIZES.contains(&size);
        if !is_possible(width) || !height.is_none_or(is_possible) {
            let height = height.map_or_else(String::new, |height| format!("x{height}"));
            let expected = "a width and a height from 240 to 8192 pixels, such as 1200x600";
            return Err(Error::invalid("size", format!("{width}{height}"), expected));
        }
        let is_wide = f64::from(width) - LEFT - RIGHT >= 120.0;
        let heights = Heights::of(self, height.map(f64::from)).filter(|_| is_wide);
        let heights = heights.ok_or_else(|| {
            let expected = match self.panels.len() {
                1 => "a larger picture: there is no room for the curves".to_owned(),
                count => format!("a larger picture: there is no room for {count} charts"),
            };
            let size = format!("{width}x{}", height.unwrap_or_default());
            Error::invalid("size", size, expected)
        })?;
        self.size = (width, height.unwrap_or(heights.total.ceil() as u32));
        self.heights = heights;
        Ok(())
    }

    fn draw(&self, canvas: &mut dyn Canvas) {
        let (width, height) = (f64::from(self.size.0), f64::from(self.size.1));
        canvas.rect((0.0, 0.0), (width, height), Ink::Panel, 1.0);
        let mut y = 8.0;
        if !self.spec.title.is_empty() {
            let letters = Letters::new(Ink::Text, 16.0).bold();
            canvas.text((16.0, y + 18.0), &self.spec.title, letters);
            y += 28.0;
        }
        y = legend::draw(self, canvas, y);
        y = legend::draw_absent(self, canvas, y);
        let mut number = 1;
        for (visible, num_notes) in self.panels.iter().zip(&self.heights.notes) {
            y = Frame::new(self, visible, y, number..number + num_notes).draw(canvas);
            number += num_notes;
        }
        legend::draw_notes(self, canvas, y);
    }

    /// What the picture shows, in words.
    fn summary(&self) -> String {
        let [from, to] = [self.range.0, self.range.1].map(|secs| self.clock.moment(secs));
        let mut sentences = vec![format!("From {from} to {to}.")];
        sentences.extend(self.absent.iter().map(|absent| format!("{absent}.")));
        for visible in &self.panels {
            if !visible.panel.name.is_empty() {
                sentences.push(format!("{}:", visible.panel.name));
            }
            sentences.extend(self.quantities.iter().filter_map(|quantity| {
                let range = visible.sum.range(*quantity)?;
                let [min, max, mean] = [range.min, range.max, range.mean as u64].map(Bytes);
                let label = quantity.label();
                let part = partly_known(range.num_known, visible.sum.num_samples);
                let part = part.map_or_else(String::new, |part| format!("; {part}"));
                Some(format!(
                    "{label}: from {min} to {max}, {mean} on average{part}."
                ))
            }));
            let tasks = visible.bands.iter().take(MAX_TASKS);
            let tasks: Vec<_> = tasks.map(|band| task_words(band)).collect();
            let list = tasks.join(", ");
            match visible.bands.len() - tasks.len() {
                0 if tasks.is_empty() => {}
                0 => sentences.push(format!("Tasks: {list}.")),
                more => sentences.push(format!("Tasks: {list} and {more} more.")),
            }
        }
        sentences.join(" ")
    }
}

/// So many tasks are named in words.
const MAX_TASKS: usize = 20;

/// `Statistics · cancelled`.
fn task_words(band: &Band) -> String {
    let outcome = band.end.map_or("running", |(_, outcome)| outcome.label());
    format!("{} · {outcome}", band.title)
}

/// From the first to the last sample of all of them, on the axis.
fn whole_range(panels: &[(Panel<'_>, f64)]) -> Result<(f64, f64)> {
    let spans = panels.iter().filter_map(|(panel, shift)| {
        let (first, last) = panel.history.span()?;
        Some((first - shift, last - shift))
    });
    let all = spans.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)));
    all.ok_or_else(|| Error::other("draw the memory chart", "not one sample was recorded"))
}

fn visible_range(spec: &ChartSpec, (first, last): (f64, f64)) -> Result<(f64, f64)> {
    let (from, to) = spec.range.unwrap_or((first, last));
    let (from, to) = (from.max(first), to.min(last));
    if from > to || from.is_nan() || to.is_nan() {
        return Err(no_sample(first, last));
    }
    // A single sample is a moment; an axis needs a length.
    Ok((from, to.max(from + 0.1)))
}

/// Why a history is not in a picture that shows others. Its seconds less `shift` are those of the axis.
pub(super) fn nothing_there(history: &History, shift: f64) -> String {
    history.span().map_or_else(
        || "not one sample was recorded".to_owned(),
        |(first, last)| {
            let [first, last] = [first, last].map(|secs| format!("{:.1}", secs - shift));
            let [first, last] = [first, last].map(|secs| secs.replace('-', "−"));
            format!("nothing was sampled in this range; its samples are from {first} s to {last} s")
        },
    )
}

/// Nothing was sampled there; what there is, as `--from` and `--to` count.
pub(super) fn no_sample(first: f64, last: f64) -> Error {
    Error::other(
        "find a sample in this range",
        format!("the samples are from {first:.1} s to {last:.1} s"),
    )
}

/// `None` if the range shows nothing of it.
fn look(panel: Panel<'_>, shift: f64, range: (f64, f64), width: f64) -> Option<Visible<'_>> {
    let (from, to) = (range.0 + shift, range.1 + shift);
    let History {
        series, timeline, ..
    } = panel.history;
    let sum = series.sum(from, to)?;
    let points = series.between(from, to, (width as usize).max(16));
    let is_inside = |band: &&Band| {
        let end = band.end.map_or(to, |(end, _)| end);
        band.from_secs <= to && end >= from
    };
    Some(Visible {
        panel,
        shift,
        points,
        bands: timeline.bands.iter().filter(is_inside).collect(),
        markers: timeline
            .markers
            .iter()
            .filter(|marker| (from..=to).contains(&marker.at_secs))
            .collect(),
        sum,
    })
}
