//! What the sampling thread does beside reading: it fills in what the engine knows, guards the
//! machine's memory, watches another process and the clock.

use std::{
    cmp::Reverse,
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
        mpsc::TrySendError,
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;

use super::{
    cancel::StopReason,
    message::{Event, News, TaskId},
    outlet::Outlet,
    pool::Pool,
};
use crate::{
    db::{connection, profile::MAX_CONNECTIONS},
    memory::{
        aside::Aside,
        process::Watched,
        sample::{ConnectionReading, ConnectionState, MemorySample},
        sampler::Complete,
    },
    units::Bytes,
};

/// The memory guard's setting, and what it did last.
#[derive(Default)]
pub(super) struct Guard {
    /// Keep this much available; `None`: off.
    pub keep: Mutex<Option<Bytes>>,
    /// For each connection: what should have stayed available when it last acted there, and what
    /// was.
    pub acted: Mutex<[(Bytes, Bytes); MAX_CONNECTIONS]>,
}

/// Another process that is watched beside this one. Only the newest wish counts: to find a name, all
/// processes of the machine are looked at, and a pid that was asked for later is found before.
#[derive(Default)]
pub(super) struct WatchSlot {
    process: Mutex<Option<Watched>>,
    newest: AtomicU64,
}

impl WatchSlot {
    /// Somebody wants to watch another process. The answer is the place among all such wishes.
    pub(super) fn wish(&self) -> u64 {
        self.newest.fetch_add(1, SeqCst) + 1
    }

    /// Nobody is watched any more.
    pub(super) fn clear(&self) {
        let mut process = self.process.lock();
        self.wish();
        *process = None;
    }

    /// `false`: something newer was wished meanwhile.
    pub(super) fn is_newest(&self, wish: u64) -> bool {
        self.newest.load(SeqCst) == wish
    }

    /// Watches what was found for a wish, unless there is a newer one: `false`.
    pub(super) fn watch(&self, wish: u64, found: Watched) -> bool {
        let mut process = self.process.lock();
        // Looked at under the lock: a newer one may have been served meanwhile.
        let is_newest = self.is_newest(wish);
        if is_newest {
            *process = Some(found);
        }
        is_newest
    }
}

/// After a stop, memory needs a moment to come back before the next task has to go.
const GUARD_PATIENCE: Duration = Duration::from_secs(2);

/// The clock may be off by this much before it counts as set: time daemons slew it all day.
const CLOCK_TOLERANCE_SECS: f64 = 2.0;

/// Between two looks at which database is open.
const TARGET_INTERVAL: Duration = Duration::from_secs(1);

/// Marks that nobody has had room for are kept up to this number.
const MAX_UNTOLD: usize = 1_000;

/// The engine's part of the sampling thread.
pub(super) struct Observer {
    pool: Arc<Pool>,
    out: Outlet,
    /// What has found no room yet. A mark is not worth a sampler that waits, but worth another try.
    untold: VecDeque<News>,
    database: Option<PathBuf>,
    database_due: Instant,
    /// Looks at the write-ahead log of a database, which may lie on a disk that does not answer.
    logs: Option<Aside<PathBuf, Option<Bytes>>>,
    guarded: Option<Instant>,
    wall: WallClock,
}

impl Observer {
    pub(super) fn new(pool: Arc<Pool>, out: Outlet) -> Self {
        let wall = WallClock::new(pool.clock.secs(), unix_secs());
        Self {
            pool,
            out,
            untold: VecDeque::new(),
            database: None,
            database_due: Instant::now(),
            // Without a thread the size is not told.
            logs: Aside::start("jobscope-wal", |database: &PathBuf| log_size(database)).ok(),
            guarded: None,
            wall,
        }
    }

    fn tell(&mut self, event: Event) {
        if self.untold.len() < MAX_UNTOLD {
            self.untold.push_back(News {
                at_secs: self.pool.clock.secs(),
                event,
            });
        }
    }

    fn send_untold(&mut self) {
        while let Some(news) = self.untold.pop_front() {
            match self.out.try_send(news) {
                Ok(()) => {}
                Err(TrySendError::Full(news)) => {
                    self.untold.push_front(news);
                    return;
                }
                Err(TrySendError::Disconnected(_)) => return,
            }
        }
    }

    fn watch_process(&mut self, sample: &mut MemorySample) {
        let pool = Arc::clone(&self.pool);
        let mut watched = pool.watched.process.lock();
        let Some(process) = watched.as_mut() else {
            return;
        };
        sample.other = Some(process.read(sample.at_secs));
        let events = process.events();
        drop(watched);
        for event in events {
            self.tell(Event::Process {
                text: event.sentence(),
            });
        }
    }

    /// Stops the largest task while memory is about to run out.
    fn guard(&mut self, sample: &MemorySample) {
        let keep = *self.pool.guard.keep.lock();
        let (Some(keep), Some(available)) = (keep, sample.available) else {
            return;
        };
        let is_patient = self
            .guarded
            .is_some_and(|acted| acted.elapsed() < GUARD_PATIENCE);
        if available >= keep || is_patient {
            return;
        }
        for (connection, holds) in by_size(sample) {
            let now = self.pool.clock.nanos();
            // Held over both: the receipt must not be written in between.
            let mut acted = self.pool.guard.acted.lock();
            let interrupter = &self.pool.interrupters[connection];
            // One that was asked before is on its way out, and its memory may not be enough.
            let Some(TaskId(number)) = interrupter.stop(StopReason::Guard, now) else {
                continue;
            };
            if let Some(acted) = acted.get_mut(connection) {
                *acted = (keep, available);
            }
            drop(acted);
            self.guarded = Some(Instant::now());
            self.tell(Event::GuardActed {
                text: format!(
                    "Task {number} on connection {} is stopped: {available} available, the guard \
                     keeps {keep} free, and it held the most ({holds})",
                    connection + 1
                ),
            });
            return;
        }
    }

    fn look_at_clock(&mut self, at_secs: f64) {
        let clock = self.pool.clock;
        // A sampler that had to wait for the processor is late on both clocks: they are read anew.
        let looks = [(at_secs, unix_secs()), (clock.secs(), unix_secs())];
        if let Some(by_secs) = self.wall.changed(looks) {
            self.tell(Event::ClockChanged { by_secs });
        }
    }
}

impl Complete for Observer {
    fn wal(&mut self) -> Option<Bytes> {
        let now = Instant::now();
        if now >= self.database_due {
            self.database_due = now + TARGET_INTERVAL;
            let database = self.pool.wanted().target.map(|target| target.path);
            if database != self.database {
                if let Some(process) = self.pool.watched.process.lock().as_mut() {
                    process.prefer(database.clone());
                }
                self.database = database;
            }
        }
        let database = self.database.as_ref()?;
        self.logs.as_ref()?.ask(database)?
    }

    fn complete(&mut self, sample: &mut MemorySample) {
        // Read after that time: what began later has no part in it.
        let begun_nanos = (sample.at_secs * 1e9) as u64;
        for gauge in &self.pool.gauges {
            gauge.see(sample.sqlite_heap, sample.rss, begun_nanos);
        }
        // A sampler that had to wait since it began reads counters of now: rates divide by this time.
        let now = self.pool.clock.nanos();
        sample.at_secs = now as f64 / 1e9;
        let gauges = self.pool.gauges.iter();
        sample.connections = gauges.map(|gauge| gauge.read(now)).collect();
        sample.window = self.pool.window.read();
        self.watch_process(sample);
        self.guard(sample);
        self.look_at_clock(sample.at_secs);
        self.send_untold();
        self.out.tap.sample(sample);
    }
}

/// Looked at and never opened: closing it would drop SQLite's locks.
fn log_size(database: &Path) -> Option<Bytes> {
    let found = std::fs::metadata(connection::wal_path(database)).ok()?;
    Some(Bytes(found.len()))
}

fn unix_secs() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

/// The machine's clock beside the engine's, which only goes forwards and is never set.
struct WallClock {
    /// Unix seconds less seconds on the engine's clock.
    offset: f64,
}

impl WallClock {
    fn new(engine_secs: f64, unix_secs: f64) -> Self {
        Self {
            offset: unix_secs - engine_secs,
        }
    }

    /// How far the clock went ahead (or, negative, back) since the last change. Only what two looks
    /// at both clocks (engine, Unix) agree on counts.
    fn changed(&mut self, looks: [(f64, f64); 2]) -> Option<f64> {
        let by_secs = looks.map(|(engine_secs, unix_secs)| unix_secs - engine_secs - self.offset);
        let is_set = by_secs.iter().all(|by| by.abs() > CLOCK_TOLERANCE_SECS);
        let [_, by_secs] = by_secs;
        is_set.then(|| {
            self.offset += by_secs;
            by_secs
        })
    }
}

/// The busy connections, the one that holds the most first, and what each holds.
///
/// SQLite does not tell whose sorter it is that fills its heap. Where sorters hold more than any page
/// cache, it is taken to be that of the connection that has been silent for longest: while it sorts
/// in memory, SQLite lets nobody look.
fn by_size(sample: &MemorySample) -> Vec<(usize, String)> {
    let all = sample.connections.iter().enumerate();
    let mut busy: Vec<(usize, &ConnectionReading)> = all
        .filter(|(_, reading)| reading.state == ConnectionState::Busy)
        .collect();
    busy.sort_by_key(|(_, reading)| Reverse(reading.cache_used));
    let sorters = sample.sqlite_rest();
    let sorts = busy
        .first()
        .is_some_and(|(_, largest)| sorters > largest.cache_used);
    if sorts {
        // Stable: among equally silent ones, the larger cache stays first.
        busy.sort_by(|(_, a), (_, b)| b.silent_secs.total_cmp(&a.silent_secs));
    }
    busy.iter()
        .enumerate()
        .map(|(place, (index, reading))| {
            let holds = if sorts && place == 0 {
                format!("sorts and statements hold {sorters}, and it has been silent for longest")
            } else {
                format!("{} of page cache", reading.cache_used)
            };
            (*index, holds)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(cache_mib: u64, silent_secs: f64) -> ConnectionReading {
        ConnectionReading {
            state: ConnectionState::Busy,
            cache_used: Bytes::mib(cache_mib),
            silent_secs,
            ..ConnectionReading::default()
        }
    }

    #[test]
    fn the_largest_cache_goes_first_unless_a_sort_holds_more() {
        let idle = ConnectionReading {
            state: ConnectionState::Idle,
            cache_used: Bytes::gib(9),
            ..ConnectionReading::default()
        };
        let mut sample = MemorySample {
            sqlite_heap: Bytes(Bytes::gib(9).0 + Bytes::mib(350).0),
            connections: vec![reading(100, 3.0), idle, reading(200, 0.0)],
            ..MemorySample::default()
        };
        let order = |sample: &MemorySample| -> Vec<usize> {
            let order = by_size(sample);
            order.into_iter().map(|(index, _)| index).collect()
        };
        assert_eq!(order(&sample), [2, 0], "the idle one has no task to stop");
        sample.sqlite_heap.0 += Bytes::gib(1).0;
        assert_eq!(order(&sample), [0, 2]);
        sample.connections.clear();
        assert_eq!(order(&sample), [0; 0], "nothing runs");
    }

    #[test]
    fn a_clock_that_was_set_is_told_once_and_one_that_drifts_never() {
        let mut wall = WallClock::new(100.0, 1_000_100.0);
        let both = |engine: f64, unix: f64| [(engine, unix), (engine, unix)];
        assert_eq!(wall.changed(both(101.0, 1_000_101.0)), None);
        assert_eq!(
            wall.changed(both(200.0, 1_000_201.9)),
            None,
            "within what time daemons do"
        );
        assert_eq!(wall.changed(both(201.0, 1_003_801.0)), Some(3_600.0));
        assert_eq!(wall.changed(both(201.1, 1_003_801.1)), None, "told once");
        let back = wall.changed(both(300.0, 1_000_300.0)).expect("set back");
        assert!((back + 3_600.0).abs() < 1e-6, "{back}");
    }

    #[test]
    fn a_sampler_that_had_to_wait_between_both_clocks_does_not_take_one_for_set() {
        let mut wall = WallClock::new(0.0, 1_000.0);
        // Five seconds passed between its look at the engine's clock and its look at the other.
        assert_eq!(wall.changed([(10.0, 1_015.0), (15.0, 1_015.0)]), None);
        // The same on the second look: the first one knows better.
        assert_eq!(wall.changed([(20.0, 1_020.0), (20.0, 1_025.0)]), None);
    }

    #[test]
    fn a_clock_that_is_set_back_to_where_it_was_is_told_twice() {
        let mut wall = WallClock::new(0.0, 1_000.0);
        let both = |engine: f64, unix: f64| [(engine, unix), (engine, unix)];
        assert_eq!(wall.changed(both(1.0, 1_011.0)), Some(10.0));
        assert_eq!(wall.changed(both(2.0, 1_002.0)), Some(-10.0));
    }

    /// One without anybody who listens.
    fn observer() -> (Observer, Arc<Pool>) {
        let pool = Arc::new(Pool::new(crate::db::profile::MemoryProfile::jobscope()));
        let (news, _incoming) = std::sync::mpsc::sync_channel(1);
        let out = Outlet {
            news,
            wake: Arc::new(|| ()),
            tap: super::super::outlet::Tap::default(),
        };
        (Observer::new(Arc::clone(&pool), out), pool)
    }

    #[test]
    fn what_the_sampler_sees_resident_counts_for_the_tasks_that_ran_then() {
        use std::sync::atomic::Ordering::Relaxed;

        use super::super::gauge::HeapNow;

        let (mut observer, pool) = observer();
        let begin = |index: usize, nanos: u64| {
            let rss = Some(Bytes::mib(30));
            pool.gauges[index].begin(1, nanos, HeapNow::default(), rss);
        };
        let peaks = || [0, 1, 2].map(|index| pool.gauges[index].rss_peak.load(Relaxed) >> 20);
        let read = |rss: u64, at_secs: f64| MemorySample {
            at_secs,
            rss: Some(Bytes::mib(rss)),
            ..MemorySample::default()
        };
        begin(0, 1_000_000_000);
        begin(1, 3_000_000_000);
        // The second task began after that reading, on the third connection nothing runs.
        observer.complete(&mut read(900, 2.0));
        assert_eq!(peaks(), [900, 30, 0]);
        observer.complete(&mut read(700, 4.0));
        assert_eq!(peaks(), [900, 700, 0]);
        begin(0, 5_000_000_000);
        assert_eq!(peaks(), [30, 700, 0], "the next task begins anew");
    }

    #[test]
    fn a_sample_has_the_time_at_which_its_counters_were_read() {
        let (mut observer, pool) = observer();
        // It began to read three seconds ago, and had to wait for the processor.
        let before = pool.clock.secs();
        let mut sample = MemorySample {
            at_secs: before - 3.0,
            ..MemorySample::default()
        };
        observer.complete(&mut sample);
        assert!(sample.at_secs >= before, "{before} {}", sample.at_secs);
    }
    #[test]
    #[cfg(target_os = "linux")]
    fn an_older_wish_to_watch_that_is_found_late_changes_nothing() {
        // Our own parent: a process that is there, and not ours.
        let found = || Watched::start(std::os::unix::process::parent_id()).expect("a parent");
        let slot = WatchSlot::default();
        let (by_name, by_pid) = (slot.wish(), slot.wish());
        assert!(slot.watch(by_pid, found()));
        assert!(!slot.watch(by_name, found()), "found late");
        assert!(!slot.is_newest(by_name) && slot.is_newest(by_pid));
        let last = slot.wish();
        slot.clear();
        assert!(!slot.watch(last, found()), "nobody, by now");
        assert!(slot.process.lock().is_none());
    }
}
