//! SQL over documents: the functions that stages call, the stock stages, and the fence between
//! stages that accounts for every document.
//!
//! A **segment** is a chain of row-wise stages. Each stage is planned once, by itself, and the
//! documents of a part stream through all of them ([`Segment`]). Behind each stage stands the
//! **fence**: it removes the documents that the stage drops, and checks that every document that
//! entered the stage left it exactly once, kept or dropped.
//!
//! No public function is generic over a future or a stream of the engine, so that other crates do
//! not compile the engine's planner again.

pub mod columns;
mod error;
mod fence;
mod files;
mod functions;
mod guard;
mod input;
mod json_arrows;
mod lexer;
mod nearest;
mod order;
mod parameters;
mod planning;
mod query;
mod schema;
mod segment;
mod session;
mod stage;
mod stock;
mod thresholds;

pub use error::SqlError;
pub use fence::{Documents, Dropped};
pub use files::Files;
pub use functions::Resources;
pub use nearest::nearest;
pub use order::Order;
pub use parameters::{Parameter, bind, parameters};
pub use query::{Query, Rows, Table};
pub(crate) use schema::DROP_REASON;
pub use schema::{DOC_ID, DOCUMENT, TEXT, doc_id};
pub use segment::{DocumentBatches, Fate, Segment};
pub use session::{BATCH_ROWS_MAX, Session};
pub use stage::StageText;
pub use stock::{STOCK_STAGES, StockStage, stock_stage};
