//! Memory maps.

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;
use store::StoreError;

use crate::Result;

/// Maps a file; `None` when it is empty, since an empty file cannot be mapped.
#[expect(unsafe_code, reason = "the one memory map: shards and plans are renamed into place whole")]
pub(crate) fn map(path: &Path) -> Result<Option<Mmap>> {
    let io = |e| StoreError::io(path, "map", e);
    let file = File::open(path).map_err(io)?;
    if file.metadata().map_err(io)?.len() == 0 {
        return Ok(None);
    }
    // SAFETY: a published file is never written again, only replaced by rename, which leaves this
    // map on the old file; its bytes are plain integers of which every pattern is valid.
    Ok(unsafe { Mmap::map(&file) }.map(Some).map_err(io)?)
}
