//! The thread that reads memory ten times a second, whether or not anybody draws.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::sample::{MachineReader, MemorySample};
use crate::{
    error::{Error, Result},
    units::Bytes,
};

/// Ten a second: fine enough to see a query of a second climb, cheap enough to never stop.
pub const INTERVAL: Duration = Duration::from_millis(100);

/// What a sample needs from whoever has it taken.
pub trait Complete {
    /// Size of the write-ahead log beside the open database. Asked once a second.
    fn wal(&mut self) -> Option<Bytes>;

    /// Adds connections, window and watched process.
    fn complete(&mut self, sample: &mut MemorySample);
}

/// The running thread. Ends when it is dropped.
pub struct Sampler {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    /// Starts sampling. `complete` adds what only the engine knows.
    ///
    /// A sample that finds no room in `out` is dropped, and the chart shows a gap.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(
        started: Instant,
        complete: impl Complete + Send + 'static,
        out: SyncSender<MemorySample>,
    ) -> Result<Self> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new()
            .name("jobscope-sampler".to_owned())
            .spawn(move || run(started, complete, &out, &stopped))
            .map_err(|source| Error::other("start the sampling thread", source))?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A sampler that panicked has nothing left to tell.
            thread.join().ok();
        }
    }
}

fn run(
    started: Instant,
    mut complete: impl Complete,
    out: &SyncSender<MemorySample>,
    stopped: &Receiver<()>,
) {
    let mut machine = MachineReader::default();
    let mut next = Instant::now();
    loop {
        let mut sample = machine.read(started.elapsed().as_secs_f64(), || complete.wal());
        complete.complete(&mut sample);
        // Full or gone: either way this reading is lost, and the next one follows.
        out.try_send(sample).ok();
        // Against the plan, not the last wake-up: otherwise ten a second become nine.
        next = (next + INTERVAL).max(Instant::now());
        let wait = next
            .saturating_duration_since(Instant::now())
            .max(Duration::from_millis(1));
        match stopped.recv_timeout(wait) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
