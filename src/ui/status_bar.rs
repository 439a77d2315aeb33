//! The line at the bottom: connections, memory in figures, the last receipt.

use egui::{Align, Layout, RichText, Sense, Ui, vec2};

use super::{theme::Palette, widgets::small};
use crate::{
    memory::sample::ConnectionState,
    state::AppState,
    units::{format_elapsed, seconds},
};

/// Shows the bar.
pub fn ui(ui: &mut Ui, state: &AppState) {
    ui.horizontal_centered(|ui| {
        recording_ui(ui, state);
        connections_ui(ui, state);
        let latest = &state.live.latest;
        if let Some(rss) = latest.rss {
            ui.label(small(ui, format!("RSS {rss}")));
        }
        ui.label(small(ui, format!("SQLite heap {}", latest.sqlite_heap)));
        if let Some(build) = &state.build {
            ui.label(small(ui, build.summary()))
                .on_hover_text(build.compile_options.join("\n"));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let Some(task) = state.tasks.last() else {
                return;
            };
            let outcome = task.receipt.outcome;
            let color = if outcome.is_stop() || outcome == crate::engine::receipt::Outcome::Failed {
                Palette::of(ui).outcome(outcome)
            } else {
                Palette::of(ui).muted
            };
            let text = RichText::new(format!("last: {} {}", task.title, task.receipt))
                .small()
                .color(color);
            ui.add(egui::Label::new(text).truncate())
                .on_hover_text("The receipt of the last task; all of them are in the Memory view");
        });
    });
}

/// That a recording runs, on every view.
fn recording_ui(ui: &mut Ui, state: &AppState) {
    let Some(running) = &state.instrument.recordings.running else {
        return;
    };
    let palette = Palette::of(ui);
    let elapsed = seconds((state.live.latest.at_secs - running.from_secs).max(0.0));
    let (dot, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
    ui.painter().circle_filled(dot.center(), 4.0, palette.bad);
    ui.label(small(ui, format!("recording {}", format_elapsed(elapsed))))
        .on_hover_text(format!(
            "To {}; stop it in the Memory view",
            running.path.display()
        ));
}

/// One dot for each connection: closed, idle, busy. The words are in the tooltip and the name.
fn connections_ui(ui: &mut Ui, state: &AppState) {
    let palette = Palette::of(ui);
    let num = state.tuning.wanted.connections;
    let states: Vec<_> = (0..num)
        .map(|index| {
            state
                .live
                .latest
                .connections
                .get(index)
                .map_or(ConnectionState::Closed, |connection| connection.state)
        })
        .collect();
    let count = |wanted| states.iter().filter(|state| **state == wanted).count();
    let words = format!(
        "connections: {} busy, {} idle, {} closed",
        count(ConnectionState::Busy),
        count(ConnectionState::Idle),
        count(ConnectionState::Closed)
    );
    ui.label(small(ui, "connections")).on_hover_text(&words);
    let (rect, response) = ui.allocate_exact_size(vec2(num as f32 * 11.0, 10.0), Sense::hover());
    for (index, state) in states.iter().enumerate() {
        let center = rect.left_center() + vec2(index as f32 * 11.0 + 5.0, 0.0);
        match state {
            ConnectionState::Busy => ui.painter().circle_filled(center, 4.0, palette.good),
            ConnectionState::Idle => ui.painter().circle_filled(center, 4.0, palette.muted),
            ConnectionState::Closed => {
                ui.painter()
                    .circle_stroke(center, 3.5, egui::Stroke::new(1.0, palette.muted))
            }
        };
    }
    response
        .on_hover_text(&words)
        .widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, words.clone()));
}
