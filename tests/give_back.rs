//! The ladder: what each rung returns, by its own words and by other readings.

#![expect(
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test looks for one event and fails without it"
)]

mod common;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use jobscope::{
    db::{
        pragma::CacheSize,
        profile::{AfterQuery, MemoryProfile},
        status,
    },
    engine::{
        give_back::{GiveBackReceipt, Rung, RungReceipt, Step, whole_ladder},
        message::{CloseReason, Event, Request, Task, TaskId},
        receipt::Outcome,
    },
    memory::sample::{self, ConnectionState},
    units::Bytes,
};

use common::{
    engine::{ENDLESS, ENDLESS_SCAN, TestEngine},
    jobdb,
};

/// Reads every row of the large file, and keeps its pages.
const WHOLE_TABLE: &str = "SELECT SUM(LENGTH(meta_data)) FROM job NOT INDEXED";

/// What is said of the only connection while it is busy.
const FOLLOWS: &str = "connection 1 is busy and will follow after the running task";

fn keeps_everything() -> MemoryProfile {
    MemoryProfile {
        cache_size: CacheSize::KiB(1 << 20),
        soft_heap_limit: None,
        connections: 2,
        idle_time: None,
        time_limit: None,
        after_query: AfterQuery::Nothing,
        ..MemoryProfile::jobscope()
    }
}

fn ladder() -> Vec<Step> {
    whole_ladder(&keeps_everything(), Bytes(0), None)
}

/// An engine with a connection that has kept what a stopped scan has read, and which one that is.
fn after_a_stopped_scan() -> (TestEngine, usize) {
    let mut engine = TestEngine::on(&jobdb::large(), &keeps_everything());
    let id = engine.sql(ENDLESS_SCAN);
    let connection = engine.start_of(id);
    engine.sample_with("a large cache", |sample| {
        sample.connections[connection].cache_used > Bytes::mib(40)
    });
    engine.cancel(id);
    assert_eq!(engine.end_of(id).receipt.outcome, Outcome::Cancelled);
    (engine, connection)
}

fn give_back(engine: &mut TestEngine, steps: Vec<Step>) -> GiveBackReceipt {
    let mark = engine.log.len();
    engine.engine.send(Request::GiveBack(steps));
    engine.wait_since(mark, "the ladder", |event| match event {
        Event::GaveBack(receipt) => Some((**receipt).clone()),
        _ => None,
    })
}

fn is_close(stated: Bytes, measured: Bytes) -> bool {
    let tolerance = (measured.0 / 20).max(Bytes::mib(1).0);
    stated.0.abs_diff(measured.0) <= tolerance
}

/// Other readings than the ladder's own.
fn readings() -> (Bytes, Option<Bytes>) {
    (status::sqlite_heap(), sample::rss())
}

fn check(receipt: &GiveBackReceipt, before: (Bytes, Option<Bytes>)) {
    let after = readings();
    let freed = Bytes(before.0.0.saturating_sub(after.0.0));
    assert!(
        is_close(receipt.sqlite_freed(), freed),
        "{freed}: {receipt:?}"
    );
    if let (Some(rss_before), Some(rss_after)) = (before.1, after.1) {
        let got = Bytes(rss_before.0.saturating_sub(rss_after.0));
        let stated = receipt.system_got().expect("told");
        assert!(is_close(stated, got), "{got}: {receipt:?}");
    }
}

#[test]
fn each_rung_alone_returns_what_it_says() {
    for step in ladder() {
        let rung = step.rung();
        let (mut engine, connection) = after_a_stopped_scan();
        let before = readings();
        let mark = engine.log.len();
        let receipt = give_back(&mut engine, vec![step]);
        check(&receipt, before);
        assert_eq!(receipt.rungs.len(), 1);
        let freed = receipt.rungs[0].sqlite_freed();
        let trouble = receipt.rungs[0].trouble.as_deref();
        let frees = matches!(
            rung,
            Rung::ReleaseMemory | Rung::LowerCacheSize | Rung::CloseIdle
        );
        assert_eq!(freed > Bytes::mib(36), frees, "{rung:?} {freed}");
        match rung {
            Rung::DropResults => assert_eq!(trouble, Some("no rows were held")),
            Rung::Trim if cfg!(not(target_env = "gnu")) => assert!(trouble.is_some()),
            _ => assert_eq!(trouble, None, "{rung:?}"),
        }
        engine.drain();
        let since = &engine.log[mark..];
        if rung == Rung::LowerCacheSize {
            let read_back = since.iter().find_map(|event| match event {
                Event::ConnectionApplied { settings, .. } => Some(settings.cache_size),
                _ => None,
            });
            assert_eq!(read_back, Some(CacheSize::KiB(2_000)));
            let number = connection + 1;
            let told = format!("cache_size 1 GiB → 2000 KiB on connection {number}");
            assert_eq!(settings(since), [told]);
            let mark = engine.log.len();
            let again = give_back(&mut engine, whole_ladder(&low(), Bytes(0), None));
            let lower = again.rungs.iter().find(|r| r.rung == Rung::LowerCacheSize);
            let trouble = lower.and_then(|rung| rung.trouble.clone());
            assert_eq!(trouble.as_deref(), Some("cache_size is 2000 KiB already"));
            assert_eq!(settings(&engine.log[mark..]), [""; 0], "nothing changed");
        } else if rung == Rung::CloseIdle {
            assert_eq!(closed(since), [(connection, CloseReason::Asked)]);
        }
    }
}

fn low() -> MemoryProfile {
    MemoryProfile {
        cache_size: CacheSize::KiB(2_000),
        ..keeps_everything()
    }
}

/// What was said to have changed.
fn settings(events: &[Event]) -> Vec<String> {
    let changes = events.iter().filter_map(|event| match event {
        Event::ProfileSet { changes } => Some(changes.clone()),
        _ => None,
    });
    changes.flatten().collect()
}

fn closed(events: &[Event]) -> Vec<(usize, CloseReason)> {
    let closed = events.iter().filter_map(|event| match event {
        Event::ConnectionClosed {
            connection, reason, ..
        } => Some((*connection, *reason)),
        _ => None,
    });
    closed.collect()
}

#[test]
fn the_whole_ladder_returns_what_its_rungs_say_together() {
    let (mut engine, _) = after_a_stopped_scan();
    let before = readings();
    let receipt = give_back(&mut engine, ladder());
    check(&receipt, before);
    assert_eq!(
        receipt.rungs.iter().map(|r| r.rung).collect::<Vec<_>>(),
        Rung::ALL
    );
    let parts: u64 = receipt.rungs.iter().map(|rung| rung.sqlite_freed().0).sum();
    assert!(
        is_close(receipt.sqlite_freed(), Bytes(parts)),
        "{receipt:?}"
    );
    if cfg!(all(target_os = "linux", target_env = "gnu")) {
        assert!(receipt.system_got() > Some(Bytes::mib(36)), "{receipt:?}");
    }
    // Everything works as before, on a new connection with the smaller cache.
    let mark = engine.log.len();
    assert_eq!(
        engine.run_sql(WHOLE_TABLE).receipt.outcome,
        Outcome::Finished
    );
    let cache_size = engine.wait_since(mark, "a new connection", |event| match event {
        Event::ConnectionApplied { settings, .. } => Some(settings.cache_size),
        _ => None,
    });
    assert_eq!(cache_size, CacheSize::KiB(2_000));
}

#[test]
fn a_busy_connection_is_named_and_its_task_goes_on_unharmed() {
    let mut engine = TestEngine::on(&jobdb::large(), &keeps_everything());
    let busy = engine.sql(ENDLESS_SCAN);
    let busy_connection = engine.start_of(busy);
    assert_eq!(
        engine.run_sql(WHOLE_TABLE).receipt.outcome,
        Outcome::Finished
    );
    let mark = engine.log.len();
    let receipt = give_back(&mut engine, ladder());
    for rung in &receipt.rungs {
        let trouble = rung.trouble.clone().unwrap_or_default();
        let name = format!("connection {} is busy", busy_connection + 1);
        let waits = !matches!(rung.rung, Rung::DropResults | Rung::Trim);
        assert_eq!(trouble.contains(&name), waits, "{:?}: {trouble}", rung.rung);
    }
    assert!(
        receipt.elapsed_ms < 60_000.0,
        "it waits for none: {receipt:?}"
    );
    let idle = 1 - busy_connection;
    assert_eq!(closed(&engine.log[mark..]), [(idle, CloseReason::Asked)]);
    engine.pass(Duration::from_millis(300));
    let is_over = |event: &Event| matches!(event, Event::Ended { id, .. } if *id == busy);
    assert!(!engine.log.iter().any(is_over), "it goes on");
    engine.cancel(busy);
    assert_eq!(engine.end_of(busy).receipt.outcome, Outcome::Cancelled);
    // It follows now, and stays open: it was not idle when that was asked for.
    engine.wait_since(mark, "the shrink", |event| match event {
        Event::Shrunk { connection, .. } if *connection == busy_connection => Some(()),
        _ => None,
    });
    drop(engine.engine.samples());
    engine.sample_with("an idle connection", |sample| {
        let reading = sample.connections[busy_connection];
        reading.state == ConnectionState::Idle && reading.cache_used < Bytes::mib(4)
    });
    assert_eq!(closed(&engine.log[mark..]).len(), 1);
}

#[test]
fn a_connection_that_goes_on_with_the_next_task_has_settled_in_between() {
    let profile = MemoryProfile {
        connections: 1,
        ..keeps_everything()
    };
    let mut engine = TestEngine::on(&jobdb::large(), &profile);
    let first = engine.sql(ENDLESS_SCAN);
    engine.start_of(first);
    let mark = engine.log.len();
    let receipt = give_back(&mut engine, ladder());
    let waits = |rung: &RungReceipt| rung.trouble.as_deref() == Some(FOLLOWS);
    assert!(receipt.rungs.iter().any(waits), "{receipt:?}");
    let next = engine.sql(ENDLESS);
    engine.cancel(first);
    engine.start_of(next);
    let shrunk = |event: &Event| matches!(event, Event::Shrunk { .. });
    assert!(engine.log[mark..].iter().any(shrunk), "before the next one");
    if cfg!(all(target_os = "linux", target_env = "gnu")) {
        // What came back between the two is passed on while the second one runs.
        engine.wait_since(mark, "the trim that follows", |event| match event {
            Event::Trimmed { .. } => Some(()),
            _ => None,
        });
    }
    let is_over = |event: &Event| matches!(event, Event::Ended { id, .. } if *id == next);
    assert!(!engine.log.iter().any(is_over), "it goes on");
    engine.cancel(next);
    engine.end_of(next);
}

#[test]
fn settings_that_were_chosen_after_a_ladder_stay() {
    for _ in 0..20 {
        let mut engine = TestEngine::on(&jobdb::large(), &keeps_everything());
        engine.run_sql("SELECT 1");
        let newer = MemoryProfile {
            cache_size: CacheSize::KiB(77_000),
            ..keeps_everything()
        };
        engine.engine.send(Request::GiveBack(ladder()));
        engine.engine.send(Request::SetProfile(newer));
        engine.wait_for("the ladder", |event| match event {
            Event::GaveBack(_) => Some(()),
            _ => None,
        });
        let ended = engine.run_sql("SELECT cache_size FROM pragma_cache_size");
        assert_eq!(ended.rows[0][0].as_int(), Some(-77_000));
    }
}

#[test]
fn ladders_settings_tasks_and_cancels_at_once_end_cleanly() {
    const TIME: Duration = Duration::from_secs(4);
    let mut engine = TestEngine::on(&jobdb::large(), &keeps_everything());
    let started = Instant::now();
    let (mut tasks, mut num_ladders, mut turn) = (Vec::<TaskId>::new(), 0, 0);
    while started.elapsed() < TIME {
        turn += 1;
        if turn % 2 == 0 {
            engine.engine.send(Request::GiveBack(ladder()));
            num_ladders += 1;
        }
        if turn % 10 == 0 {
            let profile = MemoryProfile {
                connections: 1 + turn / 10 % 4,
                cache_size: CacheSize::KiB(if turn % 20 == 0 { 2_000 } else { 1 << 20 }),
                ..keeps_everything()
            };
            engine.engine.send(Request::SetProfile(profile));
        }
        let text = [ENDLESS_SCAN, "SELECT id FROM job LIMIT 2000", WHOLE_TABLE][turn % 3];
        tasks.push(engine.submit(Task::Sql(text.to_owned())));
        engine.pass(Duration::from_millis(10));
        if let Some(old) = tasks.len().checked_sub(5) {
            let id = tasks[old];
            engine.cancel(id);
        }
    }
    for id in tasks.clone() {
        engine.cancel(id);
    }
    for id in &tasks {
        engine.end_of(*id);
    }
    let num_given_back = |engine: &TestEngine| {
        let is_one = |event: &&Event| matches!(event, Event::GaveBack(_));
        engine.log.iter().filter(is_one).count()
    };
    let deadline = Instant::now() + common::engine::PATIENCE;
    while num_given_back(&engine) < num_ladders && Instant::now() < deadline {
        engine.pass(Duration::from_millis(50));
    }
    assert_eq!(num_given_back(&engine), num_ladders);
    engine.pass(Duration::from_millis(200));
    let mut receipts = BTreeMap::new();
    for event in &engine.log {
        if let Event::Ended { id, report, .. } = event {
            *receipts.entry(*id).or_insert(0) += 1;
            assert!(report.is_none(), "{report:?}");
        }
    }
    assert_eq!(receipts.len(), tasks.len(), "every task has an end");
    assert!(receipts.values().all(|number| *number == 1), "and only one");
    // It works as before, and can be dropped.
    engine.engine.send(Request::SetProfile(keeps_everything()));
    assert_eq!(
        engine.run_sql(WHOLE_TABLE).receipt.outcome,
        Outcome::Finished
    );
    let last = engine.sql(ENDLESS);
    engine.start_of(last);
    let dropping = Instant::now();
    drop(engine);
    assert!(dropping.elapsed() < Duration::from_secs(20));
}
