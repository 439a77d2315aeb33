//! The tables of every schema, as steps from one version to the next.

/// The library that migrates keeps one row here, or none.
pub const MIGRATIONS: &str = "
CREATE TABLE schema_migrations (version uint64, dirty bool);
CREATE UNIQUE INDEX version_unique ON schema_migrations (version);
";

/// Before there were versions: no walltime and no subcluster, and accounts kept elsewhere.
pub const OLDEST: &str = "
CREATE TABLE job (
    id INTEGER PRIMARY KEY,
    job_id BIGINT NOT NULL,
    cluster VARCHAR(255) NOT NULL,
    start_time BIGINT NOT NULL,
    user VARCHAR(255) NOT NULL,
    project VARCHAR(255) NOT NULL,
    `partition` VARCHAR(255) NOT NULL,
    array_job_id BIGINT NOT NULL,
    duration INT,
    job_state VARCHAR(255) NOT NULL CHECK (job_state IN (
        'running', 'completed', 'failed', 'canceled', 'stopped', 'timeout')),
    meta_data TEXT,
    resources TEXT NOT NULL,
    num_nodes INT NOT NULL,
    num_hwthreads INT NOT NULL,
    num_acc INT NOT NULL,
    smt TINYINT NOT NULL DEFAULT 1 CHECK (smt IN (0, 1)),
    exclusive TINYINT NOT NULL DEFAULT 1 CHECK (exclusive IN (0, 1, 2)),
    monitoring_status TINYINT NOT NULL DEFAULT 1 CHECK (monitoring_status IN (0, 1, 2, 3)),
    mem_used_max REAL NOT NULL DEFAULT 0.0,
    flops_any_avg REAL NOT NULL DEFAULT 0.0,
    mem_bw_avg REAL NOT NULL DEFAULT 0.0,
    load_avg REAL NOT NULL DEFAULT 0.0,
    net_bw_avg REAL NOT NULL DEFAULT 0.0,
    net_data_vol_total REAL NOT NULL DEFAULT 0.0,
    file_bw_avg REAL NOT NULL DEFAULT 0.0,
    file_data_vol_total REAL NOT NULL DEFAULT 0.0
);
CREATE TABLE tag (
    id INTEGER PRIMARY KEY,
    tag_type VARCHAR(255) NOT NULL,
    tag_name VARCHAR(255) NOT NULL,
    CONSTRAINT be_unique UNIQUE (tag_type, tag_name)
);
CREATE TABLE jobtag (
    job_id INTEGER,
    tag_id INTEGER,
    PRIMARY KEY (job_id, tag_id),
    FOREIGN KEY (job_id) REFERENCES job (id) ON DELETE CASCADE,
    FOREIGN KEY (tag_id) REFERENCES tag (id) ON DELETE CASCADE
);
CREATE INDEX job_by_user ON job (user);
CREATE INDEX job_by_starttime ON job (start_time);
";

/// Later columns were added at the end.
pub const OLDEST_TO_PRE_V1: &str = "
ALTER TABLE job ADD COLUMN subcluster VARCHAR(255) NOT NULL DEFAULT 'main';
ALTER TABLE job ADD COLUMN walltime INT NOT NULL DEFAULT 0;
";

/// Version 1; without the job table, which [`old_job_table`] writes.
const V1_OTHERS: &str = "
CREATE TABLE tag (
    id INTEGER PRIMARY KEY,
    tag_type VARCHAR(255) NOT NULL,
    tag_name VARCHAR(255) NOT NULL,
    UNIQUE (tag_type, tag_name)
);
CREATE TABLE jobtag (
    job_id INTEGER,
    tag_id INTEGER,
    PRIMARY KEY (job_id, tag_id),
    FOREIGN KEY (job_id) REFERENCES job (id) ON DELETE CASCADE,
    FOREIGN KEY (tag_id) REFERENCES tag (id) ON DELETE CASCADE
);
CREATE TABLE user (
    username varchar(255) PRIMARY KEY NOT NULL,
    password varchar(255) DEFAULT NULL,
    ldap tinyint NOT NULL DEFAULT 0,
    name varchar(255) DEFAULT NULL,
    roles varchar(255) NOT NULL DEFAULT '[]',
    email varchar(255) DEFAULT NULL
);
CREATE TABLE configuration (
    username varchar(255),
    confkey varchar(255),
    value varchar(255),
    PRIMARY KEY (username, confkey),
    FOREIGN KEY (username) REFERENCES user (username) ON DELETE CASCADE ON UPDATE NO ACTION
);
";

/// The job table of versions 1 to 7.
fn old_job_table(states: &str, constraint: &str) -> String {
    format!(
        "
CREATE TABLE job (
    id INTEGER PRIMARY KEY,
    job_id BIGINT NOT NULL,
    cluster VARCHAR(255) NOT NULL,
    subcluster VARCHAR(255) NOT NULL,
    start_time BIGINT NOT NULL,
    user VARCHAR(255) NOT NULL,
    project VARCHAR(255) NOT NULL,
    partition VARCHAR(255),
    array_job_id BIGINT,
    duration INT NOT NULL,
    walltime INT NOT NULL,
    job_state VARCHAR(255) NOT NULL CHECK (job_state IN ({states})),
    meta_data TEXT,
    resources TEXT NOT NULL,
    num_nodes INT NOT NULL,
    num_hwthreads INT,
    num_acc INT,
    smt TINYINT NOT NULL DEFAULT 1 CHECK (smt IN (0, 1)),
    exclusive TINYINT NOT NULL DEFAULT 1 CHECK (exclusive IN (0, 1, 2)),
    monitoring_status TINYINT NOT NULL DEFAULT 1 CHECK (monitoring_status IN (0, 1, 2, 3)),
    mem_used_max REAL NOT NULL DEFAULT 0.0,
    flops_any_avg REAL NOT NULL DEFAULT 0.0,
    mem_bw_avg REAL NOT NULL DEFAULT 0.0,
    load_avg REAL NOT NULL DEFAULT 0.0,
    net_bw_avg REAL NOT NULL DEFAULT 0.0,
    net_data_vol_total REAL NOT NULL DEFAULT 0.0,
    file_bw_avg REAL NOT NULL DEFAULT 0.0,
    file_data_vol_total REAL NOT NULL DEFAULT 0.0{constraint}
);
"
    )
}

const V3: &str = "ALTER TABLE user ADD COLUMN projects varchar(255) NOT NULL DEFAULT '[]';";

const V5: &str = "
ALTER TABLE tag ADD COLUMN insert_ts TEXT DEFAULT CURRENT_TIMESTAMP;
ALTER TABLE jobtag ADD COLUMN insert_ts TEXT DEFAULT CURRENT_TIMESTAMP;
";

const V6: &str = "
DROP TABLE configuration;
CREATE TABLE configuration (
    username varchar(255),
    confkey varchar(255),
    value text,
    PRIMARY KEY (username, confkey),
    FOREIGN KEY (username) REFERENCES user (username) ON DELETE CASCADE ON UPDATE NO ACTION
);
";

/// The tables of a version up to 7, without indexes.
pub fn up_to_v7(version: i64) -> String {
    let job = if version < 4 {
        old_job_table(
            "'running', 'completed', 'failed', 'canceled', 'stopped', 'timeout'",
            "",
        )
    } else {
        old_job_table(
            "'running', 'completed', 'failed', 'cancelled', 'stopped', 'timeout', \
             'preempted', 'out_of_memory'",
            ",\n    UNIQUE (job_id, cluster, start_time)",
        )
    };
    let steps = [(3, V3), (5, V5), (6, V6)];
    let steps = steps.iter().filter(|(step, _)| *step <= version);
    let steps: String = steps.map(|(_, sql)| *sql).collect();
    format!("{job}{V1_OTHERS}{steps}")
}

/// From version 7 to what was called 8 in July 2024: the four node metrics have moved already.
pub const V8_HALF: &str = "
ALTER TABLE job ADD COLUMN energy REAL NOT NULL DEFAULT 0.0;
ALTER TABLE job ADD COLUMN footprint TEXT DEFAULT NULL;
ALTER TABLE job DROP COLUMN flops_any_avg;
ALTER TABLE job DROP COLUMN mem_bw_avg;
ALTER TABLE job DROP COLUMN mem_used_max;
ALTER TABLE job DROP COLUMN load_avg;
";

/// From version 7 to version 8.
pub const V8: &str = "
ALTER TABLE job ADD COLUMN energy REAL NOT NULL DEFAULT 0.0;
ALTER TABLE job ADD COLUMN energy_footprint TEXT DEFAULT NULL;
ALTER TABLE job ADD COLUMN footprint TEXT DEFAULT NULL;
ALTER TABLE tag ADD COLUMN tag_scope TEXT NOT NULL DEFAULT 'global';
ALTER TABLE job RENAME COLUMN user TO hpc_user;
ALTER TABLE job RENAME COLUMN partition TO cluster_partition;
ALTER TABLE user RENAME TO hpc_user;
ALTER TABLE job DROP COLUMN flops_any_avg;
ALTER TABLE job DROP COLUMN mem_bw_avg;
ALTER TABLE job DROP COLUMN mem_used_max;
ALTER TABLE job DROP COLUMN load_avg;
ALTER TABLE job DROP COLUMN net_bw_avg;
ALTER TABLE job DROP COLUMN net_data_vol_total;
ALTER TABLE job DROP COLUMN file_bw_avg;
ALTER TABLE job DROP COLUMN file_data_vol_total;
";

/// The job tables from version 9 on: `job` and `job_cache` differ in types that do not matter to
/// SQLite, and in one check.
fn new_job_table(table: &str, text: &str, smt: &str) -> String {
    format!(
        "
CREATE TABLE {table} (
    id INTEGER PRIMARY KEY,
    job_id BIGINT NOT NULL,
    cluster {text} NOT NULL,
    subcluster {text} NOT NULL,
    submit_time BIGINT NOT NULL DEFAULT 0,
    start_time BIGINT NOT NULL DEFAULT 0,
    hpc_user {text} NOT NULL,
    project {text} NOT NULL,
    cluster_partition {text},
    array_job_id BIGINT,
    duration INT NOT NULL,
    walltime INT NOT NULL,
    job_state {text} NOT NULL CHECK (job_state IN (
        'boot_fail', 'cancelled', 'completed', 'deadline', 'failed', 'node_fail',
        'out_of_memory', 'pending', 'preempted', 'running', 'suspended', 'timeout')),
    meta_data TEXT,
    resources TEXT NOT NULL,
    num_nodes INT NOT NULL,
    num_hwthreads INT,
    num_acc INT,
    smt {smt},
    shared TEXT NOT NULL CHECK (shared IN ('none', 'single_user', 'multi_user')),
    monitoring_status TINYINT NOT NULL DEFAULT 1 CHECK (monitoring_status IN (0, 1, 2, 3)),
    energy REAL NOT NULL DEFAULT 0.0,
    energy_footprint TEXT DEFAULT NULL,
    footprint TEXT DEFAULT NULL,
    UNIQUE (job_id, cluster, start_time)
);
"
    )
}

/// The tables of version 8, without indexes.
pub fn v8() -> String {
    up_to_v7(7) + V8
}

/// The tables of version 9, without indexes.
pub fn v9() -> String {
    let job = new_job_table("job", "TEXT", "INT NOT NULL DEFAULT 1");
    let job_cache = new_job_table(
        "job_cache",
        "VARCHAR(255)",
        "TINYINT NOT NULL DEFAULT 1 CHECK (smt IN (0, 1))",
    );
    format!("{}\nDROP TABLE job;{job}{job_cache}", v8())
}

/// A job table that somebody else wrote: the columns of today, and no rules.
pub const HAND_MADE_JOB: &str = "
DROP TABLE job;
CREATE TABLE job (
    id INTEGER PRIMARY KEY, job_id BIGINT, cluster TEXT, subcluster TEXT, submit_time BIGINT,
    start_time BIGINT, hpc_user TEXT, project TEXT, cluster_partition TEXT, array_job_id BIGINT,
    duration INT, walltime INT, job_state TEXT, meta_data TEXT, resources TEXT, num_nodes INT,
    num_hwthreads INT, num_acc INT, smt INT, shared TEXT, monitoring_status INT, energy REAL,
    energy_footprint TEXT, footprint TEXT
);
";

/// Today's tables with a job table that takes everything.
pub fn today_without_rules() -> String {
    format!("{MIGRATIONS}{}{HAND_MADE_JOB}DROP TABLE job_cache;", v10())
}

const NODE: &str = "
CREATE TABLE node (
    id INTEGER PRIMARY KEY,
    hostname VARCHAR(255) NOT NULL,
    cluster VARCHAR(255) NOT NULL,
    subcluster VARCHAR(255) NOT NULL,
    meta_data TEXT,
    UNIQUE (hostname, cluster)
);
";

const NODE_STATE_CHECKS: &str = "node_state VARCHAR(255) NOT NULL CHECK (node_state IN (
        'allocated', 'reserved', 'idle', 'mixed', 'down', 'unknown')),
    health_state VARCHAR(255) NOT NULL CHECK (health_state IN ('full', 'partial', 'failed')),";

fn node_state_table(health_metrics: &str) -> String {
    format!(
        "
CREATE TABLE node_state (
    id INTEGER PRIMARY KEY,
    time_stamp INTEGER NOT NULL,
    jobs_running INTEGER DEFAULT 0 NOT NULL,
    cpus_allocated INTEGER DEFAULT 0 NOT NULL,
    memory_allocated INTEGER DEFAULT 0 NOT NULL,
    gpus_allocated INTEGER DEFAULT 0 NOT NULL,
    {NODE_STATE_CHECKS}{health_metrics}
    node_id INTEGER,
    FOREIGN KEY (node_id) REFERENCES node (id)
);
"
    )
}

/// The tables of versions 10 and 11, without indexes on the job table.
pub fn v10() -> String {
    let node_state = node_state_table("\n    health_metrics TEXT,");
    format!(
        "{}{NODE}{node_state}
CREATE INDEX nodes_cluster ON node (cluster);
CREATE INDEX nodes_cluster_subcluster ON node (cluster, subcluster);
CREATE INDEX nodestates_timestamp ON node_state (time_stamp);
CREATE INDEX nodestates_state_timestamp ON node_state (node_state, time_stamp);
CREATE INDEX nodestates_health_timestamp ON node_state (health_state, time_stamp);
CREATE INDEX nodestates_nodeid_state ON node_state (node_id, node_state);
CREATE INDEX nodestates_nodeid_health ON node_state (node_id, health_state);
CREATE INDEX nodestates_nodeid_timestamp ON node_state (node_id, time_stamp DESC);
CREATE INDEX tags_jobid ON jobtag (job_id);
CREATE INDEX tags_tagid ON jobtag (tag_id);
",
        v9()
    )
}

/// Version 10 as the last development state before its release had it.
pub fn v10_development() -> String {
    let v9 = v9().replace("out_of_memory', 'pending", "out-of-memory', 'pending");
    let node_state = node_state_table("");
    format!(
        "{v9}{NODE}{node_state}
CREATE INDEX nodes_cluster ON node (cluster);
CREATE INDEX nodes_cluster_subcluster ON node (cluster, subcluster);
CREATE INDEX nodestates_state ON node_state (node_state);
CREATE INDEX nodestates_health ON node_state (health_state);
CREATE INDEX nodestates_nodeid_state ON node_state (node_id, node_state);
CREATE INDEX nodestates_nodeid_health ON node_state (node_id, health_state);
CREATE INDEX tags_jobid ON jobtag (job_id);
CREATE INDEX tags_tagid ON jobtag (tag_id);
"
    )
}

const NODE_INDEXES: &str = "
CREATE INDEX nodes_cluster ON node (cluster);
CREATE INDEX nodes_cluster_subcluster ON node (cluster, subcluster);
CREATE INDEX nodes_state ON node (node_state);
CREATE INDEX nodes_cluster_state ON node (cluster, node_state);
CREATE INDEX nodes_health ON node (health_state);
CREATE INDEX nodes_cluster_health ON node (cluster, health_state);
CREATE INDEX tags_jobid ON jobtag (job_id);
CREATE INDEX tags_tagid ON jobtag (tag_id);
";

/// Version 10 in June 2025: a node has its state in its own row.
pub fn v10_node_with_state() -> String {
    format!(
        "{}
CREATE TABLE node (
    id INTEGER PRIMARY KEY,
    hostname VARCHAR(255) NOT NULL,
    cluster VARCHAR(255) NOT NULL,
    subcluster VARCHAR(255) NOT NULL,
    {NODE_STATE_CHECKS}
    meta_data TEXT,
    UNIQUE (hostname, cluster)
);
{NODE_INDEXES}",
        v9()
    )
}

/// Version 10 in September 2025: clusters have another name, nodes a time and what is allocated.
pub fn v10_hpc_cluster() -> String {
    format!(
        "{}
ALTER TABLE job RENAME COLUMN cluster TO hpc_cluster;
ALTER TABLE job_cache RENAME COLUMN cluster TO hpc_cluster;
CREATE TABLE node (
    id INTEGER PRIMARY KEY,
    time_stamp INTEGER NOT NULL,
    hostname VARCHAR(255) NOT NULL,
    cluster VARCHAR(255) NOT NULL,
    subcluster VARCHAR(255) NOT NULL,
    cpus_allocated INTEGER NOT NULL,
    cpus_total INTEGER NOT NULL,
    memory_allocated INTEGER NOT NULL,
    memory_total INTEGER NOT NULL,
    gpus_allocated INTEGER NOT NULL,
    gpus_total INTEGER NOT NULL,
    {NODE_STATE_CHECKS}
    meta_data TEXT,
    UNIQUE (hostname, cluster)
);
{NODE_INDEXES}",
        v9()
    )
}

/// What a later version 12 adds.
pub const SESSIONS: &str = "
CREATE TABLE sessions (token TEXT PRIMARY KEY, data BLOB NOT NULL, expiry REAL NOT NULL);
CREATE INDEX sessions_expiry_idx ON sessions (expiry);
";

/// What a later version 13 adds.
pub const SERVICE: &str = "
CREATE TABLE service (
    id INTEGER PRIMARY KEY,
    cluster VARCHAR(255) NOT NULL,
    hostname VARCHAR(255) NOT NULL,
    service_type VARCHAR(255) NOT NULL,
    instance_id VARCHAR(64) NOT NULL,
    scope VARCHAR(32) NOT NULL DEFAULT 'cluster' CHECK (scope IN ('cluster', 'infra')),
    state VARCHAR(32) NOT NULL DEFAULT 'pending' CHECK (state IN (
        'pending', 'active', 'stale', 'deregistered')),
    registered_at INTEGER NOT NULL,
    last_heartbeat INTEGER,
    config_revision INTEGER NOT NULL DEFAULT 0,
    meta_data TEXT,
    UNIQUE (cluster, hostname, service_type),
    UNIQUE (instance_id)
);
CREATE INDEX services_cluster ON service (cluster);
CREATE INDEX services_scope ON service (scope);
CREATE INDEX services_state_heartbeat ON service (state, last_heartbeat);
";
