//! The memory chart: curves with their causes. The strip and the Memory view are both this.

mod curves;
mod overlay;

use egui::{Color32, Sense, Ui, UiBuilder, vec2};
use egui_plot::PlotTransform;
use lucide_icons::Icon;

use super::{
    theme::{self, Palette},
    widgets::{figures, icon},
};
use crate::{memory::sample::ConnectionState, state::AppState, units::Bytes};

/// What part of the history is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
enum View {
    /// The newest seconds, moving on with the samples.
    Newest(f64),
    /// Everything since the start.
    All,
    /// A fixed range: after panning, zooming, or a pause.
    Fixed(f64, f64),
}

/// One chart, and which part of the history it shows.
#[derive(Debug)]
pub struct MemoryChart {
    view: View,
    /// Where to return from a fixed range.
    followed: View,
}

impl Default for MemoryChart {
    fn default() -> Self {
        let view = View::Newest(60.0);
        Self {
            view,
            followed: view,
        }
    }
}

const CHOICES: [(&str, &str, View); 4] = [
    ("1 min", "Last minute", View::Newest(60.0)),
    ("10 min", "Last 10 minutes", View::Newest(600.0)),
    ("1 h", "Last hour", View::Newest(3600.0)),
    ("all", "Everything since the start", View::All),
];

/// The lane of tasks above the curves.
const LANE_HEIGHT: f32 = 20.0;

impl MemoryChart {
    /// Shows legend, lane and curves in the space there is. Whether the pointer is on it.
    pub fn ui(&mut self, ui: &mut Ui, state: &AppState, started_unix: f64) -> bool {
        let rect = ui.available_rect_before_wrap();
        let (legend, chart) = rect.split_left_right_at_x(rect.left() + 218.0);
        ui.scope_builder(UiBuilder::new().max_rect(legend), |ui| {
            ui.set_clip_rect(legend);
            self.legend_ui(ui, state);
        });
        ui.scope_builder(
            UiBuilder::new().max_rect(chart.with_min_x(chart.left() + 12.0)),
            |ui| self.curves_ui(ui, state, started_unix),
        );
        ui.allocate_rect(rect, Sense::hover());
        ui.rect_contains_pointer(rect)
    }

    fn legend_ui(&mut self, ui: &mut Ui, state: &AppState) {
        let palette = Palette::of(ui);
        let latest = &state.live.latest;
        let open = latest
            .connections
            .iter()
            .filter(|c| c.state != ConnectionState::Closed)
            .count();
        ui.spacing_mut().item_spacing.y = 1.0;
        let or_unknown = |bytes: Option<Bytes>| {
            bytes.map_or_else(|| "not told".to_owned(), |bytes| bytes.to_string())
        };
        let rows = [
            (
                Some(palette.rss),
                "RSS".to_owned(),
                or_unknown(latest.rss),
                "Resident set size: what the operating system counts for this process.\nSource: the operating system, ten times a second",
            ),
            (
                Some(palette.sqlite_heap),
                "SQLite heap".to_owned(),
                latest.sqlite_heap.to_string(),
                "What SQLite has allocated for all connections together.\nSource: sqlite3_status64, ten times a second",
            ),
            (
                Some(palette.cache(0)),
                format!("Page caches, {open} open"),
                latest.caches().to_string(),
                "Cached database pages of all connections, stacked in the chart.\nSource: sqlite3_db_status64, published by each connection's own thread",
            ),
            (
                Some(palette.rows),
                "Rows held".to_owned(),
                latest.window.total().to_string(),
                "Fetched rows of the job table and its position index: in RSS, not in SQLite's heap.\nSource: counted by the window as it holds them",
            ),
            (
                None,
                "Machine available".to_owned(),
                or_unknown(latest.available),
                "What the machine, or the control group around this process, could still give out",
            ),
        ];
        for (color, name, value, hint) in rows {
            legend_row(ui, color, &name, &value, hint);
        }
        ui.add_space(4.0);
        self.range_ui(ui, state);
    }

    fn range_ui(&mut self, ui: &mut Ui, state: &AppState) {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            ui.spacing_mut().button_padding = vec2(5.0, 1.0);
            ui.spacing_mut().interact_size.y = 20.0;
            for (text, name, view) in CHOICES {
                let chosen = self.view == view;
                let button = egui::Button::selectable(chosen, egui::RichText::new(text).small());
                if ui
                    .add(button)
                    .accessible_name(name)
                    .on_hover_text(name)
                    .clicked()
                {
                    self.view = view;
                    self.followed = view;
                }
            }
            let is_fixed = matches!(self.view, View::Fixed(..));
            let (symbol, name) = if is_fixed {
                (Icon::Play, "Follow the newest samples")
            } else {
                (Icon::Pause, "Pause the chart (samples go on)")
            };
            let symbol = egui::RichText::new(icon(symbol)).family(theme::icons());
            let button = egui::Button::new(symbol.size(13.0)).frame(false);
            if ui
                .add(button)
                .accessible_name(name)
                .on_hover_text(name)
                .clicked()
            {
                self.view = if is_fixed {
                    self.followed
                } else {
                    let (from, to) = self.range(state);
                    View::Fixed(from, to)
                };
            }
        });
    }

    /// The shown range, in seconds since the engine started.
    fn range(&self, state: &AppState) -> (f64, f64) {
        let now = state.live.latest.at_secs;
        match self.view {
            View::Newest(secs) => (now - secs, now),
            View::All => (0.0, now.max(10.0)),
            View::Fixed(from, to) => (from, to),
        }
    }

    fn curves_ui(&mut self, ui: &mut Ui, state: &AppState, started_unix: f64) {
        let range = self.range(state);
        let area = ui.available_rect_before_wrap();
        let (lane, plot_area) = area.split_top_bottom_at_y(area.top() + LANE_HEIGHT);
        let columns = area.width().max(50.0) as usize;
        let points = state.live.series.between(range.0, range.1, columns);
        let top = curves::scale_top(&points, state);
        let response = ui
            .scope_builder(UiBuilder::new().max_rect(plot_area), |ui| {
                curves::plot_ui(ui, state, &points, range, top, started_unix)
            })
            .inner;
        let transform = response.transform;
        let hovered = overlay::marks_ui(ui, state, &transform, area, range);
        overlay::bands_ui(ui, state, &transform, lane, range, hovered.is_some());
        overlay::limit_labels(ui, state, &transform);
        if hovered.is_none() {
            overlay::readout(
                ui,
                &response.response,
                &transform,
                &points,
                (started_unix, &state.zone),
            );
        }
        self.navigate(ui, &response.response, &transform, range);
    }

    /// Drag to pan, wheel to zoom in time, double-click to follow again.
    fn navigate(
        &mut self,
        ui: &Ui,
        response: &egui::Response,
        transform: &PlotTransform,
        (from, to): (f64, f64),
    ) {
        let span = to - from;
        if response.double_clicked() {
            self.view = self.followed;
            return;
        }
        if response.dragged() {
            let secs = f64::from(response.drag_delta().x) * span
                / f64::from(transform.frame().width().max(1.0));
            self.view = View::Fixed(from - secs, to - secs);
            return;
        }
        let scroll = ui.input(|input| input.smooth_scroll_delta().y);
        if let Some(pointer) = response.hover_pos()
            && scroll != 0.0
        {
            let center = transform.value_from_position(pointer).x;
            let factor = f64::from(-scroll / 200.0).exp();
            // Less than a second shows no two samples, more than a month was never recorded.
            let factor = (span * factor).clamp(1.0, 2.6e6) / span;
            self.view = View::Fixed(
                center - (center - from) * factor,
                center + (to - center) * factor,
            );
        }
    }
}

fn legend_row(ui: &mut Ui, color: Option<Color32>, name: &str, value: &str, hint: &str) {
    ui.horizontal(|ui| {
        let (swatch, _) = ui.allocate_exact_size(vec2(9.0, 9.0), Sense::hover());
        if let Some(color) = color {
            ui.painter().rect_filled(swatch, 2.0, color);
        }
        ui.label(egui::RichText::new(name).size(12.0));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.label(figures(value).size(12.0));
        });
    })
    .response
    .on_hover_text(hint);
}
