//! Comparing a finished run with its manifest: which files are damaged, and where.

use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

use serde::Serialize;

use crate::publish::{Digest, is_hidden};
use crate::{Dir, Events, FileEntry, LocalDir, Manifest, Result, Run, StoreError};

/// A difference between a run and its manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "damage", rename_all = "snake_case")]
pub enum Damage {
    /// The manifest names the file, but it does not exist.
    Missing {
        /// The file.
        path: String,
    },
    /// The file has another size.
    Size {
        /// The file.
        path: String,
        /// Bytes in the manifest.
        expected_bytes: u64,
        /// Bytes found.
        found_bytes: u64,
    },
    /// Bytes in these ranges are not what was written. Damage in the manifest itself cannot be located,
    /// so it has no ranges.
    Content {
        /// The file.
        path: String,
        /// Byte ranges, rounded to whole chunks.
        ranges: Vec<Range<u64>>,
    },
    /// The file is in the run directory, but the manifest does not name it.
    Extra {
        /// The file.
        path: String,
    },
}

/// The outcome of [`verify`].
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// Files that were read.
    pub files: usize,
    /// Bytes that were read.
    pub bytes: u64,
    /// The manifest's root digest.
    pub root: String,
    /// All differences; empty for a sound run.
    pub damages: Vec<Damage>,
}

/// Reads every file of the finished run in `root` and compares it with the manifest.
///
/// # Errors
/// There is no finished run, or a file cannot be read.
pub fn verify(root: &Path) -> Result<Verdict> {
    let Some(manifest) = Run::finished(root)? else {
        return Err(StoreError::Unreadable {
            path: root.join(Manifest::FILE),
            message: "there is no finished run; finish it first".into(),
        });
    };
    let dir = LocalDir::new(root);
    let mut verdict =
        Verdict { files: 0, bytes: 0, root: manifest.root.clone(), damages: Vec::new() };
    let rebuilt = Manifest::new(manifest.fingerprint.clone(), manifest.files.clone());
    let text = dir
        .read(Manifest::FILE)
        .map_err(|e| StoreError::io(root.join(Manifest::FILE), "read", e))?;
    if rebuilt != manifest || !text.ends_with(b"}\n") {
        let path = Manifest::FILE.into();
        verdict.damages.push(Damage::Content { path, ranges: Vec::new() });
    }
    for file in &manifest.files {
        verdict.files += 1;
        verdict.bytes += file.bytes;
        verdict.damages.extend(check(&dir, file)?);
    }
    let named = |path: &String| manifest.files.iter().any(|file| file.path == *path);
    let apart = |path: &String| [Manifest::FILE, Events::FILE].contains(&path.as_str());
    let files = dir.list().map_err(|e| StoreError::io(root, "list", e))?;
    let extra = files.into_iter().filter(|p| !named(p) && !apart(p) && !is_hidden(p));
    verdict.damages.extend(extra.map(|path| Damage::Extra { path }));
    Ok(verdict)
}

fn check(dir: &LocalDir, expected: &FileEntry) -> Result<Option<Damage>> {
    let path = expected.path.clone();
    let found = match digest(dir, expected) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Some(Damage::Missing { path }));
        }
        Err(error) => return Err(StoreError::io(dir.root().join(&path), "read", error)),
    };
    if found.bytes != expected.bytes {
        let (expected_bytes, found_bytes) = (expected.bytes, found.bytes);
        return Ok(Some(Damage::Size { path, expected_bytes, found_bytes }));
    }
    if found.blake3 == expected.blake3 {
        return Ok(None);
    }
    Ok(Some(Damage::Content { path, ranges: damaged_ranges(expected, &found) }))
}

/// The byte ranges of a file that are not what was written. The file must have the right size.
///
/// # Errors
/// The file cannot be read.
pub fn damaged_bytes(dir: &LocalDir, expected: &FileEntry) -> io::Result<Vec<Range<u64>>> {
    let found = digest(dir, expected)?;
    Ok(if found.blake3 == expected.blake3 { Vec::new() } else { damaged_ranges(expected, &found) })
}

fn digest(dir: &LocalDir, expected: &FileEntry) -> io::Result<FileEntry> {
    let mut file = dir.open(&expected.path)?;
    let mut digest = Digest::default();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(digest.entry(&expected.path)),
            Ok(n) => digest.update(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Hexadecimal digits of one chunk's digest.
const CHUNK_DIGITS: usize = 16;

/// The byte ranges of the damaged chunks; neighbouring chunks are joined.
fn damaged_ranges(expected: &FileEntry, found: &FileEntry) -> Vec<Range<u64>> {
    let chunks = |entry: &FileEntry| -> Vec<Vec<u8>> {
        entry.chunks.as_bytes().chunks(CHUNK_DIGITS).map(<[u8]>::to_vec).collect()
    };
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for (index, (before, now)) in chunks(expected).iter().zip(&chunks(found)).enumerate() {
        if before == now {
            continue;
        }
        let start = (index as u64).saturating_mul(expected.chunk_bytes);
        let end = start.saturating_add(expected.chunk_bytes).min(expected.bytes);
        match ranges.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => ranges.push(start..end),
        }
    }
    ranges
}
