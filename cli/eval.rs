//! `gristmill eval MODEL_DIR SHARDS|TASK.jsonl`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Map, Value, json};
use training::{SourceEvaluation, evaluate_dataset, evaluate_task, load_model_folder};

use crate::arguments::EvalArguments;
use crate::failure::{CHECK_FAILED, Failure};
use crate::output::{columns, human_count};
use crate::printer::Printer;

pub(crate) fn main(
    arguments: &EvalArguments,
    threads: Option<usize>,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    let pool = pipeline::worker_threads(threads)?;
    let mut found = Map::new();
    let mut tables = BTreeMap::new();
    pool.install(|| {
        let folder = load_model_folder(&arguments.model, 0, &arguments.device)?;
        for on in &arguments.on {
            let name = on.display().to_string();
            if on.is_dir() || name.contains("://") {
                let dataset = training::dataset::folder(on)?;
                let (split, most) = (arguments.split.into(), arguments.tokens);
                let rows = evaluate_dataset(&folder, &dataset, split, most)?;
                found.insert(name.clone(), json!({ "sources": rows }));
                tables.insert(name, rows);
            } else {
                let accuracy = evaluate_task(&folder, on)?;
                found.insert(name, json!({ "choices": accuracy }));
            }
        }
        Ok::<(), Failure>(())
    })?;
    if printer.json() {
        printer.object("eval", &found);
    } else {
        for (name, value) in &found {
            printer.data(name);
            if let Some(sources) = tables.get(name) {
                print_sources(sources, printer);
            }
            for (measure, value) in value["choices"].as_object().into_iter().flatten() {
                printer.data(format!("  {measure:<22} {value}"));
            }
        }
    }
    let Some(golden) = &arguments.against else { return Ok(ExitCode::SUCCESS) };
    let worse = regressions(&found, golden, arguments.tolerance)?;
    worse.iter().for_each(|line| printer.say(line));
    Ok(if worse.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(CHECK_FAILED) })
}

fn print_sources(sources: &[SourceEvaluation], printer: Printer) {
    let head = ["source", "tokens", "nats/token", "perplexity", "bits/byte"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(sources.iter().map(|row| {
        vec![
            row.source.clone(),
            human_count(row.evaluation.tokens),
            format!("{:.4}", row.evaluation.nats_per_token),
            format!("{:.2}", row.perplexity),
            format!("{:.4}", row.evaluation.bits_per_byte),
        ]
    }));
    columns(&rows).iter().for_each(|line| printer.data(line));
}

/// One line for each measure that is worse than in an earlier `--json` output by more than the
/// fraction `tolerance`.
fn regressions(
    found: &Map<String, Value>,
    golden: &Path,
    tolerance: f64,
) -> Result<Vec<String>, Failure> {
    let name = golden.display();
    let refused = |error: String| {
        Failure::usage(
            format!("{name}: {error}"),
            "give a file with the output of `gristmill eval --json`",
        )
    };
    let text = std::fs::read_to_string(golden).map_err(|e| refused(e.to_string()))?;
    let golden: Map<String, Value> =
        serde_json::from_str(&text).map_err(|e| refused(e.to_string()))?;
    let mut worse = Vec::new();
    let (before, now) = (measures(&golden), measures(found));
    for (key, (higher_is_better, was)) in before {
        let Some((_, is)) = now.iter().find(|(other, _)| *other == key).map(|(_, value)| *value)
        else {
            worse.push(format!("  {key}: was {was:.4}, not measured now"));
            continue;
        };
        let change = if higher_is_better { was - is } else { is - was };
        if change > tolerance * was.abs() {
            worse.push(format!("  {key}: was {was:.4}, is {is:.4}"));
        }
    }
    Ok(worse)
}

/// All measures by name, each with whether higher is better and its value.
fn measures(found: &Map<String, Value>) -> Vec<(String, (bool, f64))> {
    let mut measures = Vec::new();
    for (on, value) in found {
        for source in value["sources"].as_array().into_iter().flatten() {
            let name = source["source"].as_str().unwrap_or("");
            if let Some(nats) = source["nats_per_token"].as_f64() {
                measures.push((format!("{on}, {name}, nats/token"), (false, nats)));
            }
        }
        if let Some(accuracy) = value["choices"]["accuracy_per_byte"].as_f64() {
            measures.push((format!("{on}, accuracy_per_byte"), (true, accuracy)));
        }
    }
    measures
}
