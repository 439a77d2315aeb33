//! What runs, what waits, and the receipts of what has run.

use std::collections::VecDeque;

use crate::{
    db::plan::PlanSummary,
    engine::{
        message::{Task, TaskId},
        receipt::Receipt,
    },
    memory::sample::{ConnectionState, MemorySample},
};

/// A task that runs or waits.
#[derive(Clone, Debug)]
pub struct ActiveTask {
    /// Its id.
    pub id: TaskId,
    /// What it is called.
    pub title: String,
    /// What kind of task it is, as on the command line.
    pub name: &'static str,
    /// Nobody asked for it: suggestions, more rows while scrolling, what comes along with a job.
    pub is_background: bool,
    /// When it was asked for, in seconds on the engine's clock.
    pub queued_secs: f64,
    /// When it started, and on which connection.
    pub started: Option<(f64, usize)>,
    /// When it was asked to stop.
    pub stop_asked_secs: Option<f64>,
    /// How SQLite does it.
    pub plan: PlanSummary,
    /// Rows so far.
    pub rows: u64,
    /// Seconds since SQLite last let us look.
    pub silent_secs: f64,
}

impl ActiveTask {
    /// What it waits for, where it waits: a free connection, or a stop that SQLite cannot honour yet.
    pub fn waits_for(&self) -> Option<&'static str> {
        if self.started.is_none() {
            return Some("waits for a free connection");
        }
        // A look comes every fraction of a millisecond while instructions run.
        (self.silent_secs > 0.25).then_some(if self.plan.sorts {
            "SQLite is sorting, and cannot be interrupted while it does"
        } else {
            "SQLite waits for the disk or a lock"
        })
    }
}

/// A task that is over.
#[derive(Clone, Debug)]
pub struct FinishedTask {
    /// Its id.
    pub id: TaskId,
    /// What it was called.
    pub title: String,
    /// Nobody asked for it: suggestions, more rows while scrolling, what comes along with a job.
    pub is_background: bool,
    /// When it ended, in seconds on the engine's clock.
    pub ended_secs: f64,
    /// What it did and cost.
    pub receipt: Receipt,
}

/// Receipts are kept up to this number; the oldest go first.
const MAX_HISTORY: usize = 1_000;

/// All tasks of this run of the program.
#[derive(Debug, Default)]
pub struct Tasks {
    /// Running and waiting, oldest first.
    pub active: Vec<ActiveTask>,
    /// Over, newest first.
    pub history: VecDeque<FinishedTask>,
}

impl Tasks {
    /// The task that the top bar names: the one that has run longest, of those that somebody asked
    /// for where there is one.
    pub fn foremost(&self) -> Option<&ActiveTask> {
        let runs = |task: &&ActiveTask| task.started.is_some();
        let mut active = self.active.iter();
        active
            .clone()
            .find(|task| runs(task) && !task.is_background)
            .or_else(|| active.find(runs))
            .or_else(|| self.active.first())
    }

    /// The newest receipt of a task that somebody asked for and that really ran.
    pub fn last(&self) -> Option<&FinishedTask> {
        self.history
            .iter()
            .find(|task| task.receipt.connection.is_some() && !task.is_background)
    }

    pub(super) fn queued(&mut self, id: TaskId, task: &Task, at_secs: f64) {
        self.active.push(ActiveTask {
            id,
            title: task.title(),
            name: task.name(),
            is_background: task.is_background(),
            queued_secs: at_secs,
            started: None,
            stop_asked_secs: None,
            plan: PlanSummary::default(),
            rows: 0,
            silent_secs: 0.0,
        });
    }

    pub(super) fn started(
        &mut self,
        id: TaskId,
        at_secs: f64,
        connection: usize,
        plan: PlanSummary,
    ) {
        if let Some(task) = self.find(id) {
            task.started = Some((at_secs, connection));
            task.plan = plan;
        }
    }

    /// Notes the wish to stop. `false` if there is no such task, or it had been asked before.
    pub(super) fn stop_asked(&mut self, id: TaskId, at_secs: f64) -> bool {
        self.find(id).is_some_and(|task| {
            let is_first = task.stop_asked_secs.is_none();
            task.stop_asked_secs.get_or_insert(at_secs);
            is_first
        })
    }

    pub(super) fn ended(&mut self, id: TaskId, at_secs: f64, receipt: Receipt) {
        let title = self.title(id);
        let is_background = self.is_background(id);
        self.active.retain(|task| task.id != id);
        self.history.push_front(FinishedTask {
            id,
            title,
            is_background,
            ended_secs: at_secs,
            receipt,
        });
        self.history.truncate(MAX_HISTORY);
    }

    pub(super) fn is_background(&self, id: TaskId) -> bool {
        self.active
            .iter()
            .any(|task| task.id == id && task.is_background)
    }

    pub(super) fn title(&self, id: TaskId) -> String {
        self.active
            .iter()
            .find(|task| task.id == id)
            .map_or_else(|| "Task".to_owned(), |task| task.title.clone())
    }

    pub(super) fn sampled(&mut self, sample: &MemorySample) {
        for reading in &sample.connections {
            if reading.state == ConnectionState::Busy
                && let Some(task) = reading.task.and_then(|id| self.find(TaskId(id)))
            {
                task.rows = reading.rows;
                task.silent_secs = reading.silent_secs;
            }
        }
    }

    fn find(&mut self, id: TaskId) -> Option<&mut ActiveTask> {
        self.active.iter_mut().find(|task| task.id == id)
    }
}
