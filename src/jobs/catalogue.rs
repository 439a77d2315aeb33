//! Every named job query, in one list: what it is called, what it answers, what it takes.
//!
//! The window, the command line, the page `docs/queries.md` and the tests are made from
//! [`CATALOGUE`]; [`JobQuery`] is one of these questions with its inputs.

use serde::Serialize;

pub use super::query::{FOOTPRINT_SAMPLE, JobQuery, MAX_SUGGESTIONS, SUGGESTED_COLUMNS};
use crate::error::{Error, Result};

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
    "The keys that the footprints of the 2,000 jobs inserted last hold, with their largest values",
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
