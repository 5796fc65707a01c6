//! Byte-level byte-pair encoding: split text into pieces, count the pieces, learn merges from the
//! counts, encode text to ids and decode ids to bytes, and read and write `tokenizer.json` (versions
//! 1.0 and 2.0), `.tiktoken`, `vocab.json` with `merges.txt`, and GGUF vocabularies.
//!
//! The rules are those of Hugging Face's `tokenizers` for byte-level BPE: for the same pieces and
//! settings the merges, the ids and the exported file mean the same; a [`Profile`] gives another
//! trainer's. Counts are `u64`, so the results stay right above 2³¹ occurrences, where that
//! library's `i32` counts wrap.
//!
//! Counts outlive the run that made them: [`WordCounts::write_to`] writes a count file,
//! [`MergedCounts`] merges any number of them with weights, and a [`Trainer`] takes the words one by
//! one.
//!
//! A [`SourceReport`] tells from the same counts how a tokenizer and the smaller ones that
//! [`Tokenizer::cut_to`] makes of it encode a source or a language.
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
//!
//! A mix of two sources by weight, from their count files:
//!
//! ```
//! use tokenizer::{CountsReader, MergedCounts, Split, TrainConfig, Trainer, WordCounts};
//!
//! let file = |text| {
//!     let (mut counts, mut bytes) = (WordCounts::new(), Vec::new());
//!     counts.add_text(Split::Gpt4, text);
//!     counts.write_to(Split::Gpt4, &mut bytes).map(|()| bytes)
//! };
//! let (prose, code) = (file("aa aa aa")?, file("bb bb")?);
//! let readers = vec![(CountsReader::new(&prose[..])?, 1), (CountsReader::new(&code[..])?, 2)];
//! let mut merged = MergedCounts::new(readers)?;
//! let mut trainer = Trainer::new(&TrainConfig { vocab_size: 258, ..TrainConfig::default() });
//! while let Some((word, count)) = merged.next_word()? {
//!     trainer.add_word(word, count);
//! }
//! let tokenizer = trainer.train(&mut |_done, _total| {});
//! assert_eq!(tokenizer.token_bytes(257), Some(&b"bb"[..]));
//! # Ok::<(), std::io::Error>(())
//! ```

mod added;
mod alphabet;
mod base64;
mod batch;
mod bpe;
mod characters;
mod count;
mod cut;
mod encode;
mod error;
mod gguf;
mod joins;
mod json;
mod json_characters;
mod json_split;
mod key;
mod learn;
mod long_words;
mod merges;
mod profile;
mod report;
mod split;
mod tiktoken;
mod tokenizer;
mod train;
mod vocab_merges;
mod vocabulary;
mod windows;
mod words;

#[cfg(test)]
mod tests;

pub use alphabet::read as byte_level_bytes;
pub use base64::{base64, decode as base64_bytes};
pub use count::{
    CountsReader, CountsWriter, MAX_WORD_BYTES, MergedCounts, WordCounts, temperature_weights,
};
pub use encode::Encoder;
pub use error::TokenizerError;
pub use profile::Profile;
pub use report::{Efficiency, Oddity, SourceReport};
pub use split::{Pieces, RegexSplit, Split};
pub use tiktoken::TiktokenEncoding;
pub use tokenizer::Tokenizer;
pub use train::{MAX_VOCAB_SIZE, TrainConfig, Trainer, train};
