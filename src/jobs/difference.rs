//! Where an answer differs from cc-backend's, in a sentence each.

use super::{
    catalogue::JobQuery,
    filter::{Bound, Condition, TagMode, TextField, TextOp},
    histogram::Metric,
    sort::SortKey,
    statistics::COLUMNS,
};
use crate::{db::value::Cell, units::format_count};

/// Watches the rows of one query, and knows at its end whether cc-backend would have answered
/// otherwise.
#[derive(Clone, Debug)]
pub struct Differences {
    query: JobQuery,
    /// Jobs beyond the last bin.
    above: i64,
    /// Jobs below the first bin.
    below: i64,
    /// Jobs without a value.
    unknown: i64,
    /// Jobs whose value stands under another statistic's key.
    other_statistic: i64,
    /// A bin whose label in cc-backend is not its edge.
    labels_differ: bool,
    /// A total that cc-backend answers with 0.
    totals: bool,
}

impl Differences {
    /// Begins to watch.
    pub fn new(query: &JobQuery) -> Self {
        Self {
            query: query.clone(),
            above: 0,
            below: 0,
            unknown: 0,
            other_statistic: 0,
            labels_differ: false,
            totals: false,
        }
    }

    /// Takes note of a row of the result.
    pub fn see(&mut self, row: &[Cell]) {
        let int = |at: usize| row.get(at).and_then(Cell::as_int);
        match &self.query {
            JobQuery::DurationHistogram { selection, bins } => {
                let (_, number) = bins.shape(selection.as_backend);
                self.see_bin(int(0), number, int(3));
            }
            JobQuery::ResourceHistogram { .. } => {
                if int(0).is_none() {
                    self.unknown += int(3).unwrap_or(0);
                }
            }
            JobQuery::MetricHistogram { metric, .. } => {
                self.see_bin(int(0), i64::from(metric.bins), int(3));
                self.other_statistic += int(6).unwrap_or(0);
                let real = |at: usize| row.get(at).and_then(Cell::as_real);
                let differs = |edge, label| real(label).is_some() && real(edge) != real(label);
                self.labels_differ |= differs(1, 4) || differs(2, 5);
            }
            JobQuery::Statistics { .. } => {
                self.totals |= COLUMNS
                    .iter()
                    .position(|(name, _)| *name == "totalNodes")
                    .and_then(int)
                    .is_some_and(|nodes| nodes != 0);
            }
            JobQuery::Jobs { .. }
            | JobQuery::Count { .. }
            | JobQuery::StatisticsGrouped { .. }
            | JobQuery::CountGrouped { .. }
            | JobQuery::CountKind { .. }
            | JobQuery::OverTime { .. }
            | JobQuery::Job { .. }
            | JobQuery::Find { .. }
            | JobQuery::JobIds { .. }
            | JobQuery::Running { .. }
            | JobQuery::Concurrent { .. }
            | JobQuery::Between { .. }
            | JobQuery::Partitions { .. }
            | JobQuery::Tags
            | JobQuery::TagsOf { .. }
            | JobQuery::AllocatedNodes { .. }
            | JobQuery::UsedNodes { .. }
            | JobQuery::Nodes { .. }
            | JobQuery::NodeStates { .. }
            | JobQuery::NodeStatesOverTime { .. }
            | JobQuery::Search { .. }
            | JobQuery::FootprintKeys
            | JobQuery::Values { .. }
            | JobQuery::TagList => {}
        }
    }

    fn see_bin(&mut self, bin: Option<i64>, number: i64, count: Option<i64>) {
        let count = count.unwrap_or(0);
        match bin {
            None => self.unknown += count,
            Some(bin) if bin < 1 => self.below += count,
            Some(bin) if bin > number => self.above += count,
            Some(_) => {}
        }
    }

    /// What a reader has to know, one sentence for each difference. None if cc-backend answers
    /// the same.
    pub fn sentences(&self) -> Vec<String> {
        let Some(selection) = self.query.selection() else {
            return Vec::new();
        };
        let mut sentences = if selection.as_backend {
            self.of_the_backends_answer()
        } else {
            self.of_our_answer()
        };
        sentences.extend(self.of_the_filter(selection.as_backend));
        sentences
    }

    fn of_our_answer(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        if self.above > 0 {
            sentences.push(format!(
                "cc-backend leaves out the {} jobs beyond the last bin",
                format_count(self.above)
            ));
        }
        if self.below > 0 {
            sentences.push(format!(
                "cc-backend counts some of the {} jobs below 0 in its first bin, and leaves out the others",
                format_count(self.below)
            ));
        }
        if self.unknown > 0 {
            let unknown = format_count(self.unknown);
            let fails = matches!(self.query, JobQuery::ResourceHistogram { .. });
            sentences.push(if fails {
                format!("cc-backend's request fails because {unknown} jobs have no value (NULL)")
            } else {
                format!("cc-backend does not mention the {unknown} jobs without a value")
            });
        }
        if let JobQuery::MetricHistogram { metric, .. } = &self.query {
            sentences.extend(self.of_the_metric(metric));
        }
        if let JobQuery::DurationHistogram { bins, .. } = &self.query
            && bins.shape(true) != bins.shape(false)
        {
            sentences.push("cc-backend's \"24h\" are 24 bins of one hour".to_owned());
        }
        if self.totals {
            sentences.push(
                "cc-backend answers totalNodes, totalCores and totalAccs with 0 where nothing is grouped"
                    .to_owned(),
            );
        }
        if let JobQuery::Jobs { sort, .. } = &self.query
            && matches!(sort.key, SortKey::Footprint(_))
        {
            sentences.push(
                "cc-backend leaves out jobs whose footprint is no valid JSON when it sorts by one of its values"
                    .to_owned(),
            );
        }
        sentences
    }

    fn of_the_metric(&self, metric: &Metric) -> Vec<String> {
        let mut sentences = Vec::new();
        if self.is_of_running_jobs() {
            sentences.push(OF_RUNNING_JOBS.to_owned());
        }
        let Some(scale) = &metric.scale else {
            sentences.push(
                "the largest value serves as the peak, for want of a cluster's description (--clusters); \
                 cc-backend has no histogram without"
                    .to_owned(),
            );
            return sentences;
        };
        if self.other_statistic > 0 {
            let first = metric.keys(false).into_iter().next().unwrap_or_default();
            sentences.push(format!(
                "{} jobs have their value under another key than {first}; cc-backend leaves them out",
                format_count(self.other_statistic)
            ));
        }
        if self.labels_differ {
            sentences.push(format!(
                "cc-backend labels the bins with whole steps (backendMin, backendMax), though the peak of {} \
                 is divided by {} exactly",
                scale.peak, metric.bins
            ));
        }
        sentences
    }

    fn of_the_backends_answer(&self) -> Vec<String> {
        let text = if let JobQuery::MetricHistogram { metric, .. } = &self.query {
            format!(
                "only jobs with the key {} and a value up to the peak count, as in cc-backend{}",
                metric.keys(true).into_iter().next().unwrap_or_default(),
                if self.is_of_running_jobs() {
                    format!("; {OF_RUNNING_JOBS}")
                } else {
                    String::new()
                }
            )
        } else if matches!(self.query, JobQuery::Statistics { .. }) {
            "totalNodes, totalCores and totalAccs are 0, as cc-backend answers".to_owned()
        } else if matches!(self.query, JobQuery::DurationHistogram { .. }) {
            "jobs beyond the last bin are left out, as cc-backend does".to_owned()
        } else if matches!(self.query, JobQuery::ResourceHistogram { .. }) {
            "jobs without a value (NULL) are left out; cc-backend's request fails if there are any"
                .to_owned()
        } else {
            return Vec::new();
        };
        vec![text]
    }

    /// The only state is `running`.
    fn is_of_running_jobs(&self) -> bool {
        self.query.selection().is_some_and(|selection| {
            selection.filter.conditions.iter().any(
                |condition| matches!(condition, Condition::States(states) if states.as_slice() == ["running"]),
            )
        })
    }

    fn of_the_filter(&self, as_backend: bool) -> Vec<String> {
        let Some(selection) = self.query.selection() else {
            return Vec::new();
        };
        let adds_up = !matches!(
            self.query,
            JobQuery::Jobs { .. } | JobQuery::Count { .. } | JobQuery::OverTime { .. }
        );
        let mut sentences = Vec::new();
        for condition in &selection.filter.conditions {
            if as_backend && is_ours(condition) {
                sentences.push(format!(
                    "cc-backend has no such condition on {} as is asked for here",
                    condition.key()
                ));
            }
            match condition {
                Condition::Tags {
                    mode: TagMode::Any,
                    ids,
                } if ids.len() > 1 && adds_up => sentences.push(if as_backend {
                    "a job counts once for each of these tags that it carries, as in cc-backend".to_owned()
                } else {
                    "cc-backend counts a job once for each of these tags that it carries, here it counts once"
                        .to_owned()
                }),
                Condition::Text { field, is } => {
                    sentences.extend(of_a_text(*field, is.op, is.value(), as_backend));
                }
                Condition::Tags { .. }
                | Condition::Ids(_)
                | Condition::Schedule(_)
                | Condition::ArrayJob(_)
                | Condition::States(_)
                | Condition::Shared(_)
                | Condition::Number { .. }
                | Condition::Start(_)
                | Condition::Metric { .. } => {}
            }
        }
        sentences
    }
}

/// A histogram of running jobs alone is no question to the database there.
const OF_RUNNING_JOBS: &str =
    "of running jobs alone cc-backend takes the values of its metric store instead";

/// cc-backend's filter cannot say this.
fn is_ours(condition: &Condition) -> bool {
    let is_plain =
        |bound: &Option<Bound>| bound.is_none_or(|bound| bound.inclusive && bound.value > 0.0);
    match condition {
        Condition::Text { is, .. } => is.op == TextOp::Like,
        Condition::Tags { mode, .. } => *mode != TagMode::Any,
        Condition::Number { range, .. } | Condition::Metric { range, .. } => {
            !(is_plain(&range.lower) && is_plain(&range.upper))
        }
        Condition::Ids(_)
        | Condition::Schedule(_)
        | Condition::ArrayJob(_)
        | Condition::States(_)
        | Condition::Shared(_)
        | Condition::Start(_) => false,
    }
}

fn of_a_text(field: TextField, op: TextOp, value: &str, as_backend: bool) -> Option<String> {
    let key = field.key();
    match op {
        TextOp::StartsWith if field == TextField::Node => {
            (!as_backend).then(|| "cc-backend's own SQL for node startsWith is invalid".to_owned())
        }
        TextOp::StartsWith | TextOp::EndsWith | TextOp::Contains if value.contains(['%', '_']) => {
            Some(if as_backend {
                format!("% and _ in {key} fit any text, as in cc-backend")
            } else {
                format!("% and _ in {key} stand for themselves; in cc-backend they fit any text")
            })
        }
        TextOp::In if field.column().is_none() => Some(if as_backend {
            format!("the condition on {key} is ignored, as in cc-backend")
        } else {
            format!("cc-backend ignores \"in\" for {key}")
        }),
        TextOp::Eq
        | TextOp::Neq
        | TextOp::StartsWith
        | TextOp::EndsWith
        | TextOp::Contains
        | TextOp::In
        | TextOp::Like => None,
    }
}
