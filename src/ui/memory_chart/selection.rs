//! Ranges of time that were selected on a chart: by dragging, or with the arrow keys.

use egui::{Align2, EventFilter, Key, Modifiers, Response, Stroke, Ui, pos2};

use super::{plane::Plane, source::ChartSource};
use crate::{
    memory::summary::RangeSummary,
    ui::theme::{Palette, faded, semibold},
};

/// The names of the two ranges.
pub(super) const NAMES: [&str; 2] = ["A", "B"];

/// A key moves by this part of what is in sight: a second in a minute, a minute in an hour.
const COLUMNS: f64 = 60.0;

/// One or two ranges of time.
#[derive(Debug, Default)]
pub(super) struct Selection {
    ranges: [Option<(f64, f64)>; 2],
    /// The one that the next drag or key is about.
    active: usize,
    /// A plain drag selects; otherwise only one with the shift key does.
    pub by_drag: bool,
    /// Something was selected before the drag that goes on: its numbers are on the screen.
    is_settled: bool,
    /// Where the drag that goes on has begun.
    drag_from: Option<f64>,
    cached: [Option<(Stamp, RangeSummary)>; 2],
}

/// What a summary depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stamp {
    history: usize,
    range: (f64, f64),
    /// The end of what was sampled by then, at most the end of the range.
    sampled_to: f64,
    num_events: (usize, usize),
    /// The newest sample, while a task runs in it.
    running_at: Option<f64>,
}

impl Selection {
    pub fn is_empty(&self) -> bool {
        self.ranges.iter().all(Option::is_none)
    }

    /// Whether there are numbers to show: what is being dragged for the first time has none yet,
    /// because they would move the chart under the pointer.
    pub fn is_settled(&self) -> bool {
        self.is_settled && !self.is_empty()
    }

    pub fn is_dragged(&self) -> bool {
        self.drag_from.is_some()
    }

    pub fn is_comparing(&self) -> bool {
        self.active == 1
    }

    pub fn range(&self, index: usize) -> Option<(f64, f64)> {
        self.ranges.get(index).copied().flatten()
    }

    pub fn select(&mut self, index: usize, from: f64, to: f64) {
        self.set(index, from, to);
        self.is_settled = true;
    }

    fn set(&mut self, index: usize, from: f64, to: f64) {
        if let Some(range) = self.ranges.get_mut(index) {
            *range = Some((from.min(to), from.max(to)));
            self.active = index;
        }
    }

    pub fn clear(&mut self) {
        *self = Self {
            by_drag: self.by_drag,
            ..Self::default()
        };
    }

    /// The next drag makes a second range; again drops it.
    pub fn compare(&mut self) {
        if self.is_comparing() {
            self.ranges[1] = None;
            self.cached[1] = None;
            self.active = 0;
        } else {
            self.active = 1;
            self.by_drag = true;
        }
    }

    /// Whether a drag is taken for a selection.
    pub fn drag(&mut self, ui: &Ui, response: &Response, plane: &Plane) -> bool {
        if response.drag_started() {
            let with_shift = ui.input(|input| input.modifiers.shift);
            let origin = ui.input(|input| input.pointer.press_origin());
            self.drag_from = origin
                .filter(|_| self.by_drag || with_shift)
                .map(|at| plane.secs(at.x).clamp(plane.from, plane.to));
        }
        let Some(from) = self.drag_from else {
            return false;
        };
        if let Some(pointer) = ui.input(|input| input.pointer.latest_pos()) {
            let to = plane.secs(pointer.x).clamp(plane.from, plane.to);
            self.set(self.active, from, to);
        }
        if !response.dragged() {
            self.drag_from = None;
            self.is_settled = true;
            let is_click = self.ranges[self.active]
                .is_some_and(|(from, to)| to - from < plane.secs_per_point() * 3.0);
            if is_click {
                self.ranges[self.active] = None;
            }
        }
        true
    }

    /// Left and right move the selection by a column, with shift they move its end. Whether
    /// anything changed.
    pub fn keys(&mut self, ui: &Ui, response: &Response, plane: &Plane) -> bool {
        if !response.has_focus() {
            return false;
        }
        ui.memory_mut(|memory| {
            memory.set_focus_lock_filter(
                response.id,
                EventFilter {
                    horizontal_arrows: true,
                    escape: true,
                    ..EventFilter::default()
                },
            );
        });
        let column = (plane.to - plane.from) / COLUMNS;
        let mut steps = (0.0, 0.0);
        ui.input_mut(|input| {
            for (key, by) in [(Key::ArrowLeft, -1.0), (Key::ArrowRight, 1.0)] {
                steps.1 += by * input.count_and_consume_key(Modifiers::SHIFT, key) as f64;
                steps.0 += by * input.count_and_consume_key(Modifiers::NONE, key) as f64;
            }
        });
        let (moved, extended) = steps;
        if moved == 0.0 && extended == 0.0 {
            return false;
        }
        let (from, to) = match self.ranges[self.active] {
            Some((from, to)) => {
                let to = to + (moved + extended) * column;
                let from = from + moved * column;
                (from, to.max(from + column))
            }
            // The first press selects the newest columns.
            None => (plane.to - 6.0 * column, plane.to),
        };
        let length = to - from;
        let from = from.clamp(plane.from, (plane.to - length).max(plane.from));
        self.select(self.active, from, (from + length).min(plane.to));
        true
    }

    pub fn paint(&self, ui: &Ui, plane: &Plane, y_range: egui::Rangef) {
        let palette = Palette::of(ui);
        let area = egui::Rect::from_x_y_ranges(plane.rect.x_range(), y_range);
        let painter = ui.painter_at(area.expand(1.0));
        for (index, color) in [palette.accent, palette.series[3]].into_iter().enumerate() {
            let Some((from, to)) = self.range(index) else {
                continue;
            };
            let (left, right) = (plane.x(from), plane.x(to));
            let rect = egui::Rect::from_x_y_ranges(left..=right, y_range);
            painter.rect_filled(rect, 0.0, faded(color, 0.13));
            for x in [left, right] {
                painter.vline(x, y_range, Stroke::new(1.0, color));
            }
            painter.text(
                pos2(left + 4.0, plane.rect.bottom() - 3.0),
                Align2::LEFT_BOTTOM,
                NAMES[index],
                egui::FontId::new(12.0, semibold()),
                color,
            );
        }
    }

    /// The summaries of the ranges there are, made anew only when something in them changed.
    pub fn summaries(&mut self, source: &ChartSource<'_>) -> [Option<&RangeSummary>; 2] {
        for index in 0..self.ranges.len() {
            let Some((from, to)) = self.ranges[index] else {
                self.cached[index] = None;
                continue;
            };
            let history = source.history;
            let latest = history.latest.at_secs;
            let cached = self.cached[index].as_ref();
            let is_running = cached.is_some_and(|(_, summary)| summary.is_running());
            let stamp = Stamp {
                history: std::ptr::from_ref(history) as usize,
                range: (from, to),
                sampled_to: latest.min(to),
                num_events: (history.timeline.bands.len(), history.timeline.markers.len()),
                running_at: is_running.then_some(latest),
            };
            if cached.is_none_or(|(before, _)| *before != stamp) {
                let summary = RangeSummary::of(history, from, to);
                let running_at = summary.is_running().then_some(latest);
                self.cached[index] = Some((
                    Stamp {
                        running_at,
                        ..stamp
                    },
                    summary,
                ));
            }
        }
        [0, 1].map(|index| self.cached[index].as_ref().map(|(_, summary)| summary))
    }
}
