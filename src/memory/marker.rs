//! What happened when: the marks and bands that give the memory curve its causes.

use crate::{engine::receipt::Outcome, units::Bytes};

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
    /// Page caches were emptied.
    Shrink,
    /// The allocator was asked to return memory.
    Trim,
    /// A connection was closed.
    Closed,
    /// Another database was opened.
    Opened,
}

impl MarkerKind {
    const ALL: [Self; 6] = [
        Self::Setting,
        Self::Stop,
        Self::Shrink,
        Self::Trim,
        Self::Closed,
        Self::Opened,
    ];

    /// The name in recordings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Setting => "setting",
            Self::Stop => "stop",
            Self::Shrink => "shrink",
            Self::Trim => "trim",
            Self::Closed => "closed",
            Self::Opened => "opened",
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
    /// Start, in seconds since the engine started.
    pub from_secs: f64,
    /// When it was asked to stop.
    pub stop_asked_secs: Option<f64>,
    /// Its end and how it ended; `None` while it runs.
    pub end: Option<(f64, Outcome)>,
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
}

impl Timeline {
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
    pub fn begin(&mut self, task: u64, title: String, at_secs: f64) {
        drop_oldest(&mut self.bands);
        self.bands.push(Band {
            task,
            title,
            from_secs: at_secs,
            stop_asked_secs: None,
            end: None,
        });
    }

    /// Somebody asked a task to stop.
    pub fn stop_asked(&mut self, task: u64, at_secs: f64) {
        if let Some(band) = self.open_band(task) {
            band.stop_asked_secs.get_or_insert(at_secs);
        }
    }

    /// A task has ended.
    pub fn end(&mut self, task: u64, at_secs: f64, outcome: Outcome) {
        if let Some(band) = self.open_band(task) {
            band.end = Some((at_secs, outcome));
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

/// `1.87 GiB given back`, or that nothing was.
pub fn given_back(before: Bytes, after: Bytes) -> String {
    if before > after {
        format!("{} given back", Bytes(before.0 - after.0))
    } else {
        "nothing given back".to_owned()
    }
}
