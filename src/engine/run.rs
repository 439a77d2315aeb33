//! Runs one statement and sends its rows as they come.

use std::{
    path::Path,
    sync::{atomic::Ordering::Relaxed, mpsc::TrySendError},
    time::Duration,
};

use rusqlite::{Statement, StatementStatus};

use super::{
    cancel::StopReason,
    export, list,
    message::{Event, News, Task},
    outlet::Outlet,
    pool::{Pool, Work},
    take::{Batches, Running, Take},
    worker::check,
};
use crate::{
    db::{
        connection::ReadConnection,
        plan::PlanSummary,
        secrets,
        status::{self, CacheCounters},
    },
    error::{Error, Result},
    jobs::{catalogue::Column, schema::Schema, sort::Cursor, sql::Sql},
    memory::sample,
    units::Bytes,
};

/// What became of the statement.
#[derive(Default)]
pub(super) struct Run {
    pub is_started: bool,
    pub error: Option<Error>,
    pub rows: u64,
    pub first_row_nanos: Option<u64>,
    pub vm_steps: u64,
    pub fullscan_steps: u64,
    pub sorts: u64,
    pub autoindexes: u64,
    pub counters: CacheCounters,
    pub next: Option<Cursor>,
    /// Size of the rows that were sent.
    pub result_bytes: u64,
    /// Why it did not come to its end, where somebody or something stopped it.
    pub stopped_by: Option<StopReason>,
    /// Read before the statement began.
    pub heap_at_start: Bytes,
    /// Read before the statement began.
    pub highwater_at_start: Bytes,
    /// No other task ran meanwhile: what came into the heap is this one's.
    pub was_alone: bool,
    /// Read before anything is released.
    pub heap_at_end: Bytes,
    /// Read before anything is released.
    pub highwater_at_end: Bytes,
    /// Read before anything is released.
    pub rss_at_end: Option<Bytes>,
}

impl Run {
    pub(super) fn failed(error: Error) -> Self {
        Self {
            error: Some(error),
            ..Self::default()
        }
    }
}

/// Sends what happens, and notices when nobody takes it.
pub(super) struct Reporter {
    pub out: Outlet,
    pub deadline_nanos: Option<u64>,
}

/// Between two tries to get rows into a full channel.
const SEND_RETRY: Duration = Duration::from_millis(2);

impl Reporter {
    /// Says what may as well stay unsaid if nobody has listened for a while.
    pub(super) fn mention(&self, event: Event, pool: &Pool) {
        let news = News {
            at_secs: pool.clock.secs(),
            event,
        };
        self.out.try_send(news).ok();
    }

    /// Says what must be heard, when no statement is open any more.
    pub(super) fn tell(&self, event: Event, pool: &Pool) {
        let news = News {
            at_secs: pool.clock.secs(),
            event,
        };
        self.out.send(news);
    }

    /// Waits for room, but no longer than the task may run: a statement that is half read keeps its
    /// snapshot, and with it the write-ahead log of a live database.
    pub(super) fn send(
        &self,
        event: Event,
        work: &Work,
        pool: &Pool,
        connection: usize,
    ) -> Result<()> {
        let mut news = News {
            at_secs: pool.clock.secs(),
            event,
        };
        loop {
            news = match self.out.try_send(news) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(_)) => return Err(Error::Cancelled),
                Err(TrySendError::Full(news)) => news,
            };
            let now = pool.clock.nanos();
            pool.gauges[connection].seen(now);
            if self.deadline_nanos.is_some_and(|deadline| now >= deadline) {
                work.token.ask(StopReason::TimeLimit, now);
            }
            check(&work.token)?;
            std::thread::park_timeout(SEND_RETRY);
        }
    }
}

/// An open database.
#[derive(Clone, Copy)]
pub(super) struct Opened<'a> {
    pub conn: &'a ReadConnection,
    pub schema: &'a Schema,
    pub path: &'a Path,
}

/// Runs the task's statement.
pub(super) fn run(opened: Opened<'_>, running: Running<'_>) -> Run {
    let others = running.pool.tasks_while_quiet(running.connection);
    let mut run = Run {
        heap_at_start: status::sqlite_heap(),
        highwater_at_start: status::sqlite_heap_highwater(),
        ..Run::default()
    };
    let mut runner = Runner {
        opened,
        running,
        vm_steps_low: 0,
        run: &mut run,
    };
    if let Err(error) = runner.go() {
        run.error = Some(error);
    }
    run.heap_at_end = status::sqlite_heap();
    run.highwater_at_end = status::sqlite_heap_highwater();
    run.rss_at_end = sample::rss();
    run.was_alone =
        others.is_some() && others == running.pool.tasks_while_quiet(running.connection);
    run
}

/// One task on its way through its statements.
pub(super) struct Runner<'a> {
    pub opened: Opened<'a>,
    pub running: Running<'a>,
    /// SQLite counts in 32 bits, statement by statement.
    vm_steps_low: u32,
    run: &'a mut Run,
}

impl Runner<'_> {
    fn go(&mut self) -> Result<()> {
        self.running.check()?;
        let mut batches = Batches::new(self.running);
        let result = self.go_with(&mut batches);
        self.run.result_bytes = batches.total_bytes;
        result
    }

    fn go_with(&mut self, batches: &mut Batches<'_>) -> Result<()> {
        match &self.running.work.task {
            Task::Query(query) => {
                let sql = query.sql(self.opened.schema)?;
                self.statement(&sql, Some(query.columns()), batches)?;
                let num_rows = usize::try_from(self.run.rows).unwrap_or(usize::MAX);
                self.run.next = query.next(num_rows, Some(&batches.last_row));
                Ok(())
            }
            Task::Sql(text) => self.statement(&Sql::text(text), None, batches),
            Task::List(query) => list::run(self, query, batches),
            Task::Orders(selection) => list::plan_orders(self, selection),
            Task::Export(spec) => export::run(self, spec),
        }
    }

    /// Runs a statement to its end. The first one of a task says that the task has started, with
    /// these columns or those of the statement.
    pub(super) fn statement(
        &mut self,
        sql: &Sql,
        columns: Option<Vec<Column>>,
        take: &mut dyn Take,
    ) -> Result<()> {
        let Sql { text, params } = sql;
        let conn = self.opened.conn;
        let failed = |source| Error::Query {
            sql: text.clone(),
            source,
        };
        let mut statement = prepare(conn, &self.running.work.task, text)?;
        let values = || rusqlite::params_from_iter(params.iter());
        if !self.run.is_started {
            self.run.is_started = true;
            // A statement that explains another has no plan of its own.
            let plan = if statement.is_explain() == 0 {
                PlanSummary::of(conn, text, values()).map_err(failed)?
            } else {
                PlanSummary::default()
            };
            let columns = columns.unwrap_or_else(|| {
                let names = statement.column_names();
                names
                    .into_iter()
                    .map(|name| Column::new(name, None))
                    .collect()
            });
            self.running.report_start(plan, columns)?;
        }
        let result = self.step_through(&mut statement, values(), failed, take);
        self.count(&statement);
        result
    }

    fn step_through(
        &mut self,
        statement: &mut Statement<'_>,
        params: impl rusqlite::Params,
        failed: impl Fn(rusqlite::Error) -> Error,
        take: &mut dyn Take,
    ) -> Result<()> {
        let gauge = &self.running.pool.gauges[self.running.connection];
        let mut rows = statement.query(params).map_err(&failed)?;
        // The snapshot is taken by the first step, which follows.
        gauge.hold_snapshot(self.running.pool.clock.nanos());
        let result = loop {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => break Ok(()),
                Err(source) => break Err(failed(source)),
            };
            if self.run.first_row_nanos.is_none() {
                self.run.first_row_nanos = Some(self.running.pool.clock.nanos());
            }
            self.run.rows += 1;
            if let Err(error) = take.row(row, self.run.rows) {
                // This one was read, and not taken.
                self.run.rows -= 1;
                break Err(error);
            }
        };
        // Nothing more is read: the snapshot goes before anything waits for room.
        drop(rows);
        gauge.release_snapshot();
        let delivered = take.end();
        self.run.rows = take.num_delivered(self.run.rows);
        delivered?;
        result
    }

    fn count(&mut self, statement: &Statement<'_>) {
        // SQLite counts in 32 bits. The progress handler counted thousands in 64.
        let gauge = &self.running.pool.gauges[self.running.connection];
        let ticked = gauge.vm_steps.load(Relaxed);
        let low = |what| statement.get_status(what).cast_unsigned();
        self.vm_steps_low = self.vm_steps_low.wrapping_add(low(StatementStatus::VmStep));
        self.run.vm_steps = status::widened(self.vm_steps_low, ticked);
        self.run.fullscan_steps += u64::from(low(StatementStatus::FullscanStep));
        self.run.sorts += u64::from(low(StatementStatus::Sort));
        self.run.autoindexes += u64::from(low(StatementStatus::AutoIndex));
    }
}

/// Prepares the statement; what a user wrote may only read, and only once.
fn prepare<'conn>(
    conn: &'conn ReadConnection,
    task: &Task,
    text: &str,
) -> Result<Statement<'conn>> {
    let failed = |source| Error::Query {
        sql: text.to_owned(),
        source,
    };
    if !matches!(task, Task::Sql(_)) {
        return conn.prepare(text).map_err(failed);
    }
    let (prepared, refused) = conn.authorizer.strictly(|| conn.prepare(text));
    let refuse = |reason: &str| {
        Err(Error::Refused {
            reason: reason.to_owned(),
        })
    };
    if let Some(reason) = refused {
        return refuse(&reason);
    }
    match prepared {
        Ok(statement) if statement.readonly() && statement.column_count() > 0 => {
            let reads_passwords = match statement.is_explain() {
                0 => secrets::are_read(conn, text).map_err(failed)?,
                _ => false,
            };
            if reads_passwords {
                return refuse("it would show password hashes; name the columns, and join with ON");
            }
            Ok(statement)
        }
        Ok(statement) if statement.readonly() => refuse("it is empty or returns nothing"),
        Ok(_) => refuse("it would write"),
        Err(rusqlite::Error::MultipleStatement) => refuse("there is more than one statement"),
        Err(source) => Err(failed(source)),
    }
}
