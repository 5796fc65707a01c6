//! MinHash signatures and their bands: candidates for near-duplicates without comparing all pairs.
//!
//! Broder, "On the resemblance and containment of documents" (1997): the chance that two sets have
//! the same minimum under a random hash function is their Jaccard similarity. Indyk and Motwani
//! (1998): with `bands` groups of `rows` minima each, documents of similarity s share a whole group
//! with probability `1 - (1 - s^rows)^bands`. The set of a document is its runs of
//! `ngram_words` consecutive words after [`simplify`](crate::normalise::simplify).
//!
//! The hash functions are `h(x) = ((a x + b) mod 2^64) >> 32` for a 32-bit x and random 64-bit a
//! and b: multiply-shift, strongly universal (Dietzfelbinger 1996; Thorup, "High speed hashing for
//! integers and strings", §3.3), one multiplication each, and without the modulus by a prime that
//! keeps other implementations from vectorising. Signatures therefore differ from datatrove's;
//! which pairs they find does not, but for chance.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::normalise::simplify;
use crate::words::words;

/// Hash functions that are computed together: their coefficients and minima fit the registers.
const LANES: usize = 8;

/// Shingles that go through all hash functions before the next are made: 2 KiB, so that they stay
/// in the first-level cache.
const BLOCK_SHINGLES: usize = 512;

/// The base of the polynomial that joins word hashes: odd, so that no word's bits are lost.
const SHINGLE_BASE: u64 = 0x9E37_79B9_7F4A_7C15;

/// Steps of the integration in [`bands_for_threshold`].
const INTEGRATION_STEPS: usize = 200;

/// How signatures are made; documents are comparable only under the same configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinHashConfig {
    /// Groups of minima; FineWeb uses 14.
    pub bands: usize,
    /// Minima in a group; FineWeb uses 8.
    pub rows: usize,
    /// Words in a shingle; FineWeb uses 5.
    pub ngram_words: usize,
    /// Chooses the hash functions.
    pub seed: u64,
}

/// Buffers of [`MinHasher`] that are worth keeping between documents.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    /// Hashes of the last `ngram_words` words, used as a ring.
    window: Vec<u64>,
    shingles: Vec<u32>,
    minima: Vec<u32>,
    row_bytes: Vec<u8>,
}

/// Makes signatures and band keys.
#[derive(Debug, Clone)]
pub struct MinHasher {
    config: MinHashConfig,
    /// Coefficients of the hash functions, padded to a multiple of `LANES`.
    functions: Vec<Functions>,
    /// `SHINGLE_BASE` to the power of `ngram_words`: the weight of the word that leaves a shingle.
    oldest_weight: u64,
}

/// `LANES` hash functions.
#[derive(Debug, Clone, Copy)]
struct Functions {
    multipliers: [u64; LANES],
    addends: [u64; LANES],
}

impl MinHasher {
    /// Draws the hash functions of a configuration. Zero bands, rows or words count as one.
    pub fn new(config: MinHashConfig) -> Self {
        let config = MinHashConfig {
            bands: config.bands.max(1),
            rows: config.rows.max(1),
            ngram_words: config.ngram_words.max(1),
            seed: config.seed,
        };
        let mut state = config.seed;
        let groups = (config.bands * config.rows).div_ceil(LANES);
        let functions = (0..groups)
            .map(|_| Functions {
                multipliers: std::array::from_fn(|_| split_mix(&mut state)),
                addends: std::array::from_fn(|_| split_mix(&mut state)),
            })
            .collect();
        let oldest_weight =
            (0..config.ngram_words).fold(1, |power: u64, _| power.wrapping_mul(SHINGLE_BASE));
        Self { config, functions, oldest_weight }
    }

    /// The configuration, with zeros replaced.
    pub fn config(&self) -> &MinHashConfig {
        &self.config
    }

    /// Puts the keys of a document into `out`, one a band, replacing what is there: documents that
    /// share the key at any index are candidates. No key when the text has fewer than
    /// `ngram_words` words.
    ///
    /// A key is XXH3-64 of the band's minima, as little-endian u32, with the index of the band as
    /// seed, so that equal minima in different bands do not meet.
    pub fn band_keys(&self, text: &str, scratch: &mut Scratch, out: &mut Vec<u64>) {
        out.clear();
        if !self.fill_minima(text, scratch) {
            return;
        }
        let Scratch { minima, row_bytes, .. } = scratch;
        for (band, rows) in
            minima.chunks_exact(self.config.rows).take(self.config.bands).enumerate()
        {
            row_bytes.clear();
            row_bytes.extend(rows.iter().flat_map(|minimum| minimum.to_le_bytes()));
            out.push(xxh3_64_with_seed(row_bytes, band as u64));
        }
    }

    /// The minima themselves, `bands * rows` of them, band after band; empty when the text has
    /// fewer than `ngram_words` words.
    pub fn signature(&self, text: &str, scratch: &mut Scratch) -> Vec<u32> {
        if !self.fill_minima(text, scratch) {
            return Vec::new();
        }
        scratch.minima[..self.config.bands * self.config.rows].to_vec()
    }

    /// Computes all minima of a text into the scratch; false when it has no shingle.
    fn fill_minima(&self, text: &str, scratch: &mut Scratch) -> bool {
        let simplified = simplify(text);
        let ngram_words = self.config.ngram_words;
        let Scratch { window, shingles, minima, .. } = scratch;
        minima.clear();
        minima.resize(self.functions.len() * LANES, u32::MAX);
        shingles.clear();
        window.clear();
        window.resize(ngram_words, 0);
        let mut rolling: u64 = 0;
        let mut count = 0;
        for word in words(&simplified) {
            let hash = xxh3_64(word.as_bytes());
            let oldest = std::mem::replace(&mut window[count % ngram_words], hash);
            rolling = rolling
                .wrapping_mul(SHINGLE_BASE)
                .wrapping_add(hash)
                .wrapping_sub(oldest.wrapping_mul(self.oldest_weight));
            count += 1;
            if count >= ngram_words {
                shingles.push((mix(rolling) >> 32) as u32);
                if shingles.len() == BLOCK_SHINGLES {
                    self.lower_minima(shingles, minima);
                    shingles.clear();
                }
            }
        }
        self.lower_minima(shingles, minima);
        count >= ngram_words
    }

    /// Lowers each minimum to the least hash of a block of shingles.
    fn lower_minima(&self, shingles: &[u32], minima: &mut [u32]) {
        for (functions, minima) in self.functions.iter().zip(minima.as_chunks_mut::<LANES>().0) {
            let mut least = *minima;
            for &shingle in shingles {
                let coefficients = functions.multipliers.iter().zip(&functions.addends);
                for (least, (multiplier, addend)) in least.iter_mut().zip(coefficients) {
                    let hash = multiplier.wrapping_mul(u64::from(shingle)).wrapping_add(*addend);
                    *least = (*least).min((hash >> 32) as u32);
                }
            }
            *minima = least;
        }
    }
}

/// The share of positions at which two signatures agree: an estimate of the Jaccard similarity
/// with a standard error of at most `0.5 / sqrt(n)`. Zero for signatures that are empty or of
/// different lengths.
pub fn estimate_jaccard(a: &[u32], b: &[u32]) -> f64 {
    if a.is_empty() || a.len() != b.len() {
        return 0.0;
    }
    let equal = a.iter().zip(b).filter(|(a, b)| a == b).count();
    equal as f64 / a.len() as f64
}

/// The bands and rows, of at most `n_hashes` together, whose S-curve separates best at a
/// threshold: the least sum of the false-positive area below it and the false-negative area above
/// it, as in Zhu's datasketch. Among equals the one with fewer bands.
pub fn bands_for_threshold(threshold: f64, n_hashes: usize) -> (usize, usize) {
    let mut best = (f64::INFINITY, (1, 1));
    for bands in 1..=n_hashes.max(1) {
        for rows in 1..=(n_hashes / bands).max(1) {
            let error = s_curve_error(threshold, bands, rows);
            if error < best.0 {
                best = (error, (bands, rows));
            }
        }
    }
    best.1
}

/// The area between the S-curve of a configuration and the step at `threshold`.
fn s_curve_error(threshold: f64, bands: usize, rows: usize) -> f64 {
    let step = 1.0 / INTEGRATION_STEPS as f64;
    (0..INTEGRATION_STEPS)
        .map(|index| {
            let similarity = (index as f64 + 0.5) * step;
            let missed = (1.0 - similarity.powi(rows as i32)).powi(bands as i32);
            step * if similarity < threshold { 1.0 - missed } else { missed }
        })
        .sum()
}

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Spreads the bits of a polynomial hash over all positions (the finaliser of SplitMix64).
fn mix(hash: u64) -> u64 {
    let mut state = hash;
    split_mix(&mut state)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const FINEWEB: MinHashConfig = MinHashConfig { bands: 14, rows: 8, ngram_words: 5, seed: 1 };

    fn jaccard(a: &str, b: &str) -> f64 {
        let shingles = |text: &str| -> BTreeSet<Vec<String>> {
            let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            words.windows(5).map(<[String]>::to_vec).collect()
        };
        let (a, b) = (shingles(a), shingles(b));
        a.intersection(&b).count() as f64 / a.union(&b).count() as f64
    }

    #[test]
    fn the_estimate_is_near_the_jaccard_similarity() {
        let hasher = MinHasher::new(MinHashConfig { bands: 128, rows: 8, ..FINEWEB });
        let mut scratch = Scratch::default();
        let words: Vec<String> = (0..900)
            .map(|i| {
                format!("w{}x", char::from(b'a' + (i % 26) as u8).to_string().repeat(1 + i / 26))
            })
            .collect();
        for shift in [0, 50, 200, 450] {
            let a = words[..450].join(" ");
            let b = words[shift..450 + shift].join(" ");
            let estimate = estimate_jaccard(
                &hasher.signature(&a, &mut scratch),
                &hasher.signature(&b, &mut scratch),
            );
            // Four standard errors of 1,024 trials.
            assert!(
                (estimate - jaccard(&a, &b)).abs() < 4.0 * 0.5 / 32.0,
                "shift {shift}: {estimate}"
            );
        }
    }

    #[test]
    fn short_texts_have_no_keys() {
        let hasher = MinHasher::new(FINEWEB);
        let (mut scratch, mut keys) = (Scratch::default(), vec![7]);
        hasher.band_keys("one two three four", &mut scratch, &mut keys);
        assert!(keys.is_empty());
        hasher.band_keys("one, two; three four FIVE", &mut scratch, &mut keys);
        assert_eq!(keys.len(), 14);
        let first = keys.clone();
        hasher.band_keys("One two three four five!", &mut scratch, &mut keys);
        assert_eq!(keys, first);
    }

    #[test]
    fn bands_follow_the_threshold() {
        let (bands, rows) = bands_for_threshold(0.75, 112);
        assert!(bands * rows <= 112);
        let middle = (1.0 / bands as f64).powf(1.0 / rows as f64);
        assert!((middle - 0.75).abs() < 0.06, "{bands} bands of {rows} rows: {middle}");
        assert_eq!(bands_for_threshold(0.5, 0), (1, 1));
    }

    proptest! {
        #[test]
        fn keys_depend_on_the_set_of_shingles_only(text in "[a-c ]{0,80}", times in 1_usize..4) {
            let hasher = MinHasher::new(MinHashConfig { ngram_words: 1, ..FINEWEB });
            let mut scratch = Scratch::default();
            let (mut once, mut again) = (Vec::new(), Vec::new());
            hasher.band_keys(&text, &mut scratch, &mut once);
            hasher.band_keys(&format!("{text} ").repeat(times), &mut scratch, &mut again);
            prop_assert_eq!(once, again);
        }

        #[test]
        fn any_text_has_all_keys_or_none(text in any::<String>()) {
            let (mut scratch, mut keys) = (Scratch::default(), Vec::new());
            MinHasher::new(FINEWEB).band_keys(&text, &mut scratch, &mut keys);
            prop_assert!(keys.is_empty() || keys.len() == 14);
        }
    }
}
