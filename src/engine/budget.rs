//! What a task may use before it is stopped.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cancel::StopReason;
use crate::{
    db::profile::MemoryProfile,
    memory::sample::MachineReader,
    units::{Bytes, counted, format_elapsed},
};

/// What one task may use. `None`: as much as it likes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budgets {
    /// From its start to its end.
    pub time: Option<Duration>,
    /// By how much SQLite's heap may grow for it. While no other task runs, all that comes into the
    /// heap counts, sorts included. Beside other tasks only what the task's own connection holds:
    /// page cache, schema, statements; SQLite does not tell whose a sort is, and none is stopped for
    /// the sort of another.
    pub heap: Option<Bytes>,
    /// Rows that it delivers.
    pub rows: Option<u64>,
    /// Size of the rows that it delivers.
    pub result: Option<Bytes>,
}

impl Budgets {
    /// What a profile gives to each task.
    pub fn of(profile: &MemoryProfile) -> Self {
        Self {
            time: profile.time_limit,
            heap: profile.memory_budget,
            rows: profile.row_budget,
            result: profile.result_budget,
        }
    }

    /// The same with twice as much of what ran out.
    #[must_use]
    pub fn larger(self, kind: BudgetKind) -> Self {
        let mut budgets = self;
        match kind {
            BudgetKind::Time => budgets.time = self.time.map(|time| time * 2),
            BudgetKind::Heap => budgets.heap = self.heap.map(|heap| Bytes(heap.0 * 2)),
            BudgetKind::Rows => budgets.rows = self.rows.map(|rows| rows * 2),
            BudgetKind::Result => budgets.result = self.result.map(|result| Bytes(result.0 * 2)),
            // Nothing of the task's own ran out.
            BudgetKind::Guard => {}
        }
        budgets
    }

    /// How much there is of one kind, in its unit (milliseconds, bytes, rows).
    pub fn amount(&self, kind: BudgetKind) -> Option<u64> {
        match kind {
            BudgetKind::Time => self.time.map(|time| time.as_millis() as u64),
            BudgetKind::Heap => self.heap.map(|heap| heap.0),
            BudgetKind::Rows => self.rows,
            BudgetKind::Result => self.result.map(|result| result.0),
            BudgetKind::Guard => None,
        }
    }
}

/// What the guard keeps available where nobody says otherwise: 512 MiB, or a twentieth of the memory
/// of the machine (or the control group) if that is less. `None` where the platform does not tell.
pub fn default_guard() -> Option<Bytes> {
    let total = MachineReader::default().total()?;
    Some(Bytes(total.0 / 20).min(Bytes::mib(512)))
}

/// What can run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetKind {
    /// Time, in milliseconds.
    Time,
    /// Growth of SQLite's heap, as far as it is certainly the task's, in bytes.
    Heap,
    /// Rows.
    Rows,
    /// Size of the rows, in bytes.
    Result,
    /// Memory that the machine, or the control group, has left, in bytes.
    Guard,
}

impl BudgetKind {
    /// What ran out for a task that was stopped for this reason.
    pub fn of(reason: StopReason) -> Option<Self> {
        match reason {
            StopReason::Cancelled => None,
            StopReason::TimeLimit => Some(Self::Time),
            StopReason::Budget => Some(Self::Heap),
            StopReason::RowBudget => Some(Self::Rows),
            StopReason::ResultBudget => Some(Self::Result),
            StopReason::Guard => Some(Self::Guard),
        }
    }

    /// What it is called.
    fn label(self) -> &'static str {
        match self {
            Self::Time => "time limit",
            Self::Heap => "heap budget",
            Self::Rows => "row budget",
            Self::Result => "result budget",
            Self::Guard => "memory guard",
        }
    }

    /// An amount with its unit.
    pub fn format(self, amount: u64) -> String {
        match self {
            Self::Time => format_elapsed(Duration::from_millis(amount)),
            Self::Rows => counted(amount, "row", "rows"),
            Self::Heap | Self::Result | Self::Guard => Bytes(amount).to_string(),
        }
    }
}

/// The budget that stopped a task, or that it went beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitReached {
    /// Which one.
    pub kind: BudgetKind,
    /// How much there was: milliseconds, bytes or rows. For the guard: what should stay available.
    pub limit: u64,
    /// How far the task had come when it was noticed. For the guard: what was available.
    pub reached: u64,
    /// Whether it stopped the task. A task that went beyond its heap budget inside one of SQLite's
    /// instructions, which cannot be stopped, and then finished: no.
    #[serde(default = "stopped")]
    pub stopped: bool,
}

/// All limits did, in recordings that do not say.
fn stopped() -> bool {
    true
}

impl LimitReached {
    /// What happened, as a sentence without its subject: `SQLite's heap grew by 513 MiB, and 512
    /// MiB were allowed`.
    pub fn sentence(&self) -> String {
        let sentence = self.of_its_kind();
        if self.stopped {
            sentence
        } else {
            format!("{sentence}; SQLite could not be stopped in between")
        }
    }

    /// `beyond its heap budget`, where it did not stop the task.
    pub fn beyond(&self) -> Option<String> {
        (!self.stopped).then(|| format!("beyond its {}", self.kind.label()))
    }

    fn of_its_kind(&self) -> String {
        let limit = self.kind.format(self.limit);
        let reached = self.kind.format(self.reached);
        match self.kind {
            BudgetKind::Time => format!("it ran for {reached}, and {limit} were allowed"),
            BudgetKind::Heap => {
                format!("SQLite's heap grew by {reached}, and {limit} were allowed")
            }
            BudgetKind::Rows => format!("it had delivered {reached}, and {limit} were allowed"),
            BudgetKind::Result => {
                format!("with the next row it had {reached}, and {limit} were allowed")
            }
            BudgetKind::Guard => format!(
                "the machine had {reached} left, the guard keeps {limit} free, and this task held \
                 the most"
            ),
        }
    }
}
