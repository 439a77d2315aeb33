//! Any part of the job table against the whole of it: in order, each row once, with its values.
//!
//! What is expected is asked of the file as a whole, with nothing of the product in it but the names
//! of its columns: `ROW_NUMBER()` over all rows, and filters in plain Rust. Rows are seeded.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::{collections::BTreeSet, sync::Arc};

use jobscope::{
    db::{plan::PlanSummary, profile::MemoryProfile, value::Cell},
    engine::{
        message::{Event, Task},
        receipt::Outcome,
    },
    jobs::{
        column::JobColumn,
        filter::Selection,
        rows::{ListQuery, ListRow, Place, RowsQuery, WIDE_CHARS},
        schema::FileKind,
        sort::{Cursor, Sort, SortKey},
        sorted::SortedIds,
        sql::Sql,
    },
};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rusqlite::{params_from_iter, types::ValueRef};
use serde_json::{Value, json};

use common::{
    asked::{Asked, lacking, selection},
    engine::TestEngine,
    jobdb::{JobDb, NOW},
    oracle::Oracle,
    random_jobs, schemas,
};

/// A file that is asked.
struct File {
    asked: Asked,
    db: JobDb,
}

/// A row of the whole list: its id as a number, and its key.
#[derive(Clone, Debug, PartialEq)]
struct Keyed {
    id: i64,
    key: Cell,
    /// Its key is text with bytes that are no UTF-8. Nobody but the row itself still has them.
    is_replaced: bool,
}

impl Keyed {
    fn cursor(&self) -> Cursor {
        Cursor {
            key: self.key.clone(),
            id: self.id,
        }
    }
}

impl File {
    fn of(db: JobDb) -> Self {
        Self {
            asked: Asked::open(&db.path),
            db,
        }
    }

    fn fetch(&self, sql: &Sql) -> Vec<Vec<Cell>> {
        // Whatever follows a first statement would be an error here.
        let mut statement = self.asked.conn.prepare(&sql.text).expect(&sql.text);
        assert_eq!(
            statement.parameter_count(),
            sql.params.len(),
            "every value is bound: {}",
            sql.text
        );
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

    fn rows(&self, query: &RowsQuery) -> Vec<ListRow> {
        let sql = query.sql(self.asked.schema()).expect("an answerable query");
        let rows = self.fetch(&sql);
        let num_columns = query.columns().len();
        rows.into_iter()
            .map(|row| {
                assert_eq!(row.len(), num_columns, "{}", sql.text);
                ListRow::from_cells(row).expect("a row with an id")
            })
            .collect()
    }

    fn ids(&self, query: &RowsQuery) -> Vec<i64> {
        self.rows(query).iter().map(|row| row.id).collect()
    }

    /// The key of an order as an expression, written down a second time.
    fn key(&self, sort: &Sort) -> Option<String> {
        let schema = self.asked.schema();
        match &sort.key {
            SortKey::Column(name) => schema.column(name).ok().map(ToOwned::to_owned),
            SortKey::Footprint(key) => {
                let footprint = schema.column("footprint").ok()?;
                Some(format!(
                    "IIF(json_valid({footprint}), json_extract({footprint}, '$.{key}'), NULL)"
                ))
            }
        }
    }

    /// The whole list as SQLite numbers it. `None` if the file lacks the column.
    fn whole(&self, sort: &Sort) -> Option<Vec<Keyed>> {
        let key = self.key(sort)?;
        let direction = if sort.descending { "DESC" } else { "ASC" };
        let table = self.asked.schema().job_table();
        let text = format!(
            "SELECT id, key FROM (SELECT id, {key} AS key, \
             ROW_NUMBER() OVER (ORDER BY {key} {direction}, id {direction}) AS number FROM {table}) \
             ORDER BY number"
        );
        let mut statement = self.asked.conn.prepare(&text).expect(&text);
        let rows = statement
            .query_map([], |row| {
                let key = row.get_ref(1)?;
                let is_replaced =
                    matches!(key, ValueRef::Text(bytes) if str::from_utf8(bytes).is_err());
                Ok(Keyed {
                    id: Cell::from(row.get_ref(0)?).as_id().expect("an id"),
                    key: Cell::from(key),
                    is_replaced,
                })
            })
            .expect(&text);
        Some(rows.collect::<rusqlite::Result<_>>().expect(&text))
    }

    fn newest(&self) -> i64 {
        let text = format!("SELECT MAX(id) FROM {}", self.asked.schema().job_table());
        let sql = Sql::text(text);
        self.fetch(&sql)[0][0].as_id().expect("an id")
    }
}

/// An order of a selection: everything but the place.
#[derive(Clone)]
struct List {
    selection: Selection,
    sort: Sort,
    columns: Arc<[JobColumn]>,
}

impl List {
    fn of(sort: &Sort) -> Self {
        Self {
            selection: selection(&json!({})),
            sort: sort.clone(),
            columns: narrow(),
        }
    }

    fn part(&self, place: Place, skip: u32, limit: u32) -> RowsQuery {
        RowsQuery {
            selection: self.selection.clone(),
            sort: self.sort.clone(),
            columns: Arc::clone(&self.columns),
            place,
            skip,
            limit,
            is_full: false,
        }
    }
}

fn narrow() -> Arc<[JobColumn]> {
    Arc::new([JobColumn::Stored("hpc_user")])
}

/// Every stored column and some values of the footprint, in both directions.
fn all_sorts() -> Vec<Sort> {
    let stored = JobColumn::stored().map(|column| column.to_string());
    let metrics = ["cpu_load_avg", "mem_bw_avg", "none_such"];
    stored
        .chain(metrics.map(|key| format!("footprint.{key}")))
        .flat_map(|key| ["asc", "desc"].map(|way| format!("{key}:{way}").parse().expect("a sort")))
        .collect()
}

/// Filters in cc-backend's words, for the generated rows.
fn filters() -> Vec<Value> {
    vec![
        json!({}),
        json!({"user": {"in": ["a", "ü😀", "o'hara%_", ""]}}),
        json!({"state": ["completed", "failed"], "numNodes": {"ge": 1}}),
        json!({"startTime": {"from": 1_700_000_000, "to": 1_700_000_005}}),
        json!({"jobName": {"contains": "üüü"}}),
        json!({"metricStats": [{"metricName": "mem_bw_avg", "range": {"from": 0.5, "to": 9.0}}]}),
        json!({"user": {"eq": "nobody at all"}}),
    ]
}

/// Walks the list in parts of random sizes.
fn walk(file: &File, list: &List, rng: &mut ChaCha8Rng, backwards: bool) -> Vec<i64> {
    let mut ids = Vec::new();
    let mut place = if backwards { Place::Last } else { Place::First };
    loop {
        let limit = rng.random_range(1..90);
        let rows = file.rows(&list.part(place, 0, limit));
        ids.extend(rows.iter().map(|row| row.id));
        assert!(ids.len() < 5_000, "{}: the walk does not end", list.sort);
        let is_last = rows.len() < limit as usize;
        let Some(last) = rows.last().filter(|_| !is_last) else {
            return ids;
        };
        let cursor = last.cursor();
        place = if backwards {
            Place::Before(cursor)
        } else {
            Place::After(cursor)
        };
    }
}

fn assert_walks(file: &File, list: &List, expected: &[i64], rng: &mut ChaCha8Rng, what: &str) {
    let forwards = walk(file, list, rng, false);
    assert_eq!(forwards, expected, "{what}: {} forwards", list.sort);
    let mut backwards = walk(file, list, rng, true);
    backwards.reverse();
    assert_eq!(backwards, expected, "{what}: {} backwards", list.sort);
}

/// The two files that most tests look at.
fn files() -> [(&'static str, File); 2] {
    [
        ("dirty", File::of(random_jobs::dirty(1, 260))),
        ("indexed", File::of(random_jobs::indexed(2, 300))),
    ]
}

// The order

#[test]
fn walking_gives_each_row_once_and_in_order_in_both_directions() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let filters = filters();
    for (what, file) in files() {
        let oracle = Oracle::read(&file.db.path);
        for (turn, sort) in all_sorts().iter().enumerate() {
            let whole = file.whole(sort).expect("every column is there");
            // Without a filter always, and with one of the others in turn.
            for filter in [&filters[0], &filters[1 + turn % (filters.len() - 1)]] {
                let matching: BTreeSet<_> = oracle
                    .select(filter, NOW, false)
                    .iter()
                    .map(|job| job.id)
                    .collect();
                let expected: Vec<_> = whole
                    .iter()
                    .map(|row| row.id)
                    .filter(|id| matching.contains(id))
                    .collect();
                let list = List {
                    selection: selection(filter),
                    ..List::of(sort)
                };
                assert_walks(
                    &file,
                    &list,
                    &expected,
                    &mut rng,
                    &format!("{what} {filter}"),
                );
            }
        }
    }
}

#[test]
fn the_order_is_that_of_plain_rust_too() {
    for (what, file) in files() {
        let oracle = Oracle::read(&file.db.path);
        let all = oracle.select(&json!({}), NOW, false);
        for sort in all_sorts() {
            let name = sort.column().to_string();
            let is_json = ["resources", "footprint", "energy_footprint", "meta_data"];
            // Nor does plain Rust read a number like 1e999 in JSON.
            if is_json.contains(&name.as_str()) || name.starts_with("footprint.") {
                continue;
            }
            let expected = oracle.sorted_ids(&all, &name, sort.descending);
            let found = file.ids(&List::of(&sort).part(Place::First, 0, 5_000));
            assert_eq!(found, expected, "{what}: {sort}");
        }
    }
}

#[test]
fn keys_alone_are_walked_like_rows() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for (what, file) in files() {
        for sort in all_sorts() {
            let list = List {
                columns: Arc::new([]),
                ..List::of(&sort)
            };
            let whole = file.whole(&sort).expect("every column is there");
            let at = rng.random_range(0..whole.len());
            for (place, expected) in [
                (Place::First, &whole[..]),
                (Place::From(whole[at].cursor()), &whole[at..]),
                (Place::After(whole[at].cursor()), &whole[at + 1..]),
            ] {
                let query = list.part(place, 0, 5_000);
                assert_eq!(query.columns().len(), 2);
                let rows = file.fetch(&query.sql(file.asked.schema()).expect("answerable"));
                let expected: Vec<_> = expected
                    .iter()
                    .map(|row| vec![Cell::Int(row.id), row.key.clone()])
                    .collect();
                assert_eq!(rows, expected, "{what}: {sort} from row {at}");
            }
        }
    }
}

// Places

#[test]
fn every_place_with_skip_and_limit_is_a_slice_of_the_whole() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for (what, file) in files() {
        for sort in all_sorts() {
            let list = List::of(&sort);
            let whole = file.whole(&sort).expect("every column is there");
            let ids: Vec<_> = whole.iter().map(|row| row.id).collect();
            let reversed: Vec<_> = ids.iter().rev().copied().collect();
            for _ in 0..4 {
                let at = rng.random_range(0..ids.len());
                let skip = *[0, 1, 17, 150, 400]
                    .get(rng.random_range(0..5_usize))
                    .expect("one of five");
                let limit = rng.random_range(0..70);
                let cursor = || whole[at].cursor();
                for (place, from) in [
                    (Place::First, &ids[..]),
                    (Place::From(cursor()), &ids[at..]),
                    (Place::After(cursor()), &ids[at + 1..]),
                    (Place::Last, &reversed[..]),
                    (Place::Before(cursor()), &reversed[ids.len() - at..]),
                ] {
                    let expected: Vec<_> = from
                        .iter()
                        .skip(skip as usize)
                        .take(limit as usize)
                        .copied()
                        .collect();
                    let told = format!("{what}: {sort} {place:?} row {at}, {skip} and {limit}");
                    assert_eq!(file.ids(&list.part(place, skip, limit)), expected, "{told}");
                }
            }
        }
    }
}

#[test]
fn the_key_of_a_row_that_is_gone_is_still_a_place() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    for (what, file) in files() {
        let wholes: Vec<_> = all_sorts()
            .into_iter()
            .map(|sort| (file.whole(&sort).expect("every column is there"), sort))
            .collect();
        let all: Vec<_> = wholes[0].0.iter().map(|row| row.id).collect();
        let gone: BTreeSet<_> = (0..40)
            .map(|_| all[rng.random_range(0..all.len())])
            .collect();
        let writer = file.db.writer();
        writer.execute_batch("BEGIN").expect("a transaction");
        for id in &gone {
            writer
                .execute("DELETE FROM job WHERE id = ?", [id])
                .expect("gone");
        }
        writer.execute_batch("COMMIT").expect("gone");
        drop(writer);
        for (whole, sort) in wholes {
            let list = List::of(&sort);
            let left = |rows: &[Keyed]| -> Vec<i64> {
                let ids = rows.iter().map(|row| row.id);
                ids.filter(|id| !gone.contains(id)).collect()
            };
            let places = whole.iter().enumerate();
            for (at, row) in places.filter(|(_, row)| gone.contains(&row.id)).step_by(4) {
                if row.is_replaced {
                    continue;
                }
                let told = format!("{what}: {sort} {row:?}");
                let next = left(&whole[at..]);
                let mut before = left(&whole[..at]);
                before.reverse();
                for (place, expected) in [
                    (Place::From(row.cursor()), &next),
                    (Place::After(row.cursor()), &next),
                    (Place::Before(row.cursor()), &before),
                ] {
                    let found = file.ids(&list.part(place, 0, 5_000));
                    assert_eq!(&found, expected, "{told}");
                }
            }
        }
    }
}

#[test]
fn a_value_is_the_place_of_the_first_row_that_has_it() {
    let is_same = |a: &Cell, b: &Cell| match (a.as_real(), b.as_real()) {
        (Some(a), Some(b)) => a.total_cmp(&b).is_eq() || a.abs() + b.abs() == 0.0,
        _ => a == b,
    };
    for (what, file) in files() {
        for sort in all_sorts() {
            let list = List::of(&sort);
            let whole = file.whole(&sort).expect("every column is there");
            for row in whole.iter().step_by(19).filter(|row| !row.is_replaced) {
                let first = whole.iter().position(|other| is_same(&other.key, &row.key));
                let first = &whole[first.expect("the row itself")..];
                let expected: Vec<_> = first.iter().take(25).map(|row| row.id).collect();
                let place = Place::From(sort.at(row.key.clone()));
                let found = file.ids(&list.part(place, 0, 25));
                assert_eq!(found, expected, "{what}: {sort} {:?}", row.key);
            }
        }
    }
}

// Orders that were written down

fn written(engine: &mut TestEngine, list: &List) -> Arc<SortedIds> {
    let query = ListQuery::SortedIds(list.selection.clone(), list.sort.clone());
    let id = engine.submit(Task::List(query));
    let ended = engine.end_of(id);
    assert_eq!(ended.receipt.outcome, Outcome::Finished, "{ended:?}");
    engine.wait_for("the written order", |event| {
        if let Event::Sorted { id: of, ids } = event
            && *of == id
        {
            Some(Arc::clone(ids))
        } else {
            None
        }
    })
}

#[test]
fn a_written_order_is_read_at_any_row_and_at_any_job() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for (what, file) in files() {
        let mut engine = TestEngine::on(&file.db.path, &MemoryProfile::jobscope());
        for sort in all_sorts() {
            let list = List::of(&sort);
            let whole = file.whole(&sort).expect("every column is there");
            let ids = written(&mut engine, &list);
            assert_eq!(ids.num_rows(), whole.len() as u64, "{what}: {sort}");
            for _ in 0..3 {
                let at = rng.random_range(0..whole.len());
                let (skip, limit) = (rng.random_range(0..9), rng.random_range(1..60));
                let from = (at + skip as usize).min(whole.len());
                let rows =
                    file.rows(&list.part(Place::Sorted(Arc::clone(&ids), at as u64), skip, limit));
                assert_places(
                    &rows,
                    &whole,
                    from,
                    limit,
                    &format!("{what}: {sort} row {at}"),
                );
                let of = Place::SortedAt(Arc::clone(&ids), whole[at].id);
                let rows = file.rows(&list.part(of, 0, limit));
                assert_places(
                    &rows,
                    &whole,
                    at,
                    limit,
                    &format!("{what}: {sort} job at {at}"),
                );
            }
            let keys = RowsQuery {
                columns: Arc::new([]),
                ..list.part(Place::Sorted(Arc::clone(&ids), 3), 0, 9)
            };
            let keys = file.fetch(&keys.sql(file.asked.schema()).expect("answerable"));
            let expected = whole[3..12].iter();
            let expected: Vec<_> = expected
                .map(|row| vec![Cell::Int(row.id), row.key.clone()])
                .collect();
            assert_eq!(keys, expected, "{what}: keys alone in {sort}");
            let nobody = Place::SortedAt(Arc::clone(&ids), -4_711);
            assert_eq!(
                file.ids(&list.part(nobody, 0, 10)),
                [0_i64; 0],
                "{what}: {sort}"
            );
            for beyond in [whole.len() as u64, u64::MAX / 16] {
                let beyond = Place::Sorted(Arc::clone(&ids), beyond);
                assert_eq!(
                    file.ids(&list.part(beyond, 0, 10)),
                    [0_i64; 0],
                    "{what}: {sort}"
                );
            }
        }
    }
}

/// These rows are the list's from `from` on, and each knows its place.
fn assert_places(rows: &[ListRow], whole: &[Keyed], from: usize, limit: u32, told: &str) {
    let found: Vec<_> = rows
        .iter()
        .map(|row| (row.place, row.id, row.key.clone()))
        .collect();
    let expected: Vec<_> = (from..whole.len())
        .take(limit as usize)
        .map(|at| (Some(at as u64), whole[at].id, whole[at].key.clone()))
        .collect();
    assert_eq!(found, expected, "{told}");
}

#[test]
fn what_left_a_written_order_leaves_a_gap_and_moves_nobody() {
    let file = File::of(random_jobs::dirty(8, 200));
    let sort: Sort = "walltime:desc".parse().expect("a sort");
    let list = List {
        selection: selection(&json!({"numNodes": {"ge": 1}})),
        ..List::of(&sort)
    };
    let mut engine = TestEngine::on(&file.db.path, &MemoryProfile::jobscope());
    let ids = written(&mut engine, &list);
    let before: Vec<_> = ids.read(0, 1_000).expect("the ids");
    assert!(before.len() > 90, "{} rows", before.len());
    let writer = file.db.writer();
    let out = |id: &i64| id % 5 == 0;
    writer
        .execute_batch(
            "DELETE FROM job WHERE id % 10 = 0;
             UPDATE job SET num_nodes = 0 WHERE id % 10 = 5;
             UPDATE job SET walltime = walltime + 1 WHERE id % 3 = 0;",
        )
        .expect("changes");
    let newest: i64 = writer
        .query_row("SELECT MAX(id) FROM job", [], |row| row.get(0))
        .expect("a row");
    assert_eq!(newest, file.newest());
    drop(writer);
    for (from, limit) in [(0, 1_000), (7, 20), (50, 1)] {
        let rows = file.rows(&list.part(Place::Sorted(Arc::clone(&ids), from), 0, limit));
        let found: Vec<_> = rows.iter().map(|row| (row.place, row.id)).collect();
        let expected: Vec<_> = (0_u64..)
            .zip(&before)
            .skip(from as usize)
            .take(limit as usize)
            .filter(|(_, id)| !out(id))
            .map(|(place, id)| (Some(place), *id))
            .collect();
        assert_eq!(found, expected, "{limit} rows from {from}");
        assert!(rows.iter().all(|row| row.newest_id == newest));
    }
    let gone = before.iter().find(|id| out(id)).expect("one of five");
    let rows = file.rows(&list.part(Place::SortedAt(ids, *gone), 0, 3));
    assert!(
        rows.iter()
            .all(|row| row.id != *gone && row.place.is_some()),
        "the rows after it: {rows:?}"
    );
}

// Values

const WIDE: [&str; 4] = ["resources", "footprint", "energy_footprint", "meta_data"];

/// What `CAST(… AS TEXT)` makes of it, up to a zero byte.
fn as_text(cell: &Cell) -> Option<String> {
    let text = match cell {
        Cell::Null => return None,
        Cell::Int(number) => number.to_string(),
        Cell::Real(number) => format!("{number:?}"),
        Cell::Text(text) => text.clone(),
        Cell::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    };
    Some(text.split('\0').next().unwrap_or_default().to_owned())
}

#[test]
fn rows_have_the_values_of_the_file_and_wide_ones_their_beginning() {
    for (what, file) in files() {
        let mut columns: Vec<_> = JobColumn::stored().collect();
        columns.push(JobColumn::Footprint("cpu_load_avg".to_owned()));
        columns.push(JobColumn::MetaData("jobName".to_owned()));
        // In an order of their own, so that a row cannot be right by chance.
        columns.reverse();
        let columns: Arc<[JobColumn]> = columns.into();
        let list = List {
            columns: Arc::clone(&columns),
            ..List::of(&"start_time:desc".parse().expect("a sort"))
        };
        let newest = file.newest();
        for is_full in [false, true] {
            let query = RowsQuery {
                is_full,
                ..list.part(Place::First, 0, 5_000)
            };
            let rows = if is_full {
                full_rows(&file, &query)
            } else {
                file.rows(&query)
            };
            assert!(rows.len() > 250, "{what}: {} rows", rows.len());
            for row in &rows {
                assert_eq!((row.newest_id, row.place), (newest, None), "{what}");
                assert_values(&file, row, &columns, is_full, what);
            }
        }
    }
}

/// With whole values there are no lengths between them: each is asked for by itself.
fn full_rows(file: &File, query: &RowsQuery) -> Vec<ListRow> {
    let names: Vec<_> = query
        .columns()
        .into_iter()
        .map(|column| column.name)
        .collect();
    let expected: Vec<_> = ["id", "key", "place", "newest", "job_state"]
        .into_iter()
        .map(ToOwned::to_owned)
        .chain(query.columns.iter().map(ToString::to_string))
        .collect();
    assert_eq!(names, expected);
    file.rows(query)
}

fn assert_values(file: &File, row: &ListRow, columns: &[JobColumn], is_full: bool, what: &str) {
    let ask = |expression: &str| {
        let text = format!("SELECT {expression} FROM job WHERE id = ?");
        let sql = Sql::with(text, [Cell::Int(row.id)]);
        file.fetch(&sql)[0][0].clone()
    };
    let state = ask("job_state");
    assert_eq!(row.state(), state.as_text().unwrap_or_default(), "{what}");
    if is_full {
        return assert_whole_values(file, row, columns, what);
    }
    for column in columns {
        let (found, length) = row.get(columns, column);
        let told = format!("{what}: {column} of job {}", row.id);
        let (value, is_wide) = match column {
            JobColumn::Stored(name) => (ask(name), WIDE.contains(name)),
            JobColumn::Footprint(key) => (
                ask(&format!(
                    "IIF(json_valid(footprint), json_extract(footprint, '$.{key}'), NULL)"
                )),
                false,
            ),
            JobColumn::MetaData(key) => (
                ask(&format!(
                    "IIF(json_valid(meta_data), json_extract(meta_data, '$.{key}'), NULL)"
                )),
                true,
            ),
        };
        if !is_wide {
            assert_eq!((found, length), (&value, None), "{told}");
            continue;
        }
        let text = as_text(&value);
        let begin = text.as_ref().map_or(Cell::Null, |text| {
            Cell::Text(text.chars().take(WIDE_CHARS as usize).collect())
        });
        let chars = text.map(|text| text.chars().count() as u64);
        assert_eq!((found, length), (&begin, chars), "{told}");
    }
    let other = JobColumn::MetaData("no such key".to_owned());
    assert_eq!(row.get(columns, &other), (&Cell::Null, None));
}

/// One column at a time, because `get` is about rows whose wide values were cut.
fn assert_whole_values(file: &File, row: &ListRow, columns: &[JobColumn], what: &str) {
    let query = RowsQuery {
        is_full: true,
        columns: columns.into(),
        ..List::of(&Sort::default()).part(Place::From(row.cursor()), 0, 1)
    };
    let sql = query.sql(file.asked.schema()).expect("an answerable query");
    let found = &file.fetch(&sql)[0][5..];
    for (column, found) in columns.iter().zip(found) {
        let JobColumn::Stored(name) = column else {
            continue;
        };
        let text = format!("SELECT {name} FROM job WHERE id = ?");
        let whole = file.fetch(&Sql::with(text, [Cell::Int(row.id)]));
        assert_eq!(found, &whole[0][0], "{what}: {column} of job {}", row.id);
    }
}

#[test]
fn nothing_from_outside_becomes_part_of_a_statement() {
    const OUTSIDE: &str = "zz-outside'); DROP TABLE job; --\"?";

    let file = File::of(random_jobs::indexed(9, 50));
    let text = |text: &str| Cell::Text(text.to_owned());
    let conditions = [
        json!({"user": {"eq": OUTSIDE}, "project": {"contains": OUTSIDE}, "cluster": {"in": [OUTSIDE]}}),
        json!({"state": [OUTSIDE], "shared": "none", "jobName": {"startsWith": OUTSIDE}}),
        json!({"state": [OUTSIDE, "running"], "node": {"like": OUTSIDE}}),
    ];
    let places = || {
        let cursor = |key: Cell| Cursor {
            key,
            id: 987_654_321,
        };
        [
            Place::First,
            Place::Last,
            Place::After(cursor(text(OUTSIDE))),
            Place::Before(cursor(Cell::Blob(OUTSIDE.as_bytes().to_vec()))),
            Place::From(cursor(text("zz-outside\u{fffd}"))),
            Place::From(cursor(Cell::Real(f64::INFINITY))),
        ]
    };
    for sort in all_sorts() {
        for filter in &conditions {
            let list = List {
                selection: selection(filter),
                ..List::of(&sort)
            };
            for place in places() {
                let query = list.part(place, 3, 9);
                let sql = query.sql(file.asked.schema()).expect("an answerable query");
                for outside in ["outside", "DROP", "987654321"] {
                    assert!(!sql.text.contains(outside), "{sort}: {}", sql.text);
                }
                // Where the text of the statement is in order, it runs and finds nobody.
                assert_eq!(file.ids(&query), [0_i64; 0], "{sort}");
            }
            for other in [
                ListQuery::Positions(selection(filter), sort.clone()),
                ListQuery::SortedIds(selection(filter), sort.clone()),
                ListQuery::Newer(selection(filter), 987_654_321),
            ] {
                let sql = other.sql(file.asked.schema()).expect("an answerable query");
                assert!(!sql.text.contains("outside"), "{}", sql.text);
                assert!(!sql.text.contains("987654321"), "{}", sql.text);
                file.fetch(&sql);
            }
        }
    }
    let jobs = file.fetch(&Sql::text("SELECT COUNT(*) FROM job"));
    assert!(jobs[0][0].as_int() > Some(50), "the table is still there");
}

// Schemas

#[test]
fn every_schema_of_the_field_is_walked_in_every_order_it_has() {
    let mut rng = ChaCha8Rng::seed_from_u64(10);
    for (turn, variant) in schemas::all().into_iter().enumerate() {
        let file = File::of(variant.build());
        // One file in ascending order, the next one in descending order.
        for sort in all_sorts().into_iter().skip(turn % 2).step_by(2) {
            let list = List::of(&sort);
            let Some(whole) = file.whole(&sort) else {
                let query = list.part(Place::First, 0, 1);
                let said = lacking(query.sql(file.asked.schema()));
                let missing = sort.column().to_string();
                assert!(said.contains(&missing), "{}: {said}", variant.name);
                assert!(
                    variant.lacks.contains(&missing.as_str()),
                    "{}",
                    variant.name
                );
                continue;
            };
            assert_eq!(whole.len(), variant.num_jobs(), "{}", variant.name);
            assert_small_walks(&file, &list, &whole, &mut rng, variant.name);
        }
    }
}

/// Parts that are small beside a few dozen rows.
fn assert_small_walks(file: &File, list: &List, whole: &[Keyed], rng: &mut ChaCha8Rng, what: &str) {
    let ids: Vec<_> = whole.iter().map(|row| row.id).collect();
    let limit = rng.random_range(7..14);
    for backwards in [false, true] {
        let mut found = Vec::new();
        let mut place = if backwards { Place::Last } else { Place::First };
        loop {
            let rows = file.rows(&list.part(place, 0, limit));
            found.extend(rows.iter().map(|row| row.id));
            let Some(last) = rows.last().filter(|_| found.len() <= ids.len()) else {
                break;
            };
            let cursor = last.cursor();
            place = if backwards {
                Place::Before(cursor)
            } else {
                Place::After(cursor)
            };
        }
        if backwards {
            found.reverse();
        }
        assert_eq!(found, ids, "{what}: {} backwards: {backwards}", list.sort);
    }
    let at = rng.random_range(0..ids.len());
    let found = file.ids(&list.part(Place::From(whole[at].cursor()), 2, 4));
    let expected: Vec<_> = ids.iter().skip(at + 2).take(4).copied().collect();
    assert_eq!(found, expected, "{what}: {} from row {at}", list.sort);
}

/// Today's file after statements in which `{plain}` stands for its columns.
fn reshaped(sql: &str) -> JobDb {
    let db = schemas::named("v11").build();
    let sql = sql.replace("{plain}", &schemas::JOB_COLUMNS.join(", "));
    let conn = db.writer();
    conn.execute_batch("PRAGMA foreign_keys = OFF")
        .expect("a setting");
    conn.execute_batch(&sql).expect(&sql);
    db
}

/// Tables that are no table of today's, with how their ids look.
const ODD: [(&str, &str); 5] = [
    ("a view", "ALTER TABLE job RENAME TO real_job; CREATE VIEW job AS SELECT * FROM real_job"),
    ("no key", "CREATE TABLE copy AS SELECT * FROM job; DROP TABLE job; ALTER TABLE copy RENAME TO job"),
    (
        "no rowid",
        "CREATE TABLE copy ({plain}, PRIMARY KEY (id)) WITHOUT ROWID; INSERT INTO copy SELECT * FROM job;
         DROP TABLE job; ALTER TABLE copy RENAME TO job",
    ),
    (
        "ids as text",
        "CREATE TABLE copy ({plain}, UNIQUE (id)); INSERT INTO copy SELECT * FROM job;
         UPDATE copy SET id = CAST(id AS TEXT); DROP TABLE job; ALTER TABLE copy RENAME TO job",
    ),
    (
        "ids that are text",
        "CREATE TABLE copy AS SELECT CAST(id AS TEXT) AS id, * FROM job; DROP TABLE job;
         ALTER TABLE copy RENAME TO job",
    ),
];

#[test]
fn odd_tables_and_archives_are_walked_like_any_other() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let odd = ODD.iter().map(|(what, sql)| (*what, reshaped(sql)));
    for (what, db) in odd.chain([("an archive", schemas::archive())]) {
        let file = File::of(db);
        let is_archive = file.asked.schema().kind() == FileKind::Archive;
        assert_eq!(is_archive, what == "an archive");
        for sort in all_sorts() {
            let whole = file.whole(&sort).expect("every column is there");
            assert!(whole.len() >= 24, "{what}: {} rows", whole.len());
            assert_small_walks(&file, &List::of(&sort), &whole, &mut rng, what);
        }
    }
}

#[test]
fn odd_tables_and_archives_have_written_orders_too() {
    let odd = ODD.iter().map(|(what, sql)| (*what, reshaped(sql)));
    for (what, db) in odd.chain([("an archive", schemas::archive())]) {
        let file = File::of(db);
        let mut engine = TestEngine::on(&file.db.path, &MemoryProfile::jobscope());
        for sort in [
            "walltime:desc",
            "hpc_user:asc",
            "footprint.cpu_load_avg:desc",
        ] {
            let sort: Sort = sort.parse().expect("a sort");
            let list = List::of(&sort);
            let whole = file.whole(&sort).expect("every column is there");
            let ids = written(&mut engine, &list);
            let rows = file.rows(&list.part(Place::Sorted(ids, 2), 3, 8));
            assert_places(&rows, &whole, 5, 8, &format!("{what}: {sort}"));
        }
    }
}

// Plans

/// The steps by which the keys are found: those that read `job`, and those that sort it.
fn plan_of(file: &File, query: &RowsQuery) -> PlanSummary {
    let sql = query.sql(file.asked.schema()).expect("an answerable query");
    PlanSummary::of(&file.asked.conn, &sql.text, params_from_iter(&sql.params)).expect(&sql.text)
}

#[test]
fn keys_come_from_an_index_in_its_order() {
    let file = File::of(random_jobs::indexed(12, 2_000));
    for (key, index) in [
        ("start_time", "jobs_starttime"),
        ("duration", "jobs_duration"),
    ] {
        for way in ["asc", "desc"] {
            let sort: Sort = format!("{key}:{way}").parse().expect("a sort");
            let whole = file.whole(&sort).expect("a column");
            let cursor = || whole[900].cursor();
            for place in [
                Place::First,
                Place::Last,
                Place::After(cursor()),
                Place::Before(cursor()),
                Place::From(cursor()),
            ] {
                let keys = List {
                    columns: Arc::new([]),
                    ..List::of(&sort)
                };
                let plan = plan_of(&file, &keys.part(place.clone(), 5, 50));
                let told = format!("{sort} {place:?}: {:#?}", plan.steps);
                let reads = |step: &String| step.starts_with("SCAN") || step.starts_with("SEARCH");
                let reading: Vec<_> = plan.steps.iter().filter(|step| reads(step)).collect();
                assert_eq!(reading.len(), 1, "{told}");
                assert!(
                    reading[0].contains(&format!("USING COVERING INDEX {index}")),
                    "{told}"
                );
                let sorts = |step: &String| step.ends_with("B-TREE FOR ORDER BY");
                assert!(!plan.steps.iter().any(sorts), "{told}");

                // With columns, the same finds the keys, and then rows are found by their ids.
                let rows = plan_of(&file, &List::of(&sort).part(place, 5, 50));
                let told = format!("{told}\n{:#?}", rows.steps);
                let by_id = "SEARCH job USING INTEGER PRIMARY KEY (rowid=?)".to_owned();
                assert!(
                    rows.steps.contains(reading[0]) && rows.steps.contains(&by_id),
                    "{told}"
                );
                assert!(!rows.scans_table, "{told}");
                let num_sorts = rows.steps.iter().filter(|step| sorts(step)).count();
                assert!(
                    num_sorts <= 1,
                    "only the rows of the part may be sorted: {told}"
                );
            }
        }
    }
}
