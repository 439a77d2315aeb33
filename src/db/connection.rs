//! Opens databases to look at them. The only place that opens an inspected file.

use std::{
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig};

use super::{authorizer::Authorizer, descriptor::Descriptor, sidecars::Sidecars};
use crate::error::{Error, Result};

/// How a file is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpenMode {
    /// Read-only, beside any writers.
    #[default]
    ReadOnly,
    /// Read-only, without locks and without the WAL: right only while nobody writes.
    Immutable,
}

/// A connection for reading, which leaves the folder of its file as it found it when it is dropped.
pub struct ReadConnection {
    // Declared first, so that SQLite has let go of the file when the side files are looked at.
    conn: Connection,
    /// Switches between our own statements and those of a user.
    pub authorizer: Authorizer,
    _sidecars: Option<Sidecars>,
    // Declared last: it is closed when SQLite holds no lock on the file any more.
    _descriptor: Descriptor,
}

impl Deref for ReadConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.conn
    }
}

impl DerefMut for ReadConnection {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.conn
    }
}

/// Opens `path` for reading. Never creates a database, never writes to one.
///
/// # Errors
/// If the file is missing, unreadable, not a database, damaged, or in a folder where its WAL
/// cannot be shared ([`Error::NeedsImmutable`]).
pub fn open(path: &Path, mode: OpenMode) -> Result<ReadConnection> {
    let (header, descriptor) = Header::read_keeping(path)?;
    let sidecars = (mode == OpenMode::ReadOnly && header.uses_wal)
        .then(|| Sidecars::register(path))
        .transpose()?;
    let failed = |source: rusqlite::Error| open_error(path, mode, &header, source);
    let mut conn = Connection::open_with_flags(
        uri(path, mode),
        OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(failed)?;
    let authorizer = prepare_for_reading(&mut conn).map_err(failed)?;
    Ok(ReadConnection {
        conn,
        authorizer,
        _sidecars: sidecars,
        _descriptor: descriptor,
    })
}

/// `PRAGMA data_version`: another number whenever somebody else has committed since the last look of
/// this very connection. Numbers of two connections mean nothing to each other.
///
/// # Errors
/// If the file is locked or unreadable.
pub fn data_version(conn: &Connection) -> rusqlite::Result<i64> {
    conn.pragma_query_value(None, "data_version", |row| row.get(0))
}

fn prepare_for_reading(conn: &mut Connection) -> rusqlite::Result<Authorizer> {
    // A monitoring service writes to this file while we read it. Waiting a moment beats showing
    // an error for a lock that is gone by the time the user has read it.
    conn.busy_timeout(Duration::from_secs(5))?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // The schema of cc-backend has double-quoted literals in its CHECKs and DEFAULTs.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, true)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, true)?;
    if super::build::has_scanstatus() {
        // Builds that can count per plan step do so by default, and run four times slower.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_STMT_SCANSTATUS, false)?;
    }
    conn.pragma_update(None, "query_only", true)?;
    // The first read: this is where a wrong or damaged file shows, not at some later query.
    conn.query_row("SELECT COUNT(*) FROM sqlite_master", [], |row| {
        row.get::<_, i64>(0)
    })?;
    Authorizer::install(conn)
}

fn open_error(path: &Path, mode: OpenMode, header: &Header, source: rusqlite::Error) -> Error {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
            if header.uses_wal && mode == OpenMode::ReadOnly =>
        {
            Error::NeedsImmutable { path, source }
        }
        _ => Error::Open { path, source },
    }
}

/// `file:` URI with every byte escaped that could mean something else in one.
fn uri(path: &Path, mode: OpenMode) -> String {
    use std::fmt::Write as _;

    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte));
            }
            // Writing to a string cannot fail.
            other => write!(uri, "%{other:02X}").unwrap_or_default(),
        }
    }
    uri.push_str("?mode=ro");
    if mode == OpenMode::Immutable {
        uri.push_str("&immutable=1");
    }
    uri
}

/// What the first 100 bytes of a database file say.
///
/// See the [file format](https://www.sqlite.org/fileformat2.html#the_database_header).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes per page.
    pub page_size: u32,
    /// Pages that the file should have; 0 where an old writer did not note it.
    pub num_pages: u32,
    /// Whether readers and writers use a write-ahead log.
    pub uses_wal: bool,
}

impl Header {
    /// Reads the header and refuses what cannot be a database, before SQLite sees it.
    ///
    /// # Errors
    /// If the file is missing, a directory, empty, too short, not SQLite's, or cut off.
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_keeping(path).map(|(header, _)| header)
    }

    /// Whether the file is there and shorter than its header promises. Unreadable is not cut off.
    pub fn is_cut_off(path: &Path) -> bool {
        let Ok(metadata) = path.metadata() else {
            return false;
        };
        let Ok(descriptor) = Descriptor::of(path, &metadata) else {
            return false;
        };
        let Ok(bytes) = descriptor.first_bytes(100) else {
            return false;
        };
        match Self::parse(&bytes) {
            Some(header) => header.checked(path, metadata.len()).is_err(),
            None => true,
        }
    }

    /// The same, with the descriptor that was read from, for a connection to keep.
    fn read_keeping(path: &Path) -> Result<(Self, Descriptor)> {
        let unusable = |found: &str, hint: &str| Error::NotADatabase {
            path: path.to_owned(),
            found: found.to_owned(),
            hint: hint.to_owned(),
        };
        let failed = |source| Error::file("read the database", path, source);
        let metadata = std::fs::metadata(path).map_err(failed)?;
        if metadata.is_dir() {
            return Err(unusable(
                "it is a directory",
                "Choose the file job.db in it",
            ));
        }
        if !metadata.is_file() {
            return Err(unusable(
                "it is not a regular file",
                "Choose a database file",
            ));
        }
        let descriptor = Descriptor::of(path, &metadata).map_err(failed)?;
        let bytes = descriptor.first_bytes(100).map_err(failed)?;
        match Self::parse(&bytes) {
            Some(header) => Ok((header.checked(path, metadata.len())?, descriptor)),
            None if bytes.is_empty() => Err(unusable(
                "it is empty (0 bytes)",
                "The program that should have written it did not; choose another file",
            )),
            None if bytes.starts_with(MAGIC) => Err(unusable(
                "its header is cut off or damaged",
                "Copy the file again, together with its -wal file, or restore a backup",
            )),
            None => Err(unusable(
                "it does not begin like a SQLite database; it is encrypted or something else",
                "Choose cc-backend's job.db (main.db in its config.json)",
            )),
        }
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < 100 || !bytes.starts_with(MAGIC) {
            return None;
        }
        let page_size = match u16::from_be_bytes([bytes[16], bytes[17]]) {
            1 => 65_536,
            size if size >= 512 && size.is_power_of_two() => u32::from(size),
            _ => return None,
        };
        let word = |at: usize| {
            u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        // The page count counts only if the program that wrote it also noted for which change.
        let num_pages = if word(24) == word(92) { word(28) } else { 0 };
        Some(Self {
            page_size,
            num_pages,
            uses_wal: bytes[18] == 2 || bytes[19] == 2,
        })
    }

    fn checked(self, path: &Path, len: u64) -> Result<Self> {
        let expected = u64::from(self.num_pages) * u64::from(self.page_size);
        // With a log beside it, the newest pages may not have reached the file yet; with a journal,
        // somebody is about to write them, or to take the others back. SQLite waits for that.
        let journal = side_file(&real_path(path), "-journal");
        let is_in_use = [wal_path(path), journal]
            .iter()
            .any(|beside| beside.metadata().is_ok_and(|file| file.len() > 0));
        if len >= expected || is_in_use {
            return Ok(self);
        }
        Err(Error::NotADatabase {
            path: path.to_owned(),
            found: format!(
                "it is cut off: its header promises {expected} bytes ({} pages), it has {len}",
                self.num_pages
            ),
            hint: "Copy the file again, or restore a backup".to_owned(),
        })
    }
}

const MAGIC: &[u8] = b"SQLite format 3\0";

/// The path of a file that SQLite keeps beside a database.
pub fn side_file(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The path of the write-ahead log of a database.
pub fn wal_path(path: &Path) -> PathBuf {
    side_file(&real_path(path), "-wal")
}

/// SQLite names the files beside a database after the file itself, not after a link to it.
fn real_path(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_smuggle_options_into_the_uri() {
        let uri = uri(Path::new("/a b/x?mode=rwc&y#%.db"), OpenMode::Immutable);
        assert_eq!(
            uri,
            "file:/a%20b/x%3Fmode%3Drwc%26y%23%25.db?mode=ro&immutable=1"
        );
    }
}
