//! What each order of the list would cost, and an order that waits for the user's word.

use crate::{
    db::plan::PlanSummary,
    engine::message::TaskId,
    jobs::{
        facts::DatabaseFacts,
        order_cost::{Estimate, OrderCost, Served},
        sort::{Sort, SortKey},
    },
};

/// What is known about orders of the current filter.
#[derive(Debug, Default)]
pub struct Orders {
    /// By what decides; both directions of a column are served in the same way.
    costs: Vec<(SortKey, OrderCost)>,
    pub(in crate::state) asked: Option<TaskId>,
    /// An order that was chosen before its cost was known.
    pub(in crate::state) undecided: Option<Sort>,
    /// An order that costs something, and waits for the user's word.
    pub offer: Option<Offer>,
}

/// An order, and what it would take.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// The order.
    pub sort: Sort,
    /// How it would be served.
    pub cost: OrderCost,
    /// What it would take.
    pub estimate: Estimate,
}

/// What takes less is simply done.
pub const ASK_ABOVE_SECS: f64 = 1.0;

impl Orders {
    /// What an order costs, once that is known. Values inside documents have no index, ever.
    pub fn cost(&self, key: &SortKey) -> Option<OrderCost> {
        if let SortKey::Footprint(_) = key {
            let known = !self.costs.is_empty();
            return known.then(|| OrderCost {
                served: Served::TableSort,
                plan: PlanSummary {
                    steps: vec![
                        "SCAN job".to_owned(),
                        "USE TEMP B-TREE FOR ORDER BY".to_owned(),
                    ],
                    ..PlanSummary::default()
                },
            });
        }
        self.costs
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, cost)| cost.clone())
    }

    /// Whether anything is known.
    pub fn are_known(&self) -> bool {
        !self.costs.is_empty()
    }

    pub(in crate::state) fn forget(&mut self) {
        *self = Self::default();
    }

    pub(in crate::state) fn planned(
        &mut self,
        id: TaskId,
        plans: Vec<(Sort, PlanSummary)>,
        facts: &DatabaseFacts,
    ) {
        if self.asked == Some(id) {
            let rows_per_key = |index: &str, columns| facts.rows_per_key(index, columns);
            self.costs = plans
                .into_iter()
                .map(|(sort, plan)| {
                    let cost = OrderCost::of(&sort.key, plan, facts.estimated_jobs, rows_per_key);
                    (sort.key, cost)
                })
                .collect();
        }
    }
}
