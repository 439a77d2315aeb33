//! Password hashes never come out, whatever is asked for and however it is written.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::process::{Command, Output};

use common::{
    jobdb::{JobDb, SECRET},
    schemas,
};

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jobscope"))
        .args(args)
        .env("TZ", "UTC")
        .output()
        .expect("the program runs")
}

/// Views that somebody has left in the file, an index of the passwords, and its samples.
const LEFT_BEHIND: &str = "
CREATE VIEW leak AS SELECT username, password AS p FROM {t};
CREATE VIEW deep AS SELECT upper(p) AS q FROM leak;
CREATE VIEW joined AS SELECT password AS p FROM {t} FULL JOIN (SELECT 1 AS password) USING (password);
CREATE INDEX accounts_by_password ON {t} (password);
CREATE INDEX accounts_by_part ON {t} (substr(password, 1, 9));
ANALYZE;
";

/// A file of today and one of version 7, with the name of their table of accounts.
fn files() -> [(JobDb, &'static str); 2] {
    [("v11", "hpc_user"), ("v7", "\"user\"")].map(|(name, table)| {
        let db = schemas::named(name).build();
        let sql = LEFT_BEHIND.replace("{t}", table);
        db.writer().execute_batch(&sql).expect(&sql);
        (db, table)
    })
}

/// What a statement shows in both formats, and on standard error.
fn shown(db: &JobDb, sql: &str) -> String {
    let path = db.path.to_str().expect("a plain path");
    let mut shown = String::new();
    for format in ["json", "csv", "table"] {
        let output = run(&["sql", path, sql, "--format", format]);
        shown.push_str(&String::from_utf8_lossy(&output.stdout));
        shown.push_str(&String::from_utf8_lossy(&output.stderr));
    }
    shown
}

/// Parts of the secret that any change of its writing would keep, but for its case.
fn is_told(text: &str) -> bool {
    let hex: Vec<_> = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
    let hex = hex.concat();
    let reversed: String = SECRET.chars().rev().collect();
    let text = text.to_lowercase();
    [&SECRET[7..], &hex[14..], &reversed[..10]]
        .iter()
        .any(|part| text.contains(&part.to_lowercase()))
}

#[test]
fn the_file_has_what_must_not_be_shown() {
    for (db, table) in files() {
        let sql = format!("SELECT password FROM {table} LIMIT 1");
        let found: String = db
            .writer()
            .query_row(&sql, [], |row| row.get(0))
            .expect("a hash");
        assert_eq!(found, SECRET);
        assert!(is_told(&format!("x{}x", SECRET.to_uppercase())));
    }
}

#[test]
fn no_statement_shows_a_password() {
    for (db, table) in files() {
        for sql in [
            "SELECT * FROM {t}",
            "SELECT PassWord FROM {t}",
            "SELECT a.password AS innocent FROM {t} AS a",
            "SELECT 'x' || password || 'x' FROM {t}",
            "SELECT quote(password), hex(password), CAST(password AS BLOB) FROM {t}",
            "SELECT printf('%s', password), format('%Q', password), json_quote(password) FROM {t}",
            "SELECT json_group_array(password), group_concat(password), max(password) FROM {t}",
            "SELECT json_object('p', password), json_array(password), unistr(password) FROM {t}",
            "SELECT password AS p FROM (SELECT * FROM {t})",
            "SELECT p FROM (SELECT password AS p FROM {t} LIMIT 10) ORDER BY p",
            "WITH a AS (SELECT * FROM {t}) SELECT password FROM a",
            "WITH a(p) AS MATERIALIZED (SELECT password FROM {t}) SELECT upper(p) FROM a",
            "WITH RECURSIVE a(p, n) AS (SELECT password, 1 FROM {t} UNION SELECT p, n + 1 FROM a WHERE n < 3) SELECT * FROM a",
            "SELECT (SELECT password FROM {t} LIMIT 1)",
            "SELECT password FROM {t} UNION ALL SELECT 'a' ORDER BY 1",
            "SELECT * FROM leak",
            "SELECT * FROM deep",
            "SELECT * FROM joined",
            "SELECT a.*, b.* FROM {t} AS a CROSS JOIN {t} AS b",
            "SELECT password FROM {t} INDEXED BY accounts_by_password",
            "SELECT password FROM {t} INDEXED BY accounts_by_password WHERE password > ''",
            "SELECT substr(password, 1, 9) FROM {t} ORDER BY substr(password, 1, 9)",
            "SELECT first_value(password) OVER (ORDER BY password) FROM {t}",
            "SELECT lag(password) OVER () FROM {t}",
            "SELECT password FROM {t} GROUP BY password HAVING max(password) > ''",
            "SELECT DISTINCT password FROM {t}",
            "SELECT password FROM {t} FULL JOIN (SELECT 1 AS password) USING (password)",
            "SELECT * FROM {t} NATURAL FULL JOIN (SELECT 1 AS password)",
            "SELECT * FROM (SELECT 1 AS password) FULL JOIN {t} USING (password)",
            "SELECT password FROM {t} AS a FULL JOIN {t} AS b USING (password)",
            "SELECT p FROM (SELECT coalesce(password, 'x') AS p FROM {t} FULL JOIN (SELECT 1 AS password) USING (password))",
            "WITH x AS (SELECT password p FROM {t} FULL JOIN (SELECT 1 AS password) USING (password)) SELECT hex(p) FROM x",
            "SELECT value FROM {t}, json_each(json_array(password))",
            "SELECT * FROM sqlite_stat4",
            "SELECT CAST(sample AS TEXT) FROM sqlite_stat4",
            "SELECT * FROM sqlite_stat1",
            "SELECT data FROM sqlite_dbpage",
            "SELECT CAST(data AS TEXT) FROM sqlite_dbpage('main')",
            "SELECT * FROM dbstat",
            "SELECT * FROM main.{t}",
            "SELECT rowid, * FROM {t}",
            "VALUES ((SELECT password FROM {t}))",
            "EXPLAIN SELECT password FROM {t} FULL JOIN (SELECT 1 AS password) USING (password)",
            "EXPLAIN QUERY PLAN SELECT * FROM {t}",
        ] {
            let sql = sql.replace("{t}", table);
            let shown = shown(&db, &sql);
            assert!(!shown.is_empty(), "{sql}");
            assert!(!is_told(&shown), "{sql}: {shown}");
        }
    }
}

#[test]
fn the_rest_of_an_account_is_still_shown() {
    for (db, table) in files() {
        let shown = shown(&db, &format!("SELECT * FROM {table} ORDER BY username"));
        for expected in ["ada01", "Ben Two", "root@example.org"] {
            assert!(shown.contains(expected), "{shown}");
        }
    }
}

#[test]
fn no_condition_tells_whether_a_guess_is_right() {
    for (db, table) in files() {
        let path = db.path.to_str().expect("a plain path");
        let is_silent = |sql: &str| {
            let sql = sql.replace("{t}", table).replace("{s}", SECRET);
            let output = run(&["sql", path, &sql, "--format", "csv"]);
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let refused = !output.status.success() && text.is_empty();
            assert!(refused || text.ends_with("n\n0\n"), "{sql}: {text}");
        };
        for condition in [
            "password LIKE '$%'",
            "password = '{s}'",
            "password >= '' ",
            "password IS NOT NULL",
            "length(password) > 0",
            "instr(password, '$') > 0",
            "substr(password, 1, 9) > ''",
            "password IN ('{s}')",
            "('{s}') IN (SELECT password FROM {t})",
            "EXISTS (SELECT 1 FROM {t} AS other WHERE other.password = '{s}')",
            "(SELECT max(password) FROM {t}) > ''",
        ] {
            is_silent(&format!(
                "SELECT COUNT(*) AS n FROM {{t}} WHERE {condition}"
            ));
        }
        for sql in [
            "SELECT COUNT(*) AS n FROM leak WHERE p = '{s}'",
            "SELECT COUNT(password) AS n FROM {t}",
            "SELECT COUNT(*) AS n FROM {t} JOIN (SELECT '{s}' AS password) USING (password)",
            "SELECT COUNT(*) AS n FROM {t} NATURAL JOIN (SELECT '{s}' AS password)",
            "SELECT COUNT(*) AS n FROM (SELECT '{s}' AS password) JOIN {t} USING (password)",
            "SELECT COUNT(*) AS n FROM (SELECT '{s}' AS password) NATURAL JOIN {t} INDEXED BY accounts_by_password",
        ] {
            is_silent(sql);
        }
        // The order of the accounts is not that of their passwords.
        let ordered = |direction: &str| {
            let sql =
                format!("SELECT username FROM {table} ORDER BY password {direction}, username");
            run(&["sql", path, &sql, "--format", "csv"]).stdout
        };
        assert_eq!(ordered("ASC"), ordered("DESC"));
    }
}

#[test]
fn what_is_refused_says_why() {
    for (db, table) in files() {
        let sql = format!(
            "SELECT password FROM {table} FULL JOIN (SELECT 1 AS password) USING (password)"
        );
        let shown = shown(&db, &sql);
        assert!(shown.contains("password hashes"), "{shown}");
    }
}
