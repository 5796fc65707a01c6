//! Token datasets in the formats of other trainers.
//!
//! [`export`] writes a dataset with another trainer's file names and sidecar files: as hard links
//! where the payload is the same, else with the bytes rewritten. [`import`] makes a dataset from
//! another tool's files. Both leave nothing at their output until it is complete.
//!
//! Each format has a file that describes its layout and defines a [`Format`]. A new format needs
//! such a file and a line in [`Format::ALL`].

mod datatrove;
mod error;
mod export;
mod format;
mod import;
mod litdata;
mod llmc;
mod mds;
mod megatron;
mod nanogpt;
mod olmo;
mod output;
mod stream;
#[cfg(test)]
mod tests;

use std::str::FromStr;

pub use error::FormatError;
pub use export::export;
pub use format::Format;
pub use import::{DOCUMENT_TOKENS_MAX, Import, Imported, SHARD_TOKENS_DEFAULT, import};
pub use output::{DocumentName, Summary};

/// The result of an export or import.
pub type Result<T> = std::result::Result<T, FormatError>;

impl Format {
    /// All formats.
    pub const ALL: &[Self] = &[
        nanogpt::FORMAT,
        megatron::FORMAT,
        datatrove::FORMAT,
        olmo::FORMAT,
        llmc::FORMAT,
        mds::FORMAT,
        litdata::FORMAT,
    ];
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        Self::ALL.iter().copied().find(|format| format.name == name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(Self::name).collect();
            format!("`{name}` is not a format of shards; the formats are {}", names.join(", "))
        })
    }
}
