//! What happens inside SQLite's progress handler: look at the wish to stop, publish, enforce limits.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use super::{
    cancel::{CancelToken, StopReason},
    gauge::EngineClock,
    heap_share::HeapShare,
    pool::Pool,
};
use crate::{
    db::status::{self, Live},
    memory::sample,
    units::Bytes,
};

/// VM instructions between two calls of the handler: few enough that Cancel feels instant, many
/// enough that a look at the token does not show up in a profile.
pub(super) const OPS_PER_TICK: u16 = 1_000;

/// Ticks between two looks at the clock and SQLite's counters. 16,000 instructions take a
/// fraction of a millisecond, and a look takes less than a microsecond.
const TICKS_PER_LOOK: u64 = 16;

/// Between two readings of the resident set size, which go through the kernel and cost 15 µs.
const RSS_INTERVAL: Duration = Duration::from_millis(20);

/// The handler of one task.
pub(super) struct Progress {
    pub token: CancelToken,
    pub pool: Arc<Pool>,
    /// Which connection, counted from 0.
    pub index: usize,
    pub clock: EngineClock,
    /// In nanoseconds since the engine started.
    pub deadline_nanos: Option<u64>,
    /// What of the heap is this task's, and how much that may be.
    pub heap_budget: Option<(HeapShare, Bytes)>,
    pub ticks: u64,
    pub rss_due_nanos: u64,
}

impl Progress {
    /// Called every [`OPS_PER_TICK`] instructions; `true` stops the statement.
    pub(super) fn tick(&mut self, live: &Live<'_>) -> bool {
        self.ticks += 1;
        if self.token.is_asked() {
            return true;
        }
        if !self.ticks.is_multiple_of(TICKS_PER_LOOK) {
            return false;
        }
        self.look(live);
        self.token.is_asked()
    }

    fn look(&mut self, live: &Live<'_>) {
        let now = self.clock.nanos();
        let heap = status::sqlite_heap();
        let gauge = &self.pool.gauges[self.index];
        gauge
            .vm_steps
            .store(self.ticks * u64::from(OPS_PER_TICK), Relaxed);
        self.pool.publish(self.index, live.counters());
        gauge.heap_peak.fetch_max(heap.0, Relaxed);
        if now >= self.rss_due_nanos {
            self.rss_due_nanos = now + RSS_INTERVAL.as_nanos() as u64;
            let rss = sample::rss().unwrap_or_default();
            gauge.rss_peak.fetch_max(rss.0, Relaxed);
            gauge.publish_other(live.other_memory());
        }
        if self.deadline_nanos.is_some_and(|deadline| now >= deadline) {
            self.token.ask(StopReason::TimeLimit, now);
        }
        if let Some((share, budget)) = &mut self.heap_budget {
            let growth = share.growth(self.pool.heap_look(self.index));
            gauge.heap_growth.fetch_max(growth.0, Relaxed);
            if growth > *budget {
                self.token.ask(StopReason::Budget, now);
            }
        }
    }
}
