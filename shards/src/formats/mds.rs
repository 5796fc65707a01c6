//! MosaicML streaming: for each half a folder with `index.json` (version 2) and MDS files.
//!
//! An MDS file has the number of samples as u32, the offsets of the samples and of the end from the
//! start of the file as u32, the configuration as JSON, and the samples. A sample is a document. It
//! has one column, `tokens`, with the encoding `ndarray:uint16` or `ndarray:uint32`: the size as u32,
//! a byte with the number of axes above two bits for the width of their lengths, the length, and the
//! values.

use std::io::{self, Write};

use crate::dataset::{Split, TokenType};
use serde_json::{Value, json};

use super::Result;
use super::format::Format;
use super::output::{Export, document_bytes};

pub(super) const FORMAT: Format = Format { name: "mds", export, open: None };

fn export(export: &mut Export<'_>) -> Result<()> {
    let manifest = export.manifest;
    let encoding = match manifest.token_type {
        TokenType::U16 => "ndarray:uint16",
        TokenType::U32 => "ndarray:uint32",
    };
    for split in [Split::Train, Split::Validation] {
        let mut shards = Vec::new();
        for (number, entry) in manifest.shards_of(split).enumerate() {
            let shard = export.shard(entry)?;
            let lengths = shard.document_tokens()?;
            let width = manifest.token_type.bytes();
            let config = config(encoding).to_string();
            let head_bytes = 8 + 4 * lengths.len() as u64 + config.len() as u64;
            let samples: u64 = lengths.iter().map(|n| sample_bytes(*n, width)).sum();
            let bytes = head_bytes + samples;
            if u32::try_from(bytes).is_err() {
                return Err(export.unsupported(format!(
                    "{} would have {bytes} bytes, but offsets have 32 bits; make smaller shards",
                    entry.name
                )));
            }
            let basename = format!("shard.{number:05}.mds");
            export.write(&format!("{}/{basename}", split.as_str()), |file| {
                write_offsets(file, &lengths, width, head_bytes)?;
                file.write_all(config.as_bytes())?;
                let documents = document_bytes(&lengths, width);
                lengths.iter().zip(documents).try_for_each(|(n, range)| {
                    write_sample(file, *n, width, &shard.payload()[range])
                })
            })?;
            shards.push(shard_json(encoding, &basename, bytes, lengths.len()));
        }
        if !shards.is_empty() {
            let index = json!({ "shards": shards, "version": 2 }).to_string();
            export.write(&format!("{}/index.json", split.as_str()), |file| {
                file.write_all(index.as_bytes())
            })?;
        }
    }
    Ok(())
}

/// The configuration in each file. Its keys are sorted, as the library writes them.
fn config(encoding: &str) -> Value {
    json!({
        "column_encodings": [encoding],
        "column_names": ["tokens"],
        "column_sizes": [null],
        "compression": null,
        "format": "mds",
        "hashes": [],
        "size_limit": null,
        "version": 2,
    })
}

/// The entry of a file in the index: the configuration and the file's own facts.
fn shard_json(encoding: &str, basename: &str, bytes: u64, samples: usize) -> Value {
    let mut shard = config(encoding);
    shard["raw_data"] = json!({ "basename": basename, "bytes": bytes, "hashes": {} });
    shard["samples"] = json!(samples);
    shard["zip_data"] = Value::Null;
    shard
}

/// The code for the width of a length: it takes two to this power bytes.
fn length_code(n_tokens: u32) -> u8 {
    match n_tokens {
        0..=0xff => 0,
        0x100..=0xffff => 1,
        _ => 2,
    }
}

/// Bytes of a document's array: the byte for the axes, the length and the values.
fn array_bytes(n_tokens: u32, width: u64) -> u64 {
    1 + (1 << length_code(n_tokens)) + u64::from(n_tokens) * width
}

fn sample_bytes(n_tokens: u32, width: u64) -> u64 {
    4 + array_bytes(n_tokens, width)
}

fn write_offsets(
    file: &mut dyn Write,
    lengths: &[u32],
    width: u64,
    head_bytes: u64,
) -> io::Result<()> {
    file.write_all(&(lengths.len() as u32).to_le_bytes())?;
    let mut offset = head_bytes;
    file.write_all(&(offset as u32).to_le_bytes())?;
    lengths.iter().try_for_each(|n| {
        offset += sample_bytes(*n, width);
        file.write_all(&(offset as u32).to_le_bytes())
    })
}

fn write_sample(file: &mut dyn Write, n_tokens: u32, width: u64, values: &[u8]) -> io::Result<()> {
    let code = length_code(n_tokens);
    file.write_all(&(array_bytes(n_tokens, width) as u32).to_le_bytes())?;
    // There is one axis.
    file.write_all(&[(1 << 2) | code])?;
    file.write_all(&n_tokens.to_le_bytes()[..1 << code])?;
    file.write_all(values)
}
