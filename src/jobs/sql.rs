//! A statement under construction: its text and the values that are bound to it.

use crate::db::value::Cell;

/// SQL with its bound values. What a user typed never becomes part of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sql {
    /// The statement, with one `?` per value.
    pub text: String,
    /// The values, in the order of their `?`.
    pub params: Vec<Cell>,
}

impl Sql {
    /// A text without values.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            params: Vec::new(),
        }
    }

    /// A text with its values.
    pub fn with(text: impl Into<String>, params: impl IntoIterator<Item = Cell>) -> Self {
        Self {
            text: text.into(),
            params: params.into_iter().collect(),
        }
    }

    /// Appends a text without values.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Appends another part with its values.
    pub fn append(&mut self, other: Self) {
        self.text.push_str(&other.text);
        self.params.extend(other.params);
    }
}

/// `?, ?, ?`: so many marks for values.
pub(super) fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}
