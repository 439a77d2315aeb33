//! One cell of the job table: a value as people read it.

use egui::{Align, Label, Layout, RichText, Ui};
use lucide_icons::Icon;

use crate::{
    db::value::Cell,
    jobs::{
        column::{ColumnKind, JobColumn},
        rows::ListRow,
        sort::Sort,
    },
    state::AppState,
    ui::{
        theme::Palette,
        widgets::{figures, icon, meter, mixed, muted},
    },
    units::{format_count, format_job_duration, format_time},
};

/// The column whose value is drawn with a bar.
fn is_load(column: &JobColumn) -> bool {
    matches!(column, JobColumn::Footprint(key) if key == "cpu_load_avg")
}

/// Whether the values stand at the right edge.
pub fn is_right_aligned(column: &JobColumn) -> bool {
    let is_number = match column.kind() {
        ColumnKind::Int | ColumnKind::Real | ColumnKind::Time | ColumnKind::Secs => true,
        ColumnKind::Text | ColumnKind::Json => false,
    };
    is_number && !is_load(column)
}

/// Draws a column of a row.
pub fn ui(ui: &mut Ui, row: &ListRow, column: &JobColumn, state: &AppState) {
    if row.is_gone() {
        return;
    }
    let (value, length) = row.get(&state.jobs.columns, column);
    if *column == JobColumn::Stored("job_state") {
        ui.label(state_text(ui, row.state()));
        return;
    }
    if is_load(column) {
        load_ui(ui, row, value, state);
        return;
    }
    if *column == JobColumn::Stored("duration") {
        let secs = running_secs(row, state).or_else(|| value.as_int());
        let text = secs.map_or_else(|| value.display(), format_job_duration);
        ui.add(Label::new(figures(text)).truncate());
        return;
    }
    let is_main = matches!(
        column,
        JobColumn::Stored("hpc_user" | "cluster") | JobColumn::MetaData(_)
    );
    let text = text_of(value, column, state);
    let text = match column.kind() {
        ColumnKind::Int | ColumnKind::Real | ColumnKind::Time | ColumnKind::Secs => figures(text),
        ColumnKind::Json => muted(ui, one_line(&text)).monospace(),
        ColumnKind::Text if is_main => RichText::new(one_line(&text)),
        ColumnKind::Text => muted(ui, one_line(&text)),
    };
    let response = ui.add(Label::new(text).truncate());
    if let Some(length) = length.filter(|length| *length > u64::from(crate::jobs::rows::WIDE_CHARS))
    {
        response.on_hover_text(format!(
            "The first {} of {} characters; the details show the rest",
            crate::jobs::rows::WIDE_CHARS,
            format_count(length.cast_signed())
        ));
    }
}

/// Draws the value that the jobs are sorted by, where no column shows it.
pub fn key_ui(ui: &mut Ui, row: &ListRow, sort: &Sort, state: &AppState) {
    // Rows of the order before have another key.
    if state.jobs.rows_sort != *sort || row.is_gone() {
        return;
    }
    let text = text_of(&row.key, &sort.column(), state);
    ui.add(Label::new(figures(one_line(&text))).truncate());
}

/// The value as a person reads it.
pub fn text_of(value: &Cell, column: &JobColumn, state: &AppState) -> String {
    match (column.kind(), value.as_int(), value.as_real()) {
        (ColumnKind::Time, Some(0), _) => String::new(),
        (ColumnKind::Time, Some(secs), _) => format_time(secs, &state.zone),
        (ColumnKind::Secs, Some(secs), _) => format_job_duration(secs),
        // Ids are names, not amounts.
        (ColumnKind::Int, Some(number), _) => match column {
            JobColumn::Stored("id" | "job_id" | "array_job_id") => number.to_string(),
            JobColumn::Stored(_) | JobColumn::Footprint(_) | JobColumn::MetaData(_) => {
                format_count(number)
            }
        },
        (ColumnKind::Real, _, Some(number)) => match column {
            JobColumn::Stored(_) => format!("{number:.1}"),
            JobColumn::Footprint(_) | JobColumn::MetaData(_) => format!("{number:.2}"),
        },
        _ => value.display(),
    }
}

/// How long a running job has run by now: the stored duration is up to five minutes old.
fn running_secs(row: &ListRow, state: &AppState) -> Option<i64> {
    if row.state() != "running" {
        return None;
    }
    let start = state.jobs.cell(row, &JobColumn::Stored("start_time"));
    Some(state.now_unix_secs.saturating_sub(start.as_int()?))
}

/// A text without line breaks: a cell has one line.
fn one_line(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
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

/// A load beside a bar of the hardware threads of a node.
fn load_ui(ui: &mut Ui, row: &ListRow, value: &Cell, state: &AppState) {
    let Some(load) = value.as_real() else { return };
    let number = |name| state.jobs.cell(row, &JobColumn::Stored(name)).as_int();
    let threads = number("num_hwthreads").unwrap_or(0) as f64;
    let nodes = number("num_nodes").unwrap_or(1).max(1) as f64;
    if threads > 0.0 {
        let share = load / (threads / nodes);
        meter(ui, 44.0, share as f32, Palette::of(ui).accent);
    }
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        ui.label(figures(format!("{load:.1}")));
    });
}
