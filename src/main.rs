//! jobscope: read arguments, start the window or the command line, set the exit status.

use std::process::ExitCode;

use clap::Parser as _;
use jobscope::cli::{self, Cli};

fn main() -> ExitCode {
    let args = Cli::parse();
    match &args.command {
        Some(command) => cli::run(command).into(),
        None => cli::ExitCode::Usage.into(),
    }
}
