//! Token shards: one headerless little-endian payload that several trainers read as it is.
//!
//! A dataset is a folder with, for each shard, `SPLIT-NNNNN.bin` (the token ids, documents
//! contiguous and each ended by the end-of-text token; u16 when the vocabulary allows, else u32)
//! and `SPLIT-NNNNN.idx` (Megatron-LM's version 1 index, one sequence a document), and one
//! `shards.json`. The payload is at once nanoGPT's `train.bin`, Megatron's `.bin`, datatrove's
//! `.ds` and OLMo's `.npy` (which is no NumPy file but a bare array).

mod index;
mod manifest;
mod reader;
mod writer;

pub use index::{index_bytes, read_index};
pub use manifest::{ShardEntry, ShardManifest, Split, TokenType};
pub use reader::Dataset;
pub use writer::ShardWriter;
