//! The sparse position index: where in an order every so many-th row is.
//!
//! One pass over an index that serves the order keeps every 1,000th key. A seek to the nearest key
//! before a row, and a walk of at most that many index entries, reach any row of any list.

use super::sort::Cursor;

/// Keys that lie this far apart at first.
pub const STRIDE: u32 = 1_000;

/// Keys are kept up to this many bytes; then every other one goes, and they lie twice as far apart.
pub const MAX_BYTES: usize = 8 << 20;

/// Where every so many-th row of a list is.
#[derive(Clone, Debug, PartialEq)]
pub struct PositionIndex {
    stride: u32,
    keys: Vec<Cursor>,
    bytes: usize,
    num_rows: u64,
    is_complete: bool,
}

impl Default for PositionIndex {
    fn default() -> Self {
        Self {
            stride: STRIDE,
            keys: Vec::new(),
            bytes: 0,
            num_rows: 0,
            is_complete: false,
        }
    }
}

/// How to reach a row: the key to seek to, and how many rows to skip from there.
#[derive(Clone, Debug, PartialEq)]
pub struct Seek {
    /// The row with this key comes first.
    pub from: Cursor,
    /// So many rows after it.
    pub skip: u32,
}

impl PositionIndex {
    /// Takes the next keys, [`STRIDE`] rows apart from each other and from those before. `num_rows`
    /// is how many rows have been passed by now.
    pub fn extend(&mut self, keys: impl IntoIterator<Item = Cursor>, num_rows: u64) {
        // Counted in first strides: that is what the keys come in, however far apart the kept ones are.
        let first = self.num_rows.div_ceil(u64::from(STRIDE));
        for (nth, cursor) in (first..).zip(keys) {
            if (nth * u64::from(STRIDE)).is_multiple_of(u64::from(self.stride)) {
                self.bytes += size(&cursor);
                self.keys.push(cursor);
            }
            if self.bytes > MAX_BYTES {
                self.thin();
            }
        }
        self.num_rows = num_rows;
    }

    fn thin(&mut self) {
        let mut nth = 0;
        self.keys.retain(|_| {
            nth += 1;
            nth % 2 == 1
        });
        self.keys.shrink_to_fit();
        self.stride = self.stride.saturating_mul(2);
        self.bytes = self.keys.iter().map(size).sum();
    }

    /// The pass has reached the last row.
    pub fn complete(&mut self) {
        self.is_complete = true;
        self.keys.shrink_to_fit();
    }

    /// Whether it knows every row.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// How many rows the pass has seen: all of them once it is complete.
    pub fn num_rows(&self) -> u64 {
        self.num_rows
    }

    /// How far the kept keys lie apart.
    pub fn stride(&self) -> u32 {
        self.stride
    }

    /// Memory that it holds.
    pub fn bytes(&self) -> usize {
        self.bytes + (self.keys.capacity() - self.keys.len()) * size_of::<Cursor>()
    }

    /// How to reach a row; `None` beyond what the pass has seen.
    pub fn seek(&self, row: u64) -> Option<Seek> {
        if row >= self.num_rows {
            return None;
        }
        let stride = u64::from(self.stride);
        let nth = usize::try_from(row / stride).ok()?;
        Some(Seek {
            from: self.keys.get(nth)?.clone(),
            skip: u32::try_from(row % stride).ok()?,
        })
    }

    /// The rows among which the one with this key is, found without asking the file: the first
    /// row, and the key there. `is_before` says whether one key comes before another in the order.
    pub fn around(
        &self,
        cursor: &Cursor,
        is_before: impl Fn(&Cursor, &Cursor) -> bool,
    ) -> Option<(u64, Cursor)> {
        let after = self.keys.partition_point(|key| !is_before(cursor, key));
        let nth = after.saturating_sub(1);
        let key = self.keys.get(nth)?.clone();
        Some((nth as u64 * u64::from(self.stride), key))
    }
}

fn size(cursor: &Cursor) -> usize {
    cursor.key.size() + size_of::<i64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::value::Cell;

    fn cursor(row: u64) -> Cursor {
        Cursor {
            key: Cell::Int(row.cast_signed() * 10),
            id: row.cast_signed(),
        }
    }

    fn index(num_rows: u64, chunk: u64) -> PositionIndex {
        let mut index = PositionIndex::default();
        let mut seen = 0;
        while seen < num_rows {
            let to = (seen + chunk).min(num_rows);
            let keys: Vec<_> = (seen..to)
                .filter(|row| row.is_multiple_of(u64::from(STRIDE)))
                .map(cursor)
                .collect();
            index.extend(keys, to);
            seen = to;
        }
        index.complete();
        index
    }

    #[test]
    fn every_row_is_a_seek_and_a_short_walk_away() {
        for (num_rows, chunk) in [(0, 7), (1, 7), (999, 50), (1_000, 1_000), (123_457, 777)] {
            let index = index(num_rows, chunk);
            assert_eq!(index.num_rows(), num_rows);
            assert_eq!(index.seek(num_rows), None, "no row {num_rows}");
            for row in (0..num_rows).step_by(97) {
                let seek = index.seek(row).expect("a row of the list");
                assert_eq!(seek.from.id + i64::from(seek.skip), row.cast_signed());
                assert!(seek.skip < index.stride());
            }
        }
    }

    #[test]
    fn it_stays_within_its_bytes_and_reaches_every_row_all_the_same() {
        let mut index = PositionIndex::default();
        let mut row = 0;
        for _ in 0..200 {
            let keys: Vec<_> = (0..5_000)
                .map(|nth| cursor(row + nth * u64::from(STRIDE)))
                .collect();
            row += 5_000 * u64::from(STRIDE);
            index.extend(keys, row);
        }
        assert!(index.bytes() <= MAX_BYTES * 2, "{} bytes", index.bytes());
        assert!(index.stride() > STRIDE);
        for row in (0..row).step_by(7_654_321) {
            let seek = index.seek(row).expect("a row of the list");
            assert_eq!(seek.from.id + i64::from(seek.skip), row.cast_signed());
        }
    }

    #[test]
    fn a_key_is_found_between_two_kept_ones() {
        let index = index(10_000, 1_000);
        let before = |a: &Cursor, b: &Cursor| a.id < b.id;
        let found = index.around(&cursor(4_321), before).expect("keys");
        assert_eq!(found, (4_000, cursor(4_000)));
        let exact = index.around(&cursor(4_000), before).expect("keys");
        assert_eq!(exact.0, 4_000);
        let below = index.around(&cursor(0), before).expect("keys");
        assert_eq!(below.0, 0);
    }
}
