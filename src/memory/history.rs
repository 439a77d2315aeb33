//! What was measured and what happened, side by side: live, or read from a recording.

use super::{
    journal::Entry,
    marker::Timeline,
    recording::Recording,
    sample::{MemorySample, SlowReading},
    series::Series,
};

/// Samples and events on one time axis, in seconds since an engine started.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The samples, in bounded memory.
    pub series: Series,
    /// What happened when.
    pub timeline: Timeline,
    /// The newest sample.
    pub latest: MemorySample,
}

impl History {
    /// Takes in a sample.
    pub fn sampled(&mut self, sample: MemorySample) {
        self.series.push(&sample);
        self.latest = sample;
    }

    /// Takes in what happened.
    pub fn happened(&mut self, entry: Entry) {
        self.timeline.take(entry);
    }

    /// The newest slow reading and when it was taken, if it is not too old to stand for now.
    pub fn slow(&self) -> Option<(f64, &SlowReading)> {
        self.series.slow_at(self.latest.at_secs)
    }

    /// From the first to the last sample or event, in seconds since the engine started.
    pub fn span(&self) -> Option<(f64, f64)> {
        self.series.span()
    }

    /// When the first task started; what several recordings are laid side by side by.
    pub fn first_task_secs(&self) -> Option<f64> {
        self.timeline.bands.first().map(|band| band.from_secs)
    }
}

impl From<&Recording> for History {
    fn from(recording: &Recording) -> Self {
        let mut history = Self {
            timeline: recording.timeline.clone(),
            ..Self::default()
        };
        for sample in &recording.samples {
            history.sampled(sample.clone());
        }
        history
    }
}
