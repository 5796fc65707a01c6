//! Converts a SentencePiece model to a `tokenizer.json`, and such a file back to the model.
//!
//! Hugging Face's library reads the file as nearly the same tokenizer: some of its rules differ
//! from SentencePiece's, and it adds scores in another way. So files written here are converted
//! back to the model.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::model::{ModelType, Piece, PieceKind, SentencePieceModel, malformed};
use crate::bytes::{SPACE, read_byte};
use crate::error::{EncoderError, Result};

/// A run of spaces and the characters after it, up to the next space.
const SPACES_AND_WORD: &str = "▁*[^▁]+|▁+";

/// The most merges; the same limit as in the crate `tokenizer`.
const MAX_MERGES: usize = (1 << 25) - 1;

/// The `tokenizer.json` that is equivalent to a model.
///
/// # Errors
/// [`EncoderError::Malformed`] if the model has no piece for unknown characters, and
/// [`EncoderError::Unsupported`] for models of words or characters and for spaces at the end of
/// words.
pub(crate) fn to_json(model: &SentencePieceModel) -> Result<Value> {
    let refuse = |reason: &str| {
        Err(EncoderError::Unsupported { file: "SentencePiece model", reason: reason.to_owned() })
    };
    if model.treat_whitespace_as_suffix {
        return refuse(
            "trainer_spec.treat_whitespace_as_suffix: only spaces before words are supported",
        );
    }
    if !model.escape_whitespaces {
        return refuse(
            "normalizer_spec.escape_whitespaces = false: only spaces spelled ▁ are supported",
        );
    }
    let fields = match model.model_type {
        ModelType::Unigram => unigram(model)?,
        ModelType::Bpe => bpe(model)?,
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
        "normalizer": normalizer(model),
        "pre_tokenizer": pre_tokenizer(model),
        "post_processor": null,
        "decoder": decoder(model),
        "model": fields,
    }))
}

/// The model for which [`to_json`] gives this file, if there is one.
pub(crate) fn from_json(file: &Value) -> Option<SentencePieceModel> {
    let fields = &file["model"];
    let byte_fallback = fields["byte_fallback"].as_bool()?;
    let (model_type, mut pieces) = match fields["type"].as_str()? {
        "Unigram" => (ModelType::Unigram, unigram_pieces(fields)?),
        "BPE" => (ModelType::Bpe, bpe_pieces(fields)?),
        _ => return None,
    };
    for piece in pieces.iter_mut().filter(|piece| piece.kind == PieceKind::Normal) {
        if byte_fallback && read_byte(&piece.text).is_some() {
            piece.kind = PieceKind::Byte;
        }
    }
    for token in file["added_tokens"].as_array()? {
        let piece = pieces.get_mut(usize::try_from(token["id"].as_u64()?).ok()?)?;
        if piece.kind != PieceKind::Unknown {
            let special = token["special"].as_bool()?;
            piece.kind = if special { PieceKind::Control } else { PieceKind::UserDefined };
        }
    }
    let steps = file["normalizer"]["normalizers"].as_array()?;
    let has = |kind| steps.iter().any(|step| step["type"] == kind);
    let charsmap = match steps.iter().find_map(|step| step["precompiled_charsmap"].as_str()) {
        Some(encoded) => STANDARD.decode(encoded).ok()?,
        None => Vec::new(),
    };
    let model = SentencePieceModel {
        pieces,
        model_type,
        byte_fallback,
        treat_whitespace_as_suffix: false,
        precompiled_charsmap: charsmap,
        add_dummy_prefix: has("Prepend")
            || file["pre_tokenizer"]["pretokenizers"][0]["type"] == "Metaspace",
        remove_extra_whitespaces: steps.iter().any(|step| step["pattern"]["Regex"].is_string()),
        escape_whitespaces: true,
    };
    is_file_of(&model, file).then_some(model)
}

/// Whether [`to_json`] gives this file for a model.
fn is_file_of(model: &SentencePieceModel, file: &Value) -> bool {
    let Ok(mut made) = to_json(model) else { return false };
    if model.model_type == ModelType::Unigram {
        // The scores come from the file, but are rounded to single precision.
        made["model"]["vocab"] = file["model"]["vocab"].clone();
    }
    made == *file
}

fn piece(text: &str, score: f32, kind: PieceKind) -> Option<Piece> {
    let usable = !text.is_empty() && score.is_finite();
    usable.then(|| Piece { text: text.to_owned(), score, kind })
}

fn unigram_pieces(fields: &Value) -> Option<Vec<Piece>> {
    let unknown = fields["unk_id"].as_u64()?;
    let pieces = fields["vocab"].as_array()?.iter().zip(0..);
    pieces
        .map(|(entry, id)| {
            let kind = if id == unknown { PieceKind::Unknown } else { PieceKind::Normal };
            piece(entry[0].as_str()?, entry[1].as_f64()? as f32, kind)
        })
        .collect()
}

/// The pieces of a BPE file. Only the order of their scores matters, and that is the order of the
/// merges. Pieces that no merge makes have the lowest score.
fn bpe_pieces(fields: &Value) -> Option<Vec<Piece>> {
    let merges = fields["merges"].as_array()?;
    let mut scores: BTreeMap<String, f32> = BTreeMap::new();
    for merge in merges {
        let merged = format!("{}{}", merge[0].as_str()?, merge[1].as_str()?);
        let score = -(scores.len() as f32);
        scores.entry(merged).or_insert(score);
    }
    let unknown = fields["unk_token"].as_str()?;
    let vocab = fields["vocab"].as_object()?;
    let mut pieces: Vec<Option<Piece>> = vec![None; vocab.len()];
    for (text, id) in vocab {
        let kind = if text == unknown { PieceKind::Unknown } else { PieceKind::Normal };
        let score = scores.get(text).copied().unwrap_or(-(merges.len() as f32));
        *pieces.get_mut(usize::try_from(id.as_u64()?).ok()?)? = piece(text, score, kind);
    }
    pieces.into_iter().collect()
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

/// The merges of a BPE model: two pieces merge if together they are a piece, the one of the highest
/// score first. SentencePiece merges pairs that become the same piece from left to right, but a
/// list of merges must put them in some order; here the pair with the longest left part is first.
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

/// The added tokens: control tokens, which are special, and user-defined tokens, which are not.
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

/// Whether the model has user-defined tokens. The library then normalises the parts of a text
/// between them separately.
fn has_parts(model: &SentencePieceModel) -> bool {
    model.pieces.iter().any(|piece| piece.kind == PieceKind::UserDefined)
}

fn normalizer(model: &SentencePieceModel) -> Value {
    let replace = |pattern: Value, content: &str| json!({"type": "Replace", "pattern": pattern, "content": content});
    let mut steps = Vec::new();
    if !model.precompiled_charsmap.is_empty() {
        let charsmap = STANDARD.encode(&model.precompiled_charsmap);
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

/// The pre-tokenizer. If no piece has a space after another character, splitting before each run of
/// spaces changes nothing and lets the library cache words.
fn pre_tokenizer(model: &SentencePieceModel) -> Value {
    let mut steps = Vec::new();
    if model.add_dummy_prefix && has_parts(model) {
        // Only the first part of a text gets a space before it.
        steps.push(json!({
            "type": "Metaspace", "replacement": SPACE, "prepend_scheme": "first", "split": false,
        }));
    }
    let crosses = |piece: &Piece| piece.text.trim_start_matches(SPACE).contains(SPACE);
    // The crate `tokenizer` finds these boundaries itself, in files without a pre-tokenizer.
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
