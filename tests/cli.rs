//! The program itself: exit status, what goes to which stream, and how it can be stopped.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod common;

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    time::Duration,
};

use jobscope::{db::profile::MemoryProfile, units::Bytes};
use serde_json::Value;

use common::{
    engine::{ENDLESS, PATIENCE},
    jobdb::{self, JobDb},
};

/// The program without a display, without a home, in the time zone that its dates are in.
fn jobscope(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobscope"));
    command
        .args(args)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("HOME")
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn finish(child: Child) -> Output {
    // Reads both pipes while it waits; on a thread, so that a hang is a failure and not a hang.
    let (done, finished) = mpsc::channel();
    let id = child.id();
    std::thread::Builder::new()
        .name("child".to_owned())
        .spawn(move || {
            // After a timeout nobody waits any more.
            done.send(child.wait_with_output()).ok();
        })
        .expect("a thread");
    let Ok(output) = finished.recv_timeout(PATIENCE) else {
        signal(id, "KILL");
        panic!("the program does not end");
    };
    output.expect("output")
}

fn run(args: &[&str]) -> Output {
    let output = finish(jobscope(args).spawn().expect("the program"));
    let talk = text(&output.stderr);
    assert!(!talk.contains("panicked"), "{args:?}: {talk}");
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn status(output: &Output) -> i32 {
    output.status.code().expect("it was not killed")
}

/// Standard output as JSON, after checking how the program ended.
fn json(args: &[&str], expected: i32) -> Value {
    let output = run(args);
    assert_eq!(
        status(&output),
        expected,
        "{args:?}: {}",
        text(&output.stderr)
    );
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{args:?}: {error}: {}", text(&output.stdout)))
}

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

fn path(db: &JobDb) -> &str {
    db.path.to_str().expect("a plain path")
}

const OUTPUT_KEYS: [&str; 8] = [
    "query", "sql", "params", "columns", "rows", "complete", "next", "receipt",
];

const RECEIPT_KEYS: [&str; 24] = [
    "outcome",
    "error",
    "connection",
    "profile",
    "queued_ms",
    "first_row_ms",
    "elapsed_ms",
    "rows",
    "vm_steps",
    "fullscan_steps",
    "sorts",
    "autoindexes",
    "cache_hits",
    "cache_misses",
    "cache_spills",
    "temp_spill_bytes",
    "sqlite_heap_before_bytes",
    "sqlite_heap_peak_bytes",
    "sqlite_heap_after_bytes",
    "rss_before_bytes",
    "rss_peak_bytes",
    "rss_after_bytes",
    "stop",
    "limit",
];

const STOP_KEYS: [&str; 3] = ["asked_ms", "stopped_after_ms", "given_back_after_ms"];

#[test]
fn json_has_these_keys_in_this_order() {
    let db = JobDb::with_rows(120);
    let users: std::collections::BTreeSet<_> = jobdb::plain_jobs(&db.path)
        .into_iter()
        .map(|job| job.user)
        .collect();
    for (name, num_columns, num_rows) in [
        ("jobs", 21, 50),
        ("count", 1, 1),
        ("statistics", 11, 1),
        ("statistics-grouped", 13, users.len()),
    ] {
        let args = [
            "query",
            path(&db),
            name,
            "--now",
            "1800000000",
            "--format",
            "json",
        ];
        let value = json(&args, 0);
        // Where cc-backend would answer otherwise, its sentences come after everything else.
        let differs = name == "statistics";
        let expected = OUTPUT_KEYS
            .into_iter()
            .chain(differs.then_some("differences"));
        assert_eq!(keys(&value), expected.collect::<Vec<_>>(), "{name}");
        assert_eq!(keys(&value["receipt"]), RECEIPT_KEYS, "{name}");
        assert_eq!(value["query"], name);
        assert_eq!(value["complete"], true, "{name}");
        assert_eq!(value["receipt"]["outcome"], "finished", "{name}");
        assert_eq!(value["receipt"]["stop"], Value::Null, "{name}");
        assert_eq!(value["receipt"]["connection"], 0, "{name}");
        assert!(
            value["sql"].as_str().expect("text").starts_with("SELECT"),
            "{name}"
        );
        let columns = value["columns"].as_array().expect("columns");
        assert_eq!(columns.len(), num_columns, "{name}");
        assert_eq!(keys(&columns[0]), ["name", "unit"], "{name}");
        let rows = value["rows"].as_array().expect("rows");
        assert_eq!(rows.len(), num_rows, "{name}");
        assert!(
            rows.iter()
                .all(|row| row.as_array().expect("a row").len() == num_columns)
        );
        assert_eq!(value["receipt"]["rows"], rows.len(), "{name}");
    }
    let value = json(
        &[
            "sql",
            path(&db),
            "SELECT 1 AS one, NULL, x'FF', 2.5",
            "--format",
            "json",
        ],
        0,
    );
    assert_eq!(keys(&value), OUTPUT_KEYS);
    assert_eq!(value["query"], "sql");
    assert_eq!(value["rows"], serde_json::json!([[1, null, "x'ff'", 2.5]]));
    assert_eq!(value["columns"][0]["name"], "one");
}

#[test]
fn numbers_are_those_of_the_real_database() {
    let Some(db) = jobdb::real() else {
        println!("skipped: the real database is not on this machine");
        return;
    };
    let value = json(&["query", path(&db), "statistics", "--format", "json"], 0);
    assert_eq!(
        value["rows"],
        serde_json::json!([[544, 42, 2751, 548, 2751, 26952, 88384, 600, 3980, 0, 138]])
    );
    let args = [
        "query",
        path(&db),
        "statistics-grouped",
        "--by",
        "cluster",
        "--format",
        "csv",
    ];
    let output = run(&args);
    assert_eq!(
        text(&output.stdout).lines().skip(1).collect::<Vec<_>>(),
        [
            "alex,303,41,2408,307,2408,9600,63680,600,3980,0,87",
            "fritz,241,1,343,241,343,17352,24704,0,0,0,51"
        ]
    );
}

#[test]
fn filters_reach_the_query() {
    let db = JobDb::with_rows(400);
    let count = |args: &[&str]| {
        let all = [&["query", path(&db), "count", "--format", "json"], args].concat();
        json(&all, 0)["rows"][0][0].as_u64().expect("a count")
    };
    let jobs = jobdb::plain_jobs(&db.path);
    let counted = |accepts: &dyn Fn(&jobdb::PlainJob) -> bool| {
        jobs.iter().filter(|job| accepts(job)).count() as u64
    };
    assert_eq!(
        count(&["--cluster", "fritz"]),
        counted(&|j| j.cluster == "fritz")
    );
    assert_eq!(
        count(&["--user", "o'hara%_"]),
        counted(&|j| j.user == "o'hara%_")
    );
    assert_eq!(
        count(&["--project", "proj3"]),
        counted(&|j| j.project == "proj3")
    );
    assert_eq!(
        count(&["--state", "running", "--state", "failed"]),
        counted(&|j| j.state == "running" || j.state == "failed")
    );
    assert_eq!(
        count(&["--from", "1700000600", "--to", "2023-11-14T22:30:00Z"]),
        counted(&|j| (1_700_000_600..=1_700_001_000).contains(&j.start_time))
    );
    assert_eq!(count(&["--from=-5"]), 400);
    assert_eq!(count(&["--cluster", "contains:'; DROP TABLE job; --"]), 0);
    assert_eq!(count(&[]), 400);
}

#[test]
fn next_and_after_walk_through_everything() {
    let db = JobDb::with_rows(230);
    let mut expected: Vec<_> = jobdb::plain_jobs(&db.path)
        .iter()
        .map(|job| (job.start_time, job.id))
        .collect();
    expected.sort_unstable_by(|a, b| b.cmp(a));
    let mut walked = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let mut args = vec![
            "query",
            path(&db),
            "jobs",
            "--limit",
            "60",
            "--format",
            "json",
        ];
        if let Some(after) = &after {
            args.extend(["--after", after]);
        }
        let value = json(&args, 0);
        walked.extend(value["rows"].as_array().expect("rows").iter().map(|row| {
            (
                row[6].as_i64().expect("a start"),
                row[0].as_i64().expect("an id"),
            )
        }));
        assert!(walked.len() <= expected.len(), "the walk does not end");
        after = value["next"].as_str().map(ToOwned::to_owned);
        if after.is_none() {
            break;
        }
    }
    assert_eq!(walked, expected);
}

#[test]
fn limits_stop_with_status_three_and_whole_json() {
    let db = JobDb::with_rows(20);
    let rows = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    for (statement, option, value, outcome) in [
        (ENDLESS, "--time-limit", "150ms", "timed_out"),
        (rows, "--time-limit", "150ms", "timed_out"),
        (ENDLESS, "--cancel-after", "100ms", "cancelled"),
        (rows, "--cancel-after", "100ms", "cancelled"),
    ] {
        let value = json(
            &[
                "sql",
                path(&db),
                statement,
                option,
                value,
                "--format",
                "json",
            ],
            3,
        );
        assert_eq!(keys(&value), OUTPUT_KEYS, "{option}");
        assert_eq!(keys(&value["receipt"]), RECEIPT_KEYS, "{option}");
        let is_limit = option == "--time-limit";
        assert_eq!(value["receipt"]["limit"].is_object(), is_limit, "{option}");
        assert_eq!(keys(&value["receipt"]["stop"]), STOP_KEYS, "{option}");
        assert_eq!(value["receipt"]["outcome"], outcome);
        assert_eq!(value["complete"], false);
        assert_eq!(value["next"], Value::Null);
        let asked = value["receipt"]["stop"]["asked_ms"]
            .as_f64()
            .expect("a time");
        assert!((50.0..20_000.0).contains(&asked), "{option}: {asked}");
        let rows = value["rows"].as_array().expect("rows");
        assert_eq!(value["receipt"]["rows"], rows.len(), "{option}");
        if statement != ENDLESS {
            assert!(!rows.is_empty(), "{option}: what has come is shown");
        }
    }
}

#[test]
fn the_memory_budget_stops_with_status_three() {
    let large = jobdb::large();
    let large = large.to_str().expect("a plain path");
    let value = json(
        &[
            "sql",
            large,
            "SELECT SUM(LENGTH(meta_data)) FROM job NOT INDEXED",
            "--memory-budget",
            "20 MiB",
            "--format",
            "json",
        ],
        3,
    );
    assert_eq!(value["receipt"]["outcome"], "over_budget");
    assert_eq!(value["rows"], serde_json::json!([]));
}

#[test]
fn a_stop_is_told_on_standard_error_where_data_is_csv() {
    let db = JobDb::with_rows(20);
    let output = run(&[
        "sql",
        path(&db),
        ENDLESS,
        "--time-limit",
        "100ms",
        "--format",
        "csv",
    ]);
    assert_eq!(status(&output), 3);
    assert_eq!(text(&output.stdout), "COUNT(*)\n");
    assert!(
        text(&output.stderr).contains("timed out after"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_cancel_that_comes_too_late_changes_nothing() {
    let db = JobDb::with_rows(20);
    let value = json(
        &[
            "query",
            path(&db),
            "count",
            "--cancel-after",
            "30s",
            "--format",
            "json",
        ],
        0,
    );
    assert_eq!(value["complete"], true);
    let value = json(
        &[
            "sql",
            path(&db),
            ENDLESS,
            "--cancel-after",
            "0s",
            "--format",
            "json",
        ],
        3,
    );
    assert_eq!(value["receipt"]["outcome"], "cancelled");
    assert_eq!(keys(&value), OUTPUT_KEYS, "also where nothing had begun");
}

/// Sends a signal with the command for it: this crate calls the C library in one place only.
fn signal(id: u32, name: &str) {
    let sent = Command::new("kill")
        .args(["-s", name, &id.to_string()])
        .status()
        .expect("kill");
    assert!(sent.success());
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_with_status_three_and_a_receipt() {
    let db = JobDb::with_rows(20);
    let rows = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    for (name, format) in [("INT", "json"), ("TERM", "json"), ("INT", "csv")] {
        let mut child = jobscope(&["sql", path(&db), rows, "--format", format])
            .spawn()
            .expect("the program");
        // The first line shows that the handler is in place and the statement runs.
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut data = String::new();
        out.read_line(&mut data).expect("the beginning");
        signal(child.id(), name);
        out.read_to_string(&mut data).expect("the rest");
        let output = finish(child);
        let talk = text(&output.stderr);
        assert_eq!(status(&output), 3, "{name}, {format}: {talk}");
        if format == "json" {
            let value: Value = serde_json::from_str(&data).expect("whole JSON");
            assert_eq!(value["receipt"]["outcome"], "cancelled", "{name}");
            assert_eq!(keys(&value["receipt"]["stop"]), STOP_KEYS);
            assert!(value["receipt"]["rows"].as_u64() > Some(0));
        } else {
            assert!(talk.contains("cancelled after"), "{talk}");
            assert!(!data.contains("cancelled"), "talk among the data");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_reader_that_leaves_ends_the_program() {
    let db = JobDb::with_rows(20);
    let rows = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    for format in ["csv", "json", "table"] {
        let mut child = jobscope(&["sql", path(&db), rows, "--format", format])
            .spawn()
            .expect("the program");
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        assert!(!line.is_empty(), "{format}");
        drop(out);
        let output = finish(child);
        let talk = text(&output.stderr);
        assert!(!talk.contains("panicked"), "{format}: {talk}");
        assert!(
            output.status.code().is_some(),
            "{format}: killed by a signal"
        );
    }
}

#[test]
fn data_goes_to_standard_output_and_talk_to_standard_error() {
    let db = JobDb::with_rows(120);
    for format in ["table", "csv", "json"] {
        let output = run(&[
            "query",
            path(&db),
            "jobs",
            "--limit",
            "200",
            "--format",
            format,
        ]);
        assert_eq!(status(&output), 0);
        assert!(!output.stdout.is_empty(), "{format}");
        assert_eq!(text(&output.stderr), "", "{format}: nobody watches");
    }
    let part = run(&[
        "query",
        path(&db),
        "jobs",
        "--limit",
        "20",
        "--format",
        "csv",
    ]);
    assert_eq!(
        text(&part.stdout).lines().count(),
        21,
        "a header and 20 jobs"
    );
    assert!(
        text(&part.stderr).contains("more: --after"),
        "a part says so"
    );
    let output = run(&["sql", path(&db), "DELETE FROM job"]);
    assert_eq!(text(&output.stdout), "", "no data");
    assert!(text(&output.stderr).starts_with("jobscope: Only one reading statement"));
}

#[test]
fn csv_comes_back_as_it_was() {
    let db = JobDb::with_rows(1);
    let statement = "SELECT 'a\"b', 'two\nlines', 'com,ma', '', NULL, 'ü😀', 1.5, x'00FF' AS \"odd, name\" \
                     UNION ALL SELECT ' ', '\r\n', '\"', ';', 'x', '', 2, 'y'";
    let output = run(&["sql", path(&db), statement, "--format", "csv"]);
    assert_eq!(status(&output), 0, "{}", text(&output.stderr));
    let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
    let headers = reader.headers().expect("a header").clone();
    assert_eq!(headers.get(7), Some("odd, name"));
    let rows: Vec<Vec<String>> = reader
        .deserialize()
        .map(|row| row.expect("a row"))
        .collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        rows[0],
        [
            "a\"b",
            "two\nlines",
            "com,ma",
            "",
            "",
            "ü😀",
            "1.5",
            "x'00ff'"
        ]
    );
    assert_eq!(rows[1], [" ", "\r\n", "\"", ";", "x", "", "2", "y"]);
}

#[test]
fn a_table_has_one_line_for_each_row() {
    let db = JobDb::with_rows(1);
    let output = run(&[
        "sql",
        path(&db),
        "SELECT 'two\nlines\tand \x1b[31mred' AS a, 2 AS b",
    ]);
    let table = text(&output.stdout);
    assert_eq!(table.lines().count(), 2, "{table}");
    assert!(
        !table.contains('\x1b'),
        "a cell must not control the terminal"
    );
}

#[test]
fn failures_are_status_one_with_a_report() {
    let db = JobDb::with_rows(20);
    let folder = db.folder().to_str().expect("a plain path");
    let missing = format!("{folder}/missing.db");
    for (args, said) in [
        (
            vec!["sql", path(&db), "DELETE FROM job"],
            "deletes from job",
        ),
        (
            vec!["sql", path(&db), "SELECT 1; SELECT 2"],
            "more than one",
        ),
        (vec!["sql", path(&db), ""], "returns nothing"),
        (vec!["sql", path(&db), "SELEC"], "syntax error"),
        (vec!["query", folder, "count"], "directory"),
        (vec!["query", &missing, "count"], "missing.db"),
        (vec!["check", &missing], "missing.db"),
        (vec!["sql", &missing, "SELECT 1"], "missing.db"),
    ] {
        let output = run(&args);
        let talk = text(&output.stderr);
        assert_eq!(status(&output), 1, "{args:?}: {talk}");
        assert!(talk.starts_with("jobscope: "), "{args:?}: {talk}");
        assert!(talk.contains(said), "{args:?}: {talk}");
        assert!(talk.contains("because: "), "{args:?}: {talk}");
    }
    assert!(!Path::new(&missing).exists());
}

#[test]
fn a_failure_in_json_is_still_whole_json() {
    let db = JobDb::with_rows(20);
    let output = run(&[
        "sql",
        path(&db),
        "SELECT id, json_extract(CASE WHEN id > 9 THEN '{' ELSE '{}' END, '$') FROM job ORDER BY id",
        "--format",
        "json",
    ]);
    assert_eq!(status(&output), 1);
    let value: Value = serde_json::from_slice(&output.stdout).expect("whole JSON");
    assert_eq!(keys(&value), OUTPUT_KEYS);
    assert_eq!(value["complete"], false);
    assert_eq!(value["receipt"]["outcome"], "failed");
    assert!(
        value["receipt"]["error"]
            .as_str()
            .expect("a cause")
            .contains("malformed JSON")
    );
    assert_eq!(value["rows"].as_array().map(Vec::len), Some(5));
}

#[test]
fn a_wrong_command_line_is_status_two() {
    let db = JobDb::with_rows(1);
    for args in [
        vec!["nonsense", "x", "y"],
        vec!["query"],
        vec!["query", path(&db), "nonsense"],
        vec!["query", path(&db), "jobs", "--after", "x"],
        vec!["query", path(&db), "count", "--from", "yesterday"],
        vec!["query", path(&db), "statistics-grouped", "--by", "weather"],
        vec!["sql", path(&db), "SELECT 1", "--time-limit", "0s"],
        vec!["sql", path(&db), "SELECT 1", "--time-limit", "ten"],
        vec!["sql", path(&db), "SELECT 1", "--memory-budget", "much"],
        vec!["sql", path(&db), "SELECT 1", "--row-budget", "1.5"],
        vec!["sql", path(&db), "SELECT 1", "--format", "xml"],
        vec!["check", path(&db), "--format", "csv"],
    ] {
        let output = run(&args);
        assert_eq!(status(&output), 2, "{args:?}: {}", text(&output.stderr));
        assert!(!output.stderr.is_empty(), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn no_budget_is_off_and_nothing_is_no_budget() {
    let db = JobDb::with_rows(20);
    let free = MemoryProfile {
        name: "strict".to_owned(),
        time_limit: None,
        ..MemoryProfile::jobscope()
    };
    let mut strict = [free.clone(), free.clone(), free.clone(), free];
    strict[0].time_limit = Some(std::time::Duration::from_millis(1));
    strict[1].memory_budget = Some(Bytes(1));
    strict[2].row_budget = Some(1);
    strict[3].result_budget = Some(Bytes(1));
    let budgets = [
        ("--time-limit", "0s"),
        ("--heap-budget", "0"),
        ("--row-budget", "0"),
        ("--result-budget", "0 B"),
    ];
    for ((option, nothing), profile) in budgets.into_iter().zip(strict) {
        let text_of = |args: &[&str]| {
            let output = run(args);
            (status(&output), text(&output.stderr))
        };
        let sql = [
            "sql",
            path(&db),
            "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 200000) \
             SELECT MAX(i) FROM n UNION ALL SELECT 1",
        ];
        let (code, said) = text_of(&[&sql[..], &[option, nothing]].concat());
        assert_eq!(code, 2, "{option}: {said}");
        assert!(said.contains("or off"), "{option}: {said}");

        let file = db.folder().join("strict.toml");
        profile.save(&file).expect("a profile");
        let file = file.to_str().expect("a plain path");
        let with_profile = [&sql[..], &["--profile", file]].concat();
        let (code, said) = text_of(&with_profile);
        assert_eq!(code, 3, "{option}: the profile's counts: {said}");
        let (code, said) = text_of(&[&with_profile[..], &[option, "off"]].concat());
        assert_eq!(code, 0, "{option}: off goes before it: {said}");
    }
}

#[test]
fn profiles_are_found_by_name_or_file() {
    let db = JobDb::with_rows(20);
    let output = run(&["query", path(&db), "count", "--profile", "no such thing"]);
    assert_eq!(status(&output), 2);
    for profile in MemoryProfile::built_in() {
        assert!(
            text(&output.stderr).contains(&profile.name),
            "{}",
            text(&output.stderr)
        );
        let args = [
            "sql",
            path(&db),
            "PRAGMA cache_size",
            "--profile",
            &profile.name,
            "--format",
            "json",
        ];
        let value = json(&args, 0);
        assert_eq!(value["receipt"]["profile"], profile.name);
        assert_eq!(value["rows"][0][0], profile.cache_size.to_pragma());
    }

    let file = db.folder().join("mine.toml");
    let mine = MemoryProfile {
        name: "mine".to_owned(),
        cache_size: jobscope::db::pragma::CacheSize::Pages(77),
        time_limit: Some(Duration::from_millis(120)),
        ..MemoryProfile::jobscope()
    };
    mine.save(&file).expect("saved");
    let file = file.to_str().expect("a plain path");
    let args = [
        "sql",
        path(&db),
        "PRAGMA cache_size",
        "--profile",
        file,
        "--format",
        "json",
    ];
    let value = json(&args, 0);
    assert_eq!(value["receipt"]["profile"], "mine");
    assert_eq!(value["rows"][0][0], 77);
    let args = [
        "sql",
        path(&db),
        ENDLESS,
        "--profile",
        file,
        "--format",
        "json",
    ];
    assert_eq!(json(&args, 3)["receipt"]["outcome"], "timed_out");

    std::fs::write(file, "name = \"broken\"").expect("a broken profile");
    let output = run(&["query", path(&db), "count", "--profile", file]);
    assert_ne!(status(&output), 0);
    assert!(
        text(&output.stderr).contains("mine.toml"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn check_describes_a_file_and_this_program() {
    let db = JobDb::with_rows(20);
    let value = json(&["check", path(&db), "--format", "json"], 0);
    assert_eq!(keys(&value), ["sqlite", "database"]);
    assert_eq!(value["database"]["schema_version"], 11);
    assert_eq!(value["database"]["journal_mode"], "wal");
    assert_eq!(value["database"]["migration_is_dirty"], false);
    assert_eq!(value["sqlite"]["memory_management"], false);
    let output = run(&["check", path(&db)]);
    let table = text(&output.stdout);
    assert!(
        table.contains("jobs_cluster_energy"),
        "a missing index is named: {table}"
    );
    let output = run(&["check"]);
    assert_eq!(status(&output), 0);
    assert!(text(&output.stdout).contains("SQLite"));
}

#[test]
fn the_folder_is_as_it_was_afterwards() {
    let db = JobDb::with_rows(20);
    let before = std::fs::read(&db.path).expect("bytes");
    for args in [
        vec!["query", path(&db), "jobs"],
        vec!["check", path(&db)],
        vec!["sql", path(&db), ENDLESS, "--time-limit", "50ms"],
        vec!["sql", path(&db), "DROP TABLE job"],
    ] {
        run(&args);
        let names: Vec<_> = std::fs::read_dir(db.folder())
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        assert_eq!(names, ["job.db"], "{args:?}");
    }
    assert!(std::fs::read(&db.path).expect("bytes") == before);
}

#[test]
fn immutable_reads_and_help_and_version_answer() {
    let db = JobDb::with_rows(20);
    let value = json(
        &[
            "query",
            path(&db),
            "count",
            "--immutable",
            "--format",
            "json",
        ],
        0,
    );
    assert_eq!(value["rows"][0][0], 20);
    for args in [vec!["--help"], vec!["--version"], vec!["query", "--help"]] {
        let output = run(&args);
        assert_eq!(status(&output), 0, "{args:?}");
        assert!(!output.stdout.is_empty(), "{args:?}");
    }
}
