//! The lane of tasks above the curves: a band from start to end, with its outcome.

use egui::{Align2, Color32, Painter, Rect, Stroke, StrokeKind, Ui, pos2, vec2};
use lucide_icons::Icon;

use super::{
    marks::{ago, list_tooltip},
    plane::Plane,
    source::ChartSource,
};
use crate::{
    engine::receipt::Outcome,
    memory::marker::Band,
    ui::{
        theme::{Palette, faded},
        widgets::{icon, mixed},
    },
    units::format_elapsed,
};

/// Tasks that nobody asked for share a thin line below the others.
const BACKGROUND: f32 = 4.0;

/// The lane, and what is where in it.
struct Lane<'a> {
    painter: Painter,
    palette: &'static Palette,
    plane: &'a Plane,
    rows: Vec<Row>,
    background: Row,
    now: f64,
    is_dimmed: bool,
    pointer: Option<egui::Pos2>,
}

/// One of the lines on which bands lie side by side.
#[derive(Clone, Copy)]
struct Row {
    rect: Rect,
    painted_to: f32,
    /// Where the next name may begin.
    free_from: f32,
    /// When the last band of this row ends.
    ends: f64,
}

impl Row {
    fn new(rect: Rect) -> Self {
        Self {
            rect,
            painted_to: f32::NEG_INFINITY,
            free_from: f32::NEG_INFINITY,
            ends: f64::NEG_INFINITY,
        }
    }
}

/// Paints the bands that are in sight, and says what is under the pointer.
pub(super) fn bands_ui(
    ui: &Ui,
    source: &ChartSource<'_>,
    plane: &Plane,
    lane: Rect,
    pointer: Option<egui::Pos2>,
    is_dimmed: bool,
) {
    let inner = lane.shrink2(vec2(0.0, 2.0));
    let (above, background) = inner.split_top_bottom_at_y(inner.bottom() - BACKGROUND);
    let above = above.with_max_y(above.bottom() - 1.0);
    let num = (above.height() / 14.0).floor().max(1.0);
    let height = above.height() / num;
    let rows = (0..num as u32).map(|row| {
        let top = above.top() + row as f32 * height;
        Row::new(Rect::from_x_y_ranges(
            plane.rect.x_range(),
            top..=top + height - if num > 1.0 { 1.0 } else { 0.0 },
        ))
    });
    let mut lane = Lane {
        painter: ui.painter_at(lane.expand(1.0)),
        palette: Palette::of(ui),
        plane,
        rows: rows.collect(),
        background: Row::new(Rect::from_x_y_ranges(
            plane.rect.x_range(),
            background.y_range(),
        )),
        now: source.now_secs,
        is_dimmed,
        pointer: pointer.filter(|at| lane.contains(*at)),
    };
    let mut hovered = Vec::new();
    for band in &source.history.timeline.bands {
        let end = band.end.map_or(lane.now, |(end, _)| end);
        if end < plane.from || band.from_secs > plane.to {
            continue;
        }
        if lane.add(band, end) {
            hovered.push(band);
        }
    }
    let palette = Palette::of(ui);
    let lines = hovered.iter().map(|band| {
        let text = format!(
            "{}, started {}",
            band_text(band, source.now_secs),
            ago(source, band.from_secs)
        );
        mixed(&text, 12.0, palette.text)
    });
    list_tooltip(ui, source.name, lines);
}

impl Lane<'_> {
    /// Paints a band, unless others stand for it. Whether the pointer is on it.
    fn add(&mut self, band: &Band, end: f64) -> bool {
        let left = self.plane.x(band.from_secs).max(self.plane.rect.left());
        let most = self.plane.rect.right().max(left + 2.0);
        let right = self.plane.x(end).clamp(left + 2.0, most);
        let row = if band.is_background {
            &mut self.background
        } else {
            // Where more run at once than there are rows, they share the last one.
            let free = self.rows.iter().position(|row| row.ends <= band.from_secs);
            let last = self.rows.len() - 1;
            &mut self.rows[free.unwrap_or(last)]
        };
        row.ends = row.ends.max(end);
        let rect = Rect::from_x_y_ranges(left..=right, row.rect.y_range());
        let is_hovered = self
            .pointer
            .is_some_and(|at| rect.expand2(vec2(1.0, 1.0)).contains(at));
        // Where tasks are closer than a pixel, one band stands for all of them.
        if right < row.painted_to + 1.0 {
            return is_hovered;
        }
        row.painted_to = row.painted_to.max(right);
        let free_from = row.free_from;
        row.free_from = row.free_from.max(right + 3.0);
        self.paint(band, rect, free_from);
        is_hovered
    }

    fn paint(&self, band: &Band, rect: Rect, free_from: f32) {
        let palette = self.palette;
        let color = band
            .end
            .map_or(palette.accent, |(_, outcome)| palette.outcome(outcome));
        let strength = if self.is_dimmed { 0.4 } else { 1.0 };
        if band.is_background {
            self.painter
                .rect_filled(rect, 1.0, faded(color, 0.5 * strength));
            return;
        }
        self.painter.rect(
            rect,
            3.0,
            faded(color, 0.35 * strength),
            Stroke::new(1.0, faded(color, 0.6 * strength)),
            StrokeKind::Inside,
        );
        if rect.width() < 6.0 {
            return;
        }
        if let Some(asked) = band.stop_asked_secs {
            let left = self.plane.x(asked).clamp(rect.left(), rect.right());
            hatch(&self.painter, rect.with_min_x(left), faded(color, 0.8));
        }
        if let Some(first_row) = band.first_row_secs {
            let x = self.plane.x(first_row);
            if (rect.left() + 2.0..rect.right() - 1.0).contains(&x) {
                self.painter
                    .vline(x, rect.y_range(), Stroke::new(1.5, palette.accent));
            }
        }
        // A name that does not fit is left to the tooltip rather than written over its neighbour.
        let left = rect.left() + 5.0;
        if rect.width() < 60.0 || left < free_from {
            return;
        }
        let text = mixed(&band_text(band, self.now), 11.0, palette.text);
        let galley = self.painter.layout_job(text);
        if galley.size().x + 8.0 < rect.width() {
            let at = Align2::LEFT_CENTER.anchor_size(pos2(left, rect.center().y), galley.size());
            self.painter.galley(at.min, galley, palette.text);
        }
    }
}

/// Icon, name, outcome and time.
fn band_text(band: &Band, now: f64) -> String {
    let (symbol, word) = match band.end {
        None => (Icon::Play, "running"),
        Some((_, outcome)) => (outcome_icon(outcome), outcome.label()),
    };
    let secs = band.end.map_or(now, |(end, _)| end) - band.from_secs;
    let elapsed = format_elapsed(crate::units::seconds(secs.max(0.0)));
    format!("{} {} · {word} · {elapsed}", icon(symbol), band.title)
}

pub(super) fn outcome_icon(outcome: Outcome) -> Icon {
    match outcome {
        Outcome::Finished => Icon::Check,
        Outcome::Failed => Icon::X,
        Outcome::Cancelled => Icon::Square,
        Outcome::TimedOut => Icon::Clock,
        Outcome::OverBudget => Icon::TriangleAlert,
        Outcome::Other => Icon::Circle,
    }
}

fn hatch(painter: &Painter, rect: Rect, color: Color32) {
    let painter = painter.with_clip_rect(rect.intersect(painter.clip_rect()));
    let mut x = rect.left() - rect.height();
    while x < rect.right() {
        painter.line_segment(
            [pos2(x, rect.bottom()), pos2(x + rect.height(), rect.top())],
            Stroke::new(1.0, color),
        );
        x += 5.0;
    }
}
