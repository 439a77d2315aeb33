//! The job table: a sorted selection of any size, of which only what is in sight is fetched.
//!
//! A row is known by its key; its number is a label. Numbers are exact once the position index is
//! there (or the list is short); until then they are estimates, and say so.

pub mod cache;
pub mod copy;
mod fetch;
pub mod layout;
pub mod marks;
mod numbering;
pub mod order;

use std::{ops::Range, sync::Arc};

pub use self::numbering::Numbering;
use self::{
    cache::RowCache,
    copy::Copying,
    fetch::{Aim, Fetch},
    marks::Marks,
    numbering::KeptPositions,
    order::Orders,
};
use super::Phase;
use crate::{
    command::Goal,
    db::{plan::PlanSummary, value::Cell},
    engine::message::{FileChange, TaskId},
    jobs::{
        column::JobColumn,
        filter::Selection,
        position::PositionIndex,
        rows::{ListQuery, ListRow, Place, RowsQuery},
        sort::{Cursor, Sort},
        sorted::SortedIds,
        sql::Sql,
    },
    memory::sample::WindowMemory,
    units::Bytes,
};

/// The first batch is what fits on a screen: it should be there at once.
pub const FIRST_BATCH: u32 = 50;

/// Later batches.
pub const NEXT_BATCH: u32 = 200;

/// Rows before and after what is in sight that are fetched along with it.
pub const AHEAD: u64 = 60;

/// Where the view should go. The panel does it once for each serial number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScrollWish {
    /// Another number, another wish.
    pub serial: u64,
    /// The row that should be in sight.
    pub row: u64,
    /// At the top, not just somewhere in sight.
    pub at_top: bool,
}

/// The jobs that match the filter.
#[derive(Debug, Default)]
pub struct JobList {
    /// The rows that are held.
    pub rows: RowCache,
    /// The columns that each row has, besides its id and its key.
    pub columns: Arc<[JobColumn]>,
    /// How the list stands.
    pub phase: Phase,
    /// The order of the list; while `is_outdated`, the one that is being asked for.
    pub sort: Sort,
    /// The order of `rows`, which may still be the one before.
    pub rows_sort: Sort,
    /// How many jobs match, once counted.
    pub count: Option<u64>,
    /// The statement that asks for the first of them; `None` if the file cannot answer it.
    pub sql: Option<Sql>,
    /// How SQLite finds them.
    pub plan: PlanSummary,
    /// The rows still belong to the filter or the order before.
    pub is_outdated: bool,
    /// How far row numbers can be trusted.
    pub numbering: Numbering,
    /// The marked rows.
    pub marks: Marks,
    /// The row that the keys move.
    pub current: Option<u64>,
    /// Where the view should go.
    pub scroll: ScrollWish,
    /// By how much all rows have been renumbered since the start, for a view that stays with them.
    pub renumbered: i64,
    /// Jobs that match and were inserted since; counted when the file changes.
    pub newer: Option<u64>,
    /// What happened to the file since the list was asked for, and when on the engine's clock.
    pub changed: Option<(FileChange, f64)>,
    /// How each order would be served, and one that waits for the user's word.
    pub orders: Orders,
    /// Marked rows on their way to the clipboard.
    pub copying: Copying,
    /// The rows in sight.
    pub(super) wanted: Range<u64>,
    /// What the rows were asked for. All parts belong to the same moment: "the last 6 hours" must not
    /// move on while somebody scrolls.
    pub(super) selection: Selection,
    pub(super) counting: Option<TaskId>,
    pub(super) indexing: Option<TaskId>,
    pub(super) sorting: Option<(TaskId, Selection, Sort)>,
    pub(super) counting_newer: Option<TaskId>,
    pub(super) asking_last: Option<TaskId>,
    pub(super) finding: Option<Finding>,
    fetch: Option<Fetch>,
    /// A fetch for this part failed or was stopped: it is not asked for again by itself.
    halted: Option<Range<u64>>,
    index: PositionIndex,
    /// The file has changed since the index was made: it leads near a row, not to it.
    index_is_old: bool,
    indexed_secs: f64,
    /// The first keys of the pass under way take the place of the old ones.
    is_index_replaced: bool,
    kept: Vec<KeptPositions>,
    sorted: Option<Arc<SortedIds>>,
    /// The first and the last key, between which a first guess is made.
    ends: (Option<Cursor>, Option<Cursor>),
    /// The number after the last row, where the end of the list has been seen.
    bottom: Option<u64>,
    /// A guess at how many jobs match.
    pub(super) estimate: u64,
    /// The largest id when the rows were read.
    newest_id: Option<i64>,
    /// A place that somebody wants to go to once the list is there.
    pub(super) goal: Option<Goal>,
    /// A row that should become the current one when it arrives.
    pub(super) select_when_there: Option<u64>,
}

/// A job that is looked for in the list.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finding {
    pub id: TaskId,
    /// What it is looked for.
    pub goal: Goal,
    /// Its key, once it was found.
    pub found: Option<Cursor>,
    /// Its place in an order that is written down.
    pub place: Option<u64>,
}

impl Finding {
    pub(super) fn new(id: TaskId, goal: Goal) -> Self {
        Self {
            id,
            goal,
            found: None,
            place: None,
        }
    }
}

/// Orders that need no index.
pub(super) mod list_order {
    use crate::jobs::sort::{Sort, SortKey};

    /// The rows that were inserted last come first: the table's own order.
    pub(in crate::state) fn by_id() -> Sort {
        Sort {
            key: SortKey::Column("id"),
            descending: true,
        }
    }
}

impl JobList {
    /// Rows that the sort under way has written down.
    pub fn sorting(&self) -> Option<&Sort> {
        self.sorting.as_ref().map(|(_, _, sort)| sort)
    }

    /// The task that writes an order down.
    pub fn sorting_task(&self) -> Option<TaskId> {
        self.sorting.as_ref().map(|(id, ..)| *id)
    }

    /// Whether rows near these are still to be fetched, so that scrolling finds them there.
    pub fn has_more_near(&self, visible: &Range<u64>) -> bool {
        let around =
            visible.start.saturating_sub(AHEAD)..(visible.end + AHEAD).min(self.num_rows());
        !self.is_fetching() && self.halted.is_none() && self.rows.missing(&around).is_some()
    }

    /// Whether the count is still under way.
    pub fn is_counting(&self) -> bool {
        self.counting.is_some()
    }

    /// Whether every row is held, from the first to the last: there is nothing left to look for.
    fn is_held_whole(&self) -> bool {
        self.numbering == Numbering::Exact
            && self
                .bottom
                .is_some_and(|bottom| self.rows.len() as u64 >= bottom)
    }

    /// Bytes of the file with a sorted order.
    pub fn sorted_bytes(&self) -> Option<Bytes> {
        self.sorted.as_ref().map(|ids| Bytes(ids.bytes()))
    }

    /// The value of a column in a row.
    pub fn cell<'a>(&self, row: &'a ListRow, column: &JobColumn) -> &'a Cell {
        row.get(&self.columns, column).0
    }

    /// The job in a row, by its database id.
    pub fn id_at(&self, row: u64) -> Option<i64> {
        let row = self.rows.get(row).filter(|row| !row.is_gone());
        row.map(|row| row.id)
    }

    /// The row of a job: the current one first, which it nearly always is.
    pub fn row_of(&self, id: i64) -> Option<u64> {
        self.current
            .filter(|row| self.id_at(*row) == Some(id))
            .or_else(|| self.rows.find(id))
    }

    /// What the rows and the position indexes hold.
    pub fn memory(&self) -> WindowMemory {
        let kept: usize = self.kept.iter().map(KeptPositions::bytes).sum();
        WindowMemory {
            rows: Bytes((self.rows.bytes() + self.copying.bytes()) as u64),
            positions: Bytes((self.index.bytes() + kept) as u64),
        }
    }

    /// Rows that are held beyond those in sight.
    pub fn bytes_out_of_sight(&self) -> Bytes {
        Bytes(self.rows.bytes_beyond(&self.wanted) as u64)
    }

    /// Drops them; they are fetched again when somebody scrolls there.
    pub(super) fn drop_out_of_sight(&mut self) {
        self.rows.drop_beyond(&self.wanted);
    }

    /// Asks for a list from its first row on. What is there stays until the first row comes.
    pub(super) fn begin(
        &mut self,
        (selection, sort, sorted): (Selection, Sort, Option<Arc<SortedIds>>),
    ) -> ListQuery {
        self.keep_positions();
        let place = (sorted.as_ref()).map_or(Place::First, |ids| Place::Sorted(Arc::clone(ids), 0));
        self.selection = selection;
        self.sort = sort;
        self.sorted = sorted;
        // The plan was the one of the statement before.
        self.plan = PlanSummary::default();
        self.phase = Phase::Loading;
        self.is_outdated = true;
        self.fetch = None;
        self.halted = None;
        self.finding = None;
        self.select_when_there = None;
        self.rows_query(place, 0, FIRST_BATCH)
    }

    /// An order was given up before anything was fetched in it. Rows of another one stay.
    pub(super) fn gave_up(&mut self) {
        if self.phase == Phase::Empty {
            self.phase = Phase::Stopped;
            self.is_outdated = true;
        }
    }

    pub(super) fn begin_count(&mut self, counting: TaskId) {
        self.counting = Some(counting);
        self.count = None;
    }

    pub(super) fn clear(&mut self) {
        *self = Self {
            sort: std::mem::take(&mut self.sort),
            columns: Arc::clone(&self.columns),
            renumbered: self.renumbered,
            scroll: self.scroll,
            rows: {
                let mut rows = std::mem::take(&mut self.rows);
                rows.clear();
                rows
            },
            ..Self::default()
        };
    }

    /// The first answer has come: the rows before belong to something else.
    fn start_anew(&mut self) {
        self.rows.clear();
        self.rows_sort = self.sort.clone();
        self.is_outdated = false;
        self.numbering = Numbering::Exact;
        self.bottom = None;
        self.ends = (None, None);
        self.newer = None;
        // A change since these rows were asked for may be missing in them.
        let asked_secs = self.fetch.as_ref().map(|fetch| fetch.asked_secs);
        self.changed =
            (self.changed).filter(|(_, at_secs)| asked_secs.is_some_and(|asked| asked < *at_secs));
        self.newest_id = None;
        self.marks.clear();
        self.current = None;
        self.copying = Copying::default();
        self.index_is_old = self.changed.is_some();
        self.restore_positions();
        self.scroll_to(0, true);
        if let Some(sorted) = &self.sorted {
            self.count = Some(sorted.num_rows());
        }
    }

    /// Has the view go to a row.
    pub(super) fn scroll_to(&mut self, row: u64, at_top: bool) {
        self.scroll = ScrollWish {
            serial: self.scroll.serial + 1,
            row,
            at_top,
        };
    }

    fn rows_query(&self, place: Place, skip: u32, limit: u32) -> ListQuery {
        ListQuery::Rows(RowsQuery {
            selection: self.selection.clone(),
            sort: self.sort.clone(),
            columns: Arc::clone(&self.columns),
            place,
            skip,
            limit,
            is_full: false,
        })
    }

    /// Holds at most so much of the rows.
    pub(super) fn limit_rows(&mut self, limit: Bytes) {
        let limit = usize::try_from(limit.0).unwrap_or(usize::MAX);
        let around = self.wanted.clone();
        self.rows.set_limit(limit, &around);
    }

    /// All parts of a list belong to one moment.
    pub(super) fn set_selection(&mut self, selection: Selection) {
        self.selection = selection;
    }

    /// The key of the last row.
    pub(super) fn took_last(&mut self, rows: &[Vec<Cell>]) {
        let cursor = rows.first().and_then(|cells| {
            Some(Cursor {
                id: cells.first()?.as_id()?,
                key: cells.get(1)?.clone(),
            })
        });
        self.set_last(cursor);
    }

    /// Somebody waits for this task, and wants to know if it fails.
    pub(super) fn is_waited_for(&self, id: TaskId) -> bool {
        let of_sort = self.sorting.as_ref().map(|(id, ..)| *id);
        let of_find = self.finding.as_ref().map(|finding| finding.id);
        [
            self.fetching(),
            self.counting,
            of_sort,
            of_find,
            self.copying.id,
        ]
        .contains(&Some(id))
    }

    /// The job in the row that was waited for.
    pub(super) fn came_to_follow(&mut self) -> Option<i64> {
        let row = self.select_when_there?;
        let id = self.id_at(row)?;
        self.select_when_there = None;
        Some(id)
    }

    /// Somebody has written to the file, or worse. Rows that are in sight stay as they are.
    pub(super) fn file_changed(&mut self, change: FileChange, at_secs: f64) {
        self.changed = Some((change, at_secs));
        self.index_is_old = true;
        self.kept.clear();
        self.rows.keep_only_around(&self.wanted);
    }

    /// The question how many jobs are newer than all that was read.
    pub(super) fn newer_query(&self) -> Option<ListQuery> {
        let id = self.newest_id.filter(|_| self.counting_newer.is_none())?;
        Some(ListQuery::Newer(self.selection.clone(), id))
    }

    /// Whether another fetch is under way.
    pub fn is_fetching(&self) -> bool {
        self.fetch.is_some()
    }

    /// Whether the task fetches the first rows of a list.
    pub(super) fn is_first(&self, id: TaskId) -> bool {
        (self.fetch.as_ref()).is_some_and(|fetch| fetch.id == id && fetch.aim == Aim::Fresh)
    }

    pub(super) fn fetching(&self) -> Option<TaskId> {
        self.fetch.as_ref().map(|fetch| fetch.id)
    }

    pub(super) fn planned(&mut self, id: TaskId, plan: PlanSummary) {
        // Later batches begin at a key, and are found in another way than the first one was.
        if (self.fetch.as_ref()).is_some_and(|fetch| fetch.id == id && fetch.aim == Aim::Fresh) {
            self.plan = plan;
        }
    }
}
