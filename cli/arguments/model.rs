//! Flags of the commands that train or use a model.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use model::{OptimizerKind, TrainConfig};

use crate::shards_command::arguments::Half;

/// Flags of `generate`.
#[derive(Debug, Args)]
pub(crate) struct GenerateArguments {
    /// A run directory, the output of `pretrain`, or a folder with config.json and
    /// model.safetensors
    #[arg(value_name = "MODEL_DIR")]
    pub(crate) model: PathBuf,
    /// The text to continue
    #[arg(long, default_value = "The")]
    pub(crate) prompt: String,
    /// Maximum number of tokens to generate
    #[arg(long, default_value_t = 128, value_name = "N")]
    pub(crate) max_tokens: usize,
    /// Sampling temperature: 0 always takes the most likely token, 1 keeps the model's distribution
    #[arg(long, default_value_t = 0.8, value_name = "T")]
    pub(crate) temperature: f64,
    /// Sample only from the K most likely tokens; 0 disables the limit
    #[arg(long, default_value_t = 50, value_name = "K")]
    pub(crate) top_k: usize,
    /// Sample only from the most likely tokens with total probability P; 1 disables the limit
    #[arg(long, default_value_t = 1.0, value_name = "P")]
    pub(crate) top_p: f64,
    /// Sample only from tokens at least P times as likely as the most likely one; 0 disables the
    /// limit
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    pub(crate) min_p: f64,
    /// Penalty on tokens that are already in the text; 1 disables it
    #[arg(long, default_value_t = 1.0, value_name = "R")]
    pub(crate) repetition_penalty: f64,
    /// Stop before this string; can be repeated
    #[arg(long, value_name = "TEXT")]
    pub(crate) stop: Vec<String>,
    /// Random seed; the same seed gives the same text
    #[arg(long, default_value_t = 17, value_name = "S")]
    pub(crate) seed: u64,
    /// Device to compute on: cpu, cuda or auto
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,
}

/// Flags of `pretrain`.
#[derive(Debug, Args)]
pub(crate) struct PretrainArguments {
    /// A folder of shards, a run directory with shards, or an s3:// or gs:// address
    #[arg(value_name = "SHARDS")]
    pub(crate) shards: PathBuf,
    /// A TOML file with the model's shape: vocab_size, dim, layers, heads, kv_heads, ffn_dim,
    /// tie_embeddings, qk_norm, rope_theta, norm_eps
    #[arg(long, conflicts_with = "preset", value_name = "MODEL.toml")]
    pub(crate) config: Option<PathBuf>,
    /// A named shape: tiny, mini, small, base, medium, large, 1b, or dN for N layers
    #[arg(long, value_name = "P")]
    pub(crate) preset: Option<String>,
    /// Start from the weights of this model
    #[arg(long, value_name = "MODEL_DIR")]
    pub(crate) init: Option<PathBuf>,
    /// Tokens per row [default: from the shape]
    #[arg(long, value_name = "T")]
    pub(crate) context: Option<usize>,
    #[command(flatten)]
    pub(crate) train: TrainConfig,
    /// Resume a run that was stopped
    #[arg(long)]
    pub(crate) resume: bool,
    /// The folder for checkpoints, training curve and tokenizer
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

/// Flags of `plan --pretrain`.
#[derive(Debug, Args)]
#[group(requires = "pretrain")]
pub(crate) struct PlannedModelArguments {
    /// A TOML file with the model's shape, as for `pretrain`
    #[arg(long, conflicts_with_all = ["recipe", "preset"], value_name = "MODEL.toml")]
    pub(crate) config: Option<PathBuf>,
    /// A named shape, as for `pretrain` [default: tiny]
    #[arg(long, conflicts_with = "recipe", value_name = "P")]
    pub(crate) preset: Option<String>,
    /// Vocabulary size for a preset
    #[arg(
        long,
        default_value_t = 32_768,
        conflicts_with_all = ["recipe", "config"],
        value_name = "N"
    )]
    pub(crate) vocab_size: usize,
    /// Optimiser steps [default: compute-optimal for the number of parameters]
    #[arg(long, conflicts_with = "recipe", value_name = "N")]
    pub(crate) steps: Option<usize>,
    /// Rows per step
    #[arg(
        long,
        default_value_t = TrainConfig::default().batch_size,
        conflicts_with = "recipe",
        value_name = "B"
    )]
    pub(crate) batch: usize,
    /// Tokens per row [default: from the shape]
    #[arg(long, conflicts_with = "recipe", value_name = "T")]
    pub(crate) context: Option<usize>,
    /// The optimiser
    #[arg(
        long,
        value_enum,
        default_value_t = TrainConfig::default().optimizer,
        conflicts_with = "recipe"
    )]
    pub(crate) optimizer: OptimizerKind,
    /// Recompute activations in the backward pass to save memory
    #[arg(long, conflicts_with = "recipe")]
    pub(crate) recompute: bool,
    /// Assume this speed instead of measuring a few steps
    #[arg(long, value_name = "X")]
    pub(crate) tokens_per_second: Option<f64>,
    /// The device's peak FLOP/s, such as 9.9e14, to compute model FLOPs utilisation (MFU)
    #[arg(long, value_name = "X")]
    pub(crate) peak_flops: Option<f64>,
}

/// Flags of `eval`.
#[derive(Debug, Args)]
pub(crate) struct EvalArguments {
    /// A run directory, the output of `pretrain`, or a folder with config.json and
    /// model.safetensors
    #[arg(value_name = "MODEL_DIR")]
    pub(crate) model: PathBuf,
    /// Shards as for `pretrain`, or JSONL files with {"context", "choices", "answer"} per line
    #[arg(required = true, value_name = "SHARDS|TASK.jsonl")]
    pub(crate) on: Vec<PathBuf>,
    /// The half of the shards to evaluate on
    #[arg(long, value_enum, default_value_t = Half::Validation)]
    pub(crate) split: Half,
    /// Maximum tokens per source, in whole documents from the first on; at least one document
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    pub(crate) tokens: u64,
    /// An earlier output of `eval --json`; exit with code 1 if any result is worse
    #[arg(long, value_name = "FILE")]
    pub(crate) against: Option<PathBuf>,
    /// How much worse a result of --against may be, as a fraction
    #[arg(long, default_value_t = 0.01, value_name = "X")]
    pub(crate) tolerance: f64,
    /// Device to compute on: cpu, cuda or auto
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,
}

/// Flags of `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportModelArguments {
    /// A run directory, the output of `pretrain`, or a folder with config.json and
    /// model.safetensors
    #[arg(value_name = "MODEL_DIR")]
    pub(crate) model: PathBuf,
    /// hf for Hugging Face, gguf for llama.cpp
    #[arg(long = "as", value_enum, value_name = "FORM")]
    pub(crate) form: ModelForm,
    /// Store the weights in 16 bits (bf16)
    #[arg(long)]
    pub(crate) bf16: bool,
    /// The folder to create
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

/// The format of an exported model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModelForm {
    /// config.json, model.safetensors and the tokenizer's files.
    Hf,
    /// model.gguf.
    Gguf,
}
