//! The lines of a recording after its header, with the units in the names.
//!
//! A sample is written ten times a second for hours: what follows from the sample before is left
//! out. `docs/recording.md` says what an absent field means.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{GivenBack, TaskReceipt};
use crate::{
    db::status::{AllocatorReading, HeapLimits},
    memory::{
        cgroup::Group,
        journal::Entry,
        marker::{Band, ClockChange, Marker, MarkerKind},
        process::{OpenFile, ProcessReading, ProcessState},
        sample::{ConnectionReading, ConnectionState, MemorySample, SlowReading, WindowMemory},
    },
    units::Bytes,
};

/// Every line after the header.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Line {
    Sample(Box<SampleLine>),
    Started {
        at_secs: f64,
        task: u64,
        title: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connection: Option<usize>,
        #[serde(default, skip_serializing_if = "is_false")]
        background: bool,
    },
    StopAsked {
        at_secs: f64,
        task: u64,
    },
    Mark {
        at_secs: f64,
        mark: String,
        text: String,
        /// Of a clock: how far it went ahead or, negative, back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by_secs: Option<f64>,
    },
    Limits {
        at_secs: f64,
        /// `None`: it is off.
        soft_heap_limit_bytes: Option<u64>,
        hard_heap_limit_bytes: Option<u64>,
    },
    Receipt(Box<TaskReceipt>),
    GivenBack(Box<GivenBack>),
    /// Written by a later version.
    #[serde(other)]
    Unknown,
}

/// How the line of a sample begins, as long as we write it.
const SAMPLE: &[u8] = b"{\"kind\":\"sample\",";

impl Line {
    /// Reads a line.
    pub(super) fn read(text: &[u8]) -> serde_json::Result<Self> {
        // Nearly all lines are samples. Where a kind decides about the rest, serde keeps all of the
        // line aside until it knows it, which takes a third more time.
        if text.starts_with(SAMPLE)
            && let Ok(sample) = serde_json::from_slice(text)
        {
            return Ok(Self::Sample(sample));
        }
        serde_json::from_slice(text)
    }

    pub(super) fn of(entry: &Entry) -> Self {
        match entry {
            Entry::Started(band) => Self::Started {
                at_secs: in_millis(band.from_secs),
                task: band.task,
                title: band.title.clone(),
                connection: band.connection,
                background: band.is_background,
            },
            Entry::StopAsked { at_secs, task } => Self::StopAsked {
                at_secs: in_millis(*at_secs),
                task: *task,
            },
            Entry::Ended(ended) => {
                let mut ended = ended.clone();
                let error = ended.receipt.error.take();
                ended.receipt.error = error.map(|text| without_names(&text).to_owned());
                Self::Receipt(ended)
            }
            Entry::GaveBack { at_secs, receipt } => Self::GivenBack(Box::new(GivenBack {
                at_secs: in_millis(*at_secs),
                receipt: (**receipt).clone(),
            })),
            Entry::Limits { at_secs, limits } => Self::Limits {
                at_secs: in_millis(*at_secs),
                soft_heap_limit_bytes: limits.soft.map(|limit| limit.0),
                hard_heap_limit_bytes: limits.hard.map(|limit| limit.0),
            },
            Entry::ClockChanged(change) => Self::Mark {
                at_secs: in_millis(change.at_secs),
                mark: MarkerKind::Clock.name().to_owned(),
                text: change.sentence(),
                by_secs: Some(in_millis(change.by_secs)),
            },
            Entry::Mark(Marker {
                at_secs,
                kind,
                text,
            }) => Self::Mark {
                at_secs: in_millis(*at_secs),
                mark: kind.name().to_owned(),
                // Recordings are passed on: they name no files.
                text: if *kind == MarkerKind::Opened {
                    "another database opened".to_owned()
                } else {
                    text.clone()
                },
                by_secs: None,
            },
        }
    }

    /// Whether this version has a name for all of it.
    pub(super) fn is_known(&self) -> bool {
        match self {
            Self::Mark { mark, .. } => MarkerKind::from_name(mark).is_some(),
            Self::Unknown => false,
            Self::Sample(_)
            | Self::Started { .. }
            | Self::StopAsked { .. }
            | Self::Limits { .. }
            | Self::Receipt(_)
            | Self::GivenBack(_) => true,
        }
    }

    /// `None` for a sample, and for a kind of line that a later version wrote.
    pub(super) fn into_entry(self) -> Option<Entry> {
        match self {
            Self::Sample(_) | Self::Unknown => None,
            Self::Started {
                at_secs,
                task,
                title,
                connection,
                background,
            } => Some(Entry::Started(Band {
                task,
                title,
                is_background: background,
                connection,
                from_secs: at_secs,
                first_row_secs: None,
                stop_asked_secs: None,
                end: None,
                given_back_secs: None,
            })),
            Self::StopAsked { at_secs, task } => Some(Entry::StopAsked { at_secs, task }),
            Self::Mark {
                at_secs,
                mark,
                text,
                by_secs,
            } => Some(match (MarkerKind::from_name(&mark), by_secs) {
                (Some(MarkerKind::Clock), Some(by_secs)) => {
                    Entry::ClockChanged(ClockChange { at_secs, by_secs })
                }
                (Some(kind), _) => Entry::Mark(Marker {
                    at_secs,
                    kind,
                    text,
                }),
                (None, _) => Entry::Mark(Marker {
                    at_secs,
                    kind: MarkerKind::Other,
                    text: format!("{mark}: {text}"),
                }),
            }),
            Self::Limits {
                at_secs,
                soft_heap_limit_bytes,
                hard_heap_limit_bytes,
            } => Some(Entry::Limits {
                at_secs,
                limits: HeapLimits {
                    soft: soft_heap_limit_bytes.map(Bytes),
                    hard: hard_heap_limit_bytes.map(Bytes),
                },
            }),
            Self::Receipt(ended) => Some(Entry::Ended(ended)),
            Self::GivenBack(given_back) => Some(Entry::GaveBack {
                at_secs: given_back.at_secs,
                receipt: Box::new(given_back.receipt),
            }),
        }
    }
}

/// [`MemorySample`] with the units in the names.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct SampleLine {
    at_secs: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rss_bytes: Option<u64>,
    sqlite_heap_bytes: u64,
    /// Absent: as in the sample before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sqlite_heap_peak_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    available_bytes: Option<u64>,
    connections: Vec<ConnectionLine>,
    /// Absent: as in the sample before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window_rows_bytes: Option<u64>,
    /// Absent: as in the sample before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window_positions_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slow: Option<SlowLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    other: Option<OtherLine>,
}

/// [`SlowReading`] with the units in the names.
#[expect(
    clippy::struct_field_names,
    reason = "the names are the keys of the JSON, where the unit must stand"
)]
#[derive(Clone, Serialize, Deserialize)]
struct SlowLine {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pss_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    anonymous_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allocator_in_use_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allocator_free_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group_limit_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group_used_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wal_bytes: Option<u64>,
}

/// [`ProcessReading`] with the units in the names.
#[derive(Clone, Serialize, Deserialize)]
struct OtherLine {
    pid: u32,
    #[serde(default, skip_serializing_if = "is_false")]
    ended: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rss_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    peak_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    threads: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wal_bytes: Option<u64>,
}

/// What has changed in a [`ConnectionReading`], with the units in the names. Absent: as in the sample
/// before, and the times longer by what has passed since.
#[derive(Clone, Default, Serialize, Deserialize)]
struct ConnectionLine {
    /// Nothing follows from the sample before: what is absent is 0, closed, or none.
    #[serde(default, skip_serializing_if = "is_false")]
    new: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<ConnectionState>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    task: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cache_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cache_hits: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cache_misses: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cache_spills: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schema_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    statements_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vm_steps: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state_secs: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    snapshot_secs: Option<f64>,
    /// Absent: less than a tenth of a second, whatever was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    silent_secs: Option<f64>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// An error message up to the first name or value in it: recordings are passed on, and SQLite quotes
/// statements (`no such column: salary`, `near "FORM": syntax error`) and paths.
fn without_names(text: &str) -> &str {
    let words = text
        .split(['"', '\'', ':', '/', '`'])
        .next()
        .unwrap_or("")
        .trim();
    match words {
        "" | "near" => "the statement was refused",
        words => words,
    }
}

/// Milliseconds are as fine as a sampler's clock means anything.
fn in_millis(secs: f64) -> f64 {
    (secs * 1e3).round() / 1e3
}

fn number(bytes: Option<Bytes>) -> Option<u64> {
    bytes.map(|bytes| bytes.0)
}

impl SampleLine {
    pub(super) fn new(sample: &MemorySample, previous: Option<&MemorySample>) -> Self {
        let MemorySample {
            at_secs,
            rss,
            sqlite_heap,
            sqlite_heap_peak,
            available,
            connections,
            window,
            slow,
            other,
        } = sample;
        // The engine publishes a place for every connection that there could be.
        let num_used = connections
            .iter()
            .rposition(|connection| connection.state != ConnectionState::Closed)
            .map_or(0, |last| last + 1);
        let at_secs = in_millis(*at_secs);
        let changed = |now: Bytes, before: fn(&MemorySample) -> Bytes| {
            let before = previous.map(before);
            (before != Some(now)).then_some(now.0)
        };
        Self {
            at_secs,
            rss_bytes: number(*rss),
            sqlite_heap_bytes: sqlite_heap.0,
            sqlite_heap_peak_bytes: changed(*sqlite_heap_peak, |sample| sample.sqlite_heap_peak),
            available_bytes: number(*available),
            connections: connections
                .iter()
                .take(num_used)
                .enumerate()
                .map(|(index, connection)| {
                    ConnectionLine::new(connection, due(previous, index, at_secs))
                })
                .collect(),
            window_rows_bytes: changed(window.rows, |sample| sample.window.rows),
            window_positions_bytes: changed(window.positions, |sample| sample.window.positions),
            slow: slow.as_ref().map(SlowLine::from),
            other: other.as_ref().map(OtherLine::from),
        }
    }

    pub(super) fn into_sample(self, previous: Option<&MemorySample>) -> MemorySample {
        let Self {
            at_secs,
            rss_bytes,
            sqlite_heap_bytes,
            sqlite_heap_peak_bytes,
            available_bytes,
            connections,
            window_rows_bytes,
            window_positions_bytes,
            slow,
            other,
        } = self;
        let or_before = |now: Option<u64>, before: fn(&MemorySample) -> Bytes| {
            let before = previous.map(before);
            now.map(Bytes).or(before).unwrap_or_default()
        };
        MemorySample {
            at_secs,
            rss: rss_bytes.map(Bytes),
            sqlite_heap: Bytes(sqlite_heap_bytes),
            sqlite_heap_peak: or_before(sqlite_heap_peak_bytes, |sample| sample.sqlite_heap_peak),
            available: available_bytes.map(Bytes),
            connections: connections
                .into_iter()
                .enumerate()
                .map(|(index, line)| line.into_reading(due(previous, index, at_secs)))
                .collect(),
            window: WindowMemory {
                rows: or_before(window_rows_bytes, |sample| sample.window.rows),
                positions: or_before(window_positions_bytes, |sample| sample.window.positions),
            },
            slow: slow.map(SlowReading::from),
            other: other.map(ProcessReading::from),
        }
    }
}

/// What a connection's reading is if nothing happens but time passing. `None`: it was not open.
fn due(previous: Option<&MemorySample>, index: usize, at_secs: f64) -> Option<ConnectionReading> {
    let sample = previous?;
    let before = *sample.connections.get(index)?;
    let passed_secs = at_secs - sample.at_secs;
    Some(ConnectionReading {
        state_secs: before.state_secs + passed_secs,
        snapshot_secs: before.snapshot_secs.map(|secs| secs + passed_secs),
        silent_secs: 0.0,
        ..before
    })
}

/// A time is written again once it is off by so much: a clock's rounding, twice.
const TOLERANCE_SECS: f64 = 0.001;

/// Below this, SQLite has looked up often enough.
const SILENT_SECS: f64 = 0.1;

impl ConnectionLine {
    fn new(reading: &ConnectionReading, due: Option<ConnectionReading>) -> Self {
        // What has gone cannot be told by leaving it out.
        let due = due.filter(|due| {
            let is_over = due.task.is_some() && reading.task.is_none();
            let is_released = due.snapshot_secs.is_some() && reading.snapshot_secs.is_none();
            !is_over && !is_released
        });
        let new = due.is_none();
        let due = due.unwrap_or_default();
        let ConnectionReading {
            state,
            task,
            cache_used,
            cache_hits,
            cache_misses,
            cache_spills,
            schema_used,
            statements_used,
            snapshot_secs,
            rows,
            vm_steps,
            state_secs,
            silent_secs,
        } = *reading;
        let changed = |now: u64, due: u64| (now != due).then_some(now);
        let moved = |now: f64, due: Option<f64>| {
            let is_due = due.is_some_and(|due| (now - due).abs() < TOLERANCE_SECS);
            (!is_due).then(|| in_millis(now))
        };
        Self {
            new,
            state: (state != due.state).then_some(state),
            task: task.filter(|_| task != due.task),
            cache_bytes: changed(cache_used.0, due.cache_used.0),
            cache_hits: changed(cache_hits, due.cache_hits),
            cache_misses: changed(cache_misses, due.cache_misses),
            cache_spills: changed(cache_spills, due.cache_spills),
            schema_bytes: changed(schema_used.0, due.schema_used.0),
            statements_bytes: changed(statements_used.0, due.statements_used.0),
            rows: changed(rows, due.rows),
            vm_steps: changed(vm_steps, due.vm_steps),
            state_secs: moved(state_secs, Some(due.state_secs)),
            snapshot_secs: snapshot_secs.and_then(|now| moved(now, due.snapshot_secs)),
            silent_secs: (silent_secs >= SILENT_SECS).then(|| in_millis(silent_secs)),
        }
    }

    fn into_reading(self, due: Option<ConnectionReading>) -> ConnectionReading {
        let Self {
            new,
            state,
            task,
            cache_bytes,
            cache_hits,
            cache_misses,
            cache_spills,
            schema_bytes,
            statements_bytes,
            rows,
            vm_steps,
            state_secs,
            snapshot_secs,
            silent_secs,
        } = self;
        let due = due.filter(|_| !new).unwrap_or_default();
        ConnectionReading {
            state: state.unwrap_or(due.state),
            task: task.or(due.task),
            cache_used: cache_bytes.map_or(due.cache_used, Bytes),
            cache_hits: cache_hits.unwrap_or(due.cache_hits),
            cache_misses: cache_misses.unwrap_or(due.cache_misses),
            cache_spills: cache_spills.unwrap_or(due.cache_spills),
            schema_used: schema_bytes.map_or(due.schema_used, Bytes),
            statements_used: statements_bytes.map_or(due.statements_used, Bytes),
            snapshot_secs: snapshot_secs.or(due.snapshot_secs),
            rows: rows.unwrap_or(due.rows),
            vm_steps: vm_steps.unwrap_or(due.vm_steps),
            state_secs: state_secs.unwrap_or(due.state_secs),
            silent_secs: silent_secs.unwrap_or(0.0),
        }
    }
}

impl From<&SlowReading> for SlowLine {
    fn from(reading: &SlowReading) -> Self {
        let SlowReading {
            pss,
            anonymous,
            allocator,
            group,
            wal,
        } = reading;
        Self {
            pss_bytes: number(*pss),
            anonymous_bytes: number(*anonymous),
            allocator_in_use_bytes: allocator.map(|allocator| allocator.in_use.0),
            allocator_free_bytes: allocator.map(|allocator| allocator.free.0),
            group_limit_bytes: group.map(|group| group.limit.0),
            group_used_bytes: group.map(|group| group.used.0),
            wal_bytes: number(*wal),
        }
    }
}

impl From<SlowLine> for SlowReading {
    fn from(line: SlowLine) -> Self {
        let SlowLine {
            pss_bytes,
            anonymous_bytes,
            allocator_in_use_bytes,
            allocator_free_bytes,
            group_limit_bytes,
            group_used_bytes,
            wal_bytes,
        } = line;
        Self {
            pss: pss_bytes.map(Bytes),
            anonymous: anonymous_bytes.map(Bytes),
            allocator: allocator_in_use_bytes
                .zip(allocator_free_bytes)
                .map(|(in_use, free)| AllocatorReading {
                    in_use: Bytes(in_use),
                    free: Bytes(free),
                }),
            group: group_limit_bytes
                .zip(group_used_bytes)
                .map(|(limit, used)| Group {
                    limit: Bytes(limit),
                    used: Bytes(used),
                }),
            wal: wal_bytes.map(Bytes),
        }
    }
}

impl From<&ProcessReading> for OtherLine {
    fn from(reading: &ProcessReading) -> Self {
        let ProcessReading {
            pid,
            state,
            rss,
            peak,
            threads,
            file,
            wal,
            trouble: _,
        } = reading;
        Self {
            pid: *pid,
            ended: *state == ProcessState::Ended,
            rss_bytes: number(*rss),
            peak_bytes: number(*peak),
            threads: *threads,
            file_bytes: file.as_ref().map(|file| file.bytes.0),
            wal_bytes: number(*wal),
        }
    }
}

impl From<OtherLine> for ProcessReading {
    fn from(line: OtherLine) -> Self {
        let OtherLine {
            pid,
            ended,
            rss_bytes,
            peak_bytes,
            threads,
            file_bytes,
            wal_bytes,
        } = line;
        Self {
            pid,
            state: if ended {
                ProcessState::Ended
            } else {
                ProcessState::Running
            },
            rss: rss_bytes.map(Bytes),
            peak: peak_bytes.map(Bytes),
            threads,
            // Where it lies is not recorded.
            file: file_bytes.map(|bytes| OpenFile {
                path: PathBuf::new(),
                bytes: Bytes(bytes),
            }),
            wal: wal_bytes.map(Bytes),
            trouble: None,
        }
    }
}
