//! What is asked of the operating system, in words that are the same on each.

use std::time::Duration;

#[cfg(target_os = "linux")]
pub(super) use super::linux::{Reader, database, now, one, several};
#[cfg(not(target_os = "linux"))]
pub(super) use super::other::{Reader, database, now, one, several};
use super::{OpenFile, ProcessEntry};
use crate::units::Bytes;

/// Which process it is. A pid alone may be given to another one after its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) pid: u32,
    /// When it started, since the machine did (Linux), or in Unix time.
    pub(super) started: Duration,
}

/// A process and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) identity: Identity,
    /// File name of the program, as long as it is; [`Self::short_name`] if that cannot be read.
    pub(super) name: String,
    /// What the kernel calls it. Always readable, but cut off after 15 bytes on Linux.
    pub(super) short_name: String,
    pub(super) rss: Bytes,
}

impl Found {
    pub(super) fn entry(&self) -> ProcessEntry {
        ProcessEntry {
            pid: self.identity.pid,
            name: self.name.clone(),
            rss: self.rss,
        }
    }

    /// Whether both are runs of one program.
    ///
    /// The short name alone would mix up programs whose names begin alike, the long one alone all
    /// scripts of one interpreter.
    pub(super) fn same_program(&self, other: &Self) -> bool {
        let one_is_short = self.name == self.short_name || other.name == other.short_name;
        self.short_name == other.short_name && (self.name == other.name || one_is_short)
    }
}

/// One look at a process that is known already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// A process has this pid; whether it is the same one is told by its start.
    Alive(Vitals),
    /// No process has this pid, or only a zombie.
    Gone,
    /// Why it cannot be read, as a sentence.
    Unreadable(String),
}

/// What is read ten times a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Vitals {
    /// See [`Identity::started`].
    pub(super) started: Duration,
    pub(super) rss: Option<Bytes>,
    pub(super) peak: Option<Bytes>,
    pub(super) threads: Option<u32>,
}

/// The database file of a process, read once a second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Database {
    pub(super) file: Option<OpenFile>,
    pub(super) wal: Option<Bytes>,
}
