//! Exporting a dataset in one of the formats.

use std::path::Path;

use store::shards::{ShardManifest, Split, StagedFolder, check_file};

use super::frame::{DocumentName, Export, Summary};
use super::{Format, Result, datatrove, litdata, llmc, mds, megatron, nanogpt, olmo};

/// Writes the dataset in `folder` as `format` into the new folder `output`.
///
/// Every block and every file beside the shards is checked before it is linked or copied, so no damaged
/// dataset is handed on. `names` are asked for by [`Format::Olmo`] alone; without them a document is named by
/// its shard and number.
///
/// Fails with [`FormatError::Unsupported`] when the format cannot hold the dataset; whatever goes
/// wrong, nothing is at `output` then.
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
        format,
        folder,
        manifest: &manifest,
        staged: &staged,
        summary: Summary::default(),
    };
    for split in [Split::Train, Split::Validation] {
        let counts = manifest.counts(split);
        export.summary.documents += counts.documents;
        export.summary.tokens += counts.tokens;
    }
    match format {
        Format::NanoGpt => nanogpt::export(&mut export)?,
        Format::Megatron => megatron::export(&mut export)?,
        Format::Datatrove => datatrove::export(&mut export)?,
        Format::Olmo => olmo::export(&mut export, names)?,
        Format::LlmC => llmc::export(&mut export)?,
        Format::Mds => mds::export(&mut export)?,
        Format::LitData => litdata::export(&mut export)?,
    }
    let summary = export.summary;
    staged.finish()?;
    Ok(summary)
}
