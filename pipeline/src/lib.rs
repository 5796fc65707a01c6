//! From a recipe to a finished run: what is read and how it is cut into parts, the segments of SQL
//! stages, deduplication between them, the tokenizer, the shards, the model, and the account of it
//! all.
//!
//! Every step is a function of its inputs alone; the run directory's journal says which are done, so
//! that a run goes on where it stopped and ends with the same bytes.

pub mod classifier;
pub mod dataset;
pub mod dedup;
mod documents;
mod error;
pub mod export;
mod inputs;
mod ledger;
mod observer;
mod plan;
mod pretrain;
mod preview;
pub mod recipe;
pub mod report;
mod run;
mod segment;
pub mod stats;
pub mod table;
mod tables;
pub mod tokens;

pub use error::{PipelineError, Result};
pub use inputs::{File, Inputs, Part, Piece};
pub use ledger::{Account, Count, Ledger, Outcome};
pub use observer::{Event, Observer};
pub use plan::{Plan, PlanStep, PlannedDedup};
pub use pretrain::{
    ModelFolder, Pretrained, Pretraining, SourceEvaluation, continue_text, evaluate_dataset,
    evaluate_task, export_gguf, export_hf, load_model_folder, pretrain_shards, token_bytes,
    token_bytes_table,
};
pub use preview::{Preview, RunState, SourcePreview, StepPreview};
pub use recipe::{MEMORY_MIN_BYTES, Recipe, RecipeError};
pub use run::{RunOptions, Summary, Until, fingerprint, run};
pub use tables::tables;
