//! Unicode classes of characters as bit flags, found with one table look-up per character.
//!
//! The general categories and `White_Space` come from the tables of `regex-syntax` (Unicode 16).
//! The crates `regex` and `fancy-regex` use the same tables, so a pattern and its hand-written
//! splitter cannot disagree about a character.

use std::sync::LazyLock;

use regex_syntax::hir::{Class, Hir, HirKind};

/// General category L.
pub(super) const LETTER: u8 = 1;
/// General category N.
pub(super) const NUMBER: u8 = 1 << 1;
/// Property `White_Space`.
pub(super) const SPACE: u8 = 1 << 2;
/// None of the three above: punctuation, symbols, marks, controls, unassigned.
pub(super) const OTHER: u8 = 1 << 3;
/// `\r` or `\n`.
pub(super) const NEWLINE: u8 = 1 << 4;
/// The o200k pattern's first letter set: Lu, Lt, Lm, Lo, M.
pub(super) const UPPER: u8 = 1 << 5;
/// The o200k pattern's second letter set: Ll, Lm, Lo, M.
pub(super) const LOWER: u8 = 1 << 6;

/// Exactly one of these is set for every character.
pub(super) const KINDS: u8 = LETTER | NUMBER | SPACE | OTHER;

const BLOCK: usize = 256;
const SCALARS: usize = 0x11_0000;

/// The classes of all characters. Every character has at least one flag set.
pub(super) struct ClassTable {
    /// Flags by byte; 0 for bytes above 0x7f, which begin or continue a longer character.
    ascii: [u8; BLOCK],
    /// By `i`, the index in `blocks` of the flags of the 256 characters from `256 × i` on.
    block_of: Box<[u16]>,
    /// Distinct blocks of 256 flags each.
    blocks: Box<[[u8; BLOCK]]>,
}

static TABLE: LazyLock<ClassTable> = LazyLock::new(ClassTable::build);

/// The table; the first call builds it.
pub(super) fn table() -> &'static ClassTable {
    &TABLE
}

impl ClassTable {
    fn build() -> Self {
        let mut flags = vec![0_u8; SCALARS];
        let sets: [(&str, u8); 5] = [
            (r"\p{L}", LETTER),
            (r"\p{N}", NUMBER),
            (r"\s", SPACE),
            (r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", UPPER),
            (r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]", LOWER),
        ];
        for (pattern, flag) in sets {
            mark(&mut flags, pattern, flag);
        }
        for newline in [b'\r', b'\n'] {
            flags[usize::from(newline)] |= NEWLINE;
        }
        for flag in &mut flags {
            if *flag & KINDS == 0 {
                *flag |= OTHER;
            }
        }
        let mut ascii = [0_u8; BLOCK];
        ascii[..128].copy_from_slice(&flags[..128]);
        let mut blocks: Vec<[u8; BLOCK]> = Vec::new();
        let mut block_of = Vec::with_capacity(SCALARS / BLOCK);
        for chunk in flags.as_chunks::<BLOCK>().0 {
            let known = blocks.iter().rposition(|block| block == chunk);
            let block = known.unwrap_or_else(|| {
                blocks.push(*chunk);
                blocks.len() - 1
            });
            block_of.push(block as u16);
        }
        Self { ascii, block_of: block_of.into(), blocks: blocks.into() }
    }

    /// The flags of an ASCII byte, 0 for any other byte.
    #[inline]
    pub(super) fn ascii(&self, byte: u8) -> u8 {
        self.ascii[usize::from(byte)]
    }

    /// The flags of a character.
    #[inline]
    pub(super) fn scalar(&self, scalar: u32) -> u8 {
        let block = self.block_of[scalar as usize / BLOCK];
        self.blocks[usize::from(block)][scalar as usize % BLOCK]
    }
}

/// Sets `flag` for every character in the class that `pattern` names.
fn mark(flags: &mut [u8], pattern: &str, flag: u8) {
    let hir = regex_syntax::parse(pattern);
    let class = match hir.as_ref().map(Hir::kind) {
        Ok(HirKind::Class(Class::Unicode(class))) => Some(class),
        _ => None,
    };
    debug_assert!(class.is_some(), "{pattern} is not a class: {hir:?}");
    for range in class.into_iter().flat_map(|class| class.iter()) {
        for entry in &mut flags[range.start() as usize..=range.end() as usize] {
            *entry |= flag;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scalar_agrees_with_the_regex_engine() {
        let names = [(r"\p{L}", LETTER), (r"\p{N}", NUMBER), (r"\s", SPACE), (r"[\r\n]", NEWLINE)];
        let text: String = (0..=0x10_ffff).filter_map(char::from_u32).collect();
        for (pattern, flag) in names {
            let regex = fancy_regex::Regex::new(pattern).unwrap();
            let mut found = regex.find_iter(&text).map(|hit| hit.unwrap().start()).peekable();
            for (offset, character) in text.char_indices() {
                let expected = found.next_if_eq(&offset).is_some();
                let actual = table().scalar(character as u32) & flag != 0;
                assert_eq!(actual, expected, "{pattern} {character:?}");
            }
        }
    }

    #[test]
    fn kinds_are_a_partition() {
        for scalar in 0..=0x10_ffff {
            assert_eq!((table().scalar(scalar) & KINDS).count_ones(), 1, "{scalar:x}");
        }
    }
}
