//! The memory chart driven by accessible names: what it says, its legend, selected ranges.

mod common;

use common::ui::{app, endless_database, shows, small_database, wait_until};
use egui::{Key, Modifiers, accesskit::Role};
use egui_kittest::{
    Harness, Node,
    kittest::{NodeT as _, Queryable as _},
};
use jobscope::{
    command::{Command, View},
    db::connection::OpenMode,
    memory::quantity::Quantity,
    ui::app::{App, Start},
};

fn opened(path: &std::path::Path, view: View) -> Harness<'static, App> {
    let mut harness = app(Start {
        database: Some((path.to_owned(), OpenMode::ReadOnly)),
        ..Start::default()
    });
    harness.state_mut().send(Command::ShowView(view));
    wait_until(&mut harness, "the database", |h| {
        h.state().state.database.is_some()
    });
    wait_until(&mut harness, "samples", |h| {
        h.state().state.live.series.points().len() > 12
    });
    harness
}

fn chart<'tree>(harness: &'tree Harness<'_, App>) -> Node<'tree> {
    harness.get_by_role(Role::Figure)
}

fn is_checked(harness: &Harness<'_, App>, name: &str) -> bool {
    let row = harness.get_by_role_and_label(Role::CheckBox, name);
    row.accesskit_node().toggled() == Some(egui::accesskit::Toggled::True)
}

#[test]
fn a_screen_reader_hears_what_the_chart_shows() {
    let mut harness = opened(small_database(), View::Memory);
    wait_until(&mut harness, "the sentence", |h| {
        let label = chart(h).accesskit_node().label().unwrap_or_default();
        label.contains("tasks ran")
    });
    let label = chart(&harness).accesskit_node().label().expect("a name");
    assert!(
        label.starts_with("Memory over the last 1:00 min: RSS "),
        "{label}"
    );
    assert!(label.contains(" now, at most "), "{label}");
    assert!(label.contains("; SQLite heap "), "{label}");
    assert!(label.contains(" mark"), "{label}");
}

#[test]
fn a_curve_is_hidden_and_shown_by_its_row_of_the_legend() {
    let mut harness = opened(small_database(), View::Memory);
    assert!(is_checked(&harness, "Rows held"));
    assert!(!is_checked(&harness, "Machine available"));
    harness
        .get_by_role_and_label(Role::CheckBox, "Rows held")
        .click();
    harness.run_steps(3);
    assert!(!is_checked(&harness, "Rows held"));
    let shown = &harness.state().state.settings.quantities;
    assert!(!shown.contains(&Quantity::RowsHeld), "{shown:?}");
    // With the keyboard, too.
    harness
        .get_by_role_and_label(Role::CheckBox, "Machine available")
        .focus();
    harness.run_steps(2);
    harness.key_press(Key::Space);
    harness.run_steps(3);
    assert!(is_checked(&harness, "Machine available"));
    let label = chart(&harness).accesskit_node().label().expect("a name");
    assert!(label.contains("Machine available "), "{label}");
    assert!(
        harness
            .query_by_role_and_label(Role::CheckBox, "Watched process, RSS")
            .is_none(),
        "nothing is watched"
    );
}

#[test]
fn the_strip_offers_all_series_in_a_menu() {
    let mut harness = opened(small_database(), View::Jobs);
    assert!(
        harness
            .query_by_role_and_label(Role::CheckBox, "Machine available")
            .is_none(),
        "there is room for the chosen ones only"
    );
    harness.get_by_label("Series").click();
    harness.run_steps(3);
    harness
        .get_by_role_and_label(Role::CheckBox, "Machine available")
        .click();
    harness.run_steps(3);
    let shown = &harness.state().state.settings.quantities;
    assert!(shown.contains(&Quantity::Available), "{shown:?}");
    harness.get_by_label("Show the usual series").click();
    harness.run_steps(3);
    assert_eq!(harness.state().state.settings.quantities, Quantity::DEFAULT);
}

#[test]
fn arrow_keys_select_a_range_and_escape_clears_it_without_stopping_anything() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut harness = opened(&endless_database(folder.path()), View::Memory);
    harness
        .state_mut()
        .send(Command::ShowView(View::Statistics));
    wait_until(&mut harness, "a task that runs", |h| {
        h.state().state.can_stop()
    });
    harness.state_mut().send(Command::ShowView(View::Memory));
    harness.run_steps(3);
    chart(&harness).focus();
    harness.run_steps(2);
    harness.key_press(Key::ArrowLeft);
    harness.run_steps(3);
    assert!(shows(&harness, "Selected range"));
    assert!(shows(&harness, "6.0 s"), "six columns of a second");
    harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowLeft);
    harness.run_steps(3);
    assert!(shows(&harness, "5.0 s"), "one less");
    harness.get_by_label("Compare with another range").click();
    harness.run_steps(3);
    chart(&harness).focus();
    harness.run_steps(2);
    harness.key_press(Key::ArrowLeft);
    harness.run_steps(3);
    assert!(shows(&harness, "Two ranges"));
    assert!(shows(&harness, "B − A"));
    harness.key_press(Key::Escape);
    harness.run_steps(3);
    assert!(!shows(&harness, "Two ranges"), "cleared");
    assert!(harness.state().state.can_stop(), "the task goes on");
    harness.key_press(Key::Escape);
    wait_until(&mut harness, "nothing that runs", |h| {
        !h.state().state.can_stop()
    });
}

#[test]
fn dragging_selects_and_the_summary_can_be_copied() {
    let mut harness = opened(small_database(), View::Memory);
    let rect = chart(&harness).rect();
    let at = |share: f32| egui::pos2(rect.left() + rect.width() * share, rect.center().y);
    harness
        .get_by_role_and_label(Role::Button, "Select")
        .click();
    harness.run_steps(2);
    harness.drag_at(at(0.6));
    harness.run_steps(2);
    harness.hover_at(at(0.8));
    harness.run_steps(2);
    assert!(
        !shows(&harness, "Selected range"),
        "nothing moves under the pointer"
    );
    harness.drop_at(at(0.99));
    harness.run_steps(3);
    assert!(shows(&harness, "Selected range"));
    assert!(shows(&harness, "Tasks"));
    harness.get_by_label("Copy the summary").click();
    harness.step();
    let commands = &harness.output().platform_output.commands;
    let copied = commands.iter().find_map(|command| match command {
        egui::OutputCommand::CopyText(text) => Some(text.clone()),
        egui::OutputCommand::CopyImage(_)
        | egui::OutputCommand::OpenUrl(_)
        | egui::OutputCommand::TextSelectionSettled(_) => None,
    });
    let copied = copied.expect("copied");
    assert!(copied.starts_with("A: "), "{copied}");
    assert!(copied.contains("\nRSS: peak "), "{copied}");
    harness.get_by_label("Clear the selection").click();
    harness.run_steps(3);
    assert!(!shows(&harness, "Selected range"));
}
