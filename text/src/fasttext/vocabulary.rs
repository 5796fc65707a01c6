//! Counts the words and labels of a training set.

use rustc_hash::FxHashMap;

use super::dictionary::{Dictionary, END_OF_TEXT, Entry, LABEL_PREFIX};
use super::error::TrainError;
use super::example::Example;
use super::features::tokens;
use super::options::TrainOptions;

/// Maximum number of distinct words counted at once; beyond it the rarest are dropped (fastText
/// 0.9.2 does this at three quarters of its table of 30 million).
const MAX_WORDS: usize = 22_500_000;

/// For each name its count and the position of its first occurrence.
type Counts<K> = FxHashMap<K, (i64, usize)>;

/// Builds the dictionary of a training set: the words that are frequent enough, most frequent
/// first, then the labels in the same way.
pub(super) fn count<'a>(
    examples: &'a [Example<'a>],
    options: &TrainOptions,
) -> Result<Dictionary, TrainError> {
    let mut words = Counter::<&[u8]>::default();
    let mut labels = Counter::<Vec<u8>>::default();
    let mut token_count = 0;
    for example in examples {
        // fastText counts labels as tokens, too.
        for label in &example.labels {
            labels.add(label_name(label)?);
            token_count += 1;
        }
        for token in tokens(example.text.as_bytes()) {
            token_count += 1;
            // A label inside a text is not a word.
            if !token.starts_with(LABEL_PREFIX.as_bytes()) {
                words.add(token);
            }
        }
        words.forget_rarest(MAX_WORDS);
    }
    let words = words.sorted(i64::from(options.min_count));
    let labels = labels.sorted(i64::from(options.min_label_count));
    if labels.is_empty() {
        return Err(TrainError::NoLabels);
    }
    if words.iter().all(|(word, _)| *word == END_OF_TEXT) {
        return Err(TrainError::NoWords);
    }
    let words = words.iter().map(|(name, count)| Entry { name, count: *count });
    let labels = labels.iter().map(|(name, count)| Entry { name, count: *count });
    Ok(Dictionary::new(words, labels, token_count))
}

/// The name of a label in a model: with fastText's prefix.
pub(super) fn label_name(label: &str) -> Result<Vec<u8>, TrainError> {
    let bare = label.strip_prefix(LABEL_PREFIX).unwrap_or(label);
    if bare.is_empty()
        || bare.contains(|c: char| c.is_ascii_whitespace() || c == '\0' || c == '\x0B')
    {
        return Err(TrainError::Label { label: label.to_owned() });
    }
    Ok([LABEL_PREFIX.as_bytes(), bare.as_bytes()].concat())
}

struct Counter<K> {
    counts: Counts<K>,
    seen: usize,
    rarest: i64,
}

impl<K> Default for Counter<K> {
    fn default() -> Self {
        Self { counts: FxHashMap::default(), seen: 0, rarest: 1 }
    }
}

impl<K: Ord + std::hash::Hash> Counter<K> {
    fn add(&mut self, name: K) {
        let seen = self.seen;
        self.counts.entry(name).or_insert((0, seen)).0 += 1;
        self.seen += 1;
    }

    fn forget_rarest(&mut self, limit: usize) {
        while self.counts.len() > limit {
            self.rarest += 1;
            self.counts.retain(|_, (count, _)| *count >= self.rarest);
        }
    }

    /// The names with at least this count, most frequent first; ties in order of first occurrence.
    fn sorted(self, min_count: i64) -> Vec<(K, i64)> {
        let mut counts: Vec<_> =
            self.counts.into_iter().filter(|(_, (count, _))| *count >= min_count).collect();
        counts.sort_unstable_by_key(|&(_, (count, first))| (std::cmp::Reverse(count), first));
        counts.into_iter().map(|(name, (count, _))| (name, count)).collect()
    }
}
