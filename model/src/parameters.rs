//! The parameters of a model: named as in Hugging Face's Llama, in a fixed order, seeded by name.

use candle_core::{DType, Device, Tensor, Var};

use crate::config::{Activation, ModelConfig};
use crate::error::ModelError;
use crate::random::{normals, random_for};
use crate::tensors::{read_tensors, write_tensors};

/// Standard deviation of the initial weights (GPT-2's and Llama's).
pub(crate) const INIT_STANDARD_DEVIATION: f64 = 0.02;

/// Name of the embedding table.
pub(crate) const EMBEDDING: &str = "model.embed_tokens.weight";

/// Name of the output projection. A model that ties it to the embedding table has none.
pub(crate) const OUTPUT: &str = "lm_head.weight";

/// Trainable tensors with their names, in the order of the forward pass.
#[derive(Clone, Debug)]
pub struct Parameters(Vec<(String, Var)>);

impl Parameters {
    /// Fresh parameters: normal weights with [`INIT_STANDARD_DEVIATION`], divided by √(2 ·
    /// layers) where a projection writes to the residual stream (GPT-2, section 2.3), and ones for
    /// the norms. The numbers of a parameter depend only on `seed` and on its name.
    ///
    /// # Errors
    /// Memory runs out.
    pub(crate) fn init(
        config: &ModelConfig,
        seed: u64,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let residual = INIT_STANDARD_DEVIATION / (2.0 * config.n_layers as f64).sqrt();
        let variable = |(name, shape): (String, Vec<usize>)| {
            let count = shape.iter().product();
            let values = if shape.len() == 1 {
                vec![1.0; count]
            } else {
                let writes_residual = name.contains(".o_proj.") || name.contains(".down_proj.");
                let deviation = if writes_residual { residual } else { INIT_STANDARD_DEVIATION };
                normals(&mut random_for(seed, &name), count, deviation)
            };
            Ok((name, Var::from_vec(values, shape, device)?))
        };
        shapes(config).into_iter().map(variable).collect::<Result<_, _>>().map(Self)
    }

    /// Reads the parameters back from the bytes of a `model.safetensors`.
    ///
    /// # Errors
    /// A parameter is missing, or its shape or type is not the one that `config` gives.
    pub fn from_safetensors(
        config: &ModelConfig,
        bytes: &[u8],
        device: &Device,
    ) -> Result<Self, ModelError> {
        let wanted = shapes(config);
        let names = wanted.iter().map(|(name, shape)| (name.as_str(), shape.as_slice()));
        let tensors = read_tensors("model.safetensors", bytes, names)?;
        let variables = wanted.into_iter().zip(tensors).map(|((name, shape), values)| {
            Ok::<_, ModelError>((name, Var::from_vec(values, shape, device)?))
        });
        variables.collect::<Result<_, _>>().map(Self)
    }

    /// Parameters with the given values.
    pub(crate) fn from_tensors(
        named: Vec<(String, Tensor)>,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let variable = |(name, tensor): (String, Tensor)| {
            Ok((name, Var::from_tensor(&tensor.to_device(device)?)?))
        };
        named.into_iter().map(variable).collect::<Result<_, _>>().map(Self)
    }

    /// The same values in another type, such as f64 to check gradients.
    ///
    /// # Errors
    /// Memory runs out.
    pub fn to_dtype(&self, dtype: DType) -> Result<Self, ModelError> {
        let variable = |(name, variable): &(String, Var)| {
            let tensor = variable.as_tensor().to_dtype(dtype)?;
            Ok((name.clone(), Var::from_tensor(&tensor)?))
        };
        self.0.iter().map(variable).collect::<Result<_, _>>().map(Self)
    }

    /// The bytes of a `model.safetensors`.
    ///
    /// # Errors
    /// Memory runs out.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, ModelError> {
        write_tensors(
            "model.safetensors",
            self.iter().map(|(name, variable)| (name.to_owned(), variable.as_tensor())),
        )
    }

    /// Names and variables, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Var)> {
        self.0.iter().map(|(name, variable)| (name.as_str(), variable))
    }

    /// The tensor called `name`. It shares memory and gradient with its variable.
    pub(crate) fn tensor(&self, name: &str) -> Result<Tensor, ModelError> {
        let found = self.0.iter().find(|(candidate, _)| candidate == name);
        found.map(|(_, variable)| variable.as_tensor().clone()).ok_or_else(|| {
            ModelError::BadCheckpoint {
                file: "model.safetensors".into(),
                reason: format!("`{name}` is missing"),
            }
        })
    }
}

/// Name and shape of every parameter, in the order of the forward pass.
pub(crate) fn shapes(config: &ModelConfig) -> Vec<(String, Vec<usize>)> {
    let (dim, ffn) = (config.dim, config.ffn_dim);
    let (q_dim, kv_dim, head_dim) = (config.q_dim(), config.kv_dim(), config.head_dim());
    let mut shapes = vec![(EMBEDDING.to_owned(), vec![config.vocab_size, dim])];
    for layer in 0..config.n_layers {
        let mut add = |name: &str, shape: &[usize]| {
            shapes.push((format!("model.layers.{layer}.{name}.weight"), shape.to_vec()));
        };
        add("input_layernorm", &[dim]);
        add("self_attn.q_proj", &[q_dim, dim]);
        add("self_attn.k_proj", &[kv_dim, dim]);
        add("self_attn.v_proj", &[kv_dim, dim]);
        add("self_attn.o_proj", &[dim, q_dim]);
        if config.qk_norm {
            add("self_attn.q_norm", &[head_dim]);
            add("self_attn.k_norm", &[head_dim]);
        }
        add("post_attention_layernorm", &[dim]);
        if config.activation == Activation::Swiglu {
            add("mlp.gate_proj", &[ffn, dim]);
        }
        add("mlp.up_proj", &[ffn, dim]);
        add("mlp.down_proj", &[dim, ffn]);
    }
    shapes.push(("model.norm.weight".to_owned(), vec![dim]));
    if !config.tie_embeddings {
        shapes.push((OUTPUT.to_owned(), vec![config.vocab_size, dim]));
    }
    shapes
}

impl ModelConfig {
    /// Number of trainable parameters; tied embeddings count once.
    pub fn n_parameters(&self) -> usize {
        let shapes = shapes(self);
        shapes.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }
}
