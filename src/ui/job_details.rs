//! One job at the side: every column, its JSON laid out, its script.

use egui::{Grid, RichText, ScrollArea, Ui};
use jiff::tz::TimeZone;
use lucide_icons::Icon;

use super::{
    job_table::state_text,
    theme::Palette,
    widgets::{figures, icon_button, muted, small},
};
use crate::{
    command::{Command, Outbox},
    jobs::{
        list::{COLUMNS, DETAIL_COLUMNS},
        row::JobRow,
    },
    state::{AppState, Phase, details::Details},
    units::{format_job_duration, format_time, format_value},
};

/// Shows the selected job.
pub fn ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    let Some(details) = &state.details else {
        return;
    };
    ui.horizontal(|ui| {
        let title = details.row.as_ref().map_or_else(
            || format!("Job with id {}", details.job),
            |row| format!("Job {}", row.get("job_id").display()),
        );
        ui.heading(title);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if icon_button(ui, Icon::X, "Close details").clicked() {
                out.send(Command::SelectJob(None));
            }
        });
    });
    let Some(row) = &details.row else {
        let text = match details.phase {
            Phase::Loading | Phase::Empty => "Fetching all columns…",
            Phase::Loaded => "This job is no longer in the database",
            Phase::Stopped => "Stopped. Click the job again to fetch it",
            Phase::Failed => "Could not be read; see the report above",
        };
        ui.label(muted(ui, text));
        return;
    };
    ScrollArea::vertical()
        .id_salt(("details", details.job))
        .auto_shrink(false)
        .show(ui, |ui| {
            ui.spacing_mut().interact_size.y = 17.0;
            ui.label(state_text(ui, row.text("job_state")));
            if !details.name.is_empty() {
                ui.label(&details.name);
            }
            footprint_ui(ui, row, state);
            columns_ui(ui, row, state);
            text_blocks(ui, details);
        });
}

/// The values of the footprint as bars of the cluster's peaks; without a description the numbers.
fn footprint_ui(ui: &mut Ui, row: &JobRow, state: &AppState) {
    let footprint = row.json("footprint");
    let values: Vec<(&str, f64)> = footprint
        .as_ref()
        .and_then(|json| json.as_object())
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_f64()?)))
        .collect();
    if values.is_empty() {
        return;
    }
    ui.label(RichText::new("footprint").family(super::theme::semibold()))
        .on_hover_text("Of the job's nodes, with the statistic at the end of each name");
    let (cluster, part) = (row.text("cluster"), row.text("subcluster"));
    // The key, the value with its unit and the share stand beside the bar.
    let width = (ui.available_width() - 300.0).clamp(36.0, 160.0);
    Grid::new("footprint")
        .num_columns(3)
        .spacing([10.0, 3.0])
        .show(ui, |ui| {
            for (key, value) in values {
                let name = ["_avg", "_max", "_min"]
                    .iter()
                    .find_map(|statistic| key.strip_suffix(statistic))
                    .unwrap_or(key);
                let metric = state.clusters.known.metric(cluster, part, name);
                let unit = metric.map_or("", |metric| metric.unit.as_str());
                ui.label(small(ui, key));
                let text = format!("{} {unit}", format_value(value));
                ui.label(figures(text.trim_end()));
                if let Some(peak) = metric.and_then(|metric| metric.peak) {
                    peak_ui(ui, width, value, (peak, unit));
                } else {
                    ui.label("");
                }
                ui.end_row();
            }
        });
    if state.clusters.known.get(cluster).is_none() {
        ui.label(small(
            ui,
            "Without a description of the cluster there are no peaks and units; add one in Statistics",
        ));
    }
    ui.add_space(6.0);
}

/// A value's share of the peak. What is above it fills the bar, and says so.
fn peak_ui(ui: &mut Ui, width: f32, value: f64, (peak, unit): (f64, &str)) {
    let palette = Palette::of(ui);
    let share = value / peak;
    let color = if share > 1.0 {
        palette.warning
    } else {
        palette.accent
    };
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let percent = format!("{} %", format_value((share * 100.0).round()));
        super::widgets::meter(ui, width, share as f32, color);
        ui.label(small(ui, percent));
    })
    .response
    .on_hover_text(format!("of the peak, {} {unit}", format_value(peak)));
}

fn columns_ui(ui: &mut Ui, row: &JobRow, state: &AppState) {
    let (now, zone) = (state.now_unix_secs, &state.zone);
    Grid::new("columns")
        .num_columns(2)
        .spacing([12.0, 4.0])
        .show(ui, |ui| {
            for (column, unit) in COLUMNS.iter().chain(&DETAIL_COLUMNS) {
                if unit.is_some_and(|unit| unit.starts_with("JSON")) {
                    continue;
                }
                ui.label(small(ui, *column));
                ui.add(egui::Label::new(figures(value_text(row, column, now, zone))).wrap());
                ui.end_row();
            }
        });
}

/// A value as people read it, with the stored one behind it where that says more.
fn value_text(row: &JobRow, column: &str, now: i64, zone: &TimeZone) -> String {
    let Some(value) = row.int(column) else {
        let text = row.get(column).display();
        return match (column, text.as_str()) {
            (_, "") => "NULL or empty".to_owned(),
            ("energy", text) => format!("{text} kWh"),
            _ => text,
        };
    };
    match column {
        "start_time" | "submit_time" if value != 0 => {
            format!("{}  ({value})", format_time(value, zone))
        }
        "duration" if row.is_running() => {
            let so_far = row
                .duration_secs(now)
                .map_or_else(String::new, format_job_duration);
            format!("{so_far} so far  (stored {})", format_job_duration(value))
        }
        "duration" | "walltime" => format!("{}  ({value} s)", format_job_duration(value)),
        "energy" => format!("{value} kWh"),
        "monitoring_status" => {
            let meaning = match value {
                0 => "disabled",
                1 => "running or archiving",
                2 => "archiving failed",
                3 => "archived",
                _ => "unknown",
            };
            format!("{value}  ({meaning})")
        }
        _ => value.to_string(),
    }
}

fn text_blocks(ui: &mut Ui, details: &Details) {
    let script = ("job script", details.script.as_str());
    let json = details
        .json
        .iter()
        .map(|(name, text)| (*name, text.as_str()));
    for (name, text) in std::iter::once(script).chain(json) {
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            ui.label(RichText::new(name).family(super::theme::semibold()));
            if !text.is_empty() && icon_button(ui, Icon::Copy, &format!("Copy {name}")).clicked() {
                ui.copy_text(text.to_owned());
            }
        });
        if text.is_empty() {
            ui.label(small(ui, "none"));
            continue;
        }
        egui::Frame::new()
            .fill(Palette::of(ui).panel)
            .corner_radius(6.0)
            .inner_margin(8.0)
            .show(ui, |ui| block_ui(ui, name, text));
    }
}

/// A block of text with its own scroll in both directions; only visible lines are laid out.
fn block_ui(ui: &mut Ui, name: &str, text: &str) {
    /// Longer lines are cut for layout; Copy takes everything.
    const LINE_CHARS: usize = 400;

    let lines: Vec<&str> = text.lines().collect();
    let height = ui.text_style_height(&egui::TextStyle::Monospace);
    ScrollArea::both()
        .id_salt(name)
        .max_height(220.0)
        .min_scrolled_height((height * lines.len() as f32 + 12.0).min(220.0))
        .auto_shrink([false, true])
        .show_rows(ui, height, lines.len(), |ui, range| {
            ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Extend);
            for line in lines.get(range).unwrap_or_default() {
                let end = line
                    .char_indices()
                    .nth(LINE_CHARS)
                    .map_or(line.len(), |(at, _)| at);
                let shown = line.get(..end).unwrap_or(line);
                ui.label(figures(shown.replace('\t', "    ")).size(11.5));
            }
        });
}
