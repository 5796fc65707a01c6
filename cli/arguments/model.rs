//! Flags of the commands over models.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::shards_command::arguments::Half;

/// Flags of `generate`.
#[derive(Debug, Args)]
pub(crate) struct GenerateArguments {
    /// A run directory, what `pretrain` made, or a folder with config.json and model.safetensors
    #[arg(value_name = "MODEL_DIR")]
    pub(crate) model: PathBuf,
    /// What the text begins with
    #[arg(long, default_value = "The")]
    pub(crate) prompt: String,
    /// Tokens to add at most
    #[arg(long, default_value_t = 128, value_name = "N")]
    pub(crate) max_tokens: usize,
    /// 0 takes the likeliest token, 1 samples as the model judges
    #[arg(long, default_value_t = 0.8, value_name = "T")]
    pub(crate) temperature: f64,
    /// Sample among this many likeliest tokens; 0 for all
    #[arg(long, default_value_t = 50, value_name = "K")]
    pub(crate) top_k: usize,
    /// Sample among the likeliest tokens that together have this probability; 1 for all
    #[arg(long, default_value_t = 1.0, value_name = "P")]
    pub(crate) top_p: f64,
    /// Sample among tokens at least this times as likely as the likeliest; 0 for all
    #[arg(long, default_value_t = 0.0, value_name = "P")]
    pub(crate) min_p: f64,
    /// Make tokens that the text has already less likely by this factor; 1 leaves them as they are
    #[arg(long, default_value_t = 1.0, value_name = "R")]
    pub(crate) repetition_penalty: f64,
    /// End before this string; repeat for several
    #[arg(long, value_name = "TEXT")]
    pub(crate) stop: Vec<String>,
    /// The same seed gives the same text
    #[arg(long, default_value_t = 17, value_name = "S")]
    pub(crate) seed: u64,
    /// cpu, cuda or auto
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,
}

/// Flags of `pretrain`.
#[derive(Debug, Args)]
pub(crate) struct PretrainArguments {
    /// A folder of shards, a run directory that has one, or an s3:// or gs:// address
    #[arg(value_name = "SHARDS")]
    pub(crate) shards: PathBuf,
    /// The model's shape: vocab_size, dim, layers, heads, kv_heads, ffn_dim, tie_embeddings, qk_norm,
    /// rope_theta, norm_eps
    #[arg(long, conflicts_with = "preset", value_name = "MODEL.toml")]
    pub(crate) config: Option<PathBuf>,
    /// A shape with a name: tiny, mini, small, base, medium, large, 1b, or dN for a depth of N
    #[arg(long, value_name = "P")]
    pub(crate) preset: Option<String>,
    /// Start from the weights of this model
    #[arg(long, value_name = "MODEL_DIR")]
    pub(crate) init: Option<PathBuf>,
    /// Optimiser steps
    #[arg(long, value_name = "N")]
    pub(crate) steps: usize,
    /// Rows of a step
    #[arg(long, default_value_t = 16, value_name = "B")]
    pub(crate) batch: usize,
    /// Tokens of a row [default: the shape's]
    #[arg(long, value_name = "T")]
    pub(crate) context: Option<usize>,
    /// Rows that go through the model at a time; 0 chooses
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) micro_batch: usize,
    /// Which optimiser
    #[arg(long, value_enum, default_value_t = OptimizerName::Adamw)]
    pub(crate) optimizer: OptimizerName,
    /// Peak of the learning rate
    #[arg(long, default_value_t = 1e-3, value_name = "X")]
    pub(crate) lr: f64,
    /// The shape of the learning rate
    #[arg(long, value_enum, default_value_t = ScheduleName::Cosine)]
    pub(crate) schedule: ScheduleName,
    /// Steps over which it rises [default: a tenth of all]
    #[arg(long, value_name = "N")]
    pub(crate) warmup: Option<usize>,
    /// Decoupled decay of matrices
    #[arg(long, default_value_t = 0.1, value_name = "X")]
    pub(crate) weight_decay: f64,
    /// Weight of the squared logarithm of the softmax's sum; 0 for none
    #[arg(long, default_value_t = 0.0, value_name = "X")]
    pub(crate) z_loss: f64,
    /// Compute layers again in the backward pass instead of keeping them in memory
    #[arg(long)]
    pub(crate) recompute: bool,
    /// Leave out the update of a step whose loss or gradient is far off
    #[arg(long)]
    pub(crate) skip_spikes: bool,
    /// Steps between evaluations; 0 for one at the end
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub(crate) eval_every: usize,
    /// Batches of an evaluation; 0 for all rows
    #[arg(long, default_value_t = 8, value_name = "N")]
    pub(crate) eval_batches: usize,
    /// Steps between checkpoints; 0 for one at the end
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub(crate) checkpoint_every: usize,
    /// Seed of weights and order
    #[arg(long, default_value_t = 17, value_name = "S")]
    pub(crate) seed: u64,
    /// cpu, cuda, auto, or several GPUs as cuda:0,1 or cuda:all
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,
    /// Go on with a run that was stopped
    #[arg(long)]
    pub(crate) resume: bool,
    /// The folder for checkpoints, curve and tokenizer
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

/// Flags of `plan --pretrain`.
#[derive(Debug, Args)]
#[group(requires = "pretrain")]
pub(crate) struct PlannedModelArguments {
    /// The model's shape, as for `pretrain`
    #[arg(long, conflicts_with_all = ["recipe", "preset"], value_name = "MODEL.toml")]
    pub(crate) config: Option<PathBuf>,
    /// A shape with a name, as for `pretrain` [default: tiny]
    #[arg(long, conflicts_with = "recipe", value_name = "P")]
    pub(crate) preset: Option<String>,
    /// Tokens of a preset's vocabulary
    #[arg(long, default_value_t = 32_768, conflicts_with_all = ["recipe", "config"], value_name = "N")]
    pub(crate) vocab_size: usize,
    /// Optimiser steps [default: those that suit the parameters]
    #[arg(long, conflicts_with = "recipe", value_name = "N")]
    pub(crate) steps: Option<usize>,
    /// Rows of a step
    #[arg(long, default_value_t = 16, conflicts_with = "recipe", value_name = "B")]
    pub(crate) batch: usize,
    /// Tokens of a row [default: the shape's]
    #[arg(long, conflicts_with = "recipe", value_name = "T")]
    pub(crate) context: Option<usize>,
    /// Which optimiser
    #[arg(long, value_enum, default_value_t = OptimizerName::Adamw, conflicts_with = "recipe")]
    pub(crate) optimizer: OptimizerName,
    /// Compute layers again in the backward pass instead of keeping them in memory
    #[arg(long, conflicts_with = "recipe")]
    pub(crate) recompute: bool,
    /// A speed that is known, instead of measuring a step here
    #[arg(long, value_name = "X")]
    pub(crate) tokens_per_second: Option<f64>,
    /// Operations a second that the device can do at most, as 9.9e14: tells which share is used (MFU)
    #[arg(long, value_name = "X")]
    pub(crate) peak_flops: Option<f64>,
}

/// An optimiser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OptimizerName {
    /// `AdamW` for all parameters.
    Adamw,
    /// Muon for the hidden matrices, `AdamW` for the rest.
    Muon,
}

impl From<OptimizerName> for model::OptimizerKind {
    fn from(name: OptimizerName) -> Self {
        match name {
            OptimizerName::Adamw => Self::Adamw,
            OptimizerName::Muon => Self::Muon,
        }
    }
}

/// The shape of a learning rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScheduleName {
    /// A cosine from the peak to a tenth.
    Cosine,
    /// Level, then down in the last fifth.
    Wsd,
}

impl From<ScheduleName> for model::Schedule {
    fn from(name: ScheduleName) -> Self {
        match name {
            ScheduleName::Cosine => Self::Cosine,
            ScheduleName::Wsd => Self::Wsd,
        }
    }
}

/// Flags of `eval`.
#[derive(Debug, Args)]
pub(crate) struct EvalArguments {
    /// A run directory, what `pretrain` made, or a folder with config.json and model.safetensors
    #[arg(value_name = "MODEL_DIR")]
    pub(crate) model: PathBuf,
    /// Shards as for `pretrain`, or files of questions: {"context", "choices", "answer"} a line
    #[arg(required = true, value_name = "SHARDS|TASK.jsonl")]
    pub(crate) on: Vec<PathBuf>,
    /// Which half of shards
    #[arg(long, value_enum, default_value_t = Half::Validation)]
    pub(crate) split: Half,
    /// Tokens of each source, about: whole documents from the first on, one at least
    #[arg(long, default_value_t = 1_000_000, value_name = "N")]
    pub(crate) tokens: u64,
    /// What `eval --json` printed earlier: exit with 1 where something has become worse
    #[arg(long, value_name = "FILE")]
    pub(crate) against: Option<PathBuf>,
    /// How much worse is accepted, as a share
    #[arg(long, default_value_t = 0.01, value_name = "X")]
    pub(crate) tolerance: f64,
    /// cpu, cuda or auto
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,
}

/// Flags of `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportModelArguments {
    /// A run directory, what `pretrain` made, or a folder with config.json and model.safetensors
    #[arg(value_name = "MODEL_DIR")]
    pub(crate) model: PathBuf,
    /// Hugging Face's folder, or llama.cpp's file
    #[arg(long = "as", value_enum, value_name = "FORM")]
    pub(crate) form: ModelForm,
    /// Store weights in 16 bits
    #[arg(long)]
    pub(crate) bf16: bool,
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

/// The form of an exported model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ModelForm {
    /// config.json, model.safetensors and the tokenizer's files.
    Hf,
    /// model.gguf.
    Gguf,
}
