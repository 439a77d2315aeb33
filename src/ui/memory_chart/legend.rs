//! The legend: each quantity with its newest value, to be shown or hidden.

use egui::{
    Align2, Role, ScrollArea, Sense, Ui, WidgetInfo, pos2,
    text::{LayoutJob, TextWrapping},
    vec2,
};

use super::{curves::swatch, source::ChartSource};
use crate::{
    command::{Command, Outbox},
    memory::quantity::Quantity,
    ui::{
        theme::Palette,
        widgets::{left_aligned, plain_menu},
    },
    units::format_elapsed,
};

const ROW: f32 = 19.0;

/// What is older than this says so without being asked.
const OLD_SECS: f64 = 2.5;

/// Those that have a curve somewhere.
fn known(source: &ChartSource<'_>) -> impl Iterator<Item = Quantity> {
    let all = Quantity::ALL.into_iter();
    all.filter(|quantity| source.history.has_seen(*quantity))
}

/// All of them, in a list that scrolls where there is not room enough.
pub(super) fn list_ui(ui: &mut Ui, source: &ChartSource<'_>, shown: &[Quantity], out: &mut Outbox) {
    ScrollArea::vertical()
        .id_salt(("series", source.name))
        .auto_shrink([false, true])
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for quantity in known(source) {
                row_ui(ui, source, quantity, shown, out);
            }
        });
}

/// The chosen ones, as many as there is room for.
pub(super) fn short_ui(
    ui: &mut Ui,
    source: &ChartSource<'_>,
    shown: &[Quantity],
    height: f32,
    out: &mut Outbox,
) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let fitting = (height / ROW).floor().max(1.0) as usize;
    for quantity in known(source)
        .filter(|quantity| shown.contains(quantity))
        .take(fitting)
    {
        row_ui(ui, source, quantity, shown, out);
    }
}

/// All of them behind a button.
pub(super) fn menu_ui(ui: &mut Ui, source: &ChartSource<'_>, shown: &[Quantity], out: &mut Outbox) {
    let text = egui::RichText::new("Series").small();
    egui::containers::menu::MenuButton::new(text)
        .config(plain_menu())
        .ui(ui, |ui| {
            ui.set_width(264.0);
            left_aligned(ui, |ui| {
                list_ui(ui, source, shown, out);
                ui.add_space(6.0);
                let is_usual = shown == Quantity::DEFAULT;
                if ui
                    .add_enabled(!is_usual, egui::Button::new("Show the usual series"))
                    .clicked()
                {
                    out.send(Command::ShowQuantities(Quantity::DEFAULT.to_vec()));
                }
            });
        })
        .0
        .on_hover_text("Which curves are drawn");
}

/// A check box that looks like a legend: a piece of the curve, its name, its value.
fn row_ui(
    ui: &mut Ui,
    source: &ChartSource<'_>,
    quantity: Quantity,
    shown: &[Quantity],
    out: &mut Outbox,
) {
    let newest = source.value(quantity);
    let palette = Palette::of(ui);
    let is_shown = shown.contains(&quantity);
    let size = vec2(ui.available_width(), ROW);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let estimate = if quantity.is_estimate() { "~" } else { "" };
    // Unknown is not zero.
    let value = newest.map_or_else(|| "–".to_owned(), |(value, _)| format!("{estimate}{value}"));
    if ui.is_rect_visible(rect) {
        if response.hovered() || response.has_focus() {
            ui.painter().rect_filled(rect, 4.0, palette.raised);
        }
        if response.has_focus() {
            ui.painter().rect_stroke(
                rect,
                4.0,
                egui::Stroke::new(1.0, palette.accent),
                egui::StrokeKind::Inside,
            );
        }
        let sign = egui::Rect::from_center_size(
            pos2(rect.left() + 11.0, rect.center().y),
            vec2(16.0, 8.0),
        );
        swatch(ui.painter(), palette, sign, quantity, is_shown);
        let color = if is_shown {
            palette.text
        } else {
            palette.muted
        };
        let value = ui.painter().text(
            pos2(rect.right() - 4.0, rect.center().y),
            Align2::RIGHT_CENTER,
            &value,
            egui::FontId::monospace(12.0),
            color,
        );
        let mut name = quantity.label().trim_end_matches(" (~)").to_owned();
        if let Some((_, age)) = newest.filter(|(_, age)| *age >= OLD_SECS) {
            name = format!("{name} · {age:.0} s old");
        }
        let left = rect.left() + 24.0;
        let mut job = LayoutJob::simple_singleline(name, egui::FontId::proportional(12.0), color);
        job.wrap = TextWrapping::truncate_at_width(value.left() - left - 6.0);
        let galley = ui.painter().layout_job(job);
        let at = pos2(left, rect.center().y - galley.size().y / 2.0);
        ui.painter().galley(at, galley, color);
    }
    response.widget_info(|| {
        let mut info = WidgetInfo::selected(Role::CheckBox, true, is_shown, quantity.label());
        info.current_text_value = Some(value.clone());
        info
    });
    let response = response.on_hover_ui(|ui| {
        ui.set_max_width(340.0);
        let age = newest.map(|(_, age)| crate::units::seconds(age.max(0.0)));
        let age = match age {
            None => "not known in the newest sample".to_owned(),
            Some(age) if age.is_zero() => "read with the newest sample".to_owned(),
            Some(age) => format!("read {} before the newest sample", format_elapsed(age)),
        };
        ui.label(egui::RichText::new(quantity.label()).family(crate::ui::theme::semibold()));
        ui.label(quantity.explanation());
        ui.label(crate::ui::widgets::small(
            ui,
            format!("Source: {}; {age}", quantity.source()),
        ));
    });
    if response.clicked() {
        let chosen = Quantity::ALL
            .into_iter()
            .filter(|other| shown.contains(other) != (*other == quantity));
        out.send(Command::ShowQuantities(chosen.collect()));
    }
}
