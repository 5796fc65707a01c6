//! Models in the formats of other programs, written and read: Hugging Face's folders and GGUF.
//!
//! Writing returns names and bytes, and the caller stores them. Reading takes bytes, or a folder.

pub(crate) mod gguf;
pub(crate) mod hf;

use crate::config::{Activation, ModelConfig};
use crate::error::{ModelError, refuse};

/// The special ids of a tokenizer, which an export states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpecialIds {
    /// The id that begins a text.
    pub bos: Option<u32>,
    /// The id that ends a text.
    pub eos: Option<u32>,
}

/// The name of this shape in public formats: `llama` or `qwen3`.
///
/// # Errors
/// The shape has a part that neither of them has.
pub(crate) fn architecture(config: &ModelConfig) -> Result<&'static str, ModelError> {
    if config.activation != Activation::Swiglu {
        let way_out = "Llama and Qwen3 have \"swiglu\" only; such a model stays in its checkpoint";
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
