//! The `-wal` and `-shm` files that appear when a WAL database is opened, and their removal.
//!
//! A read-only connection creates both files but may not delete them at the end. If they were not
//! there before us, and the log is still empty when our last connection has gone, one writable
//! connection is opened and closed: SQLite then removes them itself, under its own locks, so a
//! writer that came meanwhile loses nothing. An empty log leaves nothing to copy into the database.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};

use super::connection::side_file;
use crate::error::{Error, Result};

/// Our connections to each file, and whether we are the ones who brought the side files.
static OPEN: Mutex<BTreeMap<PathBuf, Entry>> = Mutex::new(BTreeMap::new());

struct Entry {
    connections: usize,
    brought_by_us: bool,
}

/// One of our connections to a WAL database. Dropped after the connection itself.
pub(super) struct Sidecars {
    path: PathBuf,
}

impl Sidecars {
    /// Call this before the connection is opened: it notes what is there.
    pub(super) fn register(path: &Path) -> Result<Self> {
        let path = path
            .canonicalize()
            .map_err(|source| Error::file("find the database", path, source))?;
        let mut open = OPEN.lock();
        let entry = open.entry(path.clone()).or_insert_with(|| Entry {
            connections: 0,
            brought_by_us: !side_file(&path, "-wal").exists() && !side_file(&path, "-shm").exists(),
        });
        entry.connections += 1;
        Ok(Self { path })
    }
}

impl Drop for Sidecars {
    fn drop(&mut self) {
        // The lock stays held while SQLite cleans up: none of our own connections can come between.
        let mut open = OPEN.lock();
        let Some(entry) = open.get_mut(&self.path) else {
            return;
        };
        entry.connections -= 1;
        if entry.connections > 0 {
            return;
        }
        let brought_by_us = entry.brought_by_us;
        open.remove(&self.path);
        if brought_by_us && let Err(error) = let_sqlite_remove(&self.path) {
            // The files are harmless, and the next program that opens the database reuses them.
            tracing::debug!(%error, path = %self.path.display(), "side files stay");
        }
    }
}

fn let_sqlite_remove(path: &Path) -> rusqlite::Result<()> {
    let log_is_empty = side_file(path, "-wal")
        .metadata()
        .is_ok_and(|log| log.len() == 0);
    if !log_is_empty {
        return Ok(());
    }
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.pragma_update(None, "query_only", true)?;
    // Attaches the log; closing the last connection to it then deletes it.
    conn.query_row("SELECT COUNT(*) FROM sqlite_master", [], |row| {
        row.get::<_, i64>(0)
    })?;
    conn.close().map_err(|(_, error)| error)
}
