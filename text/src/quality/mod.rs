//! Scores how likely a reader is to keep a web document: coherent, informative prose rather than
//! lists, menus, forms and remains of shop pages.
//!
//! The score is a logistic regression on [`SIGNALS`]. Each signal is a simple property of the text
//! that a person can check. The weights are in `quality/table.rs`; they were trained by
//! `examples/quality_train.rs` on human judgements of whether a web document is fit for training a
//! language model. In languages other than English, signals that need English words have no effect.
//!
//! `examples/quality_train.rs` also measures the area under the ROC curve over held-out folds; the
//! results are in `quality/table.rs`.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use rustc_hash::{FxHashMap, FxHashSet};
use xxhash_rust::xxh3::xxh3_64;

use crate::words::words;

mod table;

pub use table::{SIGNAL_COUNT, SIGNALS, Signal};

use table::BIAS;

/// A line of at least this many characters contains a sentence or more.
const LONG_LINE: usize = 120;

/// A line of fewer characters is a label or a heading.
const SHORT_LINE: usize = 30;

/// Number of words in an ordinary sentence.
const SENTENCE_WORDS: std::ops::RangeInclusive<usize> = 8..=45;

/// A text counts as prose of a language if its share of function words is at least this fraction of
/// their share in ordinary prose.
const KNOWN_SHARE: f32 = 0.3;

/// Average number of Han and kana characters in a word; each of them was counted as one word.
const WORD_IDEOGRAPHS: f32 = 1.5;

/// The index of German, which capitalizes its nouns, in the list of function words.
const GERMAN: usize = 1;

/// Words of more bytes are not looked up.
const WORD_BYTES: usize = 24;

/// The vocabulary is measured on this number of words at the start of a text.
const VOCABULARY_WORDS: usize = 2000;

/// Signals are clipped at this number of standard deviations from their mean.
const LARGEST_DEVIATION: f32 = 2.5;

/// Characters that end a sentence.
const TERMINAL: [char; 10] = ['.', '!', '?', '"', '”', '…', '。', '！', '？', '」'];

/// The probability that a reader keeps the text, from 0 to 1.
///
/// ```
/// let prose = "The river rose in the night, and by morning the lower fields were under water. \
///              Nobody was hurt, but the road to the village stayed closed for a week.";
/// let menu = "Home | Products | Cart (0)\nClick here\nSale Price: $9.99\nSale Price: $19.99";
/// assert!(text::quality::score(prose) > text::quality::score(menu));
/// ```
pub fn score(text: &str) -> f32 {
    let values = measure(text);
    let odds: f32 = SIGNALS.iter().zip(values).map(|(signal, value)| signal.evidence(value)).sum();
    1.0 / (1.0 + (-(odds + BIAS)).exp())
}

impl Signal {
    /// The contribution of a value to the log odds; an unknown value contributes nothing.
    fn evidence(&self, value: Option<f32>) -> f32 {
        let Some(value) = value else { return 0.0 };
        let deviation = (value - self.mean) / self.deviation;
        self.weight * deviation.clamp(-LARGEST_DEVIATION, LARGEST_DEVIATION)
    }
}

/// The values of [`SIGNALS`] for a text, in the same order; `None` if a signal does not apply to
/// the language or script of the text.
pub fn measure(text: &str) -> [Option<f32>; SIGNAL_COUNT] {
    let count = WordCount::of(text);
    let lines = LineCount::of(text);
    let words = count.length().max(1.0);
    let share = |part: usize| part as f32 / words;
    let often = |part: usize| (part as f32 * 10.0 / words).min(1.0);
    let (language, known) = count.language();
    // In a script without upper case, the share of capitals carries no information.
    let has_case = language.is_some() || count.capitalised > 0;
    let cased = |value: f32| (has_case && language != Some(GERMAN)).then_some(value);
    let english = |value: f32| (language == Some(0)).then_some(value);
    let of_lines = |part: usize| part as f32 / lines.lines.max(1) as f32;
    let phrases = AUTOMATON.as_ref().map_or(0, |automaton| automaton.find_iter(text).count());
    [
        Some(words.ln_1p()),
        language.map(|_| known),
        Some(lines.long_characters as f32 / lines.characters.max(1) as f32),
        Some(of_lines(lines.terminal)),
        Some(of_lines(lines.short)),
        Some(of_lines(lines.bullets)),
        Some(of_lines(lines.repeated)),
        Some((words / lines.sentences.max(1) as f32).ln_1p()),
        Some(share(lines.sentence_words)),
        cased(share(count.capitalised)),
        Some(share(count.upper)),
        Some(share(count.digits)),
        english(share(count.person[2])),
        english(share(count.person[0])),
        english(share(count.person[1])),
        english(share(count.past)),
        Some(count.vocabulary()),
        Some(often(lines.signs[0])),
        Some(often(lines.signs[1])),
        Some(often(lines.signs[2])),
        Some(often(lines.signs[3])),
        Some(often(lines.signs[4])),
        english((phrases as f32 * 20.0 / words).min(1.0)),
        Some(often(count.links)),
    ]
}

/// The function words of some languages.
struct FunctionWords {
    /// The kinds of each word as bits: one for each language that has the word, then one for each
    /// of [`PERSONS`], and [`PAST`] and [`LINK`].
    kinds: FxHashMap<&'static str, u32>,
    /// The share of function words in ordinary prose, by language.
    usual: [f32; LANGUAGES],
}

static FUNCTION_WORDS: LazyLock<FunctionWords> = LazyLock::new(|| {
    let mut known = FunctionWords { kinds: FxHashMap::default(), usual: [1.0; LANGUAGES] };
    let lists = include_str!("function_words.txt");
    let lists = lists.lines().filter(|line| !line.starts_with('#'));
    let lists = lists.filter_map(|line| line.split_once(": "));
    for (language, (name, words)) in lists.enumerate().take(LANGUAGES) {
        let usual = name.split_once(' ').and_then(|(_, usual)| usual.parse().ok());
        debug_assert!(usual.is_some(), "a share of function words follows the code in {name:?}");
        known.usual[language] = usual.unwrap_or(1.0);
        for word in words.split(' ') {
            *known.kinds.entry(word).or_insert(0) |= 1 << language;
        }
    }
    for (person, words) in PERSONS.iter().enumerate() {
        for word in *words {
            *known.kinds.entry(word).or_insert(0) |= 1 << (LANGUAGES + person);
        }
    }
    for (bit, words) in OTHERS {
        for word in *words {
            *known.kinds.entry(word).or_insert(0) |= bit;
        }
    }
    known
});

/// Number of languages in the list of function words, of which English is the first.
const LANGUAGES: usize = 12;

/// Finds phrases of web pages that are not part of the content. The phrases are constant, so
/// building the automaton cannot fail once the tests have passed.
static AUTOMATON: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let phrases = include_str!("boilerplate.txt");
    let phrases = phrases.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let automaton = AhoCorasickBuilder::new()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostLongest)
        .build(phrases);
    debug_assert!(automaton.is_ok(), "the phrases make an automaton: {automaton:?}");
    automaton.ok()
});

/// English words of the first, second and third person.
const PERSONS: [&[&str]; 3] = [
    &["i", "my", "me", "mine", "we", "our", "us", "i'm", "i've", "i'd", "i'll", "we're", "we've"],
    &["you", "your", "yours", "you're", "you'll", "you've"],
    &["he", "she", "they", "his", "her", "their", "him", "them", "who", "said", "says"],
];

/// The bit of an English verb in the past tense that does not end in `ed`.
const PAST: u32 = 1 << 30;

/// The bit of a part of a web address.
const LINK: u32 = 1 << 31;

/// Words of the last two kinds.
const OTHERS: &[(u32, &[&str])] =
    &[(PAST, &["was", "were", "had"]), (LINK, &["http", "https", "www", "com"])];

/// Writes a word in lower case to a buffer, with straight apostrophes.
fn lower_case(word: &str, lower: &mut String) {
    lower.clear();
    if word.is_ascii() {
        lower.push_str(word);
        lower.make_ascii_lowercase();
        return;
    }
    for character in word.chars() {
        match character {
            '’' => lower.push('\''),
            _ => lower.extend(character.to_lowercase()),
        }
    }
}

/// Counts of words by kind.
#[derive(Default)]
struct WordCount {
    words: usize,
    capitalised: usize,
    upper: usize,
    digits: usize,
    past: usize,
    links: usize,
    person: [usize; 3],
    by_language: [usize; LANGUAGES],
    ideographs: usize,
    is_foreign_script: bool,
    distinct: usize,
    looked_at: usize,
}

impl WordCount {
    fn of(text: &str) -> Self {
        let mut count = Self::default();
        let mut seen = FxHashSet::default();
        let mut lower = String::new();
        let mut foreign = 0;
        for word in words(text) {
            count.words += 1;
            let first = word.as_bytes()[0];
            let is_upper = first.is_ascii_uppercase()
                || (first >= 128 && word.chars().next().is_some_and(char::is_uppercase));
            count.capitalised += usize::from(is_upper);
            count.digits += usize::from(first.is_ascii_digit());
            let is_loud = word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase());
            count.upper += usize::from(is_loud);
            // First bytes of characters from U+0400 on: nearly all scripts but Latin and Greek.
            foreign += usize::from(first >= 0xd0);
            // First bytes of characters from U+3000 on, without Hangul: Han and kana.
            count.ideographs += usize::from((0xe3..=0xe9).contains(&first) || first >= 0xf0);
            if word.len() > WORD_BYTES {
                continue;
            }
            lower_case(word, &mut lower);
            count.look_up(&lower);
            if count.words <= VOCABULARY_WORDS {
                seen.insert(xxh3_64(lower.as_bytes()));
            }
        }
        count.looked_at = count.words.min(VOCABULARY_WORDS);
        count.distinct = seen.len();
        count.is_foreign_script = foreign * 2 > count.words;
        count
    }

    fn look_up(&mut self, word: &str) {
        let kinds = FUNCTION_WORDS.kinds.get(word).copied().unwrap_or(0);
        let is_past = word.len() > 4 && word.ends_with("ed");
        self.past += usize::from(is_past || kinds & PAST != 0);
        if kinds == 0 {
            return;
        }
        self.links += usize::from(kinds & LINK != 0);
        for (person, sum) in self.person.iter_mut().enumerate() {
            *sum += (kinds >> (LANGUAGES + person) & 1) as usize;
        }
        for (language, sum) in self.by_language.iter_mut().enumerate() {
            *sum += (kinds >> language & 1) as usize;
        }
    }

    /// The language whose function words are the most frequent relative to its ordinary prose, and
    /// that relative frequency. If no language fits, a text in Latin letters counts as English, and
    /// a text in another script has no language.
    fn language(&self) -> (Option<usize>, f32) {
        let part = |language: usize| {
            let share = self.by_language[language] as f32 / self.words.max(1) as f32;
            share / FUNCTION_WORDS.usual[language]
        };
        let best = (1..LANGUAGES)
            .fold(0, |best, language| if part(language) > part(best) { language } else { best });
        if part(best) >= KNOWN_SHARE {
            (Some(best), part(best))
        } else if self.is_foreign_script {
            (None, 0.0)
        } else {
            (Some(0), part(0))
        }
    }

    /// The number of words that the text would have in a language with an alphabet.
    fn length(&self) -> f32 {
        (self.words - self.ideographs) as f32 + self.ideographs as f32 / WORD_IDEOGRAPHS
    }

    /// Guiraud's index of the start of the text: the number of distinct words divided by the square
    /// root of the number of words.
    fn vocabulary(&self) -> f32 {
        self.distinct as f32 / (self.looked_at.max(1) as f32).sqrt()
    }
}

/// Counts of lines and sentences by kind.
#[derive(Default)]
struct LineCount {
    lines: usize,
    characters: usize,
    long_characters: usize,
    terminal: usize,
    short: usize,
    bullets: usize,
    repeated: usize,
    sentences: usize,
    sentence_words: usize,
    /// Quotation marks, exclamation marks, colons, bars, currency signs.
    signs: [usize; 5],
}

impl LineCount {
    fn of(text: &str) -> Self {
        let mut count = Self::default();
        let mut seen = FxHashSet::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            count.lines += 1;
            let length = line.chars().count();
            count.characters += length;
            count.long_characters += if length >= LONG_LINE { length } else { 0 };
            count.short += usize::from(length < SHORT_LINE);
            count.terminal += usize::from(line.ends_with(TERMINAL));
            count.bullets += usize::from(line.starts_with(['-', '|', '*', '•', '>', '·']));
            count.repeated += usize::from(!seen.insert(line));
            count.signs(line);
            count.sentences(line);
        }
        count
    }

    fn signs(&mut self, line: &str) {
        for character in line.chars() {
            let at = match character {
                '"' | '“' | '”' | '«' | '»' | '„' => 0,
                '!' => 1,
                ':' => 2,
                '|' => 3,
                '$' | '£' | '€' => 4,
                _ => continue,
            };
            self.signs[at] += 1;
        }
    }

    /// Counts the sentences of a line. They end at a punctuation mark before white space, or at the
    /// end of the line.
    fn sentences(&mut self, line: &str) {
        let mut length = 0;
        let mut finish = |length: usize| {
            self.sentences += usize::from(length > 0);
            self.sentence_words += if SENTENCE_WORDS.contains(&length) { length } else { 0 };
        };
        for word in line.split_whitespace() {
            length += 1;
            // A quotation mark alone between spaces opens a quotation.
            if word.ends_with(TERMINAL) && word != "\"" {
                finish(length);
                length = 0;
            }
        }
        finish(length);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PROSE: &str = "The committee met on Tuesday to talk about the bridge, which has been \
        closed since the flood in March. Its chairman said that repairs would take until the \
        autumn, because the northern pillar had moved by almost a hand's breadth.\n\nSeveral \
        shopkeepers asked whether a ferry could run in the meantime. They were told that the \
        river is too shallow there in summer, but that the council would look at the costs again.";

    const SHOP: &str = "- Home\n- Products\n- Cart (0)\nSale Price: $19.90\nCompare at: $49.90\n\
        Add to Cart\nSale Price: $9.90\nCompare at: $29.90\nAdd to Cart\nContact Us | Sign In\n";

    #[test]
    fn prose_scores_above_debris() {
        assert!(score(PROSE) > 0.6, "{}", score(PROSE));
        assert!(score(SHOP) < 0.2, "{}", score(SHOP));
        assert!(score("") < 0.5);
        assert!(score(&SHOP.repeat(50)) < 0.4);
    }

    #[test]
    fn the_lists_are_complete() {
        assert!(FUNCTION_WORDS.usual.iter().all(|usual| (0.1..0.9).contains(usual)));
        assert!(AUTOMATON.is_some());
    }

    #[test]
    fn other_languages_are_not_judged_by_english_words() {
        let german = "Der Ausschuss traf sich am Dienstag, um über die Brücke zu sprechen, die \
            seit dem Hochwasser im März gesperrt ist. Der Vorsitzende sagte, dass die Arbeiten \
            bis zum Herbst dauern, weil der nördliche Pfeiler sich um eine Handbreit bewegt hat.";
        let at = SIGNALS.iter().position(|signal| signal.name == "third_person").unwrap();
        assert_eq!(measure(german)[at], None);
        assert!(measure(PROSE)[at].is_some());
        assert!(score(german) > score(SHOP) + 0.2);
    }

    proptest! {
        #[test]
        fn scores_are_within_0_and_1(
            any in any::<String>(),
            page in "([a-zA-Z$|:!?.\"é戸 \n-]|the ){0,80}",
        ) {
            for text in [any, page] {
                let score = score(&text);
                prop_assert!((0.0..=1.0).contains(&score), "{score}");
                for value in measure(&text).into_iter().flatten() {
                    prop_assert!(value.is_finite() && value >= 0.0);
                }
            }
        }
    }
}
