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

    /// How SQLite orders two values without a collation of their own: NULL, numbers, text, bytes.
    pub fn order(&self, other: &Self) -> std::cmp::Ordering {
        let class = |cell: &Self| match cell {
            Self::Null => 0,
            Self::Int(_) | Self::Real(_) => 1,
            Self::Text(_) => 2,
            Self::Blob(_) => 3,
        };
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Int(a), Self::Real(b)) => order_mixed(*a, *b),
            (Self::Real(a), Self::Int(b)) => order_mixed(*b, *a).reverse(),
            // Zero has one place, whatever its sign; SQLite stores no NaN.
            (Self::Real(a), Self::Real(b)) => a.partial_cmp(b).unwrap_or_else(|| a.total_cmp(b)),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Blob(a), Self::Blob(b)) => a.cmp(b),
            (a, b) => class(a).cmp(&class(b)),
        }
    }

    /// A value about so far on the way from this one to another: for a first guess at where in an
    /// order something is. `None` where there is nothing between, as with NULL.
    pub fn on_the_way(&self, to: &Self, share: f64) -> Option<Self> {
        let share = share.clamp(0.0, 1.0);
        let mix = |from: f64, to: f64| from + (to - from) * share;
        match (self, to) {
            (Self::Int(from), Self::Int(to)) => {
                Some(Self::Int(mix(*from as f64, *to as f64).round() as i64))
            }
            (Self::Text(from), Self::Text(to)) => {
                Some(Self::Text(text_on_the_way(from, to, share)))
            }
            (from, to) => Some(Self::Real(mix(from.as_real()?, to.as_real()?))),
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

/// An integer may have more digits than a real number can tell apart, and a real number may be
/// larger than any integer.
fn order_mixed(a: i64, b: f64) -> std::cmp::Ordering {
    use std::cmp::Ordering;

    /// The first number beyond the integers.
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;

    if b >= BEYOND {
        return Ordering::Less;
    }
    if b < -BEYOND {
        return Ordering::Greater;
    }
    let fraction = b.fract();
    a.cmp(&(b.trunc() as i64))
        .then(0.0.partial_cmp(&fraction).unwrap_or(Ordering::Equal))
}

/// The first letters are digits of a number with a hundred values for each: enough for a guess.
fn text_on_the_way(from: &str, to: &str, share: f64) -> String {
    const LETTERS: i32 = 6;
    let common = from
        .bytes()
        .zip(to.bytes())
        .take_while(|(a, b)| a == b && a.is_ascii())
        .count();
    let number = |text: &str| {
        (0..LETTERS)
            .map(|nth| {
                let byte = text.as_bytes().get(common + nth as usize).copied();
                let digit = byte.map_or(0, |byte| byte.clamp(31, 126) - 31);
                f64::from(digit) / 96_f64.powi(nth + 1)
            })
            .sum::<f64>()
    };
    let mut rest = number(from) + (number(to) - number(from)) * share;
    let mut text = from.get(..common).unwrap_or_default().to_owned();
    for _ in 0..LETTERS {
        rest *= 96.0;
        let digit = rest.floor().clamp(0.0, 95.0);
        rest -= digit;
        if digit == 0.0 {
            break;
        }
        text.push(char::from(digit as u8 + 31));
    }
    text
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_ordered_as_sqlite_orders_them() {
        let values = [
            Cell::Null,
            Cell::Int(i64::MIN),
            Cell::Int(-1),
            Cell::Real(-0.5),
            Cell::Int(0),
            Cell::Real(-0.0),
            Cell::Real(0.0),
            Cell::Real(0.5),
            Cell::Int(1),
            Cell::Real(1.0),
            Cell::Int(9_007_199_254_740_993),
            Cell::Real(9_007_199_254_740_992.0),
            Cell::Int(i64::MAX - 1),
            Cell::Int(i64::MAX),
            Cell::Real(9_223_372_036_854_775_808.0),
            Cell::Real(-9_223_372_036_854_775_808.0),
            Cell::Real(-1e300),
            Cell::Real(f64::INFINITY),
            Cell::Real(f64::NEG_INFINITY),
            Cell::Text(String::new()),
            Cell::Text("A".to_owned()),
            Cell::Text("a".to_owned()),
            Cell::Text("ä".to_owned()),
            Cell::Blob(Vec::new()),
            Cell::Blob(vec![0]),
            Cell::Blob(b"a".to_vec()),
        ];
        let conn = rusqlite::Connection::open_in_memory().expect("a database in memory");
        conn.execute_batch("CREATE TABLE t(nth, value)")
            .expect("made");
        for (nth, value) in (0_i64..).zip(&values) {
            conn.execute("INSERT INTO t VALUES (?, ?)", (nth, value))
                .expect("inserted");
        }
        let mut statement = conn
            .prepare("SELECT DENSE_RANK() OVER (ORDER BY value) FROM t ORDER BY nth")
            .expect("prepared");
        let ranks: Vec<i64> = statement
            .query_map([], |row| row.get(0))
            .expect("asked")
            .collect::<rusqlite::Result<_>>()
            .expect("numbers");
        for (a, a_rank) in values.iter().zip(&ranks) {
            for (b, b_rank) in values.iter().zip(&ranks) {
                assert_eq!(a.order(b), a_rank.cmp(b_rank), "{a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn a_guess_lies_between_the_ends() {
        let guess = |from: &Cell, to: &Cell, share| from.on_the_way(to, share).expect("a guess");
        assert_eq!(guess(&Cell::Int(100), &Cell::Int(0), 0.25), Cell::Int(75));
        let (from, to) = (
            Cell::Text("k101bb03".to_owned()),
            Cell::Text("k950zz99".to_owned()),
        );
        let mut last = from.clone();
        for step in 0..=100 {
            let now = guess(&from, &to, f64::from(step) / 100.0);
            assert!(last.order(&now).is_le() || step == 0, "{last:?} {now:?}");
            assert!(now.order(&to).is_le(), "{now:?}");
            last = now;
        }
        assert_eq!(Cell::Null.on_the_way(&Cell::Int(5), 0.5), None);
    }
}
