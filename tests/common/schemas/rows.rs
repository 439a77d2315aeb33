//! Writes the sample into whatever tables and columns a variant has.

#![expect(clippy::expect_used, reason = "a test without its database has failed")]

use rusqlite::{Connection, params_from_iter, types::Value};

use super::{ACCOUNTS, CACHED, JOBS, SampleJob, TAGS, Variant, dirt, nodes};
use crate::common::jobdb::{NOW, SECRET};

/// The time of everything that was inserted, so that no two runs differ.
const INSERT_TS: &str = "2024-05-06 07:08:09";

type Row<'a> = Vec<(&'a str, Value)>;

/// Creates the variant's tables in an empty database, and fills them.
pub fn write(conn: &Connection, variant: &Variant, sql: &str) {
    let journal = if variant.wal { "wal" } else { "delete" };
    // One of the variants breaks a foreign key.
    conn.execute_batch(&format!(
        "PRAGMA journal_mode = {journal}; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; BEGIN;"
    ))
    .expect("a database");
    conn.execute_batch(sql).expect(variant.name);
    write_version(conn, variant);
    insert(conn, "job", JOBS.iter().map(|job| job_row(variant, job)));
    insert(
        conn,
        "job_cache",
        CACHED.iter().map(|job| job_row(variant, job)),
    );
    write_tags(conn, variant);
    write_accounts(conn, variant);
    write_nodes(conn);
    write_dirt(conn, variant);
    conn.execute_batch("COMMIT").expect("all rows");
}

fn write_version(conn: &Connection, variant: &Variant) {
    let row = variant.version.map(|version| {
        vec![
            ("version", Value::from(version)),
            ("dirty", Value::from(variant.dirty)),
        ]
    });
    insert(conn, "schema_migrations", row.into_iter());
}

fn write_tags(conn: &Connection, variant: &Variant) {
    let tags = TAGS.iter().map(|tag| {
        vec![
            ("id", Value::from(tag.id)),
            ("tag_type", text(tag.kind)),
            ("tag_name", text(tag.name)),
            ("insert_ts", text(INSERT_TS)),
            ("tag_scope", text(tag.scope)),
        ]
    });
    insert(conn, "tag", tags);
    let mut links: Vec<_> = JOBS
        .iter()
        .flat_map(|job| job.tag_ids.iter().map(|tag_id| (job.id, *tag_id)))
        .collect();
    if variant.name.starts_with("pre-v1") {
        links.push((SampleJob::LOST, 1));
    }
    let links = links.into_iter().map(|(job_id, tag_id)| {
        vec![
            ("job_id", Value::from(job_id)),
            ("tag_id", Value::from(tag_id)),
            ("insert_ts", text(INSERT_TS)),
        ]
    });
    insert(conn, "jobtag", links);
}

fn write_accounts(conn: &Connection, variant: &Variant) {
    let Some(table) = variant.table("hpc_user") else {
        return;
    };
    let accounts = ACCOUNTS.iter().map(|account| {
        vec![
            ("username", text(account.username)),
            ("password", text(SECRET)),
            ("ldap", Value::from(0_i64)),
            ("name", text(account.name)),
            ("roles", text(account.roles)),
            ("email", text(&format!("{}@example.org", account.username))),
            ("projects", text(account.projects)),
        ]
    });
    insert(conn, table, accounts);
    let setting = vec![
        ("username", text("ada01")),
        ("confkey", text("metricConfig_jobListMetrics:fritz")),
        ("value", text(r#"["cpu_load","mem_bw"]"#)),
    ];
    insert(conn, "configuration", std::iter::once(setting));
}

/// Two states for each node, of which the newer one is the one that counts.
fn write_nodes(conn: &Connection) {
    let ids = || (1_i64..).zip(nodes());
    let rows = ids().map(|(id, (cluster, subcluster, hostname))| {
        let mut row = vec![
            ("id", Value::from(id)),
            ("hostname", text(hostname)),
            ("cluster", text(cluster)),
            ("subcluster", text(subcluster)),
            ("meta_data", text(r#"{"rack":"r1"}"#)),
        ];
        row.extend(node_state_row(hostname, NOW - 30));
        row
    });
    insert(conn, "node", rows);
    for seconds_ago in [90, 30] {
        let rows = ids().map(|(id, (_, _, hostname))| {
            let mut row = node_state_row(hostname, NOW - seconds_ago);
            row.push(("node_id", Value::from(id)));
            row
        });
        insert(conn, "node_state", rows);
    }
}

fn node_state_row(hostname: &str, time_stamp: i64) -> Row<'static> {
    let running: Vec<_> = JOBS
        .iter()
        .filter(|job| job.state == "running" && job.hostnames.contains(&hostname))
        .collect();
    let jobs_running = i64::try_from(running.len()).expect("few jobs");
    let cpus: i64 = running.iter().map(|job| job.hwthreads_per_node).sum();
    let gpus: i64 = running.iter().map(|job| job.accs_per_node).sum();
    let (state, health) = match (jobs_running, hostname) {
        (_, "a0103") => ("down", "failed"),
        (0, _) => ("idle", "full"),
        _ => ("allocated", "partial"),
    };
    let metrics = if health == "partial" {
        r#"{"missing":["mem_bw"],"degraded":[]}"#
    } else {
        ""
    };
    vec![
        ("time_stamp", Value::from(time_stamp)),
        ("jobs_running", Value::from(jobs_running)),
        ("cpus_allocated", Value::from(cpus)),
        ("cpus_total", Value::from(128_i64)),
        ("memory_allocated", Value::from(cpus * 1000)),
        ("memory_total", Value::from(512_000_i64)),
        ("gpus_allocated", Value::from(gpus)),
        ("gpus_total", Value::from(8_i64)),
        ("node_state", text(state)),
        ("health_state", text(health)),
        ("health_metrics", text(metrics)),
    ]
}

fn write_dirt(conn: &Connection, variant: &Variant) {
    for row in variant.dirt {
        let job = SampleJob {
            id: row.id,
            job_id: 900_000 + row.id,
            cluster: dirt::DIRT_CLUSTER,
            hostnames: &["d0001"],
            user: "dirt",
            project: "dirt",
            tag_ids: &[],
            name: row.what,
            ..JOBS[0]
        };
        insert(conn, "job", std::iter::once(job_row(variant, &job)));
        let update = format!("UPDATE job SET {} WHERE id = {}", row.set, row.id);
        conn.execute(&update, ()).expect(&update);
    }
}

/// The job under every name that a column ever had.
fn job_row(variant: &Variant, job: &SampleJob) -> Row<'static> {
    let running = job.state == "running";
    let mut row = vec![
        ("id", Value::from(job.id)),
        ("job_id", Value::from(job.job_id)),
        ("cluster", text(job.cluster)),
        ("hpc_cluster", text(job.cluster)),
        ("subcluster", text(job.subcluster)),
        // Declared, but never written by cc-backend.
        ("submit_time", Value::from(0_i64)),
        ("start_time", Value::from(job.start_time_unix_secs)),
        ("user", text(job.user)),
        ("hpc_user", text(job.user)),
        ("project", text(job.project)),
        ("partition", text(job.partition)),
        ("cluster_partition", text(job.partition)),
        ("array_job_id", Value::from(job.array_job_id)),
        ("duration", Value::from(variant.duration_of(job))),
        ("walltime", Value::from(job.walltime_secs)),
        ("job_state", text(variant.state_of(job))),
        // What is edited with other programs turns from BLOB into TEXT.
        ("meta_data", json(&job.meta_data_json(), job.id % 8 != 0)),
        ("resources", json(&job.resources_json(), true)),
        ("num_nodes", Value::from(job.num_nodes())),
        ("num_hwthreads", Value::from(job.num_hwthreads())),
        ("num_acc", Value::from(job.num_acc())),
        ("smt", Value::from(1_i64)),
        ("exclusive", Value::from(job.exclusive())),
        ("shared", text(job.shared)),
        ("monitoring_status", Value::from(job.monitoring_status())),
        ("load_avg", Value::from(job.cpu_load_avg)),
        ("energy", Value::from(job.energy_kwh)),
        (
            "energy_footprint",
            json(&job.energy_footprint_json(), running),
        ),
        ("footprint", json(&job.footprint_json(), running)),
    ];
    let metrics = job.metrics().into_iter();
    row.extend(metrics.map(|(metric, value)| (metric, Value::from(value))));
    row
}

/// cc-backend writes JSON as BLOB while a job runs, and as TEXT when it archives the job.
fn json(json: &str, as_blob: bool) -> Value {
    if as_blob {
        Value::from(json.as_bytes().to_vec())
    } else {
        text(json)
    }
}

fn text(text: &str) -> Value {
    Value::from(text.to_owned())
}

/// Inserts what the table has columns for. Nothing, if there is no such table.
fn insert<'a>(conn: &Connection, table: &str, rows: impl Iterator<Item = Row<'a>>) {
    let columns = columns(conn, table);
    if columns.is_empty() {
        return;
    }
    for mut row in rows {
        row.retain(|(name, _)| columns.iter().any(|column| column == name));
        let names: Vec<_> = row.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let marks = vec!["?"; row.len()].join(", ");
        let sql = format!(
            "INSERT INTO {table} ({}) VALUES ({marks})",
            names.join(", ")
        );
        conn.prepare_cached(&sql)
            .expect(&sql)
            .execute(params_from_iter(row.into_iter().map(|(_, value)| value)))
            .expect(&sql);
    }
}

/// The columns of a table in their order. None, if there is no such table.
pub fn columns(conn: &Connection, table: &str) -> Vec<String> {
    conn.prepare("SELECT name FROM pragma_table_info(?)")
        .expect("a pragma")
        .query_map([table], |row| row.get(0))
        .expect("columns")
        .collect::<rusqlite::Result<_>>()
        .expect("names")
}

/// Four values that no sample job has, as migration 8 would have called their columns.
pub const OLD_FOOTPRINT: &str = "UPDATE job SET footprint = json_set(
    CAST(footprint AS TEXT), '$.net_bw_avg', 0.0, '$.net_data_vol_total', 0.0,
    '$.file_bw_avg', 0.0, '$.file_data_vol_total', 0.0)";

/// Runs a statement.
pub fn run(conn: &Connection, sql: &str) {
    conn.execute(sql, ()).expect(sql);
}

/// Two tables that nobody would take for jobs.
pub fn write_other(conn: &Connection) {
    conn.execute_batch(
        "CREATE TABLE a (x); CREATE TABLE b (y);
         INSERT INTO a VALUES (1), ('two'), (NULL), (x'03'); INSERT INTO b VALUES (4.5);",
    )
    .expect("two tables");
}
