//! Writing one shard.

use std::io::Write;

use super::{ShardEntry, Split, TokenType, index_bytes};
use crate::{FileEntry, Publication, Result, Run, StoreError};

/// A shard being written: payload first, index at the end.
pub struct ShardWriter<'a> {
    run: &'a Run,
    folder: String,
    name: String,
    split: Split,
    vocab_size: usize,
    token_type: TokenType,
    payload: Publication,
    document_tokens: Vec<u32>,
    buffer: Vec<u8>,
}

impl<'a> ShardWriter<'a> {
    /// Starts shard `number` of a half in `folder` of the run.
    pub fn new(
        run: &'a Run,
        folder: &str,
        split: Split,
        number: usize,
        vocab_size: usize,
    ) -> Result<Self> {
        let name = format!("{}-{number:05}", split.as_str());
        Ok(Self {
            run,
            folder: folder.into(),
            split,
            vocab_size,
            token_type: TokenType::for_vocabulary(vocab_size),
            payload: run.publish(&format!("{folder}/{name}.bin"))?,
            name,
            document_tokens: Vec::new(),
            buffer: Vec::new(),
        })
    }

    /// Adds a document, its end-of-text token included. Every id is checked against the vocabulary.
    pub fn add(&mut self, tokens: &[u32]) -> Result<()> {
        let vocab_size = self.vocab_size;
        if let Some(&token) = tokens.iter().find(|t| **t as usize >= vocab_size) {
            return Err(StoreError::TokenRange { token, vocab_size });
        }
        self.buffer.clear();
        for token in tokens {
            match self.token_type {
                TokenType::U16 => self.buffer.extend_from_slice(&(*token as u16).to_le_bytes()),
                TokenType::U32 => self.buffer.extend_from_slice(&token.to_le_bytes()),
            }
        }
        self.payload
            .write_all(&self.buffer)
            .map_err(|e| StoreError::io(format!("{}.bin", self.name), "write", e))?;
        self.document_tokens.push(tokens.len() as u32);
        Ok(())
    }

    /// Publishes payload and index.
    pub fn finish(self) -> Result<(ShardEntry, Vec<FileEntry>)> {
        let payload = self.payload.finish()?;
        let index = self.run.publish_bytes(
            &format!("{}/{}.idx", self.folder, self.name),
            &index_bytes(self.token_type, &self.document_tokens),
        )?;
        let entry = ShardEntry {
            name: self.name,
            split: self.split,
            documents: self.document_tokens.len() as u64,
            tokens: self.document_tokens.iter().map(|t| u64::from(*t)).sum(),
            blake3: payload.blake3.clone(),
        };
        Ok((entry, vec![payload, index]))
    }
}
