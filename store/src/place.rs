//! Taking files out of a run that only served a command, and removing it.
#![expect(clippy::disallowed_methods, reason = "the store may move and remove what it wrote")]

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::shards::ShardManifest;
use crate::{Result, Run, StoreError, write_file};

/// The list of the files that [`move_dataset`] removes and brings, while it does.
const MOVING: &str = ".moving";

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
    for path in files_in(from)? {
        if let Some(name) = path.file_name() {
            move_file(&path, &to.join(name))?;
        }
    }
    Ok(())
}

/// Whether [`move_dataset`] may put a dataset into `folder`: there is none yet, it is empty, or it has an
/// older dataset.
///
/// # Errors
/// [`StoreError::Input`] when it is a file or holds something else, which would be mixed with a dataset.
pub fn check_place(folder: &Path) -> Result<()> {
    let refused = |message: &str| {
        Err(StoreError::Input { address: folder.display().to_string(), message: message.into() })
    };
    let n_entries = fs::read_dir(folder).map(Iterator::count);
    match n_entries {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            refused("is a file; give the name of a folder")
        }
        Err(error) => Err(StoreError::io(folder, "list", error)),
        Ok(0) => Ok(()),
        Ok(_) if ShardManifest::read(folder).is_ok() => Ok(()),
        // What a move that broke off left makes room, too.
        Ok(_) if folder.join(MOVING).is_file() => Ok(()),
        Ok(_) => {
            refused("is not empty, and has no dataset that could be replaced; give another name")
        }
    }
}

/// Moves the dataset in the folder `from` to the folder `to`, whose own dataset goes, with its plans. The
/// description goes first and comes last, so that no part of either is ever taken for a dataset. A move that
/// broke off is made up for by the next.
pub fn move_dataset(from: &Path, to: &Path) -> Result<()> {
    check_place(to)?;
    fs::create_dir_all(to).map_err(|e| StoreError::io(to, "create", e))?;
    let coming = files_in(from)?;
    let names = coming.iter().filter_map(|path| path.file_name()?.to_str());
    let leaving = leaving(to)?;
    let both: BTreeSet<&str> = names.chain(leaving.iter().map(String::as_str)).collect();
    let list = both.into_iter().collect::<Vec<_>>().join("\n");
    write_file(&to.join(MOVING), list.as_bytes())?;
    remove(&to.join(ShardManifest::FILE))?;
    leaving.iter().try_for_each(|name| remove(&to.join(name)))?;
    for path in coming.iter().filter(|path| !path.ends_with(ShardManifest::FILE)) {
        if let Some(name) = path.file_name() {
            move_file(path, &to.join(name))?;
        }
    }
    move_file(&from.join(ShardManifest::FILE), &to.join(ShardManifest::FILE))?;
    remove(&to.join(MOVING))
}

/// The names of the files that make room: those of the dataset there, or of a move that broke off.
fn leaving(folder: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    match fs::read_to_string(folder.join(MOVING)) {
        Ok(list) => {
            let is_name = |name: &&str| !name.is_empty() && !name.contains('/') && *name != "..";
            names.extend(list.lines().filter(is_name).map(str::to_owned));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(StoreError::io(folder.join(MOVING), "read", error)),
    }
    if let Ok(manifest) = ShardManifest::read(folder) {
        for shard in &manifest.shards {
            names.extend(["bin", "idx", "sums"].map(|end| format!("{}.{end}", shard.name)));
        }
        names.extend(manifest.files.into_iter().map(|file| file.path));
        let plans = files_in(folder)?;
        let plans = plans.iter().filter(|path| path.extension().is_some_and(|end| end == "plan"));
        names.extend(plans.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())));
    }
    Ok(names)
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::io(path, "remove", error))
        }
        _ => Ok(()),
    }
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |e| StoreError::io(folder, "list", e);
    let entries = fs::read_dir(folder).map_err(failed)?;
    let paths = entries.map(|entry| Ok(entry.map_err(failed)?.path()));
    let mut paths = paths.collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}

/// Removes the finished run in `root`, and nothing that is no run.
pub fn remove_run(root: &Path) -> Result<()> {
    if Run::finished(root)?.is_none() {
        return Err(StoreError::NotARun { path: root.into() });
    }
    fs::remove_dir_all(root).map_err(|e| StoreError::io(root, "remove", e))
}
