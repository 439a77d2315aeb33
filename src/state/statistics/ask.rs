//! When the parts of the Statistics view are asked, and what.

use super::PartKey;
use crate::{
    command::View,
    engine::message::{Request, Task},
    jobs::{
        catalogue::JobQuery,
        filter::{Selection, TextField, check_metric},
        histogram::Metric,
        schema::FileKind,
    },
    state::{AppState, Phase},
};

/// Bins of a footprint value: as fine as a card of 300 points can show.
const METRIC_BINS: u32 = 20;

impl AppState {
    /// Asks for every part, where the view is open and its filter has changed.
    pub(in crate::state) fn refresh_statistics_if_shown(&mut self, at_secs: f64) -> Vec<Request> {
        let is_answerable = self
            .database
            .as_ref()
            .is_some_and(|database| database.facts.kind == FileKind::Jobs);
        if self.settings.view != View::Statistics || !self.statistics.outdated || !is_answerable {
            return Vec::new();
        }
        let mut requests = self.cancel_statistics(at_secs);
        self.statistics.outdated = false;
        // One moment for all parts, so that they agree about running jobs.
        let selection = self.selection();
        let keys: Vec<_> = self
            .statistics
            .parts
            .iter()
            // The keys are those of the newest jobs, whatever the filter: once is enough.
            .filter(|part| part.key != PartKey::Keys || part.phase != Phase::Loaded)
            .map(|part| part.key.clone())
            .collect();
        for key in keys {
            requests.extend(self.ask(at_secs, &key, selection.clone()));
        }
        requests
    }

    /// Stops every part that is under way; what was there before stays.
    pub(in crate::state) fn cancel_statistics(&mut self, at_secs: f64) -> Vec<Request> {
        let ids: Vec<_> = self
            .statistics
            .parts
            .iter_mut()
            .filter_map(|part| {
                let id = part.loading.take()?;
                // Until it is asked again, this is how it stands.
                part.phase = Phase::Stopped;
                Some(id)
            })
            .collect();
        ids.into_iter()
            .flat_map(|id| self.cancel(at_secs, id))
            .collect()
    }

    /// Asks for one part again, instead of what is under way for it.
    pub(in crate::state) fn ask_again(&mut self, at_secs: f64, key: &PartKey) -> Vec<Request> {
        // All of them will be asked as soon as the view is shown.
        if self.statistics.outdated {
            return Vec::new();
        }
        let selection = self.selection();
        let running = self
            .statistics
            .part(key)
            .and_then(|part| part.loading)
            .map(|id| self.cancel(at_secs, id));
        let mut requests = running.unwrap_or_default();
        requests.extend(self.ask(at_secs, key, selection));
        requests
    }

    /// Asks for the histograms of the footprint: their keys or their scales are known only now.
    pub(in crate::state) fn ask_metrics(&mut self, at_secs: f64) -> Vec<Request> {
        let keys: Vec<_> = self
            .statistics
            .parts
            .iter()
            .filter(|part| matches!(part.key, PartKey::Metric(_)))
            .map(|part| part.key.clone())
            .collect();
        keys.iter()
            .flat_map(|key| self.ask_again(at_secs, key))
            .collect()
    }

    /// Asks for the histograms of keys that were not known before. Those that were are asked with
    /// everything else; and where the keys were stopped, nothing else may begin.
    pub(in crate::state) fn ask_new_metrics(&mut self, at_secs: f64) -> Vec<Request> {
        let keys_are_there = self
            .statistics
            .part(&PartKey::Keys)
            .is_some_and(|part| part.phase == Phase::Loaded);
        let new: Vec<_> = self
            .statistics
            .parts
            .iter()
            .filter(|part| matches!(part.key, PartKey::Metric(_)) && part.phase == Phase::Empty)
            .map(|part| part.key.clone())
            .filter(|_| keys_are_there)
            .collect();
        new.iter()
            .flat_map(|key| self.ask_again(at_secs, key))
            .collect()
    }

    fn ask(&mut self, at_secs: f64, key: &PartKey, selection: Selection) -> Option<Request> {
        let query = self.query_of(key, selection);
        let schema = &self.database.as_ref()?.facts.schema;
        if let Err(error) = query.sql(schema) {
            let part = self
                .statistics
                .parts
                .iter_mut()
                .find(|part| part.key == *key)?;
            part.refuse(error.chain());
            return None;
        }
        let (id, run) = self.start(at_secs, Task::Query(query.clone()));
        self.statistics
            .parts
            .iter_mut()
            .find(|part| part.key == *key)?
            .begin(query, id);
        Some(run)
    }

    fn query_of(&self, key: &PartKey, selection: Selection) -> JobQuery {
        match key {
            PartKey::Totals => JobQuery::Statistics { selection },
            PartKey::Groups => JobQuery::StatisticsGrouped {
                selection,
                by: self.settings.group_by,
                sort: None,
            },
            PartKey::OverTime => JobQuery::OverTime {
                selection,
                step: self.settings.step,
                stack: self.settings.stack,
            },
            PartKey::Duration => JobQuery::DurationHistogram {
                selection,
                bins: self.settings.duration_bins,
            },
            PartKey::Resource(resource) => JobQuery::ResourceHistogram {
                selection,
                resource: *resource,
            },
            PartKey::Keys => JobQuery::FootprintKeys,
            PartKey::Metric(name) => {
                let cluster = selection.filter.exact(TextField::Cluster);
                let scale = Metric::scale(&self.clusters.known, cluster, name)
                    .filter(|_| check_metric(name).is_ok());
                let metric = Metric {
                    name: name.clone(),
                    bins: METRIC_BINS,
                    scale,
                };
                JobQuery::MetricHistogram { selection, metric }
            }
        }
    }
}
