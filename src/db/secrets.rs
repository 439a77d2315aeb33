//! Whether a statement reads password hashes although the authorizer hides them.
//!
//! SQLite asks the authorizer about every column that a statement names, but not about those that
//! USING and NATURAL name for it: `SELECT password FROM hpc_user FULL JOIN (SELECT 1 AS password)
//! USING (password)` shows the hashes. A generated column shows what it is made of, too. So we look
//! at what the prepared statement does: a password that reads as NULL is never fetched.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension as _, params};

/// The tables of accounts, by today's name and by the one before schema 8.
pub(super) const ACCOUNTS: [&str; 2] = ["hpc_user", "user"];

/// The column that nobody may see.
pub(super) const PASSWORD: &str = "password";

/// Whether `sql` fetches a password from a table of accounts, or looks into an index of them.
///
/// # Errors
/// If the schema cannot be read or the statement is not valid.
pub fn are_read(conn: &Connection, sql: &str) -> rusqlite::Result<bool> {
    let mut columns = Vec::new();
    for table in ACCOUNTS {
        columns.extend(columns_with_passwords(conn, table)?);
    }
    if columns.is_empty() {
        return Ok(false);
    }
    let mut opened = BTreeSet::new();
    let mut fetched = BTreeSet::new();
    let mut statement = conn.prepare(&format!("EXPLAIN {sql}"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let operation: String = row.get(1)?;
        let (cursor, place): (i64, i64) = (row.get(2)?, row.get(3)?);
        match operation.as_str() {
            "OpenRead" | "ReopenIdx" => {
                let here = columns.iter().filter(|column| column.root_page == place);
                opened.extend(here.map(|column| (cursor, column.place)));
            }
            "Column" => {
                fetched.insert((cursor, Some(place)));
                // Whatever is fetched from an index of passwords.
                fetched.insert((cursor, None));
            }
            // A search in an index of passwords tells whether a guess is right.
            seek if seek.starts_with("Seek")
                || seek.starts_with("Idx")
                || seek.ends_with("Found")
                || seek == "NoConflict" =>
            {
                fetched.insert((cursor, None));
            }
            _ => {}
        }
    }
    Ok(!opened.is_disjoint(&fetched))
}

/// Where passwords are stored.
struct Stored {
    /// The first page of the table or index.
    root_page: i64,
    /// Which value of a row it is; `None` where no value may be looked at.
    place: Option<i64>,
}

fn columns_with_passwords(conn: &Connection, table: &str) -> rusqlite::Result<Vec<Stored>> {
    let root_page = conn
        .query_row(
            "SELECT rootpage FROM sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE",
            [table],
            |row| row.get(0),
        )
        .optional()?;
    let Some(root_page) = root_page else {
        return Ok(Vec::new());
    };
    // Columns that are generated when they are read have no place in the row.
    let place = conn
        .query_row(
            "SELECT (SELECT COUNT(*) FROM pragma_table_xinfo(?1) AS before
                     WHERE before.cid < this.cid AND before.hidden <> 2)
             FROM pragma_table_xinfo(?1) AS this
             WHERE this.name = ?2 COLLATE NOCASE",
            params![table, PASSWORD],
            |row| row.get(0),
        )
        .optional()?;
    let Some(place) = place else {
        return Ok(Vec::new());
    };
    // The rows of a table WITHOUT ROWID are those of its primary key, in the order of that.
    let place = conn
        .query_row(
            "SELECT info.seqno
             FROM pragma_table_list AS tables, pragma_index_list(?1) AS list,
                  pragma_index_xinfo(list.name) AS info
             WHERE tables.schema = 'main' AND tables.name = ?1 COLLATE NOCASE AND tables.wr = 1
               AND list.origin = 'pk' AND info.name = ?2 COLLATE NOCASE",
            params![table, PASSWORD],
            |row| row.get(0),
        )
        .optional()?
        .unwrap_or(place);
    let mut stored = vec![Stored {
        root_page,
        place: Some(place),
    }];
    // An expression in an index has no name; it may be made of anything.
    let mut indexes = conn.prepare(
        "SELECT DISTINCT master.rootpage
         FROM pragma_index_list(?1) AS list, pragma_index_xinfo(list.name) AS info,
              sqlite_master AS master
         WHERE master.type = 'index' AND master.name = list.name AND master.rootpage > 0
           AND (info.name = ?2 COLLATE NOCASE OR info.cid = -2)",
    )?;
    let pages = indexes.query_map(params![table, PASSWORD], |row| row.get(0))?;
    for root_page in pages {
        stored.push(Stored {
            root_page: root_page?,
            place: None,
        });
    }
    Ok(stored)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "CREATE TABLE hpc_user (username TEXT PRIMARY KEY, made TEXT GENERATED ALWAYS AS \
                         (upper(password)) VIRTUAL, password TEXT, name TEXT)";

    fn are_read_in(ddl: &str, sql: &str) -> bool {
        let mut conn = Connection::open_in_memory().expect("in memory");
        conn.execute_batch(ddl).expect(ddl);
        crate::db::authorizer::Authorizer::install(&mut conn).expect("an authorizer");
        are_read(&conn, sql).expect(sql)
    }

    #[test]
    fn what_the_authorizer_hides_is_never_fetched() {
        for sql in [
            "SELECT username, password, name FROM hpc_user",
            "SELECT quote(password) FROM hpc_user WHERE password LIKE 'a%' ORDER BY password",
            "SELECT COUNT(*) FROM hpc_user",
            "SELECT name FROM hpc_user JOIN (SELECT 'a' AS username) USING (username)",
        ] {
            assert!(!are_read_in(TABLE, sql), "{sql}");
            let without_rowid = format!("{TABLE} WITHOUT ROWID");
            assert!(!are_read_in(&without_rowid, sql), "{sql}");
        }
    }

    #[test]
    fn joins_that_name_the_column_by_themselves_fetch_it() {
        for sql in [
            "SELECT password FROM hpc_user FULL JOIN (SELECT 1 AS password) USING (password)",
            "SELECT * FROM hpc_user NATURAL FULL JOIN (SELECT 1 AS password)",
            "SELECT 1 FROM hpc_user JOIN (SELECT 'guess' AS password) USING (password)",
            "SELECT made FROM hpc_user",
        ] {
            assert!(are_read_in(TABLE, sql), "{sql}");
            let with_index = format!("{TABLE}; CREATE INDEX i ON hpc_user (password)");
            assert!(are_read_in(&with_index, sql), "{sql}");
            let without_rowid = format!("{TABLE} WITHOUT ROWID");
            assert!(are_read_in(&without_rowid, sql), "{sql}");
        }
    }
}
