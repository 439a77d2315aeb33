//! What a recording has seen, on standard output.

use std::io::{self, Write as _};

use serde::Serialize;
use tabled::{builder::Builder, settings::Style};

use super::{
    Format,
    drive::{Ended, EndedTask},
};
use crate::{
    engine::{give_back::GiveBackReceipt, receipt::Receipt},
    error::{Error, Result},
    units::{Bytes, counted, format_count, format_elapsed, seconds},
};

/// Writes the receipts, what was given back, and where the recording is.
///
/// # Errors
/// If standard output cannot be written.
pub(super) fn print(ended: &Ended, format: Format) -> Result<()> {
    let text = match format {
        Format::Table => table(ended),
        Format::Json => json(ended)?,
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|source| Error::other("write to standard output", source))
}

fn table(ended: &Ended) -> String {
    let mut lines = Vec::new();
    if !ended.tasks.is_empty() {
        let mut builder = Builder::default();
        builder.push_record([
            "task",
            "query",
            "outcome",
            "time",
            "rows",
            "SQLite heap, peak",
            "RSS, peak",
            "RSS, after",
        ]);
        for task in &ended.tasks {
            builder.push_record(row(task));
        }
        let mut table = builder.build();
        table.with(Style::blank());
        let table = table.to_string();
        lines.extend(table.lines().map(|line| line.trim_end().to_owned()));
    }
    if let Some(give_back) = &ended.give_back {
        let rungs = give_back.rungs.iter();
        lines.extend(rungs.map(|rung| format!("{}: {}", rung.rung.label(), rung.sentence())));
        lines.push(give_back.sentence());
    }
    lines.push(format!(
        "{}: {}, {}\n",
        ended.path.display(),
        Bytes(ended.bytes),
        counted(ended.num_samples, "sample", "samples")
    ));
    lines.join("\n")
}

fn row(task: &EndedTask) -> [String; 8] {
    let receipt = &task.receipt;
    let bytes = |bytes: Option<u64>| bytes.map_or_else(String::new, |b| Bytes(b).to_string());
    let elapsed = seconds((receipt.elapsed_ms / 1e3).max(0.0));
    [
        task.id.to_string(),
        task.name.to_owned(),
        receipt.outcome_words(),
        format_elapsed(elapsed),
        format_count(receipt.rows),
        bytes(Some(receipt.sqlite_heap_peak_bytes)),
        bytes(receipt.rss_peak_bytes),
        bytes(receipt.rss_after_bytes),
    ]
}

fn json(ended: &Ended) -> Result<String> {
    #[derive(Serialize)]
    struct Summary<'a> {
        path: String,
        bytes: u64,
        samples: u64,
        receipts: Vec<Told<'a>>,
        give_back: Option<&'a GiveBackReceipt>,
    }

    #[derive(Serialize)]
    struct Told<'a> {
        task: u64,
        query: &'static str,
        #[serde(flatten)]
        receipt: &'a Receipt,
    }

    let summary = Summary {
        path: ended.path.display().to_string(),
        bytes: ended.bytes,
        samples: ended.num_samples,
        receipts: ended
            .tasks
            .iter()
            .map(|task| Told {
                task: task.id,
                query: task.name,
                receipt: &task.receipt,
            })
            .collect(),
        give_back: ended.give_back.as_ref(),
    };
    let mut text = serde_json::to_string(&summary)
        .map_err(|source| Error::other("write the summary", source))?;
    text.push('\n');
    Ok(text)
}
