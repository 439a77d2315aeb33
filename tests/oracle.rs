//! The oracle itself: hand-computed cases, SQLite's own opinion, the numbers of a real database.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::Value as SqlValue;
use serde_json::{Value, json};

use common::{
    jobdb::{self, JobDb, NOW, writer},
    oracle::{Concurrent, Found, Job, Oracle, Stored, dirty, random_filters, uses_extensions},
};

/// The tables that the small database of the other tests has not.
const MORE_TABLES: &str = "
CREATE TABLE tag (id INTEGER PRIMARY KEY, tag_type TEXT NOT NULL, tag_name TEXT NOT NULL,
    tag_scope TEXT NOT NULL DEFAULT 'global', UNIQUE (tag_type, tag_name));
CREATE TABLE jobtag (job_id INTEGER, tag_id INTEGER, PRIMARY KEY (job_id, tag_id));
CREATE TABLE node (id INTEGER PRIMARY KEY, hostname TEXT NOT NULL, cluster TEXT NOT NULL,
    subcluster TEXT NOT NULL);
CREATE TABLE node_state (id INTEGER PRIMARY KEY, time_stamp INTEGER NOT NULL,
    node_state TEXT NOT NULL, health_state TEXT NOT NULL, node_id INTEGER);
";

/// Jobs that have in each column what makes a difference.
fn jobs(assignments: &[&str]) -> (JobDb, Oracle) {
    let db = JobDb::with_sql(MORE_TABLES);
    let conn = db.writer();
    conn.execute_batch("PRAGMA ignore_check_constraints = 1; PRAGMA foreign_keys = OFF;")
        .expect("a careless connection");
    for (id, assignment) in (1_i64..).zip(assignments) {
        conn.execute(
            "INSERT INTO job (id, job_id, cluster, subcluster, start_time, hpc_user, project,
                 duration, walltime, job_state, resources, num_nodes, shared)
             VALUES (?1, 100 + ?1, 'alex', 'main', 1000, 'anna', 'p', 60, 0, 'completed', '[]', 1,
                 'none')",
            [id],
        )
        .expect("a job");
        if !assignment.is_empty() {
            conn.execute_batch(&format!("UPDATE job SET {assignment} WHERE id = {id}"))
                .expect(assignment);
        }
    }
    let oracle = Oracle::read(&db.path);
    (db, oracle)
}

fn ids(jobs: &[&Job]) -> Vec<i64> {
    jobs.iter().map(|job| job.id).collect()
}

/// Filters and the ids that they accept.
fn assert_accepted(oracle: &Oracle, as_backend: bool, cases: &[(Value, &[i64])]) {
    for (filter, expected) in cases {
        let accepted = ids(&oracle.select(filter, NOW, as_backend));
        assert_eq!(accepted, *expected, "{filter}");
    }
}

#[test]
fn the_real_database_gives_the_golden_numbers() {
    let Some(db) = jobdb::real() else {
        println!("skipped: the real database is not on this machine");
        return;
    };
    let oracle = Oracle::read(&db.path);
    let count = |filter: &Value| oracle.select(filter, NOW, false).len();
    let all = oracle.select(&json!({}), NOW, false);

    assert_eq!(
        oracle.statistics(&all, NOW, 300),
        [544, 42, 2751, 548, 2751, 26952, 88384, 600, 3980, 0, 138]
    );
    let clusters = oracle.grouped(&all, "cluster", NOW, 300);
    assert_eq!(clusters.len(), 2);
    assert_eq!(
        clusters["alex"],
        [303, 41, 2408, 307, 2408, 9600, 63680, 600, 3980, 0, 87]
    );
    assert_eq!(
        clusters["fritz"],
        [241, 1, 343, 241, 343, 17352, 24704, 0, 0, 0, 51]
    );
    assert_eq!(count(&json!({"user": {"contains": "K106EB"}})), 241);
    assert_eq!(count(&json!({"user": {"eq": "K106EB10"}})), 0);
    assert_eq!(count(&json!({"schedule": "interactive"})), 22);
    assert_eq!(count(&json!({"schedule": "batch"})), 522);
    let with = |key: &str| all.iter().filter(|job| !job.metric(key).is_null()).count();
    assert_eq!([with("mem_used_max"), with("mem_used_avg")], [0, 544]);
}

#[test]
fn the_real_database_gives_the_golden_histograms() {
    let Some(db) = jobdb::real() else {
        println!("skipped: the real database is not on this machine");
        return;
    };
    let oracle = Oracle::read(&db.path);
    let all = oracle.select(&json!({}), NOW, false);
    let non_zero = |bins: Vec<(i64, i64, i64, i64)>| -> Vec<(i64, i64)> {
        let bins = bins.into_iter().map(|(bin, _, _, count)| (bin, count));
        bins.filter(|(_, count)| *count > 0).collect()
    };

    let durations = oracle.duration_histogram_as_backend(&all, "1h", NOW);
    let shown: Vec<(i64, i64)> = [
        [(1, 299), (2, 50), (3, 42), (4, 12), (5, 9), (6, 1)],
        [(7, 2), (8, 6), (9, 2), (10, 2), (11, 4), (12, 7)],
        [(13, 4), (15, 21), (16, 3), (17, 18), (18, 4), (19, 8)],
        [(20, 3), (21, 2), (24, 34), (25, 7), (36, 1), (0, 0)],
    ]
    .concat()
    .into_iter()
    .filter(|(bin, _)| *bin > 0)
    .collect();
    assert_eq!(durations.len(), 48);
    assert_eq!(non_zero(durations), shown);
    let right = oracle.duration_histogram(&all, "1h", NOW);
    assert_eq!(right.len(), 49, "48 bins and one for what is longer");
    assert_eq!(right[48], (Some(49), Some(48 * 3600), None, 3));

    let fritz = oracle.select(&json!({"cluster": {"eq": "fritz"}}), NOW, false);
    let load = [
        (4, 8),
        (5, 14),
        (6, 22),
        (7, 14),
        (8, 17),
        (9, 41),
        (10, 125),
    ];
    let as_backend = oracle.metric_histogram_as_backend(&fritz, "cpu_load_avg", 10, 72.0);
    assert_eq!(as_backend[9].1..as_backend[9].2, 63..70);
    assert_eq!(non_zero(as_backend), load);
    let flops = oracle.select(&json!({}), NOW, false);
    let flops = oracle.metric_histogram(&flops, &["flops_any_avg"], 10, Some(9216.0));
    assert_eq!(
        flops.bins.last().map(|bin| (bin.0, bin.3)),
        Some((Some(11), 27))
    );
}

#[test]
fn only_the_first_operator_of_a_text_counts_and_like_ignores_the_case_of_ascii() {
    let (_db, oracle) = jobs(&[
        "hpc_user = 'anna'",
        "hpc_user = 'Anna'",
        "hpc_user = '50%_'",
        "hpc_user = '50ab'",
        "hpc_user = 'ÄRGER', cluster_partition = 'work'",
        "hpc_user = 'ärger', cluster_partition = ''",
    ]);
    assert_accepted(
        &oracle,
        false,
        &[
            (json!({"user": {"eq": "anna"}}), &[1]),
            (json!({"user": {"neq": "anna"}}), &[2, 3, 4, 5, 6]),
            (json!({"user": {"startsWith": "AN"}}), &[1, 2]),
            (json!({"user": {"endsWith": "Na"}}), &[1, 2]),
            (json!({"user": {"contains": ""}}), &[1, 2, 3, 4, 5, 6]),
            (json!({"user": {"contains": "är"}}), &[6]),
            (json!({"user": {"endsWith": "RGER"}}), &[5, 6]),
            (json!({"user": {"startsWith": "50%_"}}), &[3]),
            (json!({"user": {"like": "50__"}}), &[3, 4]),
            (json!({"user": {"like": "_rger"}}), &[5, 6]),
            (json!({"user": {"in": ["anna", "50ab", "x"]}}), &[1, 4]),
            (json!({"user": {"in": []}}), &[]),
            (json!({"user": {}}), &[1, 2, 3, 4, 5, 6]),
            (json!({"user": {"neq": "anna", "eq": "Anna"}}), &[2]),
            (json!({"user": {"in": ["anna"], "contains": "50"}}), &[3, 4]),
            (json!({"user": {"like": "x", "in": ["anna"]}}), &[1]),
            (json!({"partition": {"neq": "work"}}), &[6]),
            (json!({"partition": {"contains": ""}}), &[5, 6]),
            (
                json!([{"user": {"contains": "n"}}, {"user": {"neq": "anna"}}]),
                &[2],
            ),
        ],
    );
    assert_accepted(
        &oracle,
        true,
        &[
            (json!({"user": {"startsWith": "50%_"}}), &[3, 4]),
            (json!({"user": {"contains": "n_a"}}), &[1, 2]),
            (json!({"user": {"endsWith": "%"}}), &[1, 2, 3, 4, 5, 6]),
        ],
    );
}

#[test]
fn job_ids_are_compared_as_numbers_and_matched_as_texts() {
    let (_db, oracle) = jobs(&["job_id = 12", "job_id = 120", "job_id = 7"]);
    assert_accepted(
        &oracle,
        false,
        &[
            (json!({"jobId": {"eq": "12"}}), &[1]),
            (json!({"jobId": {"eq": " 012.0 "}}), &[1]),
            (json!({"jobId": {"eq": "1.2e1"}}), &[1]),
            (json!({"jobId": {"eq": "twelve"}}), &[]),
            (json!({"jobId": {"neq": "twelve"}}), &[1, 2, 3]),
            (json!({"jobId": {"neq": "12"}}), &[2, 3]),
            (json!({"jobId": {"startsWith": "12"}}), &[1, 2]),
            (json!({"jobId": {"startsWith": "012"}}), &[]),
            (json!({"jobId": {"in": ["7", "0120", "x"]}}), &[2, 3]),
            (json!({"dbId": ["1", 3, 9]}), &[1, 3]),
            (json!({"dbId": []}), &[]),
        ],
    );
}

#[test]
fn ranges_are_open_at_zero_and_null_is_in_no_range() {
    let (_db, oracle) = jobs(&[
        "num_acc = NULL, energy = -1",
        "num_acc = 0, energy = 0",
        "num_acc = 1, energy = 0.5",
        "num_acc = 2, energy = 2",
    ]);
    let acc = |range: Value| json!({"numAccelerators": range});
    assert_accepted(
        &oracle,
        false,
        &[
            (acc(json!({"from": 1, "to": 1})), &[3]),
            (acc(json!({"from": 1})), &[3, 4]),
            (acc(json!({"from": 0, "to": 1})), &[2, 3]),
            (acc(json!({"from": 0, "to": 0})), &[1, 2, 3, 4]),
            (acc(json!({})), &[1, 2, 3, 4]),
            (acc(json!({"from": -1, "to": 1})), &[1, 2, 3, 4]),
            (acc(json!({"from": 2, "to": -1})), &[1, 2, 3, 4]),
            (acc(json!({"from": 2, "to": 1})), &[]),
            (acc(json!({"eq": 0})), &[2]),
            (acc(json!({"ge": 0, "lt": 2})), &[2, 3]),
            (acc(json!({"gt": 0})), &[3, 4]),
            (acc(json!({"le": 1})), &[2, 3]),
            (json!({"energy": {"from": 0.25, "to": 2}}), &[3, 4]),
            (json!({"energy": {"lt": 0}}), &[1]),
        ],
    );
}

#[test]
fn absolute_times_win_over_a_named_range_which_has_no_end() {
    let day = 86_400;
    let times = [NOW - 2 * day, NOW - day, NOW - 21_600, NOW, NOW + day, 0];
    let texts = times.map(|time| format!("start_time = {time}"));
    let (_db, oracle) = jobs(&texts.each_ref().map(String::as_str));
    assert_accepted(
        &oracle,
        false,
        &[
            (json!({"startTime": {"range": "last6h"}}), &[3, 4, 5]),
            (json!({"startTime": {"range": "last24h"}}), &[2, 3, 4, 5]),
            (json!({"startTime": {"range": "last7d"}}), &[1, 2, 3, 4, 5]),
            (
                json!({"startTime": {"range": "today"}}),
                &[1, 2, 3, 4, 5, 6],
            ),
            (
                json!({"startTime": {"to": NOW - day, "range": "last6h"}}),
                &[1, 2, 6],
            ),
            // NOW is 2027-01-15T08:00:00Z.
            (
                json!({"startTime": {"from": "2027-01-15T09:00:00+01:00"}}),
                &[4, 5],
            ),
            (
                json!({"startTime": {"from": "2027-01-15T02:00:00Z", "to": "2027-01-15T08:00:00.9Z"}}),
                &[3, 4],
            ),
            (json!({"startTime": {"from": 0, "to": 0}}), &[6]),
        ],
    );
}

#[test]
fn states_sharing_and_array_ids_are_compared_exactly() {
    let (_db, oracle) = jobs(&[
        "job_state = 'running', array_job_id = NULL",
        "job_state = 'failed', shared = 'multi_user', array_job_id = 0",
        "job_state = 'out-of-memory', array_job_id = 5",
    ]);
    assert_accepted(
        &oracle,
        false,
        &[
            (json!({"state": ["running"]}), &[1]),
            (json!({"state": ["out-of-memory", "failed"]}), &[2, 3]),
            (json!({"state": []}), &[]),
            (json!({"state": null}), &[1, 2, 3]),
            (json!({"shared": "none"}), &[1, 3]),
            (json!({"shared": "None"}), &[]),
            (json!({"arrayJobId": 0}), &[2]),
            (json!({"arrayJobId": 5}), &[3]),
        ],
    );
}

#[test]
fn a_name_needs_valid_meta_data_and_is_never_different_when_missing() {
    let (_db, oracle) = jobs(&[
        r#"meta_data = '{"jobName":"interactive"}'"#,
        r#"meta_data = CAST('{"jobScript":"x","jobName":"CFD_7"}' AS BLOB)"#,
        "meta_data = 'null'",
        "meta_data = 'no json {'",
        "meta_data = NULL",
        r#"meta_data = '{"jobName":42}'"#,
        r#"meta_data = '{"jobName":"first","jobName":"second"}'"#,
    ]);
    assert_accepted(
        &oracle,
        false,
        &[
            (json!({"jobName": {"eq": "interactive"}}), &[1]),
            (json!({"jobName": {"neq": "interactive"}}), &[2, 6, 7]),
            (json!({"jobName": {"contains": "fd_"}}), &[2]),
            (json!({"jobName": {"contains": "4"}}), &[6]),
            (json!({"jobName": {"eq": "42"}}), &[]),
            (json!({"jobName": {"eq": "first"}}), &[7]),
            (json!({"jobName": {"in": ["CFD_7", "first"]}}), &[2, 7]),
            (json!({"jobName": {}}), &[1, 2, 3, 6, 7]),
            (json!({"schedule": "interactive"}), &[1]),
            (json!({"schedule": "batch"}), &[2, 6, 7]),
            (json!({"schedule": "other"}), &[1, 2, 3, 4, 5, 6, 7]),
        ],
    );
    let list = json!({"jobName": {"in": ["CFD_7"]}});
    assert_accepted(&oracle, true, &[(list, &[1, 2, 3, 6, 7])]);
}

#[test]
fn one_of_the_nodes_is_enough_also_to_be_different() {
    let (_db, oracle) = jobs(&[
        r#"resources = '[{"hostname":"f01"},{"hostname":"f02"}]'"#,
        r#"resources = CAST('[{"hostname":"f01","hwthreads":[1]}]' AS BLOB)"#,
        r#"resources = '["f01","f02"]'"#,
        r#"resources = '[{"hostname":null},{"hostname":5},7]'"#,
        "resources = 'no json {'",
        "resources = '[]'",
    ]);
    assert_accepted(
        &oracle,
        false,
        &[
            (json!({"node": {"eq": "f01"}}), &[1, 2]),
            (json!({"node": {"neq": "f01"}}), &[1, 4]),
            (json!({"node": {"startsWith": "F"}}), &[1, 2]),
            (json!({"node": {"contains": ""}}), &[1, 2, 4]),
            (json!({"node": {"in": ["f02", "5"]}}), &[1]),
            (json!({"node": {}}), &[1, 2, 3, 4, 6]),
        ],
    );
}

#[test]
fn metrics_follow_sqlite_where_they_are_no_numbers() {
    let (_db, oracle) = jobs(&[
        r#"footprint = '{"m_avg":1.5}'"#,
        r#"footprint = CAST('{"m_avg":3}' AS BLOB)"#,
        r#"footprint = '{"m_avg":"2"}'"#,
        r#"footprint = '{"m_avg":null}'"#,
        "footprint = 'null'",
        "footprint = 'no json {'",
        "footprint = NULL",
        r#"footprint = '{"m_avg":-1}'"#,
    ]);
    let metric = |range: Value| json!({"metricStats": [{"metricName": "m_avg", "range": range}]});
    let two = json!({"metricStats": [
        {"metricName": "m_avg", "range": {"from": 1, "to": 0}},
        {"metricName": "m_avg", "range": {"from": 0, "to": 2}},
    ]});
    let bad = json!({"metricStats": [{"metricName": "m avg", "range": {}}]});
    assert_accepted(
        &oracle,
        false,
        &[
            (metric(json!({"from": 1, "to": 2})), &[1]),
            (metric(json!({"from": 2, "to": 0})), &[2, 3]),
            (metric(json!({"from": 0, "to": 2})), &[1, 8]),
            (metric(json!({"from": 0, "to": 0})), &[1, 2, 3, 4, 5, 8]),
            (metric(json!({})), &[1, 2, 3, 4, 5, 8]),
            (metric(json!({"lt": 0})), &[8]),
            (metric(json!({"eq": 3.0})), &[2]),
            (two, &[1]),
            (bad, &[]),
            (json!({"metricStats": []}), &[1, 2, 3, 4, 5, 6, 7, 8]),
        ],
    );
}

#[test]
fn tags_are_any_or_all_or_none_of_a_list_and_cc_backend_counts_each() {
    let (db, _) = jobs(&["num_nodes = 2", "num_nodes = 3", ""]);
    db.writer()
        .execute_batch("INSERT INTO jobtag VALUES (1, 1), (1, 2), (2, 2), (2, 9), (77, 1);")
        .expect("tags");
    let oracle = Oracle::read(&db.path);
    assert_accepted(
        &oracle,
        false,
        &[
            (json!({"tags": [1, 2]}), &[1, 2]),
            (json!({"tags": ["9"]}), &[2]),
            (json!({"tags": []}), &[]),
            (json!({"tagsAll": [1, 2, 2]}), &[1]),
            (json!({"tagsAll": []}), &[1, 2, 3]),
            (json!({"tagsNone": [1]}), &[2, 3]),
            (json!({"tagsNone": []}), &[1, 2, 3]),
        ],
    );
    let twice = oracle.select_as_joined(&json!({"tags": [1, 2, 2]}), NOW);
    assert_eq!(ids(&twice), [1, 1, 2]);
    let sums = oracle.statistics(&twice, NOW, 300);
    assert_eq!([sums[0], sums[1], sums[3]], [3, 1, 7]);
    let as_backend = oracle.statistics_as_backend(&twice, NOW, 300);
    assert_eq!([as_backend[0], as_backend[3]], [3, 0]);
}

#[test]
fn hours_are_cut_off_per_group_and_running_jobs_count_until_now() {
    let running = format!(
        "job_state = 'running', start_time = {}, duration = 0, num_hwthreads = 2, hpc_user = 'b'",
        NOW - 3599
    );
    let (_db, oracle) = jobs(&[
        "duration = 3599, num_nodes = 2, num_acc = 1",
        &running,
        "duration = 300, cluster = 'fritz'",
    ]);
    let all = oracle.select(&Value::Null, NOW, false);
    assert_eq!(
        oracle.statistics(&all, NOW, 300),
        // 7498 s; nodes 11097 s; threads 7198 s; accelerators 3599 s.
        [3, 2, 2, 4, 3, 2, 1, 1, 0, 1, 1]
    );
    let clusters = oracle.grouped(&all, "cluster", NOW, 300);
    assert_eq!(clusters["alex"], [2, 2, 1, 3, 2, 2, 1, 1, 0, 1, 1]);
    assert_eq!(clusters["fritz"], [1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    let count = |kind| oracle.count_grouped(&all, "user", kind, 301);
    let named = |pairs: &[(&str, i64)]| -> BTreeMap<String, i64> {
        let pairs = pairs.iter();
        pairs
            .map(|(key, count)| ((*key).to_owned(), *count))
            .collect()
    };
    assert_eq!(count("all"), named(&[("anna", 2), ("b", 1)]));
    assert_eq!(count("running"), named(&[("b", 1)]));
    assert_eq!(count("short"), named(&[("anna", 1), ("b", 1)]));
}

#[test]
fn every_job_is_in_a_duration_bin_except_in_cc_backend() {
    let (_db, oracle) = jobs(&[
        "duration = 0",
        "duration = 3599",
        "duration = 3600",
        "duration = 172800",
        "duration = 172799",
        "duration = -1",
        "duration = -3600",
    ]);
    let all = oracle.select(&json!({}), NOW, false);
    let bins = oracle.duration_histogram(&all, "1h", NOW);
    assert_eq!(bins.len(), 50);
    assert_eq!(bins[0], (Some(0), None, Some(0), 2));
    assert_eq!(bins[1], (Some(1), Some(0), Some(3600), 2));
    assert_eq!(bins[2], (Some(2), Some(3600), Some(7200), 1));
    assert_eq!(bins[48], (Some(48), Some(169_200), Some(172_800), 1));
    assert_eq!(bins[49], (Some(49), Some(172_800), None, 1));
    let days = oracle.duration_histogram(&all, "24h", NOW);
    assert_eq!(days.len(), 15, "one for the negative ones");
    assert_eq!(
        days[14],
        (Some(14), Some(13 * 86_400), Some(14 * 86_400), 0)
    );

    let as_backend = oracle.duration_histogram_as_backend(&all, "1h", NOW);
    assert_eq!(as_backend.len(), 48);
    assert_eq!(as_backend[0], (1, 0, 3600, 3), "with the one of -1 s");
    assert_eq!(as_backend.iter().map(|bin| bin.3).sum::<i64>(), 5);
    let hours = oracle.duration_histogram_as_backend(&all, "24h", NOW);
    assert_eq!(hours.last(), Some(&(24, 82_800, 86_400, 0)));
}

#[test]
fn every_job_is_in_a_metric_bin_except_in_cc_backend() {
    let footprint = |json: &str| format!("footprint = '{{{json}}}'");
    let texts = [
        footprint(r#""m_avg":0"#),
        footprint(r#""m_avg":7.19"#),
        footprint(r#""m_avg":7.2,"m_max":1"#),
        footprint(r#""m_avg":72"#),
        footprint(r#""m_avg":72.5"#),
        footprint(r#""m_avg":-0.5"#),
        footprint(r#""m_avg":-7.5"#),
        footprint(r#""m_avg":"9""#),
        footprint(r#""m_avg":null,"m_max":30"#),
        "footprint = 'no json {'".to_owned(),
    ];
    let (_db, oracle) = jobs(&texts.each_ref().map(String::as_str));
    let all = oracle.select(&json!({}), NOW, false);
    let counts = |keys: &[&str], peak| -> Vec<(Option<i64>, i64)> {
        let bins = oracle.metric_histogram(&all, keys, 10, peak).bins;
        let bins = bins.iter().map(|bin| (bin.0, bin.3));
        bins.filter(|(_, count)| *count > 0).collect()
    };
    let mut expected = vec![
        (Some(0), 2),
        (Some(1), 2),
        (Some(2), 1),
        (Some(10), 1),
        (Some(11), 1),
        (None, 3),
    ];
    assert_eq!(counts(&["m_avg"], Some(72.0)), expected);
    expected.insert(3, (Some(5), 1));
    expected[6].1 = 2;
    assert_eq!(counts(&["m_avg", "m_max"], Some(72.0)), expected);
    let largest = oracle.metric_histogram(&all, &["m_avg"], 10, None);
    assert!((largest.peak - 72.5).abs() < f64::EPSILON);
    assert_eq!(largest.bins.len(), 12, "nothing is above the largest value");
    let none = oracle.metric_histogram(&all, &["unknown"], 10, None);
    assert!((none.peak - 1.0).abs() < f64::EPSILON);

    let as_backend: Vec<_> = oracle
        .metric_histogram_as_backend(&all, "m_avg", 10, 72.0)
        .into_iter()
        .filter(|bin| bin.3 > 0)
        .collect();
    assert_eq!(as_backend, [(1, 0, 7, 3), (2, 7, 14, 1), (10, 63, 70, 1)]);
    let resources = oracle.resource_histogram(&all, "num_acc");
    assert_eq!(resources, BTreeMap::from([(None, 10)]));
}

#[test]
fn sorting_has_the_order_of_sqlite_and_the_id_last() {
    let (_db, oracle) = jobs(&[
        r#"footprint = '{"m":"10"}', num_acc = 2"#,
        r#"footprint = '{"m":9.5}', num_acc = 1"#,
        "footprint = 'no json {', num_acc = 2",
        r#"footprint = '{"m":10}', num_acc = NULL"#,
        r#"footprint = '{"m":"B"}', num_acc = 1"#,
        r#"footprint = '{"m":"a"}', num_acc = 0"#,
    ]);
    let all = oracle.select(&json!({}), NOW, false);
    let sorted = |key, descending| oracle.sorted_ids(&all, key, descending);
    assert_eq!(sorted("num_acc", false), [4, 6, 2, 5, 1, 3]);
    assert_eq!(sorted("num_acc", true), [3, 1, 5, 2, 6, 4]);
    assert_eq!(sorted("footprint.m", false), [3, 2, 4, 1, 5, 6]);
    assert_eq!(sorted("footprint.none", true), [6, 5, 4, 3, 2, 1]);
}

#[test]
fn concurrent_jobs_overlap_by_more_than_200_seconds_on_the_first_host() {
    let on =
        |host: &str| format!(r#"resources = '[{{"hostname":"{host}"}}]', shared = 'multi_user'"#);
    let a = on("a");
    let b = on("b");
    let (_db, oracle) = jobs(&[
        &format!("start_time = 10000, duration = 1000, {a}"),
        &format!("start_time = 9000, duration = 1200, {a}"),
        &format!("start_time = 9000, duration = 1201, {a}"),
        &format!("start_time = 10800, duration = 50, {a}"),
        &format!("start_time = 10799, duration = 50, {a}"),
        &format!("start_time = 10799, duration = 50, {b}"),
        &format!("start_time = 10799, duration = 50, cluster = 'fritz', {a}"),
        &format!("start_time = 10800, job_state = 'running', {a}"),
        &format!("start_time = 10801, job_state = 'running', {a}"),
        &format!("start_time = 10000, duration = 600, {a}"),
        &format!("start_time = 10001, duration = 1000, {a}, shared = 'none'"),
    ]);
    let expected = Concurrent {
        finished: vec![1, 3, 5, 10, 11],
        running: vec![8],
    };
    assert_eq!(oracle.concurrent(1, NOW), Some(expected));
    assert_eq!(
        oracle.concurrent(10, NOW),
        None,
        "ten minutes are too short"
    );
    assert_eq!(oracle.concurrent(11, NOW), None, "it has its node alone");
    let running = oracle.concurrent(9, NOW).expect("it runs for long");
    assert_eq!(running.running, [8, 9], "the job itself is among them");
}

#[test]
fn jobs_between_two_times_leave_out_tagged_ones_on_request() {
    let (db, _) = jobs(&[
        "start_time = 10, project = 'b'",
        "start_time = 20, project = 'a'",
        "start_time = 30, cluster = 'aaa'",
        "start_time = 10, project = 'a'",
        "start_time = 15",
    ]);
    db.writer()
        .execute_batch(
            "INSERT INTO tag VALUES (1, 'app', 'vasp', 'global'), (2, 'mine', 'x', 'demo');
             INSERT INTO jobtag VALUES (1, 1), (2, 2), (4, 1), (4, 2), (5, 99);",
        )
        .expect("tags");
    let oracle = Oracle::read(&db.path);
    assert_eq!(oracle.between(10, 30, "none"), [3, 4, 2, 1, 5]);
    assert_eq!(oracle.between(0, 30, "none"), [4, 2, 1, 5]);
    assert_eq!(oracle.between(11, 30, "all"), [3]);
    assert_eq!(oracle.between(10, 30, "user"), [3, 1, 5]);
    let counts: Vec<_> = oracle
        .tag_counts()
        .into_iter()
        .map(|(tag, count)| (tag.name.as_str(), count))
        .collect();
    assert_eq!(counts, [("vasp", 2), ("x", 2)]);
    let names: Vec<_> = oracle.tags_of(4).iter().map(|tag| &tag.name).collect();
    assert_eq!(names, ["vasp", "x"]);
    assert!(oracle.tags_of(5).is_empty(), "a tag that does not exist");
}

#[test]
fn running_jobs_occupy_each_of_their_hosts_once() {
    let running = |more: &str| format!("job_state = 'running', {more}");
    let two = r#"resources = '[{"hostname":"n1"},{"hostname":"n2"},{"hostname":"n1"}]'"#;
    let one = r#"resources = '[{"hostname":"n1"}]'"#;
    let (_db, oracle) = jobs(&[
        &running(&format!("duration = 601, {two}")),
        &running(&format!("duration = 600, start_time = 2000, {one}")),
        one,
        &running(&format!(
            "cluster = 'fritz', cluster_partition = 'work', {one}"
        )),
    ]);
    let hosts = BTreeMap::from([("n1".to_owned(), 2), ("n2".to_owned(), 1)]);
    assert_eq!(
        oracle.allocated_nodes("alex"),
        BTreeMap::from([("main".to_owned(), hosts)])
    );
    let used = oracle.used_nodes(2000);
    let both = BTreeSet::from(["n1".to_owned(), "n2".to_owned()]);
    assert_eq!(used["alex"], both);
    assert_eq!(used.len(), 2);
    assert_eq!(oracle.running("alex"), [1]);
    assert_eq!(oracle.job_ids(), [3]);
    assert_eq!(oracle.partitions("alex"), BTreeSet::from([None]));
    let work = Some("work".to_owned());
    assert_eq!(oracle.partitions("fritz"), BTreeSet::from([work]));
}

#[test]
fn the_newest_state_of_a_node_is_what_counts() {
    let (db, _) = jobs(&[]);
    db.writer()
        .execute_batch(
            "INSERT INTO node VALUES (1, 'b', 'alex', 'main'), (2, 'a', 'alex', 'main'),
                 (3, 'c', 'fritz', 'main');
             INSERT INTO node_state VALUES (1, 20, 'idle', 'full', 1), (2, 10, 'down', 'failed', 1),
                 (3, 10, 'idle', 'partial', 2), (4, 30, 'down', 'full', NULL);",
        )
        .expect("nodes");
    let oracle = Oracle::read(&db.path);
    let nodes: Vec<_> = oracle
        .nodes()
        .into_iter()
        .map(|now| {
            let state = now.newest.map(|newest| newest.state.as_str());
            (now.node.hostname.as_str(), state)
        })
        .collect();
    assert_eq!(
        nodes,
        [("a", Some("idle")), ("b", Some("idle")), ("c", None)]
    );
    let (states, healths) = oracle.node_states();
    assert_eq!(states, BTreeMap::from([("idle".to_owned(), 2)]));
    assert_eq!(healths["full"] + healths["partial"], 2);
    let over_time = oracle.node_states_after(9);
    assert_eq!(over_time[&(10, "down".to_owned())], 1);
    assert_eq!(over_time.values().sum::<i64>(), 3);
}

#[test]
fn the_search_bar_tries_one_meaning_after_the_other() {
    let (db, _) = jobs(&[
        "hpc_user = 'anna', project = 'cfd'",
        "job_id = 101, start_time = 5",
    ]);
    db.writer()
        .execute_batch(
            "INSERT INTO hpc_user (username, name) VALUES ('u7', 'Annabel 50%'), ('u8', NULL);",
        )
        .expect("users");
    let oracle = Oracle::read(&db.path);
    let accounts =
        |names: &[&str]| Found::Accounts(names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(oracle.search("101"), Found::JobId(101));
    assert_eq!(oracle.search("anna"), Found::User("anna".to_owned()));
    assert_eq!(oracle.search("ANNA"), accounts(&["u7"]));
    assert_eq!(oracle.search("0%"), accounts(&["u7"]));
    assert_eq!(oracle.search("cfd"), Found::Project("cfd".to_owned()));
    assert_eq!(oracle.search("%fd"), Found::JobName("%fd".to_owned()));
    assert_eq!(oracle.find(101, None, None), [2, 1]);
    assert_eq!(oracle.find(101, Some("alex"), Some(5)), [2]);
}

/// Filters beside the conditions in SQL that they stand for.
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn filters_in_sql() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"user": {"eq": "K106EB10"}}), "hpc_user = 'K106EB10'"),
        (
            json!({"user": {"neq": "k106eb10"}}),
            "hpc_user != 'k106eb10'",
        ),
        (
            json!({"user": {"contains": "k106EB"}}),
            "hpc_user LIKE '%k106EB%'",
        ),
        (
            json!({"user": {"contains": "%_"}}),
            r"hpc_user LIKE '%\%\_%' ESCAPE '\'",
        ),
        (json!({"user": {"startsWith": "ü"}}), "hpc_user LIKE 'ü%'"),
        (json!({"user": {"like": "%_😀%"}}), "hpc_user LIKE '%_😀%'"),
        (
            json!({"project": {"like": "BACK\\_l%h"}}),
            r"project LIKE 'back\_l%h'",
        ),
        (
            json!({"project": {"endsWith": "\\slash"}}),
            r"project LIKE '%\slash'",
        ),
        (
            json!({"project": {"in": ["50%_", "50ab", ""]}}),
            "project IN ('50%_', '50ab', '')",
        ),
        (
            json!({"partition": {"neq": "work"}}),
            "cluster_partition != 'work'",
        ),
        (json!({"partition": {"eq": ""}}), "cluster_partition = ''"),
        (json!({"subCluster": {"eq": "main"}}), "subcluster = 'main'"),
        (json!({"jobId": {"contains": "00"}}), "job_id LIKE '%00%'"),
        (json!({"jobId": {"endsWith": "7"}}), "job_id LIKE '%7'"),
        (json!({"arrayJobId": 0}), "array_job_id = 0"),
        (json!({"state": ["completed"]}), "job_state = 'completed'"),
        (
            json!({"state": ["stopped", "out-of-memory"]}),
            "job_state IN ('stopped', 'out-of-memory')",
        ),
        (json!({"shared": "none"}), "shared = 'none'"),
        (
            json!({"numAccelerators": {"from": 0, "to": 1}}),
            "num_acc <= 1",
        ),
        (json!({"numAccelerators": {"eq": 0}}), "num_acc = 0"),
        (json!({"numHWThreads": {"from": 32}}), "num_hwthreads >= 32"),
        (
            json!({"duration": {"from": 300, "to": 3600}}),
            "duration BETWEEN 300 AND 3600",
        ),
        (json!({"duration": {"lt": 0}}), "duration < 0"),
        (json!({"energy": {"from": 0, "to": 0.5}}), "energy <= 0.5"),
        (
            json!({"energy": {"gt": 0.25, "le": 4}}),
            "energy > 0.25 AND energy <= 4",
        ),
        (
            json!({"startTime": {"range": "last30d"}}),
            "start_time >= 1773187260 - 2592000",
        ),
        (
            json!({"startTime": {"to": "2025-06-01T00:00:00Z"}}),
            "start_time <= unixepoch('2025-06-01')",
        ),
        (
            json!({"tags": [1, 2, 7777]}),
            "EXISTS (SELECT 1 FROM jobtag WHERE job_id = job.id AND tag_id IN (1, 2, 7777))",
        ),
        (
            json!({"tagsAll": [1, 3]}),
            "(SELECT COUNT(*) FROM jobtag WHERE job_id = job.id AND tag_id IN (1, 3)) = 2",
        ),
        (
            json!({"tagsNone": [1, 2]}),
            "id NOT IN (SELECT job_id FROM jobtag WHERE tag_id IN (1, 2) AND job_id IS NOT NULL)",
        ),
        (
            json!({"schedule": "interactive"}),
            "CASE WHEN json_valid(meta_data) THEN meta_data ->> '$.jobName' = 'interactive' END",
        ),
        (
            json!({"schedule": "batch"}),
            "CASE WHEN json_valid(meta_data) THEN meta_data ->> '$.jobName' != 'interactive' END",
        ),
        (
            json!({"jobName": {"eq": "first"}}),
            "CASE WHEN json_valid(meta_data) THEN meta_data ->> '$.jobName' = 'first' END",
        ),
        (
            json!({"jobName": {"endsWith": "ONE"}}),
            "CASE WHEN json_valid(meta_data) THEN meta_data ->> '$.jobName' LIKE '%one' END",
        ),
        (
            json!({"jobName": {"like": "4_"}}),
            "CASE WHEN json_valid(meta_data) THEN meta_data ->> '$.jobName' LIKE '4_' END",
        ),
        (json!({"jobName": {}}), "json_valid(meta_data)"),
        (
            json!({"node": {"eq": "f0101"}}),
            "CASE WHEN json_valid(resources) THEN EXISTS (SELECT 1 FROM json_each(resources) WHERE type = 'object' AND value ->> '$.hostname' = 'f0101') END",
        ),
        (
            json!({"node": {"neq": "f0101"}}),
            "CASE WHEN json_valid(resources) THEN EXISTS (SELECT 1 FROM json_each(resources) WHERE type = 'object' AND value ->> '$.hostname' != 'f0101') END",
        ),
        (
            json!({"node": {"contains": "_Y"}}),
            r"CASE WHEN json_valid(resources) THEN EXISTS (SELECT 1 FROM json_each(resources) WHERE type = 'object' AND value ->> '$.hostname' LIKE '%\_y%' ESCAPE '\') END",
        ),
        (json!({"node": {}}), "json_valid(resources)"),
        (
            json!({"metricStats": [{"metricName": "cpu_load_avg", "range": {"from": 5}}]}),
            "CASE WHEN json_valid(footprint) THEN footprint ->> '$.cpu_load_avg' >= 5 END",
        ),
        (
            json!({"metricStats": [{"metricName": "cpu_load_avg", "range": {"le": 72}}]}),
            "CASE WHEN json_valid(footprint) THEN footprint ->> '$.cpu_load_avg' <= 72 END",
        ),
        (
            json!({"metricStats": [{"metricName": "cpu_load_avg", "range": {}}]}),
            "json_valid(footprint)",
        ),
    ]
}

#[test]
fn sqlite_agrees_about_every_kind_of_condition_on_a_dirty_database() {
    let path = dirty::small_database();
    let oracle = Oracle::read(&path);
    let conn = writer(&path);
    for (filter, condition) in filters_in_sql() {
        let expected: Vec<i64> = conn
            .prepare(&format!("SELECT id FROM job WHERE {condition} ORDER BY id"))
            .expect(condition)
            .query_map([], |row| row.get(0))
            .expect(condition)
            .collect::<rusqlite::Result<_>>()
            .expect(condition);
        let accepted = ids(&oracle.select(&filter, dirty::NOW, false));
        assert_eq!(accepted, expected, "{filter}\n{condition}");
        let num_jobs = oracle.jobs.len();
        assert!(!expected.is_empty(), "{filter} accepts nothing");
        assert!(expected.len() < num_jobs, "{filter} accepts everything");
    }
}

#[test]
fn sqlite_agrees_about_every_order_on_a_dirty_database() {
    let path = dirty::small_database();
    let oracle = Oracle::read(&path);
    let conn = writer(&path);
    let all = oracle.select(&json!({}), dirty::NOW, false);
    let load = "CASE WHEN json_valid(footprint) THEN footprint ->> '$.cpu_load_avg' END";
    for (key, column) in [
        ("start_time", "start_time"),
        ("duration", "duration"),
        ("num_acc", "num_acc"),
        ("energy", "energy"),
        ("hpc_user", "hpc_user"),
        ("cluster_partition", "cluster_partition"),
        ("footprint.cpu_load_avg", load),
    ] {
        for (descending, direction) in [(false, "ASC"), (true, "DESC")] {
            let sql = format!("SELECT id FROM job ORDER BY {column} {direction}, id {direction}");
            let expected: Vec<i64> = conn
                .prepare(&sql)
                .expect(column)
                .query_map([], |row| row.get(0))
                .expect(column)
                .collect::<rusqlite::Result<_>>()
                .expect(column);
            assert_eq!(oracle.sorted_ids(&all, key, descending), expected, "{sql}");
        }
    }
}

#[test]
fn sqlite_agrees_about_the_sums_of_a_dirty_database() {
    let path = dirty::small_database();
    let oracle = Oracle::read(&path);
    let all = oracle.select(&json!({}), dirty::NOW, false);
    let secs = "(CASE WHEN job_state = 'running' THEN 1773187260 - start_time ELSE duration END)";
    let sql = format!(
        "SELECT project, COUNT(*), COUNT(DISTINCT hpc_user), SUM({secs}) / 3600,
             COALESCE(SUM(num_nodes), 0), COALESCE(SUM({secs} * num_nodes), 0) / 3600,
             COALESCE(SUM(num_hwthreads), 0), COALESCE(SUM({secs} * num_hwthreads), 0) / 3600,
             COALESCE(SUM(num_acc), 0), COALESCE(SUM({secs} * num_acc), 0) / 3600,
             COUNT(*) FILTER (WHERE job_state = 'running'), COUNT(*) FILTER (WHERE duration < 300)
         FROM job GROUP BY project"
    );
    let expected: BTreeMap<String, [i64; 11]> = writer(&path)
        .prepare(&sql)
        .expect("sums")
        .query_map([], |row| {
            let mut sums = [0; 11];
            for (at, sum) in sums.iter_mut().enumerate() {
                *sum = row.get(at + 1)?;
            }
            Ok((row.get(0)?, sums))
        })
        .expect("sums")
        .collect::<rusqlite::Result<_>>()
        .expect("sums");
    assert_eq!(oracle.grouped(&all, "project", dirty::NOW, 300), expected);
}

#[test]
fn values_are_ordered_as_sqlite_orders_them() {
    let conn = writer(&dirty::small_database());
    let values = [
        Stored::Null,
        Stored::Real(-0.5),
        Stored::Integer(0),
        Stored::Real(9_007_199_254_740_992.0),
        Stored::Integer(9_007_199_254_740_993),
        Stored::Integer(i64::MAX),
        Stored::Real(9.3e18),
        Stored::Text(String::new()),
        Stored::Text("10".to_owned()),
        Stored::Text("a".to_owned()),
        Stored::Text("ä".to_owned()),
        Stored::Blob(b"0".to_vec()),
    ];
    let bound = |value: &Stored| match value.clone() {
        Stored::Null => SqlValue::Null,
        Stored::Integer(number) => SqlValue::Integer(number),
        Stored::Real(number) => SqlValue::Real(number),
        Stored::Text(text) => SqlValue::Text(text),
        Stored::Blob(bytes) => SqlValue::Blob(bytes),
    };
    for a in &values {
        for b in &values {
            let less: Option<bool> = conn
                .query_row("SELECT ?1 < ?2", [bound(a), bound(b)], |row| row.get(0))
                .expect("a comparison");
            let own = a.compare(b).map(|order| order.is_lt());
            assert_eq!(own, less, "{a:?} < {b:?}");
        }
    }
}

#[test]
fn random_filters_ask_for_everything_and_often_find_something() {
    let oracle = Oracle::read(&dirty::small_database());
    let filters = random_filters(7, 1_000, &oracle);
    assert_eq!(filters, random_filters(7, 1_000, &oracle), "one seed");
    assert_ne!(filters, random_filters(8, 1_000, &oracle), "another seed");

    let text = filters.iter().map(Value::to_string).collect::<String>();
    for word in [
        "dbId jobId arrayJobId user project jobName cluster subCluster partition duration energy",
        "numNodes numAccelerators numHWThreads state metricStats shared schedule node startTime",
        "tags tagsAll tagsNone eq neq startsWith endsWith contains in like from to ge gt le lt",
        "range metricName",
    ]
    .join(" ")
    .split(' ')
    {
        assert!(text.contains(&format!("\"{word}\":")), "{word} never comes");
    }
    let matches = |filter: &&Value| {
        let num_accepted = oracle.select(filter, dirty::NOW, false).len();
        (1..oracle.jobs.len()).contains(&num_accepted)
    };
    let num_useful = filters.iter().filter(matches).count();
    assert!(
        num_useful > 500,
        "only {num_useful} accept some and not all"
    );
    let num_plain = filters.iter().filter(|filter| !uses_extensions(filter));
    assert!(num_plain.count() > 400, "cc-backend knows most of it");
}

#[test]
fn every_selected_job_is_in_every_histogram_and_group_once() {
    let oracle = Oracle::read(&dirty::small_database());
    let now = dirty::NOW;
    for filter in random_filters(9, 200, &oracle) {
        let jobs = oracle.select(&filter, now, false);
        let num_jobs = i64::try_from(jobs.len()).expect("few");
        let durations = oracle.duration_histogram(&jobs, "10m", now);
        let metrics = oracle.metric_histogram(&jobs, &["mem_used_max", "mem_used_avg"], 7, None);
        let resources = oracle.resource_histogram(&jobs, "num_hwthreads");
        let groups = oracle.count_grouped(&jobs, "subcluster", "all", 300);
        let totals = [
            durations.iter().map(|bin| bin.3).sum::<i64>(),
            metrics.bins.iter().map(|bin| bin.3).sum(),
            resources.values().sum(),
            groups.values().sum(),
            oracle.statistics(&jobs, now, 300)[0],
        ];
        assert_eq!(totals, [num_jobs; 5], "{filter}");

        let mut joined = ids(&oracle.select_as_joined(&filter, now));
        joined.dedup();
        assert_eq!(joined, ids(&oracle.select(&filter, now, true)), "{filter}");
    }
}

#[test]
fn what_only_the_product_has_is_told_apart() {
    for plain in [
        json!({"user": {"eq": "a"}, "numNodes": {"from": 1, "to": 2}}),
        json!([{"tags": [1]}, {"node": {"in": ["a"]}}]),
        json!({"metricStats": [{"metricName": "m_avg", "range": {"from": 1}}]}),
    ] {
        assert!(!uses_extensions(&plain), "{plain}");
    }
    for extended in [
        json!({"user": {"like": "a%"}}),
        json!({"numNodes": {"eq": 1}}),
        json!([{"tagsAll": [1]}]),
        json!({"metricStats": [{"metricName": "m_avg", "range": {"gt": 1}}]}),
    ] {
        assert!(uses_extensions(&extended), "{extended}");
    }
}

#[test]
fn the_large_dirty_database_has_every_kind_of_dirt() {
    let path = dirty::large_database();
    let conn = writer(&path);
    let count = |condition: &str| -> i64 {
        let sql = format!("SELECT COUNT(*) FROM job WHERE {condition}");
        conn.query_row(&sql, [], |row| row.get(0)).expect("a count")
    };
    assert_eq!(count("TRUE"), 100_000);
    assert_eq!(count("job_state = 'running'"), 2_500);
    for condition in [
        "start_time > 1773187260",
        "start_time = 0",
        "start_time = (SELECT start_time FROM job WHERE id = 500) AND id > 510",
        "duration < 0",
        "num_acc IS NULL AND num_hwthreads IS NULL",
        "job_state = 'out-of-memory'",
        "NOT json_valid(footprint) AND typeof(footprint) = 'blob'",
        "NOT json_valid(footprint) AND typeof(footprint) = 'text'",
        "(SELECT COUNT(*) FROM jobtag WHERE job_id = job.id) > 2",
    ] {
        assert!(count(condition) > 0, "no job with {condition}");
    }
}
