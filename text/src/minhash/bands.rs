//! How many bands of how many rows: the S-curve of Indyk and Motwani (1998), as laid out in
//! Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", §3.4.

/// The least chance at which a pair exactly at the threshold has to become a candidate.
const CHANCE_AT_THRESHOLD: f64 = 0.99;

/// The chance that two documents of a Jaccard similarity share at least one of `bands` keys, each
/// of `rows` hashes: `1 - (1 - similarity^rows)^bands`.
pub fn chance_to_meet(similarity: f64, bands: usize, rows: usize) -> f64 {
    let power = |base: f64, exponent: usize| base.powf(exponent as f64);
    1.0 - power(1.0 - power(similarity.clamp(0.0, 1.0), rows), bands)
}

/// The bands and rows, of at most `n_hashes` together, with which candidates are looked for when
/// pairs from `threshold` on are wanted.
///
/// Every candidate is verified afterwards, so a pair that is missed is lost while a false candidate
/// only costs time. The pick is therefore the most rows, that is the fewest false candidates, with
/// which a pair exactly at the threshold is found with a chance of at least 99 %, and as many bands
/// as the hashes allow. For 128 hashes: 21 bands of 6 rows at 0.8. Where even one row is too many,
/// at thresholds near 0, one row.
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
