//! Lookups: single jobs and lists that no filter describes, nodes, tags, the search bar.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Column, Job, Node, NodeState, Oracle, Tag, number_of,
    value::{Piece, Stored, is_like, literal},
};

/// Jobs that ran beside another one, by id. The other one is among them if the rule says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Concurrent {
    pub finished: Vec<i64>,
    pub running: Vec<i64>,
}

/// A node with the newest of its states, where it has one.
#[derive(Clone, Copy, Debug)]
pub struct NodeNow<'a> {
    pub node: &'a Node,
    pub newest: Option<&'a NodeState>,
}

/// What the search bar makes of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    JobId(i64),
    User(String),
    /// Accounts whose owner's name contains the text; cc-backend takes any one of them.
    Accounts(BTreeSet<String>),
    Project(String),
    /// Nothing but a part of a job name.
    JobName(String),
}

impl Oracle {
    /// The jobs with this id of the scheduler, newest row first.
    pub fn find(&self, job_id: i64, cluster: Option<&str>, start_time: Option<i64>) -> Vec<i64> {
        let mut ids = self.ids_where(|job| {
            job[Column::JobId].integer() == Some(job_id)
                && cluster.is_none_or(|cluster| job[Column::Cluster].text() == Some(cluster))
                && start_time.is_none_or(|time| job[Column::StartTime].integer() == Some(time))
        });
        ids.reverse();
        ids
    }

    /// The jobs that shared a node with this one. `None` where cc-backend does not offer it: for
    /// jobs with nodes of their own, and for those that ran ten minutes or less.
    pub fn concurrent(&self, id: i64, now: i64) -> Option<Concurrent> {
        let job = self.job(id)?;
        let shares = job[Column::Shared]
            .text()
            .is_some_and(|shared| shared != "none");
        if !shares || job.effective_duration(now)? <= 600 {
            return None;
        }
        let start = job[Column::StartTime].integer()?;
        let end = start + job.effective_duration(now)?;
        let host = job.hosts.as_ref().and_then(|hosts| hosts.first());
        let is_beside = |other: &Job| {
            other[Column::Cluster].is_equal(&job[Column::Cluster])
                && host.is_some_and(|host| other.has_host(host))
        };
        let starts = |other: &Job| other[Column::StartTime].integer();
        Some(Concurrent {
            finished: self.ids_where(|other| {
                let ends = starts(other).zip(other[Column::Duration].integer());
                !other.is_running()
                    && is_beside(other)
                    && starts(other).is_some_and(|time| time < end - 200)
                    && ends.is_some_and(|(time, duration)| time + duration > start + 200)
            }),
            running: self.ids_where(|other| {
                other.is_running()
                    && is_beside(other)
                    && starts(other).is_some_and(|time| time <= end - 200)
            }),
        })
    }

    /// The jobs that started between two times, or before the second if the first is zero, by
    /// cluster, subcluster, project and start. Tagged jobs are left out if `omit_tagged` is
    /// `all`, or, if it is `user`, those whose tags a person has given; `none` keeps all.
    pub fn between(&self, from: i64, to: i64, omit_tagged: &str) -> Vec<i64> {
        let by_machine: BTreeSet<_> = self
            .tags
            .iter()
            .filter(|tag| ["app", "jobClass"].contains(&tag.kind.as_str()))
            .map(|tag| tag.id)
            .collect();
        let by_person = |id: &i64| {
            let exists = self.tags.iter().any(|tag| tag.id == *id);
            exists && !by_machine.contains(id)
        };
        let is_kept = |job: &Job| match omit_tagged {
            "none" => true,
            "all" => self.tag_ids(job).next().is_none(),
            "user" => !self.tag_ids(job).any(|id| by_person(&id)),
            other => panic!("tagged jobs are not left out by {other}"),
        };
        let is_between = |time: i64| {
            if from == 0 {
                time < to
            } else {
                (from..=to).contains(&time)
            }
        };
        let mut jobs: Vec<_> = self
            .jobs
            .iter()
            .filter(|job| job[Column::StartTime].integer().is_some_and(is_between))
            .filter(|job| is_kept(job))
            .collect();
        jobs.sort_by(|a, b| {
            let order = |column| a[column].order(&b[column]);
            order(Column::Cluster)
                .then_with(|| order(Column::Subcluster))
                .then_with(|| order(Column::Project))
                .then_with(|| order(Column::StartTime))
                .then(a.id.cmp(&b.id))
        });
        jobs.iter().map(|job| job.id).collect()
    }

    /// The running jobs of a cluster, beyond ten minutes by their stored duration.
    pub fn running(&self, cluster: &str) -> Vec<i64> {
        self.ids_where(|job| {
            job[Column::Cluster].text() == Some(cluster)
                && job.is_running()
                && job[Column::Duration]
                    .integer()
                    .is_some_and(|secs| secs > 600)
        })
    }

    /// All jobs that are not running.
    pub fn job_ids(&self) -> Vec<i64> {
        self.ids_where(|job| !job[Column::State].is_null() && !job.is_running())
    }

    /// The partitions of a cluster, with `None` for jobs without one.
    pub fn partitions(&self, cluster: &str) -> BTreeSet<Option<String>> {
        let jobs = self.jobs.iter();
        jobs.filter(|job| job[Column::Cluster].text() == Some(cluster))
            .map(|job| job[Column::Partition].text().map(ToOwned::to_owned))
            .collect()
    }

    /// Every tag with the number of its links to jobs, by id.
    pub fn tag_counts(&self) -> Vec<(&Tag, i64)> {
        let mut counts: Vec<_> = self
            .tags
            .iter()
            .map(|tag| (tag, self.links_by_tag.get(&tag.id).copied().unwrap_or(0)))
            .collect();
        counts.sort_by_key(|(tag, _)| tag.id);
        counts
    }

    /// The tags of a job, by id.
    pub fn tags_of(&self, id: i64) -> Vec<&Tag> {
        let ids = self.tags_by_job.get(&id);
        let is_its = |tag: &&Tag| ids.is_some_and(|ids| ids.contains(&tag.id));
        let mut tags: Vec<_> = self.tags.iter().filter(is_its).collect();
        tags.sort_by_key(|tag| tag.id);
        tags
    }

    /// By subcluster and host, how many running jobs of a cluster are on it.
    pub fn allocated_nodes(&self, cluster: &str) -> BTreeMap<String, BTreeMap<String, i64>> {
        let mut allocated = BTreeMap::<_, BTreeMap<_, _>>::new();
        let jobs = self.jobs.iter().filter(|job| job.is_running());
        for job in jobs.filter(|job| job[Column::Cluster].text() == Some(cluster)) {
            let hosts = host_names(job);
            let Some(subcluster) = job[Column::Subcluster].text() else {
                continue;
            };
            for host in hosts {
                let counts = allocated.entry(subcluster.to_owned()).or_default();
                *counts.entry(host).or_insert(0) += 1;
            }
        }
        allocated
    }

    /// By cluster, the hosts of running jobs that started before this time.
    pub fn used_nodes(&self, before: i64) -> BTreeMap<String, BTreeSet<String>> {
        let mut used = BTreeMap::<_, BTreeSet<_>>::new();
        for job in self.jobs.iter().filter(|job| job.is_running()) {
            let start = job[Column::StartTime].integer();
            let (true, Some(cluster)) = (
                start.is_some_and(|start| start < before),
                job[Column::Cluster].text(),
            ) else {
                continue;
            };
            for host in host_names(job) {
                used.entry(cluster.to_owned()).or_default().insert(host);
            }
        }
        used
    }

    /// All nodes by host name, each with its newest state. cc-backend leaves out nodes without.
    pub fn nodes(&self) -> Vec<NodeNow<'_>> {
        let mut newest = BTreeMap::<i64, &NodeState>::new();
        for state in &self.node_states {
            let Some(id) = state.node_id else { continue };
            let known = newest.entry(id).or_insert(state);
            if (known.time_unix_secs, known.id) < (state.time_unix_secs, state.id) {
                *known = state;
            }
        }
        let mut nodes: Vec<_> = self
            .nodes
            .iter()
            .map(|node| NodeNow {
                node,
                newest: newest.get(&node.id).copied(),
            })
            .collect();
        nodes.sort_by(|a, b| {
            let key = |now: &NodeNow<'_>| (now.node.hostname.clone(), now.node.id);
            key(a).cmp(&key(b))
        });
        nodes
    }

    /// How many nodes are in each state, and in each state of health, by their newest row.
    pub fn node_states(&self) -> (BTreeMap<String, i64>, BTreeMap<String, i64>) {
        let (mut states, mut healths) = (BTreeMap::new(), BTreeMap::new());
        for state in self.nodes().iter().filter_map(|now| now.newest) {
            *states.entry(state.state.clone()).or_insert(0) += 1;
            *healths.entry(state.health.clone()).or_insert(0) += 1;
        }
        (states, healths)
    }

    /// How many nodes reported each state at each time after this one.
    pub fn node_states_after(&self, time: i64) -> BTreeMap<(i64, String), i64> {
        let known: BTreeSet<_> = self.nodes.iter().map(|node| node.id).collect();
        let mut counts = BTreeMap::new();
        for state in &self.node_states {
            let is_known = state.node_id.is_some_and(|id| known.contains(&id));
            if is_known && state.time_unix_secs > time {
                let key = (state.time_unix_secs, state.state.clone());
                *counts.entry(key).or_insert(0) += 1;
            }
        }
        counts
    }

    /// What a text in the search bar stands for.
    pub fn search(&self, term: &str) -> Found {
        if let Ok(job_id) = term.parse() {
            return Found::JobId(job_id);
        }
        let is_in = |column: Column| self.jobs.iter().any(|job| job[column].text() == Some(term));
        if is_in(Column::User) {
            return Found::User(term.to_owned());
        }
        let any = [Piece::AnyNumber];
        let contains = [any.as_slice(), &literal(term), &any].concat();
        let accounts: BTreeSet<_> = self
            .users
            .iter()
            .filter_map(|(account, name)| Some((account, name.clone()?)))
            .filter(|(_, name)| is_like(&Stored::Text(name.clone()), &contains))
            .map(|(account, _)| account.clone())
            .collect();
        if !accounts.is_empty() {
            return Found::Accounts(accounts);
        }
        if is_in(Column::Project) {
            return Found::Project(term.to_owned());
        }
        Found::JobName(term.to_owned())
    }

    fn ids_where(&self, is_wanted: impl Fn(&Job) -> bool) -> Vec<i64> {
        let jobs = self.jobs.iter().filter(|job| is_wanted(job));
        let mut ids: Vec<_> = jobs.map(|job| job.id).collect();
        ids.sort_unstable();
        ids
    }
}

/// The hosts of a job, each once.
fn host_names(job: &Job) -> BTreeSet<String> {
    let hosts = job.hosts.iter().flatten();
    hosts
        .filter_map(|host| host.text().map(ToOwned::to_owned))
        .collect()
}
