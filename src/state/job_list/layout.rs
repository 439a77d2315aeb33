//! Which columns the job table shows, in which order and how wide: kept for each database.

use std::{path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::jobs::{
    column::{ColumnKind, JobColumn},
    schema::Schema,
};

/// One column of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnLayout {
    /// What it shows.
    pub column: JobColumn,
    /// Its width in points.
    pub width: f32,
    /// It stays in sight while the others move sideways.
    pub is_pinned: bool,
}

/// The columns of one database.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TableLayout {
    /// The database.
    pub database: PathBuf,
    /// The columns as they are written down.
    columns: Vec<WrittenColumn>,
}

/// A column as the settings file has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WrittenColumn {
    name: String,
    width: f32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pinned: bool,
}

/// Layouts are kept for so many databases.
const MAX_LAYOUTS: usize = 50;

/// What a new user sees, with widths; the ones in front matter most.
const DEFAULT: [(&str, f32); 13] = [
    ("job_id", 84.0),
    ("hpc_user", 92.0),
    ("project", 84.0),
    ("cluster", 74.0),
    ("cluster_partition", 88.0),
    ("job_state", 118.0),
    ("start_time", 138.0),
    ("duration", 92.0),
    ("num_nodes", 60.0),
    ("num_hwthreads", 68.0),
    ("num_acc", 52.0),
    ("energy", 84.0),
    ("footprint.cpu_load_avg", 104.0),
];

/// Columns are at least so wide.
pub const MIN_WIDTH: f32 = 40.0;

impl ColumnLayout {
    /// A column as wide as its values usually are.
    pub fn new(column: JobColumn) -> Self {
        let known = DEFAULT
            .iter()
            .find(|(name, _)| *name == column.to_string())
            .map(|(_, width)| *width);
        let width = known.unwrap_or(match column.kind() {
            ColumnKind::Time => 138.0,
            ColumnKind::Int | ColumnKind::Secs | ColumnKind::Real => 96.0,
            ColumnKind::Text => 110.0,
            ColumnKind::Json => 180.0,
        });
        Self {
            column,
            width,
            is_pinned: false,
        }
    }
}

/// The columns that a new user sees of this file.
pub fn default_columns(schema: Option<&Schema>) -> Vec<ColumnLayout> {
    DEFAULT
        .iter()
        .filter_map(|(name, _)| name.parse::<JobColumn>().ok())
        .filter(|column| schema.is_none_or(|schema| column.is_in(schema)))
        .map(ColumnLayout::new)
        .collect()
}

/// What has to be fetched so that these columns can be drawn: a running job's duration needs its
/// start, a load its threads.
pub fn fetched(shown: &[ColumnLayout]) -> Arc<[JobColumn]> {
    let shown = shown.iter().map(|layout| layout.column.clone());
    let mut columns: Vec<JobColumn> = shown.collect();
    for name in ["start_time", "num_nodes", "num_hwthreads"] {
        let column = JobColumn::Stored(name);
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    columns.into()
}

impl TableLayout {
    /// The columns of a database as they were left, without what this file does not have.
    pub fn columns_of(
        layouts: &[Self],
        database: &std::path::Path,
        schema: &Schema,
    ) -> Vec<ColumnLayout> {
        let kept: Vec<ColumnLayout> = layouts
            .iter()
            .find(|layout| layout.database == database)
            .into_iter()
            .flat_map(|layout| &layout.columns)
            .filter_map(|written| {
                let column: JobColumn = written.name.parse().ok()?;
                column.is_in(schema).then_some(ColumnLayout {
                    column,
                    width: written.width.clamp(MIN_WIDTH, 2000.0),
                    is_pinned: written.pinned,
                })
            })
            .collect();
        if kept.is_empty() {
            default_columns(Some(schema))
        } else {
            kept
        }
    }

    /// Keeps the columns of a database.
    pub fn keep(layouts: &mut Vec<Self>, database: PathBuf, columns: &[ColumnLayout]) {
        layouts.retain(|layout| layout.database != database);
        layouts.insert(
            0,
            Self {
                database,
                columns: columns
                    .iter()
                    .map(|layout| WrittenColumn {
                        name: layout.column.to_string(),
                        width: layout.width,
                        pinned: layout.is_pinned,
                    })
                    .collect(),
            },
        );
        layouts.truncate(MAX_LAYOUTS);
    }

    /// Forgets the columns of a database.
    pub fn forget(layouts: &mut Vec<Self>, database: &std::path::Path) {
        layouts.retain(|layout| layout.database != database);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_layout_comes_back_for_its_database_alone() {
        let schema = Schema::version_11();
        let path = Path::new("a.db");
        let mut columns = default_columns(Some(&schema));
        columns.swap(0, 3);
        columns.truncate(5);
        columns.push(ColumnLayout::new(JobColumn::MetaData("jobName".to_owned())));
        if let Some(first) = columns.first_mut() {
            first.is_pinned = true;
            first.width = 222.0;
        }
        let mut layouts = Vec::new();
        TableLayout::keep(&mut layouts, path.to_owned(), &columns);
        let text = toml::to_string(&layouts[0]).expect("written");
        let layouts: Vec<TableLayout> = vec![toml::from_str(&text).expect("read")];
        assert_eq!(TableLayout::columns_of(&layouts, path, &schema), columns);
        let other = TableLayout::columns_of(&layouts, Path::new("b.db"), &schema);
        assert_eq!(other, default_columns(Some(&schema)));
    }

    #[test]
    fn what_is_drawn_from_other_columns_is_fetched_with_them() {
        let shown = [ColumnLayout::new(JobColumn::Stored("duration"))];
        let fetched = fetched(&shown);
        assert!(fetched.contains(&JobColumn::Stored("start_time")));
        assert_eq!(fetched.first(), Some(&JobColumn::Stored("duration")));
    }
}
