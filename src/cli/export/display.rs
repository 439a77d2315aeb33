//! How far an export has come, on standard error.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    cli::{say, session::Sink},
    db::value::Cell,
    error::Result,
    export::ExportEnd,
    jobs::catalogue::Column,
    units::{Bytes, format_count, format_elapsed, seconds},
};

/// Without a terminal, a line comes for every tenth, but not more often than this,
const AT_MOST: Duration = Duration::from_secs(1);
/// and not more rarely than this while rows come.
const AT_LEAST: Duration = Duration::from_secs(10);

/// A bar on a terminal; elsewhere, in a log file say, a line now and then.
pub(super) struct Display {
    /// Rows to come, where that is known.
    total: Option<u64>,
    bar: Option<ProgressBar>,
    started: Instant,
    said: Instant,
    tenth: u64,
    rows: u64,
    end: ExportEnd,
}

impl Display {
    pub(super) fn new(is_watched: bool, total: Option<u64>) -> Self {
        let now = Instant::now();
        Self {
            total,
            bar: is_watched.then(|| new_bar(total)),
            started: now,
            said: now,
            tenth: 0,
            rows: 0,
            end: ExportEnd::default(),
        }
    }

    /// Takes the bar away. How many rows were written and what became of them comes back.
    pub(super) fn finish(self) -> (u64, ExportEnd) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        (self.rows, self.end)
    }

    fn is_due(&mut self, rows: u64) -> bool {
        let tenth = self.total.map_or(0, |total| rows * 10 / total.max(1));
        let since = self.said.elapsed();
        let is_due = since >= AT_LEAST || (since >= AT_MOST && tenth != self.tenth);
        if is_due {
            self.said = Instant::now();
            self.tenth = tenth;
        }
        is_due
    }

    /// `120 000 of 300 000 jobs, 98 200 a second, 312 MiB, 1.8 s left`.
    fn line(&self, rows: u64, bytes: u64) -> String {
        let secs = self.started.elapsed().as_secs_f64().max(1e-3);
        let rate = rows as f64 / secs;
        let of = self
            .total
            .map_or_else(String::new, |total| format!(" of {}", format_count(total)));
        let left = self.total.map_or_else(String::new, |total| {
            let secs = total.saturating_sub(rows) as f64 / rate.max(1e-3);
            let left = seconds(secs.clamp(0.0, 1e9));
            format!(", {} left", format_elapsed(left))
        });
        format!(
            "{}{of} jobs, {} a second, {}{left}",
            format_count(rows),
            format_count(rate as u64),
            Bytes(bytes)
        )
    }
}

impl Sink for Display {
    fn columns(&mut self, _columns: Vec<Column>) -> Result<()> {
        Ok(())
    }

    fn rows(&mut self, _rows: &[Vec<Cell>]) -> Result<()> {
        Ok(())
    }

    fn exported(&mut self, rows: u64, bytes: u64, end: Option<ExportEnd>) -> Result<()> {
        self.rows = rows;
        if let Some(end) = end {
            self.end = end;
            return Ok(());
        }
        if let Some(bar) = &self.bar {
            bar.set_position(rows);
            bar.set_message(Bytes(bytes).to_string());
        } else if self.is_due(rows) {
            say(&self.line(rows, bytes));
        }
        Ok(())
    }
}

fn new_bar(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "Jobs {wide_bar} {human_pos}/{human_len} {rate} {msg} {eta} left",
        ),
        None => (
            ProgressBar::new_spinner(),
            "Jobs {spinner} {human_pos} {rate} {msg} {elapsed}",
        ),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.with_key(
            "rate",
            |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
                // A line that cannot be drawn is not worth ending the work for.
                write!(out, "{:.0} jobs/s", state.per_sec()).ok();
            },
        ));
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_much_is_left_where_that_is_known() {
        let plain = |text: String| text.replace('\u{2009}', " ");
        let mut display = Display::new(false, Some(300_000));
        display.started = Instant::now()
            .checked_sub(Duration::from_secs(2))
            .expect("two seconds ago");
        let line = plain(display.line(100_000, 1 << 20));
        assert!(line.starts_with("100 000 of 300 000 jobs, "), "{line}");
        assert!(line.ends_with(" a second, 1.00 MiB, 4.0 s left"), "{line}");
        display.total = None;
        assert!(plain(display.line(7, 9)).ends_with(", 9 B"));
    }
}
