//! Contamination: whether a document holds a question of a benchmark that a model will be tested on.
//!
//! GPT-3 (Brown et al. 2020, appendix C) looked for 13 consecutive words of a question in a document,
//! and datatrove 0.10 (`decont`) for 12. A question of 45 words of which a few were changed has no run
//! of that length, so that two rules are tested here, and either is enough:
//!
//! * **share**: within a window of the document that is not much longer than the question, the
//!   n-grams that both have cover a share of the question's words. It does not depend on the order
//!   of the n-grams, so that a moved sentence changes little;
//! * **run**: a run of consecutive words of the question, as in GPT-3's rule, for the long question
//!   of which a document quotes only a part.
//!
//! Words are compared in lower case, without accents and apostrophes, and any numbers in a row are
//! one and the same word, so that a question with other figures is the same question; numbers count
//! nothing towards a share, so that a table of numbers is no question. A word counts by how rare
//! the n-grams around it are among the questions: `1 / (questions that share the rarest of them)`.
//! N-grams of more than [`Options::sharing_max`] questions are boilerplate and are not looked for.
//!
//! An index costs about 40 bytes a word of the questions.

mod builder;
mod passages;
mod tokens;

use std::collections::BTreeMap;
use std::ops::Range;

use rustc_hash::FxHashMap;

pub use builder::Builder;
use passages::{Hit, best_window, longest_run};

/// The weight of a word whose rarest n-gram is of one question: a whole number, so that sums do not
/// depend on their order.
const WEIGHT_ONE: u64 = 2520;

/// Shared n-grams of one document that are held at once, 20 bytes each: a document of little but
/// phrases of questions is looked at in pieces of some thousand words.
const HITS_MAX: usize = 1 << 18;

/// Bits of the table of n-grams for each n-gram: 1 of 32 probes of other n-grams passes.
const TABLE_BITS: usize = 32;

/// When a document counts as contaminated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Words in an n-gram of the rule of the share.
    pub ngram_words: usize,
    /// The least share of a question's words, by weight, that shared n-grams cover.
    pub min_overlap: f64,
    /// The least number of words that shared n-grams cover, or the whole of a shorter question.
    pub min_words: usize,
    /// Words of a run that is enough by itself; zero switches that rule off.
    pub run_words: usize,
    /// N-grams of more questions than this are boilerplate.
    pub sharing_max: usize,
}

/// Found by planting edited questions (`benches/decontamination.py`): phrases of three words at a
/// share of 0.35 find 98 % of questions of which 30 % of the words were edited, and nothing in 160,000
/// documents without them; phrases of four miss three times as many, and of shares below 0.3 some
/// are chance. 13 words are GPT-3's.
impl Default for Options {
    fn default() -> Self {
        Self { ngram_words: 3, min_overlap: 0.35, min_words: 8, run_words: 13, sharing_max: 30 }
    }
}

/// The question that a document holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Match<'a> {
    /// What the question was added under: the name of its file.
    pub reference: &'a str,
    /// The question's identifier in it.
    pub id: &'a str,
    /// How many questions of the index were added before it.
    pub question: usize,
    /// The share of the question's words, by weight, that the n-grams shared with one window of the
    /// document cover: 0 to 1.
    pub overlap: f64,
    /// N-grams of that window that the question has too.
    pub ngrams: u32,
    /// Words of the longest run that the question and the document share.
    pub run_words: u32,
    /// Where in the document: bytes, on boundaries of characters.
    pub span: Range<usize>,
}

impl Match<'_> {
    /// Whether more of the question is covered, or, of the same share, in a longer run.
    fn is_better_than(&self, other: &Self) -> bool {
        self.overlap > other.overlap
            || (self.overlap >= other.overlap && self.run_words > other.run_words)
    }
}

/// The questions of benchmarks, ready to be looked for. It does not change once built, and serves
/// any number of threads.
#[derive(Debug, Clone)]
pub struct ReferenceIndex {
    options: Options,
    questions: Vec<Question>,
    references: Vec<String>,
    /// One weight for each word of each question, question after question.
    weights: Vec<u16>,
    /// Where the occurrences of an n-gram lie in `places`.
    ngrams: FxHashMap<u64, Range<u32>>,
    places: Vec<Place>,
    /// A bit for the hash of each n-gram, to which most n-grams of a document go no further.
    table: Vec<u64>,
    table_shift: u32,
    skipped: usize,
}

#[derive(Debug, Clone)]
struct Question {
    reference: u32,
    id: String,
    /// Its words in `weights`.
    words: Range<usize>,
    /// The sum of their weights.
    weight: u64,
    /// How many of them have to be covered under either rule: `min_words`, or all of a shorter
    /// question that are not numbers.
    needed_words: usize,
    /// How many of them have to be covered under the rule of the share.
    shared_words: usize,
}

/// An occurrence of an n-gram in a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    question: u32,
    /// The first word of the n-gram in the question.
    word: u32,
}

/// Buffers of [`ReferenceIndex::matches`] that are worth keeping between documents.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    hits: Vec<Hit>,
    /// How many n-grams of the window cover each word of the question.
    cover: Vec<u32>,
    /// Runs that end at the present place: the diagonal, its first and last hit's document word.
    runs: Vec<(u32, u32, u32)>,
}

impl ReferenceIndex {
    /// An index without questions, to add some to.
    pub fn builder(options: Options) -> Builder {
        Builder::new(options)
    }

    /// An index of records `(name of the file, identifier, question)` with the default options.
    pub fn from_records<N, I, T>(records: impl IntoIterator<Item = (N, I, T)>) -> Self
    where
        N: AsRef<str>,
        I: AsRef<str>,
        T: AsRef<str>,
    {
        let mut builder = Self::builder(Options::default());
        for (name, id, question) in records {
            builder.add(name.as_ref(), id.as_ref(), question.as_ref());
        }
        builder.build()
    }

    /// How many questions are looked for.
    pub fn len(&self) -> usize {
        self.questions.len()
    }

    /// Whether no question is looked for.
    pub fn is_empty(&self) -> bool {
        self.questions.is_empty()
    }

    /// How many questions that were added are not looked for: they have too few words that are not
    /// numbers, are the same as another, or consist of boilerplate.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// The question of which a document holds the greatest share; of equals, the one that was added
    /// first. None when no question reaches the thresholds. Texts beyond 4 GiB are looked at up to
    /// there.
    pub fn matches(&self, text: &str, scratch: &mut Scratch) -> Option<Match<'_>> {
        let mut best: Option<Match<'_>> = None;
        self.search(text, scratch, |found| {
            if best.as_ref().is_none_or(|best| found.is_better_than(best)) {
                best = Some(found);
            }
        });
        best
    }

    /// All questions that a document holds, each at its best place, in the order in which they were
    /// added; it replaces what is in `out`.
    pub fn all_matches<'a>(&'a self, text: &str, scratch: &mut Scratch, out: &mut Vec<Match<'a>>) {
        let mut best: BTreeMap<usize, Match<'a>> = BTreeMap::new();
        self.search(text, scratch, |found| {
            let known = best.get(&found.question);
            if known.is_none_or(|known| found.is_better_than(known)) {
                best.insert(found.question, found);
            }
        });
        out.clear();
        out.extend(best.into_values());
    }

    /// Calls back with the questions of a document; twice with one, when it lies in two pieces of a
    /// document of more hits than are held at once.
    fn search<'a>(&'a self, text: &str, scratch: &mut Scratch, mut call: impl FnMut(Match<'a>)) {
        if self.is_empty() {
            return;
        }
        scratch.hits.clear();
        let mut ngrams = tokens::Ngrams::new(self.options.ngram_words);
        tokens::for_each(text, |token| {
            let Some(ngram) = ngrams.push(token) else { return };
            if !self.is_in_table(ngram.hash) {
                return;
            }
            let Some(range) = self.ngrams.get(&ngram.hash) else { return };
            let places = &self.places[range.start as usize..range.end as usize];
            scratch.hits.extend(places.iter().map(|place| Hit {
                question: place.question,
                document_word: ngram.first_word,
                question_word: place.word,
                start: ngram.start,
                end: token.end,
            }));
            if scratch.hits.len() >= HITS_MAX {
                self.judge(scratch, &mut call);
                scratch.hits.clear();
            }
        });
        self.judge(scratch, &mut call);
    }

    fn is_in_table(&self, hash: u64) -> bool {
        let bit = tokens::mix(hash) >> self.table_shift;
        self.table.get((bit / 64) as usize).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    /// Calls back with the questions of which the hits are enough.
    fn judge<'a>(&'a self, scratch: &mut Scratch, call: &mut impl FnMut(Match<'a>)) {
        let Scratch { hits, cover, runs } = scratch;
        hits.sort_unstable();
        for group in hits.chunk_by(|a, b| a.question == b.question) {
            let Some(question) = self.questions.get(group[0].question as usize) else { continue };
            if group.len() * self.options.ngram_words < question.needed_words {
                continue;
            }
            let run = longest_run(group, self.options.ngram_words, runs);
            let found = best_window(
                &self.weights[question.words.clone()],
                group,
                self.options.ngram_words,
                cover,
            );
            let overlap = found.weight as f64 / question.weight as f64;
            let is_share =
                overlap >= self.options.min_overlap && found.words >= question.shared_words;
            let is_run = run >= self.run_limit() && found.words >= question.needed_words;
            if is_share || is_run {
                call(Match {
                    reference: &self.references[question.reference as usize],
                    id: &question.id,
                    question: group[0].question as usize,
                    overlap,
                    ngrams: found.ngrams as u32,
                    run_words: run as u32,
                    span: group[found.first].start as usize..group[found.last].end as usize,
                });
            }
        }
    }

    fn run_limit(&self) -> usize {
        if self.options.run_words == 0 { usize::MAX } else { self.options.run_words }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QUESTIONS: [(&str, &str, &str); 4] = [
        (
            "sums.jsonl",
            "apples",
            "Mira picks 14 apples in the north orchard and twice as many in the south orchard. She \
             gives a third of them to the baker. How many apples does Mira have left for her cellar?",
        ),
        (
            "sums.jsonl",
            "tiles",
            "A mason lays 30 tiles an hour on Monday. On Tuesday rain stops him after 5 hours. How \
             many tiles does the mason have to order when the yard takes 400 of them?",
        ),
        (
            "code.jsonl",
            "rotate",
            "def rotate_left(values, count):\n    \"\"\"Return the list turned to the left by count \
             places; a count beyond the length wraps round.\n    >>> rotate_left([1, 2, 3], 1)\n    \
             [2, 3, 1]\n    \"\"\"",
        ),
        ("short.jsonl", "river", "Which river flows through Vornholm?"),
    ];

    fn index() -> ReferenceIndex {
        ReferenceIndex::from_records(QUESTIONS)
    }

    /// Plain sentences around a passage.
    fn document(passage: &str) -> String {
        let rest =
            "The harbour was closed for the winter, and 12 boats lay on the shore. ".repeat(30);
        format!("{rest}{passage} {rest}")
    }

    fn found(index: &ReferenceIndex, text: &str) -> Option<(String, f64, Range<usize>)> {
        let found = index.matches(text, &mut Scratch::default())?;
        Some((found.id.to_owned(), found.overlap, found.span))
    }

    #[test]
    fn a_question_is_found_whole_and_where_it_is() {
        let index = index();
        assert_eq!((index.len(), index.skipped()), (4, 0));
        for (name, id, question) in QUESTIONS {
            let text = document(question);
            let found = index.matches(&text, &mut Scratch::default()).unwrap();
            assert_eq!((found.reference, found.id), (name, id));
            assert!((found.overlap - 1.0).abs() < 1e-9);
            let passage = &text[found.span];
            assert!(question.contains(passage) && 2 * passage.len() > question.len());
        }
        assert_eq!(found(&index, &document("Which rivers flow through the town?")), None);
    }

    #[test]
    fn all_questions_of_a_document_are_found() {
        let index = index();
        let text = document(&QUESTIONS.map(|(_, _, question)| question).join("\n"));
        let (mut all, mut scratch) = (Vec::new(), Scratch::default());
        index.all_matches(&text, &mut scratch, &mut all);
        assert_eq!(all.iter().map(|found| found.question).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert!(all.windows(2).all(|pair| pair[0].span.end < pair[1].span.start));
        assert_eq!(index.matches(&text, &mut scratch).map(|found| found.id), Some("apples"));
    }

    #[test]
    fn edited_questions_are_found() {
        let index = index();
        for edited in [
            "LENA PICKS 21 PLUMS IN THE NORTH ORCHARD AND TWICE AS MANY IN THE SOUTH ORCHARD! SHE \
             GIVES A THIRD OF THEM TO THE BAKER; HOW MANY PLUMS DOES LENA HAVE LEFT FOR HER CELLAR",
            "How many apples does Mira have left for her cellar? Mira picks 9 apples in the north \
             orchard and twice as many in the south orchard. She gives a third of them to the baker.",
            "Mira picks 14 apples in the north orchard and three times as many in the other orchard. \
             She hands a third of them to her baker. How many apples does she have left for the cellar?",
        ] {
            assert_eq!(found(&index, &document(edited)).unwrap().0, "apples", "{edited}");
        }
        let quoted = "turned to the left by count places; a count beyond the length wraps round";
        assert_eq!(found(&index, &document(quoted)).unwrap().0, "rotate", "a run of 13 words");
    }

    #[test]
    fn phrases_and_numbers_are_no_question() {
        let index = index();
        let phrases = "How many apples does Mira have? They sold a third of them. ";
        assert_eq!(found(&index, &document(&phrases.repeat(40))), None);
        assert_eq!(found(&index, &document(&"14 30 5 400 1 2 3 1 2 3 1 ".repeat(40))), None);
        // A phrase that a question repeats counts once in a document that has it once.
        let repeats = "at the end of the day the baker sings, and at the end of the day he sleeps, \
                       and at the end of the day he dreams";
        let index = ReferenceIndex::from_records([("a", "b", repeats)]);
        assert_eq!(found(&index, &document("at the end of the day")), None);
    }

    #[test]
    fn boilerplate_and_repeated_questions_are_not_looked_for() {
        let mut builder = ReferenceIndex::builder(Options::default());
        for number in 0..40 {
            let place = ["mill", "quay", "barn", "forge"][number % 4];
            let animal =
                ["ox", "heron", "mule", "otter", "crow", "hare", "eel", "wren", "toad", "lynx"]
                    [number / 4];
            builder.add(
                "a",
                "b",
                &format!("Choose the best answer to what follows: {place} {animal}"),
            );
        }
        builder.add("a", "numbers", "1 + 2 = 3, 4 + 5 = 9");
        builder.add("a", "copy", "choose the best answer to what follows, MILL OX");
        let index = builder.build();
        assert_eq!((index.len(), index.skipped()), (40, 42));
        assert_eq!(
            found(&index, &document("Choose the best answer to what follows: mill ox")),
            None
        );
    }

    proptest! {
        #[test]
        fn whatever_surrounds_it_a_question_is_found_and_any_text_is_searched(
            before in any::<String>(),
            after in any::<String>(),
            words in prop::collection::vec("[ab3]{1,2}", 0..60),
        ) {
            let index = index();
            let text = format!("{before}\n{}\n{after}", QUESTIONS[0].2);
            let (id, overlap, span) = found(&index, &text).unwrap();
            prop_assert_eq!(id, "apples");
            prop_assert!(overlap > 0.99 && text.get(span).is_some());

            let text = words.join(" ");
            let index = ReferenceIndex::from_records([("a", "b", &text)]);
            let mut scratch = Scratch::default();
            let again = text.repeat(3);
            if let Some(found) = index.matches(&again, &mut scratch) {
                prop_assert!((0.0..=1.0).contains(&found.overlap));
                prop_assert!(again.get(found.span).is_some());
            }
        }
    }
}
