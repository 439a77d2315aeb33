//! The grouped statistics: sortable, with bars in the cells; a click narrows the filter down.

use egui::{Align, Button, Layout, RichText, Sense, Ui};
use egui_extras::{Column, TableBuilder};
use lucide_icons::Icon;

use super::{
    theme::{Palette, semibold},
    widgets::{bar_cell, empty_state, figures, icon, mixed, primary_button, small, turning},
};
use crate::{
    command::{Command, Outbox},
    jobs::{
        filter::{JobFilter, TextField},
        statistics::{COLUMNS, GroupBy},
    },
    state::{AppState, Phase},
    units::format_count,
};

/// Heading, and the position among the result's columns. The most asked-for ones first.
const SHOWN: [(&str, usize); 11] = [
    ("Jobs", 0),
    ("Node hours", 4),
    ("Core hours", 6),
    ("Acc hours", 8),
    ("Walltime h", 2),
    ("Running", 9),
    ("Short", 10),
    ("Users", 1),
    ("Nodes", 3),
    ("Cores", 5),
    ("Accs", 7),
];

/// Shows the statistics of the current filter.
pub fn ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    ui.horizontal_wrapped(|ui| {
        ui.label(small(ui, "Group by"));
        for by in GroupBy::ALL {
            let chosen = state.settings.group_by == by;
            if ui.selectable_label(chosen, by.to_string()).clicked() {
                out.send(Command::SetGroupBy(by));
            }
        }
        ui.add_space(8.0);
        status_ui(ui, state, out);
    });
    ui.add_space(4.0);
    let statistics = &state.statistics;
    if statistics.rows.is_empty() {
        match statistics.phase {
            Phase::Loading | Phase::Empty => {
                empty_state(ui, "Adding up", "All matching jobs are read once");
            }
            Phase::Loaded => empty_state(ui, "No job matches", "Take a condition away"),
            Phase::Stopped => {
                empty_state(ui, "Stopped", "Partial sums would mislead; none are shown");
            }
            Phase::Failed => empty_state(ui, "The query failed", "See the report above"),
        }
        return;
    }
    if statistics.phase == Phase::Loading {
        ui.multiply_opacity(0.5);
    }
    table_ui(ui, state, out);
}

fn status_ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    let statistics = &state.statistics;
    match statistics.phase {
        Phase::Loading => {
            turning(ui, 14.0);
            if !statistics.rows.is_empty() {
                ui.label(small(ui, "These numbers are the old ones"));
            }
        }
        Phase::Stopped | Phase::Failed => {
            if primary_button(ui, "Start again").clicked() {
                out.send(Command::Reload);
            }
            if !statistics.rows.is_empty() {
                ui.label(small(ui, "Stopped; these numbers are the old ones"));
            }
        }
        Phase::Empty | Phase::Loaded => {
            let groups = format_count(statistics.rows.len());
            ui.label(small(
                ui,
                format!("{groups} groups · hours are truncated per group"),
            ))
            .on_hover_text("As in cc-backend: sums of seconds divided by 3600 without rounding");
        }
    }
}

fn table_ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    let statistics = &state.statistics;
    let width = ((ui.available_width() - 150.0) / SHOWN.len() as f32 - 8.0).clamp(84.0, 140.0);
    // At least the key and the numbers people ask for most; the rest if there is room.
    let fitting = (((ui.available_width() - 150.0) / (width + 8.0)) as usize).clamp(4, SHOWN.len());
    let shown = SHOWN.get(..fitting).unwrap_or(&SHOWN);
    ui.spacing_mut().item_spacing = egui::vec2(8.0, 0.0);
    let mut table = TableBuilder::new(ui)
        .id_salt("statistics")
        .auto_shrink(false)
        .sense(Sense::hover())
        .cell_layout(Layout::right_to_left(Align::Center))
        .column(Column::exact(130.0));
    for _ in shown {
        table = table.column(Column::exact(width));
    }
    table
        .column(Column::remainder())
        .header(28.0, |mut header| {
            header.col(|ui| {
                let name = statistics.by.to_string();
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    heading(ui, state, &name, 0, "the group's key", out);
                });
            });
            for (name, column) in shown {
                let hint = format!(
                    "{} ({})",
                    COLUMNS.get(*column).map_or("", |c| c.0),
                    COLUMNS.get(*column).map_or("", |c| c.1)
                );
                header.col(|ui| heading(ui, state, name, column + 1, &hint, out));
            }
            header.col(|_| {});
        })
        .body(|body| {
            // The total stands above the groups, as their first row.
            body.rows(24.0, statistics.rows.len() + 1, |mut line| {
                let index = line.index();
                if index == 0 {
                    total_row(&mut line, state, shown);
                } else if let Some(row) = statistics.rows.get(index - 1) {
                    group_row(&mut line, state, row, shown, out);
                }
            });
        });
}

fn heading(ui: &mut Ui, state: &AppState, name: &str, column: usize, hint: &str, out: &mut Outbox) {
    let statistics = &state.statistics;
    let arrow = match (statistics.sort_column == column, statistics.descending) {
        (false, _) => String::new(),
        (true, true) => format!(" {}", icon(Icon::ArrowDown)),
        (true, false) => format!(" {}", icon(Icon::ArrowUp)),
    };
    let text = mixed(&format!("{name}{arrow}"), 11.5, Palette::of(ui).muted);
    let response = ui
        .add(Button::new(text).frame(false))
        .accessible_name(format!("Sort by {name}"))
        .on_hover_text(hint);
    if response.clicked() {
        out.send(Command::SortStatistics(column));
    }
}

fn total_row(line: &mut egui_extras::TableRow<'_, '_>, state: &AppState, shown: &[(&str, usize)]) {
    line.col(|ui| {
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.label(RichText::new("all").family(semibold()));
        });
    });
    for (_, column) in shown {
        line.col(|ui| {
            let value = state
                .statistics
                .total
                .as_ref()
                .and_then(|total| total.values.get(*column));
            let missing = if state.statistics.is_totalling() {
                "…"
            } else {
                "–"
            };
            let text = value.map_or_else(|| missing.to_owned(), |value| format_count(*value));
            ui.label(figures(text));
        });
    }
    line.col(|_| {});
}

fn group_row(
    line: &mut egui_extras::TableRow<'_, '_>,
    state: &AppState,
    row: &crate::jobs::statistics::StatisticsRow,
    shown: &[(&str, usize)],
    out: &mut Outbox,
) {
    let statistics = &state.statistics;
    line.col(|ui| {
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            let filter = narrowed(state.filter(), statistics.by, &row.key);
            let Some(filter) = filter else {
                ui.label(&row.key);
                return;
            };
            let link = ui
                .link(if row.key.is_empty() {
                    "(empty)"
                } else {
                    &row.key
                })
                .on_hover_text(format!("Only jobs of this {}", statistics.by));
            if link.clicked() {
                out.send(Command::SetFilter(filter));
            }
        });
    });
    for (_, column) in shown {
        line.col(|ui| {
            let value = row.values.get(*column).copied().unwrap_or(0);
            let largest = statistics.largest.get(*column).copied().unwrap_or(0);
            let share = if largest > 0 {
                value as f32 / largest as f32
            } else {
                0.0
            };
            let color = Palette::of(ui).accent;
            bar_cell(ui, format_count(value), share, color);
        });
    }
    line.col(|_| {});
}

/// The filter with this group in it. `None` where the filter has no such field.
fn narrowed(filter: &JobFilter, by: GroupBy, key: &str) -> Option<JobFilter> {
    let field = match by {
        GroupBy::User => TextField::User,
        GroupBy::Project => TextField::Project,
        GroupBy::Cluster => TextField::Cluster,
        GroupBy::Subcluster => TextField::SubCluster,
    };
    Some(filter.clone().with_text(field, key))
}
