//! Writing the three files of one shard.

use std::collections::BTreeMap;
use std::io::Write;

use store::{FileEntry, Publication, Publish, StoreError};

use super::counts::{Counts, SourceCounts};
use super::index::index_bytes;
use super::manifest::ShardEntry;
use super::split::Split;
use super::sums::{BLOCK_BYTES, BlockHasher, Sums};
use super::token_type::TokenType;
use crate::{Result, ShardError};

/// The largest payload. Megatron-LM's index and llm.c's header count tokens in an i32, and llm.c's
/// reader seeks by an i32.
pub(super) const PAYLOAD_BYTES_MAX: u64 = (1 << 31) - 1;

/// True when `added` more tokens fit into a payload that holds `held` tokens.
pub(super) fn fits(token_type: TokenType, held: u64, added: u64) -> bool {
    held.saturating_add(added).saturating_mul(token_type.bytes()) <= PAYLOAD_BYTES_MAX
}

/// A document that is added to a shard.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// Names it in errors.
    pub id: &'a str,
    /// The source that it counts for, empty when there is none.
    pub source: &'a str,
    /// Bytes of its text.
    pub bytes: u64,
    /// Its tokens, including those that begin and end it.
    pub tokens: Tokens<'a>,
}

/// The tokens of a document.
#[derive(Debug, Clone, Copy)]
pub enum Tokens<'a> {
    /// As ids.
    Ids(&'a [u32]),
    /// As a payload holds them, see [`TokenType::extend`].
    Payload(&'a [u8]),
}

impl Tokens<'_> {
    /// How many there are; a payload is of type `token_type`.
    pub fn len(&self, token_type: TokenType) -> u64 {
        match self {
            Self::Ids(ids) => ids.len() as u64,
            Self::Payload(payload) => payload.len() as u64 / token_type.bytes(),
        }
    }

    fn greatest(&self, token_type: TokenType) -> Option<u32> {
        match self {
            Self::Ids(ids) => ids.iter().copied().max(),
            Self::Payload(payload) => token_type.greatest(payload),
        }
    }
}

/// Writes a shard: the payload as documents arrive, index and sums at the end.
pub struct ShardWriter {
    name: String,
    split: Split,
    vocab_size: usize,
    token_type: TokenType,
    payload: Publication,
    index: Publication,
    sums: Publication,
    hasher: BlockHasher,
    document_tokens: Vec<u32>,
    counts: Counts,
    sources: BTreeMap<String, Counts>,
    /// The end of the payload that is not written yet: less than a block between two documents.
    buffer: Vec<u8>,
}

impl ShardWriter {
    /// Starts shard `number` of a half.
    ///
    /// # Errors
    /// One of its files cannot be created.
    pub fn new(
        target: &dyn Publish,
        split: Split,
        number: usize,
        vocab_size: usize,
    ) -> Result<Self> {
        let name = split.shard_name(number);
        let publish = |extension: &str| target.publish(&format!("{name}.{extension}"));
        Ok(Self {
            split,
            vocab_size,
            token_type: TokenType::for_vocabulary(vocab_size),
            payload: publish("bin")?,
            index: publish("idx")?,
            sums: publish("sums")?,
            name,
            hasher: BlockHasher::default(),
            document_tokens: Vec::new(),
            counts: Counts::default(),
            sources: BTreeMap::new(),
            buffer: Vec::new(),
        })
    }

    /// Adds a document. A document that is refused leaves no bytes in the shard.
    ///
    /// # Errors
    /// [`ShardError::TokenRange`] when an id is outside the vocabulary, [`ShardError::ShardFull`]
    /// when the payload would reach 2 GiB; or the disk refuses to write.
    pub fn add(&mut self, document: &Document<'_>) -> Result<()> {
        let Document { id, source, bytes, tokens } = document;
        let n_tokens = tokens.len(self.token_type);
        let vocab_size = self.vocab_size;
        let greatest = tokens.greatest(self.token_type);
        if let Some(token) = greatest.filter(|token| *token as usize >= vocab_size) {
            return Err(ShardError::TokenRange { document: (*id).into(), token, vocab_size });
        }
        if !fits(self.token_type, self.counts.tokens, n_tokens) {
            let shard = self.name.clone();
            return Err(ShardError::ShardFull { shard, document: (*id).into(), n_tokens });
        }
        match tokens {
            Tokens::Ids(ids) => self.token_type.extend(&mut self.buffer, ids),
            Tokens::Payload(payload) => self.buffer.extend_from_slice(payload),
        }
        // Fits into u32: a payload holds fewer than 2^31 tokens.
        self.document_tokens.push(n_tokens as u32);
        let added = Counts { documents: 1, tokens: n_tokens, bytes: *bytes };
        self.counts.add(added);
        // `entry` would copy the name for every document instead of once per source.
        match self.sources.get_mut(*source) {
            Some(counts) => counts.add(added),
            None => _ = self.sources.insert((*source).into(), added),
        }
        // BLAKE3 hashes whole blocks several times as fast as short pieces.
        let whole = self.buffer.len() - self.buffer.len() % BLOCK_BYTES as usize;
        self.write(whole)
    }

    /// Writes the first bytes of the buffer.
    fn write(&mut self, n_bytes: usize) -> Result<()> {
        let bytes = &self.buffer[..n_bytes];
        self.payload
            .write_all(bytes)
            .map_err(|e| StoreError::io(format!("{}.bin", self.name), "write", e))?;
        self.hasher.update(bytes);
        self.buffer.drain(..n_bytes);
        Ok(())
    }

    /// Publishes payload, index and sums; returns the shard's entry for the description, and the
    /// files.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn finish(mut self) -> Result<(ShardEntry, Vec<FileEntry>)> {
        self.write(self.buffer.len())?;
        let payload = self.payload.finish()?;
        let index = index_bytes(self.token_type, &self.document_tokens);
        let sums = Sums { payload: self.hasher.finish(), index: BlockHasher::sums_of(&index) };
        let index = self.index.finish_with(&index)?;
        let sums = self.sums.finish_with(&sums.to_bytes())?;
        let source = |(name, counts)| SourceCounts { name, counts };
        let entry = ShardEntry {
            name: self.name,
            split: self.split,
            counts: self.counts,
            blake3: payload.blake3.clone(),
            sums_blake3: sums.blake3.clone(),
            sources: self.sources.into_iter().map(source).collect(),
        };
        Ok((entry, vec![payload, index, sums]))
    }
}
