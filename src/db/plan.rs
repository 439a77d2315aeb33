//! What the planner chose for a statement, in a few words.

use rusqlite::{Connection, Params};
use serde::Serialize;

/// The gist of `EXPLAIN QUERY PLAN`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PlanSummary {
    /// The plan's lines in order, without their tree.
    pub steps: Vec<String>,
    /// Indexes in use, each once.
    pub indexes: Vec<String>,
    /// A step that walks a whole table without any index.
    pub scans_table: bool,
    /// A step that sorts everything before the first row comes: `ORDER BY` without an index.
    pub sorts: bool,
}

impl PlanSummary {
    /// Plans `sql` without running it.
    ///
    /// # Errors
    /// If SQLite cannot prepare the statement.
    pub fn of(conn: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<Self> {
        let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
        let steps = statement
            .query_map(params, |row| row.get::<_, String>(3))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(Self::from_steps(steps))
    }

    fn from_steps(steps: Vec<String>) -> Self {
        let mut summary = Self::default();
        let made: Vec<&str> = steps
            .iter()
            .filter_map(|step| {
                step.strip_prefix("CO-ROUTINE ")
                    .or_else(|| step.strip_prefix("MATERIALIZE "))
            })
            .collect();
        for step in &steps {
            // Sets of distinct values are trees that SQLite fills step by step; only a sorter
            // has a phase that an interrupt cannot reach.
            summary.sorts |= step.starts_with("USE TEMP B-TREE FOR") && !step.contains("DISTINCT");
            if reads_no_table(step, &made) {
                continue;
            }
            let Some((_, index)) = step.split_once(" INDEX ") else {
                summary.scans_table |= step.starts_with("SCAN ") && !step.contains("USING");
                continue;
            };
            let name = index.split(' ').next().unwrap_or(index).to_owned();
            if !summary.indexes.contains(&name) {
                summary.indexes.push(name);
            }
        }
        Self { steps, ..summary }
    }

    /// `index jobs_starttime`, `full scan`, `index … , sort`: what a person wants to know first.
    pub fn gist(&self) -> String {
        let mut parts = Vec::new();
        if self.scans_table {
            parts.push("full scan".to_owned());
        }
        if !self.indexes.is_empty() {
            parts.push(format!("index {}", self.indexes.join(", ")));
        }
        if self.sorts {
            parts.push("temporary B-tree".to_owned());
        }
        parts.join(" · ")
    }
}

/// Constants, subqueries, table-valued functions, and what the statement itself has `made`.
fn reads_no_table(step: &str, made: &[&str]) -> bool {
    let scanned = step
        .strip_prefix("SCAN ")
        .and_then(|rest| rest.split(' ').next());
    step.contains("CONSTANT ROW")
        || step.contains("VALUES CLAUSE")
        || step.contains("VIRTUAL TABLE")
        || step.contains("SUBQUERY")
        || scanned.is_some_and(|name| made.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conn() -> Connection {
        let conn = Connection::open_in_memory().expect("in memory");
        conn.execute_batch("CREATE TABLE t(a, b); CREATE INDEX by_a ON t(a);")
            .expect("a table");
        conn
    }

    #[test]
    fn an_index_a_scan_and_a_sort_are_told_apart() {
        let conn = conn();
        let plan = |sql: &str| PlanSummary::of(&conn, sql, []).expect(sql).gist();
        assert_eq!(plan("SELECT b FROM t WHERE a = 1"), "index by_a");
        assert_eq!(plan("SELECT b FROM t"), "full scan");
        assert_eq!(
            plan("SELECT b FROM t ORDER BY b"),
            "full scan · temporary B-tree"
        );
        assert_eq!(plan("VALUES (1), (2)"), "");
        assert_eq!(
            plan(
                "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n, json_each('[]')"
            ),
            ""
        );
        assert_eq!(plan("SELECT a FROM t ORDER BY a"), "index by_a");
    }
}
