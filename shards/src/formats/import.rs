//! Making a dataset from files of another tool.
//!
//! Where a format has an index, the documents are those of the index. Where it has none, a document
//! ends with the end-of-text token (in llm.c's files it begins with it). Without such a token each
//! file is one document. Files are read in the given order. A document that continues in the next
//! file, as in llm.c's datasets, is cut at the end of the file.

use std::path::{Path, PathBuf};

use store::{Publish as _, StagedFolder};

use crate::dataset::{DatasetWriter, Document, ShardManifest, Split, Tokens, write_token_bytes};

use super::stream::{Documents, TokenFile, TokenSource, damaged};
use super::{Format, FormatError, Result};

/// The longest document, in tokens. A document is held in memory, at four bytes per token.
pub const DOCUMENT_TOKENS_MAX: usize = 1 << 27;

/// The default size of shards, in tokens, as in the datasets that llm.c trains on.
pub const SHARD_TOKENS_DEFAULT: u64 = 100_000_000;

/// What to import.
#[derive(Debug, Clone)]
pub struct Import<'a> {
    /// The files' format, one that [can be imported](Format::can_import).
    pub format: Format,
    /// The files. For Megatron a file is either of the two, or the part that their names share; for
    /// datatrove it is the `.ds` file. Files with `val`, `valid` or `validation` as a part of their
    /// name are held out.
    pub files: &'a [PathBuf],
    /// Ids are below this.
    pub vocab_size: usize,
    /// The id between documents. Each document of the dataset ends with it.
    pub end_of_text: Option<u32>,
    /// Bytes of text by id, 0 for ids that stand for no text; used to count the documents' bytes.
    pub token_bytes: Option<&'a [u16]>,
    /// The content of the tokenizer's `tokenizer.json`, which is stored in the dataset.
    pub tokenizer: Option<&'a str>,
    /// The source under which [`ShardManifest::sources`] counts the documents.
    pub source: &'a str,
    /// The largest number of tokens in a shard, unless one document has more.
    pub shard_tokens: u64,
}

/// The outcome of an import.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The dataset's description.
    pub manifest: ShardManifest,
    /// End-of-text tokens that were added to documents without one. A token that a file has before its
    /// first document is moved behind its last one and does not count.
    pub tokens_added: u64,
}

/// Makes a dataset in the new folder `output`.
///
/// # Errors
/// [`FormatError::Damaged`] at a header or index that is invalid, [`FormatError::TokenRange`] at an id
/// outside the vocabulary, [`FormatError::Unsupported`] when the format or the vocabulary cannot be
/// imported; or a file cannot be read or written. After an error nothing is at `output`.
pub fn import(what: &Import<'_>, output: &Path) -> Result<Imported> {
    let staged = StagedFolder::create(output)?;
    let open = what.format.open.ok_or_else(|| not_importable(what.format))?;
    let mut intake = Intake {
        what,
        open,
        writer: DatasetWriter::new(&staged, what.vocab_size, what.shard_tokens),
        tokens_added: 0,
    };
    check_vocabulary(what)?;
    for path in what.files {
        intake.file(path)?;
    }
    let imported = intake.finish(&staged)?;
    staged.finish()?;
    Ok(imported)
}

/// The error for a format that is only written.
fn not_importable(format: Format) -> FormatError {
    let importable = Format::ALL.iter().filter(|format| format.can_import());
    let names: Vec<&str> = importable.map(Format::name).collect();
    let message = format!("cannot be imported; these can: {}", names.join(", "));
    FormatError::Unsupported { format: format.name, message }
}

/// Checks that the tokenizer's facts fit the vocabulary.
fn check_vocabulary(what: &Import<'_>) -> Result<()> {
    let unsupported = |message| Err(FormatError::Unsupported { format: what.format.name, message });
    if what.vocab_size as u64 > 1 << 31 {
        return unsupported(format!(
            "ids must be below 2^31, but the vocabulary has {}",
            what.vocab_size
        ));
    }
    match (what.end_of_text, what.token_bytes) {
        (Some(id), _) if id as usize >= what.vocab_size => unsupported(format!(
            "the end-of-text token {id} is outside the vocabulary of {}",
            what.vocab_size
        )),
        (_, Some(table)) if table.len() != what.vocab_size => unsupported(format!(
            "the tokenizer has {} tokens, the vocabulary {}",
            table.len(),
            what.vocab_size
        )),
        _ => Ok(()),
    }
}

/// An import in progress.
struct Intake<'a, 'b> {
    what: &'a Import<'b>,
    open: fn(&Path, usize) -> Result<TokenSource>,
    writer: DatasetWriter<'a>,
    tokens_added: u64,
}

impl Intake<'_, '_> {
    /// Publishes the dataset.
    fn finish(self, staged: &StagedFolder) -> Result<Imported> {
        let what = self.what;
        let mut manifest = ShardManifest {
            end_of_text: what.end_of_text,
            tokenizer_blake3: what.tokenizer.map(|json| store::digest(json.as_bytes())),
            ..ShardManifest::new(what.vocab_size)
        };
        if let Some(json) = what.tokenizer {
            manifest.files.push(staged.publish_bytes(ShardManifest::TOKENIZER, json.as_bytes())?);
        }
        if let Some(token_bytes) = what.token_bytes {
            manifest.files.push(write_token_bytes(staged, token_bytes)?);
        }
        let (manifest, _) = self.writer.finish(manifest)?;
        Ok(Imported { manifest, tokens_added: self.tokens_added })
    }

    /// Imports one file.
    fn file(&mut self, path: &Path) -> Result<()> {
        let TokenSource { tokens, documents } = (self.open)(path, self.what.vocab_size)?;
        match documents {
            Documents::HaveLengths(lengths) => self.indexed(tokens, lengths),
            Documents::EndWithToken => self.stream(tokens, false),
            Documents::BeginWithToken => self.stream(tokens, true),
        }
    }

    /// Imports documents of these lengths.
    fn indexed(
        &mut self,
        mut tokens: TokenFile,
        lengths: impl Iterator<Item = Result<u64>>,
    ) -> Result<()> {
        let mut document = Vec::new();
        for (number, length) in lengths.enumerate() {
            let length = length?;
            if length > tokens.n_left() {
                let message = format!(
                    "document {number} has {length} tokens, only {} are left",
                    tokens.n_left()
                );
                return Err(damaged(tokens.path(), tokens.offset(), message));
            }
            document.clear();
            while (document.len() as u64) < length {
                check_length(&tokens, number as u64, length as usize)?;
                tokens.read(length - document.len() as u64, &mut document)?;
            }
            self.document(&tokens, number as u64, &mut document)?;
        }
        if tokens.n_left() > 0 {
            let message = format!("its last {} tokens belong to no document", tokens.n_left());
            return Err(damaged(tokens.path(), tokens.offset(), message));
        }
        Ok(())
    }

    /// Imports documents that each end with the end-of-text token, or with `begun` begin with it.
    fn stream(&mut self, mut tokens: TokenFile, begun: bool) -> Result<()> {
        let end_of_text = self.what.end_of_text;
        let (mut piece, mut document) = (Vec::new(), Vec::new());
        let mut number = 0;
        // True once the beginning of a document was seen, even if no token follows.
        let mut is_open = false;
        let mut spare_end = None;
        while tokens.n_left() > 0 {
            piece.clear();
            tokens.read(u64::MAX, &mut piece)?;
            let mut rest = piece.as_slice();
            while let Some(at) = rest.iter().position(|token| Some(*token) == end_of_text) {
                let (before, after) = rest.split_at(at + 1);
                rest = after;
                if begun && !is_open && at == 0 {
                    // It begins the file's first document. In the dataset it ends the last one.
                    (is_open, spare_end) = (true, end_of_text);
                    continue;
                }
                document.extend_from_slice(before);
                self.document(&tokens, number, &mut document)?;
                document.clear();
                number += 1;
                is_open = begun;
            }
            document.extend_from_slice(rest);
            is_open |= !rest.is_empty();
            check_length(&tokens, number, document.len())?;
        }
        if is_open {
            document.extend(spare_end);
            self.document(&tokens, number, &mut document)?;
        }
        Ok(())
    }

    /// Adds a document, with an end-of-text token if it has none.
    fn document(&mut self, file: &TokenFile, number: u64, document: &mut Vec<u32>) -> Result<()> {
        if let Some(end) = self.what.end_of_text
            && document.last() != Some(&end)
        {
            document.push(end);
            self.tokens_added += 1;
        }
        check_length(file, number, document.len())?;
        let bytes = self.what.token_bytes.map_or(0, |table| {
            document.iter().map(|token| u64::from(table[*token as usize])).sum()
        });
        // A file that could be opened has a name.
        let name = file.path().file_name().unwrap_or_default().to_string_lossy();
        let document = Document {
            id: &format!("{name}/{number}"),
            source: self.what.source,
            bytes,
            tokens: Tokens::Ids(document),
        };
        self.writer.add(split_of(&name), &document)?;
        Ok(())
    }
}

/// Refuses a document that is too long.
fn check_length(file: &TokenFile, document: u64, n_tokens: usize) -> Result<()> {
    if n_tokens <= DOCUMENT_TOKENS_MAX {
        return Ok(());
    }
    let path = file.path().into();
    Err(FormatError::TooLong { path, document, limit_tokens: DOCUMENT_TOKENS_MAX })
}

/// The half that a file's name indicates.
fn split_of(name: &str) -> Split {
    let mut parts = name.split(|c: char| !c.is_ascii_alphanumeric());
    if parts.any(|part| ["val", "valid", "validation"].contains(&part)) {
        Split::Validation
    } else {
        Split::Train
    }
}
