//! Models of SentencePiece (Kudo and Richardson 2018): encoded as SentencePiece does, and written as the
//! `tokenizer.json` that comes closest.

mod bpe;
mod json;
mod message;
mod model;
mod normalizer;
mod processor;
mod trie;
mod unigram;

pub(crate) use json::{from_json, to_json};
pub(crate) use model::SentencePieceModel;
pub(crate) use processor::{SentencePiece, Work};
