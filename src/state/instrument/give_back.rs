//! The give-back ladder: what each rung would cost, and what it returned.

use std::collections::BTreeMap;

use crate::{
    db::{pragma::CacheSize, profile::MemoryProfile},
    engine::{
        give_back::{GiveBackReceipt, Rung, RungReceipt, Step},
        message::Request,
    },
    memory::quantity::Quantity,
    memory::sample::{ConnectionReading, ConnectionState},
    state::AppState,
    units::Bytes,
};

/// Where the ladder stands.
#[derive(Debug, Default)]
pub struct GivingBack {
    /// Rungs that are being taken.
    pub running: Vec<Rung>,
    /// What the last walk returned, and when, in seconds since the engine started.
    pub last: Option<(f64, GiveBackReceipt)>,
    /// What each rung returned when it was last taken, and when.
    pub rungs: BTreeMap<Rung, (f64, RungReceipt)>,
}

/// What a rung would do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// What it should return, as far as that is known. An estimate.
    pub returns: Option<Bytes>,
    /// What it costs, in words.
    pub cost: String,
    /// Why it cannot do anything now.
    pub cannot: Option<String>,
}

/// What is left in a page cache that was just emptied: the first pages of the file.
const EMPTY: Bytes = Bytes::kib(16);

/// A smaller `cache_size` to go to: jobscope's own, or below that SQLite's default.
fn lower(size: CacheSize, page_size: u32) -> Option<CacheSize> {
    [CacheSize::KiB(64 << 10), CacheSize::KiB(2_000)]
        .into_iter()
        .find(|smaller| smaller.bytes(page_size) < size.bytes(page_size))
}

impl AppState {
    /// What a rung of the ladder would do now.
    pub fn forecast(&self, rung: Rung) -> Forecast {
        let cannot = |why: &str| Forecast {
            returns: Some(Bytes(0)),
            cost: String::new(),
            cannot: Some(why.to_owned()),
        };
        let idle = self.connections_in(ConnectionState::Idle);
        let busy = self.connections_in(ConnectionState::Busy);
        let sum = |of: fn(&ConnectionReading) -> Bytes| -> Bytes {
            Bytes(idle.iter().map(|(_, reading)| of(reading).0).sum())
        };
        let caches = sum(|reading| reading.cache_used);
        let needs_open = matches!(
            rung,
            Rung::ResetStatements | Rung::ReleaseMemory | Rung::CloseIdle
        );
        if needs_open && idle.is_empty() && busy.is_empty() {
            return cannot("No connection is open");
        }
        if needs_open && idle.is_empty() {
            let what = if rung == Rung::CloseIdle {
                "All open connections are busy: stop their tasks first"
            } else {
                "All open connections are busy: they follow after their task"
            };
            return Forecast {
                returns: None,
                cost: what.to_owned(),
                cannot: (rung == Rung::CloseIdle).then(|| what.to_owned()),
            };
        }
        let follow = if busy.is_empty() {
            String::new()
        } else {
            format!("; {} busy: after the task", numbers(&busy))
        };
        let forecast = |returns: Bytes, cost: String| Forecast {
            returns: Some(returns),
            cost: cost + &follow,
            cannot: None,
        };
        match rung {
            Rung::DropResults => self.forecast_results(),
            Rung::ResetStatements => {
                let kept = sum(|reading| reading.statements_used);
                if kept == Bytes(0) && busy.is_empty() {
                    return cannot("Nothing to reset: here, a statement ends with its task");
                }
                forecast(
                    kept,
                    "The next query is prepared anew: some 0.1 ms".to_owned(),
                )
            }
            Rung::ReleaseMemory => {
                if caches.0 <= EMPTY.0 * idle.len() as u64 && busy.is_empty() {
                    return cannot("The page caches are empty");
                }
                let cost = format!("A cold cache: up to {caches} are read from the file again");
                forecast(caches, cost)
            }
            Rung::LowerCacheSize => self.forecast_lower(&idle),
            Rung::CloseIdle => {
                let schema = sum(|reading| reading.schema_used);
                let cost = "A cold cache, and the next query opens the file and reads the schema \
                            again: some ms"
                    .to_owned();
                forecast(Bytes(caches.0 + schema.0), cost)
            }
            Rung::Trim => self.forecast_trim(),
        }
    }

    fn forecast_results(&self) -> Forecast {
        let beyond = self.jobs.bytes_out_of_sight();
        Forecast {
            returns: Some(beyond),
            cost: "Scrolling fetches those rows again".to_owned(),
            cannot: (beyond == Bytes(0))
                .then(|| "The window holds no rows beyond those in sight".to_owned()),
        }
    }

    fn forecast_lower(&self, idle: &[(usize, ConnectionReading)]) -> Forecast {
        let wanted = &self.tuning.wanted;
        let page_size = self.page_size();
        let Some(smaller) = lower(wanted.cache_size, page_size) else {
            return Forecast {
                returns: Some(Bytes(0)),
                cost: String::new(),
                cannot: Some(format!("It is {} already", wanted.cache_size)),
            };
        };
        let limit = smaller.bytes(page_size);
        let beyond = idle
            .iter()
            .map(|(_, reading)| reading.cache_used.0.saturating_sub(limit.0))
            .sum();
        Forecast {
            returns: Some(Bytes(beyond)),
            cost: format!(
                "{} → {smaller} for each connection, until you change it: queries may read pages \
                 more than once",
                wanted.cache_size
            ),
            cannot: None,
        }
    }

    fn forecast_trim(&self) -> Forecast {
        let supported = cfg!(all(target_os = "linux", target_env = "gnu"));
        Forecast {
            returns: self.live.newest(Quantity::Kept),
            cost: "Allocations wait for it: ms, more after large sorts".to_owned(),
            cannot: (!supported).then(|| "This C library has no malloc_trim".to_owned()),
        }
    }

    /// The page size of the open file, or SQLite's default.
    pub fn page_size(&self) -> u32 {
        self.database
            .as_ref()
            .map_or(4096, |database| database.facts.page_size)
    }

    fn connections_in(&self, wanted: ConnectionState) -> Vec<(usize, ConnectionReading)> {
        let readings = self.live.latest.connections.iter().copied().enumerate();
        readings
            .filter(|(_, reading)| reading.state == wanted)
            .collect()
    }

    /// Takes these rungs, in the ladder's order.
    pub(in crate::state) fn give_back(&mut self, rungs: &[Rung]) -> Vec<Request> {
        if !self.instrument.giving_back.running.is_empty() {
            return Vec::new();
        }
        let rungs: Vec<_> = Rung::ALL
            .into_iter()
            .filter(|rung| rungs.contains(rung))
            .collect();
        let steps: Vec<_> = rungs.iter().filter_map(|rung| self.step(*rung)).collect();
        if steps.is_empty() {
            return Vec::new();
        }
        self.instrument.giving_back.running = steps.iter().map(Step::rung).collect();
        vec![Request::GiveBack(steps)]
    }

    fn step(&mut self, rung: Rung) -> Option<Step> {
        match rung {
            Rung::DropResults => {
                let held = self.jobs.memory().total();
                let rss = self.live.latest.rss;
                self.jobs.drop_out_of_sight();
                Some(Step::Dropped { held, rss })
            }
            Rung::ResetStatements => Some(Step::ResetStatements),
            Rung::ReleaseMemory => Some(Step::ReleaseMemory),
            Rung::LowerCacheSize => {
                let cache_size = lower(self.tuning.wanted.cache_size, self.page_size())?;
                let profile = MemoryProfile {
                    cache_size,
                    ..self.tuning.wanted.clone()
                };
                self.tuning.set(profile.clone());
                self.settings.profile = profile.clone();
                Some(Step::LowerCacheSize(Box::new(profile)))
            }
            Rung::CloseIdle => Some(Step::CloseIdle),
            Rung::Trim => Some(Step::Trim),
        }
    }

    pub(in crate::state) fn gave_back(&mut self, at_secs: f64, receipt: GiveBackReceipt) {
        let giving_back = &mut self.instrument.giving_back;
        giving_back.running.clear();
        for rung in &receipt.rungs {
            giving_back.rungs.insert(rung.rung, (at_secs, rung.clone()));
        }
        giving_back.last = Some((at_secs, receipt));
    }
}

/// `connection 2`, `connections 2, 3`.
pub(super) fn numbers(connections: &[(usize, ConnectionReading)]) -> String {
    let word = if connections.len() == 1 {
        "connection"
    } else {
        "connections"
    };
    let numbers: Vec<_> = connections
        .iter()
        .map(|(index, _)| (index + 1).to_string())
        .collect();
    format!("{word} {}", numbers.join(", "))
}
