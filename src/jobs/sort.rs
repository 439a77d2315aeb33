//! The order of a job list, and the key at which its next page begins.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    column::JobColumn,
    filter::check_metric,
    list::{COLUMNS, DETAIL_COLUMNS},
    schema::{Schema, json_value},
    sql::Sql,
};
use crate::{
    db::value::Cell,
    error::{Error, Result},
};

/// What decides the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// A column of the job table, by today's name.
    Column(&'static str),
    /// A value of the footprint; jobs without it count as NULL.
    Footprint(String),
}

/// An order of jobs. Equal keys are ordered by `id`, in the same direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// What decides.
    pub key: SortKey,
    /// Largest first. NULL counts as smaller than everything.
    pub descending: bool,
}

/// Newest first.
impl Default for Sort {
    fn default() -> Self {
        Self {
            key: SortKey::Column("start_time"),
            descending: true,
        }
    }
}

/// As on the command line: `start_time:desc`, `footprint.cpu_load_avg:asc`.
impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = if self.descending { "desc" } else { "asc" };
        match &self.key {
            SortKey::Column(name) => write!(f, "{name}:{direction}"),
            SortKey::Footprint(key) => write!(f, "footprint.{key}:{direction}"),
        }
    }
}

impl FromStr for Sort {
    type Err = Error;

    /// Reads `COLUMN[:asc|:desc]`; without a direction the largest come first. A column may be
    /// spelled as cc-backend's order does (`startTime`, `numNodes`).
    fn from_str(text: &str) -> Result<Self> {
        let (name, descending) = parse_direction(text)?;
        if let Some(key) = name.strip_prefix("footprint.") {
            let key = SortKey::Footprint(check_metric(key)?.to_owned());
            return Ok(Self { key, descending });
        }
        let plain = |text: &str| text.replace('_', "").to_lowercase();
        let columns = || COLUMNS.iter().chain(&DETAIL_COLUMNS).map(|(name, _)| *name);
        columns()
            .find(|column| plain(column) == plain(name))
            .map(|column| Self {
                key: SortKey::Column(column),
                descending,
            })
            .ok_or_else(|| {
                let known: Vec<_> = columns().collect();
                let expected = format!("one of {}, or footprint.KEY", known.join(", "));
                Error::invalid("sort column", name, expected)
            })
    }
}

/// Splits `NAME[:asc|:desc]`; the default is descending, as everywhere in cc-backend.
pub(super) fn parse_direction(text: &str) -> Result<(&str, bool)> {
    match text.split_once(':') {
        None => Ok((text, true)),
        Some((name, "desc")) => Ok((name, true)),
        Some((name, "asc")) => Ok((name, false)),
        Some((_, other)) => Err(Error::invalid("sort direction", other, "asc or desc")),
    }
}

impl Sort {
    /// The key as an expression.
    pub(super) fn expression(&self, schema: &Schema) -> Result<String> {
        match &self.key {
            SortKey::Column(name) => schema.column(name).map(ToOwned::to_owned),
            SortKey::Footprint(key) => {
                Ok(json_value(schema.column("footprint")?, check_metric(key)?))
            }
        }
    }

    /// The name of the column that shows the key at the end of each row, where the list does not
    /// have it anyway.
    pub fn extra_column(&self) -> Option<String> {
        match &self.key {
            SortKey::Column(name) if COLUMNS.iter().any(|(column, _)| column == name) => None,
            SortKey::Column(name) => Some((*name).to_owned()),
            SortKey::Footprint(key) => Some(format!("footprint.{key}")),
        }
    }

    /// `, expression AS "name"` for [`Self::extra_column`].
    ///
    /// # Errors
    /// If the file lacks the column.
    pub(super) fn extra_selected(&self, schema: &Schema) -> Result<String> {
        let Some(name) = self.extra_column() else {
            return Ok(String::new());
        };
        Ok(format!(", {} AS \"{name}\"", self.expression(schema)?))
    }

    /// Where a row of the list has the key.
    fn position(&self) -> usize {
        match &self.key {
            SortKey::Column(name) => COLUMNS.iter().position(|(column, _)| column == name),
            SortKey::Footprint(_) => None,
        }
        .unwrap_or(COLUMNS.len())
    }

    /// `ORDER BY key, id`.
    ///
    /// # Errors
    /// If the file lacks the column.
    pub(super) fn order_by(&self, schema: &Schema) -> Result<String> {
        let direction = if self.descending { "DESC" } else { "ASC" };
        if self.key == SortKey::Column("id") {
            return Ok(format!("ORDER BY id {direction}"));
        }
        let key = self.expression(schema)?;
        Ok(format!("ORDER BY {key} {direction}, id {direction}"))
    }

    /// The same order from its other end.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self {
            key: self.key.clone(),
            descending: !self.descending,
        }
    }

    /// Whether a row with the one key comes before a row with the other. Right for columns without a
    /// collation of their own, which cc-backend's are.
    pub fn is_before(&self, a: &Cursor, b: &Cursor) -> bool {
        let order = a.key.order(&b.key).then(a.id.cmp(&b.id));
        if self.descending {
            order.is_gt()
        } else {
            order.is_lt()
        }
    }

    /// The key that lies before all rows with this value.
    pub fn at(&self, key: Cell) -> Cursor {
        let is_id = self.key == SortKey::Column("id");
        let id = key.as_id().filter(|_| is_id);
        let end = if self.descending { i64::MAX } else { i64::MIN };
        Cursor {
            id: id.unwrap_or(end),
            key,
        }
    }

    /// The key as a column of jobs.
    pub fn column(&self) -> JobColumn {
        match &self.key {
            SortKey::Column(name) => JobColumn::Stored(name),
            SortKey::Footprint(key) => JobColumn::Footprint(key.clone()),
        }
    }

    /// The condition on rows after the cursor, in this order.
    ///
    /// # Errors
    /// If the file lacks the column.
    pub(super) fn after(&self, schema: &Schema, cursor: &Cursor) -> Result<After> {
        self.beyond(schema, cursor, "")
    }

    /// The condition on the cursor's own row and those after it.
    ///
    /// # Errors
    /// If the file lacks the column.
    pub(super) fn from(&self, schema: &Schema, cursor: &Cursor) -> Result<After> {
        self.beyond(schema, cursor, "=")
    }

    fn beyond(&self, schema: &Schema, cursor: &Cursor, equal: &str) -> Result<After> {
        let op = if self.descending { "<" } else { ">" };
        let op = format!("{op}{equal}");
        let id = Cell::Int(cursor.id);
        let mark = schema.id_mark();
        if self.key == SortKey::Column("id") {
            return Ok(After::Here(Sql::with(format!("id {op} {mark}"), [id])));
        }
        let key = self.expression(schema)?;
        let can_be_null = match &self.key {
            SortKey::Column(name) => !schema.is_not_null(name),
            SortKey::Footprint(_) => true,
        };
        // Bytes that are no UTF-8 were replaced. Only the row itself still has them, and a page
        // that began at the replacement would come again and again.
        let is_replaced = matches!(&cursor.key, Cell::Text(text) if text.contains('\u{fffd}'));
        let beyond = || {
            if is_replaced {
                let table = schema.job_table();
                let known = format!("(SELECT {key} FROM {table} WHERE id = {mark})");
                let ids = [id.clone(), id.clone()];
                return Sql::with(format!("({key}, id) {op} ({known}, {mark})"), ids);
            }
            let values = [cursor.key.clone(), id.clone()];
            Sql::with(format!("({key}, id) {op} (?, {mark})"), values)
        };
        let is_null = format!("{key} IS NULL");
        // No index serves a value of the footprint: two parts would be two scans.
        let is_one_scan = matches!(self.key, SortKey::Footprint(_));
        Ok(match (&cursor.key, self.descending) {
            // NULLs come last where the largest come first.
            (Cell::Null, true) => {
                After::Here(Sql::with(format!("{is_null} AND id {op} {mark}"), [id]))
            }
            (Cell::Null, false) if is_one_scan => After::Here(Sql::with(
                format!("({key} IS NOT NULL OR id {op} {mark})"),
                [id],
            )),
            (Cell::Null, false) => After::HereThen(
                Sql::with(format!("{is_null} AND id {op} {mark}"), [id]),
                Sql::text(format!("{key} IS NOT NULL")),
            ),
            (_, true) if can_be_null && is_one_scan => {
                let mut sql = Sql::text("(");
                sql.append(beyond());
                sql.push(&format!(" OR {is_null})"));
                After::Here(sql)
            }
            (_, true) if can_be_null => After::HereThen(beyond(), Sql::text(is_null)),
            _ => After::Here(beyond()),
        })
    }
}

/// Where the rows after a cursor are.
pub(super) enum After {
    /// Where this holds.
    Here(Sql),
    /// First where the one holds, then where the other does. Joined by OR, they would be found by
    /// walking the index from its beginning.
    HereThen(Sql, Sql),
}

/// The last job of a page: the next page begins right after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    /// That job's value of the sort key.
    pub key: Cell,
    /// Its `id`, which decides among equal keys.
    pub id: i64,
}

impl Cursor {
    /// The cursor after a row of the job list in this order.
    pub fn after(row: &[Cell], sort: &Sort) -> Option<Self> {
        Some(Self {
            key: row.get(sort.position())?.clone(),
            id: row.first()?.as_id()?,
        })
    }
}

/// A number that is too large for a real number.
const INFINITE: &str = "9e999";

/// The id, a colon, and the key as JSON: `77:1773209640`, `12:"fritz"`, `3:null`, `5:{"blob":[255]}`.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match &self.key {
            // JSON has no word for it, but reads so large a number as infinite.
            Cell::Real(value) if value.is_infinite() => {
                let sign = if *value < 0.0 { "-" } else { "" };
                return write!(f, "{}:{sign}{INFINITE}", self.id);
            }
            Cell::Null => serde_json::Value::Null,
            Cell::Int(value) => (*value).into(),
            Cell::Real(value) => (*value).into(),
            Cell::Text(text) => text.as_str().into(),
            Cell::Blob(bytes) => serde_json::json!({ "blob": bytes }),
        };
        write!(f, "{}:{key}", self.id)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        use serde_json::Value;

        let invalid = || Error::invalid("cursor", text, "the text that `next` held before");
        let (id, key) = text.split_once(':').ok_or_else(invalid)?;
        let id = id.parse().map_err(|_no_number| invalid())?;
        // serde_json may miss a real number by its last digit, and refuses infinite ones.
        let is_number = key.ends_with(|c: char| c.is_ascii_digit());
        let number = is_number.then(|| {
            let real = || key.parse().ok().map(Cell::Real);
            key.parse().ok().map(Cell::Int).or_else(real)
        });
        if let Some(key) = number.flatten() {
            return Ok(Self { key, id });
        }
        let key = match serde_json::from_str(key).map_err(|_not_ours| invalid())? {
            Value::Null => Cell::Null,
            Value::String(text) => Cell::Text(text),
            Value::Object(object) => object
                .get("blob")
                .and_then(|bytes| serde_json::from_value(bytes.clone()).ok())
                .map(Cell::Blob)
                .ok_or_else(invalid)?,
            Value::Bool(_) | Value::Number(_) | Value::Array(_) => return Err(invalid()),
        };
        Ok(Self { key, id })
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|error: Error| serde::de::Error::custom(error.chain()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_round_trip() {
        for key in [
            Cell::Null,
            Cell::Int(i64::MIN),
            Cell::Real(0.1 + 0.2),
            Cell::Real(1e300),
            Cell::Real(122.416_294_033_786_58),
            Cell::Real(-5.0),
            Cell::Real(f64::INFINITY),
            Cell::Real(f64::NEG_INFINITY),
            Cell::Text("a:b\"'ü".to_owned()),
            Cell::Blob(vec![0, 255]),
        ] {
            let cursor = Cursor { key, id: -3 };
            let text = cursor.to_string();
            assert_eq!(text.parse::<Cursor>().expect(&text), cursor);
        }
        for wrong in ["12", "a:1", "1:", "1:[1]", "1:{}", ""] {
            assert!(wrong.parse::<Cursor>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_sort_is_a_column_or_a_footprint_value() {
        let read = |text: &str| text.parse::<Sort>().map(|sort| sort.to_string());
        assert_eq!(read("duration").expect("a column"), "duration:desc");
        assert_eq!(
            read("numHWThreads:asc").expect("theirs"),
            "num_hwthreads:asc"
        );
        assert_eq!(
            read("footprint.mem_bw_avg").expect("a key"),
            "footprint.mem_bw_avg:desc"
        );
        for wrong in ["", "nodes", "footprint.", "footprint.a b", "duration:up"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
