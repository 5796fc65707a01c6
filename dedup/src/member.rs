//! A document in a component of candidates, and its form in a scratch file.

use std::cmp::Ordering;

use crate::mix::mix;

/// Bytes in front of a record: component, ordinal, and the lengths of order, keys, sketch and payload.
const HEADER_BYTES: usize = 8 + 8 + 4 + 4 + 4 + 4;

/// A document in a component of candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its component.
    pub component: u64,
    /// Its place among all documents.
    pub ordinal: u64,
    /// Who survives: the least bytes, and among equal ones the least ordinal.
    pub order: &'a [u8],
    /// The keys of its bands, little-endian.
    pub keys: &'a [[u8; 8]],
    /// Its minima, 8 bits of each.
    pub sketch: &'a [u8],
    /// What else the caller wants to know of it when its place is decided.
    pub payload: &'a [u8],
}

impl Member<'_> {
    /// Components in the order of their mixed number, in each the survivors first.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        mix(self.component)
            .cmp(&mix(other.component))
            .then_with(|| self.order.cmp(other.order))
            .then_with(|| self.ordinal.cmp(&other.ordinal))
    }

    /// Replaces the content of `record` by the form in which members lie in the scratch file.
    pub(crate) fn write(&self, record: &mut Vec<u8>) {
        record.clear();
        record.extend(self.component.to_le_bytes());
        record.extend(self.ordinal.to_le_bytes());
        let parts = [self.order, self.keys.as_flattened(), self.sketch, self.payload];
        parts.iter().for_each(|part| record.extend((part.len() as u32).to_le_bytes()));
        parts.iter().for_each(|part| record.extend(*part));
    }
}

/// The records in the bytes of a partition.
pub(crate) fn parse(mut bytes: &[u8]) -> impl Iterator<Item = Member<'_>> {
    std::iter::from_fn(move || {
        let (member, rest) = parse_first(bytes)?;
        bytes = rest;
        Some(member)
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
