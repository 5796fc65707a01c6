//! Sampling text from a model, one token at a time, with a cache of keys and values.

mod cache;
mod memory;
mod sampler;
mod stop;

use std::time::Instant;

use bug::OrBug as _;

use cache::Cache;
pub use stop::{Text, generate_text};

use crate::error::{ModelError, refuse};
use crate::llama::Llama;
use crate::random::{random_for, uniform};

/// How to choose each token. The rules apply in the order of the fields.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateConfig {
    /// Most tokens to generate.
    pub max_tokens: usize,
    /// Makes ids less likely that have occurred already: their logits are divided by it if
    /// positive, and multiplied if negative (Keskar et al. 2019, section 4.1). 1 leaves them alone.
    pub repetition_penalty: f64,
    /// 0 takes the most likely token, 1 samples from the model's distribution, and a larger value
    /// flattens it.
    pub temperature: f64,
    /// Samples only among this many most likely tokens; 0 means all.
    pub top_k: usize,
    /// Samples only among the fewest tokens whose probabilities reach this sum (Holtzman et al.
    /// 2020); 1 means all.
    pub top_p: f64,
    /// Samples only among tokens with at least this fraction of the highest probability (Nguyen et
    /// al. 2024); 0 means all.
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
    /// Checks that every value is allowed.
    ///
    /// # Errors
    /// The first field whose value is not allowed, with that value and the allowed ones.
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

/// The result of a generation.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// The new ids.
    pub ids: Vec<u32>,
    /// Seconds from the call to the first new id, mostly for reading the prompt; 0 if there is
    /// none.
    pub seconds_to_first_token: f64,
    /// New ids per second after the first one; 0 if there are fewer than two.
    pub tokens_per_second: f64,
}

/// Continues `prompt` and returns the new ids. `observer` gets each of them and returns whether to
/// continue; it may stop at the end-of-text id, for example. At most `settings.max_tokens` ids are
/// generated.
///
/// When the context is full, its second half is read again as a new beginning.
///
/// # Errors
/// The prompt is empty, an id is not in the vocabulary, or a setting is not allowed.
pub fn generate(
    model: &Llama,
    prompt: &[u32],
    settings: &GenerateConfig,
    observer: &mut dyn FnMut(u32) -> bool,
) -> Result<Vec<u32>, ModelError> {
    Ok(generate_timed(model, prompt, settings, observer)?.ids)
}

/// As [`generate`], with times.
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
    model.check_ids(prompt)?;
    let start = Instant::now();
    let model = model.detached();
    let mut random = random_for(settings.seed, "generate");
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
        let id = id.or_bug("a model without logits")?;
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

/// The last `length` ids, or all of them.
fn tail(ids: &[u32], length: usize) -> &[u32] {
    &ids[ids.len().saturating_sub(length)..]
}
