//! The command line: the same engine without a window. Nothing here needs a display library.
//!
//! Data goes to standard output, talk to standard error.

pub mod check;
pub mod demo;
pub mod export;
pub mod generate;
mod output;
pub mod query;
pub mod record;
pub mod report;
mod session;
pub mod signals;

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

use clap::{Parser, Subcommand};

use crate::error::{Error, Report, Result};

/// Inspect ClusterCockpit's SQLite job databases: browse millions of jobs, stop any query, see
/// and bound what it does to memory.
#[derive(Debug, Parser)]
#[command(name = "jobscope", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// The database to open in the window (cc-backend's job.db), or recordings (.jsonl) to look at.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Open it as immutable: only while nobody writes to it.
    #[arg(long, requires = "files")]
    pub immutable: bool,

    /// Cluster descriptions for it: cluster.json files, folders of them, roots of job archives.
    #[arg(long, value_name = "PATH", requires = "files")]
    pub clusters: Vec<PathBuf>,

    /// What to do without a window.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the command line can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run one of the job queries.
    Query(Box<query::QueryArgs>),
    /// Run one reading statement of your own.
    Sql(query::SqlArgs),
    /// Record memory and events to a file while queries run, or another process does.
    Record(Box<record::RecordArgs>),
    /// Write jobs to a file: CSV, JSON Lines or Parquet.
    Export(Box<export::ExportArgs>),
    /// Show recordings of memory as a page, a picture or a table.
    Report(Box<report::ReportArgs>),
    /// Make a realistic database of any number of jobs.
    Generate(generate::GenerateArgs),
    /// Say what a database and this program's SQLite are.
    Check(check::CheckArgs),
    /// Live through the incident on a demo database: what heavy queries do to memory.
    Demo(demo::DemoArgs),
    /// One profile's part of the demonstration.
    #[command(hide = true)]
    DemoArm(demo::DemoArmArgs),
}

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// Everything was done.
    Done = 0,
    /// Something failed; the report is on standard error.
    Failed = 1,
    /// The command line was wrong.
    Usage = 2,
    /// A limit or Ctrl-C stopped it; the receipt says how far it came.
    Stopped = 3,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// Runs one subcommand.
pub fn run(command: &Command) -> ExitCode {
    let result = match command {
        Command::Query(args) => query::run_query(args),
        Command::Sql(args) => query::run_sql(args),
        Command::Record(args) => record::run(args),
        Command::Export(args) => export::run(args),
        Command::Report(args) => report::run(args),
        Command::Generate(args) => generate::run(args).map(|()| ExitCode::Done),
        Command::Check(args) => check::run(args),
        Command::Demo(args) => demo::run(args),
        Command::DemoArm(args) => demo::run_arm(args),
    };
    result.unwrap_or_else(|error| {
        if is_closed_pipe(&error) {
            // Whoever read the output has seen enough: `| head`, say.
            return ExitCode::Done;
        }
        say_error(&error);
        if matches!(error, Error::Invalid { .. }) {
            ExitCode::Usage
        } else if matches!(error, Error::Cancelled) {
            ExitCode::Stopped
        } else {
            ExitCode::Failed
        }
    })
}

fn is_closed_pipe(error: &Error) -> bool {
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return io.kind() == std::io::ErrorKind::BrokenPipe;
        }
        next = cause.source();
    }
    false
}

/// Prints the report on an error to standard error.
pub fn say_error(error: &Error) {
    say(&format!("jobscope: {}", Report::from(error)));
}

/// Prints a line to standard error: talk, not data.
pub fn say(text: &str) {
    use std::io::Write as _;

    // Where nobody listens any more, there is nobody to tell.
    writeln!(std::io::stderr(), "{text}").ok();
}

/// `-` is standard output, where an export can go. What is written here needs a file.
fn not_to_standard_output(path: &Path) -> Result<()> {
    if path == Path::new("-") {
        let expected = "the name of a file, not standard output";
        return Err(Error::invalid("output", "-", expected));
    }
    Ok(())
}

/// Whether a person reads standard error.
fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}
