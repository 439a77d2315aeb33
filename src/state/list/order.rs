//! The order of the list: what it costs, and whether the user agrees to that.

use std::sync::Arc;

use crate::state::{
    AppState, Phase,
    job_list::{
        list_order,
        order::{ASK_ABOVE_SECS, Offer},
    },
};
use crate::{
    db::plan::PlanSummary,
    engine::message::{Request, Task, TaskId},
    error::Report,
    jobs::{order_cost::Served, rows::ListQuery, sort::Sort, sorted::SortedIds},
};

impl AppState {
    pub(in crate::state) fn sort_jobs(&mut self, at_secs: f64, sort: Sort) -> Vec<Request> {
        if sort == self.jobs.sort && self.jobs.orders.undecided.is_none() {
            self.jobs.orders.offer = None;
            return Vec::new();
        }
        if let Err(error) = self.can_answer(&self.settings.filter, &sort) {
            self.show_report(Report::from(&error));
            return Vec::new();
        }
        self.settings.sort = sort.clone();
        self.jobs.orders.offer = None;
        self.jobs.goal = None;
        if !self.jobs.orders.are_known() {
            self.jobs.orders.undecided = Some(sort);
            return Vec::new();
        }
        self.decide_order(at_secs, sort)
    }

    /// Shows an order if it costs little, and asks first if it does not.
    pub(super) fn decide_order(&mut self, at_secs: f64, sort: Sort) -> Vec<Request> {
        let Some(cost) = self.jobs.orders.cost(&sort.key) else {
            return self.load_list(at_secs, sort, None);
        };
        if cost.served == Served::Index {
            return self.load_list(at_secs, sort, None);
        }
        let num_jobs = self.jobs.count.unwrap_or_else(|| self.estimated_jobs());
        let estimate = cost.estimate(num_jobs, num_jobs.max(1), self.bytes_per_job());
        if estimate.secs < ASK_ABOVE_SECS {
            return self.write_order(at_secs, sort);
        }
        self.jobs.orders.offer = Some(Offer {
            sort,
            cost,
            estimate,
        });
        self.load_fallback(at_secs)
    }

    /// What a job takes in the file, roughly: what a scan reads for each.
    pub fn bytes_per_job(&self) -> u64 {
        self.database.as_ref().map_or(0, |database| {
            database.facts.file_bytes / database.facts.estimated_jobs.max(1)
        })
    }

    /// Where nothing can be shown in the wanted order yet: the newest rows, which needs no index.
    pub(super) fn load_fallback(&mut self, at_secs: f64) -> Vec<Request> {
        let is_shown = self.jobs.phase != Phase::Empty && !self.jobs.is_outdated;
        if is_shown {
            return Vec::new();
        }
        let sort = self.free_order();
        self.load_list(at_secs, sort, None)
    }

    /// The newest first where an index has that, else the rows that were inserted last.
    pub(super) fn free_order(&self) -> Sort {
        let newest = Sort::default();
        let cost = self.jobs.orders.cost(&newest.key);
        if cost.is_some_and(|cost| cost.served == Served::Index) {
            newest
        } else {
            list_order::by_id()
        }
    }

    /// Sorts all keys into a temporary file; the list is shown when that is done.
    pub(super) fn write_order(&mut self, at_secs: f64, sort: Sort) -> Vec<Request> {
        let mut requests: Vec<_> = (self.jobs.sorting.take())
            .into_iter()
            .flat_map(|(id, ..)| self.cancel(at_secs, id))
            .collect();
        let selection = self.selection();
        let query = ListQuery::SortedIds(selection.clone(), sort.clone());
        let (id, run) = self.start(at_secs, Task::List(query));
        self.jobs.sorting = Some((id, selection, sort));
        requests.push(run);
        requests
    }

    pub(in crate::state) fn agree_to_order(&mut self, at_secs: f64, agreed: bool) -> Vec<Request> {
        let Some(offer) = self.jobs.orders.offer.take() else {
            return Vec::new();
        };
        if agreed {
            return self.write_order(at_secs, offer.sort);
        }
        self.jobs.goal = None;
        self.settings.sort = self.jobs.sort.clone();
        Vec::new()
    }

    pub(in crate::state) fn sorted(
        &mut self,
        at_secs: f64,
        id: TaskId,
        ids: Arc<SortedIds>,
    ) -> Vec<Request> {
        let Some((_, selection, sort)) = self.jobs.sorting.take_if(|(of, ..)| *of == id) else {
            return Vec::new();
        };
        let mut requests = self.load_list(at_secs, sort, Some(ids));
        // All parts of a list belong to the moment at which its order was made.
        self.jobs.set_selection(selection);
        requests.retain(|request| *request != Request::Cancel(id));
        requests
    }

    pub(in crate::state) fn orders_planned(
        &mut self,
        at_secs: f64,
        id: TaskId,
        plans: Vec<(Sort, PlanSummary)>,
    ) -> Vec<Request> {
        if let Some(open) = &self.database {
            self.jobs.orders.planned(id, plans, &open.facts);
        }
        if let Some(sort) = self.jobs.orders.undecided.take() {
            return self.decide_order(at_secs, sort);
        }
        // The list was asked for before its cost was known.
        let sort = self.jobs.sort.clone();
        let is_dear =
            (self.jobs.orders.cost(&sort.key)).is_some_and(|cost| cost.served != Served::Index);
        if !is_dear || self.jobs.sorted_ids().is_some() {
            return Vec::new();
        }
        self.decide_order(at_secs, sort)
    }
}
