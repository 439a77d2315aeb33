//! What no program wrote: times and sizes that only a damaged file has. One of them would move
//! everything else out of sight.

use crate::{
    memory::{
        journal::Entry,
        sample::{MemorySample, SlowReading},
    },
    units::Bytes,
};

/// A program that recorded for longer has not been seen, and its clock starts with it.
const LONGEST_SECS: f64 = 10.0 * 366.0 * 86_400.0;

/// Larger numbers are not exact in JSON everywhere, and no machine has so much memory: 8 PiB.
const MOST_BYTES: u64 = 1 << 53;

/// A control group may have a limit that is none in all but name; see `memory/cgroup.rs`.
const MOST_LIMIT: u64 = 1 << 60;

/// What is wrong with a sample that follows a line of this time.
pub(super) fn sample(sample: &MemorySample, last_secs: f64) -> Result<(), String> {
    time(sample.at_secs, last_secs)?;
    let slow = sample.slow.as_ref();
    let of_slow = |of: fn(&SlowReading) -> Option<Bytes>| slow.and_then(of);
    let other = sample.other.as_ref();
    for (bytes, what) in [
        (sample.rss, "rss_bytes"),
        (Some(sample.sqlite_heap), "sqlite_heap_bytes"),
        (Some(sample.sqlite_heap_peak), "sqlite_heap_peak_bytes"),
        (sample.available, "available_bytes"),
        (Some(sample.window.rows), "window_rows_bytes"),
        (Some(sample.window.positions), "window_positions_bytes"),
        (of_slow(|slow| slow.pss), "pss_bytes"),
        (of_slow(|slow| slow.anonymous), "anonymous_bytes"),
        (
            of_slow(|slow| Some(slow.allocator?.in_use)),
            "allocator_in_use_bytes",
        ),
        (
            of_slow(|slow| Some(slow.allocator?.free)),
            "allocator_free_bytes",
        ),
        (of_slow(|slow| Some(slow.group?.used)), "group_used_bytes"),
        (of_slow(|slow| slow.wal), "wal_bytes"),
        (other.and_then(|other| other.rss), "rss_bytes of other"),
        (other.and_then(|other| other.peak), "peak_bytes of other"),
        (
            other.and_then(|other| Some(other.file.as_ref()?.bytes)),
            "file_bytes of other",
        ),
        (other.and_then(|other| other.wal), "wal_bytes of other"),
    ] {
        size(bytes, MOST_BYTES, what)?;
    }
    let limit = of_slow(|slow| Some(slow.group?.limit));
    size(limit, MOST_LIMIT, "group_limit_bytes")?;
    for connection in &sample.connections {
        size(Some(connection.cache_used), MOST_BYTES, "cache_bytes")?;
        size(Some(connection.schema_used), MOST_BYTES, "schema_bytes")?;
        size(
            Some(connection.statements_used),
            MOST_BYTES,
            "statements_bytes",
        )?;
        let ages = [
            Some(connection.state_secs),
            connection.snapshot_secs,
            Some(connection.silent_secs),
        ];
        if ages.into_iter().flatten().any(|secs| !is_age(secs)) {
            return Err("a connection has an age of more than ten years".to_owned());
        }
    }
    Ok(())
}

/// What is wrong with something that happened after a line of this time.
pub(super) fn entry(entry: &Entry, last_secs: f64) -> Result<(), String> {
    time(entry.at_secs(), last_secs)?;
    let Entry::Ended(ended) = entry else {
        return Ok(());
    };
    if let Some(ended_secs) = ended.ended_secs {
        time(ended_secs, last_secs)?;
    }
    let receipt = &ended.receipt;
    for (bytes, what) in [
        (
            Some(receipt.sqlite_heap_before_bytes),
            "sqlite_heap_before_bytes",
        ),
        (
            Some(receipt.sqlite_heap_peak_bytes),
            "sqlite_heap_peak_bytes",
        ),
        (
            Some(receipt.sqlite_heap_after_bytes),
            "sqlite_heap_after_bytes",
        ),
        (receipt.rss_before_bytes, "rss_before_bytes"),
        (receipt.rss_peak_bytes, "rss_peak_bytes"),
        (receipt.rss_after_bytes, "rss_after_bytes"),
    ] {
        size(bytes.map(Bytes), MOST_BYTES, what)?;
    }
    Ok(())
}

/// Not the sign: what is left out of a line follows from a clock that may have run backwards.
fn is_age(secs: f64) -> bool {
    secs.abs() <= LONGEST_SECS
}

fn time(at_secs: f64, last_secs: f64) -> Result<(), String> {
    if !at_secs.is_finite() || at_secs < 0.0 {
        return Err("its time is before the start of the program that recorded".to_owned());
    }
    if at_secs - last_secs > LONGEST_SECS {
        return Err("its time is more than ten years after the line before".to_owned());
    }
    Ok(())
}

fn size(bytes: Option<Bytes>, most: u64, what: &str) -> Result<(), String> {
    match bytes {
        Some(Bytes(bytes)) if bytes > most => {
            Err(format!("{what} is more than any machine has: {bytes}"))
        }
        Some(_) | None => Ok(()),
    }
}
