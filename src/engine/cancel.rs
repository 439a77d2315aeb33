//! Stopping a task: the wish, and the interrupt that is tied to the task it is meant for.

use std::sync::{
    Arc,
    atomic::{AtomicU8, AtomicU64, Ordering},
};

use parking_lot::Mutex;
use rusqlite::InterruptHandle;

use super::{message::TaskId, receipt::Outcome};

/// Why a task should stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The user, or something newer that replaces it.
    Cancelled,
    /// The task's time limit.
    TimeLimit,
    /// The budget on SQLite's heap.
    Budget,
    /// The budget on rows.
    RowBudget,
    /// The budget on the size of the result.
    ResultBudget,
    /// The machine is about to run out of memory.
    Guard,
}

impl StopReason {
    const ALL: [Self; 6] = [
        Self::Cancelled,
        Self::TimeLimit,
        Self::Budget,
        Self::RowBudget,
        Self::ResultBudget,
        Self::Guard,
    ];

    /// The outcome of a task that stopped for this reason.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Cancelled => Outcome::Cancelled,
            Self::TimeLimit => Outcome::TimedOut,
            Self::Budget | Self::RowBudget | Self::ResultBudget | Self::Guard => {
                Outcome::OverBudget
            }
        }
    }

    fn code(self) -> u8 {
        match self {
            Self::Cancelled => 1,
            Self::TimeLimit => 2,
            Self::Budget => 3,
            Self::RowBudget => 4,
            Self::ResultBudget => 5,
            Self::Guard => 6,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

/// The wish to stop one task. The first wish counts, later ones change nothing.
#[derive(Clone, Debug, Default)]
pub struct CancelToken {
    shared: Arc<Wish>,
}

#[derive(Debug, Default)]
struct Wish {
    /// 0 until somebody asks.
    reason: AtomicU8,
    /// Nanoseconds since the engine started.
    asked_at: AtomicU64,
}

impl CancelToken {
    /// Asks the task to stop. `false` if it had been asked before.
    pub fn ask(&self, reason: StopReason, at_nanos: u64) -> bool {
        // The time is written first, so that whoever sees the reason also sees the time; whoever
        // comes second must not overwrite the time of the first.
        let fresh = self
            .shared
            .asked_at
            .compare_exchange(0, at_nanos.max(1), Ordering::AcqRel, Ordering::Acquire)
            .is_ok();
        if fresh {
            self.shared.reason.store(reason.code(), Ordering::Release);
        }
        fresh
    }

    /// Why and when the task was asked to stop, in nanoseconds since the engine started.
    pub fn asked(&self) -> Option<(StopReason, u64)> {
        let reason = StopReason::from_code(self.shared.reason.load(Ordering::Acquire))?;
        Some((reason, self.shared.asked_at.load(Ordering::Acquire)))
    }

    /// Whether the task was asked to stop. Costs one load.
    pub fn is_asked(&self) -> bool {
        self.shared.reason.load(Ordering::Relaxed) != 0
    }
}

/// Interrupts the statement a worker is running, if it still belongs to the right task.
#[derive(Default)]
pub struct Interrupter {
    running: Mutex<Option<(TaskId, CancelToken, InterruptHandle)>>,
}

impl Interrupter {
    /// The worker calls this right before the first statement of a task.
    pub fn begin(&self, id: TaskId, token: CancelToken, handle: InterruptHandle) {
        *self.running.lock() = Some((id, token, handle));
    }

    /// The worker calls this once all statements of the task are dropped.
    pub fn end(&self) {
        *self.running.lock() = None;
    }

    /// Interrupts `id` and nothing else.
    pub fn interrupt(&self, id: TaskId) {
        // The lock stays held while we interrupt: the worker cannot move on to the next task in
        // between, so a late click never stops a query the user did not mean.
        let running = self.running.lock();
        if let Some((task, _, handle)) = running.as_ref()
            && *task == id
        {
            handle.interrupt();
        }
    }

    /// Stops whatever runs here, and says what that was. `None`: nothing, or it was asked before.
    pub fn stop(&self, reason: StopReason, at_nanos: u64) -> Option<TaskId> {
        let running = self.running.lock();
        let (task, token, handle) = running.as_ref()?;
        let is_first = token.ask(reason, at_nanos);
        handle.interrupt();
        is_first.then_some(*task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_wish_counts() {
        let token = CancelToken::default();
        assert_eq!(token.asked(), None);
        assert!(token.ask(StopReason::TimeLimit, 5));
        assert!(!token.ask(StopReason::Cancelled, 9), "twice is harmless");
        assert_eq!(token.asked(), Some((StopReason::TimeLimit, 5)));
    }
}
