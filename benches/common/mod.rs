//! What the benchmarks share: the database, the questions about it, one task run to its end, and
//! the arithmetic.

use std::{
    fmt::Display,
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use jobscope::{
    db::{
        build::BuildFacts,
        connection::{self, OpenMode, ReadConnection},
        profile::MemoryProfile,
        value::Cell,
    },
    demo::{self, GenerateOptions},
    engine::{
        Engine,
        message::{Event, Request, Task, TaskId},
        receipt::Receipt,
    },
    error::{Error, Result},
    jobs::{
        catalogue::{Clock, DEFAULT_SHORT_SECS, JobQuery, QueryInfo},
        filter::{JobFilter, Selection, StartTime, TextField},
        page::example,
        sort::{Cursor, Sort},
        statistics::GroupBy,
    },
    memory::sample::MachineReader,
    units::{Bytes, format_count},
};

/// Reads every row of the table and adds up numbers: little work per row, so that whatever is
/// done beside it shows.
pub const LIGHT_SCAN: &str =
    "SELECT COUNT(*), SUM(num_nodes), SUM(LENGTH(meta_data)) FROM job NOT INDEXED";

/// Reads every row of the table and parses the JSON of each: much work per row.
pub const JSON_SCAN: &str = "SELECT COUNT(*), SUM(json_extract(footprint, '$.cpu_load_avg') > 1) \
     FROM job NOT INDEXED WHERE json_valid(footprint)";

/// The answer to most questions takes less; one that takes longer is stuck.
const PATIENCE: Duration = Duration::from_mins(10);

/// Between two tasks: the worker that has just reported an end needs a moment until it waits
/// again. Without it the next task would go to another connection, which opens the file first.
const BREATH: Duration = Duration::from_millis(5);

/// The first argument, or `JOBSCOPE_BENCH_DB`; otherwise a database that is generated once.
///
/// # Errors
/// If there is none and none can be generated.
pub fn database() -> Result<PathBuf> {
    // cargo itself passes `--bench`.
    let argument = std::env::args_os()
        .skip(1)
        .find(|argument| !argument.as_encoded_bytes().starts_with(b"-"));
    if let Some(path) = argument.or_else(|| std::env::var_os("JOBSCOPE_BENCH_DB")) {
        return Ok(path.into());
    }
    let jobs = number_from_env("JOBSCOPE_BENCH_JOBS", 1_000_000)?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("bench-{jobs}.db"));
    if !path.exists() {
        say(&format!(
            "generating {} with {} jobs, once",
            path.display(),
            format_count(i64::try_from(jobs).unwrap_or(i64::MAX))
        ));
        fs::create_dir_all(folder)
            .map_err(|source| Error::file("create the folder", folder, source))?;
        let never = AtomicBool::new(false);
        demo::generate(&GenerateOptions::new(&path, jobs), &never, &mut |_| ())?;
    }
    Ok(path)
}

/// A whole number from the environment.
///
/// # Errors
/// If it is set to something else.
pub fn number_from_env(name: &str, default: u64) -> Result<u64> {
    let Ok(text) = std::env::var(name) else {
        return Ok(default);
    };
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| Error::invalid(name, text, "a whole number above 0"))
}

/// Whether `JOBSCOPE_BENCH_ONLY` is part of this name, or not set.
pub fn is_wanted(name: &str) -> bool {
    std::env::var("JOBSCOPE_BENCH_ONLY").is_ok_and(|part| name.contains(&part))
        || std::env::var_os("JOBSCOPE_BENCH_ONLY").is_none()
}

/// The profile "jobscope", or the name or TOML file in `JOBSCOPE_BENCH_PROFILE`.
///
/// # Errors
/// If there is none of this name.
pub fn profile() -> Result<MemoryProfile> {
    let name = std::env::var("JOBSCOPE_BENCH_PROFILE").unwrap_or_else(|_| "jobscope".to_owned());
    MemoryProfile::find(&name)
}

/// Reads the whole file once, so that no measurement waits for the disk.
///
/// # Errors
/// If it cannot be read.
pub fn warm_up(path: &Path) -> Result<()> {
    let failed = |source| Error::file("read the database", path, source);
    let mut file = fs::File::open(path).map_err(failed)?;
    std::io::copy(&mut file, &mut std::io::sink()).map_err(failed)?;
    Ok(())
}

/// What a database holds, as far as the questions need to know.
pub struct Contents {
    /// The file.
    pub path: PathBuf,
    /// All jobs in it.
    pub jobs: i64,
    /// Start of the oldest and the newest job that has ended, in Unix seconds.
    pub start_times: (i64, i64),
    /// The user with the most jobs.
    user: String,
    /// The cluster with the most jobs.
    cluster: String,
    /// The newest finished job that shared its node.
    shared_job: i64,
}

impl Contents {
    /// Looks into the file.
    ///
    /// # Errors
    /// If it is no job database.
    pub fn read(path: &Path) -> Result<Self> {
        let conn = connection::open(path, OpenMode::ReadOnly)?;
        let most = |column: &str| -> Result<String> {
            let sql = format!(
                "SELECT {column} FROM job GROUP BY {column} ORDER BY COUNT(*) DESC LIMIT 1"
            );
            ask(&conn, &sql, |row| row.get(0))
        };
        Ok(Self {
            path: path.to_owned(),
            jobs: ask(&conn, "SELECT COUNT(*) FROM job", |row| row.get(0))?,
            start_times: ask(
                &conn,
                // Some start times of a generated database lie in the future, as in real ones.
                "SELECT MIN(start_time), MAX(start_time) FROM job WHERE job_state = 'completed'",
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?,
            user: most("hpc_user")?,
            cluster: most("cluster")?,
            shared_job: ask(
                &conn,
                "SELECT COALESCE(MAX(id), 0) FROM job WHERE shared = 'multi_user' AND duration > 600",
                |row| row.get(0),
            )?,
        })
    }

    /// A place in the list: `fraction` of the way from the newest job to the oldest.
    pub fn place(&self, fraction: f64) -> Cursor {
        let (oldest, newest) = self.start_times;
        Cursor {
            key: Cell::Int(newest - ((newest - oldest) as f64 * fraction) as i64),
            id: i64::MAX,
        }
    }

    /// Every kind of job query, with and without conditions.
    pub fn questions(&self) -> Vec<(String, Task)> {
        let (_, newest) = self.start_times;
        let all = JobFilter::default();
        let of_user = all.clone().with_text(TextField::User, &self.user);
        let of_cluster = all.clone().with_text(TextField::Cluster, &self.cluster);
        let of_month = of_cluster.clone().with_start(StartTime::Between {
            from: Some(newest - 30 * 86_400),
            to: Some(newest),
        });
        let of_states = of_cluster.with_states(["failed", "timeout"]);
        // One present for both sides: the engine's and the bare loop's text must be the same.
        let clock = Clock {
            now_unix_secs: newest,
            short_secs: DEFAULT_SHORT_SECS,
        };
        let of = |filter: &JobFilter| Selection::new(filter.clone(), clock);
        let jobs = |filter: &JobFilter, after, limit| JobQuery::Jobs {
            selection: of(filter),
            sort: Sort::default(),
            after,
            limit: Some(limit),
        };
        let count = |filter: &JobFilter| JobQuery::Count {
            selection: of(filter),
        };
        let statistics = |filter: &JobFilter| JobQuery::Statistics {
            selection: of(filter),
        };
        let grouped = |filter: &JobFilter, by| JobQuery::StatisticsGrouped {
            selection: of(filter),
            by,
            sort: None,
        };
        let mut questions = vec![
            ("50 jobs, newest", jobs(&all, None, 50)),
            ("200 jobs, halfway", jobs(&all, Some(self.place(0.5)), 200)),
            ("50 jobs of one user", jobs(&of_user, None, 50)),
            ("50 jobs of cluster and states", jobs(&of_states, None, 50)),
            ("5 000 jobs of one user", jobs(&of_user, None, 5000)),
            ("one job", JobQuery::Job { id: self.jobs / 2 }),
            (
                "values of hpc_user",
                JobQuery::Values {
                    column: "hpc_user",
                    within: None,
                },
            ),
            ("count", count(&all)),
            ("count of cluster and month", count(&of_month)),
            ("count of cluster and states", count(&of_states)),
            ("statistics", statistics(&all)),
            ("statistics of cluster and month", statistics(&of_month)),
            ("statistics of cluster and states", statistics(&of_states)),
        ];
        questions.extend([
            ("statistics by user", grouped(&all, GroupBy::User)),
            ("statistics by project", grouped(&all, GroupBy::Project)),
            ("statistics by cluster", grouped(&all, GroupBy::Cluster)),
            (
                "statistics by subcluster",
                grouped(&all, GroupBy::Subcluster),
            ),
            (
                "statistics by user, cluster and month",
                grouped(&of_month, GroupBy::User),
            ),
        ]);
        questions
            .into_iter()
            .map(|(name, query)| (name.to_owned(), Task::Query(query)))
            .chain(self.of_the_catalogue())
            .collect()
    }

    /// The queries of the catalogue that are not among the others.
    fn of_the_catalogue(&self) -> Vec<(String, Task)> {
        let asked = ["jobs", "count", "statistics", "statistics-grouped", "job"];
        QueryInfo::names()
            .filter(|name| !asked.contains(name))
            .filter_map(example)
            .map(|query| {
                (
                    query.name().to_owned(),
                    Task::Query(self.about_this_file(query)),
                )
            })
            .collect()
    }

    /// The same question about something that the file has.
    fn about_this_file(&self, mut query: JobQuery) -> JobQuery {
        let (_, newest) = self.start_times;
        if let JobQuery::Running { cluster }
        | JobQuery::Partitions { cluster }
        | JobQuery::AllocatedNodes { cluster } = &mut query
        {
            cluster.clone_from(&self.cluster);
        }
        if let JobQuery::Between {
            from_unix_secs,
            to_unix_secs,
            ..
        } = &mut query
        {
            (*from_unix_secs, *to_unix_secs) = (newest - 86_400, newest);
        }
        if let JobQuery::Concurrent { id, now_unix_secs } = &mut query {
            (*id, *now_unix_secs) = (self.shared_job, newest);
        }
        if let JobQuery::UsedNodes { at_unix_secs } = &mut query {
            *at_unix_secs = newest;
        }
        query
    }
}

/// Asks something that has exactly one row as its answer.
fn ask<T>(
    conn: &ReadConnection,
    sql: &str,
    read: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<T> {
    conn.query_row(sql, [], read)
        .map_err(|source| Error::Query {
            sql: sql.to_owned(),
            source,
        })
}

/// An engine with an open database, seen from the thread that asks.
pub struct Asking {
    /// The engine.
    pub engine: Engine,
    last_id: u64,
}

/// What a task looked like from the thread that asked for it.
pub struct Answer {
    #[expect(clippy::allow_attributes, reason = "unused in one benchmark only")]
    #[allow(
        dead_code,
        reason = "what follows a query is not each benchmark's subject"
    )]
    /// From asking, or from the wish to stop it, to the news of its end: with everything that the
    /// profile does after a query.
    pub told_after_ms: f64,
    /// What the engine says about it.
    pub receipt: Receipt,
}

impl Asking {
    /// Starts an engine and opens the database.
    ///
    /// # Errors
    /// If the engine cannot be started or the file cannot be opened.
    pub fn open(path: &Path, profile: &MemoryProfile) -> Result<Self> {
        let mut engine = Engine::start(profile, || ())?;
        engine.send(Request::Open {
            path: path.to_owned(),
            mode: OpenMode::ReadOnly,
        });
        loop {
            if let Some(answer) = next_event(&mut engine)?.answer_to_open() {
                answer.map_err(Error::Reported)?;
                return Ok(Self { engine, last_id: 0 });
            }
        }
    }

    /// Asks for a task. When that was comes back, too.
    pub fn ask(&mut self, task: Task) -> (TaskId, Instant) {
        std::thread::sleep(BREATH);
        self.last_id += 1;
        let id = TaskId(self.last_id);
        let asked = Instant::now();
        self.engine.send(Request::Run(id, task));
        (id, asked)
    }

    /// Runs a task to its end, or cancels it this long after asking for it.
    ///
    /// # Errors
    /// If the task fails.
    pub fn run(&mut self, task: Task, cancel_after: Option<Duration>) -> Result<Answer> {
        let (id, mut begun) = self.ask(task);
        if let Some(after) = cancel_after {
            wait_until(begun + after);
            begun = Instant::now();
            self.engine.send(Request::Cancel(id));
        }
        loop {
            if let Event::Ended {
                receipt, report, ..
            } = next_event(&mut self.engine)?
            {
                return match report {
                    Some(report) => Err(Error::Reported(report)),
                    None => Ok(Answer {
                        told_after_ms: millis(begun),
                        receipt: *receipt,
                    }),
                };
            }
        }
    }
}

/// The next piece of news.
///
/// # Errors
/// If none comes for very long.
pub fn next_event(engine: &mut Engine) -> Result<Event> {
    engine
        .wait(PATIENCE)
        .map(|news| news.event)
        .ok_or_else(|| Error::other("wait for the engine", "nothing came for ten minutes"))
}

/// Sleeps as long as that is exact enough, then spins: a cancel must hit the moment it is meant for.
fn wait_until(moment: Instant) {
    const SPIN: Duration = Duration::from_millis(1);
    loop {
        let left = moment.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        match left.checked_sub(SPIN) {
            Some(long) if !long.is_zero() => std::thread::sleep(long),
            _ => std::hint::spin_loop(),
        }
    }
}

/// Milliseconds since then.
pub fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// The value that this fraction of all values does not exceed (nearest rank).
pub fn percentile(values: &[f64], fraction: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() as f64 * fraction).ceil() as usize;
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or(f64::NAN)
}

/// The middle one; of an even number of values the lower of both in the middle.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// Milliseconds with three significant figures, which is more than they deserve.
pub fn in_ms(ms: f64) -> String {
    match ms {
        x if x.is_nan() => "–".to_owned(),
        x if x < 9.995 => format!("{x:.2} ms"),
        x if x < 99.95 => format!("{x:.1} ms"),
        x => format!("{x:.0} ms"),
    }
}

/// What a reader must know to compare: the machine, SQLite, the database, the settings.
pub fn heading(title: &str, contents: &Contents, profile: &MemoryProfile) -> Result<String> {
    let size = fs::metadata(&contents.path)
        .map_err(|source| Error::file("look at the database", &contents.path, source))?
        .len();
    let total = MachineReader::default()
        .total()
        .map_or_else(|| "unknown memory".to_owned(), |total| total.to_string());
    let load = first_words("/proc/loadavg", 1).unwrap_or_else(|| "unknown".to_owned());
    Ok(format!(
        "# {title}\n\n\
         - Machine: {} cores ({}), {total}, {}; load before: {load}\n\
         - {}\n\
         - Database: {} jobs, {}; profile \"{}\", cache_size {}\n",
        std::thread::available_parallelism().map_or(0, usize::from),
        processor().unwrap_or_else(|| "unknown".to_owned()),
        first_words("/proc/version", 3).unwrap_or_else(|| std::env::consts::OS.to_owned()),
        BuildFacts::read()?.summary(),
        format_count(contents.jobs),
        Bytes(size),
        profile.name,
        profile.cache_size,
    ))
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn first_words(path: &str, count: usize) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let words: Vec<_> = text.split_whitespace().take(count).collect();
    Some(words.join(" "))
}

/// One row of a table in Markdown.
pub fn row<T: Display>(cells: impl IntoIterator<Item = T>) -> String {
    let cells: Vec<_> = cells.into_iter().map(|cell| cell.to_string()).collect();
    format!("| {} |", cells.join(" | "))
}

/// The first two lines of a table: titles, and all but the first column right-aligned.
pub fn table_head(titles: &[&str]) -> String {
    let rules = titles
        .iter()
        .enumerate()
        .map(|(column, _)| if column == 0 { "---" } else { "---:" });
    format!("{}\n{}", row(titles), row(rules))
}

/// Prints a line to standard error: progress, not results.
#[expect(clippy::print_stderr, reason = "results alone go to standard output")]
pub fn say(text: &str) {
    eprintln!("{text}");
}
