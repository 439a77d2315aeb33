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
    /// Pages spilled since the connection was opened.
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
const SLOW_SHARE: u32 = 250;

/// Reads what concerns the whole process and the machine.
pub struct MachineReader {
    system: Option<System>,
    group: GroupReader,
    /// As it was read last: once a second is often enough.
    last_group: Option<Group>,
    slow_due: Instant,
    /// When the last slow reading was taken, and what was resident then.
    slow_taken: Option<(Instant, Bytes)>,
}

impl Default for MachineReader {
    fn default() -> Self {
        Self {
            system: System::new().ok(),
            group: GroupReader::default(),
            last_group: None,
            slow_due: Instant::now(),
            slow_taken: None,
        }
    }
}

impl MachineReader {
    /// A sample without its connections; once a second with a slow reading. `wal` is looked at
    /// only then.
    pub fn read(&mut self, at_secs: f64, wal: impl FnOnce() -> Option<Bytes>) -> MemorySample {
        let now = Instant::now();
        let rss = rss();
        let is_due = now >= self.slow_due || self.has_shrunk(now, rss);
        let slow = is_due.then(|| self.read_slowly(wal));
        if slow.is_some() {
            // A stall for want of the processor is no cost, and must not blind for minutes.
            let pause = (now.elapsed() * SLOW_SHARE).clamp(SLOW_INTERVAL, LONGEST_PAUSE);
            self.slow_due = now + pause;
            self.slow_taken = rss.map(|rss| (now, rss));
        }
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

    /// A process that has given memory back is quick to read, and what was read before is no longer
    /// true: an estimate of what the allocator keeps, above all.
    fn has_shrunk(&self, now: Instant, rss: Option<Bytes>) -> bool {
        let Some(((taken, before), rss)) = self.slow_taken.zip(rss) else {
            return false;
        };
        now >= taken + SLOW_INTERVAL && rss.0 < before.0 / 4 * 3
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
