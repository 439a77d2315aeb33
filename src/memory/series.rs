//! The history of samples, in bounded memory: fine where it is recent, coarser the older it is.

use super::{
    quantity::Quantity,
    sample::{ConnectionReading, MemorySample, SlowReading},
};
use crate::{db::profile::MAX_CONNECTIONS, units::Bytes};

/// Smallest, largest and mean of the readings that a point stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The smallest, in bytes.
    pub min: u64,
    /// The largest, in bytes.
    pub max: u64,
    /// The mean over the readings, in bytes.
    pub mean: f64,
    /// How many readings there were: as many as samples, or fewer where it was not always known.
    pub num_known: u32,
}

/// [`Range`] in a third of its size: a history has a million of them. KiB are as fine as the kernel
/// counts, and 4 TiB is as much as they can say.
#[expect(clippy::struct_field_names, reason = "the unit is what matters here")]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Packed {
    min_kib: u32,
    max_kib: u32,
    mean_kib: f32,
}

impl Packed {
    /// No reading at all.
    const NONE: Self = Self {
        min_kib: u32::MAX,
        max_kib: 0,
        mean_kib: 0.0,
    };

    fn of(bytes: Option<Bytes>) -> Self {
        bytes.map_or(Self::NONE, |bytes| {
            let kib = to_kib(bytes);
            Self {
                min_kib: kib,
                max_kib: kib,
                mean_kib: kib as f32,
            }
        })
    }

    fn is_none(self) -> bool {
        self.min_kib > self.max_kib
    }

    /// Takes in others, which are this share of all that were read.
    fn absorb(&mut self, other: &Self, share: f32) {
        if other.is_none() {
            return;
        }
        if self.is_none() {
            *self = *other;
            return;
        }
        self.min_kib = self.min_kib.min(other.min_kib);
        self.max_kib = self.max_kib.max(other.max_kib);
        self.mean_kib += (other.mean_kib - self.mean_kib) * share;
    }
}

fn to_kib(bytes: Bytes) -> u32 {
    u32::try_from(bytes.0 / 1024).unwrap_or(u32::MAX - 1)
}

/// One or more samples next to each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Time of the first sample, in seconds since the engine started.
    pub from_secs: f64,
    /// Time of the last sample.
    pub to_secs: f64,
    /// How many samples.
    pub num_samples: u32,
    /// Threads of the watched process, at their most.
    pub threads: u32,
    /// Pages that were found in page caches.
    pub cache_hits: u64,
    /// Pages that had to be read from the file.
    pub cache_misses: u64,
    /// The age of the oldest read snapshot, at its largest; 0 where none was held.
    pub snapshot_secs: f32,
    quantities: [Packed; Quantity::ALL.len()],
    /// How many of the samples knew each quantity.
    num_known: [u32; Quantity::ALL.len()],
    caches_kib: [u32; MAX_CONNECTIONS],
}

impl Point {
    fn of(sample: &MemorySample, slow: Option<&SlowReading>) -> Self {
        let mut caches_kib = [0; MAX_CONNECTIONS];
        for (cache, connection) in caches_kib.iter_mut().zip(&sample.connections) {
            *cache = to_kib(connection.cache_used);
        }
        let threads = sample.other.as_ref().and_then(|other| other.threads);
        let quantities = Quantity::ALL.map(|quantity| Packed::of(quantity.of(sample, slow)));
        Self {
            from_secs: sample.at_secs,
            to_secs: sample.at_secs,
            num_samples: 1,
            threads: threads.unwrap_or(0),
            cache_hits: 0,
            cache_misses: 0,
            snapshot_secs: sample.snapshot_secs().unwrap_or(0.0) as f32,
            num_known: quantities.map(|packed| u32::from(!packed.is_none())),
            quantities,
            caches_kib,
        }
    }

    /// What was read of a quantity; `None` where it was not known.
    pub fn range(&self, quantity: Quantity) -> Option<Range> {
        let packed = self.quantities[quantity.index()];
        (!packed.is_none()).then(|| Range {
            min: u64::from(packed.min_kib) << 10,
            max: u64::from(packed.max_kib) << 10,
            mean: f64::from(packed.mean_kib) * 1024.0,
            num_known: self.num_known[quantity.index()],
        })
    }

    /// The largest that was read of a quantity.
    pub fn max(&self, quantity: Quantity) -> Option<Bytes> {
        self.range(quantity).map(|range| Bytes(range.max))
    }

    /// The page cache of one connection, at its largest.
    pub fn cache(&self, connection: usize) -> Bytes {
        Bytes::kib(u64::from(
            self.caches_kib.get(connection).copied().unwrap_or(0),
        ))
    }

    /// How many connections had a page cache, counted to the last one that had.
    pub fn num_caches(&self) -> usize {
        let last = self.caches_kib.iter().rposition(|kib| *kib > 0);
        last.map_or(0, |last| last + 1)
    }

    /// The part of looked-up pages that were in a page cache. `None`: none was looked up.
    pub fn hit_ratio(&self) -> Option<f64> {
        let looked = self.cache_hits + self.cache_misses;
        (looked > 0).then(|| self.cache_hits as f64 / looked as f64)
    }

    /// Pages read from the file in a second.
    pub fn misses_per_sec(&self) -> f64 {
        // A sample counts what came since the one before: a tenth of a second.
        let secs = (self.to_secs - self.from_secs) + super::sampler::INTERVAL.as_secs_f64();
        self.cache_misses as f64 / secs
    }

    /// Both points as one; no peak and no trough is lost.
    #[must_use]
    pub fn join(mut self, later: &Self) -> Self {
        self.absorb(later);
        self
    }

    /// The same in place: a long time is tens of thousands of points, and each is large.
    fn absorb(&mut self, later: &Self) {
        for (cache, other) in self.caches_kib.iter_mut().zip(later.caches_kib) {
            *cache = (*cache).max(other);
        }
        // A mean is over the samples that knew the quantity, not over those that lie between.
        let known = self.num_known.iter_mut().zip(&later.num_known);
        let packed = self.quantities.iter_mut().zip(&later.quantities);
        for ((packed, other), (known, more)) in packed.zip(known) {
            *known += more;
            packed.absorb(other, *more as f32 / (*known).max(1) as f32);
        }
        self.to_secs = later.to_secs;
        self.num_samples += later.num_samples;
        self.threads = self.threads.max(later.threads);
        self.cache_hits += later.cache_hits;
        self.cache_misses += later.cache_misses;
        self.snapshot_secs = self.snapshot_secs.max(later.snapshot_secs);
    }

    fn follows(&self, earlier: &Self) -> bool {
        self.from_secs - earlier.to_secs < GAP_SECS
    }
}

/// At most this many points: about 14 MiB, and more than an hour before the first thinning.
const MAX_POINTS: usize = 38_000;

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
        let is_first = self.points.is_empty();
        let since = self.counted.since(&sample.connections);
        if !is_first {
            (point.cache_hits, point.cache_misses) = since;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at_secs: f64, rss_kib: u64) -> MemorySample {
        MemorySample {
            at_secs,
            rss: Some(Bytes::kib(rss_kib)),
            ..MemorySample::default()
        }
    }

    fn rss_of(point: &Point) -> Range {
        point.range(Quantity::Rss).expect("read")
    }

    #[test]
    fn days_of_samples_stay_below_sixteen_mebibytes() {
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
            assert!(series.push(&sample(at_secs, rss)));
        }
        assert!(series.size() < 15 << 20, "{} bytes", series.size());
        let all = series.between(0.0, 200_000.0, 1000);
        assert!(all.len() <= 1002, "{} points", all.len());
        let peak = all
            .iter()
            .find(|point| rss_of(point).max == 9_000 << 10)
            .expect("the peak is kept");
        assert!(peak.from_secs <= peak_at && peak_at <= peak.to_secs);
        assert_eq!(series.span(), Some((0.0, 199_999.9)));
        let sum = series.sum(0.0, 200_000.0).expect("points");
        assert_eq!(sum.num_samples, 2_000_000, "no sample is lost");
        let mean = rss_of(&sum).mean / 1024.0;
        assert!((mean - 3.0).abs() < 0.05, "0 to 6 KiB in turn: {mean}");
    }

    #[test]
    fn the_overview_is_what_the_points_say() {
        let mut series = Series::default();
        for tick in 0..5_000_u32 {
            // A gap now and then, not at the ends of blocks.
            let at_secs = f64::from(tick) / 10.0 + f64::from(tick / 700) * 30.0;
            series.push(&sample(at_secs, u64::from(tick * 7919 % 1000)));
        }
        let (from, to) = series.span().expect("samples");
        let column_secs = (to - from) / 50.0;
        let mut columns = Columns {
            column_secs,
            joined: Vec::new(),
        };
        for point in series.points() {
            columns.add(point);
        }
        let shown = series.between(from, to, 50);
        assert_eq!(shown.len(), columns.joined.len());
        for (one, other) in shown.iter().zip(&columns.joined) {
            assert_eq!(
                (one.from_secs, one.to_secs),
                (other.from_secs, other.to_secs)
            );
            assert_eq!(one.num_samples, other.num_samples);
            assert_eq!(rss_of(one).max, rss_of(other).max);
            assert_eq!(rss_of(one).min, rss_of(other).min);
        }
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

    #[test]
    fn time_that_runs_backwards_is_left_out() {
        let mut series = Series::default();
        for at_secs in [1.0, 2.0, 1.5, 0.2, f64::NAN, 2.0, 3.0] {
            series.push(&sample(at_secs, 1));
        }
        let times: Vec<_> = series.points().iter().map(|point| point.to_secs).collect();
        assert_eq!(times, [1.0, 2.0, 3.0]);
    }

    #[test]
    fn a_slow_reading_stands_for_the_samples_after_it_and_grows_old() {
        let mut series = Series::default();
        let slow = SlowReading {
            pss: Some(Bytes::mib(7)),
            ..SlowReading::default()
        };
        series.push(&MemorySample {
            slow: Some(slow),
            ..sample(1.0, 1)
        });
        series.push(&sample(2.0, 1));
        series.push(&sample(90.0, 1));
        let pss: Vec<_> = series
            .points()
            .iter()
            .map(|point| point.max(Quantity::Pss))
            .collect();
        assert_eq!(pss, [Some(Bytes::mib(7)), Some(Bytes::mib(7)), None]);
    }

    #[test]
    fn a_mean_is_over_the_time_in_which_the_quantity_was_known() {
        let mut series = Series::default();
        // Long enough to be thinned, so that points stand for known and unknown samples alike.
        let num_samples = 3 * u32::try_from(MAX_POINTS).expect("small");
        for tick in 0..num_samples {
            let mut sample = sample(f64::from(tick) / 10.0, 0);
            sample.rss = match tick % 40 {
                0..10 => Some(Bytes::mib(4)),
                10..20 => Some(Bytes::mib(8)),
                _ => None,
            };
            series.push(&sample);
        }
        let sum = series.sum(0.0, 1e9).expect("points");
        let rss = rss_of(&sum);
        assert_eq!(sum.num_samples, num_samples);
        assert_eq!(rss.num_known, num_samples / 2);
        let mean = rss.mean / f64::from(1 << 20);
        assert!((mean - 6.0).abs() < 0.01, "4 and 8 MiB in turn: {mean}");
        let heap = sum.range(Quantity::SqliteHeap).expect("always known");
        assert_eq!(heap.num_known, num_samples);
    }

    #[test]
    fn hits_and_misses_count_from_one_sample_to_the_next() {
        let mut series = Series::default();
        let with = |at_secs, cache_hits, cache_misses| MemorySample {
            connections: vec![ConnectionReading {
                cache_hits,
                cache_misses,
                ..ConnectionReading::default()
            }],
            ..sample(at_secs, 1)
        };
        series.push(&with(1.0, 1000, 1000));
        series.push(&with(1.1, 1030, 1010));
        // Closed, and opened again.
        series.push(&with(1.2, 6, 2));
        let counts: Vec<_> = series
            .points()
            .iter()
            .map(|point| (point.cache_hits, point.cache_misses))
            .collect();
        assert_eq!(counts, [(0, 0), (30, 10), (6, 2)]);
        assert_eq!(series.points()[1].hit_ratio(), Some(0.75));
        let sum = series.sum(1.0, 1.2).expect("samples");
        assert_eq!(sum.cache_misses, 12);
    }
}
