//! The history of samples, in bounded memory: fine where it is recent, coarser the older it is.

mod point;
#[cfg(test)]
mod tests;

pub use self::point::{Point, Range};
use super::sample::{ConnectionReading, MemorySample, SlowReading};
use crate::db::profile::MAX_CONNECTIONS;

/// At most this many points: about 14 MiB, and an hour before the first thinning.
const MAX_POINTS: usize = 36_000;

/// Room is made for so many more points at a time.
const ROOM: usize = 2_000;

/// A pause longer than this between two samples is a gap in the chart, never a line across it.
pub const GAP_SECS: f64 = 1.5;

/// So many points together are one block of the overview.
const BLOCK: usize = 16;

/// A slow reading stands for the samples after it, but not for ever.
pub(crate) const SLOW_AGE_SECS: f64 = 60.0;

/// All samples since the program started.
#[derive(Clone, Debug, Default)]
pub struct Series {
    points: Vec<Point>,
    /// Every [`BLOCK`] points as one, so that a long time is drawn without looking at all of them.
    /// `None` where there is a gap between them.
    blocks: Vec<Option<Point>>,
    slow: Option<(f64, SlowReading)>,
    counted: Counted,
}

/// Each connection's counters as they were, to count what came since.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted([(u64, u64); MAX_CONNECTIONS]);

impl Counted {
    /// Hits and misses since the last look. A connection that was opened again counts from 0.
    pub(crate) fn since(&mut self, connections: &[ConnectionReading]) -> (u64, u64) {
        let mut sum = (0, 0);
        for (before, now) in self.0.iter_mut().zip(connections) {
            let (hits, misses) = (now.cache_hits, now.cache_misses);
            let (old_hits, old_misses) = if hits < before.0 || misses < before.1 {
                (0, 0)
            } else {
                *before
            };
            sum.0 += hits - old_hits;
            sum.1 += misses - old_misses;
            *before = (hits, misses);
        }
        // Recordings leave out what is closed behind the last open one.
        for closed in self.0.iter_mut().skip(connections.len()) {
            *closed = (0, 0);
        }
        sum
    }
}

impl Series {
    /// Adds a sample. When there is no more room, the older half loses every other point. A sample
    /// from before the last one (a recording by a clock that was set back) is left out: `false`.
    pub fn push(&mut self, sample: &MemorySample) -> bool {
        let is_late = (self.points.last()).is_none_or(|last| sample.at_secs > last.to_secs);
        if !is_late || !sample.at_secs.is_finite() {
            return false;
        }
        if self.points.len() >= MAX_POINTS {
            self.thin();
        }
        if self.points.len() == self.points.capacity() {
            self.points.reserve_exact(ROOM);
        }
        if let Some(slow) = &sample.slow {
            self.slow = Some((sample.at_secs, slow.clone()));
        }
        let slow = self.slow_at(sample.at_secs).map(|(_, slow)| slow);
        let mut point = Point::of(sample, slow);
        let since = self.counted.since(&sample.connections);
        if let Some(last) = self.points.last() {
            (point.cache_hits, point.cache_misses) = since;
            point.counted_secs = (sample.at_secs - last.to_secs) as f32;
        }
        self.points.push(point);
        if self.points.len().is_multiple_of(BLOCK) {
            let from = self.points.len() - BLOCK;
            self.blocks.push(block(&self.points[from..]));
        }
        true
    }

    /// The slow reading that stands for this time, and when it was taken.
    pub fn slow_at(&self, at_secs: f64) -> Option<(f64, &SlowReading)> {
        self.slow
            .as_ref()
            .filter(|(taken, _)| at_secs - taken < SLOW_AGE_SECS)
            .map(|(taken, slow)| (*taken, slow))
    }

    /// The points that touch the time from `from_secs` to `to_secs`, oldest first, joined so that
    /// there are about `max_points` of them at most. Gaps stay gaps.
    pub fn between(&self, from_secs: f64, to_secs: f64, max_points: usize) -> Vec<Point> {
        let (first, last) = self.indexes(from_secs, to_secs);
        // One more on each side, so that curves reach the edges of the chart.
        let (first, last) = (first.saturating_sub(1), (last + 1).min(self.points.len()));
        let visible = self.points.get(first..last).unwrap_or_default();
        if visible.len() <= max_points {
            return visible.to_vec();
        }
        // Columns of fixed width on the time axis, not runs of points: otherwise every new sample
        // would shift all of them, and the curve would shimmer.
        let column_secs = ((to_secs - from_secs) / max_points.max(1) as f64).max(f64::EPSILON);
        let mut columns = Columns {
            column_secs,
            joined: Vec::with_capacity(max_points + 2),
        };
        let mut index = first;
        while index < last {
            let whole = index.is_multiple_of(BLOCK) && index + BLOCK <= last;
            let block = self.blocks.get(index / BLOCK).filter(|_| whole);
            match block {
                Some(Some(block)) if columns.is_one(block) => {
                    columns.add(block);
                    index += BLOCK;
                }
                _ => {
                    columns.add(&self.points[index]);
                    index += 1;
                }
            }
        }
        columns.joined
    }

    /// Everything from `from_secs` to `to_secs` as one point; `None` where nothing was sampled. After
    /// a thinning, its ends are as coarse as the points there.
    pub fn sum(&self, from_secs: f64, to_secs: f64) -> Option<Point> {
        let (first, last) = self.indexes(from_secs, to_secs);
        let mut points = self.points.get(first..last)?.iter();
        let first = *points.next()?;
        Some(points.fold(first, |sum, point| sum.join(point)))
    }

    /// The last point that began by then.
    pub fn at(&self, at_secs: f64) -> Option<&Point> {
        let after = self
            .points
            .partition_point(|point| point.from_secs <= at_secs);
        self.points.get(after.checked_sub(1)?)
    }

    /// Every point there is.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    fn indexes(&self, from_secs: f64, to_secs: f64) -> (usize, usize) {
        let first = self
            .points
            .partition_point(|point| point.to_secs < from_secs);
        let last = self
            .points
            .partition_point(|point| point.from_secs <= to_secs);
        (first, last.max(first))
    }

    /// When the first and the last sample were taken, in seconds since the engine started.
    pub fn span(&self) -> Option<(f64, f64)> {
        Some((self.points.first()?.from_secs, self.points.last()?.to_secs))
    }

    /// Memory that the history holds.
    pub fn size(&self) -> usize {
        self.points.capacity() * size_of::<Point>()
            + self.blocks.capacity() * size_of::<Option<Point>>()
    }

    /// In place: a second list of this size would be memory that the history promised not to take.
    fn thin(&mut self) {
        let half = self.points.len() / 2;
        let (mut read, mut write) = (0, 0);
        while read < half {
            let next = self.points.get(read + 1).filter(|_| read + 1 < half);
            let (point, taken) = match next {
                Some(next) if next.follows(&self.points[read]) => (self.points[read].join(next), 2),
                _ => (self.points[read], 1),
            };
            self.points[write] = point;
            read += taken;
            write += 1;
        }
        self.points.drain(write..half);
        // Only gaps kept a pair apart. If there are so many that nothing shrank, the oldest go.
        let excess = self
            .points
            .len()
            .saturating_sub(MAX_POINTS - MAX_POINTS / 8);
        self.points.drain(..excess);
        self.blocks.clear();
        self.blocks
            .extend(self.points.chunks_exact(BLOCK).map(block));
    }
}

/// Points without a gap between them as one.
fn block(points: &[Point]) -> Option<Point> {
    let (first, rest) = points.split_first()?;
    let mut sum = *first;
    for point in rest {
        if !point.follows(&sum) {
            return None;
        }
        sum = sum.join(point);
    }
    Some(sum)
}

/// Points joined into columns of the chart.
struct Columns {
    column_secs: f64,
    joined: Vec<Point>,
}

impl Columns {
    fn column(&self, secs: f64) -> i64 {
        (secs / self.column_secs) as i64
    }

    /// Whether the whole point lies in one column.
    fn is_one(&self, point: &Point) -> bool {
        self.column(point.from_secs) == self.column(point.to_secs)
    }

    fn add(&mut self, point: &Point) {
        let column = self.column(point.from_secs);
        let column_secs = self.column_secs;
        match self.joined.last_mut() {
            Some(previous)
                if (previous.from_secs / column_secs) as i64 == column
                    && point.follows(previous) =>
            {
                previous.absorb(point);
            }
            _ => self.joined.push(*point),
        }
    }
}
