//! The transformer: a Llama-compatible decoder on candle, its trainer and its generator.
//!
//! Token ids come in through [`TokenSource`], checkpoints go out through [`CheckpointStore`]; this crate
//! knows neither files nor engines. A run is a pure function of (configuration, seed, tokens): it is
//! bit-equal for any number of threads and for any number of interruptions.
//!
//! | module | concept |
//! |---|---|
//! | [`config`] | the shape of a model, its presets, its Hugging Face `config.json` |
//! | [`llama`] | the decoder: parameters, forward pass |
//! | [`ops`] | the differentiable operations, each as a fused kernel and as a composite of candle's own |
//! | [`loss`] | evaluation in nats per token and bits per byte |
//! | [`loader`] | which rows make up batch *k* |
//! | [`optimizer`], [`schedule`] | AdamW, gradient clipping, learning rate |
//! | [`train`] | the training loop |
//! | [`checkpoint`] | what a checkpoint holds |
//! | [`generate`](mod@generate) | sampling with a key-value cache |

pub mod checkpoint;
pub mod config;
pub mod device;
pub mod error;
pub mod generate;
pub mod llama;
pub mod loader;
pub mod loss;
pub mod ops;
pub mod optimizer;
pub mod parallel;
pub mod parameters;
pub mod random;
pub mod schedule;
pub mod source;
pub mod train;

pub use checkpoint::{load_model, to_files};
pub use config::ModelConfig;
pub use error::ModelError;
pub use generate::{GenerateConfig, generate};
pub use llama::Llama;
pub use loss::{Evaluation, evaluate, unigram_entropy};
pub use parallel::Lanes;
pub use source::{CheckpointFiles, CheckpointStore, StoreError, TokenSource};
pub use train::{
    Control, Progress, StepPoint, TrainConfig, TrainSummary, ValidationPoint, pretrain,
};
