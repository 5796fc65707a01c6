//! Presets: shapes with a name, and the shape that follows from a depth.

use crate::config::{Activation, ModelConfig, default_ffn_dim};
use crate::error::{ModelError, refuse};

/// Names of the presets, from small to large.
///
/// | preset | parameters without the embedding table | dim | layers | heads (kv) | ffn | context |
/// |---|---|---|---|---|---|---|
/// | `tiny` | 0.7 M | 128 | 4 | 4 (2) | 352 | 256 |
/// | `mini` | 4.4 M | 256 | 6 | 4 (2) | 704 | 512 |
/// | `small` | 24 M | 512 | 8 | 8 (4) | 1408 | 1024 |
/// | `base` | 85 M | 768 | 12 | 12 (12) | 2048 | 1024 |
/// | `medium` | 283 M | 1024 | 24 | 16 (8) | 2816 | 2048 |
/// | `large` | 623 M | 1536 | 24 | 16 (8) | 4096 | 2048 |
/// | `1b` | 973 M | 2048 | 16 | 32 (8) | 8192 | 2048 |
///
/// With a vocabulary of 4,096 `tiny` has 1.2 M parameters; with 50,304 `base` is GPT-2's 124 M;
/// `1b` has the layers of Llama 3.2 1B. All presets tie the embeddings.
pub const PRESETS: [&str; 7] = ["tiny", "mini", "small", "base", "medium", "large", "1b"];

/// In a model made from its depth: the width of the residual stream per layer, and of each head.
const WIDTH_PER_LAYER: usize = 64;

impl ModelConfig {
    /// A preset by name: one of [`PRESETS`], or `dN` for a model of N layers whose other sizes
    /// follow from N (nanochat's rule: a width of 64 per layer, heads of width 64).
    ///
    /// # Errors
    /// The name is unknown, or the vocabulary is empty.
    ///
    /// ```
    /// let config = model::ModelConfig::preset("base", 50_304)?;
    /// assert_eq!(config.n_parameters(), 123_587_328);
    /// # Ok::<(), model::ModelError>(())
    /// ```
    pub fn preset(name: &str, vocab_size: usize) -> Result<Self, ModelError> {
        let config = preset(name, vocab_size)?;
        config.validate()?;
        Ok(config)
    }

    /// A model of `depth` layers whose other sizes follow from the depth.
    ///
    /// # Errors
    /// The depth is 0 or above 256, or the vocabulary is empty.
    pub(crate) fn from_depth(depth: usize, vocab_size: usize) -> Result<Self, ModelError> {
        if !(1..=256).contains(&depth) {
            return Err(refuse("depth", depth, "give 1 to 256"));
        }
        let config = from_depth(depth, vocab_size);
        config.validate()?;
        Ok(config)
    }
}

impl Default for ModelConfig {
    /// The preset `tiny` with a vocabulary of the 256 bytes.
    fn default() -> Self {
        tiny(256)
    }
}

fn preset(name: &str, vocab_size: usize) -> Result<ModelConfig, ModelError> {
    let (dim, n_layers, n_heads, n_kv_heads, ffn_dim, context) = match name {
        "tiny" => return Ok(tiny(vocab_size)),
        "mini" => (256, 6, 4, 2, 704, 512),
        "small" => (512, 8, 8, 4, 1408, 1024),
        "base" => (768, 12, 12, 12, 2048, 1024),
        "medium" => (1024, 24, 16, 8, 2816, 2048),
        "large" => (1536, 24, 16, 8, 4096, 2048),
        "1b" => (2048, 16, 32, 8, 8192, 2048),
        _ => {
            if let Some(depth) = name.strip_prefix('d').and_then(|depth| depth.parse().ok()) {
                return ModelConfig::from_depth(depth, vocab_size);
            }
            let way_out = format!("give one of {}, or d12 for a depth of 12", PRESETS.join(", "));
            return Err(refuse("preset", name, &way_out));
        }
    };
    let tiny = tiny(vocab_size);
    Ok(ModelConfig { dim, n_layers, n_heads, n_kv_heads, ffn_dim, context, ..tiny })
}

/// The smallest preset.
fn tiny(vocab_size: usize) -> ModelConfig {
    ModelConfig {
        vocab_size,
        dim: 128,
        n_layers: 4,
        n_heads: 4,
        n_kv_heads: 2,
        head_dim: 0,
        ffn_dim: 352,
        activation: Activation::Swiglu,
        context: 256,
        tie_embeddings: true,
        qk_norm: false,
        rope_theta: 10_000.0,
        norm_eps: 1e-5,
        logit_softcap: 0.0,
    }
}

fn from_depth(depth: usize, vocab_size: usize) -> ModelConfig {
    let dim = WIDTH_PER_LAYER * depth;
    ModelConfig {
        dim,
        n_layers: depth,
        n_heads: depth,
        n_kv_heads: depth,
        ffn_dim: default_ffn_dim(dim, Activation::Swiglu),
        context: if depth < 8 { 512 } else { 2048 },
        ..tiny(vocab_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_have_the_sizes_their_documentation_says() {
        let without_table = |name| {
            let config = ModelConfig::preset(name, 1).unwrap();
            (config.n_parameters() - config.dim) / 100_000
        };
        assert_eq!(PRESETS.map(without_table), [7, 44, 236, 849, 2831, 6229, 9731]);
        assert_eq!(ModelConfig::preset("base", 50_304).unwrap().n_parameters() / 1_000_000, 123);
        let d12 = ModelConfig::preset("d12", 1).unwrap();
        assert_eq!((d12.dim, d12.n_layers, d12.n_heads, d12.ffn_dim), (768, 12, 12, 2048));
        let error = ModelConfig::preset("huge", 256).unwrap_err().to_string();
        assert!(error.contains("tiny, mini, small, base"), "{error}");
    }
}
