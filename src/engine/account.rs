//! The account of a task: readings at its start and end, and the receipt that is made of them.

use std::sync::atomic::Ordering::Relaxed;

use super::{
    budget::{BudgetKind, Budgets, LimitReached},
    cancel::StopReason,
    gauge::{EngineClock, Gauge},
    message::Event,
    pool::{Pool, Work},
    receipt::{Outcome, Receipt, Stop},
    run::Run,
};
use crate::{
    db::{profile::MemoryProfile, status},
    error::Error,
    memory::sample,
    units::Bytes,
};

/// The readings at the start of a task.
pub(super) struct Start {
    pub nanos: u64,
    pub budgets: Budgets,
    /// In nanoseconds since the engine started.
    pub deadline_nanos: Option<u64>,
    pub queued_ms: f64,
    pub heap: Bytes,
    pub highwater: Bytes,
    pub rss: Option<Bytes>,
    pub profile: String,
}

impl Start {
    pub(super) fn now(pool: &Pool, work: &Work, profile: &MemoryProfile) -> Self {
        let mut budgets = work.budgets.unwrap_or_else(|| Budgets::of(profile));
        // What reads everything was asked for with its cost: the profile's limit is for questions.
        if work.task.page_cache().is_some() && budgets.time == profile.time_limit {
            budgets.time = None;
        }
        let limits = [work.task.time_limit(), budgets.time];
        budgets.time = limits.into_iter().flatten().min();
        let heap = status::sqlite_heap();
        let rss = sample::rss();
        let nanos = pool.clock.nanos();
        Self {
            nanos,
            budgets,
            deadline_nanos: budgets.time.map(|limit| {
                nanos.saturating_add(u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX))
            }),
            queued_ms: millis_between(work.submitted_nanos, nanos),
            heap,
            highwater: status::sqlite_heap_highwater(),
            rss,
            profile: profile.name.clone(),
        }
    }
}

/// How a task ended.
pub(super) struct End {
    pub outcome: Outcome,
    pub nanos: u64,
    pub after: After,
    pub stop: Option<Stop>,
}

/// The readings after a task and the after-query action.
#[derive(Clone, Copy)]
pub(super) struct After {
    pub heap: Bytes,
    pub rss: Option<Bytes>,
}

/// The receipt of a task that this connection ran.
pub(super) fn receipt(pool: &Pool, index: usize, start: &Start, run: &Run, end: &End) -> Receipt {
    let End {
        outcome,
        nanos: end_nanos,
        after,
        stop,
    } = *end;
    let gauge = &pool.gauges[index];
    // The high-water mark is exact, but counts since the process started: it is this task's
    // peak only if it has risen since the task began.
    let highwater = run.highwater_at_end;
    let seen_heap = gauge.heap_peak.load(Relaxed).max(run.heap_at_end.0);
    let heap_peak = if highwater > start.highwater {
        highwater.0
    } else {
        seen_heap
    };
    let rss_peak = gauge
        .rss_peak
        .load(Relaxed)
        .max(run.rss_at_end.unwrap_or_default().0);
    Receipt {
        outcome,
        error: (outcome == Outcome::Failed)
            .then(|| run.error.as_ref().map(|error| without_path(pool, error)))
            .flatten(),
        connection: Some(index),
        profile: start.profile.clone(),
        queued_ms: start.queued_ms,
        first_row_ms: run
            .first_row_nanos
            .map(|nanos| millis_between(start.nanos, nanos)),
        elapsed_ms: millis_between(start.nanos, end_nanos),
        rows: run.rows,
        vm_steps: run.vm_steps,
        fullscan_steps: run.fullscan_steps,
        sorts: run.sorts,
        autoindexes: run.autoindexes,
        cache_hits: run.counters.hits,
        cache_misses: run.counters.misses,
        cache_spills: run.counters.spills,
        temp_spill_bytes: run.counters.temp_spill_bytes,
        sqlite_heap_before_bytes: start.heap.0,
        sqlite_heap_peak_bytes: heap_peak,
        sqlite_heap_after_bytes: after.heap.0,
        rss_before_bytes: start.rss.map(|rss| rss.0),
        rss_peak_bytes: start.rss.map(|rss| rss.0.max(rss_peak)),
        rss_after_bytes: after.rss.map(|rss| rss.0),
        stop,
        limit: match stop {
            Some(stop) => limit_reached(pool, index, start, run, stop),
            None if outcome == Outcome::Finished => limit_exceeded(gauge, start, run),
            None => None,
        },
    }
}

/// Receipts are passed on, and say nothing about where the database lies.
fn without_path(pool: &Pool, error: &Error) -> String {
    let text = error.chain();
    match pool.wanted().target {
        Some(target) => text.replace(&*target.path.to_string_lossy(), "the file"),
        None => text,
    }
}

/// Which limit stopped the task, and how far it had come.
fn limit_reached(
    pool: &Pool,
    index: usize,
    start: &Start,
    run: &Run,
    stop: Stop,
) -> Option<LimitReached> {
    let kind = BudgetKind::of(run.stopped_by?)?;
    if kind == BudgetKind::Guard {
        let (limit, reached) = *pool.guard.acted.lock().get(index)?;
        return Some(LimitReached {
            kind,
            limit: limit.0,
            reached: reached.0,
            stopped: true,
        });
    }
    let reached = match kind {
        BudgetKind::Time => stop.asked_ms as u64,
        BudgetKind::Heap => heap_growth(&pool.gauges[index], start, run),
        BudgetKind::Rows => run.rows,
        BudgetKind::Result | BudgetKind::Guard => run.result_bytes,
    };
    Some(LimitReached {
        kind,
        limit: start.budgets.amount(kind)?,
        reached,
        stopped: true,
    })
}

/// The budget that a task went beyond without being stopped: SQLite let nobody look in between.
fn limit_exceeded(gauge: &Gauge, start: &Start, run: &Run) -> Option<LimitReached> {
    let Bytes(limit) = start.budgets.heap?;
    let reached = heap_growth(gauge, start, run);
    (reached > limit).then_some(LimitReached {
        kind: BudgetKind::Heap,
        limit,
        reached,
        stopped: false,
    })
}

/// By how much the heap has certainly grown for this task, inside of instructions, too, if no other
/// task ran meanwhile.
fn heap_growth(gauge: &Gauge, start: &Start, run: &Run) -> u64 {
    let seen = gauge.heap_growth.load(Relaxed);
    if !run.was_alone {
        return seen;
    }
    let before = start.heap.max(run.heap_at_start);
    let peak = if run.highwater_at_end > run.highwater_at_start {
        run.highwater_at_end.0
    } else {
        gauge.heap_peak.load(Relaxed)
    };
    seen.max(peak.saturating_sub(before.0))
}

/// The end of a task that was stopped before any connection began with it.
pub(super) fn ended_before_start(
    work: &Work,
    profile: &MemoryProfile,
    clock: EngineClock,
) -> Event {
    let now_nanos = clock.nanos();
    let (reason, asked_nanos) = work
        .token
        .asked()
        .unwrap_or((StopReason::Cancelled, now_nanos));
    let heap = status::sqlite_heap().0;
    let rss = sample::rss().map(|rss| rss.0);
    Event::Ended {
        id: work.id,
        ended_secs: now_nanos as f64 / 1e9,
        receipt: Box::new(Receipt {
            outcome: reason.outcome(),
            error: None,
            connection: None,
            profile: profile.name.clone(),
            queued_ms: millis_between(work.submitted_nanos, now_nanos),
            first_row_ms: None,
            elapsed_ms: 0.0,
            rows: 0,
            vm_steps: 0,
            fullscan_steps: 0,
            sorts: 0,
            autoindexes: 0,
            cache_hits: 0,
            cache_misses: 0,
            cache_spills: 0,
            temp_spill_bytes: 0,
            sqlite_heap_before_bytes: heap,
            sqlite_heap_peak_bytes: heap,
            sqlite_heap_after_bytes: heap,
            rss_before_bytes: rss,
            rss_peak_bytes: rss,
            rss_after_bytes: rss,
            stop: Some(Stop {
                asked_ms: 0.0,
                stopped_after_ms: millis_between(asked_nanos, now_nanos),
                given_back_after_ms: Some(0.0),
            }),
            limit: None,
        }),
        report: None,
        next: None,
    }
}

/// From one reading of the engine's clock to another.
pub(super) fn millis_between(from_nanos: u64, to_nanos: u64) -> f64 {
    to_nanos.saturating_sub(from_nanos) as f64 / 1e6
}
