//! The rows that are seen, and nothing of the others.

use std::ops::Range;

use egui::{
    Align, Id, Layout, Rangef, Rect, Response, Role, Sense, Stroke, TextWrapMode, Ui, UiBuilder,
    WidgetInfo, accesskit, vec2,
};

use super::{Column, Output, PADDING, Rows, columns::Lanes};
use crate::ui::theme::{Palette, faded};

/// What the rows are drawn with.
pub(super) struct Body<'a> {
    pub id: Id,
    pub rows: &'a Rows<'a>,
    pub columns: &'a [Column<'a>],
    pub lanes: &'a Lanes,
    pub rect: Rect,
    /// How much of the first row is above the upper edge, in points.
    pub hidden: f32,
    pub visible: Range<u64>,
}

impl Body<'_> {
    /// Draws the rows, and notes what is done with them.
    pub fn ui(&self, ui: &mut Ui, cell_ui: &mut dyn FnMut(&mut Ui, u64, usize), out: &mut Output) {
        let mut ui = ui.new_child(
            UiBuilder::new()
                .scope_id(self.id.with("rows"))
                .max_rect(self.rect)
                .accessibility_parent(self.id),
        );
        ui.shrink_clip_rect(self.rect);
        // Other rows come to the same places: that is what scrolling means here.
        ui.ctx().allow_widget_id_changes_in(self.rect);
        let style = ui.style_mut();
        // A label that can be selected takes the clicks that are meant for its row.
        style.interaction.selectable_labels = false;
        style.wrap_mode = Some(TextWrapMode::Truncate);
        style.spacing.item_spacing = vec2(8.0, 0.0);
        let is_free = ui.ctx().dragged_id().is_none() && ui.rect_contains_pointer(self.rect);
        let pointer = ui
            .input(|input| input.pointer.hover_pos())
            .filter(|_| is_free);
        let mut top = self.rect.top() - self.hidden;
        for row in self.visible.clone() {
            let y = Rangef::new(top, top + self.rows.row_height);
            top = y.max;
            let rect = Rect::from_x_y_ranges(self.rect.x_range(), y);
            if pointer.is_some_and(|at| y.contains(at.y) && at.y < y.max) {
                out.hovered_row = Some(row);
            }
            let response = self.row(&ui, row, rect, out.hovered_row == Some(row));
            if response.clicked() {
                out.clicked = Some((row, ui.input(|input| input.modifiers)));
            }
            if response.double_clicked() {
                out.double_clicked = Some(row);
            }
            if response.secondary_clicked() {
                out.secondary_clicked = Some(row);
            }
            self.cells(&mut ui, row, (response.id, y), cell_ui);
        }
    }

    /// What lies behind the cells: registered before them, so that links in them are above it.
    fn row(&self, ui: &Ui, row: u64, rect: Rect, is_hovered: bool) -> Response {
        let sense = if self.rows.selectable {
            // Without a stop for Tab: there would be one for every row that is seen.
            Sense::CLICK
        } else {
            Sense::HOVER
        };
        let response = ui.interact(rect, self.id.with(("row", row)), sense);
        let is_current = self.rows.current == Some(row);
        let is_marked = is_current || (self.rows.is_marked)(row);
        response.widget_info(|| WidgetInfo::new(Role::Row));
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_row_index(usize::try_from(row).unwrap_or(usize::MAX));
            node.set_selected(is_marked);
        });
        let palette = Palette::of(ui);
        let painter = ui.painter();
        if is_marked {
            painter.rect_filled(rect, 0.0, palette.selected);
        } else if is_hovered && self.rows.selectable {
            painter.rect_filled(rect, 0.0, palette.raised);
        }
        if is_current {
            // Among many marked rows it would not be told from them by its background.
            let mark = rect.with_max_x(rect.left() + 2.0);
            painter.rect_filled(mark, 0.0, palette.accent);
        }
        let stroke = Stroke::new(1.0, faded(palette.hairline, 0.5));
        painter.hline(rect.x_range(), rect.bottom(), stroke);
        response
    }

    fn cells(
        &self,
        ui: &mut Ui,
        row: u64,
        (row_id, y): (Id, Rangef),
        cell_ui: &mut dyn FnMut(&mut Ui, u64, usize),
    ) {
        for lane in self.lanes.seen() {
            let Some(column) = self.columns.get(lane.index) else {
                continue;
            };
            let layout = if column.right_aligned {
                Layout::right_to_left(Align::Center)
            } else {
                Layout::left_to_right(Align::Center)
            };
            let rect = Rect::from_x_y_ranges(lane.x, y);
            let mut cell = ui.new_child(
                UiBuilder::new()
                    // From the row's number: a cell is the same one wherever it is scrolled to.
                    .scope_id(row_id.with(column.key))
                    .max_rect(rect.shrink2(vec2(PADDING, 0.0)))
                    .layout(layout)
                    .accessibility_parent(row_id)
                    .accessibility_role(accesskit::Role::Cell),
            );
            cell.shrink_clip_rect(rect.intersect(Rect::from_x_y_ranges(lane.clip, y)));
            if self.rows.current == Some(row) {
                let color = cell.visuals().selection.stroke.color;
                cell.visuals_mut().override_text_color = Some(color);
            }
            cell_ui(&mut cell, row, lane.index);
        }
    }
}
