//! What the user narrowed the jobs down to: a list of conditions that must all hold.
//!
//! The fields and operators are those of cc-backend's `JobFilter`, and a few that it cannot
//! express: real bounds ("exactly 0 accelerators"), patterns, and tags that all or none must be
//! there. [`json`] reads and writes its shape, [`flag`] the short form of the command line, and
//! its part `terms` makes SQL of it.

pub mod flag;
pub mod json;
mod terms;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

pub use self::terms::Selection;

/// The jobs that are meant. Every condition must hold; no condition means every job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobFilter {
    /// The conditions, in the order in which they were added.
    pub conditions: Vec<Condition>,
}

/// One condition on a job.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// `id` is one of these. None of them if the list is empty.
    Ids(Vec<i64>),
    /// A text fits.
    Text {
        /// Which text.
        field: TextField,
        /// How it must be.
        is: TextMatch,
    },
    /// Interactive jobs, or the others.
    Schedule(Schedule),
    /// The job array with this parent.
    ArrayJob(i64),
    /// The job's state is one of these. No job if the list is empty.
    States(Vec<String>),
    /// How nodes are shared: `none`, `single_user` or `multi_user`.
    Shared(String),
    /// A number lies in a range.
    Number {
        /// Which number.
        field: NumberField,
        /// Where it must lie.
        range: Range,
    },
    /// When the job started.
    Start(StartTime),
    /// Tags, by their id.
    Tags {
        /// How many of them the job must carry.
        mode: TagMode,
        /// The ids in the table `tag`.
        ids: Vec<i64>,
    },
    /// A value of the footprint lies in a range; jobs without it are left out.
    Metric {
        /// The key with its statistic, `mem_used_max` for example.
        key: String,
        /// Where it must lie. An empty range only asks for a footprint that is valid JSON.
        range: Range,
    },
}

/// The fields of a job that are compared as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TextField {
    /// The cluster.
    Cluster,
    /// The part of the cluster with equal hardware.
    SubCluster,
    /// The scheduler's queue.
    Partition,
    /// The project.
    Project,
    /// The account name.
    User,
    /// The scheduler's job id, as decimal text.
    JobId,
    /// The job's name, from its metadata.
    JobName,
    /// The name of any of its nodes.
    Node,
}

impl TextField {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 8] = [
        Self::Cluster,
        Self::SubCluster,
        Self::Partition,
        Self::User,
        Self::Project,
        Self::JobId,
        Self::JobName,
        Self::Node,
    ];

    /// The name in cc-backend's `JobFilter`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::SubCluster => "subCluster",
            Self::Partition => "partition",
            Self::Project => "project",
            Self::User => "user",
            Self::JobId => "jobId",
            Self::JobName => "jobName",
            Self::Node => "node",
        }
    }

    /// The column of the job table. `None` for what lies inside JSON.
    pub fn column(self) -> Option<&'static str> {
        match self {
            Self::Cluster => Some("cluster"),
            Self::SubCluster => Some("subcluster"),
            Self::Partition => Some("cluster_partition"),
            Self::Project => Some("project"),
            Self::User => Some("hpc_user"),
            Self::JobId => Some("job_id"),
            Self::JobName | Self::Node => None,
        }
    }
}

/// How a text is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextOp {
    /// The same, in the same case.
    Eq,
    /// Another; jobs without a value are left out.
    Neq,
    /// Begins with it, in any case of ASCII letters.
    StartsWith,
    /// Ends with it, in any case of ASCII letters.
    EndsWith,
    /// Has it inside, in any case of ASCII letters.
    Contains,
    /// The same as one of several.
    In,
    /// Fits a pattern of SQL: `%` stands for any text, `_` for any character.
    Like,
}

impl TextOp {
    /// All of them; where cc-backend is given several, the first in this order counts.
    pub const ALL: [Self; 7] = [
        Self::Eq,
        Self::Neq,
        Self::StartsWith,
        Self::EndsWith,
        Self::Contains,
        Self::In,
        Self::Like,
    ];

    /// The name in cc-backend's `StringInput`. `like` is ours.
    pub fn key(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Neq => "neq",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
            Self::Contains => "contains",
            Self::In => "in",
            Self::Like => "like",
        }
    }

    /// The operator in a sentence: "user *contains* k10".
    pub fn label(self) -> &'static str {
        match self {
            Self::Eq => "is",
            Self::Neq => "is not",
            Self::StartsWith => "starts with",
            Self::EndsWith => "ends with",
            Self::Contains => "contains",
            Self::In => "is one of",
            Self::Like => "is like",
        }
    }
}

/// How a text must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextMatch {
    /// The comparison.
    pub op: TextOp,
    /// What it is compared with: any number for [`TextOp::In`], one otherwise.
    pub values: Vec<String>,
}

impl TextMatch {
    /// A comparison with one text.
    pub fn new(op: TextOp, value: impl Into<String>) -> Self {
        Self {
            op,
            values: vec![value.into()],
        }
    }

    /// The text that it is compared with. The first, where there are several.
    pub fn value(&self) -> &str {
        self.values.first().map_or("", String::as_str)
    }
}

/// The numbers of a job, as they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NumberField {
    /// Stored duration in seconds: of a running job up to five minutes old.
    Duration,
    /// Nodes.
    NumNodes,
    /// Hardware threads of the whole job.
    NumHwThreads,
    /// Accelerators of the whole job.
    NumAccelerators,
    /// Energy in kWh.
    Energy,
}

impl NumberField {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 5] = [
        Self::Duration,
        Self::NumNodes,
        Self::NumHwThreads,
        Self::NumAccelerators,
        Self::Energy,
    ];

    /// The name in cc-backend's `JobFilter`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Duration => "duration",
            Self::NumNodes => "numNodes",
            Self::NumHwThreads => "numHWThreads",
            Self::NumAccelerators => "numAccelerators",
            Self::Energy => "energy",
        }
    }

    /// The column of the job table.
    pub fn column(self) -> &'static str {
        match self {
            Self::Duration => "duration",
            Self::NumNodes => "num_nodes",
            Self::NumHwThreads => "num_hwthreads",
            Self::NumAccelerators => "num_acc",
            Self::Energy => "energy",
        }
    }

    /// The unit of its values.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Duration => "s",
            Self::NumNodes => "nodes",
            Self::NumHwThreads => "hardware threads",
            Self::NumAccelerators => "accelerators",
            Self::Energy => "kWh",
        }
    }

    /// Whether only whole numbers make sense.
    pub fn is_whole(self) -> bool {
        self != Self::Energy
    }
}

/// One end of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// The value at the end.
    pub value: f64,
    /// The value itself belongs to the range.
    pub inclusive: bool,
}

/// A range of numbers; an end that is not there is open.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Range {
    /// The smallest.
    pub lower: Option<Bound>,
    /// The largest.
    pub upper: Option<Bound>,
}

impl Range {
    /// From `lower` to `upper`, both included.
    pub fn closed(lower: f64, upper: f64) -> Self {
        let bound = |value| {
            Some(Bound {
                value,
                inclusive: true,
            })
        };
        Self {
            lower: bound(lower),
            upper: bound(upper),
        }
    }

    /// Neither end is given.
    pub fn is_empty(&self) -> bool {
        self.lower.is_none() && self.upper.is_none()
    }

    /// Refuses a range that no number can lie in: the user has mixed up its ends.
    ///
    /// # Errors
    /// If the lower end is above the upper one, or an end is no number.
    pub fn checked(self, what: &str) -> Result<Self> {
        let ends = [self.lower, self.upper];
        if ends.iter().flatten().any(|bound| !bound.value.is_finite()) {
            return Err(Error::invalid(what, self.to_string(), "finite numbers"));
        }
        if let (Some(lower), Some(upper)) = (self.lower, self.upper) {
            let is_open = !(lower.inclusive && upper.inclusive);
            if lower.value > upper.value || is_open && lower.value >= upper.value {
                let expected = "a range whose lower end is below its upper end";
                return Err(Error::invalid(what, self.to_string(), expected));
            }
        }
        Ok(self)
    }
}

/// The short form of the command line: `4..16`, `>=4`, `<2.5`, `=0`.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.lower, self.upper) {
            (None, None) => f.write_str(".."),
            (Some(lower), Some(upper)) if lower == upper && lower.inclusive => {
                write!(f, "={}", lower.value)
            }
            (Some(lower), Some(upper)) => {
                let open = if lower.inclusive { "" } else { ">" };
                let close = if upper.inclusive { "" } else { "<" };
                write!(f, "{open}{}..{close}{}", lower.value, upper.value)
            }
            (Some(lower), None) => {
                let op = if lower.inclusive { ">=" } else { ">" };
                write!(f, "{op}{}", lower.value)
            }
            (None, Some(upper)) => {
                let op = if upper.inclusive { "<=" } else { "<" };
                write!(f, "{op}{}", upper.value)
            }
        }
    }
}

/// When a job started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartTime {
    /// Between these times, both included, in Unix seconds. An end that is not there is open.
    Between {
        /// Not before.
        from: Option<i64>,
        /// Not after.
        to: Option<i64>,
    },
    /// Within this time before now, or in the future: the range has no upper end, as in cc-backend.
    Last(Preset),
}

/// The named time ranges of cc-backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Six hours.
    Last6h,
    /// A day.
    Last24h,
    /// A week.
    Last7d,
    /// Thirty days.
    Last30d,
}

impl Preset {
    /// All of them, the shortest first.
    pub const ALL: [Self; 4] = [Self::Last6h, Self::Last24h, Self::Last7d, Self::Last30d];

    /// The name in cc-backend's `TimeRange`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Last6h => "last6h",
            Self::Last24h => "last24h",
            Self::Last7d => "last7d",
            Self::Last30d => "last30d",
        }
    }

    /// The name for a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Last6h => "last 6 hours",
            Self::Last24h => "last 24 hours",
            Self::Last7d => "last 7 days",
            Self::Last30d => "last 30 days",
        }
    }

    /// How long it is, in seconds.
    pub fn secs(self) -> i64 {
        match self {
            Self::Last6h => 21_600,
            Self::Last24h => 86_400,
            Self::Last7d => 604_800,
            Self::Last30d => 2_592_000,
        }
    }
}

/// Interactive jobs are those whose name is `interactive`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// The job's name is `interactive`.
    Interactive,
    /// It has another name; jobs without a name are left out.
    Batch,
}

impl Schedule {
    /// The name in cc-backend's `JobFilter`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Batch => "batch",
        }
    }
}

/// How many of the tags a job must carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagMode {
    /// At least one: what cc-backend's `tags` means.
    Any,
    /// Every one.
    All,
    /// None of them.
    None,
}

impl TagMode {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Any, Self::All, Self::None];

    /// The name in a filter's JSON. `tags` is cc-backend's, the others are ours.
    pub fn key(self) -> &'static str {
        match self {
            Self::Any => "tags",
            Self::All => "tagsAll",
            Self::None => "tagsNone",
        }
    }

    /// The mode in a sentence: "tags *any of* vasp, gromacs".
    pub fn label(self) -> &'static str {
        match self {
            Self::Any => "any of",
            Self::All => "all of",
            Self::None => "none of",
        }
    }
}

/// The states of schema 11, the common ones first. A file may hold others: schema 4 to 8 have
/// `stopped`, 1 to 3 `canceled`, and a development state has `out-of-memory`.
pub const KNOWN_STATES: [&str; 12] = [
    "running",
    "completed",
    "failed",
    "timeout",
    "cancelled",
    "out_of_memory",
    "node_fail",
    "preempted",
    "pending",
    "suspended",
    "deadline",
    "boot_fail",
];

/// The words of the column `shared`.
pub const SHARED_WORDS: [&str; 3] = ["none", "single_user", "multi_user"];

impl JobFilter {
    /// Whether every job matches.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// The same filter with one more condition.
    #[must_use]
    pub fn and(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// The same filter with an exact text, instead of whatever it said about that field.
    #[must_use]
    pub fn with_text(self, field: TextField, value: impl Into<String>) -> Self {
        self.without(
            |condition| matches!(condition, Condition::Text { field: f, .. } if *f == field),
        )
        .and(Condition::Text {
            field,
            is: TextMatch::new(TextOp::Eq, value),
        })
    }

    /// The same filter with these start times, instead of whatever it said about the start.
    #[must_use]
    pub fn with_start(self, start: StartTime) -> Self {
        self.without(|condition| matches!(condition, Condition::Start(_)))
            .and(Condition::Start(start))
    }

    /// The same filter with this range, instead of whatever it said about that number.
    #[must_use]
    pub fn with_number(self, field: NumberField, range: Range) -> Self {
        self.without(
            |condition| matches!(condition, Condition::Number { field: f, .. } if *f == field),
        )
        .and(Condition::Number { field, range })
    }

    /// The same filter with this range of a footprint value, instead of whatever it said about it.
    #[must_use]
    pub fn with_metric(self, key: &str, range: Range) -> Self {
        self.without(|condition| matches!(condition, Condition::Metric { key: k, .. } if k == key))
            .and(Condition::Metric {
                key: key.to_owned(),
                range,
            })
    }

    /// The same filter with these states, instead of whatever it said about the state.
    #[must_use]
    pub fn with_states<S: Into<String>>(self, states: impl IntoIterator<Item = S>) -> Self {
        let states = states.into_iter().map(Into::into).collect();
        self.without(|condition| matches!(condition, Condition::States(_)))
            .and(Condition::States(states))
    }

    /// The same filter with one more of the tags of which any is enough.
    #[must_use]
    pub fn with_any_tag(mut self, id: i64) -> Self {
        for condition in &mut self.conditions {
            if let Condition::Tags {
                mode: TagMode::Any,
                ids,
            } = condition
            {
                if !ids.contains(&id) {
                    ids.push(id);
                }
                return self;
            }
        }
        self.and(Condition::Tags {
            mode: TagMode::Any,
            ids: vec![id],
        })
    }

    /// The same filter without some conditions.
    #[must_use]
    pub fn without(mut self, is_gone: impl Fn(&Condition) -> bool) -> Self {
        self.conditions.retain(|condition| !is_gone(condition));
        self
    }

    /// The exact text that a field must have, where the filter says so.
    pub fn exact(&self, wanted: TextField) -> Option<&str> {
        self.conditions
            .iter()
            .find_map(|condition| match condition {
                Condition::Text { field, is } if *field == wanted && is.op == TextOp::Eq => {
                    Some(is.value())
                }
                Condition::Text { .. }
                | Condition::Ids(_)
                | Condition::Schedule(_)
                | Condition::ArrayJob(_)
                | Condition::States(_)
                | Condition::Shared(_)
                | Condition::Number { .. }
                | Condition::Start(_)
                | Condition::Tags { .. }
                | Condition::Metric { .. } => None,
            })
    }
}

impl Condition {
    /// What the condition is about, as a filter's JSON calls it.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Ids(_) => "dbId",
            Self::Text { field, .. } => field.key(),
            Self::Schedule(_) => "schedule",
            Self::ArrayJob(_) => "arrayJobId",
            Self::States(_) => "state",
            Self::Shared(_) => "shared",
            Self::Number { field, .. } => field.key(),
            Self::Start(_) => "startTime",
            Self::Tags { mode, .. } => mode.key(),
            Self::Metric { .. } => "metricStats",
        }
    }
}

/// The number as an integer, where it is one.
fn whole(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() < 9e15).then_some(value as i64)
}

/// A metric's or footprint's name: upstream takes letters, digits and `_`.
///
/// # Errors
/// If the name is empty or holds anything else.
pub fn check_metric(name: &str) -> Result<&str> {
    let is_plain = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_plain {
        Ok(name)
    } else {
        let expected = "letters, digits and _, like mem_used_max";
        Err(Error::invalid("metric", name, expected))
    }
}

/// As text that can be copied, and given to `--filter`.
impl Serialize for JobFilter {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_json().to_string())
    }
}

impl<'de> Deserialize<'de> for JobFilter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_json(&text).map_err(|error| serde::de::Error::custom(error.chain()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_joins_those_of_which_any_is_enough_and_is_there_once() {
        let of = |mode, ids: &[i64]| Condition::Tags {
            mode,
            ids: ids.to_vec(),
        };
        let filter = JobFilter::default()
            .and(of(TagMode::None, &[9]))
            .with_any_tag(4);
        let expected = vec![of(TagMode::None, &[9]), of(TagMode::Any, &[4])];
        assert_eq!(filter.conditions, expected);
        let filter = filter.with_any_tag(2).with_any_tag(4);
        let expected = vec![of(TagMode::None, &[9]), of(TagMode::Any, &[4, 2])];
        assert_eq!(filter.conditions, expected);
    }
}
