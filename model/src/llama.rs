//! The decoder: RMSNorm, rotary grouped-query attention, SwiGLU, no biases (Touvron et al. 2023).
//! With normed queries and keys it is Qwen3's.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};

use crate::config::{Activation, ModelConfig};
use crate::error::{ModelError, refuse};
use crate::ops::cross_entropy::{LossOptions, cap, row_losses};
use crate::ops::{Composite, Differentiable, HeadShape, Kernels, Operations, RopeTable, Tape};
use crate::parameters::{EMBEDDING, OUTPUT, Parameters};
use crate::rows::{IGNORED, Rows};

/// The weights of one decoder layer: matrices [out, in], norms [width].
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) input_norm: Tensor,
    pub(crate) q: Tensor,
    pub(crate) k: Tensor,
    pub(crate) v: Tensor,
    pub(crate) o: Tensor,
    /// The norms of the heads of queries and keys, [head_dim].
    pub(crate) qk_norm: Option<(Tensor, Tensor)>,
    pub(crate) post_norm: Tensor,
    /// SwiGLU only; ReLU² has no gate.
    pub(crate) gate: Option<Tensor>,
    pub(crate) up: Tensor,
    pub(crate) down: Tensor,
}

/// A Llama-compatible decoder. Clones share their weights.
#[derive(Clone, Debug)]
pub struct Llama {
    pub(crate) config: ModelConfig,
    pub(crate) kernels: Kernels,
    pub(crate) parameters: Parameters,
    pub(crate) embedding: Tensor,
    pub(crate) layers: Vec<Layer>,
    pub(crate) norm: Tensor,
    /// The table that turns the last hidden state into logits: the embedding itself when tied.
    pub(crate) output: Tensor,
    pub(crate) rope: Arc<RopeTable>,
}

impl Llama {
    /// A model with fresh weights, which depend only on `config` and `seed`.
    ///
    /// # Errors
    /// `config` is not valid, or the device is out of memory.
    pub fn init(config: &ModelConfig, seed: u64, device: &Device) -> Result<Self, ModelError> {
        config.validate()?;
        Self::new(config, Parameters::init(config, seed, device)?, device)
    }

    /// A model with the given weights.
    ///
    /// # Errors
    /// A parameter that `config` requires is missing, or the device is out of memory.
    pub fn new(
        config: &ModelConfig,
        parameters: Parameters,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let layer = |index: usize| {
            let tensor =
                |name: &str| parameters.tensor(&format!("model.layers.{index}.{name}.weight"));
            Ok::<_, ModelError>(Layer {
                input_norm: tensor("input_layernorm")?,
                q: tensor("self_attn.q_proj")?,
                k: tensor("self_attn.k_proj")?,
                v: tensor("self_attn.v_proj")?,
                o: tensor("self_attn.o_proj")?,
                qk_norm: if config.qk_norm {
                    Some((tensor("self_attn.q_norm")?, tensor("self_attn.k_norm")?))
                } else {
                    None
                },
                post_norm: tensor("post_attention_layernorm")?,
                gate: match config.activation {
                    Activation::Swiglu => Some(tensor("mlp.gate_proj")?),
                    Activation::Relu2 => None,
                },
                up: tensor("mlp.up_proj")?,
                down: tensor("mlp.down_proj")?,
            })
        };
        let output = if config.tie_embeddings { EMBEDDING } else { OUTPUT };
        Ok(Self {
            config: config.clone(),
            kernels: Kernels::for_device(device),
            embedding: parameters.tensor(EMBEDDING)?,
            layers: (0..config.n_layers).map(layer).collect::<Result<_, _>>()?,
            norm: parameters.tensor("model.norm.weight")?,
            output: parameters.tensor(output)?,
            rope: Arc::new(RopeTable::new(config, device)?),
            parameters,
        })
    }

    /// A copy that does not share its weights, for training with `config`.
    ///
    /// # Errors
    /// `config` requires parameters with other names or shapes.
    pub(crate) fn copy_for(
        &self,
        config: &ModelConfig,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let bytes = self.parameters.to_safetensors()?;
        Self::new(config, Parameters::from_safetensors(config, &bytes, device)?, device)
    }

    /// The shape of the model.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The trainable parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The same weights with another form of the operations.
    #[must_use]
    pub fn with_kernels(&self, kernels: Kernels) -> Self {
        Self { kernels, ..self.clone() }
    }

    /// The same weights outside candle's graph, for evaluation and generation: nothing is kept for
    /// a backward pass.
    #[must_use]
    pub(crate) fn detached(&self) -> Self {
        let layer = |layer: &Layer| Layer {
            input_norm: layer.input_norm.detach(),
            q: layer.q.detach(),
            k: layer.k.detach(),
            v: layer.v.detach(),
            o: layer.o.detach(),
            qk_norm: layer.qk_norm.as_ref().map(|(q, k)| (q.detach(), k.detach())),
            post_norm: layer.post_norm.detach(),
            gate: layer.gate.as_ref().map(Tensor::detach),
            up: layer.up.detach(),
            down: layer.down.detach(),
        };
        Self {
            embedding: self.embedding.detach(),
            layers: self.layers.iter().map(layer).collect(),
            norm: self.norm.detach(),
            output: self.output.detach(),
            ..self.clone()
        }
    }

    /// Hidden states after the last norm: [inputs, dim].
    pub(crate) fn hidden<O: Operations>(
        &self,
        ops: &O,
        ids: &[u32],
        shape: &HeadShape,
    ) -> Result<O::Value, ModelError> {
        let mut x = ops.embed(ids, &self.embedding)?;
        for layer in &self.layers {
            x = self.layer(ops, layer, &x, shape)?;
        }
        Ok(ops.rms_norm(&x, &self.norm, self.config.norm_eps)?)
    }

    /// One decoder layer.
    pub(crate) fn layer<O: Operations>(
        &self,
        ops: &O,
        layer: &Layer,
        x: &O::Value,
        shape: &HeadShape,
    ) -> Result<O::Value, ModelError> {
        let [q, k, v] = self.project(ops, layer, x)?;
        let context = ops.attention([&q, &k, &v], shape, &self.rope)?;
        self.finish(ops, layer, x, &context)
    }

    /// Queries [inputs, heads · width], and keys and values [inputs, kv_heads · width] of one
    /// layer.
    pub(crate) fn project<O: Operations>(
        &self,
        ops: &O,
        layer: &Layer,
        x: &O::Value,
    ) -> Result<[O::Value; 3], ModelError> {
        let eps = self.config.norm_eps;
        let normed = ops.rms_norm(x, &layer.input_norm, eps)?;
        let (mut q, mut k) = (ops.linear(&normed, &layer.q)?, ops.linear(&normed, &layer.k)?);
        if let Some((q_norm, k_norm)) = &layer.qk_norm {
            q = ops.rms_norm(&q, q_norm, eps)?;
            k = ops.rms_norm(&k, k_norm, eps)?;
        }
        Ok([q, k, ops.linear(&normed, &layer.v)?])
    }

    /// The part of a layer after its attention: the output projection, the feed-forward layer and
    /// both residuals.
    pub(crate) fn finish<O: Operations>(
        &self,
        ops: &O,
        layer: &Layer,
        x: &O::Value,
        context: &O::Value,
    ) -> Result<O::Value, ModelError> {
        let x = ops.add(x, &ops.linear(context, &layer.o)?)?;
        let normed = ops.rms_norm(&x, &layer.post_norm, self.config.norm_eps)?;
        let up = ops.linear(&normed, &layer.up)?;
        let active = match &layer.gate {
            Some(gate) => ops.swiglu(&ops.linear(&normed, gate)?, &up)?,
            None => ops.relu_squared(&up)?,
        };
        Ok(ops.add(&x, &ops.linear(&active, &layer.down)?)?)
    }

    /// The options of a plain loss of this model: no z-loss, and its own cap of the logits.
    pub fn loss_options(&self, scale: f32) -> LossOptions {
        LossOptions { scale, z_loss: 0.0, softcap: self.config.logit_softcap as f32 }
    }

    /// Checks that sequences fit into the context and that ids are in the vocabulary.
    pub(crate) fn check(&self, rows: &Rows) -> Result<(), ModelError> {
        if rows.inputs().is_empty() || rows.longest() > self.config.context {
            let way_out = format!("give sequences of 1 to {} ids (`context`)", self.config.context);
            return Err(refuse("ids", format!("{} long", rows.longest()), &way_out));
        }
        self.check_ids(rows.inputs())?;
        // A target may be the mark of a place where nothing is predicted; an input may not.
        self.check_each(rows.targets(), |id| id == IGNORED)
    }

    /// Checks that ids are in the vocabulary.
    pub(crate) fn check_ids(&self, ids: &[u32]) -> Result<(), ModelError> {
        self.check_each(ids, |_| false)
    }

    fn check_each(&self, ids: &[u32], is_mark: impl Fn(u32) -> bool) -> Result<(), ModelError> {
        let vocab_size = self.config.vocab_size;
        let outside = |id: u32| id as usize >= vocab_size && !is_mark(id);
        match ids.iter().position(|&id| outside(id)) {
            None => Ok(()),
            Some(index) => {
                let (id, position) = (ids[index], index as u64);
                Err(ModelError::TokenOutOfVocabulary { id, position, vocab_size })
            }
        }
    }

    /// Hidden states after the last norm, with nothing kept for a backward pass.
    fn hidden_only(&self, ids: &[u32], shape: &HeadShape) -> Result<Tensor, ModelError> {
        match self.kernels {
            Kernels::Fused => {
                Ok(self.hidden(&<Tape as Differentiable>::inference(), ids, shape)?.tensor)
            }
            Kernels::Composite => self.detached().hidden(&Composite::<false>, ids, shape),
            Kernels::CompositeBf16 => self.detached().hidden(&Composite::<true>, ids, shape),
        }
    }

    /// The logits of every position, [ids, vocab], without a graph. `ids` holds `rows` sequences of
    /// equal length, one after the other.
    ///
    /// # Errors
    /// A sequence is longer than the context, or an id is not in the vocabulary.
    pub fn logits(&self, ids: &[u32], rows: usize) -> Result<Tensor, ModelError> {
        let length = ids.len() / rows.max(1);
        if length == 0 || length > self.config.context || !ids.len().is_multiple_of(rows) {
            let way_out = format!("give 1 to {} ids for each row", self.config.context);
            return Err(refuse("ids", format!("{} long", ids.len()), &way_out));
        }
        self.check_ids(ids)?;
        let shape = self.head_shape((1..=rows).map(|row| row * length).collect());
        let hidden = self.hidden_only(ids, &shape)?;
        let output = self.output.detach().to_dtype(hidden.dtype())?;
        let logits = hidden.matmul(&output.t()?)?.to_dtype(DType::F32)?;
        Ok(cap(&logits, self.config.logit_softcap as f32)?)
    }

    /// The loss of every position in nats, 0 where nothing is predicted.
    ///
    /// # Errors
    /// A sequence is longer than the context, or an id is not in the vocabulary.
    pub fn token_losses(&self, rows: &Rows) -> Result<Vec<f32>, ModelError> {
        self.check(rows)?;
        let hidden = self.hidden_only(rows.inputs(), &self.head_shape(rows.ends()))?;
        let softcap = self.config.logit_softcap as f32;
        Ok(row_losses(&hidden, &self.output, rows.targets(), softcap, self.kernels)?)
    }

    /// The sizes of the attention over sequences that end at `ends`.
    pub(crate) fn head_shape(&self, ends: Arc<[usize]>) -> HeadShape {
        HeadShape {
            heads: self.config.n_heads,
            kv_heads: self.config.n_kv_heads,
            width: self.config.head_dim(),
            ends,
        }
    }
}
