//! `shards stat`, `verify` and `cat`: the contents of a dataset.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;
use shards::dataset::{Counts, Shard, ShardManifest, Split};
use store::StoreError;

use super::arguments::{CatArguments, DatasetArguments, Half};
use super::threads;
use crate::arguments::Common;
use crate::failure::{CHECK_FAILED, Failure};
use crate::output::{columns, human_bytes, human_count};
use crate::printer::Printer;
use crate::tokenizer_files::load;

impl From<Half> for Split {
    fn from(half: Half) -> Self {
        match half {
            Half::Train => Self::Train,
            Half::Validation => Self::Validation,
        }
    }
}

pub(crate) fn stat(arguments: &DatasetArguments, printer: Printer) -> Result<ExitCode, Failure> {
    let folder = training::dataset::folder(&arguments.dataset)?;
    let manifest = ShardManifest::read(&folder)?;
    if printer.json() {
        printer.object("dataset", &manifest);
        return Ok(ExitCode::SUCCESS);
    }
    let row = |name: &str, value: String| printer.data(format!("{name:<16} {value}"));
    let width = manifest.token_type.bytes();
    if folder != arguments.dataset {
        // Readers in other languages need the folder itself: the one inside the run, or the local
        // copy of a remote dataset.
        row("folder", folder.display().to_string());
    }
    row("root", manifest.root.clone());
    row(
        "vocabulary",
        format!("{}, {width} bytes per token", human_count(manifest.vocab_size as u64)),
    );
    let id = |id: Option<u32>| id.map_or_else(|| "none".to_owned(), |id| id.to_string());
    row("begin, end", format!("{}, {}", id(manifest.begin_of_text), id(manifest.end_of_text)));
    if let Some(rule) = &manifest.validation {
        row("held out", format!("{:.2} % by {}", rule.fraction() * 100.0, rule.hash));
    }
    let head = ["half, source", "shards", "documents", "tokens", "bytes of text", "bytes/token"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for split in [Split::Train, Split::Validation] {
        let shards = manifest.shards_of(split).count();
        rows.push(counts(split.as_str(), &human_count(shards as u64), manifest.counts(split)));
        for source in &manifest.sources {
            let of = if split == Split::Train { source.train } else { source.validation };
            let name = if source.name.is_empty() { "(no name)" } else { &source.name };
            rows.push(counts(&format!("  {name}"), "", of));
        }
    }
    columns(&rows).iter().for_each(|line| printer.data(line));
    Ok(ExitCode::SUCCESS)
}

fn counts(name: &str, shards: &str, counts: Counts) -> Vec<String> {
    vec![
        name.to_owned(),
        shards.to_owned(),
        human_count(counts.documents),
        human_count(counts.tokens),
        human_count(counts.bytes),
        format!("{:.3}", counts.bytes as f64 / counts.tokens.max(1) as f64),
    ]
}

pub(crate) fn verify(
    arguments: &DatasetArguments,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    let folder = training::dataset::folder(&arguments.dataset)?;
    let verified = shards::dataset::verify(&folder, threads(common));
    let sound = verified.findings.is_empty();
    if printer.json() {
        let object = json!({
            "root": verified.root,
            "shards": verified.n_shards,
            "bytes": verified.bytes,
            "findings": verified.findings,
        });
        printer.object("verified", &object);
    } else {
        verified.findings.iter().for_each(|finding| printer.data(finding));
        let (shards, bytes) = (human_count(verified.n_shards as u64), human_bytes(verified.bytes));
        let outcome = match verified.findings.len() {
            0 => "no damage".to_owned(),
            n => format!("{} findings", human_count(n as u64)),
        };
        printer.say(format!("  {shards} shards, {bytes}: {outcome}"));
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::from(CHECK_FAILED) })
}

pub(crate) fn cat(arguments: &CatArguments, printer: Printer) -> Result<ExitCode, Failure> {
    let folder = training::dataset::folder(&arguments.dataset.dataset)?;
    let manifest = ShardManifest::read(&folder)?;
    let split = arguments.split.into();
    let ids = document(&folder, &manifest, split, arguments.doc)?;
    let beside = Some(folder.join(ShardManifest::TOKENIZER)).filter(|file| file.is_file());
    if arguments.tokenizer.is_none() && !arguments.ids {
        shards::dataset::check_file(&folder, &manifest, ShardManifest::TOKENIZER)?;
    }
    let file = arguments.tokenizer.clone().or(beside);
    let tokenizer = file.filter(|_| !arguments.ids).map(|file| load(&file)).transpose()?;
    let text = |ids: &[u32]| {
        let tokenizer = tokenizer.as_ref()?;
        // The tokens that mark a document's beginning and end are not part of its text.
        let edge =
            |id: &u32| Some(*id) != manifest.begin_of_text && Some(*id) != manifest.end_of_text;
        let ids: Vec<u32> = ids.iter().copied().filter(edge).collect();
        Some(tokenizer.decode(&ids))
    };
    let before = if split == Split::Train { 0 } else { manifest.documents(Split::Train) };
    let table = training::dataset::documents(&folder, Some(&[before + arguments.doc]))?;
    let row = table.and_then(|rows| rows.into_iter().next());
    let bytes = text(&ids).transpose()?;
    if printer.json() {
        let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        printer.object("document", &json!({ "document": row, "ids": ids, "text": text }));
    } else if let Some(bytes) = bytes {
        printer.bytes(&bytes);
    } else {
        let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
        printer.data(ids.join(" "));
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads the tokens of a document after checking the blocks that hold them.
fn document(
    folder: &Path,
    manifest: &ShardManifest,
    split: Split,
    number: u64,
) -> Result<Vec<u32>, Failure> {
    let mut left = number;
    for entry in manifest.shards_of(split) {
        if left >= entry.counts.documents {
            left -= entry.counts.documents;
            continue;
        }
        let shard = Shard::open(folder, manifest, entry)?;
        let lengths = shard.document_tokens()?;
        let start: u64 = lengths[..left as usize].iter().map(|n| u64::from(*n)).sum();
        let mut ids = vec![0; lengths[left as usize] as usize];
        shard.check(start..start + ids.len() as u64)?;
        shard.read(start, &mut ids);
        return Ok(ids);
    }
    let half = split.as_str();
    let count = human_count(manifest.documents(split));
    let message = format!("there is no document {number} among the {count} of the half `{half}`");
    Err(StoreError::Input { address: folder.display().to_string(), message }.into())
}
