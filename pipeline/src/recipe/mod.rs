//! The recipe of a run: its inputs, its stages, and its outputs.
//!
//! A recipe is a set of tables ([`RecipeTables`]), read from a file or built by a command. Loading
//! checks everything that can be checked without reading the inputs.

mod document;
mod error;
mod expand;
mod load;
mod parse;
mod pretraining;
mod resolved;
mod settings;
mod sources;
mod stages;
mod tables;
#[cfg(test)]
mod tests;

pub use error::RecipeError;
pub use load::{MEMORY_MIN_BYTES, Recipe, Source, SourceFile};
pub(crate) use load::{SqlStage, StageKind, StageStep};
pub use tables::{
    Paths, PretrainTable, RecipeTables, RunTable, ShardsTable, SourceTable, StageTable,
    TokenizerTable,
};
