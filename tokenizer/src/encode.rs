//! Encoding text: find added tokens, split the rest, look each piece up in a cache of words, and
//! merge the pieces that are not in it.

use std::fmt;
use std::hint::black_box;
use std::sync::Arc;

use crate::added::{Finders, Segment};
use crate::batch::PieceBatch;
use crate::bpe::Merger;
use crate::key::Key;
use crate::long_words::LongWords;
use crate::split::BATCH;
use crate::tables::Tables;
use crate::windows::Windows;

/// The largest cache of an encoder: 2¹⁷ buckets of 64 bytes, 8 MiB.
const MAX_CACHE_BUCKETS: usize = 1 << 17;

/// The output reserves room for one token per this many bytes of text.
const TEXT_BYTES_PER_TOKEN: usize = 4;

/// The smallest cache.
const MIN_CACHE_BUCKETS: usize = 32;

/// Bytes of a short text per bucket. Text has a new word about every 16 bytes, and a bucket holds
/// two words.
const TEXT_BYTES_PER_BUCKET: usize = 32;

/// Buckets per cached word of more than 15 bytes.
const BUCKETS_PER_LONG_WORD: usize = 4;

/// Words of more tokens than this are not cached.
const CACHED_TOKENS: usize = 4;

/// Fills the unused places of a cached word.
const NO_TOKEN: u32 = u32::MAX;

/// The tokens of a word, or [`UNKNOWN`].
type WordTokens = [u32; CACHED_TOKENS];

const UNKNOWN: WordTokens = [NO_TOKEN; CACHED_TOKENS];

/// A word of up to 15 bytes and its one to four tokens. The empty key, with [`UNKNOWN`] tokens,
/// marks an empty place.
#[derive(Debug, Clone, Copy)]
struct CachedWord {
    key: Key,
    tokens: WordTokens,
}

impl CachedWord {
    /// All ones if the word has this key, else zero.
    #[inline]
    fn mask(&self, key: Key) -> u32 {
        u32::from(self.key == key).wrapping_neg()
    }
}

/// The tokens of the word that has this key, or [`UNKNOWN`] if neither has it. Because [`NO_TOKEN`]
/// is all ones, masks select without a branch.
#[inline]
fn chosen(newer: &CachedWord, older: &CachedWord, key: Key) -> WordTokens {
    let (first, second) = (!newer.mask(key), !older.mask(key));
    std::array::from_fn(|at| (newer.tokens[at] | first) & (older.tokens[at] | second))
}

/// The last two words whose hashes led here, the newer one first. A bucket is one cache line.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Bucket([CachedWord; 2]);

const EMPTY_BUCKET: Bucket = Bucket([CachedWord { key: Key::EMPTY, tokens: UNKNOWN }; 2]);

/// Working memory for a batch of pieces. Its content is not used across batches.
struct Scratch {
    /// The tokens of each piece, or [`UNKNOWN`].
    known: [WordTokens; BATCH],
    /// Which pieces of the batch are not in the cache.
    unknown: [u8; BATCH],
    /// For each of these, the token that it is as a whole, or [`NO_TOKEN`].
    whole: [u32; BATCH],
    /// Tokens to be appended to the output.
    ids: [u32; BATCH * CACHED_TOKENS],
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            known: [UNKNOWN; BATCH],
            unknown: [0; BATCH],
            whole: [NO_TOKEN; BATCH],
            ids: [0; BATCH * CACHED_TOKENS],
        }
    }
}

/// Encodes texts one after the other, with a cache of words of bounded size.
///
/// The cache never changes the ids, only the speed.
pub struct Encoder {
    tables: Arc<Tables>,
    memory: Memory,
    scratch: Box<Scratch>,
}

impl Encoder {
    /// An encoder for texts of `length` bytes in total.
    pub(crate) fn with_tables(tables: Arc<Tables>, length: usize) -> Self {
        Self { tables, memory: Memory::for_length(length), scratch: Box::default() }
    }

    /// Appends the ids of `text` to `out`: see [`Tokenizer::encode`](crate::Tokenizer::encode).
    pub fn encode(&mut self, text: &str, out: &mut Vec<u32>) {
        let Self { tables, memory, scratch } = self;
        memory.encode_segments(tables, text, &tables.ordinary, scratch, out);
    }

    /// Appends the ids of `text` to `out`: see
    /// [`Tokenizer::encode_with_specials`](crate::Tokenizer::encode_with_specials).
    pub(crate) fn encode_with_specials(&mut self, text: &str, out: &mut Vec<u32>) {
        let Self { tables, memory, scratch } = self;
        memory.encode_segments(tables, text, &tables.all, scratch, out);
    }

    /// Appends the tokens of a piece, without the cache.
    pub(crate) fn encode_word(&mut self, word: &[u8], out: &mut Vec<u32>) {
        self.memory.encode_word(&self.tables, word, out);
    }

    /// Appends the tokens that the merges make of `bytes` as one piece.
    pub(crate) fn merge_bytes(&mut self, bytes: &[u8], out: &mut Vec<u32>) {
        self.memory.merge_bytes(&self.tables, bytes, out);
    }
}

/// What an encoder keeps from text to text: the cache of words, and working memory.
struct Memory {
    cache: Vec<Bucket>,
    long_words: LongWords,
    merger: Merger,
}

impl Memory {
    /// A cache for texts of `length` bytes in total.
    fn for_length(length: usize) -> Self {
        let wanted = length / TEXT_BYTES_PER_BUCKET;
        let buckets = wanted.clamp(MIN_CACHE_BUCKETS, MAX_CACHE_BUCKETS);
        let cache = vec![EMPTY_BUCKET; buckets.next_power_of_two()];
        let long_words = LongWords::new(cache.len() / BUCKETS_PER_LONG_WORD);
        Self { cache, long_words, merger: Merger::default() }
    }

    fn encode_segments(
        &mut self,
        tables: &Tables,
        text: &str,
        finders: &Finders,
        scratch: &mut Scratch,
        out: &mut Vec<u32>,
    ) {
        let model = &tables.model;
        let joins = model.characters.as_ref().and_then(|characters| characters.joins.as_ref());
        if finders.idle {
            let text = model.normalize(text);
            let mut batch = PieceBatch::with_joins(model.split, joins, &text);
            out.reserve(text.len() / TEXT_BYTES_PER_TOKEN);
            return self.encode_pieces(tables, &mut batch, scratch, out);
        }
        finders.raw.segments(text, |segment| match segment {
            Segment::Token(id) => out.push(id),
            Segment::Text(text) => {
                let text = model.normalize(text);
                out.reserve(text.len() / TEXT_BYTES_PER_TOKEN);
                let mut batch = PieceBatch::with_joins(model.split, joins, "");
                finders.normalized.segments(&text, |segment| match segment {
                    Segment::Token(id) => out.push(id),
                    Segment::Text(text) => {
                        batch.restart(model.split, joins, text);
                        self.encode_pieces(tables, &mut batch, scratch, out);
                    }
                });
            }
        });
    }

    fn encode_pieces(
        &mut self,
        tables: &Tables,
        batch: &mut PieceBatch<'_>,
        scratch: &mut Scratch,
        out: &mut Vec<u32>,
    ) {
        while batch.refill() {
            self.recall(tables, batch, scratch);
            self.emit(tables, batch, scratch, out);
        }
    }

    /// Appends the tokens of the pieces of a batch. Pieces whose tokens are not known are merged
    /// here.
    #[inline]
    fn emit(
        &mut self,
        tables: &Tables,
        batch: &PieceBatch<'_>,
        Scratch { known, ids, .. }: &mut Scratch,
        out: &mut Vec<u32>,
    ) {
        let mut length = 0;
        for (at, ((key, hash), tokens)) in batch.keys().zip(&*known).enumerate() {
            if tokens[0] == NO_TOKEN {
                out.extend_from_slice(&ids[..length]);
                length = 0;
                self.encode_unknown(tables, batch.piece(at), (key, hash), out);
                continue;
            }
            // All four places are written, and the next piece overwrites those that hold no token.
            // A branch on the number of tokens would be mispredicted too often.
            if let Some(place) = ids[length..].first_chunk_mut() {
                *place = *tokens;
            }
            length += tokens.iter().map(|&token| usize::from(token != NO_TOKEN)).sum::<usize>();
        }
        out.extend_from_slice(&ids[..length]);
    }

    /// Looks up the pieces of a batch in the cache, and the missing ones among the words that are
    /// one token. The loops do nothing else, so that the processor has many look-ups in flight at
    /// once.
    #[inline]
    fn recall(
        &mut self,
        tables: &Tables,
        batch: &PieceBatch<'_>,
        Scratch { known, unknown, whole, .. }: &mut Scratch,
    ) {
        let mask = self.cache.len() - 1;
        // Touches all buckets first: a loop this short loads all of them from memory in parallel.
        let bucket = |(_, hash): (Key, u64)| self.cache[hash as usize & mask].0[0].tokens[0];
        black_box(batch.keys().map(bucket).fold(0, |all, token| all ^ token));
        let mut unknown_count = 0;
        for (at, (tokens, (key, hash))) in known.iter_mut().zip(batch.keys()).enumerate() {
            let Bucket([newer, older]) = &self.cache[hash as usize & mask];
            *tokens = chosen(newer, older, key);
            unknown[unknown_count] = at as u8;
            unknown_count += usize::from(tokens[0] == NO_TOKEN && !key.is_empty());
        }
        let unknown = &unknown[..unknown_count];
        for (whole, &at) in whole.iter_mut().zip(unknown) {
            let (key, hash) = batch.key(at.into());
            *whole = tables.whole_words.get(key, hash).unwrap_or(NO_TOKEN);
        }
        for (&at, &token) in unknown.iter().zip(&*whole) {
            if token != NO_TOKEN {
                let at = usize::from(at);
                let (key, hash) = batch.key(at);
                known[at][0] = token;
                self.remember(key, hash, known[at]);
            }
        }
    }

    fn remember(&mut self, key: Key, hash: u64, tokens: WordTokens) {
        let at = hash as usize & (self.cache.len() - 1);
        let Bucket([newer, older]) = &mut self.cache[at];
        *older = *newer;
        *newer = CachedWord { key, tokens };
    }

    /// Encodes a piece that is not in the cache, and caches it if it is short.
    #[inline(never)]
    fn encode_unknown(
        &mut self,
        tables: &Tables,
        piece: &str,
        (key, hash): (Key, u64),
        out: &mut Vec<u32>,
    ) {
        if key.is_empty() {
            return self.encode_long(tables, piece, out);
        }
        let start = out.len();
        self.merge_bytes(tables, piece.as_bytes(), out);
        let found = &out[start..];
        if found.len() <= CACHED_TOKENS {
            let mut tokens = UNKNOWN;
            tokens[..found.len()].copy_from_slice(found);
            self.remember(key, hash, tokens);
        }
    }

    /// Encodes a piece of more than 15 bytes, and caches it unless it is very long.
    #[inline(never)]
    fn encode_long(&mut self, tables: &Tables, piece: &str, out: &mut Vec<u32>) {
        let place = self.long_words.place(piece.as_bytes());
        if let Some(known) = place.as_ref().and_then(|place| self.long_words.get(place)) {
            return out.extend_from_slice(known);
        }
        let start = out.len();
        self.encode_word(tables, piece.as_bytes(), out);
        if let Some(place) = place {
            self.long_words.remember(&place, &out[start..]);
        }
    }

    /// Appends the tokens of a piece, without the cache.
    fn encode_word(&mut self, tables: &Tables, word: &[u8], out: &mut Vec<u32>) {
        let words = &tables.whole_words;
        let whole = match Key::new(word) {
            Some(key) if !key.is_empty() => words.get(key, key.hash()),
            _ => words.get_long(word),
        };
        match whole {
            Some(token) => out.push(token),
            None => self.merge_bytes(tables, word, out),
        }
    }

    /// Appends the tokens that the merges make of `bytes` as one piece.
    fn merge_bytes(&mut self, tables: &Tables, bytes: &[u8], out: &mut Vec<u32>) {
        let Tables { model, byte_pairs, .. } = tables;
        Windows::USUAL.merge(&mut self.merger, model, byte_pairs, bytes, out);
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Encoder")
            .field("cache_buckets", &self.memory.cache.len())
            .finish_non_exhaustive()
    }
}
