//! SentencePiece models (Kudo and Richardson 2018). They are encoded like SentencePiece does it,
//! and written as the closest `tokenizer.json`.

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
