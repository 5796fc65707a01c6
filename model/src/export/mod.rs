//! Models in the formats of others: Hugging Face's folders and GGUF, out and in.
//!
//! Writing returns names and bytes; where they go is the caller's business. Reading takes bytes, or a folder.

pub mod gguf;
pub mod hf;

use crate::config::Activation;
use crate::error::refuse;
use crate::{ModelConfig, ModelError};

/// What a tokenizer adds to an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpecialIds {
    /// The id that begins a text.
    pub bos: Option<u32>,
    /// The id that ends a text.
    pub eos: Option<u32>,
}

/// The name that a public format has for this shape: `llama` or `qwen3`.
///
/// # Errors
/// The shape has a part that these do not know.
pub(crate) fn architecture(config: &ModelConfig) -> Result<&'static str, ModelError> {
    if config.activation != Activation::Swiglu {
        let way_out = "Llama and Qwen3 know \"swiglu\" only; such a model stays in its checkpoint";
        return Err(refuse("activation", "\"relu2\"", way_out));
    }
    if config.logit_softcap != 0.0 {
        let way_out = "Llama and Qwen3 do not cap logits; such a model stays in its checkpoint";
        return Err(refuse("logit_softcap", config.logit_softcap, way_out));
    }
    Ok(if config.qk_norm { "qwen3" } else { "llama" })
}

/// The error for a file of another program that cannot be used.
pub(crate) fn bad_file(file: &str, reason: impl std::fmt::Display) -> ModelError {
    ModelError::BadFile { file: file.to_owned(), reason: reason.to_string() }
}
