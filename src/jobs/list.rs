//! Lists of jobs: the page of a sorted selection, and the look-ups that answer with jobs.

use super::{
    catalogue::Column,
    filter::Selection,
    schema::{HOST, Schema, nodes_of},
    sort::{After, Cursor, Sort, SortKey},
    sql::Sql,
};
use crate::{db::value::Cell, error::Result};

/// The columns that cc-backend selects for a job list, in its order, with their units.
pub const COLUMNS: [(&str, Option<&str>); 21] = [
    ("id", None),
    ("job_id", None),
    ("hpc_user", None),
    ("project", None),
    ("cluster", None),
    ("subcluster", None),
    ("start_time", Some("Unix seconds")),
    ("cluster_partition", None),
    ("array_job_id", None),
    ("num_nodes", Some("nodes")),
    ("num_hwthreads", Some("hardware threads")),
    ("num_acc", Some("accelerators")),
    ("shared", None),
    ("monitoring_status", None),
    ("smt", None),
    ("job_state", None),
    ("duration", Some("seconds")),
    ("walltime", Some("seconds")),
    ("resources", Some("JSON")),
    ("footprint", Some("JSON")),
    ("energy", Some("kWh")),
];

/// Columns of one job that the list leaves out because they are large.
pub const DETAIL_COLUMNS: [(&str, Option<&str>); 3] = [
    ("submit_time", Some("Unix seconds")),
    ("energy_footprint", Some("JSON, kWh")),
    ("meta_data", Some("JSON")),
];

/// The 21 columns for a SELECT list; NULL for what the file does not have.
pub(super) fn selected(schema: &Schema) -> String {
    join(COLUMNS.iter().map(|(name, _)| schema.selected(name)))
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// One page of the list. Keyset pagination: OFFSET walks every row it skips, so later pages would
/// get slower and slower.
pub(super) fn page_sql(
    schema: &Schema,
    selection: &Selection,
    sort: &Sort,
    after: Option<&Cursor>,
    limit: Option<u32>,
) -> Result<Sql> {
    let after = after.map(|cursor| sort.after(schema, cursor)).transpose()?;
    let select = format!("{}{}", selected(schema), sort.extra_selected(schema)?);
    ordered_sql(
        schema,
        selection,
        sort,
        (&select, after),
        (limit.map(i64::from), 0),
    )
}

/// Jobs in an order, from a place in it on, with whatever stands in the SELECT list.
pub(super) fn ordered_sql(
    schema: &Schema,
    selection: &Selection,
    sort: &Sort,
    (select, after): (&str, Option<After>),
    (limit, skip): (Option<i64>, u32),
) -> Result<Sql> {
    let part = |condition: Option<Sql>| -> Result<Sql> {
        let valid = (selection.as_backend && matches!(sort.key, SortKey::Footprint(_)))
            .then(|| schema.column("footprint"))
            .transpose()?
            .map(|footprint| Sql::text(format!("json_valid({footprint})")));
        let extra = match (valid, condition) {
            (Some(mut valid), Some(condition)) => {
                valid.push(" AND ");
                valid.append(condition);
                Some(valid)
            }
            (valid, condition) => valid.or(condition),
        };
        let mut sql = Sql::text(format!("SELECT {select}\n"));
        sql.append(selection.source(schema, extra)?);
        sql.push(&format!("\n{}", sort.order_by(schema)?));
        Ok(sql)
    };
    paged(after, limit, skip, part)
}

/// A page of what `part` selects, which may have to be put together from two parts.
///
/// In one statement, so that a page stays one task; the second part only runs if the first did not
/// fill the page.
pub(super) fn paged(
    after: Option<After>,
    limit: Option<i64>,
    skip: u32,
    part: impl Fn(Option<Sql>) -> Result<Sql>,
) -> Result<Sql> {
    let limited = |sql: &mut Sql, limit: Option<i64>, skip: u32| {
        if let Some(limit) = limit {
            sql.append(Sql::with("\nLIMIT ?", [Cell::Int(limit)]));
        }
        if skip > 0 {
            sql.append(Sql::with(" OFFSET ?", [Cell::Int(i64::from(skip))]));
        }
    };
    let (first, second) = match after {
        Some(After::HereThen(first, second)) => (first, second),
        one => {
            let mut sql = part(match one {
                Some(After::Here(condition)) => Some(condition),
                None | Some(After::HereThen(..)) => None,
            })?;
            limited(&mut sql, limit, skip);
            return Ok(sql);
        }
    };
    let enough = limit.map(|limit| limit.saturating_add(i64::from(skip)));
    let mut sql = Sql::text("SELECT * FROM (\n");
    let mut inner = part(Some(first))?;
    limited(&mut inner, enough, 0);
    sql.append(inner);
    sql.push("\n)\nUNION ALL\nSELECT * FROM (\n");
    let mut inner = part(Some(second))?;
    limited(&mut inner, enough, 0);
    sql.append(inner);
    sql.push("\n)");
    limited(&mut sql, limit, skip);
    Ok(sql)
}

/// The columns of [`page_sql`].
pub(super) fn columns(sort: &Sort) -> Vec<Column> {
    let extra = sort.extra_column().map(|name| Column::new(&name, None));
    plain_columns().into_iter().chain(extra).collect()
}

/// The 21 columns.
pub(super) fn plain_columns() -> Vec<Column> {
    COLUMNS
        .iter()
        .map(|(name, unit)| Column::new(name, *unit))
        .collect()
}

/// How many jobs match.
pub(super) fn count_sql(schema: &Schema, selection: &Selection) -> Result<Sql> {
    let mut sql = Sql::text("SELECT COUNT(*) AS count\n");
    sql.append(selection.source(schema, None)?);
    Ok(sql)
}

/// Every column of one job, the large ones included.
pub(super) fn job_sql(schema: &Schema, id: i64) -> Sql {
    let columns = COLUMNS.iter().chain(&DETAIL_COLUMNS);
    Sql::with(
        format!(
            "SELECT {}\nFROM {}\nWHERE id = {}",
            join(columns.map(|(name, _)| schema.selected(name))),
            schema.job_table(),
            schema.id_mark()
        ),
        [Cell::Int(id)],
    )
}

/// The columns of [`job_sql`].
pub(super) fn detail_columns() -> Vec<Column> {
    COLUMNS
        .iter()
        .chain(&DETAIL_COLUMNS)
        .map(|(name, unit)| Column::new(name, *unit))
        .collect()
}

/// Jobs of this scheduler id, newest row first: ids repeat after a counter was reset.
pub(super) fn find_sql(
    schema: &Schema,
    job_id: i64,
    cluster: Option<&str>,
    start_unix_secs: Option<i64>,
) -> Result<Sql> {
    let mut sql = Sql::with(
        format!(
            "SELECT {}\nFROM {}\nWHERE {} = ?",
            selected(schema),
            schema.job_table(),
            schema.column("job_id")?
        ),
        [Cell::Int(job_id)],
    );
    if let Some(cluster) = cluster {
        let text = format!("\n  AND {} = ?", schema.column("cluster")?);
        sql.append(Sql::with(text, [Cell::Text(cluster.to_owned())]));
    }
    if let Some(start) = start_unix_secs {
        let text = format!("\n  AND {} = ?", schema.column("start_time")?);
        sql.append(Sql::with(text, [Cell::Int(start)]));
    }
    sql.push("\nORDER BY id DESC");
    Ok(sql)
}

/// The ids of all jobs that do not run, in their order.
pub(super) fn job_ids_sql(schema: &Schema, after: Option<i64>, limit: Option<u32>) -> Result<Sql> {
    let mut sql = Sql::text(format!(
        "SELECT id\nFROM {}\nWHERE {} <> 'running'",
        schema.job_table(),
        schema.column("job_state")?
    ));
    if let Some(after) = after {
        let text = format!("\n  AND id > {}", schema.id_mark());
        sql.append(Sql::with(text, [Cell::Int(after)]));
    }
    sql.push("\nORDER BY id");
    if let Some(limit) = limit {
        sql.append(Sql::with("\nLIMIT ?", [Cell::Int(i64::from(limit))]));
    }
    Ok(sql)
}

/// Stored seconds that a job must have run before cc-backend looks at its metrics.
pub const MIN_RUNNING_SECS: i64 = 600;

/// The running jobs of a cluster that have run, by their stored duration, for ten minutes.
pub(super) fn running_sql(schema: &Schema, cluster: &str) -> Result<Sql> {
    Ok(Sql::with(
        format!(
            "SELECT {}\nFROM {}\nWHERE {} = ?\n  AND {} = 'running'\n  AND {} > {MIN_RUNNING_SECS}\nORDER BY id",
            selected(schema),
            schema.job_table(),
            schema.column("cluster")?,
            schema.column("job_state")?,
            schema.column("duration")?
        ),
        [Cell::Text(cluster.to_owned())],
    ))
}

/// Jobs that ran beside another one on its first node: first the finished ones, then the running
/// ones. The job itself is among them, as in cc-backend.
///
/// Times may overlap by 200 seconds without counting, because neither end is exact.
pub(super) fn concurrent_sql(schema: &Schema, id: i64, now_unix_secs: i64) -> Result<Sql> {
    let column = |name| schema.column(name);
    let (cluster, start, state) = (
        column("cluster")?,
        column("start_time")?,
        column("job_state")?,
    );
    let (duration, shared) = (column("duration")?, column("shared")?);
    let resources = column("resources")?;
    let first_host = format!(
        "CASE WHEN json_valid({resources}) THEN json_extract({resources}, '$[0].hostname') END"
    );
    let on_host = format!(
        "EXISTS (SELECT 1 FROM {} WHERE {HOST} = this.host)",
        nodes_of(resources)
    );
    Ok(Sql::with(
        format!(
            "WITH this AS MATERIALIZED (\n  \
             SELECT cluster, start, host, CASE WHEN state = 'running' THEN {now_unix_secs} \
             ELSE start + duration END AS stop\n  \
             FROM (SELECT {cluster} AS cluster, {start} AS start, {state} AS state, \
             {duration} AS duration, {first_host} AS host, {shared} AS shared \
             FROM {table} WHERE id = {mark})\n  \
             WHERE shared <> 'none'\n    \
             AND (CASE WHEN state = 'running' THEN {now_unix_secs} - start ELSE duration END) > {MIN_RUNNING_SECS}\n)\n\
             SELECT job.id AS id, {job_id} AS job_id, {start} AS start_time, {state} AS job_state\n\
             FROM this CROSS JOIN {table}\n\
             WHERE job.{cluster} = this.cluster\n  \
             AND {state} <> 'running'\n  \
             AND {start} < this.stop - 200\n  \
             AND {start} + {duration} > this.start + 200\n  AND {on_host}\n\
             UNION ALL\n\
             SELECT job.id, {job_id}, {start}, {state}\n\
             FROM this CROSS JOIN {table}\n\
             WHERE job.{cluster} = this.cluster\n  \
             AND {state} = 'running'\n  \
             AND {start} <= this.stop - 200\n  AND {on_host}",
            table = schema.job_table(),
            mark = schema.id_mark(),
            job_id = column("job_id")?,
        ),
        [Cell::Int(id)],
    ))
}

/// Which tagged jobs the query `between` leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OmitTagged {
    /// None.
    #[default]
    None,
    /// Every job with a tag.
    All,
    /// Jobs with a tag that a person gave: of another type than the taggers' `app` and `jobClass`.
    User,
}

/// The jobs that started in a time, in the order in which they are archived.
pub(super) fn between_sql(
    schema: &Schema,
    from_unix_secs: i64,
    to_unix_secs: i64,
    omit: OmitTagged,
) -> Result<Sql> {
    let start = schema.column("start_time")?;
    let mut sql = Sql::text(format!(
        "SELECT {}\nFROM {}\nWHERE ",
        selected(schema),
        schema.job_table()
    ));
    sql.append(if from_unix_secs == 0 {
        Sql::with(format!("{start} < ?"), [Cell::Int(to_unix_secs)])
    } else {
        Sql::with(
            format!("{start} BETWEEN ? AND ?"),
            [Cell::Int(from_unix_secs), Cell::Int(to_unix_secs)],
        )
    });
    if omit != OmitTagged::None {
        schema.require("jobtag", &["job_id", "tag_id"])?;
    }
    match omit {
        OmitTagged::None => {}
        OmitTagged::All => {
            sql.push("\n  AND NOT EXISTS (SELECT 1 FROM jobtag WHERE jobtag.job_id = job.id)");
        }
        OmitTagged::User => {
            schema.require("tag", &["id", "tag_type"])?;
            sql.push(
                "\n  AND NOT EXISTS (SELECT 1 FROM jobtag JOIN tag ON tag.id = jobtag.tag_id \
                 WHERE jobtag.job_id = job.id AND tag.tag_type NOT IN ('app', 'jobClass'))",
            );
        }
    }
    let order = ["cluster", "subcluster", "project", "start_time"]
        .into_iter()
        .map(|name| schema.column(name).map(ToOwned::to_owned))
        .collect::<Result<Vec<_>>>()?;
    sql.push(&format!("\nORDER BY {}, id", order.join(", ")));
    Ok(sql)
}

/// The keys of the footprint in the jobs that were inserted last, with how many of these have them.
pub(super) fn footprint_keys_sql(schema: &Schema, sample: u32) -> Result<Sql> {
    keys_sql(schema, "footprint", "'integer', 'real'", sample)
}

/// The keys of a document in the jobs that were inserted last, where their values are of these
/// types. By id, because that order needs no index.
pub(super) fn keys_sql(schema: &Schema, document: &str, types: &str, sample: u32) -> Result<Sql> {
    let column = schema.column(document)?;
    Ok(Sql::with(
        format!(
            "SELECT item.key AS key, COUNT(*) AS jobs, MAX(item.value) AS largest\n\
             FROM (SELECT {column} AS {document} FROM {table} ORDER BY id DESC LIMIT ?) AS newest,\n  \
             json_each(CASE WHEN json_valid(newest.{document}) THEN newest.{document} ELSE '{{}}' END) AS item\n\
             WHERE item.type IN ({types}) AND typeof(item.key) = 'text'\n\
             GROUP BY item.key\nORDER BY item.key",
            table = schema.job_table(),
        ),
        [Cell::Int(i64::from(sample))],
    ))
}
