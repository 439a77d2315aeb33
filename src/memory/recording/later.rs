//! Words of a later version in lines and settings whose shape this version knows.

use serde::{Deserialize as _, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::line::Line;
use crate::{
    db::profile::MemoryProfile,
    engine::{budget::BudgetKind, give_back::Rung, receipt::Outcome},
    memory::sample::ConnectionState,
};

/// A line as it is, and what this version knows of it. `None`: it has no word of a later version, so
/// that something else is wrong with it.
pub(super) fn read(line: &[u8]) -> Option<(Value, Line)> {
    let line: Value = serde_json::from_slice(line).ok()?;
    let mut known = line.clone();
    let is_later = match line.get("kind")?.as_str()? {
        "sample" => sieve_states(&mut known),
        "receipt" => sieve_receipt(&mut known),
        "given_back" => sieve_rungs(&mut known),
        _ => false,
    };
    let known = serde_json::from_value(known).ok().filter(|_| is_later)?;
    Some((line, known))
}

/// A word, and none of those that this version knows here.
fn is_later<T: DeserializeOwned>(value: Option<&Value>) -> bool {
    let word = value.filter(|value| value.is_string());
    word.is_some_and(|word| T::deserialize(word).is_err())
}

/// A connection's state becomes that of the sample before.
fn sieve_states(line: &mut Value) -> bool {
    let connections = line.get_mut("connections").and_then(Value::as_array_mut);
    let mut is_any = false;
    for connection in connections.into_iter().flatten() {
        if is_later::<ConnectionState>(connection.get("state"))
            && let Some(changes) = connection.as_object_mut()
        {
            changes.remove("state");
            is_any = true;
        }
    }
    is_any
}

/// An outcome becomes [`Outcome::Other`], and a limit of another kind goes.
fn sieve_receipt(line: &mut Value) -> bool {
    let Some(receipt) = line.get_mut("receipt").and_then(Value::as_object_mut) else {
        return false;
    };
    let mut is_any = false;
    if is_later::<Outcome>(receipt.get("outcome")) {
        let other = serde_json::to_value(Outcome::Other).unwrap_or_default();
        receipt.insert("outcome".to_owned(), other);
        is_any = true;
    }
    let limit = receipt.get("limit").and_then(|limit| limit.get("kind"));
    if is_later::<BudgetKind>(limit) {
        receipt.remove("limit");
        is_any = true;
    }
    is_any
}

/// Rungs without a name here go.
fn sieve_rungs(line: &mut Value) -> bool {
    let rungs = line.pointer_mut("/receipt/rungs");
    rungs.and_then(Value::as_array_mut).is_some_and(|rungs| {
        let before = rungs.len();
        rungs.retain(|rung| !is_later::<Rung>(rung.get("rung")));
        rungs.len() < before
    })
}

/// Takes settings out of a profile that a later version wrote or gave a value. Those that cannot be
/// without one get that of the built-in profile.
pub(super) fn sieve_settings(settings: &mut Map<String, Value>) -> Map<String, Value> {
    let Ok(Value::Object(ours)) = serde_json::to_value(MemoryProfile::jobscope()) else {
        return Map::new();
    };
    let is_known = |setting: &str, value: &Value| {
        let mut with = ours.clone();
        with.insert(setting.to_owned(), value.clone());
        MemoryProfile::deserialize(Value::Object(with)).is_ok()
    };
    let is_later = |(setting, value): &(&String, &Value)| {
        !ours.contains_key(*setting) || (value.is_string() && !is_known(setting, value))
    };
    let later = settings.iter().filter(is_later);
    let later: Map<_, _> = later
        .map(|(setting, value)| (setting.clone(), value.clone()))
        .collect();
    for setting in later.keys() {
        match ours.get(setting) {
            Some(value) => settings.insert(setting.clone(), value.clone()),
            None => settings.remove(setting),
        };
    }
    later
}
