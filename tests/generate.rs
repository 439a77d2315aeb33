//! The generator: its files are complete, equal for equal options, and nothing else stays behind.
#![expect(
    clippy::expect_used,
    reason = "helpers of tests may fail loudly as well"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use jobscope::{
    demo::{GenerateOptions, Indexes, Phase, SchemaVersion, Summary, generate},
    error::{Error, Report},
    jobs::indexes::{OTHER_INDEXES, job_indexes},
    units::Bytes,
};
use rusqlite::{Connection, OpenFlags, types::Value};

/// 2026-07-01 00:00 UTC.
const UNTIL: i64 = 1_782_864_000;

fn options(folder: &Path, jobs: u64) -> GenerateOptions {
    GenerateOptions {
        until_unix_secs: UNTIL,
        ..GenerateOptions::new(folder.join("job.db"), jobs)
    }
}

fn write(options: &GenerateOptions) -> Result<Summary, Error> {
    generate(options, &AtomicBool::new(false), &mut |_| {})
}

/// Writes a database and opens it.
fn generated(change: impl FnOnce(&mut GenerateOptions)) -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = options(folder.path(), 1_000);
    change(&mut options);
    write(&options).expect("a database");
    let conn = Connection::open_with_flags(&options.path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .expect("the database can be opened");
    (folder, conn)
}

fn number(conn: &Connection, sql: &str) -> i64 {
    conn.query_row(sql, [], |row| row.get(0)).expect(sql)
}

fn texts(conn: &Connection, sql: &str) -> Vec<String> {
    let mut statement = conn.prepare(sql).expect(sql);
    let rows = statement.query_map([], |row| row.get(0)).expect(sql);
    rows.collect::<Result<_, _>>().expect(sql)
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .expect("folder")
        .map(|entry| entry.expect("entry").file_name().display().to_string())
        .collect();
    names.sort();
    names
}

#[test]
fn equal_options_give_equal_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = |name: &str, seed| {
        let options = GenerateOptions {
            path: folder.path().join(name),
            seed,
            ..options(folder.path(), 2_000)
        };
        write(&options).expect("a database");
        fs::read(&options.path).expect("the file")
    };
    let first = bytes("first.db", 7);
    assert!(first == bytes("second.db", 7), "equal seeds differ");
    assert!(first != bytes("third.db", 8), "the seed does nothing");
}

#[test]
fn only_the_database_is_left_and_the_summary_knows_its_size() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = options(folder.path(), 100);
    let summary = write(&options).expect("a database");
    assert_eq!(files(folder.path()), ["job.db"]);
    let len = fs::metadata(&options.path).expect("the file").len();
    assert_eq!((summary.bytes, summary.jobs), (Bytes(len), 100));
}

#[test]
fn every_phase_is_reported_up_to_its_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut last = Vec::new();
    generate(
        &options(folder.path(), 600),
        &AtomicBool::new(false),
        &mut |progress| {
            assert!(progress.done <= progress.total, "{progress:?}");
            if progress.done == progress.total {
                last.push((progress.phase, progress.total));
            }
        },
    )
    .expect("a database");
    assert_eq!(
        last,
        [
            (Phase::Jobs, 600),
            (Phase::Indexes, 64),
            (Phase::Statistics, 1),
            (Phase::Finish, 1)
        ]
    );
}

#[test]
fn the_file_is_sound() {
    let (folder, conn) = generated(|_| {});
    assert_eq!(texts(&conn, "PRAGMA integrity_check"), ["ok"]);
    let broken = conn
        .prepare("PRAGMA foreign_key_check")
        .and_then(|mut check| check.exists([]))
        .expect("the check");
    assert!(!broken, "a reference leads nowhere");
    drop(conn);
    let header = fs::read(folder.path().join("job.db")).expect("the file");
    assert_eq!(header[18..20], [2, 2], "the header of a WAL database");
    assert_eq!(header[16..18], [16, 0], "pages of 4096 bytes");
}

#[test]
fn every_table_is_there_and_the_planner_has_statistics() {
    let (_folder, conn) = generated(|_| {});
    let tables = texts(
        &conn,
        "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
    );
    let expected = "configuration hpc_user job job_cache jobtag node node_state schema_migrations \
                    sqlite_stat1 tag";
    assert_eq!(tables.join(" "), expected);
    for table in ["configuration", "hpc_user", "jobtag", "node", "node_state"] {
        let count = number(&conn, &format!("SELECT count(*) FROM {table}"));
        assert!(count > 0, "{table} is empty");
    }
    let described = number(
        &conn,
        "SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'job' AND idx IS NOT NULL",
    );
    assert_eq!(described, 55);
    assert_eq!(number(&conn, "SELECT version FROM schema_migrations"), 11);
    assert_eq!(number(&conn, "SELECT dirty FROM schema_migrations"), 0);
    let passwords = "SELECT count(*) FROM hpc_user WHERE password IS NOT NULL";
    assert_eq!(number(&conn, passwords), 0);
}

#[test]
fn the_job_table_has_the_columns_and_constraints_of_the_schema() {
    let (folder, conn) = generated(|options| options.jobs = 20);
    let columns = texts(
        &conn,
        "SELECT name || ' ' || type || iif(\"notnull\", ' NOT NULL', '')
                || coalesce(' = ' || dflt_value, '')
         FROM pragma_table_info('job')",
    );
    assert_eq!(
        columns,
        [
            "id INTEGER",
            "job_id BIGINT NOT NULL",
            "cluster TEXT NOT NULL",
            "subcluster TEXT NOT NULL",
            "submit_time BIGINT NOT NULL = 0",
            "start_time BIGINT NOT NULL = 0",
            "hpc_user TEXT NOT NULL",
            "project TEXT NOT NULL",
            "cluster_partition TEXT",
            "array_job_id BIGINT",
            "duration INT NOT NULL",
            "walltime INT NOT NULL",
            "job_state TEXT NOT NULL",
            "meta_data TEXT",
            "resources TEXT NOT NULL",
            "num_nodes INT NOT NULL",
            "num_hwthreads INT",
            "num_acc INT",
            "smt INT NOT NULL = 1",
            "shared TEXT NOT NULL",
            "monitoring_status TINYINT NOT NULL = 1",
            "energy REAL NOT NULL = 0.0",
            "energy_footprint TEXT = NULL",
            "footprint TEXT = NULL",
        ]
    );
    drop(conn);

    let conn = Connection::open_with_flags(
        folder.path().join("job.db"),
        OpenFlags::SQLITE_OPEN_READ_WRITE,
    )
    .expect("the database can be opened");
    for change in [
        "UPDATE job SET job_state = 'stopped' WHERE id = 1",
        "UPDATE job SET shared = 'some' WHERE id = 1",
        "UPDATE job SET monitoring_status = 4 WHERE id = 1",
        "UPDATE job SET resources = NULL WHERE id = 1",
        "INSERT INTO job (job_id, cluster, start_time, subcluster, hpc_user, project, duration,
                          walltime, job_state, resources, num_nodes, shared)
         SELECT job_id, cluster, start_time, '', '', '', 0, 0, 'failed', '[]', 1, 'none' FROM job",
    ] {
        let error = conn.execute(change, []).expect_err(change);
        let code = error.sqlite_error_code();
        assert_eq!(
            code,
            Some(rusqlite::ErrorCode::ConstraintViolation),
            "{change}"
        );
    }
}

/// Name, columns and condition of the explicit indexes of a table, as SQLite reports them.
fn indexes(conn: &Connection, table: &str) -> BTreeSet<(String, String, Option<String>)> {
    let mut statement = conn
        .prepare(
            "SELECT list.name,
                    (SELECT group_concat(info.name || iif(info.desc, ' DESC', ''), ', ')
                     FROM pragma_index_xinfo(list.name) AS info
                     WHERE info.key),
                    iif(list.partial,
                        substr(master.sql, instr(master.sql, ' WHERE ') + 7), NULL)
             FROM pragma_index_list(?) AS list
             JOIN sqlite_master AS master ON master.name = list.name
             WHERE list.origin = 'c'",
        )
        .expect("the index list");
    let rows = statement
        .query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .expect("the index list");
    rows.collect::<Result<_, _>>().expect("the index list")
}

#[test]
fn each_schema_has_its_indexes_with_their_columns() {
    for (schema, count) in [(SchemaVersion::V11, 54), (SchemaVersion::V10, 78)] {
        let (_folder, conn) = generated(|options| options.schema = schema);
        let version = number(&conn, "SELECT version FROM schema_migrations");
        assert_eq!(version, schema.number());
        assert_eq!(indexes(&conn, "job").len(), count, "{schema:?}");
        for table in ["job", "jobtag", "node", "node_state"] {
            let expected = job_indexes(schema)
                .into_iter()
                .chain(OTHER_INDEXES)
                .filter(|index| index.table == table)
                .map(|index| {
                    let order = if index.last_descends { " DESC" } else { "" };
                    (
                        index.name.to_owned(),
                        index.columns.join(", ") + order,
                        index.filter.map(str::to_owned),
                    )
                })
                .collect();
            assert_eq!(indexes(&conn, table), expected, "{schema:?} {table}");
        }
    }
}

#[test]
fn without_indexes_only_those_of_constraints_are_there() {
    let (_folder, conn) = generated(|options| options.indexes = Indexes::None);
    assert_eq!(
        texts(
            &conn,
            "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'job'"
        ),
        ["sqlite_autoindex_job_1"]
    );
    assert!(indexes(&conn, "node_state").is_empty());
}

#[test]
fn named_indexes_are_there_and_no_others() {
    let named: Indexes = "jobs_starttime, tags_jobid".parse().expect("names");
    let (_folder, conn) = generated(|options| options.indexes = named.clone());
    let names: Vec<String> = (indexes(&conn, "job").into_iter())
        .map(|(name, ..)| name)
        .collect();
    assert_eq!(names, ["jobs_starttime"]);
    assert_eq!(indexes(&conn, "jobtag").len(), 1);
    let wrong: Indexes = "jobs_starttime,jobs_colour".parse().expect("names");
    let error = wrong.checked(SchemaVersion::V11).expect_err("unknown");
    assert!(error.to_string().contains("jobs_colour"), "{error}");
}

#[test]
fn as_many_jobs_run_as_asked_for_and_none_for_longer_than_two_days() {
    let (_folder, conn) = generated(|options| options.running = Some(137));
    assert_eq!(number(&conn, "SELECT count(*) FROM job"), 1_000);
    let running = "SELECT count(*) FROM job WHERE job_state = 'running'";
    assert_eq!(number(&conn, running), 137);
    let sound = format!(
        "SELECT count(*) FROM job
         WHERE job_state = 'running'
           AND start_time BETWEEN {UNTIL} - 172800 AND {UNTIL}
           AND duration BETWEEN 0 AND {UNTIL} - start_time
           AND duration % 300 = 0"
    );
    assert_eq!(number(&conn, &sound), 137);
    let young = "SELECT count(*) FROM job
                 WHERE job_state = 'running' AND CAST(footprint AS TEXT) = 'null'";
    assert!(number(&conn, young) > 0, "no young job without footprint");
}

#[test]
fn json_is_stored_as_blob_and_as_text_and_its_keys_drift() {
    let (_folder, conn) = generated(|options| options.jobs = 5_000);
    let kinds = |column: &str, kind: &str| {
        let sql = format!("SELECT count(*) FROM job WHERE typeof({column}) = '{kind}'");
        number(&conn, &sql)
    };
    assert!(kinds("meta_data", "blob") > 4_900);
    assert!(kinds("meta_data", "text") > 0);
    assert_eq!(kinds("resources", "blob"), 5_000);
    for column in ["footprint", "energy_footprint"] {
        assert!(kinds(column, "text") > 4_000, "{column}");
        assert!(kinds(column, "blob") > 300, "{column}");
        assert!(kinds(column, "null") > 0, "{column}");
    }
    let with_key = |key: &str| {
        let sql = format!("SELECT count(*) FROM job WHERE CAST(footprint AS TEXT) LIKE '%{key}%'");
        number(&conn, &sql)
    };
    assert!(with_key("\"mem_used_max\"") > 4_000);
    assert!(with_key("\"mem_used_avg\"") > 300);
}

#[test]
fn resources_list_one_host_per_node() {
    let (_folder, conn) = generated(|_| {});
    let wrong = "SELECT count(*) FROM job
                 WHERE json_array_length(CAST(resources AS TEXT)) <> num_nodes";
    assert_eq!(number(&conn, wrong), 0);
}

#[test]
fn partitions_fit_the_number_of_nodes() {
    let (_folder, conn) = generated(|_| {});
    let wrong = "SELECT count(*) FROM job
                 WHERE (cluster_partition = 'singlenode' AND num_nodes > 1)
                    OR (cluster_partition = 'multinode' AND num_nodes = 1)";
    assert_eq!(number(&conn, wrong), 0);
}

/// One query per kind of dirt.
const DIRT: [(&str, &str); 9] = [
    ("missing values", "num_acc IS NULL AND footprint IS NULL"),
    ("empty footprint", "CAST(footprint AS TEXT) = '{}'"),
    (
        "null footprint of a finished job",
        "job_state = 'completed' AND CAST(footprint AS TEXT) = 'null'",
    ),
    (
        "invalid metadata",
        "NOT json_valid(CAST(meta_data AS TEXT))",
    ),
    (
        "invalid footprint",
        "NOT json_valid(CAST(footprint AS TEXT))",
    ),
    ("future start", "start_time > 1782864000"),
    (
        "failed at once",
        "job_state = 'failed' AND duration = 0 AND monitoring_status = 2",
    ),
    (
        "unknown cluster",
        "cluster NOT IN (SELECT cluster FROM node) AND cluster <> 'emmy'",
    ),
    (
        "unknown user",
        "hpc_user NOT IN (SELECT username FROM hpc_user)",
    ),
];

#[test]
fn dirt_can_be_had_or_not() {
    let (_folder, dirty) = generated(|_| {});
    let (_other, clean) = generated(|options| options.dirt = false);
    for (what, condition) in DIRT {
        let sql = format!("SELECT count(*) FROM job WHERE {condition}");
        assert!(number(&dirty, &sql) > 0, "no {what} with dirt");
        assert_eq!(number(&clean, &sql), 0, "{what} without dirt");
    }
    let reused = "SELECT count(*) FROM (
                      SELECT 1 FROM job GROUP BY cluster, job_id HAVING count(*) > 1)";
    assert!(number(&dirty, reused) > 0, "no job id is used twice");
    assert_eq!(number(&clean, reused), 0);
    let old = format!(
        "SELECT count(*) FROM job WHERE num_acc IS NULL AND start_time > {UNTIL} - 3 * 365 * 86400"
    );
    assert_eq!(number(&dirty, &old), 0, "values are missing in new rows");
}

#[test]
fn every_state_occurs_and_no_other() {
    let (_folder, conn) = generated(|_| {});
    let states = texts(
        &conn,
        "SELECT DISTINCT job_state FROM job ORDER BY job_state",
    );
    let expected = "boot_fail cancelled completed deadline failed node_fail out_of_memory pending \
                    preempted running suspended timeout";
    assert_eq!(states.join(" "), expected);
    let completed = number(
        &conn,
        "SELECT count(*) FROM job WHERE job_state = 'completed'",
    );
    assert!((700..830).contains(&completed), "{completed} of 1000");
}

#[test]
fn later_jobs_have_larger_ids_and_dense_ones() {
    let (_folder, conn) = generated(|options| options.dirt = false);
    assert_eq!(number(&conn, "SELECT max(id) FROM job"), 1_000);
    let out_of_order = "SELECT count(*) FROM job AS a JOIN job AS b ON b.id = a.id + 100
                        WHERE a.start_time > b.start_time + 3600";
    assert_eq!(number(&conn, out_of_order), 0);
    let days = "SELECT (max(start_time) - min(start_time)) / 86400 FROM job";
    assert!((1_700..=1_826).contains(&number(&conn, days)));
}

#[test]
fn tags_are_on_some_of_the_jobs() {
    let (_folder, conn) = generated(|options| options.jobs = 5_000);
    let tags = number(&conn, "SELECT count(*) FROM tag");
    assert!((30..=60).contains(&tags), "{tags} tags");
    let tagged = number(&conn, "SELECT count(DISTINCT job_id) FROM jobtag");
    assert!((250..=750).contains(&tagged), "{tagged} of 5000 jobs");
}

#[test]
fn tiny_databases_can_be_written() {
    for jobs in [1, 2, 12, 544] {
        let (_folder, conn) = generated(|options| options.jobs = jobs);
        let count = number(&conn, "SELECT count(*) FROM job");
        assert_eq!(u64::try_from(count), Ok(jobs));
    }
}

#[test]
fn an_existing_file_is_refused_and_untouched() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = options(folder.path(), 100);
    fs::write(&options.path, "precious").expect("a file");
    let error = write(&options).expect_err("it exists");
    let text = Report::from(&error).to_string();
    assert!(text.contains("--force"), "{text}");
    assert_eq!(fs::read(&options.path).expect("the file"), b"precious");
    assert_eq!(files(folder.path()), ["job.db"]);
}

#[test]
fn a_log_that_would_be_taken_for_the_new_files_own_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("job.db-wal"), "log").expect("a file");
    assert!(write(&options(folder.path(), 100)).is_err());
    assert_eq!(files(folder.path()), ["job.db-wal"]);
}

#[test]
fn force_replaces_an_existing_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = GenerateOptions {
        force: true,
        ..options(folder.path(), 100)
    };
    fs::write(&options.path, "old").expect("a file");
    fs::write(folder.path().join("job.db.part"), "left over").expect("a file");
    write(&options).expect("a database");
    let header = fs::read(&options.path).expect("the file");
    assert!(header.starts_with(b"SQLite format 3\0"));
    assert_eq!(files(folder.path()), ["job.db"]);
}

#[test]
fn force_does_not_replace_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = GenerateOptions {
        force: true,
        ..options(folder.path(), 100)
    };
    fs::create_dir(&options.path).expect("a folder");
    assert!(write(&options).is_err());
    assert!(options.path.is_dir());
    assert_eq!(files(folder.path()), ["job.db"]);
}

#[test]
fn a_stop_in_any_phase_leaves_nothing() {
    for phase in [Phase::Jobs, Phase::Indexes, Phase::Statistics] {
        let folder = tempfile::tempdir().expect("a folder");
        let stop = AtomicBool::new(false);
        let outcome = generate(&options(folder.path(), 3_000), &stop, &mut |progress| {
            if progress.phase == phase {
                stop.store(true, Ordering::Relaxed);
            }
        });
        assert!(matches!(outcome, Err(Error::Cancelled)), "{phase:?}");
        assert!(files(folder.path()).is_empty(), "{phase:?}");
    }
}

#[test]
fn a_folder_that_does_not_exist_gives_a_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = write(&options(&folder.path().join("nowhere"), 100)).expect_err("no folder");
    let report = Report::from(&error);
    assert!(report.headline.starts_with("Could not create"), "{report}");
    assert_eq!(report.causes.len(), 1, "{report}");
}

#[test]
fn numbers_that_make_no_sense_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let sensible = options(folder.path(), 100);
    for wrong in [
        GenerateOptions {
            jobs: 0,
            ..sensible.clone()
        },
        GenerateOptions {
            running: Some(101),
            ..sensible.clone()
        },
        GenerateOptions {
            until_unix_secs: -1,
            ..sensible.clone()
        },
    ] {
        let outcome = write(&wrong);
        assert!(matches!(outcome, Err(Error::Invalid { .. })), "{wrong:?}");
    }
    assert!(files(folder.path()).is_empty());
}

/// Values are compared by storage class as well, so that a reader must expect what real files have.
#[test]
fn columns_that_no_writer_fills_keep_their_defaults() {
    let (_folder, conn) = generated(|options| options.jobs = 50);
    let value: Value = conn
        .query_row("SELECT max(submit_time) FROM job", [], |row| row.get(0))
        .expect("one row");
    assert_eq!(value, Value::Integer(0));
    assert_eq!(number(&conn, "SELECT count(*) FROM job_cache"), 0);
}
