//! Pretraining on a dataset of shards: rows by plan and order, checkpoints and the curve in a run
//! directory, evaluation, text from a model, and models in other formats.
//!
//! Two callers train: a recipe's run on its own shards ([`pretrain_in_run`]), and the command
//! `pretrain` on any dataset ([`pretrain_shards`]). Both read the same batches.

mod checkpoints;
mod curve;
mod data;
pub mod dataset;
mod error;
mod evaluate;
mod export;
mod folder;
mod generate;
mod in_run;
mod progress;
mod rows;
mod standalone;
#[cfg(test)]
mod tests;
mod token_bytes;

pub use error::{Result, TrainingError};
pub use evaluate::{SourceEvaluation, evaluate_dataset, evaluate_task};
pub use export::{export_gguf, export_hf};
pub use folder::{ModelFolder, load_model_folder};
pub use generate::continue_text;
pub use in_run::{Pretrained, RunTraining, pretrain_in_run};
pub use standalone::{Pretraining, pretrain_shards};
pub use token_bytes::{token_bytes, token_bytes_table};
