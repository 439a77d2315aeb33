//! Which column is where: pinned ones at the left, the others moved sideways behind them.

use egui::Rangef;

use super::Column;

/// Less than this beside the pinned columns, and nothing is pinned: one could never see the others.
const MIN_SCROLLED: f32 = 64.0;

/// Where one column is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lane {
    /// Its place in the list of columns.
    pub index: usize,
    /// From its left to its right edge, seen or not.
    pub x: Rangef,
    /// What of it may be drawn on.
    pub clip: Rangef,
    /// Whether it stays at the left.
    pub is_pinned: bool,
}

impl Lane {
    fn is_seen(&self) -> bool {
        self.x.max > self.clip.min && self.x.min < self.clip.max
    }
}

/// Where all columns are.
#[derive(Debug)]
pub(super) struct Lanes {
    all: Vec<Lane>,
    /// Where columns move sideways.
    pub scrolled: Rangef,
    /// The largest offset that makes sense.
    pub max_offset: f32,
    /// How wide the columns are that move.
    pub scrolled_width: f32,
}

impl Lanes {
    /// Lays the columns out between `room`'s ends; `offset` is how far the others have moved to the
    /// left, and is brought into its bounds.
    pub fn new(columns: &[Column<'_>], room: Rangef, offset: &mut f32) -> Self {
        let width = |pinned: bool| -> f32 {
            let columns = columns.iter().filter(|column| column.pinned == pinned);
            columns.map(|column| column.width).sum()
        };
        let pinned_width = width(true);
        let is_pinning = pinned_width <= room.span() - MIN_SCROLLED;
        let mut pinned_x = room.min;
        let scrolled = if is_pinning {
            Rangef::new(
                room.min + pinned_width,
                room.max.max(room.min + pinned_width),
            )
        } else {
            room
        };
        let scrolled_width = width(false) + if is_pinning { 0.0 } else { pinned_width };
        // A part of a pixel is rounding, nothing to scroll to.
        let overflow = scrolled_width - scrolled.span();
        let max_offset = if overflow > 0.5 { overflow } else { 0.0 };
        *offset = offset.clamp(0.0, max_offset);
        let mut scrolled_x = scrolled.min - *offset;
        let all = columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                let is_pinned = column.pinned && is_pinning;
                let (x, clip) = if is_pinned {
                    (&mut pinned_x, Rangef::new(room.min, scrolled.min))
                } else {
                    (&mut scrolled_x, scrolled)
                };
                let left = *x;
                *x += column.width;
                Lane {
                    index,
                    x: Rangef::new(left, *x),
                    clip,
                    is_pinned,
                }
            })
            .collect();
        Self {
            all,
            scrolled,
            max_offset,
            scrolled_width,
        }
    }

    /// The columns of which something is seen.
    pub fn seen(&self) -> impl Iterator<Item = &Lane> {
        self.all.iter().filter(|lane| lane.is_seen())
    }

    /// Where the pinned columns end, if there are any.
    pub fn pinned_end(&self) -> Option<f32> {
        let is_pinning = self.all.iter().any(|lane| lane.is_pinned);
        is_pinning.then_some(self.scrolled.min)
    }

    /// Where a heading lands that is let go at `x`: its place among the columns once it has been
    /// taken out of them, and where to draw the line. `None` if nothing would move.
    ///
    /// Pinned columns stay among themselves, and so do the others.
    pub fn drop_place(&self, from: usize, x: f32) -> Option<(usize, f32)> {
        let moved = self.all.iter().find(|lane| lane.index == from)?;
        let mut before = None;
        let mut after = None;
        for lane in &self.all {
            if lane.is_pinned != moved.is_pinned || lane.index == from {
                continue;
            }
            if lane.x.center() < x {
                before = Some(lane);
            } else if after.is_none() {
                after = Some(lane);
            }
        }
        let without = |lane: &Lane| lane.index - usize::from(lane.index > from);
        let (to, line) = match (before, after) {
            (_, Some(lane)) => (without(lane), lane.x.min),
            (Some(lane), None) => (without(lane) + 1, lane.x.max),
            (None, None) => return None,
        };
        (to != from).then_some((to, line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::grid::tests::assert_near;

    fn columns(widths: &[(f32, bool)]) -> Vec<Column<'static>> {
        widths
            .iter()
            .map(|(width, pinned)| Column {
                key: "",
                title: "".into(),
                name: String::new(),
                width: *width,
                right_aligned: false,
                pinned: *pinned,
                adjustable: true,
            })
            .collect()
    }

    #[test]
    fn pinned_columns_stand_left_wherever_they_are_in_the_list() {
        let columns = columns(&[(50.0, false), (30.0, true), (60.0, false)]);
        let mut offset = 20.0;
        let lanes = Lanes::new(&columns, Rangef::new(10.0, 130.0), &mut offset);
        let x: Vec<_> = lanes.all.iter().map(|lane| lane.x.min).collect();
        assert_eq!(x, [20.0, 10.0, 70.0]);
        assert_near(lanes.max_offset, 20.0);
        assert_eq!(lanes.pinned_end(), Some(40.0));
    }

    #[test]
    fn nothing_is_pinned_where_it_would_hide_the_rest() {
        let columns = columns(&[(90.0, true), (60.0, false)]);
        let mut offset = 500.0;
        let lanes = Lanes::new(&columns, Rangef::new(0.0, 100.0), &mut offset);
        assert_eq!(lanes.pinned_end(), None);
        assert_near(offset, 50.0);
        assert_eq!(lanes.seen().count(), 2);
    }

    #[test]
    fn a_heading_lands_between_the_others() {
        let columns = columns(&[(40.0, true), (40.0, false), (40.0, false), (40.0, false)]);
        let lanes = Lanes::new(&columns, Rangef::new(0.0, 400.0), &mut 0.0);
        assert_eq!(lanes.drop_place(1, 150.0), Some((3, 160.0)));
        assert_eq!(lanes.drop_place(1, 110.0), Some((2, 120.0)));
        assert_eq!(lanes.drop_place(1, 70.0), None, "back where it was");
        assert_eq!(
            lanes.drop_place(3, 5.0),
            Some((1, 40.0)),
            "not among the pinned"
        );
        assert_eq!(lanes.drop_place(0, 300.0), None, "the only pinned one");
    }
}
