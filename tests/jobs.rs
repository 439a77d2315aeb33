//! The job queries on hand-computed cases and the numbers of a real database. Over all rows, they
//! are compared with plain Rust in `tests/queries.rs`.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeMap;

use jobscope::{
    db::{
        connection::{self, OpenMode, ReadConnection},
        value::Cell,
    },
    jobs::{
        catalogue::{Clock, JobQuery},
        clusters::MetricScale,
        filter::{Condition, JobFilter, Selection, TextField, TextMatch, TextOp},
        histogram::{DurationBins, Metric},
        schema::Schema,
        sort::{Cursor, Sort},
        sql::Sql,
        statistics::{GroupBy, StatisticsRow},
    },
};
use proptest::prelude::*;

use common::jobdb::{self, JobDb, NOW};

const CLOCK: Clock = Clock {
    now_unix_secs: NOW,
    short_secs: 300,
};

/// The rows of a job query, read without the engine.
fn rows(conn: &ReadConnection, query: &JobQuery) -> Vec<Vec<Cell>> {
    let schema = Schema::probe(conn).expect("a schema");
    let sql = query.sql(&schema).expect("an answerable query");
    let mut statement = conn.prepare(&sql.text).expect(&sql.text);
    let num_columns = statement.column_count();
    assert_eq!(num_columns, query.columns().len(), "{}", sql.text);
    statement
        .query_map(rusqlite::params_from_iter(&sql.params), |row| {
            (0..num_columns)
                .map(|column| row.get_ref(column).map(Cell::from))
                .collect()
        })
        .expect("a query")
        .collect::<rusqlite::Result<_>>()
        .expect("rows")
}

fn open(db: &JobDb) -> ReadConnection {
    connection::open(&db.path, OpenMode::ReadOnly).expect("a job database")
}

fn numbers(row: &[Cell]) -> Vec<i64> {
    row.iter()
        .map(|cell| cell.as_int().expect("an integer"))
        .collect()
}

fn selection(filter: &JobFilter) -> Selection {
    Selection::new(filter.clone(), CLOCK)
}

fn total(conn: &ReadConnection, filter: &JobFilter) -> Vec<i64> {
    let selection = selection(filter);
    numbers(&rows(conn, &JobQuery::Statistics { selection })[0])
}

fn count(conn: &ReadConnection, filter: &JobFilter) -> Option<i64> {
    let selection = selection(filter);
    rows(conn, &JobQuery::Count { selection })[0][0].as_int()
}

fn grouped(conn: &ReadConnection, filter: &JobFilter, by: GroupBy) -> BTreeMap<String, Vec<i64>> {
    let query = JobQuery::StatisticsGrouped {
        selection: selection(filter),
        by,
        sort: None,
    };
    rows(conn, &query)
        .iter()
        .map(|row| {
            let row = StatisticsRow::from_cells(row, true).expect("a key and eleven numbers");
            (row.key, row.values.to_vec())
        })
        .collect()
}

fn page(after: Option<Cursor>, limit: u32) -> JobQuery {
    JobQuery::Jobs {
        selection: selection(&JobFilter::default()),
        sort: Sort::default(),
        after,
        limit: Some(limit),
    }
}

#[test]
fn the_real_database_gives_the_golden_numbers() {
    let Some(db) = jobdb::real() else {
        println!("skipped: the real database is not on this machine");
        return;
    };
    let conn = open(&db);
    let all = JobFilter::default();

    assert_eq!(
        total(&conn, &all),
        [544, 42, 2751, 548, 2751, 26952, 88384, 600, 3980, 0, 138]
    );
    let clusters = grouped(&conn, &all, GroupBy::Cluster);
    assert_eq!(
        clusters["alex"],
        [303, 41, 2408, 307, 2408, 9600, 63680, 600, 3980, 0, 87]
    );
    assert_eq!(
        clusters["fritz"],
        [241, 1, 343, 241, 343, 17352, 24704, 0, 0, 0, 51]
    );
    assert_eq!(clusters.len(), 2);
    let user = |op, name: &str| {
        let is = TextMatch::new(op, name);
        let field = TextField::User;
        count(
            &conn,
            &JobFilter::default().and(Condition::Text { field, is }),
        )
    };
    assert_eq!(user(TextOp::Eq, "K106EB10"), Some(0), "compared exactly");
    assert_eq!(
        user(TextOp::Contains, "K106EB"),
        Some(241),
        "LIKE ignores case"
    );
    for (schedule, jobs) in [("interactive", 22), ("batch", 522)] {
        let filter = JobFilter::from_json(&format!("{{\"schedule\":\"{schedule}\"}}"));
        assert_eq!(count(&conn, &filter.expect("a filter")), Some(jobs));
    }
}

#[test]
fn the_real_database_has_the_golden_histograms() {
    let Some(db) = jobdb::real() else {
        println!("skipped: the real database is not on this machine");
        return;
    };
    let conn = open(&db);
    let bins = |query: &JobQuery| -> Vec<(i64, i64)> {
        rows(&conn, query)
            .iter()
            .filter_map(|row| Some((row[0].as_int()?, row[3].as_int()?)))
            .filter(|(_, count)| *count > 0)
            .collect()
    };
    let hours = |as_backend| JobQuery::DurationHistogram {
        selection: Selection {
            as_backend,
            ..selection(&JobFilter::default())
        },
        bins: DurationBins::Hour,
    };
    let shown = [
        (1, 299),
        (2, 50),
        (3, 42),
        (4, 12),
        (5, 9),
        (6, 1),
        (7, 2),
        (8, 6),
        (9, 2),
        (10, 2),
        (11, 4),
        (12, 7),
        (13, 4),
        (15, 21),
        (16, 3),
        (17, 18),
        (18, 4),
        (19, 8),
        (20, 3),
        (21, 2),
        (24, 34),
        (25, 7),
        (36, 1),
    ];
    assert_eq!(bins(&hours(true)), shown);
    let with_the_rest: Vec<_> = shown.into_iter().chain([(49, 3)]).collect();
    assert_eq!(bins(&hours(false)), with_the_rest, "three jobs ran longer");

    let load = JobQuery::MetricHistogram {
        selection: selection(&JobFilter::default().with_text(TextField::Cluster, "fritz")),
        metric: Metric {
            name: "cpu_load".to_owned(),
            bins: 10,
            scale: Some(MetricScale {
                peak: 72.0,
                unit: String::new(),
                statistic: Some("avg".to_owned()),
            }),
        },
    };
    assert_eq!(
        bins(&load)[..7],
        [
            (4, 8),
            (5, 14),
            (6, 22),
            (7, 14),
            (8, 17),
            (9, 41),
            (10, 125)
        ]
    );
}

/// One job: state, start, stored duration, nodes, threads, accelerators.
fn insert(db: &JobDb, cluster: &str, job: (&str, i64, i64, i64, Option<i64>, Option<i64>)) {
    let (state, start, duration, nodes, threads, accelerators) = job;
    db.writer()
        .execute(
            "INSERT INTO job (job_id, cluster, subcluster, start_time, hpc_user, project, duration, \
             walltime, job_state, resources, num_nodes, num_hwthreads, num_acc, shared) \
             VALUES ((SELECT COUNT(*) FROM job), ?, 'main', ?, 'u', 'p', ?, 0, ?, '[]', ?, ?, ?, 'none')",
            (cluster, start, duration, state, nodes, threads, accelerators),
        )
        .expect("a job");
}

#[test]
fn hours_are_cut_off_in_each_group_and_not_in_the_sum_of_groups() {
    let db = JobDb::with_rows(0);
    insert(&db, "a", ("completed", 0, 3599, 1, Some(2), Some(1)));
    insert(&db, "b", ("completed", 0, 3599, 2, None, None));
    let conn = open(&db);
    let all = JobFilter::default();

    let groups = grouped(&conn, &all, GroupBy::Cluster);
    assert_eq!(groups["a"], [1, 1, 0, 1, 0, 2, 1, 1, 0, 0, 0]);
    assert_eq!(groups["b"], [1, 1, 0, 2, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(
        total(&conn, &all),
        [2, 1, 1, 3, 2, 2, 1, 1, 0, 0, 0],
        "7198 s are one hour, although each group has none"
    );
}

#[test]
fn a_running_job_counts_since_its_start_but_is_short_by_its_stored_duration() {
    let db = JobDb::with_rows(0);
    insert(&db, "a", ("running", NOW - 7300, 299, 2, Some(3), Some(4)));
    insert(&db, "a", ("running", NOW - 400, 0, 1, None, None));
    insert(&db, "a", ("running", NOW - 1, 300, 0, None, None));
    let conn = open(&db);
    assert_eq!(
        total(&conn, &JobFilter::default()),
        // 7701 s; nodes 15000 s; threads 21900 s; accelerators 29200 s.
        [3, 1, 2, 3, 4, 3, 6, 4, 8, 3, 2]
    );
}

#[test]
fn an_empty_selection_gives_zeros_and_no_groups() {
    let conn = open(&JobDb::with_rows(0));
    let all = JobFilter::default();
    assert_eq!(total(&conn, &all), [0; 11]);
    for by in GroupBy::ALL {
        assert!(grouped(&conn, &all, by).is_empty(), "by {by}");
    }
}

fn hostile_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("'; DROP TABLE job; --".to_owned()),
        Just("%".to_owned()),
        Just("user00_".to_owned()),
        Just("o'hara%_".to_owned()),
        Just("ü😀".to_owned()),
        Just("fritz\0".to_owned()),
        Just("?1 :x @y $z".to_owned()),
        Just("\"job\"`[x]".to_owned()),
        Just("x".repeat(100_000)),
        "\\PC{0,20}",
        any::<String>(),
    ]
}

/// A condition on every text there is.
fn textual(text: &str) -> JobFilter {
    let mut filter = JobFilter::default().with_states([text, "running"]);
    for field in TextField::ALL {
        for op in TextOp::ALL {
            let is = TextMatch {
                op,
                values: vec![text.to_owned()],
            };
            filter = filter.and(Condition::Text { field, is });
        }
    }
    filter
}

fn every_statement(filter: &JobFilter) -> Vec<Sql> {
    let schema = Schema::version_11();
    let selection = || selection(filter);
    [
        JobQuery::Jobs {
            selection: selection(),
            sort: Sort::default(),
            after: Some(Cursor {
                key: Cell::Int(5),
                id: 6,
            }),
            limit: Some(7),
        },
        JobQuery::Count {
            selection: selection(),
        },
        JobQuery::Statistics {
            selection: selection(),
        },
        JobQuery::StatisticsGrouped {
            selection: selection(),
            by: GroupBy::User,
            sort: None,
        },
    ]
    .iter()
    .map(|query| query.sql(&schema).expect("everything is there"))
    .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_value_is_bound_and_no_text_reaches_the_statement(text in hostile_text()) {
        let hostile = every_statement(&textual(&text));
        // What the same filter would say without anything strange in it.
        let harmless = every_statement(&textual("harmless"));
        for (sql, expected) in hostile.iter().zip(harmless) {
            prop_assert_eq!(&sql.text, &expected.text, "the text must not depend on the values");
            prop_assert_eq!(sql.text.matches('?').count(), sql.params.len());
            prop_assert_eq!(sql.params.len(), expected.params.len());
        }
    }

    #[test]
    fn a_single_state_is_a_literal_only_if_it_is_a_plain_word(text in hostile_text()) {
        let sql = &every_statement(&JobFilter::default().with_states([text.clone()]))[1];
        let is_word = !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        let quoted = format!("'{text}'");
        prop_assert_eq!(sql.text.contains(&quoted), is_word);
        prop_assert_eq!(sql.params.is_empty(), is_word);
    }
}

#[test]
fn many_jobs_of_one_second_are_walked_without_loss() {
    let db = JobDb::with_rows(500);
    db.writer()
        .execute("UPDATE job SET start_time = 42", [])
        .expect("one second for all");
    let conn = open(&db);
    for limit in [1, 7, 499, 500, 501] {
        let mut ids = Vec::new();
        let mut after = None;
        loop {
            let query = page(after, limit);
            let batch = rows(&conn, &query);
            ids.extend(batch.iter().filter_map(|row| row[0].as_int()));
            assert!(ids.len() <= 500, "limit {limit}: the walk does not end");
            after = query.next(batch.len(), batch.last().map(Vec::as_slice));
            if after.is_none() {
                break;
            }
        }
        let expected: Vec<_> = (0..500).rev().map(|i| i * 2 + 1).collect();
        assert_eq!(ids, expected, "limit {limit}");
    }
}

#[test]
fn one_job_has_all_its_columns_and_the_list_leaves_out_the_large_ones() {
    let db = JobDb::with_rows(10);
    let conn = open(&db);
    let detail = rows(&conn, &JobQuery::Job { id: 3 });
    assert_eq!(detail.len(), 1);
    assert_eq!(detail[0].len(), 24);
    assert!(
        detail[0][23]
            .as_text()
            .expect("a BLOB of JSON")
            .contains("jobScript")
    );
    let columns = page(None, 1).columns();
    assert_eq!(columns.len(), 21);
    assert!(columns.iter().all(|column| column.name != "meta_data"));
    assert!(
        rows(&conn, &JobQuery::Job { id: 4 }).is_empty(),
        "ids are odd here"
    );
}

#[test]
fn suggestions_are_the_distinct_values_in_order() {
    let db = JobDb::with_rows(1_500);
    let conn = open(&db);
    let values = |column, within| {
        rows(&conn, &JobQuery::Values { column, within })
            .iter()
            .map(|row| row[0].display())
            .collect::<Vec<_>>()
    };
    assert_eq!(values("cluster", None), ["alex", "emmy", "fritz"]);
    let distinct = |column: &str| {
        db.writer()
            .prepare(&format!("SELECT DISTINCT {column} FROM job ORDER BY 1"))
            .expect("a statement")
            .query_map([], |row| row.get::<_, String>(0))
            .expect("rows")
            .collect::<rusqlite::Result<Vec<_>>>()
            .expect("texts")
    };
    assert_eq!(values("hpc_user", None), distinct("hpc_user"));
    let mut users = values("hpc_user", Some("cluster"));
    users.sort();
    assert_eq!(users, distinct("hpc_user"), "through another column");
}
