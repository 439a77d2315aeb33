//! `jobscope export`: jobs into a file.

mod display;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, ValueEnum};

use self::display::Display;
use super::{
    ExitCode, is_watched,
    query::{
        check,
        filter::{FilterArgs, parse_local_time},
        parse_positive_duration,
    },
    say,
    session::{Collect, Session},
};
use crate::{
    db::{connection::OpenMode, profile::MemoryProfile, value::Cell},
    engine::{
        message::{EXPORT_PAGE_CACHE, Task},
        receipt::{Outcome, Receipt},
    },
    error::{Error, Result},
    export::{self, ExportEnd, ExportSpec, Times},
    jobs::{
        catalogue::{Clock, DEFAULT_SHORT_SECS, JobQuery},
        column::JobColumn,
        export::Document,
        filter::Selection,
        sort::Sort,
    },
    units::{Bytes, format_count, format_elapsed, parse_duration, seconds, unix_now},
};

/// Counting the jobs is only worth so long: the number is for the time that is left.
const COUNT_PATIENCE: Duration = Duration::from_secs(2);

/// Write jobs to a file, in one snapshot of the database.
///
/// The file is written as FILE.part and renamed at the end; an export that is stopped leaves
/// nothing. See docs/export.md.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The database.
    database: PathBuf,
    /// The file to write; - for standard output. With --partitioned, a folder.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// How it is written; without it, as FILE's extension says.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The columns, comma-separated: stored ones, footprint.KEY, `meta_data.KEY`. Without it, all
    /// that the file stores.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,
    /// Add a column for each key of this document that the newest jobs have.
    #[arg(long, value_name = "DOCUMENT", value_enum, value_delimiter = ',')]
    expand: Vec<Expanded>,
    /// The order (`duration`, `start_time:asc`, `footprint.mem_bw_avg`); newest first without it.
    #[arg(
        long,
        value_name = "COLUMN[:asc|:desc]",
        conflicts_with = "partitioned"
    )]
    sort: Option<String>,
    /// How times are written.
    #[arg(long, value_enum, default_value_t = TimesArg::Rfc3339)]
    times: TimesArg,
    /// Write a folder of Parquet files, one for each cluster and month.
    #[arg(long)]
    partitioned: bool,
    /// Leave FILE.part, properly closed, if the export is stopped.
    #[arg(long)]
    keep_stopped: bool,
    /// Replace an existing file.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    run: RunArgs,
}

/// How to run it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run options")]
struct RunArgs {
    /// A built-in profile ("Before the fix", "First repair", "jobscope", …) or a TOML file. Its time
    /// limit does not stop an export.
    #[arg(long, default_value = "jobscope")]
    profile: String,
    /// Stop after this long (30s, 2 min).
    #[arg(long, value_parser = parse_positive_duration)]
    time_limit: Option<Duration>,
    /// Cancel after this long, as if somebody pressed Ctrl-C.
    #[arg(long, value_parser = parse_duration)]
    cancel_after: Option<Duration>,
    /// Open the file as immutable: only while nobody writes to it.
    #[arg(long)]
    immutable: bool,
    /// The present, in Unix seconds or as a time: for --last.
    #[arg(long, value_name = "TIME", value_parser = parse_local_time, allow_hyphen_values = true)]
    now: Option<i64>,
}

/// How the file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// RFC 4180, with a header.
    Csv,
    /// One JSON object in each line.
    Jsonl,
    /// Apache Parquet with typed columns.
    Parquet,
}

/// How times are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TimesArg {
    /// 2026-03-11T06:14:00Z; in Parquet a timestamp.
    Rfc3339,
    /// Unix seconds, as the file has them.
    Unix,
}

/// A document whose keys become columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Expanded {
    /// Its metrics.
    Footprint,
    /// The job's name, its script and whatever else the newest jobs have.
    #[value(name = "meta_data")]
    MetaData,
}

impl ExportArgs {
    /// The export that the options make together, without the columns that depend on the file.
    fn to_spec(&self) -> Result<ExportSpec> {
        let clock = Clock {
            now_unix_secs: self.run.now.unwrap_or_else(unix_now),
            short_secs: DEFAULT_SHORT_SECS,
        };
        let sort = self.sort.as_deref().map(str::parse::<Sort>).transpose()?;
        let columns = self.columns.iter().map(|name| name.parse::<JobColumn>());
        let expand = self.expand.iter().map(|document| match document {
            Expanded::Footprint => Document::Footprint,
            Expanded::MetaData => Document::MetaData,
        });
        Ok(ExportSpec {
            selection: Selection::new(self.filter.to_filter()?, clock),
            sort: sort.unwrap_or_default(),
            columns: columns.collect::<Result<_>>()?,
            expand: expand.collect(),
            rows: None,
            format: self.format()?,
            times: match self.times {
                TimesArg::Rfc3339 => Times::Rfc3339,
                TimesArg::Unix => Times::UnixSecs,
            },
            path: self.output.clone(),
            keep_stopped: self.keep_stopped,
            overwrite: self.force,
            time_limit: self.run.time_limit,
        })
    }

    fn format(&self) -> Result<export::Format> {
        let partitioned = self.partitioned;
        let parquet = export::Format::Parquet { partitioned };
        let given = self.format.map(|format| match format {
            Format::Csv => export::Format::Csv,
            Format::Jsonl => export::Format::Jsonl,
            Format::Parquet => parquet,
        });
        if partitioned {
            return match given {
                None => Ok(parquet),
                Some(format) if format == parquet => Ok(parquet),
                Some(other) => {
                    let expected = "parquet: only that has partitions";
                    Err(Error::invalid("--format", other.key(), expected))
                }
            };
        }
        let is_stdout = self.output == Path::new("-");
        given
            .or_else(|| is_stdout.then_some(export::Format::Csv))
            .or_else(|| export::Format::of_path(&self.output))
            .ok_or_else(|| {
                let expected = "csv, jsonl or parquet, or a FILE that ends in one of these";
                Error::invalid("--format", "", expected)
            })
    }
}

/// Runs `jobscope export`.
///
/// # Errors
/// If the output may not be written, the database cannot be opened, or reading or writing fails.
pub fn run(args: &ExportArgs) -> Result<ExitCode> {
    let mut spec = args.to_spec()?;
    spec.check_place(&args.database)?;
    // The jobs are counted first, and that should not take more memory than the export.
    let mut profile = MemoryProfile::find(&args.run.profile)?.for_reading_all(EXPORT_PAGE_CACHE);
    // One task needs one connection; the profile's others would only start threads.
    profile.connections = 1;
    let mode = if args.run.immutable {
        OpenMode::Immutable
    } else {
        OpenMode::ReadOnly
    };
    let mut session = Session::open(&args.database, mode, &profile)?;
    if spec.columns.is_empty() {
        spec.columns = ExportSpec::all_columns(session.schema());
    }
    let count = JobQuery::Count {
        selection: spec.selection.clone(),
    };
    check::values(&mut session, &count)?;
    let total = count_jobs(&mut session, &count)?;
    if total == Some(0) {
        check::matches(&mut session, &count)?;
    }
    let mut display = Display::new(is_watched(), total);
    let task = Task::Export(Box::new(spec));
    let ending = session.run(task, args.run.cancel_after, &mut display);
    let (rows, end) = display.finish();
    let ending = ending?;
    if let Some(report) = ending.report {
        return Err(Error::Reported(report));
    }
    if end.reader_left {
        return Ok(ExitCode::Done);
    }
    tell(&ending.receipt, rows, &end);
    if ending.receipt.outcome != Outcome::Finished {
        return Ok(ExitCode::Stopped);
    }
    Ok(ExitCode::Done)
}

fn tell(receipt: &Receipt, rows: u64, end: &ExportEnd) {
    let size = Bytes(end.bytes);
    let rows = format_count(rows);
    let elapsed = format_elapsed(seconds(receipt.elapsed_ms / 1e3));
    let path = end.path.as_ref().map(|path| path.display().to_string());
    if receipt.outcome == Outcome::Finished {
        let path = path.unwrap_or_else(|| "standard output".to_owned());
        let files = match end.files {
            1 => String::new(),
            files => format!(" in {} files", format_count(files)),
        };
        say(&format!("{path}: {rows} jobs, {size}{files}, in {elapsed}"));
    } else {
        say(&receipt.to_string());
        say(&path.map_or_else(
            || "nothing was left".to_owned(),
            |path| format!("{path}: the first {rows} jobs, {size}"),
        ));
    }
    match end.misfits {
        0 => {}
        1 => say("1 value did not fit its column's type and is NULL"),
        misfits => say(&format!(
            "{} values did not fit their column's type and are NULL",
            format_count(misfits)
        )),
    }
}

/// How many jobs there will be, if that can be found out quickly.
fn count_jobs(session: &mut Session, count: &JobQuery) -> Result<Option<u64>> {
    let mut rows = Collect::default();
    let task = Task::Query(count.clone());
    let ending = session.run(task, Some(COUNT_PATIENCE), &mut rows)?;
    if let Some(report) = ending.report {
        return Err(Error::Reported(report));
    }
    let number = rows.rows.first().and_then(|row| row.first());
    Ok(number
        .and_then(Cell::as_int)
        .and_then(|number| u64::try_from(number).ok()))
}
