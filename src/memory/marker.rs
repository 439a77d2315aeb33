//! What happened when: the marks and bands that give the memory curve its causes.

use super::{
    journal::Entry,
    limit_steps::LimitSteps,
    recording::{TaskReceipt, TaskTimes},
};
use crate::{
    engine::receipt::{Outcome, Receipt},
    units::{Bytes, format_elapsed},
};

/// One thing that happened at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Marker {
    /// Seconds since the engine started.
    pub at_secs: f64,
    /// What it was.
    pub kind: MarkerKind,
    /// A sentence for the tooltip, with its numbers.
    pub text: String,
}

/// The kinds of marks on the chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkerKind {
    /// A setting was changed.
    Setting,
    /// Somebody asked a task to stop.
    Stop,
    /// SQLite returned from a statement that was asked to stop.
    Stopped,
    /// A task's first row came.
    FirstRow,
    /// The heap was back where it had been before a task that was stopped.
    GivenBack,
    /// Page caches were emptied.
    Shrink,
    /// The allocator was asked to return memory.
    Trim,
    /// A connection was opened.
    Connected,
    /// A connection was closed.
    Closed,
    /// Another database was opened.
    Opened,
    /// A task was stopped before the machine ran out of memory.
    Guard,
    /// The watched process ended, or started again.
    Process,
    /// The clock of the machine was set, or the machine slept.
    Clock,
    /// In a recording of a later version: of a kind that has no name here.
    Other,
}

impl MarkerKind {
    /// All kinds.
    pub const ALL: [Self; 14] = [
        Self::Setting,
        Self::Stop,
        Self::Stopped,
        Self::FirstRow,
        Self::GivenBack,
        Self::Shrink,
        Self::Trim,
        Self::Connected,
        Self::Closed,
        Self::Opened,
        Self::Guard,
        Self::Process,
        Self::Clock,
        Self::Other,
    ];

    /// The name in recordings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Setting => "setting",
            Self::Stop => "stop",
            Self::Stopped => "stopped",
            Self::FirstRow => "first_row",
            Self::GivenBack => "given_back",
            Self::Shrink => "shrink",
            Self::Trim => "trim",
            Self::Connected => "connected",
            Self::Closed => "closed",
            Self::Opened => "opened",
            Self::Guard => "guard",
            Self::Process => "process",
            Self::Clock => "clock",
            Self::Other => "other",
        }
    }

    /// The name for a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Setting => "setting changed",
            Self::Stop => "stop asked",
            Self::Stopped => "stopped",
            Self::FirstRow => "first row",
            Self::GivenBack => "memory given back",
            Self::Shrink => "shrink",
            Self::Trim => "trim",
            Self::Connected => "connection opened",
            Self::Closed => "connection closed",
            Self::Opened => "database opened",
            Self::Guard => "memory guard",
            Self::Process => "watched process",
            Self::Clock => "clock",
            Self::Other => "something else",
        }
    }

    /// The kind of this name; `None` for one of a later version.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A task from its start to its end, on its own lane of the chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// The task.
    pub task: u64,
    /// Its name.
    pub title: String,
    /// Nobody asked for it: it fills a view bit by bit.
    pub is_background: bool,
    /// Which connection runs it, counted from 0.
    pub connection: Option<usize>,
    /// Start, in seconds since the engine started.
    pub from_secs: f64,
    /// When its first row came.
    pub first_row_secs: Option<f64>,
    /// When it was asked to stop.
    pub stop_asked_secs: Option<f64>,
    /// Its end and how it ended; `None` while it runs.
    pub end: Option<(f64, Outcome)>,
    /// For a task that was stopped: when the heap was back where it had been before.
    pub given_back_secs: Option<f64>,
}

/// The clock of the machine was set, or the machine slept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockChange {
    /// When, in seconds since the engine started: its own clock is never set.
    pub at_secs: f64,
    /// How far it went ahead or, negative, back.
    pub by_secs: f64,
}

impl ClockChange {
    /// For the mark on the chart.
    pub fn sentence(&self) -> String {
        let by = format_elapsed(crate::units::seconds(self.by_secs.abs()));
        if self.by_secs > 0.0 {
            format!("The clock went {by} ahead: it was set, or the machine slept")
        } else {
            format!("The clock was set back by {by}")
        }
    }
}

/// What became of the machine's clock, so that each moment has the time of day that it had.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClockChanges(Vec<ClockChange>);

impl ClockChanges {
    /// Takes in one more.
    pub fn push(&mut self, change: ClockChange) {
        if self.0.len() >= MAX_KEPT {
            // What follows the oldest stays as far ahead as it was.
            let oldest = self.0.remove(0);
            if let Some(next) = self.0.first_mut() {
                next.by_secs += oldest.by_secs;
            }
        }
        let index = self
            .0
            .partition_point(|other| other.at_secs <= change.at_secs);
        self.0.insert(index, change);
    }

    /// How far the clock had been set ahead by then, since the start.
    pub fn shift_secs(&self, at_secs: f64) -> f64 {
        let before = self.0.iter().filter(|change| change.at_secs <= at_secs);
        before.map(|change| change.by_secs).sum()
    }

    /// When it was set, in the order of time.
    pub fn moments(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|change| change.at_secs)
    }
}

/// Marks and bands are kept up to this number each; the oldest go first.
const MAX_KEPT: usize = 10_000;

/// Everything that happened, in the order it happened.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// Moments.
    pub markers: Vec<Marker>,
    /// Tasks.
    pub bands: Vec<Band>,
    /// The machine's clock.
    pub clock: ClockChanges,
    /// Heap limits, as they were read back.
    pub limits: LimitSteps,
}

/// The first row of a shorter task is not worth a mark.
const LONG_MS: f64 = 100.0;

impl Timeline {
    /// Takes in what happened.
    pub fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Started(band) => self.begin(band),
            Entry::StopAsked { at_secs, task } => self.stop_asked(task, at_secs),
            Entry::Ended(ended) => self.end(&ended),
            Entry::Mark(Marker {
                at_secs,
                kind,
                text,
            }) => self.mark(at_secs, kind, text),
            Entry::ClockChanged(change) => {
                self.clock.push(change);
                self.mark(change.at_secs, MarkerKind::Clock, change.sentence());
            }
            Entry::Limits { at_secs, limits } => self.limits.set(at_secs, limits),
            Entry::GaveBack { at_secs, receipt } => {
                for (secs, kind, text) in receipt.marks(at_secs) {
                    self.mark(secs, kind, text);
                }
            }
        }
    }

    /// Adds a mark.
    pub fn mark(&mut self, at_secs: f64, kind: MarkerKind, text: String) {
        drop_oldest(&mut self.markers);
        // News of different threads overtake each other, and a stop is known after it was asked;
        // the chart searches the marks by time.
        let index = self
            .markers
            .partition_point(|marker| marker.at_secs <= at_secs);
        let marker = Marker {
            at_secs,
            kind,
            text,
        };
        self.markers.insert(index, marker);
    }

    /// A task has started.
    pub fn begin(&mut self, band: Band) {
        drop_oldest(&mut self.bands);
        self.bands.push(band);
    }

    /// Somebody asked a task to stop.
    pub fn stop_asked(&mut self, task: u64, at_secs: f64) {
        if let Some(band) = self.open_band(task) {
            band.stop_asked_secs.get_or_insert(at_secs);
        }
    }

    /// A task has ended.
    pub fn end(&mut self, ended: &TaskReceipt) {
        let times = ended.times();
        let TaskTimes {
            first_row_secs,
            stop_asked_secs,
            ended_secs,
            given_back_secs,
        } = times;
        let Some(band) = self.open_band(ended.task) else {
            return;
        };
        band.first_row_secs = first_row_secs;
        band.stop_asked_secs = band.stop_asked_secs.or(stop_asked_secs);
        band.end = Some((ended_secs, ended.receipt.outcome));
        band.given_back_secs = given_back_secs;
        // What fills a view bit by bit has its band, and no marks: there are dozens.
        if band.is_background {
            return;
        }
        let title = band.title.clone();
        self.mark_end(&title, &ended.receipt, &times);
    }

    fn mark_end(&mut self, title: &str, receipt: &Receipt, times: &TaskTimes) {
        if let Some(at_secs) = times.first_row_secs
            && receipt.elapsed_ms >= LONG_MS
        {
            let after = millis(receipt.first_row_ms.unwrap_or_default());
            let text = format!("{title}: first row after {after}");
            self.mark(at_secs, MarkerKind::FirstRow, text);
        }
        let Some(stop) = receipt.stop else { return };
        if let Some(at_secs) = times.stop_asked_secs {
            self.mark(at_secs, MarkerKind::Stop, format!("{title} {receipt}"));
        }
        let after = millis(stop.stopped_after_ms);
        let text = format!("{title}: stopped {after} after it was asked");
        self.mark(times.ended_secs, MarkerKind::Stopped, text);
        if let Some(at_secs) = times.given_back_secs {
            let text = format!("{title}: {} given back", receipt.given_back());
            self.mark(at_secs, MarkerKind::GivenBack, text);
        }
    }

    fn open_band(&mut self, task: u64) -> Option<&mut Band> {
        self.bands
            .iter_mut()
            .rev()
            .find(|band| band.task == task && band.end.is_none())
    }
}

/// Many at once, so that a full list does not move all its entries for each new one.
fn drop_oldest<T>(list: &mut Vec<T>) {
    if list.len() >= MAX_KEPT {
        list.drain(..MAX_KEPT / 10);
    }
}

fn millis(ms: f64) -> String {
    format_elapsed(crate::units::seconds((ms / 1e3).max(0.0)))
}

/// `1.87 GiB given back`, or that nothing was.
pub fn given_back(before: Bytes, after: Bytes) -> String {
    if before > after {
        format!("{} given back", Bytes(before.0 - after.0))
    } else {
        "nothing given back".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_ahead_by_what_was_set_until_then() {
        let mut clock = ClockChanges::default();
        for (at_secs, by_secs) in [(20.0, -30.0), (10.0, 3600.0)] {
            clock.push(ClockChange { at_secs, by_secs });
        }
        let shifts = [9.9, 10.0, 19.9, 25.0].map(|at_secs| clock.shift_secs(at_secs) as i64);
        assert_eq!(shifts, [0, 3600, 3600, 3570]);
        for step in 0..MAX_KEPT as u32 {
            let at_secs = 100.0 + f64::from(step);
            clock.push(ClockChange {
                at_secs,
                by_secs: 1.0,
            });
        }
        assert_eq!(clock.moments().count(), MAX_KEPT);
        let last = 3570.0 + MAX_KEPT as f64;
        assert!((clock.shift_secs(1e9) - last).abs() < 1e-6, "none is lost");
    }
}
