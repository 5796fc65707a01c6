//! `NAME.sums`: the digest of each block of a shard's payload and index. With it damage is located
//! to the block, and a reader checks only the blocks that it reads.
//!
//! Layout, little-endian: `GRISTSUM`, u64 block bytes (1 MiB), u64 payload bytes, u64 index bytes,
//! then 32 bytes of BLAKE3 for each block of the payload and for each of the index; the last block
//! of each may be shorter. `shards.json` holds the BLAKE3 of the whole file.

const MAGIC: &[u8; 8] = b"GRISTSUM";
const HEADER_BYTES: usize = 32;

/// Bytes that one digest covers. At 1 MiB the sums are 1/32,768 of the payload and a block takes
/// well under a millisecond to check.
pub(super) const BLOCK_BYTES: u64 = 1 << 20;

/// Bytes of one digest.
const DIGEST_BYTES: usize = 32;

/// BLAKE3 of a block.
pub(super) type BlockDigest = [u8; DIGEST_BYTES];

/// The digests of one file's blocks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FileSums {
    /// The file's size.
    pub(super) bytes: u64,
    /// The digest of each block.
    pub(super) blocks: Vec<BlockDigest>,
}

/// The digests of a shard's two files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sums {
    /// Of `NAME.bin`.
    pub(super) payload: FileSums,
    /// Of `NAME.idx`.
    pub(super) index: FileSums,
}

impl Sums {
    /// The size of the file for a payload and an index of these sizes.
    pub(super) fn bytes_for(payload_bytes: u64, index_bytes: u64) -> u64 {
        let n_blocks = payload_bytes.div_ceil(BLOCK_BYTES) + index_bytes.div_ceil(BLOCK_BYTES);
        HEADER_BYTES as u64 + n_blocks * DIGEST_BYTES as u64
    }

    /// The file's content.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let n = self.payload.blocks.len() + self.index.blocks.len();
        let mut bytes = Vec::with_capacity(HEADER_BYTES + n * DIGEST_BYTES);
        bytes.extend_from_slice(MAGIC);
        for number in [BLOCK_BYTES, self.payload.bytes, self.index.bytes] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend(self.payload.blocks.iter().chain(&self.index.blocks).flatten());
        bytes
    }

    /// Reads a file's content; `None` when it is not a file of sums.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let u64_at = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        if bytes.get(..8)? != MAGIC || u64_at(8)? != BLOCK_BYTES {
            return None;
        }
        let (payload_bytes, index_bytes) = (u64_at(16)?, u64_at(24)?);
        let (digests, rest) = bytes.get(HEADER_BYTES..)?.as_chunks::<DIGEST_BYTES>();
        let n_payload = usize::try_from(payload_bytes.div_ceil(BLOCK_BYTES)).ok()?;
        let n_index = usize::try_from(index_bytes.div_ceil(BLOCK_BYTES)).ok()?;
        if !rest.is_empty() || n_payload.checked_add(n_index)? != digests.len() {
            return None;
        }
        let (payload, index) = digests.split_at(n_payload);
        Some(Self {
            payload: FileSums { bytes: payload_bytes, blocks: payload.to_vec() },
            index: FileSums { bytes: index_bytes, blocks: index.to_vec() },
        })
    }
}

/// Digests a stream of bytes block by block.
#[derive(Default)]
pub(super) struct BlockHasher {
    block: blake3::Hasher,
    sums: FileSums,
}

impl BlockHasher {
    /// The sums of these bytes.
    pub(super) fn sums_of(bytes: &[u8]) -> FileSums {
        let mut hasher = Self::default();
        hasher.update(bytes);
        hasher.finish()
    }

    /// Adds bytes.
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = BLOCK_BYTES - self.sums.bytes % BLOCK_BYTES;
            let (now, later) = bytes.split_at((room as usize).min(bytes.len()));
            self.block.update(now);
            self.sums.bytes += now.len() as u64;
            if self.sums.bytes.is_multiple_of(BLOCK_BYTES) {
                self.close_block();
            }
            bytes = later;
        }
    }

    fn close_block(&mut self) {
        self.sums.blocks.push(*self.block.finalize().as_bytes());
        self.block.reset();
    }

    /// The sums of all bytes added.
    pub(super) fn finish(mut self) -> FileSums {
        if !self.sums.bytes.is_multiple_of(BLOCK_BYTES) {
            self.close_block();
        }
        self.sums
    }
}
