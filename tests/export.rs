//! What `jobscope export` writes, compared with what the file holds.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod common;

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
};

use parquet::{
    file::reader::{FileReader as _, SerializedFileReader},
    record::{Field, Row},
};
use rusqlite::types::Value;
use serde_json::Value as Json;

use common::exported::{
    COLUMNS, MISFITS, all_jobs, export, generated, hex, is_time, names, real, rows_of, strange,
    text, time,
};

fn read_csv(path: &Path) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_path(path).expect("a file");
    let texts = |record: &csv::StringRecord| record.iter().map(ToOwned::to_owned).collect();
    let header = texts(reader.headers().expect("a header"));
    let rows = reader
        .records()
        .map(|record| texts(&record.expect("CSV")))
        .collect();
    (header, rows)
}

fn as_texts(columns: &[&str], rows: &[Vec<Value>]) -> Vec<Vec<String>> {
    rows.iter()
        .map(|row| {
            let fields = columns.iter().zip(row);
            fields.map(|(column, value)| text(column, value)).collect()
        })
        .collect()
}

#[test]
fn csv_holds_every_value_of_the_file_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("jobs.csv");
    let strange = strange();
    for db in [generated(), &strange.path] {
        let talk = export(db, &output, &["--force"], 0);
        let expected = all_jobs(db, "start_time DESC, id DESC");
        let (header, rows) = read_csv(&output);
        assert_eq!(header, COLUMNS);
        assert_eq!(rows, as_texts(&COLUMNS, &expected));
        let count = format!("{} jobs", jobscope::units::format_count(rows.len() as u64));
        assert!(talk.contains(&count.replace('\u{2009}', " ")), "{talk}");
    }
    assert_eq!(names(folder.path()), ["jobs.csv"]);
}

#[test]
fn csv_is_that_of_rfc_4180_and_tells_null_from_empty_text() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("jobs.csv");
    let db = strange();
    let args = [
        "--columns",
        "id,project,cluster_partition",
        "--sort",
        "id:asc",
    ];
    export(&db.path, &output, &args, 0);
    let bytes = std::fs::read_to_string(&output).expect("text");
    assert!(bytes.starts_with("id,project,cluster_partition\r\n1,"));
    assert!(bytes.contains("\r\n13,\"a \"\"b\"\", c\r\nd\",batch\r\n15,\"\",batch\r\n"));
    assert!(
        bytes.contains("\r\n39,proj8,\r\n"),
        "NULL is an empty field"
    );
    // One column: a row must not become an empty line, which readers skip.
    let args = ["--columns", "cluster_partition", "--force"];
    export(&db.path, &output, &args, 0);
    assert_eq!(read_csv(&output).1.len(), 700);
}

#[test]
fn times_are_unix_seconds_where_that_is_wanted() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("jobs.csv");
    let args = [
        "--columns",
        "start_time",
        "--times",
        "unix",
        "--sort",
        "id:asc",
    ];
    export(generated(), &output, &args, 0);
    let expected = rows_of(generated(), "SELECT start_time FROM job ORDER BY id");
    assert_eq!(read_csv(&output).1, as_texts(&["duration"], &expected));
}

#[test]
fn json_lines_hold_every_value_and_documents_stay_documents() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("jobs.jsonl");
    let strange = strange();
    for db in [generated(), &strange.path] {
        export(db, &output, &["--force"], 0);
        let expected = all_jobs(db, "start_time DESC, id DESC");
        let lines = std::fs::read_to_string(&output).expect("text");
        assert_eq!(lines.lines().count(), expected.len());
        for (line, row) in lines.lines().zip(&expected) {
            let object: serde_json::Map<String, Json> = serde_json::from_str(line).expect(line);
            assert!(object.keys().eq(COLUMNS), "{line}");
            for ((column, found), value) in object.iter().zip(row) {
                assert_eq!(*found, json(column, value), "{column} of {line}");
            }
        }
    }
}

fn json(column: &str, value: &Value) -> Json {
    let is_document = ["resources", "footprint", "energy_footprint", "meta_data"].contains(&column);
    match value {
        Value::Null => Json::Null,
        Value::Integer(secs) if is_time(column) && time(*secs).contains('T') => time(*secs).into(),
        Value::Integer(value) => (*value).into(),
        Value::Real(value) if value.is_infinite() => real(*value).into(),
        // Read by the same reader, which may miss the last digit.
        Value::Real(value) => serde_json::from_str(&real(*value)).expect("a number"),
        Value::Text(text) if is_document => {
            serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into())
        }
        Value::Text(text) => text.as_str().into(),
        Value::Blob(bytes) => hex(bytes).into(),
    }
}

fn read_parquet(path: &Path) -> Vec<Row> {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reader = SerializedFileReader::new(file).expect("Parquet");
    let rows = reader.get_row_iter(None).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

/// The value in a typed column; what does not fit is NULL.
fn typed(column: &str, value: &Value) -> Field {
    let is_whole = column.starts_with("num_")
        || [
            "id",
            "job_id",
            "array_job_id",
            "monitoring_status",
            "smt",
            "duration",
            "walltime",
        ]
        .contains(&column);
    match value {
        Value::Integer(secs) if is_time(column) => secs
            .checked_mul(1_000_000)
            .map_or(Field::Null, Field::TimestampMicros),
        Value::Integer(value) if is_whole => Field::Long(*value),
        Value::Real(value) if column == "energy" => Field::Double(*value),
        Value::Null => Field::Null,
        _ if is_whole || is_time(column) || column == "energy" => Field::Null,
        Value::Integer(_) | Value::Real(_) | Value::Text(_) | Value::Blob(_) => {
            Field::Str(text(column, value))
        }
    }
}

#[test]
fn parquet_holds_every_value_in_its_type() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("jobs.parquet");
    let strange = strange();
    for (db, misfits) in [(generated(), 0), (&*strange.path, MISFITS)] {
        let talk = export(db, &output, &["--force"], 0);
        let expected = all_jobs(db, "start_time DESC, id DESC");
        let rows = read_parquet(&output);
        assert_eq!(rows.len(), expected.len());
        for (row, values) in rows.iter().zip(&expected) {
            let found: Vec<_> = row.get_column_iter().collect();
            assert_eq!(found.len(), COLUMNS.len());
            for ((name, field), (column, value)) in
                found.into_iter().zip(COLUMNS.iter().zip(values))
            {
                assert_eq!(name, column);
                assert_eq!(*field, typed(column, value), "{column}");
            }
        }
        let said = talk.contains(&format!("{misfits} values did not fit"));
        assert_eq!(said, misfits > 0, "{talk}");
    }
}

/// Every file below a folder, with its path in it.
fn files_below(folder: &Path, prefix: &str, found: &mut BTreeMap<String, PathBuf>) {
    for name in names(folder) {
        let (path, name) = (folder.join(&name), format!("{prefix}{name}"));
        if path.is_dir() {
            files_below(&path, &format!("{name}/"), found);
        } else {
            found.insert(name, path);
        }
    }
}

#[test]
fn partitions_are_folders_of_cluster_and_month() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("jobs");
    let strange = strange();
    for db in [generated(), &strange.path] {
        let args = [
            "--partitioned",
            "--columns",
            "id,cluster,start_time",
            "--force",
        ];
        export(db, &output, &args, 0);
        let mut files = BTreeMap::new();
        files_below(&output, "", &mut files);
        let mut found = Vec::new();
        for (name, path) in &files {
            let partition = name.rsplit_once('/').expect("in a folder").0;
            for row in read_parquet(path) {
                let columns: Vec<_> = row
                    .get_column_iter()
                    .map(|(name, _)| name.as_str())
                    .collect();
                assert_eq!(columns, ["id", "start_time"], "the folder has the cluster");
                let Some((_, Field::Long(id))) = row.get_column_iter().next() else {
                    panic!("an id in {name}");
                };
                found.push((*id, partition.to_owned()));
            }
        }
        found.sort();
        let rows = rows_of(db, "SELECT id, cluster, start_time FROM job ORDER BY id");
        let expected: Vec<_> = rows
            .iter()
            .map(|row| {
                let Value::Integer(id) = row[0] else {
                    panic!("an id: {:?}", row[0]);
                };
                (id, partition(&row[1], &row[2]))
            })
            .collect();
        assert_eq!(found, expected);
    }
    assert_eq!(names(folder.path()), ["jobs"]);
}

fn partition(cluster: &Value, start: &Value) -> String {
    let nowhere = "__HIVE_DEFAULT_PARTITION__".to_owned();
    let cluster = match text("cluster", cluster).as_str() {
        "" => nowhere.clone(),
        "../a=b" => "..%2Fa%3Db".to_owned(),
        "x'ff'" => "x%27ff%27".to_owned(),
        plain => plain.to_owned(),
    };
    let month = if let Value::Integer(secs) = start
        && time(*secs).contains('T')
    {
        time(*secs)[..7].to_owned()
    } else {
        nowhere
    };
    format!("cluster={cluster}/month={month}")
}

#[test]
fn any_order_with_or_without_an_index_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("jobs.csv");
    let strange = strange();
    for db in [generated(), &strange.path] {
        for (sort, order) in [
            ("start_time:asc", "start_time, id"),
            ("energy", "energy DESC, id DESC"),
            ("num_acc:asc", "num_acc, id"),
            ("meta_data", "meta_data DESC, id DESC"),
            (
                "footprint.cpu_load_avg",
                "CASE WHEN json_valid(footprint) THEN footprint ->> 'cpu_load_avg' END DESC, id DESC",
            ),
        ] {
            let args = ["--columns", "id", "--force", "--sort", sort];
            export(db, &output, &args, 0);
            let expected = rows_of(db, &format!("SELECT id FROM job ORDER BY {order}"));
            assert_eq!(read_csv(&output).1, as_texts(&["id"], &expected), "{sort}");
        }
    }
}

#[test]
fn filters_and_values_inside_documents_are_those_of_queries() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("jobs.csv");
    let columns = "id,footprint.cpu_load_avg,meta_data.jobName";
    let args = [
        "--cluster",
        "fritz",
        "--state",
        "failed",
        "--sort",
        "id:asc",
    ];
    export(
        generated(),
        &output,
        &[&["--columns", columns], &args[..]].concat(),
        0,
    );
    let sql = "SELECT id,
        CASE WHEN json_valid(footprint) THEN footprint ->> 'cpu_load_avg' END,
        CASE WHEN json_valid(meta_data) THEN meta_data ->> 'jobName' END
        FROM job WHERE cluster = 'fritz' AND job_state = 'failed' ORDER BY id";
    let expected = rows_of(generated(), sql);
    let (header, rows) = read_csv(&output);
    assert_eq!(header.join(","), columns);
    assert!(rows.len() > 10, "{} rows", rows.len());
    assert_eq!(rows, as_texts(&["id", "", ""], &expected));
}

#[test]
fn a_document_can_be_expanded_into_its_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("jobs.csv");
    let args = [
        "--columns",
        "id,footprint.mem_bw_avg",
        "--expand",
        "footprint,meta_data",
    ];
    export(generated(), &output, &args, 0);
    let keys = |document: &str| {
        format!(
            "SELECT DISTINCT '{document}.' || item.key FROM
             (SELECT {document} AS doc FROM job ORDER BY id DESC LIMIT 2000) AS newest,
             json_each(CASE WHEN json_valid(newest.doc) THEN newest.doc ELSE '{{}}' END) AS item
             WHERE item.type NOT IN ('null', 'object', 'array') ORDER BY 1"
        )
    };
    let found = |document| as_texts(&[""], &rows_of(generated(), &keys(document))).concat();
    let mut expected = vec!["id".to_owned(), "footprint.mem_bw_avg".to_owned()];
    expected.extend(
        found("footprint")
            .into_iter()
            .filter(|key| key != "footprint.mem_bw_avg"),
    );
    expected.extend(found("meta_data"));
    assert_eq!(read_csv(&output).0, expected);
    assert!(expected.len() > 6, "{expected:?}");
}
