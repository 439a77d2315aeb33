//! The filter as text: copied, pasted, and as a command.

use egui::{TextEdit, Ui, ViewportCommand};

use crate::{
    command::{Command, Outbox},
    jobs::filter::JobFilter,
    state::AppState,
    ui::widgets::{primary_button, small},
};

/// Remembers what was pasted, until it could be applied.
#[derive(Default)]
pub struct Share {
    is_pasting: bool,
    text: String,
}

impl Share {
    /// The menu was closed: next time it begins with its list.
    pub fn closed(&mut self) {
        self.is_pasting = false;
    }

    /// Shows the menu, or the field to paste into.
    pub fn ui(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        if self.is_pasting {
            self.paste_ui(ui, state, out);
            return;
        }
        let hint = "As JSON, in the words of cc-backend's JobFilter";
        if ui.button("Copy filter").on_hover_text(hint).clicked() {
            ui.copy_text(state.filter().to_json().to_string());
            ui.close();
        }
        let hint = "The same jobs in the same order, in a terminal";
        if ui.button("Copy as command").on_hover_text(hint).clicked() {
            ui.copy_text(command(state));
            ui.close();
        }
        if ui.button("Paste filter…").clicked() {
            self.is_pasting = true;
        }
    }

    fn paste_ui(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        ui.set_width(420.0);
        let field = TextEdit::multiline(&mut self.text)
            .hint_text("{\"user\":{\"contains\":\"k10\"}}")
            .font(egui::TextStyle::Monospace)
            .desired_width(f32::INFINITY)
            .desired_rows(4);
        let field = ui.add(field).accessible_name("Filter as JSON");
        if ui.memory(|memory| memory.focused().is_none()) {
            field.request_focus();
        }
        ui.horizontal(|ui| {
            if primary_button(ui, "Apply").clicked() {
                // The command makes the report where the text cannot be used; the text stays.
                out.send(Command::PasteFilter(self.text.clone()));
                let is_usable = JobFilter::from_json(&self.text)
                    .and_then(|filter| state.can_answer(&filter, &state.jobs.sort))
                    .is_ok();
                if is_usable {
                    self.text.clear();
                    ui.close();
                }
            }
            if ui.button("From clipboard").clicked() {
                self.text.clear();
                field.request_focus();
                ui.send_viewport_cmd(ViewportCommand::RequestPaste);
            }
            ui.label(small(ui, "Replaces the whole filter"));
        });
    }
}

/// What lists the same jobs on the command line.
fn command(state: &AppState) -> String {
    let facts = state.database.as_ref().map(|open| &open.facts);
    let path = facts.map_or_else(
        || "job.db".to_owned(),
        |facts| facts.path.display().to_string(),
    );
    let mut words = vec![
        "jobscope query".to_owned(),
        quoted(&path),
        "jobs".to_owned(),
    ];
    if !state.filter().is_empty() {
        let json = state.filter().to_json().to_string();
        words.push(format!("--filter {}", quoted(&json)));
    }
    if state.jobs.sort != crate::jobs::sort::Sort::default() {
        words.push(format!("--sort {}", state.jobs.sort));
    }
    if facts.is_some_and(|facts| facts.immutable) {
        words.push("--immutable".to_owned());
    }
    words.join(" ")
}

/// As one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{jobs::filter::TextField, state::settings::Settings};

    #[test]
    fn a_command_is_quoted_for_a_shell() {
        let mut state = AppState::new(Settings {
            filter: JobFilter::default().with_text(TextField::User, "o'hara"),
            ..Settings::default()
        });
        state.jobs.sort = "duration:asc".parse().expect("an order");
        assert_eq!(
            command(&state),
            r#"jobscope query 'job.db' jobs --filter '{"user":{"eq":"o'\''hara"}}' --sort duration:asc"#
        );
    }
}
