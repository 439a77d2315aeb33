//! The window driven by accessible names: open, filter, run, cancel, slide, shrink, come back.

#![expect(
    clippy::expect_used,
    reason = "helpers of tests fail like the tests themselves"
)]

mod common;

use std::path::Path;

use common::ui::{
    NUM_JOBS, app, endless_database, shows, small_database, value, values, wait_until,
};
use egui::accesskit::Role;
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use jobscope::{
    command::{Command, View},
    db::{connection::OpenMode, pragma::CacheSize, profile::MemoryProfile},
    engine::receipt::Outcome,
    jobs::{
        filter::{JobFilter, TextField},
        statistics::GroupBy,
    },
    state::Phase,
    ui::app::{App, Start},
    units::{Bytes, format_count},
};
use rusqlite::{Connection, OpenFlags};

fn opened(path: &Path) -> Harness<'static, App> {
    let mut harness = app(Start {
        database: Some((path.to_owned(), OpenMode::ReadOnly)),
        ..Start::default()
    });
    wait_until(&mut harness, "the database", |h| {
        h.state().state.database.is_some()
    });
    harness
}

/// What the file says, asked without jobscope.
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
fn a_new_user_types_a_path_and_sees_the_newest_jobs() {
    let mut harness = app(Start::default());
    assert!(
        shows(&harness, "Look into a job database"),
        "two choices, nothing else"
    );
    let field = harness.get_by_role_and_label(Role::TextInput, "Path of the database");
    field.focus();
    field.type_text(&small_database().display().to_string());
    harness.run_steps(2);
    harness.get_by_label("Open this path").click();
    let all = format!("{} jobs", format_count(NUM_JOBS));
    wait_until(&mut harness, "the count", |h| shows(h, &all));
    wait_until(&mut harness, "rows", |h| {
        !h.state().state.jobs.rows.is_empty()
    });
    let newest = value(&harness, 0, "job_id").expect("the first row");
    let conn = Connection::open_with_flags(small_database(), OpenFlags::SQLITE_OPEN_READ_ONLY)
        .expect("opened");
    let job_id: i64 = conn
        .query_row(
            "SELECT job_id FROM job ORDER BY start_time DESC, id DESC LIMIT 1",
            [],
            |row| row.get(0),
        )
        .expect("asked");
    assert_eq!(newest.as_int(), Some(job_id));
    assert!(shows(&harness, &job_id.to_string()), "it is on the screen");
}

#[test]
fn a_file_that_is_no_database_gives_a_report_and_the_open_one_stays() {
    let mut harness = opened(small_database());
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notes.txt");
    std::fs::write(
        &path,
        "not a database, only a note that is longer than a header would be, by far, and a bit more",
    )
    .expect("written");
    harness.state_mut().send(Command::Open {
        path,
        mode: OpenMode::ReadOnly,
    });
    wait_until(&mut harness, "the report", |h| {
        shows(h, "as a job database")
    });
    assert!(shows(
        &harness,
        "because: it does not begin like a SQLite database"
    ));
    assert!(
        harness
            .state()
            .state
            .database
            .as_ref()
            .is_some_and(|d| d.facts.path == small_database()),
        "the database before is still open"
    );
    harness.get_by_label("Dismiss").click();
    harness.run_steps(2);
    assert!(!shows(&harness, "as a job database"));
}

#[test]
fn ticking_a_state_filters_jobs_and_statistics() {
    let mut harness = opened(small_database());
    harness.get_by_label("Filter by state").click();
    harness.run_steps(3);
    harness
        .get_by_role_and_label(Role::CheckBox, "failed")
        .click();
    harness.run_steps(3);
    let failed = count(small_database(), "job_state = 'failed'");
    assert!(failed > 0 && failed < NUM_JOBS, "{failed}");
    wait_until(&mut harness, "the count", |h| {
        h.state().state.jobs.count == Some(failed)
    });
    let states = values(&harness, "job_state");
    assert!(states.iter().all(|state| state.as_text() == Some("failed")));
    harness
        .state_mut()
        .send(Command::ShowView(View::Statistics));
    wait_until(&mut harness, "the total", |h| {
        h.state().state.statistics.phase() == Phase::Loaded
            && h.state().state.statistics.total().is_some()
    });
    let statistics = &harness.state().state.statistics;
    assert_eq!(
        statistics.total().map(|t| t.values[0]),
        Some(failed.cast_signed())
    );
    let sum: i64 = statistics.rows().iter().map(|row| row.values[0]).sum();
    assert_eq!(sum, failed.cast_signed(), "the groups add up to the total");
}

#[test]
fn clicking_a_user_narrows_the_filter() {
    let mut harness = opened(small_database());
    harness.get_by_label("Statistics").click();
    wait_until(&mut harness, "groups", |h| {
        !h.state().state.statistics.rows().is_empty()
    });
    harness.get_by_label("Groups").click();
    harness.run_steps(3);
    let top = harness.state().state.statistics.rows()[0].clone();
    harness.get_by_role_and_label(Role::Link, &top.key).click();
    wait_until(&mut harness, "the filter", |h| {
        h.state().state.filter().exact(TextField::User) == Some(&top.key)
    });
    wait_until(&mut harness, "the count", |h| {
        h.state().state.jobs.count.is_some()
    });
    assert_eq!(
        harness.state().state.jobs.count,
        Some(count(
            small_database(),
            &format!("hpc_user = '{}'", top.key)
        ))
    );
}

#[test]
fn scrolling_loads_more_and_a_click_shows_the_job() {
    let mut harness = opened(small_database());
    wait_until(&mut harness, "the first batch", |h| {
        h.state().state.jobs.rows.len() >= 50
    });
    wait_until(&mut harness, "the second batch", |h| {
        h.state().state.jobs.rows.len() > 50
    });
    let job = harness.state().state.jobs.id_at(1).expect("a second row");
    harness.get_by_label("Filter by cluster").focus();
    let label = value(&harness, 1, "job_id")
        .expect("a second row")
        .display();
    harness.get_by_label(&label).click();
    wait_until(&mut harness, "the details", |h| {
        h.state()
            .state
            .details
            .as_ref()
            .is_some_and(|d| d.row.is_some())
    });
    assert_eq!(
        harness.state().state.details.as_ref().map(|d| d.job),
        Some(job)
    );
    assert!(shows(&harness, "job script"));
    harness.get_by_label("Close details").click();
    harness.run_steps(2);
    assert!(harness.state().state.details.is_none());
}

#[test]
fn what_runs_is_shown_and_cancel_stops_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut harness = opened(&endless_database(folder.path()));
    wait_until(&mut harness, "both queries to run", |h| {
        h.state()
            .state
            .tasks
            .active
            .iter()
            .filter(|t| t.started.is_some() && !t.is_background)
            .count()
            == 2
    });
    assert!(harness.query_by_label("Running tasks").is_some());
    let cancel = harness.get_by_role_and_label(Role::Button, "Cancel");
    assert!(!cancel.accesskit_node().is_disabled());
    cancel.click();
    wait_until(&mut harness, "the end of both", |h| {
        h.state().state.tasks.active.is_empty()
    });
    for task in harness
        .state()
        .state
        .tasks
        .history
        .iter()
        .filter(|task| !task.is_background)
    {
        assert_eq!(task.receipt.outcome, Outcome::Cancelled, "{}", task.title);
        assert!(task.receipt.stop.is_some());
    }
    assert!(shows(&harness, "Stopped before the first row"));
    assert!(
        shows(&harness, "cancelled after"),
        "the receipt is in the status bar"
    );
    assert!(
        harness
            .get_by_role_and_label(Role::Button, "Cancel")
            .accesskit_node()
            .is_disabled(),
        "nothing is left to cancel"
    );
}

#[test]
fn escape_stops_what_runs_and_the_view_can_ask_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut harness = opened(&endless_database(folder.path()));
    wait_until(&mut harness, "a query to run", |h| {
        h.state()
            .state
            .tasks
            .active
            .iter()
            .any(|t| t.started.is_some())
    });
    harness.key_press(egui::Key::Escape);
    wait_until(&mut harness, "the end", |h| {
        h.state().state.tasks.active.is_empty()
    });
    harness.get_by_label("Try again").click();
    wait_until(&mut harness, "another query", |h| {
        h.state()
            .state
            .tasks
            .active
            .iter()
            .any(|t| t.started.is_some())
    });
}

#[test]
fn a_new_filter_replaces_the_queries_of_the_one_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut harness = opened(&endless_database(folder.path()));
    wait_until(&mut harness, "both queries to run", |h| {
        h.state()
            .state
            .tasks
            .active
            .iter()
            .filter(|t| t.started.is_some() && !t.is_background)
            .count()
            == 2
    });
    let before: Vec<_> = harness
        .state()
        .state
        .tasks
        .active
        .iter()
        .filter(|t| !t.is_background)
        .map(|t| t.id)
        .collect();
    let filter = JobFilter::default().with_text(TextField::Cluster, "c");
    harness.state_mut().send(Command::SetFilter(filter));
    wait_until(&mut harness, "the old ones to end", |h| {
        before
            .iter()
            .all(|id| h.state().state.tasks.history.iter().any(|t| t.id == *id))
    });
    let active = &harness.state().state.tasks.active;
    let active: Vec<_> = active.iter().filter(|task| !task.is_background).collect();
    assert_eq!(active.len(), 2, "the list and the count of the new filter");
    assert!(active.iter().all(|task| !before.contains(&task.id)));
}

#[test]
fn a_slider_changes_the_setting_and_the_read_back_follows() {
    let mut harness = opened(small_database());
    wait_until(&mut harness, "an open connection", |h| {
        h.state().state.tuning.read_back().is_some()
    });
    harness
        .get_by_role_and_label(Role::Slider, "Page cache")
        .set_value_accesskit(f64::from(256 << 20));
    wait_until(&mut harness, "the read back", |h| {
        h.state().state.tuning.pending() == 0
            && h.state()
                .state
                .tuning
                .read_back()
                .is_some_and(|read| read.cache_size == CacheSize::KiB(256 << 10))
    });
    assert!(shows(&harness, "read back -262144"));
    let marks = &harness.state().state.live.timeline.markers;
    assert!(
        marks
            .iter()
            .any(|mark| mark.text.contains("cache_size 64 MiB → 256 MiB")),
        "the change is a mark on the chart"
    );
}

fn type_soft_limit(harness: &mut Harness<'_, App>, text: &str) {
    let field = (Role::TextInput, "Soft heap limit");
    harness.get_by_role_and_label(field.0, field.1).focus();
    harness.run_steps(2);
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    harness.run_steps(2);
    harness
        .get_by_role_and_label(field.0, field.1)
        .type_text(text);
    harness.run_steps(2);
    harness.key_press(egui::Key::Enter);
    harness.run_steps(3);
}

#[test]
fn a_typed_value_is_understood_or_reported_and_kept() {
    let mut harness = opened(small_database());
    type_soft_limit(&mut harness, "many");
    assert!(shows(&harness, "\"many\" is not a valid size"));
    assert_eq!(
        harness.state().state.tuning.wanted.soft_heap_limit,
        MemoryProfile::jobscope().soft_heap_limit,
        "nothing was applied"
    );
    let field = harness.get_by_role_and_label(Role::TextInput, "Soft heap limit");
    assert_eq!(field.value().as_deref(), Some("many"), "the text is kept");
    type_soft_limit(&mut harness, "1.5 GiB");
    wait_until(&mut harness, "the limit", |h| {
        h.state().state.tuning.wanted.soft_heap_limit == Some(Bytes(3 << 29))
    });
}

#[test]
fn shrink_answers_with_what_it_gave_back() {
    let mut harness = opened(small_database());
    harness.state_mut().send(Command::SetProfile(MemoryProfile {
        after_query: jobscope::db::profile::AfterQuery::Nothing,
        ..MemoryProfile::jobscope()
    }));
    harness.run_steps(2);
    // By project the table itself is read, not only a covering index.
    harness
        .state_mut()
        .send(Command::SetGroupBy(GroupBy::Project));
    harness
        .state_mut()
        .send(Command::ShowView(View::Statistics));
    wait_until(&mut harness, "a filled cache", |h| {
        h.state().state.tasks.active.is_empty()
            && h.state().state.statistics.phase() == Phase::Loaded
            && h.state().state.live.latest.caches() > Bytes::kib(200)
    });
    harness.get_by_label("Shrink").click();
    wait_until(&mut harness, "the answer", |h| {
        shows(h, "given back to the allocator")
    });
    wait_until(&mut harness, "empty caches", |h| {
        h.state().state.live.latest.caches() < Bytes::kib(200)
    });
    harness.get_by_label("Trim").click();
    wait_until(&mut harness, "the answer", |h| shows(h, "Trim:"));
}

#[test]
fn a_restart_comes_back_to_the_same_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let start = Start {
        settings_path: Some(folder.path().join("settings.toml")),
        ..Start::default()
    };
    let filter = JobFilter::default().with_states(["failed"]);
    let repair = MemoryProfile::built_in().swap_remove(1);
    {
        let mut harness = app(start.clone());
        harness.state_mut().send(Command::Open {
            path: small_database().to_owned(),
            mode: OpenMode::ReadOnly,
        });
        wait_until(&mut harness, "the database", |h| {
            h.state().state.database.is_some()
        });
        harness.state_mut().send(Command::SetFilter(filter.clone()));
        harness
            .state_mut()
            .send(Command::SetProfile(repair.clone()));
        harness
            .state_mut()
            .send(Command::ShowView(View::Statistics));
        let path = start.settings_path.clone().expect("set above");
        // As after a crash: nothing is written at the end, only while it changes.
        wait_until(&mut harness, "the settings on disk", |_| {
            std::fs::read_to_string(&path).is_ok_and(|text| {
                text.contains("First repair")
                    && text.contains("failed")
                    && text.contains("statistics")
            })
        });
        std::mem::forget(harness);
    }
    let mut harness = app(start);
    wait_until(&mut harness, "the database of last time", |h| {
        h.state().state.database.is_some()
    });
    let state = &harness.state().state;
    assert_eq!(state.filter(), &filter);
    assert_eq!(state.tuning.wanted, repair);
    assert_eq!(state.settings.view, View::Statistics);
}

/// Types into a field, instead of whatever stands there.
fn type_into(harness: &mut Harness<'_, App>, name: &str, text: &str) {
    harness.get_by_role_and_label(Role::TextInput, name).focus();
    harness.run_steps(2);
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    harness.run_steps(2);
    harness
        .get_by_role_and_label(Role::TextInput, name)
        .type_text(text);
    harness.run_steps(3);
}

fn press(harness: &mut Harness<'_, App>, name: &str) {
    harness
        .get_by_role_and_label(Role::Button, name)
        .scroll_to_me();
    harness.run_steps(3);
    harness.get_by_role_and_label(Role::Button, name).click();
    harness.run_steps(4);
}

fn tick(harness: &mut Harness<'_, App>, name: &str) {
    harness.get_by_role_and_label(Role::CheckBox, name).click();
    harness.run_steps(3);
}

fn filter_of(harness: &Harness<'_, App>) -> String {
    harness.state().state.filter().to_json().to_string()
}

fn clear(harness: &mut Harness<'_, App>) {
    press(harness, "Clear the filter");
    assert_eq!(filter_of(harness), "{}");
}

/// Tags and an interactive job in a database of its own.
fn tagged_database(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("tagged.db");
    std::fs::copy(small_database(), &path).expect("a copy");
    let conn = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("open");
    conn.execute_batch(
        "DELETE FROM jobtag; DELETE FROM tag;
         INSERT INTO tag (id, tag_type, tag_name, tag_scope) VALUES
           (1, 'app', 'vasp', 'global'), (2, 'app', 'gromacs', 'global');
         INSERT INTO jobtag (job_id, tag_id) SELECT id, 1 FROM job WHERE id % 10 = 0;",
    )
    .expect("tags");
    path
}

#[test]
#[expect(clippy::too_many_lines, reason = "one line and a half for each kind")]
fn every_kind_of_condition_can_be_added_in_the_window() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut harness = opened(&tagged_database(folder.path()));
    wait_until(&mut harness, "the suggestions", |h| {
        let state = &h.state().state;
        state.tasks.active.is_empty() && !state.suggestions.footprint.is_empty()
    });
    let h = &mut harness;
    let mut add = |name: &str, edit: &dyn Fn(&mut Harness<'static, App>), json: &str| {
        press(h, "Add condition");
        press(h, name);
        edit(h);
        assert_eq!(filter_of(h), json, "{name}");
        clear(h);
    };
    for name in [
        "cluster",
        "subcluster",
        "partition",
        "user",
        "project",
        "job id",
        "job name",
        "node",
    ] {
        let key = match name {
            "subcluster" => "subCluster",
            "job id" => "jobId",
            "job name" => "jobName",
            other => other,
        };
        add(
            name,
            &|h| {
                press(h, "contains");
                type_into(h, &format!("Value of {name}"), "1%");
                press(h, "Apply");
            },
            &format!("{{\"{key}\":{{\"contains\":\"1%\"}}}}"),
        );
    }
    let ends = |lower: &'static str, upper: &'static str, tick_lower: bool| {
        move |h: &mut Harness<'static, App>| {
            type_into(h, "at least", lower);
            if !upper.is_empty() {
                type_into(h, "at most", upper);
            }
            if tick_lower {
                tick(h, "Without the lower end");
            }
            press(h, "Apply");
        }
    };
    add(
        "duration",
        &ends("1h", "2 h", false),
        r#"{"duration":{"from":3600,"to":7200}}"#,
    );
    add("nodes", &ends("4", "", true), r#"{"numNodes":{"gt":4}}"#);
    add(
        "threads",
        &ends("72..144", "", false),
        r#"{"numHWThreads":{"from":72,"to":144}}"#,
    );
    add(
        "accelerators",
        &ends("=0", "", false),
        r#"{"numAccelerators":{"eq":0}}"#,
    );
    add(
        "energy",
        &ends("0.5", "2", true),
        r#"{"energy":{"gt":0.5,"le":2}}"#,
    );
    add(
        "tags",
        &|h| {
            press(h, "none of");
            tick(h, "app: vasp");
            press(h, "Apply");
        },
        r#"{"tagsNone":[1]}"#,
    );
    add(
        "footprint",
        &|h| {
            press(h, "mem_used_max");
            type_into(h, "at least", "10");
            press(h, "Apply");
        },
        r#"{"metricStats":[{"metricName":"mem_used_max","range":{"from":10}}]}"#,
    );
    add(
        "shared",
        &|h| press(h, "single_user"),
        r#"{"shared":"single_user"}"#,
    );
    add(
        "schedule",
        &|h| press(h, "batch"),
        r#"{"schedule":"batch"}"#,
    );
    let value = |name: &'static str, text: &'static str| {
        move |h: &mut Harness<'static, App>| {
            type_into(h, &format!("Value of {name}"), text);
            press(h, "Apply");
        }
    };
    add("job array", &value("job array", "0"), r#"{"arrayJobId":0}"#);
    add("row id", &value("row id", "1, 2"), r#"{"dbId":[1,2]}"#);
}

#[test]
fn a_condition_is_changed_in_its_chip_and_taken_away_beside_it() {
    let mut harness = opened(small_database());
    wait_until(&mut harness, "the suggestions", |h| {
        h.state().state.suggestions.values("cluster").len() > 1
    });
    let clusters = harness.state().state.suggestions.values("cluster").to_vec();
    press(&mut harness, "Filter by cluster");
    press(&mut harness, &clusters[0]);
    let one = JobFilter::default().with_text(TextField::Cluster, &clusters[0]);
    assert_eq!(harness.state().state.filter(), &one);
    press(&mut harness, "Filter by cluster");
    press(&mut harness, "is one of");
    type_into(&mut harness, "Value of cluster", "");
    for cluster in &clusters[..2] {
        tick(&mut harness, cluster);
    }
    press(&mut harness, "Apply");
    let json = filter_of(&harness);
    assert!(json.contains("\"in\":["), "{json}");
    press(&mut harness, "Filter by start");
    press(&mut harness, "last 7 days");
    assert!(filter_of(&harness).contains("last7d"));
    press(&mut harness, "Any cluster");
    assert_eq!(filter_of(&harness), r#"{"startTime":{"range":"last7d"}}"#);
    press(&mut harness, "Any start");
    assert_eq!(filter_of(&harness), "{}");
}

#[test]
fn what_was_typed_wrongly_is_named_and_nothing_is_lost() {
    let mut harness = opened(small_database());
    press(&mut harness, "Add condition");
    press(&mut harness, "nodes");
    type_into(&mut harness, "at least", "16");
    type_into(&mut harness, "at most", "4");
    press(&mut harness, "Apply");
    assert!(shows(&harness, "16..4"), "the inverted range is named");
    assert_eq!(filter_of(&harness), "{}", "nothing was applied");
    let field = harness.get_by_role_and_label(Role::TextInput, "at least");
    assert_eq!(field.value().as_deref(), Some("16"), "the text is kept");
    type_into(&mut harness, "at most", "40");
    assert!(!shows(&harness, "16..4"), "that is no longer there");
    harness.key_press(egui::Key::Enter);
    harness.run_steps(3);
    assert_eq!(filter_of(&harness), r#"{"numNodes":{"from":16,"to":40}}"#);
    press(&mut harness, "Filter by start");
    type_into(&mut harness, "from", "yesterday");
    press(&mut harness, "Apply");
    assert!(shows(&harness, "\"yesterday\" is not a valid time"));
    assert_eq!(filter_of(&harness), r#"{"numNodes":{"from":16,"to":40}}"#);
}

fn paste(harness: &mut Harness<'_, App>, text: &str) {
    press(harness, "Filter as text");
    press(harness, "Paste filter…");
    harness.get_by_label("Filter as JSON").focus();
    harness.run_steps(2);
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    harness.run_steps(2);
    harness.event(egui::Event::Paste(text.to_owned()));
    harness.run_steps(2);
    press(harness, "Apply");
}

#[test]
fn a_filter_is_pasted_or_reported() {
    let mut harness = opened(small_database());
    let good = r#"{"state":["failed"],"numNodes":{"ge":2}}"#;
    paste(&mut harness, good);
    assert_eq!(
        filter_of(&harness),
        r#"{"state":["failed"],"numNodes":{"from":2}}"#
    );
    let matching = count(small_database(), "job_state = 'failed' AND num_nodes >= 2");
    wait_until(&mut harness, "the count", |h| {
        h.state().state.jobs.count == Some(matching)
    });
    let rows = harness.state().state.jobs.rows.len();
    paste(
        &mut harness,
        r#"{"state":["failed"],"duration":{"ge":20,"le":10}}"#,
    );
    assert!(shows(&harness, "20..10"), "the report names the value");
    let field = harness.get_by_label("Filter as JSON");
    let kept = field.value();
    assert!(
        kept.is_some_and(|text| text.contains("\"le\":10")),
        "the text is kept"
    );
    assert_eq!(
        filter_of(&harness),
        r#"{"state":["failed"],"numNodes":{"from":2}}"#
    );
    assert_eq!(
        harness.state().state.jobs.rows.len(),
        rows,
        "and so are the rows"
    );
}

#[test]
fn a_heading_sorts_and_the_foot_says_so() {
    let mut harness = opened(small_database());
    let durations = |h: &Harness<'_, App>| -> Vec<i64> {
        let cells = values(h, "duration");
        cells
            .iter()
            .filter_map(jobscope::db::value::Cell::as_int)
            .collect()
    };
    wait_until(&mut harness, "rows", |h| !durations(h).is_empty());
    press(&mut harness, "Sort jobs by duration");
    wait_until(&mut harness, "the order", |h| {
        let jobs = &h.state().state.jobs;
        jobs.rows_sort.to_string() == "duration:desc" && jobs.phase == Phase::Loaded
    });
    assert!(durations(&harness).is_sorted_by(|a, b| a >= b));
    assert!(shows(&harness, "by duration, largest first"));
    press(&mut harness, "Sort jobs by duration");
    wait_until(&mut harness, "the other way", |h| {
        let jobs = &h.state().state.jobs;
        jobs.rows_sort.to_string() == "duration:asc" && jobs.phase == Phase::Loaded
    });
    assert!(durations(&harness).is_sorted());
    press(&mut harness, "Sort jobs by duration");
    wait_until(&mut harness, "the newest first", |h| {
        shows(h, "newest first")
    });
    press(&mut harness, "Sort by");
    press(&mut harness, "mem_used_max");
    wait_until(&mut harness, "the order", |h| {
        shows(h, "by mem_used_max, largest first")
            && h.state().state.jobs.rows_sort == h.state().state.jobs.sort
    });
    harness
        .get_by_role_and_label(Role::ScrollBar, "Scroll job list sideways")
        .set_value_accesskit(1_000.0);
    harness.run_steps(3);
    assert!(
        harness
            .query_by_label("Sort jobs by mem_used_max")
            .is_some(),
        "a column shows what decides"
    );
}

#[test]
fn another_order_begins_at_its_first_job() {
    let mut harness = opened(small_database());
    let first = |harness: &Harness<'_, App>| {
        let job_id = value(harness, 0, "job_id");
        job_id.expect("a first job").display()
    };
    wait_until(&mut harness, "rows", |h| value(h, 0, "job_id").is_some());
    harness.hover_at(egui::pos2(500.0, 400.0));
    harness.event(egui::Event::MouseWheel {
        unit: egui::MouseWheelUnit::Line,
        delta: egui::vec2(0.0, -60.0),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Unknown,
        modifiers: egui::Modifiers::NONE,
    });
    harness.run_steps(30);
    let newest = first(&harness);
    assert!(
        harness.query_by_label(&newest).is_none(),
        "the newest job is above what is seen"
    );
    press(&mut harness, "Sort jobs by duration");
    wait_until(&mut harness, "the longest job", |harness| {
        !harness.state().state.jobs.is_outdated && harness.query_by_label(&first(harness)).is_some()
    });
}

#[test]
fn the_sql_of_the_list_is_one_click_away() {
    let mut harness = opened(small_database());
    let user = JobFilter::default().with_text(TextField::User, "o'hara");
    harness.state_mut().send(Command::SetFilter(user));
    wait_until(&mut harness, "the plan", |h| {
        h.state().state.jobs.phase == Phase::Loaded && !h.state().state.jobs.plan.steps.is_empty()
    });
    press(&mut harness, "SQL of the job list");
    assert!(shows(&harness, "WHERE hpc_user = ?"));
    assert!(shows(&harness, "'o''hara'"), "the bound value");
    assert!(shows(&harness, "SEARCH job"), "a step of the plan");
    assert!(harness.query_by_label("Copy SQL").is_some());
}

#[test]
fn a_file_without_jobs_says_what_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("other.db");
    #[expect(
        clippy::disallowed_methods,
        reason = "the test makes the database that is then inspected"
    )]
    let conn = Connection::open(&path).expect("a new database");
    conn.execute_batch("CREATE TABLE a(b); INSERT INTO a VALUES (1);")
        .expect("a table");
    drop(conn);
    let mut harness = opened(&path);
    assert!(shows(&harness, "another SQLite file"), "in the top bar");
    assert!(shows(&harness, "This SQLite file has no job table"));
    assert!(harness.query_by_label("Filter by user").is_none());
    press(&mut harness, "Statistics");
    assert!(shows(&harness, "This SQLite file has no job table"));
    assert!(
        harness.state().state.tasks.history.is_empty(),
        "nothing was asked"
    );
    press(&mut harness, "Show memory");
    assert_eq!(harness.state().state.settings.view, View::Memory);
}

#[test]
fn an_archive_lists_its_jobs_and_an_old_file_says_what_it_lacks() {
    let archive = common::schemas::archive();
    let mut harness = opened(&archive.path);
    wait_until(&mut harness, "jobs", |h| {
        !h.state().state.jobs.rows.is_empty()
    });
    wait_until(&mut harness, "the count", |h| {
        h.state().state.jobs.count.is_some()
    });
    press(&mut harness, "Statistics");
    assert!(shows(&harness, "A job archive has no statistics here"));
    drop(harness);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("old.db");
    std::fs::copy(small_database(), &path).expect("a copy");
    let conn = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("open");
    let indexes: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '%energy%'")
        .expect("prepared")
        .query_map([], |row| row.get(0))
        .expect("asked")
        .collect::<rusqlite::Result<_>>()
        .expect("names");
    for index in indexes {
        conn.execute_batch(&format!("DROP INDEX {index}"))
            .expect("dropped");
    }
    conn.execute_batch("ALTER TABLE job DROP COLUMN energy")
        .expect("dropped");
    drop(conn);
    let mut harness = opened(&path);
    wait_until(&mut harness, "jobs", |h| {
        !h.state().state.jobs.rows.is_empty()
    });
    assert!(shows(&harness, "this file lacks energy"));
    press(&mut harness, "Add condition");
    assert!(
        harness.query_by_label("energy").is_none(),
        "it is not offered"
    );
    assert!(harness.query_by_label("duration").is_some());
}

#[test]
fn enter_applies_what_was_typed_and_not_what_is_suggested() {
    let mut harness = opened(small_database());
    harness.run_steps(4);
    let users = harness.state().state.suggestions.values("hpc_user");
    let typed = users
        .iter()
        .filter_map(|user| user.get(..user.len().checked_sub(1)?))
        .find(|part| users.iter().filter(|user| user.contains(part)).count() == 1)
        .expect("a text that only one user fits")
        .to_owned();
    press(&mut harness, "Filter by user");
    type_into(&mut harness, "Value of user", &typed);
    harness.key_press(egui::Key::Enter);
    harness.run_steps(4);
    assert_eq!(
        filter_of(&harness),
        format!(r#"{{"user":{{"eq":"{typed}"}}}}"#)
    );
}

#[test]
fn a_filter_is_set_without_a_mouse() {
    let mut harness = opened(small_database());
    harness.get_by_label("Filter by user").focus();
    harness.run_steps(2);
    harness.key_press(egui::Key::Enter);
    harness.run_steps(4);
    let field = harness.get_by_role_and_label(Role::TextInput, "Value of user");
    assert!(field.is_focused(), "one can type at once");
    field.type_text("nobody at all");
    harness.run_steps(2);
    let field = harness.get_by_role_and_label(Role::TextInput, "Value of user");
    assert_eq!(field.value().as_deref(), Some("nobody at all"));
    harness.key_press(egui::Key::Enter);
    harness.run_steps(4);
    assert_eq!(filter_of(&harness), r#"{"user":{"eq":"nobody at all"}}"#);
    assert!(
        harness.get_by_label("Filter by user").is_focused(),
        "and goes on from there"
    );
    harness.key_press(egui::Key::Tab);
    harness.run_steps(2);
    harness.key_press(egui::Key::Enter);
    harness.run_steps(2);
    assert_eq!(filter_of(&harness), "{}", "the cross comes next");
}
