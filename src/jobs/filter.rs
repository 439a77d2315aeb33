//! What the user narrowed the jobs down to, as a WHERE clause with its values.

use serde::{Deserialize, Serialize};

use crate::db::value::Cell;

/// The jobs that are meant. Every condition that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobFilter {
    /// Exactly this cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Exactly this account name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Exactly this project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Any of these states; empty means any state.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<String>,
    /// Started at this time or later, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_unix_secs: Option<i64>,
    /// Started at this time or earlier, in Unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_unix_secs: Option<i64>,
}

/// SQL with its bound values. The values never become part of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sql {
    /// The statement, with one `?` per value.
    pub text: String,
    /// The values, in the order of their `?`.
    pub params: Vec<Cell>,
}

impl JobFilter {
    /// Whether every job matches.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// ` WHERE …` for the job table, or nothing. `extra` conditions come last, and must hold, too.
    pub fn to_where(&self, extra: Option<Sql>) -> Sql {
        let Self {
            cluster,
            user,
            project,
            states,
            from_unix_secs,
            to_unix_secs,
        } = self;
        let mut terms = Vec::new();
        let mut params = Vec::new();
        for (column, value) in [
            ("cluster", cluster),
            ("hpc_user", user),
            ("project", project),
        ] {
            if let Some(value) = value {
                terms.push(format!("{column} = ?"));
                params.push(Cell::Text(value.clone()));
            }
        }
        match states.as_slice() {
            [] => {}
            // A literal, as cc-backend writes it: only then does the planner see that a partial
            // index (WHERE job_state = 'running') fits.
            [state] if is_plain_word(state) => terms.push(format!("job_state = '{state}'")),
            several => {
                let marks = vec!["?"; several.len()].join(", ");
                terms.push(format!("job_state IN ({marks})"));
                params.extend(several.iter().cloned().map(Cell::Text));
            }
        }
        match (from_unix_secs, to_unix_secs) {
            (Some(from), Some(to)) => {
                terms.push("start_time BETWEEN ? AND ?".to_owned());
                params.extend([Cell::Int(*from), Cell::Int(*to)]);
            }
            (Some(from), None) => {
                terms.push("start_time >= ?".to_owned());
                params.push(Cell::Int(*from));
            }
            (None, Some(to)) => {
                terms.push("start_time <= ?".to_owned());
                params.push(Cell::Int(*to));
            }
            (None, None) => {}
        }
        if let Some(extra) = extra {
            terms.push(extra.text);
            params.extend(extra.params);
        }
        let text = if terms.is_empty() {
            String::new()
        } else {
            format!("\nWHERE {}", terms.join("\n  AND "))
        };
        Sql { text, params }
    }
}

fn is_plain_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_state_is_a_literal_and_everything_else_is_bound() {
        let filter = JobFilter {
            cluster: Some("fritz'; DROP TABLE job; --".to_owned()),
            states: vec!["running".to_owned()],
            from_unix_secs: Some(1),
            ..JobFilter::default()
        };
        let sql = filter.to_where(None);
        assert_eq!(
            sql.text,
            "\nWHERE cluster = ?\n  AND job_state = 'running'\n  AND start_time >= ?"
        );
        assert_eq!(sql.params.len(), 2);
    }

    #[test]
    fn a_strange_state_is_never_a_literal() {
        let filter = JobFilter {
            states: vec!["running' OR '1'='1".to_owned()],
            ..JobFilter::default()
        };
        let sql = filter.to_where(None);
        assert_eq!(sql.text, "\nWHERE job_state IN (?)");
        assert_eq!(sql.params.len(), 1);
    }
}
