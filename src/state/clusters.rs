//! The cluster descriptions that were added to the database on the screen.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::AppState;
use crate::{
    engine::message::Request,
    error::Report,
    jobs::clusters::{Cluster, Clusters},
};

/// Which descriptions belong to a database; kept in the settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterPaths {
    /// The database.
    pub database: PathBuf,
    /// Files, folders of them, or roots of job archives.
    pub paths: Vec<PathBuf>,
}

/// What is known about the clusters of the open database.
#[derive(Debug, Default)]
pub struct ClusterFiles {
    /// What the descriptions say.
    pub known: Clusters,
    /// Where they are.
    pub paths: Vec<PathBuf>,
    /// Where they will be once everything that was asked for is read.
    pub wanted: Vec<PathBuf>,
    /// Some are being read.
    pub is_loading: bool,
    /// Descriptions to add to the first database that is opened.
    pub at_start: Vec<PathBuf>,
}

impl ClusterFiles {
    /// One line about them: `alex, fritz (2 files)`. `None` without any.
    pub fn summary(&self) -> Option<String> {
        if self.known.is_empty() {
            return None;
        }
        let names: Vec<_> = self.known.names().collect();
        let files: std::collections::BTreeSet<_> = names
            .iter()
            .filter_map(|name| self.known.get(name))
            .map(|Cluster { path, .. }| path)
            .collect();
        let num = files.len();
        let noun = if num == 1 { "file" } else { "files" };
        Some(format!("{} ({num} {noun})", names.join(", ")))
    }
}

impl AppState {
    /// Reads what was added to this database before. Called when it was opened.
    pub(super) fn restore_clusters(&mut self) -> Vec<Request> {
        let at_start = std::mem::take(&mut self.clusters.at_start);
        self.clusters = ClusterFiles::default();
        let Some(database) = &self.database else {
            return Vec::new();
        };
        let kept = self
            .settings
            .clusters
            .iter()
            .find(|kept| kept.database == database.facts.path);
        let mut paths = kept.map_or_else(Vec::new, |kept| kept.paths.clone());
        for path in at_start {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        if paths.is_empty() {
            return Vec::new();
        }
        self.load_clusters(paths)
    }

    pub(super) fn add_clusters(&mut self, path: PathBuf) -> Vec<Request> {
        if self.database.is_none() {
            self.show_report(Report {
                headline: "Open a database first: cluster descriptions belong to one".to_owned(),
                causes: Vec::new(),
                hint: None,
            });
        }
        // Two files dropped at once are two wishes, and the first is still being read.
        let mut paths = if self.clusters.is_loading {
            self.clusters.wanted.clone()
        } else {
            self.clusters.paths.clone()
        };
        if !paths.contains(&path) {
            paths.push(path);
        }
        self.load_clusters(paths)
    }

    fn load_clusters(&mut self, paths: Vec<PathBuf>) -> Vec<Request> {
        let Some(database) = &self.database else {
            return Vec::new();
        };
        self.clusters.is_loading = true;
        self.clusters.wanted.clone_from(&paths);
        vec![Request::LoadClusters {
            database: database.facts.path.clone(),
            paths,
        }]
    }

    pub(super) fn remove_clusters(&mut self, at_secs: f64) -> Vec<Request> {
        self.clusters = ClusterFiles::default();
        self.keep_clusters();
        self.ask_metrics(at_secs)
    }

    /// The descriptions were read, or could not be: then everything stays as it was.
    pub(super) fn clusters_loaded(
        &mut self,
        at_secs: f64,
        database: &PathBuf,
        paths: Vec<PathBuf>,
        result: Result<Box<Clusters>, Report>,
    ) -> Vec<Request> {
        let is_ours = self
            .database
            .as_ref()
            .is_some_and(|open| open.facts.path == *database);
        // An answer to an older wish, or to one that was taken back.
        if !is_ours || paths != self.clusters.wanted {
            return Vec::new();
        }
        self.clusters.is_loading = false;
        match result {
            Ok(known) => {
                self.clusters.known = *known;
                self.clusters.paths = paths;
                self.keep_clusters();
                self.ask_metrics(at_secs)
            }
            Err(report) => {
                self.show_report(report);
                Vec::new()
            }
        }
    }

    fn keep_clusters(&mut self) {
        let Some(database) = &self.database else {
            return;
        };
        let database = database.facts.path.clone();
        self.settings
            .clusters
            .retain(|kept| kept.database != database);
        let paths = self.clusters.paths.clone();
        if !paths.is_empty() {
            self.settings
                .clusters
                .push(ClusterPaths { database, paths });
        }
    }
}
