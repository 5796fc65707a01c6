//! Where a text without a split can still be cut: between two characters that no merge joins.
//!
//! A token that spans the boundary between two characters x and y comes from a merge whose left
//! part ends with x and whose right part begins with y. If no rule has such parts, no token ever
//! spans the boundary, so both sides can be encoded separately. SentencePiece's files name no
//! split, but their tokenizers were trained on words of one script each, so these boundaries are
//! those of their words.

use rustc_hash::FxHashSet;

use crate::merges::MergeTable;
use crate::vocabulary::Vocabulary;

/// The number of ASCII characters.
const ASCII: usize = 128;

/// The pairs of characters that some merge joins.
#[derive(Debug, Clone)]
pub(crate) struct Joins {
    /// For each ASCII character, a bit for each ASCII character that may follow it within a token.
    ascii: [u128; ASCII],
    /// The other pairs, as numbers made by [`pack`].
    others: FxHashSet<u64>,
}

/// Two characters as one number.
fn pack(left: u32, right: u32) -> u64 {
    u64::from(left) << 32 | u64::from(right)
}

impl Joins {
    /// The pairs that the rules join. `None` if they are unknown: a token is a part of a character,
    /// or is not the concatenation of its two parts.
    pub(crate) fn new(merges: &MergeTable, vocabulary: &Vocabulary) -> Option<Self> {
        let mut joins = Self { ascii: [0; ASCII], others: FxHashSet::default() };
        for &(left, right) in merges.pairs() {
            let token = vocabulary.get(merges.get(left, right)?.token)?;
            let parts = (vocabulary.get(left)?, vocabulary.get(right)?);
            if token.strip_prefix(parts.0) != Some(parts.1) {
                return None;
            }
            let left = std::str::from_utf8(parts.0).ok()?.chars().next_back()?;
            let right = std::str::from_utf8(parts.1).ok()?.chars().next()?;
            if left.is_ascii() && right.is_ascii() {
                joins.ascii[left as usize] |= 1 << right as u32;
            } else {
                joins.others.insert(pack(left.into(), right.into()));
            }
        }
        Some(joins)
    }

    /// Whether a merge may join the characters with these scalar values.
    #[inline]
    pub(crate) fn has(&self, left: u32, right: u32) -> bool {
        match (self.ascii.get(left as usize), right) {
            (Some(row), 0..128) => row >> right & 1 != 0,
            _ => self.others.contains(&pack(left, right)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joins(tokens: &[&[u8]], rules: &[((u32, u32), u32)]) -> Option<Joins> {
        let mut vocabulary = Vocabulary::default();
        for token in tokens {
            vocabulary.push(token);
        }
        Joins::new(&MergeTable::new(rules.iter().copied()), &vocabulary)
    }

    #[test]
    fn rules_join_what_is_on_either_side() {
        let tokens: [&[u8]; 6] = [b"a", b"b", "é".as_bytes(), b"ab", "abé".as_bytes(), b"\xc3"];
        let found = joins(&tokens, &[((0, 1), 3), ((3, 2), 4)]).unwrap();
        let has = |left: char, right: char| found.has(left.into(), right.into());
        assert!(has('a', 'b') && has('b', 'é'));
        assert!(!has('b', 'a') && !has('a', 'é') && !has('é', 'b') && !has('é', '日'));
        assert!(joins(&tokens, &[((5, 1), 3)]).is_none(), "half a character");
        assert!(joins(&tokens, &[((1, 0), 3)]).is_none(), "not the two parts");
    }
}
