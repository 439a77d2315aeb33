//! What can go wrong outside the window, and the report that a person gets about it.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong outside the window.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be a job database; nothing was opened.
    #[error("could not use {} as a job database", path.display())]
    NotADatabase {
        /// The file the user chose.
        path: PathBuf,
        /// What was found instead, as a clause ("it is a directory").
        found: String,
        /// What the user can try.
        hint: String,
    },

    /// The file could not be opened as a SQLite database.
    #[error("could not open the database {}", path.display())]
    Open {
        /// The file the user chose.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },

    /// A WAL database in a folder where SQLite cannot create its `-shm` file.
    #[error("could not open the database {} beside its writers", path.display())]
    NeedsImmutable {
        /// The file the user chose.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },

    /// The file has no such table or column, so this question has no answer there.
    #[error("the file cannot answer this: it lacks {missing}")]
    Lacks {
        /// The table or column, as an object ("the column energy of the table job").
        missing: String,
        /// What the file can still be asked.
        hint: String,
    },

    /// SQLite rejected or aborted a statement.
    #[error("the query failed")]
    Query {
        /// The statement as it was prepared, without bound values.
        sql: String,
        /// What SQLite said.
        source: rusqlite::Error,
    },

    /// A statement was refused because it is not one read-only statement.
    #[error("only one reading statement can be run")]
    Refused {
        /// Why, as a clause.
        reason: String,
    },

    /// A setting could not be applied or read back.
    #[error("could not apply the setting {setting}")]
    Setting {
        /// The setting's SQL name.
        setting: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },

    /// The user stopped the task. Not a failure: shown as a state, never as an error.
    #[error("cancelled")]
    Cancelled,

    /// A value from outside cannot be used.
    #[error("{}", describe_invalid(what, text, expected))]
    Invalid {
        /// What the value was for.
        what: String,
        /// The value.
        text: String,
        /// What would be right.
        expected: String,
    },

    /// A file could not be read, written, created or renamed.
    #[error("could not {action} {}", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },

    /// Writing a generated database failed.
    #[error("could not write the database {}", path.display())]
    Generate {
        /// The file that was being written.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },

    /// A report that was made elsewhere, by a thread that had the error itself.
    #[error("{}", .0.headline)]
    Reported(Report),

    /// Something outside SQLite failed: a thread, the display, a child process.
    #[error("could not {action}")]
    Other {
        /// What was tried, as a verb with its object.
        action: String,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// A value from outside that cannot be used.
    pub fn invalid(
        what: impl Into<String>,
        text: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self::Invalid {
            what: what.into(),
            text: text.into(),
            expected: expected.into(),
        }
    }

    /// A file operation that failed.
    pub fn file(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::File {
            action,
            path: path.to_owned(),
            source,
        }
    }

    /// Something that failed outside SQLite and the file system.
    pub fn other(
        action: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Other {
            action: action.into(),
            source: source.into(),
        }
    }

    /// What SQLite said, where it said something.
    pub fn sqlite(&self) -> Option<&rusqlite::Error> {
        match self {
            Self::Open { source, .. }
            | Self::NeedsImmutable { source, .. }
            | Self::Query { source, .. }
            | Self::Setting { source, .. }
            | Self::Generate { source, .. } => Some(source),
            Self::NotADatabase { .. }
            | Self::Lacks { .. }
            | Self::Refused { .. }
            | Self::Cancelled
            | Self::Invalid { .. }
            | Self::File { .. }
            | Self::Reported(_)
            | Self::Other { .. } => None,
        }
    }

    /// Whether SQLite stopped because it was told to: by an interrupt or by the progress handler.
    pub fn is_interrupt(&self) -> bool {
        self.sqlite().and_then(rusqlite::Error::sqlite_error_code)
            == Some(rusqlite::ErrorCode::OperationInterrupted)
    }

    /// The message and its causes on one line.
    pub fn chain(&self) -> String {
        let report = Report::from(self);
        std::iter::once(report.headline)
            .chain(report.causes)
            .collect::<Vec<_>>()
            .join(": ")
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotADatabase { hint, .. } | Self::Lacks { hint, .. } => Some(hint.clone()),
            Self::Open { source, .. } | Self::Query { source, .. } => hint_for(source),
            Self::NeedsImmutable { .. } => Some(
                "The folder cannot be written, so SQLite cannot share the WAL with other programs. \
                 If nobody writes to this file, open it as immutable (--immutable): \
                 a writer at the same time would make results wrong"
                    .to_owned(),
            ),
            Self::Refused { .. } => {
                Some("Write one SELECT, VALUES, WITH or EXPLAIN statement".to_owned())
            }
            Self::File { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                Some("Free some space, or choose a folder on another disk".to_owned())
            }
            Self::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Some("Check the path: a file or a folder on the way to it is not there".to_owned())
            }
            Self::File { source, .. }
                if source.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                Some("Check that you may use the file and the folders on the way to it".to_owned())
            }
            Self::Generate { source, .. }
                if source.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) =>
            {
                Some("Free some space, or choose a folder on another disk".to_owned())
            }
            Self::Setting { .. }
            | Self::Cancelled
            | Self::Invalid { .. }
            | Self::File { .. }
            | Self::Generate { .. }
            | Self::Reported(_)
            | Self::Other { .. } => None,
        }
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "most codes need no hint beyond SQLite's own words, and the enum may grow"
)]
fn hint_for(source: &rusqlite::Error) -> Option<String> {
    use rusqlite::ErrorCode as Code;

    let hint = match source.sqlite_error_code()? {
        Code::CannotOpen => "Check that the file exists and that you may read it",
        Code::PermissionDenied | Code::AuthorizationForStatementDenied => {
            "Only reading statements are allowed here"
        }
        Code::DatabaseBusy | Code::DatabaseLocked => {
            "Another program holds the file locked; try again in a moment"
        }
        Code::DatabaseCorrupt => {
            "The file is damaged. Run PRAGMA integrity_check on a copy, or restore a backup"
        }
        Code::NotADatabase => "The file is encrypted or not a SQLite database",
        Code::SystemIoFailure => "Check that the disk is still there, then open the file again",
        Code::OutOfMemory => {
            "The hard heap limit was reached. Raise it, or let temporary data go to a file"
        }
        Code::DiskFull => "SQLite ran out of space for temporary files",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// What a person sees of an error: one headline, the causes, and something to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What was tried and failed, starting with a capital.
    pub headline: String,
    /// Why, from the nearest to the deepest cause.
    pub causes: Vec<String>,
    /// What the person can do.
    pub hint: Option<String>,
}

impl From<&Error> for Report {
    fn from(error: &Error) -> Self {
        if let Error::Reported(report) = error {
            return report.clone();
        }
        let mut causes = Vec::new();
        if let Error::NotADatabase { found, .. } = error {
            causes.push(found.clone());
        }
        if let Error::Refused { reason } = error {
            causes.push(reason.clone());
        }
        let mut next = std::error::Error::source(error);
        while let Some(cause) = next {
            let text = describe(cause);
            // Some libraries repeat their cause inside their own text.
            if causes.last() != Some(&text) {
                causes.push(text);
            }
            // SQLite's failure has its own code as source; the message says the same in words.
            if let Some(rusqlite::Error::SqliteFailure(_, Some(_))) = cause.downcast_ref() {
                break;
            }
            next = cause.source();
        }
        Self {
            headline: capitalized(&error.to_string()),
            causes,
            hint: error.hint(),
        }
    }
}

fn describe_invalid(what: &str, text: &str, expected: &str) -> String {
    if text.is_empty() {
        format!("{what} is missing or empty: expected {expected}")
    } else {
        format!("{text:?} is not a valid {what}: expected {expected}")
    }
}

/// The text of a cause, with SQLite's code in parentheses so that it can be looked up.
fn describe(cause: &(dyn std::error::Error + 'static)) -> String {
    if let Some(rusqlite::Error::SqliteFailure(code, Some(message))) = cause.downcast_ref() {
        return format!("{message} (code {})", code.extended_code);
    }
    if let Some(code) = cause.downcast_ref::<rusqlite::ffi::Error>() {
        return format!("SQLite says {code}");
    }
    cause.to_string()
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            headline,
            causes,
            hint,
        } = self;
        write!(f, "{headline}")?;
        for cause in causes {
            write!(f, "\nbecause: {cause}")?;
        }
        if let Some(hint) = hint {
            write!(f, "\n{hint}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_headline_causes_and_hint() {
        let error = Error::Open {
            path: PathBuf::from("job.db"),
            source: rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN),
                Some("unable to open database file".to_owned()),
            ),
        };
        let text = Report::from(&error).to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "Could not open the database job.db");
        assert_eq!(lines[1], "because: unable to open database file (code 14)");
        assert_eq!(
            lines.last(),
            Some(&"Check that the file exists and that you may read it")
        );
    }

    #[test]
    fn an_interrupt_is_recognized_by_its_code() {
        let error = Error::Query {
            sql: "SELECT 1".to_owned(),
            source: rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT),
                None,
            ),
        };
        assert!(error.is_interrupt());
        assert!(!Error::Cancelled.is_interrupt());
    }
}
