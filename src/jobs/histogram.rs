//! How many jobs have which duration, size, or footprint value.
//!
//! Every bin of the range is in the answer, empty ones with 0. What lies outside of it, or has no
//! value, stands in rows of its own, so that the counts add up to the selection; cc-backend drops
//! these.

use super::{
    catalogue::Column,
    clusters::{Clusters, MetricScale},
    filter::{Selection, check_metric},
    schema::Schema,
    sql::Sql,
    statistics::duration_sql,
};
use crate::{
    db::value::Cell,
    error::{Error, Result},
};

/// The widths that cc-backend offers for durations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DurationBins {
    /// 60 bins of a minute.
    Minute,
    /// 72 bins of ten minutes.
    TenMinutes,
    /// 48 bins of an hour.
    #[default]
    Hour,
    /// 12 bins of six hours.
    SixHours,
    /// 14 bins of twelve hours.
    TwelveHours,
    /// 14 bins of a day; in cc-backend 24 bins of an hour.
    Day,
}

impl DurationBins {
    /// All of them, the narrowest first.
    pub const ALL: [Self; 6] = [
        Self::Minute,
        Self::TenMinutes,
        Self::Hour,
        Self::SixHours,
        Self::TwelveHours,
        Self::Day,
    ];

    /// The name on the command line and in cc-backend.
    pub fn key(self) -> &'static str {
        match self {
            Self::Minute => "1m",
            Self::TenMinutes => "10m",
            Self::Hour => "1h",
            Self::SixHours => "6h",
            Self::TwelveHours => "12h",
            Self::Day => "24h",
        }
    }

    /// Width in seconds, and number of bins.
    pub fn shape(self, as_backend: bool) -> (i64, i64) {
        match self {
            Self::Minute => (60, 60),
            Self::TenMinutes => (600, 72),
            Self::Hour => (3600, 48),
            Self::SixHours => (21_600, 12),
            Self::TwelveHours => (43_200, 14),
            Self::Day if as_backend => (3600, 24),
            Self::Day => (86_400, 14),
        }
    }
}

/// What a job takes of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Nodes.
    Nodes,
    /// Hardware threads, which cc-backend's pages call cores.
    Cores,
    /// Accelerators.
    Accelerators,
}

impl Resource {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Nodes, Self::Cores, Self::Accelerators];

    /// The column of the job table.
    pub fn column(self) -> &'static str {
        match self {
            Self::Nodes => "num_nodes",
            Self::Cores => "num_hwthreads",
            Self::Accelerators => "num_acc",
        }
    }

    /// What is counted.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Nodes => "nodes",
            Self::Cores => "hardware threads",
            Self::Accelerators => "accelerators",
        }
    }
}

/// The footprint value of a histogram, and its axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The metric's name (`mem_used`), or a key with its statistic (`mem_used_max`).
    pub name: String,
    /// Number of bins.
    pub bins: u32,
    /// Peak, unit and statistic from a cluster's description. Without it the largest value of the
    /// selection is the peak.
    pub scale: Option<MetricScale>,
}

/// The statistics that a key of the footprint can end with.
const STATISTICS: [&str; 3] = ["avg", "max", "min"];

impl Metric {
    /// The keys under which the value may stand, the most likely first.
    ///
    /// cc-backend's importer writes `_avg` where the configuration says `_max`, so one database
    /// holds both; cc-backend itself looks at the configured one only.
    pub fn keys(&self, as_backend: bool) -> Vec<String> {
        let statistic = self
            .scale
            .as_ref()
            .and_then(|scale| scale.statistic.as_deref());
        // Before schema 8 there were sums, too: net_data_vol_total.
        let has_statistic = STATISTICS
            .iter()
            .chain(&["total"])
            .any(|suffix| self.name.ends_with(&format!("_{suffix}")));
        if has_statistic {
            return vec![self.name.clone()];
        }
        let first = statistic.unwrap_or("avg");
        let others = STATISTICS.into_iter().filter(|other| *other != first);
        let with_statistic = std::iter::once(first)
            .chain(others.filter(|_| !as_backend))
            .map(|suffix| format!("{}_{suffix}", self.name));
        // A site may keep a value of its own under a plain name.
        let plain = (!as_backend).then(|| self.name.clone());
        with_statistic.chain(plain).collect()
    }

    /// Peak and unit of a metric by the descriptions, of `cluster` if one is meant. The name may
    /// be a key with its statistic.
    pub fn scale(clusters: &Clusters, cluster: Option<&str>, name: &str) -> Option<MetricScale> {
        clusters.scale(cluster, name).or_else(|| {
            let (metric, statistic) = name.rsplit_once('_')?;
            STATISTICS
                .contains(&statistic)
                .then(|| clusters.scale(cluster, metric))?
        })
    }

    /// Whether the cluster's own description has the peak that [`Self::scale`] takes.
    pub fn has_own_scale(clusters: &Clusters, cluster: &str, name: &str) -> bool {
        let metric = name
            .rsplit_once('_')
            .filter(|(_, statistic)| STATISTICS.contains(statistic))
            .map_or(name, |(metric, _)| metric);
        let has_peak = |name| {
            clusters
                .get(cluster)
                .and_then(|described| described.metric(name))
                .is_some_and(|metric| metric.peak.is_some())
        };
        has_peak(name) || has_peak(metric)
    }

    /// The unit of the values, where a description says one.
    pub fn unit(&self) -> Option<&str> {
        let unit = self.scale.as_ref()?.unit.as_str();
        (!unit.is_empty()).then_some(unit)
    }
}

/// Bins of the effective duration.
pub(super) fn duration_sql_of(
    schema: &Schema,
    selection: &Selection,
    bins: DurationBins,
) -> Result<Sql> {
    let (size, number) = bins.shape(selection.as_backend);
    let duration = duration_sql(schema, selection.clock)?;
    // Integer division truncates towards 0: cc-backend takes small negative durations (a start in
    // the future) into its first bin.
    let below = if selection.as_backend { -size } else { -1 };
    let mut sql = Sql::text(format!(
        "WITH RECURSIVE counted(bin, count) AS MATERIALIZED (\n  \
         SELECT CASE WHEN secs <= {below} THEN 0 WHEN secs >= {size} * {number} THEN {number} + 1\n    \
         ELSE CAST(secs AS INTEGER) / {size} + 1 END, COUNT(*)\n  \
         FROM (SELECT {duration} AS secs\n"
    ));
    sql.append(selection.source_to_add_up(schema, None)?);
    sql.push(&format!(
        ")\n  GROUP BY 1\n),\nbins(bin) AS (SELECT 1 UNION ALL SELECT bin + 1 FROM bins WHERE bin < {number})\n\
         SELECT bins.bin AS bin, (bins.bin - 1) * {size} AS \"from\", bins.bin * {size} AS \"to\", \
         COALESCE(counted.count, 0) AS count\n\
         FROM bins LEFT JOIN counted USING (bin)"
    ));
    if !selection.as_backend {
        sql.push(&format!(
            "\nUNION ALL\nSELECT bin, CASE WHEN bin > {number} THEN {size} * {number} END, \
             CASE WHEN bin = 0 THEN 0 END, count\n\
             FROM counted WHERE bin IS NULL OR bin NOT BETWEEN 1 AND {number}"
        ));
    }
    Ok(sql)
}

/// One row for each number of nodes, threads or accelerators.
pub(super) fn resource_sql(
    schema: &Schema,
    selection: &Selection,
    resource: Resource,
) -> Result<Sql> {
    let value = schema.column(resource.column())?;
    let mut sql = Sql::text(format!(
        "SELECT {value} AS bin, {value} AS \"from\", {value} AS \"to\", COUNT(*) AS count\n"
    ));
    // A NULL makes cc-backend's whole request fail; without these jobs it answers.
    let known = selection
        .as_backend
        .then(|| Sql::text(format!("{value} IS NOT NULL")));
    sql.append(selection.source_to_add_up(schema, known)?);
    sql.push(&format!("\nGROUP BY {value}\nORDER BY {value}"));
    Ok(sql)
}

/// Bins of a footprint value between 0 and its peak.
pub(super) fn metric_sql(schema: &Schema, selection: &Selection, metric: &Metric) -> Result<Sql> {
    check_metric(&metric.name)?;
    if metric.bins == 0 || metric.bins > MAX_BINS {
        let expected = format!("1 to {MAX_BINS}");
        return Err(Error::invalid("bins", metric.bins.to_string(), expected));
    }
    if selection.as_backend && metric.scale.is_none() {
        let expected = "a metric with a peak in a cluster's description (--clusters): \
                        cc-backend has no histogram without";
        return Err(Error::invalid("metric", &metric.name, expected));
    }
    let bins = metric.bins;
    let keys = metric.keys(selection.as_backend);
    // As a real number, so that no division is one of integers.
    let peak = metric.scale.as_ref().map_or_else(
        || {
            // One infinite value (1e999 in the JSON) would put all others into the first bin.
            "(SELECT CASE WHEN MAX(value) > 0 THEN MAX(value) * 1.0 ELSE 1.0 END FROM found WHERE value < 9e999)"
                .to_owned()
        },
        |scale| format!("{:?}", scale.peak),
    );
    // cc-backend counts what lies a little below 0 into the first bin, and drops the rest.
    let below = if selection.as_backend {
        format!("value * {bins} <= -peak")
    } else {
        "value < 0".to_owned()
    };
    // Without a known peak the values are needed twice.
    let kept = if metric.scale.is_some() {
        ""
    } else {
        "MATERIALIZED "
    };
    let footprint = schema.column("footprint")?;
    let mut sql = Sql::text(format!(
        "WITH RECURSIVE found(value, drifted) AS {kept}(\n  {value} FROM (SELECT {first}, document FROM (\n  \
         SELECT CASE WHEN json_valid({footprint}) THEN {footprint} END AS document\n",
        value = value_of(&keys),
        first = extracted(&keys, 0),
    ));
    sql.append(selection.source_to_add_up(schema, None)?);
    // LIMIT -1 keeps SQLite from pasting an expression wherever its name is used: JSON would be
    // parsed up to ten times a row.
    sql.push(&format!(
        "\n  LIMIT -1) LIMIT -1) LIMIT -1) LIMIT -1\n),\nscale(peak) AS MATERIALIZED (SELECT {peak}),\n\
         counted(bin, count, drifted) AS MATERIALIZED (\n  \
         SELECT CASE WHEN value IS NULL THEN NULL WHEN {below} THEN 0 WHEN value > peak THEN {bins} + 1\n    \
         ELSE CAST((CASE WHEN value = peak THEN 0.999999999 * peak ELSE value END) / peak * {bins} AS INTEGER) + 1 END,\n    \
         COUNT(*), SUM(drifted)\n  FROM scale CROSS JOIN found\n  GROUP BY 1\n),\n\
         bins(bin) AS (SELECT 1 UNION ALL SELECT bin + 1 FROM bins WHERE bin < {bins})\n\
         SELECT bins.bin AS bin, (bins.bin - 1) * peak / {bins} AS \"from\", bins.bin * peak / {bins} AS \"to\",\n  \
         COALESCE(counted.count, 0) AS count,\n  \
         CAST(peak AS INTEGER) / {bins} * (bins.bin - 1) AS backendMin, CAST(peak AS INTEGER) / {bins} * bins.bin AS backendMax,\n  \
         COALESCE(counted.drifted, 0) AS otherStatistic\n\
         FROM scale CROSS JOIN bins LEFT JOIN counted USING (bin)"
    ));
    if !selection.as_backend {
        sql.push(&format!(
            "\nUNION ALL\nSELECT bin, CASE WHEN bin > {bins} THEN peak END, CASE WHEN bin = 0 THEN 0.0 END, \
             count, NULL, NULL, drifted\n\
             FROM scale CROSS JOIN counted WHERE bin IS NULL OR bin NOT BETWEEN 1 AND {bins}"
        ));
    }
    Ok(sql)
}

/// More bins than this are no picture any more.
const MAX_BINS: u32 = 1000;

/// The value of one of the keys in `document`, as `first` or `any`.
fn extracted(keys: &[String], index: usize) -> String {
    let key = keys.get(index).map_or("", String::as_str);
    let json = format!("json_extract(document, '$.{key}')");
    if index == 0 {
        format!("{json} AS first")
    } else {
        json
    }
}

/// The value of the first key that is there, if it is a number, and whether that was another key
/// than the first. Texts and nested values are no numbers, whatever they look like.
fn value_of(keys: &[String]) -> String {
    let others: Vec<_> = (1..keys.len())
        .map(|index| extracted(keys, index))
        .collect();
    let any = if others.is_empty() {
        "first".to_owned()
    } else {
        format!("COALESCE(first, {})", others.join(", "))
    };
    format!(
        "SELECT CASE WHEN typeof(value) IN ('integer', 'real') THEN value END,\n    \
         first IS NULL AND typeof(value) IN ('integer', 'real')\n  \
         FROM (SELECT {any} AS value, first"
    )
}

/// The columns of durations (`seconds`) and resources.
pub(super) fn columns(unit: &str) -> Vec<Column> {
    vec![
        Column::new("bin", None),
        Column::new("from", Some(unit)),
        Column::new("to", Some(unit)),
        Column::new("count", Some("jobs")),
    ]
}

/// The columns of [`metric_sql`].
pub(super) fn metric_columns(metric: &Metric) -> Vec<Column> {
    let unit = metric.unit();
    vec![
        Column::new("bin", None),
        Column::new("from", unit),
        Column::new("to", unit),
        Column::new("count", Some("jobs")),
        Column::new("backendMin", unit),
        Column::new("backendMax", unit),
        Column::new("otherStatistic", Some("jobs")),
    ]
}

/// One row of a histogram.
#[expect(
    clippy::struct_field_names,
    reason = "the field is called as the result's column is"
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Bin {
    /// Its number from 1 on, or the value itself for resources. 0 lies below the first bin;
    /// `None` are jobs without a value.
    pub bin: Option<i64>,
    /// Where it begins; `None` where it has no lower end.
    pub from: Option<f64>,
    /// Where it ends; `None` where it has no upper end.
    pub to: Option<f64>,
    /// How many jobs.
    pub count: u64,
}

impl Bin {
    /// Takes a row of any histogram.
    pub fn from_cells(cells: &[Cell]) -> Option<Self> {
        let [bin, from, to, count, ..] = cells else {
            return None;
        };
        Some(Self {
            bin: bin.as_int(),
            from: from.as_real(),
            to: to.as_real(),
            count: u64::try_from(count.as_int()?).ok()?,
        })
    }
}
