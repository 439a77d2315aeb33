//! A small job database of schema 11 with everything in it that makes real ones difficult.

#![expect(clippy::expect_used, reason = "a test without its database has failed")]

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

/// The present, wherever running jobs count.
pub const NOW: i64 = 1_800_000_000;

/// Start of the first job. Up to seven jobs start in the same second, then a minute passes.
pub const FIRST_START: i64 = 1_700_000_000;

/// The password that must never come out.
pub const SECRET: &str = "$2a$10$thisMustNeverBeShown";

const SCHEMA: &str = "
CREATE TABLE schema_migrations (version uint64, dirty bool);
INSERT INTO schema_migrations VALUES (11, 0);
CREATE TABLE hpc_user (
    username varchar(255) PRIMARY KEY NOT NULL, password varchar(255), ldap tinyint NOT NULL DEFAULT 0,
    name varchar(255), roles varchar(255) NOT NULL DEFAULT \"[]\", email varchar(255),
    projects varchar(255) NOT NULL DEFAULT \"[]\"
);
CREATE TABLE job (
    id INTEGER PRIMARY KEY, job_id BIGINT NOT NULL, cluster TEXT NOT NULL, subcluster TEXT NOT NULL,
    submit_time BIGINT NOT NULL DEFAULT 0, start_time BIGINT NOT NULL DEFAULT 0,
    hpc_user TEXT NOT NULL, project TEXT NOT NULL, cluster_partition TEXT, array_job_id BIGINT,
    duration INT NOT NULL, walltime INT NOT NULL,
    job_state TEXT NOT NULL CHECK (job_state IN ('boot_fail', 'cancelled', 'completed', 'deadline',
        'failed', 'node_fail', 'out_of_memory', 'pending', 'preempted', 'running', 'suspended', 'timeout')),
    meta_data TEXT, resources TEXT NOT NULL, num_nodes INT NOT NULL, num_hwthreads INT, num_acc INT,
    smt INT NOT NULL DEFAULT 1,
    shared TEXT NOT NULL CHECK (shared IN ('none', 'single_user', 'multi_user')),
    monitoring_status TINYINT NOT NULL DEFAULT 1 CHECK (monitoring_status IN (0, 1, 2, 3)),
    energy REAL NOT NULL DEFAULT 0.0, energy_footprint TEXT DEFAULT NULL, footprint TEXT DEFAULT NULL,
    UNIQUE (job_id, cluster, start_time)
);
CREATE INDEX jobs_starttime ON job (start_time);
CREATE INDEX jobs_cluster_user ON job (cluster, hpc_user);
CREATE INDEX jobs_cluster_starttime_duration ON job (cluster, start_time, duration);
CREATE INDEX jobs_user_starttime_duration ON job (hpc_user, start_time, duration);
CREATE INDEX jobs_running_user_stats ON job
    (cluster, hpc_user, num_nodes, num_hwthreads, num_acc, duration, start_time)
    WHERE job_state = 'running';
";

/// Row `i` of `?1`, with `?2` bytes of padding in its script. No two runs differ.
const ROWS: &str = r#"
WITH RECURSIVE n(i) AS (SELECT 0 WHERE ?1 > 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
INSERT INTO job
SELECT i * 2 + 1,
    700000 + i,
    CASE i % 5 WHEN 0 THEN 'alex' WHEN 4 THEN 'emmy' ELSE 'fritz' END,
    CASE WHEN i % 3 = 0 THEN 'a40' ELSE 'main' END,
    0,
    ?3 + ((i * 7919) % ?1) / 7 * 60,
    CASE WHEN i % 53 = 0 THEN 'o''hara%_' WHEN i % 59 = 0 THEN 'ü😀'
         ELSE printf('user%03d', (i * i + 3 * i) % 37) END,
    'proj' || (i % 11),
    CASE WHEN i % 19 = 0 THEN NULL ELSE 'batch' END,
    CASE WHEN i % 23 = 0 THEN NULL ELSE 0 END,
    CASE WHEN i % 20 = 3 THEN (i % 3) * 300 ELSE (i * 131) % 90000 END,
    86400,
    CASE i % 20 WHEN 3 THEN 'running' WHEN 7 THEN 'failed' WHEN 11 THEN 'timeout'
        WHEN 13 THEN 'cancelled' WHEN 17 THEN 'out_of_memory' ELSE 'completed' END,
    CASE WHEN i % 29 = 0 THEN NULL
        WHEN i % 31 = 0 THEN '{"jobName":"edited by hand"}'
        ELSE CAST(printf('{"jobName":"%08x","jobScript":"%.*c"}',
            (i * 2654435761) % 4294967296, ?2, 'x') AS BLOB) END,
    CASE WHEN i % 2 THEN CAST('[{"hostname":"n1"}]' AS BLOB) ELSE '[{"hostname":"n2"}]' END,
    1 + i % 4,
    CASE WHEN i % 13 = 0 THEN NULL ELSE 72 * (1 + i % 4) END,
    CASE WHEN i % 17 = 0 THEN NULL ELSE i % 3 END,
    0, 'none', 3, (i % 1000) / 10.0,
    CASE WHEN i % 2 THEN NULL ELSE '{"cpu_power":1.5}' END,
    CASE i % 5 WHEN 0 THEN '{"cpu_load_avg":71.3}' WHEN 1 THEN CAST('{"cpu_load_avg":1}' AS BLOB)
        WHEN 2 THEN NULL WHEN 3 THEN CAST('null' AS BLOB) ELSE 'no json {' END
FROM n
"#;

/// A job database in a folder of its own, which goes when this goes.
pub struct JobDb {
    folder: TempDir,
    pub path: PathBuf,
}

impl JobDb {
    /// So many jobs, in WAL mode and without side files.
    pub fn with_rows(rows: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("job.db");
        write_jobs(&path, rows, 40);
        Self { folder, path }
    }

    /// Some other statements instead of rows.
    pub fn with_sql(sql: &str) -> Self {
        let db = Self::with_rows(0);
        db.writer().execute_batch(sql).expect(sql);
        db
    }

    /// A file of this name with whatever `write` puts into it, and without side files.
    pub fn written(file_name: &str, write: impl FnOnce(&Connection)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(file_name);
        let conn = writer(&path);
        write(&conn);
        conn.close().expect("nothing left to do");
        Self { folder, path }
    }

    /// The folder, which holds nothing but the database.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A connection that writes, as cc-backend's would.
    pub fn writer(&self) -> Connection {
        writer(&self.path)
    }
}

/// A connection that writes and creates.
pub fn writer(path: &Path) -> Connection {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    )
    .expect("a writer");
    conn.busy_timeout(std::time::Duration::from_secs(5))
        .expect("a busy timeout");
    conn
}

/// Creates a job database with `rows` jobs, each with so many bytes of script.
pub fn write_jobs(path: &Path, rows: u32, script_bytes: u32) {
    let conn = writer(path);
    conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;")
        .expect("a log");
    conn.execute_batch(SCHEMA).expect("the schema");
    conn.execute(ROWS, (rows, script_bytes, FIRST_START))
        .expect("the rows");
    conn.execute(
        "INSERT INTO hpc_user (username, password, name) VALUES ('user001', ?, 'User One')",
        [SECRET],
    )
    .expect("the user");
    conn.close().expect("nothing left to do");
}

/// More than 60 MiB of jobs. Written once, then found again by later runs.
pub fn large() -> PathBuf {
    static WRITING: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _writing = WRITING
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join("jobs-200k-v2.db");
    if !path.exists() {
        let unfinished = tempfile::tempdir_in(folder).expect("a folder");
        let temporary = unfinished.path().join("job.db");
        write_jobs(&temporary, 200_000, 250);
        std::fs::rename(&temporary, &path).expect("the finished database");
    }
    path
}

/// A copy of the real database, where this machine has it.
pub fn real() -> Option<JobDb> {
    let source = std::env::var_os("JOBSCOPE_REAL_DB").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/cc-backend-job.db"),
        PathBuf::from,
    );
    if !source.exists() {
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("job.db");
    let bytes = std::fs::read(source).expect("the real database");
    std::fs::write(&path, bytes).expect("a copy");
    Some(JobDb { folder, path })
}

/// What the statistics look at, of one job.
#[derive(Clone, Debug)]
pub struct PlainJob {
    pub id: i64,
    pub user: String,
    pub project: String,
    pub cluster: String,
    pub subcluster: String,
    pub start_time: i64,
    pub num_nodes: i64,
    pub num_hwthreads: Option<i64>,
    pub num_acc: Option<i64>,
    pub state: String,
    pub duration: i64,
}

/// All jobs, read without any code of this crate.
pub fn plain_jobs(path: &Path) -> Vec<PlainJob> {
    writer(path)
        .prepare(
            "SELECT id, hpc_user, project, cluster, subcluster, start_time, num_nodes, \
             num_hwthreads, num_acc, job_state, duration FROM job",
        )
        .expect("a job table")
        .query_map([], |row| {
            Ok(PlainJob {
                id: row.get(0)?,
                user: row.get(1)?,
                project: row.get(2)?,
                cluster: row.get(3)?,
                subcluster: row.get(4)?,
                start_time: row.get(5)?,
                num_nodes: row.get(6)?,
                num_hwthreads: row.get(7)?,
                num_acc: row.get(8)?,
                state: row.get(9)?,
                duration: row.get(10)?,
            })
        })
        .expect("rows")
        .collect::<rusqlite::Result<_>>()
        .expect("plain values")
}
