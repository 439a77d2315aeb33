//! One or more samples next to each other, in little memory.

use super::GAP_SECS;
use crate::{
    db::profile::MAX_CONNECTIONS,
    memory::{
        quantity::Quantity,
        sample::{MemorySample, SlowReading},
    },
    units::Bytes,
};

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
    /// How long it took both to come: since the sample before the first, a gap included.
    pub(super) counted_secs: f32,
    /// The age of the oldest read snapshot, at its largest; 0 where none was held.
    pub snapshot_secs: f32,
    quantities: [Packed; Quantity::ALL.len()],
    /// How many of the samples knew each quantity.
    num_known: [u32; Quantity::ALL.len()],
    caches_kib: [u32; MAX_CONNECTIONS],
}

impl Point {
    pub(super) fn of(sample: &MemorySample, slow: Option<&SlowReading>) -> Self {
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
            counted_secs: 0.0,
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

    /// The largest that there was of a quantity, as far as that is known: for SQLite's heap, also
    /// between two readings, where its high-water mark rose meanwhile.
    pub fn peak(&self, quantity: Quantity) -> Option<Bytes> {
        let read = self.max(quantity);
        let marks = self.range(Quantity::SqliteHeapPeak);
        let risen = marks.filter(|marks| quantity == Quantity::SqliteHeap && marks.max > marks.min);
        risen.map_or(read, |marks| read.max(Some(Bytes(marks.max))))
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

    /// Pages read from the file in a second, over the whole time in which they were counted.
    pub fn misses_per_sec(&self) -> f64 {
        if self.counted_secs > 0.0 {
            self.cache_misses as f64 / f64::from(self.counted_secs)
        } else {
            0.0
        }
    }

    /// Both points as one; no peak and no trough is lost.
    #[must_use]
    pub fn join(mut self, later: &Self) -> Self {
        self.absorb(later);
        self
    }

    /// The same in place: a long time is tens of thousands of points, and each is large.
    pub(super) fn absorb(&mut self, later: &Self) {
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
        self.counted_secs += later.counted_secs;
        self.snapshot_secs = self.snapshot_secs.max(later.snapshot_secs);
    }

    pub(super) fn follows(&self, earlier: &Self) -> bool {
        self.from_secs - earlier.to_secs < GAP_SECS
    }
}
