//! Histograms, in the right form and with cc-backend's defects.

use std::collections::BTreeMap;

use super::{Column, Job, Oracle, value::Stored};

/// Number of the bin, from and to in seconds, number of jobs. Bin 0 has no `from`, the bin after
/// the last one no `to`; jobs without a duration come last, under `None`.
pub type DurationBin = (Option<i64>, Option<i64>, Option<i64>, i64);

/// The same with the values of a metric.
pub type MetricBin = (Option<i64>, Option<f64>, Option<f64>, i64);

/// Number of the bin, the edges that cc-backend shows, number of jobs.
pub type LabelledBin = (i64, i64, i64, i64);

/// A histogram, and the peak that its bins were made for.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricHistogram {
    pub peak: f64,
    pub bins: Vec<MetricBin>,
}

#[expect(
    clippy::unused_self,
    reason = "every query is a question to the oracle"
)]
impl Oracle {
    /// Jobs by their effective duration, for `1m`, `10m`, `1h`, `6h`, `12h` or `24h`.
    ///
    /// The bins from 1 to the last one are always there; the one for negative durations, the one
    /// for longer durations and the one for no duration only if there are such jobs.
    pub fn duration_histogram(&self, jobs: &[&Job], bins: &str, now: i64) -> Vec<DurationBin> {
        let (size, num_bins) = match bins {
            "24h" => (86_400, 14),
            other => size_and_number(other),
        };
        let counts = count(jobs.iter().map(|job| {
            let duration = job.effective_duration(now)?;
            Some((duration.div_euclid(size) + 1).clamp(0, num_bins + 1))
        }));
        arranged(&counts, num_bins)
            .map(|(bin, count)| {
                let from = bin.filter(|bin| *bin > 0).map(|bin| (bin - 1) * size);
                let to = bin.filter(|bin| *bin <= num_bins).map(|bin| bin * size);
                (bin, from, to, count)
            })
            .collect()
    }

    /// cc-backend's durations: jobs outside the bins are dropped, small negative durations are in
    /// the first bin, and `24h` means 24 bins of an hour.
    pub fn duration_histogram_as_backend(
        &self,
        jobs: &[&Job],
        bins: &str,
        now: i64,
    ) -> Vec<LabelledBin> {
        let (size, num_bins) = size_and_number(bins);
        let counts = count(
            jobs.iter()
                .map(|job| Some(job.effective_duration(now)? / size + 1)),
        );
        (1..=num_bins)
            .map(|bin| {
                let count = counts.get(&Some(bin)).copied().unwrap_or(0);
                (bin, (bin - 1) * size, bin * size, count)
            })
            .collect()
    }

    /// Jobs by `num_nodes`, `num_hwthreads` or `num_acc`.
    pub fn resource_histogram(&self, jobs: &[&Job], column: &str) -> BTreeMap<Option<i64>, i64> {
        let column = Column::named(column);
        count(jobs.iter().map(|job| job[column].integer()))
    }

    /// Jobs by the first of these metrics that they have, in `num_bins` bins from zero to the
    /// peak. Without a peak it is the largest value there is.
    ///
    /// Values below zero are in bin 0 and values above the peak in the one after the last; jobs
    /// without a number come last, under `None`. These three are there only if needed.
    pub fn metric_histogram(
        &self,
        jobs: &[&Job],
        keys: &[&str],
        num_bins: u32,
        peak: Option<f64>,
    ) -> MetricHistogram {
        let value = |job: &Job| {
            let values = keys.iter().map(|key| job.metric(key));
            values.into_iter().find(|value| !value.is_null())?.number()
        };
        let largest = || {
            let values = jobs.iter().filter_map(|job| value(job));
            values.reduce(f64::max).filter(|value| *value > 0.0)
        };
        let peak = peak.or_else(largest).unwrap_or(1.0);
        let last = i64::from(num_bins);
        let counts = count(jobs.iter().map(|job| {
            let value = value(job)?;
            Some(if value < 0.0 {
                0
            } else if value > peak {
                last + 1
            } else {
                bin(value, peak, num_bins)
            })
        }));
        let edge = |bin: i64| peak * bin as f64 / f64::from(num_bins);
        let bins = arranged(&counts, last)
            .map(|(bin, count)| {
                let from = bin.filter(|bin| *bin > 0).map(|bin| edge(bin - 1));
                let to = bin.filter(|bin| *bin <= last).map(edge);
                (bin, from, to, count)
            })
            .collect();
        MetricHistogram { peak, bins }
    }

    /// cc-backend's metrics: values above the peak are dropped, small negative ones are in the
    /// first bin, and the edges that it shows are multiples of a whole number.
    pub fn metric_histogram_as_backend(
        &self,
        jobs: &[&Job],
        key: &str,
        num_bins: u32,
        peak: f64,
    ) -> Vec<LabelledBin> {
        // The peak is in the statement with six decimals.
        let exact: f64 = format!("{peak:.6}").parse().expect("a number");
        let limit = Stored::Real(exact);
        let counts = count(
            jobs.iter()
                .map(|job| job.metric(key))
                .filter(|value| value.compare(&limit).is_some_and(|order| order.is_le()))
                .map(|value| Some(bin(value.number()?, exact, num_bins))),
        );
        let step = peak.trunc() as i64 / i64::from(num_bins);
        (1..=i64::from(num_bins))
            .map(|bin| {
                let count = counts.get(&Some(bin)).copied().unwrap_or(0);
                (bin, step * (bin - 1), step * bin, count)
            })
            .collect()
    }
}

/// The bin of a value up to the peak, which itself belongs to the last one.
fn bin(value: f64, peak: f64, num_bins: u32) -> i64 {
    #[expect(clippy::float_cmp, reason = "the peak itself, not what is near it")]
    let value = if value == peak {
        0.999_999_999 * peak
    } else {
        value
    };
    (value / peak * f64::from(num_bins)).trunc() as i64 + 1
}

fn size_and_number(bins: &str) -> (i64, i64) {
    match bins {
        "1m" => (60, 60),
        "10m" => (600, 72),
        "1h" => (3600, 48),
        "6h" => (21_600, 12),
        "12h" => (43_200, 14),
        _ => (3600, 24),
    }
}

fn count(bins: impl Iterator<Item = Option<i64>>) -> BTreeMap<Option<i64>, i64> {
    let mut counts = BTreeMap::new();
    for bin in bins {
        *counts.entry(bin).or_default() += 1;
    }
    counts
}

/// The bins in their order, with those outside only if they hold something.
fn arranged(
    counts: &BTreeMap<Option<i64>, i64>,
    num_bins: i64,
) -> impl Iterator<Item = (Option<i64>, i64)> {
    (0..=num_bins + 1)
        .map(Some)
        .chain([None])
        .map(|bin| (bin, counts.get(&bin).copied().unwrap_or(0)))
        .filter(move |(bin, count)| {
            *count > 0 || bin.is_some_and(|bin| (1..=num_bins).contains(&bin))
        })
}
