//! The choice of one token from its logits.

use super::GenerateConfig;

/// Makes ids less likely that have occurred already; see [`GenerateConfig::repetition_penalty`].
/// All `ids` must have a logit.
pub(crate) fn penalise(logits: &mut [f32], ids: &[u32], penalty: f64) {
    #[expect(clippy::float_cmp, reason = "exactly 1 means no penalty")]
    if penalty == 1.0 {
        return;
    }
    let mut seen = ids.to_vec();
    seen.sort_unstable();
    seen.dedup();
    for id in seen {
        let logit = &mut logits[id as usize];
        let factor = if *logit > 0.0 { 1.0 / penalty } else { penalty };
        *logit *= factor as f32;
    }
}

/// The id at point `u` (in [0, 1)) of the distribution that `settings` makes of `logits`. Of
/// equally likely ids the smaller one comes first. `None` if there are no logits.
pub(crate) fn choose(logits: &[f32], settings: &GenerateConfig, u: f64) -> Option<u32> {
    let mut ranked: Vec<u32> = (0..logits.len() as u32).collect();
    let descending =
        |a: &u32, b: &u32| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b));
    let keep = match (settings.temperature > 0.0, settings.top_k) {
        (false, _) => 1,
        (true, 0) => logits.len(),
        (true, k) => k.min(logits.len()),
    };
    // Sorting only what is kept is much faster than sorting a whole vocabulary.
    if keep < ranked.len() {
        ranked.select_nth_unstable_by(keep - 1, descending);
        ranked.truncate(keep);
    }
    ranked.sort_unstable_by(descending);
    let best = *ranked.first()?;
    if keep == 1 {
        return Some(best);
    }
    let largest = f64::from(logits[best as usize]);
    let weight =
        |id: &u32| ((f64::from(logits[*id as usize]) - largest) / settings.temperature).exp();
    let mut weights: Vec<f64> = ranked.iter().map(weight).collect();
    weights.truncate(kept(&weights, settings));
    let mut left = u * weights.iter().sum::<f64>();
    for (id, weight) in ranked.iter().zip(&weights) {
        left -= weight;
        if left < 0.0 {
            return Some(*id);
        }
    }
    // Rounding can leave a rest after the last weight.
    Some(best)
}

/// How many of the descending weights top-p and min-p keep. The first weight is 1.
fn kept(weights: &[f64], settings: &GenerateConfig) -> usize {
    let enough = settings.top_p * weights.iter().sum::<f64>();
    let mut sum = 0.0;
    let nucleus = weights.iter().position(|weight| {
        sum += weight;
        sum >= enough
    });
    let nucleus = nucleus.map_or(weights.len(), |last| last + 1);
    let likely = weights.iter().take_while(|weight| **weight >= settings.min_p).count();
    nucleus.min(likely).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Probabilities 0.4, 0.4 and 0.2 for the ids 1, 3 and 0.
    fn logits() -> [f32; 4] {
        [0.0, 2.0_f32.ln(), f32::NEG_INFINITY, 2.0_f32.ln()]
    }

    fn picks(settings: &GenerateConfig) -> Vec<u32> {
        [0.1, 0.5, 0.9].map(|u| choose(&logits(), settings, u).unwrap()).to_vec()
    }

    #[test]
    fn sampling_follows_the_distribution() {
        let all = GenerateConfig { temperature: 1.0, top_k: 0, ..GenerateConfig::default() };
        assert_eq!(picks(&GenerateConfig { temperature: 0.0, ..all.clone() }), [1, 1, 1]);
        assert_eq!(picks(&all), [1, 3, 0]);
        assert_eq!(picks(&GenerateConfig { top_k: 2, ..all.clone() }), [1, 3, 3]);
        assert_eq!(picks(&GenerateConfig { top_p: 0.7, ..all.clone() }), [1, 3, 3]);
        assert_eq!(picks(&GenerateConfig { top_p: 0.1, ..all.clone() }), [1, 1, 1]);
        assert_eq!(picks(&GenerateConfig { min_p: 0.6, ..all.clone() }), [1, 3, 3]);
        assert_eq!(picks(&GenerateConfig { min_p: 0.4, ..all }), [1, 3, 0]);
    }

    #[test]
    fn a_penalty_counts_once_and_lowers_both_signs() {
        let mut logits = [2.0, -2.0, 2.0];
        penalise(&mut logits, &[0, 1, 0], 2.0);
        assert_eq!(logits.map(f32::to_bits), [1.0, -4.0, 2.0].map(f32::to_bits));
    }
}
