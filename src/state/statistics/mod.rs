//! What the Statistics view shows: one part for each question, asked and answered by itself.
//!
//! The parts are asked together whenever the filter changes, cheap and most wanted ones first; the
//! engine's pool runs as many at once as there are connections. Old answers stay, marked as old,
//! until the new ones are complete: partial sums would mislead.

mod ask;
pub mod histogram;
pub mod over_time;
mod part;

pub use self::part::{Data, Part, PartKey, Table};

use super::Phase;
use crate::{
    db::value::Cell,
    engine::{message::TaskId, receipt::Receipt},
    error::Report,
    jobs::{
        histogram::Resource,
        statistics::{COLUMNS, GroupBy, StatisticsRow},
    },
};

/// Column 0 is the key, the numbers follow.
pub const JOBS_COLUMN: usize = 1;

/// The groups of the table.
#[derive(Clone, Debug)]
pub struct Groups {
    /// What they are grouped by.
    pub by: GroupBy,
    /// One row for each, in the order of the view.
    pub rows: Vec<StatisticsRow>,
    /// The largest value of each number, for the bars.
    pub largest: [i64; COLUMNS.len()],
}

/// All parts, and how the table of groups is sorted.
#[derive(Debug)]
pub struct StatisticsView {
    /// The parts, in the order in which they are asked.
    pub parts: Vec<Part>,
    /// The column that decides the order of the groups, counted from the key's 0.
    pub sort_column: usize,
    /// Largest first.
    pub descending: bool,
    /// The filter has changed since the parts were asked for.
    pub outdated: bool,
}

impl Default for StatisticsView {
    fn default() -> Self {
        let resources = Resource::ALL.map(PartKey::Resource);
        let parts = [
            PartKey::Totals,
            PartKey::Groups,
            PartKey::OverTime,
            PartKey::Duration,
        ]
        .into_iter()
        .chain(resources)
        .chain([PartKey::Keys])
        .map(Part::new)
        .collect();
        Self {
            parts,
            sort_column: JOBS_COLUMN,
            descending: true,
            outdated: true,
        }
    }
}

impl StatisticsView {
    /// The part of this key. A metric has one once its key was found.
    pub fn part(&self, key: &PartKey) -> Option<&Part> {
        self.parts.iter().find(|part| part.key == *key)
    }

    /// All jobs of the filter together.
    pub fn total(&self) -> Option<&StatisticsRow> {
        match self.part(&PartKey::Totals)?.data.as_ref()? {
            Data::Totals(row) => Some(row),
            Data::Groups(_) | Data::OverTime(_) | Data::Histogram(_) | Data::Keys(_) => None,
        }
    }

    /// The groups, as far as they have ever been complete.
    pub fn groups(&self) -> Option<&Groups> {
        match self.part(&PartKey::Groups)?.data.as_ref()? {
            Data::Groups(groups) => Some(groups),
            Data::Totals(_) | Data::OverTime(_) | Data::Histogram(_) | Data::Keys(_) => None,
        }
    }

    /// The rows of the groups, in the order of the view.
    pub fn rows(&self) -> &[StatisticsRow] {
        self.groups().map_or(&[], |groups| &groups.rows)
    }

    /// How the table of groups stands.
    pub fn phase(&self) -> Phase {
        self.part(&PartKey::Groups)
            .map_or(Phase::Empty, |part| part.phase)
    }

    /// How many parts are under way.
    pub fn num_loading(&self) -> usize {
        self.parts
            .iter()
            .filter(|part| part.loading.is_some())
            .count()
    }

    /// The histograms, in the order in which they are asked.
    pub fn histograms(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| match part.key {
            PartKey::Duration | PartKey::Resource(_) | PartKey::Metric(_) => true,
            PartKey::Totals | PartKey::Groups | PartKey::OverTime | PartKey::Keys => false,
        })
    }

    pub(super) fn clear(&mut self) {
        *self = Self {
            sort_column: self.sort_column,
            descending: self.descending,
            ..Self::default()
        };
    }

    /// The answers there are belong to another filter, or to an earlier time.
    pub(super) fn outdate(&mut self) {
        self.outdated = true;
        for part in &mut self.parts {
            part.is_old |= part.data.is_some() && part.key != PartKey::Keys;
        }
    }

    /// Everything is asked once more, the keys of the footprint too.
    pub(super) fn reload(&mut self) {
        self.outdate();
        let keys = self.parts.iter_mut().find(|part| part.key == PartKey::Keys);
        if let Some(keys) = keys.filter(|part| part.loading.is_none()) {
            keys.phase = Phase::Empty;
        }
    }

    /// Takes rows of one of our tasks. Whether it was one.
    pub(super) fn add(&mut self, id: TaskId, rows: &mut Vec<Vec<Cell>>) -> bool {
        let part = self.parts.iter_mut().find(|part| part.loading == Some(id));
        part.is_some_and(|part| {
            part.add(rows);
            true
        })
    }

    /// Takes the end of a task. Answers with the part that it was.
    pub(super) fn ended(
        &mut self,
        id: TaskId,
        ended_secs: f64,
        receipt: &Receipt,
        report: Option<&Report>,
    ) -> Option<PartKey> {
        let part = self
            .parts
            .iter_mut()
            .find(|part| part.loading == Some(id))?;
        part.ended(ended_secs, receipt, report);
        let key = part.key.clone();
        match key {
            PartKey::Groups => self.sort(),
            PartKey::Keys => self.place_metrics(),
            PartKey::Totals
            | PartKey::OverTime
            | PartKey::Duration
            | PartKey::Resource(_)
            | PartKey::Metric(_) => {}
        }
        Some(key)
    }

    /// One part for each footprint key, those there are with what they hold.
    fn place_metrics(&mut self) {
        let Some(Data::Keys(keys)) = self
            .part(&PartKey::Keys)
            .and_then(|part| part.data.as_ref())
        else {
            return;
        };
        let keys: Vec<_> = keys.iter().cloned().map(PartKey::Metric).collect();
        self.parts
            .retain(|part| !matches!(part.key, PartKey::Metric(_)) || keys.contains(&part.key));
        for key in keys {
            if self.part(&key).is_none() {
                self.parts.push(Part::new(key));
            }
        }
    }

    /// Sorts by `column`; a second time turns the order round.
    pub(super) fn sort_by(&mut self, column: usize) {
        if column > COLUMNS.len() {
            return;
        }
        if self.sort_column == column {
            self.descending = !self.descending;
        } else {
            self.sort_column = column;
            self.descending = column != 0;
        }
        self.sort();
    }

    fn sort(&mut self) {
        let (column, descending) = (self.sort_column, self.descending);
        let part = self
            .parts
            .iter_mut()
            .find(|part| part.key == PartKey::Groups);
        let Some(Data::Groups(groups)) = part.and_then(|part| part.data.as_mut()) else {
            return;
        };
        groups.rows.sort_by(|a, b| {
            let order = match column.checked_sub(1) {
                None => a.key.cmp(&b.key),
                Some(number) => a.values.get(number).cmp(&b.values.get(number)),
            };
            let order = if descending { order.reverse() } else { order };
            // Equal values stay in the order of their names, whichever way the numbers go.
            order.then_with(|| a.key.cmp(&b.key))
        });
    }
}

#[cfg(test)]
mod tests;
