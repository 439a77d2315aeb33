//! What the engine reports, as the entries of a timeline: the same for the chart and for recordings.

use super::{
    marker::{Band, ClockChange, Marker, MarkerKind, given_back},
    recording::TaskReceipt,
};
use crate::{
    db::status::HeapLimits,
    engine::{
        give_back::GiveBackReceipt,
        message::{Event, News},
    },
    units::Bytes,
};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A task has started.
    Started(Band),
    /// Somebody asked a task to stop.
    StopAsked {
        /// When, in seconds since the engine started.
        at_secs: f64,
        /// The task.
        task: u64,
    },
    /// A task has ended.
    Ended(Box<TaskReceipt>),
    /// Memory was given back, rung by rung.
    GaveBack {
        /// When it was done, in seconds since the engine started.
        at_secs: f64,
        /// What came of it.
        receipt: Box<GiveBackReceipt>,
    },
    /// The clock of the machine was set, or the machine slept.
    ClockChanged(ClockChange),
    /// From now on, these heap limits are in force.
    Limits {
        /// When they were read back, in seconds since the engine started.
        at_secs: f64,
        /// Both of them.
        limits: HeapLimits,
    },
    /// Something that is not about one task.
    Mark(Marker),
}

impl Entry {
    /// When it happened, in seconds since the engine started.
    pub fn at_secs(&self) -> f64 {
        match self {
            Self::Started(band) => band.from_secs,
            Self::StopAsked { at_secs, .. }
            | Self::GaveBack { at_secs, .. }
            | Self::Limits { at_secs, .. } => *at_secs,
            Self::Ended(ended) => ended.at_secs,
            Self::ClockChanged(change) => change.at_secs,
            Self::Mark(marker) => marker.at_secs,
        }
    }

    /// What a piece of news is for the timeline. `None`: nothing.
    #[expect(clippy::too_many_lines, reason = "a few lines for each event")]
    pub fn of(news: &News) -> Option<Self> {
        let at_secs = news.at_secs;
        let mark = |kind, text: String| {
            Some(Self::Mark(Marker {
                at_secs,
                kind,
                text,
            }))
        };
        match &news.event {
            Event::Started {
                id,
                connection,
                title,
                is_background,
                ..
            } => Some(Self::Started(Band {
                task: id.0,
                title: title.clone(),
                is_background: *is_background,
                connection: Some(*connection),
                from_secs: at_secs,
                first_row_secs: None,
                stop_asked_secs: None,
                end: None,
                given_back_secs: None,
            })),
            Event::StopAsked { id } => Some(Self::StopAsked {
                at_secs,
                task: id.0,
            }),
            Event::Ended {
                id,
                receipt,
                ended_secs,
                ..
            } => Some(Self::Ended(Box::new(TaskReceipt {
                at_secs,
                ended_secs: Some(*ended_secs),
                task: id.0,
                receipt: (**receipt).clone(),
            }))),
            Event::Opened(facts) => {
                let name = facts.path.file_name().unwrap_or_default().display();
                mark(MarkerKind::Opened, format!("{name} opened"))
            }
            Event::ProfileSet { changes } => {
                (!changes.is_empty()).then(|| mark(MarkerKind::Setting, changes.join(", ")))?
            }
            Event::ConnectionApplied {
                connection,
                is_new: true,
                settings,
                ..
            } => {
                let text = format!(
                    "Connection {} opened with cache_size {}",
                    connection + 1,
                    settings.cache_size
                );
                mark(MarkerKind::Connected, text)
            }
            Event::ConnectionClosed {
                connection,
                reason,
                cache,
            } => {
                let text = format!(
                    "Connection {} closed: {}; its page cache held {cache}",
                    connection + 1,
                    reason.label()
                );
                mark(MarkerKind::Closed, text)
            }
            Event::Shrunk { connection, cache } => {
                let text = format!(
                    "Connection {} shrunk: {}",
                    connection + 1,
                    given_back(cache.0, cache.1)
                );
                mark(MarkerKind::Shrink, text)
            }
            Event::Trimmed { supported, rss } => {
                mark(MarkerKind::Trim, trim_sentence(*supported, *rss))
            }
            Event::GaveBack(receipt) => Some(Self::GaveBack {
                at_secs,
                receipt: receipt.clone(),
            }),
            Event::LimitsApplied(limits) => Some(Self::Limits {
                at_secs,
                limits: *limits,
            }),
            Event::GuardActed { text } => mark(MarkerKind::Guard, text.clone()),
            Event::Process { text } => mark(MarkerKind::Process, text.clone()),
            Event::ClockChanged { by_secs } => Some(Self::ClockChanged(ClockChange {
                at_secs,
                by_secs: *by_secs,
            })),
            Event::OpenFailed { .. }
            | Event::Rows { .. }
            | Event::Positions { .. }
            | Event::Sorted { .. }
            | Event::OrdersPlanned { .. }
            | Event::FileChanged { .. }
            | Event::Exported { .. }
            | Event::ConnectionApplied { .. }
            | Event::ClustersLoaded { .. }
            | Event::WatchFailed { .. }
            | Event::RecordingOpened { .. }
            | Event::Processes(_)
            | Event::Recording(_) => None,
        }
    }
}

/// What a trim returned.
pub fn trim_sentence(supported: bool, rss: (Option<Bytes>, Option<Bytes>)) -> String {
    match rss {
        _ if !supported => "Trim: this C library has no malloc_trim".to_owned(),
        (Some(before), Some(after)) => format!(
            "Trim: {} to the operating system",
            given_back(before, after)
        ),
        _ => "Trim: done; this platform does not tell what it gave back".to_owned(),
    }
}
