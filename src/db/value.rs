//! Values as they come out of SQLite, without SQLite's types.

use rusqlite::{
    ToSql,
    types::{ToSqlOutput, ValueRef},
};
use serde::{Serialize, Serializer};

/// One value of a result row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// SQL NULL.
    Null,
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Real(f64),
    /// Text. Bytes that are no UTF-8 were replaced.
    Text(String),
    /// Bytes. JSON columns arrive like this, too: cc-backend binds them as BLOB.
    Blob(Vec<u8>),
}

impl Cell {
    /// The integer, also where SQLite stored it as a whole real number.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Real(value) if value.fract() == 0.0 && value.abs() < 9e15 => Some(*value as i64),
            Self::Real(_) | Self::Null | Self::Text(_) | Self::Blob(_) => None,
        }
    }

    /// The integer, also where it is written as text: files that were imported from CSV have ids
    /// like that, and SQLite compares them with integers as we do.
    pub fn as_id(&self) -> Option<i64> {
        self.as_int().or_else(|| {
            let text = self.as_text()?;
            let id = text.parse::<i64>().ok()?;
            (id.to_string() == text).then_some(id)
        })
    }

    /// The number as a float.
    pub fn as_real(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Real(value) => Some(*value),
            Self::Null | Self::Text(_) | Self::Blob(_) => None,
        }
    }

    /// The text, whichever storage class it has. `None` for NULL, numbers and non-text bytes.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Blob(bytes) => std::str::from_utf8(bytes).ok(),
            Self::Null | Self::Int(_) | Self::Real(_) => None,
        }
    }

    /// How a table shows it: NULL is empty, bytes that are no text are hexadecimal.
    pub fn display(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Int(value) => value.to_string(),
            Self::Real(value) => value.to_string(),
            Self::Text(text) => text.clone(),
            Self::Blob(bytes) => {
                std::str::from_utf8(bytes).map_or_else(|_| hex_literal(bytes), ToOwned::to_owned)
            }
        }
    }

    /// Memory that the cell holds, roughly: for batches that are bounded in bytes.
    pub fn size(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Null | Self::Int(_) | Self::Real(_) => 0,
                Self::Text(text) => text.len(),
                Self::Blob(bytes) => bytes.len(),
            }
    }
}

/// Bytes as SQL writes them: `x'00ff'`.
pub(crate) fn hex_literal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    let mut text = String::with_capacity(bytes.len() * 2 + 3);
    text.push_str("x'");
    for byte in bytes {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
    }
    text.push('\'');
    text
}

impl From<ValueRef<'_>> for Cell {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(value) => Self::Int(value),
            ValueRef::Real(value) => Self::Real(value),
            ValueRef::Text(bytes) => Self::Text(String::from_utf8_lossy(bytes).into_owned()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
        }
    }
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Real(value) => ValueRef::Real(*value),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// JSON numbers, strings and null; bytes as text where they are text, else as a hex literal.
impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Real(value) => serializer.serialize_f64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Blob(_) => serializer.serialize_str(&self.display()),
        }
    }
}
