//! The lock that keeps a second process out of a run directory.

#![expect(clippy::disallowed_methods, reason = "a lock is taken on an open file of the system")]

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::{Result, StoreError};

/// Name of the lock file. The system frees the lock when the process ends, even when it is killed.
const LOCK: &str = ".lock";

/// Held while a run is written.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the lock of the folder `root` and creates the folder if necessary.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process holds the lock; or the file cannot be created.
    pub(crate) fn take(root: &Path) -> Result<Self> {
        let path = root.join(LOCK);
        let io = |e| StoreError::io(&path, "lock", e);
        create_durable(root).map_err(io)?;
        loop {
            if path.symlink_metadata().is_ok_and(|m| m.is_symlink()) {
                let message = "it is a symbolic link; remove it".into();
                return Err(StoreError::Unreadable { path, message });
            }
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            let mut file = options.open(&path).map_err(io)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let mut pid = String::new();
                    // Only shown to people; the holder may not have written it yet.
                    let _ = file.read_to_string(&mut pid);
                    let pid = if pid.is_empty() { "?".into() } else { pid };
                    return Err(StoreError::Locked { path: root.into(), pid });
                }
                Err(TryLockError::Error(error)) => return Err(io(error)),
            }
            // The previous holder may have removed the file after it was opened here. A lock on the
            // removed file keeps nobody out, because the next process creates another one.
            if !is_at(&file, &path).map_err(io)? {
                continue;
            }
            file.set_len(0).map_err(io)?;
            write!(file, "{}", std::process::id()).map_err(io)?;
            return Ok(Self { path, _file: file });
        }
    }
}

/// True when `path` is still the name of the open file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let open = file.metadata()?;
    match path.symlink_metadata() {
        Ok(named) => Ok((named.dev(), named.ino()) == (open.dev(), open.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Other systems do not let an open file's name be reused.
#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> io::Result<bool> {
    path.try_exists()
}

/// Creates a folder and the folders above it; their names are durable on return.
fn create_durable(folder: &Path) -> io::Result<()> {
    let new: Vec<&Path> = folder.ancestors().take_while(|f| !f.exists()).collect();
    std::fs::create_dir_all(folder)?;
    for parent in new.iter().filter_map(|folder| folder.parent()) {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The lock is still held, so the file is our own. A file that stays is harmless: the lock
        // keeps others out, not the file.
        let _ = std::fs::remove_file(&self.path);
    }
}
