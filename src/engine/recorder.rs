//! The thread that writes a recording while it happens.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread::JoinHandle,
    time::Duration,
};

use super::{
    gauge::EngineClock,
    message::{Event, News},
    outlet::{Outlet, Recorded},
};
use crate::{
    error::{Error, Report, Result},
    memory::recording::{Header, Recorder, RecordingPlan, RecordingState},
};

/// How long what a recording was given may take to be written after its end.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// A recording that runs.
pub(super) struct Recording {
    outlet: Outlet,
    ending: Ending,
}

/// The thread of a recording that was ended: it writes what it was given, says so, and is gone.
pub(super) struct Ending {
    thread: JoinHandle<()>,
    /// Hangs up at the end of the thread.
    done: Receiver<()>,
}

impl Recording {
    /// Begins to write, once the one before has ended: it may be the same file. Whether the file can
    /// be written is told by [`Event::Recording`].
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub(super) fn start(
        plan: RecordingPlan,
        outlet: &Outlet,
        clock: EngineClock,
        before: Option<Ending>,
    ) -> Result<Self> {
        let (lines, incoming) = channel();
        let (working, done) = channel();
        let out = outlet.clone();
        let thread = std::thread::Builder::new()
            .name("jobscope-record".to_owned())
            .spawn(move || {
                if let Some(before) = before {
                    before.wait(PATIENCE);
                }
                let state = write(&plan, &incoming, &out, clock);
                tell(&out, clock, state);
                drop(working);
            })
            .map_err(|source| Error::other("start a thread to record", source))?;
        outlet.tap.open(lines);
        Ok(Self {
            outlet: outlet.clone(),
            ending: Ending { thread, done },
        })
    }

    /// Nothing more flows into it. Nobody waits here: a full channel of news would hold up the one
    /// who empties it.
    pub(super) fn end(self) -> Ending {
        self.outlet.tap.close();
        self.ending
    }
}

impl Ending {
    /// Waits until everything is written, but not for ever: the file may lie on a dead disk.
    pub(super) fn wait(self, patience: Duration) {
        match self.done.recv_timeout(patience) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                // A recorder that panicked has nothing left to write.
                self.thread.join().ok();
            }
            Err(RecvTimeoutError::Timeout) => {
                tracing::warn!("a recording cannot be written; its thread is left behind");
            }
        }
    }
}

fn tell(out: &Outlet, clock: EngineClock, state: RecordingState) {
    let news = News {
        at_secs: clock.secs(),
        event: Event::Recording(state),
    };
    out.send(news);
}

fn create(plan: &RecordingPlan) -> Result<Recorder> {
    let header = Header::of(plan);
    if plan.overwrite {
        Recorder::replace(&plan.path, &header)
    } else {
        Recorder::create(&plan.path, &header)
    }
}

fn write(
    plan: &RecordingPlan,
    incoming: &Receiver<Recorded>,
    out: &Outlet,
    clock: EngineClock,
) -> RecordingState {
    let failed = |error: &Error| RecordingState::Failed {
        path: plan.path.clone(),
        report: Report::from(error),
    };
    let mut recorder = match create(plan) {
        Ok(recorder) => recorder,
        Err(error) => return failed(&error),
    };
    let began = RecordingState::Began {
        path: plan.path.clone(),
    };
    tell(out, clock, began);
    while let Ok(line) = incoming.recv() {
        let written = match line {
            Recorded::Sample(sample) => recorder.sample(&sample),
            Recorded::Entry(entry) => recorder.entry(&entry),
        };
        if let Err(error) = written {
            return failed(&error);
        }
    }
    RecordingState::Ended {
        path: plan.path.clone(),
        bytes: recorder.bytes(),
        num_samples: recorder.num_samples(),
    }
}
