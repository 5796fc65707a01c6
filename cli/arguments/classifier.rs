//! Commands over classifiers and their flags.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The commands of `classifier`.
#[derive(Debug, Subcommand)]
pub(crate) enum ClassifierCommand {
    /// Train a fastText model on labelled texts and measure it on some that are held out
    Train(ClassifierTrainArguments),
    /// Measure a fastText model on labelled texts
    Eval(ClassifierEvalArguments),
}

/// Labelled texts.
#[derive(Debug, Args)]
pub(crate) struct LabelArguments {
    /// Parquet or JSONL files of texts with labels
    #[arg(required = true, value_name = "LABELS")]
    pub(crate) labels: Vec<String>,
    /// The field of the text
    #[arg(long, default_value = "text", value_name = "NAME")]
    pub(crate) text: String,
    /// The field of the label
    #[arg(long, default_value = "label", value_name = "NAME")]
    pub(crate) label: String,
}

/// Flags of `classifier train`.
#[derive(Debug, Args)]
pub(crate) struct ClassifierTrainArguments {
    #[command(flatten)]
    pub(crate) labels: LabelArguments,
    /// The model to write: .ftz is quantized, .bin is not
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Share of the texts that only measure
    #[arg(long, default_value_t = 0.1, value_name = "F")]
    pub(crate) held_out: f64,
    /// Length of the vectors
    #[arg(long, default_value_t = 32, value_name = "N")]
    pub(crate) dim: usize,
    /// How often each text is seen
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub(crate) epochs: u32,
    /// Size of the first steps
    #[arg(long, default_value_t = 0.3, value_name = "R")]
    pub(crate) learning_rate: f32,
    /// Longest runs of words that are features
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub(crate) word_ngrams: usize,
    /// Shortest and longest subwords that are features, such as 3,5; 0,0 for none
    #[arg(long, default_value = "0,0", value_name = "MIN,MAX")]
    pub(crate) subwords: String,
    /// Rows that word runs and subwords share by their hashes
    #[arg(long, default_value_t = 500_000, value_name = "N")]
    pub(crate) bucket: usize,
    /// Rows that a .ftz model keeps, those that weigh most; each takes about half of --dim in bytes
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    pub(crate) cutoff: usize,
    /// The same seed gives the same model
    #[arg(long, default_value_t = 17, value_name = "S")]
    pub(crate) seed: u64,
}

/// Flags of `classifier eval`.
#[derive(Debug, Args)]
pub(crate) struct ClassifierEvalArguments {
    #[command(flatten)]
    pub(crate) labels: LabelArguments,
    /// The fastText model, .bin or .ftz
    #[arg(long, value_name = "FILE")]
    pub(crate) model: PathBuf,
}
