//! The order of the job list: how it is called, and how it is chosen.

use egui::{Button, ScrollArea, Ui, containers::menu::MenuButton};

use lucide_icons::Icon;

use super::{
    theme::Palette,
    widgets::{icon, mixed, plain_menu, small},
};
use crate::{
    command::{Command, Outbox},
    jobs::{
        list::{COLUMNS, DETAIL_COLUMNS},
        sort::{Sort, SortKey},
    },
    state::{AppState, suggestions::Source},
};

/// What decides the order, as a person calls it.
pub fn key_name(key: &SortKey) -> String {
    match key {
        SortKey::Column("id") => "row id".to_owned(),
        SortKey::Column("hpc_user") => "user".to_owned(),
        SortKey::Column("cluster_partition") => "partition".to_owned(),
        SortKey::Column("start_time") => "start".to_owned(),
        SortKey::Column("num_nodes") => "nodes".to_owned(),
        SortKey::Column("num_hwthreads") => "threads".to_owned(),
        SortKey::Column("num_acc") => "accelerators".to_owned(),
        SortKey::Column("job_state") => "state".to_owned(),
        SortKey::Column(name) => name.replace('_', " "),
        SortKey::Footprint(key) if key == "cpu_load_avg" => "CPU load".to_owned(),
        SortKey::Footprint(key) => key.clone(),
    }
}

/// The same above a column. Keys of the footprint stay as they are.
pub fn heading(key: &SortKey) -> String {
    let name = key_name(key);
    let mut chars = name.chars();
    match (key, chars.next()) {
        (SortKey::Column(_), Some(first)) => first.to_uppercase().chain(chars).collect(),
        _ => name,
    }
}

/// The order at the end of a sentence: `newest first`, `by duration, largest first`.
pub fn words(sort: &Sort) -> String {
    let direction = direction_word(&sort.key, sort.descending);
    if sort.key == SortKey::Column("start_time") {
        return direction.to_owned();
    }
    format!("by {}, {direction}", key_name(&sort.key))
}

/// What one has to know to understand the order, where there is something.
pub fn caveat(sort: &Sort) -> Option<&'static str> {
    (sort.key == SortKey::Column("duration"))
        .then_some("The stored duration decides, which for running jobs is up to five minutes old")
}

/// The direction of an order in words.
pub fn direction_word(key: &SortKey, descending: bool) -> &'static str {
    let words = match key {
        SortKey::Column("start_time" | "submit_time") => ["newest first", "oldest first"],
        SortKey::Column(
            "hpc_user" | "project" | "cluster" | "subcluster" | "cluster_partition" | "shared"
            | "job_state" | "resources" | "footprint" | "energy_footprint" | "meta_data",
        ) => ["Z to A", "A to Z"],
        SortKey::Column(_) | SortKey::Footprint(_) => ["largest first", "smallest first"],
    };
    if descending { words[0] } else { words[1] }
}

/// What a click on a heading makes of the order: largest first, smallest first, newest first.
pub fn after_click(now: &Sort, key: &SortKey) -> Sort {
    let descending = match (now.key == *key, now.descending) {
        (false, _) => true,
        (true, true) => false,
        (true, false) => return Sort::default(),
    };
    Sort {
        key: key.clone(),
        descending,
    }
}

/// The button with everything that jobs can be sorted by, on the screen or not.
pub fn menu(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    let text = mixed(
        &format!("Sort by {}", icon(Icon::ChevronDown)),
        11.5,
        Palette::of(ui).muted,
    );
    let (response, _) = MenuButton::from_button(Button::new(text).frame(false))
        .config(plain_menu())
        .ui(ui, |ui| menu_ui(ui, state, out));
    response.accessible_name("Sort by");
}

fn menu_ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    let sort = &state.jobs.sort;
    ui.set_width(220.0);
    ui.horizontal(|ui| {
        for descending in [true, false] {
            let word = direction_word(&sort.key, descending);
            if ui
                .selectable_label(sort.descending == descending, word)
                .clicked()
            {
                out.send(Command::SortJobs(Sort {
                    key: sort.key.clone(),
                    descending,
                }));
            }
        }
    });
    ui.separator();
    let is_in_file = |name: &str| state.schema().is_none_or(|schema| schema.has(name));
    let columns = COLUMNS.iter().chain(&DETAIL_COLUMNS).map(|(name, _)| *name);
    ScrollArea::vertical().max_height(300.0).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.with_layout(egui::Layout::top_down_justified(egui::Align::LEFT), |ui| {
            for name in columns.filter(|name| is_in_file(name)) {
                key_ui(ui, sort, SortKey::Column(name), name, out);
            }
            if !is_in_file("footprint") {
                return;
            }
            ui.add_space(6.0);
            ui.label(small(ui, "Values of the footprint"));
            for known in &state.suggestions.footprint {
                let key = SortKey::Footprint(known.key.clone());
                key_ui(ui, sort, key, "footprint", out);
            }
            if state.suggestions.footprint.is_empty() {
                let text = if state.suggestions.is_asked(Source::Footprint) {
                    "Looking for keys in the newest jobs…"
                } else {
                    "None in the newest jobs"
                };
                ui.label(small(ui, text));
            }
        });
    });
}

fn key_ui(ui: &mut Ui, sort: &Sort, key: SortKey, column: &str, out: &mut Outbox) {
    let button = Button::selectable(sort.key == key, key_name(&key));
    if ui.add(button).on_hover_text(column).clicked() {
        let descending = sort.descending;
        out.send(Command::SortJobs(Sort { key, descending }));
        ui.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_by_duration_says_that_the_stored_one_decides() {
        assert_eq!(caveat(&Sort::default()), None);
        let by_duration = after_click(&Sort::default(), &SortKey::Column("duration"));
        assert!(caveat(&by_duration).is_some_and(|text| text.contains("stored")));
    }

    #[test]
    fn a_third_click_on_a_heading_is_the_way_back() {
        let key = SortKey::Column("duration");
        let mut sort = Sort::default();
        let mut texts = Vec::new();
        for _ in 0..3 {
            sort = after_click(&sort, &key);
            texts.push(words(&sort));
        }
        assert_eq!(
            texts,
            [
                "by duration, largest first",
                "by duration, smallest first",
                "newest first"
            ]
        );
    }
}
