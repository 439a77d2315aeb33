//! The demonstration as the command line runs it, on a small database and in a hurry.

#![expect(
    clippy::expect_used,
    reason = "a test without its database or its program has failed"
)]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use jobscope::{
    jobs::list::{COLUMNS, DETAIL_COLUMNS},
    lab::story::ArmSummary,
    memory::recording::Recording,
};
use rusqlite::Connection;

const HURRY: [&str; 6] = [
    "--quiet-secs",
    "0.3",
    "--busy-secs",
    "0.6",
    "--watch-secs",
    "1.5",
];

/// A job table with every column that jobscope asks for, large enough for 24 MiB of page cache.
fn database(folder: &Path) -> PathBuf {
    let path = folder.join("demo.db");
    let columns: Vec<_> = COLUMNS
        .iter()
        .chain(&DETAIL_COLUMNS)
        .map(|(name, _)| *name)
        .filter(|name| !matches!(*name, "id" | "energy" | "footprint" | "meta_data"))
        .map(|name| format!("{name} DEFAULT 0"))
        .collect();
    #[expect(
        clippy::disallowed_methods,
        reason = "makes a database of the test's own"
    )]
    let conn = Connection::open(&path).expect("created");
    conn.execute_batch(&format!(
        "PRAGMA synchronous = OFF;
         CREATE TABLE job (id INTEGER PRIMARY KEY, energy REAL, meta_data TEXT, {}, footprint TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)
         INSERT INTO job (id, energy, meta_data, footprint)
         SELECT i, (i * 7919) % 10007, hex(zeroblob(1500)), '{{\"flops_any_avg\":1.5}}' FROM n;
         CREATE INDEX jobs_energy_starttime ON job (energy, start_time);",
        columns.join(", ")
    ))
    .expect("filled");
    path
}

fn jobscope(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jobscope"))
        .args(arguments)
        .args(HURRY)
        .current_dir(folder)
        .output()
        .expect("started")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn one_profile_prints_its_numbers_and_leaves_a_recording() {
    let folder = tempfile::tempdir().expect("a folder");
    database(folder.path());
    let output = jobscope(
        folder.path(),
        &[
            "demo-arm",
            "demo.db",
            "--profile",
            "jobscope",
            "--recording",
            "run.jsonl",
            "--connections",
            "2",
        ],
    );
    assert!(output.status.success(), "{}", said(&output));
    let summary: ArmSummary = serde_json::from_slice(&output.stdout).expect("one line of JSON");
    assert!(summary.uses_wrong_index);
    assert_eq!(summary.num_queries, 2);
    assert_eq!(summary.num_ended_early, 0, "they ran until the stop");
    assert!(summary.stopped_after_ms.is_some(), "and then stopped");
    assert!(summary.peak.sqlite_heap_bytes > 20 << 20, "{summary:?}");
    assert!(summary.heap_given_back_ms.is_some(), "{summary:?}");
    assert_eq!(summary.num_idle_closed, 2, "0.2 s of idle time are over");

    let recording = Recording::read(&folder.path().join("run.jsonl")).expect("read");
    assert!(!recording.is_cut);
    assert_eq!(recording.header.profile, summary.profile);
    assert_eq!(recording.receipts.len(), 2);
    assert_eq!(recording.timeline.bands.len(), 2);
    assert!(recording.samples.len() > 8, "ten a second");
    assert!(recording.samples.iter().any(|s| s.caches().0 > 20 << 20));
}

#[test]
fn the_whole_demonstration_compares_three_profiles_and_writes_a_report() {
    let folder = tempfile::tempdir().expect("a folder");
    database(folder.path());
    let output = jobscope(folder.path(), &["demo", "--headless", "--dir", "."]);
    assert!(output.status.success(), "{}", said(&output));
    let table = String::from_utf8_lossy(&output.stdout);
    for text in [
        "Before the fix",
        "First repair",
        "jobscope",
        "divided by 600",
    ] {
        assert!(table.contains(text), "{text} is missing in {table}");
    }
    let results = folder.path().join("jobscope-demo");
    for name in ["before-the-fix", "first-repair", "jobscope"] {
        Recording::read(&results.join(format!("{name}.jsonl"))).expect(name);
    }
    let html = std::fs::read_to_string(results.join("report.html")).expect("a report");
    assert_eq!(html.matches("<svg ").count(), 3);
}

#[test]
fn a_database_that_is_none_fails_with_what_the_children_said() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("demo.db"), "not a database at all").expect("written");
    let output = jobscope(folder.path(), &["demo", "--headless", "--dir", "."]);
    assert_eq!(output.status.code(), Some(1));
    let html = std::fs::read_to_string(folder.path().join("jobscope-demo/report.html"))
        .expect("a report all the same");
    assert!(html.contains("as a job database"), "{html}");
}
