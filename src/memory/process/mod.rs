//! Another process, watched from outside: its memory, its end, its restart, its database file.
//!
//! Nothing here opens a file of that process or sends it a signal. On Linux everything is read
//! from `/proc`; elsewhere the `sysinfo` crate tells what it can, and the rest is `None`.

mod find;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(not(target_os = "linux"), test))]
mod other;
mod platform;
mod watched;

use std::path::PathBuf;

pub use self::{
    find::{as_pid, find, list},
    watched::Watched,
};
use crate::units::Bytes;

/// A process that could be watched: a line of a picker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessEntry {
    /// Its process id.
    pub pid: u32,
    /// The file name of its program where that can be read, otherwise the name that the kernel
    /// keeps of it, which ends after 15 bytes.
    pub name: String,
    /// Its resident set size: `VmRSS` of `/proc/PID/status`.
    pub rss: Bytes,
}

/// Whether the watched process can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProcessState {
    /// It lives. Whether it works or sleeps is not told apart.
    Running,
    /// It is gone, or a zombie, and none has followed it yet.
    #[default]
    Ended,
    /// The system does not let us look; [`ProcessReading::trouble`] says why.
    Unreadable,
}

/// One look at the watched process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessReading {
    /// The process; after its end the one that was watched, until another follows it.
    pub pid: u32,
    /// Whether it can be read.
    pub state: ProcessState,
    /// Resident set size: `VmRSS` of `/proc/PID/status`.
    pub rss: Option<Bytes>,
    /// The largest resident set size since it started: `VmHWM` of `/proc/PID/status`.
    pub peak: Option<Bytes>,
    /// Its threads: `Threads` of `/proc/PID/status`.
    pub threads: Option<u32>,
    /// The database file that it has open, at most a second old. `None` if it has none open.
    pub file: Option<OpenFile>,
    /// Size of the write-ahead log beside [`Self::file`], at most a second old. `None` if there is
    /// none.
    pub wal: Option<Bytes>,
    /// What could not be read and why, as a sentence for the user.
    pub trouble: Option<String>,
}

/// A file that another process has open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenFile {
    /// Its path as that process sees it, which differs from ours in a container.
    pub path: PathBuf,
    /// Its size on disk.
    pub bytes: Bytes,
}

/// Something that happened to the watched process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessEvent {
    /// It ended.
    Ended {
        /// The process.
        pid: u32,
        /// Its name.
        name: String,
        /// Its resident set size when it was last read, a tenth of a second before as a rule.
        rss: Option<Bytes>,
    },
    /// A process of the same name started after the end, and is watched from now on.
    Restarted {
        /// The process that ended.
        old: u32,
        /// The process that followed it.
        new: u32,
        /// The name of the new one.
        name: String,
    },
}

impl ProcessEvent {
    /// What happened, for a mark on the chart.
    pub fn sentence(&self) -> String {
        match self {
            Self::Ended {
                pid,
                name,
                rss: Some(rss),
            } => format!("{name} (pid {pid}) ended; its RSS was {rss}"),
            Self::Ended {
                pid,
                name,
                rss: None,
            } => format!("{name} (pid {pid}) ended"),
            Self::Restarted { old: _, new, name } => format!("{name} started again as pid {new}"),
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
