//! What the SQLite inside this program is and was built with: no result means much without it.

use rusqlite::Connection;
use serde::Serialize;

use crate::error::{Error, Result};

/// The SQLite of this program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BuildFacts {
    /// `sqlite_version()`.
    pub sqlite_version: String,
    /// `MEMORY_MANAGEMENT`: all connections share one page cache pool. cc-backend's build has it off.
    pub memory_management: bool,
    /// `STAT4`: the planner reads samples that cc-backend's build ignores.
    pub stat4: bool,
    /// `STMT_SCANSTATUS`: counters for each step of a plan.
    pub stmt_scanstatus: bool,
    /// `THREADSAFE`, 1 in every build that we can use.
    pub threadsafe: String,
    /// `TEMP_STORE`; 1 means a file unless the pragma says otherwise.
    pub temp_store: String,
    /// The whole of `PRAGMA compile_options`.
    pub compile_options: Vec<String>,
}

impl BuildFacts {
    /// Asks the SQLite that is linked into this program.
    ///
    /// # Errors
    /// If not even an in-memory database can be opened.
    pub fn read() -> Result<Self> {
        let failed = |source| Error::Query {
            sql: "PRAGMA compile_options".to_owned(),
            source,
        };
        let conn = Connection::open_in_memory().map_err(failed)?;
        let compile_options: Vec<String> = conn
            .prepare("PRAGMA compile_options")
            .and_then(|mut statement| {
                statement
                    .query_map([], |row| row.get(0))?
                    .collect::<rusqlite::Result<_>>()
            })
            .map_err(failed)?;
        let has = |name: &str| compile_options.iter().any(|option| option == name);
        let value = |name: &str, default: &str| {
            compile_options
                .iter()
                .find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
                .unwrap_or(default)
                .to_owned()
        };
        Ok(Self {
            sqlite_version: rusqlite::version().to_owned(),
            memory_management: has("ENABLE_MEMORY_MANAGEMENT"),
            stat4: has("ENABLE_STAT4"),
            stmt_scanstatus: has_scanstatus(),
            threadsafe: value("THREADSAFE", "1"),
            temp_store: value("TEMP_STORE", "1"),
            compile_options,
        })
    }

    /// One line: `SQLite 3.54.1, no MEMORY_MANAGEMENT, STAT4`.
    pub fn summary(&self) -> String {
        let option = |on: bool, name: &str| {
            if on {
                format!(", {name}")
            } else {
                format!(", no {name}")
            }
        };
        format!(
            "SQLite {}{}{}",
            self.sqlite_version,
            option(self.memory_management, "MEMORY_MANAGEMENT"),
            option(self.stat4, "STAT4")
        )
    }
}

/// Whether this build collects per-step counters, as its own option list says.
pub(super) fn has_scanstatus() -> bool {
    use std::sync::OnceLock;

    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        Connection::open_in_memory()
            .and_then(|conn| {
                conn.query_row(
                    "SELECT sqlite_compileoption_used('ENABLE_STMT_SCANSTATUS')",
                    [],
                    |row| row.get(0),
                )
            })
            .unwrap_or(false)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_behaves_like_the_servers_about_memory() {
        let build = BuildFacts::read().expect("the linked SQLite answers");
        assert!(
            !build.memory_management,
            "with MEMORY_MANAGEMENT page caches are shared and every measurement here would \
             describe another program than cc-backend"
        );
        assert_eq!(build.threadsafe, "1");
        assert_eq!(build.temp_store, "1");
        assert!(build.summary().contains("no MEMORY_MANAGEMENT"));
    }
}
