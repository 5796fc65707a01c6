//! BPE over characters, as learned by SentencePiece and used in the `tokenizer.json` files of the
//! Llama and Mistral models: a space is spelled `▁`, a space is added before each text, and a
//! character without a token becomes the tokens of its bytes, `<0x00>` to `<0xFF>`.
//!
//! In this crate, tokens hold the text that they stand for, with real spaces, so that decoding
//! concatenates bytes as for all other tokenizers. A `▁` in a text is read as the space that it
//! would be decoded to.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use crate::alphabet::BYTE_COUNT;
use crate::joins::Joins;

/// The number of ASCII characters.
const ASCII_COUNT: usize = 128;

/// The spelling of a space.
pub(crate) const SPACE: char = '▁';

/// The characters that merging starts from.
#[derive(Debug, Clone)]
pub(crate) struct Characters {
    /// The token of each character that has one.
    tokens: FxHashMap<char, u32>,
    /// The token of each ASCII character; the token of its byte if the character has none.
    pub(crate) ascii: [u32; ASCII_COUNT],
    /// Where texts can be cut, if known.
    pub(crate) joins: Option<Joins>,
    /// Whether a space is added before each text.
    pub(crate) space_before: bool,
}

impl Characters {
    /// The characters with these tokens. All other characters become `byte_tokens`.
    pub(crate) fn new(
        tokens: FxHashMap<char, u32>,
        byte_tokens: &[u32; BYTE_COUNT],
        space_before: bool,
    ) -> Self {
        let token = |byte: usize| {
            let known = tokens.get(&char::from(byte as u8)).copied();
            known.unwrap_or(byte_tokens[byte])
        };
        Self { ascii: std::array::from_fn(token), tokens, joins: None, space_before }
    }

    /// The text in the form that is encoded.
    pub(crate) fn normalize<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let space_before = self.space_before && !text.is_empty();
        if !space_before && !text.contains(SPACE) {
            return Cow::Borrowed(text);
        }
        let before = if space_before { " " } else { "" };
        Cow::Owned(format!("{before}{}", text.replace(SPACE, " ")))
    }

    /// Appends the tokens of `piece` before merging: one per character, or one per byte.
    pub(crate) fn spell(
        &self,
        piece: &[u8],
        byte_tokens: &[u32; BYTE_COUNT],
        tokens: &mut Vec<u32>,
    ) {
        for chunk in piece.utf8_chunks() {
            for character in chunk.valid().chars() {
                if let Some(&token) = self.ascii.get(character as usize) {
                    tokens.push(token);
                } else if let Some(&token) = self.tokens.get(&character) {
                    tokens.push(token);
                } else {
                    let mut buffer = [0; 4];
                    let bytes = character.encode_utf8(&mut buffer).bytes();
                    tokens.extend(bytes.map(|byte| byte_tokens[usize::from(byte)]));
                }
            }
            let invalid = chunk.invalid().iter();
            tokens.extend(invalid.map(|&byte| byte_tokens[usize::from(byte)]));
        }
    }
}

/// The spelling of a byte's token.
pub(crate) fn spell_byte(byte: u8) -> String {
    format!("<0x{byte:02X}>")
}

/// The byte of a byte token's spelling, or `None` for other tokens.
pub(crate) fn read_byte(spelling: &str) -> Option<u8> {
    let digits = spelling.strip_prefix("<0x")?.strip_suffix('>')?;
    let byte = u8::from_str_radix(digits, 16).ok()?;
    (spell_byte(byte) == spelling).then_some(byte)
}

/// The bytes of a token, from its spelling.
pub(crate) fn read(spelling: &str) -> Vec<u8> {
    match read_byte(spelling) {
        Some(byte) => vec![byte],
        None => spelling.replace(SPACE, " ").into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_spelled_in_characters_and_bytes() {
        let tokens = FxHashMap::from_iter([(' ', 300), ('a', 301)]);
        let byte_tokens = std::array::from_fn(|byte| byte as u32);
        let characters = Characters::new(tokens, &byte_tokens, true);
        assert_eq!(characters.normalize("a▁a"), " a a");
        assert_eq!(characters.normalize(""), "");
        let mut spelled = Vec::new();
        characters.spell(b" a\xc3\xa9\xff", &byte_tokens, &mut spelled);
        assert_eq!(spelled, [300, 301, 0xc3, 0xa9, 0xff]);
        assert_eq!(
            (read_byte("<0x0A>"), read_byte("<0x0a>"), read_byte("<0x>")),
            (Some(10), None, None)
        );
        assert_eq!((read("▁a"), read("<0xFF>")), (b" a".to_vec(), vec![0xff]));
    }
}
