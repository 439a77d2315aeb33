//! One thread, one connection, one loop: the life of every task, in one place.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::{
    account::{self, After, End, Start, ended_before_start, millis_between},
    cancel::{CancelToken, StopReason},
    gauge::Gauge,
    heap_share::HeapShare,
    message::{CloseReason, Event, News},
    outlet::Outlet,
    pool::{Next, Pool, Seen, Wanted, Work},
    progress::{OPS_PER_TICK, Progress},
    receipt::{Outcome, Stop, is_given_back},
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
        let receipt = account::receipt(
            &self.pool,
            self.index,
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

/// Whether a task was told to stop, for code that only has its token.
pub(super) fn check(token: &CancelToken) -> Result<()> {
    if token.is_asked() {
        Err(Error::Cancelled)
    } else {
        Ok(())
    }
}
