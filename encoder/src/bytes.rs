//! The spelling of spaces and bytes in SentencePiece's tokens, and in files that follow it.

/// The spelling of a space.
pub(crate) const SPACE: char = '▁';

/// The spelling of a byte's token.
pub(crate) fn spell_byte(byte: u8) -> String {
    format!("<0x{byte:02X}>")
}

/// The byte of a byte token's spelling, or `None` for other tokens.
pub(crate) fn read_byte(piece: &str) -> Option<u8> {
    let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    u8::from_str_radix(digits, 16).ok().filter(|byte| format!("{byte:02X}") == digits)
}
