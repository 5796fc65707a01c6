//! Finds runs of ASCII letters, ASCII digits and non-ASCII bytes, 64 bytes at a time.

/// Bytes that are examined together: each is one bit of a mask.
const BLOCK_BYTES: usize = 64;

/// A byte repeated eight times.
const fn repeat(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The highest bit of each byte.
const HIGH: u64 = repeat(0x80);

/// The classes of the bytes of a block. The lowest bit stands for the first byte.
struct Masks {
    /// Letters, digits and non-ASCII bytes.
    inside: u64,
    /// Digits and non-ASCII bytes.
    special: u64,
}

/// Calls `call` with the start and the end of every run, and whether it contains bytes that are not
/// ASCII letters.
#[inline]
pub(crate) fn for_each_run(bytes: &[u8], mut call: impl FnMut(usize, usize, bool)) {
    let (blocks, rest) = bytes.as_chunks::<BLOCK_BYTES>();
    // The rest, padded with spaces, also ends a run that reaches the end of the last full block.
    let mut last = [b' '; BLOCK_BYTES];
    last[..rest.len()].copy_from_slice(rest);
    let mut start = 0;
    let mut is_open = false;
    let mut was_special = false;
    for (index, block) in blocks.iter().chain(std::iter::once(&last)).enumerate() {
        let base = index * BLOCK_BYTES;
        let Masks { inside, special } = masks(block);
        let behind = (inside << 1) | u64::from(is_open);
        let mut starts = inside & !behind;
        let mut ends = !inside & behind;
        // The special bytes of runs that have not been reported yet.
        let mut left = special;
        if !is_open {
            start = base + take_lowest(&mut starts);
        }
        while ends != 0 {
            let below = ends ^ (ends - 1);
            let end = base + take_lowest(&mut ends);
            call(start, end, was_special || left & below != 0);
            was_special = false;
            left &= !below;
            start = base + take_lowest(&mut starts);
        }
        is_open = inside >> (BLOCK_BYTES - 1) == 1;
        was_special |= left != 0;
    }
}

/// Clears the lowest set bit and returns its position, or 64 if no bit is set.
#[inline]
fn take_lowest(bits: &mut u64) -> usize {
    let position = bits.trailing_zeros() as usize;
    *bits &= bits.wrapping_sub(1);
    position
}

/// The classes of the bytes of a block.
#[inline]
fn masks(block: &[u8; BLOCK_BYTES]) -> Masks {
    let mut masks = Masks { inside: 0, special: 0 };
    for (index, bytes) in block.as_chunks::<8>().0.iter().enumerate() {
        let word = u64::from_le_bytes(*bytes);
        let low = word & !HIGH;
        let letters = between(low | repeat(0x20), b'a', b'z');
        let special = (between(low, b'0', b'9') | word) & HIGH;
        masks.inside |= gather(letters | special) << (8 * index);
        masks.special |= gather(special) << (8 * index);
    }
    masks
}

/// Sets the high bit of each byte from `first` to `last`. All bytes must be below 128.
#[inline]
const fn between(word: u64, first: u8, last: u8) -> u64 {
    let from_first = word + repeat(0x80 - first);
    let behind_last = word + repeat(0x7F - last);
    (from_first ^ behind_last) & HIGH
}

/// Collects the high bits of the eight bytes in the lowest eight bits.
#[inline]
const fn gather(high: u64) -> u64 {
    (high >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn expected(bytes: &[u8]) -> Vec<(usize, usize, bool)> {
        let is_inside = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
        let mut runs = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let length = bytes[at..].iter().take_while(|byte| is_inside(byte)).count();
            let run = &bytes[at..at + length];
            if length > 0 {
                let is_special = !run.iter().all(u8::is_ascii_alphabetic);
                runs.push((at, at + length, is_special));
            }
            at += length + 1;
        }
        runs
    }

    proptest! {
        #[test]
        fn runs_are_those_of_the_definition(
            any in prop::collection::vec(any::<u8>(), 0..300),
            likely in "([a-zA-Z]{1,90}|[ .@\\[`{/:]{1,3}|[0-9é]|w){0,40}",
        ) {
            for bytes in [&any[..], likely.as_bytes()] {
                let mut runs = Vec::new();
                for_each_run(bytes, |start, end, special| runs.push((start, end, special)));
                prop_assert_eq!(runs, expected(bytes));
            }
        }
    }
}
