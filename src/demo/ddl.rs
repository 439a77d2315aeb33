//! The tables of schema 10 and 11, which have the same columns and differ in their indexes only.

/// Columns that `job` and `job_cache` declare alike; `{text}` and `{smt}` are where they differ.
macro_rules! job_table {
    ($name:literal, $text:literal, $smt:literal) => {
        concat!(
            "CREATE TABLE ",
            $name,
            " (
    id INTEGER PRIMARY KEY,
    job_id BIGINT NOT NULL,
    cluster ",
            $text,
            " NOT NULL,
    subcluster ",
            $text,
            " NOT NULL,
    submit_time BIGINT NOT NULL DEFAULT 0,
    start_time BIGINT NOT NULL DEFAULT 0,
    hpc_user ",
            $text,
            " NOT NULL,
    project ",
            $text,
            " NOT NULL,
    cluster_partition ",
            $text,
            ",
    array_job_id BIGINT,
    duration INT NOT NULL,
    walltime INT NOT NULL,
    job_state ",
            $text,
            " NOT NULL CHECK (job_state IN (
        'boot_fail', 'cancelled', 'completed', 'deadline', 'failed', 'node_fail',
        'out_of_memory', 'pending', 'preempted', 'running', 'suspended', 'timeout')),
    meta_data TEXT,
    resources TEXT NOT NULL,
    num_nodes INT NOT NULL,
    num_hwthreads INT,
    num_acc INT,
    smt ",
            $smt,
            ",
    shared TEXT NOT NULL CHECK (shared IN ('none', 'single_user', 'multi_user')),
    monitoring_status TINYINT NOT NULL DEFAULT 1 CHECK (monitoring_status IN (0, 1, 2, 3)),
    energy REAL NOT NULL DEFAULT 0.0,
    energy_footprint TEXT DEFAULT NULL,
    footprint TEXT DEFAULT NULL,
    UNIQUE (job_id, cluster, start_time)
)"
        )
    };
}

/// Every table, in an order in which each exists before it is referred to.
pub const TABLES: [&str; 9] = [
    "CREATE TABLE schema_migrations (version uint64, dirty bool)",
    "CREATE TABLE hpc_user (
    username varchar(255) PRIMARY KEY NOT NULL,
    password varchar(255) DEFAULT NULL,
    ldap tinyint NOT NULL DEFAULT 0,
    name varchar(255) DEFAULT NULL,
    roles varchar(255) NOT NULL DEFAULT '[]',
    email varchar(255) DEFAULT NULL,
    projects varchar(255) NOT NULL DEFAULT '[]'
)",
    "CREATE TABLE configuration (
    username varchar(255),
    confkey varchar(255),
    value TEXT,
    PRIMARY KEY (username, confkey),
    FOREIGN KEY (username) REFERENCES hpc_user (username) ON DELETE CASCADE
)",
    job_table!("job", "TEXT", "INT NOT NULL DEFAULT 1"),
    job_table!(
        "job_cache",
        "VARCHAR(255)",
        "TINYINT NOT NULL DEFAULT 1 CHECK (smt IN (0, 1))"
    ),
    "CREATE TABLE tag (
    id INTEGER PRIMARY KEY,
    tag_type VARCHAR(255) NOT NULL,
    tag_name VARCHAR(255) NOT NULL,
    insert_ts TEXT DEFAULT CURRENT_TIMESTAMP,
    tag_scope TEXT NOT NULL DEFAULT 'global',
    UNIQUE (tag_type, tag_name)
)",
    "CREATE TABLE jobtag (
    job_id INTEGER,
    tag_id INTEGER,
    insert_ts TEXT DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (job_id, tag_id),
    FOREIGN KEY (job_id) REFERENCES job (id) ON DELETE CASCADE,
    FOREIGN KEY (tag_id) REFERENCES tag (id) ON DELETE CASCADE
)",
    "CREATE TABLE node (
    id INTEGER PRIMARY KEY,
    hostname VARCHAR(255) NOT NULL,
    cluster VARCHAR(255) NOT NULL,
    subcluster VARCHAR(255) NOT NULL,
    meta_data TEXT,
    UNIQUE (hostname, cluster)
)",
    "CREATE TABLE node_state (
    id INTEGER PRIMARY KEY,
    time_stamp INTEGER NOT NULL,
    jobs_running INTEGER NOT NULL DEFAULT 0,
    cpus_allocated INTEGER NOT NULL DEFAULT 0,
    memory_allocated INTEGER NOT NULL DEFAULT 0,
    gpus_allocated INTEGER NOT NULL DEFAULT 0,
    node_state VARCHAR(255) NOT NULL CHECK (node_state IN (
        'allocated', 'reserved', 'idle', 'mixed', 'down', 'unknown')),
    health_state VARCHAR(255) NOT NULL CHECK (health_state IN ('full', 'partial', 'failed')),
    health_metrics TEXT,
    node_id INTEGER,
    FOREIGN KEY (node_id) REFERENCES node (id)
)",
];

/// The index of the migration library. It is there whatever is chosen for the other indexes.
pub const VERSION_INDEX: &str = "CREATE UNIQUE INDEX version_unique ON schema_migrations (version)";
