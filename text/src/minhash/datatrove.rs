//! The shingles of datatrove 0.10: words of simplified text, joined by single spaces, hashed.

use sha1::{Digest as _, Sha1};
use xxhash_rust::{xxh32::xxh32, xxh64::xxh64};

use super::Precision;
use crate::words::Segmenter;

/// A hash function that datatrove offers for shingles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatatroveHash {
    /// XXH64, or XXH32 at 32 bits, with seed 0.
    Xxhash,
    /// The first bytes of SHA-1, as a little-endian number.
    Sha1,
}

/// Puts the hashes of the shingles of a simplified text into `hashes`, in order; `joined` is a
/// buffer.
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

/// The function of a hash at a precision.
pub(super) fn function(hash: DatatroveHash, precision: Precision) -> fn(&[u8]) -> u64 {
    match (hash, precision) {
        (DatatroveHash::Xxhash, Precision::Bits64) => |bytes| xxh64(bytes, 0),
        (DatatroveHash::Xxhash, Precision::Bits32) => |bytes| u64::from(xxh32(bytes, 0)),
        (DatatroveHash::Sha1, Precision::Bits64) => sha1_64,
        (DatatroveHash::Sha1, Precision::Bits32) => |bytes| sha1_64(bytes) & u64::from(u32::MAX),
    }
}

fn sha1_64(bytes: &[u8]) -> u64 {
    let digest = Sha1::digest(bytes);
    digest.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
}
