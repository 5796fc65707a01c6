//! The commands and their flags.

mod classifier;
mod model;
mod tokenizer;

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand};
use pipeline::recipe::{Paths, SourceTable};
use read::{Fields, TextUnit};

pub(crate) use self::classifier::*;
pub(crate) use self::model::*;
pub(crate) use self::tokenizer::*;

use crate::shards_command::arguments::ShardsCommand;

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

/// Flags that every command accepts.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Worker threads [default: all cores]
    #[arg(
        long,
        global = true,
        value_name = "N",
        value_parser = at_least_one,
        help_heading = "Common options"
    )]
    pub(crate) threads: Option<usize>,
    /// Memory limit for buffers, sorting and tables, such as 4GiB
    #[arg(long, global = true, value_name = "SIZE", help_heading = "Common options")]
    pub(crate) memory: Option<ByteSize>,
    /// Print data as JSON
    #[arg(long, global = true, help_heading = "Common options")]
    pub(crate) json: bool,
    /// Print results and errors only
    #[arg(long, global = true, help_heading = "Common options")]
    pub(crate) quiet: bool,
}

/// Parses a number of threads.
fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1; omit the flag to use all cores".into()),
        Ok(n) => Ok(n),
        Err(error) => Err(error.to_string()),
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Generate a small crawl and process it all the way to a trained model and a report
    Demo(DemoArguments),
    /// Run a recipe, or resume it where it stopped
    Run(RunArguments),
    /// Show what a recipe would do
    Plan(PlanArguments),
    /// Query the tables of a run with SQL
    Sql(SqlArguments),
    /// Show documents of a run
    Show(ShowArguments),
    /// Check every file of a finished run against the manifest
    Verify(VerifyArguments),
    /// Train a transformer on shards, without a recipe
    Pretrain(PretrainArguments),
    /// Continue a text with a model
    Generate(GenerateArguments),
    /// Evaluate a model on shards, by source, or on multiple-choice questions
    Eval(EvalArguments),
    /// Export a model for Hugging Face or llama.cpp
    Export(ExportModelArguments),
    /// Apply stages to files, without a recipe
    Apply(ApplyArguments),
    /// List the stock stages, or print the SQL of one
    Stages(StagesArguments),
    /// Remove exact and near duplicates from files, without a recipe
    Dedup(DedupArguments),
    /// Show the distributions of quality signals, to help choose thresholds
    Stats(StatsArguments),
    /// Train or evaluate a text classifier
    #[command(subcommand)]
    Classifier(ClassifierCommand),
    /// Train a tokenizer, or encode files with one, without a recipe
    #[command(subcommand)]
    Tokenizer(TokenizerCommand),
    /// Inspect, pack, convert and upload token shards
    #[command(subcommand)]
    Shards(ShardsCommand),
}

/// Flags of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// The folder for the crawl, the recipe and the run
    #[arg(long, value_name = "DIR", default_value = "runs/demo")]
    pub(crate) output: PathBuf,
}

/// Flags of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// The recipe, a TOML file
    pub(crate) recipe: PathBuf,
    /// The run directory, overriding the recipe's
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Delete an existing run in the output and start over
    #[arg(long)]
    pub(crate) fresh: bool,
}

/// Flags of `plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    /// The recipe, a TOML file
    #[arg(required_unless_present = "pretrain")]
    pub(crate) recipe: Option<PathBuf>,
    /// Estimate the cost of pretraining the recipe's model, or one described by the flags below
    #[arg(long)]
    pub(crate) pretrain: bool,
    #[command(flatten)]
    pub(crate) model: PlannedModelArguments,
    /// The run directory, overriding the recipe's
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Estimate deduplication for this many documents instead of counting the inputs
    #[arg(long, value_name = "N")]
    pub(crate) documents: Option<u64>,
}

/// Flags of `sql`.
#[derive(Debug, Args)]
pub(crate) struct SqlArguments {
    /// The run directory
    pub(crate) run: PathBuf,
    /// A SELECT statement over docs, dropped, quarantine, ledger, languages, clusters,
    /// large_clusters, shard_docs, training, validation
    pub(crate) query: String,
}

/// Flags of `show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The run directory
    pub(crate) run: PathBuf,
    /// Show dropped documents instead of kept ones
    #[arg(long)]
    pub(crate) dropped: bool,
    /// Show only documents with this drop reason (implies --dropped)
    #[arg(long, value_name = "R")]
    pub(crate) reason: Option<String>,
    /// Show only documents dropped by this stage (implies --dropped)
    #[arg(long, value_name = "S")]
    pub(crate) stage: Option<String>,
    /// Number of documents to show
    #[arg(short, default_value_t = 5, value_name = "N")]
    pub(crate) n: usize,
    /// Show personal data unmasked
    #[arg(long)]
    pub(crate) unmasked: bool,
}

/// Flags of `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    /// The run directory
    pub(crate) run: PathBuf,
}

/// Input files of a command without a recipe.
#[derive(Debug, Args)]
pub(crate) struct InputArguments {
    /// Files, folders, patterns such as 'crawl/**/*.warc.gz' or '{a,b}.jsonl', s3://, gs://, az://
    /// or https:// addresses, @FILE with one of these per line, or - for standard input
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<String>,
    #[command(flatten)]
    pub(crate) reading: ReadingArguments,
}

/// How the input files of a command without a recipe are read.
#[derive(Debug, Clone, Args)]
pub(crate) struct ReadingArguments {
    /// The format, if the file names do not show it: warc, wet, jsonl, parquet, arrow, csv,
    /// tsv or text
    #[arg(long, value_name = "FORMAT", help_heading = "Input")]
    pub(crate) format: Option<String>,
    /// What a document of a plain text file is
    #[arg(long, value_enum, default_value_t = TextUnit::File, value_name = "UNIT",
          help_heading = "Input")]
    pub(crate) documents: TextUnit,
    #[command(flatten)]
    pub(crate) fields: Fields,
}

impl ReadingArguments {
    /// The source `name` with the files at `path`.
    pub(crate) fn source(&self, name: &str, path: Paths) -> SourceTable {
        SourceTable {
            name: name.into(),
            path,
            format: self.format.clone(),
            fields: self.fields.clone(),
            documents: self.documents,
            keep_blank: false,
        }
    }
}

/// Flags of `apply`.
#[derive(Debug, Args)]
pub(crate) struct ApplyArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,
    /// A stock stage (see `gristmill stages`) or a .sql file; can be repeated
    #[arg(long = "stage", required = true, value_name = "S")]
    pub(crate) stages: Vec<String>,
    /// A stage parameter, such as `language.keep=["en"]`; can be repeated
    #[arg(long = "with", value_name = "STAGE.NAME=VALUE")]
    pub(crate) with: Vec<String>,
    /// A .jsonl, .jsonl.zst or .parquet file, or a folder for Parquet parts
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) output: PathBuf,
    /// Keep every row and add the column drop_reason instead of dropping documents
    #[arg(long)]
    pub(crate) annotate: bool,
    /// The tokenizer.json that n_tokens(text) uses
    #[arg(long, value_name = "FILE")]
    pub(crate) tokenizer: Option<PathBuf>,
}

/// Flags of `stages`.
#[derive(Debug, Args)]
pub(crate) struct StagesArguments {
    /// The stage whose SQL to print
    pub(crate) stage: Option<String>,
}

/// Flags of `dedup`.
#[derive(Debug, Args)]
pub(crate) struct DedupArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,
    /// A .jsonl, .jsonl.zst or .parquet file, or a folder for Parquet parts; without it, only
    /// --clusters lists the survivors
    #[arg(
        long,
        value_name = "FILE|DIR",
        required_unless_present_any = ["clusters", "datatrove_files"]
    )]
    pub(crate) output: Option<PathBuf>,
    /// fast: gristmill's own, with the highest recall; fineweb: FineWeb's bands; datatrove-0.10:
    /// datatrove's output byte for byte, without exact deduplication
    #[arg(long, value_name = "PRESET", default_value = "fast")]
    pub(crate) preset: String,
    /// Minimum similarity of the word 5-grams of near duplicates [default: 0.75]
    #[arg(long, value_name = "T")]
    pub(crate) threshold: Option<f64>,
    /// How candidates are verified: jaccard, containment, signature or off [default: jaccard]
    #[arg(long, value_name = "HOW")]
    pub(crate) verify: Option<String>,
    /// Which document of a cluster to keep, as an ORDER BY list [default: length(text) DESC]
    #[arg(long, value_name = "ORDER BY …")]
    pub(crate) keep: Option<String>,
    /// What exact duplicates share: text, normalised, url, or an SQL expression [default: text]
    #[arg(long, value_name = "WHAT")]
    pub(crate) on: Option<String>,
    /// Write the clusters with members, survivors and similarities to this Parquet file
    #[arg(long, value_name = "FILE")]
    pub(crate) clusters: Option<PathBuf>,
    /// Write datatrove's signatures, buckets and removals to this folder (preset datatrove-0.10)
    #[arg(long, value_name = "DIR")]
    pub(crate) datatrove_files: Option<PathBuf>,
}

/// Flags of `stats`.
#[derive(Debug, Args)]
pub(crate) struct StatsArguments {
    /// Input files as for `apply`, a recipe (.toml), or a run directory
    #[arg(required = true, value_name = "SOURCE")]
    pub(crate) sources: Vec<String>,
    #[command(flatten)]
    pub(crate) reading: ReadingArguments,
    /// How to group the documents
    #[arg(long, value_enum, default_value = "language")]
    pub(crate) by: StatsBy,
    /// A measure to print, such as mean_word_length; can be repeated [default: all]
    #[arg(long = "measure", value_name = "NAME")]
    pub(crate) measures: Vec<String>,
    /// Maximum number of groups to print, largest first
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub(crate) groups: usize,
    /// Write plots of all distributions to this HTML file
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// How `stats` groups documents.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum StatsBy {
    /// One group of all documents
    All,
    /// By source: the arguments, or the recipe's sources
    Source,
    /// By language
    Language,
    /// By source and language
    SourceLanguage,
}
