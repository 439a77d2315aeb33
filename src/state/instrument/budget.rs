//! A task that a budget stopped, and the offer to go on with a larger one.

use std::collections::BTreeMap;

use crate::{
    engine::{
        budget::{BudgetKind, Budgets, LimitReached},
        message::{Request, Task, TaskId},
        receipt::Receipt,
    },
    state::{AppState, statistics::PartKey},
};

/// A task that a budget stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverBudget {
    /// Its title.
    pub title: String,
    /// Which budget, and how far it had come.
    pub limit: LimitReached,
    /// What it could go on with: the amount with its unit. `None`: nothing of its own ran out.
    pub larger: Option<String>,
    /// The part of the statistics that it was for.
    part: Option<PartKey>,
    /// What kind of task it was.
    name: &'static str,
}

/// Budgets that the user has made larger, by the name of the task.
pub type Raised = BTreeMap<&'static str, Budgets>;

impl AppState {
    /// What a task of this kind may use.
    fn budgets_of(&self, name: &'static str) -> Budgets {
        self.raised
            .get(name)
            .copied()
            .unwrap_or_else(|| Budgets::of(&self.tuning.wanted))
    }

    /// The request that starts a task: with its own budgets where they were made larger.
    pub(in crate::state) fn run_request(&self, id: TaskId, task: Task) -> Request {
        match self.raised.get(task.name()) {
            Some(budgets) => Request::RunWithin(id, task, *budgets),
            None => Request::Run(id, task),
        }
    }

    /// Offers to go on, where a budget stopped a task that somebody waits for.
    pub(in crate::state) fn note_budget(
        &mut self,
        id: TaskId,
        receipt: &Receipt,
        part: Option<PartKey>,
    ) {
        // One that went beyond its budget and finished needs no larger one.
        let Some(limit) = receipt.limit.filter(|limit| limit.stopped) else {
            return;
        };
        // Only what can be asked again is offered: a part of the statistics, or the list.
        if part.is_none() && !self.jobs.is_waited_for(id) {
            return;
        }
        let Some(task) = self.tasks.active.iter().find(|task| task.id == id) else {
            return;
        };
        // A task may have a limit of its own, which a larger budget does not move.
        let in_force = self.budgets_of(task.name).amount(limit.kind);
        if limit.kind != BudgetKind::Guard && in_force != Some(limit.limit) {
            return;
        }
        let larger = self.budgets_of(task.name).larger(limit.kind);
        self.instrument.over_budget = Some(OverBudget {
            title: task.title.clone(),
            limit,
            larger: larger
                .amount(limit.kind)
                .map(|amount| limit.kind.format(amount)),
            part,
            name: task.name,
        });
    }

    /// Goes on with a larger budget, for tasks of this kind until the profile changes.
    pub(in crate::state) fn go_on_with_larger(&mut self, at_secs: f64) -> Vec<Request> {
        let Some(over) = self.instrument.over_budget.take() else {
            return Vec::new();
        };
        if over.limit.kind != BudgetKind::Guard {
            let larger = self.budgets_of(over.name).larger(over.limit.kind);
            self.raised.insert(over.name, larger);
        }
        if let Some(key) = over.part {
            return self.ask_again(at_secs, &key);
        }
        self.jobs.go_on();
        let requests = self.fetch_rows(at_secs);
        if requests.is_empty() {
            return self.reload(at_secs);
        }
        requests
    }
}
