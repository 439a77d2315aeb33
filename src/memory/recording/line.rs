//! The lines of a recording after its header, with the units in the names.

use serde::{Deserialize, Serialize};

use super::TaskReceipt;
use crate::{
    memory::sample::{ConnectionReading, ConnectionState, MemorySample, WindowMemory},
    units::Bytes,
};

/// Every line after the header.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Line {
    Sample(SampleLine),
    Started {
        at_secs: f64,
        task: u64,
        title: String,
    },
    StopAsked {
        at_secs: f64,
        task: u64,
    },
    Mark {
        at_secs: f64,
        mark: String,
        text: String,
    },
    Receipt(Box<TaskReceipt>),
    /// Written by a later version.
    #[serde(other)]
    Unknown,
}

/// [`MemorySample`] with the units in the names.
#[derive(Serialize, Deserialize)]
pub(super) struct SampleLine {
    at_secs: f64,
    rss_bytes: Option<u64>,
    sqlite_heap_bytes: u64,
    available_bytes: Option<u64>,
    connections: Vec<ConnectionLine>,
    /// Not in the recordings of earlier versions, nor where no window holds anything.
    #[serde(default, skip_serializing_if = "is_zero")]
    window_rows_bytes: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    window_positions_bytes: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_zero(bytes: &u64) -> bool {
    *bytes == 0
}

/// [`ConnectionReading`] with the units in the names.
#[derive(Serialize, Deserialize)]
struct ConnectionLine {
    state: ConnectionState,
    task: Option<u64>,
    cache_bytes: u64,
    cache_hits: u64,
    cache_misses: u64,
    cache_spills: u64,
    rows: u64,
    vm_steps: u64,
    state_secs: f64,
    silent_secs: f64,
}

impl From<&MemorySample> for SampleLine {
    fn from(sample: &MemorySample) -> Self {
        let MemorySample {
            at_secs,
            rss,
            sqlite_heap,
            available,
            connections,
            window,
        } = sample;
        // The engine publishes a place for every connection that there could be.
        let num_used = connections
            .iter()
            .rposition(|connection| connection.state != ConnectionState::Closed)
            .map_or(0, |last| last + 1);
        Self {
            at_secs: *at_secs,
            rss_bytes: rss.map(|bytes| bytes.0),
            sqlite_heap_bytes: sqlite_heap.0,
            available_bytes: available.map(|bytes| bytes.0),
            connections: connections
                .iter()
                .take(num_used)
                .map(ConnectionLine::from)
                .collect(),
            window_rows_bytes: window.rows.0,
            window_positions_bytes: window.positions.0,
        }
    }
}

impl From<SampleLine> for MemorySample {
    fn from(line: SampleLine) -> Self {
        let SampleLine {
            at_secs,
            rss_bytes,
            sqlite_heap_bytes,
            available_bytes,
            connections,
            window_rows_bytes,
            window_positions_bytes,
        } = line;
        Self {
            at_secs,
            rss: rss_bytes.map(Bytes),
            sqlite_heap: Bytes(sqlite_heap_bytes),
            available: available_bytes.map(Bytes),
            connections: connections
                .into_iter()
                .map(ConnectionReading::from)
                .collect(),
            window: WindowMemory {
                rows: Bytes(window_rows_bytes),
                positions: Bytes(window_positions_bytes),
            },
        }
    }
}

impl From<&ConnectionReading> for ConnectionLine {
    fn from(reading: &ConnectionReading) -> Self {
        let ConnectionReading {
            state,
            task,
            cache_used,
            cache_hits,
            cache_misses,
            cache_spills,
            rows,
            vm_steps,
            state_secs,
            silent_secs,
        } = *reading;
        Self {
            state,
            task,
            cache_bytes: cache_used.0,
            cache_hits,
            cache_misses,
            cache_spills,
            rows,
            vm_steps,
            state_secs,
            silent_secs,
        }
    }
}

impl From<ConnectionLine> for ConnectionReading {
    fn from(line: ConnectionLine) -> Self {
        let ConnectionLine {
            state,
            task,
            cache_bytes,
            cache_hits,
            cache_misses,
            cache_spills,
            rows,
            vm_steps,
            state_secs,
            silent_secs,
        } = line;
        Self {
            state,
            task,
            cache_used: Bytes(cache_bytes),
            cache_hits,
            cache_misses,
            cache_spills,
            rows,
            vm_steps,
            state_secs,
            silent_secs,
        }
    }
}
