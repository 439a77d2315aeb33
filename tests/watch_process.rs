//! Another process beside our own, as the engine shows it.
#![cfg(target_os = "linux")]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test looks for one event and fails without it"
)]

mod common;

use jobscope::{
    db::profile::MemoryProfile,
    engine::message::{Event, Request},
    memory::process::ProcessState,
};

use common::{
    engine::TestEngine,
    jobdb::JobDb,
    program::{Killed, rss_of, shell_named, until},
};

fn watch(engine: &mut TestEngine, who: &str) {
    let who = Some(who.to_owned());
    engine.engine.send(Request::WatchProcess(who));
}

fn sentence(event: &Event, part: &str) -> Option<String> {
    match event {
        Event::Process { text } if text.contains(part) => Some(text.clone()),
        _ => None,
    }
}

#[test]
fn its_memory_its_file_and_its_restart_join_the_samples() {
    let (db, other) = (JobDb::with_rows(300), JobDb::with_rows(20));
    let shell = shell_named(db.folder(), "jobscope-its-shell");
    let script = format!(
        "exec 3<'{}' 4<'{}'; read line",
        db.path.display(),
        other.path.display()
    );
    let mut first = Killed::start(&shell, &["-c", &script]);
    let pid = first.pid();
    let fd = format!("/proc/{pid}/fd/4");
    until("its files", || std::fs::read_link(&fd).is_ok());
    let mut engine = TestEngine::start(&MemoryProfile::jobscope());
    watch(&mut engine, "jobscope-its-shell");
    let sample = engine.sample_with("its file", |sample| {
        sample
            .other
            .as_ref()
            .is_some_and(|other| other.file.is_some())
    });
    let reading = sample.other.expect("it is watched");
    let rss = reading.rss.expect("its RSS").0;
    assert!(rss.abs_diff(rss_of(pid)) < 256 << 10, "{rss}");
    assert_eq!((reading.pid, reading.threads), (pid, Some(1)));
    assert!(reading.peak >= reading.rss);
    let file = reading.file.expect("its file");
    assert_eq!(
        file.path, db.path,
        "the larger one, while we have none open"
    );
    assert_eq!(file.bytes.0, db.path.metadata().expect("a file").len());

    // The one that we open is the one that we want to see, also when it is opened later.
    engine.open(&other.path).expect("a job database");
    engine.sample_with("the file that is open here", |sample| {
        let file = sample.other.as_ref().and_then(|other| other.file.as_ref());
        file.is_some_and(|file| file.path == other.path)
    });

    first.end();
    engine.wait_for("its end", |event| {
        sentence(event, &format!("(pid {pid}) ended"))
    });
    let second = Killed::start(&shell, &["-c", "read line"]);
    let restarted = format!("started again as pid {}", second.pid());
    engine.wait_for("its restart", |event| sentence(event, &restarted));
    engine.sample_with("the second", |sample| {
        let other = sample.other.as_ref();
        other.is_some_and(|o| o.pid == second.pid() && o.state == ProcessState::Running)
    });
    engine.engine.send(Request::WatchProcess(None));
    drop(engine.engine.samples());
    engine.sample_with("nobody any more", |sample| sample.other.is_none());
}

#[test]
fn marks_wait_for_room_and_are_not_lost() {
    let db = JobDb::with_rows(10);
    let shell = shell_named(db.folder(), "jobscope-full-news");
    let mut child = Killed::start(&shell, &["-c", "read line"]);
    let mut engine = TestEngine::on(&db.path, &MemoryProfile::jobscope());
    watch(&mut engine, &child.pid().to_string());
    engine.wait_for("the watch", |event| sentence(event, "Watching"));
    // Rows that nobody takes: the news are full while the process ends.
    let id = engine.sql(
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) \
         SELECT i, printf('%.*c', 10000, 'x') FROM n",
    );
    let wait = || std::thread::sleep(std::time::Duration::from_millis(500));
    wait();
    child.end();
    wait();
    engine.cancel(id);
    engine.wait_for("its end", |event| sentence(event, "ended"));
}

#[test]
fn a_process_that_cannot_be_watched_is_a_sentence() {
    let mut engine = TestEngine::start(&MemoryProfile::jobscope());
    let own = std::process::id().to_string();
    for (who, part) in [
        ("4194303", "no process has this pid"),
        (own.as_str(), "it is this process"),
        ("no-such-program-runs", "no process has this name"),
    ] {
        let mark = engine.log.len();
        watch(&mut engine, who);
        let report = engine.wait_since(mark, "a refusal", |event| match event {
            Event::WatchFailed { report } => Some(report.clone()),
            _ => None,
        });
        let causes = report.causes.join("; ");
        assert!(causes.contains(part), "{who}: {causes}");
    }
}
