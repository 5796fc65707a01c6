//! What is measured of a document: the signals, and the scores of its language, safety, quality and
//! personal data.

use std::sync::LazyLock;

use text::signals::FIELDS;
use text::words::Segmenter;

/// One measure.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    /// Its name, as SQL has it.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// Measures besides the signals.
const SCORES: [Measure; 6] = [
    Measure { name: "language.confidence", doc: "How sure `language(text)` is, from 0 to 1." },
    Measure { name: "quality_score", doc: "`quality_score(text)`, from 0 (debris) to 1 (prose)." },
    Measure { name: "safety.nsfw", doc: "`unsafe_score(text).nsfw`, from 0 to 1." },
    Measure { name: "safety.toxicity", doc: "`unsafe_score(text).toxicity`, from 0 to 1." },
    Measure { name: "safety.profanity", doc: "`unsafe_score(text).profanity`, from 0 to 1." },
    Measure {
        name: "pii_per_1000_characters",
        doc: "Items of personal data for each thousand characters, counting texts below a thousand \
              as a thousand.",
    },
];

/// All measures: the signals, then the scores.
pub static MEASURES: LazyLock<Vec<Measure>> = LazyLock::new(|| {
    let signals = FIELDS.iter().map(|field| Measure { name: field.name, doc: field.doc });
    signals.chain(SCORES).collect()
});

/// The language of a text, and the value of each measure in their order.
pub(super) fn measure(text: &str) -> (Option<String>, Vec<Option<f64>>) {
    let signals = text::signals::measure(text, Segmenter::default());
    let language = text::language::detect(text);
    let safety = text::safety::score(text);
    let characters = signals.characters.max(1000) as f64;
    let pii = text::pii::spans(text).len() as f64 * 1000.0 / characters;
    let confidence = language.as_ref().map(|language| f64::from(language.confidence));
    let scores = [
        confidence,
        Some(f64::from(text::quality::score(text))),
        Some(f64::from(safety.nsfw)),
        Some(f64::from(safety.toxicity)),
        Some(f64::from(safety.profanity)),
        Some(pii),
    ];
    let values = signals.values().map(|value| Some(value.as_f64())).into_iter().chain(scores);
    (language.map(|language| language.code.to_owned()), values.collect())
}
