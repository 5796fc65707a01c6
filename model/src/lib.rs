//! The transformer: a Llama-compatible decoder on candle, its trainer and its generator.
//!
//! Batches come in through [`BatchSource`], validation tokens through [`TokenSource`], and
//! checkpoints go out through [`CheckpointStore`]; this crate knows neither shards nor engines. A
//! run is a pure function of (configuration, seed, batches): on a CPU it is bit-equal for any
//! number of threads and for any number of interruptions.
//!
//! | module | concept |
//! |---|---|
//! | `config`, `presets` | the shape of a model, `MODEL.toml`, shapes with a name |
//! | `settings` | the settings of a run, as a table and as flags |
//! | `llama`, `parameters` | the decoder: parameters, forward pass |
//! | `gradients` | the backward pass, with or without recomputing layers |
//! | `ops` | the differentiable operations, each as a fused kernel and as a composite of candle's |
//! | `rows` | a batch as the model reads it: inputs, targets, sequences |
//! | `source` | the traits that callers implement: batches, tokens, checkpoints |
//! | `optimizer`, `schedule` | AdamW and Muon, learning rate |
//! | `replicas`, `exchange` | copies of a model on several GPUs, and the sum of their gradients |
//! | `train`, `progress`, `guard` | the training loop, its reports, its watch for spikes |
//! | `loss`, `choice` | evaluation in nats per token and bits per byte; multiple choice |
//! | `plan` | what a run will take: operations, tokens, memory |
//! | `checkpoint` | what a checkpoint holds |
//! | `export` | Hugging Face folders and GGUF, written and read |
//! | `generate` | sampling with a key-value cache |
//!
//! A model that learns to count:
//!
//! ```
//! use model::*;
//!
//! /// Every batch holds one row, 0 1 2 … 15 and then 0 again.
//! struct Counting;
//!
//! impl BatchSource for Counting {
//!     fn batch(&self, _: usize) -> Result<Batch, ModelError> {
//!         let ids = (0..17).map(|i| i % 16).collect();
//!         Ok(Batch::of(vec![BatchRow { ids, ..BatchRow::default() }]))
//!     }
//!
//!     fn id(&self) -> StreamId {
//!         StreamId { tokens: 17, identity: "counting".into() }
//!     }
//! }
//!
//! let config =
//!     ModelConfig { vocab_size: 16, dim: 32, n_layers: 1, context: 16, ..ModelConfig::default() };
//! let settings = TrainConfig { steps: 30, learning_rate: 1e-2, ..TrainConfig::default() };
//! let validation: Vec<u32> = (0..17).map(|i| i % 16).collect();
//! let data = TrainingData {
//!     batches: &Counting,
//!     validation: &validation,
//!     token_bytes: &[1; 16],
//!     initial: None,
//! };
//! let run = pretrain(&config, &settings, data, &mut NoCheckpoints, &mut |_| Control::Continue)?;
//! let losses = &run.curve.steps;
//! assert!(losses[29].loss < 0.1 * losses[0].loss);
//! # Ok::<(), ModelError>(())
//! ```

mod checkpoint;
mod choice;
mod config;
mod device;
mod error;
mod exchange;
mod export;
mod generate;
mod gradients;
mod guard;
mod llama;
mod loss;
mod ops;
mod optimizer;
mod parallel;
mod parameters;
mod plan;
mod presets;
mod progress;
mod random;
mod replicas;
mod rows;
mod schedule;
mod settings;
mod source;
mod tensors;
mod train;

pub use checkpoint::load_model;
pub use choice::{ChoiceAccuracy, Question, choice_accuracy};
pub use config::{Activation, ModelConfig};
pub use device::{open_device, open_devices};
pub use error::{ModelError, StoreError};
pub use export::SpecialIds;
pub use export::gguf::{from_gguf, to_gguf};
pub use export::hf::{from_hf_files, read_hf_folder, to_hf_files};
pub use generate::{GenerateConfig, Generated, Text, generate, generate_text, generate_timed};
pub use guard::Spike;
pub use llama::Llama;
pub use loss::{Evaluation, evaluate, evaluate_sources, unigram_entropy};
pub use ops::{Kernels, LossOptions, LossSums};
pub use optimizer::arithmetic::norms;
pub use optimizer::{Optimizer, OptimizerKind, OptimizerSettings, StepNumbers};
pub use parallel::Lanes;
pub use parameters::Parameters;
pub use plan::{MemoryPlan, Plan, measure_speed, plan};
pub use presets::PRESETS;
pub use progress::{Control, Curve, Progress, StepPoint, TrainSummary, ValidationPoint};
pub use random::{normals, random_for};
pub use rows::Rows;
pub use schedule::Schedule;
pub use settings::TrainConfig;
pub use source::{
    Batch, BatchRow, BatchSource, CheckpointFiles, CheckpointStore, NoCheckpoints, StreamId,
    TokenSource,
};
pub use tensors::Precision;
pub use train::{TrainingData, pretrain};
