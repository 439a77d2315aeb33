//! What a job filter means.

use std::{
    cmp::Ordering::{self, Equal, Greater, Less},
    collections::BTreeSet,
};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Column, Job, Oracle,
    value::{Piece, Stored, is_like, literal, pattern},
};

/// The parts of a filter that cc-backend does not have.
const EXTENSIONS: [&str; 8] = ["like", "tagsAll", "tagsNone", "eq", "ge", "gt", "le", "lt"];

/// Fields of a text, in which `eq` is cc-backend's own.
const TEXT_FIELDS: [&str; 8] = [
    "user",
    "project",
    "jobName",
    "cluster",
    "subCluster",
    "partition",
    "jobId",
    "node",
];

/// Whether a filter has something that cc-backend does not know.
pub fn uses_extensions(filter: &Value) -> bool {
    let in_object = |object: &serde_json::Map<String, Value>| {
        object.iter().any(|(key, value)| {
            let is_text = TEXT_FIELDS.contains(&key.as_str());
            let eq_of_text = is_text && value.get("like").is_none();
            EXTENSIONS.contains(&key.as_str()) || (!eq_of_text && uses_extensions(value))
        })
    };
    match filter {
        Value::Object(object) => in_object(object),
        Value::Array(elements) => elements.iter().any(uses_extensions),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// What a condition depends on besides its values.
#[derive(Clone, Copy)]
struct Mode {
    now: i64,
    as_backend: bool,
}

/// One condition of a filter.
type Test<'a> = Box<dyn Fn(&Job) -> bool + 'a>;

impl Oracle {
    /// The jobs that a filter accepts, each once, in the order of the table.
    ///
    /// `filter` is an object in the shape of cc-backend's `JobFilter`, or a list of them, of
    /// which all hold. With `as_backend`, `%` and `_` are wildcards everywhere, and `in` means
    /// nothing for job names and nodes.
    pub fn select(&self, filter: &Value, now: i64, as_backend: bool) -> Vec<&Job> {
        let mode = Mode { now, as_backend };
        let mut jobs: Vec<_> = self.jobs.iter().collect();
        for (field, wanted) in fields(filter) {
            let test = self.test(field, wanted, mode);
            jobs.retain(|job| test(job));
        }
        jobs
    }

    /// The rows that cc-backend's sums and histograms see: a job once for each of the wanted
    /// tags that it has.
    pub fn select_as_joined(&self, filter: &Value, now: i64) -> Vec<&Job> {
        let wanted: Option<BTreeSet<i64>> = fields(filter)
            .find(|(field, _)| *field == "tags")
            .map(|(_, ids)| self::ids(ids));
        let times = |job: &Job| {
            let wanted = wanted.as_ref();
            wanted.map_or(1, |ids| {
                self.tag_ids(job).filter(|id| ids.contains(id)).count()
            })
        };
        let jobs = self.select(filter, now, true);
        jobs.into_iter()
            .flat_map(|job| std::iter::repeat_n(job, times(job)))
            .collect()
    }

    fn test<'a>(&'a self, field: &str, wanted: &'a Value, mode: Mode) -> Test<'a> {
        match field {
            "dbId" => {
                let ids = ids(wanted);
                Box::new(move |job| ids.contains(&job.id))
            }
            "cluster" => text(Column::Cluster, wanted, mode),
            "subCluster" => text(Column::Subcluster, wanted, mode),
            "partition" => text(Column::Partition, wanted, mode),
            "project" => text(Column::Project, wanted, mode),
            "user" => text(Column::User, wanted, mode),
            "jobId" => {
                let condition = Text::read(wanted, mode).for_numeric_column();
                Box::new(move |job| condition.accepts(&job[Column::JobId]))
            }
            "jobName" => {
                let condition = Text::read(wanted, mode).without_list(mode);
                Box::new(move |job| has_name(job, &condition))
            }
            "schedule" => schedule(wanted),
            "arrayJobId" => {
                let wanted = Stored::from_json(wanted);
                Box::new(move |job| job[Column::ArrayJobId].is_equal(&wanted))
            }
            "state" => {
                let states = texts(wanted);
                Box::new(move |job| is_among(&job[Column::State], &states))
            }
            "shared" => {
                let wanted = Stored::from_json(wanted);
                Box::new(move |job| job[Column::Shared].is_equal(&wanted))
            }
            "duration" => range(Column::Duration, wanted),
            "numNodes" => range(Column::NumNodes, wanted),
            "numAccelerators" => range(Column::NumAcc, wanted),
            "numHWThreads" => range(Column::NumHwthreads, wanted),
            "energy" => range(Column::Energy, wanted),
            "startTime" => {
                let bounds = time_bounds(wanted, mode.now);
                Box::new(move |job| are_within(&bounds, &job[Column::StartTime]))
            }
            "tags" | "tagsAll" | "tagsNone" => self.tags_test(field, wanted),
            "metricStats" => metrics(wanted),
            "node" => {
                let condition = Text::read(wanted, mode).without_list(mode);
                Box::new(move |job| has_node(job, &condition))
            }
            other => panic!("no filter has a field {other}"),
        }
    }

    fn tags_test<'a>(&'a self, field: &str, wanted: &Value) -> Test<'a> {
        let wanted = ids(wanted);
        let has = move |job: &Job| {
            let found = self.tag_ids(job).filter(|id| wanted.contains(id)).count();
            (found, wanted.len())
        };
        match field {
            "tags" => Box::new(move |job| has(job).0 > 0),
            "tagsAll" => Box::new(move |job| has(job).0 == has(job).1),
            _ => Box::new(move |job| has(job).0 == 0),
        }
    }
}

/// All fields that are set, of one filter or of several.
fn fields(filter: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let objects = match filter {
        Value::Array(objects) => objects.as_slice(),
        Value::Null | Value::Object(_) => std::slice::from_ref(filter),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => panic!("not a filter: {filter}"),
    };
    objects
        .iter()
        .filter_map(Value::as_object)
        .flatten()
        .filter(|(_, wanted)| !wanted.is_null())
        .map(|(field, wanted)| (field.as_str(), wanted))
}

/// A condition on a text.
#[derive(Debug)]
enum Text {
    /// No condition.
    None,
    Equal(Stored),
    NotEqual(Stored),
    Like(Vec<Piece>),
    Among(Vec<Stored>),
}

impl Text {
    /// The first operator that is set, in this order.
    fn read(wanted: &Value, mode: Mode) -> Self {
        let get = |operator: &str| {
            let value = wanted.get(operator).filter(|value| !value.is_null());
            value.map(|value| value.as_str().expect("a text"))
        };
        let part = |text: &str| {
            if mode.as_backend {
                pattern(text)
            } else {
                literal(text)
            }
        };
        let any = [Piece::AnyNumber];
        let stored = |text: &str| Stored::Text(text.to_owned());
        if let Some(value) = get("eq") {
            Self::Equal(stored(value))
        } else if let Some(value) = get("neq") {
            Self::NotEqual(stored(value))
        } else if let Some(value) = get("startsWith") {
            Self::Like([part(value).as_slice(), &any].concat())
        } else if let Some(value) = get("endsWith") {
            Self::Like([any.as_slice(), &part(value)].concat())
        } else if let Some(value) = get("contains") {
            Self::Like([any.as_slice(), &part(value), &any].concat())
        } else if let Some(list) = wanted.get("in").filter(|list| !list.is_null()) {
            Self::Among(texts(list))
        } else if let Some(value) = get("like") {
            Self::Like(pattern(value))
        } else {
            Self::None
        }
    }

    /// Texts that read like numbers are numbers beside a numeric column, except for LIKE.
    fn for_numeric_column(self) -> Self {
        let convert = |value: Stored| {
            let number = value.text().map(Stored::with_numeric_affinity);
            number.unwrap_or(value)
        };
        match self {
            Self::Equal(value) => Self::Equal(convert(value)),
            Self::NotEqual(value) => Self::NotEqual(convert(value)),
            Self::Among(values) => Self::Among(values.into_iter().map(convert).collect()),
            other @ (Self::None | Self::Like(_)) => other,
        }
    }

    /// cc-backend has no lists for what is inside JSON.
    fn without_list(self, mode: Mode) -> Self {
        if mode.as_backend && matches!(self, Self::Among(_)) {
            Self::None
        } else {
            self
        }
    }

    fn accepts(&self, value: &Stored) -> bool {
        match self {
            Self::None => true,
            Self::Equal(wanted) => value.is_equal(wanted),
            Self::NotEqual(unwanted) => value
                .compare(unwanted)
                .is_some_and(|order| order != Ordering::Equal),
            Self::Like(pieces) => is_like(value, pieces),
            Self::Among(wanted) => is_among(value, wanted),
        }
    }
}

fn text(column: Column, wanted: &Value, mode: Mode) -> Test<'static> {
    let condition = Text::read(wanted, mode);
    Box::new(move |job| condition.accepts(&job[column]))
}

/// `meta_data` has to be valid, whatever is asked of the name.
fn has_name(job: &Job, condition: &Text) -> bool {
    let name = job.name.as_ref();
    name.is_some_and(|name| condition.accepts(name))
}

/// `resources` has to be valid, and one of them has to match if something is asked of it.
fn has_node(job: &Job, condition: &Text) -> bool {
    let asks_nothing = matches!(condition, Text::None);
    job.hosts
        .as_ref()
        .is_some_and(|hosts| asks_nothing || hosts.iter().any(|host| condition.accepts(host)))
}

fn schedule(wanted: &Value) -> Test<'static> {
    let interactive = Stored::Text("interactive".to_owned());
    let condition = match wanted.as_str() {
        Some("interactive") => Text::Equal(interactive),
        Some("batch") => Text::NotEqual(interactive),
        _ => return Box::new(|_| true),
    };
    Box::new(move |job| has_name(job, &condition))
}

/// Limits of a value: how it has to compare with each of these.
type Bounds = Vec<(&'static [Ordering], Stored)>;

/// A bound that cc-backend's ranges do not have: its name, and how a value has to compare.
const REAL_BOUNDS: [(&str, &[Ordering]); 5] = [
    ("eq", &[Equal]),
    ("ge", AT_LEAST),
    ("gt", &[Greater]),
    ("le", AT_MOST),
    ("lt", &[Less]),
];

const AT_LEAST: &[Ordering] = &[Greater, Equal];

const AT_MOST: &[Ordering] = &[Less, Equal];

/// The rule of cc-backend 1.5.3: zero is open, and one negative number opens both ends.
fn bounds(wanted: &Value) -> Bounds {
    let real: Bounds = REAL_BOUNDS
        .iter()
        .filter_map(|(name, orders)| Some((*orders, Stored::from_json(wanted.get(*name)?))))
        .filter(|(_, bound)| !bound.is_null())
        .collect();
    if !real.is_empty() {
        return real;
    }
    let [from, to] = ["from", "to"].map(|end| {
        let set = wanted.get(end).filter(|value| !value.is_null());
        set.map_or(Stored::Integer(0), Stored::from_json)
    });
    let zero = Stored::Integer(0);
    match (from.order(&zero), to.order(&zero)) {
        (Greater, Greater) => vec![(AT_LEAST, from), (AT_MOST, to)],
        (Greater, Equal) => vec![(AT_LEAST, from)],
        (Equal, Greater) => vec![(AT_MOST, to)],
        _ => Vec::new(),
    }
}

fn are_within(bounds: &Bounds, value: &Stored) -> bool {
    bounds.iter().all(|(orders, bound)| {
        let order = value.compare(bound);
        order.is_some_and(|order| orders.contains(&order))
    })
}

fn range(column: Column, wanted: &Value) -> Test<'static> {
    let bounds = bounds(wanted);
    Box::new(move |job| are_within(&bounds, &job[column]))
}

/// Absolute bounds win over a named range, which has no upper bound.
fn time_bounds(wanted: &Value, now: i64) -> Bounds {
    let ends = [("from", AT_LEAST), ("to", AT_MOST)];
    let absolute: Bounds = ends
        .into_iter()
        .filter_map(|(end, orders)| Some((orders, Stored::Integer(time(wanted.get(end)?)?))))
        .collect();
    if !absolute.is_empty() {
        return absolute;
    }
    let secs = match wanted.get("range").and_then(Value::as_str) {
        Some("last6h") => 21_600,
        Some("last24h") => 86_400,
        Some("last7d") => 604_800,
        Some("last30d") => 2_592_000,
        _ => return Vec::new(),
    };
    vec![(AT_LEAST, Stored::Integer(now - secs))]
}

/// Unix seconds of a time in either form, rounded down.
fn time(value: &Value) -> Option<i64> {
    if value.is_null() {
        return None;
    }
    let Some(text) = value.as_str() else {
        return Some(value.as_i64().expect("whole Unix seconds"));
    };
    let time: Timestamp = text.parse().expect("RFC 3339");
    i64::try_from(time.as_nanosecond().div_euclid(1_000_000_000)).ok()
}

/// Each metric by itself: the footprint is valid, and the value is within the range.
fn metrics(wanted: &Value) -> Test<'static> {
    let conditions: Vec<_> = wanted
        .as_array()
        .expect("a list of metrics")
        .iter()
        .map(|one| {
            let name = one["metricName"].as_str().expect("a metric").to_owned();
            (name, bounds(&one["range"]))
        })
        .collect();
    Box::new(move |job| {
        conditions.iter().all(|(name, bounds)| {
            is_metric_name(name) && job.footprint.is_some() && are_within(bounds, job.metric(name))
        })
    })
}

fn is_metric_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.bytes().all(is_letter)
}

/// Ids in either form; what is no integer is the id of nothing.
fn ids(list: &Value) -> BTreeSet<i64> {
    let id = |value: &Value| {
        let text = value.as_str();
        text.map_or_else(
            || value.as_i64(),
            |text| Stored::with_numeric_affinity(text).integer(),
        )
    };
    let list = list.as_array().expect("a list of ids");
    // -1 is no id that SQLite gives, so a list of one unknown id still asks for one tag.
    list.iter().map(|value| id(value).unwrap_or(-1)).collect()
}

fn texts(list: &Value) -> Vec<Stored> {
    let list = list.as_array().expect("a list of texts");
    list.iter().map(Stored::from_json).collect()
}

fn is_among(value: &Stored, wanted: &[Stored]) -> bool {
    wanted.iter().any(|one| value.is_equal(one))
}
