//! Axes: which numbers stand beside them, and where.

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    memory::marker::ClockChanges,
    units::{Bytes, format_elapsed},
};

/// Memory from 0 to the upper edge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct MemoryScale {
    /// At the upper edge, in bytes.
    pub(super) top: f64,
    step: f64,
    unit: &'static str,
    bytes_per_unit: f64,
}

impl MemoryScale {
    /// Room for `largest`, and about `num_labels` numbers.
    pub(super) fn new(largest: Bytes, num_labels: f64) -> Self {
        let largest = (largest.0 as f64 * 1.04).max(64.0 * 1024.0);
        let (unit, bytes_per_unit) = [("GiB", Bytes::gib(1)), ("MiB", Bytes::mib(1))]
            .into_iter()
            .find(|(_, unit)| largest >= 2.0 * unit.0 as f64)
            .map_or(("KiB", 1024.0), |(name, unit)| (name, unit.0 as f64));
        let step = round_step(largest / bytes_per_unit / num_labels.max(1.0)) * bytes_per_unit;
        Self {
            top: (largest / step).ceil() * step,
            step,
            unit,
            bytes_per_unit,
        }
    }

    /// Each number, with how many bytes it stands for.
    pub(super) fn labels(&self) -> Vec<(f64, String)> {
        let count = (self.top / self.step).round() as u32;
        (0..=count)
            .map(|index| {
                let bytes = f64::from(index) * self.step;
                let amount = (bytes / self.bytes_per_unit * 1e3).round() / 1e3;
                (bytes, amount.to_string())
            })
            .collect()
    }

    pub(super) fn unit(&self) -> &'static str {
        self.unit
    }
}

/// The next larger of 1, 2, 5, 10, 20, …
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    let found = steps.into_iter().find(|step| *step >= least * 0.999);
    found.unwrap_or(power * 10.0)
}

/// What the numbers below the chart are.
#[derive(Clone, Debug)]
pub(super) enum Clock {
    /// Seconds, since whatever `name` says.
    Seconds { name: String },
    /// The time of day.
    TimeOfDay {
        /// Of second 0, by the clock as it was at the start.
        zero_unix_secs: f64,
        /// What became of the clock since.
        changes: ClockChanges,
        zone: TimeZone,
    },
}

/// Steps that people count time in.
const STEPS: [f64; 22] = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0,
    1200.0, 1800.0, 3600.0, 7200.0, 21_600.0, 86_400.0,
];

impl Clock {
    /// Each number with its second, at most about `most` of them.
    pub(super) fn labels(&self, from: f64, to: f64, most: f64) -> Vec<(f64, String)> {
        let least = (to - from) / most.max(1.0);
        let step = STEPS.into_iter().find(|step| *step >= least);
        let step = step.unwrap_or_else(|| (least / 86_400.0).ceil() * 86_400.0);
        // A clock shows tenths of a second at most.
        let step = match self {
            Self::Seconds { .. } => step,
            Self::TimeOfDay { .. } => step.max(0.1),
        };
        let mut labels: Vec<(f64, String)> = Vec::new();
        for (from, to) in self.runs(from, to) {
            let shift = self.shift_secs(from);
            let first = ((from + shift) / step).ceil() as i64;
            let last = ((to + shift) / step).floor() as i64;
            for index in first..=last {
                let secs = index as f64 * step - shift;
                // Where the clock was set, round times may lie side by side.
                if labels
                    .last()
                    .is_some_and(|(last, _)| secs - last < step / 2.0)
                {
                    continue;
                }
                let text = match self {
                    Self::Seconds { .. } if to < 600.0 => seconds(secs),
                    Self::Seconds { .. } => hours(secs, false),
                    Self::TimeOfDay { .. } if step < 1.0 => {
                        let tenths = ((secs + shift) * 10.0).round();
                        let text = hours((tenths / 10.0).floor().rem_euclid(86_400.0), false);
                        format!("{text}.{}", tenths.rem_euclid(10.0))
                    }
                    Self::TimeOfDay { .. } => {
                        hours((secs + shift).rem_euclid(86_400.0), step >= 60.0)
                    }
                };
                labels.push((secs, text));
            }
        }
        labels
    }

    /// The range in parts in each of which the clock just went on.
    fn runs(&self, from: f64, to: f64) -> Vec<(f64, f64)> {
        let mut starts = vec![from];
        if let Self::TimeOfDay { changes, .. } = self {
            starts.extend(changes.moments().filter(|secs| from < *secs && *secs < to));
        }
        let ends = starts.iter().skip(1).copied().chain([to]);
        starts.iter().copied().zip(ends).collect()
    }

    /// What is added to a second for the time of day at that moment, in seconds since some midnight.
    fn shift_secs(&self, secs: f64) -> f64 {
        match self {
            Self::Seconds { .. } => 0.0,
            Self::TimeOfDay {
                zero_unix_secs,
                changes,
                zone,
            } => {
                let shift = zero_unix_secs + changes.shift_secs(secs);
                shift + offset_secs(zone, shift + secs)
            }
        }
    }

    /// What the axis is called.
    pub(super) fn name(&self, to: f64) -> String {
        match self {
            Self::Seconds { name } if to < 600.0 => format!("seconds {name}"),
            Self::Seconds { name } => format!("h:min:s {name}"),
            Self::TimeOfDay { zone, .. } => {
                format!("time of day ({})", crate::units::zone_name(zone))
            }
        }
    }

    /// A moment in a list: `12.3 s`, or `06:14:12`.
    pub(super) fn moment(&self, secs: f64) -> String {
        match self {
            Self::Seconds { .. } => {
                let sign = if secs < 0.0 { "−" } else { "" };
                let text = format_elapsed(crate::units::seconds(secs.abs()));
                format!("{sign}{text}")
            }
            Self::TimeOfDay { .. } => {
                hours((secs + self.shift_secs(secs)).rem_euclid(86_400.0), false)
            }
        }
    }
}

fn offset_secs(zone: &TimeZone, unix_secs: f64) -> f64 {
    Timestamp::from_second(unix_secs as i64)
        .map_or(0.0, |time| f64::from(zone.to_offset(time).seconds()))
}

fn seconds(secs: f64) -> String {
    let rounded = (secs * 100.0).round() / 100.0;
    // No minus before a zero.
    (rounded + 0.0).to_string().replace('-', "−")
}

fn hours(secs: f64, is_short: bool) -> String {
    let sign = if secs <= -0.5 { "−" } else { "" };
    let whole = secs.abs().round() as u64;
    let (hours, minutes) = (whole / 3600, whole / 60 % 60);
    if is_short {
        format!("{sign}{hours:02}:{minutes:02}")
    } else {
        format!("{sign}{hours:02}:{minutes:02}:{:02}", whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::marker::ClockChange;

    #[test]
    fn memory_is_labelled_in_round_numbers() {
        let scale = MemoryScale::new(Bytes::mib(212), 5.0);
        let labels: Vec<_> = scale.labels().into_iter().map(|label| label.1).collect();
        assert_eq!(labels, ["0", "50", "100", "150", "200", "250"]);
        assert_eq!(scale.unit(), "MiB");
        assert!(scale.top >= Bytes::mib(212).0 as f64);
        let scale = MemoryScale::new(Bytes::gib(12), 5.0);
        assert_eq!((scale.unit(), scale.labels()[1].1.as_str()), ("GiB", "5"));
    }

    #[test]
    fn times_are_labelled_in_seconds_hours_or_by_the_clock() {
        let clock = Clock::Seconds {
            name: String::new(),
        };
        let texts = |labels: Vec<(f64, String)>| -> Vec<String> {
            labels.into_iter().map(|label| label.1).collect()
        };
        assert_eq!(
            texts(clock.labels(-1.0, 1.0, 4.0)),
            ["−1", "−0.5", "0", "0.5", "1"]
        );
        let hours = texts(clock.labels(0.0, 7_200.0, 4.0));
        assert_eq!(
            hours,
            ["00:00:00", "00:30:00", "01:00:00", "01:30:00", "02:00:00"]
        );
        let clock = Clock::TimeOfDay {
            zero_unix_secs: 1_773_209_650.0,
            changes: ClockChanges::default(),
            zone: TimeZone::UTC,
        };
        let labels = clock.labels(0.0, 240.0, 4.0);
        assert_eq!(labels[0], (50.0, "06:15".to_owned()), "{labels:?}");
        assert_eq!(clock.moment(2.4), "06:14:12");
        let labels = texts(clock.labels(0.0, 2.0, 4.0));
        assert_eq!(labels[..3], ["06:14:10.0", "06:14:10.5", "06:14:11.0"]);
    }

    #[test]
    fn times_of_day_are_right_on_both_sides_of_a_change_of_the_clock() {
        let mut changes = ClockChanges::default();
        changes.push(ClockChange {
            at_secs: 100.0,
            by_secs: 3_610.0,
        });
        let clock = Clock::TimeOfDay {
            // 06:14:10.
            zero_unix_secs: 1_773_209_650.0,
            changes,
            zone: TimeZone::UTC,
        };
        assert_eq!(clock.moment(99.0), "06:15:49");
        assert_eq!(clock.moment(100.0), "07:16:00");
        let labels: Vec<_> = clock
            .labels(0.0, 240.0, 4.0)
            .into_iter()
            .map(|(secs, text)| (secs.round() as i64, text))
            .collect();
        let expected = [
            (50, "06:15"),
            (100, "07:16"),
            (160, "07:17"),
            (220, "07:18"),
        ];
        assert_eq!(labels, expected.map(|(secs, text)| (secs, text.to_owned())));
    }
}
