//! Rows for a job table with many equal keys, many NULLs, and values of every storage class.

#![expect(clippy::expect_used, reason = "a test without its database has failed")]

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rusqlite::{Connection, params_from_iter, types::Value};

use super::{jobdb::JobDb, schemas};

/// A job table of today without rules and without indexes, and in it what rules keep out.
pub fn dirty(seed: u64, num_rows: usize) -> JobDb {
    let db = schemas::named("v11-hand-made").build();
    let conn = db.writer();
    fill(&conn, seed, num_rows, Rules::None);
    // Bytes that are no UTF-8, in several rows, and ids at the ends of what there is.
    conn.execute_batch(
        "UPDATE job SET hpc_user = CAST(x'ff61' AS TEXT) WHERE id % 37 = 3;
         UPDATE job SET project = CAST(x'61ff' AS TEXT) WHERE id % 41 = 3;
         UPDATE job SET id = -7 WHERE id = (SELECT MAX(id) FROM job);
         UPDATE job SET id = 0 WHERE id = (SELECT MAX(id) FROM job);
         UPDATE job SET id = 9223372036854775807 WHERE id = (SELECT MAX(id) FROM job);",
    )
    .expect("more dirt");
    db
}

/// Schema 11 with its rules and all its indexes.
pub fn indexed(seed: u64, num_rows: usize) -> JobDb {
    let db = schemas::named("v11").build();
    let conn = db.writer();
    fill(&conn, seed, num_rows, Rules::OfVersion11);
    conn.execute_batch("ANALYZE").expect("statistics");
    db
}

/// What a job table accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// Everything.
    None,
    /// What cc-backend declares.
    OfVersion11,
}

const COLUMNS: [&str; 24] = schemas::JOB_COLUMNS;

/// Appends rows. Equal seeds give equal rows.
pub fn fill(conn: &Connection, seed: u64, num_rows: usize, rules: Rules) {
    let mut random = Random {
        rng: ChaCha8Rng::seed_from_u64(seed),
        rules,
    };
    let sql = format!(
        "INSERT INTO job ({}) VALUES ({})",
        COLUMNS.join(", "),
        vec!["?"; COLUMNS.len()].join(", ")
    );
    conn.execute_batch("BEGIN").expect("a transaction");
    let mut id = 5_000;
    for _ in 0..num_rows {
        id += random.rng.random_range(1..4);
        let row: Vec<_> = COLUMNS.iter().map(|name| random.value(name, id)).collect();
        conn.prepare_cached(&sql)
            .expect(&sql)
            .execute(params_from_iter(row))
            .expect("a row that the rules allow");
    }
    conn.execute_batch("COMMIT").expect("all rows");
}

struct Random {
    rng: ChaCha8Rng,
    rules: Rules,
}

const TEXTS: [&str; 12] = [
    "", "a", "A", "ab", "b", "z", "ä", "Ü", "ü😀", "o'hara%_", "a\0b", "10",
];

const STATES: [&str; 5] = ["completed", "running", "failed", "timeout", "out_of_memory"];

const FOOTPRINTS: [&str; 13] = [
    r#"{"cpu_load_avg":1,"mem_bw_avg":2.5}"#,
    r#"{"cpu_load_avg":1.5,"mem_bw_avg":2.5}"#,
    r#"{"cpu_load_avg":-3.25}"#,
    r#"{"cpu_load_avg":-0.0}"#,
    r#"{"cpu_load_avg":0.0}"#,
    r#"{"mem_bw_avg":0}"#,
    r#"{"cpu_load_avg":1e999,"mem_bw_avg":-1e999}"#,
    r#"{"cpu_load_avg":"high","mem_bw_avg":[1,2]}"#,
    r#"{"cpu_load_avg":null}"#,
    "[1,2]",
    "null",
    "{}",
    "no json {",
];

impl Random {
    fn value(&mut self, column: &str, id: i64) -> Value {
        let is_free = self.rules == Rules::None;
        match column {
            "id" => Value::from(id),
            "job_id" if !is_free => Value::from(700_000 + id),
            "cluster" | "subcluster" | "hpc_user" | "project" => self.text(is_free),
            "cluster_partition" => self.text(true),
            "job_state" => self.word(&STATES),
            "shared" => self.word(&["none", "single_user", "multi_user"]),
            "monitoring_status" => Value::from(self.rng.random_range(0..4_i64)),
            "start_time" | "submit_time" => self.number(is_free, 1_700_000_000, 12),
            "array_job_id" | "num_hwthreads" | "num_acc" => self.number(true, 0, 4),
            "energy" => self.real(),
            "meta_data" => self.document(true),
            "resources" => self.document(is_free),
            "energy_footprint" | "footprint" => self.footprint(),
            _ => self.number(is_free, 0, 9),
        }
    }

    fn number(&mut self, with_null: bool, from: i64, num: i64) -> Value {
        let is_dirty = self.rules == Rules::None && self.one_in(8);
        if is_dirty {
            return match self.rng.random_range(0..6) {
                0 => Value::from("n/a".to_owned()),
                1 => Value::from(String::new()),
                2 => Value::from(vec![0_u8, 255]),
                3 => Value::from(from as f64 + 2.5),
                4 => Value::from(f64::INFINITY),
                _ => Value::from(f64::NEG_INFINITY),
            };
        }
        if with_null && self.one_in(4) {
            return Value::Null;
        }
        Value::from(from + self.rng.random_range(-2..num))
    }

    fn real(&mut self) -> Value {
        match self.rng.random_range(0..10) {
            0 => Value::from(f64::INFINITY),
            1 => Value::from(-0.0),
            2 => Value::from(0.0),
            3 => Value::from(0.1 + 0.2),
            more => Value::from(f64::from(more) / 4.0),
        }
    }

    fn text(&mut self, with_null: bool) -> Value {
        if with_null && self.one_in(4) {
            return Value::Null;
        }
        let text = self.word(&TEXTS);
        let Value::Text(plain) = &text else {
            return text;
        };
        if self.rules == Rules::None && self.one_in(8) {
            return Value::from(plain.as_bytes().to_vec());
        }
        text
    }

    /// Sometimes longer than what a list fetches of it.
    fn document(&mut self, with_null: bool) -> Value {
        if with_null && self.one_in(5) {
            return Value::Null;
        }
        let length = *[3, 150, 199, 200, 201, 700]
            .get(self.rng.random_range(0..6_usize))
            .expect("one of six");
        let text = format!(r#"{{"jobName":"{}"}}"#, "ü".repeat(length));
        if self.one_in(2) {
            Value::from(text.into_bytes())
        } else {
            Value::from(text)
        }
    }

    fn footprint(&mut self) -> Value {
        let text = self.word(&FOOTPRINTS);
        match (self.rng.random_range(0..6), &text) {
            (0, _) => Value::Null,
            (1, Value::Text(text)) => Value::from(text.as_bytes().to_vec()),
            _ => text,
        }
    }

    fn word(&mut self, words: &[&str]) -> Value {
        let word = words[self.rng.random_range(0..words.len())];
        Value::from(word.to_owned())
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.rng.random_range(0..n) == 0
    }
}
