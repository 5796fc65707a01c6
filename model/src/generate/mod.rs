//! Sampling text from a model, one token at a time, with a cache of keys and values.

pub mod cache;
mod memory;
pub mod sampler;
pub mod stop;

use std::time::Instant;

pub use cache::Cache;
pub use stop::{Text, generate_text};

use crate::error::refuse;
use crate::random::{keyed, uniform};
use crate::{Llama, ModelError};

/// How to choose the next token. The rules apply in the order of the fields.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateConfig {
    /// Tokens to generate at most.
    pub max_tokens: usize,
    /// Logits of ids that occurred already are divided by it where positive and multiplied where negative
    /// (Keskar et al. 2019, section 4.1); 1 leaves them alone.
    pub repetition_penalty: f64,
    /// 0 takes the most likely token; 1 samples from the model's distribution; above 1 flattens it.
    pub temperature: f64,
    /// Samples among this many most likely tokens only; 0 means all.
    pub top_k: usize,
    /// Samples among the fewest tokens whose probabilities reach this sum (Holtzman et al. 2020); 1 means all.
    pub top_p: f64,
    /// Samples among tokens at least this part as likely as the most likely one (Nguyen et al. 2024); 0 means
    /// all.
    pub min_p: f64,
    /// The same seed and prompt give the same text.
    pub seed: u64,
}

impl Default for GenerateConfig {
    fn default() -> Self {
        Self {
            max_tokens: 128,
            repetition_penalty: 1.0,
            temperature: 0.8,
            top_k: 50,
            top_p: 1.0,
            min_p: 0.0,
            seed: 17,
        }
    }
}

impl GenerateConfig {
    /// Checks the values.
    ///
    /// # Errors
    /// The first key that cannot be used, its value, and what would do.
    pub fn validate(&self) -> Result<(), ModelError> {
        let values = [
            ("temperature", self.temperature, 0.0, f64::MAX, "at least 0"),
            ("top_p", self.top_p, f64::MIN_POSITIVE, 1.0, "in (0, 1]"),
            ("min_p", self.min_p, 0.0, 1.0, "in [0, 1]"),
            ("repetition_penalty", self.repetition_penalty, f64::MIN_POSITIVE, f64::MAX, "above 0"),
        ];
        for (key, value, least, most, way_out) in values {
            if !(least..=most).contains(&value) {
                return Err(refuse(key, value, &format!("it must be {way_out}")));
            }
        }
        Ok(())
    }
}

/// What a generation came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// The new ids.
    pub ids: Vec<u32>,
    /// Seconds from the call to the first new id: reading the prompt.
    pub seconds_to_first_token: f64,
    /// New ids a second after the first one; 0 if there is one at most.
    pub tokens_per_second: f64,
}

/// Continues `prompt`; returns the new ids, each of which `observer` has seen. It ends after
/// `settings.max_tokens`, or when `observer` returns false (the end-of-text id, for instance).
///
/// When the context is full, its second half is read again as a new beginning.
///
/// # Errors
/// An empty prompt, an id outside the vocabulary, settings that cannot be used.
pub fn generate(
    model: &Llama,
    prompt: &[u32],
    settings: &GenerateConfig,
    observer: &mut dyn FnMut(u32) -> bool,
) -> Result<Vec<u32>, ModelError> {
    Ok(generate_timed(model, prompt, settings, observer)?.ids)
}

/// As [`generate`], with the times that it took.
///
/// # Errors
/// As [`generate`].
pub fn generate_timed(
    model: &Llama,
    prompt: &[u32],
    settings: &GenerateConfig,
    observer: &mut dyn FnMut(u32) -> bool,
) -> Result<Generated, ModelError> {
    let context = model.config().context;
    if prompt.is_empty() {
        let way_out = "give at least one id, for instance the end-of-text id";
        return Err(refuse("prompt", "empty", way_out));
    }
    settings.validate()?;
    let start = Instant::now();
    let model = model.detached();
    let mut random = keyed(settings.seed, "generate");
    let mut ids = prompt.to_vec();
    let mut cache = Cache::default();
    let mut pending = tail(&ids, context).to_vec();
    let mut first = None;
    while ids.len() < prompt.len() + settings.max_tokens {
        if cache.seen() + pending.len() > context {
            cache = Cache::default();
            pending = tail(&ids, context.div_ceil(2)).to_vec();
        }
        let mut logits = model.next_logits(&pending, &mut cache)?;
        sampler::penalise(&mut logits, &ids, settings.repetition_penalty);
        let id = sampler::choose(&logits, settings, uniform(&mut random));
        first.get_or_insert_with(|| start.elapsed().as_secs_f64());
        ids.push(id);
        pending = vec![id];
        if !observer(id) {
            break;
        }
    }
    let ids = ids.split_off(prompt.len());
    let seconds_to_first_token = first.unwrap_or(0.0);
    let rest = start.elapsed().as_secs_f64() - seconds_to_first_token;
    let tokens_per_second = if ids.len() > 1 { (ids.len() - 1) as f64 / rest } else { 0.0 };
    Ok(Generated { ids, seconds_to_first_token, tokens_per_second })
}

fn tail(ids: &[u32], length: usize) -> &[u32] {
    &ids[ids.len().saturating_sub(length)..]
}
