//! How the state reacts, without threads.

use std::path::PathBuf;

use super::*;
use crate::{
    db::value::Cell,
    engine::{
        message::{Event, News},
        receipt::{Outcome, Receipt},
    },
    jobs::{
        schema::{FileKind, Schema},
        sort::Cursor,
    },
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

fn row(id: i64) -> Vec<Cell> {
    let mut cells = vec![Cell::Null; 21];
    cells[0] = Cell::Int(id);
    cells[6] = Cell::Int(1000 - id);
    cells
}

fn end(state: &mut AppState, id: TaskId, outcome: Outcome, next: Option<Cursor>) {
    let receipt = Receipt {
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
        sqlite_heap_before_bytes: 0,
        sqlite_heap_peak_bytes: 0,
        sqlite_heap_after_bytes: 0,
        rss_before_bytes: None,
        rss_peak_bytes: None,
        rss_after_bytes: None,
        stop: None,
    };
    let event = Event::Ended {
        id,
        ended_secs: 1.0,
        receipt: Box::new(receipt),
        report: None,
        next,
    };
    happen(state, event);
}

fn cursor(id: i64) -> Cursor {
    Cursor {
        key: Cell::Int(1000 - id),
        id,
    }
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
        .filter_map(|request| match request {
            Request::Run(_, task) => Some(task.name()),
            Request::Open { .. }
            | Request::Cancel(_)
            | Request::SetProfile(_)
            | Request::Shrink
            | Request::Trim => None,
        })
        .collect();
    assert_eq!(names, ["jobs", "count", "values"]);
}

#[test]
fn a_new_filter_cancels_the_load_it_replaces() {
    let mut state = opened();
    let first = state.jobs.loading.expect("the first load is on its way");
    let requests = state.handle(2.0, Command::SetFilter(only_failed()));
    assert_eq!(requests.first(), Some(&Request::Cancel(first)));
    assert_ne!(state.jobs.loading, Some(first));
}

#[test]
fn a_late_batch_never_lands_in_the_list_of_another_filter() {
    let mut state = opened();
    let first = state.jobs.loading.expect("loading");
    state.handle(2.0, Command::SetFilter(only_failed()));
    let rows = vec![row(1)];
    happen(&mut state, Event::Rows { id: first, rows });
    assert!(
        state.jobs.rows.is_empty(),
        "these are rows of the old filter"
    );
    end(&mut state, first, Outcome::Finished, Some(cursor(1)));
    assert_eq!(
        state.jobs.phase,
        Phase::Loading,
        "the new load is still under way"
    );
}

#[test]
fn old_rows_stay_until_the_first_new_one_comes() {
    let mut state = opened();
    let first = state.jobs.loading.expect("loading");
    let rows = vec![row(1), row(2)];
    happen(&mut state, Event::Rows { id: first, rows });
    end(&mut state, first, Outcome::Finished, None);
    state.handle(2.0, Command::SetFilter(only_failed()));
    assert_eq!(state.jobs.rows.len(), 2);
    assert!(state.jobs.is_outdated);
    let second = state.jobs.loading.expect("loading again");
    let rows = vec![row(3)];
    happen(&mut state, Event::Rows { id: second, rows });
    let ids: Vec<_> = state.jobs.rows.iter().map(|row| row.id()).collect();
    assert_eq!(ids, [3]);
}

#[test]
fn a_selection_without_jobs_empties_the_list() {
    let mut state = opened();
    let first = state.jobs.loading.expect("loading");
    let rows = vec![row(1)];
    happen(&mut state, Event::Rows { id: first, rows });
    end(&mut state, first, Outcome::Finished, None);
    state.handle(2.0, Command::SetFilter(only_failed()));
    let second = state.jobs.loading.expect("loading again");
    end(&mut state, second, Outcome::Finished, None);
    assert!(state.jobs.rows.is_empty());
    assert_eq!(state.jobs.phase, Phase::Loaded);
}

#[test]
fn more_is_loaded_once_and_only_where_there_is_more() {
    let mut state = opened();
    let first = state.jobs.loading.expect("loading");
    assert!(
        state.handle(2.0, Command::LoadMore).is_empty(),
        "one at a time"
    );
    let rows = vec![row(1)];
    happen(&mut state, Event::Rows { id: first, rows });
    end(&mut state, first, Outcome::Finished, Some(cursor(1)));
    assert_eq!(state.handle(3.0, Command::LoadMore).len(), 1);
    let second = state.jobs.loading.expect("loading more");
    end(&mut state, second, Outcome::Finished, None);
    assert!(
        state.handle(4.0, Command::LoadMore).is_empty(),
        "that was all"
    );
}

#[test]
fn a_stopped_list_goes_on_after_its_last_row() {
    let mut state = opened();
    let first = state.jobs.loading.expect("loading");
    let rows = vec![row(1), row(2)];
    happen(&mut state, Event::Rows { id: first, rows });
    end(&mut state, first, Outcome::Cancelled, None);
    assert_eq!(state.jobs.phase, Phase::Stopped);
    assert_eq!(state.jobs.can_load_more(), Some(cursor(2)));
}

#[test]
fn cancelling_twice_asks_the_engine_once() {
    let mut state = opened();
    let first = state.jobs.loading.expect("loading");
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
        2
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
    assert_eq!(runs, 4, "jobs, count, groups, total");
}

#[test]
fn a_changed_setting_is_a_mark_with_both_values() {
    let mut state = opened();
    let mut profile = state.tuning.wanted.clone();
    profile.soft_heap_limit = Some(Bytes::gib(2));
    let requests = state.handle(2.0, Command::SetProfile(profile.clone()));
    assert_eq!(requests, [Request::SetProfile(profile.clone())]);
    let mark = state.timeline.markers.last().expect("a mark");
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
    assert_eq!(worst.caches, Bytes(4 * 4_096_000_000_000));
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
fn the_total_of_another_filter_never_stands_above_new_groups() {
    let mut state = opened();
    state.handle(2.0, Command::ShowView(View::Statistics));
    let total = state.statistics.totalling.expect("the total is on its way");
    let rows = vec![vec![Cell::Int(7); 11]];
    happen(&mut state, Event::Rows { id: total, rows });
    assert!(state.statistics.total.is_some());
    state.handle(3.0, Command::SetFilter(only_failed()));
    assert!(state.statistics.total.is_none(), "7 was the old filter's");
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
