//! Small look-ups: values of a column, the search bar's rule, jobs over time.

use super::{
    catalogue::Column,
    filter::Selection,
    schema::{Schema, escaped},
    sql::Sql,
    statistics::{duration_sql, hours_of},
};
use crate::{db::value::Cell, error::Result};

/// The distinct values of a column, by hopping from one to the next larger: one index seek each,
/// where `SELECT DISTINCT` would walk every row of the index. `within` names the column that the
/// serving index begins with, where it is another one.
pub(super) fn values_sql(
    schema: &Schema,
    column: &str,
    within: Option<&str>,
    limit: u32,
) -> Result<Sql> {
    let value = schema.column(column)?;
    let table = schema.job_table();
    let limit = Cell::Int(i64::from(limit));
    let hops = |name: &str, value: &str, condition: &str| {
        format!(
            "{name}(value) AS (\n  SELECT MIN({value}) FROM {table}{condition}\n  UNION ALL\n  \
             SELECT (SELECT MIN({value}) FROM {table} WHERE {value} > {name}.value) FROM {name}\n  \
             WHERE {name}.value IS NOT NULL\n)"
        )
    };
    let text = match within {
        None => format!(
            "WITH RECURSIVE {}\nSELECT value FROM found\nWHERE value IS NOT NULL\nLIMIT ?",
            hops("found", value, "")
        ),
        Some(within) => {
            let head = schema.column(within)?;
            format!(
                "WITH RECURSIVE {},\n\
                 found(head, value) AS (\n  \
                 SELECT heads.value, (SELECT MIN({value}) FROM {table} WHERE {head} = heads.value)\n  \
                 FROM heads WHERE heads.value IS NOT NULL\n  UNION ALL\n  \
                 SELECT found.head, (SELECT MIN({value}) FROM {table} WHERE {head} = found.head AND {value} > found.value)\n  \
                 FROM found WHERE found.value IS NOT NULL\n)\n\
                 SELECT DISTINCT value FROM found\nWHERE value IS NOT NULL\nLIMIT ?",
                hops("heads", head, "")
            )
        }
    };
    Ok(Sql::with(text, [limit]))
}

/// The partitions of a cluster that its jobs were in.
pub(super) fn partitions_sql(schema: &Schema, cluster: &str) -> Result<Sql> {
    let partition = schema.column("cluster_partition")?;
    let table = schema.job_table();
    let head = schema.column("cluster")?;
    let cluster = Cell::Text(cluster.to_owned());
    Ok(Sql::with(
        format!(
            "WITH RECURSIVE found(value) AS (\n  \
             SELECT MIN({partition}) FROM {table} WHERE {head} = ?\n  UNION ALL\n  \
             SELECT (SELECT MIN({partition}) FROM {table} WHERE {head} = ? AND {partition} > found.value) FROM found\n  \
             WHERE found.value IS NOT NULL\n)\n\
             SELECT value AS cluster_partition FROM found\nWHERE value IS NOT NULL"
        ),
        [cluster.clone(), cluster],
    ))
}

/// What a term in cc-backend's search bar means: a job id, an account, a person's name, a project,
/// or else a part of a job's name.
pub(super) fn search_sql(schema: &Schema, term: &str) -> Result<Sql> {
    if term.parse::<i64>().is_ok() {
        return Ok(Sql::with(
            "SELECT 'jobId' AS kind, ? AS value",
            [Cell::Text(term.to_owned())],
        ));
    }
    let table = schema.job_table();
    let (user, project) = (schema.column("hpc_user")?, schema.column("project")?);
    let text = || Cell::Text(term.to_owned());
    let (by_name, name_params) = match schema.user_table() {
        Some(users) => {
            let pattern = escaped(term);
            let find = format!(
                "(SELECT username FROM {users} AS account WHERE account.name LIKE ? ESCAPE '\\' ORDER BY username LIMIT 1)"
            );
            (find, vec![Cell::Text(format!("%{pattern}%"))])
        }
        None => ("NULL".to_owned(), Vec::new()),
    };
    let mut params = vec![text()];
    params.extend(name_params);
    params.extend([text(), text(), text(), text()]);
    Ok(Sql::with(
        format!(
            "WITH found(user, account, project) AS MATERIALIZED (\n  \
             SELECT (SELECT {user} FROM {table} WHERE {user} = ? LIMIT 1),\n    {by_name},\n    \
             (SELECT {project} FROM {table} WHERE {project} = ? LIMIT 1)\n)\n\
             SELECT CASE WHEN user IS NOT NULL THEN 'user' WHEN account IS NOT NULL THEN 'user'\n    \
             WHEN project IS NOT NULL THEN 'project' ELSE 'jobName' END AS kind,\n  \
             CASE WHEN user IS NOT NULL THEN ? WHEN account IS NOT NULL THEN account\n    \
             WHEN project IS NOT NULL THEN ? ELSE ? END AS value\n\
             FROM found"
        ),
        params,
    ))
}

/// How wide the steps of jobs over time are. Days and months are those of UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// An hour.
    Hour,
    /// A day of UTC.
    #[default]
    Day,
    /// A calendar month of UTC.
    Month,
}

impl Step {
    /// All of them, the shortest first.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Month];

    /// The name on the command line.
    pub fn key(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}

/// What the parts of each step of jobs over time are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stack {
    /// The cluster.
    #[default]
    Cluster,
    /// The job's state.
    State,
    /// The project.
    Project,
}

impl Stack {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cluster, Self::State, Self::Project];

    /// The name on the command line.
    pub fn key(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::State => "state",
            Self::Project => "project",
        }
    }

    /// The column of the job table.
    pub fn column(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::State => "job_state",
            Self::Project => "project",
        }
    }
}

/// Jobs and core-hours by the time of their start. A job counts whole where it started.
pub(super) fn over_time_sql(
    schema: &Schema,
    selection: &Selection,
    step: Step,
    stack: Stack,
) -> Result<Sql> {
    // A strange file may hold fractions.
    let start = format!("CAST({} AS INTEGER)", schema.column("start_time")?);
    let begin = match step {
        Step::Hour => format!("{start} - (({start} % 3600) + 3600) % 3600"),
        Step::Day => format!("{start} - (({start} % 86400) + 86400) % 86400"),
        Step::Month => {
            format!("unixepoch(strftime('%Y-%m-01', {start}, 'unixepoch'))")
        }
    };
    let duration = duration_sql(schema, selection.clock)?;
    let mut sql = Sql::text(format!(
        "SELECT {begin} AS time, {key} AS \"{name}\", COUNT(*) AS totalJobs,\n  \
         {hours} AS totalCoreHours\n",
        key = schema.column(stack.column())?,
        name = stack.key(),
        hours = hours_of(&format!("{duration} * {}", schema.column("num_hwthreads")?)),
    ));
    sql.append(selection.source(schema, None)?);
    sql.push("\nGROUP BY 1, 2\nORDER BY 1, 2");
    Ok(sql)
}

/// The columns of [`over_time_sql`].
pub(super) fn over_time_columns(stack: Stack) -> Vec<Column> {
    vec![
        Column::new("time", Some("Unix seconds")),
        Column::new(stack.key(), None),
        Column::new("totalJobs", Some("jobs")),
        Column::new("totalCoreHours", Some("hardware-thread-hours")),
    ]
}
