//! A file that is asked as the product asks it, without threads.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test without its answer has failed"
)]

use std::path::Path;

use jobscope::{
    db::{
        connection::{self, OpenMode, ReadConnection},
        value::Cell,
    },
    error::{Error, Result},
    jobs::{
        catalogue::{Clock, DEFAULT_SHORT_SECS, JobQuery},
        facts::DatabaseFacts,
        filter::{JobFilter, Selection},
        histogram::{DurationBins, Metric, Resource},
        list::OmitTagged,
        lookup::{Stack, Step},
        nodes::NodeFilter,
        schema::Schema,
        statistics::{GroupBy, Kind},
    },
};
use serde_json::{Value, json};

use super::jobdb::NOW;

/// The present of the sample jobs.
pub const CLOCK: Clock = Clock {
    now_unix_secs: NOW,
    short_secs: DEFAULT_SHORT_SECS,
};

/// An open file.
pub struct Asked {
    pub conn: ReadConnection,
    pub facts: DatabaseFacts,
}

impl Asked {
    pub fn open(path: &Path) -> Self {
        let conn = connection::open(path, OpenMode::ReadOnly).expect("a database");
        let facts = DatabaseFacts::read(&conn, path, OpenMode::ReadOnly).expect("its facts");
        Self { conn, facts }
    }

    pub fn schema(&self) -> &Schema {
        &self.facts.schema
    }

    /// The answer, or why there is none. What SQLite refuses has failed.
    pub fn ask(&self, query: &JobQuery) -> Result<Vec<Vec<Cell>>> {
        let sql = query.sql(self.schema())?;
        let mut statement = self.conn.prepare(&sql.text).expect(&sql.text);
        let num_columns = statement.column_count();
        assert_eq!(num_columns, query.columns().len(), "{}", query.name());
        let rows = statement
            .query_map(rusqlite::params_from_iter(&sql.params), |row| {
                (0..num_columns)
                    .map(|column| row.get_ref(column).map(Cell::from))
                    .collect()
            })
            .expect(&sql.text)
            .collect::<rusqlite::Result<_>>()
            .expect(&sql.text);
        Ok(rows)
    }

    pub fn rows(&self, query: &JobQuery) -> Vec<Vec<Cell>> {
        self.ask(query).expect("an answerable query")
    }

    /// The ids of a list, page by page.
    pub fn walk(&self, selection: &Selection, sort: &str, limit: u32) -> Result<Vec<i64>> {
        let mut ids = Vec::new();
        let mut after = None;
        loop {
            let query = JobQuery::Jobs {
                selection: selection.clone(),
                sort: sort.parse().expect("a sort"),
                after,
                limit: Some(limit),
            };
            let rows = self.ask(&query)?;
            ids.extend(rows.iter().map(|row| row[0].as_id().expect("an id")));
            assert!(ids.len() <= 1000, "{sort}: the walk does not end");
            let next = query.next(rows.len(), rows.last().map(Vec::as_slice));
            let Some(next) = next else { return Ok(ids) };
            // As the command line hands it on.
            after = Some(next.to_string().parse().expect("its own text"));
        }
    }
}

/// The jobs that a filter in cc-backend's words selects.
pub fn selection(filter: &Value) -> Selection {
    let filter = JobFilter::from_json(&filter.to_string()).expect("a filter");
    Selection::new(filter, CLOCK)
}

/// What a refused query lacks.
pub fn lacking<T>(answer: Result<T>) -> String {
    match answer {
        Err(Error::Lacks { missing, hint }) => {
            assert!(hint.len() > 20, "a sentence: {hint}");
            missing
        }
        Err(other) => panic!("refused for another reason: {other}"),
        Ok(_) => panic!("it was answered"),
    }
}

/// An integer.
pub fn int(cell: &Cell) -> i64 {
    cell.as_int().expect("an integer")
}

/// Every query of the catalogue, in its order.
#[expect(clippy::too_many_lines, reason = "a table of cases")]
pub fn one_of_each() -> Vec<JobQuery> {
    let everything = || selection(&json!({}));
    let cluster = || "alex".to_owned();
    let (by, kind) = (GroupBy::User, Kind::Short);
    let metric = Metric {
        name: "cpu_load".to_owned(),
        bins: 3,
        scale: None,
    };
    vec![
        JobQuery::Jobs {
            selection: everything(),
            sort: "id".parse().expect("a sort"),
            after: None,
            limit: None,
        },
        JobQuery::Count {
            selection: everything(),
        },
        JobQuery::Statistics {
            selection: everything(),
        },
        JobQuery::StatisticsGrouped {
            selection: everything(),
            by,
            sort: None,
        },
        JobQuery::CountGrouped {
            selection: everything(),
            by,
            kind,
        },
        JobQuery::CountKind {
            selection: everything(),
            kind,
        },
        JobQuery::DurationHistogram {
            selection: everything(),
            bins: DurationBins::Hour,
        },
        JobQuery::ResourceHistogram {
            selection: everything(),
            resource: Resource::Nodes,
        },
        JobQuery::ResourceHistogram {
            selection: everything(),
            resource: Resource::Cores,
        },
        JobQuery::ResourceHistogram {
            selection: everything(),
            resource: Resource::Accelerators,
        },
        JobQuery::MetricHistogram {
            selection: everything(),
            metric,
        },
        JobQuery::OverTime {
            selection: everything(),
            step: Step::Day,
            stack: Stack::State,
        },
        JobQuery::Job { id: 1 },
        JobQuery::Find {
            job_id: 700_001,
            cluster: None,
            start_unix_secs: None,
        },
        JobQuery::JobIds {
            after: None,
            limit: None,
        },
        JobQuery::Running { cluster: cluster() },
        JobQuery::Concurrent {
            id: 1,
            now_unix_secs: NOW,
        },
        JobQuery::Between {
            from_unix_secs: 0,
            to_unix_secs: NOW,
            omit: OmitTagged::None,
        },
        JobQuery::Partitions { cluster: cluster() },
        JobQuery::Tags,
        JobQuery::TagsOf { id: 1 },
        JobQuery::AllocatedNodes { cluster: cluster() },
        JobQuery::UsedNodes { at_unix_secs: NOW },
        JobQuery::Nodes {
            filter: NodeFilter::default(),
        },
        JobQuery::NodeStates { cluster: None },
        JobQuery::NodeStatesOverTime {
            from_unix_secs: 0,
            cluster: None,
        },
        JobQuery::Search {
            term: "a".to_owned(),
        },
        JobQuery::FootprintKeys,
    ]
}
