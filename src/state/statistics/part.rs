//! One question of the Statistics view, with its answer, its age and its cost.

use std::sync::Arc;

use super::{Groups, histogram::Histogram, over_time::OverTime};
use crate::{
    db::value::Cell,
    engine::{
        message::TaskId,
        receipt::{Outcome, Receipt},
    },
    error::Report,
    jobs::{
        catalogue::{Column, JobQuery},
        difference::Differences,
        histogram::Resource,
        statistics::{COLUMNS, StatisticsRow},
    },
    state::Phase,
    units::format_count,
};

/// Which question a part asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartKey {
    /// All jobs of the filter in one row.
    Totals,
    /// The table of groups.
    Groups,
    /// Jobs and core-hours by the time of their start.
    OverTime,
    /// Jobs by duration.
    Duration,
    /// Jobs by nodes, threads or accelerators.
    Resource(Resource),
    /// Which keys the footprints have.
    Keys,
    /// Jobs by a value of their footprint, by its key.
    Metric(String),
}

impl PartKey {
    /// What stands above it.
    pub fn title(&self) -> &str {
        match self {
            Self::Totals => "Totals",
            Self::Groups => "Groups",
            Self::OverTime => "Jobs over time",
            Self::Duration => "Duration",
            Self::Resource(Resource::Nodes) => "Nodes",
            Self::Resource(Resource::Cores) => "Hardware threads",
            Self::Resource(Resource::Accelerators) => "Accelerators",
            Self::Keys => "Footprint keys",
            Self::Metric(key) => key,
        }
    }
}

/// The answer, prepared for drawing.
#[derive(Clone, Debug)]
pub enum Data {
    /// Of [`PartKey::Totals`].
    Totals(StatisticsRow),
    /// Of [`PartKey::Groups`].
    Groups(Groups),
    /// Of [`PartKey::OverTime`].
    OverTime(OverTime),
    /// Of a histogram.
    Histogram(Histogram),
    /// Of [`PartKey::Keys`].
    Keys(Vec<String>),
}

/// The answer as it came, to be copied and exported.
#[derive(Debug, Default)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

/// Steps times parts over time can be many; beyond this a longer step says more.
const MAX_ROWS: usize = 300_000;

/// One question, and how its answer stands.
#[derive(Debug)]
pub struct Part {
    /// Which question.
    pub key: PartKey,
    /// How it stands.
    pub phase: Phase,
    /// The last complete answer.
    pub data: Option<Data>,
    /// The same, as it came.
    pub table: Arc<Table>,
    /// The answer belongs to another filter, or to an earlier time.
    pub is_old: bool,
    /// What the last run cost, complete or not.
    pub receipt: Option<Receipt>,
    /// When the answer was complete, in seconds on the engine's clock.
    pub answered_secs: f64,
    /// Where the answer differs from cc-backend's.
    pub differences: Vec<String>,
    /// Why there is no answer: the failure, or what the file lacks.
    pub trouble: Option<String>,
    pub(super) query: Option<JobQuery>,
    pub(super) loading: Option<TaskId>,
    arriving: Vec<Vec<Cell>>,
    is_cut: bool,
}

impl Part {
    pub(super) fn new(key: PartKey) -> Self {
        Self {
            key,
            phase: Phase::Empty,
            data: None,
            table: Arc::default(),
            is_old: false,
            receipt: None,
            answered_secs: 0.0,
            differences: Vec::new(),
            trouble: None,
            query: None,
            loading: None,
            arriving: Vec::new(),
            is_cut: false,
        }
    }

    /// The histogram, where it is one.
    pub fn histogram(&self) -> Option<&Histogram> {
        match self.data.as_ref()? {
            Data::Histogram(histogram) => Some(histogram),
            Data::Totals(_) | Data::Groups(_) | Data::OverTime(_) | Data::Keys(_) => None,
        }
    }

    /// The course over time, where it is one.
    pub fn over_time(&self) -> Option<&OverTime> {
        match self.data.as_ref()? {
            Data::OverTime(over_time) => Some(over_time),
            Data::Totals(_) | Data::Groups(_) | Data::Histogram(_) | Data::Keys(_) => None,
        }
    }

    /// Whether the answer cannot be had: the button "Again" stands there.
    pub fn can_be_asked_again(&self) -> bool {
        matches!(self.phase, Phase::Stopped | Phase::Failed)
    }

    pub(super) fn begin(&mut self, query: JobQuery, id: TaskId) {
        self.phase = Phase::Loading;
        self.is_old = self.data.is_some();
        self.trouble = None;
        self.query = Some(query);
        self.loading = Some(id);
        self.arriving.clear();
        self.is_cut = false;
    }

    /// The file cannot answer this.
    pub(super) fn refuse(&mut self, why: String) {
        *self = Self {
            phase: Phase::Failed,
            trouble: Some(why),
            ..Self::new(self.key.clone())
        };
    }

    pub(super) fn add(&mut self, rows: &mut Vec<Vec<Cell>>) {
        if self.arriving.len() + rows.len() > MAX_ROWS {
            self.is_cut = true;
        } else {
            self.arriving.append(rows);
        }
    }

    pub(super) fn ended(&mut self, ended_secs: f64, receipt: &Receipt, report: Option<&Report>) {
        self.loading = None;
        self.receipt = Some(receipt.clone());
        let rows = std::mem::take(&mut self.arriving);
        self.phase = Phase::from(receipt.outcome);
        if self.phase != Phase::Loaded {
            let why = report.map(|report| {
                let causes = report.causes.join(": ");
                format!("{}: {causes}", report.headline)
            });
            // Why somebody cancelled, they know themselves.
            self.trouble = why.or_else(|| {
                (receipt.outcome != Outcome::Cancelled).then(|| receipt.outcome.label().to_owned())
            });
            return;
        }
        if self.is_cut {
            self.phase = Phase::Failed;
            self.trouble = Some(format!(
                "More than {} lines. Choose longer steps, or narrow the filter",
                format_count(MAX_ROWS)
            ));
            return;
        }
        self.take(rows);
        self.is_old = false;
        self.answered_secs = ended_secs;
    }

    fn take(&mut self, rows: Vec<Vec<Cell>>) {
        let Some(query) = &self.query else { return };
        let mut differences = Differences::new(query);
        for row in &rows {
            differences.see(row);
        }
        self.differences = differences.sentences();
        self.data = data(query, &rows);
        self.table = Arc::new(Table {
            columns: query.columns(),
            rows,
        });
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only the queries that parts ask have data here"
)]
fn data(query: &JobQuery, rows: &[Vec<Cell>]) -> Option<Data> {
    Some(match query {
        JobQuery::Statistics { .. } => {
            Data::Totals(StatisticsRow::from_cells(rows.first()?, false)?)
        }
        JobQuery::StatisticsGrouped { by, .. } => {
            let rows: Vec<_> = rows
                .iter()
                .filter_map(|row| StatisticsRow::from_cells(row, true))
                .collect();
            let mut largest = [0; COLUMNS.len()];
            for row in &rows {
                for (largest, value) in largest.iter_mut().zip(row.values) {
                    *largest = (*largest).max(value);
                }
            }
            Data::Groups(Groups {
                by: *by,
                rows,
                largest,
            })
        }
        JobQuery::OverTime { step, stack, .. } => {
            Data::OverTime(OverTime::new(*step, *stack, rows))
        }
        JobQuery::DurationHistogram { bins, .. } => {
            Data::Histogram(Histogram::of_duration(*bins, rows))
        }
        JobQuery::ResourceHistogram { resource, .. } => {
            Data::Histogram(Histogram::of_resource(*resource, rows))
        }
        JobQuery::MetricHistogram { metric, .. } => {
            Data::Histogram(Histogram::of_metric(metric, rows))
        }
        JobQuery::FootprintKeys => Data::Keys(
            rows.iter()
                .filter_map(|row| row.first()?.as_text().map(ToOwned::to_owned))
                .collect(),
        ),
        _ => return None,
    })
}
