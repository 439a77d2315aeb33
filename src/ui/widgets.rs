//! Small things that two panels share.

use egui::{
    Button, Color32, FontId, Response, RichText, Sense, TextFormat, Ui, Vec2, text::LayoutJob,
};
use lucide_icons::Icon;

use super::theme::{self, Palette};

/// A text in the face for figures.
pub fn figures(text: impl Into<String>) -> RichText {
    RichText::new(text).monospace()
}

/// A text that matters less.
pub fn muted(ui: &Ui, text: impl Into<String>) -> RichText {
    RichText::new(text).color(Palette::of(ui).muted)
}

/// A small text that matters less.
pub fn small(ui: &Ui, text: impl Into<String>) -> RichText {
    muted(ui, text).small()
}

/// An icon as a character, for texts that go through [`mixed`].
pub fn icon(icon: Icon) -> String {
    icon.unicode().to_string()
}

/// A text with icons in it: each in its own face, all in one colour.
pub fn mixed(text: &str, size: f32, color: Color32) -> LayoutJob {
    let mut job = LayoutJob::default();
    let is_icon = |c: char| ('\u{E000}'..='\u{F8FF}').contains(&c);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest
            .find(|c| is_icon(c) != is_icon(first))
            .unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        let font = if is_icon(first) {
            FontId::new(size + 1.0, theme::icons())
        } else {
            FontId::proportional(size)
        };
        let format = TextFormat {
            valign: egui::Align::Center,
            ..TextFormat::simple(font, color)
        };
        job.append(run, 0.0, format);
        rest = after;
    }
    job
}

/// A frameless button with only an icon, named for screen readers and tests.
pub fn icon_button(ui: &mut Ui, symbol: Icon, name: &str) -> Response {
    let symbol = RichText::new(icon(symbol))
        .family(theme::icons())
        .size(15.0);
    ui.add(Button::new(symbol).frame(false))
        .accessible_name(name)
        .on_hover_text(name)
}

/// A menu that stays while one clicks in it, with fields and buttons that look like themselves.
pub fn plain_menu() -> egui::containers::menu::MenuConfig {
    egui::containers::menu::MenuConfig::new()
        .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside)
        .style(|_: &mut egui::Style| {})
}

/// The inside of a menu, laid out like any other place: menus stretch what is in them.
pub fn left_aligned<R>(ui: &mut egui::Ui, add: impl FnOnce(&mut Ui) -> R) -> R {
    ui.with_layout(egui::Layout::top_down(egui::Align::LEFT), add)
        .inner
}

/// The one button of a view that is meant to be pressed next.
pub fn primary_button(ui: &mut Ui, text: impl Into<String>) -> Response {
    let palette = Palette::of(ui);
    ui.add(
        Button::new(RichText::new(text).color(palette.on_accent))
            .fill(palette.accent)
            .min_size(Vec2::new(0.0, 28.0)),
    )
}

/// A value with a bar behind its share of the largest one.
pub fn bar_cell(ui: &mut Ui, text: String, share: f32, color: Color32) {
    let rect = ui.max_rect();
    let width = (rect.width() - 2.0) * share.clamp(0.0, 1.0);
    let bar = egui::Rect::from_min_size(
        egui::pos2(rect.right() - width, rect.bottom() - 4.0),
        Vec2::new(width, 2.0),
    );
    ui.painter().rect_filled(bar, 1.0, color);
    ui.label(figures(text));
}

/// A horizontal bar alone: `share` of the width is filled.
pub fn meter(ui: &mut Ui, width: f32, share: f32, color: Color32) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::new(width, 6.0), Sense::hover());
    let palette = Palette::of(ui);
    ui.painter().rect_filled(rect, 3.0, palette.raised);
    let mut filled = rect;
    filled.set_width(rect.width() * share.clamp(0.0, 1.0));
    ui.painter().rect_filled(filled, 3.0, color);
    response
}

/// What an empty view says: what it is for, in the middle.
pub fn empty_state(ui: &mut Ui, title: &str, text: &str) {
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.3).max(24.0));
        ui.heading(title);
        ui.add_space(4.0);
        ui.label(muted(ui, text));
    });
}

/// A turning arc: something is under way.
///
/// egui's own spinner redraws the window as fast as it can; this one moves on with the frames that
/// are drawn anyway, ten a second while a task runs.
pub fn turning(ui: &mut Ui, size: f32) {
    let (rect, _) = ui.allocate_exact_size(Vec2::splat(size), Sense::hover());
    let turn = ui.input(|input| input.time) as f32 * 4.0;
    let radius = size / 2.0 - 1.5;
    let points = (0..=12)
        .map(|step| {
            let angle = turn + step as f32 / 12.0 * 4.2;
            rect.center() + radius * Vec2::angled(angle)
        })
        .collect();
    let stroke = egui::Stroke::new(2.0, Palette::of(ui).muted);
    ui.painter().add(egui::Shape::line(points, stroke));
}
