//! The rows that the user has marked, as ranges: marking ten million takes as much as marking two.

use std::ops::Range;

/// Marked rows, and where a range begins that the next step extends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// In order; no two touch each other.
    ranges: Vec<Range<u64>>,
    anchor: Option<u64>,
}

/// What a click or a key does to the marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarkHow {
    /// This row and no other.
    Only,
    /// This row as well, or no longer.
    Toggle,
    /// Everything from the last single step to this row.
    Extend,
}

impl Marks {
    /// Whether a row is marked.
    pub fn contains(&self, row: u64) -> bool {
        let after = self.ranges.partition_point(|range| range.start <= row);
        (after.checked_sub(1))
            .and_then(|nth| self.ranges.get(nth))
            .is_some_and(|range| range.contains(&row))
    }

    /// How many rows are marked.
    pub fn len(&self) -> u64 {
        self.ranges
            .iter()
            .map(|range| range.end - range.start)
            .sum()
    }

    /// Whether no row is marked.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The marked rows, in order.
    pub fn ranges(&self) -> &[Range<u64>] {
        &self.ranges
    }

    /// A click or a key on a row.
    pub fn mark(&mut self, row: u64, how: MarkHow) {
        match how {
            MarkHow::Only => {
                self.mark_range(row..row + 1);
                self.anchor = Some(row);
            }
            MarkHow::Toggle => {
                if self.contains(row) {
                    self.remove(row);
                } else {
                    self.add(row..row + 1);
                }
                self.anchor = Some(row);
            }
            MarkHow::Extend => {
                let anchor = *self.anchor.get_or_insert(row);
                self.mark_range(anchor.min(row)..anchor.max(row) + 1);
            }
        }
    }

    /// Marks the first `num_rows` rows: all of them.
    pub fn mark_all(&mut self, num_rows: u64) {
        self.mark_range(0..num_rows);
    }

    /// These rows and no others.
    fn mark_range(&mut self, range: Range<u64>) {
        self.ranges.clear();
        if !range.is_empty() {
            self.ranges.push(range);
        }
    }

    /// No row is marked any more.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Every row has another number: `by` more than before.
    pub fn renumber(&mut self, by: i64) {
        for range in &mut self.ranges {
            range.start = range.start.saturating_add_signed(by);
            range.end = range.end.saturating_add_signed(by);
        }
        self.ranges.retain(|range| !range.is_empty());
        self.anchor = self.anchor.map(|row| row.saturating_add_signed(by));
    }

    fn add(&mut self, new: Range<u64>) {
        let mut new = new;
        self.ranges.retain(|range| {
            let touches = range.start <= new.end && new.start <= range.end;
            if touches {
                new = range.start.min(new.start)..range.end.max(new.end);
            }
            !touches
        });
        let at = self.ranges.partition_point(|range| range.start < new.start);
        self.ranges.insert(at, new);
    }

    fn remove(&mut self, row: u64) {
        let old = std::mem::take(&mut self.ranges);
        for range in old {
            if !range.contains(&row) {
                self.ranges.push(range);
                continue;
            }
            let parts = [range.start..row, row + 1..range.end];
            self.ranges
                .extend(parts.into_iter().filter(|part| !part.is_empty()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn marks_are_the_set_that_they_say(
            steps in proptest::collection::vec((0_u64..40, 0_u8..3), 0..60),
        ) {
            let mut marks = Marks::default();
            let mut set = BTreeSet::new();
            let mut anchor = None;
            for (row, how) in steps {
                match how {
                    0 => {
                        marks.mark(row, MarkHow::Only);
                        set = BTreeSet::from([row]);
                        anchor = Some(row);
                    }
                    1 => {
                        marks.mark(row, MarkHow::Toggle);
                        if !set.remove(&row) {
                            set.insert(row);
                        }
                        anchor = Some(row);
                    }
                    _ => {
                        marks.mark(row, MarkHow::Extend);
                        let from = *anchor.get_or_insert(row);
                        set = (from.min(row)..=from.max(row)).collect();
                    }
                }
                prop_assert_eq!(marks.len(), set.len() as u64);
                for row in 0..41 {
                    prop_assert_eq!(marks.contains(row), set.contains(&row));
                }
                for pair in marks.ranges().windows(2) {
                    prop_assert!(pair[0].end < pair[1].start, "they neither touch nor overlap");
                }
            }
        }
    }

    #[test]
    fn ten_million_rows_are_one_range() {
        let mut marks = Marks::default();
        marks.mark(5, MarkHow::Only);
        marks.mark(10_000_004, MarkHow::Extend);
        assert_eq!(marks.len(), 10_000_000);
        assert_eq!(marks.ranges().len(), 1);
        marks.renumber(37);
        assert!(marks.contains(42) && !marks.contains(5));
        marks.mark_all(3);
        assert_eq!(marks.ranges().first(), Some(&(0..3)));
    }
}
