//! Other processes on Linux: `/proc/PID`.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File},
    io::{self, Read as _},
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    OpenFile,
    platform::{Database, Found, Identity, Look, Vitals},
};
use crate::units::Bytes;

/// Times in `/proc` are in hundredths of a second on every architecture we build for, whatever
/// the kernel counts in.
const CENTIS_TO_MILLIS: u64 = 10;

/// The kernel keeps this many bytes of a name.
const MAX_SHORT_NAME: usize = 15;

/// `PF_KTHREAD` of the kernel's `sched.h`, among the flags of `/proc/PID/stat`.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// No such process: what a read says if the process ended after the file was opened.
const ESRCH: i32 = 3;

/// Reads one process again and again, into the same memory.
#[derive(Default)]
pub(super) struct Reader {
    text: Vec<u8>,
}

impl Reader {
    /// What the process of this pid holds now.
    pub(super) fn look(&mut self, pid: u32) -> Look {
        match read_process(pid, &mut self.text) {
            Ok((_, stat)) if stat.has_ended() => Look::Gone,
            Ok((status, stat)) => Look::Alive(Vitals {
                started: stat.started,
                rss: status.rss,
                peak: status.peak,
                threads: status.threads,
            }),
            Err(cause) if is_gone(&cause) => Look::Gone,
            Err(cause) => {
                Look::Unreadable(format!("its memory cannot be read: {}", in_words(&cause)))
            }
        }
    }
}

/// The time that starts are told in: since the machine started.
///
/// Some containers count from their own start. That is earlier than the truth, so what began
/// before this moment may seem to have begun after it, never the other way round.
pub(super) fn now() -> Duration {
    let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let secs = uptime.split_whitespace().next().unwrap_or_default();
    let secs: f64 = secs.parse().unwrap_or_default();
    // Rounded to whole hundredths, as starts are: both are compared.
    Duration::from_millis((secs * 100.0).round() as u64 * CENTIS_TO_MILLIS)
}

/// All processes that started at `since` or later, zombies and the kernel's own left out.
pub(super) fn several(since: Duration) -> Vec<Found> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let mut text = Vec::new();
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        // Most processes are old: one file tells that, and the others stay unread.
        .filter(|pid| read_stat(*pid, &mut text).is_ok_and(|stat| stat.started >= since))
        .filter_map(|pid| one(pid).ok())
        .collect()
}

/// The process of this pid, or why it cannot be watched, as a clause.
pub(super) fn one(pid: u32) -> Result<Found, String> {
    let (status, stat) = read_process(pid, &mut Vec::new()).map_err(|cause| {
        if is_gone(&cause) {
            "no process has this pid, or it is hidden from you".to_owned()
        } else {
            in_words(&cause)
        }
    })?;
    if stat.has_ended() {
        return Err("it has ended, and waits for its parent to take note of that".to_owned());
    }
    if stat.flags & KERNEL_THREAD != 0 {
        return Err("it belongs to the kernel and has no memory of its own".to_owned());
    }
    if let Some(leader) = status.leader.filter(|leader| *leader != pid) {
        return Err(format!("it is a thread of the process {leader}"));
    }
    Ok(Found {
        identity: Identity {
            pid,
            started: stat.started,
        },
        name: program_name(pid, &stat.short_name).unwrap_or_else(|| stat.short_name.clone()),
        short_name: stat.short_name,
        rss: status.rss.unwrap_or_default(),
    })
}

/// Reads `/proc/PID/status`, then `/proc/PID/stat`.
///
/// In this order the start belongs to the numbers: had the pid been given to another process
/// before them, the start would already be the other's.
fn read_process(pid: u32, text: &mut Vec<u8>) -> io::Result<(Status, Stat)> {
    read_into(text, &format!("/proc/{pid}/status"))?;
    let status = Status::parse(&String::from_utf8_lossy(text));
    Ok((status, read_stat(pid, text)?))
}

fn read_stat(pid: u32, text: &mut Vec<u8>) -> io::Result<Stat> {
    read_into(text, &format!("/proc/{pid}/stat"))?;
    Stat::parse(text).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Both files are smaller than this as a rule, so that one read fetches them.
const MAX_TEXT: usize = 4096;

fn read_into(text: &mut Vec<u8>, path: &str) -> io::Result<()> {
    text.clear();
    text.reserve(MAX_TEXT);
    File::open(path)?.read_to_end(text)?;
    Ok(())
}

/// What we need of `/proc/PID/status`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// The process that this is a thread of: itself, unless the pid is that of a thread.
    leader: Option<u32>,
    rss: Option<Bytes>,
    peak: Option<Bytes>,
    threads: Option<u32>,
}

impl Status {
    /// Reads `VmRSS: 212 kB` and the like. While a process exits, its sizes are missing.
    pub(super) fn parse(text: &str) -> Self {
        let mut status = Self::default();
        let kib = |value: &str| {
            let count = value.strip_suffix("kB")?.trim();
            count.parse().ok().map(Bytes::kib)
        };
        for (name, value) in text.lines().filter_map(|line| line.split_once(':')) {
            let value = value.trim();
            match name {
                "Tgid" => status.leader = value.parse().ok(),
                "VmHWM" => status.peak = kib(value),
                "VmRSS" => status.rss = kib(value),
                "Threads" => status.threads = value.parse().ok(),
                _ => {}
            }
        }
        status
    }
}

/// What we need of `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) short_name: String,
    state: u8,
    flags: u64,
    pub(super) started: Duration,
}

impl Stat {
    /// Reads `4711 (name) S 1 …`. A name may contain spaces and parentheses, so the last one ends it.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let begin = text.iter().position(|&byte| byte == b'(')? + 1;
        let end = text.iter().rposition(|&byte| byte == b')')?;
        let rest = std::str::from_utf8(text.get(end + 1..)?).ok()?;
        // The state is the third field of the file and the first one here.
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        Some(Self {
            short_name: printable(text.get(begin..end)?),
            state: *fields.first()?.as_bytes().first()?,
            flags: number(9)?,
            started: Duration::from_millis(number(22)?.checked_mul(CENTIS_TO_MILLIS)?),
        })
    }

    /// Zombie or dead: nothing of it is left but the exit code.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }
}

/// File name of the program, as long as it is.
fn program_name(pid: u32, short_name: &str) -> Option<String> {
    let file_name = |path: &Path| Some(printable(path.file_name()?.as_bytes()));
    if let Ok(path) = fs::read_link(format!("/proc/{pid}/exe")) {
        let name = file_name(&path)?;
        // The file was replaced by an update while the program ran.
        let name = name.strip_suffix(" (deleted)").unwrap_or(&name);
        return Some(name.to_owned());
    }
    // Other users' programs cannot be read, but their command lines can. A program may write
    // what it likes there, so it only completes the kernel's name.
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let first = line.split(|&byte| byte == 0).next()?;
    let name = file_name(Path::new(std::ffi::OsStr::from_bytes(first)))?;
    (short_name.len() >= MAX_SHORT_NAME && name.starts_with(short_name)).then_some(name)
}

/// A name as it can be shown: names may hold any byte but 0.
fn printable(name: &[u8]) -> String {
    String::from_utf8_lossy(name).replace(char::is_control, "\u{FFFD}")
}

/// The database that this process has open, and its write-ahead log.
///
/// Among its regular files: `preferred` if it is one of them, otherwise the largest of those that
/// look like a database. Nothing is opened: links are read and files are asked for their size.
/// Closing a descriptor of a SQLite file would drop the locks that our own connections hold on it
/// (see `db::descriptor`).
pub(super) fn database(pid: u32, preferred: Option<&Path>) -> Result<Database, String> {
    let open = open_files(pid)
        .map_err(|cause| format!("its open files cannot be read: {}", in_words(&cause)))?;
    let id_of = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.dev(), metadata.ino()))
    };
    let preferred_id = preferred.and_then(id_of);
    let chosen = open
        .iter()
        .filter_map(|(path, link)| {
            let looks_right = open.contains_key(&wal_path(path)) || has_database_ending(path);
            if !looks_right && preferred.is_none() {
                return None;
            }
            // Through the descriptor: the path may mean another file, or none, in our namespace.
            let metadata = fs::metadata(link).ok()?;
            let is_preferred = Some(path.as_path()) == preferred
                || Some((metadata.dev(), metadata.ino())) == preferred_id;
            let is_candidate = metadata.is_file() && (looks_right || is_preferred);
            is_candidate.then_some((is_preferred, metadata.len(), path))
        })
        .max();
    let Some((_, len, path)) = chosen else {
        return Ok(Database::default());
    };
    Ok(Database {
        file: Some(OpenFile {
            path: path.clone(),
            bytes: Bytes(len),
        }),
        wal: wal_len(pid, path, &open).map(Bytes),
    })
}

/// The files that the process has open, each with one of its links in `/proc/PID/fd`.
///
/// Sockets and pipes have no path; deleted files have no name under which anybody would look for
/// them. Neither is here.
fn open_files(pid: u32) -> io::Result<BTreeMap<PathBuf, PathBuf>> {
    let mut open = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))?.flatten() {
        let link = entry.path();
        match fs::read_link(&link) {
            Ok(path) if path.is_absolute() && !path.as_os_str().as_bytes().ends_with(DELETED) => {
                open.entry(path).or_insert(link);
            }
            Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => return Err(cause),
            // No file with a name, or closed since we saw it.
            Ok(_) | Err(_) => {}
        }
    }
    Ok(open)
}

/// What the kernel writes behind the path of a file that no longer has one.
const DELETED: &[u8] = b" (deleted)";

fn wal_len(pid: u32, path: &Path, open: &BTreeMap<PathBuf, PathBuf>) -> Option<u64> {
    let wal = wal_path(path);
    let link = open.get(&wal).cloned().or_else(|| {
        // Not open, but perhaps left behind: looked for where that process would.
        let inside = wal.strip_prefix("/").ok()?;
        Some(
            Path::new("/proc")
                .join(pid.to_string())
                .join("root")
                .join(inside),
        )
    })?;
    let metadata = fs::metadata(link).ok()?;
    metadata.is_file().then_some(metadata.len())
}

fn wal_path(path: &Path) -> PathBuf {
    let mut wal = OsString::from(path);
    wal.push("-wal");
    PathBuf::from(wal)
}

fn has_database_ending(path: &Path) -> bool {
    path.extension().is_some_and(|ending| {
        ["db", "sqlite", "sqlite3"]
            .iter()
            .any(|known| ending.eq_ignore_ascii_case(known))
    })
}

fn is_gone(cause: &io::Error) -> bool {
    cause.kind() == io::ErrorKind::NotFound || cause.raw_os_error() == Some(ESRCH)
}

/// The cause in the system's words, with what helps where somebody else's process is the trouble.
fn in_words(cause: &io::Error) -> String {
    if cause.kind() == io::ErrorKind::PermissionDenied {
        "permission denied (run as the same user, or as root)".to_owned()
    } else {
        cause.to_string()
    }
}
