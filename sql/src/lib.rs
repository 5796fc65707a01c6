//! SQL over documents: readers that make the table `docs`, the functions that stages call, the stock
//! stages, and the fence between stages that counts every document.
//!
//! A **segment** is a chain of row-wise stages. Each is planned once, on its own, and a part's
//! documents stream through them; between two stages stands the fence ([`Segment`]), which takes out
//! what a stage drops and holds the rest to account: a document that went into a stage comes out
//! kept or dropped, never twice, never not at all.

mod error;
mod fence;
mod files;
mod functions;
mod guard;
mod input;
mod order;
mod parameters;
mod query;
pub mod read;
mod schema;
mod segment;
mod session;
mod stage;
mod stock;
mod thresholds;

#[cfg(test)]
mod tests;

pub use error::SqlError;
pub use fence::{Documents, Dropped};
pub use files::Files;
pub use functions::Resources;
pub use order::Order;
pub use parameters::{Parameter, bind, nearest, parameters};
pub use query::{Query, Table};
pub use schema::{DOC_ID, DOCUMENT, DROP_REASON, TEXT, doc_id};
pub use segment::Segment;
pub use session::{BATCH_ROWS_MAX, Session};
pub use stage::{Stage, StageText};
pub use stock::{STOCK_STAGES, StockStage, stock_stage};
