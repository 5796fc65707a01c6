//! Token shards: one headerless little-endian payload that several trainers read as it is.
//!
//! A dataset is a folder with one `shards.json` ([`ShardManifest`]) and, for each shard,
//!
//! - `SPLIT-NNNNN.bin`: the token ids. Documents are contiguous, never split across shards, and each
//!   ends with the end-of-text token. An id takes two bytes where the vocabulary allows it, else
//!   four;
//! - `SPLIT-NNNNN.idx`: Megatron-LM's index, version 1, with one sequence per document;
//! - `SPLIT-NNNNN.sums`: the digest of each block of both files.
//!
//! The payload is at once nanoGPT's `train.bin`, Megatron's `.bin`, datatrove's `.ds` and OLMo's
//! `.npy` (which is a bare array despite the name). `shards.json` is written last, and its `root` is
//! the dataset's id.
//!
//! All datasets are written by [`DatasetWriter`], or shard by shard by its parts: [`ShardCut`]
//! decides which shard a document belongs to, [`ShardWriter`] writes the three files of one shard,
//! and [`ShardManifest::publish`] writes the description.

mod counts;
mod cut;
mod index;
mod manifest;
mod merkle;
mod place;
mod reader;
mod remote;
mod shard;
mod shard_writer;
mod split;
mod sums;
#[cfg(test)]
mod tests;
mod token_bytes;
mod token_type;
mod verify;
mod writer;

pub use counts::{Counts, SourceCounts, SourceTotals};
pub use cut::ShardCut;
pub use manifest::{ShardEntry, ShardManifest};
pub use place::{check_place, move_dataset};
pub use reader::Dataset;
pub use remote::{RemoteDataset, Uploaded, upload};
pub use shard::Shard;
pub use shard_writer::{Document, ShardWriter, Tokens};
pub use split::{Split, ValidationRule};
pub use token_bytes::{read_token_bytes, write_token_bytes};
pub use token_type::TokenType;
pub use verify::{Fault, Finding, Verified, check_file, verify};
pub use writer::{DatasetWriter, WrittenShards};
