//! Finds the passages that occur more than once in a corpus, exactly.
//!
//! The definition is that of Lee et al. 2022, "Deduplicating Training Data Makes Language Models
//! Better", §4.1: a passage is repeated if at least `min_tokens` successive tokens (50 in the
//! paper) occur elsewhere, in another document or in the same one. A token is a word of
//! [`text::words`]. Words are compared byte by byte; the white space and punctuation between them
//! is not compared. In Chinese and Japanese each character is a word, so 50 words are about one
//! long sentence there. The paper sorts all suffixes of the corpus, which takes several times the
//! corpus's size in memory. Here memory is bounded, and three passes over the documents replace the
//! suffix array:
//!
//! 1. [`Substrings::anchors`] samples a document's k-grams by winnowing (Schleimer, Wilkerson and
//!    Aiken 2003, "Winnowing: Local Algorithms for Document Fingerprinting", §3): from every window
//!    of `w` successive k-grams it takes the one with the smallest hash, the anchor. Windows of
//!    `w + k - 1 = min_tokens` equal tokens have the same anchor, so the anchor of every repeated
//!    window is repeated too. [`AnchorSorter`] finds the repeated anchors.
//! 2. [`Substrings::windows`] hashes every window of `min_tokens` tokens with a repeated anchor to
//!    122 bits, and [`WindowSorter`] finds equal hashes. This pass verifies the anchors: among
//!    10^12 different windows, any two have the same hash with a probability of about 10^-13.
//! 3. [`Substrings::spans`] turns the repeated windows of a document into byte spans, and
//!    [`remove_spans`] removes them.
//!
//! With [`Kept::First`] the first occurrence of each window is kept, by the order of documents and
//! then within the document. So every removed token also occurs in an equal window earlier in the
//! input, and nothing is lost that occurs only once. A text that repeats itself keeps its first
//! period.
//!
//! Measured with `examples/repeats` on 193 MB of manuals in 60 languages, 29 million words, with
//! one thread: 18 % of the bytes are repeated, and the spans equal those from a suffix array over
//! the words, to the byte. All three passes and sorts took 3.3 s of processor time. That suffix
//! array took 4.7 s (libsais), and one over the bytes, as in the paper, 9.6 s (libsais) or 22 s
//! (divsufsort). A suffix array needs 8 bytes of memory per word, or 5 per byte. Here the first
//! pass sorts 0.06 rows of 13 bytes per word and the second 0.12 rows of 32 bytes per word, on disk
//! if needed. With fewer repetitions there are fewer rows: 0.005 per word on 38 MB of news and
//! reviews, of which 0.6 % is repeated.

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

/// A buffer that is reused from document to document.
#[derive(Debug, Default)]
pub struct Scratchpad {
    tokens: Vec<u64>,
}

impl Substrings {
    /// Makes a finder of passages of at least `min_tokens` words. 0 counts as 1.
    ///
    /// Lee et al. use 50. With far fewer, proverbs, place names and set phrases become repeated
    /// passages.
    pub fn new(min_tokens: u32) -> Self {
        Self { winnowing: Winnowing::new(min_tokens.max(1) as usize) }
    }

    /// The number of words in the shortest passage.
    fn min_tokens(&self) -> usize {
        self.winnowing.window_tokens()
    }

    /// Appends the anchors of a text to `out`, ascending. An anchor appears at most twice; twice
    /// means that the text repeats it. There are about 0.08 anchors per word if `min_tokens` is 50,
    /// and none for a text of fewer than `min_tokens` words.
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

    /// Appends the windows of a text that may be repeated to `out`: those whose anchor is among
    /// `anchors`, the repeated anchors of the text's part.
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

    /// Returns the byte spans of the repeated windows of a text. A span reaches from the first byte
    /// of its first word to the last byte of its last word. Spans are ascending and do not overlap.
    ///
    /// `positions` are the indices of the windows' first words, ascending. Positions beyond the
    /// text are ignored.
    pub fn spans(&self, text: &str, positions: &[u32]) -> Vec<Range<usize>> {
        let mut spans: Vec<Range<usize>> = Vec::new();
        let mut positions = positions.iter().map(|&position| position as usize).peekable();
        // Words before this index are inside a repeated window.
        let mut inside_until = 0;
        for (index, word) in words(text).enumerate() {
            let start = word.as_ptr() as usize - text.as_ptr() as usize;
            // Windows that overlap or touch make one span.
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
    /// 2^-64. That matters only if all the words around them are equal too.
    fn read(&mut self, text: &str) {
        self.tokens.clear();
        // Positions are 32 bits wide. Only a text of more than 4 GiB has more words.
        let read = words(text).take(u32::MAX as usize);
        self.tokens.extend(read.map(|word| xxh3_64(word.as_bytes())));
    }
}

/// Shortens each run of equal values, from index `start` on, to at most two values.
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
