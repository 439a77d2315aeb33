//! Ctrl-C and a polite kill: one handler for the whole process, because there can be only one.

#[cfg(unix)]
use std::sync::Arc;
use std::sync::{
    OnceLock,
    atomic::{AtomicBool, Ordering},
};

use parking_lot::Mutex;

use super::ExitCode;
use crate::error::{Error, Result};

/// Somebody asked the program to stop.
static STOP: AtomicBool = AtomicBool::new(false);

/// What takes a signal while a window is open.
static WINDOW: Mutex<Option<Box<dyn Fn() + Send>>> = Mutex::new(None);

/// Watches for signals from now on. The first one is a wish, the second one ends the program.
///
/// # Errors
/// If the operating system refuses the handler.
pub fn watch() -> Result<()> {
    static WATCHED: OnceLock<()> = OnceLock::new();

    if WATCHED.set(()).is_err() {
        return Ok(());
    }
    outlive_file_size_limit()?;
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::SeqCst) {
            super::say("jobscope: stopped the hard way");
            leave_now();
        }
        if let Some(close) = WINDOW.lock().as_ref() {
            close();
        }
    })
    .map_err(|source| Error::other("watch for Ctrl-C", source))
}

/// A file that grows beyond `ulimit -f` would end the program without a word. With a handler, the
/// write fails instead, and that is told.
#[cfg(unix)]
fn outlive_file_size_limit() -> Result<()> {
    // The flag itself says nothing that the failed write does not say.
    signal_hook::flag::register(libc::SIGXFSZ, Arc::new(AtomicBool::new(false)))
        .map(|_id| ())
        .map_err(|source| Error::other("watch for the limit on file sizes", source))
}

#[cfg(not(unix))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "other platforms have such a limit"
)]
fn outlive_file_size_limit() -> Result<()> {
    Ok(())
}

/// Whether somebody asked the program to stop.
pub fn is_interrupted() -> bool {
    STOP.load(Ordering::SeqCst)
}

/// The same as a flag, for code that looks at one.
pub fn stop_flag() -> &'static AtomicBool {
    &STOP
}

/// While a window is open, a signal closes it: settings are written, and the database's folder is
/// left as it was. `None` when the window is gone.
pub fn close_window_with(close: Option<Box<dyn Fn() + Send>>) {
    *WINDOW.lock() = close;
}

/// Ends the program from the signal's thread, when the polite way takes too long.
#[expect(
    clippy::exit,
    reason = "the user asked twice; the main thread may be stuck in a write to a full pipe"
)]
fn leave_now() -> ! {
    std::process::exit(ExitCode::Stopped as i32)
}
