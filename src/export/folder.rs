//! A folder of partitions as Hive, Spark and others read it: `cluster=…/month=…/part-0.parquet`.
//!
//! Rows come by cluster and start, so only one file is open at a time, whatever the number of
//! partitions.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::{Row, types::ValueRef};

use super::{
    columns::{Field, text, whole},
    parquet::ParquetFile,
    text::date_of,
};

/// Where the rows are that have no value, or an empty one.
const NOWHERE: &str = "__HIVE_DEFAULT_PARTITION__";

/// A year and a month in UTC. `None`: there is no start, or none that a calendar knows.
type Month = Option<(i16, i8)>;

/// A folder that is being written.
pub(super) struct Folder {
    root: PathBuf,
    fields: Vec<Field>,
    open: Option<Open>,
    /// The month of the last start, with its day since 1970.
    month: (i64, Month),
    scratch: Vec<u8>,
    bytes: u64,
    files: u64,
    misfits: u64,
}

struct Open {
    cluster: Option<String>,
    month: Month,
    file: ParquetFile,
}

impl Folder {
    pub(super) fn new(root: &Path, fields: Vec<Field>) -> Self {
        Self {
            root: root.to_owned(),
            fields,
            open: None,
            month: (i64::MIN, None),
            scratch: Vec::new(),
            bytes: 0,
            files: 0,
            misfits: 0,
        }
    }

    /// Takes a row that begins with the cluster and the start.
    pub(super) fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        let cluster = row.get_ref(0).map_err(io::Error::other)?;
        let month = self.month_of(row.get_ref(1).map_err(io::Error::other)?);
        let cluster = match cluster {
            ValueRef::Null => "",
            other @ (ValueRef::Integer(_)
            | ValueRef::Real(_)
            | ValueRef::Text(_)
            | ValueRef::Blob(_)) => text(other, &mut self.scratch),
        };
        let cluster = (!cluster.is_empty()).then_some(cluster);
        if let Some(open) = &mut self.open
            && open.cluster.as_deref() == cluster
            && open.month == month
        {
            return open.file.row(row, 2);
        }
        let cluster = cluster.map(ToOwned::to_owned);
        self.finish_file()?;
        let path = self.next_file(cluster.as_deref(), month)?;
        let mut file = ParquetFile::open(&path, &self.fields)?;
        file.row(row, 2)?;
        self.files += 1;
        self.open = Some(Open {
            cluster,
            month,
            file,
        });
        Ok(())
    }

    pub(super) fn bytes(&self) -> u64 {
        let open = self.open.as_ref().map_or(0, |open| open.file.bytes());
        self.bytes + open
    }

    pub(super) fn files(&self) -> u64 {
        self.files
    }

    pub(super) fn misfits(&self) -> u64 {
        self.misfits
    }

    pub(super) fn close(&mut self) -> io::Result<()> {
        self.finish_file()
    }

    fn finish_file(&mut self) -> io::Result<()> {
        if let Some(mut open) = self.open.take() {
            open.file.close()?;
            self.bytes += open.file.bytes();
            self.misfits += open.file.misfits();
        }
        Ok(())
    }

    fn month_of(&mut self, start: ValueRef<'_>) -> Month {
        let day = whole(start)?.div_euclid(86_400);
        if self.month.0 != day {
            let month = date_of(day).map(|date| (date.year(), date.month()));
            self.month = (day, month);
        }
        self.month.1
    }

    /// A file that is not there yet: a partition may come a second time, because a missing and an
    /// empty cluster share theirs.
    fn next_file(&self, cluster: Option<&str>, month: Month) -> io::Result<PathBuf> {
        let month = month.map(|(year, month)| format!("{year:04}-{month:02}"));
        let folder = self
            .root
            .join(format!("cluster={}", partition(cluster)))
            .join(format!("month={}", partition(month.as_deref())));
        fs::create_dir_all(&folder)?;
        let mut number = 0;
        loop {
            let path = folder.join(format!("part-{number}.parquet"));
            if !path.try_exists()? {
                return Ok(path);
            }
            number += 1;
        }
    }
}

/// A value as the name of a folder, escaped as Hive does.
fn partition(value: Option<&str>) -> String {
    use std::fmt::Write as _;

    let Some(value) = value else {
        return NOWHERE.to_owned();
    };
    let mut name = String::with_capacity(value.len());
    for c in value.chars() {
        if c.is_ascii_control() || "\"#%'*/:=?\\{[]^".contains(c) {
            // Writing to a string cannot fail.
            write!(name, "%{:02X}", u32::from(c)).ok();
        } else {
            name.push(c);
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_escaped_as_hive_does() {
        for (value, name) in [
            (Some("fritz"), "fritz"),
            (Some("../a=b c%"), "..%2Fa%3Db c%25"),
            (Some("ü\n\u{7f}"), "ü%0A%7F"),
            (None, NOWHERE),
        ] {
            assert_eq!(partition(value), name);
        }
    }
}
