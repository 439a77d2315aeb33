//! Tags, and who carries them.

use super::{catalogue::Column, schema::Schema, sql::Sql};
use crate::{db::value::Cell, error::Result};

fn require(schema: &Schema) -> Result<()> {
    schema.require("tag", &["id", "tag_type", "tag_name"])
}

fn scope(schema: &Schema) -> &'static str {
    // Before schema 8 every tag was everybody's.
    if schema.table_has("tag", "tag_scope") {
        "tag.tag_scope"
    } else {
        "'global'"
    }
}

/// Every tag with the number of jobs that carry it.
pub(super) fn counts_sql(schema: &Schema) -> Result<Sql> {
    require(schema)?;
    schema.require("jobtag", &["tag_id"])?;
    let scope = scope(schema);
    Ok(Sql::text(format!(
        "SELECT tag.id AS id, tag.tag_type AS type, tag.tag_name AS name, {scope} AS scope, \
         (SELECT COUNT(*) FROM jobtag WHERE jobtag.tag_id = tag.id) AS count\n\
         FROM tag\nORDER BY tag.tag_type, tag.tag_name, tag.id"
    )))
}

/// Every tag, without looking at the jobs.
pub(super) fn list_sql(schema: &Schema, limit: u32) -> Result<Sql> {
    require(schema)?;
    Ok(Sql::with(
        format!(
            "SELECT tag.id AS id, tag.tag_type AS type, tag.tag_name AS name, {} AS scope\n\
             FROM tag\nORDER BY tag.tag_type, tag.tag_name, tag.id\nLIMIT ?",
            scope(schema)
        ),
        [Cell::Int(i64::from(limit))],
    ))
}

/// The tags of one job.
pub(super) fn of_job_sql(schema: &Schema, id: i64) -> Result<Sql> {
    require(schema)?;
    schema.require("jobtag", &["job_id", "tag_id"])?;
    Ok(Sql::with(
        format!(
            "SELECT tag.id AS id, tag.tag_type AS type, tag.tag_name AS name, {} AS scope\n\
             FROM jobtag JOIN tag ON tag.id = jobtag.tag_id\nWHERE jobtag.job_id = ?\n\
             ORDER BY tag.tag_type, tag.tag_name, tag.id",
            scope(schema)
        ),
        [Cell::Int(id)],
    ))
}

/// The columns of these queries, with or without the count.
pub(super) fn columns(with_count: bool) -> Vec<Column> {
    let count = with_count.then(|| Column::new("count", Some("jobs")));
    ["id", "type", "name", "scope"]
        .into_iter()
        .map(|name| Column::new(name, None))
        .chain(count)
        .collect()
}
