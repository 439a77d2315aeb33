//! What a table is told, and what it tells in return.

use std::ops::Range;

use egui::{Modifiers, Response, WidgetText};

/// One column of a table.
pub struct Column<'a> {
    /// Tells it from the others, wherever it is.
    pub key: &'a str,
    /// What the heading shows.
    pub title: WidgetText,
    /// What the heading is called, as a button: "Sort jobs by duration". Nothing where a click
    /// does nothing.
    pub name: String,
    /// How wide it is, with the padding of its cells.
    pub width: f32,
    /// Whether heading and cells stand at its right edge.
    pub right_aligned: bool,
    /// Whether it stays at the left while the others move sideways.
    pub pinned: bool,
    /// Whether it can be pulled wider and dragged to another place.
    pub adjustable: bool,
}

/// All rows of a table, of which only those that are seen are asked for.
#[expect(
    clippy::struct_field_names,
    reason = "num_rows is what other code calls a number of rows"
)]
pub struct Rows<'a> {
    /// What the table is called, for screen readers and tests.
    pub name: &'a str,
    /// How many there are.
    pub num_rows: u64,
    /// How high each of them is, in points.
    pub row_height: f32,
    /// Whether rows can be chosen. If not, clicks mean nothing and the keys only scroll.
    pub selectable: bool,
    /// The one that the keys start from.
    pub current: Option<u64>,
    /// Whether a row is drawn as chosen. The current one always is.
    pub is_marked: &'a dyn Fn(u64) -> bool,
    /// What a screen reader says about the table: "job 12 of 2,000".
    pub summary: String,
    /// What stands beside the thumb while it is dragged, for the first row that is then seen.
    pub thumb_hint: &'a dyn Fn(u64) -> String,
}

/// Where a row shall be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// At the upper edge.
    Top,
    /// In the middle.
    Center,
    /// Wherever it takes the least scrolling; nowhere if it is seen already.
    Nearest,
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAction {
    /// Another row shall be the current one. It is scrolled to already.
    Move {
        /// The row.
        to: u64,
        /// Whether the rows in between shall be marked as well.
        extend: bool,
    },
    /// All rows shall be marked.
    MarkAll,
    /// What is marked shall be copied.
    Copy,
    /// The current row shall be opened.
    Open,
}

/// What became of a table in one frame.
pub struct Output {
    /// The table as a whole: it has the keyboard's focus or not, and carries a menu for its rows.
    pub response: Response,
    /// The rows of which something is seen.
    pub visible: Range<u64>,
    /// The heading that was clicked.
    pub header_clicked: Option<usize>,
    /// The column whose edge is pulled, and how wide it shall be.
    pub resized: Option<(usize, f32)>,
    /// A heading that was dragged to another place, and its place among the others: what
    /// `columns.insert(to, columns.remove(from))` does.
    pub moved: Option<(usize, usize)>,
    /// The row that was clicked, and what was held down.
    pub clicked: Option<(u64, Modifiers)>,
    /// The row that was clicked twice; [`Self::clicked`] tells of both clicks as well.
    pub double_clicked: Option<u64>,
    /// The row that was clicked with the other button. A menu for it:
    /// `Popup::menu(&output.response).at_pointer_fixed()`, opened by `open_memory`.
    pub secondary_clicked: Option<u64>,
    /// What the keyboard asks for.
    pub key: Option<KeyAction>,
    /// Whether the thumb is held: not the moment to fetch what it passes over.
    pub is_dragging_thumb: bool,
    /// The row under the pointer.
    pub hovered_row: Option<u64>,
}

impl Output {
    pub(super) fn new(response: Response) -> Self {
        Self {
            response,
            visible: 0..0,
            header_clicked: None,
            resized: None,
            moved: None,
            clicked: None,
            double_clicked: None,
            secondary_clicked: None,
            key: None,
            is_dragging_thumb: false,
            hovered_row: None,
        }
    }
}
