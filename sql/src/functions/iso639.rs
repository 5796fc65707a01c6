//! `iso639_3(code)`: the three-letter code by which GlotLID and FineWeb-2 label a language.

use std::sync::Arc;

use arrow::array::StringBuilder;
use arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use isolang::Language;

use super::text_function::text_function;

/// ISO 639 codes of groups of languages, each with the member that GlotLID (Kargaran et al. 2023)
/// uses as the label of most texts: Standard Arabic for Arabic, Mandarin for Chinese.
const STANDARD_LANGUAGES: [(&str, &str); 19] = [
    ("ara", "arb"),
    ("aze", "azj"),
    ("est", "ekk"),
    ("grn", "gug"),
    ("kur", "kmr"),
    ("lav", "lvs"),
    ("mlg", "plt"),
    ("mon", "khk"),
    ("msa", "zsm"),
    ("nep", "npi"),
    ("nor", "nob"),
    ("ori", "ory"),
    ("orm", "gaz"),
    ("pus", "pbt"),
    ("sqi", "als"),
    ("swa", "swh"),
    ("uzb", "uzn"),
    ("yid", "ydd"),
    ("zho", "cmn"),
];

pub(super) fn function() -> ScalarUDF {
    text_function("iso639_3", DataType::Utf8, |codes, _| {
        let mut found = StringBuilder::new();
        for code in codes {
            found.append_option(code.and_then(iso639_3));
        }
        Arc::new(found.finish())
    })
}

/// The label for a code of two or three letters; `None` if it is not a code.
fn iso639_3(code: &str) -> Option<&'static str> {
    let language = Language::from_639_1(code).or_else(|| Language::from_639_3(code))?;
    let code = language.to_639_3();
    let standard = STANDARD_LANGUAGES.iter().find(|(group, _)| *group == code);
    Some(standard.map_or(code, |(_, language)| language))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        let cases = [("en", "eng"), ("zh", "cmn"), ("deu", "deu"), ("ar", "arb"), ("no", "nob")];
        for (code, expected) in cases {
            assert_eq!(iso639_3(code), Some(expected));
        }
        assert_eq!(iso639_3("english"), None);
    }
}
