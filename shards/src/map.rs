//! Memory maps.

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;
use store::StoreError;

use crate::Result;

/// Maps a file into memory; `None` when it is empty, since an empty file cannot be mapped.
#[expect(
    unsafe_code,
    reason = "the only memory map: shards and plans are complete when they get their names"
)]
pub(crate) fn map(path: &Path) -> Result<Option<Mmap>> {
    let io = |e| StoreError::io(path, "map", e);
    let file = File::open(path).map_err(io)?;
    if file.metadata().map_err(io)?.len() == 0 {
        return Ok(None);
    }
    // SAFETY: a published file is never written again. It can only be replaced by a rename, after
    // which this map still shows the old file. Its bytes are integers, and every pattern is valid.
    Ok(unsafe { Mmap::map(&file) }.map(Some).map_err(io)?)
}
