//! `JOBSCOPE_FRAME_LOG=FILE`: one line per frame, so that anyone can check the promise about frames.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
    time::Instant,
};

use crate::error::{Error, Result};

/// The file, and when frames were.
pub struct FrameLog {
    out: BufWriter<File>,
    started: Instant,
    last: Option<Instant>,
}

impl FrameLog {
    /// Creates the file that the environment variable names, with a header. `None` if it is not set.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn from_env() -> Result<Option<Self>> {
        let Some(path) = std::env::var_os("JOBSCOPE_FRAME_LOG") else {
            return Ok(None);
        };
        let path = Path::new(&path);
        let failed = |source| Error::file("create the frame log", path, source);
        let mut out = BufWriter::new(File::create(path).map_err(failed)?);
        writeln!(out, "time_s,own_ms,since_last_ms,tasks").map_err(failed)?;
        Ok(Some(Self {
            out,
            started: Instant::now(),
            last: None,
        }))
    }

    /// One frame: how long our own `logic` and `ui` took, and how many tasks ran.
    pub fn frame(&mut self, own: std::time::Duration, tasks: usize) {
        let now = Instant::now();
        let since = self
            .last
            .replace(now)
            .map_or(0.0, |last| now.duration_since(last).as_secs_f64() * 1e3);
        let line = writeln!(
            self.out,
            "{:.6},{:.4},{since:.4},{tasks}",
            self.started.elapsed().as_secs_f64(),
            own.as_secs_f64() * 1e3,
        );
        // Flushed at once: the log is read while the window runs, and after it was killed.
        if let Err(error) = line.and_then(|()| self.out.flush()) {
            tracing::warn!(%error, "frame log not written");
        }
    }
}
