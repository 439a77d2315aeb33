//! What a chart keeps from one frame to the next, because most frames change nothing of it.

use super::{plane::Plane, source::ChartSource};
use crate::memory::{quantity::Quantity, series::Point, summary};

/// The joined points, and the sentence for screen readers.
#[derive(Debug, Default)]
pub(super) struct Cached {
    points: Option<(PointsStamp, Vec<Point>)>,
    spoken: Option<(SpokenStamp, String)>,
}

/// What the joined points depend on.
#[derive(Clone, Copy, Debug, PartialEq)]
struct PointsStamp {
    history: usize,
    range: (f64, f64),
    columns: usize,
    num_points: usize,
    last_secs: f64,
}

/// What the sentence for screen readers depends on.
#[derive(Clone, Debug, PartialEq)]
struct SpokenStamp {
    /// How long the range is, and where it ends, in whole seconds.
    range: (i64, i64),
    quantities: Vec<Quantity>,
    /// It is said once a second at most: nobody can listen faster.
    second: i64,
}

impl Cached {
    /// The points of the range, joined to the columns there are: those of the last frame where
    /// nothing has changed. They are taken out, and to be put back.
    pub fn points(
        &mut self,
        source: &ChartSource<'_>,
        range: (f64, f64),
        columns: usize,
    ) -> Vec<Point> {
        let series = &source.history.series;
        let columns = columns.max(50);
        let stamp = PointsStamp {
            history: std::ptr::from_ref(source.history) as usize,
            range,
            columns,
            num_points: series.points().len(),
            last_secs: series.span().map_or(0.0, |(_, last)| last),
        };
        match &mut self.points {
            Some((before, points)) if *before == stamp => std::mem::take(points),
            _ => {
                let points = series.between(range.0, range.1, columns);
                self.points = Some((stamp, Vec::new()));
                points
            }
        }
    }

    /// Puts the points back.
    pub fn keep(&mut self, points: Vec<Point>) {
        if let Some((_, kept)) = &mut self.points {
            *kept = points;
        }
    }

    /// What a screen reader says about the chart.
    pub fn sentence(
        &mut self,
        source: &ChartSource<'_>,
        plane: &Plane,
        quantities: &[Quantity],
        points: &[Point],
    ) -> &str {
        let second = source.now_secs.floor() as i64;
        // Rounded, because the range of a chart that follows moves on ten times a second.
        let seconds = (
            (plane.to - plane.from).round() as i64,
            plane.to.floor() as i64,
        );
        let is_same = self.spoken.as_ref().is_some_and(|(stamp, _)| {
            stamp.range == seconds && stamp.second == second && stamp.quantities == quantities
        });
        if !is_same {
            let stamp = SpokenStamp {
                range: seconds,
                quantities: quantities.to_vec(),
                second,
            };
            let range = (plane.from, plane.to);
            let text = summary::sentence(source.name, source.history, points, range, quantities);
            self.spoken = Some((stamp, text));
        }
        self.spoken.as_ref().map_or("", |(_, text)| text)
    }
}
