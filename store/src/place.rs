//! Taking files out of a run that only served a command, and removing it.
#![expect(clippy::disallowed_methods, reason = "the store may move and remove what it wrote")]

use std::fs;
use std::io;
use std::path::Path;

use crate::{Result, Run, StoreError};

/// Moves a published file to `to`, across file systems too; what was there is replaced in one step.
pub fn move_file(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|e| StoreError::io(folder, "create", e))?;
    }
    // It may come from a run that did not wait for the disk.
    fs::File::open(from)
        .and_then(|file| file.sync_all())
        .map_err(|e| StoreError::io(from, "sync", e))?;
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let temporary = to.with_extension("moving");
            fs::copy(from, &temporary)
                .and_then(|_| fs::File::open(&temporary)?.sync_all())
                .and_then(|()| fs::rename(&temporary, to))
                .and_then(|()| fs::remove_file(from))
                .map_err(|e| StoreError::io(to, "move", e))
        }
        other => other.map_err(|e| StoreError::io(to, "move", e)),
    }
}

/// Moves every file of a folder, whose own folders stay, into the folder `to`.
pub fn move_folder(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).map_err(|e| StoreError::io(from, "list", e))? {
        let path = entry.map_err(|e| StoreError::io(from, "list", e))?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            move_file(&path, &to.join(name))?;
        }
    }
    Ok(())
}

/// Removes the finished run in `root`, and nothing that is no run.
pub fn remove_run(root: &Path) -> Result<()> {
    if Run::finished(root)?.is_none() {
        return Err(StoreError::NotARun { path: root.into() });
    }
    fs::remove_dir_all(root).map_err(|e| StoreError::io(root, "remove", e))
}
