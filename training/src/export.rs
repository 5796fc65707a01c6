//! Export of a model to other formats.

use std::io::Cursor;
use std::path::Path;

use candle_core::quantized::gguf_file::{Content, Value};
use encoder::AnyTokenizer;
use model::{Precision, SpecialIds, to_gguf, to_hf_files};
use serde_json::json;
use store::layout::TOKENIZER;
use store::{Publish as _, StagedFolder};

use crate::error::{Result, TrainingError};
use crate::folder::ModelFolder;

/// Writes `config.json`, `model.safetensors`, `generation_config.json` and the tokenizer's files
/// into the new folder `output`, and returns their names.
///
/// # Errors
/// The model cannot be converted, or the folder cannot be written.
pub fn export_hf(from: &ModelFolder, precision: Precision, output: &Path) -> Result<Vec<String>> {
    let staged = StagedFolder::create(output)?;
    let eos = from.tokenizer.as_ref().and_then(AnyTokenizer::end_of_text);
    let mut files: Vec<(String, Vec<u8>)> =
        to_hf_files(&from.model, SpecialIds { bos: None, eos }, precision)?
            .into_iter()
            .map(|(name, bytes)| (name.to_owned(), bytes))
            .collect();
    if let Some(tokenizer) = &from.tokenizer {
        files.push((TOKENIZER.into(), tokenizer.to_json().into_bytes()));
        files
            .push(("tokenizer_config.json".into(), tokenizer_config(from, tokenizer).into_bytes()));
    }
    for (name, bytes) in &files {
        staged.publish_bytes(name, bytes)?;
    }
    staged.finish()?;
    Ok(files.into_iter().map(|(name, _)| name).collect())
}

/// The settings that `transformers` needs besides the tokenizer's file.
fn tokenizer_config(from: &ModelFolder, tokenizer: &AnyTokenizer) -> String {
    let specials = tokenizer.special_tokens();
    let end = tokenizer.end_of_text();
    let end = specials.iter().find(|(_, id)| Some(*id) == end).map(|(text, _)| *text);
    let config = json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": from.model.config().context,
        "eos_token": end,
        "clean_up_tokenization_spaces": false,
    });
    format!("{config:#}\n")
}

/// Writes `model.gguf` with weights and vocabulary into the new folder `output`; returns its name.
///
/// # Errors
/// The tokenizer is not byte-level BPE, the model cannot be converted, or the folder cannot be
/// written.
pub fn export_gguf(
    from: &ModelFolder,
    name: &str,
    precision: Precision,
    output: &Path,
) -> Result<Vec<String>> {
    let staged = StagedFolder::create(output)?;
    // A model without a tokenizer is exported without a vocabulary.
    let vocabulary = from.tokenizer.as_ref().map(vocabulary).transpose()?.unwrap_or_default();
    let bytes = to_gguf(&from.model, name, precision, &vocabulary)?;
    staged.publish_bytes("model.gguf", &bytes)?;
    staged.finish()?;
    Ok(vec!["model.gguf".into()])
}

/// The vocabulary as GGUF metadata, under llama.cpp's keys.
fn vocabulary(tokenizer: &AnyTokenizer) -> Result<Vec<(String, Value)>> {
    let Some(own) = tokenizer.as_own() else {
        let message =
            format!("a tokenizer of the kind {} cannot be exported to GGUF", tokenizer.kind());
        return Err(TrainingError::Refused(message));
    };
    let gguf = own.to_gguf().map_err(encoder::EncoderError::from)?;
    let content = Content::read(&mut Cursor::new(gguf));
    let content = content.map_err(model::ModelError::from)?;
    let mut keys: Vec<(String, Value)> = content.metadata.into_iter().collect();
    keys.retain(|(key, _)| key.starts_with("tokenizer."));
    keys.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(keys)
}
