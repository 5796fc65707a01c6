//! Finding the bytes where rules start, and looking around them.

/// Bytes that are tested together; a power of two lets the compiler use vector instructions.
const BLOCK_BYTES: usize = 64;

/// The first digit or at sign at or behind a position.
pub(super) fn next_trigger(bytes: &[u8], from: usize) -> Option<usize> {
    let is_trigger = |byte: &u8| byte.is_ascii_digit() || *byte == b'@';
    let mut from = from;
    for block in bytes.get(from..)?.chunks(BLOCK_BYTES) {
        // Without an early exit the test of a block is a handful of vector instructions.
        let has_trigger = block.iter().fold(false, |has, byte| has | is_trigger(byte));
        if has_trigger && let Some(at) = block.iter().position(is_trigger) {
            return Some(from + at);
        }
        from += block.len();
    }
    None
}

/// The offset behind the run of digits at a position, at least one behind the position.
pub(super) fn run_end(bytes: &[u8], position: usize) -> usize {
    let digits = bytes[position..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    position + digits.max(1)
}

/// The character before an offset.
pub(super) fn before(text: &str, offset: usize) -> Option<char> {
    text[..offset].chars().next_back()
}

/// The character at an offset.
pub(super) fn after(text: &str, offset: usize) -> Option<char> {
    text[offset..].chars().next()
}

/// Whether the character before an offset would make what starts there part of a longer token.
pub(super) fn is_inside_token_before(text: &str, offset: usize) -> bool {
    before(text, offset).is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '#' | '='))
}

/// Whether the character at an offset would make what ends there part of a longer token.
pub(super) fn is_inside_token_after(text: &str, offset: usize) -> bool {
    let mut rest = text[offset..].chars();
    match rest.next() {
        Some('.' | ',' | '-' | ':' | '/') => rest.next().is_some_and(|c| c.is_ascii_digit()),
        Some(c) => c.is_alphanumeric() || matches!(c, '_' | '%' | '°'),
        None => false,
    }
}

/// Whether a word of a list, in lower case, starts in the `reach` bytes of its line before an
/// offset. It may be the start of a longer one: `tel` of `Telephone:`, but not of `lately`.
pub(super) fn has_word_before(text: &str, offset: usize, reach: usize, list: &[&str]) -> bool {
    let from = text.ceil_char_boundary(offset.saturating_sub(reach));
    let line = text[from..offset].rsplit('\n').next().unwrap_or_default();
    let line = line.to_lowercase();
    let starts_a_word = |at: usize| !line[..at].ends_with(char::is_alphanumeric);
    list.iter().any(|word| {
        let is_separated = word.is_ascii();
        line.match_indices(word).any(|(at, _)| !is_separated || starts_a_word(at))
    })
}
