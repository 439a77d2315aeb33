//! Every named job query, in one list: what it is called, what it asks, what comes back.
//!
//! The window, the command line, the page `docs/queries.md` and the tests are made from
//! [`CATALOGUE`] and [`JobQuery`].

use std::time::Duration;

use serde::Serialize;

use super::{
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
use crate::{
    db::value::Cell,
    error::{Error, Result},
};

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

/// The beginning of time, with cc-backend's threshold.
impl Default for Clock {
    fn default() -> Self {
        Self {
            now_unix_secs: 0,
            short_secs: DEFAULT_SHORT_SECS,
        }
    }
}

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

/// An input of a query on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// All the filter options.
    Filter,
    /// `--sort COLUMN[:asc|:desc]`, `--limit N`, `--after NEXT`.
    Page,
    /// `--limit N`, `--after ID`.
    IdPage,
    /// `--by user|project|cluster|subcluster`.
    By,
    /// `--sort COLUMN[:asc|:desc]` of the result.
    GroupSort,
    /// `--kind all|running|short`.
    Kind,
    /// `--bins 1m|10m|1h|6h|12h|24h`.
    DurationBins,
    /// `--metric NAME`, `--bins N`, `--clusters PATH`.
    Metric,
    /// `--step hour|day|month`, `--stack cluster|state|project`.
    Steps,
    /// `--id ID` of the table.
    Id,
    /// `--job-id N`, and if wanted `--cluster` and `--start`.
    Find,
    /// `--cluster NAME`, which must be given.
    Cluster,
    /// `--cluster NAME`, if wanted.
    AnyCluster,
    /// `--from TIME --to TIME --omit-tagged none|all|user`.
    Between,
    /// `--at TIME`.
    At,
    /// `--from TIME`.
    Since,
    /// `--cluster`, `--subcluster`, `--node`, `--node-state`, `--health`, if wanted.
    Nodes,
    /// A text.
    Term,
}

impl Input {
    /// As the documentation writes it.
    pub fn usage(self) -> &'static str {
        match self {
            Self::Filter => "filter options",
            Self::Page => "`--sort COLUMN[:asc|:desc]`, `--limit N`, `--after NEXT`",
            Self::IdPage => "`--limit N`, `--after NEXT`",
            Self::By => "`--by user|project|cluster|subcluster`",
            Self::GroupSort => "`--sort COLUMN[:asc|:desc]`",
            Self::Kind => "`--kind all|running|short`",
            Self::DurationBins => "`--bins 1m|10m|1h|6h|12h|24h`",
            Self::Metric => "`--metric NAME`, `--bins N`, `--clusters PATH…`",
            Self::Steps => "`--step hour|day|month`, `--stack cluster|state|project`",
            Self::Id => "`--id ID`",
            Self::Find => "`--job-id N`, `--cluster NAME`, `--start TIME`",
            Self::Cluster => "`--cluster NAME`",
            Self::AnyCluster => "`--cluster NAME` (optional)",
            Self::Between => "`--from TIME`, `--to TIME`, `--omit-tagged none|all|user`",
            Self::At => "`--at TIME`",
            Self::Since => "`--from TIME`",
            Self::Nodes => {
                "`--cluster`, `--subcluster`, `--node`, `--node-state`, `--health` (all optional)"
            }
            Self::Term => "`TERM`",
        }
    }
}

/// What is said about a query without running it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryInfo {
    /// The name on the command line, in receipts and in recordings.
    pub name: &'static str,
    /// What it answers, as a sentence without its final period.
    pub answers: &'static str,
    /// What it takes.
    pub inputs: &'static [Input],
    /// The functions of cc-backend that it stands for.
    pub backend: &'static str,
    /// The pages of cc-backend that ask it.
    pub pages: &'static str,
    /// It works on a job archive in SQLite, too.
    pub on_archive: bool,
}

const fn info(
    name: &'static str,
    answers: &'static str,
    inputs: &'static [Input],
    (backend, pages): (&'static str, &'static str),
) -> QueryInfo {
    QueryInfo {
        name,
        answers,
        inputs,
        backend,
        pages,
        on_archive: false,
    }
}

const fn on_archive(info: QueryInfo) -> QueryInfo {
    QueryInfo {
        on_archive: true,
        ..info
    }
}

/// The queries, as they are documented and offered on the command line.
pub const CATALOGUE: [QueryInfo; 27] = [
    on_archive(info(
        "jobs",
        "The 21 columns of cc-backend's job list, page by page",
        &[Input::Filter, Input::Page],
        (
            "QueryJobs",
            "Job list, User view, Status dashboard, Analysis",
        ),
    )),
    on_archive(info(
        "count",
        "How many jobs match",
        &[Input::Filter],
        ("CountJobs", "Job list"),
    )),
    info(
        "statistics",
        "Totals over all matching jobs",
        &[Input::Filter],
        ("JobsStats", "User view, Analysis"),
    ),
    info(
        "statistics-grouped",
        "Totals of each user, project, cluster or subcluster; users with their full names",
        &[Input::Filter, Input::By, Input::GroupSort],
        (
            "JobsStatsGrouped",
            "Users, Projects, Analysis, Status dashboard",
        ),
    ),
    info(
        "count-grouped",
        "How many jobs, running jobs or short jobs each group has",
        &[Input::Filter, Input::By, Input::Kind],
        ("JobCountGrouped, AddJobCountGrouped", "Home"),
    ),
    info(
        "count-kind",
        "How many running or short jobs match",
        &[Input::Filter, Input::Kind],
        ("AddJobCount", "User view, Analysis"),
    ),
    info(
        "histogram-duration",
        "How many jobs ran how long",
        &[Input::Filter, Input::DurationBins],
        ("jobsDurationStatisticsHistogram", "User view, Analysis"),
    ),
    info(
        "histogram-nodes",
        "How many jobs had how many nodes",
        &[Input::Filter],
        ("jobsStatisticsHistogram", "User view, Status dashboard"),
    ),
    info(
        "histogram-cores",
        "How many jobs had how many hardware threads",
        &[Input::Filter],
        ("jobsStatisticsHistogram", "Analysis, Status dashboard"),
    ),
    info(
        "histogram-accelerators",
        "How many jobs had how many accelerators",
        &[Input::Filter],
        ("jobsStatisticsHistogram", "Status dashboard"),
    ),
    info(
        "histogram-metric",
        "How many jobs had which value of a metric in their footprint",
        &[Input::Filter, Input::Metric],
        ("jobsMetricStatisticsHistogram", "User view"),
    ),
    info(
        "over-time",
        "How many jobs and core-hours started when; days and months are those of UTC",
        &[Input::Filter, Input::Steps],
        ("none: a view of jobscope's own", "none"),
    ),
    on_archive(info(
        "job",
        "One job with all its columns, by the id of its row",
        &[Input::Id],
        (
            "FindByID, FetchMetadata, FetchFootprint, FetchEnergyFootprint",
            "Job view",
        ),
    )),
    on_archive(info(
        "find",
        "The jobs with a scheduler's id, the newest row first; ids repeat after a counter was reset",
        &[Input::Find],
        ("FindByJobID, Find, FindAll", "REST API, job start and stop"),
    )),
    info(
        "job-ids",
        "The row ids of all jobs that do not run",
        &[Input::IdPage],
        ("GetJobList", "none: the taggers"),
    ),
    info(
        "running",
        "The running jobs of a cluster whose stored duration is above 600 seconds",
        &[Input::Cluster],
        ("FindRunningJobs", "none: the footprint worker"),
    ),
    info(
        "concurrent",
        "The jobs that ran on the first node of a shared job at the same time, itself included",
        &[Input::Id],
        ("FindConcurrentJobs", "Job view"),
    ),
    info(
        "between",
        "The jobs that started in a time, in the order in which they are archived",
        &[Input::Between],
        ("FindJobsBetween", "none: archiving and retention"),
    ),
    info(
        "partitions",
        "The partitions that jobs of a cluster were in",
        &[Input::Cluster],
        ("Partitions", "Filter of the job list"),
    ),
    info(
        "tags",
        "Every tag with the number of jobs that carry it, as an administrator sees it",
        &[],
        ("CountTags", "Tag list"),
    ),
    info(
        "tags-of",
        "The tags of a job",
        &[Input::Id],
        ("GetTags", "Job list, Job view"),
    ),
    info(
        "allocated-nodes",
        "The nodes of a cluster that running jobs hold, and how many jobs each has",
        &[Input::Cluster],
        ("AllocatedNodes", "Status dashboard"),
    ),
    info(
        "used-nodes",
        "The nodes of jobs that run and had started before a time",
        &[Input::At],
        ("GetUsedNodes", "none: the metric store's checkpoints"),
    ),
    info(
        "nodes",
        "Nodes with their newest state",
        &[Input::Nodes],
        ("QueryNodes", "Node list"),
    ),
    info(
        "node-states",
        "How many nodes are in which state and in which health, by their newest report",
        &[Input::AnyCluster],
        ("CountStates", "Status dashboard"),
    ),
    info(
        "node-states-over-time",
        "How many nodes were in which state at each report after a time",
        &[Input::Since, Input::AnyCluster],
        ("CountStatesTimed", "Status dashboard"),
    ),
    info(
        "search",
        "What a term in the search bar means: a job id, user, project, or part of a job's name",
        &[Input::Term],
        ("FindUserOrProjectOrJobname", "Search bar"),
    ),
];

/// The footprint keys have no page of cc-backend; they belong to the window and to `--metric`.
pub const FOOTPRINT_KEYS: QueryInfo = info(
    "footprint-keys",
    "The keys that the footprints of the newest 2,000 jobs hold, with their largest values",
    &[],
    ("none: a view of jobscope's own", "none"),
);

impl QueryInfo {
    /// The query of this name.
    ///
    /// # Errors
    /// If there is none.
    pub fn find(name: &str) -> Result<&'static Self> {
        CATALOGUE
            .iter()
            .chain(std::iter::once(&FOOTPRINT_KEYS))
            .find(|info| info.name == name)
            .ok_or_else(|| {
                let known: Vec<_> = Self::names().collect();
                Error::invalid("query", name, format!("one of {}", known.join(", ")))
            })
    }

    /// All names, in the order of the documentation.
    pub fn names() -> impl Iterator<Item = &'static str> {
        CATALOGUE
            .iter()
            .chain(std::iter::once(&FOOTPRINT_KEYS))
            .map(|info| info.name)
    }

    /// Whether the query takes this input.
    pub fn takes(&self, input: Input) -> bool {
        self.inputs.contains(&input)
    }
}

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

    /// Nobody asked for it: suggestions, or more rows while scrolling.
    pub fn is_background(&self) -> bool {
        matches!(
            self,
            Self::Jobs { after: Some(_), .. }
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
