//! What conditions are about, and how a chip words them.

use jiff::tz::TimeZone;

use crate::{
    jobs::{
        filter::{Condition, NumberField, Range, StartTime, TextField},
        schema::Schema,
    },
    state::suggestions::Suggestions,
    units::{exact_duration, format_count, format_time, seconds, zone_name},
};

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// A text.
    Text(TextField),
    /// A number.
    Number(NumberField),
    /// The job's state.
    State,
    /// When it started.
    Start,
    /// Its tags.
    Tags,
    /// How its nodes are shared.
    Shared,
    /// Interactive or not.
    Schedule,
    /// Its job array.
    ArrayJob,
    /// The id of its row.
    Row,
    /// A value of its footprint.
    Footprint,
}

impl Field {
    /// Always in the bar, also without a condition.
    pub const USUAL: [Self; 5] = [
        Self::Text(TextField::Cluster),
        Self::Text(TextField::User),
        Self::Text(TextField::Project),
        Self::State,
        Self::Start,
    ];

    /// What can be added, in the order of the menu. State and start have one chip, which is there.
    pub const ADDED: [Self; 19] = [
        Self::Text(TextField::Cluster),
        Self::Text(TextField::SubCluster),
        Self::Text(TextField::Partition),
        Self::Text(TextField::User),
        Self::Text(TextField::Project),
        Self::Text(TextField::JobId),
        Self::Text(TextField::JobName),
        Self::Text(TextField::Node),
        Self::Tags,
        Self::Number(NumberField::Duration),
        Self::Number(NumberField::NumNodes),
        Self::Number(NumberField::NumHwThreads),
        Self::Number(NumberField::NumAccelerators),
        Self::Number(NumberField::Energy),
        Self::Footprint,
        Self::Shared,
        Self::Schedule,
        Self::ArrayJob,
        Self::Row,
    ];

    /// What a condition is about.
    pub fn of(condition: &Condition) -> Self {
        match condition {
            Condition::Ids(_) => Self::Row,
            Condition::Text { field, .. } => Self::Text(*field),
            Condition::Schedule(_) => Self::Schedule,
            Condition::ArrayJob(_) => Self::ArrayJob,
            Condition::States(_) => Self::State,
            Condition::Shared(_) => Self::Shared,
            Condition::Number { field, .. } => Self::Number(*field),
            Condition::Start(_) => Self::Start,
            Condition::Tags { .. } => Self::Tags,
            Condition::Metric { .. } => Self::Footprint,
        }
    }

    /// The name for a person.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text(TextField::Cluster) => "cluster",
            Self::Text(TextField::SubCluster) => "subcluster",
            Self::Text(TextField::Partition) => "partition",
            Self::Text(TextField::Project) => "project",
            Self::Text(TextField::User) => "user",
            Self::Text(TextField::JobId) => "job id",
            Self::Text(TextField::JobName) => "job name",
            Self::Text(TextField::Node) => "node",
            Self::Number(NumberField::Duration) => "duration",
            Self::Number(NumberField::NumNodes) => "nodes",
            Self::Number(NumberField::NumHwThreads) => "threads",
            Self::Number(NumberField::NumAccelerators) => "accelerators",
            Self::Number(NumberField::Energy) => "energy",
            Self::State => "state",
            Self::Start => "start",
            Self::Tags => "tags",
            Self::Shared => "shared",
            Self::Schedule => "schedule",
            Self::ArrayJob => "job array",
            Self::Row => "row id",
            Self::Footprint => "footprint",
        }
    }

    /// Which column is meant, and what it holds, for those who know the database.
    pub fn hint(self) -> String {
        let about = match self {
            Self::Text(TextField::Node) => "The hostname of any node of the job",
            Self::Text(TextField::JobName) => "The job's name, from its metadata",
            Self::Text(TextField::JobId) => "The scheduler's id",
            Self::Number(NumberField::Duration) => {
                "As stored: up to five minutes old where the job runs"
            }
            Self::Number(NumberField::Energy) => "In kWh",
            Self::Number(NumberField::NumHwThreads) => "Hardware threads of the whole job",
            Self::Number(NumberField::NumAccelerators) => "Accelerators of the whole job",
            Self::Shared => "Whether other jobs may be on its nodes",
            Self::Schedule => "Interactive jobs are those whose name is interactive",
            Self::ArrayJob => "The id of the job array; 0 where there is none",
            Self::Row => "The id of the row in the job table",
            Self::Footprint => "A value that cc-backend keeps of each job's metrics",
            Self::Text(
                TextField::Cluster
                | TextField::SubCluster
                | TextField::Partition
                | TextField::Project
                | TextField::User,
            )
            | Self::Number(NumberField::NumNodes)
            | Self::State
            | Self::Start
            | Self::Tags => return format!("Column {}", self.column()),
        };
        format!("{about} (column {})", self.column())
    }

    fn column(self) -> &'static str {
        match self {
            Self::Text(TextField::JobName) | Self::Schedule => "meta_data",
            Self::Text(TextField::Node) => "resources",
            Self::Text(field) => field.column().unwrap_or("meta_data"),
            Self::Number(field) => field.column(),
            Self::State => "job_state",
            Self::Start => "start_time",
            Self::Tags => "tag_id of the table jobtag",
            Self::Shared => "shared",
            Self::ArrayJob => "array_job_id",
            Self::Row => "id",
            Self::Footprint => "footprint",
        }
    }

    /// Whether a file has what the condition needs.
    pub fn is_in(self, schema: &Schema) -> bool {
        if self == Self::Tags {
            schema.require("jobtag", &["job_id", "tag_id"]).is_ok()
        } else {
            schema.has(self.column())
        }
    }
}

/// Operator and value of a condition: `contains`, `k10`. Either may be empty.
pub fn words(condition: &Condition, known: &Suggestions, zone: &TimeZone) -> (String, String) {
    let list = |texts: &[String], word: &str| match texts {
        [] => "nothing".to_owned(),
        texts => texts.join(word),
    };
    let is = |value: String| ("is".to_owned(), value);
    match condition {
        Condition::Ids(ids) => is(ids_words(ids)),
        Condition::Text { is, .. } => {
            let value = match is.values.as_slice() {
                [one] if one.is_empty() => "empty".to_owned(),
                values => list(values, ", "),
            };
            (is.op.label().to_owned(), value)
        }
        Condition::Schedule(schedule) => is(schedule.key().to_owned()),
        Condition::ArrayJob(id) => is(id.to_string()),
        Condition::States(states) => is(list(states, " or ")),
        Condition::Shared(word) => is(word.clone()),
        Condition::Number { field, range } => range_words(range, |value| match field {
            NumberField::Duration => duration_text(value),
            NumberField::Energy => format!("{value} kWh"),
            NumberField::NumNodes | NumberField::NumHwThreads | NumberField::NumAccelerators => {
                format_count(value as i64)
            }
        }),
        Condition::Start(start) => (String::new(), start_words(*start, zone)),
        Condition::Tags { mode, ids } => {
            let names: Vec<_> = ids.iter().map(|id| known.tag_name(*id)).collect();
            (mode.label().to_owned(), list(&names, ", "))
        }
        Condition::Metric { range, .. } => range_words(range, |value| value.to_string()),
    }
}

/// What stands before the operator: a footprint condition is called by its key.
pub fn subject(condition: &Condition) -> String {
    if let Condition::Metric { key, .. } = condition {
        key.clone()
    } else {
        Field::of(condition).name().to_owned()
    }
}

/// A pasted list may hold thousands of ids, and a chip is worded in each frame: a few stand for all.
fn ids_words(ids: &[i64]) -> String {
    let text = |ids: &[i64], word: &str| {
        let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
        ids.join(word)
    };
    match ids {
        [] => "nothing".to_owned(),
        [first @ .., _, _] if first.len() > 2 => {
            let (few, others) = ids.split_at(3);
            let others = format_count(others.len());
            format!("{} and {others} more", text(few, ", "))
        }
        ids => text(ids, " or "),
    }
}

fn range_words(range: &Range, show: impl Fn(f64) -> String) -> (String, String) {
    let op = |word: &str, value| (word.to_owned(), show(value));
    match (range.lower, range.upper) {
        (None, None) => (String::new(), "any".to_owned()),
        (Some(lower), None) => op(if lower.inclusive { "≥" } else { ">" }, lower.value),
        (None, Some(upper)) => op(if upper.inclusive { "≤" } else { "<" }, upper.value),
        (Some(lower), Some(upper)) if lower == upper => op("=", lower.value),
        (Some(lower), Some(upper)) => {
            let (from, to) = (show(lower.value), show(upper.value));
            let text = match (lower.inclusive, upper.inclusive) {
                (true, true) => format!("{from} to {to}"),
                (true, false) => format!("≥ {from} and < {to}"),
                (false, true) => format!("> {from} and ≤ {to}"),
                (false, false) => format!("> {from} and < {to}"),
            };
            (String::new(), text)
        }
    }
}

/// A duration as it can be typed again: `2 h`, `90 min`.
pub fn duration_text(secs: f64) -> String {
    if secs > 0.0 && secs < 1e12 {
        exact_duration(seconds(secs))
    } else {
        secs.to_string()
    }
}

fn start_words(start: StartTime, zone: &TimeZone) -> String {
    let time = |secs: i64| {
        let text = format_time(secs, zone);
        // What is no time is shown as its number, which has no seconds to add.
        match secs.rem_euclid(60) {
            seconds if seconds != 0 && text.contains(':') => format!("{text}:{seconds:02}"),
            _ => text,
        }
    };
    let zone = zone_name(zone);
    match start {
        StartTime::Last(preset) => preset.label().to_owned(),
        StartTime::Between { from, to } => match (from, to) {
            (None, None) => "any".to_owned(),
            (Some(from), None) => format!("since {} {zone}", time(from)),
            (None, Some(to)) => format!("until {} {zone}", time(to)),
            (Some(from), Some(to)) => {
                format!("{} to {} {zone}", time(from), time(to))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::filter::JobFilter;

    #[test]
    fn a_condition_reads_like_a_sentence() {
        let known = Suggestions::default();
        for (json, text) in [
            (r#"{"user":{"contains":"k10"}}"#, "user contains k10"),
            (r#"{"user":{"in":["a","b"]}}"#, "user is one of a, b"),
            (r#"{"partition":{"neq":""}}"#, "partition is not empty"),
            (r#"{"numNodes":{"ge":4}}"#, "nodes ≥ 4"),
            (r#"{"numNodes":{"eq":0}}"#, "nodes = 0"),
            (
                r#"{"duration":{"ge":3600,"le":5400}}"#,
                "duration 1 h to 90 min",
            ),
            (
                r#"{"energy":{"gt":0.5,"le":2}}"#,
                "energy > 0.5 kWh and ≤ 2 kWh",
            ),
            (
                r#"{"state":["failed","timeout"]}"#,
                "state is failed or timeout",
            ),
            (r#"{"state":[]}"#, "state is nothing"),
            (r#"{"tagsAll":[3,4]}"#, "tags all of tag 3, tag 4"),
            (r#"{"startTime":{"range":"last7d"}}"#, "start last 7 days"),
            (
                r#"{"startTime":{"from":"2026-03-11T06:14:07Z","to":"2026-03-12T00:00:00Z"}}"#,
                "start 2026-03-11 06:14:07 to 2026-03-12 00:00 UTC",
            ),
            (r#"{"dbId":[812,813]}"#, "row id is 812 or 813"),
            (
                r#"{"dbId":[812,813,814,815,816]}"#,
                "row id is 812, 813, 814 and 2 more",
            ),
            (
                r#"{"metricStats":[{"metricName":"mem_used_max","range":{"lt":10}}]}"#,
                "mem_used_max < 10",
            ),
        ] {
            let filter = JobFilter::from_json(json).expect(json);
            let condition = &filter.conditions[0];
            let (op, value) = words(condition, &known, &TimeZone::UTC);
            let words = [subject(condition), op, value];
            let words: Vec<_> = words.iter().filter(|word| !word.is_empty()).collect();
            let read = words.iter().map(|word| word.as_str()).collect::<Vec<_>>();
            assert_eq!(read.join(" "), text);
        }
    }
}
