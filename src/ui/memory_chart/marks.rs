//! Marks: thin verticals with a small flag, and the list of those under the pointer.

use egui::{Align2, Id, Pos2, Rect, Stroke, Ui, pos2, text::LayoutJob, vec2};
use lucide_icons::Icon;

use super::{plane::Plane, source::ChartSource};
use crate::{
    memory::marker::{Marker, MarkerKind},
    ui::{
        theme::{self, Palette, faded},
        widgets::{icon, mixed, small},
    },
    units::format_elapsed,
};

/// So near to the pointer, in points, a mark is listed.
const NEAR: f32 = 4.0;

/// A tooltip lists this many; the others are counted.
const MAX_LISTED: usize = 6;

/// Paints the marks in sight. Whether the pointer is on one: then they are listed, too.
pub(super) fn marks_ui(
    ui: &Ui,
    source: &ChartSource<'_>,
    plane: &Plane,
    pointer: Option<Pos2>,
) -> bool {
    let palette = Palette::of(ui);
    let between = |from: f64, to: f64| {
        let markers = &source.history.timeline.markers;
        let first = markers.partition_point(|marker| marker.at_secs < from);
        let last = markers.partition_point(|marker| marker.at_secs <= to);
        markers.get(first..last.max(first)).unwrap_or_default()
    };
    let near = pointer.map_or(&[][..], |at| {
        between(plane.secs(at.x - NEAR), plane.secs(at.x + NEAR))
    });
    let top = plane.rect.top();
    let (mut last_x, mut last_flag) = (f32::NEG_INFINITY, f32::NEG_INFINITY);
    for marker in between(plane.from, plane.to) {
        let x = plane.x(marker.at_secs);
        // Marks closer than a pixel are one line.
        if x - last_x < 1.0 {
            continue;
        }
        last_x = x;
        let is_near = pointer.is_some_and(|at| (at.x - x).abs() <= NEAR);
        let opacity = if is_near || near.is_empty() {
            0.9
        } else {
            0.25
        };
        let color = faded(palette.marker(marker.kind), opacity);
        // The flag says it is there; the line must not cover the curves.
        let (width, strength) = if is_near { (2.0, 0.9) } else { (1.0, 0.45) };
        let line = Stroke::new(width, faded(color, strength));
        ui.painter().vline(x, plane.rect.y_range(), line);
        // Flags do not cover each other; a small one stands where there is no room.
        if x - last_flag < 15.0 {
            let flag = Rect::from_min_size(pos2(x, top), vec2(4.0, 4.0));
            ui.painter().rect_filled(flag, 0.0, color);
            continue;
        }
        last_flag = x;
        let flag = Rect::from_min_size(pos2(x, top), vec2(13.0, 13.0));
        ui.painter().rect_filled(flag, 2.0, palette.panel);
        ui.painter().text(
            flag.center(),
            Align2::CENTER_CENTER,
            icon(symbol(marker.kind)),
            egui::FontId::new(11.0, theme::icons()),
            color,
        );
    }
    list_tooltip(
        ui,
        source.name,
        near.iter().map(|mark| line(ui, source, mark)),
    );
    !near.is_empty()
}

fn line(ui: &Ui, source: &ChartSource<'_>, marker: &Marker) -> LayoutJob {
    let palette = Palette::of(ui);
    let text = format!(
        "{} {}, {}",
        icon(symbol(marker.kind)),
        marker.text,
        ago(source, marker.at_secs)
    );
    mixed(&text, 12.0, palette.text)
}

/// `3.2 s ago` while the history goes on, `at 12 s` in a recording.
pub(super) fn ago(source: &ChartSource<'_>, secs: f64) -> String {
    match source.axis {
        super::source::Axis::TimeOfDay { .. } => {
            let ago = crate::units::seconds((source.now_secs - secs).max(0.0));
            format!("{} ago", format_elapsed(ago))
        }
        super::source::Axis::Since(_) => format!("at {}", source.time_text(secs, 0.1)),
    }
}

/// A few lines at the pointer, and how many more there are. Nothing for none.
pub(super) fn list_tooltip(
    ui: &Ui,
    name: &str,
    mut lines: impl ExactSizeIterator<Item = LayoutJob>,
) {
    if lines.len() == 0 {
        return;
    }
    let more = lines.len().saturating_sub(MAX_LISTED);
    egui::Tooltip::always_open(
        ui.ctx().clone(),
        ui.layer_id(),
        Id::unique(("mark tooltip", name)),
        egui::PopupAnchor::Pointer,
    )
    .show(|ui| {
        ui.set_max_width(420.0);
        ui.spacing_mut().item_spacing.y = 3.0;
        for line in lines.by_ref().take(MAX_LISTED) {
            ui.label(line);
        }
        if more > 0 {
            ui.label(small(ui, format!("and {more} more")));
        }
    });
}

fn symbol(kind: MarkerKind) -> Icon {
    match kind {
        MarkerKind::Setting => Icon::Settings2,
        MarkerKind::Stop => Icon::Hand,
        MarkerKind::Stopped => Icon::CircleStop,
        MarkerKind::FirstRow => Icon::Flag,
        MarkerKind::GivenBack => Icon::Undo2,
        MarkerKind::Shrink => Icon::Minimize2,
        MarkerKind::Trim => Icon::Scissors,
        MarkerKind::Connected => Icon::Plug,
        MarkerKind::Closed => Icon::Unplug,
        MarkerKind::Opened => Icon::FolderOpen,
        MarkerKind::Guard => Icon::Shield,
        MarkerKind::Process => Icon::Activity,
        MarkerKind::Clock => Icon::Clock,
        MarkerKind::Other => Icon::Circle,
    }
}
