//! The engine with real connections: stopping at every moment, receipts, settings, connections.

#![expect(
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test looks for one event and fails without it"
)]

mod common;

use std::{
    collections::BTreeSet,
    sync::mpsc,
    time::{Duration, Instant},
};

use jobscope::{
    db::{
        pragma::{CacheSize, TempStore},
        profile::{AfterQuery, MemoryProfile},
        status::{self, HeapLimits},
        value::Cell,
    },
    engine::{
        Engine,
        message::{CloseReason, Event, Request, Task, TaskId},
        receipt::{Outcome, Receipt, Stop},
    },
    jobs::{catalogue::JobQuery, filter::Selection},
    memory::sample::ConnectionState,
    units::Bytes,
};

use common::{
    engine::{ENDLESS, PATIENCE, TestEngine},
    jobdb::{self, JobDb},
};

/// Reads every row of the large file, and keeps its pages.
const WHOLE_TABLE: &str = "SELECT SUM(LENGTH(meta_data)) FROM job NOT INDEXED";

fn jobscope() -> MemoryProfile {
    MemoryProfile::jobscope()
}

fn built_in(name: &str) -> MemoryProfile {
    MemoryProfile::find(name).expect("a built-in profile")
}

fn with_connections(connections: usize) -> MemoryProfile {
    MemoryProfile {
        connections,
        ..jobscope()
    }
}

/// What no receipt may get wrong, however the task ended.
fn assert_sane(receipt: &Receipt) {
    let told = format!("{receipt:#?}");
    assert!(
        receipt.elapsed_ms >= receipt.first_row_ms.unwrap_or(0.0),
        "{told}"
    );
    assert!(
        receipt.queued_ms >= 0.0 && receipt.elapsed_ms >= 0.0,
        "{told}"
    );
    assert_eq!(receipt.rows > 0, receipt.first_row_ms.is_some(), "{told}");
    assert_eq!(receipt.stop.is_some(), receipt.outcome.is_stop(), "{told}");
    assert_eq!(
        receipt.error.is_some(),
        receipt.outcome == Outcome::Failed,
        "{told}"
    );
    assert!(
        receipt.sqlite_heap_peak_bytes
            >= receipt
                .sqlite_heap_before_bytes
                .min(receipt.sqlite_heap_after_bytes),
        "{told}"
    );
    assert!(receipt.rss_peak_bytes >= receipt.rss_before_bytes, "{told}");
    if let Some(Stop {
        asked_ms,
        stopped_after_ms,
        given_back_after_ms,
    }) = receipt.stop
    {
        assert!(asked_ms >= 0.0 && stopped_after_ms >= 0.0, "{told}");
        assert!(given_back_after_ms.is_none_or(|ms| ms >= 0.0), "{told}");
        if receipt.connection.is_some() {
            assert!(receipt.elapsed_ms + 1e-6 >= asked_ms, "{told}");
        }
    }
}

fn assert_works(engine: &mut TestEngine) {
    let ended = engine.run_sql("SELECT COUNT(*) FROM job");
    assert_eq!(ended.receipt.outcome, Outcome::Finished, "{ended:?}");
    assert!(matches!(ended.rows[0][0], Cell::Int(_)));
}

// Stopping

#[test]
fn execute_cancel_execute_on_one_connection() {
    let db = JobDb::with_rows(100);
    let mut engine = TestEngine::on(&db.path, &with_connections(1));
    for _ in 0..5 {
        assert_works(&mut engine);
        let id = engine.sql(ENDLESS);
        engine.start_of(id);
        engine.cancel(id);
        let ended = engine.end_of(id);
        assert_eq!(ended.receipt.outcome, Outcome::Cancelled);
        assert!(
            ended.report.is_none(),
            "a stop is no error: {:?}",
            ended.report
        );
        assert_sane(&ended.receipt);
    }
    assert_works(&mut engine);
    assert!(
        !engine
            .log
            .iter()
            .any(|event| matches!(event, Event::ConnectionClosed { .. })),
        "a cancel costs no connection"
    );
}

#[test]
fn a_job_that_was_clicked_goes_before_waiting_statistics() {
    let db = JobDb::with_rows(50);
    let mut engine = TestEngine::on(&db.path, &with_connections(1));
    let busy = engine.sql(ENDLESS);
    engine.start_of(busy);
    let statistics = engine.submit(Task::Query(JobQuery::Statistics {
        selection: Selection::default(),
    }));
    let job = engine.submit(Task::Query(JobQuery::Job { id: 3 }));
    engine.cancel(busy);
    let first = engine.wait_for("the next task to start", |event| {
        if let Event::Started { id, .. } = event
            && *id != busy
        {
            Some(*id)
        } else {
            None
        }
    });
    assert_eq!(first, job);
    engine.end_of(statistics);
}

#[test]
fn a_task_that_waits_is_cancelled_at_once_and_never_starts() {
    let db = JobDb::with_rows(100);
    let mut engine = TestEngine::on(&db.path, &with_connections(2));
    let busy = [engine.sql(ENDLESS), engine.sql(ENDLESS)];
    for id in busy {
        engine.start_of(id);
    }
    let waiting = engine.sql("SELECT 1");
    engine.cancel(waiting);
    let receipt = engine.end_of(waiting).receipt;
    assert_eq!(receipt.outcome, Outcome::Cancelled);
    assert_eq!(receipt.connection, None);
    assert_sane(&receipt);
    let ended = |log: &[Event], wanted: TaskId| {
        log.iter()
            .any(|event| matches!(event, Event::Ended { id, .. } if *id == wanted))
    };
    for id in busy {
        assert!(!ended(&engine.log, id), "both connections are still busy");
        engine.cancel(id);
        assert_eq!(engine.end_of(id).receipt.outcome, Outcome::Cancelled);
    }
    assert!(
        !engine
            .log
            .iter()
            .any(|event| matches!(event, Event::Started { id, .. } if *id == waiting)),
        "it must never start"
    );
}

#[test]
fn a_scan_is_stopped_while_its_rows_arrive() {
    let db = JobDb::with_rows(3_000);
    let mut engine = TestEngine::on(&db.path, &jobscope());
    let id = engine.sql("SELECT a.id, b.id FROM job AS a, job AS b");
    engine.wait_for("some rows", |event| {
        matches!(event, Event::Rows { id: of, .. } if *of == id).then_some(())
    });
    engine.cancel(id);
    let ended = engine.end_of(id);
    assert_eq!(ended.receipt.outcome, Outcome::Cancelled);
    assert!(ended.receipt.rows > 0 && ended.receipt.rows < 9_000_000);
    assert_eq!(
        ended.rows.len() as u64,
        ended.receipt.rows,
        "what has arrived is shown, and counted"
    );
    assert!(ended.receipt.cache_misses > 0);
    assert_sane(&ended.receipt);
    assert_works(&mut engine);
}

#[test]
fn a_sort_is_stopped_before_its_first_row() {
    let db = JobDb::with_rows(3_000);
    for temp_store in [TempStore::File, TempStore::Memory] {
        let profile = MemoryProfile {
            temp_store,
            ..jobscope()
        };
        let mut engine = TestEngine::on(&db.path, &profile);
        // Nine million rows to sort: seconds, of which the cancel uses the first few.
        let id = engine.sql("SELECT a.id FROM job AS a, job AS b ORDER BY a.energy * b.energy");
        engine.start_of(id);
        engine.cancel(id);
        let ended = engine.end_of(id);
        assert_eq!(ended.receipt.outcome, Outcome::Cancelled, "{temp_store:?}");
        assert_eq!(ended.receipt.rows, 0, "{temp_store:?}");
        assert_sane(&ended.receipt);
        assert_works(&mut engine);
    }
}

#[test]
fn a_cancel_after_the_end_or_twice_or_of_nothing_is_harmless() {
    let db = JobDb::with_rows(100);
    let mut engine = TestEngine::on(&db.path, &with_connections(1));
    engine.cancel(TaskId(4711));
    let id = engine.sql("SELECT 1");
    assert_eq!(engine.end_of(id).receipt.outcome, Outcome::Finished);
    engine.cancel(id);
    engine.cancel(id);
    assert_works(&mut engine);

    let id = engine.sql(ENDLESS);
    engine.start_of(id);
    engine.cancel(id);
    engine.cancel(id);
    assert_eq!(engine.end_of(id).receipt.outcome, Outcome::Cancelled);
    engine.cancel(id);
    assert_works(&mut engine);
    let ends = engine
        .log
        .iter()
        .filter(|event| matches!(event, Event::Ended { id: of, .. } if *of == id))
        .count();
    assert_eq!(ends, 1, "each task ends once");
}

#[test]
fn a_late_cancel_never_stops_the_task_that_came_next() {
    let db = JobDb::with_rows(100);
    let mut engine = TestEngine::on(&db.path, &with_connections(1));
    let mut outcomes = BTreeSet::new();
    for round in 0..400_u32 {
        let first = engine.sql("SELECT COUNT(*) FROM job AS a, job AS b WHERE a.id < b.id");
        let next = engine.sql("SELECT COUNT(*) FROM job AS a, job AS b WHERE a.energy < b.energy");
        // Some rounds cancel before the start, some right after it, some around the end.
        if round % 4 > 0 {
            engine.start_of(first);
        }
        for _ in 0..(round % 64) * 200 {
            std::hint::spin_loop();
        }
        if round % 4 == 3 {
            engine.start_of(next);
        }
        engine.cancel(first);
        let ended = engine.end_of(first).receipt.outcome;
        outcomes.insert(ended.label());
        let after = engine.end_of(next);
        assert_eq!(
            after.receipt.outcome,
            Outcome::Finished,
            "round {round}: the cancel of a {} task stopped the next one",
            ended.label()
        );
        assert_eq!(after.rows.len(), 1);
        engine.log.clear();
    }
    assert_eq!(
        outcomes.into_iter().collect::<Vec<_>>(),
        ["cancelled", "finished"],
        "the race must go both ways, or this test shows nothing"
    );
}

// Receipts

#[test]
fn the_receipt_of_a_finished_task_counts_what_it_did() {
    let path = jobdb::large();
    let mut engine = TestEngine::on(&path, &with_connections(1));
    // What earlier tests left with the allocator would be used again without growing.
    status::trim_allocator();
    let ended = engine.run_sql(WHOLE_TABLE);
    let receipt = &ended.receipt;
    assert_sane(receipt);
    assert_eq!(receipt.outcome, Outcome::Finished);
    assert_eq!(receipt.rows, 1);
    assert_eq!(receipt.connection, Some(0));
    assert_eq!(receipt.profile, "jobscope");
    assert_eq!(receipt.fullscan_steps, 199_999);
    assert!(receipt.vm_steps > 400_000, "{}", receipt.vm_steps);
    assert!(receipt.cache_misses > 10_000, "{}", receipt.cache_misses);
    assert!(
        receipt.sqlite_heap_peak_bytes > receipt.sqlite_heap_before_bytes + (40 << 20),
        "the 64 MiB cache fills up: {receipt:?}"
    );
    assert!(
        receipt.sqlite_heap_after_bytes < receipt.sqlite_heap_before_bytes + (16 << 20),
        "the profile shrinks after each query: {receipt:?}"
    );
    assert!(
        receipt.rss_peak_bytes > receipt.rss_before_bytes,
        "{receipt:?}"
    );

    let sorted = engine.run_sql("SELECT id FROM job ORDER BY energy LIMIT 10");
    assert_eq!(sorted.receipt.sorts, 1);
    let warm = engine.run_sql("SELECT COUNT(*) FROM (SELECT 1 FROM job WHERE id < 100)");
    assert!(warm.receipt.cache_hits + warm.receipt.cache_misses > 0);
    assert_eq!(warm.receipt.sorts, 0);
}

#[test]
fn the_time_limit_stops_and_says_so() {
    let db = JobDb::with_rows(100);
    let profile = MemoryProfile {
        time_limit: Some(Duration::from_millis(80)),
        ..jobscope()
    };
    let mut engine = TestEngine::on(&db.path, &profile);
    let ended = engine.run_sql(ENDLESS);
    assert_sane(&ended.receipt);
    assert_eq!(ended.receipt.outcome, Outcome::TimedOut);
    assert!(ended.report.is_none());
    let stop = ended.receipt.stop.expect("a stop");
    assert!((80.0..5_000.0).contains(&stop.asked_ms), "{stop:?}");
    assert!(stop.stopped_after_ms < 1_000.0, "{stop:?}");
    assert!(stop.given_back_after_ms.is_some(), "{stop:?}");
    assert!(ended.receipt.vm_steps > 0);
    assert_works(&mut engine);
}

#[test]
fn the_memory_budget_stops_and_says_so() {
    let path = jobdb::large();
    let profile = MemoryProfile {
        memory_budget: Some(Bytes::mib(20)),
        ..jobscope()
    };
    let mut engine = TestEngine::on(&path, &profile);
    let ended = engine.run_sql(WHOLE_TABLE);
    let receipt = ended.receipt;
    assert_sane(&receipt);
    assert_eq!(receipt.outcome, Outcome::OverBudget);
    let grown = receipt.sqlite_heap_peak_bytes - receipt.sqlite_heap_before_bytes;
    assert!((20 << 20..30 << 20).contains(&grown), "grown by {grown}");
    assert!(receipt.cache_misses > 0);
    assert_works(&mut engine);
}

#[test]
fn the_hard_heap_limit_fails_the_task_and_not_the_connection() {
    let path = jobdb::large();
    let profile = MemoryProfile {
        hard_heap_limit: Some(Bytes::mib(24)),
        soft_heap_limit: None,
        temp_store: TempStore::Memory,
        ..jobscope()
    };
    let mut engine = TestEngine::on(&path, &profile);
    let ended = engine.run_sql("SELECT id, meta_data FROM job ORDER BY energy, meta_data");
    assert_sane(&ended.receipt);
    assert_eq!(ended.receipt.outcome, Outcome::Failed);
    let report = ended.report.expect("a report");
    assert!(report.hint.expect("a hint").contains("hard heap limit"));
    assert_works(&mut engine);
    engine.engine.send(Request::SetProfile(jobscope()));
    assert_eq!(status::heap_limits().hard, None, "off again");
}

#[test]
fn before_the_fix_a_stopped_scan_keeps_its_memory() {
    let path = jobdb::large();
    let mut engine = TestEngine::on(&path, &built_in("Before the fix"));
    // More and more pages, then an endless rest: the cancel comes when the cache is full.
    let id = engine.sql(
        "WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n)
         SELECT COUNT(*) FROM n WHERE i > 0 OR (SELECT SUM(LENGTH(meta_data)) FROM job NOT INDEXED)",
    );
    engine.start_of(id);
    let deadline = Instant::now() + PATIENCE;
    while status::sqlite_heap() < Bytes::mib(60) {
        assert!(Instant::now() < deadline, "the cache never filled");
        std::thread::yield_now();
    }
    engine.cancel(id);
    let receipt = engine.end_of(id).receipt;
    assert_sane(&receipt);
    assert_eq!(receipt.outcome, Outcome::Cancelled);
    let stop = receipt.stop.expect("a stop");
    assert_eq!(
        stop.given_back_after_ms, None,
        "nothing gives it back: {receipt:?}"
    );
    assert!(
        receipt.sqlite_heap_after_bytes > receipt.sqlite_heap_before_bytes + (16 << 20),
        "{receipt:?}"
    );

    // The same stop in jobscope's own profile gives it back.
    engine.engine.send(Request::SetProfile(MemoryProfile {
        cache_size: CacheSize::KiB(1 << 20),
        soft_heap_limit: None,
        ..jobscope()
    }));
    engine.engine.send(Request::Shrink);
    engine.wait_for("the shrink", |event| match event {
        Event::Shrunk { cache, .. } => Some(*cache),
        _ => None,
    });
    assert!(
        status::sqlite_heap() < Bytes::mib(16),
        "{}",
        status::sqlite_heap()
    );
    let profile = MemoryProfile {
        memory_budget: Some(Bytes::mib(50)),
        ..jobscope()
    };
    engine.engine.send(Request::SetProfile(profile));
    let receipt = engine.run_sql(WHOLE_TABLE).receipt;
    assert_sane(&receipt);
    assert_eq!(receipt.outcome, Outcome::OverBudget);
    let stop = receipt.stop.expect("a stop");
    assert!(stop.given_back_after_ms.expect("given back") >= stop.stopped_after_ms);
    assert!(receipt.sqlite_heap_peak_bytes > receipt.sqlite_heap_before_bytes + (50 << 20));
    assert!(receipt.sqlite_heap_after_bytes <= receipt.sqlite_heap_before_bytes + (16 << 20));
}

// Settings

fn pragma(engine: &mut TestEngine, name: &str) -> i64 {
    let ended = engine.run_sql(&format!("PRAGMA {name}"));
    ended.rows[0][0].as_int().expect("a number")
}

#[test]
fn every_profile_is_applied_and_the_connection_says_so_itself() {
    let db = JobDb::with_rows(100);
    let mut engine = TestEngine::on(&db.path, &with_connections(1));
    assert_works(&mut engine);
    for (generation, profile) in (2..).zip(MemoryProfile::built_in()) {
        let profile = MemoryProfile {
            connections: 1,
            ..profile
        };
        let mark = engine.log.len();
        engine.engine.send(Request::SetProfile(profile.clone()));
        let limits = engine.wait_since(mark, "the limits", |event| match event {
            Event::LimitsApplied(limits) => Some(*limits),
            _ => None,
        });
        assert_eq!(limits, profile.heap_limits(), "{}", profile.name);
        assert_eq!(
            status::heap_limits(),
            profile.heap_limits(),
            "{}",
            profile.name
        );
        let settings = engine.wait_since(mark, "the settings", |event| match event {
            Event::ConnectionApplied {
                connection: 0,
                generation: of,
                settings,
                ..
            } if *of == generation => Some(*settings),
            _ => None,
        });
        assert_eq!(settings.cache_size, profile.cache_size, "{}", profile.name);
        assert_eq!(
            settings.temp_store.to_pragma(0),
            profile.temp_store.to_pragma(0),
            "{}",
            profile.name
        );
        assert_eq!(
            pragma(&mut engine, "cache_size"),
            profile.cache_size.to_pragma(),
            "{}",
            profile.name
        );
        let receipt = engine.run_sql("SELECT 1").receipt;
        assert_eq!(receipt.profile, profile.name);
    }
    let profile = MemoryProfile {
        mmap_size: Bytes::mib(8),
        ..with_connections(1)
    };
    engine.engine.send(Request::SetProfile(profile));
    assert_eq!(pragma(&mut engine, "mmap_size"), 8 << 20);
}

#[test]
fn a_change_during_a_task_sets_the_limits_at_once_and_the_connection_after_it() {
    let db = JobDb::with_rows(100);
    let mut engine = TestEngine::on(&db.path, &with_connections(1));
    let id = engine.sql(ENDLESS);
    engine.start_of(id);
    let mark = engine.log.len();
    let profile = MemoryProfile {
        name: "mine".to_owned(),
        cache_size: CacheSize::Pages(123),
        soft_heap_limit: Some(Bytes::mib(321)),
        ..with_connections(1)
    };
    engine.engine.send(Request::SetProfile(profile));
    let limits = engine.wait_since(mark, "the limits", |event| match event {
        Event::LimitsApplied(limits) => Some(*limits),
        _ => None,
    });
    assert_eq!(
        limits,
        HeapLimits {
            soft: Some(Bytes::mib(321)),
            hard: None
        }
    );
    engine.drain();
    assert!(
        !engine.log[mark..]
            .iter()
            .any(|event| matches!(event, Event::Ended { .. } | Event::ConnectionApplied { .. })),
        "the task goes on, and so its connection is as it was"
    );
    engine.cancel(id);
    let receipt = engine.end_of(id).receipt;
    assert_eq!(
        receipt.profile, "jobscope",
        "it ran with the settings of its start"
    );
    engine.wait_since(mark, "the settings", |event| match event {
        Event::ConnectionApplied { settings, .. } => {
            (settings.cache_size == CacheSize::Pages(123)).then_some(())
        }
        _ => None,
    });
    assert_eq!(pragma(&mut engine, "cache_size"), 123);
}

#[test]
fn a_smaller_cache_frees_pages_of_an_idle_connection() {
    let path = jobdb::large();
    let keep = MemoryProfile {
        connections: 1,
        ..built_in("Before the fix")
    };
    let mut engine = TestEngine::on(&path, &keep);
    engine.run_sql(WHOLE_TABLE);
    let full = status::sqlite_heap();
    assert!(full > Bytes::mib(60), "{full}");
    let mark = engine.log.len();
    engine.engine.send(Request::SetProfile(MemoryProfile {
        cache_size: CacheSize::KiB(1024),
        ..keep
    }));
    engine.wait_since(mark, "the settings", |event| {
        matches!(event, Event::ConnectionApplied { .. }).then_some(())
    });
    assert!(
        status::sqlite_heap() < Bytes::mib(16),
        "{}",
        status::sqlite_heap()
    );
}

// Connections

#[test]
fn four_tasks_at_once_use_four_connections() {
    let db = JobDb::with_rows(100);
    let mut engine = TestEngine::on(&db.path, &with_connections(4));
    let ids: Vec<_> = (0..4).map(|_| engine.sql(ENDLESS)).collect();
    let used: BTreeSet<_> = ids.iter().map(|id| engine.start_of(*id)).collect();
    assert_eq!(used, BTreeSet::from([0, 1, 2, 3]));
    for id in ids {
        engine.cancel(id);
        assert_eq!(engine.end_of(id).receipt.outcome, Outcome::Cancelled);
    }
}

#[test]
fn tasks_one_after_the_other_stay_on_the_first_connection() {
    let db = JobDb::with_rows(100);
    let mut engine = TestEngine::on(&db.path, &with_connections(4));
    // The one before may still be on its way back when the next task comes; two can take turns.
    let on_the_first = (0..60)
        .filter(|_| engine.run_sql("SELECT 1").receipt.connection <= Some(1))
        .count();
    assert!(
        on_the_first >= 45,
        "only {on_the_first} of 60: more connections than needed, more page caches"
    );
}

#[test]
fn the_number_of_connections_changes_during_tasks() {
    let db = JobDb::with_rows(100);
    let mut engine = TestEngine::on(&db.path, &with_connections(1));
    for connections in [4, 2, 1, 3, 16, 1, 4, 2, 1] {
        let ids: Vec<_> = (0..3).map(|_| engine.sql(ENDLESS)).collect();
        engine.start_of(ids[0]);
        engine
            .engine
            .send(Request::SetProfile(with_connections(connections)));
        let short: Vec<_> = (0..20)
            .map(|_| engine.sql("SELECT COUNT(*) FROM job"))
            .collect();
        for id in ids {
            engine.cancel(id);
            assert_eq!(engine.end_of(id).receipt.outcome, Outcome::Cancelled);
        }
        for id in short {
            let ended = engine.end_of(id);
            assert_eq!(
                ended.receipt.outcome,
                Outcome::Finished,
                "{connections} connections"
            );
            assert_eq!(ended.rows, [[Cell::Int(100)]]);
        }
        engine.log.clear();
    }
}

#[test]
fn fewer_connections_close_the_others_and_free_their_caches() {
    let path = jobdb::large();
    let keep = MemoryProfile {
        connections: 2,
        ..built_in("Before the fix")
    };
    let mut engine = TestEngine::on(&path, &keep);
    let ids = [engine.sql(WHOLE_TABLE), engine.sql(WHOLE_TABLE)];
    for id in ids {
        assert_eq!(engine.end_of(id).receipt.outcome, Outcome::Finished);
    }
    let both = status::sqlite_heap();
    assert!(both > Bytes::mib(120), "two caches hold the file: {both}");
    engine.engine.send(Request::SetProfile(MemoryProfile {
        connections: 1,
        ..keep
    }));
    let cache = engine.wait_for("the second to be closed", |event| match event {
        Event::ConnectionClosed {
            connection: 1,
            reason: CloseReason::Fewer,
            cache,
        } => Some(*cache),
        _ => None,
    });
    assert!(cache > Bytes::mib(60), "{cache}");
    let one = status::sqlite_heap();
    assert!(one.0 + cache.0 * 9 / 10 < both.0, "{both} → {one}");
}

#[test]
fn an_idle_connection_is_closed_and_opened_again_when_needed() {
    let path = jobdb::large();
    let profile = MemoryProfile {
        connections: 1,
        idle_time: Some(Duration::from_millis(100)),
        after_query: AfterQuery::Nothing,
        ..jobscope()
    };
    let mut engine = TestEngine::on(&path, &profile);
    for _ in 0..2 {
        let before = status::sqlite_heap();
        engine.run_sql(WHOLE_TABLE);
        let mark = engine.log.len();
        let cache = engine.wait_since(mark, "the idle close", |event| match event {
            Event::ConnectionClosed {
                connection: 0,
                reason: CloseReason::Idle,
                cache,
            } => Some(*cache),
            _ => None,
        });
        assert!(cache > Bytes::mib(30), "{cache}");
        assert!(
            status::sqlite_heap().0 <= before.0 + (1 << 20),
            "{before} → {}",
            status::sqlite_heap()
        );
    }
    let opened = engine
        .log
        .iter()
        .filter(|event| matches!(event, Event::ConnectionApplied { .. }))
        .count();
    assert_eq!(opened, 2, "each opening tells its settings");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let states: Vec<_> = engine
            .engine
            .samples()
            .into_iter()
            .filter_map(|sample| sample.connections.first().copied())
            .collect();
        if states.iter().any(|reading| {
            reading.state == ConnectionState::Closed && reading.cache_used == Bytes(0)
        }) {
            break;
        }
        assert!(
            Instant::now() < deadline,
            "no sample shows the closed connection"
        );
        engine.engine.wait(Duration::from_millis(20));
    }
}

#[test]
fn shrink_reaches_every_connection_and_a_busy_one_after_its_task() {
    let path = jobdb::large();
    let keep = MemoryProfile {
        connections: 2,
        ..built_in("Before the fix")
    };
    let mut engine = TestEngine::on(&path, &keep);
    let ids = [engine.sql(WHOLE_TABLE), engine.sql(WHOLE_TABLE)];
    for id in ids {
        engine.end_of(id);
    }
    let busy = engine.sql(ENDLESS);
    let index = engine.start_of(busy);
    engine.engine.send(Request::Shrink);
    let first = engine.wait_for("the idle one", |event| match event {
        Event::Shrunk { connection, .. } => Some(*connection),
        _ => None,
    });
    assert_ne!(first, index, "the busy one cannot have been first");
    engine.cancel(busy);
    engine.wait_for("the busy one", |event| {
        matches!(event, Event::Shrunk { connection, .. } if *connection == index).then_some(())
    });
    assert!(
        status::sqlite_heap() < Bytes::mib(8),
        "{}",
        status::sqlite_heap()
    );
}

#[test]
fn trim_answers() {
    let mut engine = TestEngine::start(&jobscope());
    engine.engine.send(Request::Trim);
    let rss = engine.wait_for("the answer", |event| match event {
        Event::Trimmed { rss, .. } => Some(*rss),
        _ => None,
    });
    assert!(rss.0.is_some() && rss.1.is_some());
}

// Databases

#[test]
fn a_task_without_a_database_fails_with_a_report() {
    let mut engine = TestEngine::start(&jobscope());
    let ended = engine.run_sql("SELECT 1");
    assert_eq!(ended.receipt.outcome, Outcome::Failed);
    let report = ended.report.expect("a report");
    assert!(
        report.to_string().contains("no database is open"),
        "{report}"
    );
}

#[test]
fn a_second_database_that_fails_leaves_the_first_usable() {
    let db = JobDb::with_rows(100);
    let mut engine = TestEngine::on(&db.path, &with_connections(1));
    let busy = engine.sql(ENDLESS);
    engine.start_of(busy);
    let wrong = db.folder().join("wrong.db");
    std::fs::write(&wrong, "no database").expect("a file");
    let report = engine.open(&wrong).expect_err("it is none");
    assert!(report.to_string().contains("wrong.db"), "{report}");
    engine.drain();
    assert!(
        !engine
            .log
            .iter()
            .any(|event| matches!(event, Event::Ended { .. })),
        "what runs goes on"
    );
    engine.cancel(busy);
    engine.end_of(busy);
    assert_works(&mut engine);
}

#[test]
fn another_database_cancels_the_tasks_of_the_first() {
    let (first, second) = (JobDb::with_rows(100), JobDb::with_rows(50));
    let mut engine = TestEngine::on(&first.path, &with_connections(2));
    let ids: Vec<_> = (0..4).map(|_| engine.sql(ENDLESS)).collect();
    engine.start_of(ids[0]);
    engine.start_of(ids[1]);
    let facts = engine.open(&second.path).expect("the second");
    assert_eq!(facts.path, second.path);
    for id in ids {
        let receipt = engine.end_of(id).receipt;
        assert_eq!(receipt.outcome, Outcome::Cancelled);
        assert_sane(&receipt);
    }
    let ended = engine.run(Task::Query(JobQuery::Count {
        selection: Selection::default(),
    }));
    assert_eq!(ended.rows, [[Cell::Int(50)]]);
    engine.wait_for("the connection to the first to be closed", |event| {
        matches!(
            event,
            Event::ConnectionClosed {
                reason: CloseReason::OtherDatabase,
                ..
            }
        )
        .then_some(())
    });
}

#[test]
fn of_many_databases_opened_at_once_the_last_wish_wins() {
    let databases: Vec<_> = (1..=8).map(|n| JobDb::with_rows(n * 10)).collect();
    let mut engine = TestEngine::start(&jobscope());
    let last = databases.last().expect("eight");
    for db in &databases[..7] {
        engine.engine.send(Request::Open {
            path: db.path.clone(),
            mode: jobscope::db::connection::OpenMode::ReadOnly,
        });
    }
    engine.engine.send(Request::Open {
        path: last.path.clone(),
        mode: jobscope::db::connection::OpenMode::ReadOnly,
    });
    engine.wait_for("the last", |event| {
        matches!(event, Event::Opened(facts) if facts.path == last.path).then_some(())
    });
    let ended = engine.run_sql("SELECT COUNT(*) FROM job");
    assert_eq!(ended.rows, [[Cell::Int(80)]]);
}

#[test]
fn a_database_that_goes_away_is_an_error_and_no_hang() {
    let db = JobDb::with_rows(100);
    let profile = MemoryProfile {
        idle_time: Some(Duration::from_millis(10)),
        ..with_connections(1)
    };
    let mut engine = TestEngine::on(&db.path, &profile);
    assert_works(&mut engine);
    engine.wait_for("the idle close", |event| {
        matches!(event, Event::ConnectionClosed { .. }).then_some(())
    });
    std::fs::remove_file(&db.path).expect("gone");
    let ended = engine.run_sql("SELECT 1");
    assert_eq!(ended.receipt.outcome, Outcome::Failed);
    assert!(ended.report.is_some());
    assert_sane(&ended.receipt);
}

// The end

/// Drops an engine on a thread of its own and waits for it, but not for ever.
fn drop_in_time(engine: TestEngine) {
    // The guard of the turn must be dropped where it was taken, so only the engine moves.
    let (inner, turn) = engine.into_parts();
    let (done, finished) = mpsc::channel();
    std::thread::Builder::new()
        .name("drop".to_owned())
        .spawn(move || {
            drop(inner);
            done.send(()).expect("somebody waits");
        })
        .expect("a thread");
    finished
        .recv_timeout(PATIENCE)
        .expect("dropping the engine hangs");
    // Otherwise it lost patience with a worker that could have been stopped.
    #[cfg(target_os = "linux")]
    common::program::until("the end of all its threads", || {
        common::engine::threads("jobscope-") == 0
    });
    drop(turn);
}

#[test]
fn an_engine_with_a_running_task_can_be_dropped() {
    let db = JobDb::with_rows(100);
    let mut engine = TestEngine::on(&db.path, &jobscope());
    let ids: Vec<_> = (0..6).map(|_| engine.sql(ENDLESS)).collect();
    engine.start_of(ids[0]);
    drop_in_time(engine);
}

#[test]
fn a_full_cache_holds_what_the_window_says_it_can() {
    let path = jobdb::large();
    for cache_size in [CacheSize::Pages(2_000), CacheSize::KiB(8_000)] {
        let mut engine = TestEngine::on(
            &path,
            &MemoryProfile {
                cache_size,
                ..built_in("Before the fix")
            },
        );
        engine.run_sql(WHOLE_TABLE);
        let said = cache_size.filled(4_096);
        let sample = engine.sample_with("a full cache", |sample| {
            sample.caches().0 > said.0 / 100 * 95
        });
        // A spare page or two are allocated beside it.
        assert!(
            sample.caches().0 <= said.0 / 100 * 101,
            "{cache_size}: {} and not {said}",
            sample.caches()
        );
    }
}

/// Waits, without reading the news, until the workers wait for room: the samples tell. Answers how many
/// rows they have sent by then.
fn stand_still(engine: &TestEngine) -> u64 {
    let deadline = Instant::now() + PATIENCE;
    let mut seen = (0, 0);
    while seen.1 < 5 {
        assert!(Instant::now() < deadline, "the workers never stand still");
        for sample in engine.engine.samples() {
            let rows = sample.connections.iter().map(|reading| reading.rows).sum();
            seen = if rows > 0 && rows == seen.0 {
                (rows, seen.1 + 1)
            } else {
                (rows, 0)
            };
        }
        std::thread::yield_now();
    }
    seen.0
}

#[test]
fn the_receipt_counts_the_rows_that_arrived() {
    let db = JobDb::with_rows(100);
    let mut engine = TestEngine::on(&db.path, &jobscope());
    let id = engine
        .sql("WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT i FROM n");
    stand_still(&engine);
    engine.cancel(id);
    // A batch waits for room, and the task ends before anybody makes some.
    std::thread::sleep(Duration::from_millis(100));
    let ended = engine.end_of(id);
    assert_eq!(ended.receipt.outcome, Outcome::Cancelled);
    assert_eq!(ended.receipt.rows, ended.rows.len() as u64);
}

#[test]
fn an_engine_whose_news_nobody_reads_can_be_dropped() {
    let db = JobDb::with_rows(3_000);
    let mut engine = TestEngine::on(&db.path, &jobscope());
    for _ in 0..4 {
        engine.sql("SELECT a.id, b.id FROM job AS a, job AS b");
    }
    let sent = stand_still(&engine);
    assert!(
        sent < 64 * 1_024,
        "{sent} rows are far more than the channel holds"
    );
    drop_in_time(engine);
}

#[test]
fn an_engine_without_work_can_be_dropped() {
    drop_in_time(TestEngine::start(&jobscope()));
    let db = JobDb::with_rows(10);
    drop_in_time(TestEngine::on(&db.path, &with_connections(16)));
}

#[test]
fn every_piece_of_news_wakes_the_window() {
    let _turn = TestEngine::start(&jobscope());
    let (wake, woken) = mpsc::channel();
    let mut engine = Engine::start(&jobscope(), move || {
        // Late calls find nobody, which is fine.
        wake.send(()).ok();
    })
    .expect("threads");
    woken.recv_timeout(PATIENCE).expect("the limits");
    engine.send(Request::Run(TaskId(1), Task::Sql("SELECT 1".to_owned())));
    woken.recv_timeout(PATIENCE).expect("the end");
    assert!(!engine.news().is_empty());
}
