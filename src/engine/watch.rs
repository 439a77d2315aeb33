//! The thread that notices when the open file changes: somebody wrote to it, replaced it, cut it off.
//!
//! `PRAGMA data_version` belongs to one connection, and says whether others have committed since that
//! connection last looked. So one small connection stays open for it; it holds no transaction, and
//! gives its page cache back after each look.

use std::{
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use parking_lot::Mutex;
use rusqlite::ErrorCode;

use super::{
    message::{Event, FileChange, News},
    outlet::Outlet,
    pool::{Pool, Target},
};
use crate::{
    db::{
        connection::{self, Header, OpenMode, ReadConnection},
        identity::FileIdentity,
    },
    error::{Error, Result},
};

/// Between two looks: soon enough for a person, rarely enough to cost nothing.
const INTERVAL: Duration = Duration::from_millis(500);

/// The running thread. Ends when it is dropped.
pub(super) struct Watcher {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    handover: Handover,
}

/// A file that was opened a moment ago, on its way to the watcher.
#[derive(Clone, Default)]
pub(super) struct Handover(Arc<Mutex<Option<(u64, Watched)>>>);

impl Handover {
    /// Leaves the file for the watcher's next look. What nobody will look at any more comes back, to
    /// be closed where no lock is held.
    pub(super) fn give(&self, generation: u64, file: Watched) -> Option<Watched> {
        let before = self.0.lock().replace((generation, file));
        before.map(|(_, file)| file)
    }

    fn take(&self, generation: u64) -> Option<Watched> {
        let given = self.0.lock().take();
        given.and_then(|(of, file)| (of == generation).then_some(file))
    }
}

impl Watcher {
    /// Starts watching whatever database is open.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub(super) fn start(pool: Arc<Pool>, out: Outlet) -> Result<Self> {
        let (stop, stopped) = channel();
        let handover = Handover::default();
        let given = handover.clone();
        let thread = std::thread::Builder::new()
            .name("jobscope-watch".to_owned())
            .spawn(move || run(&pool, &given, &out, &stopped))
            .map_err(|source| Error::other("start the thread that watches the file", source))?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
            handover,
        })
    }

    /// Where files that are opened from now on are left.
    pub(super) fn handover(&self) -> Handover {
        self.handover.clone()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A watcher that panicked has nothing left to tell.
            thread.join().ok();
        }
    }
}

fn run(pool: &Pool, given: &Handover, out: &Outlet, stopped: &Receiver<()>) {
    let mut watched: Option<(u64, Watched)> = None;
    loop {
        let wanted = pool.wanted();
        let is_same = (watched.as_ref()).is_some_and(|(of, _)| *of == wanted.target_generation);
        if !is_same {
            // A file that was open before anybody watched is opened once more. One that cannot be
            // watched can still be read; its own tasks report what is wrong.
            let open = || wanted.target.as_ref().and_then(Watched::open);
            watched = given
                .take(wanted.target_generation)
                .or_else(open)
                .map(|file| (wanted.target_generation, file));
        }
        if let (Some((_, file)), Some(target)) = (&mut watched, &wanted.target)
            && let Some(change) = file.look(&target.path)
        {
            let news = News {
                at_secs: pool.clock.secs(),
                event: Event::FileChanged {
                    path: target.path.clone(),
                    change,
                },
            };
            // If there is no room, the next look finds the same.
            if out.try_send(news).is_ok() {
                file.noted(change);
            }
        }
        match stopped.recv_timeout(INTERVAL) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// The file as it was at the last look.
pub(super) struct Watched {
    conn: ReadConnection,
    identity: Option<FileIdentity>,
    version: Option<i64>,
    /// What was last found, so that it is told once.
    told: Option<FileChange>,
    /// The version that a `Written` is about, until it was told.
    seen: Option<i64>,
}

impl Watched {
    fn open(target: &Target) -> Option<Self> {
        let conn = connection::open(&target.path, target.mode).ok()?;
        Self::of(conn, &target.path, target.mode)
    }

    /// The file of this connection as it is now.
    pub(super) fn of(conn: ReadConnection, path: &Path, mode: OpenMode) -> Option<Self> {
        if mode == OpenMode::Immutable {
            // Nobody writes to it: that was the promise, and SQLite does not look either.
            return None;
        }
        // A lock is not waited for: the next look is soon, and the end of the engine waits for this one.
        conn.busy_timeout(Duration::ZERO).ok()?;
        let mut watched = Self {
            conn,
            identity: FileIdentity::of(path),
            version: None,
            told: None,
            seen: None,
        };
        watched.version = watched.data_version();
        Some(watched)
    }

    fn data_version(&self) -> Option<i64> {
        // A lock that is held for a moment makes it fail: the next look is soon.
        let version = connection::data_version(&self.conn).ok();
        self.conn.release_memory().ok();
        version
    }

    /// Whether the file is cut off, and its version. `None` while somebody writes to it.
    fn read(&self, path: &Path) -> Option<(bool, Option<i64>)> {
        // A file that grows begins to say so before it has grown. With a reader's lock, nobody is in
        // the middle of that.
        let lock = self.conn.unchecked_transaction().ok()?;
        let version = connection::data_version(&lock);
        let is_busy = |error: &rusqlite::Error| {
            let code = error.sqlite_error_code();
            code == Some(ErrorCode::DatabaseBusy)
        };
        if version.as_ref().is_err_and(is_busy) {
            return None;
        }
        // Read from the file itself: SQLite goes on from its cache for a while.
        let is_cut_off = Header::is_cut_off(path);
        drop(lock);
        self.conn.release_memory().ok();
        Some((is_cut_off, version.ok()))
    }

    /// What has changed and was not told yet.
    fn look(&mut self, path: &Path) -> Option<FileChange> {
        let mut version = None;
        let lasting = match FileIdentity::of(path) {
            None => Some(FileChange::Gone),
            Some(now) if self.identity.is_some_and(|then| then != now) => {
                Some(FileChange::Replaced)
            }
            Some(_) => {
                let (is_cut_off, now) = self.read(path)?;
                version = now;
                is_cut_off.then_some(FileChange::Truncated)
            }
        };
        if lasting.is_some() {
            return lasting.filter(|change| self.told != Some(*change));
        }
        self.told = None;
        self.seen = version;
        (self.seen.is_some() && self.seen != self.version).then_some(FileChange::Written)
    }

    fn noted(&mut self, change: FileChange) {
        if change == FileChange::Written {
            self.version = self.seen;
        } else {
            self.told = Some(change);
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, OpenFlags};

    use super::*;

    #[test]
    fn the_watcher_does_not_wait_for_a_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("job.db");
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let writer = Connection::open_with_flags(&path, flags).expect("a file");
        writer.execute_batch("CREATE TABLE t(x)").expect("a table");
        let conn = connection::open(&path, OpenMode::ReadOnly).expect("readable");
        let watched = Watched::of(conn, &path, OpenMode::ReadOnly).expect("watched");
        let patience: i64 = (watched.conn)
            .pragma_query_value(None, "busy_timeout", |row| row.get(0))
            .expect("told");
        assert_eq!(patience, 0, "the end of the engine waits for its look");
    }
}
