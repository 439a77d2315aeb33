//! How fast the first jobs, the next jobs and every job query come, and what the engine costs.
//!
//! Prints tables in Markdown; how to run it and what each figure means stands in `README.md`.

#![expect(
    clippy::print_stdout,
    reason = "the tables are what this program is for"
)]

mod beside;
mod common;

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use jobscope::{
    command,
    db::{
        connection::{self, OpenMode},
        pragma::CacheSize,
        profile::{AfterQuery, MemoryProfile},
        status,
    },
    engine::{
        Engine,
        message::{Event, Request, Task},
    },
    error::{Error, Result},
    jobs::{
        catalogue::{Clock, JobQuery},
        facts::DatabaseFacts,
        filter::{JobFilter, Selection},
        histogram::{DurationBins, Metric, Resource},
        sort::Sort,
        statistics::GroupBy,
    },
    memory::sample::{self, MemorySample},
    state::{AppState, settings::Settings},
    units::Bytes,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use self::{
    beside::{BareLoop, cpu_ms},
    common::{
        Asking, Contents, JSON_SCAN, LIGHT_SCAN, heading, in_ms, is_wanted, median, millis,
        number_from_env, percentile, row, say, table_head,
    },
};

/// A round takes a short query more than once, for about this long: a single run of a fraction of
/// a millisecond says more about the scheduler than about the query.
const ROUND: Duration = Duration::from_millis(200);

/// Runs of the shortest queries in one round.
const MOST_RUNS: f64 = 50.0;

/// Places in the list that are visited.
const PLACES: usize = 20;

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
    if beside::is_bare_loop() {
        return beside::serve(&path, profile, &tasks(&Contents::read(&path)?));
    }
    common::warm_up(&path)?;
    let contents = Contents::read(&path)?;
    let rounds = number_from_env("JOBSCOPE_BENCH_ROUNDS", 5)? as usize;
    println!("{}", heading("Queries", &contents, &profile)?);
    first_jobs(&contents, &profile, rounds)?;
    next_jobs(&contents, &profile)?;
    job_queries(&contents, &profile, rounds)?;
    statistics_view(&contents, &profile, rounds)?;
    watching(&contents, &profile, rounds)?;
    if std::env::var_os("JOBSCOPE_BENCH_BIG").is_some() {
        large_counters(&contents)?;
    }
    Ok(())
}

/// From opening a file to its first 50 jobs on the way to the screen.
fn first_jobs(contents: &Contents, profile: &MemoryProfile, rounds: usize) -> Result<()> {
    let mut in_window = Vec::new();
    let mut from_process = Vec::new();
    for _ in 0..rounds {
        in_window.push(first_jobs_in_state(&contents.path, profile)?);
        from_process.push(first_jobs_of_process(&contents.path)?);
    }
    println!("## First 50 jobs after opening\n");
    println!("{}", table_head(&["from … to …", "median", "slowest"]));
    for (name, times) in [
        (
            "the command to open, to 50 rows in the window's state",
            in_window,
        ),
        (
            "the start of `jobscope query jobs`, to the 50th line",
            from_process,
        ),
    ] {
        println!(
            "{}",
            row([
                name.to_owned(),
                in_ms(median(&times)),
                in_ms(percentile(&times, 1.0))
            ])
        );
    }
    println!();
    Ok(())
}

/// The window without its drawing: the same state, the same engine, and so the same questions at
/// the same time (the count and the suggestions run beside the list).
fn first_jobs_in_state(path: &Path, profile: &MemoryProfile) -> Result<f64> {
    let mut engine = Engine::start(profile, || ())?;
    let mut state = AppState::new(Settings {
        profile: profile.clone(),
        ..Settings::default()
    });
    let started = Instant::now();
    let open = command::Command::Open {
        path: path.to_owned(),
        mode: OpenMode::ReadOnly,
    };
    for request in state.handle(engine.now_secs(), open) {
        engine.send(request);
    }
    while state.jobs.rows.len() < 50 {
        let Some(news) = engine.wait(Duration::from_mins(1)) else {
            return Err(Error::other("see 50 jobs", "nothing came for a minute"));
        };
        for request in state.apply(news) {
            engine.send(request);
        }
        if let Some(notice) = &state.notice {
            return Err(Error::Reported(notice.report.clone()));
        }
    }
    Ok(millis(started))
}

/// The whole program, from its start to the 50th line it prints.
fn first_jobs_of_process(path: &Path) -> Result<f64> {
    let failed = |source| Error::other("run jobscope query", source);
    let started = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_jobscope"))
        .arg("query")
        .arg(path)
        .args(["jobs", "--limit", "50", "--format", "csv"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let lines = child
        .stdout
        .take()
        .map_or(0, |output| BufReader::new(output).lines().take(51).count());
    let elapsed = millis(started);
    child.wait().map_err(failed)?;
    if lines < 51 {
        let found = format!("{lines} lines came, titles included");
        return Err(Error::other("see 50 jobs", found));
    }
    Ok(elapsed)
}

/// The next batch of the list, wherever the user has scrolled to.
fn next_jobs(contents: &Contents, profile: &MemoryProfile) -> Result<()> {
    let mut asking = Asking::open(&contents.path, profile)?;
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let places: Vec<_> = (0..PLACES)
        .map(|_| contents.place(random.random_range(0.0..1.0)))
        .collect();
    println!("## Next jobs at {PLACES} random places\n");
    println!("{}", table_head(&["batch", "median", "slowest"]));
    for limit in [50, 200] {
        let mut times = Vec::new();
        for place in &places {
            let query = JobQuery::Jobs {
                selection: Selection::default(),
                sort: Sort::default(),
                after: Some(place.clone()),
                limit: Some(limit),
            };
            times.push(batch_ms(&mut asking, query, limit as usize)?);
        }
        println!(
            "{}",
            row([
                format!("{limit} jobs, from asking to having them"),
                in_ms(median(&times)),
                in_ms(percentile(&times, 1.0))
            ])
        );
    }
    println!();
    Ok(())
}

/// From asking for a batch to having all of it; waits for the end of the task, too.
fn batch_ms(asking: &mut Asking, query: JobQuery, limit: usize) -> Result<f64> {
    let (id, asked) = asking.ask(Task::Query(query));
    let mut num_rows = 0;
    let mut complete = None;
    loop {
        let event = common::next_event(&mut asking.engine)?;
        if let Event::Rows { rows, .. } = &event {
            num_rows += rows.len();
            if num_rows >= limit {
                complete.get_or_insert_with(|| millis(asked));
            }
        }
        if matches!(event, Event::Ended { id: ended, .. } if ended == id) {
            // Near the end of the list there are fewer.
            return Ok(complete.unwrap_or_else(|| millis(asked)));
        }
    }
}

/// Everything that the bare loop may be asked, in the order of its numbers.
fn tasks(contents: &Contents) -> Vec<Task> {
    contents
        .questions()
        .into_iter()
        .map(|(_, task)| task)
        .chain(scans().map(|(_, task)| task))
        .collect()
}

fn scans() -> impl Iterator<Item = (&'static str, Task)> {
    [
        ("adds up numbers of every row", LIGHT_SCAN),
        ("parses the JSON of every row", JSON_SCAN),
    ]
    .into_iter()
    .map(|(name, sql)| (name, Task::Sql(sql.to_owned())))
}

/// One time in each column for each query, the three programs taking turns.
fn job_queries(contents: &Contents, profile: &MemoryProfile, rounds: usize) -> Result<()> {
    let mut asking = Asking::open(&contents.path, profile)?;
    let mut bare = BareLoop::start(&contents.path, profile)?;
    let version = beside::shell_version();
    let shell_title = version.as_ref().map_or_else(
        || "no sqlite3 shell here".to_owned(),
        |version| format!("sqlite3 {version}"),
    );
    println!("## Every job query beside a bare loop\n");
    println!(
        "{}",
        table_head(&[
            "query",
            "rows",
            "engine",
            "bare loop",
            "engine / bare",
            "more than bare",
            "asked to told",
            &shell_title,
        ])
    );
    for (number, (name, task)) in contents.questions().into_iter().enumerate() {
        if !is_wanted(&name) {
            continue;
        }
        let mut ours = Vec::new();
        let mut theirs = Vec::new();
        let mut ratios = Vec::new();
        let mut told = Vec::new();
        let mut shell = Vec::new();
        // Both sides once before it counts: pages in the system's cache, statistics of the
        // allocator, and how long a round will be.
        let rows = asking.run(task.clone(), None)?.receipt.rows;
        let typical = bare.run(number)?.elapsed_ms;
        let runs = (ROUND.as_secs_f64() * 1e3 / typical).clamp(1.0, MOST_RUNS) as usize;
        for _ in 0..rounds {
            let (mut a, mut b) = (Vec::new(), Vec::new());
            for _ in 0..runs {
                let answer = asking.run(task.clone(), None)?;
                a.push(answer.receipt.elapsed_ms);
                told.push(answer.told_after_ms);
                let run = bare.run(number)?;
                b.push(run.elapsed_ms);
                if run.rows != rows {
                    let found = format!("{rows} rows here, {} there", run.rows);
                    return Err(Error::other(format!("compare {name}"), found));
                }
            }
            ours.push(median(&a));
            theirs.push(median(&b));
            ratios.push(median(&a) / median(&b));
            if version.is_some() {
                shell.push(beside::shell_run(&contents.path, profile, &task)?);
            }
        }
        let (a, b) = (median(&ours), median(&theirs));
        println!(
            "{}",
            row([
                name,
                rows.to_string(),
                in_ms(a),
                in_ms(b),
                format!("{:.3}", median(&ratios)),
                in_ms((a - b).max(0.0)),
                in_ms(median(&told)),
                in_ms(median(&shell)),
            ])
        );
    }
    println!();
    Ok(())
}

/// What the Statistics view asks at once: totals, four groupings, four histograms.
fn view_queries(contents: &Contents) -> Vec<JobQuery> {
    let (_, newest) = contents.start_times;
    let clock = Clock {
        now_unix_secs: newest,
        ..Clock::default()
    };
    let selection = || Selection::new(JobFilter::default(), clock);
    let groupings = GroupBy::ALL.map(|by| JobQuery::StatisticsGrouped {
        selection: selection(),
        by,
        sort: None,
    });
    let resources =
        [Resource::Nodes, Resource::Cores].map(|resource| JobQuery::ResourceHistogram {
            selection: selection(),
            resource,
        });
    let others = [
        JobQuery::Statistics {
            selection: selection(),
        },
        JobQuery::DurationHistogram {
            selection: selection(),
            bins: DurationBins::Hour,
        },
        JobQuery::MetricHistogram {
            selection: selection(),
            metric: Metric {
                name: "cpu_load_avg".to_owned(),
                bins: 10,
                scale: None,
            },
        },
    ];
    groupings
        .into_iter()
        .chain(resources)
        .chain(others)
        .collect()
}

/// The whole view against its slowest query, times the queries, over the connections.
fn statistics_view(contents: &Contents, profile: &MemoryProfile, rounds: usize) -> Result<()> {
    let name = "statistics view";
    if !is_wanted(name) {
        return Ok(());
    }
    let queries = view_queries(contents);
    let mut asking = Asking::open(&contents.path, profile)?;
    let mut slowest = 0.0_f64;
    let mut one_by_one = 0.0;
    for query in &queries {
        let times = (0..rounds)
            .map(|_| {
                Ok(asking
                    .run(Task::Query(query.clone()), None)?
                    .receipt
                    .elapsed_ms)
            })
            .collect::<Result<Vec<_>>>()?;
        slowest = slowest.max(median(&times));
        one_by_one += median(&times);
    }
    let mut whole = Vec::new();
    for _ in 0..rounds {
        let asked = Instant::now();
        let mut waiting: Vec<_> = queries
            .iter()
            .map(|query| asking.ask(Task::Query(query.clone())).0)
            .collect();
        while !waiting.is_empty() {
            if let Event::Ended { id, report, .. } = common::next_event(&mut asking.engine)? {
                waiting.retain(|other| *other != id);
                if let Some(report) = report {
                    return Err(Error::Reported(report));
                }
            }
        }
        whole.push(millis(asked));
    }
    let connections = profile.connections as f64;
    let allowed = slowest * queries.len() as f64 / connections;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("## The Statistics view, complete\n");
    println!(
        "{}",
        table_head(&[
            "queries",
            "connections",
            "cores",
            "one by one",
            "slowest",
            "whole view",
            "slowest x queries / connections",
            "whole / that"
        ])
    );
    let whole = median(&whole);
    println!(
        "{}",
        row([
            queries.len().to_string(),
            format!("{connections}"),
            cores.to_string(),
            in_ms(one_by_one),
            in_ms(slowest),
            in_ms(whole),
            in_ms(allowed),
            format!("{:.2}", whole / allowed),
        ])
    );
    println!();
    Ok(())
}

/// What sampling and the progress handler cost together: a full scan with and without them.
fn watching(contents: &Contents, profile: &MemoryProfile, rounds: usize) -> Result<()> {
    // Processor time is counted around the task: nothing may follow it that is not part of it.
    let profile = MemoryProfile {
        after_query: AfterQuery::Nothing,
        ..profile.clone()
    };
    let mut asking = Asking::open(&contents.path, &profile)?;
    let mut bare = BareLoop::start(&contents.path, &profile)?;
    let first = contents.questions().len();
    println!("## Sampling and progress handler on a full scan\n");
    println!(
        "{}",
        table_head(&[
            "scan",
            "engine",
            "bare loop",
            "engine / bare",
            "processor time, engine",
            "processor time, bare loop",
            "engine / bare",
        ])
    );
    for (offset, (name, task)) in scans().enumerate() {
        if !is_wanted(name) {
            continue;
        }
        let mut wall = (Vec::new(), Vec::new(), Vec::new());
        let mut cpu = (Vec::new(), Vec::new(), Vec::new());
        asking.run(task.clone(), None)?;
        bare.run(first + offset)?;
        for _ in 0..rounds {
            let before = cpu_ms();
            let answer = asking.run(task.clone(), None)?;
            let used = cpu_ms() - before;
            let run = bare.run(first + offset)?;
            wall.0.push(answer.receipt.elapsed_ms);
            wall.1.push(run.elapsed_ms);
            wall.2.push(answer.receipt.elapsed_ms / run.elapsed_ms);
            cpu.0.push(used);
            cpu.1.push(run.cpu_ms);
            cpu.2.push(used / run.cpu_ms);
        }
        println!(
            "{}",
            row([
                name.to_owned(),
                in_ms(median(&wall.0)),
                in_ms(median(&wall.1)),
                format!("{:.3}", median(&wall.2)),
                in_ms(median(&cpu.0)),
                in_ms(median(&cpu.1)),
                format!("{:.3}", median(&cpu.2)),
            ])
        );
    }
    println!();
    Ok(())
}

/// A page cache of more than 2 GiB, to see that no counter wraps: SQLite's older calls count in
/// 32 bits and would show the difference.
fn large_counters(contents: &Contents) -> Result<()> {
    let profile = MemoryProfile {
        name: "3 GiB of page cache".to_owned(),
        cache_size: CacheSize::KiB(3 << 20),
        soft_heap_limit: None,
        connections: 1,
        time_limit: None,
        after_query: AfterQuery::Nothing,
        ..MemoryProfile::jobscope()
    };
    let mut asking = Asking::open(&contents.path, &profile)?;
    let rss_before = sample::rss().unwrap_or_default();
    let heap_before = status::sqlite_heap();
    println!("## Counters above 2 GiB\n");
    println!(
        "{}",
        table_head(&[
            "after",
            "page cache as published",
            "SQLite heap grown by",
            "RSS grown by",
            "heap in 32 bits",
        ])
    );
    let show = |asking: &mut Asking, what: &str| {
        // The next sample is at most a tenth of a second away.
        std::thread::sleep(Duration::from_millis(250));
        let caches = asking.engine.samples().last().map(MemorySample::caches);
        let heap = grown(heap_before, status::sqlite_heap());
        println!(
            "{}",
            row([
                what.to_owned(),
                caches.unwrap_or_default().to_string(),
                heap.to_string(),
                grown(rss_before, sample::rss().unwrap_or_default()).to_string(),
                format!("{} MiB", i64::from(heap.0 as i32) >> 20),
            ])
        );
    };
    // LENGTH of text needs all of it; LENGTH of bytes would skip the overflow pages.
    let table = "SELECT SUM(LENGTH(CAST(meta_data AS TEXT))), \
        SUM(LENGTH(CAST(resources AS TEXT))) FROM job NOT INDEXED";
    asking.run(Task::Sql(table.to_owned()), None)?;
    show(&mut asking, "reading the table");
    let conn = connection::open(&contents.path, OpenMode::ReadOnly)?;
    let facts = DatabaseFacts::read(&conn, &contents.path, OpenMode::ReadOnly)?;
    drop(conn);
    // A partial index cannot answer this; what it holds is small.
    for index in facts
        .job_indexes
        .iter()
        .filter(|name| !name.contains("running"))
    {
        let sql = format!("SELECT COUNT(start_time) FROM job INDEXED BY \"{index}\"");
        asking.run(Task::Sql(sql), None)?;
    }
    show(&mut asking, "reading all indexes, too");
    asking.engine.send(Request::Shrink);
    while !matches!(
        common::next_event(&mut asking.engine)?,
        Event::Shrunk { .. }
    ) {}
    status::trim_allocator();
    show(&mut asking, "shrinking");
    println!();
    Ok(())
}

fn grown(before: Bytes, now: Bytes) -> Bytes {
    Bytes(now.0.saturating_sub(before.0))
}
