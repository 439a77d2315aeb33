//! Where threads leave what happened: for whoever reads the engine's news, and for a recording.

use std::sync::{
    Arc,
    mpsc::{Sender, SyncSender, TrySendError},
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
pub(super) struct Tap(Arc<Mutex<Option<Sender<Recorded>>>>);

impl Tap {
    /// Lets everything from now on flow into `recording`.
    pub(super) fn open(&self, recording: Sender<Recorded>) {
        *self.0.lock() = Some(recording);
    }

    /// Nothing flows any more; the recording ends once it has written what it was given.
    pub(super) fn close(&self) {
        *self.0.lock() = None;
    }

    pub(super) fn sample(&self, sample: &MemorySample) {
        self.flow(|| Some(Recorded::Sample(Box::new(sample.clone()))));
    }

    pub(super) fn news(&self, news: &News) {
        self.flow(|| Entry::of(news).map(Recorded::Entry));
    }

    fn entry(&self, entry: Option<Entry>) {
        self.flow(|| entry.map(Recorded::Entry));
    }

    fn flow(&self, line: impl FnOnce() -> Option<Recorded>) {
        let mut recording = self.0.lock();
        let Some(lines) = recording.as_ref() else {
            return;
        };
        let is_gone = line().is_some_and(|line| lines.send(line).is_err());
        if is_gone {
            // It failed, and has said so itself. The next one has lines of its own.
            *recording = None;
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
        // Only what was said is recorded.
        let entry = Entry::of(&news);
        self.news.try_send(news)?;
        self.tap.entry(entry);
        (self.wake)();
        Ok(())
    }
}
