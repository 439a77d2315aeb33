//! cc-backend's statistics over a selection of jobs, with its exact integer arithmetic.
//!
//! Hours are truncated, not rounded, and truncated per group, so groups need not add up to the
//! ungrouped total. A running job counts with the time since its start; "short" looks at the
//! stored duration. Reproduces `JobsStats` and `JobsStatsGrouped` of cc-backend 1.5.4.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    catalogue::{Clock, Column},
    filter::{Selection, TextField},
    schema::Schema,
    sort::parse_direction,
    sql::Sql,
};
use crate::{
    db::value::Cell,
    error::{Error, Result},
};

/// What jobs are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupBy {
    /// The account name.
    User,
    /// The project.
    Project,
    /// The cluster.
    Cluster,
    /// The subcluster; equal names of different clusters count as one, as in cc-backend.
    Subcluster,
}

impl GroupBy {
    /// All groupings, in the order they are offered.
    pub const ALL: [Self; 4] = [Self::User, Self::Project, Self::Cluster, Self::Subcluster];

    /// The column of the job table.
    pub fn column(self) -> &'static str {
        match self {
            Self::User => "hpc_user",
            Self::Project => "project",
            Self::Cluster => "cluster",
            Self::Subcluster => "subcluster",
        }
    }
}

impl fmt::Display for GroupBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::User => "user",
            Self::Project => "project",
            Self::Cluster => "cluster",
            Self::Subcluster => "subcluster",
        })
    }
}

/// The result columns after the group's key, with their units.
pub const COLUMNS: [(&str, &str); 11] = [
    ("totalJobs", "jobs"),
    ("totalUsers", "users"),
    ("totalWalltime", "hours"),
    ("totalNodes", "nodes"),
    ("totalNodeHours", "node-hours"),
    ("totalCores", "hardware threads"),
    ("totalCoreHours", "hardware-thread-hours"),
    ("totalAccs", "accelerators"),
    ("totalAccHours", "accelerator-hours"),
    ("runningJobs", "jobs"),
    ("shortJobs", "jobs"),
];

/// The jobs that are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Every matching job.
    #[default]
    All,
    /// Running jobs.
    Running,
    /// Jobs whose stored duration is below the threshold.
    Short,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::All, Self::Running, Self::Short];

    /// The name on the command line.
    pub fn key(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Running => "running",
            Self::Short => "short",
        }
    }

    /// The column of the count.
    pub fn column(self) -> &'static str {
        match self {
            Self::All => "totalJobs",
            Self::Running => "runningJobs",
            Self::Short => "shortJobs",
        }
    }

    fn condition(self, schema: &Schema, clock: Clock) -> Result<Option<Sql>> {
        let text = match self {
            Self::All => None,
            Self::Running => Some(format!("{} = 'running'", schema.column("job_state")?)),
            Self::Short => Some(format!(
                "{} < {}",
                schema.column("duration")?,
                clock.short_secs
            )),
        };
        Ok(text.map(Sql::text))
    }
}

/// The statistics of all matching jobs, in one row.
pub(super) fn total_sql(schema: &Schema, selection: &Selection) -> Result<Sql> {
    let mut formulas = formulas(schema, selection.clock)?;
    if selection.as_backend {
        // Selected there, but never copied into the answer.
        for (formula, (name, _)) in formulas.iter_mut().zip(COLUMNS) {
            if ["totalNodes", "totalCores", "totalAccs"].contains(&name) {
                "0".clone_into(formula);
            }
        }
    }
    let mut sql = Sql::text(format!("SELECT {}\n", named(&formulas)));
    sql.append(selection.source_to_add_up(schema, None)?);
    Ok(sql)
}

/// The order of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupSort {
    /// A position in [`COLUMNS`].
    pub column: usize,
    /// Largest first. Equal values are in the order of their key.
    pub descending: bool,
}

impl std::str::FromStr for GroupSort {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, descending) = parse_direction(text)?;
        COLUMNS
            .iter()
            .position(|(column, _)| *column == name)
            .map(|column| Self { column, descending })
            .ok_or_else(|| {
                let known = COLUMNS.map(|(name, _)| name).join(", ");
                Error::invalid("sort column", name, format!("one of {known}"))
            })
    }
}

/// The statistics of each group, in the order of its key or of one column. Jobs without a key are
/// left out. Groups of users come with the users' full names, where the file knows them.
pub(super) fn grouped_sql(
    schema: &Schema,
    selection: &Selection,
    by: GroupBy,
    sort: Option<GroupSort>,
) -> Result<Sql> {
    let over_clusters = by == GroupBy::User
        && selection.filter.exact(TextField::Cluster).is_none()
        && selection.filter.exact(TextField::User).is_none();
    let groups = if over_clusters {
        by_user_over_clusters_sql(schema, selection)?
    } else if by == GroupBy::Project && selection.filter.is_empty() {
        by_project_of_all_jobs_sql(schema, selection)?
    } else {
        let key = schema.column(by.column())?;
        let mut sql = Sql::text(format!(
            "SELECT {key} AS \"{by}\",\n  {}\n",
            named(&formulas(schema, selection.clock)?)
        ));
        sql.append(selection.source_to_add_up(schema, None)?);
        sql.push(&format!("\nGROUP BY {key}\nHAVING {key} IS NOT NULL"));
        sql
    };
    let order = sort.map_or_else(
        || format!("\nORDER BY \"{by}\""),
        |sort| {
            let name = COLUMNS
                .get(sort.column)
                .map_or("totalJobs", |(name, _)| name);
            let direction = if sort.descending { "DESC" } else { "ASC" };
            format!("\nORDER BY {name} {direction}, \"{by}\"")
        },
    );
    if by != GroupBy::User {
        let mut sql = groups;
        sql.push(&order);
        return Ok(sql);
    }
    let name = schema.user_table().map_or_else(
        || "''".to_owned(),
        |table| {
            format!("COALESCE((SELECT name FROM {table} AS account WHERE account.username = \"user\"), '')")
        },
    );
    let columns = COLUMNS.map(|(name, _)| name).join(", ");
    let mut sql = Sql::text(format!(
        "SELECT \"user\", {columns}, {name} AS name\nFROM (\n"
    ));
    sql.append(groups);
    sql.push("\n)");
    sql.push(&order);
    Ok(sql)
}

/// [`grouped_sql`] by user over all clusters, summed up cluster by cluster first.
///
/// The indexes that hold every column of the sums begin with the cluster. Grouped by the user
/// alone, SQLite walks an index without these columns and looks up each row in the table: 4.1 s
/// instead of 0.3 s for 300,000 jobs. Seconds are added up before they are divided, so the hours
/// are the same.
fn by_user_over_clusters_sql(schema: &Schema, selection: &Selection) -> Result<Sql> {
    let mut sql = Sql::text(format!(
        "SELECT hpc_user AS \"user\",\n  {}\nFROM (\n",
        // A group by user has one user.
        named(&outer_formulas("1"))
    ));
    sql.append(parts_sql(schema, selection, "hpc_user")?);
    sql.push("\n)\nGROUP BY hpc_user\nHAVING hpc_user IS NOT NULL");
    Ok(sql)
}

/// [`grouped_sql`] by project over all jobs: the sums from one covering index, the users from
/// another. No index holds both, and looking up each row takes ten times as long.
fn by_project_of_all_jobs_sql(schema: &Schema, selection: &Selection) -> Result<Sql> {
    let project = schema.column("project")?;
    let user = schema.column("hpc_user")?;
    let table = schema.job_table();
    let mut sql = Sql::text(format!(
        "SELECT project,\n  {}\nFROM (\n",
        named(&outer_formulas("users.number"))
    ));
    sql.append(parts_sql(schema, selection, "project")?);
    sql.push(&format!(
        "\n) JOIN (\n  SELECT {project} AS of_project, COUNT(DISTINCT {user}) AS number\n  \
         FROM {table} GROUP BY {project}\n) AS users ON users.of_project = project\n\
         GROUP BY project"
    ));
    Ok(sql)
}

/// Sums of seconds for each cluster and `key`.
fn parts_sql(schema: &Schema, selection: &Selection, key: &str) -> Result<Sql> {
    let column = |name| schema.column(name);
    let duration = duration_sql(schema, selection.clock)?;
    let (nodes, cores, accs) = (
        column("num_nodes")?,
        column("num_hwthreads")?,
        column("num_acc")?,
    );
    let mut sql = Sql::text(format!(
        "  SELECT {} AS {key}, COUNT(*) AS jobs,\n    \
         TOTAL({duration}) AS secs,\n    \
         TOTAL({nodes}) AS nodes, TOTAL({duration} * {nodes}) AS node_secs,\n    \
         TOTAL({cores}) AS cores, TOTAL({duration} * {cores}) AS core_secs,\n    \
         TOTAL({accs}) AS accs, TOTAL({duration} * {accs}) AS acc_secs,\n    \
         COUNT(CASE WHEN {} = 'running' THEN 1 END) AS running,\n    \
         COUNT(CASE WHEN {} < {} THEN 1 END) AS short\n  ",
        column(key)?,
        column("job_state")?,
        column("duration")?,
        selection.clock.short_secs
    ));
    sql.append(selection.source_to_add_up(schema, None)?);
    sql.push(&format!(
        "\n  GROUP BY {}, {}",
        column("cluster")?,
        column(key)?
    ));
    Ok(sql)
}

/// The result columns over the sums of [`parts_sql`].
fn outer_formulas(users: &str) -> [String; COLUMNS.len()] {
    [
        total_of("jobs"),
        users.to_owned(),
        hours_of("secs"),
        total_of("nodes"),
        hours_of("node_secs"),
        total_of("cores"),
        hours_of("core_secs"),
        total_of("accs"),
        hours_of("acc_secs"),
        total_of("running"),
        total_of("short"),
    ]
}

/// How many jobs of a kind each group has; groups without any are left out.
pub(super) fn count_grouped_sql(
    schema: &Schema,
    selection: &Selection,
    by: GroupBy,
    kind: Kind,
) -> Result<Sql> {
    let key = schema.column(by.column())?;
    let of_kind = kind.condition(schema, selection.clock)?;
    let mut sql = Sql::text(format!(
        "SELECT {key} AS \"{by}\", COUNT(*) AS {}\n",
        kind.column()
    ));
    sql.append(selection.source_to_add_up(schema, of_kind)?);
    sql.push(&format!(
        "\nGROUP BY {key}\nHAVING {key} IS NOT NULL\nORDER BY {key}"
    ));
    Ok(sql)
}

/// How many jobs of a kind there are.
pub(super) fn count_kind_sql(schema: &Schema, selection: &Selection, kind: Kind) -> Result<Sql> {
    let of_kind = kind.condition(schema, selection.clock)?;
    let mut sql = Sql::text(format!("SELECT COUNT(*) AS {}\n", kind.column()));
    sql.append(selection.source_to_add_up(schema, of_kind)?);
    Ok(sql)
}

/// The columns of [`total_sql`], or of [`grouped_sql`].
pub(super) fn columns(by: Option<GroupBy>) -> Vec<Column> {
    let key = by.map(|by| Column::new(&by.to_string(), None));
    let sums = COLUMNS
        .iter()
        .map(|(name, unit)| Column::new(name, Some(unit)));
    let name = (by == Some(GroupBy::User)).then(|| Column::new("name", None));
    key.into_iter().chain(sums).chain(name).collect()
}

/// The seconds a job has run, by the clock.
pub(super) fn duration_sql(schema: &Schema, clock: Clock) -> Result<String> {
    let now = clock.now_unix_secs;
    // A literal, as in cc-backend: the statement that EXPLAIN shows is the statement that runs.
    Ok(format!(
        "(CASE WHEN {} = 'running' THEN {now} - {} ELSE {} END)",
        schema.column("job_state")?,
        schema.column("start_time")?,
        schema.column("duration")?
    ))
}

/// The whole number that an expression adds up to.
///
/// SUM would end the whole statement with "integer overflow" because of one absurd row. TOTAL adds
/// integers exactly, too, and only its result is a real number, which is exact up to 2^53: all the
/// core-seconds that the largest machines can deliver in 30 years.
fn total_of(expression: &str) -> String {
    format!("CAST(TOTAL({expression}) AS INTEGER)")
}

/// The whole hours in a sum of seconds, cut off as cc-backend's division of integers does.
pub(super) fn hours_of(seconds: &str) -> String {
    format!("{} / 3600", total_of(seconds))
}

/// The formulas under the names of [`COLUMNS`].
fn named(formulas: &[String]) -> String {
    formulas
        .iter()
        .zip(COLUMNS)
        .map(|(formula, (name, _))| format!("{formula} AS {name}"))
        .collect::<Vec<_>>()
        .join(",\n  ")
}

fn formulas(schema: &Schema, clock: Clock) -> Result<[String; COLUMNS.len()]> {
    let column = |name| schema.column(name);
    let duration = duration_sql(schema, clock)?;
    let hours = |factor: &str| {
        let product = if factor.is_empty() {
            duration.clone()
        } else {
            format!("{duration} * {factor}")
        };
        hours_of(&product)
    };
    let count = |condition: String| format!("COUNT(CASE WHEN {condition} THEN 1 END)");
    let (nodes, cores, accs) = (
        column("num_nodes")?,
        column("num_hwthreads")?,
        column("num_acc")?,
    );
    Ok([
        "COUNT(*)".to_owned(),
        format!("COUNT(DISTINCT {})", column("hpc_user")?),
        hours(""),
        total_of(nodes),
        hours(nodes),
        total_of(cores),
        hours(cores),
        total_of(accs),
        hours(accs),
        count(format!("{} = 'running'", column("job_state")?)),
        count(format!("{} < {}", column("duration")?, clock.short_secs)),
    ])
}

/// One line of statistics, typed for the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatisticsRow {
    /// The user, project, cluster or subcluster. Empty for the ungrouped row.
    pub key: String,
    /// A user's full name, where the file knows it.
    pub name: String,
    /// The numbers, in the order of [`COLUMNS`].
    pub values: [i64; COLUMNS.len()],
}

impl StatisticsRow {
    /// Takes a result row of the grouped statistics (`grouped`) or of the total.
    pub fn from_cells(cells: &[Cell], grouped: bool) -> Option<Self> {
        let (key, rest) = if grouped {
            let (key, rest) = cells.split_first()?;
            (key.display(), rest)
        } else {
            (String::new(), cells)
        };
        let (numbers, name) = rest.split_at_checked(COLUMNS.len())?;
        let mut values = [0; COLUMNS.len()];
        for (value, cell) in values.iter_mut().zip(numbers) {
            *value = cell.as_int().unwrap_or(0);
        }
        let name = name.first().map_or_else(String::new, Cell::display);
        Some(Self { key, name, values })
    }
}
