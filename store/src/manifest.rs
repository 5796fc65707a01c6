//! The manifest: every file of a finished run with its size and digests.

use serde::{Deserialize, Serialize};

use crate::Fingerprint;

/// A published file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Path below the run directory.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// BLAKE3 of the content, hexadecimal.
    pub blake3: String,
    /// Bytes covered by one digest of `chunks`; the last chunk may be shorter.
    pub chunk_bytes: u64,
    /// The xxh3 digests of the chunks, 16 hexadecimal digits each, concatenated. With them `verify`
    /// locates damage.
    pub chunks: String,
}

/// `manifest.json`: the files of a finished run. Readers trust no other description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always [`Manifest::SCHEMA`].
    pub schema: String,
    /// BLAKE3 of the fingerprint and all entries; it identifies the run's content.
    pub root: String,
    /// What the run was made from.
    pub fingerprint: Fingerprint,
    /// The files, sorted by path.
    pub files: Vec<FileEntry>,
}

impl Manifest {
    /// The format's name and version; other versions are refused.
    pub const SCHEMA: &str = "gristmill/manifest/1";
    /// The file's name in the run directory.
    pub const FILE: &str = "manifest.json";

    /// A manifest of `files`, in any order.
    pub fn new(fingerprint: Fingerprint, mut files: Vec<FileEntry>) -> Self {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let mut hasher = blake3::Hasher::new();
        hasher.update(fingerprint.digest().as_bytes());
        for file in &files {
            for text in [&file.path, &file.blake3, &file.chunks] {
                hasher.update(&(text.len() as u64).to_le_bytes());
                hasher.update(text.as_bytes());
            }
            hasher.update(&file.bytes.to_le_bytes());
            hasher.update(&file.chunk_bytes.to_le_bytes());
        }
        let root = hasher.finalize().to_hex().to_string();
        Self { schema: Self::SCHEMA.into(), root, fingerprint, files }
    }
}

/// True for a manifest that a run wrote, even if it is damaged or of another version.
pub(crate) fn is_ours(bytes: &[u8]) -> bool {
    const SCHEMA_START: &[u8] = b"gristmill/manifest/";
    bytes.windows(SCHEMA_START.len()).any(|window| window == SCHEMA_START)
}
