//! What an order costs before it is paid: an index, a sort of keys, or a scan of the whole table.

use super::sort::SortKey;
use crate::{db::plan::PlanSummary, units::Bytes};

/// How an order of the list is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Served {
    /// Row by row, through an index or the table's own order.
    Index,
    /// By a sort of keys that an index holds.
    KeySort,
    /// By a sort of keys for which every row of the table is read.
    TableSort,
}

/// An order, and what it takes to show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderCost {
    /// How it is served.
    pub served: Served,
    /// The plan that says so.
    pub plan: PlanSummary,
}

/// What it would take, roughly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Seconds.
    pub secs: f64,
    /// Bytes of temporary files.
    pub temporary: Bytes,
    /// Bytes that are read.
    pub read: Bytes,
}

/// Keys that are sorted in a second, through files.
const SORTED_PER_SEC: f64 = 1.5e6;

/// Bytes of a table that are read in a second, when the system has them in memory.
const READ_PER_SEC: f64 = 400e6;

/// Bytes that a key takes in a sort, with its id and its header.
const KEY_BYTES: u64 = 24;

/// Bytes of an entry of a narrow index.
const ENTRY_BYTES: u64 = 24;

impl OrderCost {
    /// Reads a plan of the keys in their order. `rows_per_key` is how many rows have equal keys in an
    /// index, on average, where so many of its first columns count; `num_jobs` how many there are.
    pub fn of(
        key: &SortKey,
        plan: PlanSummary,
        num_jobs: u64,
        rows_per_key: impl Fn(&str, usize) -> Option<u64>,
    ) -> Self {
        // Statistics that looked at a few hundred rows only take no group for larger than that.
        let at_least = match key {
            SortKey::Column(name) if FEW_VALUES.contains(name) => num_jobs / 20,
            SortKey::Column(_) | SortKey::Footprint(_) => 0,
        };
        // "USE TEMP B-TREE FOR LAST TERM OF ORDER BY" sorts rows with equal keys only. Where nearly
        // all are equal, such as states, that is no less than everything.
        let sorts = plan.steps.iter().any(|step| {
            step == "USE TEMP B-TREE FOR ORDER BY"
                || step.starts_with("USE TEMP B-TREE FOR LAST")
                    && rows_in_a_group(&plan, &rows_per_key).max(at_least) > MAX_GROUP
        });
        let reads_table = plan
            .steps
            .iter()
            .any(|step| step.starts_with("SCAN") || step.starts_with("SEARCH"))
            && !plan
                .steps
                .iter()
                .any(|step| step.contains("USING COVERING INDEX"));
        let served = match (sorts, reads_table) {
            (false, _) => Served::Index,
            (true, false) => Served::KeySort,
            (true, true) => Served::TableSort,
        };
        Self { served, plan }
    }

    /// Seconds and bytes for so many matching jobs, in a file that takes so many bytes for each of
    /// its jobs. `scanned` is how many rows are looked at to find them.
    pub fn estimate(&self, num_jobs: u64, scanned: u64, bytes_per_job: u64) -> Estimate {
        let entry = match self.served {
            Served::Index => 0,
            Served::KeySort => ENTRY_BYTES,
            Served::TableSort => bytes_per_job,
        };
        let read = scanned.saturating_mul(entry);
        let temporary = match self.served {
            Served::Index => 0,
            // Both the sort's own file and the sorted ids.
            Served::KeySort | Served::TableSort => num_jobs.saturating_mul(KEY_BYTES + 8),
        };
        let sorted = match self.served {
            Served::Index => 0.0,
            Served::KeySort | Served::TableSort => num_jobs as f64 / SORTED_PER_SEC,
        };
        Estimate {
            secs: read as f64 / READ_PER_SEC + sorted,
            temporary: Bytes(temporary),
            read: Bytes(read),
        }
    }
}

/// Columns with a few values for all jobs of a site.
const FEW_VALUES: [&str; 10] = [
    "cluster",
    "subcluster",
    "cluster_partition",
    "job_state",
    "shared",
    "smt",
    "monitoring_status",
    "num_nodes",
    "num_hwthreads",
    "num_acc",
];

/// Rows with equal keys that are sorted for every part of the list that is fetched.
const MAX_GROUP: u64 = 20_000;

/// How many rows have equal keys, by the statistics of the index that the plan walks.
fn rows_in_a_group(plan: &PlanSummary, rows_per_key: &impl Fn(&str, usize) -> Option<u64>) -> u64 {
    plan.steps
        .iter()
        .filter_map(|step| {
            let (_, rest) = step.split_once(" INDEX ")?;
            let (index, terms) = rest.split_once(' ').unwrap_or((rest, ""));
            // Columns that the filter fixes come before the one that the jobs are sorted by.
            let fixed = terms.matches("=?").count();
            rows_per_key(index, fixed + 1)
        })
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(steps: &[&str]) -> OrderCost {
        let plan = PlanSummary {
            steps: steps.iter().map(|step| (*step).to_owned()).collect(),
            ..PlanSummary::default()
        };
        let key = SortKey::Column("start_time");
        OrderCost::of(&key, plan, 20_000_000, |index, columns| {
            match (index, columns) {
                ("jobs_cluster_starttime_duration", 1) => Some(3_000_000),
                ("jobs_cluster_starttime_duration", 2) => Some(3),
                _ => None,
            }
        })
    }

    #[test]
    fn a_plan_says_how_an_order_is_served() {
        for (steps, served) in [
            (
                &["SCAN job USING COVERING INDEX jobs_starttime"][..],
                Served::Index,
            ),
            (&["SCAN job"], Served::Index),
            (
                &[
                    "SEARCH job USING COVERING INDEX jobs_cluster_starttime_duration (cluster=?)",
                    "USE TEMP B-TREE FOR LAST TERM OF ORDER BY",
                ],
                Served::Index,
            ),
            (
                &[
                    "SCAN job USING COVERING INDEX jobs_cluster_starttime_duration",
                    "USE TEMP B-TREE FOR LAST TERM OF ORDER BY",
                ],
                Served::KeySort,
            ),
            (
                &[
                    "SCAN job USING COVERING INDEX jobs_user_starttime_duration",
                    "USE TEMP B-TREE FOR ORDER BY",
                ],
                Served::KeySort,
            ),
            (
                &["SCAN job", "USE TEMP B-TREE FOR ORDER BY"],
                Served::TableSort,
            ),
            (
                &[
                    "SEARCH job USING INDEX jobs_user_duration (hpc_user=?)",
                    "USE TEMP B-TREE FOR ORDER BY",
                ],
                Served::TableSort,
            ),
        ] {
            assert_eq!(cost(steps).served, served, "{steps:?}");
        }
    }

    #[test]
    fn a_column_of_few_values_is_never_taken_for_one_of_many() {
        let steps = [
            "SCAN job USING COVERING INDEX jobs_x",
            "USE TEMP B-TREE FOR LAST TERM OF ORDER BY",
        ];
        let plan = PlanSummary {
            steps: steps.map(ToOwned::to_owned).to_vec(),
            ..PlanSummary::default()
        };
        let served = |name, num_jobs| {
            OrderCost::of(&SortKey::Column(name), plan.clone(), num_jobs, |_, _| {
                Some(401)
            })
            .served
        };
        assert_eq!(served("duration", 20_000_000), Served::Index);
        assert_eq!(served("job_state", 20_000_000), Served::KeySort);
        assert_eq!(
            served("job_state", 20_000),
            Served::Index,
            "few rows anyway"
        );
    }

    #[test]
    fn an_index_is_free_and_a_scan_is_dearer_than_a_sort_of_keys() {
        let free = cost(&["SCAN job"]).estimate(20_000_000, 20_000_000, 3_000);
        assert_eq!((free.secs, free.temporary), (0.0, Bytes(0)));
        let keys = cost(&[
            "SCAN job USING COVERING INDEX x",
            "USE TEMP B-TREE FOR ORDER BY",
        ])
        .estimate(20_000_000, 20_000_000, 3_000);
        let scan = cost(&["SCAN job", "USE TEMP B-TREE FOR ORDER BY"])
            .estimate(20_000_000, 20_000_000, 3_000);
        assert!(
            0.0 < keys.secs && keys.secs < scan.secs,
            "{keys:?} {scan:?}"
        );
        assert_eq!(keys.temporary, scan.temporary);
    }
}
