//! One question about the jobs: its inputs, its statement, its columns.

use std::time::Duration;

use super::{
    catalogue::{Column, QueryInfo},
    filter::Selection,
    histogram::{self, DurationBins, Metric, Resource},
    list::{self, OmitTagged},
    lookup::{self, Stack, Step},
    nodes::{self, NodeFilter},
    schema::{FileKind, Schema},
    sort::{Cursor, Sort},
    sql::Sql,
    statistics::{self, GroupBy, GroupSort, Kind},
    tags,
};
use crate::{db::value::Cell, error::Result};

/// One question about the jobs, with its inputs.
#[derive(Clone, Debug, PartialEq)]
pub enum JobQuery {
    /// A page of jobs.
    Jobs {
        /// Which jobs.
        selection: Selection,
        /// In which order.
        sort: Sort,
        /// Where the page before ended.
        after: Option<Cursor>,
        /// How many at most; `None` for all.
        limit: Option<u32>,
    },
    /// How many jobs match.
    Count {
        /// Which jobs.
        selection: Selection,
    },
    /// Statistics over all matching jobs, in one row.
    Statistics {
        /// Which jobs.
        selection: Selection,
    },
    /// Statistics of each group.
    StatisticsGrouped {
        /// Which jobs.
        selection: Selection,
        /// By what.
        by: GroupBy,
        /// In which order; `None` is the order of the key.
        sort: Option<GroupSort>,
    },
    /// Number of jobs of each group.
    CountGrouped {
        /// Which jobs.
        selection: Selection,
        /// By what.
        by: GroupBy,
        /// Of which kind.
        kind: Kind,
    },
    /// Number of running or short jobs.
    CountKind {
        /// Which jobs.
        selection: Selection,
        /// Of which kind.
        kind: Kind,
    },
    /// Jobs by duration.
    DurationHistogram {
        /// Which jobs.
        selection: Selection,
        /// How wide the bins are.
        bins: DurationBins,
    },
    /// Jobs by nodes, threads or accelerators.
    ResourceHistogram {
        /// Which jobs.
        selection: Selection,
        /// By what.
        resource: Resource,
    },
    /// Jobs by a value of their footprint.
    MetricHistogram {
        /// Which jobs.
        selection: Selection,
        /// By which value, on which axis.
        metric: Metric,
    },
    /// Jobs and core-hours by the time of their start.
    OverTime {
        /// Which jobs.
        selection: Selection,
        /// How long the steps are.
        step: Step,
        /// What each step is made of.
        stack: Stack,
    },
    /// One job with all its columns.
    Job {
        /// Its `id`.
        id: i64,
    },
    /// Jobs by the scheduler's id.
    Find {
        /// The scheduler's id.
        job_id: i64,
        /// Only of this cluster.
        cluster: Option<String>,
        /// Only with this start, in Unix seconds.
        start_unix_secs: Option<i64>,
    },
    /// The ids of all jobs that do not run.
    JobIds {
        /// After this one.
        after: Option<i64>,
        /// How many at most; `None` for all.
        limit: Option<u32>,
    },
    /// The running jobs of a cluster.
    Running {
        /// The cluster.
        cluster: String,
    },
    /// The jobs beside a job.
    Concurrent {
        /// Its `id`.
        id: i64,
        /// The present.
        now_unix_secs: i64,
    },
    /// The jobs that started in a time.
    Between {
        /// From this time on, in Unix seconds; 0 from the first job on.
        from_unix_secs: i64,
        /// Up to this time.
        to_unix_secs: i64,
        /// Without some of the tagged ones.
        omit: OmitTagged,
    },
    /// The partitions of a cluster.
    Partitions {
        /// The cluster.
        cluster: String,
    },
    /// Tags with the number of their jobs.
    Tags,
    /// The tags of a job.
    TagsOf {
        /// Its `id`.
        id: i64,
    },
    /// Nodes that running jobs of a cluster hold.
    AllocatedNodes {
        /// The cluster.
        cluster: String,
    },
    /// Nodes of running jobs that had started before a time.
    UsedNodes {
        /// The time, in Unix seconds.
        at_unix_secs: i64,
    },
    /// Nodes with their newest state.
    Nodes {
        /// Which nodes.
        filter: NodeFilter,
    },
    /// Number of nodes in each state and each health.
    NodeStates {
        /// Only of this cluster.
        cluster: Option<String>,
    },
    /// Number of nodes in each state, at each report.
    NodeStatesOverTime {
        /// After this time, in Unix seconds.
        from_unix_secs: i64,
        /// Only of this cluster.
        cluster: Option<String>,
    },
    /// What a term in the search bar means.
    Search {
        /// The term.
        term: String,
    },
    /// The keys of the footprint that the newest jobs have.
    FootprintKeys,
    /// The values that a column holds, for suggestions.
    Values {
        /// Which column; one of [`SUGGESTED_COLUMNS`].
        column: &'static str,
        /// The column that the serving index begins with, where it is another one.
        within: Option<&'static str>,
    },
    /// The tags, for suggestions.
    TagList,
}

/// Columns whose values the filter bar suggests.
pub const SUGGESTED_COLUMNS: [&str; 6] = [
    "cluster",
    "job_state",
    "subcluster",
    "cluster_partition",
    "project",
    "hpc_user",
];

/// Suggestions end here; a list that is longer is marked as cut off.
pub const MAX_SUGGESTIONS: u32 = 5000;

/// Footprint keys are looked for in so many of the newest jobs.
pub const FOOTPRINT_SAMPLE: u32 = 2000;

impl JobQuery {
    /// The name on the command line, in receipts and on the chart.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Jobs { .. } => "jobs",
            Self::Count { .. } => "count",
            Self::Statistics { .. } => "statistics",
            Self::StatisticsGrouped { .. } => "statistics-grouped",
            Self::CountGrouped { .. } => "count-grouped",
            Self::CountKind { .. } => "count-kind",
            Self::DurationHistogram { .. } => "histogram-duration",
            Self::ResourceHistogram { resource, .. } => match resource {
                Resource::Nodes => "histogram-nodes",
                Resource::Cores => "histogram-cores",
                Resource::Accelerators => "histogram-accelerators",
            },
            Self::MetricHistogram { .. } => "histogram-metric",
            Self::OverTime { .. } => "over-time",
            Self::Job { .. } => "job",
            Self::Find { .. } => "find",
            Self::JobIds { .. } => "job-ids",
            Self::Running { .. } => "running",
            Self::Concurrent { .. } => "concurrent",
            Self::Between { .. } => "between",
            Self::Partitions { .. } => "partitions",
            Self::Tags => "tags",
            Self::TagsOf { .. } => "tags-of",
            Self::AllocatedNodes { .. } => "allocated-nodes",
            Self::UsedNodes { .. } => "used-nodes",
            Self::Nodes { .. } => "nodes",
            Self::NodeStates { .. } => "node-states",
            Self::NodeStatesOverTime { .. } => "node-states-over-time",
            Self::Search { .. } => "search",
            Self::FootprintKeys => "footprint-keys",
            Self::Values { .. } => "values",
            Self::TagList => "tag-list",
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
            Self::CountGrouped { by, .. } => format!("Count by {by}"),
            Self::CountKind { kind, .. } => format!("Count of {} jobs", kind.key()),
            Self::DurationHistogram { .. } => "Histogram of duration".to_owned(),
            Self::ResourceHistogram { resource, .. } => {
                format!("Histogram of {}", resource.unit())
            }
            Self::MetricHistogram { metric, .. } => format!("Histogram of {}", metric.name),
            Self::OverTime { step, .. } => format!("Jobs by {}", step.key()),
            Self::Job { id } => format!("Job {id}"),
            Self::Find { job_id, .. } => format!("Find job {job_id}"),
            Self::JobIds { .. } => "Job ids".to_owned(),
            Self::Running { cluster } => format!("Running on {cluster}"),
            Self::Concurrent { id, .. } => format!("Beside job {id}"),
            Self::Between { .. } => "Jobs between two times".to_owned(),
            Self::Partitions { cluster } => format!("Partitions of {cluster}"),
            Self::Tags => "Tags".to_owned(),
            Self::TagsOf { id } => format!("Tags of job {id}"),
            Self::AllocatedNodes { cluster } => format!("Allocated nodes of {cluster}"),
            Self::UsedNodes { .. } => "Used nodes".to_owned(),
            Self::Nodes { .. } => "Nodes".to_owned(),
            Self::NodeStates { .. } => "Node states".to_owned(),
            Self::NodeStatesOverTime { .. } => "Node states over time".to_owned(),
            Self::Search { term } => format!("Search for {term}"),
            Self::FootprintKeys => "Footprint keys".to_owned(),
            Self::Values { column, .. } => format!("Values of {column}"),
            Self::TagList => "List of tags".to_owned(),
        }
    }

    /// Whether it can be asked of a file of this kind.
    ///
    /// # Errors
    /// If it cannot: the error says what can.
    fn check_kind(&self, schema: &Schema) -> Result<()> {
        let is_answerable = match schema.kind() {
            FileKind::Jobs => true,
            FileKind::Archive => QueryInfo::find(self.name()).is_ok_and(|info| info.on_archive),
            FileKind::Other => false,
        };
        if is_answerable {
            Ok(())
        } else {
            Err(schema.lacks_jobs())
        }
    }

    /// The statement and its values, for a file of this schema.
    ///
    /// # Errors
    /// If the file lacks a column that it needs, or an input cannot be used.
    pub fn sql(&self, schema: &Schema) -> Result<Sql> {
        self.check_kind(schema)?;
        match self {
            Self::Jobs {
                selection,
                sort,
                after,
                limit,
            } => list::page_sql(schema, selection, sort, after.as_ref(), *limit),
            Self::Count { selection } => list::count_sql(schema, selection),
            Self::Statistics { selection } => statistics::total_sql(schema, selection),
            Self::StatisticsGrouped {
                selection,
                by,
                sort,
            } => statistics::grouped_sql(schema, selection, *by, *sort),
            Self::CountGrouped {
                selection,
                by,
                kind,
            } => statistics::count_grouped_sql(schema, selection, *by, *kind),
            Self::CountKind { selection, kind } => {
                statistics::count_kind_sql(schema, selection, *kind)
            }
            Self::DurationHistogram { selection, bins } => {
                histogram::duration_sql_of(schema, selection, *bins)
            }
            Self::ResourceHistogram {
                selection,
                resource,
            } => histogram::resource_sql(schema, selection, *resource),
            Self::MetricHistogram { selection, metric } => {
                histogram::metric_sql(schema, selection, metric)
            }
            Self::OverTime {
                selection,
                step,
                stack,
            } => lookup::over_time_sql(schema, selection, *step, *stack),
            Self::Job { id } => Ok(list::job_sql(schema, *id)),
            Self::Find {
                job_id,
                cluster,
                start_unix_secs,
            } => list::find_sql(schema, *job_id, cluster.as_deref(), *start_unix_secs),
            Self::JobIds { after, limit } => list::job_ids_sql(schema, *after, *limit),
            Self::Running { cluster } => list::running_sql(schema, cluster),
            Self::Concurrent { id, now_unix_secs } => {
                list::concurrent_sql(schema, *id, *now_unix_secs)
            }
            Self::Between {
                from_unix_secs,
                to_unix_secs,
                omit,
            } => list::between_sql(schema, *from_unix_secs, *to_unix_secs, *omit),
            Self::Partitions { cluster } => lookup::partitions_sql(schema, cluster),
            Self::Tags => tags::counts_sql(schema),
            Self::TagsOf { id } => tags::of_job_sql(schema, *id),
            Self::AllocatedNodes { cluster } => nodes::allocated_sql(schema, cluster),
            Self::UsedNodes { at_unix_secs } => nodes::used_sql(schema, *at_unix_secs),
            Self::Nodes { filter } => nodes::list_sql(schema, filter),
            Self::NodeStates { cluster } => nodes::states_sql(schema, cluster.as_deref()),
            Self::NodeStatesOverTime {
                from_unix_secs,
                cluster,
            } => nodes::states_over_time_sql(schema, *from_unix_secs, cluster.as_deref()),
            Self::Search { term } => lookup::search_sql(schema, term),
            Self::FootprintKeys => list::footprint_keys_sql(schema, FOOTPRINT_SAMPLE),
            Self::Values { column, within } => {
                lookup::values_sql(schema, column, *within, MAX_SUGGESTIONS)
            }
            Self::TagList => tags::list_sql(schema, MAX_SUGGESTIONS),
        }
    }

    /// The columns of the result.
    pub fn columns(&self) -> Vec<Column> {
        let plain = |names: &[&str]| names.iter().map(|name| Column::new(name, None)).collect();
        match self {
            Self::Jobs { sort, .. } => list::columns(sort),
            Self::Count { .. } => vec![Column::new("count", Some("jobs"))],
            Self::Statistics { .. } => statistics::columns(None),
            Self::StatisticsGrouped { by, .. } => statistics::columns(Some(*by)),
            Self::CountGrouped { by, kind, .. } => vec![
                Column::new(&by.to_string(), None),
                Column::new(kind.column(), Some("jobs")),
            ],
            Self::CountKind { kind, .. } => vec![Column::new(kind.column(), Some("jobs"))],
            Self::DurationHistogram { .. } => histogram::columns("seconds"),
            Self::ResourceHistogram { resource, .. } => histogram::columns(resource.unit()),
            Self::MetricHistogram { metric, .. } => histogram::metric_columns(metric),
            Self::OverTime { stack, .. } => lookup::over_time_columns(*stack),
            Self::Job { .. } => list::detail_columns(),
            Self::Find { .. } | Self::Running { .. } | Self::Between { .. } => {
                list::plain_columns()
            }
            Self::JobIds { .. } => plain(&["id"]),
            Self::Concurrent { .. } => vec![
                Column::new("id", None),
                Column::new("job_id", None),
                Column::new("start_time", Some("Unix seconds")),
                Column::new("job_state", None),
            ],
            Self::Partitions { .. } => plain(&["cluster_partition"]),
            Self::Tags => tags::columns(true),
            Self::TagsOf { .. } | Self::TagList => tags::columns(false),
            Self::AllocatedNodes { .. } => vec![
                Column::new("subcluster", None),
                Column::new("hostname", None),
                Column::new("jobs", Some("jobs")),
            ],
            Self::UsedNodes { .. } => plain(&["cluster", "hostname"]),
            Self::Nodes { .. } => nodes::list_columns(),
            Self::NodeStates { .. } => vec![
                Column::new("kind", None),
                Column::new("state", None),
                Column::new("count", Some("nodes")),
            ],
            Self::NodeStatesOverTime { .. } => vec![
                Column::new("time_stamp", Some("Unix seconds")),
                Column::new("state", None),
                Column::new("count", Some("nodes")),
            ],
            Self::Search { .. } => plain(&["kind", "value"]),
            Self::FootprintKeys => vec![
                Column::new("key", None),
                Column::new("jobs", Some("jobs")),
                Column::new("largest", None),
            ],
            Self::Values { column, .. } => plain(&[column]),
        }
    }

    /// Where to go on after these rows. `None` where the result has no more.
    pub fn next(&self, num_rows: usize, last_row: Option<&[Cell]>) -> Option<Cursor> {
        let is_full = |limit: u32| num_rows >= limit as usize;
        if let Self::Jobs {
            sort,
            limit: Some(limit),
            ..
        } = self
            && is_full(*limit)
        {
            return Cursor::after(last_row?, sort);
        }
        if let Self::JobIds {
            limit: Some(limit), ..
        } = self
            && is_full(*limit)
        {
            let id = last_row?.first()?.as_id()?;
            return Some(Cursor {
                key: Cell::Null,
                id,
            });
        }
        None
    }

    /// Which jobs it is about, where it takes a filter.
    pub fn selection(&self) -> Option<&Selection> {
        match self {
            Self::Jobs { selection, .. }
            | Self::Count { selection }
            | Self::Statistics { selection }
            | Self::StatisticsGrouped { selection, .. }
            | Self::CountGrouped { selection, .. }
            | Self::CountKind { selection, .. }
            | Self::DurationHistogram { selection, .. }
            | Self::ResourceHistogram { selection, .. }
            | Self::MetricHistogram { selection, .. }
            | Self::OverTime { selection, .. } => Some(selection),
            Self::Job { .. }
            | Self::Find { .. }
            | Self::JobIds { .. }
            | Self::Running { .. }
            | Self::Concurrent { .. }
            | Self::Between { .. }
            | Self::Partitions { .. }
            | Self::Tags
            | Self::TagsOf { .. }
            | Self::AllocatedNodes { .. }
            | Self::UsedNodes { .. }
            | Self::Nodes { .. }
            | Self::NodeStates { .. }
            | Self::NodeStatesOverTime { .. }
            | Self::Search { .. }
            | Self::FootprintKeys
            | Self::Values { .. }
            | Self::TagList => None,
        }
    }

    /// How long it may run, whatever the profile allows: what nobody asked for must not be felt.
    pub fn time_limit(&self) -> Option<Duration> {
        matches!(
            self,
            Self::Values { .. } | Self::TagList | Self::FootprintKeys
        )
        .then_some(Duration::from_secs(2))
    }

    /// Nobody asked for it: suggestions, more rows while scrolling, what comes along with a job.
    pub fn is_background(&self) -> bool {
        matches!(
            self,
            Self::Jobs { after: Some(_), .. }
                | Self::TagsOf { .. }
                | Self::Concurrent { .. }
                | Self::Values { .. }
                | Self::TagList
                | Self::FootprintKeys
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_page_has_a_next() {
        let query = JobQuery::Jobs {
            selection: Selection::default(),
            sort: Sort::default(),
            after: None,
            limit: Some(2),
        };
        let mut row = vec![Cell::Null; 21];
        row[0] = Cell::Int(7);
        row[6] = Cell::Int(1000);
        let next = query.next(2, Some(&row));
        assert_eq!(next.map(|next| next.to_string()).as_deref(), Some("7:1000"));
        assert_eq!(query.next(1, Some(&row)), None);
    }
}
