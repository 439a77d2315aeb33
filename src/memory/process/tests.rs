//! With real processes: small programs that are started, watched and ended.

use std::{
    fs,
    io::{BufRead as _, BufReader, ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::{
    linux::{Stat, Status},
    platform::{Look, Reader},
    *,
};

/// A program that is killed at the end of the test.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let begun = Instant::now();
        loop {
            match command.spawn() {
                Ok(child) => return Self(child),
                // Another test forks while our copy of a program is still open for writing: its
                // child holds the descriptor for a moment.
                Err(cause)
                    if cause.kind() == ErrorKind::ExecutableFileBusy
                        && begun.elapsed() < Duration::from_secs(5) =>
                {
                    std::thread::yield_now();
                }
                Err(cause) => panic!("{command:?}: {cause}"),
            }
        }
    }

    fn sleep(program: &Path) -> Self {
        Self::start(Command::new(program).arg("60"))
    }

    /// Runs this shell script up to its first `echo`.
    fn shell(script: &str) -> Self {
        let mut child = Self::start(Command::new("sh").args(["-c", script]));
        child.wait_for_line();
        child
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    fn wait_for_line(&mut self) {
        let mut line = String::new();
        let out = self.0.stdout.as_mut().expect("a pipe");
        // One line at a time is written, so nothing is lost with the reader's buffer.
        BufReader::new(out).read_line(&mut line).expect("a line");
    }

    fn go_on(&mut self) {
        let into = self.0.stdin.as_mut().expect("a pipe");
        into.write_all(b"\n").expect("it reads");
        self.wait_for_line();
    }

    /// Ended, but still a zombie.
    fn kill(&mut self) {
        self.0.kill().expect("ours");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A copy of `sleep` under a name that nothing else has.
fn copy_of_sleep(folder: &Path, name: &str) -> PathBuf {
    let original = ["/bin/sleep", "/usr/bin/sleep"]
        .iter()
        .find(|path| Path::new(path).exists())
        .expect("sleep is installed");
    let copy = folder.join(name);
    fs::copy(original, &copy).expect("a copy");
    copy
}

fn unique(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

/// Reads until it is so, at the pace of the sampling thread but never for long.
fn read_until(
    watched: &mut Watched,
    clock: &mut f64,
    is_so: impl Fn(&ProcessReading) -> bool,
) -> ProcessReading {
    let begun = Instant::now();
    loop {
        *clock += 0.1;
        let reading = watched.read(*clock);
        if is_so(&reading) {
            return reading;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{reading:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Starts are told in hundredths of a second: what comes after this is seen to come later.
fn let_a_tick_pass() {
    let begun = platform::now();
    while platform::now() <= begun + Duration::from_millis(10) {
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn refusal(pid: u32) -> String {
    match Watched::start(pid) {
        Ok(watched) => panic!("{} is watched", watched.name()),
        Err(error) => error.chain(),
    }
}

#[test]
fn what_happened_is_a_sentence() {
    let name = "cc-backend".to_owned();
    for (event, sentence) in [
        (
            ProcessEvent::Ended {
                pid: 4711,
                name: name.clone(),
                rss: Some(Bytes(12_992_276_070)),
            },
            "cc-backend (pid 4711) ended; its RSS was 12.1 GiB",
        ),
        (
            ProcessEvent::Ended {
                pid: 4711,
                name: name.clone(),
                rss: None,
            },
            "cc-backend (pid 4711) ended",
        ),
        (
            ProcessEvent::Restarted {
                old: 4711,
                new: 4800,
                name,
            },
            "cc-backend started again as pid 4800",
        ),
    ] {
        assert_eq!(event.sentence(), sentence);
    }
}

#[test]
fn a_name_ends_at_the_last_parenthesis() {
    let rest = "S 1 1 1 0 -1 4194304 102 0 0 0 0 0 0 0 20 0 1 0 1196278 3133440 416";
    for name in ["cc-backend", "a (b) c)", "((", "", ") S 1 2", "Web Content"] {
        let text = format!("4711 ({name}) {rest}\n");
        let stat = Stat::parse(text.as_bytes()).expect(name);
        assert_eq!(stat.short_name, name);
        assert_eq!(stat.started, Duration::from_millis(11_962_780), "{name}");
        assert!(!stat.has_ended(), "{name}");
    }
    let zombie = format!("4711 (gone) {}", rest.replacen('S', "Z", 1));
    assert!(Stat::parse(zombie.as_bytes()).expect("whole").has_ended());
    let odd = [b"1 (\xff\n) ".as_slice(), rest.as_bytes()].concat();
    let shown = Stat::parse(&odd).expect("any bytes").short_name;
    assert_eq!(
        shown, "\u{FFFD}\u{FFFD}",
        "no byte of a name reaches the screen raw"
    );
    for text in ["", "4711", "4711 (x", "4711 x) (", "4711 (x) S 1 1", ")("] {
        assert_eq!(Stat::parse(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn sizes_that_are_missing_or_odd_are_none() {
    for text in [
        "",
        "VmRSS",
        "VmRSS:",
        "VmRSS: many kB",
        "VmRSS: 12 MB",
        "Threads: -1",
    ] {
        assert_eq!(Status::parse(text), Status::default(), "{text}");
    }
}

#[test]
fn a_process_that_grows_is_seen_to_grow() {
    let mut child = Running::shell(
        "echo ready; read go; x=$(head -c 20000000 /dev/zero | tr '\\0' a); echo grown; read end",
    );
    let mut watched = Watched::start(child.pid()).expect("ours");
    let small = watched.read(0.0);
    assert_eq!(small.pid, child.pid());
    assert_eq!(small.state, ProcessState::Running);
    assert_eq!(small.threads, Some(1));
    assert_eq!(small.trouble, None);
    let before = small.rss.expect("it lives");
    child.go_on();
    let large = watched.read(0.1);
    let after = large.rss.expect("it lives");
    assert!(after.0 > before.0 + 15_000_000, "{before} → {after}");
    assert!(large.peak >= large.rss, "{large:?}");
    assert_eq!(watched.events(), []);
}

#[test]
fn an_end_is_told_once_with_what_it_held() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = unique("ended-sleep");
    let mut child = Running::sleep(&copy_of_sleep(folder.path(), &name));
    let mut watched = Watched::start(child.pid()).expect("ours");
    let held = watched.read(0.0).rss;
    assert!(held.is_some());
    child.kill();
    let mut clock = 0.0;
    let reading = read_until(&mut watched, &mut clock, |reading| {
        reading.state == ProcessState::Ended
    });
    let expected = ProcessReading {
        pid: child.pid(),
        ..ProcessReading::default()
    };
    assert_eq!(reading, expected, "a zombie holds nothing");
    for _ in 0..30 {
        clock += 0.1;
        assert_eq!(watched.read(clock), expected);
    }
    let events = watched.events();
    assert!(
        matches!(&events[..], [ProcessEvent::Ended { pid, name: ended, rss: Some(_) }]
            if *pid == child.pid() && *ended == name),
        "{events:?}"
    );
    assert_eq!(watched.events(), [], "each is told once");
}

#[test]
fn a_restart_is_followed_but_not_a_neighbour_of_the_same_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = unique("watched-sleep");
    let program = copy_of_sleep(folder.path(), &name);
    let mut first = Running::sleep(&program);
    let mut watched = Watched::start(first.pid())
        .expect("ours")
        .through_restarts();
    let mut by_number = Watched::start(first.pid()).expect("ours");
    assert_eq!(watched.name(), name, "longer than the kernel's 15 bytes");
    let _neighbour = Running::sleep(&program);
    // Begins alike: the kernel's name is the same.
    let stranger = copy_of_sleep(folder.path(), &format!("{name}-other"));
    let_a_tick_pass();
    let mut clock = 10.0;
    assert_eq!(watched.read(clock).state, ProcessState::Running);
    first.kill();
    read_until(&mut watched, &mut clock, |reading| {
        reading.state == ProcessState::Ended
    });
    let _stranger = Running::sleep(&stranger);
    for _ in 0..30 {
        clock += 0.1;
        assert_eq!(watched.read(clock).state, ProcessState::Ended);
    }

    let second = Running::sleep(&program);
    let reading = read_until(&mut watched, &mut clock, |reading| {
        reading.state == ProcessState::Running
    });
    assert_eq!(reading.pid, second.pid());
    assert!(reading.rss.is_some());
    let events = watched.events();
    let expected = ProcessEvent::Restarted {
        old: first.pid(),
        new: second.pid(),
        name,
    };
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!(events.get(1), Some(&expected));
    assert_eq!(watched.pid(), second.pid());

    for secs in 0..30 {
        by_number.read(f64::from(secs));
    }
    assert_eq!(by_number.read(30.0).state, ProcessState::Ended);
    assert_eq!(by_number.pid(), first.pid(), "never another one");
    assert_eq!(by_number.events().len(), 1, "its end");
}

#[test]
fn a_pid_that_was_given_away_is_another_process() {
    let child = Running::sleep(Path::new("sleep"));
    let mut watched = Watched::start(child.pid()).expect("ours");
    watched.process.identity.started -= Duration::from_millis(10);
    watched.process.name = unique("something-else");
    watched.process.short_name = "something-else".to_owned();
    let reading = watched.read(0.0);
    assert_eq!(reading.state, ProcessState::Ended);
    assert_eq!(reading.rss, None, "these would be the numbers of another");
    assert_eq!(watched.events().len(), 1);
}

#[test]
fn a_name_with_parentheses_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = format!("s (p) {}) x", std::process::id());
    let child = Running::sleep(&copy_of_sleep(folder.path(), &name));
    assert_eq!(find(&name).expect("it runs").pid, child.pid());
    let mut watched = Watched::start(child.pid()).expect("ours");
    assert!(watched.read(0.0).rss.is_some());
}

#[test]
fn processes_are_listed_by_size_without_our_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = unique("a-long-name-for-a-sleep");
    let child = Running::sleep(&copy_of_sleep(folder.path(), &name));
    let all = list();
    assert!(all.is_sorted_by(|one, next| one.rss >= next.rss));
    assert!(all.iter().all(|entry| entry.pid != std::process::id()));
    let listed = all.iter().find(|entry| entry.pid == child.pid());
    assert_eq!(listed.map(|entry| &entry.name), Some(&name));
    assert_eq!(find(&child.pid().to_string()).expect("it runs").name, name);
}

#[test]
fn what_cannot_be_watched_is_refused_with_its_reason() {
    let own = std::process::id();
    assert_eq!(
        refusal(own),
        format!("Could not watch the process {own}: it is this process, which is shown already")
    );
    // Above the kernel's largest pid.
    assert_eq!(
        refusal(4_194_305),
        "Could not watch the process 4194305: no process has this pid, or it is hidden from you"
    );
    let mut child = Running::shell("echo ready; read end");
    child.kill();
    let mut reader = Reader::default();
    while reader.look(child.pid()) != Look::Gone {
        std::thread::yield_now();
    }
    let zombie = refusal(child.pid());
    assert!(zombie.contains("it has ended"), "{zombie}");

    // Threads have numbers like processes.
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let (tell, told) = std::sync::mpsc::channel();
    let beside = std::thread::Builder::new()
        .spawn(move || {
            tell.send(fs::read_link("/proc/thread-self")).ok();
            wait.recv().ok();
        })
        .expect("a thread");
    let thread = told.recv().expect("an answer").expect("Linux");
    let thread = thread.file_name().and_then(|name| name.to_str());
    let thread: u32 = thread.and_then(|name| name.parse().ok()).expect("a number");
    let refused = refusal(thread);
    assert!(
        refused.ends_with(&format!("a thread of the process {own}")),
        "{refused}"
    );
    drop(done);
    beside.join().expect("it only waits");
}

/// Holds files open: `sh` takes them, `sleep` inherits them.
fn holds_open(files: &[&Path]) -> Running {
    let redirections: Vec<String> = (3..)
        .zip(files)
        .map(|(number, file)| format!("{number}<'{}'", file.display()))
        .collect();
    let redirections = redirections.join(" ");
    Running::shell(&format!("exec {redirections}; echo ready; exec sleep 60"))
}

fn file_of(folder: &Path, name: &str, len: usize) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, vec![0; len]).expect("a file");
    path
}

fn open_file(path: &Path, len: u64) -> OpenFile {
    OpenFile {
        path: path.to_owned(),
        bytes: Bytes(len),
    }
}

#[test]
fn an_open_database_and_its_log_are_measured_once_a_second() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().canonicalize().expect("its real name");
    let database = file_of(&folder, "jobs", 3000);
    let log = file_of(&folder, "jobs-wal", 700);
    let larger = file_of(&folder, "larger.log", 9000);
    let child = holds_open(&[&larger, &database, &log]);
    let mut watched = Watched::start(child.pid()).expect("ours");
    let reading = watched.read(0.0);
    assert_eq!(reading.file, Some(open_file(&database, 3000)));
    assert_eq!(reading.wal, Some(Bytes(700)));

    file_of(&folder, "jobs-wal", 800);
    assert_eq!(watched.read(0.9).wal, Some(Bytes(700)), "not looked at yet");
    assert_eq!(watched.read(1.0).wal, Some(Bytes(800)));
    fs::remove_file(&log).expect("ours");
    assert_eq!(watched.read(2.0).wal, None, "a log without a name");
}

#[test]
fn the_preferred_database_is_chosen_then_the_largest() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().canonicalize().expect("its real name");
    let small = file_of(&folder, "small.sqlite3", 10);
    let large = file_of(&folder, "large.DB", 2000);
    let odd = file_of(&folder, "archive", 500);
    // Left behind: nobody has it open.
    file_of(&folder, "large.DB-wal", 50);
    let other_name = folder.join("link");
    std::os::unix::fs::symlink(&odd, &other_name).expect("a link");
    let child = holds_open(&[&small, &large, &odd]);
    let mut watched = Watched::start(child.pid()).expect("ours");
    let reading = watched.read(0.0);
    assert_eq!(reading.file, Some(open_file(&large, 2000)));
    assert_eq!(reading.wal, Some(Bytes(50)));
    for (preferred, chosen) in [
        (&small, Some(open_file(&small, 10))),
        (&other_name, Some(open_file(&odd, 500))),
        (&folder.join("not-there"), Some(open_file(&large, 2000))),
    ] {
        watched.prefer(Some(preferred.clone()));
        assert_eq!(watched.read(0.1).file, chosen, "{preferred:?}");
    }
    watched.prefer(None);
    fs::remove_file(&large).expect("ours");
    assert_eq!(watched.read(0.2).file, Some(open_file(&small, 10)));
}

#[test]
fn what_is_no_database_is_not_shown_as_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = file_of(folder.path(), "notes.txt", 100);
    let child = holds_open(&[&text, Path::new("/dev/null")]);
    let mut watched = Watched::start(child.pid()).expect("ours");
    let reading = watched.read(0.0);
    assert_eq!(
        (reading.file, reading.wal, reading.trouble),
        (None, None, None)
    );
}

#[test]
fn files_of_somebody_elses_process_are_told_to_be_out_of_reach() {
    // Everything is readable for root, and then there is nothing to tell.
    if let Err(trouble) = platform::database(1, None) {
        assert_eq!(
            trouble,
            "its open files cannot be read: permission denied (run as the same user, or as root)"
        );
        let mut watched = Watched::start(1).expect("its numbers are for everybody");
        let reading = watched.read(0.0);
        assert_eq!(reading.trouble, Some(trouble));
        assert!(reading.rss.is_some(), "the rest is read all the same");
    }
}

#[test]
fn other_platforms_tell_the_same_processes() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = unique("other-sleep");
    let program = copy_of_sleep(folder.path(), &name);
    let mut child = Running::sleep(&program);
    let found = other::one(child.pid()).expect("it runs");
    assert_eq!(found.name, name);
    assert!(
        other::several(Duration::ZERO)
            .iter()
            .any(|one| one.name == name)
    );
    let later = other::now() + Duration::from_mins(1);
    assert_eq!(other::several(later), []);
    let mut reader = other::Reader::default();
    let Look::Alive(vitals) = reader.look(child.pid()) else {
        panic!("it runs");
    };
    assert_eq!(vitals.started, found.identity.started);
    assert!(vitals.rss > Some(Bytes(0)));
    assert!(other::database(child.pid(), None).is_err());
    child.kill();
    let begun = Instant::now();
    while reader.look(child.pid()) != Look::Gone {
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    assert!(other::one(child.pid()).is_err());
}
