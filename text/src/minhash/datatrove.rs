//! The shingles of datatrove 0.10: hashes of words of simplified text, joined by single spaces.

use serde::{Deserialize, Serialize};

use sha1::{Digest as _, Sha1};
use xxhash_rust::{xxh32::xxh32, xxh64::xxh64};

use super::Precision;
use crate::words::Segmenter;

/// A hash function that datatrove offers for shingles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatatroveHash {
    /// XXH64 with seed 0, or XXH32 if minima have 32 bits.
    Xxhash,
    /// The first 8 or 4 bytes of SHA-1, as a little-endian number.
    Sha1,
}

/// Writes the hashes of a simplified text's shingles into `hashes`, in order. `joined` is a buffer.
pub(super) fn hash_shingles(
    simplified: &str,
    ngram_words: usize,
    hash: fn(&[u8]) -> u64,
    joined: &mut String,
    hashes: &mut Vec<u64>,
) {
    hashes.clear();
    joined.clear();
    let words = Segmenter::SpacyEn.segment(simplified);
    let mut ends = Vec::with_capacity(words.len());
    for word in words {
        joined.push_str(word);
        ends.push(joined.len());
        joined.push(' ');
    }
    let starts = std::iter::once(0).chain(ends.iter().map(|end| end + 1));
    for (start, end) in starts.zip(ends.iter().skip(ngram_words - 1)) {
        hashes.push(hash(&joined.as_bytes()[start..*end]));
    }
}

/// The hash function for minima of a given size.
pub(super) fn function(hash: DatatroveHash, precision: Precision) -> fn(&[u8]) -> u64 {
    match (hash, precision) {
        (DatatroveHash::Xxhash, Precision::Bits64) => |bytes| xxh64(bytes, 0),
        (DatatroveHash::Xxhash, Precision::Bits32) => |bytes| u64::from(xxh32(bytes, 0)),
        (DatatroveHash::Sha1, Precision::Bits64) => sha1_64,
        (DatatroveHash::Sha1, Precision::Bits32) => |bytes| sha1_64(bytes) & u64::from(u32::MAX),
    }
}

fn sha1_64(bytes: &[u8]) -> u64 {
    let digest: [u8; 20] = Sha1::digest(bytes).into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}
