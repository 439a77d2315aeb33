//! `jobscope record`: a recording without a window.

mod drive;
mod summary;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{
    Args, ValueEnum,
    builder::{PossibleValuesParser, RangedU64ValueParser},
};

use self::drive::Drive;
use super::{
    ExitCode, not_to_standard_output,
    query::{
        InputArgs,
        build::{self, Asked},
        check,
        filter::FilterArgs,
        limits::LimitArgs,
    },
    say,
    session::Session,
    signals,
};
use crate::{
    db::{
        build::BuildFacts,
        profile::{MAX_CONNECTIONS, MemoryProfile},
    },
    engine::{
        Engine,
        message::{Request, Task},
    },
    error::{Error, Result},
    export::belongs_to,
    jobs::catalogue::QueryInfo,
    memory::{
        process,
        recording::{RecordedDatabase, RecordingPlan},
    },
    units::parse_duration,
};

/// After the last query, without `--for`: long enough to see what memory stays.
const TAIL: Duration = Duration::from_secs(1);

/// Record memory and events to a file while queries run, or another process does.
///
/// The queries run one after the other, then the statements, the whole list --repeat times. Their
/// rows are dropped. The file is JSON Lines, appended as things happen: docs/recording.md.
#[derive(Debug, Args)]
pub struct RecordArgs {
    /// The database. Not needed to record another process alone.
    #[arg(required_unless_present = "pid")]
    database: Option<PathBuf>,
    /// A job query to run, with the options of `jobscope query`; may be given several times.
    #[arg(long = "query", value_name = "NAME", value_parser = PossibleValuesParser::new(QueryInfo::names()))]
    queries: Vec<String>,
    /// A reading statement to run; may be given several times.
    #[arg(long = "sql", value_name = "TEXT")]
    statements: Vec<String>,
    /// Another process to record. Alone, until Ctrl-C or for --for. By its number, this very process
    /// and, without --for, until it ends; by its name, its restarts, too.
    #[arg(long, value_name = "PID|NAME")]
    pid: Option<String>,
    /// What the query `search` searches for.
    #[arg(long)]
    term: Option<String>,
    /// Run the whole list so many times.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = RangedU64ValueParser::<u32>::new().range(1..))]
    repeat: u32,
    /// Run so many of each query at once, each on a connection of its own.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = RangedU64ValueParser::<usize>::new().range(1..=MAX_CONNECTIONS as u64))]
    parallel: usize,
    /// How long to go on after the last query has ended (without it, 1 s); without queries, how long
    /// to record in all.
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    go_on: Option<Duration>,
    /// Give memory back after the last query, rung by rung, and say what each returned.
    #[arg(long)]
    give_back: bool,
    /// The file to write.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Replace an existing file.
    #[arg(long)]
    force: bool,
    /// What the summary on standard output looks like.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    inputs: InputArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

/// What the summary looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns, for people.
    Table,
    /// One object: path, bytes, samples, receipts, `give_back`.
    Json,
}

/// Runs `jobscope record`.
///
/// # Errors
/// If the output may not or cannot be written, the database cannot be opened, a query fails, or the
/// process cannot be watched.
pub fn run(args: &RecordArgs) -> Result<ExitCode> {
    let tasks = args.tasks()?;
    args.check_output()?;
    let keep_available = args.limits.keep_available()?;
    let mut profile = args.limits.profile()?;
    if args.parallel > profile.connections {
        say(&format!(
            "note: connections {} → {} for --parallel {}",
            profile.connections, args.parallel, args.parallel
        ));
        profile.connections = args.parallel;
    }
    let (mut engine, database) = args.start(&profile, &tasks)?;
    engine.send(Request::SetGuard(keep_available));
    let mut drive = Drive::new(engine, tasks.len() as u64 * u64::from(args.repeat));
    if let Some(who) = &args.pid {
        drive.watch_process(who)?;
    }
    drive.record(RecordingPlan {
        path: args.output.clone(),
        build: BuildFacts::read()?,
        database,
        profile: profile.clone(),
        overwrite: args.force,
    })?;
    for task in std::iter::repeat_n(&tasks, args.repeat as usize).flatten() {
        drive.run(task, args.parallel, args.limits.cancel_after);
    }
    if args.give_back {
        drive.give_back(&profile);
    }
    let tail = args.go_on.or((!tasks.is_empty()).then_some(TAIL));
    match args.pid.as_deref().and_then(process::as_pid) {
        Some(_) if tail.is_none() => drive.linger_with_process(),
        _ => drive.linger(tail),
    }
    let ended = drive.finish()?;
    summary::print(&ended, args.format)?;
    if let Some(report) = ended.report {
        return Err(Error::Reported(report));
    }
    // Without queries and an end, Ctrl-C is the end that was asked for.
    let is_cut_short = signals::is_interrupted() && tail.is_some();
    Ok(
        if is_cut_short || !ended.tasks.iter().all(drive::EndedTask::is_finished) {
            ExitCode::Stopped
        } else {
            ExitCode::Done
        },
    )
}

impl RecordArgs {
    fn tasks(&self) -> Result<Vec<Task>> {
        let asked = Asked {
            term: self.term.as_deref(),
            filter: &self.filter,
            inputs: &self.inputs,
        };
        let queries = build::queries(&self.queries, asked)?;
        let statements = self.statements.iter().cloned().map(Task::Sql);
        let tasks: Vec<_> = queries
            .into_iter()
            .map(Task::Query)
            .chain(statements)
            .collect();
        if tasks.is_empty() && self.pid.is_none() {
            let expected = "--query NAME, --sql TEXT or --pid PID|NAME";
            return Err(Error::invalid("what to record", "", expected));
        }
        if !tasks.is_empty() && self.database.is_none() {
            let expected = "the database that the queries are for";
            return Err(Error::invalid("database", "", expected));
        }
        Ok(tasks)
    }

    fn check_output(&self) -> Result<()> {
        let path: &Path = &self.output;
        let refuse = |expected: &str| {
            let path = path.display().to_string();
            Err(Error::invalid("output", path, expected))
        };
        not_to_standard_output(path)?;
        if path.is_dir() {
            return refuse("the name of a file: a folder is there");
        }
        if (self.database.as_ref()).is_some_and(|database| belongs_to(path, database)) {
            return refuse("another file than the database and what belongs to it");
        }
        // Not `exists`, which says no to a link that leads nowhere.
        match std::fs::symlink_metadata(path) {
            Ok(_) if !self.force => {
                refuse("a name that is free, or --force to replace what is there")
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn start(
        &self,
        profile: &MemoryProfile,
        tasks: &[Task],
    ) -> Result<(Engine, Option<RecordedDatabase>)> {
        let Some(path) = &self.database else {
            signals::watch()?;
            return Ok((Engine::start(profile, || ())?, None));
        };
        let mut session = Session::open(path, self.limits.mode(), profile)?;
        for task in tasks {
            if let Task::Query(query) = task {
                check::values(&mut session, query)?;
            }
        }
        let (engine, facts) = session.into_engine();
        Ok((engine, Some(facts.as_ref().into())))
    }
}
