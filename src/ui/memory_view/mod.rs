//! The Memory view: the chart at full size, what gives memory back, what limits mean, recordings.

mod charts;
mod export;
mod facts;
mod ladder;
mod notes;
mod place;
mod sources;
mod tables;

use egui::{Button, Ui, UiBuilder};

use self::{charts::Charts, sources::Sources};
use super::{file_dialog::FileDialog, widgets::muted};
use crate::{
    command::{Command, Outbox},
    memory::recording::OpenRecording,
    state::{
        AppState,
        instrument::{limits::LimitNote, recordings::Shown},
    },
};

/// What is shown below the chart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tab {
    /// Each connection, and what limits mean now.
    #[default]
    Connections,
    /// The give-back ladder.
    GiveBack,
    /// What tasks did and cost.
    Receipts,
}

/// From this width on, the ladder stands beside the tables.
const LADDER_BESIDE_FROM: f32 = 1300.0;

/// The view, with what it remembers while the user is busy.
#[derive(Default)]
pub struct MemoryView {
    charts: Charts,
    sources: Sources,
    tab: Tab,
}

impl MemoryView {
    /// Shows the view. Whether the pointer is on the chart.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        state: &AppState,
        started_unix: f64,
        dialog: &mut FileDialog,
        out: &mut Outbox,
    ) -> bool {
        self.sources
            .ui(ui, (state, started_unix), &self.charts, dialog, out);
        ui.add_space(6.0);
        let area = ui.available_rect_before_wrap();
        // The tables need no more than this; the rest is the chart's.
        let low = (area.height() * 0.46).min(380.0);
        let (top, bottom) = area.split_top_bottom_at_y(area.bottom() - low);
        let hovered = ui
            .scope_builder(UiBuilder::new().max_rect(top), |ui| {
                self.charts.ui(ui, state, started_unix, out)
            })
            .inner;
        let bottom = bottom.with_min_y(bottom.top() + 8.0);
        ui.scope_builder(UiBuilder::new().max_rect(bottom), |ui| {
            match state.instrument.recordings.shown_alone() {
                Some(recording) => self.recorded_ui(ui, recording),
                None if state.instrument.recordings.shown == Shown::Together => {
                    let is_zoomed = self.charts.is_zoomed();
                    if ui
                        .add_enabled(is_zoomed, Button::new("Show all of them"))
                        .clicked()
                    {
                        self.charts.show_whole();
                    }
                    facts::together_ui(ui, &state.instrument.recordings.open);
                }
                None => self.live_ui(ui, state, out),
            }
        });
        hovered
    }

    /// Esc on a chart with a selection clears that, and means nothing else then.
    pub fn take_escape(&mut self, ui: &Ui) {
        self.charts.take_escape(ui);
    }

    /// Drops what was selected on the charts.
    pub fn clear_selection(&mut self) {
        self.charts.clear_selection();
    }

    fn live_ui(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        let notes = state.limit_notes();
        let num_tasks = state.tasks.history.len();
        let area = ui.available_rect_before_wrap();
        if area.width() >= LADDER_BESIDE_FROM {
            // There is room for the ladder beside the tables.
            let (left, right) = area.split_left_right_at_fraction(0.55);
            let right = UiBuilder::new().max_rect(right.with_min_x(right.left() + 16.0));
            ui.scope_builder(right, |ui| {
                ui.heading("Give back");
                ui.add_space(4.0);
                ladder::ui(ui, state, out);
            });
            if self.tab == Tab::GiveBack {
                self.tab = Tab::Connections;
            }
            let left = UiBuilder::new().max_rect(left);
            ui.scope_builder(left, |ui| {
                self.tabs_ui(
                    ui,
                    &[
                        (
                            Tab::Connections,
                            named("Connections and limits", notes.len()),
                        ),
                        (Tab::Receipts, named("Receipts", num_tasks)),
                    ],
                );
                self.live_tab_ui(ui, state, &notes, out);
            });
            return;
        }
        self.tabs_ui(
            ui,
            &[
                (
                    Tab::Connections,
                    named("Connections and limits", notes.len()),
                ),
                (Tab::GiveBack, "Give back".to_owned()),
                (Tab::Receipts, named("Receipts", num_tasks)),
            ],
        );
        self.live_tab_ui(ui, state, &notes, out);
    }

    fn live_tab_ui(&self, ui: &mut Ui, state: &AppState, notes: &[LimitNote], out: &mut Outbox) {
        let num_tasks = state.tasks.history.len();
        match self.tab {
            Tab::Connections => {
                tables::connections_ui(ui, state);
                ui.add_space(8.0);
                notes::ui(ui, notes);
            }
            Tab::GiveBack => ladder::ui(ui, state, out),
            Tab::Receipts if num_tasks == 0 => {
                ui.label(muted(
                    ui,
                    "Every query leaves one here: what it did, what it cost, how it ended",
                ));
            }
            Tab::Receipts => {
                let history = &state.tasks.history;
                tables::receipts_ui(ui, history.len(), |row| {
                    let task = history.get(row)?;
                    Some((task.title.as_str(), &task.receipt))
                });
            }
        }
    }

    fn recorded_ui(&mut self, ui: &mut Ui, recording: &OpenRecording) {
        let num_tasks = recording.recorded.receipts.len();
        self.tabs_ui(
            ui,
            &[
                (Tab::Connections, "What was recorded".to_owned()),
                (
                    Tab::GiveBack,
                    named("Given back", recording.recorded.given_back.len()),
                ),
                (Tab::Receipts, named("Receipts", num_tasks)),
            ],
        );
        match self.tab {
            Tab::Connections => facts::ui(ui, recording),
            Tab::GiveBack => ladder::recorded_ui(ui, &recording.recorded.given_back),
            Tab::Receipts => tables::receipts_ui(ui, num_tasks, |row| {
                // The newest first, as in the live view.
                let ended = recording.recorded.receipts.get(num_tasks - 1 - row)?;
                let bands = &recording.recorded.history.timeline.bands;
                let band = bands.iter().find(|band| band.task == ended.task);
                Some((
                    band.map_or("Task", |band| band.title.as_str()),
                    &ended.receipt,
                ))
            }),
        }
    }

    fn tabs_ui(&mut self, ui: &mut Ui, tabs: &[(Tab, String)]) {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            for (tab, name) in tabs {
                let button = Button::selectable(self.tab == *tab, name);
                if ui.add(button).clicked() {
                    self.tab = *tab;
                }
            }
        });
        ui.add_space(4.0);
    }
}

/// `Receipts · 12`.
fn named(name: &str, count: usize) -> String {
    if count == 0 {
        name.to_owned()
    } else {
        format!("{name} · {count}")
    }
}

/// What a budget stopped, and the offer to go on.
pub fn over_budget_ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    use lucide_icons::Icon;

    use super::{
        theme::Palette,
        widgets::{icon, icon_button, mixed},
    };

    let Some(over) = &state.instrument.over_budget else {
        return;
    };
    ui.horizontal(|ui| {
        let palette = Palette::of(ui);
        ui.label(mixed(&icon(Icon::TriangleAlert), 14.0, palette.warning));
        ui.label(format!(
            "“{}” was stopped: {}",
            over.title,
            over.limit.sentence()
        ));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if icon_button(ui, Icon::X, "Leave it stopped").clicked() {
                out.send(Command::DismissOverBudget);
            }
            let text = match &over.larger {
                Some(larger) => format!("Go on with {larger}"),
                None => "Try again".to_owned(),
            };
            let again = ui.button(text).on_hover_text(
                "Asks again from the start; until the profile changes, for tasks of this kind",
            );
            if again.clicked() {
                out.send(Command::GoOnWithLarger);
            }
        });
    });
}
