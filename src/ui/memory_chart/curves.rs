//! The curves of the memory chart: stacked page caches, SQLite heap, RSS, limits.

use egui::{Stroke, TextStyle, Ui, Vec2};
use egui_plot::{GridMark, HLine, Line, LineStyle, Plot, PlotPoints};
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    memory::{
        quantity::Quantity,
        series::{GAP_SECS, Point},
    },
    state::AppState,
    ui::theme::{Palette, faded},
    units::Bytes,
};

const MIB: f64 = (1 << 20) as f64;

/// The largest value on the axis: the curves with some air, and a limit that is near them.
pub(super) fn scale_top(points: &[Point], state: &AppState) -> f64 {
    let curves = points
        .iter()
        .flat_map(|point| [point.max(Quantity::Rss), point.max(Quantity::SqliteHeap)])
        .flatten()
        .max()
        .unwrap_or_default()
        .0
        .max(32 << 20) as f64;
    let limits = [state.tuning.limits.soft, state.tuning.limits.hard];
    let near = limits
        .into_iter()
        .flatten()
        .map(|limit| limit.0 as f64)
        .filter(|limit| *limit < curves * 4.0)
        .fold(curves, f64::max);
    near * 1.12
}

pub(super) fn plot_ui(
    ui: &mut Ui,
    state: &AppState,
    points: &[Point],
    (from, to): (f64, f64),
    top: f64,
    started_unix: f64,
) -> egui_plot::PlotResponse<()> {
    let palette = Palette::of(ui);
    let zone = &state.zone;
    let with_secs = to - from < 1200.0;
    let small_font = TextStyle::Small.resolve(ui.style());
    ui.style_mut()
        .text_styles
        .insert(TextStyle::Body, small_font);
    ui.visuals_mut().extreme_bg_color = palette.panel;
    Plot::new("memory")
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .show_crosshair(false)
        .show_background(false)
        .label_formatter(|_| None)
        .set_margin_fraction(Vec2::ZERO)
        .grid_color(faded(palette.hairline, 0.8))
        .y_axis_min_width(58.0)
        .y_grid_spacer(move |_| byte_grid(top))
        .y_axis_formatter(|mark, _| match mark.value.max(0.0) as u64 {
            // The label of the first time stands right below.
            0 => String::new(),
            bytes => Bytes(bytes).to_string(),
        })
        .x_axis_formatter(move |mark, _| clock_text(started_unix + mark.value, zone, with_secs))
        .show(ui, |plot| {
            plot.set_plot_bounds_x(from..=to);
            plot.set_plot_bounds_y(0.0..=top);
            for run in runs(points) {
                draw_run(plot, run, state, palette);
            }
            for (name, limit) in [
                ("soft heap limit", state.tuning.limits.soft),
                ("hard heap limit", state.tuning.limits.hard),
            ] {
                if let Some(limit) = limit {
                    plot.hline(
                        HLine::new(name, limit.0 as f64)
                            .stroke(Stroke::new(1.0, palette.limit))
                            .style(LineStyle::dashed_dense())
                            .allow_hover(false),
                    );
                }
            }
        })
}

/// Grid lines at round binary sizes, three to six of them.
fn byte_grid(top: f64) -> Vec<GridMark> {
    let rough = top / 4.0;
    let step = 2_f64.powf(rough.max(MIB).log2().round());
    (0..12)
        .map(|index| f64::from(index) * step)
        .take_while(|value| *value <= top)
        .map(|value| GridMark {
            value,
            step_size: step,
        })
        .collect()
}

pub(super) fn clock_text(unix: f64, zone: &TimeZone, with_secs: bool) -> String {
    let format = if with_secs { "%H:%M:%S" } else { "%H:%M" };
    Timestamp::from_second(unix.round() as i64).map_or_else(
        |_| String::new(),
        |time| time.to_zoned(zone.clone()).strftime(format).to_string(),
    )
}

/// The points between gaps: no line is drawn over a time without samples.
fn runs(points: &[Point]) -> impl Iterator<Item = &[Point]> {
    points.chunk_by(|a, b| b.from_secs - a.to_secs < GAP_SECS)
}

fn draw_run(plot: &mut egui_plot::PlotUi<'_>, run: &[Point], state: &AppState, palette: &Palette) {
    let num = state
        .live
        .latest
        .connections
        .len()
        .min(crate::db::profile::MAX_CONNECTIONS);
    // The whole stack first, so that each lower part is painted over it.
    for connection in (0..num).rev() {
        if run.iter().all(|point| point.cache(connection) == Bytes(0)) {
            continue;
        }
        let stacked = |point: &Point| -> f64 {
            (0..=connection)
                .map(|index| point.cache(index).0 as f64)
                .sum()
        };
        let values: Vec<[f64; 2]> = run
            .iter()
            .map(|point| [point.to_secs, stacked(point)])
            .collect();
        let color = palette.cache(connection);
        plot.line(
            Line::new(
                format!("page cache {}", connection + 1),
                PlotPoints::from(values),
            )
            .stroke(Stroke::new(1.0, color))
            .fill(0.0)
            .fill_alpha(0.35)
            .allow_hover(false),
        );
    }
    // Seen only when it has come down to where the curves are: that is when it matters.
    let available: Vec<[f64; 2]> = run
        .iter()
        .filter_map(|point| Some((point, point.range(Quantity::Available)?)))
        .map(|(point, available)| [point.to_secs, available.min as f64])
        .collect();
    plot.line(
        Line::new("machine available", PlotPoints::from(available))
            .stroke(Stroke::new(1.0, palette.muted))
            .allow_hover(false),
    );
    for (quantity, color) in [
        (Quantity::SqliteHeap, palette.sqlite_heap),
        (Quantity::RowsHeld, palette.rows),
        (Quantity::Rss, palette.rss),
    ] {
        let mut values = Vec::with_capacity(run.len() * 2);
        for point in run {
            let Some(range) = point.range(quantity) else {
                continue;
            };
            // A joined point shows its trough and its peak; a single sample is one point.
            if range.min != range.max {
                values.push([point.from_secs, range.min as f64]);
            }
            values.push([point.to_secs, range.max as f64]);
        }
        plot.line(
            Line::new(quantity.label(), PlotPoints::from(values))
                .stroke(Stroke::new(1.5, color))
                .allow_hover(false),
        );
    }
}
