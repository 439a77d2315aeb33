//! How the state reacts, without threads.

mod details;
mod file;
mod instrument;
mod list;

use std::path::PathBuf;

use super::*;
use crate::{
    db::{plan::PlanSummary, value::Cell},
    engine::{
        message::{Event, News},
        receipt::{Outcome, Receipt},
    },
    jobs::{
        rows::{ListQuery, Place, RowsQuery},
        schema::{FileKind, Schema},
        sort::Cursor,
    },
    memory::marker::{MarkerKind, Timeline},
};

fn facts(path: &str) -> DatabaseFacts {
    DatabaseFacts {
        path: PathBuf::from(path),
        immutable: false,
        file_bytes: 0,
        wal_bytes: None,
        page_size: 4096,
        journal_mode: "wal".to_owned(),
        schema_version: Some(11),
        migration_is_dirty: false,
        estimated_jobs: 100,
        job_indexes: Vec::new(),
        job_is_analyzed: true,
        kind: FileKind::Jobs,
        missing_columns: Vec::new(),
        schema: std::sync::Arc::new(Schema::version_11()),
        index_statistics: Vec::new(),
        suggestible: vec![("cluster", None)],
    }
}

fn happen(state: &mut AppState, event: Event) -> Vec<Request> {
    state.apply(News {
        at_secs: 1.0,
        event,
    })
}

fn opened() -> AppState {
    let mut state = AppState::new(Settings::default());
    happen(&mut state, Event::Opened(Box::new(facts("a.db"))));
    state
}

/// A job as the list gets it: the newest one has id 1.
fn row(id: i64) -> Vec<Cell> {
    let key = Cell::Int(1000 - id);
    file::row(&Cursor { key, id }, (None, 1000), Vec::new())
}

fn rows(ids: std::ops::RangeInclusive<i64>) -> Vec<Vec<Cell>> {
    ids.map(row).collect()
}

/// The load of the first rows, or of more of them.
fn loading(state: &AppState) -> TaskId {
    state.jobs.fetching().expect("rows are on their way")
}

fn ids(state: &AppState) -> Vec<i64> {
    state.jobs.rows.iter().map(|(_, row)| row.id).collect()
}

/// The parts of the list that are asked for.
fn parts(requests: &[Request]) -> Vec<&RowsQuery> {
    let mut parts = Vec::new();
    for request in requests {
        if let Request::Run(_, Task::List(ListQuery::Rows(rows))) = request
            && !rows.columns.is_empty()
        {
            parts.push(rows);
        }
    }
    parts
}

fn receipt_of(outcome: Outcome) -> Receipt {
    Receipt {
        outcome,
        error: None,
        connection: Some(0),
        profile: "jobscope".to_owned(),
        queued_ms: 0.0,
        first_row_ms: None,
        elapsed_ms: 1.0,
        rows: 0,
        vm_steps: 0,
        fullscan_steps: 0,
        sorts: 0,
        autoindexes: 0,
        cache_hits: 0,
        cache_misses: 0,
        cache_spills: 0,
        temp_spill_bytes: 0,
        sqlite_heap_before_bytes: 0,
        sqlite_heap_peak_bytes: 0,
        sqlite_heap_after_bytes: 0,
        rss_before_bytes: None,
        rss_peak_bytes: None,
        rss_after_bytes: None,
        stop: None,
        limit: None,
    }
}

fn end(state: &mut AppState, id: TaskId, outcome: Outcome) -> Vec<Request> {
    let event = Event::Ended {
        id,
        ended_secs: 1.0,
        receipt: Box::new(receipt_of(outcome)),
        report: None,
        next: None,
    };
    happen(state, event)
}

fn only_failed() -> JobFilter {
    JobFilter::default().with_states(["failed"])
}

#[test]
fn opening_asks_for_jobs_their_number_and_suggestions() {
    let mut state = AppState::new(Settings::default());
    let requests = happen(&mut state, Event::Opened(Box::new(facts("a.db"))));
    let names: Vec<_> = requests
        .iter()
        .filter_map(|request| Some(request.task()?.1.name()))
        .collect();
    assert_eq!(
        names,
        [
            "rows",
            "orders",
            "count",
            "values",
            "tag-list",
            "footprint-keys"
        ]
    );
}

#[test]
fn a_new_filter_cancels_the_load_it_replaces() {
    let mut state = opened();
    let first = loading(&state);
    let requests = state.handle(2.0, Command::SetFilter(only_failed()));
    assert_eq!(requests.first(), Some(&Request::Cancel(first)));
    assert_ne!(loading(&state), first);
}

#[test]
fn a_late_batch_never_lands_in_the_list_of_another_filter() {
    let mut state = opened();
    let first = loading(&state);
    state.handle(2.0, Command::SetFilter(only_failed()));
    let rows = vec![row(1)];
    happen(&mut state, Event::Rows { id: first, rows });
    assert!(
        state.jobs.rows.is_empty(),
        "these are rows of the old filter"
    );
    end(&mut state, first, Outcome::Finished);
    assert_eq!(
        state.jobs.phase,
        Phase::Loading,
        "the new load is still under way"
    );
}

#[test]
fn old_rows_stay_until_the_first_new_one_comes() {
    let mut state = opened();
    let first = loading(&state);
    let rows = vec![row(1), row(2)];
    happen(&mut state, Event::Rows { id: first, rows });
    end(&mut state, first, Outcome::Finished);
    state.handle(2.0, Command::SetFilter(only_failed()));
    assert_eq!(state.jobs.rows.len(), 2);
    assert!(state.jobs.is_outdated);
    let second = loading(&state);
    let rows = vec![row(3)];
    happen(&mut state, Event::Rows { id: second, rows });
    assert_eq!(ids(&state), [3]);
}

#[test]
fn a_new_statement_is_never_shown_with_the_plan_of_the_one_before() {
    let mut state = opened();
    let first = loading(&state);
    let plan = PlanSummary {
        steps: vec!["SCAN job".to_owned()],
        scans_table: true,
        ..PlanSummary::default()
    };
    state.jobs.planned(first, plan);
    assert_eq!(state.jobs.plan.gist(), "full scan");
    state.handle(2.0, Command::SetFilter(only_failed()));
    assert_eq!(state.jobs.plan, PlanSummary::default());
}

#[test]
fn a_selection_without_jobs_empties_the_list() {
    let mut state = opened();
    let first = loading(&state);
    let rows = vec![row(1)];
    happen(&mut state, Event::Rows { id: first, rows });
    end(&mut state, first, Outcome::Finished);
    state.handle(2.0, Command::SetFilter(only_failed()));
    let second = loading(&state);
    end(&mut state, second, Outcome::Finished);
    assert!(state.jobs.rows.is_empty());
    assert_eq!(state.jobs.phase, Phase::Loaded);
}

#[test]
fn more_is_loaded_once_and_only_where_there_is_more() {
    let mut state = opened();
    let first = loading(&state);
    let show = |state: &mut AppState| state.handle(2.0, Command::ShowRows(0..30));
    assert!(show(&mut state).is_empty(), "the first rows are awaited");
    let rows_of = rows(1..=50);
    happen(
        &mut state,
        Event::Rows {
            id: first,
            rows: rows_of,
        },
    );
    let more = end(&mut state, first, Outcome::Finished);
    let more = parts(&more);
    assert_eq!(more.len(), 1, "rows that scrolling will find there");
    let last = state.jobs.rows.cursor(49).expect("the last row");
    assert_eq!(more[0].place, Place::After(last));
    assert!(show(&mut state).is_empty(), "one at a time");
    let second = loading(&state);
    let rows = rows(51..=60);
    happen(&mut state, Event::Rows { id: second, rows });
    end(&mut state, second, Outcome::Finished);
    assert!(show(&mut state).is_empty(), "that was all");
    assert_eq!(state.jobs.count, Some(60), "and so all are counted");
}

#[test]
fn later_batches_belong_to_the_moment_of_the_first() {
    let mut state = AppState::new(Settings::default());
    state.now_unix_secs = 1_000;
    happen(&mut state, Event::Opened(Box::new(facts("a.db"))));
    let first = loading(&state);
    let rows = rows(1..=50);
    happen(&mut state, Event::Rows { id: first, rows });
    state.now_unix_secs = 2_000;
    let moment = |requests: &[Request]| {
        let parts = parts(requests);
        parts.first().map(|rows| rows.selection.clock.now_unix_secs)
    };
    let more = end(&mut state, first, Outcome::Finished);
    assert_eq!(moment(&more), Some(1_000));
    let anew = state.handle(4.0, Command::Reload);
    assert_eq!(moment(&anew), Some(2_000));
}

#[test]
fn a_list_of_large_rows_holds_what_is_in_sight() {
    let mut state = opened();
    state.jobs.limit_rows(Bytes::mib(1));
    state.handle(2.0, Command::ShowRows(0..10));
    let first = loading(&state);
    let mut large = rows(1..=50);
    for row in &mut large {
        row.push(Cell::Text("x".repeat(50 << 10)));
    }
    let rows = large;
    happen(&mut state, Event::Rows { id: first, rows });
    assert!(state.jobs.rows.bytes() <= 1 << 20);
    assert_eq!(state.jobs.rows.missing(&(0..10)), None);
    assert!(state.jobs.rows.get(49).is_none(), "the farthest goes first");
}

#[test]
fn a_stopped_list_goes_on_after_its_last_row() {
    let mut state = opened();
    let first = loading(&state);
    let rows = vec![row(1), row(2)];
    happen(&mut state, Event::Rows { id: first, rows });
    state.handle(2.0, Command::ShowRows(0..30));
    let requests = end(&mut state, first, Outcome::Cancelled);
    assert!(requests.is_empty(), "a stop is a stop");
    assert_eq!(state.jobs.phase, Phase::Stopped);
    let last = state.jobs.rows.cursor(1).expect("the second row");
    let requests = state.handle(2.5, Command::ShowRows(0..30));
    assert!(requests.is_empty(), "also for the window");
    let requests = state.handle(3.0, Command::GoOn);
    let parts = parts(&requests);
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].place, Place::After(last));
}

#[test]
fn cancelling_twice_asks_the_engine_once() {
    let mut state = opened();
    let first = loading(&state);
    assert_eq!(
        state.handle(2.0, Command::Cancel(first)),
        [Request::Cancel(first)]
    );
    assert!(state.handle(2.1, Command::Cancel(first)).is_empty());
}

#[test]
fn another_database_starts_without_the_filter_and_the_same_one_with_it() {
    let mut state = opened();
    state.handle(2.0, Command::SetFilter(only_failed()));
    happen(&mut state, Event::Opened(Box::new(facts("a.db"))));
    assert_eq!(state.filter(), &only_failed(), "the same file again");
    happen(&mut state, Event::Opened(Box::new(facts("b.db"))));
    assert!(
        state.filter().is_empty(),
        "another site's clusters and users"
    );
    let recent: Vec<_> = state
        .settings
        .recent
        .iter()
        .map(|p| p.display().to_string())
        .collect();
    assert_eq!(recent, ["b.db", "a.db"]);
}

#[test]
fn a_file_that_cannot_be_opened_changes_nothing_but_the_report() {
    let mut state = opened();
    let path = PathBuf::from("b.db");
    let mode = OpenMode::ReadOnly;
    state.handle(
        2.0,
        Command::Open {
            path: path.clone(),
            mode,
        },
    );
    assert!(state.opening.is_some());
    let report = Report {
        headline: "No".to_owned(),
        causes: Vec::new(),
        hint: None,
    };
    let event = Event::OpenFailed {
        path: path.clone(),
        report,
        can_be_immutable: true,
    };
    happen(&mut state, event);
    assert!(state.opening.is_none());
    assert_eq!(
        state.database.as_ref().map(|d| d.facts.path.clone()),
        Some(PathBuf::from("a.db"))
    );
    assert_eq!(state.notice.and_then(|n| n.immutable_offer), Some(path));
}

#[test]
fn statistics_are_asked_for_when_they_are_shown_and_again_when_the_filter_changes() {
    let mut state = opened();
    assert_eq!(
        state.handle(2.0, Command::ShowView(View::Statistics)).len(),
        8,
        "totals, groups, over time, four histograms, footprint keys"
    );
    assert!(
        state
            .handle(3.0, Command::ShowView(View::Statistics))
            .is_empty(),
        "they are on their way"
    );
    let requests = state.handle(4.0, Command::SetFilter(only_failed()));
    let runs = requests
        .iter()
        .filter(|request| matches!(request, Request::Run(..)))
        .count();
    assert_eq!(runs, 11, "jobs, orders, count, and all parts");
}

#[test]
fn a_changed_setting_is_a_mark_with_both_values() {
    let mut state = opened();
    let mut profile = state.tuning.wanted.clone();
    profile.soft_heap_limit = Some(Bytes::gib(2));
    let requests = state.handle(2.0, Command::SetProfile(profile.clone()));
    assert_eq!(requests, [Request::SetProfile(profile.clone())]);
    // The engine says what it does, and the chart marks what the engine says.
    let changes = crate::db::profile::MemoryProfile::jobscope().changes(&profile);
    happen(&mut state, Event::ProfileSet { changes });
    let mark = state.live.timeline.markers.last().expect("a mark");
    assert_eq!(mark.text, "soft_heap_limit 512 MiB → 2 GiB");
    assert!(
        state.handle(3.0, Command::SetProfile(profile)).is_empty(),
        "nothing has changed"
    );
}

#[test]
fn contradicting_settings_are_named() {
    use tuning::WorstCase;

    let profile = |name: &str| crate::db::profile::MemoryProfile::find(name).expect(name);
    let worst = WorstCase::of(&profile("Before the fix"), 4096, Some(Bytes::gib(512)));
    assert_eq!(worst.caches, Bytes(4 * (4_096 + 256) * 1_000_000_000));
    assert!(
        worst.warnings[0].contains("this machine has 512 GiB"),
        "{:?}",
        worst.warnings
    );
    let mut starving = profile("jobscope");
    starving.cache_size = crate::db::pragma::CacheSize::KiB(400 << 10);
    let worst = WorstCase::of(&starving, 4096, Some(Bytes::gib(512)));
    assert!(
        worst.warnings[0].contains("starve the others"),
        "{:?}",
        worst.warnings
    );
    let fine = WorstCase::of(&profile("jobscope"), 4096, Some(Bytes::gib(512)));
    assert!(fine.warnings.is_empty(), "{:?}", fine.warnings);
}

#[test]
fn marks_stay_in_order_when_news_overtake_each_other() {
    let mut timeline = Timeline::default();
    for at_secs in [3.0, 1.0, 2.0] {
        timeline.mark(at_secs, MarkerKind::Stop, String::new());
    }
    let times: Vec<_> = timeline.markers.iter().map(|mark| mark.at_secs).collect();
    assert_eq!(times, [1.0, 2.0, 3.0]);
}

fn started(requests: &[Request]) -> Vec<&'static str> {
    let tasks = requests.iter().filter_map(Request::task);
    tasks.map(|(_, task)| task.name()).collect()
}

fn facts_of(ddl: &str) -> DatabaseFacts {
    let schema = Schema::of(ddl);
    DatabaseFacts {
        kind: schema.kind(),
        missing_columns: schema.missing_columns(),
        schema: std::sync::Arc::new(schema),
        suggestible: Vec::new(),
        ..facts("strange.db")
    }
}

#[test]
fn a_new_order_asks_for_the_list_again_and_not_for_the_count() {
    let mut state = opened();
    let counting = state.jobs.counting;
    let first = loading(&state);
    let sort: Sort = "duration:asc".parse().expect("an order");
    assert!(
        state
            .handle(2.0, Command::SortJobs(sort.clone()))
            .is_empty(),
        "its cost is asked for already"
    );
    let id = state.jobs.orders.asked.expect("asked");
    let plan = PlanSummary {
        steps: vec!["SCAN job USING COVERING INDEX jobs_duration".to_owned()],
        ..PlanSummary::default()
    };
    let plans = vec![(sort.clone(), plan)];
    let requests = happen(&mut state, Event::OrdersPlanned { id, plans });
    assert_eq!(requests.first(), Some(&Request::Cancel(first)));
    assert_eq!(started(&requests), ["rows"]);
    assert_eq!(state.jobs.counting, counting, "the count is the same");
    assert_eq!(state.settings.sort, sort, "it is kept");
    assert!(
        state
            .handle(3.0, Command::SortJobs(sort.clone()))
            .is_empty(),
        "it is there already"
    );
    let id = loading(&state);
    assert_ne!(state.jobs.rows_sort, sort);
    let rows = vec![row(1)];
    happen(&mut state, Event::Rows { id, rows });
    assert_eq!(state.jobs.rows_sort, sort);
    let sql = state.jobs.sql.as_ref().expect("the statement that ran");
    assert!(
        sql.text.contains("ORDER BY duration ASC, id ASC"),
        "{sql:?}"
    );
    happen(&mut state, Event::Opened(Box::new(facts("b.db"))));
    assert_eq!(state.jobs.sort, sort, "another file, the same order");
}

#[test]
fn a_filter_that_the_file_cannot_answer_is_reported_and_changes_nothing() {
    let mut state = AppState::new(Settings::default());
    let facts = facts_of(
        "CREATE TABLE job(id INTEGER PRIMARY KEY, cluster, hpc_user, start_time, job_state)",
    );
    let requests = happen(&mut state, Event::Opened(Box::new(facts)));
    assert_eq!(
        started(&requests),
        ["rows", "orders", "count"],
        "no tags, no footprint"
    );
    let id = loading(&state);
    let rows = vec![row(1)];
    happen(&mut state, Event::Rows { id, rows });
    for command in [
        Command::PasteFilter("{\"energy\":{\"ge\":1}}".to_owned()),
        Command::SortJobs("energy".parse().expect("an order")),
    ] {
        state.notice = None;
        assert!(state.handle(2.0, command).is_empty());
        let notice = state.notice.as_ref().expect("a report");
        assert!(notice.report.headline.contains("energy"), "{notice:?}");
        assert!(state.filter().is_empty() && state.jobs.sort == Sort::default());
        assert!(!state.jobs.is_outdated && state.jobs.rows.len() == 1);
    }
}

#[test]
fn a_pasted_filter_is_applied_or_named_in_a_report() {
    let mut state = opened();
    let good = "{\"state\":[\"failed\"]}".to_owned();
    let requests = state.handle(2.0, Command::PasteFilter(good));
    assert_eq!(started(&requests), ["rows", "orders", "count"]);
    assert_eq!(state.filter(), &only_failed());
    let bad = "{\"clutser\":{\"eq\":\"fritz\"}}".to_owned();
    assert!(state.handle(3.0, Command::PasteFilter(bad)).is_empty());
    let report = state
        .notice
        .as_ref()
        .map(|notice| notice.report.to_string());
    assert!(report.expect("a report").contains("clutser"));
    assert_eq!(state.filter(), &only_failed(), "the filter is kept");
}

#[test]
fn a_kept_filter_and_order_that_the_file_lacks_are_given_up() {
    let mut state = AppState::new(Settings {
        last_database: Some(PathBuf::from("strange.db")),
        filter: JobFilter::from_json("{\"energy\":{\"ge\":1}}").expect("a filter"),
        sort: "energy".parse().expect("an order"),
        ..Settings::default()
    });
    let facts = facts_of(
        "CREATE TABLE job(id INTEGER PRIMARY KEY, cluster, hpc_user, start_time, job_state)",
    );
    let requests = happen(&mut state, Event::Opened(Box::new(facts)));
    assert_eq!(started(&requests), ["rows", "orders", "count"]);
    assert!(state.filter().is_empty() && state.jobs.sort == Sort::default());
    assert!(state.notice.is_some(), "the lost filter is named");
    assert_eq!(
        state.settings.sort.to_string(),
        "energy:desc",
        "for the next file"
    );
}

#[test]
fn a_file_without_jobs_is_asked_nothing() {
    let mut state = opened();
    let facts = facts_of("CREATE TABLE a(b)");
    assert!(happen(&mut state, Event::Opened(Box::new(facts))).is_empty());
    for command in [
        Command::Reload,
        Command::ShowView(View::Statistics),
        Command::Reload,
        Command::SetFilter(only_failed()),
    ] {
        assert!(state.handle(2.0, command).is_empty());
    }
}

#[test]
fn an_archive_lists_jobs_and_has_no_statistics() {
    let mut state = AppState::new(Settings::default());
    let facts = facts_of(
        "CREATE TABLE jobs(id INTEGER PRIMARY KEY, job_id, cluster, start_time, meta_json)",
    );
    let requests = happen(&mut state, Event::Opened(Box::new(facts)));
    assert_eq!(started(&requests), ["rows", "orders", "count"]);
    assert!(
        state
            .handle(2.0, Command::ShowView(View::Statistics))
            .is_empty()
    );
}

#[test]
fn tags_and_keys_are_suggested_and_what_was_stopped_says_so() {
    use suggestions::Source;

    let mut state = AppState::new(Settings::default());
    let requests = happen(&mut state, Event::Opened(Box::new(facts("a.db"))));
    let id_of = |wanted: &str| {
        let mut tasks = requests.iter().filter_map(Request::task);
        let task = tasks.find(|(_, task)| task.name() == wanted);
        task.expect(wanted).0
    };
    let text = |text: &str| Cell::Text(text.to_owned());
    let rows = vec![vec![
        Cell::Int(3),
        text("app"),
        text("vasp"),
        text("global"),
    ]];
    let id = id_of("tag-list");
    happen(&mut state, Event::Rows { id, rows });
    end(&mut state, id, Outcome::Finished);
    let rows = vec![vec![text("mem_used_max"), Cell::Int(9), Cell::Real(0.5)]];
    let id = id_of("footprint-keys");
    assert!(state.suggestions.is_asked(Source::Footprint));
    happen(&mut state, Event::Rows { id, rows });
    end(&mut state, id, Outcome::TimedOut);
    assert_eq!(state.suggestions.tag_name(3), "app: vasp");
    assert_eq!(state.suggestions.footprint[0].key, "mem_used_max");
    assert!(!state.suggestions.is_partial(Source::Tags));
    assert!(state.suggestions.is_partial(Source::Footprint));
}
