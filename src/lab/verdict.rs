//! What the numbers say: the cells of the tables and the sentences below them. Nothing here knows
//! what should have come out.

use std::time::Duration;

use super::{
    compare::Arm,
    story::{ArmSummary, IDLE_TIME_DIVISOR, Reading, shortened},
};
use crate::{
    db::profile::{AfterQuery, MemoryProfile},
    engine::receipt::is_given_back,
    units::{Bytes, exact_duration, format_elapsed},
};

/// Milliseconds as the rest of the program shows durations.
pub fn format_millis(millis: f64) -> String {
    format_elapsed(Duration::from_secs_f64((millis / 1000.0).max(0.0)))
}

/// Resident set size, or a dash where the platform does not tell.
pub fn rss_cell(reading: Reading) -> String {
    reading
        .rss_bytes
        .map_or_else(|| "–".to_owned(), |bytes| Bytes(bytes).to_string())
}

/// SQLite heap.
pub fn heap_cell(reading: Reading) -> String {
    Bytes(reading.sqlite_heap_bytes).to_string()
}

/// When the last query had stopped.
pub fn stopped_cell(summary: &ArmSummary) -> String {
    match summary.stopped_after_ms {
        Some(millis) => format_millis(millis),
        None if summary.num_never_stopped > 0 => "still running".to_owned(),
        None => "ended before".to_owned(),
    }
}

/// When the SQLite heap was back.
pub fn given_back_cell(summary: &ArmSummary) -> String {
    match summary.heap_given_back_ms {
        _ if !climbed(summary) => "nothing to give back".to_owned(),
        Some(millis) => format!("after {}", format_millis(millis)),
        None => "not given back".to_owned(),
    }
}

/// When the resident set size was back.
pub fn rss_given_back_cell(summary: &ArmSummary) -> String {
    if summary.before.rss_bytes.is_none() {
        return "–".to_owned();
    }
    summary.rss_given_back_ms.map_or_else(
        || "not given back".to_owned(),
        |millis| format!("after {}", format_millis(millis)),
    )
}

/// What one run shows, in two or three sentences.
pub fn of_arm(summary: &ArmSummary) -> String {
    let mut sentences = vec![climb(summary)];
    if summary.num_ended_early > 0 {
        sentences.push(format!(
            "{} of {} queries had ended before the stop was asked, so this run shows less than \
             it should",
            summary.num_ended_early, summary.num_queries
        ));
    }
    sentences.push(stop(summary));
    sentences.push(aftermath(summary));
    sentences.join(". ") + "."
}

fn climb(summary: &ArmSummary) -> String {
    let queries = count_of(summary.num_queries, "query", "queries at once");
    let Some((before, peak)) = summary.before.rss_bytes.zip(summary.peak.rss_bytes) else {
        return format!(
            "With {queries} the SQLite heap reached {}",
            Bytes(summary.peak.sqlite_heap_bytes)
        );
    };
    if is_given_back(Bytes(before), Bytes(peak)) {
        return format!(
            "With {queries} the resident set size (RSS) stayed near {}",
            Bytes(before)
        );
    }
    format!(
        "With {queries} the resident set size (RSS) rose from {} to {}",
        Bytes(before),
        Bytes(peak)
    )
}

fn stop(summary: &ArmSummary) -> String {
    match summary.stopped_after_ms {
        Some(millis) => format!(
            "Asked to stop, the last query had stopped after {}",
            format_millis(millis)
        ),
        None if summary.num_never_stopped > 0 => format!(
            "Asked to stop, {} still ran {} s later",
            count_of(summary.num_never_stopped, "query", "queries"),
            summary.timing.watch_secs
        ),
        None => "There was nothing left to stop".to_owned(),
    }
}

fn aftermath(summary: &ArmSummary) -> String {
    let held = Bytes(summary.after.sqlite_heap_bytes);
    let watched = summary.timing.watch_secs;
    if !climbed(summary) {
        return format!(
            "SQLite never held more than {}, so there was nothing to give back",
            Bytes(summary.peak.sqlite_heap_bytes)
        );
    }
    let Some(millis) = summary.heap_given_back_ms else {
        return format!(
            "The memory was not given back: {watched} s after the stop SQLite still held {held}, \
             {} % of its peak",
            percent(held.0, summary.peak.sqlite_heap_bytes)
        );
    };
    let reason = match (summary.profile.after_query, summary.num_idle_closed) {
        (AfterQuery::Nothing, 0) => String::new(),
        (AfterQuery::Nothing, closed) => format!(
            ", when {} had been closed",
            count_of(closed, "idle connection", "idle connections")
        ),
        (AfterQuery::Shrink | AfterQuery::ShrinkAndTrim, _) => {
            ", as each connection empties its page cache after a query".to_owned()
        }
    };
    format!(
        "SQLite had given its memory back {} after the stop{reason}. {}",
        format_millis(millis),
        resident(summary)
    )
}

fn resident(summary: &ArmSummary) -> String {
    let watched = summary.timing.watch_secs;
    let Some((before, after)) = summary.before.rss_bytes.zip(summary.after.rss_bytes) else {
        return "This platform does not tell the resident set size".to_owned();
    };
    let after = Bytes(after);
    if is_given_back(Bytes(before), after) {
        return format!("{watched} s after the stop the RSS was {after}, where it was before");
    }
    let reason = match summary.profile.after_query {
        AfterQuery::Nothing | AfterQuery::Shrink => {
            "what SQLite frees goes to the C library, and nobody has asked that to return it to \
             the operating system"
        }
        AfterQuery::ShrinkAndTrim => {
            "the C library has not returned all that SQLite has freed to the operating system"
        }
    };
    format!("{watched} s after the stop the RSS was still {after}: {reason}")
}

/// The runs beside the first one, where both have numbers.
pub fn comparison(arms: &[Arm]) -> Option<String> {
    let mut runs = arms.iter().filter_map(|arm| {
        let run = arm.outcome.as_ref().ok()?;
        let peak = run.summary.peak.rss_bytes.filter(|bytes| *bytes > 0)?;
        Some((arm.name.as_str(), peak))
    });
    let (first, reference) = runs.next()?;
    let others: Vec<_> = runs
        .map(|(name, peak)| format!("“{name}” {} %", percent(peak, reference)))
        .collect();
    (!others.is_empty()).then(|| {
        format!(
            "Of the RSS that “{first}” had at its peak, {}.",
            join(&others)
        )
    })
}

/// How long a profile's connections may idle, really and in the demonstration.
pub fn idle_times(arms: &[Arm]) -> String {
    let times: Vec<_> = arms
        .iter()
        .filter_map(|arm| {
            let real = MemoryProfile::find(&arm.name).ok()?;
            let short = shortened(&real);
            Some(format!(
                "“{}” {} instead of {}",
                arm.name,
                exact_duration(short.idle_time?),
                exact_duration(real.idle_time?)
            ))
        })
        .collect();
    format!(
        "Idle times are divided by {IDLE_TIME_DIVISOR}, so that nobody has to wait for them: {}.",
        join(&times)
    )
}

/// What “given back” means.
pub const GIVEN_BACK: &str = "Given back: within 5 % or 16 MiB of where it was before the queries.";

/// Whether there was more memory in use than counts as back where it was.
fn climbed(summary: &ArmSummary) -> bool {
    !is_given_back(
        Bytes(summary.before.sqlite_heap_bytes),
        Bytes(summary.peak.sqlite_heap_bytes),
    )
}

fn percent(part: u64, whole: u64) -> u64 {
    if whole == 0 {
        return 0;
    }
    (part as f64 / whole as f64 * 100.0).round() as u64
}

fn count_of(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn join(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        engine::receipt::Outcome,
        error::Report,
        lab::{compare::Run, story::Timing},
        memory::{
            marker::{Band, Timeline},
            recording::{Header, Recording},
            sample::MemorySample,
        },
    };

    fn reading(rss: Bytes, heap: Bytes) -> Reading {
        Reading {
            rss_bytes: Some(rss.0),
            sqlite_heap_bytes: heap.0,
        }
    }

    /// A run whose memory stayed.
    pub fn kept() -> ArmSummary {
        let profile = MemoryProfile::find("Before the fix").expect("built in");
        ArmSummary {
            profile: shortened(&profile),
            timing: Timing::default(),
            sql: "SELECT 1 < 2".to_owned(),
            uses_wrong_index: true,
            num_queries: 4,
            num_ended_early: 0,
            num_never_stopped: 0,
            num_idle_closed: 0,
            before: reading(Bytes::mib(20), Bytes(0)),
            peak: reading(Bytes::mib(1536), Bytes::mib(1500)),
            at_stop: reading(Bytes::mib(1536), Bytes::mib(1500)),
            after: reading(Bytes::mib(1536), Bytes::mib(1500)),
            stopped_after_ms: Some(2.1),
            heap_given_back_ms: None,
            rss_given_back_ms: None,
            pages_read: 400_000,
            page_size: 4096,
        }
    }

    /// A run whose memory came back when its idle connections were closed.
    pub fn returned() -> ArmSummary {
        let profile = MemoryProfile::find("First repair").expect("built in");
        ArmSummary {
            profile: shortened(&profile),
            num_idle_closed: 4,
            peak: reading(Bytes::mib(800), Bytes::mib(780)),
            at_stop: reading(Bytes::mib(800), Bytes::mib(780)),
            after: reading(Bytes::mib(24), Bytes(0)),
            heap_given_back_ms: Some(1_020.0),
            rss_given_back_ms: Some(1_040.0),
            ..kept()
        }
    }

    /// A run with these numbers, and a recording to draw.
    pub fn arm(name: &str, summary: ArmSummary) -> Arm {
        let header = serde_json::json!({
            "format": "jobscope-recording", "version": 1,
            "recorded_by": "jobscope 0.1.0", "recorded_at_unix_secs": 1_773_209_640,
            "machine": {"system": "Linux", "architecture": "x86_64", "cpus": 2,
                        "memory_bytes": 1_u64 << 34},
            "sqlite_version": "3.54.1", "compile_options": ["THREADSAFE=1"],
            "database": {"file_bytes": 1 << 30, "wal_bytes": 0, "page_size": 4096,
                         "journal_mode": "wal", "schema_version": 11, "estimated_jobs": 200_000,
                         "job_indexes": [], "job_is_analyzed": true},
            "profile": summary.profile,
        });
        let mut timeline = Timeline::default();
        timeline.begin(Band {
            task: 1,
            title: "Statistics".to_owned(),
            is_background: false,
            connection: Some(0),
            from_secs: 1.0,
            first_row_secs: None,
            stop_asked_secs: Some(5.0),
            end: Some((5.1, Outcome::Cancelled)),
            given_back_secs: None,
        });
        let samples = (0..80_u32).map(|tenths| MemorySample {
            at_secs: f64::from(tenths) / 10.0,
            rss: Some(Bytes::mib(20 + 10 * u64::from(tenths))),
            sqlite_heap: Bytes::mib(10 * u64::from(tenths)),
            ..MemorySample::default()
        });
        let recording = Recording {
            header: serde_json::from_value::<Header>(header).expect("a header"),
            samples: samples.collect(),
            timeline,
            receipts: Vec::new(),
            given_back: Vec::new(),
            unknown: Vec::new(),
            is_cut: false,
        };
        Arm {
            name: name.to_owned(),
            outcome: Ok(Run { summary, recording }),
        }
    }

    /// A run that failed.
    pub fn failed_arm(name: &str) -> Arm {
        Arm {
            name: name.to_owned(),
            outcome: Err(Report {
                headline: format!("The run of {name} failed"),
                causes: vec!["out of <memory>".to_owned()],
                hint: None,
            }),
        }
    }

    #[test]
    fn memory_that_stayed_is_said_to_have_stayed() {
        let text = of_arm(&kept());
        assert!(text.contains("rose from 20.0 MiB to 1.50 GiB"), "{text}");
        assert!(text.contains("stopped after 2.1 ms"), "{text}");
        assert!(text.contains("was not given back"), "{text}");
        assert!(
            text.contains("still held 1.46 GiB, 100 % of its peak"),
            "{text}"
        );
    }

    #[test]
    fn memory_that_came_back_is_said_to_have_come_back() {
        let text = of_arm(&returned());
        assert!(
            text.contains("given its memory back 1.0 s after the stop, when 4 idle connections"),
            "{text}"
        );
        assert!(
            text.contains("RSS was 24.0 MiB, where it was before"),
            "{text}"
        );
        assert!(!text.contains("not"), "nothing went wrong: {text}");
    }

    #[test]
    fn what_the_c_library_keeps_is_not_called_given_back() {
        let text = of_arm(&ArmSummary {
            after: reading(Bytes::mib(780), Bytes(0)),
            rss_given_back_ms: None,
            ..returned()
        });
        assert!(text.contains("the RSS was still 780 MiB"), "{text}");
        assert!(text.contains("C library"), "{text}");
    }

    #[test]
    fn queries_that_ended_too_early_or_never_are_told() {
        let early = of_arm(&ArmSummary {
            num_ended_early: 2,
            ..kept()
        });
        assert!(early.contains("2 of 4 queries had ended before"), "{early}");
        let stuck = ArmSummary {
            num_never_stopped: 1,
            stopped_after_ms: None,
            ..kept()
        };
        assert!(of_arm(&stuck).contains("1 query still ran 3 s later"));
        assert_eq!(stopped_cell(&stuck), "still running");
    }

    #[test]
    fn a_run_that_needed_nothing_gave_nothing_back() {
        let summary = ArmSummary {
            peak: reading(Bytes::mib(25), Bytes::mib(5)),
            after: reading(Bytes::mib(25), Bytes::mib(5)),
            heap_given_back_ms: Some(0.0),
            ..kept()
        };
        assert_eq!(given_back_cell(&summary), "nothing to give back");
        assert!(of_arm(&summary).contains("nothing to give back"));
    }

    #[test]
    fn peaks_are_compared_with_the_first_run() {
        let text = comparison(&[
            arm("Before the fix", kept()),
            failed_arm("First repair"),
            arm("jobscope", returned()),
        ]);
        assert_eq!(
            text.as_deref(),
            Some("Of the RSS that “Before the fix” had at its peak, “jobscope” 52 %.")
        );
        assert_eq!(comparison(&[arm("jobscope", returned())]), None);
    }

    #[test]
    fn shortened_idle_times_are_told() {
        let text = idle_times(&[
            arm("Before the fix", kept()),
            arm("First repair", returned()),
        ]);
        assert!(text.contains("divided by 600"), "{text}");
        assert!(
            text.contains("“Before the fix” 6 s instead of 1 h"),
            "{text}"
        );
        assert!(
            text.contains("“First repair” 1 s instead of 10 min"),
            "{text}"
        );
    }
}
