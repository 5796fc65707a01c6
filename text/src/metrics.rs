//! Measures how well scores agree with labels.

/// The area under the ROC curve: the share of pairs of a positive and a negative example in which
/// the positive one has the higher score, where ties count half (Hanley and McNeil 1982, "The
/// Meaning and Use of the Area under a Receiver Operating Characteristic (ROC) Curve"). It is from
/// 0 to 1, and 0.5 for scores without information.
///
/// Each item is a score and whether the example is positive. The result is `None` if there are no
/// positive or no negative examples. NaN counts as the lowest score.
///
/// ```
/// let items = [(0.9, true), (0.8, false), (0.7, true), (0.1, false)];
/// assert_eq!(text::metrics::roc_auc(items), Some(0.75));
/// ```
pub fn roc_auc(items: impl IntoIterator<Item = (f64, bool)>) -> Option<f64> {
    let known = |score: f64| if score.is_nan() { f64::NEG_INFINITY } else { score };
    let mut items: Vec<(f64, bool)> =
        items.into_iter().map(|(score, is_positive)| (known(score), is_positive)).collect();
    items.sort_unstable_by(|left, right| left.0.total_cmp(&right.0));
    let (mut wins, mut lower, mut positives) = (0.0, 0.0, 0.0);
    // 0.0 and -0.0 are the same score. `total_cmp` puts them side by side.
    #[expect(clippy::float_cmp, reason = "ties are equal scores, not close ones")]
    for group in items.chunk_by(|left, right| left.0 == right.0) {
        let count = group.len() as f64;
        let here = group.iter().filter(|item| item.1).count() as f64;
        wins += here * (lower + (count - here) / 2.0);
        lower += count - here;
        positives += here;
    }
    let pairs = positives * lower;
    if pairs > 0.0 { Some(wins / pairs) } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ties_count_half() {
        assert_eq!(roc_auc([(1.0, true), (1.0, false)]), Some(0.5));
        assert_eq!(roc_auc([(0.0, true), (-0.0, false)]), Some(0.5));
        assert_eq!(roc_auc([(f64::NAN, true), (0.0, false)]), Some(0.0));
        assert_eq!(roc_auc([(1.0, true)]), None);
    }

    proptest! {
        #[test]
        fn auc_is_the_share_of_won_pairs(
            items in prop::collection::vec((0u8..6, any::<bool>()), 0..40)
        ) {
            let (mut wins, mut pairs) = (0.0, 0.0);
            for (high, _) in items.iter().filter(|item| item.1) {
                for (low, _) in items.iter().filter(|item| !item.1) {
                    pairs += 1.0;
                    wins += match high.cmp(low) {
                        std::cmp::Ordering::Less => 0.0,
                        std::cmp::Ordering::Equal => 0.5,
                        std::cmp::Ordering::Greater => 1.0,
                    };
                }
            }
            let expected = (pairs > 0.0).then(|| wins / pairs);
            let found = roc_auc(items.iter().map(|item| (f64::from(item.0), item.1)));
            let is_near = match (found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() < 1e-12,
                (found, expected) => found == expected,
            };
            prop_assert!(is_near);
        }
    }
}
