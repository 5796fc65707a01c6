//! Encoding text: find added tokens, split the rest, look each piece up among the words seen before
//! and merge the others.

use std::borrow::Cow;
use std::fmt;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::Tokenizer;
use crate::added::Segment;
use crate::batch::{BATCH, PieceBatch};
use crate::bpe::Merger;
use crate::key::Key;
use crate::tokenizer::Finders;

/// The most words an encoder remembers: 2¹⁷ slots of 32 bytes, 4 MiB.
const MAX_CACHE_SLOTS: usize = 1 << 17;

/// Text bytes for each token that there is room for from the start.
const TEXT_BYTES_PER_TOKEN: usize = 4;

/// The fewest slots worth having.
const MIN_CACHE_SLOTS: usize = 64;

/// Bytes of text per cache slot that a short text gets: distinct words come about this often.
const TEXT_BYTES_PER_SLOT: usize = 16;

/// The most tokens of a word that is remembered.
const CACHED_TOKENS: usize = 4;

/// Fills the unused places of a cached word.
const NO_TOKEN: u32 = u32::MAX;

/// A word of up to 15 bytes and its one to four tokens. The empty key marks an empty slot.
#[derive(Debug, Clone, Copy, Default)]
struct CachedWord {
    key: Key,
    tokens: [u32; CACHED_TOKENS],
}

/// Encodes texts one after the other, with a bounded memory of words.
///
/// What it remembers never changes the ids, only how fast they come.
pub struct Encoder<'t> {
    tokenizer: &'t Tokenizer,
    cache: Vec<CachedWord>,
    merger: Merger,
    counted: Vec<u32>,
}

impl<'t> Encoder<'t> {
    /// An encoder for long or many texts.
    pub fn new(tokenizer: &'t Tokenizer) -> Self {
        Self::for_length(tokenizer, usize::MAX)
    }

    /// An encoder for texts of `length` bytes together.
    pub(crate) fn for_length(tokenizer: &'t Tokenizer, length: usize) -> Self {
        let slots = (length / TEXT_BYTES_PER_SLOT).clamp(MIN_CACHE_SLOTS, MAX_CACHE_SLOTS);
        let cache = vec![CachedWord::default(); slots.next_power_of_two()];
        Self { tokenizer, cache, merger: Merger::default(), counted: Vec::new() }
    }

    /// Appends the ids of `text` to `out`: see [`Tokenizer::encode`].
    pub fn encode(&mut self, text: &str, out: &mut Vec<u32>) {
        self.encode_segments(text, &self.tokenizer.ordinary, out);
    }

    /// Appends the ids of `text` to `out`: see [`Tokenizer::encode_with_specials`].
    pub fn encode_with_specials(&mut self, text: &str, out: &mut Vec<u32>) {
        self.encode_segments(text, &self.tokenizer.all, out);
    }

    /// How many ids [`Encoder::encode`] gives for `text`.
    pub fn count(&mut self, text: &str) -> usize {
        let mut ids = std::mem::take(&mut self.counted);
        ids.clear();
        self.encode(text, &mut ids);
        let count = ids.len();
        self.counted = ids;
        count
    }

    fn encode_segments(&mut self, text: &str, finders: &Finders, out: &mut Vec<u32>) {
        if finders.idle {
            return self.encode_pieces(&self.normalize(text), out);
        }
        finders.raw.segments(text, |segment| match segment {
            Segment::Token(id) => out.push(id),
            Segment::Text(text) => {
                let text = self.normalize(text);
                finders.normalized.segments(&text, |segment| match segment {
                    Segment::Token(id) => out.push(id),
                    Segment::Text(text) => self.encode_pieces(text, out),
                });
            }
        });
    }

    /// The text in the form the tokenizer asks for.
    fn normalize<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.tokenizer.model.nfc && is_nfc_quick(text.chars()) != IsNormalized::Yes {
            Cow::Owned(text.nfc().collect())
        } else {
            Cow::Borrowed(text)
        }
    }

    fn encode_pieces(&mut self, text: &str, out: &mut Vec<u32>) {
        out.reserve(text.len() / TEXT_BYTES_PER_TOKEN);
        let mut pieces = self.tokenizer.model.split.pieces(text);
        let mut batch = PieceBatch::new();
        let mut known = [false; BATCH];
        let mask = self.cache.len() - 1;
        while batch.refill(&mut pieces) {
            for (known, (key, hash)) in known.iter_mut().zip(batch.keys()) {
                *known = self.cache[hash as usize & mask].key == key;
            }
            for ((&piece, (key, hash)), known) in batch.pieces().iter().zip(batch.keys()).zip(known)
            {
                // Another piece of this batch may have taken the slot meanwhile.
                let word = &self.cache[hash as usize & mask];
                if key.is_empty() {
                    self.encode_long(piece, out);
                } else if known && word.key == key {
                    let [first, second, ..] = word.tokens;
                    out.push(first);
                    if second != NO_TOKEN {
                        let rest = word.tokens.into_iter().skip(1);
                        out.extend(rest.take_while(|&token| token != NO_TOKEN));
                    }
                } else {
                    self.encode_short(piece, key, hash, out);
                }
            }
        }
    }

    /// Encodes a piece of up to 15 bytes that is not in its slot of the cache, and puts it there.
    #[inline(never)]
    fn encode_short(&mut self, piece: &str, key: Key, hash: u64, out: &mut Vec<u32>) {
        let start = out.len();
        match self.tokenizer.whole_words.get(key, hash) {
            Some(token) => out.push(token),
            None => self.merge_piece(piece, out),
        }
        let found = &out[start..];
        if found.len() <= CACHED_TOKENS {
            let mut tokens = [NO_TOKEN; CACHED_TOKENS];
            tokens[..found.len()].copy_from_slice(found);
            let at = hash as usize & (self.cache.len() - 1);
            self.cache[at] = CachedWord { key, tokens };
        }
    }

    /// Encodes a piece of more than 15 bytes.
    #[inline(never)]
    fn encode_long(&mut self, piece: &str, out: &mut Vec<u32>) {
        match self.tokenizer.whole_words.get_long(piece.as_bytes()) {
            Some(token) => out.push(token),
            None => self.merge_piece(piece, out),
        }
    }

    #[inline(never)]
    fn merge_piece(&mut self, piece: &str, out: &mut Vec<u32>) {
        let model = &self.tokenizer.model;
        self.merger.merge(&model.merges, model.symbols(piece.as_bytes()), out);
    }
}

impl fmt::Debug for Encoder<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Encoder").field("cache_slots", &self.cache.len()).finish()
    }
}
