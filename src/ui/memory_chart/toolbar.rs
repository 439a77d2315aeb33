//! The buttons of a chart: which time it shows, what is selected.

use egui::{Button, RichText, Ui, vec2};
use lucide_icons::Icon;

use super::{Axis, ChartLook, ChartSource, Legend, MemoryChart, View, legend};
use crate::{
    command::Outbox,
    ui::{theme, widgets::icon},
};

const CHOICES: [(&str, &str, View); 4] = [
    ("1 min", "Last minute", View::Newest(60.0)),
    ("10 min", "Last 10 minutes", View::Newest(600.0)),
    ("1 h", "Last hour", View::Newest(3600.0)),
    ("all", "Everything since the start", View::All),
];

const SELECT_HINT: &str = "Drag over the chart to select a time (otherwise: with the shift key; \
                           arrow keys move the selection, Esc clears it)";

/// The height of a row of buttons, with the space above it.
const BUTTONS: f32 = 26.0;

impl MemoryChart {
    pub(super) fn legend_ui(
        &mut self,
        ui: &mut Ui,
        source: &ChartSource<'_>,
        look: &ChartLook<'_>,
        has_card: bool,
        out: &mut Outbox,
    ) {
        let area = ui.max_rect();
        let rows = if look.legend == Legend::List {
            2.0
        } else {
            1.0
        };
        let (list, buttons) = area.split_top_bottom_at_y(area.bottom() - rows * BUTTONS);
        let inside = |rect| egui::UiBuilder::new().max_rect(rect);
        ui.scope_builder(inside(list), |ui| match look.legend {
            Legend::List if has_card => self.card_ui(ui, source, look),
            Legend::List => legend::list_ui(ui, source, look.quantities, out),
            Legend::Short => {
                legend::short_ui(ui, source, look.quantities, list.height(), out);
            }
            Legend::None => {}
        });
        ui.scope_builder(inside(buttons.with_min_y(buttons.top() + 4.0)), |ui| {
            ui.spacing_mut().item_spacing = vec2(2.0, 4.0);
            ui.spacing_mut().button_padding = vec2(5.0, 1.0);
            ui.spacing_mut().interact_size.y = 20.0;
            if look.legend == Legend::List {
                ui.horizontal(|ui| self.selecting_ui(ui));
            }
            ui.horizontal(|ui| {
                self.range_ui(ui, source);
                if look.legend == Legend::Short {
                    let symbol = RichText::new(icon(Icon::SquareDashedMousePointer));
                    let symbol = symbol.family(theme::icons()).size(13.0);
                    let select = Button::selectable(self.selection.by_drag, symbol);
                    let select = ui.add(select).accessible_name("Select");
                    if select.on_hover_text(SELECT_HINT).clicked() {
                        self.selection.by_drag = !self.selection.by_drag;
                    }
                    legend::menu_ui(ui, source, look.quantities, out);
                }
            });
        });
    }

    fn range_ui(&mut self, ui: &mut Ui, source: &ChartSource<'_>) {
        for (text, name, view) in CHOICES {
            if toggle(ui, self.view == view, text, name)
                .accessible_name(name)
                .clicked()
            {
                self.view = view;
                self.followed = view;
                self.is_held = false;
            }
        }
        let is_fixed = matches!(self.view, View::Fixed(..));
        let (symbol, name) = match (source.axis, is_fixed) {
            (Axis::TimeOfDay { .. }, true) => (Icon::Play, "Follow the newest samples"),
            (Axis::TimeOfDay { .. }, false) => (Icon::Pause, "Pause the chart (samples go on)"),
            (Axis::Since(_), true) => (Icon::Undo2, "Show the range of before"),
            // What is over stands still.
            (Axis::Since(_), false) => return,
        };
        let symbol = RichText::new(icon(symbol)).family(theme::icons());
        if ui
            .add(Button::new(symbol.size(13.0)).frame(false))
            .accessible_name(name)
            .on_hover_text(name)
            .clicked()
        {
            self.is_held = false;
            self.view = if is_fixed {
                self.followed
            } else {
                let (from, to) = self.range(source);
                View::Fixed(from, to)
            };
        }
    }

    fn selecting_ui(&mut self, ui: &mut Ui) {
        if toggle(ui, self.selection.by_drag, "Select", SELECT_HINT).clicked() {
            self.selection.by_drag = !self.selection.by_drag;
        }
        ui.add_enabled_ui(self.selection.range(0).is_some(), |ui| {
            let is_on = self.selection.is_comparing();
            let hint = "Drag over a second time to see both side by side; again drops it";
            if toggle(ui, is_on, "Compare with another range", hint).clicked() {
                self.selection.compare();
            }
        });
    }
}

fn toggle(ui: &mut Ui, is_on: bool, text: &str, hint: &str) -> egui::Response {
    let button = Button::selectable(is_on, RichText::new(text).small());
    ui.add(button).on_hover_text(hint)
}
