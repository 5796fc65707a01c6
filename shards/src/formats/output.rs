//! The output of an export: what all formats share.

use std::io::{self, Write};
use std::path::Path;

use store::{Publish as _, StagedFolder, StoreError};

use crate::dataset::{Shard, ShardEntry, ShardManifest};

use super::{FormatError, Result};

/// What an export wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files in the output.
    pub files: u64,
    /// Files among them that are hard links to the dataset's files.
    pub links: u64,
    /// Bytes of the files that are not links.
    pub bytes_written: u64,
    /// Documents.
    pub documents: u64,
    /// Tokens.
    pub tokens: u64,
}

/// A document's name in OLMo's sidecar file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentName {
    /// The document's id.
    pub id: String,
    /// The source or file that it came from.
    pub source: String,
    /// Its position there.
    pub location: u64,
}

/// Names of all documents, in the order of the shards.
pub(super) type DocumentNames<'a> = &'a mut dyn Iterator<Item = DocumentName>;

/// An export in progress.
pub(super) struct Export<'a> {
    /// The format's name.
    pub(super) format: &'static str,
    pub(super) folder: &'a Path,
    pub(super) manifest: &'a ShardManifest,
    pub(super) staged: &'a StagedFolder,
    /// The documents' names, if they were given.
    pub(super) names: Option<DocumentNames<'a>>,
    pub(super) summary: Summary,
}

impl Export<'_> {
    /// Opens a shard and checks its whole payload.
    pub(super) fn shard(&self, entry: &ShardEntry) -> Result<Shard> {
        let shard = Shard::open(self.folder, self.manifest, entry)?;
        shard.check(0..shard.n_tokens())?;
        Ok(shard)
    }

    /// Adds a file of the dataset to the output under another name.
    pub(super) fn link(&mut self, file: &str, name: &str) -> Result<()> {
        let from = self.folder.join(file);
        let is_link = self.staged.link(&from, name)?;
        self.summary.files += 1;
        if is_link {
            self.summary.links += 1;
        } else {
            let size = from.metadata().map_err(|e| StoreError::io(&from, "read", e))?.len();
            self.summary.bytes_written += size;
        }
        Ok(())
    }

    /// Writes a file of the output with `fill`.
    pub(super) fn write(
        &mut self,
        name: &str,
        fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<()> {
        let mut file = self.staged.publish(name)?;
        fill(&mut file).map_err(|e| StoreError::io(name, "write", e))?;
        self.summary.bytes_written += file.finish()?.bytes;
        self.summary.files += 1;
        Ok(())
    }

    /// The error for a dataset that the format cannot hold.
    pub(super) fn unsupported(&self, message: impl Into<String>) -> FormatError {
        FormatError::Unsupported { format: self.format, message: message.into() }
    }
}

/// The byte ranges of the documents of these lengths.
pub(super) fn document_bytes(
    lengths: &[u32],
    token_bytes: u64,
) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut end = 0;
    lengths.iter().map(move |n| {
        let start = end;
        end += *n as usize * token_bytes as usize;
        start..end
    })
}
