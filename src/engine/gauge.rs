//! What a connection's thread publishes for everybody else to read, without locks.

use std::{
    sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
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

/// The published numbers of one connection. Its worker writes, everybody reads; a reader may see
/// numbers of two moments side by side, which is fine for a picture drawn ten times a second.
#[derive(Debug, Default)]
pub struct Gauge {
    state: AtomicU8,
    task: AtomicU64,
    since_nanos: AtomicU64,
    seen_nanos: AtomicU64,
    cache_used: AtomicU64,
    /// SQLite heap of the process when `cache_used` was true.
    heap_then: AtomicU64,
    cache_hits: AtomicU64,
    cache_misses: AtomicU64,
    cache_spills: AtomicU64,
    schema_used: AtomicU64,
    statements_used: AtomicU64,
    /// When the read snapshot was taken; 0 if there is none.
    snapshot_nanos: AtomicU64,
    pub(super) rows: AtomicU64,
    pub(super) vm_steps: AtomicU64,
    /// The largest seen during the task.
    pub(super) heap_peak: AtomicU64,
    /// The largest seen during the task.
    pub(super) rss_peak: AtomicU64,
    /// By how much the heap has grown at most during a task with a budget for that.
    pub(super) heap_growth: AtomicU64,
}

impl Gauge {
    pub(super) fn begin(&self, task: u64, nanos: u64, heap: Bytes, rss: Option<Bytes>) {
        self.anchor(heap);
        self.task.store(task, Relaxed);
        self.rows.store(0, Relaxed);
        self.vm_steps.store(0, Relaxed);
        self.heap_peak.store(heap.0, Relaxed);
        self.rss_peak.store(rss.unwrap_or_default().0, Relaxed);
        self.heap_growth.store(0, Relaxed);
        self.seen_nanos.store(nanos, Relaxed);
        self.enter(ConnectionState::Busy, nanos);
    }

    pub(super) fn enter(&self, state: ConnectionState, nanos: u64) {
        let code = match state {
            ConnectionState::Closed => 0,
            ConnectionState::Idle => 1,
            ConnectionState::Busy => 2,
        };
        if state == ConnectionState::Closed {
            self.cache_used.store(0, Relaxed);
            self.anchor(status::sqlite_heap());
            self.publish(CacheCounters::default(), nanos);
            self.publish_other(OtherMemory::default());
            self.release_snapshot();
        }
        self.since_nanos.store(nanos, Relaxed);
        self.state.store(code, Relaxed);
    }

    /// The published page cache is still true while the process has this much heap. To be called
    /// before anything is done to the cache: meanwhile, other connections may have changed the heap.
    pub(super) fn anchor(&self, heap: Bytes) {
        self.heap_then.store(heap.0, Relaxed);
    }

    pub(super) fn publish(&self, counters: CacheCounters, nanos: u64) {
        // SQLite wraps the size of the cache at 4 GiB. The heap does not wrap, and since the last
        // look both have changed by the same, give or take what others did in a millisecond.
        let heap = status::sqlite_heap();
        let rough =
            (self.cache_used.load(Relaxed) + heap.0).saturating_sub(self.heap_then.load(Relaxed));
        let used = status::widened(counters.used_low, rough);
        self.cache_used.store(used, Relaxed);
        self.anchor(heap);
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

    /// The worker is alive: it waits for something else than SQLite.
    pub(super) fn seen(&self, nanos: u64) {
        self.seen_nanos.store(nanos, Relaxed);
    }

    /// The page cache as last published.
    pub fn cache_used(&self) -> Bytes {
        Bytes(self.cache_used.load(Relaxed))
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
