//! What the user can ask for, and the box in which panels put it.

use std::{ops::Range, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    db::{connection::OpenMode, profile::MemoryProfile},
    engine::{give_back::Rung, message::TaskId},
    jobs::{
        filter::JobFilter,
        histogram::DurationBins,
        lookup::{Stack, Step},
        sort::Sort,
        statistics::GroupBy,
    },
    memory::quantity::Quantity,
    state::{
        export::ExportWish,
        instrument::recordings::Shown,
        job_list::{copy::CopyFormat, layout::ColumnLayout, marks::MarkHow},
        statistics::PartKey,
    },
    units::Bytes,
};

/// The views that the navigation offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// The job table.
    #[default]
    Jobs,
    /// The grouped statistics.
    Statistics,
    /// The memory chart at full size, and the connections.
    Memory,
}

/// Light, dark, or whatever the system says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThemeChoice {
    /// Follow the system.
    #[default]
    System,
    /// Always light.
    Light,
    /// Always dark.
    Dark,
}

/// A place in the job list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// A row, counted from 0.
    Row(u64),
    /// The first job that had started by then (newest first) or started then or later (oldest first),
    /// in Unix seconds.
    Time(i64),
    /// The job with this id of the scheduler; the newest, where an id was used again.
    JobId(i64),
}

/// One thing the user asked for. Only panels (and tests) create these.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Look at this database.
    Open {
        /// The file.
        path: PathBuf,
        /// How to open it.
        mode: OpenMode,
    },
    /// Show this view.
    ShowView(View),
    /// Show the jobs that match.
    SetFilter(JobFilter),
    /// Show the jobs that match this filter, which is written as JSON.
    PasteFilter(String),
    /// Show the jobs in this order.
    SortJobs(Sort),
    /// Show the jobs in the order that was offered with its cost, or leave it.
    AgreeToOrder(bool),
    /// These rows of the job list are in sight.
    ShowRows(Range<u64>),
    /// Go on with what was stopped or failed.
    GoOn,
    /// Number all rows of the list, whatever it costs.
    NumberRows,
    /// Go to a place in the job list.
    GoTo(Goal),
    /// Show these columns of jobs, in this order.
    SetColumns(Vec<ColumnLayout>),
    /// Show the columns of a new user.
    ResetColumns,
    /// A click or a key on a row of the job list.
    Mark {
        /// The row.
        row: u64,
        /// What it does to the marks.
        how: MarkHow,
    },
    /// Mark every job of the list.
    MarkAll,
    /// Put the marked jobs into the clipboard.
    CopyMarked(CopyFormat),
    /// The clipboard has the copied jobs.
    CopyTaken,
    /// Look for the jobs that ran beside the one at the side.
    LookBeside,
    /// Write jobs to a file.
    Export(ExportWish),
    /// What became of the last export has been read.
    DismissExport,
    /// Show the next job of the list at the side, or the one so many before.
    StepJob(i64),
    /// Ask again for what the current view shows.
    Reload,
    /// Show everything about this job; `None` closes the details.
    SelectJob(Option<i64>),
    /// Group the statistics by this.
    SetGroupBy(GroupBy),
    /// Sort the statistics by this column, counted from the key's 0; again turns the order round.
    SortStatistics(usize),
    /// Ask for this part of the statistics once more.
    AskAgain(PartKey),
    /// Draw durations in these bins.
    SetDurationBins(DurationBins),
    /// Draw the course over time in these steps.
    SetStep(Step),
    /// Stack the course over time by this.
    SetStack(Stack),
    /// Add cluster descriptions to the open database: a file, a folder, the root of a job archive.
    AddClusters(PathBuf),
    /// Forget the cluster descriptions of the open database.
    RemoveClusters,
    /// Stop a running or queued task.
    Cancel(TaskId),
    /// Stop everything that runs or waits.
    CancelAll,
    /// Use these settings from now on.
    SetProfile(MemoryProfile),
    /// Keep the current settings under this name.
    SaveProfile(String),
    /// Empty the page caches.
    Shrink,
    /// Return free memory to the operating system.
    Trim,
    /// Take these rungs of the give-back ladder, in the ladder's order.
    GiveBack(Vec<Rung>),
    /// Stop the largest task when less than this is available; `None`: never.
    SetGuard(Option<Bytes>),
    /// Go on with what a budget stopped, with a larger one.
    GoOnWithLarger,
    /// What a budget stopped stays as it is.
    DismissOverBudget,
    /// Record into this file; `None` ends the recording that runs.
    Record(Option<PathBuf>),
    /// Look at a recording.
    OpenRecording(PathBuf),
    /// Close the recording at this place.
    CloseRecording(usize),
    /// Show this history in the Memory view.
    ShowHistory(Shown),
    /// Draw these curves in the memory charts.
    ShowQuantities(Vec<Quantity>),
    /// List the processes that can be watched.
    ListProcesses,
    /// Watch this process, by its number or name; `None`: none any more.
    WatchProcess(Option<String>),
    /// The report has been read.
    DismissReport,
    /// Show something to the user that failed outside the engine.
    Report(crate::error::Report),
    /// Light or dark.
    SetTheme(ThemeChoice),
    /// Show or hide the tuning panel.
    ShowTuning(bool),
    /// Go to this step of the tour; `None` ends it for good.
    Tour(Option<usize>),
}

/// Collects what the panels ask for during one frame.
#[derive(Debug, Default)]
pub struct Outbox {
    commands: Vec<Command>,
}

impl Outbox {
    /// Asks for something, at the end of the frame.
    pub fn send(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Takes everything out.
    pub fn drain(&mut self) -> impl Iterator<Item = Command> + use<> {
        std::mem::take(&mut self.commands).into_iter()
    }
}
