//! What it costs to watch: time, processor, disk; and whether what is shown is true.
//!
//! Prints tables in Markdown; how to run it and what each figure means stands in `README.md`.

#![expect(
    clippy::print_stdout,
    reason = "the tables are what this program is for"
)]

mod common;

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use jobscope::{
    db::{
        build::BuildFacts,
        pragma::CacheSize,
        profile::{AfterQuery, MemoryProfile},
        status,
    },
    engine::{
        give_back::{GiveBackReceipt, RungReceipt, whole_ladder},
        message::{Event, Request, Task},
    },
    error::{Error, Result},
    memory::{
        recording::{RecordingPlan, RecordingState},
        sample::{self, MachineReader, MemorySample, SlowReading},
    },
    units::Bytes,
};

use self::common::{
    Asking, Contents, JSON_SCAN, LIGHT_SCAN, heading, in_ms, is_wanted, median, millis, next_event,
    number_from_env, percentile, row, say, table_head,
};

/// Set in a process of its own for one part: what one leaves in the allocator must not be in the
/// figures of the next.
const PART: &str = "JOBSCOPE_BENCH_PART";

/// Reads every row and never ends, so that it can be stopped when its cache is full.
const ENDLESS_SCAN: &str = "SELECT COUNT(*) FROM job a NOT INDEXED CROSS JOIN job b NOT INDEXED \
                            WHERE LENGTH(b.meta_data) + a.id < 0";

/// Sorts all rows by something that no index has.
const SORT: &str = "SELECT COUNT(*) FROM (SELECT id FROM job NOT INDEXED \
                    ORDER BY LENGTH(meta_data), duration * num_nodes LIMIT 100000)";

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
    if let Ok(part) = std::env::var(PART) {
        return match part.as_str() {
            "cost" => cost(&path, &profile),
            "readings" => readings(),
            "sampler" => sampler(&path, &profile),
            "disk" => disk(&path, &profile),
            "give-back" => give_back(&path),
            "large" => large(&path),
            name => truth(&path, name),
        };
    }
    let contents = Contents::read(&path)?;
    println!("{}", heading("Watching", &contents, &profile)?);
    for part in ["cost", "readings", "sampler", "disk", "give-back"] {
        if is_wanted(part) {
            apart(part, &path)?;
        }
    }
    if is_wanted("truth") {
        println!("\n## Parts against RSS\n");
        println!("{}", truth_head());
        for profile in MemoryProfile::built_in() {
            apart(&profile.name, &path)?;
        }
    }
    if let Some(path) = std::env::var_os("JOBSCOPE_BENCH_LARGE").filter(|_| is_wanted("large")) {
        apart("large", Path::new(&path))?;
    }
    Ok(())
}

fn apart(part: &str, path: &Path) -> Result<()> {
    let failed = |source| Error::other(format!("run the part {part}"), source);
    let program = std::env::current_exe().map_err(failed)?;
    let status = Command::new(program)
        .arg(path)
        .env(PART, part)
        .status()
        .map_err(failed)?;
    if status.success() {
        Ok(())
    } else {
        Err(Error::other(
            format!("run the part {part}"),
            status.to_string(),
        ))
    }
}

fn sql(text: &str) -> Task {
    Task::Sql(text.to_owned())
}

/// Begins or ends a recording, and waits until that is done. Answers with its size.
fn record(asking: &mut Asking, to: Option<&Path>, profile: &MemoryProfile) -> Result<u64> {
    let plan = |path: &Path| -> Result<Box<RecordingPlan>> {
        Ok(Box::new(RecordingPlan {
            path: path.to_owned(),
            build: BuildFacts::read()?,
            database: None,
            profile: profile.clone(),
            overwrite: true,
        }))
    };
    asking
        .engine
        .send(Request::Record(to.map(plan).transpose()?));
    loop {
        if let Event::Recording(state) = next_event(&mut asking.engine)? {
            return match state {
                RecordingState::Began { .. } => Ok(0),
                RecordingState::Ended { bytes, .. } => Ok(bytes),
                RecordingState::Failed { report, .. } => Err(Error::Reported(report)),
            };
        }
    }
}

/// A file for a recording; the folder goes when this goes.
fn place() -> Result<(tempfile::TempDir, PathBuf)> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .map_err(|source| Error::other("create a folder", source))?;
    let path = folder.path().join("run.jsonl");
    Ok((folder, path))
}

/// A scan with and without a recording, in turn; a second one without says what the noise is.
fn cost(path: &Path, profile: &MemoryProfile) -> Result<()> {
    let rounds = number_from_env("JOBSCOPE_BENCH_TRIES", 25)?;
    let (_folder, file) = place()?;
    common::warm_up(path)?;
    println!("## A full scan with and without a recording, {rounds} rounds\n");
    println!(
        "{}",
        table_head(&[
            "scan",
            "without",
            "with",
            "with / without, median (10 % to 90 %)",
            "without / without (the noise)",
        ])
    );
    let mut asking = Asking::open(path, profile)?;
    for (name, text) in [("adds up numbers", LIGHT_SCAN), ("parses JSON", JSON_SCAN)] {
        asking.run(sql(text), None)?;
        let (mut without, mut with, mut ratios, mut noise) = (vec![], vec![], vec![], vec![]);
        for round in 0..rounds {
            let mut times = [0.0; 3];
            // Each of the three goes first in turn.
            for step in 0..3 {
                let which = ((round + step) % 3) as usize;
                let records = which == 1;
                if records {
                    record(&mut asking, Some(&file), profile)?;
                }
                let elapsed_ms = asking.run(sql(text), None)?.receipt.elapsed_ms;
                if records {
                    record(&mut asking, None, profile)?;
                }
                if let Some(time) = times.get_mut(which) {
                    *time = elapsed_ms;
                }
            }
            let [first, recorded, second] = times;
            without.push(first);
            with.push(recorded);
            ratios.push(recorded / first);
            noise.push(second / first);
        }
        println!(
            "{}",
            row([
                name.to_owned(),
                in_ms(median(&without)),
                in_ms(median(&with)),
                spread(&ratios),
                spread(&noise),
            ])
        );
    }
    Ok(())
}

fn spread(ratios: &[f64]) -> String {
    format!(
        "{:.3} ({:.3} to {:.3})",
        median(ratios),
        percentile(ratios, 0.1),
        percentile(ratios, 0.9)
    )
}

/// One reading, fast and slow, in a small and in a large process.
fn readings() -> Result<()> {
    println!("\n## One reading\n");
    println!("{}", table_head(&["RSS", "fast", "slow"]));
    let mut pages: Vec<Box<[u8]>> = Vec::new();
    for wanted in [Bytes(0), Bytes::gib(1), Bytes::gib(3)] {
        // As SQLite allocates a page cache: page by page.
        while (pages.len() * 4_400) < wanted.0 as usize {
            pages.push(vec![1_u8; 4_400].into_boxed_slice());
        }
        let (mut fast, mut slow) = (Vec::new(), Vec::new());
        for _ in 0..9 {
            let mut reader = MachineReader::default();
            let begun = Instant::now();
            let first = reader.read(0.0, || None);
            slow.push(begun.elapsed().as_secs_f64() * 1e6);
            if first.slow.is_none() {
                return Err(Error::other(
                    "read slowly",
                    "the first reading was a fast one",
                ));
            }
            for _ in 0..100 {
                let begun = Instant::now();
                let next = reader.read(0.0, || None);
                if next.slow.is_none() {
                    fast.push(begun.elapsed().as_secs_f64() * 1e6);
                }
            }
        }
        println!(
            "{}",
            row([
                sample::rss().unwrap_or_default().to_string(),
                format!("{:.0} µs", median(&fast)),
                format!("{:.0} µs", median(&slow)),
            ])
        );
    }
    Ok(())
}

/// Processor time of the sampling and the recording thread, as the scheduler counts it.
fn sampler(path: &Path, profile: &MemoryProfile) -> Result<()> {
    const TIME: Duration = Duration::from_secs(10);
    let (_folder, file) = place()?;
    println!("\n## Processor time of the threads that watch, per sample\n");
    println!("{}", table_head(&["while", "sampling", "recording"]));
    let mut asking = Asking::open(path, profile)?;
    for (name, records) in [("idle", false), ("idle, recording", true)] {
        if records {
            record(&mut asking, Some(&file), profile)?;
        }
        drop(asking.engine.samples());
        let before = ["jobscope-sampler", "jobscope-record"].map(cpu_nanos);
        std::thread::sleep(TIME);
        let after = ["jobscope-sampler", "jobscope-record"].map(cpu_nanos);
        let num_samples = asking.engine.samples().len().max(1) as f64;
        if records {
            record(&mut asking, None, profile)?;
        }
        let [sampling, recording] = [0, 1].map(|thread| {
            let spent = |at: [Option<u64>; 2]| at.get(thread).copied().flatten();
            (spent(before).zip(spent(after))).map_or_else(
                || "–".to_owned(),
                |(before, after)| format!("{:.0} µs", (after - before) as f64 / 1e3 / num_samples),
            )
        });
        println!("{}", row([name.to_owned(), sampling, recording]));
    }
    Ok(())
}

/// Nanoseconds that a thread of this name has run.
fn cpu_nanos(name: &str) -> Option<u64> {
    let threads = std::fs::read_dir("/proc/self/task").ok()?;
    threads.flatten().find_map(|thread| {
        let read = |file| std::fs::read_to_string(thread.path().join(file)).ok();
        // The kernel keeps 15 bytes of a name.
        let is_it = read("comm").is_some_and(|comm| name.starts_with(comm.trim()));
        let stat = is_it.then(|| read("schedstat")).flatten()?;
        stat.split_whitespace().next()?.parse().ok()
    })
}

/// What a recording takes on the disk, idle and busy.
fn disk(path: &Path, profile: &MemoryProfile) -> Result<()> {
    let time = Duration::from_secs(number_from_env("JOBSCOPE_BENCH_SECS", 60)?);
    let (_folder, file) = place()?;
    println!("\n## On the disk, extrapolated from {} s\n", time.as_secs());
    println!(
        "{}",
        table_head(&["while", "samples", "written", "in an hour"])
    );
    let mut asking = Asking::open(path, profile)?;
    for (name, is_busy) in [("idle", false), ("busy, one scan after the other", true)] {
        record(&mut asking, Some(&file), profile)?;
        drop(asking.engine.samples());
        let begun = Instant::now();
        while begun.elapsed() < time {
            if is_busy {
                asking.run(sql(JSON_SCAN), None)?;
            } else {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let num_samples = asking.engine.samples().len();
        let elapsed = begun.elapsed().as_secs_f64();
        let bytes = record(&mut asking, None, profile)?;
        println!(
            "{}",
            row([
                name.to_owned(),
                num_samples.to_string(),
                Bytes(bytes).to_string(),
                Bytes((bytes as f64 / elapsed * 3_600.0) as u64).to_string(),
            ])
        );
    }
    Ok(())
}

fn keeps(cache_size: CacheSize) -> MemoryProfile {
    MemoryProfile {
        name: "keeps".to_owned(),
        cache_size,
        soft_heap_limit: None,
        connections: 1,
        time_limit: None,
        after_query: AfterQuery::Nothing,
        ..MemoryProfile::jobscope()
    }
}

/// Runs a scan until its page cache holds so much, and stops it.
fn stopped_scan(asking: &mut Asking, enough: Bytes) -> Result<MemorySample> {
    drop(asking.engine.samples());
    let (id, _) = asking.ask(sql(ENDLESS_SCAN));
    let deadline = Instant::now() + Duration::from_mins(2);
    let full = loop {
        let samples = asking.engine.samples();
        if let Some(sample) = samples.into_iter().find(|sample| sample.caches() >= enough) {
            break sample;
        }
        if Instant::now() > deadline {
            return Err(Error::other(
                "fill the page cache",
                "the file is too small for it",
            ));
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    asking.engine.send(Request::Cancel(id));
    loop {
        if let Event::Ended { .. } = next_event(&mut asking.engine)? {
            return Ok(full);
        }
    }
}

fn walk(
    asking: &mut Asking,
    steps: Vec<jobscope::engine::give_back::Step>,
) -> Result<GiveBackReceipt> {
    asking.engine.send(Request::GiveBack(steps));
    loop {
        if let Event::GaveBack(receipt) = next_event(&mut asking.engine)? {
            return Ok(*receipt);
        }
    }
}

fn mib(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / f64::from(1 << 20))
}

/// What the ladder returns after a stopped scan, by its own words and by other readings.
fn give_back(path: &Path) -> Result<()> {
    let profile = keeps(CacheSize::KiB(1 << 20));
    let enough = Bytes::mib(1_020);
    println!("\n## The ladder after a stopped scan, `cache_size` 1 GiB\n");
    println!(
        "{}",
        table_head(&[
            "rung",
            "SQLite says",
            "measured",
            "system says",
            "measured",
            "time"
        ])
    );
    let mut asking = Asking::open(path, &profile)?;
    asking.run(sql("SELECT COUNT(*) FROM job WHERE id < 3"), None)?;
    for walked in 0..5 {
        asking.engine.send(Request::SetProfile(profile.clone()));
        let before = sample::rss().unwrap_or_default();
        stopped_scan(&mut asking, enough)?;
        let full = sample::rss().unwrap_or_default();
        let steps = whole_ladder(&profile, Bytes(0), None);
        let begun = Instant::now();
        if walked == 0 {
            // Rung by rung, so that others can be read in between.
            for step in steps {
                let (heap, rss) = (status::sqlite_heap(), sample::rss().unwrap_or_default());
                let receipt = walk(&mut asking, vec![step])?;
                let heap_after = status::sqlite_heap();
                let rss_after = sample::rss().unwrap_or_default();
                if let Some(rung) = receipt.rungs.first() {
                    let measured = (
                        heap.0 as f64 - heap_after.0 as f64,
                        rss.0 as f64 - rss_after.0 as f64,
                    );
                    println!("{}", rung_row(rung, measured));
                }
            }
            println!();
            println!(
                "{}",
                table_head(&[
                    "walk",
                    "RSS before the scan",
                    "after it",
                    "after the ladder",
                    "more than before",
                    "time"
                ])
            );
        } else {
            walk(&mut asking, steps)?;
        }
        let elapsed = millis(begun);
        let after = sample::rss().unwrap_or_default();
        println!(
            "{}",
            row([
                (walked + 1).to_string(),
                before.to_string(),
                full.to_string(),
                after.to_string(),
                mib(after.0 as f64 - before.0 as f64),
                in_ms(elapsed),
            ])
        );
    }
    Ok(())
}

fn rung_row(rung: &RungReceipt, measured: (f64, f64)) -> String {
    row([
        rung.rung.label().to_owned(),
        mib(rung.sqlite_freed().0 as f64),
        mib(measured.0),
        rung.system_got()
            .map_or_else(|| "–".to_owned(), |got| mib(got.0 as f64)),
        mib(measured.1),
        in_ms(rung.elapsed_ms),
    ])
}

fn truth_head() -> String {
    table_head(&[
        "profile",
        "query",
        "RSS at peak",
        "parts less RSS",
        "with the allocator's",
        "RSS at the end",
        "parts less RSS",
        "with the allocator's",
    ])
}

/// Whether parts are within 10 % or 24 MiB of the whole.
fn is_true(error: f64, rss: Bytes) -> bool {
    error.abs() <= (rss.0 as f64 / 10.0).max(f64::from(24 << 20))
}

/// Questions of every kind: what a list, a count, statistics, a scan and a sort do to memory.
fn questions(path: &Path) -> Result<Vec<(String, Task)>> {
    let contents = Contents::read(path)?;
    let chosen = [
        "50 jobs, newest",
        "5 000 jobs of one user",
        "count",
        "statistics",
        "statistics by user",
        "statistics by project",
    ];
    let mut tasks: Vec<_> = contents
        .questions()
        .into_iter()
        .filter(|(name, _)| chosen.contains(&name.as_str()))
        .collect();
    for (name, text) in [
        ("scan: numbers", LIGHT_SCAN),
        ("scan: JSON", JSON_SCAN),
        ("sort", SORT),
    ] {
        tasks.push((name.to_owned(), sql(text)));
    }
    Ok(tasks)
}

/// What all parts together are against the whole, at the peak and at the end of each query.
fn truth(path: &Path, profile: &str) -> Result<()> {
    let profile = MemoryProfile::find(profile)?;
    let tasks = questions(path)?;
    let mut asking = Asking::open(path, &profile)?;
    std::thread::sleep(Duration::from_millis(300));
    let before = asking.engine.samples();
    let own = own_of(&before);
    // The newest slow reading stands for the samples after it, as on the chart.
    let mut slow = newest_slow(&before, f64::INFINITY);
    let mut within = [0; 4];
    for (name, task) in &tasks {
        slow = newest_slow(&asking.engine.samples(), f64::INFINITY).or(slow);
        asking.run(task.clone(), None)?;
        std::thread::sleep(Duration::from_millis(250));
        let samples = asking.engine.samples();
        let last = samples.last().map(|last| last.connections.clone());
        let end = MemorySample {
            connections: last.unwrap_or_default(),
            ..MachineReader::default().read(0.0, || None)
        };
        let peak = samples.iter().max_by_key(|sample| sample.rss);
        let peak = peak.cloned().unwrap_or_else(|| end.clone());
        let at_peak = newest_slow(&samples, peak.at_secs).or_else(|| slow.clone());
        slow = newest_slow(&samples, f64::INFINITY).or(slow);
        let mut cells = vec![profile.name.clone(), name.clone()];
        let moments = [(&peak, at_peak), (&end, end.slow.clone())];
        for (place, (sample, slow)) in moments.into_iter().enumerate() {
            let rss = sample.rss.unwrap_or_default();
            let parts = sample.caches().0 + sample.sqlite_rest().0 + own;
            let kept = slow
                .as_ref()
                .and_then(SlowReading::kept)
                .unwrap_or_default();
            cells.push(rss.to_string());
            for (more, bytes) in [0, kept.0].into_iter().enumerate() {
                let error = (parts + bytes) as f64 - rss.0 as f64;
                cells.push(mib(error));
                if let Some(count) = within.get_mut(place * 2 + more) {
                    *count += usize::from(is_true(error, rss));
                }
            }
        }
        println!("{}", row(cells));
    }
    let of = |count: usize| format!("{count} of {}", tasks.len());
    let [peak, peak_kept, end, end_kept] = within.map(of);
    let none = String::new();
    println!(
        "{}",
        row([
            format!("**{}**", profile.name),
            "within 10 % or 24 MiB".to_owned(),
            none.clone(),
            peak,
            peak_kept,
            none,
            end,
            end_kept,
        ])
    );
    Ok(())
}

fn newest_slow(samples: &[MemorySample], until_secs: f64) -> Option<SlowReading> {
    let mut newest_first = samples.iter().rev();
    newest_first.find_map(|sample| sample.slow.clone().filter(|_| sample.at_secs <= until_secs))
}

/// What is neither SQLite's heap nor rows: RSS before the first query less the heap then.
fn own_of(samples: &[MemorySample]) -> u64 {
    let last = samples.last();
    last.and_then(|sample| Some(sample.rss?.0.saturating_sub(sample.sqlite_heap.0)))
        .unwrap_or_default()
}

/// A page cache above 2 GiB, where SQLite's own 32-bit counter has wrapped.
fn large(path: &Path) -> Result<()> {
    let profile = keeps(CacheSize::KiB(3 << 20));
    println!("\n## A page cache of 3 GiB\n");
    let mut asking = Asking::open(path, &profile)?;
    let heap_before = status::sqlite_heap();
    let sample = stopped_scan(&mut asking, Bytes::mib(3_050))?;
    println!(
        "shown {}; SQLite's heap grew by {}, RSS {}",
        sample.caches(),
        Bytes(sample.sqlite_heap.0.saturating_sub(heap_before.0)),
        sample.rss.unwrap_or_default()
    );
    let receipt = walk(&mut asking, whole_ladder(&profile, Bytes(0), None))?;
    println!("\n{}", receipt.sentence());
    Ok(())
}
