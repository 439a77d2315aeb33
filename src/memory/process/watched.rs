//! One process of another program, from now to its end, and on to the one that follows it where that
//! is wanted.

use std::{path::PathBuf, time::Duration};

use super::{
    ProcessEvent, ProcessReading, ProcessState,
    find::watchable,
    platform::{self, Database, Found, Look, Reader, Vitals},
};
use crate::{error::Result, memory::aside::Aside, units::Bytes};

/// How often open files are listed, and how often a process that ended is looked for again: both
/// cost as much as there are descriptors or processes, and neither has to be known at once.
const SLOW_INTERVAL_SECS: f64 = 1.0;

/// Whose files are looked at, and the database that is looked for among them.
type Files = (u32, Option<PathBuf>);

/// A process that is watched: see [`Watched::read`].
pub struct Watched {
    pub(super) process: Found,
    reader: Reader,
    preferred: Option<PathBuf>,
    has_ended: bool,
    /// A restart of the same program is followed.
    is_followed: bool,
    last_rss: Option<Bytes>,
    /// When it was last seen alive, at most a slow interval ago. Told like its start.
    alive_at: Duration,
    /// Its open files, and what stood in the way of reading them.
    database: Database,
    trouble: Option<String>,
    next_slow_secs: f64,
    events: Vec<ProcessEvent>,
    /// Looks at its files, if that is not done here.
    aside: Option<Aside<Files, std::result::Result<Database, String>>>,
}

impl Watched {
    /// Starts to watch the process of this pid.
    ///
    /// # Errors
    /// If there is no such process, it may not be read, it is our own, a thread of another
    /// process, or the kernel's.
    pub fn start(pid: u32) -> Result<Self> {
        let process = watchable(pid)?;
        Ok(Self {
            last_rss: Some(process.rss),
            process,
            reader: Reader::default(),
            preferred: None,
            has_ended: false,
            is_followed: false,
            alive_at: platform::now(),
            database: Database::default(),
            trouble: None,
            next_slow_secs: f64::NEG_INFINITY,
            events: Vec::new(),
            aside: None,
        })
    }

    /// Goes on with the next process of the same program when this one has ended: a service that is
    /// known by its name. Who asked for a number asked for this process, and not for another one.
    #[must_use]
    pub fn through_restarts(mut self) -> Self {
        self.is_followed = true;
        self
    }

    /// From now on its files are looked at in a thread of their own: they may lie on a disk that
    /// does not answer. They are not known until it does.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn aside(mut self) -> Result<Self> {
        self.aside = Some(Aside::start("jobscope-files", look)?);
        Ok(self)
    }

    /// The process that is watched, or was until it ended.
    pub fn pid(&self) -> u32 {
        self.process.identity.pid
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.process.name
    }

    /// The database to look for among its files, whatever it is called and however small it is:
    /// the one that we have open ourselves. Takes effect with the next reading.
    pub fn prefer(&mut self, database: Option<PathBuf>) {
        self.preferred = database;
        self.next_slow_secs = f64::NEG_INFINITY;
    }

    /// Reads what the process holds now, ten times a second. `now_secs` never goes back.
    ///
    /// Takes about 25 µs on Linux. Once a second it takes more: 4 µs for each descriptor that the
    /// process has open or, while a restart is waited for, 15 µs for each process of the
    /// machine.
    pub fn read(&mut self, now_secs: f64) -> ProcessReading {
        let is_slow_turn = now_secs >= self.next_slow_secs;
        if is_slow_turn {
            self.next_slow_secs = now_secs + SLOW_INTERVAL_SECS;
        }
        let may_follow = is_slow_turn && self.is_followed;
        if self.has_ended && !(may_follow && self.follow_restart()) {
            return self.reading(ProcessState::Ended);
        }
        match self.reader.look(self.pid()) {
            Look::Alive(vitals) if vitals.started == self.process.identity.started => {
                if is_slow_turn {
                    self.look_at_files();
                }
                self.alive(&vitals)
            }
            // A process that started at another time is another one, which got the free pid.
            Look::Alive(_) | Look::Gone => {
                self.end();
                self.reading(ProcessState::Ended)
            }
            Look::Unreadable(trouble) => ProcessReading {
                trouble: Some(trouble),
                ..self.reading(ProcessState::Unreadable)
            },
        }
    }

    /// What happened since this was last asked, in order.
    pub fn events(&mut self) -> Vec<ProcessEvent> {
        std::mem::take(&mut self.events)
    }

    fn reading(&self, state: ProcessState) -> ProcessReading {
        ProcessReading {
            pid: self.pid(),
            state,
            ..ProcessReading::default()
        }
    }

    fn alive(&mut self, vitals: &Vitals) -> ProcessReading {
        let Vitals {
            started: _,
            rss,
            peak,
            threads,
        } = *vitals;
        // None while the process exits: what it held before that is worth telling.
        self.last_rss = rss.or(self.last_rss);
        ProcessReading {
            rss,
            peak,
            threads,
            file: self.database.file.clone(),
            wal: self.database.wal,
            trouble: self.trouble.clone(),
            ..self.reading(ProcessState::Running)
        }
    }

    fn look_at_files(&mut self) {
        self.alive_at = platform::now();
        let files = (self.pid(), self.preferred.clone());
        let found = match &self.aside {
            None => look(&files),
            Some(aside) => (aside.ask(&files))
                .unwrap_or_else(|| Err("its files have not been found yet".to_owned())),
        };
        match found {
            Ok(database) => {
                self.database = database;
                self.trouble = None;
            }
            Err(trouble) => {
                self.database = Database::default();
                self.trouble = Some(trouble);
            }
        }
    }

    fn end(&mut self) {
        self.has_ended = true;
        self.database = Database::default();
        self.trouble = None;
        // The next reading looks for the one that follows; this one says that there was an end.
        self.next_slow_secs = f64::NEG_INFINITY;
        self.events.push(ProcessEvent::Ended {
            pid: self.pid(),
            name: self.process.name.clone(),
            rss: self.last_rss,
        });
    }

    /// Goes on with the first process of the same program that started after the end.
    ///
    /// One that ran beside the other before is no restart of it: two services may run the same
    /// program, and their curves must not be mixed up.
    fn follow_restart(&mut self) -> bool {
        let next = platform::several(self.alive_at)
            .into_iter()
            .filter(|found| {
                found.identity != self.process.identity
                    && found.identity.pid != std::process::id()
                    && found.same_program(&self.process)
            })
            .min_by_key(|found| (found.identity.started, found.identity.pid));
        let Some(next) = next else { return false };
        let old = self.pid();
        self.process = next;
        self.last_rss = Some(self.process.rss);
        self.has_ended = false;
        self.events.push(ProcessEvent::Restarted {
            old,
            new: self.pid(),
            name: self.process.name.clone(),
        });
        true
    }
}

fn look((pid, preferred): &Files) -> std::result::Result<Database, String> {
    platform::database(*pid, preferred.as_deref())
}
