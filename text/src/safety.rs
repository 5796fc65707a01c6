//! How unsafe a text is, by the density of words that seldom have a harmless use.
//!
//! The lists in `safety/*.txt` are the project's own, one file a language, with a weight for each
//! term: a term that is nearly always meant badly weighs 1, one with common harmless uses less.
//! Terms count on word boundaries only, in lower, title or upper case, whatever the language of the
//! text. A score says how a text talks, not what it is about: medicine, law and hate research use
//! some of the words, at a density that keeps their scores low; and hatred in polite words is not
//! seen at all. Measured by the area under the ROC curve of the highest of the three scores: 0.88 on
//! tweets labelled offensive or hateful (Davidson et al., 2017), 0.74 on comments labelled toxic,
//! but 0.42, worse than chance, on HateCheck (Röttger et al., 2021), whose cases are built so that
//! words alone mislead. In 101,222 technical documents 0.2 % score above 0.2 for sexual content.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};

use crate::words::words;

/// Weight for each thousand words at which a score is one half: one strong word in fifty.
const HALF_DENSITY: f32 = 20.0;

/// Words that every text is taken to have besides its own, all harmless, so that one word in a
/// short message does not decide alone.
const PRIOR_WORDS: u64 = 25;

/// The lists: a line is a category, a weight and a term; `#` starts a comment.
const LISTS: [&str; 7] = [
    include_str!("safety/de.txt"),
    include_str!("safety/en.txt"),
    include_str!("safety/es.txt"),
    include_str!("safety/fr.txt"),
    include_str!("safety/it.txt"),
    include_str!("safety/pt.txt"),
    include_str!("safety/ru.txt"),
];

/// Scores from 0 (no listed word) to 1 (little else): `d / (d + 20)` for a weight of d in each
/// thousand words, of which 25 are assumed. One strong word alone scores 0.66, in a message of 25
/// words 0.5, in a page of 1,000 words 0.05.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct UnsafeScore {
    /// Sexual content that means to arouse.
    pub nsfw: f32,
    /// Slurs, threats and insults.
    pub toxicity: f32,
    /// Swearing, at whomever.
    pub profanity: f32,
}

/// The categories of the lists, by their index in a term's scores.
const CATEGORIES: [&str; 3] = ["nsfw", "toxicity", "profanity"];

/// The automaton of all terms with the category and weight of each of its patterns.
struct Lexicon {
    automaton: Option<AhoCorasick>,
    meanings: Vec<(usize, f32)>,
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::of(&LISTS));

impl Lexicon {
    fn of(lists: &[&str]) -> Self {
        let mut patterns = Vec::new();
        let mut meanings = Vec::new();
        for line in lists.iter().flat_map(|list| list.lines()) {
            let Some((category, weight, term)) = parse_line(line) else { continue };
            // The automaton ignores the case of ASCII alone.
            for form in forms(term) {
                patterns.push(form);
                meanings.push((category, weight));
            }
        }
        let automaton = AhoCorasickBuilder::new()
            .match_kind(MatchKind::LeftmostLongest)
            .ascii_case_insensitive(true)
            .build(patterns)
            .ok();
        Self { automaton, meanings }
    }
}

/// The category's index, the weight and the term of a line of a list.
fn parse_line(line: &str) -> Option<(usize, f32, &str)> {
    let mut parts = line.splitn(3, ' ');
    let category = parts.next()?;
    let category = CATEGORIES.iter().position(|name| *name == category)?;
    Some((category, parts.next()?.parse().ok()?, parts.next()?.trim()))
}

/// A term as listed and, if it has letters beyond ASCII, in title and upper case.
fn forms(term: &str) -> Vec<String> {
    if term.is_ascii() {
        return vec![term.to_owned()];
    }
    let mut characters = term.chars();
    let title = characters.next().map(char::to_uppercase).into_iter().flatten();
    let title = title.chain(characters).collect();
    let mut forms = vec![term.to_owned(), title, term.to_uppercase()];
    forms.dedup();
    forms
}

/// Scores a text.
pub fn score(text: &str) -> UnsafeScore {
    let weights = weigh(text);
    if weights.iter().all(|weight| *weight == 0.0) {
        return UnsafeScore::default();
    }
    let thousands = (words(text).count() as u64 + PRIOR_WORDS) as f32 / 1000.0;
    let [nsfw, toxicity, profanity] = weights.map(|weight| {
        let density = weight / thousands;
        density / (density + HALF_DENSITY)
    });
    UnsafeScore { nsfw, toxicity, profanity }
}

/// The sum of the weights of a text's terms, by category.
fn weigh(text: &str) -> [f32; 3] {
    let mut weights = [0.0; 3];
    let Some(automaton) = &LEXICON.automaton else { return weights };
    let mut from = 0;
    while let Some(found) = automaton.find(aho_corasick::Input::new(text).range(from..)) {
        let is_letter = |c: char| c.is_alphanumeric();
        let is_word = !text[..found.start()].ends_with(is_letter)
            && !text[found.end()..].starts_with(is_letter);
        if is_word {
            let (category, weight) = LEXICON.meanings[found.pattern().as_usize()];
            weights[category] += weight;
            from = found.end();
        } else {
            // A term may start inside what only looked like another.
            from = text.ceil_char_boundary(found.start() + 1);
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_line_of_the_lists_is_read() {
        assert!(LEXICON.automaton.is_some());
        for line in LISTS.iter().flat_map(|list| list.lines()) {
            if !line.is_empty() && !line.starts_with('#') {
                let (_, weight, term) = parse_line(line).unwrap_or_else(|| panic!("{line:?}"));
                assert!(weight > 0.0 && weight <= 1.0 && !term.is_empty(), "{line:?}");
                assert_eq!(term, term.to_lowercase(), "terms are in lower case");
            }
        }
    }

    #[test]
    fn density_decides() {
        assert!(score("You are a fucking idiot, go and kill yourself.").toxicity > 0.4);
        assert!(score("Fuck this shit!").profanity > 0.5);
        let page = "The class assessed the cocktail in Scunthorpe and Essex. ".repeat(40);
        assert_eq!(score(&page), UnsafeScore::default());
        let one_word = score(&format!("{page} Shit."));
        assert!(one_word.profanity > 0.0 && one_word.profanity < 0.2);
        assert_eq!(score(""), UnsafeScore::default());
    }

    #[test]
    fn terms_count_in_any_case_and_language() {
        assert!(score("SCHEIẞE, Scheiße, scheiße").profanity > 0.5);
        assert!(score("Блять").profanity > 0.3);
        assert!(score("¡Gilipollas!").toxicity > 0.3);
    }

    proptest! {
        #[test]
        fn scores_are_within_0_and_1(any in any::<String>(), bad in "(fuck|shit |porn |é|[a-z]){0,30}") {
            for text in [any, bad] {
                let UnsafeScore { nsfw, toxicity, profanity } = score(&text);
                for value in [nsfw, toxicity, profanity] {
                    prop_assert!((0.0..1.0).contains(&value));
                }
            }
        }
    }
}
