//! Opens a database in a thread of its own, and lets the newest wish win.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    message::{Event, News},
    pool::{Pool, Target},
    watch::{Handover, Watched},
};
use crate::{
    db::{
        connection::{self, OpenMode},
        identity::FileIdentity,
    },
    error::{Error, Report},
    jobs::facts::DatabaseFacts,
};

/// What a thread that opens a file has with it.
pub(super) struct Opener {
    pub newest: Arc<AtomicU64>,
    pub ticket: u64,
    pub pool: Arc<Pool>,
    /// Where the file is left for the watcher, if there is one.
    pub watch: Option<Handover>,
}

impl Opener {
    /// `None` if the user has asked for another file meanwhile.
    pub(super) fn open(&self, path: PathBuf, mode: OpenMode) -> Option<News> {
        let result = connection::open(&path, mode).and_then(|conn| {
            let facts = DatabaseFacts::read(&conn, &path, mode)?;
            let identity = FileIdentity::of(&path);
            let watched = (self.watch.as_ref()).and_then(|_| Watched::of(conn, &path, mode));
            Ok((facts, identity, watched))
        });
        if self.newest.load(Ordering::SeqCst) != self.ticket {
            return None;
        }
        let event = match result {
            Ok((facts, identity, mut watched)) => {
                let mut is_newest = false;
                let mut unwatched = None;
                self.pool.want(|wanted| {
                    // Looked at again under the lock: a newer wish may have been served meanwhile.
                    is_newest = self.newest.load(Ordering::SeqCst) == self.ticket;
                    if is_newest {
                        wanted.target = Some(Target {
                            path,
                            mode,
                            identity,
                            schema: Arc::clone(&facts.schema),
                        });
                        wanted.target_generation += 1;
                        // Under the same lock, so that the watcher finds it with its number.
                        if let (Some(watch), Some(file)) = (&self.watch, watched.take()) {
                            unwatched = watch.give(wanted.target_generation, file);
                        }
                    }
                });
                // Closing a connection may take a while, and nobody has to wait for it.
                drop(unwatched);
                if !is_newest {
                    return None;
                }
                Event::Opened(Box::new(facts))
            }
            Err(error) => Event::OpenFailed {
                can_be_immutable: matches!(error, Error::NeedsImmutable { .. }),
                report: Report::from(&error),
                path,
            },
        };
        Some(News {
            at_secs: self.pool.clock.secs(),
            event,
        })
    }
}
