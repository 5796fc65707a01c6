//! A `.model` of SentencePiece (Kudo and Richardson 2018) as the `tokenizer.json` that means the same.

mod json;
mod message;
mod model;

pub(crate) use json::to_json;
