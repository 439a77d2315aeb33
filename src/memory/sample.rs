//! One reading of the memory of this process, and where each number comes from.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sysinfo::System;

use super::{
    cgroup::{Group, GroupReader},
    process::ProcessReading,
};
use crate::{
    db::status::{self, AllocatorReading},
    units::Bytes,
};

/// What held how much memory at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemorySample {
    /// Seconds since the engine started, when the connections' counters were read.
    pub at_secs: f64,
    /// Resident set size of this process, as the operating system counts it.
    /// `None` where the platform does not tell.
    pub rss: Option<Bytes>,
    /// What SQLite has allocated for all connections together.
    pub sqlite_heap: Bytes,
    /// The most that [`Self::sqlite_heap`] has been since the process started.
    pub sqlite_heap_peak: Bytes,
    /// Memory that the machine, or the control group around us, could still give out.
    pub available: Option<Bytes>,
    /// Each connection as its own thread last published it.
    pub connections: Vec<ConnectionReading>,
    /// What the window holds beside SQLite.
    pub window: WindowMemory,
    /// What is dear to read, in the samples in which it was read: once a second.
    pub slow: Option<SlowReading>,
    /// Another process that is watched beside this one.
    pub other: Option<ProcessReading>,
}

/// What takes the kernel or the allocator long enough to be asked once a second only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlowReading {
    /// Proportional set size: pages that several processes share count in parts.
    /// `Pss` of `/proc/self/smaps_rollup`.
    pub pss: Option<Bytes>,
    /// Memory that belongs to no file: heap and stacks. `Anonymous` of `/proc/self/smaps_rollup`.
    pub anonymous: Option<Bytes>,
    /// What the C library's allocator has given out and what it has free; glibc only.
    pub allocator: Option<AllocatorReading>,
    /// The control group's limit on memory, and what counts against it.
    pub group: Option<Group>,
    /// Size of the write-ahead log beside the open database.
    pub wal: Option<Bytes>,
}

impl SlowReading {
    /// Memory that was freed and that the allocator has not returned to the operating system.
    ///
    /// An estimate: what is resident and anonymous beyond what the allocator has given out, and
    /// never more than it says it has free. Stacks and a graphics driver's memory make it too
    /// large, memory that was given out and never written to makes it too small.
    pub fn kept(&self) -> Option<Bytes> {
        let allocator = self.allocator?;
        let beyond = self.anonymous?.0.saturating_sub(allocator.in_use.0);
        Some(Bytes(beyond.min(allocator.free.0)))
    }
}

/// What the window holds beside SQLite: a part of RSS, not of SQLite's heap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowMemory {
    /// Rows that were fetched, counted as they are held.
    pub rows: Bytes,
    /// The position index of the list.
    pub positions: Bytes,
}

impl WindowMemory {
    /// Both together.
    pub fn total(&self) -> Bytes {
        Bytes(self.rows.0 + self.positions.0)
    }
}

impl MemorySample {
    /// The page caches of all connections together.
    pub fn caches(&self) -> Bytes {
        Bytes(self.connections.iter().map(|c| c.cache_used.0).sum())
    }

    /// What SQLite's heap holds beside page caches: sorters, statements, schemas.
    pub fn sqlite_rest(&self) -> Bytes {
        Bytes(self.sqlite_heap.0.saturating_sub(self.caches().0))
    }

    /// How long the oldest read snapshot of ours has been held. While it is, a write-ahead log
    /// cannot be reset.
    pub fn snapshot_secs(&self) -> Option<f64> {
        let held = self.connections.iter().filter_map(|c| c.snapshot_secs);
        held.max_by(f64::total_cmp)
    }
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    /// Not opened yet, or closed after its idle time.
    #[default]
    Closed,
    /// Open, with whatever its page cache kept.
    Idle,
    /// Working on a task.
    Busy,
}

/// One connection, as the thread that owns it last published it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ConnectionReading {
    /// What it is doing.
    pub state: ConnectionState,
    /// The number of the task it works on.
    pub task: Option<u64>,
    /// Its page cache.
    pub cache_used: Bytes,
    /// Pages found in the cache since the connection was opened.
    pub cache_hits: u64,
    /// Pages read from the file since the connection was opened.
    pub cache_misses: u64,
    /// Changed pages that were written because the cache was full, since the connection was opened.
    pub cache_spills: u64,
    /// The parsed schema (`SQLITE_DBSTATUS_SCHEMA_USED`).
    pub schema_used: Bytes,
    /// Prepared statements, without their sorters (`SQLITE_DBSTATUS_STMT_USED`).
    pub statements_used: Bytes,
    /// How long it has held its read snapshot; `None` if it holds none.
    pub snapshot_secs: Option<f64>,
    /// Rows that the task has produced so far.
    pub rows: u64,
    /// VM instructions of the task so far, counted in thousands.
    pub vm_steps: u64,
    /// Seconds that the task has run, or that the connection has been idle.
    pub state_secs: f64,
    /// Seconds since SQLite last let us look; large while it sorts in memory.
    pub silent_secs: f64,
}

/// Resident set size of this process.
///
/// On Linux `VmRSS` of `/proc/self/status`, which takes 15 µs; elsewhere from the `sysinfo` crate.
pub fn rss() -> Option<Bytes> {
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        kib_of(&status, "VmRSS:")
    }
    #[cfg(not(target_os = "linux"))]
    {
        let pid = sysinfo::get_current_pid().ok()?;
        let mut system = System::new().ok()?;
        system.refresh_processes(sysinfo::ProcessesToUpdate::Some(&[pid]), false);
        system.process(pid).map(|process| Bytes(process.memory()))
    }
}

/// `Pss` and `Anonymous` of this process.
///
/// The kernel walks through all its pages for that: fractions of a millisecond for a small process,
/// milliseconds for each gibibyte of a large one.
fn rollup() -> (Option<Bytes>, Option<Bytes>) {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    (kib_of(&text, "Pss:"), kib_of(&text, "Anonymous:"))
}

/// The number in kB behind `name` in one of the kernel's lists.
fn kib_of(text: &str, name: &str) -> Option<Bytes> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(Bytes::kib(kib))
}

/// Between two slow readings.
const SLOW_INTERVAL: Duration = Duration::from_secs(1);

/// The longest time without one.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A slow reading may take this part of the time: it holds locks that a query needs, too.
const SLOW_SHARE: u32 = 150;

/// SQLite's heap has fallen by this much, and by a quarter, before it is worth a reading of its own.
const FALLEN: Bytes = Bytes::mib(8);

/// When what is slow to read is read.
#[derive(Debug)]
struct SlowTurns {
    /// When the next regular reading is due.
    due: Instant,
    last: Option<LastSlow>,
    /// One was taken out of turn since the last regular one.
    had_extra: bool,
}

/// What there was when the last slow reading was taken.
#[derive(Clone, Copy, Debug)]
struct LastSlow {
    taken: Instant,
    rss: Option<Bytes>,
    /// The largest that SQLite's heap has been since then.
    heap: Bytes,
}

/// Whether a slow reading is taken now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    No,
    Regular,
    Extra,
}

impl SlowTurns {
    fn new(now: Instant) -> Self {
        Self {
            due: now,
            last: None,
            had_extra: false,
        }
    }

    /// A process that has given memory back is quick to read, and what was read before is no longer
    /// true: an estimate of what the allocator keeps, above all. So is one whose SQLite has freed
    /// what the allocator may have kept.
    fn turn(&mut self, now: Instant, rss: Option<Bytes>, heap: Bytes) -> Turn {
        let Some(last) = &mut self.last else {
            return Turn::Regular;
        };
        last.heap = last.heap.max(heap);
        if now >= self.due {
            return Turn::Regular;
        }
        let has_fallen = |before: Bytes, now: Bytes| now.0 < before.0 / 4 * 3;
        let has_shrunk = (last.rss.zip(rss)).is_some_and(|(before, rss)| has_fallen(before, rss));
        let has_freed = has_fallen(last.heap, heap) && heap.0 + FALLEN.0 < last.heap.0;
        let may_be = !self.had_extra && now >= last.taken + SLOW_INTERVAL;
        if may_be && (has_shrunk || has_freed) {
            Turn::Extra
        } else {
            Turn::No
        }
    }

    /// One was taken, and cost this much of a processor's time.
    fn took(&mut self, turn: Turn, cost: Duration, last: LastSlow) {
        self.due = last.taken + (cost * SLOW_SHARE).clamp(SLOW_INTERVAL, LONGEST_PAUSE);
        self.last = Some(last);
        self.had_extra = turn == Turn::Extra;
    }
}

/// What something costs this thread. Waiting for the processor is no cost, where the system tells.
struct Cost {
    began: Instant,
    worked: Option<Duration>,
}

impl Cost {
    fn begin() -> Self {
        Self {
            began: Instant::now(),
            worked: worked(),
        }
    }

    fn end(self) -> Duration {
        let took = self.began.elapsed();
        let worked = self.worked.zip(worked());
        // It is counted in ticks, and one may hold what was before.
        worked.map_or(took, |(before, now)| now.saturating_sub(before).min(took))
    }
}

/// How long this thread has had a processor; `None` where the system does not tell.
fn worked() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

/// Reads what concerns the whole process and the machine.
pub struct MachineReader {
    system: Option<System>,
    group: GroupReader,
    /// As it was read last: once a second is often enough.
    last_group: Option<Group>,
    slow: SlowTurns,
}

impl Default for MachineReader {
    fn default() -> Self {
        Self {
            system: System::new().ok(),
            group: GroupReader::default(),
            last_group: None,
            slow: SlowTurns::new(Instant::now()),
        }
    }
}

impl MachineReader {
    /// A sample without its connections; once a second with a slow reading. `wal` is looked at
    /// only then.
    pub fn read(&mut self, at_secs: f64, wal: impl FnOnce() -> Option<Bytes>) -> MemorySample {
        let now = Instant::now();
        let rss = rss();
        let heap = status::sqlite_heap();
        let turn = self.slow.turn(now, rss, heap);
        let slow = (turn != Turn::No).then(|| {
            let cost = Cost::begin();
            let reading = self.read_slowly(wal);
            let last = LastSlow {
                taken: now,
                rss,
                heap,
            };
            self.slow.took(turn, cost.end(), last);
            reading
        });
        // After what is slow, so that all numbers are of one moment.
        let rss = if slow.is_some() { self::rss() } else { rss };
        MemorySample {
            at_secs,
            rss,
            sqlite_heap: status::sqlite_heap(),
            sqlite_heap_peak: status::sqlite_heap_highwater(),
            available: self.available(),
            slow,
            ..MemorySample::default()
        }
    }

    fn read_slowly(&mut self, wal: impl FnOnce() -> Option<Bytes>) -> SlowReading {
        let (pss, anonymous) = rollup();
        self.last_group = self.group.read();
        SlowReading {
            pss,
            anonymous,
            allocator: status::allocator(),
            group: self.last_group,
            wal: wal(),
        }
    }

    /// Memory that could still be given out: the machine's, or the control group's if that is less.
    pub fn available(&mut self) -> Option<Bytes> {
        let system = self.system.as_mut()?;
        system.refresh_memory();
        let machine = system.available_memory();
        // The guard looks at it: where there is a limit, it is as fresh as the machine's number.
        if self.last_group.is_some() {
            self.last_group = self.group.read();
        }
        let group = self.last_group.map(|group| group.room().0);
        (machine > 0).then(|| Bytes(group.map_or(machine, |group| group.min(machine))))
    }

    /// Memory of the machine, or of the control group if that is less.
    pub fn total(&mut self) -> Option<Bytes> {
        let system = self.system.as_mut()?;
        system.refresh_memory();
        let machine = system.total_memory();
        let group = self.group.read().map(|group| group.limit.0);
        (machine > 0).then(|| Bytes(group.map_or(machine, |group| group.min(machine))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(taken: Instant, heap: Bytes) -> LastSlow {
        LastSlow {
            taken,
            rss: None,
            heap,
        }
    }

    #[test]
    fn a_slow_reading_is_due_by_what_the_one_before_cost() {
        let begin = Instant::now();
        let heap = Bytes::mib(100);
        let mut turns = SlowTurns::new(begin);
        assert_eq!(turns.turn(begin, None, heap), Turn::Regular);
        for (cost_ms, pause_ms) in [(0, 1_000), (6, 1_000), (20, 3_000), (9_000, 30_000)] {
            let cost = Duration::from_millis(cost_ms);
            turns.took(Turn::Regular, cost, last(begin, heap));
            let after = |ms| begin + Duration::from_millis(ms);
            assert_eq!(turns.turn(after(pause_ms - 1), None, heap), Turn::No);
            assert_eq!(turns.turn(after(pause_ms), None, heap), Turn::Regular);
        }
    }

    #[test]
    fn what_sqlite_has_freed_is_worth_one_reading_out_of_turn() {
        let begin = Instant::now();
        let after = |ms| begin + Duration::from_millis(ms);
        let dear = Duration::from_millis(100);
        let mut turns = SlowTurns::new(begin);
        turns.took(Turn::Regular, dear, last(begin, Bytes::mib(10)));
        let mut turn = |ms, mib| turns.turn(after(ms), None, Bytes::mib(mib));
        assert_eq!(turn(1_500, 40), Turn::No, "it has grown");
        assert_eq!(turn(1_600, 31), Turn::No, "less than a quarter");
        assert_eq!(turn(1_700, 29), Turn::Extra);
        turns.took(Turn::Extra, dear, last(after(1_700), Bytes::mib(29)));
        let mut turn = |ms, mib| turns.turn(after(ms), None, Bytes::mib(mib));
        assert_eq!(turn(2_900, 1), Turn::No, "one between two regular ones");
        assert_eq!(turn(16_700, 1), Turn::Regular);
        turns.took(Turn::Regular, dear, last(after(16_700), Bytes::mib(9)));
        let mut turn = |ms, mib| turns.turn(after(ms), None, Bytes::mib(mib));
        assert_eq!(turn(18_000, 2), Turn::No, "less than 8 MiB");
        assert_eq!(turn(18_000, 50), Turn::No);
        turns.took(Turn::Regular, dear, last(after(18_000), Bytes::mib(50)));
        let mut turn = |ms, mib| turns.turn(after(ms), None, Bytes::mib(mib));
        assert_eq!(turn(18_900, 1), Turn::No, "a second has not passed");
        assert_eq!(turn(19_000, 1), Turn::Extra);
    }

    #[test]
    fn waiting_costs_nothing_where_the_system_tells_who_worked() {
        if worked().is_none() {
            return;
        }
        let cost = Cost::begin();
        std::thread::sleep(Duration::from_millis(100));
        let cost = cost.end();
        assert!(cost < Duration::from_millis(50), "{cost:?}");
    }

    #[test]
    fn this_process_is_resident() {
        let before = rss().expect("this platform tells");
        assert!(before > Bytes::mib(1), "{before}");
        let block = vec![1_u8; 64 << 20];
        let with_block = rss().expect("this platform tells");
        assert!(
            with_block.0 > before.0 + (48 << 20),
            "64 MiB were written: {before} → {with_block}, {}",
            block.len()
        );
    }
}
