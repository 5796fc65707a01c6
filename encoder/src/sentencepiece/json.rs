//! The `tokenizer.json` of a `.model`.
//!
//! The rules are those of SentencePiece's normaliser (`normalizer.cc`): characters by the compiled
//! rules, spaces of more than one and at the ends away, a space before the text, spaces spelled `▁`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::model::{ModelType, Piece, PieceKind, SentencePieceModel, malformed};
use crate::error::{EncoderError, Result};

/// How a space is spelled.
const SPACE: char = '▁';

/// A run of spaces and what follows it, up to the next one.
const SPACES_AND_WORD: &str = "▁*[^▁]+|▁+";

/// The most merges, as the crate `tokenizer` has it.
const MAX_MERGES: usize = (1 << 25) - 1;

/// The `tokenizer.json` that means the same as the `.model` in `bytes`.
///
/// # Errors
/// [`EncoderError::Malformed`] where it is not such a file, [`EncoderError::Unsupported`] for models
/// of words or characters and for spaces at the end of words.
pub(crate) fn to_json(bytes: &[u8]) -> Result<Value> {
    let model = SentencePieceModel::read(bytes)?;
    let refuse = |reason: &str| {
        Err(EncoderError::Unsupported { file: "SentencePiece model", reason: reason.to_owned() })
    };
    if model.treat_whitespace_as_suffix {
        return refuse(
            "trainer_spec.treat_whitespace_as_suffix: spaces before words are read only",
        );
    }
    if !model.escape_whitespaces {
        return refuse(
            "normalizer_spec.escape_whitespaces = false: spaces spelled ▁ are read only",
        );
    }
    let fields = match model.model_type {
        ModelType::Unigram => unigram(&model)?,
        ModelType::Bpe => bpe(&model)?,
        ModelType::Word => return refuse("trainer_spec.model_type = WORD: use Unigram or BPE"),
        ModelType::Character => {
            return refuse("trainer_spec.model_type = CHAR: use Unigram or BPE");
        }
    };
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added_tokens(&model.pieces),
        "normalizer": normalizer(&model),
        "pre_tokenizer": pre_tokenizer(&model),
        "post_processor": null,
        "decoder": decoder(&model),
        "model": fields,
    }))
}

fn unigram(model: &SentencePieceModel) -> Result<Value> {
    let vocab: Vec<Value> =
        model.pieces.iter().map(|piece| json!([piece.text, f64::from(piece.score)])).collect();
    Ok(json!({
        "type": "Unigram",
        "unk_id": model.unknown_id()?,
        "vocab": vocab,
        "byte_fallback": model.byte_fallback,
    }))
}

fn bpe(model: &SentencePieceModel) -> Result<Value> {
    let unknown = &model.pieces[model.unknown_id()?];
    let vocab: serde_json::Map<String, Value> = (model.pieces.iter().enumerate())
        .map(|(id, piece)| (piece.text.clone(), id.into()))
        .collect();
    Ok(json!({
        "type": "BPE",
        "dropout": null,
        "unk_token": unknown.text,
        "continuing_subword_prefix": null,
        "end_of_word_suffix": null,
        "fuse_unk": true,
        "byte_fallback": model.byte_fallback,
        "ignore_merges": false,
        "vocab": vocab,
        "merges": merges(&model.pieces)?,
    }))
}

/// The merges of BPE: any two pieces that together are one may merge, that of the highest score first.
/// A list of merges must also order the pairs that become the same piece, where SentencePiece takes the
/// one further to the left: of these, the longest left part is first here.
fn merges(pieces: &[Piece]) -> Result<Vec<[&str; 2]>> {
    let normal = |piece: &&Piece| piece.kind == PieceKind::Normal;
    let known: BTreeMap<&str, f32> =
        pieces.iter().filter(normal).map(|piece| (piece.text.as_str(), piece.score)).collect();
    let mut merges = Vec::new();
    for piece in pieces.iter().filter(normal) {
        for (cut, _) in piece.text.char_indices().skip(1) {
            let (left, right) = piece.text.split_at(cut);
            if known.contains_key(left) && known.contains_key(right) {
                merges.push((piece.score, [left, right]));
            }
        }
        if merges.len() > MAX_MERGES {
            return Err(malformed(format!("more than {MAX_MERGES} merges")));
        }
    }
    merges.sort_by(|(score, [left, _]), (other_score, [other_left, _])| {
        other_score.total_cmp(score).then_with(|| other_left.len().cmp(&left.len()))
    });
    Ok(merges.into_iter().map(|(_, merge)| merge).collect())
}

/// Control tokens, which are special, and tokens that the user defined, which are always found.
fn added_tokens(pieces: &[Piece]) -> Vec<Value> {
    let is_added = |piece: &Piece| {
        matches!(piece.kind, PieceKind::Unknown | PieceKind::Control | PieceKind::UserDefined)
    };
    let added = pieces.iter().enumerate().filter(|(_, piece)| is_added(piece));
    let token = |(id, piece): (usize, &Piece)| {
        json!({
            "id": id, "content": piece.text, "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false, "special": piece.kind != PieceKind::UserDefined,
        })
    };
    added.map(token).collect()
}

/// Whether there are tokens that the user defined: texts are then normalised in parts, between them.
fn has_parts(model: &SentencePieceModel) -> bool {
    model.pieces.iter().any(|piece| piece.kind == PieceKind::UserDefined)
}

fn normalizer(model: &SentencePieceModel) -> Value {
    let replace = |pattern: Value, content: &str| json!({"type": "Replace", "pattern": pattern, "content": content});
    let mut steps = Vec::new();
    if !model.precompiled_charsmap.is_empty() {
        let charsmap = tokenizer::base64(&model.precompiled_charsmap);
        steps.push(json!({"type": "Precompiled", "precompiled_charsmap": charsmap}));
    }
    if model.remove_extra_whitespaces {
        if !has_parts(model) {
            steps.push(replace(json!({"Regex": r"\A +|[ ▁]+\z"}), ""));
        }
        steps.push(replace(json!({"Regex": " {2,}"}), " "));
    }
    let spelled = SPACE.to_string();
    if model.add_dummy_prefix && !has_parts(model) {
        steps.push(json!({"type": "Prepend", "prepend": spelled}));
    }
    steps.push(replace(json!({"String": " "}), &spelled));
    json!({"type": "Sequence", "normalizers": steps})
}

/// Where no piece has a space after another character, cutting before each run of spaces changes
/// nothing and lets words be remembered.
fn pre_tokenizer(model: &SentencePieceModel) -> Value {
    let mut steps = Vec::new();
    if model.add_dummy_prefix && has_parts(model) {
        // Only the first part gets a space before it.
        steps.push(json!({
            "type": "Metaspace", "replacement": SPACE, "prepend_scheme": "first", "split": false,
        }));
    }
    let crosses = |piece: &Piece| piece.text.trim_start_matches(SPACE).contains(SPACE);
    // The crate `tokenizer` finds these cuts itself, in files without a pre-tokenizer.
    let own = model.model_type == ModelType::Bpe && model.byte_fallback;
    if !own && !model.pieces.iter().any(crosses) {
        steps.push(json!({
            "type": "Split", "pattern": {"Regex": SPACES_AND_WORD}, "behavior": "Isolated",
            "invert": false,
        }));
    }
    if steps.is_empty() { Value::Null } else { json!({"type": "Sequence", "pretokenizers": steps}) }
}

fn decoder(model: &SentencePieceModel) -> Value {
    let mut steps = vec![
        json!({"type": "Replace", "pattern": {"String": SPACE}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if model.add_dummy_prefix {
        steps.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    json!({"type": "Sequence", "decoders": steps})
}
