//! nanoGPT: `train.bin` and `val.bin`, which are bare arrays of u16, and `meta.pkl`.
//!
//! `train.py` maps both arrays with NumPy and reads the model's vocabulary size from `meta.pkl`, a
//! pickled dict. Documents are not indexed: each ends with the end-of-text token.

use std::path::Path;

use crate::dataset::{Split, TokenType};

use super::format::Format;
use super::output::Export;
use super::stream::{Documents, Element, TokenFile, TokenSource};
use super::{FormatError, Result};

pub(super) const FORMAT: Format = Format { name: "nanogpt", export, open: Some(open) };

fn export(export: &mut Export<'_>) -> Result<()> {
    let manifest = export.manifest;
    if manifest.token_type != TokenType::U16 {
        return Err(export.unsupported(format!(
            "its readers expect ids of 16 bits, but the vocabulary has {}; use llmc, megatron, \
             datatrove or olmo",
            manifest.vocab_size
        )));
    }
    for (split, name) in [(Split::Train, "train.bin"), (Split::Validation, "val.bin")] {
        let entries: Vec<_> = manifest.shards_of(split).collect();
        let shards: Vec<_> =
            entries.iter().map(|entry| export.shard(entry)).collect::<Result<_>>()?;
        match shards.as_slice() {
            [] => {}
            [shard] => export.link(&format!("{}.bin", shard.entry().name), name)?,
            shards => export.write(name, |file| {
                shards.iter().try_for_each(|shard| file.write_all(shard.payload()))
            })?,
        }
    }
    let meta = meta_pickle(manifest.vocab_size, manifest.tokenizer_blake3.as_deref());
    export.write("meta.pkl", |file| file.write_all(&meta))
}

/// `{"vocab_size": …, "dtype": "uint16", "tokenizer_blake3": …}` as a pickle of protocol 2.
///
/// Opcodes (see Python's `pickletools`): PROTO 0x80, EMPTY_DICT `}`, MARK `(`, BINUNICODE `X` with a u32
/// length, BININT `J` with an i32, SETITEMS `u`, STOP `.`.
fn meta_pickle(vocab_size: usize, tokenizer_blake3: Option<&str>) -> Vec<u8> {
    let text = |text: &str| {
        let mut bytes = vec![b'X'];
        bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes
    };
    let mut pickle = vec![0x80, 2, b'}', b'('];
    pickle.extend(text("vocab_size"));
    pickle.push(b'J');
    pickle.extend_from_slice(&(vocab_size as i32).to_le_bytes());
    for (key, value) in [("dtype", Some("uint16")), ("tokenizer_blake3", tokenizer_blake3)] {
        if let Some(value) = value {
            pickle.extend(text(key));
            pickle.extend(text(value));
        }
    }
    pickle.extend_from_slice(b"u.");
    pickle
}

/// Opens a bare array of u16.
fn open(path: &Path, vocab_size: usize) -> Result<TokenSource> {
    if vocab_size > 1 << 16 {
        return Err(FormatError::Unsupported {
            format: FORMAT.name,
            message: format!("its ids have 16 bits, too few for a vocabulary of {vocab_size}"),
        });
    }
    let tokens = TokenFile::open(path, Element::U16, 0, vocab_size)?;
    Ok(TokenSource { tokens, documents: Documents::EndWithToken })
}
