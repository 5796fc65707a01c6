//! Training profiles: which trainer's merges and ids training reproduces.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::TokenizerError;
use crate::alphabet::{self, BYTE_COUNT};

/// Which trainer's merges and ids training reproduces exactly. Profiles differ only in the order of
/// equally frequent pairs and in the order of ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Hugging Face `tokenizers`, `BpeTrainer`. Of equally frequent pairs, the one with the lowest
    /// ids merges first. Ids: special tokens, bytes in the order of their byte-level characters,
    /// merges.
    #[default]
    Hf,
    /// rustbpe, the trainer of nanochat. Of equally frequent pairs, the one with the lowest ids
    /// merges first. Ids: bytes by value, merges, special tokens.
    Rustbpe,
    /// minbpe and `tiktoken._educational`. Of equally frequent pairs, the one that occurs first in
    /// the text merges first; the text is the words in the order of the calls of
    /// [`crate::Trainer::add_word`]. Ids: bytes by value, merges, special tokens.
    Minbpe,
    /// The reference of the course Stanford CS336. Of equally frequent pairs, the one with the
    /// greatest bytes merges first, left before right. Ids as with [`Profile::Hf`].
    Cs336,
}

impl Profile {
    /// All profiles.
    pub(crate) const ALL: [Self; 4] = [Self::Hf, Self::Rustbpe, Self::Minbpe, Self::Cs336];

    /// Whether special tokens have the first ids. Otherwise they have the last.
    pub(crate) fn specials_first(self) -> bool {
        matches!(self, Self::Hf | Self::Cs336)
    }

    /// The 256 bytes in the order of their ids.
    pub(crate) fn bytes(self) -> [u8; BYTE_COUNT] {
        match self {
            Self::Hf | Self::Cs336 => *alphabet::bytes_by_codepoint(),
            Self::Rustbpe | Self::Minbpe => std::array::from_fn(|byte| byte as u8),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Hf => "hf",
            Self::Rustbpe => "rustbpe",
            Self::Minbpe => "minbpe",
            Self::Cs336 => "cs336",
        })
    }
}

impl FromStr for Profile {
    type Err = TokenizerError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut profiles = Self::ALL.into_iter();
        profiles
            .find(|profile| profile.to_string() == name)
            .ok_or_else(|| TokenizerError::UnknownProfile { name: name.into() })
    }
}
