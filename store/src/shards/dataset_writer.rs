//! Writing a whole dataset one document after another.

use super::publish::path_in;
use super::{
    Document, Publish, ShardCut, ShardEntry, ShardManifest, ShardWriter, Split, TokenType,
};
use crate::{FileEntry, Result};

/// Cuts a stream of documents into shards.
pub struct DatasetWriter<'a> {
    target: &'a dyn Publish,
    folder: String,
    vocab_size: usize,
    cut: ShardCut,
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
            cut: ShardCut::new(shard_tokens, TokenType::for_vocabulary(vocab_size)),
            halves: Default::default(),
            files: Vec::new(),
        }
    }

    /// Adds a document to a half. Fails as [`ShardWriter::add`].
    pub fn add(&mut self, split: Split, document: &Document<'_>) -> Result<()> {
        let half = &mut self.halves[usize::from(split == Split::Validation)];
        let number = self.cut.next(split, document.tokens.len() as u64);
        if let Some(writer) = half.open.take_if(|_| number > half.shards.len()) {
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
                number,
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
