//! The script and the other metadata.

use egui::{Frame, Label, RichText, ScrollArea, TextStyle, TextWrapMode, Ui};
use lucide_icons::Icon;

use crate::ui::{
    theme::Palette,
    widgets::{figures, icon_button, small},
};

pub(super) fn script_ui(ui: &mut Ui, script: &str) {
    if script.is_empty() {
        ui.label(small(ui, "none"));
    } else {
        framed_ui(ui, "script", script);
    }
}

pub(super) fn metadata_ui(ui: &mut Ui, metadata: &[(String, String)]) {
    /// Longer texts get a block of their own.
    const ONE_LINE: usize = 120;

    if metadata.is_empty() {
        ui.label(small(ui, "nothing else"));
    }
    for (key, text) in metadata {
        ui.horizontal(|ui| {
            ui.add(Label::new(RichText::new(key).small().strong()).wrap());
            if icon_button(ui, Icon::Copy, &format!("Copy {key}")).clicked() {
                ui.copy_text(text.clone());
            }
        });
        if text.len() <= ONE_LINE && !text.contains('\n') {
            ui.add(Label::new(figures(text)).wrap());
        } else {
            framed_ui(ui, key, text);
        }
    }
}

fn framed_ui(ui: &mut Ui, name: &str, text: &str) {
    Frame::new()
        .fill(Palette::of(ui).panel)
        .corner_radius(6.0)
        .inner_margin(8.0)
        .show(ui, |ui| block_ui(ui, name, text));
}

/// A block of text with its own scroll in both directions; only visible lines are laid out.
fn block_ui(ui: &mut Ui, name: &str, text: &str) {
    /// Longer lines are cut for layout; Copy takes everything.
    const LINE_CHARS: usize = 400;

    let lines: Vec<&str> = text.lines().collect();
    let height = ui.text_style_height(&TextStyle::Monospace);
    ScrollArea::both()
        .id_salt(name)
        .max_height(220.0)
        .min_scrolled_height((height * lines.len() as f32 + 12.0).min(220.0))
        .auto_shrink([false, true])
        .show_rows(ui, height, lines.len(), |ui, range| {
            ui.style_mut().wrap_mode = Some(TextWrapMode::Extend);
            for line in lines.get(range).unwrap_or_default() {
                let end = line
                    .char_indices()
                    .nth(LINE_CHARS)
                    .map_or(line.len(), |(at, _)| at);
                let shown = line.get(..end).unwrap_or(line);
                ui.label(figures(shown.replace('\t', "    ")).size(11.5));
            }
        });
}
