//! How a query is run and what it may use: the options that `query`, `sql` and `record` share.

use std::time::Duration;

use clap::Args;

use crate::{
    db::{connection::OpenMode, profile::MemoryProfile},
    engine::{
        budget::{BudgetKind, default_guard},
        receipt::Receipt,
    },
    error::{Error, Result},
    memory::sample::MachineReader,
    units::{Bytes, exact_duration, parse_duration},
};

/// What a query may use. What is given here goes before what the profile says.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run options")]
pub(in crate::cli) struct LimitArgs {
    /// A built-in profile ("Before the fix", "First repair", "jobscope", …) or a TOML file.
    #[arg(long, default_value = "jobscope")]
    profile: String,
    /// Stop after this long (30s, 2 min); off for never, whatever the profile says.
    #[arg(long, value_name = "TIME", value_parser = parse_time_limit)]
    time_limit: Option<Budget<Duration>>,
    /// Stop when SQLite's heap has grown by this much (512 MiB). Beside other queries, only what the
    /// query's own connection holds counts, and no sorts. Off for never.
    #[arg(long, visible_alias = "memory-budget", value_name = "SIZE", value_parser = parse_size_budget)]
    heap_budget: Option<Budget<Bytes>>,
    /// Stop after so many rows; off for never.
    #[arg(long, value_name = "N", value_parser = parse_row_budget)]
    row_budget: Option<Budget<u64>>,
    /// Stop when the rows take this much; off for never.
    #[arg(long, value_name = "SIZE", value_parser = parse_size_budget)]
    result_budget: Option<Budget<Bytes>>,
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

/// What was given for a budget. It goes before what the profile says, `off`, too.
#[derive(Clone, Copy, Debug)]
enum Budget<T> {
    Off,
    Of(T),
}

impl<T: Copy + Default + PartialEq> Budget<T> {
    fn parse(what: &str, text: &str, parse: impl FnOnce(&str) -> Result<T>) -> Result<Self> {
        if text.trim().eq_ignore_ascii_case("off") {
            return Ok(Self::Off);
        }
        let amount = parse(text)?;
        if amount == T::default() {
            let expected = "more than nothing, or off for any amount";
            return Err(Error::invalid(what, text, expected));
        }
        Ok(Self::Of(amount))
    }

    fn or(given: Option<Self>, of_profile: Option<T>) -> Option<T> {
        match given {
            None => of_profile,
            Some(Self::Off) => None,
            Some(Self::Of(amount)) => Some(amount),
        }
    }
}

fn parse_time_limit(text: &str) -> Result<Budget<Duration>> {
    Budget::parse("time limit", text, parse_duration)
}

fn parse_size_budget(text: &str) -> Result<Budget<Bytes>> {
    Budget::parse("budget", text, Bytes::parse)
}

fn parse_row_budget(text: &str) -> Result<Budget<u64>> {
    Budget::parse("budget", text, |text| {
        let expected = "a number of rows, or off";
        (text.trim().parse()).map_err(|_not_a_number| Error::invalid("budget", text, expected))
    })
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
            time_limit: Budget::or(self.time_limit, profile.time_limit),
            memory_budget: Budget::or(self.heap_budget, profile.memory_budget),
            row_budget: Budget::or(self.row_budget, profile.row_budget),
            result_budget: Budget::or(self.result_budget, profile.result_budget),
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
    ///
    /// # Errors
    /// If that is all the memory there is: then nothing could ever run.
    pub(in crate::cli) fn keep_available(&self) -> Result<Option<Bytes>> {
        match self.keep_available {
            None => Ok(default_guard()),
            Some(Keep::Off) => Ok(None),
            Some(Keep::Size(size)) => match MachineReader::default().total() {
                Some(total) if size >= total => {
                    let expected = format!("less than the {total} of the machine, or off");
                    Err(Error::invalid("--keep-available", size.exact(), expected))
                }
                Some(_) | None => Ok(Some(size)),
            },
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
        // No larger value is a remedy, and no smaller one is known to be.
        BudgetKind::Guard => {
            let sentence = limit.sentence();
            return Some(format!(
                "{sentence}; a lower --keep-available would let it go on"
            ));
        }
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
