//! What real files have wrong with them, and states that are too rare to be left to chance.

use super::{json::Cell, options::DAY, row::JobRow};

/// Something unusual about a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// A state that few jobs ever have.
    State(&'static str),
    /// Missing values in a row from the time before they were recorded.
    MissingValues,
    /// A footprint without metrics.
    EmptyFootprint,
    /// A finished job whose footprint was never computed.
    NullFootprint,
    /// A footprint that is not JSON.
    BrokenFootprint,
    /// `meta_data` that is not JSON.
    BrokenMetaData,
    /// A start time after the end of the database.
    FutureStart,
    /// A failure at the start, which could not be archived.
    FailedAtOnce,
    /// A cluster that nobody has configured.
    UnknownCluster,
}

/// States of ended jobs that a database of a thousand jobs should contain all the same.
const RARE_STATES: [Oddity; 5] = [
    Oddity::State("out_of_memory"),
    Oddity::State("node_fail"),
    Oddity::State("preempted"),
    Oddity::State("deadline"),
    Oddity::State("boot_fail"),
];

/// The oldest first: missing values belong into old rows.
const DIRT: [Oddity; 8] = [
    Oddity::MissingValues,
    Oddity::BrokenMetaData,
    Oddity::EmptyFootprint,
    Oddity::UnknownCluster,
    Oddity::NullFootprint,
    Oddity::BrokenFootprint,
    Oddity::FailedAtOnce,
    Oddity::FutureStart,
];

/// States of jobs that are still in the queue or stopped for a moment: only among the last ones.
const LIVE_STATES: [Oddity; 2] = [Oddity::State("pending"), Oddity::State("suspended")];

/// Each kind of dirt is in one row in this many.
const DIRT_PERIOD: u64 = 2_500;

/// Start times in the future are in one row in this many, beyond the first few.
const FUTURE_PERIOD: u64 = 100_000;

/// Values are missing in this first part of the time only.
const MISSING_UNTIL: f64 = 0.3;

/// Decides which rows are unusual, by counting: so each kind is there, however few rows.
#[derive(Clone, Copy, Debug)]
pub struct Oddities {
    num_finished: u64,
    dirt: bool,
}

impl Oddities {
    /// For so many jobs that are not running.
    pub const fn new(num_finished: u64, dirt: bool) -> Self {
        Self { num_finished, dirt }
    }

    /// What is unusual about the job with this number, if anything.
    pub fn at(&self, index: u64) -> Option<Oddity> {
        let from_end = self.num_finished - index;
        if self.num_finished >= 100 && from_end <= 12 && from_end.is_multiple_of(2) {
            return Some(LIVE_STATES[(from_end / 2 % 2) as usize]);
        }
        let third = (self.num_finished / 3).max(50);
        scheduled(&RARE_STATES, index, third).or_else(|| {
            let period = DIRT_PERIOD.min(third);
            // One later than the rare states, so that they do not take the same row.
            self.dirt.then(|| scheduled(&DIRT, index + 1, period))?
        })
    }
}

/// Each kind once in each period, at even distances.
fn scheduled(kinds: &[Oddity], index: u64, period: u64) -> Option<Oddity> {
    let step = (period / (kinds.len() as u64 + 1)).max(1);
    let at = index % period;
    if at == 0 || !at.is_multiple_of(step) {
        return None;
    }
    kinds.get((at / step - 1) as usize).copied()
}

impl Oddity {
    /// Makes a row of a finished job unusual. `index` is its number, `progress` where in the
    /// whole time it is.
    pub fn apply(self, row: &mut JobRow<'_>, index: u64, progress: f64, until_unix_secs: i64) {
        match self {
            Self::State(state) => set_state(row, state, index, until_unix_secs),
            Self::MissingValues => {
                if progress < MISSING_UNTIL {
                    row.num_acc = None;
                    row.num_hwthreads = None;
                    row.footprint = Cell::Null;
                    row.energy_footprint = Cell::Null;
                    row.partition = None;
                }
            }
            Self::EmptyFootprint => row.footprint = Cell::Text("{}".to_owned()),
            Self::NullFootprint => row.footprint = Cell::Blob("null".to_owned()),
            Self::BrokenFootprint => {
                row.footprint = Cell::Text("{\"cpu_load_avg\":NaN,\"flops_any".to_owned());
            }
            Self::BrokenMetaData => {
                row.meta_data = Cell::Blob("{\"jobName\":\"cut off\",\"jobScr".to_owned());
            }
            // A clock that ran ahead: rare, because each of these stands before all newer jobs.
            Self::FutureStart if index % FUTURE_PERIOD < DIRT_PERIOD => {
                row.start_time_unix_secs = until_unix_secs + 3_600 + (index.cast_signed() % DAY);
            }
            Self::FutureStart => {}
            Self::FailedAtOnce => {
                row.state = "failed";
                row.duration_secs = 0;
                row.monitoring_status = 2;
                row.energy_kwh = 0.0;
                row.energy_footprint = Cell::Null;
                row.footprint = Cell::Blob("null".to_owned());
            }
            Self::UnknownCluster => {
                row.cluster = "testcluster";
                row.subcluster = "main";
            }
        }
    }
}

fn set_state(row: &mut JobRow<'_>, state: &'static str, index: u64, until_unix_secs: i64) {
    row.state = state;
    match state {
        "pending" => {
            row.start_time_unix_secs = until_unix_secs - 60 - (index.cast_signed() % 100) * 60;
            row.duration_secs = 0;
        }
        "suspended" => {
            row.start_time_unix_secs = until_unix_secs - 7_200 - (index.cast_signed() % 100) * 600;
            row.duration_secs = 1_800;
        }
        "boot_fail" => row.duration_secs = 0,
        _ => return,
    }
    // These have not been measured, or not yet.
    row.monitoring_status = 1;
    row.energy_kwh = 0.0;
    row.energy_footprint = Cell::Null;
    row.footprint = Cell::Blob("null".to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_jobs_have_every_oddity() {
        let oddities = Oddities::new(980, true);
        let found: Vec<_> = (0..980).filter_map(|index| oddities.at(index)).collect();
        for kind in RARE_STATES.iter().chain(&DIRT).chain(&LIVE_STATES) {
            assert!(found.contains(kind), "{kind:?}");
        }
        let first = (0..980).position(|index| oddities.at(index) == Some(Oddity::MissingValues));
        assert!(
            first.expect("there is one") < 980 / 5,
            "early enough to be old"
        );
    }

    #[test]
    fn without_dirt_there_are_only_rare_states() {
        let oddities = Oddities::new(980, false);
        for oddity in (0..980).filter_map(|index| oddities.at(index)) {
            assert!(matches!(oddity, Oddity::State(_)), "{oddity:?}");
        }
    }
}
