//! The job table's rows, as far as they have been fetched.

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
