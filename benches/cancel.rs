//! How soon a cancelled query has stopped, and whether its memory comes back.
//!
//! Prints a table in Markdown; how to run it and what each figure means stands in `README.md`.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

mod common;

use std::{process::ExitCode, time::Duration};

use jobscope::{
    engine::{
        message::Task,
        receipt::{Outcome, Stop},
    },
    error::Result,
    memory::sample,
    units::Bytes,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use self::common::{
    Answer, Asking, Contents, JSON_SCAN, LIGHT_SCAN, heading, in_ms, is_wanted, median,
    number_from_env, percentile, row, say, table_head,
};

/// Sorts all rows by something that no index has: SQLite's sorter is where interrupts wait longest.
const SORT: &str =
    "SELECT id FROM job NOT INDEXED ORDER BY LENGTH(meta_data), duration * num_nodes";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error.chain());
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let path = common::database()?;
    let profile = common::profile()?;
    common::warm_up(&path)?;
    let contents = Contents::read(&path)?;
    let tries = number_from_env("JOBSCOPE_BENCH_TRIES", 100)?;
    println!("{}", heading("Cancelling", &contents, &profile)?);
    println!("{tries} cancels of each at random moments of its typical time\n");
    println!(
        "{}",
        table_head(&[
            "query",
            "typical time",
            "stopped",
            "too late",
            "stopped after, median",
            "p99",
            "slowest",
            "given back after, p99",
            "all done and told after, p99",
            "not given back",
            "RSS more than before, most",
        ])
    );
    let mut asking = Asking::open(&path, &profile)?;
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let own = [
        ("full scan: adds up numbers", LIGHT_SCAN),
        ("full scan: parses JSON", JSON_SCAN),
        ("full sort", SORT),
    ]
    .map(|(name, sql)| (name.to_owned(), Task::Sql(sql.to_owned())));
    let mut all = Tally::default();
    for (name, task) in contents.questions().into_iter().chain(own) {
        if !is_wanted(&name) {
            continue;
        }
        let typical = typical_ms(&mut asking, &task)?;
        let mut tally = Tally::default();
        for _ in 0..tries {
            let after = Duration::from_secs_f64(random.random_range(0.0..typical) / 1e3);
            let rss_before = sample::rss();
            let answer = asking.run(task.clone(), Some(after))?;
            tally.take(&answer, rss_before);
        }
        println!("{}", tally.row(&name, typical));
        all.absorb(tally);
    }
    println!("{}", all.row("**all**", f64::NAN));
    Ok(())
}

fn typical_ms(asking: &mut Asking, task: &Task) -> Result<f64> {
    let times = (0..3)
        .map(|_| Ok(asking.run(task.clone(), None)?.receipt.elapsed_ms))
        .collect::<Result<Vec<_>>>()?;
    Ok(median(&times))
}

/// What became of the cancels of one query.
#[derive(Default)]
struct Tally {
    stopped_after_ms: Vec<f64>,
    given_back_after_ms: Vec<f64>,
    /// Until the asking thread had the receipt: shrunk, trimmed, and free for the next task.
    told_after_ms: Vec<f64>,
    not_given_back: usize,
    /// Finished before the wish reached it.
    too_late: usize,
    most_rss: Bytes,
}

impl Tally {
    fn take(&mut self, answer: &Answer, rss_before: Option<Bytes>) {
        let rss_after = sample::rss().unwrap_or_default();
        let more = rss_after.0.saturating_sub(rss_before.unwrap_or_default().0);
        self.most_rss = self.most_rss.max(Bytes(more));
        let Some(stop) = answer.receipt.stop else {
            self.too_late += usize::from(answer.receipt.outcome == Outcome::Finished);
            return;
        };
        let Stop {
            asked_ms: _,
            stopped_after_ms,
            given_back_after_ms,
        } = stop;
        self.stopped_after_ms.push(stopped_after_ms);
        self.told_after_ms.push(answer.told_after_ms);
        match given_back_after_ms {
            Some(ms) => self.given_back_after_ms.push(ms),
            None => self.not_given_back += 1,
        }
    }

    fn absorb(&mut self, other: Self) {
        let Self {
            stopped_after_ms,
            given_back_after_ms,
            told_after_ms,
            not_given_back,
            too_late,
            most_rss,
        } = other;
        self.stopped_after_ms.extend(stopped_after_ms);
        self.given_back_after_ms.extend(given_back_after_ms);
        self.told_after_ms.extend(told_after_ms);
        self.not_given_back += not_given_back;
        self.too_late += too_late;
        self.most_rss = self.most_rss.max(most_rss);
    }

    fn row(&self, name: &str, typical_ms: f64) -> String {
        let stopped = &self.stopped_after_ms;
        row([
            name.to_owned(),
            in_ms(typical_ms),
            stopped.len().to_string(),
            self.too_late.to_string(),
            in_ms(median(stopped)),
            in_ms(percentile(stopped, 0.99)),
            in_ms(percentile(stopped, 1.0)),
            in_ms(percentile(&self.given_back_after_ms, 0.99)),
            in_ms(percentile(&self.told_after_ms, 0.99)),
            self.not_given_back.to_string(),
            self.most_rss.to_string(),
        ])
    }
}
