//! A recording as the window keeps it: its samples in bounded memory.

use std::path::{Path, PathBuf};

use super::RecordedHistory;
use crate::error::Result;

/// A recording that was opened.
#[derive(Clone, Debug)]
pub struct OpenRecording {
    /// Where it lies.
    pub path: PathBuf,
    /// What it holds.
    pub recorded: RecordedHistory,
}

impl OpenRecording {
    /// Reads a recording up to its last whole line.
    ///
    /// # Errors
    /// Those of [`RecordedHistory::read`].
    pub fn read(path: &Path) -> Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            recorded: RecordedHistory::read(path)?,
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
