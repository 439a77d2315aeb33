//! What a connection's thread publishes for everybody else to read, without locks.

use std::{
    sync::atomic::{
        AtomicU8, AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
    time::Instant,
};

use crate::{
    db::status::{self, CacheCounters, OtherMemory},
    memory::sample::{ConnectionReading, ConnectionState, WindowMemory},
    units::Bytes,
};

/// Time since the engine started, the same for all its threads.
#[derive(Clone, Copy, Debug)]
pub struct EngineClock {
    started: Instant,
}

impl EngineClock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// When the clock started.
    pub fn started(self) -> Instant {
        self.started
    }

    /// Nanoseconds since the start; enough for 584 years.
    pub fn nanos(self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Seconds since the start.
    pub fn secs(self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }
}

/// SQLite's heap at one moment, as one connection sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HeapNow {
    /// All of it.
    pub all: Bytes,
    /// What is left when all that other connections have published is taken away.
    pub without_others: Bytes,
}

/// Where a page cache stood when it was last looked at.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    cache: u64,
    /// [`HeapNow::without_others`] when that was true.
    heap: u64,
    misses: u64,
}

/// What a page of the cache takes at most: the largest page that SQLite has, and what is around it.
const PAGE_BYTES: u64 = 65 << 10;

/// Pages that come into a cache without being read from the file; a reader has hardly any.
const UNREAD_PAGES: u64 = 256;

impl Anchor {
    /// The whole size of a page cache of which SQLite tells the low 32 bits.
    ///
    /// The heap does not wrap, and what it grew by beside other connections is mostly this cache.
    /// But others publish late, and a sort is in the heap, too. So only what is possible counts: a
    /// cache is a part of the heap, and grows by pages that were read, which SQLite counts.
    fn whole(&self, counters: CacheCounters, heap: HeapNow) -> u64 {
        let rough = (self.cache + heap.without_others.0).saturating_sub(self.heap);
        // SQLite counts pages in 32 bits.
        let read = (counters.misses as u32).wrapping_sub(self.misses as u32);
        let pages = u64::from(read) + UNREAD_PAGES;
        let most = self.cache + pages * PAGE_BYTES;
        status::widened_within(counters.used_low, rough, most.min(heap.all.0))
    }
}

/// The published numbers of one connection. Its worker writes, everybody reads; a reader may see
/// numbers of two moments side by side, which is fine for a picture drawn ten times a second.
#[derive(Debug, Default)]
pub struct Gauge {
    state: AtomicU8,
    task: AtomicU64,
    since_nanos: AtomicU64,
    seen_nanos: AtomicU64,
    cache_used: AtomicU64,
    /// [`HeapNow::without_others`] when `cache_used` was true.
    heap_then: AtomicU64,
    /// Tasks that have begun here.
    num_tasks: AtomicU64,
    cache_hits: AtomicU64,
    cache_misses: AtomicU64,
    cache_spills: AtomicU64,
    schema_used: AtomicU64,
    statements_used: AtomicU64,
    /// When the read snapshot was taken; 0 if there is none.
    snapshot_nanos: AtomicU64,
    pub(super) rows: AtomicU64,
    pub(super) vm_steps: AtomicU64,
    /// The largest seen during the task, by its worker or the sampler.
    pub(super) heap_peak: AtomicU64,
    /// The largest seen during the task, by its worker or the sampler.
    pub(super) rss_peak: AtomicU64,
    /// By how much the heap has grown at most during a task with a budget for that.
    pub(super) heap_growth: AtomicU64,
}

/// [`ConnectionState::Busy`] as it is published.
const BUSY: u8 = 2;

impl Gauge {
    pub(super) fn begin(&self, task: u64, nanos: u64, heap: HeapNow, rss: Option<Bytes>) {
        self.num_tasks.fetch_add(1, Release);
        self.anchor(heap);
        self.task.store(task, Relaxed);
        self.rows.store(0, Relaxed);
        self.vm_steps.store(0, Relaxed);
        self.heap_peak.store(heap.all.0, Relaxed);
        self.rss_peak.store(rss.unwrap_or_default().0, Relaxed);
        self.heap_growth.store(0, Relaxed);
        self.seen_nanos.store(nanos, Relaxed);
        self.enter(ConnectionState::Busy, nanos);
    }

    pub(super) fn enter(&self, state: ConnectionState, nanos: u64) {
        let code = match state {
            ConnectionState::Closed => 0,
            ConnectionState::Idle => 1,
            ConnectionState::Busy => BUSY,
        };
        if state == ConnectionState::Closed {
            self.cache_used.store(0, Relaxed);
            self.store(CacheCounters::default(), nanos);
            self.publish_other(OtherMemory::default());
            self.release_snapshot();
        }
        self.since_nanos.store(nanos, Relaxed);
        // Whoever sees that a task has ended sees what its connection holds since then.
        self.state.store(code, Release);
    }

    /// The published page cache is still true while the heap is this. To be called before anything
    /// is done to the cache: meanwhile, other connections may have changed the heap.
    pub(super) fn anchor(&self, heap: HeapNow) {
        self.heap_then.store(heap.without_others.0, Relaxed);
    }

    pub(super) fn publish(&self, counters: CacheCounters, heap: HeapNow, nanos: u64) {
        let anchor = Anchor {
            cache: self.cache_used.load(Relaxed),
            heap: self.heap_then.load(Relaxed),
            misses: self.cache_misses.load(Relaxed),
        };
        self.cache_used.store(anchor.whole(counters, heap), Relaxed);
        self.anchor(heap);
        self.store(counters, nanos);
    }

    fn store(&self, counters: CacheCounters, nanos: u64) {
        self.cache_hits.store(counters.hits, Relaxed);
        self.cache_misses.store(counters.misses, Relaxed);
        self.cache_spills.store(counters.spills, Relaxed);
        self.seen_nanos.store(nanos, Relaxed);
    }

    pub(super) fn publish_other(&self, other: OtherMemory) {
        self.schema_used.store(other.schema.0, Relaxed);
        self.statements_used.store(other.statements.0, Relaxed);
    }

    /// A statement has begun to read: until it is reset, it sees the file as it is now.
    pub(super) fn hold_snapshot(&self, nanos: u64) {
        self.snapshot_nanos.store(nanos.max(1), Relaxed);
    }

    /// The statement was reset.
    pub(super) fn release_snapshot(&self) {
        self.snapshot_nanos.store(0, Relaxed);
    }

    /// What there was after that time, which counts for the task that ran by then. The worker
    /// itself sees nothing while SQLite is inside one instruction.
    pub(super) fn see(&self, heap: Bytes, rss: Option<Bytes>, after_nanos: u64) {
        let is_busy = self.state.load(Acquire) == BUSY;
        if is_busy && self.since_nanos.load(Relaxed) <= after_nanos {
            self.heap_peak.fetch_max(heap.0, Relaxed);
            self.rss_peak.fetch_max(rss.unwrap_or_default().0, Relaxed);
        }
    }

    /// The worker is alive: it waits for something else than SQLite.
    pub(super) fn seen(&self, nanos: u64) {
        self.seen_nanos.store(nanos, Relaxed);
    }

    /// The page cache as last published.
    pub fn cache_used(&self) -> Bytes {
        Bytes(self.cache_used.load(Relaxed))
    }

    /// What the connection holds, as last published: page cache, schema, statements.
    pub(super) fn known(&self) -> Bytes {
        let parts = [&self.cache_used, &self.schema_used, &self.statements_used];
        Bytes(parts.iter().map(|part| part.load(Relaxed)).sum())
    }

    /// How many tasks have begun here; `None` while one runs.
    pub(super) fn tasks_while_quiet(&self) -> Option<u64> {
        let is_busy = self.state.load(Acquire) == BUSY;
        (!is_busy).then(|| self.num_tasks.load(Acquire))
    }

    /// Everything, for a sample.
    pub fn read(&self, now_nanos: u64) -> ConnectionReading {
        let state = match self.state.load(Relaxed) {
            0 => ConnectionState::Closed,
            1 => ConnectionState::Idle,
            _ => ConnectionState::Busy,
        };
        let secs_since = |at: &AtomicU64| now_nanos.saturating_sub(at.load(Relaxed)) as f64 / 1e9;
        // Looked at once: it may be released between two looks.
        let snapshot_nanos = self.snapshot_nanos.load(Relaxed);
        let is_busy = state == ConnectionState::Busy;
        ConnectionReading {
            state,
            task: is_busy.then(|| self.task.load(Relaxed)),
            cache_used: self.cache_used(),
            cache_hits: self.cache_hits.load(Relaxed),
            cache_misses: self.cache_misses.load(Relaxed),
            cache_spills: self.cache_spills.load(Relaxed),
            schema_used: Bytes(self.schema_used.load(Relaxed)),
            statements_used: Bytes(self.statements_used.load(Relaxed)),
            snapshot_secs: (snapshot_nanos > 0)
                .then(|| now_nanos.saturating_sub(snapshot_nanos) as f64 / 1e9),
            rows: self.rows.load(Relaxed),
            vm_steps: self.vm_steps.load(Relaxed),
            state_secs: secs_since(&self.since_nanos),
            silent_secs: if is_busy {
                secs_since(&self.seen_nanos)
            } else {
                0.0
            },
        }
    }
}

/// What the window holds beside SQLite, as it last said.
#[derive(Debug, Default)]
pub struct WindowGauge {
    rows: AtomicU64,
    positions: AtomicU64,
}

impl WindowGauge {
    pub(super) fn note(&self, held: WindowMemory) {
        let WindowMemory { rows, positions } = held;
        self.rows.store(rows.0, Relaxed);
        self.positions.store(positions.0, Relaxed);
    }

    pub(super) fn read(&self) -> WindowMemory {
        WindowMemory {
            rows: Bytes(self.rows.load(Relaxed)),
            positions: Bytes(self.positions.load(Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn anchor(cache: u64, heap: u64) -> Anchor {
        Anchor {
            cache,
            heap,
            misses: 100,
        }
    }

    fn counters(cache: u64, misses: u64) -> CacheCounters {
        CacheCounters {
            used_low: cache as u32,
            misses,
            ..CacheCounters::default()
        }
    }

    fn heap(all: u64, without_others: u64) -> HeapNow {
        HeapNow {
            all: Bytes(all),
            without_others: Bytes(without_others),
        }
    }

    #[test]
    fn a_silent_sort_beside_caches_that_grow_does_not_enlarge_its_own_cache() {
        let before = anchor(GIB, GIB);
        // Nobody has published yet what two others have read meanwhile.
        let now = heap(7 * GIB, 7 * GIB);
        assert_eq!(before.whole(counters(GIB, 100), now), GIB);
        // One page was read; and the counter of pages may wrap in between.
        assert_eq!(before.whole(counters(GIB + 5_000, 101), now), GIB + 5_000);
        let wraps = Anchor {
            misses: u64::from(u32::MAX),
            ..before
        };
        assert_eq!(wraps.whole(counters(GIB, 3), now), GIB);
    }

    #[test]
    fn what_others_have_published_is_not_ours_even_if_we_read_a_lot() {
        // A full cache of 1 GiB, through which 8 GiB went in one instruction.
        let read = 100 + 8 * GIB / 4_096;
        let now = heap(7 * GIB, GIB);
        assert_eq!(anchor(GIB, GIB).whole(counters(GIB, read), now), GIB);
    }

    #[test]
    fn a_page_cache_that_really_grew_beyond_four_gibibytes_is_told_whole() {
        let read = 100 + 5 * GIB / 4_096;
        for cache in [6 * GIB, 6 * GIB - 5_000] {
            let now = heap(6 * GIB + 70_000, 6 * GIB + 70_000);
            assert_eq!(anchor(GIB, GIB).whole(counters(cache, read), now), cache);
        }
    }

    #[test]
    fn a_page_cache_is_never_larger_than_the_heap() {
        // Others have given back what they had published before.
        let before = anchor(3 * GIB, GIB / 2);
        let read = 100 + 9 * GIB / 4_096;
        let now = heap(4 * GIB, 4 * GIB);
        assert_eq!(before.whole(counters(2 * GIB, read), now), 2 * GIB);
    }
}
