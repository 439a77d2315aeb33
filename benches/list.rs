//! The job list at any size: first rows, jumps to any place before and after the rows are numbered,
//! numbering itself, dragging the thumb, and what the window holds after a minute of scrolling.
//!
//! Prints tables in Markdown; how to run it and what each figure means stands in `README.md`.

#![expect(
    clippy::print_stdout,
    reason = "the tables are what this program is for"
)]

#[expect(
    clippy::allow_attributes,
    reason = "what the other benchmarks use is not used here"
)]
#[allow(dead_code, reason = "shared with the other benchmarks")]
mod common;

use std::{
    ops::Range,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use jobscope::{
    command::Command,
    db::{
        connection::{self, OpenMode},
        profile::MemoryProfile,
    },
    engine::{
        Engine,
        message::{Event, Request, Task, TaskId},
    },
    error::{Error, Result},
    jobs::{
        catalogue::Clock,
        facts::DatabaseFacts,
        filter::{JobFilter, Selection},
        rows::ListQuery,
        sort::Sort,
    },
    memory::sample,
    state::{AppState, settings::Settings},
    units::{Bytes, format_count},
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use self::common::{in_ms, median, number_from_env, percentile, say, table_head};

/// Rows that are in sight at once.
const SIGHT: u64 = 40;

/// Places that are visited.
const PLACES: usize = 200;

/// What takes longer is stuck.
const PATIENCE: Duration = Duration::from_mins(5);

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
    let rounds = number_from_env("JOBSCOPE_BENCH_ROUNDS", 5)? as usize;
    let orders = std::env::var("JOBSCOPE_BENCH_SORT")
        .unwrap_or_else(|_| "start_time:desc,duration:desc".to_owned());
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let conn = connection::open(&path, OpenMode::ReadOnly)?;
    let facts = DatabaseFacts::read(&conn, &path, OpenMode::ReadOnly)?;
    println!("# The job list\n\n- Database: {}", facts.summary(None));
    println!("- Indexes: {}", facts.job_indexes.join(", "));
    println!("- Profile: {}\n", profile.name);
    let secs = number_from_env("JOBSCOPE_BENCH_SECS", 60)?;
    // First, while nothing else has been held.
    held(&path, &profile, Duration::from_secs(secs))?;
    for order in orders.split(',') {
        let sort: Sort = order.parse()?;
        println!("## Order {sort}\n");
        println!("{}", table_head(&["What", "median", "p99", "slowest"]));
        let mut first = Vec::new();
        for _ in 0..rounds {
            first.push(first_rows(&path, &profile, &sort)?);
        }
        times("first rows after opening", &first);
        let mut window = Window::open(&path, &profile, &sort)?;
        window.send(Command::CancelAll);
        window.until("quiet", |state| state.tasks.active.is_empty())?;
        let num_rows = window.state.jobs.num_rows();
        times(
            "rows after a jump, before the rows are numbered",
            &window.jumps(&mut rng, num_rows)?,
        );
        let mut numbering = Vec::new();
        for _ in 0..rounds {
            numbering.push(numbered(&path, &profile, &sort)?);
        }
        times("numbering all rows", &numbering);
        times(
            "the same keys in a bare loop",
            &bare_loop(&conn, &facts, &sort, rounds)?,
        );
        let mut window = Window::open(&path, &profile, &sort)?;
        window.until("the rows' numbers", |state| state.jobs.is_numbered())?;
        let num_rows = window.state.jobs.num_rows();
        times(
            "rows after a jump, once they are",
            &window.jumps(&mut rng, num_rows)?,
        );
        times(
            "rows after a drag over everything",
            &window.drags(num_rows, rounds)?,
        );
        let rate = num_rows as f64 / median(&seconds(&numbering));
        println!(
            "\nNumbering: {:.1} million rows a second; index of {} for {} rows\n",
            rate / 1e6,
            window.state.jobs.memory().positions,
            format_count(num_rows.cast_signed()),
        );
    }
    Ok(())
}

fn seconds(times: &[Duration]) -> Vec<f64> {
    times.iter().map(Duration::as_secs_f64).collect()
}

fn times(name: &str, times: &[Duration]) {
    let millis: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    println!(
        "| {name} | {} | {} | {} |",
        in_ms(median(&millis)),
        in_ms(percentile(&millis, 0.99)),
        in_ms(percentile(&millis, 1.0)),
    );
}

/// The window's state with a real engine behind it.
struct Window {
    engine: Engine,
    state: AppState,
    /// The most fetches that were under way or waited at once.
    most_tasks: usize,
}

impl Window {
    /// Opens a file and waits for its first rows.
    fn open(path: &Path, profile: &MemoryProfile, sort: &Sort) -> Result<Self> {
        let settings = Settings {
            profile: profile.clone(),
            sort: sort.clone(),
            ..Settings::default()
        };
        let mut window = Self {
            engine: Engine::start(profile, || ())?,
            state: AppState::new(settings),
            most_tasks: 0,
        };
        window.send(Command::Open {
            path: path.to_owned(),
            mode: OpenMode::ReadOnly,
        });
        window.until("the first rows", |state| {
            !state.jobs.is_outdated && state.jobs.rows.missing(&(0..SIGHT)).is_none()
        })?;
        Ok(window)
    }

    fn send(&mut self, command: Command) {
        let requests = self.state.handle(self.engine.now_secs(), command);
        for request in requests {
            self.engine.send(request);
        }
    }

    fn until(&mut self, what: &str, is_there: impl Fn(&AppState) -> bool) -> Result<Duration> {
        let started = Instant::now();
        while !is_there(&self.state) {
            if started.elapsed() > PATIENCE {
                return Err(Error::other("wait", format!("{what} did not come")));
            }
            let Some(news) = self.engine.wait(Duration::from_millis(1)) else {
                continue;
            };
            for request in self.state.apply(news) {
                self.engine.send(request);
            }
            self.most_tasks = self.most_tasks.max(self.state.tasks.active.len());
        }
        Ok(started.elapsed())
    }

    fn show(&mut self, sight: Range<u64>) -> Result<Duration> {
        let started = Instant::now();
        self.send(Command::ShowRows(sight.clone()));
        // Numbers may still move while they are guesses: what counts is what is in sight.
        let renumbered = self.state.jobs.renumbered;
        self.until("rows", |state| {
            let by = state.jobs.renumbered - renumbered;
            let moved = sight.start.saturating_add_signed(by)..sight.end.saturating_add_signed(by);
            state.jobs.rows.missing(&moved).is_none()
        })?;
        Ok(started.elapsed())
    }

    /// Jumps to random places, each after what is fetched around the one before has come.
    fn jumps(&mut self, rng: &mut ChaCha8Rng, num_rows: u64) -> Result<Vec<Duration>> {
        let mut times = Vec::new();
        for _ in 0..PLACES {
            let row = rng.random_range(0..num_rows - SIGHT);
            times.push(self.show(row..row + SIGHT)?);
            self.until("quiet", |state| !state.jobs.is_fetching())?;
        }
        Ok(times)
    }

    /// Drags the thumb from top to bottom in two seconds, sixty steps a second, and waits for the
    /// rows at some place where it stops.
    fn drags(&mut self, num_rows: u64, rounds: usize) -> Result<Vec<Duration>> {
        const STEPS: u64 = 120;

        let mut times = Vec::new();
        for round in 0..rounds as u64 {
            let end = STEPS - round * 7 - 1;
            for step in 0..end {
                let row = num_rows / STEPS * step;
                self.send(Command::ShowRows(row..row + SIGHT));
                let until = Instant::now() + Duration::from_micros(16_667);
                while let Some(left) = until.checked_duration_since(Instant::now()) {
                    if let Some(news) = self.engine.wait(left) {
                        for request in self.state.apply(news) {
                            self.engine.send(request);
                        }
                    }
                    self.most_tasks = self.most_tasks.max(self.state.tasks.active.len());
                }
            }
            // Between two steps, where no row has come yet.
            let row = num_rows / STEPS * end + num_rows / STEPS / (2 + round);
            times.push(self.show(row..row + SIGHT)?);
        }
        Ok(times)
    }
}

fn first_rows(path: &Path, profile: &MemoryProfile, sort: &Sort) -> Result<Duration> {
    let started = Instant::now();
    Window::open(path, profile, sort)?;
    Ok(started.elapsed())
}

fn selection() -> Selection {
    Selection::new(JobFilter::default(), Clock::default())
}

/// One pass of the position index on an engine of its own.
fn numbered(path: &Path, profile: &MemoryProfile, sort: &Sort) -> Result<Duration> {
    let mut engine = Engine::start(profile, || ())?;
    engine.send(Request::Open {
        path: path.to_owned(),
        mode: OpenMode::ReadOnly,
    });
    let mut started = Instant::now();
    let id = TaskId(1);
    loop {
        let Some(news) = engine.wait(Duration::from_millis(10)) else {
            continue;
        };
        if let Event::Ended { report, .. } = news.event {
            return report.map_or_else(
                || Ok(started.elapsed()),
                |report| Err(Error::Reported(report)),
            );
        }
        if let Some(answer) = news.event.answer_to_open() {
            answer.map_err(Error::Reported)?;
            started = Instant::now();
            let query = ListQuery::Positions(selection(), sort.clone());
            engine.send(Request::Run(id, Task::List(query)));
        }
    }
}

/// The same statement stepped through by nothing but SQLite.
fn bare_loop(
    conn: &connection::ReadConnection,
    facts: &DatabaseFacts,
    sort: &Sort,
    rounds: usize,
) -> Result<Vec<Duration>> {
    let sql = ListQuery::Positions(selection(), sort.clone()).sql(&facts.schema)?;
    let failed = |source| Error::Query {
        sql: sql.text.clone(),
        source,
    };
    (0..rounds)
        .map(|_| {
            let started = Instant::now();
            let mut statement = conn.prepare(&sql.text).map_err(failed)?;
            let params = rusqlite::params_from_iter(sql.params.iter());
            let mut rows = statement.query(params).map_err(failed)?;
            let mut num_rows = 0_u64;
            while rows.next().map_err(failed)?.is_some() {
                num_rows += 1;
            }
            std::hint::black_box(num_rows);
            Ok(started.elapsed())
        })
        .collect()
}

/// Scrolls through everything, forwards in pages and in jumps, and reads what it left behind.
fn held(path: &Path, profile: &MemoryProfile, how_long: Duration) -> Result<()> {
    let before = sample::rss().unwrap_or_default();
    let mut window = Window::open(path, profile, &Sort::default())?;
    window.until("the rows' numbers", |state| state.jobs.is_numbered())?;
    let num_rows = window.state.jobs.num_rows();
    let started = Instant::now();
    let mut most = Bytes(0);
    let mut row = 0;
    let mut shown = 0_u64;
    while started.elapsed() < how_long {
        window.show(row..row + SIGHT)?;
        shown += 1;
        // A dozen pages, then on to another part of the list.
        row += if shown.is_multiple_of(12) {
            num_rows / 997
        } else {
            SIGHT
        };
        if row + SIGHT >= num_rows {
            row = 0;
        }
        most = most.max(sample::rss().unwrap_or_default());
    }
    let after = sample::rss().unwrap_or_default();
    println!(
        "## Scrolling through everything for {} s\n",
        how_long.as_secs()
    );
    println!("{}", table_head(&["What", "Measured"]));
    println!(
        "| screens of {SIGHT} rows | {} |",
        format_count(shown.cast_signed())
    );
    println!("| RSS before opening | {before} |");
    println!(
        "| RSS at most, more than before | {} |",
        Bytes(most.0.saturating_sub(before.0))
    );
    println!(
        "| RSS at the end, more than before | {} |",
        Bytes(after.0.saturating_sub(before.0))
    );
    println!("| rows held | {} |", window.state.jobs.memory().rows);
    println!(
        "| position index | {} |",
        window.state.jobs.memory().positions
    );
    println!("| most tasks at once | {} |", window.most_tasks);
    Ok(())
}
