//! The statement that made a production backend's memory grow: statistics through a wrong index.

use super::facts::DatabaseFacts;

/// The index that leads through the table in an order that has nothing to do with its pages.
const WRONG_INDEX: &str = "jobs_energy_starttime";

/// How often the statement goes through the whole table: never done before somebody stops it.
const NUM_PASSES: u32 = 1_000_000;

/// The incident's statement for one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeavyStatement {
    /// The SQL.
    pub sql: String,
    /// Goes through `jobs_energy_starttime`, page after page in random order. Otherwise, in a
    /// database without that index, through the table in its own order.
    pub uses_wrong_index: bool,
}

impl HeavyStatement {
    /// The statement for a database with these indexes.
    ///
    /// An aggregate without GROUP BY: a sorter would keep its rows outside the page cache, and its
    /// merge in memory cannot be interrupted.
    pub fn for_database(facts: &DatabaseFacts) -> Self {
        let uses_wrong_index = facts.job_indexes.iter().any(|name| name == WRONG_INDEX);
        // INDEXED BY needs a condition that the index can answer.
        let (indexed_by, condition) = if uses_wrong_index {
            (
                format!(" INDEXED BY {WRONG_INDEX}"),
                "\nWHERE job.energy >= 0",
            )
        } else {
            (String::new(), "")
        };
        Self {
            sql: format!(
                "WITH RECURSIVE pass(number) AS (\n\
                 \x20 SELECT 1\n\
                 \x20 UNION ALL\n\
                 \x20 SELECT number + 1 FROM pass WHERE number < {NUM_PASSES}\n\
                 )\n\
                 SELECT COUNT(*), SUM(job.duration), SUM(CASE WHEN json_valid(job.footprint) \
                 THEN json_extract(job.footprint, '$.flops_any_avg') END)\n\
                 FROM pass CROSS JOIN job{indexed_by}{condition}"
            ),
            uses_wrong_index,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, sync::Arc};

    use rusqlite::Connection;

    use super::*;
    use crate::{
        db::plan::PlanSummary,
        jobs::schema::{FileKind, Schema},
    };

    fn facts(job_indexes: Vec<String>) -> DatabaseFacts {
        DatabaseFacts {
            path: PathBuf::from("job.db"),
            immutable: false,
            file_bytes: 0,
            wal_bytes: None,
            page_size: 4096,
            journal_mode: "delete".to_owned(),
            schema_version: None,
            migration_is_dirty: false,
            estimated_jobs: 0,
            job_indexes,
            job_is_analyzed: false,
            kind: FileKind::Jobs,
            missing_columns: Vec::new(),
            schema: Arc::new(Schema::version_11()),
            index_statistics: Vec::new(),
            suggestible: Vec::new(),
        }
    }

    #[test]
    fn the_wrong_index_is_taken_where_there_is_one_and_nothing_is_sorted() {
        let conn = Connection::open_in_memory().expect("in memory");
        conn.execute_batch("CREATE TABLE job(duration, energy, start_time, footprint)")
            .expect("a table");
        let plan = |statement: &HeavyStatement| {
            PlanSummary::of(&conn, &statement.sql, []).expect("it can be planned")
        };
        let without = HeavyStatement::for_database(&facts(Vec::new()));
        assert!(!without.uses_wrong_index);
        assert!(plan(&without).scans_table);

        conn.execute_batch("CREATE INDEX jobs_energy_starttime ON job(energy, start_time)")
            .expect("an index");
        let with = HeavyStatement::for_database(&facts(vec![WRONG_INDEX.to_owned()]));
        assert!(with.uses_wrong_index);
        assert_eq!(plan(&with).indexes, [WRONG_INDEX]);
        for statement in [with, without] {
            assert!(!plan(&statement).sorts, "a sorter cannot be interrupted");
        }
    }
}
