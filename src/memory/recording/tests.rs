//! What is written is read, whatever happens to the file in between.

use super::*;
use crate::{
    db::{
        build::BuildFacts,
        profile::MemoryProfile,
        status::{AllocatorReading, HeapLimits},
    },
    engine::{
        give_back::Rung,
        receipt::{Outcome, Stop},
    },
    jobs::{
        facts::DatabaseFacts,
        schema::{FileKind, Schema},
    },
    memory::{
        cgroup::Group,
        limit_steps::HeapLimit,
        marker::{Band, Marker, MarkerKind},
        process::ProcessReading,
        sample::{ConnectionReading, ConnectionState, SlowReading, WindowMemory},
    },
    units::Bytes,
};

fn header() -> Header {
    let facts = DatabaseFacts {
        path: PathBuf::from("/secret/place/job.db"),
        immutable: false,
        file_bytes: 1 << 30,
        wal_bytes: Some(0),
        page_size: 4096,
        journal_mode: "wal".to_owned(),
        schema_version: Some(11),
        migration_is_dirty: false,
        estimated_jobs: 200_000,
        job_indexes: vec!["jobs_energy_starttime".to_owned()],
        job_is_analyzed: true,
        kind: FileKind::Jobs,
        missing_columns: Vec::new(),
        schema: std::sync::Arc::new(Schema::version_11()),
        index_statistics: Vec::new(),
        suggestible: Vec::new(),
    };
    let mut build = BuildFacts::read().expect("the linked SQLite answers");
    // A short header, so that the test that cuts everywhere has fewer places to cut.
    build.compile_options.truncate(2);
    Header::new(&build, &facts, &MemoryProfile::jobscope())
}

fn sample(at_secs: f64) -> MemorySample {
    MemorySample {
        at_secs,
        rss: Some(Bytes::mib(212)),
        sqlite_heap: Bytes::mib(84),
        sqlite_heap_peak: Bytes::mib(90),
        available: None,
        connections: vec![
            ConnectionReading::default(),
            ConnectionReading {
                state: ConnectionState::Busy,
                task: Some(7),
                cache_used: Bytes::mib(64),
                cache_hits: 1,
                cache_misses: 2,
                cache_spills: 3,
                schema_used: Bytes::kib(150),
                statements_used: Bytes::kib(20),
                snapshot_secs: Some(at_secs),
                rows: 4,
                vm_steps: 5_000,
                state_secs: 0.5,
                silent_secs: 0.125,
            },
        ],
        window: WindowMemory {
            rows: Bytes::mib(3),
            positions: Bytes::kib(40),
        },
        slow: (at_secs < 0.2).then(|| SlowReading {
            pss: Some(Bytes::mib(200)),
            anonymous: Some(Bytes::mib(180)),
            allocator: Some(AllocatorReading {
                in_use: Bytes::mib(100),
                free: Bytes::mib(60),
            }),
            group: Some(Group {
                limit: Bytes::gib(8),
                used: Bytes::gib(1),
            }),
            wal: Some(Bytes::mib(4)),
        }),
        other: Some(ProcessReading {
            pid: 4711,
            rss: Some(Bytes::gib(12)),
            threads: Some(9),
            ..ProcessReading::default()
        }),
    }
}

fn receipt() -> Receipt {
    Receipt {
        outcome: Outcome::Cancelled,
        error: None,
        connection: Some(1),
        profile: "jobscope".to_owned(),
        queued_ms: 0.5,
        first_row_ms: None,
        elapsed_ms: 4_000.0,
        rows: 0,
        vm_steps: 5_000,
        fullscan_steps: 0,
        sorts: 0,
        autoindexes: 0,
        cache_hits: 1,
        cache_misses: 2,
        cache_spills: 3,
        temp_spill_bytes: 4,
        sqlite_heap_before_bytes: 0,
        sqlite_heap_peak_bytes: 1 << 20,
        sqlite_heap_after_bytes: 0,
        rss_before_bytes: None,
        rss_peak_bytes: None,
        rss_after_bytes: None,
        stop: Some(Stop {
            asked_ms: 3_999.0,
            stopped_after_ms: 1.0,
            given_back_after_ms: None,
        }),
        limit: None,
    }
}

fn record(path: &Path) {
    let mut recorder = Recorder::replace(path, &header()).expect("created");
    recorder.sample(&sample(0.1)).expect("written");
    let band = Band {
        task: 7,
        title: "Statistics".to_owned(),
        is_background: false,
        connection: Some(1),
        from_secs: 0.2,
        first_row_secs: None,
        stop_asked_secs: None,
        end: None,
        given_back_secs: None,
    };
    recorder.entry(&Entry::Started(band)).expect("written");
    recorder.sample(&sample(0.3)).expect("written");
    let (at_secs, task) = (0.4, 7);
    recorder
        .entry(&Entry::StopAsked { at_secs, task })
        .expect("written");
    let mark = Marker {
        at_secs: 0.45,
        kind: MarkerKind::Shrink,
        text: "84 MiB given back".to_owned(),
    };
    recorder.entry(&Entry::Mark(mark)).expect("written");
    let limits = HeapLimits {
        soft: None,
        hard: Some(Bytes::gib(2)),
    };
    recorder
        .entry(&Entry::Limits {
            at_secs: 0.46,
            limits,
        })
        .expect("written");
    let ended = TaskReceipt {
        at_secs: 0.5,
        ended_secs: Some(0.49),
        task: 7,
        receipt: receipt(),
    };
    recorder
        .entry(&Entry::Ended(Box::new(ended)))
        .expect("written");
}

#[test]
fn what_was_recorded_is_read_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.jsonl");
    record(&path);
    let recording = Recording::read(&path).expect("read");
    assert_eq!(recording.header.profile, MemoryProfile::jobscope());
    assert_eq!(recording.header.database, header().database);
    assert_eq!(recording.samples, [sample(0.1), sample(0.3)]);
    assert_eq!(recording.receipts.len(), 1);
    assert_eq!(recording.receipts[0].receipt, receipt());
    let shrunk = &recording.timeline.markers;
    assert!(shrunk.iter().any(|mark| mark.kind == MarkerKind::Shrink));
    let band = &recording.timeline.bands[0];
    assert_eq!(band.stop_asked_secs, Some(0.4));
    assert_eq!(band.end, Some((0.49, Outcome::Cancelled)));
    // Until they were changed, those of the profile.
    let soft = recording.timeline.limits.spans(HeapLimit::Soft);
    let before = MemoryProfile::jobscope().soft_heap_limit;
    assert_eq!(soft.len(), 1);
    assert_eq!((Some(soft[0].limit), soft[0].to_secs), (before, 0.46));
    let hard = recording.timeline.limits.spans(HeapLimit::Hard);
    assert_eq!(hard.len(), 1);
    assert_eq!((hard[0].limit, hard[0].from_secs), (Bytes::gib(2), 0.46));
    assert!(!recording.is_cut);
    let text = std::fs::read_to_string(&path).expect("text");
    assert!(!text.contains("secret"), "no path of the database: {text}");
}

#[test]
fn a_recording_cut_at_any_byte_is_read_up_to_its_last_whole_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.jsonl");
    record(&path);
    let whole = std::fs::read(&path).expect("bytes");
    let header_length = whole.iter().position(|byte| *byte == b'\n').expect("lines");
    let file = File::options().write(true).open(&path).expect("opened");
    for length in (0..whole.len()).rev() {
        file.set_len(length as u64).expect("cut");
        let result = Recording::read(&path);
        if length < header_length {
            let error = result.expect_err("half a header");
            assert!(error.chain().contains("header"), "{}", error.chain());
            continue;
        }
        let recording = result.expect("a whole header");
        let rest = &whole[header_length + 1..length.max(header_length + 1)];
        let num_whole = rest.split(|byte| *byte == b'\n').count() - 1;
        let last = rest
            .rsplit(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        // A line that lacks nothing but its line feed is whole, too.
        let is_whole = whole.get(length) == Some(&b'\n') && !last.is_empty();
        assert_eq!(recording.is_cut, !last.is_empty() && !is_whole, "{length}");
        let num_lines = num_whole + usize::from(is_whole);
        assert_eq!(
            recording.samples.len(),
            usize::from(num_lines >= 1) + usize::from(num_lines >= 3),
            "{length}"
        );
    }
}

#[test]
fn a_newer_version_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.jsonl");
    std::fs::write(
        &path,
        "{\"format\":\"jobscope-recording\",\"version\":2,\"recorded_by\":\"jobscope 9.1\"}\n",
    )
    .expect("written");
    let error = Recording::read(&path).expect_err("too new").chain();
    assert!(error.contains("written by jobscope 9.1"), "{error}");
    assert!(error.contains("a newer one is needed"), "{error}");
}

#[test]
fn what_a_later_version_added_is_skipped() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.jsonl");
    record(&path);
    let text = std::fs::read_to_string(&path).expect("text");
    let newer = text
        .replacen('{', "{\"mood\":\"calm\",", 1)
        .replace("\"profile\":{", "\"profile\":{\"lookaside\":7,")
        .replace(
            "\"kind\":\"sample\"",
            "\"kind\":\"sample\",\"swap_bytes\":1",
        )
        + "{\"kind\":\"weather\",\"at_secs\":1.0}\n"
        + "{\"kind\":\"mark\",\"at_secs\":1.0,\"mark\":\"eclipse\",\"text\":\"dark\"}\n";
    std::fs::write(&path, newer).expect("written");
    let recording = Recording::read(&path).expect("read");
    assert_eq!(recording.samples.len(), 2);
    assert_eq!(recording.header.unknown["mood"], "calm", "kept");
    assert_eq!(recording.unknown[0]["kind"], "weather", "kept");
    assert_eq!(recording.unknown[1]["mark"], "eclipse", "kept, too");
    let mark = recording.timeline.markers.last().expect("and shown");
    assert_eq!(
        (mark.kind, &*mark.text),
        (MarkerKind::Other, "eclipse: dark")
    );
    assert_eq!(recording.header.profile, MemoryProfile::jobscope());
}

#[test]
fn words_of_a_later_version_are_no_damage() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.jsonl");
    record(&path);
    let before = Recording::read(&path).expect("read");
    let text = std::fs::read_to_string(&path).expect("text");
    let mut newer = text.clone();
    for (old, new) in [
        ("\"temp_store\":\"file\"", "\"temp_store\":\"tape\""),
        ("\"state\":\"busy\"", "\"state\":\"asleep\""),
        ("\"outcome\":\"cancelled\"", "\"outcome\":\"paused\""),
    ] {
        assert!(text.contains(old), "{old}: {text}");
        newer = newer.replacen(old, new, 1);
    }
    let rung = |name: &str| {
        format!(
            "{{\"rung\":\"{name}\",\"sqlite_heap_before_bytes\":9,\"sqlite_heap_after_bytes\":5,\
             \"rss_before_bytes\":null,\"rss_after_bytes\":null,\"elapsed_ms\":1.0,\"trouble\":null}}"
        )
    };
    let ladder = format!(
        "{{\"kind\":\"given_back\",\"at_secs\":0.6,\"receipt\":{{\"rungs\":[{},{}],\"elapsed_ms\":2.0}}}}\n",
        rung("compact"),
        rung("trim")
    );
    newer += &ladder;
    // Something must follow what could be the cut end.
    newer += "{\"kind\":\"stop_asked\",\"at_secs\":0.7,\"task\":8}\n";
    std::fs::write(&path, &newer).expect("written");
    let recording = Recording::read(&path).expect("read");
    assert_eq!(recording.samples.len(), before.samples.len());
    assert_eq!(recording.unknown.len(), 3, "a sample, a receipt, a ladder");
    assert_eq!(recording.receipts.len(), before.receipts.len());
    let [receipt] = recording.receipts.as_slice() else {
        panic!("one task: {:?}", recording.receipts);
    };
    assert_eq!(receipt.receipt.outcome, Outcome::Other);
    let band = &recording.timeline.bands[0];
    assert!(
        band.end
            .is_some_and(|(_, outcome)| outcome == Outcome::Other)
    );
    let rungs = &recording.given_back[0].receipt.rungs;
    assert_eq!(
        (rungs.len(), rungs[0].rung),
        (1, Rung::Trim),
        "the other is shown"
    );
    assert_eq!(recording.header.later_settings["temp_store"], "tape");
    let history = RecordedHistory::read(&path).expect("read");
    assert_eq!(history.num_unknown, 3);
    // What is no word at all is damage, as before.
    std::fs::write(&path, newer.replace("\"paused\"", "7")).expect("written");
    let error = Recording::read(&path).expect_err("damaged").chain();
    assert!(error.contains("is damaged"), "{error}");
}

#[test]
fn damage_before_the_last_line_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.jsonl");
    record(&path);
    let text = std::fs::read_to_string(&path).expect("text");
    std::fs::write(&path, text.replacen("\"sqlite_heap_bytes\"", "\"", 1)).expect("written");
    let error = Recording::read(&path).expect_err("damaged").chain();
    assert!(error.contains("line 2 is damaged"), "{error}");
}

mod random {
    use proptest::prelude::*;

    use super::*;

    /// What may happen to one connection between two samples.
    #[derive(Clone, Copy, Debug)]
    enum Turn {
        Nothing,
        Works { pages: u64, rows: u64 },
        Begins { task: u64 },
        Ends,
        Opens,
        Closes,
        Falls { silent_secs: f64 },
    }

    fn turn() -> impl Strategy<Value = Turn> {
        prop_oneof![
            6 => Just(Turn::Nothing),
            4 => (0_u64..5_000, 0_u64..100).prop_map(|(pages, rows)| Turn::Works { pages, rows }),
            1 => (0_u64..9).prop_map(|task| Turn::Begins { task }),
            1 => Just(Turn::Ends),
            1 => Just(Turn::Opens),
            1 => Just(Turn::Closes),
            1 => (0.0_f64..20.0).prop_map(|silent_secs| Turn::Falls { silent_secs }),
        ]
    }

    fn turned(reading: &mut ConnectionReading, turn: Turn, passed_secs: f64) {
        if reading.state == ConnectionState::Closed && !matches!(turn, Turn::Opens) {
            return;
        }
        reading.state_secs += passed_secs;
        reading.silent_secs = 0.0;
        reading.snapshot_secs = reading.snapshot_secs.map(|secs| secs + passed_secs);
        match turn {
            Turn::Nothing => {}
            Turn::Works { pages, rows } => {
                reading.cache_misses += pages;
                reading.cache_hits += pages * 3;
                reading.cache_used.0 += pages * 4096;
                reading.rows += rows;
                reading.vm_steps += rows * 7_000;
            }
            Turn::Begins { task } => {
                reading.state = ConnectionState::Busy;
                reading.task = Some(task);
                reading.state_secs = passed_secs / 3.0;
                reading.snapshot_secs = Some(passed_secs / 3.0);
                reading.rows = 0;
                reading.statements_used = Bytes::kib(task);
            }
            Turn::Ends => {
                reading.state = ConnectionState::Idle;
                reading.task = None;
                reading.state_secs = 0.0;
                reading.snapshot_secs = None;
            }
            Turn::Opens => {
                *reading = ConnectionReading {
                    state: ConnectionState::Idle,
                    schema_used: Bytes::kib(150),
                    ..ConnectionReading::default()
                };
            }
            Turn::Closes => *reading = ConnectionReading::default(),
            Turn::Falls { silent_secs } => reading.silent_secs = silent_secs,
        }
    }

    fn samples() -> impl Strategy<Value = Vec<MemorySample>> {
        // Mostly the sampler's interval and its jitter, sometimes minutes, sometimes backwards.
        let step = prop_oneof![8 => 0.095_f64..0.105, 1 => 0.0_f64..400.0, 1 => -3.0_f64..0.0];
        let bytes = || prop::option::of(0_u64..1 << 42);
        let one = (
            step,
            prop::array::uniform4(turn()),
            bytes(),
            bytes(),
            0_u64..9,
        );
        prop::collection::vec(one, 1..60).prop_map(|steps| {
            let mut connections = [ConnectionReading::default(); 4];
            let (mut at_secs, mut peak) = (300.0, 0);
            let mut samples = Vec::new();
            for (passed_secs, turns, rss, available, choice) in steps {
                at_secs += passed_secs;
                for (reading, turn) in connections.iter_mut().zip(turns) {
                    turned(reading, turn, passed_secs.max(0.0));
                }
                let heap = rss.unwrap_or(choice) / 2;
                peak = heap.max(peak);
                let like = sample(if choice == 0 { 0.0 } else { 1.0 });
                samples.push(MemorySample {
                    at_secs,
                    rss: rss.map(Bytes),
                    sqlite_heap: Bytes(heap),
                    sqlite_heap_peak: Bytes(peak),
                    available: available.map(Bytes),
                    connections: connections.to_vec(),
                    window: like.window,
                    slow: like.slow,
                    other: like.other.filter(|_| choice < 4),
                });
            }
            samples
        })
    }

    /// What a recording promises: times to a millisecond, everything else exactly.
    fn assert_same(written: &MemorySample, read: &MemorySample) {
        let near = |one: f64, other: f64, what: &str| {
            assert!((one - other).abs() < 0.0016, "{what}: {one} and {other}");
        };
        near(written.at_secs, read.at_secs, "at_secs");
        let mut connections = read.connections.clone();
        // Closed ones at the end are not written.
        connections.resize(written.connections.len(), ConnectionReading::default());
        for (written, read) in written.connections.iter().zip(&mut connections) {
            near(written.state_secs, read.state_secs, "state_secs");
            let silent = if written.silent_secs < 0.1 {
                0.0
            } else {
                written.silent_secs
            };
            near(silent, read.silent_secs, "silent_secs");
            match (written.snapshot_secs, read.snapshot_secs) {
                (Some(written), Some(read)) => near(written, read, "snapshot_secs"),
                (written, read) => assert_eq!(written, read),
            }
            read.state_secs = written.state_secs;
            read.silent_secs = written.silent_secs;
            read.snapshot_secs = written.snapshot_secs;
        }
        let read = MemorySample {
            at_secs: written.at_secs,
            connections,
            ..read.clone()
        };
        assert_eq!(*written, read);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_sampled_is_read_back(samples in samples()) {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("run.jsonl");
            let mut recorder = Recorder::replace(&path, &header()).expect("created");
            for sample in &samples {
                recorder.sample(sample).expect("written");
            }
            let recording = Recording::read(&path).expect("read");
            prop_assert_eq!(recording.samples.len(), samples.len());
            for (written, read) in samples.iter().zip(&recording.samples) {
                assert_same(written, read);
            }
            let recorded = RecordedHistory::read(&path).expect("read");
            let kept = recorded.history.series.points().len() as u64;
            prop_assert_eq!(kept + recorded.num_late, recorded.num_samples);
            prop_assert_eq!(recorded.num_samples, samples.len() as u64);
        }
    }
}

#[test]
fn what_sqlite_quotes_in_an_error_is_not_recorded() {
    for (error, recorded) in [
        ("no such column: salary", "no such column"),
        ("near \"salary\": syntax error", "the statement was refused"),
        ("out of memory", "out of memory"),
        ("unable to open /home/salary", "unable to open"),
    ] {
        let (_folder, path) = written(b"");
        let mut recorder = Recorder::replace(&path, &header()).expect("created");
        let failed = TaskReceipt {
            at_secs: 0.5,
            ended_secs: None,
            task: 7,
            receipt: Receipt {
                outcome: Outcome::Failed,
                error: Some(error.to_owned()),
                stop: None,
                ..receipt()
            },
        };
        let entry = Entry::Ended(Box::new(failed));
        recorder.entry(&entry).expect("written");
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(!text.contains("salary"), "{text}");
        let recording = Recording::read(&path).expect("read");
        let read = recording.receipts[0].receipt.error.as_deref();
        assert_eq!(read, Some(recorded));
    }
}

#[test]
fn the_example_in_the_documentation_is_a_recording() {
    let page = include_str!("../../../docs/recording.md");
    let (_, example) = page.split_once("```jsonl\n").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    let (_folder, path) = written(example.as_bytes());
    let recording = Recording::read(&path).expect("read");
    assert!(!recording.is_cut && recording.unknown.is_empty());
    let caches: Vec<_> = recording.samples.iter().map(MemorySample::caches).collect();
    let full = Bytes::mib(32);
    assert_eq!(caches, [Bytes(0), full, full, Bytes(0)]);
    let [_, second, third, last] = recording.samples.as_slice() else {
        panic!("four samples");
    };
    assert_eq!(third.sqlite_heap_peak, second.sqlite_heap_peak);
    assert_eq!(third.connections[0].task, Some(1));
    assert!((third.connections[0].state_secs - 0.148).abs() < 1e-6);
    assert_eq!(last.connections[0].task, None);
    assert_eq!(recording.receipts.len(), 1);
    assert_eq!(recording.given_back[0].receipt.rungs.len(), 1);
    assert_eq!(
        recording.timeline.bands[0].end,
        Some((0.352, Outcome::Cancelled))
    );
}

fn written(text: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.jsonl");
    std::fs::write(&path, text).expect("written");
    (folder, path)
}

fn recorded() -> Vec<u8> {
    let (_folder, path) = written(b"");
    record(&path);
    std::fs::read(&path).expect("bytes")
}

#[test]
fn what_is_no_recording_is_told_in_words() {
    let no_header = [b"x".as_slice(), &[b'x'; 100]].concat();
    for (bytes, words) in [
        (b"".as_slice(), "it is empty"),
        (&no_header, "not the header of a recording"),
        (&[0xFF, 0xFE, b'\n'], "not the header of a recording"),
        (b"\n\n", "not the header of a recording"),
    ] {
        let (_folder, path) = written(bytes);
        let error = Recording::read(&path).expect_err(words).chain();
        assert!(error.contains(words), "{error}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let error = Recording::read(folder.path()).expect_err("no file").chain();
    assert!(error.contains("it is a folder"), "{error}");
    let error = Recording::read(&folder.path().join("none.jsonl")).expect_err("none");
    assert!(error.chain().contains("none.jsonl"), "{}", error.chain());
}

#[test]
fn a_long_line_of_a_later_version_is_kept_and_an_endless_one_refused() {
    let long = format!(
        "{{\"kind\":\"weather\",\"text\":\"{}\"}}\n",
        "x".repeat(10 << 20)
    );
    let (_folder, path) = written(&[recorded(), long.into_bytes()].concat());
    let recording = Recording::read(&path).expect("read");
    assert_eq!(recording.unknown.len(), 1);
    assert_eq!(RecordedHistory::read(&path).expect("read").num_unknown, 1);

    let endless = vec![b'x'; 17 << 20];
    let (_folder, path) = written(&[recorded(), endless].concat());
    let error = Recording::read(&path).expect_err("endless").chain();
    assert!(error.contains("longer than 16 MiB"), "{error}");
}

#[test]
fn bytes_that_are_no_text_are_damage_unless_they_are_the_end() {
    let bad = b"{\"kind\":\"mark\",\"at_secs\":1.0,\"mark\":\"trim\",\"text\":\"\xFF\"}\n";
    let (_folder, path) = written(&[recorded(), bad.to_vec()].concat());
    assert!(Recording::read(&path).expect("the end").is_cut);
    // What a file system leaves after a power cut.
    let (_folder, path) = written(&[recorded(), vec![0; 5_000]].concat());
    let recording = Recording::read(&path).expect("the end");
    assert!(recording.is_cut && recording.receipts.len() == 1);
    let (_folder, path) =
        written(&[recorded(), bad.to_vec(), b"{\"kind\":\"x\"}\n".to_vec()].concat());
    let error = Recording::read(&path).expect_err("damaged").chain();
    assert!(error.contains("line 9 is damaged"), "{error}");
}

#[test]
fn a_number_that_nobody_measured_is_damage_with_the_number_of_its_line() {
    let good = r#"{"kind":"sample","at_secs":9.0,"sqlite_heap_bytes":1,"connections":[]}"#;
    for (line, words) in [
        (good.replace("9.0", "1e300"), "more than ten years after"),
        (
            good.replace("9.0", "400000000"),
            "more than ten years after",
        ),
        (good.replace("9.0", "-0.5"), "before the start"),
        (
            good.replace("\"conn", "\"rss_bytes\":18446744073709551615,\"conn"),
            "rss_bytes is more than any machine has",
        ),
        (
            good.replace("[]", r#"[{"new":true,"cache_bytes":9007199254740993}]"#),
            "cache_bytes is more",
        ),
        (
            good.replace("[]", r#"[{"new":true,"state_secs":1e200}]"#),
            "an age of more than ten years",
        ),
        (
            r#"{"kind":"mark","at_secs":1e300,"mark":"trim","text":""}"#.to_owned(),
            "more than ten years after",
        ),
        (
            r#"{"kind":"weather","at_secs":1e300}"#.to_owned(),
            "is set aside",
        ),
    ] {
        let lines = format!("{line}\n{good}\n");
        let (_folder, path) = written(&[recorded(), lines.into_bytes()].concat());
        let reads = [
            Recording::read(&path).map(drop),
            RecordedHistory::read(&path).map(drop),
        ];
        for read in reads {
            match read {
                Ok(()) => assert_eq!(words, "is set aside", "{line}"),
                Err(error) => {
                    let error = error.chain();
                    assert!(error.contains("line 9 is damaged"), "{error}");
                    assert!(error.contains(words), "{error}");
                }
            }
        }
    }
}

#[test]
fn time_that_runs_backwards_is_counted_and_nothing_else_is_lost() {
    let (_folder, path) = written(b"");
    let mut recorder = Recorder::replace(&path, &header()).expect("created");
    for at_secs in [1.0, 1.1, 0.5, 0.6, 1.2] {
        recorder.sample(&sample(at_secs)).expect("written");
    }
    let recorded = RecordedHistory::read(&path).expect("read");
    assert_eq!((recorded.num_samples, recorded.num_late), (5, 2));
    assert_eq!(recorded.history.span(), Some((1.0, 1.2)));
    assert!((recorded.history.latest.at_secs - 1.2).abs() < 1e-9);
    let recording = Recording::read(&path).expect("read");
    assert_eq!(recording.samples.len(), 5, "as they are");
}

#[test]
fn a_recording_that_is_still_written_is_read_up_to_now() {
    let (_folder, path) = written(b"");
    let mut recorder = Recorder::replace(&path, &header()).expect("created");
    recorder.sample(&sample(0.0)).expect("written");
    let writer = std::thread::Builder::new()
        .name("writer".to_owned())
        .spawn(move || {
            for tick in 1..3_000_u32 {
                recorder
                    .sample(&sample(f64::from(tick) / 10.0))
                    .expect("written");
            }
        })
        .expect("a thread");
    let mut last = 0;
    while !writer.is_finished() {
        let recorded = RecordedHistory::read(&path).expect("never damaged");
        assert!(recorded.num_samples >= last, "it only grows");
        last = recorded.num_samples;
    }
    writer.join().expect("no panic");
    assert_eq!(
        RecordedHistory::read(&path).expect("read").num_samples,
        3_000
    );
}

/// Samples of one hour with four connections.
fn an_hour(is_busy: bool) -> impl Iterator<Item = MemorySample> {
    (0..36_000_u64).map(move |tick| {
        let at_secs = tick as f64 * 0.100_07 + 3.541_59;
        let connection = |index: u64| {
            let pages = 1_000_000 * index + tick * 1_357;
            let idle = ConnectionReading {
                state: ConnectionState::Idle,
                cache_used: Bytes::mib(64),
                cache_hits: 123_456,
                cache_misses: 16_384,
                schema_used: Bytes::kib(150),
                state_secs: at_secs,
                ..ConnectionReading::default()
            };
            if !is_busy {
                return idle;
            }
            // A new task every minute.
            let in_task = (tick + index * 150) % 600;
            ConnectionReading {
                state: ConnectionState::Busy,
                task: Some(tick / 600 * 4 + index),
                cache_used: Bytes((512 << 20) + (tick % 997) * 4096),
                cache_hits: pages * 9,
                cache_misses: pages,
                cache_spills: tick / 7,
                statements_used: Bytes(40_960 + in_task / 100),
                rows: in_task * 1_234,
                vm_steps: in_task * 2_345_678,
                snapshot_secs: Some(in_task as f64 * 0.100_07 + 0.003_3),
                state_secs: in_task as f64 * 0.100_07 + 0.005_1,
                silent_secs: if tick % 10 == 0 { 0.123_4 } else { 0.002 },
                ..idle
            }
        };
        MemorySample {
            at_secs,
            rss: Some(Bytes::kib(2_200_000 + tick % 4_321)),
            sqlite_heap: Bytes(2_154_321_008 + tick % 9_973 * 16),
            sqlite_heap_peak: Bytes(2_254_321_008),
            available: Some(Bytes::kib(12_345_678 + tick % 777 * 4)),
            connections: (0..16)
                .map(|index| {
                    if index < 4 {
                        connection(index)
                    } else {
                        ConnectionReading::default()
                    }
                })
                .collect(),
            window: WindowMemory {
                rows: Bytes(12_345_678),
                positions: Bytes(160_000),
            },
            slow: sample(0.0).slow.filter(|_| tick % 10 == 0),
            other: None,
        }
    })
}

#[test]
fn an_hour_takes_less_than_25_megabytes() {
    for (is_busy, most) in [(false, 14_000_000), (true, 25_000_000)] {
        let (_folder, path) = written(b"");
        let mut recorder = Recorder::replace(&path, &header()).expect("created");
        for sample in an_hour(is_busy) {
            recorder.sample(&sample).expect("written");
        }
        println!("busy: {is_busy}, an hour: {} bytes", recorder.bytes());
        assert!(
            recorder.bytes() < most,
            "{} bytes, busy: {is_busy}",
            recorder.bytes()
        );
    }
}

/// `cargo test --release --lib -- --ignored --nocapture a_day`
#[test]
#[ignore = "a measurement: writes half a gigabyte"]
fn a_day_is_read_in_bounded_memory() {
    let (_folder, path) = written(b"");
    let mut recorder = Recorder::replace(&path, &header()).expect("created");
    for hour in 0..24 {
        for mut sample in an_hour(true) {
            sample.at_secs += f64::from(hour) * 3_603.0;
            recorder.sample(&sample).expect("written");
        }
    }
    let before = crate::memory::sample::rss().expect("told");
    let started = std::time::Instant::now();
    let recorded = RecordedHistory::read(&path).expect("read");
    let elapsed = started.elapsed();
    let after = crate::memory::sample::rss().expect("told");
    println!(
        "{} bytes, {} samples in {elapsed:?}, {} more RSS",
        recorder.bytes(),
        recorded.num_samples,
        Bytes(after.0.saturating_sub(before.0))
    );
    assert!(after.0 < before.0 + (64 << 20));
    let started = std::time::Instant::now();
    let whole = Recording::read(&path).expect("read");
    let rss = crate::memory::sample::rss().expect("told");
    println!(
        "all {} samples in {:?}, {} more RSS",
        whole.samples.len(),
        started.elapsed(),
        Bytes(rss.0.saturating_sub(after.0))
    );
}
