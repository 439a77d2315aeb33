//! Bars of a histogram with their texts and the filter that each stands for.

use crate::{
    db::value::Cell,
    jobs::{
        filter::{Bound, Range},
        histogram::{Bin, DurationBins, Metric, Resource},
    },
    units::{format_count, format_value},
};

/// Where a bar stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Below the first bin: drawn apart.
    Below,
    /// In the range of the axis.
    Inside,
    /// Above the last bin: drawn apart.
    Above,
}

/// One bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// What it holds, as words: `1 h to 2 h`.
    pub label: String,
    /// The values that it holds.
    pub range: Range,
    /// How many jobs.
    pub count: u64,
    /// Where it stands.
    pub place: Place,
}

/// A label of the axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Its position in bars of the range: 0 is where the first one begins.
    pub at: f32,
    /// What it says.
    pub text: String,
}

/// A histogram, ready to be drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// The bars from left to right.
    pub bars: Vec<Bar>,
    /// The labels below them.
    pub ticks: Vec<Tick>,
    /// The unit of the values, where it is known.
    pub unit: String,
    /// Where the axis ends, and why there. Empty where the labels say it.
    pub axis: String,
    /// Jobs without a value.
    pub unknown: u64,
    /// Jobs in all bars, and those without a value.
    pub total: u64,
    /// The largest bar.
    pub largest: u64,
}

/// More distinct numbers than this are joined to ranges that double.
const MAX_SINGLE: usize = 16;

impl Histogram {
    /// Of durations.
    pub fn of_duration(bins: DurationBins, rows: &[Vec<Cell>]) -> Self {
        let (_, number) = bins.shape(false);
        let edge = |secs: f64| duration_edge(bins, secs as i64);
        let bars = binned(rows, number, &edge, false);
        let mut histogram = Self::new(bars, rows, "");
        let size = bins.shape(false).0;
        histogram.ticks = edge_ticks(number, |at| duration_edge(bins, at * size));
        histogram
    }

    /// Of a value in the footprint.
    pub fn of_metric(metric: &Metric, rows: &[Vec<Cell>]) -> Self {
        let number = i64::from(metric.bins);
        let unit = metric.unit().unwrap_or("");
        let edge = |value: f64| with_unit(&format_value(value), unit);
        let bars = binned(rows, number, &edge, true);
        let mut histogram = Self::new(bars, rows, unit);
        let peak = rows
            .iter()
            .filter_map(|row| Bin::from_cells(row))
            .find(|bin| bin.bin == Some(number))
            .and_then(|bin| bin.to)
            .unwrap_or(0.0);
        histogram.ticks = edge_ticks(number, |at| {
            format_value(peak * at as f64 / number.max(1) as f64)
        });
        let why = if metric.scale.is_some() {
            "peak of the cluster description"
        } else {
            "largest value; no cluster description"
        };
        histogram.axis = format!("0 … {} ({why})", edge(peak));
        histogram
    }

    /// Of nodes, threads or accelerators.
    pub fn of_resource(resource: Resource, rows: &[Vec<Cell>]) -> Self {
        let counts: Vec<(i64, u64)> = rows
            .iter()
            .filter_map(|row| Bin::from_cells(row))
            .filter_map(|bin| Some((bin.bin?, bin.count)))
            .collect();
        let bars = if counts.len() > MAX_SINGLE {
            doubling(&counts)
        } else {
            counts
                .iter()
                .map(|(value, count)| whole_bar(*value, *value, *count))
                .collect()
        };
        let mut histogram = Self::new(bars, rows, resource.unit());
        // Wide labels need room.
        let every = histogram.bars.len().div_ceil(9).max(1);
        histogram.ticks = histogram
            .bars
            .iter()
            .enumerate()
            .step_by(every)
            .map(|(index, bar)| Tick {
                at: index as f32 + 0.5,
                text: bar.label.replace(" to ", "–"),
            })
            .collect();
        histogram
    }

    fn new(bars: Vec<Bar>, rows: &[Vec<Cell>], unit: &str) -> Self {
        let unknown = rows
            .iter()
            .filter_map(|row| Bin::from_cells(row))
            .filter(|bin| bin.bin.is_none())
            .map(|bin| bin.count)
            .sum();
        let known: u64 = bars.iter().map(|bar| bar.count).sum();
        Self {
            ticks: Vec::new(),
            unit: unit.to_owned(),
            axis: String::new(),
            unknown,
            total: known + unknown,
            largest: bars.iter().map(|bar| bar.count).max().unwrap_or(0),
            bars,
        }
    }

    /// What a bar of this number of jobs is of all of them: `12.3 %`.
    pub fn share(&self, count: u64) -> String {
        let percent = count as f64 * 100.0 / self.total.max(1) as f64;
        match percent {
            p if p >= 99.95 => "100 %".to_owned(),
            p if p > 0.0 && p < 0.1 => "< 0.1 %".to_owned(),
            p => format!("{p:.1} %"),
        }
    }

    /// The range of several bars next to each other.
    pub fn range(&self, from: usize, to: usize) -> Option<Range> {
        let (first, last) = (self.bars.get(from)?, self.bars.get(to)?);
        Some(Range {
            lower: first.range.lower,
            upper: last.range.upper,
        })
    }

    /// The words for several bars next to each other, and how many jobs they hold.
    pub fn words(&self, from: usize, to: usize) -> Option<(String, u64)> {
        let bars = self.bars.get(from..=to)?;
        let (first, last) = (bars.first()?, bars.last()?);
        let count = bars.iter().map(|bar| bar.count).sum();
        if from == to {
            return Some((first.label.clone(), count));
        }
        let begin = first.label.split(" to ").next().unwrap_or(&first.label);
        let end = last.label.split(" to ").last().unwrap_or(&last.label);
        Some((format!("{begin} to {end}"), count))
    }

    /// What a screen reader says of the picture.
    pub fn summary(&self, title: &str) -> String {
        let jobs = format_count(self.total);
        let most = self.bars.iter().max_by_key(|bar| bar.count);
        let most = most.filter(|bar| bar.count > 0).map_or_else(
            || "none with a value".to_owned(),
            |bar| format!("most in {}", bar.label),
        );
        format!("Histogram of {}: {jobs} jobs, {most}", lower_first(title))
    }
}

/// The first letter in lower case, unless the word is a name of its own.
fn lower_first(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

fn with_unit(value: &str, unit: &str) -> String {
    if unit.is_empty() {
        value.to_owned()
    } else {
        format!("{value} {unit}")
    }
}

fn binned(
    rows: &[Vec<Cell>],
    number: i64,
    edge: &dyn Fn(f64) -> String,
    last_is_closed: bool,
) -> Vec<Bar> {
    let bound = |value: Option<f64>, inclusive| value.map(|value| Bound { value, inclusive });
    let mut bars: Vec<(i64, Bar)> = rows
        .iter()
        .filter_map(|row| Bin::from_cells(row))
        .filter_map(|found| {
            let bin = found.bin?;
            let (lower, upper) = (
                found.from.map_or_else(String::new, edge),
                found.to.map_or_else(String::new, edge),
            );
            let (place, label) = match bin {
                bin if bin < 1 => (Place::Below, format!("< {upper}")),
                bin if bin > number => {
                    let sign = if last_is_closed { '>' } else { '≥' };
                    (Place::Above, format!("{sign} {lower}"))
                }
                _ => (Place::Inside, format!("{lower} to {upper}")),
            };
            // The largest value belongs to the last bin of a footprint; what lies above begins
            // after it.
            let range = Range {
                lower: bound(found.from, place == Place::Inside || !last_is_closed),
                upper: bound(found.to, last_is_closed && bin == number),
            };
            let bar = Bar {
                label,
                range,
                count: found.count,
                place,
            };
            (place == Place::Inside || found.count > 0).then_some((bin, bar))
        })
        .collect();
    bars.sort_by_key(|(bin, _)| *bin);
    bars.into_iter().map(|(_, bar)| bar).collect()
}

/// A bar of whole numbers, both ends included.
fn whole_bar(from: i64, to: i64, count: u64) -> Bar {
    let label = if from == to {
        format_count(from)
    } else {
        format!("{} to {}", format_count(from), format_count(to))
    };
    Bar {
        label,
        range: Range::closed(from as f64, to as f64),
        count,
        place: Place::Inside,
    }
}

/// 0 and 1 alone, then 2, 3 to 4, 5 to 8, 9 to 16, … up to the largest number there is.
fn doubling(counts: &[(i64, u64)]) -> Vec<Bar> {
    let smallest = counts.iter().map(|(value, _)| *value).min().unwrap_or(0);
    let largest = counts.iter().map(|(value, _)| *value).max().unwrap_or(0);
    let mut bars = Vec::new();
    let (mut from, mut to) = (smallest.min(0), 0_i64);
    while from <= largest {
        let count = counts
            .iter()
            .filter(|(value, _)| (from..=to).contains(value))
            .map(|(_, count)| count)
            .sum();
        // Nothing is drawn before the first one that holds something.
        if count > 0 || !bars.is_empty() {
            bars.push(whole_bar(from, to, count));
        }
        // A hostile file holds the largest number there is.
        let Some(next) = to.checked_add(1) else { break };
        from = next;
        to = if to < 1 { 1 } else { to.saturating_mul(2) };
    }
    bars
}

/// Five to eight labels at the edges of bins.
fn edge_ticks(number: i64, text: impl Fn(i64) -> String) -> Vec<Tick> {
    let parts = if number % 4 == 0 { 4 } else { 7 };
    (0..=parts)
        .map(|part| part * number / parts)
        .map(|at| Tick {
            at: at as f32,
            text: text(at),
        })
        .collect()
}

/// An edge of a bin in the unit that fits its width.
fn duration_edge(bins: DurationBins, secs: i64) -> String {
    let in_days = matches!(bins, DurationBins::TwelveHours | DurationBins::Day);
    match secs {
        0 => "0".to_owned(),
        secs if in_days && secs % 86_400 == 0 => format!("{} d", secs / 86_400),
        secs if secs % 3600 == 0 => format!("{} h", secs / 3600),
        secs if secs > 3600 => format!("{}:{:02} h", secs / 3600, secs / 60 % 60),
        secs => format!("{} min", secs / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(bin: Option<i64>, from: Option<f64>, to: Option<f64>, count: i64) -> Vec<Cell> {
        vec![
            bin.map_or(Cell::Null, Cell::Int),
            from.map_or(Cell::Null, Cell::Real),
            to.map_or(Cell::Null, Cell::Real),
            Cell::Int(count),
        ]
    }

    #[test]
    fn ranges_end_with_the_largest_number_there_is() {
        let bars = doubling(&[(1, 2), (i64::MAX, 1)]);
        assert_eq!(bars.iter().map(|bar| bar.count).sum::<u64>(), 3);
        assert!(bars.len() < 70);
    }

    #[test]
    fn a_bin_of_durations_leaves_out_its_upper_edge() {
        let rows = [
            row(Some(1), Some(0.0), Some(3600.0), 3),
            row(Some(2), Some(3600.0), Some(7200.0), 1),
            row(Some(49), Some(172_800.0), None, 2),
        ];
        let histogram = Histogram::of_duration(DurationBins::Hour, &rows);
        assert_eq!(histogram.bars[1].label, "1 h to 2 h");
        assert_eq!(histogram.bars[1].range.to_string(), "3600..<7200");
        assert_eq!(histogram.bars[2].label, "≥ 48 h");
        assert_eq!(histogram.bars[2].range.to_string(), ">=172800");
        assert_eq!(
            histogram
                .range(0, 1)
                .map(|range| range.to_string())
                .as_deref(),
            Some("0..<7200")
        );
        assert_eq!(histogram.words(0, 1), Some(("0 to 2 h".to_owned(), 4)));
    }

    #[test]
    fn the_last_bin_of_a_metric_holds_the_peak() {
        let metric = Metric {
            name: "mem_bw_avg".to_owned(),
            bins: 2,
            scale: None,
        };
        let rows = [
            row(Some(1), Some(0.0), Some(50.0), 3),
            row(Some(2), Some(50.0), Some(100.0), 1),
            row(None, None, None, 5),
        ];
        let histogram = Histogram::of_metric(&metric, &rows);
        assert_eq!(histogram.bars[0].range.to_string(), "0..<50");
        assert_eq!(histogram.bars[1].range.to_string(), "50..100");
        assert_eq!((histogram.unknown, histogram.total), (5, 9));
        assert_eq!(
            histogram.axis,
            "0 … 100 (largest value; no cluster description)"
        );
    }

    #[test]
    fn many_numbers_of_threads_become_ranges_that_double() {
        let rows: Vec<_> = (1..=20)
            .map(|n| row(Some(n), Some(n as f64), Some(n as f64), 1))
            .collect();
        let histogram = Histogram::of_resource(Resource::Cores, &rows);
        let labels: Vec<_> = histogram
            .bars
            .iter()
            .map(|bar| bar.label.as_str())
            .collect();
        assert_eq!(
            labels,
            ["1", "2", "3 to 4", "5 to 8", "9 to 16", "17 to 32"]
        );
        let counts: u64 = histogram.bars.iter().map(|bar| bar.count).sum();
        assert_eq!(counts, 20);
    }
}
