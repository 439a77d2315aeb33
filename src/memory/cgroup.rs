//! The memory that control groups leave to this process: systemd units, containers, batch jobs.
//!
//! A group shares its limit with the groups inside it, so each group around us may be the one that
//! runs out first, whatever its own limit is.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use crate::units::Bytes;

/// The control group that will run out of memory first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// What all its processes may use together: `memory.max`, or `memory.limit_in_bytes` of
    /// version 1.
    pub limit: Bytes,
    /// What they use and could not give up at once, the working set: `memory.current` without
    /// `inactive_file` of `memory.stat`, which is cached files that nobody read twice. Version 1:
    /// `memory.usage_in_bytes` without `total_inactive_file`.
    pub used: Bytes,
}

impl Group {
    /// What it can still give out.
    pub fn room(&self) -> Bytes {
        Bytes(self.limit.0.saturating_sub(self.used.0))
    }
}

/// Reads the groups around this process once. See [`GroupReader`] for reading them again and again.
pub fn read() -> Option<Group> {
    GroupReader::default().read()
}

/// Reads the groups around this process again and again.
///
/// Where the groups are is looked up when this process is moved to another one. A reading is one
/// small file, one for each group around us, and two more for each of those with a limit: meant
/// for once a second, because the kernel adds up `memory.stat` when it is read.
#[derive(Debug)]
pub struct GroupReader {
    /// `/`, or what stands for it in a test.
    root: PathBuf,
    /// `/proc/self/cgroup` when the folders were looked up.
    membership: String,
    /// From our own group outwards.
    folders: Vec<PathBuf>,
    version: Version,
}

impl Default for GroupReader {
    fn default() -> Self {
        Self::below(Path::new("/"))
    }
}

impl GroupReader {
    /// Reads `proc` and `sys` in this folder instead of `/`.
    pub fn below(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            membership: String::new(),
            folders: Vec::new(),
            version: Version::Two,
        }
    }

    /// The group with the least room. `None` if no group has a limit, or there are no groups here.
    pub fn read(&mut self) -> Option<Group> {
        let membership = fs::read_to_string(self.root.join("proc/self/cgroup")).ok()?;
        if membership != self.membership {
            self.look_up(&membership);
            self.membership = membership;
        }
        self.folders
            .iter()
            .filter_map(|folder| self.version.read(folder))
            .min_by_key(Group::room)
    }

    fn look_up(&mut self, membership: &str) {
        let mounts = self.root.join("sys/fs/cgroup");
        let (version, path) = find_membership(membership);
        let mount = match version {
            Version::One => mounts.join("memory"),
            // Beside version 1, version 2 has a folder of its own.
            Version::Two if mounts.join("unified").is_dir() => mounts.join("unified"),
            Version::Two => mounts,
        };
        self.version = version;
        self.folders = folders_around(&mount, path);
    }
}

/// The files of a group have other names in each version of the kernel's interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// Version 1 has no word for "no limit", only the largest multiple of a page below 2^63. Nobody
/// sets a limit of more than this.
const MAX_LIMIT: u64 = 1 << 60;

impl Version {
    /// `None` if the group has no limit, or there is no such group any more.
    fn read(self, folder: &Path) -> Option<Group> {
        let [limit, current, inactive] = match self {
            Self::One => [
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                "total_inactive_file",
            ],
            Self::Two => ["memory.max", "memory.current", "inactive_file"],
        };
        // `max` is no number.
        let limit = number(&folder.join(limit)).filter(|limit| *limit < MAX_LIMIT)?;
        let current = number(&folder.join(current))?;
        let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
        let inactive = stat
            .lines()
            .filter_map(|line| line.split_once(' '))
            .find(|(name, _)| *name == inactive)
            .and_then(|(_, value)| value.trim().parse().ok())
            .unwrap_or(0);
        Some(Group {
            limit: Bytes(limit),
            used: Bytes(current.saturating_sub(inactive)),
        })
    }
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Who counts our memory, and the path of our group there.
///
/// A line is `number:controllers:path`. Where version 1 has the memory controller, version 2 knows
/// the group too, but nothing about its memory.
fn find_membership(membership: &str) -> (Version, &str) {
    let lines = || {
        membership.lines().filter_map(|line| {
            let (_, rest) = line.split_once(':')?;
            rest.split_once(':')
        })
    };
    let one = lines().find(|(controllers, _)| controllers.split(',').any(|one| one == "memory"));
    if let Some((_, path)) = one {
        return (Version::One, path);
    }
    let two = lines().find(|(controllers, _)| controllers.is_empty());
    (Version::Two, two.map_or("/", |(_, path)| path))
}

/// The folders of our group and of those around it, up to the mount.
///
/// A container may see the names that its groups have outside, but only its own group, at the
/// mount. A path with `..` is that of a group outside.
fn folders_around(mount: &Path, path: &str) -> Vec<PathBuf> {
    let inside = Path::new(path.trim_start_matches('/'));
    let is_plain = inside
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let own = mount.join(inside);
    if !is_plain || !own.is_dir() {
        return vec![mount.to_owned()];
    }
    own.ancestors()
        .take_while(|folder| folder.starts_with(mount))
        .map(Path::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const UNLIMITED_ONE: &str = "9223372036854771712\n";

    /// A folder that stands for `/`, with these files.
    fn tree(files: &[(&str, &str)]) -> TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for (path, text) in files {
            write(&root, path, text);
        }
        root
    }

    fn write(root: &TempDir, path: &str, text: &str) {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, text).expect("a file");
    }

    fn read_below(root: &TempDir) -> Option<(u64, u64)> {
        plain(GroupReader::below(root.path()).read())
    }

    /// A limit and what is used of it, in bytes.
    fn plain(group: Option<Group>) -> Option<(u64, u64)> {
        group.map(|group| (group.limit.0, group.used.0))
    }

    #[test]
    fn cached_files_that_nobody_read_twice_are_not_used() {
        let root = tree(&[
            ("proc/self/cgroup", "0::/a.service\n"),
            ("sys/fs/cgroup/a.service/memory.max", "1000\n"),
            ("sys/fs/cgroup/a.service/memory.current", "700\n"),
            (
                "sys/fs/cgroup/a.service/memory.stat",
                "anon 400\nactive_file 1\ninactive_file 250\n",
            ),
        ]);
        assert_eq!(read_below(&root), Some((1000, 450)));
    }

    #[test]
    fn a_limit_of_the_group_around_ours_counts() {
        let root = tree(&[
            ("proc/self/cgroup", "0::/user.slice/app.scope\n"),
            ("sys/fs/cgroup/cgroup.controllers", "memory\n"),
            ("sys/fs/cgroup/user.slice/memory.max", "5000\n"),
            ("sys/fs/cgroup/user.slice/memory.current", "4000\n"),
            ("sys/fs/cgroup/user.slice/memory.stat", "inactive_file 0\n"),
            ("sys/fs/cgroup/user.slice/app.scope/memory.max", "max\n"),
            ("sys/fs/cgroup/user.slice/app.scope/memory.current", "10\n"),
        ]);
        assert_eq!(read_below(&root), Some((5000, 4000)));
    }

    #[test]
    fn the_group_with_the_least_room_counts_not_the_one_with_the_smallest_limit() {
        let root = tree(&[
            ("proc/self/cgroup", "0::/outer/inner\n"),
            ("sys/fs/cgroup/outer/memory.max", "5000\n"),
            ("sys/fs/cgroup/outer/memory.current", "4900\n"),
            ("sys/fs/cgroup/outer/inner/memory.max", "2000\n"),
            ("sys/fs/cgroup/outer/inner/memory.current", "500\n"),
        ]);
        assert_eq!(read_below(&root), Some((5000, 4900)));
    }

    #[test]
    fn no_limit_is_none() {
        let two = tree(&[
            ("proc/self/cgroup", "0::/a\n"),
            ("sys/fs/cgroup/a/memory.max", "max\n"),
            ("sys/fs/cgroup/a/memory.current", "10\n"),
        ]);
        assert_eq!(read_below(&two), None);
        let one = tree(&[
            ("proc/self/cgroup", "3:memory:/a\n"),
            (
                "sys/fs/cgroup/memory/a/memory.limit_in_bytes",
                UNLIMITED_ONE,
            ),
            ("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "10\n"),
        ]);
        assert_eq!(read_below(&one), None);
    }

    #[test]
    fn version_one_counts_where_it_has_the_memory() {
        let root = tree(&[
            (
                "proc/self/cgroup",
                "5:cpu,cpuacct:/\n4:hugetlb,memory:/job/step\n0::/unit\n",
            ),
            ("sys/fs/cgroup/unified/unit/cgroup.procs", ""),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", UNLIMITED_ONE),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "9999\n"),
            ("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "800\n"),
            ("sys/fs/cgroup/memory/job/memory.usage_in_bytes", "600\n"),
            (
                "sys/fs/cgroup/memory/job/memory.stat",
                "inactive_file 1\ntotal_inactive_file 100\n",
            ),
            (
                "sys/fs/cgroup/memory/job/step/memory.limit_in_bytes",
                UNLIMITED_ONE,
            ),
        ]);
        assert_eq!(read_below(&root), Some((800, 500)));
    }

    #[test]
    fn version_two_beside_version_one_is_found() {
        let root = tree(&[
            ("proc/self/cgroup", "1:name=systemd:/unit\n0::/unit\n"),
            ("sys/fs/cgroup/unified/unit/memory.max", "100\n"),
            ("sys/fs/cgroup/unified/unit/memory.current", "60\n"),
        ]);
        assert_eq!(read_below(&root), Some((100, 60)));
    }

    #[test]
    fn a_path_that_is_not_there_means_the_mount() {
        for path in ["/docker/0123abcd", "/", "/../outside", "/../.."] {
            let root = tree(&[
                ("proc/self/cgroup", &format!("0::{path}\n")),
                ("sys/fs/cgroup/memory.max", "900\n"),
                ("sys/fs/cgroup/memory.current", "300\n"),
                // Out of the mount there would be another limit, which is not ours.
                ("sys/fs/outside/memory.max", "1\n"),
                ("sys/fs/outside/memory.current", "1\n"),
            ]);
            assert_eq!(read_below(&root), Some((900, 300)), "{path}");
        }
    }

    #[test]
    fn missing_files_are_no_group() {
        assert_eq!(read_below(&tree(&[])), None, "no /proc");
        let only_limit = tree(&[
            ("proc/self/cgroup", "0::/a\n"),
            ("sys/fs/cgroup/a/memory.max", "100\n"),
        ]);
        assert_eq!(read_below(&only_limit), None, "no usage");
        let nonsense = tree(&[
            ("proc/self/cgroup", "nothing like it\n\n::\n"),
            ("sys/fs/cgroup/memory.max", "much\n"),
        ]);
        assert_eq!(read_below(&nonsense), None, "nonsense");
    }

    #[test]
    fn a_reader_sees_new_limits_and_a_move_to_another_group() {
        let root = tree(&[
            ("proc/self/cgroup", "0::/a\n"),
            ("sys/fs/cgroup/a/memory.max", "max\n"),
            ("sys/fs/cgroup/a/memory.current", "10\n"),
            ("sys/fs/cgroup/b/memory.max", "70\n"),
            ("sys/fs/cgroup/b/memory.current", "20\n"),
        ]);
        let mut reader = GroupReader::below(root.path());
        assert_eq!(plain(reader.read()), None);
        write(&root, "sys/fs/cgroup/a/memory.max", "100\n");
        assert_eq!(plain(reader.read()), Some((100, 10)));
        write(&root, "proc/self/cgroup", "0::/b\n");
        assert_eq!(plain(reader.read()), Some((70, 20)));
    }

    #[test]
    fn this_machine_is_read_without_harm() {
        if let Some(found) = read() {
            assert!(found.limit > Bytes(0), "{found:?}");
        }
    }
}
