//! How a query is run and what it may use: the options that `query`, `sql` and `record` share.

use std::time::Duration;

use clap::{Args, value_parser};

use super::parse_positive_duration;
use crate::{
    db::{connection::OpenMode, profile::MemoryProfile},
    engine::{
        budget::{BudgetKind, default_guard},
        receipt::Receipt,
    },
    error::Result,
    units::{Bytes, exact_duration, parse_duration},
};

/// What a query may use. What is given here goes before what the profile says.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run options")]
pub(in crate::cli) struct LimitArgs {
    /// A built-in profile ("Before the fix", "First repair", "jobscope", …) or a TOML file.
    #[arg(long, default_value = "jobscope")]
    profile: String,
    /// Stop after this long (30s, 2 min).
    #[arg(long, value_name = "TIME", value_parser = parse_positive_duration)]
    time_limit: Option<Duration>,
    /// Stop when SQLite's heap has grown by this much (512 MiB). Beside other queries, only what the
    /// query's own connection holds counts, and no sorts.
    #[arg(long, visible_alias = "memory-budget", value_name = "SIZE", value_parser = Bytes::parse)]
    heap_budget: Option<Bytes>,
    /// Stop after so many rows.
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    row_budget: Option<u64>,
    /// Stop when the rows take this much.
    #[arg(long, value_name = "SIZE", value_parser = Bytes::parse)]
    result_budget: Option<Bytes>,
    /// Stop the largest query when the machine (or the control group) has less memory left; off for
    /// never. Without it 512 MiB, or 5 % of the memory if that is less.
    #[arg(long, value_name = "SIZE", value_parser = parse_keep)]
    keep_available: Option<Keep>,
    /// Cancel after this long, as if somebody pressed Ctrl-C.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub cancel_after: Option<Duration>,
    /// Open the file as immutable: only while nobody writes to it.
    #[arg(long)]
    immutable: bool,
}

/// How much the guard keeps available.
#[derive(Clone, Copy, Debug)]
enum Keep {
    Off,
    Size(Bytes),
}

impl LimitArgs {
    /// The profile, with what was said beside it.
    pub(in crate::cli) fn profile(&self) -> Result<MemoryProfile> {
        let profile = MemoryProfile::find(&self.profile)?;
        Ok(MemoryProfile {
            time_limit: self.time_limit.or(profile.time_limit),
            memory_budget: self.heap_budget.or(profile.memory_budget),
            row_budget: self.row_budget.or(profile.row_budget),
            result_budget: self.result_budget.or(profile.result_budget),
            ..profile
        })
    }

    pub(in crate::cli) fn mode(&self) -> OpenMode {
        if self.immutable {
            OpenMode::Immutable
        } else {
            OpenMode::ReadOnly
        }
    }

    /// What the guard keeps available. `None`: it is off.
    pub(in crate::cli) fn keep_available(&self) -> Option<Bytes> {
        match self.keep_available {
            None => default_guard(),
            Some(Keep::Off) => None,
            Some(Keep::Size(size)) => Some(size),
        }
    }
}

/// Which limit stopped a query, how far it had come, and with what it would come further. Or which
/// one it went beyond.
pub(in crate::cli) fn how_to_go_on(receipt: &Receipt) -> Option<String> {
    let limit = receipt.limit?;
    if let Some(beyond) = limit.beyond() {
        return Some(format!("it went {beyond}: {}", limit.sentence()));
    }
    let more = limit.limit.saturating_mul(2);
    let (flag, amount) = match limit.kind {
        BudgetKind::Time => ("--time-limit", exact_duration(Duration::from_millis(more))),
        BudgetKind::Heap => ("--heap-budget", Bytes(more).exact()),
        BudgetKind::Rows => ("--row-budget", more.to_string()),
        BudgetKind::Result => ("--result-budget", Bytes(more).exact()),
        BudgetKind::Guard => ("--keep-available", Bytes(limit.limit / 2).exact()),
    };
    // `1 GiB` would be two words for a shell.
    let amount = amount.replace(' ', "");
    Some(format!("{}; go on with {flag} {amount}", limit.sentence()))
}

fn parse_keep(text: &str) -> Result<Keep> {
    if text.eq_ignore_ascii_case("off") {
        return Ok(Keep::Off);
    }
    Bytes::parse(text).map(Keep::Size)
}
