//! Planning a dataset in a folder.

use std::io::Write;
use std::ops::Range;
use std::path::Path;

use crate::dataset::{Shard, ShardEntry, ShardManifest, Split};
use store::OutputFile;

use super::{Documents, PlanHeader, PlanSettings, SourceDocuments, write_plan};
use crate::Result;

/// Plans one half of the dataset in `folder` and writes the plan to the file `path`. Only the shards'
/// indexes are read.
///
/// `sources` come from [`sources_by_shard`] or [`sources_by_document`]. When empty, all documents
/// belong to one source without a name.
///
/// # Errors
/// The settings are impossible, the dataset is damaged, or the file cannot be written.
pub fn plan_dataset(
    folder: &Path,
    split: Split,
    sources: &[SourceDocuments],
    settings: &PlanSettings,
    path: &Path,
) -> Result<PlanHeader> {
    let file = OutputFile::create(path)?;
    let (file, header) = write_dataset_plan(folder, split, sources, settings, file, path)?;
    file.finish()?;
    Ok(header)
}

/// As [`plan_dataset`], but writes to any sink. `path` is named in errors.
///
/// # Errors
/// As [`plan_dataset`].
pub fn write_dataset_plan<W: Write>(
    folder: &Path,
    split: Split,
    sources: &[SourceDocuments],
    settings: &PlanSettings,
    out: W,
    path: &Path,
) -> Result<(W, PlanHeader)> {
    let manifest = ShardManifest::read(folder)?;
    let entries: Vec<&ShardEntry> = manifest.shards_of(split).collect();
    let lengths = |shard: usize| Shard::open(folder, &manifest, entries[shard])?.document_tokens();
    let documents = Documents {
        root: manifest.root.clone(),
        split,
        shard_documents: entries.iter().map(|entry| entry.counts.documents).collect(),
        lengths: &lengths,
    };
    let all = 0..manifest.documents(split);
    let one = [SourceDocuments { name: String::new(), spans: vec![all] }];
    let sources = if sources.is_empty() { &one } else { sources };
    write_plan(&documents, sources, settings, out, path)
}

/// The sources of a half, sorted by name. `names` are the sources of its documents, in order (the
/// column `source` of `docs.parquet`).
pub fn sources_by_document<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<SourceDocuments> {
    let mut sources = Vec::new();
    for (number, name) in (0u64..).zip(names) {
        add_span(&mut sources, name, number..number + 1);
    }
    sources
}

/// The sources of a half whose shards have one source each, sorted by name. `None` when a shard has
/// several; then only `docs.parquet` knows the source of each document.
pub fn sources_by_shard(manifest: &ShardManifest, split: Split) -> Option<Vec<SourceDocuments>> {
    let mut sources: Vec<SourceDocuments> = Vec::new();
    let mut first = 0;
    for entry in manifest.shards_of(split) {
        let [source] = &entry.sources[..] else { return None };
        let span = first..first + entry.counts.documents;
        first = span.end;
        add_span(&mut sources, &source.name, span);
    }
    Some(sources)
}

/// Adds documents to the source of that name. `sources` is sorted and stays so.
fn add_span(sources: &mut Vec<SourceDocuments>, name: &str, span: Range<u64>) {
    match sources.binary_search_by(|known| known.name.as_str().cmp(name)) {
        Ok(at) => match sources[at].spans.last_mut() {
            Some(last) if last.end == span.start => last.end = span.end,
            _ => sources[at].spans.push(span),
        },
        Err(at) => {
            sources.insert(at, SourceDocuments { name: name.to_owned(), spans: vec![span] });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sources_by_document;

    #[test]
    fn documents_of_a_source_are_gathered() {
        let sources = sources_by_document(["web", "web", "code", "web", "code", "code"]);
        let spans: Vec<_> =
            sources.iter().map(|source| (source.name.as_str(), source.spans.clone())).collect();
        assert_eq!(spans, [("code", vec![2..3, 4..6]), ("web", vec![0..2, 3..4])]);
    }
}
