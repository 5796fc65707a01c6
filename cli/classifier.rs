//! `gristmill classifier train` and `gristmill classifier eval`.

use std::process::ExitCode;

use pipeline::Recipe;
use pipeline::classifier::{Evaluation, LabelledText, LabelledTexts, evaluate};
use pipeline::recipe::{Paths, RecipeTables, SourceTable};
use read::{Fields, Names};
use text::fasttext::{Model, QuantizeOptions, TrainOptions};

use crate::arguments::{ClassifierEvalArguments, ClassifierTrainArguments, Common, LabelArguments};
use crate::failure::Failure;
use crate::output::{columns, human_bytes, human_count};
use crate::printer::Printer;
use crate::progress::Progress;
use crate::run::apply_common;

pub(crate) fn train(
    arguments: &ClassifierTrainArguments,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    let quantized = match arguments.output.extension().and_then(|e| e.to_str()) {
        Some("ftz") => true,
        Some("bin") => false,
        _ => {
            let message = format!("{} cannot be written", arguments.output.display());
            return Err(Failure::usage(message, "give a file name that ends in .ftz or .bin"));
        }
    };
    if !(0.0..1.0).contains(&arguments.held_out) {
        let message = format!("--held-out is {}", arguments.held_out);
        return Err(Failure::usage(
            message,
            "give a fraction of at least 0 and below 1, such as 0.1",
        ));
    }
    let options = options(arguments)?;
    let labelled = read(&arguments.labels, common, arguments.held_out)?;
    let mut model = pipeline::classifier::train(&labelled, &options, &Progress::new(printer))?;
    if quantized {
        let options =
            QuantizeOptions { cutoff: Some(arguments.cutoff), ..QuantizeOptions::default() };
        model = model
            .quantize(&options, None, |_| {})
            .map_err(|error| Failure::usage(error.to_string(), "write a .bin model instead"))?;
    }
    let bytes = model.to_bytes();
    store::write_file(&arguments.output, &bytes)?;
    let evaluation = evaluate(&model, &labelled.held_out);
    if printer.json() {
        let object = serde_json::json!({
            "output": arguments.output,
            "bytes": bytes.len(),
            "trained_on": labelled.training.len(),
            "unusable": labelled.unusable,
            "evaluation": evaluation,
        });
        printer.object("classifier", &object);
    } else {
        printer.say(format!(
            "  trained on {} texts ({} records without text or label skipped) → {}, {}",
            human_count(labelled.training.len() as u64),
            human_count(labelled.unusable),
            arguments.output.display(),
            human_bytes(bytes.len() as u64)
        ));
        show(&evaluation, printer);
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn eval(
    arguments: &ClassifierEvalArguments,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    let path = arguments.model.display();
    let failed =
        |error: String| Failure::usage(format!("{path}: {error}"), "give a fastText model");
    let bytes = std::fs::read(&arguments.model).map_err(|error| failed(error.to_string()))?;
    let model = Model::from_bytes(&bytes).map_err(|error| failed(error.to_string()))?;
    let labelled = read(&arguments.labels, common, 0.0)?;
    let texts: &[LabelledText] = &labelled.training;
    let evaluation = evaluate(&model, texts);
    if printer.json() {
        printer.object("evaluation", &evaluation);
    } else {
        show(&evaluation, printer);
    }
    Ok(ExitCode::SUCCESS)
}

fn options(arguments: &ClassifierTrainArguments) -> Result<TrainOptions, Failure> {
    let subwords = arguments
        .subwords
        .split_once(',')
        .and_then(|(min, max)| Some((min.trim().parse().ok()?, max.trim().parse().ok()?)));
    let Some((min_subword, max_subword)) = subwords else {
        let message = format!("--subwords is `{}`", arguments.subwords);
        return Err(Failure::usage(
            message,
            "give a minimum and a maximum number of characters, such as 3,5",
        ));
    };
    Ok(TrainOptions {
        dim: arguments.dim,
        learning_rate: arguments.learning_rate,
        epochs: arguments.epochs,
        word_ngrams: arguments.word_ngrams,
        min_subword,
        max_subword,
        bucket: arguments.bucket,
        seed: arguments.seed,
        ..TrainOptions::default()
    })
}

fn read(labels: &LabelArguments, common: &Common, held_out: f64) -> Result<LabelledTexts, Failure> {
    let source = SourceTable {
        name: "labels".into(),
        path: Paths::Many(labels.labels.clone()),
        fields: Fields { text: Names::one(&labels.text), ..Fields::default() },
        ..SourceTable::default()
    };
    let mut recipe =
        Recipe::from_tables(RecipeTables { sources: vec![source], ..RecipeTables::default() })?;
    apply_common(&mut recipe, common)?;
    Ok(LabelledTexts::read(&recipe, &labels.label, held_out)?)
}

fn show(evaluation: &Evaluation, printer: Printer) {
    if evaluation.documents == 0 {
        printer.say("  no texts were held out for evaluation");
        return;
    }
    printer.data(format!(
        "  {} texts evaluated, accuracy {:.3}",
        human_count(evaluation.documents),
        evaluation.accuracy
    ));
    let mut rows =
        vec![["label", "texts", "precision", "recall", "AUC"].map(str::to_owned).to_vec()];
    let number =
        |value: Option<f64>| value.map_or_else(|| "–".into(), |value| format!("{value:.3}"));
    for row in &evaluation.labels {
        rows.push(vec![
            row.label.clone(),
            human_count(row.documents),
            number(row.precision),
            number(row.recall),
            number(row.auc),
        ]);
    }
    columns(&rows).iter().for_each(|line| printer.data(line));
}
