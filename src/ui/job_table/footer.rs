//! The line below the table and the ones above it: where one is, what is offered, what has changed.

use std::ops::Range;

use egui::{Frame, Margin, Ui};
use lucide_icons::Icon;

use super::position_text;
use crate::{
    command::{Command, Outbox},
    engine::message::FileChange,
    jobs::{order_cost::Served, rows::MAX_NEWER},
    state::{AppState, Phase, job_list::copy::CopyFormat},
    ui::{
        order,
        theme::Palette,
        widgets::{icon, mixed, small, turning},
    },
    units::{format_count, format_elapsed, seconds},
};

pub(super) fn line(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    let palette = Palette::of(ui);
    Frame::new()
        .fill(palette.raised)
        .corner_radius(6.0)
        .inner_margin(Margin::symmetric(10, 6))
        .show(ui, |ui| {
            ui.set_min_width(ui.available_width());
            ui.horizontal_wrapped(add);
        });
    ui.add_space(4.0);
}

/// An order that costs something, with what it costs, before it is paid.
pub fn offer_ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    let list = &state.jobs;
    if let Some(sort) = list.sorting() {
        line(ui, |ui| {
            turning(ui, 14.0);
            let task = list.sorting_task();
            let rows = (state.tasks.active.iter())
                .find(|active| Some(active.id) == task)
                .map_or(0, |active| active.rows);
            let so_far = if rows > 0 {
                format!("{} of ~{} written", count(rows), count(list.num_rows()))
            } else {
                "reading keys".to_owned()
            };
            ui.label(format!("Sorting {}: {so_far}", order::words(sort)));
            if let Some(task) = task
                && ui.button("Stop sorting").clicked()
            {
                out.send(Command::Cancel(task));
            }
        });
    }
    let Some(offer) = &list.orders.offer else {
        return;
    };
    line(ui, |ui| {
        let what = match offer.cost.served {
            Served::Index => "is there already",
            Served::KeySort => "sorts the keys of an index",
            Served::TableSort => "reads the whole table",
        };
        let secs = seconds(offer.estimate.secs);
        let text = format!(
            "No index has the jobs {}. Sorting {what}: about {}, ~{} read, ~{} of temporary files",
            order::words(&offer.sort),
            format_elapsed(secs),
            offer.estimate.read,
            offer.estimate.temporary,
        );
        ui.label(text)
            .on_hover_text(format!("Query plan:\n{}", offer.cost.plan.steps.join("\n")));
        if ui.button("Sort").clicked() {
            out.send(Command::AgreeToOrder(true));
        }
        if ui
            .button(format!("Keep {}", order::words(&list.sort)))
            .clicked()
        {
            out.send(Command::AgreeToOrder(false));
        }
    });
}

fn count(number: u64) -> String {
    format_count(number.cast_signed())
}

/// Jobs that came while somebody looked: the rows stay, these are offered.
pub fn news_ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    let list = &state.jobs;
    let Some((FileChange::Written, _)) = list.changed else {
        return;
    };
    line(ui, |ui| {
        let text = match list.newer {
            Some(0) | None => "The file has changed since these rows were read".to_owned(),
            Some(1) => "1 newer job".to_owned(),
            Some(newer) if newer > u64::from(MAX_NEWER) => {
                format!("More than {} newer jobs", count(u64::from(MAX_NEWER)))
            }
            Some(newer) => format!("{} newer jobs", count(newer)),
        };
        ui.label(mixed(
            &format!("{} {text}", icon(Icon::Info)),
            13.0,
            Palette::of(ui).text,
        ))
        .on_hover_text(
            "What is in sight stays as it was read. Numbers of rows are from before the change",
        );
        if ui.button("Show them").clicked() {
            out.send(Command::Reload);
        }
    });
}

/// Where in the list one is, and how sure that is.
pub fn position_ui(ui: &mut Ui, visible: &Range<u64>, state: &AppState, out: &mut Outbox) {
    let list = &state.jobs;
    let place = position_text(visible, state);
    let text = match list.phase {
        Phase::Stopped | Phase::Failed if list.is_outdated => {
            "Stopped before the first row; these rows are the old selection".to_owned()
        }
        _ if list.is_outdated => {
            "Asking for the new selection; these rows are the old one".to_owned()
        }
        Phase::Stopped => format!("{place}, stopped"),
        Phase::Failed => format!("{place}; the query failed"),
        Phase::Empty | Phase::Loading | Phase::Loaded => {
            format!("{place}, {}", order::words(&list.sort))
        }
    };
    let response = ui.label(small(ui, text));
    let hint = order::caveat(&list.sort).map(ToOwned::to_owned);
    let source = if list.number_is_estimate() || list.is_estimate() {
        "~ marks estimates: from the statistics of the file and its first and last key, until the rows are numbered"
    } else {
        "Counted in the order of the list"
    };
    response
        .on_hover_text(hint.map_or_else(|| source.to_owned(), |hint| format!("{hint}\n{source}")));
    if let Some(share) = list.indexed_share() {
        turning(ui, 12.0);
        ui.label(small(ui, format!("numbering rows, {:.0} %", share * 100.0)))
            .on_hover_text(
                "One pass over an index keeps every 1,000th key, so that any row can be reached at once",
            );
    } else if !list.is_numbered() && state.is_numbering_dear() {
        let button = ui.small_button("Number the rows").on_hover_text(
            "No index has this order and this filter alone, so that every row is looked up. \
             Until then, numbers and the thumb are estimates",
        );
        if button.clicked() {
            out.send(Command::NumberRows);
        }
    }
    if list.phase == Phase::Loading {
        turning(ui, 14.0);
    }
    if matches!(list.phase, Phase::Stopped | Phase::Failed) {
        if !list.is_outdated && ui.small_button("Go on").clicked() {
            out.send(Command::GoOn);
        }
        if ui.small_button("Start again").clicked() {
            out.send(Command::Reload);
        }
    }
}

/// How many jobs are marked, and what can be done with them.
///
/// Whether they should be exported.
pub fn marks_ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) -> bool {
    let list = &state.jobs;
    if list.copying.is_busy() {
        turning(ui, 12.0);
        ui.label(small(ui, "copying"));
    }
    if list.marks.len() < 2 {
        return false;
    }
    let text = mixed(
        &format!(
            "{} marked {}",
            count(list.marks.len()),
            icon(Icon::ChevronDown)
        ),
        11.5,
        Palette::of(ui).accent,
    );
    let (response, inner) =
        egui::containers::menu::MenuButton::from_button(egui::Button::new(text).frame(false))
            .ui(ui, |ui| copy_menu(ui, state, out));
    response.accessible_name("Marked jobs");
    inner.is_some_and(|inner| inner.inner)
}

/// A button that is only a word, like the menus beside it.
pub fn quiet_button(ui: &mut Ui, word: &str) -> egui::Response {
    let text = mixed(word, 11.5, Palette::of(ui).muted);
    ui.add(egui::Button::new(text).frame(false))
        .accessible_name(word)
}

/// The ways to copy what is marked. Whether it should be exported instead.
pub fn copy_menu(ui: &mut Ui, state: &AppState, out: &mut Outbox) -> bool {
    let can_copy = !state.jobs.marks.is_empty();
    for format in CopyFormat::ALL {
        let button = egui::Button::new(format.label());
        if ui.add_enabled(can_copy, button).clicked() {
            out.send(Command::CopyMarked(format));
            ui.close();
        }
    }
    let exports = ui
        .add_enabled(can_copy, egui::Button::new("Export marked jobs…"))
        .clicked();
    if exports {
        ui.close();
    }
    exports
}
