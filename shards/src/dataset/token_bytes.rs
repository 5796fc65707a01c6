//! `token_bytes.bin`: how many bytes of text each token id stands for, u16 little-endian by id.
//!
//! The table converts a loss in nats per token to bits per byte, which can be compared between
//! models with different vocabularies. Special tokens, which stand for no text, have 0.

use std::path::Path;

use store::{FileEntry, Publish, StoreError};

use super::manifest::ShardManifest;
use crate::{Result, ShardError};

/// The file's name in the folder.
const TOKEN_BYTES_FILE: &str = "token_bytes.bin";

/// Publishes the table in the folder of a dataset; the entry belongs in [`ShardManifest::files`].
///
/// # Errors
/// The file cannot be written.
pub fn write_token_bytes(folder: &dyn Publish, token_bytes: &[u16]) -> Result<FileEntry> {
    let bytes: Vec<u8> = token_bytes.iter().flat_map(|n| n.to_le_bytes()).collect();
    Ok(folder.publish_bytes(TOKEN_BYTES_FILE, &bytes)?)
}

/// Reads the table of the dataset in `folder`, by id; `None` when the dataset has none.
///
/// # Errors
/// [`ShardError::Unreadable`] when the file is not the one that the manifest names; or the disk
/// refuses to read it.
pub fn read_token_bytes(folder: &Path, manifest: &ShardManifest) -> Result<Option<Vec<u16>>> {
    let Some(entry) = manifest.files.iter().find(|file| file.path == TOKEN_BYTES_FILE) else {
        return Ok(None);
    };
    let path = folder.join(TOKEN_BYTES_FILE);
    let bytes = std::fs::read(&path).map_err(|e| StoreError::io(&path, "read", e))?;
    let (pairs, rest) = bytes.as_chunks::<2>();
    if store::digest(&bytes) != entry.blake3 || !rest.is_empty() {
        let message = "its content is not what was written; see `gristmill shards verify`".into();
        return Err(ShardError::Unreadable { path, message });
    }
    Ok(Some(pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect()))
}
