//! Reading a whole dataset and naming every fault by file and range.
//!
//! What was written is known from the description alone, whose root is checked first: it has the
//! digest of each shard's sums, and these the digest of each block of payload and index. So damage
//! is named by the block. Bytes that are as written must also keep the format's rules: lengths that
//! agree in index, payload and description, ids below the vocabulary's size, the tokens that begin
//! and end each document.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::check::{ShardCheck, file_size, first_difference, read_bounded};
use super::{Fault, Finding, ShardManifest};
use crate::publish::is_hidden;
use crate::{Dir, FileEntry, LocalDir, StoreError};

/// The outcome of [`verify`].
#[derive(Debug, Clone)]
pub struct Verified {
    /// The dataset's root; empty when the description cannot be read.
    pub root: String,
    /// Shards in the description.
    pub n_shards: usize,
    /// Bytes that were read.
    pub bytes: u64,
    /// What is wrong, by the order of the shards; empty for a sound dataset.
    pub findings: Vec<Finding>,
}

/// Files with this ending are packing plans, which lie beside the tokens and follow from them.
const PLAN_ENDING: &str = ".plan";

/// A description is at most this long: that of a million shards.
pub(super) const DESCRIPTION_BYTES_MAX: u64 = 1 << 30;

/// Reads all of the dataset in `folder` on `threads` threads; the findings do not depend on their
/// number. A fault is a finding, be it that the folder cannot be read.
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
    // The root covers what the fields say; this covers how they are written.
    let written = manifest.to_json().unwrap_or_default();
    if let Some(at) = first_difference(&bytes, &written) {
        let end = n_bytes.max(written.len() as u64);
        return Err(Finding::new(file, at..end, Fault::Altered));
    }
    Ok(manifest)
}

/// For each shard, by number, the shard under whose name its sums lie: its own, unless files were
/// swapped.
fn owners_of_sums(folder: &Path, manifest: &ShardManifest) -> Vec<Option<usize>> {
    let wanted: BTreeMap<&str, usize> =
        manifest.shards.iter().enumerate().map(|(i, s)| (s.sums_blake3.as_str(), i)).collect();
    let mut owners = vec![None; manifest.shards.len()];
    for (number, entry) in manifest.shards.iter().enumerate() {
        let path = folder.join(format!("{}.sums", entry.name));
        let Ok(bytes) = read_bounded(&path, super::check::SUMS_BYTES_MAX) else { continue };
        let digest = crate::digest(&bytes);
        // Equal shards have equal sums, and each is its own owner.
        if digest == entry.sums_blake3 {
            owners[number] = Some(number);
        } else if let Some(&owner) = wanted.get(digest.as_str()) {
            owners[owner].get_or_insert(number);
        }
    }
    owners
}

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
        checks.extend(others.into_iter().filter_map(|thread| thread.join().ok()).flatten());
        checks
    });
    checks.sort_by_key(|(number, _)| *number);
    let checks: Vec<ShardCheck> = checks.into_iter().map(|(_, check)| check).collect();
    let contents: BTreeMap<[u8; 32], String> =
        checks.iter().flat_map(|check| check.expected.iter().cloned()).collect();
    checks.into_iter().map(|check| (check.bytes, check.findings(&contents))).collect()
}

/// The dataset's other files, by the chunks that were digested when they were written.
fn check_files(folder: &Path, manifest: &ShardManifest, verified: &mut Verified) {
    for entry in &manifest.files {
        let findings = check_entry(folder, entry);
        verified.bytes += if findings.is_empty() { entry.bytes } else { 0 };
        verified.findings.extend(findings);
    }
}

/// What is wrong with a file beside the shards.
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
    match crate::verify::damaged(&LocalDir::new(folder), entry) {
        Ok(ranges) => ranges
            .into_iter()
            .map(|bytes| Finding::new(&entry.path, bytes, Fault::Altered))
            .collect(),
        Err(error) => vec![Finding::new(&entry.path, 0..entry.bytes, unreadable(&error))],
    }
}

/// Checks a file beside the shards, such as `docs.parquet`, before it is used; one that the description
/// does not name has nothing to be checked against.
///
/// # Errors
/// [`StoreError::Unreadable`] when it is not what was written.
pub fn check_file(folder: &Path, manifest: &ShardManifest, name: &str) -> crate::Result<()> {
    let entry = manifest.files.iter().find(|file| file.path == name);
    match entry.map(|entry| check_entry(folder, entry)).unwrap_or_default().first() {
        None => Ok(()),
        Some(finding) => Err(StoreError::Unreadable {
            path: folder.join(name),
            message: format!("{finding}; `gristmill shards verify` tells more"),
        }),
    }
}

/// Files in the folder that the dataset does not name.
fn find_foreign(folder: &Path, manifest: &ShardManifest, verified: &mut Verified) {
    let mut named: BTreeSet<String> = manifest.files.iter().map(|file| file.path.clone()).collect();
    named.insert(ShardManifest::FILE.into());
    for shard in &manifest.shards {
        named.extend(["bin", "idx", "sums"].map(|extension| format!("{}.{extension}", shard.name)));
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
            let bytes = file_size(&folder.join(&file)).unwrap_or_default();
            verified.findings.push(Finding::new(file, 0..bytes, Fault::Foreign));
        }
    }
}
