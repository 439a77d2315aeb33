//! Statistics, counts, and the order of a list.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use super::{Column, Job, Oracle, number_of, value::Stored};

/// totalJobs, totalUsers, totalWalltime, totalNodes, totalNodeHours, totalCores, totalCoreHours,
/// totalAccs, totalAccHours, runningJobs, shortJobs.
pub type Statistics = [i64; 11];

#[expect(
    clippy::unused_self,
    reason = "every query is a question to the oracle"
)]
impl Oracle {
    /// The statistics of these jobs. A job that is there twice counts twice.
    pub fn statistics(&self, jobs: &[&Job], now: i64, short_secs: i64) -> Statistics {
        statistics(jobs, now, short_secs)
    }

    /// What cc-backend answers without groups: the totals of nodes, cores and accelerators are
    /// always zero.
    pub fn statistics_as_backend(&self, jobs: &[&Job], now: i64, short_secs: i64) -> Statistics {
        let mut sums = statistics(jobs, now, short_secs);
        for never_copied in [3, 5, 7] {
            sums[never_copied] = 0;
        }
        sums
    }

    /// The statistics of each group: by `user`, `project`, `cluster` or `subcluster`.
    pub fn grouped(
        &self,
        jobs: &[&Job],
        by: &str,
        now: i64,
        short_secs: i64,
    ) -> BTreeMap<String, Statistics> {
        let groups = groups(jobs, by).into_iter();
        groups
            .map(|(key, jobs)| (key, statistics(&jobs, now, short_secs)))
            .collect()
    }

    /// How many jobs each group has, of one kind: `all`, `running` or `short`. A group without
    /// jobs of this kind is left out.
    pub fn count_grouped(
        &self,
        jobs: &[&Job],
        by: &str,
        kind: &str,
        short_secs: i64,
    ) -> BTreeMap<String, i64> {
        let counted: Vec<_> = jobs
            .iter()
            .copied()
            .filter(|job| match kind {
                "all" => true,
                "running" => job.is_running(),
                "short" => is_short(job, short_secs),
                other => panic!("no kind of jobs is called {other}"),
            })
            .collect();
        let groups = groups(&counted, by).into_iter();
        groups
            .map(|(key, jobs)| (key, number_of(jobs.len())))
            .collect()
    }

    /// The ids in the order of a column, or of `footprint.KEY`. Equal values follow each other
    /// by id, in the same direction; where there is no value, it sorts as NULL.
    pub fn sorted_ids(&self, jobs: &[&Job], key: &str, descending: bool) -> Vec<i64> {
        let value = |job: &Job| -> Stored {
            key.strip_prefix("footprint.").map_or_else(
                || job[Column::named(key)].clone(),
                |metric| job.metric(metric).clone(),
            )
        };
        let mut keyed: Vec<_> = jobs.iter().map(|job| (value(job), job.id)).collect();
        keyed.sort_by(|(a, a_id), (b, b_id)| a.order(b).then(a_id.cmp(b_id)));
        if descending {
            keyed.reverse();
        }
        keyed.into_iter().map(|(_, id)| id).collect()
    }
}

fn statistics(jobs: &[&Job], now: i64, short_secs: i64) -> Statistics {
    let secs = |column: Column| {
        sum(jobs.iter().map(|job| {
            let duration = job.effective_duration(now)?;
            Some(duration * job[column].integer()?)
        }))
    };
    let total = |column: Column| sum(jobs.iter().map(|job| job[column].integer()));
    let users: BTreeSet<_> = jobs
        .iter()
        .filter_map(|job| job[Column::User].as_like_operand())
        .collect();
    let count = |is_counted: &dyn Fn(&Job) -> bool| {
        number_of(jobs.iter().filter(|job| is_counted(job)).count())
    };
    // Hours are cut off in the sum, not in each job.
    [
        number_of(jobs.len()),
        number_of(users.len()),
        sum(jobs.iter().map(|job| job.effective_duration(now))) / 3600,
        total(Column::NumNodes),
        secs(Column::NumNodes) / 3600,
        total(Column::NumHwthreads),
        secs(Column::NumHwthreads) / 3600,
        total(Column::NumAcc),
        secs(Column::NumAcc) / 3600,
        count(&Job::is_running),
        count(&|job| is_short(job, short_secs)),
    ]
}

/// NULL adds nothing.
fn sum(values: impl Iterator<Item = Option<i64>>) -> i64 {
    let add = |sum: i64, value: i64| sum.checked_add(value).expect("sums fit");
    values.flatten().fold(0, add)
}

/// By the stored duration, of running jobs too.
fn is_short(job: &Job, short_secs: i64) -> bool {
    let order = job[Column::Duration].compare(&Stored::Integer(short_secs));
    order == Some(Ordering::Less)
}

/// Jobs by the name of their group; those without one are left out.
fn groups<'a>(jobs: &[&'a Job], by: &str) -> BTreeMap<String, Vec<&'a Job>> {
    let column = match by {
        "user" => Column::User,
        "project" => Column::Project,
        "cluster" => Column::Cluster,
        "subcluster" => Column::Subcluster,
        other => panic!("jobs are not grouped by {other}"),
    };
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for &job in jobs {
        if let Some(key) = job[column].as_like_operand() {
            groups.entry(key).or_default().push(job);
        }
    }
    groups
}
