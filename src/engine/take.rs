//! What becomes of the rows of a statement: sent as they come, or whatever else takes them.

use std::{
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use rusqlite::Row;

use super::{
    budget::Budgets,
    cancel::StopReason,
    message::{Event, Task},
    pool::{Pool, Work},
    run::Reporter,
    worker::check,
};
use crate::{
    db::{plan::PlanSummary, value::Cell},
    error::{Error, Result},
    jobs::catalogue::Column,
};

/// A batch is sent when it has this many rows,
const BATCH_ROWS: usize = 256;
/// or holds this much,
const BATCH_BYTES: usize = 1 << 20;
/// or when this long has passed since the batch before: a slow query shows each row as it comes.
const BATCH_WAIT: Duration = Duration::from_millis(40);

/// A running task as whoever takes its rows sees it.
#[derive(Clone, Copy)]
pub(super) struct Running<'a> {
    pub work: &'a Work,
    pub pool: &'a Pool,
    pub connection: usize,
    pub reporter: &'a Reporter,
    pub budgets: Budgets,
}

impl Running<'_> {
    pub(super) fn report(&self, event: Event) -> Result<()> {
        self.reporter
            .send(event, self.work, self.pool, self.connection)
    }

    pub(super) fn report_start(&self, plan: PlanSummary, columns: Vec<Column>) -> Result<()> {
        let task = &self.work.task;
        self.report(Event::Started {
            id: self.work.id,
            connection: self.connection,
            plan,
            columns,
            title: task.title(),
            is_background: task.is_background(),
        })
    }

    pub(super) fn check(&self) -> Result<()> {
        check(&self.work.token)
    }

    /// Has the task stopped for this reason.
    pub(super) fn stop(&self, reason: StopReason) -> Error {
        self.work.token.ask(reason, self.pool.clock.nanos());
        Error::Cancelled
    }

    /// It was stopped by a budget on what it delivers.
    fn has_delivered_enough(&self) -> bool {
        let asked = self.work.token.asked().map(|(reason, _)| reason);
        matches!(
            asked,
            Some(StopReason::RowBudget | StopReason::ResultBudget)
        )
    }

    pub(super) fn show_rows(&self, rows: u64) {
        self.pool.gauges[self.connection].rows.store(rows, Relaxed);
    }
}

/// Takes the rows of a statement one by one.
pub(super) trait Take {
    /// One row, while SQLite holds it. `num_rows` counts it already.
    ///
    /// # Errors
    /// If the statement should go no further.
    fn row(&mut self, row: &Row<'_>, num_rows: u64) -> Result<()>;

    /// No more rows will come, however it ended; the statement's snapshot is gone.
    ///
    /// # Errors
    /// If what was taken cannot be delivered.
    fn end(&mut self) -> Result<()>;

    /// How many of the rows that were taken have arrived, now that it has ended.
    fn num_delivered(&self, num_taken: u64) -> u64 {
        num_taken
    }
}

/// Sends rows in batches to whoever asked.
pub(super) struct Batches<'a> {
    running: Running<'a>,
    rows: Vec<Vec<Cell>>,
    bytes: usize,
    /// Of all rows so far, the one included that went beyond the budget.
    pub total_bytes: u64,
    last_sent: Option<Instant>,
    /// A batch that finds no room before its task is stopped never arrives.
    num_sent: u64,
    /// Where the next page begins.
    pub last_row: Vec<Cell>,
}

impl<'a> Batches<'a> {
    pub(super) fn new(running: Running<'a>) -> Self {
        Self {
            running,
            rows: Vec::new(),
            bytes: 0,
            total_bytes: 0,
            last_sent: None,
            num_sent: 0,
            last_row: Vec::new(),
        }
    }

    fn is_due(&self) -> bool {
        self.rows.len() >= BATCH_ROWS
            || self.bytes >= BATCH_BYTES
            // The very first row goes out alone.
            || self
                .last_sent
                .is_none_or(|at| at.elapsed() >= BATCH_WAIT)
    }

    fn send(&mut self) -> Result<()> {
        self.last_sent = Some(Instant::now());
        self.bytes = 0;
        let rows = std::mem::take(&mut self.rows);
        let Some(last) = rows.last() else {
            return Ok(());
        };
        if matches!(self.running.work.task, Task::Query(_)) {
            self.last_row.clone_from(last);
        }
        let num_sent = self.num_sent + rows.len() as u64;
        let event = Event::Rows {
            id: self.running.work.id,
            rows,
        };
        if self.running.has_delivered_enough() {
            // Up to its budget, every row is delivered; no statement is open any more.
            self.running.reporter.tell(event, self.running.pool);
        } else {
            self.running.report(event)?;
        }
        self.num_sent = num_sent;
        self.running.show_rows(num_sent);
        Ok(())
    }
}

impl Take for Batches<'_> {
    fn row(&mut self, row: &Row<'_>, num_rows: u64) -> Result<()> {
        let budgets = self.running.budgets;
        if budgets.rows.is_some_and(|most| num_rows > most) {
            return Err(self.running.stop(StopReason::RowBudget));
        }
        let num_columns = row.as_ref().column_count();
        let cells = (0..num_columns)
            .map(|column| row.get_ref(column).map(Cell::from))
            .collect::<rusqlite::Result<Vec<_>>>()
            .map_err(|source| Error::other("read a row", source))?;
        let size = cells.iter().map(Cell::size).sum::<usize>();
        self.total_bytes += size as u64;
        if budgets.result.is_some_and(|most| self.total_bytes > most.0) {
            return Err(self.running.stop(StopReason::ResultBudget));
        }
        self.bytes += size;
        self.rows.push(cells);
        if self.is_due() {
            self.running.check()?;
            self.send()?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        // What has arrived is shown, however it ended.
        self.send()
    }

    fn num_delivered(&self, _num_taken: u64) -> u64 {
        self.num_sent
    }
}
