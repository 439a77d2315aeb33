//! The thread that writes a recording while it happens.

use std::{
    sync::mpsc::{Receiver, channel},
    thread::JoinHandle,
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

/// A recording that runs. Ends, with everything written, when it is dropped.
pub(super) struct Recording {
    outlet: Outlet,
    thread: Option<JoinHandle<()>>,
}

impl Recording {
    /// Begins to write. Whether the file can be written is told by [`Event::Recording`].
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub(super) fn start(plan: RecordingPlan, outlet: &Outlet, clock: EngineClock) -> Result<Self> {
        let (lines, incoming) = channel();
        let out = outlet.clone();
        let thread = std::thread::Builder::new()
            .name("jobscope-record".to_owned())
            .spawn(move || {
                let state = write(&plan, &incoming, &out, clock);
                tell(&out, clock, state);
            })
            .map_err(|source| Error::other("start a thread to record", source))?;
        outlet.tap.open(lines);
        Ok(Self {
            outlet: outlet.clone(),
            thread: Some(thread),
        })
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.outlet.tap.close();
        // It ends by itself once it has written what it was given, and says so: nobody waits here,
        // or a full channel would hold up the one who empties it.
        drop(self.thread.take());
    }
}

impl Recording {
    /// Waits until everything is written: for a program that ends.
    pub(super) fn finish(mut self) {
        self.outlet.tap.close();
        if let Some(thread) = self.thread.take() {
            // A recorder that panicked has nothing left to write.
            thread.join().ok();
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
