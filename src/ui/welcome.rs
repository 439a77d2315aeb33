//! What a new user sees: the demo or a file, two choices.

use egui::{Frame, RichText, Ui};

use super::{
    file_dialog::FileDialog,
    theme::{Palette, semibold},
    top_bar::{open, path_field},
    widgets::{muted, small},
};
use crate::{command::Outbox, state::AppState};

/// Remembers the path that is being typed.
#[derive(Default)]
pub struct Welcome {
    path: String,
}

impl Welcome {
    /// Shows the choices.
    pub fn ui(&mut self, ui: &mut Ui, state: &AppState, dialog: &mut FileDialog, out: &mut Outbox) {
        ui.vertical_centered(|ui| {
            ui.add_space((ui.available_height() * 0.18).max(16.0));
            ui.label(
                RichText::new("Look into a job database")
                    .family(semibold())
                    .size(22.0),
            );
            ui.label(muted(
                ui,
                "Every query runs in the background, can be stopped, and says what it cost",
            ));
            ui.add_space(20.0);
            ui.scope(|ui| {
                ui.set_max_width(520.0);
                card(ui, "Open cc-backend's job.db", |ui| {
                    ui.label(small(ui, "Read-only. Not one byte of the file is changed"));
                    ui.add_space(6.0);
                    if let Some(path) = path_field(ui, &mut self.path) {
                        out.send(open(path));
                    }
                    dialog.button(ui);
                    for path in &state.settings.recent {
                        let text = path.display().to_string();
                        if ui.link(text).clicked() {
                            out.send(open(path.clone()));
                        }
                    }
                });
                ui.add_space(12.0);
                card(ui, "Or try the demo", |ui| {
                    ui.label("jobscope demo");
                    ui.label(small(
                        ui,
                        "Run this in a terminal: it makes a database of 200 000 jobs once \
                         and opens it with a tour of the incident",
                    ));
                });
            });
        });
    }
}

fn card(ui: &mut Ui, title: &str, add: impl FnOnce(&mut Ui)) {
    let palette = Palette::of(ui);
    Frame::new()
        .fill(palette.panel)
        .stroke(egui::Stroke::new(1.0, palette.hairline))
        .corner_radius(6.0)
        .inner_margin(16.0)
        .show(ui, |ui| {
            ui.with_layout(egui::Layout::top_down(egui::Align::LEFT), |ui| {
                ui.set_width(ui.available_width());
                ui.label(RichText::new(title).family(semibold()).size(14.0));
                add(ui);
            });
        });
}
