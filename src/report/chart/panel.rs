//! One history: its tasks, its marks, its curves, and below them how its page caches did.

use std::ops::Range;

use super::{Chart, LEFT, RIGHT, Visible, curves, legend, task_words};
use crate::{
    engine::receipt::Outcome,
    memory::{
        limit_steps::{HeapLimit, LimitSpan},
        marker::Band,
        quantity::Quantity,
        series::Point as Reading,
    },
    report::{
        canvas::{Anchor, Canvas, Letters, Point, Stroke},
        fonts,
        ink::{self, Ink},
    },
    units::{Bytes, format_count, format_value},
};

/// A row of task bands.
const LANE: f64 = 18.0;
const MAX_LANES: usize = 4;
/// Two rows of numbers above the marks.
const FLAGS: f64 = 26.0;
const NAME: f64 = 24.0;
const AXIS: f64 = 22.0;
const AXIS_NAME: f64 = 18.0;
/// Between curves and page cache counters.
const SPACE: f64 = 26.0;
/// Only so many marks are drawn: more are a wall.
const MAX_MARKS: usize = 400;

/// What each part takes, in pixels.
#[derive(Clone, Debug, Default)]
pub(super) struct Heights {
    pub(super) plot: f64,
    /// 0: there is no room for the page cache counters.
    pub(super) caches: f64,
    /// How many marks of each panel are explained.
    pub(super) notes: Vec<usize>,
    /// Lines of these explanations.
    pub(super) num_lines: usize,
    pub(super) total: f64,
}

impl Heights {
    /// `None` if the height is too small.
    pub(super) fn of(chart: &Chart<'_>, height: Option<f64>) -> Option<Self> {
        let count = chart.panels.len() as f64;
        let title = if chart.spec.title.is_empty() {
            0.0
        } else {
            28.0
        };
        let fixed: f64 = chart.panels.iter().map(above_and_below).sum();
        let fixed = fixed + 8.0 + title + legend::height(chart) + 14.0;
        let marks: Vec<_> = chart
            .panels
            .iter()
            .map(|panel| panel.markers.len())
            .collect();
        let room = height.map_or(f64::INFINITY, |height| height - fixed);
        let most = (room * 0.4 / legend::NOTE).max(0.0) as usize;
        let notes = legend::shares(&marks, most);
        let num_lines = legend::num_lines(&marks, &notes, most);
        let below = num_lines as f64 * legend::NOTE;
        let (plot, caches) = if height.is_none() {
            if count > 1.5 {
                (210.0, 56.0)
            } else {
                (300.0, 72.0)
            }
        } else {
            let each = (room - below) / count;
            let caches = (each * 0.18).min(90.0);
            if each > 190.0 {
                (each - caches - SPACE, caches)
            } else {
                (each, 0.0)
            }
        };
        let space = if caches > 0.0 { SPACE } else { 0.0 };
        (plot >= 40.0).then_some(Self {
            plot,
            caches,
            notes,
            num_lines,
            total: fixed + below + count * (plot + caches + space),
        })
    }
}

fn above_and_below(panel: &Visible<'_>) -> f64 {
    let name = if panel.panel.name.is_empty() {
        0.0
    } else {
        NAME
    };
    let flags = if panel.markers.is_empty() { 8.0 } else { FLAGS };
    name + lanes(&panel.bands).1 as f64 * LANE + flags + AXIS + AXIS_NAME
}

/// Each task somebody asked for with its row, and the number of rows. What found no free row is left
/// out; so is what fills a view bit by bit.
fn lanes<'a>(bands: &[&'a Band]) -> (Vec<(usize, &'a Band)>, usize) {
    let mut free_from = [f64::NEG_INFINITY; MAX_LANES];
    let mut placed = Vec::new();
    let mut count = 0;
    for band in bands.iter().filter(|band| !band.is_background) {
        let Some(row) = free_from.iter().position(|free| *free <= band.from_secs) else {
            continue;
        };
        free_from[row] = band.end.map_or(f64::INFINITY, |(end, _)| end);
        count = count.max(row + 1);
        placed.push((row, *band));
    }
    (placed, count)
}

/// The name at the end of a curve, where there is little room.
fn short_name(quantity: Quantity) -> &'static str {
    match quantity {
        Quantity::Pss => "PSS",
        Quantity::SqliteHeapPeak => "heap peak",
        Quantity::SqliteRest => "sorters etc.",
        Quantity::Kept => "kept",
        Quantity::Available => "available",
        Quantity::GroupLimit => "group limit",
        Quantity::Wal => "WAL",
        Quantity::OtherRss => "other RSS",
        Quantity::OtherPeak => "other peak",
        Quantity::OtherFile => "other file",
        Quantity::OtherWal => "other WAL",
        Quantity::Rss
        | Quantity::Anonymous
        | Quantity::SqliteHeap
        | Quantity::PageCaches
        | Quantity::RowsHeld => quantity.label(),
    }
}

/// What was read after a gap counts pages of the whole gap: no rate.
fn rates(points: &[Reading]) -> Vec<&[Reading]> {
    let runs = curves::runs(points).enumerate();
    runs.map(|(index, run)| run.get(usize::from(index > 0)..).unwrap_or_default())
        .collect()
}

/// Where one history is drawn.
pub(super) struct Frame<'a> {
    chart: &'a Chart<'a>,
    visible: &'a Visible<'a>,
    /// Of its marks that are explained.
    numbers: Range<usize>,
    top: f64,
    left: f64,
    right: f64,
    plot_top: f64,
    plot_bottom: f64,
}

impl<'a> Frame<'a> {
    pub(super) fn new(
        chart: &'a Chart<'a>,
        visible: &'a Visible<'a>,
        top: f64,
        numbers: Range<usize>,
    ) -> Self {
        let plot_top = top + above_and_below(visible) - AXIS - AXIS_NAME;
        Self {
            chart,
            visible,
            numbers,
            top,
            left: LEFT,
            right: f64::from(chart.size.0) - RIGHT,
            plot_top,
            plot_bottom: plot_top + chart.heights.plot,
        }
    }

    pub(super) fn points(&self) -> &[Reading] {
        &self.visible.points
    }

    pub(super) fn has_single_caches(&self) -> bool {
        self.chart.spec.show_caches_per_connection
    }

    /// The place of a moment of the history.
    fn x(&self, secs: f64) -> f64 {
        let (from, to) = self.chart.range;
        let share = ((secs - self.visible.shift - from) / (to - from)).clamp(0.0, 1.0);
        self.left + share * (self.right - self.left)
    }

    pub(super) fn x_of(&self, reading: &Reading) -> f64 {
        self.x(f64::midpoint(reading.from_secs, reading.to_secs))
    }

    pub(super) fn y(&self, bytes: f64) -> f64 {
        let share = (bytes / self.chart.scale.top).clamp(0.0, 1.0);
        self.plot_bottom - share * self.chart.heights.plot
    }

    /// Draws everything. Answers with where it ends.
    pub(super) fn draw(&self, canvas: &mut dyn Canvas) -> f64 {
        self.draw_name(canvas);
        self.draw_grid(canvas);
        self.draw_marks(canvas);
        for quantity in &self.chart.quantities {
            curves::draw(self, canvas, *quantity);
        }
        self.draw_limits(canvas);
        self.draw_ends(canvas);
        self.draw_tasks(canvas);
        let mut bottom = self.plot_bottom;
        if self.chart.heights.caches > 0.0 {
            bottom = self.draw_counters(canvas);
        }
        self.draw_clock(canvas, bottom);
        bottom + AXIS + AXIS_NAME
    }

    fn draw_name(&self, canvas: &mut dyn Canvas) {
        let name = self.visible.panel.name;
        if let Some(name) = fonts::fitted(name, 13.0, self.right - 16.0)
            && !name.is_empty()
        {
            let letters = Letters::new(Ink::Text, 13.0).bold();
            canvas.text((16.0, self.top + 16.0), &name, letters);
        }
    }

    fn draw_grid(&self, canvas: &mut dyn Canvas) {
        let letters = Letters::new(Ink::Muted, 11.5).at(Anchor::End);
        for (bytes, label) in self.chart.scale.labels() {
            let y = self.y(bytes).round();
            let hairline = Stroke::new(Ink::Hairline, 1.0);
            canvas.line(&[(self.left, y), (self.right, y)], hairline);
            canvas.text((self.left - 8.0, y + 4.0), &label, letters);
        }
        let unit = self.chart.scale.unit();
        canvas.text(
            (self.left - 8.0, self.plot_top - 10.0),
            unit,
            letters.bold(),
        );
    }

    fn draw_clock(&self, canvas: &mut dyn Canvas, bottom: f64) {
        let (from, to) = self.chart.range;
        let letters = Letters::new(Ink::Muted, 11.5).at(Anchor::Middle);
        let most = (self.right - self.left) / 90.0;
        for (secs, label) in self.chart.clock.labels(from, to, most) {
            let x = self.x(secs + self.visible.shift).round();
            let tick = Stroke::new(Ink::Muted, 1.0);
            canvas.line(&[(x, bottom), (x, bottom + 4.0)], tick);
            canvas.text((x, bottom + 16.0), &label, letters);
        }
        let baseline = bottom + AXIS + 9.0;
        let middle = f64::midpoint(self.left, self.right);
        canvas.text((middle, baseline), &self.chart.clock.name(to), letters);
    }

    fn draw_marks(&self, canvas: &mut dyn Canvas) {
        let mut taken = [f64::NEG_INFINITY; 2];
        for (index, marker) in self.visible.markers.iter().take(MAX_MARKS).enumerate() {
            let x = self.x(marker.at_secs).round();
            canvas.begin(&format!("{}: {}", marker.kind.label(), marker.text));
            let stroke = Stroke {
                opacity: 0.55,
                ..Stroke::new(Ink::Muted, 1.0)
            };
            canvas.line(&[(x, self.plot_top - 4.0), (x, self.plot_bottom)], stroke);
            if let Some(number) = self.numbers.clone().nth(index) {
                let text = number.to_string();
                let width = fonts::width(&text, 10.0, false) + 3.0;
                let row = taken.iter().position(|end| *end < x - width / 2.0);
                // Where both rows are taken, the numbers beside it tell which one it is.
                if let Some(row) = row {
                    taken[row] = x + width / 2.0;
                    let y = self.plot_top - 6.0 - 11.0 * row as f64;
                    let letters = Letters::new(Ink::Text, 10.0).at(Anchor::Middle);
                    canvas.text((x, y), &text, letters);
                }
            }
            canvas.end();
        }
    }

    /// Each limit where it was in force; what is above the chart is said in words.
    fn draw_limits(&self, canvas: &mut dyn Canvas) {
        let stroke = Stroke::new(Ink::Limit, 1.5).dashed(Some([7.0, 5.0]));
        let mut num_above = 0.0;
        for which in HeapLimit::ALL {
            let spans = self.visible.limits(which, self.chart.range);
            let top = self.chart.scale.top;
            let is_above = |span: &LimitSpan| span.limit.0 as f64 > top;
            let name = which.label();
            if let Some(above) = spans.iter().rfind(|span| is_above(span)) {
                let at = (
                    self.x(above.from_secs),
                    self.plot_top + 14.0 + 15.0 * num_above,
                );
                let words = format!("{name} {}, above this chart", above.limit);
                write_limit(canvas, at, &words);
                num_above += 1.0;
            }
            for span in spans.into_iter().filter(|span| !is_above(span)) {
                let y = self.y(span.limit.0 as f64);
                let (left, right) = (self.x(span.from_secs), self.x(span.to_secs));
                canvas.line(&[(left, y), (right, y)], stroke);
                let words = format!("{name} {}", span.limit);
                // Where it was in force for a moment only, the note of the change says what it was.
                if fonts::width(&words, 11.5, false) + 6.0 <= right - left {
                    write_limit(canvas, (left, y - 5.0), &words);
                }
            }
        }
    }

    /// Each curve's name and last value at its end.
    fn draw_ends(&self, canvas: &mut dyn Canvas) {
        let mut ends: Vec<(f64, Quantity, Bytes)> = self
            .chart
            .quantities
            .iter()
            .filter_map(|quantity| {
                let inside = |reading: &&Reading| {
                    reading.from_secs - self.visible.shift <= self.chart.range.1
                };
                let last = self.points().iter().rev().find(inside)?.max(*quantity)?;
                Some((self.y(last.0 as f64), *quantity, last))
            })
            .collect();
        ends.sort_by(|one, other| one.0.total_cmp(&other.0));
        // From the bottom up, so that the lowest stay within the chart.
        let mut lowest = self.plot_bottom + 4.0;
        for (y, quantity, last) in ends.into_iter().rev() {
            let baseline = (y + 4.0).min(lowest);
            lowest = baseline - 13.0;
            let name = short_name(quantity);
            let sign = if quantity == Quantity::Kept { "~" } else { "" };
            let value = format!("{sign}{last}");
            let room = RIGHT - 14.0 - fonts::width(&value, 11.0, true) - 5.0;
            let (ink, _) = ink::of_quantity(quantity);
            let x = self.right + 6.0;
            canvas.text((x, baseline), &value, Letters::new(ink, 11.0).bold());
            if let Some(name) = fonts::fitted(name, 11.0, room) {
                let x = x + fonts::width(&value, 11.0, true) + 5.0;
                canvas.text((x, baseline), &name, Letters::new(ink, 11.0));
            }
        }
    }

    fn draw_tasks(&self, canvas: &mut dyn Canvas) {
        let (placed, count) = lanes(&self.visible.bands);
        let name = if self.visible.panel.name.is_empty() {
            0.0
        } else {
            NAME
        };
        let top = self.top + name;
        for (index, (row, band)) in placed.iter().enumerate() {
            let next = placed[index + 1..].iter().find(|(other, _)| other == row);
            let free_until = next.map_or(self.right + RIGHT, |(_, next)| self.x(next.from_secs));
            let y = top + LANE * *row as f64;
            self.draw_band(canvas, band, y, free_until);
        }
        let asked = self
            .visible
            .bands
            .iter()
            .filter(|band| !band.is_background)
            .count();
        let left_out = asked - placed.len();
        if left_out > 0 {
            let words = format!("and {} more", format_count(left_out as u64));
            let y = top + LANE * count as f64 - 5.0;
            let letters = Letters::new(Ink::Muted, 11.0).at(Anchor::End);
            canvas.text((self.left - 8.0, y), &words, letters);
        }
    }

    fn draw_band(&self, canvas: &mut dyn Canvas, band: &Band, y: f64, free_until: f64) {
        let end = band.end.map_or(f64::INFINITY, |(end, _)| end);
        let from = self.x(band.from_secs);
        let to = self.x(end).max(from + 2.0);
        let ink = match band.end.map(|(_, outcome)| outcome) {
            None | Some(Outcome::Other) => Ink::Muted,
            Some(Outcome::Finished) => Ink::Good,
            Some(Outcome::Cancelled | Outcome::TimedOut | Outcome::OverBudget) => Ink::Warning,
            Some(Outcome::Failed) => Ink::Limit,
        };
        let words = task_words(band);
        canvas.begin(&words);
        canvas.rect((from, y), (to, y + LANE - 3.0), ink, 0.22);
        canvas.rect((from, y), (from + 2.0, y + LANE - 3.0), ink, 1.0);
        if let Some(asked) = band.stop_asked_secs {
            // From the wish to the end.
            canvas.rect((self.x(asked), y), (to, y + LANE - 3.0), ink, 0.35);
        }
        let letters = Letters::new(Ink::Text, 11.0);
        let beside = free_until - to - 8.0;
        if let Some(text) = fonts::fitted(&words, 11.0, to - from - 10.0)
            .filter(|text| *text == words || fonts::width(&words, 11.0, false) > beside)
        {
            canvas.text((from + 6.0, y + 11.5), &text, letters);
        } else if let Some(text) = fonts::fitted(&words, 11.0, beside) {
            canvas.text((to + 4.0, y + 11.5), &text, letters);
        }
        canvas.end();
    }

    /// The page caches' hit ratio, and how many pages are read from the file.
    fn draw_counters(&self, canvas: &mut dyn Canvas) -> f64 {
        let (top, bottom) = (
            self.plot_bottom + SPACE,
            self.plot_bottom + SPACE + self.chart.heights.caches,
        );
        let height = bottom - top;
        let letters = Letters::new(Ink::Muted, 11.0);
        for (share, label) in [(0.0, "0 %"), (1.0, "100 %")] {
            let y = (bottom - share * height).round();
            let hairline = Stroke::new(Ink::Hairline, 1.0);
            canvas.line(&[(self.left, y), (self.right, y)], hairline);
            canvas.text((self.left - 8.0, y + 4.0), label, letters.at(Anchor::End));
        }
        // The same scale in all panels, as for the memory.
        let panels = self.chart.panels.iter();
        let most = panels
            .flat_map(|panel| rates(&panel.points))
            .flatten()
            .map(Reading::misses_per_sec)
            .fold(0.0, f64::max);
        let mut words = "Page cache hit ratio (line)".to_owned();
        if most > 0.0 {
            words += ", pages read from the file (area)";
            let label = format!("{} pages/s", format_value(most));
            canvas.text((self.right + 6.0, top + 4.0), &label, letters);
        }
        if self
            .points()
            .iter()
            .all(|reading| reading.hit_ratio().is_none())
        {
            "Page caches: no page was looked up".clone_into(&mut words);
        }
        canvas.text((self.left, top - 6.0), &words, letters);
        for run in rates(self.points()) {
            if most > 0.0 {
                let place = |reading: &Reading| {
                    let share = reading.misses_per_sec() / most;
                    (self.x_of(reading), bottom - share * height)
                };
                let mut corners: Vec<Point> = run.iter().map(place).collect();
                let ends = corners
                    .first()
                    .zip(corners.last())
                    .map(|(first, last)| (first.0, last.0));
                if let Some((first, last)) = ends {
                    corners.extend([(last, bottom), (first, bottom)]);
                }
                canvas.area(&corners, Ink::Kept, 0.35);
            }
            for known in
                run.chunk_by(|one, next| one.hit_ratio().is_some() == next.hit_ratio().is_some())
            {
                let line: Vec<Point> = known
                    .iter()
                    .filter_map(|reading| {
                        Some((self.x_of(reading), bottom - reading.hit_ratio()? * height))
                    })
                    .collect();
                curves::draw_or_dot(canvas, &line, Stroke::new(Ink::Caches, 1.5));
            }
        }
        bottom
    }
}

/// Words a little right of `x`, on the colour of the page: marks and curves cross them.
fn write_limit(canvas: &mut dyn Canvas, (x, baseline): (f64, f64), words: &str) {
    let letters = Letters::new(Ink::Limit, 11.5);
    let left = x + 6.0;
    let right = left + fonts::width(words, 11.5, false);
    let (from, to) = ((left - 3.0, baseline - 11.0), (right + 3.0, baseline + 3.0));
    canvas.rect(from, to, Ink::Panel, 0.85);
    canvas.text((left, baseline), words, letters);
}
