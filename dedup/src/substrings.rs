//! Passages that occur more than once in a corpus, found exactly.
//!
//! The definition is that of Lee et al. 2022, "Deduplicating Training Data Makes Language Models
//! Better", §4.1: a passage is repeated when at least `min_tokens` tokens in a row (50 there) occur
//! elsewhere, in another document or in the same one. A token is a word of [`text::words`]; words
//! are compared byte by byte, and what is between them (white space, punctuation) is not compared. A
//! word of Chinese or Japanese is one character, so that 50 words there are about a long sentence.
//! The paper sorts all suffixes of the corpus, which takes several times its size of memory; here
//! memory is bounded, and three passes over the documents take the place of the suffix array:
//!
//! 1. [`Substrings::anchors`] samples a document's k-grams by winnowing (Schleimer, Wilkerson and
//!    Aiken 2003, "Winnowing: Local Algorithms for Document Fingerprinting", §3): from every window
//!    of `w` successive k-grams the one with the smallest hash. Windows of `w + k - 1 = min_tokens`
//!    equal tokens give the same k-gram, so every repeated window has an anchor that is repeated.
//!    [`AnchorSorter`] finds those that occur more than once.
//! 2. [`Substrings::windows`] hashes every window of `min_tokens` tokens whose anchor is repeated
//!    to 122 bits; [`WindowSorter`] finds equal ones. This is the verification: two different
//!    windows among 10^12 are taken for the same with a probability of about 10^-13.
//! 3. [`Substrings::spans`] turns the repeated windows of a document into byte spans, and
//!    [`remove_spans`] takes them out.
//!
//! With [`Kept::First`] the first occurrence of each window stays, by the order of documents and
//! then within the document. So every removed token is the same token of an equal window that
//! stands earlier in the input, and what is said once is never lost. A text that repeats itself
//! keeps its first period.
//!
//! Measured with `examples/repeats` on 193 MB of manuals in 60 languages, 29 million words, with one
//! thread: 18 % of the bytes are repeated, in the spans that a suffix array over the words gives, to
//! the byte. All three passes and sorts took 3.3 s of processor time; that suffix array 4.7 s
//! (libsais), and one over the bytes, as in the paper, 9.6 s (libsais) or 22 s (divsufsort). It needs
//! 8 bytes of memory a word, or 5 a byte. Here 0.06 rows of 13 bytes a word are sorted in the first
//! pass and 0.12 of 32 bytes in the second, on disk if need be; with less to repeat there is less to
//! sort: 0.005 on 38 MB of news and reviews of which 0.6 % is repeated.

mod anchors;
mod remove;
#[cfg(test)]
mod tests;
mod windows;
mod winnow;

use std::ops::Range;

use text::words::words;
use xxhash_rust::xxh3::xxh3_64;

pub use anchors::{AnchorSorter, Anchors, RepeatedAnchors};
pub use remove::remove_spans;
pub use windows::{Kept, PartWindows, RepeatedWindows, Window, WindowSorter};
use winnow::Winnowing;

/// Finds the anchors, windows and spans of one document.
#[derive(Debug, Clone)]
pub struct Substrings {
    winnowing: Winnowing,
}

/// Memory that is used again from document to document.
#[derive(Debug, Default)]
pub struct Scratchpad {
    tokens: Vec<u64>,
}

impl Substrings {
    /// Passages of `min_tokens` words and more; 0 counts as 1.
    ///
    /// Lee et al. take 50. Far fewer make proverbs, names of places and set phrases repeated
    /// passages.
    pub fn new(min_tokens: u32) -> Self {
        Self { winnowing: Winnowing::new(min_tokens.max(1) as usize) }
    }

    /// Words of the shortest passage.
    pub fn min_tokens(&self) -> usize {
        self.winnowing.window_tokens()
    }

    /// Appends the anchors of a text: in order, each at most twice, which says that the text repeats
    /// it. About 0.08 a word with `min_tokens` 50; none for a text of fewer words.
    pub fn anchors(&self, text: &str, pad: &mut Scratchpad, out: &mut Vec<u64>) {
        pad.read(text);
        let start = out.len();
        let mut last = None;
        self.winnowing.for_each_window(&pad.tokens, |_, anchor| {
            if last.replace(anchor.position) != Some(anchor.position) {
                out.push(anchor.value);
            }
        });
        out[start..].sort_unstable();
        keep_at_most_two(out, start);
    }

    /// Appends the windows of a text that may be repeated: those whose anchor is among `anchors`,
    /// the repeated ones of the text's part.
    pub fn windows(
        &self,
        text: &str,
        anchors: &Anchors,
        pad: &mut Scratchpad,
        out: &mut Vec<Window>,
    ) {
        pad.read(text);
        let mut hashes = windows::WindowHashes::new(&pad.tokens, self.min_tokens());
        let mut last = None;
        let mut is_repeated = false;
        self.winnowing.for_each_window(&pad.tokens, |position, anchor| {
            let hash = hashes.next_window();
            if last.replace(anchor.position) != Some(anchor.position) {
                is_repeated = anchors.contains(anchor.value);
            }
            if is_repeated {
                out.push(Window { hash, position: position as u32 });
            }
        });
    }

    /// The byte spans of the repeated windows of a text, which start at the given words: from the
    /// first byte of a first word to the last of a last word, ascending and apart.
    ///
    /// `positions` ascend; those beyond the text are passed over.
    pub fn spans(&self, text: &str, positions: &[u32]) -> Vec<Range<usize>> {
        let mut spans: Vec<Range<usize>> = Vec::new();
        let mut positions = positions.iter().map(|&position| position as usize).peekable();
        // Words up to this index are inside the span that is open.
        let mut inside_until = 0;
        for (index, word) in words(text).enumerate() {
            let start = word.as_ptr() as usize - text.as_ptr() as usize;
            // A span that ends where another starts goes on as one.
            let is_open = index <= inside_until && !spans.is_empty();
            while positions.next_if(|&position| position <= index).is_some_and(|p| p == index) {
                inside_until = index + self.min_tokens();
            }
            if index < inside_until {
                match spans.last_mut().filter(|_| is_open) {
                    Some(span) => span.end = start + word.len(),
                    None => spans.push(start..start + word.len()),
                }
            } else if positions.peek().is_none() {
                break;
            }
        }
        spans
    }
}

impl Scratchpad {
    /// Hashes the words of a text. Two different words have the same hash with a probability of
    /// 2^-64, which counts only if all the words around them are the same too.
    fn read(&mut self, text: &str) {
        self.tokens.clear();
        // Positions are 32 bits wide: words beyond them would take a text of 4 GiB.
        let read = words(text).take(u32::MAX as usize);
        self.tokens.extend(read.map(|word| xxh3_64(word.as_bytes())));
    }
}

/// Shortens runs of equal values, from `start` on, to two.
fn keep_at_most_two(values: &mut Vec<u64>, start: usize) {
    let mut kept = start;
    for index in start..values.len() {
        let value = values[index];
        let has_two = kept >= start + 2 && values[kept - 2] == value && values[kept - 1] == value;
        if !has_two {
            values[kept] = value;
            kept += 1;
        }
    }
    values.truncate(kept);
}
