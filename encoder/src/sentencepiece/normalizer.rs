//! SentencePiece's normaliser (`normalizer.cc`): characters by the compiled rules, spaces of more than
//! one and at the ends away, a space before the text, spaces spelled `▁`.

use super::model::{PieceKind, SentencePieceModel, malformed};
use super::trie::Trie;
use crate::error::Result;

/// How a space is spelled.
const SPACE: &[u8] = "▁".as_bytes();

/// The length of a character by the upper half of its first byte.
const LENGTHS: [u8; 16] = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4];

/// The length of the character that `text` begins with; it is not empty.
#[inline]
pub(super) fn character_length(text: &[u8]) -> usize {
    usize::from(LENGTHS[usize::from(text[0] >> 4)]).min(text.len())
}

/// Rules of normalising: what strings become. In the form of the field `precompiled_charsmap`: the
/// length of a double array in bytes, the array (Darts, of units of four bytes), and what the strings
/// become, each with a zero after it.
#[derive(Debug)]
struct Charsmap {
    units: Vec<u32>,
    replacements: Vec<u8>,
}

impl Charsmap {
    fn new(bytes: &[u8]) -> Result<Self> {
        let broken = || malformed("normalizer_spec.precompiled_charsmap breaks off");
        let (length, rest) = bytes.split_first_chunk().ok_or_else(broken)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (array, replacements) = rest.split_at_checked(length).ok_or_else(broken)?;
        let (units, odd) = array.as_chunks();
        if units.is_empty() || !odd.is_empty() || replacements.last() != Some(&0) {
            return Err(broken());
        }
        let units = units.iter().copied().map(u32::from_le_bytes).collect();
        Ok(Self { units, replacements: replacements.to_vec() })
    }

    /// Where the children of the node with this unit are.
    fn offset(unit: u32) -> u32 {
        (unit >> 10) << ((unit & 1 << 9) >> 6)
    }

    /// The longest string with a rule that `text` begins with: its length, and what it becomes.
    fn longest(&self, text: &[u8]) -> Option<(usize, &[u8])> {
        let unit = |node: u32| self.units.get(node as usize).copied();
        let mut node = Self::offset(unit(0)?);
        let mut longest = None;
        for (&byte, length) in text.iter().zip(1..) {
            node ^= u32::from(byte);
            let Some(found) = unit(node).filter(|unit| unit & (1 << 31 | 0xff) == u32::from(byte))
            else {
                break;
            };
            node ^= Self::offset(found);
            if found >> 8 & 1 != 0 {
                longest = unit(node).map(|value| (length, value & !(1 << 31)));
            }
        }
        let (length, start) = longest?;
        let replacement = self.replacements.get(start as usize..)?;
        Some((length, replacement.split(|&byte| byte == 0).next()?))
    }
}

/// What is done to a text before it is encoded.
#[derive(Debug)]
pub(super) struct Normalizer {
    charsmap: Option<Charsmap>,
    /// The tokens that the user defined, which stay as they are.
    user_defined: Trie,
    add_dummy_prefix: bool,
    remove_extra_whitespaces: bool,
}

impl Normalizer {
    /// The normaliser of a model.
    pub(super) fn new(model: &SentencePieceModel) -> Result<Self> {
        let map = &model.precompiled_charsmap;
        let user_defined = model.pieces.iter().zip(0..);
        let user_defined = user_defined.filter(|(piece, _)| piece.kind == PieceKind::UserDefined);
        Ok(Self {
            charsmap: if map.is_empty() { None } else { Some(Charsmap::new(map)?) },
            user_defined: Trie::new(
                user_defined.map(|(piece, id)| (piece.text.as_bytes(), id)).collect(),
            ),
            add_dummy_prefix: model.add_dummy_prefix,
            remove_extra_whitespaces: model.remove_extra_whitespaces,
        })
    }

    /// The length of the user's token that `text` begins with.
    #[inline]
    pub(super) fn user_defined(&self, text: &[u8]) -> Option<usize> {
        self.user_defined.longest(text)
    }

    /// How much of `text`, which is not empty, is normalised next, and to what.
    #[inline]
    fn next<'t>(&'t self, text: &'t [u8]) -> (usize, &'t [u8]) {
        if let Some(length) = self.user_defined(text) {
            return (length, &text[..length]);
        }
        if let Some(found) = self.charsmap.as_ref().and_then(|map| map.longest(text)) {
            return found;
        }
        let length = character_length(text);
        (length, &text[..length])
    }

    /// Puts the normal form of `text` in place of what is in `out`.
    pub(super) fn normalize(&self, text: &str, out: &mut Vec<u8>) {
        out.clear();
        let mut rest = text.as_bytes();
        let removes = self.remove_extra_whitespaces;
        while removes && !rest.is_empty() {
            let (length, normal) = self.next(rest);
            if normal != b" " {
                break;
            }
            rest = &rest[length..];
        }
        if rest.is_empty() {
            return;
        }
        out.reserve(rest.len() + SPACE.len());
        if self.add_dummy_prefix {
            out.extend_from_slice(SPACE);
        }
        let mut after_space = removes;
        while !rest.is_empty() {
            let (length, mut normal) = self.next(rest);
            while after_space && normal.first() == Some(&b' ') {
                normal = &normal[1..];
            }
            if let Some(last) = normal.last() {
                after_space = removes && *last == b' ';
                for &byte in normal {
                    match byte {
                        b' ' => out.extend_from_slice(SPACE),
                        _ => out.push(byte),
                    }
                }
            }
            rest = &rest[length..];
        }
        while removes && out.ends_with(SPACE) {
            out.truncate(out.len() - SPACE.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::{ModelType, Piece};
    use super::*;

    /// The map of one rule, "A" to "b c".
    fn charsmap() -> Vec<u8> {
        let mut units = vec![0_u32; 0x142];
        units[0] = 0x100 << 10;
        // The node has its byte, a leaf and the offset 1; the leaf has the value 0.
        units[0x141] = u32::from(b'A') | 1 << 8 | 1 << 10;
        units[0x140] = 1 << 31;
        let array: Vec<u8> = units.into_iter().flat_map(u32::to_le_bytes).collect();
        let length = (array.len() as u32).to_le_bytes();
        [&length[..], &array, b"b c\0"].concat()
    }

    fn normalizer(removes: bool, adds: bool, map: &[u8]) -> Result<Normalizer> {
        let user = Piece { text: "<A>".into(), score: 0.0, kind: PieceKind::UserDefined };
        Normalizer::new(&SentencePieceModel {
            pieces: vec![user],
            model_type: ModelType::Unigram,
            byte_fallback: false,
            treat_whitespace_as_suffix: false,
            precompiled_charsmap: map.to_vec(),
            add_dummy_prefix: adds,
            remove_extra_whitespaces: removes,
            escape_whitespaces: true,
        })
    }

    #[test]
    fn texts_are_normalized_by_rules_and_flags() {
        let normal = |removes, adds, text| {
            let mut out = Vec::new();
            normalizer(removes, adds, &charsmap()).unwrap().normalize(text, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(normal(true, true, "  A  é  "), "▁b▁c▁é");
        assert_eq!(normal(false, false, "  A  é  "), "▁▁b▁c▁▁é▁▁");
        assert_eq!(normal(true, true, "x <A>  "), "▁x▁<A>", "the user's tokens stay");
        assert_eq!(
            (normal(true, true, "   "), normal(false, true, "")),
            (String::new(), String::new())
        );
        let map = charsmap();
        for broken in [&map[..3], &map[..map.len() - 1], &map[..100]] {
            assert!(normalizer(true, true, broken).is_err());
        }
    }
}
