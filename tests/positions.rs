//! Row numbers, costs of orders and written orders, by the real engine on tables of some thousand
//! rows, against what SQLite numbers and plans when it is asked directly.

#![expect(
    clippy::expect_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test looks for one event and fails without it"
)]

mod common;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use jobscope::{
    db::{
        plan::PlanSummary,
        pragma::{CacheSize, TempStore},
        profile::MemoryProfile,
        value::Cell,
    },
    engine::{
        message::{CloseReason, Event, Task, TaskId},
        receipt::{Outcome, Receipt},
    },
    jobs::{
        column::JobColumn,
        filter::Selection,
        order_cost::{OrderCost, Served},
        position::{PositionIndex, STRIDE},
        rows::{ListQuery, ListRow, Place, RowsQuery},
        sort::{Cursor, Sort, SortKey},
        sorted::SortedIds,
        sql::Sql,
    },
    units::Bytes,
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rusqlite::params_from_iter;
use serde_json::{Value, json};

use common::{
    asked::{Asked, selection},
    engine::{ENDLESS, TestEngine},
    jobdb::JobDb,
    random_jobs, schemas,
};

/// Twenty-five thousand jobs of schema 11, with equal keys and NULLs, and five indexes.
fn jobs() -> JobDb {
    JobDb::with_rows(25_000)
}

/// The same filter in cc-backend's words and in SQL.
type Filter = (Value, &'static str);

fn filters() -> [Filter; 4] {
    [
        (json!({}), "TRUE"),
        (json!({"cluster": {"eq": "fritz"}}), "cluster = 'fritz'"),
        (
            json!({"state": ["completed"], "numNodes": {"ge": 2}}),
            "job_state = 'completed' AND num_nodes >= 2",
        ),
        (json!({"user": {"eq": "ü😀"}}), "hpc_user = 'ü😀'"),
    ]
}

const SORTS: [&str; 11] = [
    "start_time:desc",
    "start_time:asc",
    "id:desc",
    "duration:desc",
    "hpc_user:asc",
    "num_acc:asc",
    "num_acc:desc",
    "cluster_partition:desc",
    "job_state:asc",
    "footprint.cpu_load_avg:asc",
    "footprint.cpu_load_avg:desc",
];

fn sort_of(text: &str) -> Sort {
    text.parse().expect(text)
}

fn key_of(sort: &Sort) -> String {
    match &sort.key {
        SortKey::Column(name) => (*name).to_owned(),
        SortKey::Footprint(key) => {
            format!("IIF(json_valid(footprint), json_extract(footprint, '$.{key}'), NULL)")
        }
    }
}

/// The ids and keys of a whole list, as SQLite numbers its rows.
fn numbered(asked: &Asked, condition: &str, sort: &Sort) -> Vec<Cursor> {
    let key = key_of(sort);
    let direction = if sort.descending { "DESC" } else { "ASC" };
    let text = format!(
        "SELECT id, key FROM (SELECT id, {key} AS key, \
         ROW_NUMBER() OVER (ORDER BY {key} {direction}, id {direction}) AS number \
         FROM job WHERE {condition}) ORDER BY number"
    );
    let mut statement = asked.conn.prepare(&text).expect(&text);
    statement
        .query_map([], |row| {
            Ok(Cursor {
                id: row.get(0)?,
                key: Cell::from(row.get_ref(1)?),
            })
        })
        .expect(&text)
        .collect::<rusqlite::Result<_>>()
        .expect(&text)
}

fn fetch(asked: &Asked, sql: &Sql) -> Vec<Vec<Cell>> {
    let mut statement = asked.conn.prepare(&sql.text).expect(&sql.text);
    let num_columns = statement.column_count();
    statement
        .query_map(params_from_iter(&sql.params), |row| {
            (0..num_columns)
                .map(|column| row.get_ref(column).map(Cell::from))
                .collect()
        })
        .expect(&sql.text)
        .collect::<rusqlite::Result<_>>()
        .expect(&sql.text)
}

/// The ids of a part of the list, with columns or without.
fn part(asked: &Asked, list: &List, from: &Cursor, skip: u32, limit: u32) -> Vec<i64> {
    let query = RowsQuery {
        selection: list.selection.clone(),
        sort: list.sort.clone(),
        columns: list.columns.as_slice().into(),
        place: Place::From(from.clone()),
        skip,
        limit,
        is_full: false,
    };
    let rows = fetch(
        asked,
        &query.sql(asked.schema()).expect("an answerable query"),
    );
    if list.columns.is_empty() {
        let ids = rows.iter().map(|row| row[0].as_id().expect("an id"));
        return ids.collect();
    }
    rows.into_iter()
        .map(|row| ListRow::from_cells(row).expect("a row").id)
        .collect()
}

struct List {
    selection: Selection,
    sort: Sort,
    columns: Vec<JobColumn>,
}

impl List {
    fn of(filter: &Value, sort: &Sort) -> Self {
        Self {
            selection: selection(filter),
            sort: sort.clone(),
            columns: vec![JobColumn::Stored("hpc_user")],
        }
    }

    fn positions(&self) -> Task {
        Task::List(ListQuery::Positions(
            self.selection.clone(),
            self.sort.clone(),
        ))
    }

    fn sorted_ids(&self) -> Task {
        Task::List(ListQuery::SortedIds(
            self.selection.clone(),
            self.sort.clone(),
        ))
    }
}

/// One piece of the position index: its keys, and how many rows have been passed with them.
type Piece = (Vec<Cursor>, u64);

fn pieces(engine: &TestEngine, task: TaskId) -> Vec<Piece> {
    let of_task = engine.log.iter().filter_map(|event| match event {
        Event::Positions { id, keys, num_rows } if *id == task => Some((keys.clone(), *num_rows)),
        _ => None,
    });
    of_task.collect()
}

fn index_of(pieces: &[Piece]) -> PositionIndex {
    let mut index = PositionIndex::default();
    for (keys, num_rows) in pieces {
        index.extend(keys.clone(), *num_rows);
    }
    index
}

/// The index of a list after a pass that has reached its end.
fn positions(engine: &mut TestEngine, list: &List) -> PositionIndex {
    let id = engine.submit(list.positions());
    let ended = engine.end_of(id);
    assert_eq!(ended.receipt.outcome, Outcome::Finished, "{ended:?}");
    assert!(ended.rows.is_empty(), "keys come in events of their own");
    let mut index = index_of(&pieces(engine, id));
    assert_eq!(index.num_rows(), ended.receipt.rows);
    index.complete();
    engine.log.clear();
    index
}

/// Some rows anywhere, and those around the kept keys.
fn some_rows(rng: &mut ChaCha8Rng, num_rows: usize) -> Vec<usize> {
    let stride = STRIDE as usize;
    let mut rows = vec![
        0,
        1,
        stride - 1,
        stride,
        stride + 1,
        2 * stride,
        num_rows.saturating_sub(1),
    ];
    rows.extend((0..4).map(|_| rng.random_range(0..num_rows.max(1))));
    rows.retain(|row| *row < num_rows);
    rows
}

fn assert_reaches(
    asked: &Asked,
    list: &List,
    index: &PositionIndex,
    expected: &[Cursor],
    rows: &[usize],
) {
    for row in rows {
        let seek = index.seek(*row as u64).expect("a row of the list");
        assert!(seek.skip < index.stride());
        let found = part(asked, list, &seek.from, seek.skip, 20);
        let ids: Vec<_> = expected
            .iter()
            .skip(*row)
            .take(20)
            .map(|row| row.id)
            .collect();
        assert_eq!(
            found,
            ids,
            "{}: {} from row {row}",
            list.selection.filter.to_json(),
            list.sort
        );
    }
}

/// A row's number, found by its key alone.
fn assert_ranks(
    asked: &Asked,
    list: &List,
    index: &PositionIndex,
    expected: &[Cursor],
    rows: &[usize],
) {
    let keys = List {
        selection: list.selection.clone(),
        sort: list.sort.clone(),
        columns: Vec::new(),
    };
    for row in rows {
        let cursor = &expected[*row];
        let before = |a: &Cursor, b: &Cursor| list.sort.is_before(a, b);
        let (from, key) = index.around(cursor, before).expect("keys");
        let found = part(asked, &keys, &key, 0, index.stride() + 1);
        let place = found.iter().position(|id| *id == cursor.id);
        let number = place.map(|place| from as usize + place);
        assert_eq!(
            number,
            Some(*row),
            "{}: {cursor:?} after {key:?}",
            list.sort
        );
    }
}

// Row numbers

#[test]
fn every_row_is_found_by_its_number_and_every_number_by_its_row() {
    let db = jobs();
    let asked = Asked::open(&db.path);
    let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
    let mut rng = ChaCha8Rng::seed_from_u64(21);
    for (turn, sort) in SORTS.iter().enumerate() {
        let sort = sort_of(sort);
        let filters = filters();
        for (filter, condition) in [&filters[0], &filters[1 + turn % 3]] {
            let list = List::of(filter, &sort);
            let expected = numbered(&asked, condition, &sort);
            assert!(expected.len() > 400, "{condition}: {} rows", expected.len());
            let index = positions(&mut engine, &list);
            let count = format!("SELECT COUNT(*) FROM job WHERE {condition}");
            let count = fetch(&asked, &Sql::text(count))[0][0].as_int();
            assert_eq!(Some(index.num_rows().cast_signed()), count, "{condition}");
            assert!(index.is_complete() && index.stride() == STRIDE);
            assert_eq!(index.seek(index.num_rows()), None, "no row after the last");
            let rows = some_rows(&mut rng, expected.len());
            assert_reaches(&asked, &list, &index, &expected, &rows);
            assert_ranks(&asked, &list, &index, &expected, &rows);
        }
    }
}

#[test]
fn rows_with_dirty_keys_are_found_by_their_numbers_too() {
    let db = random_jobs::dirty(22, 5_000);
    let asked = Asked::open(&db.path);
    let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
    let mut rng = ChaCha8Rng::seed_from_u64(23);
    let keys = [
        "walltime",
        "hpc_user",
        "project",
        "array_job_id",
        "energy",
        "meta_data",
        "footprint",
        "footprint.cpu_load_avg",
        "footprint.mem_bw_avg",
    ];
    for sort in keys
        .iter()
        .flat_map(|key| ["asc", "desc"].map(|way| format!("{key}:{way}")))
    {
        let sort = sort_of(&sort);
        let list = List::of(&json!({}), &sort);
        let expected = numbered(&asked, "TRUE", &sort);
        let index = positions(&mut engine, &list);
        assert_eq!(index.num_rows(), expected.len() as u64, "{sort}");
        let rows = some_rows(&mut rng, expected.len());
        assert_reaches(&asked, &list, &index, &expected, &rows);
        assert_ranks(&asked, &list, &index, &expected, &rows);
    }
}

#[test]
fn a_list_without_rows_has_no_positions() {
    let db = jobs();
    let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
    let list = List::of(
        &json!({"user": {"eq": "nobody at all"}}),
        &sort_of("start_time"),
    );
    let index = positions(&mut engine, &list);
    assert_eq!((index.num_rows(), index.seek(0)), (0, None));
    let cursor = Cursor {
        key: Cell::Int(1),
        id: 1,
    };
    assert_eq!(
        index.around(&cursor, |a, b| list.sort.is_before(a, b)),
        None
    );
}

#[test]
fn positions_arrive_piece_by_piece_and_each_piece_is_enough_for_its_rows() {
    let db = jobs();
    let asked = Asked::open(&db.path);
    let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
    let list = List::of(&json!({}), &sort_of("start_time:desc"));
    let expected = numbered(&asked, "TRUE", &list.sort);
    let id = engine.submit(list.positions());
    engine.end_of(id);
    let pieces = pieces(&engine, id);
    assert!(
        pieces.len() > 1,
        "the first piece comes before the last row"
    );
    let mut index = PositionIndex::default();
    for (keys, num_rows) in pieces {
        assert!(
            num_rows > index.num_rows(),
            "each piece goes on where the last one ended"
        );
        index.extend(keys, num_rows);
        let last = num_rows as usize - 1;
        assert_reaches(&asked, &list, &index, &expected, &[0, last / 2, last]);
        assert_eq!(
            index.seek(num_rows),
            None,
            "nothing is known of the rows to come"
        );
    }
    assert_eq!(index.num_rows(), expected.len() as u64);
}

#[test]
fn a_pass_that_is_stopped_leaves_the_rows_that_it_has_passed() {
    let db = jobs();
    let asked = Asked::open(&db.path);
    let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
    // A filter that looks into JSON twice for each job, so that the stop comes before the end.
    let filter = json!([{"node": {"contains": "N"}}, {"node": {"startsWith": "n"}}]);
    let list = List::of(&filter, &sort_of("start_time:asc"));
    let expected = numbered(&asked, "TRUE", &list.sort);
    for _ in 0..20 {
        let id = engine.submit(list.positions());
        engine.wait_for("the first piece", |event| {
            matches!(event, Event::Positions { id: of, .. } if *of == id).then_some(())
        });
        engine.cancel(id);
        let ended = engine.end_of(id);
        if ended.receipt.outcome == Outcome::Finished {
            continue;
        }
        assert_eq!(ended.receipt.outcome, Outcome::Cancelled);
        let index = index_of(&pieces(&engine, id));
        let num_rows = index.num_rows() as usize;
        assert_eq!(num_rows as u64, ended.receipt.rows);
        assert!((1..expected.len()).contains(&num_rows), "{num_rows} rows");
        assert!(!index.is_complete());
        assert_eq!(index.seek(index.num_rows()), None);
        assert_reaches(
            &asked,
            &list,
            &index,
            &expected,
            &[0, num_rows / 2, num_rows - 1],
        );
        return;
    }
    unreachable!("no pass was stopped before its end");
}

// What an order costs

/// The plan of the keys of an order, asked of SQLite itself.
fn plan(asked: &Asked, condition: &str, values: &[Cell], name: &str) -> Vec<String> {
    let key = asked.schema().column(name).expect("a column");
    let order = if name == "id" {
        "id DESC".to_owned()
    } else {
        format!("{key} DESC, id DESC")
    };
    let text =
        format!("EXPLAIN QUERY PLAN SELECT id, {key} FROM job WHERE {condition} ORDER BY {order}");
    let rows = fetch(asked, &Sql::with(text, values.to_vec()));
    rows.iter().map(|row| row[3].display()).collect()
}

fn planned(engine: &mut TestEngine, selection: Selection) -> Vec<(Sort, PlanSummary)> {
    let id = engine.submit(Task::Orders(selection));
    assert_eq!(engine.end_of(id).receipt.outcome, Outcome::Finished);
    engine.wait_for("the plans", |event| match event {
        Event::OrdersPlanned { id: of, plans } if *of == id => Some(plans.clone()),
        _ => None,
    })
}

/// How a plan serves an order, by the words that SQLite's documentation has for it.
fn served(steps: &[String], group_is_small: bool) -> Served {
    let has = |words: &str| steps.iter().any(|step| step.contains(words));
    let sorts = has("TEMP B-TREE FOR ORDER BY") || has("TEMP B-TREE FOR LAST") && !group_is_small;
    match (sorts, has("USING COVERING INDEX")) {
        (false, _) => Served::Index,
        (true, true) => Served::KeySort,
        (true, false) => Served::TableSort,
    }
}

#[test]
fn each_order_is_planned_as_sqlite_would_do_it() {
    let text = |text: &str| Cell::Text(text.to_owned());
    let cases: [(Value, &str, Vec<Cell>); 4] = [
        (json!({}), "TRUE", vec![]),
        (
            json!({"cluster": {"eq": "a"}}),
            "cluster = ?",
            vec![text("a")],
        ),
        (
            json!({"state": ["running"]}),
            "job_state = 'running'",
            vec![],
        ),
        (
            json!({"user": {"eq": "ab"}}),
            "hpc_user = ?",
            vec![text("ab")],
        ),
    ];
    let mut seen = Vec::new();
    for db in [
        random_jobs::indexed(24, 2_000),
        random_jobs::dirty(25, 500),
        schemas::named("v7").build(),
    ] {
        let asked = Asked::open(&db.path);
        let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
        for (filter, condition, values) in &cases {
            let condition = match condition.strip_prefix("hpc_user") {
                Some(rest) => format!(
                    "{}{rest}",
                    asked.schema().column("hpc_user").expect("users")
                ),
                None => (*condition).to_owned(),
            };
            let plans = planned(&mut engine, selection(filter));
            let names: Vec<_> = plans.iter().map(|(sort, _)| sort.column()).collect();
            let expected: Vec<_> = JobColumn::stored()
                .filter(|column| column.is_in(asked.schema()))
                .collect();
            assert_eq!(names, expected, "every column that the file has, once");
            for (sort, summary) in plans {
                let name = sort.column().to_string();
                let steps = plan(&asked, &condition, values, &name);
                assert!(sort.descending);
                assert_eq!(summary.steps, steps, "{sort} where {condition}");
                let rows_per_key = |index: &str, columns| asked.facts.rows_per_key(index, columns);
                let cost = OrderCost::of(&sort.key, summary.clone(), 5_000, rows_per_key);
                assert_eq!(cost.served, served(&steps, true), "{steps:#?}");
                // Where nearly all have one key, to sort those with equal keys is to sort everything.
                let cost_of_few_keys =
                    OrderCost::of(&sort.key, summary, 5_000, |_, _| Some(3_000_000));
                assert_eq!(cost_of_few_keys.served, served(&steps, false), "{steps:#?}");
                seen.push((cost.served, cost_of_few_keys.served));
            }
        }
    }
    for pair in [
        (Served::Index, Served::Index),
        (Served::Index, Served::KeySort),
        (Served::KeySort, Served::KeySort),
        (Served::TableSort, Served::TableSort),
    ] {
        assert!(seen.contains(&pair), "{pair:?} never came up");
    }
}

// Written orders

fn sorted(engine: &mut TestEngine, list: &List) -> (Arc<SortedIds>, Receipt) {
    let id = engine.submit(list.sorted_ids());
    let receipt = engine.end_of(id).receipt;
    assert_eq!(receipt.outcome, Outcome::Finished, "{receipt:?}");
    let ids = engine.wait_for("the written order", |event| match event {
        Event::Sorted { id: of, ids } if *of == id => Some(Arc::clone(ids)),
        _ => None,
    });
    (ids, receipt)
}

/// Reads temporary data in memory and has a page cache of its own size.
fn unusual() -> MemoryProfile {
    MemoryProfile {
        connections: 1,
        temp_store: TempStore::Memory,
        cache_size: CacheSize::KiB(777),
        ..MemoryProfile::jobscope()
    }
}

#[test]
fn a_written_order_is_that_of_sqlite_to_the_last_row() {
    let db = jobs();
    let asked = Asked::open(&db.path);
    let mut engine = TestEngine::on(&db.path, &unusual());
    for (turn, sort) in SORTS
        .iter()
        .chain(&["meta_data:asc", "energy:desc"])
        .enumerate()
    {
        let sort = sort_of(sort);
        let filters = filters();
        let (filter, condition) = &filters[turn % filters.len()];
        let expected: Vec<_> = numbered(&asked, condition, &sort)
            .iter()
            .map(|row| row.id)
            .collect();
        let (ids, receipt) = sorted(&mut engine, &List::of(filter, &sort));
        assert_eq!(ids.num_rows(), receipt.rows);
        assert_eq!(ids.bytes(), 8 * receipt.rows);
        assert!(
            ids.read(0, u32::MAX).expect("read") == expected,
            "{sort} where {condition}"
        );
        for at in [0, expected.len() / 3, expected.len() - 1] {
            let found = ids.find(expected[at]).expect("read");
            assert_eq!(found, Some(at as u64), "{sort} where {condition}");
        }
    }
}

#[test]
fn a_sort_gives_the_connection_back_its_settings_however_it_ends() {
    let db = jobs();
    let mut engine = TestEngine::on(&db.path, &unusual());
    let list = List::of(&json!({}), &sort_of("meta_data:asc"));
    for is_stopped in [false, true, true] {
        let id = engine.submit(list.sorted_ids());
        engine.start_of(id);
        if is_stopped {
            engine.cancel(id);
        }
        engine.end_of(id);
        let cache = engine.run_sql("PRAGMA cache_size");
        assert_eq!(cache.rows, [[Cell::Int(-777)]]);
        // After a stop, a connection whose temporary data is not where the profile wants it, or whose
        // cache is of another size, is closed.
        let endless = engine.sql(ENDLESS);
        engine.start_of(endless);
        engine.cancel(endless);
        assert_eq!(engine.end_of(endless).receipt.outcome, Outcome::Cancelled);
    }
    let is_closed = |event: &Event| {
        matches!(
            event,
            Event::ConnectionClosed {
                reason: CloseReason::SelfTest,
                ..
            }
        )
    };
    assert!(!engine.log.iter().any(is_closed), "{:#?}", engine.log);
}

/// Two hundred thousand narrow rows with keys of sixty letters and no index.
fn narrow_jobs() -> JobDb {
    JobDb::written("job.db", |conn| {
        conn.execute_batch(
            "PRAGMA synchronous = OFF;
             CREATE TABLE job (id INTEGER PRIMARY KEY, cluster TEXT, hpc_user TEXT, start_time INT, job_state TEXT);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
             INSERT INTO job SELECT i, 'c', printf('%060d', (i * 7919) % 65537), i, 'completed' FROM n;",
        )
        .expect("narrow rows");
    })
}

/// Runs the test `name` of this file in a process of its own, with its temporary files in `folder`.
fn in_another_process(name: &str, path: &Path, folder: &Path) -> String {
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", name, "--nocapture"])
        .env("JOBSCOPE_TEST_PATH", path)
        .env("SQLITE_TMPDIR", folder)
        .output()
        .expect("a child");
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    said
}

/// The database and the folder for temporary files, in the other process.
fn given() -> Option<(PathBuf, PathBuf)> {
    let path = std::env::var_os("JOBSCOPE_TEST_PATH")?;
    let folder = std::env::var_os("SQLITE_TMPDIR")?;
    Some((path.into(), folder.into()))
}

/// Names in a folder.
fn names(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

/// Files without a name that this process has open in a folder. None where nobody tells.
fn nameless(folder: &Path) -> Option<usize> {
    let links = std::fs::read_dir("/proc/self/fd").ok()?;
    let open = links.filter_map(|link| std::fs::read_link(link.ok()?.path()).ok());
    Some(open.filter(|target| target.starts_with(folder)).count())
}

#[test]
fn a_sort_leaves_nothing_behind_however_it_ends() {
    let db = narrow_jobs();
    let folder = tempfile::tempdir().expect("a folder");
    in_another_process("other_process_stops_a_sort", &db.path, folder.path());
    assert!(
        names(folder.path()).is_empty(),
        "{:?}",
        names(folder.path())
    );
    assert_eq!(names(db.folder()).len(), 1, "{:?}", names(db.folder()));
}

/// Not a test of its own: the other process of the one above.
#[test]
fn other_process_stops_a_sort() {
    let Some((path, folder)) = given() else {
        return;
    };
    let mut engine = TestEngine::on(&path, &unusual());
    let list = List::of(&json!({}), &sort_of("hpc_user:desc"));
    let nothing = nameless(&folder).map(|_| 0);
    let (ids, _) = sorted(&mut engine, &list);
    assert_eq!(ids.num_rows(), 200_000);
    assert_eq!(
        nameless(&folder),
        nothing.map(|_| 1),
        "the ids, and nothing else"
    );
    assert!(
        names(&folder).is_empty(),
        "a file without a name cannot stay"
    );
    engine.log.clear();
    drop(ids);
    assert_eq!(nameless(&folder), nothing, "the file goes with the ids");
    for _ in 0..20 {
        let id = engine.submit(list.sorted_ids());
        engine.start_of(id);
        engine.cancel(id);
        let outcome = engine.end_of(id).receipt.outcome;
        let is_sorted = |event: &Event| matches!(event, Event::Sorted { .. });
        if outcome == Outcome::Finished {
            engine.log.clear();
            continue;
        }
        assert_eq!(outcome, Outcome::Cancelled);
        assert!(!engine.log.iter().any(is_sorted), "half an order is none");
        assert!(names(&folder).is_empty(), "{:?}", names(&folder));
        assert_eq!(nameless(&folder), nothing);
        return;
    }
    unreachable!("no sort was stopped before its end");
}

#[test]
fn a_sort_stays_small_where_the_profile_knows_no_bounds() {
    let db = narrow_jobs();
    let folder = tempfile::tempdir().expect("a folder");
    in_another_process("other_process_sorts_in_bounds", &db.path, folder.path());
}

/// Not a test of its own: alone in a process, so that no other test's memory counts.
#[test]
fn other_process_sorts_in_bounds() {
    let Some((path, _)) = given() else {
        return;
    };
    let profile = MemoryProfile::find("Before the fix").expect("a built-in profile");
    let mut engine = TestEngine::on(
        &path,
        &MemoryProfile {
            connections: 1,
            ..profile
        },
    );
    let grown = |receipt: &Receipt| {
        Bytes(receipt.sqlite_heap_peak_bytes - receipt.sqlite_heap_before_bytes)
    };
    // The written order first: a high-water mark only rises.
    let (ids, receipt) = sorted(
        &mut engine,
        &List::of(&json!({}), &sort_of("hpc_user:desc")),
    );
    assert_eq!(ids.num_rows(), 200_000);
    let bounded = grown(&receipt);
    let ended =
        engine.run_sql("SELECT id FROM job ORDER BY hpc_user DESC, id DESC LIMIT -1 OFFSET 199999");
    assert_eq!(ended.rows.len(), 1);
    let unbounded = grown(&ended.receipt);
    println!("bounded {bounded}, unbounded {unbounded}");
    assert!(unbounded > Bytes::mib(24), "{unbounded}");
    assert!(bounded < Bytes::mib(12), "{bounded} beside {unbounded}");
}
