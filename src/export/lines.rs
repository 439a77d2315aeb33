//! Formats of one line for each row: a buffer of whole lines, and where it is emptied to.

use std::{
    fs::File,
    io::{self, Write as _},
};

use rusqlite::Row;

use super::target::Target;
use crate::error::{Error, Result};

/// A buffer is written when it holds this much: large enough that the calls do not count.
const FULL: usize = 128 << 10;

/// How a row becomes a line.
pub(super) trait Line {
    /// What comes before the first row.
    fn header(&self, line: &mut Vec<u8>);

    /// Appends one row.
    ///
    /// # Errors
    /// If SQLite does not hand out a value.
    fn row(&mut self, row: &Row<'_>, line: &mut Vec<u8>) -> io::Result<()>;
}

/// Where lines go.
pub(super) enum Out {
    File(File),
    Stdout(io::Stdout),
}

impl Out {
    pub(super) fn of(target: Option<&Target>) -> Result<Self> {
        let Some(target) = target else {
            return Ok(Self::Stdout(io::stdout()));
        };
        File::options()
            .write(true)
            .open(target.part())
            .map(Self::File)
            .map_err(|source| Error::file("write", target.part(), source))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::File(file) => file.write_all(bytes),
            Self::Stdout(stdout) => stdout.write_all(bytes),
        }
    }

    fn close(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.sync_all(),
            Self::Stdout(stdout) => stdout.flush(),
        }
    }
}

/// Writes whole lines.
pub(super) struct Lines<L> {
    out: Out,
    line: L,
    buffer: Vec<u8>,
    written: u64,
}

impl<L: Line> Lines<L> {
    pub(super) fn new(out: Out, line: L) -> Self {
        let mut buffer = Vec::with_capacity(FULL + (FULL >> 1));
        line.header(&mut buffer);
        Self {
            out,
            line,
            buffer,
            written: 0,
        }
    }

    pub(super) fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        self.line.row(row, &mut self.buffer)?;
        if self.buffer.len() >= FULL {
            self.empty()?;
        }
        Ok(())
    }

    pub(super) fn bytes(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    pub(super) fn close(&mut self) -> io::Result<()> {
        self.empty()?;
        self.out.close()
    }

    fn empty(&mut self) -> io::Result<()> {
        self.out.write(&self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        // One huge value must not hold its memory for the rest of the export.
        self.buffer.shrink_to(FULL * 4);
        Ok(())
    }
}
