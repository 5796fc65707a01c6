//! Short byte strings as 128-bit numbers. Comparing and hashing a word of up to 15 bytes then takes
//! two registers and does not touch the text again.

/// The longest byte string that a [`Key`] holds.
pub(crate) const MAX_KEY_BYTES: usize = 15;

/// By n, a mask of the first n bytes of 16. The entry for 16 is zero: such a string has no key.
const KEPT: [u128; 17] = {
    let mut kept = [0; 17];
    let mut length = 0;
    while length < 16 {
        kept[length] = (1 << (8 * length)) - 1;
        length += 1;
    }
    kept
};

/// A byte string of up to 15 bytes: the bytes in memory order, zeros, and the length in the last
/// byte. The empty string is the all-zero key, which tables use for an empty slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Key {
    low: u64,
    high: u64,
}

impl Key {
    /// The key of the empty string.
    pub(crate) const EMPTY: Self = Self { low: 0, high: 0 };

    /// The key of `bytes`, or `None` if they are too many.
    #[inline]
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        let length = bytes.len();
        if length > MAX_KEY_BYTES {
            return None;
        }
        let tag = (length as u64) << 56;
        if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
            // The two halves overlap in 16 − length bytes, which the shift drops. For 8 bytes it
            // drops all of the second half, which `checked_shr` refuses.
            let last = u64::from_le_bytes(*last).checked_shr(8 * (16 - length) as u32).unwrap_or(0);
            return Some(Self { low: u64::from_le_bytes(*first), high: last | tag });
        }
        let low = if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
            let first = u64::from(u32::from_le_bytes(*first));
            first | u64::from(u32::from_le_bytes(*last)) << (8 * (length - 4))
        } else {
            bytes.iter().rev().fold(0, |low, &byte| low << 8 | u64::from(byte))
        };
        Some(Self { low, high: tag })
    }

    /// The key of `bytes[start..end]`, or the empty key if those are too many. It has no branch on
    /// the length, which would be mispredicted too often.
    #[inline]
    pub(crate) fn at(bytes: &[u8], start: usize, end: usize) -> Self {
        let Some(chunk) = bytes.get(start..).and_then(|rest| rest.first_chunk::<16>()) else {
            return Self::new(&bytes[start..end]).unwrap_or(Self::EMPTY);
        };
        let length = (end - start).min(16);
        let number = u128::from_le_bytes(*chunk) & KEPT[length];
        // 16 stands for all lengths that are too large, and gives the empty key.
        let tag = (length as u64 & 15) << 56;
        Self { low: number as u64, high: (number >> 64) as u64 | tag }
    }

    /// Whether this is the key of the empty string.
    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.high == 0
    }

    /// Numbers that sort like the strings.
    #[inline]
    pub(crate) fn sortable(self) -> (u64, u64) {
        // The length is compared last, so a string sorts before the same string with zeros after
        // it.
        (self.low.swap_bytes(), self.high.swap_bytes())
    }

    /// The number of bytes of the string.
    #[inline]
    pub(crate) fn len(self) -> usize {
        (self.high >> 56) as usize
    }

    /// The string, in the first [`Key::len`] bytes.
    #[inline]
    pub(crate) fn bytes(self) -> [u8; 16] {
        (u128::from(self.high) << 64 | u128::from(self.low)).to_le_bytes()
    }

    /// A 64-bit hash by one folded multiplication, as in wyhash (Wang Yi 2019). The constants are
    /// the first digits of π and of e.
    #[inline]
    pub(crate) fn hash(self) -> u64 {
        const PI: u64 = 0x2432_f6a8_885a_308d;
        const E: u64 = 0xb7e1_5162_8aed_2a6b;
        let product = u128::from(self.low ^ PI) * u128::from(self.high ^ E);
        product as u64 ^ (product >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_hold_their_strings() {
        let text = b"0123456789abcdef";
        for length in 0..=MAX_KEY_BYTES {
            for start in 0..=16 - length {
                let word = &text[start..start + length];
                let key = Key::new(word).unwrap();
                assert_eq!(key.len(), length);
                assert_eq!(&key.bytes()[..length], word);
                assert!(key.bytes()[length..15].iter().all(|&byte| byte == 0));
                assert_eq!(key.is_empty(), length == 0);
            }
        }
        assert_eq!(Key::new(text), None);
        for (start, end) in (0..16).flat_map(|start| (start..=16).map(move |end| (start, end))) {
            let expected = Key::new(&text[start..end]).unwrap_or_default();
            assert_eq!(Key::at(text, start, end), expected);
            assert_eq!(Key::at(b"0123456789abcdef0123456789abcdef", start, end), expected);
        }
        assert_ne!(Key::new(b"a"), Key::new(b"a\0"));
    }
}
