//! One job at the side: what it was, what it used, what ran beside it, and its row as it is stored.

mod bars;
mod beside;
mod energy;
mod footprint;
mod head;
mod raw;
mod resources;
mod section;
mod tags;
mod text;

use egui::{ScrollArea, Ui};

use self::section::Section;
use super::widgets::muted;
use crate::{
    command::{Command, Outbox},
    jobs::row::JobRow,
    state::{AppState, Phase, details::Details},
};

/// Shows the selected job.
pub fn ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    let Some(details) = &state.details else {
        return;
    };
    head::title_ui(ui, details, state, out);
    let Some(row) = &details.row else {
        let text = match details.phase {
            Phase::Loading | Phase::Empty => "Fetching all columns…",
            Phase::Loaded => "This job is no longer in the database",
            Phase::Stopped => "Stopped before it was there",
            Phase::Failed => "Could not be read; see the report above",
        };
        ui.label(muted(ui, text));
        if matches!(details.phase, Phase::Stopped | Phase::Failed)
            && ui.button("Fetch again").clicked()
        {
            out.send(Command::SelectJob(Some(details.job)));
        }
        return;
    };
    ScrollArea::vertical()
        .id_salt(("details", details.job))
        .auto_shrink(false)
        .show(ui, |ui| {
            ui.spacing_mut().interact_size.y = 17.0;
            head::ui(ui, details, row, state);
            sections_ui(ui, details, row, state, out);
        });
}

fn sections_ui(ui: &mut Ui, details: &Details, row: &JobRow, state: &AppState, out: &mut Outbox) {
    Section::open("Footprint")
        .hint("Of the job's nodes, with the statistic at the end of each name. Column footprint")
        .show(ui, |ui| footprint::ui(ui, details, row, state));
    Section::open("Resources")
        .hint("Column resources")
        .show(ui, |ui| resources::ui(ui, details, row, state));
    Section::open("Energy")
        .hint("Columns energy and energy_footprint")
        .show(ui, |ui| energy::ui(ui, details, row));
    // A file that cannot answer has nothing to say about these.
    if details.tags.phase != Phase::Empty {
        Section::open("Tags")
            .hint("Tables tag and jobtag")
            .show(ui, |ui| tags::ui(ui, details, state, out));
    }
    if details.beside.phase != Phase::Empty || details.beside_waits {
        Section::open("Ran beside it")
            .hint(beside::HINT)
            .show(ui, |ui| beside::ui(ui, details, row, state, out));
    }
    let script = || details.script.clone();
    let mut section = Section::open("Script").hint("Key jobScript of the column meta_data");
    if !details.script.is_empty() {
        section = section.copies("Copy job script", &script);
    }
    section.show(ui, |ui| text::script_ui(ui, &details.script));
    Section::closed("Metadata")
        .hint("The other keys of the column meta_data")
        .show(ui, |ui| text::metadata_ui(ui, &details.metadata));
    Section::closed("Raw row")
        .hint("Every column as it is stored")
        .copies("Copy row as JSON", &|| row.to_json())
        .show(ui, |ui| raw::ui(ui, &details.raw));
}
