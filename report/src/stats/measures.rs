//! The measures of a document: the signals, and the scores for language, safety, quality and
//! personal data.

use std::sync::LazyLock;

use text::safety::UnsafeScore;
use text::signals::{FIELDS, Scratch, Value, measure_with};
use text::words::Segmenter;

/// One measure.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    /// Its name, as in SQL.
    pub name: &'static str,
    /// Its meaning.
    pub doc: &'static str,
}

/// The measures besides the signals.
const SCORES: [Measure; 6] = [
    Measure { name: "language.confidence", doc: "Confidence of `language(text)`, from 0 to 1." },
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

/// Measures texts. Groups of measures that are not requested are not computed.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a group of measures")]
pub struct Measurer {
    signals: bool,
    quality: bool,
    safety: bool,
    pii: bool,
    scratch: Scratch,
}

impl Measurer {
    /// Computes the measures in `names`, or all measures if `names` is empty.
    pub fn new(names: &[String]) -> Self {
        let any = |is: &dyn Fn(&str) -> bool| names.is_empty() || names.iter().any(|name| is(name));
        Self {
            signals: any(&|name| FIELDS.iter().any(|field| field.name == name)),
            quality: any(&|name| name == "quality_score"),
            safety: any(&|name| name.starts_with("safety.")),
            pii: any(&|name| name.starts_with("pii")),
            scratch: Scratch::default(),
        }
    }

    /// The language of a text, and a value for each of [`MEASURES`]; `None` for those not computed.
    pub fn measure(&mut self, text: &str) -> (Option<&'static str>, Vec<Option<f64>>) {
        let language = text::language::detect(text);
        let signals =
            self.signals.then(|| measure_with(text, Segmenter::default(), &mut self.scratch));
        let values = signals.map(|signals| signals.values().map(Value::as_f64));
        let safety = self.safety.then(|| text::safety::score(text));
        let safety = |part: fn(&UnsafeScore) -> f32| safety.as_ref().map(|s| f64::from(part(s)));
        let scores = [
            language.map(|language| f64::from(language.confidence)),
            self.quality.then(|| f64::from(text::quality::score(text))),
            safety(|score| score.nsfw),
            safety(|score| score.toxicity),
            safety(|score| score.profanity),
            self.pii.then(|| pii_per_1000_characters(text)),
        ];
        let values = (0..FIELDS.len()).map(|index| values.map(|values| values[index]));
        (language.map(|language| language.code), values.chain(scores).collect())
    }
}

fn pii_per_1000_characters(text: &str) -> f64 {
    text::pii::spans(text).len() as f64 * 1000.0 / text.chars().count().max(1000) as f64
}
