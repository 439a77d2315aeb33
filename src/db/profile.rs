//! Memory profiles: every setting that decides about memory, under one name.

use std::{path::Path, time::Duration};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::{
    pragma::{CacheSize, TempStore},
    status::{self, HeapLimits},
};
use crate::{
    error::{Error, Result},
    units::{Bytes, exact_duration, format_count, optional_bytes, optional_duration},
};

/// The most connections a profile may ask for: each has a page cache, a thread and a curve.
pub const MAX_CONNECTIONS: usize = 16;

/// The largest page that a file can have, in bytes.
const MAX_PAGE_SIZE: u32 = 65_536;

/// Everything that decides about memory, under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryProfile {
    /// What the user calls it.
    pub name: String,
    /// `PRAGMA cache_size` of every connection.
    pub cache_size: CacheSize,
    /// `sqlite3_soft_heap_limit64` of the process.
    #[serde(with = "optional_bytes")]
    pub soft_heap_limit: Option<Bytes>,
    /// `sqlite3_hard_heap_limit64` of the process.
    #[serde(with = "optional_bytes")]
    pub hard_heap_limit: Option<Bytes>,
    /// `PRAGMA temp_store`.
    pub temp_store: TempStore,
    /// `PRAGMA mmap_size` of every connection. Zero is off.
    pub mmap_size: Bytes,
    /// How many connections there are, each with its own page cache. 1 to [`MAX_CONNECTIONS`].
    #[serde(deserialize_with = "number_of_connections")]
    pub connections: usize,
    /// A connection without work for this long is closed, and its page cache with it.
    #[serde(with = "optional_duration")]
    pub idle_time: Option<Duration>,
    /// A query is stopped after this long.
    #[serde(with = "optional_duration")]
    pub time_limit: Option<Duration>,
    /// A query is stopped when the SQLite heap has grown by this much since it started.
    #[serde(with = "optional_bytes")]
    pub memory_budget: Option<Bytes>,
    /// A query is stopped when it has delivered this many rows.
    #[serde(default)]
    pub row_budget: Option<u64>,
    /// A query is stopped when the rows that it has delivered take this much.
    #[serde(default, with = "optional_bytes")]
    pub result_budget: Option<Bytes>,
    /// What a connection does after each query.
    pub after_query: AfterQuery,
    /// How much the fetched rows of the job table may take in the window. Not SQLite's memory, but
    /// the process's all the same.
    #[serde(default = "default_row_cache")]
    pub row_cache: Bytes,
}

/// Profiles that were written before this setting existed do not have it.
fn default_row_cache() -> Bytes {
    Bytes::mib(64)
}

/// What a connection does when a query has ended, whichever way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterQuery {
    /// Keep the page cache, as cc-backend does.
    Nothing,
    /// `sqlite3_db_release_memory` on its own connection.
    Shrink,
    /// The same, then `malloc_trim`, so that the operating system gets the memory back, too.
    ShrinkAndTrim,
}

impl AfterQuery {
    /// All choices, in the order they are offered.
    pub const ALL: [Self; 3] = [Self::Nothing, Self::Shrink, Self::ShrinkAndTrim];

    /// How the choice is named in the window.
    pub fn label(self) -> &'static str {
        match self {
            Self::Nothing => "keep everything",
            Self::Shrink => "shrink",
            Self::ShrinkAndTrim => "shrink and trim",
        }
    }
}

/// Whoever reads a profile from a file gets a number that the pool can serve, or an error.
fn number_of_connections<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<usize, D::Error> {
    let connections = usize::deserialize(deserializer)?;
    check_connections(connections).map_err(|error| serde::de::Error::custom(error.chain()))?;
    Ok(connections)
}

fn check_connections(connections: usize) -> Result<()> {
    if (1..=MAX_CONNECTIONS).contains(&connections) {
        return Ok(());
    }
    Err(Error::invalid(
        "number of connections",
        connections.to_string(),
        format!("1 to {MAX_CONNECTIONS}"),
    ))
}

/// The settings of one connection as it reports them itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// `PRAGMA cache_size`.
    pub cache_size: CacheSize,
    /// `PRAGMA temp_store`.
    pub temp_store: TempStore,
    /// `PRAGMA mmap_size`; SQLite clamps it to what it was built with.
    pub mmap_size: Bytes,
}

impl MemoryProfile {
    /// jobscope's own profile: bounded caches, files for sorts, everything given back.
    pub fn jobscope() -> Self {
        Self {
            name: "jobscope".to_owned(),
            cache_size: CacheSize::KiB(64 << 10),
            soft_heap_limit: Some(Bytes::mib(512)),
            hard_heap_limit: None,
            temp_store: TempStore::File,
            mmap_size: Bytes(0),
            connections: 4,
            idle_time: Some(Duration::from_mins(2)),
            time_limit: Some(Duration::from_mins(1)),
            memory_budget: None,
            row_budget: None,
            result_budget: None,
            after_query: AfterQuery::ShrinkAndTrim,
            row_cache: default_row_cache(),
        }
    }

    /// The profiles that come with the program, the incident first.
    pub fn built_in() -> Vec<Self> {
        let cc_backend = Self {
            name: "cc-backend 1.5".to_owned(),
            cache_size: CacheSize::KiB(2 << 20),
            soft_heap_limit: Some(Bytes::gib(16)),
            temp_store: TempStore::MemoryOnOne,
            idle_time: Some(Duration::from_mins(10)),
            time_limit: None,
            after_query: AfterQuery::Nothing,
            ..Self::jobscope()
        };
        vec![
            Self {
                name: "Before the fix".to_owned(),
                cache_size: CacheSize::Pages(1_000_000_000),
                soft_heap_limit: None,
                temp_store: TempStore::Memory,
                idle_time: Some(Duration::from_hours(1)),
                ..cc_backend.clone()
            },
            Self {
                name: "First repair".to_owned(),
                cache_size: CacheSize::KiB(200_000),
                soft_heap_limit: Some(Bytes::gib(1)),
                temp_store: TempStore::Memory,
                time_limit: Some(Duration::from_mins(1)),
                ..cc_backend.clone()
            },
            cc_backend.clone(),
            Self {
                name: "cc-backend, 512 GB server".to_owned(),
                cache_size: CacheSize::KiB(16 << 20),
                soft_heap_limit: Some(Bytes::gib(128)),
                connections: 8,
                idle_time: Some(Duration::from_mins(30)),
                ..cc_backend.clone()
            },
            Self {
                name: "SQLite's defaults".to_owned(),
                cache_size: CacheSize::KiB(2000),
                soft_heap_limit: None,
                temp_store: TempStore::File,
                connections: 1,
                idle_time: None,
                ..cc_backend
            },
            Self::jobscope(),
        ]
    }

    /// The built-in profile of this name (case does not matter), or the one in this TOML file.
    ///
    /// # Errors
    /// If there is neither, or the file is not a profile.
    pub fn find(name_or_file: &str) -> Result<Self> {
        let built_in = Self::built_in();
        if let Some(profile) = built_in
            .iter()
            .find(|profile| profile.name.eq_ignore_ascii_case(name_or_file))
        {
            return Ok(profile.clone());
        }
        let path = Path::new(name_or_file);
        if path.exists() {
            return Self::load(path);
        }
        let names: Vec<_> = built_in.iter().map(|p| format!("{:?}", p.name)).collect();
        Err(Error::invalid(
            "profile",
            name_or_file,
            format!("a TOML file or one of {}", names.join(", ")),
        ))
    }

    /// Reads a profile from TOML.
    ///
    /// # Errors
    /// If the file cannot be read, is not TOML, has unknown or missing settings, or a value that
    /// makes no sense.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::file("read the profile", path, source))?;
        toml::from_str(&text)
            .map_err(|source| Error::other(format!("read the profile {}", path.display()), source))
    }

    /// Writes the profile as TOML that [`Self::load`] reads.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = toml::to_string_pretty(self)
            .map_err(|source| Error::other("write the profile as TOML", source))?;
        std::fs::write(path, text).map_err(|source| Error::file("write the profile", path, source))
    }

    /// Refuses what no connection pool can do.
    ///
    /// # Errors
    /// If the number of connections is 0 or above [`MAX_CONNECTIONS`].
    pub fn checked(self) -> Result<Self> {
        check_connections(self.connections)?;
        Ok(self)
    }

    /// The same for a task that reads everything once: pages are not needed again, and a sort of
    /// any size stays small in memory, because SQLite sorts within the cache's size and then goes
    /// to a file. `enough` is that size, unless the profile's is smaller.
    #[must_use]
    pub fn for_reading_all(&self, enough: CacheSize) -> Self {
        let is_small = self.cache_size.bytes(MAX_PAGE_SIZE) <= enough.bytes(MAX_PAGE_SIZE);
        Self {
            cache_size: if is_small { self.cache_size } else { enough },
            temp_store: TempStore::File,
            mmap_size: Bytes(0),
            ..self.clone()
        }
    }

    /// What differs in another profile, as `name old → new`.
    pub fn changes(&self, new: &Self) -> Vec<String> {
        let old = self;
        let rows = |rows: Option<u64>| rows.map_or_else(|| "off".to_owned(), format_count);
        let limit = |bytes: Option<Bytes>| bytes.map_or_else(|| "off".to_owned(), Bytes::exact);
        let time = |duration: Option<std::time::Duration>| {
            duration.map_or_else(|| "off".to_owned(), exact_duration)
        };
        let rows = [
            ("profile", old.name.clone(), new.name.clone()),
            (
                "cache_size",
                old.cache_size.to_string(),
                new.cache_size.to_string(),
            ),
            (
                "soft_heap_limit",
                limit(old.soft_heap_limit),
                limit(new.soft_heap_limit),
            ),
            (
                "hard_heap_limit",
                limit(old.hard_heap_limit),
                limit(new.hard_heap_limit),
            ),
            (
                "temp_store",
                old.temp_store.to_string(),
                new.temp_store.to_string(),
            ),
            ("mmap_size", old.mmap_size.exact(), new.mmap_size.exact()),
            (
                "connections",
                old.connections.to_string(),
                new.connections.to_string(),
            ),
            ("idle time", time(old.idle_time), time(new.idle_time)),
            ("time limit", time(old.time_limit), time(new.time_limit)),
            (
                "memory budget",
                limit(old.memory_budget),
                limit(new.memory_budget),
            ),
            ("row budget", rows(old.row_budget), rows(new.row_budget)),
            (
                "result budget",
                limit(old.result_budget),
                limit(new.result_budget),
            ),
            (
                "after a query",
                old.after_query.label().to_owned(),
                new.after_query.label().to_owned(),
            ),
            ("row cache", old.row_cache.exact(), new.row_cache.exact()),
        ];
        rows.into_iter()
            .filter(|(_, old, new)| old != new)
            .map(|(name, old, new)| format!("{name} {old} → {new}"))
            .collect()
    }

    /// The limits of the process that this profile asks for.
    pub fn heap_limits(&self) -> HeapLimits {
        HeapLimits {
            soft: self.soft_heap_limit,
            hard: self.hard_heap_limit,
        }
    }

    /// Sets the limits of the process and answers with what SQLite reports afterwards.
    pub fn apply_to_process(&self) -> HeapLimits {
        status::set_heap_limits(self.heap_limits())
    }

    /// Sets one connection's settings and answers with what that connection reports afterwards.
    ///
    /// # Errors
    /// If SQLite refuses a pragma.
    pub fn apply_to_connection(
        &self,
        conn: &Connection,
        connection_index: usize,
    ) -> Result<ConnectionSettings> {
        let mmap = i64::try_from(self.mmap_size.0).unwrap_or(i64::MAX);
        for (setting, value) in [
            ("cache_size", self.cache_size.to_pragma()),
            ("temp_store", self.temp_store.to_pragma(connection_index)),
            ("mmap_size", mmap),
        ] {
            conn.pragma_update(None, setting, value)
                .map_err(|source| Error::Setting { setting, source })?;
        }
        ConnectionSettings::read(conn)
    }
}

impl ConnectionSettings {
    /// Asks the connection.
    ///
    /// # Errors
    /// If SQLite does not answer a pragma.
    pub fn read(conn: &Connection) -> Result<Self> {
        let ask = |setting: &'static str| {
            conn.pragma_query_value(None, setting, |row| row.get::<_, i64>(0))
                .map_err(|source| Error::Setting { setting, source })
        };
        Ok(Self {
            cache_size: CacheSize::from_pragma(ask("cache_size")?),
            temp_store: TempStore::from_pragma(ask("temp_store")?),
            // An in-memory database has no file to map and answers with no row.
            mmap_size: Bytes(
                ask("mmap_size")
                    .ok()
                    .and_then(|bytes| u64::try_from(bytes).ok())
                    .unwrap_or(0),
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_profiles_are_those_of_the_incident_and_its_repair() {
        let profiles = MemoryProfile::built_in();
        let names: Vec<_> = profiles.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "Before the fix",
                "First repair",
                "cc-backend 1.5",
                "cc-backend, 512 GB server",
                "SQLite's defaults",
                "jobscope"
            ]
        );
        assert_eq!(profiles[0].cache_size.to_pragma(), 1_000_000_000);
        assert_eq!(profiles[1].cache_size.to_pragma(), -200_000);
        assert_eq!(profiles[2].cache_size.to_pragma(), -2_097_152);
        assert_eq!(profiles[4].cache_size.to_pragma(), -2000);
    }

    #[test]
    fn a_saved_profile_is_the_same_when_loaded() {
        let folder = tempfile::tempdir().expect("a folder");
        for profile in MemoryProfile::built_in() {
            let path = folder.path().join("profile.toml");
            profile.save(&path).expect("saved");
            assert_eq!(MemoryProfile::load(&path).expect("loaded"), profile);
        }
    }

    #[test]
    fn a_wrong_profile_says_what_is_wrong() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("profile.toml");
        let good = toml::to_string(&MemoryProfile::jobscope()).expect("TOML");
        for (from, to, said) in [
            ("64 MiB", "64 parsecs", "64 parsecs"),
            ("connections = 4", "connections = 0", "1 to 16"),
            ("mmap_size", "mmap_sise", "mmap_sise"),
        ] {
            std::fs::write(&path, good.replace(from, to)).expect("written");
            let error = MemoryProfile::load(&path).expect_err(to);
            assert!(error.chain().contains(said), "{said}: {}", error.chain());
        }
        let error = MemoryProfile::find("no such profile").expect_err("unknown");
        assert!(error.to_string().contains("First repair"), "{error}");
    }

    #[test]
    fn reading_everything_is_small_with_every_profile() {
        for profile in MemoryProfile::built_in() {
            let bounded = profile.for_reading_all(CacheSize::KiB(4 << 10));
            let cache = bounded.cache_size.bytes(MAX_PAGE_SIZE);
            assert!(cache <= Bytes::mib(4), "{}: {cache}", profile.name);
            assert_eq!(bounded.temp_store, TempStore::File);
        }
    }

    #[test]
    fn a_profile_is_applied_and_read_back() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        #[expect(
            clippy::disallowed_methods,
            reason = "an empty file to set pragmas on, not an inspected database"
        )]
        let conn = Connection::open(file.path()).expect("an empty database");
        for profile in MemoryProfile::built_in() {
            for index in 0..2 {
                let read = profile.apply_to_connection(&conn, index).expect("applied");
                assert_eq!(read.cache_size, profile.cache_size, "{}", profile.name);
                assert_eq!(
                    read.temp_store.to_pragma(index),
                    profile.temp_store.to_pragma(index),
                    "{} connection {index}",
                    profile.name
                );
            }
        }
    }
}
