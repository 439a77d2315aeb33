//! Writes a generated database: rows first, then indexes, then statistics.

use std::{
    path::Path,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use rusqlite::{Connection, OpenFlags};

use super::{
    ddl,
    fill::{self, JobWriter},
    options::{GenerateOptions, Indexes, Phase, Progress, Summary},
    site::Site,
    stream::JobStream,
    target::Target,
};
use crate::{
    db::status::without_stat4,
    error::{Error, Result},
    jobs::indexes::{OTHER_INDEXES, job_indexes},
};

/// Page cache, and the amount of memory that sorting for an index takes before it uses a file.
const CACHE_KIB: u32 = 64 * 1024;

/// Rows that travel together between the thread that invents them and the one that writes them.
const BATCH: usize = 256;

/// Batches that may wait: enough to keep both threads busy, few enough not to fill memory.
const BATCHES_WAITING: usize = 8;

/// How soon a stop is noticed while SQLite is busy.
const STOP_POLL: Duration = Duration::from_millis(20);

/// Writes a database as the options say.
///
/// `stop` ends it soon after it was set; nothing is left then. `progress` is called from this
/// thread, at least a hundred times for a large database.
///
/// # Errors
/// [`Error::Cancelled`] after a stop; if an option cannot be used; if a file is in the way; if
/// writing fails.
pub fn generate(
    options: &GenerateOptions,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress),
) -> Result<Summary> {
    options.check()?;
    let begin = Instant::now();
    let target = Target::claim(&options.path, options.force)?;
    write_file(target.part(), options, stop, progress).map_err(|problem| match problem {
        Problem::Stopped => Error::Cancelled,
        Problem::Other(error) => error,
        Problem::Sqlite(source) => {
            let error = Error::Generate {
                path: options.path.clone(),
                source,
            };
            if error.is_interrupt() {
                Error::Cancelled
            } else {
                error
            }
        }
    })?;
    report(progress, Phase::Finish, 0, 1);
    let bytes = target.publish()?;
    report(progress, Phase::Finish, 1, 1);
    Ok(Summary {
        bytes,
        jobs: options.jobs,
        elapsed: begin.elapsed(),
    })
}

/// Why writing ended early.
enum Problem {
    Stopped,
    Sqlite(rusqlite::Error),
    Other(Error),
}

impl From<rusqlite::Error> for Problem {
    fn from(source: rusqlite::Error) -> Self {
        Self::Sqlite(source)
    }
}

fn report(progress: &mut dyn FnMut(Progress), phase: Phase, done: u64, total: u64) {
    progress(Progress { phase, done, total });
}

fn check(stop: &AtomicBool) -> Result<(), Problem> {
    if stop.load(Ordering::Relaxed) {
        Err(Problem::Stopped)
    } else {
        Ok(())
    }
}

fn write_file(
    part: &Path,
    options: &GenerateOptions,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Problem> {
    let conn = open(part)?;
    set_temp_folder(&conn, part.parent().and_then(Path::to_str));
    let interrupt = conn.get_interrupt_handle();
    let (done, wait_for_done) = mpsc::channel::<()>();
    let outcome = thread::scope(|scope| {
        thread::Builder::new()
            .name("generate-stop".to_owned())
            .spawn_scoped(scope, move || {
                // Again and again: one interrupt may fall between two statements.
                while wait_for_done.recv_timeout(STOP_POLL) == Err(mpsc::RecvTimeoutError::Timeout)
                {
                    if stop.load(Ordering::Relaxed) {
                        interrupt.interrupt();
                    }
                }
            })
            .map_err(|source| Problem::Other(Error::other("start a thread", source)))?;
        let outcome = write_contents(&conn, options, stop, progress);
        drop(done);
        outcome
    });
    set_temp_folder(&conn, Some(""));
    outcome?;
    check(stop)?;
    conn.close().map_err(|(_, source)| Problem::Sqlite(source))
}

/// Lets sorting for large indexes use the disk that the database is on, which has room for the
/// result after all, instead of `/var/tmp`. An empty text returns to that.
///
/// See <https://sqlite.org/pragma.html#pragma_temp_store_directory>: for the whole process, but
/// other connections only notice where their temporary files are.
fn set_temp_folder(conn: &Connection, folder: Option<&str>) {
    let Some(folder) = folder else { return };
    let literal = folder.replace('\'', "''");
    // An old pragma, which a later SQLite may not have; without it, files go where they always go.
    conn.execute_batch(&format!("PRAGMA temp_store_directory = '{literal}'"))
        .ok();
}

fn write_contents(
    conn: &Connection,
    options: &GenerateOptions,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Problem> {
    for table in ddl::TABLES {
        conn.execute_batch(table)?;
    }
    conn.execute_batch(ddl::VERSION_INDEX)?;
    conn.execute(
        "INSERT INTO schema_migrations (version, dirty) VALUES (?, 0)",
        [options.schema.number()],
    )?;

    write_rows(conn, options, stop, progress)?;
    if options.indexes != Indexes::None {
        create_indexes(conn, options, stop, progress)?;
    }
    report(progress, Phase::Statistics, 0, 1);
    without_stat4(conn);
    conn.execute_batch("ANALYZE")?;
    report(progress, Phase::Statistics, 1, 1);
    check(stop)?;

    // Last, so that nothing has to go through the log.
    let mode: String = conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    debug_assert_eq!(mode, "wal");
    Ok(())
}

/// Opens the new file for fast writing. There is no journal: a failure removes the whole file.
fn open(part: &Path) -> Result<Connection, Problem> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(part, flags)?;
    conn.execute_batch(&format!(
        "PRAGMA page_size = 4096;
         PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA journal_mode = OFF;
         PRAGMA synchronous = OFF;
         PRAGMA foreign_keys = OFF;
         PRAGMA temp_store = FILE;
         PRAGMA threads = 2;
         PRAGMA cache_size = -{CACHE_KIB};"
    ))?;
    Ok(conn)
}

fn write_rows(
    conn: &Connection,
    options: &GenerateOptions,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Problem> {
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let site = Site::invent(options, &mut rng);
    report(progress, Phase::Jobs, 0, options.jobs);
    conn.execute_batch("BEGIN")?;
    fill::site(conn, &site, options, &mut rng)?;

    thread::scope(|scope| {
        let (send, receive) = mpsc::sync_channel(BATCHES_WAITING);
        let mut stream = JobStream::new(options, &site, rng);
        thread::Builder::new()
            .name("generate-jobs".to_owned())
            .spawn_scoped(scope, move || {
                loop {
                    let batch: Vec<_> = stream.by_ref().take(BATCH).collect();
                    // The writer hangs up when it has failed or was stopped.
                    if batch.is_empty() || send.send(batch).is_err() {
                        break;
                    }
                }
            })
            .map_err(|source| Problem::Other(Error::other("start a thread", source)))?;

        let mut writer = JobWriter::new(conn)?;
        let mut done = 0;
        for batch in receive {
            check(stop)?;
            for row in &batch {
                writer.write(row)?;
            }
            done += batch.len() as u64;
            report(progress, Phase::Jobs, done, options.jobs);
        }
        Ok::<_, Problem>(())
    })?;
    conn.execute_batch("COMMIT")?;
    Ok(())
}

fn create_indexes(
    conn: &Connection,
    options: &GenerateOptions,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Problem> {
    let mut indexes = job_indexes(options.schema);
    indexes.extend(OTHER_INDEXES);
    indexes.retain(|index| options.indexes.include(index.name));
    let total = indexes.len() as u64;
    for (done, index) in indexes.iter().enumerate() {
        report(progress, Phase::Indexes, done as u64, total);
        check(stop)?;
        conn.execute_batch(&index.create_sql())?;
    }
    report(progress, Phase::Indexes, total, total);
    Ok(())
}
