//! A name, its value, and below them a bar of its share in something.

use egui::{Align, Label, Layout, Role, Ui, WidgetInfo};

use crate::{
    ui::{
        theme::Palette,
        widgets::{figures, left_aligned, meter, small},
    },
    units::format_value,
};

/// What the percent beside a bar takes.
const PERCENT_WIDTH: f32 = 44.0;

/// One of several values that are compared.
pub(super) struct Bar<'a> {
    /// What is measured.
    pub name: &'a str,
    /// The value with its unit.
    pub value: String,
    /// Its share of `whole`, where there is one. Above 1 the bar is full and says so.
    pub share: Option<f64>,
    /// What the share is of: "the peak, 256 GB".
    pub whole: String,
}

impl Bar<'_> {
    /// Two lines, so that neither the name nor the value is cut where there is little room.
    pub(super) fn show(self, ui: &mut Ui) {
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.horizontal(|ui| {
                ui.with_layout(Layout::right_to_left(Align::TOP), |ui| {
                    ui.label(figures(self.value));
                    left_aligned(ui, |ui| {
                        ui.add(Label::new(small(ui, self.name)).wrap());
                    });
                });
            });
            if let Some(share) = self.share {
                share_ui(ui, self.name, share, &self.whole);
            }
        });
    }
}

/// A bar as wide as there is room, with its percent. What is above the whole fills it, and says so.
pub(super) fn share_ui(ui: &mut Ui, name: &str, share: f64, whole: &str) {
    let palette = Palette::of(ui);
    let color = if share > 1.0 {
        palette.warning
    } else {
        palette.accent
    };
    // Below one percent a decimal: something is not nothing.
    let steps = if share < 0.01 { 10.0 } else { 1.0 };
    let percent = (share * 100.0 * steps).round() / steps;
    let percent = format!("{} %", format_value(percent));
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let width = (ui.available_width() - PERCENT_WIDTH).max(36.0);
        let response = meter(ui, width, share as f32, color);
        response.widget_info(|| WidgetInfo {
            value: Some(share * 100.0),
            ..WidgetInfo::labeled(Role::Meter, true, format!("{name}: {percent} of {whole}"))
        });
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(small(ui, percent));
        });
    })
    .response
    .on_hover_text(format!("of {whole}"));
}
