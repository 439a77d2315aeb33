//! `jobscope record`: what the file holds, and that it is readable however the recording ended.
#![cfg(target_os = "linux")]
#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::{
    path::{Path, PathBuf},
    process::Child,
    time::Duration,
};

use jobscope::{
    engine::receipt::Outcome,
    memory::{marker::MarkerKind, quantity::Quantity, recording::Recording, series::Series},
};
use serde_json::Value;
use tempfile::TempDir;

use common::{
    engine::ENDLESS,
    jobdb::JobDb,
    program::{Killed, end_of, jobscope, rss_of, run, shell_named, signal, until},
};

struct Place {
    folder: TempDir,
    file: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("run.jsonl");
        Self { folder, file }
    }

    fn name(&self) -> &str {
        text(&self.file)
    }

    fn read(&self) -> Recording {
        Recording::read(&self.file).expect("a recording")
    }

    fn num_lines(&self) -> usize {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        text.matches('\n').count()
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

fn start(args: &[&str]) -> Child {
    jobscope(args).spawn().expect("the program")
}

#[test]
fn a_recording_has_its_header_its_samples_and_every_task() {
    let (db, place) = (JobDb::with_rows(2_000), Place::new());
    let (status, out, talk) = run(&[
        "record",
        text(&db.path),
        "--query",
        "statistics",
        "--query",
        "jobs",
        "--limit",
        "10",
        "--sql",
        "SELECT id FROM job LIMIT 7",
        "--repeat",
        "2",
        "--parallel",
        "2",
        "--profile",
        "SQLite's defaults",
        "--give-back",
        "--for",
        "2s",
        "-o",
        place.name(),
        "--format",
        "json",
    ]);
    assert_eq!(status, 0, "{talk}");
    assert!(talk.contains("connections 1 → 2"), "said: {talk}");
    let summary: Value = serde_json::from_str(&out).expect("JSON");
    let names: Vec<_> = summary["receipts"]
        .as_array()
        .expect("receipts")
        .iter()
        .map(|receipt| receipt["query"].as_str().expect("a name"))
        .collect();
    let turn = ["statistics", "statistics", "jobs", "jobs", "sql", "sql"];
    assert_eq!(names, [turn, turn].concat());
    assert_eq!(
        summary["receipts"][2]["rows"], 10,
        "the filter options count"
    );
    assert_eq!(summary["receipts"][4]["rows"], 7);
    let rungs = summary["give_back"]["rungs"].as_array().expect("rungs");
    assert_eq!(rungs.len(), 6);
    let length = std::fs::metadata(&place.file).expect("the file").len();
    assert_eq!(summary["bytes"], length);

    let recording = place.read();
    assert!(!recording.is_cut);
    assert_eq!(recording.header.profile.name, "SQLite's defaults");
    assert_eq!(recording.header.profile.connections, 2);
    let database = recording.header.database.as_ref().expect("a database");
    assert_eq!(database.page_size, 4096);
    assert_eq!(recording.receipts.len(), 12);
    assert_eq!(recording.timeline.bands.len(), 12);
    assert!(
        recording
            .timeline
            .bands
            .iter()
            .all(|band| band.end.is_some())
    );
    assert_eq!(recording.given_back.len(), 1);
    assert_eq!(summary["samples"], recording.samples.len());
    let secs: Vec<_> = recording.samples.iter().map(|s| s.at_secs).collect();
    let span = secs[secs.len() - 1] - secs[0];
    assert!(span > 2.0, "before, and two seconds after: {span}");
    // How many fewer depends on who else uses the processor.
    let rate = (secs.len() - 1) as f64 / span;
    assert!((2.0..10.5).contains(&rate), "{rate} a second");
    assert!(secs.is_sorted(), "in the order they were taken");

    let written = std::fs::read_to_string(&place.file).expect("text");
    assert!(
        !written.contains(text(db.folder())),
        "no path of the database"
    );
}

#[test]
fn an_error_that_names_the_database_is_recorded_without_its_path() {
    let (db, place) = (JobDb::with_rows(10), Place::new());
    let child = start(&[
        "record",
        text(&db.path),
        "--sql",
        "SELECT 1",
        "--repeat",
        "1000000",
        "--profile",
        "SQLite's defaults",
        "-o",
        place.name(),
    ]);
    until("some tasks", || place.num_lines() > 20);
    signal(&child, "INT");
    assert_eq!(end_of(child).0, 3);
    let (status, _, talk) = run(&[
        "record",
        text(&db.path),
        "--sql",
        "SELECT nothing FROM nowhere",
        "-o",
        place.name(),
        "--force",
    ]);
    assert_eq!(status, 1);
    assert!(talk.contains("nowhere"), "{talk}");
    let recording = place.read();
    assert_eq!(recording.receipts[0].receipt.outcome, Outcome::Failed);
    let written = std::fs::read_to_string(&place.file).expect("text");
    assert!(!written.contains(text(db.folder())), "{written}");
}

#[test]
fn tasks_at_once_overlap_and_a_cancel_leaves_its_receipt() {
    let (db, place) = (JobDb::with_rows(10), Place::new());
    let (status, _, talk) = run(&[
        "record",
        text(&db.path),
        "--sql",
        ENDLESS,
        "--parallel",
        "3",
        "--cancel-after",
        "700ms",
        "-o",
        place.name(),
    ]);
    assert_eq!(status, 3, "as jobscope query does: {talk}");
    let recording = place.read();
    let bands = &recording.timeline.bands;
    assert_eq!(bands.len(), 3);
    let last_start = bands.iter().map(|b| b.from_secs).fold(0.0, f64::max);
    for (band, ended) in bands.iter().zip(&recording.receipts) {
        let (end, outcome) = band.end.expect("it ended");
        assert!(end - last_start > 0.5, "all three at once");
        assert_eq!(outcome, Outcome::Cancelled);
        assert!(band.stop_asked_secs.is_some());
        let stop = ended.receipt.stop.expect("stopped");
        assert!((600.0..60_000.0).contains(&stop.asked_ms), "{stop:?}");
        assert!(ended.receipt.limit.is_none(), "no limit, a wish");
    }
    let connections: std::collections::BTreeSet<_> = bands.iter().map(|b| b.connection).collect();
    assert_eq!(connections.len(), 3, "each on its own connection");
}

#[test]
fn a_recording_that_was_killed_at_any_moment_is_read() {
    let db = JobDb::with_rows(500);
    for num_lines in [1, 3, 8, 25] {
        let place = Place::new();
        let mut child = start(&[
            "record",
            text(&db.path),
            "--query",
            "statistics",
            "--repeat",
            "100000",
            "-o",
            place.name(),
        ]);
        until("lines", || place.num_lines() >= num_lines);
        child.kill().expect("killed");
        child.wait().expect("gone");
        let recording = place.read();
        let kinds = recording.samples.len() + recording.timeline.bands.len();
        assert!(
            kinds + recording.receipts.len() + 2 >= num_lines / 2,
            "{num_lines}"
        );
    }
}

#[test]
fn ctrl_c_ends_a_recording_with_its_receipt_written() {
    let (db, place) = (JobDb::with_rows(10), Place::new());
    let child = start(&[
        "record",
        text(&db.path),
        "--sql",
        ENDLESS,
        "--for",
        "1 h",
        "-o",
        place.name(),
        "--format",
        "json",
    ]);
    until("a task", || place.num_lines() > 8);
    signal(&child, "INT");
    let (status, out, talk) = end_of(child);
    assert_eq!(status, 3, "{talk}");
    let summary: Value = serde_json::from_str(&out).expect("a summary");
    assert_eq!(summary["receipts"][0]["outcome"], "cancelled");
    let recording = place.read();
    assert!(!recording.is_cut);
    assert_eq!(recording.receipts[0].receipt.outcome, Outcome::Cancelled);
}

#[test]
fn what_is_there_already_stays() {
    let (db, place) = (JobDb::with_rows(10), Place::new());
    std::fs::write(&place.file, "precious").expect("written");
    let args = ["record", text(&db.path), "--sql", "SELECT 1", "-o"];
    let (status, out, talk) = run(&[&args[..], &[place.name()]].concat());
    assert_eq!(status, 2, "{talk}");
    assert!(out.is_empty() && talk.contains("--force"), "{talk}");
    let content = || std::fs::read_to_string(&place.file).expect("text");
    assert_eq!(content(), "precious");
    let before = std::fs::read(&db.path).expect("the database");
    let link = place.folder.path().join("link");
    std::os::unix::fs::symlink(&db.path, &link).expect("a link");
    let side_files = ["-wal", "-shm"].map(|end| format!("{}{end}", db.path.display()));
    for output in [text(&db.path), text(&link), &side_files[0], &side_files[1]] {
        let (status, _, talk) = run(&[&args[..], &[output, "--force"]].concat());
        assert_eq!(status, 2, "{output}: {talk}");
    }
    assert!(std::fs::read(&db.path).expect("the database") == before);
    // A wrong query is found before anything is replaced.
    let wrong = ["record", text(&db.path), "--query", "count", "--limit", "3"];
    let (status, ..) = run(&[&wrong[..], &["--force", "-o", place.name()]].concat());
    assert_eq!((status, content().as_str()), (2, "precious"));
    let (status, ..) = run(&[&args[..], &[place.name(), "--force"]].concat());
    assert_eq!(status, 0);
    assert_eq!(place.read().receipts.len(), 1);
}

#[test]
fn a_file_that_may_not_grow_ends_the_recording_with_a_sentence() {
    let (db, place) = (JobDb::with_rows(10), Place::new());
    let script = "ulimit -f 64 && exec \"$@\"";
    let program = jobscope(&[]);
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", script, "sh"])
        .arg(program.get_program())
        .args(["record", text(&db.path), "--sql", "SELECT 1", "--repeat"])
        .args(["1000000", "-o", place.name()])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let (status, _, talk) = end_of(shell.spawn().expect("a shell"));
    assert_eq!(status, 1, "told, not killed: {talk}");
    assert!(talk.contains("Could not write the recording"), "{talk}");
    let recording = place.read();
    assert!(!recording.receipts.is_empty(), "up to the last whole line");
}

#[test]
fn another_process_is_recorded_with_its_end_and_its_restart() {
    let place = Place::new();
    let shell = shell_named(place.folder.path(), "jobscope-watched");
    let script = ["-c", "read line"];
    let mut first = Killed::start(&shell, &script);
    let pid = first.pid();
    let child = start(&["record", "--pid", "jobscope-watched", "-o", place.name()]);
    until("samples", || place.num_lines() > 8);
    let rss = rss_of(pid);
    first.end();
    let lines = place.num_lines();
    until("samples of its end", || place.num_lines() > lines + 5);
    let second = Killed::start(&shell, &script);
    let restart = format!("started again as pid {}", second.pid());
    until("the restart", || {
        std::fs::read_to_string(&place.file).is_ok_and(|text| text.contains(&restart))
    });
    let lines = place.num_lines();
    until("samples of the second", || place.num_lines() > lines + 3);
    signal(&child, "INT");
    let (status, _, talk) = end_of(child);
    assert_eq!(status, 0, "Ctrl-C is the end that was asked for: {talk}");
    let recording = place.read();
    assert!(recording.header.database.is_none());
    let others = || recording.samples.iter().filter_map(|s| s.other.as_ref());
    let seen = others()
        .filter(|other| other.pid == pid)
        .filter_map(|other| other.rss);
    let nearest = seen.map(|seen| seen.0.abs_diff(rss)).min();
    assert!(
        nearest.is_some_and(|difference| difference < 256 << 10),
        "{nearest:?}"
    );
    assert!(others().any(|other| other.pid == second.pid() && other.rss.is_some()));
    let marks: Vec<_> = (recording.timeline.markers.iter())
        .filter(|mark| mark.kind == MarkerKind::Process)
        .map(|mark| mark.text.as_str())
        .collect();
    assert_eq!(marks.len(), 2, "{marks:?}");
    assert!(
        marks[0].contains(&format!("(pid {pid}) ended")),
        "{marks:?}"
    );
    assert!(marks[1].contains(&restart), "{marks:?}");
}

#[test]
fn a_process_that_is_recorded_by_its_number_ends_the_recording() {
    let place = Place::new();
    let shell = shell_named(place.folder.path(), "jobscope-numbered");
    let mut first = Killed::start(&shell, &["-c", "read line"]);
    let pid = first.pid().to_string();
    let child = start(&["record", "--pid", &pid, "-o", place.name()]);
    until("samples", || place.num_lines() > 8);
    first.end();
    let (status, _, talk) = end_of(child);
    assert_eq!(status, 0, "{talk}");
    assert!(talk.contains(&format!("(pid {pid}) ended")), "{talk}");
    assert!(talk.contains("and with it the recording"), "{talk}");
    let recording = place.read();
    let last = recording.samples.last().and_then(|s| s.other.as_ref());
    assert!(last.is_some_and(|other| other.rss.is_none()), "{last:?}");
}

#[test]
fn a_process_that_is_not_there_is_a_sentence() {
    let place = Place::new();
    for (who, sentence) in [
        ("4194303", "no process has this pid"),
        ("no-such-program-runs", "no process has this name"),
    ] {
        let (status, _, talk) = run(&["record", "--pid", who, "-o", place.name()]);
        assert_eq!(status, 1, "{talk}");
        assert!(talk.contains(sentence), "{talk}");
        assert!(!place.file.exists(), "nothing was recorded");
    }
    let (status, _, talk) = run(&["record", "--sql", "SELECT 1", "-o", place.name()]);
    assert_eq!(status, 2, "no database: {talk}");
}

#[test]
fn a_recorder_that_was_not_run_leaves_a_gap_and_invents_nothing() {
    const STOPPED: Duration = Duration::from_secs(3);
    let (db, place) = (JobDb::with_rows(10), Place::new());
    let child = start(&[
        "record",
        text(&db.path),
        "--sql",
        ENDLESS,
        "-o",
        place.name(),
    ]);
    until("samples", || place.num_lines() > 12);
    signal(&child, "STOP");
    std::thread::sleep(STOPPED);
    signal(&child, "CONT");
    let lines = place.num_lines();
    until("samples afterwards", || place.num_lines() > lines + 8);
    signal(&child, "INT");
    assert_eq!(end_of(child).0, 3);
    let recording = place.read();
    let secs: Vec<_> = recording.samples.iter().map(|s| s.at_secs).collect();
    let gaps: Vec<_> = secs
        .windows(2)
        .filter(|pair| pair[1] - pair[0] > 1.0)
        .collect();
    assert_eq!(gaps.len(), 1, "{secs:?}");
    let (from, to) = (gaps[0][0], gaps[0][1]);
    assert!(to - from >= 2.5, "{from} {to}");
    let after = secs
        .iter()
        .filter(|at| (to..to + 0.5).contains(*at))
        .count();
    assert!(after <= 7, "what was missed is not made up for: {secs:?}");
    let is_clock = recording
        .timeline
        .markers
        .iter()
        .any(|m| m.kind == MarkerKind::Clock);
    assert!(!is_clock, "both clocks went on");

    let mut series = Series::default();
    for sample in &recording.samples {
        series.push(sample);
    }
    for max_points in [1_000, 8] {
        let points = series.between(secs[0], secs[secs.len() - 1], max_points);
        let inside = points.iter().any(|point| {
            point.from_secs <= from && point.to_secs >= to && point.max(Quantity::Rss).is_some()
        });
        assert!(!inside, "no point stands for the gap");
    }
}

#[test]
fn what_is_missing_or_no_file_is_told_in_a_sentence() {
    let (db, place) = (JobDb::with_rows(10), Place::new());
    let database = text(&db.path);
    let folder = text(place.folder.path());
    let sql = ["record", database, "--sql", "SELECT 1", "-o"];
    for (args, words) in [
        (
            vec!["record", database, "--for", "2s", "-o", place.name()],
            "What to record is missing or empty: expected --query NAME, --sql TEXT or --pid",
        ),
        (
            [&sql[..], &[folder]].concat(),
            "expected the name of a file: a folder is there",
        ),
        (
            [&sql[..], &[text(db.folder())]].concat(),
            "expected the name of a file: a folder is there",
        ),
        ([&sql[..], &["-"]].concat(), "not standard output"),
        (
            vec!["report", place.name(), "--format", "svg", "-o", "-"],
            "not standard output",
        ),
    ] {
        let (status, _, talk) = run(&args);
        assert_eq!(status, 2, "{args:?}: {talk}");
        assert!(talk.contains(words), "{args:?}: {talk}");
    }
}

#[test]
fn a_task_that_goes_beyond_its_heap_budget_inside_one_instruction_says_so() {
    let (db, place) = (JobDb::with_rows(10), Place::new());
    // A value of 40 MB and one of 80, made by functions that cannot be stopped.
    let statement = "SELECT LENGTH(HEX(RANDOMBLOB(40000000)))";
    let args = |budget: &'static str| {
        let name = place.name().to_owned();
        let database = text(&db.path).to_owned();
        move |format: &str| {
            run(&[
                "record",
                &database,
                "--sql",
                statement,
                "--heap-budget",
                budget,
                "--for",
                "0s",
                "--force",
                "-o",
                &name,
                "--format",
                format,
            ])
        }
    };
    let (status, out, talk) = args("20MiB")("table");
    assert_eq!(status, 0, "its row is right: {talk}");
    assert!(out.contains("finished, beyond its heap budget"), "{out}");
    assert!(
        talk.contains("it went beyond its heap budget: SQLite's heap grew by")
            && talk.contains("20.0 MiB were allowed; SQLite could not be stopped in between"),
        "{talk}"
    );
    let limit_of = |out: &str| {
        let summary: Value = serde_json::from_str(out).expect("JSON");
        summary["receipts"][0]["limit"].clone()
    };
    let limit = limit_of(&args("20MiB")("json").1);
    assert_eq!(
        (&limit["kind"], &limit["limit"]),
        (&"heap".into(), &(20 << 20).into())
    );
    assert_eq!(limit["stopped"], false);
    assert!(limit["reached"].as_u64() > Some(80_000_000), "{limit}");
    let page = place.folder.path().join("run.html");
    let (status, _, talk) = run(&["report", place.name(), "-o", text(&page)]);
    assert_eq!(status, 0, "{talk}");
    let page = std::fs::read_to_string(page).expect("a page");
    assert!(page.contains("finished, beyond its heap budget: SQLite&#39;s heap grew"));
    let limit = limit_of(&args("400MiB")("json").1);
    assert!(limit.is_null(), "{limit}");
}
