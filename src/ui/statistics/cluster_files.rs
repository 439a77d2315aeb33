//! Which cluster descriptions belong to the database, and how to add some.

use egui::{
    Button, RichText, TextEdit, Ui,
    containers::menu::{MenuButton, MenuConfig},
};
use lucide_icons::Icon;

use crate::{
    command::{Command, Outbox},
    state::AppState,
    ui::{
        file_dialog::{FileDialog, Purpose},
        theme,
        widgets::{icon, icon_button, muted, small, turning},
    },
};

/// Remembers the path that is being typed.
#[derive(Default)]
pub struct ClusterMenu {
    path: String,
    /// The menu was opened: typing goes into its field.
    was_opened: bool,
}

impl ClusterMenu {
    /// The item at the right of the view's head, from right to left.
    pub fn ui(&mut self, ui: &mut Ui, state: &AppState, dialog: &mut FileDialog, out: &mut Outbox) {
        let clusters = &state.clusters;
        let summary = clusters.summary();
        if summary.is_some()
            && icon_button(ui, Icon::X, "Remove the cluster descriptions").clicked()
        {
            out.send(Command::RemoveClusters);
        }
        let button = Button::new(RichText::new("Add…").small());
        let config =
            MenuConfig::new().close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside);
        let (response, _) = MenuButton::from_button(button)
            .config(config)
            .ui(ui, |ui| self.menu_ui(ui, dialog, out));
        self.was_opened |= response.clicked();
        response.accessible_name("Add cluster descriptions");
        if clusters.is_loading {
            turning(ui, 13.0);
        }
        let text = summary
            .unwrap_or_else(|| "No cluster description: peaks are the largest values".to_owned());
        ui.add(egui::Label::new(small(ui, text)).truncate())
            .on_hover_text(hint(state));
        ui.label(
            RichText::new(icon(Icon::Server))
                .family(theme::icons())
                .size(13.0)
                .color(theme::Palette::of(ui).muted),
        );
    }

    fn menu_ui(&mut self, ui: &mut Ui, dialog: &mut FileDialog, out: &mut Outbox) {
        ui.set_width(330.0);
        ui.label("Cluster descriptions");
        ui.label(muted(
            ui,
            "A cluster.json, a folder of them, or the root of a job archive. They give peaks and units to histograms and footprints",
        ));
        ui.add_space(4.0);
        ui.horizontal(|ui| {
            let field = ui
                .add(
                    TextEdit::singleline(&mut self.path)
                        .hint_text("Path of a file or a folder")
                        .margin(egui::Margin::symmetric(6, 4))
                        .desired_width(250.0),
                )
                .accessible_name("Path of cluster descriptions");
            if std::mem::take(&mut self.was_opened) {
                field.request_focus();
            }
            let is_entered =
                field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            let add = ui
                .add_enabled(!self.path.trim().is_empty(), Button::new("Add"))
                .clicked();
            if (add || is_entered) && !self.path.trim().is_empty() {
                out.send(Command::AddClusters(self.path.trim().into()));
                self.path.clear();
                ui.close();
            }
        });
        ui.horizontal(|ui| {
            for (text, purpose) in [
                ("Choose a file…", Purpose::ClusterFile),
                ("Choose a folder…", Purpose::ClusterFolder),
            ] {
                if ui
                    .add_enabled(!dialog.is_open(), Button::new(text))
                    .clicked()
                {
                    dialog.pick(ui.ctx(), purpose);
                }
            }
        });
        ui.label(small(ui, "Or drop it onto the window"));
    }
}

fn hint(state: &AppState) -> String {
    let clusters = &state.clusters;
    if clusters.known.is_empty() {
        return "Without a description the largest value of the selection serves as the peak of \
                a histogram"
            .to_owned();
    }
    let mut lines: Vec<String> = clusters
        .paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let skipped = &clusters.known.skipped;
    if !skipped.is_empty() {
        lines.push("Left out, because they describe no cluster".to_owned());
        lines.extend(skipped.iter().map(|path| path.display().to_string()));
    }
    lines.join("\n")
}
