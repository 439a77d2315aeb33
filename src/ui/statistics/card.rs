//! What every part of the view has: a frame, a heading with its menu, its age and its cost.

use std::sync::Arc;

use egui::{Align, ColorImage, Frame, Layout, Margin, Rect, RichText, Ui, Vec2};
use lucide_icons::Icon;
use parking_lot::Mutex;

use super::Cards;
use crate::{
    command::{Command, Outbox},
    error::{Error, Result},
    state::{
        AppState, Phase,
        statistics::{Part, PartKey, Table},
    },
    ui::{
        file_dialog::FileDialog,
        theme::{self, Palette},
        widgets::{icon, icon_button, mixed, muted, small, turning},
    },
    units::{Bytes, counted, format_elapsed, seconds},
};

/// A frame around a part. Its rectangle is what a picture of the part shows.
pub fn frame_ui(ui: &mut Ui, size: Vec2, inside: impl FnOnce(&mut Ui, Rect)) {
    let (rect, _) = ui.allocate_exact_size(size, egui::Sense::hover());
    // Off the screen nothing has to be laid out, but the scroll bar must know the size.
    if !ui.is_rect_visible(rect) {
        return;
    }
    let palette = Palette::of(ui);
    let margin = Margin::symmetric(10, 8);
    ui.painter().rect(
        rect,
        6.0,
        palette.panel,
        egui::Stroke::new(1.0, palette.hairline),
        egui::StrokeKind::Inside,
    );
    let builder = egui::UiBuilder::new()
        .max_rect(rect - margin)
        .layout(Layout::top_down(Align::Min));
    // Its room is taken already: a scope would take it once more.
    let mut ui = ui.new_child(builder);
    ui.spacing_mut().item_spacing = egui::vec2(6.0, 2.0);
    inside(&mut ui, rect);
}

/// The line above a part: its title, its unit, what can be chosen, and its menu.
pub fn header_ui(
    ui: &mut Ui,
    part: &Part,
    (title, unit, rect): (&str, &str, Rect),
    (cards, dialog): (&mut Cards, &mut FileDialog),
    choices: impl FnOnce(&mut Ui),
) {
    ui.allocate_ui_with_layout(
        egui::vec2(ui.available_width(), 22.0),
        Layout::right_to_left(Align::Center),
        |ui| {
            ui.spacing_mut().interact_size.y = 20.0;
            ui.spacing_mut().item_spacing.x = 4.0;
            cards.export.menu(ui, part, rect, dialog);
            let is_table = cards.as_table.contains(&part.key);
            let (symbol, name) = if is_table {
                (Icon::ChartColumn, format!("Show {title} as a chart"))
            } else {
                (Icon::Table, format!("Show {title} as a table"))
            };
            if part.data.is_some() && icon_button(ui, symbol, &name).clicked() {
                cards.as_table.retain(|key| *key != part.key);
                if !is_table {
                    cards.as_table.push(part.key.clone());
                }
            }
            differences_ui(ui, part);
            if part.phase == Phase::Loading {
                turning(ui, 13.0);
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let title = RichText::new(title).family(theme::semibold());
                ui.add(egui::Label::new(title).truncate());
                if !unit.is_empty() {
                    ui.label(small(ui, unit));
                }
                choices(ui);
            });
        },
    );
}

fn differences_ui(ui: &mut Ui, part: &Part) {
    if part.differences.is_empty() {
        return;
    }
    let symbol = mixed(&icon(Icon::Info), 13.0, Palette::of(ui).muted);
    let name = part.differences.join(". ");
    ui.add(egui::Label::new(symbol).sense(egui::Sense::hover()))
        .accessible_name(name)
        .on_hover_ui(|ui| {
            ui.set_max_width(380.0);
            ui.label(RichText::new("Beside cc-backend").family(theme::semibold()));
            for sentence in &part.differences {
                ui.label(sentence);
            }
        });
}

/// The line below a part: something about it at the left, its age and cost at the right.
pub fn footer_ui(ui: &mut Ui, state: &AppState, part: &Part, left: &str) {
    ui.allocate_ui_with_layout(
        egui::vec2(ui.available_width(), 16.0),
        Layout::right_to_left(Align::Center),
        |ui| {
            age_ui(ui, state, part);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(egui::Label::new(small(ui, left)).truncate());
            });
        },
    );
}

/// How old a part is and what it cost: `12 s ago · 0.34 s`.
pub fn age_ui(ui: &mut Ui, state: &AppState, part: &Part) {
    let Some(receipt) = part.receipt.as_ref().filter(|_| part.data.is_some()) else {
        return;
    };
    let secs = (state.live.latest.at_secs - part.answered_secs).max(0.0);
    let age = match secs as u64 {
        0 => "just now".to_owned(),
        s @ 1..60 => format!("{s} s ago"),
        s @ 60..3600 => format!("{} min ago", s / 60),
        s => format!("{} h ago", s / 3600),
    };
    let millis = |ms: f64| format_elapsed(seconds((ms / 1e3).max(0.0)));
    let mut text = format!("{age} · {}", millis(receipt.elapsed_ms));
    if part.is_old {
        text = format!("old · {age}");
    }
    let page_size = state
        .database
        .as_ref()
        .map_or(0, |open| u64::from(open.facts.page_size));
    let read = Bytes(receipt.cache_misses.saturating_mul(page_size));
    ui.label(small(ui, text)).on_hover_text(format!(
        "{} in {}, after {} in the queue\n{} not in the page cache, {read} read",
        counted(receipt.rows, "row", "rows"),
        millis(receipt.elapsed_ms),
        millis(receipt.queued_ms),
        counted(receipt.cache_misses, "page", "pages"),
    ));
}

/// What stands in place of an answer that is not there. `true` if there is one to draw.
pub fn body_is_there(ui: &mut Ui, part: &Part, height: f32, out: &mut Outbox) -> bool {
    if part.can_be_asked_again() {
        let why = part.trouble.clone().unwrap_or_else(|| {
            if part.data.is_some() {
                "Stopped; this is the old answer".to_owned()
            } else {
                "Stopped".to_owned()
            }
        });
        if part.data.is_some() {
            ui.horizontal(|ui| {
                again_button(ui, part, out);
                ui.add(egui::Label::new(small(ui, &why)).truncate());
            });
            ui.multiply_opacity(0.5);
            return true;
        }
        ui.allocate_ui_with_layout(
            egui::vec2(ui.available_width(), height),
            Layout::top_down(Align::Center),
            |ui| {
                ui.add_space(height * 0.25);
                ui.label(muted(ui, why));
                ui.add_space(4.0);
                again_button(ui, part, out);
            },
        );
        return false;
    }
    if part.data.is_some() {
        if part.is_old {
            ui.multiply_opacity(0.45);
        }
        return true;
    }
    ui.allocate_ui_with_layout(
        egui::vec2(ui.available_width(), height),
        Layout::top_down(Align::Center),
        |ui| {
            ui.add_space(height * 0.35);
            ui.label(small(ui, "On its way"));
        },
    );
    false
}

/// Asks for one part once more.
pub fn again_button(ui: &mut Ui, part: &Part, out: &mut Outbox) {
    let button = ui
        .button("Again")
        .on_hover_text(format!("Ask for {} once more", part.key.title()));
    if button.clicked() {
        out.send(Command::AskAgain(part.key.clone()));
    }
}

/// The window's picture, the part of it that is wanted, and its name.
type Picture = (Arc<ColorImage>, Rect, String);

/// A picture that was asked for.
struct Wanted {
    /// Of this part, or of the whole view.
    key: Option<PartKey>,
    /// Where that is in the window.
    rect: Rect,
    name: String,
    /// Frames until the menu is gone and the part has been scrolled to.
    frames: u8,
}

/// How many that takes.
const FRAMES: u8 = 3;

/// Copies, files and pictures of parts.
#[derive(Default)]
pub struct Export {
    wanted: Option<Wanted>,
    taken: Arc<Mutex<Option<Picture>>>,
}

impl Export {
    /// The menu of a part: copy, save as CSV, save as a picture of this rectangle.
    pub fn menu(&mut self, ui: &mut Ui, part: &Part, rect: Rect, dialog: &mut FileDialog) {
        let symbol = RichText::new(icon(Icon::EllipsisVertical))
            .family(theme::icons())
            .size(14.0);
        let name = format!("Export {}", part.key.title());
        let button = egui::Button::new(symbol).frame(false);
        let (response, _) = egui::containers::menu::MenuButton::from_button(button).ui(ui, |ui| {
            ui.set_min_width(150.0);
            let file = format!("jobscope-{}", file_name(part.key.title()));
            let can_copy = part.data.is_some();
            if ui
                .add_enabled(can_copy, egui::Button::new("Copy"))
                .on_hover_text("As a table for a spreadsheet")
                .clicked()
            {
                match csv_bytes(&part.table, b'\t') {
                    Ok(bytes) => ui.copy_text(String::from_utf8_lossy(&bytes).into_owned()),
                    Err(error) => dialog.failed(&error),
                }
            }
            if ui
                .add_enabled(can_copy, egui::Button::new("Save CSV…"))
                .clicked()
            {
                let table = Arc::clone(&part.table);
                dialog.save(ui.ctx(), &format!("{file}.csv"), move || {
                    csv_bytes(&table, b',')
                });
            }
            if ui.button("Save picture…").clicked() {
                self.wanted = Some(Wanted {
                    key: Some(part.key.clone()),
                    rect,
                    name: file,
                    frames: FRAMES,
                });
            }
        });
        if let Some(wanted) = &mut self.wanted
            && wanted.key.as_ref() == Some(&part.key)
        {
            ui.scroll_to_rect_animation(rect, None, egui::style::ScrollAnimation::none());
            // What is scrolled out of the view is not in the window's picture.
            wanted.rect = rect.intersect(ui.clip_rect());
        }
        response.accessible_name(name);
    }

    /// The button for a picture of the whole view.
    pub fn view_menu(&mut self, ui: &mut Ui, area: Rect) {
        let name = "Save a picture of the whole view";
        if icon_button(ui, Icon::Camera, name).clicked() {
            self.wanted = Some(Wanted {
                key: None,
                rect: area,
                name: "jobscope-statistics".to_owned(),
                frames: FRAMES,
            });
        }
    }

    /// Takes the picture once the menu is gone, and asks where to keep it once it is there.
    pub fn poll(&mut self, ui: &Ui, dialog: &mut FileDialog) {
        if let Some((image, rect, name)) = self.taken.lock().take() {
            let scale = ui.pixels_per_point();
            dialog.save(ui.ctx(), &format!("{name}.png"), move || {
                png_bytes(&image, rect, scale)
            });
        }
        let Some(mut wanted) = self.wanted.take() else {
            return;
        };
        ui.ctx().request_repaint();
        if wanted.frames > 0 {
            wanted.frames -= 1;
            self.wanted = Some(wanted);
            return;
        }
        let Wanted { rect, name, .. } = wanted;
        let (taken, ctx) = (Arc::clone(&self.taken), ui.ctx().clone());
        ui.ctx().request_screenshot(move |image| {
            *taken.lock() = Some((image, rect, name));
            ctx.request_repaint();
        });
    }
}

fn file_name(title: &str) -> String {
    title.to_lowercase().replace(' ', "-")
}

/// The answer as it came, units in the headings.
fn csv_bytes(table: &Table, delimiter: u8) -> Result<Vec<u8>> {
    let failed = |source| Error::other("write the table as CSV", source);
    let mut writer = csv::WriterBuilder::new()
        .delimiter(delimiter)
        .from_writer(Vec::new());
    let headings = table.columns.iter().map(|column| match &column.unit {
        Some(unit) => format!("{} ({unit})", column.name),
        None => column.name.clone(),
    });
    writer.write_record(headings).map_err(failed)?;
    for row in &table.rows {
        // A short row would be refused: every line has all columns.
        let cells = (0..table.columns.len())
            .map(|at| row.get(at).map_or_else(String::new, |cell| cell.display()));
        writer.write_record(cells).map_err(failed)?;
    }
    writer
        .into_inner()
        .map_err(|source| Error::other("write the table as CSV", source.to_string()))
}

/// A part of the window's picture as PNG.
fn png_bytes(picture: &ColorImage, rect: Rect, scale: f32) -> Result<Vec<u8>> {
    let [width, height] = picture.size;
    let left = ((rect.left() * scale).round().max(0.0) as usize).min(width);
    let top = ((rect.top() * scale).round().max(0.0) as usize).min(height);
    let right = ((rect.right() * scale).round().max(0.0) as usize).clamp(left, width);
    let bottom = ((rect.bottom() * scale).round().max(0.0) as usize).clamp(top, height);
    let bytes: Vec<u8> = picture
        .pixels
        .chunks(width.max(1))
        .take(bottom)
        .skip(top)
        .flat_map(|line| line.get(left..right).unwrap_or_default())
        .flat_map(|pixel| pixel.to_srgba_unmultiplied())
        .collect();
    let failed = |source| Error::other("write the picture as PNG", source);
    let image = image::RgbaImage::from_raw((right - left) as u32, (bottom - top) as u32, bytes)
        .ok_or_else(|| Error::other("cut the picture out", "its size does not fit"))?;
    let mut png = std::io::Cursor::new(Vec::new());
    image
        .write_to(&mut png, image::ImageFormat::Png)
        .map_err(failed)?;
    Ok(png.into_inner())
}

/// A frame like the cards' around a line of figures.
pub fn plain_frame(ui: &Ui) -> Frame {
    let palette = Palette::of(ui);
    Frame::new()
        .fill(palette.panel)
        .stroke(egui::Stroke::new(1.0, palette.hairline))
        .corner_radius(6.0)
        .inner_margin(Margin::symmetric(12, 8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{db::value::Cell, jobs::catalogue::Column};

    #[test]
    fn a_csv_has_units_in_its_headings() {
        let table = Table {
            columns: vec![Column::new("bin", None), Column::new("count", Some("jobs"))],
            rows: vec![vec![Cell::Int(1), Cell::Int(7)], vec![Cell::Null]],
        };
        let text = String::from_utf8(csv_bytes(&table, b',').expect("written")).expect("text");
        assert_eq!(text, "bin,count (jobs)\n1,7\n,\n");
    }

    #[test]
    fn a_picture_is_cut_to_its_part() {
        let picture = ColorImage::filled([8, 6], egui::Color32::WHITE);
        let rect = Rect::from_min_max(egui::pos2(1.0, 1.0), egui::pos2(3.0, 2.5));
        let png = png_bytes(&picture, rect, 2.0).expect("written");
        let image = image::load_from_memory(&png).expect("a picture");
        assert_eq!((image.width(), image.height()), (4, 3));
    }
}
