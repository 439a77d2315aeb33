//! Values as SQLite stores them, how it compares them, and LIKE.

use std::cmp::Ordering;

use rusqlite::{Row, types::ValueRef};

/// A value of any storage class.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

impl Stored {
    pub(super) fn read(row: &Row<'_>, at: usize) -> Self {
        match row.get_ref(at).expect("a column") {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(text) => Self::Text(String::from_utf8_lossy(text).into_owned()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_owned()),
        }
    }

    /// A value as SQLite takes it out of JSON: a list or an object as its text.
    pub(super) fn from_json(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(yes) => Self::Integer(i64::from(*yes)),
            serde_json::Value::Number(number) => number.as_i64().map_or_else(
                || Self::Real(number.as_f64().expect("a number")),
                Self::Integer,
            ),
            serde_json::Value::String(text) => Self::Text(text.clone()),
            other @ (serde_json::Value::Array(_) | serde_json::Value::Object(_)) => {
                Self::Text(other.to_string())
            }
        }
    }

    /// A text that is compared with a numeric column: a number if it reads like one.
    pub(super) fn with_numeric_affinity(text: &str) -> Self {
        let trimmed = text.trim_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
        // Rust also reads names such as "inf".
        let is_numeric = trimmed
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        let number = is_numeric.then(|| {
            let integer = trimmed.parse().ok().map(Self::Integer);
            integer.or_else(|| trimmed.parse().ok().map(Self::Real))
        });
        number
            .flatten()
            .unwrap_or_else(|| Self::Text(text.to_owned()))
    }

    /// The number, if it is an integer.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Null | Self::Real(_) | Self::Text(_) | Self::Blob(_) => None,
        }
    }

    /// The number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            Self::Real(number) => Some(*number),
            Self::Null | Self::Text(_) | Self::Blob(_) => None,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Integer(_) | Self::Real(_) | Self::Blob(_) => None,
        }
    }

    /// Whether it is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The comparison of a condition: none if one side is NULL.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        (!self.is_null() && !other.is_null()).then(|| self.order(other))
    }

    /// Whether `=` holds, which it never does for NULL.
    pub fn is_equal(&self, other: &Self) -> bool {
        self.compare(other) == Some(Ordering::Equal)
    }

    /// The order of ORDER BY: NULL, numbers, texts by their bytes, BLOBs by their bytes.
    pub fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Real(a), Self::Real(b)) => a.partial_cmp(b).expect("SQLite stores no NaN"),
            (Self::Integer(a), Self::Real(b)) => order_mixed(*a, *b),
            (Self::Real(a), Self::Integer(b)) => order_mixed(*b, *a).reverse(),
            (Self::Text(a), Self::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Self::Blob(a), Self::Blob(b)) => a.cmp(b),
            _ => self.class().cmp(&other.class()),
        }
    }

    fn class(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Integer(_) | Self::Real(_) => 1,
            Self::Text(_) => 2,
            Self::Blob(_) => 3,
        }
    }

    /// What LIKE looks at.
    pub(super) fn as_like_operand(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Integer(number) => Some(number.to_string()),
            Self::Real(number) => Some(format!("{number:?}")),
            Self::Text(text) => Some(text.clone()),
            Self::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        }
    }
}

/// An integer and a real number, without rounding the integer.
fn order_mixed(integer: i64, real: f64) -> Ordering {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if real >= BEYOND {
        return Ordering::Less;
    }
    if real < -BEYOND {
        return Ordering::Greater;
    }
    let fraction = real.fract();
    integer
        .cmp(&(real.trunc() as i64))
        .then_with(|| 0.0.partial_cmp(&fraction).expect("not NaN"))
}

/// A part of a LIKE pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// This character; ASCII letters in either case.
    Exactly(char),
    /// `_`
    AnyOne,
    /// `%`
    AnyNumber,
}

/// A pattern as the user wrote it.
pub(super) fn pattern(text: &str) -> Vec<Piece> {
    let piece = |letter| match letter {
        '%' => Piece::AnyNumber,
        '_' => Piece::AnyOne,
        other => Piece::Exactly(other),
    };
    text.chars().map(piece).collect()
}

/// A text of which every character means itself.
pub(super) fn literal(text: &str) -> Vec<Piece> {
    text.chars().map(Piece::Exactly).collect()
}

/// LIKE.
pub(super) fn is_like(value: &Stored, pattern: &[Piece]) -> bool {
    let Some(text) = value.as_like_operand() else {
        return false;
    };
    let text: Vec<char> = text.chars().collect();
    // Whether the pattern up to here matches the first so many characters of the text.
    let mut matched = vec![false; text.len() + 1];
    matched[0] = true;
    for piece in pattern {
        let mut next = vec![false; text.len() + 1];
        match piece {
            Piece::AnyNumber => {
                if let Some(first) = matched.iter().position(|yes| *yes) {
                    next[first..].fill(true);
                }
            }
            Piece::AnyOne => next[1..].copy_from_slice(&matched[..text.len()]),
            Piece::Exactly(wanted) => {
                for (at, found) in text.iter().enumerate() {
                    next[at + 1] = matched[at] && found.eq_ignore_ascii_case(wanted);
                }
            }
        }
        matched = next;
    }
    matched[text.len()]
}
