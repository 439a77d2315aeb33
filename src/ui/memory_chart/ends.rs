//! The name of each curve where its line ends, beside the plot.

use std::sync::Arc;

use egui::{Galley, Painter, Stroke, pos2};

use super::{
    plane::{Plane, label_font},
    source::ChartSource,
};
use crate::{
    memory::{
        quantity::Quantity,
        series::{GAP_SECS, Point},
    },
    ui::theme::{Dashes, Palette, dashes},
};

/// From this width of a chart on, there is room for names.
const FROM_WIDTH: f32 = 560.0;

/// The line from the end of a curve to its name.
const LEADER: f32 = 14.0;

/// The height of a name.
const LINE: f32 = 13.0;

/// The names that are to stand beside a plot.
pub(super) struct Ends {
    names: Vec<(Quantity, Arc<Galley>)>,
    /// The room they need.
    pub width: f32,
}

impl Ends {
    /// The names of these curves, if a chart of this width has room for them.
    pub fn of(
        painter: &Painter,
        palette: &Palette,
        source: &ChartSource<'_>,
        quantities: &[Quantity],
        width: f32,
    ) -> Self {
        let names: Vec<_> = Quantity::ALL
            .into_iter()
            // What is left is a limit: its value is written on it.
            .filter(|quantity| width >= FROM_WIDTH && !quantity.is_limit())
            .filter(|quantity| quantities.contains(quantity) && source.history.has_seen(*quantity))
            .map(|quantity| {
                let name = quantity.short_label().to_owned();
                (
                    quantity,
                    painter.layout_no_wrap(name, label_font(), palette.muted),
                )
            })
            .collect();
        let widest = names.iter().map(|(_, name)| name.size().x).reduce(f32::max);
        Self {
            names,
            width: widest.map_or(0.0, |widest| widest + LEADER + 4.0),
        }
    }

    /// Paints the names, each as near to the end of its line as the others let it.
    pub fn paint(&self, painter: &Painter, palette: &Palette, plane: &Plane, points: &[Point]) {
        let rect = plane.rect;
        let room = (rect.height() / LINE).floor() as usize;
        // The first of the legend matter most: where there is not room for all, they stay.
        let mut ends: Vec<_> = (self.names.iter())
            .filter_map(|(quantity, name)| {
                Some((end_of(plane, points, *quantity)?, *quantity, name))
            })
            .take(room)
            .collect();
        ends.sort_by(|(a, ..), (b, ..)| a.total_cmp(b));
        let wanted: Vec<f32> = ends.iter().map(|(y, ..)| *y).collect();
        let half = LINE / 2.0;
        let places = apart(&wanted, (rect.top() + half, rect.bottom() - half));
        for ((end, quantity, name), place) in ends.into_iter().zip(places) {
            let Dashes { width, .. } = dashes(quantity);
            let stroke = Stroke::new(width.min(1.5), palette.quantity(quantity));
            let from = pos2(rect.right() + 1.0, end);
            let to = pos2(rect.right() + LEADER - 3.0, place);
            painter.line_segment([from, to], stroke);
            let at = pos2(rect.right() + LEADER, place - name.size().y / 2.0);
            painter.galley(at, Arc::clone(name), palette.muted);
        }
    }
}

/// Where the curve of a quantity ends, if it goes on to the right side of the plot.
fn end_of(plane: &Plane, points: &[Point], quantity: Quantity) -> Option<f32> {
    let mut newest = points.iter().rev();
    let (point, range) = newest.find_map(|point| Some((point, point.range(quantity)?)))?;
    // A point wide as a pixel of a long time, or a gap, is no end yet.
    let late = (plane.to - plane.from) / 50.0;
    if plane.to - point.to_secs > late.max(GAP_SECS) {
        return None;
    }
    let y = plane.y(range.max as f64);
    plane.rect.y_range().contains(y).then_some(y)
}

/// The places of labels of the height [`LINE`] that do not touch: each as it wants, or as near as
/// its neighbours and the two bounds let it. `wanted` rises, and there is room for all.
fn apart(wanted: &[f32], (top, bottom): (f32, f32)) -> Vec<f32> {
    let mut places = Vec::with_capacity(wanted.len());
    let mut least = top;
    for y in wanted {
        let place = y.max(least);
        places.push(place);
        least = place + LINE;
    }
    // Pushed over the lower bound: they move up again, as far as they must.
    let mut most = bottom;
    for place in places.iter_mut().rev() {
        *place = place.min(most);
        most = *place - LINE;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stand_apart_and_inside() {
        let cases: [&[f32]; 5] = [
            &[],
            &[50.0],
            &[10.0, 10.0, 10.0],
            &[80.0, 96.0, 97.0, 99.0],
            &[-20.0, 3.0, 300.0],
        ];
        for wanted in cases {
            let places = apart(wanted, (6.0, 94.0));
            assert_eq!(places.len(), wanted.len());
            assert!(
                places.iter().all(|y| (6.0..=94.0).contains(y)),
                "{places:?}"
            );
            let gaps = places.windows(2).map(|pair| pair[1] - pair[0]);
            assert!(gaps.into_iter().all(|gap| gap >= LINE - 1e-3), "{places:?}");
        }
        let free = [20.0, 50.0, 80.0];
        assert_eq!(apart(&free, (6.0, 94.0)), free, "nobody moves without need");
    }
}
