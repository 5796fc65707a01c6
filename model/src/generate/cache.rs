//! The cache of keys and values, and the forward pass that reads it.

use candle_core::{DType, Tensor};

use super::memory::{FIRST_POSITIONS, HeadMemory};
use crate::error::{ModelError, refuse};
use crate::llama::Llama;
use crate::ops::attention::{attend, merge, split};
use crate::ops::cross_entropy::cap;
use crate::ops::{Composite, Differentiable, Kernels, Operations, Tape};

/// The operations of generation on devices other than a CPU, and of the last norm and the output on
/// all devices.
const OPERATIONS: Composite = Composite::<false>;

/// Keys (rotated) and values of the positions seen so far. Query heads that share a key head share
/// its cache.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    /// On a CPU: one entry per key head, layer after layer.
    memory: Vec<HeadMemory>,
    /// On other devices: keys and values of each layer, [kv_heads, capacity, head_dim].
    layers: Vec<(Tensor, Tensor)>,
    seen: usize,
}

impl Cache {
    /// Number of positions in the cache.
    pub(crate) fn seen(&self) -> usize {
        self.seen
    }

    /// Adds keys and values [kv_heads, positions, head_dim] to those of layer `index`, and returns
    /// all of that layer.
    fn extend(
        &mut self,
        index: usize,
        (keys, values): (&Tensor, &Tensor),
    ) -> candle_core::Result<(Tensor, Tensor)> {
        let (heads, positions, width) = keys.dims3()?;
        let needed = self.seen + positions;
        if self.layers.len() <= index {
            let shape = (heads, needed.max(FIRST_POSITIONS), width);
            let empty = || Tensor::zeros(shape, keys.dtype(), keys.device());
            self.layers.push((empty()?, empty()?));
        }
        let seen = self.seen;
        let entry = &mut self.layers[index];
        if entry.0.dim(1)? < needed {
            let more = needed.max(2 * entry.0.dim(1)?);
            for old in [&mut entry.0, &mut entry.1] {
                let new = Tensor::zeros((heads, more, width), keys.dtype(), keys.device())?;
                new.slice_set(&old.narrow(1, 0, seen)?.contiguous()?, 1, 0)?;
                *old = new;
            }
        }
        entry.0.slice_set(&keys.contiguous()?, 1, seen)?;
        entry.1.slice_set(&values.contiguous()?, 1, seen)?;
        Ok((entry.0.narrow(1, 0, needed)?, entry.1.narrow(1, 0, needed)?))
    }
}

impl Llama {
    /// Logits [vocab] after the last of `ids`, which follow the positions in `cache`. The model
    /// should be [`detached`](Self::detached).
    ///
    /// # Errors
    /// There are no ids, they do not fit into the context, or one is not in the vocabulary.
    pub(crate) fn next_logits(
        &self,
        ids: &[u32],
        cache: &mut Cache,
    ) -> Result<Vec<f32>, ModelError> {
        let limit = self.config.context;
        if ids.is_empty() || cache.seen + ids.len() > limit {
            let value = format!("{} ids after {}", ids.len(), cache.seen);
            let way_out = format!("give 1 to {limit} ids (`context`) in all");
            return Err(refuse("prompt", value, &way_out));
        }
        self.check_ids(ids)?;
        let hidden = match self.kernels {
            Kernels::Fused => self.read_on_cpu(ids, cache)?,
            Kernels::Composite | Kernels::CompositeBf16 => self.read(ids, cache)?,
        };
        cache.seen += ids.len();
        let last = hidden.narrow(0, ids.len() - 1, 1)?.contiguous()?;
        let normed = OPERATIONS.rms_norm(&last, &self.norm, self.config.norm_eps)?;
        let logits = OPERATIONS.linear(&normed, &self.output)?.to_dtype(DType::F32)?;
        let logits = cap(&logits, self.config.logit_softcap as f32)?;
        Ok(logits.flatten_all()?.to_vec1::<f32>()?)
    }

    /// Hidden states of `ids` before the last norm: [ids, dim].
    fn read(&self, ids: &[u32], cache: &mut Cache) -> Result<Tensor, ModelError> {
        let (heads, kv_heads) = (self.config.n_heads, self.config.n_kv_heads);
        let mut x = OPERATIONS.embed(ids, &self.embedding)?;
        for (index, layer) in self.layers.iter().enumerate() {
            let [q, k, v] = self.project(&OPERATIONS, layer, &x)?;
            let q = self.rope.rotate(&split(&q, 1, heads)?, cache.seen)?;
            let k = self.rope.rotate(&split(&k, 1, kv_heads)?, cache.seen)?;
            let (k, v) = cache.extend(index, (&k, &split(&v, 1, kv_heads)?))?;
            let context = merge(&attend(&q, &k, &v)?, 1)?;
            x = self.finish(&OPERATIONS, layer, &x, &context)?;
        }
        Ok(x)
    }

    /// As [`Self::read`], with the fused operations. A prompt is read as in training, in blocks of
    /// queries.
    fn read_on_cpu(&self, ids: &[u32], cache: &mut Cache) -> Result<Tensor, ModelError> {
        let ops = <Tape as Differentiable>::inference();
        let (kv_heads, width) = (self.config.n_kv_heads, self.config.head_dim());
        if cache.memory.is_empty() {
            let heads = self.layers.len() * kv_heads;
            cache.memory = std::iter::repeat_with(|| HeadMemory::new(width)).take(heads).collect();
        }
        let shape = self.head_shape([ids.len()].into());
        let mut x = ops.embed(ids, &self.embedding)?;
        let layers = self.layers.iter().zip(cache.memory.chunks_exact_mut(kv_heads));
        for (layer, memory) in layers {
            let [q, k, v] = self.project(&ops, layer, &x)?;
            let inputs = [&q.tensor, &k.tensor, &v.tensor];
            let context =
                super::memory::attention(inputs, &shape, (&self.rope, cache.seen), memory)?;
            let (_, context) = ops.leaf(&context)?;
            x = self.finish(&ops, layer, &x, &context)?;
        }
        Ok(x.tensor)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::config::ModelConfig;

    #[test]
    fn a_prompt_may_be_read_in_parts() {
        // Heads whose width fits no vector, and more positions than a cache first has room for.
        let config = ModelConfig {
            vocab_size: 61,
            dim: 32,
            n_layers: 2,
            head_dim: 10,
            ffn_dim: 48,
            context: 96,
            tie_embeddings: false,
            qk_norm: true,
            ..ModelConfig::default()
        };
        let model = Llama::init(&config, 8, &Device::Cpu).unwrap();
        // Larger weights than those of a fresh model, so that the logits differ much.
        for (name, variable) in model.parameters().iter().filter(|(_, tensor)| tensor.rank() == 2) {
            let factor = if name.contains("embed") { 40.0 } else { 8.0 };
            variable.set(&(variable.as_tensor() * factor).unwrap()).unwrap();
        }
        let ids: Vec<u32> = (0..90).map(|i| i * 11 % 61).collect();
        let expected = model.logits(&ids, 1).unwrap().to_vec2::<f32>().unwrap();
        for kernels in [Kernels::Fused, Kernels::Composite] {
            let model = model.with_kernels(kernels).detached();
            let mut cache = Cache::default();
            for part in [&ids[..40], &ids[40..41], &ids[41..73], &ids[73..]] {
                let found = model.next_logits(part, &mut cache).unwrap();
                let expected = &expected[cache.seen() - 1];
                let far =
                    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(far < 1e-3, "{kernels:?} after {}: {far}", cache.seen());
            }
        }
    }
}
