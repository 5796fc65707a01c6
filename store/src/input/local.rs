//! Addresses on disks.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::pattern::{Pattern, is_pattern};
use super::{InputFile, Location, refused};
use crate::{Result, StoreError};

/// The file at `address`, the files below the folder at `address`, or the files that match the
/// pattern `address`.
///
/// # Errors
/// The address is neither, or a file or folder cannot be looked at.
pub(super) fn resolve(address: &str) -> Result<Vec<InputFile>> {
    match Path::new(address).metadata() {
        Ok(found) if found.is_dir() => {
            let pattern = Pattern::everything().map_err(|message| refused(address, message))?;
            let files = below(Path::new(address), &pattern, usize::MAX)?;
            return Ok(files
                .into_iter()
                .map(|f| InputFile { is_from_folder: true, ..f })
                .collect());
        }
        Ok(found) if found.is_file() => return Ok(vec![file(PathBuf::from(address), &found)]),
        Ok(_) => return Err(refused(address, "is not a regular file; use `-` for standard input")),
        Err(error) if is_pattern(address) && is_missing(&error) => {}
        Err(error) if is_missing(&error) => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io(address, "read", error)),
    }
    let (base, rest) = split(address);
    let pattern = Pattern::new(&rest).map_err(|message| refused(address, message))?;
    let depth = if rest.contains("**") { usize::MAX } else { rest.split('/').count() };
    let base = if base.as_os_str().is_empty() { Path::new(".").to_owned() } else { base };
    let mut files = below(&base, &pattern, depth)?;
    if !address.starts_with("./") {
        for file in &mut files {
            if let Some(shorter) = file.address.strip_prefix("./") {
                file.address = shorter.to_owned();
            }
        }
    }
    Ok(files)
}

/// Whether the error means that there is no such file. A name that is too long is none, either.
fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename
    )
}

/// Splits a pattern after the longest run of folders that exist. Their names are no patterns,
/// whatever characters they have.
fn split(pattern: &str) -> (PathBuf, String) {
    let mut base = PathBuf::new();
    let mut rest = pattern;
    if let Some(absolute) = pattern.strip_prefix('/') {
        base.push("/");
        rest = absolute;
    }
    while let Some((name, after)) = rest.split_once('/') {
        let inner = base.join(name);
        if !inner.is_dir() {
            break;
        }
        (base, rest) = (inner, after);
    }
    (base, rest.to_owned())
}

/// The regular files below a folder that match a pattern.
fn below(folder: &Path, pattern: &Pattern, depth: usize) -> Result<Vec<InputFile>> {
    let inner =
        |path: &Path| path.strip_prefix(folder).unwrap_or(path).to_string_lossy().into_owned();
    let may_enter = |entry: &DirEntry| {
        entry.depth() == 0 || pattern.may_enter(&entry.file_name().to_string_lossy())
    };
    let walk = WalkDir::new(folder).follow_links(true).min_depth(1).max_depth(depth);
    let mut files = Vec::new();
    for entry in walk.into_iter().filter_entry(may_enter) {
        let entry = match entry {
            Ok(entry) => entry,
            // The folder is read where the link leads to.
            Err(error) if error.loop_ancestor().is_some() => continue,
            // A link that leads nowhere, unless nobody asked for it.
            Err(error) => match error.path() {
                Some(path) if error.depth() > 0 && !pattern.matches(&inner(path)) => continue,
                path => {
                    let path = path.unwrap_or(folder).to_owned();
                    return Err(StoreError::io(path, "read", error.into()));
                }
            },
        };
        if entry.file_type().is_file() && pattern.matches(&inner(entry.path())) {
            let failed = |error: walkdir::Error| StoreError::io(entry.path(), "read", error.into());
            files.push(file(entry.path().to_owned(), &entry.metadata().map_err(failed)?));
        }
    }
    Ok(files)
}

fn file(path: PathBuf, metadata: &Metadata) -> InputFile {
    InputFile {
        address: path.to_string_lossy().into_owned(),
        bytes: metadata.len(),
        is_from_folder: false,
        location: Location::Local(path, (metadata.dev(), metadata.ino())),
    }
}
