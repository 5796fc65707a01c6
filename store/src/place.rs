//! Moving files out of an ephemeral run, and removing the run.
#![expect(clippy::disallowed_methods, reason = "the store may move and remove its own files")]

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::{Result, Run, StoreError, write_file};

/// Name of the list of files that [`replace_files`] removes and moves; it is there while it does.
const MOVING: &str = ".moving";

/// Moves a published file to `to`, which may be on another file system. A file there is replaced in
/// one step.
///
/// # Errors
/// The file cannot be moved.
pub fn move_file(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|e| StoreError::io(folder, "create", e))?;
    }
    // An ephemeral run does not sync its files.
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

/// Moves the files of a folder, but not its subfolders, into the folder `to`.
///
/// # Errors
/// The folder cannot be listed, or a file cannot be moved.
pub fn move_folder(from: &Path, to: &Path) -> Result<()> {
    for path in files_in(from)? {
        if let Some(name) = path.file_name() {
            move_file(&path, &to.join(name))?;
        }
    }
    Ok(())
}

/// True when [`replace_files`] was interrupted in `folder`. The next call completes the removal.
pub fn is_moving(folder: &Path) -> bool {
    folder.join(MOVING).is_file()
}

/// Moves the files of the folder `from` into `to`, where they replace the files named in `old`.
///
/// `description` names the file that tells readers what the folder holds. It is removed first and
/// arrives last, so that readers never take a part of either content for the whole. A list of all
/// files concerned lies in `to` meanwhile: the next call removes what an interrupted one left.
///
/// # Errors
/// A file cannot be listed, moved or removed.
pub fn replace_files(
    from: &Path,
    to: &Path,
    description: &str,
    old: impl IntoIterator<Item = String>,
) -> Result<()> {
    fs::create_dir_all(to).map_err(|e| StoreError::io(to, "create", e))?;
    let arriving = files_in(from)?;
    let mut leaving: BTreeSet<String> = old.into_iter().collect();
    leaving.extend(interrupted(to)?);
    let names = arriving.iter().filter_map(|path| path.file_name()?.to_str());
    let both: BTreeSet<&str> = names.chain(leaving.iter().map(String::as_str)).collect();
    let list = both.into_iter().collect::<Vec<_>>().join("\n");
    write_file(&to.join(MOVING), list.as_bytes())?;
    remove(&to.join(description))?;
    leaving.iter().try_for_each(|name| remove(&to.join(name)))?;
    for path in arriving.iter().filter(|path| !path.ends_with(description)) {
        if let Some(name) = path.file_name() {
            move_file(path, &to.join(name))?;
        }
    }
    move_file(&from.join(description), &to.join(description))?;
    remove(&to.join(MOVING))
}

/// The files named by the list that an interrupted [`replace_files`] left; empty without a list.
fn interrupted(folder: &Path) -> Result<Vec<String>> {
    match fs::read_to_string(folder.join(MOVING)) {
        Ok(list) => {
            // The list may have been damaged from outside; it must not name files elsewhere.
            let is_name = |name: &&str| !name.is_empty() && !name.contains('/') && *name != "..";
            Ok(list.lines().filter(is_name).map(str::to_owned).collect())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(StoreError::io(folder.join(MOVING), "read", error)),
    }
}

/// Removes a file, if there is one.
fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::io(path, "remove", error))
        }
        _ => Ok(()),
    }
}

/// The files directly in a folder, sorted.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |e| StoreError::io(folder, "list", e);
    let entries = fs::read_dir(folder).map_err(failed)?;
    let paths = entries.map(|entry| Ok(entry.map_err(failed)?.path()));
    let mut paths = paths.collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}

/// Removes the finished run in `root`.
///
/// # Errors
/// [`StoreError::NotARun`] when there is no finished run; or it cannot be removed.
pub fn remove_run(root: &Path) -> Result<()> {
    if Run::finished(root)?.is_none() {
        return Err(StoreError::NotARun { path: root.into() });
    }
    fs::remove_dir_all(root).map_err(|e| StoreError::io(root, "remove", e))
}
