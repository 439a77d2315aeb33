//! `jobscope check`: what a file is, and what the SQLite of this program is.

use std::{io::Write as _, path::PathBuf};

use clap::Args;
use serde_json::json;

use super::{ExitCode, output::Format};
use crate::{
    db::{
        build::BuildFacts,
        connection::{self, OpenMode},
    },
    error::{Error, Result},
    jobs::{
        facts::DatabaseFacts,
        indexes::{self, SchemaVersion},
        schema::FileKind,
    },
    units::{Bytes, format_rough_count},
};

/// `jobscope check [DB]`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The database. Without it only this program's SQLite is described.
    database: Option<PathBuf>,
    /// Open the file as immutable: only while nobody writes to it.
    #[arg(long)]
    immutable: bool,
    /// What the output looks like.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Runs `jobscope check`.
///
/// # Errors
/// If the database cannot be opened or the output cannot be written.
pub fn run(args: &CheckArgs) -> Result<ExitCode> {
    let build = BuildFacts::read()?;
    let facts = args
        .database
        .as_ref()
        .map(|path| {
            let mode = if args.immutable {
                OpenMode::Immutable
            } else {
                OpenMode::ReadOnly
            };
            let conn = connection::open(path, mode)?;
            DatabaseFacts::read(&conn, path, mode)
        })
        .transpose()?;
    let text = match args.format {
        Format::Json => json!({ "sqlite": build, "database": facts }).to_string(),
        Format::Csv => {
            return Err(Error::invalid("format for check", "csv", "table or json"));
        }
        Format::Table => lines(&build, facts.as_ref()).join("\n"),
    };
    writeln!(std::io::stdout(), "{text}")
        .map_err(|source| Error::other("write to standard output", source))?;
    Ok(ExitCode::Done)
}

fn lines(build: &BuildFacts, facts: Option<&DatabaseFacts>) -> Vec<String> {
    let yes_no = |on: bool| if on { "yes" } else { "no" };
    let mut lines = vec![
        format!("SQLite                {}", build.sqlite_version),
        format!("  MEMORY_MANAGEMENT   {}", yes_no(build.memory_management)),
        format!("  STAT4               {}", yes_no(build.stat4)),
        format!("  STMT_SCANSTATUS     {}", yes_no(build.stmt_scanstatus)),
        format!("  THREADSAFE          {}", build.threadsafe),
        format!("  TEMP_STORE          {}", build.temp_store),
    ];
    let Some(facts) = facts else { return lines };
    let version = facts
        .schema_version
        .map_or_else(|| "none".to_owned(), |version| version.to_string());
    lines.extend([
        String::new(),
        format!("Database              {}", facts.path.display()),
        format!("  size                {}", Bytes(facts.file_bytes)),
        format!("  journal mode        {}", facts.journal_mode),
        format!("  page size           {} B", facts.page_size),
        format!("  kind                {}", kind(facts.kind)),
    ]);
    if let Some(bytes) = facts.wal_bytes {
        lines.push(format!("  WAL                 {}", Bytes(bytes)));
    }
    if facts.has_jobs() {
        let jobs = format_rough_count(facts.estimated_jobs);
        lines.push(format!("  jobs                ~{jobs}"));
    }
    if facts.kind != FileKind::Jobs {
        return lines;
    }
    lines.extend([
        format!(
            "  schema version      {version}{}",
            if facts.migration_is_dirty {
                " (a migration did not finish)"
            } else {
                ""
            }
        ),
        format!("  analyzed            {}", yes_no(facts.job_is_analyzed)),
        format!("  job indexes         {}", facts.job_indexes.len()),
    ]);
    if !facts.missing_columns.is_empty() {
        let missing = facts.missing_columns.join(", ");
        lines.push(format!("  lacks the columns   {missing}"));
    }
    lines.extend(index_lines(facts));
    lines
}

fn kind(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Jobs => "job database",
        FileKind::Archive => "job archive: jobs, count, job and find work on it",
        FileKind::Other => "another SQLite file: jobscope sql can read it",
    }
}

/// Missing and unknown indexes against schema 11: the version number alone proves nothing.
fn index_lines(facts: &DatabaseFacts) -> Vec<String> {
    let expected: Vec<_> = indexes::job_indexes(SchemaVersion::V11)
        .iter()
        .map(|i| i.name)
        .collect();
    let missing: Vec<_> = expected
        .iter()
        .copied()
        .filter(|name| !facts.job_indexes.iter().any(|have| have == name))
        .collect();
    let unknown: Vec<_> = facts
        .job_indexes
        .iter()
        .map(String::as_str)
        .filter(|name| !expected.contains(name))
        .collect();
    let list = |title: &str, names: &[&str]| {
        let mut lines = vec![format!("  {title:<20}{}", names.len())];
        lines.extend(names.iter().map(|name| format!("    {name}")));
        lines
    };
    let mut lines = list("missing for v11", &missing);
    lines.extend(list("not of v11", &unknown));
    lines
}
