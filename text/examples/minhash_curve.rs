//! Measures how often pairs of documents with a known Jaccard similarity become candidates,
//! compared with theory. Prints CSV.
//!
//! `cargo run --release -p gristmill-text --example minhash_curve -- [SHINGLES] [PAIRS]`: for each
//! scheme and each of 20 similarities, makes PAIRS (2,000) pairs of documents, each with SHINGLES
//! (400) distinct shingles of random words. A shared run of words gives them their similarity.

use std::error::Error;

use text::minhash::{
    DatatroveHash, MinHashConfig, MinHasher, Scheme, Scratch, Signature, chance_to_meet,
    estimate_jaccard,
};

/// The number of similarities that are measured; they are evenly spaced.
const LEVELS: u32 = 20;

/// The number of words in a shingle.
const NGRAM_WORDS: usize = 5;

/// The bands and rows that are measured: FineWeb's, and those of `bands_for_threshold(0.8, 128)`.
const SHAPES: [(usize, usize); 2] = [(14, 8), (21, 6)];

const SCHEMES: [(&str, Scheme); 3] = [
    ("fast", Scheme::Fast),
    ("fineweb", Scheme::FineWeb),
    ("datatrove", Scheme::Datatrove { hash: DatatroveHash::Xxhash }),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let shingles = arguments.next().map_or(Ok(400), |argument| argument.parse())?;
    let pairs = arguments.next().map_or(Ok(2000), |argument| argument.parse())?;
    run(shingles, pairs);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the result of a measuring program")]
fn run(shingles: usize, pairs: usize) {
    println!("scheme,bands,rows,jaccard,pairs,met,theory,estimate_mean,estimate_sd,sd_of_minhash");
    for (bands, rows) in SHAPES {
        for (name, scheme) in SCHEMES {
            let hasher =
                MinHasher::new(MinHashConfig { bands, rows, ..MinHashConfig::new(scheme) });
            let mut words = Words { state: 1 };
            for level in 1..=LEVELS {
                let measured =
                    measure(&hasher, &mut words, f64::from(level) / 20.0, shingles, pairs);
                let Measured { jaccard, met, mean, deviation } = measured;
                let theory = chance_to_meet(jaccard, bands, rows);
                let expected = (jaccard * (1.0 - jaccard) / (bands * rows) as f64).sqrt();
                println!(
                    "{name},{bands},{rows},{jaccard:.4},{pairs},{met:.4},{theory:.4},{mean:.4},\
                     {deviation:.4},{expected:.4}"
                );
            }
        }
    }
}

/// The results for the pairs of one similarity.
struct Measured {
    jaccard: f64,
    /// The share of pairs that became candidates.
    met: f64,
    /// The mean of the estimated similarities.
    mean: f64,
    /// The standard deviation of the estimated similarities.
    deviation: f64,
}

fn measure(
    hasher: &MinHasher,
    words: &mut Words,
    similarity: f64,
    shingles: usize,
    pairs: usize,
) -> Measured {
    // Two sets of n with s in common have a similarity of s / (2 n - s).
    let shared = (2.0 * shingles as f64 * similarity / (1.0 + similarity)).round() as usize;
    let jaccard = shared as f64 / (2 * shingles - shared) as f64;
    let (mut scratch, mut a, mut b) =
        (Scratch::default(), Signature::default(), Signature::default());
    let (mut met, mut sum, mut squares) = (0, 0.0, 0.0);
    for _ in 0..pairs {
        // Each document is the shared run of words, followed by its own words.
        let run = if shared == 0 { 0 } else { shared + NGRAM_WORDS - 1 };
        let length = shingles + NGRAM_WORDS - 1;
        let common = words.draw(run);
        hasher.sign(&(common.clone() + &words.draw(length - run)), &mut scratch, &mut a);
        hasher.sign(&(common + &words.draw(length - run)), &mut scratch, &mut b);
        met += usize::from(a.keys.iter().zip(&b.keys).any(|(a, b)| a == b));
        let estimate = estimate_jaccard(&a.sketch, &b.sketch);
        sum += estimate;
        squares += estimate * estimate;
    }
    let mean = sum / pairs as f64;
    let deviation = (squares / pairs as f64 - mean * mean).max(0.0).sqrt();
    Measured { jaccard, met: met as f64 / pairs as f64, mean, deviation }
}

/// Random words of eight letters.
struct Words {
    state: u64,
}

impl Words {
    fn draw(&mut self, count: usize) -> String {
        let mut text = String::with_capacity(9 * count);
        for _ in 0..count {
            let mut letters = self.next();
            for _ in 0..8 {
                text.push(char::from(b'a' + (letters % 26) as u8));
                letters /= 26;
            }
            text.push(' ');
        }
        text
    }

    /// The next number of xorshift64* (Vigna 2016).
    fn next(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 8
    }
}
