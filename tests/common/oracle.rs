//! Every job query once more, in plain Rust over all rows of the file.
//!
//! What the product answers with SQL is compared with this. Nothing here uses the product, except
//! to generate databases: rows are read with rusqlite, JSON is read with `serde_json`, and what a
//! filter, a sum or a histogram means is written down a second time. NULL never satisfies a
//! comparison, as in SQL, and invalid JSON has no keys.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test without its database, or with a filter nobody defined, has failed"
)]

pub mod dirty;
mod filter;
mod histogram;
mod json;
mod lookup;
mod random;
mod sums;
mod value;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Index,
    path::Path,
};

use rusqlite::{Connection, OpenFlags, Row};

pub use self::{
    filter::uses_extensions,
    histogram::{DurationBin, LabelledBin, MetricBin, MetricHistogram},
    lookup::{Concurrent, Found, NodeNow},
    random::random_filters,
    value::Stored,
};

/// The plain columns of the job table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Id,
    JobId,
    Cluster,
    Subcluster,
    SubmitTime,
    StartTime,
    User,
    Project,
    Partition,
    ArrayJobId,
    Duration,
    Walltime,
    State,
    NumNodes,
    NumHwthreads,
    NumAcc,
    Smt,
    Shared,
    MonitoringStatus,
    Energy,
}

/// The columns by today's name, in the order of [`Column`].
const COLUMNS: [(&str, Column); 20] = [
    ("id", Column::Id),
    ("job_id", Column::JobId),
    ("cluster", Column::Cluster),
    ("subcluster", Column::Subcluster),
    ("submit_time", Column::SubmitTime),
    ("start_time", Column::StartTime),
    ("hpc_user", Column::User),
    ("project", Column::Project),
    ("cluster_partition", Column::Partition),
    ("array_job_id", Column::ArrayJobId),
    ("duration", Column::Duration),
    ("walltime", Column::Walltime),
    ("job_state", Column::State),
    ("num_nodes", Column::NumNodes),
    ("num_hwthreads", Column::NumHwthreads),
    ("num_acc", Column::NumAcc),
    ("smt", Column::Smt),
    ("shared", Column::Shared),
    ("monitoring_status", Column::MonitoringStatus),
    ("energy", Column::Energy),
];

impl Column {
    /// The column of this name, as it is called today.
    pub fn named(name: &str) -> Self {
        let found = COLUMNS.iter().find(|(known, _)| *known == name);
        found
            .unwrap_or_else(|| panic!("no plain column is called {name}"))
            .1
    }
}

/// One row of the job table.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: i64,
    columns: Vec<Stored>,
    /// `jobName` of `meta_data`, which is NULL where it has none. `None`: not valid JSON.
    pub name: Option<Stored>,
    /// The metrics. `None`: not valid JSON, or no value at all.
    pub footprint: Option<BTreeMap<String, Stored>>,
    /// For each resource its host name, which is NULL where it has none. `None`: not valid JSON.
    pub hosts: Option<Vec<Stored>>,
}

impl Index<Column> for Job {
    type Output = Stored;

    fn index(&self, column: Column) -> &Stored {
        &self.columns[column as usize]
    }
}

impl Job {
    /// Whether the job is running.
    pub fn is_running(&self) -> bool {
        self[Column::State].text() == Some("running")
    }

    /// How long the job has run: up to now if it is running, as stored otherwise.
    pub fn effective_duration(&self, now: i64) -> Option<i64> {
        if self.is_running() {
            self[Column::StartTime].integer().map(|start| now - start)
        } else {
            self[Column::Duration].integer()
        }
    }

    /// A metric of the footprint: NULL where there is none.
    pub fn metric(&self, key: &str) -> &Stored {
        let footprint = self.footprint.as_ref();
        footprint
            .and_then(|metrics| metrics.get(key))
            .unwrap_or(&Stored::Null)
    }

    /// Whether a resource has exactly this host name.
    fn has_host(&self, host: &Stored) -> bool {
        let mut hosts = self.hosts.iter().flatten();
        hosts.any(|found| found.is_equal(host))
    }

    fn read(row: &Row<'_>, names: &[String]) -> Self {
        let get = |name: &str| {
            let at = names.iter().position(|known| known == name);
            at.map_or(Stored::Null, |at| Stored::read(row, at))
        };
        let columns: Vec<_> = COLUMNS.iter().map(|(name, _)| get(name)).collect();
        Self {
            id: columns[0].integer().expect("the primary key is an integer"),
            columns,
            name: json::value_at(&get("meta_data"), "jobName"),
            footprint: json::object(&get("footprint")),
            hosts: json::hosts(&get("resources")),
        }
    }
}

/// A tag, without regard to who may see it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    pub id: i64,
    pub kind: String,
    pub name: String,
    pub scope: String,
}

/// A node that was ever reported.
#[derive(Clone, Debug)]
pub struct Node {
    pub id: i64,
    pub hostname: String,
    pub cluster: String,
    pub subcluster: String,
}

/// What a node reported at one time.
#[derive(Clone, Debug)]
pub struct NodeState {
    pub id: i64,
    pub time_unix_secs: i64,
    pub state: String,
    pub health: String,
    pub node_id: Option<i64>,
}

/// Everything in a job database that a query looks at.
#[derive(Clone, Debug)]
pub struct Oracle {
    pub jobs: Vec<Job>,
    pub tags: Vec<Tag>,
    /// Ids of a job and of its tag, where both are there.
    pub jobtags: Vec<(i64, i64)>,
    /// How many rows of `jobtag` name each tag, whatever they say about the job.
    links_by_tag: BTreeMap<i64, i64>,
    /// Full names by account name.
    pub users: BTreeMap<String, Option<String>>,
    pub nodes: Vec<Node>,
    pub node_states: Vec<NodeState>,
    tags_by_job: BTreeMap<i64, BTreeSet<i64>>,
}

impl Oracle {
    /// Reads the whole file. A table that is not there is empty, a column that is not there is
    /// NULL.
    pub fn read(path: &Path) -> Self {
        // Not read-only, so that no log of another connection is needed; nothing is written.
        let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .expect("a database");
        let pairs = rows(&conn, "jobtag", "job_id, tag_id", |row, _| {
            Stored::read(row, 0)
                .integer()
                .zip(Stored::read(row, 1).integer())
        });
        let mut links_by_tag = BTreeMap::new();
        let tag_ids = rows(&conn, "jobtag", "tag_id", |row, _| {
            Stored::read(row, 0).integer()
        });
        for tag in tag_ids.into_iter().flatten() {
            *links_by_tag.entry(tag).or_insert(0) += 1;
        }
        let jobtags: Vec<(i64, i64)> = pairs.into_iter().flatten().collect();
        let mut tags_by_job = BTreeMap::<_, BTreeSet<_>>::new();
        for (job, tag) in &jobtags {
            tags_by_job.entry(*job).or_default().insert(*tag);
        }
        Self {
            jobs: rows(&conn, "job", "*", Job::read),
            tags: read_tags(&conn),
            jobtags,
            links_by_tag,
            users: read_users(&conn),
            nodes: read_nodes(&conn),
            node_states: read_node_states(&conn),
            tags_by_job,
        }
    }

    /// The job with this id in the database.
    pub fn job(&self, id: i64) -> Option<&Job> {
        self.jobs.iter().find(|job| job.id == id)
    }

    /// The ids of the tags of a job, whether or not these tags exist.
    fn tag_ids(&self, job: &Job) -> impl Iterator<Item = i64> {
        self.tags_by_job.get(&job.id).into_iter().flatten().copied()
    }
}

fn read_tags(conn: &Connection) -> Vec<Tag> {
    rows(
        conn,
        "tag",
        "id, tag_type, tag_name, tag_scope",
        |row, _| Tag {
            id: integer(row, 0),
            kind: text(row, 1),
            name: text(row, 2),
            scope: text(row, 3),
        },
    )
}

fn read_users(conn: &Connection) -> BTreeMap<String, Option<String>> {
    // Never the password.
    let users = rows(conn, "hpc_user", "username, name", |row, _| {
        (
            text(row, 0),
            Stored::read(row, 1).text().map(ToOwned::to_owned),
        )
    });
    users.into_iter().collect()
}

fn read_nodes(conn: &Connection) -> Vec<Node> {
    rows(
        conn,
        "node",
        "id, hostname, cluster, subcluster",
        |row, _| Node {
            id: integer(row, 0),
            hostname: text(row, 1),
            cluster: text(row, 2),
            subcluster: text(row, 3),
        },
    )
}

fn read_node_states(conn: &Connection) -> Vec<NodeState> {
    let columns = "id, time_stamp, node_state, health_state, node_id";
    rows(conn, "node_state", columns, |row, _| NodeState {
        id: integer(row, 0),
        time_unix_secs: integer(row, 1),
        state: text(row, 2),
        health: text(row, 3),
        node_id: Stored::read(row, 4).integer(),
    })
}

/// All rows of a table, each with the names of its columns.
fn rows<T>(
    conn: &Connection,
    table: &str,
    columns: &str,
    read: impl Fn(&Row<'_>, &[String]) -> T,
) -> Vec<T> {
    let is_there = conn.table_exists(None, table).expect("a schema");
    if !is_there {
        return Vec::new();
    }
    let mut statement = conn
        .prepare(&format!("SELECT {columns} FROM {table}"))
        .expect("a table with these columns");
    let names: Vec<_> = statement.column_names().map(ToOwned::to_owned).collect();
    statement
        .query_map([], |row| Ok(read(row, &names)))
        .expect("rows")
        .collect::<rusqlite::Result<_>>()
        .expect("rows")
}

fn integer(row: &Row<'_>, at: usize) -> i64 {
    Stored::read(row, at).integer().expect("an integer")
}

fn text(row: &Row<'_>, at: usize) -> String {
    Stored::read(row, at).text().expect("a text").to_owned()
}

/// A number of things that are all in memory.
fn number_of(things: usize) -> i64 {
    i64::try_from(things).expect("memory is smaller")
}
