//! The job list: 21 columns, newest first, continued by key.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    catalogue::Column,
    filter::{JobFilter, Sql},
};
use crate::{
    db::value::Cell,
    error::{Error, Result},
};

/// The columns that cc-backend selects for a job list, in its order, with their units.
pub const COLUMNS: [(&str, Option<&str>); 21] = [
    ("id", None),
    ("job_id", None),
    ("hpc_user", None),
    ("project", None),
    ("cluster", None),
    ("subcluster", None),
    ("start_time", Some("Unix seconds")),
    ("cluster_partition", None),
    ("array_job_id", None),
    ("num_nodes", Some("nodes")),
    ("num_hwthreads", Some("hardware threads")),
    ("num_acc", Some("accelerators")),
    ("shared", None),
    ("monitoring_status", None),
    ("smt", None),
    ("job_state", None),
    ("duration", Some("seconds")),
    ("walltime", Some("seconds")),
    ("resources", Some("JSON")),
    ("footprint", Some("JSON")),
    ("energy", Some("kWh")),
];

/// Columns of one job that the list leaves out because they are large.
pub const DETAIL_COLUMNS: [(&str, Option<&str>); 3] = [
    ("submit_time", Some("Unix seconds")),
    ("energy_footprint", Some("JSON, kWh")),
    ("meta_data", Some("JSON")),
];

/// The last job of a batch: the next batch begins right after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// `start_time` of that job, in Unix seconds.
    pub start_time_unix_secs: i64,
    /// Its `id`, which decides among jobs that started in the same second.
    pub id: i64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.start_time_unix_secs, self.id)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        text.split_once('.')
            .and_then(|(time, id)| {
                Some(Self {
                    start_time_unix_secs: time.parse().ok()?,
                    id: id.parse().ok()?,
                })
            })
            .ok_or_else(|| Error::invalid("cursor", text, "the text that `next` held before"))
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|error: Error| serde::de::Error::custom(error.chain()))
    }
}

impl Cursor {
    /// The cursor after a row of the job list.
    pub fn after(row: &[Cell]) -> Option<Self> {
        Some(Self {
            start_time_unix_secs: row.get(6)?.as_int()?,
            id: row.first()?.as_int()?,
        })
    }
}

/// One batch of the list. Keyset pagination: OFFSET walks every row it skips, so later batches
/// would get slower and slower.
pub fn batch_sql(filter: &JobFilter, after: Option<Cursor>, limit: u32) -> Sql {
    let extra = after.map(|cursor| Sql {
        text: "(start_time, id) < (?, ?)".to_owned(),
        params: vec![Cell::Int(cursor.start_time_unix_secs), Cell::Int(cursor.id)],
    });
    let Sql { text, mut params } = filter.to_where(extra);
    params.push(Cell::Int(i64::from(limit)));
    Sql {
        text: format!(
            "SELECT {}\nFROM job{text}\nORDER BY start_time DESC, id DESC\nLIMIT ?",
            column_list(COLUMNS.iter())
        ),
        params,
    }
}

/// Every column of one job, the large ones included.
pub fn job_sql(id: i64) -> Sql {
    Sql {
        text: format!(
            "SELECT {}\nFROM job\nWHERE id = ?",
            column_list(COLUMNS.iter().chain(&DETAIL_COLUMNS))
        ),
        params: vec![Cell::Int(id)],
    }
}

/// How many jobs match.
pub fn count_sql(filter: &JobFilter) -> Sql {
    let Sql { text, params } = filter.to_where(None);
    Sql {
        text: format!("SELECT COUNT(*)\nFROM job{text}"),
        params,
    }
}

/// The columns of [`batch_sql`].
pub fn columns() -> Vec<Column> {
    COLUMNS
        .iter()
        .map(|(name, unit)| Column::new(name, *unit))
        .collect()
}

/// The columns of [`job_sql`].
pub fn detail_columns() -> Vec<Column> {
    COLUMNS
        .iter()
        .chain(&DETAIL_COLUMNS)
        .map(|(name, unit)| Column::new(name, *unit))
        .collect()
}

fn column_list<'a>(columns: impl Iterator<Item = &'a (&'a str, Option<&'a str>)>) -> String {
    columns
        .map(|(name, _)| *name)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_round_trip() {
        for cursor in [
            Cursor {
                start_time_unix_secs: 1_773_209_640,
                id: 77,
            },
            Cursor {
                start_time_unix_secs: -5,
                id: i64::MAX,
            },
        ] {
            assert_eq!(
                cursor.to_string().parse::<Cursor>().expect("our own text"),
                cursor
            );
        }
        assert!("12".parse::<Cursor>().is_err());
        assert!("a.b".parse::<Cursor>().is_err());
    }
}
