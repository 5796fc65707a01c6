//! The names of files and folders in a run directory that more than one crate uses.

/// The ledger: where every document went.
pub const LEDGER: &str = "ledger.parquet";

/// The folder of the token dataset.
pub const SHARDS: &str = "shards";

/// The table of the dataset's documents.
pub const SHARD_DOCUMENTS: &str = "shards/docs.parquet";

/// The tokenizer, in a run and beside a model.
pub const TOKENIZER: &str = "tokenizer.json";

/// How the tokenizer encodes each group of documents at each vocabulary size.
pub const TOKENIZER_REPORT: &str = "tokenizer_report.parquet";

/// The folder of model checkpoints.
pub const CHECKPOINTS: &str = "checkpoints";

/// The learning curve, one row per optimiser step.
pub const TRAINING: &str = "training.parquet";

/// The evaluations, one row each.
pub const VALIDATION: &str = "validation.parquet";
