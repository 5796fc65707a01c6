//! nanoGPT: `train.bin` and `val.bin`, bare arrays of u16, and `meta.pkl`.
//!
//! `train.py` maps both with NumPy as uint16 and takes the model's vocabulary size from `meta.pkl`, a
//! pickled dict. There are no document bounds: each document ends with the end-of-text token.

use std::path::Path;

use store::shards::{Split, TokenType};

use super::frame::Export;
use super::stream::{Element, TokenFile};
use super::{Format, FormatError, Result};

pub(super) fn export(export: &mut Export<'_>) -> Result<()> {
    let manifest = export.manifest;
    if manifest.token_type != TokenType::U16 {
        return Err(export.unsupported(format!(
            "its readers take ids of 16 bits, the vocabulary has {}; llmc, megatron, datatrove and \
             olmo hold larger ones",
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
/// Opcodes (Python's `pickletools`): PROTO 0x80, EMPTY_DICT `}`, MARK `(`, BINUNICODE `X` with a u32
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
pub(super) fn open(path: &Path, vocab_size: usize) -> Result<TokenFile> {
    if vocab_size > 1 << 16 {
        return Err(FormatError::Unsupported {
            format: Format::NanoGpt,
            message: format!("its ids have 16 bits and cannot be those of {vocab_size} tokens"),
        });
    }
    TokenFile::open(path, Element::U16, 0, vocab_size)
}
