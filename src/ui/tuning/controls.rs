//! The settings with a slider: their scales, their texts, and what a new value means.

use std::time::Duration;

use crate::{
    db::{
        pragma::CacheSize,
        profile::{MAX_CONNECTIONS, MemoryProfile},
    },
    error::{Error, Result},
    state::AppState,
    units::{Bytes, exact_duration, parse_duration},
};

/// A setting with a slider: how it is called, and what its ends mean.
pub(super) struct Control {
    pub label: &'static str,
    pub sql: &'static str,
    /// The value as it is typed.
    pub text: String,
    /// The value on the slider.
    pub value: f64,
    /// From where the slider is logarithmic up to its end; zero is off where that makes sense.
    pub scale: Scale,
    pub left: String,
    pub right: String,
}

#[derive(Clone, Copy)]
pub(super) struct Scale {
    pub min: f64,
    pub smallest: f64,
    pub max: f64,
}

/// What the user did to a control.
pub(super) enum Edit {
    Slid(f64),
    Typed(String),
}

const CACHE_SIZE: &str = "PRAGMA cache_size";
const SOFT_LIMIT: &str = "PRAGMA soft_heap_limit";
const HARD_LIMIT: &str = "PRAGMA hard_heap_limit";
const MMAP_SIZE: &str = "PRAGMA mmap_size";
const CONNECTIONS: &str = "connections, each with its own page cache";
const IDLE_TIME: &str = "a connection idle for longer is closed";
const TIME_LIMIT: &str = "a query running for longer is stopped";
const ROW_CACHE: &str = "rows that the window holds, none of SQLite's memory";
const ROW_BUDGET: &str = "a query that has delivered more rows is stopped";
const RESULT_BUDGET: &str = "a query whose rows take more is stopped";
const BUDGET: &str = "a query that lets the SQLite heap grow by more is stopped";

pub(super) fn controls(state: &AppState, profile: &MemoryProfile) -> Vec<Control> {
    let mut controls = size_controls(state, profile);
    controls.extend(pool_controls(state, profile));
    controls
}

/// Nothing is read back from a connection that is not open.
fn read_back(state: &AppState, text: Option<String>) -> String {
    let any_open = state.tuning.connections.iter().flatten().next().is_some();
    match text {
        Some(text) => format!("read back {text}"),
        None if any_open => "connections differ".to_owned(),
        None => "none open".to_owned(),
    }
}

fn limit_text(bytes: Option<Bytes>) -> String {
    bytes.map_or_else(|| "off".to_owned(), Bytes::exact)
}

fn time_text(duration: Option<Duration>) -> String {
    duration.map_or_else(|| "off".to_owned(), exact_duration)
}

fn rows_text(rows: Option<u64>) -> String {
    rows.map_or_else(|| "off".to_owned(), |rows| rows.to_string())
}

/// From zero, which is off, over this smallest size up to the machine's memory.
fn size_scale(state: &AppState, smallest: Bytes) -> Scale {
    Scale {
        min: 0.0,
        smallest: smallest.0 as f64,
        max: state.machine.unwrap_or(Bytes::gib(64)).0 as f64,
    }
}

/// A limit of the process or of a query, in bytes.
fn limit_control(
    state: &AppState,
    (label, sql): (&'static str, &'static str),
    limit: Option<Bytes>,
    left: &str,
    right: String,
) -> Control {
    Control {
        label,
        sql,
        text: limit_text(limit),
        value: limit.map_or(0.0, |bytes| bytes.0 as f64),
        scale: size_scale(state, Bytes::mib(16)),
        left: left.to_owned(),
        right,
    }
}

fn size_controls(state: &AppState, profile: &MemoryProfile) -> Vec<Control> {
    let page_size = state.database.as_ref().map_or(4096, |d| d.facts.page_size);
    let read = state.tuning.read_back();
    let cache = profile.cache_size.bytes(page_size);
    let limit_back =
        |bytes: Option<Bytes>| format!("read back {}", bytes.map_or(0, |bytes| bytes.0));
    vec![
        Control {
            label: "Page cache",
            sql: CACHE_SIZE,
            text: profile.cache_size.to_string(),
            value: cache.0 as f64,
            scale: Scale {
                min: Bytes::kib(256).0 as f64,
                ..size_scale(state, Bytes::kib(256))
            },
            left: match profile.cache_size {
                CacheSize::KiB(_) => "per connection".to_owned(),
                CacheSize::Pages(_) => format!("each {cache}"),
            },
            right: read_back(state, read.map(|r| r.cache_size.to_pragma().to_string())),
        },
        limit_control(
            state,
            ("Soft heap limit", SOFT_LIMIT),
            profile.soft_heap_limit,
            "whole process",
            limit_back(state.tuning.limits.soft),
        ),
        limit_control(
            state,
            ("Hard heap limit", HARD_LIMIT),
            profile.hard_heap_limit,
            "queries fail above",
            limit_back(state.tuning.limits.hard),
        ),
        Control {
            label: "Memory map",
            sql: MMAP_SIZE,
            text: limit_text(Some(profile.mmap_size).filter(|size| size.0 > 0)),
            value: profile.mmap_size.0 as f64,
            scale: size_scale(state, Bytes::mib(1)),
            left: "counts in RSS only".to_owned(),
            right: read_back(state, read.map(|r| r.mmap_size.0.to_string())),
        },
    ]
}

fn pool_controls(state: &AppState, profile: &MemoryProfile) -> Vec<Control> {
    let secs = |duration: Option<Duration>| duration.map_or(0.0, |time| time.as_secs_f64());
    let times = Scale {
        min: 0.0,
        smallest: 1.0,
        max: 7200.0,
    };
    vec![
        Control {
            label: "Connections",
            sql: CONNECTIONS,
            text: profile.connections.to_string(),
            value: profile.connections as f64,
            scale: Scale {
                min: 1.0,
                smallest: 1.0,
                max: MAX_CONNECTIONS as f64,
            },
            left: "a page cache each".to_owned(),
            right: format!("{} open", state.tuning.connections.iter().flatten().count()),
        },
        Control {
            label: "Close idle after",
            sql: IDLE_TIME,
            text: time_text(profile.idle_time),
            value: secs(profile.idle_time),
            scale: times,
            left: String::new(),
            right: String::new(),
        },
        Control {
            label: "Time limit",
            sql: TIME_LIMIT,
            text: time_text(profile.time_limit),
            value: secs(profile.time_limit),
            scale: times,
            left: String::new(),
            right: String::new(),
        },
        limit_control(
            state,
            ("Heap budget", BUDGET),
            profile.memory_budget,
            "",
            String::new(),
        ),
        Control {
            label: "Row budget",
            sql: ROW_BUDGET,
            text: rows_text(profile.row_budget),
            value: profile.row_budget.map_or(0.0, |rows| rows as f64),
            scale: Scale {
                min: 0.0,
                smallest: 1e3,
                max: 1e8,
            },
            left: String::new(),
            right: String::new(),
        },
        limit_control(
            state,
            ("Result budget", RESULT_BUDGET),
            profile.result_budget,
            "",
            String::new(),
        ),
        Control {
            label: "Row cache",
            sql: ROW_CACHE,
            text: profile.row_cache.exact(),
            value: profile.row_cache.0 as f64,
            scale: Scale {
                min: Bytes::mib(1).0 as f64,
                ..size_scale(state, Bytes::mib(1))
            },
            left: "of the job table".to_owned(),
            right: format!("{} held", state.jobs.memory().rows),
        },
    ]
}

/// A slider's value in the setting's own units, rounded to what a person would type.
pub(super) fn slid_text(setting: &str, value: f64) -> String {
    match setting {
        CONNECTIONS => format!("{}", value.round()),
        ROW_BUDGET => optional_text(value < 1.0, || round_rows(value).to_string()),
        IDLE_TIME | TIME_LIMIT => {
            optional_text(value < 0.5, || exact_duration(round_duration(value)))
        }
        CACHE_SIZE | MMAP_SIZE | ROW_CACHE => round_bytes(value).exact(),
        _ => optional_text(value < 1.0, || round_bytes(value).exact()),
    }
}

fn optional_text(is_off: bool, text: impl FnOnce() -> String) -> String {
    if is_off { "off".to_owned() } else { text() }
}

/// Two significant binary figures: a slider has no more precision than that.
fn round_bytes(value: f64) -> Bytes {
    if value < 1024.0 {
        return Bytes(0);
    }
    let step = 2_f64.powf((value.log2() - 4.0).floor()).max(1024.0);
    Bytes(((value / step).round() * step) as u64)
}

/// Two significant figures.
fn round_rows(value: f64) -> u64 {
    let step = 10_f64.powf((value.max(1.0).log10() - 1.0).floor()).max(1.0);
    ((value / step).round() * step) as u64
}

fn round_duration(secs: f64) -> Duration {
    let step = match secs {
        s if s < 20.0 => 1.0,
        s if s < 120.0 => 5.0,
        s if s < 1200.0 => 60.0,
        _ => 300.0,
    };
    Duration::from_secs(((secs / step).round() * step).max(1.0) as u64)
}

pub(super) fn apply(profile: &mut MemoryProfile, setting: &str, edit: &Edit) -> Result<()> {
    let text = match edit {
        Edit::Slid(value) => slid_text(setting, *value),
        Edit::Typed(text) => text.trim().to_owned(),
    };
    let is_off = matches!(text.to_ascii_lowercase().as_str(), "off" | "none" | "0");
    let size = || -> Result<Option<Bytes>> {
        if is_off {
            Ok(None)
        } else {
            Bytes::parse(&text).map(Some)
        }
    };
    let time = || -> Result<Option<Duration>> {
        if is_off {
            Ok(None)
        } else {
            parse_duration(&text).map(Some)
        }
    };
    match setting {
        CACHE_SIZE => profile.cache_size = CacheSize::parse(&text)?,
        SOFT_LIMIT => profile.soft_heap_limit = size()?,
        HARD_LIMIT => profile.hard_heap_limit = size()?,
        BUDGET => profile.memory_budget = size()?,
        RESULT_BUDGET => profile.result_budget = size()?,
        ROW_BUDGET => {
            let rows = text.replace(['\u{202f}', '\u{2009}', ' ', '_'], "");
            profile.row_budget = if is_off {
                None
            } else {
                let expected = "a number of rows, or off";
                let rows = rows.parse().ok().filter(|rows| *rows > 0);
                Some(rows.ok_or_else(|| Error::invalid("row budget", &text, expected))?)
            };
        }
        ROW_CACHE => {
            let smallest = Bytes::mib(1);
            profile.row_cache = Bytes::parse(&text)?;
            if profile.row_cache < smallest {
                return Err(Error::invalid("row cache", &text, "at least 1 MiB"));
            }
        }
        MMAP_SIZE => profile.mmap_size = size()?.unwrap_or_default(),
        IDLE_TIME => profile.idle_time = time()?,
        TIME_LIMIT => profile.time_limit = time()?,
        _ => {
            let expected = format!("1 to {MAX_CONNECTIONS}");
            let connections = text
                .parse()
                .ok()
                .filter(|n| (1..=MAX_CONNECTIONS).contains(n))
                .ok_or_else(|| Error::invalid("number of connections", &text, expected))?;
            profile.connections = connections;
        }
    }
    Ok(())
}
