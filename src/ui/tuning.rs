//! The tuning panel: one control per setting, what is wanted and what was read back.

use std::time::Duration;

use egui::{Align, Layout, RichText, ScrollArea, Slider, TextEdit, Ui};
use lucide_icons::Icon;

use super::{
    theme::{Palette, semibold},
    widgets::{icon, mixed, small},
};
use crate::{
    command::{Command, Outbox},
    db::{
        pragma::{CacheSize, TempStore},
        profile::{AfterQuery, MAX_CONNECTIONS, MemoryProfile},
    },
    error::{Error, Result},
    state::{AppState, tuning::WorstCase},
    units::{Bytes, exact_duration, parse_duration},
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

/// A setting with a slider: how it is called, and what its ends mean.
struct Control {
    label: &'static str,
    sql: &'static str,
    /// The value as it is typed.
    text: String,
    /// The value on the slider.
    value: f64,
    /// From where the slider is logarithmic up to its end; zero is off where that makes sense.
    scale: Scale,
    left: String,
    right: String,
}

#[derive(Clone, Copy)]
struct Scale {
    min: f64,
    smallest: f64,
    max: f64,
}

/// What the user did to a control.
enum Edit {
    Slid(f64),
    Typed(String),
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
            "applied before each connection's next query".to_owned()
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
            ui.add(
                TextEdit::singleline(&mut self.new_name)
                    .hint_text("Name of a new profile")
                    .desired_width(150.0),
            )
            .accessible_name("Name of a new profile");
            let named = !self.new_name.trim().is_empty();
            if ui
                .add_enabled(named, egui::Button::new("Save as"))
                .clicked()
            {
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

const CACHE_SIZE: &str = "PRAGMA cache_size";
const SOFT_LIMIT: &str = "PRAGMA soft_heap_limit";
const HARD_LIMIT: &str = "PRAGMA hard_heap_limit";
const MMAP_SIZE: &str = "PRAGMA mmap_size";
const CONNECTIONS: &str = "connections, each with its own page cache";
const IDLE_TIME: &str = "a connection idle for longer is closed";
const TIME_LIMIT: &str = "a query running for longer is stopped";
const BUDGET: &str = "a query that lets the SQLite heap grow by more is stopped";

fn controls(state: &AppState, profile: &MemoryProfile) -> Vec<Control> {
    let mut controls = size_controls(state, profile);
    controls.extend(pool_controls(state, profile));
    controls
}

/// Nothing is read back from a connection that is not open.
fn read_back(state: &AppState, text: Option<String>) -> String {
    let any_open = state.tuning.connections.iter().flatten().next().is_some();
    match text {
        Some(text) => format!("read back {text}"),
        None if any_open => "connections differ".to_owned(),
        None => "none open".to_owned(),
    }
}

fn limit_text(bytes: Option<Bytes>) -> String {
    bytes.map_or_else(|| "off".to_owned(), Bytes::exact)
}

fn time_text(duration: Option<Duration>) -> String {
    duration.map_or_else(|| "off".to_owned(), exact_duration)
}

/// From zero, which is off, over this smallest size up to the machine's memory.
fn size_scale(state: &AppState, smallest: Bytes) -> Scale {
    Scale {
        min: 0.0,
        smallest: smallest.0 as f64,
        max: state.machine.unwrap_or(Bytes::gib(64)).0 as f64,
    }
}

/// A limit of the process or of a query, in bytes.
fn limit_control(
    state: &AppState,
    (label, sql): (&'static str, &'static str),
    limit: Option<Bytes>,
    left: &str,
    right: String,
) -> Control {
    Control {
        label,
        sql,
        text: limit_text(limit),
        value: limit.map_or(0.0, |bytes| bytes.0 as f64),
        scale: size_scale(state, Bytes::mib(16)),
        left: left.to_owned(),
        right,
    }
}

fn size_controls(state: &AppState, profile: &MemoryProfile) -> Vec<Control> {
    let page_size = state.database.as_ref().map_or(4096, |d| d.facts.page_size);
    let read = state.tuning.read_back();
    let cache = profile.cache_size.bytes(page_size);
    let limit_back =
        |bytes: Option<Bytes>| format!("read back {}", bytes.map_or(0, |bytes| bytes.0));
    vec![
        Control {
            label: "Page cache",
            sql: CACHE_SIZE,
            text: profile.cache_size.to_string(),
            value: cache.0 as f64,
            scale: Scale {
                min: Bytes::kib(256).0 as f64,
                ..size_scale(state, Bytes::kib(256))
            },
            left: match profile.cache_size {
                CacheSize::KiB(_) => "per connection".to_owned(),
                CacheSize::Pages(_) => format!("each {cache}"),
            },
            right: read_back(state, read.map(|r| r.cache_size.to_pragma().to_string())),
        },
        limit_control(
            state,
            ("Soft heap limit", SOFT_LIMIT),
            profile.soft_heap_limit,
            "whole process",
            limit_back(state.tuning.limits.soft),
        ),
        limit_control(
            state,
            ("Hard heap limit", HARD_LIMIT),
            profile.hard_heap_limit,
            "queries fail above",
            limit_back(state.tuning.limits.hard),
        ),
        Control {
            label: "Memory map",
            sql: MMAP_SIZE,
            text: limit_text(Some(profile.mmap_size).filter(|size| size.0 > 0)),
            value: profile.mmap_size.0 as f64,
            scale: size_scale(state, Bytes::mib(1)),
            left: "counts in RSS only".to_owned(),
            right: read_back(state, read.map(|r| r.mmap_size.0.to_string())),
        },
    ]
}

fn pool_controls(state: &AppState, profile: &MemoryProfile) -> Vec<Control> {
    let secs = |duration: Option<Duration>| duration.map_or(0.0, |time| time.as_secs_f64());
    let times = Scale {
        min: 0.0,
        smallest: 1.0,
        max: 7200.0,
    };
    vec![
        Control {
            label: "Connections",
            sql: CONNECTIONS,
            text: profile.connections.to_string(),
            value: profile.connections as f64,
            scale: Scale {
                min: 1.0,
                smallest: 1.0,
                max: MAX_CONNECTIONS as f64,
            },
            left: "a page cache each".to_owned(),
            right: format!("{} open", state.tuning.connections.iter().flatten().count()),
        },
        Control {
            label: "Close idle after",
            sql: IDLE_TIME,
            text: time_text(profile.idle_time),
            value: secs(profile.idle_time),
            scale: times,
            left: String::new(),
            right: String::new(),
        },
        Control {
            label: "Time limit",
            sql: TIME_LIMIT,
            text: time_text(profile.time_limit),
            value: secs(profile.time_limit),
            scale: times,
            left: String::new(),
            right: String::new(),
        },
        limit_control(
            state,
            ("Memory budget", BUDGET),
            profile.memory_budget,
            "",
            String::new(),
        ),
    ]
}

/// A slider's value in the setting's own units, rounded to what a person would type.
fn slid_text(setting: &str, value: f64) -> String {
    match setting {
        CONNECTIONS => format!("{}", value.round()),
        IDLE_TIME | TIME_LIMIT => {
            optional_text(value < 0.5, || exact_duration(round_duration(value)))
        }
        CACHE_SIZE | MMAP_SIZE => round_bytes(value).exact(),
        _ => optional_text(value < 1.0, || round_bytes(value).exact()),
    }
}

fn optional_text(is_off: bool, text: impl FnOnce() -> String) -> String {
    if is_off { "off".to_owned() } else { text() }
}

/// Two significant binary figures: a slider has no more precision than that.
fn round_bytes(value: f64) -> Bytes {
    if value < 1024.0 {
        return Bytes(0);
    }
    let step = 2_f64.powf((value.log2() - 4.0).floor()).max(1024.0);
    Bytes(((value / step).round() * step) as u64)
}

fn round_duration(secs: f64) -> Duration {
    let step = match secs {
        s if s < 20.0 => 1.0,
        s if s < 120.0 => 5.0,
        s if s < 1200.0 => 60.0,
        _ => 300.0,
    };
    Duration::from_secs(((secs / step).round() * step).max(1.0) as u64)
}

fn apply(profile: &mut MemoryProfile, setting: &str, edit: &Edit) -> Result<()> {
    let text = match edit {
        Edit::Slid(value) => slid_text(setting, *value),
        Edit::Typed(text) => text.trim().to_owned(),
    };
    let is_off = matches!(text.to_ascii_lowercase().as_str(), "off" | "none" | "0");
    let size = || -> Result<Option<Bytes>> {
        if is_off {
            Ok(None)
        } else {
            Bytes::parse(&text).map(Some)
        }
    };
    let time = || -> Result<Option<Duration>> {
        if is_off {
            Ok(None)
        } else {
            parse_duration(&text).map(Some)
        }
    };
    match setting {
        CACHE_SIZE => profile.cache_size = CacheSize::parse(&text)?,
        SOFT_LIMIT => profile.soft_heap_limit = size()?,
        HARD_LIMIT => profile.hard_heap_limit = size()?,
        BUDGET => profile.memory_budget = size()?,
        MMAP_SIZE => profile.mmap_size = size()?.unwrap_or_default(),
        IDLE_TIME => profile.idle_time = time()?,
        TIME_LIMIT => profile.time_limit = time()?,
        _ => {
            let expected = format!("1 to {MAX_CONNECTIONS}");
            let connections = text
                .parse()
                .ok()
                .filter(|n| (1..=MAX_CONNECTIONS).contains(n))
                .ok_or_else(|| Error::invalid("number of connections", &text, expected))?;
            profile.connections = connections;
        }
    }
    Ok(())
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
    // The bar ends at whatever is relevant: the machine's memory, unless all is far below it.
    let scale = soft
        .unwrap_or(0.0)
        .max(worst.caches.0 as f64)
        .mul_add(1.25, 0.0)
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
    if let Some(answer) = &state.tuning.answer {
        ui.label(small(ui, answer));
    }
}
