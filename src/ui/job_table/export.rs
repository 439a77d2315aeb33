//! Export: the dialog, and the line that says how far it has come.

use std::path::PathBuf;

use egui::{Id, Modal, TextEdit, Ui};
use lucide_icons::Icon;

use super::footer::line;
use crate::{
    command::{Command, Outbox},
    engine::receipt::Outcome,
    export::{Format, Times},
    state::{
        AppState,
        export::{Columns, ExportWish, Scope},
    },
    ui::{
        file_dialog::{FileDialog, Place},
        widgets::{icon_button, left_aligned, primary_button, small, turning},
    },
    units::{Bytes, format_count, format_elapsed, format_rough_count, seconds},
};

/// Remembers what is being chosen.
pub struct ExportDialog {
    is_open: bool,
    /// The path as it is typed.
    path: String,
    wish: ExportWish,
}

impl Default for ExportDialog {
    fn default() -> Self {
        Self {
            is_open: false,
            path: String::new(),
            wish: ExportWish {
                path: PathBuf::new(),
                format: Format::Csv,
                times: Times::Rfc3339,
                columns: Columns::Shown,
                expand_footprint: false,
                scope: Scope::Selection,
                keep_stopped: false,
                overwrite: false,
            },
        }
    }
}

const PARTITIONED: Format = Format::Parquet { partitioned: true };

const FORMATS: [(Format, &str, &str); 4] = [
    (Format::Csv, "CSV", "RFC 4180 with a header"),
    (Format::Jsonl, "JSON Lines", "One object in each line"),
    (
        Format::Parquet { partitioned: false },
        "Parquet",
        "Typed columns, compressed: for DuckDB, Spark, pandas",
    ),
    (
        PARTITIONED,
        "Parquet by cluster and month",
        "A folder with cluster=…/month=…/part-0.parquet: for Spark, Trino, ClickHouse",
    ),
];

impl ExportDialog {
    /// Opens the dialog.
    pub fn open(&mut self, state: &AppState, scope: Scope) {
        self.is_open = true;
        let can_mark = !state.jobs.marks.is_empty();
        self.wish.scope = scope;
        if !can_mark {
            self.wish.scope = Scope::Selection;
        }
        self.wish.overwrite = false;
        if self.path.is_empty() {
            let folder = directories::UserDirs::new().map(|dirs| dirs.home_dir().to_owned());
            let path = folder.unwrap_or_default().join(self.file_name());
            self.path = path.display().to_string();
        }
    }

    fn file_name(&self) -> String {
        match self.wish.format {
            PARTITIONED => "jobs".to_owned(),
            format @ (Format::Csv | Format::Jsonl | Format::Parquet { .. }) => {
                format!("jobs.{}", format.key())
            }
        }
    }

    /// Shows the dialog while it is open.
    pub fn ui(&mut self, ui: &Ui, state: &AppState, dialog: &mut FileDialog, out: &mut Outbox) {
        if !self.is_open {
            return;
        }
        if let Some(path) = dialog.take_place(Place::Export) {
            self.path = path.display().to_string();
            // The dialog of the desktop has asked already.
            self.wish.overwrite = true;
        }
        let frame = egui::Frame::popup(ui.style()).inner_margin(16.0);
        let modal = Modal::new(Id::unique("export"))
            .frame(frame)
            .show(ui.ctx(), |ui| {
                ui.set_width(440.0);
                left_aligned(ui, |ui| self.fields_ui(ui, state, dialog, out));
            });
        if modal.should_close() {
            self.is_open = false;
        }
    }

    fn fields_ui(
        &mut self,
        ui: &mut Ui,
        state: &AppState,
        dialog: &mut FileDialog,
        out: &mut Outbox,
    ) {
        ui.heading("Export jobs");
        ui.add_space(6.0);
        self.scope_ui(ui, state);
        ui.add_space(6.0);
        for (format, name, hint) in FORMATS {
            let is_marked = self.wish.scope == Scope::Marked;
            let can = !(is_marked && format == PARTITIONED);
            let radio = egui::RadioButton::new(self.wish.format == format, name);
            if ui.add_enabled(can, radio).on_hover_text(hint).clicked() {
                self.set_format(format);
            }
        }
        ui.add_space(6.0);
        ui.horizontal(|ui| {
            for (times, name) in [
                (Times::Rfc3339, "Times as RFC 3339"),
                (Times::UnixSecs, "Times as Unix seconds"),
            ] {
                ui.radio_value(&mut self.wish.times, times, name);
            }
        });
        ui.horizontal(|ui| {
            let shown = format!("The {} columns of the table", state.columns.len());
            ui.radio_value(&mut self.wish.columns, Columns::Shown, shown);
            ui.radio_value(
                &mut self.wish.columns,
                Columns::Stored,
                "All stored columns",
            );
        });
        ui.checkbox(
            &mut self.wish.expand_footprint,
            "Values of the footprint as columns, too",
        )
        .on_hover_text("Those that the newest jobs have");
        ui.add_space(6.0);
        let label = ui.label("To");
        ui.horizontal(|ui| {
            let field = TextEdit::singleline(&mut self.path)
                .margin(egui::Margin::symmetric(6, 4))
                .desired_width(330.0);
            ui.add(field).labelled_by(label.id);
            let choose = ui.add_enabled(!dialog.is_open(), egui::Button::new("Choose…"));
            if choose.clicked() {
                dialog.pick_place(ui.ctx(), Place::Export, &self.file_name());
            }
        });
        ui.checkbox(
            &mut self.wish.overwrite,
            "Replace what an earlier export left there",
        );
        ui.checkbox(
            &mut self.wish.keep_stopped,
            "Keep what there is if I stop it",
        );
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            let can = state.exports.running.is_none() && !self.path.trim().is_empty();
            let start = ui.add_enabled_ui(can, |ui| primary_button(ui, "Start export"));
            if start.inner.clicked() {
                out.send(Command::Export(self.wish()));
                self.is_open = false;
            }
            if ui.button("Leave it").clicked() {
                self.is_open = false;
            }
            if !can {
                ui.label(small(ui, "Another export is on its way"));
            }
        });
    }

    fn scope_ui(&mut self, ui: &mut Ui, state: &AppState) {
        let list = &state.jobs;
        let all = list.count.map_or_else(
            || {
                format!(
                    "All matching jobs (~{})",
                    format_rough_count(list.num_rows())
                )
            },
            |count| format!("All {} matching jobs", format_count(count.cast_signed())),
        );
        ui.radio_value(&mut self.wish.scope, Scope::Selection, all);
        let marked = list.marks.len();
        let text = match marked {
            0 => "The marked jobs: none is marked".to_owned(),
            1 => "The marked job".to_owned(),
            marked => format!("The {} marked jobs", format_count(marked.cast_signed())),
        };
        let radio = egui::RadioButton::new(self.wish.scope == Scope::Marked, text);
        if ui.add_enabled(marked > 0, radio).clicked() {
            self.wish.scope = Scope::Marked;
            if self.wish.format == PARTITIONED {
                self.set_format(Format::Parquet { partitioned: false });
            }
        }
    }

    /// The name's ending goes with the format, unless the user has another one.
    fn set_format(&mut self, format: Format) {
        let before = self.file_name();
        self.wish.format = format;
        if let Some(folder) = self.path.strip_suffix(&before) {
            self.path = format!("{folder}{}", self.file_name());
        }
    }

    fn wish(&self) -> ExportWish {
        ExportWish {
            path: PathBuf::from(self.path.trim()),
            ..self.wish.clone()
        }
    }
}

/// How far an export has come, or what came of the last one.
pub fn progress_ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    if let Some(running) = &state.exports.running {
        line(ui, |ui| {
            turning(ui, 14.0);
            let secs = (state.live.latest.at_secs - running.started_secs).max(0.001);
            let rate = running.rows as f64 / secs;
            let rows = format_count(running.rows.cast_signed());
            let mut text = match running.total {
                Some(total) => format!("{rows} of {} jobs", format_count(total.cast_signed())),
                None => format!("{rows} jobs"),
            };
            if running.rows > 0 {
                text = format!(
                    "{text} · {} · {} a second",
                    Bytes(running.bytes),
                    format_rough_count(rate as u64)
                );
            }
            if let Some(total) = running.total.filter(|_| running.rows > 0) {
                let left = total.saturating_sub(running.rows) as f64 / rate.max(1.0);
                let left = format_elapsed(seconds(left));
                text = format!("{text} · {left} left");
            }
            ui.label(format!("Exporting: {text}"))
                .on_hover_text(running.path.display().to_string());
            if ui.button("Stop export").clicked() {
                out.send(Command::Cancel(running.id));
            }
        });
    }
    let Some(over) = &state.exports.over else {
        return;
    };
    line(ui, |ui| {
        let rows = format_count(over.rows.cast_signed());
        let time = format_elapsed(seconds(over.secs.max(0.0)));
        let there = over
            .end
            .path
            .as_ref()
            .map(|path| path.display().to_string());
        let text = match (over.outcome, there) {
            (Outcome::Finished, Some(path)) => format!(
                "Exported {rows} jobs in {time}: {path}, {}",
                Bytes(over.end.bytes)
            ),
            (_, Some(path)) => format!(
                "The export was stopped. Its first {rows} jobs are in {path}, {}",
                Bytes(over.end.bytes)
            ),
            (Outcome::Failed, None) => "The export failed; nothing was left".to_owned(),
            (_, None) => format!("The export was stopped after {rows} jobs; nothing was left"),
        };
        ui.label(text);
        if over.end.misfits > 0 {
            ui.label(small(
                ui,
                format!(
                    "{} values did not fit their column's type and are NULL",
                    format_count(over.end.misfits.cast_signed())
                ),
            ));
        }
        if icon_button(ui, Icon::X, "Dismiss export").clicked() {
            out.send(Command::DismissExport);
        }
    });
}
