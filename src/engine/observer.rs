//! What the sampling thread does beside reading: it fills in what the engine knows, guards the
//! machine's memory, watches another process and the clock.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;

use super::{
    cancel::StopReason,
    message::{Event, News, TaskId},
    outlet::Outlet,
    pool::Pool,
};
use crate::{
    memory::{
        process::Watched,
        sample::{ConnectionReading, ConnectionState, MemorySample},
        sampler::Complete,
    },
    units::Bytes,
};

/// The memory guard's setting, and what it did last.
#[derive(Default)]
pub(super) struct Guard {
    /// Keep this much available; `None`: off.
    pub keep: Mutex<Option<Bytes>>,
    /// What should have stayed available when it last acted, and what was.
    pub acted: Mutex<(Bytes, Bytes)>,
}

/// After a stop, memory needs a moment to come back before the next task has to go.
const GUARD_PATIENCE: Duration = Duration::from_secs(2);

/// The clock may be off by this much before it counts as set: time daemons slew it all day.
const CLOCK_TOLERANCE_SECS: f64 = 2.0;

/// Between two looks at which database is open.
const TARGET_INTERVAL: Duration = Duration::from_secs(1);

/// The engine's part of the sampling thread.
pub(super) struct Observer {
    pool: Arc<Pool>,
    out: Outlet,
    database: Option<PathBuf>,
    database_due: Instant,
    guarded: Option<Instant>,
    /// Unix seconds less seconds on the engine's clock.
    clock_offset: f64,
}

impl Observer {
    pub(super) fn new(pool: Arc<Pool>, out: Outlet) -> Self {
        let clock_offset = unix_secs() - pool.clock.secs();
        Self {
            pool,
            out,
            database: None,
            database_due: Instant::now(),
            guarded: None,
            clock_offset,
        }
    }

    fn tell(&self, event: Event) {
        let news = News {
            at_secs: self.pool.clock.secs(),
            event,
        };
        // A mark on the chart is not worth a sampler that waits.
        self.out.try_send(news).ok();
    }

    fn watch_process(&self, sample: &mut MemorySample) {
        let mut watched = self.pool.watched.lock();
        let Some(process) = watched.as_mut() else {
            return;
        };
        sample.other = Some(process.read(sample.at_secs));
        let events = process.events();
        drop(watched);
        for event in events {
            self.tell(Event::Process {
                text: event.sentence(),
            });
        }
    }

    /// Stops the largest task while memory is about to run out.
    fn guard(&mut self, sample: &MemorySample) {
        let keep = *self.pool.guard.keep.lock();
        let (Some(keep), Some(available)) = (keep, sample.available) else {
            return;
        };
        let is_patient = self
            .guarded
            .is_some_and(|acted| acted.elapsed() < GUARD_PATIENCE);
        if available >= keep || is_patient {
            return;
        }
        let Some((connection, holds)) = largest(sample) else {
            return;
        };
        *self.pool.guard.acted.lock() = (keep, available);
        let now = self.pool.clock.nanos();
        let Some(id) = self.pool.interrupters[connection].stop(StopReason::Guard, now) else {
            return;
        };
        self.guarded = Some(Instant::now());
        let TaskId(number) = id;
        self.tell(Event::GuardActed {
            text: format!(
                "Task {number} on connection {} is stopped: {available} available, the guard keeps \
                 {keep} free, and it held the most ({holds} of page cache)",
                connection + 1
            ),
        });
    }

    fn look_at_clock(&mut self, at_secs: f64) {
        let offset = unix_secs() - at_secs;
        let by_secs = offset - self.clock_offset;
        // A sampler that had to wait for the processor is late on both clocks.
        if by_secs.abs() > CLOCK_TOLERANCE_SECS {
            let again = unix_secs() - self.pool.clock.secs() - self.clock_offset;
            if again.abs() > CLOCK_TOLERANCE_SECS {
                self.clock_offset += again;
                self.tell(Event::ClockChanged { by_secs: again });
            }
        }
    }

    /// The process that is watched, as the engine shares it.
    pub(super) fn slot() -> Mutex<Option<Watched>> {
        Mutex::new(None)
    }
}

impl Complete for Observer {
    fn wal(&mut self) -> Option<Bytes> {
        let now = Instant::now();
        if now >= self.database_due {
            self.database_due = now + TARGET_INTERVAL;
            self.database = self.pool.wanted().target.map(|target| target.path);
        }
        let mut path = self.database.clone()?.into_os_string();
        path.push("-wal");
        // Looked at and never opened: closing it would drop SQLite's locks.
        std::fs::metadata(path).ok().map(|found| Bytes(found.len()))
    }

    fn complete(&mut self, sample: &mut MemorySample) {
        let now = self.pool.clock.nanos();
        let gauges = self.pool.gauges.iter();
        sample.connections = gauges.map(|gauge| gauge.read(now)).collect();
        sample.window = self.pool.window.read();
        self.watch_process(sample);
        self.guard(sample);
        self.look_at_clock(sample.at_secs);
        self.out.tap.sample(sample);
    }
}

fn unix_secs() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

/// The busy connection that holds the most, and its page cache.
///
/// SQLite does not tell whose sorter it is that fills its heap. Where sorters hold more than any page
/// cache, it is taken to be that of the connection that has been silent for longest: while it sorts
/// in memory, SQLite lets nobody look.
fn largest(sample: &MemorySample) -> Option<(usize, Bytes)> {
    let busy = || {
        let all = sample.connections.iter().enumerate();
        all.filter(|(_, reading)| reading.state == ConnectionState::Busy)
    };
    let by_cache = |(_, reading): &(usize, &ConnectionReading)| reading.cache_used;
    let largest = busy().max_by_key(by_cache)?;
    let sorters = sample.sqlite_rest();
    let (index, reading) = if sorters > largest.1.cache_used {
        busy().max_by(|a, b| a.1.silent_secs.total_cmp(&b.1.silent_secs))?
    } else {
        largest
    };
    Some((index, reading.cache_used))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(cache_mib: u64, silent_secs: f64) -> ConnectionReading {
        ConnectionReading {
            state: ConnectionState::Busy,
            cache_used: Bytes::mib(cache_mib),
            silent_secs,
            ..ConnectionReading::default()
        }
    }

    #[test]
    fn the_largest_cache_goes_first_unless_a_sort_holds_more() {
        let idle = ConnectionReading {
            state: ConnectionState::Idle,
            cache_used: Bytes::gib(9),
            ..ConnectionReading::default()
        };
        let mut sample = MemorySample {
            sqlite_heap: Bytes(Bytes::gib(9).0 + Bytes::mib(350).0),
            connections: vec![reading(100, 3.0), idle, reading(200, 0.0)],
            ..MemorySample::default()
        };
        assert_eq!(largest(&sample), Some((2, Bytes::mib(200))));
        sample.sqlite_heap.0 += Bytes::gib(1).0;
        assert_eq!(largest(&sample), Some((0, Bytes::mib(100))));
        sample.connections.clear();
        assert_eq!(largest(&sample), None, "nothing runs");
    }
}
