//! A statement under construction: its text and the values that are bound to it.

use crate::db::value::{Cell, hex_literal};

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

    /// The statement with its values in it, to be read or run elsewhere. We run it bound.
    pub fn with_values(&self) -> String {
        let mut values = self.params.iter();
        let mut in_quotes = None;
        let mut text = String::with_capacity(self.text.len());
        for c in self.text.chars() {
            match (c, in_quotes) {
                ('?', None) => text.push_str(&values.next().map_or("?".into(), Self::literal)),
                (quote @ ('\'' | '"'), None) => {
                    in_quotes = Some(quote);
                    text.push(quote);
                }
                (c, _) => {
                    if in_quotes == Some(c) {
                        in_quotes = None;
                    }
                    text.push(c);
                }
            }
        }
        text
    }

    /// A value as SQL writes it.
    pub fn literal(value: &Cell) -> String {
        match value {
            Cell::Null => "NULL".to_owned(),
            Cell::Int(value) => value.to_string(),
            // With its point or exponent, so that it stays a real number.
            Cell::Real(value) => format!("{value:?}"),
            Cell::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Cell::Blob(bytes) => hex_literal(bytes),
        }
    }
}

/// `?, ?, ?`: so many marks for values.
pub(super) fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_where_their_marks_are_and_nowhere_else() {
        let sql = Sql::with(
            "SELECT '?' AS \"?\", 'it''s ?' FROM t WHERE a = ? AND b < ? AND c = ?",
            [
                Cell::Text("o'hara ?".to_owned()),
                Cell::Real(4.0),
                Cell::Blob(vec![0, 255]),
            ],
        );
        assert_eq!(
            sql.with_values(),
            "SELECT '?' AS \"?\", 'it''s ?' FROM t WHERE a = 'o''hara ?' AND b < 4.0 AND c = x'00ff'"
        );
    }
}
