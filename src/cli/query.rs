//! `jobscope query` and `jobscope sql`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;

use super::{
    ExitCode, is_watched,
    output::{Format, Output},
    say,
    session::Session,
};
use crate::{
    db::{connection::OpenMode, profile::MemoryProfile},
    engine::{message::Task, receipt::Outcome},
    error::{Error, Result},
    jobs::{
        catalogue::{Clock, DEFAULT_SHORT_SECS, JobQuery},
        filter::{JobFilter, Sql},
        list::Cursor,
        statistics::GroupBy,
    },
    units::{Bytes, parse_duration, parse_time, unix_now},
};

/// The named job queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QueryName {
    /// The 21 columns of cc-backend's job list, newest first.
    Jobs,
    /// How many jobs match.
    Count,
    /// Totals over all matching jobs.
    Statistics,
    /// Totals of each user, project, cluster or subcluster (--by).
    StatisticsGrouped,
}

/// `jobscope query DB NAME …`
#[derive(Debug, Args)]
pub struct QueryArgs {
    /// The database.
    database: PathBuf,
    /// Which query.
    #[arg(value_enum)]
    name: QueryName,
    #[command(flatten)]
    filter: FilterArgs,
    /// Group statistics-grouped by this.
    #[arg(long, value_parser = parse_group, default_value = "user")]
    by: GroupBy,
    /// Jobs in one batch.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Go on after this batch: the value of `next` of the batch before.
    #[arg(long, value_parser = parse_cursor, allow_hyphen_values = true)]
    after: Option<Cursor>,
    /// The present, in Unix seconds or as a time: running jobs have run until then.
    #[arg(long, value_parser = parse_local_time, allow_hyphen_values = true)]
    now: Option<i64>,
    /// A job below this many seconds counts as short.
    #[arg(long, default_value_t = DEFAULT_SHORT_SECS)]
    short: i64,
    #[command(flatten)]
    run: RunArgs,
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

/// Which jobs.
#[derive(Debug, Args)]
struct FilterArgs {
    /// Exactly this cluster.
    #[arg(long)]
    cluster: Option<String>,
    /// Exactly this account name.
    #[arg(long)]
    user: Option<String>,
    /// Exactly this project.
    #[arg(long)]
    project: Option<String>,
    /// This state; may be given several times.
    #[arg(long)]
    state: Vec<String>,
    /// Started at this time or later: Unix seconds, 2026-03-11, "2026-03-11 06:14", RFC 3339.
    #[arg(long, value_parser = parse_local_time, allow_hyphen_values = true)]
    from: Option<i64>,
    /// Started at this time or earlier.
    #[arg(long, value_parser = parse_local_time, allow_hyphen_values = true)]
    to: Option<i64>,
}

/// How to run it.
#[derive(Debug, Args)]
struct RunArgs {
    /// A built-in profile ("Before the fix", "First repair", "jobscope", …) or a TOML file.
    #[arg(long, default_value = "jobscope")]
    profile: String,
    /// Stop after this long (30s, 2 min), whatever the profile says.
    #[arg(long, value_parser = parse_positive_duration)]
    time_limit: Option<Duration>,
    /// Stop when the SQLite heap has grown by this much (512 MiB), whatever the profile says.
    #[arg(long, value_parser = Bytes::parse)]
    memory_budget: Option<Bytes>,
    /// Cancel after this long, as if somebody pressed Ctrl-C.
    #[arg(long, value_parser = parse_duration)]
    cancel_after: Option<Duration>,
    /// Open the file as immutable: only while nobody writes to it.
    #[arg(long)]
    immutable: bool,
    /// What the output looks like.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Runs `jobscope query`.
///
/// # Errors
/// If the database cannot be opened, the query fails, or the output cannot be written.
pub fn run_query(args: &QueryArgs) -> Result<ExitCode> {
    let filter = args.filter.to_filter()?;
    let clock = Clock {
        now_unix_secs: args.now.unwrap_or_else(unix_now),
        short_secs: args.short,
    };
    let query = match args.name {
        QueryName::Jobs => JobQuery::Jobs {
            filter,
            after: args.after,
            limit: args.limit,
        },
        QueryName::Count => JobQuery::Count { filter },
        QueryName::Statistics => JobQuery::Statistics { filter, clock },
        QueryName::StatisticsGrouped => JobQuery::StatisticsGrouped {
            filter,
            by: args.by,
            clock,
        },
    };
    let sql = query.sql();
    run(&args.database, Task::Query(query), sql, &args.run)
}

/// Runs `jobscope sql`.
///
/// # Errors
/// If the database cannot be opened, the statement is refused or fails, or the output cannot be
/// written.
pub fn run_sql(args: &SqlArgs) -> Result<ExitCode> {
    let sql = Sql {
        text: args.statement.clone(),
        params: Vec::new(),
    };
    let task = Task::Sql(args.statement.clone());
    run(&args.database, task, sql, &args.run)
}

fn run(database: &std::path::Path, task: Task, sql: Sql, args: &RunArgs) -> Result<ExitCode> {
    let mut profile = MemoryProfile::find(&args.profile)?;
    profile.time_limit = args.time_limit.or(profile.time_limit);
    profile.memory_budget = args.memory_budget.or(profile.memory_budget);
    // One task needs one connection; the profile's others would only start threads.
    profile.connections = 1;
    let mode = if args.immutable {
        OpenMode::Immutable
    } else {
        OpenMode::ReadOnly
    };
    let mut session = Session::open(database, mode, &profile)?;
    let mut output = Output::new(args.format, task.name(), sql);
    let ending = session.run(task, args.cancel_after, &mut output)?;
    output.finish(&ending)?;
    let outcome = ending.receipt.outcome;
    if let Some(report) = ending.report {
        return Err(Error::Reported(report));
    }
    let has_more = ending.next.is_some();
    if args.format != Format::Json && (is_watched() || outcome.is_stop() || has_more) {
        say(&ending.receipt.to_string());
        if let Some(next) = ending.next {
            say(&format!("more jobs: --after {next}"));
        }
    }
    Ok(if outcome == Outcome::Finished {
        ExitCode::Done
    } else {
        ExitCode::Stopped
    })
}

impl FilterArgs {
    fn to_filter(&self) -> Result<JobFilter> {
        let Self {
            cluster,
            user,
            project,
            state,
            from,
            to,
        } = self;
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            let expected = format!("a time before --to, which is {to} in Unix seconds");
            return Err(Error::invalid("--from", from.to_string(), expected));
        }
        Ok(JobFilter {
            cluster: cluster.clone(),
            user: user.clone(),
            project: project.clone(),
            states: state.clone(),
            from_unix_secs: *from,
            to_unix_secs: *to,
        })
    }
}

fn parse_group(text: &str) -> Result<GroupBy, String> {
    GroupBy::ALL
        .into_iter()
        .find(|by| by.to_string() == text)
        .ok_or_else(|| "expected user, project, cluster or subcluster".to_owned())
}

fn parse_cursor(text: &str) -> Result<Cursor> {
    text.parse()
}

fn parse_local_time(text: &str) -> Result<i64> {
    parse_time(text, &TimeZone::system())
}

fn parse_positive_duration(text: &str) -> Result<Duration> {
    parse_duration(text).and_then(|duration| {
        if duration.is_zero() {
            Err(Error::invalid("time limit", text, "more than nothing"))
        } else {
            Ok(duration)
        }
    })
}
