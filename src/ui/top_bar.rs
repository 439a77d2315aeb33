//! The bar at the top: what is open, what runs, and the button that stops it.

use std::path::PathBuf;

use egui::{Align, Button, Layout, RichText, Ui, containers::menu::MenuConfig};
use lucide_icons::Icon;

use super::{
    file_dialog::FileDialog,
    theme::{self, Palette},
    widgets::{figures, icon, icon_button, mixed, muted, small, turning},
};
use crate::{
    command::{Command, Outbox, ThemeChoice},
    db::connection::OpenMode,
    state::{AppState, tasks::ActiveTask},
    units::{counted, format_elapsed, seconds},
};

/// Remembers the path that is being typed.
#[derive(Default)]
pub struct TopBar {
    path: String,
}

impl TopBar {
    /// Shows the bar.
    pub fn ui(&mut self, ui: &mut Ui, state: &AppState, dialog: &mut FileDialog, out: &mut Outbox) {
        ui.horizontal(|ui| {
            let label = mixed(
                &format!("Open {}", icon(Icon::ChevronDown)),
                13.0,
                Palette::of(ui).text,
            );
            let config =
                MenuConfig::new().close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside);
            let (response, _) = egui::containers::menu::MenuButton::new(label)
                .config(config)
                .ui(ui, |ui| self.open_menu(ui, state, dialog, out));
            response.accessible_name("Open");
            Self::database_ui(ui, state);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                right_ui(ui, state, out);
            });
        });
    }

    fn open_menu(
        &mut self,
        ui: &mut Ui,
        state: &AppState,
        dialog: &mut FileDialog,
        out: &mut Outbox,
    ) {
        ui.set_min_width(360.0);
        if let Some(path) = path_field(ui, &mut self.path) {
            out.send(open(path));
            ui.close();
        }
        if dialog.button(ui).clicked() {
            ui.close();
        }
        if state.settings.recent.is_empty() {
            return;
        }
        ui.separator();
        ui.label(small(ui, "Recent"));
        for path in &state.settings.recent {
            let text = path.display().to_string();
            if ui.add(Button::new(text).frame(false).truncate()).clicked() {
                out.send(open(path.clone()));
                ui.close();
            }
        }
    }

    fn database_ui(ui: &mut Ui, state: &AppState) {
        if let Some(path) = &state.opening {
            turning(ui, 14.0);
            ui.label(muted(ui, format!("Opening {}…", path.display())));
            return;
        }
        let Some(database) = &state.database else {
            ui.label(muted(ui, "No database"));
            return;
        };
        let facts = &database.facts;
        let name = facts.path.file_name().unwrap_or_default().display();
        ui.label(RichText::new(name.to_string()).family(theme::semibold()))
            .on_hover_text(facts.path.display().to_string());
        let hint = if database.exact_jobs.is_some() {
            "Counted when the file was opened"
        } else {
            "The number of jobs is an estimate until the count is done"
        };
        let summary =
            RichText::new(facts.summary(database.exact_jobs)).color(Palette::of(ui).muted);
        // What runs matters more than what is open: the summary gives way.
        let room = (ui.available_width() - 420.0).max(60.0);
        ui.scope(|ui| {
            ui.set_max_width(room);
            ui.add(egui::Label::new(summary).truncate())
                .on_hover_text(hint);
        });
    }
}

/// A field for a path, and what was typed once Enter is pressed. Beside every file dialog, because
/// a dialog cannot tell "cancelled" from "there is no dialog here".
pub fn path_field(ui: &mut Ui, text: &mut String) -> Option<PathBuf> {
    let mut entered = false;
    ui.horizontal(|ui| {
        let width = ui.available_width() - 64.0;
        let field = egui::TextEdit::singleline(text)
            .hint_text("Path of job.db")
            .margin(egui::Margin::symmetric(6, 4))
            .desired_width(width);
        let response = ui.add(field).accessible_name("Path of the database");
        entered = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        entered |= ui
            .button("Open")
            .accessible_name("Open this path")
            .clicked();
    });
    let path = text.trim();
    (entered && !path.is_empty()).then(|| in_home(path))
}

/// A path as a shell takes it: `~/` is the user's home.
fn in_home(path: &str) -> PathBuf {
    path.strip_prefix("~/")
        .zip(directories::BaseDirs::new())
        .map_or_else(
            || PathBuf::from(path),
            |(rest, folders)| folders.home_dir().join(rest),
        )
}

/// Opens a file beside its writers.
pub fn open(path: PathBuf) -> Command {
    open_as(path, OpenMode::ReadOnly)
}

/// The same in a mode. By its whole path: what is kept for a database must not be another one's of
/// the same name, and be found again from whichever folder the program is started.
pub fn open_as(path: PathBuf, mode: OpenMode) -> Command {
    let path = std::path::absolute(&path).unwrap_or(path);
    Command::Open { path, mode }
}

fn right_ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    let (symbol, next, name) = match state.settings.theme {
        ThemeChoice::System => (Icon::SunMoon, ThemeChoice::Light, "Theme: as the system"),
        ThemeChoice::Light => (Icon::Sun, ThemeChoice::Dark, "Theme: light"),
        ThemeChoice::Dark => (Icon::Moon, ThemeChoice::System, "Theme: dark"),
    };
    if icon_button(ui, symbol, name).clicked() {
        out.send(Command::SetTheme(next));
    }
    let shown = state.settings.tuning_shown;
    let name = if shown { "Hide tuning" } else { "Show tuning" };
    if icon_button(ui, Icon::SlidersHorizontal, name).clicked() {
        out.send(Command::ShowTuning(!shown));
    }
    cancel_button(ui, state, out);
    if let Some(task) = state.tasks.foremost() {
        task_chip(ui, state, task, out);
    }
}

/// Always at the same place; red only while something runs.
fn cancel_button(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    let palette = Palette::of(ui);
    let can_stop = state
        .tasks
        .active
        .iter()
        .any(|task| task.stop_asked_secs.is_none());
    let mut button = Button::new(RichText::new("Cancel").color(if can_stop {
        palette.on_accent
    } else {
        palette.muted
    }));
    if can_stop {
        button = button.fill(palette.bad);
    }
    let response = ui
        .add_enabled(can_stop, button)
        .on_hover_text("Stop everything that runs (Esc)");
    if response.clicked() {
        out.send(Command::CancelAll);
    }
}

/// The task that runs, with a menu of all of them behind it.
fn task_chip(ui: &mut Ui, state: &AppState, task: &ActiveTask, out: &mut Outbox) {
    let palette = Palette::of(ui);
    let more = match state.tasks.active.len() - 1 {
        0 => String::new(),
        others => format!("  +{others}"),
    };
    let text = format!("{} · {}{more}", task.title, progress(state, task));
    let button = Button::new(figures(text).size(12.0))
        .fill(palette.raised)
        .corner_radius(13.0);
    let (response, _) = egui::containers::menu::MenuButton::from_button(button)
        .config(MenuConfig::new().close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside))
        .ui(ui, |ui| {
            ui.set_min_width(320.0);
            for task in &state.tasks.active {
                ui.horizontal(|ui| {
                    ui.label(&task.title);
                    ui.label(small(ui, progress(state, task)));
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        let enabled = task.stop_asked_secs.is_none();
                        let cancel = ui
                            .add_enabled(enabled, Button::new("Cancel"))
                            .accessible_name(format!("Cancel {}", task.title));
                        if cancel.clicked() {
                            out.send(Command::Cancel(task.id));
                        }
                    });
                });
                if let Some(reason) = task.waits_for() {
                    ui.label(small(ui, reason));
                }
            }
        });
    response.accessible_name("Running tasks");
    if task.stop_asked_secs.is_none() {
        turning(ui, 14.0);
    }
}

/// `3.2 s · 1 200 rows`, `cancelling 0.4 s`, `waits for a free connection`.
fn progress(state: &AppState, task: &ActiveTask) -> String {
    let since = |secs: f64| format_elapsed(seconds((state.live.latest.at_secs - secs).max(0.0)));
    if let Some(asked) = task.stop_asked_secs {
        let reason = task
            .waits_for()
            .map_or_else(String::new, |reason| format!(": {reason}"));
        return format!("cancelling {}{reason}", since(asked));
    }
    let Some((started, _)) = task.started else {
        return format!("waiting {}", since(task.queued_secs));
    };
    if task.rows == 0 {
        return since(started);
    }
    format!("{} · {}", since(started), counted(task.rows, "row", "rows"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_known_by_its_whole_path() {
        let here = std::env::current_dir().expect("a folder");
        let expected = Command::Open {
            path: here.join("job.db"),
            mode: OpenMode::ReadOnly,
        };
        assert_eq!(open(PathBuf::from("job.db")), expected);
    }
}
