//! What the workers share: the queue, the wanted settings, and who waits for work.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::{
    budget::Budgets,
    cancel::{CancelToken, Interrupter},
    gauge::{EngineClock, Gauge, HeapNow, WindowGauge},
    heap_share::HeapLook,
    message::{Task, TaskId},
    observer::{Guard, WatchSlot},
};
use crate::{
    db::{
        connection::OpenMode,
        identity::FileIdentity,
        pragma::CacheSize,
        profile::{MAX_CONNECTIONS, MemoryProfile},
        status::{self, CacheCounters},
    },
    jobs::schema::Schema,
    units::Bytes,
};

/// A task on its way to a worker.
pub(super) struct Work {
    pub id: TaskId,
    pub task: Task,
    pub token: CancelToken,
    pub submitted_nanos: u64,
    /// Its own budgets, where it does not have the profile's.
    pub budgets: Option<Budgets>,
    /// The database it was meant for, as [`Wanted::target_generation`].
    pub target_generation: u64,
}

/// The database that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub path: PathBuf,
    pub mode: OpenMode,
    /// The file that had this path when it was opened, where the platform tells.
    pub identity: Option<FileIdentity>,
    /// How to read its columns.
    pub schema: Arc<Schema>,
}

/// What every connection should be like. Each part has a number that grows with every change, so
/// that a worker sees at a glance what it has not done yet.
#[derive(Clone)]
pub(super) struct Wanted {
    pub profile: Arc<MemoryProfile>,
    pub profile_generation: u64,
    /// Which wish for a profile this one answers. An older one that comes late is dropped.
    pub profile_ticket: u64,
    pub target: Option<Target>,
    pub target_generation: u64,
    pub shrink_generation: u64,
    pub reset_generation: u64,
    pub close_generation: u64,
}

/// Shared by the engine and its workers.
pub(super) struct Pool {
    pub clock: EngineClock,
    pub gauges: Vec<Arc<Gauge>>,
    pub interrupters: Vec<Interrupter>,
    pub window: WindowGauge,
    pub guard: Guard,
    /// Held by the ladder that is being walked: two at once would measure each other.
    pub ladder: Mutex<()>,
    /// Another process that is watched beside this one.
    pub watched: WatchSlot,
    state: Mutex<PoolState>,
    /// One for each worker, so that the first free connection is taken, not any: a few busy
    /// connections hold fewer page caches than many that take turns.
    wakes: Vec<Condvar>,
    /// Signalled whenever a worker's thread ends.
    left: Condvar,
    /// Signalled whenever a worker has taken over all changes, or is busy.
    settled: Condvar,
}

struct PoolState {
    queue: VecDeque<Work>,
    wanted: Wanted,
    waiting: BTreeSet<usize>,
    /// At work on a task.
    busy: BTreeSet<usize>,
    /// Which changes a worker had taken over when it last began a task, or began to wait for one.
    settled: [Seen; MAX_CONNECTIONS],
    /// What each open connection has read back as its page cache's limit.
    cache_sizes: BTreeMap<usize, CacheSize>,
    /// Done with their task, and only watching whether the heap comes back.
    watching: BTreeSet<usize>,
    alive: BTreeSet<usize>,
    closing: bool,
}

/// What a worker should do next.
pub(super) enum Next {
    /// With what is wanted at this moment, so that the task's receipt names what it ran with.
    Run(Box<Work>, Wanted),
    /// Something in [`Wanted`] has changed.
    Settle,
    /// Nothing to do for the idle time.
    CloseIdle,
    /// The engine ends, or there are fewer connections now.
    Leave,
}

/// Workers that have not taken over all changes.
pub(super) struct Behind {
    /// At work on a task.
    pub busy: Vec<usize>,
    /// Without a task, and not done in time.
    pub slow: Vec<usize>,
}

/// Which changes a worker has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub profile: u64,
    pub target: u64,
    pub shrink: u64,
    pub reset: u64,
    pub close: u64,
}

impl Pool {
    pub(super) fn new(profile: MemoryProfile) -> Self {
        Self {
            clock: EngineClock::start(),
            gauges: (0..MAX_CONNECTIONS).map(|_| Arc::default()).collect(),
            interrupters: (0..MAX_CONNECTIONS)
                .map(|_| Interrupter::default())
                .collect(),
            window: WindowGauge::default(),
            guard: Guard::default(),
            ladder: Mutex::new(()),
            watched: WatchSlot::default(),
            state: Mutex::new(PoolState {
                queue: VecDeque::new(),
                wanted: Wanted {
                    profile: Arc::new(profile),
                    profile_generation: 1,
                    profile_ticket: 0,
                    target: None,
                    target_generation: 0,
                    shrink_generation: 0,
                    reset_generation: 0,
                    close_generation: 0,
                },
                waiting: BTreeSet::new(),
                busy: BTreeSet::new(),
                settled: [Seen::default(); MAX_CONNECTIONS],
                cache_sizes: BTreeMap::new(),
                watching: BTreeSet::new(),
                alive: BTreeSet::new(),
                closing: false,
            }),
            wakes: (0..MAX_CONNECTIONS).map(|_| Condvar::new()).collect(),
            left: Condvar::new(),
            settled: Condvar::new(),
        }
    }

    pub(super) fn wanted(&self) -> Wanted {
        self.state.lock().wanted.clone()
    }

    /// Changes what is wanted, and wakes everybody to look at it.
    pub(super) fn want(&self, change: impl FnOnce(&mut Wanted)) -> Wanted {
        let mut state = self.state.lock();
        change(&mut state.wanted);
        let wanted = state.wanted.clone();
        drop(state);
        self.wake_all();
        wanted
    }

    pub(super) fn submit(&self, work: Work) {
        let mut state = self.state.lock();
        let place = if work.task.is_urgent() {
            let queue = &state.queue;
            queue.iter().position(|other| !other.task.is_urgent())
        } else {
            None
        };
        let place = place.unwrap_or(state.queue.len());
        state.queue.insert(place, work);
        // Taken out of the set here, so that a second task right behind wakes another worker.
        if let Some(index) = state.waiting.pop_first() {
            self.wakes[index].notify_one();
        }
    }

    /// Takes a task out of the queue before anybody has begun with it.
    pub(super) fn withdraw(&self, id: TaskId) -> Option<Work> {
        let mut state = self.state.lock();
        let position = state.queue.iter().position(|work| work.id == id)?;
        state.queue.remove(position)
    }

    /// Takes all tasks out of the queue.
    pub(super) fn withdraw_all(&self) -> Vec<Work> {
        self.state.lock().queue.drain(..).collect()
    }

    /// Indexes of workers that are wanted and have no thread; they count as alive from now on.
    pub(super) fn missing_workers(&self) -> Vec<usize> {
        let mut state = self.state.lock();
        let missing: Vec<_> = (0..state.wanted.profile.connections)
            .filter(|index| !state.alive.contains(index))
            .collect();
        state.alive.extend(&missing);
        missing
    }

    /// Threads that could not be started after all.
    pub(super) fn never_started(&self, indexes: &[usize]) {
        let mut state = self.state.lock();
        for index in indexes {
            state.alive.remove(index);
        }
    }

    /// Waits until there is something for this worker.
    pub(super) fn next(&self, index: usize, seen: Seen, idle_since: Option<Instant>) -> Next {
        let mut state = self.state.lock();
        loop {
            if state.closing || index >= state.wanted.profile.connections {
                state.waiting.remove(&index);
                // A task that was meant for this worker goes to another one.
                if let Some(other) = (!state.queue.is_empty())
                    .then(|| state.waiting.pop_first())
                    .flatten()
                {
                    self.wakes[other].notify_one();
                }
                return Next::Leave;
            }
            if seen != state.wanted.seen() {
                state.waiting.remove(&index);
                return Next::Settle;
            }
            // Also right before the next task: whoever waits for it does not wait for that one.
            if let Some(settled) = state.settled.get_mut(index) {
                *settled = seen;
                self.settled.notify_all();
            }
            if let Some(work) = state.queue.pop_front() {
                state.waiting.remove(&index);
                state.busy.insert(index);
                self.settled.notify_all();
                return Next::Run(Box::new(work), state.wanted.clone());
            }
            state.waiting.insert(index);
            let idle_end = idle_since
                .zip(state.wanted.profile.idle_time)
                .map(|(since, idle_time)| since + idle_time);
            match idle_end {
                Some(end) if end <= Instant::now() => {
                    state.waiting.remove(&index);
                    return Next::CloseIdle;
                }
                Some(end) => {
                    self.wakes[index].wait_until(&mut state, end);
                }
                None => self.wakes[index].wait(&mut state),
            }
        }
    }

    /// SQLite's heap now, with and without what others have published.
    pub(super) fn heap_now(&self, index: usize) -> HeapNow {
        let all = status::sqlite_heap();
        let without_others = Bytes(all.0.saturating_sub(self.known_of_others(index)));
        HeapNow {
            all,
            without_others,
        }
    }

    /// Publishes what a worker has just read of its own connection.
    pub(super) fn publish(&self, index: usize, counters: CacheCounters) {
        let heap = self.heap_now(index);
        self.gauges[index].publish(counters, heap, self.clock.nanos());
    }

    /// What this connection holds, and what the heap holds beside the others if none of them works.
    /// To be called by its own worker.
    pub(super) fn heap_look(&self, index: usize) -> HeapLook {
        let known = self.gauges[index].known();
        let tasks = self.tasks_while_quiet(index);
        let others = self.known_of_others(index);
        let heap = status::sqlite_heap().0;
        // Looked at before and after: one of them may have done a whole task in between, or given
        // back what it kept.
        let others = others.max(self.known_of_others(index));
        let is_quiet = tasks.is_some() && tasks == self.tasks_while_quiet(index);
        HeapLook {
            known,
            alone: is_quiet.then(|| Bytes(heap.saturating_sub(others))),
        }
    }

    /// How many tasks others have begun; `None` while one of them works.
    pub(super) fn tasks_while_quiet(&self, index: usize) -> Option<u64> {
        self.others(index)
            .map(|gauge| gauge.tasks_while_quiet())
            .sum()
    }

    fn others(&self, index: usize) -> impl Iterator<Item = &Arc<Gauge>> {
        let gauges = self.gauges.iter().enumerate();
        gauges
            .filter(move |(other, _)| *other != index)
            .map(|(_, gauge)| gauge)
    }

    fn known_of_others(&self, index: usize) -> u64 {
        self.others(index).map(|gauge| gauge.known().0).sum()
    }

    /// This worker is done with its task. Answers with the last wish to close idle connections that
    /// came while it was busy.
    pub(super) fn free(&self, index: usize) -> u64 {
        let mut state = self.state.lock();
        state.busy.remove(&index);
        state.wanted.close_generation
    }

    /// What a connection has read back; `None`: it is closed.
    pub(super) fn applied(&self, index: usize, cache_size: Option<CacheSize>) {
        let mut state = self.state.lock();
        match cache_size {
            Some(cache_size) => state.cache_sizes.insert(index, cache_size),
            None => state.cache_sizes.remove(&index),
        };
    }

    /// The `cache_size` of each open connection, as it has read it back.
    pub(super) fn cache_sizes(&self) -> BTreeMap<usize, CacheSize> {
        self.state.lock().cache_sizes.clone()
    }

    /// This worker is done with its task, and watches whether the process's heap comes back.
    pub(super) fn watch(&self, index: usize) {
        self.state.lock().watching.insert(index);
    }

    /// This worker goes on.
    pub(super) fn watched(&self, index: usize) {
        self.state.lock().watching.remove(&index);
    }

    /// Waits until every worker without a task has taken over all changes.
    pub(super) fn wait_settled(&self, patience: Duration) -> Behind {
        let deadline = Instant::now() + patience;
        let mut state = self.state.lock();
        loop {
            let seen = state.wanted.seen();
            let is_behind = |index: &usize| state.settled.get(*index) != Some(&seen);
            let (busy, slow): (Vec<_>, Vec<_>) = (state.alive.iter().copied())
                .filter(is_behind)
                .partition(|index| state.busy.contains(index));
            let is_over = state.closing || slow.is_empty();
            if is_over || self.settled.wait_until(&mut state, deadline).timed_out() {
                return Behind { busy, slow };
            }
        }
    }

    /// Whether the engine is coming to its end.
    pub(super) fn is_closing(&self) -> bool {
        self.state.lock().closing
    }

    /// Whether another worker is busy with a task, so that the process's heap may still change.
    pub(super) fn others_are_busy(&self, index: usize) -> bool {
        let state = self.state.lock();
        state.alive.iter().any(|other| {
            *other != index && !state.waiting.contains(other) && !state.watching.contains(other)
        })
    }

    /// Waits a moment. `false` if there is work, so that waiting is no longer right.
    pub(super) fn pause(&self, index: usize, duration: Duration) -> bool {
        let mut state = self.state.lock();
        if !state.queue.is_empty() || state.closing {
            return false;
        }
        self.wakes[index].wait_for(&mut state, duration);
        state.queue.is_empty() && !state.closing
    }

    /// A worker calls this when its connection is closed. `false`: it is wanted again, and stays.
    pub(super) fn leave(&self, index: usize) -> bool {
        let mut state = self.state.lock();
        if !state.closing && index < state.wanted.profile.connections {
            return false;
        }
        state.alive.remove(&index);
        self.left.notify_all();
        self.settled.notify_all();
        true
    }

    /// Tells all workers to leave and waits for them, but not for ever: one may be inside a sort
    /// that SQLite cannot interrupt.
    pub(super) fn close(&self, patience: Duration) {
        let mut state = self.state.lock();
        state.closing = true;
        state.queue.clear();
        for wake in &self.wakes {
            wake.notify_all();
        }
        let deadline = Instant::now() + patience;
        while !state.alive.is_empty() {
            if self.left.wait_until(&mut state, deadline).timed_out() {
                tracing::warn!("a statement could not be interrupted; its thread is left behind");
                return;
            }
        }
    }

    fn wake_all(&self) {
        // Under the lock: a worker between its look at the state and its wait would miss it.
        let _state = self.state.lock();
        for wake in &self.wakes {
            wake.notify_all();
        }
    }
}

impl Wanted {
    pub(super) fn seen(&self) -> Seen {
        Seen {
            profile: self.profile_generation,
            target: self.target_generation,
            shrink: self.shrink_generation,
            reset: self.reset_generation,
            close: self.close_generation,
        }
    }
}
