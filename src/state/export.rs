//! Exports from the window: what was wished for, how far it has come, what came of it.

use std::path::PathBuf;

use super::AppState;
use crate::{
    engine::{
        message::{Request, Task, TaskId},
        receipt::Outcome,
    },
    error::{Error, Report},
    export::{Document, ExportEnd, ExportSpec, Format, Part, Times},
    jobs::column::JobColumn,
};

/// Which jobs are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The whole selection, in the order of the list.
    #[default]
    Selection,
    /// The marked ones.
    Marked,
}

/// Which columns are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Columns {
    /// Those that the table shows.
    #[default]
    Shown,
    /// Every stored column that the file has.
    Stored,
}

/// What the user wants in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportWish {
    /// Where it goes.
    pub path: PathBuf,
    /// How it is written.
    pub format: Format,
    /// How times are written.
    pub times: Times,
    /// Which columns.
    pub columns: Columns,
    /// Values of the footprint as columns of their own, after the others.
    pub expand_footprint: bool,
    /// Which jobs.
    pub scope: Scope,
    /// Keep what there is if it is stopped.
    pub keep_stopped: bool,
    /// Replace a file of that name.
    pub overwrite: bool,
}

/// An export on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    /// The task.
    pub id: TaskId,
    /// Where it goes.
    pub path: PathBuf,
    /// How many rows there will be, where that is known.
    pub total: Option<u64>,
    /// Rows so far.
    pub rows: u64,
    /// Bytes so far.
    pub bytes: u64,
    /// When it was asked for, on the engine's clock.
    pub started_secs: f64,
    end: Option<ExportEnd>,
}

/// An export that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Over {
    /// Where it was to go.
    pub path: PathBuf,
    /// How it ended.
    pub outcome: Outcome,
    /// Rows written.
    pub rows: u64,
    /// What is there now.
    pub end: ExportEnd,
    /// How long it took.
    pub secs: f64,
}

/// What is known of exports.
#[derive(Debug, Default)]
pub struct Exports {
    /// The one on its way. One at a time, each has a connection to itself.
    pub running: Option<Running>,
    /// The last one, until it is dismissed.
    pub over: Option<Over>,
}

impl Exports {
    /// Whether the task is the export.
    pub(super) fn is(&self, id: TaskId) -> bool {
        self.running
            .as_ref()
            .is_some_and(|running| running.id == id)
    }

    pub(super) fn progress(&mut self, id: TaskId, rows: u64, bytes: u64, end: Option<ExportEnd>) {
        if let Some(running) = self.running.as_mut().filter(|running| running.id == id) {
            running.rows = rows;
            running.bytes = bytes;
            running.end = end;
        }
    }

    pub(super) fn ended(&mut self, id: TaskId, outcome: Outcome, at_secs: f64) {
        if let Some(running) = self.running.take_if(|running| running.id == id) {
            self.over = Some(Over {
                path: running.path,
                outcome,
                rows: running.rows,
                end: running.end.unwrap_or_default(),
                secs: at_secs - running.started_secs,
            });
        }
    }
}

impl AppState {
    pub(super) fn export(&mut self, at_secs: f64, wish: ExportWish) -> Vec<Request> {
        if self.exports.running.is_some() || self.database.is_none() {
            return Vec::new();
        }
        match self.export_spec(wish) {
            Ok((spec, total)) => {
                let path = spec.path.clone();
                let (id, run) = self.start(at_secs, Task::Export(Box::new(spec)));
                self.exports.over = None;
                self.exports.running = Some(Running {
                    id,
                    path,
                    total,
                    rows: 0,
                    bytes: 0,
                    started_secs: at_secs,
                    end: None,
                });
                vec![run]
            }
            Err(error) => {
                self.show_report(Report::from(&error));
                Vec::new()
            }
        }
    }

    fn export_spec(&self, wish: ExportWish) -> Result<(ExportSpec, Option<u64>), Error> {
        let ExportWish {
            path,
            format,
            times,
            columns,
            expand_footprint,
            scope,
            keep_stopped,
            overwrite,
        } = wish;
        if path.as_os_str().is_empty() || !path.is_absolute() {
            let text = path.display().to_string();
            return Err(Error::invalid("file to export to", text, "a whole path"));
        }
        let list = &self.jobs;
        let columns: Vec<JobColumn> = match self.schema().filter(|_| columns == Columns::Stored) {
            Some(schema) => ExportSpec::all_columns(schema),
            None => self
                .columns
                .iter()
                .map(|layout| layout.column.clone())
                .collect(),
        };
        let (rows, total) = if scope == Scope::Marked {
            let parts: Option<Vec<Part>> = list
                .marks
                .ranges()
                .iter()
                .map(|range| list.part(range))
                .collect();
            let parts = parts.ok_or_else(|| {
                Error::other(
                    "export the marked jobs",
                    "their place in the list is not known yet; try again when the rows are numbered",
                )
            })?;
            (Some(parts), Some(list.marks.len()))
        } else {
            (None, list.count)
        };
        let spec = ExportSpec {
            selection: list.selection.clone(),
            sort: list.rows_sort.clone(),
            columns,
            expand: if expand_footprint {
                vec![Document::Footprint]
            } else {
                Vec::new()
            },
            rows,
            format,
            times,
            path,
            keep_stopped,
            overwrite,
            time_limit: None,
        };
        Ok((spec, total))
    }
}
