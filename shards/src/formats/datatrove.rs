//! datatrove and nanotron: `NAME.ds` (bare tokens), `NAME.ds.index` (the end of each document in
//! tokens, as u64) and `NAME.ds.metadata`. The metadata has three lines: `TOKENIZER|BYTES_PER_TOKEN`,
//! the number of tokens, and the same number in short form.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::dataset::TokenType;
use store::StoreError;

use super::Result;
use super::format::Format;
use super::output::Export;
use super::stream::{Documents, Element, TokenFile, TokenSource, damaged, file_size, open_at};

pub(super) const FORMAT: Format = Format { name: "datatrove", export, open: Some(open) };

fn export(export: &mut Export<'_>) -> Result<()> {
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
        let text = format!("blake3:{tokenizer}|{width}\n{tokens}\n{}", short_count(tokens));
        export.write(&format!("{}.ds.metadata", entry.name), |file| {
            file.write_all(text.as_bytes())
        })?;
    }
    Ok(())
}

/// A number of tokens with three digits and an SI prefix, such as `1.23 MT`.
fn short_count(tokens: u64) -> String {
    let digits = tokens.max(1).ilog10();
    let (group, ahead) = (digits / 3, digits % 3);
    let value = tokens as f64 / 10f64.powi(group as i32 * 3);
    let prefix = ["", "k", "M", "G", "T", "P", "E"][group as usize];
    format!("{value:.*} {prefix}T", 2 - ahead as usize)
}

/// Opens a file of tokens and its index, if there is one.
fn open(path: &Path, vocab_size: usize) -> Result<TokenSource> {
    let element = element(path, vocab_size)?;
    let tokens = TokenFile::open(path, element, 0, vocab_size)?;
    let index = beside(path, "index");
    if !index.exists() {
        return Ok(TokenSource { tokens, documents: Documents::EndWithToken });
    }
    let size = file_size(&index)?;
    if !size.is_multiple_of(8) {
        return Err(damaged(&index, size, "its size is not a multiple of 8 bytes"));
    }
    let mut reader = open_at(&index, 0)?;
    let (mut before, mut offset) = (0, 0);
    let lengths = std::iter::from_fn(move || {
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
    Ok(TokenSource { tokens, documents: Documents::HaveLengths(Box::new(lengths)) })
}

/// The type in the metadata; without metadata, the type that the vocabulary needs.
fn element(path: &Path, vocab_size: usize) -> Result<Element> {
    /// The metadata has three short lines.
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

/// The file whose name has another extension added.
fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    name.into()
}
