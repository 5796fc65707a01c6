//! A folder that appears under its name when it is complete.

#![expect(clippy::disallowed_methods, reason = "the store creates the folders that others fill")]

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::lock::Lock;
use crate::{Dir, LocalDir, Publication, Publish, Result, StoreError};

/// A folder that is filled under a temporary name. Dropped before [`StagedFolder::finish`], it leaves
/// nothing behind.
pub struct StagedFolder {
    output: PathBuf,
    staged: PathBuf,
    dir: Arc<dyn Dir>,
    lock: Option<Lock>,
}

impl StagedFolder {
    /// Starts a folder that will be called `output`. Files that a killed process left are removed.
    ///
    /// # Errors
    /// [`StoreError::Input`] when `output` is an address such as `s3://…`, or exists and is not an
    /// empty folder. [`StoreError::Locked`] while another process fills it.
    pub fn create(output: &Path) -> Result<Self> {
        let refused = |message: &str| StoreError::Input {
            address: output.display().to_string(),
            message: message.into(),
        };
        if output.to_string_lossy().contains("://") {
            return Err(refused(
                "is an address, not a folder; write to a folder and copy it there",
            ));
        }
        let name = output.file_name().ok_or_else(|| refused("is not the name of a folder"))?;
        let is_free = match fs::read_dir(output) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == ErrorKind::NotFound => true,
            Err(error) if error.kind() == ErrorKind::NotADirectory => false,
            Err(error) => return Err(StoreError::io(output, "list", error)),
        };
        if !is_free {
            return Err(refused("exists already; choose another output"));
        }
        let staged = output.with_file_name(format!(".tmp-{}", name.to_string_lossy()));
        let lock = Some(Lock::take(&staged)?);
        let dir: Arc<dyn Dir> = Arc::new(LocalDir::new(&staged));
        let io = |e| StoreError::io(&staged, "clear", e);
        for path in dir.list().map_err(io)? {
            if !crate::publish::is_hidden(&path) {
                dir.remove(&path).map_err(io)?;
            }
        }
        Ok(Self { output: output.into(), staged, dir, lock })
    }

    /// Adds the file `from` under the name `name`: as a hard link where the file systems allow it,
    /// else as a copy. Returns true for a link.
    ///
    /// # Errors
    /// The file cannot be copied.
    pub fn link(&self, from: &Path, name: &str) -> Result<bool> {
        let to = self.staged.join(name);
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).map_err(|e| StoreError::io(folder, "create", e))?;
        }
        if fs::hard_link(from, &to).is_ok() {
            return Ok(true);
        }
        // Another device, or a file system without hard links.
        let mut file = fs::File::open(from).map_err(|e| StoreError::io(from, "read", e))?;
        let mut copy = self.publish(name)?;
        std::io::copy(&mut file, &mut copy).map_err(|e| StoreError::io(&to, "copy", e))?;
        copy.finish()?;
        Ok(false)
    }

    /// Makes the folder durable and gives it its final name.
    ///
    /// # Errors
    /// The folder cannot be renamed or synced.
    pub fn finish(mut self) -> Result<()> {
        let io = |e| StoreError::io(&self.output, "rename", e);
        let parent = self.output.parent().filter(|folder| !folder.as_os_str().is_empty());
        fs::File::open(&self.staged).and_then(|folder| folder.sync_all()).map_err(io)?;
        fs::rename(&self.staged, &self.output).map_err(io)?;
        // The lock file moved with the folder.
        fs::remove_file(self.output.join(".lock")).map_err(io)?;
        self.lock = None;
        fs::File::open(parent.unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .map_err(io)
    }
}

impl Publish for StagedFolder {
    fn publish(&self, path: &str) -> Result<Publication> {
        Publication::new(self.dir.clone(), path)
    }
}

impl Drop for StagedFolder {
    fn drop(&mut self) {
        if self.lock.is_some() {
            // If it cannot be removed now, the next start clears it.
            let _ = fs::remove_dir_all(&self.staged);
        }
    }
}
