//! Importing: a dataset from files that another tool wrote.
//!
//! Where the format has an index, its documents are kept. Where it has none, a document ends after
//! the end-of-text token (in llm.c's files before it), and without such a token each file is one
//! document. Files are read in the order in which they are given; a document that goes on in the next
//! file, as llm.c's do, is cut at the end of the file.

use std::path::{Path, PathBuf};

use store::shards::{
    DatasetWriter, Document, Publish as _, ShardManifest, Split, StagedFolder, TokenType,
    write_token_bytes,
};

use super::stream::{Bounds, TokenFile, damaged};
use super::{Format, FormatError, Result, datatrove, llmc, megatron, nanogpt};

/// Tokens of one document at most: a document is held in memory whole, at four bytes a token.
pub const DOCUMENT_TOKENS_MAX: usize = 1 << 27;

/// Tokens of a shard unless asked otherwise, as in the datasets that llm.c trains on.
pub const SHARD_TOKENS_DEFAULT: u64 = 100_000_000;

/// What to import.
#[derive(Debug, Clone)]
pub struct Import<'a> {
    /// The files' format: [`Format::NanoGpt`], [`Format::LlmC`], [`Format::Megatron`] (either of two
    /// files, or what their names have in common) or [`Format::Datatrove`] (the `.ds` files).
    pub format: Format,
    /// The files. Those with `val` or `validation` as a part of their name are held out.
    pub files: &'a [PathBuf],
    /// Ids are below this.
    pub vocab_size: usize,
    /// The id between documents; each document of the dataset ends with it.
    pub end_of_text: Option<u32>,
    /// Bytes of text by id, 0 for ids that stand for none; counts the documents' bytes.
    pub token_bytes: Option<&'a [u16]>,
    /// The tokenizer that made the ids, as its `tokenizer.json` has it; the dataset keeps it.
    pub tokenizer: Option<&'a str>,
    /// What the documents count for in [`ShardManifest::sources`].
    pub source: &'a str,
    /// Tokens of a shard at most, unless one document has more.
    pub shard_tokens: u64,
}

/// What an import made.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The dataset's description.
    pub manifest: ShardManifest,
    /// End-of-text tokens that were added to documents that had none. One that a file has before its
    /// first document instead of behind its last is moved there and does not count.
    pub tokens_added: u64,
}

/// Makes a dataset in the new folder `output`.
///
/// Fails with [`FormatError::Damaged`] at a header or index that is impossible and with
/// [`FormatError::TokenRange`] at an id outside the vocabulary, both with file and place; nothing is
/// at `output` then.
pub fn import(what: &Import<'_>, output: &Path) -> Result<Imported> {
    let staged = StagedFolder::create(output)?;
    let mut intake = Intake {
        what,
        writer: DatasetWriter::new(&staged, "", what.vocab_size, what.shard_tokens),
        tokens_added: 0,
    };
    check_vocabulary(what)?;
    for path in what.files {
        intake.file(path)?;
    }
    let Intake { writer, tokens_added, .. } = intake;
    let mut manifest = ShardManifest {
        schema: ShardManifest::SCHEMA.into(),
        root: String::new(),
        token_type: TokenType::for_vocabulary(what.vocab_size),
        vocab_size: what.vocab_size,
        begin_of_text: None,
        end_of_text: what.end_of_text,
        tokenizer_blake3: what.tokenizer.map(|json| store::digest(json.as_bytes())),
        validation: None,
        sources: Vec::new(),
        files: Vec::new(),
        shards: Vec::new(),
    };
    if let Some(json) = what.tokenizer {
        manifest.files.push(staged.publish_bytes(ShardManifest::TOKENIZER, json.as_bytes())?);
    }
    if let Some(token_bytes) = what.token_bytes {
        manifest.files.push(write_token_bytes(&staged, "", token_bytes)?);
    }
    let (manifest, _) = writer.finish(manifest)?;
    staged.finish()?;
    Ok(Imported { manifest, tokens_added })
}

/// The tokenizer's facts must fit the vocabulary that is claimed.
fn check_vocabulary(what: &Import<'_>) -> Result<()> {
    let unsupported = |message| Err(FormatError::Unsupported { format: what.format, message });
    if what.vocab_size as u64 > 1 << 31 {
        return unsupported(format!("ids are below 2^31, not below {}", what.vocab_size));
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

/// An import on its way.
struct Intake<'a, 'b> {
    what: &'a Import<'b>,
    writer: DatasetWriter<'a>,
    tokens_added: u64,
}

impl Intake<'_, '_> {
    fn file(&mut self, path: &Path) -> Result<()> {
        let vocab_size = self.what.vocab_size;
        match self.what.format {
            Format::NanoGpt => self.stream(nanogpt::open(path, vocab_size)?, false),
            Format::LlmC => self.stream(llmc::open(path, vocab_size)?, true),
            Format::Megatron => {
                let (tokens, bounds) = megatron::open(path, vocab_size)?;
                self.indexed(tokens, bounds)
            }
            Format::Datatrove => match datatrove::open(path, vocab_size)? {
                (tokens, Some(bounds)) => self.indexed(tokens, bounds),
                (tokens, None) => self.stream(tokens, false),
            },
            format @ (Format::Olmo | Format::Mds | Format::LitData) => {
                let message =
                    "cannot be imported; nanogpt, llmc, megatron and datatrove can".into();
                Err(FormatError::Unsupported { format, message })
            }
        }
    }

    /// Documents of the lengths in an index.
    fn indexed(&mut self, mut tokens: TokenFile, bounds: Bounds) -> Result<()> {
        let mut document = Vec::new();
        for (number, length) in bounds.enumerate() {
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
            let message = format!("its last {} tokens are in no document", tokens.n_left());
            return Err(damaged(tokens.path(), tokens.offset(), message));
        }
        Ok(())
    }

    /// Documents between end-of-text tokens, which end them or, `begun`, begin them.
    fn stream(&mut self, mut tokens: TokenFile, begun: bool) -> Result<()> {
        let end_of_text = self.what.end_of_text;
        let (mut piece, mut document) = (Vec::new(), Vec::new());
        let mut number = 0;
        // True when the open document's beginning was seen, even if nothing follows it.
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
                    // It begins the file's first document and will end its last one.
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

    /// Takes a document in, ended as the dataset's documents are.
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
        let name = file.path().file_name().unwrap_or_default().to_string_lossy();
        let document = Document {
            id: &format!("{name}/{number}"),
            source: self.what.source,
            bytes,
            tokens: document,
        };
        Ok(self.writer.add(split_of(&name), &document)?)
    }
}

fn check_length(file: &TokenFile, document: u64, n_tokens: usize) -> Result<()> {
    if n_tokens <= DOCUMENT_TOKENS_MAX {
        return Ok(());
    }
    let path = file.path().into();
    Err(FormatError::TooLong { path, document, limit_tokens: DOCUMENT_TOKENS_MAX })
}

/// The half that a file's name tells.
fn split_of(name: &str) -> Split {
    let mut parts = name.split(|c: char| !c.is_ascii_alphanumeric());
    if parts.any(|part| ["val", "valid", "validation"].contains(&part)) {
        Split::Validation
    } else {
        Split::Train
    }
}
