//! A folder that several processes fill with files that never change, such as a cache.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::lock::Lock;
use crate::publish::is_temporary;
use crate::{Dir, LocalDir, Publication, Publish, Result, StoreError};

/// How long to wait for the process that holds the lock, after the last file that it added.
const LOCK_WAIT_MAX: Duration = Duration::from_mins(10);

/// The pause between two attempts to take the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Attempts after which the files are counted again; listing a large folder takes a while.
const ATTEMPTS_PER_COUNT: u32 = 100;

/// The folder. Reading needs no lock, since a file has its name only when it is whole.
#[derive(Debug)]
pub struct SharedFolder {
    path: PathBuf,
    dir: Arc<dyn Dir>,
}

/// Keeps other processes from writing to a [`SharedFolder`] until it is dropped.
#[derive(Debug)]
pub struct FolderLock {
    _lock: Lock,
}

impl SharedFolder {
    /// The folder at `path`; it need not exist yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.into(), dir: Arc::new(LocalDir::new(path)) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the folder's lock and removes unfinished files of processes that were killed.
    ///
    /// While another process holds the lock, this waits as long as that one keeps adding files.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when the other process added no file for ten minutes; or the folder
    /// cannot be read or written.
    pub fn lock(&self) -> Result<FolderLock> {
        let failed = |e| StoreError::io(&self.path, "read", e);
        let (mut waited, mut n_attempts, mut n_files) = (Duration::ZERO, 0, 0);
        let lock = loop {
            match Lock::take(&self.path) {
                Err(StoreError::Locked { .. }) if waited < LOCK_WAIT_MAX => {
                    std::thread::sleep(LOCK_PAUSE);
                    (waited, n_attempts) = (waited + LOCK_PAUSE, n_attempts + 1);
                }
                taken => break taken?,
            }
            if n_attempts % ATTEMPTS_PER_COUNT == 0 {
                let n_files_now = self.dir.list().map_err(failed)?.len();
                if n_files_now != n_files {
                    (waited, n_files) = (Duration::ZERO, n_files_now);
                }
            }
        };
        for path in self.dir.list().map_err(failed)? {
            if is_temporary(&path) {
                self.dir.remove(&path).map_err(failed)?;
            }
        }
        Ok(FolderLock { _lock: lock })
    }
}

impl Publish for SharedFolder {
    fn publish(&self, path: &str) -> Result<Publication> {
        Publication::new(self.dir.clone(), path)
    }
}
