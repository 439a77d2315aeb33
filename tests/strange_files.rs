//! Files that nobody expects: rows full of dirt, the job archive, other databases, odd tables.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Output},
};

use jobscope::{
    db::value::Cell,
    jobs::{
        catalogue::{JobQuery, QueryInfo},
        histogram::{Bin, DurationBins, Metric, Resource},
        list::{COLUMNS, DETAIL_COLUMNS},
        lookup::{Stack, Step},
        schema::FileKind,
        statistics::{GroupBy, GroupSort, StatisticsRow},
    },
};
use serde_json::{Value, json};

use common::{
    asked::{Asked, int, lacking, one_of_each, selection},
    jobdb::{JobDb, NOW},
    oracle::Oracle,
    schemas::{self, DIRT, JOBS, SampleJob},
};

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jobscope"))
        .args(args)
        .env("TZ", "UTC")
        .output()
        .expect("the program runs")
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn path(db: &JobDb) -> &str {
    db.path.to_str().expect("a plain path")
}

/// The column of counts, added up.
fn sum(rows: &[Vec<Cell>], column: usize) -> usize {
    let sum = rows.iter().map(|row| int(&row[column])).sum::<i64>();
    usize::try_from(sum).expect("a count")
}

fn sort_keys() -> Vec<String> {
    let columns = COLUMNS.iter().chain(&DETAIL_COLUMNS);
    let metrics = ["cpu_load_avg", "mem_used_max", "none_such"];
    columns
        .map(|(name, _)| (*name).to_owned())
        .chain(metrics.map(|key| format!("footprint.{key}")))
        .collect()
}

/// Each job once, in whatever order.
fn assert_walks(asked: &Asked, expected: &BTreeSet<i64>) {
    for key in sort_keys() {
        for direction in ["asc", "desc"] {
            let sort = format!("{key}:{direction}");
            // Pages of one row: each of them is where another page begins.
            let ids = asked.walk(&selection(&json!({})), &sort, 1).expect(&sort);
            assert_eq!(ids.len(), expected.len(), "{sort}");
            assert_eq!(&BTreeSet::from_iter(ids), expected, "{sort}");
        }
    }
}

fn dirty() -> (JobDb, Asked) {
    let db = schemas::named("v11-hand-made").build();
    let asked = Asked::open(&db.path);
    (db, asked)
}

fn all_ids() -> BTreeSet<i64> {
    let sample = JOBS.iter().map(|job| job.id);
    sample.chain(DIRT.iter().map(|dirt| dirt.id)).collect()
}

#[test]
fn dirty_rows_are_listed_in_every_order() {
    let (_db, asked) = dirty();
    assert_walks(&asked, &all_ids());
}

#[test]
fn dirty_rows_are_in_every_count() {
    let (_db, asked) = dirty();
    let num_rows = all_ids().len();
    let everything = || selection(&json!({}));
    let rows = |query: JobQuery| asked.rows(&query);
    let selection = everything();
    assert_eq!(sum(&rows(JobQuery::Count { selection }), 0), num_rows);
    let selection = everything();
    assert_eq!(sum(&rows(JobQuery::Statistics { selection }), 0), num_rows);
    for bins in DurationBins::ALL {
        let selection = everything();
        let rows = rows(JobQuery::DurationHistogram { selection, bins });
        assert_eq!(sum(&rows, 3), num_rows, "{}", bins.key());
    }
    for resource in Resource::ALL {
        let selection = everything();
        let rows = rows(JobQuery::ResourceHistogram {
            selection,
            resource,
        });
        assert_eq!(sum(&rows, 3), num_rows, "{}", resource.column());
    }
    for step in Step::ALL {
        for stack in Stack::ALL {
            let selection = everything();
            let rows = rows(JobQuery::OverTime {
                selection,
                step,
                stack,
            });
            assert_eq!(sum(&rows, 2), num_rows, "{step:?} {stack:?}");
        }
    }
    for by in GroupBy::ALL {
        // The row with nothing in it has a cluster only, and jobs without a key are in no group.
        let expected = num_rows - usize::from(by != GroupBy::Cluster);
        let sort = Some(GroupSort {
            column: 6,
            descending: true,
        });
        for sort in [None, sort] {
            let selection = everything();
            let rows = rows(JobQuery::StatisticsGrouped {
                selection,
                by,
                sort,
            });
            assert_eq!(sum(&rows, 1), expected, "by {by}");
        }
        let (selection, kind) = (everything(), jobscope::jobs::statistics::Kind::All);
        let rows = rows(JobQuery::CountGrouped {
            selection,
            by,
            kind,
        });
        assert_eq!(sum(&rows, 1), expected, "by {by}");
    }
}

#[test]
fn one_infinite_value_leaves_the_others_their_bins() {
    let (_db, asked) = dirty();
    for name in [
        "cpu_load",
        "flops_any",
        "mem_bw",
        "mem_used",
        "mem_used_max",
    ] {
        let rows = asked.rows(&JobQuery::MetricHistogram {
            selection: selection(&json!({})),
            metric: Metric {
                name: name.to_owned(),
                bins: 10,
                scale: None,
            },
        });
        assert_eq!(sum(&rows, 3), all_ids().len(), "{name}");
        let bins: Vec<_> = rows.iter().filter_map(|row| Bin::from_cells(row)).collect();
        let filled = bins
            .iter()
            .filter(|bin| bin.bin.is_some_and(|bin| bin > 0) && bin.count > 0);
        assert!(filled.count() > 3, "{name}: {bins:?}");
        let is_finite = |edge: Option<f64>| edge.is_none_or(f64::is_finite);
        assert!(
            bins.iter()
                .all(|bin| is_finite(bin.from) && is_finite(bin.to)),
            "{name}"
        );
    }
}

#[test]
fn dirty_rows_do_not_change_the_sums_of_others() {
    let (_db, asked) = dirty();
    let oracle = Oracle::read(&schemas::named("v11").build().path);
    let all = oracle.select(&json!({}), NOW, false);
    let expected = oracle.grouped(&all, "cluster", NOW, 300);
    let rows = asked.rows(&JobQuery::StatisticsGrouped {
        selection: selection(&json!({})),
        by: GroupBy::Cluster,
        sort: None,
    });
    let groups: Vec<_> = rows
        .iter()
        .filter_map(|row| StatisticsRow::from_cells(row, true))
        .collect();
    assert_eq!(groups.len(), 3);
    for group in groups.iter().filter(|group| group.key != "dirt") {
        assert_eq!(group.values, expected[&group.key], "{}", group.key);
    }
}

#[test]
fn dirty_rows_are_found_by_what_is_right_in_them() {
    let (db, asked) = dirty();
    let ids = |filter: &Value| {
        asked
            .walk(&selection(filter), "id:asc", 10)
            .expect("a list")
    };
    for (state, id) in [
        ("requeued", 1001),
        ("", 1002),
        ("COMPLETED", 1003),
        ("out-of-memory", 1004),
    ] {
        assert_eq!(ids(&json!({"state": [state]})), [id], "{state:?}");
        assert_eq!(
            ids(&json!({"state": [state, "nothing"]})),
            [id],
            "{state:?}"
        );
        let args = [
            "query",
            path(&db),
            "count",
            "--state",
            state,
            "--format",
            "csv",
        ];
        if !state.is_empty() {
            assert_eq!(said(&run(&args).stdout), "count\n1\n", "{state:?}");
        }
    }
    assert_eq!(ids(&json!({"node": {"eq": "d0001"}})).len(), 25);
    assert_eq!(ids(&json!({"node": {"eq": "d0002"}})), [1023]);
    assert_eq!(ids(&json!({"jobName": {"eq": "blob"}})), [1014]);
    assert_eq!(
        ids(&json!({"jobName": {"contains": "NO PARTITION"}})),
        [1005]
    );
    let load =
        |range: Value| json!({"metricStats": [{"metricName": "cpu_load_avg", "range": range}]});
    assert_eq!(ids(&load(json!({"eq": 7.5}))), [13, 1014, 1015, 1021]);
    assert_eq!(
        ids(&json!({"startTime": {"to": "1970-01-01T00:00:00Z"}})),
        [1029]
    );
    assert_eq!(ids(&json!({"duration": {"lt": 0}})), [1029]);
}

#[test]
fn one_absurd_row_does_not_overflow_the_sums() {
    let variant = schemas::named("v11");
    let db = variant.build();
    let conn = db.writer();
    conn.execute_batch("UPDATE job SET duration = 9223372036854775807, num_nodes = 9223372036854775807,
            num_hwthreads = 9223372036854775807, num_acc = 9223372036854775807 WHERE id IN (1, 2, 20);
         UPDATE job SET start_time = -9223372036854775807 - 1 WHERE id = 21")
        .expect("absurd rows");
    drop(conn);
    let asked = Asked::open(&db.path);
    let oracle = Oracle::read(&variant.build().path);
    let all = oracle.select(&json!({}), NOW, false);
    for (filter, by) in [
        (json!({}), GroupBy::User),
        (json!({"numNodes": {"ge": 0}}), GroupBy::Project),
        (json!({}), GroupBy::Project),
        (json!({"cluster": {"neq": "nowhere"}}), GroupBy::User),
        (json!({}), GroupBy::Subcluster),
    ] {
        let query = JobQuery::StatisticsGrouped {
            selection: selection(&filter),
            by,
            sort: None,
        };
        let groups: Vec<_> = asked
            .rows(&query)
            .iter()
            .filter_map(|row| StatisticsRow::from_cells(row, true))
            .collect();
        let expected = oracle.grouped(&all, &by.to_string(), NOW, 300);
        let touched = ["ada01", "astro", "main"];
        for group in &groups {
            if touched.contains(&group.key.as_str()) {
                assert_eq!(group.values[3], i64::MAX, "the largest number there is");
            } else {
                assert_eq!(group.values, expected[&group.key], "{filter} {}", group.key);
            }
        }
        assert_eq!(groups.len(), expected.len());
    }
    for query in one_of_each() {
        asked.rows(&query);
    }
}

#[test]
fn the_archive_answers_its_own_queries_by_todays_names() {
    let db = schemas::archive();
    let asked = Asked::open(&db.path);
    assert_eq!(asked.facts.kind, FileKind::Archive);
    assert_eq!(asked.facts.schema_version, None);
    let jobs = schemas::archived_jobs();
    let newest = jobs.len() / 2;
    let rows = asked.rows(&JobQuery::Jobs {
        selection: selection(&json!({})),
        sort: "id:asc".parse().expect("a sort"),
        after: None,
        limit: None,
    });
    assert_eq!(rows.len(), jobs.len() + 1);
    for ((index, job), row) in jobs.iter().enumerate().zip(&rows) {
        assert_archived(row, job, index < newest);
    }
    let broken = rows.last().expect("the row with broken JSON");
    let known = ["id", "job_id", "cluster", "start_time"];
    for (cell, (column, _)) in broken.iter().zip(COLUMNS) {
        assert_eq!(*cell == Cell::Null, !known.contains(&column), "{column}");
    }
    let ids: BTreeSet<_> = rows.iter().map(|row| int(&row[0])).collect();
    assert_walks(&asked, &ids);

    let row = &asked.rows(&JobQuery::Job { id: 1 })[0];
    let meta: Value = serde_json::from_str(row[23].as_text().expect("meta data")).expect("JSON");
    assert_eq!(meta["jobScript"], jobs[0].script());
    let found = asked.rows(&JobQuery::Find {
        job_id: 700_001,
        cluster: Some("fritz".to_owned()),
        start_unix_secs: None,
    });
    assert_eq!(found.len(), 1);
    assert_eq!(found[0][2].as_text(), Some("eli05"));
}

fn assert_archived(row: &[Cell], job: &SampleJob, is_newest: bool) {
    let cell = |name: &str| {
        let at = COLUMNS.iter().position(|(column, _)| *column == name);
        &row[at.expect(name)]
    };
    for (column, expected) in [
        ("job_id", job.job_id),
        ("start_time", job.start_time_unix_secs),
        ("array_job_id", job.array_job_id),
        ("num_nodes", job.num_nodes()),
        ("num_hwthreads", job.num_hwthreads()),
        ("num_acc", job.num_acc()),
        ("monitoring_status", 3),
        ("smt", 1),
        ("duration", job.duration_secs),
        ("walltime", job.walltime_secs),
    ] {
        assert_eq!(int(cell(column)), expected, "{column} of {}", job.job_id);
    }
    for (column, expected) in [
        ("hpc_user", job.user),
        ("project", job.project),
        ("cluster", job.cluster),
        ("subcluster", job.subcluster),
        ("cluster_partition", job.partition),
        ("shared", job.shared),
        ("job_state", job.state),
    ] {
        assert_eq!(
            cell(column).as_text(),
            Some(expected),
            "{column} of {}",
            job.job_id
        );
    }
    let json = |name: &str| -> Value {
        serde_json::from_str(cell(name).as_text().expect(name)).expect("JSON")
    };
    let resources: Value = serde_json::from_str(&job.resources_json()).expect("JSON");
    assert_eq!(json("resources"), resources);
    if is_newest {
        assert_eq!(cell("energy").as_real(), Some(job.energy_kwh));
        assert_eq!(
            json("footprint")["mem_bw_avg"].as_f64(),
            Some(job.mem_bw_avg)
        );
    } else {
        assert_eq!([cell("energy"), cell("footprint")], [&Cell::Null; 2]);
    }
}

/// What a filter means.
type Accepts = fn(&SampleJob) -> bool;

#[test]
fn the_archive_is_filtered_like_a_job_database() {
    let db = schemas::archive();
    let asked = Asked::open(&db.path);
    let jobs = schemas::archived_jobs();
    let cases: [(Value, Accepts); 11] = [
        (json!({}), |_| true),
        (json!({"user": {"eq": "ada01"}}), |job| job.user == "ada01"),
        (json!({"partition": {"contains": "VEL"}}), |job| {
            job.partition == "devel"
        }),
        (json!({"cluster": {"eq": "fritz"}}), |job| {
            job.cluster == "fritz"
        }),
        (json!({"shared": "multi_user"}), |job| {
            job.shared == "multi_user"
        }),
        (json!({"state": ["failed", "timeout"]}), |job| {
            ["failed", "timeout"].contains(&job.state)
        }),
        (json!({"node": {"eq": "f2101"}}), |job| {
            job.hostnames.contains(&"f2101")
        }),
        (json!({"jobName": {"contains": "fold"}}), |job| {
            job.name.contains("fold")
        }),
        (json!({"duration": {"from": 3600, "to": 7200}}), |job| {
            (3600..=7200).contains(&job.duration_secs)
        }),
        (json!({"numAccelerators": {"eq": 0}}), |job| {
            job.num_acc() == 0
        }),
        (json!({"arrayJobId": 700_004}), |job| {
            job.array_job_id == 700_004
        }),
    ];
    for (filter, accepts) in cases {
        let query = JobQuery::Count {
            selection: selection(&filter),
        };
        let expected = jobs.iter().filter(|job| accepts(job)).count();
        // The row with broken JSON has nothing that could be compared.
        let broken = usize::from(filter == json!({}));
        assert_eq!(sum(&asked.rows(&query), 0), expected + broken, "{filter}");
    }
    let tags = JobQuery::Count {
        selection: selection(&json!({"tags": ["1"]})),
    };
    assert!(lacking(asked.ask(&tags)).contains("jobtag"));
}

#[test]
fn the_archive_and_other_files_refuse_the_rest_in_a_sentence() {
    let archive = schemas::archive();
    let other = schemas::other();
    for query in one_of_each() {
        let info = QueryInfo::find(query.name()).expect("its own name");
        let answer = Asked::open(&archive.path).ask(&query);
        if info.on_archive {
            assert!(answer.is_ok(), "{}", query.name());
        } else {
            assert!(lacking(answer).contains("table job"), "{}", query.name());
        }
        let missing = lacking(Asked::open(&other.path).ask(&query));
        assert!(missing.contains("table job"), "{}: {missing}", query.name());
    }
    let names: Vec<_> = one_of_each().iter().map(JobQuery::name).collect();
    assert_eq!(
        names,
        QueryInfo::names().collect::<Vec<_>>(),
        "none is left out"
    );
}

#[test]
fn another_database_is_described_and_read_with_sql() {
    let db = schemas::other();
    let asked = Asked::open(&db.path);
    assert_eq!(asked.facts.kind, FileKind::Other);
    drop(asked);
    let output = run(&[
        "sql",
        path(&db),
        "SELECT typeof(x), COUNT(*) FROM a GROUP BY 1",
        "--format",
        "csv",
    ]);
    assert_eq!(
        said(&output.stdout),
        "typeof(x),COUNT(*)\nblob,1\ninteger,1\nnull,1\ntext,1\n"
    );
    let output = run(&["query", path(&db), "jobs"]);
    assert!(!output.status.success());
    let refusal = said(&output.stderr);
    assert!(
        refusal.contains("lacks the table job") && refusal.contains("jobscope sql"),
        "{refusal}"
    );
    let output = run(&["check", path(&db)]);
    assert!(output.status.success());
    let text = said(&output.stdout);
    assert!(text.contains("another SQLite file"), "{text}");
    assert!(
        !text.contains("missing for v11"),
        "an index of another program: {text}"
    );
    let output = run(&["check", path(&db), "--format", "json"]);
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(value["database"]["kind"], "other");
}

#[test]
fn check_says_what_contradicts_the_version() {
    let text = |db: &JobDb| said(&run(&["check", path(db)]).stdout);
    let forced = text(&schemas::named("v11-forced").build());
    assert!(forced.contains("schema version      11\n"), "{forced}");
    assert!(
        forced.contains("lacks the columns   submit_time"),
        "{forced}"
    );
    let dirty = text(&schemas::named("v9-dirty").build());
    assert!(dirty.contains("a migration did not finish"), "{dirty}");
    let archive = text(&schemas::archive());
    assert!(
        archive.contains("job archive") && archive.contains("~43"),
        "{archive}"
    );
    let whole = text(&schemas::named("v11").build());
    assert!(!whole.contains("lacks"), "{whole}");
}

#[test]
fn a_file_that_only_resembles_a_job_database_is_another_file() {
    for (sql, missing) in [
        (
            "CREATE TABLE job (id, name); INSERT INTO job VALUES (1, 'x')",
            "cluster",
        ),
        (
            "CREATE TABLE schema_migrations (version TEXT PRIMARY KEY); INSERT INTO schema_migrations VALUES ('2024')",
            "table job",
        ),
        (
            "CREATE TABLE schema_migrations (version, inserted_at)",
            "table job",
        ),
        (
            "CREATE TABLE jobs (id, job_id, cluster, start_time)",
            "table job",
        ),
        (
            "CREATE TABLE \"quo\"\"te\" (\"a\"\"b\", \"c'd\"); CREATE VIEW \"v\"\"w\" AS SELECT \"a\"\"b\" FROM \"quo\"\"te\"",
            "table job",
        ),
        (
            "CREATE TABLE a (b); CREATE VIEW job AS SELECT b AS id FROM a; DROP TABLE a",
            "table job",
        ),
        (
            "CREATE TABLE job (id, cluster, user, start_time, \"job\"\"state\")",
            "job_state",
        ),
    ] {
        let db = JobDb::written("x.db", |conn| conn.execute_batch(sql).expect(sql));
        let asked = Asked::open(&db.path);
        assert_eq!(asked.facts.kind, FileKind::Other, "{sql}");
        for query in one_of_each() {
            let said = lacking(asked.ask(&query));
            assert!(said.contains(missing), "{sql}: {}: {said}", query.name());
        }
    }
}

/// The columns of a table, as a list.
fn list_of(path: &Path, table: &str, each: impl Fn(&str) -> String) -> String {
    let conn = common::jobdb::writer(path);
    let mut statement = conn
        .prepare("SELECT name FROM pragma_table_info(?)")
        .expect("a pragma");
    let names = statement
        .query_map([table], |row| row.get::<_, String>(0))
        .expect("columns");
    let names: Vec<_> = names.map(|name| each(&name.expect("a name"))).collect();
    names.join(", ")
}

/// Today's file after statements in which `{plain}` stands for its columns.
fn reshaped(sql: &str) -> JobDb {
    let db = schemas::named("v11").build();
    let list = |each: &dyn Fn(&str) -> String| list_of(&db.path, "job", each);
    let sql = sql
        .replace("{plain}", &list(&|name| name.to_owned()))
        .replace(
            "{upper}",
            &list(&|name| format!("{name} AS {}", name.to_uppercase())),
        );
    let conn = db.writer();
    conn.execute_batch("PRAGMA foreign_keys = OFF")
        .expect("a setting");
    conn.execute_batch(&sql).expect(&sql);
    db
}

#[test]
fn job_tables_of_odd_shapes_answer_like_todays() {
    let oracle = Oracle::read(&schemas::named("v11").build().path);
    let all = oracle.select(&json!({}), NOW, false);
    let sums = oracle.statistics(&all, NOW, 300);
    let ids: BTreeSet<_> = JOBS.iter().map(|job| job.id).collect();
    for (what, sql) in [
        ("a view", "ALTER TABLE job RENAME TO real_job; CREATE VIEW job AS SELECT * FROM real_job"),
        ("a copy without keys", "CREATE TABLE copy AS SELECT * FROM job; DROP TABLE job; ALTER TABLE copy RENAME TO job"),
        ("capitals", "CREATE TABLE copy AS SELECT {upper} FROM job; DROP TABLE job; ALTER TABLE copy RENAME TO JOB;
                      CREATE INDEX \"Upper\" ON JOB (CLUSTER); ANALYZE"),
        ("no rowid", "CREATE TABLE copy ({plain}, PRIMARY KEY (id)) WITHOUT ROWID; INSERT INTO copy SELECT * FROM job;
                      DROP TABLE job; ALTER TABLE copy RENAME TO job"),
        ("a generated column", "ALTER TABLE job RENAME COLUMN project TO p;
                                ALTER TABLE job ADD COLUMN project TEXT GENERATED ALWAYS AS (p) VIRTUAL"),
        ("quotes in names", "ALTER TABLE job ADD COLUMN \"a\"\"b'c\" TEXT; CREATE INDEX \"i\"\"x\" ON job (\"a\"\"b'c\");
                             CREATE TABLE \"we\"\"ird\" (\"x\"\"y\")"),
        ("ids as text", "CREATE TABLE copy ({plain}, UNIQUE (id)); INSERT INTO copy SELECT * FROM job;
                         UPDATE copy SET id = CAST(id AS TEXT); DROP TABLE job; ALTER TABLE copy RENAME TO job"),
        ("ids that are text", "CREATE TABLE copy AS SELECT CAST(id AS TEXT) AS id, * FROM job; DROP TABLE job;
                               ALTER TABLE copy RENAME TO job"),
    ] {
        let db = reshaped(sql);
        let asked = Asked::open(&db.path);
        assert_eq!(asked.facts.kind, FileKind::Jobs, "{what}");
        assert_eq!(asked.facts.missing_columns, [""; 0], "{what}");
        let selection = || selection(&json!({}));
        let rows = asked.rows(&JobQuery::Statistics { selection: selection() });
        assert_eq!(rows[0].iter().map(int).collect::<Vec<_>>(), sums, "{what}");
        assert_walks(&asked, &ids);
        for query in one_of_each() {
            asked.rows(&query);
        }
        let user = asked.facts.suggestible.iter().any(|(column, _)| *column == "hpc_user");
        assert!(user, "{what}");
    }
}

#[test]
fn keys_that_may_be_null_are_walked_to_the_end() {
    // Only an INTEGER PRIMARY KEY, and no other key of a table with rowids, keeps NULL out.
    let db = reshaped(
        "CREATE TABLE copy ({plain}, PRIMARY KEY (start_time, id)); INSERT INTO copy SELECT * FROM job;
         UPDATE copy SET start_time = NULL WHERE id IN (5, 6, 40); DROP TABLE job; ALTER TABLE copy RENAME TO job",
    );
    let ids = JOBS.iter().map(|job| job.id).collect();
    assert_walks(&Asked::open(&db.path), &ids);
}

#[test]
fn text_of_two_bytes_reads_like_any_other() {
    let variant = schemas::named("v11");
    let oracle = Oracle::read(&variant.build().path);
    for encoding in ["UTF-16le", "UTF-16be"] {
        let db = variant.build_after(&format!("PRAGMA encoding = '{encoding}'"));
        let found: String = db
            .writer()
            .query_row("PRAGMA encoding", [], |row| row.get(0))
            .expect("an encoding");
        assert_eq!(found, encoding);
        let asked = Asked::open(&db.path);
        let all = oracle.select(&json!({}), NOW, false);
        let selection = |filter: Value| selection(&filter);
        let rows = asked.rows(&JobQuery::Statistics {
            selection: selection(json!({})),
        });
        let sums: Vec<_> = rows[0].iter().map(int).collect();
        assert_eq!(sums, oracle.statistics(&all, NOW, 300));
        let user = selection(json!({"user": {"eq": "ada01"}}));
        assert_eq!(sum(&asked.rows(&JobQuery::Count { selection: user }), 0), 6);
        for query in one_of_each() {
            asked.rows(&query);
        }
        assert_walks(&asked, &JOBS.iter().map(|job| job.id).collect());
    }
}

#[test]
fn bytes_in_a_column_of_numbers_are_one_value_less() {
    let db = schemas::named("v7").build();
    db.writer()
        .execute(
            "UPDATE job SET load_avg = x'ff', mem_bw_avg = 'n/a' WHERE id = 1",
            (),
        )
        .expect("bytes");
    let asked = Asked::open(&db.path);
    let row = &asked.rows(&JobQuery::Job { id: 1 })[0];
    let footprint: Value = serde_json::from_str(row[19].as_text().expect("text")).expect("JSON");
    assert_eq!(footprint["cpu_load_avg"], Value::Null);
    assert_eq!(footprint["flops_any_avg"], 812.5);
    for query in one_of_each() {
        if !["nodes", "node-states", "node-states-over-time"].contains(&query.name()) {
            asked.rows(&query);
        }
    }
    assert_walks_without(&asked, &["submit_time", "energy", "energy_footprint"]);
}

fn assert_walks_without(asked: &Asked, missing: &[&str]) {
    for key in sort_keys() {
        let walked = asked.walk(&selection(&json!({})), &key, 4);
        if missing.contains(&key.as_str()) {
            assert!(lacking(walked).contains(&key));
        } else {
            assert_eq!(walked.expect(&key).len(), JOBS.len(), "{key}");
        }
    }
}
