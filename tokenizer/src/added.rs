//! Tokens beside the byte-pair vocabulary that are found in a text before it is split.

use aho_corasick::{AhoCorasick, MatchKind};

use crate::TokenizerError;
use crate::tokenizer::AddedToken;

/// A part of a text: a token found in it, or text between tokens.
pub(crate) enum Segment<'a> {
    /// An added token.
    Token(u32),
    /// Text to encode.
    Text(&'a str),
}

/// Finds added tokens in text; of overlapping ones the leftmost, then the longest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Finder {
    automaton: Option<AhoCorasick>,
    ids: Vec<u32>,
}

impl Finder {
    /// A finder of `tokens`.
    ///
    /// # Errors
    /// [`TokenizerError::Malformed`] where the tokens are too many for an automaton.
    pub(crate) fn new<'a>(
        tokens: impl Iterator<Item = (&'a AddedToken, String)>,
    ) -> Result<Self, TokenizerError> {
        let (ids, contents): (Vec<u32>, Vec<String>) = tokens
            .filter(|(_, content)| !content.is_empty())
            .map(|(token, content)| (token.id, content))
            .unzip();
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(contents)
            .map_err(|error| TokenizerError::malformed(format!("added_tokens: {error}")))?;
        Ok(Self { automaton: Some(automaton), ids })
    }

    /// Calls `visit` for each part of `text` in order; texts are never empty.
    pub(crate) fn segments<'a>(&self, text: &'a str, mut visit: impl FnMut(Segment<'a>)) {
        let mut start = 0;
        if let Some(automaton) = &self.automaton {
            for hit in automaton.find_iter(text) {
                if hit.start() > start {
                    visit(Segment::Text(&text[start..hit.start()]));
                }
                visit(Segment::Token(self.ids[hit.pattern().as_usize()]));
                start = hit.end();
            }
        }
        if start < text.len() {
            visit(Segment::Text(&text[start..]));
        }
    }
}
