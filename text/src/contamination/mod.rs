//! Contamination: whether a document contains a benchmark question on which a model will be tested.
//!
//! GPT-3 (Brown et al. 2020, appendix C) searched documents for 13 consecutive words of a question,
//! and datatrove 0.10 (`decont`) searches for 12. If a few words of a 45-word question are changed,
//! no run of that length is left. Therefore a document is contaminated if either of two rules
//! holds:
//!
//! * **share**: within a window of the document that is not much longer than the question, the
//!   n-grams found in both cover a given share of the question's words. The order of the n-grams
//!   does not matter, so moving a sentence changes little.
//! * **run**: the document contains a run of consecutive words of the question, as in GPT-3's rule.
//!   This finds long questions of which a document quotes only a part.
//!
//! Words are compared in lower case, without accents and apostrophes. A sequence of numbers counts
//! as one word, and all numbers are the same word, so a question with other figures is still the
//! same question. Numbers add nothing to a share, so a table of numbers does not match a question.
//! The weight of a word depends on how rare the n-grams around it are among the questions: `1 /
//! (questions that share the rarest of them)`. N-grams that occur in more than
//! [`Options::sharing_max`] questions are boilerplate and are ignored.
//!
//! An index takes about 40 bytes for each word of the questions.
//!
//! ```
//! use text::contamination::{ReferenceIndex, Scratch};
//!
//! let question = "Mira picks 14 apples and gives the baker a third of them. How many are left?";
//! let index = ReferenceIndex::from_records([("sums.jsonl", "7", question)]);
//! let page = "Today Lena picks 20 apples and gives the baker a third. How many are left for her?";
//! let found = index.matches(page, &mut Scratch::default());
//! assert_eq!(found.map(|found| (found.reference, found.id)), Some(("sums.jsonl", "7")));
//! ```

mod builder;
mod passages;
mod tokens;

use std::ops::Range;

use rustc_hash::FxHashMap;

pub use builder::Builder;
use passages::{Hit, best_window, longest_run};

/// The weight of a word whose rarest n-gram occurs in one question. Weights are integers so that
/// sums do not depend on the order of the terms.
// 2520 is divisible by every number from 1 to 10, so the most common weights are exact.
const WEIGHT_ONE: u64 = 2520;

/// Shared n-grams of a document that are held in memory at once, 20 bytes each. A document that
/// consists mostly of phrases of questions is therefore searched in pieces of some thousand words.
const HITS_MAX: usize = 1 << 18;

/// Size in bits of [`ReferenceIndex::table`] for each n-gram: 1 of 32 look-ups of n-grams that are
/// not in the index passes the table.
const TABLE_BITS: usize = 32;

/// When a document counts as contaminated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Words in an n-gram of the share rule.
    pub ngram_words: usize,
    /// The minimum share of a question's words, by weight, that shared n-grams must cover.
    pub min_overlap: f64,
    /// The minimum number of words that shared n-grams must cover. Of a question with fewer words
    /// that are not numbers, all of those must be covered.
    pub min_words: usize,
    /// Words of a run that is sufficient by itself; zero disables the run rule.
    pub run_words: usize,
    /// N-grams that occur in more questions than this are boilerplate.
    pub sharing_max: usize,
}

/// The values were found by planting edited questions (`benches/decontamination.py`). Phrases of
/// three words at a share of 0.35 find 98 % of the questions in which 30 % of the words were
/// edited, and nothing in 160,000 documents without questions. Phrases of four words miss three
/// times as many. Below a share of 0.3 some matches are chance. The run of 13 words is GPT-3's.
impl Default for Options {
    fn default() -> Self {
        Self { ngram_words: 3, min_overlap: 0.35, min_words: 8, run_words: 13, sharing_max: 30 }
    }
}

/// A question that a document contains.
#[derive(Debug, Clone, PartialEq)]
pub struct Match<'a> {
    /// The name of the question's file, as given to [`Builder::add`].
    pub reference: &'a str,
    /// The question's identifier in that file.
    pub id: &'a str,
    /// The share of the question's words, by weight, that are covered by the n-grams it shares with
    /// one window of the document: 0 to 1.
    pub overlap: f64,
    /// N-grams of that window that also occur in the question.
    pub ngrams: u32,
    /// Length in words of the longest run that the question and the document share.
    pub run_words: u32,
    /// The bytes of that window in the document; both ends are character boundaries.
    pub span: Range<usize>,
}

impl Match<'_> {
    /// Whether this match covers more of its question, or the same share with a longer run.
    fn is_better_than(&self, other: &Self) -> bool {
        self.overlap > other.overlap
            || (self.overlap >= other.overlap && self.run_words > other.run_words)
    }
}

/// An index of benchmark questions. It is immutable, so any number of threads can search it.
#[derive(Debug, Clone)]
pub struct ReferenceIndex {
    options: Options,
    questions: Vec<Question>,
    references: Vec<String>,
    /// The weights of the words of all questions, in the order of the questions.
    weights: Vec<u16>,
    /// The occurrences of each n-gram, as a range of `places`.
    ngrams: FxHashMap<u64, Range<u32>>,
    places: Vec<Place>,
    /// One bit for the hash of each n-gram. Nearly all n-grams of a document are rejected here, by
    /// one memory access, before the slower look-up in `ngrams`.
    table: Vec<u64>,
    /// A mixed hash is shifted right by this many bits to get its bit in `table`.
    table_shift: u32,
    skipped: usize,
}

/// A question of the index.
#[derive(Debug, Clone)]
struct Question {
    reference: u32,
    id: String,
    /// Its words, as a range of [`ReferenceIndex::weights`].
    words: Range<usize>,
    /// The sum of their weights.
    weight: u64,
    /// How many words must be covered under either rule: `min_words`, or all words of a shorter
    /// question that are not numbers.
    needed_words: usize,
    /// How many words must be covered under the share rule.
    shared_words: usize,
}

/// An occurrence of an n-gram in a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    question: u32,
    /// The first word of the n-gram in the question.
    word: u32,
}

/// Buffers of [`ReferenceIndex::matches`], to be reused from document to document.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    hits: Vec<Hit>,
    /// How many n-grams of the window cover each word of the question.
    cover: Vec<u32>,
    /// Runs that reach the current word: the diagonal (see [`longest_run`]), and the document words
    /// of its first and last hit.
    runs: Vec<(u32, u32, u32)>,
}

impl ReferenceIndex {
    /// A builder without questions.
    pub fn builder(options: Options) -> Builder {
        Builder::new(options)
    }

    /// Builds an index of `(file name, identifier, question)` records with the default options.
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

    /// The number of questions in the index.
    pub fn len(&self) -> usize {
        self.questions.len()
    }

    /// Whether the index has no questions.
    pub fn is_empty(&self) -> bool {
        self.questions.is_empty()
    }

    /// How many of the added questions cannot be found: they have too few words that are not
    /// numbers, repeat another question, or consist of boilerplate.
    pub fn skipped(&self) -> usize {
        self.skipped
    }

    /// The question of which a document contains the largest share, or `None` if no question
    /// reaches the thresholds. Of equally good questions, the one added first is returned. Only the
    /// first 4 GiB of a text are searched.
    pub fn matches(&self, text: &str, scratch: &mut Scratch) -> Option<Match<'_>> {
        let mut best: Option<Match<'_>> = None;
        self.search(text, scratch, |found| {
            if best.as_ref().is_none_or(|best| found.is_better_than(best)) {
                best = Some(found);
            }
        });
        best
    }

    /// Calls `call` with each question that a document contains. A question may be reported twice
    /// if the document is searched in pieces (see [`HITS_MAX`]) and two of them contain it.
    fn search<'a>(&'a self, text: &str, scratch: &mut Scratch, mut call: impl FnMut(Match<'a>)) {
        if self.is_empty() {
            return;
        }
        scratch.hits.clear();
        let mut ngrams = tokens::Ngrams::new(self.options.ngram_words);
        tokens::for_each(text, |token| {
            let Some(ngram) = ngrams.push(token) else { return };
            if !self.may_contain(ngram.hash) {
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

    /// Whether an n-gram passes the table. If not, it is certainly not in the index.
    fn may_contain(&self, hash: u64) -> bool {
        let bit = tokens::mix(hash) >> self.table_shift;
        self.table[(bit / 64) as usize] >> (bit % 64) & 1 == 1
    }

    /// Calls `call` with each question whose hits satisfy one of the two rules.
    fn judge<'a>(&'a self, scratch: &mut Scratch, call: &mut impl FnMut(Match<'a>)) {
        let Scratch { hits, cover, runs } = scratch;
        hits.sort_unstable();
        for group in hits.chunk_by(|a, b| a.question == b.question) {
            let question = &self.questions[group[0].question as usize];
            // Both rules need this many covered words; most phrases shared by chance end here.
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
                    overlap,
                    ngrams: found.ngrams as u32,
                    run_words: run as u32,
                    span: group[found.first].start as usize..group[found.last].end as usize,
                });
            }
        }
    }

    /// The length in words from which a run is sufficient.
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
             gives a third of them to the baker. How many apples does Mira have left for her \
             cellar?",
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
            "def rotate_left(values, count):\n    \"\"\"Return the list turned to the left by \
             count places; a count beyond the length wraps round.\n    \
             >>> rotate_left([1, 2, 3], 1)\n    [2, 3, 1]\n    \"\"\"",
        ),
        ("short.jsonl", "river", "Which river flows through Vornholm?"),
    ];

    fn index() -> ReferenceIndex {
        ReferenceIndex::from_records(QUESTIONS)
    }

    /// A passage between plain sentences.
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
    fn of_equally_good_questions_the_first_is_found() {
        let index = index();
        let text = document(&QUESTIONS.map(|(_, _, question)| question).join("\n"));
        let mut ids = Vec::new();
        index.search(&text, &mut Scratch::default(), |found| ids.push(found.id));
        assert_eq!(ids, ["apples", "tiles", "rotate", "river"]);
        assert_eq!(found(&index, &text).unwrap().0, "apples");
    }

    #[test]
    fn edited_questions_are_found() {
        let index = index();
        for edited in [
            "LENA PICKS 21 PLUMS IN THE NORTH ORCHARD AND TWICE AS MANY IN THE SOUTH ORCHARD! SHE \
             GIVES A THIRD OF THEM TO THE BAKER; HOW MANY PLUMS DOES LENA HAVE LEFT FOR HER CELLAR",
            "How many apples does Mira have left for her cellar? Mira picks 9 apples in the north \
             orchard and twice as many in the south orchard. She gives a third of them to the \
             baker.",
            "Mira picks 14 apples in the north orchard and three times as many in the other \
             orchard. She hands a third of them to her baker. How many apples does she have left \
             for the cellar?",
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
        // A phrase that a question repeats counts only once if the document contains it once.
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
