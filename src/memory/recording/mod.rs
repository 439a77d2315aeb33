//! The file format of a recording: JSON Lines with a versioned header, appended as it happens.
//!
//! The first line says what was recorded, on what machine, with which settings. Each line after
//! it is a reading or something that happened. A recording is readable after a crash up to its
//! last whole line; fields and kinds of lines that this version does not know are skipped.

mod header;
mod line;

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

pub use self::header::{Header, Machine, RecordedDatabase};
use self::line::Line;
use super::{
    marker::{MarkerKind, Timeline},
    sample::MemorySample,
};
use crate::{
    engine::receipt::Receipt,
    error::{Error, Result},
};

/// What one task did and cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskReceipt {
    /// When it was reported, in seconds since the engine started.
    pub at_secs: f64,
    /// The task.
    pub task: u64,
    /// Its receipt.
    pub receipt: Receipt,
}

/// Writes a recording, one line at a time.
pub struct Recorder {
    path: PathBuf,
    file: File,
}

impl Recorder {
    /// Creates the file, or empties it, and writes its header.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn create(path: &Path, header: &Header) -> Result<Self> {
        let file = File::create(path)
            .map_err(|source| Error::file("create the recording", path, source))?;
        let mut recorder = Self {
            path: path.to_owned(),
            file,
        };
        recorder.write(header)?;
        Ok(recorder)
    }

    /// Adds a reading.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn sample(&mut self, sample: &MemorySample) -> Result<()> {
        self.write(&Line::Sample(sample.into()))
    }

    /// A task has started.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn started(&mut self, at_secs: f64, task: u64, title: &str) -> Result<()> {
        self.write(&Line::Started {
            at_secs,
            task,
            title: title.to_owned(),
        })
    }

    /// Somebody asked a task to stop.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn stop_asked(&mut self, at_secs: f64, task: u64) -> Result<()> {
        self.write(&Line::StopAsked { at_secs, task })
    }

    /// Something happened that is not about one task.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn mark(&mut self, at_secs: f64, kind: MarkerKind, text: &str) -> Result<()> {
        self.write(&Line::Mark {
            at_secs,
            mark: kind.name().to_owned(),
            text: text.to_owned(),
        })
    }

    /// A task has ended.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn ended(&mut self, at_secs: f64, task: u64, receipt: &Receipt) -> Result<()> {
        self.write(&Line::Receipt(Box::new(TaskReceipt {
            at_secs,
            task,
            receipt: receipt.clone(),
        })))
    }

    /// In one write and without a buffer: whatever ends this program, only this line can be cut.
    fn write(&mut self, line: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_vec(line)
            .map_err(|source| Error::other("write a line of the recording", source))?;
        text.push(b'\n');
        self.file
            .write_all(&text)
            .map_err(|source| Error::file("write the recording", &self.path, source))
    }
}

/// A recording that was read.
#[derive(Clone, Debug)]
pub struct Recording {
    /// What was recorded, and where.
    pub header: Header,
    /// The readings, oldest first.
    pub samples: Vec<MemorySample>,
    /// What happened when.
    pub timeline: Timeline,
    /// What the tasks that ended did and cost.
    pub receipts: Vec<TaskReceipt>,
    /// The last line is not whole: the program that recorded was ended in the middle of it.
    pub is_cut: bool,
}

impl Recording {
    /// Reads a recording up to its last whole line.
    ///
    /// # Errors
    /// If the file cannot be read, is no recording, is damaged before its last line, or was
    /// written by a program whose format is newer than this one's.
    pub fn read(path: &Path) -> Result<Self> {
        let file =
            File::open(path).map_err(|source| Error::file("read the recording", path, source))?;
        let mut lines = BufReader::new(file).split(b'\n');
        let unreadable =
            |cause: String| Error::other(format!("read the recording {}", path.display()), cause);
        let failed = |source| Error::file("read the recording", path, source);
        let first = lines.next().transpose().map_err(failed)?;
        let mut recording = Self {
            header: header::read(&first.unwrap_or_default()).map_err(unreadable)?,
            samples: Vec::new(),
            timeline: Timeline::default(),
            receipts: Vec::new(),
            is_cut: false,
        };
        let mut broken = None;
        for (index, line) in lines.enumerate() {
            let line = line.map_err(failed)?;
            if let Some((number, cause)) = broken {
                return Err(unreadable(format!("line {number} is damaged: {cause}")));
            }
            match serde_json::from_slice(&line) {
                Ok(line) => recording.take(line),
                // Only the next line, if there is one, tells whether this one was cut or damaged.
                Err(cause) => broken = Some((index + 2, cause)),
            }
        }
        recording.is_cut = broken.is_some();
        Ok(recording)
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Sample(sample) => self.samples.push(sample.into()),
            Line::Started {
                at_secs,
                task,
                title,
            } => self.timeline.begin(task, title, at_secs),
            Line::StopAsked { at_secs, task } => self.timeline.stop_asked(task, at_secs),
            Line::Mark {
                at_secs,
                mark,
                text,
            } => {
                if let Some(kind) = MarkerKind::from_name(&mark) {
                    self.timeline.mark(at_secs, kind, text);
                }
            }
            Line::Receipt(ended) => {
                self.timeline
                    .end(ended.task, ended.at_secs, ended.receipt.outcome);
                self.receipts.push(*ended);
            }
            Line::Unknown => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        db::{build::BuildFacts, profile::MemoryProfile},
        engine::receipt::{Outcome, Stop},
        jobs::{
            facts::DatabaseFacts,
            schema::{FileKind, Schema},
        },
        memory::sample::{ConnectionReading, ConnectionState, WindowMemory},
        units::Bytes,
    };

    fn header() -> Header {
        let facts = DatabaseFacts {
            path: PathBuf::from("/secret/place/job.db"),
            immutable: false,
            file_bytes: 1 << 30,
            wal_bytes: Some(0),
            page_size: 4096,
            journal_mode: "wal".to_owned(),
            schema_version: Some(11),
            migration_is_dirty: false,
            estimated_jobs: 200_000,
            job_indexes: vec!["jobs_energy_starttime".to_owned()],
            job_is_analyzed: true,
            kind: FileKind::Jobs,
            missing_columns: Vec::new(),
            schema: std::sync::Arc::new(Schema::version_11()),
            index_statistics: Vec::new(),
            suggestible: Vec::new(),
        };
        let mut build = BuildFacts::read().expect("the linked SQLite answers");
        // A short header, so that the test that cuts everywhere has fewer places to cut.
        build.compile_options.truncate(2);
        Header::new(&build, &facts, &MemoryProfile::jobscope())
    }

    fn sample(at_secs: f64) -> MemorySample {
        MemorySample {
            at_secs,
            rss: Some(Bytes::mib(212)),
            sqlite_heap: Bytes::mib(84),
            available: None,
            connections: vec![
                ConnectionReading::default(),
                ConnectionReading {
                    state: ConnectionState::Busy,
                    task: Some(7),
                    cache_used: Bytes::mib(64),
                    cache_hits: 1,
                    cache_misses: 2,
                    cache_spills: 3,
                    rows: 4,
                    vm_steps: 5_000,
                    state_secs: 0.5,
                    silent_secs: 0.125,
                },
            ],
            window: WindowMemory {
                rows: Bytes::mib(3),
                positions: Bytes::kib(40),
            },
        }
    }

    fn receipt() -> Receipt {
        Receipt {
            outcome: Outcome::Cancelled,
            error: None,
            connection: Some(1),
            profile: "jobscope".to_owned(),
            queued_ms: 0.5,
            first_row_ms: None,
            elapsed_ms: 4_000.0,
            rows: 0,
            vm_steps: 5_000,
            fullscan_steps: 0,
            sorts: 0,
            autoindexes: 0,
            cache_hits: 1,
            cache_misses: 2,
            cache_spills: 3,
            sqlite_heap_before_bytes: 0,
            sqlite_heap_peak_bytes: 1 << 20,
            sqlite_heap_after_bytes: 0,
            rss_before_bytes: None,
            rss_peak_bytes: None,
            rss_after_bytes: None,
            stop: Some(Stop {
                asked_ms: 3_999.0,
                stopped_after_ms: 1.0,
                given_back_after_ms: None,
            }),
        }
    }

    fn record(path: &Path) {
        let mut recorder = Recorder::create(path, &header()).expect("created");
        recorder.sample(&sample(0.1)).expect("written");
        recorder.started(0.2, 7, "Statistics").expect("written");
        recorder.sample(&sample(0.3)).expect("written");
        recorder.stop_asked(0.4, 7).expect("written");
        recorder
            .mark(0.45, MarkerKind::Shrink, "84 MiB given back")
            .expect("written");
        recorder.ended(0.5, 7, &receipt()).expect("written");
    }

    #[test]
    fn what_was_recorded_is_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.jsonl");
        record(&path);
        let recording = Recording::read(&path).expect("read");
        assert_eq!(recording.header.profile, MemoryProfile::jobscope());
        assert_eq!(recording.header.database, header().database);
        assert_eq!(recording.samples, [sample(0.1), sample(0.3)]);
        assert_eq!(recording.receipts.len(), 1);
        assert_eq!(recording.receipts[0].receipt, receipt());
        assert_eq!(recording.timeline.markers[0].kind, MarkerKind::Shrink);
        let band = &recording.timeline.bands[0];
        assert_eq!(band.stop_asked_secs, Some(0.4));
        assert_eq!(band.end, Some((0.5, Outcome::Cancelled)));
        assert!(!recording.is_cut);
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(!text.contains("secret"), "no path of the database: {text}");
    }

    #[test]
    fn a_recording_cut_at_any_byte_is_read_up_to_its_last_whole_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.jsonl");
        record(&path);
        let whole = std::fs::read(&path).expect("bytes");
        let header_length = whole.iter().position(|byte| *byte == b'\n').expect("lines");
        let file = File::options().write(true).open(&path).expect("opened");
        for length in (0..whole.len()).rev() {
            file.set_len(length as u64).expect("cut");
            let result = Recording::read(&path);
            if length < header_length {
                let error = result.expect_err("half a header");
                assert!(error.chain().contains("header"), "{}", error.chain());
                continue;
            }
            let recording = result.expect("a whole header");
            let rest = &whole[header_length + 1..length.max(header_length + 1)];
            let num_whole = rest.split(|byte| *byte == b'\n').count() - 1;
            let last = rest
                .rsplit(|byte| *byte == b'\n')
                .next()
                .unwrap_or_default();
            // A line that lacks nothing but its line feed is whole, too.
            let is_whole = whole.get(length) == Some(&b'\n') && !last.is_empty();
            assert_eq!(recording.is_cut, !last.is_empty() && !is_whole, "{length}");
            let num_lines = num_whole + usize::from(is_whole);
            assert_eq!(
                recording.samples.len(),
                usize::from(num_lines >= 1) + usize::from(num_lines >= 3),
                "{length}"
            );
        }
    }

    #[test]
    fn a_newer_version_is_refused_with_a_sentence() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.jsonl");
        std::fs::write(
            &path,
            "{\"format\":\"jobscope-recording\",\"version\":2,\"recorded_by\":\"jobscope 9.1\"}\n",
        )
        .expect("written");
        let error = Recording::read(&path).expect_err("too new").chain();
        assert!(error.contains("written by jobscope 9.1"), "{error}");
        assert!(error.contains("a newer one is needed"), "{error}");
    }

    #[test]
    fn what_a_later_version_added_is_skipped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.jsonl");
        record(&path);
        let text = std::fs::read_to_string(&path).expect("text");
        let newer = text
            .replacen('{', "{\"mood\":\"calm\",", 1)
            .replace("\"profile\":{", "\"profile\":{\"lookaside\":7,")
            .replace(
                "\"kind\":\"sample\"",
                "\"kind\":\"sample\",\"swap_bytes\":1",
            )
            + "{\"kind\":\"weather\",\"at_secs\":1.0}\n"
            + "{\"kind\":\"mark\",\"at_secs\":1.0,\"mark\":\"eclipse\",\"text\":\"\"}\n";
        std::fs::write(&path, newer).expect("written");
        let recording = Recording::read(&path).expect("read");
        assert_eq!(recording.samples.len(), 2);
        assert_eq!(recording.timeline.markers.len(), 1);
        assert_eq!(recording.header.profile, MemoryProfile::jobscope());
    }

    #[test]
    fn damage_before_the_last_line_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.jsonl");
        record(&path);
        let text = std::fs::read_to_string(&path).expect("text");
        std::fs::write(&path, text.replacen("\"sqlite_heap_bytes\"", "\"", 1)).expect("written");
        let error = Recording::read(&path).expect_err("damaged").chain();
        assert!(error.contains("line 2 is damaged"), "{error}");
    }
}
