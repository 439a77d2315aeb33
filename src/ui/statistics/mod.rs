//! The Statistics view: totals, the course over time, histograms, and the table of groups. Every
//! bar, row and range of time can be taken into the filter.

mod bars;
mod brush;
mod card;
mod cluster_files;
mod groups;
mod over_time;
mod time_axis;
mod totals;

use egui::{ScrollArea, Ui, vec2};

use self::{
    card::Export, cluster_files::ClusterMenu, groups::GroupsTable, over_time::OverTimeChart,
};
use super::{
    file_dialog::FileDialog,
    theme::Palette,
    widgets::{empty_state, small, turning},
};
use crate::{
    command::Outbox,
    jobs::schema::FileKind,
    state::{AppState, statistics::PartKey},
};

/// What the view is divided into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tab {
    #[default]
    Overview,
    Groups,
}

/// The view, with what it remembers while the user is busy.
#[derive(Default)]
pub struct StatisticsPanel {
    tab: Tab,
    over_time: OverTimeChart,
    clusters: ClusterMenu,
    groups: GroupsTable,
    cards: Cards,
}

/// What the cards remember.
#[derive(Default)]
struct Cards {
    /// Parts that are shown as a table.
    as_table: Vec<PartKey>,
    export: Export,
}

impl StatisticsPanel {
    /// Shows the statistics of the current filter.
    pub fn ui(&mut self, ui: &mut Ui, state: &AppState, dialog: &mut FileDialog, out: &mut Outbox) {
        let kind = state.database.as_ref().map(|open| open.facts.kind);
        if kind != Some(FileKind::Jobs) {
            empty_state(ui, "No statistics", "This file has no job table to add up");
            return;
        }
        let area = ui.available_rect_before_wrap();
        ui.horizontal(|ui| {
            for (tab, name) in [(Tab::Overview, "Overview"), (Tab::Groups, "Groups")] {
                if ui.selectable_label(self.tab == tab, name).clicked() {
                    self.tab = tab;
                }
            }
            ui.add_space(8.0);
            status_ui(ui, state);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                self.cards.export.view_menu(ui, area);
                self.clusters.ui(ui, state, dialog, out);
            });
        });
        dialog.note_ui(ui);
        ui.add_space(2.0);
        match self.tab {
            Tab::Overview => self.overview_ui(ui, state, dialog, out),
            Tab::Groups => self.groups.ui(ui, state, (&mut self.cards, dialog), out),
        }
        self.cards.export.poll(ui, dialog);
    }

    fn overview_ui(
        &mut self,
        ui: &mut Ui,
        state: &AppState,
        dialog: &mut FileDialog,
        out: &mut Outbox,
    ) {
        const GAP: f32 = 8.0;
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            // Between the cards and the scroll bar.
            let width = ui.available_width() - 6.0;
            ui.set_max_width(width);
            ui.spacing_mut().item_spacing.y = GAP;
            totals::ui(ui, state, out);
            let num_columns = ((width + GAP) / (290.0 + GAP)).floor().max(1.0);
            let card = vec2((width - GAP * (num_columns - 1.0)) / num_columns, 214.0);
            let parts: Vec<_> = state.statistics.histograms().collect();
            // What a large window has left over goes to the chart that gains most by it.
            let lines = parts.len().div_ceil(num_columns as usize) as f32;
            let rest = ui.available_height() - lines * (card.y + GAP) - GAP - 6.0;
            let height = rest.clamp(226.0, 420.0);
            if let Some(part) = state.statistics.part(&PartKey::OverTime) {
                let size = vec2(width, height);
                self.over_time
                    .ui(ui, state, (part, size), (&mut self.cards, dialog), out);
            }
            for line in parts.chunks(num_columns as usize) {
                ui.horizontal(|ui| {
                    ui.spacing_mut().item_spacing.x = GAP;
                    for part in line {
                        bars::card_ui(ui, state, part, card, (&mut self.cards, dialog), out);
                    }
                });
            }
            keys_ui(ui, state, out);
            ui.add_space(4.0);
        });
    }
}

/// How many parts are under way.
fn status_ui(ui: &mut Ui, state: &AppState) {
    let num = state.statistics.num_loading();
    if num == 0 {
        return;
    }
    turning(ui, 14.0);
    let all = state.statistics.parts.len();
    ui.label(small(ui, format!("{} of {all} answered", all - num)));
}

/// Why there may be fewer histograms than footprint keys.
fn keys_ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    let Some(part) = state.statistics.part(&PartKey::Keys) else {
        return;
    };
    if part.can_be_asked_again() {
        ui.horizontal(|ui| {
            let why = part.trouble.as_deref().unwrap_or("stopped");
            ui.label(small(
                ui,
                format!("The footprint's keys are not known: {why}"),
            ));
            card::again_button(ui, part, out);
        });
    } else if part.data.is_some() && state.statistics.histograms().count() == 4 {
        ui.label(
            egui::RichText::new("The newest jobs have no footprint")
                .small()
                .color(Palette::of(ui).muted),
        );
    }
}
