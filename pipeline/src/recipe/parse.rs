//! Parses a recipe's text into its tables. Errors have a place.

use std::collections::BTreeMap;

use model::TrainConfig;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IntoDeserializer as _};
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::{Spanned, Table};

use super::document::Document;
use super::error::RecipeError;
use super::tables::{PretrainTable, RecipeTables, TokenizerTable};

/// Reads the tables of a recipe.
///
/// Two sections contain the configuration of a trainer together with keys of the recipe. Each is
/// split by its keys before it is read, because serde's `flatten` loses the places and accepts
/// unknown keys.
///
/// # Errors
/// The text is not TOML, a key is unknown, or a value has the wrong type.
pub(super) fn parse(document: &Document) -> Result<RecipeTables, RecipeError> {
    let mut root = DeTable::parse(&document.text).map_err(|e| document.toml_error(&e))?;
    let tokenizer = root.get_mut().remove("tokenizer");
    let pretrain = root.get_mut().remove("pretrain");
    let mut tables = RecipeTables::deserialize(root.into_deserializer())
        .map_err(|error| document.unknown_key_error(&error, &["tokenizer", "pretrain"]))?;
    tables.tokenizer = tokenizer.map(|section| parse_tokenizer(document, section)).transpose()?;
    let seed = tables.run.seed;
    tables.pretrain =
        pretrain.map(|section| parse_pretrain(document, section, seed)).transpose()?;
    Ok(tables)
}

/// The keys of `[tokenizer]` that are not the trainer's.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TokenizerKeys {
    file: Option<String>,
    also: Vec<usize>,
    by: String,
    weights: BTreeMap<String, f64>,
    temperature: Option<f64>,
}

impl Default for TokenizerKeys {
    fn default() -> Self {
        let TokenizerTable { file, also, by, weights, temperature, .. } = TokenizerTable::default();
        Self { file, also, by, weights, temperature }
    }
}

fn parse_tokenizer(
    document: &Document,
    mut section: Spanned<DeValue<'_>>,
) -> Result<TokenizerTable, RecipeError> {
    let names = ["file", "also", "by", "weights", "temperature"];
    let keys: TokenizerKeys = take_keys(document, &mut section, &names)?;
    let train = read_rest(document, section, &names)?;
    let TokenizerKeys { file, also, by, weights, temperature } = keys;
    Ok(TokenizerTable { file, train, also, by, weights, temperature })
}

/// The keys of `[pretrain]` that are not the trainer's.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PretrainKeys {
    preset: String,
    model: Option<Table>,
    prompt: String,
}

impl Default for PretrainKeys {
    fn default() -> Self {
        let PretrainTable { preset, model, prompt, .. } = PretrainTable::default();
        Self { preset, model, prompt }
    }
}

fn parse_pretrain(
    document: &Document,
    mut section: Spanned<DeValue<'_>>,
    run_seed: u64,
) -> Result<PretrainTable, RecipeError> {
    let names = ["preset", "model", "prompt"];
    let PretrainKeys { preset, model, prompt } = take_keys(document, &mut section, &names)?;
    let has_seed = section.get_ref().get("seed").is_some();
    let mut train: TrainConfig = read_rest(document, section, &names)?;
    if !has_seed {
        train.seed = run_seed;
    }
    Ok(PretrainTable { preset, model, train, prompt })
}

/// Removes `keys` from a section and reads them as a `T`.
fn take_keys<T: DeserializeOwned>(
    document: &Document,
    section: &mut Spanned<DeValue<'_>>,
    keys: &[&str],
) -> Result<T, RecipeError> {
    let span = section.span();
    let mut taken = DeTable::new();
    if let DeValue::Table(table) = section.get_mut() {
        for key in keys {
            taken.extend(table.remove_entry(*key));
        }
    }
    let taken = Spanned::new(span, taken);
    T::deserialize(taken.into_deserializer()).map_err(|error| document.toml_error(&error))
}

/// Reads the rest of a section. `known` are the keys that were removed; they are suggested for
/// misspelt keys, too.
fn read_rest<T: DeserializeOwned>(
    document: &Document,
    section: Spanned<DeValue<'_>>,
    known: &[&str],
) -> Result<T, RecipeError> {
    T::deserialize(ValueDeserializer::from(section))
        .map_err(|error| document.unknown_key_error(&error, known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<RecipeTables, RecipeError> {
        parse(&Document { file: "recipe.toml".into(), text: text.into() })
    }

    /// The text at the place of an error, and its help.
    fn refused(text: &str) -> (String, String) {
        let error = parsed(text).unwrap_err();
        let span = error.span.unwrap_or_else(|| panic!("{} has no place", error.message));
        (text[span].to_owned(), error.help.unwrap_or_default())
    }

    #[test]
    fn sections_hold_a_trainers_settings_beside_keys_of_the_recipe() {
        let tables = parsed(
            "[tokenizer]\nvocab_size = 1000\nalso = [500]\nmin_frequency = 3\n\
             [pretrain]\nprompt = \"It\"\nsteps = 7\nclip_norm = 0.5\nmodel = { dim = 8 }\n",
        )
        .unwrap();
        let tokenizer = tables.tokenizer.unwrap();
        assert_eq!((tokenizer.train.vocab_size, tokenizer.train.min_frequency), (1000, 3));
        assert_eq!(tokenizer.also, [500]);
        let pretrain = tables.pretrain.unwrap();
        assert_eq!((pretrain.train.steps, pretrain.train.clip_norm), (7, 0.5));
        assert_eq!(pretrain.prompt, "It");
        assert!(pretrain.model.unwrap().contains_key("dim"));
    }

    #[test]
    fn what_is_not_written_has_the_trainers_defaults() {
        let tables = parsed("[tokenizer]\n[pretrain]\n").unwrap();
        assert_eq!(tables.tokenizer.unwrap().train, tokenizer::TrainConfig::default());
        assert_eq!(tables.pretrain.unwrap().train, TrainConfig::default());
    }

    #[test]
    fn the_runs_seed_is_the_models_unless_it_has_one() {
        let seed = |text: &str| parsed(text).unwrap().pretrain.unwrap().train.seed;
        assert_eq!(seed("[run]\nseed = 5\n[pretrain]\n"), 5);
        assert_eq!(seed("[run]\nseed = 5\n[pretrain]\nseed = 0\n"), 0);
    }

    #[test]
    fn misspelt_keys_are_placed_and_the_right_one_is_suggested() {
        for (text, at, near) in [
            ("[tokenizer]\nvocab_sise = 1\n", "vocab_sise", "vocab_size"),
            ("[tokenizer]\nweigths = {}\n", "weigths", "weights"),
            ("[pretrain]\nstep = 1\n", "step", "steps"),
            ("[pretrain]\npromt = 1\n", "promt", "prompt"),
            ("[run]\nseeed = 1\n", "seeed", "seed"),
            ("[pretrian]\n", "pretrian", "pretrain"),
        ] {
            let (place, help) = refused(text);
            assert_eq!((place.as_str(), help), (at, format!("did you mean `{near}`?")), "{text}");
        }
    }

    #[test]
    fn a_value_of_the_wrong_type_is_placed() {
        assert_eq!(refused("[tokenizer]\nvocab_size = \"many\"\n").0, "\"many\"");
        assert_eq!(refused("[tokenizer]\nalso = 5\n").0, "5");
        assert_eq!(refused("[pretrain]\nsteps = 1.5\n").0, "1.5");
        assert_eq!(refused("[pretrain]\noptimizer = \"sgd\"\n").0, "\"sgd\"");
    }
}
