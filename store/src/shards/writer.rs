//! Writing one shard.

use std::collections::BTreeMap;
use std::io::Write;

use super::publish::{Publish, path_in};
use super::sums::{BLOCK_BYTES, BlockHasher, Sums};
use super::{Counts, ShardEntry, SourceCounts, Split, TokenType, index_bytes};
use crate::{FileEntry, Publication, Result, StoreError};

/// Bytes of one payload at most. Megatron-LM's index counts tokens in i32, llm.c's header too, and
/// its reader seeks by i32.
pub const PAYLOAD_BYTES_MAX: u64 = (1 << 31) - 1;

/// True when a payload that holds `held` tokens has room for `added` more.
pub(crate) fn has_room(token_type: TokenType, held: u64, added: u64) -> bool {
    held.saturating_add(added).saturating_mul(token_type.bytes()) <= PAYLOAD_BYTES_MAX
}

/// A document on its way into a shard.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// What names it in an error.
    pub id: &'a str,
    /// The source that it counts for, empty when there is none.
    pub source: &'a str,
    /// Bytes of its text.
    pub bytes: u64,
    /// Its tokens, those that begin and end it included.
    pub tokens: &'a [u32],
}

/// A shard being written: payload first, index and sums at the end.
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
    /// Starts shard `number` of a half in `folder` of the target; an empty folder is the target
    /// itself.
    pub fn new(
        target: &dyn Publish,
        folder: &str,
        split: Split,
        number: usize,
        vocab_size: usize,
    ) -> Result<Self> {
        let name = split.shard_name(number);
        let publish =
            |extension: &str| target.publish(&path_in(folder, &format!("{name}.{extension}")));
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

    /// Adds a document.
    ///
    /// Every id is checked against the vocabulary, and so against the type
    /// ([`StoreError::TokenRange`] names document and id); a document that the payload has no room
    /// for is refused ([`StoreError::ShardFull`]). Nothing of a refused document is written.
    pub fn add(&mut self, document: &Document<'_>) -> Result<()> {
        let greatest = document.tokens.iter().copied().max();
        self.check(document.id, greatest, document.tokens.len() as u64)?;
        self.token_type.extend(&mut self.buffer, document.tokens);
        self.added(document.source, document.bytes, document.tokens.len() as u64)
    }

    /// Adds a document whose tokens already are of the shard's type, as [`TokenType::extend`] gives
    /// them; the `tokens` of `document` are not looked at. Fails as [`ShardWriter::add`].
    pub fn add_payload(&mut self, document: &Document<'_>, payload: &[u8]) -> Result<()> {
        let n_tokens = payload.len() as u64 / self.token_type.bytes();
        self.check(document.id, self.token_type.greatest(payload), n_tokens)?;
        self.buffer.extend_from_slice(payload);
        self.added(document.source, document.bytes, n_tokens)
    }

    /// Whether a document may be added.
    fn check(&self, id: &str, greatest: Option<u32>, n_tokens: u64) -> Result<()> {
        let vocab_size = self.vocab_size;
        if let Some(token) = greatest.filter(|token| *token as usize >= vocab_size) {
            return Err(StoreError::TokenRange { document: id.into(), token, vocab_size });
        }
        if !has_room(self.token_type, self.counts.tokens, n_tokens) {
            let shard = self.name.clone();
            return Err(StoreError::ShardFull { shard, document: id.into(), n_tokens });
        }
        Ok(())
    }

    /// Counts a document whose tokens are in the buffer.
    fn added(&mut self, source: &str, bytes: u64, n_tokens: u64) -> Result<()> {
        self.document_tokens.push(n_tokens as u32);
        let added = Counts { documents: 1, tokens: n_tokens, bytes };
        self.counts.add(added);
        // The name is copied once a source, not once a document.
        match self.sources.get_mut(source) {
            Some(counts) => counts.add(added),
            None => _ = self.sources.insert(source.into(), added),
        }
        // Whole blocks are hashed several times as fast as a document after the other.
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

    /// Publishes payload, index and sums.
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
