//! litdata: for each half a folder with `index.json` and `chunk-0-N.bin`, for its `TokensLoader`.
//!
//! A chunk has the number of items as u32, the offsets of the items and of the end from the start of
//! the chunk as u32, and the items. An item is a document: bare tokens. So the tokens of a chunk are
//! contiguous, and `TokensLoader` cuts blocks of any size from them. Types are numbers in litdata's
//! table: 20 is uint16 and 16 is int32. The latter is used for u32, since ids are below 2^31 and torch
//! supports few operations on uint32.

use crate::dataset::{Split, TokenType};
use serde_json::{Value, json};

use super::Result;
use super::format::Format;
use super::output::{Export, document_bytes};

/// litdata's notation for an item that is a single leaf and not a tree.
const ONE_LEAF: &str = r#"[1, {"type": null, "context": null, "children_spec": []}]"#;

pub(super) const FORMAT: Format = Format { name: "litdata", export, open: None };

fn export(export: &mut Export<'_>) -> Result<()> {
    let manifest = export.manifest;
    let (data_format, ids_max) = match manifest.token_type {
        TokenType::U16 => ("no_header_tensor:20", 1 << 16),
        TokenType::U32 => ("no_header_tensor:16", 1 << 31),
    };
    if manifest.vocab_size as u64 > ids_max {
        return Err(export.unsupported("its ids must be below 2^31"));
    }
    for split in [Split::Train, Split::Validation] {
        let mut chunks = Vec::new();
        for (number, entry) in manifest.shards_of(split).enumerate() {
            let shard = export.shard(entry)?;
            let lengths = shard.document_tokens()?;
            let head_bytes = 8 + 4 * lengths.len() as u64;
            let bytes = head_bytes + shard.payload().len() as u64;
            if u32::try_from(bytes).is_err() {
                return Err(export.unsupported(format!(
                    "{} would have {bytes} bytes, but offsets have 32 bits; make smaller shards",
                    entry.name
                )));
            }
            let filename = format!("chunk-0-{number}.bin");
            export.write(&format!("{}/{filename}", split.as_str()), |file| {
                file.write_all(&(lengths.len() as u32).to_le_bytes())?;
                file.write_all(&(head_bytes as u32).to_le_bytes())?;
                document_bytes(&lengths, manifest.token_type.bytes()).try_for_each(|range| {
                    file.write_all(&(head_bytes as u32 + range.end as u32).to_le_bytes())
                })?;
                file.write_all(shard.payload())
            })?;
            chunks.push(json!({
                "chunk_bytes": bytes,
                "chunk_size": lengths.len(),
                "dim": shard.n_tokens(),
                "filename": filename,
            }));
        }
        if !chunks.is_empty() {
            let index = json!({ "chunks": chunks, "config": config(data_format) }).to_string();
            export.write(&format!("{}/index.json", split.as_str()), |file| {
                file.write_all(index.as_bytes())
            })?;
        }
    }
    Ok(())
}

fn config(data_format: &str) -> Value {
    json!({
        "chunk_bytes": null,
        "chunk_size": null,
        "compression": null,
        "data_format": [data_format],
        "data_spec": ONE_LEAF,
        "encryption": null,
        "item_loader": "TokensLoader",
    })
}
