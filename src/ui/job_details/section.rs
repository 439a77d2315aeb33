//! A part of the details that can be folded away.

use egui::{
    Button, FontId, Id, Layout, Ui,
    collapsing_header::CollapsingState,
    text::{LayoutJob, TextFormat},
};
use lucide_icons::Icon;

use crate::ui::{
    theme::{self, Palette},
    widgets::{icon, icon_button},
};

/// A title with what is below it.
pub(super) struct Section<'a> {
    title: &'static str,
    starts_open: bool,
    hint: &'static str,
    copied: Option<(&'static str, &'a dyn Fn() -> String)>,
}

impl<'a> Section<'a> {
    /// Open until somebody folds it.
    pub(super) fn open(title: &'static str) -> Self {
        Self {
            title,
            starts_open: true,
            hint: "",
            copied: None,
        }
    }

    /// Folded until somebody opens it.
    pub(super) fn closed(title: &'static str) -> Self {
        Self {
            starts_open: false,
            ..Self::open(title)
        }
    }

    /// What the title says when the pointer is on it.
    pub(super) fn hint(self, hint: &'static str) -> Self {
        Self { hint, ..self }
    }

    /// With a button of this name that copies a text.
    pub(super) fn copies(self, name: &'static str, text: &'a dyn Fn() -> String) -> Self {
        Self {
            copied: Some((name, text)),
            ..self
        }
    }

    /// Shows the title, and the body where it is not folded away.
    pub(super) fn show(self, ui: &mut Ui, body: impl FnOnce(&mut Ui)) {
        ui.separator();
        // By its title and not by its place: it stays as it is from one job to the next.
        let id = Id::unique(("details of a job", self.title));
        let mut state = CollapsingState::load_with_default_open(ui.ctx(), id, self.starts_open);
        let width = ui.available_width();
        ui.horizontal(|ui| {
            let mut response = ui
                .add(Button::new(title(ui, self.title, state.is_open())).frame(false))
                .accessible_name(self.title);
            let is_open = state.is_open();
            ui.ctx()
                .accesskit_node_builder(response.id, |node| node.set_expanded(is_open));
            if !self.hint.is_empty() {
                response = response.on_hover_text(self.hint);
            }
            if response.clicked() {
                state.toggle(ui);
            }
            if let Some((name, text)) = self.copied {
                ui.with_layout(Layout::right_to_left(egui::Align::Center), |ui| {
                    if icon_button(ui, Icon::Copy, name).clicked() {
                        ui.copy_text(text());
                    }
                });
            }
        });
        state.show_body_unindented(ui, |ui| {
            ui.set_width(width);
            body(ui);
        });
    }
}

fn title(ui: &Ui, text: &str, is_open: bool) -> LayoutJob {
    let palette = Palette::of(ui);
    let symbol = if is_open {
        Icon::ChevronDown
    } else {
        Icon::ChevronRight
    };
    let format = |font, color| TextFormat {
        valign: egui::Align::Center,
        ..TextFormat::simple(font, color)
    };
    let mut job = LayoutJob::default();
    let icons = FontId::new(14.0, theme::icons());
    job.append(&icon(symbol), 0.0, format(icons, palette.muted));
    let semibold = FontId::new(13.0, theme::semibold());
    job.append(text, 4.0, format(semibold, palette.text));
    job
}
