//! What limits mean for what is on the screen now: each sentence only where it applies, with the
//! numbers of this moment in it.

use super::give_back::numbers;
use crate::{
    db::pragma::TempStore,
    memory::sample::{ConnectionReading, ConnectionState},
    state::{AppState, tasks::ActiveTask},
    units::Bytes,
};

/// A limit and what it does, or does not do, at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitNote {
    /// The setting: `soft_heap_limit`.
    pub setting: &'static str,
    /// What it means now.
    pub text: String,
    /// It does not hold what one might think that it holds.
    pub is_warning: bool,
}

/// What is worth a sentence.
const NOTABLE: Bytes = Bytes::mib(8);

impl AppState {
    /// What the limits mean now. Empty where nothing needs to be said.
    pub fn limit_notes(&self) -> Vec<LimitNote> {
        let mut notes = Vec::new();
        let readings = self.live.latest.connections.iter().copied().enumerate();
        let (busy, idle): (Vec<_>, Vec<_>) = readings
            .filter(|(_, reading)| reading.state != ConnectionState::Closed)
            .partition(|(_, reading)| reading.state == ConnectionState::Busy);
        notes.extend(self.soft_limit_and_sorters());
        notes.extend(self.soft_limit_and_idle_caches(&busy, &idle));
        for (index, _) in &busy {
            notes.extend(self.temp_store_of(*index));
        }
        notes.extend(self.hard_limit(&busy));
        notes
    }

    /// The soft limit recycles page cache, and nothing else.
    fn soft_limit_and_sorters(&self) -> Option<LimitNote> {
        let soft = self.tuning.limits.soft?;
        let sample = &self.live.latest;
        let (heap, rest) = (sample.sqlite_heap, sample.sqlite_rest());
        if heap <= soft || rest <= NOTABLE {
            return None;
        }
        Some(LimitNote {
            setting: "soft_heap_limit",
            text: format!(
                "SQLite's heap is {heap}, above the limit of {soft}: {rest} of it are sorters, \
                 statements and schema, and the limit can only take page cache back"
            ),
            is_warning: true,
        })
    }

    /// Without `MEMORY_MANAGEMENT`, a busy connection cannot have what idle ones keep.
    fn soft_limit_and_idle_caches(
        &self,
        busy: &[(usize, ConnectionReading)],
        idle: &[(usize, ConnectionReading)],
    ) -> Option<LimitNote> {
        let soft = self.tuning.limits.soft?;
        let shares = (self.build.as_ref()).is_some_and(|build| build.memory_management);
        let kept = Bytes(idle.iter().map(|(_, reading)| reading.cache_used.0).sum());
        let is_near = self.live.latest.sqlite_heap.0 >= soft.0 / 10 * 9;
        if shares || busy.is_empty() || kept < NOTABLE || !is_near {
            return None;
        }
        let left = Bytes(soft.0.saturating_sub(kept.0));
        Some(LimitNote {
            setting: "soft_heap_limit",
            text: format!(
                "{kept} of page cache belong to idle {}. This SQLite is built without \
                 MEMORY_MANAGEMENT, as cc-backend's is: the limit of {soft} cannot take it from \
                 them, and leaves {left} to {}",
                numbers(idle),
                numbers(busy)
            ),
            is_warning: true,
        })
    }

    fn task_on(&self, connection: usize) -> Option<&ActiveTask> {
        let mut active = self.tasks.active.iter();
        active.find(|task| task.started.is_some_and(|(_, on)| on == connection))
    }

    /// Where a running sort keeps its rows.
    fn temp_store_of(&self, index: usize) -> Option<LimitNote> {
        let task = self.task_on(index).filter(|task| task.plan.sorts)?;
        let (_, settings) = self.tuning.connections.get(index)?.as_ref()?;
        let title = &task.title;
        let rest = self.live.latest.sqlite_rest();
        let connection = index + 1;
        if settings.temp_store == TempStore::Memory {
            let so_far = if rest > NOTABLE {
                format!(": {rest} beside the page caches so far")
            } else {
                String::new()
            };
            return Some(LimitNote {
                setting: "temp_store",
                text: format!(
                    "“{title}” on connection {connection} sorts, and temp_store is memory: what it \
                     sorts stays in SQLite's heap until it ends{so_far}. Only temp_store = file, a \
                     LIMIT or a hard heap limit bounds that"
                ),
                is_warning: rest > NOTABLE,
            });
        }
        Some(LimitNote {
            setting: "temp_store",
            text: format!(
                "“{title}” on connection {connection} sorts into a temporary file in runs of at \
                 most cache_size ({}); within one run it cannot be interrupted",
                settings.cache_size
            ),
            is_warning: false,
        })
    }

    /// A hard limit ends in an error.
    fn hard_limit(&self, busy: &[(usize, ConnectionReading)]) -> Option<LimitNote> {
        let hard = self.tuning.limits.hard?;
        if busy.is_empty() {
            return None;
        }
        let heap = self.live.latest.sqlite_heap;
        let left = Bytes(hard.0.saturating_sub(heap.0));
        Some(LimitNote {
            setting: "hard_heap_limit",
            text: format!(
                "At {hard} a query fails with “out of memory” instead of slowing down; {left} are \
                 left"
            ),
            is_warning: left.0 < hard.0 / 4,
        })
    }
}
