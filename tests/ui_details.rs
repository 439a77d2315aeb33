//! The job at the side, driven by accessible names and compared with what the file says.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like the tests themselves"
)]

mod common;

use std::path::{Path, PathBuf};

use common::ui::{app_of_size, endless_database, shows, small_database, wait_until};
use egui::accesskit::Role;
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use jobscope::{
    command::Command,
    db::connection::OpenMode,
    jobs::filter::{JobFilter, TextField},
    state::{Phase, details::Details},
    ui::app::{App, Start},
};
use rusqlite::{Connection, OpenFlags, types::Value};

/// The three jobs on the host `x0001`, one that misses them by its time, one that runs.
const ON_ONE_NODE: &str = r#"
UPDATE job SET cluster = 'fritz', subcluster = 'main', shared = 'multi_user', num_nodes = 1,
    job_state = 'completed', energy = 3.0, duration = 10800, walltime = 21600,
    energy_footprint = '{"cpu_power": 2.25, "mem_power": 0.6}',
    resources = CAST('[{"hostname": "x0001", "hwthreads": [0, 1, 2, 3, 72, 73, 75],
        "accelerators": ["00000000:E1:00.0"]}]' AS BLOB)
    WHERE id IN (11, 12, 13, 14);
UPDATE job SET start_time = 1770000000 WHERE id = 11;
UPDATE job SET start_time = 1770003600, job_state = 'failed' WHERE id = 12;
UPDATE job SET start_time = 1770007200 WHERE id = 13;
UPDATE job SET start_time = 1770010700 WHERE id = 14;
UPDATE job SET shared = 'none', num_nodes = 3, energy = 0.0,
    resources = '[{"hostname": "y1"}, {"hostname": "y2"}, {"hostname": "y3"}]' WHERE id = 20;
DELETE FROM jobtag; DELETE FROM tag;
INSERT INTO tag (id, tag_type, tag_name, tag_scope) VALUES
    (1, 'app', 'vasp', 'global'), (2, 'jobClass', 'lowload', 'admin');
INSERT INTO jobtag (job_id, tag_id) VALUES (11, 1), (11, 2), (12, 1), (13, 2);
"#;

struct Prepared {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn prepared() -> Prepared {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("job.db");
    std::fs::copy(small_database(), &path).expect("a copy");
    let conn = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("open");
    conn.execute_batch(ON_ONE_NODE).expect("jobs and tags");
    Prepared {
        path,
        _folder: folder,
    }
}

fn ask(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("opened")
}

/// A window that is high enough for everything.
fn opened(path: &Path) -> Harness<'static, App> {
    let start = Start {
        database: Some((path.to_owned(), OpenMode::ReadOnly)),
        ..Start::default()
    };
    let mut harness = app_of_size(start, [1440.0, 2000.0]);
    wait_until(&mut harness, "the database", |h| {
        h.state().state.database.is_some()
    });
    harness
}

fn details<'a>(harness: &'a Harness<'_, App>) -> &'a Details {
    let details = harness.state().state.details.as_ref();
    details.expect("a job at the side")
}

fn show(harness: &mut Harness<'static, App>, job: i64) {
    harness.state_mut().send(Command::SelectJob(Some(job)));
    wait_for(harness, job);
}

/// Waits for everything about a job.
fn wait_for(harness: &mut Harness<'static, App>, job: i64) {
    wait_until(harness, "the job, its tags and the jobs beside it", |h| {
        h.state().state.details.as_ref().is_some_and(|details| {
            let phases = [details.phase, details.tags.phase, details.beside.phase];
            details.job == job && phases == [Phase::Loaded; 3]
        })
    });
}

fn press(harness: &mut Harness<'_, App>, name: &str) {
    let button = harness.get_by_role_and_label(Role::Button, name);
    button.scroll_to_me();
    harness.run_steps(4);
    harness.get_by_role_and_label(Role::Button, name).click();
    harness.run_steps(4);
}

/// What a button copies.
fn copied(harness: &mut Harness<'_, App>, name: &str) -> String {
    let button = harness.get_by_role_and_label(Role::Button, name);
    button.scroll_to_me();
    harness.run_steps(4);
    harness.get_by_role_and_label(Role::Button, name).click();
    for _ in 0..6 {
        harness.step();
        let commands = &harness.output().platform_output.commands;
        for command in commands {
            if let egui::OutputCommand::CopyText(text) = command {
                return text.clone();
            }
        }
    }
    panic!("{name} copied nothing");
}

/// How often a text stands in a label.
fn labels(harness: &Harness<'_, App>, part: &str) -> Vec<String> {
    harness
        .query_all_by_label_contains(part)
        .map(|node| {
            let node = node.accesskit_node();
            node.value().or_else(|| node.label()).unwrap_or_default()
        })
        .collect()
}

#[test]
fn the_head_says_who_where_and_how_long() {
    let file = prepared();
    let mut harness = opened(&file.path);
    show(&mut harness, 11);
    let (job_id, user, project): (i64, String, String) = ask(&file.path)
        .query_row(
            "SELECT job_id, hpc_user, project FROM job WHERE id = 11",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .expect("asked");
    for text in [
        &format!("Job {job_id}"),
        "fritz / main",
        &user,
        &project,
        "3:00:00 of 6:00:00",
        "Duration: 50 % of the walltime, 6:00:00",
    ] {
        assert!(shows(&harness, text), "{text}");
    }
    let node = harness.get_by_label("Duration: 50 % of the walltime, 6:00:00");
    assert_eq!(node.accesskit_node().role(), Role::Meter);
}

#[test]
fn threads_are_ranges_and_nodes_have_a_line_each() {
    let file = prepared();
    let mut harness = opened(&file.path);
    show(&mut harness, 11);
    let line = labels(&harness, "x0001");
    let line = line.first().expect("the node");
    let words: Vec<_> = line.split_whitespace().collect();
    assert_eq!(
        words,
        ["x0001", "7", "1", "0-3,72-73,75", "00000000:E1:00.0"]
    );
    show(&mut harness, 20);
    for host in ["y1", "y2", "y3"] {
        let lines = labels(&harness, host);
        let line = lines.iter().find(|line| line.starts_with(host));
        let words: Vec<_> = line.expect(host).split_whitespace().collect();
        assert_eq!(words, [host, "all", "0"]);
    }
}

#[test]
fn a_job_of_thousands_of_nodes_lays_out_only_what_is_seen() {
    let file = prepared();
    let hosts: Vec<_> = (0..5_000)
        .map(|n| format!(r#"{{"hostname":"z{n:04}"}}"#))
        .collect();
    let conn =
        Connection::open_with_flags(&file.path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("open");
    conn.execute(
        "UPDATE job SET num_nodes = 5001, resources = ? WHERE id = 20",
        [format!("[{}]", hosts.join(","))],
    )
    .expect("a large job");
    drop(conn);
    let mut harness = opened(&file.path);
    show(&mut harness, 20);
    assert_eq!(details(&harness).nodes.list.len(), 5_000);
    let lines = labels(&harness, "z0");
    assert!((3..40).contains(&lines.len()), "{}", lines.len());
    assert!(shows(&harness, "the column num_nodes says 5001"));
}

#[test]
fn energy_has_its_parts_and_its_mean_power() {
    let file = prepared();
    let mut harness = opened(&file.path);
    show(&mut harness, 11);
    assert!(shows(&harness, "3 kWh"));
    assert!(shows(&harness, "mean power 1"), "3 kWh in 3 hours are 1 kW");
    for text in [
        "cpu_power: 75 % of the total, 3 kWh",
        "mem_power: 20 % of the total, 3 kWh",
    ] {
        assert_eq!(
            harness.get_by_label(text).accesskit_node().role(),
            Role::Meter
        );
    }
    show(&mut harness, 20);
    assert!(shows(&harness, "not measured"), "0 is no measurement");
    assert!(!shows(&harness, "mean power"));
}

#[test]
fn a_click_on_a_tag_adds_it_to_the_filter() {
    let file = prepared();
    let mut harness = opened(&file.path);
    show(&mut harness, 11);
    let count = |ids: &str| {
        let sql = format!("SELECT COUNT(DISTINCT job_id) FROM jobtag WHERE tag_id IN ({ids})");
        ask(&file.path)
            .query_row(&sql, [], |row| row.get::<_, u32>(0))
            .expect("counted")
    };
    for (name, json, ids) in [
        ("Filter by tag app vasp (global)", r#"{"tags":[1]}"#, "1"),
        (
            "Filter by tag jobClass lowload (admin)",
            r#"{"tags":[1,2]}"#,
            "1, 2",
        ),
    ] {
        press(&mut harness, name);
        let filter = harness.state().state.filter().to_json().to_string();
        assert_eq!(filter.replace('"', ""), json.replace('"', ""));
        wait_until(&mut harness, "the count", |h| {
            h.state().state.jobs.count == Some(count(ids).into())
        });
    }
    assert_eq!(details(&harness).job, 11, "the job stays at the side");
    show(&mut harness, 14);
    assert!(
        harness
            .query_all_by_label_contains("Filter by tag ")
            .next()
            .is_none()
    );
}

#[test]
fn a_job_beside_is_shown_and_one_comes_back() {
    let file = prepared();
    let mut harness = opened(&file.path);
    show(&mut harness, 11);
    // By cc-backend's rule: shared, on the same first node, for more than 200 seconds.
    let others: Vec<(i64, i64, String)> = ask(&file.path)
        .prepare(
            "SELECT other.id, other.job_id, other.job_state FROM job AS this, job AS other
             WHERE this.id = 11 AND other.id <> 11 AND other.cluster = this.cluster
               AND other.resources LIKE '%\"x0001\"%'
               AND other.start_time < this.start_time + this.duration - 200
               AND other.start_time + other.duration > this.start_time + 200
             ORDER BY other.start_time",
        )
        .expect("prepared")
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .expect("asked")
        .collect::<rusqlite::Result<_>>()
        .expect("jobs");
    let ids: Vec<_> = others.iter().map(|(id, ..)| *id).collect();
    assert_eq!(
        ids,
        [12, 13],
        "job 14 comes a hundred seconds before the end"
    );
    let shown: Vec<_> = details(&harness)
        .beside
        .data
        .jobs
        .iter()
        .map(|j| j.id)
        .collect();
    assert_eq!(shown, ids);
    let first = details(&harness).title();
    let (id, job_id, state) = &others[0];
    let prefix = format!("Show job {job_id}, {state}, started 2026-02-0");
    let names = labels(&harness, &prefix);
    press(&mut harness, names.first().expect("the failed job"));
    wait_for(&mut harness, *id);
    assert!(shows(&harness, &format!("Job {job_id}")));
    press(&mut harness, &format!("Back to {first}"));
    wait_for(&mut harness, 11);
    assert!(!shows(&harness, "Back to"));
}

#[test]
fn another_selection_has_no_way_back() {
    let file = prepared();
    let mut harness = opened(&file.path);
    show(&mut harness, 11);
    show(&mut harness, 12);
    assert!(shows(&harness, "Back to"), "it ran beside it");
    show(&mut harness, 20);
    assert!(!shows(&harness, "Back to"));
    assert!(shows(&harness, "This job had its nodes for itself"));
}

#[test]
fn a_copied_row_is_the_row() {
    let file = prepared();
    let mut harness = opened(&file.path);
    show(&mut harness, 11);
    let text = copied(&mut harness, "Copy row as JSON");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let json = json.as_object().expect("an object");
    let conn = ask(&file.path);
    let mut statement = conn
        .prepare("SELECT * FROM job WHERE id = 11")
        .expect("prepared");
    let names: Vec<String> = statement.column_names().map(ToOwned::to_owned).collect();
    assert_eq!(json.len(), names.len());
    let values: Vec<Value> = statement
        .query_row([], |row| (0..names.len()).map(|n| row.get(n)).collect())
        .expect("a row");
    for (name, value) in names.iter().zip(values) {
        let is_json =
            ["resources", "footprint", "energy_footprint", "meta_data"].contains(&&**name);
        let text = match &value {
            Value::Text(text) => Some(text.clone()),
            Value::Blob(bytes) => Some(String::from_utf8(bytes.clone()).expect("text")),
            Value::Null | Value::Integer(_) | Value::Real(_) => None,
        };
        let expected = match (value, text) {
            (_, Some(text)) if is_json => serde_json::from_str(&text).expect("JSON"),
            (_, Some(text)) => serde_json::Value::from(text),
            (Value::Integer(number), _) => number.into(),
            (Value::Real(number), _) => number.into(),
            (Value::Null | Value::Text(_) | Value::Blob(_), None) => serde_json::Value::Null,
        };
        assert_eq!(json[name], expected, "{name}");
    }
}

#[test]
fn the_raw_row_has_every_column_and_stays_open_for_the_next_job() {
    let file = prepared();
    let mut harness = opened(&file.path);
    show(&mut harness, 11);
    assert!(!shows(&harness, "monitoring_status"), "folded at first");
    press(&mut harness, "Raw row");
    let header = harness.get_by_role_and_label(Role::Button, "Raw row");
    assert_eq!(header.accesskit_node().data().is_expanded(), Some(true));
    assert!(shows(&harness, "monitoring_status"));
    show(&mut harness, 20);
    assert!(shows(&harness, "monitoring_status"), "it stays open");
    for value in &details(&harness).raw {
        assert!(shows(&harness, value.column), "{}", value.column);
    }
    let stored: String = ask(&file.path)
        .query_row("SELECT resources FROM job WHERE id = 20", [], |row| {
            row.get(0)
        })
        .expect("asked");
    assert!(shows(&harness, &stored), "as it is stored");
}

#[test]
fn the_script_is_copied_whole() {
    let file = prepared();
    let mut harness = opened(&file.path);
    let (job, script): (i64, String) = ask(&file.path)
        .query_row(
            "SELECT id, json_extract(meta_data, '$.jobScript') FROM job
             WHERE json_valid(meta_data) AND length(meta_data) > 2000 LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .expect("a job with a long script");
    show(&mut harness, job);
    assert_eq!(copied(&mut harness, "Copy job script"), script);
}

#[test]
fn footprints_are_shares_of_the_clusters_peak() {
    let file = prepared();
    let conn =
        Connection::open_with_flags(&file.path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("open");
    conn.execute(
        r#"UPDATE job SET footprint = '{"mem_bw_avg": 60, "other_max": 5}' WHERE id = 11"#,
        [],
    )
    .expect("a footprint");
    drop(conn);
    let description = file.path.with_file_name("fritz.json");
    std::fs::write(
        &description,
        r#"{"name": "fritz", "metricConfig": [{"name": "mem_bw", "unit": {"base": "B/s", "prefix": "G"},
            "peak": 240, "subClusters": []}],
            "subClusters": [{"name": "main", "socketsPerNode": 2, "coresPerSocket": 36,
            "threadsPerCore": 2}]}"#,
    )
    .expect("written");
    let mut harness = opened(&file.path);
    harness.state_mut().send(Command::AddClusters(description));
    wait_until(&mut harness, "the description", |h| {
        h.state().state.clusters.known.get("fritz").is_some()
    });
    show(&mut harness, 11);
    assert!(shows(&harness, "mem_bw_avg: 25 % of the peak, 240 GB/s"));
    assert!(shows(&harness, "60 GB/s"));
    assert!(
        shows(&harness, "other_max"),
        "what has no peak has its number"
    );
}

#[test]
fn a_search_that_takes_long_can_be_stopped_and_the_job_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = endless_database(folder.path());
    let conn = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("open");
    let view: String = conn
        .query_row(
            "SELECT sql FROM sqlite_master WHERE name = 'job'",
            [],
            |row| row.get(0),
        )
        .expect("the view");
    // Job 1 is there at once: its row is in a table, and only the others never end.
    let view =
        view.replace(
            "CREATE VIEW job AS",
            "CREATE VIEW job AS SELECT * FROM first UNION ALL SELECT * FROM (",
        )
        .replace(
            "SELECT 1 UNION ALL SELECT i + 1 FROM n)",
            "SELECT 2 UNION ALL SELECT i + 1 FROM n)",
        ) + ")";
    conn.execute_batch(
        "CREATE TABLE first AS SELECT * FROM job LIMIT 1;
         UPDATE first SET shared = 'multi_user', duration = 7200, resources = '[{\"hostname\":\"n1\"}]';
         DROP VIEW job;",
    )
    .expect("a first job");
    conn.execute_batch(&view).expect("the view with it");
    drop(conn);
    let mut harness = opened(&path);
    harness.state_mut().send(Command::CancelAll);
    wait_until(&mut harness, "silence", |h| {
        h.state().state.tasks.active.is_empty()
    });
    harness.state_mut().send(Command::SelectJob(Some(1)));
    // The file claims to be large: nothing is looked for unasked.
    wait_until(&mut harness, "the job", |h| {
        shows(h, "Look for jobs beside it") && details(h).row.is_some()
    });
    press(&mut harness, "Look for jobs beside it");
    wait_until(&mut harness, "the search", |h| {
        shows(h, "Looking for jobs beside it…")
    });
    harness.state_mut().send(Command::CancelAll);
    wait_until(&mut harness, "its end", |h| {
        details(h).beside.phase == Phase::Stopped
    });
    assert!(shows(&harness, "Stopped"));
    assert!(details(&harness).row.is_some());
}

#[test]
fn tags_that_cannot_be_read_say_why_and_the_rest_is_there() {
    let file = prepared();
    let conn =
        Connection::open_with_flags(&file.path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("open");
    conn.execute_batch(
        "DROP TABLE jobtag;
         CREATE VIEW jobtag AS SELECT 11 AS job_id, json('{') AS tag_id;",
    )
    .expect("a view that fails");
    drop(conn);
    let mut harness = opened(&file.path);
    harness.state_mut().send(Command::SelectJob(Some(11)));
    wait_until(&mut harness, "the failure", |h| {
        shows(h, "Failed: ") && details(h).beside.phase == Phase::Loaded
    });
    assert!(shows(&harness, "malformed JSON"));
    assert!(shows(&harness, "fritz / main"));
    assert!(harness.state().state.notice.is_none(), "said once");
    press(&mut harness, "Look again");
    wait_until(&mut harness, "the same once more", |h| shows(h, "Failed: "));
}

#[test]
fn a_file_without_tags_has_no_place_for_them() {
    let file = prepared();
    let conn =
        Connection::open_with_flags(&file.path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("open");
    conn.execute_batch("DROP TABLE jobtag; DROP TABLE tag;")
        .expect("dropped");
    drop(conn);
    let mut harness = opened(&file.path);
    harness.state_mut().send(Command::SelectJob(Some(11)));
    wait_until(&mut harness, "the job", |h| {
        shows(h, "Ran beside it") && details(h).beside.phase == Phase::Loaded
    });
    assert!(
        harness
            .query_by_role_and_label(Role::Button, "Tags")
            .is_none()
    );
    assert!(!shows(&harness, "Looking for its tags"));
}

#[test]
fn a_narrow_panel_cuts_nothing() {
    let file = prepared();
    let start = Start {
        database: Some((file.path.clone(), OpenMode::ReadOnly)),
        ..Start::default()
    };
    let mut harness = app_of_size(start, [760.0, 2600.0]);
    wait_until(&mut harness, "the database", |h| {
        h.state().state.database.is_some()
    });
    show(&mut harness, 11);
    show(&mut harness, 12);
    // The table is wider than its place, and would be found under the panel.
    let nobody = JobFilter::default().with_text(TextField::User, "nobody at all");
    harness.state_mut().send(Command::SetFilter(nobody));
    wait_until(&mut harness, "an empty list", |h| {
        h.state().state.jobs.rows.is_empty() && h.state().state.jobs.phase == Phase::Loaded
    });
    // Nodes and scripts have a scroll bar of their own.
    for name in ["Resources", "Script", "Raw row"] {
        press(&mut harness, name);
    }
    // The panel is 300 wide, and above the memory strip.
    let close = harness.get_by_role_and_label(Role::Button, "Close details");
    let right = close.rect().right() + 12.0;
    let strip = harness.get_by_label("SQLite heap").rect().top();
    let mut seen = 0;
    for node in
        harness.query_all_by(|node| matches!(node.role(), Role::Label | Role::Button | Role::Meter))
    {
        let rect = node.rect();
        let is_inside = (right - 300.0..right).contains(&rect.left())
            && (close.rect().top()..strip).contains(&rect.top());
        if is_inside {
            let node = node.accesskit_node();
            let name = node.value().or_else(|| node.label());
            assert!(rect.right() <= right, "{name:?} ends at {}", rect.right());
            seen += 1;
        }
    }
    assert!(seen > 80, "{seen}");
}
