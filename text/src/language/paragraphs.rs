//! Languages of a text's paragraphs, and how much of the text each language has.

use super::{Detector, Language};

/// A paragraph and its language.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paragraph<'a> {
    /// First byte of the paragraph in the text.
    pub start: usize,
    /// The byte after its last one; the line ends that follow belong to no paragraph.
    pub end: usize,
    /// `None` for a paragraph without letters of a known script.
    pub language: Option<Language<'a>>,
}

/// A language's part of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share<'a> {
    /// ISO 639-1 code where the language has one, else ISO 639-3; empty for paragraphs without
    /// letters.
    pub code: &'a str,
    /// Bytes of its paragraphs, from 0 to 1 of the bytes of all.
    pub share: f32,
}

/// Letters below which a paragraph is judged with those before it, since a heading, a name or a
/// line of a list says little by itself.
const LETTERS_MIN: usize = 20;

impl Detector {
    /// The paragraphs of a text, in order: its lines that are not blank, each judged by itself. A
    /// line of fewer than 20 letters has the language of the line before it where both have the
    /// same script, and else what its letters say.
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

/// How much of the bytes of some paragraphs each language has, the largest share first, ties by
/// the code.
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
