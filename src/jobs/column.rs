//! A column of the job table on the screen or of an export: stored, or expanded from a JSON column.

use std::{fmt, str::FromStr};

use super::{
    filter::check_metric,
    list::{COLUMNS, DETAIL_COLUMNS},
    schema::{Schema, json_value},
};
use crate::error::{Error, Result};

/// One column of jobs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobColumn {
    /// A column of the job table, by today's name.
    Stored(&'static str),
    /// A value of the footprint.
    Footprint(String),
    /// A value of the metadata, such as `jobName`.
    MetaData(String),
}

/// What the values of a column are: decides how they are aligned, and typed in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Whole numbers.
    Int,
    /// Numbers with a fraction.
    Real,
    /// Unix seconds.
    Time,
    /// Whole seconds.
    Secs,
    /// Words.
    Text,
    /// A document, which may be long.
    Json,
}

impl JobColumn {
    /// Every stored column, in the order of the table.
    pub fn stored() -> impl Iterator<Item = Self> {
        COLUMNS
            .iter()
            .chain(&DETAIL_COLUMNS)
            .map(|(name, _)| Self::Stored(name))
    }

    /// The unit of its values, where they have one that the file tells.
    pub fn unit(&self) -> Option<&'static str> {
        match self {
            Self::Stored(name) => COLUMNS
                .iter()
                .chain(&DETAIL_COLUMNS)
                .find(|(column, _)| column == name)
                .and_then(|(_, unit)| *unit),
            Self::Footprint(_) | Self::MetaData(_) => None,
        }
    }

    /// What its values are.
    pub fn kind(&self) -> ColumnKind {
        match self {
            Self::Footprint(_) => ColumnKind::Real,
            Self::MetaData(_) => ColumnKind::Text,
            Self::Stored(name) => match *name {
                "start_time" | "submit_time" => ColumnKind::Time,
                "duration" | "walltime" => ColumnKind::Secs,
                "energy" => ColumnKind::Real,
                "id" | "job_id" | "array_job_id" | "num_nodes" | "num_hwthreads" | "num_acc"
                | "smt" | "monitoring_status" => ColumnKind::Int,
                "resources" | "footprint" | "energy_footprint" | "meta_data" => ColumnKind::Json,
                _ => ColumnKind::Text,
            },
        }
    }

    /// How to read it from this file, without a name.
    ///
    /// # Errors
    /// If the file lacks the column: the error says which.
    pub(super) fn expression(&self, schema: &Schema) -> Result<String> {
        match self {
            Self::Stored(name) => schema.column(name).map(ToOwned::to_owned),
            Self::Footprint(key) => Ok(json_value(schema.column("footprint")?, check_metric(key)?)),
            Self::MetaData(key) => Ok(json_value(schema.column("meta_data")?, check_metric(key)?)),
        }
    }

    /// Whether this file has what the column shows.
    pub fn is_in(&self, schema: &Schema) -> bool {
        self.expression(schema).is_ok()
    }
}

/// As on the command line: `start_time`, `footprint.mem_bw_avg`, `meta_data.jobName`.
impl fmt::Display for JobColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stored(name) => f.write_str(name),
            Self::Footprint(key) => write!(f, "footprint.{key}"),
            Self::MetaData(key) => write!(f, "meta_data.{key}"),
        }
    }
}

impl FromStr for JobColumn {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(key) = text.strip_prefix("footprint.") {
            return Ok(Self::Footprint(check_metric(key)?.to_owned()));
        }
        if let Some(key) = text.strip_prefix("meta_data.") {
            return Ok(Self::MetaData(check_metric(key)?.to_owned()));
        }
        let plain = |text: &str| text.replace('_', "").to_lowercase();
        let names = || COLUMNS.iter().chain(&DETAIL_COLUMNS).map(|(name, _)| *name);
        names()
            .find(|name| plain(name) == plain(text))
            .map(Self::Stored)
            .ok_or_else(|| {
                let known: Vec<_> = names().collect();
                let expected = format!(
                    "one of {}, footprint.KEY or meta_data.KEY",
                    known.join(", ")
                );
                Error::invalid("column", text, expected)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_stored_or_inside_a_document() {
        for text in [
            "id",
            "meta_data",
            "footprint.mem_bw_avg",
            "meta_data.jobName",
        ] {
            let column: JobColumn = text.parse().expect(text);
            assert_eq!(column.to_string(), text);
            assert!(column.is_in(&Schema::version_11()), "{text}");
        }
        assert_eq!(
            "numHWThreads".parse::<JobColumn>().expect("theirs"),
            JobColumn::Stored("num_hwthreads")
        );
        for wrong in ["", "nodes", "footprint.", "meta_data.a'b"] {
            assert!(wrong.parse::<JobColumn>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_stored_column_says_what_it_holds() {
        assert_eq!(JobColumn::stored().count(), 24);
        assert_eq!(JobColumn::Stored("start_time").kind(), ColumnKind::Time);
        assert_eq!(JobColumn::Stored("energy").unit(), Some("kWh"));
        assert_eq!(JobColumn::Stored("hpc_user").kind(), ColumnKind::Text);
    }
}
