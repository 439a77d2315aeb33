//! What a page says of one recording, table by table.

use jiff::tz::TimeZone;

use super::{Source, elapsed};
use crate::{
    engine::receipt::Receipt,
    memory::{
        marker::Band, quantity::Quantity, recording::Header, series::Point, summary::partly_known,
    },
    report::{
        chart::{self, ChartSpec},
        page::escape,
    },
    units::{Bytes, format_count, format_rough_count, format_time, zone_name},
};

/// So many rows of one table are readable; the CSV of the events has all.
const MAX_ROWS: usize = 500;

/// One recording, as far as the range shows it.
pub(super) struct Part<'a> {
    pub(super) source: &'a Source<'a>,
    is_alone: bool,
    /// What its times are counted from.
    pub(super) shift: f64,
    /// In the recording's own seconds.
    range: (f64, f64),
    pub(super) sum: Option<Point>,
}

impl<'a> Part<'a> {
    pub(super) fn new(source: &'a Source<'a>, spec: &ChartSpec, is_alone: bool) -> Self {
        let history = &source.recorded.history;
        let shift = chart::shift_secs(history, is_alone);
        let range = match spec.range {
            Some((from, to)) => (from + shift, to + shift),
            None => (f64::NEG_INFINITY, f64::INFINITY),
        };
        Self {
            source,
            is_alone,
            shift,
            range,
            sum: history.series.sum(range.0, range.1),
        }
    }

    fn header(&self) -> &Header {
        &self.source.recorded.header
    }

    /// When, with what, and what a reader must know.
    pub(super) fn opening(&self) -> String {
        let zone = TimeZone::system();
        let header = self.header();
        let recorded = self.source.recorded;
        let span = recorded.history.span();
        let length = span.map_or_else(String::new, |(first, last)| {
            format!(" · {} long", elapsed(last - first))
        });
        let samples = format_count(recorded.num_samples);
        let mut notes = Vec::new();
        if self.sum.is_none() {
            let words = chart::nothing_there(&recorded.history, self.shift);
            notes.push(format!("Not in the chart: {words}."));
        }
        if recorded.is_cut {
            notes.push(
                "The last line is not whole: the program that recorded was ended in the middle of \
                 it, or was still writing. Everything before it is here."
                    .to_owned(),
            );
        }
        if recorded.num_unknown > 0 {
            notes.push(format!(
                "{} written by a later version of jobscope. What has no name in this version is \
                 left out.",
                counted(recorded.num_unknown, "line was", "lines were")
            ));
        }
        if recorded.num_late > 0 {
            notes.push(format!(
                "{} left out: the clock ran backwards, or two recordings are in one file.",
                counted(recorded.num_late, "sample is", "samples are")
            ));
        }
        let notes: String = notes
            .iter()
            .map(|note| format!("<p class=\"bad\">{note}</p>\n"))
            .collect::<Vec<_>>()
            .concat();
        format!(
            "<p class=\"muted\">{} · recorded {} {}{length} · {samples} samples</p>\n{notes}",
            escape(&header.recorded_by),
            format_time(header.recorded_at_unix_secs, &zone),
            escape(&zone_name(&zone)),
        )
    }

    pub(super) fn sections(&self) -> String {
        let heading = |words: &str| {
            if self.is_alone {
                format!("<h2>{words}</h2>\n")
            } else {
                format!("<h3>{words}</h3>\n")
            }
        };
        let parts = [
            ("Peaks and means", self.quantities()),
            ("Tasks", self.tasks()),
            ("Memory given back", self.ladders()),
            ("What happened", self.marks()),
            ("Settings at the start", self.profile()),
            ("Machine, SQLite, database", self.conditions()),
        ];
        let parts = parts
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(words, text)| format!("{}{text}", heading(words)));
        if self.is_alone {
            return parts
                .map(|part| format!("<section>\n{part}</section>\n"))
                .collect::<Vec<_>>()
                .concat();
        }
        let parts: String = parts.collect();
        format!(
            "<section>\n<h2>{}</h2>\n{}{parts}</section>\n",
            escape(self.source.name),
            self.opening()
        )
    }

    fn quantities(&self) -> String {
        let Some(sum) = &self.sum else {
            return String::new();
        };
        let rows: String = Quantity::ALL
            .into_iter()
            .filter_map(|quantity| Some((quantity, sum.range(quantity)?)))
            .filter(|(_, range)| range.max > 0)
            .map(|(quantity, range)| {
                let max = sum.peak(quantity).map_or(range.max, |peak| peak.0);
                let [min, mean] = [range.min, range.mean as u64];
                let part = partly_known(range.num_known, sum.num_samples);
                let part = part.map_or_else(String::new, |part| {
                    format!("<br><span class=\"muted\">{part}</span>")
                });
                format!(
                    "<tr><th scope=\"row\">{}{part}</th><td>{}</td><td>{}</td><td>{}</td>\
                     <td class=\"words long\">{} <span class=\"muted\">Source: {}.</span></td></tr>\n",
                    escape(quantity.label()),
                    Bytes(min),
                    Bytes(max),
                    Bytes(mean),
                    escape(quantity.explanation()),
                    escape(quantity.source())
                )
            })
            .collect::<Vec<_>>()
            .concat();
        let hits = sum.hit_ratio().map_or_else(
            || "No page was looked up in a page cache.".to_owned(),
            |ratio| {
                format!(
                    "Of {} pages that were looked up, {:.1} % were in a page cache; {} were read \
                     from the file.",
                    format_count(sum.cache_hits + sum.cache_misses),
                    ratio * 100.0,
                    format_count(sum.cache_misses)
                )
            },
        );
        format!(
            "<div class=\"scroll\"><table>\n<thead><tr><th>quantity</th><th>smallest</th>\
             <th>largest</th><th>mean</th><th class=\"words\">what it is</th></tr></thead>\n\
             <tbody>\n{rows}</tbody>\n</table></div>\n<p>{hits}</p>\n<p>A ~ stands before an \
             estimate: a number that nobody counts, computed from others. How far it can be off is \
             said beside it.</p>\n"
        )
    }

    pub(super) fn bands(&self) -> impl Iterator<Item = &'a Band> {
        let (from, to) = self.range;
        let is_inside =
            move |band: &&Band| band.from_secs <= to && band.end.is_none_or(|(end, _)| end >= from);
        self.source
            .recorded
            .history
            .timeline
            .bands
            .iter()
            .filter(is_inside)
    }

    pub(super) fn receipt(&self, band: &Band) -> Option<&'a Receipt> {
        let receipts = &self.source.recorded.receipts;
        let found = receipts.iter().find(|ended| ended.task == band.task)?;
        Some(&found.receipt)
    }

    fn tasks(&self) -> String {
        let bands: Vec<_> = self.bands().collect();
        if bands.is_empty() {
            return String::new();
        }
        let rows: String = bands
            .iter()
            .take(MAX_ROWS)
            .map(|band| self.task_row(band))
            .collect::<Vec<_>>()
            .concat();
        format!(
            "<div class=\"scroll\"><table>\n<thead><tr><th class=\"words\">task</th><th>start</th>\
             <th>time</th><th>rows</th><th>heap<br>before</th><th>heap<br>at its peak</th>\
             <th>heap<br>after</th><th>RSS<br>at its peak</th><th>pages<br>read</th>\
             <th class=\"words\">outcome</th></tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n{}",
            more(bands.len())
        )
    }

    fn task_row(&self, band: &Band) -> String {
        let background = if band.is_background {
            " (in the background)"
        } else {
            ""
        };
        let title = format!("{}{background}", band.title);
        let mut outcome = band
            .end
            .map_or("running", |(_, outcome)| outcome.label())
            .to_owned();
        let mut cells = vec![String::new(); 7];
        if let Some((end, _)) = band.end {
            cells[0] = elapsed(end - band.from_secs);
        }
        if let Some(receipt) = self.receipt(band) {
            let rss = receipt.rss_peak_bytes.map(Bytes);
            cells = vec![
                elapsed(receipt.elapsed_ms / 1e3),
                format_count(receipt.rows),
                Bytes(receipt.sqlite_heap_before_bytes).to_string(),
                Bytes(receipt.sqlite_heap_peak_bytes).to_string(),
                Bytes(receipt.sqlite_heap_after_bytes).to_string(),
                rss.map_or_else(String::new, |rss| rss.to_string()),
                format_count(receipt.cache_misses),
            ];
            // What the columns do not say.
            if receipt.stop.is_some() {
                outcome = receipt.to_string();
            } else if receipt.limit.is_some() {
                outcome = receipt.outcome_words();
            }
            if let Some(limit) = &receipt.limit {
                outcome = format!("{outcome}: {}", limit.sentence());
            }
            if let Some(error) = &receipt.error {
                outcome = format!("{outcome}: {error}");
            }
        }
        let cells: String = cells
            .iter()
            .map(|cell| format!("<td>{}</td>", escape(cell)))
            .collect::<Vec<_>>()
            .concat();
        format!(
            "<tr><th scope=\"row\" class=\"words\">{}</th><td>{}</td>{cells}\
             <td class=\"words\">{}</td></tr>\n",
            escape(&title),
            self.moment(band.from_secs),
            escape(&outcome)
        )
    }

    fn ladders(&self) -> String {
        let (from, to) = self.range;
        self.source
            .recorded
            .given_back
            .iter()
            .filter(|given_back| (from..=to).contains(&given_back.at_secs))
            .map(|given_back| {
                let rungs: String = given_back
                    .receipt
                    .rungs
                    .iter()
                    .map(|rung| {
                        let label = rung.rung.label();
                        format!("<li>{label}: {}</li>\n", escape(&rung.sentence()))
                    })
                    .collect::<Vec<_>>()
                    .concat();
                format!(
                    "<p>{}: {}.</p>\n<ul class=\"notes\">\n{rungs}</ul>\n",
                    self.moment(given_back.at_secs),
                    escape(&given_back.receipt.sentence())
                )
            })
            .collect::<Vec<_>>()
            .concat()
    }

    fn marks(&self) -> String {
        let (from, to) = self.range;
        let markers: Vec<_> = self
            .source
            .recorded
            .history
            .timeline
            .markers
            .iter()
            .filter(|marker| (from..=to).contains(&marker.at_secs))
            .collect();
        if markers.is_empty() {
            return String::new();
        }
        let rows: String = markers
            .iter()
            .take(MAX_ROWS)
            .enumerate()
            .map(|(index, marker)| {
                // Beside other recordings, the chart counts on from one to the next.
                let number = if self.is_alone {
                    format!("<td class=\"number\">{}</td>", index + 1)
                } else {
                    String::new()
                };
                format!(
                    "<tr>{number}<td class=\"time\">{}</td><td class=\"words\">{}</td>\
                     <td class=\"words long\">{}</td></tr>\n",
                    self.moment(marker.at_secs),
                    marker.kind.label(),
                    escape(&marker.text)
                )
            })
            .collect::<Vec<_>>()
            .concat();
        let number = if self.is_alone {
            "<th class=\"number\">no.</th>"
        } else {
            ""
        };
        format!(
            "<div class=\"scroll\"><table>\n<thead><tr>{number}<th class=\"time\">time</th>\
             <th class=\"words\">what</th><th class=\"words\">in words</th></tr></thead>\n\
             <tbody>\n{rows}</tbody>\n</table></div>\n{}",
            more(markers.len())
        )
    }

    fn profile(&self) -> String {
        // As a profile file has it: every setting, by its name there.
        let header = self.header();
        let mut settings = match serde_json::to_value(&header.profile) {
            Ok(serde_json::Value::Object(settings)) => settings,
            _ => serde_json::Map::new(),
        };
        settings.extend(header.later_settings.clone());
        let rows: String = settings
            .iter()
            .map(|(setting, value)| {
                let value = match value {
                    serde_json::Value::String(text) => text.clone(),
                    serde_json::Value::Null => "off".to_owned(),
                    value @ (serde_json::Value::Bool(_)
                    | serde_json::Value::Number(_)
                    | serde_json::Value::Array(_)
                    | serde_json::Value::Object(_)) => value.to_string(),
                };
                format!(
                    "<tr><th scope=\"row\">{}</th><td class=\"words\">{}</td></tr>\n",
                    escape(setting),
                    escape(&value)
                )
            })
            .collect::<Vec<_>>()
            .concat();
        format!(
            "<div class=\"scroll\"><table class=\"pairs\">\n<tbody>\n{rows}</tbody>\n</table></div>\n"
        )
    }

    fn conditions(&self) -> String {
        let Header {
            machine,
            sqlite_version,
            compile_options,
            database,
            ..
        } = self.header();
        let or_unknown = |text: Option<String>| text.unwrap_or_else(|| "unknown".to_owned());
        let memory = machine.memory_bytes.map(|bytes| Bytes(bytes).to_string());
        let mut entries = vec![
            ("system", machine.system.clone()),
            (
                "processor",
                format!("{}, {} threads", machine.architecture, machine.cpus),
            ),
            ("memory", or_unknown(memory)),
            ("SQLite", sqlite_version.clone()),
        ];
        match database {
            None => entries.push(("database", "none was open at the start".to_owned())),
            Some(database) => {
                let wal = database.wal_bytes.map(|bytes| Bytes(bytes).to_string());
                let schema = database.schema_version.map(|version| version.to_string());
                let analyzed = if database.job_is_analyzed {
                    "yes"
                } else {
                    "no"
                };
                entries.extend([
                    (
                        "jobs",
                        format!("~{}", format_rough_count(database.estimated_jobs)),
                    ),
                    ("database file", Bytes(database.file_bytes).to_string()),
                    ("write-ahead log", wal.unwrap_or_else(|| "none".to_owned())),
                    ("page size", format!("{} B", database.page_size)),
                    ("journal mode", database.journal_mode.clone()),
                    (
                        "schema version",
                        schema.unwrap_or_else(|| "none".to_owned()),
                    ),
                    ("indexes on jobs", database.job_indexes.join(", ")),
                    ("analyzed", analyzed.to_owned()),
                ]);
            }
        }
        let entries: String = entries
            .iter()
            .map(|(term, words)| format!("<dt>{term}</dt><dd>{}</dd>\n", escape(words)))
            .collect::<Vec<_>>()
            .concat();
        format!(
            "<dl>\n{entries}</dl>\n<details><summary>SQLite's compile options</summary>\n\
             <pre>{}</pre>\n</details>\n",
            escape(&compile_options.join(" "))
        )
    }

    /// `12.3 s`, counted as the chart counts.
    fn moment(&self, secs: f64) -> String {
        let secs = secs - self.shift;
        let sign = if secs < 0.0 { "−" } else { "" };
        format!("{sign}{}", elapsed(secs.abs()))
    }
}

fn more(count: usize) -> String {
    match count.saturating_sub(MAX_ROWS) {
        0 => String::new(),
        rest => format!(
            "<p class=\"muted\">and {} more</p>\n",
            format_count(rest as u64)
        ),
    }
}

fn counted(count: u64, one: &str, several: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{} {several}", format_count(count)),
    }
}
