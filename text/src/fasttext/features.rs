//! Maps a text to rows of the input matrix: words, subwords and word n-grams (for subwords see
//! Bojanowski et al. 2017, "Enriching Word Vectors with Subword Information", section 3.2).

use super::arguments::Arguments;
use super::dictionary::{Dictionary, END_OF_TEXT, HASH_START, LABEL_PREFIX, hash, hash_step};

/// Multiplier of the hash of word n-grams (fastText 0.9.2, `addWordNgrams`).
const WORD_NGRAM_FACTOR: u64 = 116_049_371;

/// The options of a model that determine the features of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Features {
    bucket: u32,
    min_subword: usize,
    max_subword: usize,
    word_ngrams: usize,
}

/// Buffers reused from one text to the next.
#[derive(Debug, Clone, Default)]
pub(super) struct FeatureScratch {
    /// The hashes of the tokens; like in fastText they are signed.
    hashes: Vec<i32>,
    /// A word between the boundary marks `<` and `>`.
    marked: Vec<u8>,
}

impl Features {
    pub(super) fn new(arguments: &Arguments) -> Self {
        let has_buckets = arguments.bucket > 0;
        // The lengths come from a file. fastText treats negative ones like 0.
        let length = |n: i32| usize::try_from(n).unwrap_or(0);
        Self {
            // Without buckets no n-gram is hashed, so the 1 only avoids a division by zero.
            bucket: arguments.bucket.max(1) as u32,
            min_subword: length(arguments.min_subword),
            max_subword: if has_buckets { length(arguments.max_subword) } else { 0 },
            word_ngrams: if has_buckets { length(arguments.word_ngrams) } else { 0 },
        }
    }

    /// Calls `found` with every row of a text, in fastText's order.
    #[inline]
    pub(super) fn visit(
        self,
        text: &[u8],
        dictionary: &Dictionary,
        scratch: &mut FeatureScratch,
        mut found: impl FnMut(usize),
    ) {
        scratch.hashes.clear();
        for token in tokens(text) {
            self.visit_token(token, dictionary, scratch, &mut found);
        }
        if self.word_ngrams > 1 {
            self.visit_word_ngrams(dictionary, &scratch.hashes, found);
        }
    }

    #[inline]
    fn visit_token(
        self,
        token: &[u8],
        dictionary: &Dictionary,
        scratch: &mut FeatureScratch,
        found: &mut impl FnMut(usize),
    ) {
        let hash = hash(token);
        match dictionary.find(hash, token) {
            // A label inside a text is not a word.
            Some(id) if id >= dictionary.word_count() => return,
            Some(id) => found(id),
            None if token.starts_with(LABEL_PREFIX.as_bytes()) => return,
            None => {}
        }
        scratch.hashes.push(hash as i32);
        if self.max_subword > 0 && token != END_OF_TEXT {
            scratch.marked.clear();
            scratch.marked.push(b'<');
            scratch.marked.extend_from_slice(token);
            scratch.marked.push(b'>');
            self.visit_subwords(dictionary, &scratch.marked, found);
        }
    }

    /// Visits all substrings of `min_subword` to `max_subword` characters, except a single boundary
    /// mark.
    #[inline]
    fn visit_subwords(self, dictionary: &Dictionary, marked: &[u8], found: &mut impl FnMut(usize)) {
        for start in 0..marked.len() {
            if is_continuation(marked[start]) {
                continue;
            }
            let mut hash = HASH_START;
            let mut end = start;
            let mut length = 1;
            while end < marked.len() && length <= self.max_subword {
                hash = hash_step(hash, marked[end]);
                end += 1;
                while end < marked.len() && is_continuation(marked[end]) {
                    hash = hash_step(hash, marked[end]);
                    end += 1;
                }
                let is_mark = length == 1 && (start == 0 || end == marked.len());
                if length >= self.min_subword
                    && !is_mark
                    && let Some(row) = dictionary.bucket_row(hash % self.bucket)
                {
                    found(row);
                }
                length += 1;
            }
        }
    }

    fn visit_word_ngrams(
        self,
        dictionary: &Dictionary,
        hashes: &[i32],
        mut found: impl FnMut(usize),
    ) {
        for start in 0..hashes.len() {
            // The hashes are signed in fastText, so the conversion extends the sign.
            let mut hash = hashes[start] as u64;
            let end = hashes.len().min(start + self.word_ngrams);
            for &next in &hashes[start + 1..end] {
                hash = hash.wrapping_mul(WORD_NGRAM_FACTOR).wrapping_add(next as u64);
                let bucket = (hash % u64::from(self.bucket)) as u32;
                if let Some(row) = dictionary.bucket_row(bucket) {
                    found(row);
                }
            }
        }
    }
}

/// The tokens of a text, followed by an end-of-text token. If the text itself contains such a
/// token, it ends there. Line ends count as spaces.
#[inline]
pub(super) fn tokens(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut is_over = false;
    text.split(|&byte| is_separator(byte))
        .filter(|token| !token.is_empty())
        .chain([END_OF_TEXT])
        .take_while(move |token| {
            let was_over = is_over;
            is_over = *token == END_OF_TEXT;
            !was_over
        })
}

/// Whether a byte separates tokens. All separators are ASCII, so other Unicode spaces do not end a
/// token.
#[inline]
fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | 0x0B | 0x0C | 0)
}

#[inline]
fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}
