//! The file that is being written: under a temporary name until it is complete.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, Result},
    units::Bytes,
};

/// What SQLite may put beside a database.
const COMPANIONS: [&str; 3] = ["-journal", "-wal", "-shm"];

/// `PATH.part`, which becomes `PATH` by [`Target::publish`] and is removed otherwise.
#[derive(Debug)]
pub struct Target {
    path: PathBuf,
    part: PathBuf,
    force: bool,
}

impl Target {
    /// Reserves the temporary name.
    ///
    /// # Errors
    /// If something is in the way and `force` is off, or the folder cannot be written.
    pub fn claim(path: &Path, force: bool) -> Result<Self> {
        let target = Self {
            path: path.to_owned(),
            part: with_suffix(path, ".part"),
            force,
        };
        let claimed = target.check_place().and_then(|()| target.create_part());
        if let Err(error) = claimed {
            // What is there belongs to somebody else.
            std::mem::forget(target);
            return Err(error);
        }
        Ok(target)
    }

    /// The file to write to.
    pub fn part(&self) -> &Path {
        &self.part
    }

    /// Puts the complete file in its place, and says how large it is.
    ///
    /// # Errors
    /// If the disk refuses, or something has come in the way meanwhile.
    pub fn publish(self) -> Result<Bytes> {
        let file =
            fs::File::open(&self.part).map_err(|source| Error::file("open", &self.part, source))?;
        file.sync_all()
            .map_err(|source| Error::file("write", &self.part, source))?;
        let bytes = file
            .metadata()
            .map_err(|source| Error::file("read", &self.part, source))?
            .len();
        drop(file);
        self.check_place()?;
        // A log left by the old file would be taken for one of the new file.
        for name in companions(&self.path) {
            remove(&name).map_err(|source| Error::file("replace", &name, source))?;
        }
        fs::rename(&self.part, &self.path)
            .map_err(|source| Error::file("create", &self.path, source))?;
        sync_folder(&self.path);
        Ok(Bytes(bytes))
    }

    fn check_place(&self) -> Result<()> {
        // Not `exists`, which says no to a link that leads nowhere.
        let in_the_way = |path: &Path| fs::symlink_metadata(path).ok();
        if in_the_way(&self.path).is_some_and(|found| found.is_dir()) {
            let cause = io::Error::new(io::ErrorKind::IsADirectory, "it is a folder");
            return Err(Error::file("replace", &self.path, cause));
        }
        if self.force {
            return Ok(());
        }
        let taken = std::iter::once(self.path.clone())
            .chain(companions(&self.path))
            .find(|path| in_the_way(path).is_some());
        taken.map_or(Ok(()), |path| Err(Error::file("replace", &path, exists())))
    }

    fn create_part(&self) -> Result<()> {
        if self.force {
            remove(&self.part).map_err(|source| Error::file("replace", &self.part, source))?;
        }
        // Only if it is new: it may belong to another generator that is still at work.
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&self.part)
            .map(drop)
            .map_err(|source| {
                if source.kind() == io::ErrorKind::AlreadyExists {
                    Error::file("replace", &self.part, exists())
                } else {
                    Error::file("create", &self.part, source)
                }
            })
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        for name in std::iter::once(self.part.clone()).chain(companions(&self.part)) {
            // After a rename there is nothing to remove; otherwise the reason why writing failed
            // is the error to report, not this one.
            remove(&name).ok();
        }
    }
}

fn exists() -> io::Error {
    io::Error::new(
        io::ErrorKind::AlreadyExists,
        "the file exists; --force replaces it",
    )
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

fn companions(path: &Path) -> impl Iterator<Item = PathBuf> {
    let path = path.to_owned();
    COMPANIONS
        .iter()
        .map(move |suffix| with_suffix(&path, suffix))
}

/// Removes a file that need not be there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
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

    #[test]
    fn an_unfinished_file_is_removed_with_its_companions() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("job.db");
        let target = Target::claim(&path, false).expect("an empty folder");
        fs::write(with_suffix(target.part(), "-wal"), "log").expect("a log");
        drop(target);
        assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 0);
    }

    #[test]
    fn another_generator_at_work_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("job.db");
        let first = Target::claim(&path, false).expect("an empty folder");
        assert!(Target::claim(&path, false).is_err());
        assert!(first.part().exists(), "the refused one removed it");
    }

    #[test]
    fn a_log_of_the_replaced_file_does_not_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("job.db");
        fs::write(&path, "old").expect("old file");
        fs::write(with_suffix(&path, "-wal"), "old").expect("old log");
        let target = Target::claim(&path, true).expect("by force");
        fs::write(target.part(), "new").expect("new file");
        assert_eq!(target.publish().expect("published"), Bytes(3));
        assert_eq!(fs::read(&path).expect("the file"), b"new");
        assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 1);
    }
}
