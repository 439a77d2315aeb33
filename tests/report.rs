//! Recordings as pages, pictures and tables, through the program itself.

#![expect(
    clippy::expect_used,
    reason = "a test without its recording or its program has failed"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use jobscope::{
    db::{
        build::BuildFacts,
        pragma::CacheSize,
        profile::MemoryProfile,
        status::{AllocatorReading, HeapLimits},
    },
    engine::{
        budget::{BudgetKind, LimitReached},
        give_back::{GiveBackReceipt, Rung, RungReceipt},
        receipt::{Outcome, Receipt, Stop},
    },
    memory::{
        journal::Entry,
        marker::{Band, ClockChange, Marker, MarkerKind},
        recording::{Header, RecordedDatabase, Recorder, Recording, RecordingPlan, TaskReceipt},
        sample::{ConnectionReading, ConnectionState, MemorySample, SlowReading},
    },
    units::Bytes,
};

/// The colours of RSS on a light and on a dark page.
const RSS: [u8; 3] = [0x0A, 0x5F, 0xC4];
const RSS_DARK: [u8; 3] = [0x5A, 0xA9, 0xFF];

fn header(path: &Path) -> Header {
    let mut profile = MemoryProfile::jobscope();
    profile.cache_size = CacheSize::KiB(65_536);
    profile.soft_heap_limit = Some(Bytes::mib(180));
    profile.hard_heap_limit = Some(Bytes::gib(64));
    Header::of(&RecordingPlan {
        path: path.to_owned(),
        build: BuildFacts::read().expect("the linked SQLite answers"),
        database: Some(RecordedDatabase {
            file_bytes: 3 << 30,
            wal_bytes: None,
            page_size: 4096,
            journal_mode: "wal".to_owned(),
            schema_version: Some(11),
            estimated_jobs: 200_000,
            job_indexes: vec!["jobs_energy_starttime".to_owned()],
            job_is_analyzed: true,
        }),
        profile,
        overwrite: false,
    })
}

fn band(task: u64, title: &str, from_secs: f64) -> Band {
    Band {
        task,
        title: title.to_owned(),
        is_background: false,
        connection: Some(0),
        from_secs,
        first_row_secs: None,
        stop_asked_secs: None,
        end: None,
        given_back_secs: None,
    }
}

fn receipt(outcome: Outcome, secs: f64) -> Receipt {
    let is_stop = outcome.is_stop();
    Receipt {
        outcome,
        error: None,
        connection: Some(0),
        profile: "jobscope".to_owned(),
        queued_ms: 0.5,
        first_row_ms: Some(secs * 500.0),
        elapsed_ms: secs * 1e3,
        rows: 12_345,
        vm_steps: 5_000,
        fullscan_steps: 0,
        sorts: 0,
        autoindexes: 0,
        cache_hits: 100,
        cache_misses: 200,
        cache_spills: 0,
        temp_spill_bytes: 0,
        sqlite_heap_before_bytes: 1 << 20,
        sqlite_heap_peak_bytes: 90 << 20,
        sqlite_heap_after_bytes: 2 << 20,
        rss_before_bytes: Some(50 << 20),
        rss_peak_bytes: Some(212 << 20),
        rss_after_bytes: Some(60 << 20),
        stop: is_stop.then_some(Stop {
            asked_ms: secs * 1e3 - 3.0,
            stopped_after_ms: 3.0,
            given_back_after_ms: Some(140.0),
        }),
        limit: (outcome == Outcome::OverBudget).then_some(LimitReached {
            kind: BudgetKind::Heap,
            limit: 512 << 20,
            reached: 513 << 20,
            stopped: true,
        }),
    }
}

fn ended(task: u64, at_secs: f64, outcome: Outcome, secs: f64) -> Entry {
    Entry::Ended(Box::new(TaskReceipt {
        at_secs: at_secs + 0.01,
        ended_secs: Some(at_secs),
        task,
        receipt: receipt(outcome, secs),
    }))
}

fn mark(at_secs: f64, kind: MarkerKind, text: &str) -> Entry {
    Entry::Mark(Marker {
        at_secs,
        kind,
        text: text.to_owned(),
    })
}

fn ladder(at_secs: f64) -> Entry {
    let rung = |rung, before: u64, after: u64| RungReceipt {
        rung,
        sqlite_heap_before_bytes: before << 20,
        sqlite_heap_after_bytes: after << 20,
        rss_before_bytes: Some((before + 30) << 20),
        rss_after_bytes: Some((after + 10) << 20),
        elapsed_ms: 12.0,
        trouble: None,
    };
    Entry::GaveBack {
        at_secs,
        receipt: Box::new(GiveBackReceipt {
            rungs: vec![rung(Rung::ReleaseMemory, 90, 10), rung(Rung::Trim, 10, 10)],
            elapsed_ms: 24.0,
        }),
    }
}

/// The sample of each tenth of a second.
fn sample(at_secs: f64, since_start: f64) -> MemorySample {
    let wave = (since_start / 3.0).sin().abs();
    let pages = (since_start * 400.0) as u64;
    let connection = |share: f64| ConnectionReading {
        state: ConnectionState::Busy,
        task: Some(1),
        cache_used: Bytes((wave * share * 60e6) as u64),
        cache_hits: pages * 9,
        cache_misses: pages,
        snapshot_secs: Some(since_start),
        ..ConnectionReading::default()
    };
    let is_second = ((since_start * 10.0).round() as u64).is_multiple_of(10);
    MemorySample {
        at_secs,
        rss: Some(Bytes((80e6 + wave * 140e6) as u64)),
        sqlite_heap: Bytes((10e6 + wave * 100e6) as u64),
        sqlite_heap_peak: Bytes(110_000_000),
        available: Some(Bytes::gib(12)),
        connections: vec![
            connection(1.0),
            ConnectionReading::default(),
            connection(0.5),
        ],
        slow: is_second.then(|| SlowReading {
            pss: Some(Bytes(70_000_000)),
            anonymous: Some(Bytes(60_000_000)),
            allocator: Some(AllocatorReading {
                in_use: Bytes(20_000_000),
                free: Bytes(30_000_000),
            }),
            ..SlowReading::default()
        }),
        ..MemorySample::default()
    }
}

/// What the first task is called: a page that does not escape it runs a script.
const TITLE: &str = "<script>alert('x')</script> & co";

/// A recording of `secs` seconds, whose clock began `start_secs` earlier, with a gap in it.
fn record(path: &Path, start_secs: f64, first_task: f64, secs: f64) {
    let mut recorder = Recorder::create(path, &header(path)).expect("created");
    let mut entries = vec![
        (
            first_task,
            Entry::Started(band(1, "Histogram of runtimes", start_secs + first_task)),
        ),
        (
            first_task + 0.5,
            mark(
                start_secs + first_task + 0.5,
                MarkerKind::Setting,
                "cache_size 64 MiB → 1 GiB",
            ),
        ),
        (
            first_task + 3.0,
            ended(1, start_secs + first_task + 3.0, Outcome::Finished, 3.0),
        ),
        (
            first_task + 4.0,
            Entry::Started(band(2, TITLE, start_secs + first_task + 4.0)),
        ),
        (
            first_task + 5.0,
            ended(2, start_secs + first_task + 5.0, Outcome::OverBudget, 1.0),
        ),
        (first_task + 6.0, ladder(start_secs + first_task + 6.0)),
    ]
    .into_iter()
    .peekable();
    for tick in 0..(secs * 10.0) as u32 {
        let since_start = f64::from(tick) / 10.0;
        // Nobody read for two seconds.
        if !(8.0..10.0).contains(&since_start) {
            let sample = sample(start_secs + since_start, since_start);
            recorder.sample(&sample).expect("written");
        }
        while let Some((_, entry)) = entries.next_if(|(at, _)| *at <= since_start) {
            recorder.entry(&entry).expect("written");
        }
    }
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.jsonl");
    record(&path, 5.0, 2.0, 16.0);
    (folder, path)
}

fn report(inputs: &[&Path], output: &Path, options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jobscope"))
        .arg("report")
        .args(inputs)
        .arg("-o")
        .arg(output)
        .args(options)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("HOME")
        .env("TZ", "UTC")
        .output()
        .expect("the program")
}

fn talk(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn done(inputs: &[&Path], output: &Path, options: &[&str]) -> Vec<u8> {
    // The tests write several reports to one place.
    let options = [options, &["--force"]].concat();
    let result = report(inputs, output, &options);
    assert!(result.status.success(), "{options:?}: {}", talk(&result));
    fs::read(output).expect("written")
}

fn text(inputs: &[&Path], output: &Path, options: &[&str]) -> String {
    String::from_utf8(done(inputs, output, options)).expect("text")
}

/// Every tag is closed by its own name, and nothing is left open.
fn assert_balanced(text: &str) {
    let mut open: Vec<&str> = Vec::new();
    // What is in a style sheet is no tag.
    let body = text.split_once("</style>").map_or(text, |(_, body)| body);
    let body = format!("<html><head>{body}");
    let body = if text.starts_with("<svg") {
        text
    } else {
        &body
    };
    for part in body.split('<').skip(1) {
        let (tag, _) = part.split_once('>').expect("a tag ends");
        let name = tag
            .split_whitespace()
            .next()
            .unwrap_or("")
            .trim_end_matches('/');
        if let Some(closed) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "{}", &part[..part.len().min(60)]);
        } else if !tag.ends_with('/') && !matches!(name, "meta" | "br" | "!doctype") {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

fn assert_stands_alone(text: &str) {
    let text = text.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for outside in ["http", "src=", "href", "url(", "@import", "<script"] {
        assert!(!text.contains(outside), "{outside}");
    }
}

#[test]
fn a_picture_names_curves_units_tasks_and_marks() {
    let (folder, path) = folder();
    let svg = text(&[&path], &folder.path().join("run.svg"), &[]);
    for words in [
        "role=\"img\"",
        "<desc>From 5.0 s to 20.9 s.",
        "Memory over time",
        ">MiB<",
        ">RSS<",
        ">SQLite heap<",
        ">Kept by the allocator (~)<",
        "Histogram of runtimes · finished",
        "· over budget",
        "1 · 7.5 s · setting changed: cache_size 64 MiB → 1 GiB",
        "Trim the allocator",
        "soft heap limit 180 MiB",
        "hard heap limit 64.0 GiB, above this chart",
        "seconds since the program started",
        "Page cache hit ratio",
        "pages/s",
    ] {
        assert!(svg.contains(words), "{words} is missing");
    }
    assert_balanced(&svg);
    assert_stands_alone(&svg);
    let only = &[
        "--quantities",
        "available,sqlite_heap",
        "--title",
        "Only \"this\"",
    ];
    let svg = text(&[&path], &folder.path().join("some.svg"), only);
    assert!(svg.contains(">Machine available<") && !svg.contains(">RSS<"));
    assert!(svg.contains("Only &quot;this&quot;") && svg.contains(">GiB<"));
}

#[test]
fn the_time_of_day_stands_below_a_chart_by_the_clock() {
    let (folder, path) = folder();
    let svg = text(&[&path], &folder.path().join("run.svg"), &["--clock"]);
    assert!(svg.contains("time of day (UTC)"));
    let header = Recording::read(&path).expect("read").header;
    // The first sample is the moment that the header tells.
    let secs = (header.recorded_at_unix_secs % 86_400) as f64 + 2.5;
    let secs = secs.round() as i64;
    let moment = format!(
        "{:02}:{:02}:{:02}",
        secs / 3600 % 24,
        secs / 60 % 60,
        secs % 60
    );
    assert!(svg.contains(&format!("1 · {moment} · setting")), "{moment}");
}

#[test]
fn times_of_day_are_right_before_and_after_the_clock_was_set() {
    let (folder, path) = folder();
    let mut lines: Vec<_> = fs::read_to_string(&path)
        .expect("text")
        .lines()
        .map(str::to_owned)
        .collect();
    let began = Recording::read(&path)
        .expect("read")
        .header
        .recorded_at_unix_secs;
    let change = ClockChange {
        at_secs: 10.95,
        by_secs: -7_200.5,
    };
    let clock = folder.path().join("clock.jsonl");
    let mut recorder = Recorder::create(&clock, &header(&clock)).expect("created");
    recorder
        .entry(&Entry::ClockChanged(change))
        .expect("written");
    let line = fs::read_to_string(&clock).expect("text");
    lines.push(line.lines().nth(1).expect("the mark").to_owned());
    fs::write(&path, lines.join("\n") + "\n").expect("written");
    let events = folder.path().join("events.csv");
    let events_path = events.to_str().expect("text");
    let csv = text(
        &[&path],
        &folder.path().join("run.csv"),
        &["--events", events_path],
    );
    let events = fs::read_to_string(events).expect("written");
    assert!(events.contains("The clock was set back by"), "{events}");
    let mut num_after = 0;
    for table in [csv, events] {
        let mut rows = csv::Reader::from_reader(table.as_bytes());
        for row in rows.records().map(|row| row.expect("a row")) {
            let number = |column: usize| row[column].parse::<f64>().expect("a number");
            let is_after = number(0) >= change.at_secs;
            let shift = if is_after { change.by_secs } else { 0.0 };
            let unix_secs = began as f64 + number(0) - 5.0 + shift;
            assert!((number(1) - unix_secs).abs() < 0.002, "{row:?}");
            num_after += u32::from(is_after);
        }
    }
    assert!(num_after > 50, "{num_after}");
}

#[test]
fn a_limit_is_drawn_where_it_was_in_force() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let path = folder.join("run.jsonl");
    let mut recorder = Recorder::replace(&path, &header(&path)).expect("created");
    for tick in 0..100 {
        let at_secs = f64::from(tick) / 10.0;
        recorder.sample(&sample(at_secs, at_secs)).expect("written");
        if tick == 40 {
            let limits = HeapLimits {
                soft: Some(Bytes::mib(120)),
                hard: None,
            };
            let entry = Entry::Limits { at_secs, limits };
            recorder.entry(&entry).expect("written");
        }
    }
    let svg = text(&[&path], &folder.join("a.svg"), &[]);
    assert!(svg.contains("soft heap limit 180 MiB"), "of the profile");
    assert!(svg.contains("soft heap limit 120 MiB"), "of later");
    let late = text(&[&path], &folder.join("b.svg"), &["--from", "5"]);
    assert!(!late.contains("soft heap limit 180 MiB"));
    assert!(late.contains("soft heap limit 120 MiB"));
    let early = text(&[&path], &folder.join("c.svg"), &["--to", "3"]);
    assert!(early.contains("soft heap limit 180 MiB"));
    assert!(!early.contains("soft heap limit 120 MiB"));
}

#[test]
fn a_gap_between_samples_is_a_gap_in_the_curve() {
    let (folder, path) = folder();
    let options = ["--quantities", "rss"];
    let svg = text(&[&path], &folder.path().join("run.svg"), &options);
    let curves = svg
        .lines()
        .filter(|line| line.contains("stroke-width=\"2.5\""));
    // One in the legend, two for what was read before and after.
    assert_eq!(curves.count(), 3);
}

#[test]
fn a_png_has_its_size_and_its_colours() {
    let (folder, path) = folder();
    for (options, size, colour, background) in [
        (&["--size", "900x500"][..], (900, Some(500)), RSS, [0xFF; 3]),
        (&["--dark"], (1200, None), RSS_DARK, [0x19, 0x1D, 0x24]),
    ] {
        let png = done(&[&path], &folder.path().join("run.png"), options);
        let picture = image::load_from_memory(&png).expect("a picture").to_rgb8();
        assert_eq!(picture.width(), size.0);
        assert!(size.1.is_none_or(|height| height == picture.height()));
        let count = |wanted| picture.pixels().filter(|pixel| pixel.0 == wanted).count();
        let all = (picture.width() * picture.height()) as usize;
        assert!(count(colour) > 400, "the curve: {}", count(colour));
        assert!((all / 2..all).contains(&count(background)), "the page");
        assert!(
            picture
                .pixels()
                .any(|pixel| pixel.0 != background && pixel.0 != colour)
        );
    }
}

#[test]
fn a_table_says_what_the_samples_say() {
    let (folder, path) = folder();
    let events = folder.path().join("events.csv");
    let csv = text(
        &[&path],
        &folder.path().join("run.csv"),
        &[
            "--events",
            events.to_str().expect("text"),
            "--from",
            "6.95",
            "--to",
            "12",
        ],
    );
    let recording = Recording::read(&path).expect("read");
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let names = rows.headers().expect("names").clone();
    let column = |name: &str| names.iter().position(|other| other == name).expect(name);
    let rows: Vec<_> = rows.records().map(|row| row.expect("a row")).collect();
    let all = &recording.samples;
    let first = all[0].at_secs;
    let expected: Vec<_> = (0..all.len())
        .filter(|index| (6.95..=12.0).contains(&all[*index].at_secs))
        .collect();
    assert_eq!(rows.len(), expected.len());
    for (row, index) in rows.iter().zip(expected) {
        let (sample, before) = (&all[index], &all[index - 1]);
        let number = |name: &str| row[column(name)].parse::<f64>().expect(name);
        let near = |name: &str, value: f64| {
            assert!(
                (number(name) - value).abs() < 0.002,
                "{name}: {} {value}",
                number(name)
            );
        };
        near("time_secs", sample.at_secs);
        let began = recording.header.recorded_at_unix_secs as f64;
        near("unix_secs", began + sample.at_secs - first);
        near("rss_bytes", sample.rss.expect("told").0 as f64);
        near("sqlite_heap_bytes", sample.sqlite_heap.0 as f64);
        near("available_bytes", Bytes::gib(12).0 as f64);
        near("pss_bytes", 70e6);
        near("kept_estimate_bytes", 30e6);
        near("cache_1_bytes", sample.connections[0].cache_used.0 as f64);
        assert_eq!(&row[column("cache_2_bytes")], "", "closed");
        near("cache_3_bytes", sample.connections[2].cache_used.0 as f64);
        let hits = |sample: &MemorySample| -> u64 {
            sample
                .connections
                .iter()
                .map(|connection| connection.cache_hits)
                .sum()
        };
        near("cache_hits", (hits(sample) - hits(before)) as f64);
        near("snapshot_secs", sample.snapshot_secs().expect("held"));
        assert_eq!(
            &row[column("other_rss_bytes")],
            "",
            "nobody else was watched"
        );
    }
    let events = fs::read_to_string(events).expect("written");
    let mut events = csv::Reader::from_reader(events.as_bytes());
    let rows: Vec<_> = events.records().map(|row| row.expect("a row")).collect();
    assert_eq!(&rows[0][2], "task");
    assert_eq!(&rows[0][3], "Histogram of runtimes");
    assert_eq!((&rows[0][5], &rows[0][6]), ("3.000", "finished"));
    assert!(
        rows.iter()
            .any(|row| &row[4] == "cache_size 64 MiB → 1 GiB")
    );
    let budget = rows
        .iter()
        .find(|row| &row[6] == "over budget")
        .expect("a task");
    assert_eq!(&budget[3], TITLE);
    assert!(budget[4].contains("512 MiB were allowed"), "{}", &budget[4]);
}

#[test]
fn a_page_holds_everything_and_needs_nothing() {
    let (folder, path) = folder();
    let html = text(&[&path], &folder.path().join("run.html"), &[]);
    for words in [
        "Memory report: run",
        "<svg ",
        "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; co",
        "SQLite&#39;s heap grew by 513 MiB, and 512 MiB were allowed",
        "Release page caches: SQLite 80.0 MiB",
        "cache_size 64 MiB → 1 GiB",
        "jobs_energy_starttime",
        "soft_heap_limit",
        "compile options",
        "12\u{2009}345",
        "Resident set size: the memory that the operating system counts",
        "VmRSS of /proc/self/status",
        "estimate",
    ] {
        assert!(html.contains(words), "{words} is missing");
    }
    assert!(!html.contains("last line is not whole"));
    assert_stands_alone(&html);
    assert_balanced(&html);
    // Paper is light, whatever the desktop is.
    assert!(html.contains("@media print") && !html.contains("@media (prefers-color-scheme"));
    assert!(html.contains("@media screen and (prefers-color-scheme: dark)"));
    let (css, body) = html.split_once("</style>").expect("a style sheet");
    for attribute in ["fill=\"#", "stroke=\"#"] {
        for (at, _) in body.match_indices(attribute) {
            let colour = &body[at..at + attribute.len() + 7];
            assert!(css.contains(&format!("[{colour}]")), "{colour} stays light");
        }
    }
}

#[test]
fn nothing_that_a_recording_says_becomes_a_part_of_the_page() {
    let (folder, _) = folder();
    let evil = "\"'></p><img src=x onerror=alert(1)>&amp;{}--><!--";
    let path = folder.path().join("<b>&'\".jsonl");
    let mut header = header(&path);
    header.recorded_by = evil.to_owned();
    header.machine.system = evil.to_owned();
    header.machine.architecture = evil.to_owned();
    header.sqlite_version = evil.to_owned();
    header.compile_options = vec![evil.to_owned()];
    header.profile.name = evil.to_owned();
    let database = header.database.as_mut().expect("there is one");
    database.journal_mode = evil.to_owned();
    database.job_indexes = vec![evil.to_owned()];
    let mut recorder = Recorder::create(&path, &header).expect("created");
    recorder.sample(&sample(1.0, 0.0)).expect("written");
    let mut receipt = receipt(Outcome::Failed, 0.5);
    receipt.error = Some(evil.to_owned());
    receipt.profile = evil.to_owned();
    let mut ladder = ladder(1.6);
    if let Entry::GaveBack { receipt, .. } = &mut ladder {
        receipt.rungs[0].trouble = Some(evil.to_owned());
    }
    for entry in [
        Entry::Started(band(1, evil, 1.0)),
        mark(1.1, MarkerKind::Setting, evil),
        Entry::Ended(Box::new(TaskReceipt {
            at_secs: 1.5,
            ended_secs: Some(1.5),
            task: 1,
            receipt,
        })),
        ladder,
    ] {
        recorder.entry(&entry).expect("written");
    }
    recorder.sample(&sample(2.0, 1.0)).expect("written");
    let line = serde_json::json!({"kind": "mark", "at_secs": 2.0, "mark": evil, "text": evil});
    let mut text_of_it = fs::read_to_string(&path).expect("text");
    let settings = serde_json::json!({ evil: evil, "temp_store": evil }).to_string();
    text_of_it = text_of_it.replacen(
        "\"profile\":{",
        &format!("\"profile\":{},", settings.trim_end_matches('}')),
        1,
    );
    text_of_it = text_of_it.replacen("\"temp_store\":\"file\",", "", 1);
    fs::write(&path, format!("{text_of_it}{line}\n")).expect("written");
    for inputs in [vec![path.as_path()], vec![&path, &path]] {
        for (output, title) in [("run.html", "<i>title</i>"), ("run.svg", evil)] {
            let output = folder.path().join(output);
            let page = text(&inputs, &output, &["--title", title]);
            for part in ["<img", "<b>", "<i>", "<!--", "-->", "&amp;{}", "'><"] {
                assert!(!page.contains(part), "{part} in {page}");
            }
            assert_balanced(&page);
        }
    }
}

/// Left edges of the bands of a task in a picture.
fn band_edges(svg: &str, title: &str) -> Vec<String> {
    let group = format!("<g><title>{title}");
    svg.match_indices(&group)
        .map(|(at, _)| {
            let rest = &svg[at..];
            let (_, rest) = rest.split_once("<rect x=\"").expect("a band");
            rest.split_once('"').expect("an attribute").0.to_owned()
        })
        .collect()
}

#[test]
fn several_recordings_are_aligned_by_their_first_task() {
    let (folder, path) = folder();
    let other = folder.path().join("other.jsonl");
    record(&other, 300.0, 5.0, 22.0);
    let inputs = [path.as_path(), other.as_path()];
    let svg = text(&inputs, &folder.path().join("both.svg"), &[]);
    let edges = band_edges(&svg, "Histogram of runtimes");
    assert_eq!(edges.len(), 2, "one in each panel");
    assert_eq!(edges[0], edges[1], "below each other");
    assert!(svg.contains("seconds since the first task started"));
    assert!(svg.contains(">run<") && svg.contains(">other<"));
    assert!(svg.contains("1 · run · 500 ms · setting changed"), "{svg}");
    let html = text(
        &inputs,
        &folder.path().join("both.html"),
        &["--from", "-1", "--to", "8"],
    );
    assert_balanced(&html);
    assert!(html.contains("Side by side") && html.contains("2 recordings"));
    assert!(!html.contains(">no.<"), "the chart counts through both");
    assert_eq!(html.matches("<svg ").count(), 1);
    let refused = report(&inputs, &folder.path().join("both.csv"), &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        talk(&refused).contains("one recording"),
        "{}",
        talk(&refused)
    );
}

#[test]
fn a_recording_with_nothing_in_the_range_is_named_beside_the_others() {
    let (folder, path) = folder();
    let long = folder.path().join("long.jsonl");
    record(&long, 300.0, 5.0, 40.0);
    let none = folder.path().join("none.jsonl");
    Recorder::create(&none, &header(&none)).expect("created");
    let inputs = [path.as_path(), &long, &none];
    let words = "run: nothing was sampled in this range; its samples are from −2.0 s to 13.9 s";
    let without_any = "none: not one sample was recorded";
    for name in ["some.svg", "some.png", "some.html"] {
        let output = folder.path().join(name);
        let result = report(&inputs, &output, &["--from", "20"]);
        let said = talk(&result);
        assert!(result.status.success(), "{name}: {said}");
        assert!(said.contains(words) && said.contains(without_any), "{said}");
    }
    let svg = fs::read_to_string(folder.path().join("some.svg")).expect("written");
    assert!(svg.contains(words) && svg.contains(without_any) && svg.contains(">long<"));
    let html = fs::read_to_string(folder.path().join("some.html")).expect("written");
    assert_balanced(&html);
    let (_, html) = html.split_once("Side by side").expect("a table");
    let row = "<th scope=\"row\" class=\"words\">run</th><td colspan=\"5\" class=\"words muted\">nothing was sampled";
    assert!(html.contains(row), "{html}");
    let nothing = report(&inputs, &folder.path().join("x.svg"), &["--from", "90"]);
    assert_eq!(nothing.status.code(), Some(1), "{}", talk(&nothing));
    assert!(talk(&nothing).contains("the samples are from"));
    assert_nothing_left(folder.path());
}

#[test]
fn a_recording_that_was_cut_is_shown_and_said_to_be_cut() {
    let (folder, path) = folder();
    let mut bytes = fs::read(&path).expect("bytes");
    bytes.truncate(bytes.len() - 20);
    let newer = b"{\"kind\":\"mark\",\"at_secs\":6.0,\"mark\":\"eclipse\",\"text\":\"dark\"}\n";
    let line = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .expect("a header")
        + 1;
    bytes.splice(line..line, *newer);
    fs::write(&path, bytes).expect("written");
    let output = folder.path().join("run.html");
    let result = report(&[&path], &output, &[]);
    assert!(
        talk(&result).contains("last line is not whole"),
        "{}",
        talk(&result)
    );
    let html = fs::read_to_string(&output).expect("written");
    assert!(html.contains("The last line is not whole"));
    assert!(html.contains("1 line was written by a later version"));
    assert!(talk(&result).contains("lines of a later version of jobscope: 1"));
    assert!(html.contains("eclipse: dark"), "what can be shown is shown");
}

#[test]
fn what_cannot_be_done_is_told_in_a_sentence() {
    let (folder, path) = folder();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("other.txt"), "not a recording\n").expect("written");
    let newer =
        "{\"format\":\"jobscope-recording\",\"version\":99,\"recorded_by\":\"jobscope 9\"}\n";
    fs::write(at("newer.jsonl"), newer).expect("written");
    let svg = at("x.svg");
    for (input, output, options, status, words) in [
        (
            at("other.txt"),
            &svg,
            &[][..],
            1,
            "is not the header of a recording",
        ),
        (at("newer.jsonl"), &svg, &[], 1, "a newer one is needed"),
        (at("none.jsonl"), &svg, &[], 1, "none.jsonl"),
        (
            path.clone(),
            &svg,
            &["--quantities", "rss,swap"],
            2,
            "one of rss, pss, ",
        ),
        (
            path.clone(),
            &svg,
            &["--from", "100"],
            1,
            "the samples are from 5.0 s to 20.9 s",
        ),
        (
            path.clone(),
            &at("x.csv"),
            &["--from", "100"],
            1,
            "the samples are from 5.0 s",
        ),
        (
            path.clone(),
            &svg,
            &["--from", "9", "--to", "8"],
            2,
            "not after --to",
        ),
        (
            path.clone(),
            &svg,
            &["--size", "20x20"],
            2,
            "from 240 to 8192",
        ),
        (
            path.clone(),
            &svg,
            &["--size", "300x600"],
            2,
            "no room for the curves",
        ),
        (path.clone(), &svg, &["--size", "wide"], 2, "1200x600"),
        (path.clone(), &at("x.pdf"), &[], 2, "html, svg, png or csv"),
        (
            path.clone(),
            &path,
            &["--format", "svg"],
            2,
            "another file than the recording",
        ),
        (path.clone(), &at("none/x.svg"), &[], 1, "none/x.svg"),
    ] {
        let before = fs::read(&path).expect("the recording");
        let result = report(&[&input], output, options);
        let talk = talk(&result);
        assert_eq!(result.status.code(), Some(status), "{options:?}: {talk}");
        assert!(talk.contains(words), "{words} is missing: {talk}");
        assert!(!talk.contains("panicked"), "{talk}");
        assert_eq!(fs::read(&path).expect("the recording"), before);
    }
    assert_nothing_left(folder.path());
}

/// No report, and no half of one.
fn assert_nothing_left(folder: &Path) {
    let left: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("text")
        })
        .filter(|name| name.starts_with("x."))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_is_there_is_replaced_only_with_force() {
    let (folder, path) = folder();
    let at = |name: &str| folder.path().join(name);
    let (svg, events) = (at("run.svg"), at("events.csv"));
    let with_events = ["--events", events.to_str().expect("a plain path")];
    for there in [&svg, &events] {
        fs::write(there, "somebody's").expect("written");
        let refused = report(&[&path], &svg, &with_events);
        assert_eq!(refused.status.code(), Some(2), "{}", talk(&refused));
        assert!(talk(&refused).contains("--force to replace"));
        assert_eq!(fs::read_to_string(there).expect("there"), "somebody's");
        let replaced = report(&[&path], &svg, &[&with_events[..], &["--force"]].concat());
        assert!(replaced.status.success(), "{}", talk(&replaced));
        assert_ne!(fs::read_to_string(there).expect("there"), "somebody's");
        fs::remove_file(&svg).expect("written");
    }
}

#[test]
fn several_recordings_have_no_clock_in_common() {
    let (folder, path) = folder();
    let svg = folder.path().join("run.svg");
    let refused = report(&[&path, &path], &svg, &["--clock"]);
    assert_eq!(refused.status.code(), Some(2), "{}", talk(&refused));
    assert!(talk(&refused).contains("one recording for --clock"));
}

#[test]
#[cfg(unix)]
fn a_link_to_a_recording_is_not_written_over() {
    let (folder, path) = folder();
    let link = folder.path().join("link.svg");
    std::os::unix::fs::symlink(&path, &link).expect("a link");
    let result = report(&[&path], &link, &[]);
    assert_eq!(result.status.code(), Some(2), "{}", talk(&result));
}
