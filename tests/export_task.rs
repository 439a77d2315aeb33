//! An export as a task of the engine: marked rows, settings, the moment that it sees.

mod common;

use std::{fs, time::Duration};

use jobscope::{
    db::profile::MemoryProfile,
    engine::{
        message::{Event, Task},
        receipt::Outcome,
    },
    export::{ExportEnd, ExportSpec, Format, Part},
    jobs::{
        catalogue::JobQuery,
        sort::{Cursor, Sort},
    },
};

use common::{
    engine::TestEngine,
    exported::{names, spec, strange},
    jobdb::JobDb,
};

fn exported(engine: &TestEngine) -> Vec<(u64, ExportEnd)> {
    let mut ends = Vec::new();
    for event in &engine.log {
        if let Event::Exported {
            rows,
            end: Some(end),
            ..
        } = event
        {
            ends.push((*rows, end.clone()));
        }
    }
    ends
}

#[test]
fn marked_parts_come_one_after_the_other() {
    let db = strange();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jobs.csv");
    let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
    for sort in [
        "start_time",
        "num_acc:asc",
        "num_acc:desc",
        "energy",
        "hpc_user:asc",
    ] {
        let sort: Sort = sort.parse().expect("a sort");
        let list = engine.run(Task::Query(JobQuery::Jobs {
            selection: spec(&path, &[], Format::Csv).selection,
            sort: sort.clone(),
            after: None,
            limit: None,
        }));
        let marked = [(600, 50), (0, 3), (17, 1), (690, 99)];
        let parts = marked.map(|(first, num_rows)| Part {
            from: Some(Cursor::after(&list.rows[first], &sort).expect("a row")),
            skip: 0,
            num_rows,
        });
        let expected: Vec<_> = marked
            .iter()
            .flat_map(|(first, count)| list.rows.iter().skip(*first).take(*count as usize))
            .map(|row| row[0].display())
            .collect();
        let ended = engine.run(Task::Export(Box::new(ExportSpec {
            rows: Some(parts.to_vec()),
            sort: sort.clone(),
            ..spec(&path, &["id"], Format::Csv)
        })));
        assert_eq!(
            ended.receipt.outcome,
            Outcome::Finished,
            "{:?}",
            ended.report
        );
        assert_eq!(ended.receipt.rows, 64);
        let written = fs::read_to_string(&path).expect("CSV");
        let ids: Vec<_> = written.lines().skip(1).map(ToOwned::to_owned).collect();
        assert_eq!(ids, expected, "{sort}");
        let (rows, end) = exported(&engine).pop().expect("a last report");
        assert_eq!((rows, end.path.as_deref()), (64, Some(&*path)));
        assert_eq!(end.bytes, written.len() as u64);
    }
}

#[test]
fn an_export_has_settings_of_its_own_and_gives_them_back() {
    let db = JobDb::with_rows(3_000);
    let folder = tempfile::tempdir().expect("a folder");
    let profile = MemoryProfile {
        // It is for questions: an export takes as long as it takes.
        time_limit: Some(Duration::from_nanos(1)),
        connections: 1,
        ..MemoryProfile::find("First repair").expect("a profile")
    };
    let mut engine = TestEngine::on(&db.path, &profile);
    let sorted = ExportSpec {
        sort: "energy".parse().expect("a sort"),
        ..spec(
            &folder.path().join("jobs.jsonl"),
            &["id", "meta_data"],
            Format::Jsonl,
        )
    };
    let ended = engine.run(Task::Export(Box::new(sorted.clone())));
    assert_eq!(
        ended.receipt.outcome,
        Outcome::Finished,
        "{:?}",
        ended.report
    );
    assert_eq!(ended.receipt.rows, 3_000);
    assert!(ended.receipt.sorts > 0);
    let stopped = engine.run(Task::Export(Box::new(ExportSpec {
        time_limit: Some(Duration::from_nanos(1)),
        ..sorted
    })));
    assert_eq!(stopped.receipt.outcome, Outcome::TimedOut);
    // A connection with other settings than the profile's would have been closed.
    let closed = |event: &Event| matches!(event, Event::ConnectionClosed { .. });
    assert!(!engine.log.iter().any(closed), "{:#?}", engine.log);
    assert_eq!(names(folder.path()), ["jobs.jsonl"]);
}

#[test]
fn an_export_sees_one_moment_of_a_live_database() {
    let db = JobDb::with_rows(20_000);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jobs.csv");
    let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
    let writer = db.writer();
    let id = engine.submit(Task::Export(Box::new(spec(
        &path,
        &["id", "project"],
        Format::Csv,
    ))));
    engine.start_of(id);
    writer
        .execute("UPDATE job SET project = 'later'", [])
        .expect("a write");
    let ended = engine.end_of(id);
    assert_eq!(ended.receipt.rows, 20_000);
    let written = fs::read_to_string(&path).expect("CSV");
    let later = written
        .lines()
        .filter(|line| line.ends_with(",later"))
        .count();
    assert!(
        later == 0 || later == 20_000,
        "{later} rows of another moment"
    );
}

#[test]
fn marked_parts_go_to_their_partitions_once_each() {
    let db = strange();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jobs");
    let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
    let format = Format::Parquet { partitioned: true };
    let list = engine.run(Task::Query(JobQuery::Jobs {
        selection: spec(&path, &[], format).selection,
        sort: Sort::default(),
        after: None,
        limit: None,
    }));
    let parts = [(5, 90), (300, 40)].map(|(first, num_rows)| Part {
        from: Some(Cursor::after(&list.rows[first], &Sort::default()).expect("a row")),
        skip: 0,
        num_rows,
    });
    let ended = engine.run(Task::Export(Box::new(ExportSpec {
        rows: Some(parts.to_vec()),
        ..spec(&path, &["id", "energy"], format)
    })));
    assert_eq!(
        ended.receipt.outcome,
        Outcome::Finished,
        "{:?}",
        ended.report
    );
    let (rows, end) = exported(&engine).pop().expect("a last report");
    assert_eq!((rows, end.path.as_deref()), (130, Some(&*path)));
    // The same month may come in each part, and then has a file of each.
    assert!((4..=40).contains(&end.files), "{} files", end.files);
    assert!(names(&path).iter().all(|name| name.starts_with("cluster=")));
}
