//! MinHash signatures and their bands: candidates for near-duplicates without comparing all pairs.
//!
//! Broder, "On the resemblance and containment of documents" (1997): the chance that two sets have
//! the same minimum under a random hash function is their Jaccard similarity. Indyk and Motwani
//! (1998): with `bands` groups of `rows` minima each, documents of similarity s share a whole group
//! with probability `1 - (1 - s^rows)^bands`. The set of a document is its shingles: the runs of
//! `ngram_words` consecutive words.
//!
//! There are three [schemes](Scheme), of which the documents that are compared have to share one:
//!
//! | Scheme | Words | Minima |
//! |---|---|---|
//! | [`Fast`](Scheme::Fast) | folded while they are found, in one pass over the bytes | Fast Similarity Sketching (Dahlgaard, Knudsen and Thorup 2017), one random function a shingle |
//! | [`FineWeb`](Scheme::FineWeb) | [`words`](crate::words::words) of [simplified](crate::normalise::simplify) text | one linear function each: multiply-shift (Dietzfelbinger 1996) |
//! | [`Datatrove`](Scheme::Datatrove) | spaCy's English tokens of simplified text | datatrove 0.10's functions, to the byte |
//!
//! The parameters of FineWeb are 14 bands of 8 rows and shingles of 5 words.

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
pub use shingles::MAX_TEXT_BYTES;
pub use similarity::{containment, estimate_jaccard, jaccard};

use crate::normalise::simplify_into;
use fast_similarity::FastSimilarity;
use functions::LinearFunctions;
use mix::{GOLDEN, fold, mix};
use shingles::counted;

/// Minima of a signature at most; more bands count as fewer.
pub const MAX_HASHES: usize = fast_similarity::MAX_BINS;

/// What the words of a document are, and how the minima are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// The fastest: runs of letters and digits without regard to case and accents, numbers as `0`,
    /// each Han or kana character a word. Signatures by Fast Similarity Sketching, which estimates
    /// no worse than plain MinHash, of 500 words in a fifteenth of the time. Of texts beyond
    /// [`MAX_TEXT_BYTES`] that much counts.
    Fast,
    /// The rules of FineWeb with our words, which are of any language, and a random function for
    /// each minimum. Of texts beyond [`MAX_TEXT_BYTES`] that much counts.
    FineWeb,
    /// The signatures of datatrove 0.10 for English, to the byte.
    Datatrove {
        /// Of a shingle.
        hash: DatatroveHash,
    },
}

/// The size of a minimum. Fewer bits agree by chance: once in 2^32 hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits.
    Bits32,
    /// 64 bits; datatrove's functions use 61.
    Bits64,
}

/// How signatures are made; documents are comparable only under the same configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinHashConfig {
    /// Words and functions.
    pub scheme: Scheme,
    /// Groups of minima; FineWeb uses 14.
    pub bands: usize,
    /// Minima in a group; FineWeb uses 8.
    pub rows: usize,
    /// Words in a shingle; FineWeb uses 5.
    pub ngram_words: usize,
    /// The size of a minimum.
    pub precision: Precision,
    /// Chooses the hash functions; of datatrove's only the lower 32 bits count, and FineWeb's is 1.
    pub seed: u64,
}

impl MinHashConfig {
    /// The parameters of FineWeb: 14 bands of 8 rows, 5 words, 64 bits, seed 1.
    pub const fn new(scheme: Scheme) -> Self {
        Self { scheme, bands: 14, rows: 8, ngram_words: 5, precision: Precision::Bits64, seed: 1 }
    }
}

/// What is kept of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signature {
    /// One key a band: documents that share the key at any index are candidates. None when the text
    /// has fewer than `ngram_words` words. Equal minima in different bands give different keys.
    pub keys: Vec<u64>,
    /// One byte a minimum, band after band, for [`estimate_jaccard`]; empty without keys.
    pub sketch: Vec<u8>,
    /// Shingles of the text, with repetitions.
    pub shingles: u32,
}

/// Buffers of [`MinHasher`] that are worth keeping between documents.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    /// Hashes of words, then of shingles.
    shingles: Vec<u64>,
    minima: Vec<u64>,
    simplified: String,
    joined: String,
}

/// Makes signatures.
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
    /// Draws the hash functions of a configuration. Zero bands, rows or words count as one; bands
    /// beyond [`MAX_HASHES`] minima are left out.
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

    /// The configuration, with what is out of range replaced.
    pub fn config(&self) -> &MinHashConfig {
        &self.config
    }

    /// Puts the signature of a text into `signature`, replacing what is there.
    pub fn sign(&self, text: &str, scratch: &mut Scratch, signature: &mut Signature) {
        let Signature { keys, sketch, shingles } = signature;
        keys.clear();
        sketch.clear();
        let count = self.fill_minima(text, scratch);
        *shingles = u32::try_from(count).unwrap_or(u32::MAX);
        if count == 0 {
            return;
        }
        for (band, rows) in scratch.minima.chunks_exact(self.config.rows).enumerate() {
            let start = mix(band as u64);
            keys.push(rows.iter().fold(start, |key, minimum| fold(key ^ minimum, GOLDEN)));
        }
        sketch.extend(scratch.minima.iter().map(|minimum| mix(*minimum) as u8));
    }

    /// Puts the distinct hashes of the shingles of a text, those that are signed, into `shingles`,
    /// sorted, replacing what is there: for [`jaccard`] and [`containment`].
    pub fn shingles(&self, text: &str, scratch: &mut Scratch, shingles: &mut Vec<u64>) {
        self.fill_shingles(text, scratch);
        shingles.clear();
        shingles.extend_from_slice(&scratch.shingles);
        shingles.sort_unstable();
        shingles.dedup();
    }

    /// The minima of a text, `bands * rows` of them, band after band; empty when the text has fewer
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

    /// Puts the hashes of all shingles into the scratch.
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
