//! How unsafe a text is: sexual content, toxicity and swearing, each from 0 to 1.
//!
//! Three things are read. The lists in `safety/*.txt` are the project's own, one file a language,
//! with a weight for each term: a term that is nearly always meant badly weighs 1, one with common
//! harmless uses less. The patterns (`safety/patterns.rs`) see who is spoken of and how: contempt,
//! hatred and threats against groups, and the negation, quotation, condemnation and words of
//! oneself that only look like them. A linear classifier (`safety/model.rs`) weighs both beside
//! hashed words and letter n-grams. Digits, signs, spaces and stretched letters that hide a listed
//! word are undone. Lists and patterns are plain text: encoding them would hide mistakes in them,
//! and nobody reads them by chance.
//!
//! Sexual content and swearing are densities of listed words. Toxicity is the expected share of the
//! text, in windows of about a hundred words, that a reader would call toxic: so a page of news,
//! medicine or law with some bad words scores low, and one insult alone high. A window of a longer
//! text that has neither a listed term nor a group with a word of contempt counts as harmless.
//!
//! Measured with `benches/safety.py` and `examples/safety_train.rs` by the area under the ROC
//! curve of toxicity, on folds that the classifier did not learn from: 0.97 on tweets labelled
//! offensive or hateful (Davidson et al., 2017), 0.90 on comments labelled toxic (Surge AI); with
//! the hashed words left out 0.93 and 0.82, and learned from the other set alone 0.89 and 0.77. A
//! plain word list has 0.86 and 0.63. HateCheck (Röttger et al., 2021), whose cases are built so
//! that words alone mislead, gives 0.86, the plain list 0.43; nothing learns from it, but the
//! patterns were written with its classes in view. The labels of the tweets take the everyday
//! speech of some communities for offence, and the classifier inherits a part of that (Sap et al.,
//! "The Risk of Racial Bias in Hate Speech Detection", 2019): prefer tagging to dropping. Beyond
//! English there are only lists, and hatred in polite words is mostly not seen.

mod lexicon;
pub mod model;
mod patterns;
mod tokens;
mod window;

use model::Features;

/// Weight for each thousand words at which a density score is one half: one strong word in fifty.
const HALF_DENSITY: f32 = 20.0;

/// Words that every text is taken to have besides its own, all harmless, so that one word in a
/// short message does not decide alone.
const PRIOR_WORDS: f32 = 25.0;

/// Scores from 0 to 1. `nsfw` and `profanity` are `d / (d + 20)` for a weight of d in each thousand
/// words, of which 25 are assumed: one strong word alone scores 0.66, in a message of 25 words 0.5,
/// in a page of 1,000 words 0.05.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct UnsafeScore {
    /// Sexual content that means to arouse.
    pub nsfw: f32,
    /// Slurs, threats, insults and hatred: the expected share of the text that is toxic.
    pub toxicity: f32,
    /// Swearing, at whomever.
    pub profanity: f32,
}

/// Scores a text.
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

/// What the classifier sees of each window of a text.
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
                prop_assert!(text.is_char_boundary(token.start) && text.is_char_boundary(token.end));
                end = token.end;
            }
        }
    }
}
