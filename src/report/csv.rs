//! What was measured and what happened as CSV: one row for each sample, one for each event.

use std::{io, path::Path};

use csv::Writer;

use super::chart::no_sample;
use crate::{
    error::{Error, Result},
    memory::{
        history::History,
        journal::Entry,
        marker::{Band, ClockChanges, Marker},
        quantity::Quantity,
        recording::{Item, Reader, TaskReceipt},
        sample::{ConnectionState, MemorySample, SlowReading},
        series::{Counted, Point, SLOW_AGE_SECS},
    },
};

/// Seconds from the first to the last row, both included. `None`: everything.
pub type Span = Option<(f64, f64)>;

/// Writes the samples of a recording, each as it was read. Answers with their number.
///
/// What is read once a second stands in the rows up to the next reading. Hits and misses count from
/// one row to the next.
///
/// # Errors
/// If the recording cannot be read, has no sample in the range, or the table cannot be written.
pub fn samples(
    path: &Path,
    quantities: &[Quantity],
    span: Span,
    out: impl io::Write,
) -> Result<u64> {
    // The header needs to know how many page caches there are, so that everything is read twice:
    // all samples of a day would take a gigabyte.
    let mut num_caches = 0;
    let mut ends = None;
    let clock = for_each(path, |sample| {
        let first = ends.map_or(sample.at_secs, |(first, _)| first);
        ends = Some((first, sample.at_secs));
        num_caches = num_caches.max(caches(sample).count());
        Ok(())
    })?;
    let began = Reader::open(path)?.header().recorded_at_unix_secs as f64;
    let (first, last) =
        ends.ok_or_else(|| Error::other("write a table", "not one sample was recorded"))?;
    let mut names = vec!["time_secs".to_owned(), "unix_secs".to_owned()];
    names.extend(
        quantities
            .iter()
            .map(|quantity| format!("{}_bytes", quantity.key())),
    );
    names.extend((1..=num_caches).map(|number| format!("cache_{number}_bytes")));
    names.extend(["cache_hits", "cache_misses", "snapshot_secs"].map(str::to_owned));
    let mut table = Writer::from_writer(out);
    table.write_record(&names).map_err(cannot_write)?;
    let mut counted = Counted::default();
    let mut slow: Option<(f64, SlowReading)> = None;
    let mut num_rows = 0_u64;
    let mut is_first = true;
    for_each(path, |sample| {
        let at_secs = sample.at_secs;
        if let Some(reading) = &sample.slow {
            slow = Some((at_secs, reading.clone()));
        }
        let (hits, misses) = counted.since(&sample.connections);
        // What was counted before the recording began belongs to no row.
        let (hits, misses) = if is_first { (0, 0) } else { (hits, misses) };
        is_first = false;
        if !is_within(span, at_secs) {
            return Ok(());
        }
        let newest = slow
            .as_ref()
            .filter(|(taken, _)| at_secs - taken < SLOW_AGE_SECS)
            .map(|(_, slow)| slow);
        let mut row = vec![
            millis(at_secs),
            millis(began + at_secs + clock.shift_secs(at_secs) - first),
        ];
        row.extend(quantities.iter().map(|quantity| {
            let bytes = quantity.of(sample, newest);
            bytes.map_or_else(String::new, |bytes| bytes.0.to_string())
        }));
        let filled = row.len() + num_caches;
        row.extend(
            caches(sample).map(|cache| cache.map_or_else(String::new, |bytes| bytes.to_string())),
        );
        row.resize(filled, String::new());
        row.extend([
            hits.to_string(),
            misses.to_string(),
            sample.snapshot_secs().map_or_else(String::new, millis),
        ]);
        num_rows += 1;
        table.write_record(&row).map_err(cannot_write)
    })?;
    table
        .flush()
        .map_err(|source| Error::other("write a table", source))?;
    if num_rows == 0 {
        return Err(no_sample(first, last));
    }
    Ok(num_rows)
}

/// Each connection's page cache, up to the last open one; `None` for a closed one.
fn caches(sample: &MemorySample) -> impl Iterator<Item = Option<u64>> {
    let is_open = |state| state != ConnectionState::Closed;
    let connections = &sample.connections;
    let last = connections
        .iter()
        .rposition(|connection| is_open(connection.state));
    connections
        .iter()
        .take(last.map_or(0, |last| last + 1))
        .map(move |connection| is_open(connection.state).then_some(connection.cache_used.0))
}

/// Hands over each sample, and answers with what became of the clock meanwhile.
fn for_each(
    path: &Path,
    mut take: impl FnMut(&MemorySample) -> Result<()>,
) -> Result<ClockChanges> {
    let mut reader = Reader::open(path)?;
    let mut clock = ClockChanges::default();
    while let Some(item) = reader.read_next()? {
        match item {
            Item::Sample(sample) => take(&sample)?,
            Item::Entry(Entry::ClockChanged(change)) => clock.push(change),
            Item::Entry(_) | Item::Unknown(_) => {}
        }
    }
    Ok(clock)
}

/// The Unix time of a moment, by the clock as it was then.
fn unix_text(history: &History, zero_unix_secs: Option<f64>, at_secs: f64) -> String {
    let shift = history.timeline.clock.shift_secs(at_secs);
    zero_unix_secs.map_or_else(String::new, |zero| millis(zero + at_secs + shift))
}

/// Writes the points of a history that is kept in bounded memory.
///
/// After some time a point stands for several samples, so each quantity has a column for its smallest, largest and mean value.
/// Sizes are as fine as a KiB. `zero_unix_secs` is the Unix time of second 0, by the clock as it was
/// at the start.
///
/// # Errors
/// If there is no point in the range, or the table cannot be written.
pub fn points(
    history: &History,
    quantities: &[Quantity],
    span: Span,
    zero_unix_secs: Option<f64>,
    out: impl io::Write,
) -> Result<u64> {
    let series = &history.series;
    let points: Vec<&Point> = series
        .points()
        .iter()
        .filter(|point| is_within(span, point.from_secs))
        .collect();
    if points.is_empty() {
        let (first, last) = series.span().unwrap_or_default();
        return Err(no_sample(first, last));
    }
    let num_caches = points
        .iter()
        .map(|point| point.num_caches())
        .max()
        .unwrap_or(0);
    let mut names: Vec<String> = ["from_secs", "to_secs", "from_unix_secs", "num_samples"]
        .map(str::to_owned)
        .to_vec();
    for quantity in quantities {
        let key = quantity.key();
        names.extend(["min", "max", "mean"].map(|what| format!("{key}_{what}_bytes")));
    }
    names.extend((1..=num_caches).map(|number| format!("cache_{number}_max_bytes")));
    names.extend(["cache_hits", "cache_misses", "snapshot_max_secs"].map(str::to_owned));
    let mut table = Writer::from_writer(out);
    table.write_record(&names).map_err(cannot_write)?;
    for point in &points {
        let unix = unix_text(history, zero_unix_secs, point.from_secs);
        let mut row = vec![
            millis(point.from_secs),
            millis(point.to_secs),
            unix,
            point.num_samples.to_string(),
        ];
        for quantity in quantities {
            row.extend(
                point
                    .range(*quantity)
                    .map_or_else(Default::default, |range| {
                        [
                            range.min.to_string(),
                            range.max.to_string(),
                            format!("{:.0}", range.mean),
                        ]
                    }),
            );
        }
        row.extend((0..num_caches).map(|index| point.cache(index).0.to_string()));
        row.extend([
            point.cache_hits.to_string(),
            point.cache_misses.to_string(),
            millis(f64::from(point.snapshot_secs)),
        ]);
        table.write_record(&row).map_err(cannot_write)?;
    }
    table
        .flush()
        .map_err(|source| Error::other("write a table", source))?;
    Ok(points.len() as u64)
}

/// Writes what happened, in the order it happened: tasks with their duration and outcome, and
/// marks. Answers with the number of rows.
///
/// # Errors
/// If the table cannot be written.
pub fn events(
    history: &History,
    receipts: &[TaskReceipt],
    span: Span,
    zero_unix_secs: Option<f64>,
    out: impl io::Write,
) -> Result<u64> {
    let timeline = &history.timeline;
    let bands = timeline
        .bands
        .iter()
        .map(|band| (band.from_secs, of_band(band, receipts)));
    let marks = timeline
        .markers
        .iter()
        .map(|mark| (mark.at_secs, of_mark(mark)));
    let mut rows: Vec<(f64, [String; 5])> = bands
        .chain(marks)
        .filter(|(at_secs, _)| is_within(span, *at_secs))
        .collect();
    rows.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut table = Writer::from_writer(out);
    let names = [
        "time_secs",
        "unix_secs",
        "kind",
        "name",
        "text",
        "duration_secs",
        "outcome",
    ];
    table.write_record(names).map_err(cannot_write)?;
    for (at_secs, cells) in &rows {
        let unix = unix_text(history, zero_unix_secs, *at_secs);
        let times = [millis(*at_secs), unix];
        table
            .write_record(times.iter().chain(cells))
            .map_err(cannot_write)?;
    }
    table
        .flush()
        .map_err(|source| Error::other("write a table", source))?;
    Ok(rows.len() as u64)
}

fn of_band(band: &Band, receipts: &[TaskReceipt]) -> [String; 5] {
    let receipt = receipts.iter().find(|ended| ended.task == band.task);
    let text = receipt.map_or_else(String::new, |ended| {
        let mut text = ended.receipt.to_string();
        if let Some(limit) = &ended.receipt.limit {
            text = format!("{text}: {}", limit.sentence());
        }
        text
    });
    let kind = if band.is_background {
        "background_task"
    } else {
        "task"
    };
    [
        kind.to_owned(),
        band.title.clone(),
        text,
        band.end
            .map_or_else(String::new, |(end, _)| millis(end - band.from_secs)),
        band.end
            .map_or("running", |(_, outcome)| outcome.label())
            .to_owned(),
    ]
}

fn of_mark(mark: &Marker) -> [String; 5] {
    [
        mark.kind.name().to_owned(),
        mark.kind.label().to_owned(),
        mark.text.clone(),
        String::new(),
        String::new(),
    ]
}

fn is_within(span: Span, at_secs: f64) -> bool {
    span.is_none_or(|(from, to)| (from..=to).contains(&at_secs))
}

/// Three decimals, as fine as a recording is.
fn millis(secs: f64) -> String {
    format!("{secs:.3}")
}

fn cannot_write(source: csv::Error) -> Error {
    Error::other("write a table", source)
}
