//! What a pretraining run will take, from shape and settings alone: parameters, operations, tokens,
//! memory.

use bug::OrBug as _;
use rand_chacha::rand_core::RngCore;
use serde::{Deserialize, Serialize};

use crate::config::{Activation, ModelConfig};
use crate::error::ModelError;
use crate::ops::cross_entropy::chunk_rows;
use crate::optimizer::OptimizerKind;
use crate::parallel::rows_per_slice;
use crate::parameters::shapes;
use crate::progress::{Control, Progress};
use crate::random::random_for;
use crate::settings::TrainConfig;
use crate::source::{Batch, BatchRow, BatchSource, NoCheckpoints, StreamId};
use crate::train::{TrainingData, pretrain};

/// Tokens per parameter that make the best use of a compute budget (Hoffmann et al. 2022, table 3).
const TOKENS_PER_PARAMETER: u64 = 20;

/// Bytes of an f32.
const REAL: u64 = 4;

/// Memory in bytes of the program before any tensor, and again of each thread's allocator.
///
/// This and [`SPARE_SHARE`] are fitted to the peaks of nine runs (1 to 26 M parameters, 1 and 2
/// threads); the fit is within 15 % of each.
const SPARE_BYTES: u64 = 20 << 20;

/// Free memory that the allocator keeps, as a fraction of the memory in use.
const SPARE_SHARE: f64 = 0.22;

/// What a run takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Trainable parameters.
    pub parameters: u64,
    /// Parameters that each token is multiplied with: all except the embedding table, which is only
    /// looked up. A tied table counts, because it is also the output projection.
    pub multiplied_parameters: u64,
    /// Floating-point operations of one training token: `6·N + 6·L·q·T` with N the multiplied
    /// parameters, L the layers, q the width of all query heads, and T the context. A
    /// multiplication and an addition are two operations, the backward pass takes twice the forward
    /// pass, and a causal position sees half of the context on average. PaLM (appendix B) has
    /// `12·L·q·T`, for attention to the whole context.
    pub flops_per_token: u64,
    /// Tokens of the run.
    pub tokens: u64,
    /// Operations of the run.
    pub flops: f64,
    /// Tokens that suit the parameters: 20 per parameter (Hoffmann et al. 2022, table 3).
    pub compute_optimal_tokens: u64,
    /// Steps that read this many tokens with the batch of the settings.
    pub compute_optimal_steps: u64,
    /// Memory in bytes.
    pub memory: MemoryPlan,
}

/// Memory of a run on a CPU, in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryPlan {
    /// The parameters.
    pub weights: u64,
    /// The sum of their gradients.
    pub gradients: u64,
    /// The optimiser's moments.
    pub moments: u64,
    /// What the threads keep for their backward passes, including logits. The gradients of a thread
    /// replace what it kept, so the larger of the two counts.
    pub activations: u64,
    /// Free memory that the allocator keeps, and the program itself.
    pub spare: u64,
    /// The peak of a run: the sum of the above or, if it is more, weights and moments together with
    /// a checkpoint of both.
    pub training: u64,
    /// Keys and values of one sequence of the full context, when generating.
    pub kv_cache: u64,
}

/// Plans a run on `threads` threads. Shape and settings must be valid.
pub fn plan(config: &ModelConfig, train: &TrainConfig, threads: usize) -> Plan {
    let parameters = config.n_parameters() as u64;
    let table = (config.vocab_size * config.dim) as u64;
    let multiplied_parameters = if config.tie_embeddings { parameters } else { parameters - table };
    let attention = 6 * (config.n_layers * config.q_dim() * config.context) as u64;
    let flops_per_token = 6 * multiplied_parameters + attention;
    let step_tokens = (train.batch_size * config.context) as u64;
    let tokens = (train.steps as u64).saturating_mul(step_tokens);
    let compute_optimal_tokens = TOKENS_PER_PARAMETER * parameters;
    Plan {
        parameters,
        multiplied_parameters,
        flops_per_token,
        tokens,
        flops: flops_per_token as f64 * tokens as f64,
        compute_optimal_tokens,
        compute_optimal_steps: compute_optimal_tokens.div_ceil(step_tokens.max(1)),
        memory: memory(config, train, threads as u64),
    }
}

/// The training speed on this machine in tokens per second: the median of `steps` steps on random
/// tokens. One more step before them fills the caches and does not count.
///
/// # Errors
/// A setting is not allowed, the device is not there, or memory runs out.
pub fn measure_speed(
    config: &ModelConfig,
    train: &TrainConfig,
    steps: usize,
) -> Result<f64, ModelError> {
    // Before the arithmetic below: a refused value must not overflow it.
    config.validate()?;
    train.validate()?;
    let mut random = random_for(train.seed, "plan");
    let count = (train.batch_size + 1) * config.context + 1;
    let tokens: Vec<u32> =
        (0..count).map(|_| random.next_u32() % config.vocab_size as u32).collect();
    let steps = steps.max(1) + 1;
    let train = TrainConfig { steps, eval_batches: 1, ..train.clone() };
    let rows = Batches { tokens: &tokens, rows: train.batch_size, context: config.context };
    // One row, so that the evaluation at the end is short.
    let validation = tokens[..=config.context].to_vec();
    let token_bytes = vec![1; config.vocab_size];
    let data = TrainingData {
        batches: &rows,
        validation: &validation,
        token_bytes: &token_bytes,
        initial: None,
    };
    let mut speeds = Vec::with_capacity(steps);
    pretrain(config, &train, data, &mut NoCheckpoints, &mut |progress| {
        if let Progress::Step { point, tokens_per_second } = progress
            && point.step > 1
        {
            speeds.push(tokens_per_second);
        }
        Control::Continue
    })?;
    speeds.sort_by(f64::total_cmp);
    Ok(speeds.get(speeds.len() / 2).copied().or_bug("a run without a measured step")?)
}

/// Gives the same rows at every step.
struct Batches<'a> {
    tokens: &'a [u32],
    rows: usize,
    context: usize,
}

impl BatchSource for Batches<'_> {
    fn batch(&self, _: usize) -> Result<Batch, ModelError> {
        let row = |row: usize| BatchRow {
            ids: self.tokens[row * self.context..][..=self.context].to_vec(),
            boundaries: Vec::new(),
            row: row as u64,
        };
        Ok(Batch::of((0..self.rows).map(row).collect()))
    }

    fn id(&self) -> StreamId {
        StreamId { tokens: self.tokens.len() as u64, identity: "random".to_owned() }
    }
}

impl Plan {
    /// Seconds that the run takes at a measured speed.
    pub fn seconds(&self, tokens_per_second: f64) -> f64 {
        self.tokens as f64 / tokens_per_second
    }

    /// Model FLOPs utilisation: the share of a device's peak that [`Self::flops_per_token`] uses at
    /// a measured speed.
    pub fn mfu(&self, tokens_per_second: f64, peak_flops_per_second: f64) -> f64 {
        self.flops_per_token as f64 * tokens_per_second / peak_flops_per_second
    }
}

fn memory(config: &ModelConfig, train: &TrainConfig, threads: u64) -> MemoryPlan {
    let parameters = config.n_parameters() as u64;
    let hidden = shapes(config)
        .iter()
        .filter(|(name, shape)| shape.len() == 2 && name.starts_with("model.layers."))
        .map(|(_, shape)| (shape[0] * shape[1]) as u64)
        .sum::<u64>();
    let moments = match train.optimizer {
        OptimizerKind::Adamw => 2 * parameters,
        // Muon keeps one moment where AdamW keeps two.
        OptimizerKind::Muon => 2 * parameters - hidden,
    };
    let slice_rows = match train.micro_batch_size {
        0 => rows_per_slice(train.batch_size, config.context),
        rows => rows,
    };
    let slices = train.batch_size.div_ceil(slice_rows.max(1)) as u64;
    let lanes = threads.clamp(1, slices.max(1));
    let slice_tokens = (slice_rows * config.context) as u64;
    let kept = slice_tokens * reals_per_token(config, train.recompute);
    let activations = lanes * (kept + loss_reals(config, slice_tokens)).max(parameters) * REAL;
    let kv_cache = (2 * config.n_layers * config.kv_dim() * config.context) as u64 * REAL;
    let weights = parameters * REAL;
    let moments = moments * REAL;
    let live = 2 * weights + moments + activations;
    let program = SPARE_BYTES * (1 + lanes);
    let spare = program + ((live + program) as f64 * SPARE_SHARE) as u64;
    let checkpoint = 2 * (weights + moments) + program;
    MemoryPlan {
        weights,
        gradients: weights,
        moments,
        activations,
        spare,
        training: (live + spare).max(checkpoint),
        kv_cache,
    }
}

/// Reals in memory at once for the loss of a slice: the logits of a chunk of rows, and the gradient
/// of the table. With several chunks that gradient exists three times: the sum so far, the part of
/// the chunk, and the new sum.
fn loss_reals(config: &ModelConfig, slice_tokens: u64) -> u64 {
    let chunk = chunk_rows(config.vocab_size, config.dim) as u64;
    let tables = if slice_tokens > chunk { 3 } else { 1 };
    slice_tokens.min(chunk) * config.vocab_size as u64
        + tables * (config.vocab_size * config.dim) as u64
}

/// Reals that a backward pass keeps for one token.
fn reals_per_token(config: &ModelConfig, recompute: bool) -> u64 {
    let (dim, ffn) = (config.dim, config.ffn_dim);
    let feed_forward = match config.activation {
        Activation::Swiglu => 3 * ffn,
        Activation::Relu2 => 2 * ffn,
    };
    // Two residuals and two normed inputs; queries and context; keys and values; feed-forward.
    let layer = 4 * dim + 2 * config.q_dim() + 2 * config.kv_dim() + feed_forward;
    let layers = config.n_layers;
    let kept = if recompute { layers * dim + layer } else { layers * layer };
    // The last norm, and the gradient that flows back.
    (kept + 3 * dim) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_counts_what_the_papers_count() {
        // GPT-2's 124 M: nanoGPT's formula 6·N + 12·L·q·T gives 8.6e8 with N = 124 M, T = 1024.
        let config = ModelConfig::preset("base", 50_304).unwrap();
        let train = TrainConfig { steps: 100, batch_size: 8, ..TrainConfig::default() };
        let plan = plan(&config, &train, 2);
        assert_eq!(plan.parameters, 123_587_328);
        assert_eq!(plan.flops_per_token, 6 * plan.parameters + 6 * 12 * 768 * 1024);
        assert_eq!(plan.compute_optimal_tokens, 2_471_746_560);
        assert_eq!(plan.tokens, 819_200);
        assert_eq!(plan.memory.weights, 494_349_312);
        assert_eq!(plan.memory.gradients, 494_349_312);
        assert_eq!(plan.memory.moments, 2 * 494_349_312);
        assert_eq!(plan.memory.kv_cache, 2 * 12 * 768 * 1024 * 4);
        assert!((plan.seconds(1_000.0) - 819.2).abs() < 1e-9);
        assert!((plan.mfu(1_000.0, 1e12) - plan.flops_per_token as f64 / 1e9).abs() < 1e-9);
        let untied = ModelConfig { tie_embeddings: false, ..config.clone() };
        let untied = super::plan(&untied, &train, 2);
        assert_eq!(untied.multiplied_parameters, plan.multiplied_parameters);
        let recompute = TrainConfig { recompute: true, ..train };
        let recomputed = super::plan(&config, &recompute, 2).memory.activations;
        assert!(recomputed >= 2 * plan.memory.weights && recomputed < plan.memory.activations);
    }

    #[test]
    fn a_speed_is_measured_on_this_machine() {
        let config = ModelConfig { dim: 32, n_layers: 1, context: 16, ..ModelConfig::default() };
        let train = TrainConfig { batch_size: 2, device: "cpu".into(), ..TrainConfig::default() };
        assert!(measure_speed(&config, &train, 2).unwrap() > 0.0);
        let bad = TrainConfig { batch_size: 0, ..train };
        let error = measure_speed(&config, &bad, 2).unwrap_err().to_string();
        assert!(error.contains("`batch_size` is 0"), "{error}");
    }
}
