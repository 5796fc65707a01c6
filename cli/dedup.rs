//! `gristmill dedup INPUT… --output FILE`.

use std::path::Path;
use std::process::ExitCode;

use pipeline::Until;
use pipeline::recipe::StageTable;
use toml::Value;

use crate::apply::tell;
use crate::arguments::{Common, DedupArguments};
use crate::failure::Failure;
use crate::one_liner::{OneLiner, check_output};
use crate::printer::Printer;

/// The preset that reproduces datatrove exactly.
const DATATROVE: &str = "datatrove-0.10";

pub(crate) fn main(
    arguments: &DedupArguments,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    if let Some(output) = &arguments.output {
        pipeline::export::Target::of(output)?;
    }
    check(arguments)?;
    let written = [&arguments.output, &arguments.clusters, &arguments.datatrove_files];
    let written = written.into_iter().flatten().next();
    let mut one_liner = OneLiner::new(&arguments.input, written.map_or(Path::new(""), |p| p))?;
    // Only duplicates may be removed, so records with blank texts must not be skipped.
    one_liner.keep_blank();
    if arguments.preset != DATATROVE {
        one_liner.recipe.stages.push(exact_stage(arguments));
    }
    one_liner.recipe.stages.push(near_stage(arguments));
    if arguments.output.is_none() {
        one_liner.until = Until::Decided;
    }
    one_liner.run(common, printer, |summary| {
        if let Some(output) = &arguments.output {
            pipeline::export::documents(&summary.root, output, false)?;
            tell(summary, output, printer);
        }
        if let Some(clusters) = &arguments.clusters {
            store::move_file(&summary.root.join("clusters.parquet"), clusters)?;
            if arguments.output.is_none() && printer.json() {
                printer.object("clusters", &serde_json::json!({ "clusters": clusters }));
            }
            printer.say(format!("  → {}", clusters.display()));
        }
        if let Some(folder) = &arguments.datatrove_files {
            move_datatrove_files(summary, folder)?;
            printer.say(format!("  → {}", folder.display()));
        }
        Ok(())
    })
}

/// Refuses flags that contradict each other and outputs that would be lost.
fn check(arguments: &DedupArguments) -> Result<(), Failure> {
    if arguments.preset == DATATROVE && arguments.on.is_some() {
        let help = "omit --on, or use another preset";
        return Err(Failure::usage(
            format!("{DATATROVE} does not look for exact duplicates"),
            help,
        ));
    }
    let Some(clusters) = &arguments.clusters else { return Ok(()) };
    if arguments.output.as_ref() == Some(clusters) {
        return Err(Failure::usage(
            "--output and --clusters are the same file",
            "give two different names",
        ));
    }
    if clusters.extension().is_none_or(|e| !e.eq_ignore_ascii_case("parquet")) {
        let message = format!("--clusters {} must be a Parquet file", clusters.display());
        return Err(Failure::usage(message, "give a name that ends with .parquet"));
    }
    check_output(&arguments.input, clusters)
}

fn exact_stage(arguments: &DedupArguments) -> StageTable {
    let on = arguments.on.clone().unwrap_or_else(|| "text".into());
    let keep = arguments.keep.clone().map(|keep| ("keep", Value::from(keep)));
    stage("exact", [Some(("on", on.into())), keep])
}

fn near_stage(arguments: &DedupArguments) -> StageTable {
    let options = [
        Some(("preset", arguments.preset.clone().into())),
        arguments.threshold.map(|threshold| ("threshold", threshold.into())),
        arguments.verify.clone().map(|verify| ("verify", verify.into())),
        arguments.datatrove_files.as_ref().map(|_| ("datatrove_files", true.into())),
        arguments.keep.clone().map(|keep| ("keep", keep.into())),
    ];
    stage("minhash", options)
}

/// A deduplication stage with those of the `options` that are given.
fn stage<const N: usize>(uses: &str, options: [Option<(&str, Value)>; N]) -> StageTable {
    let given = options.into_iter().flatten();
    StageTable {
        uses: Some(uses.into()),
        with: given.map(|(key, value)| (key.to_owned(), value)).collect(),
        ..StageTable::default()
    }
}

/// Moves the files in datatrove's formats out of the run.
fn move_datatrove_files(summary: &pipeline::Summary, folder: &Path) -> Result<(), Failure> {
    const FOLDER: &str = "datatrove/minhash/";
    for file in summary.manifest.files.iter().map(|file| file.path.as_str()) {
        if let Some(name) = file.strip_prefix(FOLDER) {
            store::move_file(&summary.root.join(file), &folder.join(name))?;
        }
    }
    Ok(())
}
