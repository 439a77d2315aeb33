//! What the job used, in which parts, and its mean power.

use egui::Ui;

use super::bars::Bar;
use crate::{
    jobs::row::JobRow,
    state::details::Details,
    ui::widgets::{figures, small},
    units::{format_count, format_value},
};

/// Watt-seconds of a kilowatt-hour.
const JOULES_PER_KWH: f64 = 3_600_000.0;

pub(super) fn ui(ui: &mut Ui, details: &Details, row: &JobRow) {
    let total = row.get("energy").as_real().filter(|kwh| *kwh > 0.0);
    if let Some(total) = total {
        ui.horizontal_wrapped(|ui| {
            ui.label(figures(format!("{} kWh", format_value(total))));
            power_ui(ui, row, total);
        });
    } else {
        ui.label(small(ui, "not measured"));
    }
    for (metric, kwh) in &details.energy_parts {
        Bar {
            name: metric,
            value: format!("{} kWh", format_value(*kwh)),
            share: total.map(|total| kwh / total),
            whole: total.map_or_else(String::new, |total| {
                format!("the total, {} kWh", format_value(total))
            }),
        }
        .show(ui);
    }
}

/// The stored duration decides, also of a running job: the energy was computed with it.
fn power_ui(ui: &mut Ui, row: &JobRow, total: f64) {
    let Some(secs) = row.int("duration").filter(|secs| *secs > 0) else {
        return;
    };
    let watts = total * JOULES_PER_KWH / secs as f64;
    let per_node = (row.int("num_nodes").filter(|nodes| *nodes > 1))
        .map_or_else(String::new, |nodes| {
            format!(", {} W per node", format_value(watts / nodes as f64))
        });
    let text = format!("mean power {} W{per_node}", format_value(watts));
    ui.label(small(ui, text)).on_hover_text(format!(
        "Energy by stored duration: {total} kWh × 3,600,000 J ÷ {} s",
        format_count(secs)
    ));
}
