//! The rows that were fetched: runs of rows that follow each other, bounded in bytes.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
};

use crate::jobs::{rows::ListRow, sort::Cursor};

/// Rows that follow each other in the list.
#[derive(Debug, Default)]
struct Run {
    rows: VecDeque<ListRow>,
    bytes: usize,
    /// When somebody last looked at it, counted in looks.
    seen: u64,
}

impl Run {
    fn end(&self, first: u64) -> u64 {
        first + self.rows.len() as u64
    }
}

/// Which neighbours new rows are known to follow: they were fetched from its last or first key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joins {
    /// The rows before them.
    Before,
    /// The rows after them.
    After,
    /// None: they come from elsewhere.
    Neither,
}

/// Fetched rows by their number in the list.
#[derive(Debug)]
pub struct RowCache {
    /// By the number of their first row. They never overlap.
    runs: BTreeMap<u64, Run>,
    bytes: usize,
    limit: usize,
    looks: u64,
}

/// What the cache holds at most where nobody says otherwise.
pub const DEFAULT_LIMIT: usize = 64 << 20;

impl Default for RowCache {
    fn default() -> Self {
        Self {
            runs: BTreeMap::new(),
            bytes: 0,
            limit: DEFAULT_LIMIT,
            looks: 0,
        }
    }
}

impl RowCache {
    /// A row, if it is held.
    pub fn get(&self, row: u64) -> Option<&ListRow> {
        let (first, run) = self.runs.range(..=row).next_back()?;
        run.rows.get(usize::try_from(row - first).ok()?)
    }

    /// The number of the job with this id, if its row is held.
    pub fn find(&self, id: i64) -> Option<u64> {
        self.iter().find(|(_, row)| row.id == id).map(|(at, _)| at)
    }

    /// All rows that are held, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &ListRow)> {
        self.runs
            .iter()
            .flat_map(|(first, run)| (*first..).zip(run.rows.iter()))
    }

    /// How many rows are held.
    pub fn len(&self) -> usize {
        self.runs.values().map(|run| run.rows.len()).sum()
    }

    /// Whether no row is held.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Memory that the rows take, roughly.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Holds at most so much from now on.
    pub fn set_limit(&mut self, limit: usize, around: &Range<u64>) {
        self.limit = limit;
        self.evict(around);
    }

    /// What the rows beyond those in sight take, roughly.
    pub fn bytes_beyond(&self, sight: &Range<u64>) -> usize {
        let held = self.len();
        let seen = sight.clone().filter(|row| self.get(*row).is_some()).count();
        self.bytes / held.max(1) * (held - seen)
    }

    /// Forgets all rows beyond those in sight.
    pub fn drop_beyond(&mut self, sight: &Range<u64>) {
        let limit = std::mem::replace(&mut self.limit, 0);
        self.evict(sight);
        self.limit = limit;
        for run in self.runs.values_mut() {
            run.rows.shrink_to_fit();
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.runs.clear();
        self.bytes = 0;
    }

    /// The first rows of a range that are not held: from the first missing row to the next one that
    /// is there, or to the end of the range.
    pub fn missing(&self, range: &Range<u64>) -> Option<Range<u64>> {
        let mut from = range.start;
        if let Some((first, run)) = self.runs.range(..=from).next_back() {
            from = from.max(run.end(*first));
        }
        // Runs that touch each other are held one after the other.
        while let Some(run) = self.runs.get(&from) {
            from = run.end(from);
        }
        if from >= range.end {
            return None;
        }
        let next = self.runs.range(from..).next().map(|(first, _)| *first);
        Some(from..next.unwrap_or(range.end).min(range.end))
    }

    /// The key of a row that is held.
    pub fn cursor(&self, row: u64) -> Option<Cursor> {
        self.get(row).map(ListRow::cursor)
    }

    /// Takes rows in their order, the first one at `first`.
    ///
    /// Rows that are held beyond them belong to them only if they meet in the same job; otherwise
    /// the file has changed in between, and the new rows are right.
    pub fn insert(&mut self, first: u64, rows: Vec<ListRow>, joins: Joins, around: &Range<u64>) {
        if rows.is_empty() {
            return;
        }
        let end = first + rows.len() as u64;
        self.looks += 1;
        let mut run = Run {
            bytes: rows.iter().map(ListRow::size).sum(),
            rows: rows.into(),
            seen: self.looks,
        };
        let before = (self.runs.range(..first).next_back())
            .filter(|(start, run)| {
                let end = run.end(**start);
                end > first || end == first && joins == Joins::Before
            })
            .map(|(start, _)| *start);
        let mut start = first;
        if let Some(at) = before
            && let Some(mut earlier) = self.take(at)
        {
            let overlap = earlier.end(at) - first;
            let meets = overlap == 0
                || run.rows.front().map(|row| row.id)
                    == usize::try_from(first - at)
                        .ok()
                        .and_then(|nth| earlier.rows.get(nth))
                        .map(|row| row.id);
            if meets {
                while earlier.end(at) > first {
                    let gone = earlier.rows.pop_back();
                    earlier.bytes -= gone.as_ref().map_or(0, ListRow::size);
                }
                earlier.rows.append(&mut run.rows);
                earlier.bytes += run.bytes;
                earlier.seen = run.seen;
                run = earlier;
                start = at;
            }
        }
        let touched: Vec<u64> = (self.runs.range(first..=end))
            .map(|(at, _)| *at)
            .filter(|at| *at < end || joins == Joins::After)
            .collect();
        for at in touched {
            let Some(mut later) = self.take(at) else {
                continue;
            };
            if later.end(at) <= end {
                continue;
            }
            let last = run.rows.back().map(|row| row.id);
            let overlap = usize::try_from(end - at).unwrap_or(0);
            let meets = overlap == 0 || later.rows.get(overlap - 1).map(|row| row.id) == last;
            if meets {
                for _ in 0..overlap {
                    let gone = later.rows.pop_front();
                    later.bytes -= gone.as_ref().map_or(0, ListRow::size);
                }
                run.rows.append(&mut later.rows);
                run.bytes += later.bytes;
            }
        }
        self.bytes += run.bytes;
        self.runs.insert(start, run);
        self.evict(around);
    }

    /// Takes rows whose place each row itself tells; what lies between is not held.
    pub fn insert_placed(&mut self, rows: Vec<ListRow>, around: &Range<u64>) {
        let mut batch: Vec<ListRow> = Vec::new();
        let mut first = 0;
        for row in rows {
            let Some(place) = row.place else { continue };
            if place != first + batch.len() as u64 {
                let batch = std::mem::take(&mut batch);
                self.insert(first, batch, Joins::Before, around);
            }
            if batch.is_empty() {
                first = place;
            }
            batch.push(row);
        }
        // The order is written down: rows that touch follow each other.
        self.insert(first, batch, Joins::Before, around);
    }

    /// The file has changed: only runs of which something is in sight stay.
    pub fn keep_only_around(&mut self, sight: &Range<u64>) {
        let gone: Vec<u64> = (self.runs.iter())
            .filter(|(first, run)| **first >= sight.end || run.end(**first) <= sight.start)
            .map(|(first, _)| *first)
            .collect();
        for at in gone {
            self.take(at);
        }
    }

    /// Every row has another number: `by` more than before.
    pub fn renumber(&mut self, by: i64) {
        self.runs = std::mem::take(&mut self.runs)
            .into_iter()
            .map(|(first, run)| (first.saturating_add_signed(by), run))
            .collect();
    }

    /// The run at this row: its first row and the one after its last.
    pub fn run_at(&self, row: u64) -> Option<Range<u64>> {
        let (first, run) = self.runs.range(..=row).next_back()?;
        let range = *first..run.end(*first);
        range.contains(&row).then_some(range)
    }

    /// Somebody looks at these rows: others go first.
    pub fn look(&mut self, range: &Range<u64>) {
        self.looks += 1;
        let looks = self.looks;
        if let Some((_, run)) = self.runs.range_mut(..range.end).next_back() {
            run.seen = looks;
        }
    }

    fn take(&mut self, first: u64) -> Option<Run> {
        let run = self.runs.remove(&first)?;
        self.bytes -= run.bytes;
        Some(run)
    }

    /// Forgets what was not looked at for longest, then what is farthest from where somebody looks.
    fn evict(&mut self, around: &Range<u64>) {
        while self.bytes > self.limit && self.runs.len() > 1 {
            let oldest = (self.runs.iter())
                .filter(|(first, run)| **first >= around.end || run.end(**first) <= around.start)
                .min_by_key(|(_, run)| run.seen)
                .map(|(first, _)| *first);
            let Some(first) = oldest else { break };
            self.take(first);
        }
        while self.bytes > self.limit {
            let Some((first, run)) = self.runs.pop_first() else {
                return;
            };
            self.bytes -= run.bytes;
            let (first, run) = trimmed(first, run, around, self.bytes, self.limit);
            if run.rows.is_empty() {
                continue;
            }
            self.bytes += run.bytes;
            let is_done = self.bytes <= self.limit || self.runs.is_empty();
            self.runs.insert(first, run);
            if is_done {
                return;
            }
            // Whatever is in sight stays, even where single rows are larger than the limit.
            return;
        }
    }
}

/// A run without the rows that are farthest from `around`, until everything fits.
fn trimmed(
    mut first: u64,
    mut run: Run,
    around: &Range<u64>,
    others: usize,
    limit: usize,
) -> (u64, Run) {
    while others + run.bytes > limit {
        let before = around.start.saturating_sub(first);
        let after = run.end(first).saturating_sub(around.end);
        let gone = if before == 0 && after == 0 {
            break;
        } else if before > after {
            first += 1;
            run.rows.pop_front()
        } else {
            run.rows.pop_back()
        };
        let Some(gone) = gone else { break };
        run.bytes -= gone.size();
    }
    (first, run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::value::Cell;

    fn row(id: i64) -> ListRow {
        let head = [
            Cell::Int(id),
            Cell::Int(id),
            Cell::Null,
            Cell::Int(0),
            Cell::Text("completed".to_owned()),
        ];
        ListRow::from_cells(head.into()).expect("a row")
    }

    fn rows(range: Range<i64>) -> Vec<ListRow> {
        range.map(row).collect()
    }

    /// Row n has id n: everything that is held must be so.
    fn check(cache: &RowCache) {
        for (at, row) in cache.iter() {
            assert_eq!(row.id, at.cast_signed());
        }
        let bytes: usize = cache.iter().map(|(_, row)| row.size()).sum();
        assert_eq!(cache.bytes(), bytes);
    }

    #[test]
    fn rows_are_held_in_runs_that_grow_together() {
        let mut cache = RowCache::default();
        let around = 0..50;
        cache.insert(0, rows(0..50), Joins::Neither, &around);
        cache.insert(50, rows(50..80), Joins::Before, &around);
        assert_eq!(cache.run_at(10), Some(0..80));
        cache.insert(100, rows(100..120), Joins::Neither, &around);
        assert_eq!(cache.missing(&(0..200)), Some(80..100));
        assert_eq!(cache.missing(&(90..95)), Some(90..95));
        assert_eq!(cache.missing(&(100..120)), None);
        // One row more than is missing proves that the runs meet.
        cache.insert(80, rows(80..101), Joins::Before, &around);
        assert_eq!(cache.run_at(0), Some(0..120));
        assert_eq!(cache.missing(&(0..200)), Some(120..200));
        check(&cache);
        // Fetched backwards from the first key of what is there.
        cache.insert(130, rows(130..140), Joins::Neither, &around);
        cache.insert(125, rows(125..130), Joins::After, &around);
        assert_eq!(cache.run_at(125), Some(125..140));
        cache.insert(120, rows(120..125), Joins::Neither, &around);
        assert_eq!(
            cache.run_at(120),
            Some(120..125),
            "nobody knows that they meet"
        );
        assert_eq!(cache.missing(&(0..140)), None);
        cache.keep_only_around(&(0..30));
        cache.renumber(30);
        assert_eq!(cache.run_at(30), Some(30..150));
        assert_eq!(cache.get(30).map(|row| row.id), Some(0));
    }

    #[test]
    fn runs_that_do_not_meet_are_not_joined() {
        let mut cache = RowCache::default();
        cache.insert(100, rows(100..120), Joins::Neither, &(0..50));
        // Two jobs were inserted between: the old run no longer fits.
        cache.insert(80, rows(78..99), Joins::Neither, &(80..100));
        assert_eq!(cache.run_at(80), Some(80..101));
        assert_eq!(cache.get(110), None, "the old run is gone");
        assert_eq!(cache.get(100).map(|row| row.id), Some(98));
    }

    #[test]
    fn it_stays_within_its_bytes_and_keeps_what_is_in_sight() {
        let size = row(0).size();
        let mut cache = RowCache::default();
        cache.set_limit(size * 100, &(0..0));
        let mut first = 0;
        while first < 5_000 {
            let around = first..first + 30;
            cache.insert(
                first,
                rows(first.cast_signed()..first.cast_signed() + 40),
                Joins::Neither,
                &around,
            );
            assert!(cache.bytes() <= size * 100);
            assert_eq!(cache.missing(&around), None, "what is in sight");
            check(&cache);
            first += if first.is_multiple_of(400) { 333 } else { 40 };
        }
        cache.set_limit(size * 10, &(first..first));
        assert!(cache.bytes() <= size * 10);
        check(&cache);
    }

    #[test]
    fn after_a_change_only_what_belongs_together_stays() {
        let mut cache = RowCache::default();
        cache.insert(0, rows(0..50), Joins::Neither, &(0..50));
        cache.insert(100, rows(100..150), Joins::Neither, &(100..150));
        cache.keep_only_around(&(90..120));
        assert_eq!(cache.len(), 50, "its first rows are in sight");
        assert_eq!(cache.get(10), None);
        check(&cache);
    }
}
