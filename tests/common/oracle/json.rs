//! The JSON columns, whatever is in them.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::value::Stored;

/// The values of a flat object. `None` if it is not JSON; JSON of another shape has no values.
pub(super) fn object(stored: &Stored) -> Option<BTreeMap<String, Stored>> {
    pairs(&text(stored)?, None)
}

/// The value at one key, or NULL. `None` if it is not JSON.
pub(super) fn value_at(stored: &Stored, key: &str) -> Option<Stored> {
    let mut found = pairs(&text(stored)?, Some(key))?;
    Some(found.remove(key).unwrap_or(Stored::Null))
}

/// The host name of each resource, NULL for a resource without one. `None` if it is not JSON.
///
/// The values of an object are looked at like the elements of a list, as `json_each` does.
pub(super) fn hosts(stored: &Stored) -> Option<Vec<Stored>> {
    let host = |element: &Value| {
        let name = element.get("hostname");
        name.map_or(Stored::Null, Stored::from_json)
    };
    let hosts = match serde_json::from_str(&text(stored)?).ok()? {
        Value::Array(elements) => elements.iter().map(host).collect(),
        Value::Object(elements) => elements.values().map(host).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => vec![Stored::Null],
    };
    Some(hosts)
}

/// JSON is the same in a TEXT and in a BLOB.
fn text(stored: &Stored) -> Option<Cow<'_, str>> {
    match stored {
        Stored::Null => None,
        Stored::Text(text) => Some(Cow::Borrowed(text)),
        Stored::Blob(bytes) => Some(String::from_utf8_lossy(bytes)),
        Stored::Integer(number) => Some(Cow::Owned(number.to_string())),
        Stored::Real(number) => Some(Cow::Owned(format!("{number:?}"))),
    }
}

fn pairs(text: &str, only: Option<&str>) -> Option<BTreeMap<String, Stored>> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let found = if text.trim_start().starts_with('{') {
        Pairs { only }.deserialize(&mut reader).ok()?
    } else {
        serde::Deserialize::deserialize(&mut reader)
            .map(|IgnoredAny| BTreeMap::new())
            .ok()?
    };
    reader.end().ok()?;
    Some(found)
}

/// Keeps the first value of each key, as SQLite does, and skips what is not wanted: job scripts
/// are long.
struct Pairs<'a> {
    only: Option<&'a str>,
}

impl<'de> DeserializeSeed<'de> for Pairs<'_> {
    type Value = BTreeMap<String, Stored>;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Pairs<'_> {
    type Value = BTreeMap<String, Stored>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            if self.only.is_none_or(|only| only == key) {
                let value: Value = map.next_value()?;
                found
                    .entry(key)
                    .or_insert_with(|| Stored::from_json(&value));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}
