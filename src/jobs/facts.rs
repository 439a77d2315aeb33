//! What an open file is: its size, schema, indexes, and roughly how many jobs it holds.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _};
use serde::Serialize;

use super::{
    catalogue::SUGGESTED_COLUMNS,
    list::{COLUMNS, DETAIL_COLUMNS},
};
use crate::{
    db::connection::{Header, OpenMode, side_file},
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
    /// Columns for which suggestions are cheap, because an index leads with them or the table is small.
    #[serde(skip)]
    pub suggestible: Vec<&'static str>,
}

/// Up to this many jobs a suggestion may scan the table: that takes milliseconds.
const SMALL_TABLE: u64 = 20_000;

impl DatabaseFacts {
    /// Asks an open connection and the file system.
    ///
    /// # Errors
    /// If the file has no usable job table, or cannot be read.
    pub fn read(conn: &Connection, path: &Path, mode: OpenMode) -> Result<Self> {
        let header = Header::read(path)?;
        let failed = |source| Error::Open {
            path: path.to_owned(),
            source,
        };
        require_job_table(conn, path)?;
        let estimated_jobs = estimate_jobs(conn).map_err(failed)?;
        let index_heads = index_heads(conn).map_err(failed)?;
        let suggestible = SUGGESTED_COLUMNS
            .into_iter()
            .filter(|column| {
                estimated_jobs <= SMALL_TABLE
                    || index_heads
                        .iter()
                        .any(|index| index.head == *column && !index.partial)
            })
            .collect();
        let (schema_version, migration_is_dirty) = migration(conn).map_err(failed)?;
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
            job_indexes: index_heads
                .into_iter()
                .map(|index| index.name)
                .filter(|name| !name.starts_with("sqlite_autoindex_"))
                .collect(),
            job_is_analyzed: has_statistics(conn).map_err(failed)?,
            suggestible,
        })
    }

    /// The top bar's line: `~20.1 M jobs · schema 11 · 68.3 GiB · read-only · WAL 12.0 MiB`.
    pub fn summary(&self, exact_jobs: Option<u64>) -> String {
        use crate::units::{format_count, format_rough_count};

        let jobs = exact_jobs.map_or_else(
            || format!("~{} jobs", format_rough_count(self.estimated_jobs)),
            |jobs| format!("{} jobs", format_count(jobs)),
        );
        let schema = self
            .schema_version
            .map_or_else(|| "no schema version".to_owned(), |v| format!("schema {v}"));
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
        side_file(path, "-wal")
            .metadata()
            .map_or(0, |metadata| metadata.len())
    })
}

fn require_job_table(conn: &Connection, path: &Path) -> Result<()> {
    let columns = conn
        .prepare("SELECT name FROM pragma_table_info('job')")
        .and_then(|mut statement| {
            statement
                .query_map([], |row| row.get::<_, String>(0))?
                .collect::<rusqlite::Result<Vec<_>>>()
        })
        .map_err(|source| Error::Open {
            path: path.to_owned(),
            source,
        })?;
    let schema = |found: String| Error::Schema {
        path: path.to_owned(),
        found,
    };
    if columns.is_empty() {
        return Err(schema("it has no table named job".to_owned()));
    }
    let missing: Vec<_> = COLUMNS
        .iter()
        .chain(&DETAIL_COLUMNS)
        .map(|(name, _)| *name)
        .filter(|name| !columns.iter().any(|column| column == name))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(schema(format!(
            "its job table lacks the columns {}",
            missing.join(", ")
        )))
    }
}

struct IndexHead {
    name: String,
    /// The first column; empty for an expression.
    head: String,
    /// Covers only the rows that its WHERE selects.
    partial: bool,
}

fn index_heads(conn: &Connection) -> rusqlite::Result<Vec<IndexHead>> {
    conn.prepare(
        "SELECT list.name, info.name, list.partial
         FROM pragma_index_list('job') AS list, pragma_index_info(list.name) AS info
         WHERE info.seqno = 0
         ORDER BY list.name",
    )?
    .query_map([], |row| {
        Ok(IndexHead {
            name: row.get(0)?,
            head: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
            partial: row.get(2)?,
        })
    })?
    .collect()
}

fn migration(conn: &Connection) -> rusqlite::Result<(Option<i64>, bool)> {
    if !table_exists(conn, "schema_migrations")? {
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

fn estimate_jobs(conn: &Connection) -> rusqlite::Result<u64> {
    if has_statistics(conn)? {
        let rows: Option<i64> = conn.query_row(
            // The first number of a stat is the number of rows in the index; a partial index has fewer.
            "SELECT MAX(CAST(stat AS INTEGER)) FROM sqlite_stat1 WHERE tbl = 'job'",
            [],
            |row| row.get(0),
        )?;
        if let Some(rows) = rows.and_then(|rows| u64::try_from(rows).ok()) {
            return Ok(rows);
        }
    }
    // Two seeks. Ids that were deleted make it too large, never too small. Where the span does not
    // fit into an integer, SQLite answers with a real number; the cast stops at the largest integer.
    conn.query_row(
        "SELECT CAST((SELECT MAX(id) FROM job) - (SELECT MIN(id) FROM job) + 1 AS INTEGER)",
        [],
        |row| row.get::<_, Option<i64>>(0),
    )
    .map(|span| span.and_then(|span| u64::try_from(span).ok()).unwrap_or(0))
}

fn has_statistics(conn: &Connection) -> rusqlite::Result<bool> {
    if !table_exists(conn, "sqlite_stat1")? {
        return Ok(false);
    }
    conn.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_stat1 WHERE tbl = 'job' AND idx IS NOT NULL)",
        [],
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
