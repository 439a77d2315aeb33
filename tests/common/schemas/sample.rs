//! The jobs that every variant holds, with their tags, accounts and nodes.

#![expect(clippy::expect_used, reason = "small numbers fit and text grows")]

use std::{collections::BTreeSet, fmt::Write as _};

/// One job, in the words of today's schema. All numbers have few binary digits: their sums are
/// exact in whatever order they are added.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleJob {
    pub id: i64,
    pub job_id: i64,
    pub cluster: &'static str,
    pub subcluster: &'static str,
    pub start_time_unix_secs: i64,
    pub user: &'static str,
    pub project: &'static str,
    pub partition: &'static str,
    /// 0 where the job belongs to no array.
    pub array_job_id: i64,
    /// As stored. Of a running job this is what the last update wrote.
    pub duration_secs: i64,
    pub walltime_secs: i64,
    /// Variants may spell it differently, see [`super::Variant::state_of`].
    pub state: &'static str,
    pub shared: &'static str,
    pub hostnames: &'static [&'static str],
    pub hwthreads_per_node: i64,
    pub accs_per_node: i64,
    pub energy_kwh: f64,
    pub cpu_load_avg: f64,
    pub flops_any_avg: f64,
    pub mem_bw_avg: f64,
    pub mem_used_max: f64,
    /// Ids in [`TAGS`].
    pub tag_ids: &'static [i64],
    pub name: &'static str,
}

macro_rules! jobs {
    ($($id:literal $job_id:literal $cluster:literal $subcluster:literal $start:literal
       $user:literal $project:literal $partition:literal $array:literal
       $duration:literal $walltime:literal $state:literal $shared:literal
       [$($host:literal)*] $hwthreads:literal $accs:literal
       $energy:literal $load:literal $flops:literal $bandwidth:literal $memory:literal
       [$($tag:literal)*] $name:literal;)*) => {
        &[$(SampleJob {
            id: $id,
            job_id: $job_id,
            cluster: $cluster,
            subcluster: $subcluster,
            start_time_unix_secs: $start,
            user: $user,
            project: $project,
            partition: $partition,
            array_job_id: $array,
            duration_secs: $duration,
            walltime_secs: $walltime,
            state: $state,
            shared: $shared,
            hostnames: &[$($host),*],
            hwthreads_per_node: $hwthreads,
            accs_per_node: $accs,
            energy_kwh: $energy,
            cpu_load_avg: $load,
            flops_any_avg: $flops,
            mem_bw_avg: $bandwidth,
            mem_used_max: $memory,
            tag_ids: &[$($tag),*],
            name: $name,
        }),*]
    };
}

/// The jobs. Some start in the same second, one scheduler id occurs in both clusters, and another
/// one twice in the same cluster.
pub const JOBS: &[SampleJob] = jobs! {
//  id job_id  cluster subcluster  start         user    project partition array dur   walltime state    shared        hosts                     thr acc energy  load   flops   bw     mem    tags  name
     1 700_001 "alex"  "main"      1_700_000_000 "ada01" "astro" "batch" 0       3600  86400 "completed" "none"        ["a0101" "a0102"]         128 8  12.5     71.25  812.5   96.0   118.25 [1]   "cfd_case7";
     2 700_002 "alex"  "main"      1_700_000_000 "ada01" "astro" "batch" 0       7200  86400 "completed" "none"        ["a0103"]                 128 8  8.0      64.0   640.25  88.5   96.0   [1 2] "cfd_case8";
     3 700_003 "alex"  "a40"       1_700_000_000 "ben02" "astro" "devel" 0       120   3600  "failed"    "single_user" ["a0501"]                 16  1  0.25     1.5    12.0    4.25   8.5    []    "first try";
     5 700_004 "alex"  "a40"       1_700_000_060 "ben02" "bio"   "batch" 700_004 5400  86400 "completed" "multi_user"  ["a0501"]                 16  1  2.5      14.75  310.0   40.0   22.25  [4]   "fold-1";
     6 700_005 "alex"  "a40"       1_700_000_060 "ben02" "bio"   "batch" 700_004 5460  86400 "completed" "multi_user"  ["a0502"]                 16  1  2.75     15.25  322.5   41.5   22.5   [4]   "fold-2";
     8 700_006 "alex"  "a40"       1_700_003_600 "cho03" "bio"   "batch" 0       86400 86400 "timeout"   "multi_user"  ["a0502"]                 32  2  20.0     2.25   18.75   6.0    12.0   [2]   "forgot the limit";
    11 700_007 "alex"  "main"      1_700_010_000 "cho03" "cfd"   "batch" 0       43200 86400 "completed" "none"        ["a0101" "a0102" "a0103"] 128 8  150.75   120.5  4096.0  300.25 400.0  [1]   "dns_re4000";
    12 700_008 "alex"  "main"      1_700_020_000 "dia04" "cfd"   "devel" 0       0     1800  "cancelled" "none"        ["a0101"]                 128 0  0.0      0.0    0.0     0.0    0.0    []    "wrong input";
    13 700_009 "alex"  "a40"       1_700_020_000 "dia04" "cfd"   "devel" 0       299   1800  "completed" "single_user" ["a0501"]                 8   1  0.5      7.5    99.5    12.25  5.75   [3]   "short test";
    17 700_010 "alex"  "a40"       1_700_086_400 "dia04" "bio"   "batch" 0       300   7200  "failed"    "single_user" ["a0503"]                 8   1  0.25     6.25   80.0    11.0   5.5    [3]   "not quite short";
    20 700_001 "alex"  "main"      1_731_536_000 "ada01" "astro" "batch" 0       1800  86400 "completed" "none"        ["a0102"]                 128 8  6.0      70.0   800.0   95.0   110.0  []    "after the counter was reset";
    21 800_001 "alex"  "main"      1_799_990_000 "ada01" "astro" "batch" 0       9600  86400 "running"   "none"        ["a0101"]                 128 8  4.5      72.75  820.0   97.25  99.5   []    "cfd_case9";
    22 800_002 "alex"  "a40"       1_799_999_700 "eli05" "bio"   "devel" 0       0     3600  "running"   "multi_user"  ["a0503"]                 16  1  0.0      3.5    20.0    2.5    3.25   []    "notebook";
    24 500_001 "fritz" "main"      1_700_000_000 "ada01" "astro" "batch" 0       1800  86400 "completed" "none"        ["f0101"]                 72  0  0.75     70.25  512.0   150.5  64.0   [1]   "post processing";
    25 700_001 "fritz" "main"      1_700_000_060 "eli05" "cfd"   "batch" 0       7260  43200 "completed" "none"        ["f0101" "f0102"]         72  0  6.25     71.75  1250.5  280.0  180.75 []    "lbm 256³";
    29 500_002 "fritz" "main"      1_700_003_600 "eli05" "cfd"   "batch" 0       43200 43200 "timeout"   "none"        ["f0101" "f0102" "f0103"] 72  0  48.5     71.0   1300.0  290.75 200.0  [2]   "lbm \"large\"";
    31 500_003 "fritz" "main"      1_700_020_000 "ben02" "bio"   "devel" 0       60    3600  "failed"    "none"        ["f0103"]                 72  0  0.0      0.5    1.25    0.75   2.0    []    "missing module";
    32 500_004 "fritz" "spr1tb"    1_700_020_000 "cho03" "bio"   "batch" 0       21600 86400 "completed" "none"        ["f2101"]                 104 0  10.0     101.5  2048.25 410.0  900.5  [4]   "assembly";
    33 500_005 "fritz" "spr1tb"    1_700_086_400 "cho03" "bio"   "batch" 0       14400 86400 "completed" "single_user" ["f2101"]                 52  0  4.25     50.75  700.0   205.25 512.0  []    "assembly, half a node";
    40 500_006 "fritz" "spr1tb"    1_700_086_400 "dia04" "cfd"   "batch" 0       3600  7200  "cancelled" "none"        ["f2101" "f2102"]         104 0  3.5      90.0   1800.5  380.0  640.25 []    "changed my mind";
    41 500_007 "fritz" "main"      1_700_090_000 "dia04" "cfd"   "devel" 0       30    1800  "cancelled" "none"        ["f0102"]                 72  0  0.0      0.25   0.5     0.25   1.0    []    "";
    42 500_008 "fritz" "main"      1_700_090_000 "ada01" "astro" "batch" 0       10800 86400 "completed" "none"        ["f0101"]                 72  0  4.75     68.5   990.0   260.5  150.0  [1 3] "Überströmung";
    43 500_009 "fritz" "main"      1_731_536_000 "ben02" "astro" "batch" 0       3660  86400 "completed" "none"        ["f0102" "f0103"]         72  0  3.25     69.25  1010.75 270.0  170.5  []    "O'Hara_100%";
    50 600_001 "fritz" "main"      1_799_913_600 "eli05" "cfd"   "batch" 0       86340 86400 "running"   "none"        ["f0101" "f0102" "f0103"] 72  0  96.0     71.5   1350.25 300.0  210.25 [2]   "lbm 512³";
};

/// Jobs that started a moment ago and wait in `job_cache`, where there is one. Their ids are from
/// another sequence.
pub const CACHED: &[SampleJob] = jobs! {
     1 800_003 "alex"  "a40"       1_799_999_940 "ben02" "bio"   "batch" 0       0     86400 "running"   "multi_user"  ["a0501"]                 16  1  0.0      0.0    0.0     0.0    0.0    []    "fold-3";
     2 600_002 "fritz" "main"      1_799_999_970 "ada01" "astro" "batch" 0       0     86400 "running"   "none"        ["f0103"]                 72  0  0.0      0.0    0.0     0.0    0.0    []    "cfd_case10";
};

impl SampleJob {
    /// Cancelled jobs that some old files call `stopped`.
    pub const STOPPED: [i64; 2] = [12, 41];

    /// A job that is gone, while a tag of it is still there in the oldest files.
    pub const LOST: i64 = 999;

    pub fn num_nodes(&self) -> i64 {
        i64::try_from(self.hostnames.len()).expect("few nodes")
    }

    pub fn num_hwthreads(&self) -> i64 {
        self.num_nodes() * self.hwthreads_per_node
    }

    pub fn num_acc(&self) -> i64 {
        self.num_nodes() * self.accs_per_node
    }

    /// How long the job has been running by `now_unix_secs`, or how long it ran.
    pub fn duration_at(&self, now_unix_secs: i64) -> i64 {
        if self.state == "running" {
            now_unix_secs - self.start_time_unix_secs
        } else {
            self.duration_secs
        }
    }

    /// `shared` as the number that was the column `exclusive`.
    pub fn exclusive(&self) -> i64 {
        match self.shared {
            "none" => 1,
            "single_user" => 2,
            _ => 0,
        }
    }

    /// 1 while the job runs, 3 once it is archived.
    pub fn monitoring_status(&self) -> i64 {
        if self.state == "running" { 1 } else { 3 }
    }

    pub fn script(&self) -> String {
        format!(
            "#!/bin/bash\n#SBATCH --nodes={}\n\tsrun ./solver \"{}\" | tee C:\\log\n",
            self.num_nodes(),
            self.name
        )
    }

    /// The metrics every job has, as the keys of `footprint` name them.
    pub fn metrics(&self) -> [(&'static str, f64); 4] {
        [
            ("cpu_load_avg", self.cpu_load_avg),
            ("flops_any_avg", self.flops_any_avg),
            ("mem_bw_avg", self.mem_bw_avg),
            ("mem_used_max", self.mem_used_max),
        ]
    }

    pub fn footprint_json(&self) -> String {
        object(&self.metrics())
    }

    /// Which adds up to the whole energy.
    pub fn energy_footprint(&self) -> [(&'static str, f64); 2] {
        [
            ("cpu_power", self.energy_kwh * 0.75),
            ("mem_power", self.energy_kwh * 0.25),
        ]
    }

    pub fn energy_footprint_json(&self) -> String {
        object(&self.energy_footprint())
    }

    pub fn meta_data_json(&self) -> String {
        format!(
            r#"{{"jobName":{},"jobScript":{}}}"#,
            quoted(self.name),
            quoted(&self.script())
        )
    }

    /// Only jobs that share a node name their hardware threads.
    pub fn resources_json(&self) -> String {
        let node = |hostname: &&str| {
            let mut node = format!(r#"{{"hostname":"{hostname}""#);
            if self.shared != "none" {
                let hwthreads: Vec<_> = (0..self.hwthreads_per_node)
                    .map(|thread| thread.to_string())
                    .collect();
                append(&mut node, "hwthreads", &hwthreads);
            }
            if self.accs_per_node > 0 {
                let accelerators: Vec<_> = (0..self.accs_per_node)
                    .map(|acc| format!(r#""00000000:{:02X}:00.0""#, 0x11 + acc * 0x10))
                    .collect();
                append(&mut node, "accelerators", &accelerators);
            }
            node + "}"
        };
        let nodes: Vec<_> = self.hostnames.iter().map(node).collect();
        format!("[{}]", nodes.join(","))
    }
}

fn append(object: &mut String, key: &str, items: &[String]) {
    write!(object, r#","{key}":[{}]"#, items.join(",")).expect("text grows");
}

/// A flat JSON object of numbers. Whole numbers come out without a point, as they do in the field.
fn object(pairs: &[(&str, f64)]) -> String {
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(key, value)| format!(r#""{key}":{value}"#))
        .collect();
    format!("{{{}}}", pairs.join(","))
}

/// A JSON string.
pub fn quoted(text: &str) -> String {
    let mut json = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => json.extend(['\\', char]),
            '\n' => json.push_str("\\n"),
            '\t' => json.push_str("\\t"),
            _ => json.push(char),
        }
    }
    json + "\""
}

/// A tag. The scope is `global`, `admin` or the user it is private to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    pub id: i64,
    pub kind: &'static str,
    pub name: &'static str,
    pub scope: &'static str,
}

/// The tags, in the order of their ids.
pub const TAGS: &[Tag] = &[
    tag(1, "app", "openfoam", "global"),
    tag(2, "jobClass", "lowload", "admin"),
    tag(3, "testtype", "bench", "ada01"),
    tag(4, "app", "gromacs", "global"),
];

const fn tag(id: i64, kind: &'static str, name: &'static str, scope: &'static str) -> Tag {
    Tag {
        id,
        kind,
        name,
        scope,
    }
}

/// Someone who may log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    pub username: &'static str,
    pub name: &'static str,
    pub roles: &'static str,
    pub projects: &'static str,
}

/// The accounts. Two users have jobs but no account, one has an account but no jobs.
pub const ACCOUNTS: &[Account] = &[
    Account {
        username: "ada01",
        name: "Ada One",
        roles: r#"["user"]"#,
        projects: "[]",
    },
    Account {
        username: "ben02",
        name: "Ben Two",
        roles: r#"["user","manager"]"#,
        projects: r#"["astro","bio"]"#,
    },
    Account {
        username: "cho03",
        name: "",
        roles: r#"["user"]"#,
        projects: "[]",
    },
    Account {
        username: "root",
        name: "The Admin",
        roles: r#"["admin"]"#,
        projects: "[]",
    },
];

/// Cluster, subcluster and name of every node that a job ran on.
pub fn nodes() -> BTreeSet<(&'static str, &'static str, &'static str)> {
    let on_nodes = |job: &'static SampleJob| {
        job.hostnames
            .iter()
            .map(|hostname| (job.cluster, job.subcluster, *hostname))
    };
    JOBS.iter().flat_map(on_nodes).collect()
}
