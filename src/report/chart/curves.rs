//! Points of a history as lines and areas.

use super::panel::Frame;
use crate::{
    memory::{
        quantity::Quantity,
        series::{GAP_SECS, Point as Reading},
    },
    report::{
        canvas::{Canvas, Point, Stroke},
        ink::{self, Ink},
    },
    units::Bytes,
};

/// How thick a curve is.
pub(super) fn width(quantity: Quantity) -> f64 {
    if quantity == Quantity::Rss { 2.5 } else { 1.7 }
}

/// Runs of readings between gaps: a line across a gap would show what nobody has read.
pub(super) fn runs(points: &[Reading]) -> impl Iterator<Item = &[Reading]> {
    points.chunk_by(|one, next| next.from_secs - one.to_secs < GAP_SECS)
}

/// Draws one quantity.
pub(super) fn draw(frame: &Frame<'_>, canvas: &mut dyn Canvas, quantity: Quantity) {
    if quantity == Quantity::PageCaches {
        draw_caches(frame, canvas);
        return;
    }
    let (ink, dashes) = ink::of_quantity(quantity);
    let stroke = Stroke::new(ink, width(quantity)).dashed(dashes);
    for run in runs(frame.points()) {
        for known in run
            .chunk_by(|one, next| one.range(quantity).is_some() == next.range(quantity).is_some())
        {
            draw_line(frame, canvas, known, quantity, stroke);
        }
    }
}

fn draw_line(
    frame: &Frame<'_>,
    canvas: &mut dyn Canvas,
    run: &[Reading],
    quantity: Quantity,
    stroke: Stroke,
) {
    let mut line: Vec<Point> = Vec::with_capacity(run.len() * 2);
    for reading in run {
        let Some(range) = reading.range(quantity) else {
            return;
        };
        let x = frame.x_of(reading);
        let (low, high) = (frame.y(range.min as f64), frame.y(range.max as f64));
        if (low - high).abs() < 0.5 {
            line.push((x, low));
            continue;
        }
        // Both ends of what was read; first the one that is nearer to where the line is.
        let last = line.last().map_or(low, |last| last.1);
        if (last - low).abs() < (last - high).abs() {
            line.extend([(x, low), (x, high)]);
        } else {
            line.extend([(x, high), (x, low)]);
        }
    }
    draw_or_dot(canvas, &line, stroke);
}

/// A single reading between two gaps is a dot.
pub(super) fn draw_or_dot(canvas: &mut dyn Canvas, line: &[Point], stroke: Stroke) {
    match line {
        [] => {}
        [(x, y)] => canvas.line(&[(x - 1.0, *y), (x + 1.0, *y)], stroke),
        line => canvas.line(line, stroke),
    }
}

/// The page caches, each on top of the one before, or all together.
fn draw_caches(frame: &Frame<'_>, canvas: &mut dyn Canvas) {
    let num_caches = if frame.has_single_caches() {
        let counts = frame.points().iter().map(Reading::num_caches);
        counts.max().unwrap_or(0)
    } else {
        0
    };
    for run in runs(frame.points()) {
        let place = |reading: &Reading, bytes: u64| (frame.x_of(reading), frame.y(bytes as f64));
        let all = |reading: &Reading| {
            let together = reading.max(Quantity::PageCaches).unwrap_or_default();
            // Largest at different times: together they never were as large as their sum.
            let single: u64 = (0..num_caches).map(|index| reading.cache(index).0).sum();
            (together, single)
        };
        let mut below: Vec<Point> = run.iter().map(|reading| place(reading, 0)).collect();
        for index in 0..num_caches.max(1) {
            let up_to = |reading: &Reading| {
                let (Bytes(together), single) = all(reading);
                if num_caches == 0 || single == 0 {
                    return together;
                }
                let own: u64 = (0..=index).map(|index| reading.cache(index).0).sum();
                (own as f64 * (together as f64 / single as f64)) as u64
            };
            let above: Vec<Point> = run
                .iter()
                .map(|reading| place(reading, up_to(reading)))
                .collect();
            let ink = if index % 2 == 0 {
                Ink::Caches
            } else {
                Ink::CachesOther
            };
            let corners: Vec<_> = above.iter().chain(below.iter().rev()).copied().collect();
            canvas.area(&corners, ink, 0.35);
            draw_or_dot(canvas, &above, Stroke::new(ink, 1.0));
            below = above;
        }
    }
}
