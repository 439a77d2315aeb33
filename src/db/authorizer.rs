//! What a statement may do, decided while SQLite prepares it.
//!
//! Password hashes read as NULL for every statement. A statement that a user typed may do nothing
//! but read; `query_only` and the read-only file would stop a write, too, but only this says what
//! was wrong before anything runs.

use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::{
    Connection,
    hooks::{AuthAction, AuthContext, Authorization},
};

use super::secrets::{ACCOUNTS, PASSWORD};

/// Decides for one connection.
pub struct Authorizer {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    strict: bool,
    refused: Option<String>,
}

/// Pragmas that only tell something, and take at most the name of a table or index.
const READING_PRAGMAS: [&str; 21] = [
    "application_id",
    "auto_vacuum",
    "cache_size",
    "collation_list",
    "compile_options",
    "database_list",
    "encoding",
    "foreign_key_list",
    "freelist_count",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "journal_mode",
    "mmap_size",
    "page_count",
    "page_size",
    "table_info",
    "table_list",
    "table_xinfo",
    "user_version",
];

/// Of those, the ones whose argument is a name and not a new value.
const PRAGMAS_WITH_A_NAME: [&str; 7] = [
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "table_info",
    "table_list",
    "table_xinfo",
];

impl Authorizer {
    pub(super) fn install(conn: &mut Connection) -> rusqlite::Result<Self> {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let decider = Arc::clone(&shared);
        conn.authorizer(Some(move |context: AuthContext<'_>| {
            decide(&context, &mut decider.lock())
        }))?;
        Ok(Self { shared })
    }

    /// Runs `prepare` with everything but reading refused. On refusal says what it was.
    pub fn strictly<T>(&self, prepare: impl FnOnce() -> T) -> (T, Option<String>) {
        *self.shared.lock() = Shared {
            strict: true,
            refused: None,
        };
        let result = prepare();
        let refused = std::mem::take(&mut *self.shared.lock()).refused;
        (result, refused)
    }
}

fn decide(context: &AuthContext<'_>, shared: &mut Shared) -> Authorization {
    if let AuthAction::Read {
        table_name,
        column_name,
    } = context.action
        && is_secret(table_name, column_name)
    {
        return Authorization::Ignore;
    }
    if !shared.strict {
        return Authorization::Allow;
    }
    let Some(reason) = objection(&context.action) else {
        return Authorization::Allow;
    };
    shared.refused.get_or_insert(reason);
    Authorization::Deny
}

fn is_secret(table: &str, column: &str) -> bool {
    let is = |name: &str| table.eq_ignore_ascii_case(name);
    let is_password = column.eq_ignore_ascii_case(PASSWORD) && ACCOUNTS.into_iter().any(is);
    // Where somebody has indexed the passwords, ANALYZE keeps some of them as samples.
    is_password || is("sqlite_stat4") && column.eq_ignore_ascii_case("sample")
}

/// Why a user's statement may not do this. `None` if it may.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever SQLite learns to do later is refused until we know that it only reads"
)]
fn objection(action: &AuthAction<'_>) -> Option<String> {
    match *action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => None,
        AuthAction::Function { function_name } => {
            // The only built-in function that reaches outside the database.
            function_name
                .eq_ignore_ascii_case("load_extension")
                .then(|| "it calls load_extension".to_owned())
        }
        AuthAction::Pragma {
            pragma_name,
            pragma_value,
        } => {
            let known = |names: &[&str]| names.iter().any(|n| n.eq_ignore_ascii_case(pragma_name));
            let reads =
                known(&READING_PRAGMAS) && (pragma_value.is_none() || known(&PRAGMAS_WITH_A_NAME));
            (!reads).then(|| format!("it uses PRAGMA {pragma_name}, which may change something"))
        }
        AuthAction::Insert { table_name } => Some(format!("it inserts into {table_name}")),
        AuthAction::Update { table_name, .. } => Some(format!("it updates {table_name}")),
        AuthAction::Delete { table_name } => Some(format!("it deletes from {table_name}")),
        AuthAction::Attach { .. } => Some("it attaches another database".to_owned()),
        AuthAction::Transaction { .. } | AuthAction::Savepoint { .. } => {
            Some("it controls a transaction".to_owned())
        }
        _ => Some("it changes the schema or the database".to_owned()),
    }
}
