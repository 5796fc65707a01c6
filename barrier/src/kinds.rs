//! All barrier stages by name.

use std::sync::Arc;

use crate::option::{OptionError, Options};
use crate::stage::BarrierStage;
use crate::{bloom, exact, lines, minhash, substrings};

type Load = fn(&Options) -> std::result::Result<Arc<dyn BarrierStage>, OptionError>;

/// All barrier stages: the name that recipes use, and the function that loads the options.
const KINDS: [(&str, Load); 5] = [
    (exact::KIND, exact::load),
    (bloom::KIND, bloom::load),
    (minhash::KIND, minhash::load),
    (lines::KIND, lines::load),
    (substrings::KIND, substrings::load),
];

/// The names of all barrier stages.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(kind, _)| *kind)
}

/// Loads the barrier stage `kind`, or returns `None` if there is no such stage.
///
/// # Errors
/// An option is unknown, has the wrong type or is out of range.
pub fn load(
    kind: &str,
    with: &Options,
) -> Option<std::result::Result<Arc<dyn BarrierStage>, OptionError>> {
    let (_, load) = KINDS.iter().find(|(name, _)| *name == kind)?;
    Some(load(with))
}

#[cfg(test)]
mod tests {
    use toml::Value;

    use super::*;

    #[test]
    fn every_kind_loads_with_its_defaults_and_keeps_its_name() {
        for kind in kinds() {
            let stage = load(kind, &Options::new()).unwrap().unwrap();
            assert_eq!(stage.kind(), kind);
        }
        assert!(load("language", &Options::new()).is_none());
    }

    #[test]
    fn resolved_options_load_to_the_same_options() {
        for kind in kinds() {
            let first = load(kind, &Options::new()).unwrap().unwrap().options().unwrap();
            let with: Options = first.clone().into_iter().collect();
            let second = load(kind, &with).unwrap().unwrap().options().unwrap();
            assert_eq!(first, second, "{kind}");
        }
    }

    /// The key and the help of the refusal of one option.
    fn refusal(kind: &str, key: &str, value: impl Into<Value>) -> (String, String) {
        let error = load(kind, &Options::from([(key.into(), value.into())])).unwrap().unwrap_err();
        (error.key, error.help)
    }

    #[test]
    fn an_option_of_the_wrong_type_is_named_among_right_ones() {
        let with = Options::from([
            ("against".into(), Value::Array(Vec::new())),
            ("index".into(), Value::from("yes")),
        ]);
        for kind in [exact::KIND, minhash::KIND] {
            assert_eq!(load(kind, &with).unwrap().unwrap_err().key, "index");
        }
    }

    #[test]
    fn an_unknown_option_is_answered_with_the_nearest_or_with_all() {
        let (key, help) = refusal(lines::KIND, "max_document", 3);
        assert_eq!(
            (key.as_str(), help.as_str()),
            ("max_document", "did you mean `max_documents`?")
        );
        let (_, help) = refusal(substrings::KIND, "colour", "red");
        assert!(help.contains("min_tokens") && help.contains("keep_first"), "{help}");
    }

    #[test]
    fn an_option_out_of_range_is_named() {
        for (kind, key, value) in [
            (lines::KIND, "max_documents", Value::from(0)),
            (lines::KIND, "run_units", Value::from(0)),
            (substrings::KIND, "min_tokens", Value::from(7)),
            (bloom::KIND, "false_positive_rate", Value::from(1.5)),
            (minhash::KIND, "threshold", Value::from(0.0)),
        ] {
            let (found, help) = refusal(kind, key, value);
            assert_eq!(found, key);
            assert!(!help.is_empty());
        }
    }
}
