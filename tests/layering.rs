//! Which part of the crate may know which, read off its own source text.

#![expect(clippy::expect_used, reason = "a test without its sources has failed")]

use std::path::{Path, PathBuf};

/// From the top to the bottom. A module may use its own level and everything below, never above.
const LEVELS: [&[&str]; 9] = [
    &["main", "cli", "ui"],
    &["state", "command"],
    &["lab", "advisor", "demo", "report"],
    &["engine", "memory"],
    // Below the engine: its worker writes, so that rows are never copied to another thread.
    &["export"],
    &["jobs"],
    &["db"],
    &["units", "error"],
    // The crate root only lists the others.
    &["lib"],
];

/// Words that may only appear in some modules (or single files).
const CONFINED: [(&str, &[&str]); 5] = [
    ("egui", &["ui", "main.rs"]),
    ("eframe", &["ui", "main.rs"]),
    ("rfd", &["ui", "main.rs"]),
    (
        "rusqlite",
        &["db", "jobs", "engine", "export", "demo", "error.rs"],
    ),
    ("unsafe", &["db/status.rs"]),
];

/// `src/db/status.rs` belongs to module `db`; `src/units.rs` to `units`.
fn module_of(file: &str) -> &str {
    let first = file.split('/').next().unwrap_or(file);
    first.strip_suffix(".rs").unwrap_or(first)
}

fn level_of(module: &str) -> Option<usize> {
    LEVELS.iter().position(|level| level.contains(&module))
}

/// The text without comments, so that prose about a layer is no use of it.
fn without_comments(text: &str) -> String {
    text.lines()
        .map(|line| {
            let is_comment = line.trim_start().starts_with("//");
            let code = line.split(" // ").next().unwrap_or(line);
            if is_comment { "" } else { code }
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

/// The first path segments after each `crate::`, nested braces included.
fn used_modules(code: &str) -> Vec<String> {
    let mut modules = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = code[at + "crate::".len()..].trim_start();
        match rest.strip_prefix('{') {
            None => modules.extend(words(rest).next().map(ToOwned::to_owned)),
            Some(list) => modules.extend(heads_of_list(list)),
        }
    }
    modules
}

/// The first word of each item of `a::b, c::{d, e}, f}`.
fn heads_of_list(list: &str) -> Vec<String> {
    let mut depth = 0;
    let mut item = String::new();
    let mut items = Vec::new();
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => items.push(std::mem::take(&mut item)),
            _ if depth == 0 => item.push(c),
            _ => {}
        }
    }
    items.push(item);
    items
        .iter()
        .filter_map(|item| words(item).next().map(ToOwned::to_owned))
        .collect()
}

/// What is wrong with one file.
fn violations(file: &str, text: &str) -> Vec<String> {
    let code = without_comments(text);
    let module = module_of(file);
    let mut found = Vec::new();
    for (word, places) in CONFINED {
        let allowed = places
            .iter()
            .any(|place| file == *place || module == *place);
        let is_used = |used: &str| used == word || (word == "egui" && used.starts_with("egui_"));
        if !allowed && words(&code).any(is_used) {
            found.push(format!("{file} uses {word}"));
        }
    }
    let Some(own) = level_of(module) else {
        found.push(format!("{file} belongs to no known level"));
        return found;
    };
    if module == "lib" {
        return found;
    }
    for used in used_modules(&code) {
        if level_of(&used).is_some_and(|level| level < own) {
            found.push(format!("{file} uses crate::{used}, which is above it"));
        }
    }
    found
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_module_uses_one_above_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 20, "only {} source files", files.len());
    let mut all: Vec<String> = files
        .iter()
        .flat_map(|path| {
            let file = path
                .strip_prefix(&root)
                .expect("below src")
                .components()
                .map(|part| part.as_os_str().to_string_lossy())
                .collect::<Vec<_>>()
                .join("/");
            violations(&file, &std::fs::read_to_string(path).expect("text"))
        })
        .collect();
    all.sort();
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn each_font_is_in_the_program_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    let code: String = files
        .iter()
        .map(|path| std::fs::read_to_string(path).expect("text"))
        .collect();
    let fonts = std::fs::read_dir(root.join("assets/fonts")).expect("fonts");
    let mut num_fonts = 0;
    for font in fonts {
        let font = font.expect("an entry").path();
        if font.extension().is_some_and(|ending| ending != "txt") {
            let name = font.file_name().expect("a name").to_str().expect("text");
            let place = format!("assets/fonts/{name}");
            assert_eq!(code.matches(&place).count(), 1, "{name}");
            num_fonts += 1;
        }
    }
    assert!(num_fonts >= 3, "{num_fonts}");
}

#[test]
fn a_planted_violation_is_seen() {
    for (file, text, expected) in [
        ("db/value.rs", "use egui::Color32;", "uses egui"),
        ("state/mod.rs", "fn f(t: egui_plot::PlotUi) {}", "uses egui"),
        ("memory/x.rs", "use rusqlite::Connection;", "uses rusqlite"),
        ("engine/x.rs", "unsafe { f() }", "uses unsafe"),
        ("db/x.rs", "use crate::jobs::list;", "crate::jobs"),
        (
            "jobs/x.rs",
            "let x = crate::engine::Engine;",
            "crate::engine",
        ),
        (
            "engine/x.rs",
            "use crate::{\n    db::{a, b},\n    state::AppState,\n};",
            "crate::state",
        ),
        ("advisor.rs", "use crate::cli::say;", "crate::cli"),
        ("command.rs", "pub(crate) use crate::ui::X;", "crate::ui"),
        ("novel/x.rs", "", "no known level"),
    ] {
        let found = violations(file, text);
        assert!(
            found.iter().any(|line| line.contains(expected)),
            "{file}: {text:?} should be told as {expected:?}, got {found:?}"
        );
    }
}

#[test]
fn what_is_allowed_is_not_reported() {
    for (file, text) in [
        ("ui/x.rs", "use egui::Ui; use crate::cli::say;"),
        ("db/status.rs", "unsafe { f() } use rusqlite::ffi;"),
        ("db/x.rs", "// crate::ui and egui, in words\n/// unsafe"),
        ("db/x.rs", "#![deny(unsafe_code)]\nuse crate::units::Bytes;"),
        (
            "state/x.rs",
            "use crate::{command::Command, engine::Engine};",
        ),
        ("demo.rs", "use rusqlite::Connection;"),
    ] {
        assert_eq!(
            violations(file, text),
            Vec::<String>::new(),
            "{file}: {text}"
        );
    }
}
