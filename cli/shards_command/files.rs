//! `shards export`, `import` and `upload`: other trainers' formats and object stores.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;
use shards::formats::{DocumentName, Format, Import, SHARD_TOKENS_DEFAULT, Summary};

use super::arguments::{ExportArguments, ImportArguments, PARQUET, UploadArguments};
use super::threads;
use crate::arguments::Common;
use crate::failure::Failure;
use crate::output::{human_bytes, human_count};
use crate::printer::Printer;
use crate::tokenizer_files::load;

pub(crate) fn upload(
    arguments: &UploadArguments,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    let folder = training::dataset::folder(&arguments.dataset.dataset)?;
    let uploaded = shards::dataset::upload(&folder, &arguments.to, threads(common))?;
    if printer.json() {
        let object = json!({
            "root": uploaded.root,
            "address": arguments.to,
            "objects": uploaded.objects,
            "bytes": uploaded.bytes,
        });
        printer.object("upload", &object);
    } else {
        let (objects, bytes) = (human_count(uploaded.objects), human_bytes(uploaded.bytes));
        printer.say(format!("  {objects} objects, {bytes} → {}", arguments.to));
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn export(arguments: &ExportArguments, printer: Printer) -> Result<ExitCode, Failure> {
    let folder = training::dataset::folder(&arguments.dataset.dataset)?;
    let output = &arguments.output;
    let summary = if arguments.format == PARQUET {
        training::dataset::export_parquet(&folder, output)?
    } else {
        let format = format_of(&arguments.format, true)?;
        let named = names(&folder)?;
        let mut named = named.map(Vec::into_iter);
        let named = named.as_mut().map(|names| names as &mut dyn Iterator<Item = DocumentName>);
        shards::formats::export(&folder, format, output, named)?
    };
    tell(&summary, output, printer);
    Ok(ExitCode::SUCCESS)
}

fn format_of(name: &str, parquet: bool) -> Result<Format, Failure> {
    name.parse().map_err(|message: String| {
        let help = if parquet { "or `parquet`" } else { "see `gristmill shards import --help`" };
        Failure::usage(message, help)
    })
}

/// The name of each document, if the dataset has a table of documents.
fn names(folder: &Path) -> Result<Option<Vec<DocumentName>>, Failure> {
    let documents = training::dataset::documents(folder, None)?;
    let name = |row: training::dataset::DocumentRow| DocumentName {
        id: row.id.unwrap_or_else(|| row.doc_id.to_string()),
        // Documents of an unnamed source have the empty name in other formats too.
        source: row.source.unwrap_or_default(),
        location: row.doc_id,
    };
    Ok(documents.map(|rows| rows.into_iter().map(name).collect()))
}

fn tell(summary: &Summary, output: &Path, printer: Printer) {
    if printer.json() {
        let object = json!({
            "output": output,
            "files": summary.files,
            "links": summary.links,
            "bytes_written": summary.bytes_written,
            "documents": summary.documents,
            "tokens": summary.tokens,
        });
        printer.object("export", &object);
        return;
    }
    printer.say(format!(
        "  {} documents, {} tokens: {} files ({} of them links), {} written → {}",
        human_count(summary.documents),
        human_count(summary.tokens),
        human_count(summary.files),
        human_count(summary.links),
        human_bytes(summary.bytes_written),
        output.display()
    ));
}

pub(crate) fn import(arguments: &ImportArguments, printer: Printer) -> Result<ExitCode, Failure> {
    let format = format_of(&arguments.format, false)?;
    let tokenizer = arguments.tokenizer.as_deref().map(load).transpose()?;
    if let Some(tokenizer) = tokenizer.as_ref().filter(|t| t.vocab_size() != arguments.vocab_size) {
        let message = format!(
            "--vocab-size is {}, but the tokenizer has {} tokens",
            arguments.vocab_size,
            tokenizer.vocab_size()
        );
        return Err(Failure::usage(
            message,
            "give the tokenizer that made the ids, and its vocabulary size",
        ));
    }
    let token_bytes = tokenizer.as_ref().map(training::token_bytes_table);
    let tokenizer_json = tokenizer.as_ref().map(encoder::AnyTokenizer::to_json);
    let ends = || tokenizer.as_ref().and_then(encoder::AnyTokenizer::end_of_text);
    let import = Import {
        format,
        files: &arguments.files,
        vocab_size: arguments.vocab_size,
        end_of_text: arguments.end_of_text.or_else(ends),
        token_bytes: token_bytes.as_deref(),
        tokenizer: tokenizer_json.as_deref(),
        source: &arguments.source,
        shard_tokens: SHARD_TOKENS_DEFAULT,
    };
    let imported = shards::formats::import(&import, &arguments.output)?;
    if printer.json() {
        let object = json!({
            "output": arguments.output,
            "dataset": imported.manifest,
            "tokens_added": imported.tokens_added,
        });
        printer.object("import", &object);
        return Ok(ExitCode::SUCCESS);
    }
    let (mut documents, mut tokens) = (0, 0);
    for split in [shards::dataset::Split::Train, shards::dataset::Split::Validation] {
        documents += imported.manifest.documents(split);
        tokens += imported.manifest.tokens(split);
    }
    let (documents, tokens) = (human_count(documents), human_count(tokens));
    printer
        .say(format!("  {documents} documents, {tokens} tokens → {}", arguments.output.display()));
    if import.end_of_text.is_none() {
        printer.say(
            "  the end-of-text token is unknown (--tokenizer, --end-of-text), so each file without \
             an index is one document",
        );
    }
    if imported.tokens_added > 0 {
        let added = human_count(imported.tokens_added);
        printer.say(format!("  {added} documents lacked an end-of-text token; it was added"));
    }
    Ok(ExitCode::SUCCESS)
}
