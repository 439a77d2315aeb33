//! The memory instrument driven by accessible names: recordings, a watched process, the guard, budgets.
//! What the ladder returns is in `ui_ladder.rs`.

mod common;

use std::process::{Child, Command as Process};

use common::ui::{endless_database, memory_view, shows, small_database, wait_until};
use egui::accesskit::Role;
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use jobscope::{
    command::{Command, View},
    db::profile::MemoryProfile,
    engine::receipt::Outcome,
    memory::{recording::Recording, sample::ConnectionState},
    state::instrument::recordings::Shown,
    ui::app::App,
    units::Bytes,
};

#[test]
fn a_busy_connection_is_named_and_its_task_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut harness = memory_view(&endless_database(folder.path()), Vec::new());
    wait_until(&mut harness, "a running task", |h| {
        let connections = &h.state().state.live.latest.connections;
        connections
            .iter()
            .any(|connection| connection.state == ConnectionState::Busy)
    });
    harness
        .get_by_role_and_label(Role::Button, "Give back")
        .click();
    harness.run_steps(2);
    harness.get_by_label("Give everything back").click();
    wait_until(&mut harness, "the trouble", |h| shows(h, "busy"));
    wait_until(&mut harness, "the end of the ladder", |h| {
        let giving_back = &h.state().state.instrument.giving_back;
        giving_back.running.is_empty() && giving_back.last.is_some()
    });
    let state = &harness.state().state;
    assert!(!state.tasks.active.is_empty(), "it runs on");
    harness.state_mut().send(Command::CancelAll);
    wait_until(&mut harness, "the stop", |h| {
        h.state().state.tasks.active.is_empty()
    });
}

#[test]
fn the_window_records_and_shows_what_it_recorded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.jsonl");
    let mut harness = memory_view(small_database(), Vec::new());
    harness.get_by_label("Record").click();
    harness.run_steps(3);
    let field = harness.get_by_role_and_label(Role::TextInput, "Record to");
    field.focus();
    harness.run_steps(1);
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    harness.key_press(egui::Key::Delete);
    harness.run_steps(2);
    let is_disabled = |harness: &Harness<'_, App>| {
        let start = harness.get_by_role_and_label(Role::Button, "Start recording");
        start.accesskit_node().is_disabled()
    };
    assert!(is_disabled(&harness), "the field can be emptied");
    harness
        .get_by_role_and_label(Role::TextInput, "Record to")
        .type_text(&path.display().to_string());
    harness.run_steps(2);
    assert!(!is_disabled(&harness));
    harness.get_by_label("Start recording").click();
    wait_until(&mut harness, "the recording", |h| {
        let running = &h.state().state.instrument.recordings.running;
        running.as_ref().is_some_and(|running| running.is_begun)
    });
    harness
        .state_mut()
        .send(Command::ShowView(View::Statistics));
    wait_until(&mut harness, "some tasks", |h| {
        let state = &h.state().state;
        state.tasks.active.is_empty() && state.tasks.history.len() > 8
    });
    harness.state_mut().send(Command::ShowView(View::Memory));
    wait_until(&mut harness, "the button", |h| {
        h.query_by_label("Stop recording").is_some()
    });
    harness.get_by_label("Stop recording").click();
    wait_until(&mut harness, "what became of it", |h| {
        shows(h, "run.jsonl recorded:")
    });
    let recording = Recording::read(&path).expect("read");
    assert!(!recording.is_cut);
    assert!(!recording.receipts.is_empty(), "its tasks are in it");
    harness.get_by_label("Look at it").click();
    wait_until(&mut harness, "the recording as a view", |h| {
        h.state().state.instrument.recordings.shown == Shown::One(0)
    });
    wait_until(&mut harness, "its facts", |h| shows(h, "What was recorded"));
    harness.get_by_label("Close recording").click();
    wait_until(&mut harness, "the live view", |h| {
        h.state().state.instrument.recordings.open.is_empty()
    });
}

#[test]
fn a_file_that_is_no_recording_is_reported_and_nothing_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notes.jsonl");
    std::fs::write(&path, "{\"format\":\"shopping list\",\"version\":1}\n").expect("written");
    let mut harness = memory_view(small_database(), vec![path]);
    wait_until(&mut harness, "the report", |h| shows(h, "it calls itself"));
    let state = &harness.state().state;
    assert!(state.database.is_some(), "the database is still open");
    assert_eq!(state.instrument.recordings.shown, Shown::Live);
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn another_process_is_watched_until_it_ends() {
    let mut harness = memory_view(small_database(), Vec::new());
    let mut child = Running(Process::new("sleep").arg("600").spawn().expect("sleep"));
    let pid = child.0.id();
    harness
        .state_mut()
        .send(Command::WatchProcess(Some(pid.to_string())));
    wait_until(&mut harness, "its memory", |h| {
        let other = &h.state().state.live.latest.other;
        other.as_ref().is_some_and(|other| other.rss.is_some())
    });
    wait_until(&mut harness, "the button", |h| {
        shows(h, &format!("Watching pid {pid}"))
    });
    child.0.kill().expect("killed");
    child.0.wait().expect("gone");
    wait_until(&mut harness, "the mark", |h| {
        let markers = &h.state().state.live.timeline.markers;
        markers.iter().any(|mark| mark.text.contains("ended"))
    });
    // Its curve is still in sight, and so is the name of it, without a value.
    let legend = |harness: &Harness<'_, App>| {
        let row = harness.get_by_role_and_label(Role::CheckBox, "Watched process, RSS");
        row.value()
    };
    wait_until(&mut harness, "no value", |h| {
        legend(h) == Some("–".to_owned())
    });
    let nobody = Command::WatchProcess(Some("no-such-program".to_owned()));
    harness.state_mut().send(nobody);
    wait_until(&mut harness, "the sentence", |h| {
        h.state().state.instrument.watch_trouble.is_some()
    });
    // The one before is still watched.
    harness
        .get_by_label_contains(&format!("pid {pid} has ended"))
        .click();
    wait_until(&mut harness, "the report", |h| shows(h, "no-such-program"));
}

#[test]
fn a_budget_stops_a_query_and_a_larger_one_lets_it_go_on() {
    let mut harness = memory_view(small_database(), Vec::new());
    let tight = MemoryProfile {
        row_budget: Some(20),
        ..MemoryProfile::jobscope()
    };
    harness.state_mut().send(Command::SetProfile(tight));
    harness.state_mut().send(Command::ShowView(View::Jobs));
    harness.state_mut().send(Command::Reload);
    wait_until(&mut harness, "the offer", |h| shows(h, "was stopped:"));
    assert!(shows(&harness, "20 rows were allowed"));
    let stopped = |h: &Harness<'_, App>| {
        let history = &h.state().state.tasks.history;
        let over = |outcome| outcome == Outcome::OverBudget;
        history
            .iter()
            .filter(|task| over(task.receipt.outcome))
            .count()
    };
    assert!(stopped(&harness) > 0, "the outcome says so");
    // Doubled until the first rows of the list fit.
    for _ in 0..8 {
        wait_until(&mut harness, "an answer", |h| {
            let state = &h.state().state;
            state.tasks.active.is_empty()
        });
        if harness.state().state.instrument.over_budget.is_none() {
            break;
        }
        harness.get_by_label_contains("Go on with").click();
        harness.run_steps(2);
    }
    let state = &harness.state().state;
    assert_eq!(state.instrument.over_budget, None, "it went on");
    assert!(state.jobs.rows.len() > 20, "{} rows", state.jobs.rows.len());
}

/// Puts a text into a field in place of what is there.
fn type_over(harness: &mut Harness<'_, App>, label: &str, text: &str) {
    harness
        .get_by_role_and_label(Role::TextInput, label)
        .focus();
    harness.run_steps(1);
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    harness
        .get_by_role_and_label(Role::TextInput, label)
        .type_text(text);
    harness.run_steps(2);
}

#[test]
fn what_is_shown_is_saved_without_a_dialog_and_replaces_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("memory.csv");
    let mut harness = memory_view(small_database(), Vec::new());
    let save = |harness: &mut Harness<'_, App>| {
        harness.get_by_label("Export").click();
        harness.run_steps(3);
        harness.get_by_label("Samples as CSV").click();
        harness.run_steps(2);
        type_over(harness, "Save to", &path.display().to_string());
        harness.key_press(egui::Key::Enter);
        harness.run_steps(2);
    };
    assert!(!shows(&harness, "record first"), "the menu is closed");
    save(&mut harness);
    wait_until(&mut harness, "the file", |h| shows(h, "Saved as"));
    let text = std::fs::read_to_string(&path).expect("the file");
    assert!(text.starts_with("from_secs,to_secs,"), "{text}");
    assert!(text.lines().count() > 2, "{text}");
    harness.get_by_label("Dismiss the note").click();
    wait_until(&mut harness, "no note", |h| !shows(h, "Saved as"));
    save(&mut harness);
    wait_until(&mut harness, "the refusal", |h| {
        shows(h, "a file that is not there yet")
    });
    let now = std::fs::read_to_string(&path).expect("the file");
    assert_eq!(now, text, "nothing is lost");
}

#[test]
fn the_guard_is_set_and_survives_in_the_settings() {
    let mut harness = memory_view(small_database(), Vec::new());
    assert!(shows(&harness, "Guard 512 MiB"), "on by default");
    harness.get_by_label("Guard 512 MiB").click();
    harness.run_steps(3);
    let label = "Memory to keep free";
    harness
        .get_by_role_and_label(Role::TextInput, label)
        .focus();
    harness.run_steps(1);
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    harness
        .get_by_role_and_label(Role::TextInput, label)
        .type_text("2 parsecs");
    harness.run_steps(2);
    assert!(
        shows(&harness, "2 parsecs"),
        "what cannot be understood stays"
    );
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    harness
        .get_by_role_and_label(Role::TextInput, label)
        .type_text("1 GiB");
    harness.run_steps(2);
    harness.key_press(egui::Key::Enter);
    wait_until(&mut harness, "the setting", |h| {
        h.state().state.settings.guard == Some(Bytes::gib(1))
    });
}

#[test]
fn a_connection_that_closes_leaves_its_row_in_the_table() {
    let mut harness = memory_view(small_database(), Vec::new());
    assert!(shows(&harness, "idle"), "connections are open");
    harness.state_mut().send(Command::GiveBack(vec![
        jobscope::engine::give_back::Rung::CloseIdle,
    ]));
    wait_until(&mut harness, "closed rows", |h| {
        shows(h, "closed") && !shows(h, "idle · ")
    });
    // The profile changes ten times while nothing is open and while it opens again.
    for step in 0..10 {
        let mut profile = MemoryProfile::jobscope();
        profile.connections = 1 + step % 4;
        harness.state_mut().send(Command::SetProfile(profile));
        harness.state_mut().send(Command::Reload);
        harness.run_steps(1);
    }
    wait_until(&mut harness, "quiet", |h| {
        h.state().state.tasks.active.is_empty()
    });
}
