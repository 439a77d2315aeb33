//! What is asked of the engine, and what it reports. Plain data.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crate::{
    db::{
        connection::OpenMode,
        plan::PlanSummary,
        pragma::CacheSize,
        profile::{ConnectionSettings, MemoryProfile},
        status::HeapLimits,
        value::Cell,
    },
    engine::{
        budget::Budgets,
        give_back::{GiveBackReceipt, Step},
        receipt::Receipt,
    },
    error::Report,
    export::{ExportEnd, ExportSpec},
    jobs::{
        catalogue::{Column, JobQuery},
        clusters::Clusters,
        facts::DatabaseFacts,
        filter::Selection,
        rows::{ListQuery, Place},
        sort::{Cursor, Sort},
        sorted::SortedIds,
    },
    memory::{
        process::ProcessEntry,
        recording::{OpenRecording, RecordingPlan, RecordingState},
    },
    units::Bytes,
};

/// Names one task in every event about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub u64);

/// Work for one connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// One of the named job queries.
    Query(JobQuery),
    /// A statement that the user wrote.
    Sql(String),
    /// A question about the list of jobs.
    List(ListQuery),
    /// How each order of these jobs would be served. Nothing is run.
    Orders(Selection),
    /// Jobs into a file.
    Export(Box<ExportSpec>),
}

impl Task {
    /// The name on the command line and in recordings.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Query(query) => query.name(),
            Self::Sql(_) => "sql",
            Self::List(query) => query.name(),
            Self::Orders(_) => "orders",
            Self::Export(_) => "export",
        }
    }

    /// Somebody looks at the place where its answer will be: it goes before what only fills a view
    /// bit by bit, such as ten histograms.
    pub fn is_urgent(&self) -> bool {
        matches!(
            self,
            Self::Query(JobQuery::Jobs { .. } | JobQuery::Count { .. } | JobQuery::Job { .. })
                | Self::Sql(_)
                | Self::List(ListQuery::Rows(_) | ListQuery::SortedIds(..))
                | Self::Orders(_)
        )
    }

    /// Nobody asked for it: suggestions, more rows while scrolling, their numbers.
    pub fn is_background(&self) -> bool {
        match self {
            Self::Query(query) => query.is_background(),
            Self::Sql(_) | Self::Export(_) | Self::List(ListQuery::SortedIds(..)) => false,
            Self::List(ListQuery::Rows(rows)) => rows.place != Place::First,
            Self::List(ListQuery::Positions(..) | ListQuery::Newer(..)) | Self::Orders(_) => true,
        }
    }

    /// How long it may run, whatever the profile allows.
    pub fn time_limit(&self) -> Option<Duration> {
        match self {
            Self::Query(query) => query.time_limit(),
            Self::Export(spec) => spec.time_limit,
            Self::Sql(_) | Self::List(_) | Self::Orders(_) => None,
        }
    }

    /// It reads everything, and the user knows how long that takes: the profile's time limit is not
    /// meant for it, and its memory must not depend on the profile's page cache. This is what it gets
    /// instead; also the size of the runs that SQLite sorts between two looks at an interrupt.
    pub fn page_cache(&self) -> Option<CacheSize> {
        match self {
            Self::Export(_) => Some(EXPORT_PAGE_CACHE),
            // Keys, which are small: 4 MiB of them are sorted in some 10 ms.
            Self::List(ListQuery::SortedIds(..)) => Some(CacheSize::KiB(4 << 10)),
            Self::Query(_) | Self::Sql(_) | Self::List(_) | Self::Orders(_) => None,
        }
    }

    /// The name for a person.
    pub fn title(&self) -> String {
        match self {
            Self::Query(query) => query.title(),
            Self::Sql(_) => "SQL".to_owned(),
            Self::List(query) => query.title(),
            Self::Orders(_) => "Orders".to_owned(),
            Self::Export(_) => "Export".to_owned(),
        }
    }
}

/// The page cache of an export: whole rows, often read in another order than they lie in.
pub const EXPORT_PAGE_CACHE: CacheSize = CacheSize::KiB(16 << 10);

/// What the app asks of the engine.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Use this database from now on. The one that is open stays open if this fails.
    Open {
        /// The file.
        path: PathBuf,
        /// How to open it.
        mode: OpenMode,
    },
    /// Do this when a connection is free. The id names it in every event about it.
    Run(TaskId, Task),
    /// The same, with budgets of its own instead of the profile's.
    RunWithin(TaskId, Task, Budgets),
    /// Stop this task now, whether it is running or still waiting.
    Cancel(TaskId),
    /// Limits of the process apply at once, the rest before the next statement of each connection.
    SetProfile(MemoryProfile),
    /// Empty the page cache of every connection, of a busy one after its task.
    Shrink,
    /// Ask the C library to return free memory to the operating system.
    Trim,
    /// Give memory back, step by step, and say what each returned.
    GiveBack(Vec<Step>),
    /// Stop the largest task when less than this is available. `None`: never.
    SetGuard(Option<Bytes>),
    /// Watch another process, by its number until it ends, by its name through its restarts; `None`:
    /// none any more.
    WatchProcess(Option<String>),
    /// Write samples and events to this file from now on; `None`: no longer.
    Record(Option<Box<RecordingPlan>>),
    /// Read a recording to look at it.
    OpenRecording(PathBuf),
    /// List the processes that can be watched.
    ListProcesses,
    /// Read cluster descriptions for a database.
    LoadClusters {
        /// The database that they are for.
        database: PathBuf,
        /// Files, folders of them, or roots of job archives.
        paths: Vec<PathBuf>,
    },
}

impl Request {
    /// The task that it starts, if it starts one.
    pub fn task(&self) -> Option<(TaskId, &Task)> {
        match self {
            Self::Run(id, task) | Self::RunWithin(id, task, _) => Some((*id, task)),
            Self::Open { .. }
            | Self::Cancel(_)
            | Self::SetProfile(_)
            | Self::Shrink
            | Self::Trim
            | Self::GiveBack(_)
            | Self::SetGuard(_)
            | Self::WatchProcess(_)
            | Self::Record(_)
            | Self::OpenRecording(_)
            | Self::ListProcesses
            | Self::LoadClusters { .. } => None,
        }
    }
}

/// Something that happened, and when.
#[derive(Clone, Debug)]
pub struct News {
    /// Seconds since the engine started.
    pub at_secs: f64,
    /// What happened.
    pub event: Event,
}

/// What happened elsewhere.
#[derive(Clone, Debug)]
pub enum Event {
    /// A database is open; tasks of the one before are being stopped.
    Opened(Box<DatabaseFacts>),
    /// A database could not be opened. Nothing else has changed.
    OpenFailed {
        /// The file.
        path: PathBuf,
        /// Why.
        report: Report,
        /// Whether opening it as immutable would work.
        can_be_immutable: bool,
    },
    /// A connection has begun with a task.
    Started {
        /// The task.
        id: TaskId,
        /// Which connection, counted from 0.
        connection: usize,
        /// How SQLite will do it.
        plan: PlanSummary,
        /// The columns of the rows to come.
        columns: Vec<Column>,
        /// What the task is called.
        title: String,
        /// Nobody asked for it.
        is_background: bool,
    },
    /// Somebody asked a task to stop.
    StopAsked {
        /// The task.
        id: TaskId,
    },
    /// Some rows have arrived.
    Rows {
        /// The task.
        id: TaskId,
        /// The rows, in order, after those before.
        rows: Vec<Vec<Cell>>,
    },
    /// The next keys of the position index.
    Positions {
        /// The task.
        id: TaskId,
        /// Every so many-th key, after those before.
        keys: Vec<Cursor>,
        /// How many rows have been passed by now.
        num_rows: u64,
    },
    /// An order that no index has is written down.
    Sorted {
        /// The task.
        id: TaskId,
        /// The ids of all rows.
        ids: Arc<SortedIds>,
    },
    /// How each order would be served.
    OrdersPlanned {
        /// The task.
        id: TaskId,
        /// Orders with the plans of their keys.
        plans: Vec<(Sort, PlanSummary)>,
    },
    /// The open file is no longer what it was.
    FileChanged {
        /// The file.
        path: PathBuf,
        /// What happened to it.
        change: FileChange,
    },
    /// An export has got so far. Comes a few times a second while rows come, and once at its end,
    /// right before [`Event::Ended`].
    Exported {
        /// The task.
        id: TaskId,
        /// Rows written.
        rows: u64,
        /// Bytes written.
        bytes: u64,
        /// What has become of it, the last time.
        end: Option<ExportEnd>,
    },
    /// A task is over.
    Ended {
        /// The task.
        id: TaskId,
        /// When its statement had returned, on the engine's clock; the give-back came after.
        ended_secs: f64,
        /// What it did and cost.
        receipt: Box<Receipt>,
        /// Why it failed, where it failed.
        report: Option<Report>,
        /// Where the next batch begins.
        next: Option<Cursor>,
    },
    /// The limits of the process, as SQLite reports them.
    LimitsApplied(HeapLimits),
    /// A connection has taken over the settings of a profile.
    ConnectionApplied {
        /// Which connection.
        connection: usize,
        /// Which change of the profile this answers, counted from 1.
        generation: u64,
        /// The settings as the connection reports them.
        settings: ConnectionSettings,
        /// It was opened just now.
        is_new: bool,
    },
    /// Other settings are wanted from now on.
    ProfileSet {
        /// What changed, as `name old → new`.
        changes: Vec<String>,
    },
    /// A connection was closed, and its page cache with it.
    ConnectionClosed {
        /// Which connection.
        connection: usize,
        /// Why.
        reason: CloseReason,
        /// Its page cache before.
        cache: Bytes,
    },
    /// A page cache was emptied because somebody asked.
    Shrunk {
        /// Which connection.
        connection: usize,
        /// Its page cache before and after.
        cache: (Bytes, Bytes),
    },
    /// The allocator was asked to return memory.
    Trimmed {
        /// Whether this platform can.
        supported: bool,
        /// Resident set size before and after.
        rss: (Option<Bytes>, Option<Bytes>),
    },
    /// Memory was given back, step by step.
    GaveBack(Box<GiveBackReceipt>),
    /// A task is being stopped because memory is about to run out.
    GuardActed {
        /// Which, and why: a sentence.
        text: String,
    },
    /// Something happened to the watched process.
    Process {
        /// What: a sentence.
        text: String,
    },
    /// A process cannot be watched.
    WatchFailed {
        /// Why.
        report: Report,
    },
    /// The machine's clock no longer says what it said when the engine started, plus the time since.
    ClockChanged {
        /// How far it went ahead of it, or (negative) back.
        by_secs: f64,
    },
    /// A recording began, ended or failed.
    Recording(RecordingState),
    /// A recording was read, or could not be.
    RecordingOpened {
        /// The file.
        path: PathBuf,
        /// What it holds, or why it cannot be read.
        result: Result<Box<OpenRecording>, Report>,
    },
    /// The processes that can be watched, those with most memory first.
    Processes(Vec<ProcessEntry>),
    /// Cluster descriptions were read, or could not be.
    ClustersLoaded {
        /// The database that they are for.
        database: PathBuf,
        /// What was read.
        paths: Vec<PathBuf>,
        /// What they say, or why one of them says nothing.
        result: Result<Box<Clusters>, Report>,
    },
}

impl Event {
    /// The answer to [`Request::Open`]; `None`: it is about something else.
    ///
    /// Whoever waits for one or two events looks for them with this, or with `if let`: a new event
    /// is of no interest there. Those who have to know them all are the state of the window, which
    /// applies them, and the journal, which tells what each is on the chart and in recordings.
    pub fn answer_to_open(self) -> Option<Result<Box<DatabaseFacts>, Report>> {
        if let Self::OpenFailed { report, .. } = self {
            return Some(Err(report));
        }
        if let Self::Opened(facts) = self {
            return Some(Ok(facts));
        }
        None
    }
}

/// What happened to the open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileChange {
    /// Somebody wrote to it.
    Written,
    /// Another file has its name. What is open is the one before.
    Replaced,
    /// No file has its name. What is open is still readable.
    Gone,
    /// It is shorter than it says itself: part of it is lost.
    Truncated,
}

/// Why a connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// It had nothing to do for the profile's idle time.
    Idle,
    /// The profile has fewer connections now.
    Fewer,
    /// Another database was opened.
    OtherDatabase,
    /// It did not answer its self-test after a stop.
    SelfTest,
    /// It refused a setting; a new one will be asked again.
    Setting,
    /// Somebody asked for connections without work to be closed.
    Asked,
}

impl CloseReason {
    /// The reason as the end of a sentence.
    pub fn label(self) -> &'static str {
        match self {
            Self::Idle => "idle for the profile's idle time",
            Self::Fewer => "the profile has fewer connections",
            Self::OtherDatabase => "another database was opened",
            Self::SelfTest => "it failed its self-test after a stop",
            Self::Setting => "it refused a setting",
            Self::Asked => "to give memory back",
        }
    }
}
