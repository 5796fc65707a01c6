//! The `tokenizer` commands and their flags.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::InputArguments;

/// The commands of `tokenizer`.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenizerCommand {
    /// Count the words in files, so that tokenizers can be trained from the counts in seconds
    Count(CountArguments),
    /// Train a byte-level BPE tokenizer on files or word counts
    Train(TrainArguments),
    /// Encode files as token shards
    Encode(EncodeArguments),
    /// Decode token ids to text
    Decode(DecodeArguments),
    /// Measure how well a tokenizer, at several vocabulary sizes, compresses files or word counts
    Eval(TokenizerEvalArguments),
    /// Describe a tokenizer, or show how it splits a text
    Show(TokenizerShowArguments),
    /// Convert a tokenizer to another format
    Export(ExportArguments),
}

/// Which documents are counted, and in which groups.
#[derive(Debug, Args)]
pub(crate) struct GroupArguments {
    /// A stock stage or .sql file to apply to the documents first; can be repeated
    #[arg(long = "stage", value_name = "S")]
    pub(crate) stages: Vec<String>,
    /// A stage parameter, such as `language.keep=["en","fr"]`; can be repeated
    #[arg(long = "with", value_name = "STAGE.NAME=VALUE")]
    pub(crate) with: Vec<String>,
    /// Count each value of this column separately, such as `language` after `--stage language`
    #[arg(long, value_name = "COLUMN")]
    pub(crate) by: Option<String>,
}

/// Flags of `tokenizer count`.
#[derive(Debug, Args)]
pub(crate) struct CountArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,
    #[command(flatten)]
    pub(crate) groups: GroupArguments,
    /// How to split text into words: gpt2, gpt4, cl100k_base, o200k, qwen2, or regex:PATTERN
    #[arg(long, default_value_t = tokenizer::Split::Gpt4, value_name = "SPLIT")]
    pub(crate) split: tokenizer::Split,
    /// The file to write, FILE.counts; with --by, a folder with one file per value
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) output: PathBuf,
}

/// Flags of `tokenizer eval`.
#[derive(Debug, Args)]
pub(crate) struct TokenizerEvalArguments {
    /// A tokenizer.json, NAME.tiktoken, NAME.gguf, or vocab.json with merges.txt beside it
    pub(crate) tokenizer: PathBuf,
    #[command(flatten)]
    pub(crate) input: InputArguments,
    #[command(flatten)]
    pub(crate) groups: GroupArguments,
    /// Smaller vocabulary sizes to report as well, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "N")]
    pub(crate) also: Vec<usize>,
}

/// Flags of `tokenizer train`.
#[derive(Debug, Args)]
pub(crate) struct TrainArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,
    /// Vocabulary size, including the 256 bytes and the special tokens
    #[arg(long, default_value_t = 32_768, value_name = "N")]
    pub(crate) vocab_size: usize,
    /// Smaller vocabulary sizes to write as well, as FILE-N.json, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "N")]
    pub(crate) also: Vec<usize>,
    /// How to split text into words: gpt2, gpt4, cl100k_base, o200k, qwen2, or regex:PATTERN
    /// [default: gpt4, or the split of the counts]
    #[arg(long, value_name = "SPLIT")]
    pub(crate) split: Option<tokenizer::Split>,
    /// The trainer whose tie-breaking and id order to reproduce: hf, rustbpe, minbpe or cs336
    #[arg(long, default_value_t = tokenizer::Profile::Hf, value_name = "P")]
    pub(crate) profile: tokenizer::Profile,
    /// Minimum count of a pair to be merged
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) min_frequency: u64,
    /// Merges only create tokens shorter than this many bytes
    #[arg(long, value_name = "N")]
    pub(crate) max_token_length: Option<usize>,
    /// A special token; can be repeated; the first one ends each document
    #[arg(long = "special", default_value = "<|endoftext|>", value_name = "TOKEN")]
    pub(crate) special_tokens: Vec<String>,
    /// The weight of a group's count file, such as `fr=2.5`; can be repeated
    #[arg(long = "weight", value_name = "GROUP=W", conflicts_with = "temperature")]
    pub(crate) weights: Vec<String>,
    /// Raise the shares of the count files to the power 1/T, which evens them out for T > 1
    #[arg(long, value_name = "T")]
    pub(crate) temperature: Option<f64>,
    /// The tokenizer.json to write
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// Flags of `tokenizer decode`.
#[derive(Debug, Args)]
pub(crate) struct DecodeArguments {
    /// Token ids, separated by spaces or commas [default: read from standard input]
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// A tokenizer.json, NAME.tiktoken, NAME.gguf, or vocab.json with merges.txt beside it
    #[arg(long, value_name = "FILE")]
    pub(crate) tokenizer: PathBuf,
}

/// Flags of `tokenizer show`.
#[derive(Debug, Args)]
pub(crate) struct TokenizerShowArguments {
    /// A tokenizer.json, NAME.tiktoken, NAME.gguf, or vocab.json with merges.txt beside it
    pub(crate) tokenizer: PathBuf,
    /// Show the tokens of this text instead
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// How many of the longest tokens, and of each kind of odd token, to show
    #[arg(short, default_value_t = 5, value_name = "N")]
    pub(crate) n: usize,
}

/// Flags of `tokenizer export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// A tokenizer.json, NAME.tiktoken, NAME.gguf, or vocab.json with merges.txt beside it
    pub(crate) tokenizer: PathBuf,
    /// The file to write; its name selects the format: NAME.json, NAME.v2.json, NAME.tiktoken,
    /// NAME.gguf, or vocab.json with merges.txt beside it
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// Flags of `tokenizer encode`.
#[derive(Debug, Args)]
pub(crate) struct EncodeArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,
    /// A tokenizer.json, NAME.tiktoken, NAME.gguf, or vocab.json with merges.txt beside it
    #[arg(long, value_name = "FILE")]
    pub(crate) tokenizer: PathBuf,
    /// Fraction of the documents to hold out for validation, chosen by the hash of their text
    #[arg(long, default_value_t = 0.0, value_name = "F")]
    pub(crate) validation_fraction: f64,
    /// The folder to write the shards to
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}
