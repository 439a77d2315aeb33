//! `jobscope query` and `jobscope sql`.

pub(super) mod build;
pub(super) mod check;
pub(super) mod filter;
pub(super) mod limits;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, builder::PossibleValuesParser};

use self::{
    build::Asked,
    filter::{FilterArgs, parse_local_time},
    limits::LimitArgs,
};
use super::{
    ExitCode, is_watched,
    output::{Format, Output},
    say,
    session::Session,
};
use crate::{
    engine::{message::Task, receipt::Outcome},
    error::{Error, Result},
    jobs::catalogue::QueryInfo,
    units::parse_duration,
};

/// `jobscope query DB NAME …`
#[derive(Debug, Args)]
pub struct QueryArgs {
    /// The database.
    database: PathBuf,
    /// Which query.
    #[arg(value_parser = PossibleValuesParser::new(QueryInfo::names()))]
    name: String,
    /// What to search for.
    term: Option<String>,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    inputs: InputArgs,
    #[command(flatten)]
    run: RunArgs,
}

/// What some of the queries take. A query refuses what it does not take.
#[derive(Debug, Args)]
#[command(next_help_heading = "Query options")]
pub(super) struct InputArgs {
    /// Group by user, project, cluster or subcluster.
    #[arg(long, value_name = "GROUP")]
    by: Option<String>,
    /// Order of jobs (`duration`, `start_time:asc`, `footprint.mem_bw_avg`) or of groups (`totalJobs`).
    #[arg(long, value_name = "COLUMN[:asc|:desc]")]
    sort: Option<String>,
    /// Rows in one page; 0 for all. Without it 50 jobs.
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// Go on after this page: the value of `next` of the page before.
    #[arg(long, value_name = "NEXT", allow_hyphen_values = true)]
    after: Option<String>,
    /// Which jobs are counted: all, running or short.
    #[arg(long)]
    kind: Option<String>,
    /// Width of duration bins (1m, 10m, 1h, 6h, 12h, 24h) or number of metric bins.
    #[arg(long)]
    bins: Option<String>,
    /// The metric, like `mem_used`, or its key in the footprint, like `mem_used_max`.
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
    /// Cluster descriptions (cluster.json), folders of them, or a job archive's root: for peaks and units.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    clusters: Vec<PathBuf>,
    /// Steps of over-time: hour, day or month.
    #[arg(long)]
    step: Option<String>,
    /// What each step of over-time is made of: cluster, state or project.
    #[arg(long)]
    stack: Option<String>,
    /// The id of a job's row.
    #[arg(long, allow_hyphen_values = true)]
    id: Option<i64>,
    /// The start of the job to find.
    #[arg(long, value_name = "TIME", value_parser = parse_local_time, allow_hyphen_values = true)]
    start: Option<i64>,
    /// The time for used-nodes.
    #[arg(long, value_name = "TIME", value_parser = parse_local_time, allow_hyphen_values = true)]
    at: Option<i64>,
    /// Tagged jobs that are left out: none, all, or user (tags given by people).
    #[arg(long, value_name = "WHICH")]
    omit_tagged: Option<String>,
    /// The state of nodes.
    #[arg(long)]
    node_state: Option<String>,
    /// The health of nodes.
    #[arg(long)]
    health: Option<String>,
    /// The present, in Unix seconds or as a time: running jobs have run until then.
    #[arg(long, value_name = "TIME", value_parser = parse_local_time, allow_hyphen_values = true)]
    now: Option<i64>,
    /// A job below this many seconds counts as short. Default: 300.
    #[arg(long, value_name = "SECONDS")]
    short: Option<i64>,
    /// Answer exactly as cc-backend does, with its defects.
    #[arg(long)]
    as_backend: bool,
}

/// `jobscope sql DB 'SELECT …'`
#[derive(Debug, Args)]
pub struct SqlArgs {
    /// The database.
    database: PathBuf,
    /// One reading statement.
    statement: String,
    #[command(flatten)]
    run: RunArgs,
}

/// How to run it.
#[derive(Debug, Args)]
struct RunArgs {
    #[command(flatten)]
    limits: LimitArgs,
    /// What the output looks like.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Runs `jobscope query`.
///
/// # Errors
/// If the database cannot be opened, the query fails, or the output cannot be written.
pub fn run_query(args: &QueryArgs) -> Result<ExitCode> {
    let asked = Asked {
        term: args.term.as_deref(),
        filter: &args.filter,
        inputs: &args.inputs,
    };
    let queries = build::queries(std::slice::from_ref(&args.name), asked)?;
    let Some(query) = queries.into_iter().next() else {
        return Ok(ExitCode::Done);
    };
    run(&args.database, &Task::Query(query), &args.run)
}

/// Runs `jobscope sql`.
///
/// # Errors
/// If the database cannot be opened, the statement is refused or fails, or the output cannot be
/// written.
pub fn run_sql(args: &SqlArgs) -> Result<ExitCode> {
    let task = Task::Sql(args.statement.clone());
    run(&args.database, &task, &args.run)
}

fn run(database: &Path, task: &Task, args: &RunArgs) -> Result<ExitCode> {
    let keep_available = args.limits.keep_available()?;
    let mut profile = args.limits.profile()?;
    // One task needs one connection; the profile's others would only start threads.
    profile.connections = 1;
    let mut session = Session::open(database, args.limits.mode(), &profile)?;
    session.guard(keep_available);
    if let Task::Query(query) = task {
        check::values(&mut session, query)?;
    }
    let mut output = Output::new(args.format, task, session.schema())?;
    let ending = session.run(task.clone(), args.limits.cancel_after, &mut output)?;
    let is_empty = output.is_empty();
    let differences = output.finish(&ending)?;
    let outcome = ending.receipt.outcome;
    if let Some(report) = ending.report {
        return Err(Error::Reported(report));
    }
    let has_more = ending.next.is_some();
    if args.format != Format::Json {
        for sentence in &differences {
            say(&format!("note: {sentence}"));
        }
        if is_watched() || outcome.is_stop() || has_more {
            say(&ending.receipt.to_string());
        }
        if let Some(next) = ending.next {
            say(&format!("more: --after '{next}'"));
        }
    }
    if let Some(sentence) = limits::how_to_go_on(&ending.receipt) {
        say(&sentence);
    }
    if outcome != Outcome::Finished {
        return Ok(ExitCode::Stopped);
    }
    if let Task::Query(query) = task
        && is_empty
    {
        check::matches(&mut session, query)?;
    }
    Ok(ExitCode::Done)
}

pub(super) fn parse_positive_duration(text: &str) -> Result<Duration> {
    parse_duration(text).and_then(|duration| {
        if duration.is_zero() {
            Err(Error::invalid("time limit", text, "more than nothing"))
        } else {
            Ok(duration)
        }
    })
}
