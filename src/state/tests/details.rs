//! The job at the side: three tasks that live and end by themselves.

use super::*;
use crate::state::details::{Details, MAX_BESIDE};

/// The tasks of the selected job: its row, its tags, the jobs beside it.
fn select(state: &mut AppState, job: i64) -> [TaskId; 3] {
    let requests = state.handle(2.0, Command::SelectJob(Some(job)));
    assert_eq!(started(&requests), ["job", "tags-of", "concurrent"]);
    let ids: Vec<_> = requests.iter().filter_map(id_of).collect();
    ids.try_into().expect("three tasks")
}

fn id_of(request: &Request) -> Option<TaskId> {
    request.task().map(|(id, _)| id)
}

fn details(state: &AppState) -> &Details {
    state.details.as_ref().expect("a job at the side")
}

fn full_row(id: i64) -> Vec<Vec<Cell>> {
    let mut cells = vec![Cell::Null; 24];
    cells[0] = Cell::Int(id);
    cells[1] = Cell::Int(id + 800_000);
    cells[19] = Cell::Text(r#"{"mem_bw_avg": 4.5, "note": "x"}"#.to_owned());
    cells[22] = Cell::Text(r#"{"cpu_power": 1}"#.to_owned());
    cells[23] =
        Cell::Text(r#"{"jobName": "md", "jobScript": "srun x", "message": "hi"}"#.to_owned());
    vec![cells]
}

fn tag_rows() -> Vec<Vec<Cell>> {
    let text = |text: &str| Cell::Text(text.to_owned());
    vec![vec![Cell::Int(7), text("app"), text("vasp"), text("admin")]]
}

fn beside_rows(jobs: impl IntoIterator<Item = i64>) -> Vec<Vec<Cell>> {
    jobs.into_iter()
        .map(|id| {
            vec![
                Cell::Int(id),
                Cell::Int(id + 800_000),
                Cell::Int(10_000 - id),
                Cell::Text("completed".to_owned()),
            ]
        })
        .collect()
}

fn rows(state: &mut AppState, id: TaskId, rows: Vec<Vec<Cell>>) {
    happen(state, Event::Rows { id, rows });
}

fn fail(state: &mut AppState, id: TaskId) {
    let report = Report {
        headline: "the query failed".to_owned(),
        causes: vec!["disk I/O error".to_owned()],
        hint: None,
    };
    let receipt = Box::new(receipt_of(Outcome::Failed));
    let event = Event::Ended {
        id,
        ended_secs: 1.0,
        receipt,
        report: Some(report),
        next: None,
    };
    happen(state, event);
}

fn beside(state: &AppState) -> Vec<i64> {
    let jobs = details(state).beside.data.jobs.iter();
    jobs.map(|job| job.id).collect()
}

fn trail(state: &AppState) -> Vec<i64> {
    details(state).trail.iter().map(|job| job.job).collect()
}

#[test]
fn the_row_the_tags_and_the_jobs_beside_answer_in_any_order() {
    let mut state = opened();
    let [row, tags, others] = select(&mut state, 5);
    rows(&mut state, others, beside_rows([3, 5, 4]));
    assert_eq!(
        beside(&state),
        [3, 4],
        "without the job itself, as they come"
    );
    end(&mut state, others, Outcome::Finished);
    assert_eq!(beside(&state), [4, 3], "by their start");
    assert_eq!(details(&state).beside.phase, Phase::Loaded);
    assert_eq!(details(&state).phase, Phase::Loading);
    rows(&mut state, row, full_row(5));
    end(&mut state, row, Outcome::Finished);
    assert_eq!(details(&state).tags.phase, Phase::Loading);
    rows(&mut state, tags, tag_rows());
    end(&mut state, tags, Outcome::Finished);
    let details = details(&state);
    assert_eq!(
        (details.phase, details.tags.phase),
        (Phase::Loaded, Phase::Loaded)
    );
    assert_eq!(details.title(), "job 800005");
    assert_eq!(
        (details.name.as_str(), details.script.as_str()),
        ("md", "srun x")
    );
    assert_eq!(details.metadata, [("message".to_owned(), "hi".to_owned())]);
    assert_eq!(details.footprint, [("mem_bw_avg".to_owned(), 4.5)]);
    assert_eq!(details.energy_parts, [("cpu_power".to_owned(), 1.0)]);
    assert_eq!(details.raw.len(), 24);
    assert_eq!(details.tags.data[0].scope, "admin");
}

#[test]
fn another_job_cancels_all_three_and_late_answers_change_nothing() {
    let mut state = opened();
    let old = select(&mut state, 5);
    let requests = state.handle(3.0, Command::SelectJob(Some(6)));
    assert_eq!(requests[..3], old.map(Request::Cancel));
    assert_eq!(started(&requests), ["job", "tags-of", "concurrent"]);
    let [row, tags, others] = old;
    rows(&mut state, row, full_row(5));
    rows(&mut state, tags, tag_rows());
    rows(&mut state, others, beside_rows([3]));
    for id in [row, tags] {
        end(&mut state, id, Outcome::Cancelled);
    }
    fail(&mut state, others);
    let details = details(&state);
    assert_eq!(details.job, 6);
    assert!(details.row.is_none() && details.tags.data.is_empty());
    assert!(details.beside.data.jobs.is_empty());
    for phase in [details.phase, details.tags.phase, details.beside.phase] {
        assert_eq!(phase, Phase::Loading);
    }
    assert!(state.notice.is_none(), "nobody waits for it any more");
}

#[test]
fn what_is_over_is_not_cancelled_again() {
    let mut state = opened();
    let [row, tags, others] = select(&mut state, 5);
    for id in [row, tags] {
        end(&mut state, id, Outcome::Finished);
    }
    let requests = state.handle(3.0, Command::SelectJob(Some(6)));
    assert_eq!(requests.first(), Some(&Request::Cancel(others)));
    assert_eq!(requests.len(), 4);
}

#[test]
fn closing_cancels_and_late_rows_do_not_open_it_again() {
    let mut state = opened();
    let asked = select(&mut state, 5);
    let requests = state.handle(3.0, Command::SelectJob(None));
    assert_eq!(requests, asked.map(Request::Cancel));
    rows(&mut state, asked[0], full_row(5));
    end(&mut state, asked[0], Outcome::Cancelled);
    assert!(state.details.is_none());
}

#[test]
fn a_part_that_fails_says_why_and_leaves_the_others() {
    let mut state = opened();
    let [row, tags, others] = select(&mut state, 5);
    fail(&mut state, tags);
    assert!(
        state.notice.is_none(),
        "it is said where the tags would stand"
    );
    rows(&mut state, row, full_row(5));
    end(&mut state, row, Outcome::Finished);
    rows(&mut state, others, beside_rows([3]));
    end(&mut state, others, Outcome::Cancelled);
    let details = details(&state);
    assert_eq!(details.tags.phase, Phase::Failed);
    let why = details.tags.trouble.as_deref();
    assert_eq!(why, Some("the query failed: disk I/O error"));
    assert_eq!(details.phase, Phase::Loaded);
    assert_eq!(details.beside.phase, Phase::Stopped);
    assert_eq!(details.beside.trouble, None, "who cancelled knows why");
    assert_eq!(details.beside.data.jobs.len(), 1, "what had come stays");
}

#[test]
fn a_row_that_cannot_be_read_is_reported() {
    let mut state = opened();
    let [row, ..] = select(&mut state, 5);
    fail(&mut state, row);
    assert_eq!(details(&state).phase, Phase::Failed);
    assert_eq!(details(&state).beside.phase, Phase::Loading);
    assert!(state.notice.is_some());
}

#[test]
fn a_time_limit_is_named() {
    let mut state = opened();
    let [_, _, others] = select(&mut state, 5);
    end(&mut state, others, Outcome::TimedOut);
    let part = &details(&state).beside;
    assert_eq!(part.phase, Phase::Stopped);
    assert_eq!(part.trouble.as_deref(), Some(Outcome::TimedOut.label()));
}

#[test]
fn more_jobs_than_anybody_reads_are_counted() {
    let mut state = opened();
    let [_, _, others] = select(&mut state, 5);
    let last = i64::try_from(MAX_BESIDE).expect("a small number") + 16;
    let many = 10..=last;
    rows(&mut state, others, beside_rows(many.chain([5])));
    let data = &details(&state).beside.data;
    assert_eq!((data.jobs.len(), data.num_left_out), (MAX_BESIDE, 7));
}

#[test]
fn one_can_go_back_from_a_job_beside_and_from_that_one_too() {
    let mut state = opened();
    for (job, others, expected) in [
        (5, vec![6], vec![]),
        (6, vec![5, 7], vec![5]),
        (7, vec![6], vec![5, 6]),
        (6, vec![5, 7], vec![5]),
        (5, vec![6], vec![]),
        (6, vec![5, 7], vec![5]),
        (6, vec![5, 7], vec![5]),
        (9, vec![], vec![]),
    ] {
        let [row, _, beside] = select(&mut state, job);
        assert_eq!(trail(&state), expected, "at job {job}");
        rows(&mut state, row, full_row(job));
        rows(&mut state, beside, beside_rows(others));
    }
}

#[test]
fn the_way_back_is_called_by_the_schedulers_id() {
    let mut state = opened();
    let [row, _, others] = select(&mut state, 5);
    rows(&mut state, row, full_row(5));
    rows(&mut state, others, beside_rows([6]));
    select(&mut state, 6);
    assert_eq!(details(&state).trail[0].title, "job 800005");
    assert_eq!(details(&state).title(), "job with id 6");
}

#[test]
fn a_file_without_tags_is_not_asked_for_them() {
    let mut state = AppState::new(Settings::default());
    let facts = facts_of(
        "CREATE TABLE job (id INTEGER PRIMARY KEY, job_id INT, start_time INT, job_state TEXT)",
    );
    happen(&mut state, Event::Opened(Box::new(facts)));
    let requests = state.handle(2.0, Command::SelectJob(Some(5)));
    assert_eq!(started(&requests), ["job"], "nor for what lacks columns");
    assert_eq!(details(&state).tags.phase, Phase::Empty);
    assert_eq!(details(&state).beside.phase, Phase::Empty);
}

#[test]
fn in_a_large_file_the_jobs_beside_are_looked_for_when_somebody_asks() {
    let mut state = AppState::new(Settings::default());
    let mut large = facts("a.db");
    large.estimated_jobs = 20_000_000;
    happen(&mut state, Event::Opened(Box::new(large)));
    let requests = state.handle(2.0, Command::SelectJob(Some(5)));
    assert_eq!(started(&requests), ["job", "tags-of"]);
    assert!(details(&state).beside_waits);
    let requests = state.handle(3.0, Command::LookBeside);
    assert_eq!(started(&requests), ["concurrent"]);
    assert!(!details(&state).beside_waits);
    assert!(
        state.handle(3.1, Command::LookBeside).is_empty(),
        "once is enough"
    );
    let id = requests.iter().find_map(id_of).expect("a task");
    rows(&mut state, id, beside_rows([5, 6]));
    end(&mut state, id, Outcome::Finished);
    assert_eq!(beside(&state), [6]);
}
