//! How SentencePiece's tokens, and those of files in its manner, spell spaces and bytes.

/// How a space is spelled.
pub(crate) const SPACE: char = '▁';

/// The token of a byte.
pub(crate) fn spell_byte(byte: u8) -> String {
    format!("<0x{byte:02X}>")
}

/// The byte that a token of byte fallback stands for.
pub(crate) fn read_byte(piece: &str) -> Option<u8> {
    let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    u8::from_str_radix(digits, 16).ok().filter(|byte| format!("{byte:02X}") == digits)
}
