//! The rows of the job table on the screen: any part of a sorted selection, in chosen columns.
//!
//! Every part begins at a key, never at an OFFSET into the whole: OFFSET walks every row it skips.
//! Only within a step of the position index (see [`super::position`]) are rows skipped.

use std::sync::Arc;

use super::{
    catalogue::Column,
    column::{ColumnKind, JobColumn},
    filter::Selection,
    list::paged,
    schema::Schema,
    sort::{Cursor, Sort},
    sorted::SortedIds,
    sql::Sql,
};
use crate::{db::value::Cell, error::Result};

/// Long texts are fetched up to this many characters, with their length beside; the details of a
/// job fetch the rest.
pub const WIDE_CHARS: u32 = 200;

/// Where a part of the list begins.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// At the first row.
    First,
    /// At the last row; the rows come in reverse.
    Last,
    /// Right after the row with this key.
    After(Cursor),
    /// Right before the row with this key; the rows come in reverse, the nearest first.
    Before(Cursor),
    /// At this key, whether or not there is a row with it.
    From(Cursor),
    /// At a row of an order that was written down. Each row tells its place in the list.
    Sorted(Arc<SortedIds>, u64),
    /// At a job of an order that was written down. Nothing if it is not in it.
    SortedAt(Arc<SortedIds>, i64),
}

impl Place {
    /// Whether the rows come in the reverse of the list's order.
    pub fn is_reverse(&self) -> bool {
        matches!(self, Self::Last | Self::Before(_))
    }
}

/// A part of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct RowsQuery {
    /// Which jobs.
    pub selection: Selection,
    /// In which order.
    pub sort: Sort,
    /// What is shown of each. Nothing: only its key, which an index may hold.
    pub columns: Arc<[JobColumn]>,
    /// Where it begins.
    pub place: Place,
    /// So many rows after that.
    pub skip: u32,
    /// How many rows at most.
    pub limit: u32,
    /// Long texts as a whole, not only their beginning.
    pub is_full: bool,
}

/// What every row begins with, before its columns.
pub const HEAD: usize = 5;

impl RowsQuery {
    /// The statement and its values.
    ///
    /// # Errors
    /// If the file lacks what the order or the filter needs, or a written order cannot be read.
    pub fn sql(&self, schema: &Schema) -> Result<Sql> {
        let sort = if self.place.is_reverse() {
            self.sort.reversed()
        } else {
            self.sort.clone()
        };
        let after = match &self.place {
            Place::Sorted(ids, row) => {
                let row = row + u64::from(self.skip);
                return self.of_ids(schema, row, &ids.read(row, self.limit)?);
            }
            Place::SortedAt(ids, id) => {
                let row = ids.find(*id)?;
                let found = row.map_or(Ok(Vec::new()), |row| ids.read(row, self.limit))?;
                return self.of_ids(schema, row.unwrap_or(0), &found);
            }
            Place::First | Place::Last => None,
            Place::After(cursor) | Place::Before(cursor) => Some(sort.after(schema, cursor)?),
            Place::From(cursor) => Some(sort.from(schema, cursor)?),
        };
        let key = self.sort.expression(schema)?;
        let is_in_two_steps = schema.has_rowid_ids() && !self.columns.is_empty();
        let selected = if is_in_two_steps {
            format!("id AS page_id, {key} AS page_key")
        } else {
            self.selected(schema, &key, "NULL").join(", ")
        };
        let page = paged(after, Some(i64::from(self.limit)), self.skip, |extra| {
            let mut sql = Sql::text(format!("SELECT {selected}\n"));
            sql.append(self.selection.source(schema, extra)?);
            sql.push(&format!("\n{}", sort.order_by(schema)?));
            Ok(sql)
        })?;
        if !is_in_two_steps {
            return Ok(page);
        }
        // First the keys, which a narrow index may hold, then the rows of those that are shown:
        // where many jobs have equal keys, or some are skipped, most rows are never read.
        let mut sql = Sql::text(format!(
            "SELECT {}\nFROM (\n",
            self.selected(schema, "page_key", "NULL").join(", ")
        ));
        sql.append(page);
        let direction = if sort.descending { "DESC" } else { "ASC" };
        sql.push(&format!(
            "\n) AS page CROSS JOIN {} ON job.id = page_id\nORDER BY page_key {direction}, page_id {direction}",
            schema.job_table()
        ));
        Ok(sql)
    }

    /// The jobs with these ids that still match, each with its place in the list.
    fn of_ids(&self, schema: &Schema, first_row: u64, ids: &[i64]) -> Result<Sql> {
        // Where ids may be text, an integer finds nobody: each is given in both forms.
        let forms = if schema.has_loose_ids() { 2 } else { 1 };
        let list = || {
            let given = ids.iter().flat_map(|id| {
                let both = [serde_json::json!(id), serde_json::json!(id.to_string())];
                both.into_iter().take(forms)
            });
            Cell::Text(given.collect::<serde_json::Value>().to_string())
        };
        let id = schema.column("id")?;
        let place = format!(
            "(SELECT wanted.key / {forms} + {first_row} FROM json_each(?) AS wanted WHERE wanted.value = job.{id})"
        );
        let key = self.sort.expression(schema)?;
        let selected = self.selected(schema, &key, &place).join(", ");
        // Keys alone come without their places, and in the same order.
        let (placed, order) = if self.columns.is_empty() {
            (None, Sql::with(place, [list()]))
        } else {
            (Some(list()), Sql::text("place"))
        };
        let mut sql = Sql::with(format!("SELECT {selected}\n"), placed);
        let among = Sql::with(
            format!("job.{id} IN (SELECT value FROM json_each(?))"),
            [list()],
        );
        sql.append(self.selection.source(schema, Some(among))?);
        sql.push("\nORDER BY ");
        sql.append(order);
        Ok(sql)
    }

    fn selected(&self, schema: &Schema, key: &str, place: &str) -> Vec<String> {
        let mut parts = vec!["id".to_owned(), format!("{key} AS \"key\"")];
        if !self.columns.is_empty() {
            let table = schema.job_table();
            parts.push(format!("{place} AS place"));
            // In the same snapshot: what was inserted later is newer than all that is shown.
            parts.push(format!("(SELECT MAX(id) FROM {table}) AS newest"));
            parts.push(schema.selected("job_state"));
        }
        for column in &*self.columns {
            parts.extend(selected(schema, column, self.is_full));
        }
        parts
    }

    /// The columns of the result.
    pub fn columns(&self) -> Vec<Column> {
        let mut names = vec!["id".to_owned(), "key".to_owned()];
        if !self.columns.is_empty() {
            names.extend(["place", "newest", "job_state"].map(ToOwned::to_owned));
        }
        for column in &*self.columns {
            names.push(column.to_string());
            if is_wide(column) && !self.is_full {
                names.push(format!("length of {column}"));
            }
        }
        names.iter().map(|name| Column::new(name, None)).collect()
    }
}

/// Whether only the beginning of the values is fetched.
fn is_wide(column: &JobColumn) -> bool {
    column.kind() == ColumnKind::Json || matches!(column, JobColumn::MetaData(_))
}

/// One column, or two where only the beginning is fetched: NULL for what the file does not have.
fn selected(schema: &Schema, column: &JobColumn, is_full: bool) -> Vec<String> {
    let is_cut = is_wide(column) && !is_full;
    let Ok(value) = column.expression(schema) else {
        return vec!["NULL".to_owned(); 1 + usize::from(is_cut)];
    };
    if !is_cut {
        return vec![value];
    }
    // JSON arrives as BLOB; its characters are counted as those of a text.
    let text = format!("CAST({value} AS TEXT)");
    vec![
        format!("substr({text}, 1, {WIDE_CHARS})"),
        format!("length({text})"),
    ]
}

/// One row of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListRow {
    /// Its database id.
    pub id: i64,
    /// Its value of what the jobs are sorted by.
    pub key: Cell,
    /// Where in the wanted part it belongs, where that is not simply the next place.
    pub place: Option<u64>,
    /// The largest id in the file when it was read.
    pub newest_id: i64,
    /// Its state.
    state: Cell,
    /// The values of the chosen columns.
    cells: Box<[Cell]>,
}

impl ListRow {
    /// Takes a row of a [`RowsQuery`]. `None` for what has no usable id.
    pub fn from_cells(mut cells: Vec<Cell>) -> Option<Self> {
        if cells.len() < HEAD {
            return None;
        }
        let rest = cells.split_off(HEAD);
        let mut head = cells.into_iter();
        Some(Self {
            id: head.next()?.as_id()?,
            key: head.next()?,
            place: head
                .next()?
                .as_int()
                .and_then(|place| u64::try_from(place).ok()),
            newest_id: head.next()?.as_id().unwrap_or(i64::MAX),
            state: head.next()?,
            cells: rest.into_boxed_slice(),
        })
    }

    /// Stands for a job that was in the list when its order was written down, and no longer is.
    pub fn gone() -> Self {
        Self {
            id: i64::MIN,
            key: Cell::Null,
            place: None,
            newest_id: i64::MAX,
            state: Cell::Null,
            cells: Box::default(),
        }
    }

    /// Whether it is [`Self::gone`].
    pub fn is_gone(&self) -> bool {
        self.id == i64::MIN && self.cells.is_empty()
    }

    /// Where the list goes on after this row.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            key: self.key.clone(),
            id: self.id,
        }
    }

    /// The value of a column among those that were asked for, and its length in characters where
    /// only its beginning was fetched.
    pub fn get(&self, columns: &[JobColumn], wanted: &JobColumn) -> (&Cell, Option<u64>) {
        let mut at = 0;
        for column in columns {
            let wide = is_wide(column);
            if column == wanted {
                let value = self.cells.get(at).unwrap_or(&Cell::Null);
                let length = self.cells.get(at + 1).filter(|_| wide);
                let length = length.and_then(Cell::as_int);
                return (value, length.and_then(|length| u64::try_from(length).ok()));
            }
            at += if wide { 2 } else { 1 };
        }
        (&Cell::Null, None)
    }

    /// Its state.
    pub fn state(&self) -> &str {
        self.state.as_text().unwrap_or("")
    }

    /// Memory that it holds, roughly.
    pub fn size(&self) -> usize {
        size_of::<Self>()
            + self.key.size()
            + self.state.size()
            + self.cells.iter().map(Cell::size).sum::<usize>()
    }
}

/// A question about a list that is not about its rows.
#[derive(Clone, Debug, PartialEq)]
pub enum ListQuery {
    /// A part of it.
    Rows(RowsQuery),
    /// The keys of all its rows, in order.
    Positions(Selection, Sort),
    /// The ids of all its rows, in an order that no index has.
    SortedIds(Selection, Sort),
    /// How many of its jobs were inserted after this id; no more than [`MAX_NEWER`] are counted.
    Newer(Selection, i64),
}

/// Newer jobs are counted up to here.
pub const MAX_NEWER: u32 = 10_000;

impl ListQuery {
    /// The statement and its values.
    ///
    /// # Errors
    /// If the file lacks what the order or the filter needs.
    pub fn sql(&self, schema: &Schema) -> Result<Sql> {
        match self {
            Self::Rows(rows) => rows.sql(schema),
            Self::Positions(selection, sort) => {
                let key = sort.expression(schema)?;
                let mut sql = Sql::text(format!("SELECT id, {key} AS \"key\"\n"));
                sql.append(selection.source(schema, None)?);
                sql.push(&format!("\n{}", sort.order_by(schema)?));
                Ok(sql)
            }
            Self::SortedIds(selection, sort) => {
                let mut sql = Sql::text("SELECT id\n");
                sql.append(selection.source(schema, None)?);
                sql.push(&format!("\n{}", sort.order_by(schema)?));
                Ok(sql)
            }
            Self::Newer(selection, id) => {
                let mut sql = Sql::text("SELECT COUNT(*) AS count FROM (\nSELECT 1\n");
                let later = Sql::with(format!("id > {}", schema.id_mark()), [Cell::Int(*id)]);
                sql.append(selection.source(schema, Some(later))?);
                sql.push(&format!("\nLIMIT {}\n)", MAX_NEWER + 1));
                Ok(sql)
            }
        }
    }

    /// The columns of the result.
    pub fn columns(&self) -> Vec<Column> {
        let plain = |names: &[&str]| names.iter().map(|name| Column::new(name, None)).collect();
        match self {
            Self::Rows(rows) => rows.columns(),
            Self::Positions(..) => plain(&["id", "key"]),
            Self::SortedIds(..) => plain(&["id"]),
            Self::Newer(..) => vec![Column::new("count", Some("jobs"))],
        }
    }

    /// The name in receipts and recordings.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rows(_) => "rows",
            Self::Positions(..) => "positions",
            Self::SortedIds(..) => "sort",
            Self::Newer(..) => "newer",
        }
    }

    /// The name for a person.
    pub fn title(&self) -> String {
        match self {
            Self::Rows(rows) if rows.place == Place::First => "Jobs".to_owned(),
            Self::Rows(_) => "More jobs".to_owned(),
            Self::Positions(..) => "Row numbers".to_owned(),
            Self::SortedIds(_, sort) => format!("Sort by {}", sort.column()),
            Self::Newer(..) => "Newer jobs".to_owned(),
        }
    }
}
