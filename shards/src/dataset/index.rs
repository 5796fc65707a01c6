//! Megatron-LM's index file, version 1: the documents of a payload.
//!
//! Layout, little-endian: `MMIDIDX\0\0`, u64 version = 1, u8 type code, u64 sequences, u64
//! documents + 1, i32 length of each sequence, i64 byte offset of each sequence, i64 document
//! bounds 0..=documents. We write one sequence per document.

use super::token_type::TokenType;

const MAGIC: &[u8; 9] = b"MMIDIDX\0\0";
const VERSION: u64 = 1;
const HEADER_BYTES: usize = 9 + 8 + 1 + 8 + 8;

/// Megatron's code of a type. It has no code for u32; ids below 2^31 have the same bits as i32.
fn type_code(token_type: TokenType) -> u8 {
    match token_type {
        TokenType::U16 => 8,
        TokenType::U32 => 4,
    }
}

/// The index file of a payload whose documents have these lengths, in tokens.
pub(super) fn index_bytes(token_type: TokenType, document_tokens: &[u32]) -> Vec<u8> {
    let n = document_tokens.len();
    let mut bytes = Vec::with_capacity(HEADER_BYTES + n * 20 + 8);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.push(type_code(token_type));
    bytes.extend_from_slice(&(n as u64).to_le_bytes());
    bytes.extend_from_slice(&(n as u64 + 1).to_le_bytes());
    for tokens in document_tokens {
        bytes.extend_from_slice(&tokens.to_le_bytes());
    }
    let mut offset = 0u64;
    for tokens in document_tokens {
        bytes.extend_from_slice(&offset.to_le_bytes());
        offset += u64::from(*tokens) * token_type.bytes();
    }
    for document in 0..=n as u64 {
        bytes.extend_from_slice(&document.to_le_bytes());
    }
    bytes
}

/// Reads the documents' lengths in tokens; `None` when the bytes are not such an index.
pub(super) fn read_index(bytes: &[u8]) -> Option<Vec<u32>> {
    let u64_at = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    if bytes.get(..9)? != MAGIC || u64_at(9)? != VERSION {
        return None;
    }
    if ![TokenType::U16, TokenType::U32].map(type_code).contains(bytes.get(17)?) {
        return None;
    }
    let n = usize::try_from(u64_at(18)?).ok()?;
    if n.checked_mul(20)?.checked_add(HEADER_BYTES + 8)? != bytes.len() {
        return None;
    }
    let lengths = bytes.get(HEADER_BYTES..HEADER_BYTES + n * 4)?;
    lengths.chunks_exact(4).map(|b| Some(u32::from_le_bytes(b.try_into().ok()?))).collect()
}
