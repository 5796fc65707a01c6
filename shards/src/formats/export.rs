//! Writing a dataset in another format.

use std::path::Path;

use store::StagedFolder;

use crate::dataset::{ShardManifest, Split, check_file};

use super::output::{DocumentName, Export, Summary};
use super::{Format, Result};

/// Writes the dataset in `folder` as `format` into the new folder `output`.
///
/// Every block of the shards and every file beside them is checked before it is linked or copied, so
/// that damage is never passed on. `names` are the documents' names in the order of the shards. Only
/// OLMo's format stores names; without them a document is named by its shard and number.
///
/// # Errors
/// [`FormatError::Unsupported`](super::FormatError::Unsupported) when the format cannot hold the
/// dataset; or the dataset is damaged or the output cannot be written. After an error nothing is at
/// `output`.
pub fn export(
    folder: &Path,
    format: Format,
    output: &Path,
    names: Option<&mut dyn Iterator<Item = DocumentName>>,
) -> Result<Summary> {
    let manifest = ShardManifest::read(folder)?;
    for file in &manifest.files {
        check_file(folder, &manifest, &file.path)?;
    }
    let staged = StagedFolder::create(output)?;
    let mut export = Export {
        format: format.name,
        folder,
        manifest: &manifest,
        staged: &staged,
        names: names.map(|names| names as _),
        summary: Summary::default(),
    };
    for split in [Split::Train, Split::Validation] {
        let counts = manifest.counts(split);
        export.summary.documents += counts.documents;
        export.summary.tokens += counts.tokens;
    }
    (format.export)(&mut export)?;
    let summary = export.summary;
    staged.finish()?;
    Ok(summary)
}
