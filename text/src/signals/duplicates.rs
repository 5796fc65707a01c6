//! The share of a text in sequences of tokens that occurred before, as datatrove reads Gopher.
//!
//! For each length n from 5 to 10 a scan goes over the tokens: where the next n, joined without
//! spaces, were met before, their characters count and the scan skips them; else it remembers them
//! and moves on by one token. Sequences are equal if their letters are, wherever the tokens end.
//!
//! Sequences that are equal start with the same 16 bytes. So only places that share these with
//! another place, or whose sequence is shorter, are hashed; in ordinary prose they are few.

use std::ops::Range;

use rustc_hash::FxHashSet;
use xxhash_rust::xxh3::xxh3_64;

use super::ngrams::Groups;
use super::{Signals, share};

/// Lengths of sequences in tokens (Gopher, table A1).
const NGRAMS: Range<usize> = 5..11;

/// Bytes by which places are compared first.
const HEAD_BYTES: usize = 16;

/// The tokens of a text joined without spaces.
struct Joined {
    bytes: Vec<u8>,
    /// Where each token starts, and the end of the last.
    starts: Vec<usize>,
}

impl Joined {
    fn of(tokens: &[&str]) -> Self {
        let mut bytes =
            Vec::with_capacity(tokens.iter().map(|t| t.len()).sum::<usize>() + HEAD_BYTES);
        let mut starts = Vec::with_capacity(tokens.len() + 1);
        for token in tokens {
            starts.push(bytes.len());
            bytes.extend_from_slice(token.as_bytes());
        }
        starts.push(bytes.len());
        bytes.resize(bytes.len() + HEAD_BYTES, 0);
        Self { bytes, starts }
    }

    /// A hash of the bytes from a token on, as many as are compared first.
    fn head(&self, token: usize) -> u64 {
        let start = self.starts[token];
        let head = self.bytes[start..].first_chunk::<HEAD_BYTES>();
        let value = head.map_or(0, |head| u128::from_le_bytes(*head));
        let (low, high) = (value as u64, (value >> 64) as u64);
        let product =
            u128::from(low ^ 0x2d35_8dcc_aa6c_78a5) * u128::from(high ^ 0x8bb8_4b93_962e_acc9);
        product as u64 ^ (product >> 64) as u64
    }

    fn ngram(&self, token: usize, ngram: usize) -> Option<&[u8]> {
        let end = *self.starts.get(token + ngram)?;
        Some(&self.bytes[self.starts[token]..end])
    }
}

/// Writes the signals. `ends` are the characters before each token and behind the last, `characters`
/// those of the text.
pub(super) fn measure(
    slices: &[&str],
    ends: &[u64],
    characters: u64,
    groups: &mut Groups,
    signals: &mut Signals,
) {
    let joined = Joined::of(slices);
    groups.reset(slices.len());
    let slots: Vec<u32> =
        (0..slices.len()).map(|at| groups.add(joined.head(at), at as u32) as u32).collect();
    // Places whose shortest sequence could be repeated: candidates for the longer ones too, unless
    // they are there only because it is short.
    let shared = |at: usize| groups.at(slots[at] as usize).count > 1;
    let is_short = |at: usize| joined.ngram(at, NGRAMS.start).is_some_and(|n| n.len() < HEAD_BYTES);
    let candidates: Vec<u32> =
        (0..slices.len()).filter(|at| shared(*at) || is_short(*at)).map(|at| at as u32).collect();
    let mut seen = FxHashSet::default();
    let mut found = [0.0; NGRAMS.end];
    for ngram in NGRAMS {
        seen.clear();
        let (mut repeated, mut next) = (0, 0);
        for at in candidates.iter().map(|at| *at as usize) {
            let Some(bytes) = joined.ngram(at, ngram).filter(|_| at >= next) else { continue };
            if !seen.insert(xxh3_64(bytes)) {
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
