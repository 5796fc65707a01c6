//! The share of a text that lies in repeated sequences of tokens, as datatrove implements Gopher.
//!
//! For each length n from 5 to 10, a scan reads the tokens. If the next n tokens, joined without
//! spaces, have occurred before, their characters are counted and the scan skips them. Otherwise it
//! remembers them and advances by one token. Sequences are equal if their letters are equal, even
//! if the tokens end in different places.
//!
//! Equal sequences start with the same bytes. Therefore the code first finds out how many bytes
//! each place shares with another place: 16, 24, 32 and so on. Only sequences that are not much
//! longer than that can be repeated and are hashed; in ordinary prose they are few. Whether a
//! place's bytes occur again is looked up by hash in two sets of bits, in which different hashes
//! may collide. A collision only adds a candidate and cannot change the result.

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

use super::ngrams::Groups;
use super::tokens::fold;
use super::{Signals, share};

/// Lengths of sequences in tokens (Gopher, table A1).
const NGRAMS: Range<usize> = 5..11;

/// Bytes by which places are compared first.
const HEAD_BYTES: usize = 16;

/// Bytes that each further comparison adds.
const STEP_BYTES: usize = 8;

/// Bytes by which places are compared at most.
const MAX_HEAD_BYTES: usize = 48;

/// Bits of each set in [`Heads`] for each place. At most one in sixteen of the heads that occur
/// once is mistaken for a repeated one.
const BITS_PER_PLACE: usize = 16;

/// A token at which a repeated sequence may start.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    /// The index of the token.
    token: u32,
    /// Bytes that it shares with another place: 0, or [`HEAD_BYTES`] and some steps. The next step
    /// is known to differ.
    shared_bytes: u32,
    /// A hash of the bytes compared so far.
    hash: u64,
}

/// Buffers that are reused from text to text.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    joined: Joined,
    /// For each token the hash of the first bytes that start there.
    hashes: Vec<u64>,
    candidates: Vec<Candidate>,
    heads: Heads,
    groups: Groups,
}

/// Which hashes of heads occurred once and which more than once, as sets of bits.
#[derive(Debug, Default)]
struct Heads {
    once: Vec<u64>,
    again: Vec<u64>,
}

impl Heads {
    /// Empties the sets and makes them large enough for a number of hashes.
    fn reset(&mut self, places: usize) {
        let words = (places * BITS_PER_PLACE / 64).next_power_of_two();
        for set in [&mut self.once, &mut self.again] {
            set.clear();
            set.resize(words, 0);
        }
    }

    /// The index of a hash's word and its bit in that word.
    fn place(&self, hash: u64) -> (usize, u64) {
        ((hash >> 6) as usize & (self.once.len() - 1), 1 << (hash & 63))
    }

    fn add(&mut self, hash: u64) {
        let (word, bit) = self.place(hash);
        self.again[word] |= self.once[word] & bit;
        self.once[word] |= bit;
    }

    fn occurs_again(&self, hash: u64) -> bool {
        let (word, bit) = self.place(hash);
        self.again[word] & bit != 0
    }
}

impl Scratch {
    /// Finds the tokens at which a repeated sequence may start, and how long it may be.
    fn find_candidates(&mut self, tokens: usize) {
        let Self { joined, hashes, heads, candidates, .. } = self;
        hashes.clear();
        heads.reset(tokens);
        for at in 0..tokens {
            let hash = fold(joined.word(at, 0), joined.word(at, STEP_BYTES));
            heads.add(hash);
            hashes.push(hash);
        }
        candidates.clear();
        for (at, &hash) in hashes.iter().enumerate() {
            let is_shared = heads.occurs_again(hash);
            if is_shared || joined.is_short(at) {
                let shared_bytes = if is_shared { HEAD_BYTES as u32 } else { 0 };
                candidates.push(Candidate { token: at as u32, shared_bytes, hash });
            }
        }
        for bytes in (HEAD_BYTES..MAX_HEAD_BYTES).step_by(STEP_BYTES) {
            let is_shared = |candidate: &&mut Candidate| candidate.shared_bytes == bytes as u32;
            heads.reset(candidates.len());
            for candidate in candidates.iter_mut().filter(is_shared) {
                candidate.hash = fold(candidate.hash, joined.word(candidate.token as usize, bytes));
                heads.add(candidate.hash);
            }
            for candidate in candidates.iter_mut().filter(is_shared) {
                if heads.occurs_again(candidate.hash) {
                    candidate.shared_bytes += STEP_BYTES as u32;
                }
            }
        }
    }
}

impl Candidate {
    /// Whether the sequence of this many bytes may be repeated: if it is too short to be compared,
    /// ends before the next step, or starts with as many shared bytes as are ever compared.
    fn may_repeat(&self, bytes: usize) -> bool {
        let shared = self.shared_bytes as usize;
        bytes < HEAD_BYTES || bytes < shared + STEP_BYTES && shared > 0 || shared == MAX_HEAD_BYTES
    }
}

/// The tokens of a text joined without spaces.
#[derive(Debug, Default)]
struct Joined {
    /// The bytes of the tokens, followed by at least [`MAX_HEAD_BYTES`] zeros.
    bytes: Vec<u8>,
    /// The start of each token, and the end of the last.
    starts: Vec<usize>,
}

impl Joined {
    /// Joins the tokens of a text. They must be in order.
    fn fill(&mut self, text: &str, tokens: &[&str]) {
        let base = text.as_ptr() as usize;
        let text = text.as_bytes();
        self.bytes.clear();
        self.bytes.resize(text.len() + MAX_HEAD_BYTES, 0);
        self.starts.clear();
        let mut start = 0;
        for token in tokens {
            self.starts.push(start);
            let from = token.as_ptr() as usize - base;
            let place = &mut self.bytes[start..];
            // A copy of constant length needs no function call. The next token overwrites the
            // excess.
            match (text[from..].first_chunk(), place.first_chunk_mut::<HEAD_BYTES>()) {
                (Some(source), Some(place)) if token.len() <= HEAD_BYTES => *place = *source,
                _ => place[..token.len()].copy_from_slice(token.as_bytes()),
            }
            start += token.len();
        }
        self.starts.push(start);
        self.bytes[start..].fill(0);
    }

    /// Eight bytes as a number, starting `distance` bytes after the start of a token.
    fn word(&self, token: usize, distance: usize) -> u64 {
        let word = self.bytes[self.starts[token] + distance..].first_chunk();
        // Guaranteed by the zeros at the end, wherever places are compared.
        debug_assert!(word.is_some(), "no eight bytes {distance} bytes after token {token}");
        word.map_or(0, |word| u64::from_le_bytes(*word))
    }

    /// The bytes of the sequence of `ngram` tokens at a token, or `None` if the text ends before.
    fn ngram(&self, token: usize, ngram: usize) -> Option<&[u8]> {
        let end = *self.starts.get(token + ngram)?;
        Some(&self.bytes[self.starts[token]..end])
    }

    /// Whether the shortest sequence at a token has fewer than [`HEAD_BYTES`] bytes.
    fn is_short(&self, token: usize) -> bool {
        let end = self.starts.get(token + NGRAMS.start);
        end.is_some_and(|end| end - self.starts[token] < HEAD_BYTES)
    }
}

/// Writes the signals of repeated sequences. `slices` are the tokens of the text. `ends` has the
/// number of characters of the tokens before each token and, at the end, of all tokens.
/// `characters` is the number of characters of the text.
pub(super) fn measure(
    text: &str,
    slices: &[&str],
    ends: &[u64],
    characters: u64,
    scratch: &mut Scratch,
    signals: &mut Signals,
) {
    scratch.joined.fill(text, slices);
    scratch.find_candidates(slices.len());
    let Scratch { joined, candidates, groups, .. } = scratch;
    let mut found = [0.0; NGRAMS.end];
    for ngram in NGRAMS {
        groups.clear(candidates.len());
        let (mut repeated, mut next) = (0, 0);
        for candidate in candidates.iter() {
            let at = candidate.token as usize;
            let is_possible = |bytes: &&[u8]| at >= next && candidate.may_repeat(bytes.len());
            let Some(bytes) = joined.ngram(at, ngram).filter(is_possible) else { continue };
            if groups.add(xxh3_64(bytes), at) > 1 {
                repeated += ends[at + ngram] - ends[at];
                next = at + ngram;
            }
        }
        found[ngram] = share(repeated, characters);
    }
    signals.duplicated_5gram_char_fraction = found[5];
    signals.duplicated_6gram_char_fraction = found[6];
    signals.duplicated_7gram_char_fraction = found[7];
    signals.duplicated_8gram_char_fraction = found[8];
    signals.duplicated_9gram_char_fraction = found[9];
    signals.duplicated_10gram_char_fraction = found[10];
}
