//! Which rows to fetch next, and what becomes of them when they come.

use std::{ops::Range, sync::Arc};

use super::{AHEAD, FIRST_BATCH, JobList, NEXT_BATCH, Numbering, cache::Joins};
use crate::{
    db::value::Cell,
    engine::message::TaskId,
    jobs::{
        column::JobColumn,
        position::Seek,
        rows::{ListQuery, ListRow, Place, RowsQuery},
        sort::Cursor,
        sorted::SortedIds,
    },
    state::Phase,
};

/// A fetch that takes longer gives way to what is in sight now.
const PATIENCE_SECS: f64 = 0.1;

/// What a fetch is for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Aim {
    /// The first rows of a list.
    Fresh,
    /// Rows from `next` on, after one that is held.
    Forward { next: u64 },
    /// Rows before `end`, which is held.
    Backward { end: u64 },
    /// Rows from `next` on, elsewhere.
    Jump { next: u64 },
    /// The last rows; the one before `end` first.
    Last { end: u64 },
    /// Rows from this one on that tell their place themselves.
    Placed { first: u64 },
    /// The rows from a kept key on, among which one is looked for to learn its number.
    Rank { from: u64, row: u64, id: i64 },
}

impl Aim {
    /// The rows that will come, at most.
    fn rows(&self, limit: u32) -> Range<u64> {
        let limit = u64::from(limit);
        match *self {
            Self::Fresh => 0..limit,
            Self::Forward { next: first } | Self::Jump { next: first } | Self::Placed { first } => {
                first..first + limit
            }
            Self::Backward { end } | Self::Last { end } => end.saturating_sub(limit)..end,
            Self::Rank { .. } => 0..0,
        }
    }

    pub(super) fn renumber(&mut self, by: i64) {
        match self {
            Self::Forward { next: row }
            | Self::Backward { end: row }
            | Self::Jump { next: row }
            | Self::Last { end: row }
            | Self::Rank { row, .. } => *row = row.saturating_add_signed(by),
            Self::Fresh | Self::Placed { .. } => {}
        }
    }
}

/// A fetch under way.
#[derive(Debug)]
pub(super) struct Fetch {
    pub(super) id: TaskId,
    pub(super) aim: Aim,
    limit: u32,
    /// How many rows have come.
    got: u32,
    pub(super) asked_secs: f64,
    is_given_up: bool,
}

/// What should be asked next.
pub(in crate::state) struct Ask {
    pub(in crate::state) query: ListQuery,
    aim: Aim,
    limit: u32,
}

impl JobList {
    /// These rows are in sight. Answers with a fetch that is in the way and should be stopped.
    pub(in crate::state) fn look(&mut self, range: Range<u64>, at_secs: f64) -> Option<TaskId> {
        if range != self.wanted {
            self.rows.look(&range);
            self.wanted = range;
        }
        let missing = self.rows.missing(&self.wanted);
        let fetch = self.fetch.as_mut()?;
        // One that brings what is in sight may take as long as it takes.
        let is_in_the_way = fetch.aim != Aim::Fresh
            && missing.is_some_and(|missing| {
                let coming = fetch.aim.rows(fetch.limit);
                missing.end <= coming.start || coming.end <= missing.start
            });
        if !is_in_the_way || fetch.is_given_up || at_secs - fetch.asked_secs < PATIENCE_SECS {
            return None;
        }
        fetch.is_given_up = true;
        Some(fetch.id)
    }

    /// What to fetch for what is in sight, where something is missing and nothing is under way.
    pub(in crate::state) fn next_fetch(&mut self) -> Option<Ask> {
        if self.fetch.is_some() || self.is_outdated || self.phase == Phase::Empty {
            return None;
        }
        let num_rows = self.num_rows();
        let sight = self.wanted.start.min(num_rows)..self.wanted.end.min(num_rows);
        let around = sight.start.saturating_sub(AHEAD)..(sight.end + AHEAD).min(num_rows);
        let missing = (self.rows.missing(&sight)).or_else(|| self.rows.missing(&around));
        let ask = match missing {
            Some(missing) if self.halted.as_ref() == Some(&self.wanted) => {
                debug_assert!(!missing.is_empty());
                None
            }
            Some(missing) => self.fetch_for(&missing, &sight),
            None => None,
        };
        ask.or_else(|| self.rank_query())
    }

    fn fetch_for(&mut self, missing: &Range<u64>, sight: &Range<u64>) -> Option<Ask> {
        let from = missing.start;
        if let Some(sorted) = &self.sorted {
            let place = Place::Sorted(Arc::clone(sorted), from);
            return Some(self.ask(place, 0, NEXT_BATCH, Aim::Placed { first: from }));
        }
        let before = from.checked_sub(1).and_then(|row| self.rows.cursor(row));
        if let Some(cursor) = before {
            // To the next row that is held and one more, which proves that both belong together.
            let gap = self.rows.missing(&(from..from + u64::from(NEXT_BATCH) + 1));
            let gap = gap.map_or(0, |gap| gap.end - gap.start);
            let limit = u32::try_from(gap).unwrap_or(NEXT_BATCH).min(NEXT_BATCH) + 1;
            return Some(self.ask(Place::After(cursor), 0, limit, Aim::Forward { next: from }));
        }
        if let Some(cursor) = self.rows.cursor(missing.end) {
            let end = missing.end;
            return Some(self.ask(Place::Before(cursor), 0, NEXT_BATCH, Aim::Backward { end }));
        }
        self.jump(from, sight)
    }

    /// Somewhere where no row is held.
    fn jump(&mut self, from: u64, sight: &Range<u64>) -> Option<Ask> {
        let num_rows = self.num_rows();
        let limit = NEXT_BATCH;
        if from == 0 {
            // Rows whose numbers were guesses have none beside these, which are known.
            self.leave(self.numbering == Numbering::Exact);
            self.numbering = Numbering::Exact;
            return Some(self.ask(Place::First, 0, limit, Aim::Jump { next: 0 }));
        }
        if sight.end + AHEAD >= num_rows && from + u64::from(limit) >= num_rows {
            let is_exact = self.count == Some(num_rows)
                && self.numbering == Numbering::Exact
                && !self.number_is_estimate();
            self.leave(is_exact);
            return Some(self.ask(Place::Last, 0, limit, Aim::Last { end: num_rows }));
        }
        if let Some(Seek { from: key, skip }) = self.index.seek(from) {
            self.leave(!self.index_is_old && self.numbering == Numbering::Exact);
            return Some(self.ask(Place::From(key), skip, limit, Aim::Jump { next: from }));
        }
        // Until its number is known, a row is looked for between the first key and the last.
        let share = from as f64 / num_rows.max(1) as f64;
        let (first, last) = (self.ends.0.as_ref()?, self.ends.1.as_ref()?);
        let key = first.key.on_the_way(&last.key, share)?;
        let place = Place::From(self.sort.at(key));
        self.leave(false);
        Some(self.ask(place, 0, limit, Aim::Jump { next: from }))
    }

    /// The view goes elsewhere: rows whose numbers are guesses have no place beside the new ones.
    fn leave(&mut self, is_exact: bool) {
        if is_exact {
            return;
        }
        self.numbering = Numbering::Estimated;
        self.bottom = None;
        self.rows.clear();
    }

    /// Learns the number of a row in sight, where numbers are guesses and the index knows better.
    fn rank_query(&self) -> Option<Ask> {
        let can_be_known = self.numbering == Numbering::Estimated
            && self.index.is_complete()
            && !self.index_is_old;
        if !can_be_known {
            return None;
        }
        let (row, cursor) = self.rows.run_at(self.wanted.start).and_then(|_| {
            let row = self.wanted.start;
            Some((row, self.rows.cursor(row)?))
        })?;
        let sort = self.sort.clone();
        let (from, key) = self.index.around(&cursor, |a, b| sort.is_before(a, b))?;
        let limit = self.index.stride() + 1;
        let mut ask = self.ask(
            Place::From(key),
            0,
            limit,
            Aim::Rank {
                from,
                row,
                id: cursor.id,
            },
        );
        if let ListQuery::Rows(rows) = &mut ask.query {
            rows.columns = Arc::new([]);
        }
        Some(ask)
    }

    fn ask(&self, place: Place, skip: u32, limit: u32, aim: Aim) -> Ask {
        Ask {
            query: self.rows_query(place, skip, limit),
            aim,
            limit,
        }
    }

    /// Goes to a key, wherever that is.
    pub(in crate::state) fn go_to_key(&mut self, cursor: &Cursor) -> Ask {
        let sort = self.sort.clone();
        let guess = (self.index.around(cursor, |a, b| sort.is_before(a, b)))
            .map_or_else(|| self.guess(cursor), |(row, _)| row);
        self.numbering = Numbering::Estimated;
        self.bottom = None;
        self.rows.clear();
        self.halted = None;
        self.wanted = guess..guess + u64::from(FIRST_BATCH);
        self.scroll_to(guess, true);
        self.ask(
            Place::From(cursor.clone()),
            0,
            NEXT_BATCH,
            Aim::Jump { next: guess },
        )
    }

    /// Where between the ends a key is, by its value alone.
    fn guess(&self, cursor: &Cursor) -> u64 {
        let number = |cursor: &Option<Cursor>| cursor.as_ref()?.key.as_real();
        let share = || {
            let (first, last) = (number(&self.ends.0)?, number(&self.ends.1)?);
            let span = last - first;
            (span != 0.0)
                .then(|| ((cursor.key.as_real()? - first) / span).into())
                .flatten()
        };
        let share: f64 = share().unwrap_or(0.5);
        (share.clamp(0.0, 1.0) * self.num_rows() as f64) as u64
    }

    /// The order that is written down, where the list has one.
    pub(in crate::state) fn sorted_ids(&self) -> Option<&Arc<SortedIds>> {
        self.sorted.as_ref()
    }

    /// Goes to a row by its number.
    pub(in crate::state) fn go_to_row(&mut self, row: u64) {
        self.halted = None;
        let row = row.min(self.num_rows().saturating_sub(1));
        self.wanted = row..row + u64::from(FIRST_BATCH);
        self.scroll_to(row, true);
    }

    /// Whether rows in sight are missing, and no fetch is under way for them or was stopped.
    pub(in crate::state) fn misses_rows(&self) -> bool {
        let num_rows = self.num_rows();
        let sight = self.wanted.start.min(num_rows)..self.wanted.end.min(num_rows);
        self.fetch.is_none()
            && !self.is_outdated
            && self.phase != Phase::Empty
            && self.halted.as_ref() != Some(&self.wanted)
            && self.rows.missing(&sight).is_some()
    }

    /// Whether rows in sight are missing, and not even the last key is asked for, which would make a
    /// guess at them possible.
    pub(in crate::state) fn is_lost(&self) -> bool {
        self.asking_last.is_none() && self.misses_rows()
    }

    /// What is in sight is not asked for again by itself.
    pub(in crate::state) fn halt(&mut self, phase: Phase) {
        self.phase = phase;
        self.halted = Some(self.wanted.clone());
    }

    /// Tries again what was stopped or failed.
    pub(in crate::state) fn go_on(&mut self) {
        self.halted = None;
        if self.phase != Phase::Empty {
            self.phase = Phase::Loaded;
        }
    }

    /// Other columns: the rows in sight are fetched once more, at the same place.
    pub(in crate::state) fn set_columns(&mut self, columns: Arc<[JobColumn]>) {
        if columns == self.columns {
            return;
        }
        self.columns = columns;
        self.halted = None;
    }

    /// What fetches the rows in sight once more, instead of those that are held.
    pub(in crate::state) fn refetch(&mut self) -> Option<Ask> {
        // What is on its way has other columns.
        self.fetch = None;
        let sight = self.rows.run_at(self.wanted.start);
        let first = sight.map_or(self.wanted.start, |run| run.start.max(self.wanted.start));
        let cursor = self.rows.cursor(first);
        self.rows.clear();
        let cursor = cursor?;
        if let Some(sorted) = &self.sorted {
            let place = Place::Sorted(Arc::clone(sorted), first);
            return Some(self.ask(place, 0, NEXT_BATCH, Aim::Placed { first }));
        }
        Some(self.ask(
            Place::From(cursor),
            0,
            NEXT_BATCH,
            Aim::Jump { next: first },
        ))
    }

    /// The fetch is on its way.
    pub(in crate::state) fn asked(&mut self, id: TaskId, ask: &Ask, at_secs: f64) {
        self.fetch = Some(Fetch {
            id,
            aim: ask.aim.clone(),
            limit: ask.limit,
            got: 0,
            asked_secs: at_secs,
            is_given_up: false,
        });
        if !matches!(ask.aim, Aim::Rank { .. }) {
            self.phase = Phase::Loading;
        }
    }

    /// The first batch of a list is on its way.
    pub(in crate::state) fn asked_first(&mut self, id: TaskId, at_secs: f64) {
        self.fetch = Some(Fetch {
            id,
            aim: Aim::Fresh,
            limit: FIRST_BATCH,
            got: 0,
            asked_secs: at_secs,
            is_given_up: false,
        });
    }

    /// Takes rows of a fetch. Answers whether they were the list's.
    pub(in crate::state) fn fetched(&mut self, id: TaskId, rows: &mut Vec<Vec<Cell>>) -> bool {
        let Some(fetch) = self.fetch.as_mut().filter(|fetch| fetch.id == id) else {
            return false;
        };
        let rows = std::mem::take(rows);
        let aim = fetch.aim.clone();
        if let Aim::Rank { from, row, id } = aim {
            let nth = rows
                .iter()
                .position(|cells| cells.first().and_then(Cell::as_id) == Some(id));
            let seen = u64::from(fetch.got);
            fetch.got += u32::try_from(rows.len()).unwrap_or(0);
            if let Some(nth) = nth {
                let exact = from + seen + nth as u64;
                self.renumber(exact.cast_signed() - row.cast_signed());
                self.numbering = Numbering::Exact;
            }
            return true;
        }
        if aim == Aim::Fresh && fetch.got == 0 {
            self.start_anew();
        }
        let rows: Vec<ListRow> = rows.into_iter().filter_map(ListRow::from_cells).collect();
        self.take_rows(&aim, rows);
        true
    }

    fn take_rows(&mut self, aim: &Aim, rows: Vec<ListRow>) {
        let Some(fetch) = &mut self.fetch else { return };
        let num_new = rows.len() as u64;
        let got = u64::from(fetch.got);
        fetch.got += u32::try_from(num_new).unwrap_or(0);
        if self.newest_id.is_none() {
            self.newest_id = rows.first().map(|row| row.newest_id);
        }
        let around = self.wanted.clone();
        match *aim {
            Aim::Fresh if self.sorted.is_some() => self.rows.insert_placed(rows, &around),
            Aim::Fresh => {
                if self.ends.0.is_none() {
                    self.ends.0 = rows.first().map(ListRow::cursor);
                }
                let joins = if got > 0 {
                    Joins::Before
                } else {
                    Joins::Neither
                };
                self.rows.insert(got, rows, joins, &around);
            }
            Aim::Placed { .. } => self.rows.insert_placed(rows, &around),
            Aim::Forward { next } => {
                self.rows.insert(next + got, rows, Joins::Before, &around);
            }
            Aim::Jump { next } => {
                let joins = if got > 0 {
                    Joins::Before
                } else {
                    Joins::Neither
                };
                self.rows.insert(next + got, rows, joins, &around);
            }
            Aim::Backward { end } => {
                self.insert_backward(end, got, rows, Joins::After);
            }
            Aim::Last { end } => {
                if got == 0 {
                    self.ends.1 = rows.first().map(ListRow::cursor);
                    self.bottom = Some(end);
                }
                let joins = if got > 0 {
                    Joins::After
                } else {
                    Joins::Neither
                };
                self.insert_backward(end, got, rows, joins);
            }
            Aim::Rank { .. } => {}
        }
    }

    fn insert_backward(&mut self, end: u64, got: u64, mut rows: Vec<ListRow>, joins: Joins) {
        rows.reverse();
        let new_end = end.saturating_sub(got);
        let num_new = rows.len() as u64;
        let mut first = new_end;
        if num_new > new_end {
            // There are more rows before than the guess had room for.
            let by = num_new - new_end;
            self.renumber(by.cast_signed());
            first += by;
        }
        let around = self.wanted.clone();
        self.rows.insert(first - num_new, rows, joins, &around);
    }

    /// Takes the last key of the list, for guesses.
    pub(super) fn set_last(&mut self, cursor: Option<Cursor>) {
        self.ends.1 = cursor;
    }

    /// A fetch has ended. Answers whether it was the list's.
    pub(in crate::state) fn fetch_ended(&mut self, id: TaskId, phase: Phase) -> bool {
        let Some(fetch) = self.fetch.take_if(|fetch| fetch.id == id) else {
            return false;
        };
        if let Aim::Rank { from, .. } = fetch.aim {
            if self.numbering == Numbering::Estimated && phase == Phase::Loaded {
                // The row is not where the index says: the file has changed meanwhile.
                debug_assert!(from <= self.index.num_rows());
                self.index_is_old = true;
            }
            return true;
        }
        if phase != Phase::Loaded {
            if fetch.is_given_up {
                // Something newer is in sight; that is fetched next.
                self.phase = Phase::Loaded;
                return true;
            }
            self.halt(phase);
            return true;
        }
        if fetch.aim == Aim::Fresh && self.is_outdated {
            // Not one row has come: nothing matches.
            self.start_anew();
        }
        self.phase = Phase::Loaded;
        self.reached(&fetch);
        true
    }

    /// A part that is shorter than was asked for has reached an end of the list.
    fn reached(&mut self, fetch: &Fetch) {
        let is_end = fetch.got < fetch.limit;
        let got = u64::from(fetch.got);
        match fetch.aim {
            Aim::Fresh if self.sorted.is_some() => self.fill_gaps(0, fetch.limit),
            Aim::Placed { first } => self.fill_gaps(first, fetch.limit),
            Aim::Fresh if is_end => self.reached_bottom(got),
            Aim::Forward { next } | Aim::Jump { next } if is_end => self.reached_bottom(next + got),
            Aim::Backward { end } | Aim::Last { end } if is_end => {
                let first = end - got.min(end);
                self.renumber(-first.cast_signed());
                self.numbering = Numbering::Exact;
                if matches!(fetch.aim, Aim::Last { .. }) {
                    self.reached_bottom(got);
                }
            }
            // How many there are may have become known while they were on their way.
            Aim::Last { end } => self.reached_bottom(end),
            Aim::Fresh
            | Aim::Forward { .. }
            | Aim::Backward { .. }
            | Aim::Jump { .. }
            | Aim::Rank { .. } => {}
        }
    }

    /// Jobs of a written order that no longer match, or are gone: their rows stay, and say so.
    fn fill_gaps(&mut self, first: u64, limit: u32) {
        let around = self.wanted.clone();
        let range = first..(first + u64::from(limit)).min(self.num_rows());
        while let Some(gap) = self.rows.missing(&range) {
            let gone = gap.clone().map(|_| ListRow::gone()).collect();
            self.rows.insert(gap.start, gone, Joins::Before, &around);
            if self.rows.get(gap.start).is_none() {
                // Too little may be held for even these.
                return;
            }
        }
    }

    fn reached_bottom(&mut self, bottom: u64) {
        match (self.numbering, self.count) {
            (Numbering::Exact, _) => {
                self.count = Some(bottom);
                self.bottom = Some(bottom);
            }
            (Numbering::Estimated, Some(count)) if self.changed.is_none() => {
                self.bottom = Some(bottom);
                self.renumber(count.cast_signed() - bottom.cast_signed());
                self.numbering = Numbering::Exact;
            }
            (Numbering::Estimated, _) => self.bottom = Some(bottom),
        }
        if bottom == 0 {
            self.rows.clear();
        }
    }

    /// The question for the last row's key: with the first one, it makes guesses possible.
    pub(in crate::state) fn last_query(&self) -> Option<ListQuery> {
        let is_needed = self.ends.1.is_none()
            && self.bottom.is_none()
            && self.sorted.is_none()
            && !self.index.is_complete();
        is_needed.then(|| {
            ListQuery::Rows(RowsQuery {
                selection: self.selection.clone(),
                sort: self.sort.clone(),
                columns: Arc::new([]),
                place: Place::Last,
                skip: 0,
                limit: 1,
                is_full: false,
            })
        })
    }
}
