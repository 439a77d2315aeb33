//! Every named job query, in one list: what it is called, what it asks, what comes back.

use serde::Serialize;

use super::{
    filter::{JobFilter, Sql},
    list::{self, Cursor},
    statistics::{self, GroupBy},
};
use crate::db::value::Cell;

/// What the arithmetic takes as the present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Unix seconds. Running jobs have run until then.
    pub now_unix_secs: i64,
    /// A stored duration below this makes a job "short". cc-backend's default is 300.
    pub short_secs: i64,
}

/// cc-backend's `main.short-running-jobs-duration` where the configuration does not say otherwise.
pub const DEFAULT_SHORT_SECS: i64 = 300;

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its name in the result.
    pub name: String,
    /// The unit of its values, where they have one.
    pub unit: Option<String>,
}

impl Column {
    /// A column of this name.
    pub fn new(name: &str, unit: Option<&str>) -> Self {
        Self {
            name: name.to_owned(),
            unit: unit.map(ToOwned::to_owned),
        }
    }
}

/// One question about the jobs, with its inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobQuery {
    /// A batch of jobs, newest first.
    Jobs {
        /// Which jobs.
        filter: JobFilter,
        /// Where the batch before ended.
        after: Option<Cursor>,
        /// How many at most.
        limit: u32,
    },
    /// How many jobs match.
    Count {
        /// Which jobs.
        filter: JobFilter,
    },
    /// Statistics over all matching jobs, in one row.
    Statistics {
        /// Which jobs.
        filter: JobFilter,
        /// The present.
        clock: Clock,
    },
    /// Statistics of each group.
    StatisticsGrouped {
        /// Which jobs.
        filter: JobFilter,
        /// By what.
        by: GroupBy,
        /// The present.
        clock: Clock,
    },
    /// One job with all its columns.
    Job {
        /// Its `id`.
        id: i64,
    },
    /// The values that a column holds, for suggestions.
    Values {
        /// Which column; one of [`SUGGESTED_COLUMNS`].
        column: &'static str,
    },
}

/// Columns whose values the filter bar suggests.
pub const SUGGESTED_COLUMNS: [&str; 4] = ["cluster", "job_state", "project", "hpc_user"];

/// Suggestions end here; a list that is longer is marked as cut off.
pub const MAX_SUGGESTIONS: u32 = 5000;

impl JobQuery {
    /// The name on the command line, in receipts and on the chart.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Jobs { .. } => "jobs",
            Self::Count { .. } => "count",
            Self::Statistics { .. } => "statistics",
            Self::StatisticsGrouped { .. } => "statistics-grouped",
            Self::Job { .. } => "job",
            Self::Values { .. } => "values",
        }
    }

    /// The name for a person: what runs, in a word or three.
    pub fn title(&self) -> String {
        match self {
            Self::Jobs { after: None, .. } => "Jobs".to_owned(),
            Self::Jobs { .. } => "More jobs".to_owned(),
            Self::Count { .. } => "Count".to_owned(),
            Self::Statistics { .. } => "Statistics".to_owned(),
            Self::StatisticsGrouped { by, .. } => format!("Statistics by {by}"),
            Self::Job { id } => format!("Job {id}"),
            Self::Values { column } => format!("Values of {column}"),
        }
    }

    /// The statement and its values.
    pub fn sql(&self) -> Sql {
        match self {
            Self::Jobs {
                filter,
                after,
                limit,
            } => list::batch_sql(filter, *after, *limit),
            Self::Count { filter } => list::count_sql(filter),
            Self::Statistics { filter, clock } => statistics::total_sql(filter, *clock),
            Self::StatisticsGrouped { filter, by, clock } => {
                statistics::grouped_sql(filter, *by, *clock)
            }
            Self::Job { id } => list::job_sql(*id),
            Self::Values { column } => values_sql(column),
        }
    }

    /// The columns of the result.
    pub fn columns(&self) -> Vec<Column> {
        match self {
            Self::Jobs { .. } => list::columns(),
            Self::Count { .. } => vec![Column::new("count", Some("jobs"))],
            Self::Statistics { .. } => statistics::columns(None),
            Self::StatisticsGrouped { by, .. } => statistics::columns(Some(*by)),
            Self::Job { .. } => list::detail_columns(),
            Self::Values { column } => vec![Column::new(column, None)],
        }
    }

    /// Where to go on after these rows. `None` where the result has no more.
    pub fn next(&self, num_rows: usize, last_row: Option<&[Cell]>) -> Option<Cursor> {
        match self {
            Self::Jobs { limit, .. } if num_rows >= *limit as usize => {
                last_row.and_then(Cursor::after)
            }
            Self::Jobs { .. }
            | Self::Count { .. }
            | Self::Statistics { .. }
            | Self::StatisticsGrouped { .. }
            | Self::Job { .. }
            | Self::Values { .. } => None,
        }
    }
}

/// Distinct values by hopping from one to the next larger: one index seek each, where
/// `SELECT DISTINCT` would walk every row of the index.
fn values_sql(column: &str) -> Sql {
    Sql {
        text: format!(
            "WITH RECURSIVE found(value) AS (\n  \
             SELECT MIN({column}) FROM job\n  UNION ALL\n  \
             SELECT (SELECT MIN({column}) FROM job WHERE {column} > found.value) FROM found\n  \
             WHERE found.value IS NOT NULL\n)\n\
             SELECT value FROM found\nWHERE value IS NOT NULL\nLIMIT ?"
        ),
        params: vec![Cell::Int(i64::from(MAX_SUGGESTIONS))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_batch_has_a_next() {
        let query = JobQuery::Jobs {
            filter: JobFilter::default(),
            after: None,
            limit: 2,
        };
        let mut row = vec![Cell::Null; 21];
        row[0] = Cell::Int(7);
        row[6] = Cell::Int(1000);
        assert_eq!(
            query.next(2, Some(&row)),
            Some(Cursor {
                start_time_unix_secs: 1000,
                id: 7
            })
        );
        assert_eq!(query.next(1, Some(&row)), None);
    }
}
