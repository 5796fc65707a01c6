//! The byte-level alphabet: one printable character for each of the 256 bytes, as GPT-2 introduced
//! it (Radford et al. 2019, `bytes_to_unicode`) and every `tokenizer.json` of this family spells it.
//!
//! Bytes 33–126, 161–172 and 174–255 stand for themselves; the other 68, in rising order, become
//! the characters from U+0100 on.

use std::sync::LazyLock;

/// How many bytes there are.
pub(crate) const BYTE_COUNT: usize = 256;

/// The first character given to a byte that has no printable character of its own.
const FIRST_SUBSTITUTE: u32 = 0x100;

/// Whether `byte` stands for itself in the byte-level alphabet.
const fn is_printable(byte: u8) -> bool {
    matches!(byte, 33..=126 | 161..=172 | 174..=255)
}

static CHARACTERS: LazyLock<[char; BYTE_COUNT]> = LazyLock::new(|| {
    let mut characters = ['\0'; BYTE_COUNT];
    let mut next_substitute = FIRST_SUBSTITUTE;
    for byte in 0..=u8::MAX {
        characters[usize::from(byte)] = if is_printable(byte) {
            char::from(byte)
        } else {
            let substitute = char::from_u32(next_substitute).unwrap_or(char::REPLACEMENT_CHARACTER);
            next_substitute += 1;
            substitute
        };
    }
    characters
});

/// The 256 bytes in the order of their characters' codepoints: the order of their token ids.
static BYTES_BY_CODEPOINT: LazyLock<[u8; BYTE_COUNT]> = LazyLock::new(|| {
    let mut bytes: [u8; BYTE_COUNT] = std::array::from_fn(|byte| byte as u8);
    bytes.sort_by_key(|&byte| character(byte));
    bytes
});

/// The character that stands for `byte`.
pub(crate) fn character(byte: u8) -> char {
    CHARACTERS[usize::from(byte)]
}

/// The byte that `character` stands for, or `None` where it stands for none.
pub(crate) fn byte(character: char) -> Option<u8> {
    let codepoint = character as u32;
    if let Ok(byte) = u8::try_from(codepoint) {
        return is_printable(byte).then_some(byte);
    }
    // The substitutes follow all printable characters in codepoint order.
    let substitute = codepoint.checked_sub(FIRST_SUBSTITUTE)? as usize;
    let printable = (0..=u8::MAX).filter(|&byte| is_printable(byte)).count();
    BYTES_BY_CODEPOINT.get(printable + substitute).copied()
}

/// The bytes in the order of their characters' codepoints.
pub(crate) fn bytes_by_codepoint() -> &'static [u8; BYTE_COUNT] {
    &BYTES_BY_CODEPOINT
}

/// `bytes` spelled in the byte-level alphabet.
pub(crate) fn spell(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| character(byte)).collect()
}

/// The bytes that `spelling` stands for in the byte-level alphabet, in which `tokenizer.json` files
/// spell tokens, or `None` where a character stands for no byte.
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
