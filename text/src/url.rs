//! What a document's address says about it: its host, its registered domain, hints of adult and
//! spam sites, and whether block lists of millions of rows name it.

mod block_list;
mod builder;
mod datatrove;
mod entry;
mod fingerprints;
mod host;
mod suffix;
mod suspicion;
mod words;

pub use block_list::{BlockList, Dialect, Reason};
pub use builder::{BlockListBuilder, LineCounts, ListKind};
pub use host::host;
pub use suffix::registered_domain;
pub use suspicion::suspicion;
