//! The memory chart: curves with their causes. The strip and the Memory view are both this.

use egui::{
    Align2, Color32, FontId, Id, Pos2, Rect, Sense, Stroke, StrokeKind, TextStyle, Ui, UiBuilder,
    Vec2, pos2, vec2,
};
use egui_plot::{GridMark, HLine, Line, LineStyle, Plot, PlotPoint, PlotPoints, PlotTransform};
use jiff::{Timestamp, tz::TimeZone};
use lucide_icons::Icon;

use super::{
    theme::{Palette, faded},
    widgets::{figures, icon, mixed, small},
};
use crate::{
    memory::{
        marker::{Band, Marker},
        sample::ConnectionState,
        series::{GAP_SECS, Point},
    },
    state::AppState,
    units::{Bytes, format_elapsed},
};

const MIB: f64 = (1 << 20) as f64;

/// What part of the history is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
enum View {
    /// The newest seconds, moving on with the samples.
    Newest(f64),
    /// Everything since the start.
    All,
    /// A fixed range: after panning, zooming, or a pause.
    Fixed(f64, f64),
}

/// One chart, and which part of the history it shows.
#[derive(Debug)]
pub struct MemoryChart {
    view: View,
    /// Where to return from a fixed range.
    followed: View,
}

impl Default for MemoryChart {
    fn default() -> Self {
        let view = View::Newest(60.0);
        Self {
            view,
            followed: view,
        }
    }
}

const CHOICES: [(&str, &str, View); 4] = [
    ("1 min", "Last minute", View::Newest(60.0)),
    ("10 min", "Last 10 minutes", View::Newest(600.0)),
    ("1 h", "Last hour", View::Newest(3600.0)),
    ("all", "Everything since the start", View::All),
];

/// The lane of tasks above the curves.
const LANE_HEIGHT: f32 = 20.0;

impl MemoryChart {
    /// Shows legend, lane and curves in the space there is. Whether the pointer is on it.
    pub fn ui(&mut self, ui: &mut Ui, state: &AppState, started_unix: f64) -> bool {
        let rect = ui.available_rect_before_wrap();
        let (legend, chart) = rect.split_left_right_at_x(rect.left() + 218.0);
        ui.scope_builder(UiBuilder::new().max_rect(legend), |ui| {
            ui.set_clip_rect(legend);
            self.legend_ui(ui, state);
        });
        ui.scope_builder(
            UiBuilder::new().max_rect(chart.with_min_x(chart.left() + 12.0)),
            |ui| self.curves_ui(ui, state, started_unix),
        );
        ui.allocate_rect(rect, Sense::hover());
        ui.rect_contains_pointer(rect)
    }

    fn legend_ui(&mut self, ui: &mut Ui, state: &AppState) {
        let palette = Palette::of(ui);
        let latest = &state.latest;
        let open = latest
            .connections
            .iter()
            .filter(|c| c.state != ConnectionState::Closed)
            .count();
        ui.spacing_mut().item_spacing.y = 1.0;
        let or_unknown = |bytes: Option<Bytes>| {
            bytes.map_or_else(|| "not told".to_owned(), |bytes| bytes.to_string())
        };
        let rows = [
            (
                Some(palette.rss),
                "RSS".to_owned(),
                or_unknown(latest.rss),
                "Resident set size: what the operating system counts for this process.\nSource: /proc/self/status, ten times a second",
            ),
            (
                Some(palette.sqlite_heap),
                "SQLite heap".to_owned(),
                latest.sqlite_heap.to_string(),
                "What SQLite has allocated for all connections together.\nSource: sqlite3_status64, ten times a second",
            ),
            (
                Some(palette.cache(0)),
                format!("Page caches, {open} open"),
                latest.caches().to_string(),
                "Cached database pages of all connections, stacked in the chart.\nSource: sqlite3_db_status64, published by each connection's own thread",
            ),
            (
                None,
                "Machine available".to_owned(),
                or_unknown(latest.available),
                "What the machine, or the control group around this process, could still give out",
            ),
        ];
        for (color, name, value, hint) in rows {
            legend_row(ui, color, &name, &value, hint);
        }
        ui.add_space(4.0);
        self.range_ui(ui, state);
    }

    fn range_ui(&mut self, ui: &mut Ui, state: &AppState) {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            ui.spacing_mut().button_padding = vec2(5.0, 1.0);
            ui.spacing_mut().interact_size.y = 20.0;
            for (text, name, view) in CHOICES {
                let chosen = self.view == view;
                let button = egui::Button::selectable(chosen, egui::RichText::new(text).small());
                if ui
                    .add(button)
                    .accessible_name(name)
                    .on_hover_text(name)
                    .clicked()
                {
                    self.view = view;
                    self.followed = view;
                }
            }
            let is_fixed = matches!(self.view, View::Fixed(..));
            let (symbol, name) = if is_fixed {
                (Icon::Play, "Follow the newest samples")
            } else {
                (Icon::Pause, "Pause the chart (samples go on)")
            };
            let symbol = egui::RichText::new(icon(symbol)).family(super::theme::icons());
            let button = egui::Button::new(symbol.size(13.0)).frame(false);
            if ui
                .add(button)
                .accessible_name(name)
                .on_hover_text(name)
                .clicked()
            {
                self.view = if is_fixed {
                    self.followed
                } else {
                    let (from, to) = self.range(state);
                    View::Fixed(from, to)
                };
            }
        });
    }

    /// The shown range, in seconds since the engine started.
    fn range(&self, state: &AppState) -> (f64, f64) {
        let now = state.latest.at_secs;
        match self.view {
            View::Newest(secs) => (now - secs, now),
            View::All => (0.0, now.max(10.0)),
            View::Fixed(from, to) => (from, to),
        }
    }

    fn curves_ui(&mut self, ui: &mut Ui, state: &AppState, started_unix: f64) {
        let range = self.range(state);
        let area = ui.available_rect_before_wrap();
        let (lane, plot_area) = area.split_top_bottom_at_y(area.top() + LANE_HEIGHT);
        let columns = area.width().max(50.0) as usize;
        let points = state.series.between(range.0, range.1, columns);
        let top = scale_top(&points, state);
        let response = ui
            .scope_builder(UiBuilder::new().max_rect(plot_area), |ui| {
                plot_ui(ui, state, &points, range, top, started_unix)
            })
            .inner;
        let transform = response.transform;
        let hovered = Self::marks_ui(ui, state, &transform, area, range);
        bands_ui(ui, state, &transform, lane, range, hovered.is_some());
        limit_labels(ui, state, &transform);
        if hovered.is_none() {
            readout(
                ui,
                &response.response,
                &transform,
                &points,
                (started_unix, &state.zone),
            );
        }
        self.navigate(ui, &response.response, &transform, range);
    }

    /// Drag to pan, wheel to zoom in time, double-click to follow again.
    fn navigate(
        &mut self,
        ui: &Ui,
        response: &egui::Response,
        transform: &PlotTransform,
        (from, to): (f64, f64),
    ) {
        let span = to - from;
        if response.double_clicked() {
            self.view = self.followed;
            return;
        }
        if response.dragged() {
            let secs = f64::from(response.drag_delta().x) * span
                / f64::from(transform.frame().width().max(1.0));
            self.view = View::Fixed(from - secs, to - secs);
            return;
        }
        let scroll = ui.input(|input| input.smooth_scroll_delta().y);
        if let Some(pointer) = response.hover_pos()
            && scroll != 0.0
        {
            let center = transform.value_from_position(pointer).x;
            let factor = f64::from(-scroll / 200.0).exp();
            // Less than a second shows no two samples, more than a month was never recorded.
            let factor = (span * factor).clamp(1.0, 2.6e6) / span;
            self.view = View::Fixed(
                center - (center - from) * factor,
                center + (to - center) * factor,
            );
        }
    }

    /// Thin verticals with a small flag. Answers with the mark under the pointer.
    fn marks_ui<'a>(
        ui: &Ui,
        state: &'a AppState,
        transform: &PlotTransform,
        area: Rect,
        (from, to): (f64, f64),
    ) -> Option<&'a Marker> {
        let palette = Palette::of(ui);
        let frame = *transform.frame();
        let x_of = |secs: f64| transform.position_from_point(&PlotPoint::new(secs, 0.0)).x;
        let markers = &state.timeline.markers;
        let first = markers.partition_point(|marker| marker.at_secs < from);
        let last = markers.partition_point(|marker| marker.at_secs <= to);
        let visible = markers.get(first..last.max(first)).unwrap_or_default();
        let pointer = ui.input(|input| input.pointer.hover_pos());
        let hovered = pointer.filter(|at| area.contains(*at)).and_then(|at| {
            visible
                .iter()
                .rev()
                .find(|marker| (x_of(marker.at_secs) - at.x).abs() < 4.0)
        });
        let mut last_x = f32::NEG_INFINITY;
        for marker in visible {
            let x = x_of(marker.at_secs);
            let is_hovered = hovered.is_some_and(|hovered| std::ptr::eq(hovered, marker));
            // Marks closer than a pixel are one line.
            if x - last_x < 1.0 && !is_hovered {
                continue;
            }
            last_x = x;
            let opacity = if is_hovered || hovered.is_none() {
                0.9
            } else {
                0.25
            };
            let color = faded(palette.marker(marker.kind), opacity);
            let width = if is_hovered { 2.0 } else { 1.0 };
            ui.painter()
                .vline(x, frame.y_range(), Stroke::new(width, color));
            let flag = Rect::from_min_size(pos2(x, frame.top()), vec2(5.0, 5.0));
            ui.painter().rect_filled(flag, 0.0, color);
        }
        if let Some(marker) = hovered {
            let id = Id::unique("mark tooltip");
            let ago = format_elapsed(std::time::Duration::from_secs_f64(
                (state.latest.at_secs - marker.at_secs).max(0.0),
            ));
            egui::Tooltip::always_open(
                ui.ctx().clone(),
                ui.layer_id(),
                id,
                egui::PopupAnchor::Pointer,
            )
            .show(|ui| {
                ui.set_max_width(360.0);
                ui.label(&marker.text);
                ui.label(small(ui, format!("{ago} ago")));
            });
        }
        hovered
    }
}

fn legend_row(ui: &mut Ui, color: Option<Color32>, name: &str, value: &str, hint: &str) {
    ui.horizontal(|ui| {
        let (swatch, _) = ui.allocate_exact_size(vec2(9.0, 9.0), Sense::hover());
        if let Some(color) = color {
            ui.painter().rect_filled(swatch, 2.0, color);
        }
        ui.label(egui::RichText::new(name).size(12.0));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.label(figures(value).size(12.0));
        });
    })
    .response
    .on_hover_text(hint);
}

/// The largest value on the axis: the curves with some air, and a limit that is near them.
fn scale_top(points: &[Point], state: &AppState) -> f64 {
    let curves = points
        .iter()
        .map(|point| point.rss.max.max(point.sqlite_heap.max))
        .max()
        .unwrap_or(0)
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

fn plot_ui(
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

fn clock_text(unix: f64, zone: &TimeZone, with_secs: bool) -> String {
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
        .latest
        .connections
        .len()
        .min(crate::db::profile::MAX_CONNECTIONS);
    // The whole stack first, so that each lower part is painted over it.
    for connection in (0..num).rev() {
        if run.iter().all(|point| point.caches[connection] == 0) {
            continue;
        }
        let stacked =
            |point: &Point| -> f64 { point.caches[..=connection].iter().sum::<u64>() as f64 };
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
        .filter(|point| point.available > 0)
        .map(|point| [point.to_secs, point.available as f64])
        .collect();
    plot.line(
        Line::new("machine available", PlotPoints::from(available))
            .stroke(Stroke::new(1.0, palette.muted))
            .allow_hover(false),
    );
    for (name, color, value) in [
        (
            "SQLite heap",
            palette.sqlite_heap,
            (|point| point.sqlite_heap) as fn(&Point) -> crate::memory::series::Range,
        ),
        ("RSS", palette.rss, |point| point.rss),
    ] {
        let mut values = Vec::with_capacity(run.len() * 2);
        for point in run {
            let range = value(point);
            // A joined point shows its trough and its peak; a single sample is one point.
            if range.min != range.max {
                values.push([point.from_secs, range.min as f64]);
            }
            values.push([point.to_secs, range.max as f64]);
        }
        plot.line(
            Line::new(name, PlotPoints::from(values))
                .stroke(Stroke::new(1.5, color))
                .allow_hover(false),
        );
    }
}

/// Each task as a band with its name, hatched while it is being stopped, its outcome at the end.
fn bands_ui(
    ui: &Ui,
    state: &AppState,
    transform: &PlotTransform,
    lane: Rect,
    (from, to): (f64, f64),
    dimmed: bool,
) {
    let frame = *transform.frame();
    let lane = Rect::from_x_y_ranges(frame.x_range(), lane.y_range()).shrink2(vec2(0.0, 2.0));
    let painter = ui.painter_at(lane.expand(1.0));
    let x_of = |secs: f64| transform.position_from_point(&PlotPoint::new(secs, 0.0)).x;
    let now = state.latest.at_secs;
    let mut free_from = f32::NEG_INFINITY;
    for band in &state.timeline.bands {
        let end = band.end.map_or(now, |(end, _)| end);
        if end < from || band.from_secs > to {
            continue;
        }
        let left = x_of(band.from_secs).max(lane.left());
        let right = x_of(end).clamp(left + 2.0, lane.right().max(left + 2.0));
        let rect = Rect::from_x_y_ranges(left..=right, lane.y_range());
        band_ui(ui, &painter, band, rect, free_from, (now, dimmed));
        free_from = free_from.max(right + 3.0);
    }
}

fn band_ui(
    ui: &Ui,
    painter: &egui::Painter,
    band: &Band,
    rect: Rect,
    free_from: f32,
    (now, dimmed): (f64, bool),
) {
    let palette = Palette::of(ui);
    let color = band
        .end
        .map_or(palette.accent, |(_, outcome)| palette.outcome(outcome));
    let strength = if dimmed { 0.15 } else { 0.35 };
    painter.rect_filled(rect, 3.0, faded(color, strength));
    if let Some(asked) = band.stop_asked_secs {
        let end = band.end.map_or(now, |(end, _)| end);
        let share = ((end - asked) / (end - band.from_secs).max(1e-6)) as f32;
        let left = rect.right() - rect.width() * share.clamp(0.0, 1.0);
        hatch(painter, rect.with_min_x(left), faded(color, 0.8));
    }
    painter.rect_stroke(
        rect,
        3.0,
        Stroke::new(1.0, faded(color, 0.6)),
        StrokeKind::Inside,
    );
    let (symbol, word) = match band.end {
        None => (Icon::Play, "running"),
        Some((_, outcome)) => (
            match outcome {
                crate::engine::receipt::Outcome::Finished => Icon::Check,
                crate::engine::receipt::Outcome::Failed => Icon::X,
                crate::engine::receipt::Outcome::Cancelled => Icon::Square,
                crate::engine::receipt::Outcome::TimedOut => Icon::Clock,
                crate::engine::receipt::Outcome::OverBudget => Icon::TriangleAlert,
            },
            outcome.label(),
        ),
    };
    let secs = band.end.map_or(now, |(end, _)| end) - band.from_secs;
    let elapsed = format_elapsed(std::time::Duration::from_secs_f64(secs.max(0.0)));
    let text = format!("{} {} · {word} · {elapsed}", icon(symbol), band.title);
    // A name that does not fit is left to the tooltip rather than written over its neighbour.
    let galley = painter.layout_job(mixed(&text, 11.0, palette.text));
    let left = rect.left() + 5.0;
    if galley.size().x + 8.0 < rect.width() && left >= free_from {
        let at = Align2::LEFT_CENTER.anchor_size(pos2(left, rect.center().y), galley.size());
        painter.galley(at.min, galley, palette.text);
    }
    let id = ui.scope_id().with(("band", band.task));
    ui.interact(rect, id, Sense::hover())
        .on_hover_text(mixed(&text, 12.0, palette.text));
}

fn hatch(painter: &egui::Painter, rect: Rect, color: Color32) {
    let painter = painter.with_clip_rect(rect.intersect(painter.clip_rect()));
    let mut x = rect.left() - rect.height();
    while x < rect.right() {
        painter.line_segment(
            [pos2(x, rect.bottom()), pos2(x + rect.height(), rect.top())],
            Stroke::new(1.0, color),
        );
        x += 5.0;
    }
}

/// Limits have their value written on them.
fn limit_labels(ui: &Ui, state: &AppState, transform: &PlotTransform) {
    let palette = Palette::of(ui);
    let frame = *transform.frame();
    for (name, limit) in [
        ("soft heap limit", state.tuning.limits.soft),
        ("hard heap limit", state.tuning.limits.hard),
    ] {
        let Some(limit) = limit else { continue };
        let y = transform
            .position_from_point(&PlotPoint::new(0.0, limit.0 as f64))
            .y;
        if frame.y_range().contains(y) {
            ui.painter().text(
                pos2(frame.right() - 4.0, y - 2.0),
                Align2::RIGHT_BOTTOM,
                format!("{name} {limit}"),
                FontId::new(11.0, egui::FontFamily::Proportional),
                palette.limit,
            );
        }
    }
}

/// What the curves say under the pointer.
fn readout(
    ui: &Ui,
    response: &egui::Response,
    transform: &PlotTransform,
    points: &[Point],
    (started_unix, zone): (f64, &TimeZone),
) {
    let Some(pointer) = response.hover_pos() else {
        return;
    };
    let secs = transform.value_from_position(pointer).x;
    let index = points.partition_point(|point| point.to_secs < secs);
    let Some(point) = points
        .get(index)
        .filter(|point| point.from_secs - secs < GAP_SECS)
    else {
        return;
    };
    let x = transform
        .position_from_point(&PlotPoint::new(point.to_secs, 0.0))
        .x;
    let palette = Palette::of(ui);
    ui.painter().vline(
        x,
        transform.frame().y_range(),
        Stroke::new(1.0, palette.muted),
    );
    let caches: u64 = point.caches.iter().sum();
    let time = clock_text(started_unix + point.to_secs, zone, true);
    let text = format!(
        "{time}\nRSS {}\nSQLite heap {}\npage caches {}",
        Bytes(point.rss.max),
        Bytes(point.sqlite_heap.max),
        Bytes(caches)
    );
    let at = Pos2::new(pointer.x + 14.0, transform.frame().top() + 4.0);
    let font = FontId::new(11.0, egui::FontFamily::Monospace);
    let galley = ui.painter().layout_no_wrap(text, font, palette.text);
    let mut rect = Rect::from_min_size(at, galley.size()).expand(6.0);
    if rect.right() > transform.frame().right() {
        rect = rect.translate(vec2(-rect.width() - 28.0, 0.0));
    }
    ui.painter().rect(
        rect,
        4.0,
        palette.raised,
        Stroke::new(1.0, palette.hairline),
        StrokeKind::Inside,
    );
    ui.painter()
        .galley(rect.min + vec2(6.0, 6.0), galley, palette.text);
}
