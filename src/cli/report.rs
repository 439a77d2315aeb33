//! `jobscope report`: recordings as a picture, a table or a page.

use std::{
    fs,
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};

use super::{ExitCode, not_to_standard_output, say};
use crate::{
    db::connection::side_file,
    error::{Error, Result},
    memory::{quantity::Quantity, recording::RecordedHistory},
    report::{
        Theme,
        chart::{self, ChartSpec},
        csv, html,
    },
    units::Bytes,
};

/// Show recordings as a page (HTML), a picture (SVG, PNG) or a table (CSV).
///
/// Several recordings are drawn below each other, aligned by the start of their first task. See
/// docs/recording.md.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The recordings.
    #[arg(required = true, value_name = "FILE")]
    recordings: Vec<PathBuf>,
    /// The file to write; its ending says how, unless --format does.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Replace existing files.
    #[arg(long)]
    force: bool,
    /// How it is written.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write what happened (tasks, settings, stops, …) to this CSV file, too.
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// The curves, or the columns of the table: rss, `sqlite_heap`, `page_caches`, …
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    quantities: Vec<String>,
    /// From this second on; with several recordings, since their first task started.
    #[arg(long, value_name = "SECS", allow_hyphen_values = true)]
    from: Option<f64>,
    /// Up to this second.
    #[arg(long, value_name = "SECS", allow_hyphen_values = true)]
    to: Option<f64>,
    /// Draw for a dark page. A page has both.
    #[arg(long)]
    dark: bool,
    /// Width and height of the picture in pixels. Without a height, it is as high as it needs to be.
    #[arg(long, value_name = "WxH", default_value = "1200", value_parser = parse_size)]
    size: (u32, Option<u32>),
    /// The time of day below the chart instead of seconds; for one recording.
    #[arg(long)]
    clock: bool,
    /// What stands above the chart.
    #[arg(long, default_value = "Memory over time")]
    title: String,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A page that needs nothing beside itself.
    Html,
    /// A picture of any size.
    Svg,
    /// A picture of pixels.
    Png,
    /// The samples of one recording as a table.
    Csv,
}

/// Reads `1200x600`, or a width alone.
fn parse_size(text: &str) -> Result<(u32, Option<u32>)> {
    let invalid = || Error::invalid("size", text, "width and height in pixels, such as 1200x600");
    let number = |text: &str| text.trim().parse().ok();
    let size = match text.split_once(['x', '×']) {
        Some((width, height)) => number(width).zip(number(height).map(Some)),
        None => number(text).zip(Some(None)),
    };
    size.ok_or_else(invalid)
}

impl ReportArgs {
    fn format(&self) -> Result<Format> {
        let ending = self.output.extension().and_then(|ending| ending.to_str());
        let of_ending = match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("html" | "htm") => Some(Format::Html),
            Some("svg") => Some(Format::Svg),
            Some("png") => Some(Format::Png),
            Some("csv") => Some(Format::Csv),
            _ => None,
        };
        self.format.or(of_ending).ok_or_else(|| {
            let expected = "html, svg, png or csv, or a file that ends in one of these";
            Error::invalid("--format", "", expected)
        })
    }

    fn span(&self) -> Result<csv::Span> {
        if self.from.is_none() && self.to.is_none() {
            return Ok(None);
        }
        let from = self.from.unwrap_or(f64::NEG_INFINITY);
        let to = self.to.unwrap_or(f64::INFINITY);
        if from > to || from.is_nan() || to.is_nan() {
            let expected = "a time that is not after --to";
            return Err(Error::invalid("--from", from.to_string(), expected));
        }
        Ok(Some((from, to)))
    }

    fn spec(&self) -> Result<ChartSpec> {
        let quantities = self
            .quantities
            .iter()
            .map(|key| Quantity::from_key(key.trim()));
        let quantities: Vec<_> = quantities.collect::<Result<_>>()?;
        Ok(ChartSpec {
            title: self.title.clone(),
            quantities: if quantities.is_empty() {
                ChartSpec::USUAL.to_vec()
            } else {
                quantities
            },
            range: self.span()?,
            size: self.size,
            theme: if self.dark { Theme::Dark } else { Theme::Light },
            by_clock: self.clock,
            ..ChartSpec::default()
        })
    }

    /// Nothing that is read may be written over, and nothing else unasked.
    fn check_places(&self) -> Result<()> {
        let refuse = |path: &Path, expected: &str| {
            Err(Error::invalid(
                "output",
                path.display().to_string(),
                expected,
            ))
        };
        for path in [Some(&self.output), self.events.as_ref()]
            .into_iter()
            .flatten()
        {
            not_to_standard_output(path)?;
            if path.file_name().is_none() || path.is_dir() {
                return refuse(path, "the name of a file to write");
            }
            for recording in &self.recordings {
                if is_same(path, recording) || is_same(&side_file(path, ".part"), recording) {
                    return refuse(path, "another file than the recording that is read");
                }
            }
            // Not `exists`, which says no to a link that leads nowhere.
            if !self.force && fs::symlink_metadata(path).is_ok() {
                return refuse(
                    path,
                    "a name that is free, or --force to replace what is there",
                );
            }
        }
        match &self.events {
            Some(events) if is_same(events, &self.output) => {
                refuse(events, "another file than the report itself")
            }
            _ => Ok(()),
        }
    }
}

/// Runs `jobscope report`.
///
/// # Errors
/// If a recording cannot be read, has no sample in the range, or the report cannot be written.
pub fn run(args: &ReportArgs) -> Result<ExitCode> {
    let (format, spec) = (args.format()?, args.spec()?);
    args.check_places()?;
    if format == Format::Csv || args.events.is_some() {
        only_one(
            args,
            "one recording for a CSV file; pictures and pages show several",
        )?;
    }
    if args.clock {
        let expected = "one recording for --clock; several are aligned by their first task";
        only_one(args, expected)?;
    }
    let names = names(&args.recordings);
    let recorded: Vec<_> = if format == Format::Csv && args.events.is_none() {
        Vec::new()
    } else {
        let read = args
            .recordings
            .iter()
            .map(|path| RecordedHistory::read(path));
        read.collect::<Result<_>>()?
    };
    let sources: Vec<_> = names
        .iter()
        .zip(&recorded)
        .map(|(name, recorded)| html::Source { name, recorded })
        .collect();
    let is_alone = sources.len() == 1;
    let panels = || -> Vec<_> {
        sources
            .iter()
            .map(|source| source.panel(is_alone))
            .collect()
    };
    let whole = |bytes: Vec<u8>| publish(&args.output, |out| write_all(&args.output, out, &bytes));
    match format {
        Format::Html => whole(html::html(&spec, &sources)?.into_bytes())?,
        Format::Svg => whole(chart::svg(&spec, &panels())?.into_bytes())?,
        Format::Png => whole(chart::png(&spec, &panels())?)?,
        Format::Csv => {
            let quantities = if args.quantities.is_empty() {
                &Quantity::ALL[..]
            } else {
                &spec.quantities
            };
            let path = args
                .recordings
                .first()
                .map_or(Path::new(""), PathBuf::as_path);
            publish(&args.output, |out| {
                csv::samples(path, quantities, spec.range, out).map(drop)
            })?;
        }
    }
    if let (Some(path), Some(recorded)) = (&args.events, recorded.first()) {
        publish(path, |out| {
            let zero = recorded.zero_unix_secs();
            csv::events(&recorded.history, &recorded.receipts, spec.range, zero, out).map(drop)
        })?;
    }
    for source in &sources {
        say_what_is_left_out(source, &spec, is_alone);
    }
    Ok(ExitCode::Done)
}

/// What of a recording is not in the report, and why.
fn say_what_is_left_out(source: &html::Source<'_>, spec: &ChartSpec, is_alone: bool) {
    let html::Source { name, recorded } = source;
    if let Some(words) = source.nothing_there(spec, is_alone) {
        say(&format!("{name}: {words}"));
    }
    if recorded.is_cut {
        say(&format!(
            "{name}: its last line is not whole; everything before it was read"
        ));
    }
    if recorded.num_unknown > 0 {
        say(&format!(
            "{name}: lines of a later version of jobscope: {}; what has no name in this one is \
             left out",
            recorded.num_unknown
        ));
    }
    if recorded.num_late > 0 {
        say(&format!(
            "{name}: {} samples are left out, because its time runs backwards",
            recorded.num_late
        ));
    }
}

/// A table holds one recording: several would need to be told apart in every row. And several have no
/// time of day in common.
fn only_one(args: &ReportArgs, expected: &str) -> Result<()> {
    match args.recordings.as_slice() {
        [_] => Ok(()),
        several => Err(Error::invalid(
            "number of recordings",
            several.len().to_string(),
            expected,
        )),
    }
}

/// What tells the recordings apart: their names without the ending, or all of their paths.
fn names(paths: &[PathBuf]) -> Vec<String> {
    let stem = |path: &PathBuf| {
        let stem = path.file_stem().unwrap_or(path.as_os_str());
        stem.to_string_lossy().into_owned()
    };
    let stems: Vec<_> = paths.iter().map(stem).collect();
    let is_unique = |stem: &String| stems.iter().filter(|other| *other == stem).count() == 1;
    stems
        .iter()
        .zip(paths)
        .map(|(stem, path)| {
            if is_unique(stem) {
                stem.clone()
            } else {
                path.display().to_string()
            }
        })
        .collect()
}

/// Writes under a temporary name and renames at the end, so that there never is half a report.
fn publish(path: &Path, write: impl FnOnce(&mut BufWriter<fs::File>) -> Result<()>) -> Result<()> {
    let part = side_file(path, ".part");
    let written = fs::File::create(&part)
        .map_err(|source| Error::file("create", &part, source))
        .and_then(|file| {
            let mut out = BufWriter::new(file);
            write(&mut out)?;
            let finish = |mut out: BufWriter<fs::File>| {
                out.flush()?;
                let size = out.get_ref().metadata()?.len();
                out.get_ref().sync_all()?;
                fs::rename(&part, path)?;
                io::Result::Ok(size)
            };
            finish(out).map_err(|source| Error::file("write", path, source))
        });
    match written {
        Ok(size) => {
            say(&format!("{}: {}", path.display(), Bytes(size)));
            Ok(())
        }
        Err(error) => {
            // The reason why writing failed is the error to report, not this one.
            fs::remove_file(&part).ok();
            Err(error)
        }
    }
}

fn write_all(path: &Path, out: &mut BufWriter<fs::File>, bytes: &[u8]) -> Result<()> {
    out.write_all(bytes)
        .map_err(|source| Error::file("write", path, source))
}

/// Whether two names are of one file, through links, too.
fn is_same(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;

        let identity = |path| {
            fs::metadata(path)
                .ok()
                .map(|found| (found.dev(), found.ino()))
        };
        if identity(one).is_some_and(|one| identity(other) == Some(one)) {
            return true;
        }
    }
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    real(one) == real(other)
}
