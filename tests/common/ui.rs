//! The window without a window: driven by what things are called.

#![expect(
    clippy::expect_used,
    reason = "a test that cannot set up its data should end there"
)]

use std::{
    path::{Path, PathBuf},
    sync::{OnceLock, atomic::AtomicBool},
    time::{Duration, Instant},
};

use egui_kittest::{Harness, kittest::Queryable as _};
use jobscope::{
    command::{Command, View},
    db::{connection::OpenMode, value::Cell},
    demo::{GenerateOptions, generate},
    ui::app::{App, Start},
};
use rusqlite::Connection;

/// How long a busy machine may take for what a quiet one does at once.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Jobs in [`small_database`].
pub const NUM_JOBS: u64 = 2_000;

/// A generated database, made once for all tests of this file.
pub fn small_database() -> &'static Path {
    static FOLDER: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("job.db");
        let options = GenerateOptions {
            until_unix_secs: 1_773_187_200,
            ..GenerateOptions::new(&path, NUM_JOBS)
        };
        generate(&options, &AtomicBool::new(false), &mut |_| {}).expect("generated");
        (folder, path)
    });
    path
}

/// A database whose job table never ends: every query on it runs until it is stopped. It is so large
/// that no order of it is made without asking.
pub fn endless_database(folder: &Path) -> PathBuf {
    let path = folder.join("endless.db");
    #[expect(
        clippy::disallowed_methods,
        reason = "the test makes the database that is then inspected"
    )]
    let conn = Connection::open(&path).expect("a new database");
    conn.execute_batch(
        "CREATE TABLE anything(x); CREATE INDEX any_x ON anything(x); INSERT INTO anything VALUES (1);
         ANALYZE;
         INSERT INTO sqlite_stat1 VALUES ('job', 'none', '100000000 1');
         CREATE VIEW job AS
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
         SELECT i AS id, i AS job_id, 'u' AS hpc_user, 'p' AS project, 'c' AS cluster,
           's' AS subcluster, 0 AS submit_time, i AS start_time, 'q' AS cluster_partition,
           0 AS array_job_id, 1 AS num_nodes, 1 AS num_hwthreads, 0 AS num_acc, 'none' AS shared,
           0 AS monitoring_status, 1 AS smt, 'completed' AS job_state, 1 AS duration,
           1 AS walltime, '[]' AS resources, 'null' AS footprint, 0.0 AS energy,
           NULL AS energy_footprint, NULL AS meta_data
         FROM n;",
    )
    .expect("a view without end");
    path
}

/// The whole app in a harness, with everything the real window has but the window.
pub fn app(start: Start) -> Harness<'static, App> {
    app_of_size(start, [1440.0, 900.0])
}

/// The same in a window of this size.
pub fn app_of_size(start: Start, size: [f32; 2]) -> Harness<'static, App> {
    let mut harness = Harness::builder()
        .with_size(size)
        .with_max_steps(4)
        .with_render_cursor(false)
        .build_eframe(|cc| App::new(&cc.egui_ctx, start).expect("the app starts"));

    harness.run_steps(2);
    harness
}

/// The Memory view of an open database.
pub fn memory_view(path: &Path, recordings: Vec<PathBuf>) -> Harness<'static, App> {
    let mut harness = app(Start {
        database: Some((path.to_owned(), OpenMode::ReadOnly)),
        recordings,
        ..Start::default()
    });
    let is_small = path == small_database();
    wait_until(&mut harness, "the database", |h| {
        let state = &h.state().state;
        state.database.is_some() && (state.tasks.active.is_empty() || !is_small)
    });
    harness.state_mut().send(Command::ShowView(View::Memory));
    wait_until(&mut harness, "the view", |h| shows(h, "Live"));
    harness
}

/// Steps until `is_there` is true, for as long as [`PATIENCE`].
pub fn wait_until(
    harness: &mut Harness<'_, App>,
    what: &str,
    is_there: impl Fn(&Harness<'_, App>) -> bool,
) {
    let started = Instant::now();
    while !is_there(harness) {
        assert!(
            started.elapsed() < PATIENCE,
            "waited {PATIENCE:?} for {what}"
        );
        harness.step();
        std::thread::sleep(Duration::from_millis(5));
    }
    harness.run_steps(2);
}

/// Whether something on the screen contains this text.
pub fn shows(harness: &Harness<'_, App>, text: &str) -> bool {
    harness.query_all_by_label_contains(text).next().is_some()
}

/// The value of a column in a row of the job list, by their names; `None` where it is not held.
pub fn value(harness: &Harness<'_, App>, row: u64, column: &str) -> Option<Cell> {
    let list = &harness.state().state.jobs;
    let column = column.parse().expect("a column");
    Some(list.cell(list.rows.get(row)?, &column).clone())
}

/// The values of a column in all rows of the job list that are held, in their order.
pub fn values(harness: &Harness<'_, App>, column: &str) -> Vec<Cell> {
    let rows = harness.state().state.jobs.rows.iter();
    rows.filter_map(|(row, _)| value(harness, row, column))
        .collect()
}
