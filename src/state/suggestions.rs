//! What the filter bar suggests: values of columns, tags, and keys of the footprint.

use std::collections::BTreeMap;

use super::Phase;
use crate::{
    db::value::Cell,
    engine::message::TaskId,
    jobs::{
        catalogue::{JobQuery, MAX_SUGGESTIONS},
        facts::DatabaseFacts,
    },
};

/// A list of suggestions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The values of a column, by today's name.
    Column(&'static str),
    /// The tags.
    Tags,
    /// The keys of the footprint.
    Footprint,
}

/// A tag that jobs may carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its id, which a filter holds.
    pub id: i64,
    /// `type: name`.
    pub name: String,
}

/// A key of the footprint.
#[derive(Clone, Debug, PartialEq)]
pub struct FootprintKey {
    /// The key with its statistic, `mem_used_max` for example.
    pub key: String,
    /// How many of the newest jobs have it.
    pub jobs: i64,
    /// Its largest value among them.
    pub largest: f64,
}

/// What has come so far. Lists are asked for in the background, each for a short time only.
#[derive(Debug, Default)]
pub struct Suggestions {
    /// The tags, by type and name.
    pub tags: Vec<Tag>,
    /// The keys of the footprint, by name.
    pub footprint: Vec<FootprintKey>,
    columns: BTreeMap<&'static str, Vec<String>>,
    asked: BTreeMap<TaskId, Source>,
    cut: Vec<Source>,
}

impl Suggestions {
    /// The values of a column that are known.
    pub fn values(&self, column: &str) -> &[String] {
        self.columns.get(column).map_or(&[], Vec::as_slice)
    }

    /// What a tag is called: its type and name, or its id where it is not known.
    pub fn tag_name(&self, id: i64) -> String {
        self.tags
            .iter()
            .find(|tag| tag.id == id)
            .map_or_else(|| format!("tag {id}"), |tag| tag.name.clone())
    }

    /// Whether the list is still on its way.
    pub fn is_asked(&self, source: Source) -> bool {
        self.asked.values().any(|asked| *asked == source)
    }

    /// Why the list may miss something, where it may: what was stopped keeps what had come.
    pub fn is_partial(&self, source: Source) -> bool {
        let len = match source {
            Source::Column(column) => self.values(column).len(),
            Source::Tags => self.tags.len(),
            Source::Footprint => 0,
        };
        self.cut.contains(&source) || len >= MAX_SUGGESTIONS as usize
    }

    /// What to ask of a file, as far as it can answer.
    pub(super) fn queries(facts: &DatabaseFacts) -> Vec<(Source, JobQuery)> {
        let columns = facts.suggestible.iter().map(|(column, within)| {
            let (column, within) = (*column, *within);
            (Source::Column(column), JobQuery::Values { column, within })
        });
        columns
            .chain([
                (Source::Tags, JobQuery::TagList),
                (Source::Footprint, JobQuery::FootprintKeys),
            ])
            .filter(|(_, query)| query.sql(&facts.schema).is_ok())
            .collect()
    }

    pub(super) fn ask(&mut self, id: TaskId, source: Source) {
        self.asked.insert(id, source);
    }

    /// Takes rows in. Whether the task was ours.
    pub(super) fn add(&mut self, id: TaskId, rows: &[Vec<Cell>]) -> bool {
        let Some(source) = self.asked.get(&id) else {
            return false;
        };
        match source {
            Source::Column(column) => {
                let texts = rows
                    .iter()
                    .filter_map(|row| row.first()?.as_text())
                    .map(ToOwned::to_owned);
                self.columns.entry(column).or_default().extend(texts);
            }
            Source::Tags => self.tags.extend(rows.iter().filter_map(|row| tag(row))),
            Source::Footprint => self
                .footprint
                .extend(rows.iter().filter_map(|row| footprint_key(row))),
        }
        true
    }

    pub(super) fn ended(&mut self, id: TaskId, phase: Phase) {
        if let Some(source) = self.asked.remove(&id)
            && phase != Phase::Loaded
        {
            self.cut.push(source);
        }
    }
}

fn tag(row: &[Cell]) -> Option<Tag> {
    let [id, kind, name, ..] = row else {
        return None;
    };
    let (kind, name) = (kind.display(), name.display());
    Some(Tag {
        id: id.as_int()?,
        name: format!("{kind}: {name}"),
    })
}

fn footprint_key(row: &[Cell]) -> Option<FootprintKey> {
    let [key, jobs, largest, ..] = row else {
        return None;
    };
    Some(FootprintKey {
        key: key.as_text()?.to_owned(),
        jobs: jobs.as_int().unwrap_or(0),
        largest: largest.as_real().unwrap_or(0.0),
    })
}
