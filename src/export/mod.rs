//! Writes jobs to files: CSV, JSON Lines, Parquet.
//!
//! The thread that steps the statement writes, too: a row is formatted from SQLite's own memory and
//! never copied to another thread. The file has its name only when it is complete.

mod columns;
mod csv;
mod folder;
mod jsonl;
mod lines;
mod parquet;
mod spec;
mod target;
mod text;

use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::Row;

pub use self::spec::{ExportEnd, ExportSpec, Format, Times};
pub(crate) use self::target::belongs_to;
use self::{
    columns::Field,
    csv::Csv,
    folder::Folder,
    jsonl::Jsonl,
    lines::{Lines, Out},
    parquet::ParquetFile,
    target::{Place, Target},
};
pub use crate::jobs::export::{Document, Part};
use crate::{
    error::{Error, Result},
    jobs::column::JobColumn,
};

/// An export that is being written.
pub struct Export {
    writer: Writer,
    /// `None` for standard output.
    target: Option<Target>,
    /// Named in errors.
    path: PathBuf,
    /// A write has failed: what is there has no proper end.
    is_broken: bool,
    reader_left: bool,
}

enum Writer {
    Csv(Lines<Csv>),
    Jsonl(Lines<Jsonl>),
    Parquet(Box<ParquetFile>),
    Folder(Box<Folder>),
}

impl Export {
    /// Begins with the file; `database` is what is read and must never be written.
    ///
    /// # Errors
    /// If the path may not or cannot be written.
    pub fn create(spec: &ExportSpec, columns: &[JobColumn], database: &Path) -> Result<Self> {
        spec.check_place(database)?;
        let target = (!spec.is_to_stdout())
            .then(|| Target::claim(Place::of(spec), database))
            .transpose()?;
        let path = target
            .as_ref()
            .map_or_else(|| spec.path.clone(), |target| target.part().to_owned());
        let fields = |columns: &[JobColumn]| -> Vec<Field> {
            let field = |column: &JobColumn| Field::new(column, spec.times);
            columns.iter().map(field).collect()
        };
        let writer = match spec.format {
            Format::Csv => Writer::Csv(Lines::new(
                Out::of(target.as_ref())?,
                Csv::new(fields(columns)),
            )),
            Format::Jsonl => Writer::Jsonl(Lines::new(
                Out::of(target.as_ref())?,
                Jsonl::new(fields(columns)),
            )),
            Format::Parquet { partitioned: true } => {
                let inside = Self::columns_in_partitions(columns);
                Writer::Folder(Box::new(Folder::new(&path, fields(&inside))))
            }
            Format::Parquet { partitioned: false } => {
                let file = ParquetFile::open(&path, &fields(columns));
                let file = file.map_err(|source| Error::file("write", &path, source))?;
                Writer::Parquet(Box::new(file))
            }
        };
        Ok(Self {
            writer,
            target,
            path,
            is_broken: false,
            reader_left: false,
        })
    }

    /// The columns in the files of partitions: the cluster is the folder's name, as Hive does it.
    pub fn columns_in_partitions(columns: &[JobColumn]) -> Vec<JobColumn> {
        let is_inside = |column: &&JobColumn| **column != JobColumn::Stored("cluster");
        columns.iter().filter(is_inside).cloned().collect()
    }

    /// Writes one row. In a partitioned export, the cluster and the start come before the columns.
    ///
    /// # Errors
    /// If it cannot be written; [`Error::Cancelled`] if nobody reads standard output any more.
    pub fn row(&mut self, row: &Row<'_>) -> Result<()> {
        let result = match &mut self.writer {
            Writer::Csv(lines) => lines.row(row),
            Writer::Jsonl(lines) => lines.row(row),
            Writer::Parquet(file) => file.row(row, 0),
            Writer::Folder(folder) => folder.row(row),
        };
        result.map_err(|source| self.broken(source))
    }

    /// How much has been written, in bytes.
    pub fn bytes(&self) -> u64 {
        match &self.writer {
            Writer::Csv(lines) => lines.bytes(),
            Writer::Jsonl(lines) => lines.bytes(),
            Writer::Parquet(file) => file.bytes(),
            Writer::Folder(folder) => folder.bytes(),
        }
    }

    /// Whether it ended because nobody reads standard output any more.
    pub fn reader_left(&self) -> bool {
        self.reader_left
    }

    /// Completes the file and gives it its name.
    ///
    /// # Errors
    /// If it cannot be written; nothing is left then.
    pub fn finish(mut self) -> Result<ExportEnd> {
        let mut end = self.close()?;
        if let Some(target) = self.target.take() {
            end.path = Some(target.publish()?);
        }
        Ok(end)
    }

    /// Ends an export that was stopped or has failed: removes what was written, or closes it and
    /// leaves it under its temporary name.
    pub fn abandon(mut self, keep: bool) -> ExportEnd {
        let reader_left = self.reader_left;
        let closed = (keep && !self.is_broken && self.target.is_some())
            .then(|| self.close())
            .and_then(Result::ok);
        let Some((end, target)) = closed.zip(self.target.take()) else {
            return ExportEnd {
                reader_left,
                ..ExportEnd::default()
            };
        };
        ExportEnd {
            path: Some(target.keep_part()),
            ..end
        }
    }

    fn close(&mut self) -> Result<ExportEnd> {
        let closed = match &mut self.writer {
            Writer::Csv(lines) => lines.close(),
            Writer::Jsonl(lines) => lines.close(),
            Writer::Parquet(file) => file.close(),
            Writer::Folder(folder) => folder.close(),
        };
        if let Err(source) = closed {
            return Err(self.broken(source));
        }
        let (files, misfits) = match &self.writer {
            Writer::Csv(_) | Writer::Jsonl(_) => (1, 0),
            Writer::Parquet(file) => (1, file.misfits()),
            Writer::Folder(folder) => (folder.files(), folder.misfits()),
        };
        Ok(ExportEnd {
            path: None,
            files,
            bytes: self.bytes(),
            misfits,
            reader_left: false,
        })
    }

    fn broken(&mut self, source: io::Error) -> Error {
        self.is_broken = true;
        if self.target.is_none() && source.kind() == io::ErrorKind::BrokenPipe {
            self.reader_left = true;
            return Error::Cancelled;
        }
        if self.target.is_none() {
            return Error::other("write to standard output", source);
        }
        Error::file("write", &self.path, source)
    }
}
