//! What is asked about a job beside its row: its tags, and the jobs that ran beside it.

use crate::{
    db::value::Cell,
    engine::{
        message::TaskId,
        receipt::{Outcome, Receipt},
    },
    error::Report,
    state::Phase,
};

/// Something about the job that is a task of its own.
#[derive(Debug, Default)]
pub struct Part<T> {
    /// How it stands. [`Phase::Empty`] where the file cannot answer.
    pub phase: Phase,
    /// What has come so far.
    pub data: T,
    /// Why there is no complete answer, where somebody else than the user decided that.
    pub trouble: Option<String>,
    pub(super) loading: Option<TaskId>,
}

impl<T> Part<T> {
    pub(super) fn begin(&mut self, id: TaskId) {
        self.phase = Phase::Loading;
        self.loading = Some(id);
    }

    /// Whether it was ours.
    pub(super) fn ended(&mut self, id: TaskId, receipt: &Receipt, report: Option<&Report>) -> bool {
        if self.loading != Some(id) {
            return false;
        }
        self.loading = None;
        self.phase = Phase::from(receipt.outcome);
        self.trouble = match receipt.outcome {
            // Why somebody cancelled, they know themselves.
            Outcome::Finished | Outcome::Cancelled => None,
            Outcome::TimedOut | Outcome::OverBudget | Outcome::Failed | Outcome::Other => {
                Some(report.map_or_else(|| receipt.outcome.label().to_owned(), in_one_line))
            }
        };
        true
    }
}

fn in_one_line(report: &Report) -> String {
    std::iter::once(&report.headline)
        .chain(&report.causes)
        .cloned()
        .collect::<Vec<_>>()
        .join(": ")
}

/// A tag that the job carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobTag {
    /// Its id, which a filter holds.
    pub id: i64,
    /// Such as `app`.
    pub kind: String,
    /// Such as `vasp`.
    pub name: String,
    /// `global`, `admin`, or the user whose private tag it is.
    pub scope: String,
}

impl JobTag {
    pub(super) fn from_cells(row: &[Cell]) -> Option<Self> {
        let [id, kind, name, scope, ..] = row else {
            return None;
        };
        Some(Self {
            id: id.as_id()?,
            kind: kind.display(),
            name: name.display(),
            scope: scope.display(),
        })
    }
}

/// A job that ran beside another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BesideJob {
    /// Its database id.
    pub id: i64,
    /// The scheduler's id, as it is shown.
    pub job_id: String,
    /// Unix seconds, where the file says so.
    pub start_unix_secs: Option<i64>,
    /// Its state.
    pub state: String,
}

/// More jobs are counted and not kept: on a node of many small jobs nobody reads on.
pub const MAX_BESIDE: usize = 1_000;

/// The jobs that ran beside another one, without that one.
#[derive(Debug, Default)]
pub struct Beside {
    /// The jobs: as they come at first, by their start in the end.
    pub jobs: Vec<BesideJob>,
    /// How many there are that are not kept.
    pub num_left_out: usize,
}

impl Beside {
    pub(super) fn add(&mut self, itself: i64, rows: &[Vec<Cell>]) {
        for row in rows {
            let [id, job_id, start, state, ..] = row.as_slice() else {
                continue;
            };
            let Some(id) = id.as_id().filter(|id| *id != itself) else {
                continue;
            };
            if self.jobs.len() >= MAX_BESIDE {
                self.num_left_out += 1;
                continue;
            }
            self.jobs.push(BesideJob {
                id,
                job_id: job_id.display(),
                start_unix_secs: start.as_int(),
                state: state.display(),
            });
        }
    }

    pub(super) fn sort(&mut self) {
        self.jobs.sort_by_key(|job| (job.start_unix_secs, job.id));
    }
}
