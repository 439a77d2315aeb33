//! Where threads leave what happened: for whoever reads the engine's news, and for a recording.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        mpsc::{Sender, SyncSender, TrySendError},
    },
};

use parking_lot::Mutex;

use super::message::News;
use crate::memory::{journal::Entry, sample::MemorySample};

/// A line on its way into a recording.
pub(super) enum Recorded {
    Sample(Box<MemorySample>),
    Entry(Entry),
}

/// The way into the recording that runs, if one does.
#[derive(Clone, Default)]
pub(super) struct Tap(Arc<Mutex<Flow>>);

#[derive(Default)]
struct Flow {
    recording: Option<Sender<Recorded>>,
    /// What has happened to the tasks that run: a recording that begins now begins with it.
    running: BTreeMap<u64, Vec<Entry>>,
    /// The heap limits that are in force: it begins with them, too.
    limits: Option<Entry>,
}

impl Tap {
    /// Lets everything from now on flow into `recording`, and first what runs already.
    pub(super) fn open(&self, recording: Sender<Recorded>) {
        let mut flow = self.0.lock();
        flow.recording = Some(recording);
        let running = flow.running.values().flatten();
        let before: Vec<_> = flow.limits.iter().chain(running).cloned().collect();
        for entry in before {
            flow.send(Recorded::Entry(entry));
        }
    }

    /// Nothing flows any more; the recording ends once it has written what it was given.
    pub(super) fn close(&self) {
        self.0.lock().recording = None;
    }

    pub(super) fn sample(&self, sample: &MemorySample) {
        let mut flow = self.0.lock();
        if flow.recording.is_some() {
            flow.send(Recorded::Sample(Box::new(sample.clone())));
        }
    }

    pub(super) fn news(&self, news: &News) {
        if let Some(entry) = Entry::of(news) {
            self.0.lock().take(entry);
        }
    }
}

impl Flow {
    fn take(&mut self, entry: Entry) {
        self.note(&entry);
        if self.recording.is_some() {
            self.send(Recorded::Entry(entry));
        }
    }

    fn note(&mut self, entry: &Entry) {
        match entry {
            Entry::Started(band) => {
                self.running.insert(band.task, vec![entry.clone()]);
            }
            Entry::StopAsked { task, .. } => {
                // One that has not started has no band.
                if let Some(entries) = self.running.get_mut(task) {
                    entries.push(entry.clone());
                }
            }
            Entry::Ended(ended) => {
                self.running.remove(&ended.task);
            }
            Entry::Limits { .. } => self.limits = Some(entry.clone()),
            Entry::GaveBack { .. } | Entry::ClockChanged(_) | Entry::Mark(_) => {}
        }
    }

    fn send(&mut self, line: Recorded) {
        let is_gone = (self.recording.as_ref()).is_some_and(|lines| lines.send(line).is_err());
        if is_gone {
            // It failed, and has said so itself. The next one has lines of its own.
            self.recording = None;
        }
    }
}

/// The end of the news channel that every thread has.
#[derive(Clone)]
pub(super) struct Outlet {
    pub news: SyncSender<News>,
    pub wake: Arc<dyn Fn() + Send + Sync>,
    pub tap: Tap,
}

impl Outlet {
    /// Waits for room. If the engine has hung up, nobody waits for it, and nothing is lost.
    pub(super) fn send(&self, news: News) {
        self.tap.news(&news);
        if self.news.send(news).is_ok() {
            (self.wake)();
        }
    }

    /// Does not wait for room: what finds none comes back.
    #[expect(clippy::result_large_err, reason = "it comes back to be tried again")]
    pub(super) fn try_send(&self, news: News) -> Result<(), TrySendError<News>> {
        let entry = Entry::of(&news);
        // Only what was said is recorded; and whoever has heard of it finds it in a recording that
        // begins then.
        let mut flow = self.tap.0.lock();
        self.news.try_send(news)?;
        if let Some(entry) = entry {
            flow.take(entry);
        }
        drop(flow);
        (self.wake)();
        Ok(())
    }
}
