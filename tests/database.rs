//! Opening: what it leaves behind, what it does beside a writer, and what it refuses and how.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test looks for one event and fails without it"
)]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::SystemTime,
};

use jobscope::{
    db::{
        connection::{self, OpenMode, ReadConnection},
        profile::MemoryProfile,
        value::Cell,
    },
    engine::{
        message::{Event, Request, Task},
        receipt::Outcome,
    },
    error::{Error, Report},
    jobs::{
        catalogue::{Clock, JobQuery},
        facts::DatabaseFacts,
        filter::{JobFilter, Selection},
        sort::Sort,
        statistics::GroupBy,
    },
};

use common::{
    engine::TestEngine,
    jobdb::{self, JobDb, NOW, SECRET},
};

fn open(path: &Path) -> ReadConnection {
    connection::open(path, OpenMode::ReadOnly).expect("a database")
}

fn count(conn: &ReadConnection) -> i64 {
    conn.query_row("SELECT COUNT(*) FROM job", [], |row| row.get(0))
        .expect("a count")
}

/// The four questions that the window asks, and more.
fn all_queries() -> Vec<Task> {
    let clock = Clock {
        now_unix_secs: NOW,
        short_secs: 300,
    };
    let selection = Selection::new(JobFilter::default(), clock);
    [
        JobQuery::Jobs {
            selection: selection.clone(),
            sort: Sort::default(),
            after: None,
            limit: Some(50),
        },
        JobQuery::Count {
            selection: selection.clone(),
        },
        JobQuery::Statistics {
            selection: selection.clone(),
        },
        JobQuery::StatisticsGrouped {
            selection,
            by: GroupBy::User,
            sort: None,
        },
        JobQuery::Job { id: 3 },
    ]
    .into_iter()
    .map(Task::Query)
    .chain(std::iter::once(Task::Sql("SELECT * FROM job".to_owned())))
    .collect()
}

/// Everything in a folder: bytes and time of the last change.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let changed = fs::metadata(&path)
                .and_then(|metadata| metadata.modified())
                .expect("a time");
            (path.clone(), (fs::read(&path).expect("bytes"), changed))
        })
        .collect()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            let name = entry.expect("an entry").file_name();
            name.to_string_lossy().into_owned()
        })
        .collect();
    names.sort();
    names
}

fn with_rollback_journal(rows: u32) -> JobDb {
    let db = JobDb::with_rows(rows);
    db.writer()
        .execute_batch("PRAGMA journal_mode = DELETE")
        .expect("no log any more");
    db
}

#[test]
fn looking_at_a_database_changes_no_byte_and_leaves_no_file() {
    for db in [JobDb::with_rows(200), with_rollback_journal(200)] {
        let before = snapshot(db.folder());
        assert_eq!(before.len(), 1, "{:?}", before.keys());

        let first = open(&db.path);
        let second = open(&db.path);
        assert_eq!((count(&first), count(&second)), (200, 200));
        DatabaseFacts::read(&first, &db.path, OpenMode::ReadOnly).expect("facts");
        drop(first);
        assert_eq!(count(&second), 200, "the other connection goes on");
        drop(second);

        assert!(snapshot(db.folder()) == before, "{:?}", names(db.folder()));
    }
}

#[test]
fn a_whole_session_of_the_engine_leaves_no_trace_either() {
    for db in [JobDb::with_rows(200), with_rollback_journal(200)] {
        let before = snapshot(db.folder());
        let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
        let ids: Vec<_> = all_queries()
            .into_iter()
            .map(|task| engine.submit(task))
            .collect();
        for id in ids {
            assert_eq!(engine.end_of(id).receipt.outcome, Outcome::Finished);
        }
        engine.run_sql("SELECT * FROM pragma_optimize");
        engine.run_sql("SELECT * FROM pragma_integrity_check");
        drop(engine);
        assert!(snapshot(db.folder()) == before, "{:?}", names(db.folder()));
    }
}

#[test]
fn another_database_leaves_the_first_folder_as_it_was() {
    let (first, second) = (JobDb::with_rows(20), JobDb::with_rows(30));
    let before = snapshot(first.folder());
    let mut engine = TestEngine::on(&first.path, &MemoryProfile::jobscope());
    engine.run_sql("SELECT COUNT(*) FROM job");
    engine.open(&second.path).expect("the second");
    engine.wait_for("the first to be closed", |event| {
        matches!(event, Event::ConnectionClosed { .. }).then_some(())
    });
    assert!(
        snapshot(first.folder()) == before,
        "{:?}",
        names(first.folder())
    );
}

#[test]
fn a_live_writer_is_seen_and_not_disturbed() {
    let db = JobDb::with_rows(10);
    let writer = db.writer();
    let add = "INSERT INTO job SELECT id + 1, job_id, cluster, subcluster, 0, start_time + 1, hpc_user, \
               project, NULL, 0, 1, 1, 'completed', NULL, '[]', 1, 1, 0, 0, 'none', 1, 0.0, NULL, NULL \
               FROM job ORDER BY id DESC LIMIT 1";
    writer.execute(add, []).expect("one more");
    let conn = open(&db.path);
    assert_eq!(count(&conn), 11, "what is only in the log counts, too");
    writer.execute(add, []).expect("one more");
    assert_eq!(count(&conn), 12);
    drop(conn);

    assert_eq!(
        names(db.folder()),
        ["job.db", "job.db-shm", "job.db-wal"],
        "the writer's files are the writer's"
    );
    writer.execute(add, []).expect("the writer goes on");
    assert_eq!(count(&open(&db.path)), 13);
}

#[test]
fn a_writer_that_comes_later_keeps_its_files_when_we_go() {
    let db = JobDb::with_rows(10);
    let conn = open(&db.path);
    let writer = db.writer();
    writer
        .execute("DELETE FROM job WHERE id = 1", [])
        .expect("a change");
    assert_eq!(count(&conn), 9);
    drop(conn);
    writer
        .execute("DELETE FROM job WHERE id = 3", [])
        .expect("the writer goes on");
    drop(writer);
    assert_eq!(count(&open(&db.path)), 8, "nothing was lost");
}

/// Runs the test `name` of this file in a process of its own: POSIX locks hold between processes.
fn in_another_process(name: &str, path: &Path) -> ExitStatus {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", name, "--nocapture"])
        .env("JOBSCOPE_TEST_PATH", path)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .expect("a child")
}

/// Not a test of its own: the other process of two tests below.
#[test]
fn other_process_deletes_a_job() {
    let Some(path) = std::env::var_os("JOBSCOPE_TEST_PATH") else {
        return;
    };
    let writer = jobdb::writer(Path::new(&path));
    writer
        .busy_timeout(std::time::Duration::ZERO)
        .expect("no patience");
    let deleted = writer
        .execute("DELETE FROM job WHERE id = (SELECT MIN(id) FROM job)", [])
        .expect("a delete");
    assert_eq!(deleted, 1);
}

/// Whether this process holds a POSIX lock on the file.
#[cfg(target_os = "linux")]
fn is_locked_by_us(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let inode = fs::metadata(path).expect("a file").ino();
    let us = std::process::id().to_string();
    // `2: POSIX  ADVISORY  READ 1234 fe:00:5678 …`
    fs::read_to_string("/proc/locks")
        .expect("the list of locks")
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .any(|words| {
            words.get(4) == Some(&us.as_str())
                && words
                    .get(5)
                    .is_some_and(|file| file.ends_with(&format!(":{inode}")))
        })
}

/// Something that is done with a file which is already open.
type Meanwhile<'a> = &'a dyn Fn(&Path) -> Option<ReadConnection>;

#[test]
fn nothing_we_open_takes_the_log_from_a_connection_that_is_open() {
    // Whoever closes a file loses all locks that the process holds on it. Writers before SQLite 3.50
    // then take themselves for the last ones, and remove the log.
    let second = |path: &Path| Some(open(path));
    let second_and_gone = |path: &Path| {
        drop(open(path));
        None
    };
    let facts = |path: &Path| {
        let conn = open(path);
        DatabaseFacts::read(&conn, path, OpenMode::ReadOnly).expect("facts");
        Some(conn)
    };
    let cases: [(&str, Meanwhile<'_>); 3] = [
        ("a second connection", &second),
        ("a second connection that closes", &second_and_gone),
        ("facts", &facts),
    ];
    for (case, and_then) in cases {
        let db = JobDb::with_rows(10);
        let first = open(&db.path);
        assert_eq!(count(&first), 10);
        let other = and_then(&db.path);
        #[cfg(target_os = "linux")]
        assert!(is_locked_by_us(&db.path), "{case}: our lock is gone");
        for left in [9, 8] {
            // A server that restarts: it is the last writer to go, but not the last reader.
            assert!(in_another_process("other_process_deletes_a_job", &db.path).success());
            assert_eq!(count(&first), left, "{case}: the first looks at an old log");
        }
        drop((first, other));
    }
}

#[test]
fn a_second_connection_does_not_open_the_door_for_writers_during_a_read() {
    let db = with_rollback_journal(1_000);
    let first = open(&db.path);
    let mut statement = first.prepare("SELECT id FROM job").expect("a scan");
    let mut rows = statement.query([]).expect("a scan");
    rows.next().expect("a row").expect("a row");
    drop(open(&db.path));
    assert!(
        !in_another_process("other_process_deletes_a_job", &db.path).success(),
        "a writer changed the file under a running statement"
    );
}

/// Whether permissions mean nothing to us, as to root.
fn permissions_do_not_bind(folder: &Path) -> bool {
    fs::write(folder.join("probe"), "").is_ok()
}

#[cfg(unix)]
fn chmod(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_asks_for_immutable_and_immutable_works() {
    let db = JobDb::with_rows(25);
    chmod(db.folder(), 0o555);
    if permissions_do_not_bind(db.folder()) {
        println!("skipped: this user may write everywhere");
        return;
    }
    let error = connection::open(&db.path, OpenMode::ReadOnly)
        .err()
        .expect("no side file can be created");
    assert!(matches!(error, Error::NeedsImmutable { .. }), "{error:?}");
    assert!(
        Report::from(&error)
            .hint
            .expect("a hint")
            .contains("--immutable")
    );
    let conn = connection::open(&db.path, OpenMode::Immutable).expect("as immutable");
    assert_eq!(count(&conn), 25);
    drop(conn);

    let mut engine = TestEngine::start(&MemoryProfile::jobscope());
    engine.engine.send(Request::Open {
        path: db.path.clone(),
        mode: OpenMode::ReadOnly,
    });
    let offered = engine.wait_for("a refusal", |event| match event {
        Event::OpenFailed {
            can_be_immutable, ..
        } => Some(*can_be_immutable),
        Event::Opened(_) => Some(false),
        _ => None,
    });
    assert!(offered, "the window must be able to offer it");
    drop(engine);
    chmod(db.folder(), 0o755);
    assert_eq!(names(db.folder()), ["job.db"]);
}

#[test]
fn immutable_creates_nothing_beside_the_file() {
    let db = JobDb::with_rows(25);
    let before = snapshot(db.folder());
    let conn = connection::open(&db.path, OpenMode::Immutable).expect("as immutable");
    assert_eq!(count(&conn), 25);
    assert_eq!(names(db.folder()), ["job.db"]);
    drop(conn);
    assert!(snapshot(db.folder()) == before);
}

/// Headline, cause and hint of a refusal.
fn refusal(path: &Path) -> Report {
    let report = connection::open(path, OpenMode::ReadOnly)
        .err()
        .map_or_else(
            || panic!("{} was opened", path.display()),
            |error| Report::from(&error),
        );
    assert!(!report.headline.is_empty(), "{report:?}");
    assert!(!report.causes.is_empty(), "no cause: {report:?}");
    assert!(report.hint.is_some(), "no hint: {report:?}");
    report
}

#[test]
fn what_is_no_database_is_refused_with_cause_and_hint() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("a file");
        path
    };
    let noise: Vec<u8> = Noise(7).take(10_000).collect();
    for (path, said) in [
        (folder.path().to_owned(), "directory"),
        (at("empty", b""), "empty"),
        (at("text", b"SELECT * FROM job;\n"), "does not begin like"),
        (at("noise", &noise), "does not begin like"),
        (at("magic", b"SQLite format 3\0"), "cut off"),
        (folder.path().join("missing.db"), "No such file"),
        (folder.path().join("no/such/folder.db"), "No such file"),
    ] {
        let report = refusal(&path);
        assert!(
            report.causes.iter().any(|cause| cause.contains(said)),
            "{}: {report:?}",
            path.display()
        );
    }
    assert!(
        !folder.path().join("missing.db").exists(),
        "opening must never create a database"
    );
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_is_refused_with_cause_and_hint() {
    let db = JobDb::with_rows(1);
    chmod(&db.path, 0o000);
    if fs::File::open(&db.path).is_ok() {
        println!("skipped: this user may read everything");
        return;
    }
    let report = refusal(&db.path);
    assert!(report.to_string().contains("ermission denied"), "{report}");
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    // Reading a pipe that nobody writes would wait for ever.
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: no mkfifo here");
        return;
    }
    assert!(refusal(&pipe).to_string().contains("not a regular file"));
}

/// The same bytes in every run.
struct Noise(u64);

impl Noise {
    fn below(&mut self, limit: usize) -> usize {
        let mut number = 0_u64;
        for byte in self.by_ref().take(8) {
            number = number << 8 | u64::from(byte);
        }
        (number % limit as u64) as usize
    }
}

impl Iterator for Noise {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Some((z >> 56) as u8)
    }
}

/// Opens a file and asks everything. Whatever is in it: an answer or a report, and soon.
fn survives(engine: &mut TestEngine, path: &Path, case: &str) {
    match engine.open(path) {
        Err(report) => {
            assert!(
                !report.headline.is_empty() && !report.causes.is_empty(),
                "{case}: {report:?}"
            );
            return;
        }
        Ok(facts) => assert_eq!(facts.path, path, "{case}"),
    }
    for task in all_queries() {
        let name = task.name();
        let ended = engine.run(task);
        match ended.receipt.outcome {
            Outcome::Finished => assert!(ended.report.is_none(), "{case}, {name}"),
            Outcome::Failed => {
                let report = ended.report.expect("a failure without a report");
                // A file that lost its schema has no job table, which has no cause of its own.
                let is_explained = !report.causes.is_empty() || report.hint.is_some();
                assert!(is_explained, "{case}, {name}: {report:?}");
            }
            other => panic!("{case}, {name}: {other:?}"),
        }
    }
    engine.log.clear();
}

#[test]
fn a_file_cut_off_anywhere_is_reported_and_never_a_crash() {
    let db = with_rollback_journal(120);
    let bytes = fs::read(&db.path).expect("bytes");
    let cut = db.folder().join("cut.db");
    let mut engine = TestEngine::start(&MemoryProfile::jobscope());
    let mut noise = Noise(11);
    let lengths = [1, 15, 16, 17, 50, 99, 100, 101, 511, 512, 4095, 4096, 4097]
        .into_iter()
        .chain((0..60).map(|_| noise.below(bytes.len())))
        .chain([bytes.len() - 4096, bytes.len() - 1]);
    for length in lengths {
        fs::write(&cut, &bytes[..length]).expect("a shorter file");
        let report = engine.open(&cut).expect_err("it is cut off");
        assert!(report.hint.is_some(), "{length} bytes: {report:?}");
        // A header that promises less lets SQLite find out by itself.
        let mut lying = bytes[..length].to_vec();
        if length > 100 {
            lying[28..32].fill(0);
            fs::write(&cut, &lying).expect("a lying file");
            survives(&mut engine, &cut, &format!("{length} bytes, no page count"));
        }
    }
}

#[test]
fn three_hundred_damaged_files_never_crash_or_hang() {
    let db = with_rollback_journal(120);
    let bytes = fs::read(&db.path).expect("bytes");
    let damaged = db.folder().join("damaged.db");
    let mut engine = TestEngine::start(&MemoryProfile::jobscope());
    for seed in 0..300 {
        let mut noise = Noise(seed);
        let mut copy = bytes.clone();
        for _ in 0..=noise.below(8) {
            // Half of the damage where the header, the schema and the roots of the trees are.
            let reach = if noise.below(2) == 0 {
                8192
            } else {
                copy.len()
            };
            let at = noise.below(reach);
            match noise.below(3) {
                0 => copy[at] ^= 1 << noise.below(8),
                1 => copy[at] = noise.next().unwrap_or(0),
                _ => {
                    let end = (at + noise.below(64)).min(copy.len());
                    copy[at..end].fill(0xFF);
                }
            }
        }
        fs::write(&damaged, &copy).expect("a damaged file");
        survives(&mut engine, &damaged, &format!("seed {seed}"));
    }
}

#[test]
fn a_column_name_that_is_no_text_does_not_end_the_worker() {
    let db = with_rollback_journal(5);
    db.writer()
        .execute_batch(
            "CREATE TABLE odd (zzqqzzqq INT); INSERT INTO odd VALUES (7);
             CREATE VIEW strange AS SELECT 1 AS zzqqzzqq;",
        )
        .expect("a table and a view");
    let mut bytes = fs::read(&db.path).expect("bytes");
    let places: Vec<_> = bytes
        .windows(8)
        .enumerate()
        .filter_map(|(at, window)| (window == b"zzqqzzqq").then_some(at))
        .collect();
    assert_eq!(places.len(), 2, "once in each schema text");
    for at in places {
        bytes[at..at + 8].fill(0xFF);
    }
    fs::write(&db.path, bytes).expect("a strange schema");

    let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
    for sql in [
        "SELECT * FROM odd",
        "SELECT rowid FROM odd",
        "SELECT * FROM strange",
        "SELECT * FROM (SELECT * FROM strange)",
        "EXPLAIN QUERY PLAN SELECT * FROM odd",
        "PRAGMA table_info(odd)",
    ] {
        let ended = engine.run_sql(sql);
        assert_eq!(
            ended.report.is_none(),
            ended.receipt.outcome == Outcome::Finished,
            "{sql}: {ended:?}"
        );
    }
    assert_eq!(
        engine.run_sql("SELECT 1").receipt.outcome,
        Outcome::Finished
    );
}

#[test]
fn ids_at_both_ends_of_the_range_are_no_reason_to_refuse_a_file() {
    let db = JobDb::with_rows(2);
    db.writer()
        .execute_batch(
            "UPDATE job SET id = -9223372036854775808 WHERE id = 1;
             UPDATE job SET id = 9223372036854775807 WHERE id = 3;",
        )
        .expect("strange ids");
    let conn = open(&db.path);
    let facts = DatabaseFacts::read(&conn, &db.path, OpenMode::ReadOnly);
    assert!(facts.is_ok(), "{:?}", facts.err());
}

#[test]
fn a_table_without_schema_migrations_is_fine() {
    let db = JobDb::with_rows(4);
    db.writer()
        .execute_batch("DROP TABLE schema_migrations")
        .expect("dropped");
    let conn = open(&db.path);
    let facts = DatabaseFacts::read(&conn, &db.path, OpenMode::ReadOnly).expect("facts");
    assert_eq!(facts.schema_version, None);
    assert_eq!(facts.estimated_jobs, 7, "ids 1 to 7");
    assert!(facts.job_indexes.contains(&"jobs_starttime".to_owned()));
}

#[test]
fn strange_file_names_are_opened_as_they_are() {
    let db = JobDb::with_rows(6);
    let mut odd_names: Vec<std::ffi::OsString> = [
        "with space.db",
        "what?mode=rwc.db",
        "hash#tag.db",
        "100%25.db",
        "ünï😀.db",
        "a&b;c'd\"e.db",
    ]
    .map(Into::into)
    .to_vec();
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt as _;
        odd_names.push(std::ffi::OsString::from_vec(b"not\xFFutf8\xFE.db".to_vec()));
        odd_names.push(std::ffi::OsString::from_vec(b"back\\slash\n.db".to_vec()));
    }
    for name in odd_names {
        let path = db.folder().join(&name);
        if fs::copy(&db.path, &path).is_err() {
            println!("skipped: this file system has no {name:?}");
            continue;
        }
        for mode in [OpenMode::ReadOnly, OpenMode::Immutable] {
            let conn = connection::open(&path, mode).unwrap_or_else(|e| panic!("{name:?}: {e:?}"));
            assert_eq!(count(&conn), 6, "{name:?}");
        }
        fs::remove_file(&path).expect("removed");
        assert_eq!(names(db.folder()), ["job.db"], "{name:?}");
    }
}

#[test]
fn passwords_never_come_out() {
    let db = JobDb::with_sql(
        "CREATE VIEW accounts AS SELECT username, password AS p FROM hpc_user;
         CREATE TABLE user (username, password);
         INSERT INTO user SELECT username, password FROM hpc_user;
         CREATE INDEX by_password ON hpc_user (password);
         ANALYZE;",
    );
    let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
    for sql in [
        "SELECT username, password FROM hpc_user",
        "SELECT * FROM hpc_user",
        "SELECT h.PASSWORD FROM main.HPC_USER AS h",
        "SELECT p FROM accounts",
        "SELECT x FROM (SELECT password AS x FROM hpc_user)",
        "WITH c(x) AS (SELECT password FROM hpc_user) SELECT max(x) FROM c",
        "SELECT json_group_array(password) FROM hpc_user",
        "SELECT username || '/' || coalesce(password, '') FROM hpc_user",
        "SELECT (SELECT password FROM hpc_user WHERE username = 'user001')",
        "SELECT username FROM hpc_user WHERE password LIKE '$2a%'",
        "SELECT password FROM user",
        "SELECT * FROM hpc_user ORDER BY password",
        "SELECT * FROM hpc_user INDEXED BY by_password WHERE password > ''",
        "SELECT data FROM sqlite_dbpage",
        "SELECT * FROM sqlite_stat1",
    ] {
        let ended = engine.run_sql(sql);
        for cell in ended.rows.iter().flatten() {
            let leaks = match cell {
                Cell::Text(text) => text.contains(SECRET),
                Cell::Blob(bytes) => bytes
                    .windows(SECRET.len())
                    .any(|window| window == SECRET.as_bytes()),
                Cell::Null | Cell::Int(_) | Cell::Real(_) => false,
            };
            assert!(!leaks, "{sql} gives {cell:?}");
        }
        if sql.contains("LIKE") {
            assert!(
                ended.rows.is_empty(),
                "nothing can be asked about it: {sql}"
            );
        }
    }
    let ended = engine.run_sql("SELECT username, password FROM hpc_user");
    assert_eq!(ended.rows, [[Cell::Text("user001".to_owned()), Cell::Null]]);
}

#[test]
fn whatever_does_not_only_read_is_refused_and_says_why() {
    let db = JobDb::with_rows(10);
    let before = snapshot(db.folder());
    let other = db.folder().join("other.db");
    let attach = format!("ATTACH '{}' AS other", other.display());
    let vacuum = format!("VACUUM INTO '{}'", other.display());
    let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
    for (sql, said) in [
        ("INSERT INTO hpc_user (username) VALUES ('x')", "inserts"),
        ("UPDATE job SET duration = 0", "updates"),
        ("DELETE FROM job", "deletes"),
        ("DELETE FROM job RETURNING id", "deletes"),
        ("REPLACE INTO hpc_user (username) VALUES ('x')", "inserts"),
        ("WITH x AS (SELECT 1) DELETE FROM job", "deletes"),
        ("EXPLAIN DELETE FROM job", "deletes"),
        ("DROP TABLE job", ""),
        ("DROP INDEX jobs_starttime", ""),
        ("CREATE TABLE x(y)", ""),
        ("CREATE TEMP TABLE x AS SELECT 1", ""),
        ("CREATE VIEW x AS SELECT 1", ""),
        ("ALTER TABLE job RENAME TO work", ""),
        ("REINDEX", ""),
        ("ANALYZE", ""),
        ("VACUUM", ""),
        (vacuum.as_str(), ""),
        (attach.as_str(), "attaches"),
        ("DETACH main", ""),
        ("PRAGMA journal_mode = DELETE", "PRAGMA journal_mode"),
        ("PRAGMA cache_size = 5", "PRAGMA cache_size"),
        ("PRAGMA cache_size(5)", "PRAGMA cache_size"),
        ("PRAGMA query_only = 0", "PRAGMA query_only"),
        ("PRAGMA writable_schema = 1", "PRAGMA writable_schema"),
        ("PRAGMA wal_checkpoint", "PRAGMA wal_checkpoint"),
        ("PRAGMA optimize", "PRAGMA optimize"),
        ("PRAGMA shrink_memory", "PRAGMA shrink_memory"),
        ("PRAGMA soft_heap_limit = 1000000", "PRAGMA soft_heap_limit"),
        ("PRAGMA hard_heap_limit = 1000000", "PRAGMA hard_heap_limit"),
        ("PRAGMA temp_store_directory = '/'", "PRAGMA"),
        ("BEGIN", "transaction"),
        ("COMMIT", "transaction"),
        ("SAVEPOINT x", "transaction"),
        ("SELECT load_extension('x')", "load_extension"),
        ("SELECT 1; SELECT 2", "more than one"),
        ("SELECT 1; DELETE FROM job", ""),
        ("", ""),
        ("   \n", ""),
        (";", ""),
        ("-- only a comment", ""),
        ("/* only a comment */", ""),
    ] {
        let ended = engine.run_sql(sql);
        assert_eq!(ended.receipt.outcome, Outcome::Failed, "{sql:?}");
        assert!(ended.rows.is_empty(), "{sql:?}");
        let report = ended.report.expect("a report");
        assert_eq!(
            report.headline, "Only one reading statement can be run",
            "{sql:?}: {report:?}"
        );
        assert!(
            report.causes.iter().any(|cause| cause.contains(said)),
            "{sql:?}: {report:?}"
        );
        assert!(report.hint.is_some(), "{sql:?}");
    }
    // The wish to look at one statement strictly does not stick.
    for task in all_queries() {
        assert_eq!(engine.run(task).receipt.outcome, Outcome::Finished);
    }
    drop(engine);
    assert!(snapshot(db.folder()) == before, "{:?}", names(db.folder()));
}

#[test]
fn whatever_only_reads_is_run() {
    let db = JobDb::with_rows(10);
    let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
    for (sql, num_rows) in [
        ("SELECT COUNT(*) FROM job", 1),
        ("SELECT COUNT(*) FROM job;", 1),
        ("SELECT 1; -- and a comment", 1),
        ("/* first */ SELECT 1", 1),
        ("VALUES (1), (2), (3)", 3),
        (
            "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i FROM n",
            5,
        ),
        (
            "EXPLAIN QUERY PLAN SELECT * FROM job WHERE start_time = 1",
            1,
        ),
        ("PRAGMA table_info(job)", 24),
        ("PRAGMA cache_size", 1),
        ("SELECT name FROM pragma_table_info('job')", 24),
        ("SELECT json_extract('{\"a\":1}', '$.a')", 1),
        (
            "SELECT json_extract(resources, '$[0].hostname') FROM job",
            10,
        ),
        ("SELECT value FROM json_each('[1,2]')", 2),
        ("SELECT id FROM job WHERE 0", 0),
        ("SELECT name FROM sqlite_master WHERE name = 'job'", 1),
    ] {
        let ended = engine.run_sql(sql);
        assert_eq!(
            ended.receipt.outcome,
            Outcome::Finished,
            "{sql}: {:?}",
            ended.report
        );
        assert_eq!(ended.rows.len(), num_rows, "{sql}");
        assert_eq!(ended.receipt.rows, num_rows as u64, "{sql}");
        assert!(!ended.columns.is_empty(), "{sql}");
    }
    let ended = engine.run_sql("EXPLAIN SELECT 1");
    assert_eq!(ended.receipt.outcome, Outcome::Finished);
    assert!(ended.rows.len() > 2);
}

#[test]
fn a_mistake_in_sql_is_a_report_and_nothing_else() {
    let db = JobDb::with_rows(10);
    let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
    for (sql, said) in [
        ("SELEC 1", "syntax error"),
        ("SELECT no_such FROM job", "no such column"),
        ("SELECT 1 FROM nowhere", "no such table"),
        ("SELECT ?", "parameter"),
        ("SELECT json_extract('{', '$')", "JSON"),
        ("SELECT sum(9223372036854775807) FROM job", "overflow"),
        ("SELECT 'é\0é", ""),
    ] {
        let ended = engine.run_sql(sql);
        assert_eq!(ended.receipt.outcome, Outcome::Failed, "{sql:?}");
        let report = ended.report.expect("a report");
        assert!(report.to_string().contains(said), "{sql:?}: {report}");
        assert!(ended.receipt.error.is_some(), "{sql:?}");
    }
    assert_eq!(
        engine.run_sql("SELECT 1").receipt.outcome,
        Outcome::Finished
    );
}
