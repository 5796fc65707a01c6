//! Encodes and decodes with a SentencePiece model.

use std::collections::BTreeMap;

use super::bpe::{Bpe, Merging};
use super::model::{ModelType, PieceKind, SentencePieceModel, malformed};
use super::normalizer::Normalizer;
use super::unigram::{Best, Unigram};
use serde_json::Value;

use crate::bytes::{SPACE, read_byte, spell_byte};
use crate::error::Result;

/// The number of byte values.
const BYTE_COUNT: usize = 256;

/// The algorithm that chooses the pieces.
#[derive(Debug)]
enum Pieces {
    Unigram(Unigram),
    Bpe(Bpe),
}

/// A tokenizer that gives the same ids as SentencePiece.
#[derive(Debug)]
pub(crate) struct SentencePiece {
    model: SentencePieceModel,
    file: Value,
    normalizer: Normalizer,
    pieces: Pieces,
    unknown_id: u32,
    /// The tokens of bytes, if unknown characters become the tokens of their bytes.
    bytes: Option<[u32; BYTE_COUNT]>,
}

/// Working memory of encoding.
#[derive(Debug, Default)]
pub(crate) struct Work {
    normal: Vec<u8>,
    best: Vec<Best>,
    merging: Merging,
}

impl SentencePiece {
    /// The tokenizer of a model; `file` is its `tokenizer.json`.
    ///
    /// # Errors
    /// [`EncoderError::Malformed`](crate::EncoderError::Malformed) if a piece occurs twice, a
    /// required piece is missing, or the rules of normalising are cut off.
    pub(crate) fn new(model: SentencePieceModel, file: Value) -> Result<Self> {
        let unknown_id = model.unknown_id()? as u32;
        let mut known = BTreeMap::new();
        for (piece, id) in model.pieces.iter().zip(0_u32..) {
            if known.insert(piece.text.as_str(), id).is_some() {
                return Err(malformed(format!("the piece {:?} occurs twice", piece.text)));
            }
        }
        let mut bytes = model.byte_fallback.then_some([unknown_id; BYTE_COUNT]);
        for (place, id) in bytes.iter_mut().flatten().enumerate() {
            let spelling = spell_byte(place as u8);
            let found = known.get(spelling.as_str());
            *id = *found.ok_or_else(|| malformed(format!("no piece {spelling:?}")))?;
        }
        let normalizer = Normalizer::new(&model)?;
        let pieces = match model.model_type {
            ModelType::Bpe => Pieces::Bpe(Bpe::new(&model, unknown_id)),
            _ => Pieces::Unigram(Unigram::new(&model, unknown_id)),
        };
        Ok(Self { model, file, normalizer, pieces, unknown_id, bytes })
    }

    /// Appends the ids of `text` to `out`.
    pub(crate) fn encode(&self, text: &str, work: &mut Work, out: &mut Vec<u32>) {
        let Work { normal, best, merging } = work;
        self.normalizer.normalize(text, normal);
        let mut after_unknown = false;
        let visit = |id: u32, piece: &[u8]| {
            let is_unknown = id == self.unknown_id;
            match &self.bytes {
                Some(ids) if is_unknown => {
                    out.extend(piece.iter().map(|&byte| ids[usize::from(byte)]));
                }
                // Consecutive unknown characters are one token.
                None if is_unknown && after_unknown => {}
                _ => out.push(id),
            }
            after_unknown = is_unknown;
        };
        match &self.pieces {
            Pieces::Unigram(unigram) => unigram.encode(normal, best, visit),
            Pieces::Bpe(bpe) => bpe.encode(normal, &self.normalizer, merging, visit),
        }
    }

    /// The bytes that `ids` stand for, without the space that was added before the text.
    pub(crate) fn decode(&self, ids: &[u32]) -> Vec<u8> {
        let mut bytes: Vec<u8> =
            ids.iter().filter_map(|&id| self.token_bytes(id)).flatten().collect();
        if self.model.add_dummy_prefix && bytes.first() == Some(&b' ') {
            bytes.remove(0);
        }
        bytes
    }

    /// `Unigram` or `BPE`.
    pub(crate) fn kind(&self) -> &'static str {
        match self.pieces {
            Pieces::Unigram(_) => "Unigram",
            Pieces::Bpe(_) => "BPE",
        }
    }

    pub(crate) fn vocab_size(&self) -> usize {
        self.model.pieces.len()
    }

    /// The control tokens and the one for unknown characters, by id.
    pub(crate) fn special_tokens(&self) -> impl Iterator<Item = (&str, u32)> {
        let is_special = |kind| matches!(kind, PieceKind::Control | PieceKind::Unknown);
        let pieces = self.model.pieces.iter().zip(0..);
        pieces
            .filter(move |(piece, _)| is_special(piece.kind))
            .map(|(piece, id)| (piece.text.as_str(), id))
    }

    /// The spelling of a token in the model.
    pub(crate) fn piece(&self, id: u32) -> Option<&str> {
        self.model.pieces.get(id as usize).map(|piece| piece.text.as_str())
    }

    pub(crate) fn token_bytes(&self, id: u32) -> Option<Vec<u8>> {
        let piece = self.model.pieces.get(id as usize)?;
        let byte = read_byte(&piece.text).filter(|_| piece.kind == PieceKind::Byte);
        Some(match (byte, piece.kind) {
            (Some(byte), _) => vec![byte],
            (None, PieceKind::Control | PieceKind::Unknown) => piece.text.clone().into_bytes(),
            (None, _) => piece.text.replace(SPACE, " ").into_bytes(),
        })
    }

    pub(crate) fn to_json(&self) -> String {
        format!("{:#}\n", self.file)
    }
}
