//! What a chart draws from: the live history, or a recording.

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    memory::{history::History, quantity::Quantity},
    state::AppState,
    units::Bytes,
};

/// How the time axis is labelled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Axis {
    /// With the time of day. The engine started at this Unix time, by the clock as it is now.
    TimeOfDay {
        /// In seconds.
        started_unix: f64,
    },
    /// With seconds since this moment of the history: what recordings are laid side by side by.
    Since(f64),
}

/// What a chart draws from.
#[derive(Clone, Copy, Debug)]
pub struct ChartSource<'a> {
    /// What it is called, for screen readers; no two charts of a window may share it.
    pub name: &'a str,
    /// Samples and events.
    pub history: &'a History,
    /// The user's time zone.
    pub zone: &'a TimeZone,
    /// How the time axis is labelled.
    pub axis: Axis,
    /// Where "everything" begins.
    pub first_secs: f64,
    /// The newest moment: the latest sample, or the end of a recording.
    pub now_secs: f64,
}

impl<'a> ChartSource<'a> {
    /// The history of this process, while it goes on.
    pub fn live(state: &'a AppState, started_unix: f64) -> Self {
        Self {
            name: "Memory",
            history: &state.live,
            zone: &state.zone,
            axis: Axis::TimeOfDay { started_unix },
            first_secs: 0.0,
            now_secs: state.live.latest.at_secs,
        }
    }

    /// A recording: everything in it, counted from its first task (or its first sample).
    pub fn recorded(name: &'a str, history: &'a History, zone: &'a TimeZone) -> Self {
        let (first_secs, last_secs) = history.span().unwrap_or_default();
        let zero = history.first_task_secs().unwrap_or(first_secs);
        Self {
            name,
            history,
            zone,
            axis: Axis::Since(zero),
            first_secs,
            now_secs: last_secs,
        }
    }

    /// A moment as the axis writes it, to the second; ticks closer than that have a decimal.
    pub fn time_text(&self, secs: f64, step_secs: f64) -> String {
        match self.axis {
            Axis::TimeOfDay { started_unix } => {
                // How much further ahead the clock is by now.
                let clock = &self.history.timeline.clock;
                let ahead = clock.shift_secs(f64::INFINITY) - clock.shift_secs(secs);
                let format = match step_secs {
                    step if step < 1.0 => "%H:%M:%S%.1f",
                    // Ticks are at round times of the clock as it is now.
                    step if step < 60.0 || (ahead % 60.0 != 0.0 && step < 43_200.0) => "%H:%M:%S",
                    step if step < 43_200.0 => "%H:%M",
                    _ => "%m-%d %H:%M",
                };
                let millis = ((started_unix + secs - ahead) * 1000.0).round() as i64;
                Timestamp::from_millisecond(millis).map_or_else(
                    |_| String::new(),
                    |time| {
                        let time = time.to_zoned(self.zone.clone());
                        time.strftime(format).to_string()
                    },
                )
            }
            Axis::Since(zero) => since_text(secs - zero, step_secs),
        }
    }

    /// What is added to a time so that round labels are round numbers.
    pub(super) fn tick_offset(&self) -> f64 {
        match self.axis {
            Axis::TimeOfDay { started_unix } => {
                let at = Timestamp::from_second(started_unix as i64).unwrap_or_default();
                started_unix + f64::from(self.zone.to_offset(at).seconds())
            }
            Axis::Since(zero) => -zero,
        }
    }

    /// A quantity of the newest sample, and how old it is by then.
    pub(super) fn value(&self, quantity: Quantity) -> Option<(Bytes, f64)> {
        let value = self.history.newest(quantity)?;
        let age = match self.history.slow() {
            Some((taken, _)) if quantity.is_slow() => self.history.latest.at_secs - taken,
            _ => 0.0,
        };
        Some((value, age))
    }
}

fn since_text(secs: f64, step_secs: f64) -> String {
    let sign = if secs < -0.05 { "−" } else { "" };
    let secs = secs.abs();
    if step_secs < 1.0 {
        format!("{sign}{secs:.1} s")
    } else if secs < 120.0 {
        format!("{sign}{secs:.0} s")
    } else {
        let whole = secs.round() as u64;
        let (hours, minutes, secs) = (whole / 3600, whole / 60 % 60, whole % 60);
        if hours > 0 {
            format!("{sign}{hours}:{minutes:02}:{secs:02} h")
        } else {
            format!("{sign}{minutes}:{secs:02} min")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{memory::marker::ClockChange, state::settings::Settings};

    #[test]
    fn a_moment_has_the_time_of_day_that_the_clock_showed_then() {
        let mut state = AppState::new(Settings::default());
        state.zone = TimeZone::UTC;
        state.live.timeline.clock.push(ClockChange {
            at_secs: 100.0,
            by_secs: 3_610.0,
        });
        // It was 06:14:10 when the engine started, 07:14:20 by the clock as it is now.
        let source = ChartSource::live(&state, 1_773_209_650.0 + 3_610.0);
        let text = |secs| source.time_text(secs, 1.0);
        assert_eq!([text(99.0), text(100.0)], ["06:15:49", "07:16:00"]);
        assert_eq!(source.time_text(40.0, 60.0), "06:14:50", "no round minute");
        assert_eq!(source.time_text(100.0, 60.0), "07:16");
    }
}
