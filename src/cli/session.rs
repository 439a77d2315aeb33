//! One engine, one database, one task: what `query`, `sql` and `export` share.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use super::signals;
use crate::{
    db::{connection::OpenMode, profile::MemoryProfile, value::Cell},
    engine::{
        Engine,
        message::{Event, Request, Task, TaskId},
        receipt::Receipt,
    },
    error::{Error, Report, Result},
    export::ExportEnd,
    jobs::{catalogue::Column, facts::DatabaseFacts, schema::Schema, sort::Cursor},
    units::Bytes,
};

/// Between two looks at Ctrl-C and at the time for `--cancel-after`.
const POLL: Duration = Duration::from_millis(10);

/// An engine with an open database.
pub struct Session {
    engine: Engine,
    facts: Box<DatabaseFacts>,
}

/// How a task ended.
pub struct Ending {
    /// What it did and cost.
    pub receipt: Receipt,
    /// Why it failed.
    pub report: Option<Report>,
    /// Where the next batch begins.
    pub next: Option<Cursor>,
}

impl Session {
    /// Starts an engine and opens `path`.
    ///
    /// # Errors
    /// If a thread cannot be started or the file cannot be opened.
    pub fn open(path: &Path, mode: OpenMode, profile: &MemoryProfile) -> Result<Self> {
        signals::watch()?;
        let mut engine = Engine::start(profile, || ())?;
        engine.send(Request::Open {
            path: path.to_owned(),
            mode,
        });
        loop {
            if signals::is_interrupted() {
                return Err(Error::Cancelled);
            }
            let Some(news) = engine.wait(POLL) else {
                continue;
            };
            if let Some(answer) = news.event.answer_to_open() {
                let facts = answer.map_err(Error::Reported)?;
                return Ok(Self { engine, facts });
            }
        }
    }

    /// Stops what runs when less than this is available. `None`: never.
    pub fn guard(&mut self, keep: Option<Bytes>) {
        self.engine.send(Request::SetGuard(keep));
    }

    /// The engine with its open database.
    pub fn into_engine(self) -> (Engine, Box<DatabaseFacts>) {
        (self.engine, self.facts)
    }

    /// What was found when the database was opened.
    pub fn facts(&self) -> &DatabaseFacts {
        &self.facts
    }

    /// How its columns are read.
    pub fn schema(&self) -> &Schema {
        &self.facts.schema
    }

    /// Runs `task` to its end. `sink` gets the columns first, then the rows as they come.
    ///
    /// # Errors
    /// What `sink` returns; the task is stopped then.
    pub fn run(
        &mut self,
        task: Task,
        cancel_after: Option<Duration>,
        sink: &mut dyn Sink,
    ) -> Result<Ending> {
        let id = TaskId(1);
        self.engine.send(Request::Run(id, task));
        let started = Instant::now();
        let mut failure = None;
        loop {
            let overdue = cancel_after.is_some_and(|after| started.elapsed() >= after);
            if overdue || signals::is_interrupted() {
                self.engine.send(Request::Cancel(id));
            }
            let patience = cancel_after.map_or(POLL, |after| {
                after
                    .saturating_sub(started.elapsed())
                    .clamp(Duration::from_millis(1), POLL)
            });
            let Some(news) = self.engine.wait(patience) else {
                continue;
            };
            let result = if let Event::Ended {
                receipt,
                report,
                next,
                ..
            } = news.event
            {
                return failure.map_or_else(
                    || {
                        Ok(Ending {
                            receipt: *receipt,
                            report,
                            next,
                        })
                    },
                    Err,
                );
            } else if let Event::Started { columns, .. } = news.event {
                sink.columns(columns)
            } else if let Event::Rows { rows, .. } = news.event {
                // What comes after a failure is on its way already, and has no use.
                if failure.is_none() {
                    sink.rows(&rows)
                } else {
                    Ok(())
                }
            } else if let Event::Exported {
                rows, bytes, end, ..
            } = news.event
            {
                sink.exported(rows, bytes, end)
            } else {
                Ok(())
            };
            if let Err(error) = result {
                failure.get_or_insert(error);
                self.engine.send(Request::Cancel(id));
            }
        }
    }
}

/// Takes a result as it comes.
pub trait Sink {
    /// The columns, before the first row.
    ///
    /// # Errors
    /// If the output cannot be written.
    fn columns(&mut self, columns: Vec<Column>) -> Result<()>;

    /// Some rows.
    ///
    /// # Errors
    /// If the output cannot be written.
    fn rows(&mut self, rows: &[Vec<Cell>]) -> Result<()>;

    /// An export has got so far.
    ///
    /// # Errors
    /// If it should be stopped.
    fn exported(&mut self, _rows: u64, _bytes: u64, _end: Option<ExportEnd>) -> Result<()> {
        Ok(())
    }
}

/// Keeps all rows: for small results that the program itself needs.
#[derive(Default)]
pub struct Collect {
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

impl Sink for Collect {
    fn columns(&mut self, _columns: Vec<Column>) -> Result<()> {
        Ok(())
    }

    fn rows(&mut self, rows: &[Vec<Cell>]) -> Result<()> {
        self.rows.extend_from_slice(rows);
        Ok(())
    }
}
