//! The natural language and the script of a text.
//!
//! The trigram model of the crate `whatlang` (70 languages) reads a bounded sample: it runs at
//! 15 MB/s on whole documents, which would make it the slowest step of a pipeline, and what it
//! says does not change beyond a kilobyte or two.

use std::borrow::Cow;

use whatlang::{Lang, Script};

/// Places of a long text from which the sample is taken, evenly spaced from its head to its tail.
/// Three, so that a menu above or a licence below does not decide alone.
const SAMPLE_SLICES: usize = 3;

/// Bytes of each slice of the sample.
const SLICE_BYTES: usize = 400;

/// What [`detect`] found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Language {
    /// ISO 639-1 code where the language has one, else ISO 639-3: `en`, `zh`.
    pub code: &'static str,
    /// ISO 15924 code of the script: `Latn`, `Hani`.
    pub script: &'static str,
    /// From 0 to 1, the model's own estimate: comparable between texts, not a calibrated
    /// probability. Below 0.5 the answer is a guess, as it is for most texts of few words.
    pub confidence: f32,
}

/// How many Latin letters a character of Chinese, Japanese or Korean outweighs: about as many as a
/// language with an alphabet needs to say the same.
const DENSE_WEIGHT: usize = 3;

/// How many Latin letters a letter of another alphabet outweighs: names, links and code put Latin
/// letters into texts of all languages, but hardly the other way round.
const OTHER_WEIGHT: usize = 2;

/// The language of a text, or `None` for a text without letters of a known script.
///
/// A text above 1,200 bytes is judged by three slices of 400 bytes from its head, middle and tail.
/// Latin letters are left out of the judgement where letters of other scripts outweigh them, since
/// the model goes by the most frequent script.
pub fn detect(text: &str) -> Option<Language> {
    let sample = if text.len() <= SAMPLE_SLICES * SLICE_BYTES {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(sample(text))
    };
    let info = if is_outweighed(&sample) {
        whatlang::detect(&sample.replace(is_latin, " "))
    } else {
        whatlang::detect(&sample)
    }?;
    Some(Language {
        code: code_of(info.lang()),
        script: script_of(info.script(), info.lang()),
        confidence: info.confidence() as f32,
    })
}

/// Whether a sample has Latin letters and letters of other scripts that outweigh them.
fn is_outweighed(sample: &str) -> bool {
    if sample.is_ascii() {
        return false;
    }
    let (mut latin, mut others) = (0, 0);
    for character in sample.chars().filter(|character| character.is_alphabetic()) {
        match character {
            _ if is_latin(character) => latin += 1,
            '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' => {
                others += DENSE_WEIGHT;
            }
            _ => others += OTHER_WEIGHT,
        }
    }
    latin > 0 && others > latin
}

/// Whether a character is a letter of the Latin script, as far as Latin Extended-B, or of
/// Vietnamese.
fn is_latin(character: char) -> bool {
    character.is_ascii_alphabetic()
        || matches!(character, 'ª' | 'º' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
}

/// Slices of a long text, joined by a space, each cut at a character boundary.
fn sample(text: &str) -> String {
    let mut sample = String::with_capacity(SAMPLE_SLICES * (SLICE_BYTES + 8));
    let last_start = text.len() - SLICE_BYTES;
    for slice in 0..SAMPLE_SLICES {
        let start = text.ceil_char_boundary(last_start * slice / (SAMPLE_SLICES - 1));
        let end = text.ceil_char_boundary((start + SLICE_BYTES).min(text.len()));
        sample.push_str(&text[start..end]);
        sample.push(' ');
    }
    sample
}

/// ISO 15924: <https://www.unicode.org/iso15924>.
fn script_of(script: Script, language: Lang) -> &'static str {
    match script {
        Script::Arabic => "Arab",
        Script::Armenian => "Armn",
        Script::Bengali => "Beng",
        Script::Cyrillic => "Cyrl",
        Script::Devanagari => "Deva",
        Script::Ethiopic => "Ethi",
        Script::Georgian => "Geor",
        Script::Greek => "Grek",
        Script::Gujarati => "Gujr",
        Script::Gurmukhi => "Guru",
        Script::Hangul => "Hang",
        Script::Hebrew => "Hebr",
        // Japanese mixes three scripts, and which of them the model names is chance.
        Script::Hiragana | Script::Katakana => "Jpan",
        Script::Mandarin if language == Lang::Jpn => "Jpan",
        Script::Mandarin => "Hani",
        Script::Kannada => "Knda",
        Script::Khmer => "Khmr",
        Script::Latin => "Latn",
        Script::Malayalam => "Mlym",
        Script::Myanmar => "Mymr",
        Script::Oriya => "Orya",
        Script::Sinhala => "Sinh",
        Script::Tamil => "Taml",
        Script::Telugu => "Telu",
        Script::Thai => "Thai",
    }
}

/// ISO 639-1 where there is a code: <https://www.loc.gov/standards/iso639-2>.
#[expect(clippy::too_many_lines, reason = "one line for each language of the model")]
fn code_of(language: Lang) -> &'static str {
    match language {
        Lang::Afr => "af",
        Lang::Aka => "ak",
        Lang::Amh => "am",
        Lang::Ara => "ar",
        Lang::Aze => "az",
        Lang::Bel => "be",
        Lang::Ben => "bn",
        Lang::Bul => "bg",
        Lang::Cat => "ca",
        Lang::Ces => "cs",
        Lang::Cmn => "zh",
        Lang::Cym => "cy",
        Lang::Dan => "da",
        Lang::Deu => "de",
        Lang::Ell => "el",
        Lang::Eng => "en",
        Lang::Epo => "eo",
        Lang::Est => "et",
        Lang::Fin => "fi",
        Lang::Fra => "fr",
        Lang::Guj => "gu",
        Lang::Heb => "he",
        Lang::Hin => "hi",
        Lang::Hrv => "hr",
        Lang::Hun => "hu",
        Lang::Hye => "hy",
        Lang::Ind => "id",
        Lang::Ita => "it",
        Lang::Jav => "jv",
        Lang::Jpn => "ja",
        Lang::Kan => "kn",
        Lang::Kat => "ka",
        Lang::Khm => "km",
        Lang::Kor => "ko",
        Lang::Lat => "la",
        Lang::Lav => "lv",
        Lang::Lit => "lt",
        Lang::Mal => "ml",
        Lang::Mar => "mr",
        Lang::Mkd => "mk",
        Lang::Mya => "my",
        Lang::Nep => "ne",
        Lang::Nld => "nl",
        Lang::Nob => "nb",
        Lang::Ori => "or",
        Lang::Pan => "pa",
        Lang::Pes => "fa",
        Lang::Pol => "pl",
        Lang::Por => "pt",
        Lang::Ron => "ro",
        Lang::Rus => "ru",
        Lang::Sin => "si",
        Lang::Slk => "sk",
        Lang::Slv => "sl",
        Lang::Sna => "sn",
        Lang::Spa => "es",
        Lang::Srp => "sr",
        Lang::Swe => "sv",
        Lang::Tam => "ta",
        Lang::Tel => "te",
        Lang::Tgl => "tl",
        Lang::Tha => "th",
        Lang::Tuk => "tk",
        Lang::Tur => "tr",
        Lang::Ukr => "uk",
        Lang::Urd => "ur",
        Lang::Uzb => "uz",
        Lang::Vie => "vi",
        Lang::Yid => "yi",
        Lang::Zul => "zu",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, code: &str, script: &str) {
        let language = detect(text).unwrap();
        assert_eq!((language.code, language.script), (code, script), "of {text:?}");
    }

    #[test]
    fn languages_have_their_iso_codes() {
        check("The miller ground the wheat slowly while his children slept.", "en", "Latn");
        check(
            "Le meunier moulait lentement le blé pendant que ses enfants dormaient.",
            "fr",
            "Latn",
        );
        check("磨坊主慢慢地磨着小麦，孩子们都睡着了。", "zh", "Hani");
        check("粉屋は子供たちが眠っている間にゆっくりと小麦を挽いた。", "ja", "Jpan");
        check("Мельник медленно молол пшеницу, пока его дети спали.", "ru", "Cyrl");
        check(
            "[粉屋][mill]はゆっくりと小麦を挽いた。\n\n[mill]: /images/header/mill-logo.png",
            "ja",
            "Jpan",
        );
        assert_eq!(detect(" 123 !? "), None);
        assert_eq!(detect(""), None);
    }

    #[test]
    fn a_long_text_is_judged_by_more_than_its_head() {
        let menu = "Home Login Kontakt ".repeat(40);
        let body =
            "Der Müller mahlte langsam den Weizen, während seine Kinder schliefen. ".repeat(90);
        check(&(menu + &body), "de", "Latn");
    }

    proptest! {
        #[test]
        fn any_text_has_a_language_or_none(text in any::<String>(), times in 1_usize..200) {
            if let Some(language) = detect(&text.repeat(times)) {
                prop_assert!((0.0..=1.0).contains(&language.confidence));
            }
        }
    }
}
