//! The program itself, started, watched and ended.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use super::engine::PATIENCE;

/// The program without a display, without a home.
pub fn jobscope(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jobscope"));
    command
        .args(args)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("HOME")
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs it to its end. Answers with exit status, standard output and standard error.
pub fn run(args: &[&str]) -> (i32, String, String) {
    end_of(jobscope(args).spawn().expect("the program"))
}

/// Waits for the end, and does not wait for ever. What it says fits into the pipes.
pub fn end_of(mut child: Child) -> (i32, String, String) {
    until("the end of the program", || {
        child.try_wait().expect("a child").is_some()
    });
    let output = child.wait_with_output().expect("output");
    told(&output)
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let talk = text(&output.stderr);
    assert!(!talk.contains("panicked"), "{talk}");
    // A signal that killed it counts as -1.
    let status = output.status.code().unwrap_or(-1);
    (status, text(&output.stdout), talk)
}

/// Sends a signal to a child of ours.
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([format!("-{name}"), child.id().to_string()])
        .status();
    assert!(sent.expect("kill").success(), "-{name}");
}

/// Waits until something holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A child that is killed when the test ends, however that is.
pub struct Killed(pub Child);

impl Killed {
    pub fn start(program: &Path, args: &[&str]) -> Self {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let started = Command::new(program)
                .args(args)
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn();
            match started {
                Ok(child) => return Self(child),
                // Another test forks while our copy is still open for writing.
                Err(cause)
                    if cause.kind() == std::io::ErrorKind::ExecutableFileBusy
                        && Instant::now() < deadline => {}
                Err(cause) => panic!("{}: {cause}", program.display()),
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    pub fn end(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        self.end();
    }
}

/// A copy of a shell under a name that no other program has.
pub fn shell_named(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::copy(std::fs::canonicalize("/bin/sh").expect("a shell"), &path).expect("a copy");
    path
}

/// `VmRSS` of another process, in bytes.
pub fn rss_of(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("alive");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.expect("VmRSS").trim().trim_end_matches("kB").trim();
    kib.parse::<u64>().expect("a number") * 1024
}
