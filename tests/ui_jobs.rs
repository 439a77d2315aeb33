//! The job table driven by accessible names: scroll, go to, sort, choose columns, mark, copy, follow
//! a file that changes. What it shows is compared with what SQLite says without jobscope.

#![expect(
    clippy::expect_used,
    reason = "helpers of tests fail like the tests themselves"
)]

mod common;

use std::{
    path::{Path, PathBuf},
    sync::{OnceLock, atomic::AtomicBool},
};

use common::ui::{app, app_of_size, shows, value, wait_until};
use egui::{Key, Modifiers, OutputCommand, accesskit::Role};
use egui_kittest::{Harness, kittest::Queryable as _};
use jobscope::{
    command::Command,
    db::connection::OpenMode,
    demo::{GenerateOptions, generate},
    jobs::sort::Sort,
    state::Phase,
    ui::app::{App, Start},
    units::format_count,
};
use rusqlite::{Connection, OpenFlags};

const NUM_JOBS: u64 = 5_000;

/// A generated database, made once for all tests of this file.
fn database() -> &'static Path {
    static FOLDER: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("job.db");
        let options = GenerateOptions {
            until_unix_secs: 1_773_187_200,
            ..GenerateOptions::new(&path, NUM_JOBS)
        };
        generate(&options, &AtomicBool::new(false), &mut |_| {}).expect("generated");
        (folder, path)
    });
    path
}

/// A copy that a test may change.
fn copy(folder: &tempfile::TempDir) -> PathBuf {
    let path = folder.path().join("copy.db");
    std::fs::copy(database(), &path).expect("a copy");
    path
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn writer(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a writer")
}

fn opened(path: &Path) -> Harness<'static, App> {
    let mut harness = app(Start {
        database: Some((path.to_owned(), OpenMode::ReadOnly)),
        ..Start::default()
    });
    rest(&mut harness);
    harness
}

/// Waits until nothing runs and everything in sight is there.
fn rest(harness: &mut Harness<'_, App>) {
    harness.run_steps(3);
    wait_until(harness, "rest", |h| {
        let state = &h.state().state;
        let list = &state.jobs;
        state.database.is_some()
            && state.tasks.active.is_empty()
            && list.phase == Phase::Loaded
            && !list.is_outdated
            && list.is_numbered()
    });
    harness.run_steps(3);
}

fn press(harness: &mut Harness<'_, App>, name: &str) {
    harness.get_by_role_and_label(Role::Button, name).click();
    harness.run_steps(4);
}

fn tick(harness: &mut Harness<'_, App>, name: &str) {
    let role = Role::CheckBox;
    harness.get_by_role_and_label(role, name).scroll_to_me();
    harness.run_steps(30);
    harness.get_by_role_and_label(role, name).click();
    harness.run_steps(4);
}

fn type_into(harness: &mut Harness<'_, App>, name: &str, text: &str) {
    let role = Role::TextInput;
    harness.get_by_role_and_label(role, name).focus();
    harness.run_steps(2);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.run_steps(2);
    harness.get_by_role_and_label(role, name).type_text(text);
    harness.run_steps(3);
}

/// What a screen reader says of the place: `job 12 of 5 000`.
fn place(harness: &Harness<'_, App>) -> String {
    let table = harness.get_by_role_and_label(Role::Grid, "Job list");
    table.value().expect("the place in words")
}

/// The first row of which something is seen.
fn top(harness: &Harness<'_, App>) -> u64 {
    let place = place(harness);
    let (row, _) = place.split_once(" of ").expect("a row of so many");
    let digits: String = row.chars().filter(char::is_ascii_digit).collect();
    digits.parse::<u64>().expect("a number") - 1
}

fn num_seen(harness: &Harness<'_, App>) -> u64 {
    harness.get_all_by_role(Role::Row).count() as u64
}

/// The database ids and the scheduler's ids of these rows, as SQLite has them.
fn asked(path: &Path, order: &str, (first, number): (u64, u64)) -> Vec<(i64, i64)> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("opened");
    let sql = format!("SELECT id, job_id FROM job ORDER BY {order} LIMIT {number} OFFSET {first}");
    let mut statement = conn.prepare(&sql).expect("prepared");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.expect("asked")
        .collect::<rusqlite::Result<_>>()
        .expect("rows")
}

const NEWEST: &str = "start_time DESC, id DESC";

/// What is on the screen is what SQLite says of these places.
#[track_caller]
fn check(harness: &Harness<'_, App>, path: &Path, order: &str) {
    let (top, number) = (top(harness), num_seen(harness));
    assert!(number > 10, "{number} rows are seen");
    let expected = asked(path, order, (top, number));
    let list = &harness.state().state.jobs;
    let held: Vec<_> = (top..top + number).map(|row| list.id_at(row)).collect();
    let ids: Vec<_> = expected.iter().map(|(id, _)| Some(*id)).collect();
    assert_eq!(held, ids, "rows {top} and {number} more");
    for (_, job_id) in &expected {
        let is_there = harness
            .query_all_by_label(&job_id.to_string())
            .next()
            .is_some();
        assert!(is_there, "job {job_id} is on the screen");
    }
}

#[track_caller]
fn check_newest(harness: &Harness<'_, App>) {
    check(harness, database(), NEWEST);
}

/// The scheduler's id of a row, as its cell is called.
fn name_of(harness: &Harness<'_, App>, row: u64) -> String {
    value(harness, row, "job_id").expect("a row").display()
}

fn click_row(harness: &mut Harness<'_, App>, row: u64, modifiers: Modifiers) {
    let name = name_of(harness, row);
    let cell = harness
        .query_all_by_label(&name)
        .next()
        .expect("on the screen");
    cell.click_modifiers(modifiers);
    harness.run_steps(4);
}

/// What comes into the clipboard after a press of this button.
fn copied_by(harness: &mut Harness<'_, App>, name: &str) -> String {
    harness.get_by_role_and_label(Role::Button, name).click();
    copied(harness)
}

/// What comes into the clipboard.
fn copied(harness: &mut Harness<'_, App>) -> String {
    let in_this_frame = |harness: &Harness<'_, App>| {
        let commands = harness.output().platform_output.commands.iter();
        let mut texts = commands.filter_map(|command| {
            if let OutputCommand::CopyText(text) = command {
                Some(text.clone())
            } else {
                None
            }
        });
        texts.next()
    };
    for _ in 0..500 {
        if let Some(text) = in_this_frame(harness) {
            return text;
        }
        harness.step();
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    in_this_frame(harness).expect("something is copied")
}

#[test]
fn the_wheel_and_the_keys_lead_through_all_jobs() {
    let mut harness = opened(database());
    let of_all = format!("of {}", format_count(NUM_JOBS));
    assert_eq!(place(&harness), format!("job 1 {of_all}"));
    assert!(shows(&harness, &format!("job 1 {of_all}, newest first")));
    check_newest(&harness);

    harness.hover_at(egui::pos2(500.0, 400.0));
    harness.event(egui::Event::MouseWheel {
        unit: egui::MouseWheelUnit::Line,
        delta: egui::vec2(0.0, -60.0),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Unknown,
        modifiers: Modifiers::NONE,
    });
    harness.run_steps(30);
    rest(&mut harness);
    let scrolled = top(&harness);
    assert!(scrolled > 20, "row {scrolled}");
    check_newest(&harness);

    harness.key_press(Key::End);
    rest(&mut harness);
    assert_eq!(top(&harness) + num_seen(&harness), NUM_JOBS);
    assert_eq!(harness.state().state.jobs.current, Some(NUM_JOBS - 1));
    check_newest(&harness);

    harness.key_press(Key::Home);
    rest(&mut harness);
    assert_eq!(top(&harness), 0);
    check_newest(&harness);

    for _ in 0..3 {
        harness.key_press(Key::PageDown);
        rest(&mut harness);
    }
    let current = harness.state().state.jobs.current.expect("a row");
    assert!(current > 2 * (num_seen(&harness) - 3), "row {current}");
    harness.key_press(Key::ArrowDown);
    rest(&mut harness);
    let state = &harness.state().state;
    assert_eq!(state.jobs.current, Some(current + 1));
    let job = state.details.as_ref().map(|details| details.job);
    assert_eq!(job, state.jobs.id_at(current + 1), "the side follows");
    check_newest(&harness);
    harness.key_press(Key::PageUp);
    harness.key_press(Key::ArrowUp);
    rest(&mut harness);
    assert!(harness.state().state.jobs.current < Some(current));
    check_newest(&harness);
}

#[test]
fn the_thumb_leads_anywhere_and_says_where_it_is() {
    let mut harness = opened(database());
    let bar = (Role::ScrollBar, "Scroll job list");
    let track = harness.get_by_role_and_label(bar.0, bar.1).rect();
    let at = |y: f32| egui::pos2(track.center().x, y);
    harness.drag_at(at(track.top() + 4.0));
    harness.run_steps(2);
    harness.hover_at(at(track.center().y));
    harness.run_steps(2);
    let middle = top(&harness);
    assert!((2_000..3_000).contains(&middle), "row {middle}");
    let hint = format!("job {}\n", format_count(middle + 1));
    assert!(shows(&harness, &hint), "the number stands beside the thumb");
    harness.drop_at(at(track.center().y));
    rest(&mut harness);
    assert!(!shows(&harness, &hint), "and goes with it");
    check_newest(&harness);
    for row in [4_000, 123, 3_210] {
        harness
            .get_by_role_and_label(bar.0, bar.1)
            .set_value_accesskit(row as f64);
        rest(&mut harness);
        assert_eq!(top(&harness), row);
        check_newest(&harness);
    }
}

fn go_to(harness: &mut Harness<'_, App>, kind: &str, text: &str) {
    if harness.query_by_label("Place in the list").is_none() {
        press(harness, "Go to");
    }
    harness
        .query_all_by_label(kind)
        .last()
        .expect("a kind of place")
        .click();
    harness.run_steps(3);
    type_into(harness, "Place in the list", text);
    press(harness, "Go");
}

#[test]
fn one_goes_to_a_row_a_time_and_a_job() {
    let mut harness = opened(database());
    for (text, row) in [("2 345", 2_344), ("4,000", 3_999), ("1", 0)] {
        go_to(&mut harness, "Row", text);
        rest(&mut harness);
        assert_eq!(top(&harness), row, "{text}");
        assert_eq!(harness.state().state.jobs.current, Some(row));
        check_newest(&harness);
    }
    let conn = Connection::open_with_flags(database(), OpenFlags::SQLITE_OPEN_READ_ONLY);
    let conn = conn.expect("opened");
    let (start, job_id): (i64, i64) = conn
        .query_row(
            &format!("SELECT start_time, job_id FROM job ORDER BY {NEWEST} LIMIT 1 OFFSET 3000"),
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .expect("asked");
    let newer: i64 = conn
        .query_row(
            "SELECT COUNT(*) FROM job WHERE start_time > ?",
            [start],
            |row| row.get(0),
        )
        .expect("asked");
    go_to(&mut harness, "Time", &start.to_string());
    rest(&mut harness);
    assert_eq!(top(&harness), newer.cast_unsigned());
    check_newest(&harness);
    harness.key_press(Key::Home);
    rest(&mut harness);
    go_to(&mut harness, "Job id", &job_id.to_string());
    rest(&mut harness);
    assert!(shows(&harness, &format!("Job {job_id}")), "at the side");
    let list = &harness.state().state.jobs;
    let row = list.current.expect("a row");
    let found = value(&harness, row, "job_id").and_then(|job| job.as_int());
    assert_eq!(found, Some(job_id));
    check_newest(&harness);
}

#[test]
fn a_place_that_is_none_is_named() {
    let mut harness = opened(database());
    for (kind, text, words) in [
        ("Row", "0", "a number from 1 to 5000"),
        ("Row", "5001", "a number from 1 to 5000"),
        ("Row", "many", "\"many\" is not a valid row"),
        ("Time", "yesterday", "\"yesterday\" is not a valid time"),
        ("Job id", "x7", "\"x7\" is not a valid job id"),
    ] {
        go_to(&mut harness, kind, text);
        assert!(shows(&harness, words), "{kind} {text}");
        assert_eq!(top(&harness), 0, "nothing moves");
    }
    go_to(&mut harness, "Job id", "123456789012");
    rest(&mut harness);
    assert!(shows(&harness, "\"123456789012\" is not a valid job id"));
    assert!(shows(&harness, "a job in this database"), "in words");
    check_newest(&harness);
}

#[test]
fn ctrl_g_opens_the_field_with_the_focus_in_it() {
    let mut harness = opened(database());
    harness.key_press_modifiers(Modifiers::COMMAND, Key::G);
    harness.run_steps(4);
    let field = harness.get_by_role_and_label(Role::TextInput, "Place in the list");
    assert!(field.is_focused());
    field.type_text("777");
    harness.run_steps(2);
    harness.key_press(Key::Enter);
    rest(&mut harness);
    assert_eq!(top(&harness), 776);
    check_newest(&harness);
}

/// A database in which no index has an order by project, and in which each job seems to take so much
/// that sorting takes long.
fn dear(folder: &tempfile::TempDir) -> PathBuf {
    let path = copy(folder);
    let conn = writer(&path);
    let indexes: Vec<String> = conn
        .prepare("SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '%project%'")
        .expect("prepared")
        .query_map([], |row| row.get(0))
        .expect("asked")
        .collect::<rusqlite::Result<_>>()
        .expect("names");
    for index in indexes {
        conn.execute_batch(&format!("DROP INDEX {index}"))
            .expect("dropped");
    }
    conn.execute_batch(
        "ANALYZE; DELETE FROM sqlite_stat1 WHERE tbl = 'job';
         INSERT INTO sqlite_stat1 VALUES ('job', 'none', '10 1');",
    )
    .expect("statistics");
    path
}

#[test]
fn a_dear_order_is_offered_and_refused_or_made() {
    let folder = folder();
    let path = dear(&folder);
    let mut harness = opened(&path);
    press(&mut harness, "Sort jobs by project");
    assert!(shows(&harness, "No index has the jobs by project, Z to A"));
    assert!(shows(&harness, "reads the whole table: about"));
    check(&harness, &path, NEWEST);
    press(&mut harness, "Keep newest first");
    assert!(!shows(&harness, "No index has"));
    rest(&mut harness);
    check(&harness, &path, NEWEST);
    press(&mut harness, "Sort jobs by project");
    press(&mut harness, "Sort");
    wait_until(&mut harness, "the order", |h| {
        h.state().state.jobs.rows_sort.to_string() == "project:desc"
    });
    rest(&mut harness);
    let order = "project DESC, id DESC";
    check(&harness, &path, order);
    harness.key_press(Key::End);
    rest(&mut harness);
    check(&harness, &path, order);
    go_to(&mut harness, "Row", "2000");
    rest(&mut harness);
    check(&harness, &path, order);
    let job_id = asked(&path, order, (3_333, 1))[0].1;
    go_to(&mut harness, "Job id", &job_id.to_string());
    rest(&mut harness);
    let row = harness.state().state.jobs.current.expect("a row");
    let found = value(&harness, row, "job_id").and_then(|job| job.as_int());
    assert_eq!(found, Some(job_id));
}

#[test]
fn an_order_with_an_index_is_there_at_once() {
    let mut harness = opened(database());
    press(&mut harness, "Sort jobs by duration");
    rest(&mut harness);
    assert!(shows(&harness, "by duration, largest first"));
    check(&harness, database(), "duration DESC, id DESC");
    harness.key_press(Key::End);
    rest(&mut harness);
    check(&harness, database(), "duration DESC, id DESC");
    press(&mut harness, "Sort jobs by duration");
    rest(&mut harness);
    assert_eq!(top(&harness), 0, "a new order begins at its first job");
    check(&harness, database(), "duration ASC, id ASC");
}

#[test]
fn a_heading_says_what_sorting_by_it_costs() {
    let folder = folder();
    let path = dear(&folder);
    let mut harness = opened(&path);
    for (heading, words) in [
        ("start", "Sorting by it is free: an index has this order"),
        ("project", "of the table and sorts ~5\u{2009}000 keys"),
    ] {
        let name = format!("Sort jobs by {heading}");
        harness.get_by_role_and_label(Role::Button, &name).hover();
        wait_until(&mut harness, "the tooltip", |h| shows(h, words));
        assert!(shows(&harness, "Query plan:"), "{heading}");
        harness.hover_at(egui::pos2(500.0, 500.0));
        harness.run_steps(4);
    }
}

fn columns(harness: &Harness<'_, App>) -> Vec<String> {
    let columns = harness.state().state.columns.iter();
    columns.map(|layout| layout.column.to_string()).collect()
}

#[test]
fn columns_are_chosen_from_a_menu() {
    let mut harness = opened(database());
    let usual = columns(&harness);
    press(&mut harness, "Columns");
    tick(&mut harness, "hpc_user");
    tick(&mut harness, "project");
    tick(&mut harness, "walltime");
    type_into(&mut harness, "Name of a column", "meta_data.jobName");
    press(&mut harness, "Add column");
    rest(&mut harness);
    let chosen = columns(&harness);
    assert!(!chosen.contains(&"hpc_user".to_owned()));
    assert!(!chosen.contains(&"project".to_owned()));
    assert_eq!(chosen[usual.len() - 2..], ["walltime", "meta_data.jobName"]);
    type_into(&mut harness, "Name of a column", "shoe_size");
    press(&mut harness, "Add column");
    assert!(shows(&harness, "\"shoe_size\" is not a valid column"));
    harness.key_press(Key::Escape);
    rest(&mut harness);
    assert!(harness.query_by_label("Sort jobs by user").is_none());
    check_newest(&harness);
    let name = value(&harness, 0, "meta_data.jobName").expect("a row");
    let expected: Option<String> = writer(database())
        .query_row(
            &format!("SELECT json_extract(CAST(meta_data AS TEXT), '$.jobName') FROM job ORDER BY {NEWEST} LIMIT 1"),
            [],
            |row| row.get(0),
        )
        .expect("asked");
    assert_eq!(name.as_text(), expected.as_deref());
    press(&mut harness, "Columns");
    press(&mut harness, "Show the usual columns");
    rest(&mut harness);
    assert_eq!(columns(&harness), usual);
}

fn heading_menu(harness: &mut Harness<'_, App>, heading: &str, item: &str) {
    let name = format!("Sort jobs by {heading}");
    let heading = harness.get_by_role_and_label(Role::Button, &name);
    heading.click_secondary();
    harness.run_steps(4);
    press(harness, item);
}

#[test]
fn a_heading_is_moved_pinned_and_hidden_and_that_is_kept_for_its_database() {
    let folder = folder();
    let start = Start {
        settings_path: Some(folder.path().join("settings.toml")),
        database: Some((copy(&folder), OpenMode::ReadOnly)),
        ..Start::default()
    };
    let mut harness = app(start.clone());
    rest(&mut harness);
    let usual = columns(&harness);
    assert_eq!(usual[..3], ["job_id", "hpc_user", "project"]);
    heading_menu(&mut harness, "user", "Move right");
    heading_menu(&mut harness, "cluster", "Hide column");
    heading_menu(&mut harness, "start", "Pin column");
    let chosen = columns(&harness);
    assert_eq!(chosen[..3], ["job_id", "project", "hpc_user"]);
    assert!(!chosen.contains(&"cluster".to_owned()));
    let left = |h: &Harness<'_, App>, name: &str| {
        let heading = h.get_by_role_and_label(Role::Button, name);
        heading.rect().left()
    };
    assert!(left(&harness, "Sort jobs by start") < left(&harness, "Sort jobs by job id"));
    let path = start.settings_path.clone().expect("set above");
    wait_until(&mut harness, "the settings on disk", |_| {
        std::fs::read_to_string(&path).is_ok_and(|text| text.contains("pinned = true"))
    });
    drop(harness);
    let mut harness = app(start.clone());
    rest(&mut harness);
    assert_eq!(columns(&harness), chosen, "the same after a restart");
    assert!(left(&harness, "Sort jobs by start") < left(&harness, "Sort jobs by job id"));
    harness.state_mut().send(Command::Open {
        path: database().to_owned(),
        mode: OpenMode::ReadOnly,
    });
    wait_until(&mut harness, "the other database", |h| {
        let open = h.state().state.database.as_ref();
        open.is_some_and(|open| open.facts.path == database())
    });
    rest(&mut harness);
    assert_eq!(columns(&harness), usual, "another database has its own");
}

#[test]
fn rows_are_marked_with_clicks_and_keys() {
    let mut harness = opened(database());
    let marks = |h: &Harness<'_, App>| -> Vec<(u64, u64)> {
        let ranges = h.state().state.jobs.marks.ranges();
        ranges.iter().map(|rows| (rows.start, rows.end)).collect()
    };
    click_row(&mut harness, 2, Modifiers::NONE);
    assert_eq!(marks(&harness), [(2, 3)]);
    let shown = |h: &Harness<'_, App>| h.state().state.details.as_ref().map(|d| d.job);
    assert_eq!(shown(&harness), harness.state().state.jobs.id_at(2));
    rest(&mut harness);
    click_row(&mut harness, 5, Modifiers::COMMAND);
    assert_eq!(marks(&harness), [(2, 3), (5, 6)]);
    click_row(&mut harness, 2, Modifiers::COMMAND);
    assert_eq!(marks(&harness), [(5, 6)], "again: no longer");
    click_row(&mut harness, 5, Modifiers::NONE);
    click_row(&mut harness, 9, Modifiers::SHIFT);
    assert_eq!(marks(&harness), [(5, 10)]);
    assert!(harness.query_by_label("Marked jobs").is_some(), "the foot");
    harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowDown);
    harness.run_steps(3);
    assert_eq!(marks(&harness), [(5, 11)]);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.run_steps(3);
    assert_eq!(marks(&harness), [(0, NUM_JOBS)]);
}

#[test]
fn marked_jobs_are_copied_as_text_csv_and_json() {
    let mut harness = opened(database());
    let expected = asked(database(), NEWEST, (0, 8));
    let job_ids: Vec<String> = expected
        .iter()
        .map(|(_, job_id)| job_id.to_string())
        .collect();
    click_row(&mut harness, 1, Modifiers::COMMAND);
    click_row(&mut harness, 3, Modifiers::SHIFT);
    click_row(&mut harness, 6, Modifiers::COMMAND);
    let wanted = [1, 2, 3, 6].map(|row: usize| job_ids[row].clone());

    harness.event(egui::Event::Copy);
    let text = copied(&mut harness);
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("job_id\thpc_user\tproject\t"),
        "{text}"
    );
    let first: Vec<_> = lines[1..]
        .iter()
        .filter_map(|line| line.split('\t').next())
        .collect();
    assert_eq!(first, wanted);

    let name = name_of(&harness, 3);
    let cell = harness.query_all_by_label(&name).next().expect("a row");
    cell.click_secondary();
    harness.run_steps(4);
    let text = copied_by(&mut harness, "Copy as CSV");
    assert!(text.starts_with("job_id,hpc_user,project,"), "{text}");
    assert_eq!(text.matches("\r\n").count(), 5);

    rest(&mut harness);
    press(&mut harness, "Marked jobs");
    let text = copied_by(&mut harness, "Copy as JSON");
    let jobs: Vec<serde_json::Value> = serde_json::from_str(&text).expect("a list of jobs");
    let found: Vec<String> = jobs.iter().map(|job| job["job_id"].to_string()).collect();
    assert_eq!(found, wanted);
}

#[test]
fn a_row_that_is_not_marked_is_copied_by_its_own_menu() {
    let mut harness = opened(database());
    click_row(&mut harness, 1, Modifiers::COMMAND);
    let name = name_of(&harness, 7);
    let cell = harness.query_all_by_label(&name).next().expect("a row");
    cell.click_secondary();
    harness.run_steps(4);
    let text = copied_by(&mut harness, "Copy as text");
    assert_eq!(text.lines().count(), 2, "the heading and one job: {text}");
    assert!(
        text.lines()
            .nth(1)
            .is_some_and(|line| line.starts_with(&name))
    );
}

#[test]
fn next_and_previous_job_stay_in_step_with_the_table() {
    let mut harness = opened(database());
    click_row(&mut harness, 3, Modifiers::NONE);
    rest(&mut harness);
    for row in [4, 5, 6] {
        press(&mut harness, "Next job");
        rest(&mut harness);
        assert_eq!(harness.state().state.jobs.current, Some(row));
        let job_id = name_of(&harness, row);
        assert!(shows(&harness, &format!("Job {job_id}")));
    }
    press(&mut harness, "Previous job");
    rest(&mut harness);
    let job_id = name_of(&harness, 5);
    assert!(shows(&harness, &format!("Job {job_id}")));
    harness.key_press(Key::End);
    rest(&mut harness);
    let last = asked(database(), NEWEST, (NUM_JOBS - 1, 1))[0].1;
    assert!(shows(&harness, &format!("Job {last}")));
}

/// Jobs that started just now, as cc-backend would write them.
fn insert(path: &Path, number: i64) {
    let conn = writer(path);
    conn.execute_batch(
        "CREATE TEMP TABLE fresh AS SELECT * FROM job ORDER BY start_time DESC LIMIT 1",
    )
    .expect("a pattern");
    for nth in 0..number {
        conn.execute(
            "UPDATE fresh SET id = NULL, job_id = 900000000 + ?1, start_time = 1800000000 + ?1",
            [nth],
        )
        .expect("changed");
        conn.execute_batch("INSERT INTO job SELECT * FROM fresh")
            .expect("inserted");
    }
}

#[test]
fn newer_jobs_are_offered_and_what_is_in_sight_stays() {
    let folder = folder();
    let path = copy(&folder);
    let mut harness = opened(&path);
    let sight = |h: &Harness<'_, App>| -> Vec<_> {
        let (top, list) = (top(h), &h.state().state.jobs);
        (top..top + num_seen(h) - 2)
            .map(|row| list.id_at(row))
            .collect()
    };
    go_to(&mut harness, "Row", "2000");
    rest(&mut harness);
    let before = sight(&harness);
    insert(&path, 3);
    wait_until(&mut harness, "the offer", |h| shows(h, "3 newer jobs"));
    harness.run_steps(5);
    let after = sight(&harness);
    assert_eq!(after[..], before[..after.len()], "the rows stay");
    assert!(place(&harness).starts_with("job ~2"), "{}", place(&harness));
    insert_one_more(&path);
    wait_until(&mut harness, "one more", |h| shows(h, "4 newer jobs"));
    press(&mut harness, "Show them");
    rest(&mut harness);
    assert!(!shows(&harness, "newer jobs"));
    assert_eq!(harness.state().state.jobs.num_rows(), NUM_JOBS + 4);
    assert_eq!(top(&harness), 0);
    assert!(shows(&harness, "900000002"));
    check(&harness, &path, NEWEST);
}

fn insert_one_more(path: &Path) {
    writer(path)
        .execute_batch(
            "CREATE TEMP TABLE fresh AS SELECT * FROM job ORDER BY start_time DESC LIMIT 1;
             UPDATE fresh SET id = NULL, job_id = 900000100, start_time = 1700000000;
             INSERT INTO job SELECT * FROM fresh;",
        )
        .expect("inserted");
}

#[test]
fn a_change_without_newer_jobs_says_so() {
    let folder = folder();
    let path = copy(&folder);
    let mut harness = opened(&path);
    let conn = writer(&path);
    conn.execute_batch("UPDATE job SET duration = duration + 1")
        .expect("changed");
    wait_until(&mut harness, "the news", |h| {
        shows(h, "The file has changed since these rows were read")
    });
    press(&mut harness, "Show them");
    rest(&mut harness);
    assert!(!shows(&harness, "The file has changed"));
    check(&harness, &path, NEWEST);
}

#[test]
fn a_file_that_was_replaced_is_opened_again() {
    let folder = folder();
    let path = copy(&folder);
    let mut harness = opened(&path);
    let other = folder.path().join("other.db");
    std::fs::copy(database(), &other).expect("a copy");
    writer(&other)
        .execute_batch("DELETE FROM jobtag; DELETE FROM job WHERE id % 2 = 0")
        .expect("other jobs");
    std::fs::rename(&other, &path).expect("replaced");
    wait_until(&mut harness, "the report", |h| {
        shows(h, "Another file has taken the place of the open database")
    });
    harness.key_press(Key::End);
    harness.run_steps(20);
    press(&mut harness, "Open again");
    wait_until(&mut harness, "the new file", |h| {
        let list = &h.state().state.jobs;
        list.count.is_some_and(|count| count < NUM_JOBS)
    });
    rest(&mut harness);
    assert!(!shows(&harness, "Another file"));
    check(&harness, &path, NEWEST);
}

#[test]
fn a_file_that_is_gone_is_reported_and_stays_readable() {
    let folder = folder();
    let path = copy(&folder);
    let mut harness = opened(&path);
    std::fs::remove_file(&path).expect("deleted");
    wait_until(&mut harness, "the report", |h| {
        shows(h, "The open database is no longer in its place")
    });
    assert!(harness.query_by_label("Open again").is_none());
    check_newest(&harness);
}

#[test]
fn a_file_that_was_cut_off_is_reported_and_nothing_crashes() {
    let folder = folder();
    let path = copy(&folder);
    let mut harness = opened(&path);
    let file = std::fs::File::options().write(true).open(&path);
    let file = file.expect("opened");
    let length = file.metadata().expect("its length").len();
    file.set_len(length / 2).expect("cut off");
    wait_until(&mut harness, "the report", |h| {
        shows(h, "The open database was cut off")
    });
    harness.key_press(Key::End);
    harness.run_steps(30);
    assert!(
        harness.query_by_label("Job list").is_some(),
        "the table is still there"
    );
    std::fs::copy(database(), &path).expect("restored");
    harness.state_mut().send(Command::Open {
        path: path.clone(),
        mode: OpenMode::ReadOnly,
    });
    wait_until(&mut harness, "the restored file", |h| {
        h.state().state.notice.is_none() && h.state().state.opening.is_none()
    });
    rest(&mut harness);
    check_newest(&harness);
}

#[test]
fn another_window_size_shows_other_rows_and_the_same_place() {
    let mut harness = app_of_size(
        Start {
            database: Some((database().to_owned(), OpenMode::ReadOnly)),
            ..Start::default()
        },
        [1440.0, 900.0],
    );
    rest(&mut harness);
    go_to(&mut harness, "Row", "1000");
    rest(&mut harness);
    let seen = num_seen(&harness);
    harness.set_size(egui::vec2(1440.0, 1200.0));
    rest(&mut harness);
    assert!(num_seen(&harness) > seen);
    assert_eq!(top(&harness), 999);
    check_newest(&harness);
    assert_eq!(harness.state().state.jobs.sort, Sort::default());
}
