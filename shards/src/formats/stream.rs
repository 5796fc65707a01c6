//! Reading another tool's tokens from a file of any length, piece by piece. Every id is checked.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use store::StoreError;

use super::{FormatError, Result};

/// A file of tokens that is imported.
pub(super) struct TokenSource {
    pub(super) tokens: TokenFile,
    pub(super) documents: Documents,
}

/// How the documents of a file are found.
pub(super) enum Documents {
    /// The format has their lengths, in tokens.
    HaveLengths(Box<dyn Iterator<Item = Result<u64>>>),
    /// Each ends with the end-of-text token.
    EndWithToken,
    /// Each begins with the end-of-text token.
    BeginWithToken,
}

/// How a file stores an id, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    U8,
    U16,
    U32,
    I16,
    I32,
    I64,
}

impl Element {
    /// Bytes of one id.
    pub(super) fn bytes(self) -> u64 {
        match self {
            Self::U8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 => 4,
            Self::I64 => 8,
        }
    }

    /// Appends the ids in these bytes.
    fn read(self, bytes: &[u8], ids: &mut Vec<i64>) {
        fn chunks<const N: usize>(bytes: &[u8], ids: &mut Vec<i64>, id: impl Fn([u8; N]) -> i64) {
            ids.extend(bytes.as_chunks::<N>().0.iter().map(|chunk| id(*chunk)));
        }
        match self {
            Self::U8 => ids.extend(bytes.iter().map(|byte| i64::from(*byte))),
            Self::U16 => chunks(bytes, ids, |b| i64::from(u16::from_le_bytes(b))),
            Self::U32 => chunks(bytes, ids, |b| i64::from(u32::from_le_bytes(b))),
            Self::I16 => chunks(bytes, ids, |b| i64::from(i16::from_le_bytes(b))),
            Self::I32 => chunks(bytes, ids, |b| i64::from(i32::from_le_bytes(b))),
            Self::I64 => chunks(bytes, ids, i64::from_le_bytes),
        }
    }
}

/// Tokens that are read at once.
const PIECE_TOKENS: usize = 1 << 16;

/// A file of tokens, read from front to back.
pub(super) struct TokenFile {
    path: PathBuf,
    file: File,
    element: Element,
    /// The first byte of the tokens.
    start: u64,
    n_tokens: u64,
    /// Tokens read so far.
    position: u64,
    vocab_size: usize,
    bytes: Vec<u8>,
    wide: Vec<i64>,
}

impl TokenFile {
    /// Opens the tokens from byte `start` on.
    pub(super) fn open(
        path: &Path,
        element: Element,
        start: u64,
        vocab_size: usize,
    ) -> Result<Self> {
        let mut file = File::open(path).map_err(|e| StoreError::io(path, "read", e))?;
        let size = file_size(path)?;
        let bytes = size.saturating_sub(start);
        if !bytes.is_multiple_of(element.bytes()) {
            let message = format!(
                "its {bytes} bytes are not a multiple of {}, the size of an id",
                element.bytes()
            );
            return Err(damaged(path, size - bytes % element.bytes(), message));
        }
        file.seek(SeekFrom::Start(start)).map_err(|e| StoreError::io(path, "read", e))?;
        Ok(Self {
            path: path.into(),
            file,
            element,
            start,
            n_tokens: bytes / element.bytes(),
            position: 0,
            vocab_size,
            bytes: Vec::new(),
            wide: Vec::new(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The first byte of the next token.
    pub(super) fn offset(&self) -> u64 {
        self.start + self.position * self.element.bytes()
    }

    /// Tokens that are not read yet.
    pub(super) fn n_left(&self) -> u64 {
        self.n_tokens - self.position
    }

    /// Appends at most `limit` of the next tokens; returns how many. At the end this is 0.
    ///
    /// # Errors
    /// [`FormatError::TokenRange`] at an id outside the vocabulary; or the file cannot be read.
    pub(super) fn read(&mut self, limit: u64, tokens: &mut Vec<u32>) -> Result<usize> {
        let n = self.n_left().min(limit).min(PIECE_TOKENS as u64) as usize;
        self.bytes.resize(n * self.element.bytes() as usize, 0);
        self.file.read_exact(&mut self.bytes).map_err(|e| StoreError::io(&self.path, "read", e))?;
        self.wide.clear();
        self.element.read(&self.bytes, &mut self.wide);
        let is_known = |id: &i64| u64::try_from(*id).is_ok_and(|id| id < self.vocab_size as u64);
        if let Some(at) = self.wide.iter().position(|id| !is_known(id)) {
            let position = self.position + at as u64;
            return Err(FormatError::TokenRange {
                path: self.path.clone(),
                position,
                offset: self.start + position * self.element.bytes(),
                token: self.wide[at],
                vocab_size: self.vocab_size,
            });
        }
        tokens.extend(self.wide.iter().map(|id| *id as u32));
        self.position += n as u64;
        Ok(n)
    }
}

/// The error for a file that breaks the rules of its format at byte `offset`.
pub(super) fn damaged(path: &Path, offset: u64, message: impl Into<String>) -> FormatError {
    FormatError::Damaged { path: path.into(), offset, message: message.into() }
}

/// The size of a file.
pub(super) fn file_size(path: &Path) -> Result<u64> {
    let metadata = path.metadata().map_err(|e| StoreError::io(path, "read", e))?;
    Ok(metadata.len())
}

/// Opens a file for reading from byte `offset` on.
pub(super) fn open_at(path: &Path, offset: u64) -> Result<BufReader<File>> {
    let io = |e| StoreError::io(path, "read", e);
    let mut file = File::open(path).map_err(io)?;
    file.seek(SeekFrom::Start(offset)).map_err(io)?;
    Ok(BufReader::with_capacity(1 << 18, file))
}

/// The first bytes of a file, at most `n_bytes`, and the file's size.
pub(super) fn read_head(path: &Path, n_bytes: usize) -> Result<(Vec<u8>, u64)> {
    let mut head = Vec::new();
    open_at(path, 0)?
        .take(n_bytes as u64)
        .read_to_end(&mut head)
        .map_err(|e| StoreError::io(path, "read", e))?;
    Ok((head, file_size(path)?))
}
