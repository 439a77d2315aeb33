//! The memory of one run as SVG, in the colours of a light page; the report's style sheet turns
//! them into those of a dark one.

use std::io;

use plotters::{
    chart::{ChartBuilder, ChartContext},
    coord::{Shift, cartesian::Cartesian2d, types::RangedCoordf64},
    drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea as _},
    element::{PathElement, Rectangle, Text},
    prelude::SVGBackend,
    series::{AreaSeries, DashedLineSeries, LineSeries},
    style::{
        Color as _, IntoFont as _, RGBColor, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::story::ArmSummary;
use crate::{
    error::{Error, Result},
    memory::{marker::Band, recording::Recording, sample::MemorySample, series::GAP_SECS},
    units::Bytes,
};

/// A colour: its name in the style sheet, on a light page, and on a dark one.
struct Ink(&'static str, RGBColor, RGBColor);

const TEXT: Ink = Ink(
    "text",
    RGBColor(0x1A, 0x21, 0x2D),
    RGBColor(0xE6, 0xEA, 0xF0),
);
const MUTED: Ink = Ink(
    "muted",
    RGBColor(0x56, 0x61, 0x72),
    RGBColor(0x9D, 0xA8, 0xB7),
);
const HAIRLINE: Ink = Ink(
    "hairline",
    RGBColor(0xD5, 0xDA, 0xE2),
    RGBColor(0x31, 0x39, 0x45),
);
const RSS: Ink = Ink(
    "rss",
    RGBColor(0x0A, 0x5F, 0xC4),
    RGBColor(0x5A, 0xA9, 0xFF),
);
const HEAP: Ink = Ink(
    "heap",
    RGBColor(0xB3, 0x6B, 0x00),
    RGBColor(0xF0, 0xB2, 0x3C),
);
const CACHES: Ink = Ink(
    "caches",
    RGBColor(0x0B, 0x7A, 0x68),
    RGBColor(0x2F, 0xBF, 0xA5),
);
const LIMIT: Ink = Ink(
    "limit",
    RGBColor(0xB4, 0x23, 0x18),
    RGBColor(0xFF, 0x7A, 0x70),
);
const QUERIES: Ink = Ink(
    "queries",
    RGBColor(0x6A, 0x75, 0x85),
    RGBColor(0x8C, 0x96, 0xA5),
);

const INKS: [Ink; 8] = [TEXT, MUTED, HAIRLINE, RSS, HEAP, CACHES, LIMIT, QUERIES];

/// In pixels, and the unit of everything inside; the page scales it.
const SIZE: (u32, u32) = (960, 320);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'b, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Drawn = Result<(), DrawingAreaErrorKind<io::Error>>;

/// The ranges of the axes: the same for all charts of a report, so that heights can be compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Seconds from the start of a run to the right edge.
    pub secs: f64,
    /// Memory at the upper edge.
    pub memory: Bytes,
}

impl Scale {
    /// Room for all of these runs.
    pub fn for_runs<'a>(runs: impl Iterator<Item = (&'a ArmSummary, &'a Recording)>) -> Self {
        let mut scale = Self {
            secs: 1.0,
            memory: Bytes::mib(16),
        };
        for (summary, recording) in runs {
            let last = recording.samples.last().map_or(0.0, |last| last.at_secs);
            let peak = summary.peak;
            let highest = peak.rss_bytes.unwrap_or(0).max(peak.sqlite_heap_bytes);
            scale.secs = scale.secs.max(last);
            scale.memory = scale.memory.max(Bytes(highest));
        }
        // A sixth more, for the words above the curves.
        scale.memory.0 += scale.memory.0 / 6;
        scale
    }

    /// The unit of the axis: its name, and how many bytes.
    fn unit(self) -> (&'static str, f64) {
        if self.memory >= Bytes::gib(4) {
            ("GiB", Bytes::gib(1).0 as f64)
        } else {
            ("MiB", Bytes::mib(1).0 as f64)
        }
    }
}

/// Draws one run.
///
/// # Errors
/// If plotters cannot draw.
pub fn svg(summary: &ArmSummary, recording: &Recording, scale: Scale) -> Result<String> {
    let mut text = String::new();
    let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
    draw(&area, summary, recording, scale)
        .map_err(|source| Error::other("draw the memory chart", source))?;
    drop(area);
    let label = format!(
        "Memory over time with the profile {}",
        summary.profile.name.replace(['"', '<', '>', '&'], " ")
    );
    Ok(text.replacen(
        "<svg ",
        &format!("<svg role=\"img\" aria-label=\"{label}\" "),
        1,
    ))
}

/// CSS that gives the charts the colours of the page, light or dark.
///
/// The colours in the SVG are attributes, and any rule of a style sheet outranks an attribute.
pub fn css() -> String {
    let variables = |pick: fn(&Ink) -> RGBColor| {
        INKS.iter()
            .map(|ink| format!("  --{}: {};\n", ink.0, hex(pick(ink))))
            .collect::<Vec<_>>()
            .concat()
    };
    let rules: Vec<_> = INKS
        .iter()
        .map(|Ink(name, light, _)| {
            let light = hex(*light);
            format!(
                "svg [fill=\"{light}\"] {{ fill: var(--{name}); }}\n\
                 svg [stroke=\"{light}\"] {{ stroke: var(--{name}); }}\n"
            )
        })
        .collect();
    format!(
        ":root {{\n{}}}\n@media (prefers-color-scheme: dark) {{\n:root {{\n{}}}\n}}\n{}",
        variables(|ink| ink.1),
        variables(|ink| ink.2),
        rules.concat()
    )
}

/// What the curves are, as HTML.
pub const LEGEND: &str = "<ul class=\"legend\">\
    <li><span class=\"key line\" style=\"color: var(--rss)\"></span>\
    resident set size (RSS)</li>\
    <li><span class=\"key thin\" style=\"color: var(--heap)\"></span>SQLite heap</li>\
    <li><span class=\"key area\" style=\"color: var(--caches)\"></span>\
    page caches together</li>\
    <li><span class=\"key dashed\" style=\"color: var(--limit)\"></span>soft heap limit</li>\
    <li><span class=\"key area\" style=\"color: var(--queries)\"></span>queries run</li></ul>\n";

fn draw(area: &Area<'_>, summary: &ArmSummary, recording: &Recording, scale: Scale) -> Drawn {
    let (unit, bytes_per_unit) = scale.unit();
    let top = scale.memory.0 as f64 / bytes_per_unit;
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .margin_right(18)
        .x_label_area_size(44)
        .y_label_area_size(72)
        .build_cartesian_2d(0.0..scale.secs, 0.0..top)?;
    let words = Words { recording, top };
    words.draw_band(&mut chart, summary.num_queries)?;
    chart
        .configure_mesh()
        .bold_line_style(HAIRLINE.1)
        .light_line_style(HAIRLINE.1.mix(0.0))
        .axis_style(HAIRLINE.1)
        .x_labels(10)
        .y_labels(6)
        .x_desc("seconds since the start")
        .y_desc(format!("memory in {unit}"))
        .label_style(style(&MUTED, 15))
        .axis_desc_style(style(&MUTED, 15))
        .x_label_formatter(&|secs| tick(*secs))
        .y_label_formatter(&|amount| tick(*amount))
        .draw()?;
    draw_curves(&mut chart, &recording.samples, bytes_per_unit)?;
    words.draw_stop(&mut chart)?;
    if let Some(limit) = summary.profile.soft_heap_limit {
        words.draw_limit(&mut chart, limit, limit.0 as f64 / bytes_per_unit, scale)?;
    }
    area.present()
}

fn draw_curves(chart: &mut Chart<'_, '_>, samples: &[MemorySample], bytes_per_unit: f64) -> Drawn {
    let curve = |samples: &[MemorySample], amount: &dyn Fn(&MemorySample) -> Option<Bytes>| {
        samples
            .iter()
            .filter_map(|sample| Some((sample.at_secs, amount(sample)?.0 as f64 / bytes_per_unit)))
            .collect::<Vec<_>>()
    };
    // A line across a gap would show readings that nobody has taken.
    for run in samples.chunk_by(|one, next| next.at_secs - one.at_secs <= GAP_SECS) {
        let caches = curve(run, &|sample| Some(sample.caches()));
        chart.draw_series(AreaSeries::new(caches, 0.0, CACHES.1.mix(0.3)))?;
        let heap = curve(run, &|sample| Some(sample.sqlite_heap));
        chart.draw_series(LineSeries::new(heap, HEAP.1.stroke_width(2)))?;
        let rss = curve(run, &|sample| sample.rss);
        chart.draw_series(LineSeries::new(rss, RSS.1.stroke_width(3)))?;
    }
    Ok(())
}

/// What is written into the chart.
struct Words<'a> {
    recording: &'a Recording,
    top: f64,
}

impl Words<'_> {
    /// From the first query's start to the last one's end.
    fn draw_band(&self, chart: &mut Chart<'_, '_>, num_queries: usize) -> Drawn {
        let bands = &self.recording.timeline.bands;
        let Some(from) = bands
            .iter()
            .map(|band| band.from_secs)
            .min_by(f64::total_cmp)
        else {
            return Ok(());
        };
        let until = bands
            .iter()
            .map(|band| self.end_secs(band))
            .fold(from, f64::max);
        let shape = Rectangle::new(
            [(from, 0.0), (until, self.top)],
            QUERIES.1.mix(0.12).filled(),
        );
        chart.draw_series([shape])?;
        let words = match num_queries {
            1 => "one query runs".to_owned(),
            count => format!("{count} queries run"),
        };
        self.write(chart, from, &words, &MUTED, 0.97)
    }

    /// When a query's statement ended. Its receipt came later: it waits for memory to be given back.
    fn end_secs(&self, band: &Band) -> f64 {
        let receipts = &self.recording.receipts;
        receipts
            .iter()
            .find(|ended| ended.task == band.task)
            .map_or_else(
                || {
                    self.recording
                        .samples
                        .last()
                        .map_or(0.0, |last| last.at_secs)
                },
                |ended| band.from_secs + ended.receipt.elapsed_ms / 1000.0,
            )
    }

    fn stop_secs(&self) -> Option<f64> {
        self.recording
            .timeline
            .bands
            .iter()
            .filter_map(|band| band.stop_asked_secs)
            .min_by(f64::total_cmp)
    }

    fn draw_stop(&self, chart: &mut Chart<'_, '_>) -> Drawn {
        let Some(at_secs) = self.stop_secs() else {
            return Ok(());
        };
        let line = vec![(at_secs, 0.0), (at_secs, self.top)];
        chart.draw_series([PathElement::new(line, TEXT.1.stroke_width(2))])?;
        self.write(chart, at_secs, "stop asked", &TEXT, 0.97)
    }

    /// The soft heap limit, or where to find it if it lies above the chart.
    fn draw_limit(
        &self,
        chart: &mut Chart<'_, '_>,
        limit: Bytes,
        height: f64,
        scale: Scale,
    ) -> Drawn {
        let is_inside = height <= self.top;
        let words = if is_inside {
            format!("soft heap limit {limit}")
        } else {
            format!("soft heap limit {limit}, above this chart")
        };
        if is_inside {
            let line = vec![(0.0, height), (scale.secs, height)];
            let stroke = LIMIT.1.stroke_width(2);
            chart.draw_series(DashedLineSeries::new(line, 7, 5, stroke))?;
        }
        // Above the line, or below it where there is no room above.
        let (height, v_pos) = if is_inside && height < self.top * 0.9 {
            (height + self.top * 0.02, VPos::Bottom)
        } else {
            (height.min(self.top) - self.top * 0.03, VPos::Top)
        };
        let position = (scale.secs * 0.995, height);
        let style = style(&LIMIT, 15).pos(Pos::new(HPos::Right, v_pos));
        chart.draw_series([Text::new(words, position, style)])?;
        Ok(())
    }

    fn write(
        &self,
        chart: &mut Chart<'_, '_>,
        at_secs: f64,
        words: &str,
        ink: &Ink,
        height: f64,
    ) -> Drawn {
        // A no-break space keeps the words off the line that they stand beside.
        let words = format!("\u{a0}{words}");
        let style = style(ink, 15).pos(Pos::new(HPos::Left, VPos::Top));
        chart.draw_series([Text::new(words, (at_secs, self.top * height), style)])?;
        Ok(())
    }
}

fn style(Ink(_, colour, _): &Ink, pixels: u32) -> TextStyle<'static> {
    let font = ("sans-serif", f64::from(pixels) * 1.24).into_font();
    font.color(colour)
}

/// A number on an axis, without the digits that steps of 0.2 pick up on their way.
fn tick(amount: f64) -> String {
    ((amount * 1000.0).round() / 1000.0).to_string()
}

/// As plotters writes it.
fn hex(RGBColor(red, green, blue): RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}
