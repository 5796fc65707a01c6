//! Detects the natural language and the script of a text, or of each of its paragraphs.
//!
//! The first step finds the script of most letters, which leaves one language or a few. Among these
//! an embedded linear model on character n-grams decides (see `language/model.rs` and, for how it
//! was made, `text/model/README.md`), or a fastText model from the user. For a long text, only a
//! sample of limited size is read.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use crate::fasttext;

mod grams;
mod label;
mod model;
mod paragraphs;
mod script;
mod train;

pub use paragraphs::{Paragraph, Share, shares};
pub use train::{TrainError, TrainOptions, train};

use grams::Words;
use label::Label;

/// Number of slices in the sample of a long text, evenly spaced from its beginning to its end.
/// Three, so that neither a menu at the top nor a licence at the bottom decides alone.
const SAMPLE_SLICES: usize = 3;

/// Bytes of each slice of the sample.
const SLICE_BYTES: usize = 400;

/// A detected language.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Language<'a> {
    /// ISO 639-1 code where the language has one, else ISO 639-3: `en`, `zh`.
    pub code: &'a str,
    /// ISO 15924 code of the script: `Latn`, `Hani`.
    pub script: &'a str,
    /// From 0 to 1: the model's probability of the language among the languages of the script,
    /// multiplied by the share of the text's letters that belong to the script. It is calibrated:
    /// on words, word pairs and sentences outside the training data, 60 % of the answers with 0.55
    /// to 0.65 were right, for example.
    pub confidence: f32,
}

/// Detects languages with a model.
#[derive(Debug, Clone)]
pub struct Detector(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Compact(Arc<model::Model>),
    FastText { model: Arc<fasttext::Model>, labels: Arc<[Label]> },
}

/// The embedded model. It is constant, so reading it cannot fail once the tests have passed.
static EMBEDDED: LazyLock<Option<Detector>> = LazyLock::new(|| {
    let detector = Detector::from_bytes(Cow::Borrowed(include_bytes!("../../model/language.bin")));
    debug_assert!(detector.is_some(), "the embedded file is a model");
    detector
});

/// Detects the language of a text with the embedded model. The result is `None` for a text without
/// letters of a known script.
///
/// Of a text above 1,200 bytes, only three slices of 400 bytes are read: from its beginning, its
/// middle and its end.
///
/// ```
/// let language = text::language::detect("Der Müller mahlte langsam den Weizen.").unwrap();
/// assert_eq!((language.code, language.script), ("de", "Latn"));
/// assert_eq!(text::language::detect("123"), None);
/// ```
pub fn detect(text: &str) -> Option<Language<'static>> {
    EMBEDDED.as_ref()?.detect(text)
}

/// The paragraphs of a text with their languages according to the embedded model: see
/// [`Detector::paragraphs`].
pub fn paragraphs(text: &str) -> Vec<Paragraph<'static>> {
    EMBEDDED.as_ref().map_or_else(Vec::new, |detector| detector.paragraphs(text))
}

impl Detector {
    /// A detector with a model that was made by [`train()`]; `None` if the bytes are not such a
    /// model.
    pub fn from_bytes(bytes: Cow<'static, [u8]>) -> Option<Self> {
        Some(Self(Kind::Compact(Arc::new(model::Model::from_bytes(bytes)?))))
    }

    /// A detector with a fastText model. The labels of the model must name languages, and can name
    /// scripts: `__label__en`, `__label__eng_Latn`, `__label__zh-Hans`. The model reads the same
    /// sample of a text as the embedded one. The detector returns its most probable label with the
    /// probability of that label.
    pub fn with_model(model: Arc<fasttext::Model>) -> Self {
        let labels = model.labels().map(|label| Label::parse(&label)).collect();
        Self(Kind::FastText { model, labels })
    }

    /// Detects the language of a text; `None` for a text without letters of a script that the model
    /// knows.
    pub fn detect(&self, text: &str) -> Option<Language<'_>> {
        let mut words = Words::new();
        for slice in sample(text) {
            words.push(slice);
        }
        // Text in which nearly every word looks like code is probably not code, but text with
        // markup: read all of it.
        if words.is_mostly_skipped() {
            words = Words::new();
            sample(text).for_each(|slice| words.push_all(slice));
        }
        let (script, share) = words.script()?;
        match &self.0 {
            Kind::Compact(model) => {
                let (class, probability) = model.classify(&words, script)?;
                Some(Language {
                    code: &class.code,
                    script: &class.script,
                    confidence: probability * share,
                })
            }
            Kind::FastText { model, labels } => {
                // A fastText model has its own tokens and n-grams, so it reads the text itself.
                let slices: Vec<&str> = sample(text).collect();
                let prediction = *model.predict(&slices.join(" "), 1, 0.0).first()?;
                let label = &labels[prediction.label];
                Some(label.language(script.code(), prediction.probability.min(1.0)))
            }
        }
    }
}

/// The whole text, or slices of a long one, cut at character boundaries.
fn sample(text: &str) -> impl Iterator<Item = &str> {
    let (slices, slice_bytes) = if text.len() <= SAMPLE_SLICES * SLICE_BYTES {
        (1, text.len())
    } else {
        (SAMPLE_SLICES, SLICE_BYTES)
    };
    let last_start = text.len() - slice_bytes;
    (0..slices).map(move |slice| {
        let start = text.ceil_char_boundary(last_start * slice / (slices - 1).max(1));
        let end = text.ceil_char_boundary((start + slice_bytes).min(text.len()));
        &text[start..end]
    })
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
    fn one_sentence_tells_the_language() {
        check("The miller ground the wheat slowly while his children slept.", "en", "Latn");
        check(
            "Le meunier moulait lentement le blé pendant que ses enfants dormaient.",
            "fr",
            "Latn",
        );
        check(
            "Der Müller mahlte langsam den Weizen, während seine Kinder schliefen.",
            "de",
            "Latn",
        );
        check("El molinero molía despacio el trigo mientras sus hijos dormían.", "es", "Latn");
        check("Il mugnaio macinava piano il grano mentre i suoi figli dormivano.", "it", "Latn");
        check("O moleiro moía devagar o trigo enquanto os seus filhos dormiam.", "pt", "Latn");
        check("De molenaar maalde langzaam de tarwe terwijl zijn kinderen sliepen.", "nl", "Latn");
        check("Młynarz powoli mełł pszenicę, podczas gdy jego dzieci spały.", "pl", "Latn");
        check("Mlynář pomalu mlel pšenici, zatímco jeho děti spaly.", "cs", "Latn");
        check("Mjölnaren malde långsamt vetet medan hans barn sov.", "sv", "Latn");
        check("Mylläri jauhoi vehnää hitaasti, kun hänen lapsensa nukkuivat.", "fi", "Latn");
        check("A molnár lassan őrölte a búzát, amíg a gyermekei aludtak.", "hu", "Latn");
        check("Değirmenci, çocukları uyurken buğdayı yavaşça öğüttü.", "tr", "Latn");
        check("Người thợ xay xay lúa mì chậm rãi trong khi các con ông ngủ.", "vi", "Latn");
        check("Morarul măcina încet grâul în timp ce copiii lui dormeau.", "ro", "Latn");
        check("Мельник медленно молол пшеницу, пока его дети спали.", "ru", "Cyrl");
        check("Мірошник повільно молов пшеницю, поки його діти спали.", "uk", "Cyrl");
        check("Мелничарят бавно мелеше житото, докато децата му спяха.", "bg", "Cyrl");
        check("كان الطحان يطحن القمح ببطء بينما كان أطفاله نائمين.", "ar", "Arab");
        check("آسیابان گندم را آهسته آسیاب می‌کرد در حالی که بچه‌هایش خواب بودند.", "fa", "Arab");
        check("चक्कीवाला धीरे-धीरे गेहूँ पीस रहा था जबकि उसके बच्चे सो रहे थे।", "hi", "Deva");
        check("ο μυλωνάς άλεθε αργά το σιτάρι ενώ τα παιδιά του κοιμόντουσαν", "el", "Grek");
        check("방앗간 주인은 아이들이 자는 동안 천천히 밀을 빻았다.", "ko", "Hang");
        check("磨坊主慢慢地磨着小麦，孩子们都睡着了。", "zh", "Hani");
        check("粉屋は子供たちが眠っている間にゆっくりと小麦を挽いた。", "ja", "Jpan");
    }

    #[test]
    fn code_links_and_names_do_not_decide() {
        check(
            "Run `cargo build --release`; then call `let model = Model::from_bytes(&bytes)?;` and \
             check that `model.len() > 0`. See https://example.org/docs/api/v2/index.html#usage.",
            "en",
            "Latn",
        );
        check(
            "[粉屋][mill]はゆっくりと小麦を挽いた。\n\n[mill]: /images/header/mill-logo.png",
            "ja",
            "Jpan",
        );
        check(
            "The/DT miller/NN ground/VBD the/DT wheat/NN while/IN \
            his/PRP$ children/NNS slept/VBD ./.",
            "en",
            "Latn",
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

    #[test]
    fn paragraphs_have_languages_of_their_own() {
        let text = "The mill stood by the river for two hundred years.\n\n  Die Mühle stand \
                    zweihundert Jahre lang am Fluss.\nDer Müller\n\n— 1790 —\n";
        let paragraphs = paragraphs(text);
        let found: Vec<_> = paragraphs
            .iter()
            .map(|paragraph| {
                let code = paragraph.language.map_or("", |language| language.code);
                (&text[paragraph.start..paragraph.end], code)
            })
            .collect();
        let expected = [
            ("The mill stood by the river for two hundred years.", "en"),
            ("Die Mühle stand zweihundert Jahre lang am Fluss.", "de"),
            ("Der Müller", "de"),
            ("— 1790 —", ""),
        ];
        assert_eq!(found, expected);
        let shares: Vec<_> = shares(&paragraphs).iter().map(|share| share.code).collect();
        assert_eq!(shares, ["de", "en", ""]);
    }

    #[test]
    fn a_model_of_the_users_decides() {
        let Some(data) = std::env::var_os("GRISTMILL_DATA") else {
            eprintln!("skipped: GRISTMILL_DATA is not set");
            return;
        };
        let path = std::path::Path::new(&data).join("data/language/lid.176.ftz");
        let model = fasttext::Model::from_bytes(&std::fs::read(path).unwrap()).unwrap();
        let detector = Detector::with_model(Arc::new(model));
        let sentence = "Der Müller mahlte langsam den Weizen, während seine Kinder schliefen. ";
        for text in [sentence.to_owned(), sentence.repeat(90)] {
            let language = detector.detect(&text).unwrap();
            assert_eq!((language.code, language.script), ("de", "Latn"));
            assert!((0.5..=1.0).contains(&language.confidence), "{language:?}");
        }
    }

    #[test]
    fn a_trained_model_finds_what_it_was_shown() {
        let examples: Vec<_> = (0..50)
            .flat_map(|_| [("xx", "barako tilune moda"), ("yy", "shreng wyght plorf")])
            .collect();
        let options = TrainOptions {
            examples: 2_000,
            examples_after: 1_000,
            row_bits: 12,
            bucket_bits: 9,
            examples_min: 1,
            ..TrainOptions::default()
        };
        let bytes = train(&examples, &options).unwrap();
        assert_eq!(bytes, train(&examples, &options).unwrap(), "the same examples, the same bytes");
        let detector = Detector::from_bytes(Cow::Owned(bytes.clone())).unwrap();
        assert_eq!(detector.detect("tilune barako").unwrap().code, "xx");
        assert_eq!(detector.detect("plorf").unwrap().code, "yy");
        assert_eq!(detector.detect("мельник"), None, "a script without a language");
        for end in 0..bytes.len() {
            assert!(Detector::from_bytes(Cow::Owned(bytes[..end].to_vec())).is_none());
        }
    }

    #[test]
    fn a_training_that_cannot_work_is_refused() {
        let options = TrainOptions { examples_min: 1, ..TrainOptions::default() };
        let alone = [("xx", "barako tilune moda")];
        assert_eq!(train(&alone, &options), Err(TrainError::NothingToLearn));
        let options = TrainOptions { row_bits: 18, bucket_bits: 18, ..options };
        assert_eq!(train(&alone, &options), Err(TrainError::Bits { row: 18, bucket: 18 }));
    }

    proptest! {
        #[test]
        fn any_text_has_a_language_or_none(text in any::<String>(), times in 1_usize..200) {
            let text = text.repeat(times);
            if let Some(language) = detect(&text) {
                prop_assert!((0.0..=1.0).contains(&language.confidence));
            }
            let mut last = 0;
            for paragraph in paragraphs(&text) {
                prop_assert!(last <= paragraph.start && paragraph.start < paragraph.end);
                prop_assert!(text.get(paragraph.start..paragraph.end).is_some());
                last = paragraph.end;
            }
        }
    }
}
