//! The file format of a recording: JSON Lines with a versioned header, appended as it happens.
//!
//! The first line says what was recorded, on what machine, with which settings. Each line after
//! it is a reading or something that happened. A recording is readable after a crash up to its
//! last whole line; fields and kinds of lines that this version does not know are skipped.

mod header;
mod line;
mod opened;

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

pub use self::header::{Header, Machine, RecordedDatabase, RecordingPlan, RecordingState};
use self::line::{Line, SampleLine};
pub use self::opened::{OpenRecording, is_recording_name, name_of};
use super::{journal::Entry, marker::Timeline, sample::MemorySample};
use crate::{
    engine::{give_back::GiveBackReceipt, receipt::Receipt},
    error::{Error, Result},
};

/// What one task did and cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskReceipt {
    /// When it was reported, in seconds since the engine started.
    pub at_secs: f64,
    /// When its statement had returned; the report waited for memory to be given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_secs: Option<f64>,
    /// The task.
    pub task: u64,
    /// Its receipt.
    pub receipt: Receipt,
}

/// The moments of a task that has ended, in seconds since the engine started.
#[expect(
    clippy::struct_field_names,
    reason = "all of them are times, and say so"
)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TaskTimes {
    /// Its first row.
    pub first_row_secs: Option<f64>,
    /// The wish to stop it.
    pub stop_asked_secs: Option<f64>,
    /// Its statement had returned.
    pub ended_secs: f64,
    /// The heap was back where it had been before.
    pub given_back_secs: Option<f64>,
}

impl TaskReceipt {
    /// The moments of the task, by its receipt.
    pub fn times(&self) -> TaskTimes {
        let receipt = &self.receipt;
        let ended_secs = self.ended_secs.unwrap_or(self.at_secs);
        let started_secs = ended_secs - receipt.elapsed_ms / 1e3;
        // One that was stopped before it began has no moments.
        let stop = receipt.stop.filter(|_| receipt.connection.is_some());
        let asked = stop.map(|stop| ended_secs - stop.stopped_after_ms / 1e3);
        TaskTimes {
            first_row_secs: receipt.first_row_ms.map(|ms| started_secs + ms / 1e3),
            stop_asked_secs: asked,
            ended_secs,
            given_back_secs: stop
                .and_then(|stop| stop.given_back_after_ms)
                .zip(asked)
                .map(|(ms, asked)| asked + ms / 1e3),
        }
    }
}

/// Memory that was given back, rung by rung.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GivenBack {
    /// When it was done, in seconds since the engine started.
    pub at_secs: f64,
    /// What came of it.
    pub receipt: GiveBackReceipt,
}

/// Writes a recording, one line at a time.
pub struct Recorder {
    path: PathBuf,
    file: File,
    bytes: u64,
    num_samples: u64,
    /// The sample before: what has not changed since is not written again.
    previous: Option<MemorySample>,
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
            bytes: 0,
            num_samples: 0,
            previous: None,
        };
        recorder.write(header)?;
        Ok(recorder)
    }

    /// Adds a reading.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn sample(&mut self, sample: MemorySample) -> Result<()> {
        let line = Line::Sample(Box::new(SampleLine::new(&sample, self.previous.as_ref())));
        self.previous = Some(sample);
        self.num_samples += 1;
        self.write(&line)
    }

    /// Adds what happened.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn entry(&mut self, entry: &Entry) -> Result<()> {
        self.write(&Line::of(entry))
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Samples written so far.
    pub fn num_samples(&self) -> u64 {
        self.num_samples
    }

    /// In one write and without a buffer: whatever ends this program, only this line can be cut.
    fn write(&mut self, line: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_vec(line)
            .map_err(|source| Error::other("write a line of the recording", source))?;
        text.push(b'\n');
        self.bytes += text.len() as u64;
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
    /// What was given back when somebody asked.
    pub given_back: Vec<GivenBack>,
    /// Lines of kinds that a later version wrote, as they are.
    pub unknown: Vec<serde_json::Value>,
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
            given_back: Vec::new(),
            unknown: Vec::new(),
            is_cut: false,
        };
        let mut broken = None;
        for (index, line) in lines.enumerate() {
            let line = line.map_err(failed)?;
            if let Some((number, cause)) = broken {
                return Err(unreadable(format!("line {number} is damaged: {cause}")));
            }
            match serde_json::from_slice(&line) {
                Ok(Line::Unknown) => {
                    // It was read a moment ago: it is JSON.
                    let line = serde_json::from_slice(&line).unwrap_or_default();
                    recording.unknown.push(line);
                }
                Ok(line) => recording.take(line),
                // Only the next line, if there is one, tells whether this one was cut or damaged.
                Err(cause) => broken = Some((index + 2, cause)),
            }
        }
        recording.is_cut = broken.is_some();
        Ok(recording)
    }

    fn take(&mut self, line: Line) {
        let entry = match line {
            Line::Sample(line) => {
                let sample = line.into_sample(self.samples.last());
                self.samples.push(sample);
                return;
            }
            line @ (Line::Started { .. }
            | Line::StopAsked { .. }
            | Line::Mark { .. }
            | Line::Receipt(_)
            | Line::GivenBack(_)
            | Line::Unknown) => line.into_entry(),
        };
        match &entry {
            Some(Entry::Ended(ended)) => self.receipts.push((**ended).clone()),
            Some(Entry::GaveBack { at_secs, receipt }) => self.given_back.push(GivenBack {
                at_secs: *at_secs,
                receipt: (**receipt).clone(),
            }),
            Some(Entry::Started(_) | Entry::StopAsked { .. } | Entry::Mark(_)) | None => {}
        }
        if let Some(entry) = entry {
            self.timeline.take(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        db::status::AllocatorReading,
        db::{build::BuildFacts, profile::MemoryProfile},
        engine::receipt::{Outcome, Stop},
        jobs::{
            facts::DatabaseFacts,
            schema::{FileKind, Schema},
        },
        memory::{
            cgroup::Group,
            marker::{Band, Marker, MarkerKind},
            process::ProcessReading,
            sample::{ConnectionReading, ConnectionState, SlowReading, WindowMemory},
        },
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
            sqlite_heap_peak: Bytes::mib(90),
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
                    schema_used: Bytes::kib(150),
                    statements_used: Bytes::kib(20),
                    snapshot_secs: Some(at_secs),
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
            slow: (at_secs < 0.2).then(|| SlowReading {
                pss: Some(Bytes::mib(200)),
                anonymous: Some(Bytes::mib(180)),
                allocator: Some(AllocatorReading {
                    in_use: Bytes::mib(100),
                    free: Bytes::mib(60),
                }),
                group: Some(Group {
                    limit: Bytes::gib(8),
                    used: Bytes::gib(1),
                }),
                wal: Some(Bytes::mib(4)),
            }),
            other: Some(ProcessReading {
                pid: 4711,
                rss: Some(Bytes::gib(12)),
                threads: Some(9),
                ..ProcessReading::default()
            }),
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
            limit: None,
        }
    }

    fn record(path: &Path) {
        let mut recorder = Recorder::create(path, &header()).expect("created");
        recorder.sample(sample(0.1)).expect("written");
        let band = Band {
            task: 7,
            title: "Statistics".to_owned(),
            is_background: false,
            connection: Some(1),
            from_secs: 0.2,
            first_row_secs: None,
            stop_asked_secs: None,
            end: None,
            given_back_secs: None,
        };
        recorder.entry(&Entry::Started(band)).expect("written");
        recorder.sample(sample(0.3)).expect("written");
        let (at_secs, task) = (0.4, 7);
        recorder
            .entry(&Entry::StopAsked { at_secs, task })
            .expect("written");
        let mark = Marker {
            at_secs: 0.45,
            kind: MarkerKind::Shrink,
            text: "84 MiB given back".to_owned(),
        };
        recorder.entry(&Entry::Mark(mark)).expect("written");
        let ended = TaskReceipt {
            at_secs: 0.5,
            ended_secs: Some(0.49),
            task: 7,
            receipt: receipt(),
        };
        recorder
            .entry(&Entry::Ended(Box::new(ended)))
            .expect("written");
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
        let shrunk = &recording.timeline.markers;
        assert!(shrunk.iter().any(|mark| mark.kind == MarkerKind::Shrink));
        let band = &recording.timeline.bands[0];
        assert_eq!(band.stop_asked_secs, Some(0.4));
        assert_eq!(band.end, Some((0.49, Outcome::Cancelled)));
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
        let is_known = |mark: &Marker| MarkerKind::ALL.contains(&mark.kind) && mark.text.is_empty();
        assert!(
            !recording.timeline.markers.iter().any(is_known),
            "no eclipse"
        );
        assert_eq!(recording.header.unknown["mood"], "calm", "kept");
        assert_eq!(recording.unknown[0]["kind"], "weather", "kept");
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
