//! Builds the index of questions.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::tokens::{self, Ngrams, Token};
use super::{Options, Place, Question, ReferenceIndex, TABLE_BITS, WEIGHT_ONE};

/// Words of a question that are used. The limit keeps a whole book, added by mistake, cheap.
const QUESTION_WORDS_MAX: usize = 1 << 14;

/// Questions with fewer words that are not numbers are skipped: "What is 2 + 2?" occurs in too many
/// texts that have nothing to do with a benchmark.
const QUESTION_WORDS_MIN: usize = 5;

/// Places of an n-gram in one question that are indexed. More places carry no information, and a
/// question that repeats one phrase must not make documents that repeat it expensive to search.
const PLACES_MAX: usize = 4;

/// Collects questions for a [`ReferenceIndex`]; see [`ReferenceIndex::builder`].
#[derive(Debug, Clone)]
pub struct Builder {
    options: Options,
    references: Vec<String>,
    reference_of_name: BTreeMap<String, u32>,
    questions: Vec<Question>,
    /// The words of all questions, in the order of the questions.
    tokens: Vec<Token>,
    /// Hashes of whole questions, to recognise repeated ones.
    seen: FxHashSet<u64>,
    skipped: usize,
}

impl Builder {
    pub(super) fn new(options: Options) -> Self {
        let options = Options { ngram_words: options.ngram_words.max(1), ..options };
        Self {
            options,
            references: Vec::new(),
            reference_of_name: BTreeMap::new(),
            questions: Vec::new(),
            tokens: Vec::new(),
            seen: FxHashSet::default(),
            skipped: 0,
        }
    }

    /// Adds a question with the name of its file and its identifier. A question with the same words
    /// as an earlier one, or with fewer than five words that are not numbers, is counted as
    /// skipped.
    pub fn add(&mut self, name: &str, id: &str, question: &str) {
        let start = self.tokens.len();
        tokens::for_each(question, |token| {
            if self.tokens.len() - start < QUESTION_WORDS_MAX {
                self.tokens.push(token);
            }
        });
        let words = &self.tokens[start..];
        let whole = words.iter().fold(0, |whole, token| tokens::mix(whole ^ token.hash));
        let n_counted = words.iter().filter(|token| !token.is_number).count();
        let is_long_enough =
            n_counted >= QUESTION_WORDS_MIN && words.len() >= self.options.ngram_words;
        if !is_long_enough || !self.seen.insert(whole) {
            self.tokens.truncate(start);
            self.skipped += 1;
            return;
        }
        let reference = self.reference(name);
        let words = start..self.tokens.len();
        let needed_words = n_counted.min(self.options.min_words);
        let shared_words = (n_counted as f64 * self.options.min_overlap).ceil() as usize;
        self.questions.push(Question {
            reference,
            id: id.to_owned(),
            words,
            weight: 0,
            needed_words,
            shared_words: shared_words.max(needed_words),
        });
    }

    /// The index of a file name in `references`, where it is added if it is new.
    fn reference(&mut self, name: &str) -> u32 {
        if let Some(reference) = self.reference_of_name.get(name) {
            return *reference;
        }
        let reference = self.references.len() as u32;
        self.references.push(name.to_owned());
        self.reference_of_name.insert(name.to_owned(), reference);
        reference
    }

    /// Builds the index.
    pub fn build(mut self) -> ReferenceIndex {
        let mut found = self.ngrams();
        found.sort_unstable();
        let mut weights = vec![0_u16; self.tokens.len()];
        let mut ngrams = FxHashMap::default();
        let mut places = Vec::new();
        for group in found.chunk_by(|a, b| a.0 == b.0) {
            let n_questions = group.chunk_by(|a, b| a.1.question == b.1.question).count();
            if n_questions > self.options.sharing_max.max(1) {
                // Boilerplate: its words keep the weight of their other n-grams, or zero.
                continue;
            }
            let first = places.len() as u32;
            let by_question = group.chunk_by(|a, b| a.1.question == b.1.question);
            for (_, place) in by_question.flat_map(|places| places.iter().take(PLACES_MAX)) {
                let start =
                    self.questions[place.question as usize].words.start + place.word as usize;
                let words = start..start + self.options.ngram_words;
                for (weight, token) in weights[words.clone()].iter_mut().zip(&self.tokens[words]) {
                    if !token.is_number {
                        *weight = (*weight).max((WEIGHT_ONE / n_questions as u64) as u16);
                    }
                }
                places.push(*place);
            }
            ngrams.insert(group[0].0, first..places.len() as u32);
        }
        let mut skipped = self.skipped;
        for question in &mut self.questions {
            let weights = &weights[question.words.clone()];
            question.weight = weights.iter().map(|weight| u64::from(*weight)).sum();
            let n_specific = weights.iter().filter(|weight| **weight > 0).count();
            skipped += usize::from(n_specific < question.needed_words);
        }
        let (table, table_shift) = table(&ngrams);
        ReferenceIndex {
            options: self.options,
            questions: self.questions,
            references: self.references,
            weights,
            ngrams,
            places,
            table,
            table_shift,
            skipped,
        }
    }

    /// The hashes and places of the n-grams of all questions. N-grams without two different words
    /// that are not numbers are omitted, because "3 4 5" or "the the the" matches anything.
    fn ngrams(&self) -> Vec<(u64, Place)> {
        let ngram_words = self.options.ngram_words;
        let least = ngram_words.min(2);
        let mut found = Vec::with_capacity(self.tokens.len());
        for (index, question) in self.questions.iter().enumerate() {
            let mut ngrams = Ngrams::new(ngram_words);
            let words = &self.tokens[question.words.clone()];
            for (last, token) in words.iter().enumerate() {
                let Some(ngram) = ngrams.push(*token) else { continue };
                let mut hashes: Vec<u64> = words[ngram.first_word as usize..=last]
                    .iter()
                    .filter(|token| !token.is_number)
                    .map(|token| token.hash)
                    .collect();
                hashes.sort_unstable();
                hashes.dedup();
                if hashes.len() >= least {
                    let place = Place { question: index as u32, word: ngram.first_word };
                    found.push((ngram.hash, place));
                }
            }
        }
        found
    }
}

/// Builds [`ReferenceIndex::table`] and [`ReferenceIndex::table_shift`].
fn table(ngrams: &FxHashMap<u64, std::ops::Range<u32>>) -> (Vec<u64>, u32) {
    let bits = (ngrams.len() * TABLE_BITS).next_power_of_two().max(64);
    let shift = 64 - bits.trailing_zeros();
    let mut table = vec![0_u64; bits / 64];
    for hash in ngrams.keys() {
        let bit = tokens::mix(*hash) >> shift;
        table[(bit / 64) as usize] |= 1 << (bit % 64);
    }
    (table, shift)
}
