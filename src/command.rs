//! What the user can ask for, and the box in which panels put it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{
    db::{connection::OpenMode, profile::MemoryProfile},
    engine::message::TaskId,
    jobs::{
        filter::JobFilter,
        histogram::DurationBins,
        lookup::{Stack, Step},
        sort::Sort,
        statistics::GroupBy,
    },
    state::statistics::PartKey,
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
    /// Append the next batch to the job list.
    LoadMore,
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
