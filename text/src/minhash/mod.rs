//! MinHash signatures and their bands: finds candidates for near-duplicates without comparing all
//! pairs of documents.
//!
//! Broder, "On the resemblance and containment of documents" (1997): the probability that two sets
//! have the same minimum under a random hash function is their Jaccard similarity. Indyk and
//! Motwani (1998): with `bands` groups of `rows` minima each, documents of similarity s share a
//! whole group with probability `1 - (1 - s^rows)^bands`. A document is represented by the set of
//! its shingles: its sequences of `ngram_words` consecutive words.
//!
//! There are three [schemes](Scheme). Documents are comparable only if they use the same one:
//!
//! * [`Fast`](Scheme::Fast): words are simplified while they are found, in one pass over the bytes.
//!   Minima are those of Fast Similarity Sketching (Dahlgaard, Knudsen and Thorup 2017), with one
//!   random function for each shingle.
//! * [`FineWeb`](Scheme::FineWeb): the [`words`](crate::words::words) of
//!   [simplified](crate::normalise::simplify) text, with one linear function for each minimum:
//!   multiply-shift (Dietzfelbinger 1996).
//! * [`Datatrove`](Scheme::Datatrove): spaCy's English tokens of simplified text, with the
//!   functions of datatrove 0.10. Minima are equal byte for byte.
//!
//! The parameters of FineWeb are 14 bands of 8 rows and shingles of 5 words.
//!
//! ```
//! use text::minhash::{MinHashConfig, MinHasher, Scheme, Scratch, Signature, estimate_jaccard};
//!
//! let hasher = MinHasher::new(MinHashConfig::new(Scheme::Fast));
//! let mut scratch = Scratch::default();
//! let (mut a, mut b) = (Signature::default(), Signature::default());
//! hasher.sign("One, two, three: four FIVE!", &mut scratch, &mut a);
//! hasher.sign("one two three four five", &mut scratch, &mut b);
//! assert_eq!(a.keys.len(), 14);
//! assert_eq!(a, b);
//! assert!((estimate_jaccard(&a.sketch, &b.sketch) - 1.0).abs() < 1e-9);
//! ```

mod bands;
mod datatrove;
mod fast_similarity;
mod folding;
mod functions;
mod mersenne_twister;
mod mix;
mod shingles;
mod similarity;
mod word_hash;

#[cfg(test)]
mod tests;

pub use bands::{bands_for_threshold, chance_to_meet};
pub use datatrove::DatatroveHash;
pub use similarity::{containment, estimate_jaccard, jaccard};

use crate::normalise::simplify_into;
use fast_similarity::FastSimilarity;
use functions::LinearFunctions;
use mix::{GOLDEN, fold, mix};
use serde::{Deserialize, Serialize};
use shingles::counted;

/// The maximum number of minima in a signature.
const MAX_HASHES: usize = fast_similarity::MAX_BINS;

/// What the words of a document are and how the minima are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// The fastest scheme. Words are runs of letters and digits, without case and accents; numbers
    /// become `0`; each Han or kana character is a word. Signatures are computed by Fast Similarity
    /// Sketching, whose estimates are as good as those of plain MinHash; for 500 words it takes a
    /// fifteenth of the time. Only the first 32 MiB of a text are used.
    Fast,
    /// The rules of FineWeb with words that are defined for every language, and a random function
    /// for each minimum. Only the first 32 MiB of a text are used.
    FineWeb,
    /// The signatures of datatrove 0.10 for English, byte for byte.
    Datatrove {
        /// The hash function of a shingle.
        hash: DatatroveHash,
    },
}

/// The size of a minimum. 32-bit minima of different shingles agree by chance once in 2^32 cases.
///
/// It is serialized as its number of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub enum Precision {
    /// 32 bits.
    Bits32,
    /// 64 bits, of which datatrove's functions use 61.
    Bits64,
}

impl TryFrom<u32> for Precision {
    type Error = String;

    fn try_from(bits: u32) -> Result<Self, String> {
        match bits {
            32 => Ok(Self::Bits32),
            64 => Ok(Self::Bits64),
            other => Err(format!("a minimum of {other} bits, expected 32 or 64")),
        }
    }
}

impl From<Precision> for u32 {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::Bits32 => 32,
            Precision::Bits64 => 64,
        }
    }
}

/// How signatures are computed. Documents are comparable only under the same configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinHashConfig {
    /// How words and minima are computed.
    pub scheme: Scheme,
    /// The number of groups of minima; FineWeb uses 14.
    pub bands: usize,
    /// The number of minima in a group; FineWeb uses 8.
    pub rows: usize,
    /// The number of words in a shingle; FineWeb uses 5.
    pub ngram_words: usize,
    /// The size of a minimum.
    pub precision: Precision,
    /// Seed of the hash functions; FineWeb uses 1. Datatrove's functions use only its lower 32
    /// bits.
    pub seed: u64,
}

impl MinHashConfig {
    /// The parameters of FineWeb: 14 bands of 8 rows, 5 words, 64 bits, seed 1.
    pub const fn new(scheme: Scheme) -> Self {
        Self { scheme, bands: 14, rows: 8, ngram_words: 5, precision: Precision::Bits64, seed: 1 }
    }
}

/// The representation of a document by which it is compared with others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signature {
    /// One key for each band. Documents with the same key at the same index are candidates. Empty
    /// if the text has fewer than `ngram_words` words. Equal minima in different bands give
    /// different keys.
    pub keys: Vec<u64>,
    /// One byte for each minimum, in the order of the bands, for [`estimate_jaccard`]. Empty if
    /// there are no keys.
    pub sketch: Vec<u8>,
    /// The number of shingles of the text, including repeated ones; at most `u32::MAX`.
    pub shingles: u32,
}

/// Buffers of [`MinHasher`], to be reused from document to document.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    /// First the hashes of words, which are then replaced by those of shingles.
    shingles: Vec<u64>,
    minima: Vec<u64>,
    simplified: String,
    joined: String,
}

/// Computes signatures.
#[derive(Debug, Clone)]
pub struct MinHasher {
    config: MinHashConfig,
    functions: Functions,
}

/// The random functions of a scheme.
#[derive(Debug, Clone)]
enum Functions {
    Fast(FastSimilarity),
    Linear(LinearFunctions),
    Mersenne(LinearFunctions),
}

impl MinHasher {
    /// Draws the hash functions of a configuration. Zero bands, rows or words count as one. A
    /// signature has at most 16,384 minima; `bands` is reduced if there would be more.
    pub fn new(config: MinHashConfig) -> Self {
        let rows = config.rows.clamp(1, MAX_HASHES);
        let config = MinHashConfig {
            bands: config.bands.clamp(1, MAX_HASHES / rows),
            rows,
            ngram_words: config.ngram_words.max(1),
            ..config
        };
        let count = config.bands * rows;
        let functions = match config.scheme {
            Scheme::Fast => Functions::Fast(FastSimilarity::new(count, config.seed)),
            Scheme::FineWeb => {
                Functions::Linear(LinearFunctions::multiply_shift(count, config.seed))
            }
            Scheme::Datatrove { .. } => {
                Functions::Mersenne(LinearFunctions::datatrove(count, config.seed as u32))
            }
        };
        Self { config, functions }
    }

    /// Writes the signature of a text into `signature`, replacing its contents.
    pub fn sign(&self, text: &str, scratch: &mut Scratch, signature: &mut Signature) {
        let Signature { keys, sketch, shingles } = signature;
        keys.clear();
        sketch.clear();
        let count = self.fill_minima(text, scratch);
        // Only datatrove's scheme, which has no limit on the text, can count as many.
        *shingles = u32::try_from(count).unwrap_or(u32::MAX);
        if count == 0 {
            return;
        }
        for (band, rows) in scratch.minima.chunks_exact(self.config.rows).enumerate() {
            // The band is part of the key, so equal minima in different bands do not meet.
            let start = mix(band as u64);
            keys.push(rows.iter().fold(start, |key, minimum| fold(key ^ minimum, GOLDEN)));
        }
        sketch.extend(scratch.minima.iter().map(|minimum| mix(*minimum) as u8));
    }

    /// Writes the distinct hashes of a text's shingles, sorted, into `shingles`, replacing its
    /// contents: the input of [`jaccard`] and [`containment`]. They are the hashes that are signed.
    pub fn shingles(&self, text: &str, scratch: &mut Scratch, shingles: &mut Vec<u64>) {
        self.fill_shingles(text, scratch);
        shingles.clear();
        shingles.extend_from_slice(&scratch.shingles);
        shingles.sort_unstable();
        shingles.dedup();
    }

    /// The `bands * rows` minima of a text, in the order of the bands. Empty if the text has fewer
    /// than `ngram_words` words.
    pub fn minima(&self, text: &str, scratch: &mut Scratch) -> Vec<u64> {
        if self.fill_minima(text, scratch) == 0 { Vec::new() } else { scratch.minima.clone() }
    }

    /// Computes the minima of a text; returns the number of its shingles.
    fn fill_minima(&self, text: &str, scratch: &mut Scratch) -> usize {
        self.fill_shingles(text, scratch);
        let Scratch { shingles, minima, .. } = scratch;
        let count = shingles.len();
        let is_short = self.config.precision == Precision::Bits32;
        match &self.functions {
            Functions::Fast(functions) => {
                functions.minima(shingles, minima);
                if is_short {
                    minima.iter_mut().for_each(|minimum| *minimum = mix(*minimum) >> 32);
                }
            }
            Functions::Linear(functions) => {
                functions.minima_of_linear(shingles, minima);
                if is_short {
                    minima.iter_mut().for_each(|minimum| *minimum >>= 32);
                }
            }
            Functions::Mersenne(functions) if is_short => {
                functions.minima_of_mersenne_32(shingles, minima);
            }
            Functions::Mersenne(functions) => functions.minima_of_mersenne(shingles, minima),
        }
        count
    }

    /// Writes the hashes of all shingles of a text into the scratch buffers.
    fn fill_shingles(&self, text: &str, scratch: &mut Scratch) {
        let Scratch { shingles, simplified, joined, .. } = scratch;
        let ngram_words = self.config.ngram_words;
        match self.config.scheme {
            Scheme::Fast => {
                shingles::hash_folded_words(counted(text), shingles);
                shingles::join_words(shingles, ngram_words);
            }
            Scheme::FineWeb => {
                simplify_into(counted(text), simplified);
                shingles::hash_simplified_words(simplified, shingles);
                shingles::join_words(shingles, ngram_words);
            }
            Scheme::Datatrove { hash } => {
                simplify_into(text, simplified);
                let hash = datatrove::function(hash, self.config.precision);
                datatrove::hash_shingles(simplified, ngram_words, hash, joined, shingles);
            }
        }
    }
}
