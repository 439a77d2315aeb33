//! Which file a path names, so that another file of the same name is told from it.

use std::path::Path;

/// The file itself, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    device: u64,
    number: u64,
}

impl FileIdentity {
    /// The file that has this name now. `None` if there is none; where the platform does not tell
    /// files apart, all are the same.
    pub fn of(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;

            Some(Self {
                device: metadata.dev(),
                number: metadata.ino(),
            })
        }
        #[cfg(not(unix))]
        {
            drop(metadata);
            Some(Self {
                device: 0,
                number: 0,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_of_the_same_name_is_another_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, other) = (folder.path().join("a"), folder.path().join("b"));
        assert_eq!(FileIdentity::of(&path), None);
        std::fs::write(&path, "1").expect("written");
        let before = FileIdentity::of(&path);
        std::fs::write(&path, "22").expect("written to");
        assert_eq!(FileIdentity::of(&path), before, "the same file, changed");
        std::fs::write(&other, "1").expect("written");
        std::fs::rename(&other, &path).expect("replaced");
        assert_ne!(FileIdentity::of(&path), before);
    }
}
