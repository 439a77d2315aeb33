//! The report of a comparison: one HTML file that needs nothing beside itself.

use jiff::tz::TimeZone;

use super::{
    chart,
    compare::{Arm, Run},
    story::{ArmSummary, Reading},
    verdict,
};
use crate::{
    db::{pragma::CacheSize, profile::MemoryProfile},
    error::{Report, Result},
    memory::recording::Header,
    report::{
        chart::Axes,
        page::{escape, page},
    },
    units::{Bytes, exact_duration, format_count, format_rough_count, format_time, zone_name},
};

/// What a report is made of.
pub struct DemoReport<'a> {
    /// The runs, in the order they ran.
    pub arms: &'a [Arm],
    /// What a reader must know, such as that fewer connections ran than the profiles have.
    pub notes: &'a [String],
    /// Command lines that repeat the whole and each part.
    pub commands: &'a [String],
}

impl DemoReport<'_> {
    /// The page.
    ///
    /// # Errors
    /// If a chart cannot be drawn.
    pub fn html(&self) -> Result<String> {
        let runs: Vec<_> = self
            .arms
            .iter()
            .filter_map(|arm| arm.outcome.as_ref().ok())
            .collect();
        let axes = chart::axes(runs.iter().copied());
        let mut body = self.opening(&runs);
        body += &self.table();
        for arm in self.arms {
            body += &arm_section(arm, axes)?;
        }
        if let Some(run) = runs.first() {
            body += &conditions(run);
        }
        body += &self.repeat();
        Ok(page(
            "jobscope demo: what heavy queries do to memory",
            &body,
        ))
    }

    fn opening(&self, runs: &[&Run]) -> String {
        let what = runs.first().map_or_else(String::new, |run| {
            let ArmSummary {
                num_queries,
                timing,
                ..
            } = &run.summary;
            let queries = match num_queries {
                1 => "One heavy query runs".to_owned(),
                count => format!("{count} heavy queries run at once"),
            };
            format!(
                "<p>{queries} for {} s on a job database, then all are asked to stop. The same \
                 story with {} memory profiles, each in a process of its own, because SQLite's \
                 heap limits belong to a process.</p>\n",
                timing.busy_secs,
                self.arms.len()
            )
        });
        let when = runs.first().map_or_else(String::new, |run| {
            let header = &run.recording.header;
            let zone = TimeZone::system();
            format!(
                "<p class=\"muted\">{} · {} {}</p>\n",
                escape(&header.recorded_by),
                format_time(header.recorded_at_unix_secs, &zone),
                escape(&zone_name(&zone))
            )
        });
        format!("<h1>What heavy queries do to memory</h1>\n{when}{what}")
    }

    fn table(&self) -> String {
        let rows: String = self.arms.iter().map(table_rows).collect();
        let watched = self
            .arms
            .iter()
            .find_map(|arm| Some(arm.outcome.as_ref().ok()?.summary.timing.watch_secs))
            .map_or_else(|| "after".to_owned(), |secs| format!("{secs} s after"));
        let mut notes: Vec<String> = verdict::comparison(self.arms).into_iter().collect();
        notes.extend_from_slice(self.notes);
        let notes = notes
            .iter()
            .map(|note| format!("<p>{}</p>\n", escape(note)))
            .collect::<Vec<_>>()
            .concat();
        format!(
            "<section>\n<h2>The figures</h2>\n<div class=\"scroll\"><table>\n<thead><tr>\
             <th>profile</th><th>before</th><th>at its peak</th><th>at the stop</th>\
             <th>{watched}<br>the stop</th><th>stopped<br>after</th><th>given back</th></tr></thead>\n\
             <tbody>\n{rows}</tbody>\n</table></div>\n{notes}</section>\n"
        )
    }

    fn repeat(&self) -> String {
        let commands = self.commands.join("\n");
        format!(
            "<section>\n<h2>To repeat this</h2>\n<p>All of it, then each part alone:</p>\n\
             <pre>{}</pre>\n<p>The recordings beside this file hold every reading, as JSON \
             Lines.</p>\n</section>\n",
            escape(&commands)
        )
    }
}

fn table_rows(arm: &Arm) -> String {
    let name = escape(&arm.name);
    let summary = match &arm.outcome {
        Ok(run) => &run.summary,
        Err(_) => {
            return format!(
                "<tr class=\"group\"><th scope=\"row\">{name}</th>\
                 <td colspan=\"6\" class=\"bad\">failed</td></tr>\n"
            );
        }
    };
    let ArmSummary {
        before,
        peak,
        at_stop,
        after,
        ..
    } = summary;
    let moments = [before, peak, at_stop, after];
    let cells = |cell: &dyn Fn(Reading) -> String| -> String {
        moments
            .iter()
            .map(|reading| format!("<td>{}</td>", cell(**reading)))
            .collect::<Vec<_>>()
            .concat()
    };
    format!(
        "<tr class=\"group\"><th scope=\"row\">{name}</th><td colspan=\"4\"></td><td>{}</td>\
         <td></td></tr>\n<tr><td class=\"sub\">RSS</td>{}<td></td><td>{}</td></tr>\n\
         <tr><td class=\"sub\">SQLite heap</td>{}<td></td><td>{}</td></tr>\n",
        escape(&verdict::stopped_cell(summary)),
        cells(&verdict::rss_cell),
        escape(&verdict::rss_given_back_cell(summary)),
        cells(&verdict::heap_cell),
        escape(&verdict::given_back_cell(summary)),
    )
}

fn arm_section(arm: &Arm, axes: Axes) -> Result<String> {
    let name = escape(&arm.name);
    Ok(match &arm.outcome {
        Ok(run @ Run { summary, .. }) => format!(
            "<section>\n<h2>{name}</h2>\n<p class=\"muted\">{}</p>\n<p>{}</p>\n<figure>\n{}\
             </figure>\n<p class=\"muted\">{}</p>\n</section>\n",
            escape(&settings(&summary.profile)),
            escape(&verdict::of_arm(summary)),
            chart::svg(run, axes)?,
            escape(&work_done(summary)),
        ),
        Err(report) => failed_section(&name, report),
    })
}

fn failed_section(name: &str, report: &Report) -> String {
    format!(
        "<section>\n<h2>{name}</h2>\n<p class=\"bad\">This run failed, so there is nothing to \
         compare.</p>\n<pre>{}</pre>\n</section>\n",
        escape(&report.to_string())
    )
}

fn settings(profile: &MemoryProfile) -> String {
    let limit =
        |limit: Option<Bytes>| limit.map_or_else(|| "off".to_owned(), |bytes| bytes.exact());
    let time =
        |time: Option<std::time::Duration>| time.map_or_else(|| "none".to_owned(), exact_duration);
    let cache = match profile.cache_size {
        CacheSize::Pages(pages) => format!("{} pages", format_count(pages)),
        size @ CacheSize::KiB(_) => size.to_string(),
    };
    format!(
        "cache_size {cache} · soft_heap_limit {} · hard_heap_limit {} · temp_store {} · \
         {} connections · idle time {} · time limit {} · after a query: {}",
        limit(profile.soft_heap_limit),
        limit(profile.hard_heap_limit),
        profile.temp_store,
        profile.connections,
        time(profile.idle_time),
        time(profile.time_limit),
        profile.after_query.label()
    )
}

fn work_done(summary: &ArmSummary) -> String {
    let pages = i64::try_from(summary.pages_read).unwrap_or(i64::MAX);
    let size = Bytes(summary.pages_read.saturating_mul(summary.page_size.into()));
    let closed = match summary.num_idle_closed {
        0 => "no connection was closed for being idle".to_owned(),
        1 => "one connection was closed for being idle".to_owned(),
        count => format!("{count} connections were closed for being idle"),
    };
    format!(
        "The queries read {} pages ({size}) from the file; {closed}.",
        format_count(pages)
    )
}

/// Machine, SQLite, database and statement: no number means much without them.
fn conditions(run: &Run) -> String {
    let Header {
        machine,
        sqlite_version,
        compile_options,
        database,
        ..
    } = &run.recording.header;
    let memory = machine
        .memory_bytes
        .map_or_else(|| "unknown".to_owned(), |bytes| Bytes(bytes).to_string());
    let path = if run.summary.uses_wrong_index {
        "It goes through an index whose order has nothing to do with that of the table, so every \
         row may need another page."
    } else {
        "The database lacks the index jobs_energy_starttime, so it goes through the table in its \
         own order instead of a random one."
    };
    let list = |entries: &[(&str, String)]| -> String {
        let entries = entries
            .iter()
            .map(|(term, words)| format!("<dt>{term}</dt><dd>{}</dd>\n", escape(words)))
            .collect::<Vec<_>>()
            .concat();
        format!("<dl>\n{entries}</dl>\n")
    };
    let machine = list(&[
        ("system", machine.system.clone()),
        (
            "processor",
            format!("{}, {} threads", machine.architecture, machine.cpus),
        ),
        ("memory", memory),
    ]);
    let facts = database.as_ref().map_or_else(String::new, |database| {
        let schema = database
            .schema_version
            .map_or_else(|| "none".to_owned(), |version| version.to_string());
        list(&[
            (
                "jobs",
                format!("~{}", format_rough_count(database.estimated_jobs)),
            ),
            ("size", Bytes(database.file_bytes).to_string()),
            ("page size", format!("{} B", database.page_size)),
            ("journal mode", database.journal_mode.clone()),
            ("schema version", schema),
            ("indexes on jobs", database.job_indexes.len().to_string()),
        ])
    });
    format!(
        "<section>\n<h2>How it was measured</h2>\n<p>Memory is read ten times a second. RSS is \
         what the operating system counts for the process, SQLite heap what SQLite has allocated \
         for all connections together; the page caches are part of it.</p>\n<h3>Machine</h3>\n\
         {machine}<h3>SQLite {}</h3>\n<details><summary>Compile options</summary>\n<pre>{}</pre>\n\
         </details>\n<h3>Database</h3>\n{facts}<h3>Each query</h3>\n<p>{path} It repeats itself, \
         so that it still runs when the stop is asked.</p>\n<pre>{}</pre>\n</section>\n",
        escape(sqlite_version),
        escape(&compile_options.join(" ")),
        escape(&run.summary.sql),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::verdict::tests::{arm, failed_arm, kept, returned};

    fn page_of(arms: &[Arm]) -> String {
        DemoReport {
            arms,
            notes: &["A note with a < in it.".to_owned()],
            commands: &["jobscope demo --headless".to_owned()],
        }
        .html()
        .expect("drawn")
    }

    fn three_arms() -> [Arm; 3] {
        [
            arm("Before the fix", kept()),
            arm("First repair", returned()),
            arm("jobscope", returned()),
        ]
    }

    #[test]
    fn the_page_holds_the_figures_and_a_chart_for_each_run() {
        let html = page_of(&three_arms());
        for figure in [
            "1.50 GiB",
            "800 MiB",
            "2.1 ms",
            "after 1.0 s",
            "not given back",
        ] {
            assert!(html.contains(figure), "{figure} is missing");
        }
        for text in [
            "jobscope demo --headless",
            "A note with a &lt; in it.",
            "stop asked",
            "all 4 queries are asked to stop",
            "soft heap limit 1.00 GiB",
            "seconds since the program started",
            ">MiB<",
        ] {
            assert!(html.contains(text), "{text} is missing");
        }
        assert_eq!(html.matches("<svg ").count(), 3);
    }

    #[test]
    fn the_page_needs_nothing_beside_itself() {
        let html = page_of(&three_arms());
        let without_namespace = html.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        for outside in ["http", "src=", "href", "url(", "@import", "<script"] {
            assert!(!without_namespace.contains(outside), "{outside}");
        }
    }

    #[test]
    fn every_tag_that_is_opened_is_closed() {
        let html = page_of(&three_arms());
        for tag in [
            "svg", "text", "section", "table", "tr", "td", "th", "figure", "dl", "details", "main",
            "style", "ul", "li", "pre", "p", "html", "body",
        ] {
            let opened = html.matches(&format!("<{tag}>")).count()
                + html.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, html.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }

    #[test]
    fn every_colour_of_a_chart_has_a_place_in_the_style_sheet() {
        let html = page_of(&three_arms());
        let (css, body) = html.split_once("</style>").expect("a style sheet");
        for attribute in ["fill=\"#", "stroke=\"#"] {
            for (at, _) in body.match_indices(attribute) {
                let colour = &body[at..at + attribute.len() + 7];
                assert!(css.contains(&format!("[{colour}]")), "{colour} stays light");
            }
        }
    }

    #[test]
    fn a_run_that_failed_says_so_and_the_others_are_shown() {
        let html = page_of(&[failed_arm("Before the fix"), arm("jobscope", returned())]);
        assert!(
            html.contains("out of &lt;memory&gt;"),
            "the child's own words"
        );
        assert_eq!(html.matches("<svg ").count(), 1);
        assert!(!html.contains("Of the RSS"), "nothing to compare with");
    }
}
