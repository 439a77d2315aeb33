//! From the options of `jobscope query` to the question.

use super::{
    InputArgs,
    filter::{FilterArgs, one_of},
};
use crate::{
    error::{Error, Result},
    jobs::{
        catalogue::{Clock, DEFAULT_SHORT_SECS, Input, JobQuery, QueryInfo},
        clusters::Clusters,
        filter::{JobFilter, Selection, TextField, TextOp, check_metric, flag},
        histogram::{DurationBins, Metric, Resource},
        list::OmitTagged,
        lookup::{Stack, Step},
        nodes::NodeFilter,
        sort::{Cursor, Sort},
        statistics::{GroupBy, Kind},
    },
    units::unix_now,
};

/// Jobs in a page where nobody says otherwise.
const PAGE: u32 = 50;

/// Bins of a metric histogram where nobody says otherwise, as in cc-backend.
const METRIC_BINS: u32 = 10;

/// What the options of a query are made of.
#[derive(Clone, Copy)]
pub(in crate::cli) struct Asked<'a> {
    pub term: Option<&'a str>,
    pub filter: &'a FilterArgs,
    pub inputs: &'a InputArgs,
}

/// The questions that the options ask. Each option must mean something to one of them.
pub(in crate::cli) fn queries(names: &[String], args: Asked<'_>) -> Result<Vec<JobQuery>> {
    let infos = names
        .iter()
        .map(|name| QueryInfo::find(name))
        .collect::<Result<Vec<_>>>()?;
    refuse_strangers(args, &infos)?;
    infos.iter().map(|info| query(args, info)).collect()
}

fn query(args: Asked<'_>, info: &QueryInfo) -> Result<JobQuery> {
    let inputs = &args.inputs;
    let clock = Clock {
        now_unix_secs: inputs.now.unwrap_or_else(unix_now),
        short_secs: inputs.short.unwrap_or(DEFAULT_SHORT_SECS),
    };
    if info.takes(Input::Filter) {
        let selection = Selection {
            filter: args.filter.to_filter()?,
            clock,
            as_backend: inputs.as_backend,
        };
        return of_selection(args, info, selection);
    }
    let needs_cluster = || {
        exact(&args.filter.cluster, "--cluster")?
            .ok_or_else(|| missing("--cluster", "the name of a cluster"))
    };
    let id = || inputs.id.ok_or_else(|| missing("--id", "the id of a row"));
    let cluster = || exact(&args.filter.cluster, "--cluster");
    Ok(match info.name {
        "job" => JobQuery::Job { id: id()? },
        "find" => JobQuery::Find {
            job_id: job_id(&args.filter.job_id)?,
            cluster: cluster()?,
            start_unix_secs: inputs.start,
        },
        "job-ids" => JobQuery::JobIds {
            after: cursor(inputs.after.as_deref())?.map(|cursor| cursor.id),
            limit: inputs.limit.filter(|limit| *limit > 0),
        },
        "running" => JobQuery::Running {
            cluster: needs_cluster()?,
        },
        "concurrent" => JobQuery::Concurrent {
            id: id()?,
            now_unix_secs: clock.now_unix_secs,
        },
        "between" => between(args)?,
        "partitions" => JobQuery::Partitions {
            cluster: needs_cluster()?,
        },
        "tags" => JobQuery::Tags,
        "tags-of" => JobQuery::TagsOf { id: id()? },
        "allocated-nodes" => JobQuery::AllocatedNodes {
            cluster: needs_cluster()?,
        },
        "used-nodes" => JobQuery::UsedNodes {
            at_unix_secs: inputs.at.ok_or_else(|| missing("--at", "a time"))?,
        },
        "nodes" => JobQuery::Nodes {
            filter: NodeFilter {
                cluster: cluster()?,
                sub_cluster: exact(&args.filter.subcluster, "--subcluster")?,
                hostname: one(&args.filter.node, "--node")?.map(|text| flag::parse_text(text)),
                state: inputs.node_state.clone(),
                health: inputs.health.clone(),
            },
        },
        "node-states" => JobQuery::NodeStates {
            cluster: cluster()?,
        },
        "node-states-over-time" => JobQuery::NodeStatesOverTime {
            from_unix_secs: args
                .filter
                .from
                .ok_or_else(|| missing("--from", "a time"))?,
            cluster: cluster()?,
        },
        "search" => JobQuery::Search {
            term: args
                .term
                .filter(|term| !term.trim().is_empty())
                .map(ToOwned::to_owned)
                .ok_or_else(|| missing("the term", "a job id, user, name, project or job name"))?,
        },
        "footprint-keys" => JobQuery::FootprintKeys,
        other => return Err(not_built(other)),
    })
}

fn of_selection(args: Asked<'_>, info: &QueryInfo, selection: Selection) -> Result<JobQuery> {
    let inputs = &args.inputs;
    let sort = inputs.sort.as_deref();
    let by = || group(inputs.by.as_deref());
    let kind = |default: Kind| match inputs.kind.as_deref() {
        None => Ok(default),
        Some(name) => one_of("--kind", name, Kind::ALL.map(|kind| (kind.key(), kind))),
    };
    Ok(match info.name {
        "jobs" => JobQuery::Jobs {
            selection,
            sort: sort
                .map(str::parse::<Sort>)
                .transpose()?
                .unwrap_or_default(),
            after: cursor(inputs.after.as_deref())?,
            limit: Some(inputs.limit.unwrap_or(PAGE)).filter(|limit| *limit > 0),
        },
        "count" => JobQuery::Count { selection },
        "statistics" => JobQuery::Statistics { selection },
        "statistics-grouped" => JobQuery::StatisticsGrouped {
            selection,
            by: by()?,
            sort: sort.map(str::parse).transpose()?,
        },
        "count-grouped" => JobQuery::CountGrouped {
            selection,
            by: by()?,
            kind: kind(Kind::All)?,
        },
        "count-kind" => JobQuery::CountKind {
            selection,
            kind: kind(Kind::Running)?,
        },
        "histogram-duration" => JobQuery::DurationHistogram {
            selection,
            bins: inputs
                .bins
                .as_deref()
                .map_or(Ok(DurationBins::Hour), |name| {
                    one_of(
                        "--bins",
                        name,
                        DurationBins::ALL.map(|bins| (bins.key(), bins)),
                    )
                })?,
        },
        "histogram-nodes" => resource(selection, Resource::Nodes),
        "histogram-cores" => resource(selection, Resource::Cores),
        "histogram-accelerators" => resource(selection, Resource::Accelerators),
        "histogram-metric" => JobQuery::MetricHistogram {
            metric: metric(args, &selection.filter)?,
            selection,
        },
        "over-time" => JobQuery::OverTime {
            selection,
            step: inputs.step.as_deref().map_or(Ok(Step::default()), |name| {
                one_of("--step", name, Step::ALL.map(|step| (step.key(), step)))
            })?,
            stack: inputs
                .stack
                .as_deref()
                .map_or(Ok(Stack::default()), |name| {
                    one_of(
                        "--stack",
                        name,
                        Stack::ALL.map(|stack| (stack.key(), stack)),
                    )
                })?,
        },
        other => return Err(not_built(other)),
    })
}

fn resource(selection: Selection, resource: Resource) -> JobQuery {
    JobQuery::ResourceHistogram {
        selection,
        resource,
    }
}

fn group(name: Option<&str>) -> Result<GroupBy> {
    let Some(name) = name else {
        return Ok(GroupBy::User);
    };
    GroupBy::ALL
        .into_iter()
        .find(|by| by.to_string() == name)
        .ok_or_else(|| Error::invalid("--by", name, "user, project, cluster or subcluster"))
}

fn metric(args: Asked<'_>, filter: &JobFilter) -> Result<Metric> {
    let inputs = &args.inputs;
    let name = inputs
        .metric
        .as_deref()
        .ok_or_else(|| missing("--metric", "a metric, like mem_used"))?;
    let name = check_metric(name)?;
    let bins = match &inputs.bins {
        None => METRIC_BINS,
        Some(text) => text
            .parse()
            .map_err(|_no_number| Error::invalid("--bins", text, "a number of bins, 1 to 1000"))?,
    };
    let clusters = Clusters::load(&inputs.clusters)?;
    for path in &clusters.skipped {
        super::say(&format!(
            "note: {} is no cluster description",
            path.display()
        ));
    }
    let cluster = filter.exact(TextField::Cluster);
    let scale = Metric::scale(&clusters, cluster, name);
    if let (Some(scale), Some(cluster)) = (&scale, cluster)
        && !Metric::has_own_scale(&clusters, cluster, name)
    {
        super::say(&format!(
            "note: the descriptions have no peak of {name} for {cluster}; {} {}, the largest of the others, serves, \
             as in cc-backend",
            scale.peak, scale.unit
        ));
    }
    Ok(Metric {
        name: name.to_owned(),
        bins,
        scale,
    })
}

fn between(args: Asked<'_>) -> Result<JobQuery> {
    let to = args.filter.to.ok_or_else(|| missing("--to", "a time"))?;
    let from = args.filter.from.unwrap_or(0);
    if from > to {
        let expected = format!("a time before --to, which is {to} in Unix seconds");
        return Err(Error::invalid("--from", from.to_string(), expected));
    }
    let known = [
        ("none", OmitTagged::None),
        ("all", OmitTagged::All),
        ("user", OmitTagged::User),
    ];
    let omit = args.inputs.omit_tagged.as_deref();
    Ok(JobQuery::Between {
        from_unix_secs: from,
        to_unix_secs: to,
        omit: omit.map_or(Ok(OmitTagged::None), |name| {
            one_of("--omit-tagged", name, known)
        })?,
    })
}

/// One exact text where only that makes sense.
fn exact(values: &[String], flag: &str) -> Result<Option<String>> {
    let Some(text) = one(values, flag)? else {
        return Ok(None);
    };
    let is = flag::parse_text(text);
    if is.op == TextOp::Eq {
        Ok(Some(is.value().to_owned()))
    } else {
        Err(Error::invalid(flag, text, "a name without an operator"))
    }
}

fn one<'a>(values: &'a [String], flag: &str) -> Result<Option<&'a String>> {
    match values {
        [] => Ok(None),
        [text] => Ok(Some(text)),
        [_, second, ..] => Err(Error::invalid(flag, second, "one name only")),
    }
}

fn job_id(values: &[String]) -> Result<i64> {
    let text = exact(values, "--job-id")?
        .ok_or_else(|| missing("--job-id", "the scheduler's id, a whole number"))?;
    text.parse()
        .map_err(|_no_number| Error::invalid("--job-id", &text, "a whole number"))
}

fn cursor(text: Option<&str>) -> Result<Option<Cursor>> {
    text.map(str::parse).transpose()
}

fn missing(flag: &str, what: &str) -> Error {
    Error::invalid(flag, "", what)
}

/// The catalogue and this file name the same queries; a test goes through all of them.
fn not_built(name: &str) -> Error {
    Error::invalid("query", name, "a query that the command line knows")
}

/// An option that the query would ignore is a mistake that somebody should hear of.
fn refuse_strangers(args: Asked<'_>, infos: &[&QueryInfo]) -> Result<()> {
    let mut allowed: Vec<&str> = Vec::new();
    for flag in (infos.iter().flat_map(|info| info.inputs)).flat_map(|input| flags(*input)) {
        if !allowed.contains(flag) {
            allowed.push(flag);
        }
    }
    let takes_filter = infos.iter().any(|info| info.takes(Input::Filter));
    let stranger = args
        .filter
        .given()
        .into_iter()
        .filter(|_| !takes_filter)
        .chain(given(args))
        .find(|flag| !allowed.contains(flag));
    let Some(stranger) = stranger else {
        return Ok(());
    };
    let mut known = allowed.join(", ");
    if takes_filter {
        known.push_str(" and the filter options");
    }
    let names: Vec<_> = infos.iter().map(|info| info.name).collect();
    let names = names.join(" or ");
    let expected = if names.is_empty() {
        "no option of queries: none is asked for".to_owned()
    } else if known.is_empty() {
        format!("no option: {names} takes none")
    } else {
        format!("an option that {names} takes: {known}")
    };
    Err(Error::invalid("option", stranger, expected))
}

/// The names of what an input takes.
fn flags(input: Input) -> &'static [&'static str] {
    match input {
        Input::Filter => &["--now", "--short", "--as-backend"],
        Input::Page => &["--sort", "--limit", "--after"],
        Input::IdPage => &["--limit", "--after"],
        Input::By => &["--by"],
        Input::GroupSort => &["--sort"],
        Input::Kind => &["--kind"],
        Input::DurationBins => &["--bins"],
        Input::Metric => &["--metric", "--bins", "--clusters"],
        Input::Steps => &["--step", "--stack"],
        Input::Id => &["--id", "--now"],
        Input::Find => &["--job-id", "--cluster", "--start"],
        Input::Cluster | Input::AnyCluster => &["--cluster"],
        Input::Between => &["--from", "--to", "--omit-tagged"],
        Input::At => &["--at"],
        Input::Since => &["--from"],
        Input::Nodes => &[
            "--cluster",
            "--subcluster",
            "--node",
            "--node-state",
            "--health",
        ],
        Input::Term => &["TERM"],
    }
}

fn given(args: Asked<'_>) -> impl Iterator<Item = &'static str> {
    let inputs = &args.inputs;
    [
        ("TERM", args.term.is_some()),
        ("--by", inputs.by.is_some()),
        ("--sort", inputs.sort.is_some()),
        ("--limit", inputs.limit.is_some()),
        ("--after", inputs.after.is_some()),
        ("--kind", inputs.kind.is_some()),
        ("--bins", inputs.bins.is_some()),
        ("--metric", inputs.metric.is_some()),
        ("--clusters", !inputs.clusters.is_empty()),
        ("--step", inputs.step.is_some()),
        ("--stack", inputs.stack.is_some()),
        ("--id", inputs.id.is_some()),
        ("--start", inputs.start.is_some()),
        ("--at", inputs.at.is_some()),
        ("--omit-tagged", inputs.omit_tagged.is_some()),
        ("--node-state", inputs.node_state.is_some()),
        ("--health", inputs.health.is_some()),
        ("--now", inputs.now.is_some()),
        ("--short", inputs.short.is_some()),
        ("--as-backend", inputs.as_backend),
    ]
    .into_iter()
    .filter_map(|(flag, is_given)| is_given.then_some(flag))
}
