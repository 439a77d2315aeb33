//! The settings that are wanted, and the settings that are.

use crate::{
    db::{
        profile::{ConnectionSettings, MAX_CONNECTIONS, MemoryProfile},
        status::HeapLimits,
    },
    error::{Error, Result},
    memory::{
        marker::given_back,
        sample::{ConnectionState, MemorySample},
    },
    units::Bytes,
};

/// What the tuning panel shows.
#[derive(Debug)]
pub struct Tuning {
    /// What the user wants.
    pub wanted: MemoryProfile,
    /// The user's own profiles.
    pub own_profiles: Vec<MemoryProfile>,
    /// The limits of the process, as SQLite reports them.
    pub limits: HeapLimits,
    /// What each open connection reports, and to which change of the profile that answers.
    pub connections: [Option<(u64, ConnectionSettings)>; MAX_CONNECTIONS],
    /// How many times the profile was changed, counted from 1.
    pub generation: u64,
    /// What the last Shrink or Trim gave back.
    pub answer: Option<String>,
    shrink: Option<ShrinkAnswers>,
}

#[derive(Debug)]
struct ShrinkAnswers {
    waiting: Vec<usize>,
    freed: u64,
}

impl Tuning {
    pub(super) fn new(wanted: MemoryProfile, own_profiles: Vec<MemoryProfile>) -> Self {
        Self {
            wanted,
            own_profiles,
            limits: HeapLimits::default(),
            connections: [None; MAX_CONNECTIONS],
            generation: 1,
            answer: None,
            shrink: None,
        }
    }

    /// Built-in profiles first, then the user's own.
    pub fn profiles(&self) -> Vec<MemoryProfile> {
        let mut all = MemoryProfile::built_in();
        all.extend(self.own_profiles.iter().cloned());
        all
    }

    /// Whether the wanted settings differ from the profile whose name they bear.
    pub fn is_modified(&self) -> bool {
        !self.profiles().contains(&self.wanted)
    }

    /// How many open connections have not taken over the wanted settings yet.
    pub fn pending(&self) -> usize {
        self.connections
            .iter()
            .flatten()
            .filter(|(generation, _)| *generation != self.generation)
            .count()
    }

    /// The settings that the open connections report. `None` where they differ, or none is open.
    pub fn read_back(&self) -> Option<ConnectionSettings> {
        let mut open = self
            .connections
            .iter()
            .flatten()
            .map(|(_, settings)| *settings);
        let first = open.next()?;
        open.all(|other| other.cache_size == first.cache_size && other.mmap_size == first.mmap_size)
            .then_some(first)
    }

    /// Takes over other settings. Answers with what changed, in words; empty if nothing did.
    pub(super) fn set(&mut self, profile: MemoryProfile) -> Vec<String> {
        let changes = self.wanted.changes(&profile);
        if profile != self.wanted {
            self.generation += 1;
            self.wanted = profile;
        }
        changes
    }

    pub(super) fn save_as(&mut self, name: &str) -> Result<MemoryProfile> {
        let is_built_in = MemoryProfile::built_in()
            .iter()
            .any(|profile| profile.name.eq_ignore_ascii_case(name));
        if name.is_empty() || is_built_in {
            return Err(Error::invalid(
                "profile name",
                name,
                "a name that no built-in profile has",
            ));
        }
        let profile = MemoryProfile {
            name: name.to_owned(),
            ..self.wanted.clone()
        };
        self.own_profiles.retain(|own| own.name != name);
        self.own_profiles.push(profile.clone());
        Ok(profile)
    }

    pub(super) fn applied(
        &mut self,
        connection: usize,
        generation: u64,
        settings: ConnectionSettings,
    ) {
        if let Some(slot) = self.connections.get_mut(connection) {
            *slot = Some((generation, settings));
        }
    }

    pub(super) fn closed(&mut self, connection: usize) {
        if let Some(slot) = self.connections.get_mut(connection) {
            *slot = None;
        }
        // A closed connection answers no more: its page cache is gone, too.
        if let Some(shrink) = &mut self.shrink {
            shrink.waiting.retain(|waiting| *waiting != connection);
            self.word_shrink();
        }
    }

    pub(super) fn shrinking(&mut self, latest: &MemorySample) {
        let open: Vec<_> = (0..self.connections.len())
            .filter(|index| self.connections[*index].is_some())
            .collect();
        if open.is_empty() {
            self.answer =
                Some("Shrink: no connection is open, so there is no page cache".to_owned());
            self.shrink = None;
            return;
        }
        let busy = open
            .iter()
            .filter_map(|index| latest.connections.get(*index))
            .filter(|connection| connection.state == ConnectionState::Busy)
            .count();
        self.answer = Some(if busy > 0 {
            format!("Shrink: {busy} busy; they shrink after their task")
        } else {
            "Shrink: under way".to_owned()
        });
        self.shrink = Some(ShrinkAnswers {
            waiting: open,
            freed: 0,
        });
    }

    pub(super) fn shrunk(&mut self, connection: usize, cache: (Bytes, Bytes)) {
        let Some(shrink) = &mut self.shrink else {
            return;
        };
        shrink.waiting.retain(|waiting| *waiting != connection);
        shrink.freed += cache.0.0.saturating_sub(cache.1.0);
        self.word_shrink();
    }

    /// Says how far the shrinking has come.
    fn word_shrink(&mut self) {
        let Some(shrink) = &self.shrink else { return };
        let freed = given_back(Bytes(shrink.freed), Bytes(0));
        self.answer = Some(if shrink.waiting.is_empty() {
            format!("Shrink: {freed} to the allocator")
        } else {
            format!("Shrink: {freed} so far, {} busy", shrink.waiting.len())
        });
        if shrink.waiting.is_empty() {
            self.shrink = None;
        }
    }
}

/// The adding-up bar: connections × cache against the soft limit against the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorstCase {
    /// What the page caches may hold together, if each fills up.
    pub caches: Bytes,
    /// What contradicts what, in sentences. Empty if nothing does.
    pub warnings: Vec<String>,
}

impl WorstCase {
    /// Adds up a profile for a database of this page size on a machine with this much memory.
    pub fn of(profile: &MemoryProfile, page_size: u32, machine: Option<Bytes>) -> Self {
        let each = profile.cache_size.filled(page_size);
        let caches = Bytes(each.0.saturating_mul(profile.connections as u64));
        let mut warnings = Vec::new();
        let ceiling = profile
            .soft_heap_limit
            .map_or(caches, |limit| caches.min(limit));
        if let Some(machine) = machine
            && ceiling > machine
        {
            warnings.push(format!(
                "The page caches may grow to {ceiling}; this machine has {machine}."
            ));
        }
        if let Some(limit) = profile.soft_heap_limit
            && caches > limit
        {
            warnings.push(format!(
                "{} caches of {each} add up to more than the soft heap limit of {limit}: \
                 the first busy connections starve the others.",
                profile.connections
            ));
        }
        if profile.temp_store != crate::db::pragma::TempStore::File
            && profile.hard_heap_limit.is_none()
        {
            warnings.push(
                "A sort without an index is not bounded by the soft heap limit while temporary \
                 data stay in memory."
                    .to_owned(),
            );
        }
        if let (Some(soft), Some(hard)) = (profile.soft_heap_limit, profile.hard_heap_limit)
            && soft >= hard
        {
            warnings.push(
                "The hard heap limit is not above the soft one: queries fail where they should \
                 only slow down."
                    .to_owned(),
            );
        }
        if profile.hard_heap_limit.is_some() && profile.soft_heap_limit.is_none() {
            warnings.push(
                "A hard heap limit without a soft one fails a plain scan as soon as the page \
                 cache is full."
                    .to_owned(),
            );
        }
        Self { caches, warnings }
    }
}
