//! What the URL of a document says about it: its host, its registered domain, hints that it is an
//! adult or spam site, and whether block lists with millions of entries contain it.
//!
//! ```
//! use text::url::{BlockListBuilder, Dialect, ListKind, Reason, registered_domain};
//!
//! let mut builder = BlockListBuilder::new(Dialect::Canonical);
//! builder.add_line(ListKind::Domains, b"bad.example");
//! let list = builder.build();
//! assert_eq!(list.check("https://www.bad.example/page"), Some(Reason::Domain));
//! assert_eq!(list.check("https://good.example/page"), None);
//! assert_eq!(registered_domain("http://www.example.co.uk/").as_deref(), Some("example.co.uk"));
//! ```

mod block_list;
mod builder;
mod datatrove;
mod entry;
mod fingerprints;
mod host;
mod list_kind;
mod reason;
mod suffix;
mod suspicion;
mod words;

pub use block_list::{BlockList, Dialect};
pub use builder::{BlockListBuilder, LineCounts};
pub use host::host;
pub use list_kind::ListKind;
pub use reason::Reason;
pub use suffix::registered_domain;
pub use suspicion::suspicion;
