//! datatrove and nanotron: `NAME.ds` (bare tokens), `NAME.ds.index` (u64 end of each document, in
//! tokens) and `NAME.ds.metadata` (`TOKENIZER|BYTES_A_TOKEN`, the number of tokens, the same for
//! people; a line each).

use std::io::Read as _;
use std::path::{Path, PathBuf};

use store::StoreError;
use store::shards::TokenType;

use super::Result;
use super::frame::Export;
use super::stream::{Bounds, Element, TokenFile, damaged, file_size, open_at};

pub(super) fn export(export: &mut Export<'_>) -> Result<()> {
    let manifest = export.manifest;
    let tokenizer = manifest.tokenizer_blake3.as_deref().unwrap_or("unknown");
    for entry in &manifest.shards {
        let shard = export.shard(entry)?;
        let lengths = shard.document_tokens()?;
        export.link(&format!("{}.bin", entry.name), &format!("{}.ds", entry.name))?;
        export.write(&format!("{}.ds.index", entry.name), |file| {
            let mut end = 0u64;
            lengths.iter().try_for_each(|n| {
                end += u64::from(*n);
                file.write_all(&end.to_le_bytes())
            })
        })?;
        let (tokens, width) = (shard.n_tokens(), manifest.token_type.bytes());
        let text = format!("blake3:{tokenizer}|{width}\n{tokens}\n{}", for_people(tokens));
        export.write(&format!("{}.ds.metadata", entry.name), |file| {
            file.write_all(text.as_bytes())
        })?;
    }
    Ok(())
}

/// A number of tokens with three digits and an SI prefix, as `1.23 MT`.
fn for_people(tokens: u64) -> String {
    let digits = tokens.max(1).ilog10();
    let (group, ahead) = (digits / 3, digits % 3);
    let value = tokens as f64 / 10f64.powi(group as i32 * 3);
    let prefix = ["", "k", "M", "G", "T", "P", "E"][group as usize];
    format!("{value:.*} {prefix}T", 2 - ahead as usize)
}

/// Opens a file of tokens and, when it has one, its index.
pub(super) fn open(path: &Path, vocab_size: usize) -> Result<(TokenFile, Option<Bounds>)> {
    let element = element(path, vocab_size)?;
    let tokens = TokenFile::open(path, element, 0, vocab_size)?;
    let index = beside(path, "index");
    if !index.exists() {
        return Ok((tokens, None));
    }
    let size = file_size(&index)?;
    if !size.is_multiple_of(8) {
        return Err(damaged(&index, size, "it is no sequence of 8-byte numbers"));
    }
    let mut reader = open_at(&index, 0)?;
    let (mut before, mut offset) = (0, 0);
    let bounds = std::iter::from_fn(move || {
        if offset == size {
            return None;
        }
        let mut bytes = [0; 8];
        if let Err(error) = reader.read_exact(&mut bytes) {
            return Some(Err(StoreError::io(&index, "read", error).into()));
        }
        let end = u64::from_le_bytes(bytes);
        let length = end.checked_sub(before).ok_or_else(|| {
            damaged(&index, offset, format!("a document ends at {end}, the one before at {before}"))
        });
        (before, offset) = (end, offset + 8);
        Some(length)
    });
    Ok((tokens, Some(Box::new(bounds))))
}

/// The type that the metadata names; without any, the one that the vocabulary needs.
fn element(path: &Path, vocab_size: usize) -> Result<Element> {
    /// The metadata are three short lines.
    const METADATA_BYTES_MAX: u64 = 1 << 16;
    let metadata = beside(path, "metadata");
    if !metadata.exists() {
        return Ok(match TokenType::for_vocabulary(vocab_size) {
            TokenType::U16 => Element::U16,
            TokenType::U32 => Element::U32,
        });
    }
    let mut text = String::new();
    open_at(&metadata, 0)?
        .take(METADATA_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|e| StoreError::io(&metadata, "read", e))?;
    match text.lines().next().and_then(|line| line.rsplit_once('|')) {
        Some((_, "2")) => Ok(Element::U16),
        Some((_, "4")) => Ok(Element::U32),
        _ => Err(damaged(&metadata, 0, "its first line does not end with `|2` or `|4`")),
    }
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}
