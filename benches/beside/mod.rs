//! What runs beside the engine: a bare loop around `sqlite3_step` in a process of its own, and
//! the sqlite3 shell.
//!
//! The bare loop has a process of its own so that nothing of the engine is in it: no sampler, no
//! worker threads, no progress handler, and page caches and counters of its own.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Instant,
};

use jobscope::{
    db::{
        connection::{self, OpenMode, ReadConnection},
        profile::{AfterQuery, MemoryProfile},
        status,
        value::Cell,
    },
    engine::message::Task,
    error::{Error, Result},
    jobs::{schema::Schema, sql::Sql},
};

use crate::common::millis;

/// Set in the process that runs the bare loop, to the name of what follows each query.
const ROLE: &str = "JOBSCOPE_BENCH_BARE";

/// One run of the bare loop.
#[derive(Clone, Copy)]
pub struct BareRun {
    /// From before it was prepared until it was finalized.
    pub elapsed_ms: f64,
    /// Processor time of the whole process meanwhile.
    pub cpu_ms: f64,
    /// Rows that came.
    pub rows: u64,
}

/// The process with the bare loop, waiting for the number of a task.
pub struct BareLoop {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl BareLoop {
    /// Starts this program again, as the bare loop on this database.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(path: &Path, profile: &MemoryProfile) -> Result<Self> {
        let failed = |source| Error::file("start the bare loop on", path, source);
        let mut child = std::env::current_exe()
            .and_then(|program| {
                Command::new(program)
                    .arg(path)
                    .env(ROLE, profile.after_query.label())
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn()
            })
            .map_err(failed)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::other("talk to the bare loop", "it has no pipes"));
        };
        Ok(Self {
            child,
            input,
            output: BufReader::new(output),
        })
    }

    /// Runs the task with this number once.
    ///
    /// # Errors
    /// If the process does not answer.
    pub fn run(&mut self, number: usize) -> Result<BareRun> {
        let failed = |source| Error::other("talk to the bare loop", source);
        let mut line = String::new();
        writeln!(self.input, "{number}")
            .and_then(|()| self.output.read_line(&mut line))
            .map_err(failed)?;
        let parsed = || {
            let mut words = line.split_whitespace();
            Some(BareRun {
                elapsed_ms: words.next()?.parse().ok()?,
                cpu_ms: words.next()?.parse().ok()?,
                rows: words.next()?.parse().ok()?,
            })
        };
        parsed().ok_or_else(|| Error::other("understand the bare loop", line.clone()))
    }
}

impl Drop for BareLoop {
    fn drop(&mut self) {
        // It only reads; nothing is lost if it is ended before it notices the closed pipe.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Whether this process is the bare loop.
pub fn is_bare_loop() -> bool {
    std::env::var_os(ROLE).is_some()
}

/// The life of the bare loop: reads the number of a task, runs it, writes what it took.
///
/// On a thread, as every program with a window has it: with a single thread the C library takes
/// no locks and uses another heap, which would be compared instead.
///
/// # Errors
/// If the database cannot be opened or a statement fails.
pub fn serve(path: &Path, profile: MemoryProfile, tasks: &[Task]) -> Result<()> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("bare-loop".to_owned())
            .spawn_scoped(scope, || answer(path, profile, tasks))
            .map_err(|source| Error::other("start a thread for the bare loop", source))?
            .join()
            .unwrap_or_else(|_panic| Err(Error::other("run the bare loop", "it panicked")))
    })
}

fn answer(path: &Path, mut profile: MemoryProfile, tasks: &[Task]) -> Result<()> {
    let wanted = std::env::var(ROLE).unwrap_or_default();
    profile.after_query = AfterQuery::ALL
        .into_iter()
        .find(|action| action.label() == wanted)
        .ok_or_else(|| Error::invalid(ROLE, wanted, "what follows each query"))?;
    let conn = connection::open(path, OpenMode::ReadOnly)?;
    profile.apply_to_process();
    profile.apply_to_connection(&conn, 0)?;
    for line in std::io::stdin().lines() {
        let line = line.map_err(|source| Error::other("read the number of a task", source))?;
        let task = line
            .parse()
            .ok()
            .and_then(|number: usize| tasks.get(number));
        let task = task.ok_or_else(|| Error::invalid("number of a task", &line, "a known one"))?;
        let BareRun {
            elapsed_ms,
            cpu_ms,
            rows,
        } = bare_run(&conn, task)?;
        // What the profile does after a query is not part of the query, on either side.
        if profile.after_query != AfterQuery::Nothing {
            conn.release_memory()
                .map_err(|source| Error::other("empty the page cache", source))?;
        }
        if profile.after_query == AfterQuery::ShrinkAndTrim {
            status::trim_allocator();
        }
        writeln!(std::io::stdout(), "{elapsed_ms} {cpu_ms} {rows}")
            .map_err(|source| Error::other("answer", source))?;
    }
    Ok(())
}

fn bare_run(conn: &ReadConnection, task: &Task) -> Result<BareRun> {
    let schema = Schema::probe(conn).map_err(|source| Error::other("read the schema", source))?;
    let Sql { text, params } = sql_of(task, &schema)?;
    let cpu_before = cpu_ms();
    let started = Instant::now();
    let stepped = || -> rusqlite::Result<u64> {
        let mut statement = conn.prepare(&text)?;
        let mut rows = statement.query(rusqlite::params_from_iter(params.iter()))?;
        let mut count = 0;
        while rows.next()?.is_some() {
            count += 1;
        }
        Ok(count)
    };
    let rows = stepped().map_err(|source| Error::Query {
        sql: text.clone(),
        source,
    })?;
    Ok(BareRun {
        elapsed_ms: millis(started),
        cpu_ms: cpu_ms() - cpu_before,
        rows,
    })
}

/// The statement of a task with its values.
fn sql_of(task: &Task, schema: &Schema) -> Result<Sql> {
    match task {
        Task::Query(query) => query.sql(schema),
        Task::Sql(text) => Ok(Sql::text(text)),
        Task::List(query) => query.sql(schema),
        Task::Export(_) | Task::Orders(_) => {
            Err(Error::other("time this task", "it is no single query"))
        }
    }
}

/// Processor time that all threads of this process have used, in milliseconds. Other programs on
/// the machine disturb it far less than they disturb the time on the wall.
///
/// Zero where the system has no `/proc/self/task/*/schedstat`.
pub fn cpu_ms() -> f64 {
    let Ok(threads) = fs::read_dir("/proc/self/task") else {
        return 0.0;
    };
    threads
        .filter_map(|thread| {
            let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<f64>().ok()
        })
        .sum::<f64>()
        / 1e6
}

/// The version of the sqlite3 shell. `None` if there is none.
pub fn shell_version() -> Option<String> {
    let output = Command::new("sqlite3").arg("-version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().next().map(ToOwned::to_owned)
}

/// What the sqlite3 shell takes for a task with the same settings, as its `.timer` says.
///
/// # Errors
/// If it cannot be started or does not answer with a time.
pub fn shell_run(path: &Path, profile: &MemoryProfile, task: &Task) -> Result<f64> {
    let failed = |source| Error::other("run the sqlite3 shell", source);
    let mut child = Command::new("sqlite3")
        .args(["-readonly", "-batch", "-init", "/dev/null"])
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut input) = child.stdin.take() {
        input
            .write_all(shell_script(profile, task)?.as_bytes())
            .map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let secs = text.lines().rev().find_map(|line| {
        let (_, times) = line.split_once("Run Time: real ")?;
        times.split_whitespace().next()?.parse::<f64>().ok()
    });
    secs.map(|secs| secs * 1e3)
        .ok_or_else(|| Error::other("find the time in what sqlite3 says", text.into_owned()))
}

fn shell_script(profile: &MemoryProfile, task: &Task) -> Result<String> {
    // Generated databases are of this schema.
    let Sql { text, params } = sql_of(task, &Schema::version_11())?;
    let settings = format!(
        "PRAGMA cache_size = {};\nPRAGMA temp_store = {};\nPRAGMA mmap_size = {};\n\
         SELECT COUNT(*) FROM sqlite_master;\n.parameter init",
        profile.cache_size.to_pragma(),
        profile.temp_store.to_pragma(0),
        profile.mmap_size.0,
    );
    let values = params.iter().enumerate().map(|(index, value)| {
        format!(
            "INSERT INTO temp.sqlite_parameters(key, value) VALUES ('?{}', {});",
            index + 1,
            literal(value)
        )
    });
    let lines: Vec<_> = std::iter::once(settings)
        .chain(values)
        .chain([".timer on".to_owned(), text + ";\n"])
        .collect();
    Ok(lines.join("\n"))
}

/// A value as SQL. Job queries bind numbers and text only.
fn literal(value: &Cell) -> String {
    match value {
        Cell::Null => "NULL".to_owned(),
        Cell::Int(_) | Cell::Real(_) => value.display(),
        Cell::Text(_) | Cell::Blob(_) => format!("'{}'", value.display().replace('\'', "''")),
    }
}
