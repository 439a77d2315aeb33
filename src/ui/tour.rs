//! The guided tour of the incident, in three steps that the user lives through.

use egui::{Frame, RichText, Ui};

use super::{
    theme::{Palette, semibold},
    widgets::{icon_button, primary_button, small},
};
use crate::{
    command::{Command, Outbox, View},
    db::profile::MemoryProfile,
    jobs::filter::JobFilter,
    state::AppState,
};

struct Step {
    title: &'static str,
    text: &'static str,
    button: &'static str,
}

const STEPS: [Step; 3] = [
    Step {
        title: "The incident",
        text: "The profile \"Before the fix\" is how a production backend ran: a page cache without a bound. The \
               button asks for jobs in several states, newest first, as the web page did. SQLite \
               picks the wrong index and visits most of the table. Watch the strip below climb.",
        button: "Run it with \"Before the fix\"",
    },
    Step {
        title: "Memory stays",
        text: "The query is over, or press Cancel: the memory is still there, and would stay for \
               an hour. The receipt at the bottom says so. The button gives it back and runs \
               the same query with bounded caches.",
        button: "Run it with \"First repair\"",
    },
    Step {
        title: "Memory comes back",
        text: "This time a connection keeps at most 200,000 KiB. jobscope's own profile goes \
               further: it empties the cache after every query and gives the memory back to the \
               operating system.",
        button: "Run it with \"jobscope\"",
    },
];

/// Shows the current step above the view; nothing is hidden behind it.
pub fn ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    let Some((number, step)) = state
        .settings
        .tour
        .and_then(|number| Some((number, STEPS.get(number)?)))
    else {
        return;
    };
    let palette = Palette::of(ui);
    Frame::new()
        .fill(palette.panel)
        .stroke(egui::Stroke::new(1.0, palette.accent))
        .corner_radius(6.0)
        .inner_margin(10.0)
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                let title = format!("{} of {}: {}", number + 1, STEPS.len(), step.title);
                ui.label(RichText::new(title).family(semibold()));
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    if icon_button(ui, lucide_icons::Icon::X, "End the tour").clicked() {
                        out.send(Command::Tour(None));
                    }
                });
            });
            ui.label(step.text);
            ui.horizontal(|ui| {
                if primary_button(ui, step.button).clicked() {
                    run(number, state, out);
                }
                ui.label(small(ui, "The tour can be ended at any time"));
            });
        });
    ui.add_space(8.0);
}

fn run(number: usize, state: &AppState, out: &mut Outbox) {
    let profile = match number {
        0 => "Before the fix",
        1 => "First repair",
        _ => "jobscope",
    };
    let found = MemoryProfile::built_in()
        .into_iter()
        .find(|built_in| built_in.name == profile);
    if number > 0 {
        // What the step before has left would stand in the way of seeing what this one does.
        out.send(Command::Shrink);
    }
    if let Some(profile) = found {
        out.send(Command::SetProfile(profile));
    }
    out.send(Command::ShowView(View::Jobs));
    let filter = JobFilter::default().with_states(["completed", "failed", "timeout"]);
    out.send(if *state.filter() == filter {
        // The same question again, with other settings.
        Command::Reload
    } else {
        Command::SetFilter(filter)
    });
    out.send(Command::Tour(
        (number + 1 < STEPS.len()).then_some(number + 1),
    ));
}
