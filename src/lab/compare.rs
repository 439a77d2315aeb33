//! One child process for each profile, one after the other.

use std::{
    collections::VecDeque,
    fs::File,
    io::{BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread::JoinHandle,
    time::Duration,
};

use super::story::{ArmSummary, Timing};
use crate::{
    error::{Error, Report, Result},
    memory::recording::Recording,
    units::Bytes,
};

/// Between two looks at Ctrl-C.
const POLL: Duration = Duration::from_millis(50);

/// Lines that a child said last, for the report on its failure.
const NUM_TAIL_LINES: usize = 12;

/// What to compare, and where to write it down.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The program that has the subcommand `demo-arm`: this one.
    pub executable: PathBuf,
    /// The database.
    pub database: PathBuf,
    /// The folder for the recordings.
    pub folder: PathBuf,
    /// The profiles by name, in the order they run.
    pub profiles: Vec<String>,
    /// Connections, and queries at once, of every profile.
    pub connections: usize,
    /// How long each part takes.
    pub timing: Timing,
}

/// One profile's part of the comparison.
#[derive(Clone, Debug)]
pub struct Arm {
    /// The profile's name.
    pub name: String,
    /// Its numbers, or why there are none.
    pub outcome: Result<Run, Report>,
}

/// A run that came to its end.
#[derive(Clone, Debug)]
pub struct Run {
    /// The numbers.
    pub summary: ArmSummary,
    /// Everything that was recorded.
    pub recording: Recording,
}

impl Comparison {
    /// Runs every profile. One that fails leaves a report in its place, and the others still run.
    ///
    /// # Errors
    /// If `is_stopped` says that the user has had enough; the child that runs is ended then, and
    /// the files stay as far as they got.
    pub fn run(&self, talk: &dyn Fn(&str), is_stopped: &dyn Fn() -> bool) -> Result<Vec<Arm>> {
        let mut arms = Vec::new();
        for name in &self.profiles {
            talk(&self.announcement(name));
            let outcome = match self.run_one(name, talk, is_stopped) {
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                Err(error) => {
                    let report = Report::from(&error);
                    // The child has said the rest itself.
                    talk(&report.headline);
                    Err(report)
                }
                Ok(run) => Ok(run),
            };
            arms.push(Arm {
                name: name.clone(),
                outcome,
            });
        }
        Ok(arms)
    }

    /// The recording of one profile.
    pub fn recording_path(&self, profile: &str) -> PathBuf {
        self.folder.join(format!("{}.jsonl", slug(profile)))
    }

    /// The arguments with which [`Self::executable`] runs one profile.
    pub fn arguments(&self, profile: &str) -> Vec<std::ffi::OsString> {
        let Timing {
            quiet_secs,
            busy_secs,
            watch_secs,
        } = self.timing;
        let mut arguments = vec!["demo-arm".into(), self.database.clone().into()];
        for (option, value) in [
            ("--profile", profile.into()),
            ("--recording", self.recording_path(profile).into()),
            ("--connections", self.connections.to_string().into()),
            ("--quiet-secs", quiet_secs.to_string().into()),
            ("--busy-secs", busy_secs.to_string().into()),
            ("--watch-secs", watch_secs.to_string().into()),
        ] {
            arguments.push(option.into());
            arguments.push(value);
        }
        arguments
    }

    fn announcement(&self, profile: &str) -> String {
        let Timing {
            quiet_secs,
            busy_secs,
            watch_secs,
        } = self.timing;
        let queries = match self.connections {
            1 => "one heavy query".to_owned(),
            count => format!("{count} heavy queries at once"),
        };
        format!(
            "{profile}: {quiet_secs} s of quiet, {queries} for {busy_secs} s, then stop and watch \
             for {watch_secs} s"
        )
    }

    fn run_one(
        &self,
        profile: &str,
        talk: &dyn Fn(&str),
        is_stopped: &dyn Fn() -> bool,
    ) -> Result<Run> {
        let cannot_run = |source| Error::file("run", &self.executable, source);
        let mut child = Running(
            Command::new(&self.executable)
                .args(self.arguments(profile))
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .map_err(cannot_run)?,
        );
        let output = child.0.stdout.take().map(read_all).transpose()?;
        let lines = child.0.stderr.take().map(read_lines).transpose()?;
        let tail = follow(lines, talk, is_stopped)?;
        let status = child.0.wait().map_err(cannot_run)?;
        // A reader that panicked has read nothing.
        let output = output.and_then(|thread| thread.join().ok());
        if !status.success() {
            return Err(failure(profile, status, tail));
        }
        let summary = serde_json::from_slice(&output.unwrap_or_default())
            .map_err(|source| Error::other(format!("read the numbers of “{profile}”"), source))?;
        Ok(Run {
            summary,
            recording: Recording::read(&self.recording_path(profile))?,
        })
    }
}

/// A child process that does not outlive us.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail if the child has already ended and been waited for: nothing is left to do.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn read_all(mut pipe: impl Read + Send + 'static) -> Result<JoinHandle<Vec<u8>>> {
    std::thread::Builder::new()
        .name("jobscope-child-out".to_owned())
        .spawn(move || {
            let mut bytes = Vec::new();
            // What cannot be read is missing from the numbers, which is noticed there.
            pipe.read_to_end(&mut bytes).ok();
            bytes
        })
        .map_err(|source| Error::other("start a thread to read from a child process", source))
}

fn read_lines(pipe: impl Read + Send + 'static) -> Result<Receiver<String>> {
    let (out, lines) = channel();
    std::thread::Builder::new()
        .name("jobscope-child-err".to_owned())
        .spawn(move || {
            for line in BufReader::new(pipe)
                .split(b'\n')
                .map_while(|line| line.ok())
            {
                let line = String::from_utf8_lossy(&line).into_owned();
                if out.send(line).is_err() {
                    // Nobody listens any more.
                    return;
                }
            }
        })
        .map_err(|source| Error::other("start a thread to read from a child process", source))?;
    Ok(lines)
}

/// Passes on what the child says until it says no more. Answers with its last lines.
fn follow(
    lines: Option<Receiver<String>>,
    talk: &dyn Fn(&str),
    is_stopped: &dyn Fn() -> bool,
) -> Result<VecDeque<String>> {
    let mut tail = VecDeque::new();
    let Some(lines) = lines else {
        return Ok(tail);
    };
    loop {
        if is_stopped() {
            return Err(Error::Cancelled);
        }
        match lines.recv_timeout(POLL) {
            Ok(line) => {
                talk(&line);
                if tail.len() == NUM_TAIL_LINES {
                    tail.pop_front();
                }
                tail.push_back(line);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(tail),
        }
    }
}

fn failure(profile: &str, status: ExitStatus, tail: VecDeque<String>) -> Error {
    Error::Reported(Report {
        headline: format!("The run of “{profile}” failed ({status})"),
        causes: tail.into(),
        hint: None,
    })
}

/// How many connections the profile without any bound can have, if each may read the whole file
/// into its cache. `None`: not even one fits.
///
/// A fifth more than the file: SQLite's bookkeeping for each page, and the rest of the process.
pub fn connections_that_fit(
    wanted: usize,
    file_size: Bytes,
    available: Option<Bytes>,
) -> Option<usize> {
    let Some(available) = available else {
        return Some(wanted);
    };
    let each = file_size.0.saturating_add(file_size.0 / 5).max(1);
    let fitting = usize::try_from(available.0 / each).unwrap_or(usize::MAX);
    (fitting > 0).then(|| fitting.min(wanted))
}

/// Reads a file once, so that the kernel has it in its cache and the first profile does not pay
/// for the disk alone.
///
/// # Errors
/// If the file cannot be read, or `is_stopped` says that the user has had enough.
pub fn warm_up(path: &Path, is_stopped: &dyn Fn() -> bool) -> Result<()> {
    let failed = |source| Error::file("read", path, source);
    let mut file = File::open(path).map_err(failed)?;
    let mut buffer = vec![0; 1 << 20];
    while file.read(&mut buffer).map_err(failed)? > 0 {
        if is_stopped() {
            return Err(Error::Cancelled);
        }
    }
    Ok(())
}

/// The name of a profile as the name of a file: `Before the fix` becomes `before-the-fix`.
pub fn slug(name: &str) -> String {
    let words: Vec<_> = name
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    if words.is_empty() {
        "profile".to_owned()
    } else {
        words.join("-")
    }
}

/// Checks that a folder can take the recordings and the report.
///
/// # Errors
/// If it cannot be created or written.
pub fn prepare_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)
        .map_err(|source| Error::file("create the folder", folder, source))?;
    let probe = folder.join(".jobscope-can-write");
    std::fs::write(&probe, [])
        .and_then(|()| std::fs::remove_file(&probe))
        .map_err(|source| Error::file("write to the folder", folder, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_profiles_become_names_of_files() {
        for (name, file) in [
            ("Before the fix", "before-the-fix"),
            ("jobscope", "jobscope"),
            ("cc-backend, 512 GB server", "cc-backend-512-gb-server"),
            ("../../etc/passwd", "etc-passwd"),
            ("…", "profile"),
        ] {
            assert_eq!(slug(name), file);
        }
    }

    #[test]
    fn fewer_connections_run_where_memory_is_short() {
        let fit = |available| connections_that_fit(4, Bytes::mib(1000), available);
        assert_eq!(fit(None), Some(4), "unknown: as the profile says");
        assert_eq!(fit(Some(Bytes::mib(4_800))), Some(4));
        assert_eq!(fit(Some(Bytes::mib(4_700))), Some(3));
        assert_eq!(fit(Some(Bytes::mib(1_100))), None);
    }

    #[test]
    fn a_child_that_fails_leaves_a_report_and_the_others_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let comparison = Comparison {
            executable: folder.path().join("no such program"),
            database: folder.path().join("job.db"),
            folder: folder.path().to_owned(),
            profiles: vec!["Before the fix".to_owned(), "jobscope".to_owned()],
            connections: 1,
            timing: Timing::default(),
        };
        let arms = comparison.run(&|_| (), &|| false).expect("not stopped");
        assert_eq!(arms.len(), 2);
        let report = arms[1].outcome.as_ref().expect_err("no such program");
        assert!(report.headline.contains("no such program"), "{report}");
    }
}
