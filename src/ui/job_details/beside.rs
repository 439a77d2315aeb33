//! The jobs that ran on the same node at the same time; a click shows one of them.

use egui::{FontId, Role, ScrollArea, Sense, StrokeKind, Ui, Vec2, WidgetInfo, text::LayoutJob};

use crate::{
    command::{Command, Outbox},
    jobs::{list::MIN_RUNNING_SECS, row::JobRow},
    state::{
        AppState, Phase,
        details::{BesideJob, Details, Part},
    },
    ui::{
        job_table::state_text,
        theme::Palette,
        widgets::{small, turning},
    },
    units::{format_count, format_time},
};

/// cc-backend's rule, which is ours.
pub(super) const HINT: &str = "Jobs of the same cluster on the first node of this one, \
    for more than 200 seconds of its time. Column resources";

const LINE_HEIGHT: f32 = 36.0;

pub(super) fn ui(ui: &mut Ui, details: &Details, row: &JobRow, state: &AppState, out: &mut Outbox) {
    let part = &details.beside;
    let jobs = &part.data.jobs;
    if !jobs.is_empty() {
        let total = jobs.len() + part.data.num_left_out;
        let noun = if total == 1 { "job" } else { "jobs" };
        ui.label(small(ui, format!("{} {noun}", format_count(total))));
        list_ui(ui, jobs, state, out);
        if part.data.num_left_out > 0 {
            let rest = format_count(part.data.num_left_out);
            ui.label(small(ui, format!("and {rest} more that are not listed")));
        }
    } else if row.text("shared") == "none" {
        // cc-backend offers none for these, and so the query has none.
        ui.label(small(ui, "This job had its nodes for itself"));
        return;
    } else if details.beside_waits {
        let text = "In a file of this size it takes a while to find them";
        if ui
            .button("Look for jobs beside it")
            .on_hover_text(text)
            .clicked()
        {
            out.send(Command::LookBeside);
        }
        return;
    } else if part.phase == Phase::Loaded {
        let has_run = row.duration_secs(state.now_unix_secs);
        let text = if has_run.is_some_and(|secs| secs <= MIN_RUNNING_SECS) {
            "Not looked for: like cc-backend only beside jobs of more than ten minutes"
        } else {
            "No other job ran on its first node at that time"
        };
        ui.label(small(ui, text));
    }
    let again = || Command::LookBeside;
    phase_ui(ui, part, "Looking for jobs beside it…", again, out);
}

/// How a part stands that is not complete.
pub(super) fn phase_ui<T>(
    ui: &mut Ui,
    part: &Part<T>,
    loading: &str,
    again: impl FnOnce() -> Command,
    out: &mut Outbox,
) {
    let with_reason = |word: &str| match &part.trouble {
        Some(why) => format!("{word}: {why}"),
        None => word.to_owned(),
    };
    match part.phase {
        Phase::Empty | Phase::Loaded => {}
        Phase::Loading => {
            ui.horizontal(|ui| {
                turning(ui, 12.0);
                ui.label(small(ui, loading));
            });
        }
        Phase::Stopped => {
            ui.label(small(ui, with_reason("Stopped")));
        }
        Phase::Failed => {
            let color = Palette::of(ui).bad;
            ui.label(small(ui, with_reason("Failed")).color(color));
        }
    }
    if matches!(part.phase, Phase::Stopped | Phase::Failed) && ui.button("Look again").clicked() {
        out.send(again());
    }
}

fn list_ui(ui: &mut Ui, jobs: &[BesideJob], state: &AppState, out: &mut Outbox) {
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        ScrollArea::vertical()
            .id_salt("beside")
            .max_height(LINE_HEIGHT * 6.5)
            .min_scrolled_height((LINE_HEIGHT * jobs.len() as f32).min(LINE_HEIGHT * 6.5))
            .auto_shrink([false, true])
            .show_rows(ui, LINE_HEIGHT, jobs.len(), |ui, range| {
                for job in jobs.get(range).unwrap_or_default() {
                    if line_ui(ui, job, state) {
                        out.send(Command::SelectJob(Some(job.id)));
                    }
                }
            });
    });
}

/// One job on two lines, so that nothing is cut. Whether it was clicked.
fn line_ui(ui: &mut Ui, job: &BesideJob, state: &AppState) -> bool {
    let palette = Palette::of(ui);
    let size = Vec2::new(ui.available_width(), LINE_HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let start = job.start_unix_secs.map_or_else(
        || "no start stored".to_owned(),
        |secs| format_time(secs, &state.zone),
    );
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, 6.0, palette.raised);
    }
    if response.has_focus() {
        let stroke = egui::Stroke::new(1.0, palette.accent);
        ui.painter()
            .rect_stroke(rect, 6.0, stroke, StrokeKind::Inside);
    }
    let mono = |text: &str, size: f32, color| {
        LayoutJob::simple_singleline(text.to_owned(), FontId::monospace(size), color)
    };
    let id = mono(&job.job_id, 12.5, palette.accent);
    let state_word = state_text(ui, &job.state);
    let started = mono(&format!("started {start}"), 11.5, palette.muted);
    for (line, right, text) in [(0, false, id), (0, true, state_word), (1, false, started)] {
        let galley = ui.painter().layout_job(text);
        let x = if right {
            rect.right() - 6.0 - galley.size().x
        } else {
            rect.left() + 6.0
        };
        let middle = rect.top() + LINE_HEIGHT * if line == 0 { 0.28 } else { 0.72 };
        let at = egui::pos2(x, middle - galley.size().y / 2.0);
        ui.painter().galley(at, galley, palette.text);
    }
    response.widget_info(|| {
        let name = format!("Show job {}, {}, started {start}", job.job_id, job.state);
        WidgetInfo::labeled(Role::Button, true, name)
    });
    response.clicked()
}
