//! Measures of a model and of the tokens themselves: nats per token, bits per byte, unigram
//! entropy.

use bug::{Bug, OrBug as _};
use serde::{Deserialize, Serialize};

use crate::error::{ModelError, refuse};
use crate::llama::Llama;
use crate::parallel::Lanes;
use crate::rows::{IGNORED, Rows};
use crate::source::{BatchRow, TokenSource};

/// Ids read at a time where a whole stream is scanned.
const SCAN_TOKENS: usize = 1 << 16;

/// The loss of a model on a validation split.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Mean −ln p over all predicted tokens.
    pub nats_per_token: f32,
    /// Σ nats / (ln 2 · Σ bytes) over the tokens that stand for bytes. Unlike nats per token it
    /// can be compared between models with different tokenizers.
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

/// Evaluates `model` with [`evaluate`] on several named sources, documents apart.
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
/// `token_bytes[id]` is the number of bytes that the id stands for. It is 0 for special ids, which
/// bits per byte do not count. The rows, and so the result, depend neither on a seed nor on the
/// number of threads. With `document_mask` each document is a separate sequence.
///
/// # Errors
/// The stream is shorter than one row, an id is not in the vocabulary, or the length of
/// `token_bytes` is not that of the vocabulary.
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

/// The number of rows of a validation split; there must be at least one.
///
/// Row `i` is the `context + 1` tokens from `i · context` on. Neighbouring rows share one token,
/// so that every token but the first is predicted exactly once.
pub(crate) fn check_length(source: &dyn TokenSource, context: usize) -> Result<u64, ModelError> {
    match source.n_tokens().saturating_sub(1) / context as u64 {
        0 => Err(ModelError::TooFewTokens {
            tokens: source.n_tokens(),
            needed: context as u64 + 1,
            context,
        }),
        rows => Ok(rows),
    }
}

/// Reads row `row`, with the places where documents begin if `document_mask` is set.
fn read_row(
    source: &dyn TokenSource,
    row: u64,
    context: usize,
    vocab_size: usize,
    document_mask: bool,
) -> Result<BatchRow, ModelError> {
    let start = row * context as u64;
    let mut ids = vec![0; context + 1];
    fill(source, start, &mut ids)?;
    if let Some(index) = ids.iter().position(|&id| id as usize >= vocab_size) {
        let (id, position) = (ids[index], start + index as u64);
        return Err(ModelError::TokenOutOfVocabulary { id, position, vocab_size });
    }
    let boundaries =
        if document_mask { source.boundaries(start, start + ids.len() as u64) } else { Vec::new() };
    let boundaries = boundaries.into_iter().map(|position| (position - start) as usize).collect();
    Ok(BatchRow { ids, boundaries, row })
}

/// Reads ids that the stream must have.
fn fill(source: &dyn TokenSource, start: u64, out: &mut [u32]) -> Result<(), Bug> {
    let found = source.read(start, out);
    (found == out.len()).then_some(()).or_bug("a token stream has fewer tokens than it says")
}

/// Checks that there is a byte length for every id.
pub(crate) fn check_token_bytes(token_bytes: &[u32], vocab_size: usize) -> Result<(), ModelError> {
    if token_bytes.len() == vocab_size {
        return Ok(());
    }
    let way_out =
        format!("give one byte length for each of the {vocab_size} ids, 0 for special ones");
    Err(refuse("token_bytes", format!("{} long", token_bytes.len()), &way_out))
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

/// Entropy, in nats per token, of the token frequencies of `source`: the loss of the best model
/// that ignores the context. A trained model must be below it. Ids from `vocab_size` on are not
/// counted.
///
/// # Errors
/// The stream has fewer tokens than it says, which is a bug.
pub fn unigram_entropy(source: &dyn TokenSource, vocab_size: usize) -> Result<f64, ModelError> {
    let mut counts = vec![0_u64; vocab_size];
    let mut block = vec![0; SCAN_TOKENS];
    let mut start = 0;
    while start < source.n_tokens() {
        let length = (source.n_tokens() - start).min(SCAN_TOKENS as u64) as usize;
        fill(source, start, &mut block[..length])?;
        for &id in &block[..length] {
            if let Some(count) = counts.get_mut(id as usize) {
                *count += 1;
            }
        }
        start += length as u64;
    }
    let total = counts.iter().sum::<u64>() as f64;
    let present = counts.iter().filter(|&&count| count > 0).map(|&count| count as f64 / total);
    Ok(present.map(|p| -p * p.ln()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entropy_of_equal_frequencies_is_the_logarithm_of_their_number() {
        let ids: Vec<u32> = (0..200_000).map(|i| i % 8).collect();
        assert!((unigram_entropy(&ids, 16).unwrap() - 8_f64.ln()).abs() < 1e-12);
        assert!(unigram_entropy(&Vec::new(), 16).unwrap().abs() < 1e-12);
    }

    #[test]
    fn an_id_outside_the_vocabulary_is_an_error_that_says_where() {
        let error = read_row(&vec![1, 2, 3, 99, 4, 5, 6], 1, 3, 50, true).unwrap_err();
        let expected = "token id 99 at position 3 does not fit `vocab_size` 50";
        assert!(error.to_string().starts_with(expected), "{error}");
    }

    #[test]
    fn a_stream_that_ends_early_is_a_bug() {
        struct Short;
        impl TokenSource for Short {
            fn n_tokens(&self) -> u64 {
                10
            }

            fn read(&self, start: u64, out: &mut [u32]) -> usize {
                vec![1; 7].read(start, out)
            }
        }
        let error = read_row(&Short, 0, 9, 50, true).unwrap_err();
        assert!(bug::is_bug(&error), "{error}");
    }
}
