//! How token ids are stored.

use serde::{Deserialize, Serialize};

/// How a token id is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenType {
    /// Two bytes, little-endian.
    U16,
    /// Four bytes, little-endian.
    U32,
}

impl TokenType {
    /// The smallest type that holds every id of a vocabulary of `vocab_size`.
    pub fn for_vocabulary(vocab_size: usize) -> Self {
        if vocab_size <= 1 << 16 { Self::U16 } else { Self::U32 }
    }

    /// Bytes of one token.
    pub fn bytes(self) -> u64 {
        match self {
            Self::U16 => 2,
            Self::U32 => 4,
        }
    }

    /// Appends ids to a payload, little-endian. The vocabulary must be one for which
    /// [`TokenType::for_vocabulary`] gives this type, or higher bits are lost.
    pub fn extend(self, payload: &mut Vec<u8>, tokens: &[u32]) {
        let start = payload.len();
        payload.resize(start + tokens.len() * self.bytes() as usize, 0);
        let added = &mut payload[start..];
        match self {
            Self::U16 => {
                for (bytes, id) in added.as_chunks_mut::<2>().0.iter_mut().zip(tokens) {
                    *bytes = (*id as u16).to_le_bytes();
                }
            }
            Self::U32 => {
                for (bytes, id) in added.as_chunks_mut::<4>().0.iter_mut().zip(tokens) {
                    *bytes = id.to_le_bytes();
                }
            }
        }
    }

    /// The greatest id in a payload; `None` when it is empty.
    pub(super) fn greatest(self, payload: &[u8]) -> Option<u32> {
        match self {
            Self::U16 => {
                let ids = payload.as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes));
                ids.max().map(u32::from)
            }
            Self::U32 => {
                payload.as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).max()
            }
        }
    }
}
