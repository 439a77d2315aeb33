//! The filter bar: one chip per condition, and how the matching jobs are found.

use egui::{
    Button, PopupCloseBehavior, RichText, ScrollArea, TextEdit, Ui,
    containers::menu::{MenuButton, MenuConfig},
};
use jiff::tz::TimeZone;
use lucide_icons::Icon;

use super::{
    theme::Palette,
    widgets::{icon, icon_button, muted, small},
};
use crate::{
    command::{Command, Outbox},
    jobs::{
        catalogue::MAX_SUGGESTIONS,
        filter::{Condition, JobFilter, Preset, StartTime, TextField},
    },
    state::{AppState, Phase},
    units::{format_count, format_time, parse_time},
};

/// Remembers what is being typed into the chips' fields.
#[derive(Default)]
pub struct FilterBar {
    texts: [String; 3],
    from: String,
    to: String,
    time_error: Option<String>,
}

/// The states of schema 11, the common ones first. A file may hold others: see the suggestions.
const STATES: [&str; 12] = [
    "running",
    "completed",
    "failed",
    "timeout",
    "cancelled",
    "out_of_memory",
    "node_fail",
    "preempted",
    "pending",
    "suspended",
    "deadline",
    "boot_fail",
];

/// Inside fields that stand in a menu, where buttons have no frame.
const FIELD_MARGIN: egui::Margin = egui::Margin::symmetric(6, 4);

/// The text conditions: what they are called, and the column that suggests their values.
const TEXT_FIELDS: [(&str, &str); 3] = [
    ("cluster", "cluster"),
    ("user", "hpc_user"),
    ("project", "project"),
];

impl FilterBar {
    /// Shows the bar.
    pub fn ui(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        let mut filter = state.filter().clone();
        ui.horizontal_wrapped(|ui| {
            for index in 0..TEXT_FIELDS.len() {
                self.text_chip(ui, state, index, &mut filter);
            }
            state_chip(ui, state, &mut filter);
            self.time_chip(ui, state, &mut filter);
            if !filter.is_empty() && icon_button(ui, Icon::FilterX, "Clear the filter").clicked() {
                filter = JobFilter::default();
            }
            ui.add_space(8.0);
            found_ui(ui, state);
        });
        ui.add_space(4.0);
        if filter != *state.filter() {
            out.send(Command::SetFilter(filter));
        }
    }

    fn text_chip(&mut self, ui: &mut Ui, state: &AppState, index: usize, filter: &mut JobFilter) {
        let Some(((name, column), text)) = TEXT_FIELDS.get(index).zip(self.texts.get_mut(index))
        else {
            return;
        };
        let field = match index {
            0 => TextField::Cluster,
            1 => TextField::User,
            _ => TextField::Project,
        };
        let suggestions = state.suggestions.values(column);
        let shown = filter.exact(field).map(ToOwned::to_owned);
        chip(ui, name, shown.as_deref(), |ui| {
            if let Some(chosen) = choose_text(ui, name, text, suggestions) {
                *filter = std::mem::take(filter).with_text(field, chosen);
                text.clear();
                ui.close();
            }
        });
        if shown.is_some() && clear_button(ui, name) {
            *filter = std::mem::take(filter).without(|c| c.key() == field.key());
        }
    }

    fn time_chip(&mut self, ui: &mut Ui, state: &AppState, filter: &mut JobFilter) {
        let zone = state.zone.clone();
        let shown = time_text(filter, &zone);
        chip(ui, "start", shown.as_deref(), |ui| {
            ui.set_min_width(260.0);
            for preset in Preset::ALL {
                if ui.button(preset.label()).clicked() {
                    *filter = std::mem::take(filter).with_start(StartTime::Last(preset));
                    ui.close();
                }
            }
            ui.separator();
            let mut entered = false;
            for (name, text) in [("from", &mut self.from), ("to", &mut self.to)] {
                ui.horizontal(|ui| {
                    let label = ui.label(name);
                    let field = ui
                        .add(
                            TextEdit::singleline(text)
                                .hint_text("2026-03-11 06:14")
                                .margin(FIELD_MARGIN)
                                .desired_width(180.0),
                        )
                        .labelled_by(label.id);
                    entered |=
                        field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
                });
            }
            entered |= ui.button("Apply").clicked();
            if entered {
                match time_range(&self.from, &self.to, &zone) {
                    Ok((from, to)) => {
                        *filter =
                            std::mem::take(filter).with_start(StartTime::Between { from, to });
                        self.time_error = None;
                        ui.close();
                    }
                    Err(error) => self.time_error = Some(error),
                }
            }
            if let Some(error) = &self.time_error {
                ui.label(RichText::new(error).color(Palette::of(ui).bad).small());
            }
        });
        if shown.is_some() && clear_button(ui, "start") {
            *filter = std::mem::take(filter).without(|c| c.key() == "startTime");
        }
    }
}

fn time_range(from: &str, to: &str, zone: &TimeZone) -> Result<(Option<i64>, Option<i64>), String> {
    let read = |text: &str| {
        (!text.trim().is_empty())
            .then(|| parse_time(text, zone))
            .transpose()
            .map_err(|error| error.to_string())
    };
    let (from, to) = (read(from)?, read(to)?);
    match (from, to) {
        (Some(from), Some(to)) if from > to => Err("\"from\" is after \"to\"".to_owned()),
        range => Ok(range),
    }
}

fn time_text(filter: &JobFilter, zone: &TimeZone) -> Option<String> {
    let time = |secs: i64| format_time(secs, zone);
    let start = filter
        .conditions
        .iter()
        .find_map(|condition| match condition {
            Condition::Start(start) => Some(*start),
            _ => None,
        })?;
    let (from, to) = match start {
        StartTime::Last(preset) => return Some(preset.label().to_owned()),
        StartTime::Between { from, to } => (from, to),
    };
    match (from, to) {
        (None, None) => None,
        (Some(from), None) => Some(format!("since {}", time(from))),
        (None, Some(to)) => Some(format!("until {}", time(to))),
        (Some(from), Some(to)) => Some(format!("{} to {}", time(from), time(to))),
    }
}

/// A chip: its field in muted text, its value in the accent colour, a menu behind it.
fn chip(ui: &mut Ui, name: &str, value: Option<&str>, menu: impl FnOnce(&mut Ui)) {
    let palette = Palette::of(ui);
    let mut text = egui::text::LayoutJob::default();
    let font = egui::TextStyle::Button.resolve(ui.style());
    let mut append = |part: &str, font: egui::FontId, color| {
        let format = egui::TextFormat::simple(font, color);
        text.append(part, 0.0, format);
    };
    append(name, font.clone(), palette.muted);
    if let Some(value) = value {
        append(&format!(" {value}"), font, palette.accent);
    }
    let arrow = egui::FontId::new(12.0, super::theme::icons());
    append(" ", egui::FontId::proportional(8.0), palette.muted);
    append(&icon(Icon::ChevronDown), arrow, palette.muted);
    let button = Button::new(text).corner_radius(13.0).fill(palette.panel);
    let config = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    let (response, _) = MenuButton::from_button(button).config(config).ui(ui, menu);
    response.accessible_name(format!("Filter by {name}"));
}

fn clear_button(ui: &mut Ui, name: &str) -> bool {
    icon_button(ui, Icon::X, &format!("Any {name}")).clicked()
}

/// A field with suggestions below. Answers with the text of Enter or of a click.
fn choose_text(
    ui: &mut Ui,
    name: &str,
    text: &mut String,
    suggestions: &[String],
) -> Option<String> {
    /// More would not fit on the screen; typing narrows them down.
    const SHOWN: usize = 200;

    ui.set_min_width(200.0);
    let field = TextEdit::singleline(text)
        .hint_text(format!("exactly this {name}"))
        .margin(FIELD_MARGIN);
    let response = ui.add(field).accessible_name(format!("Value of {name}"));
    let entered = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    if !response.has_focus() && !entered && text.is_empty() {
        response.request_focus();
    }
    let typed = text.trim().to_owned();
    let needle = typed.to_lowercase();
    let mut fitting = suggestions
        .iter()
        .filter(|suggestion| suggestion.to_lowercase().contains(&needle))
        .peekable();
    let first = fitting.peek().map(|first| (*first).clone());
    let mut chosen = (entered && !typed.is_empty()).then(|| {
        // Enter takes the only suggestion left, unless the text is a value itself.
        let is_only = fitting.clone().count() == 1;
        first.filter(|_| is_only).unwrap_or_else(|| typed.clone())
    });
    ScrollArea::vertical().max_height(260.0).show(ui, |ui| {
        for suggestion in fitting.take(SHOWN) {
            if ui.add(Button::new(suggestion).frame(false)).clicked() {
                chosen = Some(suggestion.clone());
            }
        }
    });
    if suggestions.len() >= MAX_SUGGESTIONS as usize {
        let text = format!(
            "First {} values of the file",
            format_count(suggestions.len())
        );
        ui.label(small(ui, text));
    }
    if suggestions.is_empty() {
        ui.label(small(ui, "No suggestions; Enter applies the text"));
    }
    chosen
}

fn state_chip(ui: &mut Ui, state: &AppState, filter: &mut JobFilter) {
    let mut states = filter
        .conditions
        .iter()
        .find_map(|condition| match condition {
            Condition::States(states) => Some(states.clone()),
            _ => None,
        })
        .unwrap_or_default();
    let before = states.clone();
    let shown = match states.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        [first, rest @ ..] => Some(format!("{first} +{}", rest.len())),
    };
    let is_set = shown.is_some();
    let in_file = state.suggestions.values("job_state");
    chip(ui, "state", shown.as_deref(), |ui| {
        let strange = in_file
            .iter()
            .map(String::as_str)
            .filter(|s| !STATES.contains(s));
        for name in STATES.into_iter().chain(strange) {
            let mut chosen = states.iter().any(|state| state == name);
            if ui.checkbox(&mut chosen, name).changed() {
                states.retain(|state| state != name);
                if chosen {
                    states.push(name.to_owned());
                }
            }
        }
    });
    if is_set && clear_button(ui, "state") {
        states.clear();
    }
    if states != before {
        *filter = std::mem::take(filter).without(|c| c.key() == "state");
        if !states.is_empty() {
            filter.conditions.push(Condition::States(states));
        }
    }
}

/// How many jobs match, and how SQLite finds them.
fn found_ui(ui: &mut Ui, state: &AppState) {
    let jobs = &state.jobs;
    let count = match jobs.count {
        Some(count) => format!("{} jobs", format_count(count)),
        None if jobs.is_counting() => "counting…".to_owned(),
        None if jobs.phase == Phase::Empty => return,
        None => "not counted".to_owned(),
    };
    ui.label(count);
    let plan = jobs.plan.gist();
    if !plan.is_empty() {
        ui.label(muted(ui, "·"));
        ui.label(muted(ui, plan)).on_hover_text(format!(
            "How SQLite finds the listed jobs:\n{}",
            jobs.plan.steps.join("\n")
        ));
    }
}
