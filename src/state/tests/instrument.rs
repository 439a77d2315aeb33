//! The memory instrument: forecasts, limits in sentences, budgets, recordings.

use std::path::PathBuf;

use super::*;
use crate::{
    db::{
        build::BuildFacts,
        pragma::{CacheSize, TempStore},
        profile::{ConnectionSettings, MemoryProfile},
        status::HeapLimits,
    },
    engine::{
        budget::{BudgetKind, LimitReached},
        give_back::{GiveBackReceipt, Rung, RungReceipt, Step},
        receipt::Stop,
    },
    memory::{
        history::History,
        recording::{Header, OpenRecording, RecordedHistory, RecordingPlan, RecordingState},
        sample::{ConnectionReading, ConnectionState},
    },
    state::instrument::recordings::Shown,
};

fn reading(state: ConnectionState, cache_mib: u64) -> ConnectionReading {
    ConnectionReading {
        state,
        cache_used: Bytes::mib(cache_mib),
        ..ConnectionReading::default()
    }
}

fn sampled(state: &mut AppState, heap_mib: u64, connections: Vec<ConnectionReading>) {
    state.sampled(MemorySample {
        at_secs: state.live.latest.at_secs + 1.0,
        sqlite_heap: Bytes::mib(heap_mib),
        connections,
        ..MemorySample::default()
    });
}

fn with_settings(state: &mut AppState, connection: usize, temp_store: TempStore) {
    let settings = ConnectionSettings {
        cache_size: CacheSize::KiB(200_000),
        temp_store,
        mmap_size: Bytes(0),
    };
    state.tuning.applied(connection, 1, settings);
}

/// A task on this connection that sorts.
fn sorting(state: &mut AppState, connection: usize) {
    let (id, _) = state.start(1.0, Task::Sql("SELECT 1".to_owned()));
    let plan = PlanSummary {
        sorts: true,
        ..PlanSummary::default()
    };
    let event = Event::Started {
        id,
        connection,
        plan,
        columns: Vec::new(),
        title: "SQL".to_owned(),
        is_background: false,
    };
    happen(state, event);
}

use ConnectionState::{Busy, Idle};

#[test]
fn a_rung_says_before_what_it_would_return_and_cost() {
    let mut state = opened();
    sampled(&mut state, 0, Vec::new());
    for rung in [Rung::ReleaseMemory, Rung::CloseIdle, Rung::ResetStatements] {
        let forecast = state.forecast(rung);
        assert_eq!(forecast.cannot.as_deref(), Some("No connection is open"));
    }
    sampled(
        &mut state,
        500,
        vec![reading(Idle, 300), reading(Busy, 150)],
    );
    let release = state.forecast(Rung::ReleaseMemory);
    assert_eq!(release.returns, Some(Bytes::mib(300)), "the idle one's");
    assert!(release.cost.contains("A cold cache"), "{}", release.cost);
    assert!(
        release.cost.contains("connection 2 busy"),
        "{}",
        release.cost
    );
    assert_eq!(release.cannot, None);
    sampled(&mut state, 500, vec![reading(Busy, 300)]);
    let close = state.forecast(Rung::CloseIdle);
    assert!(close.cannot.is_some_and(|why| why.contains("busy")));
    // jobscope's own cache is small already; SQLite's default is smaller.
    let lower = state.forecast(Rung::LowerCacheSize);
    assert!(lower.cost.contains("64 MiB → 2000 KiB"), "{}", lower.cost);
}

#[test]
fn the_whole_ladder_goes_from_top_to_bottom_and_once_at_a_time() {
    let mut state = opened();
    let wide = MemoryProfile {
        cache_size: CacheSize::KiB(2 << 20),
        ..MemoryProfile::jobscope()
    };
    state.handle(1.0, Command::SetProfile(wide));
    let mut rungs = Rung::ALL.to_vec();
    rungs.reverse();
    let requests = state.handle(1.0, Command::GiveBack(rungs));
    let [Request::GiveBack(steps)] = requests.as_slice() else {
        panic!("one request: {requests:?}");
    };
    let order: Vec<_> = steps.iter().map(Step::rung).collect();
    assert_eq!(order, Rung::ALL);
    assert_eq!(
        state.tuning.wanted.cache_size,
        CacheSize::KiB(64 << 10),
        "the panel shows the lower setting"
    );
    let again = state.handle(1.1, Command::GiveBack(vec![Rung::Trim]));
    assert!(again.is_empty(), "one walk at a time");
    let rung = RungReceipt {
        rung: Rung::Trim,
        sqlite_heap_before_bytes: 0,
        sqlite_heap_after_bytes: 0,
        rss_before_bytes: Some(5 << 20),
        rss_after_bytes: Some(4 << 20),
        elapsed_ms: 1.0,
        trouble: None,
    };
    let receipt = GiveBackReceipt {
        rungs: vec![rung],
        elapsed_ms: 1.0,
    };
    happen(&mut state, Event::GaveBack(Box::new(receipt)));
    assert!(state.instrument.giving_back.rungs.contains_key(&Rung::Trim));
    let mark = state.live.timeline.markers.last().expect("a mark");
    assert_eq!(mark.kind, MarkerKind::Trim);
    assert!(mark.text.contains("operating system 1"), "{}", mark.text);
    let requests = state.handle(2.0, Command::GiveBack(vec![Rung::Trim]));
    assert_eq!(requests, [Request::GiveBack(vec![Step::Trim])]);
}

fn settings_named(state: &AppState) -> Vec<&'static str> {
    let notes = state.limit_notes();
    notes.iter().map(|note| note.setting).collect()
}

#[test]
fn limits_are_explained_only_where_they_act() {
    let mut state = opened();
    state.build = Some(BuildFacts::read().expect("the linked SQLite answers"));
    state.tuning.limits = HeapLimits {
        soft: Some(Bytes::mib(512)),
        hard: None,
    };
    sampled(&mut state, 100, vec![reading(Idle, 90)]);
    assert!(settings_named(&state).is_empty(), "nothing is near a limit");

    // A sorter has taken the heap above the soft limit.
    sampled(&mut state, 900, vec![reading(Busy, 100)]);
    let notes = state.limit_notes();
    assert_eq!(notes.len(), 1);
    assert!(notes[0].text.contains("900 MiB"), "{}", notes[0].text);
    assert!(notes[0].text.contains("800 MiB"), "{}", notes[0].text);

    // Idle caches leave a busy connection too little.
    sampled(
        &mut state,
        505,
        vec![reading(Idle, 400), reading(Busy, 100)],
    );
    let notes = state.limit_notes();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(
        notes[0]
            .text
            .contains("400 MiB of page cache belong to idle connection 1")
    );
    assert!(notes[0].text.contains("leaves 112 MiB to connection 2"));
    sampled(&mut state, 405, vec![reading(Idle, 400), reading(Busy, 1)]);
    assert!(settings_named(&state).is_empty(), "not near the limit yet");
}

#[test]
fn temp_store_is_explained_for_the_query_that_sorts() {
    let mut state = opened();
    sampled(&mut state, 60, vec![reading(Busy, 10)]);
    with_settings(&mut state, 0, TempStore::Memory);
    assert!(settings_named(&state).is_empty(), "nothing sorts");
    sorting(&mut state, 0);
    let notes = state.limit_notes();
    assert_eq!(settings_named(&state), ["temp_store"]);
    assert!(notes[0].text.contains("temp_store is memory"));
    assert!(
        notes[0].text.contains("50.0 MiB beside"),
        "{}",
        notes[0].text
    );
    assert!(notes[0].is_warning);
    with_settings(&mut state, 0, TempStore::File);
    let notes = state.limit_notes();
    assert!(
        notes[0].text.contains("temporary file"),
        "{}",
        notes[0].text
    );
    assert!(!notes[0].is_warning);
}

#[test]
fn a_hard_limit_says_what_is_left() {
    let mut state = opened();
    state.tuning.limits.hard = Some(Bytes::gib(1));
    sampled(&mut state, 1000, vec![reading(Idle, 1000)]);
    assert!(settings_named(&state).is_empty(), "nothing runs");
    sampled(&mut state, 1000, vec![reading(Busy, 1000)]);
    let notes = state.limit_notes();
    assert!(
        notes[0].text.contains("24.0 MiB are left"),
        "{}",
        notes[0].text
    );
    assert!(notes[0].is_warning);
}

/// The receipt of a task that its heap budget stopped.
fn over_budget() -> Receipt {
    Receipt {
        stop: Some(Stop {
            asked_ms: 5.0,
            stopped_after_ms: 1.0,
            given_back_after_ms: Some(2.0),
        }),
        limit: Some(LimitReached {
            kind: BudgetKind::Heap,
            limit: Bytes::mib(64).0,
            reached: Bytes::mib(65).0,
            stopped: true,
        }),
        ..receipt_of(Outcome::OverBudget)
    }
}

#[test]
fn a_task_over_its_budget_can_go_on_with_a_larger_one() {
    let mut state = opened();
    let small = MemoryProfile {
        memory_budget: Some(Bytes::mib(64)),
        ..MemoryProfile::jobscope()
    };
    state.handle(1.0, Command::SetProfile(small));
    state.handle(1.0, Command::Reload);
    let id = loading(&state);
    let event = Event::Ended {
        id,
        ended_secs: 1.0,
        receipt: Box::new(over_budget()),
        report: None,
        next: None,
    };
    happen(&mut state, event);
    let over = state.instrument.over_budget.as_ref().expect("an offer");
    assert_eq!(over.larger.as_deref(), Some("128 MiB"));
    let requests = state.handle(2.0, Command::GoOnWithLarger);
    let heap = requests.iter().find_map(|request| {
        if let Request::RunWithin(_, _, budgets) = request {
            budgets.heap
        } else {
            None
        }
    });
    assert_eq!(heap, Some(Bytes::mib(128)), "{requests:?}");
    assert_eq!(state.instrument.over_budget, None, "the offer is taken");
    // Another profile has its own budgets.
    state.handle(3.0, Command::SetProfile(MemoryProfile::jobscope()));
    let requests = state.handle(3.0, Command::Reload);
    let raised = |request: &Request| matches!(request, Request::RunWithin(..));
    assert!(!requests.iter().any(raised), "{requests:?}");
}

fn recording(path: &str) -> OpenRecording {
    let plan = RecordingPlan {
        path: PathBuf::from(path),
        build: BuildFacts::read().expect("the linked SQLite answers"),
        database: None,
        profile: MemoryProfile::jobscope(),
        overwrite: false,
    };
    OpenRecording {
        path: plan.path.clone(),
        recorded: RecordedHistory {
            header: Header::of(&plan),
            history: History::default(),
            receipts: Vec::new(),
            given_back: Vec::new(),
            num_samples: 0,
            num_late: 0,
            num_older_receipts: 0,
            num_unknown: 0,
            is_cut: false,
        },
    }
}

fn open_recording(state: &mut AppState, path: &str) {
    let requests = state.handle(1.0, Command::OpenRecording(PathBuf::from(path)));
    assert_eq!(requests, [Request::OpenRecording(PathBuf::from(path))]);
    let event = Event::RecordingOpened {
        path: PathBuf::from(path),
        result: Ok(Box::new(recording(path))),
    };
    happen(state, event);
}

#[test]
fn recordings_open_beside_each_other_and_close_again() {
    let mut state = opened();
    open_recording(&mut state, "a.jsonl");
    open_recording(&mut state, "b.jsonl");
    open_recording(&mut state, "a.jsonl");
    let recordings = &state.instrument.recordings;
    assert_eq!(recordings.open.len(), 2, "the first was read again");
    assert_eq!(recordings.shown, Shown::One(0));
    assert_eq!(state.settings.view, View::Memory);
    state.handle(2.0, Command::ShowHistory(Shown::Together));
    state.handle(2.0, Command::CloseRecording(0));
    let recordings = &state.instrument.recordings;
    assert_eq!(recordings.open[0].name(), "b.jsonl");
    assert_eq!(recordings.shown, Shown::Live, "one alone is not together");
    state.handle(3.0, Command::CloseRecording(7));
    assert_eq!(
        state.instrument.recordings.open.len(),
        1,
        "there is no such"
    );
}

#[test]
fn a_recording_that_cannot_be_read_leaves_what_is_shown() {
    let mut state = opened();
    open_recording(&mut state, "a.jsonl");
    state.handle(1.0, Command::OpenRecording(PathBuf::from("b.jsonl")));
    let report = Report {
        headline: "Cannot read".to_owned(),
        causes: Vec::new(),
        hint: None,
    };
    let event = Event::RecordingOpened {
        path: PathBuf::from("b.jsonl"),
        result: Err(report.clone()),
    };
    happen(&mut state, event);
    let recordings = &state.instrument.recordings;
    assert_eq!(
        (recordings.open.len(), recordings.shown),
        (1, Shown::One(0))
    );
    assert!(recordings.opening.is_empty(), "no longer under way");
    assert_eq!(state.notice.map(|notice| notice.report), Some(report));
}

#[test]
fn recordings_stand_in_the_order_they_were_asked_for() {
    let mut state = opened();
    for path in ["a.jsonl", "b.jsonl", "c.jsonl"] {
        state.handle(1.0, Command::OpenRecording(PathBuf::from(path)));
    }
    // The long one is read last.
    for path in ["b.jsonl", "c.jsonl", "a.jsonl"] {
        let event = Event::RecordingOpened {
            path: PathBuf::from(path),
            result: Ok(Box::new(recording(path))),
        };
        happen(&mut state, event);
    }
    let recordings = &state.instrument.recordings;
    let names: Vec<_> = recordings.open.iter().map(|open| open.name()).collect();
    assert_eq!(names, ["a.jsonl", "b.jsonl", "c.jsonl"]);
    assert_eq!(
        recordings.shown,
        Shown::One(0),
        "what has come last is shown"
    );
}

#[test]
fn recording_is_shown_until_it_has_ended_or_failed() {
    let mut state = opened();
    let path = PathBuf::from("run.jsonl");
    let nothing = state.handle(1.0, Command::Record(Some(path.clone())));
    assert!(nothing.is_empty(), "without its versions, no header");
    state.build = Some(BuildFacts::read().expect("the linked SQLite answers"));
    let requests = state.handle(1.0, Command::Record(Some(path.clone())));
    assert!(matches!(requests.as_slice(), [Request::Record(Some(plan))] if plan.path == path));
    assert!(state.instrument.recordings.running.is_some());
    let ended = RecordingState::Ended {
        path: path.clone(),
        bytes: 2048,
        num_samples: 12,
    };
    happen(&mut state, Event::Recording(ended));
    let recordings = &state.instrument.recordings;
    assert_eq!(recordings.running, None);
    let (text, at) = recordings.last.as_ref().expect("what became of it");
    assert_eq!(text, "run.jsonl recorded: 12 samples, 2.00 KiB");
    assert_eq!(at, &path);
}
