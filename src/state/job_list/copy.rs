//! Marked rows on their way to the clipboard: fetched in full, then written as text, CSV or JSON.

use std::{collections::VecDeque, ops::Range};

use crate::{
    db::value::Cell,
    engine::message::TaskId,
    error::{Error, Result},
    jobs::column::JobColumn,
};

/// How copied rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CopyFormat {
    /// Columns separated by tabs, with a heading: what a spreadsheet pastes.
    #[default]
    Text,
    /// RFC 4180, with a header.
    Csv,
    /// A list of objects.
    Json,
}

impl CopyFormat {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Text, Self::Csv, Self::Json];

    /// The name on the menu.
    pub fn label(self) -> &'static str {
        match self {
            Self::Text => "Copy as text",
            Self::Csv => "Copy as CSV",
            Self::Json => "Copy as JSON",
        }
    }
}

/// More rows than this are for a file.
pub const MAX_COPIED: u64 = 10_000;

/// Rows that are being copied, and the finished text.
#[derive(Debug, Default)]
pub struct Copying {
    /// The finished text, with a serial number: the panel takes it once.
    pub text: Option<(u64, String)>,
    /// The task that fetches the next rows.
    pub(in crate::state) id: Option<TaskId>,
    pub(in crate::state) format: CopyFormat,
    pub(in crate::state) columns: Vec<JobColumn>,
    pub(in crate::state) parts: VecDeque<Range<u64>>,
    pub(in crate::state) rows: Vec<Vec<Cell>>,
    serial: u64,
}

impl Copying {
    /// Whether rows are still on their way.
    pub fn is_busy(&self) -> bool {
        self.id.is_some()
    }

    /// Memory that the rows and the text hold.
    pub fn bytes(&self) -> usize {
        let rows: usize = self.rows.iter().flatten().map(Cell::size).sum();
        rows + self.text.as_ref().map_or(0, |(_, text)| text.len())
    }

    pub(in crate::state) fn finish(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows);
        let text = written(self.format, &self.columns, &rows)?;
        self.serial += 1;
        self.text = Some((self.serial, text));
        self.id = None;
        Ok(())
    }

    /// The clipboard has it.
    pub(in crate::state) fn taken(&mut self) {
        self.text = None;
    }

    pub(in crate::state) fn stop(&mut self) {
        self.id = None;
        self.parts.clear();
        self.rows.clear();
    }
}

/// Rows as a text in one of the formats.
///
/// # Errors
/// If a value cannot be written, which no value of a database does.
fn written(format: CopyFormat, columns: &[JobColumn], rows: &[Vec<Cell>]) -> Result<String> {
    let names = columns.iter().map(ToString::to_string);
    let failed = |source: csv::Error| Error::other("write the copied rows", source);
    match format {
        CopyFormat::Text | CopyFormat::Csv => {
            let is_text = format == CopyFormat::Text;
            let mut writer = csv::WriterBuilder::new()
                .delimiter(if is_text { b'\t' } else { b',' })
                .terminator(if is_text {
                    csv::Terminator::Any(b'\n')
                } else {
                    csv::Terminator::CRLF
                })
                .from_writer(Vec::new());
            writer.write_record(names).map_err(failed)?;
            for row in rows {
                writer
                    .write_record(row.iter().map(Cell::display))
                    .map_err(failed)?;
            }
            let bytes = writer
                .into_inner()
                .map_err(|error| Error::other("write the copied rows", error.into_error()))?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        }
        CopyFormat::Json => {
            let names: Vec<String> = names.collect();
            let objects: Vec<serde_json::Map<String, serde_json::Value>> = rows
                .iter()
                .map(|row| {
                    (names.iter().zip(row))
                        .map(|(name, cell)| (name.clone(), json_of(cell)))
                        .collect()
                })
                .collect();
            serde_json::to_string_pretty(&objects)
                .map_err(|source| Error::other("write the copied rows", source))
        }
    }
}

/// A document as what it is, everything else as a plain value.
fn json_of(cell: &Cell) -> serde_json::Value {
    let document = cell
        .as_text()
        .filter(|text| text.starts_with(['{', '[']))
        .and_then(|text| serde_json::from_str(text).ok());
    document.unwrap_or_else(|| serde_json::to_value(cell).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copied_rows_can_be_read_back() {
        let columns = [
            JobColumn::Stored("hpc_user"),
            JobColumn::Stored("footprint"),
        ];
        let rows = vec![
            vec![
                Cell::Text("a\"b,c\td".to_owned()),
                Cell::Blob(b"{\"x\":1.5}".to_vec()),
            ],
            vec![Cell::Null, Cell::Int(7)],
        ];
        let csv = written(CopyFormat::Csv, &columns, &rows).expect("CSV");
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let records: Vec<_> = reader
            .records()
            .map(|record| record.expect("a record"))
            .collect();
        assert_eq!(&records[0][0], "a\"b,c\td");
        assert_eq!(&records[1][1], "7");
        let json = written(CopyFormat::Json, &columns, &rows).expect("JSON");
        let json: serde_json::Value = serde_json::from_str(&json).expect("valid");
        assert_eq!(json[0]["footprint"]["x"], 1.5);
        assert_eq!(json[1]["hpc_user"], serde_json::Value::Null);
        let text = written(CopyFormat::Text, &columns, &rows).expect("text");
        assert!(text.starts_with("hpc_user\tfootprint\n"), "{text}");
    }
}
