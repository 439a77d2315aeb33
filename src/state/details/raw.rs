//! The row as it is stored: one short line for each column.

use crate::{
    db::value::Cell,
    jobs::{
        list::{COLUMNS, DETAIL_COLUMNS},
        row::JobRow,
    },
    units::format_count,
};

/// Longer values are cut for the screen; the copied row has everything.
const MAX_CHARS: usize = 400;

/// The value of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawValue {
    /// The column, by today's name.
    pub column: &'static str,
    /// The value in one line, `NULL` where there is none.
    pub text: String,
    /// How SQLite holds it: `INTEGER`, `BLOB, 1 364 bytes`.
    pub stored: String,
}

/// All columns, in the order in which they were asked.
pub(super) fn values(row: &JobRow) -> Vec<RawValue> {
    COLUMNS
        .iter()
        .chain(&DETAIL_COLUMNS)
        .map(|(column, _)| {
            let cell = row.get(column);
            RawValue {
                column,
                text: in_one_line(cell),
                stored: stored(cell),
            }
        })
        .collect()
}

fn in_one_line(cell: &Cell) -> String {
    if *cell == Cell::Null {
        return "NULL".to_owned();
    }
    let text = cell.display();
    let mut chars = text.chars();
    let mut line = String::new();
    for c in chars.by_ref().take(MAX_CHARS) {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    if chars.next().is_some() {
        line.push('…');
    }
    line
}

fn stored(cell: &Cell) -> String {
    let with_len = |class: &str, len: usize| format!("{class}, {} bytes", format_count(len));
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Int(_) => "INTEGER".to_owned(),
        Cell::Real(_) => "REAL".to_owned(),
        Cell::Text(text) => with_len("TEXT", text.len()),
        Cell::Blob(bytes) => with_len("BLOB", bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_short_line() {
        for (cell, line) in [
            (Cell::Null, "NULL"),
            (Cell::Real(0.5), "0.5"),
            (Cell::Text(String::new()), ""),
            (Cell::Text("a\nb\t".to_owned()), "a\\nb\\t"),
            (Cell::Blob(b"{\"a\":1}".to_vec()), "{\"a\":1}"),
            (Cell::Blob(vec![0xff, 0]), "x'ff00'"),
        ] {
            assert_eq!(in_one_line(&cell), line);
        }
        let long = in_one_line(&Cell::Text("ü".repeat(MAX_CHARS + 1)));
        assert_eq!(long.chars().count(), MAX_CHARS + 1, "and the dots");
        assert!(long.ends_with('…'));
    }

    #[test]
    fn the_storage_class_is_told() {
        assert_eq!(
            stored(&Cell::Blob(vec![0; 2000])),
            "BLOB, 2\u{2009}000 bytes"
        );
        assert_eq!(stored(&Cell::Int(3)), "INTEGER");
    }
}
