//! Cluster descriptions: which metrics a cluster measures, their units and peaks, and its hardware.
//!
//! The job database has only numbers. What they are out of is in the backend's `cluster.json`
//! files, which can be added to a database.

mod description;
mod node_list;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs::File,
    io::{ErrorKind, Read as _},
    path::{Path, PathBuf},
};

use self::description::{Document, FILE_NAME, no_description};
use crate::error::{Error, Result};

/// Real descriptions have some ten KiB. Above this it is another file, and we do not fill memory
/// to find out what it is.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// What is tried with a path, for messages.
const READ: &str = "read the cluster description (cluster.json, or a folder of them)";

/// What `cluster.json` files say about metrics and hardware.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clusters {
    by_name: BTreeMap<String, Cluster>,
    /// JSON files in the folders that were no cluster descriptions or could not be read.
    pub skipped: Vec<PathBuf>,
}

/// One cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// As in the job table.
    pub name: String,
    /// What is measured, in the order of the file.
    pub metrics: Vec<Metric>,
    /// Its parts with the same kind of nodes, in the order of the file.
    pub sub_clusters: Vec<SubCluster>,
    /// The file that says so.
    pub path: PathBuf,
}

/// Nodes of one kind in a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct SubCluster {
    /// As in the job table.
    pub name: String,
    /// How many nodes its list names. `None` for `*`, without a list, and for one we cannot read.
    pub num_nodes: Option<usize>,
    /// Hardware threads of a node: sockets × cores × threads. 0 where one of them is not said.
    pub threads_per_node: u64,
    /// Accelerators of a node.
    pub accelerators_per_node: usize,
    /// What is measured here: the cluster's metrics with the overrides for this sub-cluster, and
    /// without those that are removed here.
    pub metrics: Vec<Metric>,
}

/// One measured quantity.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Such as `mem_bw`.
    pub name: String,
    /// Prefix and base, such as `GB/s`. Empty where there is none; real files have wrong ones.
    pub unit: String,
    /// The largest value of a node, in the unit. `None` where the file has none or 0.
    pub peak: Option<f64>,
    /// The statistic in the job's footprint: `avg`, `max` or `min`. `None` if it is not in there.
    pub footprint: Option<String>,
    /// A small value is a good one.
    pub lower_is_better: bool,
    /// Counts into the job's energy.
    pub is_energy: bool,
}

/// What a histogram of one metric is drawn over.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricScale {
    /// The upper end, above 0.
    pub peak: f64,
    /// Prefix and base, such as `GB/s`. Empty where no cluster has one.
    pub unit: String,
    /// The second part of the key in the footprint: `avg`, `max` or `min`. `None` if the metric is
    /// in no footprint.
    pub statistic: Option<String>,
}

impl Clusters {
    /// Reads descriptions: files, folders of them, or the roots of file-based job archives.
    ///
    /// Of two clusters with the same name the later stays; a folder is read in the order of names.
    /// Other JSON files in a folder are left out and listed in [`Self::skipped`], but not one that
    /// is called `cluster.json`: the cluster that it was meant to describe would be missed.
    ///
    /// # Errors
    /// [`Error::File`] if a path is not there or cannot be read. [`Error::Invalid`] if a file is no
    /// cluster description or has a wrong value, and if a folder has no description.
    pub fn load(paths: &[PathBuf]) -> Result<Self> {
        let mut clusters = Self::default();
        for path in paths {
            let metadata = path
                .metadata()
                .map_err(|source| Error::file(READ, path, source))?;
            if metadata.is_dir() {
                clusters.load_folder(path)?;
            } else if metadata.is_file() {
                clusters.insert(read_document(path)?.into_cluster()?);
            } else {
                // Opening a pipe would wait for a writer that may never come.
                return Err(no_description(path, "it is neither a file nor a folder"));
            }
        }
        Ok(clusters)
    }

    /// Reads one description. Without a name in the text the cluster is called like the file, or
    /// like its folder if the file is called `cluster.json`.
    ///
    /// # Errors
    /// If the text is no cluster description, or one of the values we use has a wrong type.
    pub fn parse(text: &str, path: &Path) -> Result<Cluster> {
        Document::new(text, path)?.into_cluster()
    }

    /// Whether no cluster is described.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The clusters' names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// One cluster.
    pub fn get(&self, cluster: &str) -> Option<&Cluster> {
        self.by_name.get(cluster)
    }

    /// Adds other descriptions. They replace those of clusters with the same name.
    pub fn merge(&mut self, other: Self) {
        let Self { by_name, skipped } = other;
        self.by_name.extend(by_name);
        for path in skipped {
            self.skip(path);
        }
    }

    /// Peak, unit and statistic of a metric's histogram, by the backend's rule: those of the
    /// cluster if one is given and it has a peak. Otherwise the largest peak of all clusters, with
    /// the first unit and statistic there are.
    ///
    /// The peak is the cluster's, not a sub-cluster's. `None` if no cluster has one.
    pub fn scale(&self, cluster: Option<&str>, metric: &str) -> Option<MetricScale> {
        let own = cluster.and_then(|name| self.get(name)?.metric(metric));
        if let Some(own) = own
            && let Some(peak) = own.peak
        {
            return Some(MetricScale {
                peak,
                unit: own.unit.clone(),
                statistic: own.footprint.clone(),
            });
        }
        // The cluster's own unit and statistic come first even where its peak is missing.
        let all = || {
            own.into_iter().chain(
                self.by_name
                    .values()
                    .filter_map(|cluster| cluster.metric(metric)),
            )
        };
        Some(MetricScale {
            peak: all().filter_map(|metric| metric.peak).reduce(f64::max)?,
            unit: all()
                .map(|metric| &metric.unit)
                .find(|unit| !unit.is_empty())
                .cloned()
                .unwrap_or_default(),
            statistic: all().find_map(|metric| metric.footprint.clone()),
        })
    }

    /// A metric as one sub-cluster has it; of a sub-cluster that is not described, the cluster's.
    ///
    /// `None` where the cluster lacks it, and where it was removed from the sub-cluster.
    pub fn metric(&self, cluster: &str, sub_cluster: &str, name: &str) -> Option<&Metric> {
        let cluster = self.get(cluster)?;
        cluster
            .sub_clusters
            .iter()
            .find(|part| part.name == sub_cluster)
            .map_or_else(
                || cluster.metric(name),
                |part| find_metric(&part.metrics, name),
            )
    }

    /// The names of all metrics that are in the footprint of some cluster or sub-cluster, sorted.
    pub fn footprint_metrics(&self) -> Vec<String> {
        let names: BTreeSet<_> = self
            .by_name
            .values()
            .flat_map(|cluster| {
                let parts = cluster.sub_clusters.iter().flat_map(|part| &part.metrics);
                cluster.metrics.iter().chain(parts)
            })
            .filter(|metric| metric.footprint.is_some())
            .map(|metric| &metric.name)
            .collect();
        names.into_iter().cloned().collect()
    }

    fn load_folder(&mut self, folder: &Path) -> Result<()> {
        let files = json_files(folder)?;
        let num_files = files.len();
        let mut has_cluster = false;
        let mut unreadable = None;
        for file in files {
            match read_document(&file) {
                Ok(document) => {
                    self.insert(document.into_cluster()?);
                    has_cluster = true;
                }
                Err(error) if matches!(error, Error::File { .. }) => {
                    unreadable.get_or_insert(error);
                    self.skip(file);
                }
                Err(error) if file.file_name() == Some(OsStr::new(FILE_NAME)) => return Err(error),
                Err(_) => self.skip(file),
            }
        }
        if has_cluster {
            return Ok(());
        }
        Err(unreadable.unwrap_or_else(|| {
            let found = match num_files {
                0 => "the folder has no JSON file".to_owned(),
                1 => "the folder's only JSON file is something else".to_owned(),
                _ => format!("the folder's {num_files} JSON files are something else"),
            };
            no_description(folder, &found)
        }))
    }

    fn insert(&mut self, cluster: Cluster) {
        self.by_name.insert(cluster.name.clone(), cluster);
    }

    fn skip(&mut self, path: PathBuf) {
        if !self.skipped.contains(&path) {
            self.skipped.push(path);
        }
    }
}

impl Cluster {
    /// One of the cluster's own metrics, before what its sub-clusters override.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        find_metric(&self.metrics, name)
    }
}

fn find_metric<'a>(metrics: &'a [Metric], name: &str) -> Option<&'a Metric> {
    metrics.iter().find(|metric| metric.name == name)
}

/// What may be a description: `*.json` in the folder, and `cluster.json` in the folders in it, as
/// in a job archive. Sorted, so that the outcome does not depend on the file system.
fn json_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |source| Error::file(READ, folder, source);
    let mut files = Vec::new();
    for entry in folder.read_dir().map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            let file = path.join(FILE_NAME);
            match file.metadata() {
                Ok(metadata) if metadata.is_file() => files.push(file),
                Err(error) if error.kind() != ErrorKind::NotFound => files.push(file),
                Ok(_) | Err(_) => {}
            }
        } else if path.is_file()
            && path
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read_document(path: &Path) -> Result<Document> {
    let failed = |source| Error::file(READ, path, source);
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(failed)?
        .take(MAX_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(no_description(path, "it is larger than 16 MiB"));
    }
    let text = String::from_utf8(bytes)
        .map_err(|cause| no_description(path, &format!("it is not UTF-8 text: {cause}")))?;
    Document::new(&text, path)
}

#[cfg(test)]
mod tests;
