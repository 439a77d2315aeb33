//! The file format of a recording: JSON Lines with a versioned header, appended as it happens.
//!
//! The first line says what was recorded, on what machine, with which settings. Each line after
//! it is a reading or something that happened. A recording is readable after a crash up to its
//! last whole line; fields and kinds of lines that this version does not know are skipped.

mod bounded;
mod header;
mod later;
mod line;
mod opened;
mod plausible;
mod reader;
#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use self::line::{Line, SampleLine};
pub use self::{
    bounded::RecordedHistory,
    header::{Header, Machine, RecordedDatabase, RecordingPlan, RecordingState},
    opened::{OpenRecording, is_recording_name, name_of},
    reader::{Item, Reader},
};
use super::{history::History, journal::Entry, marker::Timeline, sample::MemorySample};
use crate::{
    engine::{give_back::GiveBackReceipt, receipt::Receipt},
    error::{Error, Result},
};

/// What one task did and cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskReceipt {
    /// When it was reported, in seconds since the engine started.
    pub at_secs: f64,
    /// When its statement had returned; the report waited for memory to be given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_secs: Option<f64>,
    /// The task.
    pub task: u64,
    /// Its receipt.
    pub receipt: Receipt,
}

/// The moments of a task that has ended, in seconds since the engine started.
#[expect(
    clippy::struct_field_names,
    reason = "all of them are times, and say so"
)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TaskTimes {
    /// Its first row.
    pub first_row_secs: Option<f64>,
    /// The wish to stop it.
    pub stop_asked_secs: Option<f64>,
    /// Its statement had returned.
    pub ended_secs: f64,
    /// The heap was back where it had been before.
    pub given_back_secs: Option<f64>,
}

impl TaskReceipt {
    /// The moments of the task, by its receipt.
    pub fn times(&self) -> TaskTimes {
        let receipt = &self.receipt;
        let ended_secs = self.ended_secs.unwrap_or(self.at_secs);
        let started_secs = ended_secs - receipt.elapsed_ms / 1e3;
        // One that was stopped before it began has no moments.
        let stop = receipt.stop.filter(|_| receipt.connection.is_some());
        let asked = stop.map(|stop| ended_secs - stop.stopped_after_ms / 1e3);
        TaskTimes {
            first_row_secs: receipt.first_row_ms.map(|ms| started_secs + ms / 1e3),
            stop_asked_secs: asked,
            ended_secs,
            given_back_secs: stop
                .and_then(|stop| stop.given_back_after_ms)
                .zip(asked)
                .map(|(ms, asked)| asked + ms / 1e3),
        }
    }
}

/// Memory that was given back, rung by rung.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GivenBack {
    /// When it was done, in seconds since the engine started.
    pub at_secs: f64,
    /// What came of it.
    pub receipt: GiveBackReceipt,
}

/// Writes a recording, one line at a time.
pub struct Recorder {
    path: PathBuf,
    file: File,
    bytes: u64,
    num_samples: u64,
    /// The sample before, as a reader has it: what has not changed since is not written again.
    previous: Option<MemorySample>,
}

impl Recorder {
    /// Creates the file and writes its header. A file that is there is not touched.
    ///
    /// # Errors
    /// If the file exists or cannot be written.
    pub fn create(path: &Path, header: &Header) -> Result<Self> {
        Self::with(File::create_new(path), path, header)
    }

    /// Creates the file, or empties it, and writes its header.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn replace(path: &Path, header: &Header) -> Result<Self> {
        Self::with(File::create(path), path, header)
    }

    fn with(file: std::io::Result<File>, path: &Path, header: &Header) -> Result<Self> {
        let file = file.map_err(|source| Error::file("create the recording", path, source))?;
        let mut recorder = Self {
            path: path.to_owned(),
            file,
            bytes: 0,
            num_samples: 0,
            previous: None,
        };
        recorder.write(header)?;
        Ok(recorder)
    }

    /// Adds a reading.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn sample(&mut self, sample: &MemorySample) -> Result<()> {
        let previous = self.previous.take();
        let line = SampleLine::new(sample, previous.as_ref());
        // Not the sample itself: what rounding leaves out would add up from line to line.
        self.previous = Some(line.clone().into_sample(previous.as_ref()));
        self.num_samples += 1;
        self.write(&Line::Sample(Box::new(line)))
    }

    /// Adds what happened.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn entry(&mut self, entry: &Entry) -> Result<()> {
        self.write(&Line::of(entry))
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Samples written so far.
    pub fn num_samples(&self) -> u64 {
        self.num_samples
    }

    /// In one write and without a buffer: whatever ends this program, only this line can be cut.
    fn write(&mut self, line: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_vec(line)
            .map_err(|source| Error::other("write a line of the recording", source))?;
        text.push(b'\n');
        self.bytes += text.len() as u64;
        self.file
            .write_all(&text)
            .map_err(|source| Error::file("write the recording", &self.path, source))
    }
}

/// A recording that was read.
#[derive(Clone, Debug)]
pub struct Recording {
    /// What was recorded, and where.
    pub header: Header,
    /// The readings, oldest first.
    pub samples: Vec<MemorySample>,
    /// What happened when.
    pub timeline: Timeline,
    /// What the tasks that ended did and cost.
    pub receipts: Vec<TaskReceipt>,
    /// What was given back when somebody asked.
    pub given_back: Vec<GivenBack>,
    /// Lines that a later version wrote, in part or whole, as they are.
    pub unknown: Vec<serde_json::Value>,
    /// The last line is not whole: the program that recorded was ended in the middle of it.
    pub is_cut: bool,
}

impl Recording {
    /// Reads a recording up to its last whole line, with every sample: for minutes.
    /// [`RecordedHistory`] holds days.
    ///
    /// # Errors
    /// If the file cannot be read, is no recording, is damaged before its last line, or was
    /// written by a program whose format is newer than this one's.
    pub fn read(path: &Path) -> Result<Self> {
        let mut reader = Reader::open(path)?;
        let mut recording = Self {
            header: reader.header().clone(),
            samples: Vec::new(),
            timeline: History::under(reader.header().profile.heap_limits()).timeline,
            receipts: Vec::new(),
            given_back: Vec::new(),
            unknown: Vec::new(),
            is_cut: false,
        };
        while let Some(item) = reader.read_next()? {
            recording.take(item);
        }
        recording.is_cut = reader.is_cut();
        Ok(recording)
    }

    fn take(&mut self, item: Item) {
        let entry = match item {
            Item::Sample(sample) => {
                self.samples.push(*sample);
                return;
            }
            Item::Unknown(line) => {
                self.unknown.push(line);
                return;
            }
            Item::Entry(entry) => entry,
        };
        match &entry {
            Entry::Ended(ended) => self.receipts.push((**ended).clone()),
            Entry::GaveBack { at_secs, receipt } => self.given_back.push(GivenBack {
                at_secs: *at_secs,
                receipt: (**receipt).clone(),
            }),
            Entry::Started(_)
            | Entry::StopAsked { .. }
            | Entry::ClockChanged(_)
            | Entry::Limits { .. }
            | Entry::Mark(_) => {}
        }
        self.timeline.take(entry);
    }
}
