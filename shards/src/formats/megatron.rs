//! Megatron-LM: `NAME.bin` (bare tokens) and `NAME.idx`. A dataset has both files already.
//!
//! The index (`dataset/index.rs`) has a header, the i32 length and the i64 byte offset of each
//! sequence, and the i64 number of the first sequence of each document, followed by the number of
//! sequences. A document may have several sequences. There is no code for u32, but ids below 2^31
//! have the same bits as i32.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::dataset::TokenType;
use store::StoreError;

use super::format::Format;
use super::output::Export;
use super::stream::{
    Documents, Element, TokenFile, TokenSource, damaged, file_size, open_at, read_head,
};
use super::{FormatError, Result};

const MAGIC: &[u8; 9] = b"MMIDIDX\0\0";
const HEADER_BYTES: u64 = 34;

pub(super) const FORMAT: Format = Format { name: "megatron", export, open: Some(open) };

fn export(export: &mut Export<'_>) -> Result<()> {
    let manifest = export.manifest;
    if manifest.token_type == TokenType::U32 && manifest.vocab_size as u64 > 1 << 31 {
        return Err(export.unsupported("its ids must be below 2^31"));
    }
    for entry in &manifest.shards {
        export.shard(entry)?.document_tokens()?;
        for extension in ["bin", "idx"] {
            let name = format!("{}.{extension}", entry.name);
            export.link(&name, &name)?;
        }
    }
    Ok(())
}

/// Opens a payload and its index. `path` is either file, or the part that their names share.
fn open(path: &Path, vocab_size: usize) -> Result<TokenSource> {
    let (payload, index) = pair(path);
    let (head, size) = read_head(&index, HEADER_BYTES as usize)?;
    let header = Header::parse(&index, &head, size)?;
    let tokens = TokenFile::open(&payload, header.element, 0, vocab_size)?;
    let lengths = DocumentLengths::open(index, &header, file_size(&payload)?)?;
    Ok(TokenSource { tokens, documents: Documents::HaveLengths(Box::new(lengths)) })
}

/// The paths of payload and index.
fn pair(path: &Path) -> (PathBuf, PathBuf) {
    let is_named = path.extension().is_some_and(|e| e == "bin" || e == "idx");
    let stem = if is_named { path.with_extension("") } else { path.into() };
    let with = |extension: &str| {
        let mut name = stem.clone().into_os_string();
        name.push(extension);
        PathBuf::from(name)
    };
    (with(".bin"), with(".idx"))
}

struct Header {
    element: Element,
    n_sequences: u64,
    /// Documents plus one.
    n_bounds: u64,
}

impl Header {
    fn parse(path: &Path, head: &[u8], size: u64) -> Result<Self> {
        let too_short = || damaged(path, size, "it ends inside the header of 34 bytes");
        let u64_at = |at: usize| {
            let bytes = head.get(at..at + 8).and_then(|b| b.try_into().ok());
            bytes.map(u64::from_le_bytes).ok_or_else(too_short)
        };
        if head.get(..9).ok_or_else(too_short)? != MAGIC {
            return Err(damaged(path, 0, "it is not an index of Megatron-LM"));
        }
        if u64_at(9)? != 1 {
            return Err(damaged(path, 9, format!("version {} is unknown", u64_at(9)?)));
        }
        let element = match head.get(17) {
            Some(1) => Element::U8,
            Some(3) => Element::I16,
            Some(4) => Element::I32,
            Some(5) => Element::I64,
            Some(8) => Element::U16,
            Some(code) => {
                return Err(damaged(
                    path,
                    17,
                    format!("type code {code} is not a type of token ids"),
                ));
            }
            None => return Err(too_short()),
        };
        let (n_sequences, n_bounds) = (u64_at(18)?, u64_at(26)?);
        let arrays = n_sequences.checked_mul(12).zip(n_bounds.checked_mul(8));
        let expected = arrays.and_then(|(sequences, bounds)| {
            sequences.checked_add(bounds)?.checked_add(HEADER_BYTES)
        });
        if n_bounds == 0 || expected != Some(size) {
            let message = format!(
                "{n_sequences} sequences and {n_bounds} document bounds do not give {size} bytes"
            );
            return Err(damaged(path, 18, message));
        }
        Ok(Self { element, n_sequences, n_bounds })
    }
}

/// Reads the three arrays of an index side by side, without holding them in memory.
struct DocumentLengths {
    path: PathBuf,
    lengths: Box<dyn Read>,
    offsets: Box<dyn Read>,
    bounds: Box<dyn Read>,
    n_sequences: u64,
    /// Document bounds in all.
    n_bounds: u64,
    /// Document bounds read so far.
    bound: u64,
    token_bytes: u64,
    payload_bytes: u64,
    sequence: u64,
    offset: u64,
}

impl DocumentLengths {
    fn open(path: PathBuf, header: &Header, payload_bytes: u64) -> Result<Self> {
        let n = header.n_sequences;
        let mut documents = Self {
            lengths: Box::new(open_at(&path, HEADER_BYTES)?),
            offsets: Box::new(open_at(&path, HEADER_BYTES + 4 * n)?),
            bounds: Box::new(open_at(&path, HEADER_BYTES + 12 * n)?),
            path,
            n_sequences: n,
            n_bounds: header.n_bounds,
            bound: 0,
            token_bytes: header.element.bytes(),
            payload_bytes,
            sequence: 0,
            offset: 0,
        };
        let first = documents.bound()?;
        if first != 0 {
            let message = format!("the first document begins with sequence {first}");
            return Err(damaged(&documents.path, HEADER_BYTES + 12 * n, message));
        }
        Ok(documents)
    }

    /// Reads the next document bound.
    fn bound(&mut self) -> Result<u64> {
        self.bound += 1;
        read_u64(&mut self.bounds, &self.path)
    }

    /// The next document's length in tokens. Its sequences must be contiguous in the payload.
    fn document(&mut self) -> Result<u64> {
        let at = HEADER_BYTES + 12 * self.n_sequences + 8 * self.bound;
        let end = self.bound()?;
        if end < self.sequence || end > self.n_sequences {
            let message = format!(
                "a document has the sequences {} to {end} of {}",
                self.sequence, self.n_sequences
            );
            return Err(damaged(&self.path, at, message));
        }
        let mut tokens = 0;
        while self.sequence < end {
            let mut bytes = [0; 4];
            self.lengths
                .read_exact(&mut bytes)
                .map_err(|e| StoreError::io(&self.path, "read", e))?;
            let length = i32::from_le_bytes(bytes);
            let offset = read_u64(&mut self.offsets, &self.path)?;
            let length_at = HEADER_BYTES + 4 * self.sequence;
            let length = u64::try_from(length)
                .map_err(|_| damaged(&self.path, length_at, format!("{length} tokens")))?;
            if offset != self.offset {
                let offset_at = HEADER_BYTES + 4 * self.n_sequences + 8 * self.sequence;
                let message = format!(
                    "sequence {} begins at byte {offset}, not at {}; only contiguous ones are read",
                    self.sequence, self.offset
                );
                return Err(damaged(&self.path, offset_at, message));
            }
            tokens += length;
            self.offset += length * self.token_bytes;
            self.sequence += 1;
        }
        Ok(tokens)
    }

    /// Checks that the documents cover all sequences and the whole payload.
    fn end(&self) -> Result<()> {
        if self.sequence != self.n_sequences || self.offset != self.payload_bytes {
            let message = format!(
                "its documents end at sequence {} and byte {}, not at {} and {}",
                self.sequence, self.offset, self.n_sequences, self.payload_bytes
            );
            return Err(damaged(&self.path, HEADER_BYTES, message));
        }
        Ok(())
    }
}

impl Iterator for DocumentLengths {
    type Item = Result<u64>;

    fn next(&mut self) -> Option<Result<u64>> {
        if self.bound == self.n_bounds {
            return self.end().err().map(|error: FormatError| {
                // Makes the next call return `None`, so that the error is reported once.
                self.offset = self.payload_bytes;
                self.sequence = self.n_sequences;
                Err(error)
            });
        }
        Some(self.document())
    }
}

fn read_u64(reader: &mut dyn Read, path: &Path) -> Result<u64> {
    let mut bytes = [0; 8];
    reader.read_exact(&mut bytes).map_err(|e| StoreError::io(path, "read", e))?;
    Ok(u64::from_le_bytes(bytes))
}
