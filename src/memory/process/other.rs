//! Other processes where there is no `/proc`: what the `sysinfo` crate tells.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use sysinfo::{
    Pid, Process, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind,
};

use super::platform::{Database, Found, Identity, Look, Vitals};
use crate::units::Bytes;

/// Reads one process again and again.
pub(super) struct Reader {
    /// `None` where the system is not supported.
    system: Option<System>,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            system: System::new().ok(),
        }
    }
}

impl Reader {
    /// What the process of this pid holds now.
    pub(super) fn look(&mut self, pid: u32) -> Look {
        let Some(system) = self.system.as_mut() else {
            return Look::Unreadable("processes cannot be read on this system".to_owned());
        };
        let pid = Pid::from_u32(pid);
        refresh(system, ProcessesToUpdate::Some(&[pid]));
        match system.process(pid).filter(|process| lives(process)) {
            Some(process) => Look::Alive(Vitals {
                started: Duration::from_secs(process.start_time()),
                rss: Some(Bytes(process.memory())),
                peak: None,
                threads: None,
            }),
            None => Look::Gone,
        }
    }
}

/// The time that starts are told in: Unix time, in whole seconds like the starts.
pub(super) fn now() -> Duration {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Duration::from_secs(now.as_secs())
}

/// All processes that started at `since` or later.
pub(super) fn several(since: Duration) -> Vec<Found> {
    let Ok(mut system) = System::new() else {
        return Vec::new();
    };
    refresh(&mut system, ProcessesToUpdate::All);
    let mut found: Vec<Found> = system
        .processes()
        .values()
        .filter(|process| lives(process) && process.thread_kind().is_none())
        .map(found)
        .filter(|found| found.identity.started >= since)
        .collect();
    found.sort_by_key(|found| found.identity.pid);
    found
}

/// The process of this pid, or why it cannot be watched, as a clause.
pub(super) fn one(pid: u32) -> Result<Found, String> {
    let mut system =
        System::new().map_err(|_unsupported| "processes cannot be read on this system")?;
    let pid = Pid::from_u32(pid);
    refresh(&mut system, ProcessesToUpdate::Some(&[pid]));
    let process = system
        .process(pid)
        .filter(|process| lives(process))
        .ok_or("no process has this pid, or it is hidden from you")?;
    Ok(found(process))
}

/// Open files are told on Linux only.
pub(super) fn database(_pid: u32, _preferred: Option<&Path>) -> Result<Database, String> {
    Err("its peak, its threads and its open files are shown on Linux only".to_owned())
}

fn refresh(system: &mut System, which: ProcessesToUpdate<'_>) {
    let what = ProcessRefreshKind::nothing()
        .with_memory()
        .with_exe(UpdateKind::OnlyIfNotSet)
        .without_tasks();
    system.refresh_processes_specifics(which, true, what);
}

fn lives(process: &Process) -> bool {
    !matches!(
        process.status(),
        ProcessStatus::Zombie | ProcessStatus::Dead
    )
}

fn found(process: &Process) -> Found {
    let short_name = process.name().to_string_lossy().into_owned();
    let program = process.exe().and_then(Path::file_name);
    Found {
        identity: Identity {
            pid: process.pid().as_u32(),
            started: Duration::from_secs(process.start_time()),
        },
        name: program.map_or_else(
            || short_name.clone(),
            |name| name.to_string_lossy().into_owned(),
        ),
        short_name,
        rss: Bytes(process.memory()),
    }
}
