//! The decoder: RMSNorm, rotary grouped-query attention, SwiGLU, no biases (Touvron et al. 2023).

use std::sync::Arc;

use candle_core::{Device, Tensor};

use crate::config::refuse;
use crate::ops::cross_entropy::row_losses;
use crate::ops::{Composite, HeadShape, Kernels, Operations, RopeTable, Tape};
use crate::parameters::{EMBEDDING, OUTPUT, Parameters};
use crate::{ModelConfig, ModelError};

/// The weights of one decoder layer, all [out, in] except the norms.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) input_norm: Tensor,
    pub(crate) q: Tensor,
    pub(crate) k: Tensor,
    pub(crate) v: Tensor,
    pub(crate) o: Tensor,
    pub(crate) post_norm: Tensor,
    pub(crate) gate: Tensor,
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
    /// A model with fresh weights, which depend on `config` and `seed` only.
    ///
    /// # Errors
    /// `config` is not valid, or the device is out of memory.
    pub fn init(config: &ModelConfig, seed: u64, device: &Device) -> Result<Self, ModelError> {
        config.validate()?;
        Self::new(config, Parameters::init(config, seed, device)?, device)
    }

    /// A model with the given weights.
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
                post_norm: tensor("post_attention_layernorm")?,
                gate: tensor("mlp.gate_proj")?,
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

    /// The shape of the model.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The trainable parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The same model with another form of the operations, for comparison.
    #[must_use]
    pub fn with_kernels(&self, kernels: Kernels) -> Self {
        Self { kernels, ..self.clone() }
    }

    /// The same weights outside candle's graph, for evaluation and generation: nothing is kept for a backward.
    #[must_use]
    pub fn detached(&self) -> Self {
        let layer = |layer: &Layer| Layer {
            input_norm: layer.input_norm.detach(),
            q: layer.q.detach(),
            k: layer.k.detach(),
            v: layer.v.detach(),
            o: layer.o.detach(),
            post_norm: layer.post_norm.detach(),
            gate: layer.gate.detach(),
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

    /// Hidden states after the last norm, [rows · positions, dim], of `ids` that hold `rows` sequences.
    pub fn hidden<O: Operations>(
        &self,
        ops: &O,
        ids: &[u32],
        rows: usize,
    ) -> Result<O::Value, ModelError> {
        self.check(ids, rows, self.config.context)?;
        let shape = self.head_shape(rows, ids.len() / rows);
        let mut x = ops.embed(ids, &self.embedding)?;
        for layer in &self.layers {
            let [q, k, v] = self.project(ops, layer, &x)?;
            let context = ops.causal_attention([&q, &k, &v], shape, &self.rope)?;
            x = self.finish(ops, layer, &x, &context)?;
        }
        Ok(ops.rms_norm(&x, &self.norm, self.config.norm_eps)?)
    }

    /// `scale` times the summed loss in nats of `rows` sequences that stand one after the other in `ids`, each
    /// one longer than what the model sees: position `i` predicts position `i + 1`. With it come the gradients
    /// of all parameters, in their order.
    ///
    /// # Errors
    /// [`ModelError::MissingGradient`] if an operation cuts the graph.
    pub fn loss_and_gradients(
        &self,
        ids: &[u32],
        rows: usize,
        scale: f32,
    ) -> Result<(f32, Vec<Tensor>), ModelError> {
        self.check(ids, rows, self.config.context + 1)?;
        let (inputs, targets) = shifted(ids, rows);
        match self.kernels {
            Kernels::Fused => {
                let tape = Tape::recording();
                let hidden = self.hidden(&tape, &inputs, rows)?;
                let loss = tape.cross_entropy(&hidden, &self.output, &targets, scale)?;
                let mut store = tape.backward(&loss)?;
                self.collect(&loss.tensor, |parameter| store.remove(parameter))
            }
            Kernels::Composite => {
                let hidden = self.hidden(&Composite, &inputs, rows)?;
                let loss = Composite.cross_entropy(&hidden, &self.output, &targets, scale)?;
                let mut store = loss.backward()?;
                self.collect(&loss, |parameter| store.remove(parameter))
            }
        }
    }

    fn collect(
        &self,
        loss: &Tensor,
        mut gradient: impl FnMut(&Tensor) -> Option<Tensor>,
    ) -> Result<(f32, Vec<Tensor>), ModelError> {
        let gradients = self.parameters.iter().map(|(name, variable)| {
            let missing = || ModelError::MissingGradient { name: name.to_owned() };
            gradient(variable.as_tensor()).ok_or_else(missing)
        });
        let gradients = gradients.collect::<Result<_, _>>()?;
        Ok((loss.to_scalar::<f32>()?, gradients))
    }

    /// Checks that `ids` hold `rows` sequences of one length up to `limit`, all ids in the vocabulary.
    pub(crate) fn check(&self, ids: &[u32], rows: usize, limit: usize) -> Result<(), ModelError> {
        if rows == 0
            || ids.is_empty()
            || !ids.len().is_multiple_of(rows)
            || ids.len() / rows > limit
        {
            let way_out =
                format!("give 1 to {limit} ids for each of the {rows} rows, equally many");
            return Err(refuse("ids", format!("{} long", ids.len()), &way_out));
        }
        match ids.iter().position(|&id| id as usize >= self.config.vocab_size) {
            None => Ok(()),
            Some(position) => Err(ModelError::TokenOutOfVocabulary {
                id: ids[position],
                position: position as u64,
                vocab_size: self.config.vocab_size,
            }),
        }
    }

    /// Hidden states without anything kept for a backward.
    fn hidden_only(&self, ids: &[u32], rows: usize) -> Result<Tensor, ModelError> {
        match self.kernels {
            Kernels::Fused => Ok(self.hidden(&Tape::inference(), ids, rows)?.tensor),
            Kernels::Composite => self.detached().hidden(&Composite, ids, rows),
        }
    }

    /// Logits of every position, [ids, vocab], without a graph.
    pub fn logits(&self, ids: &[u32], rows: usize) -> Result<Tensor, ModelError> {
        Ok(self.hidden_only(ids, rows)?.matmul(&self.output.detach().t()?)?)
    }

    /// The loss of every predicted position in nats, and the ids they predict; rows as in
    /// [`Self::loss_and_gradients`].
    pub fn token_losses(
        &self,
        ids: &[u32],
        rows: usize,
    ) -> Result<(Vec<f32>, Vec<u32>), ModelError> {
        self.check(ids, rows, self.config.context + 1)?;
        let (inputs, targets) = shifted(ids, rows);
        let hidden = self.hidden_only(&inputs, rows)?;
        Ok((row_losses(&hidden, &self.output, &targets, self.kernels)?, targets))
    }

    pub(crate) fn head_shape(&self, batch: usize, positions: usize) -> HeadShape {
        HeadShape {
            batch,
            positions,
            heads: self.config.n_heads,
            kv_heads: self.config.n_kv_heads,
            width: self.config.head_dim(),
        }
    }

    /// Queries, keys and values of one layer.
    pub(crate) fn project<O: Operations>(
        &self,
        ops: &O,
        layer: &Layer,
        x: &O::Value,
    ) -> Result<[O::Value; 3], ModelError> {
        let normed = ops.rms_norm(x, &layer.input_norm, self.config.norm_eps)?;
        Ok([
            ops.linear(&normed, &layer.q)?,
            ops.linear(&normed, &layer.k)?,
            ops.linear(&normed, &layer.v)?,
        ])
    }

    /// What follows the attention of a layer: its output projection, the SwiGLU layer, both residuals.
    pub(crate) fn finish<O: Operations>(
        &self,
        ops: &O,
        layer: &Layer,
        x: &O::Value,
        context: &O::Value,
    ) -> Result<O::Value, ModelError> {
        let x = ops.add(x, &ops.linear(context, &layer.o)?)?;
        let normed = ops.rms_norm(&x, &layer.post_norm, self.config.norm_eps)?;
        let gate = ops.linear(&normed, &layer.gate)?;
        let up = ops.linear(&normed, &layer.up)?;
        let down = ops.linear(&ops.swiglu(&gate, &up)?, &layer.down)?;
        Ok(ops.add(&x, &down)?)
    }
}

/// Inputs and targets of rows that are one token longer than their positions.
fn shifted(ids: &[u32], rows: usize) -> (Vec<u32>, Vec<u32>) {
    let width = ids.len() / rows;
    let inputs = ids.chunks_exact(width).flat_map(|row| &row[..width - 1]).copied().collect();
    let targets = ids.chunks_exact(width).flat_map(|row| &row[1..]).copied().collect();
    (inputs, targets)
}
