//! A file that changes while it is open: what is told, what is shown meanwhile, what stays behind.

#![cfg(unix)] // Elsewhere, nobody can replace or cut off a file that is open.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test looks for one event and fails without it"
)]

mod common;

use std::{
    fs::{self, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::Path,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use jobscope::{
    db::{connection::OpenMode, profile::MemoryProfile, value::Cell},
    engine::{
        Engine,
        message::{Event, FileChange, Request, Task, TaskId},
        receipt::Outcome,
    },
    error::Report,
    jobs::{
        column::JobColumn,
        filter::Selection,
        rows::{ListQuery, ListRow, MAX_NEWER, Place, RowsQuery},
        sort::Sort,
    },
    units::Bytes,
};
use rusqlite::Connection;
use serde_json::json;

use common::{
    asked::selection,
    engine::{ENDLESS, PATIENCE, TestEngine},
    jobdb::JobDb,
};

/// A change is told within this.
const SOON: Duration = Duration::from_secs(5);

/// More than the time between two looks at the file.
const A_LOOK: Duration = Duration::from_millis(650);

/// The engine of an open window: it watches the file that is open.
struct Live {
    engine: Engine,
    /// The changes that were told, in their order.
    told: Vec<FileChange>,
    /// Everything else that nobody has asked for yet.
    log: Vec<Event>,
    last_id: u64,
}

/// How a task ended.
struct Answer {
    outcome: Outcome,
    report: Option<Report>,
    rows: Vec<Vec<Cell>>,
}

impl Live {
    fn on(path: &Path) -> Self {
        Self::with_connections(1, path)
    }

    fn with_connections(connections: usize, path: &Path) -> Self {
        let profile = MemoryProfile {
            connections,
            ..MemoryProfile::jobscope()
        };
        let mut engine = Engine::start(&profile, || ()).expect("threads");
        engine.watch_file().expect("a thread");
        let mut live = Self {
            engine,
            told: Vec::new(),
            log: Vec::new(),
            last_id: 0,
        };
        live.open(path);
        live
    }

    fn open(&mut self, path: &Path) {
        self.log.clear();
        self.engine.send(Request::Open {
            path: path.to_owned(),
            mode: OpenMode::ReadOnly,
        });
        self.wait("the answer to Open", |event| match event {
            Event::Opened(facts) => (facts.path == path).then_some(()),
            Event::OpenFailed { report, .. } => panic!("{report}"),
            _ => None,
        });
    }

    /// Takes the next event, if there is one in time.
    fn take(&mut self, timeout: Duration) -> bool {
        let Some(news) = self.engine.wait(timeout) else {
            return false;
        };
        match news.event {
            Event::FileChanged { change, .. } => self.told.push(change),
            other => self.log.push(other),
        }
        true
    }

    fn wait<T>(&mut self, what: &str, wanted: impl Fn(&Event) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = self.log.iter().find_map(&wanted) {
                return found;
            }
            let left = deadline.checked_duration_since(Instant::now());
            self.take(left.unwrap_or_else(|| panic!("waited too long for {what}")));
        }
    }

    fn submit(&mut self, task: Task) -> TaskId {
        self.last_id += 1;
        let id = TaskId(self.last_id);
        self.engine.send(Request::Run(id, task));
        id
    }

    fn end_of(&mut self, id: TaskId) -> Answer {
        let (outcome, report) = self.wait("a task's end", |event| match event {
            Event::Ended {
                id: of,
                receipt,
                report,
                ..
            } if *of == id => Some((receipt.outcome, report.clone())),
            _ => None,
        });
        let of_task = self.log.iter().filter_map(|event| match event {
            Event::Rows { id: of, rows } if *of == id => Some(rows.clone()),
            _ => None,
        });
        let rows = of_task.flatten().collect();
        self.log.clear();
        Answer {
            outcome,
            report,
            rows,
        }
    }

    fn run(&mut self, task: Task) -> Answer {
        let id = self.submit(task);
        self.end_of(id)
    }

    /// The list as the window asks for it.
    fn list(&mut self) -> Vec<ListRow> {
        let answer = self.run(list());
        assert_eq!(answer.outcome, Outcome::Finished, "{:?}", answer.report);
        rows_of(answer)
    }

    fn ids(&mut self) -> Vec<i64> {
        self.list().iter().map(|row| row.id).collect()
    }

    fn newer(&mut self, selection: &Selection, than: i64) -> i64 {
        let query = ListQuery::Newer(selection.clone(), than);
        let answer = self.run(Task::List(query));
        assert_eq!(answer.outcome, Outcome::Finished, "{:?}", answer.report);
        answer.rows[0][0].as_int().expect("a count")
    }

    /// Waits until one more change is told than before, and says which.
    fn next_change(&mut self) -> FileChange {
        let before = self.told.len();
        let deadline = Instant::now() + SOON;
        while self.told.len() == before {
            let left = deadline.checked_duration_since(Instant::now());
            let left = left.unwrap_or_else(|| panic!("no change was told: {:?}", self.told));
            self.take(left);
        }
        self.told[before]
    }

    /// Takes what is told for so long.
    fn listen(&mut self, duration: Duration) {
        let deadline = Instant::now() + duration;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            self.take(left);
        }
    }

    /// Waits for so long, and fails if a change is told.
    fn quiet(&mut self, duration: Duration) {
        let before = self.told.len();
        self.listen(duration);
        assert_eq!(
            self.told.len(),
            before,
            "nothing has changed: {:?}",
            self.told
        );
    }
}

fn columns() -> Arc<[JobColumn]> {
    Arc::new([JobColumn::Stored("duration"), JobColumn::Stored("hpc_user")])
}

fn list() -> Task {
    Task::List(ListQuery::Rows(RowsQuery {
        selection: selection(&json!({})),
        sort: Sort::default(),
        columns: columns(),
        place: Place::First,
        skip: 0,
        limit: 400,
        is_full: false,
    }))
}

fn rows_of(answer: Answer) -> Vec<ListRow> {
    let rows = answer.rows.into_iter();
    rows.map(|row| ListRow::from_cells(row).expect("a row"))
        .collect()
}

/// The two ways in which a file can be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Journal {
    Wal,
    Rollback,
}

/// Both at the same time, because most of a test's time goes by while nothing happens.
fn with_both(check: impl Fn(Journal) + Sync) {
    std::thread::scope(|scope| {
        for journal in [Journal::Wal, Journal::Rollback] {
            let check = &check;
            std::thread::Builder::new()
                .name(format!("{journal:?}"))
                .spawn_scoped(scope, move || check(journal))
                .expect("a thread");
        }
    });
}

fn database(journal: Journal, rows: u32) -> JobDb {
    let db = JobDb::with_rows(rows);
    if journal == Journal::Rollback {
        db.writer()
            .execute_batch("PRAGMA journal_mode = DELETE")
            .expect("no log any more");
    }
    db
}

/// The ids of the list, asked of the file itself.
fn ids_in(writer: &Connection) -> Vec<i64> {
    writer
        .prepare("SELECT id FROM job ORDER BY start_time DESC, id DESC LIMIT 400")
        .expect("a list")
        .query_map([], |row| row.get(0))
        .expect("a list")
        .collect::<rusqlite::Result<_>>()
        .expect("ids")
}

/// One more job of this user, which is the newest one.
fn insert(writer: &Connection, user: &str) {
    let inserted = writer
        .execute(
            "INSERT INTO job (job_id, cluster, subcluster, start_time, hpc_user, project, duration,
                walltime, job_state, resources, num_nodes, shared)
             SELECT MAX(job_id) + 1, 'alex', 'a40', MAX(start_time) + 1, ?, 'p', 5, 60, 'completed',
                '[]', 1, 'none' FROM job",
            [user],
        )
        .expect("one more job");
    assert_eq!(inserted, 1);
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

// Somebody writes

#[test]
fn every_write_of_somebody_else_is_told_once() {
    with_both(|journal| {
        let db = database(journal, 300);
        let writer = db.writer();
        let mut live = Live::on(&db.path);
        // At once, so that nothing falls between the opening and the first look.
        insert(&writer, "somebody");
        assert_eq!(live.next_change(), FileChange::Written, "{journal:?}");
        assert_eq!(
            live.ids(),
            ids_in(&writer),
            "{journal:?}: the new row is shown"
        );
        for statement in [
            "UPDATE job SET start_time = start_time + 1000000 WHERE id = 7",
            "DELETE FROM job WHERE id IN (1, 9, 11)",
            "CREATE TABLE something_else (x)",
        ] {
            writer.execute_batch(statement).expect(statement);
            assert_eq!(
                live.next_change(),
                FileChange::Written,
                "{journal:?}: {statement}"
            );
            assert_eq!(live.ids(), ids_in(&writer), "{journal:?}: {statement}");
        }
        live.quiet(A_LOOK);
        assert_eq!(live.told.len(), 4, "{journal:?}: {:?}", live.told);
        // What was begun and taken back is no change.
        writer
            .execute_batch("BEGIN; DELETE FROM job; ROLLBACK")
            .expect("nothing");
        live.quiet(A_LOOK);
    });
}

/// Everything that the window does by itself.
fn look_around(live: &mut Live, times: usize) {
    for _ in 0..times {
        assert_eq!(live.ids().len(), 300);
        let everything = || selection(&json!({}));
        for query in [
            ListQuery::Positions(everything(), Sort::default()),
            ListQuery::SortedIds(everything(), "duration".parse().expect("a sort")),
            ListQuery::Newer(everything(), 5),
        ] {
            assert_eq!(live.run(Task::List(query)).outcome, Outcome::Finished);
        }
        let orders = live.run(Task::Orders(everything()));
        assert_eq!(orders.outcome, Outcome::Finished);
    }
}

#[test]
fn nothing_is_told_while_nobody_writes() {
    with_both(|journal| {
        let db = database(journal, 300);
        let mut live = Live::on(&db.path);
        look_around(&mut live, 20);
        live.quiet(Duration::from_secs(2));
        assert!(live.told.is_empty(), "{journal:?}: {:?}", live.told);
    });
}

#[test]
fn rows_that_are_asked_for_during_writes_are_all_of_one_moment() {
    with_both(|journal| {
        let db = database(journal, 300);
        let writer = db.writer();
        writer
            .execute_batch("PRAGMA synchronous = OFF; UPDATE job SET duration = 0")
            .expect("a beginning");
        let mut live = Live::on(&db.path);
        let (stop, stopped) = mpsc::channel::<()>();
        let writing = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || {
                let mut round = 0;
                while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                    round += 1;
                    // Two statements: between them, the file is of neither moment.
                    writer
                        .execute_batch(&format!(
                            "BEGIN IMMEDIATE; UPDATE job SET duration = {round} WHERE id % 4 = 1;
                             UPDATE job SET duration = {round} WHERE id % 4 = 3; COMMIT"
                        ))
                        .expect("a moment's work");
                    std::thread::sleep(Duration::from_millis(5));
                }
                round
            })
            .expect("a thread");
        let columns = columns();
        let mut last = 0;
        let mut num_moments = 0;
        for _ in 0..50 {
            let rows = live.list();
            assert_eq!(rows.len(), 300, "{journal:?}");
            let durations: Vec<_> = rows
                .iter()
                .map(|row| row.get(&columns, &columns[0]).0.as_int().expect("a number"))
                .collect();
            assert!(
                durations.iter().all(|duration| *duration == durations[0]),
                "{journal:?}: rows of two moments: {durations:?}"
            );
            assert!(durations[0] >= last, "{journal:?}: time goes on");
            num_moments += usize::from(durations[0] > last);
            last = durations[0];
        }
        drop(stop);
        let rounds = writing.join().expect("the writer could always write");
        assert!(
            num_moments > 3 && rounds >= last,
            "{journal:?}: nothing was written meanwhile"
        );
        assert_eq!(live.next_change(), FileChange::Written);
    });
}

// Locks

#[test]
fn a_writer_with_a_lock_is_waited_for_and_its_change_told_afterwards() {
    with_both(|journal| {
        let db = database(journal, 300);
        let mut live = Live::on(&db.path);
        let before = live.ids();
        let writer = db.writer();
        writer.execute_batch("BEGIN EXCLUSIVE").expect("a lock");
        insert(&writer, "somebody");
        let id = live.submit(list());
        live.quiet(A_LOOK);
        let is_over = |event: &Event| matches!(event, Event::Ended { .. });
        let is_blocked = !live.log.iter().any(is_over);
        // A log lets everybody read on; without it, the file is the writer's.
        assert_eq!(is_blocked, journal == Journal::Rollback);
        writer.execute_batch("COMMIT").expect("the change");
        let rows = rows_of(live.end_of(id));
        let found: Vec<_> = rows.iter().map(|row| row.id).collect();
        if is_blocked {
            assert_eq!(found, ids_in(&writer), "the rows after the change");
        } else {
            assert_eq!(found, before, "the rows before the change");
        }
        if live.told.is_empty() {
            live.next_change();
        }
        live.quiet(A_LOOK);
        assert_eq!(live.told, [FileChange::Written], "{journal:?}");
    });
}

#[test]
fn a_lock_that_stays_is_a_report_and_the_next_task_works() {
    let db = database(Journal::Rollback, 300);
    let mut live = Live::on(&db.path);
    let writer = db.writer();
    writer.execute_batch("BEGIN EXCLUSIVE").expect("a lock");
    let answer = live.run(list());
    assert_eq!(answer.outcome, Outcome::Failed);
    let report = answer.report.expect("a report").to_string();
    assert!(report.contains("locked"), "{report}");
    assert!(live.told.is_empty(), "nothing was written: {:?}", live.told);
    writer.execute_batch("ROLLBACK").expect("no lock any more");
    assert_eq!(live.ids(), ids_in(&writer));
}

#[test]
fn an_engine_that_watches_a_locked_file_can_be_dropped() {
    let db = database(Journal::Rollback, 50);
    let mut live = Live::on(&db.path);
    let writer = db.writer();
    writer.execute_batch("BEGIN EXCLUSIVE").expect("a lock");
    // The watcher looks meanwhile, and finds the lock.
    live.quiet(A_LOOK);
    let (done, finished) = mpsc::channel();
    let dropping = std::thread::Builder::new()
        .name("drop".to_owned())
        .spawn(move || {
            drop(live);
            done.send(()).expect("somebody waits");
        })
        .expect("a thread");
    finished.recv_timeout(PATIENCE).expect("the window hangs");
    dropping.join().expect("dropped");
    writer.execute_batch("ROLLBACK").expect("no lock any more");
}

#[test]
#[cfg(unix)]
fn the_log_of_a_database_that_was_opened_by_a_link_is_the_one_beside_the_file() {
    let db = database(Journal::Wal, 50);
    let writer = db.writer();
    insert(&writer, "somebody");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let link = elsewhere.path().join("link.db");
    std::os::unix::fs::symlink(&db.path, &link).expect("a link");
    let log = db.folder().join("job.db-wal").metadata().expect("a log");
    assert!(log.len() > 0);
    let mut engine = TestEngine::start(&MemoryProfile::jobscope());
    let facts = engine.open(&link).expect("a database");
    assert_eq!(facts.wal_bytes, Some(log.len()));
    engine.sample_with("the size of its log", |sample| {
        let slow = sample.slow.as_ref();
        slow.is_some_and(|slow| slow.wal == Some(Bytes(log.len())))
    });
}

#[test]
fn nothing_holds_up_a_checkpoint_between_tasks() {
    let db = database(Journal::Wal, 2_000);
    let writer = db.writer();
    let mut live = Live::on(&db.path);
    let log = db.folder().join("job.db-wal");
    let everything = || selection(&json!({}));
    for round in 0..6 {
        insert(&writer, "somebody");
        let task = match round % 3 {
            0 => list(),
            1 => Task::List(ListQuery::Positions(everything(), Sort::default())),
            _ => Task::List(ListQuery::SortedIds(
                everything(),
                "duration".parse().expect("a sort"),
            )),
        };
        let id = live.submit(task);
        if round > 2 {
            live.engine.send(Request::Cancel(id));
        }
        live.end_of(id);
        assert!(log.metadata().expect("a log").len() > 0);
        let (busy, frames): (i64, i64) = writer
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .expect("a checkpoint");
        assert_eq!((busy, frames), (0, 0), "round {round}");
        assert_eq!(log.metadata().expect("a log").len(), 0, "round {round}");
    }
    assert_eq!(live.ids(), ids_in(&writer));
}

// The file itself

/// Another database in the folder of the first, complete and without side files.
fn other_beside(db: &JobDb, journal: Journal, rows: u32) -> std::path::PathBuf {
    let other = database(journal, rows);
    let path = db.folder().join("other.db");
    fs::copy(&other.path, &path).expect("a copy");
    path
}

#[test]
fn another_file_in_its_place_is_told_and_the_old_one_stays_readable() {
    with_both(|journal| {
        let db = database(journal, 60);
        let mut live = Live::on(&db.path);
        let old = live.ids();
        assert_eq!(old.len(), 60);
        let other = other_beside(&db, journal, 40);
        fs::rename(&other, &db.path).expect("replaced");
        assert_eq!(live.next_change(), FileChange::Replaced, "{journal:?}");
        assert_eq!(live.ids(), old, "{journal:?}: the file that is open");
        live.quiet(A_LOOK);
        live.open(&db.path);
        assert_eq!(live.ids().len(), 40, "{journal:?}: the new one");
        let writer = db.writer();
        insert(&writer, "somebody");
        assert_eq!(
            live.next_change(),
            FileChange::Written,
            "{journal:?}: it is watched, too"
        );
        assert_eq!(live.ids(), ids_in(&writer));
        live.quiet(A_LOOK);
        assert_eq!(
            live.told,
            [FileChange::Replaced, FileChange::Written],
            "{journal:?}"
        );
    });
}

#[test]
fn rows_never_come_from_the_file_before_and_the_one_after() {
    with_both(|journal| {
        let db = database(journal, 60);
        let mut live = Live::with_connections(2, &db.path);
        let old = live.ids();
        let other = other_beside(&db, journal, 40);
        fs::rename(&other, &db.path).expect("replaced");
        // One connection has the file before, and can do only one of these.
        let endless = [(); 2].map(|()| live.submit(Task::Sql(ENDLESS.to_owned())));
        let report = live.wait("a connection that is not opened", |event| match event {
            Event::Ended { report, .. } => report.as_ref().map(ToString::to_string),
            _ => None,
        });
        assert!(report.contains("another file"), "{journal:?}: {report}");
        for id in endless {
            live.engine.send(Request::Cancel(id));
        }
        for _ in 0..20 {
            assert_old_or_none(&mut live, &old);
        }
        live.open(&db.path);
        assert_eq!(live.ids().len(), 40, "{journal:?}: the one after");
    });
}

/// The list is that of the file before, or there is none, and it says why.
fn assert_old_or_none(live: &mut Live, old: &[i64]) {
    let answer = live.run(list());
    if answer.outcome == Outcome::Finished {
        let rows = rows_of(answer);
        assert!(
            rows.iter().map(|row| &row.id).eq(old),
            "rows of the file after"
        );
        return;
    }
    let report = answer.report.expect("a report").to_string();
    assert!(report.contains("another file"), "{report}");
}

#[test]
fn a_file_that_goes_is_told_each_time_and_one_that_comes_back_is_the_same() {
    with_both(|journal| {
        let db = database(journal, 60);
        let mut live = Live::on(&db.path);
        let all = live.ids();
        let away = db.folder().join("away.db");
        for _ in 0..2 {
            fs::rename(&db.path, &away).expect("moved away");
            assert_eq!(live.next_change(), FileChange::Gone, "{journal:?}");
            assert_eq!(live.ids(), all, "{journal:?}: what is open stays readable");
            fs::rename(&away, &db.path).expect("put back");
            live.quiet(A_LOOK);
            assert_eq!(live.ids(), all, "{journal:?}");
        }
        let writer = db.writer();
        insert(&writer, "somebody");
        assert_eq!(
            live.next_change(),
            FileChange::Written,
            "{journal:?}: it is watched on"
        );
        assert_eq!(live.ids(), ids_in(&writer));
        drop(writer);
        // A copy has the same bytes, and is another file.
        fs::copy(&db.path, &away).expect("a copy");
        fs::remove_file(&db.path).expect("gone");
        assert_eq!(live.next_change(), FileChange::Gone, "{journal:?}");
        fs::rename(&away, &db.path).expect("the copy in its place");
        assert_eq!(live.next_change(), FileChange::Replaced, "{journal:?}");
        live.quiet(A_LOOK);
        assert_eq!(live.told.len(), 5, "{journal:?}: {:?}", live.told);
    });
}

#[test]
fn a_file_that_is_cut_off_is_told_and_never_the_end_of_the_engine() {
    with_both(|journal| {
        let db = database(journal, 2_000);
        let mut live = Live::on(&db.path);
        let all = live.ids();
        let whole = fs::read(&db.path).expect("bytes");
        let num_bytes = whole.len() as u64;
        for left in [num_bytes / 2, 50, 0] {
            let file = OpenOptions::new()
                .write(true)
                .open(&db.path)
                .expect("the file");
            file.set_len(left).expect("cut off");
            assert_eq!(
                live.next_change(),
                FileChange::Truncated,
                "{journal:?}: {left} bytes"
            );
            let answer = live.run(list());
            let told = format!("{journal:?}: {left} bytes: {:?}", answer.report);
            match answer.outcome {
                Outcome::Finished => assert_eq!(answer.rows.len(), all.len(), "{told}"),
                Outcome::Failed => assert!(answer.report.is_some(), "{told}"),
                other => panic!("{other:?} {told}"),
            }
            live.quiet(A_LOOK);
            fs::write(&db.path, &whole).expect("put back");
            // Whether that is a write of its own is for SQLite to say; it is told once at most.
            live.listen(A_LOOK);
            let again = live.told.split_off(1);
            assert!(
                again.is_empty() || again == [FileChange::Written],
                "{journal:?}: {again:?}"
            );
            assert_eq!(live.ids(), all, "{journal:?}: as before");
            live.told.clear();
        }
    });
}

#[test]
fn a_file_in_the_middle_of_a_commit_is_not_cut_off() {
    let db = database(Journal::Rollback, 2_000);
    let mut live = Live::on(&db.path);
    let all = live.ids();
    let num_bytes = db.path.metadata().expect("a file").len();
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&db.path)
        .expect("the file");
    let writer = db.writer();
    writer.execute_batch("BEGIN EXCLUSIVE").expect("a lock");
    // SQLite writes the first page of a file that grows before those that make it longer. Here the
    // last page is missing as long as the lock is held.
    let from = num_bytes - 4_096;
    let last_page = cut_last_page(&mut file, from);
    live.quiet(2 * A_LOOK);
    file.seek(SeekFrom::Start(from)).expect("the end");
    file.write_all(&last_page).expect("there it is");
    writer.execute_batch("COMMIT").expect("the end of it");
    live.quiet(A_LOOK);
    assert!(live.told.is_empty(), "{:?}", live.told);
    assert_eq!(live.ids(), all);
    drop(file);
}

#[test]
fn a_file_in_the_middle_of_a_commit_is_waited_for_when_it_is_opened() {
    let db = database(Journal::Rollback, 2_000);
    let num_bytes = db.path.metadata().expect("a file").len();
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&db.path)
        .expect("the file");
    let writer = db.writer();
    writer.execute_batch("BEGIN EXCLUSIVE").expect("a lock");
    insert(&writer, "somebody");
    let from = num_bytes - 4_096;
    let last_page = cut_last_page(&mut file, from);
    let committing = std::thread::Builder::new()
        .name("writer".to_owned())
        .spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            file.seek(SeekFrom::Start(from)).expect("the end");
            file.write_all(&last_page).expect("there it is");
            writer.execute_batch("COMMIT").expect("the end of it");
            (writer, file)
        })
        .expect("a thread");
    let mut live = Live::on(&db.path);
    let (writer, file) = committing.join().expect("a commit");
    assert_eq!(live.ids(), ids_in(&writer));
    drop(file);
}

/// Takes the last page from a file, which has to stay open: whoever closes a file loses all locks of
/// the process on it.
fn cut_last_page(file: &mut fs::File, from: u64) -> Vec<u8> {
    let mut last_page = Vec::new();
    file.seek(SeekFrom::Start(from)).expect("the last page");
    file.read_to_end(&mut last_page).expect("the last page");
    file.set_len(from).expect("not there yet");
    last_page
}

// What stays behind

#[test]
fn a_file_that_was_watched_has_nothing_beside_it_afterwards() {
    with_both(|journal| {
        let db = database(journal, 60);
        let before = fs::read(&db.path).expect("bytes");
        let mut live = Live::on(&db.path);
        live.ids();
        live.quiet(A_LOOK);
        let second = database(journal, 30);
        live.open(&second.path);
        assert_eq!(live.ids().len(), 30);
        live.quiet(A_LOOK);
        assert_eq!(
            names(db.folder()),
            ["job.db"],
            "{journal:?}: another file is open now"
        );
        drop(live);
        assert_eq!(names(second.folder()), ["job.db"], "{journal:?}");
        assert!(fs::read(&db.path).expect("bytes") == before, "{journal:?}");
    });
}

#[test]
fn a_writers_log_is_the_writers_when_the_watcher_goes() {
    let db = database(Journal::Wal, 60);
    let writer = db.writer();
    insert(&writer, "somebody");
    let mut live = Live::on(&db.path);
    assert_eq!(live.ids().len(), 61);
    insert(&writer, "somebody");
    live.next_change();
    drop(live);
    assert_eq!(names(db.folder()), ["job.db", "job.db-shm", "job.db-wal"]);
    insert(&writer, "somebody");
    drop(writer);
    assert_eq!(names(db.folder()), ["job.db"], "the last one out");
    assert_eq!(ids_in(&db.writer()).len(), 63);
}

// Newer rows

#[test]
fn rows_that_came_later_are_counted_if_they_match() {
    let db = database(Journal::Wal, 100);
    let writer = db.writer();
    let mut live = Live::on(&db.path);
    let newest = live.list()[0].newest_id;
    assert_eq!(newest, 199);
    let everything = selection(&json!({}));
    let of_ada = selection(&json!({"user": {"eq": "ada"}}));
    assert_eq!(live.newer(&everything, newest), 0);
    for user in ["ada", "ben", "ada", "cho"] {
        insert(&writer, user);
    }
    // What was there before does not count, however it has changed.
    writer
        .execute_batch(
            "UPDATE job SET hpc_user = 'ada', start_time = start_time + 9999999 WHERE id < 50",
        )
        .expect("an update");
    assert_eq!(live.newer(&everything, newest), 4);
    assert_eq!(live.newer(&of_ada, newest), 2);
    assert_eq!(live.list()[0].newest_id, newest + 4);
    writer
        .execute("DELETE FROM job WHERE id = ?", [newest + 1])
        .expect("gone again");
    assert_eq!(live.newer(&of_ada, newest), 1);
    // No further than anybody wants to know.
    writer
        .execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
             INSERT INTO job (job_id, cluster, subcluster, start_time, hpc_user, project, duration,
                walltime, job_state, resources, num_nodes, shared)
             SELECT 900000 + i, 'alex', 'a40', i, 'ada', 'p', 5, 60, 'completed', '[]', 1, 'none' FROM n",
        )
        .expect("very many");
    let most = i64::from(MAX_NEWER) + 1;
    assert_eq!(live.newer(&everything, newest), most);
    assert_eq!(live.newer(&of_ada, newest), most);
}
