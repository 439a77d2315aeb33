//! How exports end: what they refuse, what a stop leaves, and text of any kind.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::{
    fs,
    process::{Command, Stdio},
};

use jobscope::{
    export::{Export, Format},
    jobs::column::JobColumn,
};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use proptest::prelude::*;

use common::{
    exported::{export, jobscope, names, plain, spec, talk},
    jobdb::{self, JobDb},
};

#[test]
fn what_exists_is_refused_before_anything_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("jobs.csv");
    fs::write(&output, "precious").expect("a file");
    // Not even the database has to be there for that.
    let missing = folder.path().join("no.db");
    let said = export(&missing, &output, &[], 2);
    assert!(said.contains("--force"), "{said}");
    assert_eq!(fs::read(&output).expect("the file"), b"precious");
    let db = JobDb::with_rows(20);
    export(&db.path, &output, &["--force"], 0);
    assert!(fs::read_to_string(&output).expect("CSV").starts_with("id,"));
    // The part of an export that is still at work, or was kept.
    let other = folder.path().join("other.csv");
    fs::write(folder.path().join("other.csv.part"), "at work").expect("a part");
    export(&db.path, &other, &[], 2);
    assert_eq!(names(folder.path()), ["jobs.csv", "other.csv.part"]);
}

#[test]
fn the_database_and_its_side_files_are_never_written() {
    let db = JobDb::with_rows(20);
    let before = fs::read(&db.path).expect("the database");
    for name in ["job.db", "job.db-wal", "job.db-shm", "../job.db"] {
        let output = if name.starts_with("..") {
            fs::create_dir_all(db.folder().join("x")).expect("a folder");
            db.folder().join("x").join(name)
        } else {
            db.folder().join(name)
        };
        let args = ["--force", "--format", "csv"];
        let said = export(&db.path, &output, &args, 2);
        assert!(said.contains("another file than the database"), "{said}");
    }
    assert_eq!(fs::read(&db.path).expect("the database"), before);
    assert_eq!(names(db.folder()), ["job.db", "x"]);
}

#[test]
fn a_stopped_export_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, args) in [
        ("jobs.csv", &["--cancel-after", "200ms"][..]),
        ("jobs.jsonl", &["--time-limit", "200ms"]),
        (
            "jobs.parquet",
            &["--time-limit", "200ms", "--sort", "energy"],
        ),
        ("jobs", &["--cancel-after", "200ms", "--partitioned"]),
    ] {
        let said = export(&jobdb::large(), &folder.path().join(name), args, 3);
        assert!(said.contains("nothing was left"), "{said}");
        assert_eq!(names(folder.path()), [""; 0], "{name}");
    }
}

#[test]
fn a_stopped_export_is_closed_and_kept_where_that_is_wanted() {
    let folder = tempfile::tempdir().expect("a folder");
    let keep = ["--keep-stopped", "--cancel-after", "400ms"];
    let output = folder.path().join("jobs.parquet");
    let said = export(&jobdb::large(), &output, &keep, 3);
    assert!(said.contains("jobs.parquet.part: the first"), "{said}");
    let file = fs::File::open(folder.path().join("jobs.parquet.part")).expect("the part");
    let reader = SerializedFileReader::new(file).expect("Parquet with an end");
    let rows = reader.metadata().file_metadata().num_rows();
    assert!((1..200_000).contains(&rows), "{rows}");
    let said = export(&jobdb::large(), &folder.path().join("jobs.csv"), &keep, 3);
    let lines = fs::read_to_string(folder.path().join("jobs.csv.part")).expect("the part");
    assert!(lines.ends_with("\r\n"), "whole lines only");
    let count = jobscope::units::format_count(lines.lines().count() as u64 - 1);
    let first = format!("the first {count} jobs").replace('\u{2009}', " ");
    assert!(said.contains(&first), "{said}");
    assert_eq!(names(folder.path()), ["jobs.csv.part", "jobs.parquet.part"]);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let db = JobDb::with_rows(20);
    let output = db.folder().join("nowhere").join("jobs.csv");
    let said = export(&db.path, &output, &[], 1);
    assert!(
        said.contains("nowhere") && said.contains("Check the path"),
        "{said}"
    );
    assert_eq!(names(db.folder()), ["job.db"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_nothing_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["jobs.csv", "jobs.parquet"] {
        let output = folder.path().join(name);
        // Files may have 64 KiB here; the signal that would say so otherwise is ignored.
        let script = "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\"";
        let ended = Command::new("sh")
            .args(["-c", script, env!("CARGO_BIN_EXE_jobscope"), "export"])
            .args([
                plain(&jobdb::large()),
                "-o",
                plain(&output),
                "--keep-stopped",
            ])
            .output()
            .expect("a shell");
        assert_eq!(ended.status.code(), Some(1), "{}", talk(&ended));
        assert!(talk(&ended).contains("Could not write"), "{}", talk(&ended));
        assert_eq!(names(folder.path()), [""; 0], "{name}");
    }
    let full = fs::File::options()
        .write(true)
        .open("/dev/full")
        .expect("a device");
    let ended = Command::new(env!("CARGO_BIN_EXE_jobscope"))
        .args(["export", plain(&jobdb::large()), "-o", "-"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .expect("the program");
    assert_eq!(ended.status.code(), Some(1));
    assert!(talk(&ended).contains("No space left"), "{}", talk(&ended));
}

#[cfg(unix)]
#[test]
fn whoever_reads_standard_output_may_leave() {
    let script = "\"$0\" \"$@\" | head -3; exit ${PIPESTATUS[0]}";
    let ended = Command::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_jobscope"), "export"])
        .args([
            plain(&jobdb::large()),
            "-o",
            "-",
            "--columns",
            "id,job_state",
        ])
        .output()
        .expect("a shell");
    assert_eq!(ended.status.code(), Some(0), "{}", talk(&ended));
    assert!(ended.stdout.starts_with(b"id,job_state\r\n"));
    assert_eq!(talk(&ended), "");
}

#[test]
fn wrong_usage_is_told_as_such() {
    let db = JobDb::with_rows(20);
    let output = db.folder().join("jobs.xls");
    for args in [
        &[][..],
        &["--format", "csv", "--columns", "nodes"],
        &["--format", "csv", "--partitioned"],
        &["--format", "csv", "--sort", "nonsense"],
        &["--format", "csv", "--cluster", "no-such-cluster"],
    ] {
        export(&db.path, &output, args, 2);
    }
    let ended = jobscope(&["export", plain(&db.path), "-o", "-", "--format", "parquet"]);
    assert_eq!(ended.status.code(), Some(2), "{}", talk(&ended));
    assert_eq!(names(db.folder()), ["job.db"]);
}

/// Writes rows of two texts as an export does, from a database in memory.
fn written(rows: &[(Option<String>, Vec<u8>)], format: Format) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rows");
    let spec = spec(&path, &["project", "meta_data"], format);
    let columns: Vec<JobColumn> = spec.columns.clone();
    let database = folder.path().join("job.db");
    let mut export = Export::create(&spec, &columns, &database).expect("a file");
    let conn = rusqlite::Connection::open_in_memory().expect("in memory");
    for row in rows {
        let mut statement = conn.prepare("SELECT ?, ?").expect("a row");
        let mut found = statement.query((&row.0, &row.1)).expect("a row");
        let row = found.next().expect("a row").expect("a row");
        export.row(row).expect("written");
    }
    export.finish().expect("a file");
    fs::read(&path).expect("the file")
}

fn any_rows() -> impl Strategy<Value = Vec<(Option<String>, Vec<u8>)>> {
    let special =
        proptest::sample::select(vec!["\"", ",", "\r\n", "\n", "\"\"", "ü", "\0", " ", "{"]);
    let text = proptest::collection::vec(prop_oneof![special.prop_map(str::to_owned), ".*"], 0..5)
        .prop_map(|pieces| pieces.concat());
    let bytes = prop_oneof![
        text.clone().prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..9)
    ];
    proptest::collection::vec((proptest::option::of(text), bytes), 0..8)
}

fn shown(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| common::exported::hex(bytes), ToOwned::to_owned)
}

proptest! {
    #[test]
    fn whatever_was_written_as_csv_reads_back(rows in any_rows()) {
        let bytes = written(&rows, Format::Csv);
        let mut reader = csv::Reader::from_reader(&bytes[..]);
        let found: Vec<_> = reader
            .records()
            .map(|record| record.expect("CSV"))
            .map(|record| (record[0].to_owned(), record[1].to_owned()))
            .collect();
        let expected: Vec<_> = rows
            .iter()
            .map(|(text, bytes)| (text.clone().unwrap_or_default(), shown(bytes)))
            .collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn whatever_was_written_as_json_reads_back(rows in any_rows()) {
        let bytes = written(&rows, Format::Jsonl);
        let text = std::str::from_utf8(&bytes).expect("text");
        prop_assert_eq!(text.lines().count(), rows.len());
        for (line, (text, bytes)) in text.lines().zip(&rows) {
            let found: serde_json::Value = serde_json::from_str(line).expect("JSON");
            prop_assert_eq!(&found["project"], &serde_json::json!(text));
            let shown = shown(bytes);
            let expected = serde_json::from_str(&shown)
                .unwrap_or_else(|_| serde_json::Value::from(shown.as_str()));
            prop_assert_eq!(&found["meta_data"], &expected);
        }
    }
}
