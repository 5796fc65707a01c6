//! A document in a component of candidates, and its record in a scratch file.

use std::cmp::Ordering;

use bug::{Bug, OrBug};

use crate::error::Result;
use crate::mix::mix;

/// Bytes of a record's header: component, ordinal, and the lengths of order, keys, sketch and
/// payload.
const HEADER_BYTES: usize = 8 + 8 + 4 + 4 + 4 + 4;

/// A document in a component of candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// The number of its component.
    pub component: u64,
    /// Its index among all documents.
    pub ordinal: u64,
    /// Its preference as a survivor: the member with the smallest bytes survives, and among equal
    /// bytes the one with the smallest ordinal.
    pub order: &'a [u8],
    /// The keys of its bands, as 8 bytes each.
    pub keys: &'a [[u8; 8]],
    /// Its minima, 8 bits of each; empty without signatures.
    pub sketch: &'a [u8],
    /// Bytes for the caller, returned unchanged when the member is read.
    pub payload: &'a [u8],
}

impl Member<'_> {
    /// Orders members by the mixed number of their component, then preferred survivors first.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        mix(self.component)
            .cmp(&mix(other.component))
            .then_with(|| self.order.cmp(other.order))
            .then_with(|| self.ordinal.cmp(&other.ordinal))
    }

    /// Replaces the content of `record` by the member's record for the scratch file.
    pub(crate) fn write(&self, record: &mut Vec<u8>) -> Result<()> {
        record.clear();
        record.extend(self.component.to_le_bytes());
        record.extend(self.ordinal.to_le_bytes());
        let parts = [self.order, self.keys.as_flattened(), self.sketch, self.payload];
        for part in parts {
            let length = u32::try_from(part.len()).or_bug("a member's parts are below 4 GiB")?;
            record.extend(length.to_le_bytes());
        }
        parts.iter().for_each(|part| record.extend(*part));
        Ok(())
    }
}

/// Reads the records in the bytes of a partition. A cut record is a bug: records are written whole.
pub(crate) fn parse(mut bytes: &[u8]) -> impl Iterator<Item = Result<Member<'_>>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let Some((member, rest)) = parse_first(bytes) else {
            let cut = Bug::new(format!("a record of a member is cut: {} bytes left", bytes.len()));
            bytes = &[];
            return Some(Err(cut.into()));
        };
        bytes = rest;
        Some(Ok(member))
    })
}

fn parse_first(bytes: &[u8]) -> Option<(Member<'_>, &[u8])> {
    let (header, body) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let (numbers, lengths) = header.split_at(16);
    let number = |i: usize| numbers.as_chunks::<8>().0.get(i).map(|n| u64::from_le_bytes(*n));
    let length = |i: usize| lengths.as_chunks::<4>().0.get(i).map(|n| u32::from_le_bytes(*n));
    let (order, body) = body.split_at_checked(length(0)? as usize)?;
    let (keys, body) = body.split_at_checked(length(1)? as usize)?;
    let (sketch, body) = body.split_at_checked(length(2)? as usize)?;
    let (payload, rest) = body.split_at_checked(length(3)? as usize)?;
    let keys = keys.as_chunks::<8>().0;
    let (component, ordinal) = (number(0)?, number(1)?);
    Some((Member { component, ordinal, order, keys, sketch, payload }, rest))
}
