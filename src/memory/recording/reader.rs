//! Reading a recording line by line, in the memory of one line.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
};

use super::{
    header::{self, Header},
    later,
    line::Line,
    plausible,
};
use crate::{
    error::{Error, Result},
    memory::{journal::Entry, sample::MemorySample},
};

/// Longer lines are no lines of a recording: without this, a file without any line feed would be
/// read into memory whole.
const MAX_LINE: usize = 16 << 20;

/// What one line says.
#[derive(Clone, Debug)]
pub enum Item {
    /// A reading, with everything that its line left out because it followed from the one before.
    Sample(Box<MemorySample>),
    /// Something that happened.
    Entry(Entry),
    /// A line of which a later version wrote a part or all, as it is. What this version knows of it
    /// comes next.
    Unknown(serde_json::Value),
}

/// A recording that is being read, oldest line first.
pub struct Reader {
    path: PathBuf,
    input: BufReader<File>,
    header: Header,
    line: Vec<u8>,
    number: usize,
    previous: Option<MemorySample>,
    /// The time of the line before.
    last_secs: f64,
    /// What is known of the line before, which was not known whole.
    known: Option<Item>,
    is_cut: bool,
}

impl Reader {
    /// Opens a recording and reads its header.
    ///
    /// # Errors
    /// If the file cannot be read, is no recording, or was written by a program whose format is
    /// newer than this one's.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |source| Error::file("read the recording", path, source);
        if path.is_dir() {
            return Err(unreadable(path, "it is a folder".to_owned()));
        }
        let mut input = BufReader::new(File::open(path).map_err(failed)?);
        let mut line = Vec::new();
        read_line(&mut input, &mut line, path, 1)?;
        if line.is_empty() {
            return Err(unreadable(
                path,
                "it is empty: not even a header was written".to_owned(),
            ));
        }
        Ok(Self {
            path: path.to_owned(),
            input,
            header: header::read(&line).map_err(|cause| unreadable(path, cause))?,
            line,
            number: 1,
            previous: None,
            last_secs: 0.0,
            known: None,
            is_cut: false,
        })
    }

    /// What was recorded, and where.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The last line is not whole: the program that recorded was ended in the middle of it, or is
    /// writing it just now. Known once [`Self::read_next`] has answered `None`.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The next line; `None` after the last whole one.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged before its last line.
    pub fn read_next(&mut self) -> Result<Option<Item>> {
        if let Some(known) = self.known.take() {
            return Ok(Some(known));
        }
        if self.is_cut {
            return Ok(None);
        }
        self.number += 1;
        self.line.clear();
        read_line(&mut self.input, &mut self.line, &self.path, self.number)?;
        if self.line.is_empty() {
            return Ok(None);
        }
        match Line::read(&self.line) {
            Ok(line) => self.item(line).map(Some),
            Err(_) if let Some((line, known)) = later::read(&self.line) => {
                self.known = Some(self.item(known)?);
                Ok(Some(Item::Unknown(line)))
            }
            Err(cause) if self.is_followed()? => Err(self.damaged(&cause.to_string())),
            Err(_) => {
                self.is_cut = true;
                Ok(None)
            }
        }
    }

    fn item(&mut self, line: Line) -> Result<Item> {
        if let Line::Sample(line) = line {
            let sample = line.into_sample(self.previous.as_ref());
            plausible::sample(&sample, self.last_secs).map_err(|cause| self.damaged(&cause))?;
            self.last_secs = sample.at_secs;
            self.previous = Some(sample.clone());
            return Ok(Item::Sample(Box::new(sample)));
        }
        let is_known = line.is_known();
        let entry = line.into_entry();
        if let Some(entry) = &entry {
            plausible::entry(entry, self.last_secs).map_err(|cause| self.damaged(&cause))?;
            self.last_secs = entry.at_secs();
        }
        match entry.map(Item::Entry) {
            Some(entry) if is_known => Ok(entry),
            entry => {
                self.known = entry;
                // It was read a moment ago: it is JSON.
                let line = serde_json::from_slice(&self.line).unwrap_or_default();
                Ok(Item::Unknown(line))
            }
        }
    }

    fn damaged(&self, cause: &str) -> Error {
        let cause = format!("line {} is damaged: {cause}", self.number);
        unreadable(&self.path, cause)
    }

    /// Only what comes after a line tells whether it was cut or damaged.
    fn is_followed(&mut self) -> Result<bool> {
        // A line without its end is the last one, whatever its writer has appended meanwhile.
        if self.line.last() != Some(&b'\n') {
            return Ok(false);
        }
        let rest = self.input.fill_buf();
        let rest = rest.map_err(|source| Error::file("read the recording", &self.path, source))?;
        Ok(!rest.is_empty())
    }
}

fn read_line(
    input: &mut BufReader<File>,
    line: &mut Vec<u8>,
    path: &Path,
    number: usize,
) -> Result<()> {
    input
        .take(MAX_LINE as u64)
        .read_until(b'\n', line)
        .map_err(|source| Error::file("read the recording", path, source))?;
    if line.len() >= MAX_LINE {
        let cause = format!("line {number} is longer than 16 MiB, as no line of a recording is");
        return Err(unreadable(path, cause));
    }
    Ok(())
}

fn unreadable(path: &Path, cause: String) -> Error {
    Error::other(format!("read the recording {}", path.display()), cause)
}
