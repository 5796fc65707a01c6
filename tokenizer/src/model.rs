//! The parts of a tokenizer that its file names: vocabulary, merge rules, split, normaliser and
//! added tokens.

use std::borrow::Cow;

// Hugging Face's library composes characters by this crate's tables, which are of Unicode 9. Newer
// tables order some later marks differently, and the ids would differ with them.
use unicode_normalization_alignments::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::Split;
use crate::alphabet::BYTE_COUNT;
use crate::characters::Characters;
use crate::merges::MergeTable;
use crate::vocabulary::Vocabulary;

/// A token outside the byte-pair vocabulary, found in a text before the text is split.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the format has these five")]
pub(crate) struct AddedToken {
    pub(crate) id: u32,
    pub(crate) content: String,
    /// Whether it is a control token, which text by default cannot spell.
    pub(crate) special: bool,
    /// Whether it is searched in the normalised text, after the tokens without this flag.
    pub(crate) normalized: bool,
    /// Whether it matches only where no letter, mark, digit or underscore is next to it.
    pub(crate) single_word: bool,
    /// Whether it takes the white space before it.
    pub(crate) lstrip: bool,
    /// Whether it takes the white space after it.
    pub(crate) rstrip: bool,
}

impl AddedToken {
    /// A control token, as training makes them.
    pub(crate) fn special(id: u32, content: String) -> Self {
        Self {
            id,
            content,
            special: true,
            normalized: false,
            single_word: false,
            lstrip: false,
            rstrip: false,
        }
    }
}

/// The parts of a tokenizer.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) vocabulary: Vocabulary,
    /// The token of each byte; [`u32::MAX`] for bytes without one, which never occur in UTF-8.
    pub(crate) byte_tokens: [u32; BYTE_COUNT],
    pub(crate) merges: MergeTable,
    pub(crate) split: Split,
    /// Whether text is first brought to Unicode's composed form NFC.
    pub(crate) nfc: bool,
    /// The characters that merging starts from, for BPE over characters; `None` for bytes.
    pub(crate) characters: Option<Characters>,
    /// Whether a piece that is a token becomes that token without merging.
    pub(crate) ignore_merges: bool,
    pub(crate) added: Vec<AddedToken>,
}

impl Model {
    /// The text in the form that is split and encoded.
    pub(crate) fn normalize<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if let Some(characters) = &self.characters {
            return characters.normalize(text);
        }
        // Every character below U+0300 is composed (Unicode Standard Annex #15, section 9): their
        // first bytes are below 0xcc.
        let may_change = || text.bytes().any(|byte| byte >= 0xcc);
        let composed = || is_nfc_quick(text.chars()) == IsNormalized::Yes;
        if self.nfc && may_change() && !composed() {
            Cow::Owned(text.nfc().map(|(character, _)| character).collect())
        } else {
            Cow::Borrowed(text)
        }
    }

    /// The tokens of the byte-pair vocabulary with their ids; added tokens and ids without a token
    /// are skipped.
    pub(crate) fn ordinary_tokens(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let mut added: Vec<u32> = self.added.iter().map(|token| token.id).collect();
        added.sort_unstable();
        let tokens = self.vocabulary.iter().filter(|(_, token)| !token.is_empty());
        tokens.filter(move |(id, _)| added.binary_search(id).is_err())
    }
}
