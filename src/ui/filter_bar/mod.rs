//! The filter bar: one chip per condition, an editor behind each, and how the jobs are found.

mod draft;
mod editor;
mod found;
mod share;
pub mod words;

use std::collections::BTreeMap;

use egui::{Button, Key, Ui, containers::menu::MenuButton, text::LayoutJob};
use lucide_icons::Icon;

use self::{draft::Draft, editor::Edit, share::Share, words::Field};
use super::{
    theme::{Palette, icons},
    widgets::{icon, icon_button, muted, plain_menu},
};
use crate::{
    command::{Command, Outbox},
    jobs::filter::{Condition, JobFilter},
    state::AppState,
};

/// Remembers what is being typed into the chips' fields.
#[derive(Default)]
pub struct FilterBar {
    drafts: BTreeMap<Slot, Draft>,
    /// The editor that is open.
    open: Option<Slot>,
    /// The field that was chosen in the menu of conditions.
    adding: Option<Field>,
    share: Share,
}

/// A place in the bar: the first condition on the user, the second, …, or a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    Nth(Field, usize),
    New(Field),
}

/// A chip: where it is, and the condition in it, by its place in the filter.
struct Chip {
    field: Field,
    nth: usize,
    index: Option<usize>,
}

/// An edit of the condition at a place in the filter; at no place it adds one.
type Change = (Option<usize>, Edit);

impl FilterBar {
    /// Shows the bar.
    pub fn ui(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        let filter = state.filter();
        let mut change = None;
        ui.horizontal_wrapped(|ui| {
            for chip in chips(state) {
                change = self.chip_ui(ui, state, &chip).or(change.take());
            }
            change = self.add_ui(ui, state).or(change.take());
            if !filter.is_empty() && icon_button(ui, Icon::FilterX, "Clear the filter").clicked() {
                out.send(Command::SetFilter(JobFilter::default()));
            }
            self.share_ui(ui, state, out);
            ui.add_space(4.0);
            found::ui(ui, state);
        });
        ui.add_space(4.0);
        if let Some((index, edit)) = change {
            out.send(Command::SetFilter(changed(filter, index, edit)));
        }
    }

    fn chip_ui(&mut self, ui: &mut Ui, state: &AppState, chip: &Chip) -> Option<Change> {
        let condition = chip.index.and_then(|at| state.filter().conditions.get(at));
        let name = match chip.nth {
            0 => chip.field.name().to_owned(),
            nth => format!("{} ({})", chip.field.name(), nth + 1),
        };
        let text = ChipText::new(ui, chip.field, condition, state);
        let button = Button::new(text.job)
            .corner_radius(13.0)
            .fill(Palette::of(ui).panel);
        // The cross stays beside its chip.
        let room = text.width + 20.0 + 24.0;
        if ui.available_size_before_wrap().x < room && room < ui.max_rect().width() {
            ui.end_row();
        }
        let spacing = ui.spacing().item_spacing.x;
        if condition.is_some() {
            ui.spacing_mut().item_spacing.x = 3.0;
        }
        let (response, edit) = MenuButton::from_button(button)
            .config(plain_menu())
            .ui(ui, |ui| {
                let slot = Slot::Nth(chip.field, chip.nth);
                self.editor_ui(ui, state, slot, condition)
            });
        if edit.is_none() {
            let slot = Slot::Nth(chip.field, chip.nth);
            self.open.take_if(|open| *open == slot);
        }
        let is_closed = edit.as_ref().is_some_and(|inner| {
            let by_enter = matches!(inner.inner, Some(Edit::Set(_)));
            ui.input(|input| {
                input.key_pressed(Key::Escape) || by_enter && input.key_pressed(Key::Enter)
            })
        });
        if is_closed {
            // Who works with keys goes on from here.
            response.request_focus();
        }
        let response = response.accessible_name(format!("Filter by {name}"));
        if text.is_cut {
            response.on_hover_text(&text.full);
        } else {
            response.on_hover_text(chip.field.hint());
        }
        ui.spacing_mut().item_spacing.x = spacing;
        if condition.is_some() && icon_button(ui, Icon::X, &format!("Any {name}")).clicked() {
            return Some((chip.index, Edit::Remove));
        }
        let edit = edit.and_then(|inner| inner.inner)?;
        Some((chip.index, edit))
    }

    /// The editor of a place in the bar, with what was typed into it before.
    fn editor_ui(
        &mut self,
        ui: &mut Ui,
        state: &AppState,
        slot: Slot,
        condition: Option<&Condition>,
    ) -> Option<Edit> {
        let field = match slot {
            Slot::Nth(field, _) | Slot::New(field) => field,
        };
        let fresh = || Draft::new(condition, &state.zone);
        let draft = self.drafts.entry(slot).or_insert_with(fresh);
        if draft.based_on.as_ref() != condition {
            *draft = fresh();
        }
        if self.open != Some(slot) {
            self.open = Some(slot);
            draft.wants_focus = true;
        }
        let edit = editor::ui(ui, field, draft, state);
        if matches!(edit, Some(Edit::Set(_))) {
            self.drafts.remove(&slot);
            ui.close();
        }
        edit
    }

    /// The menu of conditions; behind each of them its editor.
    fn add_ui(&mut self, ui: &mut Ui, state: &AppState) -> Option<Change> {
        let button = Button::new(symbol(ui, Icon::Plus))
            .corner_radius(13.0)
            .fill(Palette::of(ui).panel);
        let (response, menu) = MenuButton::from_button(button)
            .config(plain_menu())
            .ui(ui, |ui| self.add_menu(ui, state));
        response
            .accessible_name("Add condition")
            .on_hover_text("Add condition");
        if menu.is_none() {
            self.adding = None;
            self.open.take_if(|slot| matches!(slot, Slot::New(_)));
        }
        let edit = menu.and_then(|inner| inner.inner)?;
        Some((None, edit))
    }

    fn add_menu(&mut self, ui: &mut Ui, state: &AppState) -> Option<Edit> {
        let Some(field) = self.adding else {
            ui.set_width(150.0);
            ui.spacing_mut().item_spacing.y = 0.0;
            ui.with_layout(egui::Layout::top_down_justified(egui::Align::LEFT), |ui| {
                let schema = state.schema();
                for field in Field::ADDED {
                    if schema.is_none_or(|schema| field.is_in(schema))
                        && ui
                            .add(Button::selectable(false, field.name()))
                            .on_hover_text(field.hint())
                            .clicked()
                    {
                        self.adding = Some(field);
                    }
                }
            });
            return None;
        };
        ui.horizontal(|ui| {
            if icon_button(ui, Icon::ArrowLeft, "Other conditions").clicked() {
                self.adding = None;
            }
            ui.label(muted(ui, field.name()));
        });
        self.editor_ui(ui, state, Slot::New(field), None)
    }

    fn share_ui(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        let button = Button::new(symbol(ui, Icon::Ellipsis)).frame(false);
        let (response, menu) = MenuButton::from_button(button)
            .config(plain_menu())
            .ui(ui, |ui| self.share.ui(ui, state, out));
        response
            .accessible_name("Filter as text")
            .on_hover_text("Copy or paste the filter as text");
        if menu.is_none() {
            self.share.closed();
        }
    }
}

/// The chips: the usual fields in their fixed order, then all other conditions in theirs.
fn chips(state: &AppState) -> Vec<Chip> {
    let conditions = &state.filter().conditions;
    let mut chips = Vec::new();
    for field in Field::USUAL {
        let mut places = places_of(conditions, field).peekable();
        let is_in_file = || state.schema().is_none_or(|schema| field.is_in(schema));
        if places.peek().is_none() && is_in_file() {
            let (nth, index) = (0, None);
            chips.push(Chip { field, nth, index });
        }
        chips.extend(places.enumerate().map(|(nth, at)| Chip {
            field,
            nth,
            index: Some(at),
        }));
    }
    let others = conditions.iter().enumerate().filter_map(|(at, condition)| {
        let field = Field::of(condition);
        let nth = places_of(conditions, field).position(|place| place == at)?;
        (!Field::USUAL.contains(&field)).then_some(Chip {
            field,
            nth,
            index: Some(at),
        })
    });
    chips.extend(others);
    chips
}

fn places_of(conditions: &[Condition], field: Field) -> impl Iterator<Item = usize> {
    conditions
        .iter()
        .enumerate()
        .filter(move |(_, condition)| Field::of(condition) == field)
        .map(|(at, _)| at)
}

fn changed(filter: &JobFilter, index: Option<usize>, edit: Edit) -> JobFilter {
    let mut filter = filter.clone();
    match (index, edit) {
        (Some(at), Edit::Set(condition) | Edit::SetAndStay(condition)) => {
            if let Some(place) = filter.conditions.get_mut(at) {
                *place = condition;
            }
        }
        (Some(at), Edit::Remove) => {
            if at < filter.conditions.len() {
                filter.conditions.remove(at);
            }
        }
        (None, Edit::Set(condition) | Edit::SetAndStay(condition)) => {
            filter.conditions.push(condition);
        }
        (None, Edit::Remove) => {}
    }
    filter
}

fn symbol(ui: &Ui, symbol: Icon) -> egui::RichText {
    egui::RichText::new(icon(symbol))
        .family(icons())
        .size(14.0)
        .color(Palette::of(ui).muted)
}

/// What stands on a chip: field and operator muted, the value in the accent colour.
struct ChipText {
    job: LayoutJob,
    width: f32,
    full: String,
    is_cut: bool,
}

impl ChipText {
    /// Longer values are cut. Two times with their seconds and their zone are not.
    const MAX_CHARS: usize = 46;

    fn new(ui: &Ui, field: Field, condition: Option<&Condition>, state: &AppState) -> Self {
        let palette = Palette::of(ui);
        let font = egui::TextStyle::Button.resolve(ui.style());
        let mut job = LayoutJob::default();
        let mut append = |part: &str, font: egui::FontId, color| {
            job.append(part, 0.0, egui::TextFormat::simple(font, color));
        };
        let mut full = String::new();
        let mut is_cut = false;
        if let Some(condition) = condition {
            let (op, value) = words::words(condition, &state.suggestions, &state.zone);
            let subject = words::subject(condition);
            let shown = match value.char_indices().nth(Self::MAX_CHARS) {
                Some((at, _)) => {
                    is_cut = true;
                    format!("{}…", value.get(..at).unwrap_or(&value))
                }
                None => value.clone(),
            };
            let before = [subject.as_str(), op.as_str()];
            let before: Vec<_> = before.into_iter().filter(|text| !text.is_empty()).collect();
            let before = before.join(" ");
            append(&format!("{before} "), font.clone(), palette.muted);
            append(&shown, font, palette.accent);
            full = format!("{before} {value}");
        } else {
            append(field.name(), font, palette.muted);
        }
        append(" ", egui::FontId::proportional(8.0), palette.muted);
        let arrow = egui::FontId::new(12.0, icons());
        append(&icon(Icon::ChevronDown), arrow, palette.muted);
        let width = ui.painter().layout_job(job.clone()).size().x;
        Self {
            job,
            width,
            full,
            is_cut,
        }
    }
}
