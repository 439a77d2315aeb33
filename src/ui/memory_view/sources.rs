//! What the Memory view shows: live or a recording; and the way to record, open and watch.

use std::path::PathBuf;

use egui::{Button, ScrollArea, TextEdit, Ui, containers::menu::MenuButton, vec2};
use lucide_icons::Icon;

use super::{
    charts::Charts,
    export::ExportMenu,
    place::{in_home, place_row},
};
use crate::{
    command::{Command, Outbox},
    memory::process::{self, ProcessEntry, ProcessState},
    state::{AppState, instrument::recordings::Shown},
    ui::{
        file_dialog::{FileDialog, Place, Purpose},
        theme::Palette,
        widgets::{icon, icon_button, left_aligned, mixed, plain_menu, primary_button, small},
    },
    units::{Bytes, counted, format_elapsed, seconds},
};

/// Remembers what is being typed.
#[derive(Default)]
pub struct Sources {
    /// Where to record to, once somebody has typed or chosen it.
    record_to: Option<String>,
    open_path: String,
    process: String,
    /// The menu of processes was opened just now: one types there.
    is_watch_opened: bool,
    guard: Option<String>,
    export: ExportMenu,
    /// What became of a recording, once the user has done with it.
    seen: String,
    /// How wide the buttons were when they last stood in one row.
    buttons_width: f32,
}

impl Sources {
    /// Shows the bar above the chart.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        (state, started_unix): (&AppState, f64),
        charts: &Charts,
        dialog: &mut FileDialog,
        out: &mut Outbox,
    ) {
        let recordings = &state.instrument.recordings;
        let is_narrow = ui.available_width() < self.buttons_width + 64.0;
        let is_one_row = !is_narrow && recordings.open.is_empty() && recordings.opening.is_empty();
        if !is_one_row {
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing = vec2(4.0, 4.0);
                histories_ui(ui, state, out);
            });
        }
        let what = (state, started_unix);
        if is_narrow {
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing = vec2(4.0, 4.0);
                self.record_ui(ui, state, dialog, out);
                self.open_ui(ui, dialog, out);
                self.watch_ui(ui, state, out);
                self.export.ui(ui, what, charts, dialog);
                self.guard_ui(ui, state, out);
            });
        } else {
            ui.horizontal(|ui| {
                if is_one_row {
                    histories_ui(ui, state, out);
                }
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    ui.spacing_mut().item_spacing.x = 4.0;
                    self.guard_ui(ui, state, out);
                    self.export.ui(ui, what, charts, dialog);
                    self.watch_ui(ui, state, out);
                    self.open_ui(ui, dialog, out);
                    self.record_ui(ui, state, dialog, out);
                    self.buttons_width = ui.max_rect().right() - ui.cursor().right();
                });
            });
        }
        dialog.note_ui(ui);
        if let Some((text, path)) = &state.instrument.recordings.last
            && self.seen != *text
        {
            ui.horizontal(|ui| {
                ui.label(small(ui, text))
                    .on_hover_text(path.display().to_string());
                if ui.button("Look at it").clicked() {
                    out.send(Command::OpenRecording(path.clone()));
                    self.seen.clone_from(text);
                }
                if icon_button(ui, Icon::X, "Dismiss the note").clicked() {
                    self.seen.clone_from(text);
                }
            });
        }
    }

    fn record_ui(
        &mut self,
        ui: &mut Ui,
        state: &AppState,
        dialog: &mut FileDialog,
        out: &mut Outbox,
    ) {
        let palette = Palette::of(ui);
        if let Some(running) = &state.instrument.recordings.running {
            let secs = (state.live.latest.at_secs - running.from_secs).max(0.0);
            let elapsed = format_elapsed(seconds(secs));
            let text = format!("{} Stop recording · {elapsed}", icon(Icon::Square));
            let stop = ui
                .add(Button::new(mixed(&text, 13.0, palette.bad)))
                .accessible_name("Stop recording")
                .on_hover_text(running.path.display().to_string());
            if stop.clicked() {
                out.send(Command::Record(None));
            }
            return;
        }
        let text = mixed(
            &format!("{} Record…", icon(Icon::Circle)),
            13.0,
            palette.text,
        );
        let (response, _) = MenuButton::new(text).config(plain_menu()).ui(ui, |ui| {
            ui.set_min_width(420.0);
            left_aligned(ui, |ui| self.record_menu(ui, state, dialog, out));
        });
        response
            .accessible_name("Record")
            .on_hover_text("Write every sample and event to a file while it happens");
    }

    fn record_menu(
        &mut self,
        ui: &mut Ui,
        state: &AppState,
        dialog: &mut FileDialog,
        out: &mut Outbox,
    ) {
        if let Some(path) = dialog.take_place(Place::Recording) {
            self.record_to = Some(path.display().to_string());
        }
        let record_to = self
            .record_to
            .get_or_insert_with(|| in_home(&file_name(state)).display().to_string());
        let (choose, entered) = place_row(ui, "Record to", record_to, dialog);
        if choose {
            dialog.pick_place(ui.ctx(), Place::Recording, &file_name(state));
        }
        ui.label(small(
            ui,
            "Memory, events and receipts; no data of the database and no SQL. Up to 25 MB an hour",
        ));
        ui.add_space(4.0);
        let path = record_to.trim();
        let can = !path.is_empty();
        let start = ui.add_enabled_ui(can, |ui| primary_button(ui, "Start recording"));
        if can && (entered || start.inner.clicked()) {
            out.send(Command::Record(Some(PathBuf::from(path))));
            // The next one has a name of its own.
            self.record_to = None;
            ui.close();
        }
    }

    fn open_ui(&mut self, ui: &mut Ui, dialog: &mut FileDialog, out: &mut Outbox) {
        let (response, _) = MenuButton::new("Open recording…")
            .config(plain_menu())
            .ui(ui, |ui| {
                ui.set_min_width(420.0);
                left_aligned(ui, |ui| {
                    let label = ui.label("Recording");
                    ui.horizontal(|ui| {
                        let field = TextEdit::singleline(&mut self.open_path)
                            .hint_text("/path/to/run.jsonl")
                            .margin(egui::Margin::symmetric(6, 4))
                            .desired_width(310.0);
                        let field = ui.add(field).labelled_by(label.id);
                        let entered = field.lost_focus()
                            && ui.input(|input| input.key_pressed(egui::Key::Enter));
                        let can = !self.open_path.trim().is_empty();
                        let clicked = ui.add_enabled(can, Button::new("Open")).clicked();
                        if can && (entered || clicked) {
                            let path = std::mem::take(&mut self.open_path);
                            out.send(Command::OpenRecording(PathBuf::from(path.trim())));
                            ui.close();
                        }
                    });
                    let choose = ui.add_enabled(!dialog.is_open(), Button::new("Choose a file…"));
                    if choose.clicked() {
                        dialog.pick(ui.ctx(), Purpose::Recording);
                        ui.close();
                    }
                    ui.label(small(ui, "Or drop recordings on the window"));
                });
            });
        response.on_hover_text("Look at what was recorded here or with jobscope record");
    }

    fn watch_ui(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        let other = state.live.latest.other.as_ref();
        let text = match other {
            None => "Watch a process…".to_owned(),
            Some(other) if other.state == ProcessState::Ended => {
                format!("pid {} has ended", other.pid)
            }
            Some(other) => format!("Watching pid {}", other.pid),
        };
        let (response, inner) = MenuButton::new(text).config(plain_menu()).ui(ui, |ui| {
            ui.set_min_width(380.0);
            left_aligned(ui, |ui| self.watch_menu(ui, state, out));
        });
        if response.clicked() && inner.is_some() {
            out.send(Command::ListProcesses);
            self.is_watch_opened = true;
        }
        response.on_hover_text(
            "Draw the memory of another process, cc-backend say, beside this one. It is only looked \
             at from outside",
        );
    }

    fn watch_menu(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        let other = state.live.latest.other.as_ref();
        if let Some(other) = other.filter(|other| other.state == ProcessState::Ended) {
            let text = format!("pid {} has ended; its curve stays on the chart", other.pid);
            ui.label(text);
        } else if let Some(other) = other {
            let or_unknown = |bytes: Option<Bytes>| {
                bytes.map_or_else(|| "not told".to_owned(), |bytes| bytes.to_string())
            };
            ui.label(format!(
                "pid {}: RSS {}, peak {}, {}",
                other.pid,
                or_unknown(other.rss),
                or_unknown(other.peak),
                other.threads.map_or_else(
                    || "threads not told".to_owned(),
                    |threads| counted(u64::from(threads), "thread", "threads")
                )
            ));
            if let Some(file) = &other.file {
                ui.label(small(
                    ui,
                    format!("{} · {}", file.path.display(), file.bytes),
                ));
            }
            if let Some(trouble) = &other.trouble {
                ui.label(small(ui, trouble));
            }
        }
        if state.live.latest.other.is_some() && ui.button("Stop watching").clicked() {
            out.send(Command::WatchProcess(None));
            ui.close();
        }
        let label = ui.label("Name or number");
        ui.horizontal(|ui| {
            let field = TextEdit::singleline(&mut self.process)
                .hint_text("cc-backend")
                .margin(egui::Margin::symmetric(6, 4))
                .desired_width(250.0);
            let field = ui.add(field).labelled_by(label.id);
            let entered =
                field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            if entered || std::mem::take(&mut self.is_watch_opened) {
                field.request_focus();
            }
            let can = !self.process.trim().is_empty();
            let clicked = ui.add_enabled(can, Button::new("Watch")).clicked();
            if can && (entered || clicked) {
                let who = self.process.trim().to_owned();
                out.send(Command::WatchProcess(Some(who)));
            }
        });
        if let Some(report) = &state.instrument.watch_trouble {
            let color = Palette::of(ui).bad;
            ui.label(egui::RichText::new(report.to_string()).color(color));
        }
        let Some(processes) = &state.instrument.processes else {
            return;
        };
        let wanted = self.process.trim().to_lowercase();
        let matches = |process: &&ProcessEntry| {
            wanted.is_empty()
                || process.name.to_lowercase().contains(&wanted)
                || process.pid.to_string().starts_with(&wanted)
        };
        let list = ScrollArea::vertical()
            .max_height(220.0)
            .min_scrolled_height(220.0);
        list.show(ui, |ui| {
            for process in processes.iter().filter(matches).take(200) {
                let text = format!("{} · pid {} · {}", process.name, process.pid, process.rss);
                if ui.selectable_label(false, text).clicked() {
                    // The menu stays: what is seen of the process, or why nothing is, stands above.
                    out.send(Command::WatchProcess(Some(who(process, processes))));
                }
            }
        });
    }

    fn guard_ui(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        let guard = state.settings.guard;
        let text = guard.map_or_else(|| "Guard off".to_owned(), |keep| format!("Guard {keep}"));
        let (response, _) = MenuButton::new(text).config(plain_menu()).ui(ui, |ui| {
            ui.set_min_width(330.0);
            left_aligned(ui, |ui| {
                let label = ui.label("Memory to keep free");
                let current = guard.map_or_else(|| "off".to_owned(), Bytes::exact);
                let mut typed = self.guard.clone().unwrap_or(current);
                let field = TextEdit::singleline(&mut typed)
                    .font(egui::TextStyle::Monospace)
                    .margin(egui::Margin::symmetric(6, 4))
                    .desired_width(130.0);
                let field = ui.add(field).labelled_by(label.id);
                if field.changed() {
                    self.guard = Some(typed.clone());
                }
                let parsed = parse_guard(&typed);
                if ui.input(|input| input.key_pressed(egui::Key::Escape)) {
                    // Half a number is no wish.
                    self.guard = None;
                }
                if field.lost_focus()
                    && self.guard.is_some()
                    && let Ok(keep) = &parsed
                {
                    out.send(Command::SetGuard(*keep));
                    self.guard = None;
                }
                if let Err(error) = &parsed {
                    let color = Palette::of(ui).bad;
                    ui.label(egui::RichText::new(error).small().color(color));
                }
                ui.label(small(
                    ui,
                    "When the machine, or the control group around this process, has less than \
                     this left, the task that holds the most is stopped. “off”: never",
                ));
            });
        });
        response.on_hover_text("Stops the largest task before memory runs out");
    }
}

/// A process that was picked is meant by its name, and followed through restarts, as long as no other
/// one is called the same.
fn who(picked: &ProcessEntry, all: &[ProcessEntry]) -> String {
    let is_same = |other: &&ProcessEntry| other.name.eq_ignore_ascii_case(&picked.name);
    let is_number = process::as_pid(&picked.name).is_some();
    if all.iter().filter(is_same).count() == 1 && !is_number {
        picked.name.clone()
    } else {
        picked.pid.to_string()
    }
}

/// Live, and each open recording.
fn histories_ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    let recordings = &state.instrument.recordings;
    let mut closed = None;
    let mut choice = |ui: &mut Ui, shown: Shown, name: &str, hint: &str| {
        let button = Button::selectable(recordings.shown == shown, name);
        if ui.add(button).on_hover_text(hint).clicked() {
            out.send(Command::ShowHistory(shown));
        }
    };
    choice(ui, Shown::Live, "Live", "This process, now");
    for (index, open) in recordings.open.iter().enumerate() {
        let path = open.path.display().to_string();
        choice(ui, Shown::One(index), &open.name(), &path);
        if recordings.shown == Shown::One(index)
            && icon_button(ui, Icon::X, "Close recording").clicked()
        {
            closed = Some(index);
        }
    }
    if recordings.open.len() > 1 {
        choice(
            ui,
            Shown::Together,
            "Together",
            "All recordings below each other, from the start of their first task",
        );
    }
    if !recordings.opening.is_empty() {
        crate::ui::widgets::turning(ui, 14.0);
        ui.label(small(ui, "reading"));
    }
    if let Some(index) = closed {
        out.send(Command::CloseRecording(index));
    }
}

fn parse_guard(text: &str) -> Result<Option<Bytes>, String> {
    if matches!(text.trim(), "off" | "none" | "") {
        return Ok(None);
    }
    Bytes::parse(text)
        .map(Some)
        .map_err(|error| error.to_string())
}

fn file_name(state: &AppState) -> String {
    let time = jiff::Timestamp::from_second(state.now_unix_secs)
        .map(|time| time.to_zoned(state.zone.clone()))
        .map_or_else(
            |_| "recording".to_owned(),
            |time| time.strftime("%Y-%m-%d-%H%M%S").to_string(),
        );
    format!("jobscope-{time}.jsonl")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_two_have_is_no_name() {
        let process = |pid, name: &str| ProcessEntry {
            pid,
            name: name.to_owned(),
            rss: Bytes::mib(1),
        };
        let all = [
            process(7, "cc-backend"),
            process(8, "bash"),
            process(9, "Bash"),
            process(10, "4711"),
        ];
        let asked = all.each_ref().map(|picked| who(picked, &all));
        assert_eq!(asked, ["cc-backend", "8", "9", "10"]);
    }
}
