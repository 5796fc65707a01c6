//! Reads a `.model`. The numbers and defaults of the fields are those of
//! `sentencepiece_model.proto` in SentencePiece 0.2.

use super::message::{Value, fields};
use super::trie::Trie;
use crate::error::{EncoderError, Result};

/// The most pieces of a model.
const MAX_PIECES: usize = 1 << 22;

/// The type of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PieceKind {
    Normal,
    Unknown,
    Control,
    UserDefined,
    Unused,
    Byte,
}

/// A token. Its id is its position in the model.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) text: String,
    /// In a Unigram model, the logarithm of its probability. In BPE, pieces of higher scores merge
    /// first.
    pub(super) score: f32,
    pub(super) kind: PieceKind,
}

/// How a model was trained: `TrainerSpec.model_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ModelType {
    Unigram,
    Bpe,
    Word,
    Character,
}

/// A SentencePiece model.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the format has these five")]
pub(crate) struct SentencePieceModel {
    pub(super) pieces: Vec<Piece>,
    pub(super) model_type: ModelType,
    pub(super) byte_fallback: bool,
    pub(super) treat_whitespace_as_suffix: bool,
    /// The compiled rules for normalising characters: see
    /// [`Normalizer`](super::normalizer::Normalizer). Empty if there are none.
    pub(super) precompiled_charsmap: Vec<u8>,
    pub(super) add_dummy_prefix: bool,
    pub(super) remove_extra_whitespaces: bool,
    pub(super) escape_whitespaces: bool,
}

pub(super) fn malformed(reason: impl Into<String>) -> EncoderError {
    EncoderError::Malformed { file: "SentencePiece model", reason: reason.into() }
}

/// Calls `visit` for each field of a message.
fn visit_fields<'a>(
    message: &'a [u8],
    name: &str,
    mut visit: impl FnMut(u64, Value<'a>) -> Result<()>,
) -> Result<()> {
    for field in fields(message) {
        let (number, value) = field.ok_or_else(|| malformed(format!("{name} is cut off")))?;
        visit(number, value)?;
    }
    Ok(())
}

impl SentencePieceModel {
    /// Reads a `.model`.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self> {
        let mut model = Self {
            pieces: Vec::new(),
            model_type: ModelType::Unigram,
            byte_fallback: false,
            treat_whitespace_as_suffix: false,
            precompiled_charsmap: Vec::new(),
            add_dummy_prefix: true,
            remove_extra_whitespaces: true,
            escape_whitespaces: true,
        };
        visit_fields(bytes, "the file", |number, value| match (number, value.bytes()) {
            (1, Some(piece)) if model.pieces.len() < MAX_PIECES => {
                model.pieces.push(read_piece(piece)?);
                Ok(())
            }
            (1, _) => Err(malformed(format!("not a piece, or more than {MAX_PIECES} pieces"))),
            (2, Some(message)) => model.read_trainer(message),
            (3, Some(message)) => model.read_normalizer(message),
            _ => Ok(()),
        })?;
        if model.pieces.is_empty() {
            return Err(malformed("no pieces"));
        }
        Ok(model)
    }

    fn read_trainer(&mut self, message: &[u8]) -> Result<()> {
        visit_fields(message, "trainer_spec", |number, value| {
            match (number, value.number()) {
                (3, Some(1)) => self.model_type = ModelType::Unigram,
                (3, Some(2)) => self.model_type = ModelType::Bpe,
                (3, Some(3)) => self.model_type = ModelType::Word,
                (3, Some(4)) => self.model_type = ModelType::Character,
                (3, _) => return Err(malformed("trainer_spec.model_type is not from 1 to 4")),
                (24, Some(flag)) => self.treat_whitespace_as_suffix = flag != 0,
                (35, Some(flag)) => self.byte_fallback = flag != 0,
                _ => {}
            }
            Ok(())
        })
    }

    fn read_normalizer(&mut self, message: &[u8]) -> Result<()> {
        visit_fields(message, "normalizer_spec", |number, value| {
            match (number, value) {
                (2, Value::Bytes(bytes)) => self.precompiled_charsmap = bytes.to_vec(),
                (3, Value::Number(flag)) => self.add_dummy_prefix = flag != 0,
                (4, Value::Number(flag)) => self.remove_extra_whitespaces = flag != 0,
                (5, Value::Number(flag)) => self.escape_whitespaces = flag != 0,
                _ => {}
            }
            Ok(())
        })
    }

    /// The pieces that a text can consist of, with their ids.
    pub(super) fn trie(&self) -> Trie {
        use PieceKind::{Normal, Unused, UserDefined};
        let pieces = self.pieces.iter().zip(0..);
        let usual = pieces.filter(|(piece, _)| matches!(piece.kind, Normal | Unused | UserDefined));
        Trie::new(usual.map(|(piece, id)| (piece.text.as_bytes(), id)).collect())
    }

    /// The id of the piece for unknown characters.
    pub(super) fn unknown_id(&self) -> Result<usize> {
        let unknown = self.pieces.iter().position(|piece| piece.kind == PieceKind::Unknown);
        unknown.ok_or_else(|| malformed("no piece for unknown characters"))
    }
}

fn read_piece(message: &[u8]) -> Result<Piece> {
    let mut piece = Piece { text: String::new(), score: 0.0, kind: PieceKind::Normal };
    visit_fields(message, "a piece", |number, value| {
        match (number, value) {
            (1, value) => {
                let text = value.text().ok_or_else(|| malformed("a piece is not UTF-8"))?;
                text.clone_into(&mut piece.text);
            }
            (2, Value::Float(score)) if score.is_finite() => piece.score = score,
            (2, _) => return Err(malformed("the score of a piece is not a number")),
            (3, Value::Number(kind)) => piece.kind = read_kind(kind)?,
            _ => {}
        }
        Ok(())
    })?;
    if piece.text.is_empty() {
        return Err(malformed("a piece is empty"));
    }
    Ok(piece)
}

fn read_kind(kind: u64) -> Result<PieceKind> {
    Ok(match kind {
        1 => PieceKind::Normal,
        2 => PieceKind::Unknown,
        3 => PieceKind::Control,
        4 => PieceKind::UserDefined,
        5 => PieceKind::Unused,
        6 => PieceKind::Byte,
        _ => return Err(malformed(format!("a piece has the type {kind}"))),
    })
}
