//! The engine's recorder: what is in the file when a recording begins in the middle of something, and
//! when the engine is gone.
#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::{
    fs::{File, OpenOptions},
    io::Read as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use jobscope::{
    db::{build::BuildFacts, profile::MemoryProfile},
    engine::{
        message::{Event, Request},
        receipt::Outcome,
    },
    memory::recording::{Recording, RecordingPlan, RecordingState},
};

use common::{
    engine::{ENDLESS, TestEngine, threads},
    jobdb::JobDb,
    program::until,
};

fn record(engine: &mut TestEngine, path: &Path) {
    let mark = engine.log.len();
    let plan = RecordingPlan {
        path: path.to_owned(),
        build: BuildFacts::read().expect("facts"),
        database: None,
        profile: MemoryProfile::jobscope(),
        overwrite: true,
    };
    engine.engine.send(Request::Record(Some(Box::new(plan))));
    wait_for_recording(engine, mark, |state| {
        matches!(state, RecordingState::Began { .. })
    });
}

fn wait_for_recording(
    engine: &mut TestEngine,
    mark: usize,
    is_wanted: impl Fn(&RecordingState) -> bool,
) {
    engine.wait_since(mark, "a word on the recording", |event| {
        if let Event::Recording(state) = event {
            is_wanted(state).then_some(())
        } else {
            None
        }
    });
}

/// A file that takes 64 KiB, and more only while somebody reads.
fn pipe(folder: &Path) -> (PathBuf, File) {
    let path = folder.join("pipe");
    let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo");
    assert!(made.success());
    let mut both = OpenOptions::new();
    let end = both.read(true).write(true).open(&path).expect("a pipe");
    (path, end)
}

#[test]
fn a_recording_that_was_ended_is_whole_when_the_engine_is_gone() {
    const NUM_TASKS: usize = 150;
    let db = JobDb::with_rows(10);
    let (path, mut end) = pipe(db.folder());
    let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
    record(&mut engine, &path);
    // Nobody reads: more than the pipe takes.
    for _ in 0..NUM_TASKS {
        assert_eq!(
            engine.run_sql("SELECT 1").receipt.outcome,
            Outcome::Finished
        );
    }
    engine.engine.send(Request::Record(None));
    let read = move || {
        // Rather after the engine has begun to wait.
        std::thread::sleep(Duration::from_millis(300));
        let (mut text, mut block) = (Vec::new(), vec![0; 1 << 16]);
        let num_receipts = |text: &[u8]| {
            String::from_utf8_lossy(text)
                .matches("\"receipt\":{")
                .count()
        };
        while num_receipts(&text) < NUM_TASKS || text.last() != Some(&b'\n') {
            let length = end.read(&mut block).expect("lines");
            text.extend_from_slice(&block[..length]);
        }
    };
    let reader = std::thread::Builder::new()
        .name("reader".to_owned())
        .spawn(read)
        .expect("a thread");
    let (engine, _turn) = engine.into_parts();
    drop(engine);
    assert_eq!(threads("jobscope-record"), 0, "its thread has ended");
    reader.join().expect("every receipt");
}

#[test]
fn a_recording_that_cannot_be_written_does_not_hold_the_engine_for_ever() {
    let db = JobDb::with_rows(10);
    let (path, end) = pipe(db.folder());
    let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
    record(&mut engine, &path);
    for _ in 0..150 {
        engine.run_sql("SELECT 1");
    }
    let (engine, _turn) = engine.into_parts();
    drop(engine);
    assert_eq!(threads("jobscope-record"), 1, "it still waits for a reader");
    // Nobody will ever read: its write fails.
    drop(end);
    until("the end of its thread", || threads("jobscope-record") == 0);
}

#[test]
fn a_task_that_ran_before_the_recording_began_has_its_band_from_its_true_start() {
    let db = JobDb::with_rows(10);
    let path = db.folder().join("late.jsonl");
    let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
    // One that is over is no part of it.
    engine.run_sql("SELECT 1");
    let before = engine.engine.now_secs();
    let id = engine.sql(ENDLESS);
    let connection = engine.start_of(id);
    let started = engine.engine.now_secs();
    for turn in 0..2 {
        record(&mut engine, &path);
        let mark = engine.log.len();
        if turn == 1 {
            engine.cancel(id);
            engine.end_of(id);
        }
        engine.engine.send(Request::Record(None));
        wait_for_recording(&mut engine, mark, |state| {
            matches!(state, RecordingState::Ended { .. })
        });
        let recording = Recording::read(&path).expect("a recording");
        let [band] = recording.timeline.bands.as_slice() else {
            let text = std::fs::read_to_string(&path);
            unreachable!("one task in turn {turn}: {text:?}");
        };
        assert_eq!((band.task, band.connection), (id.0, Some(connection)));
        assert!(
            (before - 0.001..=started + 0.001).contains(&band.from_secs),
            "{before} {started} {band:?}"
        );
        let outcome = band.end.map(|(_, outcome)| outcome);
        assert_eq!(outcome, (turn == 1).then_some(Outcome::Cancelled));
        let text = std::fs::read_to_string(&path).expect("text");
        // Behind the header and the heap limits in force.
        let third = text.lines().nth(2).expect("a third line");
        assert!(third.contains("\"started\""), "{third}");
    }
}
