//! What the curves say under the pointer, and the values of limits.

use egui::{FontId, Pos2, Rect, Stroke, StrokeKind, Ui, vec2};

use super::{
    plane::{Plane, label_font},
    source::ChartSource,
};
use crate::{
    memory::{
        limit_steps::HeapLimit,
        quantity::Quantity,
        series::{GAP_SECS, Point},
    },
    ui::theme::{Palette, faded},
    units::{Bytes, format_elapsed, format_rough_count, seconds},
};

/// Limits are dashed where they were in force, with their value written on them.
pub(super) fn limits(ui: &Ui, source: &ChartSource<'_>, plane: &Plane) {
    let palette = Palette::of(ui);
    let stroke = Stroke::new(1.0, palette.limit);
    let steps = &source.history.timeline.limits;
    for which in HeapLimit::ALL {
        for span in steps.between(which, plane.from, plane.to) {
            let limit = span.limit;
            if limit.0 as f64 > plane.top {
                continue;
            }
            let y = plane.y(limit.0 as f64);
            let (left, right) = (plane.x(span.from_secs), plane.x(span.to_secs));
            let line = [egui::pos2(left, y), egui::pos2(right, y)];
            let dashes = egui::Shape::dashed_line(&line, stroke, 4.0, 3.0);
            ui.painter().extend(dashes);
            let text = format!("{} {limit}", which.label());
            let galley = (ui.painter()).layout_no_wrap(text, label_font(), palette.limit);
            // Where it was in force for a moment only, the mark of the change says what it was.
            if galley.size().x > right - left - 10.0 {
                continue;
            }
            // On the left, where nothing is new; above the line, or below where the chart ends.
            let above = y - 2.0 - galley.size().y;
            let top = if above < plane.rect.top() {
                y + 2.0
            } else {
                above
            };
            let at = egui::pos2(left + 5.0, top);
            let under = Rect::from_min_size(at, galley.size()).expand2(vec2(3.0, 0.0));
            let background = faded(ui.visuals().panel_fill, 0.8);
            ui.painter().rect_filled(under, 2.0, background);
            ui.painter().galley(at, galley, palette.limit);
        }
    }
}

/// The point under `secs`, if there is one and not a gap.
pub(super) fn point_at(points: &[Point], secs: f64) -> Option<&Point> {
    let index = points.partition_point(|point| point.to_secs < secs);
    let point = points.get(index)?;
    (point.from_secs - secs < GAP_SECS).then_some(point)
}

/// A box beside the pointer: the time, the curves that are shown, and what page caches did.
pub(super) fn readout(
    ui: &Ui,
    source: &ChartSource<'_>,
    plane: &Plane,
    point: &Point,
    pointer: Pos2,
    quantities: &[Quantity],
) {
    let palette = Palette::of(ui);
    let text = text(source, point, quantities);
    let font = FontId::monospace(11.0);
    let galley = (ui.painter()).layout_no_wrap(text, font, palette.text);
    let at = Pos2::new(pointer.x + 14.0, plane.rect.top() + 4.0);
    let mut rect = Rect::from_min_size(at, galley.size()).expand(6.0);
    if rect.right() > plane.rect.right() {
        rect = rect.translate(vec2(-rect.width() - 28.0, 0.0));
    }
    // In a low chart it may reach over its edge, and is seen all the same.
    let painter = ui.ctx().layer_painter(egui::LayerId::new(
        egui::Order::Tooltip,
        ui.scope_id().with("readout"),
    ));
    let screen = ui.ctx().content_rect();
    if rect.bottom() > screen.bottom() - 4.0 {
        rect = rect.translate(vec2(0.0, screen.bottom() - 4.0 - rect.bottom()));
    }
    painter.rect(
        rect,
        4.0,
        palette.raised,
        Stroke::new(1.0, palette.hairline),
        StrokeKind::Inside,
    );
    painter.galley(rect.min + vec2(6.0, 6.0), galley, palette.text);
}

/// The time, then a name and a value on each line.
fn text(source: &ChartSource<'_>, point: &Point, quantities: &[Quantity]) -> String {
    let mut rows = Vec::new();
    for quantity in Quantity::ALL {
        // The log is worth a line as soon as there is one: an old snapshot keeps it.
        let is_log = quantity == Quantity::Wal && point.max(quantity) > Some(Bytes(0));
        if (is_log || quantities.contains(&quantity))
            && let Some(value) = point.max(quantity)
        {
            rows.push((quantity.label(), value.to_string()));
        }
    }
    if let Some(ratio) = point.hit_ratio() {
        rows.push(("Cache hits", format!("{:.1} %", ratio * 100.0)));
        let misses = point.misses_per_sec().round() as u64;
        rows.push(("Cache misses", format!("{}/s", format_rough_count(misses))));
    }
    if point.snapshot_secs > 0.0 {
        let age = seconds(point.snapshot_secs.into());
        rows.push(("Oldest read snapshot", format_elapsed(age)));
    }
    let names = rows.iter().map(|(name, _)| name.chars().count()).max();
    let values = rows.iter().map(|(_, value)| value.chars().count()).max();
    let (names, values) = (names.unwrap_or(0), values.unwrap_or(0));
    let mut text = source.time_text(point.to_secs, 1.0);
    let lines = rows
        .into_iter()
        .map(|(name, value)| format!("\n{name:<names$}  {value:>values$}"));
    text.extend(lines);
    text
}
