//! What a generated database should be like, and what is reported about it.

use std::{path::PathBuf, time::Duration};

use crate::{
    error::{Error, Result},
    jobs::indexes::{OTHER_INDEXES, SchemaVersion, job_indexes},
    units::{Bytes, unix_now},
};

/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// Running jobs are no older than this when the database ends.
pub(super) const MAX_RUNNING_AGE: i64 = 2 * DAY;

/// What to generate. Equal options give equal files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerateOptions {
    /// The file to write.
    pub path: PathBuf,
    /// How many jobs, the running ones included.
    pub jobs: u64,
    /// Where the randomness starts.
    pub seed: u64,
    /// Which set of indexes and which version number.
    pub schema: SchemaVersion,
    /// Which indexes there are beyond those of the UNIQUE and PRIMARY KEY constraints.
    pub indexes: Indexes,
    /// How many of the jobs are running. `None` chooses a number that suits the number of jobs.
    pub running: Option<u64>,
    /// Whether to include what real files have wrong with them: invalid JSON, missing values,
    /// start times in the future, job ids that were used twice, …
    pub dirt: bool,
    /// The present of the database: the last job was started shortly before.
    pub until_unix_secs: i64,
    /// Whether an existing file is replaced.
    pub force: bool,
}

/// Which of a schema's indexes a generated file has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Indexes {
    /// All that the schema has.
    All,
    /// Only those of constraints.
    None,
    /// Those with these names: a large file with all of them is twice as large.
    Named(Vec<String>),
}

impl Indexes {
    /// Whether an index belongs to them.
    pub fn include(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Named(names) => names.iter().any(|wanted| wanted == name),
        }
    }

    /// Refuses names that the schema does not have.
    ///
    /// # Errors
    /// If one of the names is unknown: the error says which.
    pub fn checked(self, schema: SchemaVersion) -> Result<Self> {
        if let Self::Named(names) = &self {
            let known = job_indexes(schema);
            let is_known = |name: &&String| {
                (known.iter().chain(&OTHER_INDEXES)).any(|index| index.name == name.as_str())
            };
            if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
                let number = schema.number();
                let expected = format!("the name of an index of schema {number}, all or none");
                return Err(Error::invalid("index", unknown, expected));
            }
        }
        Ok(self)
    }
}

impl std::str::FromStr for Indexes {
    type Err = Error;

    /// `all`, `none`, or names with commas between them.
    fn from_str(text: &str) -> Result<Self> {
        Ok(match text {
            "all" => Self::All,
            "none" => Self::None,
            names => Self::Named(
                (names.split(','))
                    .map(|name| name.trim().to_owned())
                    .filter(|name| !name.is_empty())
                    .collect(),
            ),
        })
    }
}

impl GenerateOptions {
    /// Schema 11 with all indexes, running jobs and dirt, ending at 00:00 UTC today.
    ///
    /// The end is a midnight so that two runs on one day give the same file.
    pub fn new(path: impl Into<PathBuf>, jobs: u64) -> Self {
        let now = unix_now();
        Self {
            path: path.into(),
            jobs,
            seed: 1,
            schema: SchemaVersion::V11,
            indexes: Indexes::All,
            running: None,
            dirt: true,
            until_unix_secs: now - now.rem_euclid(DAY),
            force: false,
        }
    }

    /// How many of the jobs are running.
    pub fn num_running(&self) -> u64 {
        self.running
            .unwrap_or_else(|| (self.jobs / 4000).clamp(20, 10_000).min(self.jobs / 10))
    }

    /// Refuses what cannot be generated.
    pub(super) fn check(&self) -> Result<()> {
        if !(1..=MAX_JOBS).contains(&self.jobs) {
            return Err(Error::invalid(
                "number of jobs",
                self.jobs.to_string(),
                format!("a number from 1 to {MAX_JOBS}"),
            ));
        }
        if self.num_running() > self.jobs {
            return Err(Error::invalid(
                "number of running jobs",
                self.num_running().to_string(),
                format!("at most the number of jobs, {}", self.jobs),
            ));
        }
        if !UNTIL_RANGE.contains(&self.until_unix_secs) {
            return Err(Error::invalid(
                "end",
                self.until_unix_secs.to_string(),
                "Unix seconds of a time from 2000 to 2100",
            ));
        }
        Ok(())
    }
}

/// Far beyond what fits on a disk; it keeps every sum within 64 bits.
const MAX_JOBS: u64 = 1_000_000_000;

/// From 2000-01-01 to 2100-01-01, so that five years before it are still a sensible time.
const UNTIL_RANGE: std::ops::Range<i64> = 946_684_800..4_102_444_800;

/// What the generator is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Writing rows; counted in jobs.
    Jobs,
    /// Creating indexes; counted in indexes.
    Indexes,
    /// Collecting statistics for the query planner with `ANALYZE`.
    Statistics,
    /// Making sure that everything is on the disk under its final name.
    Finish,
}

/// How far the generator has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// How much of the phase is done.
    pub done: u64,
    /// How much there is to do in this phase.
    pub total: u64,
}

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The size of the file.
    pub bytes: Bytes,
    /// The number of jobs in it.
    pub jobs: u64,
    /// How long it took.
    pub elapsed: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_running_jobs_follows_the_number_of_jobs() {
        for (jobs, running) in [
            (5, 0),
            (100, 10),
            (1000, 20),
            (300_000, 75),
            (20_000_000, 5_000),
            (900_000_000, 10_000),
        ] {
            let options = GenerateOptions::new("job.db", jobs);
            assert_eq!(options.num_running(), running, "{jobs} jobs");
        }
    }

    #[test]
    fn the_default_end_is_a_midnight() {
        let options = GenerateOptions::new("job.db", 1);
        assert_eq!(options.until_unix_secs % DAY, 0);
    }

    #[test]
    fn impossible_numbers_are_refused() {
        let fine = GenerateOptions::new("job.db", 10);
        assert!(fine.check().is_ok());
        for wrong in [
            GenerateOptions {
                jobs: 0,
                ..fine.clone()
            },
            GenerateOptions {
                running: Some(11),
                ..fine.clone()
            },
            GenerateOptions {
                until_unix_secs: 12,
                ..fine.clone()
            },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }
}
