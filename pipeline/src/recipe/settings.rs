//! Checks the settings of the tokenizer, the shards and the model, so that errors appear before any
//! work.

use std::path::PathBuf;

use model::ModelError;
use tokenizer::TokenizerError;

use super::error::RecipeError;
use super::expand::expand;
use super::load::{Loader, nearest};
use super::tables::{PretrainTable, ShardsTable, TokenizerTable};

impl Loader<'_> {
    /// Checks the tokenizer's settings. Returns the tokenizer file, if the recipe names one.
    ///
    /// # Errors
    /// The file does not exist, or a setting is invalid.
    pub(super) fn tokenizer(
        &self,
        table: Option<&TokenizerTable>,
    ) -> Result<Option<PathBuf>, RecipeError> {
        let Some(table) = table else { return Ok(None) };
        let refused = |key: &str, message: String, help: &str| {
            self.document.error_at(&format!("tokenizer.{key}"), message, help)
        };
        if let Some(file) = &table.file {
            let expanded = expand(file).map_err(|name| {
                let help = "set it, or write the path without it";
                refused("file", format!("the variable {name} is not set"), help)
            })?;
            let path = PathBuf::from(self.rooted(&expanded));
            if !path.is_file() {
                let message = format!("{} is not a file", path.display());
                return Err(refused("file", message, "paths start from the recipe's folder"));
            }
            return Ok(Some(path));
        }
        table.train.validate().map_err(|error| match error {
            TokenizerError::InvalidConfig { field, .. } => {
                let help = "32768 suits a corpus of hundreds of megabytes";
                refused(field, error.to_string(), help)
            }
            other => self.document.error_at("tokenizer", other.to_string(), ""),
        })?;
        self.check_mix(table)?;
        Ok(None)
    }

    /// Checks the sizes of smaller vocabularies, the weights and the temperature.
    fn check_mix(&self, table: &TokenizerTable) -> Result<(), RecipeError> {
        let refused = |key: &str, message: String, help: &str| {
            Err(self.document.error_at(&format!("tokenizer.{key}"), message, help))
        };
        let vocab_size = table.train.vocab_size;
        let smallest = vocab_size - crate::tokens::merges(&table.train) as usize;
        if let Some(size) = table.also.iter().find(|s| !(smallest..vocab_size).contains(s)) {
            let message = format!("`also` has {size}, which is not a possible smaller size");
            let help = format!("give sizes from {smallest} to {}", vocab_size - 1);
            return refused("also", message, &help);
        }
        let weighs = |weight: &f64| (0.0..=1e9).contains(weight);
        if let Some((name, weight)) = table.weights.iter().find(|(_, weight)| !weighs(weight)) {
            let message = format!("the weight of `{name}` is {weight}");
            return refused("weights", message, "give a number of at least 0, such as 2.5");
        }
        let Some(temperature) = table.temperature else { return Ok(()) };
        if !(1.0..=100.0).contains(&temperature) {
            let message = format!("`temperature` is {temperature}");
            let help = "give 1 to keep the shares, or up to 100 to make them almost equal";
            return refused("temperature", message, help);
        }
        if !table.weights.is_empty() {
            let message = "both weights and a temperature are given".to_owned();
            return refused("temperature", message, "keep one of them");
        }
        Ok(())
    }

    /// Checks the settings of `[shards]`.
    ///
    /// # Errors
    /// A setting is out of range.
    pub(super) fn check_shards(&self, table: &ShardsTable) -> Result<(), RecipeError> {
        let refused = |key: &str, message: String, help: &str| {
            Err(self.document.error_at(&format!("shards.{key}"), message, help))
        };
        let fraction = table.validation_fraction;
        if !(0.0..=0.5).contains(&fraction) {
            let message = format!("`validation_fraction` is {fraction}, not 0 to 0.5");
            return refused("validation_fraction", message, "0.01 holds out 1 %");
        }
        for (key, value) in [
            ("sequence_length", table.sequence_length as u64),
            ("shard_tokens", table.shard_tokens),
        ] {
            if value < 2 {
                return refused(key, format!("`{key}` is {value}"), "give at least 2 tokens");
            }
        }
        Ok(())
    }

    /// Checks the settings of `[pretrain]`.
    ///
    /// # Errors
    /// There is no tokenizer, or a setting is invalid.
    pub(super) fn check_pretrain(
        &self,
        table: &PretrainTable,
        shards: &ShardsTable,
        has_tokenizer: bool,
    ) -> Result<(), RecipeError> {
        let refused = |key: &str, message: String, help: String| {
            Err(self.document.error_at(&format!("pretrain.{key}"), message, help))
        };
        if !has_tokenizer {
            let help = "add `[tokenizer]` with `vocab_size = 4096`";
            let message = "a model needs tokens, and the recipe has no tokenizer";
            return Err(self.document.error_at("pretrain", message, help));
        }
        let presets = model::PRESETS;
        if !presets.contains(&table.preset.as_str()) {
            let message = format!("there is no preset `{}`", table.preset);
            let help = nearest(&table.preset, presets.iter().copied()).map_or_else(
                || format!("presets are {}", presets.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return refused("preset", message, help);
        }
        // The vocabulary size is not known yet. Any size works to check the other keys.
        if let Err(message) = table.shape(1 << 15, shards.sequence_length) {
            let help = "its keys are dim, layers, heads, kv_heads, ffn_dim, tie_embeddings, \
                        qk_norm, rope_theta, norm_eps";
            return refused("model", message, help.into());
        }
        match table.train.validate() {
            Ok(()) => Ok(()),
            Err(ModelError::Config { field, value, way_out }) => {
                refused(field, format!("`{field}` is {value}"), way_out)
            }
            Err(other) => Err(self.document.error_at("pretrain", other.to_string(), "")),
        }
    }
}
