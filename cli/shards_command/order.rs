//! `shards pack`, `order` and `explain-step`: which tokens each training step reads.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

use arrow::datatypes::DataType;
use bug::OrBug as _;
use pipeline::PipelineError;
use serde_json::{Value, json};
use shards::dataset::ShardManifest;
use shards::order::{Order, Stage, rows_for_tokens, weights_from_fractions};
use shards::plan::{PlanHeader, Strategy};
use shards::reader::RowReader;
use training::dataset::{PlanOptions, StepDocuments, explain as explain_documents, open_planned};

use super::arguments::{
    ExplainArguments, OrderArguments, PackArguments, Packing, RowArguments, RunArguments,
};
use super::row_order::RowOrder;
use crate::arguments::Common;
use crate::failure::Failure;
use crate::output::{columns, human_count};
use crate::printer::Printer;

/// Columns of the kept documents that are not scores: they identify the document or hold its text.
const NAMES: [&str; 7] = ["doc_id", "id", "url", "source", "date", "text", "cluster_size"];

/// The largest step that is accepted. Up to it, row numbers cannot overflow for any batch size.
const STEP_MAX: u64 = 1 << 40;

/// Maximum number of scores shown.
const SCORES_MAX: usize = 8;

fn options(rows: &RowArguments, sequence_length: u32) -> PlanOptions {
    PlanOptions {
        split: rows.split.into(),
        sequence_length,
        strategy: match rows.packing {
            Packing::Concat => Strategy::Concat,
            Packing::BestFit => Strategy::BestFit,
            Packing::Truncate => Strategy::Truncate,
        },
    }
}

fn failed(error: shards::ShardError) -> Failure {
    Failure::Pipeline(PipelineError::from(error))
}

pub(crate) fn pack(arguments: &PackArguments, printer: Printer) -> Result<ExitCode, Failure> {
    let folder = training::dataset::folder(&arguments.dataset.dataset)?;
    let order = RowOrder::of_dataset(&folder).with_rows(&arguments.rows);
    let options = options(&arguments.rows, order.sequence_length);
    let path = arguments.output.clone();
    let path = if let Some(path) = path {
        path
    } else {
        let root = ShardManifest::read(&folder).map_err(failed)?.root;
        training::dataset::new_plan_path(&folder, &root, options)
    };
    let header = training::dataset::plan(&folder, options, &path)?;
    tell_plan(&header, &path, printer);
    Ok(ExitCode::SUCCESS)
}

fn tell_plan(header: &PlanHeader, path: &Path, printer: Printer) {
    let total = header.statistics();
    if printer.json() {
        let object = json!({ "output": path, "plan": header, "total": total });
        printer.object("plan", &object);
        return;
    }
    let head = [
        "source",
        "rows",
        "documents",
        "tokens",
        "dropped",
        "padding",
        "used",
        "cut documents",
        "most in a row",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let sources = header.sources.iter().map(|source| (source.name.as_str(), &source.statistics));
    let sources = if header.sources.len() > 1 { sources.collect() } else { Vec::new() };
    for (name, of) in sources.into_iter().chain([("all", &total)]) {
        rows.push(vec![
            name.to_owned(),
            human_count(of.rows),
            human_count(of.documents),
            human_count(of.tokens),
            human_count(of.dropped_tokens),
            human_count(of.padding_tokens),
            format!("{:.3} %", of.utilisation() * 100.0),
            human_count(of.fragmented_documents),
            human_count(of.segments_per_row_max),
        ]);
    }
    columns(&rows).iter().for_each(|line| printer.data(line));
    printer.say(format!("  → {}", path.display()));
}

/// Builds the order that the flags describe.
fn order_of(reader: &RowReader, run: &RunArguments, settings: RowOrder) -> Result<Order, Failure> {
    let subject = reader.plan().subject();
    let mut by_step: BTreeMap<u64, BTreeMap<String, f64>> = BTreeMap::new();
    for weight in &run.weights {
        let (step, source, weight) = parse_weight(weight)?;
        if !subject.sources.iter().any(|(name, _)| *name == source) {
            let names: Vec<&str> = subject.sources.iter().map(|(name, _)| name.as_str()).collect();
            let help = format!("the dataset has {}", names.join(", "));
            return Err(Failure::usage(format!("there is no source `{source}`"), help));
        }
        by_step.entry(step).or_default().insert(source, weight);
    }
    let mut stages = Vec::new();
    if !by_step.contains_key(&0) {
        stages.push(Stage {
            first_step: 0,
            batch_rows: settings.batch,
            weights: training::dataset::weights_by_rows(&subject)?,
        });
    }
    for (first_step, given) in by_step {
        let of = |(name, _): &(String, u64)| given.get(name).copied().unwrap_or(0.0);
        let fractions: Vec<f64> = subject.sources.iter().map(of).collect();
        let weights = weights_from_fractions(&fractions).map_err(failed)?;
        stages.push(Stage { first_step, batch_rows: settings.batch, weights });
    }
    let total = run.tokens.map(|n| rows_for_tokens(n, reader.plan().header().sequence_length));
    reader.order(settings.seed, &stages, total).map_err(failed)
}

fn parse_weight(text: &str) -> Result<(u64, String, f64), Failure> {
    let (place, weight) = text.rsplit_once('=').unwrap_or((text, ""));
    let (step, source) = match place.split_once(':') {
        Some((step, source)) if step.bytes().all(|b| b.is_ascii_digit()) && !step.is_empty() => {
            (step.parse().ok(), source)
        }
        _ => (Some(0), place),
    };
    let weight: Option<f64> =
        weight.trim().parse().ok().filter(|w: &f64| w.is_finite() && *w >= 0.0);
    if let (Some(step), Some(weight)) = (step, weight) {
        return Ok((step, source.to_owned(), weight));
    }
    let help = "write `--weight web=0.7`, or `--weight 1000:web=0.2` for a change at step 1000";
    Err(Failure::usage(format!("`--weight {text}` cannot be read"), help))
}

pub(crate) fn order(arguments: &OrderArguments, printer: Printer) -> Result<ExitCode, Failure> {
    let folder = training::dataset::folder(&arguments.dataset.dataset)?;
    let run = &arguments.run;
    let settings = RowOrder::of_dataset(&folder).with_run(run);
    let options = options(&run.rows, settings.sequence_length);
    let reader = open_planned(&folder, options, run.plan.as_deref())?;
    let order = order_of(&reader, run, settings)?;
    let step = arguments.step;
    check_step(&order, step)?;
    let samples = order.samples(step);
    let global: Vec<u64> = samples.iter().map(|sample| sample.row).collect();
    let digest = reader.read(&global).map_err(failed)?.digest();
    let own: BTreeSet<u64> = match (arguments.rank, arguments.world) {
        (Some(rank), Some(world)) => {
            order.rank_rows(step, rank, world).map_err(failed)?;
            (0..samples.len() as u64).filter(|place| place % world == rank).collect()
        }
        _ => (0..samples.len() as u64).collect(),
    };
    let mut lines = Vec::new();
    let mut objects = Vec::new();
    for (place, sample) in (0..).zip(&samples).filter(|(place, _)| own.contains(place)) {
        let documents = reader.documents(sample.row).map_err(failed)?;
        let source = &order.subject().sources[sample.source].0;
        let tokens = reader.read(&[sample.row]).map_err(failed)?.tokens;
        let parts =
            documents.iter().map(|d| format!("{}[{}..{}]", d.number, d.start, d.start + d.length));
        let parts: Vec<String> = parts.collect();
        let mut object = json!({
            "place": place,
            "row": sample.row,
            "source": source,
            "epoch": sample.epoch,
            "documents": parts,
        });
        if arguments.ids {
            object["ids"] = json!(tokens);
        }
        objects.push(object);
        let mut line = vec![
            place.to_string(),
            sample.row.to_string(),
            source.clone(),
            sample.epoch.to_string(),
        ];
        line.push(parts.join(" "));
        if arguments.ids {
            line.push(tokens.iter().map(u32::to_string).collect::<Vec<_>>().join(" "));
        }
        lines.push(line);
    }
    if printer.json() {
        let state = order.state(step);
        let digest = format!("{digest:016x}");
        let object = json!({ "step": step, "digest": digest, "rows": objects, "state": state });
        printer.object("order", &object);
    } else {
        let head = ["place", "row", "source", "epoch", "document[first..last token]"];
        printer.data(head.join("\t"));
        lines.iter().for_each(|line| printer.data(line.join("\t")));
        printer.say(format!(
            "step {step}: {} rows, digest {digest:016x}",
            human_count(samples.len() as u64)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn check_step(order: &Order, step: u64) -> Result<(), Failure> {
    if step > STEP_MAX {
        let message = format!("there is no step {step}: no run is that long");
        return Err(Failure::usage(message, format!("give at most {STEP_MAX}")));
    }
    match order.steps_total() {
        Some(0) => Err(Failure::usage("the order has no steps", "increase --tokens")),
        Some(total) if step >= total => {
            let help = format!("steps go from 0 to {}", total.saturating_sub(1));
            Err(Failure::usage(format!("the order ends before step {step}"), help))
        }
        _ => Ok(()),
    }
}

pub(crate) fn explain(
    arguments: &ExplainArguments,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    let folder = training::dataset::folder(&arguments.dataset.dataset)?;
    let run = &arguments.run;
    let settings = RowOrder::of_dataset(&folder).with_run(run);
    let options = options(&run.rows, settings.sequence_length);
    let reader = open_planned(&folder, options, run.plan.as_deref())?;
    let order = order_of(&reader, run, settings)?;
    check_step(&order, arguments.step)?;
    let found = explain_documents(&reader, &folder, &order, arguments.step)?;
    let scores = match training::dataset::run_of(&folder) {
        Some(root) => scores(root, &found, common)?,
        None => BTreeMap::new(),
    };
    if printer.json() {
        let documents: Vec<Value> = found
            .documents
            .iter()
            .map(|document| {
                let mut object = json!(document);
                let doc_id = document.document.as_ref().map(|row| row.doc_id);
                if let Some(scores) = doc_id.and_then(|doc_id| scores.get(&doc_id)) {
                    object["scores"] = Value::Object(scores.clone());
                }
                object
            })
            .collect();
        let object = json!({ "step": found.step, "digest": found.digest, "documents": documents });
        printer.object("step", &object);
    } else {
        print_documents(&found, &scores, printer);
    }
    Ok(ExitCode::SUCCESS)
}

type Scores = BTreeMap<u64, serde_json::Map<String, Value>>;

/// The scores that stages added to the kept documents of a step, by `doc_id`.
fn scores(root: &Path, found: &StepDocuments, common: &Common) -> Result<Scores, Failure> {
    let ids = found.documents.iter().filter_map(|document| document.document.as_ref());
    let ids: BTreeSet<u64> = ids.map(|row| row.doc_id).collect();
    let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return Ok(Scores::new()) };
    let query = crate::sql_command::open(root, common)?;
    let mut scores = Scores::new();
    let sql = format!("SELECT * FROM docs WHERE doc_id BETWEEN {first} AND {last}");
    for batch in query.rows(&sql)? {
        let batch = batch?;
        let schema = batch.schema();
        let is_score = |name: &str| !NAMES.contains(&name);
        let numbers = schema.fields().iter().enumerate().filter(|(_, field)| {
            let kind = field.data_type();
            (kind.is_numeric() || *kind == DataType::Boolean) && is_score(field.name())
        });
        let mut wanted: Vec<usize> = numbers.map(|(at, _)| at).take(SCORES_MAX).collect();
        wanted.push(schema.index_of("doc_id").or_bug("kept documents have a doc_id")?);
        let batch = batch.project(&wanted).map_err(sql::SqlError::from)?;
        for mut object in crate::sql_command::objects(&batch)? {
            let doc_id = object.remove("doc_id").and_then(|id| id.as_u64());
            if let Some(doc_id) = doc_id.filter(|doc_id| ids.contains(doc_id)) {
                scores.insert(doc_id, object);
            }
        }
    }
    Ok(scores)
}

fn print_documents(found: &StepDocuments, scores: &Scores, printer: Printer) {
    let names: BTreeSet<&String> = scores.values().flat_map(serde_json::Map::keys).collect();
    let mut head = vec!["document", "tokens", "rows", "source", "id", "url"];
    head.extend(names.iter().map(|name| name.as_str()));
    printer.data(head.join("\t"));
    for document in &found.documents {
        let row = document.document.as_ref();
        let text = |of: Option<&String>| of.cloned().unwrap_or_default();
        let mut line = vec![
            document.number.to_string(),
            document.tokens.to_string(),
            document.places.len().to_string(),
            text(row.and_then(|row| row.source.as_ref())),
            text(row.and_then(|row| row.id.as_ref())),
            text(row.and_then(|row| row.url.as_ref())),
        ];
        let scores = row.and_then(|row| scores.get(&row.doc_id));
        line.extend(names.iter().map(|name| {
            scores.and_then(|scores| scores.get(*name)).map(Value::to_string).unwrap_or_default()
        }));
        printer.data(line.join("\t"));
    }
    let n = human_count(found.documents.len() as u64);
    printer.say(format!("step {}: {n} documents, digest {}", found.step, found.digest));
}
