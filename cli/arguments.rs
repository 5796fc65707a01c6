//! Commands and their flags.

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::shards_command::arguments::{Half, ShardsCommand};

/// From a raw web crawl to deduplicated, filtered, tokenized shards and a pretrained transformer.
#[derive(Debug, Parser)]
#[command(name = "gristmill", version, max_term_width = 100)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Flags of every command.
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Flags that every command knows.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Worker threads [default: all cores]
    #[arg(long, global = true, value_name = "N", help_heading = "Common options")]
    pub(crate) threads: Option<usize>,
    /// Memory for buffers, sorting and tables, such as 4GiB
    #[arg(long, global = true, value_name = "SIZE", help_heading = "Common options")]
    pub(crate) memory: Option<ByteSize>,
    /// Print data as JSON
    #[arg(long, global = true, help_heading = "Common options")]
    pub(crate) json: bool,
    /// Print results and errors only
    #[arg(long, global = true, help_heading = "Common options")]
    pub(crate) quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a small crawl and take it all the way to a trained model and a report
    Demo(DemoArguments),
    /// Run a recipe, or go on with it where it stopped
    Run(RunArguments),
    /// Show what a recipe would do
    Plan(PlanArguments),
    /// Ask the tables of a run in SQL
    Sql(SqlArguments),
    /// Show documents of a run
    Show(ShowArguments),
    /// Read every file of a finished run again and compare it with the manifest
    Verify(VerifyArguments),
    /// Train a transformer on shards, without a recipe
    Pretrain(PretrainArguments),
    /// Continue a text with a model
    Generate(GenerateArguments),
    /// Measure a model on shards, by source, or on questions with choices
    Eval(EvalArguments),
    /// Write a model in the form of Hugging Face or llama.cpp
    Export(ExportModelArguments),
    /// Apply stages to files, without a recipe
    Apply(ApplyArguments),
    /// List the stock stages, or print one to copy and change
    Stages(StagesArguments),
    /// Remove exact and near duplicates from files, without a recipe
    Dedup(DedupArguments),
    /// Show how the quality signals of documents are distributed, to choose thresholds by
    Stats(StatsArguments),
    /// Train a text classifier, or measure one
    #[command(subcommand)]
    Classifier(ClassifierCommand),
    /// Train a tokenizer, or encode files with one, without a recipe
    #[command(subcommand)]
    Tokenizer(TokenizerCommand),
    /// Look at token shards, lay them out in rows, bring them into other trainers' forms
    #[command(subcommand)]
    Shards(ShardsCommand),
}

/// Flags of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Where crawl, recipe and run go
    #[arg(long, value_name = "DIR", default_value = "runs/demo")]
    pub(crate) output: PathBuf,
}

/// Flags of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// The recipe, a TOML file
    pub(crate) recipe: PathBuf,
    /// The run directory, instead of the recipe's
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Remove an older run in the output and begin anew
    #[arg(long)]
    pub(crate) fresh: bool,
}

/// Flags of `plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    /// The recipe, a TOML file
    pub(crate) recipe: PathBuf,
    /// The run directory, instead of the recipe's
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Say what deduplication takes for so many documents, instead of those of the inputs
    #[arg(long, value_name = "N")]
    pub(crate) documents: Option<u64>,
}

/// Flags of `sql`.
#[derive(Debug, Args)]
pub(crate) struct SqlArguments {
    /// The run directory
    pub(crate) run: PathBuf,
    /// One SELECT over docs, dropped, quarantine, ledger, languages, clusters,
    /// large_clusters, shard_docs, training, validation
    pub(crate) query: String,
}

/// Flags of `show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The run directory
    pub(crate) run: PathBuf,
    /// Dropped documents instead of kept ones
    #[arg(long)]
    pub(crate) dropped: bool,
    /// Only those with this drop reason (implies --dropped)
    #[arg(long, value_name = "R")]
    pub(crate) reason: Option<String>,
    /// Only those that this stage dropped (implies --dropped)
    #[arg(long, value_name = "S")]
    pub(crate) stage: Option<String>,
    /// How many
    #[arg(short, default_value_t = 5, value_name = "N")]
    pub(crate) n: usize,
    /// Show personal data as it is, instead of masked
    #[arg(long)]
    pub(crate) unmasked: bool,
}

/// Flags of `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// The run directory
    pub(crate) run: PathBuf,
}

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
    /// A folder of shards, or a run directory that has one
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
    /// cpu, cuda or auto
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,
    /// Go on with a run that was stopped
    #[arg(long)]
    pub(crate) resume: bool,
    /// The folder for checkpoints, curve and tokenizer
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,
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
    /// Folders of shards, run directories, or files of questions: {"context", "choices", "answer"} a line
    #[arg(required = true, value_name = "SHARDS|TASK.jsonl")]
    pub(crate) on: Vec<PathBuf>,
    /// Which half of shards
    #[arg(long, value_enum, default_value_t = Half::Validation)]
    pub(crate) split: Half,
    /// Tokens of each source at most
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

/// Input files of a command without a recipe.
#[derive(Debug, Args)]
pub(crate) struct InputArguments {
    /// WARC, WET, JSONL, Parquet or text files, globs, s3://, gs:// or https:// addresses
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<String>,
}

/// Flags of `apply`.
#[derive(Debug, Args)]
pub(crate) struct ApplyArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,
    /// A stock stage (`gristmill stages` lists them) or a .sql file; repeat for several
    #[arg(long = "stage", required = true, value_name = "S")]
    pub(crate) stages: Vec<String>,
    /// A parameter of a stage, such as `language.keep=["en"]`; repeat for several
    #[arg(long = "with", value_name = "STAGE.NAME=VALUE")]
    pub(crate) with: Vec<String>,
    /// A .jsonl, .jsonl.zst or .parquet file, or a folder for Parquet parts
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) output: PathBuf,
    /// Keep every row, with its drop_reason, instead of dropping
    #[arg(long)]
    pub(crate) annotate: bool,
    /// A tokenizer.json for n_tokens(text)
    #[arg(long, value_name = "FILE")]
    pub(crate) tokenizer: Option<PathBuf>,
}

/// Flags of `stages`.
#[derive(Debug, Args)]
pub(crate) struct StagesArguments {
    /// The stage whose SQL is printed
    pub(crate) stage: Option<String>,
}

/// Flags of `dedup`.
#[derive(Debug, Args)]
pub(crate) struct DedupArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,
    /// A .jsonl, .jsonl.zst or .parquet file, or a folder for Parquet parts; without it, survivors are
    /// only told in --clusters
    #[arg(long, value_name = "FILE|DIR", required_unless_present_any = ["clusters", "datatrove_files"])]
    pub(crate) output: Option<PathBuf>,
    /// fast: ours, finds most; fineweb: FineWeb's bands; datatrove-0.10: datatrove's to the byte, and
    /// nothing but that
    #[arg(long, value_name = "PRESET", default_value = "fast")]
    pub(crate) preset: String,
    /// Similarity of word 5-grams from which documents are near duplicates [default: 0.75]
    #[arg(long, value_name = "T")]
    pub(crate) threshold: Option<f64>,
    /// How candidates are checked: jaccard, containment, signature or off [default: jaccard]
    #[arg(long, value_name = "HOW")]
    pub(crate) verify: Option<String>,
    /// Which document of a cluster survives, an ORDER BY list [default: length(text) DESC]
    #[arg(long, value_name = "ORDER BY …")]
    pub(crate) keep: Option<String>,
    /// What exact duplicates have in common: text, normalised, url, or an SQL expression [default: text]
    #[arg(long, value_name = "WHAT")]
    pub(crate) on: Option<String>,
    /// Write clusters, members, survivors and similarities to this Parquet file
    #[arg(long, value_name = "FILE")]
    pub(crate) clusters: Option<PathBuf>,
    /// Write datatrove's signatures, buckets and removals to this folder (preset datatrove-0.10)
    #[arg(long, value_name = "DIR")]
    pub(crate) datatrove_files: Option<PathBuf>,
}

/// Flags of `stats`.
#[derive(Debug, Args)]
pub(crate) struct StatsArguments {
    /// Files as for `apply`, a recipe (.toml), or the directory of a run
    #[arg(required = true, value_name = "SOURCE")]
    pub(crate) sources: Vec<String>,
    /// What documents are grouped by
    #[arg(long, value_enum, default_value = "language")]
    pub(crate) by: StatsBy,
    /// Print only these measures, such as mean_word_length; repeat for several
    #[arg(long = "measure", value_name = "NAME")]
    pub(crate) measures: Vec<String>,
    /// Print at most this many groups, the largest
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub(crate) groups: usize,
    /// Plot all distributions to this HTML file
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Groups of `stats`.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum StatsBy {
    /// One group of all documents
    All,
    /// By source: the files of an argument, or a recipe's sources
    Source,
    /// By language
    Language,
    /// By source and language
    SourceLanguage,
}

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
