//! The promised rate of false positives, and refused bytes.

use proptest::prelude::*;

use super::*;

/// Distinct keys that are far from uniform.
fn keys(range: std::ops::Range<u64>) -> impl Iterator<Item = u128> {
    range.map(u128::from)
}

/// Looks up keys that were never inserted and compares the share found with the expectation.
fn check_rate(bloom: &Bloom, expected: f64) {
    const PROBES: u64 = 1_000_000;
    let found = keys(1 << 40..(1 << 40) + PROBES).filter(|key| bloom.contains(*key)).count();
    let measured = found as f64 / PROBES as f64;
    let sigma = (expected * (1.0 - expected) / PROBES as f64).sqrt();
    assert!((measured - expected).abs() < 3.0 * sigma, "{measured} for {expected} ± {sigma}");
}

#[test]
fn the_promised_rate_is_the_measured_rate() {
    for rate in [0.2, 0.01, 0.001, 0.000_1] {
        let capacity = 300_000;
        let mut bloom = Bloom::new(capacity, rate).unwrap();
        assert_eq!(bloom.bytes(), bytes_for(capacity, rate).unwrap());
        let was_there = keys(0..capacity / 2).filter(|key| bloom.insert(*key)).count() as u64;
        check_rate(&bloom, bloom.expected_false_positive_rate());
        check_rate(&bloom, bloom.false_positive_rate_at(capacity / 2));
        let more = keys(capacity / 2..capacity).filter(|key| bloom.insert(*key)).count() as u64;
        check_rate(&bloom, bloom.expected_false_positive_rate());
        check_rate(&bloom, rate);
        assert_eq!(bloom.len(), capacity - was_there - more);
        assert!(keys(0..capacity).all(|key| bloom.contains(key)), "a key was forgotten");
    }
}

/// A filter of datatrove 0.10 uses only as many bits as its size in bits has binary ones.
#[test]
fn a_mebibyte_has_eight_mebibits() {
    let mut bloom = Bloom::new(500_000, 0.001).unwrap();
    let size = bloom.bytes();
    assert!((900_000..1_100_000).contains(&size), "{size}");
    assert_eq!(keys(0..1_000).filter(|key| bloom.insert(*key)).count(), 0);
    let set: u32 = bloom.blocks.as_flattened().iter().map(|word| word.count_ones()).sum();
    assert!(set > 7_900, "{set}");
}

#[test]
fn an_impossible_rate_is_refused() {
    for rate in [0.0, -1.0, 0.6, f64::NAN] {
        assert!(matches!(Bloom::new(10, rate), Err(BloomError::Rate { .. })));
    }
    assert!(matches!(Bloom::new(u64::MAX, 1e-9), Err(BloomError::Memory { .. })));
    assert!(Bloom::new(0, 0.5).is_ok());
    let mut bloom = Bloom::new(10, 0.5).unwrap();
    let larger = Bloom::new(1_000, 0.5).unwrap();
    assert!(matches!(bloom.merge(&larger), Err(BloomError::Unlike)));
}

proptest! {
    /// A filter survives the round trip through bytes, and damaged bytes are refused.
    #[test]
    fn damaged_bytes_are_refused(
        keys in prop::collection::vec(any::<u128>(), 0..50),
        rate in 1e-9..0.5,
        at in any::<prop::sample::Index>(),
        change in 1u8..,
    ) {
        let mut bloom = Bloom::new(20, rate).unwrap();
        keys.iter().for_each(|key| { bloom.insert(*key); });
        let mut bytes = bloom.to_bytes();
        prop_assert_eq!(&Bloom::from_bytes(&bytes).unwrap(), &bloom);
        prop_assert!(Bloom::from_bytes(&bytes[..at.index(bytes.len())]).is_err());
        bytes.push(change);
        prop_assert!(Bloom::from_bytes(&bytes).is_err());
        bytes.pop();
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        prop_assert!(Bloom::from_bytes(&bytes).is_err());
    }

    /// A merged filter equals the filter of all keys, in any order.
    #[test]
    fn merging_is_inserting(
        left in prop::collection::vec(any::<u128>(), 0..200),
        right in prop::collection::vec(any::<u128>(), 0..200),
        rate in 1e-9..0.5,
    ) {
        let fill = |keys: &mut dyn Iterator<Item = &u128>| {
            let mut bloom = Bloom::new(300, rate).unwrap();
            keys.for_each(|key| { bloom.insert(*key); });
            bloom
        };
        let mut merged = fill(&mut right.iter());
        merged.merge(&fill(&mut left.iter())).unwrap();
        let whole = fill(&mut left.iter().chain(&right));
        prop_assert_eq!(&merged.blocks, &whole.blocks);
        prop_assert!(merged.len() >= whole.len());
    }
}
