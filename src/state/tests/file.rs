//! A job table in memory and a window without drawing: the list's whole life without SQLite, with
//! answers in any order, in many batches, late, or not at all.

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    fmt,
    ops::Range,
    rc::Rc,
    sync::Arc,
};

use super::*;
use crate::{
    engine::message::FileChange,
    jobs::{
        column::{ColumnKind, JobColumn},
        filter::{Condition, TextField},
        list::{COLUMNS, DETAIL_COLUMNS},
        position::STRIDE,
        rows::HEAD,
        sort::{Cursor, SortKey},
        sorted::SortedIdsWriter,
    },
};

/// The scheduler's ids of [`File`]'s jobs are so much larger than their own.
pub const FIRST_JOB_ID: i64 = 700_000;

/// A row as a [`RowsQuery`] delivers it: what every row begins with, then the columns.
pub fn row(of: &Cursor, (place, newest): (Option<u64>, i64), cells: Vec<Cell>) -> Vec<Cell> {
    let mut row = vec![
        Cell::Int(of.id),
        of.key.clone(),
        place.map_or(Cell::Null, |place| Cell::Int(place.cast_signed())),
        Cell::Int(newest),
        Cell::Text("completed".to_owned()),
    ];
    assert_eq!(row.len(), HEAD);
    row.extend(cells);
    row
}

/// Rows in their order, and the row of each job.
#[derive(Debug, Default)]
pub struct Order {
    pub jobs: Vec<Cursor>,
    pub row_of: HashMap<i64, u64>,
}

/// A job table: the start and the id of every job, by their ids.
pub struct File {
    jobs: Vec<(Cell, i64)>,
    orders: RefCell<HashMap<String, Rc<Order>>>,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = &self.jobs[..self.jobs.len().min(8)];
        write!(f, "{} jobs, the first {first:?}", self.jobs.len())
    }
}

impl File {
    pub fn new(jobs: impl IntoIterator<Item = (Cell, i64)>) -> Self {
        Self {
            jobs: jobs.into_iter().collect(),
            orders: RefCell::default(),
        }
    }

    /// So many jobs, one a minute; the last is the newest.
    pub fn with_jobs(num_jobs: i64) -> Self {
        Self::new((1..=num_jobs).map(|id| (Cell::Int(id * 60), id)))
    }

    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Somebody writes to it.
    pub fn change(&mut self, change: impl FnOnce(&mut Vec<(Cell, i64)>)) {
        change(&mut self.jobs);
        self.orders.take();
    }

    /// The whole table in this order.
    pub fn order(&self, sort: &Sort) -> Rc<Order> {
        let mut orders = self.orders.borrow_mut();
        let order = orders.entry(sort.to_string()).or_insert_with(|| {
            let key = |job: &(Cell, i64)| Cursor {
                key: Self::value(job, &sort.column()),
                id: job.1,
            };
            let mut jobs: Vec<Cursor> = self.jobs.iter().map(key).collect();
            jobs.sort_by(|a, b| match sort.is_before(a, b) {
                true => std::cmp::Ordering::Less,
                false if sort.is_before(b, a) => std::cmp::Ordering::Greater,
                false => std::cmp::Ordering::Equal,
            });
            let row_of = (jobs.iter().zip(0..)).map(|(job, row)| (job.id, row));
            let row_of = row_of.collect();
            Rc::new(Order { jobs, row_of })
        });
        Rc::clone(order)
    }

    fn value((start, id): &(Cell, i64), column: &JobColumn) -> Cell {
        match column {
            JobColumn::Stored("id") => Cell::Int(*id),
            JobColumn::Stored("job_id") => Cell::Int(FIRST_JOB_ID + id),
            JobColumn::Stored("start_time") => start.clone(),
            // Many equal values, and some that are missing.
            JobColumn::Stored("duration") if id % 13 == 0 => Cell::Null,
            JobColumn::Stored("duration") => Cell::Int(id * 7_919 % 97),
            JobColumn::Stored(_) | JobColumn::Footprint(_) | JobColumn::MetaData(_) => {
                Cell::Text(format!("{column} of {id}"))
            }
        }
    }

    fn cells(&self, id: i64, query: &RowsQuery) -> Vec<Cell> {
        let nth = self.jobs.binary_search_by_key(&id, |job| job.1);
        let job = &self.jobs[nth.expect("a job")];
        let mut cells = Vec::new();
        for column in &*query.columns {
            cells.push(Self::value(job, column));
            let is_wide =
                column.kind() == ColumnKind::Json || matches!(column, JobColumn::MetaData(_));
            if is_wide && !query.is_full {
                cells.push(Cell::Int(9));
            }
        }
        cells
    }

    fn rows(&self, query: &RowsQuery) -> Vec<Vec<Cell>> {
        let sort = &query.sort;
        let order = self.order(sort);
        let wanted = query.selection.filter.conditions.iter().find_map(|known| {
            let Condition::Text {
                field: TextField::JobId,
                is,
            } = known
            else {
                return None;
            };
            is.values.first()?.parse::<i64>().ok()
        });
        let jobs = (order.jobs.iter())
            .filter(|job| wanted.is_none_or(|job_id| job.id + FIRST_JOB_ID == job_id));
        let placed = |ids: Vec<i64>, first: u64| -> Vec<(Cursor, Option<u64>)> {
            let exists = |id: &i64| order.row_of.get(id).map(|row| &order.jobs[*row as usize]);
            (ids.iter().zip(first..))
                .filter_map(|(id, place)| Some((exists(id)?.clone(), Some(place))))
                .collect()
        };
        let unplaced = |jobs: Vec<&Cursor>| -> Vec<(Cursor, Option<u64>)> {
            (jobs.into_iter().skip(query.skip as usize))
                .map(|job| (job.clone(), None))
                .collect()
        };
        let found = match &query.place {
            Place::First => unplaced(jobs.collect()),
            Place::Last => unplaced(jobs.rev().collect()),
            Place::After(key) => unplaced(jobs.filter(|job| sort.is_before(key, job)).collect()),
            Place::Before(key) => {
                unplaced(jobs.rev().filter(|job| sort.is_before(job, key)).collect())
            }
            Place::From(key) => unplaced(jobs.filter(|job| !sort.is_before(job, key)).collect()),
            Place::Sorted(ids, row) => {
                let row = row + u64::from(query.skip);
                placed(ids.read(row, query.limit).expect("read"), row)
            }
            Place::SortedAt(ids, id) => match ids.find(*id).expect("read") {
                Some(row) => placed(ids.read(row, query.limit).expect("read"), row),
                None => Vec::new(),
            },
        };
        let newest = self.jobs.iter().map(|job| job.1).max().unwrap_or(0);
        let found = found.into_iter().take(query.limit as usize);
        if query.columns.is_empty() {
            let key = |(job, _): (Cursor, _)| vec![Cell::Int(job.id), job.key];
            return found.map(key).collect();
        }
        found
            .map(|(job, place)| row(&job, (place, newest), self.cells(job.id, query)))
            .collect()
    }

    /// What an engine would report of a task, but for its end. Rows come in batches of this size.
    fn answer(&self, id: TaskId, task: &Task, batch: usize) -> VecDeque<Event> {
        let mut events = VecDeque::from([Event::Started {
            id,
            connection: 0,
            plan: PlanSummary::default(),
            columns: Vec::new(),
            title: task.title(),
            is_background: task.is_background(),
        }]);
        let mut send = |rows: &[Vec<Cell>]| {
            for rows in rows.chunks(batch) {
                let rows = rows.to_vec();
                events.push_back(Event::Rows { id, rows });
            }
        };
        match task {
            Task::Query(JobQuery::Count { .. }) => send(&[vec![count(self.len())]]),
            Task::List(ListQuery::Rows(query)) => send(&self.rows(query)),
            Task::List(ListQuery::Newer(_, after)) => {
                let newer = self.jobs.iter().filter(|job| job.1 > *after).count();
                send(&[vec![count(newer)]]);
            }
            Task::List(ListQuery::Positions(_, sort)) => {
                let order = self.order(sort);
                let mut num_rows = 0;
                // Whole strides and parts of them, as time allows.
                for chunk in order.jobs.chunks(batch * 11) {
                    let keys = (chunk.iter().zip(num_rows..))
                        .filter(|(_, row)| row % u64::from(STRIDE) == 0)
                        .map(|(key, _)| key.clone())
                        .collect();
                    num_rows += chunk.len() as u64;
                    events.push_back(Event::Positions { id, keys, num_rows });
                }
            }
            Task::List(ListQuery::SortedIds(_, sort)) => {
                let mut writer = SortedIdsWriter::create().expect("a temporary file");
                for job in &self.order(sort).jobs {
                    writer.push(job.id).expect("written");
                }
                let ids = Arc::new(writer.finish().expect("finished"));
                events.push_back(Event::Sorted { id, ids });
            }
            Task::Orders(_) => {
                let plans = (COLUMNS.iter().chain(&DETAIL_COLUMNS))
                    .map(|(name, _)| planned(name))
                    .collect();
                events.push_back(Event::OrdersPlanned { id, plans });
            }
            Task::Query(_) | Task::Sql(_) | Task::Export(_) => {}
        }
        events
    }
}

fn count(number: usize) -> Cell {
    Cell::Int((number as u64).cast_signed())
}

/// Only starts and ids have an index.
fn planned(name: &'static str) -> (Sort, PlanSummary) {
    let steps: &[&str] = match name {
        "start_time" => &["SCAN job USING COVERING INDEX jobs_starttime"],
        "id" => &["SCAN job"],
        _ => &["SCAN job", "USE TEMP B-TREE FOR ORDER BY"],
    };
    let sort = Sort {
        key: SortKey::Column(name),
        descending: true,
    };
    let plan = PlanSummary {
        steps: steps.iter().map(|step| (*step).to_owned()).collect(),
        ..PlanSummary::default()
    };
    (sort, plan)
}

/// A task that runs or waits.
#[derive(Debug)]
pub struct Running {
    pub id: TaskId,
    pub task: Task,
    /// What it has still to report, once it has begun.
    events: Option<VecDeque<Event>>,
    pub is_cancelled: bool,
}

impl Running {
    /// It fetches rows that are drawn, as opposed to keys, counts and what is copied.
    pub fn is_fetch(&self) -> bool {
        matches!(&self.task, Task::List(ListQuery::Rows(rows))
            if !rows.columns.is_empty() && !rows.is_full
                && !matches!(rows.place, Place::SortedAt(..)))
    }

    pub fn is_numbering(&self) -> bool {
        matches!(self.task, Task::List(ListQuery::Positions(..)))
    }
}

/// What the window does, without drawing: it shows rows, follows the list, and hands requests on.
pub struct Window {
    pub state: AppState,
    pub file: File,
    pub running: Vec<Running>,
    pub at_secs: f64,
    /// Rows that fit into it.
    pub height: u64,
    pub batch: usize,
    /// Whether tasks that number rows get any answer.
    pub is_numbering: bool,
    /// Every task that was asked for, in order.
    pub asked: Vec<Task>,
    pub top: u64,
    visible: Range<u64>,
    followed: u64,
    renumbered: i64,
}

impl Window {
    /// The file is open; nothing is answered yet.
    pub fn open(file: File, settings: Settings, change: impl FnOnce(&mut DatabaseFacts)) -> Self {
        let mut facts = facts("a.db");
        facts.estimated_jobs = file.len() as u64;
        change(&mut facts);
        let mut window = Self {
            state: AppState::new(settings),
            file,
            running: Vec::new(),
            at_secs: 1.0,
            height: 30,
            batch: 64,
            is_numbering: true,
            asked: Vec::new(),
            top: 0,
            visible: 0..0,
            followed: 0,
            renumbered: 0,
        };
        window.happen(Event::Opened(Box::new(facts)));
        window.frame();
        window
    }

    /// The file is open, and everything is answered.
    pub fn shown(file: File) -> Self {
        let mut window = Self::open(file, Settings::default(), |_| {});
        window.settle();
        window
    }

    pub fn send(&mut self, command: Command) {
        let requests = self.state.handle(self.at_secs, command);
        self.take(requests);
    }

    /// Sends, and waits for what follows.
    pub fn send_and_settle(&mut self, command: Command) {
        self.send(command);
        self.settle();
    }

    pub fn happen(&mut self, event: Event) {
        let at_secs = self.at_secs;
        let requests = self.state.apply(News { at_secs, event });
        self.take(requests);
    }

    pub fn file_is(&mut self, change: FileChange) {
        let path = PathBuf::from("a.db");
        self.happen(Event::FileChanged { path, change });
    }

    fn take(&mut self, requests: Vec<Request>) {
        for request in requests {
            match request {
                Request::Run(id, task) | Request::RunWithin(id, task, _) => {
                    self.asked.push(task.clone());
                    self.running.push(Running {
                        id,
                        task,
                        events: None,
                        is_cancelled: false,
                    });
                }
                Request::Cancel(id) => {
                    let task = self.running.iter_mut().find(|task| task.id == id);
                    task.expect("only what runs is cancelled").is_cancelled = true;
                }
                Request::Open { .. }
                | Request::SetProfile(_)
                | Request::Shrink
                | Request::Trim
                | Request::GiveBack(_)
                | Request::SetGuard(_)
                | Request::WatchProcess(_)
                | Request::Record(_)
                | Request::OpenRecording(_)
                | Request::ListProcesses
                | Request::LoadClusters { .. } => {}
            }
        }
        self.check();
    }

    /// The next news of a task; of one that was cancelled its end, unless the cancel came too late.
    pub fn deliver(&mut self, nth: usize, is_too_late: bool) {
        self.at_secs += 0.01;
        let running = &mut self.running[nth];
        let id = running.id;
        let (file, task, batch) = (&self.file, &running.task, self.batch);
        let events = (running.events).get_or_insert_with(|| file.answer(id, task, batch));
        let is_stopped = running.is_cancelled && !is_too_late;
        if let Some(event) = events.pop_front().filter(|_| !is_stopped) {
            self.happen(event);
            return;
        }
        self.running.remove(nth);
        let outcome = if is_stopped {
            Outcome::Cancelled
        } else {
            Outcome::Finished
        };
        self.happen(Event::Ended {
            id,
            ended_secs: self.at_secs,
            receipt: Box::new(receipt_of(outcome)),
            report: None,
            next: None,
        });
    }

    /// Tasks that get an answer.
    pub fn answerable(&self) -> Vec<usize> {
        let tasks = self.running.iter().enumerate();
        tasks
            .filter(|(_, task)| self.is_numbering || task.is_cancelled || !task.is_numbering())
            .map(|(nth, _)| nth)
            .collect()
    }

    /// Answers everything, until nothing more is asked.
    pub fn settle(&mut self) {
        for _ in 0..20_000 {
            if let Some(nth) = self.answerable().first() {
                self.deliver(*nth, false);
                continue;
            }
            let num_asked = self.asked.len();
            self.frame();
            if self.asked.len() == num_asked && self.answerable().is_empty() {
                return;
            }
        }
        let last: Vec<_> = self.asked.iter().rev().take(6).map(describe).collect();
        panic!("it never comes to rest: {last:#?}");
    }

    /// One frame: what the table does while it draws.
    pub fn frame(&mut self) {
        self.at_secs += 0.016;
        let list = &self.state.jobs;
        let num_rows = list.num_rows();
        if num_rows == 0 || list.rows.is_empty() && list.is_outdated || list.phase == Phase::Empty {
            return;
        }
        let by = list.renumbered - self.renumbered;
        self.top = self.top.saturating_add_signed(by);
        self.renumbered = list.renumbered;
        if list.scroll.serial != self.followed {
            self.followed = list.scroll.serial;
            let row = list.scroll.row;
            let is_in_sight = (self.top..self.top + self.height).contains(&row);
            if list.scroll.at_top || row < self.top {
                self.top = row;
            } else if !is_in_sight {
                self.top = (row + 1).saturating_sub(self.height);
            }
        }
        self.top = self.top.min(num_rows.saturating_sub(self.height));
        let visible = self.top..(self.top + self.height).min(num_rows);
        let is_missing = list.rows.missing(&visible).is_some();
        if visible != self.visible || is_missing || list.has_more_near(&visible) {
            self.visible = visible.clone();
            self.send(Command::ShowRows(visible));
        }
    }

    pub fn scroll_to(&mut self, row: u64) {
        self.top = row;
        self.frame();
    }

    /// The ids of the jobs in sight, `None` where a row has not come.
    pub fn in_sight(&self) -> Vec<Option<i64>> {
        self.visible
            .clone()
            .map(|row| self.state.jobs.id_at(row))
            .collect()
    }

    /// The ids that should stand in these rows.
    pub fn expected(&self, rows: Range<u64>) -> Vec<Option<i64>> {
        let order = self.file.order(&self.state.jobs.sort);
        let jobs = order.jobs.iter().skip(rows.start as usize);
        let number = rows.end.saturating_sub(rows.start) as usize;
        jobs.take(number).map(|job| Some(job.id)).collect()
    }

    /// What must be true at every moment.
    pub fn check(&self) {
        let list = &self.state.jobs;
        for (_, row) in list.rows.iter().filter(|(_, row)| !row.is_gone()) {
            let job_id = list.cell(row, &JobColumn::Stored("job_id"));
            assert_eq!(job_id, &Cell::Int(FIRST_JOB_ID + row.id), "in its column");
        }
        let num_fetches = (self.running.iter())
            .filter(|task| task.is_fetch() && !task.is_cancelled)
            .count();
        assert!(num_fetches <= 1, "{num_fetches} fetches at once");
        if list.changed.is_some() {
            return;
        }
        let order = self.file.order(&list.rows_sort);
        let mut before: Option<(u64, u64)> = None;
        for (row, held) in list.rows.iter() {
            let place = order.row_of[&held.id];
            assert_eq!(order.jobs[place as usize].key, held.key);
            if list.numbering == job_list::Numbering::Exact {
                assert_eq!(place, row, "job {} stands in row {row}", held.id);
            }
            if let Some((row_before, place_before)) = before
                && list
                    .rows
                    .run_at(row)
                    .is_some_and(|run| run.contains(&row_before))
            {
                assert_eq!(place, place_before + 1, "rows {row_before} and {row}");
            }
            before = Some((row, place));
        }
    }
}

fn describe(task: &Task) -> String {
    match task {
        Task::List(ListQuery::Rows(rows)) => format!(
            "{:?}, skip {}, limit {}, {} columns",
            rows.place,
            rows.skip,
            rows.limit,
            rows.columns.len()
        ),
        Task::List(_) | Task::Query(_) | Task::Sql(_) | Task::Orders(_) | Task::Export(_) => {
            task.name().to_owned()
        }
    }
}
