//! The totals: one line of large figures.

use egui::{RichText, Ui};

use super::card::{again_button, age_ui, plain_frame};
use crate::{
    command::Outbox,
    state::{
        AppState, Phase,
        statistics::{Part, PartKey},
    },
    ui::{
        theme::Palette,
        widgets::{figures, small, turning},
    },
    units::{format_count, format_rough_count},
};

/// The figures: their unit, and their place among the result's columns.
const SHOWN: [(&str, usize); 8] = [
    ("jobs", 0),
    ("users", 1),
    ("core-hours", 6),
    ("node-hours", 4),
    ("accelerator-hours", 8),
    ("walltime hours", 2),
    ("running jobs", 9),
    ("short jobs", 10),
];

/// Shows all jobs of the filter together.
pub fn ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    let Some(part) = state.statistics.part(&PartKey::Totals) else {
        return;
    };
    plain_frame(ui).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 2.0;
        ui.horizontal_wrapped(|ui| {
            let room = ui.available_width() / SHOWN.len() as f32;
            // Spread over the line where there is one, side by side where it has to be broken.
            let width = if room > 100.0 { room - 8.0 } else { 100.0 };
            ui.spacing_mut().item_spacing = egui::vec2(8.0, 6.0);
            if part.is_old {
                ui.multiply_opacity(0.45);
            }
            for (unit, column) in SHOWN {
                ui.allocate_ui(egui::vec2(width, 40.0), |ui| {
                    ui.set_width(width);
                    figure_ui(ui, state, unit, column);
                });
            }
        });
        ui.horizontal(|ui| {
            note_ui(ui, part, out);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                age_ui(ui, state, part);
                if part.phase == Phase::Loading {
                    turning(ui, 13.0);
                }
            });
        });
    });
}

fn figure_ui(ui: &mut Ui, state: &AppState, unit: &str, column: usize) {
    let value = state
        .statistics
        .total()
        .and_then(|total| total.values.get(column).copied());
    // Beyond seven digits nobody compares the last ones; they are in the tooltip.
    let text = match value {
        None => "–".to_owned(),
        Some(value) if value >= 10_000_000 => format_rough_count(value.unsigned_abs()),
        Some(value) => format_count(value),
    };
    let exact = value.map_or_else(String::new, format_count);
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.label(figures(text).size(18.0));
        ui.label(small(ui, unit));
    })
    .response
    .on_hover_text(format!("{exact} {unit}"));
}

fn note_ui(ui: &mut Ui, part: &Part, out: &mut Outbox) {
    let palette = Palette::of(ui);
    if part.can_be_asked_again() {
        again_button(ui, part, out);
        let why = part.trouble.as_deref().unwrap_or("Stopped");
        let rest = if part.data.is_some() {
            "; these are the old figures"
        } else {
            ""
        };
        ui.label(
            RichText::new(format!("{why}{rest}"))
                .small()
                .color(palette.muted),
        );
    } else if part.is_old {
        ui.label(small(ui, "These are the old figures"));
    } else {
        ui.label(small(
            ui,
            "Hours are truncated, not rounded; core-hours are hardware-thread-hours",
        ))
        .on_hover_text(part.differences.join("\n"));
    }
}
