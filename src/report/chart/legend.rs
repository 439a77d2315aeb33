//! What the curves are called, and what the numbers of the marks mean.

use super::{Chart, Visible};
use crate::{
    memory::{limit_steps::HeapLimit, quantity::Quantity},
    report::{
        canvas::{Canvas, Letters, Stroke},
        fonts,
        ink::{self, Ink},
    },
    units::format_count,
};

/// So many marks are explained; the others are lines without a number.
pub(super) const MAX_NOTES: usize = 30;

const ROW: f64 = 20.0;
pub(super) const NOTE: f64 = 17.0;

/// The legend's entries, by rows.
fn rows(chart: &Chart<'_>) -> Vec<Vec<(f64, Entry)>> {
    let mut entries: Vec<Entry> = chart.quantities.iter().copied().map(Entry::Curve).collect();
    let has_limit = |panel: &Visible<'_>| {
        let is_there = |which| !panel.limits(which, chart.range).is_empty();
        HeapLimit::ALL.into_iter().any(is_there)
    };
    if chart.panels.iter().any(has_limit) {
        entries.push(Entry::Limit);
    }
    let room = f64::from(chart.size.0) - 32.0;
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut x = 0.0;
    for entry in entries {
        let width = 32.0 + fonts::width(entry.name(chart), 12.0, false) + 20.0;
        if x + width > room && !row.is_empty() {
            rows.push(std::mem::take(&mut row));
            x = 0.0;
        }
        row.push((x, entry));
        x += width;
    }
    rows.push(row);
    rows
}

#[derive(Clone, Copy)]
enum Entry {
    Curve(Quantity),
    Limit,
}

impl Entry {
    fn name(self, chart: &Chart<'_>) -> &'static str {
        match self {
            Self::Curve(Quantity::PageCaches) if chart.spec.show_caches_per_connection => {
                "Page caches, one of each connection on top of each other"
            }
            Self::Curve(quantity) => quantity.label(),
            Self::Limit => "Heap limit",
        }
    }
}

/// What stands between the title and the charts.
pub(super) fn height(chart: &Chart<'_>) -> f64 {
    rows_height(chart) + absent_height(chart)
}

fn rows_height(chart: &Chart<'_>) -> f64 {
    rows(chart).len() as f64 * ROW + 6.0
}

fn absent_height(chart: &Chart<'_>) -> f64 {
    match chart.absent.len() {
        0 => 0.0,
        count => count as f64 * NOTE + 6.0,
    }
}

/// Draws the legend from `y` on. Answers with where it ends.
pub(super) fn draw(chart: &Chart<'_>, canvas: &mut dyn Canvas, y: f64) -> f64 {
    let mut line = y;
    for row in rows(chart) {
        for (x, entry) in row {
            let (x, middle) = (16.0 + x, line + 10.0);
            match entry {
                Entry::Curve(Quantity::PageCaches) => {
                    let (top, bottom) = (middle - 6.0, middle + 6.0);
                    canvas.rect((x, top), (x + 13.0, bottom), Ink::Caches, 0.35);
                    canvas.rect((x + 13.0, top), (x + 26.0, bottom), Ink::CachesOther, 0.35);
                    let edge = Stroke::new(Ink::Caches, 1.0);
                    canvas.line(&[(x, top), (x + 26.0, top)], edge);
                }
                Entry::Curve(quantity) => {
                    let (ink, dashes) = ink::of_quantity(quantity);
                    let width = super::curves::width(quantity);
                    let stroke = Stroke::new(ink, width).dashed(dashes);
                    canvas.line(&[(x, middle), (x + 26.0, middle)], stroke);
                }
                Entry::Limit => {
                    let stroke = Stroke::new(Ink::Limit, 1.5).dashed(Some([7.0, 5.0]));
                    canvas.line(&[(x, middle), (x + 26.0, middle)], stroke);
                }
            }
            let letters = Letters::new(Ink::Muted, 12.0);
            canvas.text((x + 32.0, middle + 4.0), entry.name(chart), letters);
        }
        line += ROW;
    }
    y + rows_height(chart)
}

/// Draws which histories the range shows nothing of. Answers with where that ends.
pub(super) fn draw_absent(chart: &Chart<'_>, canvas: &mut dyn Canvas, y: f64) -> f64 {
    let room = f64::from(chart.size.0) - 32.0;
    for (index, words) in chart.absent.iter().enumerate() {
        if let Some(text) = fonts::fitted(words, 12.0, room) {
            let baseline = y + NOTE * index as f64 + 12.0;
            canvas.text((16.0, baseline), &text, Letters::new(Ink::Text, 12.0));
        }
    }
    y + absent_height(chart)
}

/// How many marks of each panel are explained, if there is room for so many lines.
pub(super) fn shares(counts: &[usize], most: usize) -> Vec<usize> {
    if counts.iter().sum::<usize>() <= most.min(MAX_NOTES) {
        return counts.to_vec();
    }
    // The last line says how many more there are.
    let mut room = most.saturating_sub(1).min(MAX_NOTES);
    let each = room / counts.len().max(1);
    let mut shares: Vec<usize> = counts.iter().map(|count| each.min(*count)).collect();
    room -= shares.iter().sum::<usize>();
    for (share, count) in shares.iter_mut().zip(counts) {
        let more = room.min(count - *share);
        *share += more;
        room -= more;
    }
    shares
}

/// How many lines the explanations take.
pub(super) fn num_lines(counts: &[usize], shares: &[usize], most: usize) -> usize {
    let shown = shares.iter().sum::<usize>();
    let is_cut = shown < counts.iter().sum();
    shown + usize::from(is_cut && most > 0)
}

/// Draws what the numbers of the marks mean.
pub(super) fn draw_notes(chart: &Chart<'_>, canvas: &mut dyn Canvas, y: f64) {
    let mut lines = Vec::new();
    let mut left_out = 0;
    for (panel, share) in chart.panels.iter().zip(&chart.heights.notes) {
        left_out += panel.markers.len() - share;
        for marker in panel.markers.iter().take(*share) {
            let name = match panel.panel.name {
                "" => String::new(),
                name => format!(" · {name}"),
            };
            lines.push(format!(
                "{}{name} · {} · {}: {}",
                lines.len() + 1,
                chart.clock.moment(marker.at_secs - panel.shift),
                marker.kind.label(),
                marker.text
            ));
        }
    }
    if left_out > 0 {
        lines.push(format!("and {} more", format_count(left_out as u64)));
    }
    let room = f64::from(chart.size.0) - 32.0;
    for (index, line) in lines.iter().take(chart.heights.num_lines).enumerate() {
        if let Some(text) = fonts::fitted(line, 12.0, room) {
            let baseline = y + 6.0 + NOTE * (index as f64) + 12.0;
            canvas.text((16.0, baseline), &text, Letters::new(Ink::Text, 12.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_marks_are_explained_and_each_panel_has_its_share() {
        assert_eq!(shares(&[3, 4], usize::MAX), [3, 4]);
        assert_eq!(shares(&[100], usize::MAX), [30]);
        assert_eq!(num_lines(&[100], &[30], usize::MAX), 31);
        assert_eq!(shares(&[100, 5], usize::MAX), [25, 5]);
        assert_eq!(shares(&[10, 10], 7), [3, 3]);
        assert_eq!(shares(&[10], 0), [0]);
        assert_eq!(num_lines(&[10], &[0], 0), 0);
        assert_eq!(shares(&[], 5), [] as [usize; 0]);
    }
}
