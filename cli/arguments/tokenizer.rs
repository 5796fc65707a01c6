//! Commands over tokenizers and their flags.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::InputArguments;

/// The commands of `tokenizer`.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenizerCommand {
    /// Count the words of files, to train from the counts in seconds and as often as needed
    Count(CountArguments),
    /// Train a byte-level BPE tokenizer on files or on their counts
    Train(TrainArguments),
    /// Encode files to token shards
    Encode(EncodeArguments),
    /// Print the text of token ids
    Decode(DecodeArguments),
    /// Tell how well a tokenizer, and smaller ones cut from it, encode files or their counts
    Eval(TokenizerEvalArguments),
    /// Show what a tokenizer is made of, or what it makes of a text
    Show(TokenizerShowArguments),
    /// Write a tokenizer in another form
    Export(ExportArguments),
}

/// Which documents are counted, and in which groups.
#[derive(Debug, Args)]
pub(crate) struct GroupArguments {
    /// A stock stage or a .sql file that the documents go through first; repeat for several
    #[arg(long = "stage", value_name = "S")]
    pub(crate) stages: Vec<String>,
    /// A parameter of a stage, such as `language.keep=["en","fr"]`; repeat for several
    #[arg(long = "with", value_name = "STAGE.NAME=VALUE")]
    pub(crate) with: Vec<String>,
    /// Count apart by the values of this column, such as `language` after `--stage language`
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
    /// How text is cut into words: gpt2, gpt4, cl100k_base, o200k, qwen2, or regex:PATTERN
    #[arg(long, default_value_t = tokenizer::Split::Gpt4, value_name = "SPLIT")]
    pub(crate) split: tokenizer::Split,
    /// The file to write, FILE.counts; with --by a folder, with a file for each value
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
    /// Smaller vocabularies to report as well, parted by commas
    #[arg(long, value_delimiter = ',', value_name = "N")]
    pub(crate) also: Vec<usize>,
}

/// Flags of `tokenizer train`.
#[derive(Debug, Args)]
pub(crate) struct TrainArguments {
    /// Files as for `run`, or FILE.counts and folders of such, which `tokenizer count` wrote
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<String>,
    /// Tokens, the 256 bytes and special tokens included
    #[arg(long, default_value_t = 32_768, value_name = "N")]
    pub(crate) vocab_size: usize,
    /// Smaller vocabularies to write as well, as FILE-N.json, parted by commas
    #[arg(long, value_delimiter = ',', value_name = "N")]
    pub(crate) also: Vec<usize>,
    /// How text is cut into words: gpt2, gpt4, cl100k_base, o200k, qwen2, or regex:PATTERN [default:
    /// gpt4; that of the counts]
    #[arg(long, value_name = "SPLIT")]
    pub(crate) split: Option<tokenizer::Split>,
    /// Whose order of equally frequent pairs and of ids: hf, rustbpe, minbpe or cs336
    #[arg(long, default_value_t = tokenizer::Profile::Hf, value_name = "P")]
    pub(crate) profile: tokenizer::Profile,
    /// Pairs seen less often are not merged
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) min_frequency: u64,
    /// Merges make no token of so many bytes or more
    #[arg(long, value_name = "N")]
    pub(crate) max_token_length: Option<usize>,
    /// A token with a meaning of its own; repeat for several; the first ends each document
    #[arg(long = "special", default_value = "<|endoftext|>", value_name = "TOKEN")]
    pub(crate) special_tokens: Vec<String>,
    /// How much the words of a count file count, as `fr=2.5`; repeat for several
    #[arg(long = "weight", value_name = "GROUP=W", conflicts_with = "temperature")]
    pub(crate) weights: Vec<String>,
    /// Make the shares of the count files more equal: to the power of 1 over this
    #[arg(long, value_name = "T")]
    pub(crate) temperature: Option<f64>,
    /// The tokenizer.json to write
    #[arg(long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// Flags of `tokenizer decode`.
#[derive(Debug, Args)]
pub(crate) struct DecodeArguments {
    /// Ids, parted by spaces or commas; without any they are read from the standard input
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
    /// How many of the longest and of each kind of odd tokens
    #[arg(short, default_value_t = 5, value_name = "N")]
    pub(crate) n: usize,
}

/// Flags of `tokenizer export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// A tokenizer.json, NAME.tiktoken, NAME.gguf, or vocab.json with merges.txt beside it
    pub(crate) tokenizer: PathBuf,
    /// The file to write; its name tells the form: NAME.json, NAME.v2.json, NAME.tiktoken, NAME.gguf, or
    /// vocab.json, which writes merges.txt beside it
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
    /// Share of the documents to hold out, chosen by the hash of their texts
    #[arg(long, default_value_t = 0.0, value_name = "F")]
    pub(crate) validation_fraction: f64,
    /// The folder for the shards
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}
