//! Going to a row, a time, a job.

use std::sync::Arc;

use crate::state::{
    AppState, Phase,
    job_list::{Finding, marks::MarkHow},
};
use crate::{
    command::Goal,
    db::value::Cell,
    engine::message::{Request, Task},
    error::{Error, Report},
    jobs::{
        filter::{Condition, Selection, TextField, TextMatch, TextOp},
        rows::{ListQuery, Place, RowsQuery},
        sort::Sort,
    },
};

impl AppState {
    pub(in crate::state) fn go_to(&mut self, at_secs: f64, goal: Goal) -> Vec<Request> {
        if self.jobs.is_outdated || self.jobs.phase == Phase::Empty {
            // Another order is on its way: the place is looked for in that one.
            self.jobs.goal = Some(goal);
            return Vec::new();
        }
        let is_by_start = self.jobs.sort.key == Sort::default().key;
        match goal {
            Goal::Time(_) if !is_by_start => {
                // Only in the order of the start do jobs of a time lie side by side.
                let requests = self.sort_jobs(at_secs, Sort::default());
                self.jobs.goal = Some(goal);
                requests
            }
            Goal::Row(row) => {
                self.jobs.go_to_row(row);
                let row = self.jobs.scroll.row;
                let mut requests = self.mark(at_secs, row, MarkHow::Only);
                requests.extend(self.fetch_rows(at_secs));
                requests
            }
            Goal::Time(secs) => self.go_to_time(at_secs, secs),
            Goal::JobId(job_id) => self.look_for(at_secs, job_id),
        }
    }

    pub(super) fn go_to_time(&mut self, at_secs: f64, secs: i64) -> Vec<Request> {
        let cursor = self.jobs.sort.at(Cell::Int(secs));
        if self.jobs.sorted_ids().is_some() {
            // Where a key is in a written order, only the file of ids tells: of which job?
            let place = Place::From(cursor);
            let selection = self.jobs.selection.clone();
            return self.find(at_secs, Goal::Time(secs), (selection, place));
        }
        let mut requests: Vec<_> = (self.jobs.fetching().into_iter())
            .flat_map(|id| self.cancel(at_secs, id))
            .collect();
        let ask = self.jobs.go_to_key(&cursor);
        let (id, run) = self.start(at_secs, Task::List(ask.query.clone()));
        self.jobs.asked(id, &ask, at_secs);
        requests.push(run);
        requests
    }

    pub(super) fn look_for(&mut self, at_secs: f64, job_id: i64) -> Vec<Request> {
        let mut selection = self.jobs.selection.clone();
        selection.filter.conditions.push(Condition::Text {
            field: TextField::JobId,
            is: TextMatch::new(TextOp::Eq, job_id.to_string()),
        });
        self.find(at_secs, Goal::JobId(job_id), (selection, Place::First))
    }

    /// Looks for the key of the first job of a selection from a place on.
    fn find(
        &mut self,
        at_secs: f64,
        goal: Goal,
        (selection, place): (Selection, Place),
    ) -> Vec<Request> {
        let mut requests: Vec<_> = (self.jobs.finding.take().into_iter())
            .flat_map(|finding| self.cancel(at_secs, finding.id))
            .collect();
        let query = ListQuery::Rows(RowsQuery {
            selection,
            sort: self.jobs.sort.clone(),
            columns: Arc::new([]),
            place,
            skip: 0,
            limit: 1,
            is_full: false,
        });
        let (id, run) = self.start(at_secs, Task::List(query));
        self.jobs.finding = Some(Finding::new(id, goal));
        requests.push(run);
        requests
    }

    pub(super) fn found(&mut self, at_secs: f64, finding: Finding) -> Vec<Request> {
        let Some(cursor) = finding.found else {
            let Goal::JobId(job_id) = finding.goal else {
                // No job is as late in the order: the last one is nearest.
                let last = self.jobs.num_rows().saturating_sub(1);
                return self.go_to(at_secs, Goal::Row(last));
            };
            let is_filtered = !self.settings.filter.is_empty();
            let expected = if is_filtered {
                "the id of a job that the filter selects"
            } else {
                "the id of a job in this database"
            };
            let error = Error::invalid("job id", job_id.to_string(), expected);
            self.show_report(Report::from(&error));
            return Vec::new();
        };
        if let Some(sorted) = self.jobs.sorted_ids().map(Arc::clone) {
            if let Some(place) = finding.place {
                return self.go_to(at_secs, Goal::Row(place));
            }
            // Its key is known; where that is in the written order, only the file of ids tells.
            let query = ListQuery::Rows(RowsQuery {
                selection: self.jobs.selection.clone(),
                sort: self.jobs.sort.clone(),
                columns: Arc::clone(&self.jobs.columns),
                place: Place::SortedAt(sorted, cursor.id),
                skip: 0,
                limit: 1,
                is_full: false,
            });
            let (id, run) = self.start(at_secs, Task::List(query));
            self.jobs.finding = Some(Finding::new(id, finding.goal));
            return vec![run];
        }
        let mut requests: Vec<_> = (self.jobs.fetching().into_iter())
            .flat_map(|id| self.cancel(at_secs, id))
            .collect();
        let ask = self.jobs.go_to_key(&cursor);
        let (id, run) = self.start(at_secs, Task::List(ask.query.clone()));
        self.jobs.asked(id, &ask, at_secs);
        requests.push(run);
        let row = self.jobs.scroll.row;
        self.jobs.marks.mark(row, MarkHow::Only);
        self.jobs.current = Some(row);
        requests.extend(self.select_job(at_secs, Some(cursor.id)));
        requests
    }
}
