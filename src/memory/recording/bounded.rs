//! A recording of any length in bounded memory: what the window and reports need of it.

use std::path::Path;

use super::{GivenBack, Header, Item, Reader, TaskReceipt};
use crate::{
    error::Result,
    memory::{history::History, journal::Entry},
};

/// Receipts are kept up to this number; the oldest go first.
const MAX_RECEIPTS: usize = 10_000;

/// A recording whose samples went into a [`History`] one by one: a day takes 16 MiB instead of
/// hundreds.
#[derive(Clone, Debug)]
pub struct RecordedHistory {
    /// What was recorded, and where.
    pub header: Header,
    /// Samples, thinned where they are many, and what happened.
    pub history: History,
    /// What the tasks that ended did and cost: the newest of them, if they are very many.
    pub receipts: Vec<TaskReceipt>,
    /// What was given back when somebody asked.
    pub given_back: Vec<GivenBack>,
    /// How many samples the file holds.
    pub num_samples: u64,
    /// Samples that are left out: their time is not after that of the sample before.
    pub num_late: u64,
    /// Receipts that are left out: there were newer ones.
    pub num_older_receipts: usize,
    /// Lines that a later version wrote, in part or whole.
    pub num_unknown: u64,
    /// The last line is not whole: the program that recorded was ended in the middle of it.
    pub is_cut: bool,
}

impl RecordedHistory {
    /// Reads a recording up to its last whole line.
    ///
    /// # Errors
    /// As [`Recording::read`](super::Recording::read).
    pub fn read(path: &Path) -> Result<Self> {
        let mut reader = Reader::open(path)?;
        let mut recorded = Self {
            header: reader.header().clone(),
            history: History::under(reader.header().profile.heap_limits()),
            receipts: Vec::new(),
            given_back: Vec::new(),
            num_samples: 0,
            num_late: 0,
            num_older_receipts: 0,
            num_unknown: 0,
            is_cut: false,
        };
        while let Some(item) = reader.read_next()? {
            recorded.take(item);
        }
        recorded.is_cut = reader.is_cut();
        Ok(recorded)
    }

    /// The Unix time of second 0 by the clock as it was when the recording began, to the second or
    /// so: the header was written shortly before the first sample.
    pub fn zero_unix_secs(&self) -> Option<f64> {
        let (first, _) = self.history.span()?;
        Some(self.header.recorded_at_unix_secs as f64 - first)
    }

    fn take(&mut self, item: Item) {
        let entry = match item {
            Item::Sample(sample) => {
                self.num_samples += 1;
                if !self.history.sampled(*sample) {
                    self.num_late += 1;
                }
                return;
            }
            Item::Unknown(_) => {
                self.num_unknown += 1;
                return;
            }
            Item::Entry(entry) => entry,
        };
        match &entry {
            Entry::Ended(ended) => {
                if self.receipts.len() >= MAX_RECEIPTS {
                    self.receipts.drain(..MAX_RECEIPTS / 10);
                    self.num_older_receipts += MAX_RECEIPTS / 10;
                }
                self.receipts.push((**ended).clone());
            }
            Entry::GaveBack { at_secs, receipt } => self.given_back.push(GivenBack {
                at_secs: *at_secs,
                receipt: (**receipt).clone(),
            }),
            Entry::Started(_)
            | Entry::StopAsked { .. }
            | Entry::ClockChanged(_)
            | Entry::Limits { .. }
            | Entry::Mark(_) => {}
        }
        self.history.happened(entry);
    }
}
