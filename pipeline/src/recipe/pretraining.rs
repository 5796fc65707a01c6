//! The shape of a recipe's model.

use model::ModelConfig;
use toml::Value;

use super::Recipe;
use super::error::RecipeError;
use super::tables::PretrainTable;

impl PretrainTable {
    /// The shape of the model: that of `[pretrain.model]`, or else the preset's. A training row has
    /// `context` tokens.
    ///
    /// # Errors
    /// A key is unknown or missing, or two values are incompatible. The message names them.
    pub fn shape(&self, vocab_size: usize, context: usize) -> Result<ModelConfig, String> {
        let mut config = match &self.model {
            Some(shape) => {
                let mut shape = shape.clone();
                if shape.contains_key("vocab_size") {
                    return Err("`vocab_size` follows from the tokenizer; remove it".into());
                }
                shape.insert("vocab_size".into(), Value::Integer(vocab_size as i64));
                let refused = |error: toml::de::Error| error.message().to_owned();
                Value::Table(shape).try_into().map_err(refused)?
            }
            None => ModelConfig::preset(&self.preset, vocab_size).map_err(|e| e.to_string())?,
        };
        config.context = context;
        config.validate().map_err(|e| e.to_string())?;
        Ok(config)
    }
}

impl Recipe {
    /// The shape of the model that `table` describes, for a vocabulary of `vocab_size` tokens.
    ///
    /// # Errors
    /// The shape does not fit the vocabulary.
    pub fn model_shape(
        &self,
        table: &PretrainTable,
        vocab_size: usize,
    ) -> Result<ModelConfig, RecipeError> {
        table.shape(vocab_size, self.shards.sequence_length).map_err(|message| {
            self.document.error(message, self.document.place_of("pretrain.model"), None)
        })
    }
}
