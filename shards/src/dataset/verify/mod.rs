//! Reading a whole dataset and reporting every fault by file and byte range.
//!
//! The description, whose root is checked first, determines all other bytes: it has the digest of
//! each shard's sums, and the sums have the digest of each block of payload and index. So damage is
//! located to the block. Undamaged bytes must also keep the rules of the format: the lengths agree
//! between index, payload and description, ids are below the vocabulary's size, and each document
//! begins and ends with the described tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use store::{Dir as _, FileEntry, LocalDir, damaged_bytes, is_hidden};

pub(super) use self::check::{SUMS_BYTES_MAX, file_size};
use self::check::{ShardCheck, first_difference, read_bounded};
pub use self::finding::{Fault, Finding};
use super::manifest::ShardManifest;
use super::place::PLAN_ENDING;
use crate::ShardError;

mod check;
mod finding;
mod scan;

/// The outcome of [`verify`].
#[derive(Debug, Clone)]
pub struct Verified {
    /// The dataset's root; empty when the description cannot be read.
    pub root: String,
    /// Shards in the description.
    pub n_shards: usize,
    /// Bytes that were read.
    pub bytes: u64,
    /// All faults, in the order of the shards; empty for a sound dataset.
    pub findings: Vec<Finding>,
}

/// The longest description that is read: that of a million shards.
pub(super) const DESCRIPTION_BYTES_MAX: u64 = 1 << 30;

/// Reads the whole dataset in `folder` on `threads` threads. The findings do not depend on their
/// number. Every failure is a finding, even a folder that cannot be read.
pub fn verify(folder: &Path, threads: usize) -> Verified {
    let mut verified =
        Verified { root: String::new(), n_shards: 0, bytes: 0, findings: Vec::new() };
    let manifest = match read_manifest(folder, &mut verified) {
        Ok(manifest) => manifest,
        Err(finding) => {
            verified.findings.push(finding);
            return verified;
        }
    };
    verified.root.clone_from(&manifest.root);
    verified.n_shards = manifest.shards.len();
    let owners = owners_of_sums(folder, &manifest);
    for (bytes, findings) in check_shards(folder, &manifest, &owners, threads) {
        verified.bytes += bytes;
        verified.findings.extend(findings);
    }
    check_files(folder, &manifest, &mut verified);
    find_foreign(folder, &manifest, &mut verified);
    verified
}

fn read_manifest(folder: &Path, verified: &mut Verified) -> Result<ShardManifest, Finding> {
    let file = ShardManifest::FILE;
    let bytes = read_bounded(&folder.join(file), DESCRIPTION_BYTES_MAX).map_err(|error| {
        let fault = match error.kind() {
            std::io::ErrorKind::NotFound => Fault::Missing,
            _ => Fault::Unreadable { message: error.to_string() },
        };
        Finding::new(file, 0..0, fault)
    })?;
    let n_bytes = bytes.len() as u64;
    verified.bytes += n_bytes;
    let broken = |message| Finding::new(file, 0..n_bytes, Fault::Broken { message });
    let manifest = ShardManifest::parse(&bytes).map_err(broken)?;
    // The root covers the values of the fields; this covers how they are written.
    let written = manifest.to_json().map_err(|error| broken(error.to_string()))?;
    if let Some(at) = first_difference(&bytes, &written) {
        let end = n_bytes.max(written.len() as u64);
        return Err(Finding::new(file, at..end, Fault::Altered));
    }
    Ok(manifest)
}

/// For each shard, by number, the shard under whose name its sums lie. That is the shard itself,
/// unless files were swapped; `None` when no file has its sums.
fn owners_of_sums(folder: &Path, manifest: &ShardManifest) -> Vec<Option<usize>> {
    let wanted: BTreeMap<&str, usize> =
        manifest.shards.iter().enumerate().map(|(i, s)| (s.sums_blake3.as_str(), i)).collect();
    let mut owners = vec![None; manifest.shards.len()];
    for (number, entry) in manifest.shards.iter().enumerate() {
        let path = folder.join(format!("{}.sums", entry.name));
        // A file that cannot be read is reported by `ShardCheck`.
        let Ok(bytes) = read_bounded(&path, SUMS_BYTES_MAX) else { continue };
        let digest = store::digest(&bytes);
        // Equal shards have equal sums; each owns its file.
        if digest == entry.sums_blake3 {
            owners[number] = Some(number);
        } else if let Some(&owner) = wanted.get(digest.as_str()) {
            owners[owner].get_or_insert(number);
        }
    }
    owners
}

/// The bytes read and the findings of each shard, by number.
fn check_shards(
    folder: &Path,
    manifest: &ShardManifest,
    owners: &[Option<usize>],
    threads: usize,
) -> Vec<(u64, Vec<Finding>)> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= manifest.shards.len() {
                return done;
            }
            done.push((number, ShardCheck::run(folder, manifest, number, owners[number])));
        }
    };
    let mut checks: Vec<(usize, ShardCheck)> = std::thread::scope(|scope| {
        let n = threads.clamp(1, manifest.shards.len().max(1));
        let others: Vec<_> = (1..n).map(|_| scope.spawn(work)).collect();
        let mut checks = work();
        for thread in others {
            match thread.join() {
                Ok(more) => checks.extend(more),
                // Its shards were not checked, so no verdict may be given.
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        checks
    });
    checks.sort_by_key(|(number, _)| *number);
    let checks: Vec<ShardCheck> = checks.into_iter().map(|(_, check)| check).collect();
    let contents: BTreeMap<[u8; 32], String> =
        checks.iter().flat_map(|check| check.expected.iter().cloned()).collect();
    checks.into_iter().map(|check| (check.bytes, check.findings(&contents))).collect()
}

/// Checks the dataset's other files by the digests of their chunks.
fn check_files(folder: &Path, manifest: &ShardManifest, verified: &mut Verified) {
    for entry in &manifest.files {
        let findings = check_entry(folder, entry);
        verified.bytes += if findings.is_empty() { entry.bytes } else { 0 };
        verified.findings.extend(findings);
    }
}

/// The faults of a file beside the shards.
fn check_entry(folder: &Path, entry: &FileEntry) -> Vec<Finding> {
    let unreadable =
        |error: &dyn std::fmt::Display| Fault::Unreadable { message: error.to_string() };
    let found = file_size(&folder.join(&entry.path));
    let fault = match &found {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Some((0..entry.bytes, Fault::Missing))
        }
        Err(error) => Some((0..entry.bytes, unreadable(error))),
        Ok(bytes) if *bytes < entry.bytes => Some((*bytes..entry.bytes, Fault::Truncated)),
        Ok(bytes) if *bytes > entry.bytes => Some((entry.bytes..*bytes, Fault::Extended)),
        Ok(_) => None,
    };
    if let Some((bytes, fault)) = fault {
        return vec![Finding::new(&entry.path, bytes, fault)];
    }
    match damaged_bytes(&LocalDir::new(folder), entry) {
        Ok(ranges) => ranges
            .into_iter()
            .map(|bytes| Finding::new(&entry.path, bytes, Fault::Altered))
            .collect(),
        Err(error) => vec![Finding::new(&entry.path, 0..entry.bytes, unreadable(&error))],
    }
}

/// Checks a file beside the shards, such as `docs.parquet`, before it is used. A file that the
/// description does not name cannot be checked and is accepted.
///
/// # Errors
/// [`ShardError::Unreadable`] when the file is not what was written.
pub fn check_file(folder: &Path, manifest: &ShardManifest, name: &str) -> crate::Result<()> {
    let entry = manifest.files.iter().find(|file| file.path == name);
    match entry.and_then(|entry| check_entry(folder, entry).into_iter().next()) {
        None => Ok(()),
        Some(finding) => Err(ShardError::Unreadable {
            path: folder.join(name),
            message: format!("{finding}; see `gristmill shards verify`"),
        }),
    }
}

/// Reports files in the folder that the dataset does not name.
fn find_foreign(folder: &Path, manifest: &ShardManifest, verified: &mut Verified) {
    let mut named: BTreeSet<String> = manifest.files.iter().map(|file| file.path.clone()).collect();
    named.insert(ShardManifest::FILE.into());
    for shard in &manifest.shards {
        named.extend(shard.files());
    }
    let files = match LocalDir::new(folder).list() {
        Ok(files) => files,
        Err(error) => {
            let fault = Fault::Unreadable { message: error.to_string() };
            return verified.findings.push(Finding::new(".", 0..0, fault));
        }
    };
    for file in files {
        if !named.contains(&file) && !is_hidden(&file) && !file.ends_with(PLAN_ENDING) {
            // A link to nothing has no size.
            let bytes = file_size(&folder.join(&file)).unwrap_or(0);
            verified.findings.push(Finding::new(file, 0..bytes, Fault::Foreign));
        }
    }
}
