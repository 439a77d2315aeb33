//! The statements of an export: rows in their order, with the columns that were asked for.

use super::{
    column::JobColumn,
    filter::{Selection, check_metric},
    list::{keys_sql, ordered_sql},
    query::FOOTPRINT_SAMPLE,
    schema::{FileKind, Schema},
    sort::{Cursor, Sort},
    sql::Sql,
};
use crate::error::{Error, Result};

/// Neighbouring rows of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Where they begin; `None` is the beginning of the list.
    pub from: Option<Cursor>,
    /// So many rows after that.
    pub skip: u32,
    /// How many there are.
    pub num_rows: u64,
}

/// A JSON column whose values can be columns of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// `footprint`.
    Footprint,
    /// `meta_data`.
    MetaData,
}

impl Document {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Footprint, Self::MetaData];

    /// The column's name.
    pub fn column(self) -> &'static str {
        match self {
            Self::Footprint => "footprint",
            Self::MetaData => "meta_data",
        }
    }

    /// The value at a key as a column. `None` for a key that cannot be one.
    pub fn at(self, key: &str) -> Option<JobColumn> {
        let key = check_metric(key).ok()?.to_owned();
        Some(match self {
            Self::Footprint => JobColumn::Footprint(key),
            Self::MetaData => JobColumn::MetaData(key),
        })
    }

    /// The keys that the newest jobs have: the first column of each row.
    ///
    /// # Errors
    /// If the file lacks the column.
    pub fn keys_sql(self, schema: &Schema) -> Result<Sql> {
        let types = match self {
            Self::Footprint => "'integer', 'real'",
            Self::MetaData => "'integer', 'real', 'text', 'true', 'false'",
        };
        keys_sql(schema, self.column(), types, FOOTPRINT_SAMPLE)
    }
}

/// What is selected for an export.
#[derive(Clone, Copy, Debug)]
pub struct Selected<'a> {
    /// Which jobs.
    pub selection: &'a Selection,
    /// In which order.
    pub sort: &'a Sort,
    /// Which columns; a file that lacks one of them is refused.
    pub columns: &'a [JobColumn],
}

impl Selected<'_> {
    /// All rows, or those of a part. The columns are in their order.
    ///
    /// # Errors
    /// If the file lacks one of the columns, or an input cannot be used.
    pub fn sql(&self, schema: &Schema, part: Option<&Part>) -> Result<Sql> {
        let select = self.select(schema)?;
        let from = part
            .and_then(|part| part.from.as_ref())
            .map(|from| self.sort.from(schema, from))
            .transpose()?;
        let limit = part.map(|part| i64::try_from(part.num_rows).unwrap_or(i64::MAX));
        let skip = part.map_or(0, |part| part.skip);
        let page = (limit, skip);
        ordered_sql(schema, self.selection, self.sort, (&select, from), page)
    }

    /// The same rows by cluster and start, with these two before the columns: each partition of a
    /// folder is complete before the next one begins, so only one file is open at a time.
    ///
    /// # Errors
    /// As for [`Self::sql`].
    pub fn partitioned_sql(&self, schema: &Schema, part: Option<&Part>) -> Result<Sql> {
        let keys = [
            JobColumn::Stored("cluster"),
            JobColumn::Stored("start_time"),
        ];
        let columns: Vec<_> = keys.iter().chain(self.columns).cloned().collect();
        let all = Selected {
            columns: &columns,
            ..*self
        };
        if part.is_some() {
            let mut sql = all.sql(schema, part)?;
            sql.text = format!("SELECT * FROM (\n{}\n)\nORDER BY 1, 2", sql.text);
            return Ok(sql);
        }
        let mut sql = Sql::text(format!("SELECT {}\n", all.select(schema)?));
        sql.append(self.selection.source(schema, None)?);
        let [cluster, start] = [schema.column("cluster")?, schema.column("start_time")?];
        sql.push(&format!("\nORDER BY {cluster}, {start}, id"));
        Ok(sql)
    }

    fn select(&self, schema: &Schema) -> Result<String> {
        if schema.kind() == FileKind::Other {
            return Err(schema.lacks_jobs());
        }
        if self.columns.is_empty() {
            return Err(Error::invalid("list of columns", "", "at least one column"));
        }
        let expressions = self
            .columns
            .iter()
            .map(|column| column.expression(schema))
            .collect::<Result<Vec<_>>>()?;
        Ok(expressions.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        db::value::Cell,
        jobs::{catalogue::Clock, filter::JobFilter},
    };

    fn sql(sort: &str, part: Option<&Part>, partitioned: bool) -> String {
        let clock = Clock {
            now_unix_secs: 0,
            short_secs: 300,
        };
        let columns: Vec<JobColumn> = ["job_id", "footprint.mem_bw_avg"]
            .iter()
            .map(|name| name.parse().expect(name))
            .collect();
        let selected = Selected {
            selection: &Selection::new(JobFilter::default(), clock),
            sort: &sort.parse().expect(sort),
            columns: &columns,
        };
        let schema = Schema::version_11();
        let sql = if partitioned {
            selected.partitioned_sql(&schema, part)
        } else {
            selected.sql(&schema, part)
        };
        sql.expect("everything is there").with_values()
    }

    #[test]
    fn an_export_has_its_columns_in_one_statement_without_a_limit() {
        assert_eq!(
            sql("start_time", None, false),
            "SELECT job_id, CASE WHEN json_valid(footprint) THEN \
             json_extract(footprint, '$.mem_bw_avg') END\nFROM job\n\
             ORDER BY start_time DESC, id DESC"
        );
    }

    #[test]
    fn a_part_begins_with_its_own_first_row() {
        let part = |key: Cell| Part {
            from: Some(Cursor { key, id: 7 }),
            skip: 0,
            num_rows: 3,
        };
        let text = sql("start_time", Some(&part(Cell::Int(99))), false);
        assert!(text.contains("WHERE (start_time, id) <= (99, 7)"), "{text}");
        assert!(text.ends_with("LIMIT 3"), "{text}");
        let text = sql("num_acc:asc", Some(&part(Cell::Null)), false);
        let first = text.find("num_acc IS NULL AND id >= 7").expect(&text);
        let then = text.find("num_acc IS NOT NULL").expect(&text);
        assert!(first < then, "{text}");
        assert!(text.ends_with("LIMIT 3"), "{text}");
        let text = sql("num_acc:desc", Some(&part(Cell::Null)), false);
        assert!(text.contains("num_acc IS NULL AND id <= 7"), "{text}");
    }

    #[test]
    fn partitions_come_one_after_the_other() {
        let text = sql("duration", None, true);
        assert!(
            text.starts_with("SELECT cluster, start_time, job_id"),
            "{text}"
        );
        assert!(text.ends_with("ORDER BY cluster, start_time, id"), "{text}");
    }
}
