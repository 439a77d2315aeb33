//! Every job query against plain Rust over all rows of a dirty database, for random filters.
//!
//! The filters are seeded: a failure names its filter and comes back. Small means all queries for
//! each filter; large means 100,000 jobs, where each filter asks for its jobs, its totals, and one
//! of the other queries in turn.

#![expect(clippy::expect_used, reason = "helpers of tests")]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::LazyLock,
};

use jobscope::{
    db::{
        connection::{self, OpenMode, ReadConnection},
        value::Cell,
    },
    jobs::{
        catalogue::{Clock, JobQuery},
        clusters::MetricScale,
        filter::{JobFilter, Selection},
        histogram::{Bin, DurationBins, Metric, Resource},
        list::OmitTagged,
        lookup::{Stack, Step},
        nodes::NodeFilter,
        schema::Schema,
        sort::Sort,
        sql::Sql,
        statistics::{GroupBy, Kind, StatisticsRow},
    },
};
use serde_json::Value;

use common::oracle::{Column, Job, Oracle, Stored, dirty, random_filters};

const CLOCK: Clock = Clock {
    now_unix_secs: dirty::NOW,
    short_secs: 300,
};

/// A database, once as a file that is asked and once in plain Rust.
struct Both {
    conn: ReadConnection,
    schema: Schema,
    oracle: Oracle,
}

impl Both {
    fn of(path: &Path) -> Self {
        Self::with(path, Oracle::read(path))
    }

    fn with(path: &Path, oracle: Oracle) -> Self {
        let conn = connection::open(path, OpenMode::ReadOnly).expect("a database");
        conn.pragma_update(None, "cache_size", -512 * 1024)
            .expect("room for the whole file");
        let schema = Schema::probe(&conn).expect("a schema");
        Self {
            conn,
            schema,
            oracle,
        }
    }

    fn rows(&self, query: &JobQuery) -> Vec<Vec<Cell>> {
        self.fetch(&query.sql(&self.schema).expect("an answerable query"))
    }

    fn fetch(&self, sql: &Sql) -> Vec<Vec<Cell>> {
        let mut statement = self.conn.prepare(&sql.text).expect(&sql.text);
        let num_columns = statement.column_count();
        statement
            .query_map(rusqlite::params_from_iter(&sql.params), |row| {
                (0..num_columns)
                    .map(|column| row.get_ref(column).map(Cell::from))
                    .collect()
            })
            .expect(&sql.text)
            .collect::<rusqlite::Result<_>>()
            .expect(&sql.text)
    }

    fn ids(&self, query: &JobQuery) -> Vec<i64> {
        self.rows(query).iter().map(|row| int(&row[0])).collect()
    }
}

fn int(cell: &Cell) -> i64 {
    cell.as_int().expect("an integer")
}

fn selection(filter: &Value, as_backend: bool) -> Selection {
    Selection {
        filter: JobFilter::from_json(&filter.to_string()).expect("a filter"),
        clock: CLOCK,
        as_backend,
    }
}

/// One question about a filter's jobs, asked both ways.
type Check = fn(&Both, &Case<'_>);

struct Case<'a> {
    filter: &'a Value,
    selection: Selection,
    jobs: Vec<&'a Job>,
    /// Where a query has variants, each filter asks for one of them in turn.
    turn: usize,
}

impl Case<'_> {
    fn one_of<T: Copy>(&self, variants: &[T]) -> T {
        variants[self.turn % variants.len()]
    }
}

const CHECKS: [Check; 10] = [
    grouped,
    count_grouped,
    durations,
    resources,
    metrics,
    over_time,
    sorted_pages,
    as_backend_sums,
    as_backend_histograms,
    filter_as_text,
];

fn the_selection(both: &Both, case: &Case<'_>) {
    let query = JobQuery::Jobs {
        selection: case.selection.clone(),
        sort: "id:asc".parse::<Sort>().expect("a sort"),
        after: None,
        limit: None,
    };
    let mut expected: Vec<_> = case.jobs.iter().map(|job| job.id).collect();
    expected.sort_unstable();
    // Without its wide columns: every row is fetched.
    let mut sql = query.sql(&both.schema).expect("an answerable query");
    sql.text = format!("SELECT id FROM ({})", sql.text);
    let mut found: Vec<_> = both.fetch(&sql).iter().map(|row| int(&row[0])).collect();
    found.sort_unstable();
    assert_eq!(found, expected, "{}", case.filter);
    let count = JobQuery::Count {
        selection: case.selection.clone(),
    };
    assert_eq!(
        int(&both.rows(&count)[0][0]),
        i64::try_from(expected.len()).expect("few"),
        "{}",
        case.filter
    );
}

fn statistics(both: &Both, case: &Case<'_>) {
    let query = JobQuery::Statistics {
        selection: case.selection.clone(),
    };
    let numbers: Vec<_> = both.rows(&query)[0].iter().map(int).collect();
    let expected = both.oracle.statistics(&case.jobs, dirty::NOW, 300);
    assert_eq!(numbers, expected, "{}", case.filter);
}

fn grouped(both: &Both, case: &Case<'_>) {
    let by = case.one_of(&GroupBy::ALL);
    let query = JobQuery::StatisticsGrouped {
        selection: case.selection.clone(),
        by,
        sort: None,
    };
    let groups: BTreeMap<_, _> = both
        .rows(&query)
        .iter()
        .map(|row| {
            let row = StatisticsRow::from_cells(row, true).expect("a group");
            (row.key, row.values)
        })
        .collect();
    let name = by.to_string();
    let expected = both.oracle.grouped(&case.jobs, &name, dirty::NOW, 300);
    assert_eq!(groups, expected, "by {by}: {}", case.filter);
}

fn count_grouped(both: &Both, case: &Case<'_>) {
    let by = case.one_of(&GroupBy::ALL);
    let kind = case.one_of(&Kind::ALL);
    let query = JobQuery::CountGrouped {
        selection: case.selection.clone(),
        by,
        kind,
    };
    let counts: BTreeMap<_, _> = both
        .rows(&query)
        .iter()
        .map(|row| (row[0].display(), int(&row[1])))
        .collect();
    let mut expected = both
        .oracle
        .count_grouped(&case.jobs, &by.to_string(), kind.key(), 300);
    let total = case_total(both, case, kind);
    expected.retain(|_, count| *count > 0);
    assert_eq!(counts, expected, "{} by {by}: {}", kind.key(), case.filter);
    let query = JobQuery::CountKind {
        selection: case.selection.clone(),
        kind,
    };
    assert_eq!(int(&both.rows(&query)[0][0]), total, "{}", case.filter);
}

fn case_total(both: &Both, case: &Case<'_>, kind: Kind) -> i64 {
    let sums = both.oracle.statistics(&case.jobs, dirty::NOW, 300);
    match kind {
        Kind::All => sums[0],
        Kind::Running => sums[9],
        Kind::Short => sums[10],
    }
}

/// A histogram's rows in the oracle's order: below, bins, above, unknown.
fn bins(rows: &[Vec<Cell>]) -> Vec<Bin> {
    let mut bins: Vec<_> = rows
        .iter()
        .map(|row| Bin::from_cells(row).expect("a bin"))
        .collect();
    bins.sort_by_key(|bin| (bin.bin.is_none(), bin.bin));
    bins
}

fn durations(both: &Both, case: &Case<'_>) {
    let width = case.one_of(&DurationBins::ALL);
    let query = JobQuery::DurationHistogram {
        selection: case.selection.clone(),
        bins: width,
    };
    let expected: Vec<_> = both
        .oracle
        .duration_histogram(&case.jobs, width.key(), dirty::NOW)
        .into_iter()
        .map(|(bin, from, to, count)| Bin {
            bin,
            from: from.map(|secs| secs as f64),
            to: to.map(|secs| secs as f64),
            count: u64::try_from(count).expect("a count"),
        })
        .collect();
    let rows = both.rows(&query);
    assert_eq!(bins(&rows), expected, "{}: {}", width.key(), case.filter);
}

fn resources(both: &Both, case: &Case<'_>) {
    let resource = case.one_of(&Resource::ALL);
    let query = JobQuery::ResourceHistogram {
        selection: case.selection.clone(),
        resource,
    };
    let found: BTreeMap<_, _> = both
        .rows(&query)
        .iter()
        .map(|row| (row[0].as_int(), int(&row[3])))
        .collect();
    let expected = both
        .oracle
        .resource_histogram(&case.jobs, resource.column());
    assert_eq!(found, expected, "{}: {}", resource.column(), case.filter);
}

fn metric(name: &str, peak: Option<f64>, statistic: Option<&str>) -> Metric {
    Metric {
        name: name.to_owned(),
        bins: 7,
        scale: peak.map(|peak| MetricScale {
            peak,
            unit: "GB".to_owned(),
            statistic: statistic.map(ToOwned::to_owned),
        }),
    }
}

fn metrics(both: &Both, case: &Case<'_>) {
    let metric = match case.turn % 4 {
        0 => metric("cpu_load", None, None),
        1 => metric("mem_used", Some(256.0), Some("max")),
        2 => metric("flops_any_avg", Some(500.0), Some("avg")),
        _ => metric("nothing_like_it", None, None),
    };
    let query = JobQuery::MetricHistogram {
        selection: case.selection.clone(),
        metric: metric.clone(),
    };
    let keys = metric.keys(false);
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    let peak = metric.scale.as_ref().map(|scale| scale.peak);
    let expected = both.oracle.metric_histogram(&case.jobs, &keys, 7, peak);
    let found = bins(&both.rows(&query));
    assert_eq!(found.len(), expected.bins.len(), "{keys:?} {}", case.filter);
    for (bin, (number, from, to, count)) in found.iter().zip(&expected.bins) {
        let place = format!("{keys:?} bin {number:?}: {}", case.filter);
        assert_eq!(
            (bin.bin, bin.count.cast_signed()),
            (*number, *count),
            "{place}"
        );
        assert!(
            is_close(bin.from, *from) && is_close(bin.to, *to),
            "{place}"
        );
    }
}

fn is_close(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0),
        (a, b) => a.is_none() && b.is_none(),
    }
}

fn over_time(both: &Both, case: &Case<'_>) {
    let query = JobQuery::OverTime {
        selection: case.selection.clone(),
        step: Step::Day,
        stack: Stack::Cluster,
    };
    let found: BTreeMap<_, _> = both
        .rows(&query)
        .iter()
        .map(|row| {
            (
                (row[0].as_int(), row[1].display()),
                (int(&row[2]), int(&row[3])),
            )
        })
        .collect();
    let mut sums: BTreeMap<(Option<i64>, String), (i64, i64)> = BTreeMap::new();
    for job in &case.jobs {
        let start = job[Column::StartTime].integer();
        let key = start.map(|start| start.div_euclid(86_400) * 86_400);
        let cluster = job[Column::Cluster].text().unwrap_or_default().to_owned();
        let (jobs, secs) = sums.entry((key, cluster)).or_default();
        *jobs += 1;
        *secs += job.effective_duration(dirty::NOW).unwrap_or(0)
            * job[Column::NumHwthreads].integer().unwrap_or(0);
    }
    for (_, secs) in sums.values_mut() {
        *secs /= 3600;
    }
    assert_eq!(found, sums, "{}", case.filter);
}

/// The union of all pages is the selection, each job once, in order.
fn sorted_pages(both: &Both, case: &Case<'_>) {
    let keys = [
        "start_time",
        "duration",
        "num_acc",
        "hpc_user",
        "cluster_partition",
        "energy",
        "shared",
        "footprint.cpu_load_avg",
        "array_job_id",
        "job_state",
        "walltime",
        "footprint.mem_used_max",
    ];
    for (index, descending) in [(case.turn, true), (case.turn / 2 + 5, false)] {
        let key = keys[index % keys.len()];
        let direction = if descending { "desc" } else { "asc" };
        let sort: Sort = format!("{key}:{direction}").parse().expect("a sort");
        let limit = u32::try_from(case.jobs.len() / 4 + 2).expect("few");
        let mut walked = Vec::new();
        let mut after = None;
        loop {
            let query = JobQuery::Jobs {
                selection: case.selection.clone(),
                sort: sort.clone(),
                after: after.take(),
                limit: Some(limit),
            };
            let page = both.rows(&query);
            walked.extend(page.iter().map(|row| int(&row[0])));
            assert!(walked.len() <= case.jobs.len(), "{sort}: {}", case.filter);
            after = query.next(page.len(), page.last().map(Vec::as_slice));
            // As the command line passes it on.
            after = after.map(|cursor| cursor.to_string().parse().expect("our own text"));
            if after.is_none() {
                break;
            }
        }
        let expected = both.oracle.sorted_ids(&case.jobs, key, descending);
        assert_eq!(walked, expected, "{sort}: {}", case.filter);
    }
}

fn tag_lists(filter: &Value) -> usize {
    let objects = filter
        .as_array()
        .map_or(std::slice::from_ref(filter), Vec::as_slice);
    objects
        .iter()
        .filter(|object| object.get("tags").is_some())
        .count()
}

fn as_backend_sums(both: &Both, case: &Case<'_>) {
    if tag_lists(case.filter) > 1 || case.filter.to_string().contains("startsWith") {
        return;
    }
    let selection = selection(case.filter, true);
    let jobs = both.oracle.select_as_joined(case.filter, dirty::NOW);
    let query = JobQuery::Statistics {
        selection: selection.clone(),
    };
    let numbers: Vec<_> = both.rows(&query)[0].iter().map(int).collect();
    let expected = both.oracle.statistics_as_backend(&jobs, dirty::NOW, 300);
    assert_eq!(numbers, expected, "{}", case.filter);
    let once = both.oracle.select(case.filter, dirty::NOW, true);
    let count = int(&both.rows(&JobQuery::Count { selection })[0][0]);
    assert_eq!(
        count,
        i64::try_from(once.len()).expect("few"),
        "{}",
        case.filter
    );
}

fn as_backend_histograms(both: &Both, case: &Case<'_>) {
    if tag_lists(case.filter) > 1 || case.filter.to_string().contains("startsWith") {
        return;
    }
    let jobs = both.oracle.select_as_joined(case.filter, dirty::NOW);
    let selection = selection(case.filter, true);
    let width = case.one_of(&DurationBins::ALL);
    let query = JobQuery::DurationHistogram {
        selection: selection.clone(),
        bins: width,
    };
    let found: Vec<_> = both
        .rows(&query)
        .iter()
        .map(|row| (int(&row[0]), int(&row[1]), int(&row[2]), int(&row[3])))
        .collect();
    let expected = both
        .oracle
        .duration_histogram_as_backend(&jobs, width.key(), dirty::NOW);
    assert_eq!(found, expected, "{}: {}", width.key(), case.filter);
    let query = JobQuery::MetricHistogram {
        selection,
        metric: metric("mem_used", Some(256.0), Some("max")),
    };
    let found: Vec<_> = both
        .rows(&query)
        .iter()
        .map(|row| (int(&row[0]), int(&row[4]), int(&row[5]), int(&row[3])))
        .collect();
    let expected = both
        .oracle
        .metric_histogram_as_backend(&jobs, "mem_used_max", 7, 256.0);
    assert_eq!(found, expected, "{}", case.filter);
}

fn filter_as_text(_both: &Both, case: &Case<'_>) {
    let text = case.selection.filter.to_json().to_string();
    let read = JobFilter::from_json(&text).expect(&text);
    assert_eq!(read, case.selection.filter, "{text}");
}

/// Answers with how many of the filters could be asked.
fn for_each_filter(both: &Both, filters: &[Value], check: impl Fn(usize, &Case<'_>)) -> usize {
    let mut num_asked = 0;
    for (index, filter) in filters.iter().enumerate() {
        // cc-backend ignores or never matches such words; here they are mistakes.
        if let Err(error) = JobFilter::from_json(&filter.to_string()) {
            let planted = [
                "nonsense",
                "not a name!",
                "last5m",
                "below its upper end",
                "a first time",
            ];
            let said = error.to_string();
            assert!(planted.iter().any(|word| said.contains(word)), "{said}");
            continue;
        }
        num_asked += 1;
        let case = Case {
            filter,
            selection: selection(filter, false),
            jobs: both.oracle.select(filter, dirty::NOW, false),
            turn: index / CHECKS.len() + index,
        };
        the_selection(both, &case);
        check(index, &case);
    }
    num_asked
}

#[test]
fn three_thousand_jobs_are_the_same_in_every_query_for_each_filter() {
    let both = Both::of(&dirty::small_database());
    let mut filters = random_filters(11, 260, &both.oracle);
    filters.push(serde_json::json!({}));
    let num_asked = for_each_filter(&both, &filters, |_, case| {
        statistics(&both, case);
        for check in CHECKS {
            check(&both, case);
        }
    });
    assert!(num_asked >= 200, "only {num_asked} filters could be asked");
}

/// Read once for both halves of the filters, which run beside each other.
static LARGE: LazyLock<Oracle> = LazyLock::new(|| Oracle::read(&dirty::large_database()));

fn half_of_the_filters(seed: u64) {
    let both = Both::with(&dirty::large_database(), LARGE.clone());
    let filters = random_filters(seed, 130, &both.oracle);
    let num_asked = for_each_filter(&both, &filters, |index, case| {
        statistics(&both, case);
        CHECKS[index % CHECKS.len()](&both, case);
    });
    assert!(num_asked >= 100, "only {num_asked} filters could be asked");
}

#[test]
fn a_hundred_thousand_jobs_are_the_same_for_a_hundred_filters() {
    half_of_the_filters(12);
}

#[test]
fn a_hundred_thousand_jobs_are_the_same_for_another_hundred() {
    half_of_the_filters(13);
}

#[test]
fn look_ups_answer_as_plain_rust_does() {
    let both = Both::of(&dirty::small_database());
    let oracle = &both.oracle;
    assert_eq!(
        both.ids(&JobQuery::JobIds {
            after: None,
            limit: None
        }),
        oracle.job_ids()
    );
    let clusters: BTreeSet<_> = oracle
        .jobs
        .iter()
        .filter_map(|job| job[Column::Cluster].text().map(ToOwned::to_owned))
        .collect();
    assert!(clusters.len() > 3);
    for cluster in &clusters {
        let cluster = || cluster.clone();
        assert_eq!(
            both.ids(&JobQuery::Running { cluster: cluster() }),
            oracle.running(&cluster())
        );
        let partitions: BTreeSet<_> = both
            .rows(&JobQuery::Partitions { cluster: cluster() })
            .iter()
            .map(|row| Some(row[0].display()))
            .collect();
        let mut expected = oracle.partitions(&cluster());
        expected.remove(&None);
        assert_eq!(partitions, expected);

        let mut allocated: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
        for row in both.rows(&JobQuery::AllocatedNodes { cluster: cluster() }) {
            allocated
                .entry(row[0].display())
                .or_default()
                .insert(row[1].display(), int(&row[2]));
        }
        let mut expected = oracle.allocated_nodes(&cluster());
        expected.retain(|_, hosts| !hosts.is_empty());
        assert_eq!(allocated, expected);
    }
    for at_unix_secs in [0, dirty::NOW - 3600, dirty::NOW] {
        let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in both.rows(&JobQuery::UsedNodes { at_unix_secs }) {
            used.entry(row[0].display())
                .or_default()
                .insert(row[1].display());
        }
        let mut expected = oracle.used_nodes(at_unix_secs);
        expected.retain(|_, hosts| !hosts.is_empty());
        assert_eq!(used, expected);
    }
}

#[test]
fn one_job_and_its_neighbours_are_found() {
    let both = Both::of(&dirty::small_database());
    let oracle = &both.oracle;
    let mut offered = 0;
    for job in oracle.jobs.iter().step_by(7) {
        let concurrent = both.ids(&JobQuery::Concurrent {
            id: job.id,
            now_unix_secs: dirty::NOW,
        });
        let expected = oracle.concurrent(job.id, dirty::NOW);
        offered += usize::from(expected.is_some());
        let expected: BTreeSet<_> = expected
            .map(|found| found.finished.into_iter().chain(found.running).collect())
            .unwrap_or_default();
        let num_found = concurrent.len();
        let concurrent: BTreeSet<_> = concurrent.into_iter().collect();
        assert_eq!(num_found, concurrent.len(), "each once");
        assert_eq!(concurrent, expected, "beside {}", job.id);

        let Stored::Integer(job_id) = job[Column::JobId] else {
            continue;
        };
        let cluster = job[Column::Cluster].text();
        let start = job[Column::StartTime].integer();
        for (cluster, start_unix_secs) in [(None, None), (cluster, None), (cluster, start)] {
            let found = both.ids(&JobQuery::Find {
                job_id,
                cluster: cluster.map(ToOwned::to_owned),
                start_unix_secs,
            });
            assert_eq!(found, oracle.find(job_id, cluster, start_unix_secs));
        }
        let tags: Vec<_> = both.ids(&JobQuery::TagsOf { id: job.id });
        let expected: BTreeSet<_> = oracle.tags_of(job.id).iter().map(|tag| tag.id).collect();
        assert_eq!(tags.into_iter().collect::<BTreeSet<_>>(), expected);
    }
    assert!(offered > 20, "few jobs share their node: {offered}");
}

#[test]
fn jobs_between_two_times_leave_out_the_tagged_ones() {
    let both = Both::of(&dirty::small_database());
    let middle = dirty::NOW - 200 * 86_400;
    for (from, to) in [(0, middle), (middle, dirty::NOW), (0, dirty::NOW * 2)] {
        for (omit, name) in [
            (OmitTagged::None, "none"),
            (OmitTagged::All, "all"),
            (OmitTagged::User, "user"),
        ] {
            let found = both.ids(&JobQuery::Between {
                from_unix_secs: from,
                to_unix_secs: to,
                omit,
            });
            assert_eq!(
                found,
                both.oracle.between(from, to, name),
                "{from} {to} {name}"
            );
        }
    }
}

#[test]
fn tags_and_nodes_are_counted() {
    let both = Both::of(&dirty::small_database());
    let oracle = &both.oracle;
    let tags: BTreeMap<_, _> = both
        .rows(&JobQuery::Tags)
        .iter()
        .map(|row| (int(&row[0]), int(&row[4])))
        .collect();
    let expected: BTreeMap<_, _> = oracle
        .tag_counts()
        .into_iter()
        .map(|(tag, count)| (tag.id, count))
        .collect();
    assert_eq!(tags, expected);
    assert!(tags.values().any(|count| *count > 0));

    let nodes = both.rows(&JobQuery::Nodes {
        filter: NodeFilter::default(),
    });
    let nodes: BTreeMap<_, _> = nodes
        .iter()
        .map(|row| (int(&row[0]), row[4].display()))
        .collect();
    let expected: BTreeMap<_, _> = oracle
        .nodes()
        .into_iter()
        .filter_map(|now| Some((now.node.id, now.newest?.state.clone())))
        .collect();
    assert_eq!(
        nodes, expected,
        "cc-backend leaves out nodes that never reported"
    );

    let mut counted = [BTreeMap::new(), BTreeMap::new()];
    for row in both.rows(&JobQuery::NodeStates { cluster: None }) {
        let kind = usize::from(row[0].display() == "health");
        counted[kind].insert(row[1].display(), int(&row[2]));
    }
    let (states, healths) = oracle.node_states();
    assert_eq!(counted, [states, healths]);

    let from_unix_secs = dirty::NOW - 7_200;
    let over_time: BTreeMap<_, _> = both
        .rows(&JobQuery::NodeStatesOverTime {
            from_unix_secs,
            cluster: None,
        })
        .iter()
        .map(|row| ((int(&row[0]), row[1].display()), int(&row[2])))
        .collect();
    assert_eq!(over_time, oracle.node_states_after(from_unix_secs));
}

#[test]
fn the_search_bar_knows_what_a_term_means() {
    use common::oracle::Found;

    let both = Both::of(&dirty::small_database());
    let oracle = &both.oracle;
    let some = |column| {
        oracle
            .jobs
            .iter()
            .find_map(|job| job[column].text().map(ToOwned::to_owned))
            .expect("a value")
    };
    let name = oracle
        .users
        .iter()
        .find_map(|(_, name)| name.clone().filter(|name| !name.is_empty()))
        .expect("a name");
    let terms = ["812345", "-3", "nothing like it", "%", "  812345 "];
    let values = [some(Column::User), some(Column::Project), name];
    for term in terms.into_iter().chain(values.iter().map(String::as_str)) {
        let row = both
            .rows(&JobQuery::Search {
                term: term.to_owned(),
            })
            .swap_remove(0);
        let (kind, value) = (row[0].display(), row[1].display());
        match oracle.search(term) {
            Found::JobId(id) => assert_eq!((kind.as_str(), value), ("jobId", id.to_string())),
            Found::User(user) => assert_eq!((kind.as_str(), value), ("user", user)),
            Found::Accounts(users) => {
                assert_eq!(kind, "user", "{term}");
                assert!(users.contains(&value), "{term}: {value} of {users:?}");
            }
            Found::Project(project) => assert_eq!((kind.as_str(), value), ("project", project)),
            Found::JobName(text) => assert_eq!((kind.as_str(), value), ("jobName", text)),
        }
    }
}
