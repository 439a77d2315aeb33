//! What was measured and what happened, side by side: live, or read from a recording.

use super::{
    journal::Entry,
    marker::Timeline,
    quantity::Quantity,
    recording::Recording,
    sample::{MemorySample, SlowReading},
    series::Series,
};
use crate::{db::status::HeapLimits, units::Bytes};

/// Samples and events on one time axis, in seconds since an engine started.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The samples, in bounded memory.
    pub series: Series,
    /// What happened when.
    pub timeline: Timeline,
    /// The newest sample.
    pub latest: MemorySample,
    /// Which quantities were known at some time, by their place in [`Quantity::ALL`].
    seen: [bool; Quantity::ALL.len()],
}

impl History {
    /// A history that begins under these heap limits.
    pub fn under(limits: HeapLimits) -> Self {
        let mut history = Self::default();
        history.timeline.limits.set(f64::NEG_INFINITY, limits);
        history
    }

    /// Takes in a sample. Answers whether it is newer than the one before; others are left out.
    pub fn sampled(&mut self, sample: MemorySample) -> bool {
        if !self.series.push(&sample) {
            return false;
        }
        self.latest = sample;
        for quantity in Quantity::ALL {
            if !self.has_seen(quantity) {
                self.seen[quantity.index()] = self.newest(quantity).is_some();
            }
        }
        true
    }

    /// Whether a quantity was known at some time: its curve may still be in sight after a watched
    /// process has ended.
    pub fn has_seen(&self, quantity: Quantity) -> bool {
        self.seen[quantity.index()]
    }

    /// A quantity of the newest sample, or of the newest slow reading.
    pub fn newest(&self, quantity: Quantity) -> Option<Bytes> {
        quantity.of(&self.latest, self.slow().map(|(_, slow)| slow))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::process::ProcessReading;

    #[test]
    fn what_was_seen_once_stays_seen() {
        let mut history = History::default();
        let watched = |at_secs, rss| MemorySample {
            at_secs,
            other: Some(ProcessReading {
                rss,
                ..ProcessReading::default()
            }),
            ..MemorySample::default()
        };
        history.sampled(MemorySample::default());
        assert!(!history.has_seen(Quantity::OtherRss), "nobody was watched");
        history.sampled(watched(0.2, Some(Bytes::mib(7))));
        assert_eq!(history.newest(Quantity::OtherRss), Some(Bytes::mib(7)));
        assert!(!history.sampled(watched(0.1, None)), "it comes too late");
        assert!(history.newest(Quantity::OtherRss).is_some());
        history.sampled(MemorySample {
            at_secs: 0.3,
            ..MemorySample::default()
        });
        assert_eq!(history.newest(Quantity::OtherRss), None, "it has ended");
        assert!(history.has_seen(Quantity::OtherRss), "its curve is there");
    }
}
