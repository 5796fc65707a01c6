//! What a recipe's `[pretrain]` asks for, in the model's terms.

use model::{ModelConfig, TrainConfig};
use toml::Value;

use super::PretrainTable;

impl PretrainTable {
    /// The shape of the model: that of `[pretrain.model]`, else the preset's.
    ///
    /// # Errors
    /// Says which key a shape does not have or lacks, or which value does not go with the others.
    pub fn shape(&self, vocab_size: usize, context: usize) -> Result<ModelConfig, String> {
        let mut config = match &self.model {
            Some(shape) => {
                let mut shape = shape.clone();
                if shape.contains_key("vocab_size") {
                    return Err("`vocab_size` follows from the tokenizer; leave it out".into());
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

    /// The settings of the run.
    pub fn settings(&self, seed: u64) -> TrainConfig {
        TrainConfig {
            steps: self.steps,
            batch_size: self.batch_size,
            micro_batch_size: self.micro_batch_size,
            optimizer: self.optimizer,
            learning_rate: self.learning_rate,
            schedule: self.schedule,
            warmup_steps: self.warmup_steps.min(self.steps),
            weight_decay: self.weight_decay,
            z_loss: self.z_loss,
            recompute: self.recompute,
            spike_skip: self.spike_skip,
            eval_every: self.eval_every,
            eval_batches: self.eval_batches,
            checkpoint_every: self.checkpoint_every,
            seed,
            device: self.device.clone(),
            ..TrainConfig::default()
        }
    }
}
