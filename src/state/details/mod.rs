//! The job at the side: its row, its tags, and the jobs that ran beside it.
//!
//! Each of the three is a task of its own. They answer in any order, and one that fails or takes
//! long leaves the others as they are.

mod part;
mod raw;
mod resources;

pub use self::{
    part::{Beside, BesideJob, JobTag, MAX_BESIDE, Part},
    raw::RawValue,
    resources::{Ids, NodeUse, Nodes},
};

use super::{AppState, Phase};
use crate::{
    db::value::Cell,
    engine::{
        message::{Request, Task, TaskId},
        receipt::Receipt,
    },
    error::Report,
    jobs::{catalogue::JobQuery, row::JobRow},
};

/// So many jobs one can go back to; the oldest are forgotten first.
const MAX_TRAIL: usize = 20;

/// One job with everything that is known about it.
#[derive(Debug, Default)]
pub struct Details {
    /// Its database id.
    pub job: i64,
    /// How its row stands.
    pub phase: Phase,
    /// The job, once it is there; `None` after loading if it is gone.
    pub row: Option<JobRow>,
    /// The job's name.
    pub name: String,
    /// The batch script.
    pub script: String,
    /// What else the metadata holds, by key. What is no JSON object stands under its column's name.
    pub metadata: Vec<(String, String)>,
    /// The numbers of the footprint, by key with their statistic.
    pub footprint: Vec<(String, f64)>,
    /// The parts of the energy in kWh, by metric.
    pub energy_parts: Vec<(String, f64)>,
    /// The nodes, with what the job had of each.
    pub nodes: Nodes,
    /// Every column as it is stored.
    pub raw: Vec<RawValue>,
    /// Its tags. Not asked of a file without the tables.
    pub tags: Part<Vec<JobTag>>,
    /// The jobs that ran on its first node at the same time. Not asked of a job archive.
    pub beside: Part<Beside>,
    /// They are looked for when somebody asks.
    pub beside_waits: bool,
    /// The jobs that led here, one beside the other; the last is where Back goes.
    pub trail: Vec<Visited>,
    loading: Option<TaskId>,
}

/// A job that one can go back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visited {
    /// Its database id.
    pub job: i64,
    /// What a sentence calls it: `job 812345`.
    pub title: String,
}

impl Details {
    /// What a sentence calls the job: by the scheduler's id as soon as it is known.
    pub fn title(&self) -> String {
        self.row.as_ref().map_or_else(
            || format!("job with id {}", self.job),
            |row| format!("job {}", row.get("job_id").display()),
        )
    }

    /// Where Back leads from here to another job.
    ///
    /// A job beside this one keeps the way back, and going back shortens it. Any other selection
    /// starts anew: it was not reached from here.
    fn trail_to(mut self, job: i64) -> Vec<Visited> {
        let title = self.title();
        let mut trail = std::mem::take(&mut self.trail);
        if trail.last().is_some_and(|visited| visited.job == job) {
            trail.pop();
        } else if self.beside.data.jobs.iter().any(|other| other.id == job) {
            if trail.len() >= MAX_TRAIL {
                trail.remove(0);
            }
            trail.push(Visited {
                job: self.job,
                title,
            });
        } else if job != self.job {
            trail.clear();
        }
        trail
    }

    fn tasks(&self) -> Vec<TaskId> {
        [self.loading, self.tags.loading, self.beside.loading]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Takes rows in, if they are of one of our tasks.
    pub(super) fn add(&mut self, id: TaskId, rows: Vec<Vec<Cell>>) {
        if self.loading == Some(id) {
            self.fill(rows);
        } else if self.tags.loading == Some(id) {
            let tags = rows.iter().filter_map(|row| JobTag::from_cells(row));
            self.tags.data.extend(tags);
        } else if self.beside.loading == Some(id) {
            self.beside.data.add(self.job, &rows);
        }
    }

    /// Takes the end of a task. Whether it was that of the row, whose failure is everybody's
    /// business; what goes wrong with the other parts is said where they would stand.
    pub(super) fn ended(&mut self, id: TaskId, receipt: &Receipt, report: Option<&Report>) -> bool {
        if self.loading == Some(id) {
            self.loading = None;
            self.phase = Phase::from(receipt.outcome);
            return true;
        }
        self.tags.ended(id, receipt, report);
        if self.beside.ended(id, receipt, report) {
            self.beside.data.sort();
        }
        false
    }

    fn fill(&mut self, rows: Vec<Vec<Cell>>) {
        let Some(row) = rows.into_iter().next().and_then(JobRow::from_cells) else {
            return;
        };
        self.take_metadata(&row);
        self.footprint = numbers(&row, "footprint");
        self.energy_parts = numbers(&row, "energy_footprint");
        self.nodes = Nodes::of(&row);
        self.raw = raw::values(&row);
        self.row = Some(row);
    }

    fn take_metadata(&mut self, row: &JobRow) {
        let text = row.text("meta_data");
        match row.json("meta_data") {
            Some(serde_json::Value::Object(object)) => {
                for (key, value) in object {
                    let text =
                        (value.as_str()).map_or_else(|| value.to_string(), ToOwned::to_owned);
                    match key.as_str() {
                        "jobScript" => self.script = text,
                        "jobName" => self.name = text,
                        _ => self.metadata.push((key, text)),
                    }
                }
            }
            Some(serde_json::Value::Null) => {}
            _ if text.is_empty() => {}
            _ => self
                .metadata
                .push(("meta_data".to_owned(), text.to_owned())),
        }
    }
}

/// In files of more jobs than this, those beside a job are looked for when somebody wants to see
/// them: no index leads to them, and whoever goes from job to job would read the file over and over.
const UNASKED_BESIDE: u64 = 1_000_000;

impl AppState {
    /// Asks for everything about a job, instead of whatever was asked about the one before.
    pub(super) fn select_job(&mut self, at_secs: f64, job: Option<i64>) -> Vec<Request> {
        let previous = self.details.take();
        let mut requests: Vec<_> = previous
            .iter()
            .flat_map(Details::tasks)
            .flat_map(|id| self.cancel(at_secs, id))
            .collect();
        let Some(job) = job else {
            return requests;
        };
        let mut details = Details {
            job,
            phase: Phase::Loading,
            trail: previous.map_or_else(Vec::new, |previous| previous.trail_to(job)),
            ..Details::default()
        };
        let beside = JobQuery::Concurrent {
            id: job,
            now_unix_secs: self.now_unix_secs,
        };
        // A file without tags is no trouble: there is nothing to say about them.
        let [tags, beside] = [JobQuery::TagsOf { id: job }, beside].map(|query| {
            let can = |schema| query.sql(schema).is_ok();
            self.schema().is_some_and(can).then_some(query)
        });
        let is_large =
            (self.database.as_ref()).is_some_and(|open| open.facts.estimated_jobs > UNASKED_BESIDE);
        let mut ask = |query| {
            let (id, run) = self.start(at_secs, Task::Query(query));
            requests.push(run);
            id
        };
        // The row first and the jobs beside it last: where there is one connection, what takes long
        // must not be waited for.
        details.loading = Some(ask(JobQuery::Job { id: job }));
        if let Some(query) = tags {
            details.tags.begin(ask(query));
        }
        if let Some(query) = beside {
            if is_large {
                details.beside_waits = true;
            } else {
                details.beside.begin(ask(query));
            }
        }
        self.details = Some(details);
        requests
    }

    /// Looks for the jobs that ran beside the one at the side.
    pub(super) fn look_beside(&mut self, at_secs: f64) -> Vec<Request> {
        let job = (self.details.as_ref())
            .filter(|details| details.beside.loading.is_none())
            .map(|details| details.job);
        let Some(job) = job else {
            return Vec::new();
        };
        let query = JobQuery::Concurrent {
            id: job,
            now_unix_secs: self.now_unix_secs,
        };
        let (id, run) = self.start(at_secs, Task::Query(query));
        if let Some(details) = &mut self.details {
            details.beside = Part::default();
            details.beside_waits = false;
            details.beside.begin(id);
        }
        vec![run]
    }
}

/// The numbers of a flat JSON object.
fn numbers(row: &JobRow, column: &str) -> Vec<(String, f64)> {
    row.json(column)
        .as_ref()
        .and_then(|json| json.as_object())
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_f64()?)))
        .collect()
}
