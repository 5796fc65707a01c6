//! A remote object as a file that is read in blocks.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::requests::wait;

/// Bytes of one request to an object store.
const BLOCK_BYTES: u64 = 8 << 20;

/// A remote object as a blocking, seekable reader.
pub(super) struct RangedReader {
    store: Arc<dyn ObjectStore>,
    path: ObjectPath,
    bytes: u64,
    position: u64,
    block: Bytes,
    block_start: u64,
}

impl RangedReader {
    pub(super) fn new(store: Arc<dyn ObjectStore>, path: ObjectPath, bytes: u64) -> Self {
        Self { store, path, bytes, position: 0, block: Bytes::new(), block_start: 0 }
    }
}

impl Read for RangedReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.bytes {
            return Ok(0);
        }
        let block_end = self.block_start + self.block.len() as u64;
        if !(self.block_start..block_end).contains(&self.position) {
            let end = (self.position + BLOCK_BYTES).min(self.bytes);
            let (store, path, range) = (self.store.clone(), self.path.clone(), self.position..end);
            self.block = wait(async move { store.get_range(&path, range).await })?;
            self.block_start = self.position;
        }
        let rest = &self.block[(self.position - self.block_start) as usize..];
        let n = rest.len().min(out.len());
        out[..n].copy_from_slice(&rest[..n]);
        self.position += n as u64;
        Ok(n)
    }
}

impl Seek for RangedReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(delta) => self.bytes.checked_add_signed(delta),
            SeekFrom::Current(delta) => self.position.checked_add_signed(delta),
        };
        let out_of_range = || io::Error::new(io::ErrorKind::InvalidInput, "seek before the start");
        self.position = position.ok_or_else(out_of_range)?;
        Ok(self.position)
    }
}
