//! The computing centre of a generated database: clusters, nodes, projects, users and tags.
//!
//! Cluster names and hardware follow ClusterCockpit's public examples; people are invented.

use std::collections::BTreeSet;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::options::{DAY, GenerateOptions};

/// How the jobs of a cluster look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Character {
    /// Many small jobs that share nodes.
    Throughput,
    /// Whole nodes, often several of them.
    Parallel,
    /// One or more accelerators of a node.
    Gpu,
}

/// A cluster.
#[derive(Debug)]
pub struct Cluster {
    /// Its name.
    pub name: &'static str,
    /// Its share of all jobs, in percent.
    pub percent: f64,
    /// How its jobs look.
    pub character: Character,
    /// The longest walltime one may request.
    pub max_walltime_secs: i64,
    /// Whether it was switched off; see [`RETIRED_AFTER`].
    pub retired: bool,
    /// The number its scheduler gave to the first job.
    pub first_job_id: i64,
    /// Its kinds of nodes.
    pub subclusters: &'static [Subcluster],
}

/// The part of the whole time after which retired clusters have no jobs.
pub const RETIRED_AFTER: f64 = 0.4;

/// Nodes of one kind.
#[derive(Debug)]
pub struct Subcluster {
    /// Its name, which other clusters may use as well.
    pub name: &'static str,
    /// Its share of the jobs of its cluster, in percent.
    pub percent: f64,
    /// The first letters of its host names.
    pub host_prefix: &'static str,
    /// How many nodes it has.
    pub num_nodes: u32,
    /// Hardware threads of one node.
    pub cores: u32,
    /// Accelerators of one node.
    pub accelerators: u32,
    /// Memory of one node, in GB.
    pub memory_gb: f64,
    /// Memory of one accelerator, in GB.
    pub accelerator_memory_gb: f64,
    /// Peak performance of one node, in GFlop/s.
    pub flops_peak: f64,
    /// Peak memory bandwidth of one node, in GB/s.
    pub memory_bandwidth_peak: f64,
    /// The partitions that lead to these nodes, and their shares in percent.
    pub partitions: &'static [(&'static str, f64)],
}

/// Nodes per rack, in host names: `f0188` is followed by `f0201`.
const NODES_PER_RACK: u32 = 88;

impl Subcluster {
    /// The host name of a node, counted from 0.
    pub fn host(&self, index: u32) -> String {
        let (rack, slot) = (index / NODES_PER_RACK + 1, index % NODES_PER_RACK + 1);
        format!("{}{rack:02}{slot:02}", self.host_prefix)
    }
}

const NO_NODES: Subcluster = Subcluster {
    name: "main",
    percent: 100.0,
    host_prefix: "x",
    num_nodes: 1,
    cores: 4,
    accelerators: 0,
    memory_gb: 32.0,
    accelerator_memory_gb: 0.0,
    flops_peak: 224.0,
    memory_bandwidth_peak: 34.0,
    partitions: &[("work", 100.0)],
};

/// All clusters whose jobs are monitored.
pub const CLUSTERS: [Cluster; 6] = [
    Cluster {
        name: "woody",
        percent: 62.0,
        character: Character::Throughput,
        max_walltime_secs: 2 * DAY,
        retired: false,
        first_job_id: 3_480_112,
        subclusters: &[
            Subcluster {
                percent: 62.0,
                host_prefix: "w2",
                num_nodes: 110,
                cores: 32,
                memory_gb: 256.0,
                flops_peak: 2_400.0,
                memory_bandwidth_peak: 320.0,
                partitions: &[("work", 86.0), ("short", 12.0), ("devel", 2.0)],
                ..NO_NODES
            },
            Subcluster {
                name: "skylake",
                percent: 20.0,
                host_prefix: "w3",
                num_nodes: 88,
                partitions: &[("work", 92.0), ("short", 8.0)],
                ..NO_NODES
            },
            Subcluster {
                name: "kabylake",
                percent: 18.0,
                host_prefix: "w4",
                num_nodes: 84,
                ..NO_NODES
            },
        ],
    },
    Cluster {
        name: "fritz",
        percent: 18.0,
        character: Character::Parallel,
        max_walltime_secs: DAY,
        retired: false,
        first_job_id: 102_417,
        subclusters: &[
            Subcluster {
                percent: 92.0,
                host_prefix: "f",
                num_nodes: 992,
                cores: 72,
                memory_gb: 256.0,
                flops_peak: 5_600.0,
                memory_bandwidth_peak: 350.0,
                partitions: &[("singlenode", 56.0), ("multinode", 40.0), ("big", 4.0)],
                ..NO_NODES
            },
            Subcluster {
                name: "spr1tb",
                percent: 6.0,
                host_prefix: "f21",
                num_nodes: 64,
                cores: 104,
                memory_gb: 1024.0,
                flops_peak: 6_600.0,
                memory_bandwidth_peak: 500.0,
                partitions: &[("spr1tb", 95.0), ("preempt", 5.0)],
                ..NO_NODES
            },
            Subcluster {
                name: "spr2tb",
                percent: 2.0,
                host_prefix: "f22",
                num_nodes: 16,
                cores: 104,
                memory_gb: 2048.0,
                flops_peak: 6_600.0,
                memory_bandwidth_peak: 500.0,
                partitions: &[("spr2tb", 100.0)],
                ..NO_NODES
            },
        ],
    },
    Cluster {
        name: "alex",
        percent: 10.0,
        character: Character::Gpu,
        max_walltime_secs: DAY,
        retired: false,
        first_job_id: 411_903,
        subclusters: &[
            Subcluster {
                name: "a40",
                percent: 70.0,
                host_prefix: "a0",
                num_nodes: 38,
                cores: 128,
                accelerators: 8,
                memory_gb: 512.0,
                accelerator_memory_gb: 48.0,
                flops_peak: 9_216.0,
                memory_bandwidth_peak: 350.0,
                partitions: &[("a40", 96.0), ("preempt", 4.0)],
            },
            Subcluster {
                name: "a100",
                percent: 22.0,
                host_prefix: "a1",
                num_nodes: 20,
                cores: 128,
                accelerators: 8,
                memory_gb: 1024.0,
                accelerator_memory_gb: 40.0,
                flops_peak: 9_216.0,
                memory_bandwidth_peak: 350.0,
                partitions: &[("a100", 97.0), ("preempt", 3.0)],
            },
            Subcluster {
                name: "a100m80",
                percent: 8.0,
                host_prefix: "a2",
                num_nodes: 15,
                cores: 128,
                accelerators: 8,
                memory_gb: 2048.0,
                accelerator_memory_gb: 80.0,
                flops_peak: 9_216.0,
                memory_bandwidth_peak: 350.0,
                partitions: &[("a100", 100.0)],
            },
        ],
    },
    Cluster {
        name: "tinygpu",
        percent: 6.0,
        character: Character::Gpu,
        max_walltime_secs: DAY,
        retired: false,
        first_job_id: 253_366,
        subclusters: &[
            Subcluster {
                percent: 60.0,
                host_prefix: "tg0",
                num_nodes: 19,
                cores: 32,
                accelerators: 8,
                memory_gb: 384.0,
                accelerator_memory_gb: 10.0,
                flops_peak: 3_400.0,
                memory_bandwidth_peak: 220.0,
                partitions: &[("work", 90.0), ("rtx3080", 10.0)],
                ..NO_NODES
            },
            Subcluster {
                name: "a100",
                percent: 25.0,
                host_prefix: "tg1",
                num_nodes: 8,
                cores: 128,
                accelerators: 4,
                memory_gb: 512.0,
                accelerator_memory_gb: 40.0,
                flops_peak: 9_216.0,
                memory_bandwidth_peak: 350.0,
                partitions: &[("a100", 100.0)],
            },
            Subcluster {
                name: "v100",
                percent: 15.0,
                host_prefix: "tg2",
                num_nodes: 4,
                cores: 32,
                accelerators: 4,
                memory_gb: 96.0,
                accelerator_memory_gb: 32.0,
                flops_peak: 2_600.0,
                memory_bandwidth_peak: 220.0,
                partitions: &[("v100", 100.0)],
            },
        ],
    },
    Cluster {
        name: "tinyfat",
        percent: 2.0,
        character: Character::Throughput,
        max_walltime_secs: DAY,
        retired: false,
        first_job_id: 88_204,
        subclusters: &[
            Subcluster {
                percent: 75.0,
                host_prefix: "tf0",
                num_nodes: 36,
                cores: 64,
                memory_gb: 512.0,
                flops_peak: 3_200.0,
                memory_bandwidth_peak: 330.0,
                partitions: &[("work", 90.0), ("long", 10.0)],
                ..NO_NODES
            },
            Subcluster {
                name: "broadwell",
                percent: 25.0,
                host_prefix: "tf1",
                num_nodes: 11,
                cores: 12,
                memory_gb: 512.0,
                flops_peak: 500.0,
                memory_bandwidth_peak: 110.0,
                partitions: &[("broadwell512", 100.0)],
                ..NO_NODES
            },
        ],
    },
    Cluster {
        name: "emmy",
        percent: 2.0,
        character: Character::Parallel,
        max_walltime_secs: DAY,
        retired: true,
        first_job_id: 1_403_244,
        subclusters: &[Subcluster {
            host_prefix: "e",
            num_nodes: 560,
            cores: 20,
            memory_gb: 64.0,
            flops_peak: 352.0,
            memory_bandwidth_peak: 80.0,
            partitions: &[("work", 92.0), ("devel", 5.0), ("special", 3.0)],
            ..NO_NODES
        }],
    },
];

/// An account.
#[derive(Debug)]
pub struct User {
    /// The account name.
    pub name: String,
    /// Index into [`Site::projects`].
    pub project: usize,
    /// What to call the person.
    pub full_name: String,
    /// Whether the user table knows the account. Real ones forget people, the job table does not.
    pub known: bool,
    /// Which kind of program this user runs most often.
    pub habit: usize,
}

/// The people and their activity.
#[derive(Debug)]
pub struct Site {
    /// Names of projects.
    pub projects: Vec<String>,
    /// All users, the busiest first.
    pub users: Vec<User>,
    /// Sums of the users' activities, ascending, ending in 1.
    activity: Vec<f64>,
}

/// How fast activity falls with a user's rank: with 6,000 users, the first 60 have a third of
/// all jobs.
const ZIPF_EXPONENT: f64 = 0.97;

impl Site {
    /// Invents projects and users, as many as suit the number of jobs.
    pub fn invent(options: &GenerateOptions, rng: &mut ChaCha8Rng) -> Self {
        let num_users = (options.jobs / 13).clamp(8, 6_000) as usize;
        let num_projects = (num_users / 5).max(4);

        let mut taken = BTreeSet::new();
        let projects: Vec<_> = (0..num_projects)
            .map(|_| unique(&mut taken, || project_name(rng)))
            .collect();
        let mut users = Vec::with_capacity(num_users);
        for rank in 0..num_users {
            // Every project has somebody; large ones have many.
            let project = if rank < num_projects {
                (rank * 7 + 3) % num_projects
            } else {
                (rng.random::<f64>().powi(2) * num_projects as f64) as usize
            };
            let name = unique(&mut taken, || user_name(&projects[project], rng));
            users.push(User {
                name,
                project,
                full_name: format!("{} {}", capitalized(&word(rng)), capitalized(&word(rng))),
                known: !options.dirt || (rank + 28) % 29 != 0,
                habit: rng.random_range(0..100),
            });
        }

        let mut activity: Vec<f64> = Vec::with_capacity(num_users);
        let mut sum = 0.0;
        for rank in 1..=num_users {
            sum += (rank as f64).powf(-ZIPF_EXPONENT);
            activity.push(sum);
        }
        for value in &mut activity {
            *value /= sum;
        }
        Self {
            projects,
            users,
            activity,
        }
    }

    /// Chooses a user by activity. Each cluster has another ranking, so its own busiest users.
    pub fn pick_user(&self, cluster_index: usize, rng: &mut ChaCha8Rng) -> usize {
        let at = rng.random::<f64>();
        let rank = self.activity.partition_point(|sum| *sum < at);
        (rank + cluster_index * self.users.len() / 11) % self.users.len()
    }
}

/// Asks for names until there is a new one.
fn unique(taken: &mut BTreeSet<String>, mut propose: impl FnMut() -> String) -> String {
    loop {
        let name = propose();
        if taken.insert(name.clone()) {
            return name;
        }
    }
}

/// `k106eb`: a letter, three digits, two letters.
fn project_name(rng: &mut ChaCha8Rng) -> String {
    format!(
        "{}{:03}{}{}",
        letter(rng),
        rng.random_range(100..1000),
        letter(rng),
        letter(rng)
    )
}

/// For four in five the project's name, two digits and sometimes a letter; else a short word.
fn user_name(project: &str, rng: &mut ChaCha8Rng) -> String {
    let number = rng.random_range(10..100);
    if rng.random_bool(0.8) {
        let suffix = if rng.random_bool(0.3) {
            letter(rng).to_string()
        } else {
            String::new()
        };
        format!("{project}{number}{suffix}")
    } else {
        format!("{}{number}", word(rng))
    }
}

fn letter(rng: &mut ChaCha8Rng) -> char {
    char::from(b'a' + rng.random_range(0..26_u8))
}

/// Two or three syllables that mean nothing.
fn word(rng: &mut ChaCha8Rng) -> String {
    const SYLLABLES: [&str; 24] = [
        "ba", "dor", "fen", "gal", "hev", "jo", "kim", "lar", "mi", "nor", "ol", "pre", "quin",
        "ra", "sel", "tu", "ul", "vor", "wen", "xa", "yor", "zel", "bri", "tam",
    ];
    (0..rng.random_range(2..=3))
        .map(|_| SYLLABLES[rng.random_range(0..SYLLABLES.len())])
        .collect()
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// Tags that everybody sees: applications first, in the order of the scripts' programs.
pub const APP_TAGS: [&str; 16] = [
    "gromacs",
    "vasp",
    "openfoam",
    "lammps",
    "pytorch",
    "quantumespresso",
    "cp2k",
    "python",
    "matlab",
    "orca",
    "namd",
    "starccm",
    "julia",
    "tensorflow",
    "wrf",
    "turbomole",
];

/// Tags of the rules that look for jobs with a problem.
pub const CLASS_TAGS: [&str; 6] = [
    "highMemoryUsage",
    "highload",
    "lowUtilization",
    "lowload",
    "memoryBound",
    "idleAccelerator",
];

/// Tags that people made: type, name, and whether only administrators see them.
pub const MANUAL_TAGS: [(&str, &str, bool); 10] = [
    ("campaign", "winter-sweep", false),
    ("campaign", "summer-sweep", false),
    ("campaign", "acceptance", false),
    ("benchmark", "before-upgrade", false),
    ("benchmark", "after-upgrade", false),
    ("review", "ask-user", true),
    ("review", "wrong-pinning", true),
    ("review", "done", true),
    ("note", "paper", false),
    ("note", "repeat", false),
];

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn shares_add_up_to_all_jobs() {
        let sum: f64 = CLUSTERS.iter().map(|cluster| cluster.percent).sum();
        assert!((sum - 100.0).abs() < 1e-9);
        for cluster in &CLUSTERS {
            let sum: f64 = cluster.subclusters.iter().map(|sub| sub.percent).sum();
            assert!((sum - 100.0).abs() < 1e-9, "{}", cluster.name);
        }
    }

    #[test]
    fn no_two_nodes_of_a_cluster_have_one_name() {
        for cluster in &CLUSTERS {
            let mut seen = BTreeSet::new();
            for subcluster in cluster.subclusters {
                for index in 0..subcluster.num_nodes {
                    assert!(seen.insert(subcluster.host(index)), "{}", cluster.name);
                }
            }
        }
    }

    #[test]
    fn the_busiest_hundredth_of_users_has_a_third_of_the_activity() {
        let options = GenerateOptions::new("job.db", 300_000);
        let site = Site::invent(&options, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(site.users.len(), 6_000);
        assert_eq!(site.projects.len(), 1_200);
        let share = site.activity[59];
        assert!((0.3..0.6).contains(&share), "{share}");
    }
}
