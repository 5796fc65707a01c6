//! The languages of a text's paragraphs, and the share of each language in a text.

use super::{Detector, Language};

/// A paragraph and its language.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paragraph<'a> {
    /// First byte of the paragraph in the text.
    pub start: usize,
    /// The byte after its last one. Line ends do not belong to a paragraph.
    pub end: usize,
    /// `None` for a paragraph without letters of a known script.
    pub language: Option<Language<'a>>,
}

/// The share of a language in a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share<'a> {
    /// ISO 639-1 code where the language has one, else ISO 639-3; empty for paragraphs without
    /// letters.
    pub code: &'a str,
    /// Bytes of its paragraphs divided by the bytes of all paragraphs, from 0 to 1.
    pub share: f32,
}

/// A paragraph with fewer letters takes the language of the one before it, because a heading, a
/// name or a list item is too short for a reliable detection.
const LETTERS_MIN: usize = 20;

impl Detector {
    /// The paragraphs of a text in order, with their languages. Each line that is not blank is a
    /// paragraph. A line of fewer than 20 letters takes the language of the line before it if both
    /// have the same script.
    pub fn paragraphs(&self, text: &str) -> Vec<Paragraph<'_>> {
        let mut paragraphs: Vec<Paragraph<'_>> = Vec::new();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let body = line.trim();
            if !body.is_empty() {
                let start = start + line.len() - line.trim_start().len();
                let mut language = self.detect(body);
                if is_short(body)
                    && let Some(before) = paragraphs.last().and_then(|last| last.language)
                    && language.is_some_and(|found| found.script == before.script)
                {
                    language = Some(before);
                }
                paragraphs.push(Paragraph { start, end: start + body.len(), language });
            }
            start += line.len();
        }
        paragraphs
    }
}

fn is_short(text: &str) -> bool {
    text.chars().filter(|character| character.is_alphabetic()).take(LETTERS_MIN).count()
        < LETTERS_MIN
}

/// The shares of the languages in the bytes of some paragraphs, largest first, ties ordered by
/// code.
pub fn shares<'a>(paragraphs: &[Paragraph<'a>]) -> Vec<Share<'a>> {
    let total: usize = paragraphs.iter().map(|paragraph| paragraph.end - paragraph.start).sum();
    let mut parts: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    for paragraph in paragraphs {
        let code = paragraph.language.map_or("", |language| language.code);
        *parts.entry(code).or_default() += paragraph.end - paragraph.start;
    }
    let mut parts: Vec<_> = parts.into_iter().collect();
    parts.sort_by_key(|&(_, bytes)| std::cmp::Reverse(bytes));
    parts
        .into_iter()
        .map(|(code, bytes)| Share { code, share: (bytes as f64 / total as f64) as f32 })
        .collect()
}
