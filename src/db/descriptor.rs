//! One descriptor of our own for each inspected file, kept as long as SQLite has the file open.
//!
//! On Unix a process that closes *any* descriptor of a file loses *all* its POSIX locks on it,
//! SQLite's included. Reading a header through a descriptor of its own would let a writer change
//! the file under a running statement, or remove the log of a connection that is open.

use std::{
    fs::{File, Metadata},
    io,
    path::Path,
    sync::Arc,
};

#[cfg(unix)]
use std::collections::BTreeMap;

#[cfg(unix)]
use parking_lot::Mutex;

/// Device and inode: one file, whatever its names.
#[cfg(unix)]
type FileId = (u64, u64);

#[cfg(unix)]
static OPEN: Mutex<BTreeMap<FileId, Entry>> = Mutex::new(BTreeMap::new());

#[cfg(unix)]
#[derive(Default)]
struct Entry {
    shares: usize,
    /// More than one only if two threads opened the file at once: none may be closed early.
    files: Vec<Arc<File>>,
}

/// A share in the descriptor of a file. The last one closes it.
pub(super) struct Descriptor {
    /// `None` only while it is dropped.
    file: Option<Arc<File>>,
    #[cfg(unix)]
    id: FileId,
}

impl Descriptor {
    /// The descriptor of the file at `path`, which has this `metadata`.
    #[cfg(unix)]
    pub(super) fn of(path: &Path, metadata: &Metadata) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt as _;

        let id = (metadata.dev(), metadata.ino());
        if let Some(entry) = OPEN.lock().get_mut(&id) {
            entry.shares += 1;
            let file = entry.files.first().map(Arc::clone);
            return Ok(Self { file, id });
        }
        // Not under the lock: a dead network disk must not hold up other files.
        let file = Arc::new(File::open(path)?);
        let mut open = OPEN.lock();
        let entry = open.entry(id).or_default();
        entry.shares += 1;
        entry.files.push(Arc::clone(&file));
        drop(open);
        Ok(Self {
            file: Some(file),
            id,
        })
    }

    /// The descriptor of the file at `path`. Locks belong to a handle here, not to the process.
    #[cfg(not(unix))]
    pub(super) fn of(path: &Path, _metadata: &Metadata) -> io::Result<Self> {
        let file = Some(Arc::new(File::open(path)?));
        Ok(Self { file })
    }

    /// The first bytes of the file, fewer where it is shorter.
    pub(super) fn first_bytes(&self, num_bytes: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; num_bytes];
        let mut len = 0;
        while let Some(file) = self.file.as_ref().filter(|_| len < num_bytes) {
            match read_at(file, &mut bytes[len..], len as u64)? {
                0 => break,
                more => len += more,
            }
        }
        bytes.truncate(len);
        Ok(bytes)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(unix)]
impl Drop for Descriptor {
    fn drop(&mut self) {
        // Everything under the lock: whoever opens the file next must not take its locks before
        // the descriptors of this round are closed.
        let mut open = OPEN.lock();
        drop(self.file.take());
        let Some(entry) = open.get_mut(&self.id) else {
            return;
        };
        entry.shares -= 1;
        if entry.shares == 0 {
            open.remove(&self.id);
        }
    }
}
