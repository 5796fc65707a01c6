//! One type for all tokenizers.
//!
//! The crate `tokenizer` encodes byte-level BPE, and BPE over characters with byte fallback.
//! SentencePiece models are encoded exactly like SentencePiece does it. Hugging Face's crate
//! `tokenizers` encodes the rest: WordPiece, WordLevel, Unigram from other files, and other forms
//! of BPE. An [`AnyTokenizer`] is read from a file whose name tells its format: `tokenizer.json`
//! 1.0 and 2.0, `NAME.tiktoken`, `vocab.json` with `merges.txt`, `vocab.txt` of WordPiece,
//! `NAME.gguf`, and `NAME.model` of SentencePiece.
//!
//! Texts cannot spell control tokens: with every implementation, `<|endoftext|>`, `</s>` or `[SEP]`
//! in a document is encoded as ordinary text.
//!
//! ```
//! use encoder::AnyTokenizer;
//!
//! let json = r#"{
//!     "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
//!     "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null,
//!     "decoder": {"type": "WordPiece", "prefix": "\u0023\u0023", "cleanup": false},
//!     "model": {
//!         "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "\u0023\u0023",
//!         "max_input_chars_per_word": 100,
//!         "vocab": {"[UNK]": 0, "low": 1, "\u0023\u0023er": 2}
//!     }
//! }"#;
//! let tokenizer = AnyTokenizer::from_json(json)?;
//! let mut encoder = tokenizer.encoder();
//! let mut ids = Vec::new();
//! encoder.encode("low lower", &mut ids)?;
//! assert_eq!(ids, [1, 1, 2]);
//! assert_eq!(tokenizer.decode(&ids)?, b"low lower");
//! # Ok::<(), encoder::EncoderError>(())
//! ```

mod any;
mod bytes;
mod error;
mod file;
mod gguf;
mod guard;
mod library;
mod sentencepiece;
mod word_piece;

#[cfg(test)]
mod tests;

pub use any::{AnyEncoder, AnyTokenizer};
pub use error::EncoderError;
