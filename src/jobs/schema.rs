//! What a file really holds: its columns under today's names, probed and never assumed.
//!
//! Files of nine schema versions are in use, and some contradict their own version row
//! (half-finished migrations, development states, `-force-db`). So each column is looked for by
//! itself: a renamed one answers under today's name, a missing one is known to be missing.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};

use super::list::{COLUMNS, DETAIL_COLUMNS};
use crate::{
    db::value::Cell,
    error::{Error, Result},
};

/// What kind of file was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// cc-backend's job database: a table `job`.
    Jobs,
    /// cc-backend's job archive in SQLite: a table `jobs` with one JSON document for each job.
    Archive,
    /// Any other SQLite file.
    Other,
}

/// One column of the job table, as this file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Present {
    /// How to read it: a name, or an expression where the file keeps it in another shape.
    sql: String,
    /// Its declaration forbids NULL.
    not_null: bool,
}

/// Which tables and columns a file has, and how to read each under today's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    kind: FileKind,
    columns: BTreeMap<&'static str, Present>,
    /// Every table and view with its columns, in lower case.
    tables: BTreeMap<String, Vec<String>>,
    /// The ids of jobs are not declared as integers: they may be text.
    has_loose_ids: bool,
    /// An id is the number of its row: no index is needed to find it.
    has_rowid_ids: bool,
}

/// The job table's columns that had other names before schema 8, or in a development state.
const RENAMED: [(&str, &[&str]); 3] = [
    ("hpc_user", &["user"]),
    ("cluster_partition", &["partition"]),
    ("cluster", &["hpc_cluster"]),
];

/// Without these a table called `job` is not cc-backend's.
const ESSENTIAL: [&str; 5] = ["id", "cluster", "hpc_user", "start_time", "job_state"];

/// The fixed per-job numbers of schema 4 to 7, under the keys that migration 8 gave them in
/// `footprint`.
const OLD_FOOTPRINT: [(&str, &str); 8] = [
    ("mem_used_max", "mem_used_max"),
    ("flops_any_avg", "flops_any_avg"),
    ("mem_bw_avg", "mem_bw_avg"),
    ("load_avg", "cpu_load_avg"),
    ("net_bw_avg", "net_bw_avg"),
    ("net_data_vol_total", "net_data_vol_total"),
    ("file_bw_avg", "file_bw_avg"),
    ("file_data_vol_total", "file_data_vol_total"),
];

/// Keys of an archived job's `meta.json` that stand for columns of the job table.
const ARCHIVE_KEYS: [(&str, &str); 19] = [
    ("hpc_user", "user"),
    ("project", "project"),
    ("subcluster", "subCluster"),
    ("submit_time", "submitTime"),
    ("cluster_partition", "partition"),
    ("array_job_id", "arrayJobId"),
    ("num_nodes", "numNodes"),
    ("num_hwthreads", "numHwthreads"),
    ("num_acc", "numAcc"),
    ("monitoring_status", "monitoringStatus"),
    ("smt", "smt"),
    ("job_state", "jobState"),
    ("duration", "duration"),
    ("walltime", "walltime"),
    ("resources", "resources"),
    ("footprint", "footprint"),
    ("energy", "energy"),
    ("energy_footprint", "energyFootprint"),
    ("meta_data", "metaData"),
];

/// A table's columns, each with "its declaration forbids NULL".
type TableColumns = Vec<(String, bool)>;

impl Schema {
    /// Looks at the tables of an open file.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn probe(conn: &Connection) -> rusqlite::Result<Self> {
        let names = conn
            .prepare("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")?
            .query_map([], |row| text(row, 0))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let all = names
            .into_iter()
            .filter_map(|name| {
                // A view over what is gone, or a virtual table of an unknown module, cannot be
                // described; that is no reason not to look at the rest.
                let columns = table_columns(conn, &name).ok()?;
                Some((name.to_ascii_lowercase(), columns))
            })
            .collect();
        let schema = Self::from_tables(&all);
        let is_integer = conn.query_row(
            "SELECT COALESCE(MAX(type LIKE '%INT%'), 0) FROM pragma_table_xinfo('job')
             WHERE name = 'id' COLLATE NOCASE",
            [],
            |row| row.get::<_, bool>(0),
        );
        let is_rowid = conn.query_row(
            "SELECT COUNT(*) FROM pragma_table_xinfo('job')
             WHERE name = 'id' COLLATE NOCASE AND pk = 1 AND type = 'INTEGER' COLLATE NOCASE
               AND (SELECT COUNT(*) FROM pragma_table_xinfo('job') WHERE pk > 0) = 1",
            [],
            |row| row.get::<_, bool>(0),
        );
        Ok(Self {
            has_loose_ids: schema.kind == FileKind::Jobs && !is_integer.unwrap_or(true),
            has_rowid_ids: schema.kind == FileKind::Jobs && is_rowid.unwrap_or(false),
            ..schema
        })
    }

    fn from_tables(all: &BTreeMap<String, TableColumns>) -> Self {
        let tables = all
            .iter()
            .map(|(table, columns)| {
                let names = columns.iter().map(|(name, _)| name.clone()).collect();
                (table.clone(), names)
            })
            .collect();
        let of_jobs = all.get("job").map(|columns| job_columns(columns));
        let of_archive = || all.get("jobs").and_then(|columns| archive_columns(columns));
        let (kind, columns) = match of_jobs {
            Some(columns) if ESSENTIAL.iter().all(|name| columns.contains_key(name)) => {
                (FileKind::Jobs, columns)
            }
            _ => of_archive().map_or((FileKind::Other, BTreeMap::new()), |columns| {
                (FileKind::Archive, columns)
            }),
        };
        Self {
            kind,
            columns,
            tables,
            has_loose_ids: false,
            has_rowid_ids: false,
        }
    }

    /// The schema of cc-backend 1.5.1 to 1.5.4, with everything in it: what documentation shows.
    pub fn version_11() -> Self {
        let table = |columns: &str| -> TableColumns {
            columns
                .split(' ')
                .map(|name| (name.to_owned(), false))
                .collect()
        };
        let nullable = [
            "cluster_partition",
            "array_job_id",
            "num_hwthreads",
            "num_acc",
            "footprint",
            "energy_footprint",
            "meta_data",
        ];
        let job = COLUMNS
            .iter()
            .chain(&DETAIL_COLUMNS)
            .map(|(name, _)| ((*name).to_owned(), !nullable.contains(name)))
            .collect();
        let tables = BTreeMap::from([
            ("job".to_owned(), job),
            (
                "tag".to_owned(),
                table("id tag_type tag_name insert_ts tag_scope"),
            ),
            ("jobtag".to_owned(), table("job_id tag_id insert_ts")),
            (
                "hpc_user".to_owned(),
                table("username password ldap name roles email projects"),
            ),
            (
                "node".to_owned(),
                table("id hostname cluster subcluster meta_data"),
            ),
            (
                "node_state".to_owned(),
                table(
                    "id time_stamp jobs_running cpus_allocated memory_allocated gpus_allocated \
                     node_state health_state health_metrics node_id",
                ),
            ),
        ]);
        Self {
            has_rowid_ids: true,
            ..Self::from_tables(&tables)
        }
    }

    /// Whether an id is the number of its row, so that no index is needed to find it.
    pub fn has_rowid_ids(&self) -> bool {
        self.has_rowid_ids
    }

    /// What kind of file it is.
    pub fn kind(&self) -> FileKind {
        self.kind
    }

    /// What stands after FROM; everything else can call it `job`.
    pub fn job_table(&self) -> &'static str {
        match self.kind {
            FileKind::Jobs | FileKind::Other => "job",
            FileKind::Archive => "jobs AS job",
        }
    }

    /// How to read a column of the job table, called by today's name.
    ///
    /// # Errors
    /// If the file has no such column: the error says which.
    pub fn column(&self, name: &str) -> Result<&str> {
        self.columns
            .get(name)
            .map(|column| column.sql.as_str())
            .ok_or_else(|| self.lacks("job", name))
    }

    /// Whether ids may be text: they are not declared as integers.
    pub(super) fn has_loose_ids(&self) -> bool {
        self.has_loose_ids
    }

    /// The `?` of a value that is compared with `id`: text beside ids that are text, because an
    /// integer is below all of them.
    pub(super) fn id_mark(&self) -> &'static str {
        if self.has_loose_ids {
            "(SELECT CASE typeof(id) WHEN 'text' THEN CAST(given AS TEXT) ELSE given END FROM (SELECT ? AS given))"
        } else {
            "?"
        }
    }

    /// Whether the job table has this column in whatever shape.
    pub fn has(&self, name: &str) -> bool {
        self.columns.contains_key(name)
    }

    /// Whether the column's declaration forbids NULL.
    pub fn is_not_null(&self, name: &str) -> bool {
        self.columns.get(name).is_some_and(|column| column.not_null)
    }

    /// The column for a SELECT list under today's name: NULL where the file has none, so that the
    /// rest of the row can be shown.
    pub fn selected(&self, name: &str) -> String {
        match self.columns.get(name) {
            Some(column) if column.sql == name => name.to_owned(),
            Some(column) => format!("{} AS {name}", column.sql),
            None => format!("NULL AS {name}"),
        }
    }

    /// Today's columns of the job table that this file has in no shape.
    pub fn missing_columns(&self) -> Vec<&'static str> {
        COLUMNS
            .iter()
            .chain(&DETAIL_COLUMNS)
            .map(|(name, _)| *name)
            .filter(|name| !self.has(name))
            .collect()
    }

    /// What a file that is no job database lacks of one.
    pub(super) fn lacks_jobs(&self) -> Error {
        let Some(present) = self.tables.get("job") else {
            return self.lacks("job", "");
        };
        let of_jobs = job_columns(&present.iter().map(|name| (name.clone(), false)).collect());
        let missing = ESSENTIAL.iter().find(|name| !of_jobs.contains_key(*name));
        self.lacks("job", missing.unwrap_or(&""))
    }

    /// Checks that a table beside `job` has these columns.
    ///
    /// # Errors
    /// If the file has no such table, or one of the columns is missing: the error says which.
    pub fn require(&self, table: &str, columns: &[&str]) -> Result<()> {
        let Some(present) = self.tables.get(table) else {
            return Err(self.lacks(table, ""));
        };
        columns
            .iter()
            .find(|column| !present.iter().any(|name| name == *column))
            .map_or(Ok(()), |column| Err(self.lacks(table, column)))
    }

    /// Whether a table beside `job` has this column.
    pub fn table_has(&self, table: &str, column: &str) -> bool {
        self.require(table, &[column]).is_ok()
    }

    /// The table of user accounts: `hpc_user`, or `user` before schema 8, quoted.
    pub fn user_table(&self) -> Option<&'static str> {
        [("hpc_user", "hpc_user"), ("user", "\"user\"")]
            .into_iter()
            .find(|(table, _)| self.table_has(table, "username") && self.table_has(table, "name"))
            .map(|(_, quoted)| quoted)
    }

    fn lacks(&self, table: &str, column: &str) -> Error {
        let missing = if column.is_empty() {
            format!("the table {table}")
        } else {
            format!("the column {column} of the table {table}")
        };
        let hint = match self.kind {
            FileKind::Jobs => {
                "It was written by an older or a development version of cc-backend; \
                 the other queries still work"
            }
            FileKind::Archive => "It is a job archive: jobs, count, job and find work on it",
            FileKind::Other => "It is not cc-backend's: jobscope sql can still read it",
        };
        Error::Lacks {
            missing,
            hint: hint.to_owned(),
        }
    }
}

/// Generated columns are columns like others; only the hidden ones of virtual tables are not. A
/// primary key may hold NULL, unless SQLite itself has declared otherwise.
fn table_columns(conn: &Connection, table: &str) -> rusqlite::Result<TableColumns> {
    conn.prepare(
        "SELECT lower(name), \"notnull\" <> 0 FROM pragma_table_xinfo(?) WHERE hidden <> 1",
    )?
    .query_map([table], |row| Ok((text(row, 0)?, row.get(1)?)))?
    .collect()
}

/// A name in the schema. Bytes that are no UTF-8 are no reason to refuse the file.
pub(super) fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(Cell::from(row.get_ref(column)?).display())
}

fn job_columns(columns: &TableColumns) -> BTreeMap<&'static str, Present> {
    let find = |name: &str| columns.iter().find(|(column, _)| column == name);
    let mut present: BTreeMap<&'static str, Present> = COLUMNS
        .iter()
        .chain(&DETAIL_COLUMNS)
        .filter_map(|(name, _)| {
            let (_, not_null) = find(name)?;
            let sql = (*name).to_owned();
            let not_null = *not_null;
            Some((*name, Present { sql, not_null }))
        })
        .collect();
    for (name, others) in RENAMED {
        if let Some((other, not_null)) = others.iter().find_map(|other| find(other)) {
            present.entry(name).or_insert_with(|| Present {
                // `user` and `partition` are words of SQL.
                sql: format!("\"{other}\""),
                not_null: *not_null,
            });
        }
    }
    if let Some((_, not_null)) = find("exclusive") {
        present.entry("shared").or_insert_with(|| Present {
            sql: shared_of("exclusive"),
            not_null: *not_null,
        });
    }
    let old: Vec<String> = OLD_FOOTPRINT
        .iter()
        .filter(|(column, _)| find(column).is_some())
        // A BLOB in one row would be an error for all of them.
        .map(|(column, key)| {
            format!("'{key}', CASE WHEN typeof({column}) <> 'blob' THEN {column} END")
        })
        .collect();
    if !old.is_empty() {
        present.entry("footprint").or_insert_with(|| Present {
            sql: format!("json_object({})", old.join(", ")),
            not_null: true,
        });
    }
    present
}

/// The words of schema 9 for the numbers before.
fn shared_of(exclusive: &str) -> String {
    format!(
        "CASE {exclusive} WHEN 0 THEN 'multi_user' WHEN 1 THEN 'none' WHEN 2 THEN 'single_user' \
         ELSE CAST({exclusive} AS TEXT) END"
    )
}

fn archive_columns(columns: &TableColumns) -> Option<BTreeMap<&'static str, Present>> {
    let has = |name: &str| columns.iter().any(|(column, _)| column == name);
    let own = ["id", "job_id", "cluster", "start_time"];
    if !has("meta_json") || !own.iter().all(|name| has(name)) {
        return None;
    }
    let expression = |sql: String| Present {
        sql,
        not_null: false,
    };
    let mut present: BTreeMap<&'static str, Present> = own
        .into_iter()
        .map(|name| {
            let sql = name.to_owned();
            let not_null = true;
            (name, Present { sql, not_null })
        })
        .collect();
    for (name, key) in ARCHIVE_KEYS {
        present.insert(name, expression(json_value("meta_json", key)));
    }
    // Archives of version 2 have `exclusive`.
    present.insert(
        "shared",
        expression(format!(
            "COALESCE({}, {})",
            json_value("meta_json", "shared"),
            shared_of(&json_value("meta_json", "exclusive"))
        )),
    );
    Some(present)
}

/// The value at a key of a JSON column; NULL where the column holds no valid JSON or no such key.
///
/// CASE is evaluated in order, so one damaged document is no error for the whole statement.
/// The key is one of ours or was checked: it becomes part of the text, as upstream writes it.
pub(super) fn json_value(column: &str, key: &str) -> String {
    format!("CASE WHEN json_valid({column}) THEN json_extract({column}, '$.{key}') END")
}

/// The nodes of a job as rows of a table `node`; none where the column holds no valid JSON.
pub(super) fn nodes_of(resources: &str) -> String {
    format!("json_each(CASE WHEN json_valid({resources}) THEN {resources} ELSE '[]' END) AS node")
}

/// The name of a row of [`nodes_of`]. Elements may be anything in a strange file, and
/// `json_extract` refuses plain text.
pub(super) const HOST: &str =
    "CASE WHEN node.type = 'object' THEN json_extract(node.value, '$.hostname') END";

/// A pattern that fits the text itself: `%` and `_` lose their meaning, with `ESCAPE '\\'`.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Schema {
        /// The schema of a file that these statements make.
        pub(crate) fn of(ddl: &str) -> Self {
            let conn = Connection::open_in_memory().expect("in memory");
            conn.execute_batch(ddl).expect(ddl);
            Self::probe(&conn).expect("a schema")
        }
    }

    #[test]
    fn renamed_columns_answer_under_todays_names() {
        let schema = Schema::of(
            "CREATE TABLE job(id INTEGER PRIMARY KEY, hpc_cluster, \"user\" NOT NULL, \"partition\", \
             start_time, job_state, exclusive, load_avg)",
        );
        assert_eq!(schema.kind(), FileKind::Jobs);
        assert_eq!(schema.selected("hpc_user"), "\"user\" AS hpc_user");
        assert_eq!(schema.selected("cluster"), "\"hpc_cluster\" AS cluster");
        assert!(schema.is_not_null("hpc_user") && !schema.is_not_null("cluster"));
        assert_eq!(
            schema.column("footprint").expect("made of load_avg"),
            "json_object('cpu_load_avg', CASE WHEN typeof(load_avg) <> 'blob' THEN load_avg END)"
        );
        assert_eq!(schema.selected("energy"), "NULL AS energy");
        let error = schema.column("energy").expect_err("there is none");
        assert!(error.to_string().contains("energy"), "{error}");
    }

    #[test]
    fn a_table_that_only_happens_to_be_called_job_is_no_job_table() {
        assert_eq!(Schema::of("CREATE TABLE job(a, b)").kind(), FileKind::Other);
        assert_eq!(Schema::of("CREATE TABLE a(b)").kind(), FileKind::Other);
        assert_eq!(
            Schema::of("CREATE TABLE jobs(id, job_id, cluster, start_time, meta_json)").kind(),
            FileKind::Archive
        );
    }
}
