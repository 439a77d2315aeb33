//! The give-back ladder: everything that returns memory, rung by rung, each measured.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{
    message::Event,
    pool::{Behind, Pool, Wanted},
};
use crate::{
    db::{pragma::CacheSize, profile::MemoryProfile, status},
    memory::{marker::MarkerKind, sample},
    units::{Bytes, format_elapsed},
};

/// How long one rung waits for connections that are not busy: each only empties its cache.
const PATIENCE: Duration = Duration::from_secs(2);

/// One way to return memory, from the one that costs least to the one that costs most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// Rows that the window holds beyond those in sight.
    DropResults,
    /// Prepared statements that connections keep.
    ResetStatements,
    /// `sqlite3_db_release_memory` on each connection.
    ReleaseMemory,
    /// A smaller `cache_size`, from now on.
    LowerCacheSize,
    /// Connections without work, with all they hold.
    CloseIdle,
    /// `malloc_trim`: from the allocator to the operating system.
    Trim,
}

impl Rung {
    /// All of them, from top to bottom.
    pub const ALL: [Self; 6] = [
        Self::DropResults,
        Self::ResetStatements,
        Self::ReleaseMemory,
        Self::LowerCacheSize,
        Self::CloseIdle,
        Self::Trim,
    ];

    /// What it does, as on a button.
    pub fn label(self) -> &'static str {
        match self {
            Self::DropResults => "Drop results",
            Self::ResetStatements => "Reset statements",
            Self::ReleaseMemory => "Release page caches",
            Self::LowerCacheSize => "Lower cache_size",
            Self::CloseIdle => "Close idle connections",
            Self::Trim => "Trim the allocator",
        }
    }

    /// The call or setting behind it.
    pub fn technical(self) -> &'static str {
        match self {
            Self::DropResults => "rows of the job table beyond those in sight",
            Self::ResetStatements => "sqlite3_finalize on statements that are kept",
            Self::ReleaseMemory => "sqlite3_db_release_memory",
            Self::LowerCacheSize => "PRAGMA cache_size",
            Self::CloseIdle => "sqlite3_close",
            Self::Trim => "malloc_trim(0)",
        }
    }
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The window has just dropped its rows; this was before.
    Dropped {
        /// What the window held.
        held: Bytes,
        /// RSS before, as last sampled.
        rss: Option<Bytes>,
    },
    /// Finalize the statements that connections keep.
    ResetStatements,
    /// Empty the page caches.
    ReleaseMemory,
    /// Use these settings from now on; their `cache_size` is smaller.
    LowerCacheSize(Box<MemoryProfile>),
    /// Close connections without work.
    CloseIdle,
    /// Ask the allocator to return what it has free.
    Trim,
}

impl Step {
    /// The rung that it stands on.
    pub fn rung(&self) -> Rung {
        match self {
            Self::Dropped { .. } => Rung::DropResults,
            Self::ResetStatements => Rung::ResetStatements,
            Self::ReleaseMemory => Rung::ReleaseMemory,
            Self::LowerCacheSize(_) => Rung::LowerCacheSize,
            Self::CloseIdle => Rung::CloseIdle,
            Self::Trim => Rung::Trim,
        }
    }
}

/// A `cache_size` that is worth little: SQLite's own default.
const LOW_CACHE_SIZE: CacheSize = CacheSize::KiB(2_000);

/// All rungs, for connections that have these settings. The window has dropped its rows before.
pub fn whole_ladder(profile: &MemoryProfile, held: Bytes, rss: Option<Bytes>) -> Vec<Step> {
    // Which page size does not matter for what is this far apart.
    let bytes = |cache_size: CacheSize| cache_size.bytes(4_096);
    let cache_size = if bytes(profile.cache_size) <= bytes(LOW_CACHE_SIZE) {
        profile.cache_size
    } else {
        LOW_CACHE_SIZE
    };
    let lower = MemoryProfile {
        cache_size,
        ..profile.clone()
    };
    vec![
        Step::Dropped { held, rss },
        Step::ResetStatements,
        Step::ReleaseMemory,
        Step::LowerCacheSize(Box::new(lower)),
        Step::CloseIdle,
        Step::Trim,
    ]
}

/// What one rung returned. Measured on the whole process: what other tasks took or returned at the
/// same time is in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RungReceipt {
    /// Which one.
    pub rung: Rung,
    /// SQLite's heap before.
    pub sqlite_heap_before_bytes: u64,
    /// SQLite's heap after.
    pub sqlite_heap_after_bytes: u64,
    /// Resident set size before; `None` where the platform does not tell.
    pub rss_before_bytes: Option<u64>,
    /// Resident set size after.
    pub rss_after_bytes: Option<u64>,
    /// How long it took.
    pub elapsed_ms: f64,
    /// Why it could not do all that it does elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

impl RungReceipt {
    /// What SQLite returned to the allocator.
    pub fn sqlite_freed(&self) -> Bytes {
        Bytes(
            self.sqlite_heap_before_bytes
                .saturating_sub(self.sqlite_heap_after_bytes),
        )
    }

    /// What the operating system got back; `None` where the platform does not tell.
    pub fn system_got(&self) -> Option<Bytes> {
        let (before, after) = self.rss_before_bytes.zip(self.rss_after_bytes)?;
        Some(Bytes(before.saturating_sub(after)))
    }

    /// `SQLite 1.00 GiB, operating system 998 MiB, in 140 ms`, and what stood in the way.
    pub fn sentence(&self) -> String {
        let system = self.system_got().map_or_else(
            || "operating system: not told".to_owned(),
            |bytes| format!("operating system {bytes}"),
        );
        let elapsed = millis(self.elapsed_ms);
        let mut text = format!("SQLite {}, {system}, in {elapsed}", self.sqlite_freed());
        if let Some(trouble) = &self.trouble {
            text.push_str("; ");
            text.push_str(trouble);
        }
        text
    }
}

/// What a walk down the ladder returned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GiveBackReceipt {
    /// Each rung, in the order it was taken.
    pub rungs: Vec<RungReceipt>,
    /// From the wish to the last rung.
    pub elapsed_ms: f64,
}

impl GiveBackReceipt {
    /// What SQLite returned to the allocator, all rungs together.
    pub fn sqlite_freed(&self) -> Bytes {
        let ends = self.rungs.first().zip(self.rungs.last());
        ends.map_or(Bytes(0), |(first, last)| {
            Bytes(
                first
                    .sqlite_heap_before_bytes
                    .saturating_sub(last.sqlite_heap_after_bytes),
            )
        })
    }

    /// What the operating system got back, all rungs together.
    pub fn system_got(&self) -> Option<Bytes> {
        let before = self.rungs.first()?.rss_before_bytes?;
        let after = self.rungs.last()?.rss_after_bytes?;
        Some(Bytes(before.saturating_sub(after)))
    }

    /// One line for all of it.
    pub fn sentence(&self) -> String {
        let system = self
            .system_got()
            .map_or_else(|| "an untold amount".to_owned(), |bytes| bytes.to_string());
        format!(
            "SQLite gave back {}, the operating system got {system}, in {}",
            self.sqlite_freed(),
            millis(self.elapsed_ms)
        )
    }

    /// The marks on the chart: each rung at its own time.
    pub(crate) fn marks(&self, done_secs: f64) -> Vec<(f64, MarkerKind, String)> {
        // Without the wait for another ladder, which came before the first rung.
        let total_ms: f64 = self.rungs.iter().map(|rung| rung.elapsed_ms).sum();
        let mut at_secs = done_secs - total_ms / 1e3;
        self.rungs
            .iter()
            .map(|rung| {
                at_secs += rung.elapsed_ms / 1e3;
                let kind = match rung.rung {
                    Rung::Trim => MarkerKind::Trim,
                    // What became of the setting has a mark of its own.
                    Rung::DropResults
                    | Rung::ResetStatements
                    | Rung::ReleaseMemory
                    | Rung::LowerCacheSize
                    | Rung::CloseIdle => MarkerKind::Shrink,
                };
                let text = format!("{}: {}", rung.rung.label(), rung.sentence());
                (at_secs, kind, text)
            })
            .collect()
    }
}

fn millis(ms: f64) -> String {
    format_elapsed(crate::units::seconds((ms / 1e3).max(0.0)))
}

/// Walks down the ladder. Waits for connections that are not busy, and for none that is.
///
/// `ticket` is the place of its wish for a profile among all such wishes. `tell` hears of a setting
/// that has changed.
pub(super) fn run(
    pool: &Pool,
    steps: Vec<Step>,
    ticket: u64,
    tell: &dyn Fn(Event),
) -> GiveBackReceipt {
    let started = Instant::now();
    let _alone = pool.ladder.lock();
    let rungs = (steps.into_iter())
        .map(|step| one(pool, step, ticket, tell))
        .collect();
    GiveBackReceipt {
        rungs,
        elapsed_ms: started.elapsed().as_secs_f64() * 1e3,
    }
}

/// How long a trim waits for connections that were busy when the ladder came by.
const FOLLOW_UP: Duration = Duration::from_mins(10);

/// Trims once more when the connections that were busy have followed: what they return after their
/// task came too late for the last rung. `None`: nobody was busy, or not all of them have ended.
pub(super) fn trim_after_busy(pool: &Pool, receipt: &GiveBackReceipt) -> Option<Event> {
    let trims = receipt.rungs.iter().any(|rung| rung.rung == Rung::Trim);
    let has_followers = (receipt.rungs.iter())
        .any(|rung| rung.trouble.is_some() && rung.rung == Rung::ReleaseMemory);
    if !trims || !has_followers {
        return None;
    }
    let deadline = Instant::now() + FOLLOW_UP;
    while !pool.is_closing() && Instant::now() < deadline {
        let behind = pool.wait_settled(PATIENCE);
        if behind.busy.is_empty() && behind.slow.is_empty() {
            let before = sample::rss();
            let supported = status::trim_allocator();
            return supported.then(|| Event::Trimmed {
                supported,
                rss: (before, sample::rss()),
            });
        }
        std::thread::park_timeout(Duration::from_millis(100));
    }
    None
}

fn one(pool: &Pool, step: Step, ticket: u64, tell: &dyn Fn(Event)) -> RungReceipt {
    let started = Instant::now();
    let rung = step.rung();
    let heap_before = status::sqlite_heap();
    let mut rss_before = sample::rss();
    let mut trouble = None;
    match step {
        Step::Dropped { held, rss } => {
            rss_before = rss.or(rss_before);
            trouble = (held == Bytes(0)).then(|| "no rows were held".to_owned());
        }
        Step::ResetStatements => {
            trouble = all(pool, FOLLOWS, |wanted| wanted.reset_generation += 1);
        }
        Step::ReleaseMemory => {
            trouble = all(pool, FOLLOWS, |wanted| wanted.shrink_generation += 1);
        }
        Step::LowerCacheSize(profile) => trouble = lower(pool, &profile, ticket, tell),
        Step::CloseIdle => {
            trouble = all(pool, STAYS_OPEN, |wanted| wanted.close_generation += 1);
        }
        Step::Trim => {
            if !status::trim_allocator() {
                trouble = Some("this C library has no malloc_trim".to_owned());
            }
        }
    }
    RungReceipt {
        rung,
        sqlite_heap_before_bytes: heap_before.0,
        sqlite_heap_after_bytes: status::sqlite_heap().0,
        rss_before_bytes: rss_before.map(|rss| rss.0),
        rss_after_bytes: sample::rss().map(|rss| rss.0),
        elapsed_ms: started.elapsed().as_secs_f64() * 1e3,
        trouble,
    }
}

/// What becomes of a busy connection: one, several.
type Fate = [&'static str; 2];
const FOLLOWS: Fate = [
    "is busy and will follow after the running task",
    "are busy and will follow after the running tasks",
];
const STAYS_OPEN: Fate = ["is busy and stays open", "are busy and stay open"];

/// A smaller `cache_size` for everybody, unless somebody has chosen other settings meanwhile. Tells
/// what connections have read back.
fn lower(
    pool: &Pool,
    profile: &MemoryProfile,
    ticket: u64,
    tell: &dyn Fn(Event),
) -> Option<String> {
    let mut is_newest = false;
    let mut is_lower = true;
    let before = pool.cache_sizes();
    let trouble = all(pool, FOLLOWS, |wanted| {
        is_newest = wanted.profile_ticket <= ticket;
        if is_newest {
            is_lower = profile.cache_size != wanted.profile.cache_size;
            profile.apply_to_process();
            wanted.profile = Arc::new(profile.clone());
            wanted.profile_generation += 1;
            wanted.profile_ticket = ticket;
        }
    });
    if !is_newest {
        return Some("other settings were chosen meanwhile, and stay".to_owned());
    }
    let changes = lowered(&before, &pool.cache_sizes(), profile.cache_size);
    if !changes.is_empty() {
        tell(Event::ProfileSet { changes });
    }
    if is_lower {
        trouble
    } else {
        Some(format!("cache_size is {} already", profile.cache_size))
    }
}

/// Which connections have another `cache_size` than before, and the wanted one: as they read it back.
fn lowered(
    before: &BTreeMap<usize, CacheSize>,
    after: &BTreeMap<usize, CacheSize>,
    wanted: CacheSize,
) -> Vec<String> {
    after
        .iter()
        .filter(|(_, now)| **now == wanted)
        .filter_map(|(index, now)| Some((index, before.get(index)?, now)))
        .filter(|(_, old, now)| old != now)
        .map(|(index, old, now)| format!("cache_size {old} → {now} on connection {}", index + 1))
        .collect()
}

/// Has every connection do something. Answers with what stands in the way of those that did not.
fn all(pool: &Pool, fate: Fate, change: impl FnOnce(&mut Wanted)) -> Option<String> {
    pool.want(change);
    let Behind { busy, slow } = pool.wait_settled(PATIENCE);
    let slow_fate = ["has not answered yet", "have not answered yet"];
    let sentences: Vec<_> = [(busy, fate), (slow, slow_fate)]
        .iter()
        .filter_map(|(connections, fate)| about(connections, *fate))
        .collect();
    (!sentences.is_empty()).then(|| sentences.join("; "))
}

fn about(connections: &[usize], [one, several]: Fate) -> Option<String> {
    match connections {
        [] => None,
        [index] => Some(format!("connection {} {one}", index + 1)),
        _ => {
            let numbers: Vec<_> = connections
                .iter()
                .map(|index| (index + 1).to_string())
                .collect();
            Some(format!("connections {} {several}", numbers.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_connections_that_read_the_new_cache_size_back_are_told() {
        let sizes = |sizes: &[(usize, u32)]| {
            let sizes = sizes.iter();
            sizes
                .map(|(index, kib)| (*index, CacheSize::KiB(*kib)))
                .collect()
        };
        // The second refuses, the third is closed for that, the fourth was opened meanwhile.
        let before = sizes(&[(0, 9_000), (1, 9_000), (2, 9_000)]);
        let after = sizes(&[(0, 2_000), (1, 9_000), (3, 2_000)]);
        assert_eq!(
            lowered(&before, &after, CacheSize::KiB(2_000)),
            ["cache_size 9000 KiB → 2000 KiB on connection 1"]
        );
        assert!(lowered(&after, &after, CacheSize::KiB(2_000)).is_empty());
    }
}
