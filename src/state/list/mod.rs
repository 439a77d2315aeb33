//! How the application drives its job list: what is asked when, and what follows from the answers.

mod order;
mod places;
mod table;

use std::{ops::Range, path::Path, sync::Arc};

use super::{AppState, Notice, Phase, apply::first_count};
use crate::{
    command::Goal,
    db::value::Cell,
    engine::message::{FileChange, Request, Task, TaskId},
    error::Report,
    jobs::{
        catalogue::JobQuery,
        rows::{HEAD, ListQuery},
        sort::{Cursor, Sort, SortKey},
        sorted::SortedIds,
    },
};

/// An index pass that reads the table itself is made without asking up to so many jobs.
const FREE_NUMBERING: u64 = 2_000_000;

/// An old position index is made anew at most this often while a live database changes.
const RENUMBER_SECS: f64 = 5.0;

impl AppState {
    /// Asks for the first batch and the count of the current filter, instead of whatever was asked.
    pub(super) fn load_jobs(&mut self, at_secs: f64) -> Vec<Request> {
        self.statistics.outdate();
        if !self.has_jobs() {
            return Vec::new();
        }
        let mut requests = self.stop_list(at_secs, true);
        self.jobs.goal = None;
        requests.extend(self.cancel_statistics(at_secs));
        let selection = self.selection();
        self.jobs.orders.forget();
        self.jobs.estimate = self.estimated_jobs();
        let (id, run) = self.start(at_secs, Task::Orders(selection.clone()));
        self.jobs.orders.asked = Some(id);
        let sort = self.jobs.sort.clone();
        if matches!(sort.key, SortKey::Column("start_time" | "id")) {
            // Nearly every file has an index for it: the plan that is on its way will tell.
            requests.extend(self.load_list(at_secs, sort, None));
        } else {
            self.jobs.orders.undecided = Some(sort);
        }
        requests.push(run);
        let (counting, run) = self.start(at_secs, Task::Query(JobQuery::Count { selection }));
        requests.push(run);
        self.jobs.begin_count(counting);
        requests.extend(self.refresh_statistics_if_shown(at_secs));
        requests
    }

    fn estimated_jobs(&self) -> u64 {
        self.database.as_ref().map_or(0, |database| {
            database.exact_jobs.unwrap_or(database.facts.estimated_jobs)
        })
    }

    /// Stops what works for the list; of a new filter also what works for its count.
    fn stop_list(&mut self, at_secs: f64, with_count: bool) -> Vec<Request> {
        let list = &mut self.jobs;
        let mut ids: Vec<TaskId> = [
            list.fetching(),
            list.indexing.take(),
            list.sorting.take().map(|(id, ..)| id),
            list.asking_last.take(),
            list.counting_newer.take(),
            list.finding.take().map(|finding| finding.id),
            list.copying.id,
        ]
        .into_iter()
        .flatten()
        .collect();
        list.copying.stop();
        if with_count {
            ids.extend(
                [list.counting.take(), list.orders.asked.take()]
                    .into_iter()
                    .flatten(),
            );
        }
        ids.into_iter()
            .flat_map(|id| self.cancel(at_secs, id))
            .collect()
    }

    /// Asks for the first batch in this order, instead of whatever was asked.
    fn load_list(
        &mut self,
        at_secs: f64,
        sort: Sort,
        sorted: Option<Arc<SortedIds>>,
    ) -> Vec<Request> {
        if !self.has_jobs() {
            return Vec::new();
        }
        let mut requests = self.stop_list(at_secs, false);
        let selection = self.selection();
        // Of an order that is written down, the statement that wrote it: what reads its rows is only
        // a list of ids.
        let written =
            (sorted.is_some()).then(|| ListQuery::SortedIds(selection.clone(), sort.clone()));
        let query = self.jobs.begin((selection, sort, sorted));
        // Where this fails, the task fails for the same reason and says so.
        self.jobs.sql = self
            .schema()
            .and_then(|schema| written.as_ref().unwrap_or(&query).sql(schema).ok());
        let (id, run) = self.start(at_secs, Task::List(query));
        requests.push(run);
        self.jobs.asked_first(id, at_secs);
        requests
    }

    /// Everything is stopped: nothing that was only meant to follow begins.
    pub(super) fn stop_all(&mut self, at_secs: f64) -> Vec<Request> {
        // An export is stopped by its own button: Esc is pressed too easily for a file that has taken
        // an hour.
        let ids: Vec<_> = (self.tasks.active.iter())
            .map(|task| task.id)
            .filter(|id| !self.exports.is(*id))
            .collect();
        let was_waiting =
            self.jobs.sorting.take().is_some() | self.jobs.orders.undecided.take().is_some();
        if was_waiting {
            self.settings.sort = self.jobs.sort.clone();
            self.jobs.gave_up();
        }
        if self.jobs.misses_rows() {
            // They wait for a way to them, which is stopped as well.
            self.jobs.halt(Phase::Stopped);
        }
        ids.into_iter()
            .flat_map(|id| self.cancel(at_secs, id))
            .collect()
    }

    pub(super) fn show_rows(&mut self, at_secs: f64, rows: Range<u64>) -> Vec<Request> {
        let mut requests = Vec::new();
        if let Some(id) = self.jobs.look(rows, at_secs) {
            requests.extend(self.cancel(at_secs, id));
        }
        requests.extend(self.fetch_rows(at_secs));
        requests
    }

    /// Fetches what is in sight and not there, if nothing is under way.
    pub(super) fn fetch_rows(&mut self, at_secs: f64) -> Vec<Request> {
        let requests = self.fetch_next(at_secs);
        if requests.is_empty() && self.jobs.is_lost() {
            // What would have led to these rows was stopped before it was needed.
            return self.ask_about_list(at_secs);
        }
        requests
    }

    fn fetch_next(&mut self, at_secs: f64) -> Vec<Request> {
        let Some(ask) = self.jobs.next_fetch() else {
            return Vec::new();
        };
        let (id, run) = self.start(at_secs, Task::List(ask.query.clone()));
        self.jobs.asked(id, &ask, at_secs);
        let mut requests = vec![run];
        // A guess was made with an index that is no longer true: time for a new one.
        if self.jobs.wants_new_index(at_secs, RENUMBER_SECS) {
            requests.extend(self.start_index(at_secs));
        }
        requests
    }

    /// What leads to rows elsewhere has ended: the last key, or the pass that numbers the rows.
    fn way_ended(&mut self, at_secs: f64, phase: Phase) -> Vec<Request> {
        let requests = self.fetch_next(at_secs);
        if !requests.is_empty() {
            return requests;
        }
        if phase == Phase::Loaded {
            return self.fetch_rows(at_secs);
        }
        if self.jobs.is_lost() && self.jobs.indexing.is_none() {
            self.jobs.halt(phase);
        }
        Vec::new()
    }

    fn start_index(&mut self, at_secs: f64) -> Vec<Request> {
        let Some(query) = self.jobs.index_query() else {
            return Vec::new();
        };
        let (id, run) = self.start(at_secs, Task::List(query));
        self.jobs.begin_index(id, at_secs);
        vec![run]
    }

    pub(super) fn number_rows(&mut self, at_secs: f64) -> Vec<Request> {
        self.start_index(at_secs)
    }

    /// Whether numbering the rows reads the table itself, for more jobs than is done unasked.
    pub fn is_numbering_dear(&self) -> bool {
        let reads_table = (self.jobs.orders.cost(&self.jobs.sort.key)).is_some_and(|cost| {
            let steps = &cost.plan.steps;
            !steps.iter().any(|step| step.contains("COVERING INDEX"))
        });
        reads_table && self.jobs.count.unwrap_or_else(|| self.estimated_jobs()) > FREE_NUMBERING
    }

    /// Takes rows of anything that works for the list. Answers whether it was that.
    pub(super) fn list_rows(&mut self, id: TaskId, rows: &mut Vec<Vec<Cell>>) -> bool {
        let list = &mut self.jobs;
        if list.fetched(id, rows) {
            return true;
        }
        if list.asking_last == Some(id) {
            list.took_last(rows);
        } else if list.counting_newer == Some(id) {
            list.newer = first_count(rows);
        } else if list.copying.id == Some(id) {
            let columns = list.copying.columns.len();
            list.copying.rows.extend(rows.drain(..).map(|mut cells| {
                let values = cells.split_off(HEAD.min(cells.len()));
                values.into_iter().take(columns).collect()
            }));
        } else if let Some(finding) = list.finding.as_mut().filter(|finding| finding.id == id) {
            finding.found = rows.first().and_then(|cells| {
                Some(Cursor {
                    id: cells.first()?.as_id()?,
                    key: cells.get(1)?.clone(),
                })
            });
            finding.place = (rows.first())
                .and_then(|cells| cells.get(2)?.as_int())
                .and_then(|place| u64::try_from(place).ok());
        } else {
            return false;
        }
        true
    }

    /// A task has ended: what follows for the list.
    pub(super) fn list_ended(&mut self, at_secs: f64, id: TaskId, phase: Phase) -> Vec<Request> {
        let was_fresh = self.jobs.is_first(id);
        if self.jobs.fetch_ended(id, phase) {
            let mut requests = Vec::new();
            if was_fresh && phase == Phase::Loaded {
                requests.extend(self.ask_about_list(at_secs));
                let is_by_start = self.jobs.sort.key == Sort::default().key;
                // A time is a place in the order of the start alone.
                let goal = (self.jobs.goal.take())
                    .filter(|goal| is_by_start || !matches!(goal, Goal::Time(_)));
                if let Some(goal) = goal {
                    requests.extend(self.go_to(at_secs, goal));
                }
            }
            requests.extend(self.fetch_rows(at_secs));
            requests.extend(self.follow_current(at_secs));
            return requests;
        }
        let list = &mut self.jobs;
        let is_complete = phase == Phase::Loaded;
        if list.counting == Some(id) {
            list.counting = None;
        } else if list.indexing == Some(id) {
            list.indexed(is_complete);
            return self.way_ended(at_secs, phase);
        } else if list.orders.asked == Some(id) {
            list.orders.asked = None;
            // Without plans, the order that was wanted is simply tried.
            if let Some(sort) = list.orders.undecided.take() {
                return self.load_list(at_secs, sort, None);
            }
        } else if list.asking_last == Some(id) {
            list.asking_last = None;
            return self.way_ended(at_secs, phase);
        } else if list.counting_newer == Some(id) {
            list.counting_newer = None;
        } else if list.sorting.take_if(|(of, ..)| *of == id).is_some() {
            // It was stopped: the list stays in the order that it has.
            self.settings.sort = self.jobs.sort.clone();
            return self.load_fallback(at_secs);
        } else if list.copying.id == Some(id) {
            return self.copied(at_secs, is_complete);
        } else if let Some(finding) = list.finding.take_if(|finding| finding.id == id)
            && is_complete
        {
            return self.found(at_secs, finding);
        }
        Vec::new()
    }

    /// What is asked once the first rows are there: the last key, then the number of every row.
    fn ask_about_list(&mut self, at_secs: f64) -> Vec<Request> {
        let mut requests = Vec::new();
        if let Some(query) = self.jobs.last_query() {
            let (id, run) = self.start(at_secs, Task::List(query));
            self.jobs.asking_last = Some(id);
            requests.push(run);
        }
        if !self.is_numbering_dear() {
            requests.extend(self.start_index(at_secs));
        }
        requests
    }

    pub(super) fn file_changed(
        &mut self,
        at_secs: f64,
        path: &Path,
        change: FileChange,
    ) -> Vec<Request> {
        let is_open = (self.database.as_ref()).is_some_and(|open| open.facts.path == path);
        if !is_open {
            return Vec::new();
        }
        self.jobs.file_changed(change, at_secs);
        let report = match change {
            FileChange::Written => {
                let Some(query) = self.jobs.newer_query() else {
                    return Vec::new();
                };
                let (id, run) = self.start(at_secs, Task::List(query));
                self.jobs.counting_newer = Some(id);
                return vec![run];
            }
            FileChange::Replaced => Report {
                headline: "Another file has taken the place of the open database".to_owned(),
                causes: Vec::new(),
                hint: Some(
                    "The rows that are there come from the file before. Open it again to go on with the new one"
                        .to_owned(),
                ),
            },
            FileChange::Gone => Report {
                headline: "The open database is no longer in its place".to_owned(),
                causes: vec![format!("there is no file {}", path.display())],
                hint: Some(
                    "The rows that are there stay, but more may not come. Put the file back, or open another"
                        .to_owned(),
                ),
            },
            FileChange::Truncated => Report {
                headline: "The open database was cut off".to_owned(),
                causes: vec!["the file is shorter than its own header says".to_owned()],
                hint: Some(
                    "Rows that were already fetched stay; others may be lost. Copy the file again, or restore a backup"
                        .to_owned(),
                ),
            },
        };
        self.notice = Some(Notice {
            report,
            immutable_offer: None,
            reopen_offer: (change != FileChange::Gone).then(|| path.to_owned()),
        });
        Vec::new()
    }
}
