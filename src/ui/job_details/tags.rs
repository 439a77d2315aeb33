//! The tags as badges; a click narrows the list down to them.

use egui::{Button, FontId, Ui, text::LayoutJob};

use super::beside::phase_ui;
use crate::{
    command::{Command, Outbox},
    state::{
        AppState, Phase,
        details::{Details, JobTag},
    },
    ui::{theme::Palette, widgets::small},
};

pub(super) fn ui(ui: &mut Ui, details: &Details, state: &AppState, out: &mut Outbox) {
    let part = &details.tags;
    if !part.data.is_empty() {
        badges_ui(ui, &part.data, state, out);
    } else if part.phase == Phase::Loaded {
        ui.label(small(ui, "none"));
    }
    let again = || Command::SelectJob(Some(details.job));
    phase_ui(ui, part, "Looking for its tags…", again, out);
}

fn badges_ui(ui: &mut Ui, tags: &[JobTag], state: &AppState, out: &mut Outbox) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        for tag in tags {
            let JobTag {
                id,
                kind,
                name,
                scope,
            } = tag;
            let response = ui
                .add(Button::new(badge(ui, tag)).wrap())
                .accessible_name(format!("Filter by tag {kind} {name} ({scope})"))
                .on_hover_text(
                    "Show only jobs with this tag, or another that is asked for already",
                );
            if response.clicked() {
                out.send(Command::SetFilter(state.filter().clone().with_any_tag(*id)));
            }
        }
    });
}

/// The type, the name, and who sees it.
fn badge(ui: &Ui, tag: &JobTag) -> LayoutJob {
    let palette = Palette::of(ui);
    let mut job = LayoutJob::default();
    for (text, space, size, color) in [
        (&tag.kind, 0.0, 11.5, palette.muted),
        (&tag.name, 5.0, 13.0, palette.text),
        (&tag.scope, 7.0, 11.5, palette.muted),
    ] {
        let format = egui::TextFormat {
            valign: egui::Align::Center,
            ..egui::TextFormat::simple(FontId::proportional(size), color)
        };
        job.append(text, space, format);
    }
    job
}
