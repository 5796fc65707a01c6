//! The Merkle tree whose root is a dataset's id.
//!
//! The tree has RFC 6962's shape (section 2.1): leaves and inner nodes are hashed with different
//! prefixes, and a list is split at the largest power of two below its length. So no two lists of
//! leaves have the same root. The hash is BLAKE3. Texts are hashed with their length in front.

use super::counts::Counts;

/// Prefix of a leaf.
const LEAF: u8 = 0;
/// Prefix of an inner node.
const NODE: u8 = 1;

/// The root over these leaves, in their order.
pub(super) fn tree(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => [0; 32],
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            let mut bytes = [NODE; 65];
            bytes[1..33].copy_from_slice(&tree(left));
            bytes[33..].copy_from_slice(&tree(right));
            *blake3::hash(&bytes).as_bytes()
        }
    }
}

/// The bytes of one leaf: its fields, one after another.
pub(super) struct Leaf(Vec<u8>);

impl Leaf {
    /// A leaf; `kind` keeps leaves of different meaning apart.
    pub(super) fn new(kind: &str) -> Self {
        Self(vec![LEAF]).text(kind)
    }

    pub(super) fn text(mut self, text: &str) -> Self {
        self.0.extend_from_slice(&(text.len() as u64).to_le_bytes());
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    pub(super) fn number(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    pub(super) fn counts(self, counts: Counts) -> Self {
        self.number(counts.documents).number(counts.tokens).number(counts.bytes)
    }

    /// A value that may be absent. The number in front distinguishes an absent value from any other.
    pub(super) fn optional<T>(self, value: Option<T>, put: impl Fn(Self, T) -> Self) -> Self {
        match value {
            None => self.number(0),
            Some(value) => put(self.number(1), value),
        }
    }

    pub(super) fn hash(self) -> [u8; 32] {
        *blake3::hash(&self.0).as_bytes()
    }
}
