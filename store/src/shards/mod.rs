//! Token shards: one headerless little-endian payload that several trainers read as it is.
//!
//! A dataset is a folder with one `shards.json` ([`ShardManifest`]) and, for each shard,
//!
//! - `SPLIT-NNNNN.bin`: the token ids, documents contiguous and never split over shards, each ended
//!   by the end-of-text token; u16 when the vocabulary allows, else u32;
//! - `SPLIT-NNNNN.idx`: Megatron-LM's version 1 index, one sequence a document;
//! - `SPLIT-NNNNN.sums`: the digest of each block of both ([`Sums`]).
//!
//! The payload is at once nanoGPT's `train.bin`, Megatron's `.bin`, datatrove's `.ds` and OLMo's
//! `.npy` (which is no NumPy file but a bare array). `shards.json` is written last, and its `root` is
//! the dataset's id.

mod ahead;
mod check;
mod cut;
mod dataset_writer;
mod finding;
mod index;
mod manifest;
mod merkle;
pub(crate) mod objects;
mod publish;
mod reader;
pub(crate) mod remote;
mod scan;
mod shard;
mod staged;
mod sums;
mod token_bytes;
pub(crate) mod upload;
mod verify;
pub(crate) mod writer;

pub use cut::ShardCut;
pub use dataset_writer::DatasetWriter;
pub use finding::{Fault, Finding};
pub use index::{index_bytes, read_index};
pub use manifest::{
    Counts, ShardEntry, ShardManifest, SourceCounts, SourceTotals, Split, TokenType, ValidationRule,
};
pub use publish::Publish;
pub use reader::Dataset;
pub use remote::RemoteDataset;
pub use shard::Shard;
pub use staged::StagedFolder;
pub use sums::{BLOCK_BYTES, BlockDigest, BlockHasher, FileSums, Sums};
pub use token_bytes::{TOKEN_BYTES_FILE, read_token_bytes, write_token_bytes};
pub use upload::{Uploaded, upload};
pub use verify::{Verified, check_file, verify};
pub use writer::{Document, PAYLOAD_BYTES_MAX, ShardWriter};
