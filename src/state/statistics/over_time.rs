//! Jobs and core-hours by the time of their start, in stacked parts.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};

use crate::{
    db::value::Cell,
    jobs::lookup::{Stack, Step},
    units::format_count,
};

/// Parts with a colour of their own; the rest is one part more.
pub const MAX_PARTS: usize = 7;

/// What the chart shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    /// The number of jobs.
    #[default]
    Jobs,
    /// The sum of hardware-thread-hours.
    CoreHours,
}

impl Measure {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Jobs, Self::CoreHours];

    /// Its name and unit.
    pub fn label(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::CoreHours => "core-hours",
        }
    }
}

/// A part of the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackPart {
    /// The cluster, state or project; `others` for what has no colour of its own.
    pub name: String,
    /// The value in the job table. `None` for what is several values, or none.
    pub value: Option<String>,
    /// Jobs and core-hours of the whole time.
    pub sums: [i64; 2],
}

/// One step of time with its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeStep {
    /// When it begins, in Unix seconds.
    pub from_unix_secs: i64,
    /// For each part its jobs and core-hours.
    pub values: [[i64; 2]; MAX_PARTS + 1],
}

/// The course over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverTime {
    /// How long the steps are.
    pub step: Step,
    /// What they are made of.
    pub stack: Stack,
    /// The parts, the largest first, the others last.
    pub parts: Vec<StackPart>,
    /// The steps in which jobs started, in order. Empty ones are left out.
    pub steps: Vec<TimeStep>,
    /// Jobs that started long before the rest; they would press the chart flat.
    pub early: Option<Early>,
}

/// Jobs before the beginning of the chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Early {
    /// How many.
    pub jobs: i64,
    /// Where the chart begins.
    pub before_unix_secs: i64,
}

impl OverTime {
    /// From the rows of the query: time, part, jobs, core-hours.
    pub fn new(step: Step, stack: Stack, rows: &[Vec<Cell>]) -> Self {
        let mut sums: BTreeMap<Option<String>, [i64; 2]> = BTreeMap::new();
        for row in rows {
            let Some((_, part, values)) = read(row) else {
                continue;
            };
            let sum = sums.entry(part).or_default();
            for (sum, value) in sum.iter_mut().zip(values) {
                *sum = sum.saturating_add(value);
            }
        }
        let (parts, place) = ranked(sums);
        let mut steps: Vec<TimeStep> = Vec::new();
        for row in rows {
            let Some((time, part, values)) = read(row) else {
                continue;
            };
            if steps.last().is_none_or(|last| last.from_unix_secs != time) {
                steps.push(TimeStep {
                    from_unix_secs: time,
                    values: Default::default(),
                });
            }
            let at = place.get(&part).copied().unwrap_or(MAX_PARTS);
            if let Some(cell) = steps.last_mut().and_then(|last| last.values.get_mut(at)) {
                for (sum, value) in cell.iter_mut().zip(values) {
                    *sum = sum.saturating_add(value);
                }
            }
        }
        let early = cut_early(&mut steps);
        Self {
            step,
            stack,
            parts,
            steps,
            early,
        }
    }

    /// From the first step to the end of the last one, in Unix seconds.
    pub fn span(&self) -> Option<(i64, i64)> {
        let (first, last) = (self.steps.first()?, self.steps.last()?);
        Some((
            first.from_unix_secs,
            step_end(self.step, last.from_unix_secs),
        ))
    }

    /// What a screen reader says of the picture.
    pub fn summary(&self) -> String {
        let jobs: i64 = self.parts.iter().map(|part| part.sums[0]).sum();
        let span = self.span().map_or_else(String::new, |(from, to)| {
            format!(
                ", {} to {} UTC",
                step_label(Step::Day, from),
                step_label(Step::Day, to - 1)
            )
        });
        format!(
            "Jobs over time by {}: {} jobs{span}",
            self.step.key(),
            format_count(jobs)
        )
    }
}

/// When a step that begins then is over, in Unix seconds.
pub fn step_end(step: Step, from_unix_secs: i64) -> i64 {
    match step {
        Step::Hour => from_unix_secs.saturating_add(3600),
        Step::Day => from_unix_secs.saturating_add(86_400),
        Step::Month => Timestamp::from_second(from_unix_secs)
            .ok()
            .and_then(|time| {
                time.to_zoned(TimeZone::UTC)
                    .checked_add(1.month())
                    .ok()
                    .map(|next| next.timestamp().as_second())
            })
            .unwrap_or_else(|| from_unix_secs.saturating_add(31 * 86_400)),
    }
}

/// When the step begins that this time lies in, in Unix seconds.
pub fn step_begin(step: Step, unix_secs: i64) -> i64 {
    match step {
        Step::Hour => unix_secs.div_euclid(3600) * 3600,
        Step::Day => unix_secs.div_euclid(86_400) * 86_400,
        Step::Month => Timestamp::from_second(unix_secs)
            .ok()
            .and_then(|time| {
                let first = time.to_zoned(TimeZone::UTC).first_of_month().ok()?;
                Some(first.start_of_day().ok()?.timestamp().as_second())
            })
            .unwrap_or(unix_secs),
    }
}

/// A step by its beginning, in UTC: `2026-03-11 06:00`, `2026-03-11`, `2026-03`.
pub fn step_label(step: Step, unix_secs: i64) -> String {
    let format = match step {
        Step::Hour => "%Y-%m-%d %H:%M",
        Step::Day => "%Y-%m-%d",
        Step::Month => "%Y-%m",
    };
    Timestamp::from_second(unix_secs).map_or_else(
        |_| unix_secs.to_string(),
        |time| time.to_zoned(TimeZone::UTC).strftime(format).to_string(),
    )
}

type Read = (i64, Option<String>, [i64; 2]);

fn read(row: &[Cell]) -> Option<Read> {
    let [time, part, jobs, core_hours, ..] = row else {
        return None;
    };
    let part = part.as_text().map(ToOwned::to_owned);
    Some((
        time.as_int()?,
        part,
        [jobs.as_int()?, core_hours.as_int().unwrap_or(0)],
    ))
}

/// The largest parts by their shares of jobs and of core-hours, so that each keeps its colour
/// whatever is shown, and where each value stands.
fn ranked(
    sums: BTreeMap<Option<String>, [i64; 2]>,
) -> (Vec<StackPart>, BTreeMap<Option<String>, usize>) {
    let all = sums.values().fold([0.0; 2], |all: [f64; 2], sum| {
        [all[0] + sum[0] as f64, all[1] + sum[1] as f64]
    });
    let weight = |sum: &[i64; 2]| sum[0] as f64 / all[0].max(1.0) + sum[1] as f64 / all[1].max(1.0);
    let mut order: Vec<_> = sums.into_iter().collect();
    order.sort_by(|a, b| weight(&b.1).total_cmp(&weight(&a.1)));
    // One more than there are colours needs no "others": it is a part of its own.
    let named = if order.len() == MAX_PARTS + 1 {
        order.len()
    } else {
        order.len().min(MAX_PARTS)
    };
    let mut place = BTreeMap::new();
    let mut parts: Vec<StackPart> = Vec::new();
    for (index, (value, sums)) in order.into_iter().enumerate() {
        if index < named {
            let name = match value.as_deref() {
                None | Some("") => "(empty)".to_owned(),
                Some(name) => name.to_owned(),
            };
            parts.push(StackPart {
                name,
                value: value.clone(),
                sums,
            });
        } else if let Some(others) = parts.get_mut(named) {
            for (sum, value) in others.sums.iter_mut().zip(sums) {
                *sum = sum.saturating_add(value);
            }
        } else {
            parts.push(StackPart {
                name: "others".to_owned(),
                value: None,
                sums,
            });
        }
        place.insert(value, index.min(named));
    }
    (parts, place)
}

/// Takes out what started long before everything else, such as jobs with a start of 0.
fn cut_early(steps: &mut Vec<TimeStep>) -> Option<Early> {
    let jobs_of = |step: &TimeStep| step.values.iter().map(|value| value[0]).sum::<i64>();
    let all: i64 = steps.iter().map(jobs_of).sum();
    let first = steps.first()?.from_unix_secs;
    let span = steps.last()?.from_unix_secs.saturating_sub(first);
    let mut jobs = 0;
    let mut cut = None;
    for (index, pair) in steps.windows(2).enumerate() {
        let [before, after] = pair else { continue };
        jobs += jobs_of(before);
        // At most a thousandth of the jobs may be taken out, and only to win half of the width.
        if jobs.saturating_mul(1000) > all {
            break;
        }
        let gap = after.from_unix_secs.saturating_sub(before.from_unix_secs);
        if gap.saturating_mul(2) > span {
            cut = Some((index + 1, jobs));
        }
    }
    let (index, jobs) = cut?;
    steps.drain(..index);
    Some(Early {
        jobs,
        before_unix_secs: steps.first()?.from_unix_secs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(time: i64, part: &str, jobs: i64) -> Vec<Cell> {
        vec![
            Cell::Int(time),
            Cell::Text(part.to_owned()),
            Cell::Int(jobs),
            Cell::Int(jobs * 10),
        ]
    }

    #[test]
    fn small_parts_become_others() {
        let rows: Vec<_> = (0..20)
            .map(|n| row(86_400 * 365 * 50, &format!("p{n:02}"), 100 - n))
            .collect();
        let over_time = OverTime::new(Step::Day, Stack::Project, &rows);
        assert_eq!(over_time.parts.len(), MAX_PARTS + 1);
        let others = &over_time.parts[MAX_PARTS];
        assert_eq!(
            (others.name.as_str(), others.value.as_ref()),
            ("others", None)
        );
        let all: i64 = over_time.steps[0].values.iter().map(|v| v[0]).sum();
        assert_eq!(all, (0..20).map(|n| 100 - n).sum::<i64>());
    }

    #[test]
    fn a_job_from_1970_does_not_press_the_chart_flat() {
        let day = 86_400;
        let mut rows = vec![row(0, "a", 1)];
        rows.extend((20_000..20_100).map(|n| row(n * day, "a", 50)));
        let over_time = OverTime::new(Step::Day, Stack::Cluster, &rows);
        assert_eq!(
            over_time.early,
            Some(Early {
                jobs: 1,
                before_unix_secs: 20_000 * day
            })
        );
        assert_eq!(over_time.span(), Some((20_000 * day, 20_100 * day)));
    }

    #[test]
    fn a_month_ends_where_the_next_begins() {
        let february = 1_769_904_000; // 2026-02-01
        assert_eq!(step_end(Step::Month, february), february + 28 * 86_400);
        assert_eq!(step_label(Step::Month, february), "2026-02");
    }
}
