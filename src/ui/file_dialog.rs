//! The native file dialog, away from the thread that draws.

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, TryRecvError, channel},
};

use egui::{Response, Ui};
use lucide_icons::Icon;

use super::top_bar::open;
use crate::{
    command::{Command, Outbox},
    error::{Error, Report, Result},
};

/// What a file is chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A database to look at.
    Database,
    /// A recording to look at.
    Recording,
    /// A description of a cluster.
    ClusterFile,
    /// A folder of descriptions, or the root of a job archive.
    ClusterFolder,
}

/// What a place to write to is chosen for: nobody else is given it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// An export of jobs.
    Export,
    /// A recording.
    Recording,
    /// What the Memory view shows.
    Memory,
}

/// What came of a dialog.
enum Answer {
    /// A file or a folder to read. `None`: cancelled, or there is no dialog on this desktop.
    Picked(Purpose, Option<PathBuf>),
    /// A place to write to later. `None`: cancelled, or there is no dialog on this desktop.
    Place(Place, Option<PathBuf>),
    /// Something was written there, or was to be.
    Saved(Result<Option<PathBuf>, Report>),
}

/// A dialog that may be open.
#[derive(Default)]
pub struct FileDialog {
    answer: Option<Receiver<Answer>>,
    failed: Option<Report>,
    /// The last dialog came back empty: cancelled, or there is none on this desktop.
    came_back_empty: bool,
    /// What became of the last file that was to be written.
    note: Option<String>,
    place: Option<(Place, PathBuf)>,
}

impl FileDialog {
    /// The button that opens the dialog, and what to do when none appears.
    pub fn button(&mut self, ui: &mut Ui) -> Response {
        let response = ui.add_enabled(!self.is_open(), egui::Button::new("Choose a file…"));
        if response.clicked() {
            self.pick(ui.ctx(), Purpose::Database);
        }
        if self.came_back_empty {
            ui.label(super::widgets::small(
                ui,
                "No file was chosen. If no dialog appeared, type the path",
            ));
        }
        response
    }

    /// Whether a dialog is open.
    pub fn is_open(&self) -> bool {
        self.answer.is_some()
    }

    /// What became of the last file that was to be written, in a row of its own.
    pub fn note_ui(&mut self, ui: &mut Ui) {
        let Some(note) = &self.note else { return };
        let is_dismissed = ui
            .horizontal(|ui| {
                let text = super::widgets::small(ui, note);
                ui.set_max_width(ui.available_width() - 24.0);
                ui.add(egui::Label::new(text).truncate());
                super::widgets::icon_button(ui, Icon::X, "Dismiss the note").clicked()
            })
            .inner;
        if is_dismissed {
            self.note = None;
        }
    }

    /// Something could not even begin: it is reported.
    pub fn failed(&mut self, error: &Error) {
        self.failed = Some(Report::from(error));
    }

    /// Takes the answer of a dialog that was closed.
    pub fn poll(&mut self, out: &mut Outbox) {
        if let Some(report) = self.failed.take() {
            out.send(Command::Report(report));
        }
        let Some(answer) = &self.answer else { return };
        let answer = match answer.try_recv() {
            Ok(answer) => Some(answer),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) => return,
        };
        self.answer = None;
        match answer {
            Some(Answer::Picked(purpose, Some(path))) => {
                self.came_back_empty = false;
                out.send(match purpose {
                    Purpose::Database => open(path),
                    Purpose::Recording => Command::OpenRecording(path),
                    Purpose::ClusterFile | Purpose::ClusterFolder => Command::AddClusters(path),
                });
            }
            Some(Answer::Place(what, Some(path))) => self.place = Some((what, path)),
            Some(Answer::Place(_, None)) => {}
            Some(Answer::Picked(..)) | None => self.came_back_empty = true,
            Some(Answer::Saved(Ok(Some(path)))) => {
                self.note = Some(format!("Saved as {}", path.display()));
            }
            Some(Answer::Saved(Ok(None))) => {
                self.note = Some(
                    "Nothing was saved. If no dialog appeared, this desktop has none".to_owned(),
                );
            }
            Some(Answer::Saved(Err(report))) => out.send(Command::Report(report)),
        }
    }

    /// Asks for a file or a folder.
    pub fn pick(&mut self, ctx: &egui::Context, purpose: Purpose) {
        // Made on this thread, as some platforms demand; waited for on another.
        let dialog = rfd::AsyncFileDialog::new();
        match purpose {
            Purpose::Database => {
                let picking = dialog
                    .set_title("Open a job database")
                    .add_filter("SQLite database", &["db", "sqlite", "sqlite3"])
                    .add_filter("All files", &["*"])
                    .pick_file();
                self.wait_for(ctx, move || Answer::Picked(purpose, path_of(picking)));
            }
            Purpose::Recording => {
                let picking = dialog
                    .set_title("Open a recording")
                    .add_filter("Recording", &["jsonl"])
                    .pick_file();
                self.wait_for(ctx, move || Answer::Picked(purpose, path_of(picking)));
            }
            Purpose::ClusterFile => {
                let picking = dialog
                    .set_title("Add a cluster description")
                    .add_filter("Cluster description", &["json"])
                    .pick_file();
                self.wait_for(ctx, move || Answer::Picked(purpose, path_of(picking)));
            }
            Purpose::ClusterFolder => {
                let picking = dialog
                    .set_title("Add a folder of cluster descriptions")
                    .pick_folder();
                self.wait_for(ctx, move || Answer::Picked(purpose, path_of(picking)));
            }
        }
    }

    /// Asks for a place to write to later; [`Self::take_place`] has it then.
    pub fn pick_place(&mut self, ctx: &egui::Context, what: Place, name: &str) {
        if self.is_open() {
            return;
        }
        let title = match what {
            Place::Export => "Export to",
            Place::Recording => "Record to",
            Place::Memory => "Save",
        };
        let picking = rfd::AsyncFileDialog::new()
            .set_title(title)
            .set_file_name(name)
            .save_file();
        self.wait_for(ctx, move || Answer::Place(what, path_of(picking)));
    }

    /// The place that was chosen for this since the last call.
    pub fn take_place(&mut self, what: Place) -> Option<PathBuf> {
        self.place
            .take_if(|(chosen_for, _)| *chosen_for == what)
            .map(|(_, path)| path)
    }

    /// Asks where to write, then makes the content and writes it, all of it away from this thread.
    pub fn save(
        &mut self,
        ctx: &egui::Context,
        name: &str,
        make: impl FnOnce() -> Result<Vec<u8>> + Send + 'static,
    ) {
        if self.is_open() {
            return;
        }
        self.note = None;
        let picking = rfd::AsyncFileDialog::new()
            .set_title("Save")
            .set_file_name(name)
            .save_file();
        self.wait_for(ctx, move || {
            let Some(path) = path_of(picking) else {
                return Answer::Saved(Ok(None));
            };
            saved(path, make)
        });
    }

    /// Makes the content and writes it to a place that is known, all of it away from this thread.
    pub fn save_to(
        &mut self,
        ctx: &egui::Context,
        path: PathBuf,
        make: impl FnOnce() -> Result<Vec<u8>> + Send + 'static,
    ) {
        if self.is_open() {
            return;
        }
        self.note = None;
        self.wait_for(ctx, move || saved(path, make));
    }

    fn wait_for(&mut self, ctx: &egui::Context, work: impl FnOnce() -> Answer + Send + 'static) {
        let (send, answer) = channel();
        let ctx = ctx.clone();
        let started = std::thread::Builder::new()
            .name("jobscope-dialog".to_owned())
            .spawn(move || {
                // If the window is gone, nobody waits for this.
                send.send(work()).ok();
                ctx.request_repaint();
            });
        match started {
            Ok(_) => self.answer = Some(answer),
            Err(source) => {
                self.failed(&Error::other("start a thread for the file dialog", source));
            }
        }
    }
}

fn saved(path: PathBuf, make: impl FnOnce() -> Result<Vec<u8>>) -> Answer {
    let written = make().and_then(|bytes| write(&path, &bytes));
    Answer::Saved(
        written
            .map(|()| Some(path))
            .map_err(|error| Report::from(&error)),
    )
}

fn path_of(picking: impl Future<Output = Option<rfd::FileHandle>>) -> Option<PathBuf> {
    pollster::block_on(picking).map(|file| file.path().to_owned())
}

/// Beside the file first, so that a failure leaves what was there before.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    std::fs::write(&part, bytes)
        .and_then(|()| std::fs::rename(&part, path))
        .map_err(|source| {
            // What is half written is of no use to anybody; the first failure is the one to tell.
            std::fs::remove_file(&part).ok();
            Error::file("write", path, source)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_only_when_the_new_one_is_complete() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("table.csv");
        write(&path, b"old").expect("written");
        write(&path, b"new").expect("written");
        assert_eq!(std::fs::read(&path).expect("read"), b"new");
        let left: Vec<_> = std::fs::read_dir(folder.path()).expect("read").collect();
        assert_eq!(left.len(), 1, "nothing is left beside it");
        assert!(write(&folder.path().join("no/such/folder.csv"), b"x").is_err());
    }
}
