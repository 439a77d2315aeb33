//! The curves of the memory chart: stacked page caches, then a line for each quantity.

use egui::{Mesh, Painter, Pos2, Shape, Stroke, pos2};

use super::{plane::Plane, source::ChartSource};
use crate::{
    db::profile::MAX_CONNECTIONS,
    memory::{
        limit_steps::HeapLimit,
        quantity::Quantity,
        series::{GAP_SECS, Point},
    },
    ui::theme::{Dashes, Palette, dashes, faded},
    units::Bytes,
};

/// The largest value on the axis: the curves with some air, and a limit that is near them.
pub(super) fn scale_top(
    points: &[Point],
    source: &ChartSource<'_>,
    quantities: &[Quantity],
) -> f64 {
    let curves = (quantities.iter())
        .filter(|quantity| !quantity.is_limit())
        .flat_map(|quantity| points.iter().filter_map(|point| point.max(*quantity)))
        .max()
        .unwrap_or_default()
        .0
        .max(32 << 20) as f64;
    let range = points.first().zip(points.last());
    let (from, to) = range.map_or((0.0, 0.0), |(first, last)| (first.from_secs, last.to_secs));
    let steps = &source.history.timeline.limits;
    let limits = HeapLimit::ALL
        .into_iter()
        .flat_map(|which| steps.between(which, from, to))
        .map(|span| span.limit);
    let available = (quantities.iter())
        .filter(|quantity| quantity.is_limit())
        .filter_map(|quantity| {
            let ranges = points.iter().filter_map(|point| point.range(*quantity));
            ranges.map(|range| Bytes(range.min)).min()
        });
    let near = limits
        .chain(available)
        .map(|limit| limit.0 as f64)
        .filter(|limit| *limit < curves * 4.0)
        .fold(curves, f64::max);
    near * 1.12
}

pub(super) fn paint(
    painter: &Painter,
    palette: &Palette,
    plane: &Plane,
    points: &[Point],
    quantities: &[Quantity],
) {
    let painter = painter.with_clip_rect(plane.rect.expand2(egui::vec2(0.0, 1.0)));
    for run in runs(points) {
        if quantities.contains(&Quantity::PageCaches) {
            stack(&painter, palette, plane, run);
        }
    }
    // The first of the legend is painted last, over all others.
    for quantity in Quantity::ALL.into_iter().rev() {
        if quantities.contains(&quantity) {
            for run in runs(points) {
                curve(&painter, palette, plane, run, quantity);
            }
        }
    }
}

/// The points between gaps: no line is drawn over a time without samples.
pub(super) fn runs(points: &[Point]) -> impl Iterator<Item = &[Point]> {
    points.chunk_by(|a, b| b.from_secs - a.to_secs < GAP_SECS)
}

/// The page caches, one upon the other, as one mesh.
fn stack(painter: &Painter, palette: &Palette, plane: &Plane, run: &[Point]) {
    let num = run.iter().map(Point::num_caches).max().unwrap_or(0);
    let mut mesh = Mesh::default();
    let mut below = vec![0.0_f64; run.len()];
    for connection in 0..num.min(MAX_CONNECTIONS) {
        let color = faded(palette.cache(connection), 0.4);
        let start = mesh.vertices.len() as u32;
        for (point, below) in run.iter().zip(&mut below) {
            let x = plane.x(point.to_secs);
            mesh.colored_vertex(pos2(x, plane.y(*below)), color);
            *below += point.cache(connection).0 as f64;
            mesh.colored_vertex(pos2(x, plane.y(*below)), color);
        }
        for step in 1..run.len() as u32 {
            let left = start + (step - 1) * 2;
            mesh.add_triangle(left, left + 1, left + 2);
            mesh.add_triangle(left + 1, left + 2, left + 3);
        }
    }
    if !mesh.is_empty() {
        painter.add(Shape::mesh(mesh));
    }
}

fn curve(painter: &Painter, palette: &Palette, plane: &Plane, run: &[Point], quantity: Quantity) {
    let Dashes { width, pattern } = dashes(quantity);
    let stroke = Stroke::new(width, palette.quantity(quantity));
    // Where it was not known, the line breaks: unknown is not zero.
    for known in run.chunk_by(|a, b| a.range(quantity).is_some() == b.range(quantity).is_some()) {
        let mut line = Vec::with_capacity(known.len() * 2);
        for point in known {
            let Some(range) = point.range(quantity) else {
                break;
            };
            // Of what is left, the least matters.
            if quantity.is_limit() {
                line.push(plane.at(point.to_secs, range.min as f64));
                continue;
            }
            // A joined point shows its trough and its peak; a single sample is one point. Dashes
            // cannot go up and down within a pixel.
            if range.min != range.max && pattern.is_none() {
                line.push(plane.at(point.from_secs, range.min as f64));
            }
            line.push(plane.at(point.to_secs, range.max as f64));
        }
        // Off the chart, as the available memory mostly is.
        if line.iter().all(|at| at.y < plane.rect.top()) {
            continue;
        }
        match (line.as_slice(), pattern) {
            ([], _) => {}
            ([only], _) => {
                painter.circle_filled(*only, width, stroke.color);
            }
            (_, None) => {
                painter.add(Shape::line(line, stroke));
            }
            (_, Some(pattern)) => dashed(painter, plane, &line, pattern, stroke),
        }
    }
}

/// Dashes that are tied to the time, so that they move on with the curve.
fn dashed(
    painter: &Painter,
    plane: &Plane,
    line: &[Pos2],
    (dash, gap): (f32, f32),
    stroke: Stroke,
) {
    let period = dash + gap;
    let origin = (plane.from / plane.secs_per_point()).rem_euclid(f64::from(period)) as f32;
    // Where in the pattern a place is: from 0 to the period.
    let phase = |x: f32| (x - plane.rect.left() + origin).rem_euclid(period);
    let mut piece: Vec<Pos2> = Vec::new();
    let flush = |piece: &mut Vec<Pos2>| {
        if piece.len() > 1 {
            painter.add(Shape::line(std::mem::take(piece), stroke));
        }
        piece.clear();
    };
    for pair in line.windows(2) {
        let [a, b] = [pair[0], pair[1]];
        if b.x < plane.rect.left() || a.x > plane.rect.right() {
            continue;
        }
        let mut x = a.x.max(plane.rect.left() - period);
        let end = b.x.min(plane.rect.right() + period);
        let y_at = |x: f32| {
            if b.x - a.x < 1e-3 {
                b.y
            } else {
                a.y + (b.y - a.y) * (x - a.x) / (b.x - a.x)
            }
        };
        loop {
            let now = phase(x);
            if now < dash {
                if piece.is_empty() {
                    piece.push(pos2(x, y_at(x)));
                }
                let until = x + (dash - now);
                if until > end {
                    piece.push(pos2(end, b.y));
                    break;
                }
                piece.push(pos2(until, y_at(until)));
                flush(&mut piece);
                x = until + 0.01;
            } else {
                x += period - now + 0.01;
                if x > end {
                    break;
                }
            }
        }
    }
    flush(&mut piece);
}

/// A piece of a curve as it is drawn, for a legend elsewhere.
pub fn swatch_ui(ui: &mut egui::Ui, quantity: Quantity) {
    let (rect, _) = ui.allocate_exact_size(egui::vec2(18.0, 10.0), egui::Sense::hover());
    swatch(ui.painter(), Palette::of(ui), rect, quantity, true);
}

/// A piece of a curve as it is drawn, for the legend.
pub(super) fn swatch(
    painter: &Painter,
    palette: &Palette,
    rect: egui::Rect,
    quantity: Quantity,
    is_shown: bool,
) {
    let opacity = if is_shown { 1.0 } else { 0.45 };
    let color = faded(palette.quantity(quantity), opacity);
    if quantity == Quantity::PageCaches {
        painter.rect_filled(rect.shrink2(egui::vec2(1.0, 0.0)), 2.0, color);
        return;
    }
    let Dashes { width, pattern } = dashes(quantity);
    let stroke = Stroke::new(width.max(1.5), color);
    let y = rect.center().y;
    let mut x = rect.left();
    let (dash, gap) = pattern.map_or((rect.width(), 1.0), |(dash, gap)| (dash.min(7.0), gap));
    while x < rect.right() {
        painter.hline(x..=(x + dash).min(rect.right()), y, stroke);
        x += dash + gap;
    }
}
