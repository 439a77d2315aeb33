//! The grouped statistics: sortable, with bars in the cells; a click narrows the filter down.

use egui::{Align, Button, Layout, RichText, Sense, Ui};
use egui_extras::{Column, TableBuilder};
use lucide_icons::Icon;

use super::{
    Cards,
    card::{again_button, age_ui},
};
use crate::{
    command::{Command, Outbox},
    jobs::{
        filter::{JobFilter, TextField},
        statistics::{COLUMNS, GroupBy},
    },
    state::{
        AppState, Phase,
        statistics::{Groups, PartKey},
    },
    ui::{
        file_dialog::FileDialog,
        theme::{Palette, semibold},
        widgets::{bar_cell, empty_state, figures, icon, mixed, small, turning},
    },
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

/// Shows the groups of the current filter.
pub fn ui(
    ui: &mut Ui,
    state: &AppState,
    (cards, dialog): (&mut Cards, &mut FileDialog),
    out: &mut Outbox,
) {
    let area = ui.available_rect_before_wrap();
    ui.horizontal_wrapped(|ui| {
        ui.label(small(ui, "Group by"));
        for by in GroupBy::ALL {
            let chosen = state.settings.group_by == by;
            if ui.selectable_label(chosen, by.to_string()).clicked() && !chosen {
                out.send(Command::SetGroupBy(by));
            }
        }
        ui.add_space(8.0);
        status_ui(ui, state, out);
        if let Some(part) = state.statistics.part(&PartKey::Groups) {
            cards.export.menu(ui, part, area, dialog);
        }
    });
    ui.add_space(4.0);
    let Some(groups) = state
        .statistics
        .groups()
        .filter(|groups| !groups.rows.is_empty())
    else {
        match state.statistics.phase() {
            Phase::Loading | Phase::Empty => {
                empty_state(ui, "Adding up", "All matching jobs are read once");
            }
            Phase::Loaded => empty_state(ui, "No job matches", "Take a condition away"),
            Phase::Stopped => {
                empty_state(ui, "Stopped", "Partial sums would mislead; none are shown");
            }
            Phase::Failed => {
                let part = state.statistics.part(&PartKey::Groups);
                let why = part.and_then(|part| part.trouble.as_deref());
                empty_state(ui, "The groups cannot be had", why.unwrap_or(""));
            }
        }
        return;
    };
    let is_old = state
        .statistics
        .part(&PartKey::Groups)
        .is_some_and(|part| part.is_old);
    if is_old {
        ui.multiply_opacity(0.5);
    }
    table_ui(ui, state, groups, out);
}

fn status_ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    let Some(part) = state.statistics.part(&PartKey::Groups) else {
        return;
    };
    if part.phase == Phase::Loading {
        turning(ui, 14.0);
    }
    if part.can_be_asked_again() {
        again_button(ui, part, out);
    }
    if part.is_old {
        ui.label(small(ui, "These numbers are the old ones"));
    } else if part.phase == Phase::Loaded {
        let groups = format_count(state.statistics.rows().len());
        ui.label(small(
            ui,
            format!("{groups} groups · hours are truncated per group"),
        ))
        .on_hover_text("As in cc-backend: sums of seconds divided by 3600 without rounding");
    }
    age_ui(ui, state, part);
}

fn table_ui(ui: &mut Ui, state: &AppState, groups: &Groups, out: &mut Outbox) {
    let has_names = groups.rows.iter().any(|row| !row.name.is_empty());
    let names = if has_names { 150.0 } else { 0.0 };
    let room = ui.available_width() - 150.0 - names;
    let width = (room / SHOWN.len() as f32 - 8.0).clamp(84.0, 140.0);
    // At least the key and the numbers people ask for most; the rest if there is room.
    let fitting = ((room / (width + 8.0)) as usize).clamp(4, SHOWN.len());
    let shown = SHOWN.get(..fitting).unwrap_or(&SHOWN);
    ui.spacing_mut().item_spacing = egui::vec2(8.0, 0.0);
    let mut table = TableBuilder::new(ui)
        .id_salt("statistics")
        .auto_shrink(false)
        .sense(Sense::hover())
        .cell_layout(Layout::right_to_left(Align::Center))
        .column(Column::exact(130.0));
    if has_names {
        table = table.column(Column::exact(names - 8.0).clip(true));
    }
    for _ in shown {
        table = table.column(Column::exact(width));
    }
    table
        .column(Column::remainder())
        .header(28.0, |mut header| {
            header.col(|ui| {
                let name = groups.by.to_string();
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    heading(ui, state, &name, 0, "the group's key", out);
                });
            });
            if has_names {
                header.col(|ui| {
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                        ui.label(small(ui, "Name"));
                    });
                });
            }
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
            body.rows(24.0, groups.rows.len() + 1, |mut line| {
                let index = line.index();
                if index == 0 {
                    total_row(&mut line, state, (shown, has_names));
                } else if let Some(row) = groups.rows.get(index - 1) {
                    group_row(&mut line, (state, groups), row, (shown, has_names), out);
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

fn total_row(
    line: &mut egui_extras::TableRow<'_, '_>,
    state: &AppState,
    (shown, has_names): (&[(&str, usize)], bool),
) {
    // The total of another filter above these groups would be wrong, not old.
    let totals = state.statistics.part(&PartKey::Totals);
    let is_old = totals.is_none_or(|part| part.is_old)
        != state
            .statistics
            .part(&PartKey::Groups)
            .is_none_or(|part| part.is_old);
    let total = state.statistics.total().filter(|_| !is_old);
    let is_loading = totals.is_some_and(|part| part.phase == Phase::Loading);
    line.col(|ui| {
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.label(RichText::new("all").family(semibold()));
        });
    });
    if has_names {
        line.col(|_| {});
    }
    for (_, column) in shown {
        line.col(|ui| {
            let value = total.and_then(|total| total.values.get(*column));
            let missing = if is_loading { "…" } else { "–" };
            let text = value.map_or_else(|| missing.to_owned(), |value| format_count(*value));
            ui.label(figures(text));
        });
    }
    line.col(|_| {});
}

fn group_row(
    line: &mut egui_extras::TableRow<'_, '_>,
    (state, groups): (&AppState, &Groups),
    row: &crate::jobs::statistics::StatisticsRow,
    (shown, has_names): (&[(&str, usize)], bool),
    out: &mut Outbox,
) {
    line.col(|ui| {
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            let filter = narrowed(state.filter(), groups.by, &row.key);
            let link = ui
                .link(if row.key.is_empty() {
                    "(empty)"
                } else {
                    &row.key
                })
                .on_hover_text(format!("Only jobs of this {}", groups.by));
            if link.clicked() {
                out.send(Command::SetFilter(filter));
            }
        });
    });
    if has_names {
        line.col(|ui| {
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(egui::Label::new(&row.name).truncate());
            });
        });
    }
    for (_, column) in shown {
        line.col(|ui| {
            let value = row.values.get(*column).copied().unwrap_or(0);
            let largest = groups.largest.get(*column).copied().unwrap_or(0);
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

/// The filter with this group in it.
fn narrowed(filter: &JobFilter, by: GroupBy, key: &str) -> JobFilter {
    let field = match by {
        GroupBy::User => TextField::User,
        GroupBy::Project => TextField::Project,
        GroupBy::Cluster => TextField::Cluster,
        GroupBy::Subcluster => TextField::SubCluster,
    };
    filter.clone().with_text(field, key)
}
