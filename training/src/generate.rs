//! Generation of text.

use encoder::AnyTokenizer;
use model::{GenerateConfig, Llama, generate_text};

use crate::error::Result;

/// Number of tokens in the report's sample.
const SAMPLE_TOKENS: usize = 96;

/// A short continuation of `prompt`, for the report.
pub(crate) fn sample(
    model: &Llama,
    tokenizer: &AnyTokenizer,
    prompt: &str,
    seed: u64,
) -> Result<String> {
    let settings = GenerateConfig { max_tokens: SAMPLE_TOKENS, seed, ..GenerateConfig::default() };
    let text = continue_text(model, tokenizer, prompt, &settings, &[], &mut |_| true)?;
    Ok(format!("{prompt}{}", text.text))
}

/// Continues `prompt` until the end-of-text token, or until just before one of `stops`.
///
/// `each` takes the text as it is generated and answers whether to continue.
///
/// # Errors
/// The tokenizer cannot encode the prompt, or the model cannot compute.
pub fn continue_text(
    model: &Llama,
    tokenizer: &AnyTokenizer,
    prompt: &str,
    settings: &GenerateConfig,
    stops: &[String],
    each: &mut dyn FnMut(&str) -> bool,
) -> Result<model::Text> {
    let mut ids = Vec::new();
    tokenizer.encoder().encode(prompt, &mut ids)?;
    if ids.is_empty() {
        ids.extend(tokenizer.end_of_text());
    }
    // A model may have more ids than its tokenizer; those stand for no text.
    let bytes_of = |id| tokenizer.token_bytes(id).unwrap_or_default().into_owned();
    let ends = (&bytes_of as &dyn Fn(u32) -> Vec<u8>, tokenizer.end_of_text());
    Ok(generate_text(model, &ids, settings, ends, stops, each)?)
}
