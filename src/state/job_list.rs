//! The job table's rows, as far as they have been fetched, and the job at the side.

use super::Phase;
use crate::{
    db::{plan::PlanSummary, value::Cell},
    engine::message::TaskId,
    jobs::{
        filter::Selection,
        row::JobRow,
        sort::{Cursor, Sort},
        sql::Sql,
    },
};

/// The first batch is what fits on a screen: it should be there at once.
pub const FIRST_BATCH: u32 = 50;

/// Later batches are fetched while the user scrolls towards them.
pub const NEXT_BATCH: u32 = 200;

/// The list ends here. Its foot says so.
pub const MAX_ROWS: usize = 50_000;

/// It also ends here: rows with long JSON columns are much larger than usual ones.
pub const MAX_BYTES: usize = 64 << 20;

/// The jobs that match the filter.
#[derive(Debug, Default)]
pub struct JobList {
    /// The rows so far.
    pub rows: Vec<JobRow>,
    /// How the list stands.
    pub phase: Phase,
    /// The wanted order.
    pub sort: Sort,
    /// The order of `rows`, which may still be the one before.
    pub rows_sort: Sort,
    /// How many jobs match, once counted.
    pub count: Option<u64>,
    /// The statement that asks for the first of them; `None` if the file cannot answer it.
    pub sql: Option<Sql>,
    /// How SQLite finds them.
    pub plan: PlanSummary,
    /// The rows still belong to the filter before.
    pub is_outdated: bool,
    pub(super) loading: Option<TaskId>,
    pub(super) counting: Option<TaskId>,
    next: Option<Cursor>,
    /// What the rows hold.
    pub(super) bytes: usize,
    /// What the first batch was asked for. Later ones belong to the same moment: "the last 6 hours"
    /// must not move on while somebody scrolls.
    pub(super) selection: Selection,
}

impl JobList {
    pub(super) fn begin(&mut self, loading: TaskId, selection: Selection, sql: Option<Sql>) {
        self.loading = Some(loading);
        self.selection = selection;
        self.sql = sql;
        // The plan was the one of the statement before.
        self.plan = PlanSummary::default();
        self.phase = Phase::Loading;
        self.next = None;
        self.is_outdated = true;
    }

    pub(super) fn begin_count(&mut self, counting: TaskId) {
        self.counting = Some(counting);
        self.count = None;
    }

    pub(super) fn begin_more(&mut self, loading: TaskId) {
        self.loading = Some(loading);
        self.phase = Phase::Loading;
    }

    pub(super) fn clear(&mut self) {
        *self = Self {
            sort: std::mem::take(&mut self.sort),
            ..Self::default()
        };
    }

    pub(super) fn planned(&mut self, id: TaskId, plan: PlanSummary) {
        // Later batches begin at a key, and are found in another way than the first one was.
        if self.loading == Some(id) && self.is_outdated {
            self.plan = plan;
        }
    }

    pub(super) fn add(&mut self, rows: Vec<Vec<Cell>>) {
        if std::mem::take(&mut self.is_outdated) {
            self.rows.clear();
            self.bytes = 0;
            self.rows_sort = self.sort.clone();
        }
        self.bytes += rows.iter().flatten().map(Cell::size).sum::<usize>();
        self.rows
            .extend(rows.into_iter().filter_map(JobRow::from_cells));
    }

    /// Whether the task was the list's or the count's.
    pub(super) fn ended(&mut self, id: TaskId, phase: Phase, next: Option<Cursor>) -> bool {
        if self.counting == Some(id) {
            self.counting = None;
            return true;
        }
        if self.loading != Some(id) {
            return false;
        }
        if phase == Phase::Loaded && std::mem::take(&mut self.is_outdated) {
            // Not one row has come: nothing matches.
            self.rows.clear();
            self.bytes = 0;
        }
        self.loading = None;
        self.phase = phase;
        self.next = match phase {
            Phase::Loaded => next.filter(|_| !self.is_full()),
            // Where a batch was stopped, the next one goes on after the last row that came.
            Phase::Stopped | Phase::Failed => self.last_cursor().filter(|_| !self.is_full()),
            Phase::Empty | Phase::Loading => None,
        };
        true
    }

    /// Where the next batch begins, if there is one and none is on its way.
    pub fn can_load_more(&self) -> Option<Cursor> {
        self.next.clone().filter(|_| self.loading.is_none())
    }

    /// Whether the list ends because it is full.
    pub fn is_full(&self) -> bool {
        self.rows.len() >= MAX_ROWS || self.bytes >= MAX_BYTES
    }

    /// Whether the count is still under way.
    pub fn is_counting(&self) -> bool {
        self.counting.is_some()
    }

    fn last_cursor(&self) -> Option<Cursor> {
        let row = self.rows.last().filter(|_| !self.is_outdated)?;
        Cursor::after(row.cells(), &self.sort)
    }
}

/// One job with everything that its row holds.
#[derive(Debug)]
pub struct Details {
    /// Its database id.
    pub job: i64,
    /// How it stands.
    pub phase: Phase,
    /// The job, once it is there; `None` after loading if it is gone.
    pub row: Option<JobRow>,
    /// The batch script.
    pub script: String,
    /// The job's name.
    pub name: String,
    /// JSON columns laid out on lines, with their column's name. Scripts are left out: see `script`.
    pub json: Vec<(&'static str, String)>,
    pub(super) loading: Option<TaskId>,
}

impl Details {
    pub(super) fn loading(job: i64, id: TaskId) -> Self {
        Self {
            job,
            phase: Phase::Loading,
            row: None,
            script: String::new(),
            name: String::new(),
            json: Vec::new(),
            loading: Some(id),
        }
    }

    pub(super) fn fill(&mut self, rows: Vec<Vec<Cell>>) {
        let Some(row) = rows.into_iter().next().and_then(JobRow::from_cells) else {
            return;
        };
        let mut meta_data = row.json("meta_data");
        if let Some(object) = meta_data.as_mut().and_then(|json| json.as_object_mut()) {
            let mut take = |key: &str| {
                object
                    .shift_remove(key)
                    .and_then(|value| value.as_str().map(ToOwned::to_owned))
                    .unwrap_or_default()
            };
            self.script = take("jobScript");
            self.name = take("jobName");
        }
        for column in ["footprint", "energy_footprint", "resources"] {
            self.json.push((column, laid_out(&row, column)));
        }
        let rest = meta_data.map_or_else(
            || row.text("meta_data").to_owned(),
            |json| {
                json.as_object().map_or_else(
                    || json.to_string(),
                    |object| {
                        object
                            .iter()
                            .map(|(key, value)| {
                                let text = value
                                    .as_str()
                                    .map_or_else(|| value.to_string(), ToOwned::to_owned);
                                format!("{key}\n{text}")
                            })
                            .collect::<Vec<_>>()
                            .join("\n\n")
                    },
                )
            },
        );
        self.json.push(("meta_data", rest));
        self.row = Some(row);
    }
}

/// A JSON column on several lines; as it is where it is no JSON, empty where it is NULL.
fn laid_out(row: &JobRow, column: &str) -> String {
    row.json(column)
        .filter(|json| !json.is_null())
        .and_then(|json| serde_json::to_string_pretty(&json).ok())
        .unwrap_or_else(|| {
            let text = row.text(column);
            if text == "null" {
                String::new()
            } else {
                text.to_owned()
            }
        })
}
