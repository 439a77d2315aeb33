//! Questions about the list of jobs: its rows, the keys of its position index, its ids in an order
//! that no index has.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rusqlite::{Row, types::ValueRef};

use super::{
    message::Event,
    run::Runner,
    take::{Batches, Running, Take},
};
use crate::{
    db::{plan::PlanSummary, value::Cell},
    error::{Error, Result},
    jobs::{
        column::JobColumn,
        filter::Selection,
        position::STRIDE,
        rows::ListQuery,
        sort::{Cursor, Sort, SortKey},
        sorted::SortedIdsWriter,
    },
};

/// Runs one of the questions.
pub(super) fn run(
    runner: &mut Runner<'_>,
    query: &ListQuery,
    batches: &mut Batches<'_>,
) -> Result<()> {
    let sql = query.sql(runner.opened.schema)?;
    let columns = Some(query.columns());
    let running = runner.running;
    match query {
        ListQuery::Rows(_) | ListQuery::Newer(..) => runner.statement(&sql, columns, batches),
        ListQuery::Positions(..) => runner.statement(&sql, columns, &mut Positions::new(running)),
        ListQuery::SortedIds(..) => {
            let mut ids = Ids {
                running,
                writer: SortedIdsWriter::create()?,
            };
            runner.statement(&sql, columns, &mut ids)?;
            running.show_rows(ids.writer.num_rows());
            running.report(Event::Sorted {
                id: running.work.id,
                ids: Arc::new(ids.writer.finish()?),
            })
        }
    }
}

/// How each order of these jobs would be served, without running anything.
pub(super) fn plan_orders(runner: &Runner<'_>, selection: &Selection) -> Result<()> {
    let running = runner.running;
    let opened = runner.opened;
    running.report_start(PlanSummary::default(), Vec::new())?;
    let mut plans = Vec::new();
    for column in JobColumn::stored() {
        let JobColumn::Stored(name) = column else {
            continue;
        };
        let sort = Sort {
            key: SortKey::Column(name),
            descending: true,
        };
        running.check()?;
        // A column that the file lacks has no order.
        let query = ListQuery::Positions(selection.clone(), sort.clone());
        let Ok(sql) = query.sql(opened.schema) else {
            continue;
        };
        let params = rusqlite::params_from_iter(sql.params.iter());
        let plan =
            PlanSummary::of(opened.conn, &sql.text, params).map_err(|source| Error::Query {
                sql: sql.text.clone(),
                source,
            })?;
        plans.push((sort, plan));
    }
    running.report(Event::OrdersPlanned {
        id: running.work.id,
        plans,
    })
}

/// Rows between two looks at the clock while keys are passed: a fraction of a millisecond.
const ROWS_PER_LOOK: u64 = 8_192;

/// Keys are sent on when this long has passed since those before.
const KEYS_WAIT: Duration = Duration::from_millis(40);

/// Keeps every so many-th key.
struct Positions<'a> {
    running: Running<'a>,
    /// The keys that nobody has yet.
    keys: Vec<Cursor>,
    num_rows: u64,
    sent: Option<Instant>,
}

impl<'a> Positions<'a> {
    fn new(running: Running<'a>) -> Self {
        Self {
            running,
            keys: Vec::new(),
            num_rows: 0,
            sent: None,
        }
    }

    fn send(&mut self) -> Result<()> {
        self.sent = Some(Instant::now());
        self.running.show_rows(self.num_rows);
        self.running.report(Event::Positions {
            id: self.running.work.id,
            keys: std::mem::take(&mut self.keys),
            num_rows: self.num_rows,
        })
    }
}

impl Take for Positions<'_> {
    fn row(&mut self, row: &Row<'_>, num_rows: u64) -> Result<()> {
        if self.num_rows.is_multiple_of(u64::from(STRIDE)) {
            self.keys.push(Cursor {
                id: id_of(row)?,
                key: row.get_ref(1).map(Cell::from).map_err(cannot_read)?,
            });
        }
        self.num_rows = num_rows;
        if num_rows.is_multiple_of(ROWS_PER_LOOK)
            && self.sent.is_none_or(|at| at.elapsed() >= KEYS_WAIT)
        {
            self.running.check()?;
            self.send()?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        self.send()
    }
}

/// Writes ids down.
struct Ids<'a> {
    running: Running<'a>,
    writer: SortedIdsWriter,
}

impl Take for Ids<'_> {
    fn row(&mut self, row: &Row<'_>, num_rows: u64) -> Result<()> {
        self.writer.push(id_of(row)?)?;
        if num_rows.is_multiple_of(ROWS_PER_LOOK) {
            self.running.check()?;
            self.running.show_rows(num_rows);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

/// The id in the first column.
fn id_of(row: &Row<'_>) -> Result<i64> {
    let value = row.get_ref(0).map_err(cannot_read)?;
    if let ValueRef::Integer(id) = value {
        return Ok(id);
    }
    Cell::from(value).as_id().ok_or_else(|| {
        Error::other(
            "number the rows",
            "a job's id is neither an integer nor reads as one",
        )
    })
}

fn cannot_read(source: rusqlite::Error) -> Error {
    Error::other("read a row", source)
}
