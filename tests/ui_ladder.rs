//! What the give-back ladder returns, driven by accessible names.
//!
//! The one test of its process: `SQLite`'s heap belongs to the process, so what another test reads
//! meanwhile would count against what a rung returned.

#![expect(
    clippy::expect_used,
    reason = "helpers of tests fail like the tests themselves"
)]

mod common;

use common::ui::{memory_view, shows, small_database, wait_until};
use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable as _};
use jobscope::{
    command::{Command, View},
    db::profile::MemoryProfile,
    memory::sample::ConnectionState,
    state::Phase,
    ui::app::App,
    units::Bytes,
};

/// Keeps what queries leave in the page caches.
fn keep_everything(harness: &mut Harness<'_, App>) {
    let profile = MemoryProfile::find("cc-backend 1.5").expect("built in");
    harness.state_mut().send(Command::SetProfile(profile));
    harness.state_mut().send(Command::Reload);
    harness.run_steps(2);
    harness
        .state_mut()
        .send(Command::ShowView(View::Statistics));
    wait_until(harness, "some page cache", |h| {
        let state = &h.state().state;
        let readings = state.live.latest.connections.iter();
        let mut busy = readings.filter(|reading| reading.state == ConnectionState::Busy);
        // All parts have come, and the newest sample is from after that.
        state.statistics.num_loading() == 0
            && state.statistics.phase() == Phase::Loaded
            && state.tasks.active.is_empty()
            && busy.next().is_none()
            && state.live.latest.caches() > Bytes::kib(400)
    });
    harness.state_mut().send(Command::ShowView(View::Memory));
    wait_until(harness, "the view", |h| shows(h, "Live"));
}

#[test]
fn the_ladder_says_what_each_rung_returned() {
    let mut harness = memory_view(small_database(), Vec::new());
    keep_everything(&mut harness);
    harness
        .get_by_role_and_label(Role::Button, "Give back")
        .click();
    wait_until(&mut harness, "the ladder", |h| {
        shows(h, "Release page caches")
    });
    assert!(shows(&harness, "A cold cache"), "its cost is said before");
    let before = harness.state().state.live.latest.caches();
    harness.get_by_label("Release page caches").click();
    wait_until(&mut harness, "the return", |h| shows(h, "returned: SQLite"));
    let given_back = &harness.state().state.instrument.giving_back;
    let (_, receipt) = given_back.last.as_ref().expect("a receipt");
    let freed = receipt.sqlite_freed();
    assert!(
        freed.0 > before.0 / 10 * 9,
        "{freed} of {before} page cache came back: {receipt:?}"
    );
    wait_until(&mut harness, "empty caches", |h| {
        shows(h, "The page caches are empty")
    });
    harness.get_by_label("Give everything back").click();
    wait_until(&mut harness, "closed connections", |h| {
        let connections = &h.state().state.live.latest.connections;
        connections
            .iter()
            .all(|connection| connection.state == ConnectionState::Closed)
    });
    wait_until(&mut harness, "the whole return", |h| {
        shows(h, "SQLite gave back")
    });
    assert!(shows(&harness, "No connection is open"));
}
