//! All barrier stages by name.

use std::sync::Arc;

use super::option::{OptionError, Options};
use super::stage::BarrierStage;
use super::{bloom, exact, lines, minhash, substrings};

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
pub(crate) fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(kind, _)| *kind)
}

/// Loads the barrier stage `kind`, or returns `None` if there is no such stage.
pub(crate) fn load(
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

    #[test]
    fn an_option_of_the_wrong_type_is_named() {
        let with = Options::from([
            ("against".into(), Value::Array(Vec::new())),
            ("index".into(), Value::from("yes")),
        ]);
        for kind in [exact::KIND, minhash::KIND] {
            assert_eq!(load(kind, &with).unwrap().unwrap_err().key, "index");
        }
    }
}
