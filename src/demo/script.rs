//! Job scripts and what the scheduler says about a job: the contents of `meta_data`.

use std::fmt::Write as _;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::{
    json::push_string,
    shape::{Shape, Sharing},
};

/// A kind of program that people run.
#[derive(Debug)]
pub struct Program {
    /// Index into [`super::site::APP_TAGS`].
    pub app_tag: usize,
    /// What people call such jobs; `%` stands for a digit.
    names: [&'static str; 4],
    /// What the script loads.
    modules: &'static str,
    /// What it runs in the end.
    command: &'static str,
    /// How much it computes, relative to others.
    pub flops: f64,
    /// How much memory bandwidth it uses, relative to others.
    pub memory_bandwidth: f64,
}

/// Programs, the most common first.
pub const PROGRAMS: [Program; 10] = [
    Program {
        app_tag: 0,
        names: ["md_prod%%", "npt_eq", "replica_%%", "membrane%"],
        modules: "gromacs/2024.%-openmpi",
        command: "srun gmx_mpi mdrun -s prod_%%.tpr -deffnm prod_%% -cpi -maxh 23.%",
        flops: 0.55,
        memory_bandwidth: 0.25,
    },
    Program {
        app_tag: 1,
        names: ["relax_%%", "bands", "slab%%_scf", "neb%"],
        modules: "vasp/6.%.%",
        command: "srun vasp_std > vasp.out",
        flops: 0.6,
        memory_bandwidth: 0.7,
    },
    Program {
        app_tag: 2,
        names: ["cfd_case%%", "channel_re%%%", "mesh%", "wing_aoa%"],
        modules: "openfoam/v24%%",
        command: "srun pimpleFoam -parallel -case case_%% > log.pimpleFoam",
        flops: 0.12,
        memory_bandwidth: 0.9,
    },
    Program {
        app_tag: 3,
        names: ["melt_%%%", "shear%%", "polymer", "crack_%"],
        modules: "lammps/2024%%",
        command: "srun lmp -in in.run_%% -var temp %%% -log log.%%",
        flops: 0.4,
        memory_bandwidth: 0.4,
    },
    Program {
        app_tag: 4,
        names: ["train_v%", "finetune%%", "sweep_%%%", "eval"],
        modules: "python/3.1%-conda cuda/12.%",
        command: "srun python train.py --config configs/exp_%%%.yaml --seed %%%% --epochs %%%",
        flops: 0.2,
        memory_bandwidth: 0.3,
    },
    Program {
        app_tag: 5,
        names: ["scf_%%", "phonon%", "pw_relax", "epw%%"],
        modules: "quantumespresso/7.%",
        command: "srun pw.x -npool 4 -in scf_%%.in > scf_%%.out",
        flops: 0.5,
        memory_bandwidth: 0.6,
    },
    Program {
        app_tag: 7,
        names: ["analysis%%", "batch_script.sh", "interactive", "postproc"],
        modules: "python/3.1%-conda",
        command: "python3 analyse.py --input part_%%%.h5 --workers $SLURM_CPUS_PER_TASK",
        flops: 0.05,
        memory_bandwidth: 0.12,
    },
    Program {
        app_tag: 12,
        names: ["pipeline_%%", "sample%%%", "align_%%", "wrapper"],
        modules: "julia/1.1%",
        command: "julia --threads auto --project=. run.jl sample_%%%%",
        flops: 0.15,
        memory_bandwidth: 0.2,
    },
    Program {
        app_tag: 9,
        names: ["opt_ts%%", "freq_%%", "mol%%%", "dlpno"],
        modules: "orca/6.%.%",
        command: "$ORCA_BASE/orca mol_%%%.inp > mol_%%%.out",
        flops: 0.35,
        memory_bandwidth: 0.3,
    },
    Program {
        app_tag: 14,
        names: ["forecast%%", "wrf_d0%", "downscale", "spinup_%"],
        modules: "wrf/4.%-intel netcdf",
        command: "srun ./wrf.exe && mv rsl.error.0000 logs/rsl.%%%%",
        flops: 0.15,
        memory_bandwidth: 0.8,
    },
];

/// Lines between the head of a script and its command; `%` stands for a digit.
const BODY: [&str; 36] = [
    "module load hwloc/2.1%.%",
    "export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK",
    "export OMP_PLACES=cores OMP_PROC_BIND=close",
    "export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK",
    "export I_MPI_PIN_DOMAIN=auto:compact",
    "cd \"$SLURM_SUBMIT_DIR\" || exit 1",
    "mkdir -p results/run_%%%% logs",
    "cp -r input/case_%%% \"$TMPDIR\"/",
    "cp parameters_%%.dat \"$TMPDIR\"/parameters.dat",
    "rsync -a --exclude='*.tmp' \"$TMPDIR\"/ results/run_%%%%/",
    "tar -C \"$TMPDIR\" -xf inputs_%%.tar",
    "echo \"started on $(hostname) at $(date)\"",
    "echo \"step %% of %%%\" >> logs/progress.log",
    "sed -i 's/^nsteps .*/nsteps = %%%%%/' parameters.dat",
    "for i in $(seq 1 %%); do ./prepare.sh $i %%%; done",
    "if [ ! -f checkpoint_%%.h5 ]; then cp init.h5 checkpoint_%%.h5; fi",
    "test -s input_%%%.dat && echo ok || exit 2",
    "# restart from the last checkpoint",
    "# parameter set %%, resolution %%%",
    "# keep the node-local files small: quota is %%% GB",
    "likwid-perfctr -C 0-%% -g MEM_DP ./bench_%% > perf_%%.txt",
    "ulimit -s unlimited",
    "trap 'cp checkpoint_*.h5 results/' TERM",
    "find results -name '*.tmp' -mtime +%% -delete",
    "python3 tools/make_input.py --alpha 0.%%% --beta 1.%% --out input_%%%.dat",
    "python3 tools/check.py --tolerance 1e-%% results/run_%%%%",
    "awk '{ s += $% } END { print s/NR }' table_%%.txt > mean_%%.txt",
    "gzip -f results/run_%%%%/trajectory_%%.xyz",
    "export CASE=case_%%%_%% LEVEL=%",
    "export SCALE=0.%%%% OFFSET=-%.%%",
    "grep -c CONVERGED logs/run_%%.log || true",
    "date +%s > timing_start",
    "conda activate env_py31%",
    "unset SLURM_EXPORT_ENV",
    "sleep %",
    "nvidia-smi --query-gpu=name,memory.used --format=csv > gpu_%%.csv",
];

/// What is left of `meta_data` for the script after the keys and the scheduler's words.
const MIN_SCRIPT_LEN: usize = 120;

/// The words a job is described with, in one place because they are chosen per job.
pub struct Words<'a> {
    /// The scheduler's number of the job.
    pub job_id: i64,
    /// The account.
    pub user: &'a str,
    /// The project.
    pub project: &'a str,
    /// When it began.
    pub start_time_unix_secs: i64,
    /// The first host.
    pub host: &'a str,
}

/// `meta_data` of a job: its name, its script, and what the scheduler knew.
pub fn meta_data(shape: &Shape, words: &Words<'_>) -> String {
    // Jobs of one submission share the script, so the randomness is the shape's own.
    let mut rng = ChaCha8Rng::seed_from_u64(shape.script_seed);
    let program = &PROGRAMS[shape.program];
    let mut name = String::new();
    push_digits(
        &mut name,
        program.names[rng.random_range(0..program.names.len())],
        &mut rng,
    );

    let mut info = String::with_capacity(512);
    scheduler_info(&mut info, shape, words, &name);
    let mut script = String::with_capacity(shape.meta_data_len);
    let room = shape
        .meta_data_len
        .saturating_sub(info.len() + name.len() + 60)
        .max(MIN_SCRIPT_LEN);
    write_script(&mut script, shape, &name, room, &mut rng);

    let mut json = String::with_capacity(shape.meta_data_len + 256);
    for (key, value) in [
        ("{\"jobName\":", &name),
        (",\"jobScript\":", &script),
        (",\"slurmInfo\":", &info),
    ] {
        json.push_str(key);
        push_string(&mut json, value);
    }
    json.push('}');
    json
}

fn scheduler_info(out: &mut String, shape: &Shape, words: &Words<'_>, name: &str) {
    let Words {
        job_id,
        user,
        project,
        start_time_unix_secs,
        host,
    } = words;
    let threads = shape.threads_per_node * shape.num_nodes;
    // Writing to a string cannot fail.
    write!(
        out,
        "JobId={job_id}\nJobName={name}\nUserId={user}\nAccount={project}\nPartition={}\n",
        shape.partition
    )
    .ok();
    if shape.meta_data_len < 700 {
        return;
    }
    write!(
        out,
        "TimeLimit={}\nStartTime={start_time_unix_secs}\nBatchHost={host}\nNumNodes={}\n\
         NumCPUs={threads}\nOverSubscribe={}\nReqTRES=cpu={threads},node={}",
        shape.walltime_secs / 60,
        shape.num_nodes,
        if shape.sharing == Sharing::Exclusive {
            "NO"
        } else {
            "OK"
        },
        shape.num_nodes,
    )
    .ok();
    if shape.accelerators_per_node > 0 {
        write!(
            out,
            ",gres/gpu={}",
            shape.accelerators_per_node * shape.num_nodes
        )
        .ok();
    }
    out.push('\n');
}

fn write_script(out: &mut String, shape: &Shape, name: &str, room: usize, rng: &mut ChaCha8Rng) {
    let program = &PROGRAMS[shape.program];
    write!(
        out,
        "#!/bin/bash -l\n#SBATCH --job-name={name}\n#SBATCH --nodes={}\n",
        shape.num_nodes
    )
    .ok();
    if shape.accelerators_per_node > 0 {
        writeln!(out, "#SBATCH --gres=gpu:{}", shape.accelerators_per_node).ok();
    } else {
        writeln!(out, "#SBATCH --ntasks-per-node={}", shape.threads_per_node).ok();
    }
    if shape.walltime_secs > 0 {
        let minutes = shape.walltime_secs / 60;
        writeln!(
            out,
            "#SBATCH --time={:02}:{:02}:00",
            minutes / 60,
            minutes % 60
        )
        .ok();
    }
    out.push_str("module load ");
    push_digits(out, program.modules, rng);
    out.push('\n');

    // Line ends and quotes grow by a byte each when they are escaped, hence the count.
    let mut escaped_len = out.len() + 8;
    while escaped_len + program.command.len() < room {
        let before = out.len();
        push_digits(out, BODY[rng.random_range(0..BODY.len())], rng);
        out.push('\n');
        escaped_len += out.len() - before + 3;
    }
    push_digits(out, program.command, rng);
    out.push('\n');
}

/// Appends text with a random digit for each `%`.
fn push_digits(out: &mut String, text: &str, rng: &mut ChaCha8Rng) {
    let mut digits: u64 = rng.random();
    for part in text.split_inclusive('%') {
        match part.strip_suffix('%') {
            Some(part) => {
                out.push_str(part);
                out.push(char::from(b'0' + (digits % 10) as u8));
                digits /= 10;
            }
            None => out.push_str(part),
        }
    }
}
