//! Exports from the window, by what things are called.

#![expect(
    clippy::expect_used,
    reason = "helpers of tests fail like the tests themselves"
)]

mod common;

use std::path::Path;

use common::ui::{NUM_JOBS, app, endless_database, shows, small_database, wait_until};
use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable as _};
use jobscope::{
    command::Command,
    db::connection::OpenMode,
    state::job_list::marks::MarkHow,
    ui::app::{App, Start},
    units::format_count,
};

fn opened(path: &Path) -> Harness<'static, App> {
    let mut harness = app(Start {
        database: Some((path.to_owned(), OpenMode::ReadOnly)),
        ..Start::default()
    });
    wait_until(&mut harness, "rows", |h| {
        !h.state().state.jobs.rows.is_empty()
    });
    harness
}

fn click(harness: &mut Harness<'_, App>, name: &str) {
    harness.get_by_label(name).click();
    harness.run_steps(3);
}

/// Replaces the path in the dialog.
fn type_path(harness: &mut Harness<'_, App>, path: &Path) {
    let field = harness.get_by_role_and_label(Role::TextInput, "To");
    field.focus();
    field.click();
    harness.run_steps(2);
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    harness.run_steps(2);
    harness
        .get_by_role_and_label(Role::TextInput, "To")
        .type_text(&path.display().to_string());
    harness.run_steps(3);
}

fn records(path: &Path) -> Vec<csv::StringRecord> {
    let mut reader = csv::Reader::from_path(path).expect("a file");
    reader
        .records()
        .map(|record| record.expect("a record"))
        .collect()
}

#[test]
fn the_whole_selection_goes_to_a_file_in_its_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jobs.csv");
    let mut harness = opened(small_database());
    click(&mut harness, "Export");
    click(&mut harness, "Values of the footprint as columns, too");
    type_path(&mut harness, &path);
    click(&mut harness, "Start export");
    wait_until(&mut harness, "the end", |h| {
        h.state().state.exports.over.is_some()
    });
    let line = format!("Exported {} jobs", format_count(NUM_JOBS));
    assert!(shows(&harness, &line));
    let conn = rusqlite::Connection::open_with_flags(
        small_database(),
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
    )
    .expect("opened");
    let expected: Vec<String> = conn
        .prepare("SELECT job_id FROM job ORDER BY start_time DESC, id DESC")
        .and_then(|mut statement| {
            let ids =
                statement.query_map([], |row| row.get::<_, i64>(0).map(|id| id.to_string()))?;
            ids.collect()
        })
        .expect("asked");
    let written: Vec<String> = (records(&path).iter())
        .map(|record| record[0].to_owned())
        .collect();
    assert_eq!(written, expected);
    let header = std::fs::read_to_string(&path).expect("text");
    let header = header.lines().next().expect("a header");
    assert!(header.ends_with(",footprint.mem_used_max"), "{header}");
    click(&mut harness, "Dismiss export");
    assert!(!shows(&harness, &line));
}

#[test]
fn marked_jobs_go_alone_and_an_existing_file_is_not_replaced_unasked() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("marked.csv");
    std::fs::write(&path, "precious").expect("written");
    let mut harness = opened(small_database());
    for (row, how) in [
        (2, MarkHow::Only),
        (4, MarkHow::Extend),
        (9, MarkHow::Toggle),
    ] {
        harness.state_mut().send(Command::Mark { row, how });
    }
    harness.run_steps(3);
    let ids: Vec<i64> = [2, 3, 4, 9]
        .iter()
        .map(|row| harness.state().state.jobs.id_at(*row).expect("a row"))
        .collect();
    click(&mut harness, "Marked jobs");
    click(&mut harness, "Export marked jobs…");
    assert!(shows(&harness, "The 4 marked jobs"));
    click(&mut harness, "All stored columns");
    type_path(&mut harness, &path);
    click(&mut harness, "Start export");
    wait_until(&mut harness, "the report", |h| {
        h.state().state.notice.is_some()
    });
    assert_eq!(std::fs::read(&path).expect("read"), b"precious");
    click(&mut harness, "Dismiss");
    click(&mut harness, "Marked jobs");
    click(&mut harness, "Export marked jobs…");
    click(&mut harness, "Replace what an earlier export left there");
    click(&mut harness, "Start export");
    wait_until(&mut harness, "the end", |h| {
        (h.state().state.exports.over.as_ref()).is_some_and(|over| over.rows == 4)
    });
    let written: Vec<i64> = (records(&path).iter())
        .map(|record| record[0].parse().expect("an id"))
        .collect();
    assert_eq!(written, ids);
}

#[test]
fn esc_leaves_an_export_alone_and_its_button_stops_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("endless.jsonl");
    let mut harness = app(Start {
        database: Some((endless_database(folder.path()), OpenMode::ReadOnly)),
        ..Start::default()
    });
    wait_until(&mut harness, "the database", |h| {
        h.state().state.database.is_some()
    });
    // The list itself never ends either; a part of it is enough to export from.
    harness.state_mut().send(Command::CancelAll);
    wait_until(&mut harness, "quiet", |h| {
        h.state().state.tasks.active.is_empty()
    });
    harness
        .state_mut()
        .send(Command::Export(jobscope::state::export::ExportWish {
            path: path.clone(),
            format: jobscope::export::Format::Jsonl,
            times: jobscope::export::Times::UnixSecs,
            columns: jobscope::state::export::Columns::Stored,
            expand_footprint: false,
            scope: jobscope::state::export::Scope::Selection,
            keep_stopped: false,
            overwrite: false,
        }));
    wait_until(&mut harness, "the export", |h| {
        h.state().state.exports.running.is_some() && !h.state().state.tasks.active.is_empty()
    });
    harness.key_press(egui::Key::Escape);
    harness.run_steps(5);
    assert!(
        harness.state().state.exports.running.is_some(),
        "Esc is pressed too easily"
    );
    click(&mut harness, "Stop export");
    wait_until(&mut harness, "the end", |h| {
        h.state().state.exports.over.is_some()
    });
    assert!(!path.exists());
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .filter(|name| name.to_string_lossy().contains("jsonl"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(shows(&harness, "nothing was left"));
}
