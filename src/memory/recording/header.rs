//! The first line of a recording: what gives its numbers their meaning, and no data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::later;
use crate::{
    db::{build::BuildFacts, profile::MemoryProfile},
    error::{Report, Result},
    jobs::facts::DatabaseFacts,
    memory::sample::MachineReader,
    units::unix_now,
};

/// What the first line calls itself.
const FORMAT: &str = "jobscope-recording";

/// Grows when an older program would misread what a newer one writes.
const VERSION: u64 = 1;

/// The first line: everything that gives the numbers their meaning, and no data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    format: String,
    version: u64,
    /// The program that recorded, with its version.
    pub recorded_by: String,
    /// When the recording began.
    pub recorded_at_unix_secs: i64,
    /// The machine.
    pub machine: Machine,
    /// `sqlite_version()`.
    pub sqlite_version: String,
    /// `PRAGMA compile_options`.
    pub compile_options: Vec<String>,
    /// The database, without its data and without its name. `None`: none was open.
    #[serde(default)]
    pub database: Option<RecordedDatabase>,
    /// The settings that everything ran with.
    pub profile: MemoryProfile,
    /// Those of them that a later version has or that it gave a value which has no meaning here; in
    /// [`Self::profile`], they are those of the built-in profile.
    #[serde(skip)]
    pub later_settings: serde_json::Map<String, serde_json::Value>,
    /// What a later version wrote beside that: kept, so that nothing is lost when it is written again.
    #[serde(flatten)]
    pub unknown: serde_json::Map<String, serde_json::Value>,
}

/// What a recording is made of: everything that its header says and that is not the machine's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingPlan {
    /// The file to write.
    pub path: PathBuf,
    /// The SQLite inside this program.
    pub build: BuildFacts,
    /// The open database.
    pub database: Option<RecordedDatabase>,
    /// The settings at its start; changes are events.
    pub profile: MemoryProfile,
    /// Replace a file of that name.
    pub overwrite: bool,
}

/// How a recording stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordingState {
    /// Its header is written.
    Began {
        /// The file.
        path: PathBuf,
    },
    /// Everything is written.
    Ended {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// How many samples it holds.
        num_samples: u64,
    },
    /// It could not be written. What had been written before stays.
    Failed {
        /// The file.
        path: PathBuf,
        /// Why.
        report: Report,
    },
}

/// The machine that a recording was made on. No host name: recordings are passed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Name and version of the operating system.
    pub system: String,
    /// The processor's architecture.
    pub architecture: String,
    /// Threads that can run at once.
    pub cpus: usize,
    /// Memory of the machine, or of the control group if that is less.
    pub memory_bytes: Option<u64>,
}

/// What a recording says about its database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedDatabase {
    /// Size of the file.
    pub file_bytes: u64,
    /// Size of the write-ahead log; `None` if the database has none.
    pub wal_bytes: Option<u64>,
    /// Bytes per page.
    pub page_size: u32,
    /// `PRAGMA journal_mode`.
    pub journal_mode: String,
    /// The version in `schema_migrations`.
    pub schema_version: Option<i64>,
    /// Roughly how many jobs.
    pub estimated_jobs: u64,
    /// Names of the explicit indexes on the job table.
    pub job_indexes: Vec<String>,
    /// `ANALYZE` has looked at the job table.
    pub job_is_analyzed: bool,
}

impl Header {
    /// The header for a recording that begins now.
    pub fn new(build: &BuildFacts, facts: &DatabaseFacts, profile: &MemoryProfile) -> Self {
        Self::with(build, Some(facts.into()), profile)
    }

    /// The header of a recording that begins now, by its plan.
    pub fn of(plan: &RecordingPlan) -> Self {
        Self::with(&plan.build, plan.database.clone(), &plan.profile)
    }

    fn with(
        build: &BuildFacts,
        database: Option<RecordedDatabase>,
        profile: &MemoryProfile,
    ) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            recorded_by: concat!("jobscope ", env!("CARGO_PKG_VERSION")).to_owned(),
            recorded_at_unix_secs: unix_now(),
            machine: Machine::read(),
            sqlite_version: build.sqlite_version.clone(),
            compile_options: build.compile_options.clone(),
            database,
            profile: profile.clone(),
            later_settings: serde_json::Map::new(),
            unknown: serde_json::Map::new(),
        }
    }
}

impl Machine {
    /// The machine that this program runs on.
    pub fn read() -> Self {
        Self {
            system: sysinfo::System::long_os_version()
                .unwrap_or_else(|_| std::env::consts::OS.to_owned()),
            architecture: std::env::consts::ARCH.to_owned(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: MachineReader::default().total().map(|bytes| bytes.0),
        }
    }
}

impl From<&DatabaseFacts> for RecordedDatabase {
    fn from(facts: &DatabaseFacts) -> Self {
        Self {
            file_bytes: facts.file_bytes,
            wal_bytes: facts.wal_bytes,
            page_size: facts.page_size,
            journal_mode: facts.journal_mode.clone(),
            schema_version: facts.schema_version,
            estimated_jobs: facts.estimated_jobs,
            job_indexes: facts.job_indexes.clone(),
            job_is_analyzed: facts.job_is_analyzed,
        }
    }
}

/// Looks at format and version before anything else: what a newer header holds is not known.
pub(super) fn read(line: &[u8]) -> Result<Header, String> {
    #[derive(Deserialize)]
    struct Kind {
        format: String,
        version: u64,
        recorded_by: Option<String>,
    }

    let kind: Kind = serde_json::from_slice(line)
        .map_err(|cause| format!("its first line is not the header of a recording: {cause}"))?;
    if kind.format != FORMAT {
        return Err(format!("it calls itself {:?}, not {FORMAT:?}", kind.format));
    }
    if kind.version > VERSION {
        let writer = kind.recorded_by.as_deref().unwrap_or("a newer jobscope");
        return Err(format!(
            "it has format version {}, written by {writer}; this program reads versions up to \
             {VERSION}, so a newer one is needed",
            kind.version
        ));
    }
    let damaged = |cause: serde_json::Error| format!("its header is damaged: {cause}");
    let mut header: serde_json::Value = serde_json::from_slice(line).map_err(damaged)?;
    // A profile file with a misspelt setting is refused; a recording with one of a later version is
    // read without it.
    let settings = header
        .get_mut("profile")
        .and_then(|profile| profile.as_object_mut());
    let later_settings = settings.map(later::sieve_settings).unwrap_or_default();
    let header = serde_json::from_value(header).map_err(damaged)?;
    Ok(Header {
        later_settings,
        ..header
    })
}
