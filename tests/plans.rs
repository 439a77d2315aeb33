//! Which indexes the queries of cc-backend's pages use on schema 11, as its planner chooses them:
//! with ANALYZE done and without STAT4 samples.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::{fmt::Write as _, path::Path, sync::atomic::AtomicBool};

use jobscope::{
    db::{
        connection::{self, OpenMode},
        plan::PlanSummary,
    },
    demo::{GenerateOptions, generate},
    jobs::{
        catalogue::{Clock, JobQuery},
        clusters::MetricScale,
        filter::{JobFilter, Selection},
        histogram::{DurationBins, Metric, Resource},
        schema::Schema,
        sort::Sort,
        statistics::{GroupBy, Kind},
    },
};

const NOW: i64 = 1_773_187_260;

fn of(filter: &str) -> Selection {
    let clock = Clock {
        now_unix_secs: NOW,
        short_secs: 300,
    };
    let filter = JobFilter::from_json(filter).expect(filter);
    Selection::new(filter, clock)
}

fn list(filter: &str, sort: &str, limit: u32) -> JobQuery {
    JobQuery::Jobs {
        selection: of(filter),
        sort: sort.parse::<Sort>().expect(sort),
        after: None,
        limit: Some(limit),
    }
}

fn grouped(filter: &str, by: GroupBy) -> JobQuery {
    JobQuery::StatisticsGrouped {
        selection: of(filter),
        by,
        sort: None,
    }
}

fn statistics(filter: &str) -> JobQuery {
    JobQuery::Statistics {
        selection: of(filter),
    }
}

fn durations(filter: &str) -> JobQuery {
    JobQuery::DurationHistogram {
        selection: of(filter),
        bins: DurationBins::Hour,
    }
}

fn resource(filter: &str, resource: Resource) -> JobQuery {
    JobQuery::ResourceHistogram {
        selection: of(filter),
        resource,
    }
}

fn metric(filter: &str) -> JobQuery {
    JobQuery::MetricHistogram {
        selection: of(filter),
        metric: Metric {
            name: "cpu_load".to_owned(),
            bins: 10,
            scale: Some(MetricScale {
                peak: 72.0,
                unit: String::new(),
                statistic: Some("avg".to_owned()),
            }),
        },
    }
}

fn counted(filter: &str, by: GroupBy, kind: Kind) -> JobQuery {
    JobQuery::CountGrouped {
        selection: of(filter),
        by,
        kind,
    }
}

const ALL: &str = "{}";
const RUNNING: &str = r#"{"cluster":{"eq":"fritz"},"state":["running"]}"#;
const MONTH: &str = r#"{"cluster":{"eq":"fritz"},"startTime":{"range":"last30d"}}"#;
const LAST_MONTH: &str = r#"{"startTime":{"range":"last30d"}}"#;
const USER: &str = r#"{"user":{"eq":"NOBODY"}}"#;
const SEVERAL: &str = r#"{"state":["completed","running","failed"]}"#;

/// The pages of cc-backend, with what each asks.
#[expect(clippy::too_many_lines, reason = "a table of questions")]
fn workload() -> Vec<(&'static str, JobQuery)> {
    vec![
        (
            "home: jobs by cluster",
            counted(ALL, GroupBy::Cluster, Kind::All),
        ),
        (
            "home: running by cluster",
            counted(ALL, GroupBy::Cluster, Kind::Running),
        ),
        ("job list", list(ALL, "start_time:desc", 10)),
        ("job list: count", JobQuery::Count { selection: of(ALL) }),
        (
            "job list: several states",
            list(SEVERAL, "start_time:desc", 50),
        ),
        (
            "job list: cluster and state",
            list(RUNNING, "start_time:desc", 50),
        ),
        ("users: last 30 days", grouped(LAST_MONTH, GroupBy::User)),
        (
            "users: cluster, last 30 days",
            grouped(MONTH, GroupBy::User),
        ),
        (
            "projects: cluster, last 30 days",
            grouped(MONTH, GroupBy::Project),
        ),
        ("users: all", grouped(ALL, GroupBy::User)),
        ("projects: all", grouped(ALL, GroupBy::Project)),
        ("clusters: all", grouped(ALL, GroupBy::Cluster)),
        ("statistics: all", statistics(ALL)),
        ("user: statistics", statistics(USER)),
        ("user: durations", durations(USER)),
        ("user: nodes", resource(USER, Resource::Nodes)),
        ("user: metric", metric(USER)),
        ("analysis: statistics", statistics(MONTH)),
        ("analysis: durations", durations(MONTH)),
        ("analysis: cores", resource(MONTH, Resource::Cores)),
        ("durations: all", durations(ALL)),
        ("metric: all", metric(ALL)),
        (
            "status: by subcluster",
            grouped(RUNNING, GroupBy::Subcluster),
        ),
        ("status: by user", grouped(RUNNING, GroupBy::User)),
        ("status: by project", grouped(RUNNING, GroupBy::Project)),
        (
            "status: accelerators",
            resource(RUNNING, Resource::Accelerators),
        ),
        ("footprint sort", list(ALL, "footprint.cpu_load_avg", 10)),
        (
            "footprint filter",
            list(
                r#"{"metricStats":[{"metricName":"mem_bw_avg","range":{"from":10}}]}"#,
                "start_time",
                10,
            ),
        ),
        (
            "job name",
            JobQuery::Count {
                selection: of(r#"{"jobName":{"contains":"cfd"}}"#),
            },
        ),
        (
            "node",
            JobQuery::Count {
                selection: of(r#"{"node":{"eq":"f0101"}}"#),
            },
        ),
        (
            "tags",
            JobQuery::Count {
                selection: of(r#"{"tags":[1,2]}"#),
            },
        ),
        ("tag list", JobQuery::Tags),
        (
            "node list row",
            list(
                r#"{"cluster":{"eq":"fritz"},"node":{"eq":"f0101"},"state":["running"]}"#,
                "start_time",
                50,
            ),
        ),
    ]
}

/// One line for each question: its name, and how SQLite goes about it.
fn plans(path: &Path) -> String {
    let conn = connection::open(path, OpenMode::ReadOnly).expect("a database");
    let schema = Schema::probe(&conn).expect("a schema");
    let mut text = String::new();
    for (name, query) in workload() {
        let sql = query.sql(&schema).expect(name);
        let params = rusqlite::params_from_iter(sql.params.iter());
        let plan = PlanSummary::of(&conn, &sql.text, params).expect(&sql.text);
        let steps = plan
            .steps
            .iter()
            .filter(|step| {
                step.contains("INDEX")
                    || step.contains("B-TREE")
                    || step.contains("PRIMARY KEY")
                    || step.ends_with("SCAN job")
            })
            .map(|step| step.replace("USE TEMP B-TREE FOR", "temp B-tree:"))
            .collect::<Vec<_>>();
        writeln!(text, "{name}\n    {}", steps.join("\n    ")).expect("a string");
    }
    text
}

#[test]
fn the_pages_of_cc_backend_use_the_indexes_that_were_made_for_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("job.db");
    let options = GenerateOptions {
        until_unix_secs: NOW - 60,
        ..GenerateOptions::new(&path, 20_000)
    };
    generate(&options, &AtomicBool::new(false), &mut |_| {}).expect("generated");
    // cc-backend's SQLite knows no samples; ours would read them.
    common::jobdb::writer(&path)
        .execute_batch("DROP TABLE IF EXISTS sqlite_stat4; ANALYZE sqlite_schema;")
        .expect("no samples");
    let found = plans(&path);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/plans.txt");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&file, &found).expect("the snapshot");
    }
    let expected = std::fs::read_to_string(&file).expect("the snapshot");
    assert_eq!(found, expected, "UPDATE_SNAPSHOTS=1 renews it");
}
