//! Threads and channels: every statement runs here, can be stopped, and leaves a receipt.
//!
//! [`Engine`] belongs to one thread (the window's, or the command line's). Nothing it does there
//! waits for SQLite.

mod account;
pub mod budget;
pub mod cancel;
mod export;
pub mod gauge;
pub mod give_back;
mod heap_share;
mod list;
pub mod message;
mod observer;
mod opener;
mod outlet;
mod pool;
mod progress;
pub mod receipt;
mod recorder;
mod run;
mod take;
mod watch;
mod worker;

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, sync_channel},
    },
    time::Duration,
};

use self::{
    account::ended_before_start,
    budget::Budgets,
    cancel::{CancelToken, StopReason},
    give_back::{GiveBackReceipt, Rung, Step},
    message::{Event, News, Request, Task, TaskId},
    observer::Observer,
    opener::Opener,
    outlet::{Outlet, Tap},
    pool::{Pool, Work},
    recorder::{Ending, Recording},
    watch::Watcher,
    worker::Worker,
};
use crate::{
    db::{
        connection::OpenMode,
        profile::MemoryProfile,
        status::{self, HeapLimits},
    },
    error::{Error, Report, Result},
    jobs::clusters::Clusters,
    memory::{
        process,
        recording::{OpenRecording, RecordingPlan, RecordingState},
        sample::{self, MemorySample, WindowMemory},
        sampler::Sampler,
    },
    units::Bytes,
};

/// News that nobody has looked at yet. Bounded, so that unread rows slow a worker down instead of
/// filling memory: 64 batches are about 64 MiB at most, unless single rows are larger than a batch.
const NEWS_CAPACITY: usize = 64;

/// Samples that nobody has looked at yet: more than three minutes of a hidden window.
const SAMPLES_CAPACITY: usize = 2_048;

/// At the end, how long to wait for a statement that SQLite does not interrupt.
const CLOSE_PATIENCE: Duration = Duration::from_secs(3);

/// The workers, the sampler, and the channels to them.
pub struct Engine {
    pool: Arc<Pool>,
    news: Option<Receiver<News>>,
    samples: Option<Receiver<MemorySample>>,
    out: Outlet,
    /// What the engine has to report itself, without the channel it reads from.
    own_news: VecDeque<News>,
    tokens: BTreeMap<TaskId, CancelToken>,
    /// The newest wish to open something; an older one that comes late is dropped.
    newest_open: Arc<AtomicU64>,
    sampler: Option<Sampler>,
    watcher: Option<Watcher>,
    recording: Option<Recording>,
    /// The recording before, which may still write.
    ended_recording: Option<Ending>,
    guard_is_set: bool,
    /// Wishes for a profile so far.
    profile_ticket: u64,
}

impl Engine {
    /// Starts the sampler and the workers of `profile`. `wake` is called after each piece of news.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn start(profile: &MemoryProfile, wake: impl Fn() + Send + Sync + 'static) -> Result<Self> {
        let (out, news) = sync_channel(NEWS_CAPACITY);
        let (samples_out, samples) = sync_channel(SAMPLES_CAPACITY);
        let pool = Arc::new(Pool::new(profile.clone()));
        let out = Outlet {
            news: out,
            wake: Arc::new(wake),
            tap: Tap::default(),
        };
        let observer = Observer::new(Arc::clone(&pool), out.clone());
        let sampler = Sampler::start(pool.clock.started(), observer, samples_out)?;
        let mut engine = Self {
            pool,
            news: Some(news),
            samples: Some(samples),
            out,
            own_news: VecDeque::new(),
            tokens: BTreeMap::new(),
            newest_open: Arc::default(),
            sampler: Some(sampler),
            watcher: None,
            recording: None,
            ended_recording: None,
            guard_is_set: false,
            profile_ticket: 0,
        };
        let limits = profile.apply_to_process();
        engine.tell(Event::LimitsApplied(limits));
        engine.staff()?;
        Ok(engine)
    }

    /// Tells from now on when the open file changes ([`Event::FileChanged`]).
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn watch_file(&mut self) -> Result<()> {
        let watcher = Watcher::start(Arc::clone(&self.pool), self.out.clone())?;
        self.watcher = Some(watcher);
        Ok(())
    }

    /// What the window holds beside SQLite, for the samples to come.
    pub fn note_window(&self, held: WindowMemory) {
        self.pool.window.note(held);
    }

    /// Seconds since the engine started, on the clock of all its events.
    pub fn now_secs(&self) -> f64 {
        self.pool.clock.secs()
    }

    /// Does what is asked, or has it done. Never waits for SQLite.
    pub fn send(&mut self, request: Request) {
        match request {
            Request::Open { path, mode } => self.open(path, mode),
            Request::Run(id, task) => self.run(id, task, None),
            Request::RunWithin(id, task, budgets) => self.run(id, task, Some(budgets)),
            Request::Cancel(id) => self.cancel(id),
            Request::SetProfile(profile) => self.set_profile(profile),
            Request::Shrink => {
                self.pool.want(|wanted| wanted.shrink_generation += 1);
            }
            Request::Trim => self.trim(),
            Request::GiveBack(steps) => self.give_back(steps),
            Request::SetGuard(keep) => self.set_guard(keep),
            Request::WatchProcess(who) => self.watch_process(who),
            Request::Record(plan) => self.record(plan.map(|plan| *plan)),
            Request::OpenRecording(path) => {
                let read_at = path.clone();
                self.aside("jobscope-open-rec", move || {
                    Some(Event::RecordingOpened {
                        result: OpenRecording::read(&read_at)
                            .map(Box::new)
                            .map_err(|error| Report::from(&error)),
                        path: read_at,
                    })
                });
            }
            Request::ListProcesses => {
                self.aside("jobscope-processes", || {
                    Some(Event::Processes(process::list()))
                });
            }
            Request::LoadClusters { database, paths } => self.load_clusters(database, paths),
        }
    }

    /// What has happened since the last call. Does not wait.
    pub fn news(&mut self) -> Vec<News> {
        let mut all: Vec<_> = self.own_news.drain(..).collect();
        if let Some(news) = &self.news {
            all.extend(news.try_iter());
        }
        for item in &all {
            self.note(&item.event);
        }
        // Noting that a database was opened may have ended tasks.
        all.extend(self.own_news.drain(..));
        all
    }

    /// The next piece of news, waiting for it at most this long.
    pub fn wait(&mut self, timeout: Duration) -> Option<News> {
        let news = self
            .own_news
            .pop_front()
            .or_else(|| self.news.as_ref()?.recv_timeout(timeout).ok())?;
        self.note(&news.event);
        Some(news)
    }

    /// The memory samples since the last call. Does not wait.
    pub fn samples(&self) -> Vec<MemorySample> {
        self.samples
            .as_ref()
            .map(|samples| samples.try_iter().collect())
            .unwrap_or_default()
    }

    fn note(&mut self, event: &Event) {
        if let Event::Ended { id, .. } = event {
            self.tokens.remove(id);
        } else if let Event::Opened(_) = event {
            // Whatever still runs belongs to the database before.
            let ids: Vec<_> = self.tokens.keys().copied().collect();
            for id in ids {
                self.cancel(id);
            }
        }
    }

    fn tell(&mut self, event: Event) {
        let news = News {
            at_secs: self.pool.clock.secs(),
            event,
        };
        self.out.tap.news(&news);
        self.own_news.push_back(news);
        (self.out.wake)();
    }

    fn run(&mut self, id: TaskId, task: Task, budgets: Option<Budgets>) {
        let token = CancelToken::default();
        self.tokens.insert(id, token.clone());
        self.pool.submit(Work {
            id,
            task,
            token,
            submitted_nanos: self.pool.clock.nanos(),
            budgets,
            target_generation: self.pool.wanted().target_generation,
        });
    }

    /// A cancel does not queue behind the work it is meant to stop: it acts here and now.
    fn cancel(&mut self, id: TaskId) {
        let Some(token) = self.tokens.get(&id) else {
            return;
        };
        let is_first = token.ask(StopReason::Cancelled, self.pool.clock.nanos());
        if let Some(work) = self.pool.withdraw(id) {
            let wanted = self.pool.wanted();
            let event = ended_before_start(&work, &wanted.profile, self.pool.clock);
            self.tokens.remove(&id);
            self.tell(event);
            return;
        }
        for interrupter in &self.pool.interrupters {
            interrupter.interrupt(id);
        }
        if is_first {
            self.tell(Event::StopAsked { id });
        }
    }

    fn set_profile(&mut self, profile: MemoryProfile) {
        self.profile_ticket += 1;
        let ticket = self.profile_ticket;
        let changes = self.pool.wanted().profile.changes(&profile);
        if !changes.is_empty() {
            self.tell(Event::ProfileSet { changes });
        }
        let mut limits = HeapLimits::default();
        self.pool.want(|wanted| {
            // Under the lock, so that a ladder cannot set older limits after these.
            limits = profile.apply_to_process();
            wanted.profile = Arc::new(profile);
            wanted.profile_generation += 1;
            wanted.profile_ticket = ticket;
        });
        self.tell(Event::LimitsApplied(limits));
        if let Err(error) = self.staff() {
            // The connections that exist go on; the machine has no threads left for more.
            tracing::error!(error = %error.chain(), "fewer connections than wanted");
        }
    }

    /// Starts the threads that the profile wants and that do not exist yet.
    fn staff(&self) -> Result<()> {
        let missing = self.pool.missing_workers();
        for (position, index) in missing.iter().copied().enumerate() {
            let worker = Worker::new(index, Arc::clone(&self.pool), self.out.clone());
            std::thread::Builder::new()
                .name(format!("jobscope-conn-{index}"))
                .spawn(move || worker.run())
                .map_err(|source| {
                    self.pool
                        .never_started(missing.get(position..).unwrap_or_default());
                    Error::other("start a thread for a connection", source)
                })?;
        }
        Ok(())
    }

    fn open(&mut self, path: PathBuf, mode: OpenMode) {
        let ticket = self.newest_open.fetch_add(1, Ordering::SeqCst) + 1;
        let opener = Opener {
            newest: Arc::clone(&self.newest_open),
            ticket,
            pool: Arc::clone(&self.pool),
            watch: self.watcher.as_ref().map(Watcher::handover),
        };
        let out = self.out.clone();
        let at_path = path.clone();
        // A thread of its own: a file on a dead network disk must hold up nobody.
        let started = std::thread::Builder::new()
            .name("jobscope-open".to_owned())
            .spawn(move || {
                if let Some(news) = opener.open(path, mode) {
                    out.send(news);
                }
            });
        if let Err(source) = started {
            let error = Error::other("start a thread to open the file", source);
            self.tell(Event::OpenFailed {
                path: at_path,
                report: Report::from(&error),
                can_be_immutable: false,
            });
        }
    }

    fn set_guard(&mut self, keep: Option<Bytes>) {
        let before = std::mem::replace(&mut *self.pool.guard.keep.lock(), keep);
        // What is set at the start changes nothing that anybody has seen.
        let is_change = std::mem::replace(&mut self.guard_is_set, true) && before != keep;
        if is_change {
            let text = |keep: Option<Bytes>| keep.map_or_else(|| "off".to_owned(), Bytes::exact);
            let change = format!("guard {} → {}", text(before), text(keep));
            self.tell(Event::ProfileSet {
                changes: vec![change],
            });
        }
    }

    /// Does something slow in a thread of its own, and tells what came of it, if anything did.
    fn aside(&mut self, name: &str, work: impl FnOnce() -> Option<Event> + Send + 'static) {
        let (out, clock) = (self.out.clone(), self.pool.clock);
        let started = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                if let Some(event) = work() {
                    let at_secs = clock.secs();
                    out.send(News { at_secs, event });
                }
            });
        if let Err(source) = started {
            let error = Error::other("start a thread", source);
            self.tell(Event::WatchFailed {
                report: Report::from(&error),
            });
        }
    }

    /// In a thread of its own: it waits for connections.
    fn give_back(&mut self, steps: Vec<Step>) {
        if steps.iter().any(|step| step.rung() == Rung::LowerCacheSize) {
            self.profile_ticket += 1;
        }
        let ticket = self.profile_ticket;
        let (out, pool) = (self.out.clone(), Arc::clone(&self.pool));
        let started = std::thread::Builder::new()
            .name("jobscope-give-back".to_owned())
            .spawn(move || {
                let tell = |event| {
                    let at_secs = pool.clock.secs();
                    out.send(News { at_secs, event });
                };
                let receipt = give_back::run(&pool, steps, ticket, &tell);
                tell(Event::GaveBack(Box::new(receipt.clone())));
                if let Some(event) = give_back::trim_after_busy(&pool, &receipt) {
                    tell(event);
                }
            });
        if let Err(source) = started {
            tracing::error!(%source, "memory is not given back");
            let rungs = Vec::new();
            self.tell(Event::GaveBack(Box::new(GiveBackReceipt {
                rungs,
                elapsed_ms: 0.0,
            })));
        }
    }

    fn watch_process(&mut self, who: Option<String>) {
        let Some(who) = who else {
            self.pool.watched.clear();
            return;
        };
        let pool = Arc::clone(&self.pool);
        let wish = pool.watched.wish();
        // To find a name, all processes of the machine are looked at.
        self.aside("jobscope-find", move || {
            let found = process::find(&who).and_then(|entry| {
                let mut watched = process::Watched::start(entry.pid)?.aside()?;
                if process::as_pid(&who).is_none() {
                    watched = watched.through_restarts();
                }
                watched.prefer(pool.wanted().target.map(|target| target.path));
                Ok((entry, watched))
            });
            // What was wished before something else is no longer asked for, and needs no answer.
            match found {
                Ok((entry, watched)) => pool.watched.watch(wish, watched).then(|| Event::Process {
                    text: format!("Watching {} (pid {})", entry.name, entry.pid),
                }),
                Err(error) => pool.watched.is_newest(wish).then(|| Event::WatchFailed {
                    report: Report::from(&error),
                }),
            }
        });
    }

    fn record(&mut self, plan: Option<RecordingPlan>) {
        // The one before ends first: it writes what it was given, and says so.
        self.end_recording();
        let Some(plan) = plan else { return };
        let path = plan.path.clone();
        let before = self.ended_recording.take();
        match Recording::start(plan, &self.out, self.pool.clock, before) {
            Ok(recording) => self.recording = Some(recording),
            Err(error) => self.tell(Event::Recording(RecordingState::Failed {
                path,
                report: Report::from(&error),
            })),
        }
    }

    fn end_recording(&mut self) {
        if let Some(recording) = self.recording.take() {
            self.ended_recording = Some(recording.end());
        }
    }

    fn trim(&mut self) {
        let (out, clock) = (self.out.clone(), self.pool.clock);
        let started = std::thread::Builder::new()
            .name("jobscope-trim".to_owned())
            .spawn(move || {
                let before = sample::rss();
                let supported = status::trim_allocator();
                let event = Event::Trimmed {
                    supported,
                    rss: (before, sample::rss()),
                };
                let at_secs = clock.secs();
                out.send(News { at_secs, event });
            });
        if started.is_err() {
            self.tell(Event::Trimmed {
                supported: false,
                rss: (None, None),
            });
        }
    }

    fn load_clusters(&mut self, database: PathBuf, paths: Vec<PathBuf>) {
        let (out, clock) = (self.out.clone(), self.pool.clock);
        let (wanted_by, wanted) = (database.clone(), paths.clone());
        // A thread of its own: a folder on a dead network disk must hold up nobody.
        let started = std::thread::Builder::new()
            .name("jobscope-clusters".to_owned())
            .spawn(move || {
                let result = Clusters::load(&paths)
                    .map(Box::new)
                    .map_err(|error| Report::from(&error));
                let event = Event::ClustersLoaded {
                    database,
                    paths,
                    result,
                };
                let at_secs = clock.secs();
                out.send(News { at_secs, event });
            });
        if let Err(source) = started {
            let error = Error::other("start a thread to read cluster descriptions", source);
            self.tell(Event::ClustersLoaded {
                database: wanted_by,
                paths: wanted,
                result: Err(Report::from(&error)),
            });
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        for token in self.tokens.values() {
            token.ask(StopReason::Cancelled, self.pool.clock.nanos());
        }
        let ids: Vec<_> = self.tokens.keys().copied().collect();
        for id in ids {
            for interrupter in &self.pool.interrupters {
                interrupter.interrupt(id);
            }
        }
        // Both ends go before the wait: a worker that waits for room to report would never leave.
        drop(self.news.take());
        drop(self.samples.take());
        drop(self.sampler.take());
        drop(self.watcher.take());
        self.pool.withdraw_all();
        self.pool.close(CLOSE_PATIENCE);
        // Last: the tasks that were stopped here have left their receipts by now.
        self.end_recording();
        if let Some(ending) = self.ended_recording.take() {
            ending.wait(recorder::PATIENCE);
        }
    }
}
