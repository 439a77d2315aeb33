//! What an open file is: its size, schema, indexes, and roughly how many jobs it holds.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::{Connection, OptionalExtension as _};
use serde::Serialize;

use super::{
    catalogue::SUGGESTED_COLUMNS,
    schema::{FileKind, Schema, text},
};
use crate::{
    db::connection::{Header, OpenMode, wal_path},
    error::{Error, Result},
    units::Bytes,
};

/// What can be said about a file without reading its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DatabaseFacts {
    /// The file.
    pub path: PathBuf,
    /// Opened as immutable: a writer at the same time would make results wrong.
    pub immutable: bool,
    /// Size of the file.
    pub file_bytes: u64,
    /// Size of the write-ahead log; `None` if the database has none.
    pub wal_bytes: Option<u64>,
    /// Bytes per page.
    pub page_size: u32,
    /// `PRAGMA journal_mode`.
    pub journal_mode: String,
    /// The version in `schema_migrations`; `None` where there is none.
    pub schema_version: Option<i64>,
    /// A migration was started and did not finish.
    pub migration_is_dirty: bool,
    /// Roughly how many jobs: from `sqlite_stat1`, else the span of ids. Both are estimates.
    pub estimated_jobs: u64,
    /// Names of the explicit indexes on the job table.
    pub job_indexes: Vec<String>,
    /// `ANALYZE` has looked at the job table.
    pub job_is_analyzed: bool,
    /// What kind of file it is.
    pub kind: FileKind,
    /// Columns of today's job table that the file has in no shape.
    pub missing_columns: Vec<&'static str>,
    /// How to read each column.
    #[serde(skip)]
    pub schema: Arc<Schema>,
    /// What `sqlite_stat1` says of each index of the job table.
    #[serde(skip)]
    pub index_statistics: Vec<IndexStatistics>,
    /// Columns for which suggestions are cheap, because an index leads to them or the table is
    /// small; with the column that such an index begins with, where it is another one.
    #[serde(skip)]
    pub suggestible: Vec<(&'static str, Option<&'static str>)>,
}

/// What `ANALYZE` has found out about an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexStatistics {
    /// Its name.
    pub name: String,
    /// Its rows, then the average number of rows with equal values in its first column, in its first
    /// two, and so on.
    pub rows: Vec<u64>,
}

/// Up to this many jobs a suggestion may scan the table: that takes milliseconds.
const SMALL_TABLE: u64 = 20_000;

/// Columns that may be suggested through an index that begins with the cluster.
const WITHIN_CLUSTER: [&str; 2] = ["cluster_partition", "subcluster"];

impl DatabaseFacts {
    /// Asks an open connection and the file system.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(conn: &Connection, path: &Path, mode: OpenMode) -> Result<Self> {
        let header = Header::read(path)?;
        let failed = |source| Error::Open {
            path: path.to_owned(),
            source,
        };
        let schema = Schema::probe(conn).map_err(failed)?;
        let table = match schema.kind() {
            FileKind::Jobs => Some("job"),
            FileKind::Archive => Some("jobs"),
            FileKind::Other => None,
        };
        let estimated_jobs = match table {
            Some(table) => estimate_jobs(conn, table).map_err(failed)?,
            None => 0,
        };
        let indexes = match table {
            Some(table) => indexes(conn, table).map_err(failed)?,
            None => Vec::new(),
        };
        let (schema_version, migration_is_dirty) = migration(conn, &schema).map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            immutable: mode == OpenMode::Immutable,
            file_bytes: path.metadata().map_or(0, |metadata| metadata.len()),
            wal_bytes: wal_bytes(path, &header),
            page_size: header.page_size,
            journal_mode: conn
                .pragma_query_value(None, "journal_mode", |row| row.get(0))
                .map_err(failed)?,
            schema_version,
            migration_is_dirty,
            estimated_jobs,
            suggestible: suggestible(&schema, &indexes, estimated_jobs),
            job_indexes: indexes
                .into_iter()
                .map(|index| index.name)
                .filter(|name| !name.starts_with("sqlite_autoindex_"))
                .collect(),
            index_statistics: match table {
                Some(table) => statistics(conn, table).map_err(failed)?,
                None => Vec::new(),
            },
            job_is_analyzed: match table {
                Some(table) => has_statistics(conn, table).map_err(failed)?,
                None => false,
            },
            kind: schema.kind(),
            missing_columns: match schema.kind() {
                FileKind::Jobs => schema.missing_columns(),
                FileKind::Archive | FileKind::Other => Vec::new(),
            },
            schema: Arc::new(schema),
        })
    }

    /// How many jobs have equal values in the first `columns` of an index, on average. `None` without
    /// statistics.
    pub fn rows_per_key(&self, index: &str, columns: usize) -> Option<u64> {
        self.index_statistics
            .iter()
            .find(|known| known.name == index)
            .and_then(|known| known.rows.get(columns).copied())
    }

    /// Whether jobs can be listed.
    pub fn has_jobs(&self) -> bool {
        self.kind != FileKind::Other
    }

    /// The top bar's line: `~20.1 M jobs · schema 11 · 68.3 GiB · read-only · WAL 12.0 MiB`.
    pub fn summary(&self, exact_jobs: Option<u64>) -> String {
        use crate::units::{format_count, format_rough_count};

        let jobs = exact_jobs.filter(|_| self.has_jobs()).map_or_else(
            || match self.kind {
                FileKind::Other => "no job table".to_owned(),
                FileKind::Jobs | FileKind::Archive => {
                    format!("~{} jobs", format_rough_count(self.estimated_jobs))
                }
            },
            |jobs| format!("{} jobs", format_count(jobs)),
        );
        let schema = match (self.kind, self.schema_version) {
            (FileKind::Archive, _) => "job archive".to_owned(),
            (FileKind::Other, _) => "another SQLite file".to_owned(),
            (FileKind::Jobs, Some(version)) => format!("schema {version}"),
            (FileKind::Jobs, None) => "no schema version".to_owned(),
        };
        let dirty = if self.migration_is_dirty {
            " (dirty)"
        } else {
            ""
        };
        let mode = if self.immutable {
            "immutable"
        } else {
            "read-only"
        };
        let wal = self
            .wal_bytes
            .filter(|bytes| *bytes > 0)
            .map_or_else(String::new, |bytes| format!(" · WAL {}", Bytes(bytes)));
        format!(
            "{jobs} · {schema}{dirty} · {} · {mode}{wal}",
            Bytes(self.file_bytes)
        )
    }
}

fn wal_bytes(path: &Path, header: &Header) -> Option<u64> {
    header.uses_wal.then(|| {
        wal_path(path)
            .metadata()
            .map_or(0, |metadata| metadata.len())
    })
}

struct Index {
    name: String,
    /// Its first columns; an expression has an empty name.
    columns: Vec<String>,
    /// Covers only the rows that its WHERE selects.
    partial: bool,
}

fn indexes(conn: &Connection, table: &str) -> rusqlite::Result<Vec<Index>> {
    let mut indexes: Vec<Index> = Vec::new();
    let mut statement = conn.prepare(
        "SELECT list.name, info.name, list.partial
         FROM pragma_index_list(?) AS list, pragma_index_info(list.name) AS info
         ORDER BY list.name, info.seqno",
    )?;
    let mut rows = statement.query([table])?;
    while let Some(row) = rows.next()? {
        let name = text(row, 0)?;
        let column = text(row, 1)?.to_ascii_lowercase();
        match indexes.last_mut() {
            Some(index) if index.name == name => index.columns.push(column),
            _ => indexes.push(Index {
                name,
                columns: vec![column],
                partial: row.get(2)?,
            }),
        }
    }
    Ok(indexes)
}

/// A column is suggested if its values can be hopped through in an index, or the table is small.
fn suggestible(
    schema: &Schema,
    indexes: &[Index],
    estimated_jobs: u64,
) -> Vec<(&'static str, Option<&'static str>)> {
    if schema.kind() != FileKind::Jobs {
        return Vec::new();
    }
    let leads = |names: &[&str]| {
        let sql: Vec<_> = names
            .iter()
            .filter_map(|name| schema.column(name).ok())
            .map(|sql| sql.trim_matches('"').to_owned())
            .collect();
        sql.len() == names.len()
            && indexes
                .iter()
                .any(|index| !index.partial && index.columns.starts_with(&sql))
    };
    SUGGESTED_COLUMNS
        .into_iter()
        .filter(|column| schema.has(column))
        .filter_map(|column| {
            if leads(&[column]) {
                Some((column, None))
            } else if WITHIN_CLUSTER.contains(&column) && leads(&["cluster", column]) {
                Some((column, Some("cluster")))
            } else {
                (estimated_jobs <= SMALL_TABLE).then_some((column, None))
            }
        })
        .collect()
}

fn migration(conn: &Connection, schema: &Schema) -> rusqlite::Result<(Option<i64>, bool)> {
    // Other programs have a table of this name, too, with other columns.
    let columns = ["version", "dirty"];
    if schema.require("schema_migrations", &columns).is_err() {
        return Ok((None, false));
    }
    conn.query_row(
        "SELECT CAST(version AS INTEGER), dirty <> 0 FROM schema_migrations LIMIT 1",
        [],
        |row| Ok((row.get(0)?, row.get::<_, Option<bool>>(1)?.unwrap_or(false))),
    )
    .optional()
    .map(|row| row.unwrap_or((None, false)))
}

fn estimate_jobs(conn: &Connection, table: &str) -> rusqlite::Result<u64> {
    if has_statistics(conn, table)? {
        let rows: Option<i64> = conn.query_row(
            // The first number of a stat is the number of rows in the index; a partial index has fewer.
            "SELECT MAX(CAST(stat AS INTEGER)) FROM sqlite_stat1 WHERE tbl = ? COLLATE NOCASE",
            [table],
            |row| row.get(0),
        )?;
        if let Some(rows) = rows.and_then(|rows| u64::try_from(rows).ok()) {
            return Ok(rows);
        }
    }
    // Two seeks. Ids that were deleted make it too large, never too small. Where the span does not
    // fit into an integer, SQLite answers with a real number; the cast stops at the largest integer.
    conn.query_row(
        &format!(
            "SELECT CAST((SELECT MAX(id) FROM {table}) - (SELECT MIN(id) FROM {table}) + 1 AS INTEGER)"
        ),
        [],
        |row| row.get::<_, Option<i64>>(0),
    )
    .map(|span| span.and_then(|span| u64::try_from(span).ok()).unwrap_or(0))
}

/// Text that is no number ("unordered") ends the numbers of an index.
fn statistics(conn: &Connection, table: &str) -> rusqlite::Result<Vec<IndexStatistics>> {
    if !has_statistics(conn, table)? {
        return Ok(Vec::new());
    }
    conn.prepare(
        "SELECT idx, stat FROM sqlite_stat1 WHERE tbl = ? COLLATE NOCASE AND idx IS NOT NULL",
    )?
    .query_map([table], |row| {
        Ok(IndexStatistics {
            name: text(row, 0)?,
            rows: text(row, 1)?
                .split(' ')
                .map_while(|number| number.parse().ok())
                .collect(),
        })
    })?
    .collect()
}

fn has_statistics(conn: &Connection, table: &str) -> rusqlite::Result<bool> {
    if !table_exists(conn, "sqlite_stat1")? {
        return Ok(false);
    }
    conn.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_stat1 WHERE tbl = ? COLLATE NOCASE AND idx IS NOT NULL)",
        [table],
        |row| row.get(0),
    )
}

fn table_exists(conn: &Connection, name: &str) -> rusqlite::Result<bool> {
    conn.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?)",
        [name],
        |row| row.get(0),
    )
}
