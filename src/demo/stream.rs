//! All jobs of a generated database, one after the other, in about the order of their start.

use std::collections::VecDeque;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::Poisson;

use super::{
    calendar::{Calendar, HOUR},
    oddity::{Oddities, Oddity},
    options::{GenerateOptions, MAX_RUNNING_AGE},
    row::{self, JobRow, Start},
    script::PROGRAMS,
    shape::{Shape, lognormal},
    site::{APP_TAGS, CLASS_TAGS, CLUSTERS, Character, MANUAL_TAGS, Site},
};

/// One submission in this many is a burst of equal jobs: three in ten jobs are part of one.
const BURST_PROBABILITY: f64 = 0.006;

/// Sizes of bursts: the middle of the distribution, its width, and their bounds.
const BURST_SIZE: (f64, f64) = (35.0, 1.1);
const BURST_BOUNDS: (u64, u64) = (10, 5_000);

/// The mean that follows from [`BURST_SIZE`].
const MEAN_BURST_SIZE: f64 = 66.0;

/// No bursts in the last month, so that the number of jobs left over at the end is small.
const LAST_BURST_HOURS_BEFORE_END: usize = 30 * 24;

/// The part of the whole time after which the automatic tagger is at work.
const TAGGER_SINCE: f64 = 0.78;

/// The part of the whole time after which a scheduler began to count from the start again.
const COUNTER_RESET_AT: f64 = 0.55;

/// All jobs. Holds one hour's plan at a time, so its size does not depend on their number.
pub struct JobStream<'a> {
    site: &'a Site,
    rng: ChaCha8Rng,
    calendar: Calendar,
    until: i64,
    hour: usize,
    weight_left: f64,
    finished_left: u64,
    running_left: u64,
    finished_index: u64,
    planned: VecDeque<(i64, Fate)>,
    burst: Option<Burst>,
    max_burst: u64,
    next_job_id: [i64; CLUSTERS.len()],
    counter_reset_due: bool,
    oddities: Oddities,
}

/// How a planned job stands at the end of the whole time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Finished,
    Running,
}

/// Equal jobs that follow each other.
struct Burst {
    shape: Shape,
    left: u64,
    next_start: i64,
    mean_gap_secs: f64,
    /// The id of the first job for an array, 0 for jobs that a loop has submitted.
    array_job_id: i64,
}

impl<'a> JobStream<'a> {
    /// Plans the jobs. The same options and randomness give the same jobs.
    pub fn new(options: &GenerateOptions, site: &'a Site, mut rng: ChaCha8Rng) -> Self {
        let calendar = Calendar::new(options.until_unix_secs, &mut rng);
        let running_left = options.num_running();
        let finished_left = options.jobs - running_left;
        Self {
            site,
            rng,
            weight_left: calendar.total_weight(),
            calendar,
            until: options.until_unix_secs,
            hour: 0,
            finished_left,
            running_left,
            finished_index: 0,
            planned: VecDeque::new(),
            burst: None,
            max_burst: (options.jobs / 50).min(BURST_BOUNDS.1),
            next_job_id: CLUSTERS.each_ref().map(|cluster| cluster.first_job_id),
            counter_reset_due: options.dirt,
            oddities: Oddities::new(finished_left, options.dirt),
        }
    }

    fn progress(&self) -> f64 {
        self.hour as f64 / self.calendar.len() as f64
    }

    fn bursts_allowed(&self) -> bool {
        self.max_burst >= BURST_BOUNDS.0
            && self.hour + LAST_BURST_HOURS_BEFORE_END < self.calendar.len()
    }

    /// Decides how many jobs start in the next hour, and when.
    fn plan_hour(&mut self) {
        let weight = self.calendar.weight(self.hour);
        let hours_left = self.calendar.len() - self.hour;
        let num_finished = self.finished_in_hour(weight, hours_left);
        let num_running = self.running_in_hour(hours_left);
        self.weight_left -= weight;

        let begin = self.calendar.begin_of(self.hour);
        let mut plan = Vec::with_capacity((num_finished + num_running) as usize);
        for (count, fate) in [(num_finished, Fate::Finished), (num_running, Fate::Running)] {
            for _ in 0..count {
                // Not in the last minute: what has ended must have had time for it.
                plan.push((begin + self.rng.random_range(0..HOUR - 60), fate));
            }
        }
        plan.sort_unstable();
        self.planned.extend(plan);
        self.hour += 1;
    }

    fn finished_in_hour(&mut self, weight: f64, hours_left: usize) -> u64 {
        if hours_left == 1 {
            return self.finished_left;
        }
        let per_submission = if self.bursts_allowed() {
            let mean_size = MEAN_BURST_SIZE.min(self.max_burst as f64 * 0.7);
            1.0 + BURST_PROBABILITY * (mean_size - 1.0)
        } else {
            1.0
        };
        let expected =
            self.finished_left as f64 * weight / self.weight_left.max(weight) / per_submission;
        // An hour without jobs is no Poisson distribution.
        Poisson::new(expected).map_or(0, |poisson| {
            (self.rng.sample(poisson) as u64).min(self.finished_left)
        })
    }

    /// Younger jobs are more likely to be running still.
    fn running_in_hour(&mut self, hours_left: usize) -> u64 {
        if hours_left.cast_signed() as i64 * HOUR > MAX_RUNNING_AGE {
            return 0;
        }
        let weight = |hours: usize| (-(hours as f64) / 16.0).exp();
        let sum: f64 = (1..=hours_left).map(weight).sum();
        let expected = self.running_left as f64 * weight(hours_left) / sum;
        let count = if hours_left == 1 {
            self.running_left
        } else {
            ((expected + self.rng.random::<f64>()) as u64).min(self.running_left)
        };
        self.running_left -= count;
        count
    }

    fn submit(&mut self, at: i64, fate: Fate) -> Option<JobRow<'a>> {
        match fate {
            Fate::Running => {
                let shape = Shape::invent(self.site, 1.0, self.until - at, &mut self.rng);
                let start = self.start(&shape, at, 0);
                Some(row::running(self.site, &shape, start, &mut self.rng))
            }
            // A burst has taken the place of this one.
            Fate::Finished if self.finished_left == 0 => None,
            Fate::Finished => {
                let shape = Shape::invent(self.site, self.progress(), 0, &mut self.rng);
                if self.bursts_allowed() && self.rng.random_bool(BURST_PROBABILITY) {
                    self.begin_burst(&shape, at);
                }
                let array_job_id = self.burst.as_ref().map_or(0, |burst| burst.array_job_id);
                let start = self.start(&shape, at, array_job_id);
                Some(self.finish(&shape, start))
            }
        }
    }

    fn begin_burst(&mut self, shape: &Shape, at: i64) {
        let (median, sigma) = BURST_SIZE;
        let size = (lognormal(&mut self.rng, median, sigma) as u64)
            .clamp(BURST_BOUNDS.0, self.max_burst.max(BURST_BOUNDS.0));
        let is_array = self.rng.random_bool(0.6);
        self.burst = Some(Burst {
            shape: shape.clone(),
            left: size - 1,
            next_start: at,
            mean_gap_secs: self.rng.random_range(0.2..20.0),
            array_job_id: if is_array {
                self.next_job_id[shape.cluster_index]
            } else {
                0
            },
        });
    }

    fn next_of_burst(&mut self) -> Option<JobRow<'a>> {
        let mut burst = self.burst.take()?;
        if burst.left == 0 || self.finished_left == 0 {
            return None;
        }
        burst.left -= 1;
        let gap = -burst.mean_gap_secs * (1.0 - self.rng.random::<f64>()).ln();
        burst.next_start += gap as i64;
        let start = self.start(&burst.shape, burst.next_start, burst.array_job_id);
        let row = self.finish(&burst.shape, start);
        self.burst = Some(burst);
        Some(row)
    }

    /// Gives out the next id of the cluster.
    fn start(&mut self, shape: &Shape, at: i64, array_job_id: i64) -> Start {
        if self.counter_reset_due
            && self.progress() > COUNTER_RESET_AT
            && shape.cluster().character == Character::Parallel
        {
            self.counter_reset_due = false;
            self.next_job_id[shape.cluster_index] = shape.cluster().first_job_id;
        }
        // Jobs of an array are numbered without gaps; between others, some belong to nobody here.
        let step = if array_job_id == 0 {
            self.rng.random_range(1..=2)
        } else {
            1
        };
        let next = &mut self.next_job_id[shape.cluster_index];
        let job_id = *next;
        *next += step;
        Start {
            job_id,
            array_job_id,
            at_unix_secs: at,
            until_unix_secs: self.until,
            progress: self.progress(),
        }
    }

    fn finish(&mut self, shape: &Shape, start: Start) -> JobRow<'a> {
        let index = self.finished_index;
        self.finished_left -= 1;
        self.finished_index += 1;
        let mut row = row::finished(self.site, shape, start, &mut self.rng);
        self.tag(&mut row, shape, start.progress);
        if let Some(oddity) = self.oddities.at(index) {
            oddity.apply(&mut row, index, start.progress, self.until);
            if matches!(oddity, Oddity::State("pending" | "suspended")) {
                row.tags.clear();
            }
        }
        row
    }

    fn tag(&mut self, row: &mut JobRow<'_>, shape: &Shape, progress: f64) {
        let at = row.start_time_unix_secs + row.duration_secs;
        if progress > TAGGER_SINCE {
            if self.rng.random_bool(0.4) {
                row.tags.push((PROGRAMS[shape.program].app_tag, at + 120));
            }
            if self.rng.random_bool(0.05) {
                let class = self.rng.random_range(0..CLASS_TAGS.len());
                row.tags.push((APP_TAGS.len() + class, at + 120));
            }
        }
        if self.rng.random_bool(0.002) {
            let tag = self
                .rng
                .random_range(0..MANUAL_TAGS.len() + NUM_PRIVATE_TAGS);
            let at = at + self.rng.random_range(3_600..3_000_000);
            row.tags
                .push((APP_TAGS.len() + CLASS_TAGS.len() + tag, at.min(self.until)));
        }
    }
}

/// How many users have a tag of their own.
pub const NUM_PRIVATE_TAGS: usize = 8;

impl<'a> Iterator for JobStream<'a> {
    type Item = JobRow<'a>;

    fn next(&mut self) -> Option<JobRow<'a>> {
        loop {
            if let Some(row) = self.next_of_burst() {
                return Some(row);
            }
            while let Some((at, fate)) = self.planned.pop_front() {
                if let Some(row) = self.submit(at, fate) {
                    return Some(row);
                }
            }
            if self.hour == self.calendar.len() {
                return None;
            }
            self.plan_hour();
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::{super::json::Cell, *};

    fn rows(options: &GenerateOptions, check: impl FnMut(JobRow<'_>)) {
        let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
        let site = Site::invent(options, &mut rng);
        JobStream::new(options, &site, rng).for_each(check);
    }

    #[test]
    fn there_are_as_many_jobs_as_asked_for() {
        for jobs in [1, 7, 544, 3_000] {
            let options = GenerateOptions::new("job.db", jobs);
            let mut count = 0;
            rows(&options, |_| count += 1);
            assert_eq!(count, jobs);
        }
    }

    #[test]
    fn every_json_of_a_clean_database_can_be_parsed() {
        let options = GenerateOptions {
            dirt: false,
            ..GenerateOptions::new("job.db", 3_000)
        };
        rows(&options, |row| {
            for cell in [
                &row.meta_data,
                &row.resources,
                &row.footprint,
                &row.energy_footprint,
            ] {
                if let Cell::Text(json) | Cell::Blob(json) = cell {
                    let parsed: Result<serde_json::Value, _> = serde_json::from_str(json);
                    assert!(parsed.is_ok(), "{json}");
                }
            }
        });
    }

    #[test]
    fn no_job_of_a_clean_database_runs_beyond_the_end() {
        let options = GenerateOptions {
            dirt: false,
            ..GenerateOptions::new("job.db", 3_000)
        };
        rows(&options, |row| {
            let end = row.start_time_unix_secs + row.duration_secs;
            assert!(end <= options.until_unix_secs, "{row:?}");
        });
    }

    #[test]
    fn job_memory_and_load_stay_within_the_node() {
        let options = GenerateOptions {
            dirt: false,
            ..GenerateOptions::new("job.db", 3_000)
        };
        rows(&options, |row| {
            let (Cell::Text(json) | Cell::Blob(json)) = &row.footprint else {
                return;
            };
            let footprint: serde_json::Value = serde_json::from_str(json).expect("valid JSON");
            let cores = f64::from(row.num_hwthreads.unwrap_or(0)) / f64::from(row.num_nodes);
            if let Some(load) = footprint["cpu_load_avg"].as_f64() {
                assert!(load > 0.0 && load <= cores, "{load} on {cores}: {row:?}");
            }
            if let Some(percent) = footprint["acc_utilization_avg"].as_f64() {
                assert!((0.0..=100.0).contains(&percent), "{percent}");
            }
        });
    }

    #[test]
    fn meta_data_has_the_length_that_real_files_have() {
        let options = GenerateOptions::new("job.db", 5_000);
        let (mut sum, mut max) = (0, 0);
        rows(&options, |row| {
            if let Cell::Text(json) | Cell::Blob(json) = row.meta_data {
                sum += json.len();
                max = max.max(json.len());
            }
        });
        let mean = sum / 5_000;
        assert!((1_250..1_550).contains(&mean), "{mean} bytes");
        assert!(max > 10_000, "{max} bytes");
    }

    #[test]
    fn a_job_id_comes_again_after_the_counter_was_reset() {
        let mut seen = std::collections::BTreeMap::new();
        rows(&GenerateOptions::new("job.db", 1_000), |row| {
            *seen.entry((row.cluster, row.job_id)).or_insert(0) += 1;
        });
        assert!(seen.values().any(|count| *count > 1));
    }
}
