//! The Parquet tables of a run directory: how they are written and read, which ones a run has, and
//! the ledger, which says where every document went.

mod error;
mod ledger;
mod listing;
mod parquet;
#[cfg(test)]
mod tests;

pub use error::{Result, TableError};
pub use ledger::{Account, Count, Ledger, Outcome};
pub use listing::{RunTable, run_tables};
pub use parquet::{
    ROW_GROUP_BYTES_MAX, TableWriter, concatenate, read_table, read_table_by, table_rows,
    table_schema, table_writer,
};
