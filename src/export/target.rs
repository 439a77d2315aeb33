//! The file or folder that is being written: under a temporary name until it is complete.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::spec::{ExportSpec, Format};
use crate::{
    db::connection::side_file,
    error::{Error, Result},
};

/// What SQLite may keep beside a database.
const COMPANIONS: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// Where an export is to go, and what may be done there.
pub(super) struct Place {
    path: PathBuf,
    part: PathBuf,
    is_folder: bool,
    overwrite: bool,
}

impl Place {
    pub(super) fn of(spec: &ExportSpec) -> Self {
        // `jobs/` names the same folder as `jobs`, and the temporary name must not lie inside it.
        let path: PathBuf = spec.path.components().collect();
        Self {
            part: side_file(&path, ".part"),
            path,
            is_folder: spec.format == Format::Parquet { partitioned: true },
            overwrite: spec.overwrite,
        }
    }

    /// # Errors
    /// If something is there that may not be replaced.
    pub(super) fn check(&self, database: &Path) -> Result<()> {
        let refuse = |path: &Path, expected: &str| {
            Err(Error::invalid(
                "output",
                path.display().to_string(),
                expected,
            ))
        };
        if self.path.file_name().is_none() {
            return refuse(&self.path, "the name of a file to write");
        }
        for path in [&self.path, &self.part] {
            if belongs_to(path, database) {
                return refuse(path, "another file than the database that is exported");
            }
            // Not `exists`, which says no to a link that leads nowhere.
            let Ok(found) = fs::symlink_metadata(path) else {
                continue;
            };
            if !self.overwrite {
                return refuse(
                    path,
                    "a name that is free, or --force to replace what is there",
                );
            }
            if found.is_dir() && !(self.is_folder && is_export(path)) {
                return refuse(
                    path,
                    "a name that is free: a folder with other things is there",
                );
            }
            if !found.is_dir() && !found.is_file() && !found.is_symlink() {
                return refuse(path, "a regular file");
            }
        }
        Ok(())
    }

    fn create(&self) -> io::Result<()> {
        if self.overwrite {
            remove(&self.part)?;
        }
        if self.is_folder {
            return fs::create_dir(&self.part);
        }
        // Only if it is new: it may belong to another export that is still at work.
        fs::File::create_new(&self.part).map(drop)
    }
}

/// `PATH.part`, which becomes `PATH` by [`Target::publish`] and is removed otherwise.
pub(super) struct Target {
    place: Place,
    database: PathBuf,
    is_left: bool,
}

impl Target {
    /// Reserves the temporary name.
    ///
    /// # Errors
    /// If something is in the way that may not be replaced, or the folder cannot be written.
    pub(super) fn claim(place: Place, database: &Path) -> Result<Self> {
        place.check(database)?;
        place
            .create()
            .map_err(|source| Error::file("create", &place.part, source))?;
        Ok(Self {
            place,
            database: database.to_owned(),
            is_left: false,
        })
    }

    /// The file or folder to write to.
    pub(super) fn part(&self) -> &Path {
        &self.place.part
    }

    /// Puts what is complete, and on the disk, in its place.
    ///
    /// # Errors
    /// If the disk refuses, or something has come in the way meanwhile.
    pub(super) fn publish(mut self) -> Result<PathBuf> {
        let Place { path, part, .. } = &self.place;
        // What is at the temporary name now is ours.
        let only_path = Place {
            part: path.clone(),
            path: path.clone(),
            ..self.place
        };
        only_path.check(&self.database)?;
        let old = side_file(path, ".replaced");
        let is_in_the_way = self.place.overwrite
            && fs::symlink_metadata(path).is_ok_and(|found| found.is_dir() || self.place.is_folder);
        let failed = |source| Error::file("create", path, source);
        if is_in_the_way {
            // A folder cannot be replaced in one step, but nothing is lost between the two.
            fs::rename(path, &old).map_err(failed)?;
        }
        if let Err(source) = fs::rename(part, path) {
            if is_in_the_way {
                fs::rename(&old, path).map_err(failed)?;
            }
            return Err(failed(source));
        }
        self.is_left = true;
        if is_in_the_way {
            remove(&old).map_err(|source| Error::file("remove", &old, source))?;
        }
        sync_folder(path);
        Ok(path.clone())
    }

    /// Leaves what was written under its temporary name.
    pub(super) fn keep_part(mut self) -> PathBuf {
        self.is_left = true;
        sync_folder(&self.place.part);
        self.place.part.clone()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if !self.is_left {
            // The reason why writing failed is the error to report, not this one.
            remove(&self.place.part).ok();
        }
    }
}

/// Whether the path is the database, one of its side files, or a folder around them.
pub(crate) fn belongs_to(path: &Path, database: &Path) -> bool {
    let real_path = canonical(path);
    COMPANIONS.iter().any(|suffix| {
        let file = side_file(database, suffix);
        canonical(&file).starts_with(&real_path) || is_same_file(path, &file)
    })
}

/// The path without links, also of what does not exist yet.
fn canonical(path: &Path) -> PathBuf {
    if let Ok(found) = fs::canonicalize(path) {
        return found;
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default();
    fs::canonicalize(folder).map_or_else(|_| path.to_owned(), |folder| folder.join(name))
}

/// Whether two names are of one file.
#[cfg(unix)]
fn is_same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let identity = |path: &Path| {
        let found = fs::metadata(path).ok()?;
        Some((found.dev(), found.ino()))
    };
    identity(one).is_some_and(|one| identity(other) == Some(one))
}

/// Whether two names are of one file: elsewhere, [`canonical`] has to say it alone.
#[cfg(not(unix))]
fn is_same_file(_one: &Path, _other: &Path) -> bool {
    false
}

/// Whether a folder holds nothing but partitions: only such a one is replaced.
fn is_export(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| {
        entries.all(|entry| {
            entry.is_ok_and(|entry| {
                let name = entry.file_name();
                name.as_encoded_bytes().starts_with(b"cluster=")
            })
        })
    })
}

/// Removes what need not be there.
fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes the new name durable where the platform can.
fn sync_folder(path: &Path) {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(folder) = fs::File::open(folder.unwrap_or(Path::new("."))) {
        // The contents are safe already; not every file system does this for folders.
        folder.sync_all().ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: Format = Format::Csv;
    const FOLDER: Format = Format::Parquet { partitioned: true };

    fn place(path: &Path, format: Format, overwrite: bool) -> Place {
        Place {
            path: path.to_owned(),
            part: side_file(path, ".part"),
            is_folder: format == FOLDER,
            overwrite,
        }
    }

    #[test]
    fn a_folder_with_other_things_is_never_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("job.db");
        let path = folder.path().join("jobs");
        fs::create_dir_all(path.join("cluster=a")).expect("an export");
        assert!(place(&path, FOLDER, false).check(&database).is_err());
        assert!(place(&path, FOLDER, true).check(&database).is_ok());
        assert!(place(&path, FILE, true).check(&database).is_err());
        fs::write(path.join("thesis.tex"), "").expect("something else");
        assert!(place(&path, FOLDER, true).check(&database).is_err());
    }

    #[test]
    fn an_old_export_is_there_until_the_new_one_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("job.db");
        let path = folder.path().join("jobs");
        fs::create_dir_all(path.join("cluster=old")).expect("an export");
        let target = Target::claim(place(&path, FOLDER, true), &database).expect("by force");
        fs::create_dir(target.part().join("cluster=new")).expect("written");
        assert!(path.join("cluster=old").exists());
        assert_eq!(target.publish().expect("published"), path);
        assert!(path.join("cluster=new").exists() && !path.join("cluster=old").exists());
        assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 1);
    }

    #[test]
    fn a_folder_that_has_vanished_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("job.db");
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).expect("a folder");
        let target = Target::claim(place(&inner.join("jobs.csv"), FILE, false), &database);
        fs::remove_dir_all(&inner).expect("gone");
        let error = target.and_then(Target::publish).expect_err("nowhere to go");
        let report = crate::error::Report::from(&error).to_string();
        assert!(report.contains("inner"), "{report}");
        assert!(report.contains("Check the path"), "{report}");
    }

    #[test]
    fn the_database_is_no_place_for_an_export() {
        let folder = tempfile::tempdir().expect("a folder");
        let database = folder.path().join("job.db.part");
        fs::write(&database, "precious").expect("a database");
        let beside = |name: &str| place(&folder.path().join(name), FILE, true);
        for name in ["job.db.part", "job.db", "job.db.part-wal", "./job.db.part"] {
            assert!(beside(name).check(&database).is_err(), "{name}");
        }
        assert!(beside("jobs.csv").check(&database).is_ok());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&database, folder.path().join("link")).expect("a link");
            assert!(beside("link").check(&database).is_err());
            fs::hard_link(&database, folder.path().join("twin")).expect("a link");
            assert!(beside("twin").check(&database).is_err());
        }
    }
}
