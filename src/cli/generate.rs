//! `jobscope generate`: writes a realistic job database to try things out with.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is the command line"
)]

use std::{
    io::{IsTerminal as _, stderr},
    path::PathBuf,
    time::Duration,
};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::signals;
use crate::{
    demo::{GenerateOptions, Indexes, Phase, Progress, SchemaVersion, Summary, generate},
    error::Result,
    units::{format_count, format_elapsed},
};

/// Write a job database with invented contents, in the shape that cc-backend writes.
///
/// The same options give the same file, byte for byte. It is written as PATH.part and renamed at
/// the end; Ctrl-C leaves nothing.
#[derive(Args, Clone, Debug)]
pub struct GenerateArgs {
    /// The file to write
    pub path: PathBuf,

    /// How many jobs; a job takes about 3.3 kB with all indexes
    #[arg(long, value_name = "N")]
    pub jobs: u64,

    /// Where the randomness starts
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,

    /// The schema: 11 as of cc-backend 1.5.1, or 10 as of 1.5.0 with its 78 indexes
    #[arg(long, value_enum, default_value_t = Schema::V11)]
    pub schema: Schema,

    /// Which indexes to create: all, none, or names with commas between them; the unique ones are
    /// always there
    #[arg(long, value_name = "WHICH", default_value = "all")]
    pub indexes: Indexes,

    /// How many of the jobs are running, all of them for less than 48 hours
    /// [default: one in 4000, from 20 to 10000, at most a tenth of all jobs]
    #[arg(long, value_name = "N")]
    pub running: Option<u64>,

    /// Whether to include what real files have wrong with them: missing values, invalid JSON,
    /// start times in the future, job ids that were used twice, …
    #[arg(long, value_enum, default_value_t = Switch::On)]
    pub dirt: Switch,

    /// The time at which the database ends, in Unix seconds
    /// [default: 00:00 UTC today, so that two runs on one day give the same file]
    #[arg(long, value_name = "UNIX")]
    pub until: Option<i64>,

    /// Replace an existing file
    #[arg(long)]
    pub force: bool,
}

/// A schema version that can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Schema {
    /// cc-backend 1.5.1 and later.
    #[value(name = "11")]
    V11,
    /// cc-backend 1.5.0.
    #[value(name = "10")]
    V10,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// With it.
    On,
    /// Without it.
    Off,
}

impl GenerateArgs {
    fn to_options(&self) -> Result<GenerateOptions> {
        let Self {
            path,
            jobs,
            seed,
            schema,
            indexes,
            running,
            dirt,
            until,
            force,
        } = self;
        let defaults = GenerateOptions::new(path, *jobs);
        let schema = match schema {
            Schema::V11 => SchemaVersion::V11,
            Schema::V10 => SchemaVersion::V10,
        };
        Ok(GenerateOptions {
            seed: *seed,
            schema,
            indexes: indexes.clone().checked(schema)?,
            running: *running,
            dirt: *dirt == Switch::On,
            until_unix_secs: until.unwrap_or(defaults.until_unix_secs),
            force: *force,
            ..defaults
        })
    }
}

/// Runs `jobscope generate`.
///
/// # Errors
/// Those of [`generate`]; [`crate::error::Error::Cancelled`] after Ctrl-C.
pub fn run(args: &GenerateArgs) -> Result<()> {
    let Summary {
        bytes,
        jobs,
        elapsed,
    } = with_progress(&args.to_options()?)?;
    println!(
        "{}: {} jobs, {bytes} in {}",
        args.path.display(),
        format_count(jobs),
        format_elapsed(elapsed)
    );
    Ok(())
}

/// Writes a database and shows how it gets on. Ctrl-C stops it and leaves nothing.
///
/// # Errors
/// Those of [`generate`]; [`crate::error::Error::Cancelled`] after Ctrl-C.
pub fn with_progress(options: &GenerateOptions) -> Result<Summary> {
    signals::watch()?;
    let mut display = Display::new(stderr().is_terminal());
    let outcome = generate(options, signals::stop_flag(), &mut |progress| {
        display.show(progress);
    });
    display.finish();
    outcome
}

/// A bar on a terminal; elsewhere, in a log file say, a line for every tenth.
enum Display {
    Bar {
        bar: ProgressBar,
        phase: Option<Phase>,
    },
    Lines {
        last: Option<(Phase, u64)>,
    },
}

impl Display {
    fn new(terminal: bool) -> Self {
        if terminal {
            Self::Bar {
                bar: ProgressBar::hidden(),
                phase: None,
            }
        } else {
            Self::Lines { last: None }
        }
    }

    fn show(&mut self, progress: Progress) {
        let Progress { phase, done, total } = progress;
        match self {
            Self::Bar { bar, phase: shown } => {
                if *shown != Some(phase) {
                    bar.finish_and_clear();
                    *bar = new_bar(phase, total);
                    *shown = Some(phase);
                }
                bar.set_position(done);
            }
            Self::Lines { last } => {
                let tenth = done * 10 / total.max(1);
                if *last != Some((phase, tenth)) {
                    *last = Some((phase, tenth));
                    eprintln!("{} {} %", name(phase), tenth * 10);
                }
            }
        }
    }

    fn finish(&self) {
        match self {
            Self::Bar { bar, .. } => bar.finish_and_clear(),
            Self::Lines { .. } => {}
        }
    }
}

fn new_bar(phase: Phase, total: u64) -> ProgressBar {
    let template = match phase {
        Phase::Jobs => "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta} left",
        Phase::Indexes => "{msg} {wide_bar} {human_pos}/{human_len} {eta} left",
        Phase::Statistics | Phase::Finish => "{msg} {spinner} {elapsed}",
    };
    let bar = ProgressBar::new(total).with_message(name(phase));
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.with_key(
            "per_sec",
            |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
                // A line that cannot be drawn is not worth ending the work for.
                write!(out, "{:.0} jobs/s", state.per_sec()).ok();
            },
        ));
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

const fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Jobs => "Jobs",
        Phase::Indexes => "Indexes",
        Phase::Statistics => "Statistics",
        Phase::Finish => "Saving",
    }
}
