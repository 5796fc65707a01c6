//! Byte-level byte-pair encoding: split text into pieces, count the pieces, learn merges from the
//! counts, encode text to ids and decode ids to bytes, and read and write `tokenizer.json`.
//!
//! The rules are those of Hugging Face's `tokenizers` for byte-level BPE: for the same pieces and
//! settings the merges, the ids and the exported file mean the same. Counts are `u64`, so the
//! results stay right above 2³¹ occurrences, where that library's `i32` counts wrap.
//!
//! ```
//! use tokenizer::{Split, TrainConfig, WordCounts, train};
//!
//! let mut counts = WordCounts::new();
//! counts.add_text(Split::Gpt4, "low lower lowest low low");
//! let config = TrainConfig { vocab_size: 262, ..TrainConfig::default() };
//! config.validate()?;
//! let tokenizer = train(&counts, &config, &mut |_done, _total| {});
//! let mut ids = Vec::new();
//! tokenizer.encode("lower", &mut ids);
//! assert_eq!(tokenizer.decode(&ids), b"lower");
//! # Ok::<(), tokenizer::TokenizerError>(())
//! ```

mod added;
mod alphabet;
mod base64;
mod batch;
mod bounded;
mod bpe;
mod count;
mod count_file;
mod count_merge;
mod encode;
mod error;
mod json;
mod key;
mod learn;
mod merges;
mod order;
mod profile;
mod split;
mod symbols;
mod tiktoken;
mod tokenizer;
mod train;
mod vocab_merges;
mod vocabulary;
mod windows;
mod words;

#[cfg(test)]
mod tests;

pub use bounded::{BoundedCounts, RunStore};
pub use count::{MAX_WORD_BYTES, WordCounts};
pub use count_file::{CountsReader, CountsWriter};
pub use count_merge::{MergedCounts, temperature_weights};
pub use encode::Encoder;
pub use error::TokenizerError;
pub use profile::Profile;
pub use split::{Pieces, Split};
pub use tiktoken::TiktokenEncoding;
pub use tokenizer::Tokenizer;
pub use train::{MAX_VOCAB_SIZE, TrainConfig, Trainer, train};
