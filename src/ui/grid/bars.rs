//! Scroll bars whose thumb is a ratio in 64 bits, not a height in pixels.

use egui::{
    Rect, Response, Role, Sense, Ui, WidgetInfo,
    accesskit::{Action, ActionData},
};

use crate::ui::theme::{Palette, faded};

/// How thick a bar is.
pub(super) const THICKNESS: f32 = 10.0;

/// A thumb shorter than this is hard to catch.
const MIN_THUMB: f32 = 24.0;

/// Where a thumb was taken hold of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grab {
    /// Where the thumb was, from 0 to 1.
    ratio: f64,
    /// Where the pointer was, along the bar.
    pointer: f32,
    /// Whether the thumb was more than touched.
    has_moved: bool,
}

/// What the user does with a bar in this frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pull {
    /// A page towards the end, or the beginning.
    Page { forward: bool },
    /// The thumb is held here, from 0 to 1.
    Thumb(f64),
    /// The thumb goes back to where it was taken hold of, from 0 to 1.
    Back(f64),
    /// A screen reader set the number that it was told.
    Value(f64),
}

/// One bar, as it is before anything is done with it.
pub(super) struct Bar<'a> {
    /// What a screen reader calls it.
    pub name: &'a str,
    /// Where the thumb can be.
    pub track: Rect,
    pub is_vertical: bool,
    /// The share of the whole that is seen.
    pub share: f64,
    /// Where the thumb is, from 0 to 1.
    pub ratio: f64,
    /// The position and the last one, as numbers for a screen reader.
    pub value: (f64, f64),
}

impl Bar<'_> {
    /// Registers the bar, and says what is done with it.
    pub fn interact(
        &self,
        ui: &Ui,
        id: egui::Id,
        grab: &mut Option<Grab>,
    ) -> (Response, Option<Pull>) {
        // Not reachable by Tab: the table's own keys do the same.
        let response = ui.interact(self.track, id, Sense::CLICK | Sense::DRAG);
        let (value, last) = self.value;
        response.widget_info(|| WidgetInfo {
            value: Some(value),
            ..WidgetInfo::labeled(Role::ScrollBar, ui.is_enabled(), self.name)
        });
        ui.ctx().accesskit_node_builder(id, |node| {
            node.set_min_numeric_value(0.0);
            node.set_max_numeric_value(last);
            node.add_action(Action::SetValue);
        });
        let asked = ui.input(|input| {
            input
                .accesskit_action_requests(id, Action::SetValue)
                .find_map(|request| {
                    let Some(ActionData::NumericValue(value)) = request.data else {
                        return None;
                    };
                    Some(value)
                })
        });
        let pull = asked
            .map(Pull::Value)
            .or_else(|| self.pull(ui, &response, grab));
        (response, pull)
    }

    fn pull(&self, ui: &Ui, response: &Response, grab: &mut Option<Grab>) -> Option<Pull> {
        if let Some(held) = *grab
            && ui.input(|input| input.key_pressed(egui::Key::Escape))
        {
            *grab = None;
            return Some(Pull::Back(held.ratio));
        }
        if !response.is_pointer_button_down_on() {
            *grab = None;
            return None;
        }
        let pointer = self.along(response.interact_pointer_pos()?);
        if ui.input(|input| input.pointer.primary_pressed()) {
            let (start, end) = self.thumb(self.ratio);
            *grab = (start..=end).contains(&pointer).then_some(Grab {
                ratio: self.ratio,
                pointer,
                has_moved: false,
            });
            return grab.is_none().then_some(Pull::Page {
                forward: pointer > end,
            });
        }
        let held = grab.as_mut()?;
        // Relative to where it was taken hold of: a pixel may stand for millions of rows, and a
        // thumb that is only touched must not move by what its place was rounded by.
        let moved = f64::from(pointer) - f64::from(held.pointer);
        held.has_moved |= moved.abs() >= 0.5;
        let (start, end) = self.thumb(0.0);
        let way = f64::from(self.length() - (end - start));
        let ratio = (held.ratio + moved / way.max(1.0)).clamp(0.0, 1.0);
        held.has_moved.then_some(Pull::Thumb(ratio))
    }

    /// Draws it, with the thumb where it is after what was done.
    pub fn paint(&self, ui: &Ui, response: &Response, is_held: bool, ratio: f64) -> Rect {
        let palette = Palette::of(ui);
        let painter = ui.painter();
        painter.rect_filled(self.track, THICKNESS / 2.0, faded(palette.raised, 0.6));
        let (start, end) = self.thumb(ratio);
        let thumb = if self.is_vertical {
            Rect::from_x_y_ranges(self.track.x_range(), start..=end)
        } else {
            Rect::from_x_y_ranges(start..=end, self.track.y_range())
        };
        let color = if is_held {
            palette.accent
        } else if response.hovered() {
            palette.muted
        } else {
            faded(palette.muted, 0.5)
        };
        painter.rect_filled(thumb.shrink(2.0), THICKNESS / 2.0, color);
        thumb
    }

    /// Where the thumb begins and ends.
    fn thumb(&self, ratio: f64) -> (f32, f32) {
        let length = self.length();
        let thumb = (f64::from(length) * self.share) as f32;
        let thumb = thumb.max(MIN_THUMB).min(length);
        let start = self.along(self.track.min) + (f64::from(length - thumb) * ratio) as f32;
        (start, start + thumb)
    }

    fn length(&self) -> f32 {
        if self.is_vertical {
            self.track.height()
        } else {
            self.track.width()
        }
    }

    fn along(&self, place: egui::Pos2) -> f32 {
        if self.is_vertical { place.y } else { place.x }
    }
}
