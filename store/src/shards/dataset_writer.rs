//! Writing a whole dataset one document after another.

use super::publish::path_in;
use super::writer::PAYLOAD_BYTES_MAX;
use super::{Document, Publish, ShardEntry, ShardManifest, ShardWriter, Split};
use crate::{FileEntry, Result};

/// Cuts a stream of documents into shards.
pub struct DatasetWriter<'a> {
    target: &'a dyn Publish,
    folder: String,
    vocab_size: usize,
    shard_tokens: u64,
    halves: [Half; 2],
    files: Vec<FileEntry>,
}

/// The shards of one half: those finished and the one open.
#[derive(Default)]
struct Half {
    open: Option<ShardWriter>,
    shards: Vec<ShardEntry>,
}

impl<'a> DatasetWriter<'a> {
    /// Writes to `folder` of the target, an empty folder being the target itself. A shard has
    /// `shard_tokens` at most, or one longer document.
    pub fn new(
        target: &'a dyn Publish,
        folder: &str,
        vocab_size: usize,
        shard_tokens: u64,
    ) -> Self {
        Self {
            target,
            folder: folder.into(),
            vocab_size,
            shard_tokens,
            halves: Default::default(),
            files: Vec::new(),
        }
    }

    /// Adds a document to a half. Fails as [`ShardWriter::add`].
    pub fn add(&mut self, split: Split, document: &Document<'_>) -> Result<()> {
        let token_bytes = super::TokenType::for_vocabulary(self.vocab_size).bytes();
        let tokens_max = self.shard_tokens.min(PAYLOAD_BYTES_MAX / token_bytes);
        let half = &mut self.halves[usize::from(split == Split::Validation)];
        let full = |writer: &mut ShardWriter| {
            let held = writer.counts();
            held.documents > 0 && held.tokens + document.tokens.len() as u64 > tokens_max
        };
        if let Some(writer) = half.open.take_if(full) {
            let (entry, files) = writer.finish()?;
            half.shards.push(entry);
            self.files.extend(files);
        }
        let writer = match &mut half.open {
            Some(writer) => writer,
            none => none.insert(ShardWriter::new(
                self.target,
                &self.folder,
                split,
                half.shards.len(),
                self.vocab_size,
            )?),
        };
        writer.add(document)
    }

    /// Publishes what is open and then the description: `manifest`, with the shards filled in and
    /// sealed. Returns it and all files written.
    pub fn finish(
        mut self,
        mut manifest: ShardManifest,
    ) -> Result<(ShardManifest, Vec<FileEntry>)> {
        for half in self.halves {
            manifest.shards.extend(half.shards);
            if let Some(writer) = half.open {
                let (entry, files) = writer.finish()?;
                manifest.shards.push(entry);
                self.files.extend(files);
            }
        }
        let manifest = manifest.seal();
        let path = path_in(&self.folder, ShardManifest::FILE);
        self.files.push(self.target.publish_bytes(&path, &manifest.to_json()?)?);
        Ok((manifest, self.files))
    }
}
