//! The headings: buttons that can be pulled wider, narrower and to another place.

use egui::{
    CursorIcon, Id, Rect, Response, Role, Sense, Stroke, StrokeKind, TextStyle, TextWrapMode, Ui,
    WidgetInfo, vec2,
};

use super::{Column, Output, PADDING, columns::Lanes};
use crate::ui::theme::{Palette, faded};

/// How high the row of headings is.
pub const HEADER_HEIGHT: f32 = 26.0;

/// A column cannot be made narrower than this.
pub const MIN_WIDTH: f32 = 32.0;

/// How wide the edge of a heading is that can be pulled.
const EDGE: f32 = 6.0;

/// An edge that is being pulled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pulled {
    /// How wide the column was.
    width: f32,
    /// Where the pointer was.
    pointer: f32,
}

/// What the headings are drawn with.
pub(super) struct Header<'a> {
    pub id: Id,
    pub columns: &'a [Column<'a>],
    pub lanes: &'a Lanes,
    pub rect: Rect,
}

impl Header<'_> {
    /// Draws the headings, and notes what is done with them. Returns where a heading would land that
    /// is being dragged.
    pub fn ui(
        &self,
        ui: &mut Ui,
        pulled: &mut Option<Pulled>,
        header_ui: &mut dyn FnMut(&Response, usize),
        out: &mut Output,
    ) -> Option<f32> {
        let mut line = None;
        for lane in self.lanes.seen() {
            let Some(column) = self.columns.get(lane.index) else {
                continue;
            };
            let rect = Rect::from_x_y_ranges(lane.x, self.rect.y_range());
            let clip = Rect::from_x_y_ranges(lane.clip, self.rect.y_range());
            let response = self.heading(ui, column, rect, clip);
            if response.clicked() {
                out.header_clicked = Some(lane.index);
            }
            let pointer = response.interact_pointer_pos();
            if let Some(place) = pointer.and_then(|at| self.lanes.drop_place(lane.index, at.x)) {
                if response.dragged() {
                    line = Some(place.1);
                }
                // A drag that is given up with Esc stops as well, with the button still down.
                if response.drag_stopped() && ui.input(|input| input.pointer.any_released()) {
                    out.moved = Some((lane.index, place.0));
                }
            }
            header_ui(&response, lane.index);
        }
        // After the headings, so that they lie above them.
        for lane in self.lanes.seen() {
            if let Some(column) = self.columns.get(lane.index)
                && column.adjustable
                && lane.clip.contains(lane.x.max - 1.0)
                && let Some(width) = self.edge(ui, column, lane.x.max, pulled)
            {
                out.resized = Some((lane.index, width));
            }
        }
        line
    }

    fn heading(&self, ui: &mut Ui, column: &Column<'_>, rect: Rect, clip: Rect) -> Response {
        let palette = Palette::of(ui);
        let id = self.id.with(("heading", column.key));
        let mut clipped = ui.new_child(
            egui::UiBuilder::new()
                .scope_id(id.with("ui"))
                .max_rect(rect.intersect(clip)),
        );
        clipped.shrink_clip_rect(clip);
        let mut sense = Sense::HOVER;
        if !column.name.is_empty() {
            sense |= Sense::click();
        }
        if column.adjustable {
            sense |= Sense::DRAG;
        }
        let response = clipped.interact(rect, id, sense);
        let painter = clipped.painter();
        if sense.interactive() && (response.hovered() || response.dragged()) {
            painter.rect_filled(rect.shrink(1.0), 4.0, palette.raised);
        }
        if response.has_focus() {
            let stroke = Stroke::new(1.0, palette.accent);
            painter.rect_stroke(rect.shrink(1.0), 4.0, stroke, StrokeKind::Inside);
        }
        let inner = rect.shrink2(vec2(PADDING, 0.0));
        let galley = column.title.clone().into_galley(
            &clipped,
            Some(TextWrapMode::Truncate),
            inner.width(),
            TextStyle::Small,
        );
        let x = if column.right_aligned {
            inner.right() - galley.size().x
        } else {
            inner.left()
        };
        let at = egui::pos2(x, inner.center().y - galley.size().y / 2.0);
        let opacity = if response.dragged() { 0.5 } else { 1.0 };
        painter
            .clone()
            .with_clip_rect(painter.clip_rect().intersect(rect))
            .add(
                egui::epaint::TextShape::new(at, galley, palette.muted)
                    .with_opacity_factor(opacity),
            );
        response.widget_info(|| {
            if column.name.is_empty() {
                WidgetInfo::labeled(Role::ColumnHeader, true, column.title.text())
            } else {
                WidgetInfo::labeled(Role::Button, clipped.is_enabled(), &column.name)
            }
        });
        if response.dragged() {
            clipped.set_cursor_icon(CursorIcon::Grabbing);
        }
        response
    }

    /// The right edge of a heading; the new width while it is pulled.
    fn edge(
        &self,
        ui: &Ui,
        column: &Column<'_>,
        x: f32,
        pulled: &mut Option<Pulled>,
    ) -> Option<f32> {
        let rect = Rect::from_center_size(
            egui::pos2(x, self.rect.center().y),
            vec2(EDGE, self.rect.height()),
        );
        // A click on the edge is no click on the heading: who misses the edge by nothing does not
        // want another order. Not reachable by Tab, which would stop twice at every column.
        let response = ui
            .interact(
                rect,
                self.id.with(("edge", column.key)),
                Sense::CLICK | Sense::DRAG,
            )
            .on_hover_and_drag_cursor(CursorIcon::ResizeColumn);
        let is_held = response.is_pointer_button_down_on();
        let color = if is_held {
            Palette::of(ui).accent
        } else if response.hovered() {
            Palette::of(ui).muted
        } else {
            faded(Palette::of(ui).hairline, 0.6)
        };
        let y = self.rect.shrink2(vec2(0.0, 5.0)).y_range();
        ui.painter().vline(x - 0.5, y, Stroke::new(1.0, color));
        if is_held && ui.input(|input| input.pointer.primary_pressed()) {
            *pulled = response.interact_pointer_pos().map(|at| Pulled {
                width: column.width,
                pointer: at.x,
            });
        }
        if !response.dragged() {
            return None;
        }
        let start = (*pulled)?;
        // From where it began, so that the edge stays under a pointer that went too far and back.
        let width = start.width + response.interact_pointer_pos()?.x - start.pointer;
        let width = width.max(MIN_WIDTH);
        ((width - column.width).abs() > 0.01).then_some(width)
    }
}
