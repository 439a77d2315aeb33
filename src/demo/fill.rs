//! The statements that put rows into the tables.

use jiff::Timestamp;
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rusqlite::{
    Connection, Statement, ToSql, params,
    types::{ToSqlOutput, Value, ValueRef},
};

use super::{
    json::Cell,
    options::{DAY, GenerateOptions},
    row::JobRow,
    site::{APP_TAGS, CLASS_TAGS, CLUSTERS, MANUAL_TAGS, Site},
    stream::NUM_PRIVATE_TAGS,
};

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Value::Null),
            Self::Text(json) => ToSqlOutput::Borrowed(ValueRef::Text(json.as_bytes())),
            Self::Blob(json) => ToSqlOutput::Borrowed(ValueRef::Blob(json.as_bytes())),
        })
    }
}

/// Writes jobs and their tags.
pub struct JobWriter<'conn> {
    job: Statement<'conn>,
    tag: Statement<'conn>,
    next_id: i64,
}

impl<'conn> JobWriter<'conn> {
    /// For an empty job table.
    ///
    /// # Errors
    /// If SQLite does not like the statements.
    pub fn new(conn: &'conn Connection) -> rusqlite::Result<Self> {
        // Without submit_time, which no statement of cc-backend ever writes.
        let job = conn.prepare(
            "INSERT INTO job (
                 id, job_id, cluster, subcluster, start_time, hpc_user, project, cluster_partition,
                 array_job_id, duration, walltime, job_state, meta_data, resources, num_nodes,
                 num_hwthreads, num_acc, smt, shared, monitoring_status, energy, energy_footprint,
                 footprint
             ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        let tag = conn.prepare(
            "INSERT OR IGNORE INTO jobtag (job_id, tag_id, insert_ts)
             VALUES (?, ?, ?)",
        )?;
        Ok(Self {
            job,
            tag,
            next_id: 1,
        })
    }

    /// Writes one job.
    ///
    /// # Errors
    /// If SQLite cannot.
    pub fn write(&mut self, row: &JobRow<'_>) -> rusqlite::Result<()> {
        let id = self.next_id;
        self.next_id += 1;
        let JobRow {
            job_id,
            cluster,
            subcluster,
            start_time_unix_secs,
            user,
            project,
            partition,
            array_job_id,
            duration_secs,
            walltime_secs,
            state,
            meta_data,
            resources,
            num_nodes,
            num_hwthreads,
            num_acc,
            smt,
            shared,
            monitoring_status,
            energy_kwh,
            energy_footprint,
            footprint,
            tags,
        } = row;
        self.job.execute(params![
            id,
            job_id,
            cluster,
            subcluster,
            start_time_unix_secs,
            user,
            project,
            partition,
            array_job_id,
            duration_secs,
            walltime_secs,
            state,
            meta_data,
            resources,
            num_nodes,
            num_hwthreads,
            num_acc,
            smt,
            shared,
            monitoring_status,
            energy_kwh,
            energy_footprint,
            footprint,
        ])?;
        for (tag, at) in tags {
            self.tag
                .execute(params![id, tag.cast_signed() as i64 + 1, sql_time(*at)])?;
        }
        Ok(())
    }
}

/// A time as `CURRENT_TIMESTAMP` writes it.
fn sql_time(unix_secs: i64) -> String {
    Timestamp::from_second(unix_secs).map_or_else(
        |_| String::new(),
        |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// Writes everything that is not about a single job.
///
/// # Errors
/// If SQLite cannot.
pub fn site(
    conn: &Connection,
    site: &Site,
    options: &GenerateOptions,
    rng: &mut ChaCha8Rng,
) -> rusqlite::Result<()> {
    users(conn, site)?;
    configuration(conn, site)?;
    tags(conn, site, options)?;
    nodes(conn, options, rng)
}

fn users(conn: &Connection, site: &Site) -> rusqlite::Result<()> {
    // No password: an account of an invented person cannot log in.
    let mut insert = conn.prepare(
        "INSERT INTO hpc_user (username, ldap, name, roles, email, projects)
         VALUES (?, ?, ?, ?, ?, ?)",
    )?;
    insert.execute(params![
        "demo-admin",
        0,
        "Demo Administrator",
        "[\"admin\",\"api\"]",
        None::<String>,
        "[]"
    ])?;
    for (rank, user) in site.users.iter().enumerate().filter(|(_, user)| user.known) {
        let project = &site.projects[user.project];
        let (roles, projects) = match rank % 40 {
            7 => ("[\"user\",\"manager\"]", format!("[\"{project}\"]")),
            19 if rank < 120 => ("[\"support\"]", "[]".to_owned()),
            _ => ("[\"user\"]", "[]".to_owned()),
        };
        let email = (rank % 3 != 0).then(|| format!("{}@example.org", user.name));
        insert.execute(params![
            user.name,
            1,
            user.full_name,
            roles,
            email,
            projects
        ])?;
    }
    Ok(())
}

fn configuration(conn: &Connection, site: &Site) -> rusqlite::Result<()> {
    let mut insert =
        conn.prepare("INSERT INTO configuration (username, confkey, value) VALUES (?, ?, ?)")?;
    for (rank, user) in site
        .users
        .iter()
        .filter(|user| user.known)
        .take(5)
        .enumerate()
    {
        insert.execute(params![
            user.name,
            "metricConfig_jobListMetrics:fritz",
            "[\"cpu_load\",\"flops_any\",\"mem_bw\",\"mem_used\"]"
        ])?;
        insert.execute(params![
            user.name,
            "jobList_jobsPerPage",
            [10, 25, 50][rank % 3].to_string()
        ])?;
    }
    Ok(())
}

fn tags(conn: &Connection, site: &Site, options: &GenerateOptions) -> rusqlite::Result<()> {
    let mut insert = conn.prepare(
        "INSERT INTO tag (tag_type, tag_name, insert_ts, tag_scope)
         VALUES (?, ?, ?, ?)",
    )?;
    let at = sql_time(options.until_unix_secs - 402 * DAY);
    for name in APP_TAGS {
        insert.execute(params!["app", name, at, "global"])?;
    }
    for name in CLASS_TAGS {
        insert.execute(params!["jobClass", name, at, "global"])?;
    }
    for (kind, name, for_admins) in MANUAL_TAGS {
        let scope = if for_admins { "admin" } else { "global" };
        insert.execute(params![kind, name, at, scope])?;
    }
    for (index, user) in site.users.iter().cycle().take(NUM_PRIVATE_TAGS).enumerate() {
        insert.execute(params!["private", format!("set-{index}"), at, user.name])?;
    }
    Ok(())
}

/// Below this number of jobs, nodes have their newest state only.
const JOBS_FOR_NODE_HISTORY: u64 = 10_000;

fn nodes(
    conn: &Connection,
    options: &GenerateOptions,
    rng: &mut ChaCha8Rng,
) -> rusqlite::Result<()> {
    let mut insert = conn.prepare(
        "INSERT INTO node (hostname, cluster, subcluster, meta_data)
         VALUES (?, ?, ?, ?)",
    )?;
    let mut state = conn.prepare(
        "INSERT INTO node_state (
             time_stamp, jobs_running, cpus_allocated, memory_allocated, gpus_allocated,
             node_state, health_state, health_metrics, node_id
         ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    let history = if options.jobs < JOBS_FOR_NODE_HISTORY {
        1
    } else {
        3
    };
    for cluster in CLUSTERS.iter().filter(|cluster| !cluster.retired) {
        for subcluster in cluster.subclusters {
            for index in 0..subcluster.num_nodes {
                let host = subcluster.host(index);
                insert.execute(params![host, cluster.name, subcluster.name, None::<String>])?;
                let node_id = conn.last_insert_rowid();
                for step in (0..history).rev() {
                    let (word, used) = match rng.random_range(0..100) {
                        0..72 => ("allocated", 1.0),
                        72..84 => ("mixed", 0.5),
                        84..95 => ("idle", 0.0),
                        95..97 => ("reserved", 0.0),
                        97..99 => ("down", 0.0),
                        _ => ("unknown", 0.0),
                    };
                    let (health, metrics) = match rng.random_range(0..100) {
                        _ if word == "down" => ("failed", ""),
                        0..4 => ("partial", "{\"missing\":[\"mem_bw\"],\"degraded\":[]}"),
                        4 => (
                            "failed",
                            "{\"missing\":[\"cpu_load\"],\"degraded\":[\"clock\"]}",
                        ),
                        _ => ("full", ""),
                    };
                    state.execute(params![
                        options.until_unix_secs - 60 - step * 300,
                        (used * 2.0) as i64,
                        (f64::from(subcluster.cores) * used) as i64,
                        (subcluster.memory_gb * 1_024.0 * used) as i64,
                        (f64::from(subcluster.accelerators) * used) as i64,
                        word,
                        health,
                        metrics,
                        node_id
                    ])?;
                }
            }
        }
    }
    Ok(())
}
