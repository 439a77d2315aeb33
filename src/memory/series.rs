//! The history of samples, in bounded memory: fine where it is recent, coarser the older it is.

use super::sample::MemorySample;
use crate::{db::profile::MAX_CONNECTIONS, units::Bytes};

/// Smallest and largest of the readings that a point stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The smallest, in bytes.
    pub min: u64,
    /// The largest, in bytes.
    pub max: u64,
}

impl Range {
    fn of(bytes: Bytes) -> Self {
        Self {
            min: bytes.0,
            max: bytes.0,
        }
    }

    fn join(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }
}

/// One or more samples next to each other.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// Time of the first sample, in seconds since the engine started.
    pub from_secs: f64,
    /// Time of the last sample.
    pub to_secs: f64,
    /// Resident set size.
    pub rss: Range,
    /// SQLite heap.
    pub sqlite_heap: Range,
    /// The least that was available on the machine.
    pub available: u64,
    /// Page cache of each connection, at its largest.
    pub caches: [u64; MAX_CONNECTIONS],
    /// Rows held by the window.
    pub rows: Range,
    /// The position index of the list.
    pub positions: Range,
}

impl Point {
    fn of(sample: &MemorySample) -> Self {
        let mut caches = [0; MAX_CONNECTIONS];
        for (cache, connection) in caches.iter_mut().zip(&sample.connections) {
            *cache = connection.cache_used.0;
        }
        Self {
            from_secs: sample.at_secs,
            to_secs: sample.at_secs,
            rss: Range::of(sample.rss.unwrap_or_default()),
            sqlite_heap: Range::of(sample.sqlite_heap),
            available: sample.available.unwrap_or_default().0,
            caches,
            rows: Range::of(sample.window.rows),
            positions: Range::of(sample.window.positions),
        }
    }

    /// What the window held beside SQLite.
    pub fn held(&self) -> Range {
        Range {
            min: self.rows.min + self.positions.min,
            max: self.rows.max + self.positions.max,
        }
    }

    /// Both points as one; no peak and no trough is lost.
    #[must_use]
    pub fn join(self, later: &Self) -> Self {
        let mut caches = self.caches;
        for (cache, other) in caches.iter_mut().zip(later.caches) {
            *cache = (*cache).max(other);
        }
        Self {
            from_secs: self.from_secs,
            to_secs: later.to_secs,
            rss: self.rss.join(later.rss),
            sqlite_heap: self.sqlite_heap.join(later.sqlite_heap),
            available: self.available.min(later.available),
            caches,
            rows: self.rows.join(later.rows),
            positions: self.positions.join(later.positions),
        }
    }
}

/// At most this many points: about 10 MiB, and an hour and a half before the first thinning.
const MAX_POINTS: usize = 54_000;

/// A pause longer than this between two samples is a gap in the chart, never a line across it.
pub const GAP_SECS: f64 = 1.5;

/// All samples since the program started.
#[derive(Clone, Debug, Default)]
pub struct Series {
    points: Vec<Point>,
}

impl Series {
    /// Adds a sample. When there is no more room, the older half loses every other point.
    pub fn push(&mut self, sample: &MemorySample) {
        if self.points.len() >= MAX_POINTS {
            self.thin();
        }
        self.points.push(Point::of(sample));
    }

    /// The points that touch the time from `from_secs` to `to_secs`, oldest first, joined so that
    /// there are about `max_points` of them at most. Gaps stay gaps.
    pub fn between(&self, from_secs: f64, to_secs: f64, max_points: usize) -> Vec<Point> {
        let first = self
            .points
            .partition_point(|point| point.to_secs < from_secs);
        let last = self
            .points
            .partition_point(|point| point.from_secs <= to_secs);
        // One more on each side, so that curves reach the edges of the chart.
        let visible = self
            .points
            .get(first.saturating_sub(1)..(last + 1).min(self.points.len()))
            .unwrap_or_default();
        if visible.len() <= max_points {
            return visible.to_vec();
        }
        // Columns of fixed width on the time axis, not runs of points: otherwise every new sample
        // would shift all of them, and the curve would shimmer.
        let column_secs = ((to_secs - from_secs) / max_points.max(1) as f64).max(f64::EPSILON);
        let column = |point: &Point| (point.from_secs / column_secs) as i64;
        let mut joined: Vec<Point> = Vec::with_capacity(max_points + 2);
        for point in visible {
            match joined.last_mut() {
                Some(previous)
                    if column(previous) == column(point)
                        && point.from_secs - previous.to_secs < GAP_SECS =>
                {
                    *previous = previous.join(point);
                }
                _ => joined.push(*point),
            }
        }
        joined
    }

    /// When the first and the last sample were taken, in seconds since the engine started.
    pub fn span(&self) -> Option<(f64, f64)> {
        Some((self.points.first()?.from_secs, self.points.last()?.to_secs))
    }

    /// Memory that the history holds.
    pub fn size(&self) -> usize {
        self.points.capacity() * size_of::<Point>()
    }

    fn thin(&mut self) {
        let half = self.points.len() / 2;
        let mut thinned = Vec::with_capacity(MAX_POINTS);
        for pair in self.points[..half].chunks(2) {
            match pair {
                [first, second] if second.from_secs - first.to_secs < GAP_SECS => {
                    thinned.push(first.join(second));
                }
                points => thinned.extend_from_slice(points),
            }
        }
        thinned.extend_from_slice(&self.points[half..]);
        // Only gaps kept a pair apart. If there are so many that nothing shrank, the oldest go.
        let excess = thinned.len().saturating_sub(MAX_POINTS - MAX_POINTS / 8);
        thinned.drain(..excess);
        self.points = thinned;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at_secs: f64, rss: u64) -> MemorySample {
        MemorySample {
            at_secs,
            rss: Some(Bytes(rss)),
            ..MemorySample::default()
        }
    }

    #[test]
    fn a_month_of_samples_stays_below_sixteen_mebibytes() {
        let mut series = Series::default();
        let mut peak_at = 0.0;
        for tick in 0..2_000_000_u32 {
            let at_secs = f64::from(tick) / 10.0;
            let rss = if tick == 1000 {
                9_000
            } else {
                u64::from(tick % 7)
            };
            if tick == 1000 {
                peak_at = at_secs;
            }
            series.push(&sample(at_secs, rss));
        }
        assert!(series.size() < 16 << 20, "{} bytes", series.size());
        let all = series.between(0.0, 200_000.0, 1000);
        assert!(all.len() <= 1002, "{} points", all.len());
        let peak = all
            .iter()
            .find(|point| point.rss.max == 9_000)
            .expect("the peak is kept");
        assert!(peak.from_secs <= peak_at && peak_at <= peak.to_secs);
        assert_eq!(series.span(), Some((0.0, 199_999.9)));
    }

    #[test]
    fn a_gap_is_never_joined_away() {
        let mut series = Series::default();
        for tick in 0..1000_u32 {
            let pause = if tick >= 500 { 60.0 } else { 0.0 };
            series.push(&sample(f64::from(tick) / 10.0 + pause, 1));
        }
        let points = series.between(0.0, 200.0, 20);
        let longest = points
            .windows(2)
            .map(|pair| pair[1].from_secs - pair[0].to_secs)
            .fold(0.0, f64::max);
        assert!(longest > 55.0, "the minute without samples: {longest}");
    }

    #[test]
    fn a_zoomed_view_shows_every_sample() {
        let mut series = Series::default();
        for tick in 0..1000_u32 {
            series.push(&sample(f64::from(tick), 1));
        }
        let points = series.between(100.0, 110.0, 500);
        assert_eq!(
            points.len(),
            13,
            "eleven seconds and one neighbour on each side"
        );
    }
}
