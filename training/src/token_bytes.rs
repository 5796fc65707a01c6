//! Bytes of text that each token stands for, from which bits per byte are computed.

use std::collections::BTreeSet;

use encoder::AnyTokenizer;

/// Bytes of text that each id stands for; special tokens stand for none.
pub fn token_bytes(tokenizer: &AnyTokenizer) -> Vec<u32> {
    let bytes = |id| tokenizer.token_bytes(id).map_or(0, |bytes| bytes.len() as u32);
    let special: BTreeSet<u32> = tokenizer.special_tokens().iter().map(|(_, id)| *id).collect();
    (0..tokenizer.vocab_size() as u32)
        .map(|id| if special.contains(&id) { 0 } else { bytes(id) })
        .collect()
}

/// [`token_bytes`] as a dataset stores them: capped at `u16::MAX` bytes per token.
pub fn token_bytes_table(tokenizer: &AnyTokenizer) -> Vec<u16> {
    let most = u32::from(u16::MAX);
    token_bytes(tokenizer).into_iter().map(|bytes| bytes.min(most) as u16).collect()
}
