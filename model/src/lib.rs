//! The transformer: a Llama-compatible decoder on candle, its trainer and its generator.
//!
//! Token ids come in through [`TokenSource`], checkpoints go out through [`CheckpointStore`]; this crate
//! knows neither files nor engines. A run is a pure function of (configuration, seed, tokens): it is
//! bit-equal for any number of threads and for any number of interruptions.
//!
//! | module | concept |
//! |---|---|
//! | [`config`], [`presets`] | the shape of a model, `MODEL.toml`, shapes with a name |
//! | [`llama`], [`parameters`] | the decoder: parameters, forward pass |
//! | [`ops`] | the differentiable operations, each as a fused kernel and as a composite of candle's own |
//! | [`rows`] | a batch as the model sees it: inputs, targets, sequences |
//! | [`loader`], [`source`] | which rows make up batch *k*; the seams to the outside |
//! | [`optimizer`], [`schedule`] | AdamW and Muon, gradient clipping, learning rate |
//! | `replicas`, `exchange` | the copies of a model on several GPUs, and the sum of their gradients |
//! | [`settings`], [`train`], [`progress`], [`guard`] | the training loop, what it tells, what it watches |
//! | [`loss`], [`choice`] | evaluation in nats per token and bits per byte; multiple choice |
//! | [`plan`](mod@plan) | what a run will take: operations, tokens, memory |
//! | [`checkpoint`] | what a checkpoint holds |
//! | [`export`] | Hugging Face folders and GGUF, out and in |
//! | [`generate`](mod@generate) | sampling with a key-value cache |

pub mod checkpoint;
pub mod choice;
pub mod config;
pub mod device;
pub mod error;
mod exchange;
pub mod export;
pub mod generate;
mod gradients;
pub mod guard;
pub mod llama;
pub mod loader;
pub mod loss;
pub mod ops;
pub mod optimizer;
pub mod parallel;
pub mod parameters;
pub mod plan;
pub mod presets;
pub mod progress;
pub mod random;
mod replicas;
pub mod rows;
pub mod schedule;
pub mod settings;
pub mod source;
mod tensors;
pub mod train;

pub use checkpoint::{load_model, to_files};
pub use config::{Activation, ModelConfig};
pub use error::{ModelError, StoreError};
pub use generate::{GenerateConfig, generate, generate_text};
pub use guard::Spike;
pub use llama::Llama;
pub use loss::{Evaluation, evaluate, evaluate_sources, unigram_entropy};
pub use optimizer::OptimizerKind;
pub use parallel::Lanes;
pub use plan::{MemoryPlan, Plan, plan};
pub use rows::Rows;
pub use schedule::Schedule;
pub use source::{
    Batch, BatchRow, BatchSource, CheckpointFiles, CheckpointStore, NoCheckpoints, TokenSource,
};
pub use tensors::Precision;
pub use train::{
    Control, Progress, StepPoint, TrainConfig, TrainSummary, TrainingData, ValidationPoint,
    pretrain, pretrain_on,
};
