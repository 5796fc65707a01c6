//! llm.c and modded-nanogpt: a header of 1,024 bytes, then tokens.
//!
//! The header is 256 i32: magic, version, number of tokens, zeros. Magic 20240520 with version 1
//! holds u16 (GPT-2), 20240801 with version 7 holds u32 (Llama 3). Each document is *begun* by the
//! end-of-text token. Held out are the files whose name says `val`.

use std::path::Path;

use store::shards::{Split, TokenType};

use super::frame::Export;
use super::stream::{Element, TokenFile, damaged, read_head};
use super::{FormatError, Result};

const HEADER_BYTES: usize = 1024;

/// Magic number, version and type of each variant.
const VARIANTS: [(i32, i32, Element); 2] =
    [(20_240_520, 1, Element::U16), (20_240_801, 7, Element::U32)];

pub(super) fn export(export: &mut Export<'_>) -> Result<()> {
    let manifest = export.manifest;
    if manifest.end_of_text.is_none() && manifest.begin_of_text.is_none() {
        return Err(export.unsupported(
            "its documents are begun by a token, and this dataset has none between documents",
        ));
    }
    let (magic, version, _) = VARIANTS[usize::from(manifest.token_type == TokenType::U32)];
    let mut number = 0;
    // The held-out file is the first by number, as llm.c's own scripts write it.
    for (split, half) in [(Split::Validation, "val"), (Split::Train, "train")] {
        for entry in manifest.shards_of(split) {
            let shard = export.shard(entry)?;
            let payload = shard.payload();
            // The token that ends the last document goes to the front; so the one that ended each
            // document begins the next. A document that has its own beginning stays as it is.
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

/// Opens a file, its header checked.
pub(super) fn open(path: &Path, vocab_size: usize) -> Result<TokenFile> {
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
        return Err(damaged(path, 0, format!("{magic} is the magic number of no token file")));
    };
    if !VARIANTS.iter().any(|(known, of, _)| (*known, *of) == (magic, version)) {
        return Err(damaged(path, 4, format!("version {version} of {magic} is not known")));
    }
    let expected = u64::try_from(n_tokens)
        .map(|n| n * element.bytes() + HEADER_BYTES as u64)
        .map_err(|_| damaged(path, 8, format!("{n_tokens} tokens")))?;
    if expected != size {
        return Err(size_differs(path, 8, n_tokens, expected, size));
    }
    TokenFile::open(path, *element, HEADER_BYTES as u64, vocab_size)
}

fn size_differs(path: &Path, offset: u64, n_tokens: i32, expected: u64, size: u64) -> FormatError {
    let message =
        format!("the header has {n_tokens} tokens, which is {expected} bytes; the file has {size}");
    damaged(path, offset, message)
}
