//! Content hashes that identify a document's text.
//!
//! The hash function is XXH3 (Yann Collet, xxHash 0.8 specification). It is not cryptographic, but
//! at 128 bits the probability of any collision in a crawl of 10^11 documents is about 10^-17.

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::normalise::simplify;

/// XXH3-64 of the bytes of `text`, seed 0.
pub fn xxh3(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

/// The key of exact deduplication: XXH3-128 of the bytes of `text`.
pub fn exact_key(text: &str) -> u128 {
    bytes_key(text.as_bytes())
}

/// XXH3-128 of the bytes that represent a value of any type.
pub fn bytes_key(bytes: &[u8]) -> u128 {
    xxh3_128(bytes)
}

/// A deduplication key that ignores case, punctuation, white space, accents and the values of
/// numbers: [`exact_key`] of the [simplified](crate::normalise::simplify) text.
pub fn normalised_key(text: &str) -> u128 {
    xxh3_128(simplify(text).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalised_key_ignores_what_simplify_removes() {
        assert_eq!(normalised_key("Café, 12.5 €!"), normalised_key("cafe 7 €"));
        assert_ne!(exact_key("Café"), exact_key("cafe"));
    }

    #[test]
    fn xxh3_is_the_published_function() {
        // XXH3_64bits of an empty input with seed 0, from the xxHash specification.
        assert_eq!(xxh3(""), 0x2D06_8005_38D3_94C2);
    }
}
