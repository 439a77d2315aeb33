//! The grouped statistics: sortable, with bars in the cells; a click narrows the filter down.

use egui::{Color32, RichText, Ui};
use lucide_icons::Icon;

use super::{
    Cards,
    card::{again_button, age_ui},
};
use crate::{
    command::{Command, Outbox},
    jobs::{
        filter::{JobFilter, TextField},
        statistics::{COLUMNS, GroupBy, StatisticsRow},
    },
    state::{
        AppState, Phase,
        statistics::{Groups, PartKey},
    },
    ui::{
        file_dialog::FileDialog,
        grid::{Align, Column, Grid, Rows, columns_width},
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

const ROW_HEIGHT: f32 = 24.0;

/// The table, with where it is scrolled to.
#[derive(Default)]
pub struct GroupsTable {
    grid: Grid,
    /// What it was grouped by: other groups begin at their first row.
    shown_by: Option<GroupBy>,
}

impl GroupsTable {
    /// Shows the groups of the current filter.
    pub fn ui(
        &mut self,
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
        self.table_ui(ui, state, groups, out);
    }

    fn table_ui(&mut self, ui: &mut Ui, state: &AppState, groups: &Groups, out: &mut Outbox) {
        if self.shown_by.replace(groups.by) != Some(groups.by) {
            self.grid.go_to(0, Align::Top);
        }
        let shown = shown_columns(groups, columns_width(ui.available_width()));
        let color = Palette::of(ui).muted;
        let columns: Vec<_> = shown
            .iter()
            .map(|(shown, width)| shown.column(*width, color, (state, groups)))
            .collect();
        let name = format!("Statistics by {}", groups.by);
        let rows = Rows {
            name: &name,
            // The total stands above the groups, as their first row.
            num_rows: groups.rows.len() as u64 + 1,
            row_height: ROW_HEIGHT,
            selectable: false,
            current: None,
            is_marked: &|_| false,
            summary: format!("{} groups", format_count(groups.rows.len())),
            thumb_hint: &|row| group_at(groups, row).map_or_else(String::new, key_text),
        };
        let total = total(state);
        let output = self.grid.ui(
            ui,
            &rows,
            &columns,
            &mut |heading, index| {
                if let Some(hint) = shown.get(index).and_then(|(shown, _)| shown.hint()) {
                    heading.clone().on_hover_text(hint);
                }
            },
            &mut |ui, row, index| {
                let Some((shown, _)) = shown.get(index) else {
                    return;
                };
                match group_at(groups, row) {
                    Some(group) => group_cell(ui, *shown, (state, groups), group, out),
                    None => total_cell(ui, *shown, &total),
                }
            },
        );
        if let Some((clicked, _)) = output.header_clicked.and_then(|index| shown.get(index))
            && let Some(column) = clicked.sort_column()
        {
            out.send(Command::SortStatistics(column));
        }
    }
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

/// One column of the table.
#[derive(Clone, Copy)]
enum Shown {
    Key,
    Name,
    /// A heading, and the position among the result's columns.
    Value(&'static str, usize),
}

impl Shown {
    /// What the statistics are sorted by after a click; a person's name is no part of the query.
    fn sort_column(self) -> Option<usize> {
        match self {
            Self::Key => Some(0),
            Self::Name => None,
            Self::Value(_, column) => Some(column + 1),
        }
    }

    fn hint(self) -> Option<String> {
        match self {
            Self::Key => Some("the group's key".to_owned()),
            Self::Name => None,
            Self::Value(_, column) => {
                let (name, meaning) = COLUMNS.get(column)?;
                Some(format!("{name} ({meaning})"))
            }
        }
    }

    fn column(
        self,
        width: f32,
        color: Color32,
        (state, groups): (&AppState, &Groups),
    ) -> Column<'static> {
        let (key, title) = match self {
            Self::Key => ("key", groups.by.to_string()),
            Self::Name => ("name", "Name".to_owned()),
            Self::Value(title, _) => (title, title.to_owned()),
        };
        let statistics = &state.statistics;
        let is_sorted = self.sort_column() == Some(statistics.sort_column);
        let arrow = match (is_sorted, statistics.descending) {
            (false, _) => String::new(),
            (true, true) => format!(" {}", icon(Icon::ArrowDown)),
            (true, false) => format!(" {}", icon(Icon::ArrowUp)),
        };
        Column {
            key,
            title: mixed(&format!("{title}{arrow}"), 11.5, color).into(),
            name: match self.sort_column() {
                Some(_) => format!("Sort by {title}"),
                None => String::new(),
            },
            width,
            right_aligned: matches!(self, Self::Value(..)),
            pinned: matches!(self, Self::Key),
            adjustable: false,
        }
    }
}

/// The columns with their widths: at least the key and the numbers people ask for most; the rest if
/// there is room.
fn shown_columns(groups: &Groups, room: f32) -> Vec<(Shown, f32)> {
    let mut shown = vec![(Shown::Key, 138.0)];
    if groups.rows.iter().any(|row| !row.name.is_empty()) {
        shown.push((Shown::Name, 150.0));
    }
    let left = room - shown.iter().map(|(_, width)| width).sum::<f32>();
    let width = (left / SHOWN.len() as f32).clamp(96.0, 152.0);
    let fitting = ((left / width) as usize).clamp(4, SHOWN.len());
    let values = SHOWN.iter().take(fitting);
    shown.extend(values.map(|(name, column)| (Shown::Value(name, *column), width)));
    shown
}

/// The group in a row of the table; none in the first, which is the total.
fn group_at(groups: &Groups, row: u64) -> Option<&StatisticsRow> {
    let index = usize::try_from(row.checked_sub(1)?).ok()?;
    groups.rows.get(index)
}

fn key_text(group: &StatisticsRow) -> String {
    if group.key.is_empty() {
        "(empty)".to_owned()
    } else {
        group.key.clone()
    }
}

/// The total, if it belongs to these groups, and what stands where it is missing.
fn total(state: &AppState) -> (Option<&StatisticsRow>, &'static str) {
    let totals = state.statistics.part(&PartKey::Totals);
    // The total of another filter above these groups would be wrong, not old.
    let is_old = totals.is_none_or(|part| part.is_old)
        != state
            .statistics
            .part(&PartKey::Groups)
            .is_none_or(|part| part.is_old);
    let is_loading = totals.is_some_and(|part| part.phase == Phase::Loading);
    (
        state.statistics.total().filter(|_| !is_old),
        if is_loading { "…" } else { "–" },
    )
}

fn total_cell(ui: &mut Ui, shown: Shown, (total, missing): &(Option<&StatisticsRow>, &str)) {
    match shown {
        Shown::Key => {
            ui.label(RichText::new("all").family(semibold()));
        }
        Shown::Name => {}
        Shown::Value(_, column) => {
            let value = total.and_then(|total| total.values.get(column));
            let text = value.map_or_else(|| (*missing).to_owned(), |value| format_count(*value));
            ui.label(figures(text));
        }
    }
}

fn group_cell(
    ui: &mut Ui,
    shown: Shown,
    (state, groups): (&AppState, &Groups),
    group: &StatisticsRow,
    out: &mut Outbox,
) {
    match shown {
        Shown::Key => {
            let link = ui
                .link(key_text(group))
                .on_hover_text(format!("Only jobs of this {}", groups.by));
            if link.clicked() {
                let filter = narrowed(state.filter(), groups.by, &group.key);
                out.send(Command::SetFilter(filter));
            }
        }
        Shown::Name => {
            ui.add(egui::Label::new(&group.name).truncate());
        }
        Shown::Value(_, column) => {
            let value = group.values.get(column).copied().unwrap_or(0);
            let largest = groups.largest.get(column).copied().unwrap_or(0);
            let share = if largest > 0 {
                value as f32 / largest as f32
            } else {
                0.0
            };
            let color = Palette::of(ui).accent;
            bar_cell(ui, format_count(value), share, color);
        }
    }
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
