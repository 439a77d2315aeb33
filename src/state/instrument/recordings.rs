//! What is being recorded, and recordings that are open beside the live history.

use std::path::{Path, PathBuf};

use crate::{
    engine::message::Request,
    memory::recording::{OpenRecording, RecordingPlan, RecordingState, name_of},
    state::AppState,
};

/// Which history the Memory view shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// This process, now.
    #[default]
    Live,
    /// One of the open recordings, by its place.
    One(usize),
    /// All open recordings, laid side by side by the start of their first task.
    Together,
}

/// A recording that is being written.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    /// The file.
    pub path: PathBuf,
    /// When it was asked for, in seconds since the engine started.
    pub from_secs: f64,
    /// Its header is written.
    pub is_begun: bool,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Recordings {
    /// What is being written.
    pub running: Option<Running>,
    /// What became of the last one that was written, in words, and where it lies.
    pub last: Option<(String, PathBuf)>,
    /// What is open.
    pub open: Vec<OpenRecording>,
    /// What is shown.
    pub shown: Shown,
    /// Files that are being read.
    pub opening: Vec<PathBuf>,
    /// All that were asked for, in that order: a short one is read before a long one.
    asked: Vec<PathBuf>,
}

impl Recordings {
    /// The recording that is shown alone.
    pub fn shown_alone(&self) -> Option<&OpenRecording> {
        match self.shown {
            Shown::One(index) => self.open.get(index),
            Shown::Live | Shown::Together => None,
        }
    }
}

impl AppState {
    /// Begins to record into this file, or ends the recording that runs.
    pub(in crate::state) fn record(&mut self, at_secs: f64, path: Option<PathBuf>) -> Vec<Request> {
        let Some(path) = path else {
            return vec![Request::Record(None)];
        };
        let Some(build) = self.build.clone() else {
            return Vec::new();
        };
        let recordings = &mut self.instrument.recordings;
        recordings.last = None;
        recordings.running = Some(Running {
            path: path.clone(),
            from_secs: at_secs,
            is_begun: false,
        });
        let database = self.database.as_ref();
        vec![Request::Record(Some(Box::new(RecordingPlan {
            path,
            build,
            database: database.map(|database| (&database.facts).into()),
            profile: self.tuning.wanted.clone(),
            overwrite: false,
        })))]
    }

    pub(in crate::state) fn recording_is(&mut self, state: RecordingState) {
        use crate::units::{Bytes, counted};

        match state {
            RecordingState::Began { path } => {
                let running = &mut self.instrument.recordings.running;
                if let Some(running) = running.as_mut().filter(|running| running.path == path) {
                    running.is_begun = true;
                }
            }
            RecordingState::Ended {
                path,
                bytes,
                num_samples,
            } => {
                let text = format!(
                    "{} recorded: {}, {}",
                    name_of(&path),
                    counted(num_samples, "sample", "samples"),
                    Bytes(bytes)
                );
                self.no_longer_recording(&path);
                self.instrument.recordings.last = Some((text, path));
            }
            RecordingState::Failed { path, report } => {
                self.no_longer_recording(&path);
                self.show_report(report);
            }
        }
    }

    fn no_longer_recording(&mut self, path: &Path) {
        let running = &mut self.instrument.recordings.running;
        if running.as_ref().is_some_and(|running| running.path == path) {
            *running = None;
        }
    }

    pub(in crate::state) fn open_recording(&mut self, path: PathBuf) -> Vec<Request> {
        let recordings = &mut self.instrument.recordings;
        if let Some(index) = recordings.open.iter().position(|open| open.path == path) {
            // It may have grown since: it is read again, and stands where it stood.
            recordings.shown = Shown::One(index);
        }
        recordings.opening.push(path.clone());
        if !recordings.asked.contains(&path) {
            recordings.asked.push(path.clone());
        }
        self.settings.view = crate::command::View::Memory;
        vec![Request::OpenRecording(path)]
    }

    pub(in crate::state) fn recording_opened(
        &mut self,
        path: &Path,
        result: Result<Box<OpenRecording>, crate::error::Report>,
    ) {
        let recordings = &mut self.instrument.recordings;
        recordings.opening.retain(|opening| opening != path);
        match result {
            Ok(opened) => {
                let asked = |path: &Path| recordings.asked.iter().position(|asked| asked == path);
                let place = recordings.open.iter().position(|open| open.path == path);
                let index = place.unwrap_or_else(|| {
                    let is_before = |open: &OpenRecording| asked(&open.path) < asked(path);
                    recordings.open.partition_point(is_before)
                });
                if place.is_some() {
                    recordings.open[index] = *opened;
                } else {
                    recordings.open.insert(index, *opened);
                }
                recordings.shown = Shown::One(index);
            }
            Err(report) => self.show_report(report),
        }
    }

    pub(in crate::state) fn close_recording(&mut self, index: usize) {
        let recordings = &mut self.instrument.recordings;
        if index < recordings.open.len() {
            let closed = recordings.open.remove(index);
            recordings.asked.retain(|asked| *asked != closed.path);
        }
        recordings.shown = match recordings.shown {
            Shown::One(shown) if shown > index => Shown::One(shown - 1),
            Shown::One(shown) if shown == index => Shown::Live,
            Shown::Together if recordings.open.len() < 2 => Shown::Live,
            shown @ (Shown::Live | Shown::One(_) | Shown::Together) => shown,
        };
    }
}
