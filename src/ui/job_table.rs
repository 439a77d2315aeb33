//! The job table: as many rows as have been fetched, only the visible ones laid out.

use egui::{Align, Button, Key, Layout, RichText, Sense, Ui};
use egui_extras::{Column, TableBuilder, TableRow};
use jiff::tz::TimeZone;
use lucide_icons::Icon;

use super::{
    order,
    theme::Palette,
    widgets::{
        empty_state, figures, icon, meter, mixed, muted, primary_button, row_hairline, small,
        turning,
    },
};
use crate::{
    command::{Command, Outbox},
    jobs::{
        filter::JobFilter,
        row::JobRow,
        schema::Schema,
        sort::{Sort, SortKey},
    },
    state::{
        AppState, Phase,
        job_list::{MAX_BYTES, MAX_ROWS},
    },
    units::{Bytes, format_count, format_job_duration, format_time, zone_name},
};

const ROW_HEIGHT: f32 = 24.0;

/// Between two columns.
const SPACING: f32 = 8.0;

/// Within this many rows of the end the next batch is asked for.
const LOAD_AHEAD: usize = 60;

/// Remembers where to scroll.
#[derive(Default)]
pub struct JobTable {
    scroll_to: Option<usize>,
    /// What the rows were asked for by: another question begins at its first row.
    shown: Option<(JobFilter, Sort)>,
}

/// The columns, the ones that give way first in a narrow window at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    JobId,
    User,
    Cluster,
    State,
    Start,
    Duration,
    Nodes,
    Threads,
    Partition,
    Energy,
    Load,
    Accs,
    Project,
}

/// Field, heading, width, unit or meaning for the tooltip; in the order of the table.
const FIELDS: [(Field, &str, f32, &str); 13] = [
    (Field::JobId, "Job id", 74.0, "job_id: the scheduler's id"),
    (Field::User, "User", 88.0, "hpc_user"),
    (Field::Project, "Project", 80.0, "project"),
    (Field::Cluster, "Cluster", 72.0, "cluster"),
    (Field::Partition, "Partition", 86.0, "cluster_partition"),
    (Field::State, "State", 118.0, "job_state"),
    (Field::Start, "Start", 126.0, "start_time"),
    (
        Field::Duration,
        "Duration",
        90.0,
        "duration, h:mm:ss; of a running job the time since its start.\n\
         Sorted by the stored duration, which for running jobs is up to five minutes old",
    ),
    (Field::Nodes, "Nodes", 52.0, "num_nodes"),
    (
        Field::Threads,
        "Threads",
        58.0,
        "num_hwthreads: hardware threads of the whole job",
    ),
    (
        Field::Accs,
        "Accs",
        48.0,
        "num_acc: accelerators of the whole job",
    ),
    (Field::Energy, "Energy kWh", 78.0, "energy"),
    (
        Field::Load,
        "CPU load",
        100.0,
        "cpu_load_avg of the footprint; the bar compares it with the hardware threads per node",
    ),
];

impl Field {
    /// What a click on the heading sorts by.
    fn key(self) -> SortKey {
        SortKey::Column(match self {
            Self::JobId => "job_id",
            Self::User => "hpc_user",
            Self::Project => "project",
            Self::Cluster => "cluster",
            Self::Partition => "cluster_partition",
            Self::State => "job_state",
            Self::Start => "start_time",
            Self::Duration => "duration",
            Self::Nodes => "num_nodes",
            Self::Threads => "num_hwthreads",
            Self::Accs => "num_acc",
            Self::Energy => "energy",
            Self::Load => return SortKey::Footprint("cpu_load_avg".to_owned()),
        })
    }

    /// Whether a file has what the column shows.
    fn is_in(self, schema: &Schema) -> bool {
        match self.key() {
            SortKey::Column(name) => schema.has(name),
            SortKey::Footprint(_) => schema.has("footprint"),
        }
    }
}

/// Width of a column that is only there because the jobs are sorted by it.
const EXTRA_WIDTH: f32 = 120.0;

/// Which columns give way first when the table is too narrow.
const GIVE_WAY: [Field; 9] = [
    Field::Project,
    Field::Accs,
    Field::Load,
    Field::Energy,
    Field::Partition,
    Field::Threads,
    Field::Nodes,
    Field::Cluster,
    Field::Duration,
];

impl JobTable {
    /// Shows the table, or what stands in its place.
    pub fn ui(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        let jobs = &state.jobs;
        if jobs.rows.is_empty() {
            empty_ui(ui, state, out);
            return;
        }
        let is_same = self
            .shown
            .as_ref()
            .is_some_and(|(filter, sort)| filter == state.filter() && *sort == jobs.sort);
        if !is_same {
            let is_first = self.shown.is_none();
            self.shown = Some((state.filter().clone(), jobs.sort.clone()));
            self.scroll_to = (!is_first).then_some(0);
        }
        self.keys(ui, state, out);
        let footer = 28.0;
        let height = (ui.available_height() - footer).max(60.0);
        ui.allocate_ui(egui::vec2(ui.available_width(), height), |ui| {
            ui.set_min_height(height);
            if jobs.is_outdated {
                ui.multiply_opacity(0.5);
            }
            self.table_ui(ui, state, out);
        });
        footer_ui(ui, state, out);
    }

    fn table_ui(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        let zone = &state.zone;
        let zone_text = zone_name(zone);
        ui.spacing_mut().item_spacing = egui::vec2(SPACING, 0.0);
        let sort = &state.jobs.sort;
        let (fields, has_extra) = fitting_fields(ui.available_width(), sort, state.schema());
        let width = ui.available_width();
        let rows = &state.jobs.rows;
        let mut last_visible = 0;
        let mut table = TableBuilder::new(ui)
            .id_salt("jobs")
            .sense(Sense::click())
            .auto_shrink(false)
            .cell_layout(Layout::left_to_right(Align::Center));
        for (.., width, _) in &fields {
            table = table.column(Column::exact(*width));
        }
        if has_extra {
            table = table.column(Column::exact(EXTRA_WIDTH));
        }
        table = table.column(Column::remainder());
        if let Some(row) = self.scroll_to.take() {
            // The first row is meant to be at the top, others only to be seen.
            let align = (row == 0).then_some(Align::TOP);
            table = table.scroll_to_row(row, align);
        }
        table
            .header(26.0, |mut header| {
                for (field, name, _, hint) in &fields {
                    header.col(|ui| {
                        let text = if *field == Field::Start {
                            format!("{name} ({zone_text})")
                        } else {
                            (*name).to_owned()
                        };
                        aligned(ui, is_number(*field), |ui| {
                            heading(ui, &text, &field.key(), sort, out).on_hover_text(*hint);
                        });
                    });
                }
                if has_extra {
                    header.col(|ui| {
                        let name = order::heading(&sort.key);
                        aligned(ui, true, |ui| {
                            heading(ui, &name, &sort.key, sort, out)
                                .on_hover_text("Here because the jobs are sorted by it");
                        });
                    });
                }
                header.col(|_| {});
            })
            .body(|body| {
                body.rows(ROW_HEIGHT, rows.len(), |mut line| {
                    let index = line.index();
                    last_visible = last_visible.max(index);
                    if let Some(job) = rows.get(index) {
                        let columns = (fields.as_slice(), has_extra);
                        row_ui(&mut line, job, columns, (state, zone), width, out);
                    }
                });
            });
        if last_visible + LOAD_AHEAD >= rows.len()
            && state.jobs.can_load_more().is_some()
            && state.jobs.phase == Phase::Loaded
        {
            out.send(Command::LoadMore);
        }
    }

    /// Up and down go through the jobs, like the list of a mail program.
    fn keys(&mut self, ui: &Ui, state: &AppState, out: &mut Outbox) {
        if ui.memory(|memory| memory.focused().is_some()) || egui::Popup::is_any_open(ui.ctx()) {
            return;
        }
        let step = |key| ui.input(|input| input.key_pressed(key));
        // Looked for only when a key is pressed: there may be tens of thousands of rows.
        let selected = || {
            let job = state.details.as_ref()?.job;
            state.jobs.rows.iter().position(|row| row.id() == job)
        };
        let target = if step(Key::ArrowDown) {
            Some(selected().map_or(0, |index| index + 1))
        } else if step(Key::ArrowUp) {
            selected().map(|index| index.saturating_sub(1))
        } else {
            None
        };
        if let Some(index) = target
            && let Some(row) = state.jobs.rows.get(index)
        {
            self.scroll_to = Some(index);
            out.send(Command::SelectJob(Some(row.id())));
        }
    }
}

/// The columns that the file has and the width allows, and whether one more shows what the jobs are
/// sorted by.
fn fitting_fields(
    width: f32,
    sort: &Sort,
    schema: Option<&Schema>,
) -> (Vec<(Field, &'static str, f32, &'static str)>, bool) {
    let mut fields = FIELDS.to_vec();
    fields.retain(|(field, ..)| schema.is_none_or(|schema| field.is_in(schema)));
    let has_extra = !fields.iter().any(|(field, ..)| field.key() == sort.key);
    let extra = if has_extra {
        EXTRA_WIDTH + SPACING
    } else {
        0.0
    };
    for field in GIVE_WAY {
        let needed: f32 = fields.iter().map(|(.., width, _)| width + SPACING).sum();
        if needed + extra + 12.0 > width && field.key() != sort.key {
            fields.retain(|(other, ..)| *other != field);
        }
    }
    // What is left over makes every column a little wider, so that no half of a large window is empty.
    let needed: f32 = fields.iter().map(|(.., width, _)| width + SPACING).sum();
    let wider = (width - 12.0 - needed - extra) / needed;
    for (_, _, width, _) in &mut fields {
        *width *= 1.0 + wider.clamp(0.0, 0.4);
    }
    (fields, has_extra)
}

/// A heading that sorts: largest first, then smallest first, then the newest first again.
fn heading(
    ui: &mut Ui,
    name: &str,
    key: &SortKey,
    sort: &Sort,
    out: &mut Outbox,
) -> egui::Response {
    let arrow = match (sort.key == *key, sort.descending) {
        (false, _) => String::new(),
        (true, true) => format!(" {}", icon(Icon::ArrowDown)),
        (true, false) => format!(" {}", icon(Icon::ArrowUp)),
    };
    let text = mixed(&format!("{name}{arrow}"), 11.5, Palette::of(ui).muted);
    ui.spacing_mut().button_padding.x = 0.0;
    let response = ui
        .add(Button::new(text).frame(false))
        .accessible_name(format!("Sort jobs by {}", order::key_name(key)));
    if response.clicked() {
        out.send(Command::SortJobs(order::after_click(sort, key)));
    }
    response
}

fn is_number(field: Field) -> bool {
    match field {
        Field::JobId
        | Field::Start
        | Field::Duration
        | Field::Nodes
        | Field::Threads
        | Field::Accs
        | Field::Energy => true,
        Field::User
        | Field::Project
        | Field::Cluster
        | Field::Partition
        | Field::State
        | Field::Load => false,
    }
}

fn aligned(ui: &mut Ui, is_number: bool, add: impl FnOnce(&mut Ui)) {
    if is_number {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(4.0);
            add(ui);
        });
    } else {
        add(ui);
    }
}

fn row_ui(
    line: &mut TableRow<'_, '_>,
    job: &JobRow,
    (fields, has_extra): (&[(Field, &str, f32, &str)], bool),
    (state, zone): (&AppState, &TimeZone),
    width: f32,
    out: &mut Outbox,
) {
    let is_selected = state.details.as_ref().is_some_and(|d| d.job == job.id());
    line.set_selected(is_selected);
    for (field, ..) in fields {
        line.col(|ui| {
            if *field == Field::JobId {
                row_hairline(ui, width);
            }
            aligned(ui, is_number(*field), |ui| {
                cell_ui(ui, *field, job, state, zone);
            });
        });
    }
    if has_extra {
        line.col(|ui| {
            // Rows of the order before have no such value.
            if state.jobs.rows_sort == state.jobs.sort {
                aligned(ui, true, |ui| extra_ui(ui, job, &state.jobs.sort, zone));
            }
        });
    }
    line.col(|_| {});
    if line.response().clicked() {
        out.send(Command::SelectJob((!is_selected).then(|| job.id())));
    }
}

fn cell_ui(ui: &mut Ui, field: Field, job: &JobRow, state: &AppState, zone: &TimeZone) {
    let number = |column: &str| job.int(column).map_or_else(String::new, format_count);
    let text = match field {
        Field::JobId => figures(job.get("job_id").display()),
        Field::User => RichText::new(job.text("hpc_user")),
        Field::Project => muted(ui, job.text("project")),
        Field::Cluster => RichText::new(job.text("cluster")),
        Field::Partition => muted(ui, job.text("cluster_partition")),
        Field::Start => figures(
            job.int("start_time")
                .map_or_else(String::new, |start| format_time(start, zone)),
        ),
        Field::Duration => figures(
            job.duration_secs(state.now_unix_secs)
                .map_or_else(String::new, format_job_duration),
        ),
        Field::Nodes => figures(number("num_nodes")),
        Field::Threads => figures(number("num_hwthreads")),
        Field::Accs => figures(number("num_acc")),
        Field::Energy => figures(
            job.get("energy")
                .as_real()
                .map_or_else(String::new, |kwh| format!("{kwh:.1}")),
        ),
        Field::State => {
            ui.label(state_text(ui, job.text("job_state")));
            return;
        }
        Field::Load => return load_ui(ui, job),
    };
    ui.add(egui::Label::new(text).truncate());
}

/// The value that the jobs are sorted by, where no other column shows it.
fn extra_ui(ui: &mut Ui, job: &JobRow, sort: &Sort, zone: &TimeZone) {
    let (column, value) = match &sort.key {
        SortKey::Column(name) if sort.extra_column().is_none() => (*name, job.get(name)),
        SortKey::Column(name) => (*name, job.extra()),
        SortKey::Footprint(_) => ("", job.extra()),
    };
    let text = match (column, value.as_int()) {
        ("submit_time", Some(secs)) => format_time(secs, zone),
        ("walltime" | "duration", Some(secs)) => format_job_duration(secs),
        ("id", Some(id)) => id.to_string(),
        (_, Some(number)) => format_count(number),
        (_, None) => value
            .as_real()
            .map_or_else(|| value.display(), |real| format!("{real:.2}")),
    };
    ui.add(egui::Label::new(figures(text)).truncate());
}

/// A state as a word with an icon: colour never speaks alone.
pub fn state_text(ui: &Ui, state: &str) -> egui::text::LayoutJob {
    let palette = Palette::of(ui);
    let (symbol, color) = match state {
        "completed" => (Icon::Check, palette.muted),
        "running" => (Icon::Play, palette.good),
        "failed" | "node_fail" | "boot_fail" | "out_of_memory" => (Icon::X, palette.bad),
        "timeout" | "deadline" => (Icon::TriangleAlert, palette.warning),
        "pending" | "suspended" => (Icon::Pause, palette.muted),
        _ => (Icon::Minus, palette.muted),
    };
    mixed(&format!("{} {state}", icon(symbol)), 13.0, color)
}

fn load_ui(ui: &mut Ui, job: &JobRow) {
    let load = job
        .json("footprint")
        .and_then(|footprint| footprint.get("cpu_load_avg")?.as_f64());
    let Some(load) = load else { return };
    let threads = job.int("num_hwthreads").unwrap_or(0) as f64;
    let nodes = job.int("num_nodes").unwrap_or(1).max(1) as f64;
    if threads > 0.0 {
        let share = load / (threads / nodes);
        meter(ui, 48.0, share as f32, Palette::of(ui).accent);
    }
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.label(figures(format!("{load:.1}")));
    });
}

fn footer_ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    let jobs = &state.jobs;
    ui.horizontal(|ui| {
        let shown = format_count(jobs.rows.len());
        let of = match jobs.count {
            Some(count) => format!("{} jobs", format_count(count)),
            None => "all matching jobs".to_owned(),
        };
        let text = match jobs.phase {
            Phase::Stopped | Phase::Failed if jobs.is_outdated => {
                "Stopped before the first row; these rows are the old selection".to_owned()
            }
            _ if jobs.is_outdated => {
                "Asking for the new selection; these rows are the old one".to_owned()
            }
            Phase::Stopped => format!("First {shown} of {of}, then stopped"),
            Phase::Failed => format!("First {shown} of {of}, then the query failed"),
            _ if jobs.is_full() => format!(
                "First {shown} of {of}. The list ends at {} or {}: narrow the filter to see others",
                format_count(MAX_ROWS),
                Bytes(MAX_BYTES as u64)
            ),
            _ if jobs.count == Some(jobs.rows.len() as u64) => {
                format!("All {shown} jobs, {}", order::words(&jobs.sort))
            }
            Phase::Empty | Phase::Loading | Phase::Loaded => {
                let order = order::words(&jobs.sort);
                format!("First {shown} of {of}, {order}; scroll for more")
            }
        };
        let response = ui.label(small(ui, text));
        if let Some(caveat) = order::caveat(&jobs.sort) {
            response.on_hover_text(caveat);
        }
        order::menu(ui, state, out);
        if jobs.phase == Phase::Loading {
            turning(ui, 14.0);
        }
        if matches!(jobs.phase, Phase::Stopped | Phase::Failed) {
            if jobs.can_load_more().is_some() && ui.small_button("Go on").clicked() {
                out.send(Command::LoadMore);
            }
            if ui.small_button("Start again").clicked() {
                out.send(Command::Reload);
            }
        }
    });
}

fn empty_ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    match state.jobs.phase {
        Phase::Loading | Phase::Empty => {
            empty_state(
                ui,
                "Looking for jobs",
                "The first rows appear as soon as they exist",
            );
            ui.vertical_centered(|ui| turning(ui, 20.0));
        }
        Phase::Loaded if state.filter().is_empty() => {
            empty_state(ui, "No jobs", "The job table of this database is empty");
        }
        Phase::Loaded => {
            empty_state(
                ui,
                "No job matches",
                "Take a condition away, or clear the filter",
            );
            ui.vertical_centered(|ui| {
                ui.add_space(8.0);
                if primary_button(ui, "Show all jobs").clicked() {
                    out.send(Command::SetFilter(JobFilter::default()));
                }
            });
        }
        Phase::Stopped | Phase::Failed => {
            let title = if state.jobs.phase == Phase::Stopped {
                "Stopped before the first row"
            } else {
                "The query failed"
            };
            empty_state(ui, title, "Nothing was changed");
            ui.vertical_centered(|ui| {
                ui.add_space(8.0);
                if primary_button(ui, "Try again").clicked() {
                    out.send(Command::Reload);
                }
            });
        }
    }
}
