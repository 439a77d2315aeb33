//! The chart of what is shown: live, one recording, or several below each other.

use std::{collections::BTreeMap, path::PathBuf};

use egui::{ScrollArea, Sense, Ui, UiBuilder, vec2};

use crate::{
    command::Outbox,
    memory::recording::OpenRecording,
    state::{AppState, instrument::recordings::Shown},
    ui::{
        memory_chart::{ChartLook, ChartSource, Legend, MemoryChart, swatch_ui},
        theme::semibold,
        widgets::small,
    },
};

/// All charts of the view, each with the range that it shows.
#[derive(Default)]
pub struct Charts {
    live: MemoryChart,
    recorded: BTreeMap<PathBuf, MemoryChart>,
    together: BTreeMap<PathBuf, MemoryChart>,
    /// The range of the charts that are shown together, in seconds from the first task of each.
    range: Option<(f64, f64)>,
}

/// The height of one of several charts, at least.
const MIN_HEIGHT: f32 = 130.0;

impl Charts {
    /// Shows the chart in the space there is. Whether the pointer is on it.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        state: &AppState,
        started_unix: f64,
        out: &mut Outbox,
    ) -> bool {
        let recordings = &state.instrument.recordings;
        let is_open = |path: &PathBuf| recordings.open.iter().any(|open| open.path == *path);
        self.recorded.retain(|path, _| is_open(path));
        self.together.retain(|path, _| is_open(path));
        let look = ChartLook {
            quantities: &state.settings.quantities,
            legend: Legend::List,
            with_lookups: true,
            top: None,
        };
        if let Some(recording) = recordings.shown_alone() {
            let chart = self
                .recorded
                .entry(recording.path.clone())
                .or_insert_with(MemoryChart::of_everything);
            let name = recording.name();
            return chart.ui(ui, &source(recording, &name, state), &look, out);
        }
        if recordings.shown == Shown::Together {
            return self.together_ui(ui, state, look, out);
        }
        let source = ChartSource::live(state, started_unix);
        self.live.ui(ui, &source, &look, out)
    }

    /// Esc on a chart with a selection clears that, and means nothing else then.
    pub fn take_escape(&mut self, ui: &Ui) {
        self.live.take_escape(ui);
        let recorded = self.recorded.values_mut();
        for chart in recorded.chain(self.together.values_mut()) {
            chart.take_escape(ui);
        }
    }

    /// Drops what was selected on any of them.
    pub fn clear_selection(&mut self) {
        self.live.clear_selection();
        let recorded = self.recorded.values_mut();
        for chart in recorded.chain(self.together.values_mut()) {
            chart.clear_selection();
        }
    }

    fn together_ui(
        &mut self,
        ui: &mut Ui,
        state: &AppState,
        look: ChartLook<'_>,
        out: &mut Outbox,
    ) -> bool {
        let open = &state.instrument.recordings.open;
        let names: Vec<_> = open.iter().map(OpenRecording::name).collect();
        let sources: Vec<_> = open
            .iter()
            .zip(&names)
            .map(|(recording, name)| source(recording, name, state))
            .collect();
        legend_ui(ui, &look);
        let range = self.range.unwrap_or_else(|| whole(&sources));
        let top = sources
            .iter()
            .map(|source| {
                let zero = zero(source);
                let range = (range.0 + zero, range.1 + zero);
                MemoryChart::scale_top(source, range, look.quantities)
            })
            .fold(0.0, f64::max);
        let look = ChartLook {
            legend: Legend::None,
            with_lookups: false,
            top: Some(top),
            ..look
        };
        let height = (ui.available_height() / open.len().max(1) as f32).max(MIN_HEIGHT);
        let mut hovered = false;
        ScrollArea::vertical()
            .id_salt("charts together")
            .auto_shrink(false)
            .show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                for (recording, source) in open.iter().zip(&sources) {
                    let chart = self
                        .together
                        .entry(recording.path.clone())
                        .or_insert_with(MemoryChart::of_everything);
                    let zero = zero(source);
                    let asked = (range.0 + zero, range.1 + zero);
                    chart.set_range(asked);
                    let width = ui.available_width();
                    let (rect, _) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
                    let (head, below) = rect.split_top_bottom_at_y(rect.top() + 18.0);
                    ui.scope_builder(UiBuilder::new().max_rect(head), |ui| {
                        ui.horizontal(|ui| {
                            ui.label(egui::RichText::new(source.name).family(semibold()));
                            ui.label(small(ui, &recording.recorded.header.profile.name));
                        });
                    });
                    let below = below.with_max_y(below.bottom() - 6.0);
                    let builder = UiBuilder::new().max_rect(below).id_salt(&recording.path);
                    hovered |= ui
                        .scope_builder(builder, |ui| chart.ui(ui, source, &look, out))
                        .inner;
                    // Whoever moves one of them moves all.
                    let shown = chart.range(source);
                    if (shown.0 - asked.0).abs() > 1e-6 || (shown.1 - asked.1).abs() > 1e-6 {
                        self.range = Some((shown.0 - zero, shown.1 - zero));
                    }
                }
            });
        hovered
    }

    /// The range that is shown, as a chart without a window counts it.
    pub fn range(&self, state: &AppState, started_unix: f64) -> Option<(f64, f64)> {
        let recordings = &state.instrument.recordings;
        if let Some(recording) = recordings.shown_alone() {
            let name = recording.name();
            let chart = self.recorded.get(&recording.path)?;
            return Some(chart.range(&source(recording, &name, state)));
        }
        if recordings.shown == Shown::Together {
            return self.range;
        }
        Some(self.live.range(&ChartSource::live(state, started_unix)))
    }

    /// Shows all of the recordings again.
    pub fn show_whole(&mut self) {
        self.range = None;
    }

    /// Whether only a part of the recordings that are together is shown.
    pub fn is_zoomed(&self) -> bool {
        self.range.is_some()
    }
}

fn source<'a>(recording: &'a OpenRecording, name: &'a str, state: &'a AppState) -> ChartSource<'a> {
    ChartSource::recorded(name, &recording.recorded.history, &state.zone)
}

/// The start of the first task: what recordings are laid side by side by.
fn zero(source: &ChartSource<'_>) -> f64 {
    let history = source.history;
    history.first_task_secs().unwrap_or(source.first_secs)
}

/// A range that has room for all of them, in seconds from the first task of each.
fn whole(sources: &[ChartSource<'_>]) -> (f64, f64) {
    sources.iter().fold((0.0, 1.0), |(from, to), source| {
        let zero = zero(source);
        (
            f64::min(from, source.first_secs - zero),
            f64::max(to, source.now_secs - zero),
        )
    })
}

/// Which curve is which.
fn legend_ui(ui: &mut Ui, look: &ChartLook<'_>) {
    ui.horizontal_wrapped(|ui| {
        for quantity in look.quantities {
            swatch_ui(ui, *quantity);
            ui.label(small(ui, quantity.label()));
            ui.add_space(6.0);
        }
    });
}
