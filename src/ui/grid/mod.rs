//! A table for any number of rows: where it is scrolled to is a row, not a height in pixels.
//!
//! egui's own scroll areas add heights up in 32 bits and stumble above two million rows. Here only
//! what is seen has a place in pixels, so twenty million rows cost as much as twenty.

mod bars;
mod body;
mod columns;
mod contract;
mod header;
mod keys;
mod position;
#[cfg(test)]
mod tests;

use egui::{
    Id, Rangef, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo,
    emath::GuiRounding as _, vec2,
};

use self::{
    bars::{Bar, Grab, Pull, THICKNESS},
    body::Body,
    columns::Lanes,
    header::{Header, Pulled},
    keys::{Press, Step},
    position::{Extent, ScrollPosition},
};
use super::theme::Palette;

pub use contract::{Align, Column, KeyAction, Output, Rows};
pub use header::{HEADER_HEIGHT, MIN_WIDTH};

/// Left and right of what stands in a cell.
pub const PADDING: f32 = 6.0;

/// Between the columns and the scroll bar beside them.
const GAP: f32 = 2.0;

/// How much of a width columns can have; the rest is the scroll bar's, needed or not, so that
/// nothing moves when it is.
pub fn columns_width(available: f32) -> f32 {
    (available - THICKNESS - GAP).max(0.0)
}

/// What a table remembers: where it is scrolled to, and what is being dragged.
#[derive(Debug, Default)]
pub struct Grid {
    position: ScrollPosition,
    /// How far the columns have moved to the left.
    offset: f32,
    /// Where to go as soon as it is known how much is seen.
    target: Option<(u64, Align)>,
    vertical: Option<Grab>,
    /// Where it was scrolled to when the thumb was taken hold of.
    before: ScrollPosition,
    horizontal: Option<Grab>,
    pulled: Option<Pulled>,
}

/// Where the parts of a table are.
struct Places {
    outer: Rect,
    header: Rect,
    body: Rect,
    /// How much there is to scroll over.
    extent: Extent,
}

impl Grid {
    /// Shows the table in all the room there is.
    ///
    /// `header_ui` gets every heading, to attach tooltips and menus to it; `cell_ui` gets the place
    /// of every cell that is seen, with its row and column.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        rows: &Rows<'_>,
        columns: &[Column<'_>],
        header_ui: &mut dyn FnMut(&Response, usize),
        cell_ui: &mut dyn FnMut(&mut Ui, u64, usize),
    ) -> Output {
        let places = self.places(ui, rows, columns);
        let extent = places.extent;
        let id = ui.scope_id().with(("grid", rows.name));
        ui.allocate_rect(places.outer, Sense::hover());
        let response = ui.interact(places.outer, id, Sense::focusable_noninteractive());
        response.widget_info(|| WidgetInfo {
            current_text_value: Some(rows.summary.clone()),
            ..WidgetInfo::labeled(Role::Grid, ui.is_enabled(), rows.name)
        });
        ui.ctx().accesskit_node_builder(id, |node| {
            node.set_row_count(usize::try_from(rows.num_rows).unwrap_or(usize::MAX));
        });
        let mut out = Output::new(response.clone());

        self.position = self.position.clamped(extent);
        if let Some((row, align)) = self.target.take() {
            self.position = self.position.showing(row, align, extent);
        }
        for press in keys::take(ui, &response, rows.selectable) {
            self.press(press, rows, extent, &mut out);
        }
        self.wheel(ui, rows, &places);
        self.vertical_bar(ui, id, rows, &places);
        let lanes = self.horizontal_bar(ui, id, (rows, columns), &places);
        out.is_dragging_thumb = self.vertical.is_some();
        out.visible = self.position.seen(extent);

        let header = Header {
            id,
            columns,
            lanes: &lanes,
            rect: places.header,
        };
        // Before the rows: Tab goes from the headings to the links in them.
        let landing = header.ui(ui, &mut self.pulled, header_ui, &mut out);
        let hidden = (self.position.fraction * row_height(rows)) as f32;
        let body = Body {
            id,
            rows,
            columns,
            lanes: &lanes,
            rect: places.body,
            // On whole pixels, or the lines between the rows would be blurred.
            hidden: hidden.round_to_pixels(ui.pixels_per_point()),
            visible: out.visible.clone(),
        };
        body.ui(ui, cell_ui, &mut out);
        focus(ui, &response, places.outer);
        frame(ui, &response, &places, &lanes);
        if let Some(x) = landing {
            let stroke = Stroke::new(2.0, Palette::of(ui).accent);
            let y = places.header.top()..=places.body.bottom();
            ui.painter().vline(x, y, stroke);
        }
        out
    }

    /// Scrolls to a row when the table is shown next.
    pub fn go_to(&mut self, row: u64, align: Align) {
        self.target = Some((row, align));
    }

    /// Rows were renumbered: what was row `n` is row `n + by` now, and what is seen stays.
    pub fn shift(&mut self, by: i64) {
        self.position = self.position.shifted(by);
        if let Some((row, _)) = &mut self.target {
            *row = row.saturating_add_signed(by);
        }
    }

    /// The first row of which something is seen.
    pub fn top(&self) -> u64 {
        self.position.row
    }

    fn places(&self, ui: &Ui, rows: &Rows<'_>, columns: &[Column<'_>]) -> Places {
        let available = ui.available_rect_before_wrap();
        // Inside another scroll area there is no end of room.
        let height = available.height().min(ui.ctx().content_rect().height());
        let outer = Rect::from_min_size(available.min, vec2(available.width(), height.max(0.0)));
        let room = Rangef::new(outer.left(), outer.left() + columns_width(outer.width()));
        let lanes = Lanes::new(columns, room, &mut self.offset.clone());
        let header = Rect::from_x_y_ranges(room, outer.top()..=outer.top() + HEADER_HEIGHT);
        let below = if lanes.max_offset > 0.0 {
            THICKNESS + GAP
        } else {
            0.0
        };
        let bottom = (outer.bottom() - below).max(header.bottom());
        let body = Rect::from_x_y_ranges(room, header.bottom()..=bottom);
        let extent = Extent::new(rows.num_rows, f64::from(body.height()) / row_height(rows));
        Places {
            outer,
            header,
            body,
            extent,
        }
    }

    fn press(&mut self, press: Press, rows: &Rows<'_>, extent: Extent, out: &mut Output) {
        let (step, extend) = match press {
            Press::Move(step, extend) => (step, extend),
            Press::Sideways(by) => {
                self.offset += by;
                return;
            }
            Press::MarkAll => return out.key = Some(KeyAction::MarkAll),
            Press::Copy => return out.key = Some(KeyAction::Copy),
            Press::Open => return out.key = Some(KeyAction::Open),
        };
        let Some(last) = rows.num_rows.checked_sub(1) else {
            return;
        };
        let page = extent.page();
        let by = match step {
            Step::PageUp => -(page as f64),
            Step::PageDown => page as f64,
            Step::Up if !rows.selectable => -1.0,
            Step::Down if !rows.selectable => 1.0,
            Step::Up | Step::Down | Step::First | Step::Last => 0.0,
        };
        self.position = self.position.scrolled_by(by, extent);
        let first_whole = self.position.row + u64::from(self.position.fraction > 0.0);
        // Several presses may come in one frame: each goes on from the one before.
        let current = match out.key {
            Some(KeyAction::Move { to, .. }) => Some(to),
            Some(KeyAction::MarkAll | KeyAction::Copy | KeyAction::Open) | None => rows.current,
        };
        let to = match (step, current) {
            (Step::First, _) => 0,
            (Step::Last, _) => last,
            (Step::Up, Some(row)) => row.saturating_sub(1),
            (Step::Down, Some(row)) => row.saturating_add(1),
            (Step::PageUp, Some(row)) => row.saturating_sub(page),
            (Step::PageDown, Some(row)) => row.saturating_add(page),
            (Step::Up | Step::Down | Step::PageUp | Step::PageDown, None) => first_whole,
        }
        .min(last);
        if rows.selectable {
            self.position = self.position.showing(to, Align::Nearest, extent);
            if current != Some(to) {
                out.key = Some(KeyAction::Move { to, extend });
            }
        } else if matches!(step, Step::First | Step::Last) {
            self.position = self.position.showing(to, Align::Nearest, extent);
        }
    }

    fn wheel(&mut self, ui: &Ui, rows: &Rows<'_>, places: &Places) {
        if !ui.is_enabled() || !ui.rect_contains_pointer(places.outer) {
            return;
        }
        let delta = ui.input(|input| input.smooth_scroll_delta());
        if delta.y != 0.0 && !places.extent.fits() {
            let by = -f64::from(delta.y) / row_height(rows);
            self.position = self.position.scrolled_by(by, places.extent);
            ui.input_mut(|input| input.smooth_scroll_delta.y = 0.0);
        }
        let is_wider = places.body.bottom() < places.outer.bottom();
        if delta.x != 0.0 && is_wider {
            self.offset -= delta.x;
            ui.input_mut(|input| input.smooth_scroll_delta.x = 0.0);
        }
    }

    fn vertical_bar(&mut self, ui: &Ui, id: Id, rows: &Rows<'_>, places: &Places) {
        let extent = places.extent;
        if extent.fits() || places.body.height() <= 0.0 {
            self.vertical = None;
            return;
        }
        let right = places.outer.right();
        let bar = Bar {
            name: &format!("Scroll {}", rows.name.to_lowercase()),
            track: Rect::from_x_y_ranges(right - THICKNESS..=right, places.body.y_range()),
            is_vertical: true,
            share: extent.share(),
            ratio: self.position.to_thumb(extent),
            value: (self.position.row as f64, extent.last().row as f64),
        };
        let (response, pull) = bar.interact(ui, id.with("vertical"), &mut self.vertical);
        if pull.is_none() {
            self.before = self.position;
        }
        let page = extent.page() as f64;
        match pull {
            Some(Pull::Page { forward }) => {
                let by = if forward { page } else { -page };
                self.position = self.position.scrolled_by(by, extent);
            }
            Some(Pull::Thumb(ratio)) => self.position = ScrollPosition::from_thumb(ratio, extent),
            Some(Pull::Back(_)) => self.position = self.before,
            Some(Pull::Value(row)) => {
                let row = row as u64;
                self.position = self.position.showing(row, Align::Top, extent);
            }
            None => {}
        }
        let is_held = self.vertical.is_some();
        let thumb = bar.paint(ui, &response, is_held, self.position.to_thumb(extent));
        if is_held {
            hint_ui(ui, id, thumb, (rows.thumb_hint)(self.position.row));
        }
    }

    /// The bar below the columns if they are wider than the room, and where they are then.
    fn horizontal_bar(
        &mut self,
        ui: &Ui,
        id: Id,
        (rows, columns): (&Rows<'_>, &[Column<'_>]),
        places: &Places,
    ) -> Lanes {
        let room = places.body.x_range();
        let lanes = Lanes::new(columns, room, &mut self.offset);
        if lanes.max_offset <= 0.0 {
            self.horizontal = None;
            return lanes;
        }
        let bottom = places.outer.bottom();
        let ratio = |offset: f32| f64::from(offset) / f64::from(lanes.max_offset);
        let bar = Bar {
            name: &format!("Scroll {} sideways", rows.name.to_lowercase()),
            track: Rect::from_x_y_ranges(lanes.scrolled, bottom - THICKNESS..=bottom),
            is_vertical: false,
            share: f64::from(lanes.scrolled.span()) / f64::from(lanes.scrolled_width),
            ratio: ratio(self.offset),
            value: (f64::from(self.offset), f64::from(lanes.max_offset)),
        };
        let (response, pull) = bar.interact(ui, id.with("horizontal"), &mut self.horizontal);
        let page = lanes.scrolled.span();
        match pull {
            Some(Pull::Page { forward: true }) => self.offset += page,
            Some(Pull::Page { forward: false }) => self.offset -= page,
            Some(Pull::Thumb(ratio) | Pull::Back(ratio)) => {
                self.offset = ratio as f32 * lanes.max_offset;
            }
            Some(Pull::Value(points)) => self.offset = points as f32,
            None => {}
        }
        let moved = Lanes::new(columns, room, &mut self.offset);
        bar.paint(ui, &response, self.horizontal.is_some(), ratio(self.offset));
        moved
    }
}

/// Never nothing: the height of a row divides.
fn row_height(rows: &Rows<'_>) -> f64 {
    f64::from(rows.row_height.max(1.0))
}

/// Takes the focus at a click anywhere in the table, and keeps it through arrows.
fn focus(ui: &Ui, response: &Response, outer: Rect) {
    // At the press already, so that keys that follow at once find it here. At the click, egui takes
    // it from what lies below the clicked row.
    let is_pressed = ui.input(|input| input.pointer.any_pressed() || input.pointer.any_click());
    if is_pressed && ui.is_enabled() && ui.rect_contains_pointer(outer) {
        response.request_focus();
    }
    if response.has_focus() {
        // Tab and Esc still lead out.
        let filter = egui::EventFilter {
            horizontal_arrows: true,
            vertical_arrows: true,
            ..egui::EventFilter::default()
        };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    }
}

/// The lines of the table, and its outline while the keys are its own.
fn frame(ui: &Ui, response: &Response, places: &Places, lanes: &Lanes) {
    let palette = Palette::of(ui);
    let line = Stroke::new(1.0, palette.hairline);
    let painter = ui.painter();
    let (header, body) = (places.header, places.body);
    painter.hline(header.x_range(), header.bottom(), line);
    // A line only where something can move behind it.
    if let Some(x) = lanes.pinned_end().filter(|_| lanes.max_offset > 0.0) {
        painter.vline(x, header.top()..=body.bottom(), line);
    }
    if response.has_focus() {
        let stroke = Stroke::new(1.0, palette.accent);
        painter.rect_stroke(body, 0.0, stroke, StrokeKind::Inside);
    }
}

/// What the thumb is at, beside it.
fn hint_ui(ui: &Ui, id: Id, thumb: Rect, text: String) {
    egui::Area::new(id.with("hint"))
        .order(egui::Order::Tooltip)
        .interactable(false)
        .fixed_pos(thumb.left_center() - vec2(6.0, 0.0))
        .pivot(egui::Align2::RIGHT_CENTER)
        .show(ui.ctx(), |ui| {
            egui::Frame::popup(ui.style()).show(ui, |ui| {
                ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Extend);
                ui.label(text);
            });
        });
}
