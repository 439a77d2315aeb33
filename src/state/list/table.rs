//! What the user does to the table: its columns, marks, copies, and steps from job to job.

use std::{collections::VecDeque, sync::Arc};

use crate::state::{
    AppState,
    job_list::{
        NEXT_BATCH,
        copy::{CopyFormat, MAX_COPIED},
        layout::{self, ColumnLayout, TableLayout},
        marks::MarkHow,
    },
};
use crate::{
    engine::message::{Request, Task},
    error::{Error, Report},
    jobs::rows::{ListQuery, RowsQuery},
};

impl AppState {
    pub(in crate::state) fn set_columns(
        &mut self,
        at_secs: f64,
        columns: Vec<ColumnLayout>,
    ) -> Vec<Request> {
        if let Some(open) = &self.database {
            TableLayout::keep(&mut self.settings.tables, open.facts.path.clone(), &columns);
        }
        self.show_columns(at_secs, columns)
    }

    pub(in crate::state) fn reset_columns(&mut self, at_secs: f64) -> Vec<Request> {
        if let Some(open) = &self.database {
            TableLayout::forget(&mut self.settings.tables, &open.facts.path);
        }
        let columns = layout::default_columns(self.schema());
        self.show_columns(at_secs, columns)
    }

    pub(super) fn show_columns(
        &mut self,
        at_secs: f64,
        columns: Vec<ColumnLayout>,
    ) -> Vec<Request> {
        self.columns = columns;
        let fetched = layout::fetched(&self.columns);
        // What is fetched already may serve in another order or with less shown.
        let is_there = fetched
            .iter()
            .all(|column| self.jobs.columns.contains(column));
        if is_there {
            return Vec::new();
        }
        self.jobs.set_columns(fetched);
        if self.jobs.is_outdated {
            // Neither the old rows nor those on their way have what is shown now.
            self.jobs.rows.clear();
            return match self.jobs.fetching() {
                Some(_) => {
                    let sorted = self.jobs.sorted_ids().map(Arc::clone);
                    self.load_list(at_secs, self.jobs.sort.clone(), sorted)
                }
                None => Vec::new(),
            };
        }
        let mut requests: Vec<_> = (self.jobs.fetching().into_iter())
            .flat_map(|id| self.cancel(at_secs, id))
            .collect();
        if let Some(ask) = self.jobs.refetch() {
            let (id, run) = self.start(at_secs, Task::List(ask.query.clone()));
            self.jobs.asked(id, &ask, at_secs);
            requests.push(run);
        }
        requests.extend(self.fetch_rows(at_secs));
        requests
    }

    pub(in crate::state) fn mark(&mut self, at_secs: f64, row: u64, how: MarkHow) -> Vec<Request> {
        let list = &mut self.jobs;
        list.marks.mark(row, how);
        list.current = Some(row);
        // At the side is the one job that the keys have come to.
        let follows = how == MarkHow::Only && self.details.is_some();
        if follows && self.jobs.id_at(row).is_none() {
            self.jobs.select_when_there = Some(row);
            return Vec::new();
        }
        match self.jobs.id_at(row) {
            Some(id) if follows => self.select_job(at_secs, Some(id)),
            _ => Vec::new(),
        }
    }

    /// A row that was waited for has come.
    pub(super) fn follow_current(&mut self, at_secs: f64) -> Vec<Request> {
        let Some(id) = self.jobs.came_to_follow() else {
            return Vec::new();
        };
        if self
            .details
            .as_ref()
            .is_some_and(|details| details.job == id)
        {
            return Vec::new();
        }
        self.select_job(at_secs, Some(id))
    }

    pub(in crate::state) fn step_job(&mut self, at_secs: f64, by: i64) -> Vec<Request> {
        let shown = self.details.as_ref().map(|details| details.job);
        let row = shown.and_then(|job| self.jobs.row_of(job));
        let Some(next) = row.and_then(|row| row.checked_add_signed(by)) else {
            return Vec::new();
        };
        if next >= self.jobs.num_rows() {
            return Vec::new();
        }
        self.jobs.scroll_to(next, false);
        self.jobs.wanted = next..next + 1;
        let mut requests = self.mark(at_secs, next, MarkHow::Only);
        requests.extend(self.fetch_rows(at_secs));
        requests
    }

    pub(in crate::state) fn copy_marked(
        &mut self,
        at_secs: f64,
        format: CopyFormat,
    ) -> Vec<Request> {
        let num_marked = self.jobs.marks.len();
        if num_marked == 0 || self.jobs.is_outdated {
            return Vec::new();
        }
        if num_marked > MAX_COPIED {
            let error = Error::invalid(
                "number of jobs to copy",
                num_marked.to_string(),
                format!("at most {MAX_COPIED}; export them to a file instead"),
            );
            self.show_report(Report::from(&error));
            return Vec::new();
        }
        let copying = &mut self.jobs.copying;
        copying.stop();
        copying.format = format;
        copying.columns = self
            .columns
            .iter()
            .map(|layout| layout.column.clone())
            .collect();
        copying.parts = self
            .jobs
            .marks
            .ranges()
            .iter()
            .cloned()
            .collect::<VecDeque<_>>();
        self.copy_next(at_secs)
    }

    /// Fetches the next part of what is copied; writes the text after the last one.
    pub(super) fn copy_next(&mut self, at_secs: f64) -> Vec<Request> {
        let Some(part) = self.jobs.copying.parts.pop_front() else {
            if let Err(error) = self.jobs.copying.finish() {
                self.show_report(Report::from(&error));
            }
            return Vec::new();
        };
        let Some((place, skip)) = self.jobs.place_of(part.start) else {
            let error = Error::other(
                "copy the jobs",
                "their place in the list is not known yet; try again when the rows are numbered",
            );
            self.jobs.copying.stop();
            self.show_report(Report::from(&error));
            return Vec::new();
        };
        let query = ListQuery::Rows(RowsQuery {
            selection: self.jobs.selection.clone(),
            sort: self.jobs.sort.clone(),
            columns: self.jobs.copying.columns.clone().into(),
            place,
            skip,
            limit: u32::try_from(part.end - part.start).unwrap_or(NEXT_BATCH),
            is_full: true,
        });
        let (id, run) = self.start(at_secs, Task::List(query));
        self.jobs.copying.id = Some(id);
        vec![run]
    }

    pub(super) fn copied(&mut self, at_secs: f64, is_complete: bool) -> Vec<Request> {
        if is_complete {
            return self.copy_next(at_secs);
        }
        self.jobs.copying.stop();
        Vec::new()
    }
}
