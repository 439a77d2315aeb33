//! A filter as JSON, in the shape of cc-backend's `JobFilter`: an object, or a list of objects.
//!
//! Beside cc-backend's own keys: `like` beside `contains`, the bounds `eq`, `ge`, `gt`, `le`, `lt`
//! beside `from` and `to`, `tagsAll` and `tagsNone` beside `tags`, and Unix seconds as times.

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::{
    Bound, Condition, JobFilter, NumberField, Preset, Range, SHARED_WORDS, Schedule, StartTime,
    TagMode, TextField, TextMatch, TextOp, check_metric, whole,
};
use crate::{
    error::{Error, Result},
    units::{format_rfc3339, parse_time},
};

/// The keys of a filter that are no [`TextField`], [`NumberField`] or [`TagMode`].
const OTHER_KEYS: [&str; 7] = [
    "dbId",
    "schedule",
    "arrayJobId",
    "state",
    "shared",
    "startTime",
    "metricStats",
];

impl JobFilter {
    /// Reads a filter.
    ///
    /// # Errors
    /// If the text is no JSON, or a field, operator or value in it cannot be used; the error
    /// names it and says what would be right.
    pub fn from_json(text: &str) -> Result<Self> {
        let expected = "JSON like {\"cluster\":{\"eq\":\"fritz\"},\"state\":[\"running\"]}";
        let value: Value = serde_json::from_str(text)
            .map_err(|error| Error::invalid("filter", text, format!("{expected}; {error}")))?;
        let objects = match value {
            Value::Object(object) => vec![object],
            Value::Array(list) => list
                .into_iter()
                .map(|item| match item {
                    Value::Object(object) => Ok(object),
                    item @ (Value::Null
                    | Value::Bool(_)
                    | Value::Number(_)
                    | Value::String(_)
                    | Value::Array(_)) => {
                        Err(Error::invalid("filter", item.to_string(), "an object"))
                    }
                })
                .collect::<Result<_>>()?,
            Value::Null => Vec::new(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                return Err(Error::invalid("filter", text, expected));
            }
        };
        let mut filter = Self::default();
        for (key, value) in objects.iter().flatten() {
            read_field(key, value, &mut filter.conditions)?;
        }
        Ok(filter)
    }

    /// The filter as JSON, in cc-backend's own words where it has some. Times are RFC 3339 in UTC.
    pub fn to_json(&self) -> Value {
        let mut objects: Vec<Map<String, Value>> = vec![Map::new()];
        for condition in &self.conditions {
            let key = condition.key();
            let value = write_condition(condition);
            let Some(object) = objects.last_mut() else {
                continue;
            };
            let is_last = object.keys().next_back().is_some_and(|last| last == key);
            match (object.get_mut(key), value) {
                (None, value) => {
                    object.insert(key.to_owned(), value);
                }
                // Several footprint values stand in one list.
                (Some(Value::Array(list)), Value::Array(more))
                    if is_last && key == "metricStats" =>
                {
                    list.extend(more);
                }
                (Some(_), value) => {
                    objects.push(Map::from_iter([(key.to_owned(), value)]));
                }
            }
        }
        match objects.len() {
            1 => Value::Object(objects.pop().unwrap_or_default()),
            _ => Value::Array(objects.into_iter().map(Value::Object).collect()),
        }
    }
}

fn read_field(key: &str, value: &Value, into: &mut Vec<Condition>) -> Result<()> {
    if value.is_null() {
        return Ok(());
    }
    if let Some(field) = TextField::ALL.into_iter().find(|field| field.key() == key) {
        if let Some(is) = read_text(key, value)? {
            into.push(Condition::Text { field, is });
        }
        return Ok(());
    }
    if let Some(field) = NumberField::ALL
        .into_iter()
        .find(|field| field.key() == key)
    {
        let range = read_range(key, value, field.is_whole())?;
        if !range.is_empty() {
            into.push(Condition::Number { field, range });
        }
        return Ok(());
    }
    if let Some(mode) = TagMode::ALL.into_iter().find(|mode| mode.key() == key) {
        let ids = read_ids(key, value)?;
        into.push(Condition::Tags { mode, ids });
        return Ok(());
    }
    match key {
        "dbId" => into.push(Condition::Ids(read_ids(key, value)?)),
        "schedule" => into.push(Condition::Schedule(read_schedule(value)?)),
        "arrayJobId" => {
            let id = value
                .as_i64()
                .ok_or_else(|| invalid(key, value, "the array's id, a whole number"))?;
            into.push(Condition::ArrayJob(id));
        }
        "state" => into.push(Condition::States(read_states(value)?)),
        "shared" => into.push(Condition::Shared(read_shared(value)?)),
        "startTime" => into.extend(read_start(value)?.map(Condition::Start)),
        "metricStats" => {
            let list = value
                .as_array()
                .ok_or_else(|| invalid(key, value, "a list of {\"metricName\", \"range\"}"))?;
            for item in list {
                into.push(read_metric(item)?);
            }
        }
        unknown => {
            let known: Vec<_> = (TextField::ALL.iter().map(|field| field.key()))
                .chain(NumberField::ALL.iter().map(|field| field.key()))
                .chain(TagMode::ALL.iter().map(|mode| mode.key()))
                .chain(OTHER_KEYS)
                .collect();
            let expected = format!("one of {}", known.join(", "));
            return Err(Error::invalid("filter field", unknown, expected));
        }
    }
    Ok(())
}

fn invalid(key: &str, value: &Value, expected: &str) -> Error {
    Error::invalid(format!("filter field {key}"), value.to_string(), expected)
}

fn object<'a>(key: &str, value: &'a Value, known: &[&str]) -> Result<&'a Map<String, Value>> {
    let expected = format!("an object with some of {}", known.join(", "));
    let object = value
        .as_object()
        .ok_or_else(|| invalid(key, value, &expected))?;
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(object),
        Some(unknown) => Err(Error::invalid(
            format!("operator of filter field {key}"),
            unknown,
            format!("one of {}", known.join(", ")),
        )),
    }
}

/// As cc-backend does it: of several operators the first in the order of [`TextOp::ALL`] counts.
fn read_text(key: &str, value: &Value) -> Result<Option<TextMatch>> {
    let known = TextOp::ALL.map(TextOp::key);
    let object = object(key, value, &known)?;
    let Some((op, value)) = TextOp::ALL
        .into_iter()
        .find_map(|op| Some((op, object.get(op.key()).filter(|value| !value.is_null())?)))
    else {
        return Ok(None);
    };
    let one = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        // A job id may be written as the number that it is.
        Value::Number(number) => Ok(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            Err(invalid(key, value, "a text"))
        }
    };
    let values = if op == TextOp::In {
        value
            .as_array()
            .ok_or_else(|| invalid(key, value, "a list of texts"))?
            .iter()
            .map(one)
            .collect::<Result<_>>()?
    } else {
        vec![one(value)?]
    };
    Ok(Some(TextMatch { op, values }))
}

fn read_range(key: &str, value: &Value, whole: bool) -> Result<Range> {
    let object = object(key, value, &["from", "to", "eq", "ge", "gt", "le", "lt"])?;
    let number = |name: &str| match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_f64() {
            Some(number) if !whole || number.fract() == 0.0 => Ok(Some(number)),
            Some(_) => Err(invalid(key, value, "a whole number")),
            None => Err(invalid(key, value, "a number")),
        },
    };
    let bound = |name: &str, inclusive| {
        number(name).map(|value| value.map(|value| Bound { value, inclusive }))
    };
    // cc-backend 1.5.3 and later: an end counts only if it is above 0, and if either is negative
    // there is no condition at all.
    let (from, to) = (number("from")?.unwrap_or(0.0), number("to")?.unwrap_or(0.0));
    let inclusive = |value: f64| {
        (value > 0.0 && from >= 0.0 && to >= 0.0).then_some(Bound {
            value,
            inclusive: true,
        })
    };
    if let Some(value) = number("eq")? {
        return Range::closed(value, value).checked(key);
    }
    Range {
        lower: bound("ge", true)?
            .or(bound("gt", false)?)
            .or(inclusive(from)),
        upper: bound("le", true)?.or(bound("lt", false)?).or(inclusive(to)),
    }
    .checked(&format!("filter field {key}"))
}

fn read_ids(key: &str, value: &Value) -> Result<Vec<i64>> {
    let id = |value: &Value| {
        // GraphQL writes ids as texts.
        value
            .as_i64()
            .or_else(|| value.as_str()?.parse().ok())
            .ok_or_else(|| invalid(key, value, "whole numbers"))
    };
    value
        .as_array()
        .ok_or_else(|| invalid(key, value, "a list of ids"))?
        .iter()
        .map(id)
        .collect()
}

fn read_states(value: &Value) -> Result<Vec<String>> {
    value
        .as_array()
        .ok_or_else(|| invalid("state", value, "a list of job states"))?
        .iter()
        .map(|state| {
            // Any text: a strange file has states that nobody knows, even an empty one.
            let text = state.as_str().map(ToOwned::to_owned);
            text.ok_or_else(|| invalid("state", state, "a job state, like \"running\""))
        })
        .collect()
}

fn read_schedule(value: &Value) -> Result<Schedule> {
    [Schedule::Interactive, Schedule::Batch]
        .into_iter()
        .find(|schedule| value == schedule.key())
        .ok_or_else(|| invalid("schedule", value, "\"interactive\" or \"batch\""))
}

fn read_shared(value: &Value) -> Result<String> {
    SHARED_WORDS
        .into_iter()
        .find(|word| value == *word)
        .map(ToOwned::to_owned)
        .ok_or_else(|| invalid("shared", value, "none, single_user or multi_user"))
}

fn read_start(value: &Value) -> Result<Option<StartTime>> {
    let key = "startTime";
    let object = object(key, value, &["from", "to", "range"])?;
    let time = |name: &str| match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) if number.is_i64() => Ok(number.as_i64()),
        Some(Value::String(text)) => parse_time(text, &TimeZone::UTC).map(Some),
        Some(other) => Err(invalid(key, other, "a time, like \"2026-03-11T06:14:00Z\"")),
    };
    let (from, to) = (time("from")?, time("to")?);
    if from.is_some() || to.is_some() {
        return between(from, to).map(Some);
    }
    match object.get("range") {
        None | Some(Value::Null) => Ok(None),
        // As an empty text the user interface sends "no range".
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(name) => Preset::ALL
            .into_iter()
            .find(|preset| name == preset.key())
            .map(|preset| Some(StartTime::Last(preset)))
            .ok_or_else(|| invalid(key, name, "last6h, last24h, last7d or last30d")),
    }
}

/// The times between two ends.
///
/// # Errors
/// If the first is after the second.
pub fn between(from: Option<i64>, to: Option<i64>) -> Result<StartTime> {
    if let (Some(first), Some(last)) = (from, to)
        && first > last
    {
        let text = format!("{} to {}", format_rfc3339(first), format_rfc3339(last));
        return Err(Error::invalid(
            "start time",
            text,
            "a first time before the last",
        ));
    }
    Ok(StartTime::Between { from, to })
}

fn read_metric(value: &Value) -> Result<Condition> {
    let key = "metricStats";
    let object = object(key, value, &["metricName", "range"])?;
    let name = object
        .get("metricName")
        .and_then(Value::as_str)
        .ok_or_else(|| invalid(key, value, "a metricName, like \"mem_used_max\""))?;
    let range = object
        .get("range")
        .filter(|range| !range.is_null())
        .map_or(Ok(Range::default()), |range| read_range(key, range, false))?;
    Ok(Condition::Metric {
        key: check_metric(name)?.to_owned(),
        range,
    })
}

fn write_condition(condition: &Condition) -> Value {
    match condition {
        Condition::Ids(ids) | Condition::Tags { ids, .. } => json!(ids),
        Condition::Text { is, .. } => {
            let value = match is.op {
                TextOp::In => json!(is.values),
                TextOp::Eq
                | TextOp::Neq
                | TextOp::StartsWith
                | TextOp::EndsWith
                | TextOp::Contains
                | TextOp::Like => json!(is.value()),
            };
            json!({ is.op.key(): value })
        }
        Condition::Schedule(schedule) => json!(schedule.key()),
        Condition::ArrayJob(id) => json!(id),
        Condition::States(states) => json!(states),
        Condition::Shared(word) => json!(word),
        Condition::Number { range, .. } => write_range(range),
        Condition::Start(StartTime::Last(preset)) => json!({ "range": preset.key() }),
        Condition::Start(StartTime::Between { from, to }) => {
            let ends = [("from", from), ("to", to)];
            let times = ends
                .into_iter()
                .filter_map(|(name, secs)| Some((name.to_owned(), write_time((*secs)?))));
            Value::Object(times.collect())
        }
        Condition::Metric { key, range } => {
            json!([{ "metricName": key, "range": write_range(range) }])
        }
    }
}

/// Years that RFC 3339 cannot write are left as seconds.
fn write_time(secs: i64) -> Value {
    let text = format_rfc3339(secs);
    if parse_time(&text, &TimeZone::UTC).ok() == Some(secs) {
        json!(text)
    } else {
        json!(secs)
    }
}

fn write_range(range: &Range) -> Value {
    let mut object = Map::new();
    let mut put = |key: &str, value: f64| {
        let number = match whole(value) {
            Some(whole) => json!(whole),
            None => json!(value),
        };
        object.insert(key.to_owned(), number);
    };
    match (range.lower, range.upper) {
        (Some(lower), Some(upper)) if lower == upper && lower.inclusive => put("eq", lower.value),
        (lower, upper) => {
            // Two inclusive ends above 0 are what cc-backend can say.
            let is_plain =
                |bound: Option<Bound>| bound.is_none_or(|b| b.inclusive && b.value > 0.0);
            let in_backends_words = is_plain(lower) && is_plain(upper);
            let name = |bound: Bound, words: [&'static str; 3]| match bound.inclusive {
                true if in_backends_words => words[0],
                true => words[1],
                false => words[2],
            };
            if let Some(lower) = lower {
                put(name(lower, ["from", "ge", "gt"]), lower.value);
            }
            if let Some(upper) = upper {
                put(name(upper, ["to", "le", "lt"]), upper.value);
            }
        }
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> JobFilter {
        JobFilter::from_json(text).unwrap_or_else(|error| panic!("{text}: {}", error.chain()))
    }

    #[test]
    fn what_is_written_reads_back_as_the_same() {
        for text in [
            "{}",
            r#"{"cluster":{"eq":"fritz"},"user":{"contains":"k10%_"},"state":["running"]}"#,
            r#"{"node":{"in":["f0101","f0102"]},"jobName":{"like":"cfd%"}}"#,
            r#"{"duration":{"from":60,"to":3600},"numAccelerators":{"eq":0},"energy":{"gt":1.5}}"#,
            r#"{"numNodes":{"ge":0,"lt":4},"numHWThreads":{"to":72}}"#,
            r#"{"startTime":{"from":"2026-03-11T06:14:00Z"},"tags":[1,2],"tagsAll":[3],"tagsNone":[]}"#,
            r#"{"startTime":{"range":"last7d"},"schedule":"batch","shared":"none","arrayJobId":0}"#,
            r#"{"metricStats":[{"metricName":"mem_used_max","range":{"from":10}},{"metricName":"cpu_load_avg","range":{}}]}"#,
            r#"[{"user":{"eq":"a"},"dbId":[]},{"user":{"neq":"b"}}]"#,
        ] {
            let filter = read(text);
            assert_eq!(filter.to_json().to_string(), text);
            assert_eq!(read(&filter.to_json().to_string()), filter);
        }
    }

    #[test]
    fn ends_of_zero_and_below_are_open_as_in_cc_backend() {
        let range = |text: &str| {
            let filter = read(&format!("{{\"duration\":{text}}}"));
            match filter.conditions.as_slice() {
                [] => "none".to_owned(),
                [Condition::Number { range, .. }] => range.to_string(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(range(r#"{"from":4,"to":16}"#), "4..16");
        assert_eq!(range(r#"{"from":4,"to":0}"#), ">=4");
        assert_eq!(range(r#"{"from":0,"to":16}"#), "<=16");
        assert_eq!(range(r#"{"from":1,"to":16}"#), "1..16");
        assert_eq!(range(r#"{"from":0,"to":0}"#), "none");
        assert_eq!(range(r#"{"from":-1,"to":16}"#), "none");
        assert_eq!(range(r#"{"from":4,"to":-16}"#), "none");
        assert_eq!(range(r#"{"eq":0}"#), "=0");
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (text, named) in [
            ("{", "{"),
            (r#"{"clutser":{"eq":"a"}}"#, "clutser"),
            (r#"{"cluster":{"equals":"a"}}"#, "equals"),
            (r#"{"cluster":"a"}"#, "cluster"),
            (r#"{"startTime":{"from":"yesterday"}}"#, "yesterday"),
            (r#"{"startTime":{"range":"last5y"}}"#, "last5y"),
            (r#"{"startTime":{"from":20,"to":10}}"#, "start time"),
            (r#"{"duration":{"ge":20,"le":10}}"#, "20..10"),
            (r#"{"duration":{"from":20,"to":10}}"#, "20..10"),
            (r#"{"numNodes":{"eq":1.5}}"#, "1.5"),
            (r#"{"shared":"x' OR 1"}"#, "x' OR 1"),
            (r#"{"schedule":"never"}"#, "never"),
            (r#"{"metricStats":[{"metricName":"a b"}]}"#, "a b"),
            (r#"{"state":"running"}"#, "running"),
            (r#"{"dbId":["x"]}"#, "x"),
        ] {
            let error = JobFilter::from_json(text).expect_err(text);
            assert!(error.chain().contains(named), "{text}: {}", error.chain());
            assert!(matches!(error, Error::Invalid { .. }), "{text}");
        }
    }
}
