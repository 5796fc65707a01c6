//! The shape of a model: its fields, presets, number of parameters and Hugging Face `config.json`.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::ModelError;

/// Names of the presets, smallest first.
pub const PRESETS: [&str; 4] = ["tiny", "mini", "small", "base"];

/// The shape of a Llama-style decoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Number of token ids, the padding of the embedding table included.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub dim: usize,
    /// Number of decoder layers.
    pub n_layers: usize,
    /// Number of query heads; `dim / n_heads` is the width of a head and must be even (RoPE pairs it).
    pub n_heads: usize,
    /// Number of key and value heads (grouped-query attention, Ainslie et al. 2023); divides `n_heads`.
    pub n_kv_heads: usize,
    /// Width of the SwiGLU layer.
    pub ffn_dim: usize,
    /// Tokens in a training row, and the longest sequence the model is meant for.
    pub context: usize,
    /// Whether the output projection is the embedding table.
    pub tie_embeddings: bool,
    /// Base of the RoPE wavelengths (Su et al. 2021).
    pub rope_theta: f64,
    /// Added to the mean square in RMSNorm.
    pub norm_eps: f64,
}

impl ModelConfig {
    /// A preset by name. Parameters without the embedding table: `tiny` 0.7 M, `mini` 4.4 M, `small` 24 M,
    /// `base` 85 M (with a vocabulary of 50,304 it is GPT-2's 124 M). All of them tie the embeddings.
    ///
    /// # Errors
    /// An unknown name, or a vocabulary of zero.
    pub fn preset(name: &str, vocab_size: usize) -> Result<Self, ModelError> {
        let (dim, n_layers, n_heads, n_kv_heads, ffn_dim, context) = match name {
            "tiny" => (128, 4, 4, 2, 352, 256),
            "mini" => (256, 6, 4, 2, 704, 512),
            "small" => (512, 8, 8, 4, 1408, 1024),
            "base" => (768, 12, 12, 12, 2048, 1024),
            _ => {
                return Err(refuse("preset", name, &format!("give one of {}", PRESETS.join(", "))));
            }
        };
        let config = Self {
            vocab_size,
            dim,
            n_layers,
            n_heads,
            n_kv_heads,
            ffn_dim,
            context,
            tie_embeddings: true,
            rope_theta: 10_000.0,
            norm_eps: 1e-5,
        };
        config.validate()?;
        Ok(config)
    }

    /// Checks that the fields fit together.
    ///
    /// # Errors
    /// The first field that cannot be used, its value, and what would do.
    pub fn validate(&self) -> Result<(), ModelError> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("dim", self.dim),
            ("n_layers", self.n_layers),
            ("n_heads", self.n_heads),
            ("n_kv_heads", self.n_kv_heads),
            ("ffn_dim", self.ffn_dim),
            ("context", self.context),
        ];
        for (field, value) in sizes {
            if value == 0 || value > 1 << 24 {
                return Err(refuse(field, value, "it must be between 1 and 16,777,216"));
            }
        }
        if !self.dim.is_multiple_of(2 * self.n_heads) {
            let way_out = format!("it must be a multiple of 2 * `n_heads` = {}", 2 * self.n_heads);
            return Err(refuse("dim", self.dim, &way_out));
        }
        if !self.n_heads.is_multiple_of(self.n_kv_heads) {
            let way_out = format!("it must divide `n_heads` = {}", self.n_heads);
            return Err(refuse("n_kv_heads", self.n_kv_heads, &way_out));
        }
        if !(self.rope_theta.is_finite() && self.rope_theta > 1.0) {
            return Err(refuse("rope_theta", self.rope_theta, "it must be above 1, usually 10000"));
        }
        if !(self.norm_eps > 0.0 && self.norm_eps < 1.0) {
            return Err(refuse("norm_eps", self.norm_eps, "it must be in (0, 1), usually 1e-5"));
        }
        Ok(())
    }

    /// Width of one head.
    pub fn head_dim(&self) -> usize {
        self.dim / self.n_heads
    }

    /// Number of trainable parameters; tied embeddings count once.
    pub fn n_parameters(&self) -> usize {
        let kv_dim = self.n_kv_heads * self.head_dim();
        let attention = 2 * self.dim * self.dim + 2 * self.dim * kv_dim;
        let layer = attention + 3 * self.dim * self.ffn_dim + 2 * self.dim;
        let tables = if self.tie_embeddings { 1 } else { 2 };
        self.n_layers * layer + self.dim + tables * self.vocab_size * self.dim
    }

    /// The `config.json` with which `transformers` loads `model.safetensors` as `LlamaForCausalLM`.
    pub fn hf_config_json(&self) -> String {
        let config = json!({
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "vocab_size": self.vocab_size,
            "hidden_size": self.dim,
            "intermediate_size": self.ffn_dim,
            "num_hidden_layers": self.n_layers,
            "num_attention_heads": self.n_heads,
            "num_key_value_heads": self.n_kv_heads,
            "head_dim": self.head_dim(),
            "max_position_embeddings": self.context,
            "hidden_act": "silu",
            "rms_norm_eps": self.norm_eps,
            "rope_theta": self.rope_theta,
            "rope_scaling": null,
            "attention_bias": false,
            "attention_dropout": 0.0,
            "mlp_bias": false,
            "tie_word_embeddings": self.tie_embeddings,
            "initializer_range": 0.02,
            "bos_token_id": null,
            "eos_token_id": null,
            "use_cache": true,
            "torch_dtype": "float32",
        });
        format!("{config:#}\n")
    }
}

/// The error for a value that cannot be used.
pub(crate) fn refuse(
    field: &'static str,
    value: impl std::fmt::Display,
    way_out: &str,
) -> ModelError {
    ModelError::Config { field, value: format!("{value}"), way_out: way_out.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_have_the_sizes_their_documentation_says() {
        let without_table = |name| {
            let config = ModelConfig::preset(name, 1).unwrap();
            config.n_parameters() - config.dim
        };
        assert_eq!(PRESETS.map(without_table).map(|n| n / 100_000), [7, 44, 236, 849]);
        assert_eq!(ModelConfig::preset("base", 50_304).unwrap().n_parameters() / 1_000_000, 123);
    }

    #[test]
    fn an_unusable_value_is_named_with_a_way_out() {
        let config = ModelConfig { n_kv_heads: 3, ..ModelConfig::preset("tiny", 256).unwrap() };
        let message = config.validate().unwrap_err().to_string();
        assert_eq!(message, "`n_kv_heads` is 3: it must divide `n_heads` = 4");
        assert!(
            ModelConfig::preset("huge", 256)
                .unwrap_err()
                .to_string()
                .contains("tiny, mini, small, base")
        );
    }
}
