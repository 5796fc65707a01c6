//! Converts a `vocab.txt` of WordPiece to an equivalent `tokenizer.json`.
//!
//! Normalising and splitting are BERT's (Devlin et al. 2019, `BasicTokenizer`): control characters
//! are removed, and Chinese characters and punctuation are separate words.

use serde_json::{Map, Value, json};

use crate::error::{EncoderError, Result};

/// The control tokens that such a vocabulary may have.
const SPECIAL: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/// The prefix of tokens that do not begin a word.
const PREFIX: &str = "##";

/// Longer words, in characters, become the token for unknown words.
const MAX_WORD_CHARACTERS: usize = 100;

fn malformed(file: &'static str, reason: impl Into<String>) -> EncoderError {
    EncoderError::Malformed { file, reason: reason.into() }
}

/// The `tokenizer.json` of a vocabulary and of its `tokenizer_config.json`, if there is one.
/// Missing settings have BERT's defaults.
pub(crate) fn to_json(vocab: &str, config: Option<&str>) -> Result<Value> {
    let config: Value = match config {
        Some(text) => serde_json::from_str(text)
            .map_err(|error| malformed("tokenizer_config.json", error.to_string()))?,
        None => Value::Null,
    };
    let mut ids = Map::new();
    for (id, token) in vocab.lines().enumerate() {
        // If a token occurs twice, its last id counts, as in BERT's reader.
        ids.insert(token.trim_end().to_owned(), id.into());
    }
    let unknown = config["unk_token"].as_str().unwrap_or(SPECIAL[1]);
    if !ids.contains_key(unknown) {
        return Err(malformed("vocab.txt", format!("no token {unknown:?} for unknown words")));
    }
    let is_special = |token: &&str| SPECIAL.contains(token) || *token == unknown;
    let added: Vec<Value> = (ids.iter())
        .filter(|(token, _)| is_special(&token.as_str()))
        .map(|(token, id)| {
            json!({
                "id": id, "content": token, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true,
            })
        })
        .collect();
    let has_capitals = (ids.keys())
        .filter(|token| !token.starts_with('['))
        .any(|token| token.chars().any(|character| character.is_ascii_uppercase()));
    let option = |name: &str, default: bool| config[name].as_bool().unwrap_or(default);
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": true,
            "handle_chinese_chars": option("tokenize_chinese_chars", true),
            "strip_accents": config["strip_accents"].as_bool(),
            "lowercase": option("do_lower_case", !has_capitals),
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": null,
        "decoder": {"type": "WordPiece", "prefix": PREFIX, "cleanup": true},
        "model": {
            "type": "WordPiece",
            "unk_token": unknown,
            "continuing_subword_prefix": PREFIX,
            "max_input_chars_per_word": MAX_WORD_CHARACTERS,
            "vocab": ids,
        },
    }))
}
