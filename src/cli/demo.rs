//! `jobscope demo`: the incident and its repair, in the window or, where there is no display, as a
//! demonstration with one process for each profile.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use clap::Args;
use tabled::{
    builder::Builder,
    settings::{Alignment, Style, object::Columns},
};

use super::{ExitCode, generate, say, signals};
use crate::{
    db::{connection::OpenMode, profile::MemoryProfile},
    demo::GenerateOptions,
    error::{Error, Report, Result},
    lab::{
        compare::{self, Arm, Comparison},
        report::DemoReport,
        story::{self, Plan, Timing},
        verdict,
    },
    memory::sample::MachineReader,
    state::settings::Settings,
    ui::{
        app::Start,
        window::{self, Shown},
    },
    units::{Bytes, format_count},
};

/// The incident, its repair, and what this program does.
const PROFILES: [&str; 3] = ["Before the fix", "First repair", "jobscope"];

/// Where report and recordings go, in the current folder.
const OUTPUT_FOLDER: &str = "jobscope-demo";

const WARMED_UP: &str = "The database was read once beforehand, so that every profile found it in \
                         the kernel's cache.";

/// `jobscope demo`
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The folder of the demo database. Without it, this user's folder for data.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// How many jobs it gets, if it does not exist yet.
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..))]
    jobs: u64,
    /// Open no window: run the demonstration here, and write a report.
    #[arg(long)]
    headless: bool,
    #[command(flatten)]
    timing: TimingArgs,
}

/// `jobscope demo-arm`: one profile's part, which the demonstration starts in a process of its own.
#[derive(Debug, Args)]
pub struct DemoArmArgs {
    /// The database.
    database: PathBuf,
    /// A profile, by its name or as a TOML file.
    #[arg(long)]
    profile: String,
    /// The file for the recording.
    #[arg(long)]
    recording: PathBuf,
    /// Connections, and queries at once, instead of the profile's.
    #[arg(long)]
    connections: Option<usize>,
    #[command(flatten)]
    timing: TimingArgs,
}

/// How long each part takes.
#[expect(
    clippy::struct_field_names,
    reason = "the names are the options, where the unit must stand"
)]
#[derive(Clone, Copy, Debug, Args)]
struct TimingArgs {
    /// Before the queries start.
    #[arg(long, hide = true, default_value_t = Timing::default().quiet_secs, value_parser = parse_secs)]
    quiet_secs: f64,
    /// While they run.
    #[arg(long, hide = true, default_value_t = Timing::default().busy_secs, value_parser = parse_secs)]
    busy_secs: f64,
    /// After they were asked to stop.
    #[arg(long, hide = true, default_value_t = Timing::default().watch_secs, value_parser = parse_secs)]
    watch_secs: f64,
}

impl From<TimingArgs> for Timing {
    fn from(args: TimingArgs) -> Self {
        let TimingArgs {
            quiet_secs,
            busy_secs,
            watch_secs,
        } = args;
        Self {
            quiet_secs,
            busy_secs,
            watch_secs,
        }
    }
}

fn parse_secs(text: &str) -> Result<f64> {
    text.parse()
        .ok()
        .filter(|secs| (0.0..=3600.0).contains(secs))
        .ok_or_else(|| Error::invalid("number of seconds", text, "0 to 3600"))
}

/// Runs `jobscope demo`.
///
/// # Errors
/// If the database cannot be made, the window's application cannot be started, or for the reasons of [`run_headless`].
pub fn run(args: &DemoArgs) -> Result<ExitCode> {
    let database = database_path(args)?;
    ensure_database(&database, args.jobs)?;
    if args.headless {
        return run_headless(args, &database);
    }
    let start = Start {
        database: Some((database.clone(), OpenMode::ReadOnly)),
        recordings: Vec::new(),
        clusters: Vec::new(),
        tour: true,
        settings_path: Settings::default_path(),
    };
    match window::run(start)? {
        Shown::Closed => Ok(ExitCode::Done),
        Shown::NoDisplay(reason) => {
            say(&format!(
                "No window: {reason}. The demonstration runs here instead"
            ));
            run_headless(args, &database)
        }
    }
}

/// The demo database: in the folder that the user chose, or in this user's folder for data.
///
/// # Errors
/// If this user has no folder for data.
pub fn database_path(args: &DemoArgs) -> Result<PathBuf> {
    if let Some(folder) = &args.dir {
        return Ok(folder.join("demo.db"));
    }
    directories::ProjectDirs::from("", "", "jobscope")
        .map(|folders| folders.data_dir().join("demo.db"))
        .ok_or_else(|| {
            Error::other(
                "find a folder for the demo database",
                "this user has no home folder; name a folder with --dir",
            )
        })
}

/// Makes the database the first time.
fn ensure_database(path: &Path, jobs: u64) -> Result<()> {
    if path.exists() {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|source| Error::file("create the folder", folder, source))?;
    }
    say(&format!(
        "Making the demo database of {} jobs, once: {}",
        format_count(jobs),
        path.display()
    ));
    generate::with_progress(&GenerateOptions::new(path, jobs))?;
    Ok(())
}

/// Tells the story without a window: a table and sentences on standard output, report and
/// recordings in `jobscope-demo/`.
///
/// # Errors
/// If that folder cannot be written, memory is too short for the incident, or Ctrl-C was pressed.
pub fn run_headless(args: &DemoArgs, database: &Path) -> Result<ExitCode> {
    signals::watch()?;
    let folder = PathBuf::from(OUTPUT_FOLDER);
    compare::prepare_folder(&folder)?;
    let (connections, shortage) = connections_for(database)?;
    let comparison = Comparison {
        executable: std::env::current_exe()
            .map_err(|source| Error::other("find this program's own file", source))?,
        database: database.to_owned(),
        folder: folder.clone(),
        profiles: PROFILES.map(str::to_owned).to_vec(),
        connections,
        timing: args.timing.into(),
    };
    if let Some(shortage) = &shortage {
        say(shortage);
    }
    say("Reading the database once, so that every profile finds it in the kernel's cache");
    compare::warm_up(database, &signals::is_interrupted)?;
    let arms = comparison.run(&say, &signals::is_interrupted)?;
    let mut notes: Vec<String> = shortage.into_iter().collect();
    notes.extend([
        verdict::idle_times(&arms),
        verdict::GIVEN_BACK.to_owned(),
        WARMED_UP.to_owned(),
    ]);
    let report_path = folder.join("report.html");
    let html = DemoReport {
        arms: &arms,
        notes: &notes,
        commands: &commands(args, &comparison),
    }
    .html()?;
    replace_file(&report_path, &html)?;
    print(&arms, &notes, &report_path)?;
    Ok(if arms.iter().all(|arm| arm.outcome.is_ok()) {
        ExitCode::Done
    } else {
        ExitCode::Failed
    })
}

/// Runs `jobscope demo-arm`, and prints its numbers as one line of JSON.
///
/// # Errors
/// If the profile is none, the story cannot be told, or standard output cannot be written.
pub fn run_arm(args: &DemoArmArgs) -> Result<ExitCode> {
    signals::watch()?;
    let mut profile = MemoryProfile::find(&args.profile)?;
    if let Some(connections) = args.connections {
        profile.connections = connections;
    }
    let plan = Plan {
        database: args.database.clone(),
        profile: profile.checked()?,
        timing: args.timing.into(),
        recording: args.recording.clone(),
    };
    let summary = story::run(&plan, &signals::is_interrupted)?;
    let line = serde_json::to_string(&summary)
        .map_err(|source| Error::other("write the numbers as JSON", source))?;
    write_lines(&[line])?;
    Ok(ExitCode::Done)
}

/// As many connections as the profiles have, or fewer where the incident would need more memory
/// than there is; then with a sentence that says so. All profiles get the same number.
fn connections_for(database: &Path) -> Result<(usize, Option<String>)> {
    let wanted = MemoryProfile::find(PROFILES[0])?.connections;
    let file_size = database
        .metadata()
        .map(|metadata| Bytes(metadata.len()))
        .map_err(|source| Error::file("look at the database", database, source))?;
    let available = MachineReader::default().available();
    let Some(connections) = compare::connections_that_fit(wanted, file_size, available) else {
        return Err(Error::Reported(Report {
            headline: "There is too little free memory to show the incident".to_owned(),
            causes: vec![format!(
                "one connection may take all of the database's {file_size}, and {} are available",
                available.unwrap_or_default()
            )],
            hint: Some("Make a smaller database: --dir another-folder --jobs 20000".to_owned()),
        }));
    };
    let shortage = (connections < wanted).then(|| {
        format!(
            "Only {connections} of {wanted} connections run in each profile: without a bound each \
             may take all of the database's {file_size}, and {} of memory are available.",
            available.unwrap_or_default()
        )
    });
    Ok((connections, shortage))
}

/// The whole demonstration, then each part alone.
fn commands(args: &DemoArgs, comparison: &Comparison) -> Vec<String> {
    let folder = args.dir.as_ref().map_or_else(String::new, |folder| {
        format!(" --dir {}", quoted(&folder.to_string_lossy()))
    });
    let whole = format!("jobscope demo --headless --jobs {}{folder}", args.jobs);
    let parts = comparison.profiles.iter().map(|profile| {
        let words: Vec<_> = comparison
            .arguments(profile)
            .iter()
            .map(|word| quoted(&word.to_string_lossy()))
            .collect();
        format!("jobscope {}", words.join(" "))
    });
    std::iter::once(whole).chain(parts).collect()
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':');
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Whoever looks at the file sees the old report or the new one, never half of one.
fn replace_file(path: &Path, text: &str) -> Result<()> {
    let fresh = path.with_extension("html.new");
    std::fs::write(&fresh, text)
        .and_then(|()| std::fs::rename(&fresh, path))
        .map_err(|source| Error::file("write the report", path, source))
}

fn print(arms: &[Arm], notes: &[String], report: &Path) -> Result<()> {
    let mut lines = table(arms);
    lines.push(String::new());
    for arm in arms {
        if let Ok(run) = &arm.outcome {
            lines.push(format!("{}: {}", arm.name, verdict::of_arm(&run.summary)));
        }
    }
    lines.extend(verdict::comparison(arms));
    lines.push(String::new());
    lines.extend_from_slice(notes);
    lines.push(format!("Report: {}", report.display()));
    write_lines(&lines)
}

fn table(arms: &[Arm]) -> Vec<String> {
    let after = arms
        .iter()
        .find_map(|arm| Some(arm.outcome.as_ref().ok()?.summary.timing.watch_secs))
        .map_or_else(String::new, |secs| format!("{secs} s "));
    let mut builder = Builder::default();
    builder.push_record([
        "profile".to_owned(),
        "RSS before".to_owned(),
        "RSS peak".to_owned(),
        format!("RSS {after}after the stop"),
        "SQLite heap then".to_owned(),
        "stopped after".to_owned(),
        "heap given back".to_owned(),
    ]);
    for arm in arms {
        let mut record = vec![arm.name.clone()];
        match &arm.outcome {
            Ok(run) => record.extend([
                verdict::rss_cell(run.summary.before),
                verdict::rss_cell(run.summary.peak),
                verdict::rss_cell(run.summary.after),
                verdict::heap_cell(run.summary.after),
                verdict::stopped_cell(&run.summary),
                verdict::given_back_cell(&run.summary),
            ]),
            Err(_) => record.push("failed".to_owned()),
        }
        builder.push_record(record);
    }
    let mut table = builder.build();
    table.with(Style::blank());
    table.modify(Columns::new(1..=5), Alignment::right());
    table
        .to_string()
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

fn write_lines(lines: &[String]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    lines
        .iter()
        .try_for_each(|line| writeln!(out, "{line}"))
        .and_then(|()| out.flush())
        .map_err(|source| Error::other("write to standard output", source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_spaces_are_quoted_for_the_shell() {
        assert_eq!(quoted("demo-arm"), "demo-arm");
        assert_eq!(quoted("First repair"), "'First repair'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
