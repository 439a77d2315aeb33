//! An order that no index has, written down: the ids of all rows in a temporary file.
//!
//! Eight bytes a row, so that any row is one read away, and twenty million rows are 153 MiB of disk
//! and no memory.

use std::{
    fs::File,
    io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
};

use parking_lot::Mutex;

use crate::error::{Error, Result};

/// Bytes of one id.
const WIDTH: u64 = 8;

/// The ids of a list in its order. The file is gone when this is dropped.
#[derive(Debug)]
pub struct SortedIds {
    file: Mutex<File>,
    num_rows: u64,
}

/// Two are the same if they are the same file.
impl PartialEq for SortedIds {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl SortedIds {
    /// How many rows there are.
    pub fn num_rows(&self) -> u64 {
        self.num_rows
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.num_rows * WIDTH
    }

    /// The row of the job with this id. Reads the file from its beginning.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn find(&self, id: i64) -> Result<Option<u64>> {
        const CHUNK: u32 = 1 << 16;

        let mut row = 0;
        loop {
            let ids = self.read(row, CHUNK)?;
            if let Some(nth) = ids.iter().position(|other| *other == id) {
                return Ok(Some(row + nth as u64));
            }
            if ids.len() < CHUNK as usize {
                return Ok(None);
            }
            row += u64::from(CHUNK);
        }
    }

    /// The ids from `row` on, fewer at the end.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(&self, row: u64, limit: u32) -> Result<Vec<i64>> {
        let num = u64::from(limit).min(self.num_rows.saturating_sub(row));
        if num == 0 {
            // Some file systems refuse to seek as far as that.
            return Ok(Vec::new());
        }
        let mut bytes = vec![0; usize::try_from(num * WIDTH).unwrap_or(0)];
        let mut file = self.file.lock();
        file.seek(SeekFrom::Start(row.saturating_mul(WIDTH)))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|source| Error::other("read the sorted ids", source))?;
        Ok(bytes
            .as_chunks()
            .0
            .iter()
            .map(|id| i64::from_le_bytes(*id))
            .collect())
    }
}

/// Writes ids as they come.
pub struct SortedIdsWriter {
    file: BufWriter<File>,
    num_rows: u64,
}

impl SortedIdsWriter {
    /// Begins a file without a name.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn create() -> Result<Self> {
        let folder = temporary_folder();
        let file = tempfile::tempfile_in(&folder)
            .map_err(|source| Error::file("create a temporary file in", &folder, source))?;
        Ok(Self {
            file: BufWriter::with_capacity(1 << 17, file),
            num_rows: 0,
        })
    }

    /// Appends an id.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn push(&mut self, id: i64) -> Result<()> {
        self.num_rows += 1;
        self.file.write_all(&id.to_le_bytes()).map_err(cannot_write)
    }

    /// How many ids there are so far.
    pub fn num_rows(&self) -> u64 {
        self.num_rows
    }

    /// The finished order.
    ///
    /// # Errors
    /// If the disk is full.
    pub fn finish(self) -> Result<SortedIds> {
        let file = self
            .file
            .into_inner()
            .map_err(|error| cannot_write(error.into_error()))?;
        Ok(SortedIds {
            file: Mutex::new(file),
            num_rows: self.num_rows,
        })
    }
}

fn cannot_write(source: std::io::Error) -> Error {
    Error::file(
        "write sorted ids to a temporary file in",
        &temporary_folder(),
        source,
    )
}

/// Where SQLite would put its own temporary files: `/tmp` is often memory, and this is meant to be
/// disk.
fn temporary_folder() -> PathBuf {
    ["SQLITE_TMPDIR", "TMPDIR"]
        .iter()
        .filter_map(std::env::var_os)
        .map(PathBuf::from)
        .chain(cfg!(unix).then(|| PathBuf::from("/var/tmp")))
        .find(|folder| folder.is_dir())
        .unwrap_or_else(std::env::temp_dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_row_of_a_written_order_can_be_read() {
        let mut writer = SortedIdsWriter::create().expect("a temporary file");
        for id in (0..10_000).rev() {
            writer.push(id).expect("written");
        }
        let ids = writer.finish().expect("finished");
        assert_eq!(ids.num_rows(), 10_000);
        assert_eq!(ids.read(0, 3).expect("read"), [9_999, 9_998, 9_997]);
        assert_eq!(ids.read(9_998, 50).expect("read"), [1, 0], "cut at the end");
        assert_eq!(ids.read(10_000, 5).expect("read"), [0_i64; 0]);
        assert_eq!(ids.find(3).expect("read"), Some(9_996));
        assert_eq!(ids.find(-3).expect("read"), None);
        assert_eq!(ids.read(u64::MAX / 16, 5).expect("read"), [0_i64; 0]);
    }
}
