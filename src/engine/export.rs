//! Runs an export: its statements, the file they fill, and what is said about it.

use std::time::{Duration, Instant};

use super::{
    cancel::StopReason,
    message::Event,
    run::Runner,
    take::{Running, Take},
};
use crate::{
    error::{Error, Result},
    export::{Export, ExportEnd, ExportSpec, Format},
    jobs::{
        catalogue::Column,
        column::JobColumn,
        export::{Document, Selected},
        schema::Schema,
        sql::Sql,
    },
};

/// Between two reports on how far it has come.
const REPORT_WAIT: Duration = Duration::from_millis(200);

/// Writes the rows of `spec` to its file.
pub(super) fn run(runner: &mut Runner<'_>, spec: &ExportSpec) -> Result<()> {
    let columns = columns(runner, spec)?;
    let statements = statements(runner.opened.schema, spec, &columns)?;
    let mut writing = Writing {
        export: Export::create(spec, &columns, runner.opened.path)?,
        running: runner.running,
        num_rows: 0,
        reported: Instant::now(),
    };
    let result = read(runner, &statements, &columns, &mut writing);
    let Writing {
        export, num_rows, ..
    } = writing;
    let running = runner.running;
    let (result, end) = match result {
        Ok(()) => export.finish().map_or_else(
            |error| (Err(error), ExportEnd::default()),
            |end| (Ok(()), end),
        ),
        Err(error) => {
            if export.reader_left() {
                let now = running.pool.clock.nanos();
                running.work.token.ask(StopReason::Cancelled, now);
            }
            (Err(error), export.abandon(spec.keep_stopped))
        }
    };
    let event = Event::Exported {
        id: running.work.id,
        rows: num_rows,
        bytes: end.bytes,
        end: Some(end),
    };
    running.reporter.tell(event, running.pool);
    result
}

/// Steps through all statements. Several see the same snapshot of the file, as one does.
fn read(
    runner: &mut Runner<'_>,
    statements: &[Sql],
    columns: &[JobColumn],
    writing: &mut Writing<'_>,
) -> Result<()> {
    let _snapshot = (statements.len() > 1)
        .then(|| runner.opened.conn.unchecked_transaction())
        .transpose()
        .map_err(|source| Error::other("begin to read", source))?;
    for sql in statements {
        let columns = columns
            .iter()
            .map(|column| Column::new(&column.to_string(), column.unit()));
        runner.statement(sql, Some(columns.collect()), writing)?;
    }
    Ok(())
}

fn statements(schema: &Schema, spec: &ExportSpec, columns: &[JobColumn]) -> Result<Vec<Sql>> {
    let is_partitioned = spec.format == Format::Parquet { partitioned: true };
    let inside = if is_partitioned {
        Export::columns_in_partitions(columns)
    } else {
        columns.to_vec()
    };
    let selected = Selected {
        selection: &spec.selection,
        sort: &spec.sort,
        columns: &inside,
    };
    let statement = |part| {
        if is_partitioned {
            selected.partitioned_sql(schema, part)
        } else {
            selected.sql(schema, part)
        }
    };
    match &spec.rows {
        None => Ok(vec![statement(None)?]),
        Some(parts) => parts.iter().map(|part| statement(Some(part))).collect(),
    }
}

/// The columns that were asked for, and those of the documents that are expanded.
fn columns(runner: &Runner<'_>, spec: &ExportSpec) -> Result<Vec<JobColumn>> {
    let mut columns = spec.columns.clone();
    for document in &spec.expand {
        for column in keys(runner, *document)? {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
    }
    Ok(columns)
}

fn keys(runner: &Runner<'_>, document: Document) -> Result<Vec<JobColumn>> {
    let Sql { text, params } = document.keys_sql(runner.opened.schema)?;
    let failed = |source| Error::Query {
        sql: text.clone(),
        source,
    };
    let mut statement = runner.opened.conn.prepare(&text).map_err(failed)?;
    let keys = statement
        .query_map(rusqlite::params_from_iter(params.iter()), |row| {
            let key = row.get_ref(0)?;
            Ok(key.as_str().ok().and_then(|key| document.at(key)))
        })
        .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
        .map_err(failed)?;
    Ok(keys.into_iter().flatten().collect())
}

/// Writes rows, and says how far it has come.
struct Writing<'a> {
    export: Export,
    running: Running<'a>,
    num_rows: u64,
    reported: Instant,
}

impl Take for Writing<'_> {
    fn row(&mut self, row: &rusqlite::Row<'_>, num_rows: u64) -> Result<()> {
        self.running.check()?;
        self.export.row(row)?;
        self.num_rows = num_rows;
        if self.reported.elapsed() >= REPORT_WAIT {
            self.reported = Instant::now();
            self.running.show_rows(num_rows);
            let event = Event::Exported {
                id: self.running.work.id,
                rows: num_rows,
                bytes: self.export.bytes(),
                end: None,
            };
            self.running.reporter.mention(event, self.running.pool);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}
