//! The job table: the whole selection, of which only what is in sight is fetched and laid out.

mod cells;
mod columns;
mod empty;
mod export;
mod footer;
mod go_to;

use std::ops::Range;

use egui::{Modifiers, Popup, RichText, SetOpenCommand, Ui, UiBuilder};
use lucide_icons::Icon;

pub use cells::state_text;

use self::{columns::Shown, go_to::GoTo};
use super::{
    file_dialog::FileDialog,
    grid::{Align, Column, Grid, KeyAction, Output, Rows},
    order,
    theme::Palette,
    widgets::{icon, mixed, muted},
};
use crate::{
    command::{Command, Outbox},
    jobs::column::JobColumn,
    state::{
        AppState, Phase,
        export::Scope,
        job_list::{copy::CopyFormat, layout::MIN_WIDTH, marks::MarkHow},
    },
    units::{format_count, format_time, zone_name},
};

const ROW_HEIGHT: f32 = 24.0;

/// Room for the line below the table.
const FOOTER_HEIGHT: f32 = 28.0;

/// Remembers where it is scrolled to, and what is being typed.
#[derive(Default)]
pub struct JobTable {
    grid: Grid,
    /// The last wish of the list that was followed.
    followed: u64,
    /// How far the rows had been renumbered when the table was last drawn.
    renumbered: i64,
    visible: Range<u64>,
    go_to: GoTo,
    columns: columns::Chooser,
    export: export::ExportDialog,
    /// The row whose menu is open.
    menu_row: Option<u64>,
    copied: u64,
}

impl JobTable {
    /// Shows the table, or what stands in its place.
    pub fn ui(&mut self, ui: &mut Ui, state: &AppState, dialog: &mut FileDialog, out: &mut Outbox) {
        let list = &state.jobs;
        self.take_copied(ui, state, out);
        footer::offer_ui(ui, state, out);
        export::progress_ui(ui, state, out);
        self.export.ui(ui, state, dialog, out);
        footer::news_ui(ui, state, out);
        let is_empty = list.num_rows() == 0 || list.rows.is_empty() && list.is_outdated;
        if is_empty || list.phase == Phase::Empty {
            empty::ui(ui, state, out);
            return;
        }
        let height = (ui.available_height() - FOOTER_HEIGHT).max(60.0);
        ui.allocate_ui(egui::vec2(ui.available_width(), height), |ui| {
            ui.set_min_height(height);
            if list.is_outdated {
                ui.multiply_opacity(0.5);
            }
            self.table_ui(ui, state, out);
        });
        self.footer_ui(ui, state, out);
    }

    fn table_ui(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        let list = &state.jobs;
        self.follow(state);
        let shown = Shown::of(state, super::grid::columns_width(ui.available_width()));
        let titles: Vec<Column<'_>> = (shown.columns.iter())
            .map(|column| heading(ui, column, state))
            .collect();
        let hint = |row| thumb_hint(row, state);
        let rows = Rows {
            name: "Job list",
            num_rows: list.num_rows(),
            row_height: ROW_HEIGHT,
            selectable: true,
            current: list.current,
            is_marked: &|row| list.marks.contains(row),
            summary: position_text(&self.visible, state),
            thumb_hint: &hint,
        };
        let mut header = |response: &egui::Response, index: usize| {
            if let Some(column) = shown.columns.get(index) {
                columns::heading_menu(response, column, state, out);
            }
        };
        let mut cell = |ui: &mut Ui, row: u64, index: usize| {
            cell_ui(ui, (row, index), &shown, state);
        };
        let output = self.grid.ui(ui, &rows, &titles, &mut header, &mut cell);
        self.react(&output, &shown, state, out);
        self.row_menu(&output, state, out);
    }

    /// Goes where the list wants to be seen, and stays with rows that were renumbered.
    fn follow(&mut self, state: &AppState) {
        let list = &state.jobs;
        let by = list.renumbered - self.renumbered;
        if by != 0 {
            self.renumbered = list.renumbered;
            self.grid.shift(by);
        }
        if list.scroll.serial != self.followed {
            self.followed = list.scroll.serial;
            let align = if list.scroll.at_top {
                Align::Top
            } else {
                Align::Nearest
            };
            self.grid.go_to(list.scroll.row, align);
        }
    }

    fn react(&mut self, output: &Output, shown: &Shown, state: &AppState, out: &mut Outbox) {
        let list = &state.jobs;
        let is_missing = list.rows.missing(&output.visible).is_some();
        if output.visible != self.visible || is_missing || list.has_more_near(&output.visible) {
            self.visible = output.visible.clone();
            out.send(Command::ShowRows(output.visible.clone()));
        }
        if let Some(column) = output
            .header_clicked
            .and_then(|index| shown.columns.get(index))
            && let Some(key) = columns::sort_key(&column.column)
        {
            out.send(Command::SortJobs(order::after_click(&list.sort, &key)));
        }
        if let Some((index, width)) = output.resized
            && let Some(column) = shown.columns.get(index).filter(|column| column.is_chosen)
        {
            let mut columns = state.columns.clone();
            if let Some(chosen) = columns
                .iter_mut()
                .find(|other| other.column == column.column)
            {
                chosen.width = (width / shown.stretch).max(MIN_WIDTH);
                out.send(Command::SetColumns(columns));
            }
        }
        if let Some((from, to)) = output.moved {
            columns::move_column(state, shown, (from, to), out);
        }
        if let Some((row, modifiers)) = output.clicked {
            click(row, modifiers, state, out);
        }
        match output.key {
            Some(KeyAction::Move { to, extend }) => {
                let how = if extend {
                    MarkHow::Extend
                } else {
                    MarkHow::Only
                };
                out.send(Command::Mark { row: to, how });
                // Keys go through the jobs like through the letters of a mail program.
                if !extend
                    && state.details.is_none()
                    && let Some(id) = list.id_at(to)
                {
                    out.send(Command::SelectJob(Some(id)));
                }
            }
            Some(KeyAction::MarkAll) => out.send(Command::MarkAll),
            Some(KeyAction::Copy) => out.send(Command::CopyMarked(CopyFormat::Text)),
            Some(KeyAction::Open) => {
                if let Some(id) = list.current.and_then(|row| list.id_at(row)) {
                    out.send(Command::SelectJob(Some(id)));
                }
            }
            None => {}
        }
    }

    fn row_menu(&mut self, output: &Output, state: &AppState, out: &mut Outbox) {
        if let Some(row) = output.secondary_clicked {
            self.menu_row = Some(row);
            if !state.jobs.marks.contains(row) {
                out.send(Command::Mark {
                    row,
                    how: MarkHow::Only,
                });
            }
        }
        let Some(row) = self.menu_row else { return };
        let opened = output.secondary_clicked.map(|_| SetOpenCommand::Bool(true));
        Popup::menu(&output.response)
            .open_memory(opened)
            .at_pointer_fixed()
            .show(|ui| {
                if ui.button("Show details").clicked() {
                    if let Some(id) = state.jobs.id_at(row) {
                        out.send(Command::SelectJob(Some(id)));
                    }
                    ui.close();
                }
                if footer::copy_menu(ui, state, out) {
                    self.export.open(state, Scope::Marked);
                }
            });
    }

    /// Puts finished copies into the clipboard, once each.
    fn take_copied(&mut self, ui: &Ui, state: &AppState, out: &mut Outbox) {
        if let Some((serial, text)) = &state.jobs.copying.text
            && *serial != self.copied
        {
            self.copied = *serial;
            ui.copy_text(text.clone());
            out.send(Command::CopyTaken);
        }
    }

    fn footer_ui(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        ui.horizontal(|ui| {
            footer::position_ui(ui, &self.visible, state, out);
            // A name of their own: what stands at the left comes and goes, and an open menu stays.
            let menus = UiBuilder::new()
                .scope_id(ui.scope_id().with("menus"))
                .layout(egui::Layout::right_to_left(egui::Align::Center));
            ui.scope_builder(menus, |ui| {
                let button = footer::quiet_button(ui, "Export");
                if button.on_hover_text("Write these jobs to a file").clicked() {
                    self.export.open(state, Scope::Selection);
                }
                self.columns.menu(ui, state, out);
                order::menu(ui, state, out);
                self.go_to.menu(ui, state, out);
                if footer::marks_ui(ui, state, out) {
                    self.export.open(state, Scope::Marked);
                }
            });
        });
    }
}

/// What a click on a row does: alone it shows the job, with keys it marks.
fn click(row: u64, modifiers: Modifiers, state: &AppState, out: &mut Outbox) {
    let list = &state.jobs;
    let how = if modifiers.shift {
        MarkHow::Extend
    } else if modifiers.command {
        MarkHow::Toggle
    } else {
        MarkHow::Only
    };
    let shown = state.details.as_ref().map(|details| details.job);
    let id = list.id_at(row);
    if how == MarkHow::Only && shown.is_some() && shown == id {
        // Again on the same job: it goes from the side.
        out.send(Command::SelectJob(None));
        return;
    }
    out.send(Command::Mark { row, how });
    if how == MarkHow::Only && shown.is_none() && id.is_some() {
        out.send(Command::SelectJob(id));
    }
}

fn heading<'a>(ui: &Ui, column: &'a columns::ShownColumn, state: &AppState) -> Column<'a> {
    let palette = Palette::of(ui);
    let sort = &state.jobs.sort;
    let key = columns::sort_key(&column.column);
    let arrow = match &key {
        Some(key) if *key == sort.key && sort.descending => {
            format!(" {}", icon(Icon::ArrowDown))
        }
        Some(key) if *key == sort.key => format!(" {}", icon(Icon::ArrowUp)),
        _ => String::new(),
    };
    let mut title = columns::title(&column.column);
    if column.column.kind() == crate::jobs::column::ColumnKind::Time {
        title = format!("{title} ({})", zone_name(&state.zone));
    }
    Column {
        key: &column.key,
        title: mixed(&format!("{title}{arrow}"), 11.5, palette.muted).into(),
        name: key.map_or_else(String::new, |key| {
            format!("Sort jobs by {}", order::key_name(&key))
        }),
        width: column.width,
        right_aligned: cells::is_right_aligned(&column.column),
        pinned: column.is_pinned,
        adjustable: column.is_chosen,
    }
}

fn cell_ui(ui: &mut Ui, (row, index): (u64, usize), shown: &Shown, state: &AppState) {
    let Some(column) = shown.columns.get(index) else {
        return;
    };
    let Some(job) = state.jobs.rows.get(row) else {
        if index == 0 {
            ui.label(muted(ui, "…"));
        }
        return;
    };
    if job.is_gone() && index == 0 {
        let text = RichText::new("changed or deleted since").italics();
        ui.label(text.color(Palette::of(ui).muted));
        return;
    }
    if column.is_chosen {
        cells::ui(ui, job, &column.column, state);
    } else {
        cells::key_ui(ui, job, &state.jobs.sort, state);
    }
}

/// `job 12,345 of 2,000,000`, with `~` where it is a guess.
fn position_text(visible: &Range<u64>, state: &AppState) -> String {
    let list = &state.jobs;
    let tilde = |is_guess: bool| if is_guess { "~" } else { "" };
    format!(
        "job {}{} of {}{}",
        tilde(list.number_is_estimate()),
        format_count((visible.start + 1).cast_signed()),
        tilde(list.is_estimate()),
        format_count(list.num_rows().cast_signed()),
    )
}

/// What stands beside the thumb: the number, and what the jobs there are sorted by.
fn thumb_hint(row: u64, state: &AppState) -> String {
    let list = &state.jobs;
    let tilde = if list.is_numbered() { "" } else { "~" };
    let number = format!("job {tilde}{}", format_count((row + 1).cast_signed()));
    let start = JobColumn::Stored("start_time");
    let started = (list.rows.get(row))
        .and_then(|job| list.cell(job, &start).as_int())
        .map(|secs| format_time(secs, &state.zone));
    let column = list.sort.column();
    let near = list
        .key_near(row)
        .map(|key| cells::text_of(&key, &column, state));
    match (started, near) {
        (Some(started), _) if column == start => format!("{number}\n{started}"),
        (Some(started), Some(near)) => {
            format!("{number}\n{}: {near}\n{started}", columns::title(&column))
        }
        (None, Some(near)) if column == start => format!("{number}\n{tilde}{near}"),
        (None, Some(near)) => format!("{number}\n{}: {tilde}{near}", columns::title(&column)),
        (Some(started), None) => format!("{number}\n{started}"),
        (None, None) => number,
    }
}
