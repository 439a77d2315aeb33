//! Numbers of rows: guesses at first, exact with the position index.

use std::{ops::Range, sync::Arc};

use super::JobList;
use crate::{
    db::value::Cell,
    engine::message::TaskId,
    jobs::{
        export::Part,
        filter::Selection,
        position::PositionIndex,
        rows::{ListQuery, Place},
        sort::{Cursor, Sort},
    },
};

/// Position indexes of other filters and orders are kept up to this size.
const MAX_KEPT_POSITIONS: usize = 32 << 20;

/// How far the numbers of rows can be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Numbering {
    /// A row's number is its place in the list, as of when the list was numbered.
    #[default]
    Exact,
    /// It is near its place.
    Estimated,
}

/// A position index, and what it is of.
#[derive(Debug)]
pub(super) struct KeptPositions {
    selection: Selection,
    sort: Sort,
    index: PositionIndex,
}

impl KeptPositions {
    /// What it takes.
    pub(super) fn bytes(&self) -> usize {
        self.index.bytes()
    }
}

impl JobList {
    /// How many rows there are, exactly or by the best guess.
    pub fn num_rows(&self) -> u64 {
        // An order that is written down has the rows that it has, however many match by now.
        if let Some(sorted) = self.sorted.as_ref().filter(|_| !self.is_outdated) {
            return sorted.num_rows();
        }
        if let Some(count) = self.count.filter(|_| self.numbering == Numbering::Exact) {
            return count;
        }
        if let Some(bottom) = self.bottom {
            return bottom;
        }
        let held = self.rows.iter().last().map_or(0, |(row, _)| row + 2);
        let guess = self
            .count
            .unwrap_or_else(|| self.estimate.max(self.index.num_rows()));
        guess.max(held)
    }

    /// Whether the number of rows is a guess.
    pub fn is_estimate(&self) -> bool {
        self.count.is_none() && self.sorted.is_none() || self.changed.is_some()
    }

    /// Whether a row's number is near its place only.
    pub fn number_is_estimate(&self) -> bool {
        self.numbering == Numbering::Estimated || self.changed.is_some()
    }

    /// The share of the list whose row numbers are known; `None` where nothing works on it.
    pub fn indexed_share(&self) -> Option<f64> {
        self.indexing?;
        Some(self.index.num_rows() as f64 / self.num_rows().max(1) as f64)
    }

    /// Whether the position index knows every row, of the file as it is, or none is needed.
    pub fn is_numbered(&self) -> bool {
        self.sorted.is_some()
            || self.index.is_complete() && !self.index_is_old
            || self.is_held_whole() && self.changed.is_none()
    }

    /// What a row of the order stands for at a row that is not held: the key of the nearest row that
    /// the position index knows.
    pub fn key_near(&self, row: u64) -> Option<Cell> {
        if let Some(held) = self.rows.get(row) {
            return Some(held.key.clone());
        }
        self.index.seek(row).map(|seek| seek.from.key).or_else(|| {
            let share = row as f64 / self.num_rows().max(1) as f64;
            let (first, last) = (self.ends.0.as_ref()?, self.ends.1.as_ref()?);
            first.key.on_the_way(&last.key, share)
        })
    }

    /// Keeps the index of the list before, in case that somebody goes back to it.
    pub(super) fn keep_positions(&mut self) {
        let index = std::mem::take(&mut self.index);
        if !index.is_complete() || self.index_is_old || index.num_rows() == 0 {
            return;
        }
        self.kept.push(KeptPositions {
            selection: self.selection.clone(),
            sort: self.rows_sort.clone(),
            index,
        });
        while self.kept.iter().map(KeptPositions::bytes).sum::<usize>() > MAX_KEPT_POSITIONS {
            self.kept.remove(0);
        }
    }

    pub(super) fn restore_positions(&mut self) {
        let place = self
            .kept
            .iter()
            .position(|kept| kept.sort == self.sort && kept.selection.is_same_as(&self.selection));
        if let Some(place) = place {
            self.index = self.kept.remove(place).index;
            self.count = Some(self.index.num_rows());
        }
    }

    /// What has to be asked about the list beside its rows, now that the first are there.
    pub(in crate::state) fn index_query(&self) -> Option<ListQuery> {
        let is_needed = self.indexing.is_none()
            && !self.is_outdated
            && self.sorted.is_none()
            && !self.is_held_whole()
            && (!self.index.is_complete() || self.index_is_old);
        is_needed.then(|| ListQuery::Positions(self.selection.clone(), self.sort.clone()))
    }

    pub(in crate::state) fn begin_index(&mut self, id: TaskId, at_secs: f64) {
        self.indexing = Some(id);
        self.indexed_secs = at_secs;
        self.is_index_replaced = true;
        if !self.index_is_old {
            self.index = PositionIndex::default();
        }
    }

    /// The next keys. Answers whether they are this list's.
    pub(in crate::state) fn positions(
        &mut self,
        id: TaskId,
        keys: Vec<Cursor>,
        num_rows: u64,
    ) -> bool {
        if self.indexing != Some(id) {
            return false;
        }
        // Once for each pass: a change in its middle makes it old, and not another one.
        if std::mem::take(&mut self.is_index_replaced) {
            self.index = PositionIndex::default();
            self.index_is_old = (self.changed).is_some_and(|(_, secs)| secs > self.indexed_secs);
        }
        self.index.extend(keys, num_rows);
        true
    }

    /// The matching jobs have been counted.
    pub(in crate::state) fn counted(&mut self, count: Option<u64>) {
        self.count = count;
        if let (Numbering::Estimated, Some(bottom), Some(count)) =
            (self.numbering, self.bottom, count)
        {
            self.renumber(count.cast_signed() - bottom.cast_signed());
            self.numbering = Numbering::Exact;
        }
    }

    /// Whether guesses are made with an index that is no longer true, and a new one is due.
    pub(in crate::state) fn wants_new_index(&self, at_secs: f64, pause_secs: f64) -> bool {
        self.index_is_old
            && self.numbering == Numbering::Estimated
            && self.indexing.is_none()
            && at_secs - self.indexed_secs >= pause_secs
    }

    /// Marked rows as an export finds them; `None` where their place is not known yet.
    pub(in crate::state) fn part(&self, range: &Range<u64>) -> Option<Part> {
        let num_rows = range.end - range.start;
        if let Some(cursor) = self.rows.cursor(range.start) {
            return Some(Part {
                from: Some(cursor),
                skip: 0,
                num_rows,
            });
        }
        if range.start == 0 || self.sorted.is_some() {
            // Without an index everything is sorted anyway.
            return Some(Part {
                from: None,
                skip: u32::try_from(range.start).ok()?,
                num_rows,
            });
        }
        let seek = self
            .index
            .seek(range.start)
            .filter(|_| self.is_numbered())?;
        Some(Part {
            from: Some(seek.from),
            skip: seek.skip,
            num_rows,
        })
    }

    /// How a statement reaches a row.
    pub(in crate::state) fn place_of(&self, row: u64) -> Option<(Place, u32)> {
        if let Some(sorted) = &self.sorted {
            return Some((Place::Sorted(Arc::clone(sorted), row), 0));
        }
        if let Some(cursor) = self.rows.cursor(row) {
            return Some((Place::From(cursor), 0));
        }
        if row == 0 {
            return Some((Place::First, 0));
        }
        let seek = self.index.seek(row).filter(|_| self.is_numbered())?;
        Some((Place::From(seek.from), seek.skip))
    }

    /// The pass over the keys has ended.
    pub(in crate::state) fn indexed(&mut self, is_complete: bool) {
        self.indexing = None;
        if !is_complete {
            return;
        }
        self.index.complete();
        self.count = Some(self.index.num_rows());
        if let (Numbering::Estimated, Some(bottom)) = (self.numbering, self.bottom) {
            let by = self.index.num_rows().cast_signed() - bottom.cast_signed();
            self.renumber(by);
            self.numbering = Numbering::Exact;
        }
    }

    /// Every row has another number.
    pub(super) fn renumber(&mut self, by: i64) {
        if by == 0 {
            return;
        }
        let move_row = |row: u64| row.saturating_add_signed(by);
        self.rows.renumber(by);
        self.marks.renumber(by);
        self.current = self.current.map(move_row);
        self.bottom = self.bottom.map(move_row);
        self.select_when_there = self.select_when_there.map(move_row);
        self.wanted = move_row(self.wanted.start)..move_row(self.wanted.end);
        self.scroll.row = move_row(self.scroll.row);
        self.renumbered += by;
        if let Some(fetch) = &mut self.fetch {
            fetch.aim.renumber(by);
        }
    }
}
