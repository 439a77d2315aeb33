//! What an export should hold, read without any code of this crate.

#![expect(clippy::expect_used, reason = "a test without its data has failed")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{OnceLock, atomic::AtomicBool},
};

use jiff::Timestamp;
use jobscope::{
    demo::{GenerateOptions, generate},
    export::{ExportSpec, Format, Times},
    jobs::{
        catalogue::Clock,
        filter::{JobFilter, Selection},
        sort::Sort,
    },
};
use rusqlite::types::{Value, ValueRef};

use super::jobdb::{self, JobDb};

/// The stored columns of today, in the order of an export.
pub const COLUMNS: [&str; 24] = [
    "id",
    "job_id",
    "hpc_user",
    "project",
    "cluster",
    "subcluster",
    "start_time",
    "cluster_partition",
    "array_job_id",
    "num_nodes",
    "num_hwthreads",
    "num_acc",
    "shared",
    "monitoring_status",
    "smt",
    "job_state",
    "duration",
    "walltime",
    "resources",
    "footprint",
    "energy",
    "submit_time",
    "energy_footprint",
    "meta_data",
];

/// Values of the wrong type in [`strange`], in columns that have one.
pub const MISFITS: usize = 5;

/// Jobs with everything in them that makes a file hard to write.
pub fn strange() -> JobDb {
    let db = JobDb::with_rows(700);
    db.writer()
        .execute_batch(
            "UPDATE job SET num_nodes = 'many' WHERE id = 1;
             UPDATE job SET num_hwthreads = 1.5 WHERE id = 3;
             UPDATE job SET num_acc = x'00ff' WHERE id = 5;
             UPDATE job SET start_time = 'soon' WHERE id = 7;
             UPDATE job SET start_time = 9223372036854775807 WHERE id = 9;
             UPDATE job SET hpc_user = CAST(x'ff00' AS TEXT), energy = 9e999 WHERE id = 11;
             UPDATE job SET project = 'a \"b\", c' || char(13, 10) || 'd' WHERE id = 13;
             UPDATE job SET project = '', energy = -9e999, smt = 9007199254740993 WHERE id = 15;
             UPDATE job SET meta_data = '{\"a\":' || char(10) || '[1,2.50],\"ü\":\"\\n\"}' WHERE id = 17;
             UPDATE job SET cluster = '', start_time = -1 WHERE id = 19;
             UPDATE job SET cluster = '../a=b', energy = 0.1 + 0.2 WHERE id = 21;
             UPDATE job SET cluster = x'ff', energy = 5e-324 WHERE id = 23;",
        )
        .expect("strange rows");
    db
}

/// A generated database with dirt, made once.
pub fn generated() -> &'static Path {
    static FOLDER: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("job.db");
        let options = GenerateOptions {
            until_unix_secs: 1_773_187_200,
            ..GenerateOptions::new(&path, 4_000)
        };
        generate(&options, &AtomicBool::new(false), &mut |_| {}).expect("generated");
        (folder, path)
    });
    path
}

/// Rows of any statement.
pub fn rows_of(path: &Path, sql: &str) -> Vec<Vec<Value>> {
    let conn = jobdb::writer(path);
    let mut statement = conn.prepare(sql).expect(sql);
    let count = statement.column_count();
    statement
        .query_map([], |row| {
            (0..count).map(|index| value(row, index)).collect()
        })
        .expect(sql)
        .collect::<rusqlite::Result<_>>()
        .expect(sql)
}

/// Text that is no UTF-8 comes as bytes, because a `String` cannot hold it.
fn value(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<Value> {
    Ok(match row.get_ref(index)? {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Integer(value),
        ValueRef::Real(value) => Value::Real(value),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => std::str::from_utf8(bytes).map_or_else(
            |_| Value::Blob(bytes.to_vec()),
            |text| Value::Text(text.to_owned()),
        ),
    })
}

/// All stored columns of all jobs in an order.
pub fn all_jobs(path: &Path, order: &str) -> Vec<Vec<Value>> {
    let columns = COLUMNS.join(", ");
    rows_of(path, &format!("SELECT {columns} FROM job ORDER BY {order}"))
}

/// Whether the column holds times.
pub fn is_time(column: &str) -> bool {
    ["start_time", "submit_time"].contains(&column)
}

/// A time as RFC 3339 writes it, or the number where it cannot.
pub fn time(secs: i64) -> String {
    let is_in_range = (-62_167_219_200..253_402_300_800).contains(&secs);
    if !is_in_range {
        return secs.to_string();
    }
    Timestamp::from_second(secs).expect("in range").to_string()
}

pub fn real(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    format!("{value:?}")
}

pub fn hex(bytes: &[u8]) -> String {
    let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("x'{}'", digits.concat())
}

/// The value as a field of CSV.
pub fn text(column: &str, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(secs) if is_time(column) => time(*secs),
        Value::Integer(value) => value.to_string(),
        Value::Real(value) => real(*value),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => hex(bytes),
    }
}

/// Runs the program.
pub fn jobscope(args: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_jobscope"))
        .args(args)
        .env("TZ", "UTC")
        .output()
        .expect("the program runs");
    assert!(!talk(&output).contains("panicked"), "{}", talk(&output));
    output
}

/// Runs `jobscope export`, and checks how it ended.
pub fn export(db: &Path, output: &Path, args: &[&str], status: i32) -> String {
    let paths = [plain(db), "-o", plain(output)];
    let ended = jobscope(&[&["export"], &paths[..], args].concat());
    assert_eq!(
        ended.status.code(),
        Some(status),
        "{args:?}: {}",
        talk(&ended)
    );
    talk(&ended)
}

pub fn plain(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

pub fn talk(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).replace('\u{2009}', " ")
}

/// An export of all jobs, in the usual order, that replaces what is there.
pub fn spec(path: &Path, columns: &[&str], format: Format) -> ExportSpec {
    let clock = Clock {
        now_unix_secs: jobdb::NOW,
        short_secs: 300,
    };
    let columns = columns.iter().map(|name| name.parse().expect("a column"));
    ExportSpec {
        selection: Selection::new(JobFilter::default(), clock),
        sort: Sort::default(),
        columns: columns.collect(),
        expand: Vec::new(),
        rows: None,
        format,
        times: Times::Rfc3339,
        path: path.to_owned(),
        keep_stopped: false,
        overwrite: true,
        time_limit: None,
    }
}

/// The names in a folder.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> = entries
        .map(|entry| {
            let name = entry.expect("an entry").file_name();
            name.to_string_lossy().into_owned()
        })
        .collect();
    names.sort();
    names
}
