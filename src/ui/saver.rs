//! Writes the settings as they change, on a thread of its own: a slow home folder holds up no frame.

use std::{
    path::PathBuf,
    sync::mpsc::{Sender, channel},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::{
    error::{Error, Report, Result},
    state::settings::Settings,
};

/// A slider in mid-drag changes the settings sixty times a second; this often is enough.
const INTERVAL: Duration = Duration::from_millis(300);

/// The thread that writes, and what it was given last.
pub struct Saver {
    send: Option<Sender<Settings>>,
    thread: Option<JoinHandle<()>>,
    saved: Settings,
    changed_since: Option<Instant>,
}

impl Saver {
    /// Starts the thread. `settings` is what the file holds now.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(path: PathBuf, settings: Settings) -> Result<Self> {
        let (send, receive) = channel::<Settings>();
        let thread = std::thread::Builder::new()
            .name("jobscope-settings".to_owned())
            .spawn(move || {
                for settings in receive {
                    if let Err(error) = settings.save(&path) {
                        tracing::warn!(report = %Report::from(&error), "settings not saved");
                    }
                }
            })
            .map_err(|source| Error::other("start the thread that saves settings", source))?;
        Ok(Self {
            send: Some(send),
            thread: Some(thread),
            saved: settings,
            changed_since: None,
        })
    }

    /// Call this every frame: it writes what has changed, shortly after it has.
    pub fn watch(&mut self, settings: &Settings) {
        if *settings == self.saved {
            self.changed_since = None;
            return;
        }
        let since = *self.changed_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= INTERVAL {
            self.write(settings);
        }
    }

    /// Writes what has changed, at once.
    pub fn flush(&mut self, settings: &Settings) {
        if *settings != self.saved {
            self.write(settings);
        }
    }

    fn write(&mut self, settings: &Settings) {
        self.changed_since = None;
        self.saved = settings.clone();
        if let Some(send) = &self.send {
            // The thread only ends when we hang up.
            send.send(settings.clone()).ok();
        }
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        drop(self.send.take());
        if let Some(thread) = self.thread.take() {
            // It writes what it was given, then ends.
            thread.join().ok();
        }
    }
}
