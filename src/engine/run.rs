//! Runs one statement and sends its rows as they come.

use std::{
    sync::{
        Arc,
        atomic::Ordering::Relaxed,
        mpsc::{SyncSender, TrySendError},
    },
    time::{Duration, Instant},
};

use rusqlite::{Statement, StatementStatus};

use super::{
    cancel::StopReason,
    message::{Event, News, Task},
    pool::{Pool, Work},
    worker::check,
};
use crate::{
    db::{
        connection::ReadConnection,
        plan::PlanSummary,
        secrets,
        status::{self, CacheCounters},
        value::Cell,
    },
    error::{Error, Result},
    jobs::{catalogue::Column, schema::Schema, sort::Cursor, sql::Sql},
    memory::sample,
    units::Bytes,
};

/// A batch is sent when it has this many rows,
const BATCH_ROWS: usize = 256;
/// or holds this much,
const BATCH_BYTES: usize = 1 << 20;
/// or when this long has passed since the batch before: a slow query shows each row as it comes.
const BATCH_WAIT: Duration = Duration::from_millis(40);

/// What became of the statement.
#[derive(Default)]
pub(super) struct Run {
    pub error: Option<Error>,
    pub rows: u64,
    pub first_row_nanos: Option<u64>,
    pub vm_steps: u64,
    pub fullscan_steps: u64,
    pub sorts: u64,
    pub autoindexes: u64,
    pub counters: CacheCounters,
    pub next: Option<Cursor>,
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
    pub out: SyncSender<News>,
    pub wake: Arc<dyn Fn() + Send + Sync>,
    pub deadline_nanos: Option<u64>,
}

/// Between two tries to get rows into a full channel.
const SEND_RETRY: Duration = Duration::from_millis(2);

impl Reporter {
    /// Waits for room, but no longer than the task may run: a statement that is half read keeps its
    /// snapshot, and with it the write-ahead log of a live database.
    fn send(&self, event: Event, work: &Work, pool: &Pool, connection: usize) -> Result<()> {
        let mut news = News {
            at_secs: pool.clock.secs(),
            event,
        };
        loop {
            news = match self.out.try_send(news) {
                Ok(()) => {
                    (self.wake)();
                    return Ok(());
                }
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

/// Runs the task's statement.
pub(super) fn run(
    (conn, schema): (&ReadConnection, &Schema),
    work: &Work,
    pool: &Pool,
    connection: usize,
    reporter: &Reporter,
) -> Run {
    let mut run = Run::default();
    let mut runner = Runner {
        conn,
        schema,
        work,
        pool,
        connection,
        reporter,
        run: &mut run,
    };
    if let Err(error) = runner.go() {
        run.error = Some(error);
    }
    run.heap_at_end = status::sqlite_heap();
    run.highwater_at_end = status::sqlite_heap_highwater();
    run.rss_at_end = sample::rss();
    run
}

struct Runner<'a> {
    conn: &'a ReadConnection,
    schema: &'a Schema,
    work: &'a Work,
    pool: &'a Pool,
    connection: usize,
    reporter: &'a Reporter,
    run: &'a mut Run,
}

impl Runner<'_> {
    fn go(&mut self) -> Result<()> {
        check(&self.work.token)?;
        let Sql { text, params } = match &self.work.task {
            Task::Query(query) => query.sql(self.schema)?,
            Task::Sql(text) => Sql::text(text),
        };
        let failed = |source| Error::Query {
            sql: text.clone(),
            source,
        };
        let mut statement = prepare(self.conn, &self.work.task, &text)?;
        let values = || rusqlite::params_from_iter(params.iter());
        // A statement that explains another has no plan of its own.
        let plan = if statement.is_explain() == 0 {
            PlanSummary::of(self.conn, &text, values()).map_err(failed)?
        } else {
            PlanSummary::default()
        };
        let columns = match &self.work.task {
            Task::Query(query) => query.columns(),
            Task::Sql(_) => statement
                .column_names()
                .map(|name| Column::new(name, None))
                .collect(),
        };
        self.report(Event::Started {
            id: self.work.id,
            connection: self.connection,
            plan,
            columns,
        })?;
        let result = self.step_through(&mut statement, values(), failed);
        self.count(&statement);
        result
    }

    fn step_through(
        &mut self,
        statement: &mut Statement<'_>,
        params: impl rusqlite::Params,
        failed: impl Fn(rusqlite::Error) -> Error,
    ) -> Result<()> {
        let num_columns = statement.column_count();
        let mut rows = statement.query(params).map_err(&failed)?;
        let mut batch = Batch::default();
        let mut last_row = Vec::new();
        let result = loop {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => break Ok(()),
                Err(source) => break Err(failed(source)),
            };
            if self.run.first_row_nanos.is_none() {
                self.run.first_row_nanos = Some(self.pool.clock.nanos());
            }
            let cells = (0..num_columns)
                .map(|column| row.get_ref(column).map(Cell::from))
                .collect::<rusqlite::Result<Vec<_>>>()
                .map_err(&failed)?;
            self.run.rows += 1;
            batch.push(cells);
            if batch.is_due() {
                if let Err(error) = check(&self.work.token) {
                    break Err(error);
                }
                self.send(&mut batch, &mut last_row)?;
            }
        };
        // Nothing more is read: the snapshot goes before anything waits for room.
        drop(rows);
        // What has arrived is shown, however it ended.
        self.send(&mut batch, &mut last_row)?;
        if result.is_ok()
            && let Task::Query(query) = &self.work.task
        {
            let num_rows = usize::try_from(self.run.rows).unwrap_or(usize::MAX);
            self.run.next = query.next(num_rows, Some(&last_row));
        }
        result
    }

    fn send(&self, batch: &mut Batch, last_row: &mut Vec<Cell>) -> Result<()> {
        let rows = batch.take();
        let Some(last) = rows.last() else {
            return Ok(());
        };
        if matches!(self.work.task, Task::Query(_)) {
            last_row.clone_from(last);
        }
        self.pool.gauges[self.connection]
            .rows
            .store(self.run.rows, Relaxed);
        let event = Event::Rows {
            id: self.work.id,
            rows,
        };
        self.report(event)
    }

    fn report(&self, event: Event) -> Result<()> {
        self.reporter
            .send(event, self.work, self.pool, self.connection)
    }

    fn count(&mut self, statement: &Statement<'_>) {
        // SQLite counts in 32 bits. The progress handler counted thousands in 64.
        let ticked = self.pool.gauges[self.connection].vm_steps.load(Relaxed);
        let low = |what| statement.get_status(what).cast_unsigned();
        self.run.vm_steps = status::widened(low(StatementStatus::VmStep), ticked);
        self.run.fullscan_steps = low(StatementStatus::FullscanStep).into();
        self.run.sorts = low(StatementStatus::Sort).into();
        self.run.autoindexes = low(StatementStatus::AutoIndex).into();
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
    if matches!(task, Task::Query(_)) {
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

#[derive(Default)]
struct Batch {
    rows: Vec<Vec<Cell>>,
    bytes: usize,
    last_sent: Option<Instant>,
}

impl Batch {
    fn push(&mut self, row: Vec<Cell>) {
        self.bytes += row.iter().map(Cell::size).sum::<usize>();
        self.rows.push(row);
    }

    fn is_due(&self) -> bool {
        self.rows.len() >= BATCH_ROWS
            || self.bytes >= BATCH_BYTES
            // The very first row goes out alone.
            || self
                .last_sent
                .is_none_or(|at| at.elapsed() >= BATCH_WAIT)
    }

    fn take(&mut self) -> Vec<Vec<Cell>> {
        self.last_sent = Some(Instant::now());
        self.bytes = 0;
        std::mem::take(&mut self.rows)
    }
}
