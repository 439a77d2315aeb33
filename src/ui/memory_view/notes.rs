//! What limits mean now, in sentences.

use egui::{ScrollArea, Ui};
use lucide_icons::Icon;

use crate::{
    state::instrument::limits::LimitNote,
    ui::{
        theme::Palette,
        widgets::{figures, icon, mixed, muted},
    },
};

/// Shows the sentences that apply at this moment.
pub fn ui(ui: &mut Ui, notes: &[LimitNote]) {
    if notes.is_empty() {
        ui.label(muted(
            ui,
            "No limit acts at this moment: what the limits do to a running query is said here",
        ));
        return;
    }
    let palette = Palette::of(ui);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        for note in notes {
            ui.horizontal_top(|ui| {
                let (symbol, color) = if note.is_warning {
                    (Icon::TriangleAlert, palette.warning)
                } else {
                    (Icon::Info, palette.muted)
                };
                ui.label(mixed(&icon(symbol), 13.0, color));
                ui.add_sized([126.0, 18.0], egui::Label::new(figures(note.setting)));
                ui.add(egui::Label::new(&note.text).wrap());
            });
            ui.add_space(4.0);
        }
    });
}
