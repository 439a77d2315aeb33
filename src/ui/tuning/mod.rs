//! The tuning panel: one control per setting, what is wanted and what was read back.

mod controls;

use egui::{Align, Layout, RichText, ScrollArea, Slider, TextEdit, Ui};
use lucide_icons::Icon;

use self::controls::{Control, Edit, Scale, apply, controls, slid_text};
use super::{
    theme::{Palette, semibold},
    widgets::{icon, mixed, small},
};
use crate::{
    command::{Command, Outbox},
    db::{
        pragma::TempStore,
        profile::{AfterQuery, MemoryProfile},
    },
    state::{AppState, tuning::WorstCase},
};

/// Remembers what is being typed, and sliders in mid-drag.
#[derive(Default)]
pub struct TuningPanel {
    typing: Option<Typing>,
    dragging: Option<(&'static str, f64)>,
    new_name: String,
}

struct Typing {
    setting: &'static str,
    text: String,
    error: Option<String>,
}

impl TuningPanel {
    /// Shows all settings; sends a command when the user has settled on a value.
    pub fn ui(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        let mut profile = state.tuning.wanted.clone();
        self.head_ui(ui, state, out);
        // Always in sight: what it adds up to, and the way to give memory back.
        egui::Panel::bottom("tuning sum")
            .resizable(false)
            .frame(egui::Frame::new().inner_margin(egui::Margin {
                top: 8,
                ..egui::Margin::ZERO
            }))
            .show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 3.0;
                worst_case_ui(ui, state);
                give_back_ui(ui, state, out);
            });
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.spacing_mut().interact_size.y = 18.0;
            ui.set_width(ui.available_width() - 10.0);
            self.controls_ui(ui, state, &mut profile);
            choices_ui(ui, state, &mut profile);
        });
        if profile != state.tuning.wanted {
            out.send(Command::SetProfile(profile));
        }
    }

    fn head_ui(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        ui.horizontal(|ui| {
            ui.label(RichText::new("Tuning").family(semibold()).size(14.0));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let name = &state.tuning.wanted.name;
                let changed = if state.tuning.is_modified() { " *" } else { "" };
                let text = format!("{name}{changed} {}", icon(Icon::ChevronDown));
                let text = mixed(&text, 13.0, Palette::of(ui).text);
                let config = egui::containers::menu::MenuConfig::new()
                    .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside);
                let (response, _) = egui::containers::menu::MenuButton::new(text)
                    .config(config)
                    .ui(ui, |ui| self.profile_menu(ui, state, out));
                response
                    .accessible_name("Memory profile")
                    .on_hover_text("All settings together, under a name. * means changed since");
            });
        });
        let pending = state.tuning.pending();
        let line = if pending > 0 {
            format!("{pending} busy connections change before their next query")
        } else {
            "idle connections change at once".to_owned()
        };
        ui.label(small(ui, line));
        ui.add_space(4.0);
    }

    fn profile_menu(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        ui.set_min_width(220.0);
        for profile in state.tuning.profiles() {
            let chosen = profile == state.tuning.wanted;
            if ui.selectable_label(chosen, &profile.name).clicked() {
                out.send(Command::SetProfile(profile));
                ui.close();
            }
        }
        ui.separator();
        ui.horizontal(|ui| {
            let field = ui
                .add(
                    TextEdit::singleline(&mut self.new_name)
                        .hint_text("Name of a new profile")
                        .margin(egui::Margin::symmetric(6, 4))
                        .desired_width(150.0),
                )
                .accessible_name("Name of a new profile");
            let named = !self.new_name.trim().is_empty();
            let entered =
                field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            let clicked = ui
                .add_enabled(named, egui::Button::new("Save as"))
                .clicked();
            if named && (clicked || entered) {
                out.send(Command::SaveProfile(std::mem::take(&mut self.new_name)));
                ui.close();
            }
        });
    }

    fn controls_ui(&mut self, ui: &mut Ui, state: &AppState, profile: &mut MemoryProfile) {
        for control in controls(state, profile) {
            let setting = control.sql;
            let Some(edit) = self.control_ui(ui, &control) else {
                continue;
            };
            match apply(profile, setting, &edit) {
                Ok(()) => self.typing = None,
                Err(error) => {
                    if let Edit::Typed(text) = edit {
                        self.typing = Some(Typing {
                            setting,
                            text,
                            error: Some(error.to_string()),
                        });
                    }
                }
            }
        }
    }

    fn control_ui(&mut self, ui: &mut Ui, control: &Control) -> Option<Edit> {
        let mut edit = None;
        ui.horizontal(|ui| {
            let label = ui.label(control.label).on_hover_text(control.sql);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                edit = self.field_ui(ui, control, label.id);
            });
        });
        let mut value = match self.dragging {
            Some((setting, value)) if setting == control.sql => value,
            _ => control.value,
        };
        ui.spacing_mut().slider_width = ui.available_width();
        let Scale { min, smallest, max } = control.scale;
        let slider = Slider::new(&mut value, min..=max)
            .logarithmic(true)
            .smallest_positive(smallest)
            .show_value(false);
        let response = slider_ui(ui, slider)
            .accessible_name(control.label)
            .on_hover_text(control.sql);
        // Once per drag, once per key press, once per value set by a screen reader.
        if response.drag_stopped() || (response.changed() && !response.dragged()) {
            self.dragging = None;
            edit = Some(Edit::Slid(value));
        } else if response.dragged() {
            self.dragging = Some((control.sql, value));
        }
        if !control.left.is_empty() {
            ui.horizontal(|ui| {
                ui.label(small(ui, &control.left));
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    ui.label(small(ui, &control.right))
                        .on_hover_text("What SQLite itself reports");
                });
            });
        }
        if let Some(typing) = self.typing.as_ref().filter(|t| t.setting == control.sql)
            && let Some(error) = &typing.error
        {
            ui.label(RichText::new(error).small().color(Palette::of(ui).bad));
        }
        ui.add_space(7.0);
        edit
    }

    /// The value as text, to be typed over. A value that cannot be understood stays, with a report.
    fn field_ui(&mut self, ui: &mut Ui, control: &Control, label: egui::Id) -> Option<Edit> {
        let mut text = match (&self.typing, self.dragging) {
            (Some(typing), _) if typing.setting == control.sql => typing.text.clone(),
            (_, Some((setting, value))) if setting == control.sql => slid_text(setting, value),
            _ => control.text.clone(),
        };
        let response = ui
            .add(
                TextEdit::singleline(&mut text)
                    .font(egui::TextStyle::Monospace)
                    .align(egui::Align2::RIGHT_CENTER)
                    .desired_width(130.0)
                    .margin(egui::Margin::symmetric(6, 2)),
            )
            .labelled_by(label);
        if response.changed() {
            self.typing = Some(Typing {
                setting: control.sql,
                text: text.clone(),
                error: None,
            });
        }
        let is_typed = self
            .typing
            .as_ref()
            .is_some_and(|t| t.setting == control.sql && t.error.is_none());
        (response.lost_focus() && is_typed).then_some(Edit::Typed(text))
    }
}

/// A slider with the accent colour up to its knob.
fn slider_ui(ui: &mut Ui, slider: Slider<'_>) -> egui::Response {
    let palette = Palette::of(ui);
    ui.scope(|ui| {
        let visuals = ui.visuals_mut();
        visuals.selection.bg_fill = palette.accent;
        visuals.handle_shape = egui::style::HandleShape::Circle;
        for widget in [&mut visuals.widgets.inactive, &mut visuals.widgets.hovered] {
            widget.fg_stroke = egui::Stroke::new(2.0, palette.text);
        }
        ui.add(slider)
    })
    .inner
}

/// Settings with a handful of choices.
fn choices_ui(ui: &mut Ui, state: &AppState, profile: &mut MemoryProfile) {
    ui.horizontal(|ui| {
        let label = ui
            .label("Temporary data")
            .on_hover_text("PRAGMA temp_store");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            egui::ComboBox::from_id_salt("temp_store")
                .selected_text(profile.temp_store.to_string())
                .width(110.0)
                .show_ui(ui, |ui| {
                    for choice in TempStore::ALL {
                        ui.selectable_value(&mut profile.temp_store, choice, choice.to_string());
                    }
                })
                .response
                .labelled_by(label.id);
        });
    });
    let stores: Vec<_> = state
        .tuning
        .connections
        .iter()
        .flatten()
        .map(|(_, settings)| settings.temp_store.to_string())
        .collect();
    let read = if stores.is_empty() {
        "no connection open".to_owned()
    } else {
        format!("read back {}", stores.join(", "))
    };
    ui.label(small(ui, read));
    ui.add_space(5.0);
    ui.horizontal(|ui| {
        let label = ui
            .label("After a query")
            .on_hover_text("sqlite3_db_release_memory, then malloc_trim");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            egui::ComboBox::from_id_salt("after_query")
                .selected_text(profile.after_query.label())
                .width(130.0)
                .show_ui(ui, |ui| {
                    for choice in AfterQuery::ALL {
                        ui.selectable_value(&mut profile.after_query, choice, choice.label());
                    }
                })
                .response
                .labelled_by(label.id);
        });
    });
    ui.add_space(8.0);
}

/// Connections × cache against the soft limit against the machine, with a sentence where they
/// contradict each other.
fn worst_case_ui(ui: &mut Ui, state: &AppState) {
    let palette = Palette::of(ui);
    let page_size = state.database.as_ref().map_or(4096, |d| d.facts.page_size);
    let profile = &state.tuning.wanted;
    let worst = WorstCase::of(profile, page_size, state.machine);
    ui.horizontal(|ui| {
        ui.label("Caches together")
            .on_hover_text("Number of connections × page cache. Sorts and statements come on top");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(super::widgets::figures(format!("≤ {}", worst.caches)));
        });
    });
    let machine = state.machine.map_or(1.0, |bytes| bytes.0 as f64);
    let soft = profile.soft_heap_limit.map(|limit| limit.0 as f64);
    // Against the soft limit where there is one, else against the machine.
    let scale = soft
        .map_or(machine, |soft| (soft * 1.25).max(worst.caches.0 as f64))
        .min(machine)
        .max(1.0);
    let share = |bytes: f64| (bytes / scale).clamp(0.0, 1.0) as f32;
    let color = if worst.warnings.is_empty() {
        palette.caches[0]
    } else {
        palette.warning
    };
    let width = ui.available_width();
    let response = super::widgets::meter(ui, width, share(worst.caches.0 as f64), color);
    if let Some(soft) = soft {
        let x = response.rect.left() + response.rect.width() * share(soft);
        ui.painter().vline(
            x.min(response.rect.right() - 1.0),
            response.rect.expand(2.0).y_range(),
            egui::Stroke::new(2.0, palette.limit),
        );
    }
    let against = match (profile.soft_heap_limit, state.machine) {
        (Some(soft), Some(machine)) => format!("soft heap limit {soft} · machine {machine}"),
        (None, Some(machine)) => format!("no soft heap limit · machine {machine}"),
        (Some(soft), None) => format!("soft heap limit {soft}"),
        (None, None) => "no soft heap limit".to_owned(),
    };
    ui.label(small(ui, against));
    for warning in &worst.warnings {
        let text = format!("{} {warning}", icon(Icon::TriangleAlert));
        ui.label(mixed(&text, 11.5, palette.warning));
    }
    ui.add_space(8.0);
}

fn give_back_ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    ui.horizontal(|ui| {
        let shrink = ui.button("Shrink").on_hover_text(
            "sqlite3_db_release_memory on every connection: empties the page caches. \
             The next query reads from the file again",
        );
        if shrink.clicked() {
            out.send(Command::Shrink);
        }
        let trim = ui.button("Trim").on_hover_text(
            "malloc_trim: the C library returns memory that SQLite has freed to the operating system",
        );
        if trim.clicked() {
            out.send(Command::Trim);
        }
    });
    // The line is there before there is an answer, so that the buttons stay where they are.
    ui.label(small(ui, state.tuning.answer.as_deref().unwrap_or(" ")));
}
