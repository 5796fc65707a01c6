//! Scores how unsafe a text is: sexual content, toxicity and swearing, each from 0 to 1.
//!
//! Three kinds of evidence are combined. The lists in `safety/*.txt` were made for this project,
//! one file per language. Each term has a weight: 1 if it is nearly always meant badly, less if it
//! has common harmless uses. The patterns (`safety/patterns.rs`) recognize who is talked about and
//! how: contempt, hatred and threats against groups, and also negation, quotation, condemnation and
//! words about oneself, which only look like attacks. A linear classifier (`safety/model.rs`)
//! combines both with hashed words and letter n-grams. Listed words that are disguised by digits,
//! signs, spaces or repeated letters are recognized, too. Lists and patterns are plain text:
//! encoding them would hide mistakes, and nobody opens these files by accident.
//!
//! The scores for sexual content and swearing are densities of listed terms. The score for toxicity
//! is the expected share of the text that a reader would call toxic, computed over windows of about
//! a hundred words. So a page of news, medicine or law with some bad words scores low, and a single
//! insult scores high. In a text of several windows, a window counts as harmless if it has too few
//! listed terms and does not name a group together with a word of contempt.
//!
//! The area under the ROC curve for toxicity, on tweets labelled offensive or hateful (Davidson et
//! al. 2017) and on comments labelled toxic (Surge AI), measured with `benches/safety.py` and
//! `examples/safety_train.rs` on folds that were not used for training:
//!
//! | | tweets | comments |
//! |---|---|---|
//! | all evidence | 0.97 | 0.90 |
//! | without hashed words | 0.93 | 0.82 |
//! | trained on the other set only | 0.89 | 0.77 |
//! | a plain word list | 0.86 | 0.63 |
//!
//! On HateCheck (Röttger et al. 2021), whose cases are built so that words alone mislead, the area
//! is 0.86, and that of the plain list 0.43. HateCheck was not used for training, but its classes
//! were known when the patterns were written.
//!
//! Limits: the labels of the tweets treat the everyday language of some communities as offensive,
//! and the classifier inherits some of that (Sap et al. 2019, "The Risk of Racial Bias in Hate
//! Speech Detection"). So it is better to tag texts than to drop them. For languages other than
//! English there are only lists. Hatred in polite words is mostly not recognized.

mod lexicon;
mod model;
mod patterns;
mod tokens;
mod window;

pub use model::{Features, HASH_BITS, SIGNAL_NAMES, toxicity};

/// Weight of listed terms per thousand words at which a density score is 0.5: one strong word in
/// fifty.
const HALF_DENSITY: f32 = 20.0;

/// Number of harmless words that are added to every text, so that a single word in a short message
/// does not decide alone.
const PRIOR_WORDS: f32 = 25.0;

/// Scores from 0 to 1. `nsfw` and `profanity` are `d / (d + 20)`, where `d` is the weight of the
/// listed terms per thousand words, after 25 harmless words were added to the text. One strong word
/// alone scores 0.66, in a message of 25 words 0.5, and in a page of 1,000 words 0.05.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct UnsafeScore {
    /// Sexual content that is meant to arouse.
    pub nsfw: f32,
    /// Slurs, threats, insults and hatred: the expected share of the text that is toxic.
    pub toxicity: f32,
    /// Swearing, whether or not it is directed at somebody.
    pub profanity: f32,
}

/// Scores a text.
///
/// ```
/// let score = text::safety::score("Goddamn, the mill has closed already.");
/// assert!(score.profanity > 0.5 && score.nsfw == 0.0);
/// ```
pub fn score(text: &str) -> UnsafeScore {
    let mut listed = [0.0_f32; 3];
    let mut foreign_toxicity = 0.0;
    let (mut words, mut toxic_words) = (0.0, 0.0);
    window::each_window(text, |window| {
        for (sum, (english, other)) in
            listed.iter_mut().zip(window.english.iter().zip(&window.other))
        {
            *sum += english + other;
        }
        // The classifier only knows English; in other languages toxicity is a density, too.
        foreign_toxicity += window.other[1];
        let length = window.tokens.len() as f32;
        words += length;
        if window.is_hot() && length > 0.0 {
            let features = window.features();
            toxic_words += length * model::toxicity(model::log_odds(&features), &features);
        }
    });
    let density = |weight: f32| {
        let density = weight * 1000.0 / (words + PRIOR_WORDS);
        density / (density + HALF_DENSITY)
    };
    let toxicity = if words > 0.0 { toxic_words / words } else { 0.0 };
    UnsafeScore {
        nsfw: density(listed[0]),
        toxicity: toxicity.max(density(foreign_toxicity)),
        profanity: density(listed[2]),
    }
}

/// The features of each window of a text, from which the classifier computes the toxicity.
pub fn features(text: &str) -> Vec<Features> {
    let mut all = Vec::new();
    window::each_window(text, |window| all.push(window.features()));
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::lexicon::{LEXICON, LISTS, ROLE_NAMES, ROLES, parse_line};
    use super::tokens::Tokens;
    use super::*;

    fn toxicity(text: &str) -> f32 {
        score(text).toxicity
    }

    #[test]
    fn every_line_of_the_lists_is_read() {
        for line in LISTS.iter().flat_map(|list| list.lines()) {
            if !line.is_empty() && !line.starts_with('#') {
                let (_, weight, term) = parse_line(line).unwrap_or_else(|| panic!("{line:?}"));
                assert!(weight > 0.0 && weight <= 1.0 && !term.is_empty(), "{line:?}");
                assert_eq!(term, term.to_lowercase(), "terms are in lower case");
                let first = Tokens::of(term).next().unwrap_or_else(|| panic!("{line:?}"));
                assert!(LEXICON.may_know(first.hash), "{line:?}");
            }
        }
        for line in ROLES.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (name, _) = line.split_once(": ").unwrap();
            assert!(ROLE_NAMES.contains(&name), "{name}");
        }
    }

    #[test]
    fn density_decides() {
        assert!(toxicity("You are a fucking idiot, go and kill yourself.") > 0.8);
        assert!(score("Fuck this shit!").profanity > 0.5);
        let page = "The class assessed the cocktail in Scunthorpe and Essex. ".repeat(40);
        assert_eq!(score(&page), UnsafeScore::default());
        let one_word = score(&format!("{page} Shit."));
        assert!(one_word.profanity > 0.0 && one_word.profanity < 0.2);
        assert!(one_word.toxicity < 0.1);
        assert_eq!(score(""), UnsafeScore::default());
    }

    #[test]
    fn terms_count_in_any_case_and_language() {
        assert!(score("SCHEIẞE, Scheiße, scheiße").profanity > 0.5);
        assert!(score("Блять").profanity > 0.3);
        assert!(toxicity("¡Gilipollas!") > 0.3);
        assert!(toxicity("お前は死ねよ") > 0.3);
        assert!(toxicity("이 개새끼야") > 0.3);
        assert!(score("我们在路口交通灯前操作机器，妈妈的书").profanity < 0.01);
    }

    #[test]
    fn groups_are_attacked_by_what_is_said_of_them() {
        for (attack, harmless) in [
            ("Immigrants are vermin.", "Immigrants are my neighbours."),
            ("I hate Muslims.", "I would never hate Muslims."),
            ("We should kill all gay people.", "We should invite all gay people."),
            ("Jews are parasites.", "Mosquitoes are parasites."),
            ("Women are worthless.", "Saying \"women are worthless\" is sexist, report it."),
            ("Disabled people deserve no respect.", "Disabled people deserve respect."),
        ] {
            assert!(toxicity(attack) > 0.6, "{attack} {}", toxicity(attack));
            assert!(toxicity(harmless) < toxicity(attack) - 0.3, "{harmless}");
        }
    }

    #[test]
    fn hidden_spellings_are_undone() {
        let plain = toxicity("Women are disgusting filth.");
        for hidden in [
            "W0men are d1sgusting filth.",
            "W o m e n are disgusting f i l t h.",
            "Womne are filth.",
        ] {
            assert!(toxicity(hidden) > plain - 0.3, "{hidden}");
        }
        assert!(score("What a load of bullsh*t, f**k it, shiiiiit").profanity > 0.6);
        assert!(score("mail a@b.example costs $5 or 3*4 % of R2D2!").profanity < 0.01);
    }

    proptest! {
        #[test]
        fn scores_are_within_0_and_1(
            any in any::<String>(),
            bad in "(fuck|sh\\*t |porn |é|women |h a t e |’s|[a-z@*0-9]){0,60}",
        ) {
            for text in [any, bad] {
                let UnsafeScore { nsfw, toxicity, profanity } = score(&text);
                for value in [nsfw, toxicity, profanity] {
                    prop_assert!((0.0..=1.0).contains(&value));
                }
            }
        }

        #[test]
        fn tokens_are_in_order(text in any::<String>()) {
            let mut end = 0;
            for token in Tokens::of(&text) {
                prop_assert!(token.start >= end && token.end > token.start);
                prop_assert!(text.get(token.start..token.end).is_some());
                end = token.end;
            }
        }
    }
}
