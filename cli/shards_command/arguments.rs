//! Commands over shards and their flags.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use shards::formats::Format;

/// The format that no trainer but every data frame reads.
pub(crate) const PARQUET: &str = "parquet";

/// What to do with a dataset.
#[derive(Debug, Subcommand)]
pub(crate) enum ShardsCommand {
    /// Show what a dataset holds
    Stat(StatArguments),
    /// Read every file of a dataset and name all damage by file and range
    Verify(DatasetArguments),
    /// Print a document
    Cat(CatArguments),
    /// Lay documents out in rows of one length, beside the tokens
    Pack(PackArguments),
    /// Print which rows a step of training reads
    Order(OrderArguments),
    /// Print the documents behind a step of training
    ExplainStep(ExplainArguments),
    /// Write a dataset in another trainer's form
    Export(ExportArguments),
    /// Make a dataset of another tool's files
    Import(ImportArguments),
    /// Copy a dataset to an object store; its description goes last, so that no part of it is ever seen
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
    /// Where to, as s3://bucket/name
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
    /// The document's number in its half, from 0
    #[arg(long, value_name = "N")]
    pub(crate) doc: u64,
    /// Which half
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
    /// Tokens to learn from.
    Train,
    /// Tokens held out.
    Validation,
}

/// How documents are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Packing {
    /// One after another, cut where a row is full.
    Concat,
    /// Whole documents where they fit best; longer ones in full rows and a rest.
    BestFit,
    /// As best-fit, but what a document has beyond a row is dropped.
    Truncate,
}

/// How rows are made.
#[derive(Debug, Args)]
pub(crate) struct RowArguments {
    /// Positions to learn from in a row; it has one token more
    #[arg(long, default_value_t = 2048, value_name = "N")]
    pub(crate) sequence_length: u32,
    /// How documents are laid out in rows
    #[arg(long, value_enum, default_value_t = Packing::BestFit)]
    pub(crate) packing: Packing,
    /// Which half
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
    /// The plan's file [default: SPLIT-PACKING-N.plan beside the tokens]
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// What decides the order of training.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) rows: RowArguments,
    /// A plan's file instead of the one that the flags above name
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
    /// Rows of a batch, over all ranks
    #[arg(long, default_value_t = 32, value_name = "N")]
    pub(crate) batch: u64,
    /// The seed of the shuffles
    #[arg(long, default_value_t = 17, value_name = "S")]
    pub(crate) seed: u64,
    /// The weight of a source, as `web=0.7`; those that are not named have none. Without any, sources
    /// count by their rows. With `STEP:` in front it holds from that step on
    #[arg(long = "weight", value_name = "[STEP:]SOURCE=W")]
    pub(crate) weights: Vec<String>,
    /// Tokens to learn from in all; the order ends with them
    #[arg(long, value_name = "N")]
    pub(crate) tokens: Option<u64>,
}

/// Flags of `shards order`.
#[derive(Debug, Args)]
pub(crate) struct OrderArguments {
    #[command(flatten)]
    pub(crate) dataset: DatasetArguments,
    /// The step, from 0
    #[arg(long, value_name = "K")]
    pub(crate) step: u64,
    #[command(flatten)]
    pub(crate) run: RunArguments,
    /// Only the rows of this rank
    #[arg(long, requires = "world", value_name = "R")]
    pub(crate) rank: Option<u64>,
    /// Of so many ranks
    #[arg(long, requires = "rank", value_name = "W")]
    pub(crate) world: Option<u64>,
    /// Print the tokens of the rows as well
    #[arg(long)]
    pub(crate) ids: bool,
}

/// Flags of `shards explain-step`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    #[command(flatten)]
    pub(crate) dataset: DatasetArguments,
    /// The step, from 0
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
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

/// Flags of `shards import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    #[arg(long = "from", value_name = "FORMAT", help = import_formats())]
    pub(crate) format: String,
    /// The files; those with `val` or `validation` in their name are held out
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Ids are below this
    #[arg(long, value_name = "N")]
    pub(crate) vocab_size: usize,
    /// The tokenizer that made the ids, for text, bytes and the token that ends a document; the
    /// dataset keeps it
    #[arg(long, value_name = "FILE")]
    pub(crate) tokenizer: Option<PathBuf>,
    /// The id between documents [default: the tokenizer's]
    #[arg(long, value_name = "ID")]
    pub(crate) end_of_text: Option<u32>,
    /// What the documents count for as a source
    #[arg(long, default_value = "", value_name = "NAME")]
    pub(crate) source: String,
    /// The folder to make
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
