//! jobscope: read arguments, start the window or the command line, set the exit status.

use std::process::ExitCode;

use clap::Parser as _;
use jobscope::{
    cli::{self, Cli},
    db::connection::OpenMode,
    error::Error,
    memory::recording::is_recording_name,
    state::settings::Settings,
    ui::{
        app::Start,
        window::{self, Shown},
    },
};

fn main() -> ExitCode {
    let args = Cli::parse();
    talk();
    let code = match &args.command {
        Some(command) => cli::run(command),
        None => show_window(&args),
    };
    code.into()
}

fn show_window(args: &Cli) -> cli::ExitCode {
    let mode = if args.immutable {
        OpenMode::Immutable
    } else {
        OpenMode::ReadOnly
    };
    let (recordings, databases): (Vec<_>, Vec<_>) = args
        .files
        .iter()
        .cloned()
        .partition(|path| is_recording_name(path));
    if let [_, second, ..] = databases.as_slice() {
        let given = second.display().to_string();
        let error = Error::invalid("second database", given, "one database, any recordings");
        cli::say_error(&error);
        return cli::ExitCode::Usage;
    }
    let start = Start {
        database: databases.into_iter().next().map(|path| (path, mode)),
        recordings,
        clusters: args.clusters.clone(),
        tour: false,
        settings_path: Settings::default_path(),
    };
    let error = match window::run(start) {
        Ok(Shown::Closed) => return cli::ExitCode::Done,
        Ok(Shown::NoDisplay(reason)) => Error::other(
            "open the window; jobscope query, sql, record, report, check and demo work without one",
            reason,
        ),
        Err(error) => error,
    };
    cli::say_error(&error);
    cli::ExitCode::Failed
}

/// `JOBSCOPE_LOG=debug` (or trace, info, warn, error) talks on standard error; otherwise errors do:
/// the window's libraries warn about things that nobody can help.
fn talk() {
    let level = std::env::var("JOBSCOPE_LOG")
        .ok()
        .and_then(|text| text.parse::<tracing::Level>().ok())
        .unwrap_or(tracing::Level::ERROR);
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .init();
}
