//! Summaries in words: for the clipboard, for screen readers.

use super::{Course, RangeSummary, size, touches};
use crate::{
    engine::receipt::Outcome,
    memory::{history::History, quantity::Quantity, series::Point},
    units::{Bytes, counted, format_count, format_elapsed},
};

/// `+412 MiB`, `−1.20 GiB`, `±0`.
pub fn signed(bytes: i64) -> String {
    match bytes {
        0 => "±0".to_owned(),
        more if more > 0 => format!("+{}", size(more)),
        less => format!("−{}", size(less)),
    }
}

/// What the second has more than the first.
pub fn difference(first: f64, second: f64) -> String {
    signed((second - first).round() as i64)
}

/// `known 43 % of the time`; `None` if that is all of it. What is said of a quantity is then said of
/// this part.
pub fn partly_known(num_known: u32, num_samples: u32) -> Option<String> {
    if num_known >= num_samples {
        return None;
    }
    // Rounded towards the middle: neither never nor always would be true.
    let percent = (f64::from(num_known) * 100.0 / f64::from(num_samples)).round();
    Some(match percent {
        ..1.0 => "known less than 1 % of the time".to_owned(),
        100.0.. => "known more than 99 % of the time".to_owned(),
        percent => format!("known {percent} % of the time"),
    })
}

impl RangeSummary {
    /// How long it is: `12.0 s`.
    pub fn duration(&self) -> String {
        elapsed(self.to_secs - self.from_secs)
    }

    /// Everything it says about these quantities, line by line; `time` writes a time of the axis.
    pub fn text(&self, quantities: &[Quantity], time: impl Fn(f64) -> String) -> String {
        let mut lines = vec![format!(
            "{} to {} ({}), {}",
            time(self.from_secs),
            time(self.to_secs),
            self.duration(),
            counted(self.num_samples.into(), "sample", "samples")
        )];
        for quantity in quantities {
            let Some(course) = self.course(*quantity) else {
                continue;
            };
            let Course { peak, mean, .. } = course;
            let part = partly_known(course.num_known, self.num_samples);
            lines.push(format!(
                "{}: peak {}, mean {}, change {}{}",
                quantity.label(),
                Bytes(peak),
                Bytes(mean as u64),
                signed(course.change()),
                part.map_or_else(String::new, |part| format!("; {part}"))
            ));
        }
        lines.push(self.hit_sentence());
        lines.extend(self.snapshot_sentence());
        let mut section = |title: &str, entries: Vec<String>, none: &str| {
            if entries.is_empty() {
                lines.push(none.to_owned());
            } else {
                lines.push(title.to_owned());
                lines.extend(entries.into_iter().map(|entry| format!("  {entry}")));
            }
        };
        let grown = (self.growth.iter())
            .map(|grown| format!("{} +{}", grown.who, Bytes(grown.bytes)))
            .collect();
        section("Grew", grown, "Nothing grew");
        let ran = self.tasks.iter().map(|task| task.sentence()).collect();
        section("Tasks", ran, "No task ran");
        section(
            "Settings changed",
            self.settings.clone(),
            "No setting changed",
        );
        lines.join("\n")
    }

    /// `RSS: known 43 % of the time`, for each of these of which that is true.
    pub fn gaps(&self, quantities: &[Quantity]) -> Vec<String> {
        let gap = |quantity: &Quantity| {
            let known = self.course(*quantity)?.num_known;
            let part = partly_known(known, self.num_samples)?;
            Some(format!("{}: {part}", quantity.label()))
        };
        quantities.iter().filter_map(gap).collect()
    }

    /// `Oldest read snapshot 41.0 s`; `None` where none was held for a second.
    pub fn snapshot_sentence(&self) -> Option<String> {
        let is_worth_it = self.snapshot_secs >= 1.0;
        is_worth_it.then(|| format!("Oldest read snapshot {}", elapsed(self.snapshot_secs)))
    }

    /// `Cache hit ratio 98.2 %, 1 204 misses`.
    pub fn hit_sentence(&self) -> String {
        self.hit_ratio().map_or_else(
            || "No page was looked up".to_owned(),
            |ratio| {
                format!(
                    "Cache hit ratio {}, {} misses",
                    percent(ratio),
                    format_count(self.lookups.1.cast_signed())
                )
            },
        )
    }
}

/// `98.2 %`.
fn percent(ratio: f64) -> String {
    format!("{:.1} %", ratio * 100.0)
}

/// What a chart shows, in one sentence for a screen reader: of each quantity its value now and at
/// most, and what happened. `points` are what the chart draws.
pub fn sentence(
    name: &str,
    history: &History,
    points: &[Point],
    (from_secs, to_secs): (f64, f64),
    quantities: &[Quantity],
) -> String {
    let slow = history.slow().map(|(_, slow)| slow);
    let is_newest = to_secs >= history.latest.at_secs - 1.0;
    let over = elapsed(to_secs - from_secs);
    let mut parts = vec![if is_newest {
        format!("{name} over the last {over}")
    } else {
        format!("{name} over {over}")
    }];
    let inside =
        || (points.iter()).filter(|point| point.to_secs >= from_secs && point.from_secs <= to_secs);
    let values: Vec<_> = quantities
        .iter()
        .filter_map(|quantity| {
            let most = inside().filter_map(|point| point.max(*quantity)).max()?;
            let now = quantity.of(&history.latest, slow);
            Some(match now.filter(|_| is_newest) {
                Some(now) => format!("{} {now} now, at most {most}", quantity.label()),
                None => format!("{} at most {most}", quantity.label()),
            })
        })
        .collect();
    if values.is_empty() {
        parts.push("nothing was sampled".to_owned());
    }
    parts.extend(values);
    let (mut ran, mut cancelled, mut failed, mut running) = (0, 0, 0, 0);
    for band in &history.timeline.bands {
        if touches(band, from_secs, to_secs) {
            ran += 1;
            match band.end {
                None => running += 1,
                Some((_, Outcome::Failed)) => failed += 1,
                Some((_, outcome)) if outcome.is_stop() => cancelled += 1,
                Some(_) => {}
            }
        }
    }
    let special = [
        (running, "running"),
        (cancelled, "stopped"),
        (failed, "failed"),
    ];
    let special = special.iter().filter(|(number, _)| *number > 0);
    let mut tasks = vec![spoken(ran, "task", "ran")];
    tasks.extend(special.map(|(number, word)| format!("{number} {word}")));
    parts.push(tasks.join(", "));
    let markers = &history.timeline.markers;
    let first = markers.partition_point(|marker| marker.at_secs < from_secs);
    let last = markers.partition_point(|marker| marker.at_secs <= to_secs);
    parts.push(spoken(last.saturating_sub(first), "mark", ""));
    let (head, tail) = parts.split_at(1);
    format!("{}: {}", head.concat(), tail.join("; "))
}

fn spoken(number: usize, what: &str, verb: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    let number = if number == 0 {
        "no".to_owned()
    } else {
        number.to_string()
    };
    format!("{number} {what}{plural} {verb}")
        .trim_end()
        .to_owned()
}

fn elapsed(secs: f64) -> String {
    format_elapsed(crate::units::seconds(secs.max(0.0)))
}
