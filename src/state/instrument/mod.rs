//! The memory instrument: what gives memory back, what limits mean, what is recorded and watched.

pub mod budget;
pub mod give_back;
pub mod limits;
pub mod recordings;

use self::{budget::OverBudget, give_back::GivingBack, recordings::Recordings};
use super::AppState;
use crate::{engine::message::Request, error::Report, memory::process::ProcessEntry, units::Bytes};

/// What the instrument remembers beside the history of samples.
#[derive(Debug, Default)]
pub struct Instrument {
    /// The give-back ladder.
    pub giving_back: GivingBack,
    /// What is being recorded, and recordings that are open.
    pub recordings: Recordings,
    /// A task that a budget stopped, until the user has said what to do.
    pub over_budget: Option<OverBudget>,
    /// Processes that can be watched, once somebody has asked for the list.
    pub processes: Option<Vec<ProcessEntry>>,
    /// Why a process cannot be watched.
    pub watch_trouble: Option<Report>,
}

impl AppState {
    pub(super) fn watch_process(&mut self, who: Option<String>) -> Vec<Request> {
        self.instrument.watch_trouble = None;
        vec![Request::WatchProcess(who)]
    }

    pub(super) fn set_guard(&mut self, keep: Option<Bytes>) -> Vec<Request> {
        if self.settings.guard == keep {
            return Vec::new();
        }
        self.settings.guard = keep;
        vec![Request::SetGuard(keep)]
    }
}
