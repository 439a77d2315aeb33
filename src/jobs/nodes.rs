//! Nodes: which are in use by running jobs, and what the table of nodes says about them.

use super::{
    catalogue::Column,
    filter::{Selection, TextMatch},
    schema::{FileKind, HOST, Schema, nodes_of},
    sql::Sql,
};
use crate::{db::value::Cell, error::Result};

/// The running jobs with one row for each node of theirs.
fn hosts_from(schema: &Schema) -> Result<String> {
    let nodes = nodes_of(schema.column("resources")?);
    Ok(format!("FROM {} CROSS JOIN {nodes}", schema.job_table()))
}

/// The nodes of a cluster that running jobs hold, with the number of these jobs.
pub(super) fn allocated_sql(schema: &Schema, cluster: &str) -> Result<Sql> {
    Ok(Sql::with(
        format!(
            "SELECT {subcluster} AS subcluster, {HOST} AS hostname, COUNT(DISTINCT job.id) AS jobs\n{from}\n\
             WHERE {of} = ?\n  AND {state} = 'running'\n  AND typeof({HOST}) = 'text'\n\
             GROUP BY 1, 2\nORDER BY 1, 2",
            subcluster = schema.column("subcluster")?,
            from = hosts_from(schema)?,
            of = schema.column("cluster")?,
            state = schema.column("job_state")?,
        ),
        [Cell::Text(cluster.to_owned())],
    ))
}

/// The nodes of jobs that run and started before a time.
pub(super) fn used_sql(schema: &Schema, at_unix_secs: i64) -> Result<Sql> {
    Ok(Sql::with(
        format!(
            "SELECT DISTINCT {cluster} AS cluster, {HOST} AS hostname\n{from}\n\
             WHERE {start} < ?\n  AND {state} = 'running'\n  AND typeof({HOST}) = 'text'\nORDER BY 1, 2",
            cluster = schema.column("cluster")?,
            from = hosts_from(schema)?,
            start = schema.column("start_time")?,
            state = schema.column("job_state")?,
        ),
        [Cell::Int(at_unix_secs)],
    ))
}

/// Which nodes the query `nodes` shows; what is not set does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeFilter {
    /// Of this cluster.
    pub cluster: Option<String>,
    /// Of this subcluster.
    pub sub_cluster: Option<String>,
    /// With such a name.
    pub hostname: Option<TextMatch>,
    /// In this state.
    pub state: Option<String>,
    /// In this health.
    pub health: Option<String>,
}

/// Where the newest state of a node stands: in `node_state`, or in `node` itself in development
/// states of the schema.
struct NewestState {
    join: &'static str,
    qualifier: &'static str,
    has_metrics: bool,
}

fn newest_state(schema: &Schema) -> Result<NewestState> {
    schema.require("node", &["id", "hostname", "cluster", "subcluster"])?;
    let needed = ["node_state", "health_state"];
    if schema.kind() == FileKind::Jobs
        && schema.require("node_state", &["node_id"]).is_err()
        && schema.require("node", &needed).is_ok()
    {
        return Ok(NewestState {
            join: "",
            qualifier: "node",
            has_metrics: false,
        });
    }
    schema.require(
        "node_state",
        &["id", "node_id", "time_stamp", "node_state", "health_state"],
    )?;
    Ok(NewestState {
        join: " JOIN node_state AS state ON state.id = (\n  \
               SELECT newest.id FROM node_state AS newest WHERE newest.node_id = node.id\n  \
               ORDER BY newest.time_stamp DESC, newest.id DESC LIMIT 1\n)",
        qualifier: "state",
        has_metrics: schema.table_has("node_state", "health_metrics"),
    })
}

/// The nodes with their newest state, by name.
pub(super) fn list_sql(schema: &Schema, filter: &NodeFilter) -> Result<Sql> {
    let NewestState {
        join,
        qualifier,
        has_metrics,
    } = newest_state(schema)?;
    let column = |name: &str| {
        let table = if qualifier == "node" {
            "node"
        } else {
            "node_state"
        };
        if schema.table_has(table, name) {
            format!("{qualifier}.{name}")
        } else {
            format!("NULL AS {name}")
        }
    };
    let metrics = if has_metrics {
        format!("{qualifier}.health_metrics")
    } else {
        "NULL AS health_metrics".to_owned()
    };
    let mut sql = Sql::text(format!(
        "SELECT node.id AS id, node.hostname, node.cluster, node.subcluster, \
         {qualifier}.node_state, {qualifier}.health_state, {metrics}, {}, {}, {}, {}, {}\nFROM node{join}",
        column("time_stamp"),
        column("jobs_running"),
        column("cpus_allocated"),
        column("memory_allocated"),
        column("gpus_allocated"),
    ));
    let wanted = [
        ("node.cluster = ?", filter.cluster.clone()),
        ("node.subcluster = ?", filter.sub_cluster.clone()),
        ("node_state = ?", filter.state.clone()),
        ("health_state = ?", filter.health.clone()),
    ];
    let mut word = "\nWHERE ";
    for (term, value) in wanted {
        let Some(value) = value else { continue };
        sql.push(word);
        word = "\n  AND ";
        if term.starts_with("node_state") || term.starts_with("health") {
            sql.push(qualifier);
            sql.push(".");
        }
        sql.append(Sql::with(term, [Cell::Text(value)]));
    }
    if let Some(hostname) = &filter.hostname {
        sql.push(word);
        sql.append(Selection::default().compare("node.hostname", hostname));
    }
    sql.push("\nORDER BY node.hostname, node.id");
    Ok(sql)
}

/// The columns of [`list_sql`].
pub(super) fn list_columns() -> Vec<Column> {
    [
        ("id", None),
        ("hostname", None),
        ("cluster", None),
        ("subcluster", None),
        ("node_state", None),
        ("health_state", None),
        ("health_metrics", Some("JSON")),
        ("time_stamp", Some("Unix seconds")),
        ("jobs_running", Some("jobs")),
        ("cpus_allocated", Some("hardware threads")),
        ("memory_allocated", Some("MB")),
        ("gpus_allocated", Some("accelerators")),
    ]
    .into_iter()
    .map(|(name, unit)| Column::new(name, unit))
    .collect()
}

/// How many nodes are in which state, and in which health, by their newest report.
pub(super) fn states_sql(schema: &Schema, cluster: Option<&str>) -> Result<Sql> {
    let NewestState {
        join, qualifier, ..
    } = newest_state(schema)?;
    let mut sql = Sql::default();
    for (index, (kind, column)) in [("state", "node_state"), ("health", "health_state")]
        .into_iter()
        .enumerate()
    {
        if index > 0 {
            sql.push("\nUNION ALL\n");
        }
        sql.push(&format!(
            "SELECT * FROM (SELECT '{kind}' AS kind, {qualifier}.{column} AS state, COUNT(*) AS count\nFROM node{join}"
        ));
        if let Some(cluster) = cluster {
            let cluster = Cell::Text(cluster.to_owned());
            sql.append(Sql::with("\nWHERE node.cluster = ?", [cluster]));
        }
        sql.push(&format!("\nGROUP BY {qualifier}.{column}\nORDER BY 2)"));
    }
    Ok(sql)
}

/// How many nodes were in which state at each report after a time.
pub(super) fn states_over_time_sql(
    schema: &Schema,
    from_unix_secs: i64,
    cluster: Option<&str>,
) -> Result<Sql> {
    schema.require("node_state", &["node_id", "time_stamp", "node_state"])?;
    schema.require("node", &["id", "cluster"])?;
    let mut sql = Sql::with(
        "SELECT state.time_stamp AS time_stamp, state.node_state AS state, COUNT(*) AS count\n\
         FROM node_state AS state JOIN node ON node.id = state.node_id\n\
         WHERE state.time_stamp > ?",
        [Cell::Int(from_unix_secs)],
    );
    if let Some(cluster) = cluster {
        let cluster = Cell::Text(cluster.to_owned());
        sql.append(Sql::with("\n  AND node.cluster = ?", [cluster]));
    }
    sql.push("\nGROUP BY state.node_state, state.time_stamp\nORDER BY state.time_stamp, state.node_state");
    Ok(sql)
}
