//! How the parts are asked, answered, stopped and marked, without threads.

use std::{path::PathBuf, sync::Arc};

use super::{over_time::MAX_PARTS, *};
use crate::{
    command::{Command, View},
    engine::{
        message::{Event, News, Request, Task},
        receipt::Outcome,
    },
    jobs::{
        catalogue::JobQuery,
        clusters::Clusters,
        facts::DatabaseFacts,
        filter::JobFilter,
        histogram::DurationBins,
        lookup::Step,
        schema::{FileKind, Schema},
    },
    state::{AppState, settings::Settings},
};

fn opened_with(kind: FileKind) -> AppState {
    let mut state = AppState::new(Settings::default());
    let facts = DatabaseFacts {
        path: PathBuf::from("a.db"),
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
        kind,
        missing_columns: Vec::new(),
        schema: Arc::new(Schema::version_11()),
        index_statistics: Vec::new(),
        suggestible: Vec::new(),
    };
    happen(&mut state, Event::Opened(Box::new(facts)));
    state
}

fn opened() -> AppState {
    opened_with(FileKind::Jobs)
}

fn happen(state: &mut AppState, event: Event) -> Vec<Request> {
    state.apply(News {
        at_secs: 1.0,
        event,
    })
}

fn show(state: &mut AppState) -> Vec<Request> {
    state.handle(2.0, Command::ShowView(View::Statistics))
}

fn names(requests: &[Request]) -> Vec<&'static str> {
    requests
        .iter()
        .filter_map(|request| Some(request.task()?.1.name()))
        .collect()
}

fn end(state: &mut AppState, id: TaskId, outcome: Outcome, rows: Vec<Vec<Cell>>) -> Vec<Request> {
    happen(state, Event::Rows { id, rows });
    let receipt: Receipt = serde_json::from_value(serde_json::json!({
        "outcome": outcome, "error": null, "connection": 0, "profile": "jobscope",
        "queued_ms": 0.0, "first_row_ms": null, "elapsed_ms": 340.0, "rows": 1, "vm_steps": 0,
        "fullscan_steps": 0, "sorts": 0, "autoindexes": 0, "cache_hits": 0, "cache_misses": 3,
        "cache_spills": 0, "sqlite_heap_before_bytes": 0, "sqlite_heap_peak_bytes": 0,
        "sqlite_heap_after_bytes": 0, "rss_before_bytes": null, "rss_peak_bytes": null,
        "rss_after_bytes": null, "stop": null
    }))
    .expect("a receipt");
    happen(
        state,
        Event::Ended {
            id,
            ended_secs: 7.0,
            receipt: Box::new(receipt),
            report: None,
            next: None,
        },
    )
}

fn id_of(requests: &[Request], name: &str) -> TaskId {
    requests
        .iter()
        .filter_map(Request::task)
        .find(|(_, task)| task.name() == name)
        .map(|(id, _)| id)
        .expect(name)
}

fn total(jobs: i64) -> Vec<Vec<Cell>> {
    vec![vec![Cell::Int(jobs); COLUMNS.len()]]
}

fn keys() -> Vec<Vec<Cell>> {
    ["mem_bw_avg", "mem_used_max"]
        .map(|key| vec![Cell::Text(key.to_owned()), Cell::Int(9)])
        .to_vec()
}

fn only_failed() -> JobFilter {
    JobFilter::default().with_states(["failed"])
}

#[test]
fn cheap_and_most_wanted_parts_come_first_and_metrics_when_their_keys_are_known() {
    let mut state = opened();
    let requests = show(&mut state);
    assert_eq!(
        names(&requests),
        [
            "statistics",
            "statistics-grouped",
            "over-time",
            "histogram-duration",
            "histogram-nodes",
            "histogram-cores",
            "histogram-accelerators",
            "footprint-keys"
        ]
    );
    let more = end(
        &mut state,
        id_of(&requests, "footprint-keys"),
        Outcome::Finished,
        keys(),
    );
    assert_eq!(names(&more), ["histogram-metric", "histogram-metric"]);
}

#[test]
fn a_new_filter_stops_all_parts_and_asks_for_all_of_them_again() {
    let mut state = opened();
    let first = show(&mut state);
    let more = end(
        &mut state,
        id_of(&first, "footprint-keys"),
        Outcome::Finished,
        keys(),
    );
    let requests = state.handle(3.0, Command::SetFilter(only_failed()));
    let running = first.iter().chain(&more).filter_map(Request::task);
    for (id, task) in running.filter(|(_, task)| task.name() != "footprint-keys") {
        assert!(requests.contains(&Request::Cancel(id)), "{}", task.name());
    }
    let asked = names(&requests);
    assert_eq!(
        asked
            .iter()
            .filter(|name| **name == "histogram-metric")
            .count(),
        2
    );
    assert!(!asked.contains(&"footprint-keys"), "the keys are known");
    let late = id_of(&first, "statistics");
    end(&mut state, late, Outcome::Finished, total(100));
    assert!(
        state.statistics.total().is_none(),
        "100 was the old filter's"
    );
}

#[test]
fn old_answers_stay_and_say_so_until_the_new_ones_come() {
    let mut state = opened();
    let first = show(&mut state);
    end(
        &mut state,
        id_of(&first, "statistics"),
        Outcome::Finished,
        total(100),
    );
    let part = |state: &AppState| {
        let part = state
            .statistics
            .part(&PartKey::Totals)
            .expect("always there");
        (part.is_old, part.phase, part.answered_secs)
    };
    assert_eq!(part(&state), (false, Phase::Loaded, 7.0));
    let second = state.handle(3.0, Command::SetFilter(only_failed()));
    assert!(part(&state).0);
    assert_eq!(state.statistics.total().map(|t| t.values[0]), Some(100));
    end(
        &mut state,
        id_of(&second, "statistics"),
        Outcome::Finished,
        total(7),
    );
    assert!(!part(&state).0);
    assert_eq!(state.statistics.total().map(|t| t.values[0]), Some(7));
}

#[test]
fn parts_are_old_at_once_when_the_filter_changes_elsewhere() {
    let mut state = opened();
    let first = show(&mut state);
    end(
        &mut state,
        id_of(&first, "statistics"),
        Outcome::Finished,
        total(100),
    );
    state.handle(3.0, Command::ShowView(View::Jobs));
    let requests = state.handle(4.0, Command::SetFilter(only_failed()));
    assert_eq!(names(&requests), ["rows", "orders", "count"]);
    assert!(requests.contains(&Request::Cancel(id_of(&first, "over-time"))));
    assert!(
        state
            .statistics
            .part(&PartKey::Totals)
            .expect("there")
            .is_old
    );
    assert_eq!(names(&show(&mut state)).len(), 8);
}

#[test]
fn bins_steps_and_groups_ask_for_their_own_part_only() {
    let mut state = opened();
    show(&mut state);
    for (command, name) in [
        (
            Command::SetDurationBins(DurationBins::Minute),
            "histogram-duration",
        ),
        (Command::SetStep(Step::Month), "over-time"),
        (Command::SetGroupBy(GroupBy::Cluster), "statistics-grouped"),
        (
            Command::AskAgain(PartKey::Resource(Resource::Nodes)),
            "histogram-nodes",
        ),
    ] {
        let requests = state.handle(3.0, command);
        assert_eq!(names(&requests), [name]);
        assert_eq!(requests.len(), 2, "one is cancelled, one is asked");
    }
}

#[test]
fn each_part_is_there_as_soon_as_it_has_arrived() {
    let mut state = opened();
    let requests = show(&mut state);
    let rows = vec![
        vec![
            Cell::Int(0),
            Cell::Text("fritz".to_owned()),
            Cell::Int(3),
            Cell::Int(30),
        ],
        vec![
            Cell::Int(86_400),
            Cell::Text("alex".to_owned()),
            Cell::Int(2),
            Cell::Int(20),
        ],
    ];
    end(
        &mut state,
        id_of(&requests, "over-time"),
        Outcome::Finished,
        rows,
    );
    let part = state.statistics.part(&PartKey::OverTime).expect("there");
    let over_time = part.over_time().expect("drawn");
    assert_eq!(over_time.steps.len(), 2);
    assert!(over_time.parts.len() <= MAX_PARTS + 1);
    assert_eq!(part.table.rows.len(), 2, "to be copied");
    assert_eq!(state.statistics.num_loading(), 7);
}

#[test]
fn a_stopped_part_can_be_asked_again_by_itself() {
    let mut state = opened();
    let requests = show(&mut state);
    let id = id_of(&requests, "histogram-nodes");
    end(&mut state, id, Outcome::TimedOut, Vec::new());
    let key = PartKey::Resource(Resource::Nodes);
    let part = state.statistics.part(&key).expect("there");
    assert!(part.can_be_asked_again());
    assert_eq!(part.trouble.as_deref(), Some("timed out"));
    assert_eq!(
        names(&state.handle(3.0, Command::AskAgain(key))),
        ["histogram-nodes"]
    );
}

#[test]
fn a_file_without_a_job_table_is_asked_nothing() {
    let mut state = opened_with(FileKind::Other);
    assert!(show(&mut state).is_empty());
}

#[test]
fn cluster_descriptions_are_kept_for_their_database_and_ask_for_metrics_again() {
    let mut state = opened();
    let first = show(&mut state);
    end(
        &mut state,
        id_of(&first, "footprint-keys"),
        Outcome::Finished,
        keys(),
    );
    let path = PathBuf::from("fritz.json");
    let requests = state.handle(3.0, Command::AddClusters(path.clone()));
    let database = PathBuf::from("a.db");
    let paths = vec![path];
    assert_eq!(
        requests,
        [Request::LoadClusters {
            database: database.clone(),
            paths: paths.clone()
        }]
    );
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("fritz.json");
    std::fs::write(
        &file,
        r#"{"name": "fritz", "metricConfig": [{"name": "mem_bw", "unit": {"base": "B/s", "prefix": "G"},
            "scope": "node", "timestep": 60, "peak": 350, "normal": 100, "caution": 50, "alert": 10,
            "footprint": "avg"}], "subClusters": []}"#,
    )
    .expect("written");
    let known = Clusters::load(&[file]).expect("a description");
    let requests = happen(
        &mut state,
        Event::ClustersLoaded {
            database,
            paths: paths.clone(),
            result: Ok(Box::new(known)),
        },
    );
    assert_eq!(names(&requests), ["histogram-metric", "histogram-metric"]);
    let peaks: Vec<_> = requests
        .iter()
        .filter_map(Request::task)
        .filter_map(|(_, task)| match task {
            Task::Query(JobQuery::MetricHistogram { metric, .. }) => {
                Some(metric.scale.as_ref().map(|scale| scale.peak))
            }
            Task::Query(_) | Task::Sql(_) | Task::List(_) | Task::Orders(_) | Task::Export(_) => {
                None
            }
        })
        .collect();
    assert_eq!(peaks, [Some(350.0), None]);
    assert_eq!(state.settings.clusters[0].paths, paths);
    assert_eq!(state.clusters.summary().as_deref(), Some("fritz (1 file)"));
    state.handle(4.0, Command::RemoveClusters);
    assert!(state.settings.clusters.is_empty());
}

#[test]
fn two_descriptions_at_once_are_both_kept_and_an_older_answer_is_not() {
    let mut state = opened();
    let database = PathBuf::from("a.db");
    let (one, two) = (PathBuf::from("one.json"), PathBuf::from("two.json"));
    state.handle(1.0, Command::AddClusters(one.clone()));
    let second = state.handle(1.0, Command::AddClusters(two.clone()));
    let both = vec![one.clone(), two];
    assert_eq!(
        second,
        [Request::LoadClusters {
            database: database.clone(),
            paths: both.clone()
        }]
    );
    let loaded = |paths: &[PathBuf]| Event::ClustersLoaded {
        database: database.clone(),
        paths: paths.to_vec(),
        result: Ok(Box::default()),
    };
    happen(&mut state, loaded(&both));
    happen(&mut state, loaded(&[one]));
    assert_eq!(state.clusters.paths, both);
}

#[test]
fn nothing_new_begins_when_the_search_for_keys_was_stopped() {
    let mut state = opened();
    let first = show(&mut state);
    let found = end(
        &mut state,
        id_of(&first, "footprint-keys"),
        Outcome::Finished,
        keys(),
    );
    assert_eq!(names(&found).len(), 2);
    let again = state.handle(3.0, Command::Reload);
    let stopped = end(
        &mut state,
        id_of(&again, "footprint-keys"),
        Outcome::Cancelled,
        Vec::new(),
    );
    assert!(stopped.is_empty(), "{:?}", names(&stopped));
}
