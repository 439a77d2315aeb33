//! Which job it is, who ran it where, and how long.

use egui::{Button, Grid, Label, RichText, Ui};
use lucide_icons::Icon;

use super::bars::share_ui;
use crate::{
    command::{Command, Outbox},
    jobs::row::JobRow,
    state::{AppState, details::Details},
    ui::{
        job_table::state_text,
        widgets::{figures, icon_button, mixed, small},
    },
    units::{format_job_duration, format_time, zone_name},
};

/// The heading with its buttons, and the way back where the job was reached from another one.
pub(super) fn title_ui(ui: &mut Ui, details: &Details, state: &AppState, out: &mut Outbox) {
    if let Some(before) = details.trail.last() {
        let name = format!("Back to {}", before.title);
        let text = format!("{} {name}", crate::ui::widgets::icon(Icon::ArrowLeft));
        let color = crate::ui::theme::Palette::of(ui).accent;
        let button = Button::new(mixed(&text, 13.0, color)).frame(false).wrap();
        if ui.add(button).accessible_name(name).clicked() {
            out.send(Command::SelectJob(Some(before.job)));
        }
    }
    ui.horizontal(|ui| {
        let mut title = details.title();
        title.replace_range(..1, "J");
        ui.heading(title);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if icon_button(ui, Icon::X, "Close details").clicked() {
                out.send(Command::SelectJob(None));
            }
            // In the order of the list; a job that is not in it has no neighbours.
            let row = state.jobs.row_of(details.job);
            let last = state.jobs.num_rows().saturating_sub(1);
            for (symbol, name, by, is_there) in [
                (
                    Icon::ChevronDown,
                    "Next job",
                    1,
                    row.is_some_and(|row| row < last),
                ),
                (
                    Icon::ChevronUp,
                    "Previous job",
                    -1,
                    row.is_some_and(|row| row > 0),
                ),
            ] {
                let clicked = ui
                    .add_enabled_ui(is_there, |ui| icon_button(ui, symbol, name))
                    .inner
                    .clicked();
                if clicked {
                    out.send(Command::StepJob(by));
                }
            }
        });
    });
}

/// The state, the name, the duration, and what identifies the job.
pub(super) fn ui(ui: &mut Ui, details: &Details, row: &JobRow, state: &AppState) {
    ui.label(state_text(ui, row.text("job_state")));
    if !details.name.is_empty() {
        ui.add(Label::new(&details.name).wrap());
    }
    duration_ui(ui, row, state.now_unix_secs);
    Grid::new("head")
        .num_columns(2)
        .spacing([12.0, 4.0])
        .show(ui, |ui| {
            for (name, text) in facts(row, state) {
                ui.label(small(ui, name));
                ui.add(Label::new(RichText::new(text)).wrap());
                ui.end_row();
            }
        });
}

/// How much of the time that it asked for it took.
fn duration_ui(ui: &mut Ui, row: &JobRow, now: i64) {
    let walltime = row.int("walltime").filter(|secs| *secs > 0);
    let duration = row.duration_secs(now);
    let took = duration.map_or_else(|| "duration unknown".to_owned(), format_job_duration);
    let so_far = if row.is_running() { " so far" } else { "" };
    let of = walltime.map_or_else(String::new, |secs| {
        format!(" of {}", format_job_duration(secs))
    });
    let text = format!("{took}{so_far}{of}");
    let stored = row.get("duration").display();
    ui.label(figures(text)).on_hover_text(format!(
        "Stored are duration {stored} s and walltime {} s. \
         The duration of a running job is the time since its start",
        row.get("walltime").display()
    ));
    if let (Some(duration), Some(walltime)) = (duration, walltime) {
        let share = duration as f64 / walltime as f64;
        let whole = format!("the walltime, {}", format_job_duration(walltime));
        share_ui(ui, "Duration", share, &whole);
    }
}

/// What stands in the grid: names and values.
fn facts(row: &JobRow, state: &AppState) -> Vec<(String, String)> {
    let text = |column: &str| row.get(column).display();
    let place = [text("cluster"), text("subcluster")].join(" / ");
    let fact = |name: &str, text: String| (name.to_owned(), text);
    let mut facts = vec![
        fact("cluster", place),
        fact("partition", text("cluster_partition")),
        fact("user", text("hpc_user")),
        fact("project", text("project")),
        (
            format!("time ({})", zone_name(&state.zone)),
            span(row, state),
        ),
    ];
    if let Some(submitted) = row.int("submit_time").filter(|secs| *secs != 0) {
        let waited = row
            .int("start_time")
            .filter(|start| *start >= submitted)
            .map_or_else(String::new, |start| {
                format!(", waited {}", format_job_duration(start - submitted))
            });
        let at = format_time(submitted, &state.zone);
        facts.push(fact("submitted", at + &waited));
    }
    if let Some(array) = row.int("array_job_id").filter(|id| *id != 0) {
        facts.push(fact("job array", array.to_string()));
    }
    facts.push(fact("monitoring", monitoring(row)));
    facts
        .into_iter()
        .map(|(name, text)| {
            let text = if text.is_empty() {
                "not stored".to_owned()
            } else {
                text
            };
            (name, text)
        })
        .collect()
}

/// From the start to the end, which is computed.
fn span(row: &JobRow, state: &AppState) -> String {
    let Some(start) = row.int("start_time") else {
        return String::new();
    };
    let from = format_time(start, &state.zone);
    if row.is_running() {
        return format!("since {from}");
    }
    let end = row
        .int("duration")
        .and_then(|duration| start.checked_add(duration));
    end.map_or(from.clone(), |end| {
        format!("{from} – {}", format_time(end, &state.zone))
    })
}

fn monitoring(row: &JobRow) -> String {
    let value = row.get("monitoring_status").display();
    let meaning = match row.int("monitoring_status") {
        Some(0) => "disabled",
        Some(1) => "running or archiving",
        Some(2) => "archiving failed",
        Some(3) => "archived",
        Some(_) => "unknown",
        None => return value,
    };
    format!("{meaning} ({value})")
}
