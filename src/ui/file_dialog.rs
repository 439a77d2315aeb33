//! The native file dialog, away from the thread that draws.

use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, TryRecvError, channel},
};

use egui::{Response, Ui};

use super::top_bar::open;
use crate::{
    command::{Command, Outbox},
    error::{Error, Report},
};

/// A dialog that may be open.
#[derive(Default)]
pub struct FileDialog {
    answer: Option<Receiver<Option<PathBuf>>>,
    failed: Option<Report>,
    /// The last dialog came back empty: cancelled, or there is none on this desktop.
    came_back_empty: bool,
}

impl FileDialog {
    /// The button that opens the dialog, and what to do when none appears.
    pub fn button(&mut self, ui: &mut Ui) -> Response {
        let response = ui.add_enabled(self.answer.is_none(), egui::Button::new("Choose a file…"));
        if response.clicked() {
            self.show(ui.ctx());
        }
        if self.came_back_empty {
            ui.label(super::widgets::small(
                ui,
                "No file was chosen. If no dialog appeared, type the path",
            ));
        }
        response
    }

    /// Takes the answer of a dialog that was closed.
    pub fn poll(&mut self, out: &mut Outbox) {
        if let Some(report) = self.failed.take() {
            out.send(Command::Report(report));
        }
        let Some(answer) = &self.answer else { return };
        match answer.try_recv() {
            Ok(Some(path)) => {
                self.answer = None;
                self.came_back_empty = false;
                out.send(open(path));
            }
            Ok(None) | Err(TryRecvError::Disconnected) => {
                self.answer = None;
                self.came_back_empty = true;
            }
            Err(TryRecvError::Empty) => {}
        }
    }

    fn show(&mut self, ctx: &egui::Context) {
        // Made on this thread, as some platforms demand; waited for on another.
        let picking = rfd::AsyncFileDialog::new()
            .set_title("Open a job database")
            .add_filter("SQLite database", &["db", "sqlite", "sqlite3"])
            .add_filter("All files", &["*"])
            .pick_file();
        let (send, answer) = channel();
        let ctx = ctx.clone();
        let started = std::thread::Builder::new()
            .name("jobscope-dialog".to_owned())
            .spawn(move || {
                let path = pollster::block_on(picking).map(|file| file.path().to_owned());
                // If the window is gone, nobody waits for this.
                send.send(path).ok();
                ctx.request_repaint();
            });
        match started {
            Ok(_) => self.answer = Some(answer),
            Err(source) => {
                let error = Error::other("start a thread for the file dialog", source);
                self.failed = Some(Report::from(&error));
            }
        }
    }
}
