//! What an export is to hold, and where it goes. Plain data.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use super::target::Place;
use crate::{
    error::{Error, Result},
    jobs::{
        column::JobColumn,
        export::{Document, Part},
        filter::Selection,
        schema::Schema,
        sort::Sort,
    },
};

/// Everything that decides about one export.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportSpec {
    /// Which jobs.
    pub selection: Selection,
    /// In which order. Partitions have their own: by cluster and start.
    pub sort: Sort,
    /// Which columns, in their order. A file that lacks one of them is refused.
    pub columns: Vec<JobColumn>,
    /// Documents whose keys become columns after those: the keys that the newest jobs have.
    pub expand: Vec<Document>,
    /// Only these parts of the selection, one after the other; `None` for all of it.
    pub rows: Option<Vec<Part>>,
    /// How it is written.
    pub format: Format,
    /// How times are written.
    pub times: Times,
    /// The file, or the folder of partitions; `-` is standard output.
    pub path: PathBuf,
    /// Leave what has been written as `PATH.part` if the export does not come to its end.
    pub keep_stopped: bool,
    /// Replace what an earlier export has left at the path.
    pub overwrite: bool,
    /// Stop after this long. A profile's limit does not hold: it is meant for questions.
    pub time_limit: Option<Duration>,
}

impl ExportSpec {
    /// The columns that this file has, in the order of its table.
    pub fn all_columns(schema: &Schema) -> Vec<JobColumn> {
        JobColumn::stored()
            .filter(|column| column.is_in(schema))
            .collect()
    }

    /// Whether it goes to standard output.
    pub fn is_to_stdout(&self) -> bool {
        self.path == Path::new("-")
    }

    /// Whether the path may be written, before anything is read.
    ///
    /// # Errors
    /// If something is there that may not be replaced, or the path is the database's own.
    pub fn check_place(&self, database: &Path) -> Result<()> {
        if !self.is_to_stdout() {
            return Place::of(self).check(database);
        }
        match self.format {
            Format::Csv | Format::Jsonl => Ok(()),
            Format::Parquet { .. } => Err(Error::invalid(
                "output of Parquet",
                "-",
                "a file: its end refers to its beginning",
            )),
        }
    }
}

/// How an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180 with a header.
    Csv,
    /// One JSON object in each line.
    Jsonl,
    /// Apache Parquet with typed columns.
    Parquet {
        /// A folder with one file for each cluster and month instead of one file.
        partitioned: bool,
    },
}

impl Format {
    /// The format that a file's name stands for.
    pub fn of_path(path: &Path) -> Option<Self> {
        path.extension()?.to_str()?.parse().ok()
    }

    /// The name on the command line, and the extension.
    pub fn key(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet { .. } => "parquet",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let partitioned = false;
        [Self::Csv, Self::Jsonl, Self::Parquet { partitioned }]
            .into_iter()
            .find(|format| format.key().eq_ignore_ascii_case(text))
            .ok_or_else(|| Error::invalid("format", text, "csv, jsonl or parquet"))
    }
}

/// How times are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Times {
    /// `2026-03-11T06:14:00Z`; in Parquet a timestamp in UTC.
    #[default]
    Rfc3339,
    /// As the file has them.
    UnixSecs,
}

/// What came of an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportEnd {
    /// What is there now: the whole file, or the part that was kept. `None`: nothing was left.
    pub path: Option<PathBuf>,
    /// How many files that is.
    pub files: u64,
    /// How large they are together.
    pub bytes: u64,
    /// Values that did not fit their column's type, and are NULL.
    pub misfits: u64,
    /// Whoever read standard output has seen enough.
    pub reader_left: bool,
}
