//! The axis of a chart over time: from time to place and back, labels at round times of UTC.

use egui::{FontId, Rect, Stroke, Ui, pos2};
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};

use super::bars::TICK_HEIGHT;
use crate::{
    jobs::lookup::Step,
    state::statistics::over_time::{step_begin, step_end},
    ui::theme::{Palette, faded},
};

/// From time to place and back.
#[derive(Clone, Copy)]
pub struct TimeAxis {
    /// The first and the last time, in Unix seconds.
    pub span: (i64, i64),
    /// Where it is drawn.
    pub plot: Rect,
}

impl TimeAxis {
    /// The place of a time.
    pub fn x(self, time: i64) -> f32 {
        let (from, to) = self.span;
        let share = (time - from) as f64 / (to - from).max(1) as f64;
        self.plot.left() + self.plot.width() * share as f32
    }

    /// The time of a place, in Unix seconds.
    pub fn time(self, x: f32) -> i64 {
        let (from, to) = self.span;
        let share = f64::from((x - self.plot.left()) / self.plot.width().max(1.0));
        from + ((to - from) as f64 * share) as i64
    }

    /// The whole steps between two places.
    pub fn range(self, step: Step, left: f32, right: f32) -> (i64, i64) {
        let last = self.time(right).min(self.span.1 - 1);
        (
            step_begin(step, self.time(left)),
            step_end(step, step_begin(step, last)),
        )
    }

    /// Marks the time between.
    pub fn mark(self, ui: &Ui, (from, to): (i64, i64)) {
        let palette = Palette::of(ui);
        let left = self.x(from).max(self.plot.left());
        let right = self.x(to).min(self.plot.right()).max(left + 1.0);
        let rect = Rect::from_x_y_ranges(left..=right, self.plot.y_range());
        ui.painter()
            .rect_filled(rect, 0.0, faded(palette.text, 0.12));
    }

    /// Labels the axis.
    pub fn ticks_ui(self, ui: &Ui) {
        let palette = Palette::of(ui);
        let font = FontId::proportional(10.5);
        for (time, text) in self.ticks() {
            let x = self.x(time);
            let stroke = Stroke::new(1.0, palette.hairline);
            ui.painter()
                .vline(x, self.plot.bottom()..=self.plot.bottom() + 3.0, stroke);
            let galley = ui
                .painter()
                .layout_no_wrap(text, font.clone(), palette.muted);
            let width = galley.size().x;
            let begin = (x - width / 2.0).clamp(
                self.plot.left(),
                (self.plot.right() - width).max(self.plot.left()),
            );
            let at = pos2(begin, self.plot.bottom() + TICK_HEIGHT - 13.0);
            ui.painter().galley(at, galley, palette.muted);
        }
    }

    /// Round times that leave room for their labels.
    fn ticks(self) -> Vec<(i64, String)> {
        const HOUR: i64 = 3600;
        const DAY: i64 = 86_400;

        let (from, to) = self.span;
        let most = i64::from((self.plot.width() / 96.0).max(2.0) as i32);
        let fits = |secs: i64| (to - from) / secs <= most;
        let fixed = [
            HOUR,
            3 * HOUR,
            6 * HOUR,
            12 * HOUR,
            DAY,
            2 * DAY,
            7 * DAY,
            14 * DAY,
        ]
        .into_iter()
        .find(|secs| fits(*secs));
        if let Some(secs) = fixed {
            let format = if secs < DAY {
                "%m-%d %H:%M"
            } else {
                "%Y-%m-%d"
            };
            // Labels close to the edges would be moved onto each other.
            return (from.div_euclid(secs)..=to.div_euclid(secs))
                .map(|n| n * secs)
                .filter(|time| (from..=to).contains(time))
                .map(|time| (time, utc(time, format)))
                .collect();
        }
        let months = [1, 3, 6, 12, 24, 60, 120, 600]
            .into_iter()
            .find(|months| fits(months * 30 * DAY))
            .unwrap_or(1200);
        month_ticks(from, to, months)
    }
}

fn utc(time: i64, format: &str) -> String {
    Timestamp::from_second(time).map_or_else(
        |_| time.to_string(),
        |time| time.to_zoned(TimeZone::UTC).strftime(format).to_string(),
    )
}

/// The first of every `months` months between two times.
fn month_ticks(from: i64, to: i64, months: i64) -> Vec<(i64, String)> {
    let Ok(first) = Timestamp::from_second(from) else {
        return Vec::new();
    };
    let format = if months < 12 { "%Y-%m" } else { "%Y" };
    let zoned = first.to_zoned(TimeZone::UTC);
    let number = i64::from(zoned.year()) * 12 + i64::from(zoned.month()) - 1;
    let aligned = number.div_euclid(months) * months;
    let back = number - aligned;
    let Some(mut time) = zoned
        .first_of_month()
        .ok()
        .and_then(|time| time.start_of_day().ok())
        .and_then(|time| time.checked_sub(back.months()).ok())
    else {
        return Vec::new();
    };
    let mut ticks = Vec::new();
    while time.timestamp().as_second() <= to && ticks.len() < 100 {
        let secs = time.timestamp().as_second();
        if secs >= from {
            ticks.push((secs, utc(secs, format)));
        }
        let Ok(next) = time.checked_add(months.months()) else {
            break;
        };
        time = next;
    }
    ticks
}
