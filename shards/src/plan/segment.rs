//! A stretch of one document in a row.

/// Bytes of a segment in a plan: three u32, little-endian.
pub(super) const SEGMENT_BYTES: usize = 12;

/// A stretch of one document.
///
/// It has the position in the shard, not the document and an offset, so that a reader finds its tokens
/// without an index. The document can be found in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Segment {
    /// The shard, by its number in the half.
    pub shard: u32,
    /// Its first token, counted from the shard's start.
    pub start: u32,
    /// Tokens.
    pub length: u32,
}

impl Segment {
    /// Its bytes in a plan.
    pub(super) fn to_bytes(self) -> [u8; SEGMENT_BYTES] {
        let mut bytes = [0; SEGMENT_BYTES];
        for (field, out) in
            [self.shard, self.start, self.length].iter().zip(bytes.as_chunks_mut::<4>().0)
        {
            *out = field.to_le_bytes();
        }
        bytes
    }

    /// Reads its bytes in a plan.
    pub(super) fn from_bytes(bytes: &[u8; SEGMENT_BYTES]) -> Self {
        let (fields, _) = bytes.as_chunks::<4>();
        let [shard, start, length] = [fields[0], fields[1], fields[2]].map(u32::from_le_bytes);
        Self { shard, start, length }
    }
}
