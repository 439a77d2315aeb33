//! The editors behind the chips: one for each kind of condition.

use egui::{Button, Key, RichText, ScrollArea, TextEdit, Ui};

use super::{draft::Draft, words::Field};
use crate::{
    jobs::{
        catalogue::MAX_SUGGESTIONS,
        filter::{
            Condition, KNOWN_STATES, NumberField, Preset, SHARED_WORDS, Schedule, StartTime,
            TagMode, TextField, TextMatch, TextOp,
        },
    },
    state::{AppState, suggestions::Source},
    ui::{
        theme::Palette,
        widgets::{figures, left_aligned, primary_button, small},
    },
    units::{format_count, format_rough_count, zone_name},
};

/// What an editor wants to happen to its condition.
pub enum Edit {
    /// This condition from now on. The editor closes.
    Set(Condition),
    /// This condition from now on. The editor stays, there may be more to tick.
    SetAndStay(Condition),
    /// No such condition. The editor stays.
    Remove,
}

/// More would not fit on the screen; typing narrows them down.
const SHOWN: usize = 200;

/// How wide an editor is.
const WIDTH: f32 = 300.0;

/// Shows the editor of a field.
pub fn ui(ui: &mut Ui, field: Field, draft: &mut Draft, state: &AppState) -> Option<Edit> {
    ui.set_width(WIDTH);
    left_aligned(ui, |ui| {
        let before = draft.error.take().map(|error| (error, draft.clone()));
        let edit = field_ui(ui, field, draft, state);
        if let Some((error, mut before)) = before {
            before.wants_focus = draft.wants_focus;
            // Once a field has changed, the error is about something that is no longer there.
            if edit.is_none() && *draft == before {
                draft.error = Some(error);
            }
        }
        if let Some(error) = &draft.error {
            ui.label(RichText::new(error).color(Palette::of(ui).bad).small());
        }
        edit
    })
}

fn field_ui(ui: &mut Ui, field: Field, draft: &mut Draft, state: &AppState) -> Option<Edit> {
    match field {
        Field::Text(text) => text_ui(ui, text, draft, state),
        Field::Number(number) => {
            let example = if number == NumberField::Duration {
                "1h"
            } else {
                "4"
            };
            let unit = match number {
                NumberField::Duration => "seconds, or 1h, 90min",
                NumberField::NumHwThreads | NumberField::Energy => number.unit(),
                NumberField::NumNodes | NumberField::NumAccelerators => "",
            };
            if !unit.is_empty() {
                ui.label(small(ui, unit));
            }
            let entered = range_ui(ui, draft, example, true);
            apply_ui(ui, entered, field, draft, state)
        }
        Field::Footprint => footprint_ui(ui, draft, state),
        Field::Start => start_ui(ui, draft, state),
        Field::State => states_ui(ui, draft, state),
        Field::Tags => tags_ui(ui, draft, state),
        Field::Shared => choices_ui(
            ui,
            SHARED_WORDS.map(|word| (word, Condition::Shared(word.to_owned()))),
        ),
        Field::Schedule => choices_ui(
            ui,
            [Schedule::Interactive, Schedule::Batch]
                .map(|schedule| (schedule.key(), Condition::Schedule(schedule))),
        ),
        Field::ArrayJob | Field::Row => {
            let hint = if field == Field::Row {
                "17, 18"
            } else {
                "812345"
            };
            let entered = value_field(ui, field.name(), hint, draft);
            apply_ui(ui, entered, field, draft, state)
        }
    }
}

/// The button, and what it makes of the fields; Enter in a field does the same.
fn apply_ui(
    ui: &mut Ui,
    entered: bool,
    field: Field,
    draft: &mut Draft,
    state: &AppState,
) -> Option<Edit> {
    let is_wanted = primary_button(ui, "Apply").clicked() || entered;
    if !is_wanted {
        return None;
    }
    match draft.condition(field, &state.zone) {
        Ok(condition) => {
            draft.error = None;
            Some(Edit::Set(condition))
        }
        Err(error) => {
            draft.error = Some(error.chain());
            None
        }
    }
}

/// The first field has the focus when its editor opens, and when nothing else has.
fn focus_first(ui: &Ui, response: &egui::Response, wants_focus: &mut bool) {
    if *wants_focus || ui.memory(|memory| memory.focused().is_none()) {
        response.request_focus();
        *wants_focus = false;
    }
}

/// A field for a value. It has the focus when its editor opens. Whether Enter was pressed.
fn value_field(ui: &mut Ui, name: &str, hint: &str, draft: &mut Draft) -> bool {
    let field = TextEdit::singleline(&mut draft.text)
        .hint_text(hint)
        .desired_width(f32::INFINITY);
    let response = ui.add(field).accessible_name(format!("Value of {name}"));
    let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    focus_first(ui, &response, &mut draft.wants_focus);
    entered
}

fn text_ui(ui: &mut Ui, field: TextField, draft: &mut Draft, state: &AppState) -> Option<Edit> {
    let name = Field::Text(field).name();
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(2.0, 2.0);
        for op in TextOp::ALL {
            let chosen = draft.op == op;
            if ui.selectable_label(chosen, op.label()).clicked() {
                draft.op = op;
            }
        }
    });
    let hint = match (draft.op, field) {
        (TextOp::Eq, _) => format!("exactly this {name}"),
        (TextOp::Like, _) => "% any text, _ any character".to_owned(),
        (TextOp::In, _) => "one or several, with commas".to_owned(),
        (TextOp::Neq | TextOp::StartsWith | TextOp::EndsWith | TextOp::Contains, _) => {
            "text as it is; upper or lower case".to_owned()
        }
    };
    let hint = if draft.op == TextOp::Neq {
        format!("any other {name}")
    } else {
        hint
    };
    let entered = value_field(ui, name, &hint, draft);
    let column = field.column().unwrap_or_default();
    let known = state.suggestions.values(column);
    let takes_whole_values = matches!(draft.op, TextOp::Eq | TextOp::Neq | TextOp::In);
    if takes_whole_values && !known.is_empty() {
        if draft.op == TextOp::In {
            several_ui(ui, draft, known);
        } else if let Some(chosen) = one_ui(ui, draft, known) {
            let is = TextMatch::new(draft.op, chosen);
            return Some(Edit::Set(Condition::Text { field, is }));
        }
        partial_ui(ui, state, Source::Column(column), known.len());
    } else if takes_whole_values && state.suggestions.is_asked(Source::Column(column)) {
        ui.label(small(ui, "Looking for values in the file…"));
    } else if takes_whole_values && field.column().is_some() {
        ui.label(small(ui, "No suggestions; Enter applies the text"));
    }
    apply_ui(ui, entered, Field::Text(field), draft, state)
}

/// Suggestions that fit what was typed. A click takes one, and so does Enter on the one that the
/// arrow keys have gone to. Enter in the field applies the text, whatever is suggested.
fn one_ui(ui: &mut Ui, draft: &Draft, known: &[String]) -> Option<String> {
    let typed = draft.text.trim();
    let needle = typed.to_lowercase();
    let is_based_on_it = draft.based_on.is_some() && known.iter().any(|value| value == typed);
    // The value of an open condition is no search: all others are offered as well.
    let fits = |value: &&String| is_based_on_it || value.to_lowercase().contains(&needle);
    let mut chosen = None;
    list_ui(ui, 220.0, |ui| {
        for value in known.iter().filter(fits).take(SHOWN) {
            let text = if value.is_empty() { "(empty)" } else { value };
            let is_now = value == typed && draft.based_on.is_some();
            if ui.add(Button::selectable(is_now, text)).clicked() {
                chosen = Some(value.clone());
            }
        }
    });
    chosen
}

/// Suggestions with a tick each; what is ticked stays on top.
fn several_ui(ui: &mut Ui, draft: &mut Draft, known: &[String]) {
    let needle = draft.text.trim().to_lowercase();
    list_ui(ui, 220.0, |ui| {
        let offered = known
            .iter()
            .filter(|value| value.to_lowercase().contains(&needle))
            .filter(|value| !draft.chosen.contains(value))
            .take(SHOWN)
            .cloned();
        let all: Vec<_> = draft.chosen.iter().cloned().chain(offered).collect();
        for value in all {
            let mut ticked = draft.chosen.contains(&value);
            if ui.checkbox(&mut ticked, &value).changed() {
                draft.chosen.retain(|chosen| *chosen != value);
                if ticked {
                    draft.chosen.push(value);
                    draft.text.clear();
                }
            }
        }
    });
}

/// Says where a list of suggestions may miss something.
fn partial_ui(ui: &mut Ui, state: &AppState, source: Source, len: usize) {
    if len >= MAX_SUGGESTIONS as usize {
        let text = format!("First {} values of the file", format_count(len));
        ui.label(small(ui, text));
    } else if state.suggestions.is_partial(source) {
        let text = "Not all values: looking for them was stopped";
        ui.label(small(ui, text))
            .on_hover_text("Suggestions may take two seconds of a connection");
    } else if state.suggestions.is_asked(source) {
        ui.label(small(ui, "Still looking for values…"));
    }
}

/// A field with its name before it; the fields below each other begin at the same place.
fn named_field(
    ui: &mut Ui,
    name: &str,
    hint: &str,
    width: f32,
    text: &mut String,
) -> egui::Response {
    let label = ui.label(name);
    ui.add_space((56.0 - label.rect.width()).max(0.0));
    let field = TextEdit::singleline(text)
        .hint_text(hint)
        .desired_width(width);
    ui.add(field).labelled_by(label.id)
}

/// Suggestions below each other, as wide as the editor.
fn list_ui(ui: &mut Ui, max_height: f32, add: impl FnOnce(&mut Ui)) {
    ScrollArea::vertical()
        .max_height(max_height)
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            ui.with_layout(egui::Layout::top_down_justified(egui::Align::LEFT), add);
        });
}

/// The two ends of a range; the first may have the focus. Whether Enter was pressed in one of them.
fn range_ui(ui: &mut Ui, draft: &mut Draft, example: &str, focuses: bool) -> bool {
    let mut entered = false;
    let wants_focus = &mut draft.wants_focus;
    let [lower_open, upper_open] = &mut draft.open;
    let ends = [
        (
            "at least",
            &mut draft.lower,
            lower_open,
            "Without the lower end",
        ),
        (
            "at most",
            &mut draft.upper,
            upper_open,
            "Without the upper end",
        ),
    ];
    for (index, (name, text, open, open_name)) in ends.into_iter().enumerate() {
        ui.horizontal(|ui| {
            let hint = if index == 0 { example } else { "no limit" };
            let response = named_field(ui, name, hint, 96.0, text);
            entered |= response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            if index == 0 && focuses {
                focus_first(ui, &response, wants_focus);
            }
            ui.checkbox(open, "not including")
                .accessible_name(open_name);
        });
    }
    ui.label(small(
        ui,
        "Or all of it in the first field: 4..16, >=4, <16, =0",
    ));
    entered
}

fn footprint_ui(ui: &mut Ui, draft: &mut Draft, state: &AppState) -> Option<Edit> {
    let known = &state.suggestions.footprint;
    let field = TextEdit::singleline(&mut draft.text)
        .hint_text("mem_used_max")
        .desired_width(f32::INFINITY);
    let response = ui.add(field).accessible_name("Key of the footprint");
    focus_first(ui, &response, &mut draft.wants_focus);
    let is_chosen = known.iter().any(|known| known.key == draft.text.trim());
    let needle = draft.text.trim().to_lowercase();
    let mut chosen = None;
    if !known.is_empty() {
        list_ui(ui, 190.0, |ui| {
            for item in known {
                if !is_chosen && !item.key.to_lowercase().contains(&needle) {
                    continue;
                }
                let is_it = item.key == draft.text.trim();
                let hint = format!(
                    "{} of the newest jobs have it; the largest value is {}",
                    format_rough_count(item.jobs.unsigned_abs()),
                    item.largest
                );
                let button = Button::selectable(is_it, &item.key)
                    .right_text(figures(short_number(item.largest)).size(11.5));
                let response = ui
                    .add(button)
                    .accessible_name(&item.key)
                    .on_hover_text(hint);
                if response.clicked() {
                    chosen = Some(item.key.clone());
                }
            }
        });
        partial_ui(ui, state, Source::Footprint, known.len());
    } else if state.suggestions.is_asked(Source::Footprint) {
        ui.label(small(ui, "Looking for keys in the newest jobs…"));
    } else {
        ui.label(small(ui, "The newest jobs have no footprint"));
    }
    if let Some(key) = chosen {
        draft.text = key;
    }
    let entered = range_ui(ui, draft, "10", false);
    apply_ui(ui, entered, Field::Footprint, draft, state)
}

fn short_number(value: f64) -> String {
    if value.abs() >= 1000.0 {
        format_count(value as i64)
    } else {
        format!("{value:.1}")
    }
}

fn start_ui(ui: &mut Ui, draft: &mut Draft, state: &AppState) -> Option<Edit> {
    let now = match &draft.based_on {
        Some(Condition::Start(StartTime::Last(preset))) => Some(*preset),
        _ => None,
    };
    let mut chosen = None;
    list_ui(ui, 220.0, |ui| {
        for preset in Preset::ALL {
            let is_now = now == Some(preset);
            if ui.add(Button::selectable(is_now, preset.label())).clicked() {
                chosen = Some(preset);
            }
        }
    });
    if let Some(preset) = chosen {
        return Some(Edit::Set(Condition::Start(StartTime::Last(preset))));
    }
    ui.separator();
    let mut entered = false;
    for (name, text) in [("from", &mut draft.lower), ("to", &mut draft.upper)] {
        ui.horizontal(|ui| {
            let response = named_field(ui, name, "2026-03-11 06:14", 180.0, text);
            entered |= response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        });
    }
    ui.label(small(ui, format!("Times in {}", zone_name(&state.zone))));
    apply_ui(ui, entered, Field::Start, draft, state)
}

/// States with a tick each. Each tick counts at once.
fn states_ui(ui: &mut Ui, draft: &Draft, state: &AppState) -> Option<Edit> {
    let mut states = match &draft.based_on {
        Some(Condition::States(states)) => states.clone(),
        _ => Vec::new(),
    };
    let before = states.clone();
    let in_file = state.suggestions.values("job_state");
    let is_in_file = |name: &str| in_file.iter().any(|state| state == name);
    let known = KNOWN_STATES.into_iter().filter(|name| is_in_file(name));
    let strange = in_file
        .iter()
        .chain(&before)
        .map(String::as_str)
        .filter(|name| !KNOWN_STATES.contains(name));
    // The last three were words of early versions: they are offered only where they occur.
    let others = KNOWN_STATES
        .into_iter()
        .enumerate()
        .filter(|(index, name)| *index < 12 || before.iter().any(|state| state == name))
        .map(|(_, name)| name)
        .filter(|name| !is_in_file(name));
    let mut tick = |ui: &mut Ui, name: &str| {
        let mut ticked = states.iter().any(|state| state == name);
        if ui.checkbox(&mut ticked, name).changed() {
            states.retain(|state| state != name);
            if ticked {
                states.push(name.to_owned());
            }
        }
    };
    let mut seen: Vec<&str> = Vec::new();
    for name in known.chain(strange) {
        if !seen.contains(&name) {
            seen.push(name);
            tick(ui, name);
        }
    }
    if !in_file.is_empty() {
        ui.separator();
        ui.label(small(ui, "Not seen in this file"));
    }
    for name in others {
        tick(ui, name);
    }
    if states == before {
        None
    } else if states.is_empty() {
        Some(Edit::Remove)
    } else {
        Some(Edit::SetAndStay(Condition::States(states)))
    }
}

fn tags_ui(ui: &mut Ui, draft: &mut Draft, state: &AppState) -> Option<Edit> {
    ui.horizontal(|ui| {
        for mode in TagMode::ALL {
            if ui
                .selectable_label(draft.mode == mode, mode.label())
                .clicked()
            {
                draft.mode = mode;
            }
        }
    });
    let known = &state.suggestions.tags;
    let entered = value_field(ui, "tags", "part of a tag's name", draft);
    let needle = draft.text.trim().to_lowercase();
    let strange = draft
        .ids
        .iter()
        .filter(|id| !known.iter().any(|tag| tag.id == **id))
        .map(|id| (*id, format!("tag {id}")));
    let offered = known
        .iter()
        .filter(|tag| draft.ids.contains(&tag.id) || tag.name.to_lowercase().contains(&needle))
        .take(SHOWN)
        .map(|tag| (tag.id, tag.name.clone()));
    let all: Vec<_> = strange.chain(offered).collect();
    list_ui(ui, 220.0, |ui| {
        for (id, name) in all {
            let mut ticked = draft.ids.contains(&id);
            if ui.checkbox(&mut ticked, name).changed() {
                draft.ids.retain(|chosen| *chosen != id);
                if ticked {
                    draft.ids.push(id);
                }
            }
        }
    });
    if known.is_empty() && !state.suggestions.is_asked(Source::Tags) {
        ui.label(small(ui, "This file has no tags"));
    }
    partial_ui(ui, state, Source::Tags, known.len());
    apply_ui(ui, entered, Field::Tags, draft, state)
}

fn choices_ui<const N: usize>(ui: &mut Ui, choices: [(&str, Condition); N]) -> Option<Edit> {
    let mut edit = None;
    list_ui(ui, 220.0, |ui| {
        for (name, condition) in choices {
            if ui.add(Button::selectable(false, name)).clicked() {
                edit = Some(Edit::Set(condition));
            }
        }
    });
    edit
}
