//! The decompressed data of a file, piece by piece, with a record of what could not be
//! decompressed.
//!
//! A *member* is what can be decompressed on its own: a gzip member or a zstd frame. Plain data is
//! one member.

mod compression;
mod damage;
mod gzip;
mod restart;
mod sequential;
mod source;
mod step;
mod stream;
mod zstd;

pub use compression::Compression;
pub(crate) use compression::ZSTD_MAGIC;
pub(crate) use damage::Damage;
pub use restart::Restart;
pub(crate) use stream::{Filled, Stream};
