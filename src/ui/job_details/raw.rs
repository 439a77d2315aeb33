//! Every column as it is stored.

use egui::{Grid, Label, Ui};

use crate::{
    state::details::RawValue,
    ui::widgets::{figures, muted, small},
};

pub(super) fn ui(ui: &mut Ui, values: &[RawValue]) {
    Grid::new("raw row")
        .num_columns(2)
        .spacing([12.0, 4.0])
        .show(ui, |ui| {
            for RawValue {
                column,
                text,
                stored,
            } in values
            {
                // At the top of a value that takes several lines.
                ui.vertical(|ui| {
                    ui.add(Label::new(small(ui, *column)).extend())
                        .on_hover_text(stored);
                });
                let shown = match (stored.as_str(), text.as_str()) {
                    ("NULL", _) => muted(ui, "NULL").monospace(),
                    (_, "") => small(ui, "empty"),
                    (_, text) => figures(text).size(11.5),
                };
                ui.add(Label::new(shown).wrap()).on_hover_text(stored);
                ui.end_row();
            }
        });
}
