//! Where something is written: a path to type, and a dialog to choose it in.

use std::path::PathBuf;

use egui::{Button, TextEdit, Ui};

use crate::ui::file_dialog::FileDialog;

/// A file of this name where a user looks for their own.
pub fn in_home(name: &str) -> PathBuf {
    let folder = directories::UserDirs::new().map(|dirs| dirs.home_dir().to_owned());
    folder.unwrap_or_default().join(name)
}

/// A field with its label and a button for the dialog. Whether that was pressed, and whether Enter was
/// in the field.
pub fn place_row(ui: &mut Ui, label: &str, path: &mut String, dialog: &FileDialog) -> (bool, bool) {
    let label = ui.label(label);
    ui.horizontal(|ui| {
        let field = TextEdit::singleline(path)
            .margin(egui::Margin::symmetric(6, 4))
            .desired_width(310.0);
        let field = ui.add(field).labelled_by(label.id);
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        let choose = ui.add_enabled(!dialog.is_open(), Button::new("Choose…"));
        (choose.clicked(), entered)
    })
    .inner
}
