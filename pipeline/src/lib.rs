//! From a recipe to a finished run: inputs cut into parts, segments of SQL stages with barrier
//! stages between them, the tokenizer, the shards, and the ledger.
//!
//! Every step depends only on its inputs. The journal in the run directory records which steps are
//! done. So an interrupted run that is started again continues where it stopped, and its output has
//! the same bytes.

pub mod classifier;
mod documents;
mod error;
pub mod export;
mod inputs;
mod lacking;
mod measure;
mod part;
mod plan;
mod preview;
mod reading;
pub mod recipe;
mod run;
mod threads;
pub mod tokens;

pub use error::{PipelineError, Result};
pub use measure::measure;
pub use preview::{Preview, RunState, SourcePreview, StepPreview};
pub use reading::{LostFile, Quarantined, ReadReport};
pub use recipe::{MEMORY_MIN_BYTES, Recipe, RecipeError};
pub use run::{RunOptions, Summary, Until, run};
pub use threads::worker_threads;
