//! The shape of a model: its fields, their checks, and the table that `MODEL.toml` holds.

use serde::{Deserialize, Serialize};

use crate::error::{ModelError, refuse};

/// The activation between the two halves of the feed-forward layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// `silu(gate) · up` (Shazeer 2020): Llama's, three matrices.
    #[default]
    Swiglu,
    /// `max(up, 0)²` (So et al. 2021): two matrices. No public format has a name for it, so such a
    /// model cannot be exported.
    Relu2,
}

/// The shape of a Llama-style decoder. With `qk_norm` it is Qwen3's.
///
/// As a table (`MODEL.toml`) it has these keys:
///
/// | key | default |
/// |---|---|
/// | `vocab_size`, `dim`, `layers`, `heads` | required |
/// | `kv_heads` | `heads` |
/// | `head_dim` | `dim / heads` |
/// | `ffn_dim` | 8/3 · `dim` (SwiGLU), up to a multiple of 32, or 4 · `dim` (ReLU²) |
/// | `activation` | `"swiglu"`; or `"relu2"` |
/// | `context` | 1024 |
/// | `tie_embeddings` | `true` |
/// | `qk_norm` | `false` |
/// | `rope_theta` | 10000 |
/// | `norm_eps` | 1e-5 |
/// | `logit_softcap` | 0, which is no cap |
///
/// ```
/// use model::ModelConfig;
///
/// let table = r#"{ "vocab_size": 300, "dim": 96, "layers": 2, "heads": 4 }"#;
/// let config: ModelConfig = serde_json::from_str(table)?;
/// assert_eq!((config.n_kv_heads, config.ffn_dim, config.context), (4, 256, 1024));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "ModelTable")]
pub struct ModelConfig {
    /// Number of token ids, including the padding of the embedding table.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub dim: usize,
    /// Number of decoder layers.
    #[serde(rename = "layers")]
    pub n_layers: usize,
    /// Number of query heads.
    #[serde(rename = "heads")]
    pub n_heads: usize,
    /// Number of key and value heads (grouped-query attention, Ainslie et al. 2023); it divides
    /// `n_heads`.
    #[serde(rename = "kv_heads")]
    pub n_kv_heads: usize,
    /// Width of one head; 0 stands for `dim / n_heads`. It is even, because RoPE pairs its
    /// components.
    pub head_dim: usize,
    /// Width of the feed-forward layer.
    pub ffn_dim: usize,
    /// Its activation.
    pub activation: Activation,
    /// Tokens in a training row, and in the longest sequence that the model reads.
    pub context: usize,
    /// Whether the output projection is the embedding table.
    pub tie_embeddings: bool,
    /// Whether each head of queries and keys goes through an RMSNorm before RoPE (Qwen3).
    pub qk_norm: bool,
    /// Base of the RoPE wavelengths (Su et al. 2021).
    pub rope_theta: f64,
    /// Added to the mean square in RMSNorm, so that it never divides by zero.
    pub norm_eps: f64,
    /// The `c` of `c · tanh(logits / c)` (Gemma 2, section 2); 0 leaves the logits alone.
    pub logit_softcap: f64,
}

/// A [`ModelConfig`] as a table writes it, before defaults and checks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelTable {
    vocab_size: usize,
    dim: usize,
    #[serde(alias = "n_layers")]
    layers: usize,
    #[serde(alias = "n_heads")]
    heads: usize,
    #[serde(alias = "n_kv_heads")]
    kv_heads: Option<usize>,
    #[serde(default)]
    head_dim: usize,
    ffn_dim: Option<usize>,
    #[serde(default)]
    activation: Activation,
    context: Option<usize>,
    tie_embeddings: Option<bool>,
    #[serde(default)]
    qk_norm: bool,
    rope_theta: Option<f64>,
    norm_eps: Option<f64>,
    #[serde(default)]
    logit_softcap: f64,
}

impl TryFrom<ModelTable> for ModelConfig {
    type Error = ModelError;

    fn try_from(table: ModelTable) -> Result<Self, ModelError> {
        let config = Self {
            vocab_size: table.vocab_size,
            dim: table.dim,
            n_layers: table.layers,
            n_heads: table.heads,
            n_kv_heads: table.kv_heads.unwrap_or(table.heads),
            head_dim: table.head_dim,
            ffn_dim: table.ffn_dim.unwrap_or_else(|| default_ffn_dim(table.dim, table.activation)),
            activation: table.activation,
            context: table.context.unwrap_or(1024),
            tie_embeddings: table.tie_embeddings.unwrap_or(true),
            qk_norm: table.qk_norm,
            rope_theta: table.rope_theta.unwrap_or(10_000.0),
            norm_eps: table.norm_eps.unwrap_or(1e-5),
            logit_softcap: table.logit_softcap,
        };
        config.validate()?;
        Ok(config)
    }
}

/// The width with which SwiGLU has about as many parameters as a layer of two matrices and a width
/// of `4 · dim` (Shazeer 2020, section 3.1), rounded up to a multiple of 32. ReLU² is such a
/// layer.
pub(crate) fn default_ffn_dim(dim: usize, activation: Activation) -> usize {
    match activation {
        Activation::Swiglu => (dim.saturating_mul(8) / 3).next_multiple_of(32),
        Activation::Relu2 => dim.saturating_mul(4),
    }
}

impl ModelConfig {
    /// Checks that every value is allowed and that the fields fit together.
    ///
    /// # Errors
    /// The first key whose value is not allowed, with that value and the allowed ones.
    pub fn validate(&self) -> Result<(), ModelError> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("dim", self.dim),
            ("layers", self.n_layers),
            ("heads", self.n_heads),
            ("kv_heads", self.n_kv_heads),
            ("ffn_dim", self.ffn_dim),
            ("context", self.context),
        ];
        for (field, value) in sizes {
            if value == 0 || value > 1 << 24 {
                return Err(refuse(field, value, "it must be between 1 and 16,777,216"));
            }
        }
        if self.head_dim == 0 && !self.dim.is_multiple_of(2 * self.n_heads) {
            let way_out = format!(
                "it must be a multiple of 2 * `heads` = {}, or give an even `head_dim`",
                2 * self.n_heads
            );
            return Err(refuse("dim", self.dim, &way_out));
        }
        if self.head_dim % 2 == 1 || self.head_dim > 1 << 16 {
            return Err(refuse("head_dim", self.head_dim, "it must be even, usually 64 or 128"));
        }
        if !self.n_heads.is_multiple_of(self.n_kv_heads) {
            let way_out = format!("it must divide `heads` = {}", self.n_heads);
            return Err(refuse("kv_heads", self.n_kv_heads, &way_out));
        }
        self.validate_reals()
    }

    fn validate_reals(&self) -> Result<(), ModelError> {
        if !(self.rope_theta.is_finite() && self.rope_theta > 1.0) {
            return Err(refuse("rope_theta", self.rope_theta, "it must be above 1, usually 10000"));
        }
        if !(self.norm_eps > 0.0 && self.norm_eps < 1.0) {
            return Err(refuse("norm_eps", self.norm_eps, "it must be in (0, 1), usually 1e-5"));
        }
        if !(self.logit_softcap >= 0.0 && self.logit_softcap.is_finite()) {
            let way_out = "it must be at least 0 (no cap), usually 15 to 30";
            return Err(refuse("logit_softcap", self.logit_softcap, way_out));
        }
        Ok(())
    }

    /// Width of one head.
    pub(crate) fn head_dim(&self) -> usize {
        if self.head_dim == 0 { self.dim / self.n_heads } else { self.head_dim }
    }

    /// Width of all query heads.
    pub(crate) fn q_dim(&self) -> usize {
        self.n_heads * self.head_dim()
    }

    /// Width of all key heads, and of all value heads.
    pub(crate) fn kv_dim(&self) -> usize {
        self.n_kv_heads * self.head_dim()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<ModelConfig, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_table_needs_four_keys_and_comes_back_as_it_was() {
        let config =
            table(r#"{"vocab_size": 300, "dim": 96, "layers": 2, "heads": 4, "qk_norm": true}"#);
        let config = config.unwrap();
        assert_eq!((config.n_kv_heads, config.head_dim(), config.ffn_dim), (4, 24, 256));
        assert!(config.tie_embeddings && config.qk_norm);
        assert_eq!(table(&serde_json::to_string(&config).unwrap()).unwrap(), config);
    }

    #[test]
    fn an_unusable_value_is_named_with_a_way_out() {
        let error = table(r#"{"vocab_size":9,"dim":64,"layers":2,"heads":4,"kv_heads":3}"#);
        assert!(error.unwrap_err().contains("`kv_heads` is 3: it must divide `heads` = 4"));
        let error = table(r#"{"vocab_size":9,"dim":64,"layer":2,"heads":4}"#).unwrap_err();
        assert!(error.contains("unknown field `layer`"), "{error}");
        let error = table(r#"{"vocab_size":9,"dim":36,"layers":2,"heads":4}"#).unwrap_err();
        assert!(error.contains("`dim` is 36: it must be a multiple of 2 * `heads` = 8"), "{error}");
    }
}
