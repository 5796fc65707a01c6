//! Sampling text from a model, one token at a time, with a cache of keys and values.

use candle_core::Tensor;

use crate::config::refuse;
use crate::ops::attention::{attend, split};
use crate::ops::{Composite, Operations};
use crate::random::{keyed, uniform};
use crate::{Llama, ModelError};

/// How to choose the next token.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateConfig {
    /// Tokens to generate at most.
    pub max_tokens: usize,
    /// 0 takes the most likely token; 1 samples from the model's distribution; above 1 flattens it.
    pub temperature: f64,
    /// Samples among this many most likely tokens only; 0 means all.
    pub top_k: usize,
    /// The same seed and prompt give the same text.
    pub seed: u64,
}

impl Default for GenerateConfig {
    fn default() -> Self {
        Self { max_tokens: 128, temperature: 0.8, top_k: 50, seed: 17 }
    }
}

/// Keys (rotated) and values of the positions seen so far, one pair [1, kv_heads, seen, head_dim] a layer.
#[derive(Debug, Default)]
pub struct Cache {
    layers: Vec<(Tensor, Tensor)>,
    seen: usize,
}

impl Cache {
    /// Number of positions in it.
    pub fn seen(&self) -> usize {
        self.seen
    }
}

impl Llama {
    /// Logits after the last of `ids`, which follow what `cache` has seen. Use a [`Self::detached`] model.
    ///
    /// # Errors
    /// More positions than the context holds; no ids.
    pub fn next_logits(&self, ids: &[u32], cache: &mut Cache) -> Result<Vec<f32>, ModelError> {
        let limit = self.config.context;
        if ids.is_empty() || cache.seen + ids.len() > limit {
            let value = format!("{} ids after {}", ids.len(), cache.seen);
            return Err(refuse(
                "prompt",
                value,
                &format!("give 1 to {limit} ids (`context`) in all"),
            ));
        }
        self.check_ids(ids)?;
        let (heads, kv_heads) = (self.config.n_heads, self.config.n_kv_heads);
        let mut x = Composite.embed(ids, &self.embedding)?;
        for (index, layer) in self.layers.iter().enumerate() {
            let [q, k, v] = self.project(&Composite, layer, &x)?;
            let q = self.rope.rotate(&split(&q, heads)?, cache.seen)?;
            let mut k = self.rope.rotate(&split(&k, kv_heads)?, cache.seen)?;
            let mut v = split(&v, kv_heads)?;
            if let Some((keys, values)) = cache.layers.get(index) {
                k = Tensor::cat(&[keys, &k], 1)?;
                v = Tensor::cat(&[values, &v], 1)?;
            }
            let context = attend(&q, &k, &v)?;
            x = self.finish(&Composite, layer, &x, &context)?;
            match cache.layers.get_mut(index) {
                Some(entry) => *entry = (k, v),
                None => cache.layers.push((k, v)),
            }
        }
        cache.seen += ids.len();
        let last = x.narrow(0, ids.len() - 1, 1)?.contiguous()?;
        let normed = Composite.rms_norm(&last, &self.norm, self.config.norm_eps)?;
        Ok(Composite.linear(&normed, &self.output)?.flatten_all()?.to_vec1::<f32>()?)
    }
}

/// Continues `prompt`; returns the new ids, each of which `observer` has seen. It ends after
/// `settings.max_tokens`, or when `observer` returns false (the end-of-text id, for instance).
///
/// When the context is full, its second half is read again as a new beginning.
///
/// # Errors
/// An empty prompt, an id outside the vocabulary, a temperature below 0.
pub fn generate(
    model: &Llama,
    prompt: &[u32],
    settings: &GenerateConfig,
    observer: &mut dyn FnMut(u32) -> bool,
) -> Result<Vec<u32>, ModelError> {
    let config = model.config();
    if prompt.is_empty() {
        return Err(refuse(
            "prompt",
            "empty",
            "give at least one id, for instance the end-of-text id",
        ));
    }
    if !(settings.temperature >= 0.0 && settings.temperature.is_finite()) {
        return Err(refuse("temperature", settings.temperature, "it must be at least 0"));
    }
    let model = model.detached();
    let mut random = keyed(settings.seed, "generate");
    let mut ids = prompt.to_vec();
    let mut cache = Cache::default();
    let mut pending = tail(&ids, config.context).to_vec();
    while ids.len() < prompt.len() + settings.max_tokens {
        if cache.seen + pending.len() > config.context {
            cache = Cache::default();
            pending = tail(&ids, config.context.div_ceil(2)).to_vec();
        }
        let logits = model.next_logits(&pending, &mut cache)?;
        let id = choose(&logits, settings, uniform(&mut random));
        ids.push(id);
        pending = vec![id];
        if !observer(id) {
            break;
        }
    }
    Ok(ids.split_off(prompt.len()))
}

fn tail(ids: &[u32], length: usize) -> &[u32] {
    &ids[ids.len().saturating_sub(length)..]
}

/// The id at point `u` (in [0, 1)) of the distribution that `settings` makes of `logits`; ties go to the smaller id.
fn choose(logits: &[f32], settings: &GenerateConfig, u: f64) -> u32 {
    let mut ranked: Vec<u32> = (0..logits.len() as u32).collect();
    let descending =
        |a: &u32, b: &u32| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b));
    let keep = match (settings.temperature > 0.0, settings.top_k) {
        (false, _) => 1,
        (true, 0) => logits.len(),
        (true, k) => k.min(logits.len()),
    };
    if keep < ranked.len() {
        ranked.select_nth_unstable_by(keep - 1, descending);
        ranked.truncate(keep);
    }
    ranked.sort_unstable_by(descending);
    let Some(&best) = ranked.first() else { return 0 };
    let largest = f64::from(logits[best as usize]);
    let weight =
        |id: &u32| ((f64::from(logits[*id as usize]) - largest) / settings.temperature).exp();
    if keep == 1 {
        return best;
    }
    let total: f64 = ranked.iter().map(weight).sum();
    let mut left = u * total;
    for id in &ranked {
        left -= weight(id);
        if left < 0.0 {
            return *id;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sampling_follows_the_distribution() {
        let logits = [0.0, 2.0_f32.ln(), f32::NEG_INFINITY, 2.0_f32.ln()];
        let settings =
            |temperature, top_k| GenerateConfig { max_tokens: 1, temperature, top_k, seed: 0 };
        assert_eq!(choose(&logits, &settings(0.0, 0), 0.9), 1);
        // Probabilities 0.4, 0.4 and 0.2 for the ids 1, 3 and 0.
        let picks = [0.1, 0.5, 0.9].map(|u| choose(&logits, &settings(1.0, 0), u));
        assert_eq!(picks, [1, 3, 0]);
        assert_eq!(choose(&logits, &settings(1.0, 2), 0.99), 3);
    }
}
