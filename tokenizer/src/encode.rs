//! Encoding text: find added tokens, split the rest, look each piece up among the words seen before
//! and merge the others.

use std::fmt;
use std::hint::black_box;
use std::sync::Arc;

use crate::Tokenizer;
use crate::added::Segment;
use crate::batch::{BATCH, PieceBatch};
use crate::bpe::Merger;
use crate::key::Key;
use crate::long_words::LongWords;
use crate::tokenizer::Finders;
use crate::windows::Windows;

/// The most buckets of words that an encoder remembers: 2¹⁷ of 64 bytes, 8 MiB.
const MAX_CACHE_BUCKETS: usize = 1 << 17;

/// Text bytes for each token that there is room for from the start.
const TEXT_BYTES_PER_TOKEN: usize = 4;

/// The fewest buckets worth having.
const MIN_CACHE_BUCKETS: usize = 32;

/// Bytes of text per bucket that a short text gets: distinct words come about twice as often.
const TEXT_BYTES_PER_BUCKET: usize = 32;

/// Buckets for each place for a word of more than 15 bytes.
const BUCKETS_PER_LONG_WORD: usize = 4;

/// The most tokens of a word that is remembered.
const CACHED_TOKENS: usize = 4;

/// Fills the unused places of a cached word.
const NO_TOKEN: u32 = u32::MAX;

/// The tokens of a word; none at all where they are not known.
type WordTokens = [u32; CACHED_TOKENS];

const UNKNOWN: WordTokens = [NO_TOKEN; CACHED_TOKENS];

/// A word of up to 15 bytes and its one to four tokens. The empty key, whose tokens are not known,
/// marks an empty place.
#[derive(Debug, Clone, Copy)]
struct CachedWord {
    key: Key,
    tokens: WordTokens,
}

impl CachedWord {
    /// All ones if this is the word of `key`, else zero.
    #[inline]
    fn mask(&self, key: Key) -> u32 {
        u32::from(self.key == key).wrapping_neg()
    }
}

/// The tokens of whichever of two words has this key, [`UNKNOWN`] if neither has. [`NO_TOKEN`] is
/// all ones, so it takes no branch.
#[inline]
fn chosen(newer: &CachedWord, older: &CachedWord, key: Key) -> WordTokens {
    let (first, second) = (!newer.mask(key), !older.mask(key));
    std::array::from_fn(|at| (newer.tokens[at] | first) & (older.tokens[at] | second))
}

/// The two words whose keys led here last, the newer one first: one line of the processor's cache.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Bucket([CachedWord; 2]);

const EMPTY_BUCKET: Bucket = Bucket([CachedWord { key: Key::EMPTY, tokens: UNKNOWN }; 2]);

/// Working memory for a batch of pieces: what it holds means nothing from batch to batch.
struct Scratch {
    /// The tokens of each piece, as far as they are known.
    known: [WordTokens; BATCH],
    /// The places in the batch of pieces that are not among the words seen before.
    unknown: [u8; BATCH],
    /// The token that each of those is, or [`NO_TOKEN`].
    whole: [u32; BATCH],
    /// Tokens on their way to the output.
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

/// The tokenizer that an encoder works with.
enum Held<'t> {
    Borrowed(&'t Tokenizer),
    Shared(Arc<Tokenizer>),
}

impl Held<'_> {
    #[inline]
    fn get(&self) -> &Tokenizer {
        match self {
            Self::Borrowed(tokenizer) => tokenizer,
            Self::Shared(tokenizer) => tokenizer,
        }
    }
}

/// Encodes texts one after the other, with a bounded memory of words.
///
/// What it remembers never changes the ids, only how fast they come.
pub struct Encoder<'t> {
    tokenizer: Held<'t>,
    memory: Memory,
    scratch: Box<Scratch>,
    counted: Vec<u32>,
}

impl<'t> Encoder<'t> {
    /// An encoder for long or many texts.
    pub fn new(tokenizer: &'t Tokenizer) -> Self {
        Self::for_length(tokenizer, usize::MAX)
    }

    /// An encoder for long or many texts that keeps the tokenizer alive, so that it can stay with a
    /// thread.
    pub fn shared(tokenizer: Arc<Tokenizer>) -> Encoder<'static> {
        Encoder::with(Held::Shared(tokenizer), usize::MAX)
    }

    /// An encoder for texts of `length` bytes together.
    pub(crate) fn for_length(tokenizer: &'t Tokenizer, length: usize) -> Self {
        Self::with(Held::Borrowed(tokenizer), length)
    }

    fn with(tokenizer: Held<'t>, length: usize) -> Self {
        let memory = Memory::for_length(length);
        Self { tokenizer, memory, scratch: Box::default(), counted: Vec::new() }
    }

    /// Appends the ids of `text` to `out`: see [`Tokenizer::encode`].
    pub fn encode(&mut self, text: &str, out: &mut Vec<u32>) {
        let tokenizer = self.tokenizer.get();
        self.memory.encode_segments(tokenizer, text, &tokenizer.ordinary, &mut self.scratch, out);
    }

    /// Appends the ids of `text` to `out`: see [`Tokenizer::encode_with_specials`].
    pub fn encode_with_specials(&mut self, text: &str, out: &mut Vec<u32>) {
        let tokenizer = self.tokenizer.get();
        self.memory.encode_segments(tokenizer, text, &tokenizer.all, &mut self.scratch, out);
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

    /// Appends the tokens of a piece, without looking it up among the words seen before.
    pub(crate) fn encode_word(&mut self, word: &[u8], out: &mut Vec<u32>) {
        self.memory.encode_word(self.tokenizer.get(), word, out);
    }

    /// Appends the tokens that the merges make of `bytes`, as if these were one piece.
    pub(crate) fn merge_bytes(&mut self, bytes: &[u8], out: &mut Vec<u32>) {
        self.memory.merge_bytes(self.tokenizer.get(), bytes, out);
    }
}

/// What an encoder remembers from text to text: words with their tokens, and working memory.
struct Memory {
    cache: Vec<Bucket>,
    long_words: LongWords,
    merger: Merger,
}

impl Memory {
    /// Room for the words of texts of `length` bytes together.
    fn for_length(length: usize) -> Self {
        let wanted = length / TEXT_BYTES_PER_BUCKET;
        let buckets = wanted.clamp(MIN_CACHE_BUCKETS, MAX_CACHE_BUCKETS);
        let cache = vec![EMPTY_BUCKET; buckets.next_power_of_two()];
        let long_words = LongWords::new(cache.len() / BUCKETS_PER_LONG_WORD);
        Self { cache, long_words, merger: Merger::default() }
    }

    fn encode_segments(
        &mut self,
        tokenizer: &Tokenizer,
        text: &str,
        finders: &Finders,
        scratch: &mut Scratch,
        out: &mut Vec<u32>,
    ) {
        let model = &tokenizer.model;
        let joins = model.characters.as_ref().and_then(|characters| characters.joins.as_ref());
        if finders.idle {
            let text = model.normalize(text);
            let mut batch = PieceBatch::with_joins(model.split, joins, &text);
            out.reserve(text.len() / TEXT_BYTES_PER_TOKEN);
            return self.encode_pieces(tokenizer, &mut batch, scratch, out);
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
                        self.encode_pieces(tokenizer, &mut batch, scratch, out);
                    }
                });
            }
        });
    }

    fn encode_pieces(
        &mut self,
        tokenizer: &Tokenizer,
        batch: &mut PieceBatch<'_>,
        scratch: &mut Scratch,
        out: &mut Vec<u32>,
    ) {
        while batch.refill() {
            self.recall(tokenizer, batch, scratch);
            self.emit(tokenizer, batch, scratch, out);
        }
    }

    /// Appends the tokens of the pieces of a batch, and encodes those that are not known.
    #[inline]
    fn emit(
        &mut self,
        tokenizer: &Tokenizer,
        batch: &PieceBatch<'_>,
        Scratch { known, ids, .. }: &mut Scratch,
        out: &mut Vec<u32>,
    ) {
        let mut length = 0;
        for (at, ((key, hash), tokens)) in batch.keys().zip(&*known).enumerate() {
            if tokens[0] == NO_TOKEN {
                out.extend_from_slice(&ids[..length]);
                length = 0;
                self.encode_unknown(tokenizer, batch.piece(at), (key, hash), out);
                continue;
            }
            // All four places are written: the next piece overwrites those that are no token. How
            // many tokens a word has is no branch, because no processor could guess it.
            if let Some(place) = ids[length..].first_chunk_mut() {
                *place = *tokens;
            }
            length += tokens.iter().map(|&token| usize::from(token != NO_TOKEN)).sum::<usize>();
        }
        out.extend_from_slice(&ids[..length]);
    }

    /// Looks up the pieces of a batch among the words seen before, and the others among the words
    /// that are one token. Loops that do nothing else, so that many look-ups are under way at once.
    #[inline]
    fn recall(
        &mut self,
        tokenizer: &Tokenizer,
        batch: &PieceBatch<'_>,
        Scratch { known, unknown, whole, .. }: &mut Scratch,
    ) {
        let mask = self.cache.len() - 1;
        // Touches all buckets first: so short a loop has all of them on their way at once.
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
            *whole = tokenizer.whole_words.get(key, hash).unwrap_or(NO_TOKEN);
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

    /// Encodes a piece that is not among the words seen before, and remembers it if it is short.
    #[inline(never)]
    fn encode_unknown(
        &mut self,
        tokenizer: &Tokenizer,
        piece: &str,
        (key, hash): (Key, u64),
        out: &mut Vec<u32>,
    ) {
        if key.is_empty() {
            return self.encode_long(tokenizer, piece, out);
        }
        let start = out.len();
        self.merge_bytes(tokenizer, piece.as_bytes(), out);
        let found = &out[start..];
        if found.len() <= CACHED_TOKENS {
            let mut tokens = UNKNOWN;
            tokens[..found.len()].copy_from_slice(found);
            self.remember(key, hash, tokens);
        }
    }

    /// Encodes a piece of more than 15 bytes, and remembers it if it is of the usual length.
    #[inline(never)]
    fn encode_long(&mut self, tokenizer: &Tokenizer, piece: &str, out: &mut Vec<u32>) {
        let place = self.long_words.place(piece.as_bytes());
        if let Some(known) = place.as_ref().and_then(|place| self.long_words.get(place)) {
            return out.extend_from_slice(known);
        }
        let start = out.len();
        self.encode_word(tokenizer, piece.as_bytes(), out);
        if let Some(place) = place {
            self.long_words.remember(&place, &out[start..]);
        }
    }

    /// Appends the tokens of a piece, without looking it up among the words seen before.
    fn encode_word(&mut self, tokenizer: &Tokenizer, word: &[u8], out: &mut Vec<u32>) {
        let words = &tokenizer.whole_words;
        let whole = match Key::new(word) {
            Some(key) if !key.is_empty() => words.get(key, key.hash()),
            _ => words.get_long(word),
        };
        match whole {
            Some(token) => out.push(token),
            None => self.merge_bytes(tokenizer, word, out),
        }
    }

    /// Appends the tokens that the merges make of `bytes`, as if these were one piece.
    fn merge_bytes(&mut self, tokenizer: &Tokenizer, bytes: &[u8], out: &mut Vec<u32>) {
        let Tokenizer { model, byte_pairs, .. } = tokenizer;
        Windows::USUAL.merge(&mut self.merger, model, byte_pairs, bytes, out);
    }
}

impl fmt::Debug for Encoder<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Encoder").field("cache_buckets", &self.memory.cache.len()).finish()
    }
}
