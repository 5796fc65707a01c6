//! Moving a dataset into a folder where an older one may be.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use store::{Dir as _, LocalDir, StoreError};

use super::manifest::{ShardEntry, ShardManifest};
use crate::Result;

/// Files with this ending are packing plans, which lie beside the tokens and are made from them.
pub(super) const PLAN_ENDING: &str = ".plan";

/// Checks that [`move_dataset`] may put a dataset into `folder`: it does not exist, it is empty, or
/// it holds an older dataset.
///
/// # Errors
/// [`StoreError::Input`] when it is a file or holds anything else, which would be mixed with the
/// dataset.
pub fn check_place(folder: &Path) -> Result<()> {
    let refused = |message: &str| {
        let address = folder.display().to_string();
        Err(StoreError::Input { address, message: message.into() }.into())
    };
    let n_entries = fs::read_dir(folder).map(Iterator::count);
    match n_entries {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            refused("is a file; give the name of a folder")
        }
        Err(error) => Err(StoreError::io(folder, "list", error).into()),
        Ok(0) => Ok(()),
        Ok(_) if ShardManifest::read(folder).is_ok() => Ok(()),
        // The parts that an interrupted move left may be replaced as well.
        Ok(_) if store::is_moving(folder) => Ok(()),
        Ok(_) => {
            refused("is not empty, and has no dataset that could be replaced; give another name")
        }
    }
}

/// Moves the dataset in the folder `from` to the folder `to`. An older dataset there is removed with
/// its plans.
///
/// The description is removed first and arrives last, so that no part of either dataset is ever
/// taken for a whole one. After an interruption the next call completes the removal.
///
/// # Errors
/// As [`check_place`]; or a file cannot be moved or removed.
pub fn move_dataset(from: &Path, to: &Path) -> Result<()> {
    check_place(to)?;
    Ok(store::replace_files(from, to, ShardManifest::FILE, files_of(to)?)?)
}

/// The names of the files of the dataset in a folder, plans included.
fn files_of(folder: &Path) -> Result<Vec<String>> {
    // Without a description that can be read there is no dataset, only what an interrupted move
    // left; its own list names those files.
    let Ok(manifest) = ShardManifest::read(folder) else { return Ok(Vec::new()) };
    let mut names: Vec<String> = manifest.shards.iter().flat_map(ShardEntry::files).collect();
    names.extend(manifest.files.into_iter().map(|file| file.path));
    let files = LocalDir::new(folder).list().map_err(|e| StoreError::io(folder, "list", e))?;
    let is_plan = |name: &String| !name.contains('/') && name.ends_with(PLAN_ENDING);
    names.extend(files.into_iter().filter(is_plan));
    Ok(names)
}
