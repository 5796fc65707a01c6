//! BPE over characters, as SentencePiece learns it and `tokenizer.json` files of the Llama and Mistral
//! models have it: a space is spelled `▁`, one is put before each text, and a character without a
//! token becomes the tokens `<0x00>` to `<0xFF>` of its bytes.
//!
//! Here tokens keep the text they stand for, with its spaces, so that decoding joins their bytes as it
//! does for all tokenizers; a `▁` in a text is read as the space it would be decoded to.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use crate::alphabet::BYTE_COUNT;
use crate::joins::Joins;

/// How many characters ASCII has.
const ASCII_COUNT: usize = 128;

/// How a space is spelled.
pub(crate) const SPACE: char = '▁';

/// What texts are spelled in before merging, where that is not bytes.
#[derive(Debug, Clone)]
pub(crate) struct Characters {
    /// The token of each character that has one.
    pub(crate) tokens: FxHashMap<char, u32>,
    /// The tokens of ASCII characters; those of their bytes for characters without one.
    pub(crate) ascii: [u32; ASCII_COUNT],
    /// What is known of where texts can be cut.
    pub(crate) joins: Option<Joins>,
    /// Whether a space is put before each text.
    pub(crate) space_before: bool,
}

impl Characters {
    /// The characters with these tokens; `byte_tokens` are for the others.
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

    /// The text as it is encoded.
    pub(crate) fn normalize<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let space_before = self.space_before && !text.is_empty();
        if !space_before && !text.contains(SPACE) {
            return Cow::Borrowed(text);
        }
        let before = if space_before { " " } else { "" };
        Cow::Owned(format!("{before}{}", text.replace(SPACE, " ")))
    }

    /// Appends the tokens that `piece` is spelled in before merging.
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

/// The byte whose token is spelled so.
pub(crate) fn read_byte(spelling: &str) -> Option<u8> {
    let digits = spelling.strip_prefix("<0x")?.strip_suffix('>')?;
    let byte = u8::from_str_radix(digits, 16).ok()?;
    (spell_byte(byte) == spelling).then_some(byte)
}

/// The bytes that a token stands for.
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
