//! Drives an engine while it records: tasks in turn, Ctrl-C, and the end of the recording.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    cli::{is_watched, query::limits::how_to_go_on, say, signals},
    db::profile::MemoryProfile,
    engine::{
        Engine,
        give_back::{self, GiveBackReceipt},
        message::{Event, Request, Task, TaskId},
        receipt::{Outcome, Receipt},
    },
    error::{Error, Report, Result},
    memory::{
        process::ProcessState,
        recording::{RecordingPlan, RecordingState},
    },
    units::Bytes,
};

/// Between two looks at Ctrl-C and at the time for `--cancel-after`.
const POLL: Duration = Duration::from_millis(10);

/// Before the first task, so that the recording shows what there was without it.
const LEAD: Duration = Duration::from_millis(300);

/// A task that has ended.
pub(super) struct EndedTask {
    pub id: u64,
    pub name: &'static str,
    pub receipt: Receipt,
}

impl EndedTask {
    pub(super) fn is_finished(&self) -> bool {
        self.receipt.outcome == Outcome::Finished
    }
}

/// A recording that is complete.
pub(super) struct Ended {
    pub path: PathBuf,
    pub bytes: u64,
    pub num_samples: u64,
    pub tasks: Vec<EndedTask>,
    pub give_back: Option<GiveBackReceipt>,
    /// Why a task failed.
    pub report: Option<Report>,
}

struct Running {
    name: &'static str,
    cancel_at: Option<Instant>,
}

/// An engine that records.
pub(super) struct Drive {
    engine: Engine,
    last_id: u64,
    running: BTreeMap<TaskId, Running>,
    tasks: Vec<EndedTask>,
    give_back: Option<GiveBackReceipt>,
    /// The newest word on the recording.
    recording: Option<RecordingState>,
    watch_failed: Option<Report>,
    /// Something was said about the watched process: it is watched.
    is_watching: bool,
    /// The watched process is gone, and none has followed it.
    has_process_ended: bool,
    report: Option<Report>,
    bar: Option<ProgressBar>,
}

impl Drive {
    pub(super) fn new(engine: Engine, num_turns: u64) -> Self {
        Self {
            engine,
            last_id: 0,
            running: BTreeMap::new(),
            tasks: Vec::new(),
            give_back: None,
            recording: None,
            watch_failed: None,
            is_watching: false,
            has_process_ended: false,
            report: None,
            bar: is_watched().then(|| new_bar(num_turns)),
        }
    }

    /// # Errors
    /// If there is no such process, or it may not be read.
    pub(super) fn watch_process(&mut self, who: &str) -> Result<()> {
        self.engine
            .send(Request::WatchProcess(Some(who.to_owned())));
        self.go_on(None, |drive| {
            drive.is_watching || drive.watch_failed.is_some()
        });
        match self.watch_failed.take() {
            Some(report) => Err(Error::Reported(report)),
            None => Ok(()),
        }
    }

    /// Begins to record.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(super) fn record(&mut self, plan: RecordingPlan) -> Result<()> {
        self.engine.send(Request::Record(Some(Box::new(plan))));
        self.go_on(None, |drive| drive.recording.is_some());
        if let Some(RecordingState::Failed { report, .. }) = &self.recording {
            return Err(Error::Reported(report.clone()));
        }
        self.linger(Some(LEAD));
        Ok(())
    }

    /// Runs so many of a task at once, to the end of all.
    pub(super) fn run(&mut self, task: &Task, parallel: usize, cancel_after: Option<Duration>) {
        if self.is_over() {
            return;
        }
        if let Some(bar) = &self.bar {
            bar.set_message(task.title());
        }
        for _ in 0..parallel {
            self.last_id += 1;
            let id = TaskId(self.last_id);
            let running = Running {
                name: task.name(),
                cancel_at: cancel_after.map(|after| Instant::now() + after),
            };
            self.running.insert(id, running);
            self.engine.send(Request::Run(id, task.clone()));
        }
        self.go_on(None, |drive| drive.running.is_empty());
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// Walks down the whole ladder.
    pub(super) fn give_back(&mut self, profile: &MemoryProfile) {
        if self.is_over() {
            return;
        }
        // Rows were dropped as they came: none are held.
        let steps = give_back::whole_ladder(profile, Bytes(0), None);
        self.engine.send(Request::GiveBack(steps));
        self.go_on(None, |drive| drive.give_back.is_some());
    }

    /// Goes on recording for so long, or until Ctrl-C.
    pub(super) fn linger(&mut self, time: Option<Duration>) {
        if let Some(bar) = self.bar.as_ref().filter(|_| time.is_none()) {
            bar.set_message("recording; Ctrl-C ends it");
        }
        self.go_on(time.map(|time| Instant::now() + time), Self::is_over);
    }

    /// Goes on recording until the watched process has ended, or until Ctrl-C.
    pub(super) fn linger_with_process(&mut self) {
        if let Some(bar) = &self.bar {
            bar.set_message("recording; Ctrl-C or the end of the process ends it");
        }
        self.go_on(None, |drive| drive.is_over() || drive.has_process_ended);
        if self.has_process_ended {
            self.say("the process has ended, and with it the recording");
        }
    }

    /// Ends the recording with everything written.
    ///
    /// # Errors
    /// If it could not be written.
    pub(super) fn finish(mut self) -> Result<Ended> {
        let is_done = |drive: &Self| !matches!(drive.recording, Some(RecordingState::Began { .. }));
        if !is_done(&self) {
            self.engine.send(Request::Record(None));
            self.go_on(None, is_done);
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        // Those of one turn end in any order.
        self.tasks.sort_by_key(|task| task.id);
        match self.recording {
            Some(RecordingState::Ended {
                path,
                bytes,
                num_samples,
            }) => Ok(Ended {
                path,
                bytes,
                num_samples,
                tasks: self.tasks,
                give_back: self.give_back,
                report: self.report,
            }),
            Some(RecordingState::Failed { report, .. }) => Err(Error::Reported(report)),
            Some(RecordingState::Began { .. }) | None => {
                Err(Error::other("end the recording", "it does not answer"))
            }
        }
    }

    /// Nothing more is begun: Ctrl-C, a task that failed, or a recording that did.
    fn is_over(&self) -> bool {
        let is_broken = matches!(self.recording, Some(RecordingState::Failed { .. }));
        signals::is_interrupted() || is_broken || self.report.is_some()
    }

    /// Takes what happens until that time, or until `is_done`.
    fn go_on(&mut self, until: Option<Instant>, is_done: impl Fn(&Self) -> bool) {
        loop {
            let now = Instant::now();
            if is_done(self) || until.is_some_and(|until| now >= until) {
                return;
            }
            let is_over = self.is_over();
            let due = |running: &Running| running.cancel_at.is_some_and(|at| now >= at);
            let ids: Vec<_> = (self.running.iter())
                .filter(|(_, running)| is_over || due(running))
                .map(|(id, _)| *id)
                .collect();
            for id in ids {
                self.engine.send(Request::Cancel(id));
            }
            let wakes = self
                .running
                .values()
                .filter_map(|running| running.cancel_at);
            let next = wakes.chain(until).filter(|at| *at > now).min();
            let patience = next.map_or(POLL, |at| (at - now).min(POLL));
            // Nobody draws them, and the recording has its own.
            for sample in self.engine.samples() {
                let other = sample.other;
                self.has_process_ended =
                    other.is_some_and(|other| other.state == ProcessState::Ended);
            }
            if let Some(news) = self.engine.wait(patience) {
                self.take(news.event);
            }
        }
    }

    fn take(&mut self, event: Event) {
        // Rows, above all, are dropped as they come.
        if let Event::Ended {
            id,
            receipt,
            report,
            ..
        } = event
        {
            self.ended(id, *receipt, report);
        } else if let Event::GaveBack(receipt) = event {
            self.give_back = Some(*receipt);
        } else if let Event::GuardActed { text } = event {
            self.say(&text);
        } else if let Event::Process { text } = event {
            self.is_watching = true;
            self.say(&text);
        } else if let Event::WatchFailed { report } = event {
            self.watch_failed = Some(report);
        } else if let Event::Recording(state) = event {
            self.recording = Some(state);
        }
    }

    fn ended(&mut self, id: TaskId, receipt: Receipt, report: Option<Report>) {
        let Some(running) = self.running.remove(&id) else {
            return;
        };
        let name = running.name;
        let TaskId(id) = id;
        if is_watched() || receipt.outcome.is_stop() {
            self.say(&format!("{id} {name}: {receipt}"));
        }
        if let Some(sentence) = how_to_go_on(&receipt) {
            self.say(&format!("{id} {name}: {sentence}"));
        }
        if let Some(report) = report {
            self.report.get_or_insert(report);
        }
        self.tasks.push(EndedTask { id, name, receipt });
    }

    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(text)),
            None => say(text),
        }
    }
}

fn new_bar(num_turns: u64) -> ProgressBar {
    let (bar, template) = if num_turns > 0 {
        let bar = ProgressBar::new(num_turns);
        (bar, "{spinner} {pos}/{len} {elapsed} {msg}")
    } else {
        (ProgressBar::new_spinner(), "{spinner} {elapsed} {msg}")
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
