//! Tokens beside the byte-pair vocabulary that are found in a text before it is split.

use std::sync::LazyLock;

use aho_corasick::packed::Searcher;
use aho_corasick::{AhoCorasick, Anchored, Input, Match, MatchKind, StartKind};

use crate::TokenizerError;
use crate::tokenizer::AddedToken;

/// How many bytes of the tokens are looked for before the whole: as many as a searcher compares at once.
const MAX_BEGINNING_BYTES: usize = 3;

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
    /// Finds where a token may begin, many bytes at a time: by what the tokens begin with.
    beginnings: Option<Searcher>,
    tokens: Vec<Found>,
}

/// What a hit becomes.
#[derive(Debug, Clone, Copy)]
struct Found {
    id: u32,
    single_word: bool,
    lstrip: bool,
    rstrip: bool,
}

impl Finder {
    /// A finder of `tokens`.
    ///
    /// # Errors
    /// [`TokenizerError::Malformed`] where the tokens are too many for an automaton.
    pub(crate) fn new<'a>(
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
            if token.single_word && (before.ends_with(is_word) || after.starts_with(is_word)) {
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

/// A searcher for what the tokens begin with. `None` for tokens of one byte, which a searcher of many
/// would find too often, and where there are too many beginnings for one.
fn beginnings(contents: &[String]) -> Option<Searcher> {
    let length = contents.iter().map(String::len).min()?.min(MAX_BEGINNING_BYTES);
    let mut found: Vec<&[u8]> = contents.iter().map(|text| &text.as_bytes()[..length]).collect();
    found.sort_unstable();
    found.dedup();
    if length > 1 { Searcher::new(found) } else { None }
}

/// Whether regular expressions match the character by `\w`.
fn is_word(character: char) -> bool {
    static WORD: LazyLock<Option<fancy_regex::Regex>> =
        LazyLock::new(|| fancy_regex::Regex::new(r"\w").ok());
    let matches = |regex: &fancy_regex::Regex| {
        regex.is_match(character.encode_utf8(&mut [0; 4])).unwrap_or(false)
    };
    WORD.as_ref().is_some_and(matches)
}
