//! The byte-level alphabet: one printable character for each of the 256 bytes, introduced by GPT-2
//! (Radford et al. 2019, `bytes_to_unicode`) and used by every `tokenizer.json` of this family.
//!
//! Bytes 33–126, 161–172 and 174–255 stand for themselves. The other 68, in rising order, are the
//! characters from U+0100 on.

use std::sync::LazyLock;

/// The number of byte values.
pub(crate) const BYTE_COUNT: usize = 256;

/// The character for the first byte that has no printable character.
const FIRST_SUBSTITUTE: char = '\u{100}';

/// Whether `byte` stands for itself in the byte-level alphabet.
const fn is_printable(byte: u8) -> bool {
    matches!(byte, 33..=126 | 161..=172 | 174..=255)
}

static CHARACTERS: LazyLock<[char; BYTE_COUNT]> = LazyLock::new(|| {
    let mut characters: [char; BYTE_COUNT] = std::array::from_fn(|byte| char::from(byte as u8));
    let unprintable = (0..=u8::MAX).filter(|&byte| !is_printable(byte));
    for (byte, substitute) in unprintable.zip(FIRST_SUBSTITUTE..) {
        characters[usize::from(byte)] = substitute;
    }
    characters
});

/// The 256 bytes in the order of their characters' code points, which is the order of their ids.
static BYTES_BY_CODEPOINT: LazyLock<[u8; BYTE_COUNT]> = LazyLock::new(|| {
    let mut bytes: [u8; BYTE_COUNT] = std::array::from_fn(|byte| byte as u8);
    bytes.sort_by_key(|&byte| character(byte));
    bytes
});

/// The character that stands for `byte`.
pub(crate) fn character(byte: u8) -> char {
    CHARACTERS[usize::from(byte)]
}

/// The byte that `character` stands for, or `None` if it is not in the alphabet.
pub(crate) fn byte(character: char) -> Option<u8> {
    if let Ok(byte) = u8::try_from(character) {
        return is_printable(byte).then_some(byte);
    }
    // In the order of code points, all printable characters come before the substitutes.
    let substitute = character as usize - FIRST_SUBSTITUTE as usize;
    let printable = (0..=u8::MAX).filter(|&byte| is_printable(byte)).count();
    BYTES_BY_CODEPOINT.get(printable + substitute).copied()
}

/// The bytes in the order of their characters' code points.
pub(crate) fn bytes_by_codepoint() -> &'static [u8; BYTE_COUNT] {
    &BYTES_BY_CODEPOINT
}

/// `bytes` spelled in the byte-level alphabet.
pub(crate) fn spell(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| character(byte)).collect()
}

/// The bytes that `spelling` stands for in the byte-level alphabet of `tokenizer.json` files, or
/// `None` if a character is not in the alphabet.
///
/// ```
/// assert_eq!(tokenizer::byte_level_bytes("Ġlow"), Some(b" low".to_vec()));
/// assert_eq!(tokenizer::byte_level_bytes(" low"), None);
/// ```
pub fn read(spelling: &str) -> Option<Vec<u8>> {
    spelling.chars().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_character_and_comes_back() {
        for value in 0..=u8::MAX {
            assert_eq!(byte(character(value)), Some(value));
        }
        assert_eq!(spell(b" a\n\xff"), "ĠaĊÿ");
        assert_eq!(read("ĠaĊÿ").as_deref(), Some(&b" a\n\xff"[..]));
        assert_eq!((read(" "), read("日"), read("\u{144}")), (None, None, None));
        assert_eq!(bytes_by_codepoint()[..2], [b'!', b'"']);
        assert_eq!(bytes_by_codepoint()[255], 173);
    }
}
