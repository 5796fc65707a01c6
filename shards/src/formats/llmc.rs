//! llm.c and modded-nanogpt: a header of 1,024 bytes, then tokens.
//!
//! The header is 256 i32: magic number, version, number of tokens, zeros. Tokens are u16 with magic
//! 20240520 and version 1 (GPT-2), and u32 with 20240801 and version 7 (Llama 3). Each document
//! *begins* with the end-of-text token. Files with `val` in their name are held out.

use std::path::Path;

use crate::dataset::{Split, TokenType};

use super::format::Format;
use super::output::Export;
use super::stream::{Documents, Element, TokenFile, TokenSource, damaged, read_head};
use super::{FormatError, Result};

const HEADER_BYTES: usize = 1024;

/// Magic number, version and type of the two variants.
const VARIANTS: [(i32, i32, Element); 2] =
    [(20_240_520, 1, Element::U16), (20_240_801, 7, Element::U32)];

pub(super) const FORMAT: Format = Format { name: "llmc", export, open: Some(open) };

fn export(export: &mut Export<'_>) -> Result<()> {
    let manifest = export.manifest;
    if manifest.end_of_text.is_none() && manifest.begin_of_text.is_none() {
        return Err(export.unsupported(
            "its documents begin with a token, and this dataset has no token between documents",
        ));
    }
    let (magic, version, _) = VARIANTS[usize::from(manifest.token_type == TokenType::U32)];
    let mut number = 0;
    // The held-out file has the first number, as in the datasets of llm.c's own scripts.
    for (split, half) in [(Split::Validation, "val"), (Split::Train, "train")] {
        for entry in manifest.shards_of(split) {
            let shard = export.shard(entry)?;
            let payload = shard.payload();
            // The token that ends the last document moves to the front. Then the token that ended a
            // document begins the next one. Documents with a token at their beginning need no change.
            let moved = match (manifest.begin_of_text, manifest.end_of_text) {
                (None, Some(_)) => manifest.token_type.bytes() as usize,
                _ => 0,
            };
            let (body, end) = payload.split_at(payload.len().saturating_sub(moved));
            let n_tokens = i32::try_from(shard.n_tokens()).map_err(|_| {
                export.unsupported(format!("{} has 2^31 tokens or more", entry.name))
            })?;
            let mut header = [0; HEADER_BYTES];
            for (slot, value) in
                header.as_chunks_mut::<4>().0.iter_mut().zip([magic, version, n_tokens])
            {
                *slot = value.to_le_bytes();
            }
            export.write(&format!("gristmill_{half}_{number:06}.bin"), |file| {
                file.write_all(&header)?;
                file.write_all(end)?;
                file.write_all(body)
            })?;
            number += 1;
        }
    }
    Ok(())
}

/// Opens a file and checks its header.
fn open(path: &Path, vocab_size: usize) -> Result<TokenSource> {
    let (head, size) = read_head(path, HEADER_BYTES)?;
    let fields: Vec<i32> = head.as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b)).collect();
    let &[magic, version, n_tokens, ..] = fields.as_slice() else {
        return Err(damaged(
            path,
            size,
            format!("it ends inside the header of {HEADER_BYTES} bytes"),
        ));
    };
    if head.len() < HEADER_BYTES {
        return Err(damaged(
            path,
            size,
            format!("it ends inside the header of {HEADER_BYTES} bytes"),
        ));
    }
    let Some((.., element)) = VARIANTS.iter().find(|(known, ..)| *known == magic) else {
        return Err(damaged(path, 0, format!("{magic} is not the magic number of a token file")));
    };
    if !VARIANTS.iter().any(|(known, of, _)| (*known, *of) == (magic, version)) {
        return Err(damaged(path, 4, format!("version {version} of {magic} is unknown")));
    }
    let expected = u64::try_from(n_tokens)
        .map(|n| n * element.bytes() + HEADER_BYTES as u64)
        .map_err(|_| damaged(path, 8, format!("{n_tokens} tokens")))?;
    if expected != size {
        return Err(size_differs(path, 8, n_tokens, expected, size));
    }
    let tokens = TokenFile::open(path, *element, HEADER_BYTES as u64, vocab_size)?;
    Ok(TokenSource { tokens, documents: Documents::BeginWithToken })
}

fn size_differs(path: &Path, offset: u64, n_tokens: i32, expected: u64, size: u64) -> FormatError {
    let message =
        format!("the header has {n_tokens} tokens, which is {expected} bytes; the file has {size}");
    damaged(path, offset, message)
}
