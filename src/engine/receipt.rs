//! What a task did and what it cost. One structure for the window, the history and the command line.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::budget::{BudgetKind, LimitReached};
use crate::units::{Bytes, format_elapsed};

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every row was delivered.
    Finished,
    /// The user stopped it, or something newer replaced it.
    Cancelled,
    /// The profile's time limit stopped it.
    TimedOut,
    /// A budget or the memory guard stopped it.
    OverBudget,
    /// SQLite reported an error.
    Failed,
    /// In a recording of a later version: in a way that has no word here.
    Other,
}

impl Outcome {
    /// The word that stands beside the outcome's icon.
    pub fn label(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed out",
            Self::OverBudget => "over budget",
            Self::Failed => "failed",
            Self::Other => "ended",
        }
    }

    /// Whether the task was stopped before its end, by a person or by a limit.
    pub fn is_stop(self) -> bool {
        matches!(self, Self::Cancelled | Self::TimedOut | Self::OverBudget)
    }
}

/// What one task did and cost. All times are milliseconds, all sizes bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// How it ended.
    pub outcome: Outcome,
    /// What SQLite reported, where it failed.
    pub error: Option<String>,
    /// Which connection ran it, counted from 0. `None` if it never started.
    pub connection: Option<usize>,
    /// The name of the profile it ran with.
    pub profile: String,
    /// Time between asking for it and its start.
    pub queued_ms: f64,
    /// Time from its start to its first row.
    pub first_row_ms: Option<f64>,
    /// Time from its start to its end.
    pub elapsed_ms: f64,
    /// Rows delivered.
    pub rows: u64,
    /// `SQLITE_STMTSTATUS_VM_STEP`.
    pub vm_steps: u64,
    /// `SQLITE_STMTSTATUS_FULLSCAN_STEP`: steps through a table that no index narrowed down.
    pub fullscan_steps: u64,
    /// `SQLITE_STMTSTATUS_SORT`.
    pub sorts: u64,
    /// `SQLITE_STMTSTATUS_AUTOINDEX`: rows put into indexes that were built for this run only.
    pub autoindexes: u64,
    /// Pages found in the connection's page cache.
    pub cache_hits: u64,
    /// Pages read from the file.
    pub cache_misses: u64,
    /// Pages that had been changed and were written because the page cache was full: none, while
    /// everything only reads (`SQLITE_DBSTATUS_CACHE_SPILL`).
    pub cache_spills: u64,
    /// Bytes that sorts wrote to temporary files (`SQLITE_DBSTATUS_TEMPBUF_SPILL`).
    #[serde(default)]
    pub temp_spill_bytes: u64,
    /// SQLite heap of the process before the task.
    pub sqlite_heap_before_bytes: u64,
    /// The largest it was seen during the task, other tasks included.
    pub sqlite_heap_peak_bytes: u64,
    /// After the task and the profile's after-query action.
    pub sqlite_heap_after_bytes: u64,
    /// Resident set size before the task. `None` where the platform does not tell.
    pub rss_before_bytes: Option<u64>,
    /// The largest it was seen during the task.
    pub rss_peak_bytes: Option<u64>,
    /// After the task and the profile's after-query action.
    pub rss_after_bytes: Option<u64>,
    /// For a task that was stopped: when, and what came of it.
    pub stop: Option<Stop>,
    /// For a task that a limit stopped, or that went beyond one: which one.
    #[serde(default)]
    pub limit: Option<LimitReached>,
}

/// The stages of a stop.
#[expect(
    clippy::struct_field_names,
    reason = "the names are the keys of the JSON, where the unit must stand"
)]
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stop {
    /// From the task's start to the wish to stop it. 0 if it had not started.
    pub asked_ms: f64,
    /// From the wish to the moment SQLite returned.
    pub stopped_after_ms: f64,
    /// From the wish until the SQLite heap was within 5 % or 16 MiB of where it was before the
    /// task. `None`: it was not given back.
    pub given_back_after_ms: Option<f64>,
}

impl Receipt {
    /// How it ended, in a word or two: `finished`, or `finished, beyond its heap budget`.
    pub fn outcome_words(&self) -> String {
        let beyond = self.limit.and_then(|limit| limit.beyond());
        let label = self.label();
        beyond.map_or_else(|| label.to_owned(), |beyond| format!("{label}, {beyond}"))
    }

    /// The guard is no budget of the task that it stops.
    fn label(&self) -> &'static str {
        match self.limit {
            Some(limit) if limit.stopped && limit.kind == BudgetKind::Guard => {
                "stopped by the guard"
            }
            _ => self.outcome.label(),
        }
    }

    /// How much of the memory at its peak SQLite had returned when the task was over.
    pub fn given_back(&self) -> Bytes {
        Bytes(
            self.sqlite_heap_peak_bytes
                .saturating_sub(self.sqlite_heap_after_bytes),
        )
    }
}

/// Whether a heap of `now` counts as back where it was `before`.
pub fn is_given_back(before: Bytes, now: Bytes) -> bool {
    let tolerance = (before.0 / 20).max(Bytes::mib(16).0);
    now.0 <= before.0.saturating_add(tolerance)
}

/// One line: `cancelled after 2.1 s, stopped in 3.0 ms, 1.90 GiB given back in 140 ms`.
impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |ms: f64| format_elapsed(crate::units::seconds((ms / 1000.0).max(0.0)));
        let Some(stop) = self.stop else {
            return match self.outcome {
                Outcome::Failed => write!(f, "failed after {}", millis(self.elapsed_ms)),
                Outcome::Finished
                | Outcome::Cancelled
                | Outcome::TimedOut
                | Outcome::OverBudget
                | Outcome::Other => {
                    write!(
                        f,
                        "{} in {}, {}",
                        self.outcome.label(),
                        millis(self.elapsed_ms),
                        crate::units::counted(self.rows, "row", "rows")
                    )?;
                    let kept = self
                        .sqlite_heap_after_bytes
                        .saturating_sub(self.sqlite_heap_before_bytes);
                    // Below a mebibyte it is schema and statements, nothing to look after.
                    if kept >= Bytes::mib(1).0 {
                        write!(f, ", {} kept", Bytes(kept))?;
                    }
                    if let Some(beyond) = self.limit.and_then(|limit| limit.beyond()) {
                        write!(f, ", {beyond}")?;
                    }
                    Ok(())
                }
            };
        };
        if self.connection.is_none() {
            return write!(f, "{} before it started", self.label());
        }
        write!(
            f,
            "{} after {}, stopped in {}, ",
            self.label(),
            millis(stop.asked_ms),
            millis(stop.stopped_after_ms)
        )?;
        match stop.given_back_after_ms {
            Some(ms) => write!(f, "{} given back in {}", self.given_back(), millis(ms)),
            None => write!(
                f,
                "not given back: {} more than before",
                Bytes(
                    self.sqlite_heap_after_bytes
                        .saturating_sub(self.sqlite_heap_before_bytes)
                )
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_is_not_rows() {
        let mut receipt: Receipt = serde_json::from_value(serde_json::json!({
            "outcome": "finished", "error": null, "connection": 0, "profile": "jobscope",
            "queued_ms": 0.0, "first_row_ms": 1.0, "elapsed_ms": 20.0, "rows": 1, "vm_steps": 0,
            "fullscan_steps": 0, "sorts": 0, "autoindexes": 0, "cache_hits": 0, "cache_misses": 0,
            "cache_spills": 0, "sqlite_heap_before_bytes": 0, "sqlite_heap_peak_bytes": 0,
            "sqlite_heap_after_bytes": 0, "rss_before_bytes": null, "rss_peak_bytes": null,
            "rss_after_bytes": null, "stop": null,
        }))
        .expect("a receipt");
        assert_eq!(receipt.to_string(), "finished in 20 ms, 1 row");
        receipt.rows = 2;
        assert_eq!(receipt.to_string(), "finished in 20 ms, 2 rows");
    }

    #[test]
    fn the_guard_is_no_budget() {
        let mut receipt: Receipt = serde_json::from_value(serde_json::json!({
            "outcome": "over_budget", "error": null, "connection": 0, "profile": "jobscope",
            "queued_ms": 0.0, "first_row_ms": null, "elapsed_ms": 20.0, "rows": 0, "vm_steps": 0,
            "fullscan_steps": 0, "sorts": 0, "autoindexes": 0, "cache_hits": 0, "cache_misses": 0,
            "cache_spills": 0, "sqlite_heap_before_bytes": 0, "sqlite_heap_peak_bytes": 0,
            "sqlite_heap_after_bytes": 0, "rss_before_bytes": null, "rss_peak_bytes": null,
            "rss_after_bytes": null,
            "stop": { "asked_ms": 15.0, "stopped_after_ms": 5.0, "given_back_after_ms": 5.0 },
            "limit": { "kind": "guard", "limit": 1024, "reached": 1000 }
        }))
        .expect("a receipt");
        assert_eq!(receipt.outcome_words(), "stopped by the guard");
        assert!(
            receipt
                .to_string()
                .starts_with("stopped by the guard after 15")
        );
        if let Some(limit) = &mut receipt.limit {
            limit.kind = BudgetKind::Heap;
        }
        assert_eq!(receipt.outcome_words(), "over budget");
    }

    #[test]
    fn sixteen_mebibytes_or_five_percent_count_as_given_back() {
        assert!(is_given_back(Bytes(0), Bytes::mib(16)));
        assert!(!is_given_back(Bytes(0), Bytes::mib(17)));
        assert!(is_given_back(Bytes::gib(1), Bytes::mib(1024 + 51)));
        assert!(!is_given_back(Bytes::gib(1), Bytes::mib(1024 + 53)));
    }
}
