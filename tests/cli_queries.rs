//! `jobscope query` with all its queries and options, run as a user runs it.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::process::{Command, Output};

use jobscope::jobs::catalogue::{Input, QueryInfo};
use serde_json::Value;

use common::{
    jobdb::{JobDb, NOW},
    schemas,
};

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jobscope"))
        .args(args)
        .env("TZ", "UTC")
        .output()
        .expect("the program runs")
}

fn status(output: &Output) -> i32 {
    output.status.code().expect("it was not killed")
}

fn talk(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(args: &[&str]) -> Value {
    let output = run(&[args, &["--format", "json"]].concat());
    assert_eq!(status(&output), 0, "{args:?}: {}", talk(&output));
    serde_json::from_slice(&output.stdout).expect("whole JSON")
}

/// Something that every input accepts.
fn sample(input: Input) -> &'static [&'static str] {
    match input {
        Input::Filter | Input::Since => &["--from", "1"],
        Input::Page => &["--sort", "duration:asc", "--limit", "3"],
        Input::IdPage => &["--limit", "3"],
        Input::By => &["--by", "project"],
        Input::GroupSort => &["--sort", "totalCoreHours"],
        Input::Kind => &["--kind", "short"],
        Input::DurationBins => &["--bins", "10m"],
        Input::Metric => &["--metric", "cpu_load"],
        Input::Steps => &["--step", "month", "--stack", "state"],
        Input::Id => &["--id", "3"],
        Input::Find => &["--job-id", "812003"],
        Input::Cluster | Input::Nodes => &["--cluster", "fritz"],
        Input::AnyCluster => &["--cluster", "alex"],
        Input::Between => &["--from", "1", "--to", "2000000000"],
        Input::At => &["--at", "2000000000"],
        Input::Term => &["term"],
    }
}

#[test]
fn every_query_of_the_catalogue_answers() {
    let variant = schemas::all()
        .into_iter()
        .find(|variant| variant.name == "v11")
        .expect("today's schema");
    let db = variant.build();
    let path = db.path.to_str().expect("a plain path");
    for name in QueryInfo::names() {
        let info = QueryInfo::find(name).expect("its own name");
        let mut args = vec!["query", path, name];
        for input in info.inputs {
            // The term stands before the options.
            if *input == Input::Term {
                args.insert(3, "term");
            } else if !(*input == Input::AnyCluster && info.takes(Input::Since)) {
                args.extend(sample(*input));
            }
        }
        let value = json(&args);
        assert_eq!(value["query"], name);
        assert_eq!(value["complete"], true, "{name}");
        let columns = value["columns"].as_array().expect("columns").len();
        for row in value["rows"].as_array().expect("rows") {
            assert_eq!(row.as_array().map(Vec::len), Some(columns), "{name}");
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn wrong_input_is_named_with_what_would_be_right() {
    let db = JobDb::with_rows(200);
    let path = db.path.to_str().expect("a plain path");
    let folder = db.folder().to_str().expect("a plain path");
    for (args, named, right) in [
        (vec!["jobz"], "jobz", "jobs"),
        (vec!["count", "--filter", "{"], "{", "cluster"),
        (
            vec!["count", "--filter", r#"{"clutser":{}}"#],
            "clutser",
            "cluster",
        ),
        (
            vec!["count", "--filter", r#"{"user":{"is":"a"}}"#],
            "is",
            "contains",
        ),
        (vec!["count", "--state", "runing"], "runing", "completed"),
        (vec!["count", "--cluster", "frits"], "frits", "fritz"),
        (vec!["partitions", "--cluster", "frits"], "frits", "fritz"),
        (
            vec!["histogram-metric", "--metric", "cpu-load"],
            "cpu-load",
            "letters",
        ),
        (
            vec!["histogram-metric", "--metric", "weather"],
            "weather",
            "cpu_load_avg",
        ),
        (vec!["histogram-metric"], "--metric", "mem_used"),
        (vec!["histogram-duration", "--bins", "2h"], "2h", "10m"),
        (
            vec!["count", "--from", "yesterday"],
            "yesterday",
            "2026-03-11",
        ),
        (
            vec!["count", "--from", "2026-03-12", "--to", "2026-03-11"],
            "2026-03-12",
            "before",
        ),
        (vec!["count", "--last", "last5y"], "last5y", "last30d"),
        (vec!["count", "--duration", "2h..1h"], "7200..3600", "below"),
        (vec!["count", "--num-nodes", "many"], "many", "4..16"),
        (vec!["count", "--energy", "nan"], "nan", "0.5..10"),
        (
            vec!["count", "--footprint", "mem bw>1"],
            "mem bw>1",
            "mem_bw_avg>=10",
        ),
        (vec!["count", "--shared", "maybe"], "maybe", "multi_user"),
        (vec!["count", "--schedule", "never"], "never", "batch"),
        (vec!["jobs", "--sort", "nodes"], "nodes", "num_nodes"),
        (vec!["jobs", "--sort", "duration:up"], "up", "asc"),
        (
            vec!["statistics-grouped", "--sort", "hours"],
            "hours",
            "totalCoreHours",
        ),
        (
            vec!["statistics-grouped", "--by", "weather"],
            "weather",
            "subcluster",
        ),
        (vec!["count", "--by", "user"], "--by", "filter options"),
        (vec!["tags", "--cluster", "fritz"], "--cluster", "none"),
        (vec!["running"], "--cluster", "name"),
        (vec!["find", "--job-id", "x"], "x", "whole number"),
        (
            vec![
                "histogram-metric",
                "--metric",
                "cpu_load",
                "--clusters",
                folder,
            ],
            folder,
            "cluster.json",
        ),
        (
            vec![
                "histogram-metric",
                "--metric",
                "cpu_load",
                "--clusters",
                path,
            ],
            path,
            "cluster.json",
        ),
    ] {
        let output = run(&[&["query", path], args.as_slice()].concat());
        let said = talk(&output);
        assert_eq!(status(&output), 2, "{args:?}: {said}");
        assert!(said.contains(named), "{args:?} names the value: {said}");
        assert!(said.contains(right), "{args:?} says what is right: {said}");
    }
}

#[test]
fn flags_and_json_mean_the_same() {
    let db = JobDb::with_rows(400);
    let path = db.path.to_str().expect("a plain path");
    let count = |args: &[&str]| {
        let now = NOW.to_string();
        let value = json(&[&["query", path, "count", "--now", now.as_str()], args].concat());
        value["rows"][0][0].as_u64().expect("a count")
    };
    for (flags, filter) in [
        (
            vec!["--user", "contains:USER00"],
            r#"{"user":{"contains":"USER00"}}"#,
        ),
        (
            vec!["--user", "in:user001,user004"],
            r#"{"user":{"in":["user001","user004"]}}"#,
        ),
        (vec!["--num-acc", "=0"], r#"{"numAccelerators":{"eq":0}}"#),
        (
            vec!["--num-nodes", "2..3"],
            r#"{"numNodes":{"from":2,"to":3}}"#,
        ),
        (vec!["--duration", "<1h"], r#"{"duration":{"lt":3600}}"#),
        (
            vec!["--footprint", "cpu_load_avg>=50"],
            r#"{"metricStats":[{"metricName":"cpu_load_avg","range":{"from":50}}]}"#,
        ),
        (
            vec!["--node", "startsWith:n"],
            r#"{"node":{"startsWith":"n"}}"#,
        ),
        (
            vec!["--state", "failed", "--state", "timeout"],
            r#"{"state":["failed","timeout"]}"#,
        ),
        (
            vec!["--last", "last30d"],
            r#"{"startTime":{"range":"last30d"}}"#,
        ),
        (
            vec!["--cluster", "alex", "--cluster", "neq:fritz"],
            r#"[{"cluster":{"eq":"alex"}},{"cluster":{"neq":"fritz"}}]"#,
        ),
        (
            vec!["--array-job", "0", "--shared", "none"],
            r#"{"arrayJobId":0,"shared":"none"}"#,
        ),
    ] {
        assert_eq!(count(&flags), count(&["--filter", filter]), "{flags:?}");
    }
    assert!(
        count(&["--num-acc", "=0"]) > 0,
        "exactly none is a condition"
    );
}

#[test]
fn the_result_says_where_cc_backend_differs_and_can_answer_like_it() {
    let db = JobDb::with_rows(400);
    let path = db.path.to_str().expect("a plain path");
    let differences = |args: &[&str]| {
        let value = json(&[&["query", path], args].concat());
        value["differences"]
            .as_array()
            .map(|list| list.iter().map(|s| s.to_string()).collect::<String>())
            .unwrap_or_default()
    };
    assert!(differences(&["statistics"]).contains("totalNodes"));
    assert!(differences(&["histogram-accelerators"]).contains("NULL"));
    assert_eq!(differences(&["histogram-nodes"]), "");
    assert_eq!(differences(&["count", "--user", "contains:a"]), "");
    assert!(differences(&["count", "--user", "contains:o'hara%_"]).contains('%'));
    assert!(differences(&["histogram-duration", "--bins", "1m"]).contains("beyond the last bin"));

    let nodes = |args: &[&str]| {
        let value = json(&[&["query", path, "statistics"], args].concat());
        value["rows"][0][3].as_i64().expect("totalNodes")
    };
    assert!(nodes(&[]) > 0);
    assert_eq!(nodes(&["--as-backend"]), 0);
    let output = run(&[
        "query",
        path,
        "count",
        "--as-backend",
        "--node",
        "startsWith:n",
    ]);
    assert_eq!(status(&output), 2, "cc-backend has no such answer");
}

#[test]
fn a_sorted_list_is_walked_to_its_end() {
    let db = JobDb::with_rows(150);
    let path = db.path.to_str().expect("a plain path");
    for sort in [
        "num_acc:desc",
        "hpc_user:asc",
        "footprint.cpu_load_avg:desc",
        "job_id",
    ] {
        let mut ids = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mut args = vec!["query", path, "jobs", "--sort", sort, "--limit", "40"];
            if let Some(after) = &after {
                args.extend(["--after", after]);
            }
            let value = json(&args);
            let rows = value["rows"].as_array().expect("rows");
            ids.extend(rows.iter().map(|row| row[0].as_i64().expect("an id")));
            assert!(ids.len() <= 150, "{sort}: the walk does not end");
            match value["next"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => break,
            }
        }
        ids.sort_unstable();
        let expected: Vec<i64> = (0..150).map(|i| i * 2 + 1).collect();
        assert_eq!(ids, expected, "{sort}");
    }
}
