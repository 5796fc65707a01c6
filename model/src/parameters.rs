//! The parameters of a model: named as Hugging Face's Llama names them, in a fixed order, seeded by name.

use candle_core::{Device, Tensor, Var};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::{ModelConfig, ModelError, random};

/// Standard deviation of the initial weights (GPT-2's and Llama's).
pub const INIT_STANDARD_DEVIATION: f64 = 0.02;

/// Name of the embedding table.
pub const EMBEDDING: &str = "model.embed_tokens.weight";

/// Name of the output projection of a model that does not tie it to the embedding.
pub const OUTPUT: &str = "lm_head.weight";

/// Trainable tensors with their names, in the order of the forward pass.
#[derive(Clone, Debug)]
pub struct Parameters(Vec<(String, Var)>);

impl Parameters {
    /// Normal weights with [`INIT_STANDARD_DEVIATION`], divided by √(2 · layers) where a projection writes to
    /// the residual stream (GPT-2, section 2.3), and ones for the norms. Each parameter's numbers depend on
    /// `seed` and its name only.
    pub fn init(config: &ModelConfig, seed: u64, device: &Device) -> Result<Self, ModelError> {
        let residual = INIT_STANDARD_DEVIATION / (2.0 * config.n_layers as f64).sqrt();
        let variable = |(name, shape): (String, Vec<usize>)| {
            let count = shape.iter().product();
            let values = if shape.len() == 1 {
                vec![1.0; count]
            } else {
                let writes_residual = name.contains(".o_proj.") || name.contains(".down_proj.");
                let deviation = if writes_residual { residual } else { INIT_STANDARD_DEVIATION };
                random::normals(&mut random::keyed(seed, &name), count, deviation)
            };
            Ok((name, Var::from_vec(values, shape, device)?))
        };
        shapes(config).into_iter().map(variable).collect::<Result<_, _>>().map(Self)
    }

    /// Reads the parameters back from the bytes of a `model.safetensors`.
    ///
    /// # Errors
    /// A parameter is missing, or has another shape or type than `config` says.
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

    /// The bytes of a `model.safetensors` that `transformers` reads (it wants the `format` in the metadata).
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

    /// The tensor called `name`; it shares memory and gradient with its variable.
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
pub fn shapes(config: &ModelConfig) -> Vec<(String, Vec<usize>)> {
    let (dim, ffn, kv_dim) = (config.dim, config.ffn_dim, config.n_kv_heads * config.head_dim());
    let mut shapes = vec![(EMBEDDING.to_owned(), vec![config.vocab_size, dim])];
    for layer in 0..config.n_layers {
        let tensors = [
            ("input_layernorm", vec![dim]),
            ("self_attn.q_proj", vec![dim, dim]),
            ("self_attn.k_proj", vec![kv_dim, dim]),
            ("self_attn.v_proj", vec![kv_dim, dim]),
            ("self_attn.o_proj", vec![dim, dim]),
            ("post_attention_layernorm", vec![dim]),
            ("mlp.gate_proj", vec![ffn, dim]),
            ("mlp.up_proj", vec![ffn, dim]),
            ("mlp.down_proj", vec![dim, ffn]),
        ];
        shapes.extend(
            tensors.map(|(name, shape)| (format!("model.layers.{layer}.{name}.weight"), shape)),
        );
    }
    shapes.push(("model.norm.weight".to_owned(), vec![dim]));
    if !config.tie_embeddings {
        shapes.push((OUTPUT.to_owned(), vec![config.vocab_size, dim]));
    }
    shapes
}

/// Serialises f32 tensors; the same tensors give the same bytes.
pub(crate) fn write_tensors<'a>(
    file: &'static str,
    tensors: impl Iterator<Item = (String, &'a Tensor)>,
) -> Result<Vec<u8>, ModelError> {
    let mut contents = Vec::new();
    for (name, tensor) in tensors {
        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        contents.push((name, tensor.dims().to_vec(), bytes));
    }
    let bad = |error: safetensors::SafeTensorError| ModelError::BadCheckpoint {
        file: file.to_owned(),
        reason: error.to_string(),
    };
    let mut views = Vec::with_capacity(contents.len());
    for (name, shape, bytes) in &contents {
        views.push((name, TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(bad)?));
    }
    let metadata = [("format".to_owned(), "pt".to_owned())].into_iter().collect();
    safetensors::serialize(views, Some(metadata)).map_err(bad)
}

/// Reads f32 tensors of known names and shapes, in the order of `wanted`.
pub(crate) fn read_tensors<'a>(
    file: &'static str,
    bytes: &[u8],
    wanted: impl Iterator<Item = (&'a str, &'a [usize])>,
) -> Result<Vec<Vec<f32>>, ModelError> {
    let bad = |reason: String| ModelError::BadCheckpoint { file: file.to_owned(), reason };
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| bad(error.to_string()))?;
    let mut values = Vec::new();
    for (name, shape) in wanted {
        let view = tensors.tensor(name).map_err(|error| bad(error.to_string()))?;
        if view.dtype() != Dtype::F32 || view.shape() != shape {
            let (dtype, found) = (view.dtype(), view.shape());
            return Err(bad(format!("`{name}` is {dtype:?} {found:?}, not F32 {shape:?}")));
        }
        let numbers = view.data().chunks_exact(size_of::<f32>());
        values.push(numbers.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect());
    }
    Ok(values)
}
