//! Any tokenizer that can encode, behind one type.
//!
//! Byte-level BPE, and BPE over characters with byte fallback, is encoded by the crate `tokenizer`; models
//! of SentencePiece as SentencePiece encodes them; what else there is (WordPiece, WordLevel, Unigram from
//! other files, other forms of BPE) by Hugging Face's crate `tokenizers`. An [`AnyTokenizer`] is told apart by its file: `tokenizer.json` 1.0 and 2.0,
//! `NAME.tiktoken`, `vocab.json` with `merges.txt`, `vocab.txt` of WordPiece, `NAME.gguf`, and
//! `NAME.model` of SentencePiece.
//!
//! Texts cannot spell control tokens: `<|endoftext|>`, `</s>` or `[SEP]` in a document is encoded as
//! the text it is, whoever encodes.
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
mod guard;
mod library;
mod sentencepiece;
mod word_piece;

#[cfg(test)]
mod tests;

pub use any::{AnyEncoder, AnyTokenizer};
pub use error::EncoderError;
pub use file::TokenizerFile;
