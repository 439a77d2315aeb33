//! Filters that somebody might ask for, and some that nobody should.

use jiff::Timestamp;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

use super::{Column, Job, Oracle, number_of, value::Stored};

/// The time twice, because hardly anybody asks without it.
const FIELDS: [&str; 24] = [
    "arrayJobId",
    "cluster",
    "dbId",
    "duration",
    "energy",
    "jobId",
    "jobName",
    "metricStats",
    "node",
    "numAccelerators",
    "numHWThreads",
    "numNodes",
    "partition",
    "project",
    "schedule",
    "shared",
    "startTime",
    "state",
    "subCluster",
    "tags",
    "tagsAll",
    "tagsNone",
    "user",
    "startTime",
];

/// Texts that are in no database, or that mean more than their letters.
const STRANGE: [&str; 12] = [
    "",
    "%",
    "_",
    "\\",
    "\\%",
    "%_%",
    "'; DROP TABLE job; --",
    "\"job\"",
    "no such thing",
    "ÄÖÜ",
    "007",
    " 12 ",
];

/// So many filters with values from the database. Equal seeds give equal filters.
pub fn random_filters(seed: u64, n: usize, oracle: &Oracle) -> Vec<Value> {
    assert!(!oracle.jobs.is_empty(), "values come from jobs");
    let mut metrics: Vec<_> = oracle
        .jobs
        .iter()
        .filter_map(|job| job.footprint.as_ref())
        .flat_map(|metrics| metrics.keys().cloned())
        .chain(["no_such_metric".to_owned()])
        .collect();
    metrics.sort_unstable();
    metrics.dedup();
    let mut random = Random {
        rng: ChaCha8Rng::seed_from_u64(seed),
        oracle,
        metrics,
    };
    (0..n).map(|_| random.filter()).collect()
}

struct Random<'a> {
    rng: ChaCha8Rng,
    oracle: &'a Oracle,
    metrics: Vec<String>,
}

impl Random<'_> {
    fn filter(&mut self) -> Value {
        if self.one_in(6) {
            Value::Array(vec![self.object(), self.object()])
        } else {
            self.object()
        }
    }

    /// One to four fields, most of them from one and the same job, so that several together still
    /// accept something.
    fn object(&mut self) -> Value {
        let model = self.pick(&self.oracle.jobs);
        let mut object = Map::new();
        let wanted = *self.pick(&[1, 1, 1, 2, 2, 3, 4]);
        while object.len() < wanted {
            let field = *self.pick(&FIELDS);
            let job = if self.one_in(4) {
                self.pick(&self.oracle.jobs)
            } else {
                model
            };
            let value = self.field(field, job);
            object.insert(field.to_owned(), value);
        }
        Value::Object(object)
    }

    fn field(&mut self, field: &str, job: &Job) -> Value {
        match field {
            "arrayJobId" => json!(job[Column::ArrayJobId].integer().unwrap_or(0)),
            "cluster" => self.text(&job[Column::Cluster]),
            "subCluster" => self.text(&job[Column::Subcluster]),
            "partition" => self.text(&job[Column::Partition]),
            "project" => self.text(&job[Column::Project]),
            "user" => self.text(&job[Column::User]),
            "jobId" => self.text(&job[Column::JobId]),
            "jobName" => self.text(job.name.as_ref().unwrap_or(&Stored::Null)),
            "node" => {
                let host = job.hosts.as_ref().and_then(|hosts| hosts.last());
                self.text(host.unwrap_or(&Stored::Null))
            }
            "dbId" => self.ids(job.id, number_of(self.oracle.jobs.len()) + 5),
            "tags" | "tagsAll" | "tagsNone" => {
                let known = self.oracle.tag_ids(job).next();
                let num_tags = number_of(self.oracle.tags.len());
                let id = known.unwrap_or_else(|| self.rng.random_range(1..=num_tags.max(1)));
                self.ids(id, num_tags + 1)
            }
            "duration" => self.range(&job[Column::Duration]),
            "energy" => self.range(&job[Column::Energy]),
            "numNodes" => self.range(&job[Column::NumNodes]),
            "numAccelerators" => self.range(&job[Column::NumAcc]),
            "numHWThreads" => self.range(&job[Column::NumHwthreads]),
            "startTime" => self.time_range(&job[Column::StartTime]),
            "metricStats" => self.metric_stats(job),
            "schedule" => json!(self.pick(&["interactive", "batch", "batch", "nonsense"])),
            "shared" => {
                let own = job[Column::Shared].text().unwrap_or("none");
                json!(self.pick(&[own, own, "none", "single_user", "nonsense"]))
            }
            "state" => self.states(job),
            other => panic!("no filter has a field {other}"),
        }
    }

    fn states(&mut self, job: &Job) -> Value {
        let own = job[Column::State].text().unwrap_or("completed").to_owned();
        let more = ["running", "failed", "timeout", "out_of_memory", "nonsense"];
        let mut states = vec![own];
        for _ in 0..self.rng.random_range(0..3) {
            states.push((*self.pick(&more)).to_owned());
        }
        if self.one_in(20) {
            states.clear();
        }
        json!(states)
    }

    /// One to three ids, as numbers or as texts, or none at all.
    fn ids(&mut self, own: i64, beyond: i64) -> Value {
        let mut ids = vec![own];
        for _ in 0..self.rng.random_range(0..3) {
            ids.push(self.rng.random_range(1..=beyond.max(1)));
        }
        if self.one_in(20) {
            ids.clear();
        }
        if self.one_in(8) {
            ids.push(999_999_999);
        }
        if self.one_in(3) {
            let texts: Vec<_> = ids.iter().map(ToString::to_string).collect();
            json!(texts)
        } else {
            json!(ids)
        }
    }

    fn text(&mut self, value: &Stored) -> Value {
        let own = value.as_like_operand().unwrap_or_default();
        let whole = match self.rng.random_range(0..8) {
            0 => (*self.pick(&STRANGE)).to_owned(),
            1 => swap_case(&own),
            _ => own,
        };
        match self.rng.random_range(0..14) {
            0 | 1 => json!({"eq": whole}),
            2 => json!({"neq": whole}),
            3 | 4 => json!({"startsWith": self.part(&whole, 0)}),
            5 | 6 => json!({"endsWith": self.part(&whole, 2)}),
            7 | 8 => json!({"contains": self.part(&whole, 1)}),
            9 => json!({"in": [whole, *self.pick(&STRANGE), "nonsense"]}),
            10 => json!({"in": if self.one_in(4) { vec![] } else { vec![whole] }}),
            11 => json!({"like": self.like(&whole)}),
            // Only the first of these counts.
            12 => json!({"contains": self.part(&whole, 1), "like": "nothing", "in": []}),
            _ => json!({"eq": null, "neq": "nonsense", "contains": "nothing"}),
        }
    }

    /// The beginning (0), the middle (1) or the end (2) of a text, with a wildcard at times.
    fn part(&mut self, text: &str, which: usize) -> String {
        let letters: Vec<char> = text.chars().collect();
        let length = self.rng.random_range(0..=letters.len());
        let from = [0, (letters.len() - length) / 2, letters.len() - length][which];
        let mut part: String = letters[from..from + length].iter().collect();
        if self.one_in(10) {
            part.push(*self.pick(&['%', '_', '\\']));
        }
        part
    }

    /// A pattern with wildcards in place of some letters.
    fn like(&mut self, text: &str) -> String {
        text.chars()
            .map(|letter| match self.rng.random_range(0..6) {
                0 => '_',
                1 => '%',
                _ => letter,
            })
            .collect()
    }

    /// Every form of a range, around a value that exists.
    fn range(&mut self, value: &Stored) -> Value {
        let is_whole = value.number().is_none_or(|number| number.fract() == 0.0);
        let middle = value.number().unwrap_or(1.0);
        let width = *self.pick(&[0.0, 1.0, 10.0, middle.abs() / 2.0]);
        let number = |number: f64| {
            if is_whole {
                json!(number as i64)
            } else {
                json!(number)
            }
        };
        let [at, low, high] = [middle, middle - width, middle + width].map(number);
        match self.rng.random_range(0..18) {
            0..3 => json!({"from": low, "to": high}),
            3 | 4 => json!({"from": low, "to": 0}),
            5 => json!({"from": at}),
            6 | 7 => json!({"from": 0, "to": high}),
            8 => json!({"from": null, "to": at}),
            9 => self.pick(&[json!({}), json!({"from": 0, "to": 0})]).clone(),
            10 => json!({"from": 1, "to": high}),
            11 => json!({"from": -5, "to": high}),
            12 => json!({"from": high, "to": low}),
            13 => json!({"eq": at}),
            14 => json!({"ge": low, "le": high}),
            15 => json!({"gt": low, "lt": high}),
            16 => self.pick(&[json!({"ge": at}), json!({"gt": at})]).clone(),
            _ => self
                .pick(&[json!({"le": at}), json!({"lt": at}), json!({"eq": 0})])
                .clone(),
        }
    }

    fn time_range(&mut self, value: &Stored) -> Value {
        let middle = value.integer().unwrap_or(0);
        let width = *self.pick(&[0, 1, 3600, 86_400, 2_592_000]);
        let (low, high) = (middle - width, middle + width);
        let name = *self.pick(&["last6h", "last24h", "last7d", "last30d", "last7d"]);
        match self.rng.random_range(0..12) {
            0 | 1 => json!({"from": low, "to": high}),
            2 | 3 => json!({"from": rfc_3339(low, 0), "to": rfc_3339(high, 2)}),
            4 => json!({"from": rfc_3339(middle, -5), "to": null}),
            5 => json!({"from": middle}),
            6 => json!({"to": rfc_3339(middle, 0)}),
            7 => json!({"to": high}),
            8 | 9 => json!({"range": name}),
            10 => json!({"from": low, "to": high, "range": name}),
            _ => self.pick(&[json!({}), json!({"range": "last5m"})]).clone(),
        }
    }

    fn metric_stats(&mut self, job: &Job) -> Value {
        let own: Vec<_> = job.footprint.iter().flatten().collect();
        let num_metrics = self.rng.random_range(1..=2);
        let mut list = Vec::new();
        for _ in 0..num_metrics {
            let (name, value) = if own.is_empty() || self.one_in(6) {
                let any = self.rng.random_range(0..self.metrics.len());
                (self.metrics[any].clone(), Stored::Real(1.5))
            } else {
                let (name, value) = self.pick(&own);
                ((*name).clone(), (*value).clone())
            };
            let name = if self.one_in(30) {
                "not a name!".to_owned()
            } else {
                name
            };
            list.push(json!({"metricName": name, "range": self.range(&value)}));
        }
        if self.one_in(40) {
            list.clear();
        }
        Value::Array(list)
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.rng.random_range(0..n) == 0
    }

    fn pick<'b, T>(&mut self, from: &'b [T]) -> &'b T {
        &from[self.rng.random_range(0..from.len())]
    }
}

/// A time on the clock of a place so many hours east.
fn rfc_3339(unix_secs: i64, hours: i64) -> String {
    let local = Timestamp::from_second(unix_secs + hours * 3600).expect("a time");
    let local = local.strftime("%Y-%m-%dT%H:%M:%S");
    match hours {
        0 => format!("{local}Z"),
        hours if hours < 0 => format!("{local}-{:02}:00", -hours),
        hours => format!("{local}+{hours:02}:00"),
    }
}

fn swap_case(text: &str) -> String {
    let swap = |letter: char| {
        if letter.is_uppercase() {
            letter.to_lowercase().collect::<String>()
        } else {
            letter.to_uppercase().collect()
        }
    };
    text.chars().map(swap).collect()
}
