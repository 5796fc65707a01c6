//! The signals of the quality score with their means and weights. The table is printed by
//! `examples/quality_train.rs`.
//!
//! The weights were trained on 263 web documents that people would keep or drop as training data
//! for a language model. The area under the ROC curve over 8 held-out folds, averaged over 5
//! shuffles, is 0.85 on all documents, which were decided by a majority of the judges, and 0.95 on
//! the 148 documents on which all judges agreed. Length alone reaches 0.74 and 0.84; the rules of
//! FineWeb and Gopher for lines, length and stop words reach 0.61 and 0.66.

/// The number of signals.
pub const SIGNAL_COUNT: usize = 24;

/// A signal of the quality score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Signal {
    /// What it measures.
    pub name: &'static str,
    /// Its mean over the training documents.
    pub mean: f32,
    /// Its standard deviation over the training documents.
    pub deviation: f32,
    /// The change of the log odds per standard deviation above the mean.
    pub weight: f32,
}

/// The log odds of an average document.
pub(super) const BIAS: f32 = 0.1478;

const fn signal(name: &'static str, mean: f32, deviation: f32, weight: f32) -> Signal {
    Signal { name, mean, deviation, weight }
}

/// All signals, in the order of [`measure`](super::measure).
pub const SIGNALS: [Signal; SIGNAL_COUNT] = [
    signal("length", 5.4822, 1.0485, 0.4314),
    signal("function_words", 0.8681, 0.2026, 0.2111),
    signal("long_line_text", 0.6996, 0.2963, -0.0141),
    signal("terminal_lines", 0.5198, 0.3103, 0.1944),
    signal("short_lines", 0.2079, 0.2199, 0.0081),
    signal("bullet_lines", 0.1121, 0.2255, 0.0950),
    signal("repeated_lines", 0.0081, 0.0319, -0.1766),
    signal("sentence_length", 2.5774, 0.3867, 0.4765),
    signal("sentence_text", 0.7892, 0.1764, -0.0174),
    signal("capitalised_words", 0.2369, 0.1246, -0.4519),
    signal("upper_case_words", 0.0137, 0.0199, -0.0681),
    signal("numbers", 0.0429, 0.0546, -0.2034),
    signal("third_person", 0.0162, 0.0190, 0.2290),
    signal("first_person", 0.0174, 0.0224, -0.1316),
    signal("second_person", 0.0104, 0.0153, -0.0289),
    signal("past_tense", 0.0340, 0.0228, 0.2193),
    signal("vocabulary", 9.6591, 2.8335, 0.0867),
    signal("quotation_marks", 0.1077, 0.1477, 0.2351),
    signal("exclamation_marks", 0.0449, 0.1239, -0.3235),
    signal("colons", 0.1151, 0.1770, -0.1593),
    signal("bars", 0.0393, 0.1492, 0.0783),
    signal("prices", 0.0219, 0.0859, -0.0348),
    signal("boilerplate", 0.0700, 0.1660, -0.3505),
    signal("links", 0.0088, 0.0467, 0.0461),
];
