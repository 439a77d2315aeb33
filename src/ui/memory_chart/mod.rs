//! The memory chart: curves with their causes. The strip, the Memory view and recordings are all
//! this.

mod bands;
mod cached;
mod card;
mod curves;
mod ends;
mod legend;
mod lookups;
mod marks;
mod plane;
mod readout;
mod selection;
mod source;
mod toolbar;

use egui::{Id, Key, Modifiers, Rangef, Rect, Response, Role, Sense, Ui, UiBuilder, WidgetInfo};

use self::{
    cached::Cached,
    ends::Ends,
    plane::{BELOW, LEFT, Plane},
    selection::Selection,
};
pub use self::{
    curves::swatch_ui,
    source::{Axis, ChartSource},
};
use super::theme::Palette;
use crate::{command::Outbox, memory::quantity::Quantity};

/// What part of the history is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
enum View {
    /// The newest seconds, moving on with the samples.
    Newest(f64),
    /// Everything since the start.
    All,
    /// A fixed range: after panning, zooming, or a pause.
    Fixed(f64, f64),
}

/// How much stands beside the curves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Legend {
    /// The chosen curves that fit, a menu with all; what was selected stands above.
    Short,
    /// All curves in a list, and buttons to select; what was selected stands beside.
    List,
    /// Nothing: somebody else has them. What was selected stands beside.
    None,
}

/// What is drawn, and how.
#[derive(Clone, Copy, Debug)]
pub struct ChartLook<'a> {
    /// The curves.
    pub quantities: &'a [Quantity],
    /// What stands beside them.
    pub legend: Legend,
    /// The second chart, about page caches, stands below where there is room.
    pub with_lookups: bool,
    /// The largest value on the axis, where several charts share it; else what fits.
    pub top: Option<f64>,
}

/// One chart, which part of the history it shows, and what was selected in it.
#[derive(Debug)]
pub struct MemoryChart {
    view: View,
    /// Where to return from a fixed range.
    followed: View,
    selection: Selection,
    /// The chart stands still because something was selected, and goes on after that.
    is_held: bool,
    /// The chart as a widget, once it was drawn.
    id: Option<Id>,
    cached: Cached,
}

impl Default for MemoryChart {
    fn default() -> Self {
        Self::showing(View::Newest(60.0))
    }
}

/// The lane of tasks above the curves, low and high.
const LANES: [f32; 2] = [20.0, 38.0];

/// From this width on, there is room for legend, chart and card beside each other.
const CARD_BESIDE_FROM: f32 = 1080.0;

/// The second chart, and from which height on there is room for it.
const LOOKUPS: f32 = 58.0;
const LOOKUPS_FROM: f32 = 200.0;

/// A chart that goes on begins with some room; what is over is shown as long as it was.
fn least_secs(source: &ChartSource<'_>) -> f64 {
    match source.axis {
        Axis::TimeOfDay { .. } => 10.0,
        Axis::Since(_) => 1.0,
    }
}

/// Where the parts of a chart are.
struct Room {
    /// The lane of tasks.
    lane: Rect,
    /// The curves, without the labels of their axes.
    curves: Rect,
    /// The second chart, where there is room for it.
    second: Option<Rect>,
}

impl Room {
    /// Divides the space there is. `None` where nothing could be seen in it.
    fn of(area: Rect, names_width: f32, with_lookups: bool) -> Option<Self> {
        let is_high = area.height() >= LOOKUPS_FROM;
        let lane_height = LANES[usize::from(is_high)];
        let (lane, below) = area.split_top_bottom_at_y(area.top() + lane_height);
        let inner = below
            .with_min_x(below.left() + LEFT)
            .with_max_x(below.right() - names_width)
            .with_max_y(below.bottom() - BELOW);
        if inner.width() < 20.0 || inner.height() < 10.0 {
            return None;
        }
        if !(with_lookups && is_high) {
            return Some(Self {
                lane,
                curves: inner,
                second: None,
            });
        }
        let (curves, second) = inner.split_top_bottom_at_y(inner.bottom() - LOOKUPS);
        Some(Self {
            lane,
            curves: curves.with_max_y(curves.bottom() - 8.0),
            second: Some(second),
        })
    }
}

impl MemoryChart {
    fn showing(view: View) -> Self {
        Self {
            view,
            followed: view,
            selection: Selection::default(),
            is_held: false,
            id: None,
            cached: Cached::default(),
        }
    }

    /// A chart that shows everything there is: the usual thing for a recording.
    pub fn of_everything() -> Self {
        Self::showing(View::All)
    }

    /// Shows this range, in seconds since the engine started, until somebody moves the chart.
    pub fn set_range(&mut self, (from, to): (f64, f64)) {
        self.view = View::Fixed(from, to.max(from + 1e-3));
    }

    /// Shows everything there is, also what is yet to come.
    pub fn show_all(&mut self) {
        self.view = View::All;
        self.followed = View::All;
    }

    /// The shown range, in seconds since the engine started.
    pub fn range(&self, source: &ChartSource<'_>) -> (f64, f64) {
        let now = source.now_secs;
        match self.view {
            View::Newest(secs) => (now - secs, now),
            View::All => (
                source.first_secs,
                now.max(source.first_secs + least_secs(source)),
            ),
            View::Fixed(from, to) => (from, to),
        }
    }

    /// Selects this range, as dragging over it does.
    pub fn select(&mut self, from: f64, to: f64) {
        self.selection.select(0, from, to);
    }

    /// The selected range, in seconds since the engine started.
    pub fn selected(&self) -> Option<(f64, f64)> {
        self.selection.range(0)
    }

    /// The largest value that the axis needs for these curves in this range: the most of several
    /// charts is a scale that they can share.
    pub fn scale_top(source: &ChartSource<'_>, range: (f64, f64), quantities: &[Quantity]) -> f64 {
        let points = source.history.series.between(range.0, range.1, 400);
        curves::scale_top(&points, source, quantities)
    }

    /// Esc on a chart with a selection clears that, and means nothing else then. To be asked before
    /// anybody else looks at the key.
    pub fn take_escape(&mut self, ui: &Ui) {
        let has_focus = self.id.is_some_and(|id| ui.memory(|m| m.has_focus(id)));
        let is_meant = has_focus || self.selection.is_dragged();
        if is_meant
            && !self.selection.is_empty()
            && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape))
        {
            self.clear_selection();
        }
    }

    /// Drops what was selected; a chart that stood still for it goes on.
    pub fn clear_selection(&mut self) {
        self.selection.clear();
        if std::mem::take(&mut self.is_held) {
            self.view = self.followed;
        }
    }

    /// Shows legend, lane and curves in the space there is. Whether the pointer is on it.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        source: &ChartSource<'_>,
        look: &ChartLook<'_>,
        out: &mut Outbox,
    ) -> bool {
        let rect = ui.available_rect_before_wrap();
        let is_wide = rect.width() >= 760.0;
        let has_card = self.selection.is_settled();
        // In a narrow window, the numbers of the selection take the place of those of now.
        let card_in_legend =
            has_card && look.legend == Legend::List && rect.width() < CARD_BESIDE_FROM;
        let legend_width = match look.legend {
            Legend::Short => 236.0,
            Legend::List if card_in_legend => card::WIDTH,
            Legend::List if is_wide => 250.0,
            Legend::List => 214.0,
            Legend::None => 0.0,
        };
        let (legend, rest) = rect.split_left_right_at_x(rect.left() + legend_width);
        if look.legend != Legend::None {
            let builder = UiBuilder::new().max_rect(legend).id_salt("legend");
            ui.scope_builder(builder, |ui| {
                ui.set_clip_rect(legend.expand(1.0).intersect(ui.clip_rect()));
                self.legend_ui(ui, source, look, card_in_legend, out);
            });
        }
        let gap = if look.legend == Legend::None {
            0.0
        } else {
            12.0
        };
        let rest = rest.with_min_x(rest.left() + gap);
        let chart = match look.legend {
            _ if !has_card || card_in_legend => rest,
            Legend::Short => {
                self.card_above(ui, source, look, rest);
                rest
            }
            Legend::List | Legend::None => {
                let (chart, card) = rest.split_left_right_at_x(rest.right() - card::WIDTH);
                let builder = UiBuilder::new().max_rect(card).id_salt("selection");
                ui.scope_builder(builder, |ui| self.card_ui(ui, source, look));
                chart.with_max_x(chart.right() - 12.0)
            }
        };
        self.curves_ui(ui, source, look, chart);
        ui.allocate_rect(rect, Sense::hover());
        ui.rect_contains_pointer(rect)
    }

    fn card_ui(&mut self, ui: &mut Ui, source: &ChartSource<'_>, look: &ChartLook<'_>) {
        let summaries = self.selection.summaries(source);
        if card::card_ui(ui, source, summaries, look.quantities) {
            self.clear_selection();
        }
    }

    /// The card of a chart that is too low for one: above it, over what is there.
    fn card_above(&mut self, ui: &Ui, source: &ChartSource<'_>, look: &ChartLook<'_>, rest: Rect) {
        let screen = ui.ctx().content_rect();
        let height = (rest.top() - screen.top() - 60.0).clamp(120.0, 330.0);
        let at = egui::pos2(rest.right() - card::WIDTH, rest.top() - height - 12.0);
        egui::Area::new(Id::unique(("selection", source.name)))
            .order(egui::Order::Foreground)
            .fixed_pos(at)
            .show(ui.ctx(), |ui| {
                ui.set_max_size(egui::vec2(card::WIDTH, height));
                self.card_ui(ui, source, look);
            });
    }

    fn curves_ui(&mut self, ui: &Ui, source: &ChartSource<'_>, look: &ChartLook<'_>, area: Rect) {
        let (from, to) = self.range(source);
        let palette = Palette::of(ui);
        let ends = Ends::of(ui.painter(), palette, source, look.quantities, area.width());
        let Some(room) = Room::of(area, ends.width, look.with_lookups) else {
            return;
        };
        let Room {
            lane,
            curves,
            second,
        } = room;
        let points = self
            .cached
            .points(source, (from, to), curves.width() as usize);
        let top = look
            .top
            .unwrap_or_else(|| curves::scale_top(&points, source, look.quantities));
        let plane = Plane {
            rect: curves,
            from,
            to,
            top,
        };
        let id = ui.make_persistent_id(("memory chart", source.name));
        self.id = Some(id);
        let response = ui.interact(area, id, Sense::click_and_drag());
        let spoken = self
            .cached
            .sentence(source, &plane, look.quantities, &points);
        response.widget_info(|| WidgetInfo::labeled(Role::Figure, true, spoken));
        plane.time_axis(ui.painter(), palette, source, second.is_none());
        plane.byte_axis(ui.painter(), palette);
        curves::paint(ui.painter(), palette, &plane, &points, look.quantities);
        ends.paint(ui.painter(), palette, &plane, &points);
        let second = second.map(|rect| Plane {
            rect,
            top: 1.0,
            ..plane
        });
        if let Some(plane) = &second {
            lookups::lookups_ui(ui, source, plane, &points);
        }
        let bottom = second.map_or(curves.bottom(), |plane| plane.rect.bottom());
        let y_range = Rangef::new(lane.top(), bottom);
        self.selection.paint(ui, &plane, y_range);
        let pointer = (response.hover_pos())
            .filter(|at| curves.x_range().contains(at.x) && !self.selection.is_dragged());
        let on_curves = pointer.filter(|at| at.y >= curves.top());
        let is_on_mark = marks::marks_ui(ui, source, &plane, on_curves);
        readout::limits(ui, source, &plane);
        bands::bands_ui(ui, source, &plane, lane, pointer, is_on_mark);
        if let Some(pointer) = on_curves
            && !is_on_mark
            && let Some(point) = readout::point_at(&points, plane.secs(pointer.x))
        {
            let cross = egui::Stroke::new(1.0, palette.muted);
            ui.painter().vline(
                plane.x(point.to_secs),
                y_range.min + lane.height()..=bottom,
                cross,
            );
            readout::readout(ui, source, &plane, point, pointer, look.quantities);
        }
        if response.has_focus() {
            ui.painter().rect_stroke(
                Rect::from_x_y_ranges(curves.x_range(), y_range),
                4.0,
                egui::Stroke::new(1.0, palette.accent),
                egui::StrokeKind::Outside,
            );
        }
        self.cached.keep(points);
        self.navigate(ui, &response, source, &plane);
    }

    /// Drag to pan or to select, wheel to zoom in time, double-click to follow again.
    fn navigate(&mut self, ui: &Ui, response: &Response, source: &ChartSource<'_>, plane: &Plane) {
        let (from, to) = (plane.from, plane.to);
        let span = to - from;
        if response.double_clicked() {
            self.view = self.followed;
            self.is_held = false;
            return;
        }
        if response.clicked() || response.drag_started() {
            response.request_focus();
        }
        if self.selection.drag(ui, response, plane) || self.selection.keys(ui, response, plane) {
            // What is being selected does not move on under the pointer.
            if !matches!(self.view, View::Fixed(..)) {
                self.view = View::Fixed(from, to);
                self.is_held = true;
            }
            return;
        }
        if response.dragged() {
            let secs = f64::from(response.drag_delta().x) * plane.secs_per_point();
            self.view = View::Fixed(from - secs, to - secs);
            self.is_held = false;
            return;
        }
        let scroll = ui.input(|input| input.smooth_scroll_delta().y);
        if let Some(pointer) = response.hover_pos()
            && scroll != 0.0
        {
            let center = plane.secs(pointer.x);
            let factor = f64::from(-scroll / 200.0).exp();
            // Less than a second shows no two samples; of what is not there, little is enough.
            let whole = (source.now_secs - source.first_secs).max(60.0);
            let factor = (span * factor).clamp(1.0, whole * 1.5) / span;
            self.view = View::Fixed(
                center - (center - from) * factor,
                center + (to - center) * factor,
            );
            self.is_held = false;
        }
    }
}
