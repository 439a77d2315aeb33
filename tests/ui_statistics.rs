//! The Statistics view driven by accessible names: totals, bars, steps, groups, descriptions.

#![expect(
    clippy::expect_used,
    reason = "helpers of tests fail like the tests themselves"
)]

mod common;

use std::path::Path;

use common::ui::{NUM_JOBS, app, shows, small_database, wait_until};
use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable as _};
use jobscope::{
    command::View,
    db::connection::OpenMode,
    jobs::{
        filter::{Condition, NumberField},
        histogram::Resource,
        lookup::Step,
    },
    state::statistics::PartKey,
    ui::app::{App, Start},
    units::format_count,
};
use rusqlite::{Connection, OpenFlags};

/// The view with every part answered.
fn shown() -> Harness<'static, App> {
    let mut harness = app(Start {
        database: Some((small_database().to_owned(), OpenMode::ReadOnly)),
        ..Start::default()
    });
    wait_until(&mut harness, "the database", |h| {
        h.state().state.database.is_some()
    });
    harness.get_by_label("Statistics").click();
    answered(&mut harness);
    harness
}

fn answered(harness: &mut Harness<'_, App>) {
    wait_until(harness, "all parts", |h| {
        let statistics = &h.state().state.statistics;
        h.state().state.settings.view == View::Statistics
            && statistics.num_loading() == 0
            && !statistics.outdated
            && statistics.parts.iter().all(|part| part.data.is_some())
    });
}

fn count(path: &Path, condition: &str) -> u64 {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("opened");
    conn.query_row(
        &format!("SELECT COUNT(*) FROM job WHERE {condition}"),
        [],
        |row| row.get::<_, i64>(0),
    )
    .expect("counted")
    .cast_unsigned()
}

#[test]
fn the_overview_shows_totals_and_a_histogram_of_every_footprint_value() {
    let harness = shown();
    assert!(shows(&harness, &format_count(NUM_JOBS)));
    assert!(shows(&harness, "core-hours"));
    let statistics = &harness.state().state.statistics;
    let jobs = format_count(NUM_JOBS);
    for part in statistics.histograms() {
        let histogram = part.histogram().expect("answered");
        assert_eq!(histogram.total, NUM_JOBS, "{}", part.key.title());
    }
    assert!(shows(
        &harness,
        &format!("Histogram of duration: {jobs} jobs, most in")
    ));
    let num_metrics = statistics.histograms().count() - 4;
    assert!(num_metrics >= 3, "{num_metrics} metrics");
}

#[test]
fn a_bar_of_durations_narrows_the_filter_to_its_bin() {
    let mut harness = shown();
    harness.get_by_label("Show Duration as a table").click();
    harness.run_steps(3);
    let part = harness.state().state.statistics.part(&PartKey::Duration);
    let bar = part
        .and_then(|part| part.histogram()?.bars.first().cloned())
        .expect("the first bin");
    let name = format!("Duration {}: {} jobs", bar.label, format_count(bar.count));
    harness.get_by_role_and_label(Role::Link, &name).click();
    harness.run_steps(3);
    let filter = harness.state().state.filter().clone();
    assert!(
        matches!(
            filter.conditions.as_slice(),
            [Condition::Number { field: NumberField::Duration, range }]
                if range.to_string() == "0..<3600"
        ),
        "{filter:?}"
    );
    answered(&mut harness);
    wait_until(&mut harness, "the count", |h| {
        h.state().state.jobs.count.is_some()
    });
    let expected = count(small_database(), "duration >= 0 AND duration < 3600");
    assert_eq!(harness.state().state.jobs.count, Some(expected));
    let total = harness
        .state()
        .state
        .statistics
        .total()
        .map(|t| t.values[0]);
    assert_eq!(total, Some(expected.cast_signed()));
}

#[test]
fn clicking_and_dragging_on_the_picture_chooses_bars() {
    let mut harness = shown();
    let picture = harness
        .get_all_by_role(Role::Image)
        .find(|node| {
            use egui_kittest::kittest::NodeT as _;
            node.accesskit_node()
                .label()
                .is_some_and(|label| label.starts_with("Histogram of duration"))
        })
        .expect("the picture");
    let rect = picture.rect();
    let at = |share: f32| egui::pos2(rect.left() + rect.width() * share, rect.center().y);
    harness.hover_at(at(0.1));
    harness.run_steps(2);
    assert!(shows(&harness, "Click for only these"));
    harness.drag_at(at(0.1));
    harness.run_steps(2);
    harness.hover_at(at(0.4));
    harness.run_steps(2);
    assert!(shows(&harness, "Let go for only these"));
    harness.key_press(egui::Key::Escape);
    harness.run_steps(2);
    harness.drop_at(at(0.4));
    harness.run_steps(3);
    assert!(
        harness.state().state.filter().is_empty(),
        "Esc gives the drag up"
    );
    harness.drag_at(at(0.1));
    harness.run_steps(2);
    harness.hover_at(at(0.4));
    harness.run_steps(2);
    harness.drop_at(at(0.4));
    harness.run_steps(3);
    let filter = harness.state().state.filter();
    assert!(
        matches!(
            filter.conditions.as_slice(),
            [Condition::Number {
                field: NumberField::Duration,
                ..
            }]
        ),
        "{filter:?}"
    );
}

#[test]
fn steps_and_groups_can_be_chosen() {
    let mut harness = shown();
    harness.get_by_label("month").click();
    harness.run_steps(2);
    answered(&mut harness);
    let part = harness.state().state.statistics.part(&PartKey::OverTime);
    let over_time = part.and_then(|part| part.over_time()).expect("answered");
    assert_eq!(over_time.step, Step::Month);
    let cluster = over_time.parts[0].name.clone();
    harness
        .get_by_label(&format!("Only cluster {cluster}"))
        .click();
    harness.run_steps(3);
    answered(&mut harness);
    let expected = count(small_database(), &format!("cluster = '{cluster}'"));
    let total = harness
        .state()
        .state
        .statistics
        .total()
        .map(|t| t.values[0]);
    assert_eq!(total, Some(expected.cast_signed()));
    harness.get_by_label("Groups").click();
    harness.run_steps(3);
    let tab = harness.get_by_role_and_label(Role::Button, "subcluster");
    tab.click();
    harness.run_steps(2);
    answered(&mut harness);
    let row = harness.state().state.statistics.rows()[0].clone();
    harness.get_by_role_and_label(Role::Link, &row.key).click();
    harness.run_steps(3);
    answered(&mut harness);
    let total = harness
        .state()
        .state
        .statistics
        .total()
        .map(|t| t.values[0]);
    assert_eq!(total, Some(row.values[0]));
}

#[test]
fn a_cluster_description_is_added_by_its_path_and_a_bad_one_loses_nothing() {
    let mut harness = shown();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("alex.json");
    std::fs::write(
        &file,
        r#"{"name": "alex", "subClusters": [], "metricConfig": [{"name": "mem_used",
            "unit": {"base": "B", "prefix": "G"}, "scope": "node", "timestep": 60, "peak": 512,
            "normal": 100, "caution": 50, "alert": 10, "footprint": "max"}]}"#,
    )
    .expect("written");
    let add = |harness: &mut Harness<'_, App>, path: &Path| {
        harness.get_by_label("Add cluster descriptions").click();
        harness.run_steps(3);
        let field = harness.get_by_role_and_label(Role::TextInput, "Path of cluster descriptions");
        field.focus();
        field.type_text(&path.display().to_string());
        harness.run_steps(2);
        harness.get_by_role_and_label(Role::Button, "Add").click();
        harness.run_steps(2);
    };
    add(&mut harness, &file);
    wait_until(&mut harness, "the description", |h| {
        shows(h, "alex (1 file)")
    });
    answered(&mut harness);
    let key = PartKey::Metric("mem_used_max".to_owned());
    let part = harness.state().state.statistics.part(&key);
    let histogram = part.and_then(|part| part.histogram()).expect("answered");
    assert_eq!(
        histogram.axis,
        "0 … 512 GB (peak of the cluster description)"
    );
    add(&mut harness, &folder.path().join("no.json"));
    wait_until(&mut harness, "the report", |h| {
        h.state().state.notice.is_some()
    });
    assert!(shows(&harness, "alex (1 file)"), "what was there is kept");
    harness
        .get_by_label("Remove the cluster descriptions")
        .click();
    harness.run_steps(2);
    assert!(shows(&harness, "No cluster description"));
}

#[test]
fn a_part_says_which_column_the_file_lacks() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("old.db");
    #[expect(
        clippy::disallowed_methods,
        reason = "the test makes the database that is then inspected"
    )]
    let conn = Connection::open(&path).expect("a new database");
    conn.execute_batch(
        "CREATE TABLE job(id INTEGER PRIMARY KEY, job_id INTEGER, cluster TEXT, hpc_user TEXT,
         start_time INTEGER, job_state TEXT, duration INTEGER, num_nodes INTEGER,
         num_hwthreads INTEGER, project TEXT, subcluster TEXT);
         INSERT INTO job VALUES (1, 1, 'c', 'u', 1700000000, 'completed', 60, 1, 8, 'p', 's')",
    )
    .expect("an old table");
    drop(conn);
    let mut harness = app(Start {
        database: Some((path, OpenMode::ReadOnly)),
        ..Start::default()
    });
    wait_until(&mut harness, "the database", |h| {
        h.state().state.database.is_some()
    });
    harness.get_by_label("Statistics").click();
    wait_until(&mut harness, "the nodes", |h| {
        let key = PartKey::Resource(Resource::Nodes);
        let part = h.state().state.statistics.part(&key);
        part.is_some_and(|part| part.data.is_some())
    });
    let key = PartKey::Resource(Resource::Accelerators);
    let statistics = &harness.state().state.statistics;
    let part = statistics.part(&key).expect("always there");
    let why = part.trouble.as_deref().unwrap_or("");
    assert!(why.contains("num_acc"), "{why}");
    assert!(harness.state().state.notice.is_none(), "nothing loud");
    assert!(shows(&harness, "num_acc"), "it is said where it is missing");
}
