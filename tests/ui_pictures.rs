//! Pictures of the main views, in both themes and two sizes, drawn without a GPU.
//!
//! The state behind them is made up, so that the same picture comes out everywhere: only what is
//! drawn is compared, never what a machine happens to measure. `UPDATE_SNAPSHOTS=1` renews them.

#![expect(
    clippy::cast_possible_wrap,
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "small numbers that are made up here, for a handful of requests"
)]

mod common;

use std::path::PathBuf;

use common::renderer::CpuRenderer;
use egui_kittest::{Harness, SnapshotOptions, SnapshotResults, kittest::Queryable as _};
use jiff::tz::TimeZone;
use jobscope::{
    command::{Command, Outbox, ThemeChoice, View},
    db::{
        plan::PlanSummary,
        pragma::{CacheSize, TempStore},
        profile::ConnectionSettings,
        status::{AllocatorReading, HeapLimits},
        value::Cell,
    },
    engine::{
        message::{Event, News, Request, Task, TaskId},
        receipt::{Outcome, Receipt, Stop},
    },
    jobs::{
        column::JobColumn,
        facts::DatabaseFacts,
        filter::JobFilter,
        list,
        rows::{ListQuery, Place},
        schema::{FileKind, Schema},
        sort::Cursor,
        statistics::COLUMNS,
    },
    memory::sample::{ConnectionReading, ConnectionState, MemorySample, SlowReading, WindowMemory},
    state::{AppState, settings::Settings},
    ui::{Panels, theme},
    units::Bytes,
};

const NOW: i64 = 1_773_209_640;

/// The id of the newest job.
const NEWEST: i64 = 2_841_190;

fn facts() -> DatabaseFacts {
    DatabaseFacts {
        path: PathBuf::from("job.db"),
        immutable: false,
        file_bytes: 73_336_000_000,
        wal_bytes: Some(12 << 20),
        page_size: 4096,
        journal_mode: "wal".to_owned(),
        schema_version: Some(11),
        migration_is_dirty: false,
        estimated_jobs: 20_100_000,
        job_indexes: Vec::new(),
        job_is_analyzed: true,
        kind: FileKind::Jobs,
        missing_columns: Vec::new(),
        schema: std::sync::Arc::new(Schema::version_11()),
        index_statistics: Vec::new(),
        suggestible: Vec::new(),
    }
}

fn job(number: i64) -> Vec<Cell> {
    let pick = |values: &[&str], salt: i64| {
        let index = ((number * 7 + salt) % values.len() as i64).unsigned_abs() as usize;
        Cell::Blob(values[index].as_bytes().to_vec())
    };
    let text = |text: &str| Cell::Text(text.to_owned());
    let threads = [72, 144, 288, 4608][(number % 4).unsigned_abs() as usize];
    vec![
        Cell::Int(NEWEST - number),
        Cell::Int(812_345 - number * 3),
        pick(&["k106eb10", "mppi067h", "gwgi0011", "iwsp004h"], 1),
        pick(&["k106eb", "mppi", "gwgi"], 2),
        pick(&["fritz", "alex", "woody"], 3),
        text("main"),
        Cell::Int(NOW - number * 137),
        pick(&["singlenode", "a40", "work", "multinode"], 4),
        Cell::Int(0),
        Cell::Int(threads / 72),
        Cell::Int(threads),
        Cell::Int(number % 3),
        text("none"),
        Cell::Int(3),
        Cell::Int(1),
        pick(
            &[
                "completed",
                "completed",
                "failed",
                "running",
                "timeout",
                "cancelled",
            ],
            0,
        ),
        Cell::Int(60 + number * 997 % 90_000),
        Cell::Int(86_400),
        text("[{\"hostname\":\"f0311\"}]"),
        Cell::Text(format!(
            "{{\"cpu_load_avg\":{}.3,\"mem_bw_avg\":96.1}}",
            5 + number * 13 % 67
        )),
        Cell::Real((number * 31 % 500) as f64 / 7.0),
    ]
}

fn receipt(outcome: Outcome, stop: Option<Stop>) -> Receipt {
    Receipt {
        outcome,
        error: None,
        connection: Some(0),
        profile: "First repair".to_owned(),
        queued_ms: 0.1,
        first_row_ms: Some(4.0),
        elapsed_ms: 41_200.0,
        rows: 5_993,
        vm_steps: 48_123_456,
        fullscan_steps: 20_100_000,
        sorts: 0,
        autoindexes: 0,
        cache_hits: 1_000_000,
        cache_misses: 252_101,
        cache_spills: 0,
        temp_spill_bytes: 0,
        sqlite_heap_before_bytes: 8 << 20,
        sqlite_heap_peak_bytes: 2_000 << 20,
        sqlite_heap_after_bytes: 84 << 20,
        rss_before_bytes: Some(120 << 20),
        rss_peak_bytes: Some(2_200 << 20),
        rss_after_bytes: Some(212 << 20),
        stop,
        limit: None,
    }
}

/// Two minutes of memory: a query that climbs and is stopped, then one that stays flat.
fn history(state: &mut AppState) {
    for tick in 0..1200_u32 {
        let at_secs = f64::from(tick) / 10.0;
        let climb = match at_secs {
            s if s < 20.0 => 0.0,
            s if s < 61.2 => (s - 20.0) / 41.2,
            s if s < 80.0 => 0.01,
            _ => 0.12,
        };
        let cache = (climb * 1_900.0 * f64::from(1 << 20)) as u64;
        let connection = |share: u64| ConnectionReading {
            state: ConnectionState::Idle,
            cache_used: Bytes(cache * share / 10),
            cache_hits: 960_000,
            cache_misses: 40_000,
            state_secs: 12.0,
            ..ConnectionReading::default()
        };
        state.sampled(MemorySample {
            at_secs,
            rss: Some(Bytes(cache + (128 << 20))),
            sqlite_heap: Bytes(cache + (6 << 20)),
            sqlite_heap_peak: Bytes(1_906 << 20),
            available: Some(Bytes::mib(18_637)),
            connections: vec![
                connection(7),
                connection(3),
                ConnectionReading::default(),
                ConnectionReading::default(),
            ],
            window: WindowMemory {
                rows: Bytes::kib(155),
                positions: Bytes::kib(786),
            },
            slow: Some(SlowReading {
                pss: Some(Bytes(cache + (119 << 20))),
                anonymous: Some(Bytes(cache + (71 << 20))),
                allocator: Some(AllocatorReading {
                    in_use: Bytes(cache + (52 << 20)),
                    free: Bytes::mib(31),
                }),
                group: None,
                wal: Some(Bytes::mib(12)),
            }),
            other: None,
        });
    }
}

fn apply(state: &mut AppState, at_secs: f64, event: Event) -> Vec<Request> {
    state.apply(News { at_secs, event })
}

/// Answers every query that the state has asked for.
fn answer(state: &mut AppState, requests: Vec<Request>) {
    for request in requests {
        let Request::Run(id, task) = request else {
            continue;
        };
        let rows = match task.name() {
            "rows" => list_rows(&task),
            "positions" => {
                let keys = Vec::new();
                let num_rows = 20_100_412;
                apply(state, 18.2, Event::Positions { id, keys, num_rows });
                Vec::new()
            }
            "count" => vec![vec![Cell::Int(20_100_412)]],
            "statistics" => vec![(0..COLUMNS.len() as i64).map(|n| Cell::Int(90_000_000 / (n + 1))).collect()],
            "statistics-grouped" => groups(),
            "job" => vec![
                job(3)
                    .into_iter()
                    .chain([
                        Cell::Int(0),
                        Cell::Text("{\"cpu_power\":4.81}".to_owned()),
                        Cell::Blob(b"{\"jobName\":\"cfd_case7\",\"jobScript\":\"#!/bin/bash\\n#SBATCH --nodes=2\\nsrun ./solver input.dat\\n\"}".to_vec()),
                    ])
                    .collect(),
            ],
            "tags-of" => tags()[..2].to_vec(),
            "orders" | "concurrent" => Vec::new(),
            "tag-list" => tags(),
            "over-time" => over_time(),
            "histogram-duration" => bins(48, 3600.0, 7, Some(12_400)),
            "histogram-nodes" => values(&[1, 2, 4, 8, 16, 32, 64], 5),
            "histogram-cores" => values(&(1..60).map(|n| n * 72).collect::<Vec<_>>(), 3),
            "histogram-accelerators" => values(&[0, 1, 2, 4, 8], 2),
            "histogram-metric" => {
                let salt = i64::try_from(task.title().len()).unwrap_or(0);
                let mut rows = bins(20, 17.1, salt, None);
                rows.push(vec![Cell::Null, Cell::Null, Cell::Null, Cell::Int(1_204 * (salt % 3))]);
                rows
            }
            "footprint-keys" => ["cpu_load_avg", "flops_any_avg", "mem_bw_avg", "mem_used_max"]
                .map(|key| vec![Cell::Text(key.to_owned()), Cell::Int(2000), Cell::Real(503.2)])
                .to_vec(),
            other => panic!("an unexpected query: {other}"),
        };
        let more = finish(state, id, rows);
        answer(state, more);
    }
}

/// The part of the list that is asked for: the newest jobs, those after them, or the oldest.
fn list_rows(task: &Task) -> Vec<Vec<Cell>> {
    let Task::List(ListQuery::Rows(query)) = task else {
        panic!("rows are asked for: {task:?}");
    };
    let first = match &query.place {
        Place::First => 0,
        Place::After(cursor) => NEWEST - cursor.id + 1,
        Place::Last => return vec![vec![Cell::Int(1), Cell::Int(1_600_000_000)]],
        other => panic!("an unexpected place: {other:?}"),
    };
    (first..first + i64::from(query.limit))
        .map(|number| list_row(number, &query.columns))
        .collect()
}

fn list_row(number: i64, columns: &[JobColumn]) -> Vec<Cell> {
    let full = job(number);
    let stored = |name: &str| {
        let place = list::COLUMNS.iter().position(|(column, _)| *column == name);
        full[place.expect("a column of the list")].clone()
    };
    let mut row = vec![
        full[0].clone(),
        stored("start_time"),
        Cell::Null,
        Cell::Int(NEWEST),
        stored("job_state"),
    ];
    row.extend(columns.iter().map(|column| match column {
        JobColumn::Stored(name) => stored(name),
        JobColumn::Footprint(key) => {
            let footprint = stored("footprint");
            let values: serde_json::Value =
                serde_json::from_str(footprint.as_text().expect("a text")).expect("a document");
            Cell::Real(values[key].as_f64().expect("a number"))
        }
        JobColumn::MetaData(_) => Cell::Null,
    }));
    row
}

fn tags() -> Vec<Vec<Cell>> {
    [
        (1, "app", "vasp"),
        (2, "app", "gromacs"),
        (3, "issue", "memory"),
    ]
    .map(|(id, kind, name)| {
        let text = |text: &str| Cell::Text(text.to_owned());
        vec![Cell::Int(id), text(kind), text(name), text("global")]
    })
    .to_vec()
}

/// Bins of a histogram that falls off, and jobs above the last one.
fn bins(number: i64, size: f64, salt: i64, above: Option<i64>) -> Vec<Vec<Cell>> {
    let mut rows: Vec<_> = (0..number)
        .map(|n| {
            let wave = (n * 7 + salt * 13) % 11 * 9_000;
            let count = 2_600_000 / ((n - salt).pow(2) + 4) + wave;
            let edge = |n: i64| Cell::Real(n as f64 * size);
            vec![Cell::Int(n + 1), edge(n), edge(n + 1), Cell::Int(count)]
        })
        .collect();
    if let Some(above) = above {
        let edge = Cell::Real(number as f64 * size);
        rows.push(vec![
            Cell::Int(number + 1),
            edge,
            Cell::Null,
            Cell::Int(above),
        ]);
    }
    rows
}

/// Bins that are single values.
fn values(values: &[i64], salt: i64) -> Vec<Vec<Cell>> {
    values
        .iter()
        .enumerate()
        .map(|(index, value)| {
            let index = index as i64;
            let count = 6_000_000 / (index * index * salt + 1);
            vec![
                Cell::Int(*value),
                Cell::Int(*value),
                Cell::Int(*value),
                Cell::Int(count),
            ]
        })
        .collect()
}

/// Four months of three clusters.
fn over_time() -> Vec<Vec<Cell>> {
    (0..120_i64)
        .flat_map(|day| {
            let time = (NOW / 86_400 - 120 + day) * 86_400;
            let weekend = if day % 7 < 2 { 3 } else { 1 };
            [
                ("alex", 2_600),
                ("fritz", 1_400),
                ("helma", 700),
                ("woody", 5_200),
            ]
            .map(|(name, size)| {
                let jobs = (size + (day * 37 + size) % 900) / weekend;
                vec![
                    Cell::Int(time),
                    Cell::Text(name.to_owned()),
                    Cell::Int(jobs),
                    Cell::Int(jobs * (9_000 - size)),
                ]
            })
        })
        .collect()
}

/// What the engine says when it begins with a task that the state has asked for.
fn started(state: &AppState, id: TaskId, connection: usize, plan: PlanSummary) -> Event {
    let task = state.tasks.active.iter().find(|task| task.id == id);
    Event::Started {
        id,
        connection,
        plan,
        columns: Vec::new(),
        title: task.map(|task| task.title.clone()).unwrap_or_default(),
        is_background: task.is_some_and(|task| task.is_background),
    }
}

fn finish(state: &mut AppState, id: TaskId, rows: Vec<Vec<Cell>>) -> Vec<Request> {
    let plan = PlanSummary {
        indexes: vec!["jobs_starttime".to_owned()],
        ..PlanSummary::default()
    };
    let started = started(state, id, 0, plan);
    apply(state, 19.0, started);
    apply(state, 19.1, Event::Rows { id, rows });
    let ended = Event::Ended {
        id,
        ended_secs: 19.2,
        receipt: Box::new(Receipt {
            elapsed_ms: 38.0,
            ..receipt(Outcome::Finished, None)
        }),
        report: None,
        next: Some(Cursor {
            key: Cell::Int(0),
            id: 0,
        }),
    };
    apply(state, 19.2, ended)
}

fn groups() -> Vec<Vec<Cell>> {
    [
        "bccb0214", "caph102a", "gwgi0011", "iwi5056h", "iwsp004h", "k106eb10", "mpet003h",
        "mppi067h",
    ]
    .iter()
    .enumerate()
    .map(|(index, user)| {
        let size = 900_000 / (index as i64 * index as i64 + 1);
        std::iter::once(Cell::Text((*user).to_owned()))
            .chain((0..COLUMNS.len() as i64).map(|n| Cell::Int(size / (n % 4 + 1))))
            .chain([Cell::Text(format!("Person {}", index + 1))])
            .collect()
    })
    .collect()
}

/// A state as it could be after a while of use, without a database behind it.
fn lived_in(theme: ThemeChoice) -> AppState {
    let repair = jobscope::db::profile::MemoryProfile::built_in().swap_remove(1);
    let mut state = AppState::new(Settings {
        theme,
        profile: repair,
        ..Settings::default()
    });
    state.zone = TimeZone::UTC;
    state.now_unix_secs = NOW;
    state.machine = Some(Bytes::gib(512));
    let limits = HeapLimits {
        soft: Some(Bytes::gib(1)),
        hard: None,
    };
    state.apply(News {
        at_secs: 0.0,
        event: Event::LimitsApplied(limits),
    });
    for connection in 0..2 {
        let settings = ConnectionSettings {
            cache_size: CacheSize::KiB(200_000),
            temp_store: TempStore::Memory,
            mmap_size: Bytes(0),
        };
        let event = Event::ConnectionApplied {
            connection,
            generation: 1,
            settings,
            is_new: true,
        };
        apply(&mut state, 1.0, event);
    }
    let requests = apply(&mut state, 18.0, Event::Opened(Box::new(facts())));
    answer(&mut state, requests);
    stopped_query(&mut state);
    history(&mut state);
    state
}

/// The query of the incident, stopped after 41.2 seconds: its band, its mark, its receipt.
fn stopped_query(state: &mut AppState) {
    state.settings.view = View::Statistics;
    let requests = state.handle(20.0, Command::Reload);
    let ids: Vec<_> = requests
        .iter()
        .filter_map(|request| match request {
            Request::Run(id, _) => Some(*id),
            _ => None,
        })
        .collect();
    for (index, id) in ids.iter().enumerate() {
        let started = started(state, *id, index, PlanSummary::default());
        apply(state, 20.0, started);
    }
    state.handle(61.2, Command::CancelAll);
    for id in ids {
        let stop = Stop {
            asked_ms: 41_200.0,
            stopped_after_ms: 3.0,
            given_back_after_ms: Some(140.0),
        };
        let ended = Event::Ended {
            id,
            ended_secs: 61.203,
            receipt: Box::new(receipt(Outcome::Cancelled, Some(stop))),
            report: None,
            next: None,
        };
        apply(state, 61.3, ended);
    }
    state.settings.view = View::Jobs;
}

/// The panels over a state that does not change.
struct Still {
    panels: Panels,
    state: AppState,
}

impl eframe::App for Still {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        // The engine's clock starts at 06:00 UTC.
        let started_unix = 1_773_208_800.0;
        self.panels
            .ui(ui, &self.state, started_unix, &mut Outbox::default());
    }
}

fn picture(results: &mut SnapshotResults, name: &str, state: AppState, size: [f32; 2]) {
    picture_after(results, name, state, size, |_| {});
}

/// A picture after somebody has done something.
fn picture_after(
    results: &mut SnapshotResults,
    name: &str,
    state: AppState,
    size: [f32; 2],
    act: impl Fn(&mut Harness<'_, Still>),
) {
    let theme_of_picture = if state.settings.theme == ThemeChoice::Dark {
        egui::Theme::Dark
    } else {
        egui::Theme::Light
    };
    let mut harness = Harness::builder()
        .with_size(size)
        .with_render_cursor(false)
        .with_theme(theme_of_picture)
        .renderer(CpuRenderer::default())
        .build_eframe(move |cc| {
            theme::install(&cc.egui_ctx);
            cc.egui_ctx.set_theme(theme_of_picture);
            Still {
                panels: Panels::default(),
                state,
            }
        });
    harness.run_steps(4);
    act(&mut harness);
    // Glyphs are rasterized with whatever vector instructions the machine has, so edges may
    // differ by a shade; a moved or missing element differs by thousands of pixels.
    let options = SnapshotOptions::new().threshold(2.0).max_failed_pixels(400);
    results.add(harness.try_snapshot_options(name, &options));
}

const SMALL: [f32; 2] = [1280.0, 800.0];
const LARGE: [f32; 2] = [1920.0, 1200.0];

#[test]
fn the_job_table() {
    let mut results = SnapshotResults::new();
    picture(
        &mut results,
        "jobs_dark_small",
        lived_in(ThemeChoice::Dark),
        SMALL,
    );
    picture(
        &mut results,
        "jobs_light_large",
        lived_in(ThemeChoice::Light),
        LARGE,
    );
}

/// One condition of every kind, in a narrow window.
const MANY: &str = r#"{"cluster":{"eq":"fritz"},"user":{"contains":"k10"},"state":["failed","timeout"],
    "startTime":{"range":"last30d"},"numNodes":{"ge":4,"lt":64},"duration":{"from":3600},
    "tagsNone":[1,2],"metricStats":[{"metricName":"mem_used_max","range":{"gt":100}}]}"#;

#[test]
fn conditions_and_their_editors() {
    let mut results = SnapshotResults::new();
    for (name, theme, clicks) in [
        (
            "filter_user_dark",
            ThemeChoice::Dark,
            ["Filter by user", "is"].as_slice(),
        ),
        (
            "filter_nodes_light",
            ThemeChoice::Light,
            &["Filter by nodes"],
        ),
        (
            "filter_footprint_dark",
            ThemeChoice::Dark,
            &["Filter by footprint"],
        ),
        (
            "filter_sql_light",
            ThemeChoice::Light,
            &["SQL of the job list"],
        ),
    ] {
        let mut state = lived_in(theme);
        let requests = state.handle(119.0, Command::PasteFilter(MANY.to_owned()));
        answer(&mut state, requests);
        let sort = "walltime:desc".parse().expect("an order");
        let requests = state.handle(119.0, Command::SortJobs(sort));
        answer(&mut state, requests);
        picture_after(&mut results, name, state, SMALL, |harness| {
            for label in clicks {
                harness.get_by_label(label).click();
                harness.run_steps(4);
                harness.remove_cursor();
            }
            harness.run_steps(4);
        });
    }
}

#[test]
fn a_job_at_the_side() {
    let mut state = lived_in(ThemeChoice::Light);
    let id = state.jobs.id_at(3).expect("a fourth row");
    let requests = state.handle(119.0, Command::SelectJob(Some(id)));
    answer(&mut state, requests);
    picture(
        &mut SnapshotResults::new(),
        "job_details_light_small",
        state,
        SMALL,
    );
}

#[test]
fn the_statistics() {
    let mut results = SnapshotResults::new();
    for (name, theme, size) in [
        ("statistics_dark_large", ThemeChoice::Dark, LARGE),
        ("statistics_light_small", ThemeChoice::Light, SMALL),
    ] {
        let mut state = lived_in(theme);
        show_statistics(&mut state);
        picture(&mut results, name, state, size);
    }
}

fn show_statistics(state: &mut AppState) {
    state.statistics.outdated = true;
    let requests = state.handle(119.0, Command::ShowView(View::Statistics));
    answer(state, requests);
}

#[test]
fn the_groups() {
    let mut state = lived_in(ThemeChoice::Light);
    show_statistics(&mut state);
    let mut results = SnapshotResults::new();
    picture_after(
        &mut results,
        "groups_light_small",
        state,
        SMALL,
        |harness| {
            harness.get_by_label("Groups").click();
            harness.run_steps(4);
        },
    );
}

#[test]
fn statistics_on_their_way_and_an_old_part() {
    let mut state = lived_in(ThemeChoice::Dark);
    show_statistics(&mut state);
    let filter = JobFilter::default().with_states(["failed"]);
    let requests = state.handle(120.0, Command::SetFilter(filter));
    let some = requests
        .into_iter()
        .filter(|request| match request {
            Request::Run(_, task) => ["statistics", "histogram-duration"].contains(&task.name()),
            _ => false,
        })
        .collect();
    answer(&mut state, some);
    let mut results = SnapshotResults::new();
    picture(&mut results, "statistics_old_dark_small", state, SMALL);
}

#[test]
fn the_memory_view() {
    let mut results = SnapshotResults::new();
    for (name, theme, size) in [
        ("memory_dark_small", ThemeChoice::Dark, SMALL),
        ("memory_light_large", ThemeChoice::Light, LARGE),
    ] {
        let mut state = lived_in(theme);
        state.handle(119.0, Command::ShowView(View::Memory));
        picture(&mut results, name, state, size);
    }
}

#[test]
fn the_first_start() {
    let mut results = SnapshotResults::new();
    for (name, theme) in [
        ("welcome_dark_small", ThemeChoice::Dark),
        ("welcome_light_small", ThemeChoice::Light),
    ] {
        let mut state = AppState::new(Settings {
            theme,
            ..Settings::default()
        });
        state.zone = TimeZone::UTC;
        picture(&mut results, name, state, SMALL);
    }
}
