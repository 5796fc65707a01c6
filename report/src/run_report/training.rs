//! The model and its training.

use minijinja::{Value, context};
use shards::dataset::Split;

use super::facts::Facts;
use crate::chart::{self, LossCurve};
use crate::error::Result;
use crate::format::share;

/// Maximum number of evaluations in the table.
const EVALUATIONS_MAX: usize = 30;

/// Maximum number of steps drawn; more could not be distinguished.
const POINTS_MAX: usize = 400;

/// Fraction of the steps over which the curve is smoothed.
const SMOOTHED_SHARE: f64 = 0.05;

/// The section about the model; `None` if the run trained none.
pub(super) fn section(facts: &Facts<'_>) -> Result<Option<Value>> {
    let (Some((model, curve)), Some(table)) = (&facts.trained, &facts.recipe.pretrain) else {
        return Ok(None);
    };
    let row_tokens = facts.recipe.shards.sequence_length;
    let seen = model.steps * table.batch_size * row_tokens;
    let train_tokens = facts.shards.as_ref().map_or(0, |shards| shards.tokens(Split::Train));
    let evaluations = thinned(&curve.validations, EVALUATIONS_MAX).into_iter().map(|point| {
        context! {
            step => point.step,
            nats => point.nats_per_token,
            perplexity => point.nats_per_token.exp(),
            bits => point.bits_per_byte,
            tokens => point.tokens,
        }
    });
    let drawn = LossCurve {
        smoothed: thinned(&smoothed(&curve.losses), POINTS_MAX).into_iter().copied().collect(),
        points: thinned(&curve.losses, POINTS_MAX).into_iter().copied().collect(),
        validations: curve.validations.iter().map(|p| (p.step as f64, p.nats_per_token)).collect(),
        unigram_entropy: model.unigram_entropy,
    };
    let svg = |size| -> Result<Option<Value>> {
        Ok(chart::loss(&drawn, size)?.map(Value::from_safe_string))
    };
    Ok(Some(context! {
        preset => table.model.is_none().then_some(&table.preset),
        shape => &model.shape,
        parameters => model.n_parameters,
        steps => model.steps,
        batch_size => table.batch_size,
        row_tokens,
        seen,
        epochs => share(seen, train_tokens),
        unigram => model.unigram_entropy,
        evaluations => evaluations.collect::<Vec<Value>>(),
        wide => svg(chart::WIDE)?,
        narrow => svg(chart::NARROW)?,
        sample => text::pii::mask(model.sample),
    }))
}

/// At most `max` of the points, evenly spaced, including the first and the last.
fn thinned<T>(points: &[T], max: usize) -> Vec<&T> {
    if points.len() <= max {
        return points.iter().collect();
    }
    (0..max).filter_map(|i| points.get(i * (points.len() - 1) / (max - 1))).collect()
}

/// The mean over a window centred on each step. The window narrows towards both ends, so that the
/// line does not lag behind the points.
fn smoothed(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let reach = (points.len() as f64 * SMOOTHED_SHARE / 2.0) as usize;
    let mut sums = vec![0.0];
    let mut sum = 0.0;
    for (_, loss) in points {
        sum += loss;
        sums.push(sum);
    }
    let mean = points.iter().enumerate().map(|(index, (step, _))| {
        let reach = reach.min(index).min(points.len() - 1 - index);
        let (from, to) = (index - reach, index + reach + 1);
        (*step, (sums[to] - sums[from]) / (to - from) as f64)
    });
    mean.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_both_ends() {
        let points: Vec<usize> = (0..1000).collect();
        let few = thinned(&points, 7);
        assert_eq!((few.len(), *few[0], *few[6]), (7, 0, 999));
        assert_eq!(thinned(&points[..5], 7).len(), 5);
    }

    #[test]
    fn smoothing_leaves_a_straight_line() {
        let line: Vec<(f64, f64)> =
            (0..100).map(|step| (f64::from(step), 7.0 - 0.03 * f64::from(step))).collect();
        let smoothed = smoothed(&line);
        assert!(smoothed.iter().zip(&line).all(|(a, b)| (a.1 - b.1).abs() < 1e-9));
    }
}
