//! Finding added tokens in a text, before the rest of it is split.

use aho_corasick::packed::Searcher;
use aho_corasick::{AhoCorasick, Anchored, Input, Match, MatchKind, StartKind};
use regex_syntax::is_word_character;

use crate::TokenizerError;
use crate::model::{AddedToken, Model};

/// How many leading bytes of the tokens the fast searcher compares at once.
const MAX_BEGINNING_BYTES: usize = 3;

/// A part of a text: a token found in it, or the text between tokens.
pub(crate) enum Segment<'a> {
    /// An added token.
    Token(u32),
    /// Text to encode.
    Text(&'a str),
}

/// The finders for some of the added tokens.
#[derive(Debug, Clone)]
pub(crate) struct Finders {
    /// Finds tokens in the text before normalisation.
    pub(crate) raw: Finder,
    /// Finds tokens in the normalised text.
    pub(crate) normalized: Finder,
    /// Whether neither finder has a token.
    pub(crate) idle: bool,
}

impl Finders {
    /// The finders for the added tokens that `wanted` selects.
    ///
    /// # Errors
    /// [`TokenizerError::Malformed`] where no automaton can be built from them.
    pub(crate) fn new(
        model: &Model,
        wanted: impl Fn(&AddedToken) -> bool,
    ) -> Result<Self, TokenizerError> {
        let select = |normalized: bool| {
            let tokens = model.added.iter();
            Finder::new(tokens.filter(|token| wanted(token) && token.normalized == normalized).map(
                |token| {
                    let content = &token.content;
                    let text = if normalized { model.normalize(content) } else { content.into() };
                    (token, text.into_owned())
                },
            ))
        };
        let idle = !model.added.iter().any(&wanted);
        Ok(Self { raw: select(false)?, normalized: select(true)?, idle })
    }
}

/// Finds added tokens in text. Of overlapping tokens it takes the leftmost, then the longest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Finder {
    automaton: Option<AhoCorasick>,
    /// Finds where a token may begin, many bytes at a time, by the first bytes of the tokens.
    beginnings: Option<Searcher>,
    tokens: Vec<Found>,
}

/// What a match becomes.
#[derive(Debug, Clone, Copy)]
struct Found {
    id: u32,
    single_word: bool,
    lstrip: bool,
    rstrip: bool,
}

impl Finder {
    /// A finder for `tokens`, each with the text to search.
    fn new<'a>(
        tokens: impl Iterator<Item = (&'a AddedToken, String)>,
    ) -> Result<Self, TokenizerError> {
        let found = |token: &AddedToken| {
            let &AddedToken { id, single_word, lstrip, rstrip, .. } = token;
            Found { id, single_word, lstrip, rstrip }
        };
        let (tokens, contents): (Vec<Found>, Vec<String>) = tokens
            .filter(|(_, content)| !content.is_empty())
            .map(|(token, content)| (found(token), content))
            .unzip();
        if tokens.is_empty() {
            return Ok(Self::default());
        }
        let beginnings = beginnings(&contents);
        let anchored = beginnings.is_some();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .start_kind(if anchored { StartKind::Anchored } else { StartKind::Unanchored })
            .build(contents)
            .map_err(|error| TokenizerError::malformed(format!("added_tokens: {error}")))?;
        Ok(Self { automaton: Some(automaton), beginnings, tokens })
    }

    /// The first token at or after `from`.
    fn find(&self, text: &str, mut from: usize) -> Option<Match> {
        let automaton = self.automaton.as_ref()?;
        let Some(beginnings) = &self.beginnings else {
            return automaton.find(Input::new(text).range(from..));
        };
        loop {
            let input = Input::new(text).range(from..);
            let start = beginnings.find_in(text, input.get_span())?.start();
            let there = Input::new(text).range(start..).anchored(Anchored::Yes);
            if let Some(found) = automaton.find(there) {
                return Some(found);
            }
            from = start + 1;
        }
    }

    /// Calls `visit` for each part of `text` in order; texts are never empty.
    pub(crate) fn segments<'a>(&self, text: &'a str, mut visit: impl FnMut(Segment<'a>)) {
        let (mut start, mut from) = (0, 0);
        while let Some(hit) = self.find(text, from) {
            from = hit.end();
            let token = self.tokens[hit.pattern().as_usize()];
            let (before, after) = (&text[..hit.start()], &text[hit.end()..]);
            let in_word =
                || before.ends_with(is_word_character) || after.starts_with(is_word_character);
            if token.single_word && in_word() {
                continue;
            }
            let first = if token.lstrip { before.trim_end().len() } else { before.len() };
            if first > start {
                visit(Segment::Text(&text[start..first]));
            }
            visit(Segment::Token(token.id));
            let stripped = if token.rstrip { after.len() - after.trim_start().len() } else { 0 };
            start = hit.end() + stripped;
        }
        if start < text.len() {
            visit(Segment::Text(&text[start..]));
        }
    }
}

/// A searcher for the first bytes of the tokens. `None` if a token has one byte only, because such
/// a searcher would stop too often, or if there are too many different beginnings for one.
fn beginnings(contents: &[String]) -> Option<Searcher> {
    let length = contents.iter().map(String::len).min()?.min(MAX_BEGINNING_BYTES);
    let mut found: Vec<&[u8]> = contents.iter().map(|text| &text.as_bytes()[..length]).collect();
    found.sort_unstable();
    found.dedup();
    if length > 1 { Searcher::new(found) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `single_word` is defined by `\w`, in the regex engine of Hugging Face's library.
    #[test]
    fn word_characters_are_those_of_regular_expressions() {
        let regex = fancy_regex::Regex::new(r"\w").unwrap();
        let text: String = ('\0'..=char::MAX).collect();
        let found = regex.find_iter(&text).map(|hit| hit.unwrap().start());
        let expected = text.char_indices().filter(|&(_, letter)| is_word_character(letter));
        assert!(found.eq(expected.map(|(at, _)| at)));
    }
}
