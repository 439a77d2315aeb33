//! What becomes of a submission: one row of the job table.

use std::fmt::Write as _;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::{
    json::{self, Cell, round2},
    script::{PROGRAMS, Words, meta_data},
    shape::{Shape, lognormal, pick},
    site::{Character, Site},
};

/// One row, in the order of the columns. The id is given when it is written.
#[derive(Clone, Debug)]
pub struct JobRow<'a> {
    /// The scheduler's number.
    pub job_id: i64,
    /// Where it ran.
    pub cluster: &'static str,
    /// On which kind of nodes.
    pub subcluster: &'static str,
    /// When it began.
    pub start_time_unix_secs: i64,
    /// Whose it is.
    pub user: &'a str,
    /// For which project.
    pub project: &'a str,
    /// The partition; `None` only in old rows.
    pub partition: Option<&'static str>,
    /// The array it belongs to, 0 if none.
    pub array_job_id: i64,
    /// How long it ran, or has run when it was last looked at.
    pub duration_secs: i64,
    /// How long it was allowed to run.
    pub walltime_secs: i64,
    /// `job_state`.
    pub state: &'static str,
    /// Script and scheduler information.
    pub meta_data: Cell,
    /// Hosts, threads and accelerators.
    pub resources: Cell,
    /// How many nodes.
    pub num_nodes: u32,
    /// Hardware threads of all nodes; `None` only in old rows.
    pub num_hwthreads: Option<u32>,
    /// Accelerators of all nodes; `None` only in old rows.
    pub num_acc: Option<u32>,
    /// The SMT level.
    pub smt: i64,
    /// `shared`.
    pub shared: &'static str,
    /// How far monitoring and archiving have come.
    pub monitoring_status: i64,
    /// Energy in kWh.
    pub energy_kwh: f64,
    /// Energy by source.
    pub energy_footprint: Cell,
    /// Means and maxima of metrics.
    pub footprint: Cell,
    /// Tags of this job: index into the table of tags, and when it was tagged.
    pub tags: Vec<(usize, i64)>,
}

/// When and as what a submission runs.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// The scheduler's number.
    pub job_id: i64,
    /// The array it belongs to, 0 if none.
    pub array_job_id: i64,
    /// When it begins.
    pub at_unix_secs: i64,
    /// The present: no job runs beyond it.
    pub until_unix_secs: i64,
    /// Where in the whole time this is, from 0 to 1.
    pub progress: f64,
}

/// How jobs end, in percent. The rarest states are dealt out one by one instead.
const STATES: [(&str, f64); 7] = [
    ("completed", 78.0),
    ("failed", 10.0),
    ("timeout", 6.0),
    ("cancelled", 5.0),
    ("out_of_memory", 0.8),
    ("node_fail", 0.15),
    ("preempted", 0.05),
];

/// The periodic worker writes the duration of running jobs this often.
const DURATION_TICK_SECS: i64 = 300;

/// Running jobs younger than this have no footprint yet.
const FIRST_FOOTPRINT_SECS: i64 = 900;

/// A job that has ended.
pub fn finished<'a>(
    site: &'a Site,
    shape: &Shape,
    start: Start,
    rng: &mut ChaCha8Rng,
) -> JobRow<'a> {
    let state = pick(rng, &STATES).copied().unwrap_or("completed");
    let duration_secs = ended_after(shape, state, start, rng);
    let mut row = common(site, shape, start, rng);
    row.state = state;
    row.duration_secs = duration_secs;
    row.monitoring_status = match rng.random_range(0..1000) {
        0..4 => 2,
        4..8 => 0,
        _ => 3,
    };

    // Bulk imports are mostly from the time before the backend watched jobs live.
    let imported = rng.random_bool(if start.progress < 0.2 { 0.35 } else { 0.0375 });
    let footprint = Footprint::invent(shape, state, imported, rng);
    let (energy_kwh, sources) = footprint.energy(shape, duration_secs);
    row.energy_kwh = energy_kwh;
    let wrap = if imported { Cell::Blob } else { Cell::Text };
    row.footprint = wrap(footprint.to_json());
    row.energy_footprint = wrap(json::object(&sources));
    row
}

/// A job that is running at the end of the time.
pub fn running<'a>(
    site: &'a Site,
    shape: &Shape,
    start: Start,
    rng: &mut ChaCha8Rng,
) -> JobRow<'a> {
    let age = start.until_unix_secs - start.at_unix_secs;
    let mut row = common(site, shape, start, rng);
    row.state = "running";
    row.duration_secs = age / DURATION_TICK_SECS * DURATION_TICK_SECS;
    row.monitoring_status = 1;
    if age < FIRST_FOOTPRINT_SECS {
        row.footprint = Cell::Blob("null".to_owned());
        row.energy_footprint = Cell::Null;
    } else {
        let footprint = Footprint::invent(shape, "running", false, rng);
        let (energy_kwh, sources) = footprint.energy(shape, row.duration_secs);
        row.energy_kwh = energy_kwh;
        row.footprint = Cell::Text(footprint.to_json());
        row.energy_footprint = Cell::Text(json::object(&sources));
    }
    row
}

/// What does not depend on how the job ends.
fn common<'a>(site: &'a Site, shape: &Shape, start: Start, rng: &mut ChaCha8Rng) -> JobRow<'a> {
    let user = &site.users[shape.user_index];
    let project = &site.projects[user.project];
    let first_node =
        rng.random_range(0..=shape.subcluster.num_nodes.saturating_sub(shape.num_nodes));
    let words = Words {
        job_id: start.job_id,
        user: &user.name,
        project,
        start_time_unix_secs: start.at_unix_secs,
        host: &shape.subcluster.host(first_node),
    };
    let meta_data = match rng.random_range(0..1000) {
        0..10 => Cell::Blob("null".to_owned()),
        // Somebody edited it by hand, with another program.
        10..13 => Cell::Text(meta_data(shape, &words)),
        _ => Cell::Blob(meta_data(shape, &words)),
    };
    JobRow {
        job_id: start.job_id,
        cluster: shape.cluster().name,
        subcluster: shape.subcluster.name,
        start_time_unix_secs: start.at_unix_secs,
        user: &user.name,
        project,
        partition: Some(if rng.random_bool(0.002) {
            ""
        } else {
            shape.partition
        }),
        array_job_id: start.array_job_id,
        duration_secs: 0,
        walltime_secs: shape.walltime_secs,
        state: "completed",
        meta_data,
        resources: Cell::Blob(resources(shape, first_node, rng)),
        num_nodes: shape.num_nodes,
        num_hwthreads: Some(shape.num_nodes * shape.threads_per_node),
        num_acc: Some(shape.num_nodes * shape.accelerators_per_node),
        smt: i64::from(shape.script_seed.is_multiple_of(23)),
        shared: shape.sharing.as_sql(),
        monitoring_status: 3,
        energy_kwh: 0.0,
        energy_footprint: Cell::Null,
        footprint: Cell::Null,
        tags: Vec::new(),
    }
}

fn ended_after(shape: &Shape, state: &str, start: Start, rng: &mut ChaCha8Rng) -> i64 {
    let usual = shape.usual_duration_secs as f64;
    let limit = shape.limit_secs();
    let secs = match state {
        "timeout" => limit + rng.random_range(0..=30),
        "completed" => ((usual * lognormal(rng, 1.0, 0.12)) as i64).min(limit + 30),
        // What goes wrong often goes wrong early.
        _ => (usual * rng.random::<f64>().powi(2)) as i64,
    };
    let left = start.until_unix_secs - start.at_unix_secs;
    if secs > left {
        // Only what had ended by the present is in the table as ended.
        rng.random_range(0..=left.max(1)).max(1)
    } else {
        secs.max(1)
    }
}

/// Hosts, with threads and accelerators where the job has part of a node or accelerators.
fn resources(shape: &Shape, first_node: u32, rng: &mut ChaCha8Rng) -> String {
    let subcluster = shape.subcluster;
    let part_of_node = shape.threads_per_node < subcluster.cores;
    let slots = subcluster.cores / shape.threads_per_node.max(1);
    let first_thread = if part_of_node {
        rng.random_range(0..slots.max(1)) * shape.threads_per_node
    } else {
        0
    };
    let accelerators_left = subcluster.accelerators - shape.accelerators_per_node;
    let first_accelerator = rng.random_range(0..=accelerators_left);

    let mut out = String::with_capacity(shape.num_nodes as usize * 24 + 64);
    for node in 0..shape.num_nodes {
        out.push(if node == 0 { '[' } else { ',' });
        let host = subcluster.host((first_node + node) % subcluster.num_nodes);
        // Writing to a string cannot fail.
        write!(out, "{{\"hostname\":\"{host}\"").ok();
        if part_of_node {
            out.push_str(",\"hwthreads\":[");
            push_list(&mut out, shape.threads_per_node, |out, index| {
                write!(out, "{}", first_thread + index).ok();
            });
            out.push(']');
        }
        if shape.accelerators_per_node > 0 {
            out.push_str(",\"accelerators\":[");
            push_list(&mut out, shape.accelerators_per_node, |out, index| {
                let bus = 0x0e + (first_accelerator + index) * 0x1d;
                write!(out, "\"00000000:{bus:02X}:00.0\"").ok();
            });
            out.push(']');
        }
        out.push('}');
    }
    out.push(']');
    out
}

fn push_list(out: &mut String, count: u32, mut push: impl FnMut(&mut String, u32)) {
    for index in 0..count {
        if index > 0 {
            out.push(',');
        }
        push(out, index);
    }
}

/// Means and maxima per node.
struct Footprint {
    cpu_load: f64,
    flops_any: f64,
    mem_bw: f64,
    mem_used: f64,
    /// Utilization in percent and memory in GB, for jobs with accelerators.
    accelerator: Option<(f64, f64)>,
    /// The importers name the mean where live jobs have the maximum.
    imported: bool,
}

impl Footprint {
    fn invent(shape: &Shape, state: &str, imported: bool, rng: &mut ChaCha8Rng) -> Self {
        let node = shape.subcluster;
        let program = &PROGRAMS[shape.program];
        let part = f64::from(shape.threads_per_node) / f64::from(node.cores);
        let mut near =
            |value: f64, spread: f64| value * (1.0 + spread * rng.sample::<f64, _>(StandardNormal));
        let intensity = near(shape.intensity, 0.08).clamp(0.005, 1.0);
        let cores = f64::from(shape.threads_per_node);
        let gpu_job = shape.accelerators_per_node > 0;
        // With accelerators the processors mostly wait.
        let busy = if gpu_job { 0.15 } else { 1.0 };

        let cpu_load = (cores * intensity.powf(0.4) * near(busy, 0.03)).clamp(0.01, cores);
        let flops_any =
            node.flops_peak * part * program.flops * 0.5 * busy * near(intensity.powi(2), 0.1);
        let mem_bw = node.memory_bandwidth_peak
            * part
            * program.memory_bandwidth
            * busy
            * near(intensity, 0.1);
        let share = if state == "out_of_memory" {
            near(0.97, 0.01)
        } else {
            near(0.12 + 0.5 * shape.intensity.powi(3), 0.35)
        };
        let mem_used = node.memory_gb * part * share.clamp(0.02, 0.99);
        let accelerator = gpu_job.then(|| {
            let utilization = if shape.script_seed.is_multiple_of(9) {
                near(4.0, 0.8)
            } else {
                near(96.0 * intensity.powf(0.7), 0.05)
            };
            let memory =
                node.accelerator_memory_gb * near(0.2 + 0.6 * intensity, 0.2).clamp(0.01, 0.98);
            (utilization.clamp(0.0, 100.0), memory)
        });
        Self {
            cpu_load,
            flops_any: flops_any.max(0.01),
            mem_bw: mem_bw.max(0.01),
            mem_used,
            accelerator,
            imported,
        }
    }

    fn to_json(&self) -> String {
        let Self {
            cpu_load,
            flops_any,
            mem_bw,
            mem_used,
            accelerator,
            imported,
        } = self;
        let (stat, factor) = if *imported {
            ("avg", 0.8)
        } else {
            ("max", 1.0)
        };
        let mem_used_key = format!("mem_used_{stat}");
        let acc_mem_key = format!("acc_mem_used_{stat}");
        let mut entries = Vec::with_capacity(6);
        if let Some((utilization, memory)) = accelerator {
            entries.push((acc_mem_key.as_str(), memory * factor));
            entries.push(("acc_utilization_avg", *utilization));
        }
        entries.push(("cpu_load_avg", *cpu_load));
        entries.push(("flops_any_avg", *flops_any));
        entries.push(("mem_bw_avg", *mem_bw));
        entries.push((mem_used_key.as_str(), mem_used * factor));
        json::object(&entries)
    }

    /// The sum in kWh, and what it consists of.
    fn energy(&self, shape: &Shape, duration_secs: i64) -> (f64, Vec<(&'static str, f64)>) {
        let node = shape.subcluster;
        let node_hours = f64::from(shape.num_nodes) * duration_secs as f64 / 3_600.0;
        let kwh = |watts: f64| round2(watts * node_hours / 1_000.0);

        let mut sources = Vec::with_capacity(3);
        if let Some((utilization, _)) = self.accelerator {
            let watts = 40.0 + 2.6 * utilization;
            let count = f64::from(shape.accelerators_per_node);
            sources.push(("acc_power", kwh(watts * count)));
        }
        let cores = f64::from(shape.threads_per_node);
        sources.push(("cpu_power", kwh(2.0 * cores + 3.5 * self.cpu_load)));
        if shape.cluster().character != Character::Gpu {
            let part = cores / f64::from(node.cores);
            let used = self.mem_bw / node.memory_bandwidth_peak;
            sources.push(("mem_power", kwh(12.0 * part + 45.0 * used)));
        }
        let sum = sources.iter().map(|(_, kwh)| kwh).sum();
        (round2(sum), sources)
    }
}
