//! The filter options: cc-backend's `JobFilter` as JSON, and a flag for each of its fields.

use clap::Args;
use jiff::tz::TimeZone;

use crate::{
    error::{Error, Result},
    jobs::filter::{
        Condition, JobFilter, NumberField, Preset, SHARED_WORDS, Schedule, StartTime, TagMode,
        TextField, flag, json::between,
    },
    units::parse_time,
};

/// Which jobs. Every condition must hold. TEXT is a value, or OPERATOR:VALUE with one of eq, neq,
/// startsWith, endsWith, contains, in (comma-separated) and like; RANGE is 4..16, >=4, <16 or =0.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filter options")]
pub(in crate::cli) struct FilterArgs {
    /// cc-backend's `JobFilter` as JSON, or a list of them: {"cluster":{"eq":"fritz"}}.
    #[arg(long, value_name = "JSON")]
    pub filter: Vec<String>,
    /// The cluster.
    #[arg(long, value_name = "TEXT")]
    pub cluster: Vec<String>,
    /// The subcluster.
    #[arg(long, value_name = "TEXT")]
    pub subcluster: Vec<String>,
    /// The scheduler's partition.
    #[arg(long, value_name = "TEXT")]
    pub partition: Vec<String>,
    /// The account name.
    #[arg(long, value_name = "TEXT")]
    pub user: Vec<String>,
    /// The project.
    #[arg(long, value_name = "TEXT")]
    pub project: Vec<String>,
    /// The scheduler's job id.
    #[arg(long, value_name = "TEXT")]
    pub job_id: Vec<String>,
    /// The job's name.
    #[arg(long, value_name = "TEXT")]
    pub job_name: Vec<String>,
    /// The name of one of its nodes.
    #[arg(long, value_name = "TEXT")]
    pub node: Vec<String>,
    /// The state; given several times, any of them.
    #[arg(long)]
    pub state: Vec<String>,
    /// How its nodes are shared: none, `single_user` or `multi_user`.
    #[arg(long, value_name = "WORD")]
    pub shared: Option<String>,
    /// interactive (the job's name is that) or batch.
    #[arg(long, value_name = "WORD")]
    pub schedule: Option<String>,
    /// The id of its job array; 0 where there is none.
    #[arg(long, value_name = "ID")]
    pub array_job: Option<i64>,
    /// The id of its row; given several times, any of them.
    #[arg(long, value_name = "ID")]
    pub db_id: Vec<i64>,
    /// Started at this time or later: Unix seconds, 2026-03-11, "2026-03-11 06:14", RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = parse_local_time, allow_hyphen_values = true)]
    pub from: Option<i64>,
    /// Started at this time or earlier.
    #[arg(long, value_name = "TIME", value_parser = parse_local_time, allow_hyphen_values = true)]
    pub to: Option<i64>,
    /// Started within this time: last6h, last24h, last7d or last30d.
    #[arg(long, value_name = "RANGE", conflicts_with_all = ["from", "to"])]
    pub last: Option<String>,
    /// Stored duration in seconds, or as 1h, 90min.
    #[arg(long, value_name = "RANGE")]
    pub duration: Option<String>,
    /// Number of nodes.
    #[arg(long, value_name = "RANGE")]
    pub num_nodes: Option<String>,
    /// Number of hardware threads.
    #[arg(long, value_name = "RANGE")]
    pub num_hwthreads: Option<String>,
    /// Number of accelerators.
    #[arg(long, value_name = "RANGE")]
    pub num_acc: Option<String>,
    /// Energy in kWh.
    #[arg(long, value_name = "RANGE")]
    pub energy: Option<String>,
    /// A value of the footprint: `mem_bw_avg>=10`, `cpu_load_avg=0..1`.
    #[arg(long, value_name = "KEY RANGE")]
    pub footprint: Vec<String>,
    /// The id of a tag; given several times, any of them.
    #[arg(long, value_name = "ID")]
    pub tag: Vec<i64>,
    /// The id of a tag that must be there, too.
    #[arg(long, value_name = "ID")]
    pub tags_all: Vec<i64>,
    /// The id of a tag that must not be there.
    #[arg(long, value_name = "ID")]
    pub tags_none: Vec<i64>,
}

impl FilterArgs {
    /// The filter that the options make together.
    pub(in crate::cli) fn to_filter(&self) -> Result<JobFilter> {
        let mut conditions = Vec::new();
        for json in &self.filter {
            conditions.extend(JobFilter::from_json(json)?.conditions);
        }
        for (field, values) in self.texts() {
            conditions.extend(values.iter().map(|text| flag::text_condition(field, text)));
        }
        if !self.state.is_empty() {
            conditions.push(Condition::States(self.state.clone()));
        }
        if let Some(word) = &self.shared {
            let word = one_of("--shared", word, SHARED_WORDS.map(|word| (word, word)))?;
            conditions.push(Condition::Shared(word.to_owned()));
        }
        if let Some(word) = &self.schedule {
            let known = [Schedule::Interactive, Schedule::Batch];
            let schedule = one_of("--schedule", word, known.map(|s| (s.key(), s)))?;
            conditions.push(Condition::Schedule(schedule));
        }
        conditions.extend(self.array_job.map(Condition::ArrayJob));
        if !self.db_id.is_empty() {
            conditions.push(Condition::Ids(self.db_id.clone()));
        }
        if let Some(name) = &self.last {
            let preset = one_of("--last", name, Preset::ALL.map(|p| (p.key(), p)))?;
            conditions.push(Condition::Start(StartTime::Last(preset)));
        } else if self.from.is_some() || self.to.is_some() {
            conditions.push(Condition::Start(between(self.from, self.to)?));
        }
        for (field, text) in self.numbers() {
            if let Some(text) = text {
                let range = flag::parse_range(field, text)?;
                conditions.push(Condition::Number { field, range });
            }
        }
        for text in &self.footprint {
            conditions.push(flag::parse_metric(text)?);
        }
        for (mode, ids) in [
            (TagMode::Any, &self.tag),
            (TagMode::All, &self.tags_all),
            (TagMode::None, &self.tags_none),
        ] {
            if !ids.is_empty() {
                let ids = ids.clone();
                conditions.push(Condition::Tags { mode, ids });
            }
        }
        Ok(JobFilter { conditions })
    }

    /// The options that were given, by their names.
    pub(super) fn given(&self) -> Vec<&'static str> {
        let texts = self
            .texts()
            .into_iter()
            .map(|(field, values)| (text_flag(field), !values.is_empty()));
        let numbers = self
            .numbers()
            .into_iter()
            .map(|(field, text)| (number_flag(field), text.is_some()));
        let others = [
            ("--filter", !self.filter.is_empty()),
            ("--state", !self.state.is_empty()),
            ("--shared", self.shared.is_some()),
            ("--schedule", self.schedule.is_some()),
            ("--array-job", self.array_job.is_some()),
            ("--db-id", !self.db_id.is_empty()),
            ("--from", self.from.is_some()),
            ("--to", self.to.is_some()),
            ("--last", self.last.is_some()),
            ("--footprint", !self.footprint.is_empty()),
            ("--tag", !self.tag.is_empty()),
            ("--tags-all", !self.tags_all.is_empty()),
            ("--tags-none", !self.tags_none.is_empty()),
        ];
        texts
            .chain(numbers)
            .chain(others)
            .filter_map(|(flag, is_given)| is_given.then_some(flag))
            .collect()
    }

    fn texts(&self) -> [(TextField, &Vec<String>); 8] {
        [
            (TextField::Cluster, &self.cluster),
            (TextField::SubCluster, &self.subcluster),
            (TextField::Partition, &self.partition),
            (TextField::User, &self.user),
            (TextField::Project, &self.project),
            (TextField::JobId, &self.job_id),
            (TextField::JobName, &self.job_name),
            (TextField::Node, &self.node),
        ]
    }

    fn numbers(&self) -> [(NumberField, Option<&str>); 5] {
        [
            (NumberField::Duration, self.duration.as_deref()),
            (NumberField::NumNodes, self.num_nodes.as_deref()),
            (NumberField::NumHwThreads, self.num_hwthreads.as_deref()),
            (NumberField::NumAccelerators, self.num_acc.as_deref()),
            (NumberField::Energy, self.energy.as_deref()),
        ]
    }
}

fn text_flag(field: TextField) -> &'static str {
    match field {
        TextField::Cluster => "--cluster",
        TextField::SubCluster => "--subcluster",
        TextField::Partition => "--partition",
        TextField::User => "--user",
        TextField::Project => "--project",
        TextField::JobId => "--job-id",
        TextField::JobName => "--job-name",
        TextField::Node => "--node",
    }
}

fn number_flag(field: NumberField) -> &'static str {
    match field {
        NumberField::Duration => "--duration",
        NumberField::NumNodes => "--num-nodes",
        NumberField::NumHwThreads => "--num-hwthreads",
        NumberField::NumAccelerators => "--num-acc",
        NumberField::Energy => "--energy",
    }
}

/// The thing of this name, or an error that lists all names.
pub(super) fn one_of<T: Copy, const N: usize>(
    what: &str,
    name: &str,
    known: [(&'static str, T); N],
) -> Result<T> {
    known
        .iter()
        .find(|(key, _)| *key == name)
        .map(|(_, thing)| *thing)
        .ok_or_else(|| {
            let names = known.map(|(key, _)| key).join(", ");
            Error::invalid(what, name, format!("one of {names}"))
        })
}

pub(in crate::cli) fn parse_local_time(text: &str) -> Result<i64> {
    parse_time(text, &TimeZone::system())
}
