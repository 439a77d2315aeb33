//! What is submitted: everything about a job that is known before it runs. The jobs of an array
//! have one shape.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::{
    options::DAY,
    script::PROGRAMS,
    site::{CLUSTERS, Character, Cluster, RETIRED_AFTER, Site, Subcluster},
};

/// How a job uses its nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// It has whole nodes.
    Exclusive,
    /// It has part of a node, others may have the rest.
    MultiUser,
    /// It has part of a node, the rest is for jobs of the same user.
    SingleUser,
}

impl Sharing {
    /// The word in column `shared`.
    pub const fn as_sql(self) -> &'static str {
        match self {
            Self::Exclusive => "none",
            Self::MultiUser => "multi_user",
            Self::SingleUser => "single_user",
        }
    }
}

/// What a user asked for, and what the program is like.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Index into [`CLUSTERS`].
    pub cluster_index: usize,
    /// Which kind of nodes.
    pub subcluster: &'static Subcluster,
    /// The partition.
    pub partition: &'static str,
    /// Index into [`Site::users`].
    pub user_index: usize,
    /// How many nodes.
    pub num_nodes: u32,
    /// Hardware threads on each node.
    pub threads_per_node: u32,
    /// Accelerators on each node.
    pub accelerators_per_node: u32,
    /// Who else may use the nodes.
    pub sharing: Sharing,
    /// Requested walltime; 0 if it is unknown.
    pub walltime_secs: i64,
    /// How long such a job takes if nothing goes wrong.
    pub usual_duration_secs: i64,
    /// Index into [`PROGRAMS`].
    pub program: usize,
    /// Which script: equal numbers give equal scripts.
    pub script_seed: u64,
    /// How long `meta_data` is, in bytes.
    pub meta_data_len: usize,
    /// How well the program uses the hardware, from 0 to 1.
    pub intensity: f64,
}

/// Chooses by weight. The last one if rounding leaves none.
pub fn pick<'a, T>(rng: &mut ChaCha8Rng, choices: &'a [(T, f64)]) -> Option<&'a T> {
    let total: f64 = choices.iter().map(|(_, weight)| weight).sum();
    let mut at = rng.random::<f64>() * total;
    for (value, weight) in choices {
        at -= weight;
        if at < 0.0 {
            return Some(value);
        }
    }
    choices.last().map(|(value, _)| value)
}

/// A lognormal value.
pub fn lognormal(rng: &mut ChaCha8Rng, median: f64, sigma: f64) -> f64 {
    median * (sigma * rng.sample::<f64, _>(StandardNormal)).exp()
}

/// Requested walltimes of a day at most, and how popular they are.
const WALLTIMES: [(i64, f64); 8] = [
    (DAY, 45.0),
    (86_340, 22.0),
    (43_200, 9.0),
    (14_400, 8.0),
    (7_200, 6.0),
    (3_600, 5.5),
    (1_800, 4.0),
    (0, 0.5),
];

/// Sizes of parallel jobs, in nodes.
const PARALLEL_NODES: [(u32, f64); 7] = [
    (1, 55.0),
    (2, 12.0),
    (4, 12.0),
    (8, 10.0),
    (16, 6.0),
    (32, 4.0),
    (64, 1.0),
];

/// Parts of a node, in hardware threads.
const SLICES: [(u32, f64); 5] = [(1, 34.0), (2, 12.0), (4, 26.0), (8, 16.0), (16, 12.0)];

/// Accelerators of a job.
const ACCELERATORS: [(u32, f64); 4] = [(1, 70.0), (2, 12.0), (4, 10.0), (8, 8.0)];

/// `meta_data` in bytes: the middle of the distribution and its width. Together with the bounds
/// they give a mean of 1,360.
const META_DATA: (f64, f64) = (1_130.0, 0.52);
const META_DATA_BOUNDS: std::ops::RangeInclusive<f64> = 300.0..=60_000.0;

/// One script in this many is a long one: a generated list of inputs, say.
const LONG_SCRIPT_ONE_IN: u32 = 250;

impl Shape {
    /// Invents a submission. `progress` runs from 0 to 1 over the whole time; `min_age_secs` is
    /// how long the job must be allowed to run at least.
    pub fn invent(site: &Site, progress: f64, min_age_secs: i64, rng: &mut ChaCha8Rng) -> Self {
        let cluster_index = pick_cluster(progress, min_age_secs, rng);
        let cluster = &CLUSTERS[cluster_index];
        let subcluster = pick_subcluster(cluster, rng);
        let user_index = site.pick_user(cluster_index, rng);
        let size = Size::invent(cluster, subcluster, rng);
        let partition = pick_partition(subcluster, size.num_nodes, rng);
        let walltime_secs = pick_walltime(cluster, min_age_secs, rng);
        let limit = if walltime_secs == 0 {
            cluster.max_walltime_secs
        } else {
            walltime_secs
        };
        let usual_duration_secs = pick_duration(limit, rng);
        // People mostly run the one program they know.
        let habit = site.users[user_index].habit;
        let program = if rng.random_bool(0.8) {
            habit % PROGRAMS.len()
        } else {
            rng.random_range(0..PROGRAMS.len())
        };
        let (median, sigma) = META_DATA;
        let mut meta_data_len = lognormal(rng, median, sigma);
        if rng.random_ratio(1, LONG_SCRIPT_ONE_IN) {
            meta_data_len = lognormal(rng, 12_000.0, 0.9);
        }
        Self {
            cluster_index,
            subcluster,
            partition,
            user_index,
            num_nodes: size.num_nodes,
            threads_per_node: size.threads_per_node,
            accelerators_per_node: size.accelerators_per_node,
            sharing: size.sharing,
            walltime_secs,
            usual_duration_secs,
            program,
            script_seed: rng.random(),
            meta_data_len: meta_data_len.clamp(*META_DATA_BOUNDS.start(), *META_DATA_BOUNDS.end())
                as usize,
            intensity: (0.75 + 0.22 * rng.sample::<f64, _>(StandardNormal)).clamp(0.02, 1.0),
        }
    }

    /// The cluster it runs on.
    pub fn cluster(&self) -> &'static Cluster {
        &CLUSTERS[self.cluster_index]
    }

    /// How long it may run.
    pub fn limit_secs(&self) -> i64 {
        if self.walltime_secs == 0 {
            self.cluster().max_walltime_secs
        } else {
            self.walltime_secs
        }
    }
}

fn pick_cluster(progress: f64, min_age_secs: i64, rng: &mut ChaCha8Rng) -> usize {
    let choices: Vec<_> = CLUSTERS
        .iter()
        .enumerate()
        .map(|(index, cluster)| {
            let weight = if cluster.max_walltime_secs < min_age_secs {
                0.0
            } else if cluster.retired {
                // All its jobs are in the years before it was switched off.
                if progress < RETIRED_AFTER {
                    cluster.percent / RETIRED_AFTER
                } else {
                    0.0
                }
            } else {
                cluster.percent
            };
            (index, weight)
        })
        .collect();
    pick(rng, &choices).copied().unwrap_or(0)
}

fn pick_subcluster(cluster: &'static Cluster, rng: &mut ChaCha8Rng) -> &'static Subcluster {
    let mut at = rng.random::<f64>() * 100.0;
    for subcluster in cluster.subclusters {
        at -= subcluster.percent;
        if at < 0.0 {
            return subcluster;
        }
    }
    &cluster.subclusters[0]
}

/// Where a partition says how many nodes it is for, jobs of another size go to its counterpart.
fn pick_partition(
    subcluster: &'static Subcluster,
    num_nodes: u32,
    rng: &mut ChaCha8Rng,
) -> &'static str {
    match pick(rng, subcluster.partitions).copied().unwrap_or("") {
        "singlenode" if num_nodes > 1 => "multinode",
        "multinode" | "big" if num_nodes == 1 => "singlenode",
        partition => partition,
    }
}

/// How much hardware a job asks for.
struct Size {
    num_nodes: u32,
    threads_per_node: u32,
    accelerators_per_node: u32,
    sharing: Sharing,
}

impl Size {
    fn invent(cluster: &Cluster, subcluster: &Subcluster, rng: &mut ChaCha8Rng) -> Self {
        match cluster.character {
            Character::Parallel => Self::nodes(
                pick(rng, &PARALLEL_NODES)
                    .copied()
                    .unwrap_or(1)
                    .min(subcluster.num_nodes),
                subcluster,
                rng.random_bool(0.03),
            ),
            Character::Throughput if rng.random_bool(0.15) => Self::nodes(
                1 + u32::from(rng.random_bool(0.08)),
                subcluster,
                rng.random_bool(0.03),
            ),
            Character::Throughput => {
                let threads = pick(rng, &SLICES)
                    .copied()
                    .unwrap_or(1)
                    .min(subcluster.cores / 2);
                Self::slice(threads, 0, rng)
            }
            Character::Gpu => {
                let all = subcluster.accelerators;
                let accelerators = pick(rng, &ACCELERATORS).copied().unwrap_or(1).min(all);
                if accelerators == all {
                    let num_nodes = if rng.random_bool(0.1) {
                        rng.random_range(2..=4)
                    } else {
                        1
                    };
                    Self::nodes(num_nodes, subcluster, false)
                } else {
                    Self::slice(subcluster.cores / all * accelerators, accelerators, rng)
                }
            }
        }
    }

    fn nodes(num_nodes: u32, subcluster: &Subcluster, single_user: bool) -> Self {
        Self {
            num_nodes,
            threads_per_node: subcluster.cores,
            accelerators_per_node: subcluster.accelerators,
            sharing: if single_user {
                Sharing::SingleUser
            } else {
                Sharing::Exclusive
            },
        }
    }

    fn slice(threads: u32, accelerators: u32, rng: &mut ChaCha8Rng) -> Self {
        Self {
            num_nodes: 1,
            threads_per_node: threads,
            accelerators_per_node: accelerators,
            sharing: if rng.random_bool(0.03) {
                Sharing::SingleUser
            } else {
                Sharing::MultiUser
            },
        }
    }
}

fn pick_walltime(cluster: &Cluster, min_age_secs: i64, rng: &mut ChaCha8Rng) -> i64 {
    let max = cluster.max_walltime_secs;
    let walltime = if max > DAY && rng.random_bool(0.08) {
        max
    } else {
        pick(rng, &WALLTIMES).copied().unwrap_or(DAY)
    };
    if walltime == 0 || walltime > min_age_secs {
        walltime
    } else {
        max
    }
}

/// Many short jobs, many long ones, and some that were made to fill their time.
fn pick_duration(limit_secs: i64, rng: &mut ChaCha8Rng) -> i64 {
    let limit = limit_secs as f64;
    let secs = match rng.random_range(0..100) {
        0..25 => rng.random_range(2.0..300.0),
        25..31 => limit * rng.random_range(0.985..1.0),
        31..36 => limit * rng.random::<f64>(),
        _ => lognormal(rng, 2_700.0, 2.6),
    };
    // Who would need longer has chosen the walltime so that it fits, more or less.
    let fitting = if secs > limit {
        limit * rng.random_range(0.2..1.0)
    } else {
        secs
    };
    (fitting as i64).max(1)
}
