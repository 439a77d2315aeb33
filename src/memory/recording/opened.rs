//! A recording as the window keeps it: its samples in bounded memory.

use std::path::{Path, PathBuf};

use super::{GivenBack, Header, Recording, TaskReceipt};
use crate::{error::Result, memory::history::History};

/// A recording that was opened.
#[derive(Clone, Debug)]
pub struct OpenRecording {
    /// Where it lies.
    pub path: PathBuf,
    /// What was recorded, and where.
    pub header: Header,
    /// Samples and events.
    pub history: History,
    /// What its tasks did and cost, in the order they ended.
    pub receipts: Vec<TaskReceipt>,
    /// What was given back when somebody asked.
    pub given_back: Vec<GivenBack>,
    /// Its last line is not whole.
    pub is_cut: bool,
}

impl OpenRecording {
    /// Reads a recording up to its last whole line.
    ///
    /// # Errors
    /// Those of [`Recording::read`].
    pub fn read(path: &Path) -> Result<Self> {
        let recording = Recording::read(path)?;
        Ok(Self {
            path: path.to_owned(),
            history: History::from(&recording),
            header: recording.header,
            receipts: recording.receipts,
            given_back: recording.given_back,
            is_cut: recording.is_cut,
        })
    }

    /// The name of its file.
    pub fn name(&self) -> String {
        name_of(&self.path)
    }
}

/// The last part of a path, for a person.
pub fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .display()
        .to_string()
}

/// Whether a file of this name is taken for a recording.
pub fn is_recording_name(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("jsonl"))
}
