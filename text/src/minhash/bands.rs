//! The number of bands and rows: the S-curve of Indyk and Motwani (1998), as presented by
//! Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", §3.4.

/// The minimum probability with which a pair exactly at the threshold becomes a candidate.
const CHANCE_AT_THRESHOLD: f64 = 0.99;

/// The probability that two documents with the given Jaccard similarity share at least one of
/// `bands` keys, each made of `rows` hashes: `1 - (1 - similarity^rows)^bands`.
pub fn chance_to_meet(similarity: f64, bands: usize, rows: usize) -> f64 {
    let power = |base: f64, exponent: usize| base.powf(exponent as f64);
    1.0 - power(1.0 - power(similarity.clamp(0.0, 1.0), rows), bands)
}

/// The number of bands and rows for finding pairs whose similarity is at least `threshold`, with at
/// most `n_hashes` hashes in total.
///
/// Every candidate is verified later. So a missed pair is lost, but a false candidate only costs
/// time. This returns the largest number of rows, which means the fewest false candidates, at which
/// a pair exactly at the threshold becomes a candidate with a probability of at least 99 %, and as
/// many bands as the hashes allow. For 128 hashes and a threshold of 0.8 this is 21 bands of 6
/// rows. At thresholds near 0, where even one row does not reach 99 %, it returns one row.
pub fn bands_for_threshold(threshold: f64, n_hashes: usize) -> (usize, usize) {
    let n_hashes = n_hashes.max(1);
    let rows = (1..=n_hashes)
        .rev()
        .find(|&rows| chance_to_meet(threshold, n_hashes / rows, rows) >= CHANCE_AT_THRESHOLD)
        .unwrap_or(1);
    (n_hashes / rows, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_of_fineweb() {
        for (similarity, percent) in [(0.5, 5.3), (0.7, 56.5), (0.75, 77.2), (0.8, 92.4)] {
            let chance = 100.0 * chance_to_meet(similarity, 14, 8);
            assert!((chance - percent).abs() < 0.05, "{similarity}: {chance}");
        }
    }

    #[test]
    fn bands_follow_the_threshold() {
        assert_eq!(bands_for_threshold(0.8, 128), (21, 6));
        assert_eq!(bands_for_threshold(0.5, 0), (1, 1));
        assert_eq!(bands_for_threshold(1.0, 128), (1, 128));
        let mut last = 0;
        for step in 1..20 {
            let threshold = f64::from(step) / 20.0;
            let (bands, rows) = bands_for_threshold(threshold, 128);
            assert!(bands * rows <= 128 && rows >= last);
            assert!(chance_to_meet(threshold, bands, rows) >= 0.99);
            last = rows;
        }
    }
}
