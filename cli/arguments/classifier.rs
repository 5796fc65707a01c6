//! The `classifier` commands and their flags.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The commands of `classifier`.
#[derive(Debug, Subcommand)]
pub(crate) enum ClassifierCommand {
    /// Train a fastText model on labelled texts and evaluate it on held-out ones
    Train(ClassifierTrainArguments),
    /// Evaluate a fastText model on labelled texts
    Eval(ClassifierEvalArguments),
}

/// Labelled texts.
#[derive(Debug, Args)]
pub(crate) struct LabelArguments {
    /// Parquet or JSONL files of labelled texts
    #[arg(required = true, value_name = "LABELS")]
    pub(crate) labels: Vec<String>,
    /// The field that holds the text
    #[arg(long, default_value = "text", value_name = "NAME")]
    pub(crate) text: String,
    /// The field that holds the label
    #[arg(long, default_value = "label", value_name = "NAME")]
    pub(crate) label: String,
}

/// Flags of `classifier train`.
#[derive(Debug, Args)]
pub(crate) struct ClassifierTrainArguments {
    #[command(flatten)]
    pub(crate) labels: LabelArguments,
    /// The model file to write; a .ftz model is quantized, a .bin model is not
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Fraction of the texts held out for evaluation
    #[arg(long, default_value_t = 0.1, value_name = "F")]
    pub(crate) held_out: f64,
    /// Dimension of the word vectors
    #[arg(long, default_value_t = 32, value_name = "N")]
    pub(crate) dim: usize,
    /// Number of passes over the training texts
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub(crate) epochs: u32,
    /// Initial learning rate
    #[arg(long, default_value_t = 0.3, value_name = "R")]
    pub(crate) learning_rate: f32,
    /// Maximum length of the word n-grams used as features
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub(crate) word_ngrams: usize,
    /// Minimum and maximum length of subword features in characters, such as 3,5; 0,0 disables them
    #[arg(long, default_value = "0,0", value_name = "MIN,MAX")]
    pub(crate) subwords: String,
    /// Number of hash buckets for word n-grams and subwords
    #[arg(long, default_value_t = 500_000, value_name = "N")]
    pub(crate) bucket: usize,
    /// Vectors to keep in a .ftz model, largest norm first; each takes about --dim / 2 bytes
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    pub(crate) cutoff: usize,
    /// Random seed; the same seed gives the same model
    #[arg(long, default_value_t = 17, value_name = "S")]
    pub(crate) seed: u64,
}

/// Flags of `classifier eval`.
#[derive(Debug, Args)]
pub(crate) struct ClassifierEvalArguments {
    #[command(flatten)]
    pub(crate) labels: LabelArguments,
    /// The fastText model, a .bin or .ftz file
    #[arg(long, value_name = "FILE")]
    pub(crate) model: PathBuf,
}
