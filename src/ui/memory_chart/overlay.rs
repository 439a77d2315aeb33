//! What is painted over and above the curves: marks, the lane of tasks, limits' values, a readout.

use egui::{Align2, Color32, FontId, Id, Pos2, Rect, Sense, Stroke, StrokeKind, Ui, pos2, vec2};
use egui_plot::{PlotPoint, PlotTransform};
use jiff::tz::TimeZone;
use lucide_icons::Icon;

use super::curves::clock_text;
use crate::{
    engine::receipt::Outcome,
    memory::{
        marker::{Band, Marker},
        quantity::Quantity,
        series::{GAP_SECS, Point},
    },
    state::AppState,
    ui::{
        theme::{Palette, faded},
        widgets::{icon, mixed, small},
    },
    units::format_elapsed,
};

/// Thin verticals with a small flag. Answers with the mark under the pointer.
pub(super) fn marks_ui<'a>(
    ui: &Ui,
    state: &'a AppState,
    transform: &PlotTransform,
    area: Rect,
    (from, to): (f64, f64),
) -> Option<&'a Marker> {
    let palette = Palette::of(ui);
    let frame = *transform.frame();
    let x_of = |secs: f64| transform.position_from_point(&PlotPoint::new(secs, 0.0)).x;
    let markers = &state.live.timeline.markers;
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
            (state.live.latest.at_secs - marker.at_secs).max(0.0),
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

/// Each task as a band with its name, hatched while it is being stopped, its outcome at the end.
pub(super) fn bands_ui(
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
    let now = state.live.latest.at_secs;
    let mut free_from = f32::NEG_INFINITY;
    let mut painted_to = f32::NEG_INFINITY;
    for band in &state.live.timeline.bands {
        let end = band.end.map_or(now, |(end, _)| end);
        if end < from || band.from_secs > to {
            continue;
        }
        let left = x_of(band.from_secs).max(lane.left());
        let right = x_of(end).clamp(left + 2.0, lane.right().max(left + 2.0));
        // Where tasks are closer than a pixel, one band stands for all of them.
        if right < painted_to + 1.0 {
            continue;
        }
        painted_to = painted_to.max(right);
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
                Outcome::Finished => Icon::Check,
                Outcome::Failed => Icon::X,
                Outcome::Cancelled => Icon::Square,
                Outcome::TimedOut => Icon::Clock,
                Outcome::OverBudget => Icon::TriangleAlert,
            },
            outcome.label(),
        ),
    };
    let secs = band.end.map_or(now, |(end, _)| end) - band.from_secs;
    let elapsed = format_elapsed(std::time::Duration::from_secs_f64(secs.max(0.0)));
    let text = format!("{} {} · {word} · {elapsed}", icon(symbol), band.title);
    if rect.width() < 6.0 {
        return;
    }
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
pub(super) fn limit_labels(ui: &Ui, state: &AppState, transform: &PlotTransform) {
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
pub(super) fn readout(
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
    let of = |quantity| point.max(quantity).unwrap_or_default();
    let time = clock_text(started_unix + point.to_secs, zone, true);
    let text = format!(
        "{time}\nRSS {}\nSQLite heap {}\npage caches {}",
        of(Quantity::Rss),
        of(Quantity::SqliteHeap),
        of(Quantity::PageCaches)
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
