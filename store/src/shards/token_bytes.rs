//! `token_bytes.bin`: how many bytes of text each token id stands for, u16 little-endian by id.
//!
//! A loss in nats a token becomes bits a byte with it, which compares models of different
//! vocabularies. 0 marks ids that are not counted: special tokens, which stand for no text.

use std::path::Path;

use super::ShardManifest;
use super::publish::{Publish, path_in};
use crate::{FileEntry, Result, StoreError};

/// The file's name in the folder.
pub const TOKEN_BYTES_FILE: &str = "token_bytes.bin";

/// Publishes the table in `folder` of the target; the entry goes into [`ShardManifest::files`].
pub fn write_token_bytes(
    target: &dyn Publish,
    folder: &str,
    token_bytes: &[u16],
) -> Result<FileEntry> {
    let bytes: Vec<u8> = token_bytes.iter().flat_map(|n| n.to_le_bytes()).collect();
    target.publish_bytes(&path_in(folder, TOKEN_BYTES_FILE), &bytes)
}

/// The table of the dataset in `folder`, by id; `None` when it has none.
///
/// Fails when the file is not the one that the manifest names.
pub fn read_token_bytes(folder: &Path, manifest: &ShardManifest) -> Result<Option<Vec<u16>>> {
    let Some(entry) = manifest.files.iter().find(|file| file.path == TOKEN_BYTES_FILE) else {
        return Ok(None);
    };
    let path = folder.join(TOKEN_BYTES_FILE);
    let bytes = std::fs::read(&path).map_err(|e| StoreError::io(&path, "read", e))?;
    let (pairs, rest) = bytes.as_chunks::<2>();
    if crate::digest(&bytes) != entry.blake3 || !rest.is_empty() {
        let message =
            "its content is not what was written; `gristmill shards verify` tells more".into();
        return Err(StoreError::Unreadable { path, message });
    }
    Ok(Some(pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect()))
}
