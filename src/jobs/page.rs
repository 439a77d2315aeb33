//! The catalogue as a page of documentation: `docs/queries.md` is this text.

use std::fmt::Write as _;

use super::{
    catalogue::{CATALOGUE, Clock, Column, FOOTPRINT_KEYS, JobQuery, QueryInfo},
    filter::{JobFilter, Selection},
    histogram::{DurationBins, Metric, Resource},
    list::OmitTagged,
    lookup::{Stack, Step},
    nodes::NodeFilter,
    schema::Schema,
    sort::Sort,
    statistics::{GroupBy, Kind},
};

/// The present of the examples: 2026-03-11 06:14 UTC.
const EXAMPLE_NOW: i64 = 1_773_209_640;

/// A question of this name with the plainest inputs. `None` if the catalogue has no such name.
#[expect(clippy::too_many_lines, reason = "one line for each query")]
pub fn example(name: &str) -> Option<JobQuery> {
    let clock = Clock {
        now_unix_secs: EXAMPLE_NOW,
        ..Clock::default()
    };
    let selection = Selection::new(JobFilter::default(), clock);
    let cluster = || "fritz".to_owned();
    let resource = |resource| JobQuery::ResourceHistogram {
        selection: Selection::new(JobFilter::default(), clock),
        resource,
    };
    Some(match name {
        "jobs" => JobQuery::Jobs {
            selection,
            sort: Sort::default(),
            after: None,
            limit: Some(50),
        },
        "count" => JobQuery::Count { selection },
        "statistics" => JobQuery::Statistics { selection },
        "statistics-grouped" => JobQuery::StatisticsGrouped {
            selection,
            by: GroupBy::Cluster,
            sort: None,
        },
        "count-grouped" => JobQuery::CountGrouped {
            selection,
            by: GroupBy::Cluster,
            kind: Kind::All,
        },
        "count-kind" => JobQuery::CountKind {
            selection,
            kind: Kind::Running,
        },
        "histogram-duration" => JobQuery::DurationHistogram {
            selection,
            bins: DurationBins::Hour,
        },
        "histogram-nodes" => resource(Resource::Nodes),
        "histogram-cores" => resource(Resource::Cores),
        "histogram-accelerators" => resource(Resource::Accelerators),
        "histogram-metric" => JobQuery::MetricHistogram {
            selection,
            metric: Metric {
                name: "mem_used_max".to_owned(),
                bins: 10,
                scale: None,
            },
        },
        "over-time" => JobQuery::OverTime {
            selection,
            step: Step::Day,
            stack: Stack::Cluster,
        },
        "job" => JobQuery::Job { id: 1 },
        "find" => JobQuery::Find {
            job_id: 812_345,
            cluster: Some(cluster()),
            start_unix_secs: None,
        },
        "job-ids" => JobQuery::JobIds {
            after: None,
            limit: None,
        },
        "running" => JobQuery::Running { cluster: cluster() },
        "concurrent" => JobQuery::Concurrent {
            id: 1,
            now_unix_secs: EXAMPLE_NOW,
        },
        "between" => JobQuery::Between {
            from_unix_secs: 1,
            to_unix_secs: 2,
            omit: OmitTagged::User,
        },
        "partitions" => JobQuery::Partitions { cluster: cluster() },
        "tags" => JobQuery::Tags,
        "tags-of" => JobQuery::TagsOf { id: 1 },
        "allocated-nodes" => JobQuery::AllocatedNodes { cluster: cluster() },
        "used-nodes" => JobQuery::UsedNodes { at_unix_secs: 1 },
        "nodes" => JobQuery::Nodes {
            filter: NodeFilter::default(),
        },
        "node-states" => JobQuery::NodeStates { cluster: None },
        "node-states-over-time" => JobQuery::NodeStatesOverTime {
            from_unix_secs: 1,
            cluster: None,
        },
        "search" => JobQuery::Search {
            term: "muster".to_owned(),
        },
        "footprint-keys" => JobQuery::FootprintKeys,
        _ => return None,
    })
}

const HEAD: &str = "\
# The job queries

Every question that cc-backend (1.5.4) asks its job database, and what jobscope answers. This page
is made from the same list as the command line (`src/jobs/catalogue.rs`).

```sh
jobscope query job.db NAME [filter options] [options of the query] [--format table|csv|json]
```

`CountGroupedJobs`, which older plans mention, is no function of cc-backend: `count-grouped` (for
`JobCountGrouped` and, with `--kind`, `AddJobCountGrouped`) and `statistics-grouped` stand for it.

## Where the answers differ

The default answer is the right one. Where cc-backend has a defect, `--as-backend` gives its answer
instead, and the result says in a sentence (`differences` in JSON, a note on standard error else)
when the two differ:

| In cc-backend | Here |
| --- | --- |
| a job counts once for each of the wanted tags that it carries, in sums and histograms | once |
| `totalNodes`, `totalCores`, `totalAccs` are 0 where nothing is grouped | the sums |
| jobs beyond the last bin of a histogram are dropped; a little below 0 counts in the first | bins of their own at the ends |
| jobs without a value are dropped, or make the request fail | a row without a bin number |
| bins of a metric are labelled with whole steps | true edges, the labels beside them |
| a metric is looked for under the configured statistic only (`mem_used_max`, not `_avg`) | under each |
| `24h` of the duration histogram means 24 bins of one hour | 14 bins of a day |
| `%` and `_` in contains, startsWith, endsWith fit any text | they stand for themselves; `like` takes patterns |
| `in` is ignored for job names and nodes; startsWith on nodes is invalid SQL | both work |
| sorting by a footprint value drops jobs whose footprint is no JSON | they count as NULL |

As in cc-backend, hours are truncated and not rounded, for each group by itself; a running job counts
with the time since its start in sums and durations, but is filtered, sorted and called short by its
stored duration; equal subcluster names of different clusters are one group; named time ranges have
no upper end. Pages are ordered by the sort column and then by the row's id, so that no job is lost
or repeated between two pages.

## Filters

Every condition must hold. `--filter` takes cc-backend's `JobFilter` as JSON, an object or a list of
objects; the window copies and pastes the same text. Each field has an option of its own, too:

| Field | Option | Value |
| --- | --- | --- |
| `cluster`, `subCluster`, `partition`, `user`, `project`, `jobId`, `jobName`, `node` | `--cluster`, `--subcluster`, `--partition`, `--user`, `--project`, `--job-id`, `--job-name`, `--node` | `VALUE`, or `OPERATOR:VALUE` with `eq`, `neq`, `startsWith`, `endsWith`, `contains`, `in` (comma-separated), `like` |
| `state` | `--state`, several times | a job state |
| `shared`, `schedule`, `arrayJobId`, `dbId` | `--shared`, `--schedule`, `--array-job`, `--db-id` | `none`, `single_user`, `multi_user`; `interactive`, `batch`; an id |
| `startTime` | `--from`, `--to`, `--last` | times (Unix seconds, `2026-03-11`, RFC 3339); `last6h`, `last24h`, `last7d`, `last30d` |
| `duration`, `numNodes`, `numHWThreads`, `numAccelerators`, `energy` | `--duration`, `--num-nodes`, `--num-hwthreads`, `--num-acc`, `--energy` | `4..16`, `>=4`, `>4`, `<=16`, `<16`, `=0` |
| `metricStats` | `--footprint` | `mem_bw_avg>=10`, `cpu_load_avg=0..1` |
| `tags` (any of), `tagsAll`, `tagsNone` | `--tag`, `--tags-all`, `--tags-none` | ids of tags |

In JSON a range is `{\"from\": 4, \"to\": 16}` by the rule of cc-backend 1.5.3 and later: an end counts only
above 0, and a negative end removes the condition. What that cannot say is said with real bounds:
`{\"eq\": 0}`, or `ge`, `gt`, `le`, `lt`. Of several operators on a text, the first in the order of the
table counts, as in cc-backend. A date without a zone is one of the local zone on the command line, and one of
UTC in JSON.

## Files

Columns are looked for, never assumed from the version: files of schema 4 to 11 and what lies between
answer under today's names (`user` as `hpc_user`, `exclusive` as `shared`, the fixed numbers of
schema 7 as `footprint`). A question that a file cannot answer says which column is missing. A job
archive in SQLite answers the queries marked \"archive\". The statements below are those of schema 11
with no filter, at 2026-03-11 06:14 UTC (1773209640); `--format json` shows the one that ran.
";

/// The whole page, in Markdown.
pub fn page() -> String {
    let schema = Schema::version_11();
    let mut text = HEAD.to_owned();
    for info in CATALOGUE.iter().chain(std::iter::once(&FOOTPRINT_KEYS)) {
        if let Some(query) = example(info.name) {
            // Writing to a string cannot fail.
            section(&mut text, info, &query, &schema).unwrap_or_default();
        }
    }
    text
}

fn section(
    text: &mut String,
    info: &QueryInfo,
    query: &JobQuery,
    schema: &Schema,
) -> std::fmt::Result {
    let archive = if info.on_archive { " (archive)" } else { "" };
    let inputs: Vec<_> = info.inputs.iter().map(|input| input.usage()).collect();
    let inputs = if inputs.is_empty() {
        "nothing".to_owned()
    } else {
        inputs.join("; ")
    };
    let columns: Vec<_> = query.columns().iter().map(described).collect();
    write!(
        text,
        "\n## {}{archive}\n\n{}.\n\n- Takes {inputs}.\n- Columns: {}.\n- In cc-backend: {}; asked by: {}.\n",
        info.name,
        info.answers,
        columns.join(", "),
        info.backend,
        info.pages
    )?;
    if let Ok(sql) = query.sql(schema) {
        write!(text, "\n```sql\n{}\n```\n", sql.text)?;
    }
    Ok(())
}

fn described(column: &Column) -> String {
    column.unit.as_ref().map_or_else(
        || format!("`{}`", column.name),
        |unit| format!("`{}` ({unit})", column.name),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_query_has_an_example_of_its_own_name() {
        for name in QueryInfo::names() {
            let query = example(name).expect(name);
            assert_eq!(query.name(), name);
            query.sql(&Schema::version_11()).expect(name);
        }
    }

    #[test]
    fn the_page_in_docs_is_this_one() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/queries.md");
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(&path, page()).expect("docs/queries.md");
        }
        let written = std::fs::read_to_string(&path).expect("docs/queries.md");
        assert!(
            written == page(),
            "UPDATE_SNAPSHOTS=1 renews docs/queries.md"
        );
    }
}
