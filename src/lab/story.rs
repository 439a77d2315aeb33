//! The incident with one profile, inside this process: heavy queries at once, a stop, and what
//! memory does after it.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::{
    db::{build::BuildFacts, connection::OpenMode, profile::MemoryProfile, status},
    engine::{
        Engine,
        message::{CloseReason, Event, News, Request, Task, TaskId},
        receipt::{Outcome, Receipt, is_given_back},
    },
    error::{Error, Result},
    jobs::{facts::DatabaseFacts, incident::HeavyStatement},
    memory::{
        recording::{RecordingPlan, RecordingState},
        sample,
    },
    units::Bytes,
};

/// Nobody wants to wait ten minutes for an idle connection to be closed: every idle time is
/// divided by this, so that 60 min become 6 s, 10 min 1 s and 2 min 0.2 s.
pub const IDLE_TIME_DIVISOR: u32 = 600;

/// Between two looks at memory and at Ctrl-C. Ours is the only thread that does not work.
const POLL: Duration = Duration::from_millis(5);

/// What to do, and where to write it down.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The database.
    pub database: PathBuf,
    /// The settings, with the idle time that the user knows.
    pub profile: MemoryProfile,
    /// How long each part takes.
    pub timing: Timing,
    /// The file for the recording; what is in it is replaced.
    pub recording: PathBuf,
}

/// How long each part of a run takes.
#[expect(
    clippy::struct_field_names,
    reason = "the names are the keys of the JSON, where the unit must stand"
)]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Nothing happens: this is where memory was before.
    pub quiet_secs: f64,
    /// The queries run.
    pub busy_secs: f64,
    /// After the stop.
    pub watch_secs: f64,
}

impl Default for Timing {
    /// Busy for so long that a bounded cache is full on a slow machine, too, and an unbounded one
    /// still grows; then long enough for an idle second to end, and too short for six of them.
    fn default() -> Self {
        Self {
            quiet_secs: 1.0,
            busy_secs: 6.0,
            watch_secs: 3.0,
        }
    }
}

/// The memory of this process at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Resident set size; `None` where the platform does not tell.
    pub rss_bytes: Option<u64>,
    /// SQLite heap.
    pub sqlite_heap_bytes: u64,
}

impl Reading {
    fn now() -> Self {
        Self {
            rss_bytes: sample::rss().map(|bytes| bytes.0),
            sqlite_heap_bytes: status::sqlite_heap().0,
        }
    }

    fn max(self, other: Self) -> Self {
        Self {
            rss_bytes: self.rss_bytes.max(other.rss_bytes),
            sqlite_heap_bytes: self.sqlite_heap_bytes.max(other.sqlite_heap_bytes),
        }
    }
}

/// What came of one run. The times count from the wish to stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmSummary {
    /// The settings, with the shortened idle time.
    pub profile: MemoryProfile,
    /// How long each part took.
    pub timing: Timing,
    /// The statement of each query.
    pub sql: String,
    /// Whether it went through the wrong index or, without that index, through the table.
    pub uses_wrong_index: bool,
    /// Queries at once, one for each connection.
    pub num_queries: usize,
    /// Queries that had ended before anybody asked, so that the stop came too late for them.
    pub num_ended_early: usize,
    /// Queries that still ran at the end of the recording.
    pub num_never_stopped: usize,
    /// Connections that were closed for their idle time.
    pub num_idle_closed: usize,
    /// At the end of the quiet part.
    pub before: Reading,
    /// The largest seen, each number at its own moment.
    pub peak: Reading,
    /// When the stop was asked.
    pub at_stop: Reading,
    /// At the end.
    pub after: Reading,
    /// Until the last query had stopped. `None`: one never did, or there was none to stop.
    pub stopped_after_ms: Option<f64>,
    /// Until the SQLite heap was within 5 % or 16 MiB of where it was before. `None`: not given
    /// back while we watched.
    pub heap_given_back_ms: Option<f64>,
    /// The same for the resident set size.
    pub rss_given_back_ms: Option<f64>,
    /// Pages read from the file.
    pub pages_read: u64,
    /// Bytes in one of them.
    pub page_size: u32,
}

/// The profile with an idle time that fits into a demonstration.
#[must_use]
pub fn shortened(profile: &MemoryProfile) -> MemoryProfile {
    MemoryProfile {
        idle_time: profile.idle_time.map(|time| time / IDLE_TIME_DIVISOR),
        ..profile.clone()
    }
}

/// Runs the story and records it.
///
/// # Errors
/// If the database cannot be opened, a query fails, the recording cannot be written, or
/// `is_stopped` says that the user has had enough ([`Error::Cancelled`]).
pub fn run(plan: &Plan, is_stopped: &dyn Fn() -> bool) -> Result<ArmSummary> {
    let profile = shortened(&plan.profile);
    let mut engine = Engine::start(&profile, || ())?;
    let facts = open(&mut engine, &plan.database, is_stopped)?;
    let statement = HeavyStatement::for_database(&facts);
    engine.send(Request::Record(Some(Box::new(RecordingPlan {
        path: plan.recording.clone(),
        build: BuildFacts::read()?,
        database: Some((&*facts).into()),
        profile: profile.clone(),
        overwrite: true,
    }))));
    let mut stage = Stage {
        engine,
        is_stopped,
        before: Reading::default(),
        peak: Reading::default(),
        asked: None,
        ended: Vec::new(),
        num_idle_closed: 0,
        heap_given_back_ms: None,
        rss_given_back_ms: None,
    };
    let tasks: Vec<_> = (1..).map(TaskId).take(profile.connections).collect();
    stage.watch(plan.timing.quiet_secs)?;
    stage.before = Reading::now();
    for id in &tasks {
        let task = Task::Sql(statement.sql.clone());
        stage.engine.send(Request::Run(*id, task));
    }
    stage.watch(plan.timing.busy_secs)?;
    let at_stop = Reading::now();
    let num_ended_early = stage.ended.len();
    stage.stop(&tasks);
    stage.watch(plan.timing.watch_secs)?;
    let after = Reading::now();
    Ok(ArmSummary {
        profile,
        timing: plan.timing,
        sql: statement.sql,
        uses_wrong_index: statement.uses_wrong_index,
        num_queries: tasks.len(),
        num_ended_early,
        num_never_stopped: tasks.len().saturating_sub(stage.ended.len()),
        num_idle_closed: stage.num_idle_closed,
        before: stage.before,
        peak: stage.peak.max(at_stop).max(after),
        at_stop,
        after,
        stopped_after_ms: stage.stopped_after_ms(tasks.len()),
        heap_given_back_ms: stage.heap_given_back_ms,
        rss_given_back_ms: stage.rss_given_back_ms,
        pages_read: stage.ended.iter().map(|task| task.pages_read).sum(),
        page_size: facts.page_size,
    })
}

fn open(
    engine: &mut Engine,
    path: &Path,
    is_stopped: &dyn Fn() -> bool,
) -> Result<Box<DatabaseFacts>> {
    engine.send(Request::Open {
        path: path.to_owned(),
        mode: OpenMode::ReadOnly,
    });
    loop {
        if is_stopped() {
            return Err(Error::Cancelled);
        }
        let Some(news) = engine.wait(POLL) else {
            continue;
        };
        if let Some(answer) = news.event.answer_to_open() {
            return answer.map_err(Error::Reported);
        }
    }
}

/// The engine while the story runs, and what has been seen so far.
struct Stage<'a> {
    engine: Engine,
    is_stopped: &'a dyn Fn() -> bool,
    before: Reading,
    peak: Reading,
    asked: Option<Instant>,
    ended: Vec<Ended>,
    num_idle_closed: usize,
    heap_given_back_ms: Option<f64>,
    rss_given_back_ms: Option<f64>,
}

/// What we need of a receipt. The receipt itself is not kept: one small text that was allocated
/// by a worker after its page cache keeps the C library from giving back all that lies below it.
struct Ended {
    pages_read: u64,
    stopped_after_ms: Option<f64>,
}

impl Ended {
    fn of(receipt: &Receipt) -> Self {
        Self {
            pages_read: receipt.cache_misses,
            stopped_after_ms: receipt
                .stop
                .filter(|_| receipt.outcome == Outcome::Cancelled)
                .map(|stop| stop.stopped_after_ms),
        }
    }
}

impl Stage<'_> {
    /// Records whatever happens for this long.
    fn watch(&mut self, secs: f64) -> Result<()> {
        let started = Instant::now();
        while started.elapsed().as_secs_f64() < secs {
            if (self.is_stopped)() {
                return Err(Error::Cancelled);
            }
            if let Some(news) = self.engine.wait(POLL) {
                self.take(news)?;
            }
            // They go into the recording by themselves.
            drop(self.engine.samples());
            self.look();
        }
        Ok(())
    }

    fn look(&mut self) {
        let now = Reading::now();
        self.peak = self.peak.max(now);
        let Some(asked) = self.asked else { return };
        let since_ms = asked.elapsed().as_secs_f64() * 1000.0;
        let is_back = |before, now| is_given_back(Bytes(before), Bytes(now));
        if is_back(self.before.sqlite_heap_bytes, now.sqlite_heap_bytes) {
            self.heap_given_back_ms.get_or_insert(since_ms);
        }
        if let (Some(before), Some(now)) = (self.before.rss_bytes, now.rss_bytes)
            && is_back(before, now)
        {
            self.rss_given_back_ms.get_or_insert(since_ms);
        }
    }

    fn take(&mut self, news: News) -> Result<()> {
        if let Event::Recording(RecordingState::Failed { report, .. }) = news.event {
            return Err(Error::Reported(report));
        }
        if let Event::Ended {
            receipt, report, ..
        } = news.event
        {
            if let Some(report) = report {
                return Err(Error::Reported(report));
            }
            self.peak = self.peak.max(Reading {
                rss_bytes: receipt.rss_peak_bytes,
                sqlite_heap_bytes: receipt.sqlite_heap_peak_bytes,
            });
            self.ended.push(Ended::of(&receipt));
        } else if let Event::ConnectionClosed { reason, .. } = news.event {
            self.num_idle_closed += usize::from(reason == CloseReason::Idle);
        }
        Ok(())
    }

    fn stop(&mut self, tasks: &[TaskId]) {
        self.asked = Some(Instant::now());
        for id in tasks {
            self.engine.send(Request::Cancel(*id));
        }
    }

    fn stopped_after_ms(&self, num_tasks: usize) -> Option<f64> {
        if self.ended.len() < num_tasks {
            return None;
        }
        self.ended
            .iter()
            .filter_map(|task| task.stopped_after_ms)
            .max_by(f64::total_cmp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_times_are_shortened_and_nothing_else() {
        let secs: Vec<_> = MemoryProfile::built_in()
            .iter()
            .map(|profile| {
                let short = shortened(profile);
                assert_eq!(short.cache_size, profile.cache_size);
                assert_eq!(short.time_limit, profile.time_limit);
                short.idle_time.map(|time| time.as_secs_f64())
            })
            .collect();
        assert_eq!(secs[0], Some(6.0), "60 min");
        assert_eq!(secs[1], Some(1.0), "10 min");
        assert_eq!(secs[4], None, "none stays none");
        assert_eq!(secs[5], Some(0.2), "2 min");
    }
}
