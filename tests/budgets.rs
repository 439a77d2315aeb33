//! What a task may use: rows, result, heap, time, and what the machine has left.

#![expect(
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test looks for one event and fails without it"
)]

mod common;

use std::time::Duration;

use jobscope::{
    db::{
        pragma::{CacheSize, TempStore},
        profile::{AfterQuery, MemoryProfile},
    },
    engine::{
        budget::{BudgetKind, Budgets, LimitReached},
        give_back::Step,
        message::{Event, Request, Task, TaskId},
        receipt::Outcome,
    },
    memory::sample::ConnectionState,
    units::Bytes,
};

use common::{
    engine::{ENDLESS, ENDLESS_SCAN, Ended, TestEngine},
    jobdb::{self, JobDb},
};

/// Reads every row of the large file, and keeps its pages.
const WHOLE_TABLE: &str = "SELECT SUM(LENGTH(meta_data)) FROM job NOT INDEXED";

/// Every page that was read stays in the cache, and after the task, too.
fn keeps_everything() -> MemoryProfile {
    MemoryProfile {
        cache_size: CacheSize::KiB(1 << 20),
        soft_heap_limit: None,
        connections: 2,
        time_limit: None,
        after_query: AfterQuery::Nothing,
        ..MemoryProfile::jobscope()
    }
}

fn sql(text: &str) -> Task {
    Task::Sql(text.to_owned())
}

fn within(engine: &mut TestEngine, text: &str, budgets: Budgets) -> Ended {
    let id = engine.submit_within(sql(text), budgets);
    engine.end_of(id)
}

fn limit_of(ended: &Ended, kind: BudgetKind) -> LimitReached {
    assert_eq!(
        ended.receipt.outcome,
        Outcome::OverBudget,
        "{:?}",
        ended.receipt
    );
    assert!(ended.receipt.stop.is_some() && ended.report.is_none());
    let limit = ended.receipt.limit.expect("which limit");
    assert_eq!(limit.kind, kind);
    limit
}

#[test]
fn a_row_budget_delivers_exactly_its_rows_and_a_larger_one_the_rest() {
    let db = JobDb::with_rows(3_000);
    let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
    let budgets = Budgets {
        rows: Some(1_700),
        ..Budgets::default()
    };
    let all = "SELECT id FROM job ORDER BY id";
    let ended = within(&mut engine, all, budgets);
    let limit = limit_of(&ended, BudgetKind::Rows);
    assert_eq!((limit.limit, limit.reached), (1_700, 1_700));
    assert_eq!(ended.rows.len(), 1_700);
    assert_eq!(ended.receipt.rows, 1_700);
    assert!(
        limit.sentence().contains("rows were allowed"),
        "{}",
        limit.sentence()
    );
    let again = within(&mut engine, all, budgets.larger(limit.kind));
    assert_eq!(again.receipt.outcome, Outcome::Finished);
    assert_eq!(again.rows.len(), 3_000);
    assert!(again.receipt.limit.is_none());
    let exact = Budgets {
        rows: Some(3_000),
        ..budgets
    };
    let whole = within(&mut engine, all, exact);
    assert_eq!(whole.receipt.outcome, Outcome::Finished, "none was refused");
}

#[test]
fn no_row_of_the_budget_is_lost_where_nobody_makes_room() {
    // Small batches, so that the news are full when the budget is reached.
    let num_rows = 60_000;
    let text = format!(
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 1000000) \
         SELECT i, 'a row' FROM n LIMIT {}",
        num_rows * 2
    );
    let db = JobDb::with_rows(10);
    for rows in [17_000, 20_001, 24_321] {
        let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
        let budgets = Budgets {
            rows: Some(rows),
            ..Budgets::default()
        };
        let id = engine.submit_within(sql(&text), budgets);
        let mut num_delivered = 0;
        loop {
            // Slower than the task: it always waits for room.
            std::thread::sleep(Duration::from_millis(5));
            let Some(news) = engine.engine.wait(common::engine::PATIENCE) else {
                continue;
            };
            match news.event {
                Event::Rows { rows, .. } => num_delivered += rows.len() as u64,
                Event::Ended {
                    id: ended, receipt, ..
                } if ended == id => {
                    assert_eq!(receipt.rows, rows);
                    break;
                }
                _ => {}
            }
        }
        assert_eq!(num_delivered, rows);
    }
}

#[test]
fn a_result_budget_is_never_exceeded() {
    let db = JobDb::with_rows(3_000);
    let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
    let all = "SELECT id, meta_data FROM job";
    let free = within(&mut engine, all, Budgets::default());
    let size = |ended: &Ended| -> u64 {
        let cells = ended.rows.iter().flatten();
        cells.map(|cell| cell.size() as u64).sum()
    };
    let whole = size(&free);
    let budgets = Budgets {
        result: Some(Bytes(whole * 6 / 10)),
        ..Budgets::default()
    };
    let ended = within(&mut engine, all, budgets);
    let limit = limit_of(&ended, BudgetKind::Result);
    assert_eq!(limit.limit, whole * 6 / 10);
    assert!(limit.reached > limit.limit, "{limit:?}");
    let delivered = size(&ended);
    assert!(delivered <= limit.limit && delivered > limit.limit - 10_000);
    assert_eq!(ended.rows.len() as u64, ended.receipt.rows);
    let again = within(&mut engine, all, budgets.larger(BudgetKind::Result));
    assert_eq!(again.receipt.outcome, Outcome::Finished);
}

#[test]
fn a_heap_budget_stops_a_scan_and_larger_ones_let_it_through() {
    let mut engine = TestEngine::on(&jobdb::large(), &keeps_everything());
    let mut budgets = Budgets {
        heap: Some(Bytes::mib(20)),
        ..Budgets::default()
    };
    let ended = within(&mut engine, WHOLE_TABLE, budgets);
    let limit = limit_of(&ended, BudgetKind::Heap);
    assert_eq!(limit.limit, Bytes::mib(20).0);
    let beyond = limit.reached.saturating_sub(limit.limit);
    assert!(
        beyond > 0 && beyond < Bytes::mib(8).0,
        "noticed soon: {limit:?}"
    );
    for _ in 0..4 {
        budgets = budgets.larger(limit.kind);
        let again = within(&mut engine, WHOLE_TABLE, budgets);
        if again.receipt.outcome == Outcome::Finished {
            return;
        }
    }
    unreachable!("320 MiB are enough for a file of 100");
}

#[test]
fn what_comes_into_the_heap_beside_another_task_is_beyond_nobodys_budget() {
    let db = JobDb::with_rows(10);
    let mut engine = TestEngine::on(&db.path, &keeps_everything());
    let budgets = Budgets {
        heap: Some(Bytes::mib(20)),
        ..Budgets::default()
    };
    let other = engine.sql(ENDLESS);
    engine.start_of(other);
    let beside = within(&mut engine, "SELECT LENGTH(RANDOMBLOB(30000000))", budgets);
    assert_eq!(beside.receipt.outcome, Outcome::Finished);
    assert_eq!(beside.receipt.limit, None, "SQLite does not tell whose");
    engine.cancel(other);
    engine.end_of(other);
}

#[test]
fn a_time_limit_keeps_its_outcome_and_says_what_it_was() {
    let db = JobDb::with_rows(10);
    let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
    let budgets = Budgets {
        time: Some(Duration::from_millis(250)),
        ..Budgets::default()
    };
    let ended = within(&mut engine, ENDLESS, budgets);
    assert_eq!(ended.receipt.outcome, Outcome::TimedOut);
    let limit = ended.receipt.limit.expect("which limit");
    assert_eq!((limit.kind, limit.limit), (BudgetKind::Time, 250));
    assert!((250..60_000).contains(&limit.reached), "{limit:?}");
    let larger = budgets.larger(BudgetKind::Time);
    assert_eq!(larger.time, Some(Duration::from_millis(500)));
    let again = within(&mut engine, "SELECT COUNT(*) FROM job", larger);
    assert_eq!(again.receipt.outcome, Outcome::Finished);
}

#[test]
fn only_the_task_that_is_over_its_budget_stops() {
    let mut engine = TestEngine::on(&jobdb::large(), &keeps_everything());
    let budgets = Budgets {
        heap: Some(Bytes::mib(20)),
        ..Budgets::default()
    };
    let small = engine.submit_within(sql(ENDLESS), budgets);
    engine.start_of(small);
    let large = within(&mut engine, WHOLE_TABLE, budgets);
    limit_of(&large, BudgetKind::Heap);
    // What the other one's cache keeps is more than this one may use, and not its own.
    engine.pass(Duration::from_millis(400));
    engine.cancel(small);
    let small = engine.end_of(small);
    assert_eq!(
        small.receipt.outcome,
        Outcome::Cancelled,
        "{:?}",
        small.receipt
    );
}

#[test]
fn a_task_is_not_stopped_for_what_another_reads_inside_one_instruction() {
    let mut engine = TestEngine::on(&jobdb::large(), &keeps_everything());
    let budgets = Budgets {
        heap: Some(Bytes::mib(20)),
        ..Budgets::default()
    };
    let small = engine.submit_within(sql(ENDLESS), budgets);
    engine.start_of(small);
    // One instruction, in which SQLite lets nobody look, and which fills the cache.
    let count = "SELECT COUNT(*) FROM job NOT INDEXED";
    for _ in 0..3 {
        assert_eq!(engine.run_sql(count).receipt.outcome, Outcome::Finished);
        let closing = vec![Step::CloseIdle];
        drop(engine.engine.samples());
        engine.sample_with("a large cache", |sample| sample.caches() > Bytes::mib(30));
        engine.engine.send(Request::GiveBack(closing));
        drop(engine.engine.samples());
        engine.sample_with("none", |sample| sample.caches() < Bytes::mib(30));
    }
    engine.cancel(small);
    let small = engine.end_of(small).receipt;
    assert_eq!(small.outcome, Outcome::Cancelled, "{small:?}");
}

#[test]
fn a_sort_is_stopped_alone_and_beside_a_connection_that_only_holds_its_cache() {
    let profile = MemoryProfile {
        temp_store: TempStore::Memory,
        ..keeps_everything()
    };
    let sort = "SELECT meta_data FROM job NOT INDEXED ORDER BY LENGTH(meta_data)";
    let mut engine = TestEngine::on(&jobdb::large(), &profile);
    // Both caches are full, one after the other: what grows is the sorter.
    let first = engine.sql(ENDLESS);
    engine.start_of(first);
    engine.run_sql(WHOLE_TABLE);
    let second = engine.sql(ENDLESS);
    engine.start_of(second);
    engine.cancel(first);
    engine.end_of(first);
    engine.run_sql(WHOLE_TABLE);
    engine.cancel(second);
    engine.end_of(second);
    let budgets = Budgets {
        heap: Some(Bytes::mib(20)),
        ..Budgets::default()
    };
    let ended = within(&mut engine, sort, budgets);
    let limit = limit_of(&ended, BudgetKind::Heap);
    assert!(limit.reached < Bytes::mib(60).0, "noticed soon: {limit:?}");
    assert!(
        ended.receipt.sqlite_heap_before_bytes > Bytes::mib(80).0,
        "beside a full cache: {:?}",
        ended.receipt
    );
}

#[test]
fn the_guard_stops_the_largest_first_and_never_when_it_is_off() {
    let mut engine = TestEngine::on(&jobdb::large(), &keeps_everything());
    let small = engine.sql(ENDLESS);
    engine.start_of(small);
    let large = engine.sql(ENDLESS_SCAN);
    let connection = engine.start_of(large);
    let is_large = move |cache: Bytes| cache > Bytes::mib(30);
    engine.sample_with("a large cache", |sample| {
        is_large(sample.connections[connection].cache_used)
    });
    engine.engine.send(Request::SetGuard(None));
    engine.pass(Duration::from_millis(500));
    let acted = |event: &Event| match event {
        Event::GuardActed { text } => Some(text.clone()),
        _ => None,
    };
    assert!(
        !engine.log.iter().any(|event| acted(event).is_some()),
        "off"
    );

    // More than any machine has available, so it must act.
    let keep = Bytes::gib(1 << 20);
    engine.engine.send(Request::SetGuard(Some(keep)));
    let text = engine.wait_for("the guard", acted);
    assert!(
        text.contains(&format!("connection {}", connection + 1)),
        "{text}"
    );
    let ended = engine.end_of(large);
    let limit = limit_of(&ended, BudgetKind::Guard);
    assert_eq!(limit.limit, keep.0);
    assert!(limit.reached < keep.0 && limit.reached > 0);
    let has_ended = |engine: &TestEngine, task: TaskId| {
        let is_end = |event: &Event| matches!(event, Event::Ended { id, .. } if *id == task);
        engine.log.iter().any(is_end)
    };
    assert!(!has_ended(&engine, small), "the smaller one may go on");
    // There is still too little: the next one goes, after a moment.
    let ended = engine.end_of(small);
    limit_of(&ended, BudgetKind::Guard);

    engine.engine.send(Request::SetGuard(None));
    let last = engine.sql(ENDLESS);
    engine.start_of(last);
    engine.pass(Duration::from_millis(2_500));
    assert!(!has_ended(&engine, last), "off again");
    engine.sample_with("a busy connection", |sample| {
        let mut states = sample.connections.iter().map(|connection| connection.state);
        states.any(|state| state == ConnectionState::Busy)
    });
    engine.cancel(last);
    assert_eq!(engine.end_of(last).receipt.outcome, Outcome::Cancelled);
}

#[test]
fn the_guard_does_not_wait_for_a_task_that_is_stopping_already() {
    let mut engine = TestEngine::on(&jobdb::large(), &keeps_everything());
    let small = engine.sql(ENDLESS);
    engine.start_of(small);
    let large = engine.sql(ENDLESS_SCAN);
    let connection = engine.start_of(large);
    engine.sample_with("a large cache", |sample| {
        sample.connections[connection].cache_used > Bytes::mib(30)
    });
    // It holds the most, and waits for a second whether its memory comes back.
    engine.cancel(large);
    engine
        .engine
        .send(Request::SetGuard(Some(Bytes::gib(1 << 20))));
    engine.wait_for("the guard", |event| match event {
        Event::GuardActed { .. } => Some(()),
        _ => None,
    });
    let is_over = |event: &Event| matches!(event, Event::Ended { .. });
    assert!(
        !engine.log.iter().any(is_over),
        "the other one goes at once"
    );
    limit_of(&engine.end_of(small), BudgetKind::Guard);
    let receipt = engine.end_of(large).receipt;
    assert_eq!(receipt.outcome, Outcome::Cancelled);
    assert!(
        receipt.limit.is_none(),
        "its first wish counts: {receipt:?}"
    );
}

#[cfg(target_os = "linux")]
mod on_the_command_line {
    use jobscope::memory::sample::MachineReader;

    use super::{ENDLESS, JobDb, WHOLE_TABLE, jobdb};
    use crate::common::program::run;

    #[test]
    fn a_stop_says_which_limit_it_was_and_how_to_go_on() {
        let db = JobDb::with_rows(500);
        let small = db.path.to_str().expect("a plain path").to_owned();
        let large = jobdb::large();
        let large = large.to_str().expect("a plain path").to_owned();
        let all = "SELECT * FROM job";
        // As much is never available: the guard must act.
        let total = MachineReader::default().total().expect("a machine");
        let nearly_all = (total.0 - 1).to_string();
        for (database, text, flags, said) in [
            (
                &small,
                all,
                ["--row-budget", "40"],
                "go on with --row-budget 80",
            ),
            (
                &small,
                all,
                ["--result-budget", "4KiB"],
                "go on with --result-budget 8KiB",
            ),
            (
                &small,
                ENDLESS,
                ["--time-limit", "200ms"],
                "go on with --time-limit 400ms",
            ),
            (
                &small,
                ENDLESS,
                ["--keep-available", &nearly_all],
                "; a lower --keep-available would let it go on",
            ),
            (
                &large,
                WHOLE_TABLE,
                ["--heap-budget", "20MiB"],
                "go on with --heap-budget 40MiB",
            ),
        ] {
            let profile = ["--profile", "Before the fix"];
            let args = [&["sql", database, text][..], &flags, &profile].concat();
            let (status, _, talk) = run(&args);
            assert_eq!(status, 3, "{flags:?}: {talk}");
            assert!(talk.contains(said), "{flags:?}: {talk}");
        }
        let (status, _, talk) = run(&["sql", &small, all, "--keep-available", "512TiB"]);
        assert_eq!(status, 2, "{talk}");
        assert!(talk.contains("of the machine, or off"), "{talk}");
        let counted = [
            "sql",
            &small,
            "SELECT COUNT(*) FROM job",
            "--keep-available",
            "off",
        ];
        assert_eq!(run(&counted).0, 0);
        let (status, _, talk) = run(&["sql", &small, all, "--row-budget", "0"]);
        assert_eq!(status, 2, "{talk}");
        let rows = [
            "query",
            &small,
            "jobs",
            "--row-budget",
            "7",
            "--format",
            "csv",
        ];
        let (status, out, talk) = run(&rows);
        assert_eq!(status, 3, "{talk}");
        assert_eq!(out.lines().count(), 8, "a header and seven rows");
    }
}
