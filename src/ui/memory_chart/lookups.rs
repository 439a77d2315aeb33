//! The small chart below the curves: how many looked-up pages were in a page cache, how many had to be
//! read, and how old our oldest read snapshot was.

use egui::{Align2, Mesh, Rect, Shape, Stroke, Ui, pos2, vec2};

use super::{
    curves::runs,
    plane::{Plane, label_font},
    source::ChartSource,
};
use crate::{
    memory::series::Point,
    ui::theme::{Palette, faded},
    units::{format_elapsed, format_rough_count, seconds},
};

/// A read snapshot that is held for a shorter time keeps no log from its reset.
const LONG_SECS: f64 = 1.0;

pub(super) fn lookups_ui(ui: &Ui, source: &ChartSource<'_>, plane: &Plane, points: &[Point]) {
    let palette = Palette::of(ui);
    let painter = ui.painter();
    let rect = plane.rect;
    plane.time_axis(painter, palette, source, true);
    let (hits, misses) = (palette.good, palette.warning);
    for (share, text) in [(1.0, "100 %"), (0.0, "0 %")] {
        let y = rect.bottom() - share * rect.height();
        painter.hline(rect.x_range(), y, Stroke::new(1.0, palette.hairline));
        // Not on the line itself: the label above would touch it.
        let y = y.clamp(rect.top() + 5.0, rect.bottom() - 5.0);
        plane.left_label(painter, y, text.to_owned(), hits);
    }
    let inside = |point: &&Point| point.to_secs >= plane.from && point.from_secs <= plane.to;
    if points
        .iter()
        .filter(inside)
        .all(|point| point.hit_ratio().is_none())
    {
        painter.text(
            rect.center(),
            Align2::CENTER_CENTER,
            "No page was looked up in this time",
            label_font(),
            palette.muted,
        );
        snapshots(ui, plane, points);
        return;
    }
    let most = points.iter().map(Point::misses_per_sec).fold(1.0, f64::max);
    let painter = ui.painter_at(rect.expand(1.0));
    let mut bars = Mesh::default();
    for point in points {
        let height = (point.misses_per_sec() / most) as f32 * rect.height();
        if height < 0.5 {
            continue;
        }
        let right = plane.x(point.to_secs);
        // A sample counts what came in the tenth of a second before it.
        let left = plane.x(point.from_secs - 0.1).min(right - 1.0);
        let bar = Rect::from_x_y_ranges(left..=right, rect.bottom() - height..=rect.bottom());
        bars.add_colored_rect(bar, faded(misses, 0.45));
    }
    if !bars.is_empty() {
        painter.add(Shape::mesh(bars));
    }
    for run in runs(points) {
        for known in run.chunk_by(|a, b| a.hit_ratio().is_some() == b.hit_ratio().is_some()) {
            let line: Vec<_> = known
                .iter()
                .filter_map(|point| Some(plane.at(point.to_secs, point.hit_ratio()?)))
                .collect();
            match line.as_slice() {
                [] => {}
                [only] => {
                    painter.circle_filled(*only, 1.5, hits);
                }
                _ => {
                    painter.add(Shape::line(line, Stroke::new(1.5, hits)));
                }
            }
        }
    }
    let text = format!(
        "bars: up to {} misses/s",
        format_rough_count(most.round() as u64)
    );
    let galley = painter.layout_no_wrap(text, label_font(), misses);
    let at = pos2(rect.right() - galley.size().x - 4.0, rect.top() + 2.0);
    let under = Rect::from_min_size(at, galley.size()).expand(2.0);
    painter.rect_filled(under, 2.0, faded(palette.window, 0.8));
    painter.galley(at, galley, misses);
    painter.text(
        pos2(rect.left() + 4.0, rect.bottom() - 2.0),
        Align2::LEFT_BOTTOM,
        "line: cache hit ratio",
        label_font(),
        hits,
    );
    snapshots(ui, plane, points);
}

/// The age of our oldest read snapshot, dotted, where one was held for some time: as long as it is,
/// the write-ahead log cannot be reset.
fn snapshots(ui: &Ui, plane: &Plane, points: &[Point]) {
    let inside = |point: &&Point| point.to_secs >= plane.from && point.from_secs <= plane.to;
    let held = points
        .iter()
        .filter(inside)
        .map(|point| point.snapshot_secs);
    let oldest = f64::from(held.fold(0.0, f32::max));
    if oldest < LONG_SECS {
        return;
    }
    let palette = Palette::of(ui);
    let rect = plane.rect;
    let painter = ui.painter_at(rect.expand(1.0));
    let color = palette.muted;
    for run in runs(points) {
        for held in run.chunk_by(|a, b| (a.snapshot_secs > 0.0) == (b.snapshot_secs > 0.0)) {
            let is_held = held.first().is_some_and(|point| point.snapshot_secs > 0.0);
            let line: Vec<_> = held
                .iter()
                .map(|point| plane.at(point.to_secs, f64::from(point.snapshot_secs) / oldest))
                .collect();
            if is_held && line.len() > 1 {
                painter.extend(Shape::dotted_line(&line, color, 3.0, 0.8));
            }
        }
    }
    let text = format!(
        "dots: oldest read snapshot, up to {}",
        format_elapsed(seconds(oldest))
    );
    let galley = painter.layout_no_wrap(text, label_font(), color);
    let at = rect.right_bottom() - galley.size() - vec2(4.0, 2.0);
    let under = Rect::from_min_size(at, galley.size()).expand(2.0);
    painter.rect_filled(under, 2.0, faded(palette.window, 0.8));
    painter.galley(at, galley, color);
}
