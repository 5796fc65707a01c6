//! The dataset's id: a Merkle root over what it is made of.
//!
//! The tree has RFC 6962's shape (section 2.1): leaves and inner nodes are hashed with different
//! prefixes, and a list is split at the largest power of two below its length, so no list of leaves
//! has the root of another. The hash is BLAKE3. Leaf 0 holds the facts of the dataset, the leaves
//! after it the other files, then the shards in their order. Each field goes in with its length
//! before it.

use super::{Counts, ShardEntry, ShardManifest, TokenType};
use crate::FileEntry;

const LEAF: u8 = 0;
const NODE: u8 = 1;

/// The manifest's root; what stands in `root` and `sources` has no part in it, since both follow
/// from the rest.
pub(super) fn root(manifest: &ShardManifest) -> String {
    let mut leaves = vec![facts(manifest)];
    leaves.extend(manifest.files.iter().map(file));
    leaves.extend(manifest.shards.iter().map(shard));
    blake3::Hash::from_bytes(tree(&leaves)).to_hex().to_string()
}

fn tree(leaves: &[[u8; 32]]) -> [u8; 32] {
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

/// The fields of one leaf, as they are hashed.
struct Leaf(Vec<u8>);

impl Leaf {
    fn new(kind: &str) -> Self {
        Self(vec![LEAF]).text(kind)
    }

    fn text(mut self, text: &str) -> Self {
        self.0.extend_from_slice(&(text.len() as u64).to_le_bytes());
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn number(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn counts(self, counts: Counts) -> Self {
        self.number(counts.documents).number(counts.tokens).number(counts.bytes)
    }

    /// A value that may be absent, told apart from every value that is there.
    fn optional<T>(self, value: Option<T>, put: impl Fn(Self, T) -> Self) -> Self {
        match value {
            None => self.number(0),
            Some(value) => put(self.number(1), value),
        }
    }

    fn hash(self) -> [u8; 32] {
        *blake3::hash(&self.0).as_bytes()
    }
}

fn facts(manifest: &ShardManifest) -> [u8; 32] {
    let type_name = match manifest.token_type {
        TokenType::U16 => "u16",
        TokenType::U32 => "u32",
    };
    let id = |leaf: Leaf, id: u32| leaf.number(u64::from(id));
    Leaf::new("dataset")
        .text(&manifest.schema)
        .text(type_name)
        .number(manifest.vocab_size as u64)
        .optional(manifest.begin_of_text, id)
        .optional(manifest.end_of_text, id)
        .optional(manifest.tokenizer_blake3.as_deref(), Leaf::text)
        .optional(manifest.validation.as_ref(), |leaf, rule| {
            leaf.text(&rule.hash).number(rule.threshold)
        })
        .hash()
}

fn file(file: &FileEntry) -> [u8; 32] {
    Leaf::new("file")
        .text(&file.path)
        .number(file.bytes)
        .text(&file.blake3)
        .number(file.chunk_bytes)
        .text(&file.chunks)
        .hash()
}

fn shard(shard: &ShardEntry) -> [u8; 32] {
    let leaf = Leaf::new("shard")
        .text(&shard.name)
        .text(shard.split.as_str())
        .counts(shard.counts)
        .text(&shard.blake3)
        .text(&shard.sums_blake3)
        .number(shard.sources.len() as u64);
    let source =
        |leaf: Leaf, source: &super::SourceCounts| leaf.text(&source.name).counts(source.counts);
    shard.sources.iter().fold(leaf, source).hash()
}
