//! Time and bytes to places on the screen, with the grid and the labels of both axes.

use egui::{Align2, Color32, FontId, Painter, Pos2, Rect, Stroke, pos2};

use super::source::ChartSource;
use crate::{
    ui::theme::{Palette, faded},
    units::Bytes,
};

/// Room for labels left of and below what is drawn.
pub(super) const LEFT: f32 = 62.0;
pub(super) const BELOW: f32 = 16.0;

/// Small labels on and beside the chart.
pub(super) fn label_font() -> FontId {
    FontId::proportional(11.0)
}

/// A rectangle with a time axis and a value axis from 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plane {
    pub rect: Rect,
    pub from: f64,
    pub to: f64,
    pub top: f64,
}

impl Plane {
    pub fn x(&self, secs: f64) -> f32 {
        let share = (secs - self.from) / (self.to - self.from).max(1e-9);
        // Far outside it would only lose its precision on the way to the screen.
        let share = share.clamp(-4.0, 5.0) as f32;
        self.rect.left() + share * self.rect.width()
    }

    pub fn y(&self, value: f64) -> f32 {
        let share = (value / self.top).clamp(-1.0, 3.0) as f32;
        self.rect.bottom() - share * self.rect.height()
    }

    pub fn at(&self, secs: f64, value: f64) -> Pos2 {
        pos2(self.x(secs), self.y(value))
    }

    pub fn secs(&self, x: f32) -> f64 {
        let share = f64::from((x - self.rect.left()) / self.rect.width().max(1.0));
        self.from + share * (self.to - self.from)
    }

    pub fn secs_per_point(&self) -> f64 {
        (self.to - self.from) / f64::from(self.rect.width().max(1.0))
    }

    /// The step of the time axis: round, and its labels do not touch.
    pub fn time_step(&self) -> f64 {
        const STEPS: [f64; 21] = [
            0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0,
            1800.0, 3600.0, 7200.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0,
        ];
        let least = self.secs_per_point() * 84.0;
        let fitting = STEPS.into_iter().find(|step| *step >= least);
        fitting.unwrap_or_else(|| (least / 86_400.0).ceil() * 86_400.0)
    }

    /// Verticals at round times; with labels below them.
    pub fn time_axis(
        &self,
        painter: &Painter,
        palette: &Palette,
        source: &ChartSource<'_>,
        labelled: bool,
    ) {
        let step = self.time_step();
        let offset = source.tick_offset();
        let first = ((self.from + offset) / step).ceil() as i64;
        let last = ((self.to + offset) / step).floor() as i64;
        for tick in first..=last.min(first + 200) {
            let secs = tick as f64 * step - offset;
            let x = self.x(secs);
            painter.vline(
                x,
                self.rect.y_range(),
                Stroke::new(1.0, faded(palette.hairline, 0.6)),
            );
            // Half a label must fit beside it.
            if labelled && x > self.rect.left() + 4.0 && x < self.rect.right() - 24.0 {
                painter.text(
                    pos2(x, self.rect.bottom() + 3.0),
                    Align2::CENTER_TOP,
                    source.time_text(secs, step),
                    label_font(),
                    palette.muted,
                );
            }
        }
    }

    /// Horizontals at round binary sizes, with labels left of them.
    pub fn byte_axis(&self, painter: &Painter, palette: &Palette) {
        let most = (self.rect.height() / 30.0).clamp(1.0, 5.0);
        let rough = (self.top / f64::from(most)).max((1_u64 << 20) as f64);
        let step = 2_f64.powf(rough.log2().ceil());
        let num = (self.top / step).floor() as u32;
        for index in 0..=num.min(12) {
            let value = f64::from(index) * step;
            let y = self.y(value);
            let strength = if index == 0 { 1.0 } else { 0.6 };
            painter.hline(
                self.rect.x_range(),
                y,
                Stroke::new(1.0, faded(palette.hairline, strength)),
            );
            let text = if index == 0 {
                "0".to_owned()
            } else {
                Bytes(value as u64).to_string()
            };
            self.left_label(painter, y, text, palette.muted);
        }
    }

    pub fn left_label(&self, painter: &Painter, y: f32, text: String, color: Color32) {
        painter.text(
            pos2(self.rect.left() - 6.0, y),
            Align2::RIGHT_CENTER,
            text,
            label_font(),
            color,
        );
    }
}
