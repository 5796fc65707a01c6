//! Datasets of tokens in the forms that other trainers read.
//!
//! [`export`] gives a dataset another trainer's names and sidecar files: as hard links where the
//! payload is the same, bytes rewritten where it is not. [`import`] makes a dataset of what another
//! tool wrote. Both leave nothing at their output until it is whole. One file a format; each tells
//! the format's layout.

mod datatrove;
mod error;
mod export;
mod frame;
mod import;
mod litdata;
mod llmc;
mod mds;
mod megatron;
mod nanogpt;
mod olmo;
mod stream;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

pub use error::FormatError;
pub use export::export;
pub use frame::{DocumentName, Summary};
pub use import::{DOCUMENT_TOKENS_MAX, Import, Imported, SHARD_TOKENS_DEFAULT, import};

/// The result of an export or import.
pub type Result<T> = std::result::Result<T, FormatError>;

/// Another trainer's form of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// nanoGPT's `train.bin` and `val.bin`.
    NanoGpt,
    /// Megatron-LM's `.bin` and `.idx`.
    Megatron,
    /// datatrove's and nanotron's `.ds` with its index.
    Datatrove,
    /// OLMo's and dolma's `.npy` with `.csv.gz`.
    Olmo,
    /// llm.c's and modded-nanogpt's `.bin` with a header.
    LlmC,
    /// MosaicML streaming's MDS.
    Mds,
    /// litdata's chunks, for its `TokensLoader`.
    LitData,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 7] = [
        Self::NanoGpt,
        Self::Megatron,
        Self::Datatrove,
        Self::Olmo,
        Self::LlmC,
        Self::Mds,
        Self::LitData,
    ];

    /// The name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NanoGpt => "nanogpt",
            Self::Megatron => "megatron",
            Self::Datatrove => "datatrove",
            Self::Olmo => "olmo",
            Self::LlmC => "llmc",
            Self::Mds => "mds",
            Self::LitData => "litdata",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        Self::ALL.into_iter().find(|format| format.as_str() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("`{name}` is no format of shards; there are {names}")
        })
    }
}
