//! Which processes there are, and which one a user means.

use std::{cmp::Reverse, time::Duration};

use super::{
    ProcessEntry,
    platform::{self, Found},
};
use crate::error::{Error, Result};

/// How many names are offered where none was right.
const MAX_SIMILAR: usize = 5;

/// All processes but our own, the largest first.
///
/// Zombies and the kernel's own threads are left out, and so are processes that the system hides
/// from this user. Takes about 40 µs for each process: for a picker, not for each frame.
pub fn list() -> Vec<ProcessEntry> {
    others().iter().map(Found::entry).collect()
}

/// The pid that `text` is; `None` if it is a name.
pub fn as_pid(text: &str) -> Option<u32> {
    text.trim().parse().ok()
}

/// The process that `text` means: a pid if it is a number, otherwise a name in upper or lower case.
///
/// # Errors
/// If the text is empty, no process has this pid or name, or it is our own process. If several
/// have this name, the error lists their pids: which one is meant is for the user to say.
pub fn find(text: &str) -> Result<ProcessEntry> {
    match as_pid(text) {
        Some(pid) => watchable(pid).map(|found| found.entry()),
        None => by_name(&others(), text.trim()).map(Found::entry),
    }
}

/// The process of this pid, if it can be watched.
pub(super) fn watchable(pid: u32) -> Result<Found> {
    let refused = |why: String| Error::other(format!("watch the process {pid}"), why);
    if pid == std::process::id() {
        return Err(refused(
            "it is this process, which is shown already".to_owned(),
        ));
    }
    platform::one(pid).map_err(refused)
}

fn others() -> Vec<Found> {
    let mut all = platform::several(Duration::ZERO);
    all.retain(|found| found.identity.pid != std::process::id());
    all.sort_by_key(|found| (Reverse(found.rss), found.identity.pid));
    all
}

fn by_name<'a>(all: &'a [Found], text: &str) -> Result<&'a Found> {
    if text.is_empty() {
        let expected = "a pid or the name of a running process";
        return Err(Error::invalid("process", text, expected));
    }
    let wanted = comparable(text);
    let matching: Vec<&Found> = all
        .iter()
        .filter(|found| {
            comparable(&found.name) == wanted || comparable(&found.short_name) == wanted
        })
        .collect();
    let why = match matching[..] {
        [one] => return Ok(one),
        [] => nothing_of_this_name(all, &wanted),
        _ => {
            let pids: Vec<String> = matching
                .iter()
                .map(|found| format!("{} ({})", found.identity.pid, found.rss))
                .collect();
            let (count, pids) = (pids.len(), pids.join(", "));
            format!("{count} processes have this name; choose one by its pid: {pids}")
        }
    };
    Err(Error::other(format!("find the process {text}"), why))
}

/// Names are compared in lower case, and without the ending that programs have on Windows.
fn comparable(name: &str) -> String {
    let name = name.to_lowercase();
    name.strip_suffix(".exe").unwrap_or(&name).to_owned()
}

fn nothing_of_this_name(all: &[Found], wanted: &str) -> String {
    let mut similar: Vec<(usize, &str)> = all
        .iter()
        .filter_map(|found| Some((difference(&comparable(&found.name), wanted)?, &*found.name)))
        .collect();
    similar.sort_unstable();
    similar.dedup();
    let names: Vec<&str> = similar
        .iter()
        .take(MAX_SIMILAR)
        .map(|(_, name)| *name)
        .collect();
    if names.is_empty() {
        "no process has this name".to_owned()
    } else {
        let names = names.join(", ");
        format!("no process has this name; similar names that run: {names}")
    }
}

/// How far a name is from the wanted one; `None` if nobody would take one for the other.
fn difference(name: &str, wanted: &str) -> Option<usize> {
    let edits = num_edits(name, wanted);
    let (shorter, longer) = if name.len() < wanted.len() {
        (name, wanted)
    } else {
        (wanted, name)
    };
    // Every third character wrong is a slip; a part of at least three is a name cut short.
    let is_slip = edits * 3 <= longer.chars().count();
    let is_part = shorter.chars().count() >= 3 && longer.contains(shorter);
    (is_slip || is_part).then_some(edits)
}

/// Levenshtein's distance: characters to insert, remove or replace.
fn num_edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, from_char) in from.chars().enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        for (above, &to_char) in row.iter_mut().skip(1).zip(&to) {
            let replaced = diagonal + usize::from(from_char != to_char);
            diagonal = *above;
            left = replaced.min(diagonal + 1).min(left + 1);
            *above = left;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{memory::process::platform::Identity, units::Bytes};

    fn found(pid: u32, name: &str, short_name: &str) -> Found {
        Found {
            identity: Identity {
                pid,
                started: Duration::ZERO,
            },
            name: name.to_owned(),
            short_name: short_name.to_owned(),
            rss: Bytes::mib(u64::from(pid)),
        }
    }

    fn running() -> [Found; 5] {
        [
            found(40, "cc-backend-linux-amd64", "cc-backend-linu"),
            found(30, "sqlite3", "sqlite3"),
            found(20, "python3.12", "collector.py"),
            found(10, "sqlite3", "sqlite3"),
            found(5, "Postgres.exe", "postgres"),
        ]
    }

    #[test]
    fn a_name_is_found_in_either_case_and_by_the_kernels_name() {
        let all = running();
        for (text, pid) in [
            ("CC-Backend-Linux-amd64", 40),
            ("cc-backend-linu", 40),
            ("collector.py", 20),
            ("python3.12", 20),
            ("postgres", 5),
        ] {
            assert_eq!(by_name(&all, text).expect(text).identity.pid, pid, "{text}");
        }
    }

    #[test]
    fn several_of_one_name_are_listed_for_the_user_to_choose() {
        let error = by_name(&running(), "sqlite3").expect_err("two of them run");
        assert_eq!(
            error.chain(),
            "Could not find the process sqlite3: 2 processes have this name; \
             choose one by its pid: 30 (30.0 MiB), 10 (10.0 MiB)"
        );
    }

    #[test]
    fn a_wrong_name_is_answered_with_similar_ones() {
        let all = running();
        for (text, similar) in [
            (
                "cc-backend",
                "; similar names that run: cc-backend-linux-amd64",
            ),
            ("slqite3", "; similar names that run: sqlite3"),
            ("python", "; similar names that run: python3.12"),
            ("nginx", ""),
        ] {
            assert_eq!(
                by_name(&all, text).expect_err(text).chain(),
                format!("Could not find the process {text}: no process has this name{similar}")
            );
        }
        let error = by_name(&all, "").expect_err("nothing");
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
    }

    #[test]
    fn edits_are_counted() {
        for (from, to, count) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("slqite", "sqlite", 2),
        ] {
            assert_eq!(num_edits(from, to), count, "{from} {to}");
        }
    }
}
