//! One reading of the memory of this process, and where each number comes from.

use serde::{Deserialize, Serialize};
use sysinfo::System;

use crate::{db::status, units::Bytes};

/// What held how much memory at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemorySample {
    /// Seconds since the engine started.
    pub at_secs: f64,
    /// Resident set size of this process, as the operating system counts it.
    /// `None` where the platform does not tell.
    pub rss: Option<Bytes>,
    /// What SQLite has allocated for all connections together.
    pub sqlite_heap: Bytes,
    /// Memory that the machine, or the control group around us, could still give out.
    pub available: Option<Bytes>,
    /// Each connection as its own thread last published it.
    pub connections: Vec<ConnectionReading>,
    /// What the window holds beside SQLite.
    pub window: WindowMemory,
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
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(Bytes::kib(kib))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let pid = sysinfo::get_current_pid().ok()?;
        let mut system = System::new();
        system.refresh_processes(sysinfo::ProcessesToUpdate::Some(&[pid]), false);
        system.process(pid).map(|process| Bytes(process.memory()))
    }
}

/// Reads what concerns the whole process and the machine.
pub struct MachineReader {
    system: Option<System>,
}

impl Default for MachineReader {
    fn default() -> Self {
        Self {
            system: System::new().ok(),
        }
    }
}

impl MachineReader {
    /// A sample without its connections.
    pub fn read(&mut self, at_secs: f64) -> MemorySample {
        MemorySample {
            at_secs,
            rss: rss(),
            sqlite_heap: status::sqlite_heap(),
            available: self.available(),
            connections: Vec::new(),
            window: WindowMemory::default(),
        }
    }

    /// Memory that could still be given out: the machine's, or the control group's if that is less.
    pub fn available(&mut self) -> Option<Bytes> {
        let system = self.system.as_mut()?;
        system.refresh_memory();
        let machine = system.available_memory();
        let group = system.cgroup_limits().map(|limits| limits.free_memory);
        (machine > 0).then(|| Bytes(group.map_or(machine, |group| group.min(machine))))
    }

    /// Memory of the machine, or of the control group if that is less.
    pub fn total(&mut self) -> Option<Bytes> {
        let system = self.system.as_mut()?;
        system.refresh_memory();
        let machine = system.total_memory();
        let group = system.cgroup_limits().map(|limits| limits.total_memory);
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
