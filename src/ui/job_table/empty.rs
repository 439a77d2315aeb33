//! What stands in place of the job table while there is nothing to show.

use egui::Ui;

use crate::{
    command::{Command, Outbox},
    jobs::filter::JobFilter,
    state::{AppState, Phase},
    ui::widgets::{empty_state, primary_button, turning},
};

/// Says why there are no rows, and what to do next.
pub fn ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    match state.jobs.phase {
        Phase::Loading | Phase::Empty => {
            empty_state(
                ui,
                "Looking for jobs",
                "The first rows appear as soon as they exist",
            );
            ui.vertical_centered(|ui| turning(ui, 20.0));
        }
        Phase::Loaded if state.filter().is_empty() => {
            empty_state(ui, "No jobs", "The job table of this database is empty");
        }
        Phase::Loaded => {
            empty_state(
                ui,
                "No job matches",
                "Take a condition away, or clear the filter",
            );
            ui.vertical_centered(|ui| {
                ui.add_space(8.0);
                if primary_button(ui, "Show all jobs").clicked() {
                    out.send(Command::SetFilter(JobFilter::default()));
                }
            });
        }
        Phase::Stopped | Phase::Failed => {
            let title = if state.jobs.phase == Phase::Stopped {
                "Stopped before the first row"
            } else {
                "The query failed"
            };
            empty_state(ui, title, "Nothing was changed");
            ui.vertical_centered(|ui| {
                ui.add_space(8.0);
                if primary_button(ui, "Try again").clicked() {
                    out.send(Command::Reload);
                }
            });
        }
    }
}
