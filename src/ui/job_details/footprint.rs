//! The values of the footprint as bars of the cluster's peaks; without a description the numbers.

use egui::Ui;

use super::bars::Bar;
use crate::{
    jobs::row::JobRow,
    state::{AppState, details::Details},
    ui::widgets::small,
    units::format_value,
};

pub(super) fn ui(ui: &mut Ui, details: &Details, row: &JobRow, state: &AppState) {
    if details.footprint.is_empty() {
        let text = if row.is_running() {
            "No values yet: a running job's footprint is written from its tenth minute on"
        } else {
            "No values"
        };
        ui.label(small(ui, text));
        return;
    }
    let (cluster, part) = (row.text("cluster"), row.text("subcluster"));
    for (key, value) in &details.footprint {
        let name = ["_avg", "_max", "_min"]
            .iter()
            .find_map(|statistic| key.strip_suffix(statistic))
            .unwrap_or(key);
        let metric = state.clusters.known.metric(cluster, part, name);
        let unit = metric.map_or("", |metric| metric.unit.as_str());
        let peak = metric.and_then(|metric| metric.peak);
        let with_unit = |value| {
            format!("{} {unit}", format_value(value))
                .trim_end()
                .to_owned()
        };
        Bar {
            name: key,
            value: with_unit(*value),
            share: peak.map(|peak| value / peak),
            whole: format!("the peak, {}", peak.map_or_else(String::new, with_unit)),
        }
        .show(ui);
    }
    if state.clusters.known.get(cluster).is_none() {
        ui.label(small(
            ui,
            "Without a description of the cluster there are no peaks and units; add one in Statistics",
        ));
    }
}
