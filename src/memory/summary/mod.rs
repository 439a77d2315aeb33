//! What a range of time held: peaks, means, changes, who ran, who grew. For the chart's selection.

mod text;

use super::{
    history::History,
    marker::{Band, MarkerKind},
    quantity::Quantity,
    series::Point,
};
use crate::{
    db::profile::MAX_CONNECTIONS,
    engine::receipt::Outcome,
    units::{Bytes, format_elapsed},
};

pub use self::text::{difference, partly_known, sentence, signed};

/// The course of one quantity through a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Course {
    /// The largest, in bytes.
    pub peak: u64,
    /// The mean over the samples that knew it, in bytes.
    pub mean: f64,
    /// How many samples knew it.
    pub num_known: u32,
    /// The first that was known.
    pub start: f64,
    /// The last that was known.
    pub end: f64,
}

impl Course {
    /// What was added between start and end; negative where it shrank.
    pub fn change(&self) -> i64 {
        (self.end - self.start).round() as i64
    }
}

/// A task that ran within a range, or through a part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ran {
    /// Its name.
    pub title: String,
    /// How it ended; `None` while it runs.
    pub outcome: Option<Outcome>,
    /// From its start to its end, or to now.
    pub secs: f64,
    /// Nobody asked for it.
    pub is_background: bool,
}

impl Ran {
    /// `finished`, `running`, …
    pub fn word(&self) -> &'static str {
        self.outcome.map_or("running", Outcome::label)
    }

    /// `Job list: finished, 0.4 s`.
    pub fn sentence(&self) -> String {
        let elapsed = crate::units::seconds(self.secs.max(0.0));
        format!(
            "{}: {}, {}",
            self.title,
            self.word(),
            format_elapsed(elapsed)
        )
    }
}

/// Something that held more at the end than at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    /// Who: `page cache of connection 2`.
    pub who: String,
    /// By how much.
    pub bytes: u64,
}

/// What a range of time held.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeSummary {
    /// Start of the range, in seconds since the engine started.
    pub from_secs: f64,
    /// Its end.
    pub to_secs: f64,
    /// How many samples lie in it.
    pub num_samples: u32,
    /// Each quantity, by its [index](Quantity::index); `None` where it was not known.
    courses: [Option<Course>; Quantity::ALL.len()],
    /// Pages found in page caches, and pages read from the file.
    pub lookups: (u64, u64),
    /// The age of the oldest read snapshot that was held at any time, in seconds; 0 if none was.
    pub snapshot_secs: f64,
    /// Tasks that ran, in the order they started.
    pub tasks: Vec<Ran>,
    /// Settings that were changed, as sentences, in the order of time.
    pub settings: Vec<String>,
    /// What grew, the most first.
    pub growth: Vec<Growth>,
}

/// Less is no growth worth a line: the kernel counts pages, SQLite moves a few.
const GROWN: u64 = 64 << 10;

impl RangeSummary {
    /// Looks at the samples and events from `from_secs` to `to_secs`.
    pub fn of(history: &History, from_secs: f64, to_secs: f64) -> Self {
        let (from_secs, to_secs) = (from_secs.min(to_secs), from_secs.max(to_secs));
        let points = history.series.points();
        let first = points.partition_point(|point| point.to_secs < from_secs);
        let last = points.partition_point(|point| point.from_secs <= to_secs);
        let points = points.get(first..last).unwrap_or_default();
        let mut courses = [const { None::<Course> }; Quantity::ALL.len()];
        let mut lookups = (0, 0);
        for point in points {
            lookups.0 += point.cache_hits;
            lookups.1 += point.cache_misses;
            for quantity in Quantity::ALL {
                let Some(range) = point.range(quantity) else {
                    continue;
                };
                let course = courses[quantity.index()].get_or_insert(Course {
                    peak: 0,
                    mean: 0.0,
                    num_known: 0,
                    start: range.mean,
                    end: range.mean,
                });
                course.peak = course.peak.max(range.max);
                course.mean += range.mean * f64::from(range.num_known);
                course.num_known += range.num_known;
                course.end = range.mean;
            }
        }
        let heap = &mut courses[Quantity::SqliteHeap.index()];
        if let (Some(heap), Some(peak)) = (heap, heap_peak(points)) {
            heap.peak = heap.peak.max(peak);
        }
        for course in courses.iter_mut().flatten() {
            course.mean /= f64::from(course.num_known.max(1));
        }
        let mut growth = Vec::new();
        if let [first, .., last] = points {
            for connection in 0..MAX_CONNECTIONS {
                let (before, after) = (first.cache(connection).0, last.cache(connection).0);
                grown(
                    &mut growth,
                    format!("page cache of connection {}", connection + 1),
                    after.saturating_sub(before),
                );
            }
        }
        for (quantity, who) in [
            (Quantity::SqliteRest, "sorters, statements and schema"),
            (Quantity::RowsHeld, "rows held by the window"),
            (Quantity::Kept, "memory kept by the allocator (~)"),
            (Quantity::Wal, "write-ahead log, on disk"),
            (Quantity::OtherRss, "the watched process"),
        ] {
            let change = courses[quantity.index()].map_or(0, |course| course.change());
            let bytes = u64::try_from(change).unwrap_or(0);
            grown(&mut growth, who.to_owned(), bytes);
        }
        growth.sort_by_key(|grown| std::cmp::Reverse(grown.bytes));
        Self {
            from_secs,
            to_secs,
            num_samples: points.iter().map(|point| point.num_samples).sum(),
            courses,
            lookups,
            snapshot_secs: (points.iter())
                .map(|point| f64::from(point.snapshot_secs))
                .fold(0.0, f64::max),
            tasks: tasks(history, from_secs, to_secs),
            settings: settings(history, from_secs, to_secs),
            growth,
        }
    }

    /// The course of a quantity; `None` where it was not known.
    pub fn course(&self, quantity: Quantity) -> Option<Course> {
        self.courses[quantity.index()]
    }

    /// The part of looked-up pages that were in a page cache. `None`: none was looked up.
    pub fn hit_ratio(&self) -> Option<f64> {
        let (hits, misses) = self.lookups;
        (hits + misses > 0).then(|| hits as f64 / (hits + misses) as f64)
    }

    /// Some task of the range has not ended.
    pub fn is_running(&self) -> bool {
        self.tasks.iter().any(|task| task.outcome.is_none())
    }
}

/// SQLite's own high-water mark, where it rose within these points: what was between two samples is
/// in it, too. Otherwise it is from before.
fn heap_peak(points: &[Point]) -> Option<u64> {
    let marks = |point: &Point| point.range(Quantity::SqliteHeapPeak);
    let before = marks(points.first()?)?.min;
    let peak = marks(points.last()?)?.max;
    (peak > before).then_some(peak)
}

fn grown(list: &mut Vec<Growth>, who: String, bytes: u64) {
    if bytes >= GROWN {
        list.push(Growth { who, bytes });
    }
}

/// From its start to its end; a task that runs has no end yet.
pub(super) fn touches(band: &Band, from_secs: f64, to_secs: f64) -> bool {
    let has_ended_before = band.end.is_some_and(|(end, _)| end < from_secs);
    band.from_secs <= to_secs && !has_ended_before
}

fn tasks(history: &History, from_secs: f64, to_secs: f64) -> Vec<Ran> {
    let now = history.latest.at_secs;
    let bands = history.timeline.bands.iter();
    bands
        .filter(|band| touches(band, from_secs, to_secs))
        .map(|band| Ran {
            title: band.title.clone(),
            outcome: band.end.map(|(_, outcome)| outcome),
            secs: band.end.map_or(now, |(end, _)| end) - band.from_secs,
            is_background: band.is_background,
        })
        .collect()
}

fn settings(history: &History, from_secs: f64, to_secs: f64) -> Vec<String> {
    let markers = history.timeline.markers.iter();
    markers
        .filter(|marker| marker.kind == MarkerKind::Setting)
        .filter(|marker| (from_secs..=to_secs).contains(&marker.at_secs))
        .map(|marker| marker.text.clone())
        .collect()
}

/// A number of bytes that may be negative, as [`Bytes`] of its size.
fn size(bytes: i64) -> Bytes {
    Bytes(bytes.unsigned_abs())
}

#[cfg(test)]
mod tests;
