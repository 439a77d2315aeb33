//! One cluster description: what its JSON must have, what it may lack, and what it adds up to.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, IgnoredAny},
};
use serde_json::Value;

use super::{Cluster, Metric, SubCluster, node_list};
use crate::error::{Error, Result};

/// The backend's name for a cluster description.
pub const FILE_NAME: &str = "cluster.json";

/// JSON with a list `metricConfig`: a cluster description, whatever else is wrong with it.
pub struct Document {
    path: PathBuf,
    name: Option<Value>,
    metrics: Vec<Value>,
    sub_clusters: Option<Value>,
}

impl Document {
    /// Tells a cluster description from other files.
    ///
    /// # Errors
    /// If the text is no JSON, no object, or has no list `metricConfig`.
    pub fn new(text: &str, path: &Path) -> Result<Self> {
        // Editors of other systems put a byte order mark first; JSON has none.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let value = serde_json::from_str(text)
            .map_err(|cause| no_description(path, &format!("it is not JSON: {cause}")))?;
        let Value::Object(mut keys) = value else {
            return Err(no_description(path, "it is JSON, but no object"));
        };
        let Some(Value::Array(metrics)) = keys.remove("metricConfig") else {
            return Err(no_description(path, "it has no such list"));
        };
        Ok(Self {
            path: path.to_owned(),
            name: keys.remove("name"),
            metrics,
            sub_clusters: keys.remove("subClusters"),
        })
    }

    /// Reads the parts.
    ///
    /// # Errors
    /// If the cluster, a metric or a sub-cluster has no name, or a value of a wrong type.
    pub fn into_cluster(self) -> Result<Cluster> {
        let Self {
            path,
            name,
            metrics,
            sub_clusters,
        } = self;
        let name: Option<String> = read("the name", name.unwrap_or_default(), &path)?;
        let name = name
            .filter(|name| !name.trim().is_empty())
            .or_else(|| name_from(&path))
            .ok_or_else(|| invalid(&path, "a name"))?;
        let metrics: Vec<MetricEntry> = read_list("metric", metrics, &path)?;
        let sub_clusters: Option<Vec<Value>> =
            read("subClusters", sub_clusters.unwrap_or_default(), &path)?;
        let sub_clusters: Vec<SubClusterEntry> =
            read_list("sub-cluster", sub_clusters.unwrap_or_default(), &path)?;
        Ok(Cluster {
            name,
            sub_clusters: sub_clusters
                .into_iter()
                .map(|entry| entry.into_sub_cluster(&metrics))
                .collect(),
            metrics: metrics
                .iter()
                .map(|entry| entry.metric(&entry.values))
                .collect(),
            path,
        })
    }
}

/// The error for what is no cluster description at all.
pub fn no_description(path: &Path, found: &str) -> Error {
    invalid(
        path,
        &format!(
            "a cluster description ({FILE_NAME}) with a list metricConfig, or a folder of them; {found}"
        ),
    )
}

fn invalid(path: &Path, expected: &str) -> Error {
    Error::invalid("cluster file", path.display().to_string(), expected)
}

/// Templates have no name: the file is named after the cluster, or lies in its folder.
fn name_from(path: &Path) -> Option<String> {
    let name = if path.file_name() == Some(OsStr::new(FILE_NAME)) {
        // A relative path may not show the folder. Without a working folder there is no name.
        let path = std::path::absolute(path).ok()?;
        path.parent()?.file_name()?.to_owned()
    } else {
        path.file_stem()?.to_owned()
    };
    Some(name.to_string_lossy().into_owned())
}

fn read<T: DeserializeOwned>(what: &str, value: Value, path: &Path) -> Result<T> {
    serde_json::from_value(value)
        .map_err(|cause| invalid(path, &format!("{what} to be readable; {cause}")))
}

fn read_list<T: DeserializeOwned>(kind: &str, entries: Vec<Value>, path: &Path) -> Result<Vec<T>> {
    entries
        .into_iter()
        .enumerate()
        .map(|(index, entry)| {
            let name = entry.get("name").and_then(Value::as_str);
            let what = name.map_or_else(
                || format!("{kind} number {}", index + 1),
                |name| format!("{kind} {name:?}"),
            );
            read(&what, entry, path)
        })
        .collect()
}

/// An entry of `metricConfig`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetricEntry {
    name: String,
    #[serde(default)]
    unit: Option<UnitEntry>,
    #[serde(flatten)]
    values: MetricValues,
    #[serde(default)]
    sub_clusters: Option<Vec<OverrideEntry>>,
}

/// What an override replaces, all of it: a key that it lacks is empty in that sub-cluster.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct MetricValues {
    #[serde(deserialize_with = "peak")]
    peak: Option<f64>,
    #[serde(deserialize_with = "footprint")]
    footprint: Option<String>,
    energy: Option<String>,
    lower_is_better: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct UnitEntry {
    prefix: Option<String>,
    base: Option<String>,
}

/// What a metric is in one sub-cluster.
#[derive(Deserialize)]
struct OverrideEntry {
    name: String,
    #[serde(flatten)]
    values: MetricValues,
    #[serde(default)]
    remove: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubClusterEntry {
    name: String,
    #[serde(default)]
    nodes: Option<String>,
    #[serde(default)]
    sockets_per_node: Option<u64>,
    #[serde(default)]
    cores_per_socket: Option<u64>,
    #[serde(default)]
    threads_per_core: Option<u64>,
    #[serde(default)]
    topology: Option<TopologyEntry>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TopologyEntry {
    accelerators: Option<Vec<IgnoredAny>>,
}

fn peak<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let peak = Option::<f64>::deserialize(deserializer)
        .map_err(|cause| D::Error::custom(format_args!("its peak: {cause}")))?;
    Ok(peak.filter(|peak| *peak > 0.0))
}

fn footprint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let statistic = Option::<String>::deserialize(deserializer)
        .map_err(|cause| D::Error::custom(format_args!("its footprint: {cause}")))?;
    match statistic.as_deref() {
        None | Some("") => Ok(None),
        Some("avg" | "max" | "min") => Ok(statistic),
        Some(other) => Err(D::Error::custom(format_args!(
            "its footprint: {other:?} is none of avg, max and min"
        ))),
    }
}

impl MetricEntry {
    /// The metric with these values in place of its own.
    fn metric(&self, values: &MetricValues) -> Metric {
        let unit = self.unit.as_ref().map_or_else(String::new, |unit| {
            let UnitEntry { prefix, base } = unit;
            format!(
                "{}{}",
                prefix.as_deref().unwrap_or(""),
                base.as_deref().unwrap_or("")
            )
        });
        Metric {
            name: self.name.clone(),
            unit,
            peak: values.peak,
            footprint: values.footprint.clone(),
            lower_is_better: values.lower_is_better.unwrap_or(false),
            is_energy: values
                .energy
                .as_deref()
                .is_some_and(|energy| !energy.is_empty()),
        }
    }

    /// The metric as one sub-cluster has it; `None` if it was removed there.
    fn metric_of(&self, sub_cluster: &str) -> Option<Metric> {
        let replaced = self
            .sub_clusters
            .iter()
            .flatten()
            // Of two entries for one sub-cluster the backend takes the last.
            .rfind(|entry| entry.name == sub_cluster);
        match replaced {
            None => Some(self.metric(&self.values)),
            Some(entry) if entry.remove.unwrap_or(false) => None,
            Some(entry) => Some(self.metric(&entry.values)),
        }
    }
}

impl SubClusterEntry {
    fn into_sub_cluster(self, metrics: &[MetricEntry]) -> SubCluster {
        let threads = [
            self.sockets_per_node,
            self.cores_per_socket,
            self.threads_per_core,
        ];
        SubCluster {
            num_nodes: self.nodes.as_deref().and_then(node_list::count),
            threads_per_node: threads
                .into_iter()
                .map(|number| number.unwrap_or(0))
                .fold(1, u64::saturating_mul),
            accelerators_per_node: self
                .topology
                .and_then(|topology| topology.accelerators)
                .map_or(0, |accelerators| accelerators.len()),
            metrics: metrics
                .iter()
                .filter_map(|metric| metric.metric_of(&self.name))
                .collect(),
            name: self.name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Clusters;
    use super::*;

    const TWO_PARTS: &str = r#"{
        "name": "willow", "comment": ["unknown keys", {"are": "fine"}],
        "metricConfig": [
            {"name": "mem_used", "unit": {"prefix": "G", "base": "B"}, "peak": 256, "footprint": "max",
             "lowerIsBetter": true, "timestep": 60, "subClusters": [
                {"name": "big", "peak": 1024.5, "footprint": "avg", "color": 1},
                {"name": "bare"},
                {"name": "old", "peak": 1, "remove": true},
                {"name": "nowhere", "peak": 7}]},
            {"name": "cpu_power", "unit": {"base": "W"}, "energy": "power", "peak": 0,
             "subClusters": [{"name": "big", "energy": ""}]},
            {"name": "load", "unit": null, "peak": null, "footprint": "", "subClusters": null},
            {"name": "packets", "unit": {"base": "packets/s", "prefix": null}}
        ],
        "subClusters": [
            {"name": "main", "nodes": "w[001-064],x7", "socketsPerNode": 2, "coresPerSocket": 36,
             "threadsPerCore": 2, "topology": {"node": [0, 1], "accelerators": [{"id": "a"}, {"id": "b"}]}},
            {"name": "big", "nodes": "*", "socketsPerNode": 4, "coresPerSocket": 8, "topology": null},
            {"name": "bare"},
            {"name": "old", "nodes": "w[", "topology": {"accelerators": null}}
        ]
    }"#;

    fn parse(text: &str) -> Result<Cluster> {
        Clusters::parse(text, Path::new("sites/willow.json"))
    }

    fn text_of(result: Result<Cluster>) -> String {
        let error = result.expect_err("no cluster description");
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
        error.to_string()
    }

    #[test]
    fn metrics_have_unit_peak_and_statistic() {
        let cluster = parse(TWO_PARTS).expect("a description");
        assert_eq!(cluster.name, "willow");
        let metric = |name: &str, unit: &str| Metric {
            name: name.to_owned(),
            unit: unit.to_owned(),
            peak: None,
            footprint: None,
            lower_is_better: false,
            is_energy: false,
        };
        let expected = [
            Metric {
                peak: Some(256.0),
                footprint: Some("max".to_owned()),
                lower_is_better: true,
                ..metric("mem_used", "GB")
            },
            Metric {
                is_energy: true,
                ..metric("cpu_power", "W")
            },
            metric("load", ""),
            metric("packets", "packets/s"),
        ];
        assert_eq!(cluster.metrics, expected);
    }

    #[test]
    fn a_sub_cluster_knows_its_hardware() {
        let cluster = parse(TWO_PARTS).expect("a description");
        let hardware: Vec<_> = cluster
            .sub_clusters
            .iter()
            .map(|part| {
                (
                    part.name.as_str(),
                    part.num_nodes,
                    part.threads_per_node,
                    part.accelerators_per_node,
                )
            })
            .collect();
        assert_eq!(
            hardware,
            [
                ("main", Some(65), 144, 2),
                ("big", None, 0, 0),
                ("bare", None, 0, 0),
                ("old", None, 0, 0),
            ]
        );
    }

    #[test]
    fn an_override_replaces_everything_and_a_removal_drops_the_metric() {
        let cluster = parse(TWO_PARTS).expect("a description");
        let mem_used = |index: usize| {
            let metric = cluster.sub_clusters[index]
                .metrics
                .iter()
                .find(|metric| metric.name == "mem_used")?;
            Some((
                metric.peak,
                metric.footprint.as_deref(),
                metric.lower_is_better,
            ))
        };
        assert_eq!(mem_used(0), Some((Some(256.0), Some("max"), true)));
        assert_eq!(mem_used(1), Some((Some(1024.5), Some("avg"), false)));
        assert_eq!(mem_used(2), Some((None, None, false)), "absent is empty");
        assert_eq!(mem_used(3), None, "removed");
        let energy: Vec<_> = cluster
            .sub_clusters
            .iter()
            .map(|part| part.metrics.iter().any(|metric| metric.is_energy))
            .collect();
        assert_eq!(energy, [true, false, true, true]);
    }

    #[test]
    fn of_two_overrides_the_last_counts() {
        let cluster = parse(
            r#"{"metricConfig": [{"name": "load", "subClusters":
                [{"name": "main", "remove": true}, {"name": "main", "peak": 3}]}],
                "subClusters": [{"name": "main"}]}"#,
        )
        .expect("a description");
        assert_eq!(cluster.sub_clusters[0].metrics[0].peak, Some(3.0));
    }

    #[test]
    fn a_template_is_named_after_its_file_or_folder() {
        for (path, expected) in [
            ("sites/willow.json", "willow"),
            ("archive/oak/cluster.json", "oak"),
            ("jobs.v2.json", "jobs.v2"),
        ] {
            for text in [
                r#"{"metricConfig": []}"#,
                "\u{feff}{\"name\": \" \", \"metricConfig\": [], \"subClusters\": null}",
                r#"{"name": null, "metricConfig": []}"#,
            ] {
                let cluster = Clusters::parse(text, Path::new(path)).expect("a description");
                assert_eq!(cluster.name, expected);
                assert_eq!(cluster.path, Path::new(path));
            }
        }
    }

    #[test]
    fn what_is_no_cluster_description_is_told_what_would_be_right() {
        for (text, found) in [
            ("", "it is not JSON: EOF"),
            ("name: willow", "it is not JSON: expected"),
            ("[]", "no object"),
            ("null", "no object"),
            (r#"{"name": "willow"}"#, "no such list"),
            (r#"{"metricConfig": {"load": 1}}"#, "no such list"),
            (r#"{"metricConfig": null}"#, "no such list"),
        ] {
            let message = text_of(parse(text));
            for part in [
                "sites/willow.json",
                "expected a cluster description (cluster.json) with a list metricConfig, \
                 or a folder of them",
                found,
            ] {
                assert!(message.contains(part), "{part:?} in {message}");
            }
        }
    }

    #[test]
    fn a_wrong_value_is_found_by_the_name_of_its_metric() {
        for (entry, parts) in [
            (
                r#"{"name": "load", "peak": "72"}"#,
                ["metric \"load\"", "its peak", "\"72\""],
            ),
            (
                r#"{"name": "load", "subClusters": [{"name": "main", "peak": [1]}]}"#,
                ["metric \"load\"", "its peak", "sequence"],
            ),
            (
                r#"{"name": "load", "footprint": "sum"}"#,
                ["metric \"load\"", "its footprint", "avg, max and min"],
            ),
            (r#"{"peak": 72}"#, ["metric number 1", "missing", "name"]),
            ("7", ["metric number 1", "invalid type", "7"]),
        ] {
            let message = text_of(parse(&format!("{{\"metricConfig\": [{entry}]}}")));
            for part in parts.into_iter().chain(["sites/willow.json"]) {
                assert!(message.contains(part), "{part:?} in {message}");
            }
        }
    }

    #[test]
    fn a_wrong_sub_cluster_is_found_by_its_name() {
        for (sub_clusters, part) in [
            (
                r#"[{"name": "main", "socketsPerNode": -1}]"#,
                "sub-cluster \"main\"",
            ),
            ("[{}]", "sub-cluster number 1"),
            (r#""main""#, "subClusters"),
        ] {
            let text = format!("{{\"metricConfig\": [], \"subClusters\": {sub_clusters}}}");
            let message = text_of(parse(&text));
            assert!(message.contains(part), "{part:?} in {message}");
        }
        let message = text_of(parse(r#"{"metricConfig": [], "name": 5}"#));
        assert!(message.contains("the name"), "{message}");
    }

    #[test]
    fn absurd_hardware_does_not_overflow() {
        let cluster = parse(
            r#"{"metricConfig": [], "subClusters": [{"name": "main", "socketsPerNode":
                18446744073709551615, "coresPerSocket": 3, "threadsPerCore": 2}]}"#,
        )
        .expect("a description");
        assert_eq!(cluster.sub_clusters[0].threads_per_node, u64::MAX);
    }
}
