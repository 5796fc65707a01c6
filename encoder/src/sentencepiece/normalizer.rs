//! SentencePiece's normaliser (`normalizer.cc`). It replaces characters by the compiled rules,
//! removes repeated spaces and those at both ends, adds a space before the text, and spells spaces
//! `▁`.

use super::model::{PieceKind, SentencePieceModel, malformed};
use super::trie::Trie;
use crate::error::Result;

/// The spelling of a space.
const SPACE: &[u8] = "▁".as_bytes();

/// The length of a character in bytes, by the upper four bits of its first byte.
const LENGTHS: [u8; 16] = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4];

/// The length in bytes of the first character of `text`, which must not be empty.
#[inline]
pub(super) fn character_length(text: &[u8]) -> usize {
    usize::from(LENGTHS[usize::from(text[0] >> 4)]).min(text.len())
}

/// The compiled rules, which replace strings by others. The field `precompiled_charsmap` has the
/// length of a double-array trie in bytes, the trie (of Darts, in units of four bytes), and the
/// replacements, each followed by a zero.
#[derive(Debug)]
struct Charsmap {
    units: Vec<u32>,
    replacements: Vec<u8>,
}

impl Charsmap {
    fn new(bytes: &[u8]) -> Result<Self> {
        let broken = || malformed("normalizer_spec.precompiled_charsmap is cut off");
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

    /// The offset of the children of the node with this unit.
    fn offset(unit: u32) -> u32 {
        (unit >> 10) << ((unit & 1 << 9) >> 6)
    }

    /// The longest prefix of `text` that has a rule: its length and its replacement. A rule that
    /// points outside of the tables is ignored.
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

/// Normalises texts before they are encoded.
#[derive(Debug)]
pub(super) struct Normalizer {
    charsmap: Option<Charsmap>,
    /// The user-defined tokens, which are not normalised.
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

    /// The length of the longest user-defined token that `text` begins with.
    #[inline]
    pub(super) fn user_defined(&self, text: &[u8]) -> Option<usize> {
        self.user_defined.longest(text)
    }

    /// The length of the part of `text` that is normalised next, and its normal form. The text must
    /// not be empty.
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

    /// Replaces the content of `out` by the normal form of `text`.
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

    /// Compiled rules that replace "A" by "b c".
    fn charsmap() -> Vec<u8> {
        let mut units = vec![0_u32; 0x142];
        units[0] = 0x100 << 10;
        // The node of "A" has a leaf and the offset 1; the value of the leaf is 0.
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
        assert_eq!(normal(true, true, "x <A>  "), "▁x▁<A>", "user-defined tokens are kept");
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
