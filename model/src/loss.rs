//! Measures of a model and of the tokens themselves: nats per token, bits per byte, unigram entropy.

use serde::{Deserialize, Serialize};

use crate::loader::{n_rows, read_row};
use crate::parallel::Lanes;
use crate::rows::{IGNORED, Rows};
use crate::{Llama, ModelError, TokenSource};

/// Ids read at a time where a whole stream is scanned.
const SCAN_TOKENS: usize = 1 << 16;

/// The loss of a model on a validation split.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Mean −ln p over all predicted tokens.
    pub nats_per_token: f32,
    /// Σ nats / (ln 2 · Σ bytes) over the tokens that stand for bytes. Unlike nats per token it compares
    /// models with different tokenizers.
    pub bits_per_byte: f32,
    /// Predicted tokens.
    pub tokens: u64,
}

impl Evaluation {
    /// e to the nats per token.
    pub fn perplexity(&self) -> f64 {
        f64::from(self.nats_per_token).exp()
    }
}

/// Evaluates `model` on each of several named sources, as [`evaluate`] does.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_sources<'a>(
    model: &Llama,
    sources: &[(&'a str, &dyn TokenSource)],
    token_bytes: &[u32],
    max_rows: usize,
    lanes: &Lanes,
) -> Result<Vec<(&'a str, Evaluation)>, ModelError> {
    let evaluate = |(name, source): &(&'a str, &dyn TokenSource)| {
        Ok((*name, evaluate(model, *source, token_bytes, max_rows, true, lanes)?))
    };
    sources.iter().map(evaluate).collect()
}

/// Evaluates `model` on up to `max_rows` rows spread evenly over `source`; 0 means all rows.
///
/// `token_bytes[id]` is the number of bytes that the id stands for, 0 for special ids, which bits per byte
/// leave out. The rows, and so the result, depend on neither seed nor threads. With `document_mask` documents
/// are predicted one by one, wherever the rows cut the stream.
///
/// # Errors
/// The stream is shorter than one row; an id does not fit the vocabulary; `token_bytes` has another length
/// than the vocabulary.
pub fn evaluate(
    model: &Llama,
    source: &dyn TokenSource,
    token_bytes: &[u32],
    max_rows: usize,
    document_mask: bool,
    lanes: &Lanes,
) -> Result<Evaluation, ModelError> {
    let config = model.config();
    check_token_bytes(token_bytes, config.vocab_size)?;
    let available = check_length(source, config.context)?;
    let count = if max_rows == 0 { available } else { available.min(max_rows as u64) };
    let rows: Vec<u64> = (0..count)
        .map(|i| (u128::from(i) * u128::from(available) / u128::from(count)) as u64)
        .collect();
    let sums = lanes.map(&rows, |&row| {
        let row = read_row(source, row, config.context, config.vocab_size, document_mask)?;
        let mut rows = Rows::default();
        rows.push(&row.ids, &row.boundaries);
        let losses = model.token_losses(&rows)?;
        Ok::<_, ModelError>(Sums::of(&losses, rows.targets(), token_bytes))
    });
    let mut total = Sums::default();
    for sums in sums {
        total.add(&sums?);
    }
    Ok(Evaluation {
        nats_per_token: (total.nats / total.tokens.max(1) as f64) as f32,
        bits_per_byte: (total.byte_nats / (std::f64::consts::LN_2 * total.bytes.max(1) as f64))
            as f32,
        tokens: total.tokens,
    })
}

/// The number of rows of a validation split, of which there must be one.
pub(crate) fn check_length(source: &dyn TokenSource, context: usize) -> Result<u64, ModelError> {
    match n_rows(source, context) {
        0 => Err(ModelError::TooFewTokens {
            split: "validation",
            tokens: source.n_tokens(),
            needed: context as u64 + 1,
            why: format!("`context` {context} plus 1"),
        }),
        rows => Ok(rows),
    }
}

/// Checks that there is a byte length for every id.
pub(crate) fn check_token_bytes(token_bytes: &[u32], vocab_size: usize) -> Result<(), ModelError> {
    if token_bytes.len() == vocab_size {
        return Ok(());
    }
    let way_out =
        format!("give one byte length for each of the {vocab_size} ids, 0 for special ones");
    Err(crate::error::refuse("token_bytes", format!("{} long", token_bytes.len()), &way_out))
}

#[derive(Default)]
struct Sums {
    nats: f64,
    tokens: u64,
    byte_nats: f64,
    bytes: u64,
}

impl Sums {
    fn of(losses: &[f32], targets: &[u32], token_bytes: &[u32]) -> Self {
        let mut sums = Self::default();
        for (&loss, &target) in losses.iter().zip(targets).filter(|(_, target)| **target != IGNORED)
        {
            let (nats, bytes) = (f64::from(loss), token_bytes[target as usize]);
            sums.nats += nats;
            sums.tokens += 1;
            if bytes > 0 {
                sums.byte_nats += nats;
                sums.bytes += u64::from(bytes);
            }
        }
        sums
    }

    fn add(&mut self, other: &Self) {
        self.nats += other.nats;
        self.tokens += other.tokens;
        self.byte_nats += other.byte_nats;
        self.bytes += other.bytes;
    }
}

/// Entropy in nats of the token frequencies of `source`: the loss of the best model that ignores context.
/// A trained model must be below it. Ids from `vocab_size` on are not counted.
pub fn unigram_entropy(source: &dyn TokenSource, vocab_size: usize) -> f64 {
    let mut counts = vec![0_u64; vocab_size];
    let mut block = vec![0; SCAN_TOKENS];
    let mut start = 0;
    while start < source.n_tokens() {
        let length = (source.n_tokens() - start).min(SCAN_TOKENS as u64) as usize;
        source.read(start, &mut block[..length]);
        for &id in &block[..length] {
            if let Some(count) = counts.get_mut(id as usize) {
                *count += 1;
            }
        }
        start += length as u64;
    }
    let total = counts.iter().sum::<u64>() as f64;
    let present = counts.iter().filter(|&&count| count > 0).map(|&count| count as f64 / total);
    present.map(|p| -p * p.ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entropy_of_equal_frequencies_is_the_logarithm_of_their_number() {
        let ids: Vec<u32> = (0..200_000).map(|i| i % 8).collect();
        assert!((unigram_entropy(&ids, 16) - 8_f64.ln()).abs() < 1e-12);
        assert!(unigram_entropy(&Vec::new(), 16).abs() < 1e-12);
    }
}
