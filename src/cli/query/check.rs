//! Values that the file does not know: a state, a cluster, a user, a metric. Whoever asks for one
//! has mistyped it more often than not.

use crate::{
    cli::session::{Collect, Session},
    db::value::Cell,
    engine::{message::Task, receipt::Outcome},
    error::{Error, Result},
    jobs::{
        catalogue::{JobQuery, MAX_SUGGESTIONS},
        filter::{Condition, KNOWN_STATES, TagMode, TextOp},
    },
};

/// More values than these are not listed in a report.
const LISTED: usize = 20;

/// Refuses states that neither cc-backend nor the file knows, before anything runs.
pub(in crate::cli) fn values(session: &mut Session, query: &JobQuery) -> Result<()> {
    let Some(selection) = query.selection() else {
        return Ok(());
    };
    for condition in &selection.filter.conditions {
        let Condition::States(states) = condition else {
            continue;
        };
        for state in states {
            if !KNOWN_STATES.contains(&state.as_str()) {
                must_be_in_file(session, "state", "job_state", state)?;
            }
        }
    }
    Ok(())
}

/// After an empty answer: was it asked for something that the file does not have?
pub(in crate::cli) fn matches(session: &mut Session, query: &JobQuery) -> Result<()> {
    if let JobQuery::MetricHistogram { metric, .. } = query {
        let known = texts(session, JobQuery::FootprintKeys)?;
        let is_known = metric.keys(false).iter().any(|key| known.contains(key));
        if !is_known && metric.scale.is_none() && !known.is_empty() {
            let expected = format!(
                "a metric of the footprints, whose keys are {}",
                listed(&known)
            );
            return Err(Error::invalid("metric", &metric.name, expected));
        }
    }
    if let JobQuery::Running { cluster }
    | JobQuery::Partitions { cluster }
    | JobQuery::AllocatedNodes { cluster } = query
    {
        must_be_in_file(session, "cluster", "cluster", cluster)?;
    }
    let Some(selection) = query.selection() else {
        return Ok(());
    };
    for condition in &selection.filter.conditions {
        if let Condition::Text { field, is } = condition
            && is.op == TextOp::Eq
            && let Some(column) = field.column()
        {
            must_be_in_file(session, field.key(), column, is.value())?;
        }
        if let Condition::Metric { key, .. } = condition {
            must_be_among(session, "footprint value", key, JobQuery::FootprintKeys)?;
        }
        if let Condition::Tags { ids, mode } = condition
            && *mode != TagMode::None
        {
            for id in ids {
                must_be_among(session, "tag", &id.to_string(), JobQuery::TagList)?;
            }
        }
    }
    Ok(())
}

/// Looks the value up where that is cheap.
fn must_be_in_file(
    session: &mut Session,
    what: &str,
    column: &'static str,
    value: &str,
) -> Result<()> {
    let suggestible = &session.facts().suggestible;
    let Some((column, within)) = suggestible
        .iter()
        .find(|(name, _)| *name == column)
        .copied()
    else {
        return Ok(());
    };
    must_be_among(session, what, value, JobQuery::Values { column, within })
}

/// The value must be in the first column of what the query answers.
fn must_be_among(session: &mut Session, what: &str, value: &str, query: JobQuery) -> Result<()> {
    if query.sql(session.schema()).is_err() {
        return Ok(());
    }
    let known = texts(session, query)?;
    let may_be_cut_off = known.is_empty() || known.len() >= MAX_SUGGESTIONS as usize;
    if may_be_cut_off || known.iter().any(|text| text == value) {
        return Ok(());
    }
    let expected = format!("one that the file has: {}", listed(&known));
    Err(Error::invalid(what, value, expected))
}

/// The first column of a query's result; nothing if it was stopped.
fn texts(session: &mut Session, query: JobQuery) -> Result<Vec<String>> {
    let mut rows = Collect::default();
    let ending = session.run(Task::Query(query), None, &mut rows)?;
    if ending.receipt.outcome != Outcome::Finished {
        return Ok(Vec::new());
    }
    Ok(rows
        .rows
        .iter()
        .filter_map(|row| row.first())
        .map(Cell::display)
        .collect())
}

fn listed(values: &[String]) -> String {
    let more = if values.len() > LISTED { ", …" } else { "" };
    let first: Vec<_> = values.iter().take(LISTED).map(String::as_str).collect();
    format!("{}{more}", first.join(", "))
}
