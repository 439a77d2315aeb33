//! The quantities that are measured over time: what each is, in plain words, and where it comes from.

use super::sample::{MemorySample, SlowReading};
use crate::{
    error::{Error, Result},
    units::Bytes,
};

/// One curve of the memory chart, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    /// Resident set size of this process.
    Rss,
    /// Proportional set size.
    Pss,
    /// Memory that belongs to no file.
    Anonymous,
    /// What SQLite has allocated.
    SqliteHeap,
    /// The most that SQLite had allocated.
    SqliteHeapPeak,
    /// All page caches together; each connection's own is kept beside it.
    PageCaches,
    /// SQLite's heap beside page caches.
    SqliteRest,
    /// Rows and position index that the window holds.
    RowsHeld,
    /// Freed, and not returned to the operating system.
    Kept,
    /// What the machine could still give out.
    Available,
    /// The control group's limit.
    GroupLimit,
    /// The write-ahead log beside the open database.
    Wal,
    /// RSS of the watched process.
    OtherRss,
    /// The largest RSS of the watched process.
    OtherPeak,
    /// The database file that the watched process has open.
    OtherFile,
    /// The write-ahead log beside it.
    OtherWal,
}

impl Quantity {
    /// All of them, in the order of a legend.
    pub const ALL: [Self; 16] = [
        Self::Rss,
        Self::Pss,
        Self::Anonymous,
        Self::SqliteHeap,
        Self::SqliteHeapPeak,
        Self::PageCaches,
        Self::SqliteRest,
        Self::RowsHeld,
        Self::Kept,
        Self::Available,
        Self::GroupLimit,
        Self::Wal,
        Self::OtherRss,
        Self::OtherPeak,
        Self::OtherFile,
        Self::OtherWal,
    ];

    /// What a new user sees.
    pub const DEFAULT: [Self; 5] = [
        Self::Rss,
        Self::SqliteHeap,
        Self::PageCaches,
        Self::RowsHeld,
        Self::Kept,
    ];

    /// Its place in [`Self::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The name in legends, reports and exported tables.
    pub fn label(self) -> &'static str {
        match self {
            Self::Rss => "RSS",
            Self::Pss => "Proportional (PSS)",
            Self::Anonymous => "Anonymous",
            Self::SqliteHeap => "SQLite heap",
            Self::SqliteHeapPeak => "SQLite heap, high-water mark",
            Self::PageCaches => "Page caches",
            Self::SqliteRest => "Sorters, statements, schema",
            Self::RowsHeld => "Rows held",
            Self::Kept => "Kept by the allocator (~)",
            Self::Available => "Machine available",
            Self::GroupLimit => "Control group's limit",
            Self::Wal => "Write-ahead log",
            Self::OtherRss => "Watched process, RSS",
            Self::OtherPeak => "Watched process, peak RSS",
            Self::OtherFile => "Watched process, database file",
            Self::OtherWal => "Watched process, write-ahead log",
        }
    }

    /// The name at the end of its line on a chart, where a legend stands beside.
    pub fn short_label(self) -> &'static str {
        match self {
            Self::Rss => "RSS",
            Self::Pss => "PSS",
            Self::Anonymous => "anonymous",
            Self::SqliteHeap => "SQLite heap",
            Self::SqliteHeapPeak => "heap peak",
            Self::PageCaches => "page caches",
            Self::SqliteRest => "sorters …",
            Self::RowsHeld => "rows held",
            Self::Kept => "kept ~",
            Self::Available => "available",
            Self::GroupLimit => "group limit",
            Self::Wal => "WAL",
            Self::OtherRss => "watched",
            Self::OtherPeak => "watched peak",
            Self::OtherFile => "watched file",
            Self::OtherWal => "watched WAL",
        }
    }

    /// The name in data files: `sqlite_heap`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Rss => "rss",
            Self::Pss => "pss",
            Self::Anonymous => "anonymous",
            Self::SqliteHeap => "sqlite_heap",
            Self::SqliteHeapPeak => "sqlite_heap_peak",
            Self::PageCaches => "page_caches",
            Self::SqliteRest => "sqlite_rest",
            Self::RowsHeld => "rows_held",
            Self::Kept => "kept_estimate",
            Self::Available => "available",
            Self::GroupLimit => "group_limit",
            Self::Wal => "wal",
            Self::OtherRss => "other_rss",
            Self::OtherPeak => "other_peak",
            Self::OtherFile => "other_file",
            Self::OtherWal => "other_wal",
        }
    }

    /// The quantity of this name.
    ///
    /// # Errors
    /// If there is none, with the names that there are.
    pub fn from_key(key: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|quantity| quantity.key() == key);
        found.ok_or_else(|| {
            let keys = Self::ALL.map(Self::key).join(", ");
            Error::invalid("quantity", key, format!("one of {keys}"))
        })
    }

    /// What it is, for somebody who does not know the word.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Rss => {
                "Resident set size: the memory that the operating system counts for this process. \
                 Everything below is part of it, except where it says otherwise."
            }
            Self::Pss => {
                "RSS in which pages that several processes share count in parts. The fairest single \
                 number for what would be free if this process ended."
            }
            Self::Anonymous => {
                "The part of RSS that belongs to no file: heap and stacks. The rest is the program \
                 itself and mapped files, which the kernel can drop and read again."
            }
            Self::SqliteHeap => "What SQLite has allocated for all connections together.",
            Self::SqliteHeapPeak => {
                "The most that SQLite's heap has been since this process started."
            }
            Self::PageCaches => {
                "Database pages that the connections keep, each its own. A query fills it up to \
                 cache_size; it stays full until the connection shrinks or closes."
            }
            Self::SqliteRest => {
                "What SQLite's heap holds beside page caches: sorters and temporary tables, prepared \
                 statements, the parsed schema. The soft heap limit cannot take it back."
            }
            Self::RowsHeld => {
                "Fetched rows of the job table and its position index. Part of RSS, not of SQLite's \
                 heap."
            }
            Self::Kept => {
                "An estimate: memory that was freed, by SQLite or anybody else in this process, and \
                 that the C library keeps for the next allocation. A trim returns most of it."
            }
            Self::Available => {
                "What the machine, or the control group around this process, could still give out \
                 without swapping. Not part of RSS."
            }
            Self::GroupLimit => {
                "The limit of the control group (container, systemd unit, batch job) around this \
                 process: above it, the kernel ends a process of the group."
            }
            Self::Wal => {
                "Size of the write-ahead log beside the open database. It cannot be reset while any \
                 reader holds an old snapshot. On disk, not in memory."
            }
            Self::OtherRss => "Resident set size of the watched process.",
            Self::OtherPeak => "The largest RSS of the watched process since it started.",
            Self::OtherFile => {
                "Size of the database file that the watched process has open. On disk, not in memory."
            }
            Self::OtherWal => {
                "Size of the write-ahead log of the watched process. On disk, not in memory."
            }
        }
    }

    /// Where the number comes from, and how old it can be.
    pub fn source(self) -> &'static str {
        match self {
            Self::Rss => "VmRSS of /proc/self/status, ten times a second",
            Self::Pss => "Pss of /proc/self/smaps_rollup, once a second",
            Self::Anonymous => "Anonymous of /proc/self/smaps_rollup, once a second",
            Self::SqliteHeap => "sqlite3_status64, ten times a second",
            Self::SqliteHeapPeak => "sqlite3_status64, since the process started",
            Self::PageCaches => {
                "sqlite3_db_status64, published by each connection's own thread while it works"
            }
            Self::SqliteRest => "SQLite heap less page caches, ten times a second",
            Self::RowsHeld => "counted by the window as it holds them",
            Self::Kept => {
                "the lesser of mallinfo2's free bytes and what is anonymous beyond its bytes in use, \
                 once a second"
            }
            Self::Available => "the operating system, ten times a second",
            Self::GroupLimit => "memory.max of the control group, once a second",
            Self::Wal | Self::OtherFile | Self::OtherWal => "the file system, once a second",
            Self::OtherRss => "VmRSS of /proc/PID/status, ten times a second",
            Self::OtherPeak => "VmHWM of /proc/PID/status, ten times a second",
        }
    }

    /// Its value in a sample. `None` where it is not known or does not apply. `slow` is the newest
    /// slow reading.
    pub fn of(self, sample: &MemorySample, slow: Option<&SlowReading>) -> Option<Bytes> {
        let other = sample.other.as_ref();
        match self {
            Self::Rss => sample.rss,
            Self::Pss => slow?.pss,
            Self::Anonymous => slow?.anonymous,
            Self::SqliteHeap => Some(sample.sqlite_heap),
            Self::SqliteHeapPeak => Some(sample.sqlite_heap_peak),
            Self::PageCaches => Some(sample.caches()),
            Self::SqliteRest => Some(sample.sqlite_rest()),
            Self::RowsHeld => Some(sample.window.total()),
            Self::Kept => {
                let kept = slow?.kept()?;
                // The reading may be older than the sample: what the process no longer has beside
                // SQLite's heap, the allocator no longer keeps.
                let most = (sample.rss).map(|rss| rss.0.saturating_sub(sample.sqlite_heap.0));
                Some(Bytes(most.map_or(kept.0, |most| kept.0.min(most))))
            }
            Self::Available => sample.available,
            Self::GroupLimit => slow?.group.map(|group| group.limit),
            Self::Wal => slow?.wal,
            Self::OtherRss => other?.rss,
            Self::OtherPeak => other?.peak,
            Self::OtherFile => other?.file.as_ref().map(|file| file.bytes),
            Self::OtherWal => other?.wal,
        }
    }

    /// It is read once a second, not with every sample.
    pub fn is_slow(self) -> bool {
        matches!(
            self,
            Self::Pss | Self::Anonymous | Self::Kept | Self::GroupLimit | Self::Wal
        )
    }

    /// It was not counted but concluded; it stands with `~`.
    pub fn is_estimate(self) -> bool {
        self == Self::Kept
    }

    /// It is on a disk, not in memory.
    pub fn is_on_disk(self) -> bool {
        matches!(self, Self::Wal | Self::OtherFile | Self::OtherWal)
    }

    /// It says how much there is, not how much is used.
    pub fn is_limit(self) -> bool {
        matches!(self, Self::Available | Self::GroupLimit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quantity_stands_at_its_index() {
        for (index, quantity) in Quantity::ALL.into_iter().enumerate() {
            assert_eq!(quantity.index(), index, "{quantity:?}");
        }
    }

    #[test]
    fn an_old_estimate_is_bounded_by_what_the_process_still_has() {
        use crate::db::status::AllocatorReading;

        let slow = SlowReading {
            anonymous: Some(Bytes::mib(900)),
            allocator: Some(AllocatorReading {
                in_use: Bytes::mib(100),
                free: Bytes::mib(700),
            }),
            ..SlowReading::default()
        };
        let kept = |rss, heap| {
            let sample = MemorySample {
                rss,
                sqlite_heap: heap,
                ..MemorySample::default()
            };
            Quantity::Kept.of(&sample, Some(&slow))
        };
        assert_eq!(
            kept(Some(Bytes::gib(1)), Bytes::mib(2)),
            Some(Bytes::mib(700))
        );
        // It was trimmed since the reading.
        assert_eq!(
            kept(Some(Bytes::mib(150)), Bytes::mib(50)),
            Some(Bytes::mib(100))
        );
        assert_eq!(kept(None, Bytes::mib(50)), Some(Bytes::mib(700)));
    }
}
