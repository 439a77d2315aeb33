//! One thread, one connection, one loop: the life of every task, in one place.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::{
    budget::{BudgetKind, Budgets, LimitReached},
    cancel::{CancelToken, StopReason},
    gauge::{EngineClock, Gauge},
    heap_share::HeapShare,
    message::{CloseReason, Event, News},
    outlet::Outlet,
    pool::{Next, Pool, Seen, Wanted, Work},
    progress::{OPS_PER_TICK, Progress},
    receipt::{Outcome, Receipt, Stop, is_given_back},
    run::{self, Opened, Reporter, Run},
    take::Running,
};
use crate::{
    db::{
        connection::{self, ReadConnection},
        identity::FileIdentity,
        profile::{AfterQuery, ConnectionSettings, MemoryProfile},
        status::{self, CacheCounters, OtherMemory},
    },
    error::{Error, Report, Result},
    jobs::schema::Schema,
    memory::sample::{self, ConnectionState},
    units::Bytes,
};

/// How long a worker watches for its memory to be given back while other connections are busy.
const GIVE_BACK_PATIENCE: Duration = Duration::from_secs(1);

/// A worker: owns one connection from opening to closing.
pub(super) struct Worker {
    pub index: usize,
    pub pool: Arc<Pool>,
    pub out: Outlet,
    conn: Option<Open>,
    seen: Seen,
    idle_since: Option<Instant>,
}

struct Open {
    conn: ReadConnection,
    settings: ConnectionSettings,
    schema: Arc<Schema>,
    path: PathBuf,
}

impl Worker {
    pub(super) fn new(index: usize, pool: Arc<Pool>, out: Outlet) -> Self {
        // A fresh worker has no connection, so nothing that was wanted before concerns it.
        let seen = pool.wanted().seen();
        Self {
            index,
            pool,
            out,
            conn: None,
            seen,
            idle_since: None,
        }
    }

    /// Works until the engine ends or has fewer connections.
    pub(super) fn run(mut self) {
        loop {
            let idle_since = self.idle_since;
            match self.pool.next(self.index, self.seen, idle_since) {
                Next::Run(work, wanted) => self.execute(&work, &wanted),
                Next::Settle => self.settle(),
                Next::CloseIdle => self.close(CloseReason::Idle),
                Next::Leave => {
                    self.close(CloseReason::Fewer);
                    if self.pool.leave(self.index) {
                        return;
                    }
                }
            }
        }
    }

    fn report(&self, event: Event) {
        let news = News {
            at_secs: self.pool.clock.secs(),
            event,
        };
        self.out.send(news);
    }

    fn gauge(&self) -> &Arc<Gauge> {
        &self.pool.gauges[self.index]
    }

    /// Takes over what has changed since the last look: database, settings, a wish to shrink.
    fn settle(&mut self) {
        let wanted = self.pool.wanted();
        let before = std::mem::replace(&mut self.seen, wanted.seen());
        if before.target != self.seen.target {
            self.close(CloseReason::OtherDatabase);
        }
        if before.profile != self.seen.profile {
            self.apply(&wanted);
        }
        if before.reset != self.seen.reset {
            self.reset_statements();
        }
        if before.shrink != self.seen.shrink {
            self.shrink();
        }
        if before.close != self.seen.close {
            self.close(CloseReason::Asked);
        }
    }

    fn apply(&mut self, wanted: &Wanted) {
        self.anchor();
        let Some(open) = &mut self.conn else { return };
        match wanted.profile.apply_to_connection(&open.conn, self.index) {
            Ok(settings) => {
                open.settings = settings;
                self.pool.applied(self.index, Some(settings.cache_size));
                // What the old settings kept is given back as the new ones would have it. A
                // smaller cache_size alone frees only what is beyond it.
                if wanted.profile.after_query != AfterQuery::Nothing {
                    release(&open.conn);
                }
                if wanted.profile.after_query == AfterQuery::ShrinkAndTrim {
                    status::trim_allocator();
                }
                let counters = CacheCounters::of(&open.conn);
                self.pool.publish(self.index, counters);
                self.report(Event::ConnectionApplied {
                    connection: self.index,
                    generation: wanted.profile_generation,
                    settings,
                    is_new: false,
                });
            }
            Err(error) => {
                // The connection no longer does what it is told: a new one will be asked again.
                tracing::warn!(error = %error.chain(), "settings not applied");
                self.close(CloseReason::Setting);
            }
        }
    }

    /// Statements end with their task; what could be kept for the next one goes, too.
    fn reset_statements(&self) {
        let Some(open) = &self.conn else { return };
        self.anchor();
        open.conn.flush_prepared_statement_cache();
        self.publish(open);
    }

    /// What is published of the page cache is true now.
    fn anchor(&self) {
        self.gauge().anchor(self.pool.heap_now(self.index));
    }

    fn publish_cache(&self, open: &Open) {
        let counters = CacheCounters::of(&open.conn);
        self.pool.publish(self.index, counters);
    }

    fn publish(&self, open: &Open) {
        self.publish_cache(open);
        self.gauge().publish_other(OtherMemory::of(&open.conn));
    }

    fn shrink(&self) {
        let Some(open) = &self.conn else { return };
        // The connection's own cache: the heap of the process changes with the others', too.
        let before = self.gauge().cache_used();
        self.anchor();
        release(&open.conn);
        self.publish(open);
        self.report(Event::Shrunk {
            connection: self.index,
            cache: (before, self.gauge().cache_used()),
        });
    }

    fn close(&mut self, reason: CloseReason) {
        self.idle_since = None;
        let Some(open) = self.conn.take() else { return };
        let cache = self.gauge().cache_used();
        drop(open);
        self.pool.applied(self.index, None);
        self.gauge()
            .enter(ConnectionState::Closed, self.pool.clock.nanos());
        self.report(Event::ConnectionClosed {
            connection: self.index,
            reason,
            cache,
        });
    }

    /// Opens the connection if it is not open, and applies the profile to it.
    fn ensure_open(&mut self, wanted: &Wanted) -> Result<&mut Open> {
        if self.conn.is_none() {
            let target = wanted
                .target
                .as_ref()
                .ok_or_else(|| Error::other("run the query", "no database is open"))?;
            // The other connections still have the file before: rows of both must not meet in one list,
            // nor two logs of one name in one process.
            let is_another = |now: FileIdentity| target.identity.is_some_and(|then| then != now);
            if FileIdentity::of(&target.path).is_some_and(is_another) {
                let found = "another file has taken the place of the open database; open it again";
                return Err(Error::other("open a connection", found));
            }
            let conn = connection::open(&target.path, target.mode)?;
            let settings = wanted.profile.apply_to_connection(&conn, self.index)?;
            self.pool.applied(self.index, Some(settings.cache_size));
            self.report(Event::ConnectionApplied {
                connection: self.index,
                generation: wanted.profile_generation,
                settings,
                is_new: true,
            });
            self.conn = Some(Open {
                conn,
                settings,
                schema: Arc::clone(&target.schema),
                path: target.path.clone(),
            });
        }
        self.conn
            .as_mut()
            .ok_or_else(|| Error::other("open a connection", "it is gone"))
    }

    fn execute(&mut self, work: &Work, wanted: &Wanted) {
        let start = Start::now(&self.pool, work, &wanted.profile);
        if work.target_generation != wanted.target_generation {
            // Another database was opened while this waited: its question is no longer asked.
            work.token.ask(StopReason::Cancelled, start.nanos);
        }
        if work.token.is_asked() {
            self.be_free();
            self.report(ended_before_start(work, &wanted.profile, self.pool.clock));
            return;
        }
        let heap = self.pool.heap_now(self.index);
        self.gauge().begin(work.id.0, start.nanos, heap, start.rss);
        let mut run = self.run_statement(work, wanted, &start);
        let end_nanos = self.pool.clock.nanos();
        // A statement that finished in spite of the wish has finished; and whatever error a
        // stopped statement came back with, it was stopped.
        let stopped = work.token.asked().filter(|_| run.error.is_some());
        run.stopped_by = stopped.map(|(reason, _)| reason);
        let outcome = match (&run.error, stopped) {
            (_, Some((reason, _))) => reason.outcome(),
            (Some(_), None) => Outcome::Failed,
            (None, None) => Outcome::Finished,
        };
        self.after_query(&wanted.profile, outcome);
        let stop = stopped.map(|(_, asked_nanos)| {
            self.pool.watch(self.index);
            let given_back = self.wait_for_give_back(start.heap, asked_nanos);
            self.pool.watched(self.index);
            Stop {
                asked_ms: millis_between(start.nanos, asked_nanos),
                stopped_after_ms: millis_between(asked_nanos, end_nanos),
                given_back_after_ms: given_back,
            }
        });
        if let Some(open) = &self.conn {
            self.publish(open);
        }
        let after = After {
            heap: status::sqlite_heap(),
            rss: sample::rss(),
        };
        let receipt = self.receipt(
            &start,
            &run,
            &End {
                outcome,
                nanos: end_nanos,
                after,
                stop,
            },
        );
        let nanos = self.pool.clock.nanos();
        let state = if self.conn.is_some() {
            ConnectionState::Idle
        } else {
            ConnectionState::Closed
        };
        self.gauge().enter(state, nanos);
        self.idle_since = self.conn.is_some().then(Instant::now);
        // Whoever hears of the end finds a connection that is not busy.
        self.be_free();
        let report = (outcome == Outcome::Failed)
            .then(|| run.error.as_ref().map(Report::from))
            .flatten();
        self.report(Event::Ended {
            id: work.id,
            ended_secs: end_nanos as f64 / 1e9,
            receipt: Box::new(receipt),
            report,
            next: run.next,
        });
    }

    /// The task is over.
    fn be_free(&mut self) {
        // Who asked for idle connections to be closed meanwhile did not mean this one.
        self.seen.close = self.pool.free(self.index);
    }

    /// Runs the statement with everything in place that can stop it.
    fn run_statement(&mut self, work: &Work, wanted: &Wanted, start: &Start) -> Run {
        let index = self.index;
        let reporter = Reporter {
            out: self.out.clone(),
            deadline_nanos: start.deadline_nanos,
        };
        let budgets = start.budgets;
        let pool = Arc::clone(&self.pool);
        let open = match self.ensure_open(wanted) {
            Ok(open) => open,
            Err(error) => return Run::failed(error),
        };
        let schema = Arc::clone(&open.schema);
        let page_cache = work.task.page_cache();
        if let Some(page_cache) = page_cache {
            let profile = wanted.profile.for_reading_all(page_cache);
            if let Err(error) = profile.apply_to_connection(&open.conn, index) {
                self.close(CloseReason::Setting);
                return Run::failed(error);
            }
        }
        let before = CacheCounters::of(&open.conn);
        if let Err(error) = watch(&mut open.conn, &pool, index, work, start) {
            return Run::failed(error);
        }
        pool.interrupters[index].begin(
            work.id,
            work.token.clone(),
            open.conn.get_interrupt_handle(),
        );
        let opened = Opened {
            conn: &open.conn,
            schema: &schema,
            path: &open.path,
        };
        let running = Running {
            work,
            pool: &pool,
            connection: index,
            reporter: &reporter,
            budgets,
        };
        let mut run = run::run(opened, running);
        pool.interrupters[index].end();
        // The handler belongs to the task: without it, nothing stops what comes between tasks.
        open.conn.progress_handler(0, None::<fn() -> bool>).ok();
        let is_as_before = page_cache.is_none() || restore(&wanted.profile, open, index);
        let now = CacheCounters::of(&open.conn);
        pool.publish(index, now);
        run.counters = now.since(before);
        if !is_as_before {
            self.close(CloseReason::Setting);
        }
        run
    }

    /// The profile's after-query action, and after a stop the self-test.
    fn after_query(&mut self, profile: &MemoryProfile, outcome: Outcome) {
        if let Some(open) = &self.conn {
            if outcome != Outcome::Finished && !answers_self_test(open) {
                self.close(CloseReason::SelfTest);
            } else if profile.after_query != AfterQuery::Nothing {
                release(&open.conn);
                self.publish_cache(open);
            }
        }
        if profile.after_query == AfterQuery::ShrinkAndTrim {
            status::trim_allocator();
        }
    }

    /// Milliseconds from the wish until the heap is back where it was. `None` if it does not return.
    fn wait_for_give_back(&self, before: Bytes, asked_nanos: u64) -> Option<f64> {
        let patience = Instant::now() + GIVE_BACK_PATIENCE;
        loop {
            self.gauge().seen(self.pool.clock.nanos());
            if is_given_back(before, status::sqlite_heap()) {
                return Some(millis_between(asked_nanos, self.pool.clock.nanos()));
            }
            // The heap is the whole process's. Alone, nothing more will come back; beside other
            // tasks, theirs may still return, and a new task has a right to this worker.
            if Instant::now() >= patience
                || !self.pool.others_are_busy(self.index)
                || !self.pool.pause(self.index, Duration::from_millis(5))
            {
                return None;
            }
        }
    }

    fn receipt(&self, start: &Start, run: &Run, end: &End) -> Receipt {
        let End {
            outcome,
            nanos: end_nanos,
            after,
            stop,
        } = *end;
        let gauge = self.gauge();
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
                .then(|| run.error.as_ref().map(|error| self.without_path(error)))
                .flatten(),
            connection: Some(self.index),
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
                Some(stop) => self.limit_reached(start, run, stop),
                None if outcome == Outcome::Finished => self.limit_exceeded(start, run),
                None => None,
            },
        }
    }

    /// Receipts are passed on, and say nothing about where the database lies.
    fn without_path(&self, error: &Error) -> String {
        let text = error.chain();
        match self.pool.wanted().target {
            Some(target) => text.replace(&*target.path.to_string_lossy(), "the file"),
            None => text,
        }
    }

    /// Which limit stopped the task, and how far it had come.
    fn limit_reached(&self, start: &Start, run: &Run, stop: Stop) -> Option<LimitReached> {
        let kind = BudgetKind::of(run.stopped_by?)?;
        if kind == BudgetKind::Guard {
            let (limit, reached) = *self.pool.guard.acted.lock().get(self.index)?;
            return Some(LimitReached {
                kind,
                limit: limit.0,
                reached: reached.0,
                stopped: true,
            });
        }
        let reached = match kind {
            BudgetKind::Time => stop.asked_ms as u64,
            BudgetKind::Heap => self.heap_growth(start, run),
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
    fn limit_exceeded(&self, start: &Start, run: &Run) -> Option<LimitReached> {
        let Bytes(limit) = start.budgets.heap?;
        let reached = self.heap_growth(start, run);
        (reached > limit).then_some(LimitReached {
            kind: BudgetKind::Heap,
            limit,
            reached,
            stopped: false,
        })
    }

    /// By how much the heap has certainly grown for this task, inside of instructions, too, if no
    /// other task ran meanwhile.
    fn heap_growth(&self, start: &Start, run: &Run) -> u64 {
        let seen = self.gauge().heap_growth.load(Relaxed);
        if !run.was_alone {
            return seen;
        }
        let before = start.heap.max(run.heap_at_start);
        let peak = if run.highwater_at_end > run.highwater_at_start {
            run.highwater_at_end.0
        } else {
            self.gauge().heap_peak.load(Relaxed)
        };
        seen.max(peak.saturating_sub(before.0))
    }
}

/// The readings at the start of a task.
struct Start {
    nanos: u64,
    budgets: Budgets,
    /// In nanoseconds since the engine started.
    deadline_nanos: Option<u64>,
    queued_ms: f64,
    heap: Bytes,
    highwater: Bytes,
    rss: Option<Bytes>,
    profile: String,
}

impl Start {
    fn now(pool: &Pool, work: &Work, profile: &MemoryProfile) -> Self {
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
struct End {
    outcome: Outcome,
    nanos: u64,
    after: After,
    stop: Option<Stop>,
}

/// The readings after a task and the after-query action.
#[derive(Clone, Copy)]
struct After {
    heap: Bytes,
    rss: Option<Bytes>,
}

/// Installs the progress handler for one task.
fn watch(
    conn: &mut Connection,
    pool: &Arc<Pool>,
    index: usize,
    work: &Work,
    start: &Start,
) -> Result<()> {
    let heap_budget = start.budgets.heap.map(|budget| {
        pool.publish(index, CacheCounters::of(conn));
        pool.gauges[index].publish_other(OtherMemory::of(conn));
        (HeapShare::new(pool.heap_look(index)), budget)
    });
    let mut progress = Progress {
        token: work.token.clone(),
        pool: Arc::clone(pool),
        index,
        clock: pool.clock,
        deadline_nanos: start.deadline_nanos,
        heap_budget,
        ticks: 0,
        rss_due_nanos: 0,
    };
    status::on_progress(conn, OPS_PER_TICK, move |live| progress.tick(live))
        .map_err(|source| Error::other("watch the query", source))
}

/// Puts the profile's settings back after a task that had its own. `false`: the connection does not
/// take them, or is still inside the task's transaction.
fn restore(profile: &MemoryProfile, open: &Open, index: usize) -> bool {
    open.conn.is_autocommit()
        && profile
            .apply_to_connection(&open.conn, index)
            .is_ok_and(|settings| settings == open.settings)
}

fn release(conn: &Connection) {
    // It can only fail for a connection in a state that rusqlite does not hand out.
    if let Err(error) = conn.release_memory() {
        tracing::warn!(%error, "page cache not released");
    }
}

/// After a stop: does the connection still answer, and does it still have its settings?
fn answers_self_test(open: &Open) -> bool {
    let answers = open
        .conn
        .query_row("SELECT 1", [], |row| row.get::<_, i64>(0))
        .is_ok_and(|one| one == 1);
    answers && ConnectionSettings::read(&open.conn).is_ok_and(|settings| settings == open.settings)
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

fn millis_between(from_nanos: u64, to_nanos: u64) -> f64 {
    to_nanos.saturating_sub(from_nanos) as f64 / 1e6
}

/// Whether a task was told to stop, for code that only has its token.
pub(super) fn check(token: &CancelToken) -> Result<()> {
    if token.is_asked() {
        Err(Error::Cancelled)
    } else {
        Ok(())
    }
}
