//! Commands and their flags.

mod classifier;
mod model;
mod tokenizer;

use std::path::PathBuf;

use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand};

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

/// Flags that every command knows.
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

/// A number of threads.
fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("leave it out to use all cores".into()),
        Ok(n) => Ok(n),
        Err(error) => Err(error.to_string()),
    }
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
    #[arg(required_unless_present = "pretrain")]
    pub(crate) recipe: Option<PathBuf>,
    /// Say what pretraining takes: of the recipe's model, or of one given here
    #[arg(long)]
    pub(crate) pretrain: bool,
    #[command(flatten)]
    pub(crate) model: PlannedModelArguments,
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
