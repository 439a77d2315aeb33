//! The job queries against plain Rust, hand-computed cases, and the numbers of a real database.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use jobscope::{
    db::{
        connection::{self, OpenMode, ReadConnection},
        value::Cell,
    },
    jobs::{
        catalogue::{Clock, JobQuery},
        filter::{JobFilter, Sql},
        list::{self, Cursor},
        statistics::{self, GroupBy, StatisticsRow},
    },
};
use proptest::prelude::*;

use common::jobdb::{self, FIRST_START, JobDb, NOW, PlainJob};

const CLOCK: Clock = Clock {
    now_unix_secs: NOW,
    short_secs: 300,
};

/// The rows of a job query, read without the engine.
fn rows(conn: &ReadConnection, sql: &Sql) -> Vec<Vec<Cell>> {
    let mut statement = conn.prepare(&sql.text).expect(&sql.text);
    let num_columns = statement.column_count();
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

fn total(conn: &ReadConnection, filter: &JobFilter) -> Vec<i64> {
    numbers(&rows(conn, &statistics::total_sql(filter, CLOCK))[0])
}

fn grouped(conn: &ReadConnection, filter: &JobFilter, by: GroupBy) -> BTreeMap<String, Vec<i64>> {
    rows(conn, &statistics::grouped_sql(filter, by, CLOCK))
        .iter()
        .map(|row| {
            let row = StatisticsRow::from_cells(row, true).expect("a key and eleven numbers");
            (row.key, row.values.to_vec())
        })
        .collect()
}

/// What a filter means, in plain Rust.
fn accepts(filter: &JobFilter, job: &PlainJob) -> bool {
    let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|w| w == value);
    is(&filter.cluster, &job.cluster)
        && is(&filter.user, &job.user)
        && is(&filter.project, &job.project)
        && (filter.states.is_empty() || filter.states.contains(&job.state))
        && filter
            .from_unix_secs
            .is_none_or(|from| job.start_time >= from)
        && filter.to_unix_secs.is_none_or(|to| job.start_time <= to)
}

/// cc-backend's statistics in plain Rust, in the order of the columns.
fn plain_statistics<'a>(jobs: impl Iterator<Item = &'a PlainJob>) -> Vec<i64> {
    let mut users = BTreeSet::new();
    let mut sums = [0_i64; 11];
    let [
        count,
        _,
        secs,
        nodes,
        node_secs,
        cores,
        core_secs,
        accs,
        acc_secs,
        running,
        short,
    ] = &mut sums;
    for job in jobs {
        users.insert(&job.user);
        let is_running = job.state == "running";
        let duration = if is_running {
            NOW - job.start_time
        } else {
            job.duration
        };
        *count += 1;
        *secs += duration;
        *nodes += job.num_nodes;
        *node_secs += duration * job.num_nodes;
        *cores += job.num_hwthreads.unwrap_or(0);
        *core_secs += duration * job.num_hwthreads.unwrap_or(0);
        *accs += job.num_acc.unwrap_or(0);
        *acc_secs += duration * job.num_acc.unwrap_or(0);
        *running += i64::from(is_running);
        *short += i64::from(job.duration < 300);
    }
    for secs in [secs, node_secs, core_secs, acc_secs] {
        *secs /= 3600;
    }
    sums[1] = i64::try_from(users.len()).expect("few users");
    sums.to_vec()
}

fn key(job: &PlainJob, by: GroupBy) -> &str {
    match by {
        GroupBy::User => &job.user,
        GroupBy::Project => &job.project,
        GroupBy::Cluster => &job.cluster,
        GroupBy::Subcluster => &job.subcluster,
    }
}

fn plain_grouped(jobs: &[PlainJob], filter: &JobFilter, by: GroupBy) -> BTreeMap<String, Vec<i64>> {
    let keys: BTreeSet<_> = jobs
        .iter()
        .filter(|job| accepts(filter, job))
        .map(|job| key(job, by))
        .collect();
    keys.into_iter()
        .map(|wanted| {
            let group = jobs
                .iter()
                .filter(|job| accepts(filter, job) && key(job, by) == wanted);
            (wanted.to_owned(), plain_statistics(group))
        })
        .collect()
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
    let by_user = |user: &str| {
        let filter = JobFilter {
            user: Some(user.to_owned()),
            ..JobFilter::default()
        };
        rows(&conn, &list::count_sql(&filter))[0][0].as_int()
    };
    assert_eq!(by_user("K106EB10"), Some(0), "names are compared exactly");
}

#[test]
fn the_real_database_adds_up_like_plain_rust_in_every_grouping() {
    let Some(db) = jobdb::real() else {
        println!("skipped: the real database is not on this machine");
        return;
    };
    let jobs = jobdb::plain_jobs(&db.path);
    let conn = open(&db);
    let all = JobFilter::default();
    assert_eq!(total(&conn, &all), plain_statistics(jobs.iter()));
    for by in GroupBy::ALL {
        assert_eq!(
            grouped(&conn, &all, by),
            plain_grouped(&jobs, &all, by),
            "by {by}"
        );
    }
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

/// Shared by the properties: 1,500 jobs, in plain Rust and as a file.
struct Shared {
    db: JobDb,
    jobs: Vec<PlainJob>,
}

static SHARED: LazyLock<Shared> = LazyLock::new(|| {
    let db = JobDb::with_rows(1_500);
    let jobs = jobdb::plain_jobs(&db.path);
    Shared { db, jobs }
});

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

fn text_or(known: &'static [&'static str]) -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        3 => Just(None),
        4 => prop::sample::select(known).prop_map(|text| Some(text.to_owned())),
        1 => hostile_text().prop_map(Some),
    ]
}

fn any_time() -> impl Strategy<Value = Option<i64>> {
    // 1,500 jobs at seven per minute are some 215 minutes.
    prop_oneof![
        2 => Just(None),
        4 => (FIRST_START - 60..FIRST_START + 215 * 60).prop_map(Some),
        1 => prop::sample::select(vec![i64::MIN, -1, 0, i64::MAX]).prop_map(Some),
    ]
}

fn any_filter() -> impl Strategy<Value = JobFilter> {
    let states = prop_oneof![
        2 => Just(Vec::new()),
        3 => prop::collection::vec(
            prop::sample::select(vec!["completed", "running", "failed", "out_of_memory", "nonsense"])
                .prop_map(ToOwned::to_owned),
            1..4,
        ),
        1 => prop::collection::vec(hostile_text(), 1..3),
    ];
    (
        text_or(&["alex", "fritz", "emmy", "nowhere"]),
        text_or(&["user000", "user004", "user010", "o'hara%_", "ü😀"]),
        text_or(&["proj0", "proj7", "proj10"]),
        states,
        any_time(),
        any_time(),
    )
        .prop_map(
            |(cluster, user, project, states, from_unix_secs, to_unix_secs)| JobFilter {
                cluster,
                user,
                project,
                states,
                from_unix_secs,
                to_unix_secs,
            },
        )
}

fn texts(filter: &JobFilter) -> impl Iterator<Item = &String> {
    filter
        .cluster
        .iter()
        .chain(&filter.user)
        .chain(&filter.project)
        .chain(&filter.states)
}

fn every_statement(filter: &JobFilter) -> Vec<Sql> {
    let filter = || filter.clone();
    [
        JobQuery::Jobs {
            filter: filter(),
            after: Some(Cursor {
                start_time_unix_secs: 5,
                id: 6,
            }),
            limit: 7,
        },
        JobQuery::Count { filter: filter() },
        JobQuery::Statistics {
            filter: filter(),
            clock: CLOCK,
        },
        JobQuery::StatisticsGrouped {
            filter: filter(),
            by: GroupBy::User,
            clock: CLOCK,
        },
    ]
    .iter()
    .map(JobQuery::sql)
    .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sql_and_plain_rust_accept_the_same_jobs(filter in any_filter()) {
        let conn = open(&SHARED.db);
        let accepted = SHARED.jobs.iter().filter(|job| accepts(&filter, job)).count();
        let counted = rows(&conn, &list::count_sql(&filter))[0][0].as_int();
        prop_assert_eq!(counted, i64::try_from(accepted).ok());
        prop_assert_eq!(
            total(&conn, &filter),
            plain_statistics(SHARED.jobs.iter().filter(|job| accepts(&filter, job)))
        );
        for by in GroupBy::ALL {
            prop_assert_eq!(
                grouped(&conn, &filter, by),
                plain_grouped(&SHARED.jobs, &filter, by),
                "by {}", by
            );
        }
    }

    #[test]
    fn every_value_is_bound_and_no_text_reaches_the_statement(filter in any_filter()) {
        // What the same filter would say without anything strange in it.
        let mut harmless = filter.clone();
        for text in [&mut harmless.cluster, &mut harmless.user, &mut harmless.project] {
            *text = text.as_ref().map(|_| "harmless".to_owned());
        }
        // One state of plain letters is a literal by design, for the partial indexes.
        let is_literal = matches!(filter.states.as_slice(), [state]
            if !state.is_empty() && state.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'-'));
        if !is_literal {
            harmless.states = vec!["Harmless".to_owned(); filter.states.len()];
        }
        for (sql, expected) in every_statement(&filter).iter().zip(every_statement(&harmless)) {
            prop_assert_eq!(&sql.text, &expected.text, "the text must not depend on the values");
            prop_assert_eq!(sql.text.matches('?').count(), sql.params.len());
            prop_assert_eq!(sql.params.len(), expected.params.len());
            for text in texts(&filter).filter(|text| text.len() > 12 && !is_literal) {
                prop_assert!(!sql.text.contains(text.as_str()), "{text:?} is part of the statement");
            }
        }
    }

    #[test]
    fn walking_all_batches_gives_each_job_exactly_once_in_order(
        filter in any_filter(),
        limit in prop::sample::select(vec![1_u32, 2, 3, 7, 8, 50, 256, 1_499, 1_500, 5_000]),
    ) {
        let mut expected: Vec<_> = SHARED.jobs.iter()
            .filter(|job| accepts(&filter, job))
            .map(|job| (job.start_time, job.id))
            .collect();
        expected.sort_unstable_by(|a, b| b.cmp(a));
        let limit = if expected.len() > 200 { limit.max(7) } else { limit };

        let conn = open(&SHARED.db);
        let mut walked = Vec::new();
        let mut after = None;
        loop {
            let query = JobQuery::Jobs { filter: filter.clone(), after, limit };
            let batch = rows(&conn, &query.sql());
            prop_assert!(batch.len() <= limit as usize);
            walked.extend(batch.iter().map(|row| (
                row[6].as_int().expect("a start"),
                row[0].as_int().expect("an id"),
            )));
            prop_assert!(walked.len() <= expected.len(), "the walk does not end");
            after = query.next(batch.len(), batch.last().map(Vec::as_slice));
            if after.is_none() {
                break;
            }
        }
        prop_assert_eq!(walked, expected);
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
            let query = JobQuery::Jobs {
                filter: JobFilter::default(),
                after,
                limit,
            };
            let batch = rows(&conn, &query.sql());
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
    let detail = rows(&conn, &list::job_sql(3));
    assert_eq!(detail.len(), 1);
    assert_eq!(detail[0].len(), 24);
    assert!(
        detail[0][23]
            .as_text()
            .expect("a BLOB of JSON")
            .contains("jobScript")
    );
    let columns = list::columns();
    assert_eq!(columns.len(), 21);
    assert!(columns.iter().all(|column| column.name != "meta_data"));
    assert!(
        rows(&conn, &list::job_sql(4)).is_empty(),
        "ids are odd here"
    );
}

#[test]
fn suggestions_are_the_distinct_values_in_order() {
    let conn = open(&SHARED.db);
    let values = |column| {
        rows(&conn, &JobQuery::Values { column }.sql())
            .iter()
            .map(|row| row[0].display())
            .collect::<Vec<_>>()
    };
    assert_eq!(values("cluster"), ["alex", "emmy", "fritz"]);
    let users: BTreeSet<_> = SHARED.jobs.iter().map(|job| job.user.clone()).collect();
    assert_eq!(values("hpc_user"), users.into_iter().collect::<Vec<_>>());
}
