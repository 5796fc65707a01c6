//! Byte-level byte-pair encoding: splits text into pieces, counts the pieces, learns merges from
//! the counts, encodes text to ids and decodes ids to bytes. It reads and writes `tokenizer.json`
//! (versions 1.0 and 2.0), `.tiktoken`, `vocab.json` with `merges.txt`, and the vocabularies of
//! GGUF files.
//!
//! The rules are those of byte-level BPE in Hugging Face's `tokenizers`: the same pieces and
//! settings give the same merges and ids, and equivalent files. A [`Profile`] selects the rules of
//! another trainer. Counts are `u64`, so the results stay correct above 2³¹ occurrences, where the
//! `i32` counts of that library overflow.
//!
//! Counts can be stored: [`WordCounts::write_to`] writes a count file, [`MergedCounts`] merges any
//! number of them with weights, and a [`Trainer`] takes the words one by one.
//!
//! From the same counts, a [`SourceReport`] shows how well a tokenizer, and the smaller ones made
//! by [`Tokenizer::cut_to`], encode a source or a language.
//!
//! ```
//! use tokenizer::{Split, TrainConfig, WordCounts, train};
//!
//! let mut counts = WordCounts::new();
//! counts.add_text(Split::Gpt4, "low lower lowest low low");
//! let config = TrainConfig { vocab_size: 262, ..TrainConfig::default() };
//! config.validate()?;
//! let tokenizer = train(&counts, &config, &mut |_done, _total| {})?;
//! let mut ids = Vec::new();
//! tokenizer.encode("lower", &mut ids);
//! assert_eq!(tokenizer.decode(&ids), b"lower");
//! # Ok::<(), tokenizer::TokenizerError>(())
//! ```
//!
//! A weighted mix of two sources, from their count files:
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
//! let tokenizer = trainer.train(&mut |_done, _total| {})?;
//! assert_eq!(tokenizer.token_bytes(257), Some(&b"bb"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod added;
mod alphabet;
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
mod model;
mod profile;
mod report;
mod split;
mod tables;
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
pub use count::{
    CountsReader, CountsWriter, MAX_WORD_BYTES, MergedCounts, WordCounts, temperature_weights,
};
pub use encode::Encoder;
pub use error::TokenizerError;
pub use gguf::GgufVocabulary;
pub use profile::Profile;
pub use report::{Efficiency, Oddity, SourceReport};
pub use split::{Pieces, RegexSplit, Split};
pub use tiktoken::TiktokenEncoding;
pub use tokenizer::Tokenizer;
pub use train::{TrainConfig, Trainer, train};
