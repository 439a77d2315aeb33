//! The whole application without its window: what it knows, and how it reacts.
//!
//! [`AppState::handle`] and [`AppState::apply`] do no I/O, so almost every behaviour can be tested
//! in a microsecond.

mod apply;
pub mod clusters;
pub mod details;
pub mod export;
pub mod instrument;
pub mod job_list;
mod list;
pub mod settings;
pub mod statistics;
pub mod suggestions;
pub mod tasks;
pub mod tuning;

use std::path::PathBuf;

use jiff::tz::TimeZone;

use self::{
    clusters::ClusterFiles,
    details::Details,
    export::Exports,
    instrument::{Instrument, budget::Raised},
    job_list::{JobList, layout::ColumnLayout},
    settings::Settings,
    statistics::{PartKey, StatisticsView},
    suggestions::Suggestions,
    tasks::Tasks,
    tuning::Tuning,
};
use crate::{
    command::{Command, View},
    db::{build::BuildFacts, connection::OpenMode},
    engine::{
        message::{Request, Task, TaskId},
        receipt::Outcome,
    },
    error::{Report, Result},
    jobs::{
        catalogue::{Clock, DEFAULT_SHORT_SECS, JobQuery},
        facts::DatabaseFacts,
        filter::{JobFilter, Selection},
        schema::Schema,
        sort::Sort,
    },
    memory::{history::History, sample::MemorySample},
    units::Bytes,
};

/// How a list that is fetched in the background stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing has been asked for.
    #[default]
    Empty,
    /// Under way; what was there before is still shown.
    Loading,
    /// Complete.
    Loaded,
    /// Stopped; what had arrived is shown.
    Stopped,
    /// Failed; what was there before is still shown.
    Failed,
}

/// How a list stands once its task is over.
impl From<Outcome> for Phase {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Finished => Self::Loaded,
            Outcome::Cancelled | Outcome::TimedOut | Outcome::OverBudget | Outcome::Other => {
                Self::Stopped
            }
            Outcome::Failed => Self::Failed,
        }
    }
}

/// The database on the screen.
#[derive(Clone, Debug)]
pub struct OpenDatabase {
    /// What was found when it was opened.
    pub facts: DatabaseFacts,
    /// The number of jobs, once it has been counted.
    pub exact_jobs: Option<u64>,
    counting: Option<TaskId>,
}

/// A report on the screen, and what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What went wrong.
    pub report: Report,
    /// This file can be opened as immutable instead.
    pub immutable_offer: Option<PathBuf>,
    /// This file can be opened again, as it is now.
    pub reopen_offer: Option<PathBuf>,
}

/// What the application knows.
pub struct AppState {
    /// The SQLite inside this program.
    pub build: Option<BuildFacts>,
    /// The database on the screen.
    pub database: Option<OpenDatabase>,
    /// A file that is being opened.
    pub opening: Option<PathBuf>,
    /// What went wrong last, until it is dismissed.
    pub notice: Option<Notice>,
    /// The job table.
    pub jobs: JobList,
    /// Its columns.
    pub columns: Vec<ColumnLayout>,
    /// The job at the side.
    pub details: Option<Details>,
    /// The parts of the Statistics view.
    pub statistics: StatisticsView,
    /// The descriptions of the clusters.
    pub clusters: ClusterFiles,
    /// What is written to files.
    pub exports: Exports,
    /// What the filter bar suggests.
    pub suggestions: Suggestions,
    /// What runs, waits, and has run.
    pub tasks: Tasks,
    /// Settings wanted and read back.
    pub tuning: Tuning,
    /// Samples and events of this process since it started.
    pub live: History,
    /// Memory of the machine, or of the control group around us.
    pub machine: Option<Bytes>,
    /// What survives a restart.
    pub settings: Settings,
    /// Unix seconds; the window sets it before each frame.
    pub now_unix_secs: i64,
    /// The user's time zone.
    pub zone: TimeZone,
    /// How far the machine's clock was set ahead since the engine started, or (negative) back.
    pub clock_shift_secs: f64,
    /// The memory instrument beside the history.
    pub instrument: Instrument,
    /// Budgets that the user has made larger.
    raised: Raised,
    next_task: u64,
}

impl AppState {
    /// The state at the start, with what the last run left.
    pub fn new(settings: Settings) -> Self {
        let tuning = Tuning::new(settings.profile.clone(), settings.profiles.clone());
        let mut jobs = JobList::default();
        jobs.limit_rows(settings.profile.row_cache);
        Self {
            build: None,
            database: None,
            opening: None,
            notice: None,
            jobs,
            columns: Vec::new(),
            details: None,
            statistics: StatisticsView::default(),
            clusters: ClusterFiles::default(),
            exports: Exports::default(),
            suggestions: Suggestions::default(),
            tasks: Tasks::default(),
            tuning,
            live: History::default(),
            machine: None,
            settings,
            now_unix_secs: 0,
            zone: TimeZone::system(),
            clock_shift_secs: 0.0,
            instrument: Instrument::default(),
            raised: Raised::default(),
            next_task: 0,
        }
    }

    /// Reacts to the user at `at_secs` on the engine's clock. Returns the work to be done elsewhere.
    #[expect(clippy::too_many_lines, reason = "one line or two for each command")]
    pub fn handle(&mut self, at_secs: f64, command: Command) -> Vec<Request> {
        match command {
            Command::Open { path, mode } => self.open(path, mode),
            Command::ShowView(view) => {
                self.settings.view = view;
                self.refresh_statistics_if_shown(at_secs)
            }
            Command::SetFilter(filter) => self.set_filter(at_secs, filter),
            Command::PasteFilter(text) => self.paste_filter(at_secs, &text),
            Command::SortJobs(sort) => self.sort_jobs(at_secs, sort),
            Command::AgreeToOrder(agreed) => self.agree_to_order(at_secs, agreed),
            Command::ShowRows(rows) => self.show_rows(at_secs, rows),
            Command::GoOn => {
                self.jobs.go_on();
                self.fetch_rows(at_secs)
            }
            Command::NumberRows => self.number_rows(at_secs),
            Command::GoTo(goal) => self.go_to(at_secs, goal),
            Command::SetColumns(columns) => self.set_columns(at_secs, columns),
            Command::ResetColumns => self.reset_columns(at_secs),
            Command::Mark { row, how } => self.mark(at_secs, row, how),
            Command::MarkAll => {
                self.jobs.marks.mark_all(self.jobs.num_rows());
                Vec::new()
            }
            Command::CopyMarked(format) => self.copy_marked(at_secs, format),
            Command::CopyTaken => {
                self.jobs.copying.taken();
                Vec::new()
            }
            Command::LookBeside => self.look_beside(at_secs),
            Command::Export(wish) => self.export(at_secs, wish),
            Command::DismissExport => {
                self.exports.over = None;
                Vec::new()
            }
            Command::StepJob(by) => self.step_job(at_secs, by),
            Command::Reload => self.reload(at_secs),
            Command::SelectJob(id) => self.select_job(at_secs, id),
            Command::SetGroupBy(by) => {
                self.settings.group_by = by;
                self.ask_again(at_secs, &PartKey::Groups)
            }
            Command::AskAgain(key) => self.ask_again(at_secs, &key),
            Command::SetDurationBins(bins) => {
                self.settings.duration_bins = bins;
                self.ask_again(at_secs, &PartKey::Duration)
            }
            Command::SetStep(step) => {
                self.settings.step = step;
                self.ask_again(at_secs, &PartKey::OverTime)
            }
            Command::SetStack(stack) => {
                self.settings.stack = stack;
                self.ask_again(at_secs, &PartKey::OverTime)
            }
            Command::AddClusters(path) => self.add_clusters(path),
            Command::RemoveClusters => self.remove_clusters(at_secs),
            Command::SortStatistics(column) => {
                self.statistics.sort_by(column);
                Vec::new()
            }
            Command::Cancel(id) => self.cancel(at_secs, id),
            Command::CancelAll => self.stop_all(at_secs),
            Command::SetProfile(profile) => self.set_profile(profile),
            Command::SaveProfile(name) => self.save_profile(&name),
            Command::Shrink => {
                self.tuning.shrinking(&self.live.latest);
                vec![Request::Shrink]
            }
            Command::Trim => vec![Request::Trim],
            Command::GiveBack(rungs) => self.give_back(&rungs),
            Command::SetGuard(keep) => self.set_guard(keep),
            Command::GoOnWithLarger => self.go_on_with_larger(at_secs),
            Command::DismissOverBudget => {
                self.instrument.over_budget = None;
                Vec::new()
            }
            Command::Record(path) => self.record(at_secs, path),
            Command::OpenRecording(path) => self.open_recording(path),
            Command::CloseRecording(index) => {
                self.close_recording(index);
                Vec::new()
            }
            Command::ShowHistory(shown) => {
                self.instrument.recordings.shown = shown;
                Vec::new()
            }
            Command::ShowQuantities(quantities) => {
                self.settings.quantities = quantities;
                Vec::new()
            }
            Command::ListProcesses => vec![Request::ListProcesses],
            Command::WatchProcess(who) => self.watch_process(who),
            Command::DismissReport => {
                self.notice = None;
                Vec::new()
            }
            Command::Report(report) => {
                self.show_report(report);
                Vec::new()
            }
            Command::SetTheme(theme) => {
                self.settings.theme = theme;
                Vec::new()
            }
            Command::ShowTuning(shown) => {
                self.settings.tuning_shown = shown;
                Vec::new()
            }
            Command::Tour(step) => {
                self.settings.tour = step;
                Vec::new()
            }
        }
    }

    /// Takes a memory sample into the history.
    pub fn sampled(&mut self, sample: MemorySample) {
        self.tasks.sampled(&sample);
        self.live.sampled(sample);
    }

    /// The filter of all views.
    pub fn filter(&self) -> &JobFilter {
        &self.settings.filter
    }

    /// The filter's jobs at this moment.
    fn selection(&self) -> Selection {
        self.selection_of(self.settings.filter.clone())
    }

    fn selection_of(&self, filter: JobFilter) -> Selection {
        let clock = Clock {
            now_unix_secs: self.now_unix_secs,
            short_secs: DEFAULT_SHORT_SECS,
        };
        Selection::new(filter, clock)
    }

    /// Whether Esc has something to stop.
    pub fn can_stop(&self) -> bool {
        self.tasks
            .active
            .iter()
            .any(|task| !self.exports.is(task.id))
    }

    /// Whether anything runs or waits.
    pub fn is_busy(&self) -> bool {
        !self.tasks.active.is_empty() || self.opening.is_some()
    }

    fn open(&mut self, path: PathBuf, mode: OpenMode) -> Vec<Request> {
        self.notice = None;
        self.opening = Some(path.clone());
        vec![Request::Open { path, mode }]
    }

    fn set_filter(&mut self, at_secs: f64, filter: JobFilter) -> Vec<Request> {
        if filter == self.settings.filter {
            return Vec::new();
        }
        if let Err(error) = self.can_answer(&filter, &self.jobs.sort) {
            // What is on the screen still belongs to the filter before, and so it stays.
            self.show_report(Report::from(&error));
            return Vec::new();
        }
        self.settings.filter = filter;
        self.load_jobs(at_secs)
    }

    fn paste_filter(&mut self, at_secs: f64, text: &str) -> Vec<Request> {
        match JobFilter::from_json(text) {
            Ok(filter) => self.set_filter(at_secs, filter),
            Err(error) => {
                self.show_report(Report::from(&error));
                Vec::new()
            }
        }
    }

    /// The file's columns, where a file is open.
    pub fn schema(&self) -> Option<&Schema> {
        self.database.as_ref().map(|open| &*open.facts.schema)
    }

    /// Whether the open file has what this list of jobs needs. Without a file, nothing speaks
    /// against it.
    ///
    /// # Errors
    /// If a column or table is missing: the error says which.
    pub fn can_answer(&self, filter: &JobFilter, sort: &Sort) -> Result<()> {
        let Some(schema) = self.schema() else {
            return Ok(());
        };
        let selection = self.selection_of(filter.clone());
        list_query(selection, sort.clone()).sql(schema).map(|_| ())
    }

    fn reload(&mut self, at_secs: f64) -> Vec<Request> {
        match self.settings.view {
            View::Jobs => self.load_jobs(at_secs),
            View::Statistics => {
                self.statistics.reload();
                self.refresh_statistics_if_shown(at_secs)
            }
            View::Memory => Vec::new(),
        }
    }

    /// Whether the open file has jobs, in whichever form.
    fn has_jobs(&self) -> bool {
        self.database
            .as_ref()
            .is_some_and(|database| database.facts.has_jobs())
    }

    fn cancel(&mut self, at_secs: f64, id: TaskId) -> Vec<Request> {
        if !self.tasks.stop_asked(id, at_secs) {
            return Vec::new();
        }
        vec![Request::Cancel(id)]
    }

    fn set_profile(&mut self, profile: crate::db::profile::MemoryProfile) -> Vec<Request> {
        if self.tuning.set(profile.clone()).is_empty() {
            return Vec::new();
        }
        self.raised.clear();
        self.instrument.over_budget = None;
        self.settings.profile = profile.clone();
        self.jobs.limit_rows(profile.row_cache);
        vec![Request::SetProfile(profile)]
    }

    fn save_profile(&mut self, name: &str) -> Vec<Request> {
        let name = name.trim();
        match self.tuning.save_as(name) {
            Ok(profile) => {
                self.settings.profiles = self.tuning.own_profiles.clone();
                self.set_profile(profile)
            }
            Err(error) => {
                self.show_report(Report::from(&error));
                Vec::new()
            }
        }
    }

    fn show_report(&mut self, report: Report) {
        self.notice = Some(Notice {
            report,
            immutable_offer: None,
            reopen_offer: None,
        });
    }

    fn start(&mut self, at_secs: f64, task: Task) -> (TaskId, Request) {
        self.next_task += 1;
        let id = TaskId(self.next_task);
        self.tasks.queued(id, &task, at_secs);
        (id, self.run_request(id, task))
    }
}

/// The first batch of the job list.
fn list_query(selection: Selection, sort: Sort) -> JobQuery {
    JobQuery::Jobs {
        selection,
        sort,
        after: None,
        limit: Some(job_list::FIRST_BATCH),
    }
}

#[cfg(test)]
mod tests;
