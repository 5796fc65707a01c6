//! The similarity of two documents: estimated from sketches, or exact from sets of shingles.

/// Bytes that are compared together: a vector register on every 64-bit processor.
const LANES: usize = 16;

/// Blocks after which the counters of single bytes are added up, because they would overflow.
const BLOCKS: usize = 255;

/// The probability that two bytes of a sketch are equal although the minima differ.
const CHANCE_AGREEMENT: f64 = 1.0 / 256.0;

/// Estimates the Jaccard similarity of two documents from the sketches of their
/// [`Signature`](super::Signature)s: the share of equal bytes, corrected for bytes that are equal
/// by chance, `(agree - 1/256) / (1 - 1/256)`, and at least 0. This is Li and König, "b-Bit Minwise
/// Hashing" (2010), with b = 8. The standard error is about `sqrt(s (1 - s) / n)` for n hashes:
/// 0.035 at s = 0.8 and n = 128. Zero if the sketches are empty or have different lengths.
pub fn estimate_jaccard(a: &[u8], b: &[u8]) -> f64 {
    if a.is_empty() || a.len() != b.len() {
        return 0.0;
    }
    let agree = count_equal(a, b) as f64 / a.len() as f64;
    ((agree - CHANCE_AGREEMENT) / (1.0 - CHANCE_AGREEMENT)).max(0.0)
}

/// The number of positions at which two sketches of the same length are equal.
fn count_equal(a: &[u8], b: &[u8]) -> u32 {
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut count = 0;
    for (a_blocks, b_blocks) in a_blocks.chunks(BLOCKS).zip(b_blocks.chunks(BLOCKS)) {
        let mut lanes = [0_u8; LANES];
        for (a, b) in a_blocks.iter().zip(b_blocks) {
            for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
                *lane += u8::from(a == b);
            }
        }
        count += lanes.iter().copied().map(u32::from).sum::<u32>();
    }
    count + a_rest.iter().zip(b_rest).map(|(a, b)| u32::from(a == b)).sum::<u32>()
}

/// The Jaccard similarity of two sets: the size of the intersection divided by that of the union.
/// Both slices must be sorted and have no duplicates. Zero for two empty sets.
pub fn jaccard(a: &[u64], b: &[u64]) -> f64 {
    let both = intersection_size(a, b);
    ratio(both, a.len() + b.len() - both)
}

/// The share of the smaller of two sets that is contained in the other (Broder 1997). Both slices
/// must be sorted and have no duplicates. Zero if one set is empty.
pub fn containment(a: &[u64], b: &[u64]) -> f64 {
    ratio(intersection_size(a, b), a.len().min(b.len()))
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The size of the intersection of two sorted sets, by a merge without data-dependent branches.
fn intersection_size(mut a: &[u64], mut b: &[u64]) -> usize {
    let mut count = 0;
    while let (Some(x), Some(y)) = (a.first(), b.first()) {
        count += usize::from(x == y);
        let (next_a, next_b) = (usize::from(x <= y), usize::from(y <= x));
        a = &a[next_a..];
        b = &b[next_b..];
    }
    count
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sets_compare_as_sets(a in prop::collection::btree_set(0_u64..30, 0..20),
                                b in prop::collection::btree_set(0_u64..30, 0..20)) {
            let list = |set: &BTreeSet<u64>| set.iter().copied().collect::<Vec<_>>();
            let both = a.intersection(&b).count();
            prop_assert_eq!(intersection_size(&list(&a), &list(&b)), both);
            let union = a.union(&b).count().max(1) as f64;
            prop_assert!((jaccard(&list(&a), &list(&b)) * union - both as f64).abs() < 1e-9);
            let smaller = a.len().min(b.len()).max(1) as f64;
            let shared = containment(&list(&a), &list(&b)) * smaller;
            prop_assert!((shared - both as f64).abs() < 1e-9);
        }

        #[test]
        fn equal_bytes_are_counted(
            a in prop::collection::vec(0_u8..3, 0..9000),
            seed in any::<u8>(),
        ) {
            let b: Vec<u8> = a.iter().map(|byte| byte.wrapping_mul(seed) % 3).collect();
            let expected = a.iter().zip(&b).filter(|(a, b)| a == b).count();
            prop_assert_eq!(count_equal(&a, &b) as usize, expected);
        }
    }

    #[test]
    fn chance_agreement_is_taken_out() {
        let a: Vec<u8> = (0..=255).collect();
        let mut b: Vec<u8> = a.iter().map(|byte| byte ^ 1).collect();
        b[0] = 0;
        assert!(estimate_jaccard(&a, &b).abs() < 1e-12);
        assert!((estimate_jaccard(&a, &a) - 1.0).abs() < 1e-12);
        assert!(estimate_jaccard(&a, &b[1..]).abs() < 1e-12);
    }
}
