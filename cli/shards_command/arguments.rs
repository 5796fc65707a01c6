//! The `shards` commands and their flags.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use shards::formats::Format;

/// The export format for data frames; trainers do not read it.
pub(crate) const PARQUET: &str = "parquet";

/// The commands of `shards`.
#[derive(Debug, Subcommand)]
pub(crate) enum ShardsCommand {
    /// Summarise a dataset
    Stat(StatArguments),
    /// Check every file of a dataset and list damage by file and byte range
    Verify(DatasetArguments),
    /// Print one document
    Cat(CatArguments),
    /// Pack documents into rows of equal length and write the packing plan beside the tokens
    Pack(PackArguments),
    /// Print the rows that a training step reads
    Order(OrderArguments),
    /// Print the documents that a training step reads
    ExplainStep(ExplainArguments),
    /// Export a dataset to another trainer's format
    Export(ExportArguments),
    /// Create a dataset from another tool's files
    Import(ImportArguments),
    /// Upload a dataset to an object store; the manifest goes last, so readers never see a partial
    /// copy
    Upload(UploadArguments),
}

/// The dataset.
#[derive(Debug, Args)]
pub(crate) struct DatasetArguments {
    /// A folder of shards, a run directory that has one, or an s3:// or gs:// address
    #[arg(value_name = "SHARDS")]
    pub(crate) dataset: PathBuf,
}

/// Flags of `shards upload`.
#[derive(Debug, Args)]
pub(crate) struct UploadArguments {
    #[command(flatten)]
    pub(crate) dataset: DatasetArguments,
    /// The destination, such as s3://bucket/name
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) to: String,
}

/// Flags of `shards stat`.
#[derive(Debug, Args)]
pub(crate) struct StatArguments {
    #[command(flatten)]
    pub(crate) dataset: DatasetArguments,
}

/// Flags of `shards cat`.
#[derive(Debug, Args)]
pub(crate) struct CatArguments {
    #[command(flatten)]
    pub(crate) dataset: DatasetArguments,
    /// The document's number in its half, counted from 0
    #[arg(long, value_name = "N")]
    pub(crate) doc: u64,
    /// The half of the dataset
    #[arg(long, value_enum, default_value_t = Half::Train)]
    pub(crate) split: Half,
    /// The tokenizer that made the ids [default: the dataset's tokenizer.json]
    #[arg(long, value_name = "FILE")]
    pub(crate) tokenizer: Option<PathBuf>,
    /// Print the ids instead of the text
    #[arg(long)]
    pub(crate) ids: bool,
}

/// A half of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Half {
    /// The training tokens
    Train,
    /// The held-out tokens
    Validation,
}

/// How documents are packed into rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Packing {
    /// Documents one after another, cut where a row is full
    Concat,
    /// Whole documents where they fit best; longer ones are split into full rows and a remainder
    BestFit,
    /// Like best-fit, but tokens of a document beyond one row are dropped
    Truncate,
}

/// How the rows are packed.
#[derive(Debug, Args)]
pub(crate) struct RowArguments {
    /// Predicted positions per row; a row has one token more [default: those of the run that holds
    /// the dataset and trained on it, else 2048]
    #[arg(long, value_name = "N")]
    pub(crate) sequence_length: Option<u32>,
    /// How to pack documents into rows
    #[arg(long, value_enum, default_value_t = Packing::BestFit)]
    pub(crate) packing: Packing,
    /// The half of the dataset
    #[arg(long, value_enum, default_value_t = Half::Train)]
    pub(crate) split: Half,
}

/// Flags of `shards pack`.
#[derive(Debug, Args)]
pub(crate) struct PackArguments {
    #[command(flatten)]
    pub(crate) dataset: DatasetArguments,
    #[command(flatten)]
    pub(crate) rows: RowArguments,
    /// The plan file to write [default: SPLIT-PACKING-N.plan beside the tokens]
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// What determines the order of the training rows.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) rows: RowArguments,
    /// The packing plan to read, instead of the one that the packing flags select
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
    /// Rows per batch, over all ranks [default: those of the run, else 32]
    #[arg(long, value_name = "N")]
    pub(crate) batch: Option<u64>,
    /// The seed for shuffling [default: that of the run, else 17]
    #[arg(long, value_name = "S")]
    pub(crate) seed: Option<u64>,
    /// The weight of a source, such as `web=0.7`, or `1000:web=0.2` from step 1000 on; sources
    /// without a weight get 0 [default: by number of rows]
    #[arg(long = "weight", value_name = "[STEP:]SOURCE=W")]
    pub(crate) weights: Vec<String>,
    /// Total number of training tokens, after which the order ends
    #[arg(long, value_name = "N")]
    pub(crate) tokens: Option<u64>,
}

/// Flags of `shards order`.
#[derive(Debug, Args)]
pub(crate) struct OrderArguments {
    #[command(flatten)]
    pub(crate) dataset: DatasetArguments,
    /// The step, counted from 0
    #[arg(long, value_name = "K")]
    pub(crate) step: u64,
    #[command(flatten)]
    pub(crate) run: RunArguments,
    /// Print only the rows of this rank, counted from 0
    #[arg(long, requires = "world", value_name = "R")]
    pub(crate) rank: Option<u64>,
    /// Number of ranks
    #[arg(long, requires = "rank", value_name = "W")]
    pub(crate) world: Option<u64>,
    /// Also print the token ids of the rows
    #[arg(long)]
    pub(crate) ids: bool,
}

/// Flags of `shards explain-step`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    #[command(flatten)]
    pub(crate) dataset: DatasetArguments,
    /// The step, counted from 0
    #[arg(value_name = "K")]
    pub(crate) step: u64,
    #[command(flatten)]
    pub(crate) run: RunArguments,
}

/// Flags of `shards export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    pub(crate) dataset: DatasetArguments,
    #[arg(long = "as", value_name = "FORMAT", help = export_formats())]
    pub(crate) format: String,
    /// The folder to create
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

/// Flags of `shards import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    #[arg(long = "from", value_name = "FORMAT", help = import_formats())]
    pub(crate) format: String,
    /// The files to import; those with `val` or `validation` in their name are held out
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Vocabulary size: every id must be below it
    #[arg(long, value_name = "N")]
    pub(crate) vocab_size: usize,
    /// The tokenizer that made the ids, to decode text, count bytes and find the end-of-text id; it
    /// is stored in the dataset
    #[arg(long, value_name = "FILE")]
    pub(crate) tokenizer: Option<PathBuf>,
    /// The end-of-text id that separates documents [default: the tokenizer's]
    #[arg(long, value_name = "ID")]
    pub(crate) end_of_text: Option<u32>,
    /// The source name to record for the documents
    #[arg(long, default_value = "", value_name = "NAME")]
    pub(crate) source: String,
    /// The folder to create
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

fn export_formats() -> String {
    let mut names: Vec<&str> = Format::ALL.iter().map(Format::name).collect();
    names.push(PARQUET);
    alternatives(&names)
}

fn import_formats() -> String {
    let importable = Format::ALL.iter().filter(|format| format.can_import());
    alternatives(&importable.map(Format::name).collect::<Vec<_>>())
}

/// `a, b or c`.
fn alternatives(names: &[&str]) -> String {
    match names {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => names.concat(),
    }
}
