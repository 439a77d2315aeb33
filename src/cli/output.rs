//! Results on standard output: a table for people, CSV and JSON for programs.

use std::io::{self, BufWriter, StdoutLock, Write as _};

use clap::ValueEnum;
use serde_json::json;

use super::session::{Ending, Sink};
use crate::{
    db::value::Cell,
    engine::message::Task,
    error::{Error, Result},
    jobs::{catalogue::Column, difference::Differences, schema::Schema, sql::Sql},
};

/// What the output looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns, for people.
    Table,
    /// RFC 4180, with a header.
    Csv,
    /// One object: query, SQL, values, columns, rows, receipt.
    Json,
}

/// Writes one result in one format, as it comes, so that its size does not matter.
pub struct Output {
    format: Format,
    name: &'static str,
    sql: Sql,
    differences: Option<Differences>,
    /// Where the rows have a number of jobs.
    count_column: Option<usize>,
    is_empty: bool,
    out: BufWriter<StdoutLock<'static>>,
    columns: Vec<Column>,
    /// Rows of a table are kept until the widths are known, up to [`TABLE_ROWS`].
    table: Vec<Vec<String>>,
    rows_written: u64,
    begun: bool,
}

/// A table's widths are taken from its first rows; later rows follow them.
const TABLE_ROWS: usize = 2_000;

/// Cells of a table are cut here: scripts and resource lists are for `--format json`.
const TABLE_CELL_CHARS: usize = 40;

impl Output {
    /// An output for the result of `task` on a file of this schema.
    ///
    /// # Errors
    /// If the file cannot answer the task.
    pub fn new(format: Format, task: &Task, schema: &Schema) -> Result<Self> {
        let (sql, differences) = match task {
            Task::Query(query) => (query.sql(schema)?, Some(Differences::new(query))),
            Task::Sql(text) => (Sql::text(text), None),
            Task::List(query) => (query.sql(schema)?, None),
            // These have no rows for us: one writes them itself.
            Task::Orders(_) | Task::Export(_) => (Sql::default(), None),
        };
        Ok(Self {
            format,
            name: task.name(),
            sql,
            differences,
            count_column: None,
            is_empty: true,
            out: BufWriter::new(io::stdout().lock()),
            columns: Vec::new(),
            table: Vec::new(),
            rows_written: 0,
            begun: false,
        })
    }

    /// Whether no row has come, or only rows that count nothing.
    pub fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// Writes what comes after the rows. Answers with the sentences on how cc-backend differs.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn finish(mut self, ending: &Ending) -> Result<Vec<String>> {
        let differences = self
            .differences
            .take()
            .map(|differences| differences.sentences())
            .unwrap_or_default();
        match self.format {
            Format::Table => self.flush_table()?,
            Format::Csv => {}
            Format::Json => self
                .finish_json(ending, &differences)
                .map_err(cannot_write)?,
        }
        self.out.flush().map_err(cannot_write)?;
        Ok(differences)
    }

    fn look_at(&mut self, rows: &[Vec<Cell>]) {
        for row in rows {
            if let Some(differences) = &mut self.differences {
                differences.see(row);
            }
            let counts_nothing = self.count_column.is_some_and(|column| {
                let is_zero = row.get(column).and_then(Cell::as_int) == Some(0);
                // The jobs without a value of a histogram.
                is_zero || column > 0 && row.first() == Some(&Cell::Null)
            });
            self.is_empty &= counts_nothing;
        }
    }

    fn begin_json(&mut self) -> io::Result<()> {
        self.begun = true;
        write!(
            self.out,
            "{{\"query\":{},\"sql\":{},\"params\":{},\"columns\":{},\"rows\":[",
            json!(self.name),
            json!(self.sql.text),
            json!(self.sql.params),
            json!(self.columns)
        )
    }

    fn finish_json(&mut self, ending: &Ending, differences: &[String]) -> io::Result<()> {
        if !self.begun {
            self.begin_json()?;
        }
        let complete = ending.receipt.outcome == crate::engine::receipt::Outcome::Finished;
        write!(
            self.out,
            "],\"complete\":{complete},\"next\":{},\"receipt\":{}",
            json!(ending.next),
            json!(ending.receipt)
        )?;
        if !differences.is_empty() {
            write!(self.out, ",\"differences\":{}", json!(differences))?;
        }
        writeln!(self.out, "}}")
    }

    fn write_json_rows(&mut self, rows: &[Vec<Cell>]) -> io::Result<()> {
        for row in rows {
            if self.rows_written > 0 {
                self.out.write_all(b",")?;
            }
            self.out.write_all(b"\n")?;
            serde_json::to_writer(&mut self.out, row)?;
            self.rows_written += 1;
        }
        Ok(())
    }

    fn write_csv_rows(&mut self, rows: impl Iterator<Item = Vec<String>>) -> Result<()> {
        let mut writer = csv::Writer::from_writer(&mut self.out);
        for row in rows {
            writer
                .write_record(&row)
                .map_err(|source| Error::other("write to standard output", source))?;
        }
        writer.flush().map_err(cannot_write)
    }

    fn flush_table(&mut self) -> Result<()> {
        use tabled::{builder::Builder, settings::Style};

        if self.table.is_empty() && self.begun || self.columns.is_empty() {
            return Ok(());
        }
        let mut builder = Builder::default();
        if !self.begun {
            self.begun = true;
            builder.push_record(self.columns.iter().map(heading));
        }
        for row in self.table.drain(..) {
            builder.push_record(row);
        }
        let mut table = builder.build();
        table.with(Style::blank());
        for line in table.to_string().lines() {
            writeln!(self.out, "{}", line.trim_end()).map_err(cannot_write)?;
        }
        Ok(())
    }
}

impl Sink for Output {
    fn columns(&mut self, columns: Vec<Column>) -> Result<()> {
        self.count_column = self.differences.as_ref().and_then(|_| {
            let names = ["count", "totalJobs", "runningJobs", "shortJobs"];
            columns
                .iter()
                .position(|column| names.contains(&column.name.as_str()))
        });
        self.columns = columns;
        match self.format {
            Format::Table => Ok(()),
            Format::Csv => {
                let header = self
                    .columns
                    .iter()
                    .map(|column| column.name.clone())
                    .collect();
                self.write_csv_rows(std::iter::once(header))
            }
            Format::Json => self.begin_json().map_err(cannot_write),
        }
    }

    fn rows(&mut self, rows: &[Vec<Cell>]) -> Result<()> {
        self.look_at(rows);
        let texts = rows
            .iter()
            .map(|row| row.iter().map(Cell::display).collect());
        match self.format {
            Format::Json => return self.write_json_rows(rows).map_err(cannot_write),
            Format::Csv => return self.write_csv_rows(texts),
            Format::Table => {}
        }
        for row in texts {
            let row: Vec<String> = row;
            self.table
                .push(row.iter().map(|text| one_line(text)).collect());
        }
        if self.table.len() >= TABLE_ROWS {
            self.flush_table()?;
        }
        Ok(())
    }
}

/// A column's name with its unit, which programs find in `--format json`. "jobs" after every count
/// would only be noise.
fn heading(column: &Column) -> String {
    match column.unit.as_deref() {
        None | Some("jobs") => column.name.clone(),
        Some(unit) => format!("{} ({unit})", column.name),
    }
}

/// A cell on one line of a terminal: no control characters, cut with an ellipsis.
fn one_line(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(TABLE_CELL_CHARS)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(TABLE_CELL_CHARS).is_some() {
        short.push('…');
    }
    short
}

fn cannot_write(source: io::Error) -> Error {
    Error::other("write to standard output", source)
}
