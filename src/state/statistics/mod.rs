//! The grouped statistics: rows, order, and the largest value of each column for its bars.

use super::Phase;
use crate::{
    db::value::Cell,
    engine::message::TaskId,
    jobs::statistics::{COLUMNS, GroupBy, StatisticsRow},
};

/// Column 0 is the key, the numbers follow.
pub const JOBS_COLUMN: usize = 1;

/// What the Statistics view shows.
#[derive(Debug)]
pub struct StatisticsView {
    /// The groups, in the order of the view.
    pub rows: Vec<StatisticsRow>,
    /// All jobs of the filter together.
    pub total: Option<StatisticsRow>,
    /// The largest value of each number, for the bars.
    pub largest: [i64; COLUMNS.len()],
    /// What the rows are grouped by.
    pub by: GroupBy,
    /// The column that decides the order, counted from the key's 0.
    pub sort_column: usize,
    /// Largest first.
    pub descending: bool,
    /// How it stands.
    pub phase: Phase,
    /// The filter or the grouping has changed since the rows were asked for.
    pub outdated: bool,
    pub(super) loading: Option<TaskId>,
    pub(super) totalling: Option<TaskId>,
    arriving: Vec<StatisticsRow>,
}

impl Default for StatisticsView {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            total: None,
            largest: [0; COLUMNS.len()],
            by: GroupBy::User,
            sort_column: JOBS_COLUMN,
            descending: true,
            phase: Phase::Empty,
            outdated: true,
            loading: None,
            totalling: None,
            arriving: Vec::new(),
        }
    }
}

impl StatisticsView {
    pub(super) fn begin(&mut self, by: GroupBy, loading: TaskId, totalling: TaskId) {
        self.outdated = false;
        self.phase = Phase::Loading;
        self.loading = Some(loading);
        self.totalling = Some(totalling);
        self.arriving.clear();
        // The total of another filter above the groups of this one would be wrong, not old.
        self.total = None;
        if self.by != by {
            // Rows of another grouping under this heading would be wrong, not old.
            self.rows.clear();
            self.by = by;
        }
    }

    /// Whether the total is under way.
    pub fn is_totalling(&self) -> bool {
        self.totalling.is_some()
    }

    pub(super) fn clear(&mut self) {
        *self = Self {
            by: self.by,
            sort_column: self.sort_column,
            descending: self.descending,
            ..Self::default()
        };
    }

    pub(super) fn add(&mut self, rows: &[Vec<Cell>]) {
        self.arriving.extend(
            rows.iter()
                .filter_map(|row| StatisticsRow::from_cells(row, true)),
        );
    }

    pub(super) fn set_total(&mut self, rows: &[Vec<Cell>]) {
        self.total = rows
            .first()
            .and_then(|row| StatisticsRow::from_cells(row, false));
    }

    /// Whether the task was ours.
    pub(super) fn ended(&mut self, id: TaskId, phase: Phase) -> bool {
        if self.totalling == Some(id) {
            self.totalling = None;
            if phase != Phase::Loaded {
                self.total = None;
            }
            return true;
        }
        if self.loading != Some(id) {
            return false;
        }
        self.loading = None;
        self.phase = phase;
        if phase != Phase::Loaded {
            // Groups come in the order of their key: what had arrived before a stop is no
            // meaningful part of the whole, so the rows before stay, and Reload asks again.
            self.arriving.clear();
            return true;
        }
        self.rows = std::mem::take(&mut self.arriving);
        self.largest = [0; COLUMNS.len()];
        for row in &self.rows {
            for (largest, value) in self.largest.iter_mut().zip(row.values) {
                *largest = (*largest).max(value);
            }
        }
        self.sort();
        true
    }

    /// Sorts by `column`; a second time turns the order round.
    pub(super) fn sort_by(&mut self, column: usize) {
        if column > COLUMNS.len() {
            return;
        }
        if self.sort_column == column {
            self.descending = !self.descending;
        } else {
            self.sort_column = column;
            self.descending = column != 0;
        }
        self.sort();
    }

    fn sort(&mut self) {
        let (column, descending) = (self.sort_column, self.descending);
        self.rows.sort_by(|a, b| {
            let order = match column.checked_sub(1) {
                None => a.key.cmp(&b.key),
                Some(number) => a.values.get(number).cmp(&b.values.get(number)),
            };
            let order = if descending { order.reverse() } else { order };
            // Equal values stay in the order of their names, whichever way the numbers go.
            order.then_with(|| a.key.cmp(&b.key))
        });
    }
}
