//! One small database for every schema that exists in the field, all with the same jobs in them.
//!
//! cc-backend went through eleven numbered schemas, and many files contradict their own number:
//! migrations that stopped half-way, development states, files made by hand. Whatever reads job
//! databases has to open every one of them and come to the same numbers, as far as a file has them.
//!
//! Nothing here uses the job code of the crate, so that a mistake there cannot hide itself.

#![expect(clippy::expect_used, reason = "a test without its database has failed")]

mod archive;
mod dirt;
mod indexes;
mod rows;
mod sample;
mod tables;
mod variants;

use super::jobdb::JobDb;

pub use archive::{ARCHIVE_CLUSTERS, archive, archived_jobs};
pub use dirt::{DIRT, DIRT_CLUSTER, Dirt};
pub use sample::{ACCOUNTS, Account, CACHED, JOBS, SampleJob, TAGS, Tag, nodes};
pub use variants::all;

/// Columns of the job table of today, in their order.
pub const JOB_COLUMNS: [&str; 24] = [
    "id",
    "job_id",
    "cluster",
    "subcluster",
    "submit_time",
    "start_time",
    "hpc_user",
    "project",
    "cluster_partition",
    "array_job_id",
    "duration",
    "walltime",
    "job_state",
    "meta_data",
    "resources",
    "num_nodes",
    "num_hwthreads",
    "num_acc",
    "smt",
    "shared",
    "monitoring_status",
    "energy",
    "energy_footprint",
    "footprint",
];

/// Tables of today.
pub const TABLES: [&str; 9] = [
    "schema_migrations",
    "job",
    "job_cache",
    "tag",
    "jobtag",
    "hpc_user",
    "configuration",
    "node",
    "node_state",
];

/// A schema as it is found in the field, and what to expect of it.
#[derive(Clone, Debug)]
pub struct Variant {
    pub name: &'static str,
    /// The number in `schema_migrations`. Without one the table is empty, or missing if
    /// `lacks_tables` says so.
    pub version: Option<i64>,
    pub dirty: bool,
    /// Columns of today which its job table has neither under this name nor under another.
    ///
    /// `footprint` counts as there where `footprint_columns` can stand in for it.
    pub lacks: &'static [&'static str],
    /// Tables of today which it has neither under this name nor under another.
    pub lacks_tables: &'static [&'static str],
    /// Columns of today that other tables lack: table and column.
    pub lacks_elsewhere: &'static [(&'static str, &'static str)],
    /// Today's name and the name here, of columns of the job table. The table of accounts
    /// always changed its name together with the column `hpc_user`.
    pub renamed: &'static [(&'static str, &'static str)],
    /// The summary values that are columns of their own rather than keys of `footprint`.
    pub footprint_columns: &'static [&'static str],
    /// How cancelled jobs are spelled.
    pub cancelled: Spelling,
    /// Explicit indexes on the job table.
    pub num_job_indexes: usize,
    /// Rows beside [`JOBS`], all of them in the cluster [`DIRT_CLUSTER`].
    pub dirt: &'static [Dirt],
    /// Whether the header asks for write-ahead logging.
    pub wal: bool,
    /// The tables and indexes.
    sql: String,
}

/// What became of a job that was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// `cancelled`, since version 4.
    Cancelled,
    /// `canceled`, before.
    Canceled,
    /// `stopped` for [`SampleJob::STOPPED`], `cancelled` for the others. Versions 4 to 8 allow it,
    /// and version 9 cannot be reached with it.
    PartlyStopped,
}

impl Variant {
    /// Writes the database, as `job.db` in a folder of its own.
    pub fn build(&self) -> JobDb {
        self.build_after("")
    }

    /// The same after statements that an empty file needs, and in what they make of it.
    pub fn build_after(&self, first: &str) -> JobDb {
        JobDb::written("job.db", |conn| {
            conn.execute_batch(first).expect(first);
            rows::write(conn, self, &self.sql);
        })
    }

    /// The same rows by today's names, in a job table without rules. What it lacks is NULL.
    pub fn in_todays_words(&self) -> JobDb {
        let renamed = Self {
            renamed: &[],
            ..self.clone()
        };
        let sql = tables::today_without_rules();
        JobDb::written("today.db", |conn| {
            rows::write(conn, &renamed, &sql);
            for column in self.lacks {
                rows::run(conn, &format!("UPDATE job SET {column} = NULL"));
            }
            if self.footprint_columns.len() == 8 {
                rows::run(conn, rows::OLD_FOOTPRINT);
            }
        })
    }

    /// How many rows its job table has.
    pub fn num_jobs(&self) -> usize {
        JOBS.len() + self.dirt.len()
    }

    /// What a column of today's job table is called here.
    pub fn column(&self, today: &'static str) -> Option<&'static str> {
        let renamed = self.renamed.iter().find(|(new, _)| *new == today);
        let here = renamed.map_or(today, |(_, here)| here);
        let absent = self.lacks.contains(&today)
            || (today == "footprint" && self.footprint_columns.len() == 8);
        (!absent).then_some(here)
    }

    /// What a table of today is called here.
    pub fn table(&self, today: &'static str) -> Option<&'static str> {
        let old_accounts = today == "hpc_user" && self.renamed.contains(&("hpc_user", "user"));
        let here = if old_accounts { "user" } else { today };
        (!self.lacks_tables.contains(&today)).then_some(here)
    }

    /// What the column `job_state` says about the job.
    pub fn state_of(&self, job: &SampleJob) -> &'static str {
        match (job.state, self.cancelled) {
            ("cancelled", Spelling::Canceled) => "canceled",
            ("cancelled", Spelling::PartlyStopped) if SampleJob::STOPPED.contains(&job.id) => {
                "stopped"
            }
            (state, _) => state,
        }
    }

    /// What the column `duration` says about the job. The oldest files say it at the end only.
    pub fn duration_of(&self, job: &SampleJob) -> Option<i64> {
        let unknown = job.state == "running" && self.name.starts_with("pre-v1");
        (!unknown).then_some(job.duration_secs)
    }
}

/// The variant of this name.
pub fn named(name: &str) -> Variant {
    let variant = all().into_iter().find(|variant| variant.name == name);
    variant.expect(name)
}

/// Some other SQLite database, which has nothing to do with jobs.
pub fn other() -> JobDb {
    JobDb::written("other.db", rows::write_other)
}
