//! One Parquet file: typed columns, zstd, row groups that are bounded in memory.

use std::{fs::File, io, path::Path, sync::Arc};

use arrow_array::RecordBatch;
use arrow_schema::{Field as ArrowField, Schema as ArrowSchema, SchemaRef};
use parquet::{
    arrow::{ArrowWriter, arrow_writer::ArrowWriterOptions},
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::properties::{EnabledStatistics, WriterProperties},
    schema::types::ColumnPath,
};
use rusqlite::{Row, types::ValueRef};

use super::columns::{Field, Growing};
use crate::jobs::column::ColumnKind;

/// Rows are encoded together up to this number,
const BATCH_ROWS: usize = 1024;
/// or when their text takes this much.
const BATCH_BYTES: usize = 1 << 20;
/// A row group is written when its encoded columns hold this much memory: with their dictionaries and
/// what zstd needs for each column, a file takes about twice that.
const GROUP_BYTES: usize = 24 << 20;

/// A file that is being written.
pub(super) struct ParquetFile {
    /// `None` once it is closed.
    writer: Option<ArrowWriter<File>>,
    schema: SchemaRef,
    columns: Vec<Growing>,
    num_rows: usize,
    text_bytes: usize,
    scratch: Vec<u8>,
    bytes: u64,
    misfits: u64,
}

impl ParquetFile {
    /// Begins a file. It may be there, empty.
    pub(super) fn open(path: &Path, fields: &[Field]) -> io::Result<Self> {
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        let schema = Arc::new(ArrowSchema::new(
            fields
                .iter()
                .map(|field| ArrowField::new(field.name.as_str(), field.data_type(), true))
                .collect::<Vec<_>>(),
        ));
        let options = ArrowWriterOptions::new()
            .with_properties(properties(fields))
            // Parquet's own types say everything, and to every reader.
            .with_skip_arrow_metadata(true);
        let writer =
            ArrowWriter::try_new_with_options(file, Arc::clone(&schema), options).map_err(as_io)?;
        Ok(Self {
            writer: Some(writer),
            schema,
            columns: fields.iter().map(Growing::new).collect(),
            num_rows: 0,
            text_bytes: 0,
            scratch: Vec::new(),
            bytes: 0,
            misfits: 0,
        })
    }

    /// Takes a row whose first `skip` values are not for the file.
    pub(super) fn row(&mut self, row: &Row<'_>, skip: usize) -> io::Result<()> {
        for (index, column) in self.columns.iter_mut().enumerate() {
            let value = row.get_ref(index + skip).map_err(io::Error::other)?;
            if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = value {
                self.text_bytes += bytes.len();
            }
            self.misfits += u64::from(!column.push(value, &mut self.scratch));
        }
        self.num_rows += 1;
        if self.num_rows >= BATCH_ROWS || self.text_bytes >= BATCH_BYTES {
            self.encode()?;
        }
        Ok(())
    }

    /// What is in the file, and what will be when the row group is written.
    pub(super) fn bytes(&self) -> u64 {
        self.writer.as_ref().map_or(self.bytes, |writer| {
            (writer.bytes_written() + writer.in_progress_size()) as u64
        })
    }

    pub(super) fn misfits(&self) -> u64 {
        self.misfits
    }

    /// Writes the end, and sees to it that all of it is on the disk.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.encode()?;
        let Some(writer) = self.writer.take() else {
            return Ok(());
        };
        let file = writer.into_inner().map_err(as_io)?;
        file.sync_all()?;
        self.bytes = file.metadata()?.len();
        Ok(())
    }

    fn encode(&mut self) -> io::Result<()> {
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        if self.num_rows == 0 {
            return Ok(());
        }
        let arrays = self.columns.iter_mut().map(Growing::take).collect();
        let batch =
            RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(io::Error::other)?;
        writer.write(&batch).map_err(as_io)?;
        self.num_rows = 0;
        self.text_bytes = 0;
        if writer.memory_size() >= GROUP_BYTES {
            writer.flush().map_err(as_io)?;
        }
        Ok(())
    }
}

/// Smallest and largest values belong to a row group, not to each page: what is known about pages is
/// kept until the end of the file. Nobody looks for a document by its first letters, either.
fn properties(fields: &[Field]) -> WriterProperties {
    let documents = fields
        .iter()
        .filter(|field| field.kind == ColumnKind::Json)
        .map(|field| ColumnPath::new(vec![field.name.clone()]));
    documents
        .fold(WriterProperties::builder(), |properties, column| {
            properties.set_column_statistics_enabled(column, EnabledStatistics::None)
        })
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(concat!("jobscope ", env!("CARGO_PKG_VERSION")).to_owned())
        .build()
}

/// What the operating system said, where it did: a full disk has a hint of its own.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "everything else is told in the library's words, and the enum may grow"
)]
fn as_io(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) => *source,
            Err(source) => io::Error::other(source),
        },
        other => io::Error::other(other),
    }
}
