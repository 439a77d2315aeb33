//! Where a long table is scrolled to: a row and a fraction of a row, never a height in pixels.
//!
//! A height of the whole table would have to be a floating-point number of pixels, which for twenty
//! million rows already steps by whole rows. A row is an integer and stays exact.

use std::{cmp::Ordering, ops::Range};

use super::Align;

/// How much there is to scroll over, and how much of it is seen at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    num_rows: u64,
    visible: f64,
}

impl Extent {
    /// `visible` is how many rows fit, with the part of the last one.
    pub fn new(num_rows: u64, visible: f64) -> Self {
        // Without any height the last position would be behind the last row.
        let visible = visible.max(1e-3);
        Self { num_rows, visible }
    }

    /// The position at which the last row touches the lower edge.
    pub fn last(self) -> ScrollPosition {
        if self.visible >= self.num_rows as f64 {
            return ScrollPosition::default();
        }
        let whole = self.visible.ceil();
        ScrollPosition {
            row: self.num_rows.saturating_sub(whole as u64),
            fraction: whole - self.visible,
        }
    }

    /// Whether all rows are seen at once.
    pub fn fits(self) -> bool {
        self.visible >= self.num_rows as f64
    }

    /// How far a page goes: one row stays, so that the eye finds its place.
    pub fn page(self) -> u64 {
        (self.visible.floor() as u64).saturating_sub(1).max(1)
    }

    /// The share of the rows that is seen at once.
    pub fn share(self) -> f64 {
        (self.visible / self.num_rows.max(1) as f64).min(1.0)
    }
}

/// What stands at the upper edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct ScrollPosition {
    /// The first row that is at least partly seen.
    pub row: u64,
    /// How much of it is above the edge, from 0 to below 1.
    pub fraction: f64,
}

impl ScrollPosition {
    /// This position, or the last one if it is beyond that.
    #[must_use]
    pub fn clamped(self, extent: Extent) -> Self {
        let last = extent.last();
        match self.partial_cmp(&last) {
            Some(Ordering::Less | Ordering::Equal) => self,
            Some(Ordering::Greater) | None => last,
        }
    }

    /// Further down by this many rows, or up if negative; never beyond the ends.
    #[must_use]
    pub fn scrolled_by(self, rows: f64, extent: Extent) -> Self {
        if !rows.is_finite() {
            return self.clamped(extent);
        }
        // Whole rows are added as integers: added to a large row, a fraction would be rounded off.
        let whole = rows.floor();
        let sum = self.fraction + (rows - whole);
        let carry = sum.floor();
        let moved = (whole + carry) as i64;
        let fraction = sum - carry;
        match self.row.checked_add_signed(moved) {
            Some(row) => Self { row, fraction }.clamped(extent),
            None if moved < 0 => Self::default(),
            None => extent.last(),
        }
    }

    /// The rows were renumbered: what was `row` is `row + by` now.
    #[must_use]
    pub fn shifted(self, by: i64) -> Self {
        match self.row.checked_add_signed(by) {
            Some(row) => Self { row, ..self },
            None if by < 0 => Self::default(),
            None => Self {
                row: u64::MAX,
                fraction: 0.0,
            },
        }
    }

    /// The position at which a row is seen whole.
    #[must_use]
    pub fn showing(self, row: u64, align: Align, extent: Extent) -> Self {
        let at_top = Self { row, fraction: 0.0 };
        let at_bottom = at_top.scrolled_by(1.0 - extent.visible, extent);
        match align {
            Align::Top => at_top.clamped(extent),
            Align::Center => at_top.scrolled_by((1.0 - extent.visible) / 2.0, extent),
            Align::Nearest if self > at_top => at_top.clamped(extent),
            Align::Nearest if self < at_bottom => at_bottom,
            Align::Nearest => self.clamped(extent),
        }
    }

    /// The rows of which something is seen.
    pub fn seen(self, extent: Extent) -> Range<u64> {
        let rows = (self.fraction + extent.visible).ceil() as u64;
        let end = self.row.saturating_add(rows).min(extent.num_rows);
        self.row..end.max(self.row)
    }

    /// Where the thumb is between the ends of its way, from 0 to 1.
    pub fn to_thumb(self, extent: Extent) -> f64 {
        let last = extent.last().in_rows();
        if last > 0.0 {
            (self.in_rows() / last).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    /// The position for a place of the thumb between the ends of its way, from 0 to 1.
    pub fn from_thumb(ratio: f64, extent: Extent) -> Self {
        let last = extent.last();
        if ratio >= 1.0 {
            return last;
        }
        let rows = ratio.max(0.0) * last.in_rows();
        Self {
            row: rows.floor() as u64,
            fraction: rows - rows.floor(),
        }
        .clamped(extent)
    }

    fn in_rows(self) -> f64 {
        self.row as f64 + self.fraction
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MANY: u64 = 1 << 40;

    fn extents() -> impl Strategy<Value = Extent> {
        let num_rows = prop_oneof![0..100_u64, 0..20_000_000_u64, 0..=MANY];
        (num_rows, 0.0..80.0).prop_map(|(num_rows, visible)| Extent::new(num_rows, visible))
    }

    /// A table and a place in it.
    fn places() -> impl Strategy<Value = (Extent, ScrollPosition)> {
        (extents(), 0.0..=1.0).prop_map(|(extent, ratio)| {
            let position = ScrollPosition::from_thumb(ratio, extent);
            (extent, position)
        })
    }

    /// How far `to` is below `from`, without rounding large rows.
    fn distance(from: ScrollPosition, to: ScrollPosition) -> f64 {
        let rows = i128::from(to.row) - i128::from(from.row);
        rows as f64 + (to.fraction - from.fraction)
    }

    fn is_within(position: ScrollPosition, extent: Extent) -> bool {
        position <= extent.last() && (0.0..1.0).contains(&position.fraction)
    }

    proptest! {
        #[test]
        fn the_last_position_shows_the_last_row_at_the_lower_edge(extent in extents()) {
            let last = extent.last();
            prop_assert!((0.0..1.0).contains(&last.fraction), "{last:?}");
            prop_assert_eq!(last.seen(extent).end, extent.num_rows);
            if !extent.fits() {
                let end = ScrollPosition { row: extent.num_rows, fraction: 0.0 };
                prop_assert!((distance(last, end) - extent.visible).abs() < 1e-9, "{last:?}");
            }
        }

        #[test]
        fn nothing_leads_beyond_the_ends(
            (extent, position) in places(),
            rows in prop_oneof![-100.0..100.0, -1e13..1e13, Just(f64::MAX), Just(f64::MIN)],
            ratio in -1.0..2.0,
        ) {
            prop_assert!(is_within(position.scrolled_by(rows, extent), extent));
            prop_assert!(is_within(ScrollPosition::from_thumb(ratio, extent), extent));
            prop_assert!((0.0..=1.0).contains(&position.to_thumb(extent)));
        }

        #[test]
        fn scrolling_there_and_back_returns((extent, position) in places(), rows in -1e4..1e4) {
            let there = position.scrolled_by(rows, extent);
            let has_met_an_end = (distance(position, there) - rows).abs() > 1e-6;
            let back = there.scrolled_by(-rows, extent);
            prop_assert!(
                has_met_an_end || distance(position, back).abs() < 1e-9,
                "{position:?} {back:?}"
            );
        }

        #[test]
        fn small_steps_add_up_to_a_large_one(
            (extent, position) in places(),
            steps in prop::collection::vec(0.0..3.0, 1..200),
        ) {
            let walked = steps.iter().fold(position, |at, step| at.scrolled_by(*step, extent));
            let jumped = position.scrolled_by(steps.iter().sum(), extent);
            prop_assert!(distance(walked, jumped).abs() < 1e-9, "{walked:?} {jumped:?}");
        }

        #[test]
        fn scrolling_further_ends_further(
            (extent, position) in places(),
            a in -1e12..1e12,
            b in -1e12..1e12,
        ) {
            let (less, more) = if a < b { (a, b) } else { (b, a) };
            let (less, more) = (position.scrolled_by(less, extent), position.scrolled_by(more, extent));
            prop_assert!(less <= more, "{less:?} {more:?}");
        }

        #[test]
        fn the_thumb_leads_back_to_where_it_was((extent, position) in places()) {
            let back = ScrollPosition::from_thumb(position.to_thumb(extent), extent);
            // 2^40 rows leave 13 bits of the 53 for the fraction, used up by two roundings.
            prop_assert!(distance(position, back).abs() < 1e-3, "{position:?} {back:?}");
        }

        #[test]
        fn the_thumb_never_turns_back(extent in extents(), a in 0.0..=1.0, b in 0.0..=1.0) {
            let (up, down) = if a < b { (a, b) } else { (b, a) };
            let (up, down) = (
                ScrollPosition::from_thumb(up, extent),
                ScrollPosition::from_thumb(down, extent),
            );
            prop_assert!(up <= down && up.to_thumb(extent) <= down.to_thumb(extent));
        }

        #[test]
        fn the_ends_of_the_thumb_are_the_ends_of_the_table(extent in extents()) {
            prop_assert_eq!(ScrollPosition::from_thumb(0.0, extent), ScrollPosition::default());
            prop_assert_eq!(ScrollPosition::from_thumb(1.0, extent), extent.last());
            prop_assert!(extent.fits() || (extent.last().to_thumb(extent) - 1.0).abs() < 1e-12);
        }

        #[test]
        fn a_row_is_seen_whole_where_it_was_asked_for(
            (extent, position) in places(),
            part in 0.0..1.0,
        ) {
            prop_assume!(extent.num_rows > 0 && extent.visible >= 1.0);
            let row = ((extent.num_rows as f64 * part) as u64).min(extent.num_rows - 1);
            for align in [Align::Top, Align::Center, Align::Nearest] {
                let shown = position.showing(row, align, extent);
                prop_assert!(is_within(shown, extent));
                let above = distance(shown, ScrollPosition { row, fraction: 0.0 });
                prop_assert!(above >= -1e-9, "{align:?}: cut at the top by {above}");
                let below = extent.visible - above - 1.0;
                prop_assert!(below >= -1e-9, "{align:?}: cut at the bottom by {below}");
                let again = shown.showing(row, Align::Nearest, extent);
                prop_assert!(distance(shown, again).abs() < 1e-9, "what is seen is left alone");
            }
        }

        #[test]
        fn renumbering_and_back_changes_nothing((_, position) in places(), by in 0..1_i64 << 40) {
            prop_assert_eq!(position.shifted(by).shifted(-by), position);
        }

        #[test]
        fn fewer_rows_end_at_their_last((extent, position) in places(), fewer in 0..100_u64) {
            let shrunk = Extent::new(fewer, extent.visible);
            prop_assert!(is_within(position.clamped(shrunk), shrunk));
        }
    }

    #[test]
    fn neither_nothing_nor_nonsense_is_a_place() {
        let extent = Extent::new(MANY, 20.5);
        let start = ScrollPosition::default();
        assert_eq!(start.scrolled_by(f64::NAN, extent), start);
        assert_eq!(ScrollPosition::from_thumb(f64::NAN, extent), start);
        assert_eq!(
            extent.last(),
            ScrollPosition {
                row: MANY - 21,
                fraction: 0.5
            }
        );
        let none = Extent::new(0, f64::NAN);
        assert_eq!(start.scrolled_by(5.0, none), start);
        assert_eq!(start.shifted(-3), start);
    }

    #[test]
    fn a_page_leaves_one_row() {
        assert_eq!(Extent::new(MANY, 20.5).page(), 19);
        assert_eq!(Extent::new(MANY, 0.3).page(), 1, "never nothing");
    }
}
