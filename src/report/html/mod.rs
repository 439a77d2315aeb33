//! A report on recordings: one HTML file that needs nothing beside itself.

mod part;

use std::time::Duration;

use self::part::Part;
use super::{
    Theme,
    chart::{self, ChartSpec, Panel},
    page::{escape, page},
};
use crate::{
    error::Result,
    memory::{quantity::Quantity, recording::RecordedHistory},
    units::{Bytes, format_count, format_elapsed},
};

/// A recording with the name that tells it from others.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Its name; the file's, say.
    pub name: &'a str,
    /// What was read.
    pub recorded: &'a RecordedHistory,
}

impl<'a> Source<'a> {
    /// Why the report shows nothing of it, if it does not.
    pub fn nothing_there(&self, spec: &ChartSpec, is_alone: bool) -> Option<String> {
        let part = Part::new(self, spec, is_alone);
        let history = &self.recorded.history;
        (part.sum.is_none()).then(|| chart::nothing_there(history, part.shift))
    }

    /// How it is drawn.
    pub fn panel(&self, is_alone: bool) -> Panel<'a> {
        Panel {
            name: if is_alone { "" } else { self.name },
            history: &self.recorded.history,
            zero_unix_secs: self.recorded.zero_unix_secs(),
        }
    }
}

/// The report. The chart follows `spec`, but for its colours, which are those of the page.
///
/// # Errors
/// If nothing was sampled in the range.
pub fn html(spec: &ChartSpec, sources: &[Source<'_>]) -> Result<String> {
    let is_alone = sources.len() == 1;
    let heading = match spec.title.as_str() {
        "" => "Memory over time",
        title => title,
    };
    let spec = ChartSpec {
        // It stands above the picture, as a heading of the page.
        title: String::new(),
        theme: Theme::Light,
        ..spec.clone()
    };
    let panels: Vec<_> = sources
        .iter()
        .map(|source| source.panel(is_alone))
        .collect();
    let chart = chart::svg(&spec, &panels)?;
    let title = match sources {
        [source] => format!("Memory report: {}", source.name),
        sources => format!("Memory report: {} recordings", sources.len()),
    };
    let parts: Vec<_> = sources
        .iter()
        .map(|source| Part::new(source, &spec, is_alone))
        .collect();
    let mut body = ["<h1>", &escape(&title), "</h1>\n"].concat();
    if let [part] = parts.as_slice() {
        body += &part.opening();
    } else {
        body += "<p>The charts are aligned by the start of each recording's first task and have the \
                 same axes.</p>\n";
        body += &comparison(&parts);
    }
    body += &["<section>\n<h2>", &escape(heading), "</h2>\n<figure>\n"].concat();
    body += &chart;
    body += "</figure>\n</section>\n";
    for part in &parts {
        body += &part.sections();
    }
    Ok(page(&title, &body))
}

fn comparison(parts: &[Part<'_>]) -> String {
    let rows: String = parts
        .iter()
        .map(|part| {
            if part.sum.is_none() {
                return format!(
                    "<tr><th scope=\"row\" class=\"words\">{}</th><td colspan=\"5\" class=\"words muted\">nothing \
                     was sampled in this range</td></tr>\n",
                    escape(part.source.name)
                );
            }
            let peak = |quantity| {
                let max = part.sum.as_ref().and_then(|sum| sum.peak(quantity));
                max.map_or_else(|| "unknown".to_owned(), |bytes| bytes.to_string())
            };
            let receipts: Vec<_> = part
                .bands()
                .filter(|band| !band.is_background)
                .filter_map(|band| part.receipt(band))
                .collect();
            let first = part
                .bands()
                .map(|band| band.from_secs)
                .min_by(f64::total_cmp);
            let last = part
                .bands()
                .filter_map(|band| Some(band.end?.0))
                .max_by(f64::total_cmp);
            let time = first.zip(last).map_or_else(
                || "no task".to_owned(),
                |(first, last)| elapsed(last - first),
            );
            let rows: u64 = receipts.iter().map(|receipt| receipt.rows).sum();
            let after: u64 = receipts
                .iter()
                .map(|receipt| receipt.given_back().0)
                .max()
                .unwrap_or(0);
            format!(
                "<tr><th scope=\"row\" class=\"words\">{}</th><td>{}</td><td>{}</td><td>{time}</td><td>{}</td>\
                 <td>{}</td></tr>\n",
                escape(part.source.name),
                peak(Quantity::Rss),
                peak(Quantity::SqliteHeap),
                format_count(rows),
                Bytes(after)
            )
        })
        .collect::<Vec<_>>()
        .concat();
    format!(
        "<section>\n<h2>Side by side</h2>\n<div class=\"scroll\"><table>\n<thead><tr>\
         <th>recording</th><th>peak RSS</th><th>peak SQLite<br>heap</th><th>first task's start<br>\
         to last one's end</th><th>rows</th><th>given back after<br>one task, at most</th></tr>\
         </thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n</section>\n"
    )
}

fn elapsed(secs: f64) -> String {
    format_elapsed(Duration::try_from_secs_f64(secs.max(0.0)).unwrap_or_default())
}
