//! Writing a whole dataset, one document after another.

use store::{FileEntry, Publish};

use super::cut::ShardCut;
use super::manifest::{ShardEntry, ShardManifest};
use super::shard_writer::{Document, ShardWriter};
use super::split::Split;
use super::token_type::TokenType;
use crate::Result;

/// Cuts a sequence of documents into shards and writes them.
///
/// At most two shards are open at any time, the last of each half.
pub struct DatasetWriter<'a> {
    target: Box<dyn Publish + 'a>,
    vocab_size: usize,
    token_type: TokenType,
    cut: ShardCut,
    /// The train and the validation half.
    halves: [Half; 2],
    files: Vec<FileEntry>,
}

/// The shards of one half.
#[derive(Default)]
struct Half {
    open: Option<ShardWriter>,
    finished: Vec<ShardEntry>,
}

/// Shards that are published but not described yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WrittenShards {
    /// The shards in the order of [`ShardManifest::shards`]: train before validation, by number.
    pub entries: Vec<ShardEntry>,
    /// The three files of each.
    pub files: Vec<FileEntry>,
}

impl<'a> DatasetWriter<'a> {
    /// Writes to `target`. A shard has at most `shard_tokens` tokens, or a single longer document.
    pub fn new(target: impl Publish + 'a, vocab_size: usize, shard_tokens: u64) -> Self {
        let token_type = TokenType::for_vocabulary(vocab_size);
        Self {
            target: Box::new(target),
            vocab_size,
            token_type,
            cut: ShardCut::new(shard_tokens, token_type),
            halves: Default::default(),
            files: Vec::new(),
        }
    }

    /// Adds the next document to a half; returns the number of its shard within the half.
    ///
    /// # Errors
    /// As [`ShardWriter::add`]; or a shard cannot be created or published.
    pub fn add(&mut self, split: Split, document: &Document<'_>) -> Result<usize> {
        let half = &mut self.halves[split as usize];
        let number = self.cut.assign(split, document.tokens.len(self.token_type));
        if let Some(writer) = half.open.take_if(|_| number > half.finished.len()) {
            let (entry, files) = writer.finish()?;
            half.finished.push(entry);
            self.files.extend(files);
        }
        let writer = match &mut half.open {
            Some(writer) => writer,
            none => none.insert(ShardWriter::new(&*self.target, split, number, self.vocab_size)?),
        };
        writer.add(document)?;
        Ok(number)
    }

    /// Publishes the shards that are still open.
    ///
    /// # Errors
    /// A shard cannot be published.
    pub fn close(self) -> Result<WrittenShards> {
        close(self.halves, self.files)
    }

    /// Publishes the shards that are still open, and `manifest` with the shards filled in. Returns
    /// the manifest and all files that were written.
    ///
    /// # Errors
    /// A shard or the description cannot be published.
    pub fn finish(self, mut manifest: ShardManifest) -> Result<(ShardManifest, Vec<FileEntry>)> {
        let WrittenShards { entries, mut files } = close(self.halves, self.files)?;
        manifest.shards = entries;
        let (manifest, description) = manifest.publish(&*self.target)?;
        files.push(description);
        Ok((manifest, files))
    }
}

/// Publishes the open shards of both halves; `files` are those of the finished ones.
fn close(halves: [Half; 2], mut files: Vec<FileEntry>) -> Result<WrittenShards> {
    let mut entries = Vec::new();
    for half in halves {
        entries.extend(half.finished);
        if let Some(writer) = half.open {
            let (entry, published) = writer.finish()?;
            entries.push(entry);
            files.extend(published);
        }
    }
    Ok(WrittenShards { entries, files })
}
