//! How the state reacts to what happened elsewhere.

use super::{
    AppState, Notice, OpenDatabase, Phase,
    job_list::layout::{self, TableLayout},
    statistics::PartKey,
    suggestions::Suggestions,
};
use crate::{
    db::value::Cell,
    engine::{
        message::{Event, News, Request, Task, TaskId},
        receipt::Receipt,
    },
    error::Report,
    jobs::{catalogue::JobQuery, facts::DatabaseFacts, filter::JobFilter, sort::Sort},
    memory::journal::{Entry, trim_sentence},
};

impl AppState {
    /// Reacts to a background thread. Returns the work that follows from it.
    #[expect(clippy::too_many_lines, reason = "a few lines for each event")]
    pub fn apply(&mut self, news: News) -> Vec<Request> {
        if let Some(entry) = Entry::of(&news) {
            self.live.happened(entry);
        }
        let News { at_secs, event } = news;
        match event {
            Event::Opened(facts) => return self.opened(at_secs, *facts),
            Event::OpenFailed {
                path,
                report,
                can_be_immutable,
            } => {
                self.no_longer_opening(&path);
                self.notice = Some(Notice {
                    report,
                    immutable_offer: can_be_immutable.then_some(path),
                    reopen_offer: None,
                });
            }
            Event::Started {
                id,
                connection,
                plan,
                ..
            } => {
                self.tasks.started(id, at_secs, connection, plan.clone());
                self.jobs.planned(id, plan);
            }
            Event::Rows { id, mut rows } => {
                if !self.statistics.add(id, &mut rows) && !self.list_rows(id, &mut rows) {
                    self.rows(id, rows);
                }
            }
            Event::Positions { id, keys, num_rows } => {
                self.jobs.positions(id, keys, num_rows);
                return self.fetch_rows(at_secs);
            }
            Event::Sorted { id, ids } => return self.sorted(at_secs, id, ids),
            Event::OrdersPlanned { id, plans } => return self.orders_planned(at_secs, id, plans),
            Event::FileChanged { path, change } => {
                return self.file_changed(at_secs, &path, change);
            }
            Event::Ended {
                id,
                receipt,
                ended_secs,
                report,
                ..
            } => {
                let part = self
                    .statistics
                    .ended(id, ended_secs, &receipt, report.as_ref());
                let phase = Phase::from(receipt.outcome);
                if !self.tasks.is_background(id) || part.is_some() {
                    self.note_budget(id, &receipt, part.clone());
                }
                let is_export = self.exports.is(id);
                self.exports.ended(id, receipt.outcome, ended_secs);
                let details = self.details.as_mut();
                let is_job =
                    details.is_some_and(|details| details.ended(id, &receipt, report.as_ref()));
                let is_wanted = self.ended(ended_secs, id, *receipt) | is_job | is_export;
                if let Some(report) = report.filter(|_| is_wanted) {
                    self.show_report(report);
                }
                if part == Some(PartKey::Keys) {
                    return self.ask_new_metrics(at_secs);
                }
                return self.list_ended(at_secs, id, phase);
            }
            // The window has no exports yet.
            Event::Exported {
                id,
                rows,
                bytes,
                end,
            } => self.exports.progress(id, rows, bytes, end),
            Event::LimitsApplied(limits) => self.tuning.limits = limits,
            Event::ConnectionApplied {
                connection,
                generation,
                settings,
                ..
            } => self.tuning.applied(connection, generation, settings),
            Event::ConnectionClosed { connection, .. } => self.tuning.closed(connection),
            Event::Shrunk { connection, cache } => self.tuning.shrunk(connection, cache),
            Event::Trimmed { supported, rss } => {
                self.tuning.answer = Some(trim_sentence(supported, rss));
            }
            Event::WatchFailed { report } => {
                self.instrument.watch_trouble = Some(report);
            }
            // Times of day follow the clock that the user sees.
            Event::ClockChanged { by_secs } => self.clock_shift_secs += by_secs,
            Event::GaveBack(receipt) => self.gave_back(at_secs, *receipt),
            Event::Recording(state) => self.recording_is(state),
            Event::RecordingOpened { path, result } => self.recording_opened(&path, result),
            Event::Processes(list) => self.instrument.processes = Some(list),
            // They are in the timeline.
            Event::StopAsked { .. }
            | Event::ProfileSet { .. }
            | Event::GuardActed { .. }
            | Event::Process { .. } => {}
            Event::ClustersLoaded {
                database,
                paths,
                result,
            } => return self.clusters_loaded(at_secs, &database, paths, result),
        }
        Vec::new()
    }

    fn opened(&mut self, at_secs: f64, facts: DatabaseFacts) -> Vec<Request> {
        self.no_longer_opening(&facts.path);
        self.settings.note_recent(&facts.path);
        // A filter is about one database's users and clusters: another database starts without.
        let is_same = self.settings.last_database.as_ref() == Some(&facts.path);
        self.settings.last_database = Some(facts.path.clone());
        if !is_same {
            self.settings.filter = JobFilter::default();
        }
        self.jobs.clear();
        self.columns = TableLayout::columns_of(&self.settings.tables, &facts.path, &facts.schema);
        self.jobs.columns = layout::fetched(&self.columns);
        self.statistics.clear();
        self.details = None;
        self.suggestions = Suggestions::default();
        // What a budget stopped was about the file before.
        self.instrument.over_budget = None;
        let suggestions = Suggestions::queries(&facts);
        let has_jobs = facts.has_jobs();
        self.database = Some(OpenDatabase {
            facts,
            exact_jobs: None,
            counting: None,
        });
        if !has_jobs {
            return Vec::new();
        }
        self.check_filter_and_sort();
        let mut requests = self.restore_clusters();
        requests.extend(self.load_jobs(at_secs));
        // The count of an empty filter is the number of jobs; otherwise it is asked separately.
        if self.settings.filter.is_empty() {
            if let Some(database) = &mut self.database {
                database.counting = self.jobs.counting;
            }
        } else {
            let selection = self.selection_of(JobFilter::default());
            let (id, run) = self.start(at_secs, Task::Query(JobQuery::Count { selection }));
            if let Some(database) = &mut self.database {
                database.counting = Some(id);
            }
            requests.push(run);
        }
        for (source, query) in suggestions {
            let (id, run) = self.start(at_secs, Task::Query(query));
            self.suggestions.ask(id, source);
            requests.push(run);
        }
        requests
    }

    /// What was kept from the last run may need a column that this file lacks.
    fn check_filter_and_sort(&mut self) {
        self.jobs.sort = self.settings.sort.clone();
        if (self.can_answer(&JobFilter::default(), &self.jobs.sort)).is_err() {
            self.jobs.sort = Sort::default();
        }
        if let Err(error) = self.can_answer(&self.settings.filter, &self.jobs.sort) {
            self.show_report(Report::from(&error));
            self.settings.filter = JobFilter::default();
        }
    }

    /// An answer about one file does not end the wait for another that was asked for since.
    fn no_longer_opening(&mut self, path: &std::path::Path) {
        if self.opening.as_deref() == Some(path) {
            self.opening = None;
        }
    }

    fn rows(&mut self, id: TaskId, rows: Vec<Vec<Cell>>) {
        if self.suggestions.add(id, &rows) {
            return;
        }
        let counts_all = self.jobs.counting == Some(id) && self.settings.filter.is_empty();
        if let Some(database) = &mut self.database
            && (counts_all || database.counting == Some(id))
        {
            database.exact_jobs = first_count(&rows);
        }
        if self.jobs.counting == Some(id) {
            self.jobs.counted(first_count(&rows));
        } else if let Some(details) = &mut self.details {
            details.add(id, rows);
        }
    }

    /// Whether somebody waited for the task.
    fn ended(&mut self, ended_secs: f64, id: TaskId, receipt: Receipt) -> bool {
        let outcome = receipt.outcome;
        self.tasks.ended(id, ended_secs, receipt);
        let phase = Phase::from(outcome);
        let is_wanted = self.jobs.is_waited_for(id);
        self.suggestions.ended(id, phase);
        if let Some(database) = &mut self.database
            && database.counting == Some(id)
        {
            database.counting = None;
        }
        is_wanted
    }
}

pub(super) fn first_count(rows: &[Vec<Cell>]) -> Option<u64> {
    rows.first()?
        .first()?
        .as_int()
        .and_then(|count| u64::try_from(count).ok())
}
