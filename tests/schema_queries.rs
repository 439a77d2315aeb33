//! The product on every schema of the field: what opens, what answers, what is refused and why.
//!
//! The numbers come from the sample jobs by way of plain Rust; which of the queries a file can
//! answer comes from what the fixture declares. Nothing is taken from the product itself.

#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use jobscope::{
    db::value::Cell,
    jobs::{
        catalogue::JobQuery,
        histogram::{Bin, DurationBins, Metric, Resource},
        list::{COLUMNS, DETAIL_COLUMNS, OmitTagged},
        lookup::{Stack, Step},
        nodes::NodeFilter,
        schema::FileKind,
        statistics::{GroupBy, Kind, StatisticsRow},
    },
};
use serde_json::{Value, json};

use common::{
    asked::{Asked, int, lacking, selection},
    jobdb::NOW,
    oracle::{Job, Oracle},
    schemas::{self, ACCOUNTS, JOBS, SampleJob, Variant},
};

/// Development states of version 10 in which a node has its state in its own row.
const NODES_WITH_STATE: [&str; 2] = ["v10-node-with-state", "v10-hpc-cluster"];

/// A variant as a file that is asked, and by today's names in plain Rust.
struct Both<'a> {
    variant: &'a Variant,
    asked: Asked,
    oracle: Oracle,
}

impl Both<'_> {
    fn all(&self) -> Vec<&Job> {
        self.oracle.select(&json!({}), NOW, false)
    }

    fn ids(&self, query: &JobQuery) -> Vec<i64> {
        let rows = self.asked.rows(query);
        rows.iter().map(|row| int(&row[0])).collect()
    }
}

fn for_each_variant(check: impl Fn(&Both<'_>)) {
    for variant in schemas::all() {
        let db = variant.build();
        let both = Both {
            variant: &variant,
            asked: Asked::open(&db.path),
            oracle: Oracle::read(&variant.in_todays_words().path),
        };
        check(&both);
    }
}

/// Those without the rows that nobody could compute with.
fn for_each_clean_variant(check: impl Fn(&Both<'_>)) {
    for_each_variant(|both| {
        if both.variant.dirt.is_empty() {
            check(both);
        }
    });
}

/// What a query looks at: columns of today's job table, and other tables with their columns.
#[derive(Clone, Copy, Default)]
struct Needs {
    columns: &'static [&'static str],
    tables: &'static [(&'static str, &'static [&'static str])],
}

const fn columns(columns: &'static [&'static str]) -> Needs {
    let tables = &[];
    Needs { columns, tables }
}

impl Needs {
    /// What of it the variant declares to lack.
    fn missing(&self, variant: &Variant) -> Vec<&'static str> {
        let mut missing: Vec<_> = self.columns.to_vec();
        missing.retain(|column| variant.lacks.contains(column));
        for (table, columns) in self.tables {
            let stands_in = *table == "node_state" && NODES_WITH_STATE.contains(&variant.name);
            if stands_in {
                continue;
            }
            if variant.table(table).is_none() {
                missing.push(table);
            }
            let lacks = |column: &&&str| variant.lacks_elsewhere.contains(&(*table, **column));
            missing.extend(columns.iter().filter(lacks));
        }
        missing
    }
}

#[test]
fn every_variant_opens_as_what_it_declares_to_be() {
    for variant in schemas::all() {
        let name = variant.name;
        let db = variant.build();
        let before = std::fs::read(&db.path).expect("bytes");
        let asked = Asked::open(&db.path);
        let facts = &asked.facts;
        assert_eq!(facts.kind, FileKind::Jobs, "{name}");
        assert_eq!(facts.schema_version, variant.version, "{name}");
        assert_eq!(facts.migration_is_dirty, variant.dirty, "{name}");
        let missing: BTreeSet<_> = facts.missing_columns.iter().copied().collect();
        let lacks: BTreeSet<_> = variant.lacks.iter().copied().collect();
        assert_eq!(missing, lacks, "{name}");
        assert_eq!(facts.job_indexes.len(), variant.num_job_indexes, "{name}");
        // Ids have gaps: the span of them is more than there are rows.
        let num_jobs = u64::try_from(variant.num_jobs()).expect("few");
        assert!(facts.estimated_jobs >= num_jobs, "{name}");
        assert!(
            facts.has_jobs() && facts.summary(None).contains("schema"),
            "{name}"
        );
        drop(asked);
        let files = std::fs::read_dir(db.folder()).expect("a folder").count();
        assert_eq!(files, 1, "{name}: something stays beside the file");
        assert!(std::fs::read(&db.path).expect("bytes") == before, "{name}");
    }
}

/// What a column of the list, or of one job, should be, from the sample itself.
fn expected_cell(variant: &Variant, job: &SampleJob, column: &str) -> Cell {
    if variant.lacks.contains(&column) {
        return Cell::Null;
    }
    let text = |text: &str| Cell::Text(text.to_owned());
    match column {
        "id" => Cell::Int(job.id),
        "job_id" => Cell::Int(job.job_id),
        "hpc_user" => text(job.user),
        "project" => text(job.project),
        "cluster" => text(job.cluster),
        "subcluster" => text(job.subcluster),
        "submit_time" => Cell::Int(0),
        "start_time" => Cell::Int(job.start_time_unix_secs),
        "cluster_partition" => text(job.partition),
        "array_job_id" => Cell::Int(job.array_job_id),
        "num_nodes" => Cell::Int(job.num_nodes()),
        "num_hwthreads" => Cell::Int(job.num_hwthreads()),
        "num_acc" => Cell::Int(job.num_acc()),
        "shared" => text(job.shared),
        "monitoring_status" => Cell::Int(job.monitoring_status()),
        "smt" => Cell::Int(1),
        "job_state" => text(variant.state_of(job)),
        "duration" => variant.duration_of(job).map_or(Cell::Null, Cell::Int),
        "walltime" => Cell::Int(job.walltime_secs),
        "energy" => Cell::Real(job.energy_kwh),
        "resources" => text(&job.resources_json()),
        "meta_data" => text(&job.meta_data_json()),
        "energy_footprint" => text(&job.energy_footprint_json()),
        "footprint" => {
            let mut footprint: BTreeMap<_, _> = job.metrics().into_iter().collect();
            if variant.footprint_columns.len() == 8 {
                let others = [
                    "net_bw_avg",
                    "net_data_vol_total",
                    "file_bw_avg",
                    "file_data_vol_total",
                ];
                footprint.extend(others.map(|key| (key, 0.0)));
            }
            text(&json!(footprint).to_string())
        }
        other => panic!("no column is called {other}"),
    }
}

/// JSON is the same in whatever order and storage class.
fn assert_cell(found: &Cell, expected: &Cell, column: &str, place: &str) {
    let is_json = ["resources", "footprint", "energy_footprint", "meta_data"].contains(&column);
    let (Some(found), Some(expected)) = (found.as_text(), expected.as_text()) else {
        assert_eq!(found, expected, "{place}: {column}");
        return;
    };
    if !is_json {
        assert_eq!(found, expected, "{place}: {column}");
        return;
    }
    let parse = |text: &str| serde_json::from_str::<Value>(text).expect("valid JSON");
    let (found, expected) = (parse(found), parse(expected));
    if let (Value::Object(found), Value::Object(expected)) = (&found, &expected) {
        let keys = |object: &serde_json::Map<String, Value>| -> BTreeSet<String> {
            object.keys().cloned().collect()
        };
        assert_eq!(keys(found), keys(expected), "{place}: {column}");
        for (key, value) in expected {
            let is_same = match (found[key].as_f64(), value.as_f64()) {
                (Some(found), Some(expected)) => found.to_bits() == expected.to_bits(),
                _ => found[key] == *value,
            };
            assert!(is_same, "{place}: {column}.{key}");
        }
    } else {
        assert_eq!(found, expected, "{place}: {column}");
    }
}

#[test]
fn the_list_has_todays_columns_with_the_values_of_the_sample() {
    for_each_clean_variant(|both| {
        let name = both.variant.name;
        let query = JobQuery::Jobs {
            selection: selection(&json!({})),
            sort: "id:asc".parse().expect("a sort"),
            after: None,
            limit: None,
        };
        let rows = both.asked.rows(&query);
        assert_eq!(rows.len(), JOBS.len(), "{name}");
        for (row, job) in rows.iter().zip(JOBS) {
            for (cell, (column, _)) in row.iter().zip(COLUMNS) {
                let place = format!("{name}, job {}", job.id);
                let expected = expected_cell(both.variant, job, column);
                assert_cell(cell, &expected, column, &place);
            }
        }
    });
}

#[test]
fn one_job_has_all_columns_and_is_found_by_the_schedulers_id() {
    for_each_clean_variant(|both| {
        let name = both.variant.name;
        for job in JOBS {
            let rows = both.asked.rows(&JobQuery::Job { id: job.id });
            let [row] = rows.as_slice() else {
                panic!("{name}: {} rows", rows.len());
            };
            for (cell, (column, _)) in row.iter().zip(COLUMNS.iter().chain(&DETAIL_COLUMNS)) {
                let place = format!("{name}, job {}", job.id);
                let expected = expected_cell(both.variant, job, column);
                assert_cell(cell, &expected, column, &place);
            }
            for (cluster, start) in [
                (None, None),
                (Some(job.cluster), None),
                (Some(job.cluster), Some(job.start_time_unix_secs)),
            ] {
                let found = both.ids(&JobQuery::Find {
                    job_id: job.job_id,
                    cluster: cluster.map(ToOwned::to_owned),
                    start_unix_secs: start,
                });
                let mut expected: Vec<_> = JOBS
                    .iter()
                    .filter(|other| {
                        other.job_id == job.job_id
                            && cluster.is_none_or(|cluster| other.cluster == cluster)
                            && start.is_none_or(|start| other.start_time_unix_secs == start)
                    })
                    .map(|other| other.id)
                    .collect();
                expected.reverse();
                assert_eq!(found, expected, "{name}, job {}", job.id);
            }
        }
        assert!(both.asked.rows(&JobQuery::Job { id: 4 }).is_empty());
    });
}

/// Filters, with what each needs.
fn filters() -> Vec<(Value, Needs)> {
    const TAGS: Needs = Needs {
        columns: &[],
        tables: &[("jobtag", &[])],
    };
    let range = |metric: &str, from: f64, to: f64| json!({"metricStats": [{"metricName": metric, "range": {"from": from, "to": to}}]});
    let any = Needs::default();
    vec![
        (json!({}), any),
        (json!({"user": {"eq": "ada01"}}), any),
        (json!({"user": {"contains": "A0"}}), any),
        (json!({"user": {"in": ["ben02", "eli05"]}}), any),
        (json!({"partition": {"eq": "devel"}}), any),
        (json!({"partition": {"neq": "devel"}}), any),
        (json!({"cluster": {"eq": "fritz"}}), any),
        (json!({"cluster": {"startsWith": "al"}}), any),
        (
            json!({"subCluster": {"eq": "a40"}}),
            columns(&["subcluster"]),
        ),
        (json!({"project": {"endsWith": "o"}}), any),
        (json!({"jobId": {"eq": "700001"}}), any),
        (json!({"jobName": {"contains": "LBM"}}), any),
        (json!({"jobName": {"eq": "O'Hara_100%"}}), any),
        (json!({"jobName": {"contains": "_100%"}}), any),
        (json!({"node": {"eq": "a0101"}}), any),
        (json!({"node": {"contains": "F210"}}), any),
        (json!({"schedule": "batch"}), any),
        (json!({"schedule": "interactive"}), any),
        (json!({"state": ["running"]}), any),
        (json!({"state": ["cancelled", "canceled", "stopped"]}), any),
        (json!({"shared": "none"}), any),
        (json!({"shared": "single_user"}), any),
        (json!({"shared": "multi_user"}), any),
        (json!({"arrayJobId": 700_004}), any),
        (json!({"dbId": ["1", "24", "999"]}), any),
        (json!({"duration": {"from": 300, "to": 7200}}), any),
        (json!({"numNodes": {"from": 2, "to": 3}}), any),
        (json!({"numHWThreads": {"ge": 72}}), any),
        (json!({"numAccelerators": {"eq": 0}}), any),
        (
            json!({"energy": {"from": 4.0, "to": 100.0}}),
            columns(&["energy"]),
        ),
        (
            json!({"startTime": {"from": "2023-11-14T22:14:20Z", "to": "2023-11-16T00:00:00Z"}}),
            any,
        ),
        (json!({"startTime": {"range": "last24h"}}), any),
        (range("cpu_load_avg", 50.0, 71.25), any),
        (range("mem_used_max", 0.0, 8.5), any),
        (range("nothing_like_it", 0.0, 1.0), any),
        (json!({"tags": ["1"]}), TAGS),
        (json!({"tagsAll": ["1", "2"]}), TAGS),
        (json!({"tagsNone": ["2", "3"]}), TAGS),
        (
            json!({"cluster": {"eq": "alex"}, "user": {"eq": "ada01"}, "partition": {"eq": "batch"},
                   "shared": "none", "node": {"contains": "a01"}, "state": ["completed"]}),
            any,
        ),
    ]
}

#[test]
fn filters_select_the_same_jobs_in_every_variant_or_name_what_is_missing() {
    for_each_clean_variant(|both| {
        for (filter, needs) in filters() {
            let place = format!("{}: {filter}", both.variant.name);
            let selection = selection(&filter);
            let count = JobQuery::Count {
                selection: selection.clone(),
            };
            let missing = needs.missing(both.variant);
            if !missing.is_empty() {
                let said = lacking(both.asked.ask(&count));
                assert!(
                    missing.iter().any(|name| said.contains(name)),
                    "{place}: {said}"
                );
                continue;
            }
            let jobs = both.oracle.select(&filter, NOW, false);
            let mut expected: Vec<_> = jobs.iter().map(|job| job.id).collect();
            expected.sort_unstable();
            let found = both.asked.walk(&selection, "id:asc", 10).expect(&place);
            assert_eq!(found, expected, "{place}");
            let counted = int(&both.asked.rows(&count)[0][0]);
            assert_eq!(usize::try_from(counted), Ok(jobs.len()), "{place}");
            let sums = both.asked.rows(&JobQuery::Statistics { selection });
            let sums: Vec<_> = sums[0].iter().map(int).collect();
            assert_eq!(sums, both.oracle.statistics(&jobs, NOW, 300), "{place}");
        }
    });
}

#[test]
fn every_column_sorts_page_by_page_or_is_named_as_missing() {
    for_each_clean_variant(|both| {
        let everything = selection(&json!({}));
        let names = COLUMNS.iter().chain(&DETAIL_COLUMNS).map(|(name, _)| *name);
        for key in names.chain(["footprint.cpu_load_avg", "footprint.none_such"]) {
            for (direction, descending) in [("asc", false), ("desc", true)] {
                let sort = format!("{key}:{direction}");
                let place = format!("{}: {sort}", both.variant.name);
                let walked = both.asked.walk(&everything, &sort, 5);
                if both.variant.lacks.contains(&key) {
                    let said = lacking(walked);
                    assert!(said.contains(key), "{place}: {said}");
                    continue;
                }
                let mut walked = walked.expect(&place);
                let is_json = ["resources", "footprint", "energy_footprint", "meta_data"];
                let all = both.all();
                let expected = if is_json.contains(&key) {
                    walked.sort_unstable();
                    JOBS.iter().map(|job| job.id).collect()
                } else {
                    both.oracle.sorted_ids(&all, key, descending)
                };
                assert_eq!(walked, expected, "{place}");
            }
        }
    });
}

#[test]
fn groups_and_counts_are_the_sums_of_the_sample() {
    for_each_clean_variant(|both| {
        let name = both.variant.name;
        let all = both.all();
        let selection = selection(&json!({}));
        for by in GroupBy::ALL {
            let needs = columns(if by == GroupBy::Subcluster {
                &["subcluster"]
            } else {
                &[]
            });
            let query = JobQuery::StatisticsGrouped {
                selection: selection.clone(),
                by,
                sort: None,
            };
            if !needs.missing(both.variant).is_empty() {
                assert!(
                    lacking(both.asked.ask(&query)).contains("subcluster"),
                    "{name}"
                );
                continue;
            }
            let rows = both.asked.rows(&query);
            let groups: BTreeMap<_, _> = rows
                .iter()
                .map(|row| {
                    let row = StatisticsRow::from_cells(row, true).expect("a group");
                    if by == GroupBy::User {
                        assert_eq!(row.name, full_name(both.variant, &row.key), "{name}");
                    }
                    (row.key, row.values)
                })
                .collect();
            let expected = both.oracle.grouped(&all, &by.to_string(), NOW, 300);
            assert_eq!(groups, expected, "{name} by {by}");
            for kind in Kind::ALL {
                let query = JobQuery::CountGrouped {
                    selection: selection.clone(),
                    by,
                    kind,
                };
                let rows = both.asked.rows(&query);
                let counts: BTreeMap<_, _> = rows
                    .iter()
                    .map(|row| (row[0].display(), int(&row[1])))
                    .collect();
                let key = by.to_string();
                let expected = both.oracle.count_grouped(&all, &key, kind.key(), 300);
                assert_eq!(counts, expected, "{name} by {by}: {}", kind.key());
                let query = JobQuery::CountKind {
                    selection: selection.clone(),
                    kind,
                };
                let total: i64 = expected.values().sum();
                assert_eq!(int(&both.asked.rows(&query)[0][0]), total, "{name}");
            }
        }
    });
}

fn full_name(variant: &Variant, user: &str) -> &'static str {
    let account = ACCOUNTS.iter().find(|account| account.username == user);
    let has_accounts = variant.table("hpc_user").is_some();
    account
        .filter(|_| has_accounts)
        .map_or("", |account| account.name)
}

fn bins(rows: &[Vec<Cell>]) -> Vec<(Option<i64>, i64)> {
    let mut bins: Vec<_> = rows
        .iter()
        .map(|row| {
            let bin = Bin::from_cells(row).expect("a bin");
            (bin.bin, i64::try_from(bin.count).expect("few"))
        })
        .collect();
    bins.sort_by_key(|(bin, _)| (bin.is_none(), *bin));
    bins
}

#[test]
fn histograms_are_those_of_the_sample() {
    for_each_clean_variant(|both| {
        let name = both.variant.name;
        let all = both.all();
        let selection = selection(&json!({}));
        for width in DurationBins::ALL {
            let query = JobQuery::DurationHistogram {
                selection: selection.clone(),
                bins: width,
            };
            let expected: Vec<_> = both
                .oracle
                .duration_histogram(&all, width.key(), NOW)
                .into_iter()
                .map(|(bin, _, _, count)| (bin, count))
                .collect();
            assert_eq!(
                bins(&both.asked.rows(&query)),
                expected,
                "{name}: {}",
                width.key()
            );
        }
        for resource in Resource::ALL {
            let query = JobQuery::ResourceHistogram {
                selection: selection.clone(),
                resource,
            };
            let found: BTreeMap<_, _> = bins(&both.asked.rows(&query)).into_iter().collect();
            let expected = both.oracle.resource_histogram(&all, resource.column());
            assert_eq!(found, expected, "{name}: {}", resource.column());
        }
        for (metric, keys) in [
            (
                "cpu_load",
                &["cpu_load_avg", "cpu_load_max", "cpu_load_min"],
            ),
            (
                "mem_used",
                &["mem_used_avg", "mem_used_max", "mem_used_min"],
            ),
        ] {
            let query = JobQuery::MetricHistogram {
                selection: selection.clone(),
                metric: Metric {
                    name: metric.to_owned(),
                    bins: 7,
                    scale: None,
                },
            };
            let expected = both.oracle.metric_histogram(&all, keys, 7, None);
            let expected: Vec<_> = expected
                .bins
                .iter()
                .map(|(bin, _, _, count)| (*bin, *count))
                .collect();
            assert_eq!(bins(&both.asked.rows(&query)), expected, "{name}: {metric}");
        }
    });
}

#[test]
fn jobs_over_time_add_up_to_the_sample() {
    for_each_clean_variant(|both| {
        for step in Step::ALL {
            for stack in Stack::ALL {
                let query = JobQuery::OverTime {
                    selection: selection(&json!({})),
                    step,
                    stack,
                };
                let mut expected = BTreeMap::<(i64, String), (i64, i64)>::new();
                for job in JOBS {
                    let start = job.start_time_unix_secs;
                    let time = match step {
                        Step::Hour => start - start % 3600,
                        Step::Day => start - start % 86_400,
                        // November 2023, November 2024, January 2027.
                        Step::Month if start < 1_701_388_800 => 1_698_796_800,
                        Step::Month if start < 1_733_011_200 => 1_730_419_200,
                        Step::Month => 1_798_761_600,
                    };
                    let part = match stack {
                        Stack::Cluster => job.cluster,
                        Stack::State => both.variant.state_of(job),
                        Stack::Project => job.project,
                    };
                    let sums = expected.entry((time, part.to_owned())).or_default();
                    sums.0 += 1;
                    sums.1 += job.duration_at(NOW) * job.num_hwthreads();
                }
                let rows = both.asked.rows(&query);
                let found: BTreeMap<_, _> = rows
                    .iter()
                    .map(|row| {
                        (
                            (int(&row[0]), row[1].display()),
                            (int(&row[2]), int(&row[3])),
                        )
                    })
                    .collect();
                for (_, secs) in expected.values_mut() {
                    *secs /= 3600;
                }
                assert_eq!(found, expected, "{}: {step:?} {stack:?}", both.variant.name);
            }
        }
    });
}

#[test]
fn look_ups_answer_with_the_sample_or_name_what_is_missing() {
    for_each_clean_variant(|both| {
        let name = both.variant.name;
        let oracle = &both.oracle;
        let all_ids = JobQuery::JobIds {
            after: None,
            limit: None,
        };
        assert_eq!(both.ids(&all_ids), oracle.job_ids(), "{name}");
        for cluster in ["alex", "fritz", "nowhere"] {
            let cluster = || cluster.to_owned();
            let running = JobQuery::Running { cluster: cluster() };
            assert_eq!(both.ids(&running), oracle.running(&cluster()), "{name}");
            let rows = both
                .asked
                .rows(&JobQuery::Partitions { cluster: cluster() });
            let found: BTreeSet<_> = rows.iter().map(|row| Some(row[0].display())).collect();
            assert_eq!(found, oracle.partitions(&cluster()), "{name}");
            let query = JobQuery::AllocatedNodes { cluster: cluster() };
            let answer = both.asked.ask(&query);
            if both.variant.lacks.contains(&"subcluster") {
                assert!(lacking(answer).contains("subcluster"), "{name}");
                continue;
            }
            let mut found = BTreeMap::<_, BTreeMap<_, _>>::new();
            for row in answer.expect(name) {
                let hosts = found.entry(row[0].display()).or_default();
                hosts.insert(row[1].display(), int(&row[2]));
            }
            assert_eq!(found, oracle.allocated_nodes(&cluster()), "{name}");
        }
        for at_unix_secs in [0, NOW - 1000, NOW] {
            let mut found = BTreeMap::<_, BTreeSet<_>>::new();
            for row in both.asked.rows(&JobQuery::UsedNodes { at_unix_secs }) {
                found
                    .entry(row[0].display())
                    .or_default()
                    .insert(row[1].display());
            }
            assert_eq!(found, oracle.used_nodes(at_unix_secs), "{name}");
        }
        for job in JOBS {
            let query = JobQuery::Concurrent {
                id: job.id,
                now_unix_secs: NOW,
            };
            let beside: BTreeSet<_> = both.ids(&query).into_iter().collect();
            let expected = oracle.concurrent(job.id, NOW).unwrap_or_default();
            let expected = expected.finished.into_iter().chain(expected.running);
            assert_eq!(beside, expected.collect(), "{name}: beside {}", job.id);
        }
    });
}

#[test]
fn tags_and_times_answer_or_name_what_is_missing() {
    for_each_clean_variant(|both| {
        let name = both.variant.name;
        let oracle = &both.oracle;
        let no_tags = both.variant.table("tag").is_none();
        let counts = both.asked.ask(&JobQuery::Tags);
        let list = both.asked.ask(&JobQuery::TagList);
        let of_job = both.asked.ask(&JobQuery::TagsOf { id: 2 });
        if no_tags {
            for answer in [counts, list, of_job] {
                assert!(lacking(answer).contains("tag"), "{name}");
            }
        } else {
            let scope = |tag: &schemas::Tag| {
                let has_scope = !both.variant.lacks_elsewhere.contains(&("tag", "tag_scope"));
                if has_scope { tag.scope } else { "global" }.to_owned()
            };
            let line =
                |tag: &schemas::Tag| (tag.id, tag.kind.to_owned(), tag.name.to_owned(), scope(tag));
            let of_row = |row: &Vec<Cell>| {
                let text = |at: usize| row[at].display();
                (int(&row[0]), text(1), text(2), text(3))
            };
            let found: BTreeSet<_> = list.expect(name).iter().map(of_row).collect();
            assert_eq!(found, schemas::TAGS.iter().map(line).collect(), "{name}");
            let counts = counts.expect(name);
            assert_eq!(
                counts.iter().map(of_row).collect::<BTreeSet<_>>(),
                found,
                "{name}"
            );
            let counts: BTreeMap<_, _> = counts
                .iter()
                .map(|row| (int(&row[0]), int(&row[4])))
                .collect();
            let expected: BTreeMap<_, _> = oracle
                .tag_counts()
                .iter()
                .map(|(tag, count)| (tag.id, *count))
                .collect();
            assert_eq!(counts, expected, "{name}");
            let ids: BTreeSet<_> = of_job.expect(name).iter().map(|row| int(&row[0])).collect();
            assert_eq!(ids, BTreeSet::from([1, 2]), "{name}");
        }
        for (omit, key) in [
            (OmitTagged::None, "none"),
            (OmitTagged::All, "all"),
            (OmitTagged::User, "user"),
        ] {
            let query = JobQuery::Between {
                from_unix_secs: 1_700_000_060,
                to_unix_secs: NOW,
                omit,
            };
            let answer = both.asked.ask(&query);
            if both.variant.lacks.contains(&"subcluster") {
                assert!(lacking(answer).contains("subcluster"), "{name}");
            } else if no_tags && omit != OmitTagged::None {
                assert!(lacking(answer).contains("tag"), "{name}");
            } else {
                let ids: Vec<_> = answer.expect(name).iter().map(|row| int(&row[0])).collect();
                assert_eq!(ids, oracle.between(1_700_000_060, NOW, key), "{name} {key}");
            }
        }
    });
}

#[test]
fn nodes_answer_from_wherever_their_state_is_or_name_what_is_missing() {
    const NODES: Needs = Needs {
        columns: &[],
        tables: &[("node", &[]), ("node_state", &[])],
    };
    for_each_variant(|both| {
        let name = both.variant.name;
        let list = both.asked.ask(&JobQuery::Nodes {
            filter: NodeFilter::default(),
        });
        let states = both.asked.ask(&JobQuery::NodeStates { cluster: None });
        let over_time = both.asked.ask(&JobQuery::NodeStatesOverTime {
            from_unix_secs: NOW - 60,
            cluster: None,
        });
        let missing = NODES.missing(both.variant);
        if !missing.is_empty() {
            for answer in [list, states, over_time] {
                let said = lacking(answer);
                assert!(
                    missing.iter().any(|table| said.contains(table)),
                    "{name}: {said}"
                );
            }
            return;
        }
        let now = both.oracle.nodes();
        let expected: Vec<_> = now
            .iter()
            .filter_map(|now| Some((now.node.hostname.clone(), now.newest?.state.clone())))
            .collect();
        let list = list.expect(name);
        let found: Vec<_> = list
            .iter()
            .map(|row| (row[1].display(), row[4].display()))
            .collect();
        assert_eq!(found, expected, "{name}");
        let no_metrics = NODES_WITH_STATE.contains(&name)
            || both
                .variant
                .lacks_elsewhere
                .contains(&("node_state", "health_metrics"));
        assert!(
            list.iter().all(|row| (row[6] == Cell::Null) == no_metrics),
            "{name}"
        );
        let mut counts = [BTreeMap::new(), BTreeMap::new()];
        for row in states.expect(name) {
            let kind = usize::from(row[0].display() == "health");
            counts[kind].insert(row[1].display(), int(&row[2]));
        }
        let (states, healths) = both.oracle.node_states();
        assert_eq!(counts, [states, healths], "{name}");
        if NODES_WITH_STATE.contains(&name) {
            assert!(lacking(over_time).contains("node_state"), "{name}");
        } else {
            let found: BTreeMap<_, _> = over_time
                .expect(name)
                .iter()
                .map(|row| ((int(&row[0]), row[1].display()), int(&row[2])))
                .collect();
            assert_eq!(found, both.oracle.node_states_after(NOW - 60), "{name}");
        }
    });
}

#[test]
fn suggestions_and_the_search_bar_know_the_values_of_the_sample() {
    for_each_clean_variant(|both| {
        let name = both.variant.name;
        for (column, within) in [
            ("cluster", None),
            ("job_state", None),
            ("subcluster", Some("cluster")),
            ("cluster_partition", Some("cluster")),
            ("cluster_partition", None),
            ("project", None),
            ("hpc_user", None),
        ] {
            let answer = both.asked.ask(&JobQuery::Values { column, within });
            if both.variant.lacks.contains(&column) {
                assert!(lacking(answer).contains(column), "{name}");
                continue;
            }
            let found: BTreeSet<_> = answer
                .expect(name)
                .iter()
                .map(|row| row[0].display())
                .collect();
            let values = JOBS
                .iter()
                .map(|job| expected_cell(both.variant, job, column).display());
            assert_eq!(found, values.collect(), "{name}: {column}");
        }
        let has_accounts = both.variant.table("hpc_user").is_some();
        for (term, kind, value) in [
            ("700001", "jobId", "700001"),
            ("eli05", "user", "eli05"),
            (
                "ben tw",
                if has_accounts { "user" } else { "jobName" },
                if has_accounts { "ben02" } else { "ben tw" },
            ),
            ("astro", "project", "astro"),
            ("lbm", "jobName", "lbm"),
        ] {
            let row = &both.asked.rows(&JobQuery::Search {
                term: term.to_owned(),
            })[0];
            assert_eq!(
                (row[0].display(), row[1].display()),
                (kind.to_owned(), value.to_owned()),
                "{name}"
            );
        }
        let keys = both.asked.rows(&JobQuery::FootprintKeys);
        let largest = |key: &str| {
            let row = keys
                .iter()
                .find(|row| row[0].as_text() == Some(key))
                .expect(key);
            assert_eq!(usize::try_from(int(&row[1])), Ok(JOBS.len()), "{name}");
            row[2].as_real().expect("a number")
        };
        let expected = JOBS.iter().map(|job| job.flops_any_avg).fold(0.0, f64::max);
        assert!((largest("flops_any_avg") - expected).abs() < 1e-9, "{name}");
    });
}
