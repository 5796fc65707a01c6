//! Finds the bytes that trigger rules, and examines the text around an offset.

use std::ops::Range;

/// Bytes that are examined together: each is one bit of a mask.
const BLOCK_BYTES: usize = 64;

/// Iterates over the offsets of the digits, colons, at signs and hyphens of a text, which are
/// called triggers.
pub(super) struct Triggers<'a> {
    bytes: &'a [u8],
    /// The offset of the current block.
    block: usize,
    /// The triggers of the current block from the last position on, one bit for each byte.
    marks: u64,
}

impl<'a> Triggers<'a> {
    /// The triggers of a text.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, block: 0, marks: marks(bytes.get(..BLOCK_BYTES).unwrap_or(bytes)) }
    }

    /// The first trigger from a position on. The position must not be below that of the last call.
    pub(super) fn next_from(&mut self, position: usize) -> Option<usize> {
        if position >= self.block + BLOCK_BYTES {
            self.block = position - position % BLOCK_BYTES;
            self.marks = marks(self.rest());
        }
        if position > self.block {
            self.marks &= u64::MAX << (position - self.block);
        }
        while self.marks == 0 {
            self.block += BLOCK_BYTES;
            if self.block >= self.bytes.len() {
                return None;
            }
            self.marks = marks(self.rest());
        }
        Some(self.block + self.marks.trailing_zeros() as usize)
    }

    /// The bytes of the current block: none at the end of the text.
    fn rest(&self) -> &'a [u8] {
        let rest = self.bytes.get(self.block..).unwrap_or(&[]);
        rest.get(..BLOCK_BYTES).unwrap_or(rest)
    }
}

/// A bit for each byte of a block that is a digit, a colon, an at sign or a hyphen.
fn marks(block: &[u8]) -> u64 {
    // In ASCII the colon follows the digit nine.
    let is_trigger = |byte: u8| matches!(byte, b'0'..=b':' | b'@' | b'-');
    // Without an early exit, the compiler turns this into a few vector instructions.
    if !block.iter().fold(false, |has, byte| has | is_trigger(*byte)) {
        return 0;
    }
    let (words, rest) = block.as_chunks::<8>();
    let last = rest.iter().enumerate().fold(0, |bits, (bit, byte)| {
        bits | u64::from(is_trigger(*byte)) << (8 * words.len() + bit)
    });
    words.iter().enumerate().fold(last, |marks, (place, word)| {
        marks | word_marks(u64::from_le_bytes(*word)) << (8 * place)
    })
}

/// [`marks`] of eight bytes, computed in one word.
fn word_marks(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let low = word & !HIGH;
    // The high bit of a byte is set where the byte is at least '0', and at most ':'.
    let is_digit = (low + (0x80 - 0x30) * ONES) & !(low + (0x80 - 0x3b) * ONES);
    // The high bit of a byte is clear where the byte equals `other`.
    let differs = |other: u64| (low ^ (other * ONES)) + (0x7f * ONES);
    let is_sign = !(differs(0x40) & differs(0x2d));
    let bits = (is_digit | is_sign) & HIGH & !word;
    // Collects the high bits of all bytes in the highest byte.
    (bits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// The offset of the end of the run of digits at a position, or the next offset if there is no
/// digit.
pub(super) fn run_end(bytes: &[u8], position: usize) -> usize {
    position + digits_at(bytes, position).max(1)
}

/// The length of the run of digits at a position.
pub(super) fn digits_at(bytes: &[u8], position: usize) -> usize {
    bytes[position..].iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The run of ASCII letters, digits, hyphens and underscores around an offset. It starts at `floor`
/// or later.
pub(super) fn token_around(bytes: &[u8], offset: usize, floor: usize) -> Range<usize> {
    let is_token = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let before = bytes[floor..offset].iter().rev().take_while(is_token).count();
    let behind = bytes[offset..].iter().take_while(is_token).count();
    offset - before..offset + behind
}

/// The character before an offset.
pub(super) fn before(text: &str, offset: usize) -> Option<char> {
    text[..offset].chars().next_back()
}

/// The character at an offset.
pub(super) fn after(text: &str, offset: usize) -> Option<char> {
    text[offset..].chars().next()
}

/// Whether the character before an offset joins what starts there to a longer token.
pub(super) fn is_inside_token_before(text: &str, offset: usize) -> bool {
    before(text, offset).is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '#' | '='))
}

/// Whether the characters at an offset join what ends there to a longer token.
pub(super) fn is_inside_token_after(text: &str, offset: usize) -> bool {
    let mut rest = text[offset..].chars();
    match rest.next() {
        Some('.' | ',' | '-' | ':' | '/') => rest.next().is_some_and(|c| c.is_ascii_digit()),
        Some(c) => c.is_alphanumeric() || matches!(c, '_' | '%' | '°'),
        None => false,
    }
}

/// Whether a word of a list starts in the `reach` bytes before an offset, on the same line. The
/// words of the list are in lower case. They may be the start of longer words: `tel` is found in
/// `Telephone:`, but not in `hotel`.
pub(super) fn has_word_before(text: &str, offset: usize, reach: usize, list: &[&str]) -> bool {
    let from = text.ceil_char_boundary(offset.saturating_sub(reach));
    let head = &text[from..offset];
    let line = head.rsplit_once('\n').map_or(head, |(_, line)| line);
    has_word(line, list)
}

/// Whether a word of a list starts in the `reach` bytes after an offset, on the same line.
pub(super) fn has_word_behind(text: &str, offset: usize, reach: usize, list: &[&str]) -> bool {
    let to = text.floor_char_boundary((offset + reach).min(text.len()));
    let tail = &text[offset..to];
    let line = tail.split_once('\n').map_or(tail, |(line, _)| line);
    has_word(line, list)
}

/// Whether a word of a list starts in a slice. If an entry of the list ends with a space, the word
/// must end there: `call ` is not found in `called`.
fn has_word(line: &str, list: &[&str]) -> bool {
    if !line.contains(char::is_alphabetic) {
        return false;
    }
    let line = line.to_lowercase();
    let mut behind = ' ';
    for (at, c) in line.char_indices() {
        // Chinese, Japanese and Korean are written without spaces between words. The word of a
        // mask, as in `<PHONE>`, says nothing about what follows it.
        let starts = (!behind.is_alphanumeric() || c >= '\u{2e80}') && behind != '<';
        behind = c;
        if starts && list.iter().any(|entry| starts_with_word(&line[at..], entry)) {
            return true;
        }
    }
    false
}

/// Whether a slice starts with a word of a list.
fn starts_with_word(line: &str, entry: &str) -> bool {
    match entry.strip_suffix(' ') {
        Some(word) => {
            line.strip_prefix(word).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        }
        None => line.starts_with(entry),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn triggers_are_those_of_a_plain_loop(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut triggers = Triggers::new(&bytes);
            let mut found = Vec::new();
            let mut position = 0;
            while let Some(at) = triggers.next_from(position) {
                found.push(at);
                position = at + 1;
            }
            let is_trigger = |at: &usize| matches!(bytes[*at], b'0'..=b':' | b'@' | b'-');
            prop_assert_eq!(found, (0..bytes.len()).filter(is_trigger).collect::<Vec<_>>());
        }
    }
}
