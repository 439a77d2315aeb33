//! An engine that is waited for event by event, never by time.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test looks for one event and fails without it"
)]

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jobscope::{
    db::{connection::OpenMode, profile::MemoryProfile, value::Cell},
    engine::{
        Engine,
        budget::Budgets,
        message::{Event, Request, Task, TaskId},
        receipt::Receipt,
    },
    error::Report,
    jobs::{catalogue::Column, facts::DatabaseFacts, sort::Cursor},
    memory::sample::MemorySample,
};

/// Longer than anything takes on a busy machine: whoever waits this long waits for ever.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A statement that never ends and reads no file.
pub const ENDLESS: &str = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) \
                           SELECT COUNT(*) FROM n";

/// Reads the whole table again and again: a statement that never ends, and fills its page cache.
pub const ENDLESS_SCAN: &str = "SELECT COUNT(*) FROM job a NOT INDEXED CROSS JOIN job b NOT INDEXED \
                                WHERE LENGTH(b.meta_data) + a.id < 0";

/// How many threads of this process have names that begin like this.
#[cfg(target_os = "linux")]
pub fn threads(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("threads");
    tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok())
        .filter(|found| found.starts_with(name))
        .count()
}

/// The SQLite heap and its limits belong to the whole process, so tests which look at them take
/// turns, and no other engine runs meanwhile.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a task ended, and what came before.
#[derive(Debug)]
pub struct Ended {
    pub receipt: Receipt,
    pub report: Option<Report>,
    pub next: Option<Cursor>,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
}

/// The only engine of this process, with everything it has reported.
pub struct TestEngine {
    // Dropped before the turn ends.
    pub engine: Engine,
    pub log: Vec<Event>,
    last_id: u64,
    turn: MutexGuard<'static, ()>,
}

impl TestEngine {
    pub fn start(profile: &MemoryProfile) -> Self {
        let alone = alone();
        Self {
            engine: Engine::start(profile, || ()).expect("threads"),
            log: Vec::new(),
            last_id: 0,
            turn: alone,
        }
    }

    /// An engine with this database open.
    pub fn on(path: &Path, profile: &MemoryProfile) -> Self {
        let mut engine = Self::start(profile);
        engine.open(path).expect("a job database");
        engine
    }

    /// The engine, and the turn that it was started in.
    pub fn into_parts(self) -> (Engine, MutexGuard<'static, ()>) {
        (self.engine, self.turn)
    }

    /// Opens a database and waits for the answer.
    pub fn open(&mut self, path: &Path) -> Result<DatabaseFacts, Report> {
        let mark = self.log.len();
        self.engine.send(Request::Open {
            path: path.to_owned(),
            mode: OpenMode::ReadOnly,
        });
        self.wait_since(mark, "the answer to Open", |event| match event {
            Event::Opened(facts) => Some(Ok((**facts).clone())),
            Event::OpenFailed { report, .. } => Some(Err(report.clone())),
            _ => None,
        })
    }

    pub fn submit(&mut self, task: Task) -> TaskId {
        self.last_id += 1;
        let id = TaskId(self.last_id);
        self.engine.send(Request::Run(id, task));
        id
    }

    /// The same with budgets of its own.
    pub fn submit_within(&mut self, task: Task, budgets: Budgets) -> TaskId {
        self.last_id += 1;
        let id = TaskId(self.last_id);
        self.engine.send(Request::RunWithin(id, task, budgets));
        id
    }

    pub fn sql(&mut self, text: &str) -> TaskId {
        self.submit(Task::Sql(text.to_owned()))
    }

    pub fn cancel(&mut self, id: TaskId) {
        self.engine.send(Request::Cancel(id));
    }

    /// Runs a task to its end.
    pub fn run(&mut self, task: Task) -> Ended {
        let id = self.submit(task);
        self.end_of(id)
    }

    pub fn run_sql(&mut self, text: &str) -> Ended {
        self.run(Task::Sql(text.to_owned()))
    }

    /// Waits until a connection has begun with the task, and says which.
    pub fn start_of(&mut self, id: TaskId) -> usize {
        self.wait_for("a task's start", |event| match event {
            Event::Started {
                id: started,
                connection,
                ..
            } if *started == id => Some(*connection),
            _ => None,
        })
    }

    /// Waits until the task is over.
    pub fn end_of(&mut self, id: TaskId) -> Ended {
        let (receipt, report, next) = self.wait_for("a task's end", |event| match event {
            Event::Ended {
                id: ended,
                receipt,
                report,
                next,
                ..
            } if *ended == id => Some(((**receipt).clone(), report.clone(), next.clone())),
            _ => None,
        });
        let mut all_columns = Vec::new();
        let mut all_rows = Vec::new();
        for event in &self.log {
            match event {
                Event::Started {
                    id: of, columns, ..
                } if *of == id => all_columns.clone_from(columns),
                Event::Rows { id: of, rows } if *of == id => all_rows.extend(rows.clone()),
                _ => {}
            }
        }
        Ended {
            receipt,
            report,
            next,
            columns: all_columns,
            rows: all_rows,
        }
    }

    /// What `wanted` finds among the events so far, or the next ones.
    pub fn wait_for<T>(&mut self, what: &str, wanted: impl FnMut(&Event) -> Option<T>) -> T {
        self.wait_since(0, what, wanted)
    }

    /// The same, but only among the events after the first `mark`.
    pub fn wait_since<T>(
        &mut self,
        mark: usize,
        what: &str,
        mut wanted: impl FnMut(&Event) -> Option<T>,
    ) -> T {
        if let Some(found) = self.log[mark..].iter().find_map(&mut wanted) {
            return found;
        }
        let deadline = Instant::now() + PATIENCE;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            let Some(news) = self.engine.wait(left) else {
                continue;
            };
            let found = wanted(&news.event);
            self.log.push(news.event);
            if let Some(found) = found {
                return found;
            }
        }
        panic!("waited too long for {what}; events: {:#?}", self.log)
    }

    /// Waits for a sample with something in it.
    pub fn sample_with(
        &mut self,
        what: &str,
        wanted: impl Fn(&MemorySample) -> bool,
    ) -> MemorySample {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(sample) = self.engine.samples().into_iter().find(&wanted) {
                return sample;
            }
            if let Some(news) = self.engine.wait(Duration::from_millis(20)) {
                self.log.push(news.event);
            }
        }
        panic!("waited too long for a sample with {what}");
    }

    /// Goes on for so long.
    pub fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            if let Some(news) = self.engine.wait(left) {
                self.log.push(news.event);
            }
        }
    }

    /// Takes what has been reported, without waiting.
    pub fn drain(&mut self) {
        let news = self.engine.news();
        self.log.extend(news.into_iter().map(|news| news.event));
    }
}
